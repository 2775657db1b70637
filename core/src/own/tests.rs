use super::*;
use crate::limits;
use crate::wire::buf::Full;
use crate::wire::nl::Header;
use crate::wire::uapi::errno;
use crate::wire::uapi::netlink::{NLMSG_DONE, NLMSG_ERROR};
use crate::wire::uapi::rtnetlink::{
    IFA_ADDRESS, RTA_GATEWAY, RTM_DELADDR, RTM_DELROUTE, RTM_GETADDR, RTM_NEWADDR, RTM_NEWROUTE, RTN_UNICAST,
};
use proptest::prelude::*;
use std::boxed::Box;
use std::collections::BTreeSet;
use std::vec;
use std::vec::Vec;

fn at(secs: u64) -> Instant {
    Instant::from_millis(secs * 1000)
}

fn v4(n: u32) -> Addr {
    Addr::v4((0x0a00_0000 + n).to_be_bytes())
}

fn v6(n: u32) -> Addr {
    Addr::v6((0xfe80_u128 << 112 | u128::from(n)).to_be_bytes())
}

fn message(kind: u16, flags: u16, seq: u32, body: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut buffer = vec![0xa5; 256];
    let mut w = Writer::new(&mut buffer);
    Header { kind, flags, seq, pid: 0 }.emit(&mut w, body).unwrap();
    w.written().to_vec()
}

fn attr(w: &mut Writer<'_>, kind: u16, addr: Addr) -> Result<(), Full> {
    match addr.as_v4() {
        Some(bytes) => w.attr(kind, &bytes),
        None => w.attr(kind, &addr.octets()),
    }
}

const fn family(addr: &Addr) -> u8 {
    match addr.octets() {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ..] => AF_INET,
        _ => AF_INET6,
    }
}

fn address(kind: u16, flags: u16, seq: u32, addr: Addr) -> Vec<u8> {
    message(kind, flags, seq, |w| {
        w.put(&[family(&addr), 24, 0, 0, 1, 0, 0, 0])?;
        attr(w, IFA_ADDRESS, addr)
    })
}

fn route(kind: u16, flags: u16, seq: u32, dst_len: u8, gateway: Addr) -> Vec<u8> {
    message(kind, flags, seq, |w| {
        w.put(&[family(&gateway), dst_len, 0, 0, 254, 3, 0, RTN_UNICAST, 0, 0, 0, 0])?;
        attr(w, RTA_GATEWAY, gateway)
    })
}

fn done(seq: u32, flags: u16) -> Vec<u8> {
    message(NLMSG_DONE, NLM_F_MULTI | flags, seq, |w| w.put_u32(0))
}

fn own() -> Box<Own> {
    let mut own = Box::new(Own::new());
    own.follow();
    own
}

/// The request that is due: type, family and number.
fn asked(own: &mut Own, now: Instant) -> Option<(u16, u8, u32)> {
    let mut out = [0xa5; 64];
    let len = own.poll_transmit(now, &mut out)?;
    let request = Messages::new(&out[..len]).next().unwrap().unwrap();
    Some((request.header.kind, request.payload[0], request.header.seq))
}

/// A whole round at `now`, answered with these.
fn round(own: &mut Own, now: Instant, addresses: &[Addr], gateways: &[Addr], flags: u16) {
    for _ in 0..ROUND.len() {
        let (kind, asked, seq) = asked(own, now).unwrap();
        let list = if kind == RTM_GETADDR { addresses } else { gateways };
        for addr in list.iter().filter(|addr| family(addr) == asked) {
            let flags = flags | NLM_F_MULTI;
            own.handle(
                &match kind {
                    RTM_GETADDR => address(RTM_NEWADDR, flags, seq, *addr),
                    _ => route(RTM_NEWROUTE, flags, seq, 0, *addr),
                },
                now,
            );
        }
        own.handle(&done(seq, flags), now);
    }
    if own.is_ready() {
        assert_eq!(asked(own, now), None);
    }
}

