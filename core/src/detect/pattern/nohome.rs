//! Requests for home directories that are not there, by Apache's error log: `/~name`.

use super::apache::{self, Entry};
use super::text::contains;
use crate::addr::Addr;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let Entry { text, peer, .. } = apache::entry(message)?;
    let path = apache::before_referer(text.strip_prefix(b"File does not exist: ")?);
    peer.filter(|_| contains(path, b"/~"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tilde_in_the_path_counts() {
        let ours = Some(Addr::v4([10, 1, 1, 1]));
        assert_eq!(read(b"[error] [client 10.1.1.1] File does not exist: /srv/~a"), ours);
        assert_eq!(read(b"[core:info] [pid 5] [client 10.1.1.1:5] AH00128: File does not exist: /srv/~a/b"), ours);
        assert_eq!(read(b"[error] [client 10.1.1.1] File does not exist: /srv/a, referer: http://b/~c"), None);
        assert_eq!(read(b"[error] [client 10.1.1.1] Directory index forbidden: /srv/~a"), None);
    }
}
