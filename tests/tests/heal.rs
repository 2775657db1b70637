//! What others do to our table, with the real binary on the real kernel: everything is back soon, exactly, and the log
//! says who did it.
//!
//! The times that are printed (`cargo test --test heal -- --nocapture`) run from the start of nft, which takes some
//! milliseconds itself, to the kernel's notice of the last that the daemon did, as a third process hears it.

use edgeban_tests::lab::{ATTACKERS_V4, Ban, DEADLINE, Edgeban, Lab, LogFile, ROUTER_V4, Signal, eventually, numbered};
use edgeban_tests::monitor::Monitor;
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Everything must be back by then; the goal is 50 ms.
const GENEROUS: Duration = Duration::from_secs(1);

/// A lab with a daemon, and three logs: their failures are banned for an hour, for two days, and for good.
struct World {
    edgeban: Option<Edgeban>,
    logs: [LogFile; 3],
    jails: String,
    config: String,
    lab: Lab,
}

impl World {
    fn new(global: &str) -> Self {
        let lab = Lab::new();
        let times = ["1h", "2d", "permanent"];
        let logs = times.map(|time| LogFile::open(lab.dir().join(format!("{time}.log"))));
        let mut jails = String::from("[defaults]\nmaxretry = 1\n");
        for (time, log) in times.iter().zip(&logs) {
            jails +=
                &format!("[jails.for-{time}]\nfilter = \"sshd\"\nbantime = \"{time}\"\nlogpath = {:?}\n", log.path());
        }
        let mut world = Self { edgeban: None, logs, jails, config: String::new(), lab };
        world.start(global);
        world
    }

    /// Starts a daemon with these lines in `[global]`.
    fn start(&mut self, global: &str) {
        self.config = self.lab.config(&format!("[global]\n{global}\n{}", self.jails));
        self.edgeban = Some(self.lab.start_file(&self.config));
    }

    fn edgeban(&self) -> &Edgeban {
        self.edgeban.as_ref().unwrap()
    }

    fn nft(&self, arguments: &[&str]) {
        self.lab.nft(arguments).unwrap();
    }

    /// Bans this many more or less evenly for the three times.
    fn ban(&mut self, addrs: impl IntoIterator<Item = IpAddr>) {
        let mut lines = [const { String::new() }; 3];
        for (n, addr) in addrs.into_iter().enumerate() {
            lines[n % 3] += &edgeban_tests::lab::failure(addr);
        }
        for (log, lines) in self.logs.iter_mut().zip(lines) {
            log.write(lines);
        }
    }

    /// What `edgeban list` says, in seconds that are left; `None` is for good.
    fn list(&self) -> BTreeMap<IpAddr, Option<u64>> {
        listed(&self.lab, &self.config).into_iter().map(|(addr, left)| (ip(&addr), left)).collect()
    }

    fn state(&self) -> State {
        State { at: Instant::now(), bans: self.lab.bans(), rules: rules(&self.lab) }
    }

