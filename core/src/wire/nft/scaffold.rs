//! All that edgeban needs in the kernel, in one batch: the table, a set a family, the chain and its two rules.
//!
//! ```text
//! table inet TABLE {
//!     set banned_ipv4 { type ipv4_addr; flags timeout; size N; gc-interval T; }
//!     set banned_ipv6 { type ipv6_addr; flags timeout; size N; gc-interval T; }
//!     chain HOOK {
//!         type filter hook HOOK priority N; policy accept;
//!         ip saddr @banned_ipv4 drop
//!         ip6 saddr @banned_ipv6 drop
//!     }
//! }
//! ```
//!
//! Sent over a table of ours it keeps the sets with their elements. The chain is deleted and made again inside the one
//! transaction, whatever its hook, priority, devices or rules were, and the chains of other hooks that an earlier run
//! may have left go: there is no moment without rules. A chain is deleted behind a `NEWCHAIN` that changes nothing if it
//! exists, since deleting one that does not fails, and `NFT_MSG_DESTROYCHAIN` is too new.
//!
//! Over sets with other keys or expressions it fails whole with EEXIST on a NEWSET: then [`Scaffold::fresh_sets`] deletes
//! and makes these, too.

use super::chain::{AnyChain, DelChain, Device, Hook, NewChain};
use super::rule::{NewRule, Verdict};
use super::set::{DelSet, NewSet};
use super::table::{DelTable, NewTable};
use crate::addr::{Family, Widths};
use crate::wire::buf::{Full, Writer};
use crate::wire::nl::Tag;

/// The set of the banned IPv4 addresses.
pub const SET_V4: &str = "banned_ipv4";
/// The set of the banned IPv6 addresses.
pub const SET_V6: &str = "banned_ipv6";

/// The set of a family's banned addresses.
#[must_use]
pub const fn set(family: Family) -> &'static str {
    match family {
        Family::V4 => SET_V4,
        Family::V6 => SET_V6,
    }
}

/// The family of a set of ours.
#[must_use]
pub fn family_of(set: &[u8]) -> Option<Family> {
    [Family::V4, Family::V6].into_iter().find(|family| self::set(*family).as_bytes() == set)
}

/// What varies of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Scaffold<'a> {
    /// The table's name.
    pub table: &'a str,
    /// `NFT_TABLE_F_*`.
    pub flags: u32,
    /// Where packets are dropped. The chain has the hook's name.
    pub hook: Hook,
    /// The chain's priority; lower is earlier.
    pub priority: i32,
    /// The devices of hook `ingress`.
    pub devices: &'a [Device],
    /// What becomes of banned addresses' packets.
    pub verdict: Verdict,
    /// How many bits of an address are banned as one.
    pub widths: Widths,
    /// Most elements of each set; `None` is no limit. The kernel reserves the hash table for as many.
    pub size: Option<u32>,
    /// Milliseconds between the kernel's clean-ups of a set; `None` is its 1 s.
    pub gc_interval_ms: Option<u32>,
    /// Elements count the packets that they stop.
    pub counters: bool,
    /// Deletes the table with all that is in it and makes it anew: the kernel changes neither `OWNER` nor `PERSIST` of a
    /// table that exists. It must exist, else ENOENT.
    pub fresh_table: bool,
    /// Deletes the sets with all elements and makes them anew. They must exist, else ENOENT.
    pub fresh_sets: bool,
}

/// A message of the scaffold, for those who have to say which one the kernel refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Part {
    /// The table: its deletion or creation.
    Table,
    /// The set of a family: its deletion or creation.
    Set(Family),
    /// A chain: its deletion or creation.
    Chain,
    /// The rule of a family.
    Rule(Family),
}

impl<'a> Scaffold<'a> {
    /// The scaffold of the seed: everything as it is if nobody says otherwise, without limits of its own.
    #[must_use]
    pub const fn plain(table: &'a str) -> Self {
        let hook = Hook::Input;
        Self {
            table,
            flags: 0,
            hook,
            priority: hook.priority(),
            devices: &[],
            verdict: Verdict::Drop,
            widths: Widths::FULL,
            size: None,
            gc_interval_ms: None,
            counters: false,
            fresh_table: false,
            fresh_sets: false,
        }
    }

