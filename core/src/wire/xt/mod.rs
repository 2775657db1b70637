//! The tables of legacy iptables and ip6tables (`x_tables`) as bytes: what getsockopt(2) and setsockopt(2) of a raw
//! socket exchange with the kernel. Always a whole table.
//!
//! A table is a run of entries (`struct ipt_entry`, `struct ip6t_entry`), each `next_offset` bytes long:
//!
//! | part | IPv4 | IPv6 | |
//! |---|---|---|---|
//! | what it matches (`ipt_ip`, `ip6t_ip6`) | 84 | 136 | addresses and masks in network order; all zero matches all |
//! | `nfcache` u32 | 84 | 136 | |
//! | `target_offset` u16, `next_offset` u16 | 88 | 140 | from the entry's start |
//! | `comefrom` u32 | 92 | 144 | the kernel's |
//! | counters: packets u64, bytes u64 | 96 | 152 | the kernel takes none from a new table: they are added afterwards |
//! | matches, then the target | 112 | 168 | 32 bytes of header (size u16, name 29 bytes, revision u8), then data |
//!
//! A built-in chain begins at its `hook_entry` and ends with its policy at its `underflow`. Any other chain begins behind
//! an entry with the target `ERROR` that holds its name, and ends with an entry that returns. A last `ERROR` entry ends
//! the table. The standard target (its name is empty) has a verdict: negative is final, otherwise it is the offset, from
//! the table's start, of the entry to jump to; a rule without a target jumps to the entry behind it.
//!
//! The kernel writes names up to their NUL: what is behind it in the caller's buffer stays there and means nothing.
//!
//! Numbers are in host order. Every part starts at a multiple of [`ALIGN`]; the counters of IPv6 and the headers of the
//! requests depend on it too.
//!
//! Not supported: `arptables`, `ebtables`. A 32-bit program on a 64-bit kernel sees the 32-bit layout if the kernel has
//! `CONFIG_NETFILTER_XTABLES_COMPAT`, and is refused otherwise; this was not tried.

pub mod entry;
pub mod request;
pub mod rule;
pub mod set;

use super::buf::{Full, Writer};
use crate::addr::Family;

/// `XT_ALIGN(1)`: the alignment of a `u64` in a C structure: 8, but 4 on i386.
pub const ALIGN: usize = align_of::<u64>();

/// Bytes of `struct xt_counters`: packets and bytes.
pub const COUNTERS_LEN: usize = 16;

/// Bytes of `struct xt_entry_match` and `struct xt_entry_target` before their data.
const HEADER_LEN: usize = 32;

/// `XT_ALIGN`: rounded up.
#[must_use]
pub const fn align(len: usize) -> usize {
    len.next_multiple_of(ALIGN)
}

/// Bytes of `struct ipt_ip` or `struct ip6t_ip6`.
const fn ip_len(family: Family) -> usize {
    match family {
        Family::V4 => 84,
        Family::V6 => 136,
    }
}

/// Offset of the counters in an entry.
const fn counters_offset(family: Family) -> usize {
    align(ip_len(family) + 12)
}

/// Bytes of `struct ipt_entry` or `struct ip6t_entry`: up to the matches.
#[must_use]
pub const fn entry_len(family: Family) -> usize {
    counters_offset(family) + COUNTERS_LEN
}

/// Bytes of an address, and so of a mask.
const fn addr_len(family: Family) -> usize {
    match family {
        Family::V4 => 4,
        Family::V6 => 16,
    }
}

/// Writes `len` zero bytes.
#[inline(never)]
fn zeros(w: &mut Writer<'_>, len: usize) -> Result<(), Full> {
    for _ in 0..len {
        w.put_u8(0)?;
    }
    Ok(())
}

/// Writes `text` in a field of `len` bytes of which the last is a NUL.
#[inline(never)]
fn name(w: &mut Writer<'_>, text: &str, len: usize) -> Result<(), Full> {
    let rest = len.checked_sub(text.len()).filter(|&rest| rest > 0).ok_or(Full)?;
    w.put(text.as_bytes())?;
    zeros(w, rest)
}

/// A field up to its first NUL.
fn text(field: &[u8]) -> &[u8] {
    field.split(|&b| b == 0).next().unwrap_or_default()
}

/// Writes the header of a match or target of `len` bytes, the header included.
#[inline(never)]
fn header(w: &mut Writer<'_>, len: usize, extension: &str, revision: u8) -> Result<(), Full> {
    use super::uapi::x_tables::XT_EXTENSION_MAXNAMELEN;
    w.put_u16(u16::try_from(len).map_err(|_| Full)?)?;
    name(w, extension, XT_EXTENSION_MAXNAMELEN)?;
    w.put_u8(revision)
}
