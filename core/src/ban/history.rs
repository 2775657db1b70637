//! Who was banned before: for ban times that grow, and for whoever asks why.
//!
//! An entry is what one jail did to one address: how often it banned it, and the times of the last [`TIMES`] bans. It is
//! forgotten some time after the last of these bans ended (`bantime_maxtime` of the jail), or when the ban is lifted by hand.
//!
//! When the table is full, an entry that is over goes if an end of a list shows one, else of those with the fewest bans the
//! one whose last ban is the oldest. So a flood of addresses that are banned once each pushes out others of its kind, and
//! nobody who came back.

use crate::addr::Addr;
use crate::table::{HashKey, List, Slot, Table};
use crate::time::{Duration, Moment};

/// Bans of an entry whose times are kept.
pub const TIMES: usize = 8;

/// Entries are told apart by how often they were banned: once, twice or three times, more often.
const STAGES: usize = 3;

/// Entries that are over that each new ban clears away, so that the table shrinks as fast as it grew.
const SWEEP: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    addr: Addr,
    jail: u8,
}

/// What one jail did to one address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Past {
    /// When the last bans began, the newest first; as many as there were, at most [`TIMES`].
    times: [Moment; TIMES],
    /// When the last of them ends or ended; of one for good, when it began.
    pub until: Moment,
    /// How many there were.
    pub count: u16,
    stage: u8,
}

static_assertions::const_assert!(size_of::<(Key, Past)>() + 8 <= 68);

impl Past {
    /// What there was when nothing was.
    const NONE: Self = Self { times: [Moment::from_secs(0); TIMES], until: Moment::from_secs(0), count: 0, stage: 0 };

    /// So many bans, of which the last began at `times`, the newest first, and the last of all ends at `until`. Times that
    /// are missing count as the oldest of those that there are.
    #[must_use]
    pub fn new(count: u16, times: impl Iterator<Item = Moment>, until: Moment) -> Self {
        let mut past = Self { until, count, ..Self::NONE };
        let mut last = until;
        let mut times = times.fuse();
        for place in &mut past.times {
            last = times.next().unwrap_or(last);
            *place = last;
        }
        past
    }

    /// When the last bans began, the newest first.
    #[must_use]
    pub fn times(&self) -> &[Moment] {
        self.times.get(..usize::from(self.count).min(TIMES)).unwrap_or(&[])
    }

    /// When the last ban began.
    #[must_use]
    pub fn last(&self) -> Option<Moment> {
        self.times().first().copied()
    }

    /// Whether it is no longer remembered, where it is kept for so long after the end of the last ban.
    #[must_use]
    pub fn is_over(&self, now: Moment, keep: Duration) -> bool {
        self.until < now && now.since(self.until) >= keep
    }

    /// Adds a ban.
    fn add(&mut self, began: Moment, until: Option<Moment>) {
        self.times.copy_within(..TIMES - 1, 1);
        if let Some(first) = self.times.first_mut() {
            *first = began;
        }
        self.until = until.unwrap_or(began);
        self.count = self.count.saturating_add(1);
    }

    const fn stage(&self) -> u8 {
        match self.count {
            0 | 1 => 0,
            2 | 3 => 1,
            _ => 2,
        }
    }
}

/// The bans of the past, of at most `N` addresses per jail.
pub struct History<const N: usize, const I: usize> {
    table: Table<Key, Past, N, I>,
    /// By how often they were banned; the one that was banned last is at the front.
    stages: [List; STAGES],
    evicted: u64,
}

