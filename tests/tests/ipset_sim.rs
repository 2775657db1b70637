//! The dialogue with ipset against a fake ipset under a simulated clock: whatever goes wrong between the two, nobody is
//! announced as banned whom the kernel does not hold, nobody is forgotten whom it holds, and every ban gets there in the
//! end.

use edgeban_core::addr::{Addr, Family};
use edgeban_core::ban::{Bans, State, Wanted};
use edgeban_core::event::{Event, Events};
use edgeban_core::firewall::ipset::{ANSWER, BACKOFF_MAX, DATAGRAM, Link};
use edgeban_core::table::HashKey;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::reply::NetlinkError;
use edgeban_tests::fake_ipset::{FakeIpset, Fault};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const EPERM: i32 = 1;
const ENOMEM: i32 = 12;
const EINVAL: i32 = 22;
const HASH_FULL: i32 = 4352;

/// An element lasts whole seconds, so it may outlive its ban by less than this.
const ROUNDING: Duration = Duration::from_secs(1);

/// What the engine does with its link, its bans and its events, and the kernel.
struct World {
    link: Link,
    bans: Box<Bans<1024, 2048>>,
    queue: Box<Events>,
    kernel: FakeIpset,
    now: Instant,
    events: Vec<Event>,
    /// Somebody else destroyed a set, and that was not yet noticed.
    destroyed: bool,
}

fn ip(addr: Addr) -> IpAddr {
    match addr.as_v4() {
        Some(v4) => IpAddr::V4(Ipv4Addr::from(v4)),
        None => IpAddr::V6(Ipv6Addr::from(addr.octets())),
    }
}

/// The `n`-th attacker; every third has IPv6.
fn attacker(n: u32) -> Addr {
    match n % 3 {
        2 => Addr::v6((0x2001_0db8_u128 << 96 | u128::from(n)).to_be_bytes()),
        _ => Addr::v4((0xc612_0000 + n).to_be_bytes()),
    }
}

impl World {
    fn with(link: Link) -> Self {
        let mut bans = Box::new(Bans::new());
        bans.set_key(HashKey(1, 2));
        let mut world = Self {
            link,
            bans,
            queue: Box::new(Events::new()),
            kernel: FakeIpset::new(),
            now: Instant::ZERO,
            events: Vec::new(),
            destroyed: false,
        };
        world.step(1_000_000);
        world
    }

    /// A world whose kernel holds the sets.
    fn ready(maxelem: u32) -> Self {
        let mut world = Self::with(Link::with_maxelem("edgeban", maxelem));
        world.turn();
        assert_eq!(world.take_events(), [Event::Ready]);
        assert_eq!(world.kernel.names(), ["edgeban_v4", "edgeban_v6"]);
        world
    }

    fn step(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.kernel.set_now(self.now.as_millis());
    }

    /// As `Engine::expire`.
    fn expire(&mut self) {
        self.link.expire(&mut self.bans, self.now, &mut self.queue);
        while let Some((addr, ban)) = self.bans.pop_over(self.now) {
            self.queue.push(match ban.state() {
                State::Wanted => Event::NeverInstalled { addr },
                _ => Event::Unbanned { addr, expired: true },
            });
        }
    }

    /// What the daemon does in one turn of its loop.
    fn turn(&mut self) {
        let mut out = vec![0xa5; DATAGRAM];
        for _ in 0..10_000 {
            self.expire();
            let len = self.link.poll_transmit(&mut self.bans, self.now, &mut out);
            for reply in len.map(|len| self.kernel.send(&out[..len])).unwrap_or_default() {
                assert!(reply.len() <= ANSWER);
                self.link.handle(&reply, &mut self.bans, self.now, &mut self.queue);
            }
            if self.kernel.take_overrun() {
                self.link.lost(&mut self.bans, self.now, &mut self.queue);
            }
            self.observe();
            if len.is_none() {
                return;
            }
        }
        panic!("the link sends for ever");
    }

    /// Takes the events, holds each announced ban against the kernel, and each side against the other.
    fn observe(&mut self) {
        while let Some(event) = self.queue.pop() {
            match event {
                Event::Banned { addr, until, .. } if until.is_none_or(|until| until > self.now) => {
                    assert!(self.kernel.holds(ip(addr)), "{addr} is announced as banned and gets through");
                }
                Event::TableLost => self.destroyed = false,
                _ => {}
            }
            self.events.push(event);
        }
        for set in ["edgeban_v4", "edgeban_v6"] {
            for (addr, left) in self.kernel.elements(set) {
                let addr = match addr {
                    IpAddr::V4(v4) => Addr::v4(v4.octets()),
                    IpAddr::V6(v6) => Addr::v6(v6.octets()),
                };
                let known = self.bans.find(addr).is_some();
                assert!(known || left.is_some_and(|ms| ms < ROUNDING.as_millis()), "{addr} is forgotten in the kernel");
            }
        }
        if !self.destroyed {
            let mut cell = 0;
            while let Some((next, addr, ban)) = self.bans.next_installed(cell) {
                assert!(
                    self.kernel.holds(ip(addr)) || ban.until.is_some_and(|until| until <= self.now),
                    "{addr} is installed and gets through"
                );
                cell = next;
            }
        }
    }

