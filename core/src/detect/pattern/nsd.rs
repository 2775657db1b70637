//! NLnet Labs' NSD, as `axfr.c`, `query.c` and `rrl.c` print it: through syslog, or into a file of its own with `nsd[PID]: info: `
//! first.
//!
//! Names of zones are escaped: they hold no space. Queries by UDP prove no address, so whoever can send packets with
//! another's can have it counted by its rate limit.

use super::{split_first, trim_end};
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] = [
    "ratelimit block <WORD> type <WORD> target <WORD> query <ADDR> <TYPE255|ANY>",
    "<axfr for|ixfr for|notify for|query> <WORD> from <client |><ADDR> refused, no acl matches<.|>",
];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let message = match message.strip_prefix(b"nsd[") {
        Some(rest) => split_first(rest, b"]: ")?.1,
        None => message,
    };
    template::first(&FAILED, trim_end(message.strip_prefix(b"info: ").unwrap_or(message)))
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
                ("info: ratelimit block example.com. type any target 9.9.9.0/24 query 10.1.1.1 TYPE255", OURS),
                ("ratelimit block example.com. type any target 9.9.9.0/24 query 10.1.1.1 A", None),
                ("ratelimit unblock example.com. type any target 9.9.9.0/24 query 10.1.1.1 TYPE255", None),
                ("nsd[7]: info: axfr for example.com. from 10.1.1.1 refused, no acl matches", OURS),
                ("info: notify for example.com. from client 2001:db8::1 refused, no acl matches.", Some("2001:db8::1")),
                ("axfr for from.9.9.9.9.refused. from 10.1.1.1 refused, no acl matches", OURS),
                ("query example.com. from 10.1.1.1 refused, BLOCKED 9.9.9.9", None),
            ],
        );
    }
}
