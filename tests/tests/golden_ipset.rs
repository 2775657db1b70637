//! What `core::wire::ipset` writes, byte for byte against what `ipset` 7.17 sends for the command at each vector (caught
//! with `strace -e trace=sendto,recvmsg -e write=3 -e read=3` on Linux 6.18), and its readers on what the kernel answered.
//!
//! All differ in sequence numbers, which are put into the expected bytes; other differences are an [`Edit`]. The bytes are
//! those of a little-endian machine.
#![cfg(target_endian = "little")]

use edgeban_core::addr::{Addr, Family};
use edgeban_core::wire::buf::{Full, Writer};
use edgeban_core::wire::ipset::SetType;
use edgeban_core::wire::ipset::answer::{Answer, Answers, Body};
use edgeban_core::wire::ipset::elem::{Change, ElemList, element_len};
use edgeban_core::wire::ipset::kernel::{GetProtocol, GetType, ProtocolRange, RevisionRange};
use edgeban_core::wire::ipset::list::{Member, Parameters};
use edgeban_core::wire::ipset::set::{Command, Create};
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::{NetlinkError, Reply};
use edgeban_tests::hex::{self, Edit};

struct Vector {
    /// The command.
    command: &'static str,
    /// The message that ipset sends for it.
    ipset: &'static str,
    edits: &'static [Edit],
    /// With `Tag::silent` or `Tag::acked`, as ipset has it.
    tag: Tag,
    emit: fn(Tag, &mut Writer<'_>) -> Result<(), Full>,
}

const SEQ: u32 = 0x6b05_f680;
const ASK: Tag = Tag::silent(SEQ);
const ORDER: Tag = Tag::acked(SEQ);

const NO_EXCL: &str = "no NLM_F_EXCL, which means nothing here";
const LINE: Edit = Edit {
    why: "the message's own line is 0: ipset's number there cannot be told from that of a refused element",
    theirs: "0800094000000001 ADT",
    ours: "0800094000000000 ADT",
};

fn addr(text: &str) -> Addr {
    Addr::parse(text.as_bytes()).unwrap()
}

type Entry = (&'static str, Option<u8>, Option<u32>);

fn list(tag: Tag, w: &mut Writer<'_>, change: Change, set: &str, entries: &[Entry]) -> Result<(), Full> {
    let mut list = ElemList::begin(w, 7, tag, change, set)?;
    for &(text, cidr, timeout) in entries {
        if let Err(full) = list.push(addr(text), cidr, timeout) {
            let _ = list.finish();
            return Err(full);
        }
    }
    assert_eq!(list.finish(), entries.len());
    Ok(())
}

const VECTORS: &[Vector] = &[
    Vector {
        command: "(before every command)",
        ipset: "1c0000000106010080f6056b00000000020000000500010007000000",
        edits: &[],
        tag: ASK,
        emit: |tag, w| GetProtocol.emit(tag, w),
    },
    Vector {
        command: "(before create ... hash:ip)",
        ipset: "300000000d06010080f6056b000000000200000005000100070000000c000300686173683a6970000500050002000000",
        edits: &[],
        tag: ASK,
        emit: |tag, w| GetType { kind: SetType::HashIp, family: Family::V4 }.emit(7, tag, w),
    },
    Vector {
        command: "(before create ... hash:net)",
        ipset: "340000000d06010080f6056b000000000200000005000100070000000d000300686173683a6e65740000000005000500020000
                00",
        edits: &[],
        tag: ASK,
        emit: |tag, w| GetType { kind: SetType::HashNet, family: Family::V4 }.emit(7, tag, w),
    },
    Vector {
        command: "create edgeban_v4 hash:ip timeout 0 hashsize 1024 maxelem 65536",
        ipset: "640000000206050680f6056b000000000200000005000100070000000f0002006564676562616e5f763400000c000300686173
                683a697000050004000600000005000500020000001c0007800800064000000000080012400000040008001340
                00010000",
        edits: &[Edit { why: "-exist", theirs: "02060506", ours: "02060504" }],
        tag: ORDER,
        emit: |tag, w| {
            let (hashsize, maxelem) = (Some(1024), Some(65_536));
            let (name, kind, family) = ("edgeban_v4", SetType::HashIp, Family::V4);
            Create { name, kind, family, revision: 6, hashsize, maxelem }.emit(7, tag, w)
        },
    },
    Vector {
        command: "-exist create edgeban_v6 hash:ip family inet6 timeout 0 hashsize 1024 maxelem 1000",
        ipset: "640000000206050480f6056b000000000200000005000100070000000f0002006564676562616e5f763600000c000300686173
                683a6970000500040006000000050005000a0000001c00078008000640000000000800124000000400080013400000
                03e8",
        edits: &[],
        tag: ORDER,
        emit: |tag, w| {
            let (hashsize, maxelem) = (Some(1024), Some(1000));
            let (name, kind, family) = ("edgeban_v6", SetType::HashIp, Family::V6);
            Create { name, kind, family, revision: 6, hashsize, maxelem }.emit(7, tag, w)
        },
    },
    Vector {
        command: "create nets hash:net timeout 0",
        ipset: "540000000206050680f6056b00000000020000000500010007000000090002006e657473000000000d000300686173683a6e65
                7400000000050004000700000005000500020000000c0007800800064000000000",
        edits: &[Edit { why: "-exist", theirs: "02060506", ours: "02060504" }],
        tag: ORDER,
        emit: |tag, w| {
            let (name, kind, family) = ("nets", SetType::HashNet, Family::V4);
            Create { name, kind, family, revision: 7, hashsize: None, maxelem: None }.emit(7, tag, w)
        },
    },
    Vector {
        command: "-exist restore: add edgeban_v4 192.0.2.5 timeout 5, 192.0.2.6, 192.0.2.7 timeout 2147483",
        ipset:
            "900000000906050080f6056b000000000200000005000100070000000f0002006564676562616e5f763400000800094000000001
                ADT 5c000880200007800c00018008000140c000020508000640000000050800094000000001180007800c000180080001
                40c00002060800094000000002200007800c00018008000140c0000207080006400020c49b0800094000000003",
        edits: &[LINE],
        tag: ORDER,
        emit: |tag, w| {
            let entries =
                [("192.0.2.5", None, Some(5)), ("192.0.2.6", None, None), ("192.0.2.7", None, Some(2_147_483))];
            list(tag, w, Change::Add, "edgeban_v4", &entries)
        },
    },
    Vector {
        command: "-exist restore: add edgeban_v6 2001:db8::1 timeout 600, 2001:db8::2",
        ipset:
            "880000000906050080f6056b000000000200000005000100070000000f0002006564676562616e5f763600000800094000000001
                ADT 540008802c000780180001801400024020010db80000000000000000000000010800064000000258080009400000
                000124000780180001801400024020010db80000000000000000000000020800094000000002",
        edits: &[LINE],
        tag: ORDER,
        emit: |tag, w| {
            let entries = [("2001:db8::1", None, Some(600)), ("2001:db8::2", None, None)];
            list(tag, w, Change::Add, "edgeban_v6", &entries)
        },
    },
    Vector {
        command: "-exist restore: del edgeban_v6 2001:db8::1, 2001:db8::2",
        ipset:
            "800000000a06050080f6056b000000000200000005000100070000000f0002006564676562616e5f763600000800094000000001
                ADT 4c00088024000780180001801400024020010db8000000000000000000000001080009400000000124000780180001
                801400024020010db80000000000000000000000020800094000000002",
        edits: &[LINE],
        tag: ORDER,
        emit: |tag, w| {
            let entries = [("2001:db8::1", None, Some(600)), ("2001:db8::2", None, None)];
            list(tag, w, Change::Del, "edgeban_v6", &entries)
        },
    },
    Vector {
        command: "-exist restore: add nets 198.51.100.0/24 timeout 60, 203.0.113.0/25",
        ipset: "7c0000000906050080f6056b00000000020000000500010007000000090002006e657473000000000800094000000001
                ADT 4c000880280007800c00018008000140c63364000500030018000000080006400000003c08000940000000012000
                07800c00018008000140cb00710005000300190000000800094000000002",
        edits: &[LINE],
        tag: ORDER,
        emit: |tag, w| {
            let entries = [("198.51.100.0", Some(24), Some(60)), ("203.0.113.0", Some(25), None)];
            list(tag, w, Change::Add, "nets", &entries)
        },
    },
    Vector {
        command: "flush edgeban_v4",
        ipset: "2c0000000406050080f6056b000000000200000005000100070000000f0002006564676562616e5f76340000",
        edits: &[],
        tag: ORDER,
        emit: |tag, w| Command::Flush.emit("edgeban_v4", 7, tag, w),
    },
    Vector {
        command: "destroy edgeban_v4",
        ipset: "2c0000000306050280f6056b000000000200000005000100070000000f0002006564676562616e5f76340000",
        edits: &[Edit { why: NO_EXCL, theirs: "03060502", ours: "03060500" }],
        tag: ORDER,
        emit: |tag, w| Command::Destroy.emit("edgeban_v4", 7, tag, w),
    },
    Vector {
        command: "(before add edgeban_v4 ...)",
        ipset: "2c0000000c06010080f6056b000000000200000005000100070000000f0002006564676562616e5f76340000",
        edits: &[],
        tag: ASK,
        emit: |tag, w| Command::Header.emit("edgeban_v4", 7, tag, w),
    },
    Vector {
        command: "list edgeban_v6",
        ipset: "2c0000000706050380f6056b000000000200000005000100070000000f0002006564676562616e5f76360000",
        edits: &[Edit { why: "a dump has no ack", theirs: "07060503", ours: "07060103" }],
        tag: ASK,
        emit: |tag, w| Command::List.emit("edgeban_v6", 7, tag, w),
    },
];

impl Vector {
    fn expected(&self) -> Vec<u8> {
        hex::bytes(&hex::edited(self.command, self.ipset, self.edits).replace("ADT", ""))
    }
}

#[test]
fn each_message_is_what_ipset_sends() {
    for vector in VECTORS {
        let want = vector.expected();
        let mut buffer = [0xa5; 1024];
        let mut w = Writer::new(&mut buffer);
        (vector.emit)(vector.tag, &mut w).unwrap();
        let len = w.len();
        hex::assert_same(vector.command, &want, &buffer[..len]);
        assert!(buffer[len..].iter().all(|&b| b == 0xa5), "{}: written behind its end", vector.command);
    }
}

#[test]
fn what_does_not_fit_is_not_begun() {
    for vector in VECTORS {
        let len = vector.expected().len();
        for room in 0..=len {
            let mut buffer = vec![0xa5; 8 + room];
            let mut w = Writer::new(&mut buffer);
            w.put(b"12345678").unwrap();
            let result = (vector.emit)(vector.tag, &mut w);
            if room == len {
                assert_eq!((result, w.len()), (Ok(()), 8 + len), "{}", vector.command);
            } else {
                assert_eq!(result, Err(Full), "{} into {room} bytes", vector.command);
            }
        }
    }
}

#[test]
fn a_list_is_complete_however_much_fits() {
    for family in [Family::V4, Family::V6] {
        let make = |n: u8| if family == Family::V4 { Addr::v4([10, 0, 0, n]) } else { Addr::v6([n; 16]) };
        let head = 20 + 8 + 16 + 8 + 4;
        for room in head..head + 5 * element_len(family) {
            let mut buffer = vec![0xa5; room];
            let mut w = Writer::new(&mut buffer);
            let mut list = ElemList::begin(&mut w, 7, ORDER, Change::Add, "edgeban_v4").unwrap();
            let fitted = (1..).take_while(|&n| list.push(make(n), None, Some(60)).is_ok()).count();
            assert_eq!(fitted, (room - head) / element_len(family));
            assert_eq!(list.finish(), fitted);
            let want = if fitted == 0 { 0 } else { head + fitted * element_len(family) };
            assert_eq!(w.len(), want);
            if fitted > 0 {
                assert_eq!(w.written()[..4], u32::try_from(want).unwrap().to_ne_bytes());
            }
        }
    }
}

fn only(bytes: &[u8]) -> Answer<'_> {
    let mut answers = Answers::new(bytes);
    let answer = answers.next().unwrap().unwrap();
    assert!(answers.next().is_none());
    answer
}

#[test]
fn the_kernels_answers_are_read() {
    let protocol = hex::bytes("240000000106000080f6056bc856000002000000050001000700000005000a0006000000");
    let answer = only(&protocol);
    assert_eq!(answer.seq, SEQ);
    assert!(matches!(answer.body, Body::Protocol(ProtocolRange { max: 7, min: 6 })));

    let kind = hex::bytes(
        "400000000d06000080f6056bc85600000200000005000100070000000c000300686173683a697000050005000200000005000400
         0600000005000a0000000000",
    );
    assert!(matches!(only(&kind).body, Body::Type(RevisionRange { max: 6, min: 0 })));

    let header = hex::bytes(
        "480000000c06000080f6056be15600000200000005000100070000000f0002006564676562616e5f763600000c00030068617368
         3a697000050005000a0000000500040006000000",
    );
    let Body::Header(header) = only(&header).body else { panic!() };
    assert_eq!((header.name, header.revision), (&b"edgeban_v6"[..], 6));
    assert!(header.is(SetType::HashIp, Family::V6));
    assert!(!header.is(SetType::HashIp, Family::V4) && !header.is(SetType::HashNet, Family::V6));

    // list edgeban_v6, with one element added without a timeout.
    let part = hex::bytes(
        "bc0000000706020080f6056bf55600000200000005000100070000000f0002006564676562616e5f763600000c00030068617368
         3a697000050005000a000000050004000600000006000b400001000044000780080012400000040008001340000003e805001500
         0c00000008001140f915ec1d080019400000000008001a4000000130080018400000000108000640000000002800088024000780
         180001801400020020010db80000000000000000000000010800064000000000",
    );
    let Body::Part(mut part) = only(&part).body else { panic!() };
    let (what, parameters) = part.header.unwrap();
    assert!(what.is(SetType::HashIp, Family::V6));
    let want = Parameters {
        index: Some(1),
        hashsize: 1024,
        maxelem: 1000,
        timeout: Some(0),
        references: 0,
        elements: Some(1),
    };
    assert_eq!(parameters, want);
    let member = Member { addr: addr("2001:db8::1"), family: Family::V6, cidr: None, timeout: Some(0) };
    assert_eq!(part.next(), Some(Ok(member)));
    assert_eq!(part.next(), None);

    // restore: add edgeban_v4 192.0.2.5 timeout 5 (which exists), 192.0.2.7
    let refused = hex::bytes(
        "840000000200000080f6056b74370000f9efffff700000000906050280f6056b000000000200000005000100070000000f000200
         6564676562616e5f7634000008000940000000013c000880200007800c00018008000140c00002050800064000000005080009400
         0000001180007800c00018008000140c00002070800094000000002",
    );
    let Body::Reply(Reply::Error { seq: SEQ, error, .. }, Some(1)) = only(&refused).body else { panic!() };
    assert_eq!((error, error.to_string().as_str()), (NetlinkError::new(4103).unwrap(), "IPSET_ERR_EXIST (4103)"));

    let ack = hex::bytes("240000000200000180f6056bc856000000000000640000000206050680f6056b00000000");
    assert!(matches!(only(&ack).body, Body::Reply(Reply::Ack { seq: SEQ }, None)));
}

#[test]
fn what_contradicts_itself_is_malformed_and_nothing_panics() {
    let part = "bc0000000706020080f6056bf55600000200000005000100070000000f0002006564676562616e5f763600000c000300686173
         683a697000050005000a000000050004000600000006000b400001000044000780080012400000040008001340000003e805001500
         0c00000008001140f915ec1d080019400000000008001a4000000130080018400000000108000640000000002800088024000780
         180001801400020020010db80000000000000000000000010800064000000000";
    let good = hex::bytes(part);
    let read = |bytes: &[u8]| {
        for answer in Answers::new(bytes) {
            let Ok(answer) = answer else { return false };
            if let Body::Part(part) = answer.body
                && part.into_iter().any(|member| member.is_err())
            {
                return false;
            }
        }
        true
    };
    assert!(read(&good));
    for at in 0..good.len() {
        for value in [0, 1, 3, 0x7f, 0xff] {
            let mut bad = good.clone();
            bad[at] = value;
            let _ = read(&bad);
        }
        assert!(!read(&good[..at]) || at == 0, "cut at {at}");
    }
    for kind in [1u16, 12, 13, 14, 7] {
        let mut bad = hex::bytes("140000000000000080f6056b0000000002000000");
        bad[4..6].copy_from_slice(&(0x600 | kind).to_ne_bytes());
        assert!(!read(&bad), "{kind} without attributes");
    }
}
