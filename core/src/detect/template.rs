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
//!
//! A backslash takes the next byte as it is: `\<`, `\>`, `\\`, `\|`. A template speaks of the whole message: without `<*>` at its
//! end, nothing may follow.
//!
//! All parts but `<*>` take as much as there is. `<*>` may end anywhere: a message that can be read in two ways which give
//! different addresses gives none, so that nobody can write a line that counts against somebody else. An address
//! is only taken whole: `192.0.2.1` is not read from `192.0.2.1.example.com`, `192.0.2.10` or `x192.0.2.1`.
//!
//! The time it takes is the message's length times the template's, whatever the message holds: sets of places are carried
//! along instead of trying one way after the other.

use crate::addr::{Addr, TEXT_MAX};
use crate::limits;
use heapless::Vec;

/// Parts of one template.
pub const PARTS: usize = 32;

/// Why a text is no template, and at which byte of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// `<` without `>`.
    Open(usize),
    /// No part of this name.
    Unknown(usize),
    /// A second `<ADDR>` or `<PEER>`.
    SecondAddress(usize),
    /// Neither `<ADDR>` nor `<PEER>`.
    NoAddress,
    /// `<*>`, `<WORD>`, `<N>` or `<^...>` right before the address: where it starts would be a guess.
    Adjacent(usize),
    /// More than [`PARTS`] parts.
    TooMany(usize),
    /// A backslash at the end.
    Escape(usize),
}

/// What a message is by a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Found {
    /// Another message.
    No,
    /// This message, about this peer.
    Peer(Addr),
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

/// Makes sure that a text is a template.
///
/// # Errors
/// The first fault, with its place in bytes.
pub fn check(template: &[u8]) -> Result<(), Fault> {
    let mut rest = template;
    let mut seen = false;
    let mut parts = 0;
    let mut before = None;
    while !rest.is_empty() {
        let at = template.len() - rest.len();
        let (part, after) = part(rest).map_err(|fault| match fault {
            Fault::Open(_) => Fault::Open(at),
            Fault::Escape(_) => Fault::Escape(at),
            _ => Fault::Unknown(at),
        })?;
        parts += 1;
        if parts > PARTS {
            return Err(Fault::TooMany(at));
        }
        if matches!(part, Part::Addr | Part::Peer) {
            if seen {
                return Err(Fault::SecondAddress(at));
            }
            seen = true;
            if matches!(before, Some(Part::Any | Part::Word | Part::Digits | Part::Until(_))) {
                return Err(Fault::Adjacent(at));
            }
        }
        before = Some(part);
        rest = after;
    }
    if seen { Ok(()) } else { Err(Fault::NoAddress) }
}

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
        Found::Ambiguous => Some(None),
    })?
}

/// What this message is by this template.
#[must_use]
pub fn read(template: &[u8], message: &[u8]) -> Found {
    // Most lines differ in the first text. Up to the first `<*>` or address there is one way only.
    let mut rest = template;
    let mut at = 0;
    while let Ok((part, after)) = part(rest) {
        if matches!(part, Part::Any | Part::OneOf(_) | Part::Addr | Part::Peer) {
            break;
        }
        match step(part, message, at) {
            Some(next) => at = next,
            None => return Found::No,
        }
        rest = after;
        if rest.is_empty() {
            return Found::No;
        }
    }
    search(rest, message, at)
}

/// Where a part ends that starts at `at` and can end in one place only.
fn step(part: Part<'_>, message: &[u8], at: usize) -> Option<usize> {
    let text = message.get(at..)?;
    let run = |is_in: &dyn Fn(u8) -> bool| text.iter().position(|&b| !is_in(b)).unwrap_or(text.len());
    match part {
        Part::Text(literal) => text.starts_with(literal).then_some(at + literal.len()),
        Part::Word => Some(run(&|b| b != b' ')).filter(|len| *len > 0).map(|len| at + len),
        Part::Digits => Some(run(&|b| b.is_ascii_digit())).filter(|len| *len > 0).map(|len| at + len),
        Part::Until(chars) => Some(at + run(&|b| !is_in(chars, b))),
        Part::Any | Part::OneOf(_) | Part::Addr | Part::Peer => None,
    }
}

