//! phpMyAdmin, as `Logging.php` prints it: `user denied: NAME (REASON) from ADDRESS`, through syslog or into a file of its own.

use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&["user denied: <*> (<mysql|allow|root|empty>-denied) from <ADDR>"], message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_users_count() {
        let ours = Some(Addr::v4([10, 1, 1, 1]));
        assert_eq!(read(b"user denied: a (mysql-denied) from 10.1.1.1"), ours);
        assert_eq!(read(b"user denied:  (empty-denied) from 10.1.1.1"), ours);
        assert_eq!(read(b"user denied: a (mysql-denied) from 9.9.9.9 (mysql-denied) from 10.1.1.1"), ours);
        assert_eq!(read(b"user denied: a (mysql-denied) from 9.9.9.9 (x) from 10.1.1.1"), None);
        assert_eq!(read(b"user authenticated: user denied: a (mysql-denied) from 9.9.9.9 from 10.1.1.1"), None);
    }
}
