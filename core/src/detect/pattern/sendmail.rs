//! Sendmail, as `srvrsmtp.c`, `envelope.c` and `ruleset.c` log it: `[QUEUEID: ]MESSAGE`.
//!
//! The peer is `[[IDENT@]NAME ][ADDRESS][ (may be forged)]`. Sendmail takes all but letters, digits and a few signs, none of
//! them a bracket, out of both names. What a ruleset judges is the peer's text and stands before its address and behind it: where
//! a message has several places that may be the address's, all must have the same.
//!
//! That a recipient is unknown is said without the peer, which is on the line of the sender that ends the message's
//! envelope, under the same queue id.
//!
//! | mode of `sendmail-reject` | counts |
//! |---|---|
//! | `normal`, `ddos` | what rulesets reject, unknown users, peers that speak too early or try EXPN and VRFY |
//! | `extra` | also connections that bring no mail |
//! | `aggressive` | also connections that break off, and addresses without a name |

use super::text::{Reading, after_any, agreed, connection, contains, contains_any, word};
use super::{split_first, split_last, trim_end};
use crate::addr::Addr;
use crate::detect::Mode;
use crate::detect::session::Part;

/// Splits the queue id off a message. What has none still has an empty one.
fn queued(message: &[u8]) -> (&[u8], &[u8]) {
    match split_first(message, b": ") {
        // As long as `NOQUEUE`, or as a queue id with a long process id.
        Some((id, rest)) if matches!(id.len(), 7..=20) && id.iter().all(u8::is_ascii_alphanumeric) => (id, rest),
        _ => (b"", message),
    }
}

/// The peer that the text ends with.
fn last_peer(text: &[u8]) -> Option<Addr> {
    let text = text.strip_suffix(b" (may be forged)").unwrap_or(text);
    let (before, address) = split_last(text.strip_suffix(b"]")?, b"[")?;
    if matches!(before.last(), None | Some(b' ' | b'=')) { addr(address) } else { None }
}

/// The peer that the text starts with, and what follows it. The name may be missing, but for its space.
fn first_peer(text: &[u8]) -> Option<(Addr, &[u8])> {
    let text = if text.starts_with(b"[") {
        text
    } else {
        // Other messages start with other words: `to=<...>`, `SYSERR(root):`, `Milter:`.
        let (name, rest) = word(text)?;
        let name = name.strip_prefix(b"IDENT:").unwrap_or(name);
        if name.iter().any(|b| !b.is_ascii_alphanumeric() && !b"!#$%&'*+-./^_`{|}~@".contains(b)) {
            return None;
        }
        rest
    };
    let (address, rest) = split_first(text.strip_prefix(b"[")?, b"]")?;
    Some((addr(address)?, rest.strip_prefix(b" (may be forged)").unwrap_or(rest)))
}

fn addr(text: &[u8]) -> Option<Addr> {
    Addr::parse(text.strip_prefix(b"IPv6:").unwrap_or(text)).ok()
}

/// Whose failed authentication a message tells.
#[inline(never)]
pub(in crate::detect) fn auth(message: &[u8]) -> Option<Addr> {
    let (_, message) = queued(trim_end(message));
    if let Some(rest) = message.strip_prefix(b"AUTH failure (") {
        // Other reasons are the server's own trouble, or mechanisms that it does not have.
        const WHY: [&[u8]; 2] = [b"authentication failure", b"user not found"];
        const WHY_IN_DETAIL: [&[u8]; 2] = [b": authentication failure: ", b": user not found: "];
        let (_mechanism, why) = split_first(rest, b"): ")?;
        if after_any(why, &WHY).is_none() && !contains_any(why, &WHY_IN_DETAIL) {
            return None;
        }
        return last_peer(split_last(why, b", relay=")?.1);
    }
    let (peer, rest) = first_peer(message)?;
    let count = rest.strip_prefix(b": possible SMTP attack: command=AUTH, count=")?;
    if count.iter().all(u8::is_ascii_digit) { Some(peer) } else { None }
}

/// What a message says of a peer that was turned away, and the envelope that it is about.
#[inline(never)]
pub(in crate::detect) fn reject(message: &[u8], mode: Mode) -> Option<(Option<u32>, Part<'_>)> {
    let (id, message) = queued(trim_end(message));
    let envelope = if matches!(id, b"" | b"NOQUEUE") { None } else { Some(connection(&[id])) };
    if message.starts_with(b"<") {
        let told = split_last(message, b">... ")?.1;
        return matches!(told, b"No such user here" | b"User unknown").then_some((envelope, Part::Nameless));
    }
    if let Some(sender) = message.strip_prefix(b"from=<") {
        // Bounces are of those whose addresses were used by others; an envelope with a message id brought its mail.
        let (sender, peer) = split_last(sender, b", relay=")?;
        if sender.starts_with(b">") || contains(sender, b", msgid=") || !contains(sender, b">, size=") {
            return None;
        }
        return Some((envelope, Part::Ends { peer: last_peer(peer)?, failed: false }));
    }
    turned_away(message, mode).map(|peer| (None, Part::Failed(peer)))
}

