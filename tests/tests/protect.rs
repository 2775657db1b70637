//! `protect_table` on the real kernel: nobody but the daemon changes the table, and it outlives the daemon. What it does
//! not do: while nobody owns the table, `nft flush ruleset` takes it like any other.

use edgeban_tests::lab::{ATTACKERS_V4, Edgeban, Lab, LogFile, ROUTER_V4, Signal};
use std::net::{IpAddr, UdpSocket};
use std::time::Duration;

const ON: &str = "protect_table = true\n";

struct World {
    log: LogFile,
    lab: Lab,
}

impl World {
    fn new() -> Self {
        let lab = Lab::new();
        Self { log: LogFile::open(lab.dir().join("auth.log")), lab }
    }

    fn config(&self, global: &str) -> String {
        let log = self.log.path();
        self.lab.config(&format!("[global]\n{global}[jails.sshd]\nmaxretry = 1\nbantime = \"1h\"\nlogpath = {log:?}\n"))
    }

    fn start(&self, global: &str) -> Edgeban {
        self.lab.start_file(&self.config(global))
    }

    fn flags(&self) -> String {
        let text = self.lab.nft(&["list", "table", "inet", "edgeban"]).unwrap();
        text.lines().find(|line| line.contains("flags") && !line.contains("timeout")).unwrap_or("").trim().to_owned()
    }
}

#[test]
fn nobody_else_changes_a_protected_table() {
    let mut world = World::new();
    let [first, second, _] = ATTACKERS_V4.map(IpAddr::from);
    let edgeban = world.start(ON);
    world.log.failure(first);
    world.lab.wait_for_bans([first]);
    let lab = &world.lab;
    assert_eq!(world.flags(), "flags owner");
    lab.nft(&["add table inet other"]).unwrap();
    lab.nft(&["flush ruleset"]).unwrap();
    assert!(lab.table("other").is_none());
    for change in [
        "delete table inet edgeban",
        "flush set inet edgeban banned_ipv4",
        "add element inet edgeban banned_ipv4 { 203.0.113.1 }",
        "flush chain inet edgeban input",
        "insert rule inet edgeban input accept",
        "add table inet edgeban { flags dormant; }",
    ] {
        let error = lab.nft(&[change]).unwrap_err();
        assert!(error.contains("Operation not permitted"), "{change}: {error}");
    }
    assert_eq!(lab.banned(), [first].into());
    world.log.failure(second);
    world.lab.wait_for_bans([first, second]);
    let config = world.config(ON);
    let unban = world.lab.edgeban(&["unban", &first.to_string(), "--config", &config]).output().unwrap();
    assert!(unban.status.success(), "{unban:?}");
    assert_eq!(world.lab.banned(), [second].into());
    assert!(!edgeban.log().contains("warning"), "{}", edgeban.log());
    edgeban.stop();
    assert_eq!(world.lab.banned(), [second].into());
    // Whoever wants to get rid of it while no daemon runs can.
    world.lab.nft(&["delete table inet edgeban"]).unwrap();
    world.start(&format!("{ON}on_stop = \"remove\"\n")).stop();
    assert!(world.lab.table("edgeban").is_none());
}

#[test]
fn a_protected_table_outlives_the_daemon_and_belongs_to_the_next() {
    let mut world = World::new();
    let [attacker, other, _] = ATTACKERS_V4.map(IpAddr::from);
    let server = world.lab.on_router(|| UdpSocket::bind((ROUTER_V4, 9)).unwrap());
    let wait = Duration::from_millis(1);
    server.set_read_timeout(Some(wait)).unwrap();
    let [bad, good] = world.lab.on_attackers(|| [attacker, other].map(|addr| UdpSocket::bind((addr, 0)).unwrap()));
    // Whose packets arrive of one of each.
    let arrivals = || {
        for client in [&bad, &good] {
            client.send_to(b"knock", (ROUTER_V4, 9)).unwrap();
        }
        let mut from = Vec::new();
        let start = std::time::Instant::now();
        while from.is_empty() && start.elapsed() < Duration::from_secs(5) {
            from.extend(server.recv_from(&mut [0; 8]).ok().map(|(_, from)| from.ip()));
        }
        while let Ok((_, next)) = server.recv_from(&mut [0; 8]) {
            from.push(next.ip());
        }
        from
    };
    let mut edgeban = world.start(ON);
    world.log.failure(attacker);
    world.lab.wait_for_bans([attacker]);
    let before = world.lab.bans()[&attacker];
    for (round, global) in [ON, ON, "", ON, "", "", ON].into_iter().enumerate() {
        let protected = world.flags() == "flags owner";
        if round % 2 == 0 {
            edgeban.kill();
        } else {
            edgeban.signal(Signal::INT);
            assert_eq!(edgeban.exit_code(), 0);
            drop(edgeban);
        }
        assert_ne!(world.flags(), "flags owner", "nobody owns it");
        assert_eq!(arrivals(), [other], "without a daemon");
        edgeban = world.start(global);
        assert_eq!(arrivals(), [other], "{global:?} after {protected}");
        assert_eq!(world.flags(), if global == ON { "flags owner" } else { "" });
        let ban = world.lab.bans()[&attacker];
        assert!(ban.left.unwrap() + 60 > before.left.unwrap(), "{ban:?}");
        assert!(!edgeban.log().contains("cannot protect"), "{}", edgeban.log());
    }
    edgeban.kill();
    world.lab.nft(&["flush ruleset"]).unwrap();
    assert!(world.lab.table("edgeban").is_none());
}
