//! The engine: owns every table, takes lines, answers and time, gives datagrams and events.
//!
//! No I/O and no clock, so the daemon, `edgeban test` and the tests run the same code.

mod entry;
mod past;
mod readers;
mod reload;
mod restore;

pub use entry::Hearing;
pub use readers::JailSet;
pub use reload::Reloaded;
pub use restore::Restored;

use crate::addr::{Addr, Family, Prefix, Widths};
use crate::ban::history::History;
use crate::ban::{ADOPTED, Ban, Bans, State, Wanted, prefix};
use crate::config::model::{Backend, BanTime, Jail};
use crate::count::{Attempts, Rule};
use crate::detect::custom::{Filters, Line};
use crate::detect::heard::Heard;
use crate::detect::{Attempt, Filter, FilterSet, JailFilter, Sessions};
use crate::event::{Event, Events};
use crate::firewall::backend::{Link, Table, Unsupported};
use crate::firewall::nft::{self, Layout};
use crate::firewall::xt::{Failure, Info, Refused, Rewrite, Sources};
use crate::limits;
use crate::own::{LOOPBACK, Own, Why};
use crate::persist::Changes;
use crate::replay::LogClock;
use crate::source::docker;
use crate::source::syslog::{Record, Split, Stamp};
use crate::table::HashKey;
use crate::time::{Duration, Instant};
use crate::wire::xt::set::SetMatch;
use heapless::Vec;
use readers::{JAILS, Readers};

/// What the engine did with lines since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Lines seen.
    pub lines: u64,
    /// Lines that proved at least one failed attempt, per jail that saw them.
    pub matched: u64,
    /// Of these: from an address of `ignoreip`.
    pub ignored: u64,
    /// Of these: from an address that `ignoreself` protects.
    pub ignored_self: u64,
    /// Of these: from an address that was banned already.
    pub already_banned: u64,
    /// Bans decided.
    pub decided: u64,
    /// Bans that the kernel confirmed.
    pub banned: u64,
    /// Bans that ended.
    pub unbanned: u64,
    /// Attempts at `maxretry` that could not be banned because the ban table is full.
    pub refused_full: u64,
    /// Bans that were taken out at the last gate, or lifted, because their address turned out to be protected.
    pub protected: u64,
}

/// What a jail did since it has its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JailCounters {
    /// Lines that proved a failed attempt.
    pub attempts: u64,
    /// Bans that the kernel confirmed.
    pub bans: u64,
}

/// When a line happens.
pub enum Clock<'c> {
    /// When it is read.
    Real(Instant),
    /// When it says.
    Log(&'c mut LogClock),
}

impl Clock<'_> {
    fn at(self, stamp: impl FnOnce() -> Option<Stamp>) -> Instant {
        match self {
            Self::Real(now) => now,
            Self::Log(clock) => clock.at(stamp()),
        }
    }
}

impl From<Instant> for Clock<'_> {
    fn from(now: Instant) -> Self {
        Self::Real(now)
    }
}

/// What a jail makes of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The address is protected by this.
    Ignored(Why),
    /// This jail has banned it already; lines of connections that were open keep coming.
    AlreadyBanned,
    /// Counted: this many attempts in the window, fewer than `maxretry`.
    Counted(u32),
    /// It reached `maxretry`: banned until then (`None`: for good).
    Ban(Option<Instant>),
}

/// The engine's tables: `T` tracked and `B` banned addresses at most, with index sizes `TI` and `BI`. Empty, they are all
/// zero bytes, so that a static one lies in `.bss` and becomes resident as it is used.
pub struct Memory<const T: usize, const TI: usize, const B: usize, const BI: usize> {
    jails: Vec<Jail, JAILS>,
    filters: Filters,
    readers: Readers,
    sessions: [Sessions; JAILS],
    of_jail: [JailCounters; JAILS],
    attempts: Attempts<T, TI>,
    bans: Bans<B, BI>,
    history: History<B, BI>,
    changes: Changes,
    events: Events,
    own: Own,
    sources: Sources,
}

/// The tables of the shipped binary.
pub type FullMemory = Memory<{ limits::TRACKED }, { 2 * limits::TRACKED }, { limits::BANS }, { 2 * limits::BANS }>;

