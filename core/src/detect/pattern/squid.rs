//! Squid's access log, in its own format: `[SECONDS] DURATION ADDRESS RESULT/STATUS SIZE METHOD URL...`. What the peer asks for comes
//! behind its address. Queries over UDP do not count: whoever sends one may write another's address on it.

use super::split_last;
use super::text::{undated, word};
use crate::addr::Addr;

/// Whose failure a message tells: a use of the proxy that it denies, or a method that it does not know.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let (duration, rest) = word(undated(message).trim_ascii_start())?;
    if !duration.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (address, rest) = word(rest)?;
    let (result, status) = split_last(word(rest)?.0, b"/")?;
    let denied = match status {
        b"403" => result.starts_with(b"TCP_DENIED"),
        b"405" => matches!(result, b"NONE" | b"NONE_NONE" | b"TCP_NONE"),
        _ => false,
    };
    if denied { Addr::parse(address).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn denied_uses_count() {
        for (text, counts) in [
            ("TCP_DENIED/403 4099 GET http://a/azenv.php - HIER_NONE/- text/html", true),
            ("TCP_DENIED_REPLY/403 4099 GET http://a/ b HIER_NONE/- text/html", true),
            ("NONE/405 1242 TEST /9.9.9.9 TCP_DENIED/403 - NONE/- text/html", true),
            ("NONE_NONE/405 1242 TEST / - HIER_NONE/- text/html", true),
            ("TCP_DENIED/407 4099 GET http://a/ - HIER_NONE/- text/html", false),
            ("TCP_MISS/403 4099 GET http://a/ - HIER_DIRECT/9.9.9.9 text/html", false),
            ("UDP_DENIED/403 0 ICP_QUERY http://a/ - HIER_NONE/- -", false),
        ] {
            for start in ["4 ", "1386543323.000      4 ", "     12 "] {
                let message = format!("{start}10.1.1.1 {text}");
                assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
            }
        }
    }
}
