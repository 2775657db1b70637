//! Going on with another configuration, with the real binary on the real kernel.

use edgeban_tests::lab::{Edgeban, Lab, LogFile, Signal, eventually, failure, numbered, text};
use edgeban_tests::said::{Said, say};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A daemon and its configuration's file.
struct World {
    edgeban: Edgeban,
    config: String,
    /// As the file was at the start, for those who ask while it is broken.
    good: String,
    // Dropped last: what the others say lies in its directory.
    lab: Lab,
}

impl World {
    fn new(lab: Lab, text: &str) -> Self {
        let (config, good) = (lab.config(text), lab.config(text));
        let edgeban = lab.start_file(&config);
        Self { edgeban, config, good, lab }
    }

    fn say(&self, arguments: &[&str]) -> Said {
        say(self.lab.edgeban(&[arguments, &["--config", &self.config]].concat()), "")
    }

    /// Writes another configuration and makes the daemon go on with it. Returns what it said.
    #[track_caller]
    fn reload(&self, text: &str) -> String {
        fs::write(&self.config, text).unwrap();
        self.say(&["reload"]).ok(&["reload"])
    }

    /// Writes a configuration with which the daemon must not go on, and why.
    #[track_caller]
    fn refuses(&self, text: &str, why: &str) {
        let log = self.edgeban.log();
        let marks = self.marks();
        fs::write(&self.config, text).unwrap();
        let said = self.say(&["reload"]);
        said.fails(&["reload"], 1, why);
        assert!(said.err.ends_with("edgeban: not reloaded: the configuration stays as it was\n"), "{}", said.err);
        let new = self.edgeban.log()[log.len()..].to_owned();
        assert!(new.contains(&format!("edgeban: error: {why}")), "{new}");
        self.edgeban.signal(Signal::HUP);
        eventually("SIGHUP is answered", || {
            (self.edgeban.log()[log.len()..].matches("not reloaded: the configuration stays").count() == 2)
                .then_some(())
        });
        assert_eq!(self.marks(), marks);
    }

    /// What must not change with a configuration that does not do.
    fn marks(&self) -> (Vec<Value>, String, BTreeSet<IpAddr>) {
        let status = self.status();
        let ruleset = self.lab.nft(&["-a", "-t", "list", "ruleset"]).unwrap();
        (status["jails"].as_array().unwrap().clone(), ruleset, self.lab.banned())
    }

    fn status(&self) -> Value {
        let arguments = ["status", "--json", "--config", &self.good];
        serde_json::from_str(&say(self.lab.edgeban(&arguments), "").ok(&arguments)).unwrap()
    }

    /// The bans of each jail.
    fn jails(&self) -> Vec<(String, u64)> {
        let status = self.status();
        let jails = status["jails"].as_array().unwrap().iter();
        jails.map(|jail| (jail["jail"].as_str().unwrap().to_owned(), jail["banned"].as_u64().unwrap())).collect()
    }

    fn descriptors(&self) -> usize {
        let directory = format!("/proc/{}/fd", self.status()["pid"]);
        let count = || fs::read_dir(&directory).unwrap().count();
        // Until that of the client who just asked is closed.
        let mut last = 0;
        eventually("the number of descriptors stays", || {
            let before = std::mem::replace(&mut last, count());
            thread::sleep(Duration::from_millis(50));
            (before == last).then_some(last)
        })
    }
}

