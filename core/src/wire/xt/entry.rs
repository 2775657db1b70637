//! Entries read: where each ends, what its target is, and whether it drops one address.

use super::{HEADER_LEN, addr_len, counters_offset, entry_len, ip_len, text};
use crate::addr::{Addr, Family, Prefix};
use crate::wire::buf::{Malformed, Reader};
use crate::wire::uapi::netfilter::NF_DROP;
use crate::wire::uapi::x_tables::{XT_EXTENSION_MAXNAMELEN, XT_FUNCTION_MAXNAMELEN};

/// The verdict of a standard target that drops: `-NF_DROP - 1`.
pub const DROP: i32 = -1 - NF_DROP.cast_signed();

/// What an entry does with a packet that it matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// The standard target: a final verdict if negative, else the offset of the entry to jump to.
    Standard(i32),
    /// `ERROR`: no rule; the name of the chain behind it, or `ERROR` at the table's end.
    Error(&'a [u8]),
    /// Any other.
    Other,
}

/// Packets and bytes that an entry matched.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// `pcnt`.
    pub packets: u64,
    /// `bcnt`.
    pub bytes: u64,
}

/// One entry of a table.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    family: Family,
    bytes: &'a [u8],
    target_offset: usize,
    target: Target<'a>,
}

impl<'a> Entry<'a> {
    /// Reads the entry at the start of `bytes`; more may follow.
    ///
    /// # Errors
    /// [`Malformed`] if its lengths do not fit into each other.
    #[inline(never)]
    pub fn parse(family: Family, bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut offsets = Reader::new(bytes.get(ip_len(family) + 4..).ok_or(Malformed)?);
        let target_offset = usize::from(offsets.u16()?);
        let len = usize::from(offsets.u16()?);
        let bytes = bytes.get(..len).ok_or(Malformed)?;
        if target_offset < entry_len(family) || super::align(len) != len {
            return Err(Malformed);
        }
        let target = parse_target(bytes.get(target_offset..).ok_or(Malformed)?)?;
        Ok(Self { family, bytes, target_offset, target })
    }

    /// All its bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The bytes before and behind the verdict of a standard target.
    pub(crate) fn around_verdict(&self) -> Option<(&'a [u8], &'a [u8])> {
        let at = self.target_offset.checked_add(HEADER_LEN)?;
        Some((self.bytes.get(..at)?, self.bytes.get(at.checked_add(4)?..)?))
    }

    /// What it does.
    #[must_use]
    pub const fn target(&self) -> Target<'a> {
        self.target
    }

    /// Its matches, as they lie there.
    #[must_use]
    pub fn matches(&self) -> &'a [u8] {
        self.bytes.get(entry_len(self.family)..self.target_offset).unwrap_or_default()
    }

    /// Whether it looks at no address, interface or protocol; a `goto` has a flag there and is none of these.
    #[must_use]
    pub fn is_for_all(&self) -> bool {
        self.bytes.get(..ip_len(self.family)).is_some_and(|ip| ip.iter().all(|&b| b == 0))
    }

    /// What it counted.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let at = counters_offset(self.family);
        let half = |at: usize| {
            let bytes = self.bytes.get(at..at.saturating_add(8)).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_ne_bytes)
        };
        Counters { packets: half(at), bytes: half(at.saturating_add(8)) }
    }

    /// The source that it drops, if it does just that: `-s SOURCE -j DROP` without any other condition.
    #[must_use]
    pub fn dropped_source(&self) -> Option<Prefix> {
        if self.target != Target::Standard(DROP) || !self.matches().is_empty() {
            return None;
        }
        let len = addr_len(self.family);
        let mut reader = Reader::new(self.bytes.get(..ip_len(self.family))?);
        let (source, destination, mask) = (reader.take(len).ok()?, reader.take(len).ok()?, reader.take(len).ok()?);
        if destination.iter().chain(reader.rest()).any(|&b| b != 0) {
            return None;
        }
        let (addr, ones) = match self.family {
            Family::V4 => (Addr::v4(source.try_into().ok()?), u32::from_be_bytes(mask.try_into().ok()?).leading_ones()),
            Family::V6 => {
                (Addr::v6(source.try_into().ok()?), u128::from_be_bytes(mask.try_into().ok()?).leading_ones())
            }
        };
        let prefix = Prefix::new(addr, u8::try_from(ones).ok()?).ok()?;
        // The mask may have had a hole, and the address bits that it does not cover.
        let plain = prefix.base() == addr && prefix.mask_octets().ends_with(mask) && ones > 0;
        plain.then_some(prefix)
    }
}

fn parse_target(bytes: &[u8]) -> Result<Target<'_>, Malformed> {
    let mut reader = Reader::new(bytes);
    let size = usize::from(reader.u16()?);
    let name = text(reader.take(XT_EXTENSION_MAXNAMELEN)?);
    reader.take(1)?;
    if size < HEADER_LEN || size > bytes.len() {
        return Err(Malformed);
    }
    match name {
        b"" => reader.i32().map(Target::Standard),
        b"ERROR" => reader.take(XT_FUNCTION_MAXNAMELEN).map(text).map(Target::Error),
        _ => Ok(Target::Other),
    }
}

/// Walks the entries of a table, each with its offset; after a [`Malformed`] it ends.
#[derive(Clone, Debug)]
pub struct Entries<'a> {
    family: Family,
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Entries<'a> {
    /// The entries in `bytes`, all of `IPT_SO_GET_ENTRIES` behind its header.
    #[must_use]
    pub const fn new(family: Family, bytes: &'a [u8]) -> Self {
        Self { family, rest: bytes, offset: 0 }
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(usize, Entry<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = core::mem::take(&mut self.rest);
        if rest.is_empty() {
            return None;
        }
        Some(Entry::parse(self.family, rest).map(|entry| {
            let offset = self.offset;
            // An entry is never empty: it holds a target.
            self.offset = offset.saturating_add(entry.bytes.len());
            self.rest = rest.get(entry.bytes.len()..).unwrap_or_default();
            (offset, entry)
        }))
    }
}
