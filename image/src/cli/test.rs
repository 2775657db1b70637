//! `edgeban test`: what would a filter make of this log?

use super::{Options, Piece, Usage, say, unexpected, unknown, wrong};
use crate::arena::Arena;
use crate::exit;
use crate::out::{Out, Printable};
use crate::put;
use core::ffi::CStr;
use edgeban_core::addr::{Addr, Family};
use edgeban_core::ban::ladder::Growth;
use edgeban_core::config::duration;
use edgeban_core::config::model::{BanTime, Jail};
use edgeban_core::detect::{Filter, Mode};
use edgeban_core::engine::{Clock, Decision, Engine, FullMemory, JailSet};
use edgeban_core::firewall::nft::Layout;
use edgeban_core::limits;
use edgeban_core::replay::LogClock;
use edgeban_core::source::line::Framer;
use edgeban_core::table::HashKey;
use edgeban_core::time::Duration;
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::file::{self, OpenFlags};
use edgeban_linux::{Errno, random};
use heapless::{String, Vec};

const HELP: [&str; 2] = [
    "\
edgeban test --filter NAME [OPTION ...] [LOGFILE|-]

Says for each line of a log (standard input if it is - or not given) whether the filter matches and which address it
names, then the totals and the addresses that would have been banned. Time is what the lines' own timestamps say.
Needs no root and changes nothing. Exit code 1 if no line matched.

  --filter NAME     one of these, or auto: each line's program name chooses, and the form of lines without one
",
    "\
  --mode MODE       normal (default), ddos, extra, aggressive
  --maxretry N      attempts that ban, 5 if not given
  --findtime TIME   within this time, 10m if not given
  --json            one JSON object a line: line, match, address, filter; ban when the line leads to a ban
  --quiet           only the totals and the bans
",
];

/// How results are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    Lines,
    Json,
    Totals,
}

struct Request {
    filter: Option<Filter>,
    mode: Mode,
    maxretry: u32,
    findtime: Duration,
    show: Show,
    path: Option<&'static CStr>,
}

/// Runs the verb.
pub fn run(mut options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let mut request = Request {
        filter: None,
        mode: Mode::Normal,
        maxretry: 5,
        findtime: Duration::from_secs(600),
        show: Show::Lines,
        path: None,
    };
    let mut chosen = false;
    while let Some(piece) = options.next()? {
        match piece {
            Piece::Name(b"help" | b"h") => return Ok(help()),
            Piece::Name(b"json") => request.show = Show::Json,
            Piece::Name(b"quiet" | b"q") => request.show = Show::Totals,
            Piece::Name(b"filter" | b"f") => {
                let name = options.value("--filter")?;
                request.filter = match name {
                    b"auto" => None,
                    _ => Some(
                        text(name)
                            .and_then(Filter::from_name)
                            .filter(reads_a_log)
                            .ok_or(wrong("no such filter, `edgeban test --help` names them", name))?,
                    ),
                };
                chosen = true;
            }
            Piece::Name(b"mode") => {
                let name = options.value("--mode")?;
                request.mode = text(name)
                    .and_then(Mode::from_name)
                    .ok_or(wrong("no such mode, expected normal, ddos, extra or aggressive", name))?;
            }
            Piece::Name(b"maxretry") => {
                let value = options.value("--maxretry")?;
                request.maxretry = text(value)
                    .and_then(|text| text.parse().ok())
                    .filter(|n| (1..=limits::MAXRETRY).contains(n))
                    .ok_or(wrong("maxretry is a number from 1 to 10000", value))?;
            }
            Piece::Name(b"findtime") => {
                let value = options.value("--findtime")?;
                request.findtime = text(value)
                    .and_then(duration::parse)
                    .filter(|span| (1..=limits::FINDTIME_SECS).contains(&span.as_secs()))
                    .ok_or(wrong("findtime is a time from 1s to 365d, as 600, 10m or 1h", value))?;
            }
            Piece::Name(name) => return Err(unknown(name)),
            Piece::Word(word) if request.path.is_none() => request.path = Some(word),
            Piece::Word(word) => return Err(unexpected(word)),
        }
    }
    if !chosen {
        return Err(wrong("--filter NAME is missing", b""));
    }
    Ok(replay(&request, arena))
}

fn help() -> u8 {
    let [before, after] = HELP;
    say(before);
    for filter in Filter::ALL.into_iter().filter(reads_a_log) {
        say("                      ");
        say(filter.name());
        say("\n");
    }
    say(after)
}

/// One does not: it counts bans.
fn reads_a_log(filter: &Filter) -> bool {
    *filter != Filter::Recidive
}

