//! Legacy iptables on the real kernel: what we put into its tables is what its own programs show and take, and all else
//! stays as it was.

use edgeban_core::addr::{Family, Prefix};
use edgeban_core::firewall::xt::{Content, Plan, Refused};
use edgeban_core::limits::XT_RULES;
use edgeban_core::wire::uapi::netfilter::{NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING};
use edgeban_linux::Errno;
use edgeban_tests::netlink::enter_new_namespace;
use edgeban_tests::xtables::{Kernel, Tried, run, split};
use rustix::thread::CapabilitySet;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CHAIN: &str = "edgeban";

/// Everything that a table of an administrator may have, with counters.
const RICH_V4: &str = "*filter
:INPUT DROP [11:1100]
:FORWARD DROP [5:500]
:OUTPUT ACCEPT [18446744073709551:99]
:aaa - [0:0]
:empty - [0:0]
:f2b-sshd - [0:0]
:zzz - [0:0]
[7:420] -A INPUT -i lo -j ACCEPT
[8:421] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[9:422] -A INPUT -p tcp -m multiport --dports 22,80,443 -j f2b-sshd
[10:423] -A INPUT -s 10.0.0.0/8
[11:424] -A INPUT -p tcp -m tcp --dport 22 --tcp-flags SYN,ACK SYN -m comment --comment \"with a comment\" -g zzz
[12:425] -A INPUT ! -s 192.0.2.0/24 -p icmp -m icmp --icmp-type 8 -m limit --limit 5/sec --limit-burst 9 -j aaa
[13:426] -A INPUT -m string --string \"x\" --algo bm --to 65535 -j LOG --log-prefix \"in \"
[14:427] -A INPUT -j zzz
[1:41] -A FORWARD -i eth0 -o eth1 -j aaa
[2:42] -A FORWARD -m mark --mark 0x1/0xff -j REJECT --reject-with tcp-reset -p tcp
[3:43] -A OUTPUT -d 203.0.113.0/24 -j empty
[4:44] -A OUTPUT -m owner --uid-owner 0
[5:45] -A aaa -j zzz
[6:46] -A aaa -m statistic --mode nth --every 3 --packet 0 -j RETURN
[7:47] -A f2b-sshd -s 198.51.100.1/32 -j REJECT --reject-with icmp-port-unreachable
[8:48] -A f2b-sshd -j RETURN
[9:49] -A zzz -p udp -m udp --dport 5000:6000
[10:50] -A zzz -m recent --set --name seen --mask 255.255.255.255 --rsource
COMMIT
";

const RICH_V6: &str = "*filter
:INPUT ACCEPT [11:1100]
:FORWARD DROP [5:500]
:OUTPUT ACCEPT [33:3300]
:aaa - [0:0]
:zzz - [0:0]
[7:420] -A INPUT -i lo -j ACCEPT
[8:421] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[9:422] -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 128 -m limit --limit 5/sec -j aaa
[10:423] -A INPUT -s fe80::/10 -p udp -m udp --dport 546
[11:424] -A INPUT -p tcp -m multiport --dports 22,80,443 -m comment --comment \"x y\" -g zzz
[1:41] -A FORWARD -i eth0 -j aaa
[2:42] -A FORWARD -j REJECT --reject-with icmp6-adm-prohibited
[5:45] -A aaa -j zzz
[9:49] -A zzz -s 2001:db8::/32 -j LOG
COMMIT
";

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text.as_bytes()).unwrap()
}

fn sources(family: Family) -> [Prefix; 3] {
    match family {
        Family::V4 => ["192.0.2.1", "203.0.113.7", "198.51.100.0/24"].map(prefix),
        Family::V6 => ["2001:db8::1", "2001:db8:0:1::/64", "fe80::1"].map(prefix),
    }
}

const fn plan<'a>(content: Option<Content<'a>>) -> Plan<'a> {
    Plan { chain: CHAIN, hook: NF_INET_LOCAL_IN, content }
}

const fn ban<'a>(sources: &'a [Prefix]) -> Plan<'a> {
    plan(Some(Content::Sources(sources)))
}

/// What `iptables-save -c` adds for a plan, all counters being 0.
fn lines(chain: &str, built_in: &str, sources: &[Prefix]) -> Vec<String> {
    let mut lines = vec![format!(":{chain} - [0:0]"), format!("[0:0] -A {built_in} -j {chain}")];
    lines.extend(sources.iter().map(|source| format!("[0:0] -A {chain} -s {source} -j DROP")));
    lines
}

