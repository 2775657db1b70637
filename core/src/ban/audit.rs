//! Holding the bans against what the kernel says that it holds.
//!
//! An audit goes through the kernel's sets once: each element is shown to [`Bans::found`], then [`Bans::end_audit`] wants
//! every ban again that the kernel did not show. Single changes by others come to [`Bans::found`] and [`Bans::vanished`]
//! as they happen.

use super::mark::Marks;
use super::{ADOPTED, Bans, State};
use crate::addr::{Addr, Family};
use crate::table::Slot;
use crate::time::{Duration, Instant};

/// The kernel counts in its own ticks, and an element's rest is told a little after it was measured: ends that differ by
/// less are the same.
const TOLERANCE: Duration = Duration::from_secs(2);

/// What an element of the kernel turned out to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Found {
    /// A ban, as it should be.
    Known,
    /// A ban with another end: it is put right.
    Differs,
    /// Nobody in this run banned it: it is a ban of nobody's now, until [`Bans::screen`] says more.
    Adopted,
    /// The same, but the table is full.
    Full,
}

pub(super) fn same(a: Option<Instant>, b: Option<Instant>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => a.since(b) <= TOLERANCE && b.since(a) <= TOLERANCE,
        (a, b) => a == b,
    }
}

impl<const N: usize, const I: usize> Bans<N, I> {
    /// Begins an audit, or begins it again: nothing is seen yet.
    pub fn begin_audit(&mut self) {
        for place in 0..self.table.places() {
            if let Some(ban) = self.table.slot_at(place).and_then(|slot| self.table.get_mut(slot)) {
                ban.marks.set(Marks::SEEN, false);
            }
        }
    }

    /// The kernel holds `addr` until `until`.
    pub fn found(&mut self, addr: Addr, until: Option<Instant>) -> Found {
        let Some(slot) = self.table.find(&addr) else {
            let marks = Marks::HELD.with(Marks::ANNOUNCED, true).with(Marks::FOREIGN, true).with(Marks::SEEN, true);
            let Some(slot) = self.add(addr, until, ADOPTED, State::Installed, marks) else { return Found::Full };
            let place = slot.place();
            let (first, end) = self.unscreened;
            self.unscreened = (if end == 0 { place } else { first.min(place) }, end.max(place + 1));
            return Found::Adopted;
        };
        let Some(ban) = self.table.get_mut(slot) else { return Found::Known };
        ban.marks.set(Marks::SEEN, true);
        ban.marks.set(Marks::HELD, true);
        let differs = !same(ban.until, until);
        if ban.state == State::Wanted && ban.marks.has(Marks::RESTORED) {
            ban.marks.set(Marks::RESTORED, false);
            return self.found_restored(slot, until, differs);
        }
        match ban.state {
            State::Installed if differs => {
                ban.marks.set(Marks::REPLACES, true);
                self.relist(slot, State::Wanted);
                Found::Differs
            }
            State::Wanted => {
                ban.marks.set(Marks::REPLACES, true);
                Found::Known
            }
            _ => Found::Known,
        }
    }

    /// The kernel holds a ban that was made before this run, and that was to be sent to it: what it holds for longer was
    /// extended after that was written down last.
    fn found_restored(&mut self, slot: Slot, until: Option<Instant>, differs: bool) -> Found {
        let Some(ban) = self.table.get_mut(slot) else { return Found::Known };
        let longer = match (ban.until, until) {
            (Some(ours), Some(theirs)) => theirs > ours,
            (ours, theirs) => ours.is_some() && theirs.is_none(),
        };
        if !differs || longer {
            self.by_end.remove(&mut self.table, slot);
            if let Some(ban) = self.table.get_mut(slot).filter(|_| differs) {
                ban.until = until;
            }
            self.by_end.insert(&mut self.table, slot);
            self.relist(slot, State::Installed);
            return Found::Known;
        }
        ban.marks.set(Marks::REPLACES, true);
        Found::Differs
    }

