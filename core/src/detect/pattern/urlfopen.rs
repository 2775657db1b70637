//! Requests that name a URL as a parameter, for a PHP script to open it, in an access log: `GET /a.php?b=http://...`.

use super::access::Access;
use super::split_first;
use super::text::contains;
use crate::addr::Addr;
use crate::detect::Mode;

/// Whose failure a request is.
pub(in crate::detect) fn read(access: &Access<'_>, _mode: Mode) -> Option<Addr> {
    let (method, target, _protocol) = access.parts()?;
    let (_path, query) = split_first(target, b"?")?;
    (matches!(method, b"GET" | b"POST") && contains(query, b"=http://")).then_some(access.peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::pattern::access;
    use std::format;
    use std::string::ToString;

    #[test]
    fn a_url_as_a_parameter_counts() {
        for (request, counts) in [
            ("GET /index.php?n=http://a.example/b.htm? HTTP/1.1", true),
            ("POST /?a=b&n=http://a.example/ HTTP/1.0", true),
            ("HEAD /?n=http://a.example/ HTTP/1.0", false),
            ("GET /n=http://a.example/ HTTP/1.0", false),
            ("GET http://a.example/?n=1 HTTP/1.0", false),
            ("GET /?n=http://a.example/", false),
        ] {
            let line =
                format!(r#"10.1.1.1 - - [26/Mar/2009:08:44:20 -0500] "{request}" 200 114 "http://b/?c=http://d" "-""#);
            let got = access::read(line.as_bytes())
                .and_then(|access| read(&access, Mode::Normal))
                .map(|addr| addr.to_string());
            assert_eq!(got.as_deref(), counts.then_some("10.1.1.1"), "{line}");
        }
    }
}
