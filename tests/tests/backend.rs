//! The backends of the real binary on the real kernel: each stops real packets, keeps to its ends of bans, finds its way
//! back after what others do, and leaves everybody else's rules alone.

use edgeban_tests::lab::{
    ATTACKERS_V4, ATTACKERS_V6, DEADLINE, Edgeban, Lab, LogFile, ROUTER_V4, ROUTER_V6, Signal, binary, eventually, text,
};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const BACKENDS: [&str; 3] = ["nftables", "iptables", "ipset"];

/// Those that look for changes instead of hearing of them.
const LEGACY: [&str; 2] = ["iptables", "ipset"];

fn config(lab: &Lab, backend: &str, jail: &str) -> String {
    format!(
        "[global]\nbackend = \"{backend}\"\n{jail}\n[jails.sshd]\nmaxretry = 1\nbantime = \"1h\"\nlogpath = \"{}/log\"\n",
        lab.dir().display()
    )
}

fn daemon(lab: &Lab, backend: &str, global: &str) -> (LogFile, Edgeban) {
    let log = LogFile::open(lab.dir().join("log"));
    (log, lab.start(&config(lab, backend, global)))
}

/// What `edgeban list` prints.
fn list(lab: &Lab, backend: &str) -> Output {
    lab.edgeban(&["list", "--config", &lab.config(&config(lab, backend, ""))]).output().unwrap()
}

/// Whom the kernel holds banned, as `edgeban list` says.
fn listed(lab: &Lab, backend: &str) -> BTreeSet<IpAddr> {
    let Output { stdout, .. } = list(lab, backend);
    let lines = String::from_utf8(stdout).unwrap();
    lines.lines().map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
}

#[track_caller]
fn wait_for_list(lab: &Lab, backend: &str, expected: impl IntoIterator<Item = IpAddr>) {
    let expected: BTreeSet<IpAddr> = expected.into_iter().collect();
    eventually(&format!("{backend} lists {expected:?}"), || (listed(lab, backend) == expected).then_some(()));
}

/// A port of the router, and an attacker's socket to it for each of these addresses.
struct Wire {
    server: UdpSocket,
    clients: Vec<UdpSocket>,
}

impl Wire {
    fn new(lab: &Lab, router: IpAddr, attackers: &[IpAddr]) -> Self {
        let server = lab.on_router(|| UdpSocket::bind((router, 9)).unwrap());
        server.set_read_timeout(Some(DEADLINE)).unwrap();
        let clients = lab.on_attackers(|| {
            let connect = |addr: &IpAddr| {
                let socket = UdpSocket::bind((*addr, 0)).unwrap();
                socket.connect((router, 9)).unwrap();
                socket
            };
            attackers.iter().map(connect).collect()
        });
        Self { server, clients }
    }

    /// Sends from each in turn and says who got through. The last must: it shows that the others did not.
    fn through(&self) -> Vec<IpAddr> {
        let last = self.clients.last().unwrap().local_addr().unwrap();
        for client in &self.clients {
            // What came back for an earlier packet is told here.
            while client.send(b"knock").is_err() {}
        }
        let mut seen = Vec::new();
        loop {
            let (_, from): (_, SocketAddr) = self.server.recv_from(&mut [0; 8]).expect("nobody gets through");
            if from.port() == last.port() && from.ip() == last.ip() {
                return seen;
            }
            seen.push(from.ip());
        }
    }
}

fn v4(n: usize) -> IpAddr {
    ATTACKERS_V4[n].into()
}

fn v6(n: usize) -> IpAddr {
    ATTACKERS_V6[n].into()
}

/// The lines of `iptables-legacy-save -c` that are not edgeban's, nor comments.
fn foreign(lab: &Lab, program: &str) -> Vec<String> {
    let saved = text(lab.router(format!("{program}-legacy-save")).arg("-c")).unwrap();
    saved.lines().filter(|line| !line.contains("edgeban") && !line.starts_with('#')).map(String::from).collect()
}

fn iptables(lab: &Lab, arguments: &str) {
    let (program, rest) = arguments.split_once(' ').unwrap();
    text(lab.router(format!("{program}-legacy")).arg("-w").args(rest.split(' '))).unwrap();
}

