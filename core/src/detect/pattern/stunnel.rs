//! stunnel, as `client.c` and `log.c` print it, through syslog or with a date into a file of its own: `LOG3[ID]: SSL_accept: ...peer
//! did not return a certificate`, a failure of the client that `LOG5[ID]: Service [NAME] accepted connection from ADDRESS:PORT`
//! named before. Version 4 named it in the same line: `SSL_accept from ADDRESS:PORT : ...`.
//!
//! Nothing of it is the peer's but the address. Services that log errors only do not name their peers: nobody is counted.

use super::text::{connection, word};
use super::{host_port, split_first, split_last};
use crate::addr::Addr;
use crate::detect::session::Part;
use crate::source::syslog::Record;

/// What a message says, if it says anything of interest, and the connection that it is about. `known` knows whose a
/// connection is.
#[inline(never)]
pub(in crate::detect) fn read(
    record: &Record<'_>,
    known: impl FnOnce(u32) -> Option<Addr>,
) -> Option<(u32, Part<'static>)> {
    let (id, text) = split_first(record.message.strip_prefix(b"LOG")?, b"]: ")?;
    let (_level, id) = split_first(id, b"[")?;
    let tag = connection(&[id, &record.pid.unwrap_or_default().to_ne_bytes()]);
    let part = if let Some(rest) = text.strip_prefix(b"Service [") {
        Part::Begins(host_port(split_last(rest, b"] accepted connection from ")?.1)?)
    } else if let Some(rest) = text.strip_prefix(b"SSL_accept") {
        if !text.ends_with(b":peer did not return a certificate") {
            return None;
        }
        match rest.strip_prefix(b" from ") {
            Some(rest) => Part::Failed(host_port(word(rest)?.0)?),
            None => Part::Nameless,
        }
    } else if text.starts_with(b"Connection reset") || text.starts_with(b"Connection closed") {
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
            let record = Record { stamp: None, program: b"stunnel", pid: None, message: message.as_bytes() };
            let (tag, part) = read(&record, |tag| sessions.peer(Some(tag)))?;
            sessions.take(Some(tag), part).map(|attempt| attempt.addr)
        };
        let peer = Some(Addr::v4([10, 1, 1, 1]));
        let failed = "SSL_accept: ../ssl/statem/statem_srvr.c:3510: error:0A0000C7:SSL routines::peer did not return a certificate";
        for (message, want) in [
            (
                "LOG3[28228:140093368055552]: SSL_accept from 10.1.1.1:33454 : 140890C7: error:140890C7:SSL routines:SSL3_GET_CLIENT_CERTIFICATE:peer did not return a certificate",
                peer,
            ),
            ("LOG5[7]: Service [imaps] accepted connection from 10.1.1.1:33454", None),
            ("LOG5[8]: Service [imaps] accepted connection from 2001:db8::1:33454", None),
            (&std::format!("LOG3[7]: {failed}"), peer),
            (
                "LOG3[7]: SSL_accept: ssl/record/rec_layer_s3.c:320: error:0A00010B:SSL routines::wrong version number",
                None,
            ),
            ("LOG5[7]: Connection reset/closed: 0 byte(s) sent to TLS, 0 byte(s) sent to socket", None),
            (&std::format!("LOG3[7]: {failed}"), None),
            (&std::format!("LOG3[9]: {failed}"), None),
            ("LOG5[9]: Service [imaps] accepted connection", None),
        ] {
            assert_eq!(count(message), want, "{message}");
        }
    }
}
