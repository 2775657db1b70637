//! `edgeban run`: the loop that joins files, engine and kernel. No policy: what to ban is the engine's business, how to
//! follow a file the tails'.

use crate::arena::Arena;
use crate::cli::{Options, Usage, config_only};
use crate::config::{self, Origin, Space};
use crate::control::{Control, World};
use crate::exit;
use crate::firewall::{BUSY_TRIES, BUSY_WAIT, Firewall};
use crate::instance::{Instance, Lock, NotLocked};
use crate::kill::{self, Kill};
use crate::log::Log;
use crate::out::{Out, Printable};
use crate::own::{self, OwnSocket};
use crate::say::{Held, debug, say};
use crate::source::{AddError, Chunk, FileId, Files};
use crate::watch::Watch;
use crate::{log, put};
use edgeban_core::config::model::{Backend, Config, LogLevel, OnStop};
use edgeban_core::engine::{Engine, FullMemory, JailSet};
use edgeban_core::event::Event;
use edgeban_core::limits;
use edgeban_core::source::tail::{Counters, Fault, Start};
use edgeban_core::table::HashKey;
use edgeban_core::time::Instant;
use edgeban_linux::epoll::{self, Epoll, Ready};
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::signal::{self, Signal, SignalFd, SignalSet};
use edgeban_linux::{Errno, clock, random};

const HELP: &str = "\
edgeban run [--config FILE]

Watches the logs and bans, in the foreground, with its own log on standard error. Ends cleanly at SIGTERM, SIGINT or
edgeban stop, says what it counted at SIGUSR1; SIGHUP is reserved for reading the configuration anew.
Without a configuration file it protects sshd and dropbear. Needs root (CAP_NET_ADMIN, and reading the logs).
One daemon runs for a table in a network namespace: a second one ends with exit code 5 and touches nothing.

  --config FILE   the file, /etc/edgeban/edgeban.toml if not given
";

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
    let path = match config_only(options, HELP)? {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
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
        ..
    } = arena;
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let origin = match config::load(path, Space { text, tokens }, config, &mut err) {
        Ok(origin) => origin,
        Err(code) => {
            put!(&mut err, "edgeban: not started: the configuration is not valid\n");
            err.flush();
            return Ok(code);
        }
    };
    let config: &'static Config = config;
    let (instance, lock) = match lock(config, &mut err) {
        Ok(locked) => locked,
        Err(code) => {
            err.flush();
            return Ok(code);
        }
    };
    let mut log = Log::new(config.global.log_level, log);
    match origin {
        Origin::File => {}
        Origin::BuiltIn => {
            log!(log, Info, "no {}: protecting with the built-in jails", Printable(config::PATH.to_bytes()));
        }
    }
    let firewall = Firewall::open(request, answer, tables);
    let result = Daemon::start(config, (instance, lock), engine, files, firewall, kill, &mut log)
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
const OWN: u64 = 10;
const KILL: u64 = 16;
/// That of the first client; its place is added.
const CLIENTS: u64 = 64;

struct Daemon {
    config: &'static Config,
    engine: FullEngine,
    firewall: Firewall,
    watch: Watch,
    /// Where any jail has `ignoreself`.
    own: Option<OwnSocket>,
    /// With `kill_connections`.
    kill: Option<Kill>,
    /// Something happened that no backend can mend.
    hopeless: bool,
    files: &'static mut Files,
    /// The jails that follow each file, by its number.
    followers: [JailSet; limits::FILES],
    signals: SignalFd,
    epoll: Epoll,
    control: Control,
}

fn now() -> Result<Instant, Failure> {
    clock::monotonic_ms().map(Instant::from_millis).map_err(Failure::of("clock_gettime"))
}

