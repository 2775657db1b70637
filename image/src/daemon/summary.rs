//! What was counted.

use super::Daemon;
use crate::log;
use crate::log::Log;
use crate::out::Printable;
use edgeban_core::limits;
use edgeban_core::persist::journal;
use edgeban_core::source::{feed, tail};

impl Daemon {
    /// Says what was counted since the start: at the end, and at SIGUSR1.
    pub(super) fn summary(&self, log: &mut Log<'_>) {
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
        if let Some(state) = &self.state {
            let journal::Counters { written, writes, snapshots, failed } = state.counters();
            log!(
                log,
                Info,
                "state: {} bytes; {written} bytes written in {writes} times, {snapshots} of them everything; {failed} failures",
                state.len()
            );
        }
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
        self.web.summary(log);
        for file in self.files.ids() {
            let tail::Counters { lines, overlong, bytes, truncated, rotated, read_errors, .. } =
                self.files.counters(file);
            log!(
                log,
                Info,
                "{}: {lines} lines, {bytes} bytes, {overlong} lines over {} bytes skipped, {truncated} truncations, {rotated} \
                 rotations, {read_errors} read errors",
                Printable(self.files.path(file)),
                limits::LINE
            );
        }
        for feed in self.feeds.iter() {
            let feed::Counters { lines, bytes, overlong, skipped, lost, not_believed, rotated } =
                self.feeds.counters(feed);
            log!(
                log,
                Info,
                "{}: {lines} lines, {bytes} bytes, {overlong} over {} bytes and {skipped} others skipped, {lost} lost, {not_believed} \
                 not believed, {rotated} replacements",
                feed.name(),
                limits::LINE
            );
        }
    }
}
