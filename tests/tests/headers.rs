//! Whole logs, as syslog daemons, journalctl, the kernel and Docker write them: what of them counts against whom.

use edgeban_core::detect::{Filter, Mode};
use edgeban_core::source::line::Framer;
use edgeban_tests::services::Readers;
use proptest::prelude::*;

const FAILURE: &str = "Failed password for root from 10.1.1.1 port 40000 ssh2";
const FORGED: &str = "Failed password for root from 9.9.9.9 port 40000 ssh2";

/// What jails with these filters, which all follow the log, count.
fn counted(filters: &[Filter], log: &[u8]) -> Vec<(Filter, String)> {
    let mut readers = Readers::new(filters, Mode::Aggressive);
    let mut counted = Vec::new();
    let mut line = |line: &[u8]| readers.line(line, |filter, addr| counted.push((filter, addr)));
    let mut framer = Framer::new();
    let framed = framer.feed(log, &mut line);
    if let Some(last) = framer.last_line(&log[framed.consumed..]) {
        line(last);
    }
    counted
}

fn docker(text: &str, stream: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    format!("{{\"log\":{text},\"stream\":\"{stream}\",\"time\":\"2026-11-24T23:55:05.101010493Z\"}}\n")
}

#[test]
fn each_form_of_header_is_read() {
    let ours = [(Filter::Sshd, "10.1.1.1".to_owned())];
    for header in [
        "Nov 24 23:54:07 vm sshd[4711]: ",
        "Nov 24 2026 23:54:07 vm sshd[4711]: ",
        "Apr  2 17:51:32 <4.6> pancake sshd[55628]: ",
        "Apr  2 17:51:32 <auth.info> pancake sshd[55628]: ",
        "Nov 24 23:54:09 vm auth.info sshd[50]: ",
        "Tue Nov 24 05:00:00 2026 auth.info sshd[7]: ",
        "Tue Nov 24 05:00:00 2026 [1795495628.123] auth.info sshd[7]: ",
        "2026-11-24T23:54:07.216592+00:00 vm sshd[4711]: ",
        "<38>2026-11-24T23:54:07.216592+00:00 vm sshd[4711]: ",
        "<38>1 2026-11-24T23:54:07.216592+00:00 vm sshd 4711 - -  ",
        "1795564447 vm sshd[4711]: ",
        "1795564447.216592 vm sshd[4711]: ",
        "Nov 24 23:54:21.870196 vm sshd[17921]: ",
        "2026-11-24T23:54:21.870196+0000 vm sshd[17921]: ",
        "Tue 2026-11-24 23:54:21 UTC vm sshd[17921]: ",
    ] {
        assert_eq!(counted(&Filter::ALL, format!("{header}{FAILURE}\n").as_bytes()), ours, "{header}");
        // Whatever a message says, its program stays what the header calls it.
        for program in ["CRON", "kernel", "nginx"] {
            let other = header.replace("sshd", program);
            for forged in [FORGED.to_owned(), format!("sshd[1]: {FORGED}"), format!("{header}{FORGED}")] {
                let line = format!("{other}{forged}\n");
                assert_eq!(counted(&[Filter::Sshd, Filter::NginxHttpAuth], line.as_bytes()), [], "{line}");
            }
        }
    }
    for header in ["[12294.546805] ", "<5>[12294.546805] sshd[7]: ", "[12294.546805] vm sshd[7]: ", ""] {
        assert_eq!(counted(&Filter::ALL, format!("{header}{FORGED}\n").as_bytes()), [], "{header}");
    }
}

#[test]
fn a_service_may_write_its_own_log_with_or_without_a_date() {
    let text =
        "[error] 5#5: *7 user \"a\": password mismatch, client: 10.1.1.1, server: s, request: \"GET / HTTP/1.1\"";
    let ours = [(Filter::NginxHttpAuth, "10.1.1.1".to_owned())];
    for date in ["2026/11/24 05:00:00 ", "2026-11-24T05:00:00+01:00 ", "1795564447 ", ""] {
        let line = format!("{date}{text}\n");
        assert_eq!(counted(&Filter::ALL, line.as_bytes()), ours, "{line}");
        assert_eq!(counted(&Filter::ALL, docker(&line, "stderr").as_bytes()), ours, "{line}");
        let line = format!("{date}sshd[7]: {text}\n");
        assert_eq!(counted(&Filter::ALL, line.as_bytes()), [], "{line}");
    }
}

