//! Comparing the kernel's sets with the bans: at the start, to adopt what an earlier run left, and whenever others may
//! have changed something unseen.

use super::{Audit, Flight, Foreign, Kind, Link, Outcome, Stage};
use crate::addr::{Addr, Family};
use crate::ban::{Bans, Found};
use crate::event::{Event, Events};
use crate::time::Instant;
use crate::wire::nft::elem::{Element, Elements};
use crate::wire::reply::NetlinkError;

/// Audits that may be interrupted by changes of the ruleset one after the other; then what was seen has to do. Bans that
/// were missed by that are sent again, which changes nothing where the kernel holds them.
const RESTARTS: u8 = 3;

impl Link {
    /// Wants the kernel's sets compared with the bans.
    pub(super) fn want_audit(&mut self) {
        self.audit = Audit::Due;
    }

    /// Whether elements that were found stay: those of an earlier run at the start, and those of others if the operator
    /// wants that.
    #[must_use]
    pub fn keeps_foreign(&self) -> bool {
        !self.started || self.layout.foreign == Foreign::Keep
    }

    /// Takes elements of a set as the kernel lists or announces them.
    pub(super) fn take_elements<const N: usize, const I: usize>(
        &mut self,
        elements: Elements<'_>,
        family: Family,
        bans: &mut Bans<N, I>,
        now: Instant,
    ) {
        for element in elements {
            let Ok(element) = element else {
                self.counters.malformed += 1;
                return;
            };
            let Some(addr) = self.banned_by(&element, family) else { continue };
            let until = match (element.timeout, element.expiration) {
                (_, Some(left)) | (Some(left), None) => Some(now + left),
                (None, None) => None,
            };
            if bans.found(addr, until) == Found::Full {
                self.counters.unadopted += 1;
            }
        }
    }

    /// Whom an element bans under the present layout. Elements of another width make the sets be made anew, with what
    /// their prefix becomes; a prefix that is wider than the layout knows cannot be kept.
    pub(super) fn banned_by(&mut self, element: &Element, family: Family) -> Option<Addr> {
        let widths = self.layout.widths;
        let addr = element.addr(family)?;
        if element.key_len() != widths.of(family).div_ceil(8) {
            self.fresh_sets = true;
            if element.key_len() < widths.of(family).div_ceil(8) {
                self.counters.unadopted += 1;
                return None;
            }
        }
        let network = widths.network(addr);
        self.fresh_sets |= network != addr;
        // A set of IPv6 addresses can hold a mapped one, which no packet carries.
        (addr.family() == family).then_some(network)
    }

    /// One set was listed, or not.
    pub(super) fn judge_dump<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        outcome: Outcome,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        match outcome {
            Outcome::Committed if flight.disturbed && self.restarts < RESTARTS => {
                self.restarts += 1;
                self.audit = Audit::Due;
            }
            Outcome::Committed => {
                let mut missing = 0;
                if let Kind::DumpPrefixes(family) = flight.kind {
                    let (gone, homeless) = bans.prefixes_mut().compare(family, now);
                    self.counters.unadopted += homeless;
                    missing = gone;
                }
                self.audit = match flight.kind {
                    Kind::Dump(Family::V4) => Audit::At(Family::V6),
                    Kind::Dump(_) if self.has_prefixes => Audit::AtPrefixes(Family::V4),
                    Kind::DumpPrefixes(Family::V4) => Audit::AtPrefixes(Family::V6),
                    _ => {
                        self.restarts = 0;
                        self.counters.audits += 1;
                        missing += bans.end_audit(now);
                        if self.fresh_sets {
                            // The sets go with all elements, so every ban has to be sent.
                            self.stage = Stage::Missing;
                            bans.want_all_again();
                        }
                        Audit::None
                    }
                };
                if missing > 0 && self.stage == Stage::Installed && self.healing.is_none() {
                    self.healing = Some((now, self.pending.by()));
                }
            }
            Outcome::Refused(NetlinkError::ENOENT, _) => {
                self.audit = Audit::None;
                self.lose_table(bans, now, events);
            }
            Outcome::Refused(..) | Outcome::Unknown => {
                self.audit = Audit::Due;
                events.push(Event::AnswerLost { entries: 0 });
                self.retry.failed(now);
            }
        }
    }
}