    /// The messages in their order.
    fn parts(&self) -> impl Iterator<Item = Step> {
        let chains = Hook::ALL.into_iter().flat_map(|hook| [Step::AnyChain(hook), Step::DelChain(hook)]);
        let families = [Family::V4, Family::V6];
        let deletions = families.into_iter().map(Step::DelSet).filter(|_| self.fresh_sets && !self.fresh_table);
        let first = if self.fresh_table { Some(Step::DelTable) } else { None };
        first
            .into_iter()
            .chain([Step::Table])
            .chain(chains)
            .chain(deletions)
            .chain(families.map(Step::NewSet))
            .chain([Step::NewChain])
            .chain(families.map(Step::Rule))
    }

    /// How many messages there are.
    #[must_use]
    pub fn messages(&self) -> u32 {
        u32::try_from(self.parts().count()).unwrap_or(u32::MAX)
    }

    /// What the `n`-th message is about, 1 being the first: 0 is a batch's begin.
    #[must_use]
    pub fn part(&self, n: u32) -> Option<Part> {
        let n = usize::try_from(n.checked_sub(1)?).ok()?;
        Some(match self.parts().nth(n)? {
            Step::DelTable | Step::Table => Part::Table,
            Step::DelSet(family) | Step::NewSet(family) => Part::Set(family),
            Step::AnyChain(_) | Step::DelChain(_) | Step::NewChain => Part::Chain,
            Step::Rule(family) => Part::Rule(family),
        })
    }

    /// Writes the messages between a batch's begin and its end, the first with sequence number `first`, and says how
    /// many these are. With `ack` each is acked.
    ///
    /// # Errors
    /// [`Full`] if they do not fit whole; nothing is then written.
    pub fn emit(&self, w: &mut Writer<'_>, first: u32, ack: bool) -> Result<u32, Full> {
        let Self { table, hook, priority, devices, .. } = *self;
        let chain = hook.name();
        w.whole(|w| {
            let mut seq = first;
            for step in self.parts() {
                let tag = Tag { seq, ack };
                match step {
                    Step::DelTable => DelTable { name: table }.emit(tag, w)?,
                    Step::Table => self.emit_table(w, tag)?,
                    Step::AnyChain(hook) => AnyChain { table, name: hook.name() }.emit(tag, w)?,
                    Step::DelChain(hook) => DelChain { table, name: hook.name() }.emit(tag, w)?,
                    Step::DelSet(family) => DelSet { table, name: set(family) }.emit(tag, w)?,
                    Step::NewSet(family) => self.new_set(family).emit(tag, w)?,
                    Step::NewChain => NewChain { table, name: chain, hook, priority, devices }.emit(tag, w)?,
                    Step::Rule(family) => self.rule(family).emit(tag, w)?,
                }
                seq = seq.wrapping_add(1);
            }
            Ok(seq.wrapping_sub(first))
        })
    }

    /// Writes the first of them alone. Over a table that somebody put to sleep it wakes it.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit_table(&self, w: &mut Writer<'_>, tag: Tag) -> Result<(), Full> {
        NewTable { name: self.table, flags: self.flags }.emit(tag, w)
    }

    fn new_set(&self, family: Family) -> NewSet<'a> {
        let Self { table, widths, size, gc_interval_ms, counters: counter, .. } = *self;
        NewSet {
            table,
            name: set(family),
            family,
            bits: widths.of(family),
            id: id(family),
            size,
            gc_interval_ms,
            counter,
        }
    }

    fn rule(&self, family: Family) -> NewRule<'a> {
        NewRule {
            table: self.table,
            chain: self.hook.name(),
            family,
            set: set(family),
            set_id: id(family),
            bits: self.widths.of(family),
            verdict: self.verdict,
        }
    }
}

#[derive(Clone, Copy)]
enum Step {
    DelTable,
    Table,
    AnyChain(Hook),
    DelChain(Hook),
    DelSet(Family),
    NewSet(Family),
    NewChain,
    Rule(Family),
}

/// `NFTA_SET_ID` of a family's set in the batch.
const fn id(family: Family) -> u32 {
    match family {
        Family::V4 => 1,
        Family::V6 => 2,
    }
}
