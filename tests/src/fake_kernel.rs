//! A small nf_tables that reads and answers netlink bytes like the kernel, without any of edgeban's own encoders.
//!
//! It holds tables, sets with their elements and timeouts, base chains and rules under a clock that the test sets, and it
//! judges batches as `net/netfilter/nfnetlink.c` and `nf_tables_api.c` do:
//! - every message of a batch is tried and answered, also behind one that fails; then nothing of the batch is kept;
//! - a batch without its end is checked and answered, and nothing is kept;
//! - a missing permission, a stale generation and a failed commit are answered on BATCH_BEGIN's sequence number, the
//!   last one in addition to (and before) the acks of 0 of the messages;
//! - a message with impossible lengths ends the batch without any answer;
//! - what follows BATCH_END in the same datagram is not looked at.
//!
//! `tests/netlink_kernel.rs` sends the same bytes to the real kernel and compares.
//!
//! Not modelled: acks of BATCH_BEGIN and BATCH_END (kernels differ), maps, other expressions than those of the
//! drop rules, notices of what this socket changes, sockets other than one.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;
use std::net::IpAddr;

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const ENFILE: i32 = 23;
const ERANGE: i32 = 34;
const EOPNOTSUPP: i32 = 95;
const ERESTART: i32 = 85;

const F_REQUEST: u16 = 1;
const F_MULTI: u16 = 2;
const F_ACK: u16 = 4;
const F_REPLACE: u16 = 0x100;
const F_EXCL: u16 = 0x200;
const F_DUMP: u16 = 0x300;
const F_CREATE: u16 = 0x400;
const F_CAPPED: u16 = 0x100;
const F_ACK_TLVS: u16 = 0x200;

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const SUBSYS: u16 = 10;

const SET_INTERVAL: u32 = 4;
const SET_TIMEOUT: u32 = 0x10;

/// Something that goes wrong with the next datagram that it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The `message`-th message of the next batch fails (BATCH_BEGIN is not counted, the first is 0).
    Errno {
        /// Which.
        message: usize,
        /// The positive error number.
        errno: i32,
    },
    /// The next batch that could be committed is not: this positive error number on BATCH_BEGIN.
    Commit(i32),
    /// The next datagram is refused with EPERM on its first message.
    Permission,
    /// The next datagram is handled, but nothing of its answer arrives: no answer and no error.
    NoReply,
    /// The next datagram is handled, but only `keep` answers arrive; then the socket reports ENOBUFS
    /// ([`FakeKernel::take_overrun`]).
    Overrun {
        /// How many datagrams arrive.
        keep: usize,
    },
    /// The `message`-th answer (from 0) to the next datagram is lost.
    LoseReply {
        /// Which.
        message: usize,
    },
    /// The answers to the next datagram come in reverse order.
    Reorder,
}

/// An element of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elem {
    /// What it was added with, in ms; 0 is for ever.
    pub timeout: u64,
    /// When it ends, in ms of the fake clock.
    pub expires: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expr {
    LoadProtocol,
    Compare(Vec<u8>),
    Payload { offset: usize, len: usize },
    Mask(Vec<u8>),
    Lookup(String),
    Verdict(u32),
    Reject,
}

#[derive(Clone, Debug)]
struct Set {
    key_type: u32,
    key_len: u32,
    flags: u32,
    timeout: u64,
    size: Option<u32>,
    gc_interval: u64,
    counter: bool,
    next_gc: u64,
    /// In a set of intervals, each key has a byte behind it: 0 ends an interval, 1 begins one.
    elems: BTreeMap<Vec<u8>, Elem>,
}

#[derive(Clone, Debug)]
struct Chain {
    hook: Option<(u32, i32)>,
    kind: String,
    devices: Vec<String>,
    policy: u32,
    rules: Vec<Vec<Expr>>,
}

#[derive(Clone, Debug, Default)]
struct Table {
    sets: BTreeMap<String, Set>,
    chains: BTreeMap<String, Chain>,
}

type Tables = BTreeMap<(u8, String), Table>;

enum Undo {
    Whole(Box<Tables>),
    Elem { table: (u8, String), set: String, key: Vec<u8>, before: Option<Elem> },
}

/// Why a message failed: the positive number, and the offset of the attribute in question.
struct Fail(i32, Option<usize>);

impl From<i32> for Fail {
    fn from(errno: i32) -> Self {
        Self(errno, None)
    }
}

#[derive(Clone)]
struct Msg<'a> {
    bytes: &'a [u8],
    kind: u16,
    flags: u16,
    seq: u32,
}

#[derive(Clone, Copy)]
struct Tlv<'a> {
    kind: u16,
    value: &'a [u8],
    /// From the message's start.
    offset: usize,
}

