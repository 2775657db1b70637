//! Monitorix's own web server, as `HTTPServer.pm` prints it: `DATE - KIND - [ADDRESS] MESSAGE: URL`. The address stands before the URL.

use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&["- <NOTEXIST|AUTHERR|NOTALLOWED> - [<ADDR>] <*>"], message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_count() {
        let ours = Some(Addr::v4([10, 1, 1, 1]));
        assert_eq!(read(b"- NOTEXIST - [10.1.1.1] File does not exist: /- AUTHERR - [9.9.9.9] "), ours);
        assert_eq!(read(b"- AUTHERR - [10.1.1.1] Authentication error: /"), ours);
        assert_eq!(read(b"- NOTALLOWED - [10.1.1.1] Access not allowed: /"), ours);
        assert_eq!(read(b"- OK - [10.1.1.1] \"GET / - AUTHERR - [9.9.9.9] "), None);
    }
}
