//! `edgeban run`: the loop that joins files, engine and kernel. No policy: what to ban is the engine's business, how to
//! follow a file the tails'.

mod reload;
mod summary;
mod turn;

use crate::arena::Arena;
use crate::cli::options::{Options, Usage};
use crate::config::{self, Origin, Source, Space};
use crate::control::{Control, World};
use crate::exit;
use crate::firewall::{BUSY_TRIES, BUSY_WAIT, Firewall};
use crate::group;
use crate::instance::{Instance, Lock, NotLocked};
use crate::kill::{self, Kill};
use crate::log::Log;
use crate::out::{Out, Printable};
use crate::own::{self, OwnSocket, Wants};
use crate::say::{Held, introduce};
use crate::source::feeds::{Feeds, Wanted};
use crate::source::{AddError, Chunk, Files};
use crate::state::{self, State};
use crate::watch::Watch;
use crate::web::{self, Around, Web};
use crate::{log, put};
use edgeban_core::config::model::{Backend, BanTime, Config, Global, Jail, Journal, OnStop};
use edgeban_core::engine::{Engine, FullMemory, JailSet};
use edgeban_core::limits;
use edgeban_core::source::feed::Feed;
use edgeban_core::source::tail::Start;
use edgeban_core::table::HashKey;
use edgeban_core::time::Instant;
use edgeban_linux::epoll::{self, Epoll, Ready};
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::signal::{self, Signal, SignalFd, SignalSet};
use edgeban_linux::{Errno, clock, random};

/// The engine with the capacities of the shipped binary.
pub type FullEngine =
    Engine<'static, { limits::TRACKED }, { 2 * limits::TRACKED }, { limits::BANS }, { 2 * limits::BANS }>;

/// Why the daemon cannot start or go on: the exit code, and what failed with what error.
struct Failure {
    code: u8,
    what: &'static str,
    error: Errno,
}

impl Failure {
    fn of(what: &'static str) -> impl FnOnce(Errno) -> Self {
        move |error| Self { code: exit::INPUT, what, error }
    }
}

/// Runs the verb.
pub fn run(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let path = options.common()?.path;
    let Arena {
        engine,
        config,
        config_text: text,
        config_tokens: tokens,
        chunk,
        request,
        answer,
        kill,
        tables,
        files,
        log,
        state,
        web,
        ..
    } = arena;
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let mut source = Source { path, origin: Origin::BuiltIn, config, space: Space { text, tokens } };
    if let Err(code) = source.read(&mut |line| put!(&mut err, "{line}\n")) {
        put!(&mut err, "edgeban: not started: the configuration is not valid\n");
        err.flush();
        return Ok(code);
    }
    let (instance, lock) = match lock(source.config, &mut err) {
        Ok(locked) => locked,
        Err(code) => {
            err.flush();
            return Ok(code);
        }
    };
    let mut log = Log::new(source.config.global.log_level, log);
    match source.origin {
        Origin::File => {}
        Origin::BuiltIn => {
            log!(log, Info, "no {}: protecting with the built-in jails", Printable(config::PATH.to_bytes()));
        }
    }
    let firewall = Firewall::open(request, answer, tables);
    let buffers = Borrowed { kill, state, web };
    let result = Daemon::start(source, (instance, lock), engine, files, firewall, buffers, &mut log)
        .and_then(|mut daemon| daemon.run(chunk, &mut log));
    let code = match result {
        Ok(code) => code,
        Err(Failure { code, what, error }) => {
            log!(log, Error, "{what}: {error}");
            code
        }
    };
    log.flush();
    Ok(code)
}

/// Makes sure that no other daemon runs for the table, before anything is touched that might be another's.
fn lock(config: &Config, err: &mut Out<'_>) -> Result<(Instance, Lock), u8> {
    let Some(instance) = Instance::of(&config.global) else {
        put!(err, "edgeban: not started: run_dir is too long\n");
        return Err(exit::INPUT);
    };
    let path = Printable(instance.lock.as_c_str().to_bytes());
    match instance.lock() {
        Ok(lock) => Ok((instance, lock)),
        Err(NotLocked::Held(pid)) => {
            let table = &config.global.table;
            put!(
                err,
                "edgeban: not started: already running for table {table}, pid {}, lock {path}\n",
                Printable(&pid)
            );
            Err(exit::RUNNING)
        }
        Err(NotLocked::Failed(error)) => {
            put!(err, "edgeban: not started: no lock on {path}: {error}\n");
            Err(exit::INPUT)
        }
    }
}

