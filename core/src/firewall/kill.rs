//! Cuts the live connections of banned addresses: forwarded ones by deleting their entries of the connection table (a
//! flow that is offloaded, and so never meets our drop rule, ends with its entry), local ones by `SOCK_DESTROY`.
//!
//! A pass lists everything and asks of each address whether it is banned, so one pass serves any number of bans; a ban
//! that is confirmed meanwhile starts another pass behind it. Nothing is stored: what one datagram of the list tells is
//! answered at once by the deletions it calls for, which are shorter than it, and the kernel sends the next part of the
//! list only when that one was taken. So the work of a turn is as much as its caller receives. The deletions are answered
//! only where they fail, and a fence behind them (`NLMSG_NOOP` with `NLM_F_ACK`) says that all of these answers are there:
//! an ack for each of the 200 of one datagram would fill the receive buffer.
//!
//! Which connections: those **from or to** a banned address. A ban says that no packet of that address is let in, so
//! what this machine or its network began is dead as well, and offloaded it would go on. Asked are the two sources of
//! an entry: who began it and who answers, both as their packets arrive, whatever NAT does to them. Whoever is behind
//! this machine's NAT is cut only if banned itself.
//!
//! What follows a failure:
//! - the entry or socket is gone already: that was wanted;
//! - the list is incomplete (it changed, an answer was lost, did not come in time, or there was no memory): another pass,
//!   [`RETRIES`] times at most, then an error is counted and the next ban tries again;
//! - the kernel lacks this half: it is said once, and that half is not tried again;
//! - anything else is counted, and said once a pass.
//!
//! Not done: connections that a ban of an earlier run left open, and new ones (the drop rule is for those). A flow that is
//! not dropped by a rule is a new entry with its next packet: with `hook = "input"` forwarded connections only lose their
//! NAT.

use crate::addr::{Addr, Family};
use crate::time::{Duration, Instant};
use crate::wire::buf::{Full, Malformed, Writer};
use crate::wire::ct::{self, Flow, GetFlows};
use crate::wire::diag::{self, Connection, GetConnections};
use crate::wire::nl::{Header, Message, Messages, Tag};
use crate::wire::reply::{NetlinkError, Reply};
use crate::wire::uapi::netlink::{NLM_F_ACK, NLM_F_DUMP_INTR, NLM_F_REQUEST, NLMSG_NOOP};

/// Bytes of a buffer for what is sent, and of one for what is received: the kernel makes no longer datagrams of a list.
pub const DATAGRAM: usize = 32 * 1024;

/// Pause between two passes, at least (one over 40,000 entries takes some 70 ms); also as long as the last pass took, so that a flood of bans never makes listing
/// a large table take more than half of the time. Offloaded flows may live for a second anyway, until the kernel
/// collects them.
pub const PAUSE: Duration = Duration::from_millis(100);

/// Further passes for the sake of an incomplete one.
pub const RETRIES: u8 = 5;

/// The kernel answers while it is asked; past this, an answer was lost.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// The two halves, each with a socket of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// Forwarded (and local) connections, as connection tracking knows them: `NETLINK_NETFILTER`.
    Flows,
    /// This machine's TCP sockets: `NETLINK_SOCK_DIAG`.
    Sockets,
}

/// What was done since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Passes that came to their end.
    pub passes: u64,
    /// Connections that the kernel confirmed cut.
    pub cut: u64,
    /// Refusals, passes given up, and datagrams that broke off or contradicted themselves.
    pub errors: u64,
}

/// What an operator may want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Report {
    /// A pass has cut this many connections.
    Cut(u64),
    /// The kernel refused something; the next ban tries again.
    Refused(NetlinkError),
    /// The kernel lacks this half: it is not tried again.
    Unsupported(NetlinkError),
    /// Every try of a pass was incomplete; the next ban tries again.
    Incomplete,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    Idle,
    /// The next list is to be asked for.
    Ask,
    /// The list's end has not come.
    Listing,
    /// It has, but not every answer to a deletion.
    Answers,
    /// The kernel lacks this half.
    Off,
}

/// One half.
#[derive(Clone, Copy, Debug)]
struct Half {
    phase: Phase,
    /// A ban was confirmed that no pass has looked for.
    wanted: bool,
    /// Sequence numbers: of the list, of the pass's first message, and the next one.
    list: u32,
    first: u32,
    next: u32,
    /// Lists done in this pass.
    lists: u8,
    /// Fences that were not answered, and deletions that they will confirm.
    unanswered: u32,
    pending: u64,
    incomplete: bool,
    retries: u8,
    started: Instant,
    /// Idle: not before this. Otherwise: no later than this.
    at: Instant,
    cut_before: u64,
    refused: Option<NetlinkError>,
    report: Option<Report>,
    counters: Counters,
}

impl Half {
    const NEW: Self = Self {
        phase: Phase::Idle,
        wanted: false,
        list: 0,
        first: 1,
        next: 1,
        lists: 0,
        unanswered: 0,
        pending: 0,
        incomplete: false,
        retries: 0,
        started: Instant::ZERO,
        at: Instant::ZERO,
        cut_before: 0,
        refused: None,
        report: None,
        counters: Counters { passes: 0, cut: 0, errors: 0 },
    };

