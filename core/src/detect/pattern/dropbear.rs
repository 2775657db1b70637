//! Dropbear: the messages of `svr-*.c` from 2011 to 2026, and the wording that some distributions patch in.
//!
//! Its addresses are `HOST:PORT`: IPv6 without brackets up to 2026.93 (`2001:db8::1:51234`, the last colon is the port's),
//! with brackets since. A dropbear that logs by itself to a file (`-E`) writes `[pid] date` before each message; so does one
//! whose standard error is sent to syslog.
//!
//! Mode `normal` counts failed logins and connections that used up their tries; `ddos` and `aggressive` also those that
//! left without a login (scanners that only look for keys leave no other trace).

use super::text::contains_any;
use super::{after_last, host_port, split_first, split_last, trim_end};
use crate::detect::Mode;
use crate::detect::session::Part;
use crate::source::syslog::month_day_time;

/// What a message says, if it says anything of interest.
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Part<'_>> {
    let message = trim_end(without_own_prefix(message));
    match message.first()? {
        b'B' | b'b' => bad_password(message),
        b'L' | b'l' => login_attempt(message).or_else(|| outside_group(message)),
        b'E' | b'e' => exit_before_auth(message, mode),
        b'T' => failed(after_either(message, &[b"Too-long password attempt for "])?),
        b'P' | b'A' => succeeded(message),
        b'C' => match message.strip_prefix(b"Child connection from ") {
            Some(peer) => host_port(peer).map(Part::Begins),
            None => failed(message.strip_prefix(b"Client trying multiple usernames")?),
        },
        b'r' => (message == b"root login rejected").then_some(Part::Nameless),
        b'U' => rejected_user(message),
        _ => None,
    }
}

/// Dropbear's own `[825] Jul 10 23:57:29 `.
fn without_own_prefix(message: &[u8]) -> &[u8] {
    let dated = || {
        let (pid, rest) = split_first(message.strip_prefix(b"[")?, b"] ")?;
        if !pid.iter().all(u8::is_ascii_digit) {
            return None;
        }
        month_day_time(rest).map(|(_, rest)| rest)
    };
    dated().unwrap_or(message)
}

fn after_either<'a>(message: &'a [u8], starts: &[&[u8]]) -> Option<&'a [u8]> {
    starts.iter().find_map(|start| message.strip_prefix(*start))
}

/// The address after the last ` from `: what stands before it is the user's name.
fn failed(rest: &[u8]) -> Option<Part<'_>> {
    host_port(after_last(rest, b" from ")?).map(Part::Failed)
}

/// `Bad password attempt for 'root' from HOST:PORT`, `Bad PAM password attempt for ...`.
fn bad_password(message: &[u8]) -> Option<Part<'_>> {
    let rest = message.get(1..)?.strip_prefix(b"ad ")?;
    failed(rest.strip_prefix(b"PAM ").unwrap_or(rest).strip_prefix(b"password attempt for")?)
}

/// `Login attempt for nonexistent user ['NAME' ]from HOST:PORT`, `Login attempt with wrong user NAME from HOST:PORT`.
fn login_attempt(message: &[u8]) -> Option<Part<'_>> {
    let rest = message.get(1..)?.strip_prefix(b"ogin attempt ")?;
    failed(after_either(rest, &[b"for nonexistent user", b"with wrong user"])?)
}

/// `Exit before auth from <HOST:PORT>: REASON`, and the old `Exit before auth (user 'NAME', N fails): REASON from
/// HOST:PORT`. In the first, the address stands before all that the peer chooses.
fn exit_before_auth(message: &[u8], mode: Mode) -> Option<Part<'_>> {
    const USED_UP: [&[u8]; 2] = [b"Max auth tries reached", b"Client trying multiple usernames"];
    let rest = message.get(1..)?.strip_prefix(b"xit before auth")?;
    if let Some(rest) = rest.strip_prefix(b" from <") {
        let (address, reason) = split_first(rest, b">: ")?;
        let peer = host_port(address)?;
        return Some(if contains_any(reason, &USED_UP) {
            Part::UsedUp(peer)
        } else {
            Part::Ends { peer, failed: matches!(mode, Mode::Ddos | Mode::Aggressive) }
        });
    }
    let rest = rest.strip_prefix(b" (user '")?;
    let (before, address) = split_last(rest, b" from ")?;
    if contains_any(before, &USED_UP) { host_port(address).map(Part::UsedUp) } else { None }
}

/// `Pubkey auth bad signature for 'NAME' with key FINGERPRINT from HOST:PORT`, and the messages of success.
fn succeeded(message: &[u8]) -> Option<Part<'_>> {
    if let Some(rest) = message.strip_prefix(b"Pubkey auth bad signature for ") {
        return failed(rest);
    }
    const STARTS: [&[u8]; 4] = [
        b"Pubkey auth succeeded for '",
        b"Password auth succeeded for '",
        b"PAM password auth succeeded for '",
        b"Auth succeeded with blank password for '",
    ];
    let rest = after_either(message, &STARTS)?;
    let (user, _) = split_last(rest, b"' ")?;
    Some(Part::Accepted(user))
}

/// `User 'NAME' has invalid shell, rejected` and its relatives: the address is on the connection's first line.
fn rejected_user(message: &[u8]) -> Option<Part<'_>> {
    const ENDS: [&[u8]; 3] = [b"' has invalid shell, rejected", b"' is locked", b"' has blank password, rejected"];
    after_either(message, &[b"User '", b"User account '"])?;
    ENDS.iter().any(|end| message.ends_with(end)).then_some(Part::Nameless)
}

