//! Each capacity: full is right, one more is refused by name.

use super::super::ERRORS;
use super::super::model::ControlGroup;
use super::{bad, good, one};
use crate::detect::template::Use;
use crate::limits;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// `n` values in TOML quotes, joined by commas.
fn list(n: usize, value: impl Fn(usize) -> String) -> String {
    (0..n).map(|n| format!("'{}'", value(n))).collect::<Vec<_>>().join(",")
}

#[test]
fn jails() {
    let text = |n: usize| (0..n).map(|n| format!("[jails.j{n}]\nfilter = 'sshd'\n")).collect::<String>();
    assert_eq!(good(&text(limits::JAILS)).jails.len(), limits::JAILS);
    assert_eq!(one(&text(limits::JAILS + 1)), "129:8: `j64` is one too many, expected at most JAILS = 64 jails");
}

#[test]
fn filters() {
    let text = |n: usize| (0..n).map(|n| format!("[filters.f{n}]\nmatch = 'a <ADDR>'\n")).collect::<String>();
    assert_eq!(good(&text(limits::FILTERS)).filters.names().count(), limits::FILTERS);
    assert_eq!(one(&text(limits::FILTERS + 1)), "65:10: `f32` is one too many, expected at most FILTERS = 32 filters");
}

#[test]
fn templates() {
    let text = |n: usize| format!("[filters.a]\nmatch = [{}]", list(n, |_| "a <ADDR>".into()));
    assert_eq!(good(&text(limits::TEMPLATES)).filters.templates(0, Use::Match).count(), limits::TEMPLATES);
    let want = "2:2826: `a <ADDR>` is one too many, expected at most TEMPLATES = 256 templates in all filters";
    assert_eq!(one(&text(limits::TEMPLATES + 1)), want);
    assert_eq!(one(&text(limits::TEMPLATES + 9)), want);
    // Other filters have less room, and are told.
    let two = format!("{}\n[filters.b]\nignore = 'b'\nmatch = 'b <ADDR>'", text(limits::TEMPLATES - 1));
    assert_eq!(one(&two), "5:9: `b <ADDR>` is one too many, expected at most TEMPLATES = 256 templates in all filters");
}

#[test]
fn bytes_of_templates() {
    let template = |n: usize| format!("{}<ADDR>", "a".repeat(n - 6));
    let text = |n: usize| format!("[filters.a]\nmatch = '{}'", template(n));
    let config = good(&text(limits::TEMPLATE_TEXT));
    assert!(config.filters.templates(0, Use::Match).eq([template(limits::TEMPLATE_TEXT)]));
    let quote = "a".repeat(48);
    let want =
        format!("2:9: `{quote}...` is one too many, expected at most TEMPLATE_TEXT = 16384 bytes in all templates");
    assert_eq!(one(&text(limits::TEMPLATE_TEXT + 1)), want);
}

#[test]
fn jail_names() {
    let text = |n: usize| format!("[jails.{}]\nfilter = 'sshd'", "a".repeat(n));
    assert_eq!(good(&text(limits::JAIL_NAME)).jails[0].name.len(), limits::JAIL_NAME);
    let name = "a".repeat(33);
    assert_eq!(one(&text(33)), format!("1:8: `{name}` has 33 bytes, expected at most JAIL_NAME = 32 bytes"));
}

#[test]
fn table_names() {
    let text = |n: usize| format!("global.table = '{}'", "a".repeat(n));
    assert_eq!(good(&text(limits::TABLE_NAME)).global.table.len(), limits::TABLE_NAME);
    let name = "a".repeat(32);
    assert_eq!(one(&text(32)), format!("1:16: `{name}` has 32 bytes, expected at most TABLE_NAME = 31 bytes"));
}

#[test]
fn groups() {
    let text = |n: usize| format!("global.control_group = '{}'", "a".repeat(n));
    let name = ControlGroup::Name("a".repeat(limits::GROUP_NAME).as_str().try_into().unwrap());
    assert_eq!(good(&text(limits::GROUP_NAME)).global.control_group, name);
    assert!(one(&text(limits::GROUP_NAME + 1)).contains("GROUP_NAME = 32 bytes"));
    assert_eq!(good("global.control_group = 4294967294").global.control_group, ControlGroup::Number(u32::MAX - 1));
}