    /// Ends an audit: what was not seen is wanted again, unless its time is over. Returns how many that are.
    pub fn end_audit(&mut self, now: Instant) -> u32 {
        self.end_audit_of(&[Family::V4, Family::V6], now)
    }

    /// As [`Bans::end_audit`], where only these families' sets were gone through.
    pub fn end_audit_of(&mut self, families: &[Family], now: Instant) -> u32 {
        let mut missing = 0;
        for place in 0..self.table.places() {
            let Some(slot) = self.table.slot_at(place) else { continue };
            if !self.table.key(slot).is_some_and(|addr| families.contains(&addr.family())) {
                continue;
            }
            let Some(ban) = self.table.get_mut(slot) else { continue };
            let over = ban.until.is_some_and(|until| until <= now);
            if ban.state == State::Installed && !ban.marks.has(Marks::SEEN) && !over {
                ban.marks.set(Marks::HELD, false);
                ban.marks.set(Marks::REPLACES, false);
                self.relist(slot, State::Wanted);
                missing += 1;
            }
        }
        missing
    }

    /// Whether `addr` was seen in this audit; not so the next time.
    pub fn take_seen(&mut self, addr: Addr) -> bool {
        let ban = self.table.find(&addr).and_then(|slot| self.table.get_mut(slot));
        ban.is_some_and(|ban| {
            let seen = ban.marks.has(Marks::SEEN);
            ban.marks.set(Marks::SEEN, false);
            seen
        })
    }

    /// Somebody else took `addr` out of the kernel: it is wanted again. Returns whether it was banned.
    pub fn vanished(&mut self, addr: Addr) -> bool {
        let Some(slot) = self.table.find(&addr) else { return false };
        let Some(ban) = self.table.get_mut(slot) else { return false };
        match ban.state {
            State::Installed => {
                ban.marks.set(Marks::HELD, false);
                self.relist(slot, State::Wanted);
                true
            }
            State::InFlight => {
                ban.marks.set(Marks::DOUBTED, true);
                true
            }
            State::Wanted => {
                ban.marks.set(Marks::HELD, false);
                ban.marks.set(Marks::REPLACES, false);
                true
            }
            State::Releasing | State::ReleasingInFlight => false,
        }
    }

