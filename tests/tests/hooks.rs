//! Where packets are dropped, and for how many addresses at once: attackers, a router and a server behind it, with the
//! real binary on the real kernel.

use edgeban_tests::lab::{
    ATTACKERS_V4, Edgeban, Lab, LogFile, ROUTER_V4, ROUTER_V6, SERVER_V4, SERVER_V6, eventually, text,
};
use edgeban_tests::monitor::Monitor;
use serde_json::Value;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

/// Long enough for a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Arrives,
    /// The sender is told.
    Refused,
    Vanishes,
}

/// A port of the router or the server, and what becomes of packets to it.
struct Target {
    socket: UdpSocket,
    addr: SocketAddr,
}

impl Target {
    fn new(socket: UdpSocket) -> Self {
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        let addr = socket.local_addr().unwrap();
        Self { socket, addr }
    }

    fn all(lab: &Lab) -> [[Self; 2]; 2] {
        [[ROUTER_V4.into(), ROUTER_V6.into()], [SERVER_V4.into(), SERVER_V6.into()]].map(|addrs: [IpAddr; 2]| {
            addrs.map(|addr| {
                let bind = || UdpSocket::bind((addr, 9)).unwrap();
                let server = addr == IpAddr::from(SERVER_V4) || addr == IpAddr::from(SERVER_V6);
                Self::new(if server { lab.on_server(bind) } else { lab.on_router(bind) })
            })
        })
    }

    /// Sends a packet from `from`, and one behind it from `free`, which nobody banned: once that has arrived, the first
    /// has, too, or never will.
    fn fate(&self, lab: &Lab, from: IpAddr, free: IpAddr) -> Fate {
        let [client, marker] = lab.on_attackers(|| {
            [from, free].map(|addr| {
                let socket = UdpSocket::bind((addr, 0)).unwrap();
                socket.connect(self.addr).unwrap();
                socket
            })
        });
        client.send(b"knock").unwrap();
        marker.send(b"marker").unwrap();
        let mut arrived = false;
        loop {
            let mut bytes = [0; 8];
            let (len, by) = self.socket.recv_from(&mut bytes).unwrap_or_else(|error| {
                panic!("the packet of {free} does not arrive beside that of {from} to {}: {error}", self.addr)
            });
            if &bytes[..len] == b"marker" && by == marker.local_addr().unwrap() {
                break;
            }
            arrived |= by == client.local_addr().unwrap();
        }
        client.set_nonblocking(true).unwrap();
        let refused = match client.recv(&mut [0; 8]) {
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            other => panic!("{other:?}"),
        };
        match (arrived, refused) {
            (true, false) => Fate::Arrives,
            (false, true) => Fate::Refused,
            (false, false) => Fate::Vanishes,
            (true, true) => panic!("both arrived and refused"),
        }
    }
}

fn list(lab: &Lab, config: &str) -> String {
    text(&mut lab.edgeban(&["list", "--config", config])).unwrap()
}

/// Starts with this configuration; returns its path, too.
fn start(lab: &Lab, config: &str) -> (Edgeban, String) {
    let path = lab.config(config);
    let edgeban = lab.start_file(&path);
    (edgeban, path)
}

/// Packets that the rules of a table counted.
fn counted(lab: &Lab, table: &str) -> Vec<u64> {
    let objects = lab.table(table).unwrap();
    let rules = objects.iter().filter_map(|object| object["rule"]["expr"].as_array()).flatten();
    rules.filter_map(|expr| expr["counter"]["packets"].as_u64()).collect()
}

