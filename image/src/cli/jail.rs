//! `edgeban status JAIL`, `edgeban get`, `edgeban set`: one jail of the running daemon.

use super::ban;
use super::client::{Name, ask};
use super::options::{Common, Options, Usage, wrong};
use super::text;
use crate::arena::Arena;
use crate::exit;
use crate::json::{Object, Text, Value};
use crate::out::Out;
use crate::put;
use core::ffi::CStr;
use edgeban_core::config::{self, Key, Shown};
use edgeban_core::control::response::JailNumbers;
use edgeban_core::control::{Request, Response};
use edgeban_core::limits;

/// fail2ban's word for the bans of a jail, where a setting's name is expected.
const BANIP: &str = "banip";

/// The name of a jail.
pub fn name(word: &'static CStr) -> Result<&'static str, Usage> {
    let fits = |name: &&str| (1..=limits::JAIL_NAME).contains(&name.len());
    text(word).filter(fits).ok_or(wrong("not a jail's name", word))
}

/// Settings as they come, value by value, as members of a JSON object. Of a list without values nothing comes.
#[derive(Default)]
struct Members {
    /// The place of the key that is being written, and one more.
    next: usize,
    /// Its list is open.
    open: bool,
    /// The array of bans is.
    bans: bool,
}

impl Members {
    fn name(&mut self, name: &str, out: &mut Out<'_>) {
        put!(out, "{}\"{name}\":", if self.next == 0 { "" } else { "," });
    }

    /// Ends the list that is open, and passes over those that are empty before the key at `place`.
    fn until(&mut self, place: usize, out: &mut Out<'_>) {
        if core::mem::take(&mut self.open) {
            out.bytes(b"]");
        }
        for key in Key::of_jail().take(place).skip(self.next) {
            if key.is_list() {
                self.name(key.name(), out);
                out.bytes(b"[]");
            }
            self.next += 1;
        }
    }

    fn add(&mut self, key: &str, list: bool, value: Shown<'_>, out: &mut Out<'_>) {
        let place = Key::of_jail().position(|known| known.name() == key).unwrap_or(usize::MAX);
        if self.open && self.next == place.wrapping_add(1) {
            put!(out, ",{}", Value(value));
            return;
        }
        self.until(place, out);
        self.name(key, out);
        self.next += 1;
        self.open = list;
        put!(out, "{}{}", if list { "[" } else { "" }, Value(value));
    }

    /// Ends the settings before the first ban, or the ban before this one.
    fn next_ban(&mut self, out: &mut Out<'_>) {
        if core::mem::replace(&mut self.bans, true) {
            out.bytes(b",");
        } else {
            // Bans by hand are of no jail, which has no settings.
            if self.next > 0 {
                self.until(usize::MAX, out);
            }
            out.bytes(b"},\"addresses\":[");
        }
    }
}

/// Runs `status JAIL`.
pub fn status(jail: &'static str, common: &Common, arena: &'static mut Arena) -> u8 {
    let mut members = Members::default();
    let json = common.json;
    ask(arena, common.path, &Request::Jail(jail), &mut |response, out| {
        match response? {
            Response::Jail { numbers, name, filter } => {
                let (names, values) = (&JailNumbers::NAMES, &numbers.values());
                if json {
                    Object::new(out).text("jail", name).text("filter", filter).numbers(names, values);
                    out.bytes(b",\"settings\":{");
                } else {
                    put!(out, "jail {name}");
                    for (name, value) in names.iter().zip(values) {
                        put!(out, ", {name} {value}");
                    }
                    put!(out, "\n");
                }
            }
            Response::Setting { key, list, value } if json => members.add(key, *list, *value, out),
            Response::Setting { key, value, .. } => put!(out, "{key} {value}\n"),
            Response::BannedPrefix { prefix, left, .. } => {
                let left = left.map(|left| left.as_millis().div_ceil(1000));
                if json {
                    members.next_ban(out);
                    Object::new(out).text("address", &Name(prefix)).seconds("left", left).close();
                } else {
                    put!(out, "banned {}", Name(prefix));
                    match left {
                        Some(left) => put!(out, " for {left}s\n"),
                        None => put!(out, " for good\n"),
                    }
                }
            }
            Response::End => {
                if json {
                    if !members.bans {
                        members.next_ban(out);
                    }
                    out.bytes(b"]}\n");
                }
                return Some(exit::OK);
            }
            _ => {}
        }
        None
    })
}

/// Runs `get`.
pub fn get(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let mut words = [c""; 2];
    let (common, count) = options.words(&mut words)?;
    let [jail, key] = words;
    if count < 2 {
        return Err(wrong("name a jail and a key", c""));
    }
    let (jail, key) = (name(jail)?, text(key).unwrap_or_default());
    let request = if key == BANIP { Request::Bans(jail) } else { Request::Get { jail, key } };
    let json = common.json;
    let list = key == BANIP || Key::of_jail_named(key).is_some_and(Key::is_list);
    let mut before = if list { "[" } else { "" };
    let mut begun = false;
    Ok(ask(arena, common.path, &request, &mut |response, out| {
        if json && !core::mem::replace(&mut begun, true) {
            Object::new(out).text("jail", &jail).text("key", &key);
            out.bytes(b",\"value\":");
        }
        match response? {
            Response::Setting { value, .. } if json => put!(out, "{before}{}", Value(*value)),
            Response::Setting { value, .. } => put!(out, "{value}\n"),
            Response::BannedPrefix { prefix, .. } if json => put!(out, "{before}{}", Text(&Name(prefix))),
            Response::BannedPrefix { prefix, .. } => put!(out, "{}\n", Name(prefix)),
            Response::End => {
                if json {
                    put!(out, "{}", if before == "[" { "[" } else { "" });
                    out.bytes(if list { b"]}\n" } else { b"}\n" });
                }
                return Some(exit::OK);
            }
            _ => {}
        }
        before = ",";
        None
    }))
}

/// Runs `set`.
pub fn set(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let mut words = [c""; 3];
    let (common, count) = options.words(&mut words)?;
    let [jail, key, value] = words;
    if count < 3 {
        return Err(wrong("name a jail, a key and a value", c""));
    }
    let (jail, key) = (name(jail)?, text(key).unwrap_or_default());
    match key {
        BANIP => return ban::of_jail(false, jail, value, &common, arena),
        "unbanip" => return ban::of_jail(true, jail, value, &common, arena),
        _ => {}
    }
    let fits = |value: &&str| value.len() <= config::VALUE && key.len() <= config::KEY;
    let value = text(value).filter(fits).ok_or(wrong("too long, or no text", value))?;
    Ok(ask(arena, common.path, &Request::Set { jail, key, value }, &mut |response, out| match response? {
        Response::Set { lifted } => {
            if common.json {
                Object::new(out)
                    .text("jail", &jail)
                    .text("key", &key)
                    .text("value", &value)
                    .plain("lifted", lifted)
                    .end();
            } else {
                put!(out, "jail {jail}: {key} {value}, until the next reload");
                if *lifted > 0 {
                    put!(out, "; {lifted} bans lifted");
                }
                put!(out, "\n");
            }
            Some(exit::OK)
        }
        _ => None,
    }))
}
