//! Centreon's `login.log`: `DATE|USER ID|PAGE|OPTION|[SOURCE] [ADDRESS] Authentication failed for 'NAME'`. The address stands before the name.

use crate::addr::Addr;
use crate::detect::template;

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    const FAILED: &str = r"<-|><N>\|<-|><N>\|<-|><N>\|[<^]>] [<ADDR>] Authentication failed for '<*>";
    template::first(&[FAILED], message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failed_logins_count() {
        let ours = Some(Addr::v4([10, 1, 1, 1]));
        assert_eq!(read(b"-1|0|0|[WEB] [10.1.1.1] Authentication failed for 'a'"), ours);
        assert_eq!(
            read(b"-1|0|0|[WEB] [10.1.1.1] Authentication failed for '] [9.9.9.9] Authentication failed for '"),
            ours
        );
        assert_eq!(read(b"-1|0|0|[WEB] [10.1.1.1] Authentication succeeded for 'a'"), None);
    }
}