#[test]
fn run_directories() {
    let text = |n: usize| format!("global.run_dir = '/{}'", "a".repeat(n - 1));
    assert_eq!(good(&text(limits::RUN_DIR)).global.run_dir.len(), limits::RUN_DIR);
    let quote = "a".repeat(47);
    let want = format!("1:18: `/{quote}...` has 60 bytes, expected at most RUN_DIR = 59 bytes");
    assert_eq!(one(&text(limits::RUN_DIR + 1)), want);
}

#[test]
fn state_directories() {
    let text = |n: usize| format!("global.state_dir = '/{}'", "a".repeat(n - 1));
    assert_eq!(good(&text(limits::STATE_DIR)).global.state_dir.len(), limits::STATE_DIR);
    let quote = "a".repeat(47);
    let want = format!("1:20: `/{quote}...` has 213 bytes, expected at most STATE_DIR = 212 bytes");
    assert_eq!(one(&text(limits::STATE_DIR + 1)), want);
}

#[test]
fn log_paths() {
    let text = |n: usize| format!("defaults.logpath = [{}]", list(n, |n| format!("/{n}")));
    assert_eq!(good(&text(limits::LOGPATHS)).jails[0].logpath.len(), limits::LOGPATHS);
    let want = "1:61: `/8` is one too many, expected at most LOGPATHS = 8 log files in a jail";
    assert_eq!(one(&text(limits::LOGPATHS + 1)), want);
    // Said once, however many follow.
    assert_eq!(one(&text(limits::LOGPATHS + 9)), want);
}

#[test]
fn path_lengths() {
    let text = |n: usize| format!("defaults.logpath = '/{}'", "a".repeat(n - 1));
    assert_eq!(good(&text(limits::PATH)).jails[0].logpath[0].len(), limits::PATH);
    let quote = "a".repeat(47);
    assert_eq!(one(&text(256)), format!("1:20: `/{quote}...` has 256 bytes, expected at most PATH = 255 bytes"));
}

#[test]
fn files() {
    let jail = |name: &str, n: usize, more: &str| {
        format!("[jails.{name}]\nfilter = 'sshd'\nlogpath = [{}]\n{more}", list(n, |n| format!("/{name}/{n}")))
    };
    let full: String = (0..16).map(|n| jail(&format!("a{n}"), limits::LOGPATHS, "")).collect();
    assert_eq!(good(&full).jails.len() * limits::LOGPATHS, limits::FILES);
    // A file that another jail has and one of a disabled jail take no room.
    let same = "[jails.e]\nfilter = 'sshd'\nlogpath = '/a0/0'\n";
    assert_eq!(good(&format!("{full}{same}{}", jail("f", 8, "enabled = false"))).jails.len(), 18);
    assert_eq!(
        one(&format!("{full}{same}{}", jail("f", 1, ""))),
        "52:8: `/f/0` is one too many, expected at most FILES = 128 different log files in all enabled jails"
    );
}

/// A feed takes no room among the files.
#[test]
fn feeds_are_no_files() {
    let jail = |n: usize| {
        format!("[jails.a{n}]\nfilter = 'sshd'\nlogpath = ['journal', {}]\n", list(7, |m| format!("/{n}/{m}")))
    };
    let full: String = (0..18).map(jail).collect();
    assert_eq!(good(&full).jails.len(), 18);
}

#[test]
fn journal_matches() {
    let text =
        |n: usize| format!("[jails.sshd]\nlogpath = 'journal'\njournalmatch = ['_UID=1', '_COMM={}']", "x".repeat(n));
    let most = limits::JOURNALMATCH - "_UID=1\n_COMM=\n".len();
    assert_eq!(good(&text(most)).jails[0].journalmatch.iter().count(), 2);
    let quote = "x".repeat(42);
    let want = format!(
        "3:27: `_COMM={quote}...` is one too many, expected at most JOURNALMATCH = 255 bytes, with one more for each match"
    );
    assert_eq!(one(&text(most + 1)), want);
}

#[test]
fn journal_directories() {
    let text = |n: usize| format!("journal.directory = '/{}'", "a".repeat(n - 1));
    assert_eq!(good(&text(limits::JOURNAL_DIRECTORY)).journal.directory.len(), limits::JOURNAL_DIRECTORY);
    let quote = "a".repeat(47);
    let want = format!("1:21: `/{quote}...` has 141 bytes, expected at most JOURNAL_DIRECTORY = 140 bytes");
    assert_eq!(one(&text(limits::JOURNAL_DIRECTORY + 1)), want);
}