// What an epoll event is about.
const SIGNALS: u64 = 0;
const INOTIFY: u64 = 1;
const NETLINK: u64 = 2;
const NOTICES: u64 = 3;
const CONTROL: u64 = 4;
const FEEDS: u64 = 5;
const OWN: u64 = 10;
const KILL: u64 = 16;
const WEB: u64 = 17;
/// That of the first client; its place is added.
const CLIENTS: u64 = 64;
/// That of the first client of the page; its place is added.
const READERS: u64 = 128;
const _: () = assert!(limits::CLIENTS <= 64 && limits::WEB_CLIENTS <= 64);

/// What of the configuration is no jail's.
pub struct Settings {
    /// `[global]`.
    pub global: Global,
    /// `bantime` of `[defaults]`.
    pub bantime: BanTime,
    /// Settings made by hand since it was read.
    pub by_hand: u64,
    /// `[journal]`.
    pub journal: Journal,
}

impl Settings {
    fn of(config: &Config) -> Self {
        Self { global: config.global.clone(), bantime: config.bantime, by_hand: 0, journal: config.journal.clone() }
    }
}

/// Memory that the daemon's parts borrow from the arena.
struct Borrowed {
    kill: &'static mut kill::Buffers,
    state: &'static mut [u8; state::BUFFER],
    web: &'static mut web::Buffers,
}

struct Daemon {
    /// Where the configuration is read from, and into: what is in it need not be what holds.
    source: Source,
    settings: Settings,
    engine: FullEngine,
    firewall: Firewall,
    watch: Watch,
    /// Where it is wanted.
    own: Option<OwnSocket>,
    /// With `kill_connections`.
    kill: Option<Kill>,
    kill_buffers: &'static mut kill::Buffers,
    /// Where it is kept.
    state: Option<State>,
    /// Something happened that no backend can mend.
    hopeless: bool,
    files: &'static mut Files,
    feeds: Feeds,
    followers: Followers,
    signals: SignalFd,
    epoll: Epoll,
    control: Control,
    web: Web,
}

/// The jails that follow each file, by its number.
type Followers = [JailSet; limits::FILES];

/// Follows the files and feeds of these jails. What is in a log already is no news: the daemon was not there to see when it
/// happened.
fn follow(
    jails: &[Jail],
    settings: &Settings,
    files: &mut Files,
    feeds: &mut Feeds,
    log: &mut Log<'_>,
) -> Result<Followers, Failure> {
    let mut followers = [JailSet::NONE; limits::FILES];
    let mut of_feeds = [JailSet::NONE; Feed::ALL.len()];
    for (number, jail) in (0u8..).zip(jails).filter(|(_, jail)| jail.enabled) {
        for path in &jail.logpath {
            if let Some(feed) = Feed::from_name(path) {
                if let Some(jails) = of_feeds.get_mut(feed.index()) {
                    jails.insert(number);
                }
                continue;
            }
            match files.add(path.as_bytes(), Start::End) {
                Ok(file) => {
                    if let Some(jails) = followers.get_mut(file.index()) {
                        jails.insert(number);
                    }
                }
                Err(error) => {
                    let at = format_args!("{path} (jail {})", jail.name);
                    match error {
                        AddError::Full => {
                            log!(log, Error, "{at}: too many log files (limit FILES = {})", limits::FILES)
                        }
                        AddError::BadPath => log!(log, Error, "{at}: not the path of a file"),
                    }
                    return Err(Failure { code: exit::NO, what: "log files", error: Errno::EINVAL });
                }
            }
        }
    }
    feeds.follow(&Wanted { followers: of_feeds, journal: &settings.journal });
    Ok(followers)
}

/// What a configuration makes rtnetlink be asked for.
fn wants(config: &Config) -> Wants {
    Wants { addresses: config.wants_addresses(), devices: config.wants_devices() }
}

fn now() -> Result<Instant, Failure> {
    clock::monotonic_ms().map(Instant::from_millis).map_err(Failure::of("clock_gettime"))
}

