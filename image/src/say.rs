//! What the daemon says of what happened.

use crate::log;
use crate::log::Log;
use crate::out::Printable;
use core::fmt;
use edgeban_core::addr::Family;
use edgeban_core::ban::{MANUAL, MANUAL_NAME};
use edgeban_core::config::model::Jail;
use edgeban_core::detect::custom::Filters;
use edgeban_core::engine::Decision;
use edgeban_core::event::Event;
use edgeban_core::firewall::backend::Link;
use edgeban_core::firewall::ipset;
use edgeban_core::limits;
use edgeban_core::time::Instant;
use edgeban_core::wire::nft::generation::Culprit;
use edgeban_core::wire::nft::scaffold::{self, Part};

/// Says what happened.
pub fn say(event: Event, jails: &[Jail], table: &str, link: &Link, now: Instant, log: &mut Log<'_>) {
    let held = Held(link, table);
    match event {
        Event::Ready => log!(log, Debug, "the kernel holds {held}"),
        Event::Banned { addr, jail, until } => banned(&addr, jail, until, jails, now, log),
        Event::PrefixBanned { prefix, jail, until } => banned(&prefix, jail, until, jails, now, log),
        Event::WouldBan { addr, jail, until } => {
            let name = jails.get(usize::from(jail)).map_or("?", |jail| &jail.name);
            match until {
                Some(until) => {
                    let secs = until.since(now).as_millis().div_ceil(1000);
                    log!(log, Info, "would ban {addr} by {name} for {secs}s: backend log-only")
                }
                None => log!(log, Info, "would ban {addr} by {name} for good: backend log-only"),
            }
        }
        Event::Unbanned { addr, expired } => unbanned(&addr, expired, log),
        Event::PrefixUnbanned { prefix, expired } => unbanned(&prefix, expired, log),
        Event::ScaffoldRefused { error, part } => {
            let text = KernelText(link.kernel_text());
            let hint = hint(error, part);
            log!(log, Error, "the kernel refused table inet {table}: {error}{text} at {}{hint}", Refused(part));
        }
        Event::BatchRefused { error, entries } => {
            let text = KernelText(link.kernel_text());
            log!(log, Error, "the kernel refused a batch of {entries}: {error}{text}; trying again");
        }
        Event::AnswerLost { entries } => {
            log!(log, Warning, "the kernel's answer to a batch of {entries} is lost; sending it again")
        }
        Event::SetRefused { error, step } => {
            let text = KernelText(link.kernel_text());
            log!(log, Error, "the kernel refused ipset's sets: {error}{text} at {}", ipset::step_name(step));
        }
        Event::ForeignTable => log!(
            log,
            Error,
            "table inet {table} exists and is not edgeban's: remove it or set another name in [global] table"
        ),
        Event::Unprotected { error } => log!(
            log,
            Warning,
            "the kernel cannot protect table inet {table} ({error}), Linux 6.9 can: watching it instead"
        ),
        Event::Disturbed { by, mends, lost } => {
            let then = if mends { "; putting it back" } else { "" };
            let what = if lost { "emptied or removed" } else { "changed" };
            log!(log, Warning, "{held} was {what} by {}{then}", By(by));
        }
        Event::Restored { bans, took, by } => {
            log!(
                log,
                Warning,
                "{held} is as it should be again, {took} after the change by {}, with {bans} bans",
                By(by)
            )
        }
        Event::TableLost => {
            log!(log, Warning, "{held} is gone from the kernel; installing it again with every ban")
        }
        Event::BanTableFull { addr } => {
            log!(log, Warning, "no room to ban {addr}: {} addresses are banned (limit BANS)", limits::BANS);
        }
        Event::RulesFull { addr } => log!(
            log,
            Warning,
            "no room to ban {addr}: the chain has {} rules (limit XT_RULES); backend nftables or ipset has more",
            limits::XT_RULES
        ),
        Event::Protected { addr, why } => log!(log, Warning, "{addr} is not banned: it is {why}"),
        Event::OwnFull => {
            log!(log, Warning, "this machine has too many addresses to protect them all (limit OWN = {})", limits::OWN)
        }
        Event::NeverInstalled { addr } => log!(log, Warning, "the ban of {addr} ended before the kernel took it"),
    }
}

