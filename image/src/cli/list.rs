//! `edgeban list`: who is banned, by the kernel's own account.

use super::client::Name;
use super::options::{Common, Options, Usage};
use super::printed;
use crate::arena::Arena;
use crate::config::{self, Space};
use crate::exit;
use crate::json::Object;
use crate::out::Out;
use crate::put;
use crate::xtables::{self, Stuck};
use core::fmt;
use edgeban_core::addr::{Family, Widths};
use edgeban_core::config::model::Backend;
use edgeban_core::firewall::ipset;
use edgeban_core::firewall::nft::Layout;
use edgeban_core::firewall::xt::{self, View};
use edgeban_core::wire::buf::{Full, Writer};
use edgeban_core::wire::ipset::answer::{Answers, Body};
use edgeban_core::wire::ipset::set::Command;
use edgeban_core::wire::nft::elem::{Element, GetElements};
use edgeban_core::wire::nft::ranges::Ranges;
use edgeban_core::wire::nft::scaffold;
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::{NetlinkError, Replies, Reply};
use edgeban_core::wire::uapi::ip_set::IPSET_PROTOCOL_MIN;
use edgeban_linux::Errno;
use edgeban_linux::fd::BorrowedFd;
use edgeban_linux::netlink::{Netlink, Received};

/// The request's sequence number; a socket of its own has no other.
const SEQ: u32 = 1;

/// Why there is no list.
pub enum Trouble {
    /// Nothing of our name is there.
    Absent,
    Socket(Errno),
    Kernel(NetlinkError),
    Table(Stuck),
    Garbled,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("it is not there"),
            Self::Socket(error) => write!(f, "netlink: {error}"),
            Self::Kernel(error) => error.fmt(f),
            Self::Table(stuck) => stuck.fmt(f),
            Self::Garbled => f.write_str("the kernel's answer is not understood"),
        }
    }
}

/// Where the list goes.
struct Rows<'b> {
    out: Out<'b>,
    json: bool,
}

impl Rows<'_> {
    /// One ban: how many seconds are left of it, if it has an end at all (then `None` is none), and what it stopped.
    fn row(&mut self, who: &dyn fmt::Display, left: Option<Option<u64>>, counter: Option<(u64, u64)>) {
        let out = &mut self.out;
        if self.json {
            let mut object = Object::new(out).text("address", who);
            if let Some(left) = left {
                object = object.seconds("left", left);
            }
            if let Some((packets, bytes)) = counter {
                object = object.plain("packets", &packets).plain("bytes", &bytes);
            }
            object.end();
            return;
        }
        put!(out, "{who}");
        match left {
            Some(Some(secs)) => put!(out, " {secs}s"),
            Some(None) => put!(out, " permanent"),
            None => {}
        }
        if let Some((packets, bytes)) = counter {
            put!(out, " {packets} packets {bytes} bytes");
        }
        put!(out, "\n");
    }

    /// An element of nf_tables.
    fn element(&mut self, who: &dyn fmt::Display, element: &Element) {
        self.row(who, Some(element.expiration.map(|left| left.as_millis().div_ceil(1000))), element.counter);
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
    let mut rows = Rows { out: Out::new(BorrowedFd::STDOUT, output), json };
    let layout = config.global.layout();
    let table = &layout.table;
    let backends = match config.global.backend {
        Backend::Auto => &[Backend::Nftables, Backend::Ipset, Backend::Iptables][..],
        Backend::LogOnly => {
            put!(&mut err, "edgeban: backend log-only bans nobody\n");
            err.flush();
            return Ok(exit::OK);
        }
        ref backend => core::slice::from_ref(backend),
    };
    let mut trouble = Trouble::Absent;
    for backend in backends {
        let result = match backend {
            Backend::Iptables => rules(&layout, tables, &mut rows),
            backend => [Family::V4, Family::V6].into_iter().try_fold(false, |changed, family| {
                let this = if *backend == Backend::Ipset {
                    set(table, family, answer, &mut rows)
                } else {
                    table_of(&layout, family, answer, &mut rows)
                };
                this.map(|this| changed | this)
            }),
        };
        match result {
            Ok(changed) => {
                if changed {
                    put!(
                        &mut err,
                        "edgeban: the set changed while it was listed: the list may miss or repeat addresses\n"
                    );
                    err.flush();
                }
                return Ok(printed(rows.out));
            }
            Err(Trouble::Absent | Trouble::Kernel(NetlinkError::ENOENT)) => {}
            Err(other) => trouble = other,
        }
    }
    rows.out.flush();
    match trouble {
        Trouble::Absent => {
            put!(&mut err, "edgeban: the kernel holds nothing named {table}: edgeban does not run here\n")
        }
        trouble => put!(&mut err, "edgeban: the kernel does not list {table}: {trouble}\n"),
    }
    err.flush();
    Ok(exit::FIREWALL)
}

