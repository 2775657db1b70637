//! The page, the metrics and the events: joins TCP connections and `core::web`. Who may do what, and what the answers are, is
//! core's business.
//!
//! Nothing here waits, and each turn of the loop writes at most [`TURN`] bytes to a client: who reads slowly, or never,
//! costs its place and nothing else.

use crate::daemon::{FullEngine, Settings};
use crate::log;
use crate::log::Log;
use crate::source::Files;
use crate::source::feeds::Feeds;
use edgeban_core::addr::Addr;
use edgeban_core::ban::{MANUAL, MANUAL_NAME};
use edgeban_core::config::model::{BanTime, Listen};
use edgeban_core::event::Event;
use edgeban_core::evidence::Evidence;
use edgeban_core::limits::{self, WEB_CLIENTS};
use edgeban_core::source::feed;
use edgeban_core::source::tail::Fault;
use edgeban_core::time::Instant;
use edgeban_core::web::{Access, Ban, Client, Facts, Feed, Jail, Line, NUMBERS, Room, Series, Source, World};
use edgeban_linux::epoll::{Epoll, Ready};
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::inet::{Endpoint, TcpListener, TcpStream};
use edgeban_linux::{Errno, clock};

/// Bytes written to one client in one turn.
const TURN: usize = 64 * 1024;

/// What is on the way, large enough to lie in the arena.
pub struct Buffers {
    rooms: [Room; WEB_CLIENTS],
    series: Series,
    feed: Feed,
    /// The last lines that counted.
    pub evidence: Evidence,
}

impl Buffers {
    pub const fn new() -> Self {
        Self {
            rooms: [const { Room::new() }; WEB_CLIENTS],
            series: Series::new(),
            feed: Feed::new(),
            evidence: Evidence::new(),
        }
    }
}

struct Connection {
    stream: TcpStream,
    client: Client,
    interest: Ready,
}

/// What happened since the start.
#[derive(Default)]
struct Counters {
    connected: u64,
    evicted: u64,
    ended: u64,
}

/// The listener and its clients.
pub struct Web {
    listener: Option<(Listen, TcpListener)>,
    clients: [Option<Connection>; WEB_CLIENTS],
    buffers: &'static mut Buffers,
    counters: Counters,
    started: Instant,
}

/// What answers are about.
pub struct Around<'a> {
    pub settings: &'a Settings,
    pub engine: &'a mut FullEngine,
    pub files: &'a Files,
    pub feeds: &'a Feeds,
    pub epoll: &'a Epoll,
    pub now: Instant,
}

fn endpoint(Listen { addr, port }: Listen) -> Endpoint {
    match addr.as_v4() {
        Some(octets) => Endpoint::V4(octets, port),
        None => Endpoint::V6(addr.octets(), port, 0),
    }
}

impl Web {
    /// Listens, if that is wanted.
    pub fn open(listen: Option<Listen>, buffers: &'static mut Buffers, now: Instant) -> Result<Self, (Listen, Errno)> {
        let listener = match listen {
            None => None,
            Some(at) => Some((at, TcpListener::bind(&endpoint(at), 64).map_err(|error| (at, error))?)),
        };
        let clients = [const { None }; WEB_CLIENTS];
        Ok(Self { listener, clients, buffers, counters: Counters::default(), started: now })
    }

