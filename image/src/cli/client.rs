//! Asking the running daemon.

use crate::arena::Arena;
use crate::config::{self, Space};
use crate::exit;
use crate::instance::Instance;
use crate::out::{Out, Printable};
use crate::put;
use core::ffi::CStr;
use core::fmt;
use edgeban_core::addr::Prefix;
use edgeban_core::control::response::Hindrance;
use edgeban_core::control::{self, Refusal, Request, Response, serve};
use edgeban_core::limits;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::buf::Writer;
use edgeban_linux::epoll::{self, Epoll, Ready};
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::unix::{Connection, Packet};
use edgeban_linux::{Errno, clock};

/// How long to wait for the daemon's next word: more than it waits for the kernel.
const PATIENCE: Duration = Duration::from_secs(30);

/// Milliseconds between two tries to connect when more connections wait than may.
const AGAIN: u64 = 20;

/// A prefix as text; one of a single address as that.
pub struct Name<'a>(pub &'a Prefix);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_one() { self.0.base().fmt(f) } else { self.0.fmt(f) }
    }
}

/// Who may ask.
const NOT_PERMITTED: &str =
    "only root, the user whom edgeban runs as, and the members of [global] control_group may ask it";

/// Why there is no answer.
enum Trouble {
    Connect(Errno),
    Talk(Errno),
    Silent,
    Closed,
    Garbled,
}

/// Sends `request` to the daemon that the configuration at `path` means. `take` gets each answer that is not a refusal, and
/// `None` when the daemon closes the connection; it prints, and returns the exit code when it has heard enough.
pub fn ask(
    arena: &mut Arena,
    path: Option<&CStr>,
    request: &Request<'_>,
    take: &mut dyn FnMut(Option<&Response<'_>>, &mut Out<'_>) -> Option<u8>,
) -> u8 {
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let Arena { config, config_text: text, config_tokens: tokens, output, .. } = arena;
    let reloads = *request == Request::Reload;
    let read = config::load(path, Space { text, tokens }, config, &mut |line| {
        // The daemon says the same of the file that it reads.
        if !reloads {
            put!(&mut err, "{line}\n");
        }
    });
    match read {
        Ok(_) => {}
        // Which daemon is meant is said by what could be read of [global]. It runs with what was valid.
        Err(_) if reloads => {}
        Err(exit::NO) => put!(&mut err, "edgeban: asking all the same\n"),
        Err(code) => {
            err.flush();
            return code;
        }
    }
    let Some(instance) = Instance::of(&config.global) else { return exit::INPUT };
    let mut out = Out::new(BorrowedFd::STDOUT, output);
    let code = match talk(&instance, request, &mut |response| match response {
        Some(Response::Refused(refusal)) => Some(refused(*refusal, &mut err)),
        Some(Response::Said { text, ends }) => {
            put!(&mut err, "{text}{}", if *ends { "\n" } else { "" });
            None
        }
        Some(Response::Hindered { by, how }) => {
            let (before, behind, why, hint): (_, _, &dyn fmt::Display, _) = match how {
                Hindrance::Covers => ("the address is banned with ", "", &"", ": unban that"),
                Hindrance::Longer => ("not banned: ", " in it is banned for longer", &"", ": unban that first"),
                Hindrance::Protected(why) => {
                    ("not banned: ", " in it is ", why, "; --force bans all of it all the same")
                }
            };
            put!(&mut err, "edgeban: {before}{}{behind}{why}{hint}\n", Name(by));
            Some(exit::NO)
        }
        _ => take(response, &mut out),
    }) {
        Ok(code) => code,
        Err(trouble) => {
            let socket = Printable(instance.socket.as_c_str().to_bytes());
            let table = &config.global.table;
            put!(&mut err, "edgeban: ");
            match trouble {
                Trouble::Connect(Errno::ENOENT | Errno::ECONNREFUSED) => {
                    put!(&mut err, "no edgeban runs for table {table} in this network namespace ({socket})")
                }
                Trouble::Connect(Errno::EACCES) => put!(&mut err, "{socket}: {}: {NOT_PERMITTED}", Errno::EACCES),
                Trouble::Connect(error) => put!(&mut err, "{socket}: {error}"),
                Trouble::Talk(error) => put!(&mut err, "the running edgeban cannot be asked: {error}"),
                Trouble::Silent => put!(&mut err, "the running edgeban does not answer within {PATIENCE}"),
                Trouble::Closed => put!(&mut err, "the running edgeban closed the connection without an answer"),
                Trouble::Garbled => {
                    put!(&mut err, "the running edgeban is of another version: its answer is not understood")
                }
            }
            put!(&mut err, "\n");
            match trouble {
                Trouble::Connect(Errno::ENOENT | Errno::ECONNREFUSED) => exit::NOT_RUNNING,
                _ => exit::INPUT,
            }
        }
    };
    let written = out.finish();
    err.flush();
    if written.is_err() && code == exit::OK { exit::INPUT } else { code }
}

