//! The tag of a syslog line: `program[pid]:` and its relatives.

/// Longest tag that is looked at; RFC 3164 gives the name 32 characters, systemd units are longer.
const TAG_MAX: usize = 96;

pub(super) struct Tag<'a> {
    pub program: &'a [u8],
    pub pid: Option<u32>,
}

/// Reads `program[pid]:`, `program:`, `[program]:` or `[program][pid]:` at the start, up to a space or the end; returns
/// what follows the colon.
pub(super) fn parse(text: &[u8]) -> Option<(Tag<'_>, &[u8])> {
    let (name, rest) = match text {
        [b'[', inner @ ..] => {
            let (name, rest) = name(inner, b']', b']')?;
            (name, rest.get(1..)?)
        }
        _ => name(text, b'[', b':')?,
    };
    let (pid, rest) = match rest {
        [b'[', inner @ ..] => {
            let (pid, rest) = digits(inner)?;
            (Some(pid), rest.strip_prefix(b"]")?)
        }
        _ => (None, rest),
    };
    let rest = rest.strip_prefix(b":")?;
    let program = basename(name);
    match rest {
        [] | [b' ', ..] if !program.is_empty() => Some((Tag { program, pid }, rest)),
        _ => None,
    }
}

/// Splits before the first of two bytes, unless a space comes first.
fn name(text: &[u8], end: u8, or_end: u8) -> Option<(&[u8], &[u8])> {
    let text_of_name = text.get(..TAG_MAX).unwrap_or(text);
    for (at, &byte) in text_of_name.iter().enumerate() {
        if byte == end || byte == or_end {
            return text.split_at_checked(at);
        }
        if byte == b' ' {
            return None;
        }
    }
    None
}

/// Leading decimal digits that fit 32 bits, at least one.
fn digits(text: &[u8]) -> Option<(u32, &[u8])> {
    let mut rest = text;
    let mut value: u32 = 0;
    while let [digit @ b'0'..=b'9', tail @ ..] = rest {
        value = value.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
        rest = tail;
    }
    if rest.len() == text.len() { None } else { Some((value, rest)) }
}

/// Whether a word is `facility.severity`, both by the names of syslog.conf(5).
pub(super) fn is_priority(word: &[u8]) -> bool {
    const FACILITIES: [&[u8]; 15] = [
        b"kern",
        b"user",
        b"mail",
        b"daemon",
        b"auth",
        b"syslog",
        b"lpr",
        b"news",
        b"uucp",
        b"cron",
        b"authpriv",
        b"ftp",
        b"ntp",
        b"security",
        b"console",
    ];
    const SEVERITIES: [&[u8]; 12] = [
        b"emerg", b"alert", b"crit", b"err", b"warn", b"notice", b"info", b"debug", b"panic", b"error", b"warning",
        b"none",
    ];
    let Some(dot) = word.iter().position(|&b| b == b'.') else { return false };
    let (Some(facility), Some(severity)) = (word.get(..dot), word.get(dot + 1..)) else { return false };
    let is_local = matches!(facility, [b'l', b'o', b'c', b'a', b'l', b'0'..=b'7']);
    (is_local || FACILITIES.contains(&facility)) && SEVERITIES.contains(&severity)
}

/// A decimal number that fills the text.
pub(super) fn number(text: &[u8]) -> Option<u32> {
    match digits(text)? {
        (value, []) => Some(value),
        _ => None,
    }
}

/// A program's name without its directory. Only a whole path has one: `postfix/smtpd` is a name.
pub(super) fn basename(path: &[u8]) -> &[u8] {
    if path.first() != Some(&b'/') {
        return path;
    }
    match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => path.get(slash + 1..).unwrap_or(path),
        None => path,
    }
}
