//! The keys: their names, where they may stand, and what they take.

use crate::detect::Filter;
use crate::limits;
use crate::time::Duration;
use core::fmt;

/// A key of the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// `enabled`.
    Enabled,
    /// `mode`.
    Mode,
    /// `logpath`.
    Logpath,
    /// `journalmatch`.
    Journalmatch,
    /// `maxretry`.
    Maxretry,
    /// `findtime`.
    Findtime,
    /// `bantime`.
    Bantime,
    /// `bantime_increment`.
    BantimeIncrement,
    /// `bantime_factor`.
    BantimeFactor,
    /// `bantime_multipliers`.
    BantimeMultipliers,
    /// `bantime_maxtime`.
    BantimeMaxtime,
    /// `bantime_rndtime`.
    BantimeRndtime,
    /// `bantime_overalljails`.
    BantimeOveralljails,
    /// `ignoreip`.
    Ignoreip,
    /// `ignoreself`.
    Ignoreself,
    /// `filter`.
    Filter,
    /// `table`.
    Table,
    /// `backend`.
    Backend,
    /// `log_level`.
    LogLevel,
    /// `on_stop`.
    OnStop,
    /// `kill_connections`.
    KillConnections,
    /// `hook`.
    Hook,
    /// `devices`.
    Devices,
    /// `verdict`.
    Verdict,
    /// `counters`.
    Counters,
    /// `ipv4_prefix`.
    Ipv4Prefix,
    /// `ipv6_prefix`.
    Ipv6Prefix,
    /// `protect_table`.
    ProtectTable,
    /// `foreign`.
    Foreign,
    /// `control_group`.
    ControlGroup,
    /// `run_dir`.
    RunDir,
    /// `state_dir`.
    StateDir,
    /// `state_sync`.
    StateSync,
    /// `web`.
    Web,
    /// `web_token`.
    WebToken,
    /// `match`.
    Match,
    /// `ignore`.
    Ignore,
    /// `directory`.
    Directory,
}

/// Every key: those of `[defaults]`, then `filter`, then those of `[global]`, then those of a filter, then those of
/// `[journal]`.
pub(super) const ALL: [Key; 38] = [
    Key::Enabled,
    Key::Mode,
    Key::Logpath,
    Key::Journalmatch,
    Key::Maxretry,
    Key::Findtime,
    Key::Bantime,
    Key::BantimeIncrement,
    Key::BantimeFactor,
    Key::BantimeMultipliers,
    Key::BantimeMaxtime,
    Key::BantimeRndtime,
    Key::BantimeOveralljails,
    Key::Ignoreip,
    Key::Ignoreself,
    Key::Filter,
    Key::Table,
    Key::Backend,
    Key::LogLevel,
    Key::OnStop,
    Key::KillConnections,
    Key::Hook,
    Key::Devices,
    Key::Verdict,
    Key::Counters,
    Key::Ipv4Prefix,
    Key::Ipv6Prefix,
    Key::ProtectTable,
    Key::Foreign,
    Key::ControlGroup,
    Key::RunDir,
    Key::StateDir,
    Key::StateSync,
    Key::Web,
    Key::WebToken,
    Key::Match,
    Key::Ignore,
    Key::Directory,
];

/// The names of [`ALL`].
pub(super) const NAMES: [&str; 38] = [
    "enabled",
    "mode",
    "logpath",
    "journalmatch",
    "maxretry",
    "findtime",
    "bantime",
    "bantime_increment",
    "bantime_factor",
    "bantime_multipliers",
    "bantime_maxtime",
    "bantime_rndtime",
    "bantime_overalljails",
    "ignoreip",
    "ignoreself",
    "filter",
    "table",
    "backend",
    "log_level",
    "on_stop",
    "kill_connections",
    "hook",
    "devices",
    "verdict",
    "counters",
    "ipv4_prefix",
    "ipv6_prefix",
    "protect_table",
    "foreign",
    "control_group",
    "run_dir",
    "state_dir",
    "state_sync",
    "web",
    "web_token",
    "match",
    "ignore",
    "directory",
];

