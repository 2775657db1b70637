//! The command line of the binary: what each verb prints and with which code it ends, and what the daemon does from its
//! start to its end.

use edgeban_core::detect::Filter;
use edgeban_tests::lab::{Edgeban, Lab, LogFile, ROUTER_V4, Signal, binary, eventually, failure, numbered};
use edgeban_tests::said::{Said, say};
use std::fs::{self, File};
use std::net::{IpAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The binary on this machine, for what needs no namespace.
#[track_caller]
fn edgeban(arguments: &[&str], input: &str) -> Said {
    let mut command = Command::new(binary());
    command.args(arguments);
    say(command, input)
}

#[track_caller]
fn assert_said(said: &Said, code: i32, out: &str, err: &str) {
    assert_eq!((said.code, &*said.out, &*said.err), (Some(code), out, err));
}

/// A file that goes with the test.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, text: &str) -> Self {
        let path = std::env::temp_dir().join(format!("edgeban-cli-{}-{name}", std::process::id()));
        fs::write(&path, text).unwrap();
        Self(path)
    }

    fn name(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn help_and_version() {
    assert_said(&edgeban(&["--version"], ""), 0, concat!("edgeban ", env!("CARGO_PKG_VERSION"), "\n"), "");
    let help = edgeban(&["--help"], "");
    assert_eq!((help.code, &*help.err), (Some(0), ""));
    let verbs: Vec<&str> =
        help.out.lines().filter_map(|line| line.strip_prefix("  ")?.split_once(' ')).map(|(verb, _)| verb).collect();
    for verb in [
        "run", "stop", "reload", "status", "jails", "get", "set", "ping", "list", "ban", "unban", "check", "test",
        "doctor",
    ] {
        assert!(verbs.contains(&verb), "{verb} is missing in\n{}", help.out);
    }
    for verb in verbs.into_iter().filter(|verb| !verb.is_empty() && *verb != "edgeban") {
        let said = edgeban(&[verb, "--help"], "");
        assert_eq!((said.code, &*said.err), (Some(0), ""));
        assert!(said.out.starts_with(&format!("edgeban {verb} ")), "{}", said.out);
        assert!(said.out.lines().chain(help.out.lines()).all(|line| line.len() <= 120), "{}", said.out);
    }
}

#[test]
fn wrong_usage_is_code_2_and_says_what_is_wrong() {
    for (arguments, what) in [
        (&[][..], "a verb is missing"),
        (&["relaod"], "there is no such verb: relaod"),
        (&["ban"], "an address is missing"),
        (&["ban", "x"], "not an IP address or prefix: x"),
        (&["ban", "0.0.0.0/0"], "this is everybody: 0.0.0.0/0"),
        (&["ban", "::1", "--for=0"], "a ban's time is 1s to 3650d, as 600, 10m or 1h, or permanent: 0"),
        (
            &["ban", "::1", "--for=18446744073709552"],
            "a ban's time is 1s to 3650d, as 600, 10m or 1h, or permanent: 18446744073709552",
        ),
        (&["ban", "::1", "--all"], "this verb has no such option: all"),
        (&["unban"], "name an address or --all"),
        (&["unban", "::1", "--all"], "name an address or --all"),
        (&["status", "sshd", "x"], "one word too many: x"),
        (&["status", ""], "not a jail's name"),
        (&["jails", "sshd"], "one word too many: sshd"),
        (&["get", "sshd"], "name a jail and a key"),
        (&["set", "sshd", "maxretry"], "name a jail, a key and a value"),
        (&["set", "sshd", "banip", "x"], "not an IP address or prefix: x"),
        (&["run", "--conifg", "x"], "this verb has no such option: conifg"),
        (&["run", "x"], "one word too many: x"),
        (&["run", "--config"], "this option wants a value: config"),
        (&["check", "--", "--json"], "one word too many: --json"),
        (&["test", "log"], "--filter NAME or --match TEMPLATE is missing"),
        (&["test", "--filter", "nginx"], "no such filter, `edgeban test --help` names them: nginx"),
        (&["test", "--filter=sshd", "--mode=mild"], "no such mode, expected normal, ddos, extra or aggressive: mild"),
        (&["test", "--filter=sshd", "--maxretry=0"], "maxretry is a number from 1 to 10000: 0"),
        (&["test", "--filter=sshd", "--findtime=0"], "findtime is a time from 1s to 365d, as 600, 10m or 1h: 0"),
        (&["test", "--filter=sshd", "--json=yes", "log"], "an option that takes no value has one: yes"),
        (&["test", "--filter=sshd", "a", "b"], "one word too many: b"),
        (&["list", "\u{1b}[2J"], "one word too many: \\x1b[2J"),
    ] {
        let verb = arguments.first().filter(|_| !what.contains("verb is") && !what.contains("such verb"));
        let verb = verb.map(|verb| format!("{verb} ")).unwrap_or_default();
        assert_said(&edgeban(arguments, ""), 2, "", &format!("edgeban: {what}\ntry: edgeban {verb}--help\n"));
    }
}

#[test]
fn check_says_what_a_configuration_comes_to() {
    let file = Scratch::new(
        "good.toml",
        "[jails.sshd]\nmaxretry = 3\nlogpath = \"/var/log/auth.log\"\nbantime_increment = true\n\
         [jails.quiet]\nfilter = \"dropbear\"\nenabled = false\nbantime = \"permanent\"\nlogpath = \"/a\"\nignoreip = []\n",
    );
    let name = file.name();
    let want = format!(
        "{name}: valid\n\
         jail sshd: filter sshd (normal), maxretry 3 within findtime 10m, bantime 10m growing up to 35d, \
         /var/log/auth.log, 2 ignored prefixes, ignoreself true\n\
         jail quiet: disabled, filter dropbear (normal), maxretry 5 within findtime 10m, bantime permanent, /a, 0 ignored \
         prefixes, ignoreself true\n"
    );
    assert_said(&edgeban(&["check", "--config", name], ""), 0, &want, "");
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../core/src/config/example.toml");
    let said = edgeban(&["check", "--config", example], "");
    assert_eq!((said.code, &*said.err), (Some(0), ""));
}

fn forgeable(jail: &str, path: &str) -> String {
    format!("warning: jail {jail}: a peer may write whole lines into {path}, and so have others banned\n")
}

/// A log is as good as the service that writes it.
#[test]
fn check_warns_of_logs_into_which_a_peer_may_write_lines() {
    let file = Scratch::new(
        "forgeable.toml",
        "[jails.sshd]\n[jails.mysqld-auth]\n[jails.xrdp]\n[jails.nginx-botsearch]\n[jails.nginx-forbidden]\n\
         [jails.own]\nfilter = \"xrdp\"\nlogpath = \"/var/log/xrdp-sesman.log\"\n\
         [jails.off]\nfilter = \"mysqld-auth\"\nenabled = false\n",
    );
    let said = edgeban(&["check", "--config", file.name()], "");
    let want = [
        forgeable("mysqld-auth", "/var/log/mysql/error.log"),
        forgeable("nginx-forbidden", "/var/log/nginx/error.log"),
        forgeable("own", "/var/log/xrdp-sesman.log"),
    ];
    assert_eq!((said.code, said.err), (Some(0), want.concat()));
}

const BAD: &str = "[jails.sshd]\nmaxretry = 0\n[jails.foo]\nfindtime = 10m\nbogus = 1\n";

/// Lines that name no program are for the jail of the service that writes such a file; others never are.
#[test]
fn a_service_with_a_log_of_its_own_is_read_by_its_form() {
    let log = "\
2026/11/24 05:00:00 [error] 7#8: *9 user \"a\": password mismatch, client: 10.1.1.1, server: s
2026-11-24 05:00:01 login authenticator failed for (a) [10.1.1.2]: 535 Incorrect authentication data
Nov 24 05:00:02 mx postfix/smtpd[7]: warning: unknown[10.1.1.3]: SASL LOGIN authentication failed: x
2026-11-24 05:00:03 edge sshd[7]: login authenticator failed for (a) [10.1.1.9]: 535 Incorrect authentication data
Nov 24 05:00:04 edge cron[7]: [a] FAIL LOGIN: Client \"10.1.1.9\"
";
    for (filter, matches) in [
        ("auto", &["nginx-http-auth 10.1.1.1", "exim 10.1.1.2", "postfix 10.1.1.3", "", ""]),
        ("nginx-http-auth", &["nginx-http-auth 10.1.1.1", "", "", "", ""]),
        ("exim", &["", "exim 10.1.1.2", "", "", ""]),
        ("postfix", &["", "", "postfix 10.1.1.3", "", ""]),
    ] {
        let said = edgeban(&["test", "--json", "--filter", filter], log);
        let want: Vec<String> = (1..)
            .zip(matches)
            .map(|(line, hit)| match hit.split_once(' ') {
                None => format!("{{\"line\":{line},\"match\":false}}"),
                Some((filter, address)) => {
                    format!("{{\"line\":{line},\"match\":true,\"address\":\"{address}\",\"filter\":\"{filter}\"}}")
                }
            })
            .collect();
        assert_eq!(said.out.lines().collect::<Vec<_>>(), want, "{filter}");
    }
}

/// Every filter's name, as a complaint lists them.
fn filters() -> String {
    let names = Filter::NAMES.map(|name| format!("\"{name}\""));
    let (last, others) = names.split_last().unwrap();
    format!("{} or {last}", others.join(", "))
}

/// What is wrong with it.
fn complaints(name: &str) -> String {
    format!(
        "{name}:2:12: `0` is out of range, expected a whole number from 1 to 10000\n\
         {name}:4:12: `10m` has no quotes, expected 1s to 365d, in seconds or as \"90s\", \"10m\", \"1h30m\", \"7d\", \"1w\"\n\
         {name}:5:1: unknown key `bogus` in a jail, expected `enabled`, `mode`, `logpath`, `journalmatch`, `maxretry`, `findtime`, `bantime`, \
         `bantime_increment`, `bantime_factor`, `bantime_multipliers`, `bantime_maxtime`, `bantime_rndtime`, \
         `bantime_overalljails`, `ignoreip`, `ignoreself` or `filter`\n\
         {name}:3:8: jail `foo` has no filter, expected filter = {}, or a jail named like its filter\n",
        filters()
    )
}

#[test]
fn check_says_where_a_configuration_is_wrong() {
    let file = Scratch::new("bad.toml", BAD);
    let name = file.name();
    assert_said(&edgeban(&["check", "--config", name], ""), 1, "", &complaints(name));
    let missing = "/nonexistent/edgeban.toml";
    let err = format!("{missing}: cannot be read: ENOENT (2)\n");
    assert_said(&edgeban(&["check", "--config", missing], ""), 4, "", &err);
    let large = Scratch::new("large.toml", &"# a comment\n".repeat(6000));
    let err = format!("{}: longer than 65536 bytes (limit CONFIG_FILE)\n", large.name());
    assert_said(&edgeban(&["check", "--config", large.name()], ""), 1, "", &err);
}

const LOG: &str = "\
Nov 24 20:34:47 router sshd[1]: Failed password for root from 10.1.1.1 port 50022 ssh2
Nov 24 20:34:48 router sshd[1]: Accepted password for alice from 10.1.1.2 port 50022 ssh2
Nov 24 20:34:49 router dropbear[2]: Bad password attempt for 'root' from 10.1.1.3:50022
Nov 24 20:34:50 router sshd[3]: Failed password for root from 10.1.1.1 port 50022 ssh2
Nov 24 20:34:51 router sshd[4]: Connection closed by 10.1.1.4 port 22 [preauth]
Nov 24 20:54:52 router sshd[5]: Failed password for root from 2001:db8::5 port 50022 ssh2
Nov 24 20:54:53 router sshd[6]: Failed password for root from 10.1.1.1 port 50022 ssh2
";

#[test]
fn test_shows_each_line_and_the_totals() {
    let file = Scratch::new("lines.log", LOG);
    let marks = [
        "match  10.1.1.1                 ",
        "no match                        ",
        "no match                        ",
        "BAN    10.1.1.1                 ",
        "no match                        ",
        "match  2001:db8::5              ",
        "match  10.1.1.1                 ",
    ];
    let mut want = String::new();
    for (number, (mark, line)) in (1..).zip(marks.iter().zip(LOG.lines())) {
        want += &format!("{number:>8}  {mark}  {line}\n");
    }
    let totals = "\n7 lines: 4 matched, 3 did not\n\
                  1 addresses would be banned with maxretry 2, findtime 10m:\n  10.1.1.1\n";
    let arguments = ["test", "--filter", "sshd", "--maxretry", "2", file.name()];
    assert_said(&edgeban(&arguments, ""), 0, &(want + totals), "");
    assert_said(&edgeban(&["test", "--filter=sshd", "--maxretry=2", "--quiet"], LOG), 0, totals, "");

    // The three failures lie 20 minutes apart by their stamps.
    let totals = |text: &str| format!("\n7 lines: 4 matched, 3 did not\n{text}");
    let none = totals("0 addresses would be banned with maxretry 3, findtime 10m\n");
    assert_said(&edgeban(&["test", "--filter=sshd", "--maxretry=3", "--quiet", "-"], LOG), 0, &none, "");
    let one = totals("1 addresses would be banned with maxretry 3, findtime 1h:\n  10.1.1.1\n");
    let arguments = ["test", "--filter=sshd", "--maxretry=3", "--findtime=1h", "--quiet", "-"];
    assert_said(&edgeban(&arguments, LOG), 0, &one, "");
}

#[test]
fn test_as_json() {
    let file = Scratch::new("json.log", LOG);
    let sshd = "{\"line\":1,\"match\":true,\"address\":\"10.1.1.1\",\"filter\":\"sshd\"}
{\"line\":2,\"match\":false}
{\"line\":3,\"match\":false}
{\"line\":4,\"match\":true,\"address\":\"10.1.1.1\",\"filter\":\"sshd\"}
{\"line\":5,\"match\":false}
{\"line\":6,\"match\":true,\"address\":\"2001:db8::5\",\"filter\":\"sshd\"}
{\"line\":7,\"match\":true,\"address\":\"10.1.1.1\",\"filter\":\"sshd\"}
";
    assert_said(&edgeban(&["test", "--json", "--filter", "sshd", file.name()], ""), 0, sshd, "");
    let auto = sshd.replace(
        "{\"line\":3,\"match\":false}",
        "{\"line\":3,\"match\":true,\"address\":\"10.1.1.3\",\"filter\":\"dropbear\"}",
    );
    assert_said(&edgeban(&["test", "--json", "--filter", "auto", "-"], LOG), 0, &auto, "");
    let ddos = sshd.replace(
        "{\"line\":5,\"match\":false}",
        "{\"line\":5,\"match\":true,\"address\":\"10.1.1.4\",\"filter\":\"sshd\"}",
    );
    assert_said(&edgeban(&["test", "--json", "--filter=sshd", "--mode", "ddos"], LOG), 0, &ddos, "");
    let ban = sshd.replace(
        "{\"line\":4,\"match\":true,\"address\":\"10.1.1.1\",\"filter\":\"sshd\"}",
        "{\"line\":4,\"match\":true,\"address\":\"10.1.1.1\",\"filter\":\"sshd\",\"ban\":true}",
    );
    assert_said(&edgeban(&["test", "--json", "--filter=sshd", "--maxretry=2"], LOG), 0, &ban, "");
    // For programs that read JSON, too.
    for line in ban.lines() {
        let _: serde_json::Value = serde_json::from_str(line).unwrap();
    }
}

#[test]
fn test_of_odd_logs() {
    let none = "\n0 lines: 0 matched, 0 did not\n0 addresses would be banned with maxretry 5, findtime 10m\n";
    assert_said(&edgeban(&["test", "--filter=auto", "--quiet"], ""), 1, none, "");
    assert_said(&edgeban(&["test", "--filter=auto", "/nonexistent"], ""), 4, "", "edgeban: /nonexistent: ENOENT (2)\n");
    // A last line without its end, and one that is too long.
    let log = format!("{}\n{}", "x".repeat(10_000), LOG.lines().next().unwrap());
    let want = "\n1 lines: 1 matched, 0 did not; 1 more were longer than 8192 bytes and skipped\n\
                0 addresses would be banned with maxretry 5, findtime 10m\n";
    assert_said(&edgeban(&["test", "--filter=sshd", "--quiet"], &log), 0, want, "");
    // What an attacker writes does not reach the terminal.
    let log = "Nov 24 20:34:47 router sshd[1]: \u{1b}[2Jroot\u{7}\u{9b}\r\n";
    let want =
        "       1  no match                          Nov 24 20:34:47 router sshd[1]: \\x1b[2Jroot\\x07\\x9b\\x0d\n";
    assert!(edgeban(&["test", "--filter=sshd"], log).out.starts_with(want));

    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "sh", "-c"]);
    command.args(["exec /proc/self/fd/9 test --filter=sshd --quiet", "sh"]);
    // A directory of the way to the binary may be root's.
    let mut outer = Command::new("sh");
    outer.args(["-c", "exec 9<\"$0\"; exec \"$@\""]).arg(binary()).arg(command.get_program()).args(command.get_args());
    let said = say(outer, LOG);
    assert_eq!((said.code, said.err), (Some(0), String::new()), "{}", said.out);

    let mut command = Command::new(binary());
    let output = command.args(["test", "--filter=sshd", "/dev/stdin"]);
    let output = output.stdin(Stdio::null()).stdout(File::options().write(true).open("/dev/full").unwrap());
    assert_eq!(output.status().unwrap().code(), Some(4), "a full disk is no success");
}

/// A log at a lab's path, and a daemon that bans at the first failure in it.
fn daemon(lab: &Lab, more: &str) -> (LogFile, Edgeban) {
    let log = LogFile::open(lab.dir().join("auth.log"));
    let edgeban =
        lab.start(&format!("{more}\n[jails.sshd]\nmaxretry = 1\nbantime = \"1h\"\nlogpath = {:?}\n", log.path()));
    (log, edgeban)
}

#[test]
fn a_failing_start_touches_nothing() {
    let lab = Lab::new();
    let bad = lab.config(BAD);
    let without_right = |lab: &Lab| {
        let mut command = lab.router("setpriv");
        command.arg("--bounding-set=-net_admin").arg(binary()).arg("run");
        command
    };
    let fail = |lab: &Lab, running: bool| {
        let said = say(lab.edgeban(&["run", "--config", &bad]), "");
        let why = "edgeban: not started: the configuration is not valid\n";
        assert_said(&said, 1, "", &(complaints(&bad) + why));
        let said = say(lab.edgeban(&["run", "--config", "/nonexistent"]), "");
        assert_eq!((said.code, &*said.out), (Some(4), ""));
        assert!(said.err.starts_with("/nonexistent: cannot be read: ENOENT (2)\n"), "{}", said.err);

        let said = say(without_right(lab), "");
        if running {
            assert_eq!((said.code, &*said.out), (Some(5), ""));
            return;
        }
        assert_eq!((said.code, &*said.out), (Some(3), ""));
        assert!(said.err.contains("EPERM (1)") && said.err.contains("needs root or CAP_NET_ADMIN"), "{}", said.err);
        assert!(!said.err.contains("ready"), "{}", said.err);
    };
    fail(&lab, false);
    assert_eq!(lab.nft(&["list", "ruleset"]).unwrap(), "");

    // And nothing of a daemon that runs.
    let (mut log, mut edgeban) = daemon(&lab, "");
    log.failures((1..=5).map(numbered));
    lab.wait_for_bans((1..=5).map(numbered));
    let bans = lab.banned();
    fail(&lab, true);
    assert_eq!(lab.banned(), bans);
    assert!(edgeban.runs());
    log.failure(numbered(6));
    lab.wait_for_bans((1..=6).map(numbered));
}

#[test]
fn a_foreign_table_is_left_alone() {
    for foreign in [
        "set banned_ipv4 { type ipv6_addr\nflags timeout\n}",
        "set banned_ipv6 { type ipv6_addr\n}",
        "set banned_ipv4 { type ipv4_addr\nflags timeout\n}",
        "chain input { type filter hook forward priority 0\n}",
        "chain input { type filter hook input priority filter\n}",
        "flags dormant",
        "",
    ] {
        let lab = Lab::new();
        lab.nft(&[&format!("table inet edgeban {{\n{foreign}\n}}")]).unwrap();
        let before = lab.nft(&["list", "ruleset"]).unwrap();
        let said = say(lab.edgeban(&["run"]), "");
        assert_eq!((said.code, &*said.out), (Some(3), ""), "{foreign}: {}", said.err);
        let why = "edgeban: error: table inet edgeban exists and is not edgeban's: remove it or set another name in \
                   [global] table\n";
        assert!(said.err.contains(why), "{}", said.err);
        assert!(!said.err.contains("ready"), "{}", said.err);
        assert_eq!(lab.nft(&["list", "ruleset"]).unwrap(), before);

        // And what it advises helps.
        let edgeban = lab.start("[global]\ntable = \"other\"\n");
        assert!(lab.bans_in("other").is_empty());
        edgeban.stop();
    }
}

#[test]
fn list_shows_what_the_kernel_holds() {
    let lab = Lab::new();
    let list = || say(lab.edgeban(&["list"]), "");
    assert_said(&list(), 3, "", "edgeban: the kernel holds nothing named edgeban: edgeban does not run here\n");
    let (mut log, edgeban) = daemon(&lab, "");
    assert_said(&list(), 0, "", "");

    log.failures((1..=3000).map(numbered));
    lab.wait_for_bans((1..=3000).map(numbered));
    let said = list();
    assert_eq!((said.code, &*said.err), (Some(0), ""));
    let mut listed: Vec<IpAddr> = Vec::new();
    for line in said.out.lines() {
        let (addr, left) = line.split_once(' ').unwrap();
        let left: u64 = left.strip_suffix('s').unwrap().parse().unwrap();
        assert!((3000..=3600).contains(&left), "{line}");
        listed.push(addr.parse().unwrap());
    }
    listed.sort();
    assert!(listed.iter().eq(&lab.banned()), "{listed:?}");

    // The kernel's account, not the daemon's.
    edgeban.stop();
    let _ = lab.nft(&["flush", "set", "inet", "edgeban", "banned_ipv4"]).unwrap();
    let _ = lab.nft(&["flush", "set", "inet", "edgeban", "banned_ipv6"]).unwrap();
    let _ = lab.nft(&["add", "element", "inet", "edgeban", "banned_ipv4", "{ 10.0.0.7 }"]).unwrap();
    assert_said(&list(), 0, "10.0.0.7 permanent\n", "");

    let mut command = lab.router("setpriv");
    command.arg("--bounding-set=-net_admin").arg(binary()).arg("list");
    assert_said(&say(command, ""), 3, "", "edgeban: the kernel does not list edgeban: EPERM (1)\n");
}

#[test]
fn without_a_file_the_built_in_jails_protect() {
    let lab = Lab::new();
    let mut edgeban = lab.spawn(lab.edgeban(&["run"]));
    edgeban.wait_until_ready();
    edgeban.wait_for_log("edgeban: info: no /etc/edgeban/edgeban.toml: protecting with the built-in jails\n");
    let (attacker, other, dropbear) = (numbered(1), numbered(2), numbered(4));
    let mut log = LogFile::open(lab.inside("/var/log/auth.log"));
    let mut messages = LogFile::open(lab.inside("/var/log/messages"));
    for _ in 0..4 {
        log.failures([attacker, other, "127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
        messages
            .write(format!("Nov 24 20:34:48 router dropbear[99]: Bad password attempt for 'root' from {dropbear}:5\n"));
    }
    edgeban.wait_for_lines(20);
    assert!(lab.banned().is_empty());
    log.failures([attacker, "127.0.0.1".parse().unwrap(), "::1".parse().unwrap()]);
    messages.write(format!("Nov 24 20:34:48 router dropbear[99]: Bad password attempt for 'root' from {dropbear}:5\n"));
    lab.wait_for_bans([attacker, dropbear]);
    assert!(lab.bans().values().all(|ban| ban.lasts(600)), "{:?}", lab.bans());
    edgeban.wait_for_lines(24);
    assert_eq!(edgeban.stop().ignored, 10);
    lab.wait_for_bans([attacker, dropbear]);

    // A file at that place is read without being named.
    fs::create_dir(lab.inside("/etc/edgeban")).unwrap();
    fs::write(lab.inside("/etc/edgeban/edgeban.toml"), "[global]\ntable = \"filed\"\n").unwrap();
    let mut edgeban = lab.spawn(lab.edgeban(&["run"]));
    edgeban.wait_until_ready();
    assert!(lab.bans_in("filed").is_empty());
    edgeban.stop();
}

#[test]
fn each_jail_has_its_own_settings() {
    let lab = Lab::new();
    let mut logs = ["quick", "slow", "plain"].map(|name| LogFile::open(lab.dir().join(name)));
    let [quick, slow, plain] = logs.each_ref().map(|log| log.name().to_owned());
    let edgeban = lab.start(&format!(
        "[defaults]\nmaxretry = 1\nbantime = \"30m\"\nignoreip = \"10.9.0.2\"\n\
         [jails.quick]\nfilter = \"sshd\"\nmaxretry = 2\nfindtime = \"1s\"\nbantime = \"2h\"\nignoreip = []\n\
         logpath = {quick:?}\n\
         [jails.slow]\nfilter = \"sshd\"\nmaxretry = 3\nfindtime = \"1h\"\nbantime = \"permanent\"\n\
         ignoreip = [\"10.9.0.4\", \"2001:db8:9::/48\"]\nlogpath = {slow:?}\n\
         [jails.plain]\nfilter = \"sshd\"\nlogpath = {plain:?}\n\
         [jails.off]\nfilter = \"sshd\"\nenabled = false\nlogpath = [{quick:?}, {slow:?}, {plain:?}]\n"
    ));
    let [quick, slow, plain] = &mut logs;
    // Twice each, with more than the quick jail's findtime between.
    let (apart, patient) = (numbered(20), numbered(22));
    quick.failure(apart);
    slow.failure(patient);
    edgeban.wait_for_lines(2);
    thread::sleep(Duration::from_millis(1100));
    quick.failure(apart);
    slow.failure(patient);
    // Two jails ignore somebody, the third nobody.
    for _ in 0..3 {
        slow.failures([numbered(4), numbered(5)]);
        plain.failure(numbered(2));
    }
    edgeban.wait_for_lines(13);
    assert!(lab.banned().is_empty(), "{:?}", lab.banned());

    slow.failure(patient);
    quick.write(failure(numbered(2)).repeat(2));
    plain.failure(numbered(6));
    lab.wait_for_bans([patient, numbered(2), numbered(6)]);
    let timeouts = lab.bans().into_values().map(|ban| ban.timeout).collect::<Vec<_>>();
    // In the order of the addresses.
    assert_eq!(timeouts, [Some(7200), Some(1800), None]);
    let counters = edgeban.stop();
    assert_eq!((counters.lines, counters.failed, counters.ignored, counters.bans), (17, 17, 9, 3), "{counters:?}");
}

#[test]
fn bans_outlive_a_killed_daemon_and_the_next_goes_on() {
    let lab = Lab::new();
    let (mut log, edgeban) = daemon(&lab, "");
    log.failures((1..=50).map(numbered));
    lab.wait_for_bans((1..=50).map(numbered));
    let before = lab.bans();
    edgeban.kill();
    assert_eq!(lab.banned().len(), 50);
    // What is in the log already is not read again; the bans are the kernel's.
    let (mut log, edgeban) = daemon(&lab, "");
    assert_eq!(lab.banned().len(), 50);
    log.failures((51..=60).map(numbered));
    lab.wait_for_bans((1..=60).map(numbered));
    for (addr, ban) in lab.bans() {
        assert!(before.get(&addr).is_none_or(|old| old.timeout == ban.timeout && old.left >= ban.left), "{addr}");
    }
    assert_eq!(edgeban.stop().lines, 10);
}

/// Tells other threads to end when this one does, also if it fails: the scope waits for them.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_restart_lets_nothing_through() {
    let lab = Lab::new();
    let (mut log, mut edgeban) = daemon(&lab, "");
    let [attacker, other] = ["192.0.2.66", "192.0.2.77"];
    log.failure(attacker.parse().unwrap());
    lab.wait_for_bans([attacker.parse().unwrap()]);

    let server = lab.on_router(|| UdpSocket::bind((ROUTER_V4, 9)).unwrap());
    server.set_nonblocking(true).unwrap();
    let clients = lab.on_attackers(|| {
        [attacker, other].map(|addr| {
            let socket = UdpSocket::bind((addr, 0)).unwrap();
            socket.connect((ROUTER_V4, 9)).unwrap();
            socket
        })
    });
    let done = AtomicBool::new(false);
    let received = thread::scope(|scope| {
        let (done, server, clients) = (&done, &server, &clients);
        scope.spawn(move || {
            while !done.load(Ordering::Relaxed) {
                for client in clients {
                    // A closed port would be told as an error.
                    let _ = client.send(b"knock");
                }
                thread::sleep(Duration::from_micros(100));
            }
        });
        let counter = scope.spawn(move || {
            let (mut from_attacker, mut from_other) = (0, 0);
            while !done.load(Ordering::Relaxed) {
                while let Ok((_, from)) = server.recv_from(&mut [0; 8]) {
                    *(if from.ip().to_string() == attacker { &mut from_attacker } else { &mut from_other }) += 1;
                }
                thread::sleep(Duration::from_micros(100));
            }
            (from_attacker, from_other)
        });
        let end = End(done);
        let start = Instant::now();
        for round in 0.. {
            match round % 3 {
                0 => edgeban.kill(),
                1 => drop(edgeban.stop()),
                // A second one, which must not come up.
                _ => {
                    let mut second = lab.spawn(lab.edgeban(&["run", "--config", &lab.config("")]));
                    assert_eq!(second.exit_code(), 5);
                    edgeban.kill();
                }
            }
            edgeban = daemon(&lab, "").1;
            if start.elapsed() > Duration::from_secs(1) && round > 10 {
                break;
            }
        }
        drop(end);
        counter.join().unwrap()
    });
    assert_eq!(received.0, 0, "the banned address got through");
    assert!(received.1 > 100, "only {} packets came from the other", received.1);
}

#[test]
fn what_a_clean_end_leaves() {
    let lab = Lab::new();
    let (mut log, edgeban) = daemon(&lab, "[global]\non_stop = \"keep\"");
    log.failures((1..=5).map(numbered));
    lab.wait_for_bans((1..=5).map(numbered));
    // What is written before the end is read and banned still.
    log.failures((6..=200).map(numbered));
    let counters = edgeban.stop();
    assert_eq!((counters.lines, counters.bans), (200, 200));
    assert_eq!(lab.banned(), (1..=200).map(numbered).collect());

    let _ = lab.nft(&["add", "table", "inet", "neighbour"]).unwrap();
    let (_, mut edgeban) = daemon(&lab, "[global]\non_stop = \"remove\"");
    edgeban.signal(Signal::INT);
    assert_eq!(edgeban.exit_code(), 0);
    assert!(edgeban.log().contains("ended by SIGINT: table inet edgeban removed"), "{}", edgeban.log());
    assert_eq!(lab.nft(&["list", "ruleset"]).unwrap(), "table inet neighbour {\n}\n");
}

#[test]
fn other_signals_do_not_end_it() {
    let lab = Lab::new();
    let (mut log, mut edgeban) = daemon(&lab, "");
    for round in 1..=3 {
        edgeban.signal(Signal::HUP);
        eventually("SIGHUP is answered", || {
            (edgeban.log().matches(" reloaded: ").count() >= usize::from(round)).then_some(())
        });
        edgeban.signal(Signal::PIPE);
        let _ = edgeban.counters();
        log.failure(numbered(round));
        lab.wait_for_bans((1..=round).map(numbered));
    }
    assert!(edgeban.runs());
    assert_eq!(edgeban.stop().lines, 3);
}