/// The fake kernel with one socket open to it.
#[derive(Default)]
pub struct FakeKernel {
    tables: Tables,
    undo: Vec<Undo>,
    now: u64,
    generation: u32,
    faults: VecDeque<Fault>,
    overrun: bool,
    /// Another timeout for an existing element is ignored, as before Linux 6.12.
    pub keeps_timeouts: bool,
    /// The socket option `NETLINK_CAP_ACK`.
    pub cap_ack: bool,
    /// The socket option `NETLINK_EXT_ACK`.
    pub ext_ack: bool,
    /// How many datagrams were sent.
    pub datagrams: usize,
    /// How many batches were committed.
    pub commits: usize,
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn align(len: usize) -> usize {
    len.div_ceil(4) * 4
}

fn be32(tlv: Tlv<'_>) -> Result<u32, Fail> {
    Ok(u32::from_be_bytes(tlv.value.try_into().map_err(|_| ERANGE)?))
}

fn be64(tlv: Tlv<'_>) -> Result<u64, Fail> {
    Ok(u64::from_be_bytes(tlv.value.try_into().map_err(|_| ERANGE)?))
}

fn text(tlv: Tlv<'_>) -> String {
    String::from_utf8_lossy(tlv.value.split(|&b| b == 0).next().unwrap_or_default()).into_owned()
}

/// The attributes of `value`, which starts at `offset` of its message. The kernel ignores up to 3 bytes behind the last.
fn tlvs(value: &[u8], offset: usize) -> Result<Vec<Tlv<'_>>, Fail> {
    let mut out = Vec::new();
    let mut at = 0;
    while value.len() - at >= 4 {
        let len = usize::from(u16_at(value, at));
        let kind = u16_at(value, at + 2) & 0x3fff;
        if len < 4 || len > value.len() - at {
            return Err(EINVAL.into());
        }
        out.push(Tlv { kind, value: &value[at + 4..at + len], offset: offset + at });
        at = (at + align(len)).min(value.len());
    }
    Ok(out)
}

fn inside(tlv: Tlv<'_>) -> Result<Vec<Tlv<'_>>, Fail> {
    tlvs(tlv.value, tlv.offset + 4)
}

/// The attribute of a type; the kernel takes the last if there are several.
fn find<'a>(list: &[Tlv<'a>], kind: u16) -> Option<Tlv<'a>> {
    list.iter().rev().find(|tlv| tlv.kind == kind).copied()
}

fn need<'a>(list: &[Tlv<'a>], kind: u16) -> Result<Tlv<'a>, Fail> {
    find(list, kind).ok_or(Fail(EINVAL, None))
}

fn number(list: &[Tlv<'_>], kind: u16) -> Result<Option<u32>, Fail> {
    find(list, kind).map(be32).transpose()
}

impl Set {
    /// Whether `key` is in force.
    fn holds(&self, key: &[u8], now: u64) -> bool {
        if self.flags & SET_INTERVAL == 0 {
            return self.elems.get(key).is_some_and(|elem| !elem.expired(now));
        }
        let upto = [key, &[1]].concat();
        self.elems.range(..=upto).next_back().is_some_and(|(key, elem)| key.ends_with(&[1]) && !elem.expired(now))
    }

    /// Whether no two intervals overlap: behind each beginning comes its end, or nothing.
    fn is_disjoint(&self, now: u64) -> bool {
        let live = self.elems.iter().filter(|(_, elem)| !elem.expired(now)).map(|(key, _)| key.ends_with(&[1]));
        let kinds: Vec<bool> = live.collect();
        self.flags & SET_INTERVAL == 0 || !kinds.windows(2).any(|pair| pair == [true, true])
    }
}

impl Elem {
    fn expired(&self, now: u64) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }
}

impl FakeKernel {
    /// An empty ruleset, the clock at 0.
    #[must_use]
    pub fn new() -> Self {
        Self { generation: 1, ..Self::default() }
    }