#[test]
fn ignored_addresses() {
    let text = |n: usize| format!("defaults.ignoreip = [{}]", list(n, |n| format!("10.0.0.{n}")));
    assert_eq!(good(&text(limits::IGNOREIP)).jails[0].ignoreip.len(), limits::IGNOREIP);
    let want = "`10.0.0.32` is one too many, expected at most IGNOREIP = 32 addresses and prefixes";
    assert_eq!(one(&text(limits::IGNOREIP + 1)), format!("1:396: {want}"));
    assert_eq!(one(&text(limits::IGNOREIP + 9)), format!("1:396: {want}"));
    let text = |n: usize| text(n).replace("','", " ").replace(['[', ']'], "");
    assert_eq!(good(&text(limits::IGNOREIP)).jails[0].ignoreip.len(), limits::IGNOREIP);
    assert_eq!(one(&text(limits::IGNOREIP + 9)), format!("1:21: {want}"));
    // The same address again takes no room.
    let twice = format!("defaults.ignoreip = [{},'10.0.0.1']", list(limits::IGNOREIP, |n| format!("10.0.0.{n}")));
    assert_eq!(good(&twice).jails[0].ignoreip.len(), limits::IGNOREIP);
}

#[test]
fn multipliers() {
    let text = |n: usize| format!("defaults.bantime_multipliers = [{}]", vec!["2"; n].join(","));
    assert_eq!(good(&text(limits::MULTIPLIERS)).jails[0].growth.multipliers.len(), limits::MULTIPLIERS);
    let want = "1:65: `2` is one too many, expected at most MULTIPLIERS = 16 multipliers";
    assert_eq!(one(&text(limits::MULTIPLIERS + 1)), want);
    assert_eq!(one(&text(limits::MULTIPLIERS + 9)), want);
}

/// A full list is full for its own array only.
#[test]
fn one_full_list_does_not_hide_the_next_error() {
    let text = format!("[defaults]\nlogpath = [{}]\nignoreip = ['x']\n", list(9, |n| format!("/{n}")));
    assert_eq!(bad(&text).len(), 2);
    let text = format!("[defaults]\nignoreip = '{}'\nlogpath = 'x'\n", "::1 ::2 ".to_string() + &many(40));
    assert_eq!(bad(&text).len(), 2);
}

fn many(n: usize) -> String {
    (0..n).map(|n| format!("10.0.0.{n} ")).collect()
}

#[test]
fn decoded_strings() {
    // Without an escape a string is not copied, so it may be as long as the file.
    let text = |n: usize, escape: &str| format!("defaults.ignoreip = \"{}{escape}::1\"", " ".repeat(n));
    assert_eq!(good(&text(9000, "")).jails[0].ignoreip.len(), 1);
    assert_eq!(good(&text(2044, "\\u0020")).jails[0].ignoreip.len(), 1);
    assert_eq!(
        one(&text(2045, "\\t")),
        format!(
            "1:21: `\"{}...` has 2052 bytes, expected at most IGNOREIP * 64 = 2048 bytes in a string with escapes",
            " ".repeat(47)
        )
    );
    let key = "a".repeat(2048) + "\\u0061";
    assert!(one(&format!("\"{key}\" = 1")).ends_with("IGNOREIP * 64 = 2048 bytes in a string with escapes"));
}

#[test]
fn file_size() {
    let text = |n: usize| format!("#{}", "x".repeat(n - 1));
    assert_eq!(good(&text(limits::CONFIG_FILE)).jails.len(), 2);
    let want = "1:1: the file has 65537 bytes, expected at most CONFIG_FILE = 65536 bytes";
    assert_eq!(one(&text(limits::CONFIG_FILE + 1)), want);
}

#[test]
fn tokens() {
    // The end of the file is a token too.
    let text = |n: usize| "\n".repeat(n - 1);
    assert_eq!(good(&text(limits::CONFIG_TOKENS)).jails.len(), 2);
    let want = "16385:1: one too many, expected at most CONFIG_TOKENS = 16384 words, signs and spaces in a file";
    assert_eq!(one(&text(limits::CONFIG_TOKENS + 1)), want);
}

#[test]
fn errors() {
    for n in [ERRORS - 1, ERRORS, ERRORS + 1, 1000] {
        let text: String = (0..n).map(|n| format!("x{n} = 1\n")).collect();
        assert_eq!(bad(&text).len(), usize::try_from(n.min(ERRORS)).unwrap());
    }
}
