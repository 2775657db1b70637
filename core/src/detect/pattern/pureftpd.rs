//! Pure-FTPd, as `log_puredb` and `ftpd.c` print it: `(ACCOUNT@HOST) [WARNING] Authentication failed for user [NAME]`.
//!
//! ACCOUNT is `?` before a login. The peer's host name stands in the address's place unless the server runs with `-H`
//! (`DontResolve`): names are never resolved, so such lines count for nobody. Only the English messages are known; the
//! language is chosen when the server is built.

use super::{split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let (client, _) = split_first(message.strip_prefix(b"(")?, b") [WARNING] Authentication failed for user [")?;
    if client.contains(&b' ') {
        return None;
    }
    Addr::parse(split_last(client, b"@")?.1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, want) in [
            ("(?@10.1.1.1) [WARNING] Authentication failed for user [root]", ours),
            ("(?@2001:db8::1) [WARNING] Authentication failed for user [root]", Some("2001:db8::1")),
            (
                "(?@10.1.1.1) [WARNING] Authentication failed for user [a@9.9.9.9) [WARNING] Authentication failed for user [b]",
                ours,
            ),
            ("(?@a.example) [WARNING] Authentication failed for user [(?@9.9.9.9) [WARNING]]", None),
            ("(?@10.1.1.1) [INFO] New connection from 10.1.1.1", None),
            ("(?@10.1.1.1) [INFO] (?@9.9.9.9) [WARNING] Authentication failed for user [a]", None),
        ] {
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
