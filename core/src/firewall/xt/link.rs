//! What the tables of legacy iptables shall hold, and when they are exchanged: for the backend `iptables` a rule for each
//! ban, for `ipset` the one rule that looks into the set.
//!
//! An exchange is: [`Link::poll`] names a family; the caller reads its table; [`Link::survey`] compares it with the bans,
//! [`Link::plan`] says what it shall be; the caller replaces it and tells [`Link::handle`] how that ended. All bans and
//! liftings that wait go in one exchange, since each costs as much as the whole table.
//!
//! The kernel ends no rule and announces no change. So bans are lifted here when their time is over, and every [`CHECK`]
//! the table is read and put right. A chain of our name that is there at the start is an earlier run's: its addresses stay
//! banned. Nothing says for how long, so they get the longest `bantime` of the enabled jails
//! (and no less than fail2ban's ten minutes), from the start on.
//!
//! A table that another program is changing (its lock is held, or it changed while it was read) is tried again after a
//! wait, as is one that the kernel refuses; each family waits by itself.

use super::super::dialogue::{Backoff, announce};
use super::{Content, Info, Plan, Refused, Rewrite, View};
use crate::addr::{Addr, Family, Prefix, Widths};
use crate::ban::{Bans, Found, Landing, State, index};
use crate::event::{Event, Events};
use crate::firewall::ipset::stem;
use crate::limits;
use crate::time::{Duration, Instant};
use crate::wire::nft::chain::Hook;
use crate::wire::nft::generation::Culprit;
use crate::wire::uapi::netfilter::{NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING};
use crate::wire::xt::set::SetMatch;
use heapless::{String, Vec};

/// How often a table is held against what it should be, as nothing announces what others do to it.
pub const CHECK: Duration = Duration::from_secs(5);

/// The rules of one family's chain, for the length of an exchange.
pub type Sources = Vec<Prefix, { limits::XT_RULES }>;

/// What our chain is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Holds {
    /// A rule for each ban, and for how long those are kept that an earlier run left; `None` is for good.
    Bans(Option<Duration>),
    /// The rule that looks into an ipset.
    Set,
}

/// How an exchange ended without the table as planned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// Somebody else is changing it: the lock is held, or it is another by now (`EAGAIN`).
    Busy,
    /// This machine does not have the protocol at all (`EAFNOSUPPORT`): no packet needs to be dropped.
    NoProtocol,
    /// There is no plan for it.
    Refused(Refused),
    /// The kernel refused; what, knows who made the calls.
    Kernel,
}

/// How far a family's table is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stage {
    /// Our chain is not there, or not as it should be.
    Missing,
    Installed,
    /// To be taken out.
    Unwanted,
    /// Others jump to our chain: its rules are to be taken out.
    Referenced,
    /// Nothing more is to be done.
    Gone,
    /// The machine has no such protocol.
    Absent,
}

struct Side {
    stage: Stage,
    /// When it is looked at again.
    due: Instant,
    retry: Backoff,
    /// There was no chain of our name before.
    made: bool,
}

impl Side {
    const NEW: Self = Self { stage: Stage::Missing, due: Instant::ZERO, retry: Backoff::new(), made: false };
}

/// The table and the number of its built-in chain that a hook means, if legacy iptables has it.
const fn place(hook: Hook) -> Option<(&'static str, u32)> {
    match hook {
        Hook::Input => Some(("filter", NF_INET_LOCAL_IN)),
        Hook::Forward => Some(("filter", NF_INET_FORWARD)),
        Hook::Prerouting => Some(("raw", NF_INET_PRE_ROUTING)),
        Hook::Ingress => None,
    }
}

/// What the exchange under way is about.
#[derive(Clone, Copy)]
struct Flight {
    /// It has something to change that is our own wish.
    expected: bool,
    /// Rules that should have been there.
    missing: u32,
    began: Instant,
}

/// The state of both families' tables.
pub struct Link {
    chain: String<28>,
    table: &'static str,
    hook: u32,
    holds: Holds,
    widths: Widths,
    sides: [Side; 2],
    flight: Option<Flight>,
    started: bool,
    disturbed: u64,
    unadopted: u64,
}

impl Link {
    /// Tables that nobody looked at yet. `name` is the chain's, shortened as a set's would be. `None` if legacy iptables has
    /// no such hook.
    #[must_use]
    pub fn new(name: &str, hook: Hook, widths: Widths, holds: Holds) -> Option<Self> {
        let (table, hook) = place(hook)?;
        Some(Self {
            chain: stem(name),
            table,
            hook,
            holds,
            widths,
            sides: [const { Side::NEW }; 2],
            flight: None,
            started: false,
            disturbed: 0,
            unadopted: 0,
        })
    }