fn now() -> Result<Instant, Trouble> {
    clock::monotonic_ms().map(Instant::from_millis).map_err(Trouble::Talk)
}

fn talk(
    instance: &Instance,
    request: &Request<'_>,
    take: &mut dyn FnMut(Option<&Response<'_>>) -> Option<u8>,
) -> Result<u8, Trouble> {
    let epoll = Epoll::new().map_err(Trouble::Talk)?;
    let mut ready = [epoll::Event::EMPTY; 1];
    let mut deadline = now()? + PATIENCE;
    let connection = loop {
        match Connection::to(instance.socket.as_c_str()) {
            Ok(connection) => break connection,
            Err(Errno::EAGAIN) if now()? < deadline => {
                // Nothing is waited for yet: this sleeps.
                epoll.wait(&mut ready, Some(AGAIN)).map_err(Trouble::Talk)?;
            }
            Err(error) => return Err(Trouble::Connect(error)),
        }
    };
    epoll.add(connection.as_fd(), Ready::READ, 0).map_err(Trouble::Talk)?;
    let mut packet = [0; control::REQUEST];
    let mut w = Writer::new(&mut packet);
    request.emit(&mut w).map_err(|_| Trouble::Garbled)?;
    // A daemon that will not talk says why and closes: its word is there to be read although sending fails.
    let sent = connection.send(w.written());
    let mut answer = [0; control::ANSWER];
    loop {
        match connection.receive(&mut answer) {
            Ok(Packet::Whole(packet)) => {
                deadline = now()? + PATIENCE;
                let response = Response::parse(packet).map_err(|_| Trouble::Garbled)?;
                if let Some(code) = take(Some(&response)) {
                    return Ok(code);
                }
            }
            Ok(Packet::Truncated) => return Err(Trouble::Garbled),
            Ok(Packet::End) => return take(None).ok_or(Trouble::Closed),
            // Told once, and before what the daemon said, when it closed without having read the request.
            Err(Errno::ECONNRESET) => {}
            Err(Errno::EAGAIN) => {
                sent.map_err(Trouble::Talk)?;
                let left = deadline.since(now()?).as_millis();
                if left == 0 {
                    return Err(Trouble::Silent);
                }
                epoll.wait(&mut ready, Some(left)).map_err(Trouble::Talk)?;
            }
            Err(error) => return Err(Trouble::Talk(error)),
        }
    }
}

/// Says why the daemon did not do it.
fn refused(refusal: Refusal, err: &mut Out<'_>) -> u8 {
    const TRYING: &str = "; edgeban keeps trying";
    let (code, text) = match refusal {
        Refusal::Version | Refusal::Malformed => (exit::INPUT, "the running edgeban is of another version"),
        Refusal::NotPermitted => (exit::INPUT, NOT_PERMITTED),
        Refusal::Busy => (exit::INPUT, "too many clients wait for an answer, try again"),
        Refusal::NoSuchJail => (exit::NO, "there is no such jail"),
        Refusal::Protected => (
            exit::NO,
            "not banned: the address is in ignoreip, this machine's or a gateway; --force bans it all the same",
        ),
        Refusal::Full => (exit::FIREWALL, "not banned: no room"),
        Refusal::NotBanned => (exit::NO, "the address is not banned"),
        Refusal::Ended => (exit::NO, "the ban was lifted, or its time was over, before the kernel took it"),
        Refusal::BannedAgain => (exit::NO, "the address was banned again meanwhile"),
        Refusal::PrefixesFull => (exit::FIREWALL, "not banned: no room"),
        Refusal::NoPrefixes => (exit::NO, "prefixes can only be banned with nftables"),
        Refusal::NotReloaded => (exit::NO, "not reloaded: the configuration stays as it was"),
        Refusal::NoSuchKey => (exit::NO, "a jail has no such setting"),
        Refusal::NotSet => (exit::NO, "not set"),
        Refusal::Kernel(_) => (exit::FIREWALL, "not done: the kernel refused it"),
        Refusal::Late => (exit::FIREWALL, "not done: no answer of the kernel"),
    };
    put!(err, "edgeban: {text}");
    match refusal {
        Refusal::Full => put!(err, ", {} addresses are banned (limit BANS)", limits::BANS),
        Refusal::PrefixesFull => put!(err, ", {} prefixes are banned (limit PREFIX_BANS)", limits::PREFIX_BANS),
        Refusal::Kernel(error) => put!(err, ": {error}{TRYING}"),
        Refusal::Late => put!(err, " within {}{TRYING}", serve::PATIENCE),
        _ => {}
    }
    put!(err, "\n");
    code
}
