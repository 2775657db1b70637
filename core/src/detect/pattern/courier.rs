//! Courier's IMAP, POP3 and SMTP servers, as `imaplogin.C`, `pop3login.C` and `courieresmtpd.C` print them.
//!
//! The name of a failed login is the peer's text, and the address stands behind it, at the message's end. In what the SMTP server
//! logs the address comes first.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const LOGIN: [&str; 2] = ["LOGIN FAILED, <*>ip=[<ADDR>], port=[<N>]", "LOGIN FAILED, <*>ip=[<ADDR>]"];

const SMTP: [&str; 3] = [
    "error,relay=<ADDR>,<^:>: 550 User unknown<.|>",
    r"error,relay=<ADDR>,<^:>: 550 User \<<*>\> unknown<.|>",
    r#"error,relay=<ADDR>,<*>msg="535 Authentication failed.",cmd:<*>"#,
];

/// `imapd-ssl`, `pop3login`, `courierpop3login` and whatever else the parts of these names make.
pub(in crate::detect) fn is_login(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"courier").unwrap_or(name);
    let Some(rest) = name.strip_prefix(b"imap").or_else(|| name.strip_prefix(b"pop3")) else { return false };
    let rest = rest.strip_suffix(b"-ssl").unwrap_or(rest);
    matches!(rest, b"d" | b"login" | b"dlogin")
}

/// Whose failed login a message tells.
#[inline(never)]
pub(in crate::detect) fn login(message: &[u8]) -> Option<Addr> {
    template::first(&LOGIN, trim_end(message))
}

/// Whom the SMTP server refused, since there is no such user or the password is wrong.
#[inline(never)]
pub(in crate::detect) fn smtp(message: &[u8]) -> Option<Addr> {
    template::first(&SMTP, trim_end(message))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_login_names_its_client() {
        hold(
            &LOGIN,
            login,
            &[
                ("LOGIN FAILED, user=a@b.example, ip=[::ffff:10.1.1.1]", OURS),
                ("LOGIN FAILED, user=a, ip=[::ffff:10.1.1.1], port=[4711]", OURS),
                ("LOGIN FAILED, method=PLAIN, ip=[10.1.1.1], port=[4711]", OURS),
                ("LOGIN FAILED, ip=[2001:db8::1]", Some("2001:db8::1")),
                ("LOGIN FAILED, user=, ip=[9.9.9.9], ip=[10.1.1.1]", OURS),
                ("LOGIN FAILED, user=a, ip=[9.9.9.9], port=[1], ip=[10.1.1.1]", OURS),
                ("LOGIN FAILED, user=a, ip=[9.9.9.9], port=[1], ip=[10.1.1.1], port=[4711]", OURS),
                ("LOGIN, user=LOGIN FAILED, ip=[9.9.9.9], port=[1], protocol=IMAP", None),
                ("LOGOUT, ip=[9.9.9.9], rcvd=104, sent=342", None),
            ],
        );
    }

    #[test]
    fn each_refusal_names_its_client() {
        hold(
            &SMTP,
            smtp,
            &[
                ("error,relay=::ffff:10.1.1.1,ident=a,from=<a@b>,to=<c@d>: 550 User unknown.", OURS),
                ("error,relay=10.1.1.1,port=5,from=<a@b>,to=<c@d>: 550 User <c> unknown", OURS),
                (r#"error,relay=::ffff:10.1.1.1,msg="535 Authentication failed.",cmd: YWRvYmVhZG9iZQ=="#, OURS),
                (r#"error,relay=10.1.1.1,port=5,msg="535 Authentication failed.",cmd: AUTH LOGIN a@b"#, OURS),
                (
                    r#"error,relay=10.1.1.1,port=5,ident="a",msg="535 Authentication failed.",cmd: AUTH X relay=9.9.9.9"#,
                    OURS,
                ),
                (r#"error,relay=10.1.1.1,port=5,msg="502 ESMTP command error",cmd: AUTH"#, None),
                ("error,relay=10.1.1.1,port=5,from=<a@b>,to=<c@d>: 513 Relaying denied.", None),
            ],
        );
    }

    #[test]
    fn servers_have_many_names() {
        for name in ["imapd", "imapd-ssl", "pop3d-ssl", "pop3login", "courierpop3login", "courierimapd-ssl"] {
            assert!(is_login(name.as_bytes()), "{name}");
        }
        for name in ["imaps", "courieresmtpd", "imap-login", "pop3d-tls", "courier", "imap", "pop3", ""] {
            assert!(!is_login(name.as_bytes()), "{name}");
        }
    }
}
