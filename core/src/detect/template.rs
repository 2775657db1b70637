//! Templates of log messages: the pattern language of filters that need no code, built-in ones and the operator's own.
//!
//! A template is the message as it is logged, with these parts in place of what varies:
//!
//! | part | stands for |
//! |---|---|
//! | `<ADDR>` | the peer's address, once in a template: IPv4, IPv6, also in brackets where the template has them |
//! | `<PEER>` | the same with its port: `192.0.2.1:4711`, `2001:db8::1:4711`, `[2001:db8::1]:4711`; IPv4 also without |
//! | `<*>` | any text, also none |
//! | `<WORD>` | the bytes up to a space, at least one |
//! | `<N>` | decimal digits, at least one |
//! | `<^CHARS>` | the bytes up to one of these, also none: `user="<^">"` |
//! | `<a\|b\|c>` | one of these texts; an empty one makes it optional: `<invalid \|>user` |
//! | `<prog:NAME>` | at the start of an operator's template: which program logs it, see [`programs`] |
//!
//! A backslash takes the next byte as it is: `\<`, `\>`, `\\`, `\|`. A template speaks of the whole message: without `<*>` at its
//! end, nothing may follow but spaces, as before its start. They should be left where they are: a peer who chooses what a
//! message ends with can choose nothing, too, and the space before it belongs to the text that tells where the address is.
//!
//! All parts but `<*>` take as much as there is. `<*>` may end anywhere: a message that can be read in two ways which give
//! different addresses gives none, nor does one in which the address may also be a word that is no address, so that nobody can
//! write a line that counts against somebody else. An address is only taken whole: `192.0.2.1` is not read from
//! `192.0.2.1.example.com`, `192.0.2.10` or `x192.0.2.1`.
//!
//! The time it takes is the message's length times the template's, whatever the message holds: sets of places are carried
//! along instead of trying one way after the other.

mod check;

pub use check::{Doubt, Explained, Fault, Use, check, check_custom, doubt};

use crate::addr::{Addr, TEXT_MAX};
use crate::limits;
use heapless::Vec;

/// Parts of one template.
pub const PARTS: usize = 32;

/// What a message is by a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Another message.
    No,
    /// This message, about this peer.
    Peer(Addr),
    /// This message, by a template that has no address.
    Nobody,
    /// This message, but it may be about one peer or about another.
    Ambiguous,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part<'t> {
    Text(&'t [u8]),
    Any,
    Word,
    Digits,
    Until(&'t [u8]),
    OneOf(&'t [u8]),
    Addr,
    Peer,
}

/// Takes the first part off a template.
fn part(template: &[u8]) -> Result<(Part<'_>, &[u8]), Fault> {
    let at = 0;
    match template {
        [b'\\', rest @ ..] => {
            let (text, rest) = rest.split_at_checked(1).ok_or(Fault::Escape(at))?;
            Ok((Part::Text(text), rest))
        }
        [b'<', rest @ ..] => {
            let end = closing(rest).ok_or(Fault::Open(at))?;
            let (inner, rest) = rest.split_at_checked(end).ok_or(Fault::Open(at))?;
            let part = match inner {
                b"*" => Part::Any,
                b"WORD" => Part::Word,
                b"N" => Part::Digits,
                b"ADDR" => Part::Addr,
                b"PEER" => Part::Peer,
                [b'^', chars @ ..] if !chars.is_empty() => Part::Until(chars),
                _ if alternatives(inner).count() > 1 => Part::OneOf(inner),
                _ => return Err(Fault::Unknown(at)),
            };
            Ok((part, rest.get(1..).unwrap_or_default()))
        }
        _ => {
            let end = memchr::memchr2(b'<', b'\\', template).unwrap_or(template.len());
            let (text, rest) = template.split_at_checked(end).ok_or(Fault::Open(at))?;
            Ok((Part::Text(text), rest))
        }
    }
}

/// Where the `>` is that no backslash stands before.
fn closing(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|&b| {
        let found = b == b'>' && !escaped;
        escaped = b == b'\\' && !escaped;
        found
    })
}

/// The texts between `|` that no backslash stands before.
fn alternatives(inner: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut escaped = false;
    inner.split(move |&b| {
        let found = b == b'|' && !escaped;
        escaped = b == b'\\' && !escaped;
        found
    })
}

/// The bytes of a text in which backslashes escape.
fn unescaped(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut escaped = false;
    text.iter().copied().filter(move |&b| {
        escaped = b == b'\\' && !escaped;
        !escaped
    })
}

fn is_in(chars: &[u8], byte: u8) -> bool {
    unescaped(chars).any(|b| b == byte)
}

/// The length of an alternative that the text starts with.
fn prefix_len(text: &[u8], alternative: &[u8]) -> Option<usize> {
    let mut len = 0;
    for byte in unescaped(alternative) {
        if text.get(len) != Some(&byte) {
            return None;
        }
        len += 1;
    }
    Some(len)
}

/// The programs that a template is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Programs<'t> {
    /// None is named: the template is the line as it stands in the file, behind a date that
    /// [`own_record`](super::Filter::own_record) knows.
    Line,
    /// `<prog:*>`: the message of any line that names a program as syslog does.
    Any,
    /// `<prog:a|b>`: the message of a line that names one of these.
    Named(&'t [u8]),
}

impl Programs<'_> {
    /// Whether a program of this name is one of them.
    #[must_use]
    pub fn have(self, program: &[u8]) -> bool {
        match self {
            Self::Line => false,
            Self::Any => true,
            Self::Named(names) => alternatives(names).any(|name| prefix_len(program, name) == Some(program.len())),
        }
    }
}

