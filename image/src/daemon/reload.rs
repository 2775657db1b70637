//! Going on with another configuration. All that can fail is tried before anything changes, so that one that does not do
//! leaves everything as it is.

use super::{Daemon, KILL, OWN, Settings, follow, wants};
use crate::config::{Source, Space};
use crate::control::{Change, Control};
use crate::group;
use crate::kill::{self, Kill};
use crate::log;
use crate::log::Log;
use crate::own::{self, OwnSocket, Wants};
use crate::say::{Refused, hint, introduce};
use crate::source::{Chunk, Files};
use core::fmt;
use edgeban_core::config;
use edgeban_core::config::model::{Backend, Config, Jail};
use edgeban_core::control::response::ReloadNumbers;
use edgeban_core::control::{Refusal, Wait};
use edgeban_core::engine::Reloaded;
use edgeban_core::firewall::backend::unsupported;
use edgeban_core::limits;
use edgeban_core::time::Instant;
use edgeban_linux::Errno;
use edgeban_linux::epoll::Ready;
use edgeban_linux::fd::AsFd;

/// What was opened for another configuration.
struct Opened {
    /// The sockets to cut connections, if they were not there and are wanted.
    kill: Option<Kill>,
    /// The socket to rtnetlink, if what there is does not do.
    own: Option<OwnSocket>,
}

/// It does not do, which was said.
struct NotSo;

/// Where that is said: in the log, and to the clients who asked.
struct Complaints<'a, 'l, 'b> {
    control: &'a mut Control,
    log: &'l mut Log<'b>,
}

impl Complaints<'_, '_, '_> {
    fn say(&mut self, line: fmt::Arguments<'_>) -> NotSo {
        log!(self.log, Error, "{line}");
        self.control.complain(line);
        NotSo
    }
}

/// The running jails.
fn enabled(jails: &[Jail]) -> impl Iterator<Item = &Jail> {
    jails.iter().filter(|jail| jail.enabled)
}

impl Daemon {
    /// Reads the configuration anew and goes on with it, or says why not.
    pub(super) fn reload(&mut self, chunk: &mut Chunk, now: Instant, log: &mut Log<'_>) {
        self.judge_the_past(chunk, now, log);
        let numbers = match self.prepare(now, log) {
            Ok(opened) => {
                let numbers = self.go_on(opened, log);
                let ReloadNumbers { jails, files, begun, ended, lifted, forgotten } = numbers;
                log!(
                    log,
                    Info,
                    "reloaded: {jails} jails, {begun} of them new, {ended} ended; {files} log files; {lifted} bans lifted; {forgotten} \
                     settings made by hand are gone"
                );
                self.settings.by_hand = 0;
                // Finds where each new log ends: what is written once this is said to be done must count.
                self.read(chunk, now, log);
                Some(numbers)
            }
            Err(NotSo) => {
                log!(log, Error, "not reloaded: the configuration stays as it was");
                None
            }
        };
        self.control.reloaded(numbers, now);
    }

    /// What was written before is judged as it was then, and told with the jails as they were.
    fn judge_the_past(&mut self, chunk: &mut Chunk, now: Instant, log: &mut Log<'_>) {
        self.files.wake(chunk);
        self.feeds.wake();
        self.read(chunk, now, log);
        self.report(now, log);
    }

    /// Changes a setting as somebody asks, or says why not.
    pub(super) fn set(&mut self, change: &Change, chunk: &mut Chunk, now: Instant, log: &mut Log<'_>) {
        let Change { place, jail, key, value } = change;
        self.judge_the_past(chunk, now, log);
        let Self { source, settings, engine, control, .. } = self;
        let Source { config, space: Space { tokens, .. }, .. } = source;
        config.global.clone_from(&settings.global);
        config.bantime = settings.bantime;
        config.journal.clone_from(&settings.journal);
        config.filters.copy_from(engine.filters());
        config.jails.clear();
        config.jails.extend(engine.jails().iter().filter(|jail| !jail.name.is_empty()).take(limits::JAILS).cloned());
        let set = config::set(config, jail, key, value, tokens, &mut |error| {
            control.explain(*place, format_args!("{error}"));
        });
        let lifted = set.ok().and_then(|()| {
            let opened = self.open(now).map_err(|(what, error)| {
                self.control.explain(*place, format_args!("{what}: {error}"));
            });
            Some(self.go_on(opened.ok()?, log).lifted)
        });
        if lifted.is_some() {
            log!(log, Info, "set by hand, until the next reload: {key} of jail {jail} to {value}");
            self.settings.by_hand += 1;
            self.read(chunk, now, log);
        }
        let wait = lifted.map(|lifted| Wait::for_set(u32::try_from(lifted).unwrap_or(u32::MAX), now));
        self.control.end(*place, wait, Refusal::NotSet, now);
    }

