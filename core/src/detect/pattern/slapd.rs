//! OpenLDAP's `slapd`, as `connection.c` and `result.c` print it: `conn=N fd=N ACCEPT from IP=ADDRESS:PORT (IP=...)` and then
//! `conn=N op=N RESULT tag=97 err=49 ...`, where 49 says that a name or password is wrong.
//!
//! What the peer chooses stands in other lines, and behind `text=`. The server's threads may print the lines of a quick connection
//! in another order: then its failure is lost.

use super::text::{connection, word};
use super::{host_port, split_first};
use crate::addr::Addr;
use crate::detect::session::Part;
use crate::source::syslog::Record;

/// What a message says, if it says anything of interest, and the connection that it is about: one process serves all.
/// `known` knows whose a connection is.
#[inline(never)]
pub(in crate::detect) fn read(
    record: &Record<'_>,
    known: impl FnOnce(u32) -> Option<Addr>,
) -> Option<(u32, Part<'static>)> {
    let (number, rest) = word(record.message.strip_prefix(b"conn=")?)?;
    let (place, rest) = word(rest)?;
    if !number.iter().all(u8::is_ascii_digit) || !(place.starts_with(b"fd=") || place.starts_with(b"op=")) {
        return None;
    }
    let tag = connection(&[number, &record.pid.unwrap_or_default().to_ne_bytes()]);
    let part = if let Some(peer) = rest.strip_prefix(b"ACCEPT from IP=") {
        Part::Begins(host_port(split_first(peer, b" (")?.0)?)
    } else if let Some(result) = rest.strip_prefix(b"RESULT ") {
        // Behind `tag=` or `oid=`.
        let (code, _) = word(word(result)?.1)?;
        if code != b"err=49" {
            return None;
        }
        Part::Nameless
    } else if rest.starts_with(b"closed") {
        Part::Ends { peer: known(tag)?, failed: false }
    } else {
        return None;
    };
    Some((tag, part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::Sessions;

    #[test]
    fn the_peer_of_a_connection_is_who_began_it() {
        let mut sessions = Sessions::new();
        let mut count = |message: &str| {
            let record = Record { stamp: None, program: b"slapd", pid: Some(7), message: message.as_bytes() };
            let (tag, part) = read(&record, |tag| sessions.peer(Some(tag)))?;
            sessions.take(Some(tag), part).map(|attempt| (attempt.addr, attempt.count))
        };
        let peer = Some((Addr::v4([10, 1, 1, 1]), 1));
        for (message, want) in [
            ("conn=1022 op=0 RESULT tag=97 err=49 text=", None),
            ("conn=1022 fd=21 ACCEPT from IP=10.1.1.1:45011 (IP=0.0.0.0:636)", None),
            ("conn=1023 fd=22 ACCEPT from IP=[2001:db8::1]:45011 (IP=[::]:636)", None),
            ("conn=1022 op=0 BIND dn=\"cn=IP=9.9.9.9:1 (\" method=128", None),
            ("conn=1022 op=0 RESULT tag=97 err=49 qtime=0.000010 etime=0.000100 text=", peer),
            ("conn=1022 op=1 RESULT oid= err=1 text=err=49", None),
            ("conn=1022 op=1 RESULT tag=97 err=490 text=", None),
            ("conn=1022 op=1 SEARCH RESULT tag=101 err=49 nentries=0 text=", None),
            ("conn=1022 op=2 RESULT tag=97 err=49 text=", peer),
            ("conn=1022 fd=21 closed", None),
            ("conn=1022 op=3 RESULT tag=97 err=49 text=", None),
            ("conn=1024 fd=23 ACCEPT from PATH=/run/ldapi (PATH=/run/ldapi)", None),
            ("conn=1024 op=0 RESULT tag=97 err=49 text=", None),
        ] {
            assert_eq!(count(message), want, "{message}");
        }
    }
}
