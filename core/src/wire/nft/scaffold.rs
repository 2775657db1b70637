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
//! with another hook or priority, or sets with another key or size, it fails whole with EEXIST.

use super::chain::{Hook, NewChain};
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

/// Writes the batch with the sequence numbers `first_seq` (BATCH_BEGIN) to `first_seq + 8` (BATCH_END), wrapping, and
/// says how many these are: [`SEQS`]. With `ack` each of the seven messages between is acked.
///
/// # Errors
/// [`Full`] if it does not fit whole; nothing is then written.
pub fn emit(w: &mut Writer<'_>, names: &Scaffold<'_>, first_seq: u32, ack: bool) -> Result<u32, Full> {
    let Scaffold { table, hook, priority, size, gc_interval_ms } = *names;
    let tag = |n: u32| Tag { seq: first_seq.wrapping_add(n), ack };
    let set = |family, id| NewSet { table, name: set(family), family, id, size, gc_interval_ms };
    let rule = |family, set, set_id| NewRule { table, chain: CHAIN, family, set, set_id };
    w.whole(|w| {
        BatchBegin::default().emit(first_seq, w)?;
        NewTable { name: table }.emit(tag(1), w)?;
        set(Family::V4, 1).emit(tag(2), w)?;
        set(Family::V6, 2).emit(tag(3), w)?;
        NewChain { table, name: CHAIN, hook, priority }.emit(tag(4), w)?;
        FlushChain { table, chain: CHAIN }.emit(tag(5), w)?;
        rule(Family::V4, SET_V4, 1).emit(tag(6), w)?;
        rule(Family::V6, SET_V6, 2).emit(tag(7), w)?;
        BatchEnd.emit(tag(8).seq, w)?;
        Ok(SEQS)
    })
}
