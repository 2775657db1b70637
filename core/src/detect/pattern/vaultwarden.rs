//! Vaultwarden, as `api/identity.rs`, `api/admin.rs` and `api/core/two_factor` log it: `[vaultwarden::MODULE][ERROR] MESSAGE`.
//!
//! The address stands before the name that the peer gave. It is what a proxy in front says it is, if the server is told to
//! believe one (`IP_HEADER`).

use super::split_first;
use super::text::after_any;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let message = super::text::undated(message);
    let (_module, rest) = split_first(message.strip_prefix(b"[vaultwarden::api::")?, b"][")?;
    let (_level, text) = split_first(rest, b"] ")?;
    const STARTS: [&[u8]; 4] = [
        b"Username or password is incorrect. Try again. IP: ",
        b"Invalid admin token. IP: ",
        b"Invalid admin token! IP: ",
        b"Invalid TOTP code! Server time: ",
    ];
    let mut rest = after_any(text, &STARTS)?;
    if text.starts_with(b"Invalid TOTP") {
        // The server's own clock: `2024-08-31 02:11:28 UTC`.
        let (clock, after) = split_first(rest, b" UTC IP: ")?;
        if clock.iter().any(|b| !(b.is_ascii_digit() || b"-: .".contains(b))) {
            return None;
        }
        rest = after;
    }
    let address = split_first(rest, b". Username: ").map_or(rest, |(address, _)| address);
    Addr::parse(address).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, want) in [
            (
                "identity][ERROR] Username or password is incorrect. Try again. IP: 10.1.1.1. Username: a. IP: 9.9.9.9. Username: b.",
                ours,
            ),
            ("admin][ERROR] Invalid admin token. IP: 10.1.1.1", ours),
            ("admin][ERROR] Invalid admin token! IP: 2001:db8::1. Username: a", Some("2001:db8::1")),
            (
                "core::two_factor::authenticator][ERROR] Invalid TOTP code! Server time: 2024-08-31 02:11:28 UTC IP: 10.1.1.1",
                ours,
            ),
            ("identity][INFO] User 9.9.9.9 logged in successfully. IP: 10.1.1.1", None),
        ] {
            let message = format!("[vaultwarden::api::{message}");
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