/// The first rule of a chain, as `iptables-save -c` has it.
fn first_rule<'a>(save: &'a [String], built_in: &str) -> &'a str {
    let start = format!("] -A {built_in} ");
    save.iter().find(|line| line.contains(&start)).unwrap()
}

fn both() -> [(Kernel, &'static str); 2] {
    enter_new_namespace();
    [(Kernel::open(Family::V4), RICH_V4), (Kernel::open(Family::V6), RICH_V6)]
}

#[test]
fn a_rich_table_gets_exactly_our_lines_and_loses_exactly_them() {
    for (kernel, rich) in both() {
        kernel.restore(rich);
        let (before, image) = (kernel.save("filter"), kernel.image("filter"));
        let all = sources(kernel.family);
        assert_eq!(kernel.change("filter", ban(&all)), Ok(true));
        let after = kernel.save("filter");
        let (others, ours) = split(&after, CHAIN);
        assert_eq!(others, before);
        assert_eq!(ours, lines(CHAIN, "INPUT", &all));
        assert_eq!(first_rule(&after, "INPUT"), "[0:0] -A INPUT -j edgeban");
        let banned: Vec<(String, u64)> = all.iter().map(|source| (source.to_string(), 0)).collect();
        assert_eq!(kernel.banned("filter", CHAIN), banned);

        assert_eq!(kernel.change("filter", ban(&all)), Ok(false), "as planned already");
        let written = kernel.image("filter");
        // What iptables itself makes of its own text for the same rules is the same, byte for byte.
        run_restore_of_save(&kernel, &after);
        assert_eq!(kernel.image("filter"), written);
        assert_eq!(kernel.change("filter", ban(&all)), Ok(false), "iptables wrote what we would");

        assert_eq!(kernel.change("filter", plan(None)), Ok(true));
        assert_eq!(kernel.save("filter"), before);
        assert_eq!(kernel.image("filter"), image);
        assert_eq!(kernel.change("filter", plan(None)), Ok(false));
    }
}

fn run_restore_of_save(kernel: &Kernel, save: &[String]) {
    let mut text = save.join("\n");
    text.push('\n');
    kernel.restore(&text);
    assert_eq!(kernel.save("filter"), save);
}

#[test]
fn an_untouched_table_of_a_fresh_kernel_is_read_and_changed() {
    for (kernel, _) in both() {
        let image = kernel.image("filter");
        assert_eq!((image.0.valid_hooks, image.0.num_entries), (0b1110, 4));
        assert_eq!(kernel.change("filter", plan(None)), Ok(false));
        let all = sources(kernel.family);
        for hook in [NF_INET_LOCAL_IN, NF_INET_FORWARD] {
            let (plan, none) = (Plan { hook, ..ban(&all) }, Plan { hook, ..plan(None) });
            assert_eq!(kernel.change("filter", plan), Ok(true));
            let built_in = if hook == NF_INET_LOCAL_IN { "INPUT" } else { "FORWARD" };
            assert_eq!(split(&kernel.save("filter"), CHAIN).1, lines(CHAIN, built_in, &all));
            assert_eq!(kernel.change("filter", none), Ok(true));
            assert_eq!(kernel.image("filter"), image);
        }
        // The table raw, before connection tracking, for all that comes in.
        let raw = Plan { hook: NF_INET_PRE_ROUTING, ..ban(&all) };
        assert_eq!(kernel.change("filter", raw), Err(Refused::NoSuchHook));
        let image = kernel.image("raw");
        assert_eq!(kernel.change("raw", raw), Ok(true));
        assert_eq!(split(&kernel.save("raw"), CHAIN).1, lines(CHAIN, "PREROUTING", &all));
        assert_eq!(kernel.change("raw", Plan { content: None, ..raw }), Ok(true));
        assert_eq!(kernel.image("raw"), image);
    }
}

#[test]
fn the_chain_lies_where_iptables_would_sort_it() {
    enter_new_namespace();
    let kernel = Kernel::open(Family::V4);
    kernel.restore(RICH_V4);
    let all = sources(Family::V4);
    for chain in ["A-chain", "aab", "f2b-sshd2", "zzzz", "0123456789012345678901234567"] {
        let plan = Plan { chain, ..ban(&all) };
        assert_eq!(kernel.change("filter", plan), Ok(true));
        let ours = kernel.image("filter");
        let (_, added) = split(&kernel.save("filter"), chain);
        assert_eq!(added, lines(chain, "INPUT", &all));
        assert_eq!(kernel.change("filter", Plan { content: None, ..plan }), Ok(true));
        kernel.iptables(&format!("-N {chain}"));
        kernel.iptables(&format!("-I INPUT -j {chain}"));
        all.iter().for_each(|source| kernel.iptables(&format!("-A {chain} -s {source} -j DROP")));
        assert_eq!(kernel.image("filter"), ours, "{chain}");
        assert_eq!(kernel.change("filter", Plan { content: None, ..plan }), Ok(true));
    }
    for chain in ["", "a b", "01234567890123456789012345678", "a\0"] {
        assert_eq!(kernel.change("filter", Plan { chain, ..ban(&all) }), Err(Refused::ChainName), "{chain:?}");
    }
}

#[test]
fn rules_come_and_go_and_keep_their_counters() {
    for (kernel, rich) in both() {
        kernel.restore(rich);
        let before = kernel.save("filter");
        let [one, two, three] = sources(kernel.family);
        assert_eq!(kernel.change("filter", ban(&[one, two])), Ok(true));
        // As if packets had come: 21 on the jump, 22 and 23 on the rules.
        let counted: Vec<String> = kernel.save("filter");
        let counted = counted.join("\n") + "\n";
        let counted = counted
            .replace("[0:0] -A INPUT -j edgeban", "[21:2100] -A INPUT -j edgeban")
            .replace(&format!("[0:0] -A edgeban -s {one}"), &format!("[22:2200] -A edgeban -s {one}"))
            .replace(&format!("[0:0] -A edgeban -s {two}"), &format!("[23:2300] -A edgeban -s {two}"));
        kernel.restore(&counted);
        let head = [String::from(":edgeban - [0:0]"), String::from("[21:2100] -A INPUT -j edgeban")];
        let rule = |n: &str, source: &Prefix| format!("[{n}] -A edgeban -s {source} -j DROP");
        let (r1, r2, r3) = (rule("22:2200", &one), rule("23:2300", &two), rule("0:0", &three));
        for (wanted, shown) in [
            (vec![one, two, three], vec![&r1, &r2, &r3]),
            (vec![three, two, one], vec![&r3, &r2, &r1]),
            (vec![two, one], vec![&r2, &r1]),
            (vec![one], vec![&r1]),
            (vec![], vec![]),
        ] {
            assert_eq!(kernel.change("filter", ban(&wanted)), Ok(true));
            let (others, ours) = split(&kernel.save("filter"), CHAIN);
            assert_eq!(others, before);
            assert_eq!(ours, head.iter().chain(shown).cloned().collect::<Vec<_>>());
        }
        assert_eq!(kernel.change("filter", plan(None)), Ok(true));
        assert_eq!(kernel.save("filter"), before);
        // Of a list for both protocols each table takes its own.
        let mixed: Vec<Prefix> = [Family::V4, Family::V6].into_iter().flat_map(sources).collect();
        assert_eq!(kernel.change("filter", ban(&mixed)), Ok(true));
        assert_eq!(split(&kernel.save("filter"), CHAIN).1, lines(CHAIN, "INPUT", &sources(kernel.family)));
    }
}

#[test]
fn jumps_of_ours_become_one_in_front_and_others_stay() {
    enter_new_namespace();
    let kernel = Kernel::open(Family::V4);
    kernel.restore(RICH_V4);
    // iptables 1.8.9 forgets what the policies counted at any change.
    kernel.iptables("-F empty");
    let before = kernel.save("filter");
    let all = sources(Family::V4);
    assert_eq!(kernel.change("filter", ban(&all)), Ok(true));
    let good = kernel.image("filter");
    // Two in front, one in the middle behind a rule without a target, one at the end, another in front of all.
    for place in ["-I INPUT 1", "-I INPUT 7", "-A INPUT"] {
        kernel.iptables(&format!("{place} -j edgeban"));
    }
    kernel.iptables("-I INPUT 1 -s 10.9.9.9 -j ACCEPT");
    assert_eq!(kernel.change("filter", ban(&all)), Ok(true));
    kernel.iptables("-D INPUT -s 10.9.9.9 -j ACCEPT");
    assert_eq!(kernel.image("filter"), good);

    // Somebody else's, which go on working: conditional, from another chain, a goto.
    let foreign = ["-A INPUT -p udp -j edgeban", "-A FORWARD -j edgeban", "-A zzz -g edgeban"];
    foreign.iter().for_each(|rule| kernel.iptables(rule));
    assert_eq!(kernel.change("filter", ban(&all[..1])), Ok(true));
    let ours = split(&kernel.save("filter"), CHAIN).1;
    for rule in foreign {
        assert!(ours.iter().any(|line| line.ends_with(rule)), "{rule}: {ours:?}");
    }
    assert_eq!(ours.len(), 3 + foreign.len());
    let image = kernel.image("filter");
    assert_eq!(kernel.change("filter", plan(None)), Err(Refused::Referenced));
    assert_eq!(kernel.image("filter"), image);
    assert_eq!(kernel.change("filter", ban(&[])), Ok(true), "an empty chain is possible");
    foreign.iter().for_each(|rule| kernel.iptables(&rule.replace("-A ", "-D ")));
    assert_eq!(kernel.change("filter", plan(None)), Ok(true));
    assert_eq!(kernel.save("filter"), before);

    // A chain without a jump, and our chain with somebody's rules in it.
    kernel.iptables("-N edgeban");
    kernel.iptables("-A edgeban -s 10.1.1.1 -p tcp -j ACCEPT");
    kernel.iptables("-A edgeban -s 192.0.2.1 -j DROP");
    kernel.iptables("-A edgeban -j RETURN");
    assert_eq!(kernel.banned("filter", CHAIN), [(String::from("192.0.2.1/32"), 0)]);
    assert_eq!(kernel.change("filter", ban(&all)), Ok(true));
    assert_eq!(kernel.image("filter"), good);

    // Too many to remove, each apart from the next.
    for _ in 0..17 {
        kernel.iptables("-A INPUT -j edgeban");
        kernel.iptables("-A INPUT -s 10.1.1.1");
    }
    assert_eq!(kernel.change("filter", ban(&all)), Err(Refused::TooManyJumps));
}

#[test]
fn the_limit_of_rules_holds() {
    for (kernel, _) in both() {
        let many: Vec<Prefix> = (0..=XT_RULES)
            .map(|n| match kernel.family {
                Family::V4 => prefix(&format!("10.1.{}.{}", n / 256, n % 256)),
                Family::V6 => prefix(&format!("2001:db8::{n:x}")),
            })
            .collect();
        assert_eq!(kernel.change("filter", ban(&many)), Err(Refused::TooManyRules));
        assert!(split(&kernel.save("filter"), CHAIN).1.is_empty());
        assert_eq!(kernel.change("filter", ban(&many[1..])), Ok(true));
        assert_eq!(split(&kernel.save("filter"), CHAIN).1, lines(CHAIN, "INPUT", &many[1..]));
        let (info, _) = kernel.read("filter").unwrap();
        assert!(info.entries_len().unwrap() < edgeban_core::limits::XT_TABLE / 2);
    }
}

#[test]
fn a_set_is_one_rule() {
    let timeout = "create banned4 hash:ip family inet timeout 60\ncreate banned6 hash:ip family inet6 timeout 60\n";
    for (kernel, rich) in both() {
        kernel.restore(rich);
        kernel.iptables("-F zzz");
        let name = if kernel.family == Family::V4 { "banned4" } else { "banned6" };
        let before = kernel.save("filter");
        let _ = run("ipset", "-exist restore", timeout);
        assert_eq!(kernel.set("nosuchset"), None);
        let set = kernel.set(name).unwrap();
        assert_eq!(kernel.change("filter", plan(Some(Content::Set(set)))), Ok(true));
        let (others, ours) = split(&kernel.save("filter"), CHAIN);
        assert_eq!(others, before);
        let rule = format!("[0:0] -A edgeban -m set --match-set {name} src -j DROP");
        assert_eq!(ours, [":edgeban - [0:0]", "[0:0] -A INPUT -j edgeban", &rule]);
        assert!(run("ipset", &format!("list {name}"), "").contains("References: 1\n"));
        assert_eq!(kernel.change("filter", plan(Some(Content::Set(set)))), Ok(false));
        let image = kernel.image("filter");
        kernel.iptables("-F edgeban");
        kernel.iptables(&format!("-A edgeban -m set --match-set {name} src -j DROP"));
        assert_eq!(kernel.image("filter"), image, "iptables' own match");
        assert_eq!(kernel.change("filter", plan(Some(Content::Set(set)))), Ok(false));
        // From a set to rules and back.
        let all = sources(kernel.family);
        assert_eq!(kernel.change("filter", ban(&all)), Ok(true));
        assert!(run("ipset", &format!("list {name}"), "").contains("References: 0\n"));
        assert_eq!(kernel.change("filter", plan(Some(Content::Set(set)))), Ok(true));
        assert_eq!(kernel.change("filter", plan(None)), Ok(true));
        assert_eq!(kernel.save("filter"), before);
    }
}

/// UDP on loopback from two addresses to a third.
struct Paths {
    good: UdpSocket,
    bad: UdpSocket,
    to: UdpSocket,
    address: SocketAddr,
}

impl Paths {
    fn new(good: &str, bad: &str, to: &str) -> Self {
        let bind = |address: &str| UdpSocket::bind((address, 0)).unwrap();
        let to = bind(to);
        to.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let address = to.local_addr().unwrap();
        Self { good: bind(good), bad: bind(bad), to, address }
    }

    /// The kernel takes new IPv6 addresses into use somewhat later: sends until each got through.
    fn settle(&self) {
        self.to.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        for from in [&self.bad, &self.good] {
            let wanted = from.local_addr().unwrap();
            while from.send_to(b"x", self.address).is_err()
                || self.to.recv_from(&mut [0; 8]).map_or(true, |(_, from)| from != wanted)
            {
                assert!(Instant::now() < deadline, "loopback does not work");
            }
        }
        while self.to.recv(&mut [0; 8]).is_ok() {}
        self.to.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    }

    /// Sends from the bad address, then from the good one, and waits for the latter. Returns what arrived: the packets
    /// come in their order, and one that came after all would be found by the next call.
    fn arrive(&self) -> Vec<SocketAddr> {
        for from in [&self.bad, &self.good] {
            from.send_to(b"x", self.address).unwrap();
        }
        let mut arrived = Vec::new();
        let good = self.good.local_addr().unwrap();
        while arrived.last() != Some(&good) {
            match self.to.recv_from(&mut [0; 8]) {
                Ok((_, from)) => arrived.push(from),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => panic!("no packet of the good address: {error}"),
            }
        }
        arrived
    }

    #[track_caller]
    fn expect(&self, bad_passes: bool) {
        let mut expected = vec![self.bad.local_addr().unwrap(), self.good.local_addr().unwrap()];
        if !bad_passes {
            expected.remove(0);
        }
        assert_eq!(self.arrive(), expected);
    }
}

#[test]
fn packets_of_banned_sources_are_dropped_and_others_pass() {
    for (kernel, _) in both() {
        let _ = run("ip", "link set lo up", "");
        let (good, bad, prefix_of_bad, to) = match kernel.family {
            Family::V4 => ("127.0.0.3", "127.0.0.2", "127.0.0.2/32", "127.0.0.1"),
            Family::V6 => ("fd00::3", "fd00:1::2", "fd00:1::/64", "fd00::1"),
        };
        if kernel.family == Family::V6 {
            for address in [good, bad, to] {
                let _ = run("ip", &format!("address add {address} dev lo nodad"), "");
            }
        }
        let paths = Paths::new(good, bad, to);
        paths.settle();
        paths.expect(true);
        assert_eq!(kernel.change("filter", ban(&[prefix(prefix_of_bad)])), Ok(true));
        for _ in 0..5 {
            paths.expect(false);
        }
        assert_eq!(kernel.banned("filter", CHAIN), [(String::from(prefix_of_bad), 5)]);
        assert_eq!(kernel.change("filter", ban(&[])), Ok(true));
        paths.expect(true);

        let kind = if kernel.family == Family::V4 { "inet" } else { "inet6" };
        let name = format!("real{kind}");
        let _ = run("ipset", &format!("create {name} hash:ip family {kind}"), "");
        let set = kernel.set(&name).unwrap();
        assert_eq!(kernel.change("filter", plan(Some(Content::Set(set)))), Ok(true));
        paths.expect(true);
        let _ = run("ipset", &format!("add {name} {}", bad), "");
        paths.expect(false);
        assert_eq!(kernel.change("filter", plan(None)), Ok(true));
        paths.expect(true);
    }
}

#[test]
fn counters_of_other_rules_are_exact_under_traffic() {
    for (kernel, _) in both() {
        let _ = run("ip", "link set lo up", "");
        let to = if kernel.family == Family::V4 { "127.0.0.1" } else { "::1" };
        let paths = Paths::new(to, to, to);
        paths.settle();
        let port = paths.address.port();
        kernel.iptables("-N count");
        kernel.iptables(&format!("-A count -p udp --dport {port}"));
        kernel.iptables("-A INPUT -j count");
        let policy = |save: &[String]| {
            let line = save.iter().find_map(|line| line.strip_prefix(":INPUT ACCEPT [")).unwrap().to_owned();
            let (packets, bytes) = line.trim_end_matches(']').split_once(':').unwrap();
            [packets, bytes].map(|number| number.parse::<u64>().unwrap())
        };
        let [packets_before, bytes_before] = policy(&kernel.save("filter"));
        let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
        let all = sources(kernel.family);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    paths.good.send_to(b"x", paths.address).unwrap();
                    sent.fetch_add(1, Ordering::Relaxed);
                }
            });
            for n in 0..200 {
                assert_eq!(kernel.change("filter", ban(&all[..1 + n % 3])), Ok(true));
                if n % 50 == 49 {
                    assert_eq!(kernel.change("filter", plan(None)), Ok(true));
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
        let sent = sent.into_inner();
        assert!(sent > 1000, "there was no traffic to speak of: {sent}");
        let bytes = sent * if kernel.family == Family::V4 { 29 } else { 49 };
        let shown = format!("[{sent}:{bytes}] -A INPUT -j count");
        let deadline = Instant::now() + Duration::from_secs(10);
        while !kernel.save("filter").contains(&shown) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        let save = kernel.save("filter");
        for rule in [format!("-A count -p udp -m udp --dport {port}"), String::from("-A INPUT -j count")] {
            assert!(save.contains(&format!("[{sent}:{bytes}] {rule}")), "{sent} packets were sent\n{save:#?}");
        }
        assert_eq!(policy(&save), [packets_before + sent, bytes_before + bytes]);
    }
}

