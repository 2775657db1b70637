//! Requests for scripts that are not there, by Apache's error log: as `core.c`, `mod_cgi*.c`, `mod_proxy_fcgi.c` and PHP say it.

use super::apache::{self, Entry};
use super::split_first;
use super::text::after_any;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let Entry { text, peer, .. } = apache::entry(message)?;
    peer.filter(|_| is_missing(apache::before_referer(text)))
}

fn is_missing(text: &[u8]) -> bool {
    const STARTS: [&[u8]; 4] = [
        b"File does not exist: ",
        b"file does not exist: ",
        b"script not found or unable to stat: ",
        b"Script not found or unable to stat: ",
    ];
    if after_any(text, &[b"Got error 'Primary script unknown", b"Got error 'primary script unknown"]).is_some() {
        return true;
    }
    if let Some(path) = after_any(text, &STARTS) {
        return is_script(path);
    }
    // `script 'PATH' not found or unable to stat`, `stderr from PATH: script not found or unable to stat`
    const ENDS: [&[u8]; 3] =
        [b"' not found or unable to stat", b"' does not exist", b": script not found or unable to stat"];
    after_any(text, &[b"script '", b"stderr from "])
        .is_some_and(|path| ENDS.iter().any(|end| split_first(path, end).is_some_and(|(path, _)| is_script(path))))
}

/// Whether a path has one of these with the end of a word behind it.
fn is_script(path: &[u8]) -> bool {
    const NAMES: [&[u8]; 7] = [b"php", b"php4", b"php5", b".asp", b".exe", b".pl", b"cgi-bin"];
    path.starts_with(b"/") && NAMES.iter().any(|name| has_word(path, name))
}

fn has_word(path: &[u8], name: &[u8]) -> bool {
    let mut rest = path;
    while let Some((_, after)) = split_first(rest, name) {
        if !after.first().is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_') {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;

    #[test]
    fn scripts_that_are_not_there_count() {
        for (text, counts) in [
            ("File does not exist: /home/a/azenv.php", true),
            ("AH00128: File does not exist: /srv/a.php5/b", true),
            ("script not found or unable to stat: /srv/cgi-bin/php-cgi", true),
            ("script '/var/www/timthumb.php' not found or unable to stat, referer: x", true),
            ("AH01264: stderr from /srv/x.pl: script not found or unable to stat", true),
            ("AH02811: stderr from /srv/http/cgi-bin: script not found or unable to stat", true),
            ("AH01071: Got error 'Primary script unknown\\n'", true),
            ("AH01071: Got error 'PHP message: a'", false),
            ("File does not exist: /srv/a.html, referer: http://b/c.php", false),
            ("File does not exist: /srv/a.phps", false),
            ("File does not exist: /srv/phpx/php_/cgi-bins/a.phps", false),
            ("AH01215: stderr from /srv/x.pl: Can't locate a.php", false),
        ] {
            let message = format!("[error] [client 10.1.1.1] {text}");
            assert_eq!(read(message.as_bytes()), counts.then_some(Addr::v4([10, 1, 1, 1])), "{message}");
        }
    }
}
