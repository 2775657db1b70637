//! From a log record to a failed attempt: which service spoke, what it said, and whose address it names.
//!
//! An address is read only where the service's format puts it, anchored from both ends of the message: everything else
//! in a line may be the attacker's text.

mod pattern;
mod session;

pub use session::Sessions;

use crate::addr::Addr;
use crate::source::syslog::Record;
use pattern::{dropbear, sshd};

/// A service whose messages edgeban understands; fail2ban's filter names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Filter {
    /// OpenSSH's `sshd` and `sshd-session`.
    Sshd,
    /// Dropbear.
    Dropbear,
}

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

/// Failed attempts that one line proves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attempt {
    /// The peer that made them.
    pub addr: Addr,
    /// How many: more than one where a line settles earlier lines of the same connection.
    pub count: u16,
}

impl Filter {
    /// Every filter.
    pub const ALL: [Self; 2] = [Self::Sshd, Self::Dropbear];

    /// The filter of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|filter| filter.name() == name)
    }

    /// The filter's name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sshd => "sshd",
            Self::Dropbear => "dropbear",
        }
    }

    /// The filter for a record's program name, if there is one.
    #[must_use]
    pub fn of_program(program: &[u8]) -> Option<Self> {
        match program {
            b"sshd" | b"sshd-session" | b"sshd-auth" => Some(Self::Sshd),
            b"dropbear" => Some(Self::Dropbear),
            _ => None,
        }
    }

    /// The failed attempts that this record proves, if any. The record's program must be this filter's.
    pub fn detect(self, mode: Mode, sessions: &mut Sessions, record: &Record<'_>) -> Option<Attempt> {
        let part = match self {
            Self::Sshd => sshd::read(record.message, mode, sessions.peer(record.pid)),
            Self::Dropbear => dropbear::read(record.message, mode),
        }?;
        sessions.take(record.pid, part)
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
