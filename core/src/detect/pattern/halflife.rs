//! Half-Life's server, on which Counter-Strike runs: `Bad Rcon: "COMMAND" from "ADDRESS:PORT"`.
//!
//! The command is the peer's, so the address is read from the end. It proves nothing: commands come by UDP, are logged before the
//! server asks whether they answer its challenge, and with the ends of lines that they hold.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = [r#"Bad Rcon: "<*>" from "<PEER>""#];

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
                (r#"Bad Rcon: "rcon 1146003691 "284"  sv_contact "HLBrute 1.10"" from "10.1.1.1:57370""#, OURS),
                (r#"Bad Rcon: "rcon 1 "a" b" from "9.9.9.9:1"" from "10.1.1.1:57370""#, OURS),
                (r#"Rcon: "rcon 1 "a" Bad Rcon: "" from "9.9.9.9:1""#, None),
            ],
        );
    }
}
