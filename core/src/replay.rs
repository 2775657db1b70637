//! A clock made of a log's own timestamps, to see what an old log would have led to.
//!
//! Only for `edgeban test`: the running daemon counts by the monotonic clock and never by what a line says.

use crate::source::syslog::Stamp;
use crate::time::Instant;

const YEAR_SECS: u64 = 366 * 86_400;

/// Turns the stamps of successive lines into instants that never go back.
///
/// Lines without a stamp happen when the line before them did. RFC 3164 stamps have no year: one that is more than half
/// a year before its predecessor is taken for the next year's. Stamps that jump back otherwise (several writers, a clock
/// that was set) count as the latest one seen.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogClock {
    latest: u64,
    /// Start of the year that year-less stamps are in.
    year: u64,
}

impl LogClock {
    /// When a line with this stamp happened.
    pub fn at(&mut self, stamp: Option<Stamp>) -> Instant {
        let secs = match stamp {
            None => self.latest,
            Some(Stamp::Wall(wall)) => u64::try_from(wall.0).unwrap_or(0),
            Some(Stamp::OfYear(secs)) => {
                let secs = u64::from(secs);
                if self.latest > (self.year + secs).saturating_add(YEAR_SECS / 2) {
                    self.year += YEAR_SECS;
                }
                self.year + secs
            }
        };
        self.latest = self.latest.max(secs);
        Instant::from_millis(self.latest.saturating_mul(1000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::WallTime;

    #[test]
    fn a_new_year_goes_on_and_small_steps_back_do_not() {
        let mut clock = LogClock::default();
        let december = clock.at(Some(Stamp::OfYear(365 * 86_400)));
        let january = clock.at(Some(Stamp::OfYear(10)));
        assert_eq!(january.since(december).as_secs(), 86_410);
        assert_eq!(clock.at(Some(Stamp::OfYear(5))), january);
        assert_eq!(clock.at(None), january);
        assert_eq!(clock.at(Some(Stamp::OfYear(20))).since(january).as_secs(), 10);
    }

    #[test]
    fn full_dates_count_from_the_epoch() {
        let mut clock = LogClock::default();
        assert_eq!(clock.at(Some(Stamp::Wall(WallTime(1_700_000_000)))).as_millis(), 1_700_000_000_000);
        assert_eq!(clock.at(Some(Stamp::Wall(WallTime(-5)))).as_millis(), 1_700_000_000_000);
    }
}
