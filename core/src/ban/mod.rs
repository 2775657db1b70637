//! The bans: who shall be banned until when, and what of it the kernel has confirmed.
//!
//! A ban is `Wanted` (decided, the kernel does not know), `InFlight` (in the batch whose answer is awaited),
//! `Installed` (the kernel confirmed it) or `Releasing` (to be lifted before its time). Only an installed ban is ever
//! announced; there is no state for "believed to be banned". A ban leaves by itself when its time is over: the kernel
//! drops the element by its own timeout.

pub mod expiry;

use crate::addr::{Addr, Family};
use crate::limits;
use crate::table::{HashKey, List, Slot, Table};
use crate::time::Instant;
use expiry::{Heap, Position};

/// The jail of a ban that somebody asked for: no jail has this number.
pub const MANUAL: u8 = u8::MAX;

/// The name that it is shown by; a jail may have the same.
pub const MANUAL_NAME: &str = "manual";

static_assertions::const_assert!(limits::JAILS < 255);

/// Where a ban stands on its way into and out of the kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Decided; not yet sent.
    Wanted,
    /// In the batch whose answer is awaited.
    InFlight,
    /// Confirmed by the kernel.
    Installed,
    /// To be lifted; the kernel may still hold it.
    Releasing,
    /// Its lifting is in the batch whose answer is awaited.
    ReleasingInFlight,
}

/// One ban.
#[derive(Clone, Copy, Debug)]
pub struct Ban {
    /// Until when; `None` is permanent.
    pub until: Option<Instant>,
    position: Position,
    /// The jail that decided it, or [`MANUAL`].
    pub jail: u8,
    state: State,
    /// The kernel may hold the address with an earlier end: the element must be replaced.
    pub replaces: bool,
    /// The kernel holds the address, or may: a batch with it was committed, or its answer was lost.
    held: bool,
}

/// What became of a batch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Landing {
    /// The kernel took it.
    Committed,
    /// The kernel took nothing of it.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl Ban {
    /// Where the ban stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }
}

/// What [`Bans::want`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Wanted {
    /// The ban is new.
    New,
    /// The address was banned already and stays so for longer now.
    Extended,
    /// The address was banned already for at least as long.
    Already,
    /// No room; the ban was not taken.
    Full,
}

/// All bans, at most `N`. `I` is the index size, see [`Table`].
pub struct Bans<const N: usize, const I: usize> {
    table: Table<[u8; 16], Ban, N, I>,
    by_end: Heap<N>,
    /// Wanted bans in the order of their decision, per family: each family has a set, and so a message, of its own.
    wanted: [List; 2],
    in_flight: List,
    installed: u32,
    releasing: List,
    /// Bans of each jail, and behind them those of none.
    of_jail: [u32; limits::JAILS + 1],
}

const fn index(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}

