//! The engine with this machine's own addresses, in the kernel's own bytes, against the fake kernel.
#![cfg(target_endian = "little")]

use edgeban_core::addr::{Addr, Prefix};
use edgeban_core::ban::Wanted;
use edgeban_core::ban::ladder::Growth;
use edgeban_core::config::model::{BanTime, Jail};
use edgeban_core::detect::{Filter, Mode};
use edgeban_core::engine::{Decision, Engine, JailSet, Memory};
use edgeban_core::event::Event;
use edgeban_core::firewall::nft::{DATAGRAM, Layout};
use edgeban_core::own::Why;
use edgeban_core::source::journal::Matches;
use edgeban_core::table::HashKey;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::nl::Messages;
use edgeban_tests::dialogue::turn;
use edgeban_tests::fake_kernel::{FakeKernel, Fault};
use edgeban_tests::hex;
use std::net::IpAddr;

/// `ip addr add 192.0.2.1/24 dev wan`, `ip addr add 192.0.2.9/24 dev wan` and its removal, `ip -6 addr add
/// 2001:db8::1/64 dev wan nodad`, as told or listed by a kernel; see `golden_rt.rs`.
const ADDRESS: &str = "4c000000140002000700000000000000021880000300000008000100c000020108000200c00002010800030077616e00080008008000000014000600ffffffffffffffff6be601006be60100";
const ADDED: &str = "4c0000001400000079f8056bf0050000021881000300000008000100c000020908000200c00002090800030077616e00080008008100000014000600ffffffffffffffff82e6010082e60100";
const REMOVED: &str = "4c0000001500000079f8056bf1050000021881000300000008000100c000020908000200c00002090800030077616e00080008008100000014000600ffffffffffffffff82e6010082e60100";
const ADDRESS_V6: &str = "480000001400020007000000000000000a408200030000001400010020010db800000000000000000000000114000600ffffffffffffffff6ce601006ce601000800080082000000";
/// `ip route add default via 192.0.2.254`, `ip -6 route add default via 2001:db8::fe`, listed.
const GATEWAY: &str =
    "3400000018000200070000000000000002000000fe0300010000000008000f00fe00000008000500c00002fe0800040003000000";
const GATEWAY_V6: &str = "740000001800020007000000000000000a000000fe0300010000000008000f00fe00000008000600000400001400050020010db80000000000000000000000fe080004000300000024000c0000000000000000000000000000000000000000000000000000000000000000000500140000000000";
const DONE: &str = "1400000003000200070000000000000000000000";

struct World {
    engine: Engine<'static, 64, 128, 64, 128>,
    kernel: FakeKernel,
    now: Instant,
    events: Vec<Event>,
}

fn addr(text: &str) -> Addr {
    Addr::parse(text.as_bytes()).unwrap()
}

/// Jail 0 with `ignoreself`, jail 1 without, both ban at the third line; an `ignoreip` for both.
fn jails() -> Vec<Jail> {
    [true, false]
        .map(|ignoreself| Jail {
            name: "sshd".try_into().unwrap(),
            enabled: true,
            filter: Filter::Sshd.into(),
            mode: Mode::Normal,
            logpath: heapless::Vec::new(),
            journalmatch: Matches::NONE,
            maxretry: 3,
            findtime: Duration::from_secs(600),
            bantime: BanTime::For(Duration::from_secs(600)),
            growth: Growth::default(),
            ignoreip: [Prefix::parse(b"203.0.113.0/24").unwrap()].into_iter().collect(),
            ignoreself,
        })
        .to_vec()
}

impl World {
    /// A world whose kernel holds the table, and whose machine has the addresses and gateways above.
    fn new() -> Self {
        let memory: &'static mut Memory<64, 128, 64, 128> = Box::leak(Box::default());
        let engine = Engine::new(memory, jails().leak(), Layout::plain("edgeban"), HashKey(1, 2));
        let mut world =
            Self { engine, kernel: FakeKernel::new(), now: Instant::from_millis(1_000_000), events: Vec::new() };
        world.kernel.set_now(1_000_000);
        world.engine.own_mut().follow();
        world.round(&[ADDRESS, ADDRESS_V6, GATEWAY, GATEWAY_V6]);
        assert!(world.engine.own().is_ready());
        world.turn();
        assert_eq!(std::mem::take(&mut world.events), [Event::Ready]);
        world
    }