impl<const N: usize, const I: usize> History<N, I> {
    /// Nothing happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { table: Table::new(), stages: [List::new(); STAGES], evicted: 0 }
    }

    /// Sets the secret of the hash, before the first ban.
    pub fn set_key(&mut self, key: HashKey) {
        self.table.set_key(key);
    }

    /// Addresses (per jail) that are remembered.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.table.len()
    }

    /// Whether nothing is remembered.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Entries that made room for others before their time, since the start.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What `jail` did to `addr`, unless it was too long ago at `now`: `keep` says of each jail for how long an entry is kept
    /// after the end of its last ban.
    pub fn find(&self, addr: Addr, jail: u8, now: Moment, keep: impl Fn(u8) -> Duration) -> Option<&Past> {
        let slot = self.table.find(&Key { addr, jail })?;
        if self.is_over(slot, now, &keep) { None } else { self.table.get(slot) }
    }

    /// Adds a ban of `addr` by `jail` that begins now; `None` as its end is a ban for good.
    pub fn record(&mut self, addr: Addr, jail: u8, now: Moment, until: Option<Moment>, keep: impl Fn(u8) -> Duration) {
        let key = Key { addr, jail };
        let mut past = self.find(addr, jail, now, &keep).copied().unwrap_or(Past::NONE);
        if let Some(slot) = self.table.find(&key) {
            self.remove(slot);
        }
        self.sweep(now, &keep);
        if self.table.is_full() {
            self.evict(now, &keep);
        }
        past.add(now, until);
        self.restore(addr, jail, past);
    }

    /// Takes in what was remembered elsewhere, in place of what is known. Returns whether there was room.
    pub fn restore(&mut self, addr: Addr, jail: u8, mut past: Past) -> bool {
        self.forget(addr, jail);
        past.stage = past.stage();
        let slot = self.table.insert(Key { addr, jail }, past).ok();
        if let Some(slot) = slot
            && let Some(list) = self.stages.get_mut(usize::from(past.stage))
        {
            self.table.push(list, slot);
        }
        slot.is_some()
    }

    /// Places of a walk through all that is remembered, by [`History::entry`].
    #[must_use]
    pub fn places(&self) -> usize {
        self.table.places()
    }

    /// What is remembered at a place, if anything is: which address, which jail, what it did.
    #[must_use]
    pub fn entry(&self, place: usize) -> Option<(Addr, u8, Past)> {
        let slot = self.table.slot_at(place)?;
        let Key { addr, jail } = self.table.key(slot)?;
        Some((addr, jail, *self.table.get(slot)?))
    }

    /// Forgets what `jail` did to `addr`. Returns whether there was anything.
    pub fn forget(&mut self, addr: Addr, jail: u8) -> bool {
        let slot = self.table.find(&Key { addr, jail });
        if let Some(slot) = slot {
            self.remove(slot);
        }
        slot.is_some()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.retain(|_, _| false);
    }

    /// Forgets what the jails that `keeps` does not want did to the addresses that it does not want.
    pub fn retain(&mut self, keeps: impl Fn(u8, Addr) -> bool) {
        for place in 0..self.table.places() {
            if let Some(slot) = self.table.slot_at(place)
                && self.table.key(slot).is_some_and(|key| !keeps(key.jail, key.addr))
            {
                self.remove(slot);
            }
        }
    }

    fn remove(&mut self, slot: Slot) {
        let Some(past) = self.table.get(slot) else { return };
        if let Some(list) = self.stages.get_mut(usize::from(past.stage)) {
            self.table.unlink(list, slot);
        }
        self.table.remove(slot);
    }

    fn is_over(&self, slot: Slot, now: Moment, keep: &impl Fn(u8) -> Duration) -> bool {
        match (self.table.key(slot), self.table.get(slot)) {
            (Some(key), Some(past)) => past.is_over(now, keep(key.jail)),
            _ => false,
        }
    }

    /// The oldest entry of each stage that is over.
    fn over(&self, now: Moment, keep: &impl Fn(u8) -> Duration) -> Option<Slot> {
        self.stages.iter().filter_map(List::back).find(|slot| self.is_over(*slot, now, keep))
    }

    fn sweep(&mut self, now: Moment, keep: &impl Fn(u8) -> Duration) {
        for _ in 0..SWEEP {
            match self.over(now, keep) {
                Some(slot) => self.remove(slot),
                None => break,
            }
        }
    }

    fn evict(&mut self, now: Moment, keep: &impl Fn(u8) -> Duration) {
        let over = self.over(now, keep);
        self.evicted += u64::from(over.is_none());
        if let Some(slot) = over.or_else(|| self.stages.iter().find_map(List::back)) {
            self.remove(slot);
        }
    }
}

impl<const N: usize, const I: usize> Default for History<N, I> {
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

    type Small = History<16, 32>;

    fn at(secs: i32) -> Moment {
        Moment::from_secs(secs)
    }

    fn v4(n: u16) -> Addr {
        let [high, low] = n.to_be_bytes();
        Addr::v4([192, 0, high, low])
    }

    fn keep(_: u8) -> Duration {
        Duration::from_secs(1000)
    }

