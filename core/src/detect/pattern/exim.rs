//! Exim's main log, as `smtp_in.c` and `acl.c` write it: into a file of its own or through syslog.
//!
//! The peer is `[NAME ][(HELO) ][ADDRESS][:PORT][ I=[ADDRESS]:PORT][ Ci=N]`. HELO is the peer's text, and so is what most
//! messages have behind it; where both can be read as the other, a message counts for nobody.
//!
//! | mode | counts |
//! |---|---|
//! | `normal`, `ddos` | failed authentication |
//! | `extra` | also unknown recipients, relaying, errors in the protocol: fail2ban's mode `more` |
//! | `aggressive` | also peers without a name |

use super::text::{Reading, after_any, agreed, contains, contains_any, undated, word};
use super::{is_port, split_first, split_last};
use crate::addr::Addr;
use crate::detect::Mode;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Addr> {
    let message = start(message);
    if let Some((_, rest)) = word(message)
        && let Some(rest) = rest.strip_prefix(b"authenticator failed for ")
    {
        return before_any(rest, b": 535 Incorrect authentication data");
    }
    match mode {
        Mode::Normal | Mode::Ddos => None,
        Mode::Extra => rejected(message),
        Mode::Aggressive => rejected(message).or_else(|| nameless(message)),
    }
}

/// Without date, time zone, `[PID] ` and message id.
pub(super) fn start(message: &[u8]) -> &[u8] {
    let mut rest = undated(message);
    while let Some((first, after)) = word(rest) {
        let is_zone =
            matches!(first, [b'+' | b'-', digits @ ..] if digits.len() == 4 && digits.iter().all(u8::is_ascii_digit));
        let is_pid = first.strip_prefix(b"[").and_then(|pid| pid.strip_suffix(b"]")).is_some_and(is_number);
        let is_id = matches!(first.len(), 16 | 23)
            && first.iter().filter(|b| **b == b'-').count() == 2
            && first.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
        if !(is_zone || is_pid || is_id) {
            break;
        }
        rest = after;
    }
    rest
}

fn is_number(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// The peer that stands at the end of the text.
fn peer(text: &[u8]) -> Option<Addr> {
    let text = match split_last(text, b" Ci=") {
        Some((before, connection)) if is_number(connection) => before,
        _ => text,
    };
    let text = match split_last(text, b" I=[") {
        Some((before, interface)) if !interface.contains(&b' ') => before,
        _ => text,
    };
    let text = match split_last(text, b"]:") {
        Some((before, port)) if is_port(port) => before,
        _ => text.strip_suffix(b"]")?,
    };
    let (before, address) = split_last(text, b"[")?;
    if matches!(before.last(), None | Some(b' ' | b'=')) { Addr::parse(address).ok() } else { None }
}

/// The peer that stands before these words, wherever they stand: Exim always writes one there.
fn before_any(text: &[u8], words: &[u8]) -> Option<Addr> {
    agreed(text, words, |before, _| peer(before).map_or(Reading::No, Reading::Peer))
}

fn rejected(message: &[u8]) -> Option<Addr> {
    if message.starts_with(b"H=") {
        const REASONS: [&[u8]; 6] = [
            b": relay not permitted",
            b": Relay not permitted",
            b": Sender verify failed",
            b": Unknown user",
            b": Unrouteable address",
            b": all relevant MX records point to non-existent hosts",
        ];
        if !contains_any(message, &REASONS) || contains(message, b" temporarily rejected ") {
            return None;
        }
        // A line with both is one that the peer made look like the other.
        return match (contains(message, b" sender verify fail for "), contains(message, b" F=")) {
            (true, false) => before_any(message, b" sender verify fail for "),
            (false, true) if contains(message, b" rejected RCPT ") => before_any(message, b" F="),
            _ => None,
        };
    }
    if let Some(rest) = message.strip_prefix(b"SMTP protocol synchronization error (") {
        return agreed(rest, b"input=\"", |before, _| {
            let before = before.strip_suffix(b"next ").unwrap_or(before);
            before.strip_suffix(b" ").and_then(peer).map_or(Reading::No, Reading::Peer)
        });
    }
    if let Some(rest) = message.strip_prefix(b"SMTP protocol error in \"") {
        if let Some(before) = rest.strip_suffix(b" AUTH command used when not advertised") {
            return peer(before);
        }
        let before = rest.strip_suffix(b" authentication mechanism not supported")?;
        return peer(split_last(before, b" ")?.0);
    }
    if let Some(rest) = message.strip_prefix(b"no MAIL in SMTP connection from ") {
        return before_any(rest, b" D=");
    }
    if let Some(rest) = message.strip_prefix(b"SMTP connection from ") {
        return peer(rest.strip_suffix(b" closed by DROP in ACL")?);
    }
    before_any(message.strip_prefix(b"SMTP call from ")?, b" dropped: too many ")
}

fn nameless(message: &[u8]) -> Option<Addr> {
    if let Some(address) = message.strip_prefix(b"no host name found for IP address ") {
        return Addr::parse(address).ok();
    }
    if message.starts_with(b"no IP address found for host ") {
        let (_, rest) = split_first(message, b" (during SMTP connection from ")?;
        return peer(rest.strip_suffix(b")")?);
    }
    after_any(message, &[b"H="])?;
    before_any(message, b" dropped by 'connect' ACL")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_peer() {
        let ours = Some("10.1.1.1");
        for (message, mode, want) in [
            (
                "login authenticator failed for a.example ([9.9.9.9]) [10.1.1.1]: 535 Incorrect authentication data",
                Mode::Normal,
                ours,
            ),
            (
                "login authenticator failed for (a) [10.1.1.1]:4711 I=[10.0.0.1]:25 Ci=5: 535 Incorrect authentication data (set_id=[9.9.9.9])",
                Mode::Normal,
                ours,
            ),
            (
                "login authenticator failed for (a) [10.1.1.1]: 535 Incorrect authentication data (set_id=a [9.9.9.9]: 535 Incorrect authentication data)",
                Mode::Normal,
                None,
            ),
            (
                "login authenticator failed for a [10.1.1.1]: 435 Unable to authenticate at present",
                Mode::Aggressive,
                None,
            ),
            ("H=(a) [10.1.1.1] F=<x@y> rejected RCPT <u@z>: Unknown user", Mode::Normal, None),
            ("H=(a) [10.1.1.1] F=<x@y> rejected RCPT <u@z>: Unknown user", Mode::Extra, ours),
            ("H=(a) [10.1.1.1] F=<x@y> temporarily rejected RCPT <u@z>: Unknown user", Mode::Extra, None),
            ("[5] 1akDqs-0005aQ-9b SMTP connection from a [10.1.1.1] closed by DROP in ACL", Mode::Extra, ours),
            ("no host name found for IP address 10.1.1.1", Mode::Extra, None),
            ("no host name found for IP address 10.1.1.1", Mode::Aggressive, ours),
            (
                "SMTP protocol error in \"AUTH X H=[9.9.9.9] AUTH\" H=(b) [10.1.1.1] AUTH command used when not advertised",
                Mode::Extra,
                ours,
            ),
        ] {
            let got = read(message.as_bytes(), mode).map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), want, "{message}");
        }
    }
}
