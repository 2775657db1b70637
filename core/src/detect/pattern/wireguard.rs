//! WireGuard of Linux, as `drivers/net/wireguard/receive.c` writes it into the kernel's log once its debug messages are switched
//! on (`echo module wireguard +p >/sys/kernel/debug/dynamic_debug/control`).
//!
//! Each of these is about a single UDP packet, which got no answer: whoever can send packets with another's address can
//! have that one banned. There is nothing in these messages that proves more.

use crate::addr::Addr;
use crate::detect::template;

/// Whose packet a message is about.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    // The kernel's `%pISpfsc`: flow and scope follow the port of IPv6.
    const FAILED: [&str; 4] = [
        "wireguard: <WORD> Invalid handshake initiation from <PEER>",
        "wireguard: <WORD> Invalid handshake initiation from <PEER>/<N>%<N>",
        "wireguard: <WORD> Invalid MAC of handshake, dropping packet from <PEER>",
        "wireguard: <WORD> Invalid MAC of handshake, dropping packet from <PEER>/<N>%<N>",
    ];
    template::first(&FAILED, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_peer() {
        let ours = Some("10.1.1.1");
        for (message, want) in [
            ("wireguard: wg0: Invalid handshake initiation from 10.1.1.1:51820", ours),
            ("wireguard: wg0: Invalid MAC of handshake, dropping packet from 10.1.1.1:51820", ours),
            ("wireguard: wg0: Invalid handshake initiation from [2001:db8::1]:51820/0%0", Some("2001:db8::1")),
            ("wireguard: wg0: Invalid MAC of handshake, dropping packet from [fe80::1]:51820/0%3", Some("fe80::1")),
            ("wireguard: wg0: Receiving handshake initiation from peer 1 (10.1.1.1:51820)", None),
            ("wireguard: wg0: Packet has unallowed src IP (9.9.9.9) from peer 1 (10.1.1.1:51820)", None),
            ("usb 1-1: Product: wireguard: wg0: Invalid handshake initiation from 9.9.9.9:1", None),
        ] {
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
