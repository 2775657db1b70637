//! A decoded key or string: a piece of the file where it has no escapes, else a copy in a fixed buffer.

use crate::limits;
use heapless::String;
use toml_parser::decoder::StringBuilder;

/// Bytes of a string with escapes or underscores: a whole `ignoreip` list in one string (46 bytes an address, a prefix
/// length, a separator, some escapes).
const CAPACITY: usize = limits::IGNOREIP * 64;

static_assertions::const_assert!(CAPACITY > limits::PATH + 1);

/// What `toml_parser` decodes into.
pub(super) struct Text<'t> {
    piece: &'t str,
    copy: String<CAPACITY>,
    copied: bool,
    /// The string was longer than the buffer.
    pub full: bool,
}

impl<'t> Text<'t> {
    pub(super) const fn new() -> Self {
        Self { piece: "", copy: String::new(), copied: false, full: false }
    }

    /// How much a string that has to be copied may hold.
    pub(super) const CAPACITY: usize = CAPACITY;

    pub(super) fn as_str(&self) -> &str {
        if self.copied { &self.copy } else { self.piece }
    }

    fn append(&mut self, more: &str) -> bool {
        if !self.copied {
            self.copied = true;
            self.full |= self.copy.push_str(self.piece).is_err();
        }
        self.full |= self.copy.push_str(more).is_err();
        !self.full
    }
}

impl<'t> StringBuilder<'t> for Text<'t> {
    fn clear(&mut self) {
        self.piece = "";
        self.copy.clear();
        self.copied = false;
        self.full = false;
    }

    fn push_str(&mut self, append: &'t str) -> bool {
        if append.is_empty() {
            true
        } else if !self.copied && self.piece.is_empty() {
            self.piece = append;
            true
        } else {
            self.append(append)
        }
    }

    fn push_char(&mut self, append: char) -> bool {
        self.append(append.encode_utf8(&mut [0; 4]))
    }
}

/// Where in a string, as it is written with its quotes, the byte stands that it has at `at` when it is decoded.
pub(super) fn place(written: &str, at: usize) -> usize {
    let bytes = written.as_bytes();
    let (open, escapes) = match bytes {
        [b'\'', b'\'', b'\'', ..] => (3, false),
        [b'"', b'"', b'"', ..] => (3, true),
        [b'"', ..] => (1, true),
        _ => (1, false),
    };
    let mut here = open;
    if open == 3 {
        // A newline behind the quotes is none of the string's.
        here += match bytes.get(open..) {
            Some([b'\r', b'\n', ..]) => 2,
            Some([b'\n', ..]) => 1,
            _ => 0,
        };
    }
    let mut left = at;
    while let Some(rest) = bytes.get(here..) {
        let (takes, gives) = match rest {
            [b'\\', b' ' | b'\t' | b'\r' | b'\n', tail @ ..] if escapes => {
                (2 + tail.iter().take_while(|b| b.is_ascii_whitespace()).count(), 0)
            }
            _ if left == 0 => break,
            [b'\\', b'x', ..] if escapes => (4, coded(written, here + 2, 2)),
            [b'\\', b'u', ..] if escapes => (6, coded(written, here + 2, 4)),
            [b'\\', b'U', ..] if escapes => (10, coded(written, here + 2, 8)),
            [b'\\', ..] if escapes => (2, 1),
            [] => break,
            _ => (1, 1),
        };
        // A byte inside of a character that an escape stands for.
        if gives > left {
            break;
        }
        here += takes;
        left -= gives;
    }
    here
}

/// How many bytes the character takes whose number stands there.
fn coded(written: &str, at: usize, digits: usize) -> usize {
    let number = written.get(at..at + digits).and_then(|digits| u32::from_str_radix(digits, 16).ok());
    number.and_then(char::from_u32).map_or(1, char::len_utf8)
}

#[cfg(test)]
mod tests {
    use super::{Text, place};
    use proptest::prelude::*;
    use std::string::String;
    use std::vec::Vec;
    use toml_parser::decoder::Encoding;
    use toml_parser::{ParseError, Raw, Span};

    /// What is decoded, how it is written between single quotes, if it can be, and how between double ones.
    type Way = (&'static str, Option<&'static str>, &'static [&'static str]);

    const WAYS: &[Way] = &[
        ("a", Some("a"), &["a", "\\x61", "\\u0061", "\\U00000061"]),
        ("<", Some("<"), &["<", "\\u003c"]),
        ("\\", Some("\\"), &["\\\\", "\\u005C"]),
        ("\"", Some("\""), &["\\\""]),
        ("\t", Some("\t"), &["\t", "\\t"]),
        ("é", Some("é"), &["é", "\\u00e9", "\\xe9"]),
        ("😀", Some("😀"), &["😀", "\\U0001F600"]),
    ];

    /// The same between three quotes.
    const MORE_WAYS: &[Way] = &[("y", Some("y"), &["\\\n  y", "\\ \n\n\ty"]), ("\n", Some("\n"), &["\n", "\\n"])];

    fn check(encoding: Encoding, quote: &str, picks: &[(usize, usize)]) {
        let many = quote.len() == 3;
        let ways: Vec<Way> = WAYS.iter().chain(MORE_WAYS.iter().filter(|_| many)).copied().collect();
        // A newline behind the quotes is none of the string's.
        let skipped = ["", "\n", "\r\n"][if many { picks.len() % 3 } else { 0 }];
        let (mut decoded, mut written, mut places) = (String::new(), [quote, skipped].concat(), Vec::new());
        if many {
            decoded.push('x');
            written.push('x');
        }
        for (pick, way) in picks {
            let (text, single, double) = ways[pick % ways.len()];
            let way = if quote.starts_with('"') { double[way % double.len()] } else { single.unwrap_or_default() };
            // What ends a line and indents the next stands for nothing.
            let before = if text == "y" { way.len() - 1 } else { 0 };
            places.push((decoded.len(), written.len() + before));
            decoded.push_str(text);
            written.push_str(way);
        }
        written.push_str(quote);
        let mut text = Text::new();
        let mut error: Option<ParseError> = None;
        let span = Span::new_unchecked(0, written.len());
        let _ = Raw::new_unchecked(&written, Some(encoding), span).decode_scalar(&mut text, &mut error);
        assert!(error.is_none(), "{error:?} {written}");
        assert_eq!(text.as_str(), decoded);
        for (at, want) in places {
            assert_eq!(place(&written, at), want, "byte {at} of {written}");
        }
        assert_eq!(place(&written, decoded.len()), written.len() - quote.len());
    }

    proptest! {
        #[test]
        fn every_byte_is_found_where_it_was_written(picks in prop::collection::vec((0..9usize, 0..4usize), 0..12)) {
            check(Encoding::LiteralString, "'", &picks);
            check(Encoding::BasicString, "\"", &picks);
            check(Encoding::MlLiteralString, "\'\'\'", &picks);
            check(Encoding::MlBasicString, "\"\"\"", &picks);
        }
    }
}