#[test]
fn each_hook_protects_what_it_says_and_each_verdict_does_what_it_says() {
    let lab = Lab::new();
    lab.add_server();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    // Behind a router of their own: whose neighbour solicitations are dropped cannot be told either.
    let [attacker, free] = [["198.51.100.1", "2001:db8:aa:bb00::1"], ["198.51.101.1", "2001:db8:aa:bc00::1"]]
        .map(|addrs| addrs.map(|addr| addr.parse::<IpAddr>().unwrap()));
    let targets = Target::all(&lab);
    let set = format!("ip saddr {} counter", attacker[0]);
    // Connection tracking stands at -200.
    lab.nft(&[&format!(
        "table inet others {{ chain first {{ type filter hook prerouting priority -500; {set}; }}; \
         chain tracked {{ type filter hook prerouting priority -150; ct state new {set}; }}; }}"
    )])
    .unwrap();
    for (hook, protects, counts) in [
        ("hook = \"input\"", [true, false], [true, true]),
        ("hook = \"forward\"", [false, true], [true, true]),
        ("hook = \"prerouting\"", [true, true], [true, false]),
        ("hook = \"ingress\"\ndevices = [\"wan\"]", [true, true], [false, false]),
        // Nothing comes from there.
        ("hook = \"ingress\"\ndevices = [\"lan\"]", [false, false], [true, true]),
    ] {
        for (verdict, fate) in [("drop", Fate::Vanishes), ("reject", Fate::Refused)] {
            // At ingress the configuration takes none.
            if verdict == "reject" && hook.contains("ingress") {
                continue;
            }
            let (edgeban, config) = start(
                &lab,
                &format!(
                    "[global]\n{hook}\nverdict = \"{verdict}\"\ncounters = true\non_stop = \"remove\"\n\
                     [jails.sshd]\nmaxretry = 1\nlogpath = {:?}\n",
                    log.path()
                ),
            );
            let rules = lab.nft(&["list", "table", "inet", "edgeban"]).unwrap();
            log.failures(attacker);
            lab_holds(&lab, &config, 2);
            let before = counted(&lab, "others");
            for (targets, protected) in targets.iter().zip(protects) {
                for (family, target) in targets.iter().enumerate() {
                    let [attacker, free] = [attacker[family], free[family]];
                    let expected = if protected { fate } else { Fate::Arrives };
                    assert_eq!(
                        target.fate(&lab, attacker, free),
                        expected,
                        "{hook}, {attacker} to {}: {rules}",
                        target.addr
                    );
                    assert_eq!(target.fate(&lab, free, free), Fate::Arrives, "{hook}, {free} to {}", target.addr);
                }
            }
            let after = counted(&lab, "others");
            let seen: Vec<bool> = before.iter().zip(&after).map(|(before, after)| after > before).collect();
            assert_eq!(seen, counts, "{hook}: who sees packets of the banned");
            let packets = protects.iter().filter(|protects| **protects).count();
            let list = list(&lab, &config);
            for addr in attacker {
                let line = list.lines().find(|line| line.starts_with(&format!("{addr} "))).unwrap();
                let count: usize = line.split(' ').nth(2).unwrap().parse().unwrap();
                assert!(line.contains(" packets ") && line.ends_with(" bytes"), "{line}");
                assert_eq!(count, packets, "{hook}: {line}");
            }
            edgeban.stop();
        }
    }
}

#[track_caller]
fn lab_holds(lab: &Lab, config: &str, count: usize) {
    eventually(&format!("{count} are banned"), || (list(lab, config).lines().count() == count).then_some(()));
}

#[test]
fn a_device_that_is_not_there_is_said() {
    let lab = Lab::new();
    lab.nft(&["add table inet other"]).unwrap();
    let config = lab.config("[global]\nhook = \"ingress\"\ndevices = [\"wan\", \"wna\"]\n");
    let mut edgeban = lab.spawn(lab.edgeban(&["run", "--config", &config]));
    assert_eq!(edgeban.exit_code(), 3);
    let said = edgeban.log();
    assert!(said.contains("wna") && said.contains("[global] devices"), "{said}");
    assert!(lab.table("edgeban").is_none(), "nothing is left");
}

#[test]
fn a_device_that_comes_back_is_protected_again() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let [attacker, free, _] = ATTACKERS_V4.map(IpAddr::from);
    let (edgeban, config) = start(
        &lab,
        &format!(
            "[global]\nhook = \"ingress\"\ndevices = [\"wan\"]\n[jails.sshd]\nmaxretry = 1\nignoreself = false\nlogpath = {:?}\n",
            log.path()
        ),
    );
    log.failure(attacker);
    lab_holds(&lab, &config, 1);
    for _ in 0..2 {
        let target = Target::new(lab.on_router(|| UdpSocket::bind((ROUTER_V4, 0)).unwrap()));
        assert_eq!(target.fate(&lab, attacker, free), Fate::Vanishes);
        let again = "ip link del wan
            ip link add wan type veth peer name eth0 netns attackers
            ip addr add 192.0.2.1/24 dev wan
            ip link set wan up
            for addr in 66 77 100; do ip -n attackers addr add 192.0.2.$addr/24 dev eth0; done
            ip -n attackers link set eth0 up";
        let monitor = lab.on_router(Monitor::open);
        text(lab.router("sh").args(["-ec", again])).unwrap();
        // This kernel would find it by itself; those before 6.16 do not.
        let changes = monitor.changes(Duration::from_millis(300));
        assert!(changes.iter().any(|change| change.by == "edgeban"), "it makes its chain anew: {changes:?}");
        let target = Target::new(lab.on_router(|| UdpSocket::bind((ROUTER_V4, 0)).unwrap()));
        // The daemon hears of it at the same time as this test.
        eventually("the device is protected", || (target.fate(&lab, attacker, free) == Fate::Vanishes).then_some(()));
    }
    assert!(!edgeban.log().contains("error"), "{}", edgeban.log());
    edgeban.stop();
}

