//! A small ipset that reads and answers netlink bytes like the kernel, without any of edgeban's own encoders.
//!
//! It holds `hash:ip` and `hash:net` sets under a clock that the test sets, and does as `net/netfilter/ipset/ip_set_core.c`
//! does: each message is applied and answered by itself; of many elements the first that is refused ends the message, those
//! before it stay, and the answer repeats the request with the element's line in it; a missing permission is answered once
//! a datagram. `tests/ipset_kernel.rs` sends the same bytes to the real kernel and compares.
//!
//! Not modelled: dumps, renaming and swapping, other types and extensions, and that expired elements count towards
//! `maxelem` until they are collected.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const EEXIST: i32 = 17;
const PROTOCOL: i32 = 4097;
const FIND_TYPE: i32 = 4098;
const BUSY: i32 = 4100;
const EXIST: i32 = 4103;
const TIMEOUT: i32 = 4107;
const HASH_FULL: i32 = 4352;
const HASH_ELEM: i32 = 4353;

const F_ACK: u16 = 4;
const F_EXCL: u16 = 0x200;
const F_CAPPED: u16 = 0x100;
const NESTED: u16 = 0x8000;
const NET_BYTEORDER: u16 = 0x4000;

/// Longest timeout in seconds.
const MAX_TIMEOUT: u32 = 2_147_483;

/// Something that goes wrong with the next datagram that it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The `element`-th element (from 0) of an ADD or DEL is refused with this positive number, and the answer names it.
    Element {
        /// Which.
        element: usize,
        /// The positive error number.
        errno: i32,
    },
    /// As [`Fault::Element`], but the answer does not say which (the kernel had no memory for it).
    Nameless {
        /// Which.
        element: usize,
        /// The positive error number.
        errno: i32,
    },
    /// The next message is refused with this positive number before anything is done.
    Message(i32),
    /// The next datagram is refused with EPERM.
    Permission,
    /// The next datagram is handled, but nothing of its answer arrives: no answer and no error.
    NoReply,
    /// The next datagram is handled, its answer is lost, and the socket reports ENOBUFS
    /// ([`FakeIpset::take_overrun`]).
    Overrun,
}

/// A set.
#[derive(Clone, Debug)]
struct Set {
    kind: String,
    family: u8,
    revision: u8,
    maxelem: u32,
    timeout: Option<u32>,
    references: u32,
    /// Address and prefix length, and when it ends in ms of the fake clock.
    elems: BTreeMap<(Vec<u8>, u8), Option<u64>>,
}

/// The fake kernel with one socket open to it.
pub struct FakeIpset {
    sets: BTreeMap<String, Set>,
    now: u64,
    faults: VecDeque<Fault>,
    overrun: bool,
    /// The versions of the protocol it speaks, newest and oldest.
    pub protocol: (u8, u8),
    /// The socket option `NETLINK_CAP_ACK`.
    pub cap_ack: bool,
    /// How many datagrams were sent.
    pub datagrams: usize,
}

#[derive(Clone, Copy)]
struct Tlv<'a> {
    kind: u16,
    flags: u16,
    value: &'a [u8],
}

struct Refusal {
    errno: i32,
    line: Option<[u8; 4]>,
}

impl From<i32> for Refusal {
    fn from(errno: i32) -> Self {
        Self { errno, line: None }
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes(bytes[at..at + 2].try_into().unwrap())
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(bytes[at..at + 4].try_into().unwrap())
}

fn tlvs(value: &[u8]) -> Result<Vec<Tlv<'_>>, i32> {
    let mut out = Vec::new();
    let mut at = 0;
    while value.len() - at >= 4 {
        let (len, kind) = (usize::from(u16_at(value, at)), u16_at(value, at + 2));
        if len < 4 || len > value.len() - at {
            return Err(PROTOCOL);
        }
        out.push(Tlv { kind: kind & 0x3fff, flags: kind & 0xc000, value: &value[at + 4..at + len] });
        at = (at + len.div_ceil(4) * 4).min(value.len());
    }
    Ok(out)
}

/// The last attribute of a type, as the kernel takes it.
fn find<'a>(list: &[Tlv<'a>], kind: u16) -> Option<Tlv<'a>> {
    list.iter().rev().find(|tlv| tlv.kind == kind).copied()
}

