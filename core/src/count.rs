//! Counting: failed attempts per (jail, address) in a sliding window of `findtime`.
//!
//! Each entry keeps the times of up to [`MARKS`] attempts, in ticks of 64 ms. For `maxretry` up to [`MARKS`] that is
//! every attempt that can matter, so the window is exact but for the tick: an attempt never counts longer than
//! `findtime`, and up to two ticks (128 ms) less. For a larger `maxretry` each mark stands for `maxretry / MARKS`
//! attempts (rounded up) and is dated by its first: an address is never banned for fewer attempts than `maxretry`
//! within `findtime`, and after at most 1/[`MARKS`] more.
//!
//! When the table is full, the entry least likely to be banned goes: one whose attempts are all older than `findtime`
//! if an end of a list shows one, else of those that are furthest from their `maxretry` the one that has been quiet for
//! longest. So a flood of addresses with one attempt each pushes out others of its kind and never somebody who is one
//! attempt short of a ban. The newest attempt is always kept.

use crate::addr::Addr;
use crate::table::{HashKey, List, Slot, Table};
use crate::time::{Duration, Instant};
use heapless::Vec;
use static_assertions::const_assert;

/// Attempt times that an entry keeps: what 64 bytes leave room for.
pub const MARKS: usize = 8;

/// Jails that are told apart.
const JAILS: usize = 128;

/// How far an address is on its way to a ban, in quarters of `maxretry`: eviction begins with the least.
const STAGES: usize = 4;

/// Entries whose window is over that each new attempt clears away, so that the table shrinks as fast as it grew.
const SWEEP: usize = 2;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    addr: Addr,
    jail: u8,
}

#[derive(Clone, Copy)]
struct Window {
    /// Ticks of the marks, oldest first; `len` of them are used.
    marks: [u32; MARKS],
    /// Attempts that the newest mark stands for.
    in_last: u16,
    len: u8,
    stage: u8,
}

// The table's promise: at most 64 bytes an entry, the two links (8 bytes) included.
const_assert!(size_of::<(Key, Window)>() + 8 <= 64);

/// What a jail asks for, as counting needs it.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Attempts that ban.
    pub maxretry: u32,
    /// Within this time.
    pub findtime: Duration,
}

/// The attempts of all addresses that are not banned.
pub struct Attempts<const N: usize, const I: usize> {
    table: Table<Key, Window, N, I>,
    stages: [List; STAGES],
    evicted: u64,
    /// By the jail's number.
    of_jail: [u32; JAILS],
}

/// What is on record of an address.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnRecord {
    /// Of which.
    pub addr: Addr,
    /// In which jail.
    pub jail: u8,
    /// How many attempts each mark stands for, but for the newest.
    pub per_mark: u16,
    /// How many that one stands for.
    pub in_last: u16,
    /// How many ticks ago each mark was, the oldest first.
    pub ages: Vec<u32, MARKS>,
}

/// Milliseconds of a tick.
const TICK: u64 = 64;

