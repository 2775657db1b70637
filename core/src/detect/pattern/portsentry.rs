//! PortSentry's own history, as `portsentry_io.c` writes it: `SECONDS - DATE Host: NAME/ADDRESS Port: PORT TCP Blocked`, NAME being what
//! the DNS says of the address.
//!
//! Anybody can send packets with the address of somebody else: what PortSentry sees of UDP, or in its stealth modes, proves
//! nothing.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["- <N>/<N>/<N> <N>:<N>:<N> Host: <*>/<ADDR> Port: <N> <TCP|UDP> Blocked"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&FAILED, trim_end(message))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_peer() {
        hold(
            &FAILED,
            read,
            &[
                ("- 06/27/2014 17:51:19 Host: 10.1.1.1/10.1.1.1 Port: 1 TCP Blocked", OURS),
                ("- 06/27/2014 17:51:19 Host: a.example/2001:db8::1 Port: 1 UDP Blocked", Some("2001:db8::1")),
                ("- 06/27/2014 17:51:19 Host: 9.9.9.9/a/10.1.1.1 Port: 1 UDP Blocked", None),
                ("- 06/27/2014 17:51:19 Host: 9.9.9.9/a.example Port: 1 UDP Blocked", None),
            ],
        );
    }
}
