//! SOGo, as `SOGoRootPage.m` logs it: `SOGoRootPage Login from 'CLIENT' for user 'NAME' might not have worked - password policy: ...`,
//! in a log file of its own with `sogod [PID]: ` before it.
//!
//! CLIENT is what the proxy says in `X-Forwarded-For`. A list of addresses begins with what the peer itself sent in that
//! header, and counts for nobody, as does a name with a quote in it.

use super::{split_first, trim_end};
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] = [
    "SOGoRootPage Login from '<ADDR>' for user '<^'>' might not have worked",
    "SOGoRootPage Login from '<ADDR>' for user '<^'>' might not have worked - password policy: <-|><N>  grace: <-|><N>  expire: <-|><N>  bound: <-|><N>",
];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let own = message.strip_prefix(b"sogod [").and_then(|rest| split_first(rest, b"]: "));
    template::first(&FAILED, trim_end(own.map_or(message, |(_pid, rest)| rest)))
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
                (
                    "sogod [7]: SOGoRootPage Login from '10.1.1.1' for user 'a' might not have worked - password policy: 65535  grace: -1  expire: -1  bound: 0",
                    OURS,
                ),
                ("SOGoRootPage Login from '2001:db8::1' for user 'a' might not have worked", Some("2001:db8::1")),
                (
                    "SOGoRootPage Login from '10.1.1.1' for user 'a - Login from 9.9.9.9 for user b' might not have worked",
                    OURS,
                ),
                ("SOGoRootPage Login from '9.9.9.9, 10.1.1.1' for user 'a' might not have worked", None),
                (
                    "SOGoRootPage Login from '9.9.9.9' for user 'a' might not have worked, 10.1.1.1' for user 'a' might not have worked",
                    None,
                ),
                ("SOGoRootPage Login from '9.9.9.9' for user 'a' was successful", None),
            ],
        );
    }
}
