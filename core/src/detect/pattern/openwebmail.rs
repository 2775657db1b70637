//! Open WebMail, as `writelog` of `ow-shared.pl` writes it: `- [PID] (ADDRESS) NAME - MESSAGE[ [[FILE:LINE]]]`.
//!
//! The address stands before the name, which is the peer's text. Of an authentication's errors, -4 is the peer's; the others are
//! the server's own.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 3] = [
    "- [<N>] (<ADDR>) <*> - login error - <no such user - loginname=|root login attempt><*>",
    "- [<N>] (<ADDR>) <*> - login error - <WORD> ret -4, <*>",
    "- [<N>] (<ADDR>) <*> - userinfo error - <WORD> ret -4, <*>",
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
    fn each_message_names_its_client() {
        hold(
            &FAILED,
            read,
            &[
                ("- [7] (10.1.1.1) a - login error - no such user - loginname=a", OURS),
                ("- [7] (10.1.1.1) a - login error - auth_unix.pl, ret -4, Password incorrect", OURS),
                (
                    "- [7] (10.1.1.1) a - login error - auth_pam.pl, ret -4, Password incorrect [[openwebmail.pl:384]]",
                    OURS,
                ),
                ("- [7] (10.1.1.1) a - userinfo error - auth_unix.pl, ret -4, User a doesn't exist", OURS),
                ("- [7] (2001:db8::1) root - login error - root login attempt", Some("2001:db8::1")),
                (
                    "- [7] (10.1.1.1) a - [8] (9.9.9.9) b - login error - no such user - loginname=a - [8] (9.9.9.9) b",
                    OURS,
                ),
                ("- [7] (10.1.1.1) a - login error - auth_unix.pl, ret -3, password file not found", None),
                ("- [7] (9.9.9.9) a - login - x", None),
            ],
        );
    }
}