    #[test]
    fn each_jail_counts_for_itself_and_the_last_times_are_kept() {
        let mut history = Small::new();
        for n in 0..10 {
            history.record(v4(1), 3, at(100 * n), Some(at(100 * n + 50)), keep);
        }
        history.record(v4(1), 4, at(950), None, keep);
        let past = history.find(v4(1), 3, at(950), keep).unwrap();
        assert_eq!((past.count, past.until, past.last()), (10, at(950), Some(at(900))));
        assert_eq!(past.times(), [900, 800, 700, 600, 500, 400, 300, 200].map(at));
        let past = history.find(v4(1), 4, at(950), keep).unwrap();
        assert_eq!((past.count, past.times(), past.until), (1, [at(950)].as_slice(), at(950)));
        assert_eq!(history.find(v4(2), 3, at(950), keep), None);
        assert!(history.forget(v4(1), 3) && !history.forget(v4(1), 3));
        assert_eq!((history.find(v4(1), 3, at(950), keep), history.len()), (None, 1));
        history.clear();
        assert!(history.is_empty());
    }

    #[test]
    fn an_entry_is_forgotten_some_time_after_its_last_ban_ended() {
        let mut history = Small::new();
        // Before the machine was up.
        history.record(v4(1), 0, at(-5000), Some(at(-100)), keep);
        assert_eq!(history.find(v4(1), 0, at(899), keep).map(|past| past.count), Some(1));
        assert_eq!(history.find(v4(1), 0, at(900), keep), None);
        history.record(v4(1), 0, at(900), Some(at(1000)), keep);
        assert_eq!(history.find(v4(1), 0, at(900), keep).map(|past| past.count), Some(1), "it begins anew");
        for n in 0..8 {
            history.record(v4(100 + n), 0, at(1000), Some(at(1100)), keep);
        }
        assert_eq!(history.len(), 9);
        for n in 0..8 {
            history.record(v4(200), 0, at(3000 + n), Some(at(3100)), keep);
        }
        assert_eq!((history.len(), history.evicted()), (1, 0), "what is over is cleared away");
    }

    #[test]
    fn a_flood_pushes_out_its_own_kind() {
        let mut history = Small::new();
        for n in 0..4 {
            for _ in 0..=n {
                history.record(v4(n), 0, at(1), Some(at(2)), keep);
            }
        }
        for n in 100..1100 {
            history.record(v4(n), 0, at(3), Some(at(4)), keep);
            assert!(history.find(v4(n), 0, at(3), keep).is_some(), "the newest is always kept");
        }
        assert_eq!(history.len(), 16);
        assert_eq!(history.evicted(), 4 + 1000 - 16);
        let counts: Vec<_> = (0..4).map(|n| history.find(v4(n), 0, at(4), keep).map(|past| past.count)).collect();
        assert_eq!(counts, [None, Some(2), Some(3), Some(4)]);
        assert!(history.find(v4(1086), 0, at(4), keep).is_none() && history.find(v4(1087), 0, at(4), keep).is_some());
    }

    proptest! {
        #[test]
        fn agrees_with_a_list_of_all_bans(
            steps in prop::collection::vec((0u16..6, 0u8..2, 0i32..400, prop::option::of(0i32..600)), 1..200),
        ) {
            let mut history = History::<16, 32>::new();
            let mut model: BTreeMap<(u16, u8), (Vec<i32>, i32)> = BTreeMap::new();
            let mut now = -10_000;
            for (who, jail, gap, length) in steps {
                now += gap;
                model.retain(|_, (_, until)| now - *until < 1000);
                if who == 5 {
                    let known = model.remove(&(0, jail)).is_some();
                    // One that is over may have been cleared away or not.
                    prop_assert!(history.forget(v4(0), jail) || !known);
                } else {
                    let until = length.map(|length| now + length);
                    history.record(v4(who), jail, at(now), until.map(at), keep);
                    let entry = model.entry((who, jail)).or_default();
                    entry.0.insert(0, now);
                    entry.1 = until.unwrap_or(now);
                }
                for who in 0..5 {
                    for jail in 0..2 {
                        let got = history.find(v4(who), jail, at(now), keep);
                        let want = model.get(&(who, jail));
                        prop_assert_eq!(got.map(|past| usize::from(past.count)), want.map(|want| want.0.len()));
                        if let (Some(got), Some((times, until))) = (got, want) {
                            let times: Vec<Moment> = times.iter().take(TIMES).map(|time| at(*time)).collect();
                            prop_assert_eq!((got.times(), got.until), (times.as_slice(), at(*until)));
                        }
                    }
                }
            }
            prop_assert_eq!(history.evicted(), 0);
        }
    }
}