impl Daemon {
    /// Opens everything; the kernel's rules last, so that a start that fails changes nothing.
    fn start(
        source: Source,
        (instance, lock): (Instance, Lock),
        memory: &'static mut FullMemory,
        files: &'static mut Files,
        firewall: Firewall,
        Borrowed { kill: kill_buffers, state, web }: Borrowed,
        log: &mut Log<'_>,
    ) -> Result<Self, Failure> {
        let set =
            SignalSet::EMPTY.with(Signal::TERMINATE).with(Signal::INTERRUPT).with(Signal::HANG_UP).with(Signal::USER_1);
        signal::ignore_broken_pipe().map_err(Failure::of("sigaction"))?;
        signal::block(&set).map_err(Failure::of("sigprocmask"))?;
        let signals = SignalFd::new(&set).map_err(Failure::of("signalfd"))?;
        let mut secret = [0; 16];
        random::fill(&mut secret).map_err(Failure::of("getrandom"))?;
        let config = &*source.config;
        let settings = Settings::of(config);
        let mut engine = Engine::new(memory, &config.jails, settings.global.layout(), HashKey::from_bytes(secret));
        engine.set_filters(&config.filters);

        files.start_watching().map_err(Failure::of("inotify"))?;
        let mut feeds = Feeds::new().map_err(Failure::of("epoll_create1"))?;
        let followers = follow(engine.jails(), &settings, files, &mut feeds, log)?;
        for name in &settings.global.devices {
            if !own::has_device(name).unwrap_or(true) {
                log!(log, Error, "not started: there is no device {name} ([global] devices)");
                return Err(Failure { code: exit::FIREWALL, what: "device", error: Errno::ENODEV });
            }
        }
        let own = OwnSocket::open(wants(config), engine.own_mut(), now()?).map_err(Failure::of(own::WHAT))?;
        let kill = settings.global.kill_connections.then(Kill::open).transpose();
        let kill = kill.map_err(Failure::of(kill::WHAT))?;
        let kill_fds = kill.iter().flat_map(Kill::fds).map(|fd| (fd, KILL));
        let watch = Watch::open();
        let state = State::open(&settings.global, state, now()?, log);
        let group = group::number(&settings.global.control_group).map_err(Failure::of(group::WHAT))?;
        let control = Control::open(instance, lock, group, CLIENTS, now()?).map_err(Failure::of("control socket"))?;
        let web = Web::open(settings.global.web, web, now()?).map_err(|(at, error)| {
            log!(log, Error, "not started: [global] web: cannot listen at {at}");
            Failure { code: exit::INPUT, what: "web", error }
        })?;
        let epoll = Epoll::new().map_err(Failure::of("epoll_create1"))?;
        for (fd, token) in [
            (Some(signals.as_fd()), SIGNALS),
            (files.inotify_fd(), INOTIFY),
            (Some(feeds.as_fd()), FEEDS),
            (firewall.fd(), NETLINK),
            (watch.fd(), NOTICES),
            (own.as_ref().map(AsFd::as_fd), OWN),
            (Some(control.as_fd()), CONTROL),
            (web.fd(), WEB),
        ]
        .into_iter()
        .chain(kill_fds)
        {
            if let Some(fd) = fd {
                epoll.add(fd, Ready::READ, token).map_err(Failure::of("epoll_ctl"))?;
            }
        }
        Ok(Self {
            source,
            settings,
            engine,
            firewall,
            watch,
            own,
            kill,
            kill_buffers,
            state,
            hopeless: false,
            files,
            feeds,
            followers,
            signals,
            epoll,
            control,
            web,
        })
    }

    fn run(&mut self, chunk: &mut Chunk, log: &mut Log<'_>) -> Result<u8, Failure> {
        if !self.install(chunk, log)? {
            return Ok(exit::FIREWALL);
        }
        let mut ready = [epoll::Event::EMPTY; 8];
        let mut kill_woken = false;
        loop {
            let now = now()?;
            let more = self.read(chunk, now, log);
            self.pump(now, log);
            self.cut(now, core::mem::take(&mut kill_woken), log);
            let more = self.keep(now, log) || more;
            self.control.settle(&self.engine, now);
            self.show(now);
            log.flush();
            let timeout = if more { Some(0) } else { self.timeout(now) };
            let (mut stop, mut hung_up) = (None, false);
            let events = self.epoll.wait(&mut ready, timeout).map_err(Failure::of("epoll_wait"))?;
            // The sleep may have been long, and a ban by hand counts from now.
            let now = self::now()?;
            for event in events {
                let Self { settings, engine, files, feeds, epoll, control, state, web, .. } = self;
                let mut world = World { settings, engine, files, feeds, state: state.as_ref(), epoll, now };
                match event.token() {
                    SIGNALS => match self.signals.read().map(|signal| signal.signal) {
                        Ok(Signal::HANG_UP) => hung_up = true,
                        Ok(Signal::USER_1) => self.summary(log),
                        Ok(signal) => stop = stop.or(Some(signal)),
                        Err(_) => {}
                    },
                    INOTIFY => self.files.wake(chunk),
                    FEEDS => self.feeds.wake(),
                    NETLINK => {
                        self.firewall.receive(world.engine, now);
                    }
                    NOTICES => {
                        let port = self.firewall.port_id();
                        self.watch.receive(world.engine, port, chunk, now);
                    }
                    // Read before anything is sent, in any turn.
                    OWN => {}
                    KILL => kill_woken = true,
                    CONTROL => control.accept(&mut world),
                    WEB => web.accept(READERS, &mut Around { settings, engine, files, feeds, epoll, now }),
                    reader @ READERS.. => {
                        if let Ok(place) = usize::try_from(reader - READERS) {
                            web.turn(place, READERS, &mut Around { settings, engine, files, feeds, epoll, now });
                        }
                    }
                    client => control.ready(client, event.ready(), &mut world),
                }
                if let Some(change) = self.control.take_change() {
                    self.set(&change, chunk, now, log);
                }
            }
            let stop = match stop {
                Some(Signal::TERMINATE) => Some("SIGTERM"),
                Some(_) => Some("SIGINT"),
                None => self.control.stop().then_some("edgeban stop"),
            };
            if let Some(by) = stop {
                return self.stop(by, chunk, log);
            }
            if hung_up || self.control.wants_reload() {
                self.reload(chunk, now, log);
            }
        }
    }

