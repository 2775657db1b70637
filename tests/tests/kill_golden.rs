//! The messages of `kill_connections`, byte for byte against those of `conntrack` 1.4.7 and `ss` 6.1 (caught with
//! `strace -e trace=sendto,sendmsg -e write=all`), and what `core::firewall::kill` makes of a kernel's answers.
#![cfg(target_endian = "little")]

use edgeban_core::addr::{Addr, Family};
use edgeban_core::firewall::kill::{ANSWER_TIMEOUT, DATAGRAM, Killer, PAUSE, RETRIES, Report, Side};
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::{Full, Malformed, Writer};
use edgeban_core::wire::ct::{FLOW, Flow, GetFlows};
use edgeban_core::wire::diag::{CONNECTION, Connection, GetConnections};
use edgeban_core::wire::nl::{Header, Messages, Tag};
use edgeban_core::wire::reply::NetlinkError;
use edgeban_core::wire::uapi::errno;
use edgeban_core::wire::uapi::netlink::{NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_MULTI, NLM_F_REQUEST};
use edgeban_tests::hex::{self, bytes};
use proptest::prelude::*;

fn addr(text: &str) -> Addr {
    Addr::parse(text.as_bytes()).unwrap()
}

fn with(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Vec<u8> {
    let mut buffer = vec![0xa5; DATAGRAM];
    let mut w = Writer::new(&mut buffer);
    write(&mut w).unwrap();
    w.written().to_vec()
}

/// What `conntrack -L` receives of a connection from 127.0.0.9 port 1234 to 127.0.0.1 port 7.
const FLOW_V4: &str = "02000000\
    340001801400018008000100 7f000009 08000200 7f000001 1c000280 0500010006000000 0600020004d20000 0600030000070000\
    340002801400018008000100 7f000001 08000200 7f000009 1c000280 0500010006000000 0600020000070000 0600030004d20000\
    080003000000000e 0800080000000000 08000c0051184335 08000b0000000001 080007000006977f";

/// The same in zone 7.
fn flow_in_zone() -> Vec<u8> {
    [bytes(FLOW_V4), bytes("0600120000070000")].concat()
}

/// Of one between two ports of ::1.
const FLOW_V6: &str = "0a000000\
    4c0001802c000180 14000300 00000000000000000000000000000001 14000400 00000000000000000000000000000001\
    1c000280 0500010006000000 0600020004d30000 0600030000070000\
    4c0002802c000180 14000300 00000000000000000000000000000001 14000400 00000000000000000000000000000001\
    1c000280 0500010006000000 0600020000070000 0600030004d30000\
    080003000000000e 08000c009382b0c2 080007000006977f";

/// What `ss -t` receives of a socket 127.0.0.8:8 whose peer is 127.0.0.7:1236.
const SOCKET_V4: &str = "02010000 000804d4 7f000008000000000000000000000000 7f000007000000000000000000000000\
    00000000 9c09000000000000 00000000000000000000000000000000 00000000";

#[track_caller]
fn same(ours: &[u8], theirs: &str) {
    hex::assert_same("theirs and ours", &bytes(theirs), ours);
}

#[test]
fn the_lists_are_asked_for_like_conntrack_and_ss_do() {
    // conntrack -L
    same(&with(|w| GetFlows.emit(0x6b05_f7f7, w)), "1400000001010103f7f7056b0000000000000000");
    // ss -t4 and ss -t6, without the filter behind: that is ours. ss leaves out SYN_RECV (bit 3), which we want cut.
    let zeros = "00".repeat(48);
    let request = |family, states| format!("48000000140001034 0e20100 00000000 {family}060000 {states}0b0000 {zeros}");
    same(&with(|w| GetConnections(Family::V4).emit(123_456, w)), &request("02", "3e"));
    same(&with(|w| GetConnections(Family::V6).emit(123_456, w)), &request("0a", "3e"));
}

#[test]
fn a_deletion_names_its_entry() {
    // conntrack -D -p tcp -s 127.0.0.9, which tells the other direction and the state too (the kernel looks at the first
    // tuple), and no id.
    let payload = bytes(FLOW_V4);
    let flow = Flow::parse(&payload).unwrap();
    assert_eq!((flow.initiator, flow.responder), (addr("127.0.0.9"), addr("127.0.0.1")));
    let v4 = "50000000020105 00f7f7056b00000000 02000000\
        340001801400018008000100 7f000009 08000200 7f000001 1c000280 0500010006000000 0600020004d20000 0600030000070000\
        08000c0051184335";
    same(&with(|w| flow.emit_delete(Tag::acked(0x6b05_f7f7), w)), v4);
    let payload = flow_in_zone();
    let flow = Flow::parse(&payload).unwrap();
    let zone = with(|w| flow.emit_delete(Tag::acked(0x6b05_f7f7), w));
    hex::assert_same("with its zone", &[&bytes(v4)[4..], &bytes("0600120000070000")].concat()[..], &zone[4..]);
    // conntrack -D -f ipv6 -p tcp -s ::1
    let payload = bytes(FLOW_V6);
    let flow = Flow::parse(&payload).unwrap();
    assert_eq!((flow.initiator, flow.responder), (addr("::1"), addr("::1")));
    same(
        &with(|w| flow.emit_delete(Tag::acked(0x6b05_f7f7), w)),
        "6800000002010500f7f7056b00000000 0a000000\
        4c0001802c000180 14000300 00000000000000000000000000000001 14000400 00000000000000000000000000000001\
        1c000280 0500010006000000 0600020004d30000 0600030000070000 08000c009382b0c2",
    );
}

#[test]
fn a_socket_is_ended_like_ss_does() {
    // ss -tK dst 127.0.0.7
    let payload = bytes(SOCKET_V4);
    let connection = Connection::parse(&payload).unwrap();
    assert_eq!(connection.peer, addr("127.0.0.7"));
    same(
        &with(|w| connection.emit_destroy(Tag::acked(0x6b05_f7f9), w)),
        "4800000015000500f9f7056b00000000 0206000000000000 000804d4 7f000008000000000000000000000000\
        7f000007000000000000000000000000 00000000 9c09000000000000",
    );
}

#[test]
fn a_mapped_peer_is_ipv4() {
    let mut payload = bytes(SOCKET_V4);
    payload[0] = 10;
    payload[24..40].copy_from_slice(&addr("10.1.2.3").octets());
    assert_eq!(Connection::parse(&payload).unwrap().peer, addr("10.1.2.3"));
}

/// The attributes of type `kind` at the top of a DELETE.
fn tuples(message: &[u8]) -> Vec<&[u8]> {
    edgeban_core::wire::buf::Attrs::new(&message[20..])
        .map(Result::unwrap)
        .filter(|attr| attr.kind == 1)
        .map(|attr| attr.value)
        .collect()
}

#[test]
fn an_entry_without_its_tuple_cannot_be_read() {
    let whole = bytes(FLOW_V4);
    let attr = |at: usize| usize::from(u16::from_le_bytes([whole[at], whole[at + 1]])).next_multiple_of(4);
    let mut at = 4;
    while at < whole.len() {
        let len = attr(at);
        let without = [&whole[..at], &whole[at + len..]].concat();
        let kind = whole[at + 2];
        assert_eq!(Flow::parse(&without).is_err(), [1, 2, 12].contains(&kind), "attribute {kind}");
        // Empty, and with an empty inside.
        let mut empty = whole.clone();
        empty.splice(at..at + len, [4, 0, kind, whole[at + 3]]);
        assert_eq!(Flow::parse(&empty).is_err(), [1, 2, 12].contains(&kind), "attribute {kind}");
        at += len;
    }
    for family in [0, 1, 7, 10] {
        let mut other = whole.clone();
        other[0] = family;
        assert_eq!(Flow::parse(&other), Err(Malformed), "{family}");
    }
}

proptest! {
    /// Whatever the bytes: what can be read deletes exactly one entry, by a tuple with addresses and protocol.
    #[test]
    fn no_bytes_make_a_deletion_of_all(
        flips in prop::collection::vec((0usize..200, any::<u8>()), 0..6),
        cut in 0usize..200,
        v6: bool,
        zone: bool,
    ) {
        let mut payload = if v6 { bytes(FLOW_V6) } else if zone { flow_in_zone() } else { bytes(FLOW_V4) };
        for (at, value) in flips {
            let len = payload.len();
            payload[at % len] = value;
        }
        if cut < 20 {
            payload.truncate(payload.len() - cut);
        }
        if let Ok(flow) = Flow::parse(&payload) {
            let delete = with(|w| flow.emit_delete(Tag::acked(1), w));
            prop_assert!(delete.len() <= payload.len() + 16, "longer than what told of it");
            let tuples = tuples(&delete);
            prop_assert_eq!(tuples.len(), 1);
            prop_assert!(tuples[0].len() >= 20);
        }
        let _ = Connection::parse(&payload);
    }
}

// The dialogue.

fn message(kind: u16, flags: u16, seq: u32, payload: &[u8]) -> Vec<u8> {
    with(|w| Header { kind, flags, seq, pid: 1 }.emit(w, |w| w.put(payload)))
}

fn done(seq: u32, error: i32) -> Vec<u8> {
    message(3, NLM_F_MULTI, seq, &(-error).to_ne_bytes())
}

/// `NLMSG_ERROR`: 0 is an ack.
fn answer(seq: u32, error: i32) -> Vec<u8> {
    message(2, 0, seq, &[&(-error).to_ne_bytes()[..], &[0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]].concat())
}

struct Test {
    killer: Killer,
    now: Instant,
    banned: Vec<Addr>,
}

impl Test {
    fn new(banned: &[&str]) -> Self {
        let mut killer = Killer::new();
        killer.banned();
        Self { killer, now: Instant::from_millis(1000), banned: banned.iter().map(|text| addr(text)).collect() }
    }

    /// The number of the next request.
    fn request(&mut self, side: Side) -> Option<u32> {
        let mut out = [0; DATAGRAM];
        let len = self.killer.poll_transmit(side, self.now, &mut out)?;
        let mut messages = Messages::new(&out[..len]);
        let header = messages.next().unwrap().unwrap().header;
        assert!(messages.next().is_none());
        Some(header.seq)
    }

    /// Type and number of each message that a datagram calls for.
    fn handle(&mut self, side: Side, datagram: &[u8]) -> Vec<(u16, u32)> {
        let mut out = vec![0; datagram.len()];
        let banned = &self.banned;
        let len = self.killer.handle(side, datagram, self.now, &|addr| banned.contains(&addr), &mut out);
        let messages = Messages::new(&out[..len.unwrap_or(0)]).map(|message| message.unwrap().header);
        let mut called: Vec<(u16, u32)> = messages
            .map(|header| {
                assert_eq!(header.flags, if header.kind == FENCE { NLM_F_REQUEST | NLM_F_ACK } else { NLM_F_REQUEST });
                (header.kind, header.seq)
            })
            .collect();
        if let Some(last) = called.pop() {
            assert_eq!(last.0, FENCE, "{called:?}");
            assert!(!called.is_empty() && called.iter().all(|(kind, _)| *kind != FENCE), "{called:?}");
            assert_eq!(called.last().unwrap().1 + 1, last.1);
        }
        called
    }

    fn wait(&mut self) {
        self.now = self.killer.poll_at().unwrap().max(self.now);
    }

    fn counters(&self, side: Side) -> [u64; 3] {
        let counters = self.killer.counters(side);
        [counters.passes, counters.cut, counters.errors]
    }
}

const FENCE: u16 = 1;
const DELETE: u16 = 0x102;
const DESTROY: u16 = 21;

#[test]
fn a_pass_cuts_who_is_banned_at_either_end() {
    for (banned, cut) in [("127.0.0.9", true), ("127.0.0.1", true), ("127.0.0.8", false)] {
        let mut t = Test::new(&[banned]);
        let seq = t.request(Side::Flows).unwrap();
        assert_eq!(t.request(Side::Flows), None);
        let part = message(FLOW, NLM_F_MULTI, seq, &bytes(FLOW_V4));
        let deletes = t.handle(Side::Flows, &[part.clone(), part].concat());
        assert_eq!(deletes, if cut { vec![(DELETE, seq + 1), (DELETE, seq + 2)] } else { vec![] });
        // The end of the list is not the end of the pass.
        t.handle(Side::Flows, &done(seq, 0));
        assert_eq!(t.counters(Side::Flows)[0], u64::from(!cut));
        if cut {
            t.handle(Side::Flows, &answer(seq + 3, 0));
        }
        assert_eq!(t.counters(Side::Flows), [1, if cut { 2 } else { 0 }, 0]);
        assert_eq!(t.killer.poll_report(), cut.then_some((Side::Flows, Report::Cut(2))));
        t.now = t.now + PAUSE;
        assert!(!t.killer.is_busy(Side::Flows, t.now) && t.request(Side::Flows).is_none());
    }
}

#[test]
fn sockets_are_listed_by_family_one_after_the_other() {
    let mut t = Test::new(&["127.0.0.7"]);
    let v4 = t.request(Side::Sockets).unwrap();
    let part = message(CONNECTION, NLM_F_MULTI, v4, &bytes(SOCKET_V4));
    assert_eq!(t.handle(Side::Sockets, &part), [(DESTROY, v4 + 1)]);
    t.handle(Side::Sockets, &done(v4, 0));
    assert_eq!(t.request(Side::Sockets), None, "the answer to the destruction is missing");
    // Gone by itself meanwhile: that was wanted, and is not counted.
    t.handle(Side::Sockets, &answer(v4 + 1, errno::ENOENT));
    assert_eq!(t.request(Side::Sockets), None, "the fence's answer is missing");
    t.handle(Side::Sockets, &answer(v4 + 2, 0));
    let v6 = t.request(Side::Sockets).unwrap();
    assert_eq!(v6, v4 + 3);
    t.handle(Side::Sockets, &done(v6, 0));
    assert_eq!(t.counters(Side::Sockets), [1, 0, 0]);
    assert_eq!(t.killer.poll_report(), None);
}

#[test]
fn bans_during_a_pass_share_the_next_one_which_waits() {
    let mut t = Test::new(&[]);
    let first = t.request(Side::Flows).unwrap();
    t.killer.banned();
    t.killer.banned();
    t.handle(Side::Flows, &done(first, 0));
    assert_eq!(t.request(Side::Flows), None, "at once");
    t.now = t.now + PAUSE;
    let second = t.request(Side::Flows).unwrap();
    // An answer of the pass before is nothing to this one.
    assert_eq!(t.handle(Side::Flows, &done(first, 0)), []);
    assert_eq!(t.counters(Side::Flows)[0], 1);
    t.handle(Side::Flows, &done(second, 0));
    t.now = t.now + PAUSE;
    assert_eq!(t.request(Side::Flows), None, "a third pass");
}

#[test]
fn an_incomplete_pass_is_repeated_but_not_for_ever() {
    let broken: [fn(&mut Test, u32); 6] = [
        |t, seq| {
            t.handle(Side::Flows, &message(3, NLM_F_MULTI | NLM_F_DUMP_INTR, seq, &[0; 4]));
        },
        |t, _| t.killer.lost(Side::Flows, t.now),
        |t, seq| {
            t.handle(Side::Flows, &answer(seq, errno::EBUSY));
        },
        |t, seq| {
            let deletes = t.handle(Side::Flows, &message(FLOW, NLM_F_MULTI, seq, &bytes(FLOW_V4)));
            t.handle(Side::Flows, &done(seq, 0));
            t.handle(Side::Flows, &answer(deletes[0].1, errno::ENOMEM));
            t.handle(Side::Flows, &answer(deletes[0].1 + 1, 0));
        },
        // The answer to a deletion is lost.
        |t, seq| {
            assert_eq!(t.handle(Side::Flows, &message(FLOW, NLM_F_MULTI, seq, &bytes(FLOW_V4))).len(), 1);
            t.handle(Side::Flows, &done(seq, 0));
            t.killer.lost(Side::Flows, t.now);
        },
        // Nothing comes.
        |_, _| {},
    ];
    for (n, broken) in broken.iter().enumerate() {
        let mut t = Test::new(&["127.0.0.9"]);
        t.killer.unsupported(Side::Sockets, NetlinkError::EOPNOTSUPP);
        assert!(t.killer.poll_report().is_some());
        for _ in 0..=RETRIES {
            t.wait();
            let seq = t.request(Side::Flows).unwrap();
            broken(&mut t, seq);
            assert!(t.killer.poll_report().is_none_or(|(_, report)| report != Report::Refused(NetlinkError::ENOMEM)));
            if t.killer.is_busy(Side::Flows, t.now) {
                t.now = t.now + ANSWER_TIMEOUT;
                assert_eq!(t.request(Side::Flows), None, "no pause ({n})");
            }
        }
        t.now = t.now + PAUSE + ANSWER_TIMEOUT;
        assert_eq!(t.request(Side::Flows), None, "{n}");
        assert_eq!(t.counters(Side::Flows)[2], 1, "{n}");
        // The next ban tries again.
        t.killer.banned();
        assert!(t.request(Side::Flows).is_some());
    }
}

#[test]
fn a_half_that_the_kernel_lacks_is_said_once_and_left_alone() {
    let lacks = |t: &Test, side| {
        assert!(!t.killer.is_busy(side, t.now));
        assert_eq!(t.counters(side)[2], 1);
    };
    // nfnetlink without ctnetlink; sock_diag without inet_diag or tcp_diag, refused at once or at the list's end.
    for (side, error, at_end) in [
        (Side::Flows, errno::EINVAL, false),
        (Side::Flows, errno::EOPNOTSUPP, false),
        (Side::Sockets, errno::ENOENT, false),
        (Side::Sockets, errno::ENOENT, true),
    ] {
        let mut t = Test::new(&[]);
        let seq = t.request(side).unwrap();
        t.handle(side, &if at_end { done(seq, error) } else { answer(seq, error) });
        assert_eq!(t.killer.poll_report(), Some((side, Report::Unsupported(NetlinkError::new(error).unwrap()))));
        lacks(&t, side);
        t.killer.banned();
        t.now = t.now + PAUSE;
        assert_eq!(t.request(side), None);
        assert_eq!(t.killer.poll_report(), None);
        let other = if side == Side::Flows { Side::Sockets } else { Side::Flows };
        assert!(t.request(other).is_some(), "the other half");
    }
    // CONFIG_INET_DIAG_DESTROY=n shows at the first deletion only; what is still in the queue is nothing to anybody.
    let mut t = Test::new(&["127.0.0.7"]);
    let seq = t.request(Side::Sockets).unwrap();
    let part = message(CONNECTION, NLM_F_MULTI, seq, &bytes(SOCKET_V4));
    t.handle(Side::Sockets, &[part.clone(), part.clone()].concat());
    t.handle(Side::Sockets, &answer(seq + 1, errno::EOPNOTSUPP));
    assert_eq!(t.killer.poll_report(), Some((Side::Sockets, Report::Unsupported(NetlinkError::EOPNOTSUPP))));
    assert_eq!(t.handle(Side::Sockets, &[answer(seq + 2, errno::EOPNOTSUPP), part, done(seq, 0)].concat()), []);
    lacks(&t, Side::Sockets);
    assert_eq!(t.request(Side::Sockets), None);
}

#[test]
fn a_refusal_is_said_and_the_next_ban_tries_again() {
    let mut t = Test::new(&["127.0.0.9"]);
    let seq = t.request(Side::Flows).unwrap();
    t.handle(Side::Flows, &answer(seq, errno::EPERM));
    assert_eq!(t.killer.poll_report(), Some((Side::Flows, Report::Refused(NetlinkError::EPERM))));
    t.now = t.now + PAUSE;
    assert_eq!(t.request(Side::Flows), None);
    t.killer.banned();
    let seq = t.request(Side::Flows).unwrap();
    t.handle(Side::Flows, &message(FLOW, NLM_F_MULTI, seq, &bytes(FLOW_V4)));
    t.handle(Side::Flows, &answer(seq + 1, errno::EPERM));
    t.handle(Side::Flows, &answer(seq + 2, 0));
    t.handle(Side::Flows, &done(seq, 0));
    assert_eq!(t.killer.poll_report(), Some((Side::Flows, Report::Refused(NetlinkError::EPERM))));
    assert_eq!(t.counters(Side::Flows), [2, 0, 2]);
}

#[test]
fn entries_that_come_unasked_are_not_deleted() {
    // An event of a multicast group, and an entry under a number that is not the list's.
    let mut t = Test::new(&["127.0.0.9"]);
    let seq = t.request(Side::Flows).unwrap();
    for other in [0, seq + 1] {
        assert_eq!(t.handle(Side::Flows, &message(FLOW, 0, other, &bytes(FLOW_V4))), []);
    }
    t.handle(Side::Flows, &done(seq, 0));
    assert_eq!(t.handle(Side::Flows, &message(FLOW, 0, seq, &bytes(FLOW_V4))), [], "behind the end");
}

proptest! {
    #[test]
    fn any_bytes_are_taken(junk in prop::collection::vec(any::<u8>(), 0..300), seq in 0u32..4, kind in 0u16..30) {
        for side in [Side::Flows, Side::Sockets] {
            let mut t = Test::new(&["127.0.0.9"]);
            t.request(side);
            t.handle(side, &junk);
            t.handle(side, &message(kind, 0, seq, &junk));
            t.handle(side, &message(FLOW, 0, seq, &junk));
        }
    }
}
