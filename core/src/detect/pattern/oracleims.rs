//! Oracle Communications Messaging Server's connection log with `LOG_FORMAT=4`: an element `<co ts="..." ... tr="TRANSPORT" ap="..."
//! mi="Bad password" us="NAME" di="535 5.7.8 ..."/>` a line, where TRANSPORT is `TCP|SERVER|PORT|PEER|PORT`.
//!
//! The name is the peer's, and so is what it calls itself, which may be in `ap`. Should a server not escape quotes, a line in
//! which one of them looks like another transport has two readings, and counts for nobody.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = [
    r#"<*>tr="<^"|>|<^"|>|<N>|<ADDR>|<N>" ap="<*>" mi="Bad password" us="<*>" di="535 5.7.8 Bad username or password< (Authentication failed)|>."/>"#,
];

/// Whose failure a message tells, which is the line without its date.
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
    fn each_line_names_its_client() {
        let line = |peer: &str, what: &str, name: &str| {
            format!(
                r#"pi="7.1.2" sc="tcp_local" dr="+" ac="U" tr="TCP|10.0.0.1|25|{peer}|4711" ap="SMTP" mi="{what}" us="{name}" di="535 5.7.8 Bad username or password (Authentication failed)."/>"#
            )
        };
        let forged = r#"a" tr="TCP|10.0.0.1|25|9.9.9.9|1" ap="SMTP" mi="Bad password" us="b"#;
        hold(
            &FAILED,
            read,
            &[
                (&line("10.1.1.1", "Bad password", "a@b.example"), OURS),
                (&line("10.1.1.1", "Bad password", "a").replace(" (Authentication failed)", ""), OURS),
                (&line("2001:db8::1", "Bad password", "a"), Some("2001:db8::1")),
                (&line("10.1.1.1", "Bad password", forged), None),
                (&line("10.1.1.1", "Ok", "a"), None),
                (&line("a.example", "Bad password", "a"), None),
            ],
        );
    }
}
