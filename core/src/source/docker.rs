//! Docker's JSON log files: `{"log":"TEXT\n","stream":"stderr","time":"2026-11-24T05:00:00.123456789Z"}`, a line each for
//! what a container wrote on its standard output and error.
//!
//! Docker cuts what a program writes at 16 KiB: the record of a piece has no `\n` at its end, and what follows in the same
//! stream goes on in the middle of that line, with whatever its writer chose. [`Pieces`] knows which records these are.
//!
//! A program's own JSON log is none of Docker's: other members, or others first.

use super::syslog::{Stamp, iso_time};
use crate::detect::json::{self, Text, Value};
use crate::limits::LINE;
use heapless::Vec;

/// What a record starts with.
pub const START: &[u8] = b"{\"log\":\"";

/// Room for a line that was taken out of its record, which was longer.
pub type Buffer = Vec<u8, LINE>;

// The record of a piece is too long to be read as a line.
static_assertions::const_assert!(LINE < 16 * 1024);

/// A record, not taken apart further.
#[derive(Clone, Copy)]
pub struct Wrapped<'a> {
    text: Text<'a>,
    stream: Stream,
    time: Stamp,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stream {
    Output,
    Error,
}

impl<'a> Wrapped<'a> {
    /// The record that fills the line.
    #[must_use]
    pub fn parse(line: &'a [u8]) -> Option<Self> {
        let text = START.strip_suffix(b"\"").and_then(|start| line.strip_prefix(start))?;
        let (text, rest) = json::string(text)?;
        let rest = rest.strip_prefix(b",\"stream\":\"std")?;
        let (stream, rest) = match rest {
            [b'o', b'u', b't', b'"', b',', rest @ ..] => (Stream::Output, rest),
            [b'e', b'r', b'r', b'"', b',', rest @ ..] => (Stream::Error, rest),
            _ => return None,
        };
        // Between them may be what the operator asked for, labels of the container: `"attrs":{"tag":"x"},`.
        let rest = match rest.strip_prefix(b"\"attrs\":") {
            Some(attrs) => match json::value(attrs)? {
                (Value::Object(_), rest) => rest.strip_prefix(b",")?,
                _ => return None,
            },
            None => rest,
        };
        let time = iso_time(rest.strip_prefix(b"\"time\":\"")?.trim_ascii_end().strip_suffix(b"\"}")?)?;
        Some(Self { text, stream, time })
    }

    /// When Docker read it.
    #[must_use]
    pub const fn time(&self) -> Stamp {
        self.time
    }

    /// Whether it ends a line.
    fn is_end(&self) -> bool {
        let raw = self.text.raw().strip_suffix(b"n").unwrap_or_default();
        // `\\n` is a backslash and a letter.
        raw.iter().rev().take_while(|&&byte| byte == b'\\').count() % 2 == 1
    }

    /// The line that the program wrote, if it is one, and whole.
    #[must_use]
    pub fn line<'b>(&self, buffer: &'b mut Buffer) -> Option<&'b [u8]> {
        if !self.is_end() {
            return None;
        }
        buffer.clear();
        for byte in self.text.bytes() {
            buffer.push(byte).ok()?;
        }
        let line = buffer.strip_suffix(b"\n")?;
        if line.contains(&b'\n') { None } else { Some(line) }
    }
}

/// In which of a container's streams the next record goes on with a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Pieces {
    output: bool,
    error: bool,
}

impl Pieces {
    /// In none: nothing was written before.
    pub const NONE: Self = Self { output: false, error: false };

    /// Perhaps in both: what was written before is not known, or was too long to be read.
    pub const UNKNOWN: Self = Self { output: true, error: true };

    /// Whether this line is no piece of another, or no record at all.
    pub fn is_start(&mut self, line: &[u8]) -> bool {
        !line.starts_with(START) || self.is_start_of_record(line)
    }

