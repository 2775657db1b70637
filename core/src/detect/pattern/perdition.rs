//! Perdition, as `perdition.c` prints it: `Auth: PEER->SERVER client-secure=... authentication_id="NAME" ... status="REASON"`.
//!
//! The peer comes first, the name that it chose later. Statuses that tell of trouble with the real server are nobody's failure.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] = [
    r#"Auth: <PEER>-><*> status="failed: <local authentication failure|Re-Authentication Failure>""#,
    "Fatal Error reading authentication information from client <PEER>-><WORD> Exiting child",
];

/// `perdition.imap4s`, `perdition.pop3`.
pub(in crate::detect) fn is_program(name: &[u8]) -> bool {
    name.starts_with(b"perdition.")
}

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&FAILED, trim_end(message))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;
    use std::format;

    #[test]
    fn each_message_names_its_client() {
        let auth = |peer: &str, name: &str, status: &str| {
            format!(
                r#"Auth: {peer}->10.0.0.1:993 client-secure=ssl authorisation_id=NONE authentication_id="{name}" server="a.example:993" protocol=IMAP4S server-secure=ssl status="{status}""#
            )
        };
        let forged = r#"" status="failed: local authentication failure"#;
        let ours = "10.1.1.1:4711";
        hold(
            &FAILED,
            read,
            &[
                (&auth(ours, "a", "failed: Re-Authentication Failure"), OURS),
                (&auth(ours, "a", "failed: local authentication failure"), OURS),
                (&auth(ours, "Auth: 9.9.9.9:1->", "failed: local authentication failure"), OURS),
                (&auth("2001:db8::1:4711", "a", "failed: Re-Authentication Failure"), Some("2001:db8::1")),
                (&auth(ours, "a", "failed: Could not connect to server"), None),
                (&auth(ours, "a", "ok"), None),
                (&auth(ours, forged, "ok"), None),
                (
                    "Fatal Error reading authentication information from client 10.1.1.1:4711->10.0.0.1:993: Exiting child",
                    OURS,
                ),
                ("Connect: 9.9.9.9:4711->10.0.0.1:993", None),
            ],
        );
    }
}
