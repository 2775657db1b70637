//! OpenVPN's server, as `ssl.c`, `ssl_verify.c`, `socket.c` and `sig.c` print it: `[NAME/]ADDRESS:PORT MESSAGE`, through syslog or
//! into a file of its own.
//!
//! Counted is only what a peer must have answered for: a wrong password or certificate, and a TCP connection that sends
//! no OpenVPN. What any packet over UDP brings about (`TLS Error: incoming packet authentication failed`, `cannot locate
//! HMAC`, `TLS handshake failed`) is not: its address proves nothing, and anybody's could be put there.

use super::text::{after_any, connection as tag, word};
use super::{host_port, split_last};
use crate::addr::Addr;
use crate::detect::session::Part;

/// `ovpn-server` (Debian's), `openvpn(NAME)` (OpenWrt's).
pub(in crate::detect) fn is_program(name: &[u8]) -> bool {
    after_any(name, &[b"ovpn-", b"openvpn(", b"openvpn-"]).is_some()
}

/// What a message says, if it says anything of interest, and the connection that it is about: one process serves all.
///
/// A connection that sent no OpenVPN begins with that as far as we care, and fails with its end; `known` knows whether it
/// was one.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], known: impl FnOnce(u32) -> Option<Addr>) -> Option<(u32, Part<'_>)> {
    let (connection, text) = word(message)?;
    let address = split_last(connection, b"/").map_or(connection, |(_, address)| address);
    const FAILED: [&[u8]; 2] =
        [b"TLS Auth Error: Auth Username/Password verification failed for peer", b"VERIFY ERROR: "];
    if after_any(text, &FAILED).is_some() {
        return Some((0, Part::Failed(host_port(address)?)));
    }
    if text.starts_with(b"WARNING: Bad encapsulated packet length from peer (") {
        return Some((tag(&[address]), Part::Begins(host_port(address)?)));
    }
    if text.starts_with(b"SIGUSR1[soft,connection-reset] received") {
        let peer = host_port(address)?;
        let tag = tag(&[address]);
        return (known(tag) == Some(peer)).then_some((tag, Part::Ends { peer, failed: true }));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(message: &str, known: Option<&str>) -> Option<Part<'static>> {
        let known = known.map(|text| Addr::parse(text.as_bytes()).unwrap());
        // No part of these has a name in it.
        read(message.as_bytes(), |_| known).map(|(_, part)| match part {
            Part::Failed(addr) => Part::Failed(addr),
            Part::Begins(addr) => Part::Begins(addr),
            Part::Ends { peer, failed } => Part::Ends { peer, failed },
            _ => Part::TooMany,
        })
    }

    #[test]
    fn each_message_names_its_peer() {
        let peer = Addr::v4([10, 1, 1, 1]);
        let auth = "TLS Auth Error: Auth Username/Password verification failed for peer";
        assert_eq!(said(&std::format!("10.1.1.1:5 {auth}"), None), Some(Part::Failed(peer)));
        assert_eq!(said(&std::format!("9.9.9.9:1/10.1.1.1:5 {auth}"), None), Some(Part::Failed(peer)));
        assert_eq!(said("10.1.1.1:5 VERIFY ERROR: depth=0, error=x: CN=9.9.9.9:1", None), Some(Part::Failed(peer)));
        let bad = "10.1.1.1:5 WARNING: Bad encapsulated packet length from peer (5635), which must be > 0";
        assert_eq!(said(bad, None), Some(Part::Begins(peer)));
        let end = "10.1.1.1:5 SIGUSR1[soft,connection-reset] received, client-instance restarting";
        assert_eq!(said(end, None), None, "a client that only left");
        assert_eq!(said(end, Some("9.9.9.9")), None);
        assert_eq!(said(end, Some("10.1.1.1")), Some(Part::Ends { peer, failed: true }));
        for spoofable in [
            "TLS Error: incoming packet authentication failed from [AF_INET]10.1.1.1:5",
            "10.1.1.1:5 TLS Error: TLS handshake failed",
        ] {
            assert_eq!(said(spoofable, None), None);
        }
    }
}
