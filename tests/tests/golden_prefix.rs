//! What `core::wire` writes of prefixes, byte for byte against what `nft` 1.0.6 sends for the command at each vector (caught
//! with `strace -e trace=sendmsg -e write=3`); see `golden_nft.rs`.
#![cfg(target_endian = "little")]

use edgeban_core::addr::{Addr, Family, Prefix, Widths};
use edgeban_core::time::Duration;
use edgeban_core::wire::buf::{Full, Writer};
use edgeban_core::wire::nfnl::Generic;
use edgeban_core::wire::nft::elem::{Change, ElemList, Elements, FlushSet};
use edgeban_core::wire::nft::ranges::Ranges;
use edgeban_core::wire::nft::rule::{NewRule, Verdict};
use edgeban_core::wire::nft::scaffold::{self, Part, Scaffold};
use edgeban_core::wire::nft::set::{NewSet, SetShape};
use edgeban_core::wire::nl::{Messages, Tag};
use edgeban_tests::hex::{self, Edit};

struct Vector {
    command: &'static str,
    nft: &'static str,
    edits: &'static [Edit],
    emit: fn(Tag, &mut Writer<'_>) -> Result<(), Full>,
}

const TABLE: &str = "edgeban";

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text.as_bytes()).unwrap()
}

const fn set(family: Family, bits: u8) -> NewSet<'static> {
    let (name, gc_interval_ms) = (scaffold::prefix_set(family), Some(10_000));
    NewSet { table: TABLE, name, family, bits, id: 1, size: None, gc_interval_ms, counter: false }
}

const fn rule(family: Family, set_id: u32) -> NewRule<'static> {
    let (set, bits) = (scaffold::prefix_set(family), Widths::FULL.of(family));
    NewRule { table: TABLE, chain: "input", family, set, set_id, bits, verdict: Verdict::Drop }
}

fn list(tag: Tag, w: &mut Writer<'_>, text: &str) -> Result<(), Full> {
    let prefix = prefix(text);
    let (set, bits) = (scaffold::prefix_set(prefix.family()), Widths::FULL.of(prefix.family()));
    let mut list = ElemList::begin(w, tag, Change::New, TABLE, set, bits)?;
    let result = list.push_range(&prefix, Some(Duration::from_secs(3600)));
    let _ = list.finish();
    result
}

