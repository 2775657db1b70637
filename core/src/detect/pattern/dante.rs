//! Dante's SOCKS server, as `sockd_negotiate.c`, `auth_password.c` and `auth_pam.c` print it: `info: block(N): tcp/accept ]:
//! ADDRESS.PORT ADDRESS.PORT: error after reading N bytes in N seconds: REASON`.
//!
//! The address stands before the name that the peer gave.

use super::text::{after_any, word};
use super::{is_port, split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const REASONS: [&[u8]; 3] = [
        b"could not access user \"",
        b"system password authentication failed for user \"",
        b"pam_authenticate() for user \"",
    ];
    let (_rule, rest) = split_first(message.strip_prefix(b"info: block(")?, b"): tcp/accept ]: ")?;
    let (peer, rest) = word(rest)?;
    let (_server, rest) = word(rest)?;
    let (_how_much, reason) = split_first(rest.strip_prefix(b"error after reading ")?, b": ")?;
    after_any(reason, &REASONS)?;
    let (address, port) = split_last(peer, b".")?;
    if is_port(port) { Addr::parse(address).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        let start =
            "info: block(1): tcp/accept ]: 10.1.1.1.50550 0.0.0.0.1080: error after reading 35 bytes in 0 seconds: ";
        for (reason, want) in [
            ("could not access user \"a\"'s records in the system password file: no system error", OURS),
            ("system password authentication failed for user \"9.9.9.9.5 1: error after\"", OURS),
            ("pam_authenticate() for user \"a\" failed: Authentication failure", OURS),
            ("client closed connection", None),
        ] {
            hold(&[], read, &[(&std::format!("{start}{reason}"), want)]);
        }
        hold(
            &[],
            read,
            &[
                (
                    "info: block(12): tcp/accept ]: 2001:db8::1.5 ::.1080: error after reading 1 byte in 1 second: could not access user \"a\"",
                    Some("2001:db8::1"),
                ),
                ("info: pass(1): tcp/accept [: 9.9.9.9.5 0.0.0.0.1080", None),
            ],
        );
    }
}
