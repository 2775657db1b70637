//! ZNC's module `adminlog`: `[NAME] failed to login from ADDRESS`, the address sometimes with a port.
//!
//! The name is the peer's, so the address is read from the end. ZNC writes the ends of lines in a name, which its web interface
//! lets in, as they are into its own file, where a peer can so write any line.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] = ["[<*>] failed to login from <ADDR>", "[<*>] failed to login from <PEER>"];

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
                ("[admin] failed to login from 10.1.1.1", OURS),
                ("[admin] failed to login from 10.1.1.1:65001", OURS),
                ("[admin] failed to login from 2001:db8::1", Some("2001:db8::1")),
                ("[a] failed to login from 9.9.9.9] failed to login from 10.1.1.1", OURS),
                ("[a] failed to login from 9.9.9.9] connected to ZNC from 10.1.1.1", None),
            ],
        );
    }
}
