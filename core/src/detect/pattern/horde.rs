//! Horde and IMP, through syslog or into a file of its own: `[LEVEL: ][HORDE ][[LEVEL] ][[APPLICATION] ]FAILED LOGIN for NAME
//! [ADDRESS][ (forwarded for [TEXT])] to SERVER`, newer versions with `(ADDRESS)`.
//!
//! The name and `X-Forwarded-For` are the peer's: a message in which one of them looks like another address in its place
//! counts for nobody.

use super::text::{Reading, after_any, agreed, word};
use super::{split_first, trim_end};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let mut rest = trim_end(message);
    while let Some((first, after)) = word(rest) {
        let name = match first {
            b"HORDE" => first,
            [b'[', name @ .., b']'] => name,
            [level @ .., b':'] => level,
            _ => break,
        };
        if !name.iter().all(u8::is_ascii_alphanumeric) {
            return None;
        }
        rest = after;
    }
    agreed(rest.strip_prefix(b"FAILED LOGIN for ")?, b" ", |_, after| place(after).map_or(Reading::No, Reading::Peer))
}

/// The address that the text starts with, if the rest may follow it.
fn place(text: &[u8]) -> Option<Addr> {
    let (bracket, text) = text.split_first()?;
    let (address, rest) = match bracket {
        b'[' => split_first(text, b"]")?,
        b'(' => split_first(text, b")")?,
        _ => return None,
    };
    after_any(rest, &[b" to ", b" (forwarded for [", b"(forwarded for ["])?;
    Addr::parse(address).ok()
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
                (
                    r#"HORDE [error] [horde] FAILED LOGIN for a [10.1.1.1] to Horde [on line 116 of "/srv/login.php"]"#,
                    OURS,
                ),
                (
                    r#"HORDE [error] [imp] FAILED LOGIN for a@b [10.1.1.1] to {c.example:143 [imap/notls]} [pid 7 on line 139 of "/srv/imp.php"]"#,
                    OURS,
                ),
                ("[imp] FAILED LOGIN for a [10.1.1.1] (forwarded for [b]) to {c.example:143 [imap]}", OURS),
                ("ERR: HORDE [horde] FAILED LOGIN for a (10.1.1.1) to Horde [pid 7 on line 1 of \"/srv/a.php\"]", OURS),
                ("[imp] FAILED LOGIN for a [2001:db8::1](forwarded for [b]) to {c:143}", Some("2001:db8::1")),
                ("[imp] FAILED LOGIN for a [10.1.1.1] (forwarded for [x [9.9.9.9] to {b}]) to {c:143}", None),
                ("[imp] FAILED LOGIN for a [9.9.9.9] to {b} (10.1.1.1) to {c:143}", None),
                ("[imp] Login success for a [9.9.9.9] to {c:143}", None),
                ("[imp] a FAILED LOGIN for a [9.9.9.9] to {c:143}", None),
            ],
        );
    }
}
