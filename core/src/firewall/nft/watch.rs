//! What others do to our table, as the kernel tells those who joined the group `NFNLGRP_NFTABLES`: it announces each
//! change of each committed batch, and then the new generation with the process that made it.
//!
//! The announcements of our own batches come, too, and cost as much as the batch; so the caller leaves the group while
//! there are many ([`Link::wants_notices`]). Meanwhile the generation tells: each batch of ours makes it one higher, and
//! any other difference means that somebody else changed something, which an audit finds.

use super::{Audit, Kind, Link, Outcome, Stage};
use crate::ban::Bans;
use crate::event::{Event, Events};
use crate::time::{Duration, Instant};
use crate::wire::buf::Attrs;
use crate::wire::nfnl::Generic;
use crate::wire::nft::elem::Elements;
use crate::wire::nft::generation::{Culprit, NewGen};
use crate::wire::nft::scaffold;
use crate::wire::nl::Messages;
use crate::wire::uapi::netfilter::NFPROTO_INET;
use crate::wire::uapi::nf_tables::{
    NFT_MSG_DELSET, NFT_MSG_DELSETELEM, NFT_MSG_DELTABLE, NFT_MSG_NEWGEN, NFT_MSG_NEWSETELEM, NFTA_TABLE_NAME,
};
use crate::wire::uapi::nfnetlink::NFNL_SUBSYS_NFTABLES;

/// Bans in one batch from which on notices cost more than they are worth,
const QUIET_FROM: u32 = 8;

/// and the time after such a batch until they are wanted again.
const QUIET_FOR: Duration = Duration::from_millis(20);

/// What was announced of our table since the last generation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pending {
    /// Its elements are gone with their set or with the table.
    emptied: bool,
    /// The chain, its rules, a set or the table's flags are others than we made.
    changed: bool,
    /// Elements that were taken out, or put in.
    elements: u32,
    /// Elements of the sets of prefixes: which, an audit finds.
    prefixes: bool,
    by: Culprit,
}

impl Pending {
    pub const fn by(&self) -> Culprit {
        self.by
    }

    /// Whether a change was announced, but not yet whose it is.
    const fn is_open(&self) -> bool {
        self.emptied || self.changed || self.prefixes || self.elements > 0
    }
}

impl Link {
    /// Whether notices should arrive now. Those of a change that began to arrive are heard to their end, which says whose
    /// it is.
    #[must_use]
    pub fn wants_notices(&self, now: Instant) -> bool {
        now >= self.quiet_until || (self.listening && self.pending.is_open())
    }

    /// A batch of so many entries was committed.
    pub(super) fn note_batch(&mut self, entries: u32, now: Instant) {
        if entries >= QUIET_FROM {
            self.quiet_until = now + QUIET_FOR;
        }
    }

    /// Whether [`Link::handle_notices`] will hear of changes from now on. Listening again after a while, the dialogue
    /// asks whether it missed some.
    pub fn set_listening(&mut self, listening: bool) {
        self.check |= listening && !self.listening && self.generation.is_some();
        self.paused = self.listening && !listening;
        self.listening = listening;
        // What was not heard to its end, nobody says whose it was.
        self.pending = Pending::default();
    }

    /// Notices were lost: nobody knows what others did.
    pub fn lost_notices(&mut self) {
        // What was heard of is a part of it, and whose it was nobody says any more.
        self.pending = Pending::default();
        self.suspect();
    }

    /// Something may be other than it should.
    fn suspect(&mut self) {
        if self.stage == Stage::Installed {
            self.rebuild = true;
            self.want_audit();
        } else {
            self.audit_later = true;
        }
    }

    /// The ruleset has generation `id` after an exchange that became `outcome`.
    pub(super) fn follow_generation(&mut self, id: u32, outcome: Outcome) {
        let commits = |kind| !matches!(kind, Kind::Probe | Kind::Dump(_) | Kind::DumpPrefixes(_) | Kind::Check);
        let ours = self.flight.is_some_and(|flight| commits(flight.kind)) && outcome == Outcome::Committed;
        let check = self.flight.is_some_and(|flight| flight.kind == Kind::Check);
        if let Some(last) = self.generation.replace(id)
            // If nobody knows what became of ours, any change may be somebody else's.
            && id != last.wrapping_add(u32::from(ours))
            && (!self.listening || check)
        {
            self.suspect();
        }
    }

