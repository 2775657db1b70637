//! PAM's own words, as `pam_unix` and others print them in the name of the program that asked.

use super::text::{Reading, agreed, word};
use crate::addr::Addr;

/// `authentication failure; logname= uid=0 euid=0 tty=ssh ruser=NAME rhost=ADDRESS[  user=NAME]`
///
/// Both names may be the attacker's.
pub(super) fn failure(text: &[u8]) -> Option<Addr> {
    agreed(text.strip_prefix(b"authentication failure; logname=")?, b" rhost=", |_, after| {
        let (host, rest) = word(after).unwrap_or((after, b""));
        let rest = rest.trim_ascii_start();
        Reading::of(if rest.is_empty() || rest.starts_with(b"user=") { Addr::parse(host).ok() } else { None })
    })
}