    /// Answers a round with those of these messages that belong to each list.
    fn round(&mut self, messages: &[&str]) {
        let mut out = [0xa5; 64];
        let mut lists = 0;
        while let Some(len) = self.engine.own_mut().poll_transmit(self.now, &mut out) {
            let request = Messages::new(&out[..len]).next().unwrap().unwrap();
            for text in messages.iter().chain([&DONE]) {
                let mut bytes = hex::bytes(text);
                bytes[8..12].copy_from_slice(&request.header.seq.to_ne_bytes());
                let listed = bytes[4] == 3 || (bytes[4] + 2, bytes[16]) == (out[4], request.payload[0]);
                if listed {
                    self.engine.own_mut().handle(&bytes, self.now);
                }
            }
            lists += 1;
        }
        assert_eq!(lists, 4);
    }

    fn tell(&mut self, message: &str) {
        self.engine.own_mut().handle(&hex::bytes(message), self.now);
    }

    fn step(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.kernel.set_now(self.now.as_millis());
    }

    fn turn(&mut self) {
        turn(&mut self.engine, &mut self.kernel, self.now, |_, event| self.events.push(event));
    }

    fn log(&mut self, jail: u8, who: &str) -> Decision {
        let mut jails = JailSet::NONE;
        jails.insert(jail);
        let line = format!("Nov 24 05:00:00 edge sshd[7]: Failed password for root from {who} port 22 ssh2");
        let mut decision = None;
        self.engine.handle_line(jails, line.as_bytes(), self.now, |_, _, d| decision = Some(d));
        decision.unwrap()
    }

    fn attack(&mut self, jail: u8, who: &str) -> Decision {
        self.log(jail, who);
        self.log(jail, who);
        self.log(jail, who)
    }

    fn drops(&self, who: &str) -> bool {
        self.kernel.drops(who.parse::<IpAddr>().unwrap())
    }

    fn ban(&mut self, who: &str, force: bool) -> Result<Wanted, Why> {
        self.engine.ban(addr(who), 0, Some(self.now + Duration::from_secs(600)), force, self.now)
    }
}

#[test]
fn own_addresses_and_gateways_do_not_count_and_all_others_do() {
    let mut world = World::new();
    for (who, why) in [
        ("192.0.2.1", Why::Own),
        ("2001:db8::1", Why::Own),
        ("192.0.2.254", Why::Gateway),
        ("2001:db8::fe", Why::Gateway),
        ("127.0.0.1", Why::Loopback),
        ("::1", Why::Loopback),
        ("203.0.113.7", Why::Ignoreip),
    ] {
        assert_eq!(world.attack(0, who), Decision::Ignored(why), "{who}");
    }
    let counters = *world.engine.counters();
    assert_eq!((counters.ignored, counters.ignored_self, counters.decided), (3, 18, 0));
    for who in ["192.0.2.2", "192.0.2.253", "2001:db8::2", "198.51.100.1"] {
        assert!(matches!(world.attack(0, who), Decision::Ban(_)), "{who}");
    }
    assert!(matches!(world.attack(1, "192.0.2.1"), Decision::Ban(_)), "a jail without ignoreself");
    assert_eq!(world.attack(1, "203.0.113.7"), Decision::Ignored(Why::Ignoreip));
    world.turn();
    for who in ["192.0.2.2", "192.0.2.253", "2001:db8::2", "198.51.100.1", "192.0.2.1"] {
        assert!(world.drops(who), "{who}");
    }
    assert_eq!((world.engine.bans().len(), world.engine.counters().protected), (5, 0));
}

#[test]
fn an_address_that_becomes_ours_between_decision_and_sending_is_never_sent() {
    let mut world = World::new();
    assert!(matches!(world.attack(0, "192.0.2.9"), Decision::Ban(_)));
    assert!(matches!(world.attack(0, "192.0.2.8"), Decision::Ban(_)));
    world.tell(ADDED);
    let elements = |world: &World| world.kernel.elements("edgeban", "banned_ipv4", world.now.as_millis()).len();
    world.turn();
    assert!(world.drops("192.0.2.8") && !world.drops("192.0.2.9"));
    assert_eq!(elements(&world), 1);
    assert_eq!(world.events[0], Event::Protected { addr: addr("192.0.2.9"), why: Why::Own });
    assert!(!world.events.contains(&Event::Unbanned { addr: addr("192.0.2.9"), expired: false }));
    assert_eq!(world.engine.counters().protected, 1);
    // It is another's again.
    world.tell(REMOVED);
    world.step(1000);
    world.round(&[ADDRESS, ADDRESS_V6, GATEWAY, GATEWAY_V6]);
    assert!(matches!(world.attack(0, "192.0.2.9"), Decision::Ban(_)));
    world.turn();
    assert!(world.drops("192.0.2.9"));
}

