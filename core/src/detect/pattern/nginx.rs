//! nginx's error log, as `ngx_http_auth_basic_module.c`, the PAM module and `ngx_event_openssl.c` write it: into a file of
//! its own, or through syslog.
//!
//! `[LEVEL] PID#TID: *CONNECTION MESSAGE, client: ADDRESS, server: NAME, request: "...", host: "..."`: the user's name
//! before the address and the request behind it are the peer's, and nginx quotes nothing in them. A message with two such
//! addresses counts for nobody.
//!
//! `normal` counts failed logins; `ddos` and `aggressive` also broken TLS handshakes.

use super::split_first;
use super::text::{Reading, after_any, agreed, contains_any, undated, word};
use crate::addr::Addr;
use crate::detect::Mode;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Addr> {
    let mut message = undated(message);
    if message.first() != Some(&b'[') {
        // Its own syslog header, passed on by another program: `host nginx: `.
        let (_host, rest) = word(message)?;
        message = undated(rest.strip_prefix(b"nginx: ")?);
    }
    let (level, rest) = split_first(message.strip_prefix(b"[")?, b"] ")?;
    let (_process, rest) = word(rest)?;
    let (_connection, text) = word(rest.strip_prefix(b"*")?)?;
    let failed = match level {
        b"error" => is_failure(text),
        b"crit" | b"info" => matches!(mode, Mode::Ddos | Mode::Aggressive) && is_handshake(text),
        _ => false,
    };
    if !failed {
        return None;
    }
    agreed(text, b", client: ", |_, after| {
        let address = split_first(after, b", ").map_or(after, |(address, _)| address);
        Reading::of(Addr::parse(address).ok())
    })
}

fn is_failure(text: &[u8]) -> bool {
    if let Some(text) = text.strip_prefix(b"user \"") {
        return contains_any(text, &[b"\": password mismatch, client: ", b"\" was not found in \""]);
    }
    match text.strip_prefix(b"PAM: user '") {
        Some(text) => contains_any(text, &[b"' - not authenticated: "]),
        None => false,
    }
}

/// `SSL_do_handshake() failed (SSL: REASON) while SSL handshaking`
fn is_handshake(text: &[u8]) -> bool {
    after_any(text, &[b"SSL_do_handshake() failed (SSL: ", b"SSL_read() failed (SSL: "]).is_some()
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
                "[error] 5#6: *7 user \"a\": password mismatch, client: 9.9.9.9, server: \": password mismatch, client: 10.1.1.1, server: s",
                Mode::Normal,
                None,
            ),
            (
                "[error] 5#6: *7 user \"a, client: 9.9.9.9, b\": password mismatch, client: unix:, server: s",
                Mode::Normal,
                None,
            ),
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
}
