//! The bans: who shall be banned until when, and what of it the kernel has confirmed.
//!
//! A ban is `Wanted` (decided, the kernel does not know), `InFlight` (in the batch whose answer is awaited),
//! `Installed` (the kernel confirmed it) or `Releasing` (to be lifted before its time). Only an installed ban is ever
//! announced; there is no state for "believed to be banned". A ban leaves by itself when its time is over: the kernel
//! drops the element by its own timeout.

mod audit;
pub mod expiry;
pub mod history;
pub mod ladder;
mod mark;
pub mod prefix;

pub use audit::Found;

use crate::addr::{Addr, Family};
use crate::limits;
use crate::table::{HashKey, List, Slot, Table};
use crate::time::Instant;
use expiry::{Heap, Position};
use mark::Marks;
use prefix::Prefixes;

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
    marks: Marks,
}

static_assertions::const_assert!(size_of::<Ban>() <= 24);

/// Who takes a ban out of what holds it when its time is over.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ends {
    /// The kernel, by a timeout of its own.
    #[default]
    Kernel,
    /// We: it is held until its lifting was committed.
    Us,
    /// Nobody, for nothing holds it. What is in flight stays so until its time is over.
    Nobody,
}

/// The number that stands for a jail where nobody decided the ban in this run: it was found in the kernel.
pub const ADOPTED: u8 = u8::MAX - 1;

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

    /// Whether the kernel may hold the address with another end: the element must be replaced.
    #[must_use]
    pub const fn replaces(&self) -> bool {
        self.marks.has(Marks::REPLACES)
    }

    /// Whether somebody else took the address out of the kernel while this ban was in flight, so that nobody knows.
    #[must_use]
    pub const fn is_doubted(&self) -> bool {
        self.marks.has(Marks::DOUBTED)
    }

    /// Whether it was told already that the kernel holds it until then.
    #[must_use]
    pub const fn is_announced(&self) -> bool {
        self.marks.has(Marks::ANNOUNCED)
    }

    /// Whether the operator wants it although the address is protected.
    #[must_use]
    pub const fn forced(&self) -> bool {
        self.marks.has(Marks::FORCED)
    }

    /// Whether it is being lifted.
    #[must_use]
    pub const fn is_leaving(&self) -> bool {
        matches!(self.state, State::Releasing | State::ReleasingInFlight)
    }

    /// Whether it is lifted because its time is over.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        self.marks.has(Marks::OVER)
    }

    const fn held(&self) -> bool {
        self.marks.has(Marks::HELD)
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
    table: Table<Addr, Ban, N, I>,
    by_end: Heap<N>,
    /// Wanted bans in the order of their decision, per family: each family has a set, and so a message, of its own.
    wanted: [List; 2],
    in_flight: List,
    /// Per family.
    installed: [u32; 2],
    /// Bans in any state, per family.
    by_family: [u32; 2],
    releasing: List,
    /// Behind which place, and up to which, bans are marked as foreign: a dump adds them one behind the other.
    unscreened: (usize, usize),
    /// Bans of prefixes, which are no part of anything else here.
    prefixes: Prefixes,
    ends: Ends,
    /// Bans of each jail, and behind them those of none.
    of_jail: [u32; limits::JAILS + 1],
}

