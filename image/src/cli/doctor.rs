//! `edgeban doctor`: what does this kernel offer, and what would be chosen?

use super::list::{Trouble, ask, next};
use super::options::{Common, Options, Usage};
use crate::arena::Arena;
use crate::config::{self, Space};
use crate::exit;
use crate::firewall::trial;
use crate::json::Object;
use crate::out::Out;
use crate::put;
use crate::say::{Refused, hint};
use crate::source::feeds;
use crate::xtables::{self, Stuck};
use core::ffi::CStr;
use core::fmt::{self, Display};
use edgeban_core::addr::Family;
use edgeban_core::config::model::Backend;
use edgeban_core::firewall::backend::unsupported;
use edgeban_core::firewall::nft::Layout;
use edgeban_core::firewall::xt;
use edgeban_core::source::feed::{Fault, Feed};
use edgeban_core::wire::ipset::SetType;
use edgeban_core::wire::ipset::answer::{Answers, Body};
use edgeban_core::wire::ipset::kernel::GetType;
use edgeban_core::wire::nft::scaffold;
use edgeban_core::wire::nft::set::GetSet;
use edgeban_core::wire::nft::table::GetTable;
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::{NetlinkError, Replies, Reply};
use edgeban_core::wire::uapi::ip_set::IPSET_PROTOCOL_MIN;
use edgeban_linux::Errno;
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::file::{self, OpenFlags};
use edgeban_linux::inotify::Inotify;
use edgeban_linux::netlink::Netlink;
use edgeban_linux::xtables::Xtables;

/// `CAP_NET_ADMIN` and `CAP_NET_RAW` of `linux/capability.h`.
const CAPABILITIES: [(&str, u32); 2] = [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13)];

struct Report<'o, 'b> {
    out: &'o mut Out<'b>,
    json: bool,
}

impl Report<'_, '_> {
    /// One line; returns whether it is good.
    #[inline(never)]
    fn say(&mut self, check: &str, ok: bool, says: &dyn Display) -> bool {
        if self.json {
            Object::new(self.out).text("check", &check).plain("ok", &ok).text("says", says).end();
        } else {
            put!(self.out, "{} {check:<16} {says}\n", if ok { "ok " } else { "NO " });
        }
        ok
    }
}

/// Runs the verb.
pub fn run(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let Common { path, json } = options.common()?;
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let Arena { config, config_text: text, config_tokens: tokens, output, answer, tables, .. } = arena;
    if let Err(code) = config::load(path, Space { text, tokens }, config, &mut |line| put!(&mut err, "{line}\n")) {
        err.flush();
        return Ok(code);
    }
    let mut out = Out::new(BorrowedFd::STDOUT, output);
    let mut report = Report { out: &mut out, json };
    let layout = config.global.layout();
    capabilities(&mut report);
    let (nftables, foreign) = nftables(&mut report, &layout, answer);
    let iptables = iptables(&mut report, &layout, tables);
    let ipset = ipset(&mut report, iptables, answer);
    let usable = |backend: &Backend| {
        unsupported(*backend, &layout).is_none()
            && match backend {
                Backend::Nftables => nftables,
                Backend::Iptables => iptables,
                Backend::Ipset => ipset,
                Backend::LogOnly => true,
                Backend::Auto => false,
            }
    };
    let wanted = config.global.backend;
    let chosen = match wanted {
        // Somebody else's table of our name is no reason for another backend.
        Backend::Auto | Backend::Nftables if foreign => None,
        Backend::Auto => Backend::CHAIN.into_iter().find(usable),
        _ => Some(wanted).filter(usable),
    };
    let name = chosen.map_or("none", Backend::name);
    report.say("backend", chosen.is_some(), &format_args!("{name} would be chosen (backend = \"{}\")", wanted.name()));
    for backend in Backend::CHAIN {
        if let Some(setting) = unsupported(backend, &layout) {
            report.say(backend.name(), false, &format_args!("not with these settings: {}", setting.text()));
        }
    }
    let inotify = Inotify::new().map(drop);
    report.say("inotify", inotify.is_ok(), &Outcome(inotify));
    let enabled = || config.jails.iter().filter(|jail| jail.enabled);
    for (number, jail) in enabled().enumerate() {
        for path in &jail.logpath {
            if enabled().take(number).any(|jail| jail.logpath.contains(path)) {
                continue;
            }
            if let Some(feed) = Feed::from_name(path) {
                let fault = feeds::probe(feed, config);
                let waits = fault == Some(Fault::Missing);
                let says: &dyn Display = match fault {
                    None => &Outcome(Ok(())),
                    Some(Fault::Missing) => &"not there, it would be waited for",
                    Some(fault) => &fault.text(),
                };
                report.say("log", fault.is_none() || waits, &format_args!("{path}: {says}"));
                continue;
            }
            let readable = readable(path);
            let waits = readable == Err(Errno::ENOENT);
            let says: &dyn Display = if waits { &"not there, it would be waited for" } else { &Outcome(readable) };
            report.say("log", readable.is_ok() || waits, &format_args!("{path}: {says}"));
        }
    }
    if config.global.kill_connections {
        let flows = file::open(c"/proc/sys/net/netfilter/nf_conntrack_max", OpenFlags::READ_ONLY, 0).map(drop);
        report.say("conntrack", flows.is_ok(), &Outcome(flows));
        let sockets = Netlink::sock_diag().map(drop);
        report.say("sock_diag", sockets.is_ok(), &Outcome(sockets));
    }
    let printed = out.finish().is_ok();
    Ok(match (printed, chosen) {
        (false, _) => exit::INPUT,
        (true, None) => exit::FIREWALL,
        (true, Some(_)) => exit::OK,
    })
}