/// Reads the rest of a template from the place `start` on.
#[inline(never)]
fn search(template: &[u8], message: &[u8], start: usize) -> Found {
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
    let Some(address) = parts.iter().position(|part| matches!(part, Part::Addr | Part::Peer)) else { return Found::No };
    let (Some(before), Some(after)) = (parts.get(..address), parts.get(address + 1..)) else { return Found::No };
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
    let mut starts = Places::none();
    starts.add(start);
    for part in before {
        match forward(*part, message, &starts, start) {
            Some(next) => starts = next,
            None => return Found::No,
        }
    }
    let mut ends = Places::none();
    ends.add(message.len());
    for part in after.iter().rev() {
        match backward(*part, message, &ends, start) {
            Some(next) => ends = next,
            None => return Found::No,
        }
    }
    let with_port = parts.get(address) == Some(&Part::Peer);
    let opened = matches!(before.last(), None | Some(Part::Text(_)));
    let mut found = Found::No;
    for at in (start..message.len()).filter(|at| starts.has(*at)) {
        if !opened && at.checked_sub(1).and_then(|last| message.get(last)).is_some_and(|b| continues(*b)) {
            continue;
        }
        let longest = if with_port { TEXT_MAX + "[]:65535".len() } else { TEXT_MAX };
        let last = message.len().min(at + longest);
        // The longest reading is the address as it stands there.
        for end in (at + 1..=last).rev().filter(|end| ends.has(*end)) {
            if cuts(message, end, after.first()) {
                continue;
            }
            let text = message.get(at..end).unwrap_or_default();
            let addr = if with_port { super::pattern::host_port(text) } else { Addr::parse(text).ok() };
            match (addr, found) {
                (None, _) => continue,
                (Some(addr), Found::No) => found = Found::Peer(addr),
                (Some(addr), Found::Peer(other)) if addr == other => {}
                _ => return Found::Ambiguous,
            }
            break;
        }
    }
    found
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

/// Where a part may end that starts at one of these places.
fn forward(part: Part<'_>, message: &[u8], from: &Places, start: usize) -> Option<Places> {
    let mut to = Places::none();
    let mut any = false;
    let mut reach = |at| {
        any = true;
        to.add(at);
    };
    match part {
        Part::Any => {
            let first = (start..=message.len()).find(|at| from.has(*at))?;
            (first..=message.len()).for_each(reach);
        }
        Part::OneOf(inner) => {
            for at in (start..=message.len()).filter(|at| from.has(*at)) {
                let text = message.get(at..).unwrap_or_default();
                alternatives(inner).filter_map(|one| prefix_len(text, one)).for_each(|len| reach(at + len));
            }
        }
        Part::Text(literal) => {
            let (first, _) = literal.split_first()?;
            for found in memchr::memchr_iter(*first, message.get(start..)?) {
                let at = start + found;
                if from.has(at) && message.get(at..)?.starts_with(literal) {
                    reach(at + literal.len());
                }
            }
        }
        _ => runs(part, message, start, |at, end| {
            if from.has(at) {
                reach(end);
            }
        }),
    }
    any.then_some(to)
}

/// Where a part may start that ends at one of these places.
fn backward(part: Part<'_>, message: &[u8], to: &Places, start: usize) -> Option<Places> {
    let mut from = Places::none();
    let mut any = false;
    let mut reach = |at| {
        any = true;
        from.add(at);
    };
    match part {
        Part::Any => {
            let last = (start..=message.len()).rev().find(|at| to.has(*at))?;
            (start..=last).for_each(reach);
        }
        Part::OneOf(inner) => {
            for at in start..=message.len() {
                let text = message.get(at..).unwrap_or_default();
                if alternatives(inner).filter_map(|one| prefix_len(text, one)).any(|len| to.has(at + len)) {
                    reach(at);
                }
            }
        }
        Part::Text(literal) => {
            let (first, _) = literal.split_first()?;
            for found in memchr::memchr_iter(*first, message.get(start..)?) {
                let at = start + found;
                if to.has(at + literal.len()) && message.get(at..)?.starts_with(literal) {
                    reach(at);
                }
            }
        }
        _ => runs(part, message, start, |at, end| {
            if to.has(end) {
                reach(at);
            }
        }),
    }
    any.then_some(from)
}

/// Tells for each place where a run that starts there ends, from the last place to the first.
fn runs(part: Part<'_>, message: &[u8], start: usize, mut tell: impl FnMut(usize, usize)) {
    let (least, belongs): (usize, &dyn Fn(u8) -> bool) = match part {
        Part::Word => (1, &|b| b != b' '),
        Part::Digits => (1, &|b| b.is_ascii_digit()),
        Part::Until(chars) => (0, &|b| !is_in(chars, b)),
        _ => return,
    };
    let mut end = message.len();
    for at in (start..=message.len()).rev() {
        if !message.get(at).is_some_and(|b| belongs(*b)) {
            end = at;
        }
        if end - at >= least {
            tell(at, end);
        }
    }
}

#[cfg(test)]
mod tests;
