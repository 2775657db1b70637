//! Postfix's `smtpd` and `postscreen`, as `smtpd.c`, `smtpd_sasl_glue.c`, `smtpd_check.c` and `postscreen_*.c` print them.
//!
//! The peer is `NAME[ADDRESS]` or `NAME[ADDRESS]:PORT`, a word of its own, before anything that the peer chooses; NAME is
//! what the DNS says of the address.
//!
//! | mode | counts |
//! |---|---|
//! | `normal` | failed SASL authentication, commands that were rejected for good reason, pipelining without leave |
//! | `extra` | also too many errors |
//! | `ddos` | also connections that break off, and clients that are too many or too early |
//! | `aggressive` | all of these, and SASL mechanisms that do not exist |

use super::text::{after_any, contains_any, word};
use super::{is_port, split_first, split_last};
use crate::addr::Addr;
use crate::detect::Mode;

/// `postfix/smtpd`, `postfix/submission/smtpd`, `postfix-incoming/smtpd`.
pub(in crate::detect) fn is_program(name: &[u8]) -> bool {
    name.starts_with(b"postfix") && matches!(split_last(name, b"/"), Some((_, b"smtpd" | b"postscreen")))
}

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Addr> {
    if let Some(warning) = message.strip_prefix(b"warning: ") {
        return sasl(warning, mode).or_else(|| rate(warning, mode));
    }
    if let Some(rest) = message.strip_prefix(b"improper command pipelining after ") {
        return client(split_first(rest, b" from ")?.1);
    }
    if let Some(rest) = message.strip_prefix(b"too many errors after ") {
        return client(split_first(rest, b" from ")?.1).filter(|_| matches!(mode, Mode::Extra | Mode::Aggressive));
    }
    rejected(message).or_else(|| broken_off(message, mode))
}

/// `NAME[ADDRESS]`, with `:PORT` and a colon or comma behind it or not, up to a space or the end.
fn client(text: &[u8]) -> Option<Addr> {
    let client = word(text).map_or(text, |(client, _)| client);
    let client = client.strip_suffix(b":").or_else(|| client.strip_suffix(b",")).unwrap_or(client);
    let client = match split_last(client, b":") {
        Some((before, port)) if is_port(port) => before,
        _ => client,
    };
    let (_, address) = split_last(client.strip_suffix(b"]")?, b"[")?;
    Addr::parse(address).ok()
}

/// `CLIENT: SASL MECHANISM authentication failed: REASON[, sasl_username=NAME]`
fn sasl(text: &[u8], mode: Mode) -> Option<Addr> {
    let (_, rest) = word(text)?;
    let (_mechanism, rest) = word(rest.strip_prefix(b"SASL ")?)?;
    let reason = rest.strip_prefix(b"authentication failed:")?.trim_ascii_start();
    // The server's own trouble is nobody's failure.
    if after_any(reason, &[b"Connection lost to authentication server", b"Temporary authentication failure"]).is_some()
        || (reason.starts_with(b"Invalid authentication mechanism") && mode != Mode::Aggressive)
    {
        return None;
    }
    client(text)
}

const fn counts_ends(mode: Mode) -> bool {
    matches!(mode, Mode::Ddos | Mode::Aggressive)
}

/// `Message delivery request rate limit exceeded: 334 from CLIENT for service submission` and its relatives.
fn rate(text: &[u8], mode: Mode) -> Option<Addr> {
    let (what, rest) = split_first(text, b" limit exceeded: ")?;
    if !counts_ends(mode) || !(what.ends_with(b" rate") || what.ends_with(b" concurrency")) {
        return None;
    }
    client(split_first(rest, b" from ")?.1)
}

/// `QUEUEID: [milter-]reject: COMMAND from CLIENT: CODE ENHANCED REASON; from=<...> ...`
fn rejected(message: &[u8]) -> Option<Addr> {
    /// What is told to a client that did wrong; others (greylisting, full disks) shall come again.
    const REASONS: [&[u8]; 6] = [
        b"Helo command rejected: ",
        b"Client host rejected: ",
        b"Data command rejected: ",
        b"Command rejected",
        b"Relay access denied",
        b"Service unavailable;",
    ];
    const OF_ADDRESS: [&[u8]; 6] = [
        b"Access denied",
        b"User unknown",
        b"Domain not found",
        b"Relay access denied",
        b"need fully-qualified",
        b"not owned by user",
    ];
    let (queue, rest) = split_first(message, b": ")?;
    if !queue.iter().all(u8::is_ascii_alphanumeric) {
        return None;
    }
    let rest = after_any(rest, &[b"reject: ", b"milter-reject: "])?;
    let (command, rest) = split_first(rest, b" from ")?;
    if command.iter().any(|b| !b.is_ascii_uppercase() && *b != b'-') {
        return None;
    }
    let (_, told) = word(rest)?;
    let (code, told) = word(told)?;
    if !(matches!(code, [b'4' | b'5', _, _]) && code.iter().all(u8::is_ascii_digit)) {
        return None;
    }
    let told = match word(told) {
        Some(([b'4' | b'5', b'.', ..], told)) => told,
        _ => told,
    };
    // `<what was rejected>: `, which is the client's text.
    let told = match told {
        [b':', b' ', told @ ..] => told,
        [b'<', ..] => split_first(told, b">: ")?.1,
        _ => told,
    };
    let counts = match after_any(told, &[b"Sender address rejected: ", b"Recipient address rejected: "]) {
        Some(reason) => after_any(reason, &OF_ADDRESS).is_some(),
        None => after_any(told, &REASONS).is_some() && !contains_any(told, &[b"reylist"]),
    };
    if counts { client(rest) } else { None }
}

