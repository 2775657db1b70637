//! Whatever the file, reading ends, and what is accepted is in its ranges.

use super::super::model::{BanTime, Config};
use super::{good, try_read};
use crate::detect::Filter;
use crate::limits;
use crate::time::Duration;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::borrow::ToOwned;
use std::string::String;
use std::vec::Vec;

const EXAMPLE: &str = include_str!("../example.toml");
const INLINE: &str = "global = {table='x'}\njails = { sshd = { maxretry = 3, logpath = ['/a','/b'] }, \
                      \"d.b\" = { filter = 'dropbear', ignoreip = \"::1 10.0.0.0/8\", bantime = -1 } }\n";

/// Pieces that make sense somewhere.
const PIECES: [&str; 49] = [
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    "=",
    ".",
    ",",
    "\n",
    "\r\n",
    "#",
    "'",
    "\"",
    "'''",
    "\"\"\"",
    "\\",
    "\\u0041",
    " ",
    "global",
    "defaults",
    "jails",
    "sshd",
    "jails.x",
    "enabled",
    "mode",
    "logpath",
    "maxretry",
    "findtime",
    "bantime",
    "ignoreip",
    "ignoreself",
    "filter",
    "= 5",
    "= -1",
    "= true",
    "= 1.5",
    "= 'x'",
    "= []",
    "= {}",
    "= [",
    "= {",
    "= 99999999999999999999",
    "'/a'",
    "'::1'",
    "\u{feff}",
    "ü",
    "\0",
    "bantime.increment",
];

/// One change of a file.
#[derive(Clone, Debug)]
enum Change {
    Insert(Index, &'static str),
    Cut(Index, usize),
    Byte(Index, u8),
    /// Copies a line to another place.
    Line(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), select(&PIECES[..])).prop_map(|(at, piece)| Change::Insert(at, piece)),
        (any::<Index>(), 1usize..20).prop_map(|(at, len)| Change::Cut(at, len)),
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Byte(at, byte)),
        (any::<Index>(), any::<Index>()).prop_map(|(from, to)| Change::Line(from, to)),
    ]
}

fn apply(text: &mut Vec<u8>, change: &Change) {
    let len = text.len();
    match change {
        Change::Insert(at, piece) => {
            let at = at.index(len + 1);
            text.splice(at..at, piece.bytes());
        }
        Change::Cut(at, n) => {
            let at = at.index(len + 1);
            text.drain(at..len.min(at + n));
        }
        Change::Byte(at, byte) if len > 0 => text[at.index(len)] = *byte,
        Change::Byte(..) => {}
        Change::Line(from, to) => {
            let mut lines: Vec<Vec<u8>> = text.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
            let line = lines[from.index(lines.len())].clone();
            lines.insert(to.index(lines.len() + 1), line);
            *text = lines.join(&b'\n');
        }
    }
}

/// What every accepted configuration keeps.
fn check(config: &Config) {
    assert!(!config.global.table.is_empty() && !config.jails.is_empty());
    let span = |span: Duration, most: u64| span >= Duration::from_secs(1) && span <= Duration::from_secs(most);
    for (n, jail) in config.jails.iter().enumerate() {
        assert!(!jail.name.is_empty() && config.jails.iter().skip(n + 1).all(|other| other.name != jail.name));
        assert!((1..=limits::MAXRETRY).contains(&jail.maxretry));
        assert!(span(jail.findtime, limits::FINDTIME_SECS));
        assert!(
            matches!(jail.bantime, BanTime::Permanent)
                || matches!(jail.bantime, BanTime::For(t) if span(t, limits::BANTIME_SECS))
        );
        assert_eq!(jail.logpath.is_empty(), jail.filter == Filter::Recidive);
        for path in &jail.logpath {
            assert!(
                (path.starts_with('/') || path == "journal")
                    && !path.ends_with('/')
                    && !path.contains(['*', '?', '[', '\0', '\n'])
            );
        }
    }
}

/// Errors are one line each, and there are some.
fn read_any(text: &[u8]) {
    match try_read(text) {
        Ok(config) => check(&config),
        Err(errors) => assert!(errors.iter().all(|e| !e.is_empty() && !e.contains(char::is_control)), "{errors:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes(text in vec(any::<u8>(), 0..300)) {
        read_any(&text);
    }

    #[test]
    fn any_text(text in "\\PC{0,200}") {
        read_any(text.as_bytes());
    }

    #[test]
    fn any_pieces(pieces in vec(select(&PIECES[..]), 0..60)) {
        read_any(pieces.concat().as_bytes());
    }

    #[test]
    fn changed_files(base in select(&[EXAMPLE, INLINE][..]), changes in vec(change(), 1..6)) {
        let mut text = base.as_bytes().to_vec();
        for change in &changes {
            apply(&mut text, change);
        }
        read_any(&text);
    }

    #[test]
    fn numbers(n in any::<i64>(), small in -3i64..12_000) {
        for n in [n, small] {
            for key in ["maxretry", "findtime", "bantime"] {
                read_any(std::format!("defaults.{key} = {n}").as_bytes());
            }
            let accepted = try_read(std::format!("defaults.maxretry = {n}").as_bytes()).is_ok();
            prop_assert_eq!(accepted, (1..=10_000).contains(&n));
        }
    }
}

#[test]
fn every_beginning_of_a_file_ends_well() {
    for text in [EXAMPLE, INLINE] {
        for n in 0..=text.len() {
            read_any(&text.as_bytes()[..n]);
        }
    }
    let deep: String = "jails={a=".repeat(5000);
    read_any(deep.as_bytes());
    read_any(("a=".to_owned() + &"[".repeat(16_000)).as_bytes());
    check(&good(INLINE));
}
