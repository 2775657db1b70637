//! Dovecot's login processes and its `auth`, as `login-common` and `auth-request.c` print them in versions 1.2 to 2.4,
//! through syslog (as program `dovecot`) or into a file of its own (as programs `imap-login`, `auth`, ...).
//!
//! `normal` counts failed logins; `aggressive` also connections that end without one.

use super::text::{Reading, after_any, agreed, contains, contains_any};
use super::{pam, split_first, split_last};
use crate::addr::Addr;
use crate::detect::Mode;

/// `auth-worker(22401)`, `auth(default)`.
pub(in crate::detect) fn is_program(name: &[u8]) -> bool {
    matches!(split_first(name, b"("), Some((b"auth-worker" | b"auth", _)))
}

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Addr> {
    let mut message = message;
    // `dovecot: auth-worker(5787): Info: conn unix:auth-worker (pid=27359,uid=97): auth-worker<55>: `
    while let Some((process, rest)) = split_first(message, b": ")
        && is_process(process)
    {
        message = rest;
    }
    if message.starts_with(b"pam_") {
        let (module, rest) = split_first(message, b": ")?;
        return if module.ends_with(b"(dovecot:auth)") { pam::failure(rest) } else { None };
    }
    login(message, mode).or_else(|| lookup(message))
}

fn is_process(name: &[u8]) -> bool {
    matches!(name, b"dovecot" | b"dovecot-auth" | b"auth" | b"Info")
        || name.ends_with(b"-login")
        || after_any(name, &[b"auth(", b"auth-worker(", b"auth-worker<", b"conn unix:auth-worker ("]).is_some()
}

/// `HOW IT ENDED (REASON): user=<NAME>, method=PLAIN, rip=ADDRESS, lip=...`: the name is the peer's, what stands behind
/// the last `rip=` is not.
fn login(message: &[u8], mode: Mode) -> Option<Addr> {
    const STARTS: [&[u8]; 5] =
        [b"Aborted login", b"Login aborted", b"Disconnected", b"Client has quit", b"Remote closed connection"];
    const FAILED: [&[u8]; 4] =
        [b"(auth failed, ", b"(tried to use disabled ", b"(tried to use disallowed ", b"(proxy dest auth failed"];
    const LEFT: [&[u8]; 4] = [
        b"(no auth attempts",
        b"(disconnected before auth was ready",
        b"(client didn't finish ",
        b"(disconnected during TLS handshake",
    ];
    after_any(message, &STARTS)?;
    let (end, fields) = split_first(message, b"): ")?;
    if !(contains_any(end, &FAILED) || (mode == Mode::Aggressive && contains_any(end, &LEFT))) {
        return None;
    }
    let (before, after) = split_last(fields, b"rip=")?;
    if !(before.is_empty() || before.ends_with(b", ")) {
        return None;
    }
    let address = split_first(after, b", ").map_or(after, |(address, _)| address);
    Addr::parse(address).ok()
}

/// `DRIVER(NAME,ADDRESS[,<SESSION>]): REASON`: the name is the peer's, and so is the end where the server logs passwords.
fn lookup(message: &[u8]) -> Option<Addr> {
    /// `auth`'s password databases. What other processes print begins in the same way (`imap(NAME): `).
    const DRIVERS: [&[u8]; 11] = [
        b"bsdauth",
        b"checkpassword",
        b"dict",
        b"ldap",
        b"lua",
        b"oauth2",
        b"pam",
        b"passwd",
        b"passwd-file",
        b"shadow",
        b"sql",
    ];
    let (driver, _) = split_first(message, b"(")?;
    if !DRIVERS.contains(&driver) {
        return None;
    }
    let (before, reason) = split_last(message, b"): ")?;
    if !contains(message, b"given password") {
        return if is_failure(reason) { reader(before) } else { None };
    }
    let (_, reason) = split_first(message, b"): ")?;
    if is_failure(reason) { agreed(message, b"): ", |before, _| Reading::of(reader(before))) } else { None }
}

fn is_failure(reason: &[u8]) -> bool {
    const REASONS: [&[u8]; 7] = [
        b"unknown user",
        b"Password mismatch",
        b"password mismatch",
        b"invalid credentials",
        b"pam_authenticate() failed: Authentication failure",
        b"pam_authenticate() failed: User not known",
        b"pam_authenticate() failed: Permission denied",
    ];
    after_any(reason, &REASONS).is_some()
}

/// The address at the end of `DRIVER(NAME,ADDRESS[,[<SESSION>]]`.
fn reader(text: &[u8]) -> Option<Addr> {
    let text = match text.strip_suffix(b">") {
        Some(text) => {
            let (text, session) = split_last(text, b",<")?;
            if session.iter().any(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'+' | b'/')) {
                return None;
            }
            text
        }
        None => text.strip_suffix(b",").unwrap_or(text),
    };
    Addr::parse(split_last(text, b",")?.1).ok()
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
                "imap-login: Disconnected (auth failed, 2 attempts): user=<a>, method=PLAIN, rip=10.1.1.1, lip=10.0.0.1, TLS",
                Mode::Normal,
                ours,
            ),
            (
                "Info: Aborted login (auth failed, 1 attempts): user=<a>, rip=9.9.9.9, lip=1>, method=PLAIN, rip=10.1.1.1",
                Mode::Normal,
                ours,
            ),
            (
                "imap-login: Login: user=<a>, method=PLAIN, rip=10.1.1.1, lip=10.0.0.1, mpid=1, TLS",
                Mode::Aggressive,
                None,
            ),
            (
                "imap-login: Login: user=<Disconnected (auth failed, 1 attempts): rip=9.9.9.9>, rip=10.1.1.1",
                Mode::Aggressive,
                None,
            ),
            ("imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip=10.1.1.1, lip=1", Mode::Normal, None),
            (
                "imap-login: Disconnected (no auth attempts in 0 secs): user=<>, rip=10.1.1.1, lip=1",
                Mode::Aggressive,
                ours,
            ),
            ("auth: passwd-file(a,10.1.1.1): unknown user", Mode::Normal, ours),
            ("auth: pam(a,9.9.9.9): unknown user,10.1.1.1,<abc+/>): unknown user", Mode::Normal, ours),
            ("auth: pam(a,10.1.1.1): unknown user (given password: b,9.9.9.9): unknown user)", Mode::Normal, None),
            ("auth: pam(a): unknown user (given password: b,9.9.9.9): unknown user)", Mode::Normal, None),
            ("auth: pam(a,10.1.1.1): unknown user (given password: b)", Mode::Normal, ours),
            (
                "auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=a rhost=10.1.1.1  user=a",
                Mode::Normal,
                ours,
            ),
            (
                "auth: pam_unix(dovecot:auth): authentication failure; logname= uid=0 euid=0 tty=dovecot ruser=a rhost=9.9.9.9 rhost=10.1.1.1",
                Mode::Normal,
                None,
            ),
        ] {
            let got = read(message.as_bytes(), mode).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), want, "{message}");
        }
    }
}