const VECTORS: &[Vector] = &[
    Vector {
        command: "add set inet edgeban banned_prefixes_ipv4 { type ipv4_addr; flags interval, timeout; gc-interval 10s; }",
        nft: "70000000090a01040100000000000000010000000c0001006564676562616e001900020062616e6e65645f70726566697865735f
              697076340000000008000300000000140800040000000007080005000000000408000a000000000108000c00000027100a000d00
              0004020000000000",
        edits: &[],
        emit: |tag, w| set(Family::V4, 32).emit_ranges(tag, w),
    },
    Vector {
        command: "add set inet edgeban banned_prefixes_ipv6 { type ipv6_addr; flags interval, timeout; gc-interval 10s; }",
        nft: "70000000090a01040100000000000000010000000c0001006564676562616e001900020062616e6e65645f70726566697865735f
              697076360000000008000300000000140800040000000008080005000000001008000a000000000108000c00000027100a000d00
              0004020000000000",
        edits: &[],
        emit: |tag, w| set(Family::V6, 128).emit_ranges(tag, w),
    },
    Vector {
        command: "add element inet edgeban banned_prefixes_ipv4 { 198.51.96.0/20 timeout 1h }",
        nft: "940000000c0a01040100000000000000010000000c0001006564676562616e001900020062616e6e65645f70726566697865735f
              69707634000000000800040000000001500003801800018008000300000000010c00018008000100000000001c0002800c000400
              000000000036ee800c00018008000100c63360001800038008000300000000010c00018008000100c6337000",
        edits: &[
            Edit { why: "so it is shorter", theirs: "940000000c0a0104", ours: "740000000c0a0104" },
            Edit {
                why: "no NFTA_SET_ELEM_LIST_SET_ID: names are enough",
                theirs: "080004000000000150000380",
                ours: "38000380",
            },
            Edit {
                why: "no end at 0, which only sets with values need; and entries of a list have no numbers",
                theirs: "1800018008000300000000010c00018008000100000000001c000280",
                ours: "1c000180",
            },
            Edit { why: "nor has this", theirs: "18000380", ours: "18000180" },
        ],
        emit: |tag, w| list(tag, w, "198.51.96.0/20"),
    },
    Vector {
        command: "add element inet edgeban banned_prefixes_ipv4 { 255.0.0.0/8 timeout 1h }",
        nft: "700000000c0a01040100000000000000010000000c0001006564676562616e001900020062616e6e65645f70726566697865735f
              697076340000000008000400000000012c000380280001800c000400000000000036ee800c00018008000100ff0000000a000600
              0104010000000000",
        edits: &[
            Edit { why: "so it is shorter", theirs: "700000000c0a0104", ours: "5c0000000c0a0104" },
            Edit {
                why: "no NFTA_SET_ELEM_LIST_SET_ID: names are enough",
                theirs: "08000400000000012c00038028000180",
                ours: "200003801c000180",
            },
            Edit {
                why: "no user data, by which nft tells a range that has no end in the kernel from one that it lost: it shows both the same",
                theirs: "0a0006000104010000000000",
                ours: "",
            },
        ],
        emit: |tag, w| list(tag, w, "255.0.0.0/8"),
    },
    Vector {
        command: "add element inet edgeban banned_prefixes_ipv6 { 2001:db8::/56 timeout 1h }",
        nft: "b80000000c0a01040100000000000000010000000c0001006564676562616e001900020062616e6e65645f70726566697865735f
              69707636000000000800040000000002740003802400018008000300000000011800018014000100000000000000000000000000
              00000000280002800c000400000000000036ee80180001801400010020010db80000000000000000000000002400038008000300
              00000001180001801400010020010db8000001000000000000000000",
        edits: &[
            Edit { why: "so it is shorter", theirs: "b80000000c0a0104", ours: "8c0000000c0a0104" },
            Edit {
                why: "no NFTA_SET_ELEM_LIST_SET_ID: names are enough",
                theirs: "080004000000000274000380",
                ours: "50000380",
            },
            Edit {
                why: "no end at 0, which only sets with values need; and entries of a list have no numbers",
                theirs: "24000180080003000000000118000180140001000000000000000000000000000000000028000280",
                ours: "28000180",
            },
            Edit { why: "nor has this", theirs: "24000380", ours: "24000180" },
        ],
        emit: |tag, w| list(tag, w, "2001:db8::/56"),
    },
    Vector {
        command: "flush set inet edgeban banned_prefixes_ipv4",
        nft: "3c0000000e0a01000100000000000000010000001900020062616e6e65645f70726566697865735f69707634000000000c000100
              6564676562616e00",
        edits: &[],
        emit: |tag, w| FlushSet { table: TABLE, set: scaffold::prefix_set(Family::V4) }.emit(tag, w),
    },
    Vector {
        command: "add rule inet edgeban input ip saddr @banned_prefixes_ipv4 drop",
        nft: "24010000060a010c0100000000000000010000000c0001006564676562616e000a000200696e707574000000f800048024000180
              090001006d6574610000000014000280080002000000000f08000100000000012c00018008000100636d70002000028008000100
              0000000108000200000000000c0003800500010002000000340001800c0001007061796c6f616400240002800800010000000001
              0800020000000001080003000000000c0800040000000004400001800b0001006c6f6f6b75700000300002800800020000000001
              1900010062616e6e65645f70726566697865735f69707634000000000800040000000001300001800e000100696d6d6564696174
              650000001c0002800800010000000000100002800c0002800800010000000000",
        edits: &[],
        emit: |tag, w| rule(Family::V4, 1).emit(tag, w),
    },
    Vector {
        command: "add rule inet edgeban input ip6 saddr @banned_prefixes_ipv6 drop",
        nft: "24010000060a010c0100000000000000010000000c0001006564676562616e000a000200696e707574000000f800048024000180
              090001006d6574610000000014000280080002000000000f08000100000000012c00018008000100636d70002000028008000100
              0000000108000200000000000c000380050001000a000000340001800c0001007061796c6f616400240002800800010000000001
              080002000000000108000300000000080800040000000010400001800b0001006c6f6f6b75700000300002800800020000000001
              1900010062616e6e65645f70726566697865735f69707636000000000800040000000002300001800e000100696d6d6564696174
              650000001c0002800800010000000000100002800c0002800800010000000000",
        edits: &[],
        emit: |tag, w| rule(Family::V6, 2).emit(tag, w),
    },
];

impl Vector {
    fn expected(&self, tag: Tag) -> Vec<u8> {
        let mut bytes = hex::bytes(&hex::edited(self.command, self.nft, self.edits));
        bytes[8..12].copy_from_slice(&tag.seq.to_ne_bytes());
        if tag.ack {
            bytes[6] |= 4;
        }
        bytes
    }
}

