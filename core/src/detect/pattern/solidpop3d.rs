//! solid-pop3d, as `main.c` prints it: `WHAT: NAME - PEER`, where PEER is `ADDRESS` or `HOST (ADDRESS)`.
//!
//! The name is the peer's, so the address is read from the end. It stands there if the server was built with
//! `--enable-logextend`, as Debian's was; one without logs no address at all, and then a name may look like both.

use super::text::after_any;
use super::{after_last, trim_end};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const FAILED: [&[u8]; 7] = [
        b"authentication failed: no such user: ",
        b"authentication failed: can't map user name: ",
        b"authentication failed for user ",
        b"authentication failed for mapped user ",
        b"APOP authentication failed for user ",
        b"can't find APOP secret for user ",
        b"root login not allowed",
    ];
    let peer = after_last(after_any(trim_end(message), &FAILED)?, b" - ")?;
    let address = match peer.strip_suffix(b")") {
        Some(named) => after_last(named, b" (")?,
        None => peer,
    };
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
                ("authentication failed: no such user: a - 10.1.1.1", OURS),
                ("authentication failed: can't map user name: a - b.example (10.1.1.1)", OURS),
                ("authentication failed for mapped user a - 10.1.1.1", OURS),
                ("authentication failed for user a - 9.9.9.9 - 10.1.1.1", OURS),
                ("authentication failed for user a - 9.9.9.9 (9.9.9.9) - b.example (10.1.1.1)", OURS),
                ("APOP authentication failed for user a - 2001:db8::1", Some("2001:db8::1")),
                ("can't find APOP secret for user a - 10.1.1.1", OURS),
                ("root login not allowed - 10.1.1.1", OURS),
                ("root login not allowed", None),
                ("authentication failed for user a", None),
                ("user authentication failed for user a authenticated - 9.9.9.9", None),
            ],
        );
    }
}
