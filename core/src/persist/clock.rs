//! The monotonic clock, which all decisions are made by, and the wall clock, which is the same after a reboot.

use crate::time::{Duration, Instant, Moment};

/// A wall clock that shows less was not set since the machine went on: 2026-01-01, before the first program that wrote such a
/// file.
pub const SET: i64 = 1_767_225_600;

/// The wall clock may differ by this from what it should be without having been set: it is read to the second.
const STEADY: i64 = 10;

/// What both clocks show at one moment.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Clock {
    /// Seconds since 1970-01-01 00:00:00 UTC.
    pub wall: i64,
    /// The monotonic clock, to the second.
    pub mono: Moment,
}

impl Clock {
    /// What both show now.
    #[must_use]
    pub fn new(wall: i64, now: Instant) -> Self {
        Self { wall, mono: now.into() }
    }

    /// Whether anybody set the wall clock, as far as it tells.
    #[must_use]
    pub const fn is_set(&self) -> bool {
        self.wall >= SET
    }

    /// Whether the wall clock went on as the monotonic one did since `earlier`.
    #[must_use]
    pub fn is_steady(&self, earlier: &Self) -> bool {
        self.wall_of(earlier.mono).abs_diff(earlier.wall) <= STEADY.unsigned_abs()
    }

    /// The wall time of a moment.
    #[must_use]
    pub fn wall_of(&self, at: Moment) -> i64 {
        self.wall.saturating_add(i64::from(at.as_secs()) - i64::from(self.mono.as_secs()))
    }

    /// The moment of a wall time.
    #[must_use]
    pub fn moment_of(&self, wall: i64) -> Moment {
        let secs = wall.saturating_sub(self.wall).saturating_add(self.mono.as_secs().into());
        Moment::from_secs(i32::try_from(secs).unwrap_or(if secs < 0 { i32::MIN } else { i32::MAX }))
    }

    /// The same as an instant, `None` if it lies before the origin.
    #[must_use]
    pub fn instant_of(&self, wall: i64) -> Option<Instant> {
        let secs = wall.saturating_sub(self.wall).saturating_add(self.mono.as_secs().into());
        Some(Instant::ZERO + Duration::from_secs(u64::try_from(secs).ok()?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_step_of_the_clock_is_noticed_and_its_passing_is_not() {
        let before = Clock::new(SET, Instant::from_millis(5_999));
        let after = |wall, secs: u64| Clock::new(SET + wall, Instant::from_millis(secs * 1000)).is_steady(&before);
        assert!(
            after(0, 5) && after(100, 105) && after(101, 105) && after(99, 105) && after(110, 105) && after(90, 105)
        );
        assert!(!after(111, 105) && !after(89, 105) && !after(-1_767_225_000, 105) && !after(2_000_000_000, 105));
        assert!(before.is_set() && !Clock::new(SET - 1, Instant::ZERO).is_set());
    }

    proptest! {
        #[test]
        fn what_it_says_it_takes_back(wall in 0i64..5_000_000_000, now in 0u64..1_000_000_000, at in -2_000_000_000i32..2_000_000_000) {
            let clock = Clock::new(wall, Instant::from_millis(now));
            let at = Moment::from_secs(at);
            prop_assert_eq!(clock.moment_of(clock.wall_of(at)), at);
            let instant = clock.instant_of(clock.wall_of(at));
            prop_assert_eq!(instant.map(Moment::from), (at.as_secs() >= 0).then_some(at));
        }

        #[test]
        fn any_times_end_well(a: i64, b: u64, c: i64, d: i32) {
            let clock = Clock::new(a, Instant::from_millis(b));
            let _ = (clock.wall_of(Moment::from_secs(d)), clock.moment_of(c), clock.instant_of(c));
            let _ = clock.is_steady(&Clock::new(c, Instant::ZERO));
        }
    }
}
