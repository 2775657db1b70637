//! Bans of prefixes, which somebody asked for: few, of any length, and never two that overlap, since the kernel's set of
//! ranges does not take that.
//!
//! They live as [`super::Bans`] do, from wanted to installed to released. But the kernel is not told of each change:
//! whatever it is, all of a family are written anew in one batch behind a flush of their set, so the set is at any moment
//! either as it was or as it shall be, and no batch depends on what the kernel holds. (What each has counted begins anew
//! with that.)
//!
//! What an earlier run left, and what others add, is taken in prefix by prefix: a range that is none becomes several, which
//! are the same addresses. An earlier run's `--force` is not known any more, as of single addresses.

use super::audit::same;
use super::{ADOPTED, State};
use crate::addr::{Addr, Family, Prefix};
use crate::limits::PREFIX_BANS;
use crate::time::Instant;
use crate::wire::nft::elem::Element;
use crate::wire::nft::ranges::Ranges;
use heapless::Vec;

/// The ban of a prefix.
#[derive(Clone, Copy, Debug)]
pub struct PrefixBan {
    /// Of this.
    pub prefix: Prefix,
    /// Until when; `None` is permanent.
    pub until: Option<Instant>,
    /// The jail in whose name, or [`MANUAL`](super::MANUAL), or [`ADOPTED`].
    pub jail: u8,
    state: State,
    /// The operator wants it whatever it holds.
    forced: bool,
    /// The kernel may hold it.
    held: bool,
    /// Found in the kernel, and not looked at yet by whoever decides whether it stays.
    foreign: bool,
}

impl PrefixBan {
    /// Where it stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Whether the operator wants it whatever it holds.
    #[must_use]
    pub const fn forced(&self) -> bool {
        self.forced
    }

    fn leaves(&self) -> bool {
        matches!(self.state, State::Releasing | State::ReleasingInFlight)
    }

    fn waits(&self) -> bool {
        matches!(self.state, State::Wanted | State::Releasing)
    }

    fn in_flight(&self) -> bool {
        matches!(self.state, State::InFlight | State::ReleasingInFlight)
    }
}

/// What [`Prefixes::want`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Wanted {
    /// The ban is new, or lasts longer now. Smaller ones in it are lifted in the same batch.
    Taken,
    /// This one, which is banned already, holds all of it. If it is the same, it lasts as long; a larger one may end earlier.
    Already(Prefix),
    /// This one in it is banned for longer than was asked, and there can be no two.
    Longer(Prefix),
    /// No room.
    Full,
}

/// All bans of prefixes.
#[derive(Debug)]
pub struct Prefixes {
    bans: Vec<PrefixBan, PREFIX_BANS>,
    /// What is in flight met a set that somebody emptied.
    doubted: bool,
    /// The elements of a family's set, while they are listed.
    pub(crate) listed: Ranges,
}

