//! HCL Domino's SMTP server, as it logs to its console and `console.log`.
//!
//! `SMTP Server: Authentication failed for user NAME ; connecting host ADDRESS`, `smtp: NAME [ADDRESS] authentication failure
//! using internet password`. Name and address stand between words that are always there: the address is what stands before
//! the last of them, or behind it.

use super::{after_last, split_first, trim_end};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let message = trim_end(message);
    if let Some(rest) = message.strip_prefix(b"smtp: ") {
        let peer = rest.strip_suffix(b" authentication failure using internet password")?;
        return addr(after_last(peer, b" ").unwrap_or(peer));
    }
    let rest = message.strip_prefix(b"SMTP Server")?;
    let rest = match rest.strip_prefix(b":") {
        Some(rest) => rest,
        // The process and its thread.
        None => split_first(rest.strip_prefix(b" [")?, b"]")?.1,
    };
    if let Some(rest) = rest.strip_prefix(b" Authentication failed for user ") {
        return addr(after_last(rest, b" ; connecting host ")?);
    }
    addr(split_first(rest.strip_prefix(b" Connection from ")?, b" rejected for policy reasons.")?.0)
}

/// An address, in brackets or not.
fn addr(text: &[u8]) -> Option<Addr> {
    let inner = text.strip_prefix(b"[").and_then(|text| text.strip_suffix(b"]"));
    Addr::parse(inner.unwrap_or(text)).ok()
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &[],
            read,
            &[
                ("smtp: a [10.1.1.1] authentication failure using internet password", OURS),
                ("smtp: a b 10.1.1.1 authentication failure using internet password ", OURS),
                ("smtp: [2001:db8::1] authentication failure using internet password", Some("2001:db8::1")),
                (
                    "smtp: a [9.9.9.9] authentication failure using internet password [10.1.1.1] authentication failure using internet password",
                    OURS,
                ),
                ("SMTP Server: Authentication failed for user a ; connecting host 10.1.1.1", OURS),
                (
                    "SMTP Server [007F:0008-0E7C] Authentication failed for user a ; connecting host 9.9.9.9 ; connecting host [10.1.1.1]",
                    OURS,
                ),
                ("SMTP Server: Connection from [10.1.1.1] rejected for policy reasons. a", OURS),
                (
                    "SMTP Server: Connection from 10.1.1.1 rejected for policy reasons.  b 9.9.9.9 rejected for policy reasons.",
                    OURS,
                ),
                ("SMTP Server: a.example (9.9.9.9) connected", None),
                ("smtp: A A A 9.9.9.9", None),
            ],
        );
    }
}