fn turned_away(message: &[u8], mode: Mode) -> Option<Addr> {
    if let Some(rest) = after_any(message, &[b"ruleset=check_rcpt, arg1=", b"ruleset=check_relay, arg1="]) {
        let peer = agreed(rest, b", relay=", |_, after| match split_first(after, b", reject=") {
            Some((peer, _)) => Reading::of(last_peer(peer)),
            None => Reading::No,
        });
        return if is_reason(split_first(rest, b", reject=")?.1, mode) { peer } else { None };
    }
    if let Some(rest) = message.strip_prefix(b"rejecting commands from ") {
        return last_peer(split_last(rest, b" due to pre-greeting traffic after ")?.0);
    }
    if let Some(rest) = message.strip_prefix(b"lost input channel from ") {
        let (peer, rest) = first_peer(rest)?;
        return (mode == Mode::Aggressive && rest.starts_with(b" to ") && rest.ends_with(b" after rcpt"))
            .then_some(peer);
    }
    let (peer, rest) = first_peer(message)?;
    if rest.starts_with(b" did not issue ") {
        return matches!(mode, Mode::Extra | Mode::Aggressive).then_some(peer);
    }
    let (command, _) = word(rest.strip_prefix(b": ")?)?;
    let asks = command.eq_ignore_ascii_case(b"expn") || command.eq_ignore_ascii_case(b"vrfy");
    (asks && rest.ends_with(b" [rejected]")).then_some(peer)
}