#[test]
fn each_backend_stops_real_packets_and_ends_bans_in_time() {
    for backend in BACKENDS {
        let lab = Lab::new();
        let log = LogFile::open(lab.dir().join("log"));
        let text = config(&lab, backend, "").replace("\"1h\"", "\"3s\"");
        let (mut log, edgeban) = (log, lab.start(&text));
        let four = Wire::new(&lab, ROUTER_V4.into(), &[v4(0), v4(1), v4(2)]);
        let six = Wire::new(&lab, ROUTER_V6.into(), &[v6(0), v6(1), v6(2)]);
        assert_eq!((four.through(), six.through()), (vec![v4(0), v4(1)], vec![v6(0), v6(1)]), "{backend}");
        log.failures([v4(0), v6(1)]);
        edgeban.wait_for_log(&format!("banned {}", v6(1)));
        edgeban.wait_for_log(&format!("banned {}", v4(0)));
        // Whoever is announced as banned is.
        assert_eq!((four.through(), six.through()), (vec![v4(1)], vec![v6(0)]), "{backend}");
        assert_eq!(listed(&lab, backend), BTreeSet::from([v4(0), v6(1)]), "{backend}");
        edgeban.wait_for_log(&format!("unbanned {}: its time is over", v4(0)));
        wait_for_list(&lab, backend, []);
        assert_eq!((four.through(), six.through()), (vec![v4(0), v4(1)], vec![v6(0), v6(1)]), "{backend}");
        let counters = edgeban.stop();
        assert_eq!((counters.bans, counters.unbans, counters.banned), (2, 2, 0), "{backend}");
    }
}

#[test]
fn the_end_leaves_what_it_should_and_nothing_of_others_changes() {
    for backend in LEGACY {
        let lab = Lab::new();
        for rule in [
            "iptables -A INPUT -s 198.51.100.7 -m comment --comment mine -j ACCEPT",
            "iptables -N theirs",
            "iptables -A FORWARD -j theirs",
            "iptables -t raw -A PREROUTING -s 198.51.100.8 -j DROP",
            "ip6tables -A INPUT -s 2001:db8:7::/64 -j REJECT",
            "ip6tables -P FORWARD DROP",
        ] {
            iptables(&lab, rule);
        }
        let before = [foreign(&lab, "iptables"), foreign(&lab, "ip6tables")];
        let (mut log, edgeban) = daemon(&lab, backend, "on_stop = \"keep\"");
        log.failures([v4(0), v6(0)]);
        wait_for_list(&lab, backend, [v4(0), v6(0)]);
        let now = |lab: &Lab| [foreign(lab, "iptables"), foreign(lab, "ip6tables")];
        // The policies count what comes meanwhile.
        let rules = |saved: &[Vec<String>; 2]| -> Vec<String> {
            saved.iter().flatten().filter(|line| !line.starts_with(':')).cloned().collect()
        };
        assert_eq!(rules(&now(&lab)), rules(&before), "{backend}");
        assert_eq!(edgeban.stop().banned, 2);
        assert_eq!(listed(&lab, backend), BTreeSet::from([v4(0), v6(0)]), "{backend}");

        let (_, mut edgeban) = daemon(&lab, backend, "on_stop = \"remove\"");
        assert_eq!(edgeban.counters().banned, 2, "the next run takes them over");
        edgeban.signal(Signal::TERM);
        assert_eq!(edgeban.exit_code(), 0);
        assert_eq!(rules(&now(&lab)), rules(&before), "{backend}");
        for program in ["iptables", "ip6tables"] {
            let saved = text(&mut lab.router(format!("{program}-legacy-save"))).unwrap();
            assert!(!saved.contains("edgeban"), "{saved}");
        }
        assert_eq!(text(lab.router("ipset").args(["list", "-n"])).unwrap(), "");
        assert_eq!(list(&lab, backend).status.code(), Some(3));
    }
}