fn log(lab: &Lab, name: &str) -> LogFile {
    LogFile::open(lab.dir().join(name))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// `[jails.NAME]` with the filter `sshd`.
fn jail(name: &str, log: &LogFile, more: &str) -> String {
    format!("[jails.{name}]\nfilter = \"sshd\"\nlogpath = {:?}\n{more}\n", log.name())
}

#[test]
fn a_broken_file_changes_nothing_and_says_why_with_line_and_column() {
    let lab = Lab::new();
    let mut auth = log(&lab, "auth.log");
    let good = jail("sshd", &auth, "maxretry = 2");
    let world = World::new(lab, &good);
    auth.failures([numbered(1), numbered(1), numbered(2)]);
    world.lab.wait_for_bans([numbered(1)]);

    let at = |place: &str, what: &str| format!("{}:{place}: {what}", world.config);
    world.refuses(&format!("{good}bantime = \"1 parsec\"\n"), &at("5:11", "`1 parsec` is not understood"));
    world.refuses("[jails.sshd\n", &at("1:12", "unclosed table"));
    world.refuses(&format!("{good}[jails.x]\n"), &at("5:8", "jail `x` has no filter"));
    let fixed = |key: &str, is: &str, other: &str| {
        format!("[global] {key} needs a restart: it is \"{is}\", and would be \"{other}\"")
    };
    // Which daemon is meant is said by the file, so only the signal reaches it.
    for (key, is, other) in [("run_dir", "/run/edgeban", "/run/x"), ("table", "edgeban", "other")] {
        let log = world.edgeban.log();
        fs::write(&world.config, format!("[global]\n{key} = {other:?}\n{good}")).unwrap();
        world.say(&["reload"]).fails(&["reload"], 6, "no edgeban runs");
        world.edgeban.signal(Signal::HUP);
        eventually("the signal is refused", || {
            world.edgeban.log()[log.len()..].contains(&fixed(key, is, other)).then_some(())
        });
    }
    world.refuses(&format!("[global]\nbackend = \"iptables\"\n{good}"), &fixed("backend", "nftables", "iptables"));
    world.refuses(
        &format!("[global]\nhook = \"ingress\"\ndevices = [\"nosuch0\"]\n{good}"),
        "there is no device nosuch0 ([global] devices)",
    );
    fs::remove_file(&world.config).unwrap();
    world.say(&["reload"]).fails(&["reload"], 1, &format!("{}: cannot be read: ENOENT", world.config));

    // All of that left the daemon as it was: the second failure is the second.
    auth.failure(numbered(2));
    world.lab.wait_for_bans([numbered(1), numbered(2)]);
    assert_eq!(world.reload(&good), "reloaded: 1 jails, 0 of them new, 0 ended; 1 log files; 0 bans lifted\n");
    // What was named by its own name may be called automatic, and the other way round.
    let _ = world.reload(&format!("[global]\nbackend = \"nftables\"\n{good}"));
}

#[test]
fn the_kernel_is_asked_before_anything_changes() {
    let lab = Lab::new();
    let auth = log(&lab, "auth.log");
    let good = jail("sshd", &auth, "");
    let world = World::new(lab, &good);
    let pid = world.status()["pid"].to_string();
    let marks = world.marks();
    // What is sent first is the table that would be.
    let mut strace = Command::new("strace");
    strace.args(["-p", &pid, "-e", "trace=sendto", "-e", "inject=sendto:error=ENOBUFS:when=1"]);
    let (mut child, said) = traced(strace);
    fs::write(&world.config, format!("[global]\nhook = \"prerouting\"\n{good}")).unwrap();
    world.say(&["reload"]).fails(&["reload"], 1, "netlink socket to netfilter: ENOBUFS");
    child.kill().unwrap();
    child.wait().unwrap();
    let said = said.join().unwrap();
    assert!(said.contains("AF_NETLINK") && said.contains("(INJECTED)"), "{said}");
    assert_eq!(world.marks(), marks);
    assert!(world.say(&["reload"]).ok(&["reload"]).starts_with("reloaded: "));
}

/// Starts strace and waits until it has attached. What it says afterwards comes when it ends.
fn traced(mut strace: Command) -> (Child, JoinHandle<String>) {
    let mut child = strace.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    stderr.read_line(&mut line).unwrap();
    assert!(line.contains("attached"), "{line}");
    (
        child,
        thread::spawn(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            said
        }),
    )
}

