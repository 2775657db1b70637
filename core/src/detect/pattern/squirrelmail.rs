//! SquirrelMail's plugin Squirrel Logger: `[LOGIN_ERROR] NAME (DOMAIN) from ADDRESS: Unknown user or password incorrect.`
//!
//! The name is the peer's, so the address is read from the end.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["[LOGIN_ERROR] <*> from <ADDR>: Unknown user or password incorrect."];

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
    fn each_message_names_its_client() {
        hold(
            &FAILED,
            read,
            &[
                ("[LOGIN_ERROR] a (b.example) from 10.1.1.1: Unknown user or password incorrect.", OURS),
                (
                    "[LOGIN_ERROR] a from 9.9.9.9: Unknown user or password incorrect. (b.example) from 10.1.1.1: Unknown user or password incorrect.",
                    OURS,
                ),
                ("[LOGIN_ERROR] a (b) from 2001:db8::1: Unknown user or password incorrect.", Some("2001:db8::1")),
                ("[LOGIN] a (b.example) from 9.9.9.9: ", None),
            ],
        );
    }
}
