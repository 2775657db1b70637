//! `edgeban ban`, `edgeban unban`, `edgeban reload`, `edgeban stop`: what changes the running daemon.

use super::client::{Name, ask};
use super::options::{Common, Options, Piece, Usage, unexpected, wrong};
use super::{jail, text};
use crate::arena::Arena;
use crate::exit;
use crate::json::Object;
use crate::out::{Out, Printable};
use crate::put;
use core::ffi::CStr;
use edgeban_core::addr::{Addr, Prefix};
use edgeban_core::config::duration;
use edgeban_core::config::model::BanTime;
use edgeban_core::control::response::ReloadNumbers;
use edgeban_core::control::{Request, Response};
use edgeban_core::limits;
use edgeban_core::time::Duration;
use edgeban_linux::fd::BorrowedFd;

/// An address or a prefix, and whether it is written with bits behind its length.
fn prefix(word: &'static CStr) -> Result<(Prefix, bool), Usage> {
    let bytes = word.to_bytes();
    let text = bytes.split(|&byte| byte == b'/').next().unwrap_or(bytes);
    match (Addr::parse(text), Prefix::parse(bytes)) {
        (Ok(_), Ok(prefix)) if prefix.length() == 0 => Err(wrong("this is everybody", word)),
        (Ok(addr), Ok(prefix)) => Ok((prefix, addr != prefix.base())),
        _ => Err(wrong("not an IP address or prefix", word)),
    }
}

fn time(value: &'static CStr) -> Result<BanTime, Usage> {
    if value == c"permanent" {
        return Ok(BanTime::Permanent);
    }
    text(value)
        .and_then(duration::parse)
        .filter(|span| (1..=limits::BANTIME_SECS).contains(&span.as_secs()))
        .map(BanTime::For)
        .ok_or(wrong("a ban's time is 1s to 3650d, as 600, 10m or 1h, or permanent", value))
}

/// Runs `ban`.
pub fn ban(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    run(false, options, arena)
}

/// Runs `unban`.
pub fn unban(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    run(true, options, arena)
}

/// Bans an address or a prefix in the name of a jail, or lifts that, as fail2ban-client's `set JAIL banip IP` does.
pub fn of_jail(
    lift: bool,
    jail: &'static str,
    word: &'static CStr,
    common: &Common,
    arena: &'static mut Arena,
) -> Result<u8, Usage> {
    match prefix(word)? {
        (prefix, false) => Ok(act(lift, Some(prefix), None, jail, false, common, arena)),
        (_, true) => Err(wrong("this is an address in a prefix, not a prefix", word)),
    }
}

fn run(lift: bool, mut options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let (mut common, mut word, mut length, mut name, mut flag) = (Common::default(), None, None, "", false);
    while let Some(piece) = options.next()? {
        match piece {
            Piece::Option("force" | "all", _) => flag = true,
            Piece::Option("for", value) => length = Some(time(value)?),
            Piece::Option("jail", value) => name = jail::name(value)?,
            Piece::Option(name, value) => common.take(name, value),
            Piece::Word(text) if word.is_none() => {
                let (prefix, strays) = prefix(text)?;
                if strays {
                    let mut buffer = [0; 256];
                    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
                    let text = Printable(text.to_bytes());
                    put!(&mut err, "edgeban: {text} is an address in a prefix: write {prefix}, or the address alone\n");
                    err.flush();
                    return Ok(exit::USAGE);
                }
                word = Some(prefix);
            }
            Piece::Word(word) => return Err(unexpected(word)),
        }
    }
    if lift && word.is_some() == flag {
        return Err(wrong("name an address or --all", c""));
    }
    if !lift && word.is_none() {
        return Err(wrong("an address is missing", c""));
    }
    Ok(act(lift, word, length, name, flag, &common, arena))
}

/// Asks for it; without a prefix all bans are lifted.
fn act(
    lift: bool,
    word: Option<Prefix>,
    time: Option<BanTime>,
    jail: &str,
    force: bool,
    common: &Common,
    arena: &'static mut Arena,
) -> u8 {
    let request = match (lift, word) {
        (false, Some(prefix)) if prefix.is_one() => Request::Ban { addr: prefix.base(), time, jail, force },
        (false, Some(prefix)) => Request::BanPrefix { prefix, time, jail, force },
        (true, Some(prefix)) if prefix.is_one() => Request::Unban(prefix.base()),
        (true, Some(prefix)) => Request::UnbanPrefix(prefix),
        (_, None) => Request::UnbanAll,
    };
    ask(arena, common.path, &request, &mut |response, out| {
        match response? {
            Response::Banned { addr, left, already } => {
                // If what was asked is a prefix, it is what this address stands for.
                let asked = word.filter(|prefix| !prefix.is_one()).unwrap_or(Prefix::one(*addr));
                banned(&asked, *left, *already, common.json, out);
            }
            Response::BannedPrefix { prefix, left, already } => {
                if !common.json
                    && let Some(asked) = word.filter(|asked| asked != prefix)
                {
                    put!(out, "{} is in a larger prefix: ", Name(&asked));
                }
                banned(prefix, *left, *already, common.json, out);
            }
            Response::Unbanned { count } => match word {
                _ if common.json => {
                    let object = Object::new(out);
                    let object = match word {
                        Some(prefix) => object.text("address", &Name(&prefix)),
                        None => object,
                    };
                    object.plain("unbanned", count).end();
                }
                Some(prefix) => put!(out, "{} is not banned any more\n", Name(&prefix)),
                None => put!(out, "{count} addresses are not banned any more\n"),
            },
            _ => return None,
        }
        Some(exit::OK)
    })
}

fn banned(who: &Prefix, left: Option<Duration>, already: bool, json: bool, out: &mut Out<'_>) {
    let left = left.map(|left| left.as_millis().div_ceil(1000));
    if json {
        Object::new(out).text("address", &Name(who)).plain("already", &already).seconds("left", left).end();
        return;
    }
    put!(out, "{} {} for ", Name(who), if already { "was banned already," } else { "is banned" });
    match left {
        Some(left) => put!(out, "{left}s\n"),
        None => put!(out, "good\n"),
    }
}

/// Runs `stop`.
pub fn stop(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let common = options.common()?;
    let mut ending = None;
    Ok(ask(arena, common.path, &Request::Stop, &mut |response, out| match (response, ending) {
        (Some(Response::Stopping { pid }), _) => {
            ending = Some(*pid);
            None
        }
        (None, Some(pid)) => {
            match common.json {
                true => Object::new(out).plain("stopped", &true).plain("pid", &pid).end(),
                false => put!(out, "edgeban has ended (pid {pid})\n"),
            }
            Some(exit::OK)
        }
        _ => None,
    }))
}

/// Runs `reload`.
pub fn reload(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let common = options.common()?;
    Ok(ask(arena, common.path, &Request::Reload, &mut |response, out| match response? {
        Response::Reloaded { numbers } => {
            let ReloadNumbers { jails, files, begun, ended, lifted, forgotten } = numbers;
            match common.json {
                true => {
                    Object::new(out).plain("reloaded", &true).numbers(&ReloadNumbers::NAMES, &numbers.values()).end()
                }
                false => {
                    put!(out, "reloaded: {jails} jails, {begun} of them new, {ended} ended; {files} log files; ");
                    put!(out, "{lifted} bans lifted");
                    if *forgotten > 0 {
                        put!(out, "; {forgotten} settings made by hand are gone");
                    }
                    put!(out, "\n");
                }
            }
            Some(exit::OK)
        }
        _ => None,
    }))
}
