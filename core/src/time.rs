//! Time as edgeban's core sees it: an argument, never a call.
//!
//! [`Instant`] is monotonic and drives every decision. [`WallTime`] is what a log line says about itself; it is shown
//! and used to replay old logs, and never bans, unbans or forgets anybody in the running daemon: a router's wall clock
//! jumps by decades when NTP first answers.

use core::fmt;
use core::ops::{Add, Sub};

/// A point on the monotonic clock (`CLOCK_MONOTONIC`), in milliseconds since an arbitrary origin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Instant(u64);

/// A point on the same clock to the second, which may lie before the clock's origin: what is remembered longer than the
/// machine is up. 68 years each way; arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Moment(i32);

/// A span of time in whole milliseconds. Arithmetic saturates.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default, Hash)]
pub struct Duration(u64);

/// Seconds since 1970-01-01 00:00:00 UTC as a log line's header states them (no zone means UTC is assumed).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
pub struct WallTime(pub i64);

impl Instant {
    /// The clock's origin.
    pub const ZERO: Self = Self(0);

    /// The instant `ms` milliseconds after the origin.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the origin.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration(self.0.saturating_sub(earlier.0))
    }
}

impl Moment {
    /// The moment so many seconds after the origin.
    #[must_use]
    pub const fn from_secs(secs: i32) -> Self {
        Self(secs)
    }

    /// Seconds since the origin.
    #[must_use]
    pub const fn as_secs(self) -> i32 {
        self.0
    }

    /// The time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        let secs = i64::from(self.0) - i64::from(earlier.0);
        Duration::from_secs(u64::try_from(secs).unwrap_or(0))
    }
}

impl From<Instant> for Moment {
    fn from(at: Instant) -> Self {
        Self(i32::try_from(at.0 / 1000).unwrap_or(i32::MAX))
    }
}

impl Duration {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `ms` milliseconds.
    #[must_use]
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// A span of `secs` seconds, saturating.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// The span in milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// The span in whole seconds, rounded down.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// The span doubled, saturating.
    #[must_use]
    pub const fn doubled(self) -> Self {
        Self(self.0.saturating_mul(2))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Duration> for Instant {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(i32::try_from(span.as_secs()).unwrap_or(i32::MAX)))
    }
}

impl Sub<Duration> for Moment {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(i32::try_from(span.as_secs()).unwrap_or(i32::MAX)))
    }
}

impl fmt::Display for Duration {
    /// Writes the largest unit that divides the span: `10m`, `7d`, `90s`, `1500ms`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 4] = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")];
        for (size, name) in UNITS {
            if self.0 != 0 && self.0.is_multiple_of(size) {
                return write!(f, "{}{name}", self.0 / size);
            }
        }
        if self.0 == 0 { f.write_str("0s") } else { write!(f, "{}ms", self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!((Instant::from_millis(u64::MAX) + Duration::from_secs(1)).as_millis(), u64::MAX);
        assert_eq!(Instant::from_millis(5).since(Instant::from_millis(9)), Duration::ZERO);
        assert_eq!(Duration::from_secs(u64::MAX).as_millis(), u64::MAX);
    }

    #[test]
    fn a_moment_may_lie_before_the_origin() {
        let moment = Moment::from(Instant::from_millis(5999));
        assert_eq!(moment.as_secs(), 5);
        let before = moment - Duration::from_secs(3600);
        assert_eq!((before.as_secs(), moment.since(before).as_secs()), (-3595, 3600));
        assert_eq!(before.since(moment), Duration::ZERO);
        assert_eq!((moment + Duration::from_secs(u64::MAX)).as_secs(), i32::MAX);
        assert_eq!(Moment::from(Instant::from_millis(u64::MAX)).as_secs(), i32::MAX);
        assert_eq!(Moment::from_secs(i32::MAX).since(Moment::from_secs(i32::MIN)).as_secs(), u64::from(u32::MAX));
    }

    #[test]
    fn durations_print_in_the_largest_whole_unit() {
        for (ms, text) in [(0, "0s"), (90_000, "90s"), (600_000, "10m"), (604_800_000, "7d"), (1500, "1500ms")] {
            assert_eq!(std::format!("{}", Duration::from_millis(ms)), text);
        }
    }
}
