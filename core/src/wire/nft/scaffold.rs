//! All that edgeban needs in the kernel, in one batch: the table, a set a family, the chain and its two rules.
//!
//! ```text
//! table inet TABLE {
//!     set banned_ipv4 { type ipv4_addr; flags timeout; }
//!     set banned_ipv6 { type ipv6_addr; flags timeout; }
//!     chain input {
//!         type filter hook HOOK priority N; policy accept;
//!         ip saddr @banned_ipv4 drop
//!         ip6 saddr @banned_ipv6 drop
//!     }
//! }
//! ```
//!
//! Sent over a table of ours it changes nothing: table, sets (with their elements) and chain are kept, and the rules are
//! deleted and made again inside the one transaction, so that there is no moment without them. Over a chain of that name
//! with another hook or priority it fails whole with EOPNOTSUPP (older kernels: EEXIST) on NEWCHAIN, which is the fifth
//! number: then [`emit_over`] is the batch to send. Over sets with other keys it fails whole with EEXIST.

use super::chain::{DelChain, Hook, NewChain};
use super::rule::{FlushChain, NewRule};
use super::set::NewSet;
use super::table::NewTable;
use crate::addr::Family;
use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::{BatchBegin, BatchEnd};
use crate::wire::nl::Tag;

/// The set of the banned IPv4 addresses.
pub const SET_V4: &str = "banned_ipv4";
/// The set of the banned IPv6 addresses.
pub const SET_V6: &str = "banned_ipv6";
/// The chain with the two rules.
pub const CHAIN: &str = "input";

/// The set of a family's banned addresses.
#[must_use]
pub const fn set(family: Family) -> &'static str {
    match family {
        Family::V4 => SET_V4,
        Family::V6 => SET_V6,
    }
}

/// What varies of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scaffold<'a> {
    /// The table's name.
    pub table: &'a str,
    /// Where packets are dropped.
    pub hook: Hook,
    /// The chain's priority; lower is earlier.
    pub priority: i32,
    /// Most elements of each set; `None` is no limit.
    pub size: Option<u32>,
    /// Milliseconds between the kernel's clean-ups of a set; `None` is its 1 s.
    pub gc_interval_ms: Option<u32>,
}

/// Sequence numbers that [`emit`] uses: BATCH_BEGIN, seven messages, BATCH_END.
pub const SEQS: u32 = 9;

/// Of them, the one of NEWCHAIN: `first_seq` and this.
pub const NEWCHAIN_SEQ: u32 = 4;

/// Writes the batch with the sequence numbers `first_seq` (BATCH_BEGIN) to `first_seq + 8` (BATCH_END), wrapping, and
/// says how many these are: [`SEQS`]. With `ack` each of the seven messages between is acked.
///
/// # Errors
/// [`Full`] if it does not fit whole; nothing is then written.
pub fn emit(w: &mut Writer<'_>, names: &Scaffold<'_>, first_seq: u32, ack: bool) -> Result<u32, Full> {
    batch(w, names, first_seq, ack, false)
}

/// As [`emit`], but the chain, which must exist (else ENOENT), is deleted and made again in the same transaction: the way
/// to another hook or priority. Elements are kept. One number more.
///
/// # Errors
/// [`Full`] if it does not fit whole; nothing is then written.
pub fn emit_over(w: &mut Writer<'_>, names: &Scaffold<'_>, first_seq: u32, ack: bool) -> Result<u32, Full> {
    batch(w, names, first_seq, ack, true)
}

fn batch(w: &mut Writer<'_>, names: &Scaffold<'_>, first_seq: u32, ack: bool, over: bool) -> Result<u32, Full> {
    let Scaffold { table, hook, priority, size, gc_interval_ms } = *names;
    let set = |family, id| NewSet { table, name: set(family), family, id, size, gc_interval_ms };
    let rule = |family, set, set_id| NewRule { table, chain: CHAIN, family, set, set_id };
    let mut seq = first_seq;
    let mut next = || {
        seq = seq.wrapping_add(1);
        Tag { seq, ack }
    };
    w.whole(|w| {
        BatchBegin::default().emit(first_seq, w)?;
        NewTable { name: table }.emit(next(), w)?;
        set(Family::V4, 1).emit(next(), w)?;
        set(Family::V6, 2).emit(next(), w)?;
        if over {
            DelChain { table, name: CHAIN }.emit(next(), w)?;
        }
        NewChain { table, name: CHAIN, hook, priority }.emit(next(), w)?;
        FlushChain { table, chain: CHAIN }.emit(next(), w)?;
        rule(Family::V4, SET_V4, 1).emit(next(), w)?;
        rule(Family::V6, SET_V6, 2).emit(next(), w)?;
        let end = next().seq;
        BatchEnd.emit(end, w)?;
        Ok(end.wrapping_sub(first_seq).wrapping_add(1))
    })
}
