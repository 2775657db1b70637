//! `core::firewall::kill` against the real kernel: forwarded connections by the connection table, local ones by their
//! sockets. `conntrack` and `ss` are the judges of what is left.

use edgeban_core::addr::Addr;
use edgeban_core::firewall::kill::{Counters, DATAGRAM, Killer, Report, Side};
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::ct::{FLOW, Flow, GetFlows};
use edgeban_core::wire::nl::{Messages, Tag};
use edgeban_core::wire::reply::{Replies, Reply};
use edgeban_tests::lab::{DEADLINE, eventually};
use edgeban_tests::space::Space;
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_SOCK_DIAG};
use netlink_sys::{Socket, SocketAddr as Kernel};
use rustix::net::{AddressFamily, SocketType};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn addr(ip: IpAddr) -> Addr {
    Addr::parse(ip.to_string().as_bytes()).unwrap()
}

/// Runs passes until there is nothing to do; what was counted for flows and for sockets.
fn kill(space: &Space, banned: &[IpAddr]) -> [Counters; 2] {
    kill_with(space, banned, 1 << 18)
}

/// As [`kill`], with receive buffers of this many bytes.
fn kill_with(space: &Space, banned: &[IpAddr], receive_buffer: i32) -> [Counters; 2] {
    let banned: Vec<Addr> = banned.iter().map(|&ip| addr(ip)).collect();
    space.run(move || {
        let mut killer = Killer::new();
        killer.banned();
        let (mut out, start) = (vec![0; DATAGRAM], std::time::Instant::now());
        [(Side::Flows, NETLINK_NETFILTER), (Side::Sockets, NETLINK_SOCK_DIAG)].map(|(side, protocol)| {
            let mut socket = Socket::new(protocol).unwrap();
            socket.bind_auto().unwrap();
            socket.set_rx_buf_sz(receive_buffer).unwrap();
            socket.set_cap_ack(true).unwrap();
            socket.set_non_blocking(true).unwrap();
            let send = |out: &[u8]| assert_eq!(socket.send_to(out, &Kernel::new(0, 0), 0).unwrap(), out.len());
            loop {
                let now = Instant::from_millis(u64::try_from(start.elapsed().as_millis()).unwrap() + 1);
                assert!(start.elapsed() < DEADLINE, "no end of it");
                if let Some(len) = killer.poll_transmit(side, now, &mut out) {
                    send(&out[..len]);
                }
                if !killer.is_busy(side, now) {
                    break;
                }
                let mut buffer = Vec::with_capacity(DATAGRAM);
                match socket.recv(&mut buffer, 0) {
                    Ok(_) => {
                        let is_banned = |addr| banned.contains(&addr);
                        if let Some(len) = killer.handle(side, &buffer, now, &is_banned, &mut out) {
                            send(&out[..len]);
                        }
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => thread::sleep(Duration::from_millis(1)),
                    Err(error) if error.raw_os_error() == Some(105) => killer.lost(side, now),
                    Err(error) => panic!("{error}"),
                }
            }
            if let Some((_, report)) = killer.poll_report() {
                assert!(matches!(report, Report::Cut(_)), "{report:?}");
            }
            *killer.counters(side)
        })
    })
}

/// A connection from an address of the client to a server, with its end at the server.
struct Pair {
    name: String,
    client: TcpStream,
    server: TcpStream,
}

/// std cannot choose the address that a connection comes from.
fn connect(from: IpAddr, to: SocketAddr) -> TcpStream {
    let family = if to.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket: OwnedFd = rustix::net::socket(family, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddr::new(from, 0)).unwrap();
    let stream = TcpStream::from(socket);
    rustix::net::connect(&stream, &to).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
    stream
}

impl Pair {
    /// `to` is what the client believes, `listener` who answers.
    fn new(client: &Space, from: &str, to: &str, listener: &TcpListener) -> Self {
        let (source, target) = (ip(from), to.parse().unwrap());
        let client = client.run(move || connect(source, target));
        let (server, _) = listener.accept().unwrap();
        for end in [&client, &server] {
            end.set_read_timeout(Some(DEADLINE)).unwrap();
        }
        let pair = Self { name: format!("{from} to {to}"), client, server };
        pair.assert_alive();
        pair
    }

    #[track_caller]
    fn assert_alive(&self) {
        let mut byte = [0];
        for (sent, mut from, mut to) in [(7, &self.client, &self.server), (8, &self.server, &self.client)] {
            from.write_all(&[sent]).unwrap_or_else(|error| panic!("{}: {error}", self.name));
            to.read_exact(&mut byte).unwrap_or_else(|error| panic!("{}: {error}", self.name));
            assert_eq!(byte, [sent], "{}", self.name);
        }
    }

    /// What the end at the server, or the client's, is told when it reads.
    #[track_caller]
    fn assert_ended(&self, server: ErrorKind, client: ErrorKind) {
        for (end, mut stream, kind) in [("server", &self.server, server), ("client", &self.client, client)] {
            let result = stream.read(&mut [0]).map_err(|error| error.kind());
            assert_eq!(result, Err(kind), "{}: the {end}'s end", self.name);
        }
    }
}

/// A client's, a router's and a server's namespace. The router lets in what belongs to a connection, and new ones; it
/// does not take up a connection in its middle, as offload and NAT do not.
fn route() -> [Space; 3] {
    let [client, router, server] = [Space::new(), Space::new(), Space::new()];
    router.cable("c0", &["10.1.0.1/24", "2001:db8:1::1/64"], &client, "eth0", &["10.1.0.66/24", "10.1.0.77/24"]);
    client.sh("ip addr add 2001:db8:1::66/64 dev eth0 nodad; ip addr add 2001:db8:1::77/64 dev eth0 nodad");
    router.cable("s0", &["10.2.0.1/24", "2001:db8:2::1/64"], &server, "eth0", &["10.2.0.2/24", "2001:db8:2::2/64"]);
    for (space, n) in [(&client, 1), (&server, 2)] {
        space.sh(&format!("ip route add default via 10.{n}.0.1; ip route add default via 2001:db8:{n}::1"));
    }
    router.sh(
        "sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
        nft -f - <<'END'
        table inet fw {
            chain early { type filter hook prerouting priority raw; tcp dport 8001 ct zone set 7; tcp sport 8001 ct zone set 7; }
            chain forward {
                type filter hook forward priority filter; policy drop;
                ct state established accept
                ct state new tcp flags & (fin | syn | rst | ack) == syn accept
                ct state new udp dport 9 accept
                meta l4proto icmpv6 accept
                ip saddr 10.1.0.66 counter name dead4
                ip6 saddr 2001:db8:1::66 counter name dead6
                ip daddr 10.1.0.66 counter name back4
            }
            counter dead4 { }
            counter dead6 { }
            counter back4 { }
        }
        table ip nat {
            chain before { type nat hook prerouting priority dstnat; ip daddr 10.1.0.1 tcp dport 80 dnat to 10.2.0.2:8000; }
            chain after { type nat hook postrouting priority srcnat; oif c0 masquerade; }
        }
END
        sysctl -qw net.netfilter.nf_conntrack_tcp_loose=0",
    );
    [client, router, server]
}

fn counted(router: &Space, name: &str) -> bool {
    !router.sh(&format!("nft list counter inet fw {name}")).contains("packets 0 ")
}

/// The entries with their ids, without what changes by itself.
fn entries(router: &Space) -> Vec<String> {
    let mut lines: Vec<String> = ["ipv4", "ipv6"]
        .iter()
        .flat_map(|family| {
            let text = router.sh(&format!("conntrack -L -f {family} -o id 2>/dev/null"));
            text.lines()
                .map(|line| {
                    line.split_whitespace()
                        .skip(3)
                        .filter(|word| !word.starts_with("use="))
                        .collect::<Vec<_>>()
                        .join(" ")
                })
                .collect::<Vec<_>>()
        })
        .filter(|line| line.starts_with("ESTABLISHED "))
        .collect();
    lines.sort();
    lines
}

#[test]
fn forwarded_connections_from_and_to_a_banned_address_are_cut() {
    let [client, router, server] = route();
    let [plain, zone] = [8000, 8001].map(|port| server.run(move || TcpListener::bind(("::", port)).unwrap()));
    let home = client.run(|| TcpListener::bind("0.0.0.0:9000").unwrap());

    let (v4, v6) = ("10.2.0.2:8000", "[2001:db8:2::2]:8000");
    let mut dead = [
        Pair::new(&client, "10.1.0.66", v4, &plain),
        Pair::new(&client, "2001:db8:1::66", v6, &plain),
        // In a zone of its own.
        Pair::new(&client, "10.1.0.66", "10.2.0.2:8001", &zone),
        // The client knows the router only.
        Pair::new(&client, "10.1.0.66", "10.1.0.1:80", &plain),
        // Begun by the server; the client sees the router's address.
        Pair::new(&server, "10.2.0.2", "10.1.0.66:9000", &home),
    ];
    let alive = [
        Pair::new(&client, "10.1.0.77", v4, &plain),
        Pair::new(&client, "2001:db8:1::77", v6, &plain),
        Pair::new(&client, "10.1.0.77", "10.2.0.2:8001", &zone),
        Pair::new(&client, "10.1.0.77", "10.1.0.1:80", &plain),
        Pair::new(&server, "10.2.0.2", "10.1.0.77:9000", &home),
    ];
    let before = entries(&router);
    assert_eq!(before.len(), 10, "{before:#?}");
    assert!(before.iter().any(|line| line.contains("zone=7")), "{before:#?}");

    // Nobody is banned: nobody is cut.
    assert_eq!(kill(&router, &[ip("10.1.0.99")]).map(|counters| (counters.cut, counters.errors)), [(0, 0); 2]);
    assert_eq!(entries(&router), before);

    let [flows, sockets] = kill(&router, &[ip("10.1.0.66"), ip("2001:db8:1::66")]);
    assert_eq!((flows.passes, flows.cut, flows.errors), (1, 5, 0));
    assert_eq!((sockets.passes, sockets.cut, sockets.errors), (1, 0, 0));
    let ours = |line: &&String| line.contains("=10.1.0.66 ") || line.contains("::66 ");
    assert_eq!(before.iter().filter(ours).count(), 5);
    let left: Vec<String> = before.iter().filter(|line| !ours(line)).cloned().collect();
    assert_eq!(entries(&router), left, "with the same ids");

    // What is sent now reaches the router, which drops it, and nobody else.
    for pair in &mut dead {
        pair.client.write_all(b"x").unwrap();
        pair.server.write_all(b"x").unwrap();
    }
    for counter in ["dead4", "dead6", "back4"] {
        eventually("the packets are dropped", || counted(&router, counter).then_some(()));
    }
    for pair in &alive {
        pair.assert_alive();
    }
    for pair in &mut dead {
        for end in [&mut pair.client, &mut pair.server] {
            end.set_nonblocking(true).unwrap();
            // Where the router did NAT, it answers for itself now.
            let error = end.read(&mut [0]).unwrap_err().kind();
            assert!(matches!(error, ErrorKind::WouldBlock | ErrorKind::ConnectionReset), "{}: {error}", pair.name);
        }
    }
    assert_eq!(entries(&router), left, "nothing was taken up again");
}

/// Flows of UDP from each of two addresses.
const EACH: u16 = 4000;

fn many_flows() -> [Space; 3] {
    let [client, router, server] = route();
    client.run(|| {
        for from in ["10.1.0.66", "10.1.0.77"] {
            for port in 1..=EACH {
                let socket = UdpSocket::bind((ip(from), 20_000 + port)).unwrap();
                socket.send_to(b"x", "10.2.0.2:9").unwrap();
            }
        }
    });
    eventually("all are tracked", || (count(&router) == [EACH; 2]).then_some(()));
    [client, router, server]
}

fn count(router: &Space) -> [u16; 2] {
    ["10.1.0.66", "10.1.0.77"].map(|from| {
        let list = router.sh(&format!("conntrack -L -p udp -s {from} 2>/dev/null"));
        u16::try_from(list.lines().count()).unwrap()
    })
}

#[test]
fn thousands_of_flows_of_one_address_are_cut_in_one_pass() {
    let [_client, router, _server] = many_flows();
    let [flows, _] = kill(&router, &[ip("10.1.0.66")]);
    assert_eq!((flows.passes, flows.cut, flows.errors), (1, EACH.into(), 0));
    assert_eq!(count(&router), [0, EACH]);
}

/// The kernel drops answers (`ENOBUFS`), and then every other until the queue is empty.
#[test]
fn lost_answers_cost_another_pass_and_no_flow() {
    let [_client, router, _server] = many_flows();
    let [flows, _] = kill_with(&router, &[ip("10.1.0.66")], 4096);
    assert_eq!(count(&router), [0, EACH]);
    assert_eq!(flows.errors, 0);
    assert!(flows.cut < EACH.into(), "no answer was lost");
}

/// A deletion means the entry that was listed, not another with the same addresses and ports.
#[test]
fn an_entry_with_another_id_stays() {
    let [client, router, _server] = route();
    client.run(|| UdpSocket::bind("10.1.0.66:20000").unwrap().send_to(b"x", "10.2.0.2:9").unwrap());
    let is_tracked = || !router.sh("conntrack -L -p udp 2>/dev/null").is_empty();
    eventually("it is tracked", || is_tracked().then_some(()));
    for (id, error) in [(1, Some(2)), (0, None)] {
        let answer = router.run(move || {
            let mut netlink = Socket::new(NETLINK_NETFILTER).unwrap();
            netlink.bind_auto().unwrap();
            let exchange = |write: &dyn Fn(&mut Writer<'_>), flip: u8| {
                let mut buffer = [0; 1024];
                let mut w = Writer::new(&mut buffer);
                write(&mut w);
                // The id comes last.
                let len = w.len();
                buffer[len - 1] ^= flip;
                netlink.send(&buffer[..len], 0).unwrap();
                let mut answer = Vec::with_capacity(DATAGRAM);
                netlink.recv(&mut answer, 0).unwrap();
                answer
            };
            let list = exchange(&|w| GetFlows.emit(1, w).unwrap(), 0);
            let mut messages = Messages::new(&list).map(Result::unwrap);
            let message = messages.find(|message| message.header.kind == FLOW).unwrap();
            let flow = Flow::parse(message.payload).unwrap();
            // The list's end comes first, if it was not in the same datagram.
            let answer = exchange(&|w| flow.emit_delete(Tag::acked(2), w).unwrap(), id);
            Replies::new(&answer).map(Result::unwrap).find_map(|reply| match reply {
                Reply::Ack { seq: 2 } => Some(None),
                Reply::Error { seq: 2, error, .. } => Some(Some(error.get())),
                _ => None,
            })
        });
        // Unless the list's end was a datagram of its own.
        assert!(answer.is_none_or(|answer| answer == error), "{answer:?}");
        assert_eq!(is_tracked(), id == 1);
    }
}

/// A server on this machine that listens for both families with one socket, and for IPv4 with another.
#[test]
fn local_connections_from_and_to_a_banned_address_are_ended() {
    let [client, router] = [Space::new(), Space::new()];
    router.cable("wan", &["10.1.0.1/24", "2001:db8:1::1/64"], &client, "eth0", &["10.1.0.66/24", "10.1.0.77/24"]);
    client.sh("ip addr add 2001:db8:1::66/64 dev eth0 nodad; ip addr add 2001:db8:1::77/64 dev eth0 nodad");
    let both = router.run(|| TcpListener::bind("[::]:22").unwrap());
    let v4 = router.run(|| TcpListener::bind("10.1.0.1:2222").unwrap());
    let home = client.run(|| TcpListener::bind("0.0.0.0:9000").unwrap());

    let pairs = |n: &str| {
        let [from4, from6] = [format!("10.1.0.{n}"), format!("2001:db8:1::{n}")];
        [
            // Its peer is ::ffff:10.1.0.66 to the server.
            Pair::new(&client, &from4, "10.1.0.1:22", &both),
            Pair::new(&client, &from4, "10.1.0.1:2222", &v4),
            Pair::new(&client, &from6, "[2001:db8:1::1]:22", &both),
        ]
    };
    let (dead, alive) = (pairs("66"), pairs("77"));
    let begun = Pair::new(&router, "10.1.0.1", "10.1.0.66:9000", &home);
    // One that nobody has accepted yet.
    let _idle = router.run(|| TcpListener::bind("10.1.0.1:2223").unwrap());
    let waiting = client.run(|| connect(ip("10.1.0.66"), "10.1.0.1:2223".parse().unwrap()));
    let list = || router.sh("ss -tnH state established");
    let count = |n: u8| {
        let is_of = |line: &&str| line.contains(&format!("10.1.0.{n}")) || line.contains(&format!("::{n}]"));
        list().lines().filter(is_of).count()
    };
    assert_eq!((count(66), count(77)), (5, 3), "{}", list());

    let [flows, sockets] = kill(&router, &[ip("10.1.0.66"), ip("2001:db8:1::66")]);
    assert_eq!((sockets.passes, sockets.cut, sockets.errors), (1, 5, 0));
    assert_eq!(flows.errors, 0);
    assert_eq!((count(66), count(77)), (0, 3), "{}", list());
    for pair in &dead {
        pair.assert_ended(ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset);
    }
    begun.assert_ended(ErrorKind::ConnectionReset, ErrorKind::ConnectionAborted);
    waiting.set_read_timeout(Some(DEADLINE)).unwrap();
    assert_eq!((&waiting).read(&mut [0]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    for pair in &alive {
        pair.assert_alive();
    }
    // The listeners live, too.
    let _ = pairs("77");
}