/// Splits `<prog:NAME>`, and spaces behind it, off an operator's template.
///
/// Which program wrote a line is said by the line's head, not by its text. A template that names none says how the line
/// begins instead, since in a file that no syslog daemon writes a text that looks like a program's name may be the peer's:
/// in `2026-11-24 10:00:00 GET /x: login failed from 9.9.9.9` it asked for the path `/x: login failed from 9.9.9.9`. With
/// `<prog:*>` a template trusts every program that can write to the log, and so whoever can run `logger`.
#[must_use]
pub fn programs(template: &[u8]) -> (Programs<'_>, &[u8]) {
    let line = (Programs::Line, template);
    let Some(rest) = template.strip_prefix(PROGRAM) else { return line };
    let Some((names, rest)) = closing(rest).and_then(|end| rest.split_at_checked(end)) else { return line };
    let body = rest.get(1..).unwrap_or_default().trim_ascii_start();
    (if names == b"*" { Programs::Any } else { Programs::Named(names) }, body)
}

/// What begins the part that names programs.
const PROGRAM: &[u8] = b"<prog:";

/// A set of places in a message, its end included.
struct Places([u64; limits::LINE / 64 + 1]);

impl Places {
    const fn none() -> Self {
        Self([0; limits::LINE / 64 + 1])
    }

    fn has(&self, at: usize) -> bool {
        self.0.get(at / 64).is_some_and(|word| word >> (at % 64) & 1 == 1)
    }

    fn add(&mut self, at: usize) {
        if let Some(word) = self.0.get_mut(at / 64) {
            *word |= 1 << (at % 64);
        }
    }
}

/// Whose failure this message is, by the first of the templates that it is of; nobody's if that is not certain.
///
/// Each must be one that [`check`] accepts; another matches nothing. So do messages longer than [`limits::LINE`].
#[inline(never)]
pub fn first(templates: &[&str], message: &[u8]) -> Option<Addr> {
    templates.iter().find_map(|template| match read(template.as_bytes(), message) {
        Found::No => None,
        Found::Peer(addr) => Some(Some(addr)),
        Found::Nobody | Found::Ambiguous => Some(None),
    })?
}

