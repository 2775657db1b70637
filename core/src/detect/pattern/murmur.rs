//! Mumble's server, as `Messages.cpp` prints it: `N => <SESSION:NAME(-1)> Rejected connection from ADDRESS:PORT: REASON`, through
//! syslog with `<W>DATE ` before it.
//!
//! The name is the peer's, so the address is read from the end. The server writes the ends of lines in a name as they are into
//! its own file, where a peer can so write any line.

use super::text::undated;
use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = [
    r"<N> =\> \<<N>:<*>(-1)\> Rejected connection from <PEER>: <Invalid server password|Wrong certificate or password for existing user>",
];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&FAILED, trim_end(undated(message)))
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
                ("1 => <4:a(-1)> Rejected connection from 10.1.1.1:29530: Invalid server password", OURS),
                (
                    "<W>2019-09-08 13:00:05.615 1 => <10:a(-1)> Rejected connection from 10.1.1.1:2: Wrong certificate or password for existing user",
                    OURS,
                ),
                (
                    "1 => <4:a(-1)> Rejected connection from [2001:db8::1]:5: Invalid server password",
                    Some("2001:db8::1"),
                ),
                (
                    "1 => <4:a(-1)> Rejected connection from 9.9.9.9:1: Invalid server password(-1)> Rejected connection from 10.1.1.1:5: Invalid server password",
                    OURS,
                ),
                ("1 => <4:a(-1)> Rejected connection from 10.1.1.1:5: Server is full", None),
                ("1 => <4:a(1)> Authenticated: <4:b(-1)> Rejected connection from 9.9.9.9:1: ok", None),
            ],
        );
    }
}
