//! 3proxy's log in the formats of its manual: `DATE SERVICE.PORT ERROR USER ADDRESS:PORT SERVER:PORT OUT IN HOPS TEXT`. The errors 1 to 9
//! are those of authentication.
//!
//! User and text are the peer's, and 3proxy lets both be as they are unless `logformat` says otherwise. A line that can be
//! read in two ways counts for nobody, and one that a user's name breaks is of the peer's own making.

use super::text::undated;
use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const FAILED: &str = "<WORD> 0000<1|2|3|4|5|6|7|8|9> <*> <PEER> <WORD> <N> <N> <N><*>";
    template::first(&[FAILED], undated(message).trim_ascii_start())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn failed_authentication_counts() {
        for (text, counts) in [
            ("PROXY.3128 00005 a 10.1.1.1:28788 0.0.0.0:0 0 0 0 GET http://9.9.9.9/ HTTP/1.1", true),
            ("SOCKS.1080 00003 a b 10.1.1.1:28788 [::]:0 0 0 0 CONNECT", true),
            ("SOCKS.1080 00003 a 9.9.9.9:1 b 10.1.1.1:28788 0.0.0.0:0 0 0 0 CONNECT", true),
            ("SOCKS.1080 00003 a 9.9.9.9:1 0.0.0.0:0 0 0 0 10.1.1.1:28788 0.0.0.0:0 0 0 0 CONNECT", false),
            ("PROXY.3128 00000 a 10.1.1.1:28788 192.0.2.1:80 5 5 0 GET http://b/ HTTP/1.1", false),
            ("PROXY.3128 00010 a 10.1.1.1:28788 192.0.2.1:80 5 5 0 GET http://b/ HTTP/1.1", false),
        ] {
            for start in ["", "11-06-2013 02:09:43 +0300 ", "1386543323.000  "] {
                let message = format!("{start}{text}");
                assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
            }
        }
    }
}
