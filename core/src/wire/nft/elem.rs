//! Elements of a set: adding, deleting and listing them.
//!
//! The message is one list: `TABLE`, `SET`, `ELEMENTS` with one nest an element, which holds the timeout and the key.
//! An element with a timeout takes 28 bytes (IPv4) or 40 (IPv6), and the list's length is a `u16`: at most
//! [`MAX_V4`] or [`MAX_V6`] elements a message.

use crate::addr::{Addr, Family, Prefix};
use crate::time::Duration;
use crate::wire::buf::{Attrs, Full, Malformed, Writer, str_len};
use crate::wire::list::OpenList;
use crate::wire::nfnl::{Generic, nft_kind, request};
use crate::wire::nl::{Header, Tag};
use crate::wire::uapi::netlink::{NLA_HDRLEN, NLM_F_CREATE, NLM_F_DUMP, NLM_F_REQUEST, NLMSG_HDRLEN};
use crate::wire::uapi::nf_tables::{
    NFT_MSG_DELSETELEM, NFT_MSG_GETSETELEM, NFT_MSG_NEWSETELEM, NFT_SET_ELEM_CATCHALL, NFT_SET_ELEM_INTERVAL_END,
    NFTA_COUNTER_BYTES, NFTA_COUNTER_PACKETS, NFTA_DATA_VALUE, NFTA_EXPR_DATA, NFTA_EXPR_NAME, NFTA_LIST_ELEM,
    NFTA_SET_ELEM_EXPIRATION, NFTA_SET_ELEM_EXPR, NFTA_SET_ELEM_FLAGS, NFTA_SET_ELEM_KEY, NFTA_SET_ELEM_LIST_ELEMENTS,
    NFTA_SET_ELEM_LIST_SET, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_TIMEOUT,
};
use crate::wire::uapi::nfnetlink::NFGEN_HDRLEN;

/// Most IPv4 elements with a timeout in one message.
pub const MAX_V4: usize = 2340;
/// Most IPv6 elements with a timeout in one message.
pub const MAX_V6: usize = 1638;

/// Bytes of an element with a timeout: three nests of 4, the timeout's 12, and the key.
#[must_use]
pub const fn element_len(family: Family) -> usize {
    match family {
        Family::V4 => 28,
        Family::V6 => 40,
    }
}

/// What an [`ElemList`] does with its elements.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// `nft add element`: an element that exists is no error, and keeps the timeout it has (before Linux 6.12 always;
    /// since then another timeout replaces it).
    New,
    /// `nft delete element`: one that does not exist is ENOENT, which drops the whole batch.
    Del,
}

/// Writes one NEWSETELEM or DELSETELEM, element by element. The message is complete after every call, so it may be left
/// at any point; one without elements is taken back by [`ElemList::finish`].
#[derive(Debug)]
pub struct ElemList<'w, 'a> {
    list: OpenList<'w, 'a>,
    change: Change,
    bits: u8,
}