/// How many keys a jail has; they come first.
pub(super) const JAIL: usize = 16;

/// How many keys a filter has; they come behind those of `[global]`.
pub(super) const FILTER: usize = 2;

/// How many keys `[journal]` has; they come last.
pub(super) const JOURNAL: usize = 1;

impl Key {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        ALL.iter().zip(NAMES).find(|(_, known)| *known == name).map(|(key, _)| *key)
    }

    /// The key's place in [`ALL`].
    pub(super) fn index(self) -> usize {
        ALL.iter().position(|key| *key == self).unwrap_or(0)
    }

    /// The words that the key takes, if it takes only certain words: the names of its type's `ALL`.
    pub(super) const fn words(self) -> &'static [&'static str] {
        match self {
            Self::Filter => &Filter::NAMES,
            Self::Mode => &["normal", "ddos", "extra", "aggressive"],
            Self::Backend => &["auto", "nftables", "iptables", "ipset", "log-only"],
            Self::LogLevel => &["error", "warning", "info", "debug"],
            Self::OnStop | Self::Foreign => &["keep", "remove"],
            Self::Hook => &["input", "forward", "prerouting", "ingress"],
            Self::Verdict => &["drop", "reject"],
            _ => &[],
        }
    }

    /// Whether the key takes `true` or `false`.
    pub(super) const fn is_flag(self) -> bool {
        matches!(
            self,
            Self::Enabled
                | Self::Ignoreself
                | Self::BantimeIncrement
                | Self::BantimeOveralljails
                | Self::KillConnections
                | Self::Counters
                | Self::ProtectTable
        )
    }

    /// Whether the key takes an array.
    #[must_use]
    pub const fn is_list(self) -> bool {
        matches!(
            self,
            Self::Logpath
                | Self::Journalmatch
                | Self::Ignoreip
                | Self::BantimeMultipliers
                | Self::Devices
                | Self::Match
                | Self::Ignore
        )
    }

    /// Where the key may stand.
    pub(super) const fn home(self) -> &'static str {
        match self {
            Self::Filter => "[jails.NAME]",
            Self::Match | Self::Ignore => "[filters.NAME]",
            Self::Directory => "[journal]",
            Self::Enabled
            | Self::Mode
            | Self::Logpath
            | Self::Journalmatch
            | Self::Maxretry
            | Self::Findtime
            | Self::Bantime
            | Self::BantimeIncrement
            | Self::BantimeFactor
            | Self::BantimeMultipliers
            | Self::BantimeMaxtime
            | Self::BantimeRndtime
            | Self::BantimeOveralljails
            | Self::Ignoreip
            | Self::Ignoreself => "[defaults] or [jails.NAME]",
            _ => "[global]",
        }
    }
}

