//! MikroTik's RouterOS, which sends no program's name: `HOST system,error,critical login failure for user NAME from ADDRESS via
//! SERVICE`.
//!
//! The name is the peer's, so the address is read from the end.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] = [
    "<WORD> system,error,critical login failure for user <*> from <ADDR> via <WORD>",
    "login failure for user <*> from <ADDR> via <WORD>",
];

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
                ("gw.local system,error,critical login failure for user admin from 10.1.1.1 via web", OURS),
                ("gw system,error,critical login failure for user  from 2001:db8::1 via ssh", Some("2001:db8::1")),
                ("gw system,error,critical login failure for user a from 9.9.9.9 via ssh from 10.1.1.1 via api", OURS),
                ("login failure for user a from 10.1.1.1 via winbox", OURS),
                (
                    "gw system,info,account user login failure for user a from 9.9.9.9 via web logged in from 10.1.1.1 via web",
                    None,
                ),
            ],
        );
    }
}
