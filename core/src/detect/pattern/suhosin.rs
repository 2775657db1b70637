//! Suhosin, as `log.c` prints it: through syslog, into a file of its own (`[PID] MESSAGE`), or by way of lighttpd. What the peer sent
//! stands before its address, and the name of a script behind it.

use super::split_first;
use super::text::undated;
use crate::addr::Addr;
use crate::detect::template;

/// Whose attack a message tells. A simulation stops nobody.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const TEMPLATES: [&str; 2] =
        ["ALERT - <*> (attacker '<ADDR>', file '<^'>')", "ALERT - <*> (attacker '<ADDR>', file '<^'>', line <N>)"];
    let message = undated(message);
    let said = match message {
        [b'[', rest @ ..] => split_first(rest, b"] ").filter(|(pid, _)| pid.iter().all(u8::is_ascii_digit))?.1,
        [b'(', rest @ ..] => split_first(rest.strip_prefix(b"mod_fastcgi.c.")?, b") FastCGI-stderr: ")?.1,
        _ => message,
    };
    template::first(&TEMPLATES, said)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn the_attacker_is_the_last() {
        for (text, counts) in [
            ("ALERT - a - dropped variable 'b' (attacker '10.1.1.1', file '/c')", true),
            ("ALERT - a (attacker '10.1.1.1', file '/c', line 161)", true),
            ("ALERT - a (attacker '9.9.9.9', file '/c') (attacker '10.1.1.1', file '/c')", true),
            ("ALERT-SIMULATION - a (attacker '10.1.1.1', file '/c')", false),
            ("ALERT - a (attacker 'REMOTE_ADDR not set', file '/c')", false),
        ] {
            for start in ["", "[28433] ", "(mod_fastcgi.c.2676) FastCGI-stderr: "] {
                let message = format!("{start}{text}");
                assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
            }
        }
        assert_eq!(read(b"[a] ALERT - a (attacker '10.1.1.1', file '/c')"), None);
    }
}
