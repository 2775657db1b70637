//! OpenSSH's `sshd`, `sshd-session` and `sshd-auth`: the messages of versions 4 to 10, as `auth.c`, `auth2.c`,
//! `packet.c`, `sshd.c` and `kex.c` print them.
//!
//! | mode | counts |
//! |---|---|
//! | `normal` | failed passwords, unknown users, users who may not log in, too many tries |
//! | `ddos` | also connections that end before they log in, and what is no SSH at all |
//! | `extra` | also failed negotiations, and logins that are given up |
//! | `aggressive` | all of these |
//!
//! A public key that the server does not know is no failure by itself, since clients offer every key that they have; it
//! counts for unknown users, and for known ones once there were too many.

use super::{Parsed, after_last, ending, found, last_peer, peer, port, port_on, split_first, split_last, trim_end};
use crate::addr::Addr;
use crate::detect::Mode;
use crate::detect::session::Part;
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_till, take_till1, take_while};
use nom::character::complete::digit1;
use nom::combinator::{eof, opt, peek, rest, value};
use nom::multi::fold_many_m_n;
use nom::sequence::{delimited, preceded, terminated};

/// What a message says, if it says anything of interest. `known` is the connection's peer as earlier lines told it.
pub(in crate::detect) fn read(message: &[u8], mode: Mode, known: Option<Addr>) -> Option<Part<'_>> {
    let message = without_severity(message);
    match message.first()? {
        b'F' => failed(message.strip_prefix(b"Failed ")?, known),
        b'I' | b'i' => invalid_user(message),
        b'A' | b'a' => accepted(message).or_else(|| pam_failure(message)),
        b'C' => connection(message, mode),
        b'D' => disconnected(message, mode),
        b'R' => received(message, mode),
        b'U' => user(message).or_else(|| pam_failure(message)).or_else(|| negotiation(message, mode)),
        b'm' => too_many(message.strip_prefix(b"maximum authentication attempts exceeded for ")?),
        b'p' => found(pam_module(message)),
        b'r' => refused(message.strip_prefix(b"refused connect from ")?),
        b'n' => negotiation(message, mode),
        b'B' | b'T' | b'S' | b'b' | b'k' | b's' => no_ssh(message, mode),
        _ => None,
    }
}

const fn counts_ends(mode: Mode) -> bool {
    matches!(mode, Mode::Ddos | Mode::Aggressive)
}

const fn counts_negotiation(mode: Mode) -> bool {
    matches!(mode, Mode::Extra | Mode::Aggressive)
}

/// Without the `error: `, `fatal: ` and `PAM: ` that some versions put before their messages.
fn without_severity(message: &[u8]) -> &[u8] {
    let rest = match message {
        [b'e', b'r', b'r', b'o', b'r', b':', b' ', rest @ ..]
        | [b'f', b'a', b't', b'a', b'l', b':', b' ', rest @ ..] => rest,
        _ => return message,
    };
    rest.strip_prefix(b"PAM: ").unwrap_or(rest)
}

/// One way to read `ADDRESS[ port N][ sshN][: INFORMATION]` at some ` from `.
struct Reading {
    peer: Addr,
    /// With port and protocol, as sshd has printed it since 2001.
    complete: bool,
}

/// `METHOD for [invalid user ]USER from ADDRESS port N ssh2[: KEY]`
///
/// The user is the attacker's text, and so may be the key's comment. A message with two complete readings that differ
/// counts only if the connection's earlier lines (`Invalid user USER from ADDRESS` comes first) tell which is right.
fn failed<'a>(text: &'a [u8], known: Option<Addr>) -> Option<Part<'a>> {
    let (method, text) = split_first(text, b" for ")?;
    if method.contains(&b' ') {
        return None;
    }
    let last = after_last(text, b" from ").and_then(|rest| found(reading(rest)));
    // What stands before a colon and a space may be all there is to the message; without them only the last reading is.
    let peer = match last {
        Some(Reading { peer, complete: true }) if !has_information(text) => peer,
        last => among_all(text, last, known)?,
    };
    if method == b"publickey" && !text.starts_with(b"invalid user ") {
        let (user, _) = split_first(text, b" from ")?;
        return Some(Part::Tried { peer, user });
    }
    Some(Part::Failed(peer))
}

