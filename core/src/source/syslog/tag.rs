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
            let (name, rest) = until(inner, |b| b == b']')?;
            (name, rest.get(1..)?)
        }
        _ => until(text, |b| b == b'[' || b == b':')?,
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

/// Splits before the first byte that `stop` likes, unless a space comes first.
fn until(text: &[u8], stop: impl Fn(u8) -> bool) -> Option<(&[u8], &[u8])> {
    let end = text.iter().take(TAG_MAX).position(|&b| b == b' ' || stop(b))?;
    let (name, rest) = text.split_at_checked(end)?;
    if rest.first() == Some(&b' ') { None } else { Some((name, rest)) }
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

/// A decimal number that fills the text.
pub(super) fn number(text: &[u8]) -> Option<u32> {
    match digits(text)? {
        (value, []) => Some(value),
        _ => None,
    }
}

/// A program's name without its directory.
pub(super) fn basename(path: &[u8]) -> &[u8] {
    match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => path.get(slash + 1..).unwrap_or(path),
        None => path,
    }
}