/// What this message is by this template.
#[must_use]
pub fn read(template: &[u8], message: &[u8]) -> Found {
    // Most lines differ in the first byte, or in the first text. Up to the first `<*>` or address there is one way only.
    let mut rest = template;
    let mut at = if template.starts_with(b" ") { 0 } else { message.len() - message.trim_ascii_start().len() };
    if template.first() != message.get(at) && !matches!(template.first(), Some(b'<' | b'\\')) {
        return Found::No;
    }
    while let Ok((part, after)) = part(rest) {
        let spaces = rest.len() == template.len() && at > 0;
        if matches!(part, Part::Any | Part::OneOf(_) | Part::Addr | Part::Peer)
            || (spaces && matches!(part, Part::Until(_)))
        {
            break;
        }
        match step(part, message, at) {
            Some(next) => at = next,
            None => return Found::No,
        }
        rest = after;
        if rest.is_empty() {
            return if at >= message.trim_ascii_end().len() { Found::Nobody } else { Found::No };
        }
    }
    search(rest, message, if rest.len() == template.len() { 0 } else { at }, at)
}

/// Whether a part that takes as much as there is takes this byte.
fn belongs(run: Part<'_>, byte: u8) -> bool {
    match run {
        Part::Word => byte != b' ',
        Part::Digits => byte.is_ascii_digit(),
        Part::Until(chars) => !is_in(chars, byte),
        _ => false,
    }
}

/// How many bytes it takes at least.
fn least(run: Part<'_>) -> usize {
    if matches!(run, Part::Until(_)) { 0 } else { 1 }
}

/// Where a part ends that starts at `at` and can end in one place only.
fn step(part: Part<'_>, message: &[u8], at: usize) -> Option<usize> {
    let text = message.get(at..)?;
    match part {
        Part::Text(literal) => text.starts_with(literal).then_some(at + literal.len()),
        Part::Word | Part::Digits | Part::Until(_) => {
            let len = text.iter().position(|&b| !belongs(part, b)).unwrap_or(text.len());
            (len >= least(part)).then_some(at + len)
        }
        Part::Any | Part::OneOf(_) | Part::Addr | Part::Peer => None,
    }
}

/// Reads the rest of a template from any place of `start` to `last` on.
#[inline(never)]
fn search(template: &[u8], message: &[u8], start: usize, last: usize) -> Found {
    if message.len() > limits::LINE {
        return Found::No;
    }
    let mut parts = Vec::<Part<'_>, PARTS>::new();
    let mut rest = template;
    while !rest.is_empty() {
        let Ok((part, after)) = part(rest) else { return Found::No };
        if parts.push(part).is_err() {
            return Found::No;
        }
        rest = after;
    }
    // Cheap, and true of few other messages: it has all the texts, in their order.
    let mut left = message.get(start..).unwrap_or_default();
    for part in &parts {
        if let Part::Text(literal) = part {
            match super::pattern::split_first(left, literal) {
                Some((_, behind)) => left = behind,
                None => return Found::No,
            }
        }
    }
    let address = parts.iter().position(|part| matches!(part, Part::Addr | Part::Peer));
    let before = parts.get(..address.unwrap_or(parts.len())).unwrap_or_default();
    let end = message.trim_ascii_end().len();
    let mut starts = Places::none();
    (start..=last).for_each(|at| starts.add(at));
    for part in before {
        match forward(*part, message, &starts, start) {
            Some(next) => starts = next,
            None => return Found::No,
        }
    }
    let Some(address) = address else {
        let over = (end..=message.len()).any(|at| starts.has(at));
        return if over { Found::Nobody } else { Found::No };
    };
    let after = parts.get(address + 1..).unwrap_or_default();
    let mut ends = Places::none();
    (end..=message.len()).for_each(|at| ends.add(at));
    for part in after.iter().rev() {
        match backward(*part, message, &ends, start) {
            Some(next) => ends = next,
            None => return Found::No,
        }
    }
    let with_port = parts.get(address) == Some(&Part::Peer);
    let opened = matches!(before.last(), None | Some(Part::Text(_)));
    let mut found = Found::No;
    // Some place may be the address's by what is around it, and has a word that is none.
    let mut other = false;
    // The rest of the template fits somewhere behind this place and before the next space.
    let mut fits = false;
    for at in (start..message.len()).rev() {
        fits = message.get(at) != Some(&b' ') && (fits || ends.has(at + 1));
        if !fits
            || !starts.has(at)
            || (!opened && at.checked_sub(1).and_then(|last| message.get(last)).is_some_and(|b| continues(*b)))
        {
            continue;
        }
        let longest = if with_port { TEXT_MAX + "[]:65535".len() } else { TEXT_MAX };
        let last = message.len().min(at + longest);
        // The longest reading is the address as it stands there.
        let addr =
            (at + 1..=last).rev().filter(|end| ends.has(*end) && !cuts(message, *end, after.first())).find_map(|end| {
                let text = message.get(at..end)?;
                if with_port { super::pattern::host_port(text) } else { Addr::parse(text).ok() }
            });
        match (addr, found) {
            (None, _) => other = true,
            (Some(addr), Found::No) => found = Found::Peer(addr),
            (Some(addr), Found::Peer(seen)) if addr == seen => {}
            _ => return Found::Ambiguous,
        }
    }
    match found {
        Found::Peer(_) if other => Found::Ambiguous,
        _ => found,
    }
}

