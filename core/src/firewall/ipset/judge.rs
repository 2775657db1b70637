//! What an answer was found to say, and what follows from it.

use super::super::dialogue::announce;
use super::step::{CREATE, SCAFFOLD, Step};
use super::{Link, Sets, Verdict};
use crate::addr::Family;
use crate::ban::{Bans, Landing, State, index};
use crate::event::{Event, Events};
use crate::time::Instant;
use crate::wire::reply::NetlinkError;

impl Link {
    /// A message was taken whole.
    #[inline(never)]
    pub(super) fn done<const N: usize, const I: usize>(
        &mut self,
        step: Step,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        match step {
            Step::Add(family) => {
                self.retry.succeeded();
                if let Some(full) = self.full.get_mut(index(family)) {
                    full.succeeded();
                }
            }
            Step::Del(family) => {
                self.retry.succeeded();
                // There is room now, if that was missing.
                if let Some(full) = self.full.get_mut(index(family)) {
                    full.hurry();
                }
            }
            Step::Renew(_) => {
                self.retry.succeeded();
                if let Some(walk) = &mut self.walk {
                    walk.cell = walk.next;
                }
            }
            Step::Protocol | Step::Type | Step::Create(_) | Step::Check(_) => self.next_scaffold(events),
            Step::Destroy(family) | Step::Flush(family) => self.next_destruction(family),
            Step::Count(_) | Step::List(_) => self.looked(step, bans, now, events),
        }
        self.healed(bans, now, events);
    }

    fn next_scaffold(&mut self, events: &mut Events) {
        if let Sets::Missing(n) = self.sets {
            if n + 1 < SCAFFOLD.len() {
                self.sets = Sets::Missing(n + 1);
            } else {
                self.sets = Sets::Installed;
                events.push(Event::Ready);
            }
        }
    }

    fn next_destruction(&mut self, family: Family) {
        self.sets = match family {
            Family::V4 => Sets::Unwanted(Step::Destroy(Family::V6)),
            Family::V6 => Sets::Deleted,
        };
    }

    /// A message was refused: what follows. `entries` of it were not applied.
    #[expect(clippy::too_many_arguments, reason = "the answer's three, and what every step takes")]
    #[inline(never)]
    pub(super) fn refused<const N: usize, const I: usize>(
        &mut self,
        step: Step,
        error: NetlinkError,
        line: Option<u32>,
        entries: u32,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        match step {
            Step::Protocol | Step::Type | Step::Create(_) | Step::Check(_) => {
                let n = if let Sets::Missing(n) = self.sets { n } else { 0 };
                events.push(Event::SetRefused { error, step: u32::try_from(n).unwrap_or(0) });
                self.sets = Sets::Missing(0);
                self.retry.failed(now);
            }
            // As good as destroyed: nobody is in it any more.
            Step::Destroy(family) if error == NetlinkError::IPSET_BUSY => {
                events.push(Event::BatchRefused { error, entries: 0 });
                self.sets = Sets::Unwanted(Step::Flush(family));
            }
            // Already gone is what was wanted; anything else cannot be mended by waiting, the program ends.
            Step::Destroy(family) | Step::Flush(family) => {
                if error != NetlinkError::ENOENT {
                    events.push(Event::BatchRefused { error, entries: 0 });
                }
                self.next_destruction(family);
            }
            Step::Add(_) | Step::Del(_) | Step::Renew(_) | Step::Count(_) | Step::List(_)
                if error == NetlinkError::ENOENT =>
            {
                events.push(Event::TableLost);
                // Unless the end has come in the meantime.
                if self.sets == Sets::Installed {
                    self.sets = Sets::Missing(CREATE);
                }
                self.walk = None;
                self.audit.restart();
                self.retry.lost(now);
                bans.want_installed_again(true);
            }
            Step::Count(_) | Step::List(_) => {
                events.push(Event::BatchRefused { error, entries });
                self.retry.failed(now);
            }
            Step::Renew(_) => {
                // Why an element that is there was refused is not known, and so it may not be there.
                events.push(Event::BatchRefused { error, entries });
                self.walk = None;
                self.retry.failed(now);
                bans.want_installed_again(true);
            }
            Step::Add(_) | Step::Del(_) => {
                events.push(Event::BatchRefused { error, entries });
                let culprit = line.and_then(|line| usize::try_from(line).ok()?.checked_sub(1));
                match culprit.and_then(|n| self.sent.get(n)) {
                    // No set ever takes it, and no packet comes from it.
                    Some(addr) if error == NetlinkError::IPSET_HASH_ELEM => {
                        bans.forget(*addr);
                        events.push(Event::NeverInstalled { addr: *addr });
                        return;
                    }
                    Some(addr) => bans.postpone(*addr),
                    None => {}
                }
                let full = match step {
                    Step::Add(family) if error == NetlinkError::IPSET_HASH_FULL => self.full.get_mut(index(family)),
                    _ => None,
                };
                match full {
                    Some(full) => full.failed(now),
                    None if culprit.is_none_or(|n| n == 0) => self.retry.failed(now),
                    None => {}
                }
            }
        }
    }

    /// Takes the entries of an ADD or DEL out of flight and says how many the kernel surely applied.
    #[inline(never)]
    pub(super) fn take_down<const N: usize, const I: usize>(
        &self,
        step: Step,
        verdict: Verdict,
        bans: &mut Bans<N, I>,
        events: &mut Events,
    ) -> u32 {
        let all = u32::try_from(self.sent.len()).unwrap_or(0);
        let (applied, rest) = match verdict {
            Verdict::Done => (all, Landing::Committed),
            // There is no set that could hold them.
            Verdict::Refused(NetlinkError::ENOENT, _) if matches!(step, Step::Del(_)) => (all, Landing::Committed),
            Verdict::Refused(NetlinkError::ENOENT | NetlinkError::EPERM, _) => (0, Landing::Refused),
            Verdict::Refused(_, Some(line)) if (1..=all).contains(&line) => (line - 1, Landing::Refused),
            Verdict::Refused(..) | Verdict::Unknown => (0, Landing::Unknown),
        };
        if matches!(step, Step::Add(_) | Step::Del(_)) {
            for (n, addr) in (0..).zip(&self.sent) {
                // Some may have been taken out of flight by another decision; the others are in it in this order.
                let state = bans.find(*addr).map(|ban| ban.state());
                if !matches!(state, Some(State::InFlight | State::ReleasingInFlight)) {
                    continue;
                }
                let landing = if n < applied { Landing::Committed } else { rest };
                if let Some((addr, ban)) = bans.landed(landing)
                    && landing == Landing::Committed
                {
                    announce(events, addr, &ban);
                }
            }
        }
        applied
    }
}