    /// Goes through the bans that were found in the kernel since the last call: those that `keep` does not want are lifted.
    pub fn screen(&mut self, mut keep: impl FnMut(Addr) -> bool) {
        let (first, end) = core::mem::take(&mut self.unscreened);
        for place in first..end {
            let Some(slot) = self.table.slot_at(place) else { continue };
            let Some(ban) = self.table.get_mut(slot) else { continue };
            if !ban.marks.has(Marks::FOREIGN) {
                continue;
            }
            ban.marks.set(Marks::FOREIGN, false);
            let adopted = ban.jail == ADOPTED;
            if adopted && let Some(addr) = self.table.key(slot).filter(|addr| !keep(*addr)) {
                self.release(addr);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Landing;
    use super::*;
    use crate::ban::Wanted;

    type Small = Bans<16, 32>;

    fn at(secs: u64) -> Instant {
        Instant::from_millis(secs * 1000)
    }

    fn v4(n: u8) -> Addr {
        Addr::v4([192, 0, 2, n])
    }

    fn installed(who: impl IntoIterator<Item = u8>) -> Small {
        let mut bans = Small::new();
        for n in who {
            assert_eq!(bans.want(v4(n), 0, Some(at(100))), Wanted::New);
        }
        land(&mut bans);
        bans
    }

    fn land(bans: &mut Small) {
        while let Some((slot, ..)) = bans.next_wanted(Family::V4) {
            bans.sent(slot);
        }
        while bans.landed(Landing::Committed).is_some() {}
    }

    #[test]
    fn an_audit_finds_what_is_missing_what_differs_and_what_is_foreign() {
        let mut bans = installed(0..5);
        for _ in 0..3 {
            bans.begin_audit();
            assert_eq!(bans.found(v4(0), Some(at(100))), Found::Known);
            assert_eq!(bans.found(v4(1), Some(at(99))), Found::Known, "the clocks differ a little");
            assert_eq!(bans.found(v4(2), Some(at(50))), Found::Differs);
            assert_eq!(bans.found(v4(9), Some(at(70))), Found::Adopted);
            assert_eq!(bans.end_audit(at(10)), 2, "3 and 4");
            assert!(bans.find(v4(2)).unwrap().replaces());
            assert!(!bans.find(v4(3)).unwrap().replaces());
            assert_eq!(bans.waiting(), 3);
            land(&mut bans);
            assert_eq!(bans.installed(), 6);
            let mut seen = std::vec::Vec::new();
            bans.screen(|addr| {
                seen.push(addr);
                false
            });
            assert_eq!(seen, [v4(9)]);
            bans.screen(|_| panic!("it was looked at already"));
            let (slot, addr, _) = bans.next_releasing().unwrap();
            assert_eq!(addr, v4(9));
            bans.sent(slot);
            bans.landed(Landing::Committed);
        }
    }

    #[test]
    fn what_was_restored_is_sent_only_if_the_kernel_does_not_hold_it() {
        let mut bans = Small::new();
        for n in 0..6 {
            assert!(bans.restore(v4(n), 0, (n != 5).then(|| at(100)), false));
        }
        assert_eq!((bans.waiting(), bans.installed()), (6, 0));
        bans.begin_audit();
        assert_eq!(bans.found(v4(0), Some(at(101))), Found::Known);
        assert_eq!(bans.found(v4(1), Some(at(500))), Found::Known, "extended when nobody wrote it down");
        assert_eq!(bans.found(v4(2), None), Found::Known);
        assert_eq!(bans.found(v4(3), Some(at(50))), Found::Differs);
        assert_eq!(bans.found(v4(5), Some(at(50))), Found::Differs);
        assert_eq!(bans.end_audit(at(10)), 0);
        assert_eq!((bans.waiting(), bans.installed()), (3, 3));
        let ends = [0, 1, 2, 3, 4, 5].map(|n| bans.find(v4(n)).unwrap().until);
        assert_eq!(ends, [Some(at(100)), Some(at(500)), None, Some(at(100)), Some(at(100)), None]);
        assert!([3, 5].iter().all(|n| bans.find(v4(*n)).unwrap().replaces()) && !bans.find(v4(4)).unwrap().replaces());
        assert!((0..6).all(|n| bans.find(v4(n)).unwrap().is_announced()), "nothing of it is news");
        land(&mut bans);
        assert_eq!((bans.waiting(), bans.installed(), bans.next_end()), (0, 6, Some(at(100))));
        // From now on what others change is put right.
        assert_eq!(bans.found(v4(0), Some(at(500))), Found::Differs);
    }

    #[test]
    fn what_is_over_is_not_missed() {
        let mut bans = installed(0..3);
        bans.begin_audit();
        assert_eq!(bans.end_audit(at(100)), 0);
    }

    #[test]
    fn an_outside_removal_brings_the_ban_back_whatever_its_state() {
        let mut bans = installed(0..1);
        assert!(bans.vanished(v4(0)));
        assert!(!bans.vanished(v4(1)));
        assert_eq!((bans.installed(), bans.waiting()), (0, 1));
        let (slot, ..) = bans.next_wanted(Family::V4).unwrap();
        bans.sent(slot);
        assert!(bans.vanished(v4(0)), "while it is in flight nobody knows which was first");
        let (_, ban) = bans.landed(Landing::Committed).unwrap();
        assert!(ban.is_doubted());
        assert_eq!((bans.installed(), bans.waiting()), (0, 1));
        assert!(bans.find(v4(0)).unwrap().replaces());
        land(&mut bans);
        assert_eq!(bans.installed(), 1);
    }

    #[test]
    fn a_full_table_takes_no_foreign_ban_and_keeps_its_own() {
        let mut bans = installed(0..16);
        assert_eq!(bans.found(v4(99), None), Found::Full);
        assert_eq!(bans.installed(), 16);
    }
}