    /// Goes on at another hook or with other widths. First all that was made is taken out, for nothing would find it later;
    /// false as long as that is not done, then to be asked again. What this backend does not have changes nothing.
    pub fn relayout(&mut self, hook: Hook, widths: Widths) -> bool {
        let Some((table, number)) = place(hook) else { return true };
        if (table, number, widths) == (self.table, self.hook, self.widths) {
            return true;
        }
        if self.all(|stage| matches!(stage, Stage::Missing | Stage::Installed | Stage::Absent)) {
            self.remove(true);
        }
        if !self.is_gone() {
            return false;
        }
        (self.table, self.hook, self.widths) = (table, number, widths);
        self.sides = [const { Side::NEW }; 2];
        true
    }

    /// The table's name, `filter` or `raw`.
    #[must_use]
    pub const fn table(&self) -> &'static str {
        self.table
    }

    /// The chain's name.
    #[must_use]
    pub fn chain(&self) -> &str {
        &self.chain
    }

    /// Times that others changed what is ours.
    #[must_use]
    pub const fn disturbed(&self) -> u64 {
        self.disturbed
    }

    /// Rules of an earlier run that found no room.
    #[must_use]
    pub const fn unadopted(&self) -> u64 {
        self.unadopted
    }

    fn side(&self, family: Family) -> Option<&Side> {
        self.sides.get(index(family))
    }

    fn all(&self, is: impl Fn(Stage) -> bool) -> bool {
        self.sides.iter().all(|side| is(side.stage))
    }

    /// Whether each family that the machine has is as planned.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.all(|stage| matches!(stage, Stage::Installed | Stage::Absent)) && !self.all(|stage| stage == Stage::Absent)
    }

    /// Whether nothing of ours is there any more, after [`Link::remove`].
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.all(|stage| matches!(stage, Stage::Gone | Stage::Absent))
    }

    /// Whether rules that were found stay if they are of no ban: an earlier run's.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        self.started
    }

    /// Whether one more ban of this address would be more than a chain may have.
    #[must_use]
    pub fn is_full<const N: usize, const I: usize>(&self, bans: &Bans<N, I>, addr: Addr) -> bool {
        let family = addr.family();
        let absent = self.side(family).is_some_and(|side| side.stage == Stage::Absent);
        let full = usize::try_from(bans.len_of(family)).is_ok_and(|len| len >= limits::XT_RULES);
        matches!(self.holds, Holds::Bans(_)) && bans.find(addr).is_none() && (full || absent)
    }

    /// What is there may have lost its meaning: it is made again.
    pub fn renew(&mut self) {
        for side in self.sides.iter_mut().filter(|side| side.stage == Stage::Installed) {
            side.stage = Stage::Missing;
        }
    }

    /// Wants chain and jump taken out: all, or only what was made in this run where nothing was before.
    pub fn remove(&mut self, all: bool) {
        for side in self.sides.iter_mut().filter(|side| side.stage != Stage::Absent) {
            side.stage = if all || side.made { Stage::Unwanted } else { Stage::Gone };
            side.retry = Backoff::new();
        }
    }

    /// When the next exchange of this family is due.
    #[inline(never)]
    fn due<const N: usize, const I: usize>(&self, family: Family, bans: &Bans<N, I>) -> Option<Instant> {
        let side = self.side(family)?;
        let waits = || bans.next_wanted(family).is_some() || bans.next_releasing_of(family).is_some();
        let at = match side.stage {
            Stage::Gone | Stage::Absent => return None,
            Stage::Installed if self.holds == Holds::Set || !waits() => side.due,
            _ => Instant::ZERO,
        };
        Some(at.max(side.retry.at()))
    }

    /// When there is something to do.
    #[must_use]
    pub fn poll_at<const N: usize, const I: usize>(&self, bans: &Bans<N, I>) -> Option<Instant> {
        [Family::V4, Family::V6].into_iter().filter_map(|family| self.due(family, bans)).min()
    }

    /// The family whose table is to be exchanged now.
    #[must_use]
    pub fn poll<const N: usize, const I: usize>(&self, bans: &Bans<N, I>, now: Instant) -> Option<Family> {
        [Family::V4, Family::V6].into_iter().find(|family| self.due(*family, bans).is_some_and(|at| at <= now))
    }

    /// Whom a rule of our chain bans.
    fn banned_by(&self, source: Prefix, family: Family) -> Option<Addr> {
        let addr = source.base();
        (addr.family() == family && source.length() == self.widths.of(family)).then_some(addr)
    }

    /// Holds the kernel's table against the bans.
    ///
    /// # Errors
    /// [`Refused::Malformed`].
    #[inline(never)]
    pub fn survey<const N: usize, const I: usize>(
        &mut self,
        family: Family,
        info: &Info,
        entries: &[u8],
        bans: &mut Bans<N, I>,
        now: Instant,
    ) -> Result<(), Refused> {
        let view = View::new(family, info, entries)?;
        self.flight = Some(Flight { expected: false, missing: 0, began: now });
        let absent = !view.has(&self.chain);
        let Some(side) = self.sides.get_mut(index(family)) else { return Ok(()) };
        side.made |= absent && side.stage == Stage::Missing && !self.started;
        let keeps = match self.holds {
            Holds::Bans(keeps) if matches!(side.stage, Stage::Missing | Stage::Installed) => keeps,
            _ => return Ok(()),
        };
        bans.begin_audit();
        for (source, _) in view.banned(&self.chain)? {
            let Some(addr) = self.banned_by(source, family) else { continue };
            let until = match bans.find(addr) {
                Some(ban) => ban.until,
                None if self.is_full(bans, addr) => {
                    self.unadopted += 1;
                    continue;
                }
                None => keeps.map(|span| now + span),
            };
            if bans.found(addr, until) == Found::Full {
                self.unadopted += 1;
            }
        }
        let missing = bans.end_audit_of(&[family], now);
        if let Some(flight) = &mut self.flight {
            flight.missing = missing;
        }
        Ok(())
    }

    /// Plans the table that was surveyed; `set` is the family's ipset, where that is what the chain is for.
    ///
    /// # Errors
    /// Those of [`Rewrite::plan`].
    #[inline(never)]
    pub fn plan<'p, const N: usize, const I: usize>(
        &'p mut self,
        family: Family,
        info: &Info,
        entries: &'p [u8],
        set: Option<SetMatch>,
        bans: &mut Bans<N, I>,
        sources: &'p mut Sources,
    ) -> Result<Rewrite<'p>, Refused> {
        sources.clear();
        let stage = self.side(family).map_or(Stage::Gone, |side| side.stage);
        let mut expected = stage != Stage::Installed;
        let keeps = matches!(stage, Stage::Missing | Stage::Installed);
        if keeps && matches!(self.holds, Holds::Bans(_)) {
            let held = View::new(family, info, entries)?.banned(&self.chain)?;
            for (source, _) in held {
                let Some(addr) = self.banned_by(source, family) else { continue };
                let stays = bans.find(addr).is_some_and(|ban| ban.state() == State::Installed);
                if bans.take_seen(addr) && stays {
                    // As many as there is room for, since is_full counts all.
                    let _ = sources.push(source);
                }
            }
            while !sources.is_full()
                && let Some((slot, addr, _)) = bans.next_wanted(family)
                && let Ok(source) = Prefix::new(addr, self.widths.of(family))
            {
                let _ = sources.push(source);
                bans.sent(slot);
                expected = true;
            }
            while let Some((slot, ..)) = bans.next_releasing_of(family) {
                bans.sent(slot);
                expected = true;
            }
        }
        if let Some(flight) = &mut self.flight {
            flight.expected = expected;
        }
        let content = match (stage, self.holds) {
            (Stage::Missing | Stage::Installed, Holds::Set) => Some(Content::Set(set.ok_or(Refused::Malformed)?)),
            (Stage::Missing | Stage::Installed, Holds::Bans(_)) | (Stage::Referenced, _) => {
                Some(Content::Sources(sources))
            }
            _ => None,
        };
        Rewrite::plan(family, self.table, info, entries, Plan { chain: &self.chain, hook: self.hook, content })
    }

    /// Takes the end of an exchange: whether the table had to be changed, or why it is not as planned.
    #[inline(never)]
    pub fn handle<const N: usize, const I: usize>(
        &mut self,
        family: Family,
        outcome: Result<bool, Failure>,
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        let flight = self.flight.take();
        let Some(side) = self.sides.get_mut(index(family)) else { return };
        let before = side.stage;
        // Others changed what is ours.
        let disturbed = flight.filter(|flight| {
            let changed = outcome == Ok(true) && !flight.expected;
            before == Stage::Installed && outcome.is_ok() && (flight.missing > 0 || changed)
        });
        let by = Culprit::default();
        if let Some(flight) = disturbed {
            self.disturbed += 1;
            events.push(Event::Disturbed { by, mends: true, lost: flight.missing > 0 });
        }
        let landing = if outcome.is_ok() { Landing::Committed } else { Landing::Refused };
        while self.holds != Holds::Set
            && let Some((addr, ban)) = bans.landed(landing)
        {
            if landing == Landing::Committed {
                announce(events, addr, &ban);
            }
        }
        if let Some(flight) = disturbed {
            events.push(Event::Restored { bans: bans.installed(), took: now.since(flight.began), by });
        }
        match outcome {
            Ok(_) => {
                side.retry = Backoff::new();
                side.due = now + CHECK;
                side.stage = match before {
                    Stage::Missing | Stage::Installed => Stage::Installed,
                    _ => Stage::Gone,
                };
            }
            Err(Failure::NoProtocol) => side.stage = Stage::Absent,
            Err(Failure::Refused(Refused::Referenced)) => side.stage = Stage::Referenced,
            // Whoever holds the lock does so for moments.
            Err(Failure::Busy) => {
                side.retry = Backoff::new();
                side.retry.failed(now);
            }
            Err(_) => side.retry.failed(now),
        }
        if !self.started && self.is_ready() {
            self.started = true;
            if self.holds != Holds::Set {
                events.push(Event::Ready);
            }
        }
    }
}
