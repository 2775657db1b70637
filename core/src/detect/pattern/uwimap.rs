//! The University of Washington's IMAP and POP3 servers, as `env_unix.c` prints them: `Login WHY user=NAME auth=NAME host=HOST`,
//! where HOST is `[NAME ][ADDRESS]`, cut at 80 bytes. What was cut has no bracket at its end, and counts for nobody.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] = [
    "Login <failed|excessive login failures|disabled|SYSTEM BREAK-IN ATTEMPT> user=<*> auth=<*> host=<*>[<ADDR>]",
    "Failed <*> override of user=<*> host=<*>[<ADDR>]",
];

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
    fn each_message_names_its_client() {
        hold(
            &FAILED,
            read,
            &[
                ("Login failed user=a auth=a host=b.example [10.1.1.1]", OURS),
                ("Login failed user=a host=c [9.9.9.9] auth=b host=[10.1.1.1]", OURS),
                ("Login excessive login failures user=a auth=b host=[2001:db8::1]", Some("2001:db8::1")),
                ("Login disabled user= auth= host=b.example [10.1.1.1]", OURS),
                ("Login SYSTEM BREAK-IN ATTEMPT user=a auth=a host=b.example [10.1.1.1]", OURS),
                ("Failed master override of user=a  host=b.example [10.1.1.1] ", OURS),
                ("Login failed user=a host=[9.9.9.9] auth=b host=an.overlong.example [10.1.1.", None),
                ("Login failed user=a host=[9.9.9.9] auth=b host=UNKNOWN", None),
                ("Login user=a host=b.example [9.9.9.9]", None),
                ("Admin master override of user=a host=b.example [9.9.9.9]", None),
            ],
        );
    }
}
