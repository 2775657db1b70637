//! Spam that Exim refused: by its `local_scan()`, by a DNS list, since it has a virus, or that SA-Exim took and threw away.
//!
//! `[ID] [F=SENDER ]H=HOST ...`, where HOST is `[NAME ][(HELO) ][ADDRESS]`: HELO and whatever comes behind the address may
//! be the peer's text, and so is a sender before it. Where that looks like another host, a message counts for nobody.
//!
//! What SA-Exim flags and delivers counts only if it is for fail2ban's trap address.

use super::exim::start;
use super::split_first;
use super::text::{Reading, agreed, contains, word};
use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const SA: [&str; 2] = [
    "SA: Action: silently tossed message: score=<*> (host=<*>[<ADDR>]) for<*>",
    "SA: Action: flagged as Spam but accepted: score=<*> (host=<*>[<ADDR>]) for trap@example.com",
];

/// Whose spam a message tells of.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let message = start(message);
    let (is_first, is_behind) = (message.starts_with(b"H="), message.starts_with(b"F="));
    if !(is_first || is_behind) {
        return template::first(&SA, trim_end(message));
    }
    if !is_spam(message) {
        return None;
    }
    if is_first { host(message.get(2..)?) } else { agreed(message, b" H=", |_, after| Reading::of(host(after))) }
}

fn is_spam(message: &[u8]) -> bool {
    let is_listed = || {
        let (_, rejected) = split_first(message, b" rejected RCPT ")?;
        let (_recipient, reason) = split_first(rejected, b": ")?;
        contains(reason, b"dnsbl").then_some(())
    };
    contains(message, b" rejected after DATA: This message contains a virus (")
        || (contains(message, b" rejected by local_scan(): ") && !contains(message, b" temporarily rejected "))
        || is_listed().is_some()
}

/// The address of a host that the text starts with.
fn host(text: &[u8]) -> Option<Addr> {
    let address = |text: &[u8]| Addr::parse(split_first(text, b"]")?.0).ok();
    let text = if matches!(text.first(), Some(b'[' | b'(')) { text } else { word(text)?.1 };
    match text.strip_prefix(b"[") {
        Some(text) => address(text),
        None => {
            // HELO may look like its own end, and an address.
            let text = text.strip_prefix(b"(")?;
            agreed(text, b") [", |_, after| {
                split_first(after, b"]").and_then(|(text, _)| Addr::parse(text).ok()).map_or(Reading::No, Reading::Peer)
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_peer() {
        hold(
            &SA,
            read,
            &[
                (
                    "[2249] H=([9.9.9.9]) [10.1.1.1]:52391 I=[10.0.0.1]:25 F=a@b rejected RCPT c@d: rejected found in dnsbl e.example",
                    OURS,
                ),
                (
                    "H=a.example [10.1.1.1]:5 X=TLS1.3 CV=no F=<x) [9.9.9.9]@b> rejected RCPT <c@d>: found in dnsbl e.example",
                    OURS,
                ),
                ("H=(a) [10.1.1.1] F=<a@b> rejected RCPT <dnsbl@d>: Unknown user", None),
                ("H=(x) [9.9.9.9] F=a) [10.1.1.1] F=<a@b> rejected RCPT <c@d>: found in dnsbl e.example", None),
                (
                    "[14127] 1UlasQ-0003fr-45 F=a@b H=(c.example) [10.1.1.1]:43671 I=[10.0.0.1]:25 P=esmtp rejected by local_scan(): Rejected",
                    OURS,
                ),
                ("1UlasQ-0003fr-45 F=a@b H=c [10.1.1.1] P=esmtp temporarily rejected by local_scan(): a", None),
                (
                    "1UlasQ-0003fr-45 F=<\"a H=c [9.9.9.9] P=esmtp\"@b> H=c [10.1.1.1] P=esmtp rejected by local_scan(): a",
                    None,
                ),
                (
                    "1Unmew-0000ea-SE H=a.example (b) [2001:db8::1]:32706 F=a@b rejected after DATA: This message contains a virus (x).",
                    Some("2001:db8::1"),
                ),
                (
                    "1VxHRO-000NiI-Ly SA: Action: silently tossed message: score=31.0 required=5.0 trigger=30.0 (scanned in 6/6 secs | Message-Id: a). From <b@c> (host=d.example [10.1.1.1]) for e@f",
                    OURS,
                ),
                (
                    "1VxHRO-000NiI-Ly SA: Action: silently tossed message: score=31.0 required=5.0 trigger=30.0 (scanned in 6/6 secs | Message-Id: a). From <b (host=x [9.9.9.9]) for @c> (host=d.example [10.1.1.1]) for e@f",
                    None,
                ),
                (
                    "1VxPit-000MMd-U4 SA: Action: flagged as Spam but accepted: score=8.2 required=5.0 (scanned in 6/6 secs | Message-Id: a). From <b@c> (host=d.example [10.1.1.1]) for trap@example.com",
                    OURS,
                ),
                (
                    "1VxPit-000MMd-U4 SA: Action: flagged as Spam but accepted: score=8.2 required=5.0 (scanned in 6/6 secs | Message-Id: a). From <b@c> (host=d.example [10.1.1.1]) for e@f",
                    None,
                ),
                ("1VxPit-000MMd-U4 <= a@b H=c [9.9.9.9] P=esmtp S=1 T=\" rejected by local_scan(): \"", None),
            ],
        );
    }
}
