//! Tine 2.0's log: `WARN (4): Tinebase_Controller::METHOD Login with username NAME from ADDRESS failed (CODE)!`.
//!
//! The name is the peer's, so the address is read from the end. Codes other than -1 and -3 are not about names and passwords.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 1] =
    ["WARN (<N>): Tinebase_Controller::<WORD> Login with username <*> from <ADDR> failed (-<1|3>)!"];

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
    fn each_message_names_its_client() {
        hold(
            &FAILED,
            read,
            &[
                ("WARN (4): Tinebase_Controller::login::106 Login with username a from 10.1.1.1 failed (-1)!", OURS),
                (
                    "WARN (4): Tinebase_Controller::_loginFailed::219 Login with username a from 9.9.9.9 failed (-3)! from 10.1.1.1 failed (-3)!",
                    OURS,
                ),
                ("WARN (4): Tinebase_Controller::login::106 Login with username a from 10.1.1.1 failed (-101)!", None),
                ("INFO (6): Tinebase_Controller::login::106 Login with username a from 9.9.9.9 succeeded.", None),
            ],
        );
    }
}
