//! When to write, and what: as seldom as the operator wants, never without need, and in a file that does not grow for ever.

use super::changes::Changes;
use super::clock::Clock;
use super::record::{Boot, LEN};
use crate::time::{Duration, Instant};

/// What may be appended to a small snapshot before all is written anew: 16 blocks of most flash memories.
const SPARE: u64 = 64 * 1024;

/// How often it is written how far logs are read, if nothing else is: what was read since is read again after a power cut.
const IDLE: Duration = Duration::from_secs(3600);

/// How soon what somebody lifted is written. A script that lifts a thousand bans does not write a thousand snapshots.
const LIFTED: Duration = Duration::from_secs(1);

/// How soon it is tried again when writing failed.
const RETRY: Duration = Duration::from_secs(60);

const HOURS: usize = 24;

/// What is to be written now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// What happened, behind what is there.
    Append,
    /// Everything, into another file.
    Renew,
}

/// What was written so far.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Bytes, since the start.
    pub written: u64,
    /// Times, since the start.
    pub writes: u64,
    /// Of these: snapshots.
    pub snapshots: u64,
    /// Times that writing failed.
    pub failed: u64,
}

/// The file as it is, and when it was written.
#[derive(Debug)]
pub struct Journal {
    sync: Duration,
    boot: Boot,
    /// What the file's header says; `None` as long as there is no file of this run.
    header: Option<Clock>,
    /// Bytes of its snapshot, and of all.
    snapshot: u64,
    len: u64,
    /// Since when something waits to be written.
    since: Option<Instant>,
    last: Option<Instant>,
    idle_at: Instant,
    /// After a failure, not before.
    retry_at: Instant,
    /// Bytes written in each of the last hours, by the hour's number.
    hours: [u64; HOURS],
    hour: u64,
    counters: Counters,
}

fn hour(now: Instant) -> u64 {
    now.as_millis() / 3_600_000
}

fn place(hour: u64) -> usize {
    usize::try_from(hour % 24).unwrap_or(0)
}

impl Journal {
    /// No file yet, in this boot of the machine; it may lose what happened in the last `sync`.
    #[must_use]
    pub fn new(sync: Duration, boot: Boot, now: Instant) -> Self {
        Self {
            sync,
            boot,
            header: None,
            snapshot: 0,
            len: 0,
            since: None,
            last: None,
            idle_at: now + IDLE,
            retry_at: Instant::ZERO,
            hours: [0; HOURS],
            hour: hour(now),
            counters: Counters::default(),
        }
    }

    /// The boot that this is.
    #[must_use]
    pub const fn boot(&self) -> &Boot {
        &self.boot
    }

    /// What the file's header says; `None` as long as there is no file of this run.
    #[must_use]
    pub const fn header(&self) -> Option<Clock> {
        self.header
    }

    /// What it may lose.
    #[must_use]
    pub const fn sync(&self) -> Duration {
        self.sync
    }

    /// From now on it may lose what happened in the last `sync`.
    pub const fn set_sync(&mut self, sync: Duration) {
        self.sync = sync;
    }

    /// What is to be written now. `moved` says whether any log was read further than was written last; it is asked only when
    /// that matters. `clock` is of now.
    pub fn poll(
        &mut self,
        changes: &Changes,
        moved: impl FnOnce() -> bool,
        clock: impl FnOnce() -> Clock,
        now: Instant,
    ) -> Option<Step> {
        if changes.is_empty() {
            self.since = None;
        } else if self.since.is_none() {
            self.since = Some(now);
        }
        if now < self.due(changes) {
            return None;
        }
        let clock = clock();
        if changes.is_empty() && !moved() && clock.is_set() {
            self.idle_at = now + IDLE;
            return None;
        }
        let long = self.len - self.snapshot > self.snapshot.max(SPARE);
        let steady = self.header.is_some_and(|header| clock.is_steady(&header));
        Some(if changes.wants_renewal() || long || !steady { Step::Renew } else { Step::Append })
    }

    fn due(&self, changes: &Changes) -> Instant {
        let due = match self.since {
            Some(since) if changes.has_lifted() => self.last.map_or(since, |last| last + LIFTED).min(since + self.sync),
            Some(since) => since + self.sync,
            None => self.idle_at,
        };
        due.max(self.retry_at)
    }

