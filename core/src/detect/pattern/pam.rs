//! PAM's own words, as `pam_unix` and others print them in the name of the program that asked.

use super::text::{Reading, after_any, agreed, word};
use crate::addr::Addr;

/// `authentication failure; logname= uid=0 euid=0 tty=ssh ruser=NAME rhost=ADDRESS[  user=NAME]`
///
/// Both names may be the attacker's.
pub(super) fn failure(text: &[u8]) -> Option<Addr> {
    let fields = text.strip_prefix(b"authentication failure;")?;
    after_any(fields, &[b" logname=", b" uid=", b" euid=", b" tty="])?;
    agreed(fields, b" rhost=", |_, after| {
        let (host, rest) = word(after).unwrap_or((after, b""));
        let rest = rest.trim_ascii_start();
        Reading::of(if rest.is_empty() || rest.starts_with(b"user=") { Addr::parse(host).ok() } else { None })
    })
}