    fn begin(&mut self, now: Instant) {
        self.phase = Phase::Ask;
        self.wanted = false;
        self.first = self.next;
        self.lists = 0;
        self.unanswered = 0;
        self.pending = 0;
        self.incomplete = false;
        self.started = now;
        self.cut_before = self.counters.cut;
        self.refused = None;
    }

    /// Goes on when a list and the answers are complete.
    fn advance(&mut self, side: Side, now: Instant) {
        if self.phase != Phase::Answers || self.unanswered > 0 {
            return;
        }
        self.lists += 1;
        if self.lists < if side == Side::Flows { 1 } else { 2 } {
            self.phase = Phase::Ask;
        } else {
            self.counters.passes += 1;
            self.end(now);
        }
    }

    fn end(&mut self, now: Instant) {
        self.phase = Phase::Idle;
        self.at = now + now.since(self.started).max(PAUSE);
        let cut = self.counters.cut.saturating_sub(self.cut_before);
        if cut > 0 {
            self.report = Some(Report::Cut(cut));
        }
        if let Some(error) = self.refused {
            self.report = Some(Report::Refused(error));
        }
        if !self.incomplete {
            self.retries = 0;
        } else if self.retries < RETRIES {
            self.retries += 1;
            self.wanted = true;
        } else {
            self.retries = 0;
            self.counters.errors += 1;
            self.report = Some(Report::Incomplete);
        }
    }

    fn refuse(&mut self, error: NetlinkError) {
        self.counters.errors += 1;
        self.refused = Some(error);
    }

    fn stop(&mut self, error: NetlinkError) {
        self.phase = Phase::Off;
        self.wanted = false;
        self.counters.errors += 1;
        self.report = Some(Report::Unsupported(error));
    }

    /// The list ended, or was refused.
    fn listed(&mut self, side: Side, error: Option<NetlinkError>) {
        self.phase = Phase::Answers;
        match error {
            None => {}
            // An earlier list that was given up still runs; the kernel ends it as it is received.
            Some(NetlinkError::EBUSY | NetlinkError::ENOMEM) => self.incomplete = true,
            Some(error) if self.lists == 0 && is_lack(side, error) => self.stop(error),
            Some(error) => self.refuse(error),
        }
    }

    /// A fence was answered: of the deletions before it, those have succeeded that were not answered.
    fn fenced(&mut self) {
        self.unanswered = self.unanswered.saturating_sub(1);
        if self.unanswered == 0 {
            self.counters.cut += core::mem::take(&mut self.pending);
        }
    }

    /// A deletion failed.
    fn failed(&mut self, error: NetlinkError) {
        self.pending = self.pending.saturating_sub(1);
        match error {
            NetlinkError::ENOENT | NetlinkError::ESTALE => {}
            NetlinkError::ENOMEM => self.incomplete = true,
            NetlinkError::EOPNOTSUPP => self.stop(error),
            _ => self.refuse(error),
        }
    }

    /// Numbers the next message.
    const fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }

    /// Takes one message; writes the deletion it calls for.
    fn take(
        &mut self,
        side: Side,
        message: Message<'_>,
        is_banned: &dyn Fn(Addr) -> bool,
        w: &mut Writer<'_>,
    ) -> Result<(), Malformed> {
        let Message { header, payload } = message;
        let listing = self.phase == Phase::Listing && header.seq == self.list;
        let number = header.seq.wrapping_sub(self.first);
        if number >= self.next.wrapping_sub(self.first) || self.phase == Phase::Off {
            return Ok(());
        }
        if listing {
            self.incomplete |= header.flags & NLM_F_DUMP_INTR != 0;
        }
        let tag = Tag::silent(self.next);
        let written = match (side, header.kind) {
            (Side::Flows, ct::FLOW) if listing => {
                let flow = Flow::parse(payload)?;
                if !is_banned(flow.initiator) && !is_banned(flow.responder) {
                    return Ok(());
                }
                flow.emit_delete(tag, w)
            }
            (Side::Sockets, diag::CONNECTION) if listing => {
                let connection = Connection::parse(payload)?;
                if !is_banned(connection.peer) {
                    return Ok(());
                }
                connection.emit_destroy(tag, w)
            }
            _ => {
                match Reply::parse(message)? {
                    Reply::Done { error, .. } if listing => self.listed(side, error),
                    Reply::Error { error, .. } if listing => self.listed(side, Some(error)),
                    Reply::Error { seq, error, .. } if seq != self.list => self.failed(error),
                    Reply::Ack { seq } if seq != self.list => self.fenced(),
                    _ => {}
                }
                return Ok(());
            }
        };
        match written {
            Ok(()) => {
                self.number();
                self.pending += 1;
            }
            // The caller's buffer is smaller than the datagram.
            Err(Full) => self.incomplete = true,
        }
        Ok(())
    }
}

