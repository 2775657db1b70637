//! Failed attempts and bans over time: a ring of minutes and one of hours.

/// What happened in a minute or an hour.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Point {
    /// When it begins, in seconds since 1970.
    pub at: i64,
    /// Failed attempts.
    pub attempts: u64,
    /// Bans.
    pub bans: u64,
}

const NOTHING: Point = Point { at: 0, attempts: 0, bans: 0 };

/// The last hour by minutes, the last day by hours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Series {
    minutes: [Point; 60],
    hours: [Point; 24],
    /// The counters when they were last looked at.
    attempts: u64,
    bans: u64,
}

impl Series {
    /// Nothing happened.
    #[must_use]
    pub const fn new() -> Self {
        Self { minutes: [NOTHING; 60], hours: [NOTHING; 24], attempts: 0, bans: 0 }
    }

    /// Takes note of what the counters have become. `now` is the time on the wall; a clock that is set leaves what was noted
    /// under the other time out of the answers.
    pub fn note(&mut self, attempts: u64, bans: u64, now: i64) {
        let more = (attempts.saturating_sub(self.attempts), bans.saturating_sub(self.bans));
        (self.attempts, self.bans) = (attempts, bans);
        if more == (0, 0) {
            return;
        }
        add(&mut self.minutes, 60, now, more);
        add(&mut self.hours, 3600, now, more);
    }

    /// The minute that began so many minutes ago, up to 59.
    #[must_use]
    pub fn minute(&self, ago: u8, now: i64) -> Point {
        point(&self.minutes, 60, now, ago)
    }

    /// The hour that began so many hours ago, up to 23.
    #[must_use]
    pub fn hour(&self, ago: u8, now: i64) -> Point {
        point(&self.hours, 3600, now, ago)
    }
}

impl Default for Series {
    fn default() -> Self {
        Self::new()
    }
}

fn place(len: usize, number: i64) -> Option<usize> {
    usize::try_from(number.rem_euclid(i64::try_from(len).ok()?)).ok()
}

fn add(ring: &mut [Point], span: i64, now: i64, (attempts, bans): (u64, u64)) {
    let number = now.div_euclid(span);
    let at = number * span;
    if let Some(point) = place(ring.len(), number).and_then(|place| ring.get_mut(place)) {
        if point.at != at {
            *point = Point { at, ..NOTHING };
        }
        point.attempts += attempts;
        point.bans += bans;
    }
}

fn point(ring: &[Point], span: i64, now: i64, ago: u8) -> Point {
    let number = now.div_euclid(span) - i64::from(ago);
    let at = number * span;
    let found = place(ring.len(), number).and_then(|place| ring.get(place)).filter(|point| point.at == at);
    found.copied().unwrap_or(Point { at, ..NOTHING })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_minute_and_each_hour_has_what_happened_in_it() {
        let mut series = Series::new();
        let start = 1_700_000_080;
        series.note(3, 1, start);
        series.note(5, 1, start + 19);
        series.note(6, 2, start + 20);
        let now = start + 20;
        assert_eq!(series.minute(0, now), Point { at: start + 20 - (start + 20) % 60, attempts: 1, bans: 1 });
        assert_eq!(series.minute(1, now), Point { at: start - start % 60, attempts: 5, bans: 1 });
        assert_eq!(series.minute(2, now).attempts, 0);
        assert_eq!(series.hour(0, now).attempts, 6);
        // An hour later the places are taken by others.
        assert_eq!(series.minute(0, now + 3600).attempts, 0);
        assert_eq!(series.hour(1, now + 3600).attempts, 6);
        series.note(7, 2, now + 3600);
        assert_eq!(series.minute(0, now + 3600).attempts, 1);
        assert_eq!(series.hour(23, now + 24 * 3600).attempts, 1);
        // Before 1970, and with a counter that began anew.
        series.note(0, 0, -5);
        series.note(1, 0, -5);
        assert_eq!(series.minute(0, -5), Point { at: -60, attempts: 1, bans: 0 });
    }
}
