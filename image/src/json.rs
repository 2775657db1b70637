//! Writing JSON: one object a line, the same names and types in every run.

use crate::out::Out;
use crate::put;
use core::fmt::{self, Display, Write};
use edgeban_core::config::Shown;

/// What is displayed, as a JSON string.
pub struct Text<'a>(pub &'a dyn Display);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Inner<'f, 'g>(&'f mut fmt::Formatter<'g>);
        impl Write for Inner<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match c {
                    '"' | '\\' => write!(self.0, "\\{c}"),
                    _ if c.is_control() => write!(self.0, "\\u{:04x}", u32::from(c)),
                    _ => self.0.write_char(c),
                })
            }
        }
        f.write_char('"')?;
        write!(Inner(f), "{}", self.0)?;
        f.write_char('"')
    }
}

/// An object that is being written.
pub struct Object<'o, 'b> {
    out: &'o mut Out<'b>,
    /// What stands before the next member.
    before: char,
}

impl<'o, 'b> Object<'o, 'b> {
    /// Begins an object.
    pub fn new(out: &'o mut Out<'b>) -> Self {
        Self { out, before: '{' }
    }

    fn name(&mut self, name: &str) {
        put!(self.out, "{}\"{name}\":", self.before);
        self.before = ',';
    }

    /// A string.
    pub fn text(mut self, name: &str, value: &dyn Display) -> Self {
        self.name(name);
        put!(self.out, "{}", Text(value));
        self
    }

    /// A number, `true` or `false`.
    pub fn plain(mut self, name: &str, value: &dyn Display) -> Self {
        self.name(name);
        put!(self.out, "{value}");
        self
    }

    /// Seconds, or `null` where there is no end.
    pub fn seconds(self, name: &str, value: Option<u64>) -> Self {
        match value {
            Some(value) => self.plain(name, &value),
            None => self.plain(name, &"null"),
        }
    }

    /// Numbers by their names.
    pub fn numbers(mut self, names: &[&str], values: &[u64]) -> Self {
        for (name, value) in names.iter().zip(values) {
            self = self.plain(name, value);
        }
        self
    }

    /// A setting: an array if it takes one.
    pub fn setting<'v>(mut self, name: &str, list: bool, values: impl Iterator<Item = Shown<'v>>) -> Self {
        self.name(name);
        let mut before = if list { "[" } else { "" };
        for value in values {
            put!(self.out, "{before}{}", Value(value));
            before = ",";
        }
        put!(
            self.out,
            "{}",
            if !list {
                ""
            } else if before == "[" {
                "[]"
            } else {
                "]"
            }
        );
        self
    }

    /// Ends it within an array.
    pub fn close(self) {
        put!(self.out, "}}");
    }

    /// Ends it, and the line.
    pub fn end(self) {
        put!(self.out, "}}\n");
    }
}

/// A value of a setting: addresses and words are strings, times are seconds, and `null` is for good.
pub struct Value<'a>(pub Shown<'a>);

impl Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            value @ (Shown::Text(_) | Shown::Prefix(_)) => Text(value).fmt(f),
            Shown::Time(Some(span)) => span.as_secs().fmt(f),
            Shown::Time(None) => f.write_str("null"),
            value => value.fmt(f),
        }
    }
}