/// Whether a byte may belong to an address, a name or a number beside it.
const fn continues(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'%')
}

/// Whether an address that ends at `end` would be cut out of something longer.
fn cuts(message: &[u8], end: usize, next: Option<&Part<'_>>) -> bool {
    let (Some(&byte), second) = (message.get(end), message.get(end + 1)) else { return false };
    let asked = |byte| matches!(next, Some(Part::Text(literal)) if literal.first() == Some(&byte));
    match byte {
        b'.' => second.is_some_and(|b| continues(*b)),
        b':' => !asked(b':') && second.is_some_and(|b| continues(*b)),
        _ => continues(byte) && !asked(byte) || byte.is_ascii_alphanumeric(),
    }
}

/// Where a part may end that starts at one of these places; `None` if nowhere.
fn forward(part: Part<'_>, message: &[u8], from: &Places, start: usize) -> Option<Places> {
    let mut to = Places::none();
    if part == Part::Any {
        let first = (start..=message.len()).find(|at| from.has(*at))?;
        (first..=message.len()).for_each(|at| to.add(at));
        return Some(to);
    }
    let mut any = false;
    spans(part, message, start, &mut |at, end| {
        if from.has(at) {
            to.add(end);
            any = true;
        }
    });
    any.then_some(to)
}

/// Where a part may start that ends at one of these places; `None` if nowhere.
fn backward(part: Part<'_>, message: &[u8], to: &Places, start: usize) -> Option<Places> {
    let mut from = Places::none();
    if part == Part::Any {
        let last = (start..=message.len()).rev().find(|at| to.has(*at))?;
        (start..=last).for_each(|at| from.add(at));
        return Some(from);
    }
    let mut any = false;
    spans(part, message, start, &mut |at, end| {
        if to.has(end) {
            from.add(at);
            any = true;
        }
    });
    any.then_some(from)
}

/// Tells from where to where a part may go, from `start` on; not for `<*>`, which may go anywhere.
#[inline(never)]
fn spans(part: Part<'_>, message: &[u8], start: usize, tell: &mut dyn FnMut(usize, usize)) {
    let rest = message.get(start..).unwrap_or_default();
    match part {
        Part::Text(literal) => {
            let Some(first) = literal.first() else { return };
            for at in memchr::memchr_iter(*first, rest) {
                if rest.get(at..).is_some_and(|text| text.starts_with(literal)) {
                    tell(start + at, start + at + literal.len());
                }
            }
        }
        Part::OneOf(inner) => {
            for at in start..=message.len() {
                let text = message.get(at..).unwrap_or_default();
                alternatives(inner).filter_map(|one| prefix_len(text, one)).for_each(|len| tell(at, at + len));
            }
        }
        _ => {
            let mut end = message.len();
            for at in (start..=message.len()).rev() {
                if !message.get(at).is_some_and(|b| belongs(part, *b)) {
                    end = at;
                }
                if end - at >= least(part) {
                    tell(at, end);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
