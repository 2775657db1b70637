//! Bans of prefixes, with the real binary on the real kernel: `nft` says what it holds, and packets what it does.

use edgeban_tests::lab::{Edgeban, Lab, ROUTER_V4, ROUTER_V6, Signal, eventually, text};
use edgeban_tests::said::{Said, say};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::path::PathBuf;

/// Addresses of the attackers besides those that every lab has: the first and last of a prefix, and those beside it.
const V4: [&str; 4] = ["198.51.95.255", "198.51.96.0", "198.51.111.255", "198.51.112.0"];
const V6: [&str; 4] =
    ["2001:db8:0:ff:ffff:ffff:ffff:ffff", "2001:db8:0:100::", "2001:db8:0:1ff:ffff:ffff:ffff:ffff", "2001:db8:0:200::"];
const PREFIX_V4: &str = "198.51.96.0/20";
const PREFIX_V6: &str = "2001:db8:0:100::/56";

struct World {
    edgeban: Edgeban,
    config: String,
    /// On the router, one a family.
    sinks: [UdpSocket; 2],
    lab: Lab,
}

impl World {
    fn new(global: &str) -> Self {
        let lab = Lab::new();
        let config = format!(
            "[global]\n{global}\n[defaults]\nbantime = \"2h\"\n[jails.sshd]\nlogpath = {:?}\n\
             ignoreip = [\"203.0.113.5\", \"2001:db8:9::/48\"]\n",
            lab.dir().join("auth.log")
        );
        let config = lab.config(&config);
        let edgeban = lab.start_file(&config);
        for addr in V4.iter().chain(&V6) {
            let length = if addr.contains(':') { 128 } else { 32 };
            text(lab.attackers("ip").args(["addr", "add", &format!("{addr}/{length}"), "dev", "eth0", "nodad"]))
                .unwrap();
        }
        for network in ["198.51.0.0/16", "2001:db8::/32"] {
            text(lab.router("ip").args(["route", "add", network, "dev", "wan"])).unwrap();
        }
        let sinks = lab.on_router(|| {
            [IpAddr::from(ROUTER_V4), IpAddr::from(ROUTER_V6)].map(|addr| {
                let socket = UdpSocket::bind(SocketAddr::new(addr, 0)).unwrap();
                socket.set_read_timeout(Some(edgeban_tests::lab::DEADLINE)).unwrap();
                socket
            })
        });
        Self { edgeban, config, sinks, lab }
    }

    fn say(&self, arguments: &[&str]) -> Said {
        say(self.lab.edgeban(&[arguments, &["--config", &self.config]].concat()), "")
    }

    #[track_caller]
    fn ok(&self, arguments: &[&str]) -> String {
        self.say(arguments).ok(arguments)
    }

    #[track_caller]
    fn fails(&self, arguments: &[&str], code: i32, err: &str) {
        self.say(arguments).fails(arguments, code, err);
    }

