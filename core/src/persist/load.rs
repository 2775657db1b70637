//! Reading a state file back: twice, first to know what it is, then to take it in.

use super::clock::Clock;
use super::record::{Bad, Boot, LEN, Place, Record};
use crate::addr::{Addr, Widths};
use crate::ban::history::Past;
use crate::ban::{ADOPTED, MANUAL};
use crate::count::OnRecord;
use crate::engine::{Engine, Restored};
use crate::limits;
use crate::time::{Duration, Instant, Moment};
use heapless::Vec;

/// Why a file is of no use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Useless {
    /// It does not begin as such a file does.
    NoHeader,
    /// It begins as one of another version does.
    Version,
}

/// What became of a file's records.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Bans of jails that there are no more, or not now.
    pub jailless: u32,
    /// Bans of what is protected now.
    pub protected: u32,
    /// Bans that found no room.
    pub full: u32,
    /// Records that are damaged, but for those at the end.
    pub damaged: u32,
    /// Where the first of them is.
    pub damaged_at: u64,
    /// Records that this version does not know.
    pub unknown: u32,
}

/// A file that is being read.
pub struct Loader {
    read: u64,
    header: Result<(Boot, Clock), Useless>,
    /// How many bits of an address the file has.
    widths: Widths,
    /// When the file was written last.
    last: Clock,
    /// What its times are in.
    clock: Clock,
    /// It was written since the machine went on.
    same_boot: bool,
    age: Option<Duration>,
    /// The file's numbers of jails, and ours.
    jails: Vec<(u8, Option<u8>), { limits::JAILS }>,
    /// Damaged records since the last good one.
    damaged: u32,
    report: Report,
}

impl Loader {
    /// Nothing is read yet.
    #[must_use]
    pub fn new() -> Self {
        Self {
            read: 0,
            header: Err(Useless::NoHeader),
            widths: Widths::FULL,
            last: Clock::default(),
            clock: Clock::default(),
            same_boot: false,
            age: None,
            jails: Vec::new(),
            damaged: 0,
            report: Report::default(),
        }
    }

    /// The first reading: all records, one after the other.
    pub fn scan(&mut self, bytes: &[u8; LEN]) {
        let at = self.read;
        self.read += u64::try_from(LEN).unwrap_or(0);
        match Record::parse(bytes) {
            Err(Bad::Damaged) => {
                self.damaged += 1;
                if self.report.damaged == 0 && self.damaged == 1 {
                    self.report.damaged_at = at;
                }
                return;
            }
            Err(Bad::Unknown) if at == 0 => self.header = Err(Useless::Version),
            Err(Bad::Unknown) => self.report.unknown += 1,
            Ok(Record::Header { boot, clock, widths }) if at == 0 => {
                (self.header, self.last, self.widths) = (Ok((boot, clock)), clock, widths);
            }
            Ok(Record::Time(clock)) => self.last = clock,
            Ok(_) => {}
        }
        // What is damaged behind the last good record was never written to its end.
        self.report.damaged += core::mem::take(&mut self.damaged);
    }

    /// Between both: what time it is now, and in which boot.
    ///
    /// # Errors
    /// The file is of no use.
    pub fn begin(&mut self, boot: &Boot, now: Clock) -> Result<(), Useless> {
        let (then, header) = self.header?;
        self.same_boot = then == *boot && then != Boot::default();
        let known = self.same_boot || (header.is_set() && now.wall >= self.last.wall);
        self.clock = match self.same_boot {
            true => header,
            false if known => now,
            // Nobody knows for how long the machine was off.
            false => Clock { wall: self.last.wall, mono: now.mono },
        };
        let last = if self.same_boot { self.last.mono } else { self.clock.moment_of(self.last.wall) };
        self.age = known.then(|| now.mono.since(last));
        Ok(())
    }

    /// How long ago the file was written last: at most so long ago was what happened later. `None` if nobody knows.
    #[must_use]
    pub const fn age(&self) -> Option<Duration> {
        self.age
    }

    /// The second reading: takes a record in. Returns how far a log was read, if it says that.
    pub fn apply<const T: usize, const TI: usize, const B: usize, const BI: usize>(
        &mut self,
        bytes: &[u8; LEN],
        engine: &mut Engine<'_, T, TI, B, BI>,
        now: Instant,
    ) -> Option<Place> {
        let ours = engine.layout().widths;
        let width = |widths: Widths, addr: Addr| widths.of(addr.family());
        match Record::parse(bytes).ok()? {
            Record::Header { .. } | Record::Time(_) => {}
            Record::Jail { number, name } => {
                let mut jails = (0..).zip(engine.jails());
                let ours = jails.find(|(_, jail)| jail.enabled && jail.name == name).map(|(ours, _)| ours);
                // There are no more jails in a file than in a configuration.
                let _ = self.jails.push((number, ours));
            }
            // What was banned or counted with others is none of these alone.
            Record::Ban { addr, .. } | Record::Past { addr, .. } if width(self.widths, addr) < width(ours, addr) => {}
            Record::Attempts(OnRecord { addr, .. }) if width(self.widths, addr) != width(ours, addr) => {}
            Record::Ban { addr, jail, forced, until } => {
                let (jail, until) = (self.jail(jail)?, self.until(until));
                self.count(engine.restore_ban(addr, jail, until, forced, self.same_boot, now));
            }
            Record::Prefix { prefix, jail, forced, until } => {
                let (jail, until) = (self.jail(jail)?, self.until(until));
                self.count(engine.restore_prefix(prefix, jail, until, forced, now));
            }
            Record::Past { addr, jail, count, until, began } => {
                let times = began.iter().map(|ago| self.clock.moment_of(until.saturating_sub((*ago).into())));
                let past = Past::new(count, times, self.clock.moment_of(until));
                if let Some(jail) = self.jail(jail)? {
                    engine.restore_past(addr, jail, past, now);
                }
            }
            Record::Attempts(found) => {
                // They count for a while only, and nobody may know how long ago they were.
                let written = self.clock.moment_of(self.header.ok()?.1.wall);
                let later = self.age.map(|_| Moment::from(now).since(written))?;
                if let Some(jail) = self.jail(found.jail)? {
                    engine.restore_attempts(&OnRecord { jail, ..found }, later, now);
                }
            }
            Record::File(place) => return Some(place),
        }
        None
    }

    fn count(&mut self, restored: Restored) {
        match restored {
            Restored::Taken | Restored::Over => {}
            Restored::Jailless => self.report.jailless += 1,
            Restored::Protected => self.report.protected += 1,
            Restored::Full => self.report.full += 1,
        }
    }

    fn until(&self, until: Option<i64>) -> Option<Instant> {
        // Before the origin is long over.
        until.map(|until| self.clock.instant_of(until).unwrap_or(Instant::ZERO))
    }

    /// Our number of a jail of the file, if there is such a jail. `None` if nobody knows: the record that says its name is
    /// damaged. Then what the kernel holds stays as it is.
    fn jail(&self, number: u8) -> Option<Option<u8>> {
        match number {
            MANUAL | ADOPTED => Some(Some(number)),
            _ => self.jails.iter().find(|(theirs, _)| *theirs == number).map(|(_, ours)| *ours),
        }
    }

    /// What became of the records.
    #[must_use]
    pub const fn report(&self) -> Report {
        self.report
    }
}

impl Default for Loader {
    fn default() -> Self {
        Self::new()
    }
}
