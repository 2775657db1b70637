//! ejabberd, as `ejabberd_c2s.erl` prints it: `[LEVEL] <PID>@ejabberd_c2s:FUNCTION:LINE (SOCKET) Failed c2s MECHANISM authentication
//! for NAME from ADDRESS: REASON`, older ones without mechanism and reason and with `from IP ADDRESS`, and before 13.10 on a line
//! of its own, `I(<PID>:ejabberd_c2s:LINE) : (SOCKET) Failed ... ({{192,0,2,4},12716})`.
//!
//! The name is the peer's, so the address is read from the end: no reason has ` from ` in it. ejabberd writes the ends of lines in
//! a name as they are: a peer can so write any line.

use super::text::after_any;
use super::{split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let origin = after_any(message, &[b"[info] <", b"[warning] <", b"I(<"])?;
    let (_pid, rest) = split_first(origin, b">")?;
    after_any(rest, &[b"@ejabberd_c2s:", b":ejabberd_c2s:"])?;
    let (_socket, what) = split_first(rest, b") Failed ")?;
    let what = match what.strip_prefix(b"c2s ") {
        Some(rest) => split_first(rest, b" ")?.1,
        None => what,
    };
    after_any(what, &[b"authentication for ", b"authentication from "])?;
    let (_, from) = split_last(what, b" from ")?;
    let from = from.strip_prefix(b"IP ").unwrap_or(from);
    let address = split_first(from, b": ").or_else(|| split_first(from, b" ({{")).map_or(from, |(address, _)| address);
    Addr::parse(address.trim_ascii_end()).ok()
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
                    "I(<0.1440.0>:ejabberd_c2s:813) : ({socket_state,tls,{tlssock,#Port<0.1>},<0.1439.0>}) Failed authentication for a@b from IP 10.1.1.1 ({{192,0,2,4},12716})",
                    OURS,
                ),
                (
                    "[info] <0.1.1>@ejabberd_c2s:wait_for_feature_request:662 ({socket_state,<0.2.0>}) Failed authentication for a@b from IP 10.1.1.1",
                    OURS,
                ),
                (
                    "[info] <0.1.0>@ejabberd_c2s:wait_for_sasl_response:965 ({socket_state,<0.2.0>}) Failed authentication for a@b from 10.1.1.1",
                    OURS,
                ),
                (
                    "[info] <0.1.0>@ejabberd_c2s:process_auth_result:297 (tls|<0.2.0>) Failed c2s PLAIN authentication for a@b from ::ffff:10.1.1.1: Invalid username or password",
                    OURS,
                ),
                (
                    "[warning] <0.1.0>@ejabberd_c2s:process_auth_result/3:312 (tls|<0.2.0>) Failed c2s SCRAM-SHA-1 authentication from 2001:db8::1: Malformed username",
                    Some("2001:db8::1"),
                ),
                (
                    "[info] <0.1.0>@ejabberd_c2s:process_auth_result:297 (tls|<0.2.0>) Failed c2s PLAIN authentication for a from 9.9.9.9: b@c from 10.1.1.1: Invalid username or password",
                    OURS,
                ),
                (
                    "[info] <0.1.0>@ejabberd_c2s:process_auth_result:297 (tls|<0.2.0>) Accepted c2s PLAIN authentication for x) Failed authentication for y@b by mnesia backend from a.example",
                    None,
                ),
                ("[info] <0.1.0>@ejabberd_s2s:f:1 (tls|<0.2.0>) Failed authentication for a@b from 9.9.9.9", None),
                ("[info] (<0.1.0>) Accepted connection 9.9.9.9:1 -> 10.0.0.1:5222", None),
            ],
        );
    }
}
