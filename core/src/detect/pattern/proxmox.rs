//! Proxmox' virtual environment, backup server and mail gateway: `authentication failure; rhost=ADDRESS user=NAME msg=REASON`.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const FAILED: [&str; 2] =
    ["authentication failure; rhost=<ADDR> user=<*>", "authentication failure; rhost=<PEER> user=<*>"];

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
                ("authentication failure; rhost=10.1.1.1 user=root@pam msg=Authentication failure", OURS),
                ("authentication failure; rhost=::ffff:10.1.1.1 user=a rhost=9.9.9.9 user=b msg=no such user", OURS),
                ("authentication failure; rhost=[::ffff:10.1.1.1]:4711 user=a@pbs msg=invalid credentials", OURS),
                ("authentication failure; rhost= user=a rhost=9.9.9.9 user=b", None),
                ("successful auth for user 'authentication failure; rhost=9.9.9.9 user=a'", None),
            ],
        );
    }
}