/// Whether `CODE STATUS[ <ADDRESS>...] REASON` is for what a peer has to answer for.
fn is_reason(reason: &[u8], mode: Mode) -> bool {
    /// Codes and how the reasons that go with them start.
    const REASONS: [(&[u8], &[u8]); 15] = [
        (b"550", b"Relaying denied"),
        (b"550", b"IP name possibly forged ["),
        (b"550", b"Proper authentication required"),
        (b"550", b"IP name lookup failed ["),
        (b"550", b"Fix reverse DNS for "),
        (b"550", b"Rejected: "),
        (b"550", b"User unknown"),
        (b"421", b"Connection rate limit exceeded."),
        (b"421", b"Too many open connections."),
        (b"451", DOMAIN),
        (b"453", DOMAIN),
        (b"551", DOMAIN),
        (b"553", DOMAIN),
        (NAMELESS, b"Relaying temporarily denied. Cannot resolve PTR "),
        (NAMELESS, b"Cannot resolve PTR "),
    ];
    const DOMAIN: &[u8] = b"Domain of sender address ";
    const NAMELESS: &[u8] = b"450";
    let Some((code, rest)) = word(reason) else { return false };
    let Some((_status, told)) = word(rest) else { return false };
    let told = if told.starts_with(b"<") { split_first(told, b">... ").map_or(told, |(_, told)| told) } else { told };
    (code != NAMELESS || mode == Mode::Aggressive)
        && REASONS.iter().any(|(of, start)| *of == code && told.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;
    use crate::detect::Sessions;
    use std::string::ToString;

    #[test]
    fn each_failed_authentication_names_its_client() {
        hold(
            &[],
            auth,
            &[
                (
                    "s1GNeNqe005178: a.example [10.1.1.1] (may be forged): possible SMTP attack: command=AUTH, count=5",
                    OURS,
                ),
                (
                    "xA32R2PQ3529566: [IPv6:2001:db8::1]: possible SMTP attack: command=AUTH, count=6",
                    Some("2001:db8::1"),
                ),
                ("[10.1.1.1]: possible SMTP attack: command=HELO/EHLO, count=5", None),
                ("to=<a@b>, stat=x [9.9.9.9]: possible SMTP attack: command=AUTH, count=5", None),
                ("to=<x [9.9.9.9]: possible SMTP attack: command=AUTH, count=5", None),
                ("IDENT:a@b.example [10.1.1.1]: possible SMTP attack: command=AUTH, count=5", OURS),
                (
                    "06I02CNi016765: AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user=a, relay=[9.9.9.9], relay=b.example [10.1.1.1] (may be forged)",
                    OURS,
                ),
                (
                    "AUTH failure (CRAM-MD5): user not found (-20) SASL(-13): user not found: no secret, relay=IDENT:b@[9.9.9.9] [10.1.1.1]",
                    OURS,
                ),
                (
                    "AUTH failure (LOGIN): generic failure (-1) SASL(-1): generic failure: x, user=a, relay=[10.1.1.1]",
                    None,
                ),
                ("AUTH=server, relay=[9.9.9.9], authid=a, mech=LOGIN, bits=0", None),
            ],
        );
    }

    #[test]
    fn each_rejection_names_its_client() {
        let rcpt = |reject: &str| {
            std::format!("s1P819mk027713: ruleset=check_rcpt, arg1=<a@b>, relay=c.example [10.1.1.1], reject={reject}")
        };
        for (message, mode, want) in [
            (&*rcpt("550 5.7.1 <a@b>... Relaying denied. Proper authentication required."), Mode::Normal, OURS),
            (&rcpt("550 5.7.1 <a@b>... Rejected: IP in a blacklist, see http://d/?9.9.9.9"), Mode::Ddos, OURS),
            (&rcpt("550 5.1.1 <a@b>... User unknown"), Mode::Normal, OURS),
            (&rcpt("553 5.1.8 <a@b>... Domain of sender address x@y does not exist"), Mode::Normal, OURS),
            (&rcpt("451 4.1.8 Domain of sender address x@y does not resolve"), Mode::Normal, OURS),
            (&rcpt("451 4.7.1 Greylisting in action, please come back later"), Mode::Aggressive, None),
            (
                &rcpt("450 4.4.0 <a@b>... Relaying temporarily denied. Cannot resolve PTR record for 9.9.9.9"),
                Mode::Extra,
                None,
            ),
            (
                &rcpt("450 4.4.0 <a@b>... Relaying temporarily denied. Cannot resolve PTR record for 9.9.9.9"),
                Mode::Aggressive,
                OURS,
            ),
            (
                "ruleset=check_relay, arg1=[10.1.1.1], arg2=10.1.1.1, relay=[10.1.1.1], reject=421 4.3.2 Too many open connections.",
                Mode::Normal,
                OURS,
            ),
            (
                "ruleset=check_rcpt, arg1=<\"a@b>, relay=[9.9.9.9], reject=550 5.7.1 <\"a@b>... Rejected: \"@c>, relay=[10.1.1.1], reject=550 5.1.1 x... User unknown",
                Mode::Normal,
                None,
            ),
            (
                "ruleset=check_rcpt, arg1=<a@b>, relay=root@localhost, reject=550 5.1.1 <\", relay=[9.9.9.9], reject=\"@b>... User unknown",
                Mode::Normal,
                None,
            ),
            (
                "u9A0GtpL018001: rejecting commands from  [10.1.1.1] due to pre-greeting traffic after 6 seconds",
                Mode::Normal,
                OURS,
            ),
            ("s1MD2hsd004030: a.example [10.1.1.1]: VRFY x [9.9.9.9]: VRFY root [rejected]", Mode::Normal, OURS),
            ("s1MD2hsd004030: a.example [10.1.1.1]: QUIT [rejected]", Mode::Normal, None),
            ("s1MD2hsd004030: to=<x [9.9.9.9]: VRFY root [rejected]", Mode::Normal, None),
            (
                "a.example [IPv6:2001:db8::1] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA",
                Mode::Extra,
                Some("2001:db8::1"),
            ),
            ("a.example [10.1.1.1] did not issue MAIL/EXPN/VRFY/ETRN during connection to MTA", Mode::Normal, None),
            ("56VFYCxS024291: lost input channel from a [10.1.1.1] to MTA-v4 after rcpt", Mode::Aggressive, OURS),
            ("56VFYCxS024291: lost input channel from a [10.1.1.1] to MTA-v4 after rcpt", Mode::Extra, None),
            ("56VFYCxS024291: lost input channel from a [10.1.1.1] to MTA-v4 after data", Mode::Aggressive, None),
        ] {
            let got = reject(message.as_bytes(), mode).map(|(_, part)| match part {
                Part::Failed(addr) => addr.to_string(),
                _ => "?".to_string(),
            });
            assert_eq!(got.as_deref(), want, "{message}");
        }
    }

    #[test]
    fn an_unknown_user_waits_for_the_sender_of_the_same_envelope() {
        let mut sessions = Sessions::new();
        let mut said = |message: &str| {
            let (envelope, part) = reject(message.as_bytes(), Mode::Normal)?;
            sessions.take(envelope, part).map(|attempt| (attempt.addr.to_string(), attempt.count))
        };
        let sender = |id: &str, from: &str| {
            std::format!(
                "{id}: from=<{from}>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=c.example [10.1.1.1]"
            )
        };
        assert_eq!(said("rA37ZTSC026254: <a@b>... No such user here"), None);
        assert_eq!(said("rA37ZTSC026255: <x, relay=[9.9.9.9]@b>... User unknown"), None);
        assert_eq!(said(&sender("rA37ZTSC026256", "a@b")), None, "another envelope");
        assert_eq!(said(&sender("rA37ZTSC026254", "a, relay=[9.9.9.9]@b")), Some(("10.1.1.1".to_string(), 1)));
        assert_eq!(said(&sender("rA37ZTSC026254", "a@b")), None, "it was counted");
        assert_eq!(said(&sender("rA37ZTSC026255", "")), None, "a bounce");
        assert_eq!(said("NOQUEUE: <a@b>... User unknown"), None);
        assert_eq!(said(&sender("NOQUEUE", "a@b")), None);
    }
}
