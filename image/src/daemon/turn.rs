//! What happens in each turn of the loop: lines in, datagrams out, and what came of them.

use super::{Daemon, Failure, READERS, now};
use crate::kill::Kill;
use crate::log;
use crate::log::Log;
use crate::out::Printable;
use crate::say::{debug, say};
use crate::source::feeds::Item;
use crate::source::{Chunk, FileId};
use crate::web::Around;
use edgeban_core::config::model::{Jail, LogLevel};
use edgeban_core::detect::Attempt;
use edgeban_core::engine::Decision;
use edgeban_core::event::Event;
use edgeban_core::source::{feed, tail};
use edgeban_core::time::Instant;

impl Daemon {
    /// Reads what is new, a chunk a file. Returns whether there is more.
    pub(super) fn read(&mut self, chunk: &mut Chunk, now: Instant, log: &mut Log<'_>) -> bool {
        let Self { engine, files, feeds, followers, web, .. } = self;
        let evidence = web.evidence();
        let mut decided = |text: &[u8], jail: &Jail, attempt: Attempt, decision| {
            if matches!(decision, Decision::Counted(_) | Decision::Ban(_)) {
                evidence.note(attempt.addr, text, now);
            }
            if log.says(LogLevel::Debug) {
                debug(log, jail, &attempt.addr, decision);
            }
        };
        let more = files.turn(now, chunk, &mut |file: FileId, line: &[u8]| {
            let jails = followers.get(file.index()).copied().unwrap_or_default();
            engine.handle_line(jails, line, now, |jail, attempt, decision| decided(line, jail, attempt, decision));
        });
        let more_of_feeds = feeds.turn(now, chunk, &mut |jails, item| match item {
            Item::Entry(entry) => engine.handle_entry(jails, entry, now, |jail, attempt, decision| {
                decided(entry.message, jail, attempt, decision);
            }),
        });
        while let Some((file, fault)) = self.files.poll_fault() {
            let path = Printable(self.files.path(file));
            match fault {
                None => log!(log, Info, "{path}: following it"),
                Some(tail::Fault::Missing) => log!(log, Info, "{path}: not there; waiting for it"),
                Some(tail::Fault::NotAFile) => log!(log, Error, "{path}: not a regular file; waiting for one"),
                Some(tail::Fault::Denied) => log!(log, Error, "{path}: no permission to read it; trying again"),
                Some(tail::Fault::Exhausted) => log!(log, Error, "{path}: no descriptors or memory left; trying again"),
                Some(tail::Fault::Failed) => log!(log, Error, "{path}: cannot be read; trying again"),
            }
        }
        while let Some((feed, fault)) = self.feeds.poll_fault() {
            let name = feed.name();
            match fault {
                None => log!(log, Info, "{name}: following it"),
                Some(feed::Fault::Missing) => log!(log, Info, "{name}: not there; waiting for it"),
                Some(fault) => log!(log, Error, "{name}: {}; trying again", fault.text()),
            }
        }
        more || more_of_feeds
    }

    /// As [`Daemon::pump`], until no answer is awaited any more; the time then.
    pub(super) fn settle(&mut self, log: &mut Log<'_>) -> Result<Instant, Failure> {
        loop {
            let now = now()?;
            self.pump(now, log);
            if !self.engine.awaits_answer() || !self.firewall.receive(&mut self.engine, now) {
                return Ok(now);
            }
        }
    }

    /// Sends what the engine has to send, batch by batch, and says what came of each.
    pub(super) fn pump(&mut self, now: Instant, log: &mut Log<'_>) {
        self.watch.follow(&mut self.engine, now);
        if let Some(own) = &self.own
            && let Err(error) = own.turn(self.engine.own_mut(), now)
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

    /// Shows those who look at the page what happened.
    pub(super) fn show(&mut self, now: Instant) {
        let Self { settings, engine, files, feeds, epoll, web, .. } = self;
        web.settle(READERS, &mut Around { settings, engine, files, feeds, epoll, now });
    }

    /// Cuts connections of addresses that are banned, if that is wanted.
    pub(super) fn cut(&mut self, now: Instant, woken: bool, log: &mut Log<'_>) {
        if let Some(kill) = &mut self.kill {
            let engine = &self.engine;
            kill.turn(self.kill_buffers, now, woken, &|addr| engine.is_banned(addr), log);
        }
    }

    /// Writes down what is to survive. Returns whether there is more.
    pub(super) fn keep(&mut self, now: Instant, log: &mut Log<'_>) -> bool {
        let Self { state, engine, files, .. } = self;
        state.as_mut().is_some_and(|state| state.turn(engine, files, now, log))
    }

    /// Milliseconds to sleep for at most.
    pub(super) fn timeout(&self, now: Instant) -> Option<u64> {
        let cut = self.kill.as_ref().and_then(Kill::poll_at);
        let state = self.state.as_ref().map(|state| state.poll_at(&self.engine));
        let at = [
            self.engine.poll_at(),
            self.files.poll_at(),
            self.feeds.poll_at(),
            cut,
            state,
            self.control.poll_at(),
            self.web.poll_at(),
        ];
        let at = at.into_iter().flatten().min()?;
        Some(at.since(now).as_millis())
    }

    /// Says what happened.
    pub(super) fn report(&mut self, now: Instant, log: &mut Log<'_>) {
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
            self.web.observe(&event);
            say(event, self.engine.jails(), &self.settings.global.table, self.engine.link(), now, log);
        }
        if let Some(trouble) = self.firewall.trouble() {
            log!(log, Error, "{trouble}");
        }
    }
}
