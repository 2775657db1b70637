//! LuCI, OpenWrt's web interface, as `dispatcher.uc` and `authplugins.uc` write it through syslog since OpenWrt 25.12 (and 24.10
//! of July 2026): `luci: failed login on /PATH for USER from ADDRESS`, by the program `dispatcher.uc`.
//!
//! Path and user are percent-encoded, so no space is in them. Before July 2026 they were not, and a message with a space in one
//! of them counts for nobody. Still older ones wrote to uhttpd's standard error, which procd splits at line ends: a name with
//! one in it makes any line one likes in the name of `uhttpd`. Such lines are not read at all. rpcd logs nothing, so that
//! logins by JSON-RPC at `/ubus` are not seen.
//!
//! The address stands at the end, where a log daemon cuts what is too long for it: a long message counts for nobody.

use crate::addr::Addr;
use crate::detect::template;

/// Bytes of a message that are never cut: C library and logd have room for 1023, header included.
const UNCUT: usize = 900;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const FAILED: [&str; 2] = [
        "luci: failed login on /<^ > for <WORD> from <ADDR>",
        "luci: auth plugin '<^'>' verification failed for <WORD> from <ADDR>",
    ];
    if message.len() > UNCUT { None } else { template::first(&FAILED, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        let long = format!("luci: failed login on / for {} from 10.1.1.1", "a".repeat(UNCUT));
        for (message, want) in [
            ("luci: failed login on / for root from 10.1.1.1", ours),
            ("luci: failed login on /admin/status/overview for root from 10.1.1.1", ours),
            ("luci: failed login on /admin for a%20from%209.9.9.9%0A from 2001:db8::1", Some("2001:db8::1")),
            ("luci: auth plugin 'TOTP' verification failed for root from 10.1.1.1", ours),
            ("luci: failed login on / for x from 9.9.9.9 from 10.1.1.1", None),
            ("luci: failed login on / for x for y from 9.9.9.9", None),
            ("luci: accepted login on / for root from 10.1.1.1", None),
            ("luci: failed login on / for root from ?", None),
            ("[info] luci: failed login on / for root from 9.9.9.9", None),
            (&long, None),
        ] {
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
