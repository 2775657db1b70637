//! L2TP: the tunnels of `xl2tpd` (`control.c`) and the logins in them, which `pppd` (`chap.c`, `upap.c`) judges.
//!
//! pppd knows no address. xl2tpd says which peer a pppd is for when it starts it: `Call established with ADDRESS, PID: N, ...`.
//! That takes a handshake, so the address is not just a packet's. pppd's own messages count only for such a process: what it says
//! as a client, or for PPPoE and modems, is nobody's here.

use super::split_first;
use super::text::after_any;
use crate::addr::Addr;
use crate::detect::session::Part;
use crate::source::syslog::Record;

/// What a message says, if it says anything of interest, and which pppd it is about.
#[inline(never)]
pub(in crate::detect) fn read<'a>(record: &Record<'a>) -> Option<(u32, Part<'a>)> {
    if record.program == b"pppd" {
        const STARTS: [&[u8]; 2] = [b"Peer \"", b"PAP peer authentication failed for \""];
        let rest = after_any(record.message, &STARTS)?;
        let failed = record.message.starts_with(b"PAP ") || rest.ends_with(b"\" failed CHAP authentication");
        return if failed { Some((record.pid?, Part::Nameless)) } else { None };
    }
    let (address, rest) = split_first(record.message.strip_prefix(b"Call established with ")?, b", PID: ")?;
    let (pid, _) = split_first(rest, b", Local: ")?;
    let pid = core::str::from_utf8(pid).ok()?.parse().ok()?;
    Some((pid, Part::Begins(Addr::parse(address).ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(program: &'static str, message: &'static str) -> Option<(u32, Part<'static>)> {
        read(&Record { stamp: None, program: program.as_bytes(), pid: Some(7), message: message.as_bytes() })
    }

    #[test]
    fn a_tunnel_names_the_peer_of_its_login() {
        let peer = Addr::v4([10, 1, 1, 1]);
        // As xl2tpd 1.3.18 wrote it.
        let begins = "Call established with 10.1.1.1, PID: 6400, Local: 17613, Remote: 44240, Serial: 1";
        assert_eq!(said("xl2tpd", begins), Some((6400, Part::Begins(peer))));
        for failed in [
            "Peer \"a\" failed CHAP authentication",
            "Peer \"a\\\" failed CHAP authentication\" failed CHAP authentication",
            "PAP peer authentication failed for \"a\"",
        ] {
            assert_eq!(said("pppd", failed), Some((7, Part::Nameless)), "{failed}");
        }
        for (program, other) in [
            ("xl2tpd", "Call established with 10.1.1.1, Local: 5, Remote: 6, Serial: 7 (ref=0/0)"),
            ("xl2tpd", "Connection established to 10.1.1.1, 1701.  Local: 5, Remote: 6 (ref=0/0)."),
            ("pppd", begins),
            ("pppd", "Peer \"a\" authenticated with CHAP"),
            ("pppd", "CHAP authentication failed"),
            ("pppd", "PAP authentication failed"),
        ] {
            assert_eq!(said(program, other), None, "{other}");
        }
    }
}