struct Outcome(Result<(), Errno>);

impl Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Ok(()) => f.write_str("there"),
            Err(error) => error.fmt(f),
        }
    }
}

fn readable(path: &str) -> Result<(), Errno> {
    let mut name = [0; edgeban_core::limits::PATH + 1];
    let room = name.get_mut(..path.len()).ok_or(Errno::ENAMETOOLONG)?;
    room.copy_from_slice(path.as_bytes());
    let name = CStr::from_bytes_until_nul(&name).map_err(|_| Errno::ENAMETOOLONG)?;
    file::open(name, OpenFlags::READ_ONLY, 0).map(drop)
}

/// Which rights this process has, by its `status` in /proc.
fn capabilities(report: &mut Report<'_, '_>) {
    let mut buffer = [0; 4096];
    let status = file::open(c"/proc/self/status", OpenFlags::READ_ONLY, 0)
        .and_then(|status| file::read(status.as_fd(), &mut buffer));
    let status = buffer.get(..status.unwrap_or(0)).unwrap_or_default();
    let line = status.split(|&b| b == b'\n').find_map(|line| line.strip_prefix(b"CapEff:\t"));
    let bits = line.and_then(|digits| u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok());
    for (name, bit) in CAPABILITIES {
        let has = bits.is_some_and(|bits| bits >> bit & 1 == 1);
        let says = if has { "there" } else { "missing: run it as root, or nothing can be banned" };
        report.say(name, has, &says);
    }
}

