//! What an exchange was found to be, and what follows from it.

use super::super::dialogue::announce;
use super::{Audit, BATCH, Flight, Kind, Link, Outcome, Stage, Wake};
use crate::addr::Family;
use crate::ban::{Bans, Landing, State};
use crate::event::{Event, Events};
use crate::time::Instant;
use crate::wire::nft::scaffold::Part;
use crate::wire::nft::set::SetShape;
use crate::wire::reply::NetlinkError;

impl Link {
    pub(super) fn judge<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        outcome: Outcome,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        match flight.kind {
            Kind::Dump(_) | Kind::DumpPrefixes(_) => return self.judge_dump(flight, outcome, bans, now, events),
            Kind::Probe => return self.judge_probe(outcome, now, events),
            Kind::Check => return,
            Kind::Wake | Kind::Scaffold | Kind::Bans | Kind::Prefixes | Kind::Removals | Kind::DeleteTable => {}
        }
        // Committed to a table that somebody changed before: its rules may be gone, so nobody is announced as banned yet.
        let doubtful = matches!(flight.kind, Kind::Bans | Kind::Prefixes) && self.rebuild;
        self.take_down(flight, if doubtful { Outcome::Unknown } else { outcome }, bans, events);
        match outcome {
            Outcome::Committed => self.go_on(flight, bans, now, events),
            Outcome::Unknown => {
                self.counters.lost += 1;
                events.push(Event::AnswerLost { entries: flight.entries });
                self.retry.failed(now);
            }
            Outcome::Refused(error, message) => {
                self.counters.refused += 1;
                self.refused(flight, error, message, bans, now, events);
            }
        }
    }

    fn go_on<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        bans: &Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        if !matches!(flight.kind, Kind::Scaffold | Kind::Wake) {
            self.retry.succeeded();
        }
        self.batch = self.batch.saturating_mul(2).min(BATCH);
        self.note_batch(flight.entries, now);
        match flight.kind {
            Kind::Scaffold => {
                self.started = true;
                self.rebuild = false;
                self.probe.table = true;
                self.fresh_table = false;
                self.fresh_sets = false;
                self.bare = false;
                self.wake = Wake::No;
                if self.with_prefixes {
                    self.has_prefixes = !flight.disturbed;
                    self.retry_prefixes.succeeded();
                }
                if core::mem::take(&mut self.audit_later) {
                    self.want_audit();
                }
                // Deleted again while the answer was on its way: it stays missing.
                if !flight.disturbed && core::mem::replace(&mut self.stage, Stage::Installed) != Stage::Installed {
                    events.push(Event::Ready);
                }
            }
            Kind::DeleteTable => self.stage = Stage::Deleted,
            Kind::Wake => self.wake = Wake::Done,
            Kind::Prefixes => self.retry_prefixes.succeeded(),
            _ => {}
        }
        if let Some((since, by)) = self.healing
            && self.stage == Stage::Installed
            && bans.waiting() + bans.prefixes().waiting() == 0
        {
            self.healing = None;
            events.push(Event::Restored { bans: bans.installed(), took: now.since(since), by });
        }
    }

    fn refused<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        error: NetlinkError,
        message: u32,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        match flight.kind {
            Kind::Scaffold => self.refused_scaffold(flight, error, message, bans, now, events),
            // Already gone is what was wanted; anything else cannot be mended by waiting, the program ends.
            Kind::DeleteTable => {
                self.stage = Stage::Deleted;
                if error != NetlinkError::ENOENT {
                    events.push(Event::BatchRefused { error, entries: 0 });
                }
            }
            Kind::Removals if flight.absent != 0 => {}
            Kind::Bans | Kind::Prefixes if error == NetlinkError::ENOENT => self.lose_table(bans, now, events),
            // Whatever it is, the scaffold meets it, too.
            Kind::Wake => self.wake = Wake::Done,
            Kind::Prefixes => {
                events.push(Event::BatchRefused { error, entries: flight.entries });
                self.retry_prefixes.failed(now);
            }
            _ => {
                events.push(Event::BatchRefused { error, entries: flight.entries });
                self.batch = (flight.entries / 2).max(1);
                if flight.entries <= 1 {
                    self.retry.failed(now);
                }
            }
        }
    }

    /// The table is not there any more. It is installed at once the first time, but not in a circle with somebody who
    /// keeps deleting it.
    pub(super) fn lose_table<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        events.push(Event::TableLost);
        self.stage = Stage::Missing;
        self.fresh_sets = false;
        self.has_prefixes = false;
        self.audit = Audit::None;
        self.retry.lost(now);
        self.healing.get_or_insert((now, self.pending.by()));
        bans.want_all_again();
    }

    fn refused_scaffold<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        error: NetlinkError,
        message: u32,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        let part = self.part(message);
        if message > self.scaffold().messages() {
            // An element: the table is not to suffer for it.
            events.push(Event::BatchRefused { error, entries: flight.entries });
            self.bare = true;
            return;
        }
        match (error, part) {
            // An earlier run protected it and this one shall not, or the other way round.
            (NetlinkError::EOPNOTSUPP | NetlinkError::EINVAL, Some(Part::Table))
                if self.probe.table && !self.fresh_table =>
            {
                self.fresh_table = true;
                bans.want_installed_again(false);
                bans.prefixes_mut().want_all_again();
            }
            (NetlinkError::ENOENT, Some(Part::Table)) if self.fresh_table => {
                self.fresh_table = false;
                self.probe.table = false;
            }
            // Kernels before 6.9 do not know the flags.
            (NetlinkError::EOPNOTSUPP | NetlinkError::EINVAL, Some(Part::Table)) if self.is_protected() => {
                self.can_protect = false;
                self.fresh_table = false;
                events.push(Event::Unprotected { error });
            }
            // Our sets of an earlier layout: the probe or the audit before knows their elements.
            (NetlinkError::EEXIST, Some(Part::Set(_) | Part::Prefixes(_))) if !self.fresh_sets => {
                self.fresh_sets = true;
                bans.want_all_again();
            }
            (NetlinkError::ENOENT, Some(Part::Set(_))) if self.fresh_sets => self.fresh_sets = false,
            (NetlinkError::EINVAL, Some(Part::Chain)) if self.wake == Wake::No => self.wake = Wake::Due,
            // The others are not to suffer for them.
            (_, Some(Part::Prefixes(_))) => {
                events.push(Event::ScaffoldRefused { error, part });
                self.retry_prefixes.failed(now);
                self.has_prefixes = false;
                bans.prefixes_mut().want_all_again();
            }
            _ => {
                self.wake = Wake::No;
                self.fresh_table = false;
                events.push(Event::ScaffoldRefused { error, part });
                self.retry.failed(now);
            }
        }
    }

    /// What is there under our name?
    fn judge_probe(&mut self, outcome: Outcome, now: Instant, events: &mut Events) {
        let [v4, v6, ranges_v4, ranges_v6] = self.probe.sets;
        let prefixes = |set: Option<SetShape>, family| set.is_none_or(|set| set.holds_ranges(family));
        let ours = |set: Option<SetShape>, family| set.is_some_and(|set| set.holds_addresses(family));
        match outcome {
            Outcome::Unknown => {
                events.push(Event::AnswerLost { entries: 0 });
                self.retry.failed(now);
            }
            // Errors other than ENOENT.
            Outcome::Refused(error, _) => {
                events.push(Event::ScaffoldRefused { error, part: None });
                self.retry.failed(now);
            }
            _ if !self.probe.table => self.stage = Stage::Missing,
            _ if ours(v4, Family::V4)
                && ours(v6, Family::V6)
                && prefixes(ranges_v4, Family::V4)
                && prefixes(ranges_v6, Family::V6) =>
            {
                self.has_prefixes = ranges_v4.is_some() && ranges_v6.is_some();
                self.stage = Stage::Missing;
                self.audit = Audit::Due;
            }
            _ => {
                events.push(Event::ForeignTable);
                self.retry.failed(now);
            }
        }
    }

    /// Takes the entries of a batch out of flight.
    fn take_down<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        outcome: Outcome,
        bans: &mut Bans<N, I>,
        events: &mut Events,
    ) {
        if flight.absent != 0 {
            for (n, addr) in self.removals.iter().enumerate() {
                let in_flight = bans.find(*addr).is_some_and(|ban| ban.state() == State::ReleasingInFlight);
                if in_flight && flight.absent >> n & 1 == 1 {
                    bans.forget(*addr);
                    events.push(Event::Unbanned { addr: *addr, expired: false });
                }
            }
        }
        let landing = match outcome {
            Outcome::Committed => Landing::Committed,
            Outcome::Refused(..) => Landing::Refused,
            Outcome::Unknown => Landing::Unknown,
        };
        while let Some((addr, ban)) = bans.landed(landing) {
            if landing == Landing::Committed && !ban.is_doubted() {
                announce(events, addr, &ban);
            }
        }
        bans.prefixes_mut().landed(landing == Landing::Committed, &mut |ban| {
            events.push(match ban.state() {
                State::ReleasingInFlight => Event::PrefixUnbanned { prefix: ban.prefix, expired: false },
                _ => Event::PrefixBanned { prefix: ban.prefix, jail: ban.jail, until: ban.until },
            })
        });
    }
}
