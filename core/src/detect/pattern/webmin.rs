//! Webmin, as `miniserv.pl` prints it: `Invalid login as NAME from ADDRESS`, `Non-existent login as NAME from ADDRESS`.
//!
//! The name is the peer's, so the address is read from the end.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] = ["<Invalid|Non-existent> login as <*> from <ADDR>"];

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
                ("Invalid login as root from 10.1.1.1 ", OURS),
                ("Non-existent login as a from 9.9.9.9 from 10.1.1.1", OURS),
                ("Non-existent login as  from 2001:db8::1", Some("2001:db8::1")),
                ("Invalid login as a from 9.9.9.9 from a.example", None),
                ("Successful login as Invalid login as a from 9.9.9.9", None),
            ],
        );
    }
}
