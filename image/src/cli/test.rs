//! `edgeban test`: what would a filter make of this log?

use super::options::{Options, Piece, Usage, unexpected, wrong};
use super::{doubts, text};
use crate::arena::Arena;
use crate::config::{self, Space};
use crate::exit;
use crate::out::{Out, Printable};
use crate::put;
use core::ffi::CStr;
use edgeban_core::addr::{Addr, Family};
use edgeban_core::ban::ladder::Growth;
use edgeban_core::config::duration;
use edgeban_core::config::model::{BanTime, Jail};
use edgeban_core::detect::custom::{Almost, Filters, Line};
use edgeban_core::detect::template::{self, Explained, Use};
use edgeban_core::detect::{Filter, JailFilter, Mode};
use edgeban_core::engine::{Clock, Decision, Engine, FullMemory, JailSet};
use edgeban_core::firewall::nft::Layout;
use edgeban_core::limits;
use edgeban_core::replay::LogClock;
use edgeban_core::source::journal::Matches;
use edgeban_core::source::line::Framer;
use edgeban_core::source::syslog::Split;
use edgeban_core::table::HashKey;
use edgeban_core::time::Duration;
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::file::{self, OpenFlags};
use edgeban_linux::{Errno, random};
use heapless::{String, Vec};

/// How results are shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Show {
    Lines,
    Json,
    Totals,
}

/// Which filters are tried.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Chosen {
    /// None so far.
    None,
    /// All that edgeban has.
    All,
    /// One that edgeban has.
    BuiltIn(Filter),
    /// One of the configuration, by its name.
    Named(&'static CStr),
    /// The first in memory.
    Custom,
}

struct Request {
    filter: Chosen,
    mode: Mode,
    maxretry: u32,
    findtime: Duration,
    show: Show,
    path: Option<&'static CStr>,
}

/// Runs the verb.
pub fn run(mut options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let mut request = Request {
        filter: Chosen::None,
        mode: Mode::Normal,
        maxretry: 5,
        findtime: Duration::from_secs(600),
        show: Show::Lines,
        path: None,
    };
    let mut path = None;
    let filters = &mut arena.config.filters;
    while let Some(piece) = options.next()? {
        match piece {
            Piece::Option("json", _) => request.show = Show::Json,
            Piece::Option("quiet", _) => request.show = Show::Totals,
            Piece::Option("filter", name) => {
                if request.filter == Chosen::Custom {
                    return Err(wrong("either --filter or --match", c""));
                }
                request.filter = match name.to_bytes() {
                    b"auto" => Chosen::All,
                    _ => text(name)
                        .and_then(Filter::from_name)
                        .filter(reads_a_log)
                        .map_or(Chosen::Named(name), Chosen::BuiltIn),
                };
            }
            Piece::Option("config", file) => path = Some(file),
            Piece::Option(name @ ("match" | "ignore"), value) => {
                if !matches!(request.filter, Chosen::None | Chosen::Custom) {
                    return Err(wrong("either --filter or --match", c""));
                }
                let of = if name == "ignore" { Use::Ignore } else { Use::Match };
                if let Err(code) = add(filters, of, value)? {
                    return Ok(code);
                }
                request.filter = Chosen::Custom;
            }
            Piece::Option("mode", name) => {
                request.mode = text(name)
                    .and_then(Mode::from_name)
                    .ok_or(wrong("no such mode, expected normal, ddos, extra or aggressive", name))?;
            }
            Piece::Option("maxretry", value) => {
                request.maxretry = text(value)
                    .and_then(|text| text.parse().ok())
                    .filter(|n| (1..=limits::MAXRETRY).contains(n))
                    .ok_or(wrong("maxretry is a number from 1 to 10000", value))?;
            }
            Piece::Option("findtime", value) => {
                request.findtime = text(value)
                    .and_then(duration::parse)
                    .filter(|span| (1..=limits::FINDTIME_SECS).contains(&span.as_secs()))
                    .ok_or(wrong("findtime is a time from 1s to 365d, as 600, 10m or 1h", value))?;
            }
            Piece::Option(..) => {}
            Piece::Word(word) if request.path.is_none() => request.path = Some(word),
            Piece::Word(word) => return Err(unexpected(word)),
        }
    }
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let only = match request.filter {
        Chosen::None => return Err(wrong("--filter NAME or --match TEMPLATE is missing", c"")),
        Chosen::All => None,
        Chosen::BuiltIn(filter) => Some(JailFilter::BuiltIn(filter)),
        Chosen::Custom if filters.templates(0, Use::Match).next().is_none() => {
            return Err(wrong("--match TEMPLATE is missing", c""));
        }
        Chosen::Custom => {
            doubts(filters, &mut err);
            Some(JailFilter::Custom(0))
        }
        Chosen::Named(name) => {
            let space = Space { text: &mut arena.config_text, tokens: &mut arena.config_tokens };
            if let Err(code) = config::load(path, space, &mut arena.config, &mut |line| put!(&mut err, "{line}\n")) {
                err.flush();
                return Ok(code);
            }
            let number = text(name).and_then(|name| arena.config.filters.find(name));
            Some(JailFilter::Custom(number.ok_or(wrong("no such filter, `edgeban test --help` names them", name))?))
        }
    };
    err.flush();
    Ok(replay(&request, only, arena))
}