    /// Generation `id` was announced with all that changed in it: once nobody listens, it is no news. While something is
    /// in flight its answer tells.
    fn heard_of(&mut self, id: u32) {
        if let Some(last) = &mut self.generation
            && self.flight.is_none()
            && id.wrapping_sub(*last) <= u32::MAX / 2
        {
            *last = id;
        }
    }

    /// Takes a datagram of the group. `port` is the port id of the socket that our own batches are sent through.
    pub fn handle_notices<const N: usize, const I: usize>(
        &mut self,
        datagram: &[u8],
        port: u32,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        for message in Messages::new(datagram) {
            let Ok(message) = message else {
                self.counters.malformed += 1;
                self.suspect();
                return;
            };
            let [subsystem, kind] = message.header.kind.to_be_bytes();
            let Ok((generic, attrs)) = Generic::parse(message.payload) else { continue };
            if u16::from(subsystem) != NFNL_SUBSYS_NFTABLES {
                continue;
            }
            if kind == NFT_MSG_NEWGEN {
                if let Ok(generation) = NewGen::parse(attrs) {
                    self.heard_of(generation.id);
                    self.act(generation.by, bans, now, events);
                }
                continue;
            }
            // Every message of a table has the table's name as its attribute 1.
            let name = Attrs::new(attrs).find(NFTA_TABLE_NAME).ok().flatten();
            let ours = name.is_some_and(|name| name.text() == self.layout.table.as_bytes());
            if ours && generic.family == NFPROTO_INET && message.header.pid != port {
                self.note(kind, attrs, bans, now);
            }
        }
    }

    fn note<const N: usize, const I: usize>(&mut self, kind: u8, attrs: &[u8], bans: &mut Bans<N, I>, now: Instant) {
        match kind {
            NFT_MSG_NEWSETELEM | NFT_MSG_DELSETELEM => {
                let Ok(elements) = Elements::parse(attrs) else { return };
                let Some(family) = scaffold::family_of(elements.set) else {
                    self.pending.prefixes = true;
                    return;
                };
                self.pending.elements += 1;
                if kind == NFT_MSG_NEWSETELEM {
                    self.take_elements(elements, family, bans, now);
                } else {
                    for element in elements.flatten() {
                        if let Some(addr) = self.banned_by(&element, family) {
                            bans.vanished(addr);
                        }
                    }
                }
            }
            NFT_MSG_DELTABLE | NFT_MSG_DELSET => self.pending.emptied = true,
            _ => self.pending.changed = true,
        }
    }

    /// A batch of somebody's was announced whole.
    fn act<const N: usize, const I: usize>(
        &mut self,
        by: Culprit,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        let pending = core::mem::replace(&mut self.pending, Pending { by, ..Pending::default() });
        if !pending.is_open() {
            return;
        }
        if !matches!(self.stage, Stage::Installed | Stage::Missing) {
            return;
        }
        self.counters.disturbed += 1;
        if pending.emptied {
            if let Some(flight) = &mut self.flight {
                flight.disturbed = true;
            }
            self.stage = Stage::Missing;
            self.fresh_sets = false;
            self.has_prefixes = false;
            self.audit = Audit::None;
            bans.want_all_again();
        }
        self.rebuild |= pending.changed;
        if pending.prefixes {
            match self.stage {
                Stage::Installed => self.want_audit(),
                _ => self.audit_later = true,
            }
        }
        // What was taken out waits already.
        let mends = bans.waiting() > 0 || self.rebuild || pending.emptied;
        events.push(Event::Disturbed { by, mends, lost: pending.emptied });
        if mends {
            self.healing.get_or_insert((now, by));
            self.retry.hurry_if_first();
        }
    }
}