    /// Lets something go wrong. Faults wait in line; each is used up by the first datagram that it fits.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.push_back(fault);
    }

    /// Sets the clock, in ms, and lets the sets' garbage collection run if it is time.
    pub fn set_now(&mut self, ms: u64) {
        self.now = ms;
        for set in self.tables.values_mut().flat_map(|table| table.sets.values_mut()) {
            if set.next_gc <= ms {
                set.elems.retain(|_, elem| !elem.expired(ms));
                set.next_gc = ms + set.gc_interval;
            }
        }
    }

    /// Whether the socket has to report ENOBUFS; asking clears it.
    pub fn take_overrun(&mut self) -> bool {
        std::mem::take(&mut self.overrun)
    }

    /// The generation, as GETGEN answers it.
    #[must_use]
    pub fn generation(&self) -> u32 {
        self.generation
    }

    /// As `nft flush ruleset` by somebody else.
    pub fn flush_ruleset(&mut self) {
        self.tables.clear();
        self.generation += 1;
    }

    /// As `nft add element` or `nft delete element` by somebody else: puts `elem` in the place of `key`, if there is such a set.
    pub fn replace_element(&mut self, table: &str, set: &str, key: &[u8], elem: Option<Elem>) {
        let set = self.tables.get_mut(&(1, table.to_owned())).and_then(|table| table.sets.get_mut(set));
        let Some(set) = set else { return };
        self.generation += 1;
        match elem {
            Some(elem) => set.elems.insert(key.to_vec(), elem),
            None => set.elems.remove(key),
        };
    }

    /// As `nft flush chain` by somebody else, for all chains.
    pub fn flush_rules(&mut self) {
        self.generation += 1;
        self.tables.values_mut().flat_map(|table| table.chains.values_mut()).for_each(|chain| chain.rules.clear());
    }

    /// The elements of a set of an `inet` table that are in force at `now`: key and timeout in ms. Empty if there is no such set.
    #[must_use]
    pub fn elements(&self, table: &str, set: &str, now: u64) -> Vec<(Vec<u8>, Elem)> {
        let set = self.tables.get(&(1, table.to_owned())).and_then(|table| table.sets.get(set));
        set.into_iter()
            .flat_map(|set| &set.elems)
            .filter(|(_, elem)| !elem.expired(now))
            .map(|(key, elem)| (key.clone(), elem.clone()))
            .collect()
    }

    /// Whether some rule drops a packet from `source` now.
    #[must_use]
    pub fn drops(&self, source: IpAddr) -> bool {
        let (protocol, header) = match source {
            IpAddr::V4(v4) => {
                let mut header = vec![0x45; 20];
                header[12..16].copy_from_slice(&v4.octets());
                (2u8, header)
            }
            IpAddr::V6(v6) => {
                let mut header = vec![0x60; 40];
                header[8..24].copy_from_slice(&v6.octets());
                (10, header)
            }
        };
        self.tables.values().any(|table| {
            let mut rules = table.chains.values().filter(|chain| chain.hook.is_some()).flat_map(|chain| &chain.rules);
            rules.any(|rule| {
                let mut register = [0; 16];
                for expr in rule {
                    let goes_on = match expr {
                        Expr::LoadProtocol => {
                            register[0] = protocol;
                            true
                        }
                        Expr::Compare(data) => register.starts_with(data),
                        Expr::Payload { offset, len } => header.get(*offset..offset + len).is_some_and(|bytes| {
                            register[..*len].copy_from_slice(bytes);
                            true
                        }),
                        Expr::Lookup(name) => table
                            .sets
                            .get(name)
                            .is_some_and(|set| set.holds(&register[..set.key_len as usize], self.now)),
                        Expr::Mask(mask) => {
                            register.iter_mut().zip(mask).for_each(|(byte, mask)| *byte &= mask);
                            true
                        }
                        Expr::Verdict(code) => return *code == 0,
                        Expr::Reject => return true,
                    };
                    if !goes_on {
                        return false;
                    }
                }
                false
            })
        })
    }

    /// The ruleset without its elements, in the manner of `nft list ruleset`; rules as `nft --debug=netlink` shows them.
    #[must_use]
    pub fn ruleset(&self) -> String {
        let mut out = String::new();
        for ((family, name), table) in &self.tables {
            let family = if *family == 1 { "inet".to_owned() } else { format!("family {family}") };
            let _ = writeln!(out, "table {family} {name} {{");
            for (name, set) in &table.sets {
                let _ = write!(
                    out,
                    "\tset {name} {{ type {}; keylen {}; flags {:#x};",
                    set.key_type, set.key_len, set.flags
                );
                if let Some(size) = set.size {
                    let _ = write!(out, " size {size};");
                }
                out.push_str(" }\n");
            }
            for (name, chain) in &table.chains {
                let _ = writeln!(out, "\tchain {name} {{");
                if let Some((hook, priority)) = chain.hook {
                    let policy = if chain.policy == 1 { "accept" } else { "drop" };
                    let _ = writeln!(out, "\t\ttype {} hook {hook} priority {priority}; policy {policy};", chain.kind);
                }
                for rule in &chain.rules {
                    out.push_str("\t\t");
                    for expr in rule {
                        let _ = match expr {
                            Expr::LoadProtocol => write!(out, "[ meta load nfproto => reg 1 ]"),
                            Expr::Compare(data) => write!(out, "[ cmp eq reg 1 {data:02x?} ]"),
                            Expr::Payload { offset, len } => {
                                write!(out, "[ payload load {len}b @ network header + {offset} => reg 1 ]")
                            }
                            Expr::Lookup(set) => write!(out, "[ lookup reg 1 set {set} ]"),
                            Expr::Mask(mask) => write!(out, "[ bitwise reg 1 & {mask:02x?} ]"),
                            Expr::Reject => write!(out, "[ reject ]"),
                            Expr::Verdict(0) => write!(out, "[ immediate reg 0 drop ]"),
                            Expr::Verdict(code) => write!(out, "[ immediate reg 0 verdict {code} ]"),
                        };
                    }
                    out.push('\n');
                }
                out.push_str("\t}\n");
            }
            out.push_str("}\n");
        }
        out
    }

    /// One `sendmsg`; the answers, one a `recvmsg`, in their order.
    pub fn send(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        self.datagrams += 1;
        let mut replies = self.handle(bytes);
        while let Some(fault) = self.take_fault(|fault| {
            matches!(fault, Fault::NoReply | Fault::Overrun { .. } | Fault::Reorder | Fault::LoseReply { .. })
        }) {
            match fault {
                Fault::NoReply => replies.clear(),
                // A dump's end is its last message on every kernel.
                Fault::Reorder if !replies.iter().any(|reply| u16_at(reply, 4) == 3) => replies.reverse(),
                Fault::Overrun { keep } => {
                    self.overrun = true;
                    replies.truncate(keep);
                }
                Fault::LoseReply { message } if message < replies.len() => {
                    replies.remove(message);
                }
                _ => {}
            }
        }
        replies
    }

    fn take_fault(&mut self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.faults.iter().position(fits)?;
        self.faults.remove(at)
    }

    fn handle(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let Some(first) = cut(bytes, 0) else { return Vec::new() };
        if self.take_fault(|fault| *fault == Fault::Permission).is_some() {
            return vec![self.answer(&first, Err(Fail(EPERM, None)))];
        }
        if first.kind == BATCH_BEGIN { self.batch(bytes, &first) } else { self.singles(bytes) }
    }

    fn batch(&mut self, bytes: &[u8], begin: &Msg<'_>) -> Vec<Vec<u8>> {
        if begin.bytes.len() < 20 || u16::from_be_bytes([begin.bytes[18], begin.bytes[19]]) != SUBSYS {
            return vec![self.answer(begin, Err(Fail(EOPNOTSUPP, None)))];
        }
        let genid = match tlvs(&begin.bytes[20..], 20).and_then(|list| number(&list, 1)) {
            Ok(genid) => genid,
            Err(fail) => return vec![self.answer(begin, Err(fail))],
        };
        if genid.is_some_and(|id| id != 0 && id != self.generation) {
            return vec![self.answer(begin, Err(Fail(ERESTART, None)))];
        }
        let mut replies = Vec::new();
        let (mut failed, mut ended, mut count) = (false, false, 0);
        let mut at = align(begin.bytes.len());
        while at + 16 <= bytes.len() {
            let msg = cut(bytes, at).filter(|msg| msg.bytes.len() >= 20 && msg.kind != BATCH_BEGIN);
            let Some(msg) = msg else {
                replies.clear(); // the kernel forgets the answers too
                failed = true;
                break;
            };
            if msg.kind == BATCH_END {
                ended = true;
                break;
            }
            let this = count;
            count += 1;
            let fault = self.take_fault(|fault| matches!(fault, Fault::Errno { message, .. } if *message == this));
            let result = match fault {
                Some(Fault::Errno { errno, .. }) => Err(Fail(errno, None)),
                _ => self.change(&msg),
            };
            failed |= result.is_err();
            if result.is_err() || msg.flags & F_ACK != 0 {
                replies.push(self.answer(&msg, result));
            }
            at += align(msg.bytes.len());
        }
        let mut commit = ended && !failed;
        if commit && let Some(Fault::Commit(errno)) = self.take_fault(|fault| matches!(fault, Fault::Commit(_))) {
            commit = false;
            replies.insert(0, self.answer(begin, Err(Fail(errno, None))));
        }
        if commit {
            if !self.undo.is_empty() || count > 0 {
                self.generation += 1;
            }
            self.commits += 1;
            self.undo.clear();
        } else {
            self.roll_back();
        }
        replies
    }

    fn singles(&mut self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let mut replies = Vec::new();
        let mut at = 0;
        while let Some(msg) = cut(bytes, at) {
            at += align(msg.bytes.len());
            let mut result = Ok(());
            let mut dumps = false;
            if msg.flags & F_REQUEST != 0 && msg.kind >= 0x10 {
                match self.get(&msg, &mut replies) {
                    Ok(dump) => dumps = dump,
                    Err(fail) => result = Err(fail),
                }
            }
            if result.is_err() || (msg.flags & F_ACK != 0 && !dumps) {
                replies.push(self.answer(&msg, result));
            }
        }
        replies
    }

    /// GETGEN, GETTABLE, GETSET and the dump of GETSETELEM; whether it was a dump.
    fn get(&self, msg: &Msg<'_>, replies: &mut Vec<Vec<u8>>) -> Result<bool, Fail> {
        if msg.bytes.len() < 20 || msg.kind >> 8 != SUBSYS {
            return Err(EINVAL.into());
        }
        let list = tlvs(&msg.bytes[20..], 20)?;
        match msg.kind & 0xff {
            16 => {
                let mut body = generic(0, self.generation);
                put(&mut body, 1, &self.generation.to_be_bytes());
                replies.push(message(SUBSYS << 8 | 15, 0, msg.seq, &body));
                Ok(false)
            }
            1 => {
                let table = need(&list, 1)?;
                self.tables.get(&(msg.bytes[16], text(table))).ok_or(Fail(ENOENT, Some(table.offset)))?;
                let mut body = generic(msg.bytes[16], self.generation);
                put(&mut body, 1, table.value);
                put(&mut body, 2, &0u32.to_be_bytes());
                replies.push(message(SUBSYS << 8, 0, msg.seq, &body));
                Ok(false)
            }
            10 => {
                let table = need(&list, 1)?;
                let found = self.tables.get(&(msg.bytes[16], text(table))).ok_or(Fail(ENOENT, Some(table.offset)))?;
                let name = need(&list, 2)?;
                let set = found.sets.get(&text(name)).ok_or(Fail(ENOENT, Some(name.offset)))?;
                let mut body = generic(msg.bytes[16], self.generation);
                put(&mut body, 1, table.value);
                put(&mut body, 2, name.value);
                for (kind, value) in [(3, set.flags), (4, set.key_type), (5, set.key_len)] {
                    put(&mut body, kind, &value.to_be_bytes());
                }
                replies.push(message(SUBSYS << 8 | 9, 0, msg.seq, &body));
                Ok(false)
            }
            13 if msg.flags & F_DUMP == F_DUMP => {
                let table = need(&list, 1)?;
                let found = self.tables.get(&(msg.bytes[16], text(table))).ok_or(Fail(ENOENT, Some(table.offset)))?;
                let set = need(&list, 2)?;
                let found = found.sets.get(&text(set)).ok_or(Fail(ENOENT, Some(set.offset)))?;
                let live: Vec<_> = found.elems.iter().filter(|(_, elem)| !elem.expired(self.now)).collect();
                for part in live.chunks(70) {
                    let mut body = generic(msg.bytes[16], self.generation);
                    put(&mut body, 1, table.value);
                    put(&mut body, 2, set.value);
                    let mut elems = Vec::new();
                    for (key, elem) in part {
                        let (mut data, mut inner) = (Vec::new(), Vec::new());
                        put(&mut data, 1, &key[..found.key_len as usize]);
                        put(&mut inner, 1, &data);
                        if found.flags & SET_INTERVAL != 0 && key.ends_with(&[0]) {
                            put(&mut inner, 3, &1u32.to_be_bytes());
                        }
                        if let Some(end) = elem.expires {
                            put(&mut inner, 4, &elem.timeout.to_be_bytes());
                            put(&mut inner, 5, &(end - self.now).to_be_bytes());
                        }
                        put(&mut elems, 1, &inner);
                    }
                    put(&mut body, 3, &elems);
                    replies.push(message(SUBSYS << 8 | 12, F_MULTI, msg.seq, &body));
                }
                replies.push(message(3, F_MULTI, msg.seq, &0i32.to_ne_bytes()));
                Ok(true)
            }
            _ => Err(EINVAL.into()),
        }
    }

    /// `struct nlmsgerr` for a message.
    fn answer(&self, msg: &Msg<'_>, result: Result<(), Fail>) -> Vec<u8> {
        let (errno, offset) = match result {
            Ok(()) => (0, None),
            Err(Fail(errno, offset)) => (errno, offset),
        };
        let mut body = (-errno).to_ne_bytes().to_vec();
        let mut flags = 0;
        if errno != 0 && !self.cap_ack {
            body.extend_from_slice(msg.bytes);
            body.resize(align(body.len()), 0);
        } else {
            flags |= F_CAPPED;
            body.extend_from_slice(&msg.bytes[..16]);
        }
        if let Some(offset) = offset.filter(|_| self.ext_ack) {
            flags |= F_ACK_TLVS;
            put(&mut body, 2, &u32::try_from(offset).unwrap().to_ne_bytes());
        }
        message(2, flags, msg.seq, &body)
    }

    fn roll_back(&mut self) {
        if let Some(first) = self.undo.iter().position(|undo| matches!(undo, Undo::Whole(_))) {
            self.undo.truncate(first + 1);
        }
        while let Some(undo) = self.undo.pop() {
            match undo {
                Undo::Whole(tables) => self.tables = *tables,
                Undo::Elem { table, set, key, before } => {
                    let elems = &mut self.tables.get_mut(&table).unwrap().sets.get_mut(&set).unwrap().elems;
                    match before {
                        Some(elem) => elems.insert(key, elem),
                        None => elems.remove(&key),
                    };
                }
            }
        }
    }

    /// A message inside a batch.
    fn change(&mut self, msg: &Msg<'_>) -> Result<(), Fail> {
        if msg.flags & F_REQUEST == 0 || msg.kind < 0x10 || msg.kind >> 8 != SUBSYS {
            return Err(EINVAL.into());
        }
        let family = msg.bytes[16];
        let list = tlvs(&msg.bytes[20..], 20)?;
        if matches!(msg.kind & 0xff, 12 | 14) {
            return self.elems(msg, family, &list);
        }
        // The first copy of a batch undoes all that follows it, too.
        if !self.undo.iter().any(|undo| matches!(undo, Undo::Whole(_))) {
            self.undo.push(Undo::Whole(Box::new(self.tables.clone())));
        }
        let name = need(&list, 1)?;
        let key = (family, text(name));
        if msg.kind & 0xff == 0 {
            if self.tables.contains_key(&key) {
                return exists(msg.flags);
            }
            self.tables.insert(key, Table::default());
            return Ok(());
        }
        if msg.kind & 0xff == 2 {
            return self.tables.remove(&key).map(|_| ()).ok_or(Fail(ENOENT, Some(name.offset)));
        }
        let now = self.now;
        let table = self.tables.get_mut(&key).ok_or(Fail(ENOENT, Some(name.offset)))?;
        match msg.kind & 0xff {
            3 => new_chain(table, msg, &list),
            6 => new_rule(table, msg, &list),
            5 => {
                let name = need(&list, 3)?;
                let chain = table.chains.get(&text(name)).ok_or(Fail(ENOENT, Some(name.offset)))?;
                if chain.hook.is_none() && !chain.rules.is_empty() {
                    return Err(EOPNOTSUPP.into()); // may be jumped to: not modelled
                }
                table.chains.remove(&text(name));
                Ok(())
            }
            8 => {
                let name = need(&list, 2)?;
                if find(&list, 3).is_some() {
                    return Err(EOPNOTSUPP.into()); // by handle: not modelled
                }
                table.chains.get_mut(&text(name)).ok_or(Fail(ENOENT, Some(name.offset)))?.rules.clear();
                Ok(())
            }
            9 => new_set(table, msg, &list, now),
            11 => {
                let name = need(&list, 2)?;
                table.sets.get(&text(name)).ok_or(Fail(ENOENT, Some(name.offset)))?;
                let used = |rule: &Vec<Expr>| rule.contains(&Expr::Lookup(text(name)));
                if table.chains.values().flat_map(|chain| &chain.rules).any(used) {
                    return Err(Fail(EBUSY, Some(name.offset)));
                }
                table.sets.remove(&text(name));
                Ok(())
            }
            _ => Err(EOPNOTSUPP.into()),
        }
    }

    fn elems(&mut self, msg: &Msg<'_>, family: u8, list: &[Tlv<'_>]) -> Result<(), Fail> {
        let (adds, now, keeps) = (msg.kind & 0xff == 12, self.now, self.keeps_timeouts);
        let name = need(list, 1)?;
        let table_key = (family, text(name));
        let table = self.tables.get_mut(&table_key).ok_or(Fail(ENOENT, Some(name.offset)))?;
        let set_name = need(list, 2)?;
        let set = table.sets.get_mut(&text(set_name)).ok_or(Fail(ENOENT, Some(set_name.offset)))?;
        if !adds && find(list, 3).is_none() {
            for (key, before) in std::mem::take(&mut set.elems) {
                self.undo.push(Undo::Elem { table: table_key.clone(), set: text(set_name), key, before: Some(before) });
            }
            return Ok(());
        }
        for entry in inside(need(list, 3)?)? {
            let attrs = inside(entry)?;
            let mut key = need(&inside(need(&attrs, 1)?)?, 1)?.value.to_vec();
            if key.len() != set.key_len as usize {
                return Err(EINVAL.into());
            }
            let ends = number(&attrs, 3)?.unwrap_or(0) & 1 != 0;
            if set.flags & SET_INTERVAL != 0 {
                key.push(u8::from(!ends));
            } else if ends {
                return Err(EINVAL.into());
            }
            if ends && find(&attrs, 4).is_some() {
                return Err(EINVAL.into());
            }
            let before = set.elems.get(&key).cloned();
            let live = before.clone().filter(|elem| !elem.expired(now));
            let after = if adds {
                let timeout = find(&attrs, 4).map(be64).transpose()?;
                let left = find(&attrs, 5).map(be64).transpose()?;
                if timeout.is_some() && set.flags & SET_TIMEOUT == 0 {
                    return Err(EINVAL.into());
                }
                if timeout.into_iter().chain(left).any(|ms| ms >= u64::MAX / 1_000_000) {
                    return Err(ERANGE.into());
                }
                let timeout = timeout.unwrap_or(set.timeout);
                if left.is_some_and(|left| left > timeout) {
                    return Err(ERANGE.into());
                }
                let expires = (timeout != 0).then(|| now + left.unwrap_or(timeout));
                match live {
                    Some(_) if msg.flags & F_EXCL != 0 => return Err(Fail(EEXIST, Some(entry.offset))),
                    Some(old) if keeps || (old.timeout == timeout && left.is_none()) => old,
                    Some(_) => Elem { timeout, expires },
                    None => {
                        if before.is_none() && set.size.is_some_and(|size| set.elems.len() >= size as usize) {
                            return Err(Fail(ENFILE, Some(entry.offset)));
                        }
                        Elem { timeout, expires }
                    }
                }
            } else {
                live.ok_or(Fail(ENOENT, Some(entry.offset)))?;
                set.elems.remove(&key);
                self.undo.push(Undo::Elem { table: table_key.clone(), set: text(set_name), key, before });
                continue;
            };
            set.elems.insert(key.clone(), after);
            self.undo.push(Undo::Elem { table: table_key.clone(), set: text(set_name), key, before });
        }
        if adds && !set.is_disjoint(now) {
            return Err(Fail(EEXIST, Some(set_name.offset)));
        }
        Ok(())
    }
}

