//! Nagios' NRPE, as `nrpe.c` prints it: `Host ADDRESS is not allowed to talk to us!`

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["Host <ADDR> is not allowed to talk to us!"];

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
                ("Host 10.1.1.1 is not allowed to talk to us!", OURS),
                ("Host 2001:db8::1 is not allowed to talk to us! ", Some("2001:db8::1")),
                ("Host a.example is not allowed to talk to us!", None),
                ("Connection from 9.9.9.9 port 5666", None),
            ],
        );
    }
}