    /// What the daemon does while nothing comes in.
    fn sleep(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        loop {
            self.turn();
            let next = [self.link.poll_at(&self.bans), self.bans.next_end()].into_iter().flatten().min().unwrap_or(end);
            assert!(next > self.now, "the daemon would spin");
            let ms = next.min(end).since(self.now).as_millis();
            self.step(ms);
            if self.now == end {
                return self.expire();
            }
        }
    }

    /// Lets time pass, turn by turn, until nothing waits to be sent.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.turn();
            if self.bans.waiting() == 0 && self.link.is_idle() && self.link.is_ready() {
                return;
            }
            let next = self.link.poll_at(&self.bans).map_or(0, |at| at.since(self.now).as_millis());
            self.step(next.max(1));
        }
        panic!("something waits for ever");
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn ban(&mut self, n: u32, secs: u64) -> Wanted {
        self.bans.want(attacker(n), 0, Some(self.now + Duration::from_secs(secs)))
    }

    fn held(&self) -> usize {
        ["edgeban_v4", "edgeban_v6"].map(|set| self.kernel.elements(set).len()).iter().sum()
    }

    fn banned(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Banned { .. })).count()
    }
}

#[test]
fn the_kernel_holds_whom_the_link_announces_until_the_ban_is_over() {
    let mut world = World::ready(65_536);
    for n in 0..700 {
        assert_eq!(world.ban(n, 60), Wanted::New);
    }
    let before = world.kernel.datagrams;
    world.turn();
    assert_eq!((world.banned(), world.held()), (700, 700));
    assert_eq!(world.kernel.datagrams - before, 3, "two messages of IPv4 and one of IPv6");
    world.step(59_999);
    world.turn();
    assert_eq!(world.held(), 700);
    world.step(1);
    world.turn();
    assert_eq!(world.held(), 0);
    assert!(world.bans.is_empty());
}

#[test]
fn each_kind_of_refusal_in_the_middle_costs_nobody_their_ban() {
    for errno in [EPERM, ENOMEM, EINVAL, HASH_FULL] {
        for fault in [
            Fault::Element { element: 7, errno },
            Fault::Nameless { element: 7, errno },
            Fault::Message(errno),
            Fault::Permission,
            Fault::NoReply,
            Fault::Overrun,
        ] {
            // EPERM and ENOENT never come from an element.
            if errno == EPERM && matches!(fault, Fault::Element { .. } | Fault::Nameless { .. }) {
                continue;
            }
            let mut world = World::ready(65_536);
            for n in 0..40 {
                assert_eq!(world.ban(n, 600), Wanted::New);
            }
            world.kernel.cap_ack = errno != EINVAL;
            world.kernel.inject(fault);
            world.settle();
            assert_eq!((world.banned(), world.held()), (40, 40), "{fault:?}");
        }
    }
}

#[test]
fn a_refusal_before_the_sets_stand_is_said_and_tried_again() {
    for (fault, errno) in [(Fault::Permission, EPERM), (Fault::Message(ENOMEM), ENOMEM)] {
        let mut world = World::with(Link::new("edgeban"));
        world.kernel.inject(fault);
        assert_eq!(world.ban(1, 60), Wanted::New);
        world.turn();
        let error = NetlinkError::new(errno).unwrap();
        assert_eq!(world.take_events(), [Event::SetRefused { error, step: 0 }]);
        assert!(!world.link.is_ready() && world.kernel.names().is_empty());
        world.step(BACKOFF_MAX.as_millis());
        world.turn();
        assert!(world.link.is_ready());
        assert_eq!(world.held(), 1);
    }
}

#[test]
fn older_and_newer_kernels_are_spoken_to_in_a_version_of_both() {
    for protocol in [(6, 6), (7, 6), (7, 7), (9, 7)] {
        let mut world = World::with(Link::new("edgeban"));
        world.kernel.protocol = protocol;
        world.turn();
        assert!(world.link.is_ready(), "{protocol:?}");
    }
    let mut world = World::with(Link::new("edgeban"));
    world.kernel.protocol = (8, 8);
    world.turn();
    let error = NetlinkError::IPSET_PROTOCOL;
    assert_eq!(world.take_events(), [Event::SetRefused { error, step: 0 }]);
}

