//! The dialogue with ipset: one message at a time, each applied and answered by itself.
//!
//! Two sets, `NAME_v4` and `NAME_v6` of the type `hash:ip` with timeouts, hold the banned addresses; which packets are
//! dropped because of them is a matter of rules that are not made here. There is no transaction and no fence: every
//! command is acked by its own sequence number, and the next is sent when that answer is here.
//!
//! What an answer to many elements proves ([`crate::wire::ipset::elem`]):
//! - an ack: all of them;
//! - an error with a line: those before the line are applied, the line's and those behind are not;
//! - `EPERM` and `ENOENT`: none, the kernel looked at no element;
//! - another error without a line, or no answer: nobody knows, so the elements are sent again. All commands are
//!   idempotent (never `NLM_F_EXCL`).
//!
//! What follows a failure is decided here and nowhere else:
//! - the refused element goes to the end of the queue; the others are sent again at once if the message got anywhere, else
//!   after a wait from [`BACKOFF_MIN`] doubling to [`BACKOFF_MAX`];
//! - `IPSET_ERR_HASH_ELEM`: the address of zeros, which no set takes: the ban is given up ([`Event::NeverInstalled`]);
//! - `IPSET_ERR_HASH_FULL`: additions to that set wait, with a backoff of their own; liftings and the other set go on;
//! - `ENOENT`: a set is gone. The sets are made anew and every installed ban is sent again. The other set may still stand,
//!   so nothing is taken for lifted: liftings are sent too. For a lifting alone `ENOENT` is what was wanted;
//! - a set of our name with another type, family, size or other extensions is refused and left alone
//!   ([`Event::SetRefused`], [`step_name`] names the step), and asked for again after a wait. A set of the same kind is
//!   kept with its elements.
//!
//! Timeouts are whole seconds, rounded up and never zero, which would be for ever: an element outlives its ban by less than
//! a second. The kernel takes 24.8 days at most ([`MAX_TIMEOUT`](crate::wire::ipset::elem::MAX_TIMEOUT)). A longer ban gets that, and every [`RENEWAL`] all such
//! bans are added again; so a ban never ends late, not even if edgeban is killed. A permanent ban is permanent in the kernel.
//!
//! ipset has no notifications: somebody else's `ipset flush` or `del` is not noticed.

mod name;
mod step;
mod timeout;

use self::name::{STEM, set_name, stem};
use self::step::{CREATE, SCAFFOLD, Step};
use self::timeout::{Walk, next_long, plan, timeout};
use super::dialogue::{Backoff, announce, keep};
use crate::addr::{Addr, Family};
use crate::ban::{Bans, Landing, State, index};
use crate::event::{Event, Events};
use crate::limits;
use crate::time::Instant;
use crate::wire::buf::{Full, Writer};
use crate::wire::ipset::SetType;
use crate::wire::ipset::answer::{Answers, Body};
use crate::wire::ipset::elem::{Change, ElemList};
use crate::wire::ipset::kernel::{GetProtocol, GetType};
use crate::wire::ipset::set::{Command, Create};
use crate::wire::nl::Tag;
use crate::wire::reply::{NetlinkError, Reply};
use crate::wire::uapi::ip_set::IPSET_PROTOCOL_MIN;
use heapless::{String, Vec};

pub use self::name::SET_NAME;
pub use self::step::step_name;
pub use self::timeout::RENEWAL;
pub use super::dialogue::{ANSWER_TIMEOUT, BACKOFF_MAX, BACKOFF_MIN, KernelText};

/// Bans in one message at most: behind some hundred the price of a message is nothing beside that of its elements.
pub const BATCH: usize = 256;

/// Bytes that one message can need: [`BATCH`] IPv6 elements of 44 bytes, and the headers.
pub const DATAGRAM: usize = 12 * 1024;

/// Bytes that an answer can need: an error with a line repeats the request behind 20 bytes.
pub const ANSWER: usize = DATAGRAM + 64;

/// Most elements of a set unless told otherwise: as many as there can be bans. The kernel's own default is 65,536.
pub const MAXELEM: u32 = limits::BANS_U32;