    /// Waits until everything is as it was, and holds `edgeban list` against the kernel.
    #[track_caller]
    fn wait_for(&self, before: &State) {
        let mut why = String::new();
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            // The table may be gone in this moment.
            if self.lab.table("edgeban").is_some() {
                let now = self.state();
                match before.differs(&now) {
                    None => return self.list_is_right(&now),
                    Some(difference) => why = difference,
                }
            }
            thread::sleep(Duration::from_millis(20));
        }
        panic!("not as it was: {why}");
    }

    #[track_caller]
    fn list_is_right(&self, now: &State) {
        let list = self.list();
        assert_eq!(list.len(), now.bans.len());
        for (addr, left) in list {
            assert!(same(left, now.bans[&addr].left), "{addr}: {left:?} by edgeban, {:?} by nft", now.bans[&addr]);
        }
    }

    /// The numbers of the line about the table: disturbed, audits, refused, lost, unadopted.
    fn link(&self) -> [u64; 5] {
        let before = self.edgeban().log().len();
        self.edgeban().signal(Signal::USR1);
        eventually("edgeban says what happened to its table", || {
            let log = self.edgeban().log();
            let line = log[before..].lines().find(|line| line.contains(" changes by others"))?.to_owned();
            let numbers = line.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok());
            Some(numbers.collect::<Vec<u64>>().try_into().unwrap_or_else(|_| panic!("{line}")))
        })
    }

    /// Runs nft, waits until everything is back, and returns how long it took from the start of nft to the kernel's notice
    /// of the last that the daemon did about it.
    #[track_caller]
    fn disturb(&self, before: &State, arguments: &[&str]) -> Duration {
        let log = self.edgeban().log().len();
        let monitor = self.lab.on_router(Monitor::open);
        let start = Instant::now();
        self.nft(arguments);
        let changes = monitor.changes(Duration::from_millis(300));
        self.wait_for(before);
        let after: Vec<_> = changes.iter().skip_while(|change| change.by != "nft").collect();
        let took = match after[..] {
            [_, .., last] => last.at - start,
            _ => panic!("nobody did anything about {arguments:?}: {changes:?}"),
        };
        assert!(took < GENEROUS, "{arguments:?}: {took:?}, {changes:?}");
        let said = &self.edgeban().log()[log..];
        assert!(said.contains(" by nft (pid "), "{arguments:?}: {said}");
        assert!(said.contains(" is as it should be again, "), "{arguments:?}: {said}");
        took
    }
}

/// What the kernel holds of our table.
struct State {
    at: Instant,
    bans: BTreeMap<IpAddr, Ban>,
    rules: Vec<Value>,
}

fn same(a: Option<u64>, b: Option<u64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.abs_diff(b) <= 2,
        (a, b) => a == b,
    }
}

impl State {
    /// What is other than `self`, with the time gone by.
    fn differs(&self, now: &Self) -> Option<String> {
        if self.rules != now.rules {
            return Some(format!("rules {:#?} instead of {:#?}", now.rules, self.rules));
        }
        if let Some(addr) = now.bans.keys().find(|addr| !self.bans.contains_key(addr)) {
            return Some(format!("{addr} is banned"));
        }
        let gone = (now.at - self.at).as_secs();
        self.bans.iter().find_map(|(addr, before)| match now.bans.get(addr) {
            Some(ban) if same(ban.left, before.left.map(|left| left.saturating_sub(gone))) => None,
            other => Some(format!("{addr}: {other:?} instead of {before:?} {gone} s ago")),
        })
    }
}

/// The table without its elements and handles: sets, chains and rules, in their order.
fn rules(lab: &Lab) -> Vec<Value> {
    let mut objects = lab.table("edgeban").unwrap();
    for object in &mut objects {
        for what in ["table", "set", "chain", "rule"] {
            if let Some(fields) = object.get_mut(what).and_then(Value::as_object_mut) {
                fields.remove("handle");
                fields.remove("elem");
            }
        }
    }
    objects
}

