//! macOS' `screensharingd`: `Authentication: FAILED :: User Name: NAME :: Viewer Address: ADDRESS :: Type: TYPE`.
//!
//! The name is the peer's, so the address is read from the end; types have no colon.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["Authentication: FAILED :: User Name: <*> :: Viewer Address: <ADDR> :: Type: <^:>"];

/// Whose failure a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&FAILED, trim_end(message))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_peer() {
        hold(
            &FAILED,
            read,
            &[
                ("Authentication: FAILED :: User Name: a b :: Viewer Address: 10.1.1.1 :: Type: DH", OURS),
                ("Authentication: FAILED :: User Name: N/A :: Viewer Address: 10.1.1.1 :: Type: VNC DES", OURS),
                (
                    "Authentication: FAILED :: User Name: a :: Viewer Address: 9.9.9.9 :: Type: DH :: Viewer Address: 10.1.1.1 :: Type: DH",
                    OURS,
                ),
                ("Authentication: SUCCEEDED :: User Name: a :: Viewer Address: 9.9.9.9 :: Type: DH", None),
            ],
        );
    }
}