/// Adds a template of the command line to the one filter there is then; the exit code if it is none.
fn add(filters: &mut Filters, of: Use, template: &'static CStr) -> Result<Result<(), u8>, Usage> {
    let template = text(template).ok_or(wrong("a template is UTF-8 text", template))?;
    if let Err(fault) = template::check_custom(template.as_bytes(), of) {
        let mut buffer = [0; 512];
        let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
        let column = template.bytes().take(fault.at()).filter(|byte| byte & 0xc0 != 0x80).count() + 1;
        put!(&mut err, "{}:{column}: {}\n", Printable(template.as_bytes()), Explained(fault, template));
        err.flush();
        return Ok(Err(exit::NO));
    }
    if filters.names().next().is_none() {
        // Both fit empty tables.
        let _ = String::try_from("match").map(|name| filters.add(name));
    }
    filters.push(0, of, template).map_err(|_| wrong("this template is one too many, or too long", c""))?;
    Ok(Ok(()))
}

/// Whether it is there to read logs. One is not: it counts bans.
pub fn reads_a_log(filter: &Filter) -> bool {
    *filter != Filter::Recidive
}

/// A jail for each filter in question that bans for good, so that every address is told once.
fn jails(request: &Request, only: Option<JailFilter>) -> Vec<Jail, { Filter::ALL.len() }> {
    let all = Filter::ALL.into_iter().filter(|filter| only.is_none() && reads_a_log(filter)).map(JailFilter::BuiltIn);
    only.into_iter()
        .chain(all)
        .map(|filter| Jail {
            name: String::new(),
            enabled: true,
            filter,
            mode: request.mode,
            logpath: Vec::new(),
            journalmatch: Matches::NONE,
            maxretry: request.maxretry,
            findtime: request.findtime,
            bantime: BanTime::Permanent,
            growth: Growth::default(),
            ignoreip: Vec::new(),
            ignoreself: false,
        })
        .collect()
}

fn replay(request: &Request, only: Option<JailFilter>, arena: &'static mut Arena) -> u8 {
    let Arena { engine, chunk, output, config, .. } = arena;
    let file = match request.path.filter(|path| path.to_bytes() != b"-") {
        None => None,
        Some(path) => match file::open(path, OpenFlags::READ_ONLY, 0) {
            Ok(file) => Some(file),
            Err(error) => return complain(path, error),
        },
    };
    let fd = file.as_ref().map_or(BorrowedFd::STDIN, AsFd::as_fd);
    let mut out = Out::new(BorrowedFd::STDOUT, output);
    let jails = jails(request, only);
    let mut secret = [0; 16];
    if let Err(error) = random::fill(&mut secret) {
        return complain(c"random numbers", error);
    }
    let mut replay = Replay::new(engine, &jails, &config.filters, request.show, secret);

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
    /// Lines that the operator's filter would read if its templates named other programs, or none.
    almost: [u64; 2],
    /// Such a program.
    program: String<{ limits::JAIL_NAME }>,
}

impl<'m> Replay<'m> {
    fn new(memory: &'m mut FullMemory, jails: &[Jail], filters: &Filters, show: Show, secret: [u8; 16]) -> Self {
        let mut all = JailSet::NONE;
        for (number, _) in (0u8..).zip(jails) {
            all.insert(number);
        }
        let mut engine = Engine::new(memory, jails, Layout::plain(""), HashKey::from_bytes(secret));
        engine.set_filters(filters);
        let (clock, almost, program) = (LogClock::default(), [0; 2], String::new());
        Self { engine, all, clock, show, line: 0, matched: 0, overlong: 0, almost, program }
    }

    fn line(&mut self, line: &[u8], out: &mut Out<'_>) {
        self.line += 1;
        let clock = &mut self.clock;
        let mut hit: Option<(JailFilter, Addr, bool)> = None;
        self.engine.handle_line(self.all, line, Clock::Log(clock), |jail, attempt, decision| {
            // The first filter that matches, unless another leads to a ban.
            let ban = matches!(decision, Decision::Ban(_));
            if ban || hit.is_none() {
                hit = Some((jail.filter, attempt.addr, ban));
            }
        });
        self.matched += u64::from(hit.is_some());
        if let ([Jail { filter: JailFilter::Custom(filter), .. }], None) = (self.engine.jails(), hit) {
            self.almost(*filter, line);
        }
        let number = self.line;
        match (self.show, hit) {
            (Show::Totals, _) => {}
            (Show::Json, None) => put!(out, "{{\"line\":{number},\"match\":false}}\n"),
            (Show::Json, Some((filter, addr, ban))) => put!(
                out,
                "{{\"line\":{number},\"match\":true,\"address\":\"{addr}\",\"filter\":\"{}\"{}}}\n",
                filter.name(self.engine.filters()),
                if ban { ",\"ban\":true" } else { "" }
            ),
            (Show::Lines, None) => put!(out, "{number:>8}  no match                          {}\n", Printable(line)),
            (Show::Lines, Some((_, addr, ban))) => {
                let mark = if ban { "BAN  " } else { "match" };
                put!(out, "{number:>8}  {mark}  {addr:<25}  {}\n", Printable(line));
            }
        }
    }

    /// Counts a line that a filter of the operator's does not read for the program that its templates name.
    fn almost(&mut self, filter: u8, line: &[u8]) {
        let [in_program, in_line] = &mut self.almost;
        match self.engine.filters().almost(filter, &mut Line::new(line, Split::of(line))) {
            None => {}
            Some(Almost::Line) => *in_line += 1,
            Some(Almost::Program(program)) => {
                *in_program += 1;
                if let Ok(name) = core::str::from_utf8(program).map_or(Ok(String::new()), String::try_from) {
                    self.program = name;
                }
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
            let [in_program, in_line] = self.almost;
            if in_program > 0 {
                put!(&mut out, "\n{in_program} of these would with <prog:{}> at the template's start", self.program);
            }
            if in_line > 0 {
                put!(&mut out, "\n{in_line} of these would without <prog:...>: their heads name no such program");
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