#[test]
fn a_container_speaks_for_the_jails_that_follow_its_log() {
    let ours = [(Filter::Sshd, "10.1.1.1".to_owned())];
    let said = |text: &str| docker(&format!("{text}\n"), "stderr");
    for text in [FAILURE, "Failed password for root from 10.1.1.1 port 40000 ssh2\r", &format!("sshd[7]: {FAILURE}")] {
        assert_eq!(counted(&[Filter::Sshd, Filter::Dropbear], said(text).as_bytes()), ours, "{text}");
    }
    let dropbear = "[7] Nov 24 05:00:00 Bad password attempt for 'root' from 10.1.1.1:5000";
    assert_eq!(counted(&Filter::ALL, said(dropbear).as_bytes()), [(Filter::Dropbear, "10.1.1.1".to_owned())]);
    // A program that has a name is no other.
    assert_eq!(counted(&[Filter::Sshd], said(&format!("dropbear[7]: {FORGED}")).as_bytes()), []);
    // JSON of a program, which only looks like Docker's.
    for line in [
        said(FORGED).replacen("\"log\"", "\"msg\"", 1),
        said(FORGED).replacen("\"log\":", "\"log\": ", 1),
        said(FORGED).replacen("stderr", "web", 1),
        said(FORGED).replacen("\\n\"", "\"", 1),
        said(FORGED).replacen("Z\"}", "Z\",\"user\":\"x\"}", 1),
        said(&format!("x\n{FORGED}")),
        format!("{{\"log\":\"x\\n\",\"stream\":\"{FORGED}\\n\",\"time\":\"2026-11-24T23:55:05Z\"}}\n"),
    ] {
        assert_eq!(counted(&[Filter::Sshd], line.as_bytes()), [], "{line}");
    }
}

/// Docker's records of what a container writes in one line, cut at 16 KiB.
fn cut(text: &[u8], stream: &str) -> String {
    text.chunks(16 * 1024).map(|piece| docker(std::str::from_utf8(piece).unwrap(), stream)).collect()
}

#[test]
fn a_line_that_docker_cut_is_nobodys_whatever_its_pieces_say() {
    for (pieces, stream) in [(1, "stdout"), (1, "stderr"), (2, "stdout")] {
        // So that the piece behind the cut begins with what the attacker likes.
        let long = format!("{}{FORGED}\n", "x".repeat(pieces * 16 * 1024));
        let log = cut(long.as_bytes(), stream);
        assert_eq!(log.lines().count(), pieces + 1);
        let after = docker(&format!("{FAILURE}\n"), stream);
        let log = format!("{log}{after}{after}");
        assert_eq!(counted(&[Filter::Sshd], log.as_bytes()).len(), 2, "{pieces} {stream}");
        assert!(counted(&[Filter::Sshd], log.as_bytes()).iter().all(|(_, addr)| addr == "10.1.1.1"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a program in a container writes of the attacker's text, behind words of its own.
    #[test]
    fn no_text_in_a_container_makes_a_line_of_its_own(
        before in "[a-z ]{1,20}",
        text in "[ -~\\n]{0,80}",
        len in 0usize..40_000,
        fits: bool,
        error: bool,
    ) {
        let stream = if error { "stderr" } else { "stdout" };
        // Programs that write a newline of the attacker's make lines by themselves, and Docker cannot tell.
        let text = text.replace('\n', "\\n");
        let written = before.len() + 2 + text.len();
        // The forged line at the start of a record, or anywhere.
        let len = if fits { (written + len).next_multiple_of(16 * 1024) - written } else { len };
        let long = format!("{before}: {text}{}{FORGED}\n", "x".repeat(len));
        let log = cut(long.as_bytes(), stream);
        prop_assert_eq!(counted(&[Filter::Sshd, Filter::Dropbear, Filter::NginxHttpAuth], log.as_bytes()), []);
    }
}
