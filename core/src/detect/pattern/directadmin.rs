//! DirectAdmin's `login.log`: `DATE: 'ADDRESS' N failed login attempts. Account 'NAME'`. The address comes first.

use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells; each line is one more.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&["'<ADDR>' <N> failed login attempt<s|>. <*>"], message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_logins_count() {
        let ours = Some(Addr::v4([10, 1, 1, 1]));
        assert_eq!(read(b"'10.1.1.1' 2 failed login attempts. Account 'a'"), ours);
        assert_eq!(
            read(b"'10.1.1.1' 1 failed login attempt. Invalid account '9.9.9.9' 1 failed login attempt. '"),
            ours
        );
        assert_eq!(read(b"'10.1.1.1' successful login to 'a' after 1 attempts"), None);
    }
}