fn has_information(text: &[u8]) -> bool {
    memchr::memchr_iter(b':', text).any(|at| text.get(at + 1) == Some(&b' '))
}

/// The peer if all readings agree; complete ones outweigh others.
fn among_all(text: &[u8], last: Option<Reading>, known: Option<Addr>) -> Option<Addr> {
    let mut best: Option<Reading> = last;
    let mut ambiguous = false;
    let mut known_is_one = best.as_ref().is_some_and(|reading| Some(reading.peer) == known && reading.complete);
    let mut rest = text;
    while let Some((_, after)) = split_first(rest, b" from ") {
        rest = after;
        let Some(next) = found(reading(after)) else { continue };
        known_is_one |= next.complete && Some(next.peer) == known;
        match &best {
            Some(old) if old.complete && !next.complete => {}
            Some(old) if old.complete == next.complete => ambiguous |= old.peer != next.peer,
            _ => {
                best = Some(next);
                ambiguous = false;
            }
        }
        // ` from ` may overlap with the next one by its space.
        rest = text.get(text.len() - rest.len() - 1..)?;
    }
    match best {
        Some(reading) if !ambiguous => Some(reading.peer),
        Some(_) if known_is_one => known,
        _ => None,
    }
}

fn reading(input: &[u8]) -> Parsed<'_, Reading> {
    let (input, peer) = peer(input)?;
    let (input, port) = opt(port).parse(input)?;
    let (input, ssh) = opt(preceded(tag(" ssh"), take_while(|b: u8| b.is_ascii_digit()))).parse(input)?;
    let end = preceded(take_while(|b| b == b' '), value((), eof));
    let (input, ()) =
        alt((end, value((), peek(tag(": "))), value((), preceded(tag(" [preauth]"), eof)))).parse(input)?;
    Ok((input, Reading { peer, complete: port.is_some() && ssh.is_some() }))
}

/// `Invalid user USER from ADDRESS port N`, and the later `input_userauth_request: invalid user USER [preauth]`.
fn invalid_user(message: &[u8]) -> Option<Part<'_>> {
    if let Some(rest) = message.strip_prefix(b"input_userauth_request: ") {
        return rest.starts_with(b"invalid user ").then_some(Part::NamelessIfFirst);
    }
    let rest = message.get(1..)?;
    let rest = rest.strip_prefix(b"nvalid user").or_else(|| rest.strip_prefix(b"llegal user"))?;
    found(last_peer(after_last(rest, b" from ")?)).map(Part::Failed)
}

/// `Accepted METHOD for USER from ADDRESS port N ssh2[: KEY]`: who got in has an account, so the name is not made up.
fn accepted(message: &[u8]) -> Option<Part<'_>> {
    let (_, rest) = split_first(message.strip_prefix(b"Accepted ")?, b" for ")?;
    let (user, _) = split_first(rest, b" from ")?;
    Some(Part::Accepted(user))
}

/// PAM's own words: `authentication failure for USER from ADDRESS[ via ADDRESS]`, `User not known to the underlying
/// authentication module for USER from ADDRESS`.
fn pam_failure(message: &[u8]) -> Option<Part<'_>> {
    const STARTS: [&[u8]; 4] = [
        b"uthentication failure for ",
        b"uthentication error for ",
        b"uthentication failed for ",
        b"ser not known to the underlying authentication module for ",
    ];
    let rest = message.get(1..)?;
    let rest = STARTS.iter().find_map(|start| rest.strip_prefix(*start))?;
    let via = opt(preceded(tag(" via "), take_till1(|b| b == b' ')));
    found(terminated(peer, (via, ending)).parse(after_last(rest, b" from ")?)).map(Part::Failed)
}

