//! The dialogue with nf_tables: one exchange at a time, a batch judged as a whole.
//!
//! The kernel answers message by message, but applies or drops a batch as one: it acks other messages with 0 even when
//! one fails and everything is rolled back, and it reports EPERM, a stale generation and a failed commit on the sequence
//! number of the batch's begin (`net/netfilter/nfnetlink.c`, `nfnetlink_rcv_batch`). So each message has a number of its
//! own, a request for the generation (`NFT_MSG_GETGEN`) follows as a fence, and when the fence's answer arrives the batch
//! counts as committed only if its last message was acked with 0 and no error came for any of its numbers.
//!
//! A run goes: `Stage::Unknown` (look what the table is, adopt its elements), `Stage::Missing` (install it, with as
//! many bans as fit in the same batch), `Stage::Installed` (bans, removals, and audits when somebody else may have
//! changed something: `watch`). What follows a failure is decided in `judge` and nowhere else:
//! - an error for a batch of several entries: the entries wait again, the next batch is half as large, at once. Halving
//!   isolates an entry that the kernel does not take, and success doubles the size again;
//! - an error for a batch of one entry, or for the scaffold: the entry goes to the end of the queue and the next batch
//!   waits, from [`BACKOFF_MIN`] doubling to [`BACKOFF_MAX`];
//! - `ENOENT` for an addition: our table or set is gone, so the scaffold is installed anew and every ban sent again;
//! - `ENOENT` for a removal: the kernel does not hold the element, which is what was wanted;
//! - an error for prefixes, or for the sets of prefixes that the first of them brings into the scaffold: they wait by
//!   themselves, and nothing else waits for them;
//! - an answer that does not come within [`ANSWER_TIMEOUT`], or a receive buffer that overflowed: nobody knows, so the
//!   entries are sent again. Additions are idempotent (never `NLM_F_EXCL`).

mod audit;
mod judge;
mod trial;
mod watch;
mod write;

use super::dialogue::{Backoff, keep};
use crate::addr::{Addr, Widths};
use crate::ban::Bans;
use crate::event::Events;
use crate::limits;
use crate::time::Instant;
use crate::wire::buf::Writer;
use crate::wire::nft::chain::{Device, Hook};
use crate::wire::nft::generation::{Culprit, GetGen};
use crate::wire::nft::rule::Verdict;
use crate::wire::nft::scaffold::{Part, Scaffold};
use crate::wire::nft::set::SetShape;
use crate::wire::nl::Tag;
use crate::wire::reply::{NetlinkError, Replies, Reply};
use crate::wire::uapi::nf_tables::{NFT_MSG_NEWTABLE, NFT_TABLE_F_OWNER, NFT_TABLE_F_PERSIST};
use heapless::{String, Vec};

pub use super::dialogue::{ANSWER_TIMEOUT, BACKOFF_MAX, BACKOFF_MIN, KernelText};
pub use trial::Trial;

/// Bans in one batch at most: past some 256 elements a message the kernel's cost per element no longer falls.
pub const BATCH: u32 = 512;

/// Bytes that one batch can need: [`BATCH`] IPv6 elements of 40 bytes, extended ones twice more, all prefixes, and the
/// messages around them, the scaffold's among them.
pub const DATAGRAM: usize = 40 * 1024;

/// Removals in one batch, each a message of its own so that an `ENOENT` names its element.
const REMOVALS: usize = 64;

/// Extended bans in one batch: each is added, deleted and added again, since kernels before 6.12 do not change the
/// timeout of an element that exists.
const REPLACEMENTS: usize = 64;

/// Most elements that a set takes: every ban may be in one, and those that ended since the kernel's last clean-up count,
/// too. The kernel reserves 8 bytes of hash table for each, rounded up to a power of two.
pub const SET_SIZE: u32 = limits::BANS_U32 + limits::BANS_U32 / 2;

/// The kernel walks the whole set to free what is over; until then it takes memory but matches nothing. The default of
/// 1 s keeps a router busy.
pub const GC_INTERVAL_MS: u32 = 30_000;

/// What is to be done with elements of our sets that somebody else put there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Foreign {
    /// They stay, are shown, and end as their timeouts say.
    #[default]
    Keep,
    /// They are removed as soon as they are seen.
    Remove,
}

impl Foreign {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Keep, Self::Remove];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

/// What the operator chooses of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Its name.
    pub table: String<{ limits::TABLE_NAME }>,
    /// Where packets are dropped.
    pub hook: Hook,
    /// The devices of hook `ingress`.
    pub devices: Vec<Device, { limits::DEVICES }>,
    /// What becomes of banned addresses' packets.
    pub verdict: Verdict,
    /// How many bits of an address are banned as one.
    pub widths: Widths,
    /// Elements count the packets that they stop.
    pub counters: bool,
    /// Nobody else may change the table while this process runs, `nft flush ruleset` included. It outlives the process, but
    /// is everybody's until the next run takes it over.
    pub protect: bool,
    /// What becomes of others' elements.
    pub foreign: Foreign,
}

