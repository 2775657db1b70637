//! What `core::wire` writes, byte for byte against what `nft` 1.0.6 sends for the command at each vector (caught with
//! `strace -e trace=sendmsg -e write=3`), and read back where there is a reader.
//!
//! Where edgeban differs on purpose, the vector says so in an [`Edit`]. All differ in sequence numbers, which are put
//! into the expected bytes. The bytes are those of a little-endian machine; on a big-endian one only the headers and the
//! user data of sets would be turned round.
#![cfg(target_endian = "little")]

use edgeban_core::addr::{Addr, Family, Widths};
use edgeban_core::time::Duration;
use edgeban_core::wire::buf::{Full, Writer};
use edgeban_core::wire::nfnl::{BatchBegin, BatchEnd, Generic};
use edgeban_core::wire::nft::chain::{AnyChain, DelChain, Device, Hook, NewChain};
use edgeban_core::wire::nft::elem::{Change, ElemList, Elements, GetElements, element_len};
use edgeban_core::wire::nft::generation::GetGen;
use edgeban_core::wire::nft::rule::{NewRule, Verdict};
use edgeban_core::wire::nft::scaffold::{self, Scaffold};
use edgeban_core::wire::nft::set::{DelSet, NewSet};
use edgeban_core::wire::nft::table::{DelTable, NewTable};
use edgeban_core::wire::nl::{Messages, Tag};
use edgeban_tests::hex::{self, Edit};

struct Vector {
    /// The nft command.
    command: &'static str,
    /// The message that nft sends for it.
    nft: &'static str,
    edits: &'static [Edit],
    emit: fn(Tag, &mut Writer<'_>) -> Result<(), Full>,
    /// What the reader makes of it.
    elements: &'static [(&'static str, Option<u64>)],
}

const TABLE: &str = "edgeban";

fn addr(text: &str) -> Addr {
    Addr::parse(text.as_bytes()).unwrap()
}

fn list(tag: Tag, w: &mut Writer<'_>, change: Change, set: &str, elements: &[(&str, Option<u64>)]) -> Result<(), Full> {
    let mut list = ElemList::begin(w, tag, change, TABLE, set, if set == "banned_ipv6" { 128 } else { 32 })?;
    for (text, secs) in elements {
        if let Err(full) = list.push(addr(text), secs.map(Duration::from_secs)) {
            let _ = list.finish();
            return Err(full);
        }
    }
    assert_eq!(list.finish(), elements.len());
    Ok(())
}

const fn rule(bits: u8, verdict: Verdict) -> NewRule<'static> {
    NewRule { table: TABLE, chain: "input", family: Family::V4, set: "banned_ipv4", set_id: 1, bits, verdict }
}

const NO_SET_ID: &str = "no NFTA_SET_ELEM_LIST_SET_ID (nft's number for the set in this batch): names are enough";

