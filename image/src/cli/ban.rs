//! `edgeban ban`, `edgeban unban`, `edgeban reload`, `edgeban stop`: what changes the running daemon.

use super::client::{Name, ask};
use super::{Options, Piece, Usage, config_only, say, unexpected, unknown, wrong};
use crate::arena::Arena;
use crate::exit;
use crate::out::{Out, Printable};
use crate::put;
use core::str;
use edgeban_core::addr::{Addr, Prefix};
use edgeban_core::config::duration;
use edgeban_core::config::model::BanTime;
use edgeban_core::control::response::ReloadNumbers;
use edgeban_core::control::{Request, Response};
use edgeban_core::limits;
use edgeban_core::time::Duration;
use edgeban_linux::fd::BorrowedFd;

const BAN: &str = "\
edgeban ban IP[/LENGTH] [OPTION ...]

Bans an address or a prefix, and says so when the kernel holds the ban. One that is there already is lengthened, never
shortened. Exit code 3 if the kernel refused it or did not answer in 5s; then edgeban keeps trying. Needs root or
edgeban's user.

  --for TIME      600, 90s, 10m, 1h30m, 7d, 1w, or permanent; bantime of the jail or of [defaults] if not given
  --jail NAME     in the name of this jail; else the ban is shown as \"manual\"
  --force         also if it is, or holds, an address in ignoreip, this machine's or a gateway's
  --config FILE   that of the running edgeban

Prefixes need nftables. One in a banned prefix counts as banned already, however long; one around banned prefixes takes
their place, unless they last longer.
";

const UNBAN: &str = "\
edgeban unban IP[/LENGTH] | --all

Lifts a ban (of a prefix: of exactly that), or all, and says so when the kernel let go. Exit code 1 if it is not banned.
Needs root or edgeban's user.

  --all           every ban
  --config FILE   that of the running edgeban
";

const STOP: &str = "\
edgeban stop [--config FILE]

Ends the running edgeban as SIGTERM does, and waits until it has ended. Needs root or edgeban's user.

  --config FILE   that of the running edgeban
";

const RELOAD: &str = "\
edgeban reload [--config FILE]

Makes the running edgeban read its configuration anew, as SIGHUP does, and says so when it goes on with it. Bans and
counted attempts stay; jails that are gone or disabled release their bans. A file that is not valid changes nothing: exit
code 1, and what is wrong where. Another table, backend or run_dir needs a restart. Needs root or edgeban's user.

  --config FILE   that of the running edgeban
";

/// An address or a prefix, and whether it is written with bits behind its length.
fn prefix(word: &'static [u8]) -> Result<(Prefix, bool), Usage> {
    let text = word.split(|&byte| byte == b'/').next().unwrap_or(word);
    match (Addr::parse(text), Prefix::parse(word)) {
        (Ok(_), Ok(prefix)) if prefix.length() == 0 => Err(wrong("this is everybody", word)),
        (Ok(addr), Ok(prefix)) => Ok((prefix, addr != prefix.base())),
        _ => Err(wrong("not an IP address or prefix", word)),
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
            Piece::Word(text) if word.is_none() => {
                let (prefix, strays) = prefix(text.to_bytes())?;
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
    let request = match (lift, word, flag) {
        (false, Some(prefix), force) if prefix.is_one() => {
            Request::Ban { addr: prefix.base(), time: length, jail: name, force }
        }
        (false, Some(prefix), force) => Request::BanPrefix { prefix, time: length, jail: name, force },
        (true, Some(prefix), false) if prefix.is_one() => Request::Unban(prefix.base()),
        (true, Some(prefix), false) => Request::UnbanPrefix(prefix),
        (true, None, true) => Request::UnbanAll,
        (true, ..) => return Err(wrong("name an address or --all", b"")),
        (false, ..) => return Err(wrong("an address is missing", b"")),
    };
    Ok(ask(arena, path, &request, &mut |response, out| {
        match response? {
            Response::Banned { addr, left, already } => {
                // If what was asked is a prefix, it is what this address stands for.
                let asked = word.filter(|prefix| !prefix.is_one()).unwrap_or(Prefix::one(*addr));
                banned(&asked, *left, *already, out);
            }
            Response::BannedPrefix { prefix, left, already } => {
                if let Some(asked) = word.filter(|asked| asked != prefix) {
                    put!(out, "{} is in a larger prefix: ", Name(&asked));
                }
                banned(prefix, *left, *already, out);
            }
            Response::Unbanned { count } => match word {
                Some(prefix) => put!(out, "{} is not banned any more\n", Name(&prefix)),
                None => put!(out, "{count} addresses are not banned any more\n"),
            },
            _ => return None,
        }
        Some(exit::OK)
    }))
}

fn banned(who: &Prefix, left: Option<Duration>, already: bool, out: &mut Out<'_>) {
    put!(out, "{} {} for ", Name(who), if already { "was banned already," } else { "is banned" });
    match left {
        Some(left) => put!(out, "{}s\n", left.as_millis().div_ceil(1000)),
        None => put!(out, "good\n"),
    }
}

/// Runs `reload`.
pub fn reload(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let path = match config_only(options, RELOAD)? {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    Ok(ask(arena, path, &Request::Reload, &mut |response, out| match response? {
        Response::Reloaded { numbers: ReloadNumbers { jails, files, begun, ended, lifted } } => {
            put!(
                out,
                "reloaded: {jails} jails, {begun} of them new, {ended} ended; {files} log files; {lifted} bans lifted\n"
            );
            Some(exit::OK)
        }
        _ => None,
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
