//! `rblsmtpd` of ucspi-tcp and its relatives, and the patch of qmail that looks into a list of bad addresses: peers that a DNS
//! list knows.
//!
//! The address comes first; what the list's owner says of it comes later. Through qmail's `splogger` all messages have a
//! time before them, and the program's name.

use super::text::{after_any, word};
use super::{split_first, trim_end};
use crate::addr::Addr;
use crate::detect::template;

const LISTED: [&str; 4] = [
    "<ADDR> pid <N>: <4|5><N> <*>",
    "<ADDR> pid <N> <WORD> <4|5><N> <*>",
    "<WORD> blocked <ADDR> <WORD> -",
    "<N> badiprbl: ip <ADDR> rbl: <*>",
];

/// Who is listed by what a message tells.
#[inline(never)]
pub(in crate::detect) fn read(message: &[u8]) -> Option<Addr> {
    let message = trim_end(message);
    let text = match word(message) {
        Some((time, rest)) if is_time(time) => after_any(rest, &[b"rblsmtpd: ", b"qmail-smtpd: "])?,
        _ => message,
    };
    template::first(&LISTED, text)
}

/// `1157520813.485077`
fn is_time(text: &[u8]) -> bool {
    let is_number = |text: &[u8]| !text.is_empty() && text.iter().all(u8::is_ascii_digit);
    split_first(text, b".").is_some_and(|(seconds, fraction)| is_number(seconds) && is_number(fraction))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{OURS, hold};
    use super::*;

    #[test]
    fn each_message_names_its_client() {
        hold(
            &LISTED,
            read,
            &[
                ("1157520813.485077 rblsmtpd: 10.1.1.1 pid 7 a.example: 451 https://a.example/?ip=9.9.9.9", OURS),
                ("1157520813.485077 rblsmtpd: 10.1.1.1 pid 7: 451 a 9.9.9.9 pid 7: 451 a", OURS),
                ("10.1.1.1 pid 7: 553 a.example", OURS),
                ("2001:db8::1 pid 7: 451 a", Some("2001:db8::1")),
                ("10.1.1.1 pid 7: greetdelay: 5", None),
                ("10.1.1.1 pid 7: [RBL info] a", None),
                ("1157520813.485077 qmail-smtpd: 421 badiprbl: ip 10.1.1.1 rbl: a.example", OURS),
                ("a.example blocked 10.1.1.1 b.example -", OURS),
                ("a.example blocked 10.1.1.1 b.example 9.9.9.9 -", None),
                ("1157520813.485077 delivery 1: failure: rblsmtpd: 9.9.9.9 pid 7: 451 a", None),
                ("1157520813.485077 9.9.9.9 pid 7: 451 a", None),
            ],
        );
    }
}