const VECTORS: &[Vector] = &[
    Vector {
        command: "(begins every batch)",
        nft: "140000001000010000000000000000000000000a",
        edits: &[],
        emit: |tag, w| BatchBegin::default().emit(tag.seq, w),
        elements: &[],
    },
    Vector {
        command: "(ends every batch)",
        nft: "140000001100010007000000000000000000000a",
        edits: &[],
        emit: |tag, w| BatchEnd.emit(tag.seq, w),
        elements: &[],
    },
    Vector {
        command: "table inet edgeban { }",
        nft: "28000000000a01000100000000000000010000000c0001006564676562616e000800020000000000",
        edits: &[],
        emit: |tag, w| NewTable { name: TABLE, flags: 0 }.emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "table inet fail2zig { }: a name that needs padding",
        nft: "2c000000000a01000100000000000000010000000d0001006661696c327a6967000000000800020000000000",
        edits: &[],
        emit: |tag, w| NewTable { name: "fail2zig", flags: 0 }.emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "delete table inet edgeban",
        nft: "20000000020a01000100000000000000010000000c0001006564676562616e00",
        edits: &[],
        emit: |tag, w| DelTable { name: TABLE }.emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "set banned_ipv4 { type ipv4_addr; size 65536; flags timeout; gc-interval 10s; }",
        nft: "70000000090a01040300000000000000010000000c0001006564676562616e001000020062616e6e65645f697076340008000300
              000000100800040000000007080005000000000408000a00000000010c000980080001000001000008000c00000027100a000d00
              0004020000000000",
        edits: &[],
        emit: |tag, w| {
            let (size, gc_interval_ms) = (Some(65_536), Some(10_000));
            let set = NewSet {
                table: TABLE,
                name: "banned_ipv4",
                family: Family::V4,
                bits: 32,
                id: 1,
                size,
                gc_interval_ms,
                counter: false,
            };
            set.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "set banned_ipv6 { type ipv6_addr; flags timeout; }",
        nft: "5c000000090a01040400000000000000010000000c0001006564676562616e001000020062616e6e65645f697076360008000300
              000000100800040000000008080005000000001008000a00000000020a000d000004020000000000",
        edits: &[],
        emit: |tag, w| {
            let (size, gc_interval_ms) = (None, None);
            let set = NewSet {
                table: TABLE,
                name: "banned_ipv6",
                family: Family::V6,
                bits: 128,
                id: 2,
                size,
                gc_interval_ms,
                counter: false,
            };
            set.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "chain input { type filter hook prerouting priority -310; policy accept; }",
        nft: "54000000030a01040200000000000000010000000c0001006564676562616e000a000300696e7075740000000b00070066696c74
              65720000080005000000000114000480080001000000000008000200fffffeca",
        edits: &[],
        emit: |tag, w| {
            NewChain { table: TABLE, name: "input", hook: Hook::Prerouting, priority: -310, devices: &[] }.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "chain input { type filter hook input priority filter; policy accept; } (table fail2zig)",
        nft: "58000000030a01040200000000000000010000000d0001006661696c327a6967000000000a000300696e7075740000000b000700
              66696c746572000008000500000000011400048008000100000000010800020000000000",
        edits: &[],
        emit: |tag, w| {
            NewChain { table: "fail2zig", name: "input", hook: Hook::Input, priority: 0, devices: &[] }.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "delete chain inet edgeban input",
        nft: "2c000000050a01000100000000000000010000000c0001006564676562616e000a000300696e707574000000",
        edits: &[],
        emit: |tag, w| DelChain { table: TABLE, name: "input" }.emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "add chain inet edgeban input",
        nft: "2c000000030a01040100000000000000010000000c0001006564676562616e000a000300696e707574000000",
        edits: &[],
        emit: |tag, w| AnyChain { table: TABLE, name: "input" }.emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "delete set inet edgeban nosuch",
        nft: "2c0000000b0a01000100000000000000010000000c0001006564676562616e000b0002006e6f737563680000",
        edits: &[],
        emit: |tag, w| DelSet { table: TABLE, name: "nosuch" }.emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "add rule inet edgeban input ip saddr @banned_ipv4 reject with icmpx type port-unreachable",
        nft: "0c010000060a010c0100000000000000010000000c0001006564676562616e000a000200696e707574000000e000048024000180
              090001006d6574610000000014000280080002000000000f08000100000000012c00018008000100636d70002000028008000100
              0000000108000200000000000c0003800500010002000000340001800c0001007061796c6f616400240002800800010000000001
              0800020000000001080003000000000c0800040000000004340001800b0001006c6f6f6b75700000240002800800020000000001
              1000010062616e6e65645f69707634000800040000000001240001800b00010072656a6563740000140002800800010000000002
              0500020001000000",
        edits: &[],
        emit: |tag, w| rule(32, Verdict::Reject).emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "add rule inet edgeban input ip saddr & 255.255.255.252 @banned_ipv4 drop",
        nft: "64010000060a010c0100000000000000010000000c0001006564676562616e000a000200696e7075740000003801048024000180
              090001006d6574610000000014000280080002000000000f08000100000000012c00018008000100636d70002000028008000100
              0000000108000200000000000c0003800500010002000000340001800c0001007061796c6f616400240002800800010000000001
              0800020000000001080003000000000c08000400000000044c0001800c00010062697477697365003c0002800800010000000001
              0800020000000001080006000000000008000300000000040c00048008000100fffffffc0c000580080001000000000034000180
              0b0001006c6f6f6b757000002400028008000200000000011000010062616e6e65645f6970763400080004000000000130000180
              0e000100696d6d6564696174650000001c0002800800010000000000100002800c0002800800010000000000",
        edits: &[
            Edit { why: "so it is 8 bytes shorter", theirs: "64010000060a", ours: "5c010000060a" },
            Edit { why: "and the list of expressions, too", theirs: "38010480", ours: "30010480" },
            Edit {
                why: "no NFTA_BITWISE_OP: without it the operation is the one that kernels before 5.6 know, the mask",
                theirs: "4c0001800c00010062697477697365003c000280080001000000000108000200000000010800060000000000",
                ours: "440001800c00010062697477697365003400028008000100000000010800020000000001",
            },
        ],
        emit: |tag, w| rule(30, Verdict::Drop).emit(tag, w),
        elements: &[],
    },
    Vector {
        command: "chain ingress { type filter hook ingress devices = { w2, wan } priority -500; policy accept; } (table x)",
        nft: "64000000030a01040200000000000000010000000600010078000000
              0c000300696e6772657373000b00070066696c7465720000080005000000000128000480080001000000000508000200fffffe0c
              1400048007000100773200000800010077616e00",
        edits: &[],
        emit: |tag, w| {
            let devices = ["w2", "wan"].map(|name| Device::try_from(name).unwrap());
            let chain =
                NewChain { table: "x", name: "ingress", hook: Hook::Ingress, priority: -500, devices: &devices };
            chain.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "set b { type ipv4_addr; flags timeout; counter; } (table x)",
        nft: "64000000090a0104040000000000000001000000060001007800000006000200620000000800030000000010
              080004000000000708000500000000040800 0a00000000010a000d000004020000000000140011800c000100636f756e74657200
              04000280",
        edits: &[],
        emit: |tag, w| {
            let (size, gc_interval_ms) = (None, None);
            let set = NewSet {
                table: "x",
                name: "b",
                family: Family::V4,
                bits: 32,
                id: 1,
                size,
                gc_interval_ms,
                counter: true,
            };
            set.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "ip saddr @banned_ipv4 drop (table fail2zig)",
        nft: "1c010000060a010c0500000000000000010000000d0001006661696c327a6967000000000a000200696e707574000000ec000480
              24000180090001006d6574610000000014000280080002000000000f08000100000000012c00018008000100636d700020000280
              080001000000000108000200000000000c0003800500010002000000340001800c0001007061796c6f6164002400028008000100
              000000010800020000000001080003000000000c0800040000000004340001800b0001006c6f6f6b757000002400028008000200
              000000011000010062616e6e65645f69707634000800040000000001300001800e000100696d6d6564696174650000001c000280
              0800010000000000100002800c0002800800010000000000",
        edits: &[],
        emit: |tag, w| {
            let rule = NewRule {
                table: "fail2zig",
                chain: "input",
                family: Family::V4,
                set: "banned_ipv4",
                set_id: 1,
                bits: 32,
                verdict: Verdict::Drop,
            };
            rule.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "ip6 saddr @banned_ipv6 drop (table fail2zig)",
        nft: "1c010000060a010c0600000000000000010000000d0001006661696c327a6967000000000a000200696e707574000000ec000480
              24000180090001006d6574610000000014000280080002000000000f08000100000000012c00018008000100636d700020000280
              080001000000000108000200000000000c000380050001000a000000340001800c0001007061796c6f6164002400028008000100
              00000001080002000000000108000300000000080800040000000010340001800b0001006c6f6f6b757000002400028008000200
              000000011000010062616e6e65645f69707636000800040000000002300001800e000100696d6d6564696174650000001c000280
              0800010000000000100002800c0002800800010000000000",
        edits: &[],
        emit: |tag, w| {
            let rule = NewRule {
                table: "fail2zig",
                chain: "input",
                family: Family::V6,
                set: "banned_ipv6",
                set_id: 2,
                bits: 128,
                verdict: Verdict::Drop,
            };
            rule.emit(tag, w)
        },
        elements: &[],
    },
    Vector {
        command: "add element inet edgeban banned_ipv4 { 198.51.100.7 timeout 600s, 198.51.100.8 timeout 1h, \
                  198.51.100.9 timeout 1d }",
        nft: "900000000c0a01040100000000000000010000000c0001006564676562616e001000020062616e6e65645f697076340008000400
              00000001580003801c0001800c00040000000000000927c00c00018008000100c63364071c0002800c000400000000000036ee80
              0c00018008000100c63364081c0003800c0004000000000005265c000c00018008000100c6336409",
        edits: &[
            Edit { why: NO_SET_ID, theirs: "0800040000000001580003801c00", ours: "580003801c00" },
            Edit { why: "so it is shorter", theirs: "900000000c0a", ours: "880000000c0a" },
            Edit {
                why: "nft counts the entries in their types; the kernel's header says NFTA_LIST_ELEM for each",
                theirs: "1c0002800c00",
                ours: "1c0001800c00",
            },
            Edit { why: "as above", theirs: "1c0003800c00", ours: "1c0001800c00" },
        ],
        emit: |tag, w| {
            let elements = [("198.51.100.7", Some(600)), ("198.51.100.8", Some(3600)), ("198.51.100.9", Some(86_400))];
            list(tag, w, Change::New, "banned_ipv4", &elements)
        },
        elements: &[
            ("198.51.100.7", Some(600_000)),
            ("198.51.100.8", Some(3_600_000)),
            ("198.51.100.9", Some(86_400_000)),
        ],
    },
    Vector {
        command: "add element inet edgeban banned_ipv6 { 2001:db8::7 }",
        nft: "580000000c0a01040100000000000000010000000c0001006564676562616e001000020062616e6e65645f697076360008000400
              00000002200003801c000180180001801400010020010db8000000000000000000000007",
        edits: &[
            Edit { why: NO_SET_ID, theirs: "08000400000000022000", ours: "2000" },
            Edit { why: "so it is shorter", theirs: "580000000c0a", ours: "500000000c0a" },
        ],
        emit: |tag, w| list(tag, w, Change::New, "banned_ipv6", &[("2001:db8::7", None)]),
        elements: &[("2001:db8::7", None)],
    },
    Vector {
        command: "delete element inet edgeban banned_ipv4 { 198.51.100.7, 198.51.100.8 }",
        nft: "540000000e0a01000100000000000000010000000c0001006564676562616e001000020062616e6e65645f697076340024000380
              100001800c00018008000100c6336407100002800c00018008000100c6336408",
        edits: &[Edit { why: "nft counts the entries in their types", theirs: "100002800c00", ours: "100001800c00" }],
        // A timeout is not written for deletions, even if one is given.
        emit: |tag, w| list(tag, w, Change::Del, "banned_ipv4", &[("198.51.100.7", Some(1)), ("198.51.100.8", None)]),
        elements: &[("198.51.100.7", None), ("198.51.100.8", None)],
    },
    Vector {
        command: "delete element inet edgeban banned_ipv6 { 2001:db8::7 }",
        nft: "500000000e0a01000100000000000000010000000c0001006564676562616e001000020062616e6e65645f697076360020000380
              1c000180180001801400010020010db8000000000000000000000007",
        edits: &[],
        emit: |tag, w| list(tag, w, Change::Del, "banned_ipv6", &[("2001:db8::7", None)]),
        elements: &[("2001:db8::7", None)],
    },
    Vector {
        command: "list set inet edgeban banned_ipv4 (its last request)",
        nft: "300000000d0a010300000000000000000100000010000200
              62616e6e65645f69707634000c0001006564676562616e00",
        edits: &[Edit {
            why: "nft states the set before the table here, and here alone",
            theirs: "1000020062616e6e65645f69707634000c0001006564676562616e00",
            ours: "0c0001006564676562616e001000020062616e6e65645f6970763400",
        }],
        emit: |tag, w| GetElements { table: TABLE, set: "banned_ipv4" }.emit(tag.seq, w),
        elements: &[],
    },
    Vector {
        command: "(nft asks for the generation before anything else)",
        nft: "14000000100a0100000000000000000000000000",
        edits: &[],
        emit: |tag, w| GetGen.emit(tag, w),
        elements: &[],
    },
];

impl Vector {
    /// nft's bytes with edgeban's differences.
    fn expected(&self, tag: Tag) -> Vec<u8> {
        let mut bytes = hex::bytes(&hex::edited(self.command, self.nft, self.edits));
        bytes[8..12].copy_from_slice(&tag.seq.to_ne_bytes());
        bytes
    }
}

#[test]
fn each_message_is_what_nft_sends() {
    for vector in VECTORS {
        for tag in [Tag::silent(0x0102_0304), Tag::acked(7)] {
            let mut want = vector.expected(tag);
            let mut buffer = [0xa5; 1024];
            let mut w = Writer::new(&mut buffer);
            (vector.emit)(tag, &mut w).unwrap();
            let len = w.len();
            // NLM_F_ACK is never asked on the ends of a batch, and a dump answers by its data.
            let never = matches!(want[4..6], [0x10 | 0x11, 0] | [0x0d, 0x0a]);
            if tag.ack && !never {
                want[6] |= 4;
            }
            hex::assert_same(vector.command, &want, &buffer[..len]);
            assert!(buffer[len..].iter().all(|&b| b == 0xa5), "{}: written behind its end", vector.command);
        }
    }
}

#[test]
fn the_same_bytes_read_back_are_the_same_elements() {
    let mut tried = 0;
    for vector in VECTORS.iter().filter(|vector| !vector.elements.is_empty()) {
        // nft's own bytes and ours.
        for bytes in [hex::bytes(vector.nft), vector.expected(Tag::silent(1))] {
            let message = Messages::new(&bytes).next().unwrap().unwrap();
            let (generic, attrs) = Generic::parse(message.payload).unwrap();
            assert_eq!(generic, Generic::INET);
            let elements = Elements::parse(attrs).unwrap();
            assert_eq!(elements.table, TABLE.as_bytes());
            let family = scaffold::family_of(elements.set).unwrap();
            let got: Vec<_> = elements
                .map(Result::unwrap)
                .map(|e| (e.addr(family).unwrap(), e.timeout.map(Duration::as_millis)))
                .collect();
            let want: Vec<_> = vector.elements.iter().map(|&(text, ms)| (addr(text), ms)).collect();
            assert_eq!(got, want, "{}", vector.command);
            tried += 1;
        }
    }
    assert_eq!(tried, 8);
}

#[test]
fn what_does_not_fit_is_not_begun() {
    for vector in VECTORS {
        let len = vector.expected(Tag::silent(1)).len();
        for room in 0..=len {
            let mut buffer = vec![0xa5; 8 + room];
            let mut w = Writer::new(&mut buffer);
            w.put(b"12345678").unwrap();
            let result = (vector.emit)(Tag::silent(1), &mut w);
            if room == len {
                assert_eq!((result, w.len()), (Ok(()), 8 + len), "{}", vector.command);
            } else {
                assert_eq!(result, Err(Full), "{} into {room} bytes", vector.command);
                if vector.elements.len() < 2 {
                    assert_eq!(w.written(), b"12345678", "{} into {room} bytes", vector.command);
                }
            }
        }
    }
}

#[test]
fn a_list_is_complete_however_much_fits() {
    for family in [Family::V4, Family::V6] {
        let make = |n: u8| if family == Family::V4 { Addr::v4([10, 0, 0, n]) } else { Addr::v6([n; 16]) };
        let head = ElemList::overhead(TABLE, scaffold::set(family));
        for room in head..head + 5 * element_len(family) {
            let mut buffer = vec![0xa5; room + BatchEnd::BUFFER_LEN];
            let mut w = Writer::new(&mut buffer);
            w.reserve(BatchEnd::BUFFER_LEN).unwrap();
            let mut list = ElemList::begin(
                &mut w,
                Tag::silent(1),
                Change::New,
                TABLE,
                scaffold::set(family),
                Widths::FULL.of(family),
            )
            .unwrap();
            let fitted = (1..).take_while(|&n| list.push(make(n), Some(Duration::from_secs(60))).is_ok()).count();
            assert_eq!(fitted, (room - head) / element_len(family));
            assert_eq!(list.finish(), fitted);
            assert_eq!(w.len(), if fitted == 0 { 0 } else { head + fitted * element_len(family) });
            w.release();
            BatchEnd.emit(2, &mut w).unwrap();
            let messages: Vec<_> = Messages::new(w.written()).map(Result::unwrap).collect();
            assert_eq!(messages.len(), if fitted == 0 { 1 } else { 2 });
            if fitted > 0 {
                let (_, attrs) = Generic::parse(messages[0].payload).unwrap();
                let got: Vec<Addr> =
                    Elements::parse(attrs).unwrap().map(|element| element.unwrap().addr(family).unwrap()).collect();
                assert_eq!(got, (1..).take(fitted).map(make).collect::<Vec<_>>());
            }
        }
    }
}

#[test]
fn the_scaffold_is_its_messages_in_a_row() {
    // Sets before the chain, as the rules need both; each hook's chain is made to be deleted.
    let names = Scaffold::plain("fail2zig");
    let mut buffer = [0xa5; 4096];
    let mut w = Writer::new(&mut buffer);
    assert_eq!(names.emit(&mut w, u32::MAX, true), Ok(names.messages()));
    let kinds: Vec<_> = Messages::new(w.written())
        .map(|message| message.unwrap().header)
        .map(|header| (header.kind, header.flags, header.seq.wrapping_add(1)))
        .collect();
    let mut want = vec![(0xa00, 0x005, 0)];
    want.extend((1..9).map(|n| if n % 2 == 1 { (0xa03, 0x405, n) } else { (0xa05, 0x005, n) }));
    want.extend([(0xa09, 0x405, 9), (0xa09, 0x405, 10), (0xa03, 0x405, 11), (0xa06, 0xc05, 12), (0xa06, 0xc05, 13)]);
    assert_eq!(kinds, want);
    let len = w.len();
    for room in 0..len {
        let mut w = Writer::new(&mut buffer[..room]);
        assert_eq!(names.emit(&mut w, 1, true), Err(Full), "{room}");
        assert!(w.is_empty());
    }
}

#[test]
fn each_message_of_the_scaffold_is_told_by_its_number() {
    use scaffold::Part;
    for fresh_sets in [false, true] {
        let names = Scaffold { fresh_sets, ..Scaffold::plain(TABLE) };
        let parts: Vec<_> = (1..=names.messages()).map(|n| names.part(n).unwrap()).collect();
        let sets = if fresh_sets { 4 } else { 2 };
        assert_eq!(parts.first(), Some(&Part::Table));
        assert_eq!(parts.iter().filter(|part| matches!(part, Part::Set(_))).count(), sets);
        assert_eq!(parts[parts.len() - 3..], [Part::Chain, Part::Rule(Family::V4), Part::Rule(Family::V6)]);
        assert_eq!((names.part(0), names.part(names.messages() + 1)), (None, None));
    }
}