/// Whether `a` is longer than `b`.
fn later(a: Option<Instant>, b: Option<Instant>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a > b,
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

impl Prefixes {
    /// No bans.
    #[must_use]
    pub const fn new() -> Self {
        Self { bans: Vec::new(), doubted: false, listed: Ranges::new() }
    }

    /// Those that the kernel confirmed.
    #[must_use]
    pub fn installed(&self) -> u32 {
        self.count(|ban| ban.state == State::Installed)
    }

    /// All, from the `place`-th on.
    pub fn from(&self, place: usize) -> impl Iterator<Item = &PrefixBan> {
        self.bans.iter().skip(place)
    }

    /// Bans and liftings that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.count(PrefixBan::waits)
    }

    /// Whether any of a family waits to be sent.
    #[must_use]
    pub fn waits(&self, family: Family) -> bool {
        self.bans.iter().any(|ban| ban.waits() && ban.prefix.family() == family)
    }

    /// Those that are being lifted.
    #[must_use]
    pub fn leaving(&self) -> u32 {
        self.count(PrefixBan::leaves)
    }

    #[inline(never)] // smaller
    fn count(&self, which: fn(&PrefixBan) -> bool) -> u32 {
        self.bans.iter().map(|ban| u32::from(which(ban))).sum()
    }

    /// The ban of exactly this prefix.
    #[must_use]
    pub fn find(&self, prefix: &Prefix) -> Option<&PrefixBan> {
        self.bans.iter().find(|ban| ban.prefix == *prefix)
    }

    /// The ban at a place of a walk through all.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<&PrefixBan> {
        self.bans.get(place)
    }

    /// The prefix with `addr` in it that the kernel holds banned.
    #[must_use]
    pub fn holding(&self, addr: Addr) -> Option<Prefix> {
        let mut installed = self.bans.iter().filter(|ban| ban.state == State::Installed);
        installed.find(|ban| ban.prefix.contains(addr)).map(|ban| ban.prefix)
    }

    /// Wants `prefix` banned until `until`; with `force` whatever it holds.
    #[inline(never)] // smaller
    pub fn want(&mut self, prefix: Prefix, jail: u8, until: Option<Instant>, force: bool) -> Wanted {
        let mut same = None;
        for ban in &mut self.bans {
            if ban.prefix == prefix {
                if ban.leaves() || later(until, ban.until) {
                    same = Some(ban);
                } else {
                    ban.forced |= force;
                    return Wanted::Already(prefix);
                }
            } else if !ban.leaves() && ban.prefix.covers(&prefix) {
                return Wanted::Already(ban.prefix);
            } else if !ban.leaves() && prefix.covers(&ban.prefix) && later(ban.until, until) {
                return Wanted::Longer(ban.prefix);
            }
        }
        if let Some(ban) = same {
            *ban =
                PrefixBan { until, jail, state: State::Wanted, forced: force || (ban.forced && !ban.leaves()), ..*ban };
        } else {
            let state = State::Wanted;
            let new = PrefixBan { prefix, until, jail, state, forced: force, held: false, foreign: false };
            if self.bans.push(new).is_err() {
                return Wanted::Full;
            }
        }
        self.release_if(&mut |ban| ban.prefix != prefix && prefix.covers(&ban.prefix));
        Wanted::Taken
    }

    /// Wants the ban of `prefix` lifted. Returns whether there was one.
    pub fn release(&mut self, prefix: &Prefix) -> bool {
        let found = self.find(prefix).is_some();
        self.release_if(&mut |ban| ban.prefix == *prefix);
        found
    }

    /// Wants these bans lifted; what the kernel was never told is taken out.
    pub fn release_if(&mut self, which: &mut dyn FnMut(&PrefixBan) -> bool) {
        self.keep(&mut |ban| {
            if ban.leaves() || !which(ban) {
                return true;
            }
            ban.state = State::Releasing;
            ban.held
        });
    }

    /// Lifts the bans of the jails of which `gone` is true, and those that nobody forced of which `protected` is. Returns how
    /// many these are.
    pub fn lift(&mut self, gone: &dyn Fn(u8) -> bool, protected: &mut dyn FnMut(&PrefixBan) -> bool) -> u32 {
        let mut lifted = 0;
        self.release_if(&mut |ban| {
            let lift = gone(ban.jail) || (!ban.forced && protected(ban));
            lifted += u32::from(lift);
            lift
        });
        for ban in self.bans.iter_mut().filter(|ban| gone(ban.jail)) {
            ban.jail = ADOPTED;
        }
        lifted
    }

    // Once in the program, not once for every use.
    #[inline(never)]
    fn keep(&mut self, which: &mut dyn FnMut(&mut PrefixBan) -> bool) {
        self.bans.retain_mut(which);
    }

    /// The last gate: asks `protected` of each ban that nobody forced, and lifts it if that is true.
    pub fn gate(&mut self, protected: &mut dyn FnMut(&PrefixBan) -> bool) {
        self.release_if(&mut |ban| !ban.forced && protected(ban));
    }

    /// Goes through what was found in the kernel since the last call: what `keep` does not want is lifted.
    pub fn screen(&mut self, keep: &mut dyn FnMut(&Prefix) -> bool) {
        if !self.bans.iter().any(|ban| ban.foreign) {
            return;
        }
        self.release_if(&mut |ban| ban.foreign && !keep(&ban.prefix));
        self.bans.iter_mut().for_each(|ban| ban.foreign = false);
    }

    /// What a family's set shall hold.
    pub fn to_send(&self, family: Family) -> impl Iterator<Item = &PrefixBan> {
        self.bans.iter().filter(move |ban| !ban.leaves() && ban.prefix.family() == family)
    }

    /// All of a family was written into the batch.
    #[inline(never)] // smaller
    pub fn sent(&mut self, family: Family) {
        for ban in self.bans.iter_mut().filter(|ban| ban.prefix.family() == family) {
            match ban.state {
                State::Wanted => (ban.state, ban.held) = (State::InFlight, true),
                State::Releasing => ban.state = State::ReleasingInFlight,
                _ => {}
            }
        }
    }

    /// The batch was `committed`, or perhaps not: then what was in it waits again. `changed` hears of each that the kernel
    /// took or let go, with the state that it had in flight.
    #[inline(never)] // smaller
    pub fn landed(&mut self, committed: bool, changed: &mut dyn FnMut(&PrefixBan)) {
        let committed = !core::mem::take(&mut self.doubted) && committed;
        self.keep(&mut |ban| {
            let before = *ban;
            match ban.state {
                State::InFlight => ban.state = if committed { State::Installed } else { State::Wanted },
                State::ReleasingInFlight if !committed => ban.state = State::Releasing,
                State::ReleasingInFlight => {}
                _ => return true,
            }
            if committed {
                changed(&before);
            }
            ban.state != State::ReleasingInFlight
        });
    }

    /// When [`Prefixes::end`] has something.
    #[must_use]
    #[inline(never)] // smaller
    pub fn next_end(&self) -> Option<Instant> {
        self.bans.iter().filter(|ban| !ban.in_flight() && !ban.leaves()).filter_map(|ban| ban.until).min()
    }

    /// Takes out those whose time is over; `ended` hears of each. One that the kernel may hold for longer is lifted instead.
    #[inline(never)] // smaller
    pub fn end(&mut self, now: Instant, ended: &mut dyn FnMut(&PrefixBan)) {
        self.keep(&mut |ban| {
            if ban.in_flight() || ban.leaves() || ban.until.is_none_or(|until| until > now) {
                return true;
            }
            if ban.state == State::Wanted && ban.held {
                ban.state = State::Releasing;
                return true;
            }
            ended(ban);
            false
        });
    }

    /// The kernel lost everything.
    #[inline(never)] // smaller
    pub fn want_all_again(&mut self) {
        self.doubted |= self.bans.iter().any(PrefixBan::in_flight);
        self.keep(&mut |ban| {
            if ban.state == State::Installed {
                ban.state = State::Wanted;
            }
            ban.held &= ban.in_flight();
            ban.state != State::Releasing
        });
    }

    /// Holds the bans of a family against what was listed: what is missing or ends at another time is wanted again, what
    /// nobody banned is taken in, prefix by prefix. Returns how many were missing, and how many found no room.
    #[inline(never)] // smaller
    pub fn compare(&mut self, family: Family, now: Instant) -> (u32, u64) {
        let Self { bans, listed, .. } = self;
        let (mut missing, mut homeless) = (0, u64::from(listed.overflow()));
        for ban in bans.iter_mut().filter(|ban| ban.prefix.family() == family && ban.state == State::Installed) {
            let mut held = ban.until.is_some_and(|until| until <= now);
            listed.prefixes(family, &mut |prefix, element| {
                held |= prefix.covers(&ban.prefix) && same(ban.until, until(element, now));
            });
            if !held {
                ban.state = State::Wanted;
                missing += 1;
            }
        }
        let known = bans.len();
        listed.prefixes(family, &mut |prefix, element| {
            if !bans.iter().take(known).any(|ban| ban.prefix.overlaps(&prefix)) {
                let (until, jail, state) = (until(element, now), ADOPTED, State::Installed);
                let found = PrefixBan { prefix, until, jail, state, forced: false, held: true, foreign: true };
                homeless += u64::from(bans.push(found).is_err());
            }
        });
        (missing, homeless)
    }
}

fn until(element: &Element, now: Instant) -> Option<Instant> {
    element.expiration.or(element.timeout).map(|left| now + left)
}

impl Default for Prefixes {
    fn default() -> Self {
        Self::new()
    }
}
