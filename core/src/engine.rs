//! The engine: owns every table, takes lines, answers and time, gives datagrams and events.
//!
//! No I/O and no clock, so the daemon, `edgeban test` and the tests run the same code.

use crate::addr::Addr;
use crate::ban::{Bans, State, Wanted};
use crate::config::model::{BanTime, Jail};
use crate::count::{Attempts, Rule};
use crate::detect::{Attempt, Filter, Sessions};
use crate::event::{Event, Events};
use crate::firewall::nft::Link;
use crate::limits;
use crate::source::syslog::Record;
use crate::table::HashKey;
use crate::time::{Duration, Instant};

/// A set of jails, a bit for each by its number in the configuration.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct JailSet(u16);

static_assertions::const_assert!(limits::JAILS <= 16);

impl JailSet {
    /// No jail.
    pub const NONE: Self = Self(0);

    /// Adds the jail of this number.
    pub fn insert(&mut self, jail: u8) {
        self.0 |= 1u16.checked_shl(jail.into()).unwrap_or(0);
    }

    /// The jails' numbers, ascending.
    fn numbers(self) -> impl Iterator<Item = u8> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let lowest = u8::try_from(left.trailing_zeros()).ok();
            left &= left.checked_sub(1)?;
            lowest
        })
    }
}

/// What the engine did with lines since its start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Lines seen.
    pub lines: u64,
    /// Lines that proved at least one failed attempt, per jail that saw them.
    pub matched: u64,
    /// Of these: from an address of `ignoreip`.
    pub ignored: u64,
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
}

/// The address is one that nobody bans by accident.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Protected;

/// What a jail makes of an attempt.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Decision {
    /// The address is in `ignoreip`.
    Ignored,
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
    sessions: [Sessions; limits::JAILS],
    attempts: Attempts<T, TI>,
    bans: Bans<B, BI>,
    events: Events,
}

/// The tables of the shipped binary.
pub type FullMemory = Memory<{ limits::TRACKED }, { 2 * limits::TRACKED }, { limits::BANS }, { 2 * limits::BANS }>;

impl<const T: usize, const TI: usize, const B: usize, const BI: usize> Memory<T, TI, B, BI> {
    /// Empty tables.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            sessions: [const { Sessions::new() }; limits::JAILS],
            attempts: Attempts::new(),
            bans: Bans::new(),
            events: Events::new(),
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
    jails: &'m [Jail],
    memory: &'m mut Memory<T, TI, B, BI>,
    link: Link,
    counters: Counters,
}

fn rule_of(jails: &[Jail], jail: u8) -> Rule {
    match jails.get(usize::from(jail)) {
        Some(jail) => Rule { maxretry: jail.maxretry, findtime: jail.findtime },
        None => Rule { maxretry: 1, findtime: Duration::ZERO },
    }
}

impl<'m, const T: usize, const TI: usize, const B: usize, const BI: usize> Engine<'m, T, TI, B, BI> {
    /// An engine for these jails over empty tables, with the nf_tables table of this name. `key` is the secret of its
    /// hashes.
    pub fn new(memory: &'m mut Memory<T, TI, B, BI>, jails: &'m [Jail], table: &str, key: HashKey) -> Self {
        memory.attempts.set_key(key);
        memory.bans.set_key(key);
        Self { jails, memory, link: Link::new(table), counters: Counters::default() }
    }

    /// Reads one log line (without its newline) for the jails that follow its source. `decided` hears what each jail
    /// that recognised an attempt made of it.
    pub fn handle_line(
        &mut self,
        jails: JailSet,
        line: &[u8],
        now: Instant,
        mut decided: impl FnMut(u8, Attempt, Decision),
    ) {
        self.counters.lines += 1;
        let Some(record) = Record::parse(line) else { return };
        let Some(filter) = Filter::of_program(record.program) else { return };
        for number in jails.numbers() {
            let index = usize::from(number);
            let (Some(jail), Some(sessions)) = (self.jails.get(index), self.memory.sessions.get_mut(index)) else {
                continue;
            };
            if !jail.enabled || jail.filter != filter {
                continue;
            }
            if let Some(attempt) = filter.detect(jail.mode, sessions, &record) {
                let decision = self.decide(number, jail, attempt, now);
                decided(number, attempt, decision);
            }
        }
    }