#[test]
fn at_capacity_the_kernel_refuses_one_by_one_and_takes_them_as_room_is_made() {
    let mut world = World::ready(10);
    for n in 0..30 {
        assert_eq!(world.ban(n, 6000 + u64::from(n)), Wanted::New);
    }
    world.turn();
    assert_eq!((world.held(), world.bans.installed()), (20, 20), "ten each, and of IPv6 there are no more");
    let error = NetlinkError::IPSET_HASH_FULL;
    assert!(world.take_events().contains(&Event::BatchRefused { error, entries: 10 }));
    for _ in 0..20 {
        world.step(BACKOFF_MAX.as_millis());
        world.turn();
    }
    let said = world.take_events().iter().filter(|event| matches!(event, Event::BatchRefused { .. })).count();
    assert_eq!(said, 20, "once a try");
    // An address that waits is not announced; one that leaves makes room at once.
    assert!(world.bans.release(attacker(0)));
    world.turn();
    assert_eq!(world.bans.installed(), 20);
    assert_eq!(world.banned(), 1);
    world.step(6_030_000);
    world.settle();
    assert!(world.bans.is_empty(), "all times are over");
}

#[test]
fn a_lifted_ban_is_lifted_in_the_kernel_although_the_answer_was_lost() {
    for fault in [Fault::NoReply, Fault::Overrun, Fault::Element { element: 2, errno: ENOMEM }] {
        let mut world = World::ready(65_536);
        for n in 0..6 {
            assert_eq!(world.ban(n, 600), Wanted::New);
        }
        world.turn();
        (0..6).for_each(|n| assert!(world.bans.release(attacker(n))));
        world.kernel.inject(fault);
        world.settle();
        assert_eq!((world.held(), world.bans.len()), (0, 0), "{fault:?}");
        let lifted = |event: &&Event| matches!(event, Event::Unbanned { expired: false, .. });
        assert_eq!(world.events.iter().filter(lifted).count(), 6);
    }
}

#[test]
fn a_destroyed_set_comes_back_with_all_its_bans_at_its_next_message() {
    for family in [Family::V4, Family::V6] {
        let mut world = World::ready(65_536);
        for n in 0..60 {
            assert_eq!(world.ban(n, 600), Wanted::New);
        }
        world.turn();
        let name = world.link.set_name(family);
        world.kernel.destroy(&name);
        world.destroyed = true;
        assert_eq!(world.ban(if family == Family::V4 { 60 } else { 62 }, 600), Wanted::New);
        // Of the other family, and from the set that still stands.
        assert!(world.bans.release(attacker(if family == Family::V4 { 2 } else { 0 })));
        world.settle();
        assert!(world.events.contains(&Event::TableLost));
        assert_eq!((world.held(), world.bans.installed()), (60, 60));
    }
}

#[test]
fn a_later_end_replaces_the_elements_and_for_ever_replaces_any() {
    let mut world = World::ready(65_536);
    assert_eq!(world.ban(1, 60), Wanted::New);
    assert_eq!(world.ban(2, 60), Wanted::New);
    world.turn();
    assert_eq!(world.ban(1, 600), Wanted::Extended);
    assert_eq!(world.bans.want(attacker(2), 0, None), Wanted::Extended);
    world.turn();
    world.step(599_000);
    world.turn();
    assert!(world.kernel.holds(ip(attacker(1))));
    world.step(1000);
    world.turn();
    assert!(!world.kernel.holds(ip(attacker(1))) && world.kernel.holds(ip(attacker(2))));
}

#[test]
fn a_ban_longer_than_the_kernels_longest_timeout_lasts_to_its_end_and_not_longer() {
    let mut world = World::ready(65_536);
    let day = 86_400;
    for n in 0..900 {
        assert_eq!(world.ban(n, (1 + u64::from(n) / 9) * day), Wanted::New);
    }
    for today in 0..101 {
        world.turn();
        for n in 0..900u32 {
            let over = u64::from(n) / 9 < today;
            assert_eq!(world.kernel.holds(ip(attacker(n))), !over, "{n} on day {today}");
        }
        world.sleep(day * 1000);
    }
    assert_eq!(world.banned(), 900, "renewing is not banning");
    assert!(world.bans.is_empty());
}

