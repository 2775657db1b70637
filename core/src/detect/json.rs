//! JSON log lines: one object a line, read in place.
//!
//! A key counts only in the object that is asked, never inside a string or another object, and a key that is there twice
//! makes the line nobody's. What a peer writes stands in strings, from which nothing leads out: a line with a string that
//! is not escaped as JSON demands is no object, or one in which a key is there twice.
//!
//! Accepted beyond JSON: `\xHH` in strings, as nginx and Apache escape. Not checked: the form of numbers, and UTF-8.

use crate::addr::Addr;
use memchr::memchr2;

/// Levels of objects and arrays that are followed, a bit each; log lines have a handful.
pub const DEPTH: u32 = u64::BITS;

/// An object whose braces, strings and members are all well formed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Object<'a>(&'a [u8]);

/// A member's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value<'a> {
    /// A string.
    Text(Text<'a>),
    /// An object.
    Object(Object<'a>),
    /// An array: what is between its brackets.
    Array(&'a [u8]),
    /// A number, `true`, `false` or `null`.
    Plain(&'a [u8]),
}

/// A string as it is written, with its escapes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Text<'a>(&'a [u8]);

impl<'a> Object<'a> {
    /// The object that fills the text.
    #[must_use]
    pub fn parse(text: &'a [u8]) -> Option<Self> {
        match value(text.trim_ascii())? {
            (Value::Object(object), []) => Some(object),
            _ => None,
        }
    }

    /// The values of these keys, where there are any; nothing if one of them is there twice.
    #[must_use]
    pub fn fields<const N: usize>(self, keys: [&str; N]) -> Option<[Option<Value<'a>>; N]> {
        let mut found = [None; N];
        self.collect(&keys, &mut found)?;
        Some(found)
    }

    #[inline(never)]
    fn collect(self, keys: &[&str], found: &mut [Option<Value<'a>>]) -> Option<()> {
        let mut rest = blank(self.0);
        while !rest.is_empty() {
            let (key, after) = string(rest)?;
            let (value, after) = value(blank(blank(after).strip_prefix(b":")?))?;
            for (_, place) in keys.iter().zip(&mut *found).filter(|(name, _)| key.is(name)) {
                if place.replace(value).is_some() {
                    return None;
                }
            }
            rest = blank(after);
            rest = rest.strip_prefix(b",").map_or(rest, blank);
        }
        Some(())
    }
}

impl<'a> Value<'a> {
    /// The string, if it is one.
    #[must_use]
    pub const fn text(self) -> Option<Text<'a>> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The object, if it is one.
    #[must_use]
    pub const fn object(self) -> Option<Object<'a>> {
        if let Self::Object(object) = self { Some(object) } else { None }
    }

    /// The number or word, if it is one.
    #[must_use]
    pub const fn plain(self) -> Option<&'a [u8]> {
        if let Self::Plain(plain) = self { Some(plain) } else { None }
    }

    /// Whether it is this string.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        self.text().is_some_and(|value| value.is(text))
    }

    /// The address that is all of the string.
    #[must_use]
    pub fn addr(self) -> Option<Addr> {
        // Nothing in an address is ever escaped.
        Addr::parse(self.text()?.raw()).ok()
    }
}

impl<'a> Text<'a> {
    /// The string as it is written.
    #[must_use]
    pub const fn raw(self) -> &'a [u8] {
        self.0
    }

    /// The string's bytes. Of what is escaped by number, only ASCII is told apart: the rest is 0xff, which no text has.
    pub fn bytes(self) -> impl Iterator<Item = u8> + use<'a> {
        let mut rest = self.0;
        core::iter::from_fn(move || {
            let (&byte, tail) = rest.split_first()?;
            rest = tail;
            if byte != b'\\' {
                return Some(byte);
            }
            let (&kind, tail) = tail.split_first()?;
            rest = tail;
            let digits = match kind {
                b'n' => return Some(b'\n'),
                b't' => return Some(b'\t'),
                b'r' => return Some(b'\r'),
                b'b' => return Some(8),
                b'f' => return Some(12),
                b'u' => 4,
                b'x' => 2,
                _ => return Some(kind),
            };
            let (number, tail) = tail.split_at_checked(digits)?;
            rest = tail;
            let number = core::str::from_utf8(number).ok().and_then(|text| u8::from_str_radix(text, 16).ok());
            Some(number.filter(u8::is_ascii).unwrap_or(0xff))
        })
    }

    /// Whether it says this.
    #[must_use]
    pub fn is(self, text: &str) -> bool {
        self.bytes().eq(text.bytes())
    }

    /// Whether it begins with this.
    #[must_use]
    pub fn starts_with(self, text: &str) -> bool {
        let mut bytes = self.bytes();
        text.bytes().all(|byte| bytes.next() == Some(byte))
    }
}