impl<const N: usize, const I: usize> Bans<N, I> {
    /// No bans.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            table: Table::new(),
            by_end: Heap::new(),
            wanted: [List::new(); 2],
            in_flight: List::new(),
            installed: 0,
            releasing: List::new(),
            of_jail: [0; limits::JAILS + 1],
        }
    }

    /// Sets the secret of the hash, before the first ban.
    pub fn set_key(&mut self, key: HashKey) {
        self.table.set_key(key);
    }

    /// Bans in any state.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.table.len()
    }

    /// Whether there is no ban in any state.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Bans that the kernel confirmed.
    #[must_use]
    pub const fn installed(&self) -> u32 {
        self.installed
    }

    /// Bans that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.wanted.iter().map(List::len).sum::<u32>() + self.releasing.len()
    }

    /// Bans that are being lifted.
    #[must_use]
    pub fn leaving(&self) -> u32 {
        // What is in flight is one batch, and a batch either bans or lifts.
        let lifted = |ban: &Ban| ban.state == State::ReleasingInFlight;
        let in_flight = self.in_flight.back().and_then(|slot| self.table.get(slot)).is_some_and(lifted);
        self.releasing.len() + if in_flight { self.in_flight.len() } else { 0 }
    }

    /// Bans, in any state, that the jail of this number decided, or somebody by hand ([`MANUAL`]).
    #[must_use]
    pub fn of_jail(&self, jail: u8) -> u32 {
        self.of_jail.get(usize::from(jail).min(limits::JAILS)).copied().unwrap_or(0)
    }

    fn count(&mut self, jail: u8, change: fn(u32, u32) -> u32) {
        if let Some(count) = self.of_jail.get_mut(usize::from(jail).min(limits::JAILS)) {
            *count = change(*count, 1);
        }
    }

    /// The ban of an address.
    #[must_use]
    pub fn find(&self, addr: Addr) -> Option<&Ban> {
        self.table.find(&addr.octets()).and_then(|slot| self.table.get(slot))
    }

    /// Wants `addr` banned until `until`.
    pub fn want(&mut self, addr: Addr, jail: u8, until: Option<Instant>) -> Wanted {
        let family = index(addr.family());
        if let Some(slot) = self.table.find(&addr.octets()) {
            let Some(&ban) = self.table.get(slot) else { return Wanted::Full };
            let later = match (ban.until, until) {
                (Some(old), Some(new)) => new > old,
                (Some(_), None) => true,
                (None, _) => false,
            };
            let leaving = matches!(ban.state, State::Releasing | State::ReleasingInFlight);
            if !later && !leaving {
                return Wanted::Already;
            }
            self.count(ban.jail, u32::saturating_sub);
            self.count(jail, u32::saturating_add);
            self.unlist(slot);
            self.by_end.remove(&mut self.table, slot);
            if let Some(ban) = self.table.get_mut(slot) {
                // What is in flight may or may not be in the kernel by the time that this is sent.
                ban.held |= ban.state != State::Wanted;
                ban.replaces = ban.held;
                ban.until = until;
                ban.jail = jail;
            }
            self.list(slot, State::Wanted, family);
            self.by_end.insert(&mut self.table, slot);
            return if leaving { Wanted::New } else { Wanted::Extended };
        }
        let ban = Ban { until, position: Position::NONE, jail, state: State::Wanted, replaces: false, held: false };
        let Ok(slot) = self.table.insert(addr.octets(), ban) else { return Wanted::Full };
        self.count(jail, u32::saturating_add);
        self.list(slot, State::Wanted, family);
        self.by_end.insert(&mut self.table, slot);
        Wanted::New
    }

    /// Wants the ban of `addr` lifted. Returns whether there was one.
    pub fn release(&mut self, addr: Addr) -> bool {
        let Some(slot) = self.table.find(&addr.octets()) else { return false };
        if !matches!(self.state(slot), Some(State::Releasing | State::ReleasingInFlight)) {
            self.relist(slot, State::Releasing);
        }
        true
    }

    /// Wants every ban lifted. Returns how many there are.
    pub fn release_all(&mut self) -> u32 {
        for cell in 0..I {
            if let Some(slot) = self.table.slot_at(cell)
                && !matches!(self.state(slot), Some(State::Releasing | State::ReleasingInFlight))
            {
                self.relist(slot, State::Releasing);
            }
        }
        self.leaving()
    }

    /// The next ban to send for `family`, oldest first.
    #[must_use]
    pub fn next_wanted(&self, family: Family) -> Option<(Slot, Addr, Ban)> {
        self.entry(self.wanted.get(index(family))?.back()?)
    }

    /// The wanted ban after `slot`.
    #[must_use]
    pub fn after(&self, slot: Slot) -> Option<(Slot, Addr, Ban)> {
        self.entry(self.table.towards_front(slot)?)
    }

    /// The next ban to lift, oldest first.
    #[must_use]
    pub fn next_releasing(&self) -> Option<(Slot, Addr, Ban)> {
        self.entry(self.releasing.back()?)
    }

    fn entry(&self, slot: Slot) -> Option<(Slot, Addr, Ban)> {
        Some((slot, Addr::v6(self.table.key(slot)?), *self.table.get(slot)?))
    }

    /// The ban was written into the batch.
    pub fn sent(&mut self, slot: Slot) {
        match self.state(slot) {
            Some(State::Wanted) => self.relist(slot, State::InFlight),
            Some(State::Releasing) => self.relist(slot, State::ReleasingInFlight),
            _ => {}
        }
    }

    /// Takes the next ban out of flight, whose batch became `landing`: unless it was committed, it waits again. Returns
    /// it with the state that it had in flight.
    pub fn landed(&mut self, landing: Landing) -> Option<(Addr, Ban)> {
        let (slot, addr, before) = self.entry(self.in_flight.back()?)?;
        let committed = landing == Landing::Committed;
        if let Some(ban) = self.table.get_mut(slot) {
            ban.held |= landing != Landing::Refused;
            ban.replaces &= !committed;
        }
        match (before.state, committed) {
            (State::ReleasingInFlight, true) => self.discard(slot),
            (State::ReleasingInFlight, false) => self.relist(slot, State::Releasing),
            (_, true) => self.relist(slot, State::Installed),
            (_, false) => self.relist(slot, State::Wanted),
        }
        Some((addr, before))
    }

    /// Takes out a ban that the kernel turned out not to hold.
    pub fn forget(&mut self, addr: Addr) {
        if let Some(slot) = self.table.find(&addr.octets()) {
            self.discard(slot);
        }
    }

    /// When the next ban's time is over.
    #[must_use]
    pub fn next_end(&self) -> Option<Instant> {
        let slot = self.by_end.first()?;
        self.table.get(slot)?.until
    }

    /// Takes out the next ban whose time is over at `now`, unless it is in flight. One that the kernel may hold for longer
    /// is lifted instead.
    pub fn pop_over(&mut self, now: Instant) -> Option<(Addr, Ban)> {
        loop {
            let (slot, addr, ban) = self.entry(self.by_end.first()?)?;
            let in_flight = matches!(ban.state, State::InFlight | State::ReleasingInFlight);
            if in_flight || ban.until.is_none_or(|until| until > now) {
                return None;
            }
            if !ban.replaces {
                self.discard(slot);
                return Some((addr, ban));
            }
            self.by_end.remove(&mut self.table, slot);
            if let Some(ban) = self.table.get_mut(slot) {
                ban.until = None;
            }
            self.by_end.insert(&mut self.table, slot);
            self.relist(slot, State::Releasing);
        }
    }

    /// The kernel lost everything: every installed ban is wanted again, and what waited to be lifted is lifted.
    pub fn want_all_again(&mut self) {
        while let Some((slot, ..)) = self.next_releasing() {
            self.discard(slot);
        }
        for cell in 0..I {
            let Some(slot) = self.table.slot_at(cell) else { continue };
            if let Some(ban) = self.table.get_mut(slot) {
                ban.replaces = false;
                ban.held = false;
            }
            if self.state(slot) == Some(State::Installed) {
                self.relist(slot, State::Wanted);
            }
        }
    }

    fn state(&self, slot: Slot) -> Option<State> {
        self.table.get(slot).map(|ban| ban.state)
    }

    fn discard(&mut self, slot: Slot) {
        if let Some(&Ban { jail, .. }) = self.table.get(slot) {
            self.count(jail, u32::saturating_sub);
        }
        self.unlist(slot);
        self.by_end.remove(&mut self.table, slot);
        self.table.remove(slot);
    }

    /// Takes an entry out of the list of its state.
    fn unlist(&mut self, slot: Slot) {
        let Some((_, addr, ban)) = self.entry(slot) else { return };
        match ban.state {
            State::Wanted => {
                if let Some(list) = self.wanted.get_mut(index(addr.family())) {
                    self.table.unlink(list, slot);
                }
            }
            State::InFlight | State::ReleasingInFlight => self.table.unlink(&mut self.in_flight, slot),
            State::Installed => self.installed -= 1,
            State::Releasing => self.table.unlink(&mut self.releasing, slot),
        }
    }

    /// Puts an entry that is in no list into the one of `state`.
    fn list(&mut self, slot: Slot, state: State, family: usize) {
        if let Some(ban) = self.table.get_mut(slot) {
            ban.state = state;
        }
        match state {
            State::Wanted => {
                if let Some(list) = self.wanted.get_mut(family) {
                    self.table.push(list, slot);
                }
            }
            State::InFlight | State::ReleasingInFlight => self.table.push(&mut self.in_flight, slot),
            State::Installed => self.installed += 1,
            State::Releasing => self.table.push(&mut self.releasing, slot),
        }
    }

    fn relist(&mut self, slot: Slot, state: State) {
        let Some((_, addr, _)) = self.entry(slot) else { return };
        self.unlist(slot);
        self.list(slot, state, index(addr.family()));
    }
}

