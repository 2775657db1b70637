//! BIND's `named`, as `client.c`, `query.c` and `xfrout.c` print it, through syslog or into files of its own, there with
//! `[CATEGORY: ][SEVERITY: ]` first: `client [@0x... ]ADDRESS#PORT[/key NAME][ (NAME)]: [view NAME: ]MESSAGE`.
//!
//! The address stands before all names, and these are escaped: they hold no space. Queries by UDP prove no address, so
//! whoever can send packets with another's can have it counted.

use super::text::{after_any, word};
use super::{split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let mut text = message;
    while let Some((label, rest)) = split_first(text, b": ")
        && label.iter().all(|b| b.is_ascii_lowercase() || *b == b'-')
    {
        text = rest;
    }
    let client = text.strip_prefix(b"client ")?;
    let client = match word(client) {
        Some(([b'@', ..], rest)) => rest,
        _ => client,
    };
    let (address, rest) = split_first(client, b"#")?;
    let (_names, text) = split_first(rest, b": ")?;
    let text = text.strip_prefix(b"view ").and_then(|rest| split_first(rest, b": ")).map_or(text, |(_, text)| text);
    let refused = if text.starts_with(b"bad zone transfer request: '") {
        text.trim_ascii_end().ends_with(b"': non-authoritative zone (NOTAUTH)")
    } else {
        after_any(text, &[b"query '", b"query (cache) '", b"zone transfer '"])?;
        let (_, why) = split_last(text, b"' denied")?;
        matches!(why.trim_ascii_end(), [] | [b' ', b'(', .., b')'])
    };
    if refused { Addr::parse(address).ok() } else { None }
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
                ("client 10.1.1.1#4795: query 'a.example/NS/IN' denied", OURS),
                ("client 10.1.1.1#4795: view external: query (cache) './NS/IN' denied", OURS),
                (
                    "client @0x7f7c 10.1.1.1#6 (b): query (cache) 'b/A/IN' denied (allow-query-cache did not match)",
                    OURS,
                ),
                ("client @0x7f7c 10.1.1.1#6/key k (b): view internal: zone transfer 'b/AXFR/IN' denied", OURS),
                ("error: client 2001:db8::1#6: zone transfer 'b/AXFR/IN' denied", Some("2001:db8::1")),
                ("security: info: client @0x7f 10.1.1.1#6 (b): query (cache) 'b/A/IN' denied", OURS),
                (
                    "xfer-out: info: client @0x7f 10.1.1.1#6 (b): bad zone transfer request: 'b/IN': non-authoritative zone (NOTAUTH)",
                    OURS,
                ),
                ("client 10.1.1.1#6 (b): bad zone transfer request: 'b/IN': multiple questions (FORMERR)", None),
                ("client 10.1.1.1#6 (9.9.9.9#5): query '9.9.9.9#5/A/IN' denied", OURS),
                ("client 10.1.1.1#6 (b): query (cache) 'b/A/IN' approved", None),
                ("client 10.1.1.1#6: query: b IN A + (10.0.0.1)", None),
                ("client 10.1.1.1#6 (b): update 'b/IN' denied", None),
                ("client (no-peer): query 'b/A/IN' denied", None),
            ],
        );
    }
}
