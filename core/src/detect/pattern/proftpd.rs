//! ProFTPD, as `log.c` and `mod_auth.c` write it: through syslog, or into a file of its own with `HOST proftpd[PID] ` first.
//!
//! The peer stands at the start: `SERVER (NAME[ADDRESS])`, before anything that it chooses; NAME is what the DNS says of the
//! address.

use super::text::{contains_any, word};
use super::{split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const FAILED: [&[u8]; 2] = [b": no such user found from ", b" (Login failed)"];
    let message = match word(message) {
        Some((_host, rest)) if rest.starts_with(b"proftpd[") => split_first(rest, b"] ")?.1,
        _ => message,
    };
    let (_server, rest) = word(message)?;
    let (client, rest) = word(rest.strip_prefix(b"(")?)?;
    let (client, what) = match client.strip_suffix(b"):") {
        Some(client) => (client, rest),
        None => (client.strip_suffix(b")")?, rest.strip_prefix(b"- ")?),
    };
    let (_, address) = split_last(client.strip_suffix(b"]")?, b"[")?;
    let failed = match what.strip_prefix(b"USER ") {
        Some(what) => contains_any(what, &FAILED),
        None => {
            (what.starts_with(b"SECURITY VIOLATION: ") && contains_any(what, &[b"oot login attempted"]))
                || (what.starts_with(b"Maximum login attempts (") && contains_any(what, &[b") exceeded"]))
        }
    };
    if failed { Addr::parse(address).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, want) in [
            ("srv (a[10.1.1.1]): USER b (Login failed): Incorrect password.", ours),
            ("srv (::ffff:10.1.1.1[::ffff:10.1.1.1]) - USER b: no such user found from x [9.9.9.9] to y:21", ours),
            ("srv (a[10.1.1.1]): USER srv (b[9.9.9.9]): no such user found from a [9.9.9.9] to y:21", ours),
            ("srv (a[10.1.1.1]) - SECURITY VIOLATION: Root login attempted", ours),
            ("srv (a[10.1.1.1]) - Maximum login attempts (3) exceeded, connection refused", ours),
            ("host proftpd[5] srv (a[10.1.1.1]): USER b (Login failed): No such user found.", ours),
            ("srv (a[10.1.1.1]) - USER b: Login successful.", None),
            ("srv (a[10.1.1.1]) - FTP session opened.", None),
            ("srv (a[a.example]): USER b (Login failed): 9.9.9.9", None),
        ] {
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
