//! The honeypot Cowrie's JSON log: whoever connects is no guest.
//!
//! Connections come by TCP, so the address is proven; nothing of the peer's is in their lines.

use crate::addr::Addr;
use crate::detect::json::Object;

/// Whose connection a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let [event, peer] = Object::parse(message)?.fields(["eventid", "src_ip"])?;
    if event?.is("cowrie.session.connect") { peer?.addr() } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn a_connection_counts_once() {
        hold(
            &[],
            read,
            &[
                (r#"{"src_ip":"10.1.1.1","src_port":5,"eventid":"cowrie.session.connect","message":"x"}"#, OURS),
                (r#"{"eventid": "cowrie.session.connect", "src_ip": "2001:db8::1"}"#, Some("2001:db8::1")),
                (
                    r#"{"src_ip":"9.9.9.9","version":"a\",\"eventid\":\"cowrie.session.connect","eventid":"cowrie.client.version"}"#,
                    None,
                ),
                (r#"{"src_ip":"10.1.1.1","src_ip":"9.9.9.9","eventid":"cowrie.session.connect"}"#, None),
                (r#"{"src_ip":"9.9.9.9","eventid":"cowrie.session.connect""#, None),
            ],
        );
    }
}
