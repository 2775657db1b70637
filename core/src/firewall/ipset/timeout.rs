//! The timeouts of elements, and which must be renewed since the kernel's longest is shorter than their ban.

use crate::addr::{Addr, Family};
use crate::ban::Bans;
use crate::time::{Duration, Instant};
use crate::wire::ipset::elem::MAX_TIMEOUT;

/// Longest timeout that the kernel takes, 24.8 days.
pub(super) const CAP: Duration = Duration::from_secs(2_147_483);

static_assertions::const_assert!(CAP.as_secs() == 2_147_483 && MAX_TIMEOUT == 2_147_483);

/// How often elements are renewed whose ban is longer than the kernel's longest timeout: at least twice before it is over,
/// since one walk over the bans may miss some.
pub const RENEWAL: Duration = Duration::from_secs(CAP.as_secs() / 3);

/// A walk over the bans that are longer than the kernel's timeouts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    pub(super) family: Family,
    pub(super) cell: usize,
    /// Where it goes on if the message in flight is acked.
    pub(super) next: usize,
}

/// The seconds of a timeout for what is left of a ban.
pub(super) fn seconds(left: Duration) -> u32 {
    let secs = left.as_millis().div_ceil(1000).max(1);
    u32::try_from(secs).map_or(MAX_TIMEOUT, |secs| secs.min(MAX_TIMEOUT))
}

/// The timeout of an element. If it is shorter than the ban, it will have to be renewed.
pub(super) fn timeout(until: Option<Instant>, now: Instant, renew_at: &mut Option<Instant>) -> Option<u32> {
    let left = until?.since(now);
    if left > CAP {
        plan(renew_at, now);
    }
    Some(seconds(left))
}

/// The next walk is at most a [`RENEWAL`] away.
pub(super) fn plan(renew_at: &mut Option<Instant>, now: Instant) {
    let at = now + RENEWAL;
    *renew_at = Some(renew_at.map_or(at, |old| old.min(at)));
}

/// The next installed ban of a family at or behind place `cell` whose element may end before it: the last renewal was at
/// most two of [`RENEWAL`] ago.
pub(super) fn next_long<const N: usize, const I: usize>(
    bans: &Bans<N, I>,
    family: Family,
    mut cell: usize,
    now: Instant,
) -> Option<(usize, Addr, Instant)> {
    while let Some((next, addr, ban)) = bans.next_installed(cell) {
        if addr.family() == family
            && let Some(until) = ban.until
            && until.since(now) > RENEWAL
        {
            return Some((next, addr, until));
        }
        cell = next;
    }
    None
}
