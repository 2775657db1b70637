//! lighttpd's error log, as `http_auth.c`, `mod_auth.c` and `mod_authn_gssapi.c` of 1.4 print it: `(FILE.LINE) MESSAGE`, into a file of
//! its own or through syslog. The address is the last.

use super::split_first;
use super::text::{after_any, undated};
use crate::addr::Addr;
use crate::detect::template;

/// What follows the file and the line.
const TEMPLATES: [&str; 4] = [
    "password doesn't match for <*> username: <*> IP: <ADDR>",
    "digest: auth failed for <*>: wrong password, IP: <ADDR>",
    "digest: auth failed: uri mismatch (<*> != <*>), IP: <ADDR>",
    "get_password failed, IP: <ADDR>",
];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let place = after_any(undated(message), &[b"(http_auth.c.", b"(mod_auth.c.", b"(mod_authn_gssapi.c."])?;
    template::first(&TEMPLATES, split_first(place, b") ")?.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn the_address_is_the_last() {
        for (text, counts) in [
            ("password doesn't match for /a/ username: b, IP: 10.1.1.1", true),
            ("password doesn't match for / username: a IP: 9.9.9.9 IP: 10.1.1.1", true),
            ("digest: auth failed for  a : wrong password, IP: 10.1.1.1", true),
            ("digest: auth failed for a: wrong password, IP: 9.9.9.9: wrong password, IP: 10.1.1.1", true),
            ("digest: auth failed: uri mismatch (/a != /b), IP: 10.1.1.1", true),
            ("get_password failed, IP: 10.1.1.1", true),
            ("get_password failed, IP: 10.1.1.1 x", false),
            ("digest: missing field, IP: 10.1.1.1", false),
        ] {
            for place in ["(http_auth.c.875)", "2021-09-30 17:44:37: (mod_auth.c.791)"] {
                let message = format!("{place} {text}");
                assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
            }
        }
        assert_eq!(read(b"(mod_fastcgi.c.5) FastCGI-stderr: (mod_auth.c.5) get_password failed, IP: 10.1.1.1"), None);
    }
}
