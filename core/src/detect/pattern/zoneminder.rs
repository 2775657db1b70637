//! ZoneMinder's web interface, as `logger.php` writes into Apache's error log: `ERR [MESSAGE]`, `WAR [MESSAGE]`.

use super::apache::{self, Entry};
use super::text::after_any;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let Entry { text, peer, .. } = apache::entry(message)?;
    // From PHP's own processes it comes with this.
    let text = text.strip_prefix(b"Got error 'PHP message: ").unwrap_or(text);
    let said = after_any(text, &[b"ERR [", b"WAR ["])?;
    peer.filter(|_| after_any(said, &[b"Login denied for user \"", b"Could not retrieve user "]).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn failed_logins_count() {
        for (text, counts) in [
            ("ERR [Could not retrieve user a details], referer: b", true),
            ("WAR [Login denied for user \"a\"], referer: b", true),
            ("AH01071: Got error 'PHP message: ERR [Login denied for user \"a\"]'", true),
            ("INF [Login successful for user \"ERR [Login denied for user \"\"]", false),
        ] {
            let message = format!("[php7:notice] [pid 5] [client 10.1.1.1:5] {text}");
            assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
        }
    }
}
