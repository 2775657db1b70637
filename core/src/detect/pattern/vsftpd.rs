//! vsftpd, as `logging.c` writes it into its own file or through syslog, and PAM in its name.

use super::text::{Reading, agreed, contains};
use super::{pam, split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let text = message.strip_prefix(b"(pam_unix) ").or_else(|| message.strip_prefix(b"pam_unix(vsftpd:auth): "));
    let text = text.unwrap_or(message);
    if text.starts_with(b"authentication failure; ") {
        return pam::failure(text);
    }
    login(text)
}

/// `[pid N] [NAME] FAIL LOGIN: Client "ADDRESS"[, anon password "TEXT"]`; other events have the same form, and a path or a
/// command at the end.
fn login(text: &[u8]) -> Option<Addr> {
    const CLIENT: &[u8] = b": Client \"";
    const FAILED: &[u8] = b"] FAIL LOGIN";
    let text = match text.strip_prefix(b"[pid ") {
        Some(rest) => split_first(rest, b"] ")?.1,
        None => text,
    };
    let text = text.strip_prefix(b"[")?;
    if contains(text, b"\", ") {
        return agreed(text, CLIENT, |before, after| {
            let address = split_first(after, b"\"").map(|(address, _)| address);
            Reading::of(address.filter(|_| before.ends_with(FAILED)).and_then(|address| Addr::parse(address).ok()))
        });
    }
    // Without anything at the end, only the name is the peer's.
    let (event, address) = split_last(text, CLIENT)?;
    if event.ends_with(FAILED) { Addr::parse(address.strip_suffix(b"\"")?).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_client() {
        let ours = Some("10.1.1.1");
        for (message, want) in [
            ("[pid 5] [a] FAIL LOGIN: Client \"::ffff:10.1.1.1\"", ours),
            ("[a] FAIL LOGIN: Client \"9.9.9.9\"] FAIL LOGIN: Client \"10.1.1.1\"", ours),
            ("[ftp] FAIL LOGIN: Client \"10.1.1.1\", anon password \"a\"", ours),
            ("[ftp] FAIL LOGIN: Client \"10.1.1.1\", anon password \"a] FAIL LOGIN: Client \"9.9.9.9\"", None),
            ("[a] OK LOGIN: Client \"10.1.1.1\"", None),
            ("CONNECT: Client \"10.1.1.1\"", None),
            (
                "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=a rhost=10.1.1.1",
                ours,
            ),
            (
                "pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser=a rhost=9.9.9.9 rhost=a.example",
                None,
            ),
        ] {
            assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
        }
    }
}