#[test]
fn nothing_is_followed_unless_asked_and_loopback_is_known_always() {
    let mut own = Own::new();
    assert_eq!((asked(&mut own, at(1)), own.poll_at()), (None, None));
    for text in ["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1"] {
        assert_eq!(own.find(Addr::parse(text.as_bytes()).unwrap()), Some(Why::Loopback), "{text}");
    }
    for text in ["128.0.0.1", "::2", "126.0.0.1", "0.0.0.0"] {
        assert_eq!(own.find(Addr::parse(text.as_bytes()).unwrap()), None, "{text}");
    }
}

#[test]
fn a_round_finds_addresses_and_gateways_and_the_next_forgets_what_is_gone() {
    let mut own = own();
    assert!(!own.is_ready());
    round(&mut own, at(1), &[v4(1), v6(1), v4(3)], &[v4(2), v6(2), v4(3)], 0);
    assert!(own.is_ready() && own.take_fresh() && !own.take_fresh());
    for (addr, why) in [(1, Some(Why::Own)), (2, Some(Why::Gateway)), (4, None)] {
        assert_eq!((own.find(v4(addr)), own.find(v6(addr))), (why, why));
    }
    assert_eq!(own.find(v4(3)), Some(Why::Own), "of the two the nearer");
    assert_eq!(own.poll_at(), None, "all is told");
    own.handle(&address(RTM_DELADDR, 0, 77, v4(1)), at(1));
    assert_eq!((own.find(v4(1)), own.poll_at()), (Some(Why::Own), Some(at(1) + GAP)));
    assert_eq!(asked(&mut own, at(1)), None, "not sooner than after the gap");
    round(&mut own, at(2), &[v6(1)], &[], 0);
    assert_eq!((own.len(), own.find(v4(1)), own.find(v6(1))), (1, None, Some(Why::Own)));
}

#[test]
fn a_notice_protects_at_once_also_within_a_round() {
    let mut own = own();
    round(&mut own, at(1), &[], &[], 0);
    own.take_fresh();
    own.handle(&address(RTM_NEWADDR, 0, 5, v4(1)), at(1));
    assert!(own.take_fresh());
    assert_eq!((own.find(v4(1)), own.poll_at()), (Some(Why::Own), None));
    own.handle(&address(RTM_NEWADDR, 0, 5, v4(1)), at(1));
    assert!(!own.take_fresh() && own.poll_at().is_none(), "a lifetime that was prolonged is no news");
    own.handle(&route(RTM_NEWROUTE, 0x100, 5, 0, v4(2)), at(1));
    assert_eq!((own.find(v4(2)), own.poll_at()), (Some(Why::Gateway), Some(Instant::ZERO)), "fresh");
    own.take_fresh();
    assert_eq!(own.poll_at(), Some(at(1) + GAP), "it may have replaced another");
    // A change in the middle of the round, behind what the list has passed.
    for step in 0..4 {
        let (.., seq) = asked(&mut own, at(2)).unwrap();
        if step == 3 {
            own.handle(&address(RTM_NEWADDR, 0, 5, v4(9)), at(2));
        }
        own.handle(&done(seq, 0), at(2));
    }
    assert_eq!((own.len(), own.find(v4(9))), (1, Some(Why::Own)));
}

#[test]
fn routes_to_less_than_everything_cause_nothing() {
    let mut own = own();
    round(&mut own, at(1), &[], &[], 0);
    own.take_fresh();
    for kind in [RTM_NEWROUTE, RTM_DELROUTE] {
        own.handle(&route(kind, 0, 5, 24, v4(7)), at(1));
    }
    assert_eq!((own.poll_at(), own.len(), *own.counters()), (None, 0, Counters { rounds: 1, ..Counters::default() }));
    own.handle(&route(RTM_DELROUTE, 0, 5, 0, v4(7)), at(1));
    assert_eq!(own.poll_at(), Some(at(1) + GAP));
}