#[test]
fn each_message_is_what_nft_sends() {
    for vector in VECTORS {
        for tag in [Tag::silent(0x0102_0304), Tag::acked(7)] {
            let want = vector.expected(tag);
            let mut buffer = [0xa5; 1024];
            let mut w = Writer::new(&mut buffer);
            (vector.emit)(tag, &mut w).unwrap();
            let len = w.len();
            hex::assert_same(vector.command, &want, &buffer[..len]);
            assert!(buffer[len..].iter().all(|&b| b == 0xa5), "{}: written behind its end", vector.command);
            for room in 0..len {
                let mut w = Writer::new(&mut buffer[..room]);
                assert_eq!((vector.emit)(tag, &mut w), Err(Full), "{} into {room} bytes", vector.command);
            }
        }
    }
}

#[test]
fn elements_read_back_are_the_same_prefixes() {
    let mut tried = 0;
    for vector in VECTORS.iter().filter(|vector| vector.command.starts_with("add element")) {
        // nft's own bytes and ours.
        for bytes in [hex::bytes(vector.nft), vector.expected(Tag::silent(1))] {
            let message = Messages::new(&bytes).next().unwrap().unwrap();
            let (_, attrs) = Generic::parse(message.payload).unwrap();
            let elements: Vec<_> = Elements::parse(attrs).unwrap().map(Result::unwrap).collect();
            let family = if vector.command.contains("ipv4") { Family::V4 } else { Family::V6 };
            // In whatever order they come.
            for turned in [false, true] {
                let mut ranges = Ranges::new();
                let mut push = |element| ranges.push(element);
                if turned {
                    elements.iter().rev().for_each(&mut push)
                } else {
                    elements.iter().for_each(&mut push)
                }
                let mut found = Vec::new();
                ranges.prefixes(family, &mut |prefix, element| found.push((prefix.to_string(), element.timeout)));
                let [(name, timeout)] = &found[..] else { panic!("{found:?}") };
                assert!(vector.command.contains(&format!(" {name} ")), "{}: {name}", vector.command);
                assert_eq!(*timeout, Some(Duration::from_secs(3600)));
                tried += 1;
            }
        }
    }
    assert_eq!(tried, 12);
}

#[test]
fn a_range_may_be_several_prefixes_and_too_many_elements_are_seen() {
    let mut buffer = vec![0; 16 * 1024];
    let mut w = Writer::new(&mut buffer);
    let mut list = ElemList::begin(&mut w, Tag::silent(1), Change::New, TABLE, "x", 32).unwrap();
    for n in 0..66 {
        list.push_range(&Prefix::new(Addr::v4([10, n, 0, 0]), 17).unwrap(), None).unwrap();
    }
    assert_eq!(list.finish(), 132);
    let message = Messages::new(w.written()).next().unwrap().unwrap();
    let elements: Vec<_> =
        Elements::parse(Generic::parse(message.payload).unwrap().1).unwrap().map(Result::unwrap).collect();
    let mut ranges = Ranges::new();
    elements[..130].iter().for_each(|element| ranges.push(element));
    assert!(!ranges.overflow());
    elements[130..].iter().for_each(|element| ranges.push(element));
    assert!(ranges.overflow());
    let mut count = 0;
    ranges.prefixes(Family::V4, &mut |prefix, _| count += u32::from(prefix.length() == 17));
    assert_eq!(count, 65);
    ranges.clear();
    // From 10.0.0.0 to 10.1.127.255.
    [elements[0], elements[3]].iter().for_each(|element| ranges.push(element));
    let mut found = Vec::new();
    ranges.prefixes(Family::V4, &mut |prefix, _| found.push(prefix.to_string()));
    assert_eq!(found, ["10.0.0.0/16", "10.1.0.0/17"]);
}

#[test]
fn the_scaffold_has_them_behind_the_others() {
    let plain = Scaffold::plain(TABLE);
    for fresh_sets in [false, true] {
        let names = Scaffold { prefixes: true, fresh_sets, ..plain };
        let parts: Vec<_> = (1..=names.messages()).map(|n| names.part(n).unwrap()).collect();
        let [v4, v6] = [Family::V4, Family::V6];
        let rules = [Part::Chain, Part::Rule(v4), Part::Rule(v6), Part::Prefixes(v4), Part::Prefixes(v6)];
        assert_eq!(parts[parts.len() - 5..], rules);
        let sets = parts.iter().filter(|part| matches!(part, Part::Prefixes(_))).count();
        assert_eq!(sets, if fresh_sets { 6 } else { 4 });
        assert_eq!(names.messages() - Scaffold { fresh_sets, ..plain }.messages(), if fresh_sets { 6 } else { 4 });
    }
    let shape = |flags| SetShape { key_type: 7, key_len: 4, flags };
    assert!(shape(0x14).holds_ranges(Family::V4) && !shape(0x10).holds_ranges(Family::V4));
    assert!(!shape(0x14).holds_ranges(Family::V6) && !shape(0x14).holds_addresses(Family::V4));
}