#[test]
fn what_others_take_out_comes_back() {
    for (backend, commands) in [
        ("iptables", &["iptables -F INPUT", "iptables -F", "iptables -D edgeban 1", "ip6tables -F edgeban"][..]),
        (
            "ipset",
            &[
                "iptables -F INPUT",
                "iptables -F",
                "ip6tables -F edgeban",
                "ipset flush",
                "ipset del edgeban_v4 192.0.2.66",
            ],
        ),
    ] {
        let lab = Lab::new();
        let (mut log, edgeban) = daemon(&lab, backend, "");
        let four = Wire::new(&lab, ROUTER_V4.into(), &[v4(0), v4(2)]);
        let six = Wire::new(&lab, ROUTER_V6.into(), &[v6(0), v6(2)]);
        log.failures([v4(0), v6(0)]);
        wait_for_list(&lab, backend, [v4(0), v6(0)]);
        for command in commands {
            let before = edgeban.log().matches("as it should be again").count();
            match command.strip_prefix("ipset ") {
                Some(arguments) => drop(text(lab.router("ipset").args(arguments.split(' '))).unwrap()),
                None => iptables(&lab, command),
            }
            eventually(&format!("{backend} mends: {command}"), || {
                (edgeban.log().matches("as it should be again").count() > before).then_some(())
            });
            // The other family's look may come later.
            eventually(&format!("{backend} stops packets again after: {command}"), || {
                (four.through().is_empty() && six.through().is_empty()).then_some(())
            });
            wait_for_list(&lab, backend, [v4(0), v6(0)]);
        }
        let _ = edgeban.stop();
    }
}

#[test]
fn sets_that_are_destroyed_are_made_again_with_their_rule() {
    let lab = Lab::new();
    let (mut log, edgeban) = daemon(&lab, "ipset", "");
    let four = Wire::new(&lab, ROUTER_V4.into(), &[v4(0), v4(2)]);
    log.failures([v4(0), v6(0)]);
    wait_for_list(&lab, "ipset", [v4(0), v6(0)]);
    let script = "iptables-legacy -w -F edgeban; ip6tables-legacy -w -F edgeban; ipset destroy";
    text(lab.router("sh").args(["-c", script])).unwrap();
    edgeban.wait_for_log("gone from the kernel");
    eventually("packets are stopped again", || four.through().is_empty().then_some(()));
    wait_for_list(&lab, "ipset", [v4(0), v6(0)]);
    let _ = edgeban.stop();
}

#[test]
fn a_restart_lets_nothing_through() {
    for backend in LEGACY {
        let lab = Lab::new();
        let (mut log, edgeban) = daemon(&lab, backend, "");
        log.failure(v4(0));
        wait_for_list(&lab, backend, [v4(0)]);
        let wire = Wire::new(&lab, ROUTER_V4.into(), &[v4(0), v4(2)]);
        let done = AtomicBool::new(false);
        let (rounds, edgeban) = thread::scope(|scope| {
            let knocking = scope.spawn(|| {
                let mut rounds = 0;
                while !done.load(Ordering::Relaxed) {
                    assert!(wire.through().is_empty(), "{backend}: the banned address got through");
                    rounds += 1;
                }
                rounds
            });
            let (start, mut edgeban) = (Instant::now(), edgeban);
            for round in 0.. {
                if round % 2 == 0 {
                    edgeban.kill()
                } else {
                    drop(edgeban.stop())
                }
                edgeban = daemon(&lab, backend, "").1;
                if knocking.is_finished() || (start.elapsed() > Duration::from_secs(1) && round > 6) {
                    break;
                }
            }
            done.store(true, Ordering::Relaxed);
            (knocking.join().unwrap(), edgeban)
        });
        assert!(rounds > 100, "{backend}: only {rounds} packets came from the other");
        assert_eq!(edgeban.stop().banned, 1);
    }
}

#[test]
fn more_rules_than_the_limit_are_refused_with_its_name() {
    let lab = Lab::new();
    let (mut log, edgeban) = daemon(&lab, "iptables", "");
    let many: Vec<IpAddr> = (0..1100).map(|n| Ipv4Addr::from(0x0a09_0000 + n).into()).collect();
    log.failures(many);
    edgeban.wait_for_lines(1100);
    edgeban.wait_for_log("no room to ban");
    assert!(edgeban.log().contains("the chain has 1024 rules (limit XT_RULES)"), "{}", edgeban.log());
    eventually("the chain is full", || (listed(&lab, "iptables").len() == 1024).then_some(()));
    // The other family has a chain of its own.
    log.failure(v6(0));
    eventually("IPv6 has room", || (listed(&lab, "iptables").len() == 1025).then_some(()));
    let counters = edgeban.stop();
    assert_eq!((counters.banned, counters.refused), (1025, 1100 - 1024), "{counters:?}");
}