    /// The listener's descriptor.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.listener.as_ref().map(|(_, listener)| listener.as_fd())
    }

    /// Where it listens.
    pub fn listens(&self) -> Option<Listen> {
        self.listener.as_ref().map(|(at, _)| *at)
    }

    /// The last lines that counted.
    pub const fn evidence(&mut self) -> &mut Evidence {
        &mut self.buffers.evidence
    }

    /// Takes note of what happened.
    pub fn observe(&mut self, event: &Event) {
        self.buffers.feed.observe(event);
    }

    /// Takes the connections that wait, `base` plus its place being the token of each.
    pub fn accept(&mut self, base: u64, around: &mut Around<'_>) {
        for _ in 0..WEB_CLIENTS {
            let Some((_, listener)) = &self.listener else { return };
            let Ok(stream) = listener.accept() else { return };
            self.counters.connected += 1;
            let clients = &mut self.clients;
            let free = clients.iter().position(Option::is_none);
            // The one that would be sent away first anyway makes room.
            let first = || {
                let ends =
                    clients.iter().enumerate().filter_map(|(n, place)| Some((place.as_ref()?.client.poll_at(), n)));
                ends.min().map(|(_, n)| n)
            };
            let Some(place) = free.or_else(first) else { return };
            self.counters.evicted += u64::from(free.is_none());
            let connection = Connection { stream, client: Client::new(around.now), interest: Ready::READ };
            let token = base + u64::try_from(place).unwrap_or(0);
            if around.epoll.add(connection.stream.as_fd(), Ready::READ, token).is_ok()
                && let Some(slot) = clients.get_mut(place)
            {
                *slot = Some(connection);
                self.turn(place, base, around);
            }
        }
    }

    /// Reads from and writes to the client at a place.
    pub fn turn(&mut self, place: usize, base: u64, around: &mut Around<'_>) {
        let listen = self.listens();
        let Buffers { rooms, series, feed, evidence } = &mut *self.buffers;
        let (Some(slot), Some(room)) = (self.clients.get_mut(place), rooms.get_mut(place)) else { return };
        let Some(connection) = slot else { return };
        let now = around.now;
        let wall = clock::realtime_secs().unwrap_or(0);
        let token = around.settings.global.web_token.as_str();
        let access = Access {
            local: listen.is_some_and(|at| at.is_local()),
            token: if token.is_empty() { None } else { Some(token) },
        };
        let Around { settings, engine, files, feeds, epoll, .. } = around;
        let mut view =
            View { settings, engine, files, feeds, now, wall, started: self.started, series, feed, evidence };
        let alive = talk(connection, room, &access, &mut view);
        if !alive {
            *slot = None;
            self.counters.ended += 1;
            return;
        }
        let Connection { stream, client, interest } = connection;
        let wanted = match () {
            () if client.wants_to_receive() => Ready::READ,
            () if client.wants_to_send() => Ready::WRITE,
            // Its end is told in any case.
            () => Ready::empty(),
        };
        if wanted != *interest {
            *interest = wanted;
            let token = base + u64::try_from(place).unwrap_or(0);
            if epoll.modify(stream.as_fd(), wanted, token).is_err() {
                *slot = None;
            }
        }
    }

    /// What is due by time, and what events bring.
    pub fn settle(&mut self, base: u64, around: &mut Around<'_>) {
        let counters = around.engine.counters();
        let (attempts, bans) = (counters.matched, counters.banned);
        self.buffers.series.note(attempts, bans, clock::realtime_secs().unwrap_or(0));
        for place in 0..WEB_CLIENTS {
            let Some(Some(connection)) = self.clients.get_mut(place) else { continue };
            if connection.client.follows_events() || connection.client.poll_at() <= around.now {
                self.turn(place, base, around);
            }
        }
    }

    /// When [`Web::settle`] has something to do by time alone.
    pub fn poll_at(&self) -> Option<Instant> {
        self.clients.iter().flatten().map(|connection| connection.client.poll_at()).min()
    }

    /// Says what was counted.
    pub fn summary(&self, log: &mut Log<'_>) {
        if let Some(at) = self.listens() {
            let Counters { connected, evicted, ended } = self.counters;
            log!(
                log,
                Info,
                "web at {at}: {connected} connections (limit {WEB_CLIENTS} at a time), {ended} answered or ended, {evicted} made \
                 room for others"
            );
        }
    }
}

/// Whether the connection goes on.
fn talk(connection: &mut Connection, room: &mut Room, access: &Access<'_>, view: &mut View<'_>) -> bool {
    let Connection { stream, client, .. } = connection;
    let mut buffer = [0; 1024];
    while client.wants_to_receive() {
        match stream.read(&mut buffer) {
            Ok(0) => return false,
            Ok(len) => client.receive(buffer.get(..len).unwrap_or_default(), room, access, view),
            Err(Errno::EAGAIN) => break,
            Err(_) => return false,
        }
    }
    client.tick(room, view.now);
    let mut left = TURN;
    while left > 0 {
        let bytes = client.transmit(room, view);
        if bytes.is_empty() {
            // One that looks for more without having found anything yet goes on in the next turn.
            break;
        }
        match stream.write(bytes) {
            Ok(len) => {
                client.sent(len, view.now);
                left = left.saturating_sub(len);
            }
            Err(Errno::EAGAIN) => break,
            Err(_) => return false,
        }
    }
    !client.is_over()
}

struct View<'a> {
    settings: &'a Settings,
    engine: &'a mut FullEngine,
    files: &'a Files,
    feeds: &'a Feeds,
    now: Instant,
    wall: i64,
    started: Instant,
    series: &'a Series,
    feed: &'a Feed,
    evidence: &'a Evidence,
}

