//! From a log record to a failed attempt: which service spoke, what it said, and whose address it names.
//!
//! An address is read only where the service's format puts it, anchored from both ends of the message: everything else
//! in a line may be the attacker's text.

pub mod custom;
pub(crate) mod dispatch;
pub(crate) mod heard;
pub mod json;
mod pattern;
mod registry;
mod session;
pub mod template;

pub use dispatch::FilterSet;
pub use registry::Filter;
pub use session::Sessions;

use crate::addr::Addr;
use crate::source::syslog::{Record, Split, Stamp, own_form};

/// How much of a service's complaints count, as fail2ban's filters define it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum Mode {
    /// Failed authentication.
    #[default]
    Normal,
    /// Also connections that break off before authentication.
    Ddos,
    /// Also failed negotiations.
    Extra,
    /// All of these.
    Aggressive,
}

/// What a jail reads its lines with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum JailFilter {
    /// A filter that edgeban has.
    BuiltIn(Filter),
    /// One of the operator's own, by its number in [`custom::Filters`].
    Custom(u8),
}

impl From<Filter> for JailFilter {
    fn from(filter: Filter) -> Self {
        Self::BuiltIn(filter)
    }
}

impl PartialEq<Filter> for JailFilter {
    fn eq(&self, filter: &Filter) -> bool {
        self.built_in() == Some(*filter)
    }
}

impl JailFilter {
    /// The filter that edgeban has, if it is one.
    #[must_use]
    pub const fn built_in(self) -> Option<Filter> {
        match self {
            Self::BuiltIn(filter) => Some(filter),
            Self::Custom(_) => None,
        }
    }

    /// The filter's name in the configuration.
    #[must_use]
    pub fn name(self, filters: &custom::Filters) -> &str {
        match self {
            Self::BuiltIn(filter) => filter.name(),
            Self::Custom(number) => filters.name(number),
        }
    }
}

/// Failed attempts that one line proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The peer that made them.
    pub addr: Addr,
    /// How many: more than one where a line settles earlier lines of the same connection.
    pub count: u16,
}

impl Filter {
    /// The filter of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }

    /// A line of a log file that a service writes by itself, without syslog: no program's name, and mostly a date. For filters
    /// that [have such a file](Self::has_own_log), and for lines that are of no service's program: a line of one service is
    /// never tried for another. `None` if it is empty, or has a header that [is certainly syslog's](Record::is_certain).
    #[must_use]
    pub fn own_record<'a>(line: &'a [u8], split: &Split<'a>) -> Option<Record<'a>> {
        if split.record.is_some_and(|record| record.is_certain()) {
            return None;
        }
        let (stamp, message) = undated(line, split);
        let message = message.trim_ascii();
        if message.is_empty() { None } else { Some(Record { stamp, program: b"", pid: None, message }) }
    }

    /// The date that such a line has inside, as those of access logs do.
    pub(crate) fn own_stamp(record: &Record<'_>) -> Option<Stamp> {
        record.stamp.or_else(|| pattern::access::stamp(record.message)?)
    }
}

/// The date that a line starts with, and the line behind it.
fn undated<'a>(line: &'a [u8], split: &Split<'a>) -> (Option<Stamp>, &'a [u8]) {
    match split.dated {
        Some((stamp, rest)) => (Some(stamp), rest),
        None => own_form(line).unwrap_or((None, line)),
    }
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 4] = [Self::Normal, Self::Ddos, Self::Extra, Self::Aggressive];

    /// The mode of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.name() == name)
    }

    /// The mode's name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Ddos => "ddos",
            Self::Extra => "extra",
            Self::Aggressive => "aggressive",
        }
    }
}
