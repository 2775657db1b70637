//! The dialogue with nf_tables: one batch at a time, judged as a whole.
//!
//! The kernel answers message by message, but applies or drops a batch as one: it acks other messages with 0 even when
//! one fails and everything is rolled back, and it reports EPERM, a stale generation and a failed commit on the sequence
//! number of the batch's begin (`net/netfilter/nfnetlink.c`, `nfnetlink_rcv_batch`). So each message has a number of its
//! own, a request for the generation (`NFT_MSG_GETGEN`) follows as a fence, and when the fence's answer arrives the batch
//! counts as committed only if its last message was acked with 0 and no error came for any of its numbers.
//!
//! What follows a failure is decided here and nowhere else:
//! - an error for a batch of several entries: the entries wait again, the next batch is half as large, at once. Halving
//!   isolates an entry that the kernel does not take, and success doubles the size again;
//! - an error for a batch of one entry, or for the scaffold: the entry goes to the end of the queue and the next batch
//!   waits, from [`BACKOFF_MIN`] doubling to [`BACKOFF_MAX`];
//! - `ENOENT` for an addition: our table or set is gone, so the scaffold is installed anew and every ban sent again;
//! - `ENOENT` for a removal: the kernel does not hold the element, which is what was wanted;
//! - an answer that does not come within [`ANSWER_TIMEOUT`], or a receive buffer that overflowed: nobody knows, so the
//!   entries are sent again. Additions are idempotent (never `NLM_F_EXCL`).

use super::dialogue::{Backoff, announce, keep};
use crate::addr::{Addr, Family};
use crate::ban::{Bans, Landing, State};
use crate::event::{Event, Events};
use crate::limits;
use crate::time::{Duration, Instant};
use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::{BatchBegin, BatchEnd};
use crate::wire::nft::chain::{FILTER, Hook};
use crate::wire::nft::elem::{Change, ElemList};
use crate::wire::nft::generation::GetGen;
use crate::wire::nft::scaffold::{self, Scaffold};
use crate::wire::nft::table::DelTable;
use crate::wire::nl::Tag;
use crate::wire::reply::{NetlinkError, Replies, Reply};
use heapless::{String, Vec};

pub use super::dialogue::{ANSWER_TIMEOUT, BACKOFF_MAX, BACKOFF_MIN, KernelText};

/// Bans in one batch at most: past some 256 elements a message the kernel's cost per element no longer falls.
pub const BATCH: u32 = 512;

/// Bytes that one batch can need: [`BATCH`] IPv6 elements of 40 bytes, extended ones twice more, and the messages around
/// them.
pub const DATAGRAM: usize = 32 * 1024;

/// Removals in one batch, each a message of its own so that an `ENOENT` names its element.
const REMOVALS: usize = 64;

/// Extended bans in one batch: each is added, deleted and added again, since kernels before 6.12 do not change the
/// timeout of an element that exists.
const REPLACEMENTS: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    Scaffold,
    Bans,
    Removals,
    DeleteTable,
}

/// The batch whose answer is awaited.
#[derive(Clone, Copy, Debug)]
struct Flight {
    kind: Kind,
    /// Sequence numbers: of the begin, of the last message before the end, of the end, and of the fence behind it.
    begin: u32,
    last: u32,
    end: u32,
    fence: u32,
    fence_sent: bool,
    acked: bool,
    /// The first error, and the number of its message.
    error: Option<(NetlinkError, u32)>,
    /// Removals that met `ENOENT`, a bit each.
    absent: u64,
    entries: u32,
    deadline: Instant,
}

/// What a batch was found to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Verdict {
    Committed,
    Refused(NetlinkError, u32),
    Unknown,
}

impl Flight {
    /// Whether a sequence number belongs to the batch.
    fn holds(&self, seq: u32) -> bool {
        seq.wrapping_sub(self.begin) <= self.end.wrapping_sub(self.begin)
    }

    fn verdict(&self) -> Verdict {
        match self.error {
            Some((error, seq)) => Verdict::Refused(error, seq.wrapping_sub(self.begin)),
            None if self.acked => Verdict::Committed,
            None => Verdict::Unknown,
        }
    }
}

