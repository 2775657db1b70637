//! Answers, piece by piece.

use super::request::{PART, Request, decoded};
use super::text::{Json, OrNull, Text};
use super::{Access, Ban, World, metrics};
use crate::addr::{Addr, Prefix};
use crate::event::Event;
use crate::time::{Duration, Instant};
use core::fmt::{self, Write};
use heapless::{Deque, Vec};

/// Bans that one turn looks at for one client: some 50 us.
pub const SCAN: usize = 4096;

/// Bans in one answer to `/api/v1/bans`, and how many if it is not said.
const LIMIT: usize = 100_000;
const USUAL: usize = 100;

/// What happened that clients of `/events` may still want: a flood's batch. A slow client is told how much it lost.
pub const EVENTS: usize = 512;

/// A client of `/events` that gets nothing is sent a comment this often, so that proxies keep the connection and one that is
/// gone is found.
const BEAT: Duration = Duration::from_secs(15);

const PAGE: &[u8] = include_bytes!("page.html");

/// The last [`EVENTS`] bans and unbans.
pub struct Feed {
    events: Deque<Shown, EVENTS>,
    /// The number of the first of them.
    first: u64,
}

/// What `/events` shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Shown {
    Ban { prefix: Prefix, jail: u8, until: Option<Instant> },
    Unban { prefix: Prefix, expired: bool },
}

impl Feed {
    /// Nothing happened.
    #[must_use]
    pub const fn new() -> Self {
        Self { events: Deque::new(), first: 0 }
    }

    /// Takes note of an event, if it is one that is shown.
    pub fn observe(&mut self, event: &Event) {
        let shown = match *event {
            Event::Banned { addr, jail, until } => Shown::Ban { prefix: Prefix::one(addr), jail, until },
            Event::PrefixBanned { prefix, jail, until } => Shown::Ban { prefix, jail, until },
            Event::Unbanned { addr, expired } => Shown::Unban { prefix: Prefix::one(addr), expired },
            Event::PrefixUnbanned { prefix, expired } => Shown::Unban { prefix, expired },
            _ => return,
        };
        if self.events.is_full() {
            let _ = self.events.pop_front();
            self.first += 1;
        }
        let _ = self.events.push_back(shown);
    }

    /// The number that the next event will have.
    fn end(&self) -> u64 {
        self.first + u64::try_from(self.events.len()).unwrap_or(0)
    }

    fn get(&self, number: u64) -> Option<&Shown> {
        self.events.iter().nth(usize::try_from(number.checked_sub(self.first)?).ok()?)
    }
}

impl Default for Feed {
    fn default() -> Self {
        Self::new()
    }
}

/// What is sent behind the head.
#[derive(Clone, Debug)]
pub enum Body {
    /// Text that is known.
    Fixed(&'static [u8]),
    Metrics(metrics::Step),
    Status(Part),
    Series(u8),
    Bans {
        place: usize,
        left: usize,
        total: u64,
        first: bool,
        select: Select,
    },
    History {
        addr: Addr,
        next: usize,
    },
    /// `beat` is when something was last sent, `None` before the first: some clients show nothing, the head neither, before
    /// there is some of the body.
    Events {
        next: u64,
        beat: Option<Instant>,
    },
}

/// Where a status goes on.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    Daemon,
    Jails(usize),
    Sources(usize),
}

/// Which bans are wanted.
#[derive(Clone, Debug, Default)]
pub struct Select {
    prefix: Vec<u8, PART>,
    jail: Vec<u8, PART>,
}

impl Select {
    fn takes(&self, ban: &Ban, world: &impl World) -> bool {
        let jail = || world.jail(ban.jail).is_some_and(|jail| jail.name.as_bytes() == self.jail);
        let mut buffer = [0; 64];
        let mut text = Text::new(&mut buffer);
        let named = |text: &mut Text<'_>| write!(text, "{}", ban.addr).is_ok();
        (self.jail.is_empty() || jail())
            && (self.prefix.is_empty() || named(&mut text) && text.written().starts_with(&self.prefix))
    }
}

/// Status line, content type and body of an answer.
pub struct Answer {
    pub status: &'static str,
    pub kind: &'static str,
    pub more: &'static str,
    pub body: Body,
}

