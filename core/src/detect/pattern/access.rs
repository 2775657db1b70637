//! Access logs of web servers, in NCSA's common format and in the combined one, as Apache, nginx, Traefik and Jetty write them:
//!
//! `[VHOST[:PORT] ]HOST - USER [DATE] "REQUEST" STATUS[ SIZE[ "REFERER" "USER AGENT"[ ...]]]`
//!
//! The peer chooses user, request, referer and user agent, and with some servers the name of the virtual host. Within quotes
//! no quote stands raw: Apache writes `\"`, nginx `\x22`, and a backslash is `\\` or `\x5c`. Nor does one in the user's
//! name, so that the first quote that nothing escapes is the request's, and the date stands right before it. Where a server
//! escapes nothing, a peer can only forge what it did itself: its address comes first.
//!
//! A space may stand in the user's name, and in the virtual host's by nginx before 1.21. So a line with another lone
//! dash before the date counts for nobody. A virtual host that is an address needs its port, or the line counts for nobody
//! either: two addresses may as well be the peer's and what its own identd says. Not supported: `mod_ident` together with
//! `HostnameLookups`, and whatever else an operator puts before the host.

use super::split_last;
use super::text::word;
use crate::addr::Addr;
use crate::source::syslog::{Stamp, access_date};

/// One request.
pub(in crate::detect) struct Access<'a> {
    /// Who made it.
    pub peer: Addr,
    /// Who it said it was, `-` if it did not.
    pub user: &'a [u8],
    /// Its first line, escaped: `METHOD TARGET PROTOCOL`, or whatever else the peer sent.
    pub request: &'a [u8],
    /// The answer's status.
    pub status: u16,
    /// What follows the status and a space: size, referer, user agent, and what else the operator asked for.
    pub rest: &'a [u8],
}

impl<'a> Access<'a> {
    /// The parts of the request: method, target, protocol.
    pub fn parts(&self) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let (method, rest) = word(self.request)?;
        let (target, protocol) = split_last(rest, b" ")?;
        Some((method, target, protocol))
    }

    /// The user agent, of the combined format.
    pub fn agent(&self) -> Option<&'a [u8]> {
        let (_size, rest) = word(self.rest)?;
        let (_referer, rest) = quoted(rest)?;
        quoted(rest.strip_prefix(b" ")?).map(|(agent, _)| agent)
    }
}

/// The request that a line tells, if it is one of an access log and its host is an address.
#[inline(never)]
pub(in crate::detect) fn read(line: &[u8]) -> Option<Access<'_>> {
    let (head, _, rest) = opened(line)?;
    let (peer, user) = peer(head)?;
    let (request, rest) = closing(rest)?;
    let rest = rest.strip_prefix(b" ")?;
    let (status, rest) = word(rest).unwrap_or((rest, b""));
    Some(Access { peer, user, request, status: number(status)?, rest })
}

/// When a line of an access log says that it was written; `None` if it is no such line.
pub(in crate::detect) fn stamp(line: &[u8]) -> Option<Option<Stamp>> {
    opened(line).map(|(_, stamp, _)| stamp)
}

/// Splits a line at the quote before the request: what stands before the date, the date, what follows the quote.
fn opened(line: &[u8]) -> Option<(&[u8], Option<Stamp>, &[u8])> {
    let (head, rest) = closing(line)?;
    let (head, date) = split_last(head.strip_suffix(b"] ")?, b" [")?;
    Some((head, access_date(date)?, rest))
}

/// The peer's address and the user's name: `[VHOST ]HOST - USER`, with more spaces around the dash by Jetty.
fn peer(head: &[u8]) -> Option<(Addr, &[u8])> {
    let (first, rest) = word(head)?;
    let (second, rest) = word(rest)?;
    let (host, user) = match second {
        b"-" => (first, rest),
        _ if Addr::parse(first).is_ok() => return None,
        _ => (second, rest.strip_prefix(b"- ")?),
    };
    let user = user.trim_ascii();
    let twice = user != b"-" && user.split(|b| *b == b' ').any(|word| word == b"-");
    if twice { None } else { Some((Addr::parse(host).ok()?, user)) }
}

/// What stands in quotes at the start, and what follows them.
pub(super) fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    closing(text.strip_prefix(b"\"")?)
}

/// What stands before and after the first quote that no backslash escapes.
fn closing(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', text.get(from..)?)?;
        if text.get(at) == Some(&b'"') {
            return Some((text.get(..at)?, text.get(at + 1..)?));
        }
        from = at + 2;
    }
}