#[test]
fn hooks_and_prefixes_are_those_of_the_settings() {
    let lab = Lab::new();
    let (mut log, edgeban) = daemon(&lab, "iptables", "hook = \"prerouting\"\nipv4_prefix = 28");
    // .66 and .77 are in 192.0.2.64/28, .100 is not.
    let four = Wire::new(&lab, ROUTER_V4.into(), &[v4(0), v4(1), v4(2)]);
    log.failure(v4(0));
    edgeban.wait_for_log("banned 192.0.2.64");
    assert!(four.through().is_empty());
    let raw = text(lab.router("iptables-legacy-save").args(["-t", "raw"])).unwrap();
    assert!(raw.contains("-A PREROUTING -j edgeban\n-A edgeban -s 192.0.2.64/28 -j DROP"), "{raw}");
    let name = lab.config(&config(&lab, "iptables", "hook = \"prerouting\"\nipv4_prefix = 28"));
    let listed = text(&mut lab.edgeban(&["list", "--config", &name])).unwrap();
    assert!(listed.starts_with("192.0.2.64/28 2 packets "), "{listed}");
    let _ = edgeban.stop();

    // What a backend cannot do is refused, and said.
    for (backend, setting, why) in [
        ("ipset", "ipv4_prefix = 24", "single addresses only"),
        ("ipset", "counters = true", "counts no packets"),
        ("iptables", "verdict = \"reject\"", "only drops"),
        ("iptables", "protect_table = true", "cannot be protected"),
        ("ipset", "hook = \"ingress\"\ndevices = [\"wan\"]", "no hook ingress"),
    ] {
        let name = lab.config(&config(&lab, backend, setting));
        let mut edgeban = lab.spawn(lab.edgeban(&["run", "--config", &name]));
        assert_eq!(edgeban.exit_code(), 3, "{setting}");
        assert!(edgeban.log().contains(why), "{}", edgeban.log());
        assert_eq!(lab.edgeban(&["doctor", "--config", &name]).output().unwrap().status.code(), Some(3));
    }
}

#[test]
fn the_lock_of_iptables_is_waited_for() {
    let lab = Lab::new();
    let lock = lab.inside("/run/xtables.lock");
    let mut holder = lab.router("flock");
    holder.args(["/run/xtables.lock", "sh", "-c", "echo; exec cat"]);
    let mut holder = holder.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Read::read_exact(holder.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    assert!(lock.exists());
    let log = LogFile::open(lab.dir().join("log"));
    let mut edgeban = lab.spawn(lab.edgeban(&["run", "--config", &lab.config(&config(&lab, "iptables", ""))]));
    // It tries for as long as this, and longer.
    thread::sleep(Duration::from_millis(300));
    assert!(edgeban.runs() && !edgeban.log().contains("ready"), "{}", edgeban.log());
    drop(holder.stdin.take());
    let _ = holder.wait();
    edgeban.wait_until_ready();
    drop(log);
    let _ = edgeban.stop();
}

#[test]
fn log_only_bans_nobody_and_says_so() {
    let lab = Lab::new();
    let (mut log, edgeban) = daemon(&lab, "log-only", "");
    let wire = Wire::new(&lab, ROUTER_V4.into(), &[v4(0), v4(2)]);
    log.failures([v4(0), v4(0), v4(0)]);
    edgeban.wait_for_log(&format!("would ban {} by sshd", v4(0)));
    assert_eq!(wire.through(), [v4(0)]);
    let said = list(&lab, "log-only");
    assert_eq!((said.status.code(), &said.stdout[..]), (Some(0), &b""[..]));
    assert_eq!(String::from_utf8(said.stderr).unwrap(), "edgeban: backend log-only bans nobody\n");
    let log = edgeban.log();
    assert_eq!(log.matches("would ban").count(), 1, "{log}");
    let counters = edgeban.stop();
    assert_eq!((counters.bans, counters.banned, counters.waiting, counters.of_banned), (0, 0, 0, 2), "{counters:?}");
    assert!(!log.contains(": banned "), "{log}");
    assert_eq!(lab.nft(&["list", "ruleset"]).unwrap(), "");
}

/// A program that hides parts of the kernel from another.
fn without() -> PathBuf {
    let binary = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("without-{}", std::process::id()));
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lab/without.c");
    let status = Command::new("cc").args(["-Wall", "-o"]).arg(&binary).arg(source).status();
    assert!(status.is_ok_and(|status| status.success()), "this test needs cc and the Linux headers");
    binary
}

