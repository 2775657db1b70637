//! Settings of a jail as text: what is shown is what the file, and `edgeban set`, would take.

use super::Key;
use super::key::{ALL, JAIL, NAMES};
use super::model::{BanTime, Jail};
use crate::addr::Prefix;
use crate::ban::ladder::ONE;
use crate::detect::custom::Filters;
use crate::time::Duration;
use core::fmt;

/// One value of a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown<'a> {
    /// A word, a path.
    Text(&'a str),
    /// Addresses.
    Prefix(Prefix),
    /// `true` or `false`.
    Flag(bool),
    /// A number.
    Number(u64),
    /// A number in thousandths.
    Factor(u32),
    /// A time; `None` is for good.
    Time(Option<Duration>),
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Prefix(prefix) if prefix.is_one() => prefix.base().fmt(f),
            Self::Prefix(prefix) => prefix.fmt(f),
            Self::Flag(on) => on.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::Factor(thousandths) => {
                let (whole, rest) = (thousandths / ONE, thousandths % ONE);
                if rest == 0 { whole.fmt(f) } else { write!(f, "{whole}.{rest:03}") }
            }
            Self::Time(Some(span)) => span.fmt(f),
            Self::Time(None) => f.write_str("permanent"),
        }
    }
}

impl Key {
    /// The keys of a jail, in the order in which they are shown.
    pub fn of_jail() -> impl Iterator<Item = Self> {
        ALL.into_iter().take(JAIL)
    }

    /// The key of a jail with this name.
    #[must_use]
    pub fn of_jail_named(name: &str) -> Option<Self> {
        Self::of_jail().find(|key| key.name() == name)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.get(self.index()).copied().unwrap_or("")
    }
}

impl Jail {
    /// The `n`-th value of a setting; of one that takes no array there is one. `filters` are those of the operator's own.
    #[must_use]
    pub fn setting<'a>(&'a self, key: Key, n: usize, filters: &'a Filters) -> Option<Shown<'a>> {
        let Self { growth, .. } = self;
        let one = match key {
            Key::Logpath => return self.logpath.get(n).map(|path| Shown::Text(path)),
            Key::Journalmatch => return self.journalmatch.iter().nth(n).map(Shown::Text),
            Key::Ignoreip => return self.ignoreip.get(n).copied().map(Shown::Prefix),
            Key::BantimeMultipliers => return growth.multipliers.get(n).map(|times| Shown::Number((*times).into())),
            Key::Enabled => Shown::Flag(self.enabled),
            Key::Mode => Shown::Text(self.mode.name()),
            Key::Maxretry => Shown::Number(self.maxretry.into()),
            Key::Findtime => Shown::Time(Some(self.findtime)),
            Key::Bantime => Shown::Time(match self.bantime {
                BanTime::For(span) => Some(span),
                BanTime::Permanent => None,
            }),
            Key::BantimeIncrement => Shown::Flag(growth.increment),
            Key::BantimeFactor => Shown::Factor(growth.factor),
            Key::BantimeMaxtime => Shown::Time(Some(growth.maxtime)),
            Key::BantimeRndtime => Shown::Time(Some(growth.rndtime)),
            Key::BantimeOveralljails => Shown::Flag(growth.overalljails),
            Key::Ignoreself => Shown::Flag(self.ignoreself),
            Key::Filter => Shown::Text(self.filter.name(filters)),
            Key::Table
            | Key::Backend
            | Key::LogLevel
            | Key::OnStop
            | Key::KillConnections
            | Key::Hook
            | Key::Devices
            | Key::Verdict
            | Key::Counters
            | Key::Ipv4Prefix
            | Key::Ipv6Prefix
            | Key::ProtectTable
            | Key::Foreign
            | Key::ControlGroup
            | Key::RunDir
            | Key::StateDir
            | Key::StateSync
            | Key::Web
            | Key::WebToken
            | Key::Match
            | Key::Ignore
            | Key::Directory => return None,
        };
        (n == 0).then_some(one)
    }
}
