//! Traefik's access log in its common formats, as `logger_formatters.go` prints them: `HOST - USER [DATE] "METHOD PATH PROTOCOL"
//! STATUS SIZE "REFERER" "USER AGENT"`, and more.
//!
//! A login that failed has the user's name and status 401. `ddos` counts requests without a name instead, the first that a
//! browser makes, and `aggressive` both. Traefik escapes nothing in a user's name: a request for `http://a%0Ab@host/` breaks its
//! line, and what stands behind the break is a line of the peer's own making.

use super::access::Access;
use crate::addr::Addr;
use crate::detect::Mode;

/// Whose failure a request is.
pub(in crate::detect) fn read(access: &Access<'_>, mode: Mode) -> Option<Addr> {
    let named = access.user != b"-";
    let asked = match mode {
        Mode::Normal | Mode::Extra => named,
        Mode::Ddos => !named,
        Mode::Aggressive => true,
    };
    access.agent()?;
    (access.status == 401 && asked).then_some(access.peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pattern::access;
    use std::format;
    use std::string::ToString;

    #[test]
    fn the_mode_says_whether_a_name_is_asked_for() {
        for (user, status, tail, modes) in [
            ("a", 401, r#""-" "x" 72 "r" "/" 0ms"#, &[Mode::Normal, Mode::Extra, Mode::Aggressive][..]),
            ("a b", 401, r#""-" "x""#, &[Mode::Normal, Mode::Extra, Mode::Aggressive]),
            ("-", 401, r#""-" "x" 72 "r" "/" 0ms"#, &[Mode::Ddos, Mode::Aggressive]),
            ("a", 200, r#""-" "x" 72 "r" "/" 0ms"#, &[]),
            ("a", 401, "", &[]),
        ] {
            let line =
                format!(r#"10.1.1.1 - {user} [18/Nov/2018:21:34:30 +0000] "GET /a HTTP/2.0" {status} 17 {tail}"#);
            for mode in Mode::ALL {
                let got =
                    access::read(line.as_bytes()).and_then(|access| read(&access, mode)).map(|addr| addr.to_string());
                assert_eq!(got.as_deref(), modes.contains(&mode).then_some("10.1.1.1"), "{line}");
            }
        }
    }
}