/// `pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost=ADDRESS  user=USER`
fn pam_module(input: &[u8]) -> Parsed<'_, Part<'_>> {
    let spaces = |input| take_while(|b| b == b' ').parse(input);
    let field = |name: &'static str| preceded((spaces, tag(name)), take_till(|b| b == b' '));
    let (input, _) = (tag("pam_"), take_while(|b: u8| b.is_ascii_lowercase())).parse(input)?;
    let (input, _) = tag("(sshd:auth): authentication failure;").parse(input)?;
    let account = alt((field("logname="), field("uid="), field("euid="), field("tty=")));
    let (input, ()) = fold_many_m_n(0, 4, account, || (), |(), _| ()).parse(input)?;
    let (input, remote) = field("ruser=").parse(input)?;
    let (input, peer) = preceded((spaces, tag("rhost=")), peer).parse(input)?;
    let (input, user) = opt(field("user=")).parse(input)?;
    let (input, ()) = ending(input)?;
    Ok((input, Part::Tried { peer, user: user.unwrap_or(remote) }))
}

/// `ROOT LOGIN REFUSED FROM ADDRESS`, `Received disconnect from ADDRESS[ port N]:CODE: WORDS` (the words are the
/// client's), `Read from socket failed: Connection reset by peer`.
fn received(message: &[u8], mode: Mode) -> Option<Part<'_>> {
    if let Some(rest) = message.strip_prefix(b"ROOT LOGIN REFUSED FROM ") {
        return found(last_peer(rest)).map(Part::Failed);
    }
    if message.starts_with(b"Read from socket failed: Connection reset by peer") {
        return counts_ends(mode).then_some(Part::EndsNameless);
    }
    let rest = message.strip_prefix(b"Received disconnect from ")?;
    let (peer, code, words) = found(disconnect(rest))?;
    let failed = match code {
        b"3" => split_last(words, b": Auth fail").is_some_and(|(_, end)| found(ending(end)).is_some()),
        b"14" => {
            let none =
                [b"No supported authentication methods available".as_slice(), b"No authentication methods available"];
            counts_negotiation(mode) && none.iter().any(|none| words.starts_with(none))
        }
        b"11" => false,
        _ => return None,
    };
    Some(Part::Ends { peer, failed })
}

/// `ADDRESS[ port N]: CODE: WORDS`; IPv6 has colons too, so the address ends at the last one before a space.
fn disconnect(input: &[u8]) -> Parsed<'_, (Addr, &[u8], &[u8])> {
    let (after, word) = take_till1(|b| b == b' ').parse(input)?;
    let (input, address) = match word.strip_suffix(b":") {
        Some(address) => (after, address),
        None => {
            let (input, _) = (port_on, tag(":")).parse(after)?;
            (input, word)
        }
    };
    let peer = Addr::parse(address).map_err(|_| nom::Err::Error(()))?;
    let (input, code) = delimited(take_while(|b| b == b' '), digit1, tag(":")).parse(input)?;
    let (input, _) = take_while(|b| b == b' ').parse(input)?;
    let (input, words) = rest(input)?;
    // `3: Auth fail` has nothing between the colon and the words that `: Auth fail` asks for.
    Ok((input, (peer, code, words)))
}

/// `User USER from HOST not allowed because REASON`, and without a host for locked accounts.
fn user(message: &[u8]) -> Option<Part<'_>> {
    const REASONS: [&[u8]; 6] = [
        b"not listed in AllowUsers",
        b"listed in DenyUsers",
        b"not in any group",
        b"a group is listed in DenyGroups",
        b"none of user's groups are listed in AllowGroups",
        b"account is locked",
    ];
    let rest = message.strip_prefix(b"User ")?;
    let (who, reason) = split_last(rest, b" not allowed because ")?;
    let stated =
        REASONS.iter().find(|known| reason.strip_prefix(**known).is_some_and(|end| found(ending(end)).is_some()))?;
    if *stated == b"account is locked" {
        return Some(Part::Nameless);
    }
    found(terminated(peer, eof).parse(after_last(who, b" from ")?)).map(Part::Failed)
}

