//! Everything that is kept, record by record.

use super::clock::Clock;
use super::record::{Boot, Record};
use crate::addr::Addr;
use crate::ban::history::{Past, TIMES};
use crate::ban::{Ban, State};
use crate::engine::Engine;
use crate::time::{Duration, Instant, Moment};

/// Which table it goes through.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Part {
    Header,
    Jails,
    Bans,
    Prefixes,
    Pasts,
    Attempts,
    Done,
}

/// A walk through all tables of an engine. They may change meanwhile: what is missed by that is in the engine's changes.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot {
    part: Part,
    place: usize,
    boot: Boot,
    clock: Clock,
    now: Instant,
    closing: bool,
}

/// The end of a ban, not before it.
fn end(clock: &Clock, until: Instant) -> i64 {
    clock.wall_of(Moment::from(until + Duration::from_millis(999)))
}

fn ban(clock: &Clock, addr: Addr, ban: &Ban) -> Record {
    Record::Ban { addr, jail: ban.jail, forced: ban.forced(), until: ban.until.map(|until| end(clock, until)) }
}

fn past(clock: &Clock, addr: Addr, jail: u8, past: &Past) -> Record {
    let mut began = [0; TIMES];
    for (ago, time) in began.iter_mut().zip(past.times()) {
        *ago = u32::try_from(past.until.since(*time).as_secs()).unwrap_or(u32::MAX);
    }
    Record::Past { addr, jail, count: past.count, until: clock.wall_of(past.until), began }
}

impl Snapshot {
    /// Begins a walk; with `closing` it has attempts, too, which are worth something only if nothing follows.
    #[must_use]
    pub const fn new(boot: Boot, clock: Clock, now: Instant, closing: bool) -> Self {
        Self { part: Part::Header, place: 0, boot, clock, now, closing }
    }

    /// What its header says.
    #[must_use]
    pub const fn clock(&self) -> Clock {
        self.clock
    }

    /// The next record.
    pub fn next<const T: usize, const TI: usize, const B: usize, const BI: usize>(
        &mut self,
        engine: &Engine<'_, T, TI, B, BI>,
    ) -> Option<Record> {
        loop {
            let place = self.place;
            self.place += 1;
            let (end, record, then) = match self.part {
                Part::Header => {
                    let widths = engine.layout().widths;
                    let header = Record::Header { boot: self.boot, clock: self.clock, widths };
                    (place > 0, Some(header), Part::Jails)
                }
                Part::Jails => {
                    let jail = engine.jails().get(place);
                    // A jail that is gone left its place.
                    let named = jail.filter(|jail| !jail.name.is_empty());
                    let record = named
                        .zip(u8::try_from(place).ok())
                        .map(|(jail, number)| Record::Jail { number, name: jail.name.clone() });
                    (jail.is_none(), record, Part::Bans)
                }
                Part::Bans => {
                    let found = engine.bans().at(place).filter(|(_, ban)| !ban.is_leaving());
                    let record = found.map(|(addr, found)| ban(&self.clock, addr, &found));
                    (place >= engine.bans().places(), record, Part::Prefixes)
                }
                Part::Prefixes => {
                    let found = engine.bans().prefixes().at(place);
                    let record =
                        found.filter(|ban| !matches!(ban.state(), State::Releasing | State::ReleasingInFlight));
                    let record = record.map(|ban| Record::Prefix {
                        prefix: ban.prefix,
                        jail: ban.jail,
                        forced: ban.forced(),
                        until: ban.until.map(|until| end(&self.clock, until)),
                    });
                    (found.is_none(), record, Part::Pasts)
                }
                Part::Pasts => {
                    let record = engine.history().entry(place);
                    let record = record.map(|(addr, jail, found)| past(&self.clock, addr, jail, &found));
                    let then = if self.closing { Part::Attempts } else { Part::Done };
                    (place >= engine.history().places(), record, then)
                }
                Part::Attempts => {
                    let record = engine.on_record(place, self.now).map(Record::Attempts);
                    (place >= engine.attempts().places(), record, Part::Done)
                }
                Part::Done => return None,
            };
            if end {
                (self.part, self.place) = (then, 0);
            } else if record.is_some() {
                return record;
            }
        }
    }
}

/// What is appended of one change: what `jail` did to `addr`, and the ban as it is now.
pub fn change<const T: usize, const TI: usize, const B: usize, const BI: usize>(
    engine: &Engine<'_, T, TI, B, BI>,
    clock: &Clock,
    (addr, jail): (Addr, u8),
    now: Instant,
) -> [Option<Record>; 2] {
    let found = engine.bans().find(addr).filter(|ban| !ban.is_leaving());
    [
        engine.past(addr, jail, now).map(|found| past(clock, addr, jail, found)),
        found.map(|found| ban(clock, addr, found)),
    ]
}