fn text(bytes: &'static [u8]) -> Option<&'static str> {
    core::str::from_utf8(bytes).ok()
}

/// A jail for each filter in question that bans for good, so that every address is told once.
fn jails(request: &Request) -> Vec<Jail, { Filter::ALL.len() }> {
    Filter::ALL
        .into_iter()
        .filter(|filter| request.filter.map_or(reads_a_log(filter), |only| only == *filter))
        .map(|filter| Jail {
            name: String::new(),
            enabled: true,
            filter,
            mode: request.mode,
            logpath: Vec::new(),
            maxretry: request.maxretry,
            findtime: request.findtime,
            bantime: BanTime::Permanent,
            growth: Growth::default(),
            ignoreip: Vec::new(),
            ignoreself: false,
        })
        .collect()
}

fn replay(request: &Request, arena: &'static mut Arena) -> u8 {
    let Arena { engine, chunk, output, .. } = arena;
    let file = match request.path.filter(|path| path.to_bytes() != b"-") {
        None => None,
        Some(path) => match file::open(path, OpenFlags::READ_ONLY, 0) {
            Ok(file) => Some(file),
            Err(error) => return complain(path, error),
        },
    };
    let fd = file.as_ref().map_or(BorrowedFd::STDIN, AsFd::as_fd);
    let mut out = Out::new(BorrowedFd::STDOUT, output);
    let jails = jails(request);
    let mut secret = [0; 16];
    if let Err(error) = random::fill(&mut secret) {
        return complain(c"random numbers", error);
    }
    let mut replay = Replay::new(engine, &jails, request.show, secret);

    let mut framer = Framer::new();
    let mut held = 0;
    loop {
        let got = match file::read(fd, chunk.get_mut(held..).unwrap_or_default()) {
            Ok(got) => got,
            Err(error) => {
                out.flush();
                return complain(request.path.unwrap_or(c"standard input"), error);
            }
        };
        let bytes = chunk.get(..held + got).unwrap_or_default();
        if got == 0 {
            if let Some(line) = framer.last_line(bytes) {
                replay.line(line, &mut out);
            }
            break;
        }
        let framed = framer.feed(bytes, |line| replay.line(line, &mut out));
        replay.overlong += framed.overlong;
        let filled = bytes.len();
        chunk.copy_within(framed.consumed..filled, 0);
        held = filled - framed.consumed;
    }
    replay.finish(request, out)
}

fn complain(what: &CStr, error: Errno) -> u8 {
    let mut buffer = [0; 256];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    put!(&mut err, "edgeban: {}: {error}\n", Printable(what.to_bytes()));
    err.flush();
    exit::INPUT
}

struct Replay<'m> {
    engine: Engine<'m, { limits::TRACKED }, { 2 * limits::TRACKED }, { limits::BANS }, { 2 * limits::BANS }>,
    all: JailSet,
    clock: LogClock,
    show: Show,
    line: u64,
    matched: u64,
    overlong: u64,
}

impl<'m> Replay<'m> {
    fn new(memory: &'m mut FullMemory, jails: &[Jail], show: Show, secret: [u8; 16]) -> Self {
        let mut all = JailSet::NONE;
        for (number, _) in (0u8..).zip(jails) {
            all.insert(number);
        }
        let engine = Engine::new(memory, jails, Layout::plain(""), HashKey::from_bytes(secret));
        Self { engine, all, clock: LogClock::default(), show, line: 0, matched: 0, overlong: 0 }
    }

    fn line(&mut self, line: &[u8], out: &mut Out<'_>) {
        self.line += 1;
        let clock = &mut self.clock;
        let mut hit: Option<(Filter, Addr, bool)> = None;
        self.engine.handle_line(self.all, line, Clock::Log(clock), |jail, attempt, decision| {
            // The first filter that matches, unless another leads to a ban.
            let ban = matches!(decision, Decision::Ban(_));
            if ban || hit.is_none() {
                hit = Some((jail.filter, attempt.addr, ban));
            }
        });
        self.matched += u64::from(hit.is_some());
        let number = self.line;
        match (self.show, hit) {
            (Show::Totals, _) => {}
            (Show::Json, None) => put!(out, "{{\"line\":{number},\"match\":false}}\n"),
            (Show::Json, Some((filter, addr, ban))) => put!(
                out,
                "{{\"line\":{number},\"match\":true,\"address\":\"{addr}\",\"filter\":\"{}\"{}}}\n",
                filter.name(),
                if ban { ",\"ban\":true" } else { "" }
            ),
            (Show::Lines, None) => put!(out, "{number:>8}  no match                          {}\n", Printable(line)),
            (Show::Lines, Some((_, addr, ban))) => {
                let mark = if ban { "BAN  " } else { "match" };
                put!(out, "{number:>8}  {mark}  {addr:<25}  {}\n", Printable(line));
            }
        }
    }

    fn finish(self, request: &Request, mut out: Out<'_>) -> u8 {
        if self.show != Show::Json {
            let missed = self.line - self.matched;
            put!(&mut out, "\n{} lines: {} matched, {missed} did not", self.line, self.matched);
            if self.overlong > 0 {
                put!(&mut out, "; {} more were longer than {} bytes and skipped", self.overlong, limits::LINE);
            }
            let bans = self.engine.bans();
            let Request { maxretry, findtime, .. } = request;
            put!(&mut out, "\n{} addresses would be banned with maxretry {maxretry}, findtime {findtime}", bans.len());
            put!(&mut out, "{}\n", if bans.is_empty() { "" } else { ":" });
            for family in [Family::V4, Family::V6] {
                let mut next = bans.next_wanted(family);
                while let Some((slot, addr, _)) = next {
                    put!(&mut out, "  {addr}\n");
                    next = bans.after(slot);
                }
            }
            let refused = self.engine.counters().refused_full;
            if refused > 0 {
                put!(&mut out, "{refused} more bans found no room (limit BANS = {})\n", limits::BANS);
            }
        }
        match out.finish() {
            Ok(()) if self.matched > 0 => exit::OK,
            Ok(()) => exit::NO,
            Err(_) => exit::INPUT,
        }
    }
}