/// Three digits.
fn number(text: &[u8]) -> Option<u16> {
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = text else { return None };
    Some(u16::from(a - b'0') * 100 + u16::from(b - b'0') * 10 + u16::from(c - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::{String, ToString};

    const DATE: &str = "[05/Mar/2007:14:39:21 +0100]";

    fn told(line: &str) -> Option<String> {
        let Access { peer, user, request, status, rest } = read(line.as_bytes())?;
        let text = |bytes| String::from_utf8_lossy(bytes);
        Some(format!("{peer} {} {} {status} {}", text(user), text(request), text(rest)))
    }

    #[test]
    fn each_field_is_read_at_its_place() {
        for (line, want) in [
            (format!(r#"10.1.1.1 - - {DATE} "GET / HTTP/1.1" 200 5"#), "10.1.1.1 - GET / HTTP/1.1 200 5"),
            (format!(r#"10.1.1.1 - - {DATE} "GET / HTTP/1.1" 304 -"#), "10.1.1.1 - GET / HTTP/1.1 304 -"),
            (format!(r#"10.1.1.1 - - {DATE} "" 400"#), "10.1.1.1 -  400 "),
            (
                format!(r#"2001:db8::1 - a b {DATE} "GET /\" 401 5 HTTP/1.1" 200 5 "-" "\\""#),
                r#"2001:db8::1 a b GET /\" 401 5 HTTP/1.1 200 5 "-" "\\""#,
            ),
            (
                format!(r#"10.1.1.1 - x\" [9] {DATE} "GET / HTTP/1.1" 200 5"#),
                r#"10.1.1.1 x\" [9] GET / HTTP/1.1 200 5"#,
            ),
            (format!(r#"a.example 10.1.1.1 - - {DATE} "\x16\x03" 400 5"#), r"10.1.1.1 - \x16\x03 400 5"),
            (format!(r#"a.example:80 10.1.1.1 - b {DATE} "GET / HTTP/1.1" 200 5"#), "10.1.1.1 b GET / HTTP/1.1 200 5"),
            (format!(r#"192.0.2.1:80 10.1.1.1 - - {DATE} "GET / HTTP/1.1" 200 5"#), "10.1.1.1 - GET / HTTP/1.1 200 5"),
            (format!(r#"10.1.1.1 -  -  {DATE} "GET / HTTP/1.1" 200 5 "#), "10.1.1.1 - GET / HTTP/1.1 200 5 "),
            (
                r#"10.1.1.1 - - [02/sept./2015:00:11:31 +0200] "GET / HTTP/1.1" 401 5"#.to_string(),
                "10.1.1.1 - GET / HTTP/1.1 401 5",
            ),
        ] {
            assert_eq!(told(&line).as_deref(), Some(want), "{line}");
        }
    }

    #[test]
    fn a_line_of_two_readings_counts_for_nobody() {
        for head in [
            // A virtual host with spaces, or a user's name.
            "9.9.9.9 - x 10.1.1.1 - -",
            "9.9.9.9 - x unix: - -",
            "x 9.9.9.9 - y 10.1.1.1 - -",
            // A virtual host, or what an identd says.
            "10.1.1.1 9.9.9.9 - -",
            "10.1.1.1 9.9.9.9 -",
            // No address, or no such line.
            "a.example - -",
            "unix: - -",
            "010.1.1.1 - -",
            "10.1.1.1 -",
            "x y 10.1.1.1 - -",
        ] {
            let line = format!(r#"{head} {DATE} "GET / HTTP/1.1" 200 5"#);
            assert_eq!(told(&line), None, "{line}");
        }
        for line in [
            r#"10.1.1.1 - - [05/Mar/2007 14:39:21] "GET / HTTP/1.1" 200 5"#.to_string(),
            format!(r#"10.1.1.1 - - {DATE} "GET / HTTP/1.1 200 5"#),
            format!(r#"10.1.1.1 - - {DATE} "GET / HTTP/1.1\" 200 5"#),
            format!(r#"10.1.1.1 - - {DATE} "GET / HTTP/1.1" 2000 5"#),
            format!(r#"10.1.1.1 - - {DATE} "GET / HTTP/1.1""#),
            format!(r#"10.1.1.1 - - {DATE} 7 "GET / HTTP/1.1" 200 5"#),
        ] {
            assert_eq!(told(&line), None, "{line}");
        }
    }

    #[test]
    fn the_request_and_the_agent_have_parts() {
        let line = format!(r#"10.1.1.1 - - {DATE} "GET /a b HTTP/1.1" 200 5 "r\" x" "an \"agent\"" "-""#);
        let access = read(line.as_bytes()).unwrap();
        assert_eq!(access.parts(), Some((&b"GET"[..], &b"/a b"[..], &b"HTTP/1.1"[..])));
        assert_eq!(access.agent(), Some(&br#"an \"agent\""#[..]));
        let common = format!(r#"10.1.1.1 - - {DATE} "batman" 400 5"#);
        let access = read(common.as_bytes()).unwrap();
        assert_eq!((access.parts(), access.agent()), (None, None));
    }
}