/// What `edgeban list` says, in seconds that are left.
fn listed(lab: &Lab, config: &str) -> BTreeMap<String, Option<u64>> {
    let output = lab.edgeban(&["list", "--config", config]).output().unwrap();
    assert_eq!((output.status.code(), &*output.stderr), (Some(0), &b""[..]));
    let line = |line: &str| {
        let mut words = line.split(' ');
        let addr = words.next().unwrap().to_owned();
        (addr, words.next().unwrap().strip_suffix('s').map(|left| left.parse().unwrap()))
    };
    String::from_utf8(output.stdout).unwrap().lines().map(line).collect()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn whatever_others_take_away_is_back_at_once() {
    let mut world = World::new("");
    world.nft(&[
        "add table inet other; add set inet other s { type ipv4_addr; }; add element inet other s { 192.0.2.9 }",
    ]);
    let addrs: Vec<IpAddr> = (0..1000).map(numbered).collect();
    world.ban(addrs.iter().copied());
    world.lab.wait_for_bans(addrs.iter().copied());
    let before = world.state();
    let restart = world.lab.dir().join("firewall.nft");
    std::fs::write(
        &restart,
        "flush ruleset\ntable inet firewall {\n\tchain input { type filter hook input priority 0; policy accept; }\n}\n",
    )
    .unwrap();
    let restart = restart.to_str().unwrap();
    let one = format!("delete element inet edgeban banned_ipv4 {{ {} }}", numbered(8));
    for arguments in [
        &["flush", "ruleset"][..],
        &["delete table inet edgeban"],
        &["flush set inet edgeban banned_ipv4"],
        &["flush set inet edgeban banned_ipv6"],
        &["flush chain inet edgeban input"],
        &[&one],
        &["insert rule inet edgeban input accept"],
        &["add rule inet edgeban input accept"],
        &["add table inet edgeban { flags dormant; }"],
        &["flush chain inet edgeban input; delete chain inet edgeban input"],
        &["flush table inet edgeban"],
        &["-f", restart],
        &["-f", restart],
    ] {
        let took = world.disturb(&before, arguments);
        println!("1,000 bans, nft {}: {took:?}", arguments.join(" "));
    }
    assert!(world.lab.table("firewall").is_some());
    assert!(world.edgeban().log().contains("emptied or removed by nft (pid "));
    // Bans are made once.
    assert_eq!(world.edgeban.take().unwrap().stop().bans, 1000);
}

#[test]
fn the_cost_of_a_flush_grows_with_the_bans() {
    for count in [1, 1000, 20_000] {
        let mut world = World::new("");
        let addrs: Vec<IpAddr> = (0..count).map(numbered).collect();
        world.ban(addrs.iter().copied());
        world.lab.wait_for_bans(addrs.iter().copied());
        let before = world.state();
        for _ in 0..2 {
            println!("{count} bans, nft flush ruleset: {:?}", world.disturb(&before, &["flush", "ruleset"]));
        }
        if count <= 1000 {
            println!(
                "{count} bans, nft flush set: {:?}",
                world.disturb(&before, &["flush set inet edgeban banned_ipv4"])
            );
        } else {
            // Perhaps more notices than the socket holds: then nobody knows who it was, and the last one is not blamed.
            let log = world.edgeban().log().len();
            world.nft(&["flush set inet edgeban banned_ipv4"]);
            world.wait_for(&before);
            let said = eventually("edgeban says that it mended it", || {
                let log = world.edgeban().log()[log..].to_owned();
                log.contains(" is as it should be again, ").then_some(log)
            });
            let (_, by) = said.split_once(" after the change by ").unwrap();
            let by = by.split_once(',').unwrap().0;
            println!("{count} bans, nft flush set by {by}");
            assert!(by == "somebody" || !world.edgeban().log()[..log].contains(by), "{by} did not do it");
        }
        let log = world.edgeban().log();
        for line in log.lines().filter(|line| line.contains("as it should be")) {
            println!("{count} bans, {line}");
        }
    }
}

#[test]
fn a_flush_in_the_middle_of_a_flood_loses_nobody() {
    let mut world = World::new("");
    let addrs: Vec<IpAddr> = (0..10_000).map(numbered).collect();
    for (n, some) in addrs.chunks(2000).enumerate() {
        world.ban(some.iter().copied());
        // Some of them are in the kernel, and some are not.
        eventually("some are banned", || {
            world.lab.table("edgeban").is_some_and(|_| world.lab.bans().len() > n * 1500).then_some(())
        });
        world.nft(&["flush ruleset"]);
    }
    world.lab.wait_for_bans(addrs.iter().copied());
    let state = world.state();
    assert_eq!(rules(&world.lab).len(), 7, "{:#?}", state.rules);
    world.list_is_right(&state);
    for (n, addr) in addrs.iter().enumerate().step_by(97) {
        let left = state.bans[addr].left;
        let expected = [Some(3600), Some(172_800), None][n % 2000 % 3];
        assert_eq!(left.is_none(), expected.is_none(), "{addr}");
        assert!(left.zip(expected).is_none_or(|(left, whole)| left <= whole && left + 30 > whole), "{addr}: {left:?}");
    }
    world.edgeban.take().unwrap().stop();
}

#[test]
fn what_others_do_elsewhere_is_no_business_of_ours() {
    let mut world = World::new("");
    let other = "table inet other {\n\tset s {\n\t\ttype ipv4_addr\n\t\telements = { 192.0.2.9 }\n\t}\n\n\
                 \tchain input {\n\t\ttype filter hook input priority filter; policy accept;\n\t}\n}\n";
    let alike = other.replace("inet other", "ip edgeban");
    let show = |lab: &Lab, family: &str, name: &str| lab.nft(&["list", "table", family, name]).unwrap();
    world.nft(&[other]);
    world.nft(&[&alike]);
    for round in 0..4 {
        // The daemon does not listen for some milliseconds behind a batch of many bans, and has to look then.
        thread::sleep(Duration::from_millis(300));
        for n in 0..10 {
            world.nft(&[&format!("add element inet other s {{ 203.0.113.{n} }}")]);
            world.nft(&[&format!("delete element inet other s {{ 203.0.113.{n} }}; flush chain ip edgeban input")]);
        }
        world.ban((round * 1000..(round + 1) * 1000).map(numbered));
        world.lab.wait_for_bans((0..(round + 1) * 1000).map(numbered));
    }
    assert_eq!(world.link(), [0; 5]);
    let before = world.state();
    world.disturb(&before, &["delete table inet edgeban"]);
    assert_eq!([show(&world.lab, "inet", "other"), show(&world.lab, "ip", "edgeban")], [other, &alike]);
    world.edgeban.take().unwrap().stop();
    assert_eq!([show(&world.lab, "inet", "other"), show(&world.lab, "ip", "edgeban")], [other, &alike]);
}

#[test]
fn what_others_ban_is_kept_and_shown_or_removed() {
    let (timed, permanent, known, prefix) =
        (ip("203.0.113.1"), ip("2001:db8:1::1"), ip("203.0.113.9"), ip("203.0.113.10"));
    let add = [
        "add element inet edgeban banned_ipv4 { 203.0.113.1 timeout 100s }",
        "add element inet edgeban banned_ipv6 { 2001:db8:1::1 }",
    ];
    let mut world = World::new("");
    world.ban([known]);
    world.lab.wait_for_bans([known]);
    add.iter().for_each(|add| world.nft(&[add]));
    world.wait_for(&world.state());
    eventually("it says who did it", || {
        (world.edgeban().log().matches(" was changed by nft (pid ").count() == 2).then_some(())
    });
    assert!(!world.edgeban().log().contains("putting it back"));
    let list = world.list();
    assert_eq!(list.keys().copied().collect::<Vec<_>>(), [timed, known, permanent]);
    assert!(same(list[&timed], Some(100)) && list[&permanent].is_none());
    // They are bans now: they come back, end, and can be lifted.
    let before = world.state();
    world.disturb(&before, &["flush ruleset"]);
    let unban = world.lab.edgeban(&["unban", "2001:db8:1::1", "--config", &world.config]).output().unwrap();
    assert!(unban.status.success());
    world.lab.wait_for_bans([timed, known]);
    let [disturbed, audits, refused, lost, unadopted] = world.link();
    assert_eq!((disturbed, audits, refused, lost, unadopted), (3, 0, 0, 0, 0));
    drop(world);

    let mut world = World::new("foreign = \"remove\"");
    world.ban([known]);
    world.lab.wait_for_bans([known]);
    for add in add {
        world.nft(&[add]);
        world.lab.wait_for_bans([known]);
    }
    // One of ours with another end is no foreign one, and keeps its own.
    let before = world.state();
    world.nft(&["add element inet edgeban banned_ipv4 { 203.0.113.10 }"]);
    world.wait_for(&before);
    world.nft(&["delete element inet edgeban banned_ipv4 { 203.0.113.9 }; \
                 add element inet edgeban banned_ipv4 { 203.0.113.9 timeout 5s }"]);
    world.wait_for(&before);
    assert!(!world.list().contains_key(&prefix));
}

#[test]
fn what_happens_while_the_daemon_sleeps_is_found_when_it_wakes() {
    let mut world = World::new("");
    let addrs: Vec<IpAddr> = (0..2000).map(numbered).collect();
    world.ban(addrs.iter().copied());
    world.lab.wait_for_bans(addrs.iter().copied());
    let before = world.state();
    world.edgeban().signal(Signal::STOP);
    // One transaction each, so that the notices cannot share datagrams, and overflow the socket.
    let mut script = String::new();
    for addr in &addrs {
        let set = if addr.is_ipv4() { "banned_ipv4" } else { "banned_ipv6" };
        script += &format!("delete element inet edgeban {set} {{ {addr} }}\n");
    }
    let path = world.lab.dir().join("script.nft");
    std::fs::write(&path, script.replace('\n', "\nadd element inet other s { 192.0.2.1 }\n")).unwrap();
    world.nft(&["add table inet other; add set inet other s { type ipv4_addr; }"]);
    world.nft(&["-f", path.to_str().unwrap()]);
    for n in 0..400 {
        world.nft(&[&format!("insert rule inet edgeban input tcp dport {} accept", n + 1)]);
    }
    assert!(world.lab.banned().is_empty());
    world.edgeban().signal(Signal::CONT);
    world.wait_for(&before);
    assert!(world.link()[1] > 0, "audited");
}

/// Sends from two attackers all the time, and counts whose packets the router gets.
fn knock(lab: &Lab, port: u16, addrs: [IpAddr; 2], act: impl FnOnce()) -> [u32; 2] {
    let server = lab.on_router(|| UdpSocket::bind((ROUTER_V4, port)).unwrap());
    server.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
    let clients = lab.on_attackers(|| addrs.map(|addr| UdpSocket::bind((addr, 0)).unwrap()));
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        let (done, server, clients) = (&done, &server, &clients);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                for client in clients {
                    let _ = client.send_to(b"knock", (ROUTER_V4, port));
                }
                thread::sleep(Duration::from_micros(200));
            }
        });
        let counter = scope.spawn(move || {
            let mut counts = [0; 2];
            // What is on its way when the sender ends is counted, too.
            loop {
                match server.recv_from(&mut [0; 8]) {
                    Ok((_, from)) => counts[addrs.iter().position(|addr| *addr == from.ip()).unwrap()] += 1,
                    Err(_) if done.load(Ordering::Relaxed) => return counts,
                    Err(_) => {}
                }
            }
        });
        // Also if it panics.
        struct End<'a>(&'a AtomicBool);
        impl Drop for End<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let end = End(done);
        act();
        drop(end);
        counter.join().unwrap()
    })
}

