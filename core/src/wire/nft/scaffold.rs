//! All that edgeban needs in the kernel, in one batch: the table, a set a family, the chain and its two rules; and where
//! prefixes are banned by hand, the sets `banned_prefixes_ipv4` and `banned_prefixes_ipv6` of `flags interval, timeout` with
//! two rules more.
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

/// The set of a family's banned prefixes, see [`Scaffold::prefixes`].
#[must_use]
pub const fn prefix_set(family: Family) -> &'static str {
    match family {
        Family::V4 => "banned_prefixes_ipv4",
        Family::V6 => "banned_prefixes_ipv6",
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
    /// With the sets of prefixes and their rules.
    pub prefixes: bool,
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
    /// The set of a family's prefixes, or its rule.
    Prefixes(Family),
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
            prefixes: false,
        }
    }

    /// The messages in their order.
    fn parts(&self) -> impl Iterator<Item = Step> {
        let chains = Hook::ALL.into_iter().flat_map(|hook| [Step::AnyChain(hook), Step::DelChain(hook)]);
        let first = if self.fresh_table { Some(Step::DelTable) } else { None };
        first
            .into_iter()
            .chain([Step::Table])
            .chain(chains)
            .chain(self.sets().map(Step::DelSet).filter(|_| self.fresh_sets && !self.fresh_table))
            .chain(self.sets().map(Step::NewSet))
            .chain([Step::NewChain])
            .chain(self.sets().map(Step::Rule))
    }

    fn sets(&self) -> impl Iterator<Item = Set> {
        let sets = [(Family::V4, false), (Family::V6, false), (Family::V4, true), (Family::V6, true)];
        sets.into_iter().map(|(family, prefixes)| Set { family, prefixes }).take(if self.prefixes { 4 } else { 2 })
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
            Step::DelSet(set) | Step::NewSet(set) | Step::Rule(set) if set.prefixes => Part::Prefixes(set.family),
            Step::DelSet(set) | Step::NewSet(set) => Part::Set(set.family),
            Step::AnyChain(_) | Step::DelChain(_) | Step::NewChain => Part::Chain,
            Step::Rule(set) => Part::Rule(set.family),
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
                    Step::DelSet(set) => DelSet { table, name: set.name() }.emit(tag, w)?,
                    Step::NewSet(set) if set.prefixes => self.new_set(set).emit_ranges(tag, w)?,
                    Step::NewSet(set) => self.new_set(set).emit(tag, w)?,
                    Step::NewChain => NewChain { table, name: chain, hook, priority, devices }.emit(tag, w)?,
                    Step::Rule(set) => self.rule(set).emit(tag, w)?,
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

    fn new_set(&self, set: Set) -> NewSet<'a> {
        let Self { table, size, gc_interval_ms, counters: counter, .. } = *self;
        NewSet {
            table,
            name: set.name(),
            family: set.family,
            bits: self.bits(set),
            id: set.id(),
            // Ranges are few, and take no hash table.
            size: size.filter(|_| !set.prefixes),
            gc_interval_ms,
            counter,
        }
    }

    fn rule(&self, set: Set) -> NewRule<'a> {
        NewRule {
            table: self.table,
            chain: self.hook.name(),
            family: set.family,
            set: set.name(),
            set_id: set.id(),
            bits: self.bits(set),
            verdict: self.verdict,
        }
    }

    /// Leading bits of an address that are looked up in a set.
    const fn bits(&self, set: Set) -> u8 {
        if set.prefixes { Widths::FULL.of(set.family) } else { self.widths.of(set.family) }
    }
}

#[derive(Clone, Copy)]
enum Step {
    DelTable,
    Table,
    AnyChain(Hook),
    DelChain(Hook),
    DelSet(Set),
    NewSet(Set),
    NewChain,
    Rule(Set),
}

/// One of the sets.
#[derive(Clone, Copy)]
struct Set {
    family: Family,
    prefixes: bool,
}

impl Set {
    const fn name(self) -> &'static str {
        if self.prefixes { prefix_set(self.family) } else { set(self.family) }
    }

    /// `NFTA_SET_ID` in the batch.
    const fn id(self) -> u32 {
        match (self.family, self.prefixes) {
            (Family::V4, false) => 1,
            (Family::V6, false) => 2,
            (Family::V4, true) => 3,
            (Family::V6, true) => 4,
        }
    }
}