/// The place of a family in an array of two.
pub(crate) const fn index(family: Family) -> usize {
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
            installed: [0; 2],
            by_family: [0; 2],
            releasing: List::new(),
            unscreened: (0, 0),
            prefixes: Prefixes::new(),
            ends: Ends::Kernel,
            of_jail: [0; limits::JAILS + 1],
        }
    }

    /// Sets the secret of the hash, before the first ban.
    pub fn set_key(&mut self, key: HashKey) {
        self.table.set_key(key);
    }

    /// Bans of prefixes.
    #[must_use]
    pub const fn prefixes(&self) -> &Prefixes {
        &self.prefixes
    }

    /// The same, to be changed.
    pub const fn prefixes_mut(&mut self) -> &mut Prefixes {
        &mut self.prefixes
    }

    /// Says who ends bans, before the first.
    pub const fn set_ends(&mut self, ends: Ends) {
        self.ends = ends;
    }

    /// Forgets every ban.
    pub fn clear(&mut self) {
        for place in 0..self.table.places() {
            if let Some(slot) = self.table.slot_at(place) {
                self.discard(slot);
            }
        }
        self.unscreened = (0, 0);
        self.prefixes = Prefixes::new();
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
    pub fn installed(&self) -> u32 {
        self.installed.iter().sum()
    }

    /// Of these, those of a family.
    #[must_use]
    pub fn installed_of(&self, family: Family) -> u32 {
        self.installed.get(index(family)).copied().unwrap_or(0)
    }

    /// Bans of a family in any state.
    #[must_use]
    pub fn len_of(&self, family: Family) -> u32 {
        self.by_family.get(index(family)).copied().unwrap_or(0)
    }

    /// Bans that wait to be sent.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.wanted.iter().map(List::len).sum::<u32>() + self.releasing.len()
    }

    /// Bans that are being lifted, those of prefixes among them.
    #[must_use]
    pub fn leaving(&self) -> u32 {
        // What is in flight is one batch, and a batch either bans or lifts.
        let lifted = |ban: &Ban| ban.state == State::ReleasingInFlight;
        let in_flight = self.in_flight.back().and_then(|slot| self.table.get(slot)).is_some_and(lifted);
        self.releasing.len() + if in_flight { self.in_flight.len() } else { 0 } + self.prefixes.leaving()
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
        self.table.find(&addr).and_then(|slot| self.table.get(slot))
    }

    /// Whether the kernel confirmed a ban that holds `addr`.
    #[must_use]
    pub fn is_installed(&self, addr: Addr) -> bool {
        self.find(addr).is_some_and(|ban| ban.state == State::Installed)
    }

    /// Wants `addr` banned until `until`.
    pub fn want(&mut self, addr: Addr, jail: u8, until: Option<Instant>) -> Wanted {
        let family = index(addr.family());
        if let Some(slot) = self.table.find(&addr) {
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
                ban.marks.set(Marks::HELD, ban.held() || ban.state != State::Wanted);
                ban.marks.set(Marks::REPLACES, ban.held());
                ban.marks.set(Marks::FORCED, ban.forced() && !leaving);
                ban.marks.set(Marks::OVER, false);
                ban.marks.set(Marks::ANNOUNCED, false);
                ban.marks.set(Marks::RESTORED, false);
                ban.until = until;
                ban.jail = jail;
            }
            self.list(slot, State::Wanted, family);
            self.by_end.insert(&mut self.table, slot);
            return if leaving { Wanted::New } else { Wanted::Extended };
        }
        match self.add(addr, until, jail, State::Wanted, Marks::NONE) {
            Some(_) => Wanted::New,
            None => Wanted::Full,
        }
    }

    /// Adds a ban of an address that has none; `None` if there is no room.
    fn add(&mut self, addr: Addr, until: Option<Instant>, jail: u8, state: State, marks: Marks) -> Option<Slot> {
        let ban = Ban { until, position: Position::NONE, jail, state, marks };
        let slot = self.table.insert(addr, ban).ok()?;
        if let Some(count) = self.by_family.get_mut(index(addr.family())) {
            *count += 1;
        }
        self.count(jail, u32::saturating_add);
        self.list(slot, state, index(addr.family()));
        self.by_end.insert(&mut self.table, slot);
        Some(slot)
    }

    /// Wants the ban of `addr` lifted. Returns whether there was one.
    pub fn release(&mut self, addr: Addr) -> bool {
        let Some(slot) = self.table.find(&addr) else { return false };
        if !matches!(self.state(slot), Some(State::Releasing | State::ReleasingInFlight)) {
            self.relist(slot, State::Releasing);
        }
        true
    }

    /// Wants every ban lifted, those of prefixes too. Returns how many there are.
    pub fn release_all(&mut self) -> u32 {
        self.prefixes.release_if(&mut |_| true);
        for place in 0..self.table.places() {
            if let Some(slot) = self.table.slot_at(place)
                && !matches!(self.state(slot), Some(State::Releasing | State::ReleasingInFlight))
            {
                self.relist(slot, State::Releasing);
            }
        }
        self.leaving()
    }

    /// The ban of `addr`, if there is one, is the operator's own wish: no gate stops it.
    pub fn force(&mut self, addr: Addr) {
        if let Some(ban) = self.table.find(&addr).and_then(|slot| self.table.get_mut(slot)) {
            ban.marks.set(Marks::FORCED, true);
        }
    }

    /// The last gate, before every batch: asks `protected` of each ban that came to be wanted since the last call (new,
    /// extended, or to be sent again after a refusal or a flush), and takes those of which it is true out, or lifts
    /// them if the kernel may hold them.
    pub fn gate(&mut self, protected: &mut dyn FnMut(Addr, &Ban) -> bool) {
        for family in 0..self.wanted.len() {
            // What is new stands at the front: a ban that passed has only such behind it.
            let mut next = self.wanted.get(family).and_then(List::front);
            while let Some(slot) = next {
                let Some((_, addr, ban)) = self.entry(slot) else { break };
                if ban.marks.has(Marks::GATED) {
                    break;
                }
                next = self.table.towards_back(slot);
                if let Some(ban) = self.table.get_mut(slot) {
                    ban.marks.set(Marks::GATED, true);
                }
                if !ban.forced() && protected(addr, &ban) {
                    self.take_back(slot);
                }
            }
        }
    }

    /// Asks `protected` of the ban of `addr`, in whatever state, and takes it out or lifts it if that is true.
    pub fn gate_one(&mut self, addr: Addr, protected: &mut dyn FnMut(Addr, &Ban) -> bool) {
        let Some((slot, addr, ban)) = self.table.find(&addr).and_then(|slot| self.entry(slot)) else { return };
        let leaving = matches!(ban.state, State::Releasing | State::ReleasingInFlight);
        if !leaving && !ban.forced() && protected(addr, &ban) {
            self.take_back(slot);
        }
    }

    /// Asks `lifts` of each ban, those of prefixes apart, that is not being lifted, and lifts those of which it is true; the
    /// bans of the jails of which `gone` is true are lifted, too, and are nobody's from then on. Returns how many these are.
    pub fn lift(&mut self, gone: &dyn Fn(u8) -> bool, lifts: &mut dyn FnMut(Addr, &Ban) -> bool) -> u32 {
        let mut lifted = 0;
        for place in 0..self.table.places() {
            let Some((slot, addr, ban)) = self.table.slot_at(place).and_then(|slot| self.entry(slot)) else { continue };
            let nobodys = gone(ban.jail);
            if nobodys {
                self.count(ban.jail, u32::saturating_sub);
                self.count(ADOPTED, u32::saturating_add);
                if let Some(ban) = self.table.get_mut(slot) {
                    ban.jail = ADOPTED;
                }
            }
            let leaving = matches!(ban.state, State::Releasing | State::ReleasingInFlight);
            if !leaving && (nobodys || lifts(addr, &ban)) {
                self.take_back(slot);
                lifted += 1;
            }
        }
        lifted
    }

    /// Bans `network` of each address instead of it, and for the longest where several become one. Where that is `None` the
    /// ban is given up, and told to `lost`. What holds the bans is made anew, so nothing is lifted there.
    pub fn rename(&mut self, network: &dyn Fn(Addr) -> Option<Addr>, lost: &mut dyn FnMut(Addr)) {
        for place in 0..self.table.places() {
            let Some((slot, addr, ban)) = self.table.slot_at(place).and_then(|slot| self.entry(slot)) else { continue };
            let name = network(addr);
            if name == Some(addr) {
                continue;
            }
            self.discard(slot);
            let Some(name) = name else {
                lost(addr);
                continue;
            };
            if self.want(name, ban.jail, ban.until) == Wanted::New
                && let Some(new) = self.table.find(&name).and_then(|slot| self.table.get_mut(slot))
            {
                new.marks.set(Marks::ANNOUNCED, ban.is_announced());
            }
            if ban.forced() {
                self.force(name);
            }
        }
    }

    fn take_back(&mut self, slot: Slot) {
        match self.table.get(slot) {
            Some(ban) if ban.state == State::Wanted && !ban.held() => self.discard(slot),
            _ => self.relist(slot, State::Releasing),
        }
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

    /// As [`Bans::next_releasing`], of one family.
    #[must_use]
    pub fn next_releasing_of(&self, family: Family) -> Option<(Slot, Addr, Ban)> {
        let mut next = self.releasing.back();
        while let Some(slot) = next {
            let entry = self.entry(slot)?;
            if entry.1.family() == family {
                return Some(entry);
            }
            next = self.table.towards_front(slot);
        }
        None
    }

    fn entry(&self, slot: Slot) -> Option<(Slot, Addr, Ban)> {
        Some((slot, self.table.key(slot)?, *self.table.get(slot)?))
    }

    /// The ban was written into the batch.
    pub fn sent(&mut self, slot: Slot) {
        if let Some(ban) = self.table.get_mut(slot) {
            ban.marks.set(Marks::RESTORED, false);
        }
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
        let doubted = before.is_doubted();
        if let Some(ban) = self.table.get_mut(slot) {
            let held = ban.held() || landing != Landing::Refused;
            ban.marks.set(Marks::HELD, held);
            // Taken out by somebody else before or after the batch: whichever, adding it anew is right.
            let replaces = doubted || (ban.replaces() && !committed);
            ban.marks.set(Marks::REPLACES, replaces);
            ban.marks.set(Marks::DOUBTED, false);
            ban.marks.set(Marks::ANNOUNCED, ban.is_announced() || (committed && !doubted));
        }
        match (before.state, committed) {
            (State::ReleasingInFlight, true) => self.discard(slot),
            (State::ReleasingInFlight, false) => self.relist(slot, State::Releasing),
            (_, true) if !doubted => self.relist(slot, State::Installed),
            (_, _) => self.relist(slot, State::Wanted),
        }
        Some((addr, before))
    }

    /// Takes out a ban that the kernel turned out not to hold.
    pub fn forget(&mut self, addr: Addr) {
        if let Some(slot) = self.table.find(&addr) {
            self.discard(slot);
        }
    }

    /// When [`Bans::pop_over`] has something: when the next ban's time is over, unless it is in flight.
    #[must_use]
    pub fn next_end(&self) -> Option<Instant> {
        let ban = self.table.get(self.by_end.first()?)?;
        if self.is_in_flight(ban) { None } else { ban.until }
    }

    fn is_in_flight(&self, ban: &Ban) -> bool {
        self.ends != Ends::Nobody && matches!(ban.state, State::InFlight | State::ReleasingInFlight)
    }

    /// Takes out the next ban whose time is over at `now`, unless it is in flight. One that the kernel may hold for longer
    /// is lifted instead.
    pub fn pop_over(&mut self, now: Instant) -> Option<(Addr, Ban)> {
        loop {
            let (slot, addr, ban) = self.entry(self.by_end.first()?)?;
            if self.is_in_flight(&ban) || ban.until.is_none_or(|until| until > now) {
                return None;
            }
            if !(ban.replaces() || (self.ends == Ends::Us && ban.held())) {
                self.discard(slot);
                return Some((addr, ban));
            }
            self.by_end.remove(&mut self.table, slot);
            if let Some(ban) = self.table.get_mut(slot) {
                ban.marks.set(Marks::OVER, true);
                ban.until = None;
            }
            self.by_end.insert(&mut self.table, slot);
            self.relist(slot, State::Releasing);
        }
    }

    /// The kernel lost everything: every installed ban is wanted again, and what waited to be lifted is lifted. What is in
    /// flight may have arrived before or after that.
    pub fn want_all_again(&mut self) {
        self.prefixes.want_all_again();
        while let Some((slot, ..)) = self.next_releasing() {
            self.discard(slot);
        }
        for place in 0..self.table.places() {
            let Some(slot) = self.table.slot_at(place) else { continue };
            let state = self.state(slot);
            if let Some(ban) = self.table.get_mut(slot) {
                ban.marks.set(Marks::HELD, false);
                ban.marks.set(Marks::REPLACES, false);
                ban.marks.set(Marks::DOUBTED, state == Some(State::InFlight));
            }
            if state == Some(State::Installed) {
                self.relist(slot, State::Wanted);
            }
        }
    }

    /// The kernel may have lost some of its elements, nobody knows which: every installed ban is wanted again, and what
    /// waits to be lifted still has to be. `replaces`: what it still holds may have another end.
    pub fn want_installed_again(&mut self, replaces: bool) {
        for place in 0..self.table.places() {
            let Some(slot) = self.table.slot_at(place) else { continue };
            if self.state(slot) == Some(State::Installed) {
                if let Some(ban) = self.table.get_mut(slot) {
                    ban.marks.set(Marks::REPLACES, replaces || ban.replaces());
                }
                self.relist(slot, State::Wanted);
            }
        }
    }

    /// Puts a waiting ban, or lifting, at the end of its queue.
    pub fn postpone(&mut self, addr: Addr) {
        let Some(slot) = self.table.find(&addr) else { return };
        if let Some(state @ (State::Wanted | State::Releasing)) = self.state(slot) {
            self.relist(slot, state);
        }
    }

    /// Takes in a ban that was made before this run: wanted, unless the kernel turns out to hold it, and told already. Returns
    /// whether there was room.
    pub fn restore(&mut self, addr: Addr, jail: u8, until: Option<Instant>, forced: bool) -> bool {
        // Of several the last one holds that ends later: the others were extended by it.
        let taken = self.want(addr, jail, until);
        if matches!(taken, Wanted::New | Wanted::Extended)
            && let Some(ban) = self.table.find(&addr).and_then(|slot| self.table.get_mut(slot))
        {
            ban.marks.set(Marks::FORCED, forced);
            ban.marks.set(Marks::ANNOUNCED, true);
            ban.marks.set(Marks::RESTORED, true);
        }
        taken != Wanted::Full
    }

    /// Places of a walk through all bans, by [`Bans::at`].
    #[must_use]
    pub fn places(&self) -> usize {
        self.table.places()
    }

    /// The ban at a place, in whatever state.
    #[must_use]
    pub fn at(&self, place: usize) -> Option<(Addr, Ban)> {
        self.entry(self.table.slot_at(place)?).map(|(_, addr, ban)| (addr, ban))
    }

    /// The first installed ban at or behind a place of a walk over all bans, and the place behind it.
    #[must_use]
    pub fn next_installed(&self, place: usize) -> Option<(usize, Addr, Ban)> {
        (place..self.table.places()).find_map(|place| {
            let (_, addr, ban) = self.entry(self.table.slot_at(place)?)?;
            (ban.state == State::Installed).then_some((place + 1, addr, ban))
        })
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
        let family = self.table.key(slot).map(|addr| index(addr.family()));
        if let Some(count) = family.and_then(|family| self.by_family.get_mut(family)) {
            *count -= 1;
        }
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
            State::Installed => {
                if let Some(installed) = self.installed.get_mut(index(addr.family())) {
                    *installed -= 1;
                }
            }
            State::Releasing => self.table.unlink(&mut self.releasing, slot),
        }
    }

    /// Puts an entry that is in no list into the one of `state`.
    fn list(&mut self, slot: Slot, state: State, family: usize) {
        if let Some(ban) = self.table.get_mut(slot) {
            ban.state = state;
            ban.marks.set(Marks::GATED, false);
        }
        match state {
            State::Wanted => {
                if let Some(list) = self.wanted.get_mut(family) {
                    self.table.push(list, slot);
                }
            }
            State::InFlight | State::ReleasingInFlight => self.table.push(&mut self.in_flight, slot),
            State::Installed => {
                if let Some(installed) = self.installed.get_mut(family) {
                    *installed += 1;
                }
            }
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
        assert!(ban.replaces(), "the kernel's element has the old end");
        settle(&mut bans, Landing::Committed);
        assert_eq!(bans.pop_over(at(199)).map(|(a, _)| a), None);
        assert_eq!(bans.pop_over(at(200)).map(|(a, _)| a), Some(v4(1)));
        assert!(bans.is_empty());
    }

    /// Whom the gate asked about, in the order of asking, where `protected` are.
    fn gate(bans: &mut Small, protected: &[Addr]) -> Vec<Addr> {
        let mut asked = Vec::new();
        bans.gate(&mut |addr, _| {
            asked.push(addr);
            protected.contains(&addr)
        });
        asked
    }

    #[test]
    fn the_gate_asks_once_of_each_ban_that_comes_to_be_wanted() {
        let mut bans = Small::new();
        let six = Addr::v6([0x20; 16]);
        for addr in [v4(1), v4(2), six] {
            assert_eq!(bans.want(addr, 0, Some(at(100))), Wanted::New);
        }
        assert_eq!(gate(&mut bans, &[v4(1)]), [v4(2), v4(1), six]);
        assert_eq!((bans.len(), bans.find(v4(1)).is_some()), (2, false), "the kernel never heard of it");
        assert_eq!(gate(&mut bans, &[]), []);
        assert_eq!(bans.want(v4(3), 0, Some(at(100))), Wanted::New);
        assert_eq!(gate(&mut bans, &[]), [v4(3)], "only what is new");
        settle(&mut bans, Landing::Refused);
        assert_eq!(gate(&mut bans, &[]).len(), 3, "what is sent again is asked about again");
        settle(&mut bans, Landing::Committed);
        assert_eq!(gate(&mut bans, &[v4(2)]), [], "nothing is on its way");
        assert_eq!(bans.want(v4(2), 0, Some(at(200))), Wanted::Extended);
        assert_eq!(gate(&mut bans, &[v4(2)]), [v4(2)]);
        assert_eq!(bans.next_releasing().map(|(_, addr, _)| addr), Some(v4(2)), "the kernel holds it: lifted");
        bans.forget(v4(2));
        bans.want_all_again();
        assert_eq!(gate(&mut bans, &[v4(3)]).len(), 2, "what a flush took is asked about before it is sent again");
        assert_eq!((bans.len(), bans.waiting()), (1, 1));
    }

    #[test]
    fn a_forced_ban_passes_every_gate_as_long_as_it_lasts() {
        let mut bans = Small::new();
        assert_eq!(bans.want(v4(1), 0, Some(at(100))), Wanted::New);
        bans.force(v4(1));
        assert!(gate(&mut bans, &[v4(1)]).is_empty() && bans.find(v4(1)).unwrap().forced());
        bans.gate_one(v4(1), &mut |_, _| true);
        settle(&mut bans, Landing::Committed);
        bans.want_all_again();
        assert_eq!(bans.want(v4(1), 1, Some(at(200))), Wanted::Extended);
        gate(&mut bans, &[v4(1)]);
        assert_eq!((bans.waiting(), bans.next_releasing().is_none()), (1, true));
        settle(&mut bans, Landing::Committed);
        assert!(bans.release(v4(1)));
        assert_eq!(bans.want(v4(1), 1, Some(at(200))), Wanted::New);
        assert!(!bans.find(v4(1)).unwrap().forced(), "lifted is lifted");
    }

    #[test]
    fn a_ban_whose_address_becomes_protected_is_lifted_from_any_state() {
        for sent in [false, true] {
            for landed in [false, true] {
                let mut bans = Small::new();
                assert_eq!(bans.want(v4(1), 0, None), Wanted::New);
                if sent {
                    let (slot, ..) = bans.next_wanted(Family::V4).unwrap();
                    bans.sent(slot);
                    while landed && bans.landed(Landing::Committed).is_some() {}
                }
                bans.gate_one(v4(2), &mut |_, _| true);
                bans.gate_one(v4(1), &mut |_, _| true);
                assert_eq!((bans.is_empty(), bans.next_releasing().is_some()), (!sent, sent));
                bans.gate_one(v4(1), &mut |_, _| panic!("asked of a ban that is being lifted"));
            }
        }
    }

    #[test]
    fn what_the_kernel_may_hold_is_replaced_when_its_end_changes() {
        for (landing, replaces) in [(Landing::Committed, true), (Landing::Unknown, true), (Landing::Refused, false)] {
            let mut bans = Small::new();
            assert_eq!(bans.want(v4(1), 0, Some(at(100))), Wanted::New);
            settle(&mut bans, landing);
            assert_eq!(bans.want(v4(1), 0, Some(at(200))), Wanted::Extended);
            assert_eq!(bans.find(v4(1)).unwrap().replaces(), replaces, "{landing:?}");
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
        assert!(bans.find(v4(1)).unwrap().replaces());
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

    #[test]
    fn after_a_partial_loss_what_waits_to_be_lifted_still_has_to_be() {
        let mut bans = Small::new();
        for n in 0..10 {
            assert_eq!(bans.want(v4(n), 0, Some(at(100))), Wanted::New);
        }
        settle(&mut bans, Landing::Committed);
        let walk = core::iter::successors(bans.next_installed(0), |(next, ..)| bans.next_installed(*next));
        assert_eq!(walk.count(), 10);
        bans.release(v4(3));
        bans.want_installed_again(true);
        assert_eq!((bans.installed(), bans.waiting(), bans.len()), (0, 10, 10));
        assert!(bans.next_installed(0).is_none());
        assert!(bans.find(v4(1)).unwrap().replaces(), "the kernel may still hold it");
        let (_, first, _) = bans.next_wanted(Family::V4).unwrap();
        bans.postpone(first);
        bans.postpone(v4(3));
        assert_ne!(bans.next_wanted(Family::V4).unwrap().1, first);
        assert_eq!(settle(&mut bans, Landing::Committed).last(), Some(&first));
        assert_eq!((bans.installed(), bans.waiting()), (9, 1));
    }

    #[test]
    fn the_end_of_a_ban_in_flight_is_no_reason_to_wake() {
        let mut bans = Small::new();
        assert_eq!(bans.want(v4(1), 0, Some(at(100))), Wanted::New);
        assert_eq!(bans.next_end(), Some(at(100)));
        let (slot, ..) = bans.next_wanted(Family::V4).unwrap();
        bans.sent(slot);
        assert_eq!((bans.pop_over(at(200)).is_none(), bans.next_end()), (true, None));
        bans.landed(Landing::Refused);
        assert_eq!(bans.next_end(), Some(at(100)));
        assert!(bans.pop_over(at(200)).is_some());
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