impl Layout {
    /// The seed's table: as it is if nobody says otherwise.
    #[must_use]
    pub fn plain(table: &str) -> Self {
        Self {
            table: String::try_from(table).unwrap_or_default(),
            hook: Hook::Input,
            devices: Vec::new(),
            verdict: Verdict::Drop,
            widths: Widths::FULL,
            counters: false,
            protect: false,
            foreign: Foreign::Keep,
        }
    }

    /// The messages that make it. `protect` is for kernels that can.
    fn scaffold(&self, protect: bool, fresh_table: bool, fresh_sets: bool, prefixes: bool) -> Scaffold<'_> {
        Scaffold {
            table: &self.table,
            flags: if protect { NFT_TABLE_F_OWNER | NFT_TABLE_F_PERSIST } else { 0 },
            hook: self.hook,
            priority: self.hook.priority(),
            devices: &self.devices,
            verdict: self.verdict,
            widths: self.widths,
            size: Some(SET_SIZE),
            gc_interval_ms: Some(GC_INTERVAL_MS),
            counters: self.counters,
            fresh_table,
            fresh_sets,
            prefixes,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// What is there under our name?
    Probe,
    /// Which elements does a family's set hold?
    Dump(crate::addr::Family),
    /// Which ranges does a family's set of prefixes hold?
    DumpPrefixes(crate::addr::Family),
    /// Did the ruleset change while nobody listened?
    Check,
    /// Our table, asleep through somebody's doing, is woken.
    Wake,
    Scaffold,
    Bans,
    /// A family's prefixes, or both's.
    Prefixes,
    Removals,
    DeleteTable,
}

/// The exchange whose answer is awaited.
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
    /// Somebody changed the table while it was in flight.
    disturbed: bool,
    deadline: Instant,
}

/// What a batch was found to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Outcome {
    Committed,
    Refused(NetlinkError, u32),
    Unknown,
}

impl Flight {
    /// Whether a sequence number belongs to the exchange.
    fn holds(&self, seq: u32) -> bool {
        seq.wrapping_sub(self.begin) <= self.end.wrapping_sub(self.begin)
    }

    fn verdict(&self) -> Outcome {
        match self.error {
            Some((error, seq)) => Outcome::Refused(error, seq.wrapping_sub(self.begin)),
            None if self.acked => Outcome::Committed,
            None => Outcome::Unknown,
        }
    }
}

/// How far the table is, as the kernel told us.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Nobody looked yet.
    Unknown,
    /// Not there, or not as it should be.
    Missing,
    Installed,
    /// To be deleted at the end of the run.
    Unwanted,
    Deleted,
}

/// Whether a table may be asleep (`NFT_TABLE_F_DORMANT`): in the transaction that wakes one the kernel takes no chains.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Wake {
    /// Nothing speaks for it.
    No,
    /// The next exchange wakes it.
    Due,
    /// It was woken, and the scaffold is tried again.
    Done,
}

/// Where an audit stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Audit {
    None,
    /// It begins with the next exchange.
    Due,
    /// This family's set is next.
    At(crate::addr::Family),
    /// This family's set of prefixes is.
    AtPrefixes(crate::addr::Family),
}

/// What a probe found.
#[derive(Clone, Copy, Debug, Default)]
struct Probe {
    table: bool,
    /// Those of [`scaffold::set`](crate::wire::nft::scaffold::set), and of
    /// [`scaffold::prefix_set`](crate::wire::nft::scaffold::prefix_set) behind them.
    sets: [Option<SetShape>; 4],
}

/// What happened between this dialogue and the rest of the world since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Answers that belonged to no exchange in flight.
    pub strays: u64,
    /// Datagrams that broke off or contradicted themselves.
    pub malformed: u64,
    /// Changes of our table by others.
    pub disturbed: u64,
    /// Comparisons of all elements with the bans.
    pub audits: u64,
    /// Batches that the kernel refused.
    pub refused: u64,
    /// Batches whose answer was lost.
    pub lost: u64,
    /// Elements of others that found no room in the ban table.
    pub unadopted: u64,
}