    /// Reads the configuration, and tries all of it that can fail.
    fn prepare(&mut self, now: Instant, log: &mut Log<'_>) -> Result<Opened, NotSo> {
        let Self { source, control, .. } = self;
        let mut complaints = Complaints { control, log };
        source
            .read(&mut |fault| {
                complaints.say(format_args!("{fault}"));
            })
            .map_err(|_| NotSo)?;

        let Config { global, jails, .. } = &*self.source.config;
        let running = &self.settings.global;
        let backend = self.engine.link().backend();
        let fixed = [
            ("table", running.table.as_str(), global.table.as_str()),
            ("run_dir", running.run_dir.as_str(), global.run_dir.as_str()),
            ("state_dir", running.state_dir.as_str(), global.state_dir.as_str()),
            (
                "backend",
                backend.name(),
                match global.backend {
                    Backend::Auto => backend.name(),
                    other => other.name(),
                },
            ),
        ];
        for (key, is, would_be) in fixed {
            if is != would_be {
                let line = format_args!("[global] {key} needs a restart: it is \"{is}\", and would be \"{would_be}\"");
                return Err(complaints.say(line));
            }
        }
        if running.web != global.web {
            return Err(complaints.say(format_args!("[global] web needs a restart")));
        }
        let layout = global.layout();
        if let Some(setting) = unsupported(backend, &layout) {
            let (name, setting) = (backend.name(), setting.text());
            return Err(complaints.say(format_args!("backend {name} cannot do what is configured: {setting}")));
        }
        for path in enabled(jails).flat_map(|jail| &jail.logpath) {
            if !Files::is_path(path.as_bytes()) {
                return Err(complaints.say(format_args!("{path}: not the path of a file")));
            }
        }
        for name in &global.devices {
            if !own::has_device(name).unwrap_or(true) {
                return Err(complaints.say(format_args!("there is no device {name} ([global] devices)")));
            }
        }
        if backend == Backend::Nftables && layout != *self.engine.layout() {
            let trial = self.firewall.trial(&layout);
            let trial = trial.map_err(|error| complaints.say(format_args!("netlink socket to netfilter: {error}")))?;
            if let Some((error, part)) = trial.error {
                let hint = hint(error, part);
                let line = format_args!("the kernel would refuse this table: {error} at {}{hint}", Refused(part));
                return Err(complaints.say(line));
            }
            if !trial.is_good() {
                return Err(complaints.say(format_args!("the kernel does not say whether it would take this table")));
            }
        }
        let opened = self.open(now);
        let mut complaints = Complaints { control: &mut self.control, log };
        opened.map_err(|(what, error)| complaints.say(format_args!("{what}: {error}")))
    }

    /// Opens what another configuration needs.
    fn open(&mut self, now: Instant) -> Result<Opened, (&'static str, Errno)> {
        let Self { source, engine, epoll, kill, own, control, .. } = self;
        let mut opened = Opened { kill: None, own: None };
        let group = group::number(&source.config.global.control_group).map_err(|error| (group::WHAT, error))?;
        if source.config.global.kill_connections && kill.is_none() {
            let new = Kill::open().map_err(|error| (kill::WHAT, error))?;
            for fd in new.fds().into_iter().flatten() {
                epoll.add(fd, Ready::READ, KILL).map_err(|error| ("epoll_ctl", error))?;
            }
            opened.kill = Some(new);
        }
        let had = own.as_ref().map_or(Wants::NOTHING, OwnSocket::wants);
        let wants = wants(source.config).or(had);
        if wants != had {
            let new = OwnSocket::open(wants, engine.own_mut(), now).and_then(|new| {
                new.iter().try_for_each(|new| epoll.add(new.as_fd(), Ready::READ, OWN))?;
                Ok(new)
            });
            if new.is_err() && !had.addresses {
                engine.own_mut().forget();
            }
            opened.own = new.map_err(|error| (own::WHAT, error))?;
        }
        // The last: nothing that follows fails.
        if let Err(error) = control.admit(group) {
            if opened.own.is_some() && !had.addresses {
                engine.own_mut().forget();
            }
            return Err((group::WHAT, error));
        }
        Ok(opened)
    }

    /// Goes on with the configuration that was read. Nothing here fails.
    fn go_on(&mut self, opened: Opened, log: &mut Log<'_>) -> ReloadNumbers {
        let Self { source, settings, engine, files, feeds, followers, kill, own, state, .. } = self;
        let config = &*source.config;
        let runs = |jail: &Jail| enabled(engine.jails()).any(|running| running.name == jail.name);
        enabled(&config.jails).filter(|jail| !runs(jail)).for_each(|jail| introduce(jail, &config.filters, log));
        *settings = Settings { by_hand: settings.by_hand, ..Settings::of(config) };
        let Reloaded { begun, ended, lifted } = engine.reload(&config.jails, settings.global.layout());
        engine.set_filters(&config.filters);

        let wanted =
            |path: &[u8]| enabled(engine.jails()).any(|jail| jail.logpath.iter().any(|own| own.as_bytes() == path));
        files.retain(&wanted);
        // There is room for all, and all of them are paths.
        if let Ok(new) = follow(engine.jails(), settings, files, feeds, log) {
            *followers = new;
        }
        if let Some(state) = state {
            state.set_sync(settings.global.state_sync);
        }
        *own = opened.own.or(own.take());
        *kill = opened.kill.or(kill.take()).filter(|_| settings.global.kill_connections);
        if let Some(kill) = kill {
            kill.banned();
        }
        let (jails, files) = (enabled(engine.jails()).count(), files.len());
        log.set_level(settings.global.log_level);
        let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        ReloadNumbers {
            jails: number(jails),
            files: number(files),
            begun: begun.into(),
            ended: ended.into(),
            lifted: lifted.into(),
            forgotten: settings.by_hand,
        }
    }
}
