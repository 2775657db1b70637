//! Monit's web interface, as `processor.c` prints it: through syslog, or into a file of its own with `error    : ` first.
//!
//! The address stands before the name that the peer gave. A browser's first request comes without a name, and counts for
//! nobody. Monit writes the ends of lines in a name as they are, but a name ends at its first colon, and no message of these is
//! without one.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 3] = [
    "Warning: Client '<ADDR>' supplied <unknown user '|wrong password for user '|empty password><*>",
    "HttpRequest: access denied -- client <ADDR>: <unknown user '|wrong password for user '|empty password><*>",
    "HttpRequest: access denied -- client [<ADDR>]: <unknown user '|wrong password for user '|empty password><*>",
];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let text = match message.strip_prefix(b"error") {
        Some(rest) => rest.trim_ascii_start().strip_prefix(b": ")?,
        None => message,
    };
    let text = trim_end(text);
    let nameless =
        text.ends_with(b": unknown user ''") || text.ends_with(b"' supplied unknown user '' accessing monit httpd");
    if nameless { None } else { template::first(&FAILED, text) }
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
                ("error    : Warning: Client '10.1.1.1' supplied unknown user 'a' accessing monit httpd", OURS),
                ("Warning: Client '10.1.1.1' supplied wrong password for user 'a' accessing monit httpd", OURS),
                ("Warning: Client '10.1.1.1' supplied unknown user '' accessing monit httpd", None),
                ("HttpRequest: access denied -- client 10.1.1.1: unknown user 'a'", OURS),
                ("HttpRequest: access denied -- client 10.1.1.1: unknown user ''", None),
                (
                    "HttpRequest: access denied -- client [2001:db8::1]: wrong password for user 'a'",
                    Some("2001:db8::1"),
                ),
                ("HttpRequest: access denied -- client [10.1.1.1]: empty password", OURS),
                ("HttpRequest: access denied -- client 10.1.1.1: missing or invalid Authorization header", None),
                ("HttpRequest: access denied -- client a: unknown user '-- client 9.9.9.9: unknown user 'b'", None),
            ],
        );
    }
}