#[test]
fn jails_are_known_by_their_names_and_bans_and_attempts_stay_with_them() {
    let lab = Lab::new();
    let (mut a, mut b, mut c) = (log(&lab, "a.log"), log(&lab, "b.log"), log(&lab, "c.log"));
    let (text_a, text_b, text_c) =
        (jail("a", &a, "maxretry = 3"), jail("b", &b, "maxretry = 3"), jail("c", &c, "maxretry = 3\nbantime = \"1h\""));
    let world = World::new(lab, &format!("{text_a}{text_b}{text_c}"));
    let [one, two, three, four, five] = [1, 2, 3, 4, 5].map(numbered);
    for _ in 0..3 {
        a.failure(one);
        b.failure(two);
        c.failure(three);
    }
    a.failures([four, four]);
    c.failures([four, four]);
    world.lab.wait_for_bans([one, two, three]);
    assert_eq!(world.say(&["ban", "203.0.113.9"]).code, Some(0));
    world.edgeban.wait_for_lines(13);

    // The first is gone, the second disabled, the third stands first, and there is a new one.
    let text_d = jail("d", &b, "maxretry = 1");
    let said = world.reload(&format!("{text_c}{text_d}{text_b}enabled = false\n"));
    assert_eq!(said, "reloaded: 2 jails, 1 of them new, 2 ended; 2 log files; 2 bans lifted\n");
    assert_eq!(world.lab.banned(), [three, ip("203.0.113.9")].into());
    let names = |jails: Vec<(String, u64)>| jails.into_iter().filter(|(_, bans)| *bans > 0).collect::<Vec<_>>();
    assert_eq!(names(world.jails()), [("c".to_owned(), 1), ("manual".to_owned(), 1)]);
    assert!(world.lab.bans()[&three].lasts(3600), "a ban keeps its end");

    // Two attempts were counted by the third jail, and are by nobody else.
    a.failure(four);
    b.failure(five);
    c.failure(four);
    world.lab.wait_for_bans([three, four, five, ip("203.0.113.9")]);
    assert_eq!(names(world.jails()), [("d".to_owned(), 1), ("c".to_owned(), 2), ("manual".to_owned(), 1)]);
    // Back again, with nothing on record.
    let _ = world.reload(&format!("{text_a}{text_b}{text_c}"));
    a.failures([two, two]);
    b.failures([two, two]);
    world.edgeban.wait_for_lines(19);
    assert_eq!(world.lab.banned(), [three, four, ip("203.0.113.9")].into());
    b.failure(two);
    world.lab.wait_for_bans([two, three, four, ip("203.0.113.9")]);
    for line in ["jail d: filter sshd, maxretry 1 within 10m", "unbanned ", "reloaded: 3 jails, 2 of them new, 1 ended"]
    {
        world.edgeban.wait_for_log(line);
    }
}

#[test]
fn what_is_protected_now_is_let_go_and_a_new_time_holds_for_new_bans() {
    let lab = Lab::new();
    let mut auth = log(&lab, "auth.log");
    let text = |more: &str| jail("sshd", &auth, &format!("maxretry = 1\n{more}"));
    let (before, after) =
        (text("bantime = \"1h\""), text("bantime = \"2h\"\nignoreip = [\"10.9.0.0/29\", \"2001:db8:9::/64\"]"));
    let world = World::new(lab, &before);
    auth.failures([2, 3, 20].map(numbered));
    world.lab.wait_for_bans([2, 3, 20].map(numbered));
    for arguments in [&["ban", "10.9.0.4"][..], &["ban", "10.9.0.5", "--force"], &["ban", "2001:db8:9::/80"]] {
        let _ = world.say(arguments).ok(arguments);
    }
    assert_eq!(world.reload(&after), "reloaded: 1 jails, 0 of them new, 0 ended; 1 log files; 4 bans lifted\n");
    assert_eq!(world.lab.banned(), [numbered(20), ip("10.9.0.5")].into(), "what was forced stays");
    assert!(!world.lab.nft(&["list", "ruleset"]).unwrap().contains("2001:db8:9::/80"));
    auth.failures([2, 22].map(numbered));
    world.lab.wait_for_bans([numbered(20), numbered(22), ip("10.9.0.5")]);
    let bans = world.lab.bans();
    assert!(bans[&numbered(20)].lasts(3600) && bans[&numbered(22)].lasts(7200), "{bans:?}");
}

