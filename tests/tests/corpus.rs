//! The filters against lines that nobody here wrote: fail2ban's own samples.

use edgeban_core::addr::Addr;
use edgeban_core::detect::{Filter, Mode, Sessions};
use edgeban_core::source::syslog::Record;
use serde_json::Value;
use std::collections::BTreeMap;

/// Lines that cannot match here, each with the reason. `(file, part of the line, why)`
const GIVEN_UP: &[(&str, &str, &str)] = &[
    ("sshd", "192.030.0.6", "no address: a leading zero is octal to some programs and decimal to others"),
    ("sshd-journal", "192.030.0.6", "no address: a leading zero is octal to some programs and decimal to others"),
    (
        "sshd",
        "Accepted password for known from 192.0.2.114",
        "a login never counts; what was tried before is not in the corpus",
    ),
    (
        "sshd",
        "Accepted password for known from 192.0.2.116",
        "a login never counts; what was tried before is not in the corpus",
    ),
    (
        "sshd-journal",
        "Accepted password for known from 192.0.2.116",
        "a login never counts; what was tried before is not in the corpus",
    ),
    ("sshd", "sshd[424228]: Connection closed by 192.0.2.15 port 35352", "the failure before it is not in the corpus"),
    (
        "sshd",
        "sshd[649921]: error: kex_exchange_identification",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd",
        "sshd[22440]: fatal: Unable to negotiate a key",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd-journal",
        "sshd[22440]: fatal: Unable to negotiate a key",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd-journal",
        "sshd[26713]: Disconnecting: Too many",
        "no address: the connection's first line is not in the corpus",
    ),
    (
        "sshd-journal",
        "sshd[22477]: fatal: no matching mac",
        "no address: the connection's first line is not in the corpus",
    ),
];

#[derive(Default)]
struct Score {
    expected: u32,
    matched: u32,
    quiet: u32,
    alarms: u32,
}

fn modes(options: &Value) -> Vec<Mode> {
    let list: Value = match options {
        Value::String(text) => serde_json::from_str(text).expect("options are JSON"),
        _ => return vec![Mode::Normal],
    };
    let mode =
        |one: &Value| Mode::from_name(one.get("mode").and_then(Value::as_str).unwrap_or("normal")).expect("a mode");
    list.as_array().expect("a list of options").iter().map(mode).collect()
}

/// Whether fail2ban's annotation holds in this mode.
fn applies(constraint: Option<&str>, mode: Mode) -> bool {
    match constraint {
        None | Some("name == 'sshd'") => true,
        Some("opts.get('mode') == 'aggressive'") => mode == Mode::Aggressive,
        Some("opts.get('mode') != 'aggressive'") => mode != Mode::Aggressive,
        Some(other) => panic!("a constraint that this test does not know: {other}"),
    }
}

#[test]
fn every_sample_counts_against_its_address_and_no_other_line_counts() {
    let mut scores: BTreeMap<(&str, Mode2), Score> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut given_up = vec![0; GIVEN_UP.len()];
    for (file, filter) in [("sshd", Filter::Sshd), ("sshd-journal", Filter::Sshd), ("dropbear", Filter::Dropbear)] {
        let path = format!("{}/corpus/fail2ban/{file}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(&path).expect(&path);
        let samples: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
        for mode in Mode::ALL {
            let mut sessions = Sessions::new();
            for sample in samples.iter().filter(|sample| modes(&sample["options"]).contains(&mode)) {
                let line: Vec<u8> =
                    sample["line"].as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
                let shown = String::from_utf8_lossy(&line).into_owned();
                let attempt = Record::parse(&line)
                    .filter(|record| Filter::of_program(record.program) == Some(filter))
                    .and_then(|record| filter.detect(mode, &mut sessions, &record));
                let expect = &sample["expect"];
                if expect.is_null() || !applies(expect["constraint"].as_str(), mode) {
                    continue;
                }
                let score = scores.entry((file, Mode2(mode))).or_default();
                let host = ["host", "ip4", "ip6"].iter().find_map(|key| expect[*key].as_str());
                let address = host.and_then(|host| Addr::parse(host.as_bytes()).ok());
                let excused = GIVEN_UP.iter().position(|(of, part, _)| *of == file && shown.contains(part));
                match (expect["match"].as_bool().unwrap(), address, excused) {
                    (true, _, Some(index)) => {
                        given_up[index] += 1;
                        if let Some(attempt) = attempt
                            && address != Some(attempt.addr)
                        {
                            wrong.push(format!("{file} {mode:?}: got {attempt:?}: {shown}"));
                        }
                    }
                    (true, Some(address), None) => {
                        score.expected += 1;
                        let count = expect["attempts"].as_u64();
                        match attempt {
                            Some(got) if got.addr == address && count.is_none_or(|n| n == u64::from(got.count)) => {
                                score.matched += 1
                            }
                            got => {
                                wrong.push(format!("{file} {mode:?}: want {address} x{count:?}, got {got:?}: {shown}"))
                            }
                        }
                    }
                    // fail2ban knows no address here either, or logs a name, which is never resolved.
                    (true, None, None) if host.is_none() => {
                        let count = expect["attempts"].as_u64().unwrap();
                        score.expected += 1;
                        match attempt {
                            Some(got) if u64::from(got.count) == count => score.matched += 1,
                            got => wrong.push(format!("{file} {mode:?}: want x{count}, got {got:?}: {shown}")),
                        }
                    }
                    (_, None, _) => {
                        score.quiet += 1;
                        if let Some(attempt) = attempt {
                            score.alarms += 1;
                            wrong.push(format!("{file} {mode:?}: want nothing, got {attempt:?}: {shown}"));
                        }
                    }
                    (false, Some(_), _) => panic!("an address on a line that does not match: {shown}"),
                }
            }
        }
    }
    println!("{:<14} {:<10} {:>8} {:>8} {:>8} {:>8}", "filter", "mode", "expected", "matched", "quiet", "false");
    for ((file, Mode2(mode)), score) in &scores {
        let Score { expected, matched, quiet, alarms } = score;
        println!("{file:<14} {:<10} {expected:>8} {matched:>8} {quiet:>8} {alarms:>8}", mode.name());
    }
    for ((file, part, why), times) in GIVEN_UP.iter().zip(&given_up) {
        println!("given up: {file}: {part:?}: {why}");
        assert!(*times > 0, "{part:?} is not in {file}: take it off the list");
    }
    assert!(wrong.is_empty(), "{} of the samples:\n{}", wrong.len(), wrong.join("\n"));
}

/// A mode that sorts as the table shall be printed.
#[derive(PartialEq, Eq)]
struct Mode2(Mode);

impl Ord for Mode2 {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let place = |mode| Mode::ALL.iter().position(|one| *one == mode);
        place(self.0).cmp(&place(other.0))
    }
}

impl PartialOrd for Mode2 {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
