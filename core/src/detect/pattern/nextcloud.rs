//! Nextcloud's log file, `data/nextcloud.log`: an object a line, as `LogDetails.php` writes it; what the messages are is in
//! `User/Session.php`. It needs `loglevel` 2 or less.
//!
//! The address is that of the request that was logged: the connection's, or what a proxy of `trusted_proxies` says it is.
//!
//! `aggressive` also counts requests for a host name that is not one of `trusted_domains`.

use crate::addr::Addr;
use crate::detect::Mode;
use crate::detect::json::Object;

/// Whose failure a line tells.
#[inline(never)]
pub(in crate::detect) fn read(line: &[u8], mode: Mode) -> Option<Addr> {
    let [message, peer] = Object::parse(line)?.fields(["message", "remoteAddr"])?;
    let message = message?.text()?;
    let failed = message.starts_with("Login failed: ")
        || message.starts_with("Two-factor challenge failed: ")
        || mode == Mode::Aggressive && message.starts_with("Trusted domain error. ");
    if failed { peer?.addr() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn each_line_names_its_client() {
        let ours = Some("10.1.1.1");
        for (line, mode, want) in [
            (
                r#"{"reqId":"a","level":2,"time":"2026-11-24T05:00:00+00:00","remoteAddr":"10.1.1.1","user":"--","app":"core","method":"POST","url":"/login","message":"Login failed: 'a' (Remote IP: '10.1.1.1')","userAgent":"b","version":"31.0.0.1"}"#,
                Mode::Normal,
                ours,
            ),
            (
                r#"{"remoteAddr":"2001:db8::1","app":"core","message":"Login failed: a\",\"remoteAddr\":\"9.9.9.9 (Remote IP: 2001:db8::1)"}"#,
                Mode::Normal,
                Some("2001:db8::1"),
            ),
            (
                r#"{"remoteAddr":"10.1.1.1","message":"Two-factor challenge failed: a (Remote IP: 10.1.1.1)"}"#,
                Mode::Normal,
                ours,
            ),
            (
                r#"{"remoteAddr":"10.1.1.1","message":"Trusted domain error. \"10.1.1.1\" tried to access using \"a\" as host."}"#,
                Mode::Normal,
                None,
            ),
            (
                r#"{"remoteAddr":"10.1.1.1","message":"Trusted domain error. \"10.1.1.1\" tried to access using \"a\" as host."}"#,
                Mode::Aggressive,
                ours,
            ),
            (r#"{"remoteAddr":"","message":"Login failed: a"}"#, Mode::Aggressive, None),
            (r#"{"remoteAddr":"10.1.1.1","message":"dispatching"}"#, Mode::Aggressive, None),
            (r#"{"remoteAddr":"10.1.1.1","message":{"Exception":"Login failed: "}}"#, Mode::Aggressive, None),
            (r#"{"remoteAddr":"9.9.9.9","remoteAddr":"10.1.1.1","message":"Login failed: a"}"#, Mode::Aggressive, None),
        ] {
            assert_eq!(read(line.as_bytes(), mode).map(|addr| addr.to_string()).as_deref(), want, "{line}");
        }
    }
}
