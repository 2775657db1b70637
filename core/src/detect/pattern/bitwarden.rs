//! Bitwarden's server, as `BaseRequestValidator.cs` logs it: `[WRN] Failed login attempt. ADDRESS`, `[WRN] Failed login attempt, 2FA
//! invalid. ADDRESS`, through syslog with the class's name for a level.
//!
//! The address is what the proxy in front says it is.

use super::split_first;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["Failed login attempt<, 2FA invalid|>. <ADDR>"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    // In its own file a time zone may be left of the date.
    let (zone, rest) = split_first(message, b"[")?;
    let (level, text) = split_first(rest, b"]")?;
    let is_warning = matches!(level, b"WRN" | b"Warning") || level.starts_with(b"Bit.Core.");
    if !is_warning || zone.iter().any(|b| !(b.is_ascii_digit() || b" +-:".contains(b))) {
        return None;
    }
    template::first(&FAILED, text.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &FAILED,
            read,
            &[
                ("+08:00 [WRN] Failed login attempt. 10.1.1.1", OURS),
                ("[Warning] Failed login attempt, 2FA invalid. 2001:db8::1", Some("2001:db8::1")),
                ("[Bit.Core.IdentityServer.ResourceOwnerPasswordValidator]  Failed login attempt. 10.1.1.1", OURS),
                ("[WRN] Invalid request: Failed login attempt. 9.9.9.9", None),
                ("x [WRN] Failed login attempt. 9.9.9.9", None),
                ("[INF] Failed login attempt. 9.9.9.9", None),
                ("[WRN] Failed login attempt. 9.9.9.9 10.1.1.1", None),
            ],
        );
    }
}
