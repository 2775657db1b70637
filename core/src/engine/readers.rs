//! Which jails a line concerns, found at a price that does not grow with their number.

use crate::config::model::Jail;
use crate::detect::dispatch::{FIRST_BYTES, first_byte, is_request};
use crate::detect::{Filter, FilterSet, JailFilter};
use crate::limits;
use crate::source::syslog::Record;

/// A set of jails, a bit for each by its number in the engine.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JailSet(u128);

/// Jails that an engine can have: those of a configuration, or one for each filter where all are tried.
pub(super) const JAILS: usize = if limits::JAILS > Filter::ALL.len() { limits::JAILS } else { Filter::ALL.len() };

static_assertions::const_assert!(JAILS <= 128);

impl JailSet {
    /// No jail.
    pub const NONE: Self = Self(0);

    /// Adds the jail of this number.
    pub fn insert(&mut self, jail: u8) {
        self.0 |= 1u128.checked_shl(jail.into()).unwrap_or(0);
    }

    pub(super) fn has(self, jail: u8) -> bool {
        self.0.checked_shr(jail.into()).is_some_and(|bits| bits & 1 == 1)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// The jails' numbers, ascending.
    pub(super) fn numbers(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let lowest = u8::try_from(left.trailing_zeros()).ok();
            left &= left.checked_sub(1)?;
            lowest
        })
    }
}

/// Which jails read what, so that a line is only tried by those that it concerns.
pub(super) struct Readers {
    /// The jails with each filter.
    of_filter: [JailSet; Filter::ALL.len()],
    /// The jails that may read a message of their service's own log, by its first byte.
    of_first: [JailSet; FIRST_BYTES],
    /// The jails that read access logs.
    of_access: JailSet,
    /// All jails whose service has a log of its own, or may.
    of_own_log: JailSet,
    /// The jails with filters of the operator's own.
    pub(super) of_custom: JailSet,
}

impl Readers {
    pub(super) const NONE: Self = Self {
        of_filter: [JailSet::NONE; Filter::ALL.len()],
        of_first: [JailSet::NONE; FIRST_BYTES],
        of_access: JailSet::NONE,
        of_own_log: JailSet::NONE,
        of_custom: JailSet::NONE,
    };

    /// Those of these jails that are enabled.
    pub(super) fn set(&mut self, jails: &[Jail]) {
        *self = Self::NONE;
        for (number, jail) in (0u8..).zip(jails).filter(|(_, jail)| jail.enabled) {
            let JailFilter::BuiltIn(filter) = jail.filter else {
                self.of_custom.insert(number);
                self.of_own_log.insert(number);
                continue;
            };
            if let Some(readers) = self.of_filter.get_mut(filter.index()) {
                readers.insert(number);
            }
            for (first, readers) in self.of_first.iter_mut().enumerate() {
                if FilterSet::of_first(first).has(filter) {
                    readers.insert(number);
                }
            }
            if FilterSet::ACCESS.has(filter) {
                self.of_access.insert(number);
            }
            if filter.has_own_log() {
                self.of_own_log.insert(number);
            }
        }
    }

    /// The jails that count the bans of the others.
    pub(super) fn recidive(&self) -> JailSet {
        self.of_filter.get(Filter::Recidive.index()).copied().unwrap_or_default()
    }

    /// The jails with one of these filters.
    pub(super) fn of(&self, filters: FilterSet) -> JailSet {
        let sets = filters.iter().filter_map(|filter| self.of_filter.get(filter.index()));
        JailSet(sets.fold(0, |all, set| all | set.0))
    }

    /// Whether any of these jails reads lines that name no program.
    pub(super) const fn read_own_logs(&self, jails: JailSet) -> bool {
        jails.and(self.of_own_log).0 != 0
    }

    /// Those of these jails that may read this record of a service's own log.
    pub(super) fn of_own(&self, jails: JailSet, record: &Record<'_>) -> JailSet {
        let first = self.of_first.get(first_byte(record)).copied().unwrap_or_default();
        let access = jails.and(self.of_access);
        let access = if access.0 != 0 && is_request(record) { access } else { JailSet::NONE };
        JailSet(jails.and(first).0 | access.0)
    }
}
