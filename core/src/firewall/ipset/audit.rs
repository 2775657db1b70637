//! Holding the sets against the bans, as nothing announces what others do to them.

use super::step::Step;
use super::{Link, RENEWAL};
use crate::addr::Family;
use crate::ban::{Bans, Found};
use crate::event::{Event, Events};
use crate::time::{Duration, Instant};
use crate::wire::ipset::list::SetPart;
use crate::wire::nft::generation::Culprit;

/// How often the elements are counted.
pub const CHECK: Duration = Duration::from_secs(5);

/// What is looked at, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Audit {
    /// Nobody wants to know.
    Never,
    /// The first list: nothing is banned before.
    First(Family),
    /// From then on the elements are counted.
    At(Instant),
    Count(Family),
    List(Family),
}

impl Audit {
    pub(super) const fn at(self) -> Option<Instant> {
        match self {
            Self::Never => None,
            Self::At(at) => Some(at),
            _ => Some(Instant::ZERO),
        }
    }

    /// The sets are new.
    pub(super) const fn restart(&mut self) {
        if !matches!(self, Self::Never) {
            *self = Self::First(Family::V4);
        }
    }
}

impl Link {
    /// Adopts what the sets hold, and looks after what others do to them from then on.
    pub const fn follow(&mut self) {
        self.audit = Audit::First(Family::V4);
    }

    /// Whether the sets were listed since they are there.
    #[must_use]
    pub const fn is_adopted(&self) -> bool {
        !matches!(self.audit, Audit::First(_))
    }

    /// Elements of others that found no room in the ban table.
    #[must_use]
    pub const fn unadopted(&self) -> u64 {
        self.unadopted
    }

    /// Times that the sets had other elements than they should.
    #[must_use]
    pub const fn disturbed(&self) -> u64 {
        self.disturbed
    }

    pub(super) fn next_look(&mut self, now: Instant) -> Option<Step> {
        match self.audit {
            Audit::Never => None,
            Audit::At(at) if at > now => None,
            Audit::At(_) => {
                self.audit = Audit::Count(Family::V4);
                Some(Step::Count(Family::V4))
            }
            Audit::Count(family) => Some(Step::Count(family)),
            Audit::First(family) | Audit::List(family) => Some(Step::List(family)),
        }
    }

    /// Begins the list anew, as it is written.
    pub(super) fn begin_look<const N: usize, const I: usize>(&mut self, step: Step, bans: &mut Bans<N, I>) {
        self.uneven = true;
        if step == Step::List(Family::V4) {
            bans.begin_audit();
        }
    }

    /// Takes a part of a list.
    #[inline(never)]
    pub(super) fn look<const N: usize, const I: usize>(
        &mut self,
        part: SetPart<'_>,
        step: Step,
        bans: &mut Bans<N, I>,
        now: Instant,
    ) {
        if let Some(flight) = &mut self.flight {
            flight.deadline = now + super::ANSWER_TIMEOUT;
        }
        if let Step::Count(family) = step {
            if let Some((_, parameters)) = part.header {
                self.uneven = parameters.elements != Some(bans.installed_of(family));
            }
            return;
        }
        for member in part {
            let Ok(member) = member else {
                self.malformed += 1;
                return;
            };
            // An IPv6 set can hold a mapped address, which no packet carries.
            if member.addr.family() != member.family {
                continue;
            }
            let left = member.timeout.filter(|secs| *secs > 0).map(|secs| now + Duration::from_secs(secs.into()));
            let until = match bans.find(member.addr) {
                // The kernel holds it with less, and it is renewed.
                Some(ban) if left.is_some() && ban.until.is_some_and(|until| until.since(now) > RENEWAL) => ban.until,
                _ => left,
            };
            if bans.found(member.addr, until) == Found::Full {
                self.unadopted += 1;
            }
        }
    }

    /// A list or a count has ended.
    #[inline(never)]
    pub(super) fn looked<const N: usize, const I: usize>(
        &mut self,
        step: Step,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        self.retry.succeeded();
        let first = !self.is_adopted();
        self.audit = match step {
            Step::Count(_) if self.uneven => Audit::List(Family::V4),
            Step::Count(Family::V4) => Audit::Count(Family::V6),
            Step::List(Family::V4) if first => Audit::First(Family::V6),
            Step::List(Family::V4) => Audit::List(Family::V6),
            _ => Audit::At(now + CHECK),
        };
        if step == Step::List(Family::V6) {
            let missing = bans.end_audit(now);
            if missing > 0 && !first {
                self.disturbed += 1;
                events.push(Event::Disturbed { by: Culprit::default(), mends: true, lost: true });
                self.healing.get_or_insert(now);
            }
        }
    }

    /// Says so if everything is in the sets again.
    pub(super) fn healed<const N: usize, const I: usize>(
        &mut self,
        bans: &Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        if let Some(since) = self.healing
            && bans.waiting() == 0
        {
            self.healing = None;
            let took = now.since(since);
            events.push(Event::Restored { bans: bans.installed(), took, by: Culprit::default() });
        }
    }
}