    /// Installs the first backend of those wanted that the kernel takes. A daemon whose bans nothing holds must not run,
    /// unless that is wanted.
    fn install(&mut self, chunk: &mut Chunk, log: &mut Log<'_>) -> Result<bool, Failure> {
        let wanted = self.settings.global.backend;
        let backends = if wanted == Backend::Auto { &Backend::CHAIN[..] } else { &[wanted] };
        let mut installed = false;
        for backend in backends {
            let name = backend.name();
            if let Err(setting) = self.engine.set_backend(*backend) {
                log!(log, Error, "backend {name} cannot do what is configured: {}", setting.text());
                continue;
            }
            self.remember(*backend, log)?;
            self.pump_to_end(log)?;
            installed = self.engine.is_ready();
            if installed {
                break;
            }
            log!(log, Error, "backend {name} is not usable");
            // Nothing that it made stays.
            self.engine.abandon();
            self.pump_to_end(log)?;
            if self.hopeless {
                break;
            }
        }
        if installed {
            // Finds where each log ends: what is written once this is ready must count.
            let now = now()?;
            self.read(chunk, now, log);
            let enabled = || self.engine.jails().iter().filter(|jail| jail.enabled);
            enabled().for_each(|jail| introduce(jail, self.engine.filters(), log));
            let held = Held(self.engine.link(), &self.settings.global.table);
            log!(log, Info, "ready: {} jails, {} log files, {held}", enabled().count(), self.files.len());
        } else if wanted == Backend::Auto {
            log!(log, Error, "not started: no backend is usable; edgeban doctor says more");
        } else {
            let held = Held(self.engine.link(), &self.settings.global.table);
            log!(log, Error, "not started: the kernel does not hold {held}");
        }
        log.flush();
        Ok(installed)
    }

    /// Takes in what earlier runs wrote down. Where nothing holds bans, nobody is banned that could be banned again.
    fn remember(&mut self, backend: Backend, log: &mut Log<'_>) -> Result<(), Failure> {
        if backend == Backend::LogOnly {
            self.state = None;
        }
        let now = now()?;
        if let Some(state) = &mut self.state {
            state.load(&mut self.engine, now, log);
        }
        Ok(())
    }

    /// As [`Daemon::settle`], and waits a while for somebody else who is changing a table.
    fn pump_to_end(&mut self, log: &mut Log<'_>) -> Result<(), Failure> {
        let mut ready = [epoll::Event::EMPTY; 1];
        for _ in 0..BUSY_TRIES {
            self.settle(log)?;
            if !self.firewall.take_busy() {
                break;
            }
            let silent = Epoll::new().and_then(|epoll| epoll.wait(&mut ready, Some(BUSY_WAIT)).map(drop));
            silent.map_err(Failure::of("epoll_wait"))?;
        }
        Ok(())
    }

    /// Ends: what is readable is read, what is decided is sent.
    fn stop(&mut self, by: &str, chunk: &mut Chunk, log: &mut Log<'_>) -> Result<u8, Failure> {
        let now = now()?;
        while self.read(chunk, now, log) {
            self.pump(now, log);
        }
        let now = self.settle(log)?;
        self.cut(now, false, log);
        if let Some(state) = &mut self.state {
            state.close(&mut self.engine, self.files, now, log);
        }
        self.control.settle(&self.engine, now);
        let bans = self.engine.bans().installed() + self.engine.bans().prefixes().installed();
        match self.settings.global.on_stop {
            OnStop::Keep => {
                let held = Held(self.engine.link(), &self.settings.global.table);
                // Rules of iptables do not.
                let until = match self.engine.link().backend() {
                    Backend::Iptables => "until edgeban runs again",
                    _ => "until they run out",
                };
                log!(log, Info, "ended by {by}: {held} stays with {bans} bans {until}");
            }
            OnStop::Remove => {
                self.engine.delete_table();
                self.pump_to_end(log)?;
                let link = self.engine.link();
                let held = Held(link, &self.settings.global.table);
                if link.is_gone() {
                    log!(log, Info, "ended by {by}: {held} removed with {bans} bans");
                } else {
                    log!(log, Error, "ended by {by}: {held} could not be removed");
                }
            }
        }
        self.summary(log);
        Ok(exit::OK)
    }
}
