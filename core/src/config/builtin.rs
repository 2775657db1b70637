//! What holds where the file says nothing.

use super::key::Key;
use super::model::{BanTime, Config, Global, Jail, Journal};
use crate::addr::{Addr, Prefix};
use crate::ban::ladder::Growth;
use crate::detect::{Filter, JailFilter, Mode};
#[cfg(test)]
use crate::limits;
use crate::source::journal::Matches;
use crate::time::Duration;
use heapless::{String, Vec};

/// fail2ban's `maxretry`.
const MAXRETRY: u32 = 5;

/// fail2ban's `findtime`.
const TEN_MINUTES: Duration = Duration::from_secs(600);

/// What runs with no file at all: a jail for each SSH server, named after its filter.
pub fn defaults(config: &mut Config) {
    clear(config);
    add_jails(config, &unset());
}

/// A configuration without jails and with the built-in `[global]`.
pub(super) fn clear(config: &mut Config) {
    config.global = Global::default();
    config.jails.clear();
    config.filters.clear();
    config.journal = Journal::default();
    config.bantime = BanTime::default();
}

/// The built-in `[defaults]`. An empty `logpath` stands for the filter's own.
pub(super) fn unset() -> Jail {
    let mut ignoreip = Vec::new();
    // Both fit an empty list, so neither push can fail.
    for (addr, len) in
        [(Addr::v4([127, 0, 0, 0]), 8), (Addr::v6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), 128)]
    {
        if let Ok(prefix) = Prefix::new(addr, len) {
            let _ = ignoreip.push(prefix);
        }
    }
    Jail {
        name: String::new(),
        enabled: true,
        filter: JailFilter::BuiltIn(Filter::Sshd),
        mode: Mode::default(),
        logpath: Vec::new(),
        journalmatch: Matches::NONE,
        maxretry: MAXRETRY,
        findtime: TEN_MINUTES,
        bantime: BanTime::default(),
        growth: Growth::default(),
        ignoreip,
        ignoreself: true,
    }
}

/// The built-in jails, with these `[defaults]`.
pub(super) fn add_jails(config: &mut Config, defaults: &Jail) {
    for filter in BUILT_IN {
        // There is room for two jails, and a filter's name is shorter than a jail's may be: neither push can fail. A test
        // counts.
        if config.jails.push(defaults.clone()).is_ok()
            && let Some(jail) = config.jails.last_mut()
        {
            jail.filter = filter.into();
            let _ = jail.name.push_str(filter.name());
            fill_logpath(jail);
        }
    }
}

/// Gives a jail that names no log file those of its filter, if that knows them.
pub(super) fn fill_logpath(jail: &mut Jail) {
    if jail.logpath.is_empty() {
        for path in jail.filter.built_in().map_or(&[][..], Filter::logpath) {
            let mut text = String::new();
            // A few short constants fit; a test counts them.
            let _ = text.push_str(path);
            let _ = jail.logpath.push(text);
        }
    }
}

/// Gives a jail over other jails' bans what fail2ban's own has, where it does not say otherwise: nobody is banned five times
/// within ten minutes.
pub(super) fn fill_recidive(jail: &mut Jail, open: &impl Fn(Key) -> bool) {
    jail.logpath.clear();
    if open(Key::Maxretry) {
        jail.maxretry = MAXRETRY;
    }
    if open(Key::Findtime) {
        jail.findtime = Duration::from_secs(86_400);
    }
    if open(Key::Bantime) {
        jail.bantime = BanTime::For(Duration::from_secs(604_800));
    }
}

/// The filters of the built-in jails: the services that nearly every machine has.
const BUILT_IN: [Filter; 2] = [Filter::Sshd, Filter::Dropbear];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_filter_fits_a_jail() {
        for filter in Filter::ALL {
            assert!(filter.name().len() <= limits::JAIL_NAME);
            let least = usize::from(filter != Filter::Recidive);
            assert!((least..=limits::LOGPATHS).contains(&filter.logpath().len()), "{filter:?}");
            assert!(filter.logpath().iter().all(|path| path.starts_with('/') && path.len() <= limits::PATH));
        }
    }
}
