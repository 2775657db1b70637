//! Requests for what robots look for and is not there: webmail, phpMyAdmin, WordPress, CGI scripts. By the error log of Apache,
//! by the access log of nginx, and by the error log of nginx.

use super::apache::{self, Entry};
use super::nginx;
use super::text::{after_any, contains, word};
use crate::addr::Addr;
use crate::detect::heard::Heard;

/// What the path begins with, whatever follows, in upper or lower case.
const BAITS: [&[u8]; 12] = [
    b"roundcube",
    b"mail",
    b"extmail",
    b"horde",
    b"webmail",
    b"vwebmail",
    b"v-webmail",
    b"wp-login.php",
    b"wp-signup.php",
    b"wp-admin.php",
    b"cgi-bin",
    b"mysqladmin",
];

/// What phpMyAdmin is called, and what may stand before that.
const PHPMYADMIN: [&[u8]; 3] = [b"pma", b"phpmyadmin", b"myadmin"];
const ABOVE: [&[u8]; 4] = [b"", b"typo3/", b"xampp/", b"admin/"];

/// Where Apache's documents lie unless it is told otherwise: by its own word, Debian's, Red Hat's, SUSE's, Arch's and
/// FreeBSD's; each before the ones that it begins with.
const WEBROOTS: [&[u8]; 8] = [
    b"/var/www/html/",
    b"/var/www/",
    b"/srv/www/htdocs/",
    b"/srv/www/",
    b"/srv/http/",
    b"/usr/local/apache2/htdocs/",
    b"/usr/local/www/apache24/data/",
    b"/usr/share/httpd/noindex/",
];

/// Whether it is one of the names, below the root of the documents.
fn is_bait(path: &[u8]) -> bool {
    let path = path.strip_prefix(b"/").unwrap_or(path);
    if BAITS.iter().any(|bait| starts_with(path, bait)) {
        return true;
    }
    ABOVE.iter().any(|above| {
        let below = path.get(above.len()..).unwrap_or_default();
        starts_with(path, above) && PHPMYADMIN.iter().any(|name| starts_with(below, name))
    })
}

fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start))
}

/// Whose failure a message of Apache's error log tells.
#[inline(never)]
pub(in crate::detect) fn apache(message: &[u8]) -> Option<Addr> {
    let Entry { text, peer, .. } = apache::entry(message)?;
    let path = match after_any(text, &[b"File does not exist: ", b"script not found or unable to stat: "]) {
        Some(path) => path,
        None => {
            let path = after_any(text, &[b"script '", b"stderr from "])?;
            const ENDS: [&[u8]; 2] = [b"' not found or unable to stat", b": script not found or unable to stat"];
            ENDS.iter().any(|end| contains(path, end)).then_some(path)?
        }
    };
    let below = after_any(path, &WEBROOTS)?;
    peer.filter(|_| is_bait(below))
}

/// Whose failure a line of nginx's access log or error log tells.
#[inline(never)]
pub(in crate::detect) fn nginx(record: &Heard<'_>) -> Option<Addr> {
    let (peer, request) = match record.access() {
        Some(access) if access.status == 404 => (access.peer, access.request),
        Some(_) => return None,
        None => nginx::not_found(record.message)?,
    };
    let (method, target) = word(request)?;
    let is_asked = matches!(method, b"GET" | b"POST" | b"HEAD") && is_bait(target.strip_prefix(b"/")?);
    is_asked.then_some(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::syslog::Record;
    use std::format;
    use std::string::ToString;

    fn nginx(line: &[u8]) -> Option<Addr> {
        super::nginx(&Heard::new(&Record { stamp: None, program: b"", pid: None, message: line }))
    }

    #[test]
    fn names_below_the_root_count() {
        for (path, counts) in [
            ("/wp-login.php", true),
            ("//mysqladmin/scripts/setup.php", true),
            ("/admin/pma/", true),
            ("/PMA2012/", true),
            ("/xampp/phpMyAdmin/index.php", true),
            ("/phpmyadmin-2.11", true),
            ("/cgi-bin/php4?-d", true),
            ("/v-webmail", true),
            ("/a/wp-login.php", false),
            ("/typo3/", false),
            ("/xphpmyadmin", false),
            ("/index.html", false),
            ("///pma", false),
        ] {
            let want = counts.then_some("10.1.1.1");
            for line in [
                format!(r#"10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] "HEAD {path} HTTP/1.1" 404 47 "-" "-""#),
                format!(
                    r#"[error] 5#6: *7 "/srv{path}" is not found (2: No such file or directory), client: 10.1.1.1, server: s, request: "POST {path} HTTP/1.1", host: "h""#
                ),
            ] {
                assert_eq!(nginx(line.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{line}");
            }
            for line in [
                format!(
                    "[core:info] [pid 7:tid 8] [client 10.1.1.1:5] AH00128: File does not exist: /var/www/html{path}"
                ),
                format!("[error] [client 10.1.1.1] script '/srv/http{path}' not found or unable to stat, referer: x"),
                format!(
                    "[cgi:error] [pid 7] [client 10.1.1.1:5] AH02811: stderr from /var/www{path}: script not found or unable to stat"
                ),
            ] {
                assert_eq!(apache(line.as_bytes()).map(|addr| addr.to_string()).as_deref(), want, "{line}");
            }
        }
    }

    #[test]
    fn what_is_there_or_elsewhere_does_not_count() {
        for line in [
            r#"10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] "GET /pma HTTP/1.1" 200 47 "-" "-""#,
            r#"10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] "PUT /pma HTTP/1.1" 404 47 "-" "-""#,
            r#"10.1.1.1 - - [24/Nov/2026:05:00:00 +0000] "pma" 404 47 "-" "-""#,
            r#"[error] 5#6: *7 open() "/srv/pma" failed (13: Permission denied), client: 10.1.1.1, server: s, request: "GET /pma HTTP/1.1""#,
        ] {
            assert_eq!(nginx(line.as_bytes()), None, "{line}");
        }
        assert_eq!(apache(b"[error] [client 10.1.1.1] File does not exist: /home/a/pma"), None);
        assert_eq!(apache(b"[error] [client 10.1.1.1] script '/var/www/pma' is there"), None);
    }
}
