//! Asterisk, as `chan_sip.c`, `chan_iax2.c`, `res_pjsip*.c`, `manager.c` and `res_security_log.c` print it in 1.8 to 22: into a
//! file of its own, or through syslog.
//!
//! Names, SIP addresses, extensions and call ids are the peer's. SIP over UDP proves no address at all: whoever can send
//! packets with another's can have it counted, whatever reads the log.

use super::text::{Reading, after_any, agreed, undated, word};
use super::{after_last, host_port, split_first, split_last};
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    // `NOTICE[1638][C-00000fa9]: chan_sip.c:23417 in handle_request_register: MESSAGE`
    let (level, rest) = word(undated(message))?;
    if !is_level(level) {
        return None;
    }
    let rest = rest.trim_ascii();
    if rest.starts_with(b"Ext. ") {
        // What a dialplan's `Log()` says: all of it, lest a caller's name is taken for it.
        let (_, said) = split_first(rest, b": \"")?;
        return Addr::parse(said.strip_prefix(b"Rejecting unknown SIP connection from ")?.strip_suffix(b"\"")?).ok();
    }
    let (source, text) = split_first(rest, b": ")?;
    split_first(source, b".c")?;
    let text = text.trim_ascii_start();
    match text.first()? {
        b'S' => security_event(text),
        b'R' => request(text),
        b'N' => {
            let (_, rest) = split_last(text.strip_prefix(b"No registration for peer '")?, b"' (from ")?;
            Addr::parse(rest.strip_suffix(b")")?).ok()
        }
        b'h' => Addr::parse(text.strip_prefix(b"hacking attempt detected '")?.strip_suffix(b"'")?).ok(),
        _ => call(text).or_else(|| host(text)),
    }
}

fn is_level(text: &[u8]) -> bool {
    after_any(text, &[b"NOTICE[", b"SECURITY[", b"WARNING[", b"ERROR["]).is_some()
}

/// `[Host ]ADDRESS failed to authenticate as 'NAME'`, `Host ADDRESS failed MD5 authentication for 'NAME' (...)`
fn host(text: &[u8]) -> Option<Addr> {
    let (address, rest) = word(text.strip_prefix(b"Host ").unwrap_or(text))?;
    after_any(rest, &[b"failed to authenticate as '", b"failed MD5 authentication for '"])?;
    Addr::parse(address).ok()
}

/// `Registration from 'NAME' failed for 'ADDRESS[:PORT]' - REASON` and `Request['METHOD'] from 'NAME' failed for
/// 'ADDRESS:PORT' (callid: ID) - REASON[ after N tries in TIME ms]`
fn request(text: &[u8]) -> Option<Addr> {
    if let Some(rest) = text.strip_prefix(b"Registration from '") {
        const REASONS: [&[u8]; 8] = [
            b"Wrong password",
            b"No matching peer found",
            b"Username/auth name mismatch",
            b"Device does not match ACL",
            b"Peer is not supposed to register",
            b"ACL error (permit/deny)",
            b"Not a local domain",
            b"Not a local SIP domain",
        ];
        // Nothing of the peer's is behind the address.
        let (address, reason) = split_last(after_last(rest, b" failed for '")?, b"' - ")?;
        return if REASONS.contains(&reason) { endpoint(address) } else { None };
    }
    let rest = text.strip_prefix(b"Request ")?;
    let (_method, rest) = split_first(rest, b"from '")?;
    // The call id is the peer's too, but cannot take away the reason at the end.
    const REASONS: [&[u8]; 6] = [
        b") - No matching endpoint found",
        b") - Not match Endpoint ACL",
        b") - Not match Endpoint Contact ACL",
        b") - Error to authenticate",
        b") - Failed to authenticate",
        b") - Failed ACL check",
    ];
    let (_, reason) = split_last(rest, b") - ")?;
    if !REASONS.iter().any(|known| known.strip_prefix(b") - ").is_some_and(|known| reason.starts_with(known))) {
        return None;
    }
    agreed(rest, b" failed for '", |_, after| {
        Reading::of(split_first(after, b"' (callid: ").and_then(|(address, _)| endpoint(address)))
    })
}

/// `Call from 'NAME' ([PROTOCOL:]ADDRESS:PORT) to extension 'NUMBER' rejected because extension not found in context 'NAME'.`,
/// and `NAME: Call (PROTOCOL:ADDRESS:PORT) to extension ...`
fn call(text: &[u8]) -> Option<Addr> {
    if !text.starts_with(b"Call from '") {
        let (_endpoint, rest) = word(text)?;
        rest.strip_prefix(b"Call (")?;
    }
    split_last(text, b"' rejected because extension not found in context '")?;
    agreed(text, b") to extension '", |before, _| {
        let at = split_last(before, b" (").map(|(_, at)| at);
        Reading::of(
            at.and_then(|at| endpoint(after_any(at, &[b"UDP:", b"TCP:", b"TLS:", b"WSS:", b"WS:"]).unwrap_or(at))),
        )
    })
}