/// The dialogue's state.
pub struct Link {
    layout: Layout,
    stage: Stage,
    /// The table was installed once in this run.
    started: bool,
    next_seq: u32,
    flight: Option<Flight>,
    removals: Vec<Addr, REMOVALS>,
    probe: Probe,
    text: KernelText,
    batch: u32,
    retry: Backoff,
    /// That of prefixes alone.
    retry_prefixes: Backoff,
    /// The kernel holds the sets of prefixes and their rules.
    has_prefixes: bool,
    /// What is in flight, or was last, is about them, too.
    with_prefixes: bool,
    audit: Audit,
    /// An audit is due once the table is installed.
    audit_later: bool,
    /// Audits that were interrupted by changes, one after the other.
    restarts: u8,
    /// The chain and its rules must be made again.
    rebuild: bool,
    /// The table is ours, but protected by an earlier run or not: it must be made again.
    fresh_table: bool,
    /// The sets are ours, but of another kind: they must be made again.
    fresh_sets: bool,
    /// The kernel knows `NFT_TABLE_F_PERSIST`, or nobody asked it yet.
    can_protect: bool,
    /// A scaffold with bans in its batch was refused: without, next time.
    bare: bool,
    wake: Wake,
    /// The ruleset's generation after the last exchange.
    generation: Option<u32>,
    /// Whether the notices of others' changes arrive; see [`Link::wants_notices`].
    listening: bool,
    /// Whoever listens has stopped for a while.
    paused: bool,
    /// Notices are not wanted before.
    quiet_until: Instant,
    /// A generation has to be asked for, after a while without notices.
    check: bool,
    pending: watch::Pending,
    /// Since when bans are missing in the kernel through somebody else's doing, and whose.
    healing: Option<(Instant, Culprit)>,
    counters: Counters,
}

impl Link {
    /// A dialogue about the table of this layout that has not begun.
    #[must_use]
    pub fn new(layout: Layout) -> Self {
        Self {
            layout,
            stage: Stage::Unknown,
            started: false,
            next_seq: 1,
            flight: None,
            removals: Vec::new(),
            probe: Probe::default(),
            text: KernelText::new(),
            batch: BATCH,
            retry: Backoff::new(),
            retry_prefixes: Backoff::new(),
            has_prefixes: false,
            with_prefixes: false,
            audit: Audit::None,
            audit_later: false,
            restarts: 0,
            rebuild: false,
            fresh_table: false,
            fresh_sets: false,
            can_protect: true,
            bare: false,
            wake: Wake::No,
            generation: None,
            listening: false,
            paused: false,
            quiet_until: Instant::ZERO,
            check: false,
            pending: watch::Pending::default(),
            healing: None,
            counters: Counters::default(),
        }
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// The kernel's own words about its last refusal (`NLMSGERR_ATTR_MSG`); often empty.
    #[must_use]
    pub fn kernel_text(&self) -> &str {
        &self.text
    }

    /// Whether the kernel confirmed the scaffold.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.stage == Stage::Installed
    }

    /// Whether the table is protected from others, as far as it was wanted.
    #[must_use]
    pub const fn is_protected(&self) -> bool {
        self.layout.protect && self.can_protect
    }

    /// What the operator chose.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Goes on with another layout of the same table, while nothing is in flight: what was installed is made anew, as at a
    /// start, in one batch with as many bans as fit. The bans have the new widths already.
    pub fn relayout(&mut self, layout: Layout) {
        self.fresh_sets |= layout.widths != self.layout.widths || layout.counters != self.layout.counters;
        self.can_protect |= layout.protect;
        self.rebuild |= self.stage == Stage::Installed;
        self.retry.hurry();
        self.layout = layout;
    }

    /// Wants the table deleted, at a clean end. Bans are not sent any more.
    pub fn delete_table(&mut self) {
        if self.stage == Stage::Installed {
            self.stage = Stage::Unwanted;
            self.audit = Audit::None;
            self.retry.hurry();
        }
    }

    /// A device came: kernels before 6.16 forget a chain's device that goes, and do not see it come back.
    pub fn devices_changed(&mut self) {
        self.rebuild |= self.stage == Stage::Installed && self.layout.hook == Hook::Ingress;
    }

