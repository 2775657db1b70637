//! Cyrus' IMAP, POP3 and Sieve servers, as `imapd.c`, `pop3d.c` and `timsieved` print them, and since version 3.13 `loginlog.c`.
//!
//! The peer is `[NAME ][ADDRESS]`, NAME being what the DNS says of the address; what the peer chooses comes later.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 4] = [
    "badlogin: <^[ >< |>[<ADDR>] <WORD> <*>SASL(-13): <authentication failure|user not found>: <*>",
    "badlogin: <^[ >< |>[<ADDR>] <WORD> authentication failure",
    r#"event=login.bad r.clienthost="<^[ >< |>[<ADDR>]" <*> error=<*>"#,
    "event=login.bad r.clienthost=[<ADDR>] <*> error=<*>",
];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&FAILED, trim_end(message))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &FAILED,
            read,
            &[
                (
                    "badlogin: a.example [10.1.1.1] plaintext b SASL(-13): authentication failure: checkpass failed",
                    OURS,
                ),
                ("badlogin: [10.1.1.1] plain [SASL(-13): authentication failure: Password verification failed]", OURS),
                ("badlogin: a.example[10.1.1.1] OTP [SASL(-13): user not found: no secret in database]", OURS),
                (
                    "badlogin: a [10.1.1.1] plaintext b [9.9.9.9] plaintext c SASL(-13): user not found: checkpass failed",
                    OURS,
                ),
                ("badlogin: [2001:db8::1] DIGEST-MD5 [SASL(-13): user not found: x]", Some("2001:db8::1")),
                ("badlogin: a [10.1.1.1] plaintext b SASL(-14): authorization failure: denied", None),
                ("badlogin: a [10.1.1.1] plaintext b SASL(-1): generic failure: checkpass failed", None),
                ("badlogin: a.example[10.1.1.1] PLAIN authentication failure", OURS),
                ("badlogin: a.example[10.1.1.1] PLAIN error base64 decoding string", None),
                (
                    r#"event=login.bad r.clienthost="a.example [10.1.1.1]" u.username="b [9.9.9.9]\" error=" login.mech=plaintext error="SASL(-13): authentication failure: checkpass failed""#,
                    OURS,
                ),
                ("event=login.bad r.clienthost=[10.1.1.1] u.username=~null~ error=invalid", OURS),
                ("event=login.good r.sessionid=x r.clienthost=[9.9.9.9] u.username=a login.tls=1", None),
                ("login: a [9.9.9.9] b plaintext User logged in", None),
            ],
        );
    }
}
