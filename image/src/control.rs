//! The control socket: joins connections, the format and the engine. What a request leads to is core's business.
//!
//! Each turn of the loop takes one packet of a client at most, and nothing here waits: an answer in several parts goes on
//! when the client has read; who does not read others is sent away when the kernel's buffer for it is full.

use crate::cli::VERSION;
use crate::daemon::{FullEngine, Settings};
use crate::instance::{Instance, Lock};
use crate::log;
use crate::log::Log;
use crate::source::Files;
use crate::source::feeds::Feeds;
use crate::state::State;
use core::fmt::{self, Write as _};
use edgeban_core::ban::MANUAL;
use edgeban_core::config::{KEY, VALUE};
use edgeban_core::control::response::{DaemonNumbers, FileNumbers, ReloadNumbers};
use edgeban_core::control::{
    self, Clients, Parts, Refusal, Request, Response, Step, Unreadable, Wait, clients, parts, serve,
};
use edgeban_core::event::Event;
use edgeban_core::limits;
use edgeban_core::source::feed;
use edgeban_core::source::tail::{self, Counters};
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::Writer;
use edgeban_linux::epoll::{Epoll, Ready};
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::unix::{Connection, Listener, Packet};
use edgeban_linux::{Errno, process};
use heapless::String;

/// Bytes of a line of why something is not done: one that names all filters takes the most.
const COMPLAINT: usize = 2048;

/// Bytes of it in one answer.
const PIECE: usize = 250;

/// Parts of an answer that are written in one turn of the loop.
const BURST: usize = 64;

/// A client's connection, and what is to be done for it.
struct Peer {
    connection: Connection,
    task: Task,
    /// The kernel's buffer for it is full, or it is another's turn: the loop tells when to go on.
    waits: bool,
}

enum Task {
    Nothing,
    /// The rest of an answer.
    Parts(Parts),
    /// To read the configuration anew.
    Reload,
    /// To change a setting.
    Set,
}

/// A setting to be changed.
pub struct Change {
    /// For the client at this place.
    pub place: usize,
    /// Of this jail.
    pub jail: String<{ limits::JAIL_NAME }>,
    /// The key.
    pub key: String<{ KEY }>,
    /// The value.
    pub value: String<{ VALUE }>,
}

/// The socket and its clients. Dropped, it takes the socket's file away, and then lifts the lock: whoever sees the
/// connection close may start the next daemon.
pub struct Control {
    instance: Instance,
    listener: Listener,
    lock: Lock,
    clients: Clients<Peer>,
    /// The token of the client at place 0; that of the others follow.
    base: u64,
    user: u32,
    /// Whose members may ask, too.
    group: Option<u32>,
    started: Instant,
    stop: bool,
    change: Option<Change>,
}

/// What requests are about.
pub struct World<'a> {
    pub settings: &'a Settings,
    pub engine: &'a mut FullEngine,
    pub files: &'a Files,
    pub feeds: &'a Feeds,
    pub state: Option<&'a State>,
    pub epoll: &'a Epoll,
    pub now: Instant,
}

impl Control {
    /// Makes the socket, for the members of `group`, too. The events of its clients carry `base` and the tokens behind it.
    pub fn open(instance: Instance, lock: Lock, group: Option<u32>, base: u64, now: Instant) -> Result<Self, Errno> {
        let listener = instance.listen(&lock)?;
        if group.is_some() {
            instance.admit(&lock, group)?;
        }
        let (clients, user) = (Clients::new(), process::effective_user());
        Ok(Self { instance, listener, lock, clients, base, user, group, started: now, stop: false, change: None })
    }

    /// Takes the connections that wait. Their requests are read at once, so that a client that asks is not sent away for one
    /// that came after it.
    pub fn accept(&mut self, world: &mut World<'_>) {
        for _ in 0..limits::CLIENTS {
            // One at a time; the others are there still in the next turn.
            if self.change.is_some() {
                return;
            }
            let Ok(connection) = self.listener.accept() else { return };
            if !self.permits(&connection) {
                self.clients.counters.not_permitted += 1;
                let _ = send(&connection, &Response::Refused(Refusal::NotPermitted));
                continue;
            }
            let peer = Peer { connection, task: Task::Nothing, waits: false };
            let place = match self.clients.admit(peer, world.now) {
                Ok(place) => place,
                Err(peer) => {
                    let _ = send(&peer.connection, &Response::Refused(Refusal::Busy));
                    continue;
                }
            };
            let token = self.token(place);
            let client = self.clients.get(place);
            let added = client.is_some_and(|client| {
                world.epoll.add(client.connection.connection.as_fd(), Ready::READ, token).is_ok()
            });
            if added { self.read(place, world) } else { self.clients.close(place) }
        }
    }