#[test]
fn a_restart_takes_over_what_it_finds_without_a_gap() {
    let mut world = World::new("");
    let [attacker, other, ignored] = ATTACKERS_V4.map(IpAddr::from);
    world.logs[0].failure(attacker);
    world.logs[1].failure(ip("203.0.113.7"));
    world.logs[2].failure(ip("2001:db8:7::7"));
    world.logs[0].failure(ignored);
    world.lab.wait_for_bans([attacker, ignored, ip("203.0.113.7"), ip("2001:db8:7::7")]);
    let before = world.state();
    let foreign = "table inet foreign {\n\tset banned_ipv4 {\n\t\ttype ipv4_addr\n\t\tflags timeout\n\t}\n}\n";
    world.nft(&[foreign]);
    let counts = {
        let mut edgeban = world.edgeban.take();
        let (lab, jails, before) = (&world.lab, &world.jails, &before);
        knock(lab, 9, [attacker, other], || {
            for (round, global) in [
                "",
                "hook = \"prerouting\"",
                "hook = \"input\"\ncounters = true",
                "counters = false",
                "ipv6_prefix = 64\nipv4_prefix = 32",
                "ipv4_prefix = 32\nverdict = \"reject\"",
                "hook = \"ingress\"\ndevices = [\"wan\"]\ncounters = true",
                "",
            ]
            .into_iter()
            .enumerate()
            .flat_map(|(n, global)| [(2 * n, global), (2 * n + 1, global)])
            {
                let last = edgeban.take().unwrap();
                if round % 2 == 0 {
                    last.kill()
                } else {
                    drop(last.stop())
                }
                let config = lab.config(&format!("[global]\n{global}\n{jails}"));
                let next = lab.start_file(&config);
                let gone = before.at.elapsed().as_secs();
                let mut expected: BTreeMap<String, _> = before
                    .bans
                    .iter()
                    .map(|(addr, ban)| (addr.to_string(), ban.left.map(|left| left - gone)))
                    .collect();
                // Behind ipv6_prefix = 64 nobody knows whom of the 64 bits the ban was for.
                if round >= 8 {
                    let left = expected.remove("2001:db8:7::7").unwrap();
                    if round < 10 {
                        expected.insert("2001:db8:7::/64".to_owned(), left);
                    }
                }
                let found = listed(lab, &config);
                let alike =
                    expected.iter().all(|(addr, left)| found.get(addr).is_some_and(|other| same(*left, *other)));
                assert!(alike && expected.len() == found.len(), "{global}: {found:?} instead of {expected:?}");
                edgeban = Some(next);
            }
            drop(edgeban.take());
        })
    };
    println!("across 16 restarts the router got {counts:?} packets of [the banned attacker, another]");
    assert_eq!(counts[0], 0);
    assert!(counts[1] > 100);
    // What is ignored now is lifted, and the rest stays.
    world.jails = world.jails.replacen("[defaults]", &format!("[defaults]\nignoreip = [\"{ignored}\"]"), 1);
    world.start("");
    world.lab.wait_for_bans([attacker, ip("203.0.113.7")]);
    assert_eq!(world.lab.nft(&["list", "table", "inet", "foreign"]).unwrap(), foreign);
    world.list_is_right(&world.state());
}