/// `maximum authentication attempts exceeded for [invalid user ]USER from ADDRESS port N ssh2 [preauth]`
fn too_many(rest: &[u8]) -> Option<Part<'_>> {
    let ssh = opt(preceded(tag(" ssh"), take_while(|b: u8| b.is_ascii_digit())));
    found(terminated(peer, (opt(port), ssh, ending)).parse(after_last(rest, b" from ")?)).map(Part::Failed)
}

/// tcp wrappers: `refused connect from NAME (ADDRESS)`
fn refused(rest: &[u8]) -> Option<Part<'_>> {
    let (_, address) = split_last(rest.strip_suffix(b")")?, b" (")?;
    Addr::parse(address).ok().map(Part::Failed)
}

/// `Connection from ADDRESS port N[ on ADDRESS port N]`, `Connection closed by ...`, `Connection reset by ...`
fn connection(message: &[u8], mode: Mode) -> Option<Part<'_>> {
    let rest = message.strip_prefix(b"Connection ")?;
    if let Some(rest) = rest.strip_prefix(b"from ") {
        return found(peer(rest)).map(Part::Begins);
    }
    left(rest.strip_prefix(b"closed by ").or_else(|| rest.strip_prefix(b"reset by "))?, counts_ends(mode))
}

/// `Disconnected from ...`, `Disconnecting ...`
fn disconnected(message: &[u8], mode: Mode) -> Option<Part<'_>> {
    if let Some(rest) = message.strip_prefix(b"Disconnected from ") {
        let named = rest.starts_with(b"invalid user ") || rest.starts_with(b"authenticating user ");
        return left(rest, counts_ends(mode) || (named && counts_negotiation(mode)));
    }
    if let Some(rest) = message.strip_prefix(b"Did not receive identification string from ") {
        return found(last_peer(rest)).filter(|_| counts_ends(mode)).map(Part::Failed);
    }
    let rest = message.strip_prefix(b"Disconnecting")?;
    if rest.starts_with(b": Too many authentication failures") {
        return Some(Part::TooMany);
    }
    // The user's name stands before the address and again behind the colon, so a name that holds these words makes them
    // appear twice, and the message unreadable. Other reasons end otherwise.
    const CHANGED: &[u8] = b": Change of username or service not allowed: (";
    let rest = rest.strip_prefix(b" from").unwrap_or(rest);
    let rest = rest.strip_prefix(b" invalid user ").or_else(|| rest.strip_prefix(b" authenticating user "))?;
    let (who, what) = split_first(rest, CHANGED)?;
    if split_first(what, CHANGED).is_some() || !trim_end(what).ends_with(b") [preauth]") {
        return None;
    }
    let (before, _) =
        split_last(who, b" port ").filter(|(_, port)| port.iter().all(u8::is_ascii_digit)).unwrap_or((who, b""));
    Addr::parse(after_last(before, b" ")?).ok().map(|peer| Part::Ends { peer, failed: true })
}

/// `[invalid user USER |authenticating user USER ]ADDRESS[ port N][ [preauth]]`: the address is the last word but for the
/// ending. It counts, if at all, before the login.
fn left(text: &[u8], counts: bool) -> Option<Part<'_>> {
    let text = trim_end(text);
    let (text, before_login) = match text.strip_suffix(b" [preauth]") {
        Some(text) => (text, true),
        None => (text, false),
    };
    let text = match split_last(text, b" port ") {
        Some((text, port)) if !port.is_empty() && port.iter().all(u8::is_ascii_digit) => text,
        _ => text,
    };
    let named = text.strip_prefix(b"invalid user ").or_else(|| text.strip_prefix(b"authenticating user "));
    let address = match named {
        Some(named) => split_last(named, b" ").map_or(named, |(_, address)| address),
        None => text,
    };
    Addr::parse(address).ok().map(|peer| Part::Ends { peer, failed: counts && before_login })
}