    /// When [`Journal::poll`] may have something.
    #[must_use]
    pub fn poll_at(&self, changes: &Changes) -> Instant {
        // What came after the last call has no time yet.
        if self.since.is_none() && !changes.is_empty() { self.retry_at } else { self.due(changes) }
    }

    /// So many records were appended.
    pub fn appended(&mut self, records: u64, now: Instant) {
        self.len += self.wrote(records, now);
    }

    /// A snapshot of so many records took the file's name; its header says `clock`.
    pub fn renewed(&mut self, records: u64, clock: Clock, now: Instant) {
        self.snapshot = self.wrote(records, now);
        self.len = self.snapshot;
        self.header = Some(clock);
        self.counters.snapshots += 1;
    }

    fn wrote(&mut self, records: u64, now: Instant) -> u64 {
        let bytes = records.saturating_mul(u64::try_from(LEN).unwrap_or(0));
        self.turn_hours(now);
        if let Some(place) = self.hours.get_mut(place(self.hour)) {
            *place += bytes;
        }
        self.counters.written += bytes;
        self.counters.writes += 1;
        self.since = None;
        self.last = Some(now);
        self.idle_at = now + IDLE;
        bytes
    }

    /// Writing failed. Nobody knows what is in the file: the next time all is written anew.
    pub fn failed(&mut self, now: Instant) {
        self.counters.failed += 1;
        self.header = None;
        self.retry_at = now + RETRY;
    }

    fn turn_hours(&mut self, now: Instant) {
        let now = hour(now).max(self.hour);
        for passed in (self.hour + 1..=now).take(HOURS) {
            if let Some(place) = self.hours.get_mut(place(passed)) {
                *place = 0;
            }
        }
        self.hour = now;
    }

    /// Bytes written in this hour and the 23 before.
    #[must_use]
    pub fn day(&self, now: Instant) -> u64 {
        let first = (hour(now) + 1).saturating_sub(24);
        (first..=self.hour).filter_map(|hour| self.hours.get(place(hour))).sum()
    }

    /// Bytes that the file has, as far as it was written in this run.
    #[must_use]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing was written in this run.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// What was written so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;
    use crate::persist::changes::CHANGES;
    use crate::persist::clock::SET;

    struct World {
        journal: Journal,
        changes: Changes,
        moved: bool,
        ms: u64,
        /// What the wall clock shows at the origin of the other.
        wall: i64,
    }

    impl World {
        fn new(sync: u64) -> Self {
            let journal = Journal::new(Duration::from_secs(sync), [1; 16], Instant::ZERO);
            Self { journal, changes: Changes::new(), moved: false, ms: 0, wall: SET }
        }

        fn clock(&self) -> Clock {
            Clock::new(self.wall + i64::try_from(self.ms / 1000).unwrap(), Instant::from_millis(self.ms))
        }

        /// What is written at this time, if anything; as if it were so many records.
        fn at(&mut self, secs: u64, records: u64) -> Option<Step> {
            self.ms = secs * 1000;
            let (now, clock, moved) = (Instant::from_millis(self.ms), self.clock(), self.moved);
            let step = self.journal.poll(&self.changes, || moved, || clock, now);
            match step {
                Some(Step::Append) => self.journal.appended(records, now),
                Some(Step::Renew) => self.journal.renewed(records, clock, now),
                None => return None,
            }
            self.changes.clear();
            self.moved = false;
            step
        }

        fn ban(&mut self, n: u16) {
            let [high, low] = n.to_be_bytes();
            self.changes.banned(Addr::v4([10, 0, high, low]), 0);
        }

        fn day(&self) -> u64 {
            self.journal.day(Instant::from_millis(self.ms))
        }
    }

    #[test]
    fn it_is_written_once_in_a_while_and_not_without_need() {
        let mut world = World::new(10);
        for secs in 0..50 {
            assert_eq!(world.at(secs, 1), None);
        }
        world.ban(1);
        assert_eq!((world.at(50, 9), world.at(59, 9)), (None, None));
        world.ban(2);
        assert_eq!(world.journal.poll_at(&world.changes), Instant::from_millis(60_000));
        assert_eq!(world.at(60, 9), Some(Step::Renew), "there was no file");
        assert_eq!(world.at(100, 9), None);
        world.ban(3);
        assert_eq!(world.journal.poll_at(&world.changes), Instant::ZERO, "at once, to take its time");
        assert_eq!((world.at(101, 3), world.at(110, 3), world.at(111, 3)), (None, None, Some(Step::Append)));
        assert_eq!(world.journal.counters(), Counters { written: 12 * 64, writes: 2, snapshots: 1, failed: 0 });
    }