fn banned(who: &dyn fmt::Display, jail: u8, until: Option<Instant>, jails: &[Jail], now: Instant, log: &mut Log<'_>) {
    let name = match jail {
        MANUAL => MANUAL_NAME,
        _ => jails.get(usize::from(jail)).map_or("?", |jail| &jail.name),
    };
    match until {
        Some(until) => {
            log!(log, Info, "banned {who} by {name} for {}s", until.since(now).as_millis().div_ceil(1000))
        }
        None => log!(log, Info, "banned {who} by {name} for good"),
    }
}

fn unbanned(who: &dyn fmt::Display, expired: bool, log: &mut Log<'_>) {
    log!(log, Info, "unbanned {who}{}", if expired { ": its time is over" } else { "" });
}

/// Says what a jail is there for.
pub fn introduce(jail: &Jail, filters: &Filters, log: &mut Log<'_>) {
    let Jail { name, filter, maxretry, findtime, .. } = jail;
    log!(log, Info, "jail {name}: filter {}, maxretry {maxretry} within {findtime}", filter.name(filters));
}

/// Says what a jail made of an attempt.
pub fn debug(log: &mut Log<'_>, jail: &Jail, addr: &dyn fmt::Display, decision: Decision) {
    let name = &jail.name;
    match decision {
        Decision::Ignored(why) => log!(log, Debug, "{name}: attempt of {addr}, {why}"),
        Decision::AlreadyBanned => log!(log, Debug, "{name}: attempt of {addr}, banned already"),
        Decision::Counted(n) => log!(log, Debug, "{name}: attempt of {addr}, {n} of {}", jail.maxretry),
        Decision::Ban(_) => log!(log, Debug, "{name}: attempt of {addr}, the last of {}: ban", jail.maxretry),
    }
}

/// What holds the bans, by its name in the kernel.
pub struct Held<'a>(pub &'a Link, pub &'a str);

impl fmt::Display for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(link, table) = self;
        match link {
            Link::Nftables(_) => write!(f, "table inet {table}"),
            Link::Iptables(rules) => write!(f, "chain {} of iptables and ip6tables", rules.chain()),
            Link::Ipset(_) => {
                let [v4, v6] = [Family::V4, Family::V6].map(|family| link.set_name(family).unwrap_or_default());
                write!(f, "ipset {v4} and {v6}")
            }
            Link::LogOnly => f.write_str("nothing (log-only)"),
        }
    }
}

/// The kernel's words in parentheses, if it had any.
pub struct KernelText<'a>(pub &'a str);

impl fmt::Display for KernelText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " (\"{}\")", self.0) }
    }
}

/// What the operator can do about an error of the scaffold's message.
pub const fn hint(error: edgeban_core::wire::reply::NetlinkError, part: Option<Part>) -> &'static str {
    use edgeban_core::wire::reply::NetlinkError as E;
    match (error, part) {
        (E::ENOENT, Some(Part::Chain)) => "; is there such a device ([global] devices)?",
        (E::EPERM, _) => "; edgeban needs root or CAP_NET_ADMIN, and the table must not be another program's",
        (E::EOPNOTSUPP | E::EINVAL, None | Some(Part::Table)) => {
            "; does the kernel have nf_tables (CONFIG_NF_TABLES, CONFIG_NF_TABLES_INET)?"
        }
        // A chain of another hook is EOPNOTSUPP.
        (E::EEXIST | E::EOPNOTSUPP | E::EINVAL, _) => {
            "; a table of this name with another layout exists: remove it or set another name in [global] table"
        }
        _ => "",
    }
}

/// What the kernel refused of the scaffold.
pub struct Refused(pub Option<Part>);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            None => "the batch as a whole",
            Some(Part::Table) => "the table",
            Some(Part::Set(family)) => return write!(f, "set {}", scaffold::set(family)),
            Some(Part::Prefixes(family)) => return write!(f, "set {} or its rule", scaffold::prefix_set(family)),
            Some(Part::Chain) => "the chain",
            Some(Part::Rule(family)) => return write!(f, "the rule of set {}", scaffold::set(family)),
        })
    }
}

/// A process that changed the ruleset.
pub struct By(pub Culprit);

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.pid {
            0 => f.write_str("somebody"),
            pid => write!(f, "{} (pid {pid})", Printable(self.0.name())),
        }
    }
}
