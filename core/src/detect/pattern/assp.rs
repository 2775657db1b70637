//! The Anti-Spam SMTP Proxy's `maillog.txt`: `[ID ][[TAG] ...]ADDRESS [<SENDER> ][to: RECIPIENT ]MESSAGE`.
//!
//! Nothing before the address is the peer's.

use super::text::{after_any, word};
use super::{split_first, trim_end};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const FAILED: [&[u8]; 4] = [
        b"relay attempt blocked for",
        b"[SMTP Error] 535 5.7.8 Error: authentication failed:",
        b"max sender authentication errors (",
        b"SSL negotiation with client failed: SSL accept attempt failed with unknown error",
    ];
    let mut rest = trim_end(message);
    if let Some(rest) = rest.strip_prefix(b"Blocking ") {
        return Addr::parse(split_first(rest, b" - too much AUTH errors (")?.0).ok();
    }
    if let Some((id, after)) = word(rest)
        && id.contains(&b'-')
        && id.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-')
    {
        rest = after;
    }
    let addr = loop {
        let (first, after) = word(rest)?;
        rest = after;
        if !matches!(first, [b'[', .., b']']) {
            break Addr::parse(first).ok()?;
        }
    };
    if let Some(sender) = rest.strip_prefix(b"<") {
        rest = split_first(sender, b"> ")?.1;
    }
    if let Some(recipient) = rest.strip_prefix(b"to: ") {
        rest = word(recipient)?.1;
    }
    after_any(rest, &FAILED).map(|_| addr)
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
                    "[SSL-out] 10.1.1.1 SSL negotiation with client failed: SSL accept attempt failed with unknown errorerror:140760FC:SSL routines:SSL23_GET_CLIENT_HELLO:unknown protocol;",
                    OURS,
                ),
                (
                    "10.1.1.1 max sender authentication errors (5) exceeded -- dropping connection - after reply: 535 5.7.8 Error: authentication failed: a;",
                    OURS,
                ),
                ("Blocking 10.1.1.1 - too much AUTH errors (8);", OURS),
                (
                    "m1-25391-06124 [Worker_1] [TLS-out] [RelayAttempt] 10.1.1.1 <9.9.9.9 a@b> to: c@d relay attempt blocked for: e@f",
                    OURS,
                ),
                ("[Worker_1] [TLS-in] 10.1.1.1 <a@b> relay attempt blocked for (parsing): <c@d>", OURS),
                ("[Worker_1] 2001:db8::1 [SMTP Error] 535 5.7.8 Error: authentication failed:", Some("2001:db8::1")),
                ("[Worker_1] 10.1.1.1 <a@b> to: c@d [SMTP Error] 550 5.1.1 User unknown", None),
                ("[Worker_1] a 9.9.9.9 [SMTP Error] 535 5.7.8 Error: authentication failed:", None),
                ("Admin connection from 9.9.9.9", None),
            ],
        );
    }
}