    /// Whether its peer may ask.
    fn permits(&self, connection: &Connection) -> bool {
        let Ok(peer) = connection.peer() else { return false };
        let member = |group| peer.gid == group || connection.peer_is_in(group).unwrap_or(false);
        peer.uid == 0 || peer.uid == self.user || self.group.is_some_and(member)
    }

    /// Lets the members of another group ask from now on, or nobody but root and the daemon's user.
    pub fn admit(&mut self, group: Option<u32>) -> Result<(), Errno> {
        if group != self.group {
            self.instance.admit(&self.lock, group)?;
            self.group = group;
        }
        Ok(())
    }

    fn token(&self, place: usize) -> u64 {
        self.base + u64::try_from(place).unwrap_or(0)
    }

    /// Goes on with a client.
    pub fn ready(&mut self, token: u64, ready: Ready, world: &mut World<'_>) {
        let Some(place) = token.checked_sub(self.base).and_then(|place| usize::try_from(place).ok()) else { return };
        if ready.contains(Ready::WRITE) {
            self.write(place, world);
        }
        if ready.intersects(Ready::READ | Ready::ERROR | Ready::HANG_UP) {
            self.read(place, world);
        }
    }

    /// Reads from the client at a place, and answers unless the answer has to wait.
    fn read(&mut self, place: usize, world: &mut World<'_>) {
        let Self { clients, stop, change, .. } = self;
        let Some(client) = clients.get(place) else { return };
        let Peer { connection, task, .. } = &mut client.connection;
        let mut buffer = [0; control::REQUEST];
        let request = match connection.receive(&mut buffer) {
            Err(Errno::EAGAIN) => return,
            Ok(Packet::End) | Err(_) => {
                clients.close(place);
                return;
            }
            Ok(Packet::Truncated) => Err(Unreadable::Malformed),
            Ok(Packet::Whole(packet)) => Request::parse(packet),
        };
        let busy = client.wait.is_some() || !matches!(task, Task::Nothing);
        let step = match request {
            // One at a time: its answer would not tell which of the two it is to.
            Ok(Request::Set { .. }) if change.is_some() => Step::Answer(Response::Refused(Refusal::Busy)),
            Ok(_) if busy => Step::Answer(Response::Refused(Refusal::Busy)),
            Ok(request) => serve::begin(&request, world.settings.bantime, world.engine, world.now),
            Err(Unreadable::Version) => Step::Answer(Response::Refused(Refusal::Version)),
            Err(Unreadable::Malformed) => Step::Answer(Response::Refused(Refusal::Malformed)),
        };
        let result = match step {
            Step::Answer(response) => send(connection, &response),
            Step::Wait(wait) => {
                client.wait = Some(wait);
                Ok(())
            }
            Step::Parts(parts) => {
                *task = Task::Parts(parts);
                Ok(())
            }
            Step::Reload => {
                *task = Task::Reload;
                Ok(())
            }
            Step::Set => {
                if let Ok(Request::Set { jail, key, value }) = request {
                    *task = Task::Set;
                    // Longer ones were refused as malformed.
                    *change = Some(Change {
                        place,
                        jail: jail.try_into().unwrap_or_default(),
                        key: key.try_into().unwrap_or_default(),
                        value: value.try_into().unwrap_or_default(),
                    });
                }
                Ok(())
            }
            Step::Stop => {
                *stop = true;
                send(connection, &Response::Stopping { pid: process::id().into() })
            }
        };
        client.heard(world.now);
        match request {
            Ok(_) => clients.counters.requests += 1,
            Err(_) => clients.counters.malformed += 1,
        }
        match result {
            Ok(()) => self.write(place, world),
            Err(error) => self.dismiss(place, error),
        }
    }

