//! Roundcube, as `rcube_imap.php` and `rcmail.php` log it: `[<SESSION> ][IMAP Error: ]Login failed for NAME[ against HOST] from
//! PEER. ANSWER[ in FILE on line N] (POST URI)` and `Failed login for NAME from PEER in session ID (error: N)`.
//!
//! PEER is `ADDRESS[ (X-Real-IP: TEXT,X-Forwarded-For: TEXT)]`. The peer chooses the name, the headers and the URI, and the
//! IMAP server's answer may quote the name. So every ` from ADDRESS` is the right one if what follows it may follow it
//! there: an answer begins with a command or a sentence, never with `from` or `in`. If two differ, it counts for nobody.

use super::text::{Reading, after_any, agreed};
use super::{split_first, trim_end};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    // What stands between the date of a log file and the message.
    let message = message.strip_prefix(b": ").unwrap_or(message);
    let message = match message.strip_prefix(b"<") {
        Some(session) => split_first(session, b"> ")?.1,
        None => message,
    };
    let message = message.strip_prefix(b"IMAP Error: ").unwrap_or(message);
    let rest = after_any(trim_end(message), &[b"Login failed for ", b"Failed login for ", b"FAILED login for "])?;
    agreed(rest, b" from ", |_, after| peer(after).map_or(Reading::No, Reading::Peer))
}

/// The address that the text begins with, if the rest may follow the peer's.
fn peer(text: &[u8]) -> Option<Addr> {
    let end = text.iter().position(|b| matches!(b, b' ' | b'(')).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end)?;
    let (address, follows) = match word.strip_suffix(b".") {
        Some(address) => (address, after_any(rest, &[b" from ", b" in "]).is_none()),
        None => (word, rest.is_empty() || after_any(rest, &[b" (", b"(", b" in session "]).is_some()),
    };
    Addr::parse(address).ok().filter(|_| follows)
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
                ("IMAP Error: Login failed for a@b.example from 10.1.1.1", OURS),
                (
                    ": <abc> IMAP Error: Login failed for a against b.example from 10.1.1.1. AUTHENTICATE PLAIN: Authentication failed. in /srv/rcube_imap.php on line 7 (POST /?_task=login&_action=login)",
                    OURS,
                ),
                ("<abc> Failed login for a from 2001:db8::1 in session xyz (error: 0)", Some("2001:db8::1")),
                (": Login failed for a from 10.1.1.1. Could not connect to b.example:143: Connection refused", OURS),
                (
                    "Login failed for a from 9.9.9.9 from 10.1.1.1. LOGIN: NO user=a from 9.9.9.9 in /srv/rcube_imap.php on line 7 (POST /)",
                    OURS,
                ),
                (
                    "Login failed for a from 9.9.9.9. from 10.1.1.1. LOGIN: NO user=a from 9.9.9.9. in /srv/rcube_imap.php on line 7 (POST /)",
                    OURS,
                ),
                (
                    "Login failed for a from 10.1.1.1(X-Real-IP: 9.9.9.9,X-Forwarded-For: 9.9.9.9). LOGIN: NO in /srv/a.php on line 7 (POST /)",
                    OURS,
                ),
                (
                    "Login failed for a from 10.1.1.1 (X-Forwarded-For: x) from 9.9.9.9. y). LOGIN: NO in /srv/a.php on line 7 (POST /)",
                    None,
                ),
                ("Login failed for a from 9.9.9.9. x from 10.1.1.1. LOGIN: NO in /srv/a.php on line 7 (POST /)", None),
                ("Login failed for a from 10.1.1.1. LOGIN: NO in /srv/a.php on line 7 (POST / from 9.9.9.9. x)", None),
                ("Successful login for a (ID: 7) from 9.9.9.9 in session xyz", None),
                ("<abc> PHP Error: Login failed for a from 9.9.9.9. x", None),
            ],
        );
    }
}