/// Whether an error to the first list says that the kernel does not have it. nfnetlink answers `EINVAL` for a subsystem
/// that it does not know, sock_diag `ENOENT` for a family or protocol.
fn is_lack(side: Side, error: NetlinkError) -> bool {
    match error {
        NetlinkError::EOPNOTSUPP | NetlinkError::EINVAL => true,
        NetlinkError::ENOENT => side == Side::Sockets,
        _ => false,
    }
}

/// Both halves.
#[derive(Clone, Debug)]
pub struct Killer {
    flows: Half,
    sockets: Half,
}

impl Killer {
    /// Nothing to do.
    #[must_use]
    pub const fn new() -> Self {
        Self { flows: Half::NEW, sockets: Half::NEW }
    }

    const fn half(&mut self, side: Side) -> &mut Half {
        match side {
            Side::Flows => &mut self.flows,
            Side::Sockets => &mut self.sockets,
        }
    }

    const fn get(&self, side: Side) -> &Half {
        match side {
            Side::Flows => &self.flows,
            Side::Sockets => &self.sockets,
        }
    }

    /// The kernel confirmed bans, one or many.
    pub fn banned(&mut self) {
        for half in [&mut self.flows, &mut self.sockets] {
            half.wanted = half.phase != Phase::Off;
        }
    }

    /// There is no socket for this half: it is not tried.
    pub fn unsupported(&mut self, side: Side, error: NetlinkError) {
        self.half(side).stop(error);
    }

    /// Writes the next request for the socket of `side` into `out` and returns its length.
    #[inline(never)]
    pub fn poll_transmit(&mut self, side: Side, now: Instant, out: &mut [u8]) -> Option<usize> {
        let half = self.half(side);
        if matches!(half.phase, Phase::Listing | Phase::Answers) && half.at <= now {
            half.incomplete = true;
            half.end(now);
        }
        if half.phase == Phase::Idle && half.wanted && half.at <= now {
            half.begin(now);
        }
        if half.phase != Phase::Ask {
            return None;
        }
        let mut w = Writer::new(out);
        match (side, half.lists) {
            (Side::Flows, _) => GetFlows.emit(half.next, &mut w),
            (Side::Sockets, 0) => GetConnections(Family::V4).emit(half.next, &mut w),
            (Side::Sockets, _) => GetConnections(Family::V6).emit(half.next, &mut w),
        }
        .ok()?;
        half.list = half.number();
        half.phase = Phase::Listing;
        half.at = now + ANSWER_TIMEOUT;
        Some(w.len())
    }

    /// Takes a datagram from the socket of `side`. Writes what is to be sent there in return into `out`, which must be at
    /// least as long as the datagram, and returns its length. `is_banned` says whether the kernel holds the ban of an
    /// address.
    #[inline(never)]
    pub fn handle(
        &mut self,
        side: Side,
        datagram: &[u8],
        now: Instant,
        is_banned: &dyn Fn(Addr) -> bool,
        out: &mut [u8],
    ) -> Option<usize> {
        let half = self.half(side);
        let mut w = Writer::new(out);
        for message in Messages::new(datagram) {
            if message.and_then(|message| half.take(side, message, is_banned, &mut w)).is_err() {
                half.counters.errors += 1;
            }
        }
        if matches!(half.phase, Phase::Listing | Phase::Answers) {
            half.at = now + ANSWER_TIMEOUT;
        }
        if !w.is_empty() {
            half.unanswered += 1;
            let fence = Header { kind: NLMSG_NOOP, flags: NLM_F_REQUEST | NLM_F_ACK, seq: half.number(), pid: 0 };
            // There is room: each deletion is shorter by more than this.
            if fence.emit(&mut w, |_| Ok(())).is_err() {
                self.lost(side, now);
            }
            return Some(w.len());
        }
        half.advance(side, now);
        None
    }

    /// Answers were lost (`ENOBUFS`), or a datagram could not be sent.
    pub fn lost(&mut self, side: Side, now: Instant) {
        let half = self.half(side);
        half.unanswered = 0;
        half.pending = 0;
        half.incomplete = true;
        half.advance(side, now);
    }

    /// Whether an answer is awaited, or there is something to send.
    #[must_use]
    pub fn is_busy(&self, side: Side, now: Instant) -> bool {
        let half = self.get(side);
        match half.phase {
            Phase::Off => false,
            Phase::Idle => half.wanted && half.at <= now,
            _ => true,
        }
    }

    /// When there is something to do without further input.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        let at = |half: &Half| match half.phase {
            Phase::Off => None,
            Phase::Idle => half.wanted.then_some(half.at),
            Phase::Ask => Some(Instant::ZERO),
            _ => Some(half.at),
        };
        [at(&self.flows), at(&self.sockets)].into_iter().flatten().min()
    }

    /// What a pass came to; asked after each [`Killer::handle`], nothing is missed that matters.
    pub fn poll_report(&mut self) -> Option<(Side, Report)> {
        [Side::Flows, Side::Sockets].into_iter().find_map(|side| Some((side, self.half(side).report.take()?)))
    }

    /// What a half did since the start.
    #[must_use]
    pub const fn counters(&self, side: Side) -> &Counters {
        &self.get(side).counters
    }
}

impl Default for Killer {
    fn default() -> Self {
        Self::new()
    }
}
