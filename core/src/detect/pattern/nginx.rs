//! nginx's error log, as `ngx_log.c`, the HTTP modules for passwords, limits and rules, the PAM module and
//! `ngx_event_openssl.c` write it: into a file of its own, or through syslog.
//!
//! `[LEVEL] PID#TID: *CONNECTION MESSAGE, client: ADDRESS, server: NAME, request: "...", host: "..."`: a user's name or a path
//! before the address and the request behind it are the peer's, and nginx escapes nothing in them. A user's name has no
//! colon, or it would end there, so that the first `, client: ` behind it is nginx's. A path may have anything: even a line
//! break, `%0A` in a URL, and what stands behind it is a line of the peer's own making.
//!
//! `nginx-http-auth` counts failed logins; in `ddos` and `aggressive` also broken TLS handshakes.

use super::split_first;
use super::text::{Reading, after_any, agreed, contains, undated, word};
use crate::addr::Addr;
use crate::detect::{Mode, template};

/// The length of what follows the date in a line that was cut: `NGX_MAX_ERROR_STR` is 2048 with date and line break. What is
/// left of it may be the peer's alone.
const CUT: usize = 2047 - "2026/11/24 05:00:00 ".len();

/// The level of a message about a connection, and what it says.
pub(super) fn entry(message: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut message = undated(message);
    if message.first() != Some(&b'[') {
        // Its own syslog header, passed on by another program: `host nginx: `.
        let (_host, rest) = word(message)?;
        message = undated(rest.strip_prefix(b"nginx: ")?);
    }
    let (level, rest) = split_first(message.strip_prefix(b"[")?, b"] ")?;
    let (_process, rest) = word(rest)?;
    let (_connection, text) = word(rest.strip_prefix(b"*")?)?;
    Some((level, text))
}

/// Whose failed login or handshake a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Addr> {
    let (level, text) = entry(message)?;
    let (said, rest) = split_first(text, b", client: ")?;
    let failed = match level {
        b"error" => is_failure(said),
        b"crit" | b"info" => matches!(mode, Mode::Ddos | Mode::Aggressive) && is_handshake(said),
        _ => false,
    };
    if failed { address(rest) } else { None }
}

fn is_failure(said: &[u8]) -> bool {
    if let Some(user) = said.strip_prefix(b"user \"") {
        return user.ends_with(b"\": password mismatch") || contains(user, b"\" was not found in \"");
    }
    said.strip_prefix(b"PAM: user '").is_some_and(|user| contains(user, b"' - not authenticated: "))
}

/// `SSL_do_handshake() failed (SSL: REASON) while SSL handshaking`
fn is_handshake(said: &[u8]) -> bool {
    after_any(said, &[b"SSL_do_handshake() failed (SSL: ", b"SSL_read() failed (SSL: "]).is_some()
}

/// `ADDRESS, server: NAME...`
fn address(text: &[u8]) -> Option<Addr> {
    let address = split_first(text, b", ").map_or(text, |(address, _)| address);
    Addr::parse(address).ok()
}

/// Whose request for a file that is not there a message tells. The path before the address is the peer's.
pub(super) fn not_found(message: &[u8]) -> Option<(Addr, &[u8])> {
    let (level, text) = entry(message)?;
    let quoted = if text.starts_with(b"\"") { text } else { word(text).filter(|(call, _)| call.ends_with(b"()"))?.1 };
    if level != b"error" || !quoted.starts_with(b"\"") || message.len() >= CUT {
        return None;
    }
    const SAID: [&[u8]; 2] = [
        b"\" failed (2: No such file or directory), client: ",
        b"\" is not found (2: No such file or directory), client: ",
    ];
    let (_, rest) = SAID.iter().find_map(|said| split_first(quoted, said))?;
    let (_, request) = split_first(rest, b", request: \"")?;
    Some((agreed(text, b", client: ", |_, after| Reading::of(address(after)))?, request))
}

/// Whose request a rule forbids.
#[inline(never)]
pub(in crate::detect) fn forbidden(message: &[u8]) -> Option<Addr> {
    let (level, text) = entry(message)?;
    if level == b"error" { template::first(&["access forbidden by rule, client: <ADDR>, <*>"], text) } else { None }
}

