//! SoftEther VPN's security log, in a file of its own or through syslog: `Connection "ID": User authentication failed. The user name
//! that has been provided was "NAME", from ADDRESS.`
//!
//! The name is the peer's, so the address is read from the end. Only the English messages are known; what the server does with
//! the ends of lines in a name is not.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 3] = [
    r#"Connection "<^">": User authentication failed. The user name that has been provided was "<*>", from <ADDR>."#,
    r#"[<^]>] (<^)>) \<SECURITY_LOG\>: Connection "<^">": User authentication failed. The user name that has been provided was "<*>", from <ADDR>."#,
    r#"<WORD> <^[>[<^]>] (<^)>) \<SECURITY_LOG\>: Connection "<^">": User authentication failed. The user name that has been provided was "<*>", from <ADDR>."#,
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
                (
                    r#"Connection "CID-5": User authentication failed. The user name that has been provided was "a", from 10.1.1.1."#,
                    OURS,
                ),
                (
                    r#"[a/VPN/b] (2020-05-13 10:53:19.591) <SECURITY_LOG>: Connection "CID-5": User authentication failed. The user name that has been provided was "a", from 2001:db8::1."#,
                    Some("2001:db8::1"),
                ),
                (
                    r#"localhost  [a/VPN/b] (2020-05-13 10:53:19.591) <SECURITY_LOG>: Connection "CID-5": User authentication failed. The user name that has been provided was "a", from 9.9.9.9.", from 10.1.1.1."#,
                    OURS,
                ),
                (
                    r#"Connection "CID-5": Successfully authenticated as user "Connection "CID-6": User authentication failed. The user name that has been provided was "a", from 9.9.9.9."#,
                    None,
                ),
            ],
        );
    }
}