/// `SecurityEvent="KIND",...,AccountID="NAME",SessionID="ID",LocalAddress="...",RemoteAddress="IPV4/UDP/ADDRESS/PORT"...`
fn security_event(text: &[u8]) -> Option<Addr> {
    const REMOTE: &[u8] = b"\",RemoteAddress=\"";
    let (kind, fields) = split_first(text.strip_prefix(b"SecurityEvent=\"")?, b"\",")?;
    match kind {
        // Nothing of the peer's follows the address.
        b"FailedACL" | b"InvalidAccountID" => remote(after_last(fields, REMOTE)?),
        // What it answered does.
        b"ChallengeResponseFailed" | b"InvalidPassword" => {
            agreed(fields, REMOTE, |_, after| Reading::of(remote(after)))
        }
        _ => None,
    }
}

/// `IPV4/UDP/ADDRESS/PORT"`
fn remote(text: &[u8]) -> Option<Addr> {
    let (text, _) = split_first(text, b"\"")?;
    let (_transport, rest) = split_first(after_any(text, &[b"IPV4/", b"IPV6/"])?, b"/")?;
    let (address, _port) = split_first(rest, b"/")?;
    Addr::parse(address).ok()
}

/// An address with or without port; IPv6 has brackets where it has a port.
fn endpoint(text: &[u8]) -> Option<Addr> {
    match Addr::parse(text) {
        Ok(addr) => Some(addr),
        Err(_) => host_port(text).filter(|addr| text.starts_with(b"[") || addr.as_v4().is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::ToString;

    #[test]
    fn each_message_names_its_peer() {
        let ours = Some("10.1.1.1");
        for (message, want) in [
            ("chan_sip.c: Registration from '<sip:a@b>' failed for '10.1.1.1:5060' - Wrong password", ours),
            (
                "chan_sip.c:5 in handle: Registration from 'a' failed for '9.9.9.9' - Wrong password' failed for '10.1.1.1' - Wrong password",
                ours,
            ),
            ("chan_sip.c: Registration from 'a' failed for '10.1.1.1' - Too much of it", None),
            (
                "res_pjsip/pjsip_distributor.c: Request 'REGISTER' from '\"a\" <sip:a@b>' failed for '10.1.1.1:5' (callid: c) - No matching endpoint found after 5 tries in 2.5 ms",
                ours,
            ),
            (
                "res_pjsip/pjsip_distributor.c: Request 'REGISTER' from 'a' failed for '9.9.9.9:5' (callid: b) - x' failed for '10.1.1.1:5' (callid: c) - Failed to authenticate",
                None,
            ),
            (
                "res_pjsip/pjsip_distributor.c: Request 'REGISTER' from 'a' failed for '[2001:db8::1]:5' (callid: c) - Failed to authenticate",
                Some("2001:db8::1"),
            ),
            (
                "res_pjsip_session.c:2337 new_invite: Call from 'a' (TCP:[10.1.1.1]:61470) to extension '9' rejected because extension not found in context 'd'.",
                ours,
            ),
            (
                "res_pjsip_session.c:  a: Call (UDP:10.1.1.1:65049) to extension '9' rejected because extension not found in context 'd'.",
                ours,
            ),
            (
                "chan_sip.c: Call from 'a' (9.9.9.9:1) to extension '1' (10.1.1.1:5) to extension '9' rejected because extension not found in context 'd'.",
                None,
            ),
            ("chan_iax2.c: Host 10.1.1.1 failed to authenticate as '9.9.9.9'", ours),
            ("chan_iax2.c: No registration for peer 'a' (from 9.9.9.9)' (from 10.1.1.1)", ours),
            (
                "res_security_log.c: SecurityEvent=\"InvalidAccountID\",AccountID=\"a\",RemoteAddress=\"IPV4/UDP/9.9.9.9/1\",LocalAddress=\"x\",RemoteAddress=\"IPV4/UDP/10.1.1.1/5\"",
                ours,
            ),
            (
                "res_security_log.c: SecurityEvent=\"InvalidPassword\",LocalAddress=\"x\",RemoteAddress=\"IPV4/UDP/10.1.1.1/5\",ReceivedHash=\"a\",RemoteAddress=\"IPV4/UDP/9.9.9.9/1\"",
                None,
            ),
            ("res_security_log.c: SecurityEvent=\"SuccessfulAuth\",RemoteAddress=\"IPV4/UDP/10.1.1.1/5\"", None),
            ("Ext. s: \"Rejecting unknown SIP connection from 10.1.1.1\"", ours),
        ] {
            for level in ["NOTICE[5]", "[2012-02-13 17:21:54] NOTICE[5][C-0000001d]:"] {
                let message = format!("{level} {message}");
                assert_eq!(read(message.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{message}");
            }
        }
        assert_eq!(read(b"VERBOSE[5] chan_iax2.c: Host 10.1.1.1 failed to authenticate as 'a'"), None);
    }
}
