//! Requests that ModSecurity denied, by Apache's error log: `ModSecurity: [KEY "VALUE"]... Access denied with code 403...`, in 2.9
//! behind another `[client ADDRESS]`, and in 2.9 and 3 with what it says before the brackets.

use super::apache::{self, Entry};
use super::split_first;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let Entry { text, peer, .. } = apache::entry(message)?;
    let text = match text.strip_prefix(b"[client ") {
        Some(rest) => split_first(rest, b"] ")?.1,
        None => text,
    };
    let mut rest = text.strip_prefix(b"ModSecurity:")?.trim_ascii_start();
    while let Some(inner) = rest.strip_prefix(b"[") {
        rest = after_bracket(inner)?.trim_ascii_start();
    }
    let code = rest.strip_prefix(b"Access denied with code ")?;
    peer.filter(|_| matches!(code, [b'4' | b'5', b'0'..=b'9', b'0'..=b'9', ..]))
}

/// What follows the bracket that ends here: none in quotes does.
fn after_bracket(text: &[u8]) -> Option<&[u8]> {
    let mut rest = text;
    loop {
        let at = memchr::memchr2(b'"', b']', rest)?;
        let after = rest.get(at + 1..)?;
        if rest.get(at) == Some(&b']') {
            return Some(after);
        }
        (_, rest) = split_first(after, b"\"")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn denied_requests_count() {
        for (text, counts) in [
            ("ModSecurity: Access denied with code 403 (phase 2). Matched", true),
            (
                "[client 9.9.9.9] ModSecurity: [file \"a]\"] [line \"5\"] [x] Access denied with code 501 (phase 1).",
                true,
            ),
            ("ModSecurity:  [msg \"[client 9.9.9.9]\"] Access denied with code 403", true),
            ("ModSecurity: Access denied with code 302", false),
            ("ModSecurity: Warning. Access denied with code 403", false),
            ("ModSecurity: [msg \"Access denied with code 403\"] Warning.", false),
            ("ModSecurity: [msg \"a] Access denied with code 403", false),
        ] {
            let message = format!("[:error] [pid 5] [client 10.1.1.1:5] {text}");
            assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
        }
    }
}
