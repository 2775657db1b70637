//! Kerio Connect's security log.
//!
//! The address stands before what the peer chooses, or at the message's end.

use super::trim_end;
use crate::addr::Addr;
use crate::detect::template;

const REFUSED: [&str; 9] = [
    "SMTP Spam attack detected from <ADDR>,<*>",
    "IP address <ADDR> found in DNS blacklist<*>",
    "Relay attempt from IP address <ADDR><*>",
    "Attempt to deliver to unknown recipient <*>, from <*>, IP address <ADDR>",
    "Failed <WORD> login from <ADDR><*>",
    "<WORD> User <*> doesn't exist. Attempt from IP address <ADDR><.|>",
    "Client with IP address <ADDR> has no reverse DNS entry, connection rejected before SMTP greeting",
    "Administration login into <WORD> Administration from <ADDR> failed: IP address not allowed",
    "Message from IP address <ADDR>, sender <*> rejected: sender domain does not exist",
];

/// Whom a message tells of.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    template::first(&REFUSED, trim_end(message))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &REFUSED,
            read,
            &[
                ("SMTP Spam attack detected from 10.1.1.1, client closed connection before SMTP greeting", OURS),
                ("IP address 10.1.1.1 found in DNS blacklist a, mail from <b> to <IP address 9.9.9.9 found>", OURS),
                ("Relay attempt from IP address 10.1.1.1, mail from <a> to <b> rejected", OURS),
                (
                    "Attempt to deliver to unknown recipient <a, from b, IP address 9.9.9.9>, from <c>, IP address 10.1.1.1",
                    OURS,
                ),
                ("Failed SMTP login from 10.1.1.1 with SASL method CRAM-MD5.", OURS),
                ("Failed IMAP login from 2001:db8::1, missing parameter in AUTHENTICATE header", Some("2001:db8::1")),
                (
                    "SMTP: User a doesn't exist. Attempt from IP address 9.9.9.9. doesn't exist. Attempt from IP address 10.1.1.1.",
                    OURS,
                ),
                ("POP3: User a doesn't exist. Attempt from IP address 10.1.1.1", OURS),
                (
                    "Client with IP address 10.1.1.1 has no reverse DNS entry, connection rejected before SMTP greeting",
                    OURS,
                ),
                ("Administration login into Web Administration from 10.1.1.1 failed: IP address not allowed", OURS),
                ("Message from IP address 10.1.1.1, sender <a> rejected: sender domain does not exist", OURS),
                ("Message from <a> to <Failed SMTP login from 9.9.9.9> rejected by spam filter: score 9.74", None),
            ],
        );
    }
}
