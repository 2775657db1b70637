//! xrdp's session manager, as `login_info.c` prints it: `AUTHFAIL: user=NAME ip=ADDRESS time=SECONDS`.
//!
//! The name is the peer's, so the address is read from the end. xrdp writes the ends of lines in a name as they are into its own
//! file, where a peer can so write any line; through syslog it cannot, since syslog daemons escape them.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] = [
    "[INFO ] AUTHFAIL: user=<*> ip=<ADDR> time=<N>",
    "[INFO ] [pid:<N> tid:<N>] AUTHFAIL: user=<*> ip=<ADDR> time=<N>",
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
    fn each_message_names_its_peer() {
        hold(
            &FAILED,
            read,
            &[
                ("[INFO ] AUTHFAIL: user=a ip=::ffff:10.1.1.1 time=1649351466", OURS),
                ("[INFO ] [pid:5 tid:6] AUTHFAIL: user=a ip=10.1.1.1 time=1649351466", OURS),
                ("[INFO ] AUTHFAIL: user=a ip=9.9.9.9 time=1 ip=10.1.1.1 time=1649351466", OURS),
                ("[INFO ] AUTHFAIL: user=a ip=9.9.9.9 time=1 ip=unknown time=1649351466", None),
                ("[INFO ] access granted for user AUTHFAIL: user=a ip=9.9.9.9 time=1", None),
            ],
        );
    }
}
