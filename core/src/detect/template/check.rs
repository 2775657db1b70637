//! What is no template, why, and where; and what is one, but a doubtful one.

use super::{PARTS, PROGRAM, Part, alternatives, belongs, part, programs, unescaped};
use core::fmt;

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
    /// A part that takes as much as there is, before a text that it takes, too: nothing would ever match.
    Never(usize),
    /// More than [`PARTS`] parts.
    TooMany(usize),
    /// A backslash at the end.
    Escape(usize),
    /// Something of regular expressions, which a template is not.
    Regex(usize),
    /// `<prog:...>` behind the start, or without a name.
    Program(usize),
    /// Nothing by which to know the message.
    NoText,
    /// A space at the start or end, where messages have none.
    Space(usize),
    /// A newline.
    Newline(usize),
}

/// What an operator's template is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Use {
    /// The messages that count. It names the peer.
    Match,
    /// Those of them that do not. It need not name anybody.
    Ignore,
}

/// Why a template that is one may not do what its author thinks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Doubt {
    /// The address, or the text of a template to ignore, stands between two `<*>`.
    Between(Use),
    /// It begins with `<*>`.
    Begins(Use),
}

/// A fault, and the template that has it: prints as what is wrong, then what was expected.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'t>(pub Fault, pub &'t str);

/// Makes sure that a text is a template.
///
/// # Errors
/// The first fault, with its place in bytes.
pub fn check(template: &[u8]) -> Result<(), Fault> {
    if parts(template, 0)? { Ok(()) } else { Err(Fault::NoAddress) }
}

/// Makes sure that a text is a template as operators may write them: also with [`programs`], and nothing that only looks
/// like one.
///
/// # Errors
/// The first fault, with its place in bytes.
pub fn check_custom(template: &[u8], of: Use) -> Result<(), Fault> {
    let (_, body) = programs(template);
    let start = template.len() - body.len();
    if let Some(names) = template.strip_prefix(PROGRAM) {
        let names = names.get(..super::closing(names).ok_or(Fault::Open(0))?).unwrap_or_default();
        if alternatives(names).any(|name| name.is_empty() || name.contains(&b' ')) {
            return Err(Fault::Program(0));
        }
    }
    let named = match (plain(template, start), parts(body, start)) {
        (Ok(()), named) => named?,
        (Err(fault), Err(other)) if other.at() < fault.at() => return Err(other),
        (Err(fault), _) => return Err(fault),
    };
    if !named && of == Use::Match {
        return Err(Fault::NoAddress);
    }
    match body {
        [b' ', ..] => Err(Fault::Space(start)),
        [.., b' '] => Err(Fault::Space(template.len() - 1)),
        _ if !has_text(body) => Err(Fault::NoText),
        _ => Ok(()),
    }
}

/// Looks at each part; whether one of them is the address.
fn parts(body: &[u8], start: usize) -> Result<bool, Fault> {
    let mut rest = body;
    let mut seen = false;
    let mut parts = 0;
    let mut before = None;
    let mut place = start;
    while !rest.is_empty() {
        let at = start + body.len() - rest.len();
        let (part, after) = part(rest).map_err(|fault| match fault {
            Fault::Open(_) => Fault::Open(at),
            Fault::Escape(_) => Fault::Escape(at),
            _ if rest.starts_with(PROGRAM) => Fault::Program(at),
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
        if let (Some(run), Part::Text(text)) = (before, part)
            && text.first().is_some_and(|byte| belongs(run, *byte))
        {
            return Err(Fault::Never(place));
        }
        before = Some(part);
        place = at;
        rest = after;
    }
    Ok(seen)
}

/// Refuses a newline, and what looks like a regular expression.
fn plain(template: &[u8], start: usize) -> Result<(), Fault> {
    if let Some(at) = memchr::memchr(b'\n', template) {
        return Err(Fault::Newline(at));
    }
    let mut at = start;
    while let Some(rest) = template.get(at..).filter(|rest| !rest.is_empty()) {
        let taken = match rest {
            [b'\\', letter, ..] if letter.is_ascii_alphanumeric() => return Err(Fault::Regex(at)),
            [b'\\', _, ..] => 2,
            [b'<', inner @ ..] => match super::closing(inner) {
                Some(end) => end + 2,
                None => return Err(Fault::Open(at)),
            },
            [b'.', b'*' | b'+', ..] | [b'(', b'?', ..] | [b'[', b'^', ..] => return Err(Fault::Regex(at)),
            [b'^', ..] if at == start => return Err(Fault::Regex(at)),
            [b'$'] => return Err(Fault::Regex(at)),
            _ => 1,
        };
        at += taken;
    }
    Ok(())
}

/// The parts of a template that [`parts`] accepts.
fn each(body: &[u8]) -> impl Iterator<Item = Part<'_>> {
    let mut rest = body;
    core::iter::from_fn(move || {
        let (part, after) = part(rest).ok().filter(|_| !rest.is_empty())?;
        rest = after;
        Some(part)
    })
}

/// Whether a part is text to know a message by.
fn is_text(part: Part<'_>) -> bool {
    match part {
        Part::Text(text) => text.iter().any(u8::is_ascii_alphanumeric),
        Part::OneOf(inner) => alternatives(inner).all(|one| unescaped(one).any(|b| b.is_ascii_alphanumeric())),
        _ => false,
    }
}

fn has_text(body: &[u8]) -> bool {
    each(body).any(is_text)
}

/// What is doubtful about an operator's template.
#[must_use]
pub fn doubt(template: &[u8], of: Use) -> Option<Doubt> {
    let (_, body) = programs(template);
    let (mut found, mut any, mut told) = (None, false, false);
    for (n, part) in each(body).enumerate() {
        match part {
            Part::Any if told => return Some(Doubt::Between(of)),
            Part::Any => {
                any = true;
                if n == 0 {
                    found = Some(Doubt::Begins(of));
                }
            }
            Part::Addr | Part::Peer if of == Use::Match => told |= any,
            _ => told |= any && of == Use::Ignore && is_text(part),
        }
    }
    found
}

impl Fault {
    /// The byte of the template that it is about.
    #[must_use]
    pub const fn at(self) -> usize {
        match self {
            Self::Open(at)
            | Self::Unknown(at)
            | Self::SecondAddress(at)
            | Self::Adjacent(at)
            | Self::Never(at)
            | Self::TooMany(at)
            | Self::Escape(at)
            | Self::Regex(at)
            | Self::Program(at)
            | Self::Space(at)
            | Self::Newline(at) => at,
            Self::NoAddress | Self::NoText => 0,
        }
    }
}

/// What the parts are, for who wrote one that is none.
const PARTS_ARE: &str = "<ADDR>, <PEER>, <*>, <WORD>, <N>, <^CHARS> or <a|b>; `\\<` for the sign itself";

impl Explained<'_> {
    /// The piece of the template that is wrong.
    fn piece(&self) -> &str {
        let rest = self.1.get(self.0.at()..).unwrap_or_default();
        let end = match self.0 {
            Fault::Regex(_) if rest.starts_with("(?P<") => rest.find('>').map_or(rest.len(), |end| end + 1),
            Fault::Regex(_) if rest.starts_with(['^', '$']) => 1,
            Fault::Regex(_) => 2,
            _ => super::closing(rest.as_bytes()).map_or(rest.len(), |end| end + 1),
        };
        rest.get(..end).unwrap_or(rest)
    }
}