impl<const T: usize, const TI: usize, const B: usize, const BI: usize> Memory<T, TI, B, BI> {
    /// Empty tables.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            jails: Vec::new(),
            filters: Filters::new(),
            readers: Readers::NONE,
            sessions: [const { Sessions::new() }; JAILS],
            of_jail: [JailCounters { attempts: 0, bans: 0 }; JAILS],
            attempts: Attempts::new(),
            bans: Bans::new(),
            history: History::new(),
            changes: Changes::new(),
            events: Events::new(),
            own: Own::new(),
            sources: Sources::new(),
        }
    }
}

impl<const T: usize, const TI: usize, const B: usize, const BI: usize> Default for Memory<T, TI, B, BI> {
    fn default() -> Self {
        Self::new()
    }
}

/// Everything that decides, over its tables.
pub struct Engine<'m, const T: usize, const TI: usize, const B: usize, const BI: usize> {
    memory: &'m mut Memory<T, TI, B, BI>,
    layout: Layout,
    /// The layout that shall take its place.
    pending: Option<Layout>,
    link: Link,
    counters: Counters,
    key: HashKey,
    /// Random numbers that were drawn.
    drawn: u64,
}

const fn rule(jail: &Jail) -> Rule {
    Rule { maxretry: jail.maxretry, findtime: jail.findtime }
}

fn rule_of(jails: &[Jail], jail: u8) -> Rule {
    match jails.get(usize::from(jail)) {
        Some(jail) => rule(jail),
        None => Rule { maxretry: 1, findtime: Duration::ZERO },
    }
}

/// What protects `addr`, and all that are banned with it, from a ban by `jail`; where no jail decided, by any.
fn protection(jail: Option<&Jail>, own: &Own, widths: Widths, addr: Addr) -> Option<Why> {
    protected_in(jail, own, &widths.prefix(addr)).map(|(why, _)| why)
}

/// What protects addresses of `prefix`, and which these are.
fn protected_in(jail: Option<&Jail>, own: &Own, prefix: &Prefix) -> Option<(Why, Prefix)> {
    if let Some(ignored) = jail.and_then(|jail| jail.ignoreip.iter().find(|ignored| ignored.overlaps(prefix))) {
        return Some((Why::Ignoreip, *ignored));
    }
    if jail.is_some_and(|jail| !jail.ignoreself) {
        return None;
    }
    if prefix.is_one() {
        return own.find(prefix.base()).map(|why| (why, *prefix));
    }
    let mut loopback = LOOPBACK.into_iter().filter_map(|(addr, len)| Prefix::new(addr, len).ok());
    if let Some(loopback) = loopback.find(|loopback| loopback.overlaps(prefix)) {
        return Some((Why::Loopback, loopback));
    }
    let addr = own.iter().find(|addr| prefix.contains(*addr))?;
    Some((own.find(addr)?, Prefix::one(addr)))
}

/// Why a prefix is not banned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotBanned {
    /// These addresses of it are protected.
    Protected(Why, Prefix),
    /// This prefix in it is banned for longer than was asked, and there can be no two.
    Longer(Prefix),
    /// `limits::PREFIX_BANS` prefixes are banned.
    Full,
    /// What holds the bans cannot ban prefixes.
    Unsupported,
}

impl<'m, const T: usize, const TI: usize, const B: usize, const BI: usize> Engine<'m, T, TI, B, BI> {
    /// An engine for a copy of these jails (of 64, or as many as there are filters) over empty tables, with the nf_tables
    /// table of this layout unless [`Engine::set_backend`] says otherwise. `key` is the secret of its hashes.
    pub fn new(memory: &'m mut Memory<T, TI, B, BI>, jails: &[Jail], layout: Layout, key: HashKey) -> Self {
        memory.attempts.set_key(key);
        memory.bans.set_key(key);
        memory.history.set_key(key);
        memory.jails.clear();
        memory.jails.extend(jails.iter().take(JAILS).cloned());
        memory.readers.set(&memory.jails);
        let link = Link::Nftables(nft::Link::new(layout.clone()));
        Self { memory, layout, pending: None, link, counters: Counters::default(), key, drawn: 0 }
    }