/// `lost connection after COMMAND from CLIENT`, `disconnect from CLIENT ehlo=1 auth=0/1 ...`, and postscreen's
/// `PREGREET 11 after 0.1 from [ADDRESS]:PORT: ...`, `HANGUP after 16 from ...`, `COMMAND TIME LIMIT from ...`.
fn broken_off(message: &[u8], mode: Mode) -> Option<Addr> {
    if !counts_ends(mode) {
        return None;
    }
    if let Some(rest) = message.strip_prefix(b"lost connection after ") {
        let (command, rest) = word(rest)?;
        // Who sends mail loses a connection there, too.
        if matches!(command, b"DATA" | b"AUTH") || !command.iter().all(u8::is_ascii_uppercase) {
            return None;
        }
        return client(rest.strip_prefix(b"from ")?);
    }
    if let Some(rest) = message.strip_prefix(b"disconnect from ") {
        let failed = word(rest)?.1.split(|b| *b == b' ').any(|field| {
            field.strip_prefix(b"auth=0/").is_some_and(|failed| matches!(failed.first(), Some(b'1'..=b'9')))
        });
        return if failed { client(rest) } else { None };
    }
    let starts: [&[u8]; 5] =
        [b"PREGREET ", b"HANGUP after ", b"COMMAND TIME LIMIT", b"COMMAND COUNT LIMIT", b"COMMAND LENGTH LIMIT"];
    client(split_first(after_any(message, &starts)?, b"from ")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, mode, want) in [
            ("warning: unknown[10.1.1.1]: SASL LOGIN authentication failed: UGFzc3dvcmQ6", Mode::Normal, ours),
            ("warning: unknown[10.1.1.1]: SASL LOGIN authentication failed: from [9.9.9.9]", Mode::Normal, ours),
            ("warning: unknown[10.1.1.1]:4711: SASL PLAIN authentication failed:", Mode::Normal, ours),
            ("warning: unknown[2001:db8::1]: SASL PLAIN authentication failed:", Mode::Normal, Some("2001:db8::1")),
            ("warning: a[10.1.1.1]: SASL X authentication failed: Invalid authentication mechanism", Mode::Extra, None),
            (
                "warning: a[10.1.1.1]: SASL X authentication failed: Connection lost to authentication server",
                Mode::Aggressive,
                None,
            ),
            (
                "NOQUEUE: reject: RCPT from evil[9.9.9.9].example[10.1.1.1]: 554 5.7.1 <a@b>: Relay access denied; helo=<[9.9.9.9]>",
                Mode::Normal,
                ours,
            ),
            (
                "NOQUEUE: reject: RCPT from a[10.1.1.1]: 450 4.2.0 <a@b>: Recipient address rejected: Greylisted; from=<>",
                Mode::Aggressive,
                None,
            ),
            (
                "NOQUEUE: reject: RCPT from [10.1.1.1]:4719: 550 5.7.1 Service unavailable; client [10.1.1.1] blocked using x",
                Mode::Normal,
                ours,
            ),
            ("NOQUEUE: reject: RCPT from a[10.1.1.1]: 452 4.3.1 Insufficient system storage", Mode::Aggressive, None),
            ("improper command pipelining after AUTH from unknown[10.1.1.1]: QUIT from x[9.9.9.9]", Mode::Normal, ours),
            ("lost connection after CONNECT from a[10.1.1.1]", Mode::Normal, None),
            ("lost connection after CONNECT from a[10.1.1.1]", Mode::Ddos, ours),
            ("lost connection after END-OF-MESSAGE from a[10.1.1.1]", Mode::Ddos, None),
            ("disconnect from a[10.1.1.1] ehlo=1 auth=0/1 quit=1 commands=2/3", Mode::Ddos, ours),
            ("disconnect from a[10.1.1.1] ehlo=1 auth=1 quit=1 commands=3", Mode::Ddos, None),
            ("PREGREET 14 after 0.2 from [10.1.1.1]:4711: EHLO x from [9.9.9.9]:1\\r\\n", Mode::Ddos, ours),
            ("too many errors after AUTH from a[10.1.1.1]", Mode::Normal, None),
            ("too many errors after AUTH from a[10.1.1.1]", Mode::Extra, ours),
        ] {
            let got = read(message.as_bytes(), mode).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), want, "{message}");
        }
    }

    #[test]
    fn instances_have_names() {
        for (name, want) in [
            ("postfix/smtpd", true),
            ("postfix-in/smtps/smtpd", true),
            ("postfix/postscreen", true),
            ("postfix/smtp", false),
            ("postfix/cleanup", false),
            ("smtpd", false),
        ] {
            assert_eq!(is_program(name.as_bytes()), want, "{name}");
        }
    }
}
