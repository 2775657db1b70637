//! The control socket: joins connections, the format and the engine. What a request leads to is core's business.
//!
//! Each turn of the loop takes one packet of a client at most, and nothing here waits: who does not read its answers is
//! sent away when the kernel's buffer for it is full.

use crate::daemon::{FullEngine, Settings};
use crate::instance::{Instance, Lock};
use crate::log;
use crate::log::Log;
use crate::source::Files;
use core::fmt::{self, Write as _};
use edgeban_core::ban::{MANUAL, MANUAL_NAME};
use edgeban_core::control::response::{DaemonNumbers, FileNumbers, JailNumbers, ReloadNumbers};
use edgeban_core::control::{self, Clients, Refusal, Request, Response, Step, Unreadable, Wait, clients, serve};
use edgeban_core::event::Event;
use edgeban_core::limits;
use edgeban_core::source::tail::Counters;
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::Writer;
use edgeban_linux::epoll::{Epoll, Ready};
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::unix::{Connection, Listener, Packet};
use edgeban_linux::{Errno, process};
use heapless::String;

/// Bytes of a line of why a configuration does not do: one that names all filters takes the most.
const COMPLAINT: usize = 2048;

/// Bytes of it in one answer.
const PART: usize = 250;

/// The socket and its clients. Dropped, it takes the socket's file away, and then lifts the lock: whoever sees the
/// connection close may start the next daemon.
pub struct Control {
    instance: Instance,
    listener: Listener,
    lock: Lock,
    clients: Clients<Connection>,
    user: u32,
    started: Instant,
    stop: bool,
    /// Who wants the configuration read anew.
    reload: [bool; limits::CLIENTS],
}

/// What requests are about.
pub struct World<'a> {
    pub settings: &'a Settings,
    pub engine: &'a mut FullEngine,
    pub files: &'a Files,
    pub epoll: &'a Epoll,
    pub now: Instant,
}

impl Control {
    /// Makes the socket.
    pub fn open(instance: Instance, lock: Lock, now: Instant) -> Result<Self, Errno> {
        let listener = instance.listen(&lock)?;
        let user = process::effective_user();
        Ok(Self {
            instance,
            listener,
            lock,
            clients: Clients::new(),
            user,
            started: now,
            stop: false,
            reload: [false; limits::CLIENTS],
        })
    }

    /// Takes the connections that wait, `base` plus its place being the token of each. Their requests are read at once, so
    /// that a client that asks is not sent away for one that came after it.
    pub fn accept(&mut self, base: u64, world: &mut World<'_>) {
        for _ in 0..limits::CLIENTS {
            let Ok(connection) = self.listener.accept() else { return };
            let permitted = connection.peer().is_ok_and(|peer| peer.uid == 0 || peer.uid == self.user);
            if !permitted {
                self.clients.counters.not_permitted += 1;
                let _ = send(&connection, &Response::Refused(Refusal::NotPermitted));
                continue;
            }
            let place = match self.clients.admit(connection, world.now) {
                Ok(place) => place,
                Err(connection) => {
                    let _ = send(&connection, &Response::Refused(Refusal::Busy));
                    continue;
                }
            };
            let added = self.clients.get(place).is_some_and(|client| {
                let token = base + u64::try_from(place).unwrap_or(0);
                world.epoll.add(client.connection.as_fd(), Ready::READ, token).is_ok()
            });
            if added { self.read(place, world) } else { self.clients.close(place) }
        }
    }