/// What NEW does about something that is there already and fits.
fn exists(flags: u16) -> Result<(), Fail> {
    if flags & F_EXCL != 0 {
        Err(EEXIST.into())
    } else if flags & F_REPLACE != 0 {
        Err(EOPNOTSUPP.into())
    } else {
        Ok(())
    }
}

fn new_set(table: &mut Table, msg: &Msg<'_>, list: &[Tlv<'_>], now: u64) -> Result<(), Fail> {
    let name = need(list, 2)?;
    need(list, 10)?;
    let key_len = number(list, 5)?.ok_or(EINVAL)?;
    if key_len == 0 || key_len > 64 {
        return Err(EINVAL.into());
    }
    let flags = number(list, 3)?.unwrap_or(0);
    let key_type = number(list, 4)?.unwrap_or(0);
    let counter = match find(list, 17) {
        Some(expr) if text(need(&inside(expr)?, 1)?) == "counter" => true,
        Some(_) => return Err(EOPNOTSUPP.into()),
        None => false,
    };
    let timeout = find(list, 11).map(be64).transpose()?.unwrap_or(0);
    let gc_interval = u64::from(number(list, 12)?.unwrap_or(1000));
    let size = match find(list, 9) {
        Some(desc) => number(&inside(desc)?, 1)?,
        None => None,
    };
    if let Some(set) = table.sets.get_mut(&text(name)) {
        exists(msg.flags)?;
        if (set.key_len, set.flags, set.key_type, set.counter) != (key_len, flags, key_type, counter) {
            return Err(Fail(EEXIST, Some(name.offset)));
        }
        // Since Linux 6.5 or so; before, it changed nothing.
        set.size = size.or(set.size);
        if find(list, 12).is_some() {
            set.gc_interval = gc_interval;
        }
        return Ok(());
    }
    if msg.flags & F_CREATE == 0 {
        return Err(ENOENT.into());
    }
    let elems = BTreeMap::new();
    table.sets.insert(
        text(name),
        Set { key_type, key_len, flags, timeout, size, gc_interval, counter, next_gc: now + gc_interval, elems },
    );
    Ok(())
}

