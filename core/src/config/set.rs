//! Setting one key of a jail by hand, checked as the file is: the value goes through the same reader, in a document of two
//! lines.

use super::error::{AddressFault, Error, Limit, Problem};
use super::key::Key;
use super::model::Config;
use super::{Refused, Report, Tokens, checked_text, read_text};
use crate::addr::Prefix;
use crate::limits;
use core::fmt::Write as _;
use heapless::String;

/// Bytes of a value: a path, or some addresses.
pub const VALUE: usize = 255;

/// Bytes of a key's name; a test counts.
pub const KEY: usize = 24;

/// What `edgeban set` has besides the keys: adds to `ignoreip`, or takes from it.
const ADD: &str = "addignoreip";
const DEL: &str = "delignoreip";

/// Whether the value stands for itself in TOML: a number, a flag, an array, a string with quotes.
fn is_plain(value: &str) -> bool {
    let digits = value.strip_prefix(['-', '+']).unwrap_or(value);
    let number = digits.starts_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'_' || b == b'.')
        && digits.bytes().filter(|b| *b == b'.').count() <= 1;
    number || matches!(value, "true" | "false") || value.starts_with(['"', '\'', '['])
}

/// Sets a key of a jail of `config`, which is complete. What stands for itself in TOML is taken so, all else as a string;
/// `addignoreip` and `delignoreip` are keys, too. `report` is called for what is wrong; only what it says counts, not where.
///
/// # Errors
/// [`Refused`] if anything is wrong: then `config` is not to be used.
pub fn set(
    config: &mut Config,
    jail: &str,
    key: &str,
    value: &str,
    tokens: &mut Tokens,
    report: &mut dyn FnMut(&Error<'_>),
) -> Result<(), Refused> {
    let refused = Refused { errors: 1 };
    let mut wrong = |problem| {
        report(&Error { line: 1, column: 1, quote: value, problem });
        Err(refused)
    };
    if let ADD | DEL = key {
        let known = config.jails.iter_mut().find(|known| known.name == jail);
        let Some(ignoreip) = known.map(|jail| &mut jail.ignoreip) else { return Err(refused) };
        let Ok(prefix) = Prefix::parse(value.as_bytes()) else {
            return wrong(Problem::Address(AddressFault::Malformed));
        };
        let there = ignoreip.iter().position(|known| *known == prefix);
        return match there {
            None if key == DEL => wrong(Problem::Conflict("this is not in ignoreip")),
            None if ignoreip.push(prefix).is_err() => wrong(Problem::TooMany(Limit::Ignoreip)),
            Some(at) if key == DEL => {
                ignoreip.remove(at);
                Ok(())
            }
            _ => Ok(()),
        };
    }
    let plain = is_plain(value);
    // A line's end would begin another key, and a quote would end the string.
    if value.contains(char::is_control) || (!plain && value.contains('\'')) || key == Key::Filter.name() {
        return wrong(Problem::Conflict("this cannot be set by hand"));
    }
    let mut text: String<{ 32 + limits::JAIL_NAME + KEY + VALUE }> = String::new();
    let quote = if plain { "" } else { "'" };
    if write!(text, "[jails.'{jail}']\n{key} = {quote}{value}{quote}").is_err() {
        return wrong(Problem::TooLong { bytes: value.len(), limit: Limit::Decoded });
    }
    let mut report = Report::new(report);
    if let Some(text) = checked_text(text.as_bytes(), &mut report) {
        report.text = text;
        read_text(text, tokens, config, false, &mut report);
    }
    tokens.clear();
    match report.errors {
        0 => Ok(()),
        errors => Err(Refused { errors }),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Shown, defaults};
    use super::*;
    use crate::config::key::ALL;
    use crate::config::model::{BanTime, Jail};
    use crate::detect::Mode;
    use crate::time::Duration;
    use std::boxed::Box;
    use std::string::{String, ToString as _};
    use std::vec::Vec;
    use std::{format, vec};

    struct World {
        config: Box<Config>,
        tokens: Box<Tokens>,
    }

    impl World {
        fn new() -> Self {
            let mut config = Box::new(Config::EMPTY);
            defaults(&mut config);
            Self { config, tokens: Box::default() }
        }

        fn set(&mut self, key: &str, value: &str) -> Result<(), Vec<String>> {
            let mut said = Vec::new();
            let before = self.config.clone();
            let result = set(&mut self.config, "sshd", key, value, &mut self.tokens, &mut |error| {
                said.push(error.to_string());
            });
            match result {
                Ok(()) => {
                    assert_eq!(said, Vec::<String>::new());
                    assert_eq!(self.config.jails[1..], before.jails[1..], "the others are as they were");
                    assert_eq!((&self.config.global, self.config.bantime), (&before.global, before.bantime));
                    Ok(())
                }
                Err(_) => {
                    self.config = before;
                    Err(said)
                }
            }
        }

        fn jail(&self) -> &Jail {
            &self.config.jails[0]
        }

        fn shown(&self, key: Key) -> Vec<String> {
            (0..)
                .map_while(|n| self.jail().setting(key, n, &self.config.filters))
                .map(|value| value.to_string())
                .collect()
        }
    }

    #[test]
    fn a_value_is_checked_as_in_the_file() {
        let mut world = World::new();
        for (key, value) in
            [("maxretry", "7"), ("findtime", "2h"), ("bantime", "-1"), ("mode", "aggressive"), ("ignoreself", "false")]
        {
            assert_eq!(world.set(key, value), Ok(()), "{key}");
        }
        let jail = world.jail();
        assert_eq!((jail.maxretry, jail.findtime, jail.bantime), (7, Duration::from_secs(7200), BanTime::Permanent));
        assert_eq!((jail.mode, jail.ignoreself), (Mode::Aggressive, false));
        assert_eq!(world.set("ignoreip", "10.0.0.0/8 192.0.2.1"), Ok(()));
        assert_eq!(world.shown(Key::Ignoreip), ["10.0.0.0/8", "192.0.2.1"]);
        for (key, value, says) in [
            ("maxretry", "0", "expected a whole number from 1 to 10000"),
            ("maxretry", "many", "expected a whole number from 1 to 10000"),
            ("findtime", "10 parsecs", "is not understood"),
            ("mode", "mild", "unknown word `mild`"),
            ("enabled", "yes", "expected true or false"),
            ("ignoreip", "router.lan", "edgeban never resolves names"),
            ("bantme", "1h", "unknown key `bantme`"),
            ("table", "x", "expected it in [global]"),
            ("bantime", "1h\nmaxretry = 1", "cannot be set by hand"),
            ("bantime", "1h' # '", "cannot be set by hand"),
            ("maxretry", "[1]", "an array"),
            ("filter", "dropbear", "cannot be set by hand"),
            ("logpath", "auth.log", "starts with `/`"),
        ] {
            let said = world.set(key, value).unwrap_err();
            assert!(said.iter().any(|said| said.contains(says)), "{key} = {value}: {said:?}");
        }
        assert_eq!(world.jail().maxretry, 7);
    }

    #[test]
    fn addresses_are_added_and_taken_one_by_one() {
        let mut world = World::new();
        assert_eq!(world.set("addignoreip", "192.0.2.0/24"), Ok(()));
        assert_eq!(world.set("addignoreip", "192.0.2.0/24"), Ok(()), "it is there already");
        assert_eq!(world.shown(Key::Ignoreip), ["127.0.0.0/8", "::1", "192.0.2.0/24"]);
        assert_eq!(world.set("delignoreip", "127.0.0.0/8"), Ok(()));
        assert_eq!(world.shown(Key::Ignoreip), ["::1", "192.0.2.0/24"]);
        assert_eq!(world.set("delignoreip", "127.0.0.0/8").unwrap_err(), vec!["this is not in ignoreip"]);
        assert!(world.set("addignoreip", "x").unwrap_err()[0].contains("`x`"));
        for n in 2..limits::IGNOREIP {
            assert_eq!(world.set("addignoreip", &format!("10.0.0.{n}")), Ok(()));
        }
        assert!(world.set("addignoreip", "10.1.0.0").unwrap_err()[0].contains("IGNOREIP = 32"));
    }

    #[test]
    fn what_is_shown_can_be_set() {
        let mut world = World::new();
        for key in Key::of_jail().filter(|key| *key != Key::Filter) {
            let (shown, jail) = (world.shown(key), world.jail().clone());
            let value = match key.is_list() {
                true => format!(
                    "[{}]",
                    shown
                        .iter()
                        .map(|value| match key {
                            Key::BantimeMultipliers => value.clone(),
                            _ => format!("'{value}'"),
                        })
                        .collect::<Vec<_>>()
                        .join(", ")
                ),
                false => shown[0].clone(),
            };
            assert_eq!(world.set(key.name(), &value), Ok(()), "{key:?} {value}");
            assert_eq!(*world.jail(), jail, "{key:?} {value}");
        }
        assert_eq!(Shown::Factor(1500).to_string(), "1.500");
        assert!(ALL.iter().all(|key| key.name().len() <= KEY));
    }
}