impl Daemon {
    /// Opens everything; the kernel's rules last, so that a start that fails changes nothing.
    fn start(
        config: &'static Config,
        (instance, lock): (Instance, Lock),
        memory: &'static mut FullMemory,
        files: &'static mut Files,
        firewall: Firewall,
        kill: &'static mut kill::Buffers,
        log: &mut Log<'_>,
    ) -> Result<Self, Failure> {
        let set =
            SignalSet::EMPTY.with(Signal::TERMINATE).with(Signal::INTERRUPT).with(Signal::HANG_UP).with(Signal::USER_1);
        signal::ignore_broken_pipe().map_err(Failure::of("sigaction"))?;
        signal::block(&set).map_err(Failure::of("sigprocmask"))?;
        let signals = SignalFd::new(&set).map_err(Failure::of("signalfd"))?;
        let mut secret = [0; 16];
        random::fill(&mut secret).map_err(Failure::of("getrandom"))?;
        let mut engine = Engine::new(memory, &config.jails, config.global.layout(), HashKey::from_bytes(secret));

        files.start_watching().map_err(Failure::of("inotify"))?;
        let mut followers = [JailSet::NONE; limits::FILES];
        for (number, jail) in (0u8..).zip(&config.jails).filter(|(_, jail)| jail.enabled) {
            for path in &jail.logpath {
                // What is in a log already is no news: the daemon was not there to see when it happened.
                match files.add(path.as_bytes(), Start::End) {
                    Ok(file) => {
                        if let Some(jails) = followers.get_mut(file.index()) {
                            jails.insert(number);
                        }
                    }
                    Err(error) => {
                        let at = format_args!("not started: {path} (jail {})", jail.name);
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
        for name in &config.global.devices {
            if !own::has_device(name).unwrap_or(true) {
                log!(log, Error, "not started: there is no device {name} ([global] devices)");
                return Err(Failure { code: exit::FIREWALL, what: "device", error: Errno::ENODEV });
            }
        }
        let own =
            match engine.wants_own() || engine.wants_devices() {
                true => Some(OwnSocket::open(&mut engine, now()?).map_err(Failure::of(
                    "this machine's own addresses (rtnetlink; ignoreself = false does without)",
                ))?),
                false => None,
            };
        let kill = config.global.kill_connections.then(|| Kill::open(kill)).transpose();
        let kill = kill.map_err(Failure::of("netlink socket to connection tracking"))?;
        let kill_fds = kill.iter().flat_map(Kill::fds).map(|fd| (fd, KILL));
        let watch = Watch::open();
        let control = Control::open(instance, lock, now()?).map_err(Failure::of("control socket"))?;
        let epoll = Epoll::new().map_err(Failure::of("epoll_create1"))?;
        for (fd, token) in [
            (Some(signals.as_fd()), SIGNALS),
            (files.inotify_fd(), INOTIFY),
            (firewall.fd(), NETLINK),
            (watch.fd(), NOTICES),
            (own.as_ref().map(AsFd::as_fd), OWN),
            (Some(control.as_fd()), CONTROL),
        ]
        .into_iter()
        .chain(kill_fds)
        {
            if let Some(fd) = fd {
                epoll.add(fd, Ready::READ, token).map_err(Failure::of("epoll_ctl"))?;
            }
        }
        Ok(Self {
            config,
            engine,
            firewall,
            watch,
            own,
            kill,
            hopeless: false,
            files,
            followers,
            signals,
            epoll,
            control,
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
            self.control.settle(&self.engine, now);
            log.flush();
            let timeout = if more { Some(0) } else { self.timeout(now) };
            let mut stop = None;
            let events = self.epoll.wait(&mut ready, timeout).map_err(Failure::of("epoll_wait"))?;
            // The sleep may have been long, and a ban by hand counts from now.
            let now = self::now()?;
            for event in events {
                let Self { config, engine, files, epoll, control, .. } = self;
                let mut world = World { config, engine, files, epoll, now };
                match event.token() {
                    SIGNALS => stop = stop.or(self.signal(log)),
                    INOTIFY => self.files.wake(chunk),
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
                    CONTROL => control.accept(CLIENTS, &mut world),
                    client => {
                        if let Some(place) = client.checked_sub(CLIENTS).and_then(|place| usize::try_from(place).ok()) {
                            control.read(place, &mut world);
                        }
                    }
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
        }
    }

    /// Installs the first backend of those wanted that the kernel takes. A daemon whose bans nothing holds must not run,
    /// unless that is wanted.
    fn install(&mut self, chunk: &mut Chunk, log: &mut Log<'_>) -> Result<bool, Failure> {
        let wanted = self.config.global.backend;
        let backends = if wanted == Backend::Auto { &Backend::CHAIN[..] } else { &[wanted] };
        let mut installed = false;
        for backend in backends {
            let name = backend.name();
            if let Err(setting) = self.engine.set_backend(*backend) {
                log!(log, Error, "backend {name} cannot do what is configured: {}", setting.text());
                continue;
            }
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
            let enabled = || self.config.jails.iter().filter(|jail| jail.enabled);
            for jail in enabled() {
                log!(
                    log,
                    Info,
                    "jail {}: filter {}, maxretry {} within {}",
                    jail.name,
                    jail.filter.name(),
                    jail.maxretry,
                    jail.findtime
                );
            }
            let held = Held(self.engine.link(), &self.config.global.table);
            log!(log, Info, "ready: {} jails, {} log files, {held}", enabled().count(), self.files.len());
        } else if wanted == Backend::Auto {
            log!(log, Error, "not started: no backend is usable; edgeban doctor says more");
        } else {
            let held = Held(self.engine.link(), &self.config.global.table);
            log!(log, Error, "not started: the kernel does not hold {held}");
        }
        log.flush();
        Ok(installed)
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

    /// Reads what is new, a chunk a file. Returns whether there is more.
    fn read(&mut self, chunk: &mut Chunk, now: Instant, log: &mut Log<'_>) -> bool {
        let Self { engine, files, followers, .. } = self;
        let more = files.turn(now, chunk, &mut |file: FileId, line: &[u8]| {
            let jails = followers.get(file.index()).copied().unwrap_or_default();
            engine.handle_line(jails, line, now, |jail, attempt, decision| {
                if log.says(LogLevel::Debug) {
                    debug(log, jail, &attempt.addr, decision);
                }
            });
        });
        while let Some((file, fault)) = self.files.poll_fault() {
            let path = Printable(self.files.path(file));
            match fault {
                None => log!(log, Info, "{path}: following it"),
                Some(Fault::Missing) => log!(log, Info, "{path}: not there; waiting for it"),
                Some(Fault::NotAFile) => log!(log, Error, "{path}: not a regular file; waiting for one"),
                Some(Fault::Denied) => log!(log, Error, "{path}: no permission to read it; trying again"),
                Some(Fault::Exhausted) => log!(log, Error, "{path}: no descriptors or memory left; trying again"),
                Some(Fault::Failed) => log!(log, Error, "{path}: cannot be read; trying again"),
            }
        }
        more
    }

    /// As [`Daemon::pump`], until no answer is awaited any more; the time then.
    fn settle(&mut self, log: &mut Log<'_>) -> Result<Instant, Failure> {
        loop {
            let now = now()?;
            self.pump(now, log);
            if !self.engine.awaits_answer() || !self.firewall.receive(&mut self.engine, now) {
                return Ok(now);
            }
        }
    }

    /// Sends what the engine has to send, batch by batch, and says what came of each.
    fn pump(&mut self, now: Instant, log: &mut Log<'_>) {
        self.watch.follow(&mut self.engine, now);
        if let Some(own) = &self.own
            && let Err(error) = own.turn(&mut self.engine, now)
        {
            log!(log, Error, "rtnetlink: {error}; this machine's own addresses may be out of date");
        }
        let mut now = now;
        while self.firewall.exchange(&mut self.engine, now) {
            // Before the next of many batches, or their notices overflow the socket.
            self.watch.follow(&mut self.engine, now);
            self.report(now, log);
            // A million bans take seconds.
            now = crate::daemon::now().unwrap_or(now);
        }
        self.report(now, log);
    }

    /// Cuts connections of addresses that are banned, if that is wanted.
    fn cut(&mut self, now: Instant, woken: bool, log: &mut Log<'_>) {
        if let Some(kill) = &mut self.kill {
            let engine = &self.engine;
            kill.turn(now, woken, &|addr| engine.is_banned(addr), log);
        }
    }

    /// Milliseconds to sleep for at most.
    fn timeout(&self, now: Instant) -> Option<u64> {
        let cut = self.kill.as_ref().and_then(Kill::poll_at);
        let at =
            [self.engine.poll_at(), self.files.poll_at(), cut, self.control.poll_at()].into_iter().flatten().min()?;
        Some(at.since(now).as_millis())
    }

    /// Takes a signal; returns the one that ends the daemon.
    fn signal(&self, log: &mut Log<'_>) -> Option<Signal> {
        match self.signals.read().ok()?.signal {
            Signal::HANG_UP => {
                log!(log, Warning, "SIGHUP: reloading is not supported yet, the configuration stays as it is");
                None
            }
            Signal::USER_1 => {
                self.summary(log);
                None
            }
            signal => Some(signal),
        }
    }

    /// Says what happened.
    fn report(&mut self, now: Instant, log: &mut Log<'_>) {
        while let Some(event) = self.engine.poll_event() {
            // Also where bans came back, or an earlier run's were adopted: meanwhile a connection may have begun.
            if let (
                Event::Banned { .. } | Event::PrefixBanned { .. } | Event::Restored { .. } | Event::Ready,
                Some(kill),
            ) = (event, &mut self.kill)
            {
                kill.banned();
            }
            self.hopeless |= event.is_for_the_operator();
            self.control.observe(&event, self.engine.waiting());
            say(event, self.config, self.engine.link(), now, log);
        }
        if let Some(trouble) = self.firewall.trouble() {
            log!(log, Error, "{trouble}");
        }
    }

    /// Ends: what is readable is read, what is decided is sent.
    fn stop(&mut self, by: &str, chunk: &mut Chunk, log: &mut Log<'_>) -> Result<u8, Failure> {
        let now = now()?;
        while self.read(chunk, now, log) {
            self.pump(now, log);
        }
        let now = self.settle(log)?;
        self.cut(now, false, log);
        self.control.settle(&self.engine, now);
        let bans = self.engine.bans().installed() + self.engine.bans().prefixes().installed();
        let table = &self.config.global.table;
        match self.config.global.on_stop {
            OnStop::Keep => {
                let held = Held(self.engine.link(), table);
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
                let held = Held(link, table);
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

    /// Says what was counted since the start: at the end, and at SIGUSR1.
    fn summary(&self, log: &mut Log<'_>) {
        let counters = self.engine.counters();
        let (attempts, bans, link) = (self.engine.attempts(), self.engine.bans(), self.engine.link());
        log!(
            log,
            Info,
            "{} lines, {} failed attempts ({} ignored, {} of this machine, {} of banned addresses), {} bans, {} unbans",
            counters.lines,
            counters.matched,
            counters.ignored,
            counters.ignored_self,
            counters.already_banned,
            counters.banned,
            counters.unbanned
        );
        log!(
            log,
            Info,
            "now {} banned (limit {}), {} waiting for the kernel, {} tracked (limit {}); {} bans refused for lack of room, {} \
             tracked addresses evicted, {} events dropped, {} stray and {} malformed answers, {} inotify overflows",
            bans.installed(),
            limits::BANS,
            self.engine.waiting(),
            attempts.len(),
            limits::TRACKED,
            counters.refused_full,
            attempts.evicted(),
            self.engine.events_dropped(),
            link.counters().strays,
            link.counters().malformed,
            self.files.overflows()
        );
        let edgeban_core::firewall::nft::Counters { disturbed, audits, refused, lost, unadopted, .. } = link.counters();
        log!(
            log,
            Info,
            "table: {disturbed} changes by others, {audits} audits, {refused} batches refused, {lost} answers lost, {unadopted} \
             foreign elements not adopted"
        );
        let history = self.engine.history();
        log!(
            log,
            Info,
            "history: bans of {} addresses (limit {}), {} forgotten to make room",
            history.len(),
            limits::BANS,
            history.evicted()
        );
        if self.own.is_some() {
            let own = self.engine.own();
            let edgeban_core::own::Counters { rounds, malformed, full, lost } = *own.counters();
            log!(
                log,
                Info,
                "{} own addresses and gateways (limit {}), {} bans of such taken back; listed {rounds} times, {full} found no \
                 room, {malformed} malformed, {lost} losses",
                own.len(),
                limits::OWN,
                counters.protected
            );
        }
        if let Some(kill) = &self.kill {
            kill.summary(log);
        }
        self.control.summary(log);
        for file in self.files.ids() {
            let Counters { lines, overlong, bytes, truncated, rotated, read_errors, .. } = self.files.counters(file);
            log!(
                log,
                Info,
                "{}: {lines} lines, {bytes} bytes, {overlong} lines over {} bytes skipped, {truncated} truncations, {rotated} \
                 rotations, {read_errors} read errors",
                Printable(self.files.path(file)),
                limits::LINE
            );
        }
    }
}