fn new_chain(table: &mut Table, msg: &Msg<'_>, list: &[Tlv<'_>]) -> Result<(), Fail> {
    let name = need(list, 3)?;
    let hook = match find(list, 4) {
        Some(hook) => {
            let hook = inside(hook)?;
            let number = number(&hook, 1)?.ok_or(ENOENT)?;
            Some((number, be32(find(&hook, 2).ok_or(Fail(ENOENT, None))?)?.cast_signed()))
        }
        None => None,
    };
    let policy = number(list, 5)?.unwrap_or(1);
    if policy > 1 || (hook.is_none() && find(list, 5).is_some()) {
        return Err(EINVAL.into());
    }
    let kind = find(list, 7).map_or_else(|| "filter".to_owned(), text);
    if kind != "filter" {
        return Err(ENOENT.into());
    }
    let mut devices = Vec::new();
    if let Some(list) = find(list, 4).map(inside).transpose()?.and_then(|hook| find(&hook, 4)) {
        devices = inside(list)?.into_iter().map(text).collect();
    }
    if hook.is_some_and(|(number, _)| number > 5 || (number == 5) == devices.is_empty()) {
        return Err(EOPNOTSUPP.into());
    }
    if let Some(chain) = table.chains.get_mut(&text(name)) {
        exists(msg.flags)?;
        if hook.is_some() && (chain.hook != hook || chain.devices != devices) {
            return Err(EOPNOTSUPP.into()); // EEXIST on older kernels
        }
        chain.policy = policy;
        return Ok(());
    }
    table.chains.insert(text(name), Chain { hook, kind, devices, policy, rules: Vec::new() });
    Ok(())
}