    /// Writes the next parts of an answer to the client at a place, as many as it and the turn take.
    fn write(&mut self, place: usize, world: &mut World<'_>) {
        let (started, token) = (self.started, self.token(place));
        let Some(client) = self.clients.get(place) else { return };
        let mut waits = false;
        for n in 0.. {
            let Task::Parts(parts) = client.connection.task else { break };
            waits = n == BURST;
            if waits {
                break;
            }
            let (response, next) = match parts {
                Parts::Status(at) => status(at, started, world),
                parts => parts.take(world.engine, world.now),
            };
            match send(&client.connection.connection, &response) {
                Ok(()) => client.connection.task = next.map_or(Task::Nothing, Task::Parts),
                Err(Errno::EAGAIN) => {
                    waits = true;
                    break;
                }
                Err(error) => return self.dismiss(place, error),
            }
            client.heard(world.now);
        }
        if waits != client.connection.waits {
            client.connection.waits = waits;
            let interest = if waits { Ready::READ | Ready::WRITE } else { Ready::READ };
            if let Err(error) = world.epoll.modify(client.connection.connection.as_fd(), interest, token) {
                self.dismiss(place, error);
            }
        }
    }

    /// Tells those who wait what happened.
    pub fn observe(&mut self, event: &Event, waiting: u32) {
        for place in 0..limits::CLIENTS {
            if let Some(wait) = self.clients.get(place).and_then(|client| client.wait.as_mut()) {
                wait.observe(event, waiting);
            }
        }
    }

    /// Answers those whose wait is over, and sends away who was quiet for too long.
    pub fn settle(&mut self, engine: &FullEngine, now: Instant) {
        for place in 0..limits::CLIENTS {
            let Some(client) = self.clients.get(place) else { continue };
            let Some(response) = client.wait.as_mut().and_then(|wait| wait.poll(engine, now)) else { continue };
            client.wait = None;
            client.heard(now);
            if let Err(error) = send(&client.connection.connection, &response) {
                self.dismiss(place, error);
            }
        }
        self.clients.close_idle(now);
    }

    /// Sends a client away to whom nothing can be sent: it does not read, or has gone.
    fn dismiss(&mut self, place: usize, error: Errno) {
        self.clients.counters.slow += u64::from(error == Errno::EAGAIN);
        self.clients.close(place);
    }

    /// Whether the client at a place asked for the configuration to be read anew.
    fn reloads(&mut self, place: usize) -> bool {
        self.clients.get(place).is_some_and(|client| matches!(client.connection.task, Task::Reload))
    }

    /// Whether any did.
    pub fn wants_reload(&mut self) -> bool {
        (0..limits::CLIENTS).any(|place| self.reloads(place))
    }

    /// Tells them why it is not done.
    pub fn complain(&mut self, line: fmt::Arguments<'_>) {
        for place in 0..limits::CLIENTS {
            if self.reloads(place) {
                self.explain(place, line);
            }
        }
    }

    /// Tells them that it is not done, or waits until it is.
    pub fn reloaded(&mut self, numbers: Option<ReloadNumbers>, now: Instant) {
        for place in 0..limits::CLIENTS {
            if self.reloads(place) {
                self.end(place, numbers.map(|numbers| Wait::for_reload(numbers, now)), Refusal::NotReloaded, now);
            }
        }
    }

    /// The setting that somebody wants changed.
    pub const fn take_change(&mut self) -> Option<Change> {
        self.change.take()
    }

    /// Tells the client at a place why a setting is not changed, in words.
    pub fn explain(&mut self, place: usize, line: fmt::Arguments<'_>) {
        let mut text: String<COMPLAINT> = String::new();
        // What does not fit is in the log.
        let _ = text.write_fmt(line);
        let mut rest = text.as_str();
        while let Some(client) = self.clients.get(place)
            && !rest.is_empty()
        {
            let end = (0..=PIECE).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
            let (piece, later) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = later;
            let said = Response::Said { text: piece, ends: later.is_empty() };
            if let Err(error) = send(&client.connection.connection, &said) {
                self.dismiss(place, error);
            }
        }
    }

    /// Ends what the daemon was asked to do: refuses it, or lets the client wait until it is so in the kernel.
    pub fn end(&mut self, place: usize, wait: Option<Wait>, refusal: Refusal, now: Instant) {
        let Some(client) = self.clients.get(place) else { return };
        client.heard(now);
        client.connection.task = Task::Nothing;
        client.wait = wait;
        if wait.is_none()
            && let Err(error) = send(&client.connection.connection, &Response::Refused(refusal))
        {
            self.dismiss(place, error);
        }
    }

    /// When [`Control::settle`] has something to do by time alone.
    pub fn poll_at(&self) -> Option<Instant> {
        self.clients.poll_at()
    }

    /// Whether somebody asked the daemon to end.
    pub const fn stop(&self) -> bool {
        self.stop
    }