/// `Logins are restricted to the group GROUP but user 'NAME' is not a member`
fn outside_group(message: &[u8]) -> Option<Part<'_>> {
    let fits = message.starts_with(b"Logins are restricted to the group ") && message.ends_with(b"' is not a member");
    fits.then_some(Part::Nameless)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;

    fn addr(text: &str) -> Addr {
        Addr::parse(text.as_bytes()).unwrap()
    }

    fn normal(message: &str) -> Option<Part<'_>> {
        read(message.as_bytes(), Mode::Normal)
    }

    #[test]
    fn each_wording_names_its_peer() {
        for message in [
            "Bad password attempt for 'root' from 10.1.1.1:5543",
            "bad password attempt for 'root' from 10.1.1.1:5543",
            "Bad PAM password attempt for 'root' from 10.1.1.1:5543",
            "Bad password attempt for 'root' from 10.1.1.1",
            "Login attempt for nonexistent user from 10.1.1.1:5543",
            "Login attempt for nonexistent user 'x' from 10.1.1.1:5543",
            "Login attempt with wrong user admin from 10.1.1.1:5543",
            "Too-long password attempt for 'root' from 10.1.1.1:5543",
            "Client trying multiple usernames from 10.1.1.1:5543",
            "Pubkey auth bad signature for 'u' with key SHA256:abc from 10.1.1.1:5543",
            "[825] Jul 10 23:57:29 Bad password attempt for 'root' from ::ffff:10.1.1.1:5543",
            "Bad password attempt for 'x' from 9.9.9.9:22' from 10.1.1.1:5543",
        ] {
            assert_eq!(normal(message), Some(Part::Failed(addr("10.1.1.1"))), "{message}");
        }
        for message in [
            "Exit before auth (user 'root', 10 fails): Max auth tries reached - user 'root' from 10.1.1.1:60588",
            "Exit before auth from <10.1.1.1:5543>: (user 'root', 10 fails): Max auth tries reached - user 'root'",
            "Exit before auth from <10.1.1.1:5543>: Max auth tries reached - user 'is invalid'",
            "Exit before auth from <10.1.1.1:5543>: (user 'root', 0 fails): Client trying multiple usernames",
            "Exit before auth from <10.1.1.1:5543>: (user 'x' from <9.9.9.9:1>', 10 fails): Max auth tries reached",
        ] {
            assert_eq!(normal(message), Some(Part::UsedUp(addr("10.1.1.1"))), "{message}");
        }
    }

    #[test]
    fn both_spellings_of_ipv6_are_read() {
        for (host, want) in [
            ("2001:db8::1:51234", "2001:db8::1"),
            ("[2001:db8::1]:51234", "2001:db8::1"),
            ("fe80::1%br-lan:22", "fe80::1"),
            ("[::ffff:10.1.1.1]:22", "10.1.1.1"),
        ] {
            let message = std::format!("Bad password attempt for 'root' from {host}");
            assert_eq!(normal(&message), Some(Part::Failed(addr(want))), "{host}");
        }
        for host in
            ["[2001:db8::1]", "[2001:db8::1]:", "2001:db8::1:123456", "10.1.1.1:x", "example.com:22", "010.1.1.1:22"]
        {
            assert_eq!(normal(&std::format!("Bad password attempt for 'root' from {host}")), None, "{host}");
        }
    }

    #[test]
    fn an_exit_counts_only_where_it_is_asked_for() {
        let message = b"Exit before auth from <10.1.1.1:5543>: Exited normally";
        let peer = addr("10.1.1.1");
        assert_eq!(read(message, Mode::Normal), Some(Part::Ends { peer, failed: false }));
        assert_eq!(read(message, Mode::Ddos), Some(Part::Ends { peer, failed: true }));
    }

    #[test]
    fn logins_and_connections_count_nothing() {
        assert_eq!(normal("Child connection from 10.1.1.1:5"), Some(Part::Begins(addr("10.1.1.1"))));
        assert_eq!(normal("Password auth succeeded for 'root' from 10.1.1.1:5"), Some(Part::Accepted(b"root")));
        let key = "Pubkey auth succeeded for 'root' with ssh-ed25519 key SHA256:abc from 10.1.1.1:5";
        assert_eq!(normal(key), Some(Part::Accepted(b"root")));
        let twice = "Password auth succeeded for 'root' from 10.1.1.1:5, extra auth required";
        assert_eq!(normal(twice), Some(Part::Accepted(b"root")));
        assert_eq!(normal("PAM password auth succeeded for 'root' from 10.1.1.1:5"), Some(Part::Accepted(b"root")));
        let blank = "Auth succeeded with blank password for 'root' from 10.1.1.1:5";
        assert_eq!(normal(blank), Some(Part::Accepted(b"root")));
        assert_eq!(normal("Exit (root) from <10.1.1.1:5>: Disconnect received"), None);
        assert_eq!(normal("User 'nobody' has invalid shell, rejected"), Some(Part::Nameless));
        assert_eq!(normal("User account 'x' is locked"), Some(Part::Nameless));
        let group = "Logins are restricted to the group ssh but user 'x' is not a member";
        assert_eq!(normal(group), Some(Part::Nameless));
    }
}