#[test]
fn changes_of_others_at_the_same_time_are_not_lost() {
    const ROUNDS: usize = 60;
    for (kernel, _) in both() {
        let all = sources(kernel.family);
        kernel.iptables("-N other");
        let done = AtomicBool::new(false);
        let mut ours = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for n in 0..ROUNDS {
                    kernel.iptables(&format!("-A other -p tcp --dport {}", 1000 + n));
                    if n % 3 == 0 {
                        kernel.iptables(&format!("-D other -p tcp --dport {}", 1000 + n));
                    }
                }
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) || ours < 10 {
                assert_eq!(kernel.change("filter", ban(&all[..1 + ours % 3])), Ok(true));
                ours += 1;
            }
        });
        assert!(kernel.change("filter", ban(&all)).is_ok());
        let save = kernel.save("filter");
        assert_eq!(split(&save, CHAIN).1, lines(CHAIN, "INPUT", &all));
        let theirs: Vec<String> = save.into_iter().filter(|line| line.contains("-A other")).collect();
        let rule = |n: usize| format!("[0:0] -A other -p tcp -m tcp --dport {}", 1000 + n);
        assert_eq!(theirs, (0..ROUNDS).filter(|n| n % 3 != 0).map(rule).collect::<Vec<_>>());
    }
}