#[test]
fn log_files_come_and_go_and_those_that_stay_lose_nothing() {
    let lab = Lab::new();
    let (mut a, mut b, mut c) = (log(&lab, "a.log"), log(&lab, "b.log"), log(&lab, "c.log"));
    let text = |files: &[&LogFile]| {
        let names: Vec<&str> = files.iter().map(|file| file.name()).collect();
        format!("[jails.sshd]\nmaxretry = 1\nlogpath = {names:?}\n")
    };
    let (before, after) = (text(&[&a, &b]), text(&[&c, &b]));
    c.failure(numbered(1));
    let world = World::new(lab, &before);
    a.failure(numbered(2));
    // The daemon sees the first half of a line, and is told to go on.
    let line = failure(numbered(3));
    let (head, tail) = line.split_at(40);
    b.write(head);
    world.lab.wait_for_bans([numbered(2)]);
    let descriptors = world.descriptors();
    for (n, text) in [&after, &before, &after].into_iter().enumerate() {
        let _ = world.reload(text);
        let n = u16::try_from(n).unwrap();
        for (file, base) in [(&mut a, 100), (&mut c, 200)] {
            file.failure(numbered(base + n));
        }
    }
    b.write(tail);
    world.lab.wait_for_bans([2, 200, 101, 202, 3].map(numbered));
    assert_eq!(world.descriptors(), descriptors, "what is not followed any more is closed");
    let counters = world.edgeban.stop();
    let files: Vec<_> = counters.files.iter().map(|(path, file)| (path.as_str(), file.lines)).collect();
    assert_eq!(files, [(b.name(), 1), (c.name(), 1)]);
}

#[test]
fn a_flood_is_read_to_its_last_line_while_the_configuration_changes() {
    const LINES: u32 = 60_000;
    let lab = Lab::new();
    let mut auth = log(&lab, "auth.log");
    let other = log(&lab, "other.log");
    let main = jail("main", &auth, "maxretry = 3\nbantime = \"1h\"");
    let text = [
        format!("{main}{}", jail("late", &auth, "maxretry = 10000")),
        main.clone(),
        format!("{}{main}", jail("early", &other, "maxretry = 4")),
        format!("{}{}{main}", jail("early", &auth, "enabled = false"), jail("another", &other, "")),
    ];
    let world = World::new(lab, &text[1]);
    let ready = AtomicBool::new(false);
    let reloads = thread::scope(|scope| {
        let writer = scope.spawn(|| {
            // Each address three times, far apart, in pieces that do not end with a line.
            let lines: Vec<u8> = (0..LINES)
                .flat_map(|n| failure(numbered(u16::try_from(n % (LINES / 3)).unwrap())).into_bytes())
                .collect();
            for piece in lines.chunks(50_001) {
                auth.write(piece);
                thread::sleep(Duration::from_millis(2));
            }
            ready.store(true, Ordering::Relaxed);
        });
        let mut reloads = 0;
        while !ready.load(Ordering::Relaxed) {
            let _ = world.reload(&text[reloads % text.len()]);
            reloads += 1;
        }
        writer.join().unwrap();
        reloads
    });
    assert!(reloads >= 8, "only {reloads} reloads");
    world.edgeban.wait_for_lines(LINES.into());
    let banned: BTreeSet<IpAddr> = (0..LINES / 3).map(|n| numbered(u16::try_from(n).unwrap())).collect();
    eventually("all are banned", || (world.status()["waiting"] == 0).then_some(()));
    assert_eq!(world.lab.banned().len(), banned.len());
    assert_eq!(world.lab.banned(), banned);
    let counters = world.edgeban.stop();
    assert_eq!((counters.lines, counters.bans, counters.unbans), (LINES.into(), u64::from(LINES / 3), 0));
}

