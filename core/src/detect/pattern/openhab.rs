//! openHAB's `request.log`, as Jetty's `NCSARequestLog` writes it: the common format, with nobody's name and status 401.

use super::access::Access;
use crate::addr::Addr;
use crate::detect::Mode;

/// Whose failure a request is.
pub(in crate::detect) fn read(access: &Access<'_>, _mode: Mode) -> Option<Addr> {
    let is_common = access.rest.trim_ascii_end().iter().all(u8::is_ascii_digit);
    (access.status == 401 && access.user == b"-" && is_common).then_some(access.peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pattern::access;
    use std::format;

    #[test]
    fn requests_without_a_password_count() {
        for (user, tail, counts) in [
            (" - ", "401 1384 ", true),
            ("-", "401 1384", true),
            ("a", "401 1384", false),
            ("-", "200 1384", false),
            ("-", "401 1384 \"-\" \"-\"", false),
        ] {
            let line = format!("10.1.1.1 - {user} [02/sept./2015:00:11:31 +0200] \"GET /rest HTTP/1.1\" {tail}");
            let got = access::read(line.as_bytes()).and_then(|access| read(&access, Mode::Normal));
            assert_eq!(got, counts.then_some(Addr::v4([10, 1, 1, 1])), "{line}");
        }
    }
}
