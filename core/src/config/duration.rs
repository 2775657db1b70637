//! Spans of time as fail2ban's users write them: `600`, `90s`, `10m`, `1h30m`, `7d`, `2 weeks`.
//!
//! Not supported: fractions, and months and years, which have no one length.

/// Why a text is no duration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// Not of the form.
    Malformed,
    /// More seconds than 64 bits hold.
    Overflow,
}

/// Each unit's names and its seconds. Lower case only: `10M` might be meant as months.
const UNITS: [(&[&str], u64); 5] = [
    (&["s", "sec", "second", "seconds"], 1),
    (&["m", "min", "minute", "minutes"], 60),
    (&["h", "hour", "hours"], 3600),
    (&["d", "day", "days"], 86_400),
    (&["w", "week", "weeks"], 604_800),
];

/// Reads a time as the configuration takes it: `600`, `10m`, `1h 30m`. `None` if it is none.
#[must_use]
pub fn parse(text: &str) -> Option<crate::time::Duration> {
    seconds(text).ok().map(crate::time::Duration::from_secs)
}

/// Reads a number of seconds, or numbers with units that add up; spaces may stand between them.
pub(super) fn seconds(text: &str) -> Result<u64, Fault> {
    let mut rest = text.trim_matches(' ');
    let mut total: u64 = 0;
    let mut parts = 0u32;
    while !rest.is_empty() {
        let (digits, tail) = split(rest, |b| b.is_ascii_digit());
        let (unit, tail) = split(tail.trim_start_matches(' '), |b| b.is_ascii_alphabetic());
        let seconds = match unit {
            // Only a bare number may do without a unit: in `1h30` the 30 may be minutes or seconds.
            "" if parts == 0 && tail.is_empty() => 1,
            _ => UNITS.iter().find(|(names, _)| names.contains(&unit)).ok_or(Fault::Malformed)?.1,
        };
        if digits.is_empty() {
            return Err(Fault::Malformed);
        }
        // Digits alone fail to parse only by being too many.
        let number: u64 = digits.parse().map_err(|_| Fault::Overflow)?;
        total = number.checked_mul(seconds).and_then(|span| total.checked_add(span)).ok_or(Fault::Overflow)?;
        parts += 1;
        rest = tail.trim_start_matches(' ');
    }
    if parts == 0 { Err(Fault::Malformed) } else { Ok(total) }
}

/// The leading bytes that are `of` a kind (ASCII), and what follows.
fn split(text: &str, of: fn(&u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|b| !of(&b)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Duration;
    use proptest::prelude::*;
    use std::format;

    #[test]
    fn what_users_write_is_understood() {
        for (text, want) in [
            ("0", 0),
            ("600", 600),
            ("90s", 90),
            ("10m", 600),
            ("1h", 3600),
            ("7d", 604_800),
            ("1w", 604_800),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            (" 1 h 30 m ", 5400),
            ("2 weeks", 1_209_600),
            ("1day12hours", 129_600),
            ("1min1sec", 61),
            ("007", 7),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(seconds(text), Ok(want), "{text:?}");
        }
    }

    #[test]
    fn what_is_not_clear_is_refused() {
        for text in [
            "",
            " ",
            "s",
            "m10",
            "1.5h",
            "1,5h",
            "-1",
            "+1",
            "-10m",
            "10M",
            "10 x",
            "1mo",
            "1y",
            "1h30",
            "10m-",
            "1h\t",
            "\n1",
            "1e3",
            "0x10",
            "10ms",
            "10µs",
            "１0",
            "1_000",
            "permanent",
            "1h,30m",
            "10 20",
        ] {
            assert_eq!(seconds(text), Err(Fault::Malformed), "{text:?}");
        }
        for text in
            ["18446744073709551616", "99999999999999999999999999d", "18446744073709551615s1s", "30500568904944w"]
        {
            assert_eq!(seconds(text), Err(Fault::Overflow), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn what_edgeban_prints_it_also_reads(secs in 0..=u64::MAX / 1000) {
            prop_assert_eq!(seconds(&format!("{}", Duration::from_secs(secs))), Ok(secs));
        }

        #[test]
        fn units_add_up(w in 0u64..9, d in 0u64..99, h in 0u64..99, m in 0u64..99, s in 0u64..99) {
            let want = w * 604_800 + d * 86_400 + h * 3600 + m * 60 + s;
            prop_assert_eq!(seconds(&format!("{w}w{d}d{h}h{m}m{s}s")), Ok(want));
            prop_assert_eq!(seconds(&format!("{s} sec {m}min {h} hours {d} day {w} weeks")), Ok(want));
        }

        #[test]
        fn anything_ends_well(text in "\\PC*") {
            let _ = seconds(&text);
        }
    }
}
