//! scanlogd, as `scanlogd.c` prints it: `ADDRESS[:PORT] to ADDRESS[ and others,] ports 80, ..., FLAGS, TOS 00, TTL 49 @TIME`.
//!
//! Anybody can send packets with the address of somebody else: what scanlogd sees proves nothing.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["<PEER> to <WORD> <and others, |>ports <*>"];

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
                ("10.1.1.1 to 9.9.9.9 ports 80, 81, ..., f????uxy, TOS 00, TTL 49 @20:44:43", OURS),
                ("10.1.1.1:4711 to 9.9.9.9 and others, ports 80, 81, ..., fSrpauxy @20:44:43", OURS),
                ("More possible port scans follow", None),
            ],
        );
    }
}
