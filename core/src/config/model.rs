//! The settings as the rest of the program sees them: every jail complete, `[defaults]` already applied.

use crate::addr::{Addr, Prefix, Widths};
use crate::ban::ladder::Growth;
use crate::detect::custom::Filters;
use crate::detect::{JailFilter, Mode};
use crate::firewall::nft::{Foreign, Layout};
use crate::limits;
use crate::own::LOOPBACK;
use crate::source::journal::Matches;
use crate::time::Duration;
use crate::wire::nft::chain::{Device, Hook};
use crate::wire::nft::rule::Verdict;
use core::fmt;
use heapless::{String, Vec};

/// A whole configuration.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Config {
    /// `[global]`.
    pub global: Global,
    /// The enabled and disabled `[jails.NAME]`, in the file's order.
    pub jails: Vec<Jail, { limits::JAILS }>,
    /// `[filters.NAME]`.
    pub filters: Filters,
    /// `[journal]`.
    pub journal: Journal,
    /// `bantime` of `[defaults]`: what holds for a ban by hand that names neither a time nor a jail.
    pub bantime: BanTime,
}

impl Config {
    /// Nothing at all, all zero bytes: what lies in static memory (`.bss`) until [`read`](super::read) or
    /// [`defaults`](super::defaults) fills it.
    pub const EMPTY: Self = Self {
        global: Global {
            table: String::new(),
            backend: Backend::Auto,
            log_level: LogLevel::Error,
            on_stop: OnStop::Keep,
            kill_connections: false,
            hook: Hook::Input,
            devices: Vec::new(),
            verdict: Verdict::Drop,
            counters: false,
            widths: Widths { v4: 0, v6: 0 },
            protect_table: false,
            foreign: Foreign::Keep,
            control_group: ControlGroup::Nobody,
            run_dir: String::new(),
            state_dir: String::new(),
            state_sync: Duration::ZERO,
            web: None,
            web_token: String::new(),
        },
        jails: Vec::new(),
        filters: Filters::new(),
        journal: Journal { directory: String::new() },
        bantime: BanTime::For(Duration::ZERO),
    };

    /// Whether any jail needs this machine's own addresses.
    #[must_use]
    pub fn wants_addresses(&self) -> bool {
        self.jails.iter().any(|jail| jail.enabled && jail.ignoreself)
    }

    /// Whether devices that come are to be heard of: kernels before 6.16 do not put them back into a chain.
    #[must_use]
    pub fn wants_devices(&self) -> bool {
        self.global.hook == Hook::Ingress
    }
}

/// `[global]`: settings of the daemon as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Global {
    /// `table`: the nf_tables table of family `inet` that edgeban owns; the name of its chains and sets elsewhere.
    pub table: String<{ limits::TABLE_NAME }>,
    /// `backend`: what of the kernel holds the bans.
    pub backend: Backend,
    /// `log_level`.
    pub log_level: LogLevel,
    /// `on_stop`: what a clean end does with the table.
    pub on_stop: OnStop,
    /// `kill_connections`: whether a ban also ends the connections that are open.
    pub kill_connections: bool,
    /// `hook`: where packets are dropped.
    pub hook: Hook,
    /// `devices` of hook `ingress`.
    pub devices: Vec<Device, { limits::DEVICES }>,
    /// `verdict`: what becomes of them.
    pub verdict: Verdict,
    /// `counters`: whether each ban counts what it stopped.
    pub counters: bool,
    /// `ipv4_prefix`, `ipv6_prefix`: how many bits of an address are counted and banned as one.
    pub widths: Widths,
    /// `protect_table`: whether nobody else may change the table.
    pub protect_table: bool,
    /// `foreign`: what becomes of elements that others put into our sets.
    pub foreign: Foreign,
    /// `control_group`: who besides root may ask the running daemon.
    pub control_group: ControlGroup,
    /// `run_dir`: the absolute path, without a slash at its end, of the directory with the lock and the control socket.
    pub run_dir: String<{ limits::RUN_DIR }>,
    /// `state_dir`: the same of the directory with the state file; empty if nothing is to survive.
    pub state_dir: String<{ limits::STATE_DIR }>,
    /// `state_sync`: what a power cut may lose at most.
    pub state_sync: Duration,
    /// `web`: where the page and the metrics are.
    pub web: Option<Listen>,
    /// `web_token`: what may lift bans there, and what is needed to read from elsewhere; empty is none.
    pub web_token: String<{ limits::WEB_TOKEN }>,
}

impl Global {
    /// What of it the packet filter is about.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout {
            table: self.table.clone(),
            hook: self.hook,
            devices: self.devices.clone(),
            verdict: self.verdict,
            widths: self.widths,
            counters: self.counters,
            protect: self.protect_table,
            foreign: self.foreign,
        }
    }
}

/// A group of users.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum ControlGroup {
    /// None.
    #[default]
    Nobody,
    /// That of this number.
    Number(u32),
    /// That of this name.
    Name(String<{ limits::GROUP_NAME }>),
}

/// An address and a port to listen at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The address.
    pub addr: Addr,
    /// The port.
    pub port: u16,
}