    /// Reads from the client at a place, and answers unless the answer has to wait.
    pub fn read(&mut self, place: usize, world: &mut World<'_>) {
        let Self { clients, started, stop, reload, .. } = self;
        let Some(client) = clients.get(place) else { return };
        let mut buffer = [0; control::REQUEST];
        let request = match client.connection.receive(&mut buffer) {
            Err(Errno::EAGAIN) => return,
            Ok(Packet::End) | Err(_) => {
                clients.close(place);
                return;
            }
            Ok(Packet::Truncated) => Err(Unreadable::Malformed),
            Ok(Packet::Whole(packet)) => Request::parse(packet),
        };
        client.heard(world.now);
        let step = match request {
            // One at a time: its answer would not tell which of the two it is to.
            Ok(_) if client.wait.is_some() => Step::Answer(Response::Refused(Refusal::Busy)),
            Ok(request) => serve::begin(&request, world.settings.bantime, world.engine, world.now),
            Err(Unreadable::Version) => Step::Answer(Response::Refused(Refusal::Version)),
            Err(Unreadable::Malformed) => Step::Answer(Response::Refused(Refusal::Malformed)),
        };
        let result = match step {
            Step::Answer(response) => send(&client.connection, &response),
            Step::Wait(wait) => {
                client.wait = Some(wait);
                Ok(())
            }
            Step::Status => status(&client.connection, *started, world),
            Step::Reload => {
                if let Some(reload) = reload.get_mut(place) {
                    *reload = true;
                }
                Ok(())
            }
            Step::Stop => {
                *stop = true;
                send(&client.connection, &Response::Stopping { pid: process::id().into() })
            }
        };
        match request {
            Ok(_) => clients.counters.requests += 1,
            Err(_) => clients.counters.malformed += 1,
        }
        if let Err(error) = result {
            self.dismiss(place, error);
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
            if let Err(error) = send(&client.connection, &response) {
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

    /// Whether somebody asked for the configuration to be read anew.
    pub fn wants_reload(&self) -> bool {
        self.reload.contains(&true)
    }

    /// Tells those who asked for that why it is not done.
    pub fn complain(&mut self, line: fmt::Arguments<'_>) {
        let mut text: String<COMPLAINT> = String::new();
        // What does not fit is in the log.
        let _ = text.write_fmt(line);
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let end = (0..=PART).rev().find(|end| rest.is_char_boundary(*end)).unwrap_or(rest.len());
            let (part, later) = rest.split_at_checked(end).unwrap_or((rest, ""));
            rest = later;
            self.answer_reload(&Response::Said { text: part, ends: later.is_empty() });
        }
    }

    /// Tells them that it is not done, or waits until it is.
    pub fn reloaded(&mut self, numbers: Option<ReloadNumbers>, now: Instant) {
        if numbers.is_none() {
            self.answer_reload(&Response::Refused(Refusal::NotReloaded));
        }
        for (place, reload) in self.reload.iter_mut().enumerate() {
            if core::mem::take(reload)
                && let Some(client) = self.clients.get(place)
            {
                client.heard(now);
                client.wait = numbers.map(|numbers| Wait::for_reload(numbers, now));
            }
        }
    }

    fn answer_reload(&mut self, response: &Response<'_>) {
        for place in 0..limits::CLIENTS {
            if self.reload.get(place) == Some(&true)
                && let Some(client) = self.clients.get(place)
                && let Err(error) = send(&client.connection, response)
            {
                self.dismiss(place, error);
            }
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

/// Writes the parts of a status.
fn status(connection: &Connection, started: Instant, world: &World<'_>) -> Result<(), Errno> {
    let World { settings, engine, files, .. } = world;
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
        history: engine.history().len().into(),
        history_evicted: engine.history().evicted(),
    };
    let backend = engine.link().backend().name();
    let version = env!("CARGO_PKG_VERSION");
    send(connection, &Response::Daemon { numbers, version, backend, table: &settings.global.table })?;
    for (number, jail) in (0..).zip(engine.jails()).filter(|(_, jail)| !jail.name.is_empty()) {
        let numbers = JailNumbers { enabled: jail.enabled.into(), banned: bans.of_jail(number).into() };
        send(connection, &Response::Jail { numbers, name: &jail.name, filter: jail.filter.name(engine.filters()) })?;
    }
    let numbers = JailNumbers { enabled: 1, banned: bans.of_jail(MANUAL).into() };
    send(connection, &Response::Jail { numbers, name: MANUAL_NAME, filter: "" })?;
    for file in files.ids() {
        let Counters { lines, bytes, overlong, rotated, truncated, read_errors } = files.counters(file);
        let numbers = FileNumbers { lines, bytes, overlong, rotated, truncated, read_errors };
        // The configuration is UTF-8 text, and so are its paths.
        let path = core::str::from_utf8(files.path(file)).unwrap_or_default();
        send(connection, &Response::File { numbers, path })?;
    }
    send(connection, &Response::End)
}
