//! MySQL's and MariaDB's server: `[DATE ][THREAD ][LABEL] [[MORE] ...]Access denied for user 'NAME'@'ADDRESS'`, with ` (using
//! password: YES)`, or with ` to database 'NAME'` for a name that may log in elsewhere.
//!
//! The names are the peer's. The server writes the ends of lines in them as they are: a peer can so write any line.

use super::text::{Reading, after_any, agreed, contains, undated, word};
use super::{split_first, trim_end};
use crate::addr::Addr;
use crate::detect::template;

const DENIED: [&str; 1] = ["'<*>'@'<ADDR>'< (using password: YES)| (using password: NO)|>"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let mut text = trim_end(undated(message));
    if let Some((thread, rest)) = word(text)
        && thread.iter().all(u8::is_ascii_digit)
    {
        text = rest;
    }
    text = after_any(text, &[b"[Warning] ", b"[Note] ", b"[ERROR] "])?;
    while let Some(more) = text.strip_prefix(b"[") {
        text = split_first(more, b"] ")?.1;
    }
    let who = text.strip_prefix(b"Access denied for user ")?;
    if !contains(who, b"' to database '") {
        return template::first(&DENIED, who);
    }
    // Either name may hold the words that end it.
    agreed(who, b"'@'", |_, after| Reading::of(split_first(after, b"'").and_then(|(host, _)| Addr::parse(host).ok())))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &DENIED,
            read,
            &[
                ("[Warning] Access denied for user 'root'@'10.1.1.1' (using password: NO)", OURS),
                ("130916 21:30:32 [Warning] Access denied for user 'a'@'10.1.1.1' (using password: YES)", OURS),
                ("2019-09-06  1:45:18 140581192722176 [Warning] Access denied for user 'a'@'10.1.1.1'", OURS),
                (
                    "113 [Note] [MY-010926] [Server] Access denied for user ''@'2001:db8::1' (using password: NO)",
                    Some("2001:db8::1"),
                ),
                (
                    "[Note] Access denied for user 'a'@'9.9.9.9' (using password: NO)'@'10.1.1.1' (using password: YES)",
                    OURS,
                ),
                ("[Note] Access denied for user 'a'@'10.1.1.1' to database 'b'", OURS),
                ("[Note] Access denied for user 'a'@'10.1.1.1' to database 'b'@'9.9.9.9'", None),
                ("[Note] Access denied for user 'a'@'9.9.9.9' to database 'b'@'10.1.1.1' (using password: YES)", None),
                ("[Note] Access denied for user 'a' to database ''@'9.9.9.9'@'localhost'", None),
                ("[Note] Access denied for user 'a'@'localhost' (using password: YES)", None),
                ("[Note] Access denied for user 'a'@'9.9.9.9' (using password: YES) and more", None),
                ("Access denied for user 'a'@'9.9.9.9'", None),
                ("[Note] Aborted connection 5 to db: 'a' user: 'b' host: '9.9.9.9' (Got an error reading)", None),
            ],
        );
    }
}