/// Writes what the key takes.
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            _ if self.is_flag() => "true or false",
            Self::Devices => "an array of the names of network devices",
            Self::Ipv4Prefix => "a whole number from 1 to 32",
            Self::Ipv6Prefix => "a whole number from 1 to 128",
            Self::Logpath => "the absolute path of a file, or an array of them",
            Self::Journalmatch => {
                "an array such as [\"_SYSTEMD_UNIT=ssh.service\"], with values of _SYSTEMD_UNIT, _COMM, _UID, \
                 SYSLOG_IDENTIFIER or _TRANSPORT"
            }
            Self::Ignoreip => "an array of addresses and prefixes such as \"192.0.2.0/24\"",
            Self::Table => "a name of letters, digits, `_`, `-` and `.` that starts with a letter or `_`",
            Self::ControlGroup => "the name or the number of a group",
            Self::RunDir => "the absolute path of a directory",
            Self::StateDir => "the absolute path of a directory, or \"\" for none",
            Self::Web => "an address and a port such as \"127.0.0.1:9191\" or \"[::1]:9191\", or \"off\"",
            Self::WebToken => {
                return write!(
                    f,
                    "{} to {} printable characters without a space, or \"\"",
                    limits::WEB_TOKEN_LEAST,
                    limits::WEB_TOKEN
                );
            }
            Self::Directory => "the absolute path of a directory, or \"\"",
            Self::Match => "an array of templates such as '<prog:myapp> login failed for <*> from <ADDR>'",
            Self::Ignore => "an array of templates such as '<prog:myapp> login failed for monitor <*>'",
            Self::Maxretry => return write!(f, "a whole number from 1 to {}", limits::MAXRETRY),
            Self::BantimeFactor => return write!(f, "a number from 0.001 to {}, such as 2 or 1.5", limits::FACTOR),
            Self::BantimeMultipliers => {
                return write!(f, "an array of whole numbers from 1 to {}", limits::MULTIPLIER);
            }
            Self::Findtime => return span(f, "1s", limits::FINDTIME_SECS, ""),
            Self::Bantime => return span(f, "1s", limits::BANTIME_SECS, ", or \"permanent\""),
            Self::BantimeMaxtime => return span(f, "1s", limits::BANTIME_SECS, ""),
            Self::StateSync => return span(f, "0", limits::STATE_SYNC_SECS, ""),
            Self::BantimeRndtime => return span(f, "0", limits::BANTIME_SECS, ""),
            _ => return list(f, self.words(), "\""),
        })
    }
}

fn span(f: &mut fmt::Formatter<'_>, least: &str, most: u64, more: &str) -> fmt::Result {
    let most = Duration::from_secs(most);
    write!(f, "{least} to {most}, in seconds or as \"90s\", \"10m\", \"1h30m\", \"7d\", \"1w\"{more}")
}

/// Writes words as `a`, `b` or `c`.
pub(super) fn list(f: &mut fmt::Formatter<'_>, words: &[&str], quote: &str) -> fmt::Result {
    for (n, word) in words.iter().enumerate() {
        f.write_str(match n {
            0 => "",
            _ if n + 1 == words.len() => " or ",
            _ => ", ",
        })?;
        f.write_str(quote)?;
        f.write_str(word)?;
        f.write_str(quote)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::model::{Backend, LogLevel, OnStop};
    use super::*;
    use crate::detect::Mode;
    use crate::firewall::nft::Foreign;
    use crate::wire::nft::chain::Hook;
    use crate::wire::nft::rule::Verdict;

    #[test]
    fn the_lists_agree() {
        for (n, key) in ALL.into_iter().enumerate() {
            assert_eq!(key.index(), n);
            assert_eq!(Key::from_name(NAMES[n]), Some(key));
            let home = if n < JAIL {
                key.home().contains("[jails.NAME]")
            } else {
                key.home()
                    == match NAMES.len() - n {
                        0..=JOURNAL => "[journal]",
                        n if n <= JOURNAL + FILTER => "[filters.NAME]",
                        _ => "[global]",
                    }
            };
            assert!(home, "{key:?}");
        }
        assert_eq!(Key::Filter.words(), Filter::ALL.map(Filter::name));
        assert_eq!(Key::Mode.words(), Mode::ALL.map(Mode::name));
        assert_eq!(Key::Backend.words(), Backend::ALL.map(Backend::name));
        assert_eq!(Key::LogLevel.words(), LogLevel::ALL.map(LogLevel::name));
        assert_eq!(Key::OnStop.words(), OnStop::ALL.map(OnStop::name));
        assert_eq!(Key::Hook.words(), Hook::ALL.map(Hook::name));
        assert_eq!(Key::Verdict.words(), Verdict::ALL.map(Verdict::name));
        assert_eq!(Key::Foreign.words(), Foreign::ALL.map(Foreign::name));
    }
}