#[test]
fn a_round_that_took_long_is_not_repeated_soon() {
    let mut own = own();
    for now in [1, 2, 3, 11] {
        let (.., seq) = asked(&mut own, at(now)).unwrap();
        own.handle(&done(seq, 0), at(now));
    }
    own.handle(&address(RTM_DELADDR, 0, 5, v4(1)), at(11));
    own.take_fresh();
    assert_eq!(own.poll_at(), Some(at(11 + 9 * 10)));
}

#[test]
fn an_interrupted_round_forgets_nothing_and_is_repeated() {
    let mut own = own();
    round(&mut own, at(1), &[v4(1)], &[], NLM_F_DUMP_INTR);
    assert!(!own.is_ready());
    assert_eq!(own.find(v4(1)), Some(Why::Own), "known nevertheless");
    round(&mut own, at(1), &[v4(2)], &[], 0);
    assert!(own.is_ready());
    assert_eq!((own.find(v4(1)), own.find(v4(2))), (None, Some(Why::Own)));
    own.handle(&address(RTM_DELADDR, 0, 5, v4(1)), at(1));
    round(&mut own, at(2), &[v4(3)], &[], NLM_F_DUMP_INTR);
    own.take_fresh();
    assert_eq!((own.len(), own.poll_at()), (2, Some(at(2) + GAP)));

    let mut own = self::own();
    for n in 0..INTERRUPTED {
        assert!(!own.is_ready());
        round(&mut own, at(1), &[v4(n.into())], &[], NLM_F_DUMP_INTR);
    }
    assert!(own.is_ready(), "a machine that is never quiet must start");
    assert_eq!(own.len(), INTERRUPTED.into());
}

#[test]
fn a_kernel_without_ipv6_has_no_addresses_of_it() {
    for errno in [errno::EAFNOSUPPORT, errno::EOPNOTSUPP, errno::ENOMEM] {
        let mut own = own();
        for _ in 0..4 {
            let (kind, family, seq) = asked(&mut own, at(1)).unwrap();
            if family == AF_INET6 {
                own.handle(
                    &message(NLMSG_ERROR, 0, seq, |w| {
                        w.put(&errno.wrapping_neg().to_ne_bytes())?;
                        w.put(&[0; 16])
                    }),
                    at(1),
                );
            } else {
                if kind == RTM_GETADDR {
                    own.handle(&address(RTM_NEWADDR, NLM_F_MULTI, seq, v4(1)), at(1));
                }
                own.handle(&done(seq, 0), at(1));
            }
        }
        assert_eq!((own.is_ready(), own.len()), (errno != errno::ENOMEM, 1), "{errno}");
    }
}

#[test]
fn what_was_lost_is_asked_for_anew() {
    let mut own = own();
    round(&mut own, at(1), &[v4(1)], &[], 0);
    own.take_fresh();
    own.lost();
    assert_eq!(own.poll_at(), Some(at(1) + GAP));
    let (.., seq) = asked(&mut own, at(2)).unwrap();
    own.handle(&address(RTM_NEWADDR, NLM_F_MULTI, seq, v4(2)), at(3));
    assert_eq!(own.poll_at(), Some(at(3) + ANSWER_TIMEOUT));
    assert_eq!(asked(&mut own, at(8)), None, "given up");
    // The answer comes after all: it is no notice, and belongs to nothing any more.
    own.handle(&address(RTM_NEWADDR, NLM_F_MULTI, seq, v4(3)), at(8));
    own.handle(&done(seq, 0), at(8));
    assert_eq!((own.len(), own.find(v4(1)), own.poll_at()), (1, Some(Why::Own), Some(at(8) + GAP)));
    // Not even while the next round goes on.
    let (.., next) = asked(&mut own, at(9)).unwrap();
    own.handle(&address(RTM_NEWADDR, NLM_F_MULTI, seq, v4(3)), at(9));
    own.handle(&done(seq, 0), at(9));
    assert_eq!(asked(&mut own, at(9)), None);
    own.handle(&done(next, 0), at(9));
    for _ in 0..3 {
        let (.., next) = asked(&mut own, at(9)).unwrap();
        own.handle(&done(next, 0), at(9));
    }
    assert_eq!((own.len(), own.counters().lost), (0, 2));
}