/// Whether the kernel holds our table, as far as it told us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Table {
    Missing,
    Installed,
    /// To be deleted at the end of the run.
    Unwanted,
    Deleted,
}

/// The dialogue's state.
pub struct Link {
    table: String<{ limits::TABLE_NAME }>,
    state: Table,
    next_seq: u32,
    flight: Option<Flight>,
    removals: Vec<Addr, REMOVALS>,
    text: KernelText,
    batch: u32,
    retry: Backoff,
    strays: u64,
    malformed: u64,
}

impl Link {
    /// A dialogue about the table of this name that has not begun.
    #[must_use]
    pub fn new(name: &str) -> Self {
        let mut table = String::new();
        // The configuration's limit is this capacity.
        let _ = table.push_str(name);
        Self {
            table,
            state: Table::Missing,
            next_seq: 1,
            flight: None,
            removals: Vec::new(),
            text: String::new(),
            batch: BATCH,
            retry: Backoff::new(),
            strays: 0,
            malformed: 0,
        }
    }

    /// Answers that belonged to no batch in flight.
    #[must_use]
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    /// Datagrams that broke off or contradicted themselves.
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// The kernel's own words about its last refusal (`NLMSGERR_ATTR_MSG`); often empty.
    #[must_use]
    pub fn kernel_text(&self) -> &str {
        &self.text
    }