fn text(list: &[Tlv<'_>], kind: u16) -> Result<String, i32> {
    let value = find(list, kind).ok_or(PROTOCOL)?.value;
    if value.len() > 32 {
        return Err(34);
    }
    Ok(String::from_utf8_lossy(value.split(|&b| b == 0).next().unwrap()).into_owned())
}

fn byte(list: &[Tlv<'_>], kind: u16) -> Result<u8, i32> {
    find(list, kind).ok_or(PROTOCOL)?.value.first().copied().ok_or(PROTOCOL)
}

fn net32(list: &[Tlv<'_>], kind: u16) -> Result<Option<u32>, i32> {
    let Some(tlv) = find(list, kind) else { return Ok(None) };
    if tlv.flags & NET_BYTEORDER == 0 {
        return Err(PROTOCOL);
    }
    Ok(Some(u32::from_be_bytes(tlv.value.try_into().map_err(|_| PROTOCOL)?)))
}

fn nest<'a>(list: &[Tlv<'a>], kind: u16) -> Result<Option<Vec<Tlv<'a>>>, i32> {
    match find(list, kind) {
        None => Ok(None),
        Some(tlv) if tlv.flags & NESTED == 0 => Err(PROTOCOL),
        Some(tlv) => tlvs(tlv.value).map(Some),
    }
}

fn put(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&u16::try_from(value.len() + 4).unwrap().to_ne_bytes());
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().div_ceil(4) * 4, 0);
}

fn message(kind: u16, flags: u16, seq: u32, body: &[u8]) -> Vec<u8> {
    let mut out = u32::try_from(16 + body.len()).unwrap().to_ne_bytes().to_vec();
    out.extend_from_slice(&kind.to_ne_bytes());
    out.extend_from_slice(&flags.to_ne_bytes());
    out.extend_from_slice(&seq.to_ne_bytes());
    out.extend_from_slice(&4711u32.to_ne_bytes());
    out.extend_from_slice(body);
    out
}

fn live(end: Option<u64>, now: u64) -> bool {
    end.is_none_or(|end| end > now)
}

impl Default for FakeIpset {
    fn default() -> Self {
        Self::new()
    }
}

