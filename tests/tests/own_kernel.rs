//! The real program on the real kernel, in a network namespace that is a little router: it never bans the router's own
//! addresses and gateways, whatever they are at the time, and loses no other ban over it.
//!
//! The program is the one that `image/build` leaves behind.

use edgeban_tests::netlink::{enter_new_namespace, nft};
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Far more than anything here takes: past it, it will not come.
const PATIENCE: Duration = Duration::from_secs(30);

fn ip(command: &str) {
    let status = Command::new("ip").args(command.split_whitespace()).status().expect("this test needs the ip program");
    assert!(status.success(), "ip {command}");
}

/// A fresh namespace with a cable `wan`, its addresses and routes.
fn router(commands: &[&str]) {
    enter_new_namespace();
    for command in ["link set lo up", "link add wan type veth peer name far", "link set wan up", "link set far up"] {
        ip(command);
    }
    for command in commands {
        ip(command);
    }
}

struct Daemon {
    child: Child,
    log: PathBuf,
    stderr: PathBuf,
}

impl Daemon {
    /// Starts the program in the thread's namespace with these settings of its one jail, and waits until it is ready.
    fn start(name: &str, settings: &str) -> Self {
        let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("own_{name}"));
        std::fs::create_dir_all(&directory).unwrap();
        let [log, stderr, config] = ["auth.log", "stderr", "edgeban.toml"].map(|file| directory.join(file));
        File::create(&log).unwrap();
        let text = format!(
            "[global]\nlog_level = \"debug\"\n[jails.sshd]\nlogpath = {:?}\nmaxretry = 3\nbantime = \"1h\"\n{settings}\n",
            log.to_str().unwrap()
        );
        std::fs::write(&config, text).unwrap();
        let program = format!("{}/../target/dist/{}/edgeban", env!("CARGO_MANIFEST_DIR"), std::env::consts::ARCH);
        let child = Command::new(&program)
            .args(["run", "--config", config.to_str().unwrap()])
            .stdin(Stdio::null())
            .stderr(File::create(&stderr).unwrap())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}; this test needs image/build to have run"));
        let daemon = Self { child, log, stderr };
        daemon.wait("ready:");
        daemon
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.stderr).unwrap()
    }

    /// Waits until the program has said this.
    #[track_caller]
    fn wait(&self, text: &str) {
        self.until(text, || self.said().contains(text));
    }

    #[track_caller]
    fn until(&self, what: &str, done: impl Fn() -> bool) {
        let start = Instant::now();
        while !done() {
            assert!(start.elapsed() < PATIENCE, "waited for {what:?} in vain; edgeban said\n{}", self.said());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// `n` failures of each.
    fn attack(&self, n: usize, who: &[&str]) {
        let mut file = OpenOptions::new().append(true).open(&self.log).unwrap();
        let mut text = String::new();
        for who in who.iter().flat_map(|who| std::iter::repeat_n(who, n)) {
            text += &format!("Nov 24 05:00:00 edge sshd[7]: Failed password for root from {who} port 22 ssh2\n");
        }
        file.write_all(text.as_bytes()).unwrap();
    }

    /// An attack by these, and by one stranger behind them; returns when the stranger is banned, so all before him are
    /// judged.
    #[track_caller]
    fn attack_before(&self, who: &[&str], stranger: &str) {
        self.attack(5, who);
        self.attack(5, &[stranger]);
        self.wait(&format!("banned {stranger} by sshd"));
        assert!(banned(stranger));
    }

    #[track_caller]
    fn never_banned(&self, who: &[&str]) {
        for who in who {
            assert!(!banned(who), "{who} is banned");
            assert!(!self.said().contains(&format!("banned {who} by")), "{who} was banned:\n{}", self.said());
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether the kernel's sets hold the address.
fn banned(who: &str) -> bool {
    let set = if who.contains(':') { "banned_ipv6" } else { "banned_ipv4" };
    let text = nft(&["list", "set", "inet", "edgeban", set], "");
    text.split(|c: char| c.is_whitespace() || "{},=".contains(c)).any(|word| word == who)
}

#[test]
fn own_addresses_and_gateways_of_every_kind_are_never_banned() {
    router(&[
        "addr add 192.0.2.1/24 dev wan",
        "addr add 198.51.100.1 peer 198.51.100.2/32 dev wan",
        "-6 addr add 2001:db8::1/64 dev wan nodad",
        "-6 addr add fe80::7/64 dev wan nodad",
        "route add default via 192.0.2.254",
        "route add default metric 7 nexthop via 192.0.2.251 dev wan nexthop via 192.0.2.252 dev wan",
        "-4 route add default metric 8 via inet6 2001:db8::ee dev wan",
        "route add default table 100 via 192.0.2.253",
        "-6 route add default via 2001:db8::fe",
        "-6 route add default metric 2000 nexthop via 2001:db8::f1 dev wan nexthop via fe80::f2 dev wan",
        "nexthop add id 5 via 192.0.2.250 dev wan",
        "route add default metric 10 nhid 5",
        "route add 203.0.113.0/24 via 192.0.2.200",
    ]);
    let daemon = Daemon::start("kinds", "ignoreip = []");
    let protected = [
        "192.0.2.1",
        "198.51.100.1",
        "2001:db8::1",
        "fe80::7",
        "127.0.0.1",
        "::1",
        "192.0.2.254",
        "192.0.2.251",
        "192.0.2.252",
        "192.0.2.253",
        "192.0.2.250",
        "2001:db8::ee",
        "2001:db8::fe",
        "2001:db8::f1",
        "fe80::f2",
    ];
    daemon.attack_before(&protected, "203.0.113.1");
    daemon.never_banned(&protected);
    // Neighbours, and the gateway of a route that is no default route.
    for stranger in ["192.0.2.2", "192.0.2.200", "2001:db8::2", "fe80::8"] {
        daemon.attack_before(&protected, stranger);
    }
    daemon.never_banned(&protected);
    let said = daemon.said();
    assert!(said.contains("attempt of 192.0.2.1, an address of this machine"), "{said}");
    assert!(said.contains("attempt of 192.0.2.254, a default gateway"), "{said}");
}

#[test]
fn what_changes_is_followed() {
    router(&["addr add 192.0.2.1/24 dev wan", "route add default via 192.0.2.254"]);
    let daemon = Daemon::start("follow", "");
    daemon.attack_before(&["192.0.2.254"], "203.0.113.1");
    ip("addr add 192.0.2.9/24 dev wan");
    ip("-6 addr add 2001:db8::9/64 dev wan nodad");
    // IPv6 tells of an address a little later, and sets its local route then. Until it does, nobody can know.
    daemon.until("the local route", || {
        let routes = Command::new("ip").args(["-6", "route", "show", "table", "local"]).output().unwrap();
        String::from_utf8(routes.stdout).unwrap().contains("local 2001:db8::9 ")
    });
    daemon.attack_before(&["192.0.2.9", "2001:db8::9"], "203.0.113.2");
    ip("route replace default via 192.0.2.222");
    ip("-6 route add default via 2001:db8::fd");
    daemon.attack_before(&["192.0.2.222", "2001:db8::fd"], "203.0.113.3");
    ip("-6 route replace default via 2001:db8::fc");
    ip("-4 route add default metric 21 nexthop via 192.0.2.231 dev wan nexthop via inet6 2001:db8::32 dev wan");
    let protected = ["192.0.2.9", "2001:db8::9", "192.0.2.222", "192.0.2.231", "2001:db8::32", "2001:db8::fc"];
    daemon.attack_before(&protected, "203.0.113.4");
    daemon.never_banned(&protected);
    // What is not ours any more can be banned before long.
    ip("addr del 192.0.2.9/24 dev wan");
    for former in ["192.0.2.9", "192.0.2.254", "2001:db8::fd"] {
        daemon.until(former, || {
            daemon.attack(3, &[former]);
            banned(former)
        });
    }
    daemon.attack_before(&["192.0.2.1", "192.0.2.222"], "203.0.113.5");
    daemon.never_banned(&["192.0.2.1", "192.0.2.222"]);
}

#[test]
fn a_banned_address_that_becomes_ours_is_let_in_again() {
    router(&["addr add 192.0.2.1/24 dev wan", "route add default via 192.0.2.254"]);
    let daemon = Daemon::start("release", "");
    let moving = ["192.0.2.9", "2001:db8::9", "192.0.2.222"];
    for who in moving.iter().chain(&["203.0.113.1"]) {
        daemon.attack_before(&[], who);
    }
    ip("addr add 192.0.2.9/24 dev wan");
    ip("-6 addr add 2001:db8::9/64 dev wan nodad");
    ip("route replace default via 192.0.2.222");
    for who in moving {
        daemon.wait(&format!("{who} is not banned: it is a"));
        daemon.until(who, || !banned(who));
    }
    assert!(banned("203.0.113.1"));
    // Nor does an outside flush bring them back.
    let _ = nft(&["flush", "ruleset"], "");
    daemon.attack(5, &moving);
    daemon.attack(5, &["203.0.113.2"]);
    daemon.wait("banned 203.0.113.2 by sshd");
    daemon.until("the bans after the flush", || banned("203.0.113.1"));
    for who in moving {
        assert!(!banned(who), "{who}");
    }
}

#[test]
fn without_ignoreself_they_are_banned_like_any_other() {
    router(&["addr add 192.0.2.1/24 dev wan", "route add default via 192.0.2.254"]);
    let daemon = Daemon::start("off", "ignoreself = false");
    for who in ["192.0.2.1", "192.0.2.254"] {
        daemon.attack_before(&[], who);
    }
    assert!(!daemon.said().contains("rtnetlink"));
}

#[test]
fn a_namespace_without_addresses_works() {
    enter_new_namespace();
    let daemon = Daemon::start("empty", "");
    daemon.attack_before(&[], "192.0.2.1");
}

#[test]
fn a_flood_of_routes_is_passed_over() {
    router(&["addr add 192.0.2.1/24 dev wan", "route add default via 192.0.2.254"]);
    let daemon = Daemon::start("flood", "");
    let routes: String =
        (0..30_000).map(|n| format!("route add 10.{}.{}.0/24 via 192.0.2.253\n", n / 256, n % 256)).collect();
    let mut batch = Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    batch.stdin.take().unwrap().write_all(routes.as_bytes()).unwrap();
    assert!(batch.wait().unwrap().success());
    daemon.attack_before(&["192.0.2.1", "192.0.2.254"], "192.0.2.253");
    daemon.never_banned(&["192.0.2.1", "192.0.2.254"]);
    let status = Command::new("sh").args(["-c", &format!("kill -USR1 {}", daemon.child.id())]).status();
    assert!(status.is_ok_and(|status| status.success()));
    daemon.wait("own addresses and gateways");
    let said = daemon.said();
    let number = |before: &str, behind: &str| -> u64 {
        let rest = said.split(before).nth(1).unwrap();
        rest.split(behind).next().unwrap().parse().unwrap()
    };
    let (rounds, losses) = (number("listed ", " times"), number("malformed, ", " losses"));
    // Only what was lost for want of room in the socket is a reason to ask again.
    assert!(rounds <= 1 + losses, "{said}");
    assert!(said.contains(" 0 malformed"), "{said}");
}