#[test]
fn the_addresses_of_one_prefix_are_counted_and_dropped_together() {
    let lab = Lab::new();
    lab.add_server();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let v6 = |addr: &str| -> IpAddr { format!("2001:db8:aa:{addr}").parse().unwrap() };
    let v4 = |addr: &str| -> IpAddr { format!("198.51.{addr}").parse().unwrap() };
    let three_v6 = ["bb00::1", "bb00::2", "bb00::3"].map(v6);
    let three_v4 = ["100.1", "100.2", "100.3"].map(v4);
    // One address a /64, beside the three: in their /60, in their /56, and outside.
    let others = ["bb01::1", "bb10::1", "bc00::1"].map(v6);
    let [router, _] = Target::all(&lab);
    for (bits, hits, shown) in [
        (128, [false, false, false], None),
        (64, [false, false, false], Some("2001:db8:aa:bb00::/64 ")),
        (60, [true, false, false], Some("2001:db8:aa:bb00::/60 ")),
        (56, [true, true, false], Some("2001:db8:aa:bb00::/56 ")),
    ] {
        let config = |ignoreip: &str| {
            format!(
                "[global]\nipv6_prefix = {bits}\nipv4_prefix = 24\non_stop = \"remove\"\nhook = \"prerouting\"\n\
                 [jails.sshd]\nmaxretry = 3\nignoreip = [{ignoreip}]\nlogpath = {:?}\n",
                log_path(&lab)
            )
        };
        let (edgeban, path) = start(&lab, &config("\"127.0.0.0/8\""));
        log.failures(three_v6);
        log.failures(three_v4);
        edgeban.wait_for_lines(6);
        lab_holds(&lab, &path, if shown.is_some() { 2 } else { 1 });
        let said = list(&lab, &path);
        assert!(said.starts_with("198.51.100.0/24 "), "{said}");
        assert!(shown.is_none_or(|shown| said.contains(shown)), "{said}");
        let fate = |banned: bool| if banned { Fate::Vanishes } else { Fate::Arrives };
        for addr in three_v4 {
            assert_eq!(router[0].fate(&lab, addr, v4("101.1")), Fate::Vanishes, "{addr}");
        }
        for addr in three_v6 {
            assert_eq!(router[1].fate(&lab, addr, others[2]), fate(shown.is_some()), "{addr} by /{bits}");
        }
        for (addr, hit) in others.into_iter().zip(hits) {
            assert_eq!(router[1].fate(&lab, addr, others[2]), fate(hit), "{addr} by /{bits}");
        }
        edgeban.stop();

        // One address that must not be banned protects all that would be banned with it.
        let (edgeban, path) = start(&lab, &config("\"2001:db8:aa:bb00::99\", \"198.51.100.99\""));
        for _ in 0..3 {
            log.failures(three_v6);
            log.failures(three_v4);
        }
        edgeban.wait_for_lines(18);
        let ignored = if bits == 128 { 9 } else { 18 };
        assert_eq!(edgeban.counters().ignored, ignored);
        lab_holds(&lab, &path, if bits == 128 { 3 } else { 0 });
        assert_eq!(router[0].fate(&lab, three_v4[0], v4("101.1")), Fate::Arrives);
        edgeban.stop();
    }
}

fn log_path(lab: &Lab) -> std::path::PathBuf {
    lab.dir().join("auth.log")
}

/// The kernel's element with its counter, so that what `edgeban list` shows is no invention.
#[test]
fn counters_are_the_kernels() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let [attacker, free, _] = ATTACKERS_V4.map(IpAddr::from);
    let (edgeban, config) =
        start(&lab, &format!("[global]\ncounters = true\n[jails.sshd]\nmaxretry = 1\nlogpath = {:?}\n", log.path()));
    log.failure(attacker);
    lab_holds(&lab, &config, 1);
    let target = Target::new(lab.on_router(|| UdpSocket::bind((ROUTER_V4, 9)).unwrap()));
    for _ in 0..5 {
        assert_eq!(target.fate(&lab, attacker, free), Fate::Vanishes);
    }
    let objects: Vec<Value> = lab.table("edgeban").unwrap();
    let element = objects.iter().find_map(|object| object["set"]["elem"].as_array()).unwrap()[0]["elem"].clone();
    // 5 packets of 20 + 8 + 5 bytes.
    assert_eq!((element["counter"]["packets"].as_u64(), element["counter"]["bytes"].as_u64()), (Some(5), Some(165)));
    assert!(list(&lab, &config).ends_with("s 5 packets 165 bytes\n"));
    edgeban.stop();
}
