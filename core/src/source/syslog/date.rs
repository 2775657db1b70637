//! The dates that log lines start with. Every field is checked: a wrong date is no date.

use super::Stamp;
use crate::time::WallTime;

/// Days before each month of a leap year.
const BEFORE_MONTH: [u32; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];
const DAY: u32 = 86_400;

/// The commonest date by fixed offsets: `Mar  3 00:17:22 `, the day padded with a space or a zero.
pub(super) fn fixed(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let [m1, m2, m3, b' ', d1, d2, b' ', h1, h2, b':', n1, n2, b':', s1, s2, b' ', rest @ ..] = line else {
        return None;
    };
    let month = month([*m1, *m2, *m3])?;
    let day = if *d1 == b' ' { digit(*d2)? } else { two(*d1, *d2)? };
    let time = clock([*h1, *h2, *n1, *n2, *s1, *s2])?;
    Some((Stamp::OfYear(of_year(month, day)? + time), rest))
}

/// Any other date: a weekday before it, a single space before the day, the year on either side of the time, a fraction, ISO
/// 8601, seconds since 1970.
pub(super) fn any(line: &[u8]) -> Option<(Stamp, &[u8])> {
    if line.first()?.is_ascii_digit() {
        return iso(line).or_else(|| since_1970(line));
    }
    let line = match line {
        [_, _, _, b' ', rest @ ..] if weekday(line).is_some() => {
            if rest.first()?.is_ascii_digit() {
                return zoned(rest);
            }
            rest
        }
        _ => line,
    };
    let (month, day, rest) = month_day(line)?;
    if let Some((year, rest)) = year(rest) {
        let (time, rest) = time(rest)?;
        return Some((wall(year, month, day, time)?, rest));
    }
    let (time, rest) = time(rest)?;
    if let Some((year, rest)) = year(rest) {
        return Some((wall(year, month, day, time)?, rest));
    }
    Some((Stamp::OfYear(of_year(month, day)? + time), rest))
}

/// `Mar  3 00:17:22 `, wherever else a program writes it.
pub(crate) fn month_day_time(text: &[u8]) -> Option<(Stamp, &[u8])> {
    fixed(text).or_else(|| {
        let (month, day, rest) = month_day(text)?;
        let (time, rest) = time(rest)?;
        Some((Stamp::OfYear(of_year(month, day)? + time), rest))
    })
}

/// Longer than the longest date in brackets, Apache's with microseconds.
const LONGEST: usize = 40;

/// Dates that only single programs write: `d` the day, `m` the month, `b` its English abbreviation, `Y` the year, `y` that of
/// this century, `T` the time, maybe with a fraction, `z` a space and a zone or nothing; others are themselves.
const FORMS: [&[u8]; 15] = [
    b"d-b-Y Tz ", // Kerio Connect and Roundcube, in brackets; BIND
    b"b-d-y T ",  // ASSP
    b"m/d/Y T ",  // SquirrelMail
    b"d-m-Y Tz ", // 3proxy; Domino as fail2ban asks for it; its operator chooses the order
    b"m-d-Y T ",
    b"d/m/Y T ",
    b"d.m.Y T ",
    b"Y-m-d T ",      // MySQL before ten o'clock
    b"ymd T ",        // MySQL 5
    b"Y.m.d T ",      // stunnel
    b"Ymd-T ",        // xrdp, in brackets
    b"m-d T ",        // FreeSWITCH
    b"L m/d/Y - T: ", // Half-Life
    b"Y:m:d-T: ",     // DirectAdmin
    b"Y-m-d T|",      // Centreon
];

/// The date at the start of a line that a program writes into a log file of its own: one that syslog might write, or
/// `2014/04/03 22:20:38 `, or one in brackets (`[Sat Jul 20 21:39:11.978080 2013] `), or one of single programs, or
/// daemontools' `@4000000... `, which is skipped.
pub(crate) fn own(line: &[u8]) -> Option<(Option<Stamp>, &[u8])> {
    match fixed(line).or_else(|| any(line)) {
        Some((stamp, rest)) => Some((Some(stamp), rest)),
        None => own_form(line),
    }
}