/// Lists the rules of our chain.
fn rules(layout: &Layout, buffers: &mut xtables::Buffers, rows: &mut Rows<'_>) -> Result<bool, Trouble> {
    let link = xt::Link::new(&layout.table, layout.hook, layout.widths, xt::Holds::Set).ok_or(Trouble::Absent)?;
    let mut found = false;
    for family in [Family::V4, Family::V6] {
        // Asking for a table that nobody set up would do so.
        if !xtables::is_set_up(family, link.table()) {
            continue;
        }
        let (info, entries) = xtables::look(family, link.table(), buffers).map_err(Trouble::Table)?;
        let view = View::new(family, &info, entries).map_err(|_| Trouble::Garbled)?;
        found |= view.has(link.chain());
        for (source, counters) in view.banned(link.chain()).map_err(|_| Trouble::Garbled)? {
            rows.row(&Name(&source), None, Some((counters.packets, counters.bytes)));
        }
    }
    if found { Ok(false) } else { Err(Trouble::Absent) }
}

/// Sends a request through a socket of its own.
pub fn ask(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Result<Netlink, Trouble> {
    let netlink = Netlink::netfilter().map_err(Trouble::Socket)?;
    let mut request = [0; 4096];
    let mut w = Writer::new(&mut request);
    write(&mut w).map_err(|_| Trouble::Garbled)?;
    netlink.send(w.written()).map_err(Trouble::Socket)?;
    Ok(netlink)
}

/// The next datagram of the answer.
pub fn next<'b>(netlink: &Netlink, answer: &'b mut [u8]) -> Result<&'b [u8], Trouble> {
    match netlink.receive(answer) {
        Ok(Received::Datagram(datagram)) => Ok(datagram),
        Ok(_) => Err(Trouble::Garbled),
        Err(error) => Err(Trouble::Socket(error)),
    }
}

/// Lists one set of ipset.
fn set(table: &str, family: Family, answer: &mut [u8], rows: &mut Rows<'_>) -> Result<bool, Trouble> {
    let name = ipset::Link::new(table).set_name(family);
    let netlink = ask(|w| Command::List.emit(&name, IPSET_PROTOCOL_MIN, Tag::silent(SEQ), w))?;
    loop {
        for reply in Answers::new(next(&netlink, answer)?) {
            match reply.map_err(|_| Trouble::Garbled)?.body {
                Body::Reply(Reply::Done { error: Some(error), .. } | Reply::Error { error, .. }, _) => {
                    return Err(Trouble::Kernel(error));
                }
                Body::Reply(Reply::Done { .. }, _) => return Ok(false),
                Body::Part(part) => {
                    for member in part {
                        let member = member.map_err(|_| Trouble::Garbled)?;
                        rows.row(&member.addr, Some(member.timeout.filter(|secs| *secs > 0).map(u64::from)), None);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Lists a family's addresses and prefixes of nf_tables. Returns whether they changed meanwhile.
fn table_of(layout: &Layout, family: Family, answer: &mut [u8], rows: &mut Rows<'_>) -> Result<bool, Trouble> {
    let bits = layout.widths.of(family);
    let changed = dump(&layout.table, scaffold::set(family), answer, &mut |element| {
        let addr = element.addr(family).ok_or(Trouble::Garbled)?;
        // The key's last bits may be none of the prefix.
        let bits = if bits.div_ceil(8) == element.key_len() { bits } else { 8 * element.key_len() };
        match bits < Widths::FULL.of(family) {
            true => rows.element(&format_args!("{addr}/{bits}"), element),
            false => rows.element(&addr, element),
        }
        Ok(())
    })?;
    match prefixes(&layout.table, family, answer, rows) {
        // There are such sets only once a prefix was banned.
        Err(Trouble::Kernel(NetlinkError::ENOENT)) => Ok(changed),
        result => result.map(|prefixes| changed | prefixes),
    }
}

/// Lists a family's prefixes, which somebody banned by hand; a range of somebody else's is as many as it takes.
fn prefixes(table: &str, family: Family, answer: &mut [u8], rows: &mut Rows<'_>) -> Result<bool, Trouble> {
    let mut ranges = Ranges::new();
    let changed = dump(table, scaffold::prefix_set(family), answer, &mut |element| {
        ranges.push(element);
        Ok(())
    })?;
    ranges.prefixes(family, &mut |prefix, element| {
        rows.element(&prefix, element);
    });
    Ok(changed | ranges.overflow())
}

/// Lists one set. Returns whether it changed meanwhile: the kernel lists it piece by piece, as it is received.
fn dump(
    table: &str,
    set: &str,
    answer: &mut [u8],
    take: &mut dyn FnMut(&Element) -> Result<(), Trouble>,
) -> Result<bool, Trouble> {
    let netlink = ask(|w| GetElements { table, set }.emit(SEQ, w))?;
    let mut changed = false;
    loop {
        for reply in Replies::new(next(&netlink, answer)?) {
            match reply.map_err(|_| Trouble::Garbled)? {
                Reply::Done { error: Some(error), .. } | Reply::Error { error, .. } => {
                    return Err(Trouble::Kernel(error));
                }
                Reply::Done { interrupted, .. } => return Ok(changed | interrupted),
                Reply::Elements { interrupted, elements, .. } => {
                    changed |= interrupted;
                    for element in elements {
                        take(&element.map_err(|_| Trouble::Garbled)?)?;
                    }
                }
                _ => {}
            }
        }
    }
}