    /// Which of these sources reach the router. They send in their order, and behind each does one that is never banned: what
    /// has not come before that was dropped.
    fn reach(&self, sources: [&'static str; 4]) -> Vec<&'static str> {
        let ipv6 = sources[0].contains(':');
        let sink = &self.sinks[usize::from(ipv6)];
        let to = sink.local_addr().unwrap();
        let witness: IpAddr = if ipv6 { "2001:db8::66" } else { "192.0.2.66" }.parse().unwrap();
        let send = |from: IpAddr| {
            self.lab.on_attackers(|| UdpSocket::bind((from, 0)).unwrap().send_to(b"x", to).unwrap());
        };
        let mut reached = Vec::new();
        for source in sources {
            let addr: IpAddr = source.parse().unwrap();
            send(addr);
            send(witness);
            loop {
                let (_, from) = sink.recv_from(&mut [0; 8]).unwrap();
                if from.ip() == witness {
                    break;
                }
                assert_eq!(from.ip(), addr);
                reached.push(source);
            }
        }
        reached
    }

    /// The prefixes that the kernel holds, by `nft`'s account, with the seconds that they had left when they were last
    /// written, as tens; `None` if there are no such sets.
    fn prefixes(&self) -> Option<BTreeMap<String, Option<u64>>> {
        let objects = self.lab.table("edgeban")?;
        let sets = objects.iter().filter_map(|object| object.get("set"));
        let sets: Vec<&Value> =
            sets.filter(|set| set["name"].as_str().unwrap().starts_with("banned_prefixes")).collect();
        if sets.is_empty() {
            return None;
        }
        let elements = sets.iter().filter_map(|set| set["elem"].as_array()).flatten();
        Some(
            elements
                .map(|element| {
                    let (value, more) = element.get("elem").map_or((element, element), |more| (&more["val"], more));
                    let name = match value.get("prefix") {
                        Some(prefix) => format!("{}/{}", prefix["addr"].as_str().unwrap(), prefix["len"]),
                        None => value.to_string(),
                    };
                    (name, more.get("timeout").and_then(Value::as_u64).map(|secs| secs.div_ceil(10) * 10))
                })
                .collect(),
        )
    }

    #[track_caller]
    fn wait_for(&self, prefixes: &[&str]) {
        let mut want: Vec<String> = prefixes.iter().map(|text| (*text).to_owned()).collect();
        want.sort_unstable();
        eventually(&format!("the kernel holds {want:?}"), || {
            let held: Vec<String> = self.prefixes().unwrap_or_default().into_keys().collect();
            (held == want).then_some(())
        });
    }

    fn rules(&self) -> usize {
        self.lab.table("edgeban").unwrap().iter().filter(|object| object.get("rule").is_some()).count()
    }
}

#[test]
fn the_kernel_drops_exactly_the_prefix() {
    for global in ["", "hook = \"prerouting\"\ncounters = true\nverdict = \"reject\""] {
        let world = World::new(global);
        assert_eq!((world.prefixes(), world.rules()), (None, 2));
        assert_eq!((world.reach(V4), world.reach(V6)), (V4.to_vec(), V6.to_vec()));
        assert_eq!(world.ok(&["ban", PREFIX_V4]), format!("{PREFIX_V4} is banned for 7200s\n"));
        assert_eq!(world.ok(&["ban", PREFIX_V6, "--for", "permanent"]), format!("{PREFIX_V6} is banned for good\n"));
        let both = [(PREFIX_V4.to_owned(), Some(7200)), (PREFIX_V6.to_owned(), None)];
        assert_eq!(world.prefixes(), Some(BTreeMap::from(both.clone())));
        assert_eq!(world.rules(), 4);
        assert_eq!(world.reach(V4), [V4[0], V4[3]]);
        assert_eq!(world.reach(V6), [V6[0], V6[3]]);
        let list = world.ok(&["list"]);
        assert!(
            list.contains(&format!("\n{PREFIX_V6} permanent")) && list.starts_with(&format!("{PREFIX_V4} ")),
            "{list}"
        );
        assert_eq!(list.contains(" 2 packets "), !global.is_empty(), "{list}");
        let status: Value = serde_json::from_str(&world.ok(&["status", "--json"])).unwrap();
        assert_eq!((&status["prefixes"], &status["banned"], &status["bans"]), (&2.into(), &0.into(), &2.into()));

        // To the last address of all: such a range has no end in the kernel.
        world.ok(&["ban", "240.0.0.0/4"]);
        world.ok(&["ban", "ff00::/8"]);
        let list = world.ok(&["list"]);
        let listed = |start: &str| list.lines().any(|line| line.starts_with(start));
        assert!(listed("240.0.0.0/4 7200s") && listed("ff00::/8 7200s"), "{list}");
        let nft = world.prefixes().unwrap();
        assert!(nft.contains_key("240.0.0.0/4") && nft.contains_key("ff00::/8"), "{nft:?}");
        assert_eq!(world.ok(&["unban", "240.0.0.0/4"]), "240.0.0.0/4 is not banned any more\n");
        world.ok(&["unban", "ff00::/8"]);
        assert_eq!(world.prefixes(), Some(BTreeMap::from(both)));

        world.fails(&["unban", V4[1]], 1, &format!("the address is banned with {PREFIX_V4}: unban that\n"));
        world.fails(&["unban", V4[0]], 1, "the address is not banned");
        world.fails(&["unban", "198.51.96.0/21"], 1, "not banned");
        assert_eq!(world.ok(&["unban", PREFIX_V4]), format!("{PREFIX_V4} is not banned any more\n"));
        assert_eq!(world.reach(V4), V4);
        assert_eq!(world.reach(V6), [V6[0], V6[3]]);
        assert_eq!(world.ok(&["unban", "--all"]), "1 addresses are not banned any more\n");
        assert_eq!(world.reach(V6), V6);
        assert_eq!((world.prefixes(), world.rules()), (Some(BTreeMap::new()), 4));
        let log = world.edgeban.log();
        for line in [
            format!("banned {PREFIX_V4} by manual for 7200s"),
            format!("banned {PREFIX_V6} by manual for good"),
            format!("unbanned {PREFIX_V4}\n"),
        ] {
            assert!(log.contains(&line), "{line}: {log}");
        }
        world.edgeban.stop();
    }
}

#[test]
fn what_must_not_be_banned_is_not() {
    let world = World::new("");
    world.fails(&["ban", "2001:db8::5/56"], 2, "write 2001:db8::/56,");
    world.fails(&["ban", "0.0.0.0/0"], 2, "everybody");
    world.fails(&["ban", "::/0", "--force"], 2, "everybody");
    world.fails(&["ban", "10.0.0.0/33"], 2, "not an IP address");
    world.fails(&["unban", "10.0.0.1/8"], 2, "write 10.0.0.0/8,");
    world.fails(&["ban", "192.0.0.0/20"], 1, "192.0.2.1 in it is an address of this machine");
    world.fails(&["ban", "2001:db8::/56"], 1, "2001:db8::1 in it is an address of this machine");
    world.fails(&["ban", "203.0.113.0/24"], 1, "203.0.113.5 in it is in ignoreip");
    world.fails(&["ban", "2001:db8:9:9::/64"], 1, "2001:db8:9::/48 in it is in ignoreip");
    world.fails(&["ban", "126.0.0.0/7"], 1, "127.0.0.0/8 in it is a loopback address");
    assert_eq!((world.prefixes(), world.rules()), (None, 2));
    assert_eq!(world.ok(&["ban", "203.0.113.0/24", "--force"]), "203.0.113.0/24 is banned for 7200s\n");
    world.wait_for(&["203.0.113.0/24"]);
    // An address of the machine that comes later lifts what holds it, unless it was forced.
    world.ok(&["ban", "198.18.0.0/15"]);
    world.ok(&["ban", "198.20.0.0/16", "--force"]);
    for addr in ["198.18.5.1/32", "198.20.5.1/32"] {
        text(world.lab.router("ip").args(["addr", "add", addr, "dev", "wan"])).unwrap();
    }
    world.wait_for(&["203.0.113.0/24", "198.20.0.0/16"]);
    world.edgeban.wait_for_log("198.18.5.1 is not banned: it is an address of this machine");
    assert!(!world.edgeban.log().contains("198.20.5.1"));
}

#[test]
fn of_two_that_overlap_one_is_banned() {
    let world = World::new("");
    world.ok(&["ban", "10.1.0.0/16", "--for", "1h"]);
    let inside = "10.1.2.0/24 is in a larger prefix: 10.1.0.0/16 was banned already, for ";
    assert!(world.ok(&["ban", "10.1.2.0/24"]).starts_with(inside));
    assert!(world.ok(&["ban", "10.1.0.0/16", "--for", "10m"]).starts_with("10.1.0.0/16 was banned already, for 3"));
    world.fails(&["ban", "10.0.0.0/8", "--for", "10m"], 1, "10.1.0.0/16 in it is banned for longer");
    assert_eq!(world.ok(&["ban", "10.0.0.0/8"]), "10.0.0.0/8 is banned for 7200s\n");
    world.wait_for(&["10.0.0.0/8"]);
    // Beside it, and longer than before.
    world.ok(&["ban", "11.0.0.0/8"]);
    assert_eq!(world.ok(&["ban", "10.0.0.0/8", "--for", "3h"]), "10.0.0.0/8 is banned for 10800s\n");
    let held = world.prefixes().unwrap();
    assert_eq!(held.len(), 2);
    assert_eq!(held["10.0.0.0/8"], Some(10800));
    // A single address in it has a ban of its own.
    assert_eq!(world.ok(&["ban", "10.7.7.7"]), "10.7.7.7 is banned for 7200s\n");
    assert_eq!(world.ok(&["unban", "10.7.7.7"]), "10.7.7.7 is not banned any more\n");
    world.fails(&["unban", "10.7.7.7"], 1, "banned with 10.0.0.0/8");
}

#[test]
fn it_ends_by_itself() {
    let world = World::new("");
    world.ok(&["ban", PREFIX_V4, "--for", "1s"]);
    world.ok(&["ban", PREFIX_V6]);
    world.wait_for(&[PREFIX_V6]);
    world.edgeban.wait_for_log(&format!("unbanned {PREFIX_V4}: its time is over"));
    assert_eq!(world.reach(V4), V4);
    assert_eq!(world.reach(V6), [V6[0], V6[3]]);
    // Banned again over what the kernel may not have swept yet.
    world.ok(&["ban", PREFIX_V4]);
    assert_eq!(world.reach(V4), [V4[0], V4[3]]);
}

#[test]
fn what_others_take_away_comes_back() {
    let world = World::new("");
    world.ok(&["ban", PREFIX_V4]);
    world.ok(&["ban", PREFIX_V6]);
    for (n, change) in [
        "flush ruleset",
        "flush set inet edgeban banned_prefixes_ipv6",
        "delete element inet edgeban banned_prefixes_ipv4 { 198.51.96.0/20 }",
        "flush chain inet edgeban input",
        "delete table inet edgeban",
    ]
    .into_iter()
    .enumerate()
    {
        world.lab.nft(&[change]).unwrap();
        eventually("it is as it was", || {
            let said = world.edgeban.log().matches("is as it should be again").count();
            (said == n + 1).then_some(())
        });
        world.wait_for(&[PREFIX_V4, PREFIX_V6]);
        assert_eq!(world.rules(), 4, "{change}");
        assert_eq!((world.reach(V4), world.reach(V6)), (vec![V4[0], V4[3]], vec![V6[0], V6[3]]), "{change}");
    }
    // What others add stays by default, be it one prefix or not, also through a change of ours.
    world.lab.nft(&["add element inet edgeban banned_prefixes_ipv4 { 172.16.0.4-172.16.0.6 timeout 1h }"]).unwrap();
    let pieces = ["172.16.0.4/31 3600s", "172.16.0.6/32 3600s"];
    eventually("it is seen", || {
        let status: Value = serde_json::from_str(&world.ok(&["status", "--json"])).unwrap();
        (status["prefixes"] == 4).then_some(())
    });
    world.ok(&["ban", "10.0.0.0/8"]);
    let list = world.ok(&["list"]);
    for piece in pieces {
        let (prefix, _) = piece.split_once(' ').unwrap();
        assert!(list.contains(&format!("{prefix} 3")), "{piece}: {list}");
    }
}

#[test]
fn what_others_put_beside_it_costs_no_ban() {
    // Of the others' element, other bits than those that bans have are set, so the sets are made anew with the first prefix.
    let world = World::new("ipv4_prefix = 30");
    world.ok(&["ban", "198.51.95.255"]);
    world.lab.nft(&["add element inet edgeban banned_ipv4 { 0x0a000001 timeout 1h }"]).unwrap();
    eventually("it is seen", || {
        let status: Value = serde_json::from_str(&world.ok(&["status", "--json"])).unwrap();
        (status["banned"] == 2).then_some(())
    });
    world.ok(&["ban", PREFIX_V4]);
    world.wait_for(&[PREFIX_V4]);
    assert_eq!(world.reach(V4), [V4[3]]);
    // And with new rules.
    world.lab.nft(&["add element inet edgeban banned_ipv4 { 0x0a000101 timeout 1h }"]).unwrap();
    world.lab.nft(&["flush chain inet edgeban input"]).unwrap();
    eventually("it is as it was", || world.edgeban.log().contains("is as it should be again").then_some(()));
    assert_eq!(world.reach(V4), [V4[3]]);
}

#[test]
fn the_next_run_takes_them_over() {
    let mut world = World::new("");
    world.ok(&["ban", PREFIX_V4, "--for", "1h"]);
    world.ok(&["ban", PREFIX_V6, "--for", "permanent"]);
    world.ok(&["ban", "203.0.113.9"]);
    let handles =
        |world: &World| world.lab.nft(&["-a", "-t", "list", "table", "inet", "edgeban"]).unwrap().lines().count();
    let lines = handles(&world);
    world.edgeban.signal(Signal::KILL);
    eventually("it is gone", || (!world.edgeban.runs()).then_some(()));
    assert_eq!(world.reach(V4), [V4[0], V4[3]], "nobody is needed for that");
    world.edgeban = world.lab.start_file(&world.config);
    let both = BTreeMap::from([(PREFIX_V4.to_owned(), Some(3600)), (PREFIX_V6.to_owned(), None)]);
    assert_eq!((world.prefixes(), world.rules(), handles(&world)), (Some(both), 4, lines), "they were not sent again");
    assert_eq!((world.reach(V4), world.reach(V6)), (vec![V4[0], V4[3]], vec![V6[0], V6[3]]));
    assert!(
        world.ok(&["ban", PREFIX_V4, "--for", "1m"]).starts_with(&format!("{PREFIX_V4} was banned already, for 3"))
    );
    world.ok(&["unban", PREFIX_V4]);
    world.wait_for(&[PREFIX_V6]);
    // Another layout, whose sets are made anew.
    world.edgeban.signal(Signal::KILL);
    eventually("it is gone", || (!world.edgeban.runs()).then_some(()));
    let config = std::fs::read_to_string(&world.config).unwrap();
    let path = PathBuf::from(&world.config);
    std::fs::write(&path, config.replace("[global]\n", "[global]\ncounters = true\nipv6_prefix = 64\n")).unwrap();
    world.edgeban = world.lab.start_file(&world.config);
    world.wait_for(&[PREFIX_V6]);
    assert_eq!(world.reach(V6), [V6[0], V6[3]]);
}
