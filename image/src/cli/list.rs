//! `edgeban list`: who is banned, by the kernel's own account.

use super::{Options, Usage, config_only};
use crate::arena::Arena;
use crate::config::{self, Space};
use crate::exit;
use crate::out::Out;
use crate::put;
use edgeban_core::addr::{Family, Widths};
use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::nft::elem::{Element, GetElements};
use edgeban_core::wire::nft::ranges::Ranges;
use edgeban_core::wire::nft::scaffold;
use edgeban_core::wire::reply::{NetlinkError, Replies, Reply};
use edgeban_linux::Errno;
use edgeban_linux::fd::BorrowedFd;
use edgeban_linux::netlink::{Netlink, Received};

const HELP: &str = "\
edgeban list [--config FILE]

Shows the addresses and prefixes that the kernel holds banned in edgeban's table, one a line with the time that is left,
as the kernel says now. Needs root (CAP_NET_ADMIN).

  --config FILE   names the table; /etc/edgeban/edgeban.toml if not given
";

/// The request's sequence number; a socket of its own has no other.
const SEQ: u32 = 1;

enum Trouble {
    Socket(Errno),
    Kernel(NetlinkError),
    Garbled,
}

/// Runs the verb.
pub fn run(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let path = match config_only(options, HELP)? {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let Arena { config, config_text: text, config_tokens: tokens, output, answer, .. } = arena;
    if let Err(code) = config::load(path, Space { text, tokens }, config, &mut err) {
        err.flush();
        return Ok(code);
    }
    let mut out = Out::new(BorrowedFd::STDOUT, output);
    let table = config.global.table.as_str();
    for (family, prefixes) in [(Family::V4, false), (Family::V6, false), (Family::V4, true), (Family::V6, true)] {
        let result = if prefixes {
            list_prefixes(table, family, answer, &mut out)
        } else {
            list(table, family, config.global.widths, answer, &mut out)
        };
        let trouble = match result {
            Ok(false) => continue,
            // There are such sets only once a prefix was banned.
            Err(Trouble::Kernel(NetlinkError::ENOENT)) if prefixes => continue,
            Ok(true) => {
                put!(&mut err, "edgeban: the set changed while it was listed: the list may miss or repeat addresses\n");
                err.flush();
                continue;
            }
            Err(trouble) => trouble,
        };
        out.flush();
        match trouble {
            Trouble::Kernel(NetlinkError::ENOENT) => {
                put!(&mut err, "edgeban: the kernel has no table inet {table}: edgeban does not run here\n");
            }
            Trouble::Kernel(error) => put!(&mut err, "edgeban: the kernel does not list table inet {table}: {error}\n"),
            Trouble::Socket(error) => put!(&mut err, "edgeban: netlink: {error}\n"),
            Trouble::Garbled => put!(&mut err, "edgeban: the kernel's list is not understood\n"),
        }
        err.flush();
        return Ok(exit::FIREWALL);
    }
    Ok(if out.finish().is_ok() { exit::OK } else { exit::INPUT })
}

/// Lists a family's addresses. Returns whether they changed meanwhile.
fn list(table: &str, family: Family, widths: Widths, answer: &mut [u8], out: &mut Out<'_>) -> Result<bool, Trouble> {
    dump(table, scaffold::set(family), answer, &mut |element| {
        let addr = element.addr(family).ok_or(Trouble::Garbled)?;
        put!(out, "{addr}");
        // The key's last bits may be none of the prefix.
        let bits = match widths.of(family) {
            bits if bits.div_ceil(8) == element.key_len() => bits,
            _ => 8 * element.key_len(),
        };
        if bits < Widths::FULL.of(family) {
            put!(out, "/{bits}");
        }
        rest(element, out);
        Ok(())
    })
}

/// Lists a family's prefixes, which somebody banned by hand; a range of somebody else's is as many as it takes.
fn list_prefixes(table: &str, family: Family, answer: &mut [u8], out: &mut Out<'_>) -> Result<bool, Trouble> {
    let mut ranges = Ranges::new();
    let changed = dump(table, scaffold::prefix_set(family), answer, &mut |element| {
        ranges.push(element);
        Ok(())
    })?;
    ranges.prefixes(family, &mut |prefix, element| {
        put!(out, "{prefix}");
        rest(element, out);
    });
    Ok(changed | ranges.overflow())
}

/// Ends an element's line.
fn rest(element: &Element, out: &mut Out<'_>) {
    match element.expiration {
        Some(left) => put!(out, " {}s", left.as_millis().div_ceil(1000)),
        None => put!(out, " permanent"),
    }
    if let Some((packets, bytes)) = element.counter {
        put!(out, " {packets} packets {bytes} bytes");
    }
    put!(out, "\n");
}

/// Lists one set. Returns whether it changed meanwhile: the kernel lists it piece by piece, as it is received.
fn dump(
    table: &str,
    set: &str,
    answer: &mut [u8],
    take: &mut dyn FnMut(&Element) -> Result<(), Trouble>,
) -> Result<bool, Trouble> {
    let netlink = Netlink::netfilter().map_err(Trouble::Socket)?;
    let mut request = [0; 256];
    let mut w = Writer::new(&mut request);
    GetElements { table, set }.emit(SEQ, &mut w).map_err(|_| Trouble::Garbled)?;
    let len = w.len();
    netlink.send(request.get(..len).unwrap_or_default()).map_err(Trouble::Socket)?;
    let mut changed = false;
    loop {
        let datagram = match netlink.receive(answer) {
            Ok(Received::Datagram(datagram)) => datagram,
            Ok(_) => return Err(Trouble::Garbled),
            Err(error) => return Err(Trouble::Socket(error)),
        };
        for reply in Replies::new(datagram) {
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