impl<'w, 'a> ElemList<'w, 'a> {
    /// Opens the message about a set whose keys are the first `bits` of addresses.
    ///
    /// # Errors
    /// [`Full`] if not even its headers fit; nothing is then written.
    pub fn begin(
        w: &'w mut Writer<'a>,
        tag: Tag,
        change: Change,
        table: &str,
        set: &str,
        bits: u8,
    ) -> Result<Self, Full> {
        let (kind, flags) = match change {
            Change::New => (NFT_MSG_NEWSETELEM, NLM_F_CREATE),
            Change::Del => (NFT_MSG_DELSETELEM, 0),
        };
        let list = OpenList::begin(w, |w| {
            request(w, kind, flags, tag, &|w| {
                w.attr_str(NFTA_SET_ELEM_LIST_TABLE, table)?;
                w.attr_str(NFTA_SET_ELEM_LIST_SET, set)?;
                w.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |_| Ok(()))
            })?;
            Ok(w.len().saturating_sub(NLA_HDRLEN))
        })?;
        Ok(Self { list, change, bits })
    }

    /// Bytes of the message around the elements.
    #[must_use]
    pub const fn overhead(table: &str, set: &str) -> usize {
        NLMSG_HDRLEN + NFGEN_HDRLEN + str_len(table) + str_len(set) + 4
    }

    /// Adds an element. It must be of the set's family: a list with another is refused whole (EINVAL). `timeout` counts
    /// from the kernel's commit; `None` leaves it to the set's default, which for edgeban's sets is for ever, and so
    /// does zero. Deletions carry none.
    ///
    /// # Errors
    /// [`Full`] if the buffer or the list's `u16` length has no room; the message is then as it was, complete and valid
    /// with the elements before.
    pub fn push(&mut self, addr: Addr, timeout: Option<Duration>) -> Result<(), Full> {
        self.element(addr, timeout, false)
    }

    /// Adds a range to a set of ranges: an element where it begins, which has the timeout, and one behind its end, if there
    /// is an address behind it.
    ///
    /// # Errors
    /// As [`ElemList::push`]; the first of the two may then be there.
    pub fn push_range(&mut self, range: &Prefix, timeout: Option<Duration>) -> Result<(), Full> {
        self.element(range.base(), timeout, false)?;
        range.end().map_or(Ok(()), |end| self.element(end, None, true))
    }

    fn element(&mut self, addr: Addr, timeout: Option<Duration>, end: bool) -> Result<(), Full> {
        let key_len = usize::from(self.bits.div_ceil(8));
        let timeout = if self.change == Change::New { timeout } else { None };
        self.list.push(|w| {
            w.nest(NFTA_LIST_ELEM, |w| {
                if end {
                    w.attr_be32(NFTA_SET_ELEM_FLAGS, NFT_SET_ELEM_INTERVAL_END)?;
                }
                if let Some(timeout) = timeout {
                    w.attr_be64(NFTA_SET_ELEM_TIMEOUT, timeout.as_millis())?;
                }
                w.nest(NFTA_SET_ELEM_KEY, |w| match addr.as_v4() {
                    // What ends a range may be the first mapped address.
                    Some(v4) if self.bits <= 32 => w.attr(NFTA_DATA_VALUE, v4.get(..key_len).unwrap_or(&v4)),
                    _ => w.attr(NFTA_DATA_VALUE, addr.octets().get(..key_len).unwrap_or_default()),
                })
            })
        })
    }

    /// Elements so far.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.list.count()
    }

    /// Ends the message and says how many elements it has; with none, the message is taken back.
    #[must_use = "0 means that there is no message"]
    pub const fn finish(self) -> usize {
        self.list.finish()
    }
}

/// Deletes all elements of a set; of one that has none, too. `nft flush set inet TABLE SET`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlushSet<'a> {
    /// The table.
    pub table: &'a str,
    /// The set.
    pub set: &'a str,
}

impl FlushSet<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_DELSETELEM, 0, tag, &|w| {
            w.attr_str(NFTA_SET_ELEM_LIST_SET, self.set)?;
            w.attr_str(NFTA_SET_ELEM_LIST_TABLE, self.table)
        })
    }
}

/// Asks for all elements of a set (`nft list set inet TABLE SET`). The answers are NEWSETELEM messages, then DONE; ENOENT
/// if there is no such set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetElements<'a> {
    /// The table.
    pub table: &'a str,
    /// The set.
    pub set: &'a str,
}

impl GetElements<'_> {
    /// Bytes of the message.
    #[must_use]
    pub const fn buffer_len(&self) -> usize {
        NLMSG_HDRLEN + NFGEN_HDRLEN + str_len(self.table) + str_len(self.set)
    }

    /// Writes the message. There is no ack: DONE ends the answers.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        Header { kind: nft_kind(NFT_MSG_GETSETELEM), flags: NLM_F_REQUEST | NLM_F_DUMP, seq, pid: 0 }.emit(w, |w| {
            Generic::INET.emit(w)?;
            w.attr_str(NFTA_SET_ELEM_LIST_TABLE, self.table)?;
            w.attr_str(NFTA_SET_ELEM_LIST_SET, self.set)
        })
    }
}

/// An element as the kernel lists it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Element {
    /// The key: the first bytes of an address, `key_len` of them.
    key: [u8; 16],
    key_len: u8,
    /// `NFT_SET_ELEM_INTERVAL_END`: in a set of ranges, this is the first key behind one.
    pub interval_end: bool,
    /// `NFTA_SET_ELEM_TIMEOUT`, what it was added with; `None` is for ever.
    pub timeout: Option<Duration>,
    /// `NFTA_SET_ELEM_EXPIRATION`, what is left of it.
    pub expiration: Option<Duration>,
    /// Packets and bytes that the element stopped, if it counts.
    pub counter: Option<(u64, u64)>,
}

