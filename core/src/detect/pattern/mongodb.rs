//! MongoDB's `mongod` and `mongos`. Up to version 3.0: `[connN] Failed to authenticate NAME@DB with mechanism ...` and, when it is over,
//! `[connN] end connection ADDRESS:PORT (...)`. Up to 4.2: `... authentication failed for NAME on DB from client ADDRESS:PORT ;
//! REASON`. Since 4.4 JSON, with the address in `attr.remote`, or in `attr.client`.
//!
//! Name and database are the peer's, and so is a part of the reason. Before JSON the server wrote the ends of lines in them as they are: a peer can so write any
//! line. Drivers first try by a mechanism that the user may not have: such speculative failures do not count.

use super::text::{Reading, agreed, contains, word};
use super::{host_port, split_first};
use crate::addr::Addr;
use crate::detect::json::{Object, Value};
use crate::detect::session::Part;

/// What a message says, if it says anything of interest, and the connection that it is about; 0 if that does not matter.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<(u32, Part<'static>)> {
    if message.first() == Some(&b'{') {
        return json(message).map(|peer| (0, Part::Failed(peer)));
    }
    // `[conn5] MESSAGE`, or `I ACCESS   [conn5] MESSAGE`.
    let (origin, rest) = split_first(message, b"[conn")?;
    let (number, text) = split_first(rest, b"] ")?;
    if origin.iter().any(|b| !(b.is_ascii_uppercase() || matches!(b, b' ' | b'-'))) {
        return None;
    }
    let number = core::str::from_utf8(number).ok()?.parse().ok()?;
    if text.starts_with(b"Failed to authenticate ") {
        return Some((number, Part::Nameless));
    }
    if let Some(rest) = text.strip_prefix(b"end connection ") {
        let (peer, _) = word(rest).unwrap_or((rest, b""));
        return Some((number, Part::Ends { peer: host_port(peer)?, failed: false }));
    }
    let (_sasl, rest) = word(text)?;
    let (_mechanism, rest) = word(rest)?;
    let rest = rest.strip_prefix(b"authentication failed for ")?;
    let peer = agreed(rest, b" from client ", |_, after| {
        Reading::of(split_first(after, b" ; ").and_then(|(peer, _)| host_port(peer)))
    });
    Some((0, Part::Failed(peer?)))
}

fn json(message: &[u8]) -> Option<Addr> {
    // Cheaper than to take all apart.
    contains(message, b"uthenticat").then_some(())?;
    let [said, attributes] = Object::parse(message)?.fields(["msg", "attr"])?;
    let said = said?;
    if !(said.is("Authentication failed") || said.is("Failed to authenticate")) {
        return None;
    }
    let [remote, client, error, speculative, is_speculative] =
        attributes?.object()?.fields(["remote", "client", "error", "speculative", "isSpeculative"])?;
    let error = error?.text()?;
    let wrong = error.starts_with("AuthenticationFailed") || error.starts_with("UserNotFound");
    if !wrong || [speculative, is_speculative].into_iter().flatten().any(|value| value.plain() == Some(b"true")) {
        return None;
    }
    host_port(remote.or(client).and_then(Value::text)?.raw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Sessions;

    #[test]
    fn the_peer_is_who_the_line_or_the_end_of_its_connection_names() {
        let mut sessions = Sessions::new();
        let mut count = |message: &str| {
            let (tag, part) = read(message.as_bytes())?;
            sessions.take(Some(tag), part).map(|attempt| attempt.addr)
        };
        let peer = Some(Addr::v4([10, 1, 1, 1]));
        for (message, want) in [
            ("[conn5] Failed to authenticate a@[conn6] end connection 9.9.9.9:1 with mechanism MONGODB-CR: x", None),
            ("[conn6] end connection 9.9.9.9:53276 (0 connections now open)", None),
            ("[conn5] end connection 10.1.1.1:53276 (0 connections now open)", peer),
            ("[conn5] end connection 10.1.1.1:53276 (0 connections now open)", None),
            ("I ACCESS   [conn7] Failed to authenticate a@b with mechanism MONGODB-CR: x", None),
            ("I NETWORK  [conn7] end connection 10.1.1.1:53276 (1 connection now open)", peer),
            (
                "I ACCESS   [conn8] SASL SCRAM-SHA-1 authentication failed for a on b from client 10.1.1.1:5 ; AuthenticationFailed: x",
                peer,
            ),
            (
                "I ACCESS   [conn8] SASL SCRAM-SHA-1 authentication failed for a on b from client 9.9.9.9:5 ; x on c from client 10.1.1.1:5 ; y",
                None,
            ),
            (
                r#"{"c":"ACCESS","ctx":"conn9","msg":"Authentication failed","attr":{"principalName":"a","remote":"10.1.1.1:5","error":"UserNotFound: x"}}"#,
                peer,
            ),
            (
                r#"{"msg":"Failed to authenticate","attr":{"client":"10.1.1.1:5","isSpeculative":false,"error":"AuthenticationFailed: x"}}"#,
                peer,
            ),
            (
                r#"{"msg":"Failed to authenticate","attr":{"client":"9.9.9.9:5","isSpeculative":true,"error":"AuthenticationFailed: x"}}"#,
                None,
            ),
            (r#"{"msg":"Authentication succeeded","attr":{"remote":"9.9.9.9:5","error":"UserNotFound"}}"#, None),
            (r#"{"msg":"Authentication failed","remote":"9.9.9.9:5","attr":{"error":"UserNotFound"}}"#, None),
            ("[initandlisten] connection accepted from 9.9.9.9:58774 #5 (1 connection now open)", None),
        ] {
            assert_eq!(count(message), want, "{message}");
        }
    }
}
