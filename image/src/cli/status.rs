//! `edgeban status`, `edgeban jails`, `edgeban ping`: how the running daemon is.

use super::client::ask;
use super::jail;
use super::options::{Options, Usage};
use crate::arena::Arena;
use crate::exit;
use crate::json::{Object, Text};
use crate::out::Out;
use crate::put;
use edgeban_core::control::response::{DaemonNumbers, FileNumbers, JailNumbers};
use edgeban_core::control::{Request, Response};

/// Runs `status`.
pub fn run(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let mut words = [c""; 1];
    let (common, count) = options.words(&mut words)?;
    if count == 1 {
        let [jail] = words;
        return Ok(jail::status(jail::name(jail)?, &common, arena));
    }
    let mut last = 0;
    Ok(ask(arena, common.path, &Request::Status, &mut |response, out| {
        let mut part = |part, texts: &[(&str, &str)], names: &[&str], values: &[u64]| {
            if common.json {
                begin(last, part, out)
            } else {
                out.bytes(if part == 0 { b"" } else { b"\n" })
            }
            last = part;
            fields(common.json, texts, names, values, out);
        };
        match response? {
            Response::Daemon { numbers, version, backend, table } => {
                let texts = [("version", *version), ("backend", *backend), ("table", *table)];
                part(0, &texts, &DaemonNumbers::NAMES, &numbers.values());
            }
            Response::Jail { numbers, name, filter } => {
                part(1, &[("jail", name), ("filter", filter)], &JailNumbers::NAMES, &numbers.values());
            }
            Response::File { numbers, path, fault } => {
                // Said in JSON alone where all is well.
                let texts = [("file", *path), ("fault", *fault)];
                let texts = texts.get(..if common.json || !fault.is_empty() { 2 } else { 1 }).unwrap_or_default();
                part(2, texts, &FileNumbers::NAMES, &numbers.values());
            }
            Response::End => {
                part(3, &[], &[], &[]);
                return Some(exit::OK);
            }
            _ => {}
        }
        None
    }))
}

/// Writes what leads from one part of the object to the next: the daemon (0), jails (1), files (2), the end (3).
fn begin(last: u8, part: u8, out: &mut Out<'_>) {
    out.bytes(match (last, part) {
        (0, 0) => b"{",
        (0, 1) => b",\"jails\":[{",
        (1, 2) => b"}],\"files\":[{",
        (1, 3) => b"}],\"files\":[]}\n",
        (2, 3) => b"}]}\n",
        _ => b"},{",
    });
}

/// Writes texts and numbers with their names.
fn fields(json: bool, texts: &[(&str, &str)], names: &[&str], values: &[u64], out: &mut Out<'_>) {
    let mut comma = "";
    for (name, text) in texts {
        if json {
            put!(out, "{comma}\"{name}\":{}", Text(text));
        } else {
            put!(out, "{comma}{name} {text}");
        }
        comma = if json { "," } else { ", " };
    }
    for (name, value) in names.iter().zip(values) {
        let quote = if json { "\"" } else { "" };
        put!(out, "{comma}{quote}{name}{quote}{}{value}", if json { ':' } else { ' ' });
    }
}

/// Runs `jails`.
pub fn jails(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let common = options.common()?;
    Ok(ask(arena, common.path, &Request::Status, &mut |response, out| {
        match response? {
            // Bans by hand are of no jail.
            Response::Jail { numbers, name, filter } if !filter.is_empty() => {
                let (names, values) = (&JailNumbers::NAMES, &numbers.values());
                if common.json {
                    Object::new(out).text("jail", name).text("filter", filter).numbers(names, values).end();
                } else {
                    put!(out, "{name} filter {filter}");
                    for (name, value) in names.iter().zip(values) {
                        put!(out, " {name} {value}");
                    }
                    put!(out, "\n");
                }
            }
            Response::End => return Some(exit::OK),
            _ => {}
        }
        None
    }))
}

/// Runs `ping`.
pub fn ping(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let common = options.common()?;
    Ok(ask(arena, common.path, &Request::Status, &mut |response, out| {
        match response? {
            Response::Daemon { numbers, .. } => match common.json {
                true => Object::new(out).plain("pong", &true).plain("pid", &numbers.pid).end(),
                // fail2ban-client's words.
                false => put!(out, "Server replied: pong\n"),
            },
            Response::End => return Some(exit::OK),
            _ => {}
        }
        None
    }))
}