#[test]
fn another_layout_takes_the_bans_over() {
    let lab = Lab::new();
    let mut auth = log(&lab, "auth.log");
    let text = |global: &str| format!("[global]\n{global}\n{}", jail("sshd", &auth, "maxretry = 2\nbantime = \"1h\""));
    let plain = text("");
    let layouts = [
        ("hook = \"prerouting\"", "type filter hook prerouting priority"),
        ("hook = \"forward\"\nverdict = \"reject\"", "reject"),
        ("hook = \"ingress\"\ndevices = [\"wan\"]", "type filter hook ingress"),
        ("counters = true", "counter packets 0 bytes 0 timeout"),
        ("hook = \"prerouting\"\ncounters = true\nprotect_table = true", "flags owner"),
        ("", "type filter hook input priority"),
    ]
    .map(|(global, shows)| (text(global), shows));
    let world = World::new(lab, &plain);
    let bans = |n: u16| (0..n).map(|n| numbered(n * 2 + 1)).chain([ip("203.0.113.9"), ip("203.0.113.10")]);
    for n in 0..700 {
        auth.failures([numbered(n * 2 + 1), numbered(n * 2 + 1)]);
    }
    for arguments in
        [&["ban", "203.0.113.9"][..], &["ban", "203.0.113.10", "--for=permanent"], &["ban", "198.51.100.0/25"]]
    {
        let _ = world.say(arguments).ok(arguments);
    }
    world.lab.wait_for_bans(bans(700));
    auth.failure(numbered(0));
    for (n, (text, shows)) in (0..).zip(&layouts) {
        let said = world.reload(text);
        assert_eq!(said, "reloaded: 1 jails, 0 of them new, 0 ended; 1 log files; 0 bans lifted\n");
        let ruleset = world.lab.nft(&["list", "ruleset"]).unwrap();
        assert!(ruleset.contains(shows), "{shows}: {ruleset}");
        assert_eq!(ruleset.matches("hook ").count(), 1, "the former chain is gone: {ruleset}");
        assert!(ruleset.contains("198.51.100.0/25"), "{ruleset}");
        world.lab.wait_for_bans(bans(700));
        assert_eq!(world.jails(), [("sshd".to_owned(), 700), ("manual".to_owned(), 2)]);
        assert!(world.lab.bans()[&numbered(1)].timeout.is_some_and(|secs| secs <= 3600));
        assert_eq!(world.lab.bans()[&ip("203.0.113.10")].timeout, None);
        // What was counted before is counted still.
        auth.failure(numbered(n * 2));
        world.edgeban.wait_for_log(&format!("banned {} by sshd for 3600s", numbered(n * 2)));
        assert_eq!(world.say(&["unban", &numbered(n * 2).to_string()]).code, Some(0));
        auth.failure(numbered(n * 2 + 2));
    }
    let bans = world.edgeban.log().matches(&format!("banned {} by", numbered(1))).count();
    assert_eq!(bans, 1, "a ban that stays is told once");
}

#[test]
fn prefixes_become_longer_and_shorter() {
    let lab = Lab::new();
    let mut auth = log(&lab, "auth.log");
    let text = |global: &str| format!("[global]\n{global}\n{}", jail("sshd", &auth, "maxretry = 2"));
    let (plain, wide) = (text(""), text("ipv6_prefix = 64"));
    let world = World::new(lab, &plain);
    let [v4, a, b, c] = ["192.0.2.9", "2001:db8:1::1", "2001:db8:1::2", "2001:db8:2::1"].map(ip);
    auth.failures([v4, a, b, c].into_iter().flat_map(|addr| [addr, addr]));
    auth.failures([ip("192.0.2.10"), ip("2001:db8:3::1")]);
    world.lab.wait_for_bans([v4, a, b, c]);
    assert_eq!(world.reload(&wide), "reloaded: 1 jails, 0 of them new, 0 ended; 1 log files; 0 bans lifted\n");
    let list = world.say(&["list"]).ok(&["list"]);
    let listed: BTreeSet<&str> = list.lines().map(|line| line.split(' ').next().unwrap()).collect();
    assert_eq!(listed, ["192.0.2.9", "2001:db8:1::/64", "2001:db8:2::/64"].into(), "{list}");
    assert_eq!(world.jails(), [("sshd".to_owned(), 3), ("manual".to_owned(), 0)]);
    // IPv4 is counted as before, IPv6 anew.
    auth.failures([ip("192.0.2.10"), ip("2001:db8:3::2")]);
    world.edgeban.wait_for_log("banned 192.0.2.10 by sshd");
    auth.failure(ip("2001:db8:3::3"));
    world.edgeban.wait_for_log("banned 2001:db8:3:: by sshd");
    assert_eq!(world.reload(&plain), "reloaded: 1 jails, 0 of them new, 0 ended; 1 log files; 3 bans lifted\n");
    world.lab.wait_for_bans([v4, ip("192.0.2.10")]);
    assert_eq!(world.edgeban.log().matches("unbanned ").count(), 3);
}