impl<const N: usize, const I: usize> Default for Bans<N, I> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    type Small = Bans<32, 64>;

    fn at(ms: u64) -> Instant {
        Instant::from_millis(ms)
    }

    fn v4(n: u8) -> Addr {
        Addr::v4([192, 0, 2, n])
    }

    /// Sends and lands everything that is wanted.
    fn settle(bans: &mut Small, landing: Landing) -> Vec<Addr> {
        for family in [Family::V4, Family::V6] {
            while let Some((slot, ..)) = bans.next_wanted(family) {
                bans.sent(slot);
            }
        }
        core::iter::from_fn(|| bans.landed(landing)).map(|(addr, _)| addr).collect()
    }

    #[test]
    fn a_ban_is_installed_only_after_its_batch_was_committed() {
        let mut bans = Small::new();
        assert_eq!(bans.want(v4(1), 0, Some(at(100))), Wanted::New);
        assert_eq!(bans.want(v4(1), 0, Some(at(90))), Wanted::Already);
        assert_eq!(settle(&mut bans, Landing::Refused), [v4(1)]);
        assert_eq!((bans.installed(), bans.waiting()), (0, 1));
        assert_eq!(settle(&mut bans, Landing::Committed), [v4(1)]);
        assert_eq!((bans.installed(), bans.waiting()), (1, 0));
        assert_eq!(bans.want(v4(1), 1, Some(at(200))), Wanted::Extended);
        let (_, _, ban) = bans.next_wanted(Family::V4).unwrap();
        assert!(ban.replaces, "the kernel's element has the old end");
        settle(&mut bans, Landing::Committed);
        assert_eq!(bans.pop_over(at(199)).map(|(a, _)| a), None);
        assert_eq!(bans.pop_over(at(200)).map(|(a, _)| a), Some(v4(1)));
        assert!(bans.is_empty());
    }

    #[test]
    fn what_the_kernel_may_hold_is_replaced_when_its_end_changes() {
        for (landing, replaces) in [(Landing::Committed, true), (Landing::Unknown, true), (Landing::Refused, false)] {
            let mut bans = Small::new();
            assert_eq!(bans.want(v4(1), 0, Some(at(100))), Wanted::New);
            settle(&mut bans, landing);
            assert_eq!(bans.want(v4(1), 0, Some(at(200))), Wanted::Extended);
            assert_eq!(bans.find(v4(1)).unwrap().replaces, replaces, "{landing:?}");
        }
    }

    #[test]
    fn a_full_table_refuses_and_keeps_every_ban() {
        let mut bans = Small::new();
        for n in 0..32 {
            assert_eq!(bans.want(v4(n), 0, None), Wanted::New);
        }
        assert_eq!(bans.want(v4(32), 0, None), Wanted::Full);
        assert_eq!(bans.len(), 32);
        assert!((0..32).all(|n| bans.find(v4(n)).is_some()));
        bans.forget(v4(7));
        assert_eq!(bans.want(v4(32), 0, None), Wanted::New);
    }

    #[test]
    fn a_release_leaves_only_when_its_batch_was_committed() {
        let mut bans = Small::new();
        assert_eq!(bans.want(v4(1), 0, None), Wanted::New);
        settle(&mut bans, Landing::Committed);
        assert!(bans.release(v4(1)));
        assert!(!bans.release(v4(2)));
        let (slot, ..) = bans.next_releasing().unwrap();
        bans.sent(slot);
        bans.landed(Landing::Refused);
        assert_eq!(bans.find(v4(1)).unwrap().state(), State::Releasing);
        let (slot, ..) = bans.next_releasing().unwrap();
        bans.sent(slot);
        assert_eq!(bans.want(v4(1), 0, None), Wanted::New, "banned again while its lifting is in flight");
        assert!(bans.find(v4(1)).unwrap().replaces);
        assert!(bans.landed(Landing::Committed).is_none());
        assert_eq!(settle(&mut bans, Landing::Committed), [v4(1)]);
    }

    #[test]
    fn all_bans_are_lifted_and_each_jail_has_its_number() {
        let mut bans = Small::new();
        for n in 0..9 {
            assert_eq!(bans.want(v4(n), if n < 4 { 0 } else { MANUAL }, Some(at(100))), Wanted::New);
        }
        assert_eq!(bans.want(v4(0), 3, Some(at(200))), Wanted::Extended);
        assert_eq!([0, 1, 3, MANUAL].map(|jail| bans.of_jail(jail)), [3, 0, 1, 5]);
        settle(&mut bans, Landing::Committed);
        assert_eq!(bans.leaving(), 0);
        bans.release(v4(1));
        let (slot, ..) = bans.next_releasing().unwrap();
        bans.sent(slot);
        assert_eq!(bans.leaving(), 1);
        assert_eq!(bans.release_all(), 9);
        bans.landed(Landing::Committed);
        assert_eq!(bans.leaving(), 8);
        while let Some((slot, ..)) = bans.next_releasing() {
            bans.sent(slot);
        }
        while bans.landed(Landing::Committed).is_some() {}
        assert!(bans.is_empty() && bans.leaving() == 0);
        assert_eq!([0, 1, 3, MANUAL].map(|jail| bans.of_jail(jail)), [0; 4]);
    }

    #[test]
    fn after_a_loss_everything_installed_is_wanted_again() {
        let mut bans = Small::new();
        for n in 0..10 {
            assert_eq!(bans.want(v4(n), 0, None), Wanted::New);
        }
        settle(&mut bans, Landing::Committed);
        bans.release(v4(3));
        bans.want_all_again();
        assert_eq!((bans.installed(), bans.waiting(), bans.len()), (0, 9, 9));
        assert_eq!(settle(&mut bans, Landing::Committed).len(), 9);
    }

    proptest! {
        #[test]
        fn bans_end_in_order_whatever_happens_before(ops in prop::collection::vec((0u8..40, 0u64..50, 0u8..4), 1..300)) {
            let mut bans = Small::new();
            let mut model: BTreeMap<u8, Option<u64>> = BTreeMap::new();
            for (who, end, what) in ops {
                match what {
                    0 => {
                        bans.forget(v4(who));
                        model.remove(&who);
                    }
                    1 => {
                        settle(&mut bans, if end % 2 == 0 { Landing::Committed } else { Landing::Unknown });
                    }
                    _ => {
                        let until = (end != 0).then_some(end);
                        let wanted = bans.want(v4(who), 0, until.map(at));
                        let old = model.get(&who).copied();
                        match wanted {
                            Wanted::Full => prop_assert!(old.is_none() && model.len() == 32),
                            Wanted::New => prop_assert!(old.is_none()),
                            Wanted::Extended => prop_assert!(until.is_none() || until > old.unwrap()),
                            Wanted::Already => {}
                        }
                        if matches!(wanted, Wanted::New | Wanted::Extended) {
                            model.insert(who, until);
                        }
                    }
                }
                prop_assert_eq!(bans.next_end().map(Instant::as_millis), model.values().flatten().min().copied());
                prop_assert_eq!(usize::try_from(bans.len()), Ok(model.len()));
                prop_assert_eq!(bans.of_jail(0), bans.len());
            }
            settle(&mut bans, Landing::Committed);
            let mut last = 0;
            while let Some((addr, ban)) = bans.pop_over(at(1000)) {
                let end = ban.until.unwrap().as_millis();
                prop_assert!(end >= last);
                last = end;
                let key = addr.as_v4().unwrap()[3];
                prop_assert_eq!(model.remove(&key), Some(Some(end)));
            }
            prop_assert!(model.values().all(Option::is_none));
        }
    }
}
