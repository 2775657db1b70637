//! Looking for words in a message, and for an address between two texts of the attacker.

use super::split_first;
use crate::addr::Addr;
use crate::source::syslog::own_date;

/// Whether `needle` is somewhere in the text. Only ever asked about what kind of message it is, never about an address.
pub(super) fn contains(text: &[u8], needle: &[u8]) -> bool {
    split_first(text, needle).is_some()
}

/// Whether one of these is somewhere in the text.
pub(super) fn contains_any(text: &[u8], needles: &[&[u8]]) -> bool {
    needles.iter().any(|needle| contains(text, needle))
}

/// Without the first of these that the text starts with.
pub(super) fn after_any<'a>(text: &'a [u8], starts: &[&[u8]]) -> Option<&'a [u8]> {
    starts.iter().find_map(|start| text.strip_prefix(*start))
}

/// Splits at the first space.
pub(super) fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    split_first(text, b" ")
}

/// What one place of a message says, when it is read as the place of the address.
pub(super) enum Reading {
    /// It cannot be the place.
    No,
    /// It may be, but what stands there is no address.
    Nobody,
    /// It may be.
    Peer(Addr),
}

impl Reading {
    pub(super) fn of(addr: Option<Addr>) -> Self {
        addr.map_or(Self::Nobody, Self::Peer)
    }
}

/// The address of a message that may have text of the attacker on both sides of it: that which every place that looks
/// like the right one gives, nobody's if they differ. `read` gets what stands before and after a `needle`.
pub(super) fn agreed(text: &[u8], needle: &[u8], read: fn(&[u8], &[u8]) -> Reading) -> Option<Addr> {
    let (&first, tail) = needle.split_first()?;
    let mut peer = None;
    for at in memchr::memchr_iter(first, text) {
        let Some(after) = text.get(at + 1..)?.strip_prefix(tail) else { continue };
        match read(text.get(..at)?, after) {
            Reading::No => {}
            Reading::Nobody => return None,
            Reading::Peer(addr) if peer.is_some_and(|peer| peer != addr) => return None,
            Reading::Peer(addr) => peer = Some(addr),
        }
    }
    peer
}

/// Without a date at the start, which some programs write before their messages even through syslog.
pub(super) fn undated(message: &[u8]) -> &[u8] {
    own_date(message).map_or(message, |(_, rest)| rest)
}

/// A number for a connection that has none of its own, of what tells it from others (FNV-1a); never 0, which is nobody's.
/// If two have the same, one failure is lost.
pub(super) fn connection(parts: &[&[u8]]) -> u32 {
    let bytes = parts.iter().flat_map(|part| *part);
    bytes.fold(0x811c_9dc5, |hash: u32, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)) | 1
}