#[test]
fn a_ban_is_extended_and_never_shortened() {
    let mut world = World::new("");
    let addr = ip("203.0.113.1");
    world.logs[0].failure(addr);
    world.lab.wait_for_bans([addr]);
    for (time, left) in [("30m", Some(3600)), ("2h", Some(7200)), ("permanent", None), ("1h", None)] {
        let said =
            world.lab.edgeban(&["ban", "203.0.113.1", "--for", time, "--config", &world.config]).output().unwrap();
        assert!(said.status.success(), "{said:?}");
        let ban = world.lab.bans()[&addr];
        assert!(same(ban.left, left), "{time}: {ban:?}");
        assert!(same(world.list()[&addr], left), "{time}");
    }
    let before = world.state();
    world.disturb(&before, &["flush ruleset"]);
}

#[test]
fn at_the_end_the_table_stays_or_goes() {
    for (on_stop, stays) in [("keep", true), ("remove", false)] {
        let mut world = World::new(&format!("on_stop = \"{on_stop}\""));
        world.nft(&["add table inet other"]);
        world.logs[0].failure(ip("203.0.113.1"));
        world.lab.wait_for_bans([ip("203.0.113.1")]);
        world.edgeban.take().unwrap().stop();
        assert_eq!(world.lab.table("edgeban").is_some(), stays);
        assert!(world.lab.table("other").is_some());
        if stays {
            assert_eq!(world.lab.bans().len(), 1);
        }
    }
}
