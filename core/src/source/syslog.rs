//! The header of a log line: RFC 3164 (with and without year, BSD's, BusyBox's, `logread`'s), RFC 5424, ISO 8601, journalctl's
//! short forms, seconds since 1970, the kernel's clock, or only `host program[pid]:`.
//!
//! [`Split::of`] runs on every line of a busy log, so the commonest shape (`Mar  3 00:17:22 `) is told by fixed
//! offsets, and no form looks at a byte of the line twice except for the date that it turned out not to be. The
//! program is read from the header's own place and never searched for: what a program says cannot name another one.
//!
//! Not supported: RFC 3164 lines without a tag, the names of time zones (taken for UTC), journalctl's `short-monotonic`, which
//! looks like the kernel's; `<PRI>` and message ids are skipped.

mod date;
mod kernel;
mod tag;

pub(crate) use date::{access as access_date, iso_time, month_day_time, own as own_date, own_form};

/// When a line says that it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// The header has a full date.
    Wall(crate::time::WallTime),
    /// RFC 3164 without a year: seconds since the start of a leap year.
    OfYear(u32),
}

/// A log line, split from its header. Everything in it is still an allegation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// The header's time, if it has one.
    pub stamp: Option<Stamp>,
    /// The program's name, without directory, `[pid]` or colon.
    pub program: &'a [u8],
    /// The process id in brackets.
    pub pid: Option<u32>,
    /// What the program said, without the line's end.
    pub message: &'a [u8],
}

/// A line, split at its header as far as it has one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Split<'a> {
    /// The record, if the header has a known form.
    pub record: Option<Record<'a>>,
    /// The date that the line starts with, and what follows it, if syslog writes such a date.
    pub dated: Option<(Stamp, &'a [u8])>,
}

impl<'a> Split<'a> {
    /// Splits a line (without its newline).
    #[must_use]
    pub fn of(line: &'a [u8]) -> Self {
        let mut line = line;
        while let [rest @ .., b'\r' | b'\n'] = line {
            line = rest;
        }
        if let Some(dated) = date::fixed(line) {
            return Self::at_date(dated);
        }
        // JSON: no word of it is a program's name.
        if line.first() == Some(&b'{') {
            return Self { record: None, dated: None };
        }
        let mut rest = line;
        if line.first() == Some(&b'<')
            && let Some(after) = after_priority(line)
        {
            if let Some(after) = after.strip_prefix(b"1 ") {
                return Self { record: Record::rfc5424(after), dated: None };
            }
            rest = after;
        }
        if let Some(message) = kernel::after_clock(rest) {
            let record = Record { stamp: None, program: b"kernel", pid: None, message };
            return Self { record: Some(record), dated: None };
        }
        match date::any(rest) {
            Some(dated) if rest.len() == line.len() => Self::at_date(dated),
            Some((stamp, rest)) => Self { record: Record::after_date(Some(stamp), rest), dated: None },
            None => Self { record: Record::after_date(None, rest), dated: None },
        }
    }

    fn at_date(dated: (Stamp, &'a [u8])) -> Self {
        Self { record: Record::after_date(Some(dated.0), dated.1), dated: Some(dated) }
    }
}

impl<'a> Record<'a> {
    /// Splits a line (without its newline) into header and message; `None` if it has no header of a known form.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        Split::of(line).record
    }

    /// Whether the header is certainly one of syslog's: a date, and a program's name with its process id.
    #[must_use]
    pub const fn is_certain(&self) -> bool {
        self.stamp.is_some() && self.pid.is_some()
    }