    /// Sets the filters of the operator's own, whose numbers the jails have, at the start and at a reload: a copy of these.
    pub fn set_filters(&mut self, filters: &Filters) {
        self.memory.filters.copy_from(filters);
    }

    /// Begins with this backend, and without any ban that another one found.
    ///
    /// # Errors
    /// A setting that it does not have; the backend stays as it was.
    pub fn set_backend(&mut self, backend: Backend) -> Result<(), Unsupported> {
        let mut longest = match BanTime::default() {
            BanTime::For(span) => Some(span),
            BanTime::Permanent => None,
        };
        for jail in self.memory.jails.iter().filter(|jail| jail.enabled) {
            longest = match jail.bantime {
                BanTime::For(span) => longest.map(|longest| longest.max(span)),
                BanTime::Permanent => None,
            };
        }
        self.link = Link::new(backend, self.layout.clone(), longest)?;
        self.memory.bans.clear();
        self.memory.bans.set_ends(self.link.ends());
        Ok(())
    }

    /// Gives up a backend that does not get ready: what it made is to be taken out again.
    pub fn abandon(&mut self) {
        self.link.abandon(!self.memory.bans.is_empty());
    }

    /// Reads one log line (without its newline) for the jails that follow its source. `decided` hears what each jail
    /// that recognised an attempt made of it.
    pub fn handle_line<'c>(
        &mut self,
        jails: JailSet,
        line: &[u8],
        clock: impl Into<Clock<'c>>,
        mut decided: impl FnMut(&Jail, Attempt, Decision),
    ) {
        self.counters.lines += 1;
        let clock = clock.into();
        if line.starts_with(docker::START)
            && let Some(wrapped) = docker::Wrapped::parse(line)
        {
            return self.handle_wrapped(jails, wrapped, clock, &mut decided);
        }
        let split = Split::of(line);
        let named = split.record.map_or(FilterSet::NONE, |record| FilterSet::of_program(record.program));
        // A line of one service is never tried for another.
        let own = if named.is_empty() && self.memory.readers.read_own_logs(jails) {
            Filter::own_record(line, &split)
        } else {
            None
        };
        let now = clock.at(|| match split.record {
            Some(record) => record.stamp,
            None => Filter::own_stamp(&own?),
        });
        if let Some(record) = split.record {
            self.handle_record(jails, &record, named, now, &mut decided);
        }
        if let Some(own) = own {
            self.ask(self.memory.readers.of_own(jails, &own), &own, now, &mut decided);
        }
        self.ask_custom(jails, &mut Line::new(line, split), now, &mut decided);
    }

    /// What the jails make of a line with a header.
    fn handle_record(
        &mut self,
        jails: JailSet,
        record: &Record<'_>,
        named: FilterSet,
        now: Instant,
        decided: &mut impl FnMut(&Jail, Attempt, Decision),
    ) {
        let filters = if named.is_empty() { FilterSet::OTHERS } else { named };
        self.ask(jails.and(self.memory.readers.of(filters)), record, now, decided);
    }

    /// A line that a container wrote. Without a known program's name it is read by all jails that follow its file: who names
    /// a container's log for a jail says whose messages these are.
    #[inline(never)] // its buffer is large
    fn handle_wrapped(
        &mut self,
        jails: JailSet,
        wrapped: docker::Wrapped<'_>,
        clock: Clock<'_>,
        decided: &mut impl FnMut(&Jail, Attempt, Decision),
    ) {
        let now = clock.at(|| Some(wrapped.time()));
        let mut buffer = docker::Buffer::new();
        let Some(line) = wrapped.line(&mut buffer) else { return };
        let split = Split::of(line);
        let named = split.record.map_or(FilterSet::NONE, |record| FilterSet::of_program(record.program));
        if let Some(record) = split.record {
            self.handle_record(jails, &record, named, now, decided);
        }
        if named.is_empty()
            && let Some(own) = Filter::own_record(line, &split)
        {
            self.ask(jails, &own, now, decided);
        }
        self.ask_custom(jails, &mut Line::new(line, split), now, decided);
    }

    /// What these jails make of a record.
    fn ask(
        &mut self,
        jails: JailSet,
        record: &Record<'_>,
        now: Instant,
        decided: &mut impl FnMut(&Jail, Attempt, Decision),
    ) {
        let record = Heard::new(record);
        for number in jails.numbers() {
            let index = usize::from(number);
            if let Some(jail) = self.memory.jails.get(index)
                && let Some(sessions) = self.memory.sessions.get_mut(index)
                && let JailFilter::BuiltIn(filter) = jail.filter
                && let Some(attempt) = filter.hear(jail.mode, sessions, &record)
            {
                let decision = self.decide(number, attempt, now);
                if let Some(jail) = self.memory.jails.get(index) {
                    decided(jail, attempt, decision);
                }
            }
        }
    }

    /// What those of these jails make of a line whose filters are the operator's own.
    fn ask_custom(
        &mut self,
        jails: JailSet,
        line: &mut Line<'_>,
        now: Instant,
        decided: &mut impl FnMut(&Jail, Attempt, Decision),
    ) {
        for number in jails.and(self.memory.readers.of_custom).numbers() {
            let index = usize::from(number);
            if let Some(jail) = self.memory.jails.get(index)
                && let JailFilter::Custom(filter) = jail.filter
                && let Some(attempt) = self.memory.filters.detect(filter, line)
            {
                let decision = self.decide(number, attempt, now);
                if let Some(jail) = self.memory.jails.get(index) {
                    decided(jail, attempt, decision);
                }
            }
        }
    }

    fn decide(&mut self, number: u8, attempt: Attempt, now: Instant) -> Decision {
        self.counters.matched += 1;
        if let Some(counters) = self.memory.of_jail.get_mut(usize::from(number)) {
            counters.attempts += 1;
        }
        let Some(jail) = self.memory.jails.get(usize::from(number)) else { return Decision::Counted(0) };
        let maxretry = jail.maxretry;
        let widths = self.layout.widths;
        let addr = widths.network(attempt.addr);
        if let Some(why) = protection(Some(jail), &self.memory.own, widths, addr) {
            match why {
                Why::Ignoreip => self.counters.ignored += 1,
                _ => self.counters.ignored_self += 1,
            }
            return Decision::Ignored(why);
        }
        if self.memory.bans.prefixes().holding(attempt.addr).is_some() {
            self.counters.already_banned += 1;
            return Decision::AlreadyBanned;
        }
        let terms = self.terms(addr, number, jail, now);
        let until = terms.until;
        if let Some(ban) = self.memory.bans.find(addr)
            && (ban.jail == number || ban.until.is_none_or(|old| until.is_some_and(|new| new <= old)))
            && !matches!(ban.state(), State::Releasing | State::ReleasingInFlight)
        {
            self.counters.already_banned += 1;
            return Decision::AlreadyBanned;
        }
        let count = attempt.count.saturating_mul(terms.weight);
        let Memory { jails, attempts, .. } = &mut *self.memory;
        let attempts = attempts.record(number, addr, count, now, Duration::ZERO, |jail| rule_of(jails, jail));
        if attempts < maxretry {
            return Decision::Counted(attempts);
        }
        let until = self.by_chance(terms);
        match self.want(addr, number, until) {
            Wanted::Full => {
                // The attempts stay on record, so the next one asks again.
                self.counters.refused_full += 1;
                let rules = self.link.is_full(&self.memory.bans, addr);
                self.memory.events.push(if rules { Event::RulesFull { addr } } else { Event::BanTableFull { addr } });
                return Decision::Counted(attempts);
            }
            Wanted::New | Wanted::Extended => self.decided(addr, number, until, now),
            Wanted::Already => {}
        }
        self.memory.attempts.forget(number, addr);
        Decision::Ban(until)
    }

    fn want(&mut self, addr: Addr, jail: u8, until: Option<Instant>) -> Wanted {
        if self.link.is_full(&self.memory.bans, addr) {
            return Wanted::Full;
        }
        self.memory.bans.want(addr, jail, until)
    }

    /// Bans `addr` in the name of `jail` (or of nobody, [`MANUAL`](crate::ban::MANUAL)), without attempts; with `force` also
    /// if it is protected, now or later. What any jail protects is protected from a ban in nobody's name.
    ///
    /// # Errors
    /// What protects the address, without `force`.
    pub fn ban(
        &mut self,
        addr: Addr,
        jail: u8,
        until: Option<Instant>,
        force: bool,
        now: Instant,
    ) -> Result<Wanted, Why> {
        let widths = self.layout.widths;
        let addr = widths.network(addr);
        let Memory { jails, own, .. } = &*self.memory;
        let why = match jails.get(usize::from(jail)) {
            Some(jail) => protection(Some(jail), own, widths, addr),
            None => jails.iter().find_map(|jail| protection(Some(jail), own, widths, addr)),
        };
        if let Some(why) = why
            && !force
        {
            return Err(why);
        }
        let wanted = self.want(addr, jail, until);
        if force {
            self.memory.bans.force(addr);
            self.memory.changes.banned(addr, jail);
        }
        match wanted {
            Wanted::New | Wanted::Extended => self.decided(addr, jail, until, now),
            Wanted::Full => self.counters.refused_full += 1,
            Wanted::Already => {}
        }
        Ok(wanted)
    }

    /// Bans `prefix` as [`Engine::ban`] does an address: exactly these, whatever width bans have else. With `force` also what
    /// is protected in it, by `ignoreip` too. Returns the larger prefix (or the same) that is banned already, if one is.
    ///
    /// # Errors
    /// What is in the way.
    #[inline(never)] // smaller
    pub fn ban_prefix(
        &mut self,
        prefix: Prefix,
        jail: u8,
        until: Option<Instant>,
        force: bool,
    ) -> Result<Option<Prefix>, NotBanned> {
        if !self.link.takes_prefixes() {
            return Err(NotBanned::Unsupported);
        }
        let Memory { jails, own, .. } = &*self.memory;
        let protected = match jails.get(usize::from(jail)) {
            _ if force => None,
            Some(jail) => protected_in(Some(jail), own, &prefix),
            None => jails.iter().find_map(|jail| protected_in(Some(jail), own, &prefix)),
        };
        if let Some((why, which)) = protected {
            return Err(NotBanned::Protected(why, which));
        }
        match self.memory.bans.prefixes_mut().want(prefix, jail, until, force) {
            prefix::Wanted::Taken => {
                self.counters.decided += 1;
                self.memory.changes.renew();
                Ok(None)
            }
            prefix::Wanted::Already(by) => Ok(Some(by)),
            prefix::Wanted::Longer(than) => Err(NotBanned::Longer(than)),
            prefix::Wanted::Full => {
                self.counters.refused_full += 1;
                Err(NotBanned::Full)
            }
        }
    }

    /// Lifts the ban of exactly this prefix. Returns whether there was one.
    pub fn unban_prefix(&mut self, prefix: &Prefix) -> bool {
        self.memory.changes.lifted();
        self.memory.bans.prefixes_mut().release(prefix)
    }

    /// Whether the kernel holds `addr` banned, by itself or with a prefix.
    #[must_use]
    pub fn is_banned(&self, addr: Addr) -> bool {
        let bans = &self.memory.bans;
        bans.is_installed(self.layout.widths.network(addr)) || bans.prefixes().holding(addr).is_some()
    }

    /// Bans and unbans that wait to be sent, those of prefixes among them.
    #[must_use]
    pub fn waiting(&self) -> u32 {
        self.memory.bans.waiting() + self.memory.bans.prefixes().waiting()
    }

    /// Lifts the ban of `addr`, and forgets that it was ever banned. Returns whether it is banned.
    pub fn unban(&mut self, addr: Addr) -> bool {
        let addr = self.layout.widths.network(addr);
        self.forget_past(addr);
        self.memory.changes.lifted();
        self.memory.bans.release(addr)
    }

    /// Lifts every ban, those of prefixes too, and forgets those of the past. Returns how many there are.
    pub fn unban_all(&mut self) -> u32 {
        self.memory.history.clear();
        self.memory.changes.lifted();
        self.memory.bans.release_all()
    }

    /// Writes the next datagram for the kernel into `out` (at least `firewall::nft::DATAGRAM` bytes) and returns its
    /// length. To be called until it returns `None`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<usize> {
        self.expire(now);
        self.relayout();
        self.gate();
        let Memory { bans, events, .. } = &mut *self.memory;
        self.link.poll_transmit(bans, now, out, events)
    }

    /// The table of legacy iptables that is to be exchanged now: read it, [`Engine::plan_table`], replace it and add the
    /// counters, [`Engine::handle_table`]. To be called until it returns `None`, when [`Engine::poll_transmit`] does.
    pub fn poll_table(&mut self, now: Instant) -> Option<Table> {
        self.link.rules_mut()?;
        self.expire(now);
        self.relayout();
        self.gate();
        self.link.poll_table(&self.memory.bans, now)
    }

    /// What the table shall be of which the kernel answered `info` and `entries`; `set` is what [`Table::set`] asks for.
    ///
    /// # Errors
    /// [`Refused`], to be told to [`Engine::handle_table`].
    pub fn plan_table<'p>(
        &'p mut self,
        family: Family,
        info: &Info,
        entries: &'p [u8],
        set: Option<SetMatch>,
        now: Instant,
    ) -> Result<Rewrite<'p>, Refused> {
        if let Some(rules) = self.link.rules_mut() {
            rules.survey(family, info, entries, &mut self.memory.bans, now)?;
        }
        self.screen();
        let Memory { bans, sources, .. } = &mut *self.memory;
        let rules = self.link.rules_mut().ok_or(Refused::Malformed)?;
        rules.plan(family, info, entries, set, bans, sources)
    }

    /// Takes the end of an exchange: whether the table had to be changed, or why it is not as planned.
    pub fn handle_table(&mut self, family: Family, outcome: Result<bool, Failure>, now: Instant) {
        let Memory { bans, events, .. } = &mut *self.memory;
        if let Some(rules) = self.link.rules_mut() {
            rules.handle(family, outcome, bans, now, events);
        }
    }

    /// The last gate before the bytes: an address may have become protected since its ban was decided, be it that it is
    /// this machine's now, be it that a flush brings back what was decided long ago.
    #[inline(never)] // smaller
    fn gate(&mut self) {
        let Memory { jails, own, bans, events, .. } = &mut *self.memory;
        if own.take_full() {
            events.push(Event::OwnFull);
        }
        if own.take_devices()
            && let Some(link) = self.link.nftables()
        {
            link.devices_changed();
        }
        let fresh = own.take_fresh();
        if fresh || bans.prefixes().waiting() > 0 {
            bans.prefixes_mut().gate(&mut |ban| {
                let protected = protected_in(jails.get(usize::from(ban.jail)), own, &ban.prefix);
                if let Some((why, which)) = protected {
                    self.counters.protected += 1;
                    events.push(Event::Protected { addr: which.base(), why });
                }
                protected.is_some()
            });
        }
        let widths = self.layout.widths;
        let mut protected = |addr, ban: &Ban| {
            let why = protection(jails.get(usize::from(ban.jail)), own, widths, addr);
            if let Some(why) = why {
                self.counters.protected += 1;
                events.push(Event::Protected { addr, why });
            }
            why.is_some()
        };
        if fresh {
            for addr in own.iter() {
                bans.gate_one(widths.network(addr), &mut protected);
            }
        }
        bans.gate(&mut protected);
    }

    /// This machine's own addresses and gateways. Until [`Own::follow`] only the loopback addresses are known.
    #[must_use]
    pub const fn own(&self) -> &Own {
        &self.memory.own
    }

    /// As [`Engine::own`], for the one who has the socket.
    pub const fn own_mut(&mut self) -> &mut Own {
        &mut self.memory.own
    }

    /// Takes a datagram from the kernel.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        self.link.handle(datagram, &mut self.memory.bans, now, &mut self.memory.events);
        self.screen();
    }

    /// Takes a datagram of the group `NFNLGRP_NFTABLES`; `port` is the port id of the socket that our batches go through.
    pub fn handle_notices(&mut self, datagram: &[u8], port: u32, now: Instant) {
        if let Some(link) = self.link.nftables() {
            link.handle_notices(datagram, port, &mut self.memory.bans, now, &mut self.memory.events);
            self.screen();
        }
    }

    /// Notices of that group were lost.
    pub fn handle_notices_lost(&mut self) {
        if let Some(link) = self.link.nftables() {
            link.lost_notices();
        }
    }

    /// Whether the group should be listened to now.
    #[must_use]
    pub fn wants_notices(&self, now: Instant) -> bool {
        self.link.wants_notices(now)
    }

    /// Whether the group is listened to from now on.
    pub fn set_listening(&mut self, listening: bool) {
        if let Some(link) = self.link.nftables() {
            link.set_listening(listening);
        }
    }

    /// Decides which of the bans that were found in the kernel stay: none that some jail would not decide.
    fn screen(&mut self) {
        let widths = self.layout.widths;
        let keeps = self.link.keeps_foreign(&self.layout);
        let Memory { jails, own, bans, changes, .. } = &mut *self.memory;
        bans.screen(|addr| {
            let protected = |jail: &Jail| jail.enabled && protection(Some(jail), own, widths, addr).is_some();
            let keep = keeps && !jails.iter().any(protected);
            if keep {
                changes.banned(addr, ADOPTED);
            }
            keep
        });
        bans.prefixes_mut().screen(&mut |prefix| {
            let protected = |jail: &Jail| jail.enabled && protected_in(Some(jail), own, prefix).is_some();
            let keep = keeps && !jails.iter().any(protected);
            if keep {
                changes.renew();
            }
            keep
        });
    }

    /// The kernel's answers were lost (`ENOBUFS`), or the datagram could not be sent.
    pub fn handle_loss(&mut self, now: Instant) {
        self.link.lost(&mut self.memory.bans, now, &mut self.memory.events);
    }

    /// Ends bans whose time is over, and gives up waiting for an answer that is late.
    pub fn expire(&mut self, now: Instant) {
        self.link.expire(&mut self.memory.bans, now, &mut self.memory.events);
        // What finds no room in the queue waits for the next call.
        while !self.memory.events.is_full()
            && let Some((addr, ban)) = self.memory.bans.pop_over(now)
        {
            match ban.state() {
                State::Wanted => self.memory.events.push(Event::NeverInstalled { addr }),
                // A ban that nothing made.
                State::InFlight => {}
                _ => self.memory.events.push(Event::Unbanned { addr, expired: true }),
            }
        }
        let Memory { bans, events, .. } = &mut *self.memory;
        bans.prefixes_mut().end(now, &mut |ban| {
            events.push(match ban.state() {
                State::Wanted => Event::NeverInstalled { addr: ban.prefix.base() },
                _ => Event::PrefixUnbanned { prefix: ban.prefix, expired: true },
            });
        });
    }

    /// The next thing that happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.memory.events.pop()?;
        match event {
            Event::Banned { jail, .. } | Event::PrefixBanned { jail, .. } => {
                self.counters.banned += 1;
                if let Some(counters) = self.memory.of_jail.get_mut(usize::from(jail)) {
                    counters.bans += 1;
                }
            }
            Event::Unbanned { .. } | Event::PrefixUnbanned { .. } => self.counters.unbanned += 1,
            _ => {}
        }
        Some(event)
    }

    /// When [`Engine::poll_transmit`] has something to do without further input.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        let Memory { bans, own, .. } = &*self.memory;
        [self.link.poll_at(bans), bans.next_end(), bans.prefixes().next_end(), own.poll_at()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the kernel confirmed the scaffold.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.link.is_ready()
    }

    /// Whether a batch is in flight.
    #[must_use]
    pub fn awaits_answer(&self) -> bool {
        !self.link.is_idle()
    }

    /// Wants our table out of the kernel, for a clean end.
    pub fn delete_table(&mut self) {
        self.link.delete_table();
    }

    /// What was done with lines.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The filters of the operator's own.
    #[must_use]
    pub const fn filters(&self) -> &Filters {
        &self.memory.filters
    }

    /// The jails, by their numbers; one without a name is none.
    #[must_use]
    pub fn jails(&self) -> &[Jail] {
        &self.memory.jails
    }

    /// What the jail of this number did.
    #[must_use]
    pub fn of_jail(&self, jail: u8) -> JailCounters {
        self.memory.of_jail.get(usize::from(jail)).copied().unwrap_or_default()
    }

    /// The bans.
    #[must_use]
    pub const fn bans(&self) -> &Bans<B, BI> {
        &self.memory.bans
    }

    /// The attempts.
    #[must_use]
    pub const fn attempts(&self) -> &Attempts<T, TI> {
        &self.memory.attempts
    }

    /// What the operator chose of the firewall.
    #[must_use]
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The dialogue with the kernel.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Events that no one took in time.
    #[must_use]
    pub const fn events_dropped(&self) -> u64 {
        self.memory.events.dropped()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::string::ToString as _;

    /// Every way of a ban to the kernel, and those that are yet to be built, pass the gate.
    #[test]
    fn a_ban_that_nobody_checked_does_not_pass_the_gate() {
        let mut memory: Box<Memory<8, 16, 8, 16>> = Box::default();
        let mut engine = Engine::new(&mut memory, &[], Layout::plain("edgeban"), HashKey(1, 2));
        let (own, other) = (Addr::v4([127, 0, 0, 1]), Addr::v4([192, 0, 2, 1]));
        for addr in [own, other] {
            assert_eq!(engine.memory.bans.want(addr, 0, None), Wanted::New);
        }
        let mut out = [0; 1024];
        assert!(engine.poll_transmit(Instant::ZERO, &mut out).is_some());
        assert_eq!(engine.poll_event(), Some(Event::Protected { addr: own, why: Why::Loopback }));
        assert_eq!((engine.bans().find(own).is_none(), engine.bans().len()), (true, 1));
        assert_eq!(engine.counters().protected, 1);
    }

    #[test]
    fn a_line_is_tried_by_the_jails_that_follow_its_file_and_read_its_program() {
        let mut memory: Box<Memory<64, 128, 8, 16>> = Box::default();
        let mut config = Box::new(crate::config::model::Config::default());
        crate::config::defaults(&mut config);
        let like = config.jails.first().unwrap().clone();
        let filters = [Filter::Sshd, Filter::Exim, Filter::Dropbear];
        let jails: std::vec::Vec<Jail> = (0..limits::JAILS)
            .map(|n| Jail {
                name: n.to_string().parse().unwrap(),
                filter: filters[n % 3].into(),
                enabled: n != 3,
                ..like.clone()
            })
            .collect();
        let mut engine = Engine::new(&mut memory, &jails, Layout::plain("edgeban"), HashKey(1, 2));
        let mut all = JailSet::NONE;
        (0u8..).zip(&jails).for_each(|(number, _)| all.insert(number));
        let mut odd = JailSet::NONE;
        (1..64).step_by(2).for_each(|number| odd.insert(number));
        let mut readers = |jails, line: &str| {
            let mut heard: std::vec::Vec<usize> = std::vec::Vec::new();
            engine.handle_line(jails, line.as_bytes(), Instant::ZERO, |jail, attempt, _| {
                assert_eq!(attempt.addr, Addr::v4([192, 0, 2, 1]));
                heard.push(jail.name.parse().unwrap());
            });
            heard
        };
        let of = |filter: usize, step: usize| -> std::vec::Vec<usize> {
            (0..64).filter(|n| n % 3 == filter && *n != 3 && (step == 1 || n % 2 == 1)).collect()
        };
        let sshd = "Nov 24 05:00:00 h sshd[7]: Failed password for root from 192.0.2.1 port 22 ssh2";
        assert_eq!(readers(all, sshd), of(0, 1));
        assert_eq!(readers(odd, sshd), of(0, 2));
        let exim =
            "2026-11-24 05:00:00 login authenticator failed for (a) [192.0.2.1]: 535 Incorrect authentication data";
        assert_eq!(readers(all, exim), of(1, 1), "a line of its own log");
        assert_eq!(readers(odd, exim), of(1, 2));
        let cron = exim.replace(" login", " h CRON[7]: login");
        assert_eq!(readers(all, &cron), []);
        assert_eq!(readers(JailSet::NONE, sshd), []);
    }
}
