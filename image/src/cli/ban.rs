//! `edgeban ban`, `edgeban unban`, `edgeban stop`: what changes the running daemon.

use super::client::ask;
use super::{Options, Piece, Usage, config_only, say, unexpected, unknown, wrong};
use crate::arena::Arena;
use crate::exit;
use crate::put;
use core::str;
use edgeban_core::addr::{Addr, Prefix};
use edgeban_core::config::duration;
use edgeban_core::config::model::BanTime;
use edgeban_core::control::{Request, Response};
use edgeban_core::limits;

const BAN: &str = "\
edgeban ban IP [OPTION ...]

Bans an address, and says so when the kernel holds the ban. One that is there already is lengthened, never shortened.
Exit code 3 if the kernel refused it or did not answer in 5s; then edgeban keeps trying. Needs root or edgeban's user.

  --for TIME      600, 90s, 10m, 1h30m, 7d, 1w, or permanent; bantime of the jail or of [defaults] if not given
  --jail NAME     in the name of this jail; else the ban is shown as \"manual\"
  --force         also if the address is in ignoreip
  --config FILE   that of the running edgeban
";

const UNBAN: &str = "\
edgeban unban IP | --all

Lifts a ban, or all, and says so when the kernel let go. Exit code 1 if the address is not banned. Needs root or
edgeban's user.

  --all           every ban
  --config FILE   that of the running edgeban
";

const STOP: &str = "\
edgeban stop [--config FILE]

Ends the running edgeban as SIGTERM does, and waits until it has ended. Needs root or edgeban's user.

  --config FILE   that of the running edgeban
";

/// An address; a prefix only if it is of one address.
fn address(word: &'static [u8]) -> Result<Addr, Usage> {
    let text = word.split(|&byte| byte == b'/').next().unwrap_or(word);
    match (Addr::parse(text), Prefix::parse(word)) {
        (Ok(addr), Ok(prefix)) if prefix.is_one() => Ok(addr),
        (_, Ok(_)) => Err(wrong("prefixes are not supported yet, name single addresses", word)),
        _ => Err(wrong("not an IP address", word)),
    }
}

fn time(value: &'static [u8]) -> Result<BanTime, Usage> {
    if value == b"permanent" {
        return Ok(BanTime::Permanent);
    }
    str::from_utf8(value)
        .ok()
        .and_then(duration::parse)
        .filter(|span| (1..=limits::BANTIME_SECS).contains(&span.as_secs()))
        .map(BanTime::For)
        .ok_or(wrong("a ban's time is 1s to 3650d, as 600, 10m or 1h, or permanent", value))
}

/// Runs `ban`, or `unban` if `lift`.
pub fn run(lift: bool, mut options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let (mut path, mut word, mut length, mut name, mut flag) = (None, None, None, "", false);
    while let Some(piece) = options.next()? {
        match piece {
            Piece::Name(b"help" | b"h") => return Ok(say(if lift { UNBAN } else { BAN })),
            Piece::Name(b"config" | b"c") => path = Some(options.path("--config")?),
            Piece::Name(b"force") if !lift => flag = true,
            Piece::Name(b"all") if lift => flag = true,
            Piece::Name(b"for") if !lift => length = Some(time(options.value("--for")?)?),
            Piece::Name(b"jail") if !lift => {
                let value = options.value("--jail")?;
                name = str::from_utf8(value)
                    .ok()
                    .filter(|name| (1..=limits::JAIL_NAME).contains(&name.len()))
                    .ok_or(wrong("not a jail's name", value))?;
            }
            Piece::Name(name) => return Err(unknown(name)),
            Piece::Word(text) if word.is_none() => word = Some(address(text.to_bytes())?),
            Piece::Word(word) => return Err(unexpected(word)),
        }
    }
    let request = match (lift, word, flag) {
        (false, Some(addr), force) => Request::Ban { addr, time: length, jail: name, force },
        (true, Some(addr), false) => Request::Unban(addr),
        (true, None, true) => Request::UnbanAll,
        (true, ..) => return Err(wrong("name an address or --all", b"")),
        (false, ..) => return Err(wrong("an address is missing", b"")),
    };
    Ok(ask(arena, path, &request, &mut |response, out| {
        match response? {
            Response::Banned { addr, left, already } => {
                put!(out, "{addr} {} for ", if *already { "was banned already," } else { "is banned" });
                match left {
                    Some(left) => put!(out, "{}s\n", left.as_millis().div_ceil(1000)),
                    None => put!(out, "good\n"),
                }
            }
            Response::Unbanned { count } => match word {
                Some(addr) => put!(out, "{addr} is not banned any more\n"),
                None => put!(out, "{count} addresses are not banned any more\n"),
            },
            _ => return None,
        }
        Some(exit::OK)
    }))
}

/// Runs `stop`.
pub fn stop(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let path = match config_only(options, STOP)? {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    let mut ending = None;
    Ok(ask(arena, path, &Request::Stop, &mut |response, out| match (response, ending) {
        (Some(Response::Stopping { pid }), _) => {
            ending = Some(*pid);
            None
        }
        (None, Some(pid)) => {
            put!(out, "edgeban has ended (pid {pid})\n");
            Some(exit::OK)
        }
        _ => None,
    }))
}