    /// `[<facility.severity>] [host] [facility.severity] program[pid]: message`: BSD's syslogd writes the priority before the
    /// host, BusyBox's after it, OpenWrt's `logread` in its place.
    fn after_date(stamp: Option<Stamp>, rest: &'a [u8]) -> Option<Self> {
        // The host's name is empty on some.
        let rest = spaces(rest);
        let rest = match rest {
            // BSD's, with `-v`.
            [b'<', ..] => rest.get(rest.iter().position(|&b| b == b' ')?..)?.trim_ascii_start(),
            // `logread -t`.
            [b'[', ..] if stamp.is_some() => kernel::after_number(rest).map_or(rest, spaces),
            _ => rest,
        };
        let (tag, message) = match tag::parse(rest) {
            Some(found) => found,
            None => {
                let (_host, rest) = word(rest)?;
                let rest = spaces(rest);
                match tag::parse(rest) {
                    Some(found) => found,
                    None => {
                        let (_priority, rest) = word(rest).filter(|(word, _)| tag::is_priority(word))?;
                        tag::parse(spaces(rest))?
                    }
                }
            }
        };
        let message = inner(spaces(message));
        let message = if tag.program == b"kernel" { kernel::after_clock(message).unwrap_or(message) } else { message };
        Some(Self { stamp, program: tag.program, pid: tag.pid, message })
    }

    /// What follows `<PRI>1 ` in RFC 5424: `TIME HOST APP PROCID MSGID SD [MSG]`.
    fn rfc5424(rest: &'a [u8]) -> Option<Self> {
        let (stamp, rest) = match rest.strip_prefix(b"- ") {
            Some(rest) => (None, rest),
            None => date::iso(rest).map(|(stamp, rest)| (Some(stamp), rest))?,
        };
        let (_host, rest) = word(rest)?;
        let (app, rest) = word(rest)?;
        let (procid, rest) = word(rest)?;
        let (_msgid, rest) = word(rest)?;
        let rest = after_structured_data(rest)?;
        let message = match rest {
            [] => rest,
            [b' ', message @ ..] => message,
            _ => return None,
        };
        let message = message.strip_prefix(b"\xef\xbb\xbf").unwrap_or(message);
        Some(Self { stamp, program: tag::basename(app), pid: tag::number(procid), message: inner(spaces(message)) })
    }
}

/// Without leading spaces.
fn spaces(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [b' ', rest @ ..] = text {
        text = rest;
    }
    text
}

/// The bytes up to a space (at least one), and what follows it.
fn word(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.iter().position(|&b| b == b' ')?;
    let (word, rest) = text.split_at_checked(end)?;
    if word.is_empty() { None } else { Some((word, rest.get(1..)?)) }
}

/// Skips `<0>` to `<191>`, RFC 5424's range.
fn after_priority(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().take(5).position(|&b| b == b'>')?;
    let value = tag::number(text.get(1..end)?)?;
    if value <= 191 { text.get(end + 1..) } else { None }
}

/// Skips `-` or `[id name="value" ...]...`; in a value `\` escapes `"`, `]` and itself.
fn after_structured_data(text: &[u8]) -> Option<&[u8]> {
    if let Some(rest) = text.strip_prefix(b"-") {
        return Some(rest);
    }
    let mut rest = text.strip_prefix(b"[")?;
    let mut quoted = false;
    loop {
        let (&byte, tail) = rest.split_first()?;
        rest = match (byte, quoted) {
            (b'\\', true) => tail.get(1..)?,
            (b'"', _) => {
                quoted = !quoted;
                tail
            }
            (b']', false) => match tail {
                [b'[', more @ ..] => more,
                _ => return Some(tail),
            },
            _ => tail,
        };
    }
}

/// Skips what some systems put before the program's own words: Solaris `[ID 800047 auth.info] `, and the kernel's
/// clock (`kernel:[  970.699396]: `) where messages pass through its ring buffer.
fn inner(message: &[u8]) -> &[u8] {
    match message {
        [b'[', b'I', b'D', b' ', ..] => after_solaris_id(message).unwrap_or(message),
        [b'k', b'e', b'r', b'n', b'e', b'l', b':', rest @ ..] => kernel::after_quoted_clock(rest).unwrap_or(message),
        _ => message,
    }
}

fn after_solaris_id(message: &[u8]) -> Option<&[u8]> {
    let (id, rest) = word(message.strip_prefix(b"[ID ")?)?;
    tag::number(id)?;
    let (facility, rest) = word(rest)?;
    facility.strip_suffix(b"]").map(|_| spaces(rest))
}

#[cfg(test)]
mod tests;
