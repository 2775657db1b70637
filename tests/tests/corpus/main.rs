//! The filters against lines that nobody here wrote: fail2ban's own samples.

mod given_up;

use edgeban_core::addr::Addr;
use edgeban_core::detect::{Filter, Mode, Sessions};
use edgeban_tests::detect::detect;
use edgeban_tests::services::{NO_FILTER, filter_of};
use serde_json::Value;
use std::collections::BTreeMap;

/// Pairs of filters that may read the same lines, since both are about what the same program logs.
const RELATED: &[(&str, &str)] = &[
    ("apache-botsearch", "apache-noscript"),
    ("apache-botsearch", "apache-nohome"),
    ("nginx-access", "traefik-auth"),
    ("apache-access", "traefik-auth"),
    ("nginx-access", "openhab"),
    ("apache-access", "openhab"),
    ("nginx-access", "apache-fakegooglebot"),
    ("apache-access", "apache-fakegooglebot"),
];

fn related(one: &str, other: &str) -> bool {
    RELATED.iter().any(|pair| *pair == (one, other) || *pair == (other, one))
}

#[derive(Default)]
struct Score {
    expected: u32,
    matched: u32,
    quiet: u32,
    alarms: u32,
}

/// The modes that fail2ban's options come to, and what its test puts before the line. Its names for parts of a mode are
/// those of the mode that has them here; postfix's `errors` alone is none. FreeSWITCH's filter has another default there.
fn modes(file: &str, options: &Value) -> (Vec<Mode>, String) {
    let list: Value = match options {
        Value::String(text) => serde_json::from_str(text).expect("options are JSON"),
        _ => return (vec![Mode::Normal], String::new()),
    };
    let default = if file == "freeswitch" { "extra" } else { "normal" };
    let list = match list {
        Value::Array(list) => list,
        one => vec![one],
    };
    let mode = |one: &Value| match one.get("mode").and_then(Value::as_str).unwrap_or(default) {
        "auth" | "rbl" => Some(Mode::Normal),
        "more" => Some(Mode::Extra),
        "fallback" => Some(Mode::Ddos),
        "errors" => None,
        name => Some(Mode::from_name(name).expect("a mode")),
    };
    let prefix = list.first().and_then(|one| one.get("test.prefix-line")).and_then(Value::as_str).unwrap_or_default();
    (list.iter().filter_map(mode).collect(), prefix.to_owned())
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

struct Sample {
    line: Vec<u8>,
    modes: Vec<Mode>,
    expect: Value,
}

/// All samples, by the file's name.
fn corpus() -> BTreeMap<String, Vec<Sample>> {
    let directory = format!("{}/corpus/fail2ban", env!("CARGO_MANIFEST_DIR"));
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(directory).expect("the corpus") {
        let path = entry.unwrap().path();
        let file = path.file_stem().unwrap().to_str().unwrap();
        let sample = |line: &str| {
            let sample: Value = serde_json::from_str(line).expect("JSON");
            let (modes, prefix) = modes(file, &sample["options"]);
            let bytes = prefix.chars().chain(sample["line"].as_str().unwrap().chars());
            let line = bytes.map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
            Sample { line, modes, expect: sample["expect"].clone() }
        };
        let samples = std::fs::read_to_string(&path).unwrap().lines().map(sample).collect();
        files.insert(file.to_owned(), samples);
    }
    files
}

#[test]
fn no_filter_takes_the_lines_of_another() {
    let mut wrong = Vec::new();
    for (file, samples) in corpus() {
        let own = filter_of(&file);
        let name = own.map_or(file.as_str(), |own| own.name());
        for filter in Filter::ALL.into_iter().filter(|one| Some(*one) != own && !related(one.name(), name)) {
            for mode in Mode::ALL {
                let mut sessions = Sessions::new();
                for sample in &samples {
                    if let Some(attempt) = detect(filter, &sample.line, mode, &mut sessions) {
                        wrong.push(format!("{filter:?} {attempt:?}: {}", String::from_utf8_lossy(&sample.line)));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_sample_counts_against_its_address_and_no_other_line_counts() {
    let mut scores: BTreeMap<(String, Mode2), Score> = BTreeMap::new();
    let mut wrong = Vec::new();
    let mut given_up = vec![0; given_up::all().count()];
    for (file, samples) in corpus() {
        let Some(filter) = filter_of(&file) else { continue };
        for mode in Mode::ALL {
            let mut sessions = Sessions::new();
            for sample in samples.iter().filter(|sample| sample.modes.contains(&mode)) {
                let shown = String::from_utf8_lossy(&sample.line).into_owned();
                let attempt = detect(filter, &sample.line, mode, &mut sessions);
                let expect = &sample.expect;
                if expect.is_null() || !applies(expect["constraint"].as_str(), mode) {
                    continue;
                }
                let score = scores.entry((file.clone(), Mode2(mode))).or_default();
                let host = ["host", "ip4", "ip6"].iter().find_map(|key| expect[*key].as_str());
                let address = host.and_then(|host| Addr::parse(host.as_bytes()).ok());
                let excused = given_up::all().position(|(of, part, _)| *of == file && shown.contains(part));
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
                    (_, None, _) | (false, Some(_), _) => {
                        score.quiet += 1;
                        if let Some(attempt) = attempt {
                            score.alarms += 1;
                            wrong.push(format!("{file} {mode:?}: want nothing, got {attempt:?}: {shown}"));
                        }
                    }
                }
            }
        }
    }
    println!("{:<16} {:<10} {:>8} {:>8} {:>8} {:>8}", "filter", "mode", "expected", "matched", "quiet", "false");
    for ((file, Mode2(mode)), score) in &scores {
        let Score { expected, matched, quiet, alarms } = score;
        println!("{file:<16} {:<10} {expected:>8} {matched:>8} {quiet:>8} {alarms:>8}", mode.name());
    }
    for (file, why) in NO_FILTER {
        println!("no filter: {file}: {why}");
    }
    for ((file, part, why), times) in given_up::all().zip(&given_up) {
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