/// A time in ticks. It wraps after 8 years, and no window is longer than one (`limits::FINDTIME_SECS`).
fn tick(now: Instant) -> u32 {
    let [a, b, c, d, ..] = (now.as_millis() / TICK).to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

impl Rule {
    /// Attempts that one mark stands for.
    fn per_mark(&self) -> u32 {
        self.maxretry.div_ceil(u32::try_from(MARKS).unwrap_or(1)).max(1)
    }

    /// Whether a mark of `age` ticks certainly lies within `findtime`.
    fn holds(&self, age: u32) -> bool {
        u64::from(age) < self.findtime.as_millis() / TICK
    }

    fn stage(&self, attempts: u32) -> u8 {
        let quarters = attempts.saturating_mul(4) / self.maxretry.max(1);
        u8::try_from(quarters.min(3)).unwrap_or(3)
    }
}

impl Window {
    const EMPTY: Self = Self { marks: [0; MARKS], in_last: 0, len: 0, stage: 0 };

    fn marks(&self) -> &[u32] {
        self.marks.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Forgets the marks that are older than `findtime`.
    fn expire(&mut self, now: u32, rule: Rule) {
        let old = self.marks().iter().take_while(|mark| !rule.holds(now.wrapping_sub(**mark))).count();
        if old > 0 {
            self.marks.copy_within(old.., 0);
            self.len = self.len.saturating_sub(u8::try_from(old).unwrap_or(self.len));
            if self.len == 0 {
                self.in_last = 0;
            }
        }
    }

    /// Adds one attempt, which happened `age` ticks ago.
    fn add(&mut self, now: u32, age: u32, rule: Rule) {
        let mut at = usize::from(self.len);
        if self.len > 0 && u32::from(self.in_last) < rule.per_mark() {
            self.in_last += 1;
            at -= 1;
        } else {
            if at == MARKS {
                self.marks.copy_within(1.., 0);
                at -= 1;
            }
            if let Some(mark) = self.marks.get_mut(at) {
                *mark = now.wrapping_sub(age);
            }
            self.len = u8::try_from(at + 1).unwrap_or(self.len);
            self.in_last = 1;
        }
        if age > 0 {
            self.backdate(at, now, age);
        }
    }

    /// The attempt that was just added to the mark at a place is of `age`. What is read of old logs comes in no order: each
    /// mark is dated by its oldest attempt, and none is older than the one before.
    fn backdate(&mut self, at: usize, now: u32, age: u32) {
        let age_of = |mark: u32| now.wrapping_sub(mark);
        if let Some(mark) = self.marks.get_mut(at).filter(|mark| age_of(**mark) < age) {
            *mark = now.wrapping_sub(age);
        }
        for at in (1..=at).rev() {
            if let Some([before, mark]) = self.marks.get_mut(at - 1..=at)
                && age_of(*before) < age_of(*mark)
            {
                core::mem::swap(before, mark);
            }
        }
    }

    /// The same attempts as marks of another rule. Each is dated as it was, so none counts for longer than before.
    fn recount(&mut self, before: Rule, rule: Rule) {
        let Self { marks, len, in_last, .. } = *self;
        (self.len, self.in_last) = (0, 0);
        for (mark, n) in marks.into_iter().zip(1..=len) {
            let attempts = if n == len { in_last.into() } else { before.per_mark() };
            for _ in 0..attempts.min(rule.maxretry) {
                self.add(mark, 0, rule);
            }
        }
    }

    fn attempts(&self, rule: Rule) -> u32 {
        match self.len {
            0 => 0,
            len => (u32::from(len) - 1) * rule.per_mark() + u32::from(self.in_last),
        }
    }
}

impl<const N: usize, const I: usize> Attempts<N, I> {
    /// No attempts.
    #[must_use]
    pub const fn new() -> Self {
        Self { table: Table::new(), stages: [List::new(); STAGES], evicted: 0, of_jail: [0; JAILS] }
    }

    /// Sets the secret of the hash, before the first attempt.
    pub fn set_key(&mut self, key: HashKey) {
        self.table.set_key(key);
    }

    /// Addresses (per jail) that have attempts on record.
    #[must_use]
    pub const fn len(&self) -> u32 {
        self.table.len()
    }

    /// Those of one jail.
    #[must_use]
    pub fn of_jail(&self, jail: u8) -> u32 {
        self.of_jail.get(usize::from(jail)).copied().unwrap_or(0)
    }

    /// Whether nobody has attempts on record.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Entries that made room for others since the start.
    #[must_use]
    pub const fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Records `count` failed attempts that happened `age` before `now`, less than `findtime`, and returns how many of `addr`
    /// lie in the window of `jail`. `rules` are those of all jails, by the jail's number.
    pub fn record(
        &mut self,
        jail: u8,
        addr: Addr,
        count: u16,
        now: Instant,
        age: Duration,
        rules: impl Fn(u8) -> Rule,
    ) -> u32 {
        let rule = rules(jail);
        let key = Key { addr, jail };
        let now = tick(now);
        // Not less than it was.
        let age = u32::try_from(age.as_millis().div_ceil(TICK)).unwrap_or(u32::MAX);
        self.sweep(now, &rules);
        let (slot, listed) = match self.table.find(&key) {
            Some(slot) => (slot, true),
            None => {
                if self.table.is_full() {
                    self.evict(now, &rules);
                }
                let Some(slot) = self.insert(key, Window::EMPTY) else { return 0 };
                (slot, false)
            }
        };
        let Some(window) = self.table.get_mut(slot) else { return 0 };
        let before = usize::from(window.stage);
        window.expire(now, rule);
        // More than maxretry at once changes nothing, so the loop is bounded by it.
        for _ in 0..u32::from(count).min(rule.maxretry) {
            window.add(now, age, rule);
        }
        let attempts = window.attempts(rule);
        window.stage = rule.stage(attempts);
        let after = usize::from(window.stage);
        if listed && let Some(list) = self.stages.get_mut(before) {
            self.table.unlink(list, slot);
        }
        if let Some(list) = self.stages.get_mut(after) {
            self.table.push(list, slot);
        }
        attempts
    }

    fn insert(&mut self, key: Key, window: Window) -> Option<Slot> {
        let slot = self.table.insert(key, window).ok()?;
        if let Some(count) = self.of_jail.get_mut(usize::from(key.jail)) {
            *count += 1;
        }
        Some(slot)
    }

    /// Places of a walk through all attempts, by [`Attempts::entry`].
    #[must_use]
    pub fn places(&self) -> usize {
        self.table.places()
    }

    /// What is on record at a place, if anything is. `rules` are those of all jails.
    #[must_use]
    pub fn entry(&self, place: usize, now: Instant, rules: impl Fn(u8) -> Rule) -> Option<OnRecord> {
        let slot = self.table.slot_at(place)?;
        let (Key { addr, jail }, window) = (self.table.key(slot)?, self.table.get(slot)?);
        let per_mark = u16::try_from(rules(jail).per_mark()).unwrap_or(u16::MAX);
        let ages = window.marks().iter().map(|mark| tick(now).wrapping_sub(*mark)).collect();
        Some(OnRecord { addr, jail, per_mark, in_last: window.in_last, ages })
    }

    /// Takes in what was on record so long ago, of an address that nothing is on record of.
    pub fn restore(&mut self, entry: &OnRecord, later: Duration, now: Instant, rules: impl Fn(u8) -> Rule) {
        let OnRecord { addr, jail, per_mark, in_last, ref ages } = *entry;
        let rule = rules(jail);
        let key = Key { addr, jail };
        let (now, mut window) = (tick(now), Window::EMPTY);
        let later = u32::try_from(later.as_millis().div_ceil(TICK)).unwrap_or(u32::MAX);
        for (n, age) in (1..).zip(ages) {
            let age = age.saturating_add(later);
            let attempts = if n == ages.len() { in_last } else { per_mark };
            let attempts = if rule.holds(age) { u32::from(attempts).min(rule.maxretry) } else { 0 };
            for _ in 0..attempts {
                window.add(now, age, rule);
            }
        }
        let attempts = window.attempts(rule);
        window.stage = rule.stage(attempts);
        if attempts > 0
            && self.table.find(&key).is_none()
            && let Some(slot) = self.insert(key, window)
            && let Some(list) = self.stages.get_mut(usize::from(window.stage))
        {
            self.table.push(list, slot);
        }
    }

    /// Forgets the attempts of `addr` in `jail`: it is banned now.
    pub fn forget(&mut self, jail: u8, addr: Addr) {
        if let Some(slot) = self.table.find(&Key { addr, jail }) {
            self.drop_slot(slot);
        }
    }

    /// Goes on with other rules, of which `before` are the former: forgets the addresses (each in its jail) that `keeps`
    /// does not want, and counts the others as before.
    pub fn renew(&mut self, keeps: impl Fn(u8, Addr) -> bool, before: impl Fn(u8) -> Rule, rules: impl Fn(u8) -> Rule) {
        for place in 0..self.table.places() {
            let Some(slot) = self.table.slot_at(place) else { continue };
            let Some(Key { addr, jail }) = self.table.key(slot) else { continue };
            let (old, new) = (before(jail), rules(jail));
            if !keeps(jail, addr) {
                self.drop_slot(slot);
            } else if old.per_mark() != new.per_mark()
                && let Some(window) = self.table.get_mut(slot)
            {
                window.recount(old, new);
            }
        }
        // Each list goes round once, so that those who stay in it keep their order.
        for stage in 0..STAGES {
            for _ in 0..self.stages.get(stage).map_or(0, List::len) {
                let Some(slot) = self.stages.get(stage).and_then(List::back) else { break };
                let Some(jail) = self.table.key(slot).map(|key| key.jail) else { break };
                let Some(window) = self.table.get_mut(slot) else { break };
                let rule = rules(jail);
                window.stage = rule.stage(window.attempts(rule));
                let after = usize::from(window.stage);
                if let Some(list) = self.stages.get_mut(stage) {
                    self.table.unlink(list, slot);
                }
                if let Some(list) = self.stages.get_mut(after) {
                    self.table.push(list, slot);
                }
            }
        }
    }

    fn drop_slot(&mut self, slot: Slot) {
        let (Some(window), Some(key)) = (self.table.get(slot), self.table.key(slot)) else { return };
        if let Some(list) = self.stages.get_mut(usize::from(window.stage)) {
            self.table.unlink(list, slot);
        }
        if let Some(count) = self.of_jail.get_mut(usize::from(key.jail)) {
            *count -= 1;
        }
        self.table.remove(slot);
    }

    /// Whether all attempts of an entry are out of its window.
    fn is_over(&self, slot: Slot, now: u32, rules: &impl Fn(u8) -> Rule) -> bool {
        match (self.table.key(slot), self.table.get(slot)) {
            (Some(key), Some(window)) => {
                let rule = rules(key.jail);
                window.marks().last().is_none_or(|mark| !rule.holds(now.wrapping_sub(*mark)))
            }
            _ => false,
        }
    }

    /// The quietest entry of each stage that is over its window.
    fn over(&self, now: u32, rules: &impl Fn(u8) -> Rule) -> Option<Slot> {
        self.stages.iter().filter_map(List::back).find(|slot| self.is_over(*slot, now, rules))
    }

    fn sweep(&mut self, now: u32, rules: &impl Fn(u8) -> Rule) {
        for _ in 0..SWEEP {
            match self.over(now, rules) {
                Some(slot) => self.drop_slot(slot),
                None => break,
            }
        }
    }

    fn evict(&mut self, now: u32, rules: &impl Fn(u8) -> Rule) {
        let victim = self.over(now, rules).or_else(|| self.stages.iter().find_map(List::back));
        if let Some(slot) = victim {
            self.drop_slot(slot);
            self.evicted += 1;
        }
    }
}

impl<const N: usize, const I: usize> Default for Attempts<N, I> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn v4(n: u32) -> Addr {
        Addr::v4(n.to_be_bytes())
    }

    fn at(secs: u64) -> Instant {
        Instant::from_millis(secs * 1000)
    }

    fn rule(maxretry: u32, findtime: u64) -> Rule {
        Rule { maxretry, findtime: Duration::from_secs(findtime) }
    }

    #[test]
    fn the_window_slides() {
        let mut attempts = Attempts::<16, 32>::new();
        let rules = |_| rule(3, 600);
        assert_eq!(attempts.record(0, v4(1), 1, at(0), Duration::ZERO, rules), 1);
        assert_eq!(attempts.record(0, v4(1), 1, at(300), Duration::ZERO, rules), 2);
        assert_eq!(attempts.record(0, v4(1), 1, at(601), Duration::ZERO, rules), 2, "the first is out of the window");
        assert_eq!(attempts.record(0, v4(1), 1, at(602), Duration::ZERO, rules), 3);
        assert_eq!(attempts.record(1, v4(1), 1, at(602), Duration::ZERO, rules), 1, "another jail counts for itself");
        attempts.forget(0, v4(1));
        assert_eq!(attempts.record(0, v4(1), 1, at(603), Duration::ZERO, rules), 1);
    }

    #[test]
    fn windows_that_are_over_are_cleared_away() {
        let mut attempts = Attempts::<64, 128>::new();
        let rules = |_| rule(3, 60);
        for n in 0..50 {
            attempts.record(0, v4(n), 1, at(0), Duration::ZERO, rules);
        }
        assert_eq!(attempts.len(), 50);
        for n in 0..25 {
            attempts.record(0, v4(1000), 1, at(100 + n), Duration::ZERO, rules);
        }
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts.evicted(), 0);
    }

    #[test]
    fn at_capacity_the_least_likely_goes_and_the_nearly_banned_stays() {
        let mut attempts = Attempts::<16, 32>::new();
        let rules = |_| rule(3, 600);
        for _ in 0..2 {
            attempts.record(0, v4(1), 1, at(1), Duration::ZERO, rules);
        }
        for n in 100..1100 {
            assert_eq!(attempts.record(0, v4(n), 1, at(2), Duration::ZERO, rules), 1, "the newest is always kept");
            assert!(attempts.len() <= 16);
        }
        assert_eq!(attempts.evicted(), 1000 - 15);
        assert_eq!(
            attempts.record(0, v4(1), 1, at(3), Duration::ZERO, rules),
            3,
            "two of three attempts outlast the flood"
        );
        assert_eq!(attempts.record(0, v4(1099), 1, at(3), Duration::ZERO, rules), 2);
        assert_eq!(
            attempts.record(0, v4(100), 1, at(3), Duration::ZERO, rules),
            1,
            "the oldest of the flood was evicted"
        );
    }

    #[test]
    fn a_large_maxretry_never_bans_early_and_at_most_an_eighth_late() {
        for maxretry in [9, 10, 100, 129, 1000, 10_000] {
            let mut attempts = Attempts::<16, 32>::new();
            let rules = |_| rule(maxretry, 600);
            let mut total = 0;
            for n in 0..maxretry {
                total =
                    attempts.record(0, v4(1), 1, at(u64::from(n) * 10 / u64::from(maxretry)), Duration::ZERO, rules);
                assert!(total <= n + 1);
            }
            assert_eq!(total, maxretry, "all at once is exact");
        }
    }

    #[test]
    fn other_rules_forget_whom_they_do_not_want_and_keep_the_order() {
        let mut attempts = Attempts::<8, 16>::new();
        let old = |jail| rule(if jail == 0 { 10 } else { 3 }, 600);
        for n in 0..4 {
            attempts.record(0, v4(n), 1, at(n.into()), Duration::ZERO, old);
            attempts.record(1, v4(n), 1, at(n.into()), Duration::ZERO, old);
        }
        let new = |_| rule(3, 600);
        attempts.renew(|jail, addr| jail == 0 || addr == v4(9), old, new);
        assert_eq!(attempts.len(), 4);
        for n in 100..105 {
            attempts.record(0, v4(n), 1, at(10), Duration::ZERO, new);
        }
        assert_eq!(attempts.evicted(), 1);
        assert_eq!(attempts.record(0, v4(3), 1, at(11), Duration::ZERO, new), 2);
        assert_eq!(attempts.record(0, v4(1), 1, at(11), Duration::ZERO, new), 2);
        assert_eq!(attempts.record(0, v4(0), 1, at(11), Duration::ZERO, new), 1, "the oldest made room");
    }

    #[test]
    fn attempts_of_the_past_count_in_any_order() {
        let mut attempts = Attempts::<16, 32>::new();
        let rules = |_| rule(5, 600);
        let ago = |secs| Duration::from_secs(secs);
        // The clock began a minute ago.
        for (age, count) in [(10, 1), (500, 2), (590, 3), (0, 4)] {
            assert_eq!(attempts.record(0, v4(1), 1, at(60), ago(age), rules), count);
        }
        assert_eq!(attempts.record(0, v4(1), 1, at(75), ago(14), rules), 4, "the oldest is out of the window");
        assert_eq!(attempts.record(0, v4(1), 1, at(170), ago(0), rules), 4, "and the next");
    }

    #[test]
    fn what_was_on_record_is_again() {
        let mut before = Attempts::<16, 32>::new();
        let rules = |jail| rule(if jail == 0 { 5 } else { 80 }, 600);
        for secs in [1, 200, 300] {
            before.record(0, v4(1), 1, at(secs), Duration::ZERO, rules);
            before.record(1, v4(1), 15, at(secs), Duration::ZERO, rules);
        }
        let mut after = Attempts::<16, 32>::new();
        for place in 0..before.places() {
            let entry = before.entry(place, at(310), rules).unwrap();
            // A minute later, by another clock.
            after.restore(&entry, Duration::from_secs(60), at(10), rules);
        }
        assert_eq!((after.len(), after.of_jail(0), after.of_jail(1)), (2, 1, 1));
        // 370 s: all of them; 602 s: not the first.
        assert_eq!(after.record(0, v4(1), 1, at(10), Duration::ZERO, rules), 4);
        assert_eq!(after.record(0, v4(1), 1, at(10 + 232), Duration::ZERO, rules), 4);
        assert_eq!(after.record(1, v4(1), 1, at(10), Duration::ZERO, rules), 46);
        // Where another number of attempts bans, now or then; of the past.
        let entry = |n: u32, in_last, ages: &[u32]| OnRecord {
            addr: v4(n),
            jail: 0,
            per_mark: 10,
            in_last,
            ages: ages.iter().copied().collect(),
        };
        let mut other = Attempts::<16, 32>::new();
        other.restore(&entry(1, 7, &[30, 20, 10]), Duration::ZERO, at(10), |_| rule(40, 600));
        assert_eq!(other.record(0, v4(1), 1, at(10), Duration::ZERO, |_| rule(40, 600)), 28);
        other.restore(&entry(2, 9, &[9; 8]), Duration::ZERO, at(10), rules);
        assert_eq!(other.record(0, v4(2), 1, at(10), Duration::ZERO, rules), 8, "enough");
        other.restore(&entry(3, 1, &[u32::MAX]), Duration::from_millis(u64::MAX), at(10), rules);
        other.restore(&entry(3, 1, &[9]), Duration::from_secs(600), at(10), rules);
        other.restore(&entry(3, 1, &[]), Duration::ZERO, at(10), rules);
        other.restore(&entry(1, 1, &[0]), Duration::ZERO, at(10), rules);
        assert_eq!(other.len(), 2);
    }

    proptest! {
        /// Never more than there are within `findtime`, whatever the order in which they are told.
        #[test]
        fn no_order_counts_too_many(
            maxretry in 1u32..40,
            findtime in 1u64..100,
            steps in prop::collection::vec((0u64..20_000, 0u64..100_000), 1..100),
        ) {
            let mut attempts = Attempts::<4, 8>::new();
            let mut times = std::vec::Vec::new();
            let mut now = 1_000_000;
            let rule = rule(maxretry, findtime);
            for (gap, age) in steps {
                now += gap;
                let age = age % (findtime * 1000);
                times.push(now - age);
                let got = attempts.record(0, v4(1), 1, Instant::from_millis(now), Duration::from_millis(age), |_| rule);
                let exact = times.iter().filter(|time| now - **time <= findtime * 1000).count();
                prop_assert!(got <= u32::try_from(exact).unwrap(), "{got} of {exact}");
                if got >= maxretry {
                    attempts.forget(0, v4(1));
                    times.clear();
                }
            }
        }

        #[test]
        fn agrees_with_a_list_of_all_attempts(
            maxretry in 1u32..40,
            findtime in 1u64..100,
            gaps in prop::collection::vec(0u64..20_000, 1..200),
        ) {
            let mut attempts = Attempts::<4, 8>::new();
            let mut times = VecDeque::new();
            let mut now = 0;
            let rule = rule(maxretry, findtime);
            for gap in gaps {
                now += gap;
                times.push_back(now);
                let got = attempts.record(0, v4(1), 1, Instant::from_millis(now), Duration::ZERO, |_| rule);
                let within = |slack: u64| {
                    times.iter().filter(|t| now - **t + slack <= findtime * 1000).count().try_into().unwrap_or(u32::MAX)
                };
                let (exact, surely): (u32, u32) = (within(0), within(128));
                prop_assert!(got <= exact, "never more than there are: {got} of {exact}");
                let marks = u32::try_from(MARKS).unwrap();
                let lost = if maxretry <= marks { 0 } else { maxretry.div_ceil(marks) - 1 };
                let want = surely.min(maxretry);
                prop_assert!(got.min(maxretry) + lost >= want, "{got} + {lost} of {want}");
                if got >= maxretry {
                    attempts.forget(0, v4(1));
                    times.clear();
                }
            }
        }

        #[test]
        fn other_rules_never_count_more_than_there_was(
            parts in prop::collection::vec((1u32..200, prop::collection::vec(0u64..3000, 0..30)), 1..6),
        ) {
            let mut attempts = Attempts::<4, 8>::new();
            let mut times = VecDeque::new();
            let (mut now, mut before, mut lost) = (0, rule(1, 60), false);
            for (maxretry, gaps) in parts {
                let rule = rule(maxretry, 60);
                attempts.renew(|_, _| true, |_| before, |_| rule);
                before = rule;
                lost |= maxretry > 8;
                for gap in gaps {
                    now += gap;
                    times.push_back(now);
                    let got = attempts.record(0, v4(1), 1, Instant::from_millis(now), Duration::ZERO, |_| rule);
                    let within = |slack: u64| {
                        u32::try_from(times.iter().filter(|t| now - **t + slack <= 60_000).count()).unwrap()
                    };
                    prop_assert!(got <= within(0));
                    prop_assert!(lost || got >= within(128).min(maxretry), "{got}");
                }
            }
        }
    }
}