    fn decide(&mut self, number: u8, jail: &Jail, attempt: Attempt, now: Instant) -> Decision {
        self.counters.matched += 1;
        let addr = attempt.addr;
        if jail.ignoreip.iter().any(|prefix| prefix.contains(addr)) {
            self.counters.ignored += 1;
            return Decision::Ignored;
        }
        let until = match jail.bantime {
            BanTime::For(span) => Some(now + span),
            BanTime::Permanent => None,
        };
        if let Some(ban) = self.memory.bans.find(addr)
            && (ban.jail == number || ban.until.is_none_or(|old| until.is_some_and(|new| new <= old)))
            && !matches!(ban.state(), State::Releasing | State::ReleasingInFlight)
        {
            self.counters.already_banned += 1;
            return Decision::AlreadyBanned;
        }
        let jails = self.jails;
        let attempts = self.memory.attempts.record(number, addr, attempt.count, now, |jail| rule_of(jails, jail));
        if attempts < jail.maxretry {
            return Decision::Counted(attempts);
        }
        match self.memory.bans.want(addr, number, until) {
            Wanted::Full => {
                // The attempts stay on record, so the next one asks again.
                self.counters.refused_full += 1;
                self.memory.events.push(Event::BanTableFull { addr });
                return Decision::Counted(attempts);
            }
            Wanted::New | Wanted::Extended => self.counters.decided += 1,
            Wanted::Already => {}
        }
        self.memory.attempts.forget(number, addr);
        Decision::Ban(until)
    }

    /// Bans `addr` in the name of `jail` (or of nobody, [`MANUAL`](crate::ban::MANUAL)), without attempts. With `force`
    /// also one that no jail would ban.
    ///
    /// # Errors
    /// [`Protected`] if `addr` is in a jail's `ignoreip`.
    pub fn ban(&mut self, addr: Addr, jail: u8, until: Option<Instant>, force: bool) -> Result<Wanted, Protected> {
        if !force && self.jails.iter().any(|jail| jail.ignoreip.iter().any(|prefix| prefix.contains(addr))) {
            return Err(Protected);
        }
        let wanted = self.memory.bans.want(addr, jail, until);
        match wanted {
            Wanted::New | Wanted::Extended => self.counters.decided += 1,
            Wanted::Full => self.counters.refused_full += 1,
            Wanted::Already => {}
        }
        Ok(wanted)
    }

    /// Lifts the ban of `addr`. Returns whether there was one.
    pub fn unban(&mut self, addr: Addr) -> bool {
        self.memory.bans.release(addr)
    }

    /// Lifts every ban. Returns how many there are.
    pub fn unban_all(&mut self) -> u32 {
        self.memory.bans.release_all()
    }

    /// Writes the next datagram for the kernel into `out` (at least `firewall::nft::DATAGRAM` bytes) and returns its
    /// length. To be called until it returns `None`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<usize> {
        self.expire(now);
        self.link.poll_transmit(&mut self.memory.bans, now, out)
    }

    /// Takes a datagram from the kernel.
    pub fn handle_datagram(&mut self, datagram: &[u8], now: Instant) {
        self.link.handle(datagram, &mut self.memory.bans, now, &mut self.memory.events);
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
                _ => self.memory.events.push(Event::Unbanned { addr, expired: true }),
            }
        }
    }

    /// The next thing that happened, oldest first.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.memory.events.pop()?;
        match event {
            Event::Banned { .. } => self.counters.banned += 1,
            Event::Unbanned { .. } => self.counters.unbanned += 1,
            _ => {}
        }
        Some(event)
    }

    /// When [`Engine::poll_transmit`] has something to do without further input.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        [self.link.poll_at(&self.memory.bans), self.memory.bans.next_end()].into_iter().flatten().min()
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
