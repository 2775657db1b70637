//! Group-Office's `info_log`: `[DATE][[USER] ]LOGIN FAILED for user: "NAME" from IP: ADDRESS`.
//!
//! The name is the peer's, so the address is read from the end.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] =
    [r#"LOGIN FAILED for user: "<*>" from IP: <ADDR>"#, r#"[<^]>] LOGIN FAILED for user: "<*>" from IP: <ADDR>"#];

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
                (r#"LOGIN FAILED for user: "a" from IP: 10.1.1.1"#, OURS),
                (r#"LOGIN FAILED for user: "a" from IP: 9.9.9.9" from IP: 10.1.1.1"#, OURS),
                (r#"[admin] LOGIN FAILED for user: "" from IP: 2001:db8::1"#, Some("2001:db8::1")),
                (r#"LOGIN FAILED for user: "a" from IP: 9.9.9.9" from IP: unknown"#, None),
                (r#"LOGIN SUCCESS for user: "a" from IP: 9.9.9.9"#, None),
            ],
        );
    }
}