#[test]
fn a_banned_address_that_becomes_ours_is_let_in_again() {
    for fault in [None, Some(Fault::NoReply), Some(Fault::Commit(12))] {
        let mut world = World::new();
        for who in ["192.0.2.9", "192.0.2.8"] {
            assert_eq!(world.ban(who, false), Ok(Wanted::New));
        }
        world.turn();
        assert!(world.drops("192.0.2.9") && world.drops("192.0.2.8"));
        world.events.clear();
        if let Some(fault) = fault {
            world.kernel.inject(fault);
        }
        world.tell(ADDED);
        assert_eq!(world.engine.poll_at(), Some(Instant::ZERO), "at once");
        for _ in 0..10 {
            world.turn();
            world.step(1000);
        }
        assert!(!world.drops("192.0.2.9") && world.drops("192.0.2.8"), "{fault:?}");
        assert_eq!(world.events[0], Event::Protected { addr: addr("192.0.2.9"), why: Why::Own });
        assert!(world.events.contains(&Event::Unbanned { addr: addr("192.0.2.9"), expired: false }));
        assert_eq!(world.engine.bans().len(), 1);
    }
}

#[test]
fn a_ban_in_flight_whose_address_becomes_ours_does_not_stay() {
    let mut world = World::new();
    assert_eq!(world.ban("192.0.2.9", false), Ok(Wanted::New));
    let mut out = vec![0xa5; DATAGRAM];
    let mut replies = Vec::new();
    for _ in 0..2 {
        let len = world.engine.poll_transmit(world.now, &mut out).unwrap();
        replies.extend(world.kernel.send(&out[..len]));
    }
    world.tell(ADDED);
    assert_eq!(world.engine.poll_transmit(world.now, &mut out), None);
    for reply in replies {
        world.engine.handle_datagram(&reply, world.now);
    }
    assert!(world.drops("192.0.2.9"), "the kernel has it for now");
    world.turn();
    assert!(!world.drops("192.0.2.9") && world.engine.bans().is_empty());
    assert!(!world.events.iter().any(|event| matches!(event, Event::Banned { .. })));
}

#[test]
fn a_flush_brings_back_all_but_what_is_protected_by_now() {
    let mut world = World::new();
    for who in ["192.0.2.9", "192.0.2.8"] {
        assert_eq!(world.ban(who, false), Ok(Wanted::New));
    }
    world.turn();
    world.kernel.flush_ruleset();
    world.tell(ADDED);
    assert_eq!(world.ban("192.0.2.7", false), Ok(Wanted::New));
    world.turn();
    world.step(100);
    world.turn();
    assert_eq!(["192.0.2.7", "192.0.2.8", "192.0.2.9"].map(|who| world.drops(who)), [true, true, false]);
}

#[test]
fn the_operator_is_asked_to_force_and_is_then_obeyed_for_as_long_as_the_ban_lasts() {
    let mut world = World::new();
    for (who, why) in [
        ("192.0.2.1", Why::Own),
        ("2001:db8::fe", Why::Gateway),
        ("127.0.0.2", Why::Loopback),
        ("203.0.113.7", Why::Ignoreip),
    ] {
        assert_eq!(world.ban(who, false), Err(why));
        assert!(world.engine.bans().is_empty());
        assert_eq!(world.ban(who, true), Ok(Wanted::New));
        world.turn();
        assert!(world.drops(who));
        assert!(world.engine.unban(addr(who)));
        world.turn();
        assert!(!world.drops(who));
        assert_eq!(world.ban(who, false), Err(why), "only that one ban was forced");
    }
    assert_eq!(world.ban("192.0.2.9", false), Ok(Wanted::New));
    assert_eq!(world.ban("192.0.2.9", true), Ok(Wanted::Already));
    world.turn();
    world.tell(ADDED);
    world.turn();
    assert!(world.drops("192.0.2.9"), "forced is forced");
    world.kernel.flush_ruleset();
    assert_eq!(world.ban("192.0.2.7", false), Ok(Wanted::New));
    world.turn();
    assert!(world.drops("192.0.2.9") && world.drops("192.0.2.7"));
    assert_eq!(world.engine.counters().protected, 0);
}