    /// Says what was counted.
    pub fn summary(&self, log: &mut Log<'_>) {
        let clients::Counters { connected, requests, malformed, not_permitted, evicted, idle, slow, no_room } =
            self.clients.counters;
        log!(
            log,
            Info,
            "control: {connected} clients (limit {}), {requests} requests, {malformed} malformed, {not_permitted} not permitted; \
             {evicted} made room for others, {idle} were quiet too long, {slow} did not read, {no_room} found no room",
            limits::CLIENTS
        );
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        self.instance.forget(&self.lock);
    }
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

fn send(connection: &Connection, response: &Response<'_>) -> Result<(), Errno> {
    let mut buffer = [0; control::ANSWER];
    let mut w = Writer::new(&mut buffer);
    response.emit(&mut w).map_err(|_| Errno::EMSGSIZE)?;
    connection.send(w.written())
}

/// The part of a status at a place, and what follows it: the daemon, each jail and those of none, each log file and feed, the end.
fn status<'w>(at: usize, started: Instant, world: &'w World<'_>) -> (Response<'w>, Option<Parts>) {
    let World { engine, files, feeds, .. } = world;
    let next = Some(Parts::Status(at + 1));
    let Some(place) = at.checked_sub(1) else {
        return (daemon(started, world), next);
    };
    let jails = engine.jails();
    if place < jails.len() {
        // A number without a jail is passed over.
        let found = (place..).zip(jails.iter().skip(place)).find(|(_, jail)| !jail.name.is_empty());
        if let Some((number, _)) = found {
            let response = parts::jail(u8::try_from(number).unwrap_or(MANUAL), engine);
            return (response, Some(Parts::Status(number + 2)));
        }
    }
    let Some(place) = place.checked_sub(jails.len()).filter(|place| *place > 0) else {
        return (parts::jail(MANUAL, engine), Some(Parts::Status(jails.len() + 2)));
    };
    let place = place - 1;
    if let Some(file) = files.ids().nth(place) {
        let Counters { lines, bytes, overlong, rotated, truncated, read_errors } = files.counters(file);
        let numbers = FileNumbers { lines, bytes, overlong, rotated, truncated, read_errors, ..FileNumbers::default() };
        // The configuration is UTF-8 text, and so are its paths.
        let path = core::str::from_utf8(files.path(file)).unwrap_or_default();
        let fault = files.fault(file).map_or("", tail::Fault::text);
        return (Response::File { numbers, path, fault }, next);
    }
    match place.checked_sub(files.len()).and_then(|place| feeds.iter().nth(place)) {
        Some(feed) => {
            let feed::Counters { lines, bytes, overlong, skipped, lost, not_believed, rotated } = feeds.counters(feed);
            let numbers =
                FileNumbers { lines, bytes, overlong, rotated, skipped, lost, not_believed, ..FileNumbers::default() };
            let fault = feeds.fault(feed).map_or("", feed::Fault::text);
            (Response::File { numbers, path: feed.name(), fault }, next)
        }
        None => (Response::End, None),
    }
}

/// What of a status is no jail's and no log file's.
fn daemon<'w>(started: Instant, world: &'w World<'_>) -> Response<'w> {
    let World { settings, engine, state, now, .. } = world;
    let (counters, bans) = (engine.counters(), engine.bans());
    let numbers = DaemonNumbers {
        pid: process::id().into(),
        uptime: world.now.since(started).as_secs(),
        ready: engine.is_ready().into(),
        banned: bans.installed().into(),
        waiting: engine.waiting().into(),
        bans_limit: u64::try_from(limits::BANS).unwrap_or(u64::MAX),
        tracked: engine.attempts().len().into(),
        tracked_limit: u64::try_from(limits::TRACKED).unwrap_or(u64::MAX),
        lines: counters.lines,
        attempts: counters.matched,
        ignored: counters.ignored,
        already_banned: counters.already_banned,
        bans: counters.banned,
        unbans: counters.unbanned,
        refused_full: counters.refused_full,
        prefixes: bans.prefixes().installed().into(),
        by_hand: settings.by_hand,
        history: engine.history().len().into(),
        history_evicted: engine.history().evicted(),
        state_bytes: state.map_or(0, State::len),
        state_written_today: state.map_or(0, |state| state.today(*now)),
        state_failures: state.map_or(0, |state| state.counters().failed),
    };
    let backend = engine.link().backend().name();
    Response::Daemon { numbers, version: VERSION, backend, table: &settings.global.table }
}