    #[inline(never)]
    fn is_start_of_record(&mut self, line: &[u8]) -> bool {
        let Some(record) = Wrapped::parse(line) else { return true };
        let goes_on = match record.stream {
            Stream::Output => &mut self.output,
            Stream::Error => &mut self.error,
        };
        !core::mem::replace(goes_on, !record.is_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::line::Framer;
    use crate::time::WallTime;
    use std::format;
    use std::string::String;

    fn record(text: &str, stream: &str) -> String {
        format!("{{\"log\":\"{text}\",\"stream\":\"{stream}\",\"time\":\"2026-11-24T04:47:08.123456789Z\"}}")
    }

    fn line(record: &str) -> Option<String> {
        let mut buffer = Buffer::new();
        let wrapped = Wrapped::parse(record.as_bytes())?;
        assert_eq!(wrapped.time(), Stamp::Wall(WallTime(1_795_495_628)));
        wrapped.line(&mut buffer).map(|line| String::from_utf8(line.to_vec()).unwrap())
    }

    #[test]
    fn what_a_container_wrote_is_taken_out() {
        for (text, want) in [
            (r"hello\n", Some("hello")),
            (r"\n", Some("")),
            (r#"a \"b\" \\ \/ \t\u003cc\u003e\r\n"#, Some("a \"b\" \\ / \t<c>\r")),
            ("gr\u{fc}n\\n", Some("gr\u{fc}n")),
            ("no end", None),
            (r"a\\n", None),
            (r"a\\\n", Some("a\\")),
            (r"two\nlines\n", None),
            (r"two\u000alines\n", None),
        ] {
            assert_eq!(line(&record(text, "stdout")).as_deref(), want, "{text}");
        }
        let attrs = record("a\\n", "stderr").replace(",\"time\"", ",\"attrs\":{\"tag\":\"x}\",\"b\":\"\"},\"time\"");
        assert_eq!(line(&attrs).as_deref(), Some("a"));
    }

    /// As Docker 20.10 wrote them, with `--log-opt labels=a`: the third one is in the middle of a line of 16,438 bytes.
    const REAL: [&str; 5] = [
        r#"{"log":"err \u003ca\u003e \u0026 \"q\" \\ tab\u0009x\n","stream":"stderr","attrs":{"a":"b"},"time":"2026-11-24T23:55:05.100889413Z"}"#,
        r#"{"log":"end \ufffd\u0001 \u001b[31m\r\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-24T23:55:05.101003292Z"}"#,
        r#"{"log":"Failed password for root from 9.9.9.9 port 40000 ssh2\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-24T23:55:05.101010493Z"}"#,
        r#"{"log":"after\n","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-24T23:55:05.101065304Z"}"#,
        r#"{"log":"no end","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-24T23:55:05.141142245Z"}"#,
    ];

    #[test]
    fn what_docker_wrote_is_read() {
        let [error, output, middle, after, no_end] = REAL;
        let piece = r#"{"log":"x","stream":"stdout","attrs":{"a":"b"},"time":"2026-11-24T23:55:05.101007146Z"}"#;
        let piece = piece.replacen('x', &"x".repeat(16 * 1024), 1);
        let log = format!("{error}\n{output}\n{piece}\n{middle}\n{error}\n{error}\n{after}\n{no_end}\n");
        let mut lines = std::vec::Vec::new();
        let framed = Framer::new().feed(log.as_bytes(), |line| {
            let mut buffer = Buffer::new();
            lines.extend(Wrapped::parse(line).unwrap().line(&mut buffer).map(|line| line.to_vec()));
        });
        // Which stream a piece was of is not known, so a line of the other one is lost.
        assert_eq!((framed.lines, framed.overlong), (5, 1));
        let error: &[u8] = b"err <a> & \"q\" \\ tab\tx";
        // Numbers above ASCII are not told apart.
        assert_eq!(lines, [error, b"end \xff\x01 \x1b[31m\r", error, b"after"]);
    }

    #[test]
    fn the_json_of_programs_is_no_record() {
        let whole = record("a\\n", "stdout");
        for (what, instead) in [
            ("\"log\":", "\"log\": "),
            ("\"log\"", "\"msg\""),
            ("stdout", "stdin"),
            ("stdout", "stdout2"),
            ("\"stream\"", "\"level\""),
            ("Z\"}", "\"}"),
            ("Z\"}", "Z\",\"log\":\"b\\n\"}"),
            ("Z\"}", "Z\"},"),
            ("a\\n", "a\\q"),
            ("a\\n", "a\",\"b\":\"\\n"),
            (",\"time\"", ",\"attrs\":\"x\",\"time\""),
            (",\"time\"", ",\"attrs\":{\"a\":\"b\",\"time\""),
        ] {
            let other = whole.replacen(what, instead, 1);
            assert_ne!(whole, other);
            assert!(Wrapped::parse(other.as_bytes()).is_none(), "{other}");
        }
    }

    #[test]
    fn a_record_that_goes_on_with_a_line_is_no_start() {
        let mut pieces = Pieces::NONE;
        let mut is_start = |text, stream| pieces.is_start(record(text, stream).as_bytes());
        assert!(is_start("a\\n", "stdout"));
        assert!(is_start("the first 16 KiB", "stdout"));
        assert!(is_start("another stream's\\n", "stderr"));
        assert!(!is_start("the next", "stdout"));
        assert!(!is_start("the end\\n", "stdout"));
        assert!(is_start("b\\n", "stdout"));
        let mut pieces = Pieces::UNKNOWN;
        for start in [false, true] {
            assert_eq!(pieces.is_start(record("a\\n", "stdout").as_bytes()), start);
            assert_eq!(pieces.is_start(record("a\\n", "stderr").as_bytes()), start);
            assert!(pieces.is_start(b"{\"log\":\"a\"}") && pieces.is_start(b"a"));
        }
    }
}