impl fmt::Display for Explained<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let piece = self.piece();
        match self.0 {
            Fault::Open(_) => f.write_str("`<` without its `>`, expected a part, or `\\<` for the sign itself"),
            Fault::Unknown(_) => {
                write!(f, "unknown part `{piece}`, ")?;
                let name = piece.trim_matches(['<', '>']);
                let is = |words: &[&str]| words.iter().any(|word| word.eq_ignore_ascii_case(name));
                if is(&["HOST", "IP", "IP4", "IP6", "ADDR", "ADDRESS", "CIDR", "SUBNET"]) {
                    f.write_str("write <ADDR> where the peer's address stands")
                } else if is(&["ANY", "USER", "TEXT"]) || name.starts_with("F-") {
                    f.write_str("write <*> for any text, or <WORD> for one without spaces")
                } else if is(&["NUMBER", "NUM", "DIGITS", "INT"]) || piece == "<n>" {
                    f.write_str("write <N> for digits")
                } else {
                    write!(f, "expected {PARTS_ARE}")
                }
            }
            Fault::SecondAddress(_) => write!(f, "`{piece}` is a second address, expected one in a template"),
            Fault::NoAddress => f.write_str("no address, expected <ADDR> or <PEER> where the peer's stands"),
            Fault::Adjacent(_) => {
                write!(
                    f,
                    "`{piece}` right behind a part that varies, expected text between: where it starts would be a guess"
                )
            }
            Fault::Never(_) => {
                let text = self
                    .1
                    .get(self.0.at() + piece.len()..)
                    .and_then(|rest| rest.trim_start_matches('\\').chars().next());
                let next = text.unwrap_or_default();
                write!(
                    f,
                    "`{piece}` takes as much as there is, the `{next}` behind it, too, so nothing would ever match: "
                )?;
                write!(f, "write <^{next}> for what goes up to `{next}`")
            }
            Fault::TooMany(_) => {
                write!(f, "`{piece}` is one too many, expected at most {PARTS} parts and texts between")
            }
            Fault::Escape(_) => f.write_str("a backslash at the end, expected the sign that it is for"),
            Fault::Regex(_) => {
                write!(f, "`{piece}` is of regular expressions, and a template is none: ")?;
                f.write_str(match piece {
                    ".*" | ".+" => "write <*> for any text",
                    r"\d" => "write <N> for digits",
                    r"\S" | r"\w" => "write <WORD> for text without spaces",
                    r"\s" => "write the space",
                    "[^" => "write <^CHARS> for what goes up to one of these",
                    "^" | "$" => "it speaks of the whole message as it is",
                    _ if piece.starts_with("(?P<") => "write <ADDR> where the peer's address stands",
                    "(?" => "write <a|b> for one of some texts",
                    _ => "write the text as it is logged",
                })?;
                f.write_str("; for this text itself put a `\\` before its signs")
            }
            Fault::Program(_) => f.write_str("expected <prog:NAME>, <prog:a|b> or <prog:*>, and only at the start"),
            Fault::NoText => f.write_str("no text by which to know the message, expected some of it"),
            Fault::Space(_) => f.write_str("a space at the start or end, where messages have none"),
            Fault::Newline(_) => f.write_str("a new line, and a message is one line"),
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Between(Use::Match) => {
                "the address stands between two <*>: a peer who chooses both texts can write the address twice and so hide"
            }
            Self::Between(Use::Ignore) => "its text stands between two <*>: a peer who chooses either text can write it and so hide",
            Self::Begins(Use::Match) => {
                "it begins with <*>: any message that ends in a peer's own text may count, against whom that peer names"
            }
            Self::Begins(Use::Ignore) => "it begins with <*>: a peer who chooses how a message ends can hide",
        })
    }
}
