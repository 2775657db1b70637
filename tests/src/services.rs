//! The samples of each service, and an engine that reads them.

use edgeban_core::config::defaults;
use edgeban_core::config::model::{Config, Jail};
use edgeban_core::detect::{Filter, Mode};
use edgeban_core::engine::{Engine, JailSet, Memory};
use edgeban_core::firewall::nft::Layout;
use edgeban_core::limits;
use edgeban_core::table::HashKey;
use edgeban_core::time::Instant;
use std::fs;
use std::path::{Path, PathBuf};

const TRACKED: usize = 4096;

/// An engine with a jail for each of some filters, which bans nobody.
pub struct Readers {
    engine: Engine<'static, TRACKED, { 2 * TRACKED }, 64, 128>,
    jails: JailSet,
}

impl Readers {
    /// For these filters; all jails follow the same log.
    #[must_use]
    pub fn new(filters: &[Filter], mode: Mode) -> Self {
        let mut config = Box::new(Config::default());
        defaults(&mut config);
        let like = &config.jails[0];
        let jail =
            |filter: &Filter| Jail { filter: (*filter).into(), mode, maxretry: limits::MAXRETRY, ..like.clone() };
        let list: Vec<Jail> = filters.iter().map(jail).collect();
        let mut jails = JailSet::NONE;
        (0u8..).zip(&list).for_each(|(number, _)| jails.insert(number));
        let memory: &'static mut Memory<TRACKED, { 2 * TRACKED }, 64, 128> = Box::leak(Box::new(Memory::new()));
        Self { engine: Engine::new(memory, &list, Layout::plain("edgeban"), HashKey(1, 2)), jails }
    }

    /// Reads a line; `counted` hears which filter counts it against whom.
    pub fn line(&mut self, line: &[u8], mut counted: impl FnMut(Filter, String)) {
        self.engine.handle_line(self.jails, line, Instant::ZERO, |jail, attempt, _| {
            counted(jail.filter.built_in().unwrap(), attempt.addr.to_string());
        });
    }

    /// Reads a line and counts.
    pub fn count(&mut self, line: &[u8]) {
        self.engine.handle_line(self.jails, line, Instant::ZERO, |_, _, _| {});
    }
}

/// `(file, why)` of fail2ban's filters that are none here.
pub const NO_FILTER: &[(&str, &str)] = &[
    ("apache-fakegooglebot", "whether a robot is Google's is asked of the DNS, and names are never resolved"),
    ("zzz-generic-example", "fail2ban's test of headers, for a filter that is only an example"),
    ("apache-pass", "a request for a secret URL lifts a ban: the URL is the operator's, and no filter here lifts bans"),
];

/// The filter that a file's samples are of, if edgeban has it. Some are fail2ban's tests of headers, for its filter of sshd.
#[must_use]
pub fn filter_of(file: &str) -> Option<Filter> {
    let name = match file.strip_suffix("-journal").unwrap_or(file) {
        "bsd__syslog-plain.txt" | "bsd__syslog-v.txt" | "bsd__syslog-vv.txt" | "zzz-sshd-obsolete-multiline" => "sshd",
        name if NO_FILTER.iter().any(|(file, _)| *file == name) => return None,
        name => name,
    };
    Some(Filter::from_name(name).unwrap_or_else(|| panic!("{file} is of no filter")))
}

/// The files with samples of services, by their names, and the filter that each is for.
#[must_use]
pub fn files() -> Vec<(PathBuf, Filter)> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/corpus/fail2ban");
    let mut files: Vec<PathBuf> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.retain(|file| fs::metadata(file).unwrap().len() > 0);
    let of = |file: &Path| filter_of(file.file_stem()?.to_str()?);
    files.into_iter().filter_map(|file| of(&file).map(|filter| (file, filter))).collect()
}

/// A file's lines; a few samples are several.
#[must_use]
pub fn lines(file: &Path) -> Vec<Vec<u8>> {
    let sample = |line: &str| -> Vec<u8> {
        let sample: serde_json::Value = serde_json::from_str(line).unwrap();
        sample["line"].as_str().unwrap().chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
    };
    let samples = fs::read_to_string(file).unwrap();
    let samples: Vec<Vec<u8>> = samples.lines().map(sample).collect();
    samples.iter().flat_map(|sample| sample.split(|byte| *byte == b'\n')).map(<[u8]>::to_vec).collect()
}