    /// Whether nothing is in flight.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.flight.is_none()
    }

    /// When there is something to do without further input, as far as the dialogue is concerned.
    #[must_use]
    pub fn poll_at<const N: usize, const I: usize>(&self, bans: &Bans<N, I>) -> Option<Instant> {
        let idle = bans.waiting() == 0 && self.audit == Audit::None && !self.rebuild && !self.check;
        match (&self.flight, self.stage) {
            (Some(flight), _) => Some(flight.deadline),
            (None, Stage::Deleted) => None,
            (None, Stage::Installed) if idle => {
                let quiet = self.paused.then_some(self.quiet_until);
                let prefixes = self.retry.at().max(self.retry_prefixes.at());
                [quiet, (bans.prefixes().waiting() > 0).then_some(prefixes)].into_iter().flatten().min()
            }
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
        let begin = self.next_seq;
        let written = self.write_next(bans, now, &mut w)?;
        let Ok(messages) = written.messages else {
            // The buffer is smaller than DATAGRAM: what was taken goes back.
            while bans.landed(crate::ban::Landing::Refused).is_some() {}
            bans.prefixes_mut().landed(false, &mut |_| {});
            return None;
        };
        let end = begin.wrapping_add(messages.saturating_sub(1));
        let fence = end.wrapping_add(1);
        self.next_seq = fence.wrapping_add(1);
        let kind = written.kind;
        self.flight = Some(Flight {
            kind,
            begin,
            last: end.wrapping_sub(1),
            end,
            fence: if kind == Kind::Check { begin } else { fence },
            // A dump ends by itself, and a check is a fence.
            fence_sent: matches!(kind, Kind::Dump(_) | Kind::DumpPrefixes(_) | Kind::Check),
            acked: false,
            error: None,
            absent: 0,
            entries: written.entries,
            disturbed: false,
            deadline: now + ANSWER_TIMEOUT,
        });
        Some(w.len())
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
                self.counters.malformed += 1;
                return;
            };
            let Some(flight) = &mut self.flight else {
                self.counters.strays += 1;
                continue;
            };
            match reply {
                Reply::NewGen { seq, id, .. } if seq == flight.fence => {
                    flight.acked |= matches!(flight.kind, Kind::Probe | Kind::Check);
                    let verdict = flight.verdict();
                    self.follow_generation(id, verdict);
                    self.land(bans, now, events);
                }
                // Without the right to ask, the fence is refused like the batch before it.
                Reply::Error { seq, error, .. } if seq == flight.fence => {
                    flight.error = flight.error.or(Some((error, flight.begin)));
                    self.land(bans, now, events);
                }
                Reply::Ack { seq } if flight.holds(seq) => flight.acked |= seq == flight.last,
                Reply::Error { error: NetlinkError::ENOENT, seq, .. }
                    if flight.holds(seq) && flight.kind == Kind::Probe => {}
                Reply::Error { seq, error, text, .. } if flight.holds(seq) => {
                    let removal = seq.wrapping_sub(flight.begin).wrapping_sub(1);
                    if flight.kind == Kind::Removals && error == NetlinkError::ENOENT {
                        flight.absent |= 1u64.checked_shl(removal).unwrap_or(0);
                    }
                    let ends = matches!(flight.kind, Kind::Dump(_) | Kind::DumpPrefixes(_));
                    if flight.error.is_none() {
                        flight.error = Some((error, seq));
                        keep(&mut self.text, text);
                    }
                    if ends {
                        self.land(bans, now, events);
                    }
                }
                Reply::Set { seq, shape } if flight.holds(seq) => {
                    let place = usize::try_from(seq.wrapping_sub(flight.begin).wrapping_sub(1)).unwrap_or(usize::MAX);
                    if let Some(set) = self.probe.sets.get_mut(place) {
                        *set = Some(shape);
                    }
                }
                Reply::Other { seq, kind }
                    if flight.holds(seq) && kind == crate::wire::nfnl::nft_kind(NFT_MSG_NEWTABLE) =>
                {
                    self.probe.table = true;
                }
                Reply::Elements { seq, interrupted, elements } if flight.holds(seq) => {
                    flight.disturbed |= interrupted;
                    flight.deadline = now + ANSWER_TIMEOUT;
                    match flight.kind {
                        Kind::Dump(family) => self.take_elements(elements, family, bans, now),
                        _ => elements.flatten().for_each(|element| bans.prefixes_mut().listed.push(&element)),
                    }
                }
                Reply::Done { seq, interrupted, error } if flight.holds(seq) => {
                    flight.disturbed |= interrupted;
                    flight.acked = true;
                    flight.error = flight.error.or(error.map(|error| (error, seq)));
                    self.land(bans, now, events);
                }
                _ => self.counters.strays += 1,
            }
        }
    }

    /// Every answer is here.
    fn land<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        if let Some(flight) = self.flight.take() {
            self.judge(&flight, flight.verdict(), bans, now, events);
        }
    }

    /// The answers were lost: nobody knows what became of the exchange.
    pub fn lost<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        if let Some(flight) = self.flight.take() {
            self.judge(&flight, Outcome::Unknown, bans, now, events);
        }
    }

    /// Gives up on an answer that did not come in time.
    pub fn expire<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        if self.flight.is_some_and(|flight| flight.deadline <= now) {
            self.lost(bans, now, events);
        }
    }

    /// What a message of the scaffold that was refused is about; `None` is the batch as a whole.
    fn part(&self, message: u32) -> Option<Part> {
        self.scaffold().part(message)
    }

    fn scaffold(&self) -> Scaffold<'_> {
        self.layout.scaffold(self.is_protected(), self.fresh_table, self.fresh_sets, self.with_prefixes)
    }
}
