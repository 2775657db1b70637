//! Requests that Apache cannot read, by its error log: as `core.c`, `request.c` and `protocol.c` of 2.2 and 2.4 say it.

use super::apache;
use super::text::after_any;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const STARTS: [&[u8]; 9] = [
        b"Invalid URI in request ",
        b"Invalid method in request ",
        b"invalid URI path (",
        b"invalid method in request ",
        b"request failed: URI too long (longer than ",
        b"request failed: client's request-line exceeds LimitRequestLine (longer than ",
        b"request failed: erroneous characters after protocol string: ",
        b"request failed: invalid characters in URI",
        b"request failed: malformed request line",
    ];
    let entry = apache::entry(message)?;
    entry.peer.filter(|_| after_any(entry.text, &STARTS).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn what_cannot_be_read_counts() {
        for (text, counts) in [
            (r"Invalid URI in request \xf9h [client 9.9.9.9] ", true),
            ("AH00126: Invalid URI in request '/a' 'GET /a'", true),
            ("AH00135: Invalid method in request NOOP", true),
            ("AH10244: invalid URI path (/cgi-bin/.%2e/)", true),
            ("AH00565: request failed: client's request-line exceeds LimitRequestLine (longer than 8190)", true),
            ("request failed: URI too long (longer than 8190)", true),
            ("File does not exist: /Invalid URI in request ", false),
        ] {
            let message = format!("[core:error] [pid 5] [client 10.1.1.1:5] {text}");
            assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
        }
    }
}