impl Answer {
    const fn plain(status: &'static str, text: &'static [u8]) -> Self {
        Self { status, kind: "text/plain; charset=utf-8", more: "", body: Body::Fixed(text) }
    }

    const fn json(body: Body) -> Self {
        Self { status: "200 OK", kind: "application/json", more: "", body }
    }

    pub const MALFORMED: Self = Self::plain("400 Bad Request", b"this is no request that edgeban understands\n");
    pub const TOO_LARGE: Self = Self::plain("431 Request Header Fields Too Large", b"the request is too long\n");
    pub const LATE: Self = Self::plain("408 Request Timeout", b"the request did not come in time\n");
    const MISDIRECTED: Self =
        Self::plain("421 Misdirected Request", b"edgeban answers to its address or to localhost, not to other names\n");
    const NOT_FOUND: Self = Self::plain("404 Not Found", b"there is nothing here; the page is at /\n");
    const NO_TOKEN: Self =
        Self::plain("403 Forbidden", b"bans are lifted here only with a token, and the configuration has none\n");
    const NOT_BANNED: Self = Self::plain("404 Not Found", b"this address is not banned\n");

    /// What to answer. What is asked to be done is done.
    pub fn of(request: &Request<'_>, access: &Access<'_>, world: &mut impl World) -> Self {
        if !request.is_for_us() {
            return Self::MISDIRECTED;
        }
        let get = match request.method {
            "GET" | "HEAD" => true,
            "DELETE" => false,
            _ => {
                let more = "Allow: GET, HEAD, DELETE\r\n";
                return Self { more, ..Self::plain("405 Method Not Allowed", b"edgeban takes GET and DELETE\n") };
            }
        };
        if get && request.path == "/" {
            // No data, so no token: it asks for it itself.
            let more = "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                        connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n";
            return Self { status: "200 OK", kind: "text/html; charset=utf-8", more, body: Body::Fixed(PAGE) };
        }
        if !(get && access.may_read(request.token) || access.may_change(request.token)) {
            if access.token.is_none() {
                return Self::NO_TOKEN;
            }
            let more = "WWW-Authenticate: Bearer realm=\"edgeban\"\r\n";
            return Self {
                more,
                ..Self::plain("401 Unauthorized", b"this needs the token (web_token of the configuration)\n")
            };
        }
        if !get {
            return Self::unban(request, world);
        }
        match request.path {
            "/metrics" => Self {
                kind: "text/plain; version=0.0.4; charset=utf-8",
                ..Self::json(Body::Metrics(metrics::Step::Daemon(0)))
            },
            "/api/v1/status" => Self::json(Body::Status(Part::Daemon)),
            "/api/v1/series" => Self::json(Body::Series(0)),
            "/api/v1/bans" => {
                let limit = request.asks("limit").map(|text| {
                    core::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).filter(|n| *n <= LIMIT)
                });
                let Some(left) = limit.unwrap_or(Some(USUAL)) else {
                    return Self::plain("400 Bad Request", b"limit is a number up to 100000\n");
                };
                let select = Select {
                    prefix: request.asks("prefix").unwrap_or_default(),
                    jail: request.asks("jail").unwrap_or_default(),
                };
                Self::json(Body::Bans { place: 0, left, total: 0, first: true, select })
            }
            "/api/v1/history" => match request.asks("address").and_then(|text| Addr::parse(&text).ok()) {
                Some(addr) => Self::json(Body::History { addr, next: 0 }),
                None => Self::plain("400 Bad Request", b"address is an IPv4 or IPv6 address\n"),
            },
            "/events" => {
                let body = Body::Events { next: world.feed().end(), beat: None };
                Self { kind: "text/event-stream", ..Self::json(body) }
            }
            _ => Self::NOT_FOUND,
        }
    }

    fn unban(request: &Request<'_>, world: &mut impl World) -> Self {
        let Some(text) = request.path.strip_prefix("/api/v1/bans/") else { return Self::NOT_FOUND };
        match decoded(text).and_then(|text| Addr::parse(&text).ok()) {
            None => Self::plain("400 Bad Request", b"this is not an IPv4 or IPv6 address\n"),
            // The kernel's answer comes with /events.
            Some(addr) if world.unban(addr) => {
                Self { status: "202 Accepted", ..Self::json(Body::Fixed(b"{\"accepted\":true}\n")) }
            }
            Some(_) => Self::NOT_BANNED,
        }
    }
}