    #[test]
    fn with_no_time_to_lose_it_is_written_at_once() {
        let mut world = World::new(0);
        world.ban(1);
        assert_eq!(world.at(1, 9), Some(Step::Renew));
        world.ban(2);
        assert_eq!(world.at(1, 9), Some(Step::Append));
    }

    #[test]
    fn what_was_read_alone_is_written_once_an_hour() {
        let mut world = World::new(10);
        world.moved = true;
        assert_eq!((world.at(3599, 1), world.at(3600, 1)), (None, Some(Step::Renew)));
        assert_eq!(world.at(7200, 1), None, "nothing was read");
        world.moved = true;
        assert_eq!((world.at(10_799, 1), world.at(10_800, 1)), (None, Some(Step::Append)));
    }

    #[test]
    fn what_was_lifted_is_written_soon_but_not_every_time() {
        let mut world = World::new(600);
        world.changes.lifted();
        assert_eq!(world.at(100, 9), Some(Step::Renew), "at once");
        let mut writes = 0;
        for ms in 0..100 {
            world.changes.lifted();
            world.ms = 101_000 + ms * 100;
            writes += u32::from(world.at(101 + ms / 10, 9).is_some());
        }
        assert_eq!(writes, 10);
    }

    #[test]
    fn it_is_renewed_when_it_has_grown_when_too_much_happened_and_when_the_clock_was_set() {
        let mut world = World::new(0);
        world.ban(0);
        assert_eq!(world.at(1, 10), Some(Step::Renew));
        let step = |world: &mut World| {
            world.ban(1);
            world.at(1, 100)
        };
        let appended = (0..50).take_while(|_| step(&mut world) == Some(Step::Append)).count();
        assert_eq!(appended, 11, "more than 64 KiB behind a small snapshot");
        world.ban(1);
        assert_eq!(world.at(1, 1), Some(Step::Append));

        for n in 0..u16::try_from(CHANGES).unwrap() {
            world.ban(n);
        }
        assert_eq!(world.at(1, 1), Some(Step::Append));
        for n in 0..=u16::try_from(CHANGES).unwrap() {
            world.ban(n);
        }
        assert_eq!(world.at(1, 10_000), Some(Step::Renew));
        let appended = (0..500).take_while(|_| step(&mut world) == Some(Step::Append)).count();
        assert_eq!(appended, 101, "as much as the snapshot has");

        world.wall += 86_400;
        world.ban(1);
        assert_eq!(world.at(2, 1), Some(Step::Renew));
        world.ban(1);
        assert_eq!(world.at(3, 1), Some(Step::Append));
    }

    #[test]
    fn without_a_clock_the_time_that_passes_is_written() {
        let mut world = World::new(10);
        world.wall = 0;
        assert_eq!(
            (world.at(3600, 1), world.at(3601, 1), world.at(7200, 1)),
            (Some(Step::Renew), None, Some(Step::Append))
        );
    }

    #[test]
    fn after_a_failure_it_waits_and_writes_everything() {
        let mut world = World::new(0);
        world.ban(1);
        assert_eq!(world.at(1, 1), Some(Step::Renew));
        world.journal.failed(Instant::from_millis(1000));
        world.ban(2);
        assert_eq!((world.at(60, 1), world.at(61, 1)), (None, Some(Step::Renew)));
        assert_eq!(world.journal.counters().failed, 1);
    }

    #[test]
    fn bytes_are_counted_by_the_hour_for_a_day() {
        let mut world = World::new(0);
        for hour in 0..30 {
            world.ban(1);
            assert!(world.at(hour * 3600, hour + 1).is_some());
        }
        assert_eq!(world.day(), 64 * (7..=30).sum::<u64>());
        assert_eq!(world.at(1_000_000, 1), None);
        assert_eq!(world.day(), 0);
    }
}