#[test]
fn the_end_takes_both_sets_away_and_empties_one_in_use() {
    let mut world = World::ready(65_536);
    for n in 0..6 {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    world.turn();
    world.kernel.refer("edgeban_v6");
    world.take_events();
    world.link.delete_table();
    let mut out = vec![0; DATAGRAM];
    world.kernel.inject(Fault::NoReply);
    for _ in 0..10 {
        while let Some(len) = world.link.poll_transmit(&mut world.bans, world.now, &mut out) {
            for reply in world.kernel.send(&out[..len]) {
                world.link.handle(&reply, &mut world.bans, world.now, &mut world.queue);
            }
        }
        world.step(5000);
        world.link.expire(&mut world.bans, world.now, &mut world.queue);
    }
    assert_eq!(world.kernel.names(), ["edgeban_v6"]);
    assert_eq!(world.held(), 0);
    assert_eq!(world.link.poll_at(&world.bans), None);
}

#[derive(Clone, Debug)]
enum Op {
    Ban(u32, u64),
    Permanent(u32),
    Unban(u32),
    /// Time passes and nobody wakes.
    Step(u64),
    /// The daemon sleeps, and wakes when there is something to do.
    Sleep(u64),
    Turn,
    Fault(Fault),
    Destroy(bool),
}

fn fault() -> impl Strategy<Value = Fault> {
    let errno = prop::sample::select(vec![ENOMEM, EINVAL, HASH_FULL]);
    prop_oneof![
        (0usize..6, errno.clone()).prop_map(|(element, errno)| Fault::Element { element, errno }),
        (0usize..6, errno.clone()).prop_map(|(element, errno)| Fault::Nameless { element, errno }),
        errno.prop_map(Fault::Message),
        Just(Fault::Permission),
        Just(Fault::NoReply),
        Just(Fault::Overrun),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0u32..30, 1u64..200).prop_map(|(n, secs)| Op::Ban(n, secs)),
        1 => (0u32..30).prop_map(Op::Permanent),
        1 => (0u32..30, 2_000_000u64..9_000_000).prop_map(|(n, secs)| Op::Ban(n, secs)),
        3 => (0u32..30).prop_map(Op::Unban),
        3 => (0u64..20_000).prop_map(Op::Step),
        1 => (0u64..2_000_000_000).prop_map(Op::Sleep),
        5 => Just(Op::Turn),
        2 => fault().prop_map(Op::Fault),
        1 => any::<bool>().prop_map(Op::Destroy),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: no ban is announced that the kernel does not hold, none is forgotten that it holds (both
    /// asserted in `observe`), and once nothing goes wrong any more, the kernel holds just the bans that are wanted.
    #[test]
    fn in_the_end_the_kernel_holds_what_is_wanted(ops in prop::collection::vec(op(), 1..80), destroys: bool) {
        let mut world = World::ready(65_536);
        let mut wanted: BTreeMap<u32, Option<Instant>> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Ban(n, secs) => {
                    let until = world.now + Duration::from_secs(secs);
                    if matches!(world.ban(n, secs), Wanted::New | Wanted::Extended) {
                        wanted.insert(n, Some(until));
                    }
                }
                Op::Permanent(n) => {
                    if matches!(world.bans.want(attacker(n), 0, None), Wanted::New | Wanted::Extended) {
                        wanted.insert(n, None);
                    }
                }
                Op::Unban(n) => {
                    world.bans.release(attacker(n));
                    wanted.remove(&n);
                }
                Op::Step(ms) => {
                    world.step(ms);
                    world.expire();
                }
                Op::Sleep(ms) => world.sleep(ms),
                Op::Turn => world.turn(),
                Op::Fault(fault) => world.kernel.inject(fault),
                Op::Destroy(v4) if destroys => {
                    world.kernel.destroy(if v4 { "edgeban_v4" } else { "edgeban_v6" });
                    world.destroyed = true;
                }
                Op::Destroy(_) => {}
            }
        }
        // One ban after the other uses up the faults that wait, and shows a set that is gone.
        for n in 1000..1040 {
            assert_eq!(world.ban(n, 10_000_000), Wanted::New);
            world.settle();
        }
        // The last second of those that are over.
        world.step(ROUNDING.as_millis());
        world.settle();
        for n in 0..30 {
            let expected = wanted.get(&n).is_some_and(|until| until.is_none_or(|until| until > world.now));
            let near = wanted.get(&n).copied().flatten().is_some_and(|until| {
                world.now.since(until) < ROUNDING && until.since(world.now) < ROUNDING
            });
            prop_assert!(
                near || world.kernel.holds(ip(attacker(n))) == expected,
                "{} at {:?}: {expected}", attacker(n), world.now
            );
        }
        for n in 1000..1040 {
            prop_assert!(world.kernel.holds(ip(attacker(n))));
        }
    }
}
