//! The clock that the kernel writes before its messages, and numbers that look like it.

use super::spaces;

/// Skips `[  123.456789] `, which has six places, and the caller behind it (`[   T12]`, with `CONFIG_PRINTK_CALLER`).
///
/// journalctl's `short-monotonic` begins in the same way, and goes on with a host and a program's name: such a line is nobody's,
/// since what the program says is not the kernel's word.
pub(super) fn after_clock(text: &[u8]) -> Option<&[u8]> {
    let (clock, rest) = bracketed(text)?;
    let (seconds, [b'.', fraction @ ..]) = clock.split_at_checked(digits(clock))? else { return None };
    if seconds.is_empty() || fraction.len() != 6 || digits(fraction) != 6 {
        return None;
    }
    let rest = match bracketed(rest) {
        Some(([b'T' | b'C', number @ ..], rest)) if digits(number) == number.len() => rest,
        _ => rest,
    };
    let message = rest.strip_prefix(b" ")?;
    let behind_host = super::word(message).and_then(|(_host, rest)| super::tag::parse(rest));
    if behind_host.is_some_and(|(tag, _)| tag.pid.is_some()) { None } else { Some(message) }
}

/// Skips `: [  970.699396]: ` behind a `kernel`, where messages pass through the kernel's ring buffer.
pub(super) fn after_quoted_clock(text: &[u8]) -> Option<&[u8]> {
    let rest = after_number(spaces(text))?;
    Some(spaces(rest.strip_prefix(b":").unwrap_or(rest)))
}

/// Skips a number in brackets.
pub(super) fn after_number(text: &[u8]) -> Option<&[u8]> {
    let (number, rest) = bracketed(text)?;
    if number.iter().all(|&b| b.is_ascii_digit() || b == b'.') { Some(rest) } else { None }
}

/// What is in the brackets at the start, without leading spaces, and what follows them.
fn bracketed(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let text = spaces(text.strip_prefix(b"[")?);
    let (inner, rest) = text.split_at_checked(text.iter().take(24).position(|&b| b == b']')?)?;
    Some((inner, rest.get(1..)?))
}

fn digits(text: &[u8]) -> usize {
    text.iter().take_while(|b| b.is_ascii_digit()).count()
}
