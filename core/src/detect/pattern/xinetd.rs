//! xinetd, as `log.c` prints it: `FAIL: SERVICE REASON from=ADDRESS`. The reasons that count are those of its lists of addresses.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["FAIL: <WORD> <address|libwrap> from=<ADDR>"];

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
                ("FAIL: telnet address from=10.1.1.1", OURS),
                ("FAIL: amanda libwrap from=::ffff:10.1.1.1", OURS),
                ("FAIL: ftp per_source_limit from=9.9.9.9", None),
                ("START: telnet pid=5 from=9.9.9.9", None),
            ],
        );
    }
}