    /// Whether the kernel confirmed the scaffold.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.state == Table::Installed
    }

    /// Wants the table deleted, at a clean end. Bans are not sent any more.
    pub fn delete_table(&mut self) {
        if self.state == Table::Installed {
            self.state = Table::Unwanted;
            self.retry.hurry();
        }
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.flight.is_none()
    }

    /// When there is something to do without further input, as far as the dialogue is concerned.
    #[must_use]
    pub fn poll_at<const N: usize, const I: usize>(&self, bans: &Bans<N, I>) -> Option<Instant> {
        match (&self.flight, self.state) {
            (Some(flight), _) => Some(flight.deadline),
            (None, Table::Deleted) => None,
            (None, Table::Installed) if bans.waiting() == 0 => None,
            (None, _) => Some(self.retry.at()),
        }
    }

    /// Writes the next datagram for the kernel into `out` (of [`DATAGRAM`] bytes) and returns its length. To be called
    /// until it returns `None`.
    pub fn poll_transmit<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        now: Instant,
        out: &mut [u8],
    ) -> Option<usize> {
        let mut w = Writer::new(out);
        if let Some(flight) = &mut self.flight {
            if flight.fence_sent {
                return None;
            }
            flight.fence_sent = true;
            GetGen.emit(Tag::silent(flight.fence), &mut w).ok()?;
            return Some(w.len());
        }
        if now < self.retry.at() {
            return None;
        }
        let (kind, entries, messages) = match self.state {
            Table::Deleted => return None,
            Table::Unwanted => (Kind::DeleteTable, 0, self.write_delete(&mut w)),
            Table::Missing => (Kind::Scaffold, 0, self.write_scaffold(&mut w)),
            Table::Installed if bans.next_releasing().is_some() => {
                let messages = self.write_removals(bans, &mut w);
                (Kind::Removals, u32::try_from(self.removals.len()).unwrap_or(0), messages)
            }
            Table::Installed => {
                let (entries, messages) = self.write_bans(bans, now, &mut w);
                if entries == 0 {
                    return None;
                }
                (Kind::Bans, entries, messages)
            }
        };
        let Ok(messages) = messages else {
            // The buffer is smaller than DATAGRAM: what was taken goes back.
            while bans.landed(Landing::Refused).is_some() {}
            return None;
        };
        let begin = self.next_seq;
        let end = begin.wrapping_add(messages).wrapping_add(1);
        let fence = end.wrapping_add(1);
        self.next_seq = fence.wrapping_add(1);
        self.flight = Some(Flight {
            kind,
            begin,
            last: end.wrapping_sub(1),
            end,
            fence,
            fence_sent: false,
            acked: false,
            error: None,
            absent: 0,
            entries,
            deadline: now + ANSWER_TIMEOUT,
        });
        Some(w.len())
    }

    /// The tag of the `n`-th message of the next batch, 0 being its begin.
    fn tag(&self, n: u32) -> Tag {
        Tag::acked(self.next_seq.wrapping_add(n))
    }

    // Each of these writes a whole batch and says how many messages stand between its begin and its end.

    fn write_scaffold(&self, w: &mut Writer<'_>) -> Result<u32, Full> {
        let names =
            Scaffold { table: &self.table, hook: Hook::Input, priority: FILTER, size: None, gc_interval_ms: None };
        Ok(scaffold::emit(w, &names, self.next_seq, true)? - 2)
    }

    fn write_delete(&self, w: &mut Writer<'_>) -> Result<u32, Full> {
        BatchBegin::default().emit(self.next_seq, w)?;
        DelTable { name: &self.table }.emit(self.tag(1), w)?;
        BatchEnd.emit(self.tag(2).seq, w)?;
        Ok(1)
    }

    fn write_removals<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        w: &mut Writer<'_>,
    ) -> Result<u32, Full> {
        self.removals.clear();
        BatchBegin::default().emit(self.next_seq, w)?;
        let mut messages = 0;
        while !self.removals.is_full()
            && let Some((slot, addr, _)) = bans.next_releasing()
        {
            let set = scaffold::set(addr.family());
            let mut list = ElemList::begin(w, self.tag(messages + 1), Change::Del, &self.table, set)?;
            list.push(addr, None)?;
            messages += 1;
            // Not full: the loop's condition.
            let _ = self.removals.push(addr);
            bans.sent(slot);
        }
        BatchEnd.emit(self.tag(messages + 1).seq, w)?;
        Ok(messages)
    }

    fn write_bans<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> (u32, Result<u32, Full>) {
        let (mut entries, mut messages) = (0, 0);
        let result = (|| {
            BatchBegin::default().emit(self.next_seq, w)?;
            for family in [Family::V4, Family::V6] {
                messages += self.write_replacements(bans, family, now, w, messages, &mut entries)?;
                messages += self.write_additions(bans, family, now, w, messages, &mut entries)?;
            }
            BatchEnd.emit(self.tag(messages + 1).seq, w)?;
            Ok(messages)
        })();
        (entries, result)
    }

    /// New bans, in one message.
    fn write_additions<const N: usize, const I: usize>(
        &self,
        bans: &mut Bans<N, I>,
        family: Family,
        now: Instant,
        w: &mut Writer<'_>,
        messages: u32,
        entries: &mut u32,
    ) -> Result<u32, Full> {
        if *entries >= self.batch || bans.next_wanted(family).is_none_or(|(.., ban)| ban.replaces) {
            return Ok(0);
        }
        let set = scaffold::set(family);
        let mut list = ElemList::begin(w, self.tag(messages + 1), Change::New, &self.table, set)?;
        while *entries < self.batch
            && let Some((slot, addr, ban)) = bans.next_wanted(family)
            && !ban.replaces
            && list.push(addr, ban.until.map(|until| until.since(now))).is_ok()
        {
            bans.sent(slot);
            *entries += 1;
        }
        Ok(u32::from(list.finish() > 0))
    }

    /// Bans that change the end of an element: add it (it may be gone), delete it, add it with its new timeout.
    fn write_replacements<const N: usize, const I: usize>(
        &self,
        bans: &mut Bans<N, I>,
        family: Family,
        now: Instant,
        w: &mut Writer<'_>,
        messages: u32,
        entries: &mut u32,
    ) -> Result<u32, Full> {
        let mut chosen: Vec<(Addr, Option<Duration>), REPLACEMENTS> = Vec::new();
        while *entries < self.batch
            && !chosen.is_full()
            && let Some((slot, addr, ban)) = bans.next_wanted(family)
            && ban.replaces
        {
            // Not full: the loop's condition.
            let _ = chosen.push((addr, ban.until.map(|until| until.since(now))));
            bans.sent(slot);
            *entries += 1;
        }
        if chosen.is_empty() {
            return Ok(0);
        }
        let set = scaffold::set(family);
        for (n, change) in (1..).zip([Change::New, Change::Del, Change::New]) {
            let mut list = ElemList::begin(w, self.tag(messages + n), change, &self.table, set)?;
            for (addr, timeout) in &chosen {
                list.push(*addr, *timeout)?;
            }
        }
        Ok(3)
    }

    /// Takes a datagram from the kernel.
    pub fn handle<const N: usize, const I: usize>(
        &mut self,
        datagram: &[u8],
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        for reply in Replies::new(datagram) {
            let Ok(reply) = reply else {
                self.malformed += 1;
                return;
            };
            let Some(flight) = &mut self.flight else {
                self.strays += 1;
                continue;
            };
            match reply {
                Reply::Ack { seq } if flight.holds(seq) => flight.acked |= seq == flight.last,
                Reply::Error { seq, error, text, .. } if flight.holds(seq) => {
                    let removal = seq.wrapping_sub(flight.begin).wrapping_sub(1);
                    if flight.kind == Kind::Removals && error == NetlinkError::ENOENT {
                        flight.absent |= 1u64.checked_shl(removal).unwrap_or(0);
                    }
                    if flight.error.is_none() {
                        flight.error = Some((error, seq));
                        keep(&mut self.text, text);
                    }
                }
                Reply::NewGen { seq, .. } if seq == flight.fence => self.land(bans, now, events),
                // Without the right to ask, the fence is refused like the batch before it.
                Reply::Error { seq, error, .. } if seq == flight.fence => {
                    flight.error = flight.error.or(Some((error, flight.begin)));
                    self.land(bans, now, events);
                }
                _ => self.strays += 1,
            }
        }
    }

    /// Every answer is here.
    fn land<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        if let Some(flight) = self.flight.take() {
            self.judge(&flight, flight.verdict(), bans, now, events);
        }
    }

    /// The answers were lost: nobody knows what became of the batch.
    pub fn lost<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        if let Some(flight) = self.flight.take() {
            self.judge(&flight, Verdict::Unknown, bans, now, events);
        }
    }

    /// Gives up on an answer that did not come in time.
    pub fn expire<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        if self.flight.is_some_and(|flight| flight.deadline <= now) {
            self.lost(bans, now, events);
        }
    }

    fn judge<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        verdict: Verdict,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        self.take_down(flight, verdict, bans, events);
        match verdict {
            Verdict::Committed => {
                if flight.kind != Kind::Scaffold {
                    self.retry.succeeded();
                }
                self.batch = self.batch.saturating_mul(2).min(BATCH);
                match flight.kind {
                    Kind::Scaffold => {
                        self.state = Table::Installed;
                        events.push(Event::Ready);
                    }
                    Kind::DeleteTable => self.state = Table::Deleted,
                    Kind::Bans | Kind::Removals => {}
                }
            }
            Verdict::Unknown => {
                events.push(Event::AnswerLost { entries: flight.entries });
                self.retry.failed(now);
            }
            Verdict::Refused(error, message) => match flight.kind {
                Kind::Scaffold => {
                    events.push(Event::ScaffoldRefused { error, message });
                    self.retry.failed(now);
                }
                // Already gone is what was wanted; anything else cannot be mended by waiting, the program ends.
                Kind::DeleteTable => {
                    self.state = Table::Deleted;
                    if error != NetlinkError::ENOENT {
                        events.push(Event::BatchRefused { error, entries: 0 });
                    }
                }
                Kind::Removals if flight.absent != 0 => {}
                Kind::Bans if error == NetlinkError::ENOENT => {
                    events.push(Event::TableLost);
                    self.state = Table::Missing;
                    self.retry.lost(now);
                    bans.want_all_again();
                }
                Kind::Bans | Kind::Removals => {
                    events.push(Event::BatchRefused { error, entries: flight.entries });
                    self.batch = (flight.entries / 2).max(1);
                    if flight.entries <= 1 {
                        self.retry.failed(now);
                    }
                }
            },
        }
    }

    /// Takes the entries of a batch out of flight.
    fn take_down<const N: usize, const I: usize>(
        &mut self,
        flight: &Flight,
        verdict: Verdict,
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
        let landing = match verdict {
            Verdict::Committed => Landing::Committed,
            Verdict::Refused(..) => Landing::Refused,
            Verdict::Unknown => Landing::Unknown,
        };
        while let Some((addr, ban)) = bans.landed(landing) {
            if landing == Landing::Committed {
                announce(events, addr, &ban);
            }
        }
    }
}