#[test]
fn at_capacity_what_is_known_stays_and_the_rest_is_counted_and_said_once() {
    let most = u32::try_from(limits::OWN).unwrap();
    let mut own = own();
    let all: Vec<Addr> = (0..most + 5).map(v4).collect();
    round(&mut own, at(1), &all, &[v6(1)], 0);
    assert!(own.is_ready() && own.take_full() && !own.take_full());
    assert_eq!((own.len(), own.counters().full), (limits::OWN, 6));
    assert_eq!(own.find(v6(1)), Some(Why::Gateway), "gateways come first");
    // A notice that finds no room has a round look whether there is some.
    own.handle(&address(RTM_NEWADDR, 0, 5, v6(9)), at(1));
    own.take_fresh();
    assert_eq!((own.find(v6(9)), own.poll_at()), (None, Some(at(1) + GAP)));
    let later: Vec<Addr> = (10..most + 20).map(v4).collect();
    round(&mut own, at(2), &later, &[v6(1)], 0);
    assert_eq!((own.find(v4(0)), own.take_full()), (Some(Why::Own), false), "not forgotten, not said again");
    own.handle(&address(RTM_DELADDR, 0, 5, v4(2)), at(2));
    round(&mut own, at(3), &[v4(8)], &[v6(1)], 0);
    assert_eq!((own.len(), own.find(v4(0)), own.find(v4(8))), (2, None, Some(Why::Own)));
    own.handle(&address(RTM_DELADDR, 0, 5, v4(2)), at(3));
    round(&mut own, at(4), &all, &[], 0);
    assert!(own.take_full(), "it happened again");
}

#[test]
fn malformed_messages_are_counted_and_the_others_read() {
    let mut own = own();
    round(&mut own, at(1), &[], &[], 0);
    let good = address(RTM_NEWADDR, 0, 5, v4(1));
    let bad = [
        message(RTM_NEWADDR, 0, 1, |w| w.put(&[AF_INET, 24, 0])),
        message(RTM_NEWADDR, 0, 1, |w| w.put(&[AF_INET, 24, 0, 0, 1, 0, 0, 0])),
        message(RTM_NEWADDR, 0, 1, |w| {
            w.put(&[AF_INET6, 24, 0, 0, 1, 0, 0, 0])?;
            attr(w, IFA_ADDRESS, v4(7))
        }),
        message(RTM_NEWROUTE, 0, 1, |w| {
            w.put(&[AF_INET, 0, 0, 0, 254, 3, 0, RTN_UNICAST, 0, 0, 0, 0])?;
            w.attr(RTA_GATEWAY, &[1, 2, 3])
        }),
    ];
    for (n, bad) in (1..).zip(bad) {
        own.handle(&[bad, good.clone()].concat(), at(1));
        assert_eq!((own.counters().malformed, own.find(v4(1))), (n, Some(Why::Own)));
    }
    own.handle(&good[..20], at(1));
    assert_eq!((own.counters().malformed, own.len()), (5, 1));
}

#[derive(Clone, Debug)]
enum Op {
    Add(u32, bool),
    /// With or without a word.
    Remove(u32, bool, bool),
    /// So many of the list's entries are read, and the rest of it if any.
    Read(usize, bool),
    Lost,
    Step(u64),
    Ask,
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (0u32..12, any::<bool>()).prop_map(|(n, gateway)| Op::Add(n, gateway)),
        3 => (0u32..12, any::<bool>(), any::<bool>()).prop_map(|(n, gateway, told)| Op::Remove(n, gateway, told)),
        4 => (0usize..6, any::<bool>()).prop_map(|(n, rest)| Op::Read(n, rest)),
        1 => Just(Op::Lost),
        3 => (0u64..2000).prop_map(Op::Step),
        4 => Just(Op::Ask),
    ]
}

