//! HAProxy's HTTP log: requests that it answered itself, with status 401, for want of a password. The peer comes first, and IPv6
//! has its port without brackets.

use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells. A browser's first request has no password either.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&["<PEER> [<^]>] <WORD> <^/ >/\\<NOSRV\\> <-|><N>/-1/-1/-1/<+|><N> 401 <*>"], message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn unanswered_passwords_count() {
        for (text, counts) in [
            ("main main/<NOSRV> -1/-1/-1/-1/0 401 248 - - PR-- 0/0/0/0/0 0/0 \"GET / HTTP/1.1\"", true),
            ("main~ app/<NOSRV> 0/-1/-1/-1/+5 401 248 - - PR-- 0/0/0/0/0 0/0 {9.9.9.9} \"GET / HTTP/1.1\"", true),
            ("main app/app1 1939/0/1/0/1940 401 5168 - - ---- 3/3/0/0/0 0/0 \"GET / HTTP/1.1\"", false),
            ("main main/<NOSRV> -1/-1/-1/-1/0 403 248 - - PR-- 0/0/0/0/0 0/0 \"GET / HTTP/1.1\"", false),
        ] {
            let message = format!("10.1.1.1:58430 [14/Nov/2015:22:45:11.608] {text}");
            assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
            let message = format!("::ffff:10.1.1.1:58430 [14/Nov/2015:22:45:11.608] {text}");
            assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
        }
    }
}
