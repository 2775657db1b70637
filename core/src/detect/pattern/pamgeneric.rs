//! PAM's failures in the name of any program that has no filter of its own, or one that does not read them: `pam_unix(SERVICE:auth):
//! authentication failure; ...`, older ones `(pam_unix) authentication failure; ...`.

use super::pam;
use super::split_first;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let text = message.strip_prefix(b"(").unwrap_or(message);
    let (module, failure) = split_first(text.strip_prefix(b"pam_")?, b" ")?;
    // `unix)`, `unix:`, `unix(sshd:auth):`
    let name = module.iter().position(|b| !(b.is_ascii_alphanumeric() || *b == b'_'))?;
    let (_, rest) = module.split_at_checked(name)?;
    let well_formed = match rest {
        b")" | b":" | b"):" => true,
        [b'(', service @ .., b')', b':'] => !service.contains(&b'('),
        _ => false,
    };
    if well_formed { pam::failure(failure) } else { None }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &[],
            read,
            &[
                (
                    "pam_unix(login:auth): authentication failure; logname= uid=0 euid=0 tty=tty1 ruser= rhost=10.1.1.1  user=a",
                    OURS,
                ),
                (
                    "pam_sss(a:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser= rhost=10.1.1.1 user=b",
                    OURS,
                ),
                ("(pam_unix) authentication failure; logname= uid=0 euid=0 tty= ruser=a rhost=10.1.1.1 ", OURS),
                (
                    "pam_unix: authentication failure; logname=root uid=0 euid=0 tty=ftp ruser=a rhost=2001:db8::1",
                    Some("2001:db8::1"),
                ),
                ("pam_unix(a:auth): authentication failure; tty=x ruser= rhost=10.1.1.1", OURS),
                (
                    "pam_unix(a:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser= rhost=9.9.9.9  user=b rhost=10.1.1.1",
                    None,
                ),
                (
                    "pam_unix(a:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser= rhost=a.example  user=9.9.9.9",
                    None,
                ),
                ("pam_unix(a:session): session opened for user b by (uid=0)", None),
                (
                    "pam_unix(a:auth): 2 more authentication failures; logname= uid=0 euid=0 tty=x ruser= rhost=9.9.9.9",
                    None,
                ),
                ("x pam_unix(a:auth): authentication failure; logname= uid=0 euid=0 tty=x ruser= rhost=9.9.9.9", None),
            ],
        );
    }
}