/// What one call of [`Body::fill`] came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filled {
    /// There is more, as soon as this is sent.
    More,
    /// There may be more later.
    Later,
    /// That was all.
    All,
}

impl Body {
    /// Writes what fits of what comes next.
    pub fn fill(&mut self, world: &impl World, text: &mut Text<'_>) -> Filled {
        if let Self::Fixed(rest) = self {
            let len = text.some(rest);
            *rest = rest.get(len..).unwrap_or_default();
            return if rest.is_empty() { Filled::All } else { Filled::More };
        }
        let mut scan = SCAN;
        loop {
            let before = text.len();
            match self.next(world, &mut scan, text) {
                Ok(Filled::More) if scan > 0 => {}
                Ok(filled) => return filled,
                // It did not fit. What fits not even into an empty buffer is a mistake of ours; it ends the answer.
                Err(fmt::Error) => {
                    text.truncate(before);
                    return if before == 0 { Filled::All } else { Filled::More };
                }
            }
        }
    }

    /// Writes the next part whole and goes on behind it, or does neither.
    fn next(&mut self, world: &impl World, scan: &mut usize, text: &mut Text<'_>) -> Result<Filled, fmt::Error> {
        match self {
            Self::Fixed(_) => Ok(Filled::All),
            Self::Metrics(step) => {
                let Some(next) = metrics::next(*step, world, text)? else { return Ok(Filled::All) };
                *step = next;
                Ok(Filled::More)
            }
            Self::Status(part) => status(part, world, text),
            Self::Series(next) => {
                let now = world.wall(world.now());
                let (name, ago) = if *next < 60 { ("minutes", 59 - *next) } else { ("hours", 83 - *next) };
                let series = world.series();
                let point = if *next < 60 { series.minute(ago, now) } else { series.hour(ago, now) };
                match *next {
                    0 => write!(text, "{{\"{name}\":[")?,
                    60 => write!(text, "],\"{name}\":[")?,
                    _ => text.write_char(',')?,
                }
                write!(text, "{{\"at\":{},\"attempts\":{},\"bans\":{}}}", point.at, point.attempts, point.bans)?;
                if *next == 83 {
                    text.write_str("]}\n")?;
                    return Ok(Filled::All);
                }
                *next += 1;
                Ok(Filled::More)
            }
            Self::Bans { place, left, total, first, select } => {
                let Some((next, ban)) = world.ban(*place) else {
                    writeln!(text, "{}],\"total\":{total}}}", if *first { "{\"bans\":[" } else { "" })?;
                    return Ok(Filled::All);
                };
                *scan -= 1;
                if select.takes(&ban, world) {
                    if *left > 0 {
                        let jail = world.jail(ban.jail).map_or("", |jail| jail.name);
                        let time = |at: Option<Instant>| OrNull(at.map(|at| world.wall(at)));
                        write!(
                            text,
                            "{}{{\"address\":\"{}\",\"jail\":{},\"since\":{},\"until\":{}}}",
                            if *first { "{\"bans\":[" } else { "," },
                            ban.addr,
                            Json(jail.as_bytes()),
                            time(ban.since),
                            time(ban.until)
                        )?;
                        *first = false;
                        *left -= 1;
                    }
                    *total += 1;
                }
                *place = next;
                Ok(Filled::More)
            }
            Self::History { addr, next } => {
                let line = world.line(*addr, *next);
                if *next == 0 {
                    let ban = world.past_bans(*addr);
                    write!(text, "{{\"address\":\"{addr}\",\"bans\":{ban},\"lines\":[")?;
                }
                let Some(line) = line else {
                    text.write_str("]}\n")?;
                    return Ok(Filled::All);
                };
                let comma = if *next == 0 { "" } else { "," };
                write!(text, "{comma}{{\"at\":{},\"line\":{}}}", world.wall(line.at), Json(line.text))?;
                *next += 1;
                Ok(Filled::More)
            }
            Self::Events { next, beat } => {
                let (feed, now) = (world.feed(), world.now());
                if *next >= feed.end() {
                    if beat.is_none_or(|beat| beat + BEAT <= now) {
                        text.write_str(":\n\n")?;
                        *beat = Some(now);
                    }
                    return Ok(Filled::Later);
                }
                let from = (*next).max(feed.first);
                if from > *next {
                    write!(text, "data: {{\"type\":\"lost\",\"events\":{}}}\n\n", from - *next)?;
                    (*next, *beat) = (from, Some(now));
                    return Ok(Filled::More);
                }
                match feed.get(*next) {
                    Some(Shown::Ban { prefix, jail, until }) => {
                        let jail = world.jail((*jail).into()).map_or("", |jail| jail.name);
                        let (jail, until) = (Json(jail.as_bytes()), OrNull(until.map(|until| world.wall(until))));
                        let who = Who(prefix);
                        write!(
                            text,
                            "data: {{\"type\":\"ban\",\"address\":\"{who}\",\"jail\":{jail},\"until\":{until}}}\n\n"
                        )?;
                    }
                    Some(Shown::Unban { prefix, expired }) => {
                        let who = Who(prefix);
                        write!(text, "data: {{\"type\":\"unban\",\"address\":\"{who}\",\"expired\":{expired}}}\n\n")?;
                    }
                    None => {}
                }
                (*next, *beat) = (*next + 1, Some(now));
                Ok(Filled::More)
            }
        }
    }