/// The same, but for dates that syslog might write.
pub(crate) fn own_form(line: &[u8]) -> Option<(Option<Stamp>, &[u8])> {
    let (stamp, rest) = match line {
        [b'@', rest @ ..] => {
            let (label, rest) = rest.split_at_checked(24)?;
            return if label.iter().all(u8::is_ascii_hexdigit) { Some((None, rest.strip_prefix(b" ")?)) } else { None };
        }
        [b'[', inner @ ..] => in_brackets(inner)?,
        // Murmur's level.
        [b'<', b'W', b'>', rest @ ..] => iso(rest)?,
        // Oracle Messaging Server's `<co ts="2014-06-02T16:06:33.99" pi=...`.
        [b'<', inner @ ..] => quoted(inner.strip_prefix(b"co ts=\"")?)?,
        // logrus's `time="2026-11-24T05:00:00+01:00" level=...`.
        [b't', b'i', b'm', b'e', b'=', b'"', inner @ ..] => {
            let (stamp, rest) = quoted(inner)?;
            (stamp, rest.strip_prefix(b" ")?)
        }
        [b'0'..=b'9', _, _, _, b'/', ..] => {
            let (date, rest) = line.split_at_checked(19)?;
            (alone(date)?, rest.strip_prefix(b" ")?)
        }
        // Grafana's time is a field among others.
        [b't', b'=', rest @ ..] => iso(rest)?,
        [b't', b'y', b'p', b'e', b'=', ..] => (of_audit(line)?, line),
        [b'0'..=b'9', ..] => formed(line).or_else(|| after_request(line)).or_else(|| iso_colon(line))?,
        [b'A'..=b'Z', ..] => formed(line)?,
        [b'a'..=b'f', ..] => after_request(line)?,
        _ => return None,
    };
    Some((Some(stamp), rest))
}

/// `type=USER_AUTH msg=audit(1383116263.000:603): ...`
fn of_audit(line: &[u8]) -> Option<Stamp> {
    let (_type, rest) = super::word(line)?;
    let (seconds, rest) = epoch(rest.strip_prefix(b"msg=audit(")?)?;
    if rest.first() == Some(&b'.') { Some(Stamp::Wall(WallTime(seconds))) } else { None }
}

