//! Headers with functions for `bash`, by Apache's error log: what the shell of a CGI script says of them.

use super::apache::{self, Entry};
use super::split_first;
use super::text::after_any;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let Entry { text, peer, .. } = apache::entry(message)?;
    let text = apache::before_referer(text);
    // 2.4.55 and later name the script.
    let text = match text.strip_prefix(b"stderr from ") {
        Some(rest) => split_first(rest, b": ")?.1,
        None => text,
    };
    let said = after_any(text, &[b"/bin/sh: ", b"/bin/bash: ", b"/bin/dash: "])?;
    let header = match said.strip_prefix(b"warning: HTTP_") {
        Some(rest) => rest.strip_suffix(b": ignoring function definition attempt"),
        None => said.strip_prefix(b"error importing function definition for `HTTP_")?.strip_suffix(b"'"),
    };
    peer.filter(|_| header.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn functions_in_headers_count() {
        for (text, counts) in [
            ("AH01215: /bin/bash: warning: HTTP_TEST: ignoring function definition attempt", true),
            ("AH01215: /bin/bash: error importing function definition for `HTTP_TEST', referer: a", true),
            ("/bin/sh: warning: HTTP_A: ignoring function definition attempt, referer: b", true),
            ("AH01215: stderr from /srv/a: /bin/bash: warning: HTTP_A: ignoring function definition attempt", true),
            ("AH01215: /bin/bash: warning: PATH: ignoring function definition attempt", false),
            ("AH01215: /bin/bash: a: command not found", false),
            ("AH01215: a: /bin/bash: warning: HTTP_A: ignoring function definition attempt", false),
        ] {
            let message = format!("[cgi:error] [pid 5] [client 10.1.1.1:5] {text}");
            assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
        }
    }
}
