//! Apache httpd's error log, as `core/log.c` and the `mod_auth*` modules write it in 2.2 and 2.4: into a file of its own, or
//! through syslog.
//!
//! `[MODULE:LEVEL] [pid N[:tid N]] [client ADDRESS[:PORT]] [AHnnnnn: ]MESSAGE`: the peer stands before all that it chooses,
//! and no line break stands raw in a message. 2.4 writes the process and the port, 2.2 neither, and no brackets around
//! IPv6: `2001:db8::1:PORT`. `aggressive` also counts what `mod_evasive` refused.

use super::text::{after_any, contains, contains_any};
use super::{host_port, split_first};
use crate::addr::Addr;
use crate::detect::Mode;

/// `httpd/backend1`.
pub(in crate::detect) fn is_program(name: &[u8]) -> bool {
    matches!(split_first(name, b"/"), Some((b"httpd" | b"apache2", _)))
}

/// A message of the error log.
pub(super) struct Entry<'a> {
    /// Where it is from: `auth_basic:error`, or only `error` in 2.2.
    module: &'a [u8],
    /// The client, if it is an address.
    pub peer: Option<Addr>,
    /// What it says, without its number.
    pub text: &'a [u8],
}

/// A path or a URI at the end of a message, without the referer behind it.
pub(super) fn before_referer(text: &[u8]) -> &[u8] {
    split_first(text, b", referer: ").map_or(text, |(before, _)| before)
}

/// Takes a message apart.
#[inline(never)]
pub(super) fn entry(message: &[u8]) -> Option<Entry<'_>> {
    let (module, mut rest) = split_first(message.strip_prefix(b"[")?, b"] [")?;
    if !module.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b':' | b'-')) {
        return None;
    }
    let mut is_port_there = false;
    if let Some(process) = rest.strip_prefix(b"pid ") {
        let (process, after) = split_first(process, b"] [")?;
        // Else the brackets are text of a message that has no client.
        if !process.iter().all(|b| b.is_ascii_digit() || b":tid ".contains(b)) {
            return None;
        }
        rest = after;
        is_port_there = true;
    }
    let (client, text) = split_first(after_any(rest, &[b"client ", b"remote "])?, b"] ")?;
    let text = match text {
        [b'A', b'H', _, _, _, _, _, b':', b' ', text @ ..] => text,
        _ => text,
    };
    let peer = match Addr::parse(client) {
        // Without brackets, the last number of an IPv6 address of 2.4 is the port.
        Ok(addr) if addr.as_v4().is_some() || !is_port_there => Some(addr),
        _ => host_port(client).filter(|addr| is_port_there || client.starts_with(b"[") || addr.as_v4().is_some()),
    };
    Some(Entry { module, peer, text })
}

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Addr> {
    let entry = entry(message)?;
    if !is_failure(entry.text) || (entry.module.starts_with(b"evasive") && mode != Mode::Aggressive) {
        return None;
    }
    entry.peer
}

fn is_failure(text: &[u8]) -> bool {
    let text = text.strip_prefix(b"Digest: ").unwrap_or(text);
    if let Some(text) = after_any(text, &[b"user ", b"auth_ldap authenticate: user "]) {
        const OF_USER: [&[u8]; 5] = [
            b" not found: ",
            b": authentication failure for \"",
            b": authorization failure for \"",
            b": password mismatch: ",
            b" authentication failed; URI ",
        ];
        return contains_any(text, &OF_USER);
    }
    if let Some(text) = text.strip_prefix(b"Hostname ") {
        const OF_NAME: [&[u8]; 2] = [
            b" provided via SNI, but no hostname provided in HTTP request",
            b" provided via HTTP have no compatible SSL setup",
        ];
        return contains_any(text, &OF_NAME);
    }
    if let Some(text) = text.strip_prefix(b"invalid nonce ") {
        return contains_any(text, &[b" received - user attempted time travel", b" received - length is not "]);
    }
    if let Some(text) = text.strip_prefix(b"Authorization of user ") {
        return contains(text, b" failed, reason: ");
    }
    const STARTS: [&[u8]; 6] = [
        b"client denied by server configuration",
        b"client used wrong authentication scheme",
        b"realm mismatch - got `",
        b"unknown algorithm `",
        b"invalid qop `",
        b"No hostname was provided via SNI for a name based virtual host",
    ];
    after_any(text, &STARTS).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, mode, want) in [
            ("[error] [client 10.1.1.1] user a not found: /", Mode::Normal, ours),
            (
                "[auth_basic:error] [pid 5:tid 6] [client 10.1.1.1:5000] AH01617: user x] [client 9.9.9.9: authentication failure for \"/\": Password Mismatch",
                Mode::Normal,
                ours,
            ),
            (
                "[auth_basic:error] [pid 5] [client [2001:db8::1]:5] AH01618: user a not found: /",
                Mode::Normal,
                Some("2001:db8::1"),
            ),
            (
                "[auth_basic:error] [pid 5] [client 2001:db8::1:5] AH01618: user a not found: /",
                Mode::Normal,
                Some("2001:db8::1"),
            ),
            (
                "[auth_basic:error] [pid 5] [client 2001:db8:0:0:0:0:0:1:54321] AH01618: user a not found: /",
                Mode::Normal,
                Some("2001:db8::1"),
            ),
            ("[error] [client 2001:db8::1:5] user a not found: /", Mode::Normal, Some("2001:db8::1:5")),
            ("[error] [client 2001:db8:0:0:0:0:0:1:5] user a not found: /", Mode::Normal, None),
            ("[auth_basic:error] [pid 5] [client 10.1.1.1] AH01618: user a not found: /", Mode::Normal, ours),
            (
                "[core:error] [pid 5] [client 10.1.1.1:5] File does not exist: /[client 9.9.9.9] user a not found: /",
                Mode::Aggressive,
                None,
            ),
            (
                "[evasive20:error] [pid 5] [client 10.1.1.1:5] client denied by server configuration: /",
                Mode::Normal,
                None,
            ),
            (
                "[evasive20:error] [pid 5] [client 10.1.1.1:5] client denied by server configuration: /",
                Mode::Aggressive,
                ours,
            ),
            (
                "[core:notice] [pid 5] AH00094: Command line: '[client 9.9.9.9] user a not found: /'",
                Mode::Aggressive,
                None,
            ),
        ] {
            let got = read(message.as_bytes(), mode).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), want, "{message}");
        }
    }
}
