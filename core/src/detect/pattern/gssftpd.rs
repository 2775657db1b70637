//! MIT Kerberos' FTP server, as `ftpd.c` prints it: `repeated login failures from ADDRESS (NAME)`, where NAME is what the DNS says of
//! the address.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["repeated login failures from <ADDR> (<*>)"];

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
    fn each_message_names_its_peer() {
        hold(
            &FAILED,
            read,
            &[
                ("repeated login failures from 10.1.1.1 (a.example)", OURS),
                ("repeated login failures from 10.1.1.1 (9.9.9.9)", OURS),
                ("repeated login failures from a.example (9.9.9.9)", None),
                ("FTP LOGIN FROM 9.9.9.9 as a", None),
            ],
        );
    }
}