impl Element {
    /// The address that the key is the start of, its other bits 0; `None` if it is longer than an address of `family`,
    /// the family of the element's set. (An IPv6 set can hold `::ffff:192.0.2.1`, which [`Addr`] calls IPv4.)
    #[must_use]
    pub fn addr(&self, family: Family) -> Option<Addr> {
        let number = u128::from_be_bytes(self.key);
        match family {
            Family::V4 if self.key_len > 4 => None,
            // Its mapped form.
            Family::V4 => Some(Addr::v6((number >> 96 | 0xffff << 32).to_be_bytes())),
            Family::V6 => Some(Addr::v6(self.key)),
        }
    }

    /// Bytes of the key.
    #[must_use]
    pub const fn key_len(&self) -> u8 {
        self.key_len
    }
}

/// The elements of one NEWSETELEM or DELSETELEM message. After a [`Malformed`] it ends. An element without a key
/// (`NFT_SET_ELEM_CATCHALL`, not made by edgeban) is left out.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    /// The table's name.
    pub table: &'a [u8],
    /// The set's name.
    pub set: &'a [u8],
    list: Attrs<'a>,
}

impl<'a> Elements<'a> {
    /// Reads the attributes behind the netfilter header. A message without a list is an empty one.
    ///
    /// # Errors
    /// [`Malformed`] if table or set are missing, or the attributes are not well formed.
    pub fn parse(attrs: &'a [u8]) -> Result<Self, Malformed> {
        let (mut table, mut set, mut list) = (None, None, Attrs::new(&[]));
        for attr in Attrs::new(attrs) {
            let attr = attr?;
            match attr.kind {
                NFTA_SET_ELEM_LIST_TABLE => table = Some(attr.text()),
                NFTA_SET_ELEM_LIST_SET => set = Some(attr.text()),
                NFTA_SET_ELEM_LIST_ELEMENTS => list = attr.nested(),
                _ => {}
            }
        }
        Ok(Self { table: table.ok_or(Malformed)?, set: set.ok_or(Malformed)?, list })
    }
}

impl Iterator for Elements<'_> {
    type Item = Result<Element, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.list.next()?.and_then(|entry| element(entry.nested())) {
                Ok(Some(element)) => return Some(Ok(element)),
                Ok(None) => {}
                Err(Malformed) => {
                    self.list = Attrs::new(&[]);
                    return Some(Err(Malformed));
                }
            }
        }
    }
}

fn element(attrs: Attrs<'_>) -> Result<Option<Element>, Malformed> {
    let (mut key, mut timeout, mut expiration, mut flags, mut counter) = (None, None, None, 0, None);
    for attr in attrs {
        let attr = attr?;
        match attr.kind {
            NFTA_SET_ELEM_KEY => key = attr.nested().find(NFTA_DATA_VALUE)?,
            NFTA_SET_ELEM_TIMEOUT => timeout = Some(Duration::from_millis(attr.be64()?)),
            NFTA_SET_ELEM_EXPIRATION => expiration = Some(Duration::from_millis(attr.be64()?)),
            NFTA_SET_ELEM_FLAGS => flags = attr.be32()?,
            NFTA_SET_ELEM_EXPR => counter = counted(attr.nested())?,
            _ => {}
        }
    }
    let Some(key) = key else {
        return if flags & NFT_SET_ELEM_CATCHALL != 0 { Ok(None) } else { Err(Malformed) };
    };
    let mut bytes = [0; 16];
    bytes.get_mut(..key.value.len()).filter(|_| !key.value.is_empty()).ok_or(Malformed)?.copy_from_slice(key.value);
    let key_len = u8::try_from(key.value.len()).map_err(|_| Malformed)?;
    let interval_end = flags & NFT_SET_ELEM_INTERVAL_END != 0;
    Ok(Some(Element { key: bytes, key_len, interval_end, timeout, expiration, counter }))
}

/// The values of an expression, if it is a counter.
fn counted(expr: Attrs<'_>) -> Result<Option<(u64, u64)>, Malformed> {
    if expr.clone().find(NFTA_EXPR_NAME)?.is_none_or(|name| name.text() != b"counter") {
        return Ok(None);
    }
    let Some(data) = expr.find(NFTA_EXPR_DATA)? else { return Ok(None) };
    let number = |kind| data.nested().find(kind)?.map_or(Ok(0), |attr| attr.be64());
    Ok(Some((number(NFTA_COUNTER_PACKETS)?, number(NFTA_COUNTER_BYTES)?)))
}
