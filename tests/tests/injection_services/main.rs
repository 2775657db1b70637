//! As `injection.rs`, of the services that tell an attempt on one line: whatever the peer writes where it can, no line
//! counts against anybody else.

mod first;
mod hosts;
mod mail;
mod today;
mod web;

use edgeban_core::addr::Addr;
use edgeban_core::detect::{Filter, Mode, Sessions};
use edgeban_tests::detect::detect;
use proptest::prelude::*;

/// The address that every attack tries to get banned.
const VICTIM: &str = "9.9.9.9";

/// What each service logs, a file a group.
const GROUPS: [Lines; 5] = [first::LINES, mail::LINES, web::LINES, hosts::LINES, today::LINES];
/// Pieces of their words.
const PIECES: [&[&str]; 5] = [first::PIECES, mail::PIECES, web::PIECES, hosts::PIECES, today::PIECES];

type Lines = &'static [(Filter, &'static [&'static str])];

fn lines() -> impl Iterator<Item = &'static (Filter, &'static [&'static str])> {
    GROUPS.into_iter().flatten()
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.concat()), 0..6).prop_map(|pieces| pieces.concat())
}

/// A line with what the peer wrote: `{u}` and `{v}` as it is, `{x}` and `{y}` as a logger that escapes has it, `{q}` and `{r}`
/// as one that escapes quotes and forgets the backslash, `{n}` as the name of HTTP's basic authentication, which ends at a
/// colon.
fn fill(line: &str, first: &str, second: &str) -> String {
    let quoted = |text: &str| text.replace('"', "\\\"");
    let escaped = |text: &str| quoted(&text.replace('\\', r"\\"));
    let line = line.replace("{n}", &first.replace(':', "")).replace("{u}", first).replace("{v}", second);
    let line = line.replace("{x}", &escaped(first)).replace("{y}", &escaped(second));
    line.replace("{q}", &quoted(first)).replace("{r}", &quoted(second))
}

fn mode() -> impl Strategy<Value = Mode> {
    prop::sample::select(Mode::ALL.to_vec())
}

/// Services of several lines: some are in [`hosts::STORIES`], others in tests of their own; and recidive, which has none.
fn is_of_lines(filter: Filter) -> bool {
    matches!(filter, Filter::Sshd | Filter::Dropbear | Filter::Xl2tpd | Filter::Recidive)
        || hosts::STORIES.iter().any(|(of, _)| *of == filter)
}

#[test]
fn every_service_of_one_line_is_here() {
    for filter in Filter::ALL.into_iter().filter(|filter| !is_of_lines(*filter)) {
        let lines = lines().find(|(of, _)| *of == filter).unwrap_or_else(|| panic!("{filter:?} has no lines")).1;
        // The first one is a failure, so that nothing holds only because nothing is read.
        let line = fill(lines[0], "a", "b");
        let attempt = detect(filter, line.as_bytes(), Mode::Normal, &mut Sessions::new());
        assert_eq!(attempt.map(|attempt| attempt.addr.to_string()).as_deref(), Some("10.1.1.1"), "{line}");
    }
}

#[test]
fn the_known_attacks_count_against_the_peer_or_nobody() {
    for (filter, line, want) in [
        (
            Filter::ApacheAuth,
            "[Sat Jul 20 21:39:11.978080 2013] [auth_basic:error] [pid 7] [client 10.1.1.1:5000] AH01617: user x] [client 9.9.9.9: authentication failure for \"/\": Password Mismatch",
            Some("10.1.1.1"),
        ),
        (
            Filter::Postfix,
            "Nov 24 05:00:00 mx postfix/smtpd[7]: warning: unknown[10.1.1.1]: SASL LOGIN authentication failed: from [9.9.9.9]",
            Some("10.1.1.1"),
        ),
        (
            Filter::Postfix,
            "Nov 24 05:00:00 mx postfix/smtpd[7]: NOQUEUE: reject: RCPT from evil[9.9.9.9].example[10.1.1.1]: 554 5.7.1 <a@b>: Relay access denied; helo=<[9.9.9.9]>",
            Some("10.1.1.1"),
        ),
        // A line of one program, however much it looks like another's.
        (
            Filter::NginxHttpAuth,
            "Nov 24 05:00:00 mx cron[7]: [error] 7#8: *9 user \"a\": password mismatch, client: 9.9.9.9, server: s",
            None,
        ),
        (
            Filter::Exim,
            "2026-11-24 05:00:00 edge sshd[7]: login authenticator failed for (a) [9.9.9.9]: 535 Incorrect authentication data",
            None,
        ),
        (Filter::Vsftpd, "Nov 24 05:00:00 mx cron[7]: [a] FAIL LOGIN: Client \"9.9.9.9\"", None),
    ] {
        for mode in Mode::ALL {
            let attempt = detect(filter, line.as_bytes(), mode, &mut Sessions::new());
            assert_eq!(attempt.map(|attempt| attempt.addr.to_string()).as_deref(), want, "{line}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 10_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Each case tries a line of every service, so each service gets as many forged lines as there are cases.
    #[test]
    fn no_text_of_the_attacker_counts_against_another(
        which: prop::sample::Index,
        first in text(),
        second in text(),
        mode in mode(),
    ) {
        let victim = Addr::parse(VICTIM.as_bytes()).unwrap();
        for (filter, lines) in lines() {
            let line = fill(lines[which.index(lines.len())], &first, &second);
            let attempt = detect(*filter, line.as_bytes(), mode, &mut Sessions::new());
            prop_assert_ne!(attempt.map(|attempt| attempt.addr), Some(victim), "{}", line);
        }
    }

    /// The same of services that tell an attempt on several lines: they come mixed with those of the victim.
    #[test]
    fn no_text_of_the_attacker_counts_against_another_connection(first in text(), second in text(), mode in mode()) {
        let [victim, peer] = [VICTIM, "10.1.1.1"].map(|text| Addr::parse(text.as_bytes()).unwrap());
        for (filter, lines) in hosts::STORIES {
            let mut sessions = Sessions::new();
            let mut last = None;
            for line in *lines {
                let line = fill(line, &first, &second);
                last = detect(*filter, line.as_bytes(), mode, &mut sessions);
                prop_assert_ne!(last.map(|attempt| attempt.addr), Some(victim), "{}", line);
            }
            // Nothing of it takes away the failure at the end.
            prop_assert_eq!(last.map(|attempt| attempt.addr), Some(peer), "{:?}", filter);
        }
    }

    /// Cut or damaged lines end well for every filter, as do any bytes behind a date.
    #[test]
    fn any_bytes_at_all_end_well(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        text in text(),
        which: prop::sample::Index,
        cut: prop::sample::Index,
        mode in mode(),
    ) {
        for (filter, lines) in lines() {
            let mut line = fill(lines[which.index(lines.len())], &text, &text).into_bytes();
            line.truncate(cut.index(line.len()));
            line.extend_from_slice(&bytes);
            for filter in [*filter, Filter::Sshd] {
                let _ = detect(filter, &line, mode, &mut Sessions::new());
            }
        }
    }
}