/// Whether nf_tables would take our table, and whether somebody else has one of its name.
fn nftables(report: &mut Report<'_, '_>, layout: &Layout, answer: &mut [u8]) -> (bool, bool) {
    let mut trial = |protect| trial(layout, protect, &mut [0; 4096], answer).map_err(Trouble::Socket);
    let plain = match trial(false) {
        Ok(plain) => plain,
        Err(trouble) => return (report.say("nftables", false, &trouble), false),
    };
    let good = match plain.error {
        None => report.say("nftables", plain.is_good(), &"takes edgeban's whole table"),
        Some((error, part)) => {
            report.say("nftables", false, &format_args!("{error} at {}{}", Refused(part), hint(error, part)))
        }
    };
    if good {
        let owned = trial(true).is_ok_and(|trial| trial.is_good());
        let says =
            if owned { "can be protected from others" } else { "cannot be protected from others, Linux 6.9 can" };
        report.say("protection", owned, &says);
    }
    let [mut table, mut sets] = [0; 2];
    let table_name = &layout.table;
    let asked = ask(|w| {
        GetTable { name: table_name }.emit(1, w)?;
        GetSet { table: table_name, name: scaffold::SET_V4 }.emit(2, w)?;
        GetSet { table: table_name, name: scaffold::SET_V6 }.emit(3, w)
    });
    if let Ok(netlink) = asked {
        while let Ok(datagram) = next(&netlink, answer) {
            for reply in Replies::new(datagram).flatten() {
                match reply {
                    Reply::Other { .. } => table += 1,
                    Reply::Set { seq, shape } => {
                        let family = if seq == 2 { Family::V4 } else { Family::V6 };
                        sets += u32::from(shape.holds_addresses(family));
                    }
                    _ => {}
                }
            }
        }
    }
    let foreign = table > 0 && sets < 2;
    let says = match (table, foreign) {
        (0, _) => "is not there",
        (_, false) => "is there, and edgeban's",
        (_, true) => "is there, and not edgeban's: remove it or set another name in [global] table",
    };
    report.say("table", !foreign, &format_args!("inet {table_name} {says}"));
    (true, foreign)
}

/// Whether the tables of legacy iptables are there, or may be.
fn iptables(report: &mut Report<'_, '_>, layout: &Layout, buffers: &mut xtables::Buffers) -> bool {
    let Some(link) = xt::Link::new(&layout.table, layout.hook, layout.widths, xt::Holds::Set) else { return false };
    let table = link.table();
    let mut good = true;
    for (family, name) in [(Family::V4, "iptables"), (Family::V6, "ip6tables")] {
        let names = xtables::names(family, &mut [0; 128]).map(drop);
        let set_up = xtables::is_set_up(family, table);
        good &= match (Xtables::open(xtables::protocol(family)), names) {
            (Err(Errno::EAFNOSUPPORT), _) => report.say(name, true, &"no such protocol here, so nothing to drop"),
            (Err(error), _) => report.say(name, false, &format_args!("raw socket: {error}")),
            (_, Err(error)) => report.say(name, false, &Stuck::missing(error)),
            _ if set_up => match xtables::look(family, table, buffers) {
                Ok(_) => report.say(name, true, &format_args!("table {table} is there")),
                Err(stuck) => report.say(name, false, &stuck),
            },
            _ => {
                report.say(name, true, &format_args!("table {table} is not set up yet; the kernel does so when asked"))
            }
        };
    }
    good
}

/// Whether ipset has the type that is needed, and iptables the match.
fn ipset(report: &mut Report<'_, '_>, iptables: bool, answer: &mut [u8]) -> bool {
    let found = |answer| {
        let get = GetType { kind: SetType::HashIp, family: Family::V4 };
        let netlink = ask(|w| get.emit(IPSET_PROTOCOL_MIN, Tag::silent(1), w))?;
        match Answers::new(next(&netlink, answer)?).next() {
            Some(Ok(answer)) => match answer.body {
                Body::Type(_) => Ok(()),
                Body::Reply(Reply::Error { error, .. }, _) => Err(Trouble::Kernel(error)),
                _ => Err(Trouble::Garbled),
            },
            _ => Err(Trouble::Garbled),
        }
    };
    if let Err(trouble) = found(answer) {
        let hint = match trouble {
            Trouble::Kernel(NetlinkError::EPERM) => "",
            Trouble::Kernel(_) => "; the kernel lacks ipset (ip_set, ip_set_hash_ip)",
            _ => "",
        };
        return report.say("ipset", false, &format_args!("{trouble}{hint}"));
    }
    let revision = Xtables::open(xtables::protocol(Family::V4)).and_then(|socket| xtables::revision(&socket));
    match revision {
        Ok(_) if iptables => report.say("ipset", true, &"type hash:ip and match set are there"),
        Ok(_) => report.say("ipset", false, &"needs the tables of iptables for its rule"),
        Err(error) => report.say("ipset", false, &format_args!("iptables has no match set (xt_set): {error}")),
    }
}