#[test]
fn legacy_backends_move_to_another_hook() {
    for backend in ["iptables", "ipset"] {
        let lab = Lab::new();
        let mut auth = log(&lab, "auth.log");
        let text = |hook: &str| {
            format!("[global]\nbackend = {backend:?}\nhook = {hook:?}\n{}", jail("sshd", &auth, "maxretry = 1"))
        };
        let texts = ["input", "forward", "prerouting", "input"].map(|hook| (hook, text(hook)));
        let world = World::new(lab, &texts[0].1);
        auth.failures([1, 2, 3, 4].map(numbered));
        eventually("four are banned", || (world.status()["banned"] == 4).then_some(()));
        let tables = |command: &str| ["raw", "filter"].map(|table| text_of(&world.lab, command, table)).concat();
        let listed =
            |said: Said| said.ok(&["list"]).lines().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
        for (hook, text) in &texts[1..] {
            let _ = world.reload(text);
            for command in ["iptables-legacy-save", "ip6tables-legacy-save"] {
                let rules = tables(command);
                let chain = hook.to_uppercase();
                let jumps: Vec<&str> = rules.lines().filter(|line| line.ends_with("-j edgeban")).collect();
                assert_eq!(jumps, [format!("-A {chain} -j edgeban")], "{backend}: {rules}");
                assert_eq!(rules.matches("\n:edgeban ").count(), 1, "{backend}: {rules}");
            }
            let banned: BTreeSet<String> = listed(world.say(&["list"]));
            assert_eq!(banned, [1, 2, 3, 4].map(|n| numbered(n).to_string()).into(), "{backend}");
        }
        auth.failure(numbered(5));
        eventually("five are banned", || (world.status()["banned"] == 5).then_some(()));
        assert_eq!(world.status()["backend"], backend);
        let what = if backend == "iptables" { "it has no hook ingress" } else { "it counts no packets" };
        let bad = if backend == "iptables" { "hook = \"ingress\"\ndevices = [\"wan\"]" } else { "counters = true" };
        fs::write(&world.config, format!("[global]\nbackend = {backend:?}\n{bad}\n{}", jail("sshd", &auth, "")))
            .unwrap();
        world.say(&["reload"]).fails(
            &["reload"],
            1,
            &format!("backend {backend} cannot do what is configured: {what}"),
        );
    }
}

fn text_of(lab: &Lab, command: &str, table: &str) -> String {
    text(lab.router(command).args(["-t", table])).unwrap()
}

#[test]
fn other_settings_follow() {
    let lab = Lab::new();
    let mut auth = log(&lab, "auth.log");
    let text = |global: &str, more: &str| {
        format!("[global]\n{global}\n{}", jail("sshd", &auth, &format!("maxretry = 2\n{more}")))
    };
    let quiet = text("log_level = \"debug\"\nkill_connections = true", "ignoreself = false");
    let first = text("", "ignoreself = false");
    let own = text("on_stop = \"remove\"", "ignoreself = true");
    let world = World::new(lab, &first);
    let descriptors = world.descriptors();
    let router: IpAddr = edgeban_tests::lab::ROUTER_V4.into();
    let _ = world.reload(&quiet);
    assert_eq!(world.descriptors(), descriptors + 2, "two sockets to cut connections");
    auth.failure(router);
    world.edgeban.wait_for_log(&format!("sshd: attempt of {router}, 1 of 2"));
    auth.failure(router);
    world.lab.wait_for_bans([router]);
    // Its own address is known before anything goes on, and is let go.
    assert_eq!(world.reload(&own), "reloaded: 1 jails, 0 of them new, 0 ended; 1 log files; 1 bans lifted\n");
    assert_eq!(world.descriptors(), descriptors + 1, "one to rtnetlink");
    assert!(world.lab.banned().is_empty());
    auth.failures([router, router, numbered(1), numbered(1)]);
    world.lab.wait_for_bans([numbered(1)]);
    assert!(!world.edgeban.log().contains(&format!("attempt of {}", numbered(1))), "not at level info");
    let lab = world.lab;
    world.edgeban.stop();
    assert!(lab.table("edgeban").is_none(), "on_stop is the new one");
}