impl FakeIpset {
    /// No sets, the clock at 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            sets: BTreeMap::new(),
            now: 0,
            faults: VecDeque::new(),
            overrun: false,
            protocol: (7, 6),
            cap_ack: true,
            datagrams: 0,
        }
    }

    /// Lets something go wrong. Faults wait in line; each is used up by the first datagram that it fits.
    pub fn inject(&mut self, fault: Fault) {
        self.faults.push_back(fault);
    }

    /// Sets the clock, in ms.
    pub fn set_now(&mut self, ms: u64) {
        self.now = ms;
    }

    /// Whether the socket has to report ENOBUFS; asking clears it.
    pub fn take_overrun(&mut self) -> bool {
        std::mem::take(&mut self.overrun)
    }

    /// As `ipset destroy NAME` by somebody else, who took out the rule before.
    pub fn destroy(&mut self, name: &str) {
        self.sets.remove(name);
    }

    /// A rule begins to use a set.
    pub fn refer(&mut self, name: &str) {
        self.sets.get_mut(name).unwrap().references += 1;
    }

    /// The elements of a set that are in force, and what is left of their time in ms; empty if there is no such set.
    #[must_use]
    pub fn elements(&self, name: &str) -> Vec<(IpAddr, Option<u64>)> {
        let elems = self.sets.get(name).into_iter().flat_map(|set| &set.elems);
        elems
            .filter(|(_, end)| live(**end, self.now))
            .map(|((key, _), end)| {
                let addr = match <[u8; 4]>::try_from(&key[..]) {
                    Ok(v4) => IpAddr::from(v4),
                    Err(_) => IpAddr::from(<[u8; 16]>::try_from(&key[..]).unwrap()),
                };
                (addr, end.map(|end| end - self.now))
            })
            .collect()
    }

    /// Whether some set holds the single address.
    #[must_use]
    pub fn holds(&self, addr: IpAddr) -> bool {
        let key = match addr {
            IpAddr::V4(v4) => (v4.octets().to_vec(), 32),
            IpAddr::V6(v6) => (v6.octets().to_vec(), 128),
        };
        self.sets.values().filter_map(|set| set.elems.get(&key)).any(|end| live(*end, self.now))
    }

    /// The names of all sets.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.sets.keys().cloned().collect()
    }

    /// Takes the next fault if it is one of these.
    fn fault(&mut self, fits: impl Fn(Fault) -> bool) -> Option<Fault> {
        let next = self.faults.front().copied().filter(|fault| fits(*fault))?;
        self.faults.pop_front();
        Some(next)
    }

    /// One `sendto`, and the datagrams that come back.
    pub fn send(&mut self, datagram: &[u8]) -> Vec<Vec<u8>> {
        self.datagrams += 1;
        let permission = self.fault(|fault| fault == Fault::Permission).is_some();
        let silent = self.fault(|fault| matches!(fault, Fault::NoReply | Fault::Overrun));
        let mut replies = Vec::new();
        let mut rest = datagram;
        while rest.len() >= 16 {
            let len = u32_at(rest, 0) as usize;
            if len < 16 || len > rest.len() {
                break;
            }
            let request = &rest[..len];
            rest = rest.get(len.div_ceil(4) * 4..).unwrap_or_default();
            let outcome = if permission { Err(EPERM.into()) } else { self.one(request) };
            self.answer(request, outcome, &mut replies);
            if permission {
                break;
            }
        }
        if silent.is_some() {
            replies.clear();
            self.overrun = silent == Some(Fault::Overrun);
        }
        replies
    }

    fn answer(&self, request: &[u8], outcome: Result<Option<Vec<u8>>, Refusal>, replies: &mut Vec<Vec<u8>>) {
        let (kind, flags, seq) = (u16_at(request, 4), u16_at(request, 6), u32_at(request, 8));
        let errno = match &outcome {
            Ok(data) => {
                replies.extend(data.as_ref().map(|data| message(kind, 0, seq, data)));
                if flags & F_ACK == 0 {
                    return;
                }
                0
            }
            Err(refusal) => refusal.errno,
        };
        let mut body = (-errno).to_ne_bytes().to_vec();
        let flags = match outcome {
            Err(Refusal { line: Some(line), .. }) => {
                let mut request = request.to_vec();
                let mut at = 20;
                while u16_at(&request, at + 2) & 0x3fff != 9 {
                    at += usize::from(u16_at(&request, at)).div_ceil(4) * 4;
                }
                request[at + 4..at + 8].copy_from_slice(&line);
                body.extend(request);
                0
            }
            _ if errno == 0 || self.cap_ack => {
                body.extend(&request[..16]);
                F_CAPPED
            }
            _ => {
                body.extend(request);
                0
            }
        };
        replies.push(message(2, flags, seq, &body));
    }

    /// Handles one message; gives what it answers besides an ack.
    fn one(&mut self, request: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
        if u16_at(request, 4) >> 8 != 6 || request.len() < 20 {
            return Err(22.into());
        }
        if let Some(Fault::Message(errno)) = self.fault(|fault| matches!(fault, Fault::Message(_))) {
            return Err(errno.into());
        }
        let (command, exist) = (u16_at(request, 4) & 0xff, u16_at(request, 6) & F_EXCL == 0);
        let list = tlvs(&request[20..])?;
        let version = byte(&list, 1)?;
        let mut data = vec![2, 0, 0, 0];
        if command == 1 {
            put(&mut data, 1, &[self.protocol.0]);
            put(&mut data, 10, &[self.protocol.1]);
            return Ok(Some(data));
        }
        if version < self.protocol.1 || version > self.protocol.0 {
            return Err(PROTOCOL.into());
        }
        if command == 13 {
            let kind = text(&list, 3)?;
            let max = match kind.as_str() {
                "hash:ip" => 6,
                "hash:net" => 7,
                _ => return Err(FIND_TYPE.into()),
            };
            put(&mut data, 1, &[version]);
            put(&mut data, 3, format!("{kind}\0").as_bytes());
            put(&mut data, 5, &[byte(&list, 5)?]);
            put(&mut data, 4, &[max]);
            put(&mut data, 10, &[0]);
            return Ok(Some(data));
        }
        let name = text(&list, 2)?;
        match command {
            2 => self.create(name, &list, exist).map(|()| None),
            9 | 10 => self.change(&name, command == 9, &list, exist).map(|()| None),
            3 if exist && !self.sets.contains_key(&name) => Ok(None),
            3 | 4 | 12 => {
                let set = self.sets.get_mut(&name).ok_or(ENOENT)?;
                match command {
                    3 if set.references > 0 => return Err(BUSY.into()),
                    3 => drop(self.sets.remove(&name)),
                    4 => set.elems.clear(),
                    _ => {
                        put(&mut data, 1, &[version]);
                        put(&mut data, 2, format!("{name}\0").as_bytes());
                        put(&mut data, 3, format!("{}\0", set.kind).as_bytes());
                        put(&mut data, 5, &[set.family]);
                        put(&mut data, 4, &[set.revision]);
                        return Ok(Some(data));
                    }
                }
                Ok(None)
            }
            _ => Err(22.into()),
        }
    }

    fn create(&mut self, name: String, list: &[Tlv<'_>], exist: bool) -> Result<(), Refusal> {
        let data = nest(list, 7)?.unwrap_or_default();
        let set = Set {
            kind: text(list, 3)?,
            family: byte(list, 5)?,
            revision: byte(list, 4)?,
            maxelem: net32(&data, 19)?.unwrap_or(65_536),
            timeout: net32(&data, 6)?,
            references: 0,
            elems: BTreeMap::new(),
        };
        net32(&data, 18)?;
        if !matches!(set.kind.as_str(), "hash:ip" | "hash:net") || set.revision > 7 {
            return Err(FIND_TYPE.into());
        }
        match self.sets.get(&name) {
            // As the kernel, which does not look at the family.
            Some(old) => {
                let same = old.kind == set.kind && old.maxelem == set.maxelem && old.timeout == set.timeout;
                if exist && same { Ok(()) } else { Err(EEXIST.into()) }
            }
            None => {
                self.sets.insert(name, set);
                Ok(())
            }
        }
    }

    fn change(&mut self, name: &str, add: bool, list: &[Tlv<'_>], exist: bool) -> Result<(), Refusal> {
        let line = find(list, 9);
        let entries = match (nest(list, 7)?, nest(list, 8)?) {
            (Some(data), None) => vec![data],
            (None, Some(entries)) if line.is_some() => {
                entries.iter().map(|entry| nest(&[*entry], 7)?.ok_or(PROTOCOL)).collect::<Result<_, i32>>()?
            }
            _ => return Err(PROTOCOL.into()),
        };
        if !self.sets.contains_key(name) {
            return Err(ENOENT.into());
        }
        let many = entries.len();
        let fault = self.fault(|fault| match fault {
            Fault::Element { element, .. } | Fault::Nameless { element, .. } => element < many,
            _ => false,
        });
        let (now, set) = (self.now, self.sets.get_mut(name).unwrap());
        for (n, entry) in entries.iter().enumerate() {
            let mut nameless = false;
            let result = match fault {
                Some(Fault::Element { element, errno }) if element == n => Err(errno),
                Some(Fault::Nameless { element, errno }) if element == n => {
                    nameless = true;
                    Err(errno)
                }
                _ => set.element(add, entry, now),
            };
            if let Err(errno) = result
                && !(errno == EXIST && exist)
            {
                let own = find(entry, 9).and_then(|own| <[u8; 4]>::try_from(own.value).ok());
                let own = own.filter(|own| line.is_some() && *own != [0; 4] && !nameless);
                return Err(Refusal { errno, line: own });
            }
        }
        Ok(())
    }
}

impl Set {
    fn element(&mut self, add: bool, entry: &[Tlv<'_>], now: u64) -> Result<(), i32> {
        let (kind, len, full) = if self.family == 2 { (1, 4, 32) } else { (2, 16, 128) };
        let ip = nest(entry, 1)?.ok_or(PROTOCOL)?;
        let ip = find(&ip, kind).filter(|ip| ip.value.len() == len && ip.flags & NET_BYTEORDER != 0).ok_or(PROTOCOL)?;
        let cidr = find(entry, 3).and_then(|cidr| cidr.value.first().copied()).unwrap_or(full);
        if ip.value.iter().all(|&byte| byte == 0) {
            return Err(HASH_ELEM);
        }
        let key = (ip.value.to_vec(), cidr);
        self.elems.retain(|_, end| live(*end, now));
        if !add {
            return self.elems.remove(&key).map(drop).ok_or(EXIST);
        }
        let timeout = match (net32(entry, 6)?, self.timeout) {
            (Some(_), None) => return Err(TIMEOUT),
            (own, default) => own.or(default).unwrap_or(0).min(MAX_TIMEOUT),
        };
        let end = (timeout != 0).then(|| now + u64::from(timeout) * 1000);
        let there = self.elems.contains_key(&key);
        if !there && self.elems.len() >= self.maxelem as usize {
            return Err(HASH_FULL);
        }
        // As with -exist, which is all that edgeban asks for.
        self.elems.insert(key, end);
        if there { Err(EXIST) } else { Ok(()) }
    }
}
