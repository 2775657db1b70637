//! WU-FTPD, as `ftpd.c` prints it: `failed login from NAME [ADDRESS]`, where NAME is what the DNS says of the address; or PAM's
//! words in its name.

use super::{pam, split_first, trim_end};
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["failed login from <*> [<ADDR>]"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    if message.starts_with(b"pam_") {
        let (module, rest) = split_first(message, b": ")?;
        return if module.ends_with(b"(wu-ftpd:auth)") { pam::failure(rest) } else { None };
    }
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
                ("failed login from a.example [10.1.1.1]", OURS),
                ("failed login from x [9.9.9.9] [10.1.1.1]", OURS),
                (
                    "pam_unix(wu-ftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser= rhost=10.1.1.1  user=a",
                    OURS,
                ),
                (
                    "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser= rhost=9.9.9.9",
                    None,
                ),
                ("failed login from a.example [unknown]", None),
                ("FTP LOGIN FROM a.example [9.9.9.9], b", None),
            ],
        );
    }
}
