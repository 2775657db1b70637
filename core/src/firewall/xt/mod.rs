//! Bans in the tables of legacy iptables and ip6tables: a chain of ours, and a jump to it as the first rule of a built-in
//! chain. No dialogue here, only bytes: the kernel exchanges whole tables, so a change is read, [`Rewrite`], replace.
//!
//! How to change a table, all of it with the lock of iptables (`/run/xtables.lock`) held, since nothing else keeps two
//! writers apart:
//! 1. `IPT_SO_GET_INFO` ([`Info::ask`], [`Info::parse`]); `ENOENT` or `ENOPROTOOPT`: this kernel has no such table.
//! 2. `IPT_SO_GET_ENTRIES` ([`Info::ask_entries`]); `EAGAIN`: the table changed since, begin again.
//! 3. [`Rewrite::plan`], then [`Rewrite::replace`], which also says that there is nothing to do.
//! 4. `IPT_SO_SET_REPLACE`, with room for the counters of all old entries; `EAGAIN`: as above.
//! 5. [`Rewrite::counters`] with what the kernel wrote there, then `IPT_SO_SET_ADD_COUNTERS`.
//!
//! Step 1 alone makes the kernel set the table up in this network namespace, if nobody has; those that are there already
//! are listed in `/proc/net/ip_tables_names` and `ip6_tables_names`.
//!
//! A new table counts from 0, whatever its entries say (`check_entry_size_and_hooks` in the kernel); the old counters
//! come back exact from the moment of the change, and adding them makes every counter exact again. Until step 5 they are
//! lower, and if it fails they stay so; no packet escapes a rule.
//!
//! What is not ours stays byte for byte: rules, matches, targets, chains, policies and their order; only offsets move.
//! What iptables itself does to them at each change happens here too: the kernel sets up all matches anew, so the
//! running state of `limit`, `quota`, `statistic` and the like starts again. Bans should therefore come in batches.
//!
//! Each packet walks the whole chain, rule after rule: [`XT_RULES`](crate::limits::XT_RULES) is the most. With an ipset the chain is one
//! rule, whatever the number of bans ([`Content::Set`]).
//!
//! Not supported: reject (only drop), timeouts (the caller removes), destinations, tables of `arptables` and `ebtables`.

mod link;
mod rewrite;
mod view;

#[cfg(test)]
mod tests;

pub use crate::wire::xt::request::Info;
pub use link::{CHECK, Failure, Holds, Link, Sources};
pub use rewrite::Rewrite;
pub use view::{BannedRules, View};

use crate::addr::Prefix;
use crate::wire::buf::{Full, Malformed};
use crate::wire::xt::set::SetMatch;

/// What our chain shall hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// A drop rule for each of these that is of the table's family, in this order, [`XT_RULES`](crate::limits::XT_RULES) at most. None
    /// twice: both would show the same counters.
    Sources(&'a [Prefix]),
    /// One rule: the sources in this ipset.
    Set(SetMatch),
}

/// What shall be in the table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan<'a> {
    /// The name of our chain, 1 to 28 printable bytes. A chain of that name is ours, with all its rules.
    pub chain: &'a str,
    /// The built-in chain (`NF_INET_*`) whose first rule shall be our jump. Any other unconditional jump to our chain in
    /// it is removed; conditional ones, and those in other chains, are somebody else's and stay.
    pub hook: u32,
    /// Our chain's rules; `None`: neither chain nor jump.
    pub content: Option<Content<'a>>,
}

/// Why there is no new table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// The bytes are not a table, or not one that iptables could have made. If it was read while somebody without the
    /// lock changed it: read again.
    Malformed,
    /// The table has no such built-in chain: the configuration is wrong.
    NoSuchHook,
    /// The name cannot be a chain's: the configuration is wrong.
    ChainName,
    /// More than [`XT_RULES`](crate::limits::XT_RULES) sources: use nftables or ipset.
    TooManyRules,
    /// More than [`XT_JUMPS`](crate::limits::XT_JUMPS) of our jumps, apart from each other, to remove: somebody else must.
    TooManyJumps,
    /// The chain cannot be removed: a rule that is not ours jumps to it. An empty list of sources is possible.
    Referenced,
    /// The caller's buffer is too small.
    Full,
}

impl From<Malformed> for Refused {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

impl From<Full> for Refused {
    fn from(_: Full) -> Self {
        Self::Full
    }
}