/// A kernel's lists.
#[derive(Default)]
struct Kernel {
    /// Addresses and whether they are gateways.
    held: BTreeSet<(Addr, bool)>,
    /// What is left of the list that is being read.
    list: Vec<(Addr, bool)>,
    open: Option<u32>,
}

impl Kernel {
    fn ask(&mut self, own: &mut Own, now: Instant) -> bool {
        let Some((kind, asked, seq)) = asked(own, now) else { return false };
        let of = |(addr, gateway): &(Addr, bool)| (family(addr), *gateway) == (asked, kind != RTM_GETADDR);
        self.list = self.held.iter().copied().filter(of).collect();
        self.open = Some(seq);
        true
    }

    fn read(&mut self, own: &mut Own, now: Instant, most: usize, rest: bool) {
        let Some(seq) = self.open else { return };
        let take = if rest { self.list.len() } else { most.min(self.list.len()) };
        for (addr, gateway) in self.list.drain(..take) {
            own.handle(
                &match gateway {
                    true => route(RTM_NEWROUTE, NLM_F_MULTI, seq, 0, addr),
                    false => address(RTM_NEWADDR, NLM_F_MULTI, seq, addr),
                },
                now,
            );
        }
        if rest {
            own.handle(&done(seq, 0), now);
            self.open = None;
        }
    }
}

fn nth(n: u32) -> Addr {
    if n.is_multiple_of(2) { v4(n) } else { v6(n) }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is told when: all that the kernel told of and still has is protected at any time, and in the end exactly
    /// what it has.
    #[test]
    fn in_the_end_all_is_known(ops in prop::collection::vec(op(), 0..80)) {
        let mut own = own();
        let mut kernel = Kernel::default();
        let mut now = at(1);
        let mut told: BTreeSet<(Addr, bool)> = BTreeSet::new();
        for op in ops {
            match op {
                Op::Add(n, gateway) => {
                    kernel.held.insert((nth(n), gateway));
                    told.insert((nth(n), gateway));
                    own.handle(
                        &match gateway {
                            true => route(RTM_NEWROUTE, 0, 9, 0, nth(n)),
                            false => address(RTM_NEWADDR, 0, 9, nth(n)),
                        },
                        now,
                    );
                }
                Op::Remove(n, gateway, silent) => {
                    kernel.held.remove(&(nth(n), gateway));
                    told.remove(&(nth(n), gateway));
                    if !(gateway && silent) {
                        let kind = if gateway { RTM_DELROUTE } else { RTM_DELADDR };
                        let notice = if gateway { route(kind, 0, 9, 0, nth(n)) } else { address(kind, 0, 9, nth(n)) };
                        own.handle(&notice, now);
                    }
                }
                Op::Read(n, rest) => kernel.read(&mut own, now, n, rest),
                Op::Lost => own.lost(),
                Op::Step(ms) => now = now + Duration::from_millis(ms),
                Op::Ask => {
                    kernel.ask(&mut own, now);
                }
            }
            for (addr, _) in &told {
                prop_assert!(own.find(*addr).is_some(), "{} is not protected", addr);
            }
        }
        // A last default route goes and says so: what went silently goes with it.
        own.handle(&route(RTM_DELROUTE, 0, 9, 0, v4(999)), now);
        for _ in 0..100 {
            kernel.read(&mut own, now, 0, true);
            now = now + ANSWER_TIMEOUT;
            kernel.ask(&mut own, now);
        }
        own.take_fresh();
        prop_assert_eq!(own.poll_at(), None);
        let want: BTreeSet<Addr> = kernel.held.iter().map(|(addr, _)| *addr).collect();
        prop_assert_eq!(own.iter().collect::<BTreeSet<_>>(), want.clone());
        for addr in want {
            let why = if kernel.held.contains(&(addr, false)) { Why::Own } else { Why::Gateway };
            prop_assert_eq!(own.find(addr), Some(why));
        }
    }
}