fn new_rule(table: &mut Table, msg: &Msg<'_>, list: &[Tlv<'_>]) -> Result<(), Fail> {
    let name = need(list, 2)?;
    if !table.chains.contains_key(&text(name)) {
        return Err(Fail(ENOENT, Some(name.offset)));
    }
    if msg.flags & F_CREATE == 0 {
        return Err(EINVAL.into());
    }
    let mut rule = Vec::new();
    for entry in find(list, 4).map(inside).transpose()?.unwrap_or_default() {
        if entry.kind != 1 {
            return Err(EINVAL.into());
        }
        let entry = inside(entry)?;
        let data = find(&entry, 2).map(inside).transpose()?.unwrap_or_default();
        let get = |kind| number(&data, kind)?.ok_or(Fail(EINVAL, None));
        let reg = |kind| get(kind).and_then(|reg| if reg == 1 { Ok(()) } else { Err(Fail(ERANGE, None)) });
        rule.push(match text(need(&entry, 1)?).as_str() {
            "meta" => {
                reg(1)?;
                if get(2)? != 15 {
                    return Err(EOPNOTSUPP.into());
                }
                Expr::LoadProtocol
            }
            "cmp" => {
                reg(1)?;
                if get(2)? != 0 {
                    return Err(EINVAL.into());
                }
                Expr::Compare(need(&inside(need(&data, 3)?)?, 1)?.value.to_vec())
            }
            "payload" => {
                reg(1)?;
                let (base, offset, len) = (get(2)?, get(3)?, get(4)?);
                if base != 1 || len == 0 || len > 16 {
                    return Err(EOPNOTSUPP.into());
                }
                Expr::Payload { offset: offset as usize, len: len as usize }
            }
            "bitwise" => {
                reg(1)?;
                reg(2)?;
                let data = |kind| Ok::<_, Fail>(need(&inside(need(&data, kind)?)?, 1)?.value.to_vec());
                let (len, mask, xor) = (get(3)? as usize, data(4)?, data(5)?);
                if mask.len() != len || xor != vec![0; len] {
                    return Err(EINVAL.into());
                }
                Expr::Mask(mask)
            }
            "reject" => {
                if get(1)? != 2 {
                    return Err(EOPNOTSUPP.into());
                }
                Expr::Reject
            }
            "lookup" => {
                let set = text(need(&data, 1)?);
                if !table.sets.contains_key(&set) {
                    return Err(ENOENT.into());
                }
                reg(2)?;
                Expr::Lookup(set)
            }
            "immediate" => {
                if get(1)? != 0 {
                    return Err(EOPNOTSUPP.into());
                }
                let verdict = inside(need(&inside(need(&data, 2)?)?, 2)?)?;
                Expr::Verdict(number(&verdict, 1)?.ok_or(EINVAL)?)
            }
            _ => return Err(ENOENT.into()),
        });
    }
    table.chains.get_mut(&text(name)).unwrap().rules.push(rule);
    Ok(())
}

/// The message at an offset, if its length is possible.
fn cut(bytes: &[u8], at: usize) -> Option<Msg<'_>> {
    let rest = bytes.get(at..).filter(|rest| rest.len() >= 16)?;
    let len = u32_at(rest, 0) as usize;
    let bytes = rest.get(..len).filter(|_| len >= 16)?;
    Some(Msg { bytes, kind: u16_at(rest, 4), flags: u16_at(rest, 6), seq: u32_at(rest, 8) })
}

fn generic(family: u8, generation: u32) -> Vec<u8> {
    let low = generation.to_be_bytes();
    vec![family, 0, low[2], low[3]]
}

fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(align(out.len()), 0);
}

/// The port id that the answers carry.
const PORT: u32 = 4711;

fn message(kind: u16, flags: u16, seq: u32, body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&seq.to_ne_bytes());
    out.extend_from_slice(&PORT.to_ne_bytes());
    out.extend_from_slice(body);
    out
}