impl Listen {
    /// Reads `192.0.2.1:80` or `[2001:db8::1]:80`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (addr, port) = text.rsplit_once(':')?;
        let addr = match addr.strip_prefix('[') {
            Some(rest) => Addr::parse(rest.strip_suffix(']')?.as_bytes()).ok()?,
            None => Addr::parse(addr.as_bytes()).ok().filter(|addr| addr.as_v4().is_some())?,
        };
        let port = port.parse().ok().filter(|port| *port > 0)?;
        Some(Self { addr, port })
    }

    /// Whether only this machine can connect to it.
    #[must_use]
    pub fn is_local(&self) -> bool {
        LOOPBACK
            .into_iter()
            .any(|(addr, len)| Prefix::new(addr, len).is_ok_and(|loopback| loopback.contains(self.addr)))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { addr, port } = self;
        if addr.as_v4().is_some() { write!(f, "{addr}:{port}") } else { write!(f, "[{addr}]:{port}") }
    }
}

/// `[journal]`: where systemd's journal is.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Journal {
    /// `directory`: an absolute path without a slash at its end; empty for journald's own.
    pub directory: String<{ limits::JOURNAL_DIRECTORY }>,
}

/// What holds the bans.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Backend {
    /// The first of nftables, iptables and ipset that this kernel offers.
    #[default]
    Auto,
    /// A table of nf_tables with a set for each family.
    Nftables,
    /// A rule for each address in a chain of legacy iptables and ip6tables.
    Iptables,
    /// A set of ipset for each family, and a rule of legacy iptables that looks into it.
    Ipset,
    /// Nothing does: bans are only logged.
    LogOnly,
}

/// How much the daemon says on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LogLevel {
    /// Only what needs the operator.
    Error,
    /// Also what may.
    Warning,
    /// Also each ban and unban, start and stop.
    #[default]
    Info,
    /// Also each counted attempt.
    Debug,
}

/// What a clean end (SIGTERM) does with the kernel's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum OnStop {
    /// Leave it: bans run out by their kernel timeouts, and a restart has no gap.
    #[default]
    Keep,
    /// Delete the table and with it every ban.
    Remove,
}

/// `[jails.NAME]` with the defaults applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Jail {
    /// The table's name, `[A-Za-z0-9_.-]+`.
    pub name: String<{ limits::JAIL_NAME }>,
    /// `enabled`.
    pub enabled: bool,
    /// `filter`: which service's messages count.
    pub filter: JailFilter,
    /// `mode`: how much of them.
    pub mode: Mode,
    /// `logpath`: absolute paths, and names of [feeds](crate::source::feed::Feed).
    pub logpath: Vec<String<{ limits::PATH }>, { limits::LOGPATHS }>,
    /// `journalmatch`.
    pub journalmatch: Matches,
    /// `maxretry`: attempts within `findtime` that ban, at least 1.
    pub maxretry: u32,
    /// `findtime`.
    pub findtime: Duration,
    /// `bantime`.
    pub bantime: BanTime,
    /// How it grows: `bantime_increment` and its like.
    pub growth: Growth,
    /// `ignoreip`: never counted, never banned.
    pub ignoreip: Vec<Prefix, { limits::IGNOREIP }>,
    /// `ignoreself`: so are this machine's own addresses and its default gateways.
    pub ignoreself: bool,
}

/// How long a ban lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BanTime {
    /// For this long.
    For(Duration),
    /// Until somebody lifts it (`bantime = "permanent"`, or fail2ban's `-1`).
    Permanent,
}

impl Default for BanTime {
    /// fail2ban's.
    fn default() -> Self {
        Self::For(Duration::from_secs(600))
    }
}

impl Default for Global {
    fn default() -> Self {
        let (mut table, mut run_dir, mut state_dir) = (String::new(), String::new(), String::new());
        // All are shorter than the capacity, so none can fail.
        let _ = table.push_str("edgeban");
        let _ = run_dir.push_str("/run/edgeban");
        let _ = state_dir.push_str("/var/lib/edgeban");
        Self {
            table,
            backend: Backend::default(),
            log_level: LogLevel::default(),
            on_stop: OnStop::default(),
            kill_connections: false,
            hook: Hook::default(),
            devices: Vec::new(),
            verdict: Verdict::default(),
            counters: false,
            widths: Widths::FULL,
            protect_table: false,
            foreign: Foreign::default(),
            control_group: ControlGroup::default(),
            run_dir,
            state_dir,
            state_sync: Duration::from_secs(10),
            web: None,
            web_token: String::new(),
        }
    }
}

impl Backend {
    /// Every backend.
    pub const ALL: [Self; 5] = [Self::Auto, Self::Nftables, Self::Iptables, Self::Ipset, Self::LogOnly];

    /// The backends that [`Backend::Auto`] tries, in this order: the seed's.
    pub const CHAIN: [Self; 3] = [Self::Nftables, Self::Iptables, Self::Ipset];

    /// The backend's name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Nftables => "nftables",
            Self::Iptables => "iptables",
            Self::Ipset => "ipset",
            Self::LogOnly => "log-only",
        }
    }
}

impl LogLevel {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::Error, Self::Warning, Self::Info, Self::Debug];

    /// The level's name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl OnStop {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Keep, Self::Remove];

    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

// It lives in static memory, and a reload reads the next into it; the engine has a copy of the running jails.
static_assertions::const_assert!(size_of::<Config>() < 224 * 1024);