#[test]
fn a_table_that_changed_since_it_was_read_is_not_replaced() {
    enter_new_namespace();
    let kernel = Kernel::open(Family::V4);
    let all = sources(Family::V4);
    let tried = kernel.try_change("filter", ban(&all), || kernel.iptables("-A INPUT -s 10.1.1.1"));
    assert!(matches!(tried, Tried::Kernel(Errno::EAGAIN)), "{tried:?}");
    assert_eq!(split(&kernel.save("filter"), "10.1.1.1").1.len(), 1);
    assert!(split(&kernel.save("filter"), CHAIN).1.is_empty());
    assert_eq!(kernel.change("filter", ban(&all)), Ok(true));
}

#[test]
fn the_kernel_says_why_it_does_not() {
    enter_new_namespace();
    for family in [Family::V4, Family::V6] {
        let kernel = Kernel::open(family);
        assert_eq!(kernel.info("nosuchtable").unwrap_err(), Errno::ENOENT);
    }
    // The right is asked for at each call, not when the socket is opened. Threads have their own.
    let kernel = Kernel::open(Family::V4);
    let mut sets = rustix::thread::capabilities(None).unwrap();
    sets.effective.remove(CapabilitySet::NET_ADMIN);
    rustix::thread::set_capabilities(None, sets).unwrap();
    assert_eq!(kernel.info("filter").unwrap_err(), Errno::EPERM);
}