/// Seconds since 1970: ten digits, as the years 2001 to 2286 have.
fn epoch(text: &[u8]) -> Option<(i64, &[u8])> {
    let (digits, rest) = text.split_at_checked(10)?;
    if !digits.iter().all(u8::is_ascii_digit) || rest.first().is_some_and(u8::is_ascii_digit) {
        return None;
    }
    Some((digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')), rest))
}

/// GitLab's `2020-04-09T14:04:00.667Z: `, lighttpd's `2021-09-30 17:44:37: `.
fn iso_colon(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (stamp, rest) = moment(line)?;
    Some((stamp, rest.strip_prefix(b": ")?))
}

/// A date in brackets, behind the first of them; or what Domino has there, its thread, and then the date.
fn in_brackets(inner: &[u8]) -> Option<(Stamp, &[u8])> {
    let end = inner.iter().take(LONGEST).position(|&b| b == b']')?;
    let (text, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
    // What most programs have in brackets is a level or a name.
    if text.first()?.is_ascii_lowercase() || !text.iter().any(u8::is_ascii_digit) {
        return None;
    }
    // Monit's `PDT Apr 16 21:05:29`.
    let unzoned = match super::word(text) {
        Some((zone, after)) if zone.iter().all(u8::is_ascii_uppercase) => after,
        _ => text,
    };
    if let Some(stamp) = alone(unzoned) {
        return Some((stamp, rest.strip_prefix(b" ").unwrap_or(rest)));
    }
    let is_thread = text.iter().all(|&b| b.is_ascii_hexdigit() || matches!(b, b':' | b'-'));
    let rest = rest.strip_prefix(b" ").filter(|_| is_thread)?;
    iso(rest).or_else(|| formed(rest))
}

/// A date in quotes, behind the first of them.
fn quoted(inner: &[u8]) -> Option<(Stamp, &[u8])> {
    let (date, rest) = inner.split_at_checked(inner.iter().take(LONGEST).position(|&b| b == b'"')?)?;
    Some((alone(date)?, rest.get(1..)?))
}

/// A date that fills the text, maybe with slashes or a fraction.
fn alone(text: &[u8]) -> Option<Stamp> {
    // Processes, threads and the like are shorter than `20220407-12:11:06` or `Jan 8 17:39:50`, and few have the length of
    // seconds since 1970.
    let shortest = if text.first()?.is_ascii_digit() { 17 } else { 14 };
    if text.len() < shortest && !matches!(text.len(), 10 | 13 | 16) {
        return None;
    }
    // As the other forms have it: dashes, no fraction, a space at the end.
    let mut plain = [b' '; LONGEST + 1];
    let whole = text.iter().position(|&b| b == b'.').unwrap_or(text.len());
    let (date, rest) = text.split_at_checked(whole)?;
    let behind = rest.get(1..).unwrap_or_default();
    let behind = behind.get(behind.iter().take_while(|b| b.is_ascii_digit()).count()..)?;
    plain.get_mut(..date.len())?.copy_from_slice(date);
    plain.get_mut(date.len()..date.len() + behind.len())?.copy_from_slice(behind);
    plain.iter_mut().filter(|b| **b == b'/').for_each(|slash| *slash = b'-');
    let plain = plain.get(..date.len() + behind.len() + 1)?;
    let (stamp, rest) = any(plain).or_else(|| formed(plain))?;
    // Serilog's zone has a space before it.
    match (stamp, zone(rest)) {
        (Stamp::Wall(WallTime(at)), Some((east, b" "))) => Some(Stamp::Wall(WallTime(at - east))),
        _ => Some(stamp),
    }
}

/// Tine's `REQUEST TRANSACTION USER [DURATION ...]- 2014-01-13T05:02:22+00:00 `, where the first two are hexadecimal.
fn after_request(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let mut rest = line;
    for _ in 0..2 {
        let (id, after) = super::word(rest)?;
        if id.len() < 5 || !id.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        rest = after;
    }
    memchr::memchr_iter(b'-', rest).find_map(|at| iso(rest.get(at + 1..)?.strip_prefix(b" ")?))
}

/// A date of [`FORMS`].
fn formed(text: &[u8]) -> Option<(Stamp, &[u8])> {
    // Most texts are no date, which this byte tells of nearly every form.
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() && **byte != b'L';
    let separator = text.iter().take(10).find(|byte| !is_part(byte))?;
    FORMS.iter().filter(|form| form.iter().find(|byte| !is_part(byte)) == Some(separator)).find_map(|form| {
        let (mut day, mut month_of, mut seconds, mut east, mut year) = (0, 0, 0, 0, None);
        let mut rest = text;
        for part in *form {
            match part {
                b'd' => (day, rest) = number(rest)?,
                b'm' => {
                    (month_of, rest) = number(rest)?;
                    month_of = month_of.checked_sub(1)?;
                }
                b'b' => {
                    let (name, after) = rest.split_first_chunk::<3>()?;
                    (month_of, rest) = (month(*name)?, after);
                }
                b'Y' => {
                    let (century, after) = number(rest)?;
                    let (of_century, after) = number(after)?;
                    (year, rest) = (Some(century * 100 + of_century), after);
                }
                b'y' => {
                    let (of_century, after) = number(rest)?;
                    (year, rest) = (Some(2000 + of_century), after);
                }
                b'T' => {
                    let (time, after) = rest.split_first_chunk::<8>()?;
                    let [h1, h2, b':', n1, n2, b':', s1, s2] = *time else { return None };
                    let h1 = if h1 == b' ' { b'0' } else { h1 };
                    (seconds, rest) = (clock([h1, h2, n1, n2, s1, s2])?, after);
                    if let [b'.', fraction @ ..] = rest {
                        rest = after_digits(fraction)?;
                    }
                }
                b'z' => {
                    if let [b' ', zoned @ ..] = rest
                        && matches!(zoned, [b'+' | b'-', ..])
                    {
                        (east, rest) = zone(zoned)?;
                    }
                }
                _ => rest = rest.strip_prefix(&[*part])?,
            }
        }
        let stamp = match year {
            None => Stamp::OfYear(of_year(month_of, day)? + seconds),
            Some(year) => {
                let Stamp::Wall(WallTime(at)) = wall(year, month_of, day, seconds)? else { return None };
                Stamp::Wall(WallTime(at - east))
            }
        };
        Some((stamp, rest))
    })
}

/// Two digits.
fn number(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [tens, ones, rest @ ..] => Some((two(*tens, *ones)?, rest)),
        _ => None,
    }
}

/// `05/Mar/2007:14:39:21 +0100`, as web servers write it into their access logs, without the brackets. Java's servers
/// write the month in their own language (`02/sept./2015`): one that is not known leaves a date without a stamp.
pub(crate) fn access(text: &[u8]) -> Option<Option<Stamp>> {
    /// `sept.` and `janv.`; longer ones are no abbreviations that begin like the English ones of the same month.
    const LONGEST_MONTH: usize = 5;
    let [d1, d2, b'/', rest @ ..] = text else { return None };
    let end = rest.iter().take(16).position(|&b| b == b'/')?;
    let (name, rest) = rest.split_at_checked(end)?;
    let [b'/', y1, y2, y3, y4, b':', h1, h2, b':', n1, n2, b':', s1, s2, b' ', rest @ ..] = rest else { return None };
    let (day, year) = (two(*d1, *d2)?, two(*y1, *y2)? * 100 + two(*y3, *y4)?);
    let time = clock([*h1, *h2, *n1, *n2, *s1, *s2])?;
    let (east, []) = zone(rest)? else { return None };
    let known = match name {
        [a, b, c, ..] if name.len() <= LONGEST_MONTH => month([a.to_ascii_uppercase(), *b, *c]),
        _ => None,
    };
    let Some(month) = known else { return Some(None) };
    let Stamp::Wall(WallTime(seconds)) = wall(year, month, day, time)? else { return None };
    Some(Some(Stamp::Wall(WallTime(seconds - east))))
}

/// `1795495628 `, with a fraction or in milli- or microseconds.
fn since_1970(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (digits, rest) = text.split_at_checked(text.iter().take(17).position(|b| !b.is_ascii_digit())?)?;
    let rest = match (digits.len(), rest) {
        (10, [b'.', fraction @ ..]) => after_digits(fraction)?,
        (10 | 13 | 16, _) => rest,
        _ => return None,
    };
    let (seconds, _) = epoch(digits.get(..10)?)?;
    Some((Stamp::Wall(WallTime(seconds)), rest.strip_prefix(b" ")?))
}

/// `2026-11-24 04:47:08 UTC `, where journalctl writes it behind a weekday. The names of other zones are taken for UTC's.
fn zoned(text: &[u8]) -> Option<(Stamp, &[u8])> {
    let (Stamp::Wall(WallTime(seconds)), rest) = iso(text)? else { return None };
    let (name, rest) = super::word(rest)?;
    let east = match name {
        [sign @ (b'+' | b'-'), h1, h2] => (two(*h1, *h2).filter(|hours| *hours <= 14)?, *sign == b'+'),
        _ if name.iter().all(u8::is_ascii_uppercase) => (0, true),
        _ => return None,
    };
    let shift = i64::from(east.0 * 3600);
    Some((Stamp::Wall(WallTime(if east.1 { seconds - shift } else { seconds + shift })), rest))
}

/// `2026-11-24T04:47:08[.123456][Z|+00:00|+0000] `; a space may stand for the `T`.
pub(super) fn iso(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let (stamp, rest) = moment(line)?;
    Some((stamp, rest.strip_prefix(b" ")?))
}

/// The same, alone.
pub(crate) fn iso_time(text: &[u8]) -> Option<Stamp> {
    match moment(text)? {
        (stamp, []) => Some(stamp),
        _ => None,
    }
}

/// The same without the space behind it.
fn moment(line: &[u8]) -> Option<(Stamp, &[u8])> {
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2, b'T' | b't' | b' ', h1, h2, b':', n1, n2, b':', s1, s2, rest @ ..] =
        line
    else {
        return None;
    };
    let year = two(*y1, *y2)? * 100 + two(*y3, *y4)?;
    let stamp = wall(year, two(*m1, *m2)?.checked_sub(1)?, two(*d1, *d2)?, clock([*h1, *h2, *n1, *n2, *s1, *s2])?)?;
    let rest = match rest {
        [b'.' | b',', fraction @ ..] => after_digits(fraction)?,
        _ => rest,
    };
    let (east, rest) = zone(rest)?;
    let Stamp::Wall(WallTime(seconds)) = stamp else { return None };
    Some((Stamp::Wall(WallTime(seconds - east)), rest))
}

/// Skips a fraction's digits, of which there is at least one.
fn after_digits(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().take(16).position(|b| !b.is_ascii_digit())?;
    if end == 0 { None } else { text.get(end..) }
}

/// The zone's seconds east of UTC; none means UTC.
fn zone(text: &[u8]) -> Option<(i64, &[u8])> {
    let (sign, rest) = match text {
        [b'Z' | b'z', rest @ ..] => return Some((0, rest)),
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return Some((0, text)),
    };
    let (hours, minutes, rest) = match rest {
        [h1, h2, b':', n1, n2, rest @ ..] | [h1, h2, n1, n2, rest @ ..] => (two(*h1, *h2)?, two(*n1, *n2)?, rest),
        _ => return None,
    };
    if hours > 14 || minutes > 59 {
        return None; // Line Islands, UTC+14, are the easternmost
    }
    Some((sign * i64::from(hours * 3600 + minutes * 60), rest))
}

/// A month (0 to 11) from its English abbreviation.
fn month(name: [u8; 3]) -> Option<u32> {
    Some(match &name {
        b"Jan" => 0,
        b"Feb" => 1,
        b"Mar" => 2,
        b"Apr" => 3,
        b"May" => 4,
        b"Jun" => 5,
        b"Jul" => 6,
        b"Aug" => 7,
        b"Sep" => 8,
        b"Oct" => 9,
        b"Nov" => 10,
        b"Dec" => 11,
        _ => return None,
    })
}

fn weekday(text: &[u8]) -> Option<()> {
    let known = matches!(text.first_chunk()?, b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun");
    known.then_some(())
}

/// `Mar  3 `, one or two spaces before a day of one digit.
fn month_day(text: &[u8]) -> Option<(u32, u32, &[u8])> {
    let (name, rest) = text.split_first_chunk::<3>()?;
    let month = month(*name)?;
    let rest = rest.strip_prefix(b" ")?;
    match rest.strip_prefix(b" ").unwrap_or(rest) {
        [d, b' ', rest @ ..] => Some((month, digit(*d)?, rest)),
        [d1, d2, b' ', rest @ ..] => Some((month, two(*d1, *d2)?, rest)),
        _ => None,
    }
}

/// `00:17:22[.123456] `, in seconds.
fn time(text: &[u8]) -> Option<(u32, &[u8])> {
    let [h1, h2, b':', n1, n2, b':', s1, s2, rest @ ..] = text else { return None };
    let rest = match rest {
        [b'.', fraction @ ..] => after_digits(fraction)?,
        _ => rest,
    };
    Some((clock([*h1, *h2, *n1, *n2, *s1, *s2])?, rest.strip_prefix(b" ")?))
}

/// `2026 `
fn year(text: &[u8]) -> Option<(u32, &[u8])> {
    match text {
        [y1, y2, y3, y4, b' ', rest @ ..] => Some((two(*y1, *y2)? * 100 + two(*y3, *y4)?, rest)),
        _ => None,
    }
}

fn digit(byte: u8) -> Option<u32> {
    if byte.is_ascii_digit() { Some(u32::from(byte - b'0')) } else { None }
}

fn two(tens: u8, ones: u8) -> Option<u32> {
    Some(digit(tens)? * 10 + digit(ones)?)
}

/// Seconds of the day; a leap second is the next minute's first.
fn clock([h1, h2, n1, n2, s1, s2]: [u8; 6]) -> Option<u32> {
    let (hours, minutes, seconds) = (two(h1, h2)?, two(n1, n2)?, two(s1, s2)?);
    if hours < 24 && minutes < 60 && seconds <= 60 { Some(hours * 3600 + minutes * 60 + seconds) } else { None }
}

/// Seconds from the start of a leap year to the start of a day of it.
fn of_year(month: u32, day: u32) -> Option<u32> {
    let index = usize::try_from(month).ok()?;
    let before = *BEFORE_MONTH.get(index)?;
    let after = BEFORE_MONTH.get(index + 1).copied().unwrap_or(366);
    if day >= 1 && before + day <= after { Some((before + day - 1) * DAY) } else { None }
}

/// The wall time of a full date.
fn wall(year: u32, month: u32, day: u32, time: u32) -> Option<Stamp> {
    let leap = year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let mut of_year = of_year(month, day)?;
    if !leap {
        if month == 1 && day == 29 {
            return None;
        }
        if month > 1 {
            of_year -= DAY;
        }
    }
    // Leap years before this one, counted from the year 0, which was one itself.
    let past = match year.checked_sub(1) {
        Some(last) => last / 4 - last / 100 + last / 400 + 1,
        None => 0,
    };
    /// Days from 0000-01-01 to 1970-01-01 in the proleptic Gregorian calendar.
    const EPOCH: i64 = 719_528;
    let days = i64::from(year) * 365 + i64::from(past) - EPOCH;
    Some(Stamp::Wall(WallTime(days * i64::from(DAY) + i64::from(of_year) + i64::from(time))))
}