/// The message whose answer is awaited.
#[derive(Clone, Copy, Debug)]
struct Flight {
    step: Step,
    seq: u32,
    entries: u32,
    deadline: Instant,
}

/// What became of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Done,
    Refused(NetlinkError, Option<u32>),
    Unknown,
}

/// Whether the kernel holds our sets, as far as it told us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Sets {
    /// The next of [`SCAFFOLD`].
    Missing(usize),
    Installed,
    /// To be destroyed at the end of the run.
    Unwanted(Step),
    Deleted,
}

/// The dialogue's state.
pub struct Link {
    stem: String<STEM>,
    maxelem: u32,
    protocol: u8,
    revision: u8,
    sets: Sets,
    next_seq: u32,
    flight: Option<Flight>,
    /// The addresses of the ADD or DEL in flight, by their lines.
    sent: Vec<Addr, BATCH>,
    text: KernelText,
    retry: Backoff,
    /// For additions to a full set.
    full: [Backoff; 2],
    /// Whose turn it is if both families have additions.
    turn: Family,
    renew_at: Option<Instant>,
    walk: Option<Walk>,
    strays: u64,
    malformed: u64,
}

const fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

impl Link {
    /// A dialogue about the sets of this name that has not begun.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::with_maxelem(name, MAXELEM)
    }

    /// As [`Link::new`], with another size of the sets.
    #[must_use]
    pub fn with_maxelem(name: &str, maxelem: u32) -> Self {
        Self {
            stem: stem(name),
            maxelem,
            protocol: IPSET_PROTOCOL_MIN,
            revision: 0,
            sets: Sets::Missing(0),
            next_seq: 1,
            flight: None,
            sent: Vec::new(),
            text: String::new(),
            retry: Backoff::new(),
            full: [Backoff::new(); 2],
            turn: Family::V4,
            renew_at: None,
            walk: None,
            strays: 0,
            malformed: 0,
        }
    }

    /// The name of a family's set, for the rule that looks into it.
    #[must_use]
    pub fn set_name(&self, family: Family) -> String<SET_NAME> {
        set_name(&self.stem, family)
    }

    /// Answers that belonged to no message in flight.
    #[must_use]
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    /// Datagrams that broke off or contradicted themselves.
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// The kernel's own words about its last refusal (`NLMSGERR_ATTR_MSG`); ipset has hardly any.
    #[must_use]
    pub fn kernel_text(&self) -> &str {
        &self.text
    }

    /// Whether the kernel confirmed both sets.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.sets == Sets::Installed
    }

    /// Wants the sets destroyed, at a clean end. Bans are not sent any more. A set that a rule still uses is emptied
    /// instead, and `IPSET_ERR_BUSY` said: take the rule out before.
    pub fn delete_table(&mut self) {
        if self.sets == Sets::Installed {
            self.sets = Sets::Unwanted(Step::Destroy(Family::V4));
            self.retry.hurry();
        }
    }

    /// Whether it can ban prefixes of any length: its sets hold single addresses.
    #[must_use]
    pub const fn takes_prefixes(&self) -> bool {
        false
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.flight.is_none()
    }

    /// When there is something to do without further input, as far as the dialogue is concerned.
    #[must_use]
    pub fn poll_at<const N: usize, const I: usize>(&self, bans: &Bans<N, I>) -> Option<Instant> {
        match (&self.flight, self.sets) {
            (Some(flight), _) => Some(flight.deadline),
            (None, Sets::Deleted) => None,
            (None, Sets::Installed) => {
                let removal = bans.next_releasing().map(|_| Instant::ZERO);
                let additions =
                    [Family::V4, Family::V6].map(|family| bans.next_wanted(family).map(|_| self.full(family)));
                let renewal = if self.walk.is_some() { Some(Instant::ZERO) } else { self.renew_at };
                let next = [removal, renewal].into_iter().chain(additions).flatten().min()?;
                Some(next.max(self.retry.at()))
            }
            (None, _) => Some(self.retry.at()),
        }
    }

    /// Until when additions to a set wait because it is full.
    fn full(&self, family: Family) -> Instant {
        self.full.get(index(family)).map_or(Instant::ZERO, Backoff::at)
    }

    /// Writes the next message for the kernel into `out` (of [`DATAGRAM`] bytes) and returns its length. To be called
    /// until it returns `None`.
    pub fn poll_transmit<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        now: Instant,
        out: &mut [u8],
    ) -> Option<usize> {
        if self.flight.is_some() || now < self.retry.at() {
            return None;
        }
        let step = self.next_step(bans, now)?;
        let mut w = Writer::new(out);
        self.sent.clear();
        if self.write(step, bans, now, &mut w).is_err() || w.is_empty() {
            // The buffer is smaller than DATAGRAM: what was taken goes back.
            while bans.landed(Landing::Refused).is_some() {}
            return None;
        }
        let entries = u32::try_from(self.sent.len()).unwrap_or(0);
        self.flight = Some(Flight { step, seq: self.next_seq, entries, deadline: now + ANSWER_TIMEOUT });
        self.next_seq = self.next_seq.wrapping_add(1);
        Some(w.len())
    }

    fn next_step<const N: usize, const I: usize>(&mut self, bans: &Bans<N, I>, now: Instant) -> Option<Step> {
        match self.sets {
            Sets::Deleted => return None,
            Sets::Unwanted(step) => return Some(step),
            Sets::Missing(n) => return SCAFFOLD.get(n).map(|(step, _)| *step),
            Sets::Installed => {}
        }
        if let Some((_, addr, _)) = bans.next_releasing() {
            return Some(Step::Del(addr.family()));
        }
        for family in [self.turn, other(self.turn)] {
            if now >= self.full(family) && bans.next_wanted(family).is_some() {
                self.turn = other(family);
                return Some(Step::Add(family));
            }
        }
        self.next_renewal(bans, now)
    }

    /// Finds the next bans that the kernel holds with a shorter timeout than they have.
    fn next_renewal<const N: usize, const I: usize>(&mut self, bans: &Bans<N, I>, now: Instant) -> Option<Step> {
        if self.walk.is_none() && self.renew_at.is_some_and(|at| at <= now) {
            self.renew_at = None;
            self.walk = Some(Walk { family: Family::V4, cell: 0, next: 0 });
        }
        while let Some(walk) = &mut self.walk {
            if next_long(bans, walk.family, walk.cell, now).is_some() {
                return Some(Step::Renew(walk.family));
            }
            self.walk = match walk.family {
                Family::V4 => Some(Walk { family: Family::V6, cell: 0, next: 0 }),
                Family::V6 => None,
            };
        }
        None
    }

    fn write<const N: usize, const I: usize>(
        &mut self,
        step: Step,
        bans: &mut Bans<N, I>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let (protocol, family) = (self.protocol, step.family());
        let name = &self.set_name(family);
        // What is answered by data needs no ack behind it.
        let (ask, order) = (Tag::silent(self.next_seq), Tag::acked(self.next_seq));
        let (command, tag) = match step {
            Step::Protocol => return GetProtocol.emit(ask, w),
            Step::Type => return GetType { kind: SetType::HashIp, family }.emit(protocol, ask, w),
            Step::Create(_) => {
                let (kind, revision, maxelem) = (SetType::HashIp, self.revision, Some(self.maxelem));
                return Create { name, kind, family, revision, hashsize: None, maxelem }.emit(protocol, order, w);
            }
            Step::Check(_) => (Command::Header, ask),
            Step::Destroy(_) => (Command::Destroy, order),
            Step::Flush(_) => (Command::Flush, order),
            Step::Add(_) | Step::Renew(_) => return self.write_elements(step, Change::Add, name, bans, now, w),
            Step::Del(_) => return self.write_elements(step, Change::Del, name, bans, now, w),
        };
        command.emit(name, protocol, tag, w)
    }

    fn write_elements<const N: usize, const I: usize>(
        &mut self,
        step: Step,
        change: Change,
        name: &str,
        bans: &mut Bans<N, I>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Result<(), Full> {
        let family = step.family();
        let mut list = ElemList::begin(w, self.protocol, Tag::acked(self.next_seq), change, name)?;
        let mut place = self.walk.map_or(0, |walk| walk.cell);
        while !self.sent.is_full() {
            // The slot of a ban that waits, or where the walk goes on behind one that is renewed.
            let next = match step {
                Step::Del(_) => bans.next_releasing().map(|(slot, addr, _)| (Ok(slot), addr, None)),
                Step::Add(_) => bans.next_wanted(family).map(|(slot, addr, ban)| (Ok(slot), addr, ban.until)),
                _ => next_long(bans, family, place, now).map(|(next, addr, until)| (Err(next), addr, Some(until))),
            };
            let Some((from, addr, until)) = next else { break };
            if addr.family() != family || list.push(addr, None, timeout(until, now, &mut self.renew_at)).is_err() {
                break;
            }
            // Not full: the loop's condition.
            let _ = self.sent.push(addr);
            match from {
                Ok(slot) => bans.sent(slot),
                Err(next) => place = next,
            }
        }
        if let (Step::Renew(_), Some(walk)) = (step, &mut self.walk) {
            walk.next = place;
            // Another walk follows in any case, for what this one may miss.
            plan(&mut self.renew_at, now);
        }
        if list.finish() > 0 { Ok(()) } else { Err(Full) }
    }

    /// Takes a datagram from the kernel.
    pub fn handle<const N: usize, const I: usize>(
        &mut self,
        datagram: &[u8],
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        for answer in Answers::new(datagram) {
            let Ok(answer) = answer else {
                self.malformed += 1;
                return;
            };
            let Some(step) = self.flight.filter(|flight| flight.seq == answer.seq).map(|flight| flight.step) else {
                self.strays += 1;
                continue;
            };
            let verdict = match (answer.body, step) {
                (Body::Protocol(range), Step::Protocol) => match range.choose() {
                    Some(protocol) => {
                        self.protocol = protocol;
                        Verdict::Done
                    }
                    None => Verdict::Refused(NetlinkError::IPSET_PROTOCOL, None),
                },
                (Body::Type(range), Step::Type) => {
                    // The oldest revision: it has all that is used here, and every `ipset` can show it.
                    self.revision = range.min;
                    Verdict::Done
                }
                (Body::Header(header), Step::Check(family)) if header.is(SetType::HashIp, family) => Verdict::Done,
                (Body::Header(_), Step::Check(_)) => Verdict::Refused(NetlinkError::IPSET_TYPE_MISMATCH, None),
                (Body::Reply(Reply::Ack { .. }, _), _) => Verdict::Done,
                (Body::Reply(Reply::Error { error, text, .. }, line), _) => {
                    keep(&mut self.text, text);
                    Verdict::Refused(error, line)
                }
                _ => {
                    self.strays += 1;
                    continue;
                }
            };
            self.land(verdict, bans, now, events);
        }
    }

    /// The answers were lost: nobody knows what became of the message.
    pub fn lost<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        self.land(Verdict::Unknown, bans, now, events);
    }

    /// Gives up on an answer that did not come in time.
    pub fn expire<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        if self.flight.is_some_and(|flight| flight.deadline <= now) {
            self.lost(bans, now, events);
        }
    }

    fn land<const N: usize, const I: usize>(
        &mut self,
        verdict: Verdict,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        let Some(flight) = self.flight.take() else { return };
        let applied = self.take_down(flight.step, verdict, bans, events);
        match verdict {
            Verdict::Done => self.done(flight.step, events),
            Verdict::Unknown => {
                events.push(Event::AnswerLost { entries: flight.entries });
                self.retry.failed(now);
            }
            Verdict::Refused(error, line) => {
                let entries = flight.entries.saturating_sub(applied);
                self.refused(flight.step, error, line, entries, bans, now, events);
            }
        }
    }

    /// A message was taken whole.
    fn done(&mut self, step: Step, events: &mut Events) {
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
        }
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
    fn refused<const N: usize, const I: usize>(
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
            Step::Add(_) | Step::Del(_) | Step::Renew(_) if error == NetlinkError::ENOENT => {
                events.push(Event::TableLost);
                // Unless the end has come in the meantime.
                if self.sets == Sets::Installed {
                    self.sets = Sets::Missing(CREATE);
                }
                self.walk = None;
                self.retry.lost(now);
                bans.want_installed_again(true);
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
    fn take_down<const N: usize, const I: usize>(
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

#[cfg(test)]
mod tests;
