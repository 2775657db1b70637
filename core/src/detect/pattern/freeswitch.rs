//! FreeSWITCH, as `sofia_reg.c` prints it: `[WARNING] sofia_reg.c:LINE SIP auth failure (INVITE) on sofia profile 'NAME' for
//! [USER@DOMAIN] from ip ADDRESS` and `Can't find user [USER@DOMAIN] from ADDRESS`.
//!
//! What the peer chooses stands before the address, which is read from the end. SIP by UDP proves no address but for failed
//! authentication, which answers a challenge.
//!
//! | mode | counts |
//! |---|---|
//! | `normal` | failed authentication, unknown users |
//! | `ddos` | failed authentication, and every challenge: one precedes each honest login, too |
//! | `extra`, `aggressive` | all of these |

use super::text::undated;
use super::trim_end;
use crate::addr::Addr;
use crate::detect::{Mode, template};

const FAILED: &str = "<^[>[<WARNING|WARN>] <[SOFIA] |><[|>sofia_reg.c:<N><]|> SIP auth failure (<REGISTER|INVITE>) on sofia profile '<*>' for [<*>] from ip <ADDR>";
const UNKNOWN: &str = "<^[>[<WARNING|WARN>] <[SOFIA] |><[|>sofia_reg.c:<N><]|> Can't find user [<*>@<*>] from <ADDR>";
const CHALLENGE: &str = "<^[>[<WARNING|WARN>] <[SOFIA] |><[|>sofia_reg.c:<N><]|> SIP auth challenge (<REGISTER|INVITE>) on sofia profile '<*>' for [<*>] from ip <ADDR>";

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8], mode: Mode) -> Option<Addr> {
    let counted: &[&str] = match mode {
        Mode::Normal => &[FAILED, UNKNOWN],
        Mode::Ddos => &[FAILED, CHALLENGE],
        Mode::Extra | Mode::Aggressive => &[FAILED, UNKNOWN, CHALLENGE],
    };
    template::first(counted, trim_end(undated(message)))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        let failed = "[WARNING] sofia_reg.c:1478 SIP auth failure (INVITE) on sofia profile 'internal' for [a@b] from ip 10.1.1.1";
        let unknown =
            "2016-09-25 18:57:58.150982 82.43% [WARNING] sofia_reg.c:2889 Can't find user [201@::1] from 10.1.1.1";
        let challenge = "[WARN] [SOFIA] [sofia_reg.c:4130] SIP auth challenge (REGISTER) on sofia profile 'internal' for [a@b] from ip 10.1.1.1";
        let templates = [FAILED, UNKNOWN, CHALLENGE];
        let normal = |message: &[u8]| read(message, Mode::Normal);
        hold(&templates, normal, &[(failed, OURS), (unknown, OURS), (challenge, None)]);
        hold(&templates, |message| read(message, Mode::Ddos), &[(failed, OURS), (unknown, None), (challenge, OURS)]);
        hold(&templates, |message| read(message, Mode::Extra), &[(failed, OURS), (unknown, OURS), (challenge, OURS)]);
        hold(
            &templates,
            normal,
            &[
                ("[WARNING] sofia_reg.c:1 Can't find user [a@b] from 9.9.9.9] from 2001:db8::1", Some("2001:db8::1")),
                ("[WARNING] sofia_reg.c:1 Can't find user [a@b] from 9.9.9.9] from a.example", None),
                ("[DEBUG] sofia.c:7954 IP 9.9.9.9 Rejected by acl \"domains\". Falling back to Digest auth.", None),
            ],
        );
    }
}