#[test]
fn auto_takes_the_first_that_there_is_and_says_what_each_answered() {
    let without = without();
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("log"));
    let name = lab.config(&config(&lab, "auto", "on_stop = \"remove\""));
    let command = |part: &str, arguments: &[&str]| {
        let mut command = lab.router(&without);
        command.arg(part).arg(binary()).args(arguments);
        command
    };
    let doctor = |part: &str| {
        let said = command(part, &["doctor", "--json", "--config", &name]).output().unwrap();
        let said = String::from_utf8(said.stdout).unwrap();
        let find = |check: &str| {
            let lines = said.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
            let line = lines.clone().find(|line| line["check"] == check).unwrap_or_else(|| panic!("{said}"));
            (line["ok"].as_bool().unwrap(), line["says"].as_str().unwrap().to_owned())
        };
        ["nftables", "iptables", "ipset", "backend"].map(find)
    };

    // Everything is there.
    let all = text(&mut lab.edgeban(&["doctor", "--config", &name])).unwrap();
    assert!(all.contains("nftables would be chosen"), "{all}");
    assert_eq!(lab.nft(&["list", "ruleset"]).unwrap(), "", "doctor changes nothing");
    assert_eq!(std::fs::read_to_string(lab.inside("/proc/net/ip_tables_names")).unwrap_or_default(), "");

    // No nfnetlink: neither nf_tables nor ipset.
    let [nftables, iptables, ipset, backend] = doctor("nfnetlink");
    assert_eq!((nftables.0, iptables.0, ipset.0, backend.0), (false, true, false, true));
    assert!(backend.1.starts_with("iptables would be chosen"), "{}", backend.1);
    let mut edgeban = lab.spawn(command("nfnetlink", &["run", "--config", &name]));
    edgeban.wait_until_ready();
    log.failure(v4(0));
    wait_for_list(&lab, "iptables", [v4(0)]);
    assert_eq!(listed(&lab, "auto"), BTreeSet::from([v4(0)]));
    let said = edgeban.log();
    assert!(said.contains("EPROTONOSUPPORT") && said.contains("backend nftables is not usable"), "{said}");
    let _ = edgeban.stop();

    // Nothing at all.
    let [nftables, iptables, ipset, backend] = doctor("both");
    assert_eq!((nftables.0, iptables.0, ipset.0, backend.0), (false, false, false, false));
    let mut edgeban = lab.spawn(command("both", &["run", "--config", &name]));
    assert_eq!(edgeban.exit_code(), 3);
    let said = edgeban.log();
    for part in [
        "netlink socket to netfilter: EPROTONOSUPPORT",
        "backend nftables is not usable",
        "iptables, table filter: raw socket: EPERM",
        "backend iptables is not usable",
        "backend ipset is not usable",
        "no backend is usable",
    ] {
        assert!(said.contains(part), "{part} is missing in\n{said}");
    }

    // The sets can be made, the rule cannot: nothing stays.
    let ipset = lab.config(&config(&lab, "ipset", ""));
    let mut edgeban = lab.spawn(command("raw", &["run", "--config", &ipset]));
    assert_eq!(edgeban.exit_code(), 3);
    assert_eq!(text(lab.router("ipset").args(["list", "-n"])).unwrap(), "");

    // Somebody else's table of our name is no reason to choose another backend.
    let _ = lab.nft(&["add", "table", "inet", "edgeban"]).unwrap();
    let mut edgeban = lab.spawn(lab.edgeban(&["run", "--config", &name]));
    assert_eq!(edgeban.exit_code(), 3);
    assert!(!edgeban.log().contains("backend iptables"), "{}", edgeban.log());
    assert_eq!(lab.edgeban(&["doctor", "--config", &name]).output().unwrap().status.code(), Some(3));
}

#[test]
fn without_the_right_it_says_which() {
    let lab = Lab::new();
    let name = lab.config(&config(&lab, "auto", ""));
    let mut command = lab.router("setpriv");
    command.args(["--bounding-set=-net_admin,-net_raw", "--inh-caps=-net_admin,-net_raw"]).arg(binary());
    let mut edgeban = lab.spawn({
        command.args(["run", "--config", &name]);
        command
    });
    assert_eq!(edgeban.exit_code(), 3);
    let said = edgeban.log();
    assert_eq!(said.matches("CAP_NET_ADMIN").count(), 1, "{said}");
}