impl World for View<'_> {
    fn facts(&self) -> Facts<'_> {
        let engine = &*self.engine;
        let (counters, bans, link) = (engine.counters(), engine.bans(), engine.link());
        let limit = |limit: usize| u64::try_from(limit).unwrap_or(u64::MAX);
        let numbers: [u64; NUMBERS.len()] = [
            bans.installed().into(),
            bans.prefixes().installed().into(),
            engine.waiting().into(),
            limit(limits::BANS),
            engine.attempts().len().into(),
            limit(limits::TRACKED),
            counters.lines,
            counters.matched,
            counters.ignored,
            counters.ignored_self,
            counters.already_banned,
            counters.decided,
            counters.banned,
            counters.unbanned,
            counters.refused_full,
            engine.attempts().evicted(),
            counters.protected,
            engine.events_dropped(),
            link.counters().disturbed,
            link.counters().refused,
            link.counters().lost,
        ];
        Facts {
            version: env!("CARGO_PKG_VERSION"),
            backend: link.backend().name(),
            table: &self.settings.global.table,
            ready: engine.is_ready(),
            uptime: self.now.since(self.started).as_secs(),
            numbers,
        }
    }

    fn jail(&self, number: usize) -> Option<Jail<'_>> {
        let jails = self.engine.jails();
        let by_hand = Jail {
            name: MANUAL_NAME,
            filter: "",
            enabled: true,
            maxretry: 0,
            findtime: 0,
            bantime: None,
            banned: self.engine.bans().of_jail(MANUAL).into(),
            attempts: 0,
            bans: self.engine.of_jail(MANUAL).bans,
        };
        let Some(jail) = jails.get(number) else {
            return if number == jails.len() { Some(by_hand) } else { None };
        };
        let id = u8::try_from(number).ok()?;
        let counters = self.engine.of_jail(id);
        Some(Jail {
            name: &jail.name,
            filter: jail.filter.name(self.engine.filters()),
            enabled: jail.enabled,
            maxretry: jail.maxretry,
            findtime: jail.findtime.as_secs(),
            bantime: match jail.bantime {
                BanTime::For(span) => Some(span.as_secs()),
                BanTime::Permanent => None,
            },
            banned: self.engine.bans().of_jail(id).into(),
            attempts: counters.attempts,
            bans: counters.bans,
        })
    }

    fn source(&self, number: usize) -> Option<Source<'_>> {
        let Some(file) = self.files.ids().nth(number) else {
            let feed = self.feeds.iter().nth(number - self.files.len())?;
            let feed::Counters { lines, bytes, overlong, skipped, lost, .. } = self.feeds.counters(feed);
            let fault = self.feeds.fault(feed).map(feed::Fault::text);
            return Some(Source { name: feed.name(), fault, lines, bytes, skipped: overlong + skipped + lost });
        };
        let counters = self.files.counters(file);
        Some(Source {
            // The configuration is UTF-8 text, and so are its paths.
            name: core::str::from_utf8(self.files.path(file)).unwrap_or_default(),
            fault: self.files.fault(file).map(Fault::text),
            lines: counters.lines,
            bytes: counters.bytes,
            skipped: counters.overlong,
        })
    }

    fn ban(&self, place: usize) -> Option<(usize, Ban)> {
        let (place, addr, ban) = self.engine.bans().next_installed(place)?;
        let jail = if ban.jail == MANUAL { self.engine.jails().len() } else { ban.jail.into() };
        let past = self.engine.past(addr, ban.jail, self.now).and_then(edgeban_core::ban::history::Past::last);
        // One from before this boot has no moment of its clock.
        let since = past.and_then(|at| u64::try_from(at.as_secs()).ok());
        Some((place, Ban { addr, jail, since: since.map(|secs| Instant::from_millis(secs * 1000)), until: ban.until }))
    }

    fn past_bans(&self, addr: Addr) -> u64 {
        let jails = (0..).zip(self.engine.jails()).map(|(number, _)| number).chain([MANUAL]);
        jails.filter_map(|jail| self.engine.past(addr, jail, self.now)).map(|past| u64::from(past.count)).sum()
    }

    fn line(&self, addr: Addr, number: usize) -> Option<Line<'_>> {
        let widths = self.engine.layout().widths;
        let addr = widths.network(addr);
        let line = self.evidence.of(move |of| widths.network(of) == addr).nth(number)?;
        Some(Line { at: line.at, text: line.text })
    }

    fn series(&self) -> &Series {
        self.series
    }

    fn feed(&self) -> &Feed {
        self.feed
    }

    fn unban(&mut self, addr: Addr) -> bool {
        self.engine.unban(addr)
    }

    fn wall(&self, at: Instant) -> i64 {
        let seconds = |span: edgeban_core::time::Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        match at >= self.now {
            true => self.wall.saturating_add(seconds(at.since(self.now))),
            false => self.wall.saturating_sub(seconds(self.now.since(at))),
        }
    }

    fn now(&self) -> Instant {
        self.now
    }
}