/// Whose requests or connections are too many. A dry run limits nobody.
#[inline(never)]
pub(in crate::detect) fn limited(message: &[u8]) -> Option<Addr> {
    const TEMPLATES: [&str; 3] = [
        "limiting requests, excess: <^ > by zone \"<^\">\", client: <ADDR>, <*>",
        "delaying request, excess: <^ > by zone \"<^\">\", client: <ADDR>, <*>",
        "limiting connections by zone \"<^\">\", client: <ADDR>, <*>",
    ];
    template::first(&TEMPLATES, entry(message)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, mode, want) in [
            (
                "[error] 5#6: *7 user \"a\": password mismatch, client: 10.1.1.1, server: s, request: \"GET / HTTP/1.1\"",
                Mode::Normal,
                ours,
            ),
            (
                "2023/12/09 21:35:20 [error] 5#5: *7 user \"a\" was not found in \"/f\", client: 10.1.1.1, server: s",
                Mode::Normal,
                ours,
            ),
            (
                "[error] 5#6: *7 user \"a\", b\": password mismatch, client: 10.1.1.1, server: s, request: \"GET / HTTP/1.1\", host: \"\": password mismatch, client: 9.9.9.9, server: s\"",
                Mode::Normal,
                ours,
            ),
            (
                "[error] 5#6: *7 PAM: user 'a' - not authenticated: User not known, client: 10.1.1.1, server: s, referrer: \", client: 9.9.9.9, \"",
                Mode::Normal,
                ours,
            ),
            ("[error] 5#6: *7 user \"a\": password mismatch, client: unix:, server: s", Mode::Normal, None),
            (
                "[error] 5#6: *7 open() \"/a\" failed (2: No such file or directory), client: 10.1.1.1, server: s",
                Mode::Aggressive,
                None,
            ),
            (
                "[crit] 5#6: *7 SSL_do_handshake() failed (SSL: error:1) while SSL handshaking, client: 10.1.1.1, server: 0.0.0.0:443",
                Mode::Normal,
                None,
            ),
            (
                "[crit] 5#6: *7 SSL_do_handshake() failed (SSL: error:1) while SSL handshaking, client: 10.1.1.1, server: 0.0.0.0:443",
                Mode::Ddos,
                ours,
            ),
        ] {
            let got = read(message.as_bytes(), mode).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), want, "{message}");
        }
    }

    #[test]
    fn limits_and_rules_name_their_client() {
        const LIMITED: fn(&[u8]) -> Option<Addr> = limited;
        let tail = ", server: s, request: \"GET /, client: 9.9.9.9, HTTP/1.1\", host: \"h\"";
        for (read, text, counts) in [
            (LIMITED, "limiting requests, excess: 1.852 by zone \"a b\", client: 10.1.1.1", true),
            (limited, "delaying request, excess: 0.850, by zone \"a\", client: 10.1.1.1", true),
            (limited, "limiting connections by zone \"a\", client: 10.1.1.1", true),
            (limited, "limiting requests, dry run, excess: 1.852 by zone \"a\", client: 10.1.1.1", false),
            (limited, "limiting connections, dry run, by zone \"a\", client: 10.1.1.1", false),
            (forbidden, "access forbidden by rule, client: 10.1.1.1", true),
            (forbidden, "limiting connections by zone \"a\", client: 10.1.1.1", false),
        ] {
            let message = std::format!("[error] 5#6: *7 {text}{tail}");
            let got = read(message.as_bytes()).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), counts.then_some("10.1.1.1"), "{message}");
        }
    }

    #[test]
    fn a_path_may_have_anything_and_a_line_may_be_cut() {
        let line = |path: &str, pad: usize| {
            let pad = "a".repeat(pad);
            std::format!(
                "[error] 5#6: *7 open() \"/srv/{path}\" failed (2: No such file or directory), client: 10.1.1.1, server: s, request: \"GET /b HTTP/1.1\", host: \"{pad}\""
            )
        };
        assert_eq!(not_found(line("a", 9).as_bytes()).map(|(addr, _)| addr.to_string()).as_deref(), Some("10.1.1.1"));
        let forged =
            "a\" failed (2: No such file or directory), client: 9.9.9.9, server: s, request: \"GET /pma HTTP/1.1\"";
        assert_eq!(not_found(line(forged, 9).as_bytes()), None);
        let mut cut = line(&std::format!("{forged}{}", "a".repeat(CUT)), 0);
        cut.truncate(CUT);
        assert_eq!(not_found(cut.as_bytes()), None);
        cut.pop();
        assert!(not_found(cut.as_bytes()).is_some(), "nginx does not write such a line");
    }
}