/// Without white space at the start.
fn blank(text: &[u8]) -> &[u8] {
    let mut text = text;
    while let [b' ' | b'\t' | b'\r' | b'\n', rest @ ..] = text {
        text = rest;
    }
    text
}

/// Takes a value off the text.
pub(crate) fn value(text: &[u8]) -> Option<(Value<'_>, &[u8])> {
    match text.first()? {
        b'"' => string(text).map(|(text, rest)| (Value::Text(text), rest)),
        open @ (b'{' | b'[') => {
            let rest = after_nested(text)?;
            let inner = text.get(1..text.len().checked_sub(rest.len() + 1)?)?;
            Some((if *open == b'{' { Value::Object(Object(inner)) } else { Value::Array(inner) }, rest))
        }
        _ => plain(text).map(|(plain, rest)| (Value::Plain(plain), rest)),
    }
}

/// Takes a string off the text.
pub(crate) fn string(text: &[u8]) -> Option<(Text<'_>, &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let mut rest = text;
    loop {
        let at = memchr2(b'"', b'\\', rest)?;
        let (plain, tail) = rest.split_at_checked(at)?;
        if plain.iter().any(|b| *b < b' ') {
            return None;
        }
        rest = match tail {
            [b'"', after @ ..] => {
                let len = text.len().checked_sub(tail.len())?;
                return Some((Text(text.get(..len)?), after));
            }
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after @ ..] => after,
            [b'\\', b'u', a, b, c, d, after @ ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => after,
            [b'\\', b'x', a, b, after @ ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => after,
            _ => return None,
        };
    }
}

/// Takes a number or a word off the text.
fn plain(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let belongs = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let end = text.iter().position(|b| !belongs(b)).unwrap_or(text.len());
    let (plain, rest) = text.split_at_checked(end)?;
    matches!(plain, [b'-' | b'0'..=b'9', ..] | b"true" | b"false" | b"null").then_some((plain, rest))
}

/// What follows a key and its colon.
fn after_key(text: &[u8]) -> Option<&[u8]> {
    Some(blank(blank(string(text)?.1).strip_prefix(b":")?))
}

/// What follows the object or array at the start.
fn after_nested(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    let mut depth = 0;
    // A bit a level, the innermost lowest: whether it is an object.
    let mut objects: u64 = 0;
    loop {
        match rest.split_first()? {
            (open @ (b'{' | b'['), inner) => {
                if depth == DEPTH {
                    return None;
                }
                depth += 1;
                objects = objects << 1 | u64::from(*open == b'{');
                rest = blank(inner);
                match (open, rest.first()?) {
                    (b'{', b'}') | (b'[', b']') => {}
                    (b'{', _) => {
                        rest = after_key(rest)?;
                        continue;
                    }
                    _ => continue,
                }
            }
            (b'"', _) => rest = string(rest)?.1,
            _ => rest = plain(rest)?.1,
        }
        // Behind a value: what ends with it, then the next one.
        loop {
            let is_object = objects & 1 == 1;
            match blank(rest).split_first()? {
                (b',', tail) => {
                    rest = if is_object { after_key(blank(tail))? } else { blank(tail) };
                    break;
                }
                (b'}', tail) if is_object => rest = tail,
                (b']', tail) if !is_object => rest = tail,
                _ => return None,
            }
            objects >>= 1;
            depth -= 1;
            if depth == 0 {
                return Some(rest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::String;
    use std::vec;

    fn addr(line: &str) -> Option<String> {
        let [peer] = Object::parse(line.as_bytes())?.fields(["ip"])?;
        peer?.addr().map(|addr| format!("{addr}"))
    }

    #[test]
    fn a_key_counts_where_it_is_and_once() {
        let ours = Some("10.1.1.1");
        for (line, want) in [
            (r#"{"ip":"10.1.1.1"}"#, ours),
            (r#" { "a" : [ 1 , { "ip" : "9.9.9.9" } ] , "ip" : "10.1.1.1" , "b" : { } } "#, ours),
            (r#"{"a":"\",\"ip\":\"9.9.9.9","ip":"10.1.1.1"}"#, ours),
            (r#"{"a":"\\","ip":"10.1.1.1"}"#, ours),
            (r#"{"a":"\x22\u0022","ip":"10.1.1.1"}"#, ours),
            (r#"{"a":{"ip":"9.9.9.9"},"ip":"10.1.1.1"}"#, ours),
            (r#"{"a":{"ip":"9.9.9.9"}}"#, None),
            (r#"{"ip":"9.9.9.9","ip":"10.1.1.1"}"#, None),
            (r#"{"\u0069p":"9.9.9.9","ip":"10.1.1.1"}"#, None),
            (r#"{"a":"b","ip":"9.9.9.9"} x","ip":"10.1.1.1"}"#, None),
            (r#"{"a":"\","ip":"9.9.9.9"}"#, None),
            (r#"{"ip":10.1.1.1}"#, None),
            (r#"{"ip":["10.1.1.1"]}"#, None),
            (r#"{"ip":"10.1.1.1 "}"#, None),
        ] {
            assert_eq!(addr(line).as_deref(), want, "{line}");
        }
    }

    #[test]
    fn what_is_no_object() {
        for line in [
            "",
            "{",
            "}",
            "[]",
            "\"a\"",
            "{}{}",
            "{,}",
            "{\"a\"}",
            "{\"a\":}",
            "{\"a\":1,}",
            "{\"a\":[1,]}",
            "{\"a\":[1}",
            "{\"a\":{]}",
            "{\"a\":1 2}",
            "{a:1}",
            "{\"a\":b}",
            "{\"a\":\"\\q\"}",
            "{\"a\":\"\\u12\"}",
            "{\"a\":\"\\xg0\"}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"b\nc\"}",
            "{\"a\":\"b}",
        ] {
            assert_eq!(Object::parse(line.as_bytes()), None, "{line}");
        }
        assert!(Object::parse(b"{}").is_some());
    }

    #[test]
    fn values_are_what_they_are() {
        let line = br#"{"a":"x\/\n\u00e9y","b":true,"c":-1.5e3,"d":[1,"2"],"e":{"f":null}}"#;
        let [a, b, c, d, e, none] = Object::parse(line).unwrap().fields(["a", "b", "c", "d", "e", "f"]).unwrap();
        let a = a.and_then(Value::text).unwrap();
        assert_eq!(a.bytes().collect::<vec::Vec<_>>(), b"x/\n\xffy");
        assert!(a.starts_with("x/\n") && !a.starts_with("x/\ny") && !a.is("x/\n"));
        assert_eq!(b.and_then(Value::plain), Some(&b"true"[..]));
        assert_eq!(c.and_then(Value::plain), Some(&b"-1.5e3"[..]));
        assert_eq!(d, Some(Value::Array(b"1,\"2\"")));
        let [f] = e.and_then(Value::object).unwrap().fields(["f"]).unwrap();
        assert_eq!(f.and_then(Value::plain), Some(&b"null"[..]));
        assert_eq!(none, None);
    }

    #[test]
    fn at_capacity_deeper_objects_are_refused() {
        for (levels, want) in [(64, true), (65, false)] {
            let line = format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
            assert_eq!(Object::parse(line.as_bytes()).is_some(), want, "{levels}");
        }
    }
}
