//! Microsoft's SQL Server: `Logon       Login failed for user 'NAME'. Reason: REASON [CLIENT: ADDRESS]`.
//!
//! The name is the peer's, so the address is read from the end. Only the English messages are known; what the server does with
//! the ends of lines in a name is not.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["Login failed for user '<*>'.<*> [CLIENT: <ADDR>]"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let text = message.strip_prefix(b"Logon ")?.trim_ascii_start();
    template::first(&FAILED, trim_end(text))
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
                (
                    "Logon       Login failed for user 'O'Leary'. Reason: Could not find a login matching the name provided. [CLIENT: 10.1.1.1]",
                    OURS,
                ),
                (
                    "Logon       Login failed for user 'a'. Reason: Failed to open the explicitly specified database 'b'. [CLIENT: 10.1.1.1]",
                    OURS,
                ),
                ("Logon       Login failed for user 'a'. [CLIENT: 2001:db8::1]", Some("2001:db8::1")),
                ("Logon       Login failed for user 'a'. [CLIENT: 9.9.9.9]'. Reason: b. [CLIENT: 10.1.1.1]", OURS),
                (
                    "Logon       Login failed for user 'a'. [CLIENT: 9.9.9.9]'. Reason: b. [CLIENT: <local machine>]",
                    None,
                ),
                ("Logon       Error: 18456, Severity: 14, State: 5.", None),
                ("Wrong data received: Logon       Login failed for user 'a'. Reason: b. [CLIENT: 9.9.9.9]", None),
            ],
        );
    }
}
