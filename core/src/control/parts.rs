//! Answers that come in several parts: which part is next. A part is written when the one before it was sent, so a client
//! that reads slowly costs a [`Parts`] and never a turn of the loop. What happens between two parts is seen by the later
//! ones: what was banned meanwhile may be missing.

use super::response::{JailNumbers, Response};
use crate::ban::{MANUAL, MANUAL_NAME, State};
use crate::config::Key;
use crate::engine::Engine;
use crate::time::Instant;

/// The next part of an answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parts {
    /// Of a status, which the caller writes.
    Status(usize),
    /// A jail's counts, then all that follows.
    Jail(u8),
    /// A setting of a jail, the `n`-th value of the `key`-th key; of `all` keys, and then the bans.
    Settings {
        /// The jail.
        jail: u8,
        /// The key, by its place.
        key: usize,
        /// The value, by its place.
        n: usize,
        /// Whether the next key follows, and behind the last one the bans.
        all: bool,
    },
    /// The bans of a jail, from this place on.
    Bans {
        /// The jail.
        jail: u8,
        /// Where to go on.
        place: usize,
    },
    /// The bans of prefixes of a jail, from this place on.
    Prefixes {
        /// The jail.
        jail: u8,
        /// Where to go on.
        place: usize,
    },
}

/// The number of the jail of this name; bans by hand are those of one that is called [`MANUAL_NAME`], unless another is.
#[must_use]
pub fn jail_named<const T: usize, const TI: usize, const B: usize, const BI: usize>(
    name: &str,
    engine: &Engine<'_, T, TI, B, BI>,
) -> Option<u8> {
    let known = (0..).zip(engine.jails()).find(|(_, jail)| jail.name == name && !name.is_empty());
    known.map(|(number, _)| number).or((name == MANUAL_NAME).then_some(MANUAL))
}

/// What is counted of a jail.
#[must_use]
pub fn jail<'e, const T: usize, const TI: usize, const B: usize, const BI: usize>(
    number: u8,
    engine: &'e Engine<'_, T, TI, B, BI>,
) -> Response<'e> {
    let jail = engine.jails().get(usize::from(number));
    let counted = engine.of_jail(number);
    let numbers = JailNumbers {
        enabled: jail.is_none_or(|jail| jail.enabled).into(),
        banned: engine.bans().of_jail(number).into(),
        tracked: engine.attempts().of_jail(number).into(),
        attempts: counted.attempts,
        bans: counted.bans,
    };
    match jail {
        Some(jail) => Response::Jail { numbers, name: &jail.name, filter: jail.filter.name(engine.filters()) },
        None => Response::Jail { numbers, name: MANUAL_NAME, filter: "" },
    }
}

impl Parts {
    /// The part, and what follows it; nothing follows the end.
    #[must_use]
    pub fn take<'e, const T: usize, const TI: usize, const B: usize, const BI: usize>(
        self,
        engine: &'e Engine<'_, T, TI, B, BI>,
        now: Instant,
    ) -> (Response<'e>, Option<Self>) {
        match self {
            Self::Status(_) => (Response::End, None),
            Self::Jail(number) => {
                (jail(number, engine), Some(Self::Settings { jail: number, key: 0, n: 0, all: true }))
            }
            Self::Settings { jail, key, n, all } => {
                let settings = engine.jails().get(usize::from(jail));
                let keys = (key..).zip(Key::of_jail().skip(key)).take(if all { usize::MAX } else { 1 });
                for (place, known) in keys {
                    let n = if place == key { n } else { 0 };
                    if let Some(value) = settings.and_then(|settings| settings.setting(known, n, engine.filters())) {
                        let setting = Response::Setting { key: known.name(), list: known.is_list(), value };
                        return (setting, Some(Self::Settings { jail, key: place, n: n + 1, all }));
                    }
                }
                match all {
                    true => Self::Bans { jail, place: 0 }.take(engine, now),
                    false => (Response::End, None),
                }
            }
            Self::Bans { jail, place } => {
                let mut place = place;
                while let Some((next, addr, ban)) = engine.bans().next_installed(place) {
                    place = next;
                    if ban.jail == jail {
                        let prefix = engine.layout().widths.prefix(addr);
                        let left = ban.until.map(|until| until.since(now));
                        let banned = Response::BannedPrefix { prefix, left, already: true };
                        return (banned, Some(Self::Bans { jail, place }));
                    }
                }
                Self::Prefixes { jail, place: 0 }.take(engine, now)
            }
            Self::Prefixes { jail, place } => {
                let mut bans = (place + 1..).zip(engine.bans().prefixes().from(place));
                match bans.find(|(_, ban)| ban.jail == jail && ban.state() == State::Installed) {
                    Some((place, ban)) => {
                        let left = ban.until.map(|until| until.since(now));
                        let banned = Response::BannedPrefix { prefix: ban.prefix, left, already: true };
                        (banned, Some(Self::Prefixes { jail, place }))
                    }
                    None => (Response::End, None),
                }
            }
        }
    }
}