/// Peers that do not speak SSH, or stop in the middle of a word.
fn no_ssh(message: &[u8], mode: Mode) -> Option<Part<'_>> {
    if let Some(rest) = message.strip_prefix(b"SSH: Server;Ltype: ") {
        let kind = alt((tag("Authname"), tag("Version"), tag("Kex")));
        let at = (kind, tag(";Remote: "));
        let (_, address) = found(preceded(at, take_till1(|b| b == b';')).parse(rest).map(|(i, o)| (i, ((), o))))?;
        return Addr::parse(split_last(address, b"-")?.0).ok().filter(|_| counts_ends(mode)).map(Part::Peer);
    }
    if !counts_ends(mode) {
        return None;
    }
    if let Some(rest) = message.strip_prefix(b"Bad protocol version identification '") {
        let (_, address) = split_last(rest, b"' from ")?;
        return found(last_peer(address)).map(Part::Failed);
    }
    if let Some(rest) = message.strip_prefix(b"Timeout before authentication for ") {
        if let Some(rest) = rest.strip_prefix(b"connection from ") {
            return found(terminated(peer, tag(" to ")).parse(rest)).map(Part::Failed);
        }
        return found(last_peer(rest)).map(Part::Failed);
    }
    if let Some(rest) = message.strip_prefix(b"kex_exchange_identification: ") {
        const ENDS: [&[u8]; 3] =
            [b"lient sent invalid protocol identifier", b"onnection closed by remote host", b"onnection reset by peer"];
        let rest = rest.strip_prefix(b"read: ").unwrap_or(rest).get(1..)?;
        return ENDS.iter().any(|end| rest.starts_with(end)).then_some(Part::Nameless);
    }
    let rest = message.strip_prefix(b"banner exchange").or_else(|| message.strip_prefix(b"ssh_dispatch_run_fatal"))?;
    const ENDS: [&[u8]; 3] = [b"invalid format", b"message authentication code incorrect", b"Connection corrupted"];
    let (reason, peer) = found(
        delimited(tag(": Connection from "), peer, (opt(port), tag(": "))).parse(rest).map(|(i, o)| (i, (i, o))),
    )?;
    ENDS.iter().any(|end| reason.starts_with(end)).then_some(Part::Failed(peer))
}

/// `Unable to negotiate with ADDRESS port N: no matching WHAT found. Their offer: ...` (the offer is the client's),
/// `Unable to negotiate a WHAT`, `no matching WHAT found: ...`
fn negotiation(message: &[u8], mode: Mode) -> Option<Part<'_>> {
    if !counts_negotiation(mode) {
        return None;
    }
    if let Some(rest) = message.strip_prefix(b"Unable to negotiate with ") {
        return found(terminated(peer, (port_on, tag(": "), no_matching, tag("."))).parse(rest)).map(Part::Failed);
    }
    if message.starts_with(b"Unable to negotiate a ") {
        return Some(Part::Nameless);
    }
    found(terminated(no_matching, tag(":")).parse(message)).map(|()| Part::Nameless)
}

/// `no matching WHAT found`, with one to three words that say what.
fn no_matching(input: &[u8]) -> Parsed<'_, ()> {
    let word = terminated(take_while(|b: u8| b.is_ascii_alphanumeric()), tag(" "));
    let (input, _) = tag("no matching ").parse(input)?;
    let (input, ()) = fold_many_m_n(
        1,
        3,
        nom::combinator::verify(word, |word: &[u8]| !word.is_empty() && word != b"found"),
        || (),
        |(), _| (),
    )
    .parse(input)?;
    value((), tag("found")).parse(input)
}
