//! The real kernel takes what `core::wire` writes, and the fake kernel answers like the real one.

use edgeban_core::addr::{Addr, Family, Widths};
use edgeban_core::time::Duration;
use edgeban_core::wire::nfnl::{BatchBegin, BatchEnd};
use edgeban_core::wire::nft::chain::Hook;
use edgeban_core::wire::nft::chain::{AnyChain, DelChain, Device};
use edgeban_core::wire::nft::elem::{Change, ElemList, GetElements};
use edgeban_core::wire::nft::generation::GetGen;
use edgeban_core::wire::nft::rule::Verdict;
use edgeban_core::wire::nft::scaffold::{SET_V4, SET_V6, Scaffold, family_of};
use edgeban_core::wire::nft::table::{DelTable, NewTable};
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::{Replies, Reply};
use edgeban_tests::bytes::{self, with};
use edgeban_tests::fake_kernel::FakeKernel;
use edgeban_tests::netlink::{Netfilter, enter_new_namespace, nft};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration as StdDuration;

const QUIET: StdDuration = StdDuration::from_millis(5);
const TABLE: &str = "edgeban";
const NAMES: Scaffold<'_> = Scaffold::plain(TABLE);

/// What a batch is made of.
#[derive(Clone, Debug)]
enum Part {
    Add(&'static str, &'static str, Option<u64>),
    AddMany(&'static str, Vec<Addr>),
    Del(&'static str, &'static str),
    DelChain(&'static str),
    Chain(&'static str),
    Table(&'static str),
    DelTable(&'static str),
}

struct Shape {
    name: &'static str,
    parts: Vec<Part>,
    begin: BatchBegin,
    end: bool,
    /// `nlmsg_flags` bits put into every message between.
    flags: u16,
    ack: bool,
}

fn shape(name: &'static str, parts: &[Part]) -> Shape {
    Shape { name, parts: parts.to_vec(), begin: BatchBegin::default(), end: true, flags: 0, ack: true }
}

fn addr(text: &str) -> Addr {
    Addr::parse(text.as_bytes()).unwrap()
}

impl Shape {
    fn bytes(&self, first: u32) -> Vec<u8> {
        let mut starts = Vec::new();
        let mut bytes = with(|w| {
            self.begin.emit(first, w).unwrap();
            let mut seq = first;
            for part in &self.parts {
                seq += 1;
                let tag = Tag { seq, ack: self.ack };
                starts.push(w.len());
                match part {
                    Part::Add(set, text, timeout) => {
                        let mut list = ElemList::begin(w, tag, Change::New, TABLE, set, bits(set)).unwrap();
                        list.push(addr(text), timeout.map(Duration::from_millis)).unwrap();
                        assert_eq!(list.finish(), 1);
                    }
                    Part::AddMany(set, addrs) => {
                        let mut list = ElemList::begin(w, tag, Change::New, TABLE, set, bits(set)).unwrap();
                        addrs.iter().for_each(|addr| list.push(*addr, Some(Duration::from_secs(3600))).unwrap());
                        assert_eq!(list.finish(), addrs.len());
                    }
                    Part::Del(set, text) => {
                        let mut list = ElemList::begin(w, tag, Change::Del, TABLE, set, bits(set)).unwrap();
                        list.push(addr(text), None).unwrap();
                        assert_eq!(list.finish(), 1);
                    }
                    Part::DelChain(name) => DelChain { table: TABLE, name }.emit(tag, w).unwrap(),
                    Part::Chain(name) => AnyChain { table: TABLE, name }.emit(tag, w).unwrap(),
                    Part::Table(name) => NewTable { name, flags: 0 }.emit(tag, w).unwrap(),
                    Part::DelTable(name) => DelTable { name }.emit(tag, w).unwrap(),
                }
            }
            if self.end {
                BatchEnd.emit(seq + 1, w).unwrap();
            }
        });
        for at in starts {
            let flags = u16::from_ne_bytes([bytes[at + 6], bytes[at + 7]]) | self.flags;
            bytes[at + 6..at + 8].copy_from_slice(&flags.to_ne_bytes());
        }
        bytes
    }
}

/// Sequence number and error (0: ack; -1: an answer with data; -2: dump's end) of each answer, in their order.
fn answers(datagrams: &[Vec<u8>]) -> Vec<(u32, i32)> {
    datagrams
        .iter()
        .flat_map(|datagram| Replies::new(datagram))
        .map(|reply| match reply.unwrap() {
            Reply::Ack { seq } => (seq, 0),
            Reply::Error { seq, error, .. } => (seq, error.get()),
            Reply::Done { seq, error: None, .. } => (seq, -2),
            reply => (reply.seq(), -1),
        })
        .collect()
}

fn dump(set: &str, seq: u32) -> Vec<u8> {
    with(|w| GetElements { table: TABLE, set }.emit(seq, w).unwrap())
}

/// Address and timeout of all elements that a dump answers.
fn elements(datagrams: &[Vec<u8>]) -> BTreeMap<Addr, Option<u64>> {
    let mut out = BTreeMap::new();
    let mut done = false;
    for reply in datagrams.iter().flat_map(|datagram| Replies::new(datagram)) {
        match reply.unwrap() {
            Reply::Elements { elements, interrupted, .. } => {
                assert!(!interrupted);
                assert_eq!(elements.table, TABLE.as_bytes());
                let elements_of = elements.set;
                for element in elements {
                    let element = element.unwrap();
                    assert!(element.expiration <= element.timeout);
                    let addr = element.addr(family_of(elements_of).unwrap()).unwrap();
                    out.insert(addr, element.timeout.map(Duration::as_millis));
                }
            }
            Reply::Done { error: None, .. } => done = true,
            other => panic!("{other:?}"),
        }
    }
    assert!(done, "the dump has no end");
    out
}

/// The answers when every message of the scaffold is taken.
fn acks(first: u32, names: &Scaffold<'_>) -> Vec<(u32, i32)> {
    (1..=names.messages()).map(|n| (first + n, 0)).collect()
}

/// The key's bits in a set of whole addresses.
fn bits(set: &str) -> u8 {
    if set == SET_V6 { 128 } else { 32 }
}

fn ruleset() -> serde_json::Value {
    let mut json: serde_json::Value = serde_json::from_str(&nft(&["-j", "list", "ruleset"], "")).unwrap();
    normalise(&mut json);
    json
}

/// Drops what numbers things, and sorts: handles count on.
fn normalise(json: &mut serde_json::Value) {
    if let Some(object) = json.as_object_mut() {
        object.remove("handle");
        object.remove("metainfo");
        object.values_mut().for_each(normalise);
    }
    if let Some(list) = json.as_array_mut() {
        list.iter_mut().for_each(normalise);
    }
}

#[test]
fn the_scaffold_is_what_nft_makes_of_the_text() {
    enter_new_namespace();
    let kernel = Netfilter::open(true);
    let text = "table inet edgeban {
        set banned_ipv4 { type ipv4_addr; flags timeout; }
        set banned_ipv6 { type ipv6_addr; flags timeout; }
        chain input {
            type filter hook input priority filter; policy accept;
            ip  saddr @banned_ipv4 drop
            ip6 saddr @banned_ipv6 drop
        }
    }";
    let _ = nft(&["-f", "-"], text);
    let (want, want_text) = (ruleset(), nft(&["list", "ruleset"], ""));
    let _ = nft(&["flush", "ruleset"], "");
    for (round, first) in [(1, 100), (2, 200)] {
        let replies = answers(&kernel.send(&bytes::scaffold(&NAMES, first), QUIET));
        assert_eq!(replies, acks(first, &NAMES), "round {round}");
        assert_eq!(ruleset(), want, "round {round}");
        assert_eq!(nft(&["list", "ruleset"], ""), want_text, "round {round}");
    }
    let mut fake = FakeKernel::new();
    assert_eq!(answers(&fake.send(&bytes::scaffold(&NAMES, 1))), acks(1, &NAMES));
    // Another hook, priority or device: the chain is another, the elements stay.
    let add = shape("", &[Part::Add(SET_V4, "192.0.2.1", None)]).bytes(1);
    assert_eq!(answers(&kernel.send(&add, QUIET)), answers(&fake.send(&add)));
    let devices = [Device::try_from("lo").unwrap()];
    for (other, text) in [
        (Scaffold { hook: Hook::Prerouting, priority: -310, ..NAMES }, "hook prerouting priority raw - 10"),
        (Scaffold { hook: Hook::Forward, ..NAMES }, "hook forward priority filter"),
        (
            Scaffold { hook: Hook::Ingress, priority: -310, devices: &devices, ..NAMES },
            "hook ingress device \"lo\" priority raw - 10",
        ),
        (NAMES, "hook input priority filter"),
    ] {
        let bytes = bytes::scaffold(&other, 300);
        let replies = answers(&kernel.send(&bytes, QUIET));
        assert_eq!(replies, acks(300, &other), "{other:?}");
        assert_eq!(answers(&fake.send(&bytes)), replies, "{other:?}");
        assert_eq!(elements(&kernel.send(&dump(SET_V4, 1), QUIET)).len(), 1);
        let want = want_text
            .replace("hook input priority filter", text)
            .replace("chain input", &format!("chain {}", other.hook.name()))
            .replace("flags timeout\n\t}\n\n\tset", "flags timeout\n\t\telements = { 192.0.2.1 }\n\t}\n\n\tset");
        assert_eq!(nft(&["list", "ruleset"], ""), want);
    }
}

#[test]
fn every_layout_is_taken_and_shown_as_nft_writes_it() {
    enter_new_namespace();
    let kernel = Netfilter::open(true);
    let mut fake = FakeKernel::new();
    let mut first = 100;
    for (widths, verdict, counters, wants) in [
        (
            Widths { v4: 24, v6: 64 },
            Verdict::Drop,
            false,
            ["@nh,96,24 @banned_ipv4 drop", "@nh,64,64 @banned_ipv6 drop"],
        ),
        (Widths { v4: 32, v6: 56 }, Verdict::Reject, true, ["ip saddr @banned_ipv4 reject", "@nh,64,56 @banned_ipv6"]),
        (
            Widths { v4: 20, v6: 60 },
            Verdict::Drop,
            true,
            ["@nh,96,24 & 0xfffff0 == @banned_ipv4 drop", "@banned_ipv6 drop"],
        ),
        (Widths::FULL, Verdict::Reject, false, ["ip saddr @banned_ipv4 reject", "ip6 saddr @banned_ipv6 reject"]),
    ] {
        let names = Scaffold { widths, verdict, counters, ..NAMES };
        let bytes = bytes::scaffold(&names, first);
        assert_eq!(answers(&kernel.send(&bytes, QUIET)), acks(first, &names), "{names:?}");
        let mut once = FakeKernel::new();
        assert_eq!(answers(&once.send(&bytes)), acks(first, &names), "{names:?}");
        let text = nft(&["list", "ruleset"], "");
        for want in wants {
            assert!(text.contains(want), "{want} is missing in\n{text}");
        }
        assert_eq!(text.matches("counter").count(), if counters { 2 } else { 0 }, "{text}");
        // Over other sets it is refused, and then makes them anew.
        if first > 100 {
            assert_eq!(answers(&fake.send(&bytes)), answers(&kernel.send(&bytes::scaffold(&names, first), QUIET)));
        }
        let add = with(|w| {
            BatchBegin::default().emit(1, w).unwrap();
            for (seq, addr) in [(2, addr("192.0.2.77")), (3, addr("2001:db8:1:2:3::4"))] {
                let (set, family) = if seq == 2 { (SET_V4, Family::V4) } else { (SET_V6, Family::V6) };
                let mut list = ElemList::begin(w, Tag::acked(seq), Change::New, TABLE, set, widths.of(family)).unwrap();
                list.push(widths.network(addr), None).unwrap();
            }
            BatchEnd.emit(4, w).unwrap();
        });
        assert_eq!(answers(&kernel.send(&add, QUIET)), [(2, 0), (3, 0)]);
        let found = elements(&kernel.send(&dump(SET_V6, 1), QUIET));
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [widths.network(addr("2001:db8:1:2:3::4"))]);
        let _ = nft(&["flush", "ruleset"], "");
        fake.flush_ruleset();
        first += 100;
    }
}

#[test]
fn sets_of_another_layout_are_refused_and_then_made_anew() {
    enter_new_namespace();
    let kernel = Netfilter::open(true);
    let mut fake = FakeKernel::new();
    let old = bytes::scaffold(&NAMES, 1);
    assert_eq!(answers(&fake.send(&old)), answers(&kernel.send(&old, QUIET)));
    let add = shape("", &[Part::Add(SET_V6, "2001:db8::1", None)]).bytes(1);
    assert_eq!(answers(&kernel.send(&add, QUIET)), answers(&fake.send(&add)));
    let names = Scaffold { widths: Widths { v4: 32, v6: 64 }, counters: true, ..NAMES };
    let bytes = bytes::scaffold(&names, 100);
    let replies = answers(&kernel.send(&bytes, QUIET));
    assert!(replies.iter().any(|&(_, error)| error == 17), "EEXIST on a set: {replies:?}");
    assert!(answers(&fake.send(&bytes)).iter().any(|&(_, error)| error == 17));
    assert_eq!(elements(&kernel.send(&dump(SET_V6, 1), QUIET)).len(), 1, "nothing changed");
    let names = Scaffold { fresh_sets: true, ..names };
    let bytes = bytes::scaffold(&names, 200);
    assert_eq!(answers(&kernel.send(&bytes, QUIET)), acks(200, &names));
    assert_eq!(answers(&fake.send(&bytes)), acks(200, &names));
    assert!(elements(&kernel.send(&dump(SET_V6, 1), QUIET)).is_empty());
}

#[test]
fn a_scaffold_with_limits_is_idempotent_and_keeps_its_elements() {
    enter_new_namespace();
    let kernel = Netfilter::open(false);
    let names =
        Scaffold { hook: Hook::Prerouting, priority: -310, size: Some(65_536), gc_interval_ms: Some(30_000), ..NAMES };
    assert!(answers(&kernel.send(&bytes::scaffold(&names, 10), QUIET)).iter().all(|&(_, error)| error == 0));
    let text = nft(&["list", "ruleset"], "");
    for part in ["size 65536", "gc-interval 30s", "hook prerouting priority raw - 10", "ip6 saddr @banned_ipv6 drop"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    let add = shape("one", &[Part::Add(SET_V4, "192.0.2.1", Some(3_600_000))]);
    assert_eq!(answers(&kernel.send(&add.bytes(1), QUIET)), [(2, 0)]);
    let before = ruleset();
    assert!(answers(&kernel.send(&bytes::scaffold(&names, 30), QUIET)).iter().all(|&(_, error)| error == 0));
    assert_eq!(elements(&kernel.send(&dump(SET_V4, 50), QUIET)).len(), 1);
    // Recent kernels take a new size for a set that is there.
    let larger = Scaffold { size: Some(70_000), ..names };
    assert!(answers(&kernel.send(&bytes::scaffold(&larger, 60), QUIET)).iter().all(|&(_, error)| error == 0));
    assert!(nft(&["list", "ruleset"], "").contains("size 70000"));
    assert!(answers(&kernel.send(&bytes::scaffold(&names, 80), QUIET)).iter().all(|&(_, error)| error == 0));
    let strip = |json: &serde_json::Value| json.to_string().replace("3599", "3600");
    assert_eq!(strip(&ruleset()), strip(&before));
}

#[test]
fn five_thousand_elements_are_five_thousand() {
    enter_new_namespace();
    let kernel = Netfilter::open(true);
    assert_eq!(answers(&kernel.send(&bytes::scaffold(&NAMES, 1), QUIET)), acks(1, &NAMES));
    let v4 = |n: u32| Addr::v4((0x0a00_0000 + n).to_be_bytes());
    let v6 = |n: u32| Addr::v6((0x2001_0db8_u128 << 96 | u128::from(n)).to_be_bytes());
    let mut seq = 100;
    for (set, make) in [(SET_V4, &v4 as &dyn Fn(u32) -> Addr), (SET_V6, &v6)] {
        for from in (0..5000).step_by(1250) {
            let part = Part::AddMany(set, (from..from + 1250).map(make).collect());
            assert_eq!(answers(&kernel.send(&shape("many", &[part]).bytes(seq), QUIET)), [(seq + 1, 0)]);
            seq += 10;
        }
        let dumped = elements(&kernel.send(&dump(set, seq), QUIET));
        assert_eq!(dumped, (0..5000).map(|n| (make(n), Some(3_600_000))).collect());
        let json: serde_json::Value =
            serde_json::from_str(&nft(&["-j", "list", "set", "inet", TABLE, set], "")).unwrap();
        assert_eq!(json["nftables"][1]["set"]["elem"].as_array().unwrap().len(), 5000);
        seq += 1;
    }
    // As many as the u16 length of the list allows, in one message.
    for (set, max, make) in [(SET_V4, 2340, &v4 as &dyn Fn(u32) -> Addr), (SET_V6, 1638, &v6)] {
        let bytes = with(|w| {
            BatchBegin::default().emit(1, w).unwrap();
            let mut list = ElemList::begin(w, Tag::acked(2), Change::New, TABLE, set, bits(set)).unwrap();
            let fitted = (10_000..).take_while(|&n| list.push(make(n), Some(Duration::from_secs(60))).is_ok()).count();
            assert_eq!((fitted, list.finish()), (max, max));
            BatchEnd.emit(3, w).unwrap();
        });
        assert_eq!(answers(&kernel.send(&bytes, QUIET)), [(2, 0)]);
        assert_eq!(elements(&kernel.send(&dump(set, seq), QUIET)).len(), 5000 + max);
    }
}

#[test]
fn the_fake_kernel_answers_like_the_real_one() {
    use Part::{Add, Chain, Del, DelChain, Table};
    enter_new_namespace();
    let real = Netfilter::open(false);
    let mut fake = FakeKernel::new();
    let bytes = bytes::scaffold(&NAMES, 1);
    assert_eq!(answers(&real.send(&bytes, QUIET)), answers(&fake.send(&bytes)));
    let hour = Some(3_600_000);
    let shapes = [
        shape("an element", &[Add(SET_V4, "192.0.2.1", hour)]),
        shape("the same again", &[Add(SET_V4, "192.0.2.1", hour)]),
        Shape { flags: 0x200, ..shape("the same with NLM_F_EXCL", &[Add(SET_V4, "192.0.2.1", hour)]) },
        shape("with another timeout", &[Add(SET_V4, "192.0.2.1", Some(7_200_000))]),
        shape("with a shorter timeout", &[Add(SET_V4, "192.0.2.1", Some(1_800_000))]),
        shape("for ever", &[Add(SET_V4, "192.0.2.2", None)]),
        shape("for ever, zero", &[Add(SET_V4, "192.0.2.77", Some(0))]),
        shape("a timeout for one that is for ever", &[Add(SET_V4, "192.0.2.2", hour)]),
        shape("for ever for one with a timeout", &[Add(SET_V4, "192.0.2.1", None)]),
        shape("twice in one batch", &[Add(SET_V4, "192.0.2.3", hour), Add(SET_V4, "192.0.2.3", hour)]),
        shape(
            "one bad in the middle",
            &[Add(SET_V4, "192.0.2.4", hour), Del(SET_V4, "192.0.2.99"), Add(SET_V4, "192.0.2.5", hour)],
        ),
        Shape {
            ack: false,
            ..shape("one bad, no acks asked", &[Add(SET_V4, "192.0.2.4", hour), Del(SET_V4, "192.0.2.99")])
        },
        Shape { end: false, ..shape("no end", &[Add(SET_V4, "192.0.2.6", hour)]) },
        Shape { begin: BatchBegin { generation: Some(1) }, ..shape("stale", &[Add(SET_V4, "192.0.2.7", hour)]) },
        shape("delete what is not there", &[Del(SET_V4, "192.0.2.200")]),
        shape("delete, twice", &[Del(SET_V4, "192.0.2.3"), Del(SET_V4, "192.0.2.3")]),
        shape("delete", &[Del(SET_V4, "192.0.2.3")]),
        shape(
            "extend everywhere",
            &[Add(SET_V4, "192.0.2.8", hour), Del(SET_V4, "192.0.2.8"), Add(SET_V4, "192.0.2.8", Some(9_000_000))],
        ),
        shape("an address of the other family", &[Add(SET_V4, "2001:db8::1", hour)]),
        shape("no such set", &[Add("nosuch", "192.0.2.1", hour)]),
        shape("no such chain", &[DelChain("nosuch")]),
        shape("a chain that is made to be deleted", &[Chain("nosuch"), DelChain("nosuch")]),
        shape("no such table", &[Part::DelTable("nosuch")]),
        shape("a timeout beyond all", &[Add(SET_V4, "192.0.2.9", Some(u64::MAX / 1_000_000))]),
        shape("a timeout at the edge", &[Add(SET_V4, "192.0.2.9", Some(u64::MAX / 1_000_000 - 1))]),
        shape("IPv6", &[Add(SET_V6, "2001:db8::1", hour), Add(SET_V6, "2001:db8::2", None)]),
        shape("nothing", &[]),
        shape("a table", &[Table("other"), Table("other")]),
        shape("a table goes", &[Part::DelTable("other")]),
        Shape { flags: 0x200, ..shape("a table that is there, NLM_F_EXCL", &[Table(TABLE)]) },
        shape("the chain stays", &[Chain("input")]),
        shape("the chain goes", &[DelChain("input")]),
    ];
    let mut seq = 1000;
    for shape in &shapes {
        let bytes = shape.bytes(seq);
        let (want, got) = (answers(&real.send(&bytes, QUIET)), answers(&fake.send(&bytes)));
        assert_eq!(got, want, "{}: (number, error) of the fake kernel and the real one", shape.name);
        for set in [SET_V4, SET_V6] {
            let bytes = dump(set, seq + 50);
            let (want, got) = (elements(&real.send(&bytes, QUIET)), elements(&fake.send(&bytes)));
            assert_eq!(got, want, "{}: elements of {set}, fake and real", shape.name);
        }
        seq += 100;
    }
    // Not batches, and what is no batch at all.
    let add = shape("", &[Add(SET_V4, "192.0.2.50", hour)]);
    let begin = BatchBegin::default().buffer_len();
    let whole = add.bytes(10);
    let twice = [&whole[..begin], &whole[..]].concat();
    let cut = add.bytes(20);
    let mut behind = add.bytes(30);
    behind.extend(with(|w| GetGen.emit(Tag::silent(39), w).unwrap()));
    let mut unasked = add.bytes(60);
    unasked[begin + 6] &= !1;
    let datagrams: [(&str, Vec<u8>); 9] = [
        ("GETGEN", with(|w| GetGen.emit(Tag::silent(1), w).unwrap())),
        ("GETGEN, acked", with(|w| GetGen.emit(Tag::acked(2), w).unwrap())),
        ("a change outside a batch", with(|w| NewTable { name: "x", flags: 0 }.emit(Tag::acked(3), w).unwrap())),
        ("a dump of no set", dump("nosuch", 4)),
        ("BATCH_BEGIN twice", twice),
        ("a message cut off", cut[..cut.len() - 50].to_vec()),
        ("a request behind the end", behind),
        ("no NLM_F_REQUEST", unasked),
        ("empty header", vec![0; 16]),
    ];
    for (name, bytes) in datagrams {
        let (want, got) = (answers(&real.send(&bytes, QUIET)), answers(&fake.send(&bytes)));
        assert_eq!(got, want, "{name}: fake and real");
        let bytes = dump(SET_V4, 5);
        assert_eq!(
            elements(&fake.send(&bytes)),
            elements(&real.send(&bytes, QUIET)),
            "{name}: elements, fake and real"
        );
    }
}

#[test]
fn a_full_set_is_enfile_in_both() {
    enter_new_namespace();
    let real = Netfilter::open(true);
    let mut fake = FakeKernel::new();
    (fake.cap_ack, fake.ext_ack) = (true, true);
    let bytes = bytes::scaffold(&Scaffold { size: Some(3), ..NAMES }, 1);
    assert_eq!(answers(&real.send(&bytes, QUIET)), answers(&fake.send(&bytes)));
    for (seq, count) in [(100, 2), (200, 4), (300, 3)] {
        let many = (1..=count).map(|n| Addr::v4([10, 0, 0, n])).collect();
        let bytes = shape("", &[Part::AddMany(SET_V4, many)]).bytes(seq);
        assert_eq!(answers(&fake.send(&bytes)), answers(&real.send(&bytes, QUIET)), "{count}");
        let bytes = dump(SET_V4, 5);
        assert_eq!(elements(&fake.send(&bytes)), elements(&real.send(&bytes, QUIET)), "{count}");
    }
}

#[test]
fn errors_say_which_attribute_with_and_without_the_request() {
    enter_new_namespace();
    let bytes = shape("", &[Part::Add("nosuch", "192.0.2.1", None)]).bytes(1);
    for extended in [true, false] {
        let kernel = Netfilter::open(extended);
        assert_eq!(answers(&kernel.send(&bytes::scaffold(&NAMES, 1), QUIET)), acks(1, &NAMES));
        let datagrams = kernel.send(&bytes, QUIET);
        let reply = Replies::new(&datagrams[0]).next().unwrap().unwrap();
        let Reply::Error { seq: 2, error, offset, .. } = reply else { panic!("{reply:?}") };
        assert_eq!(format!("{error}"), "ENOENT (2)");
        // Behind the headers (20 bytes) and the table's name (12) is the set's.
        assert_eq!(offset, extended.then_some(32));
    }
}

#[test]
fn the_rules_of_the_fake_kernel_drop_their_family_alone() {
    let mut fake = FakeKernel::new();
    assert_eq!(answers(&fake.send(&bytes::scaffold(&NAMES, 1))), acks(1, &NAMES));
    let ban = |text| Part::Add(if addr(text).family() == Family::V4 { SET_V4 } else { SET_V6 }, text, Some(1000));
    fake.send(&shape("", &[ban("192.0.2.1"), ban("2001:db8::1")]).bytes(1));
    let drops = |fake: &FakeKernel, text: &str| fake.drops(text.parse::<IpAddr>().unwrap());
    assert!(drops(&fake, "192.0.2.1") && drops(&fake, "2001:db8::1"));
    // The bytes 12 to 15 of this packet's header are 192.0.2.1: without the protocol's guard it would be dropped.
    assert!(!drops(&fake, "2001:db8:c000:201::1"));
    fake.set_now(1000);
    assert!(!drops(&fake, "192.0.2.1"));
}