    /// When there may be more without an event.
    pub fn poll_at(&self) -> Option<Instant> {
        match self {
            Self::Events { beat, .. } => beat.map(|beat| beat + BEAT),
            _ => None,
        }
    }
}

/// An address, or a prefix of several.
struct Who<'a>(&'a Prefix);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_one() { self.0.base().fmt(f) } else { self.0.fmt(f) }
    }
}

fn status(part: &mut Part, world: &impl World, text: &mut Text<'_>) -> Result<Filled, fmt::Error> {
    match *part {
        Part::Daemon => {
            let facts = world.facts();
            let strings = [("version", facts.version), ("backend", facts.backend), ("table", facts.table)];
            text.write_char('{')?;
            for (name, value) in strings {
                write!(text, "\"{name}\":{},", Json(value.as_bytes()))?;
            }
            let now = world.wall(world.now());
            write!(text, "\"ready\":{},\"uptime\":{},\"now\":{now}", facts.ready, facts.uptime)?;
            for (number, value) in metrics::NUMBERS.iter().zip(facts.numbers) {
                write!(text, ",\"{}\":{value}", number.name)?;
            }
            text.write_str(",\"jails\":[")?;
            *part = Part::Jails(0);
        }
        Part::Jails(at) => {
            let Some(jail) = world.jail(at) else {
                text.write_str("],\"sources\":[")?;
                *part = Part::Sources(0);
                return Ok(Filled::More);
            };
            write!(
                text,
                "{}{{\"jail\":{},\"filter\":{},\"enabled\":{},\"maxretry\":{},\"findtime\":{},\"bantime\":{},\"banned\":{},\
                 \"attempts\":{},\"bans\":{}}}",
                if at == 0 { "" } else { "," },
                Json(jail.name.as_bytes()),
                Json(jail.filter.as_bytes()),
                jail.enabled,
                jail.maxretry,
                jail.findtime,
                OrNull(jail.bantime),
                jail.banned,
                jail.attempts,
                jail.bans
            )?;
            *part = Part::Jails(at + 1);
        }
        Part::Sources(at) => {
            let Some(source) = world.source(at) else {
                text.write_str("]}\n")?;
                return Ok(Filled::All);
            };
            let comma = if at == 0 { "" } else { "," };
            write!(text, "{comma}{{\"source\":{},\"fault\":", Json(source.name.as_bytes()))?;
            match source.fault {
                Some(fault) => write!(text, "{}", Json(fault.as_bytes()))?,
                None => text.write_str("null")?,
            }
            let super::Source { lines, bytes, skipped, .. } = source;
            write!(text, ",\"lines\":{lines},\"bytes\":{bytes},\"skipped\":{skipped}}}")?;
            *part = Part::Sources(at + 1);
        }
    }
    Ok(Filled::More)
}
