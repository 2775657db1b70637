//! What the bans of the past mean for the next one.

use super::{Engine, Memory};
use crate::addr::Addr;
use crate::ban::MANUAL;
use crate::ban::history::{History, Past};
use crate::ban::ladder::{self, Growth};
use crate::config::model::Jail;
use crate::time::{Duration, Instant, Moment};

/// How often an address was banned before.
#[derive(Clone, Copy, Default)]
pub(super) struct Before {
    /// As far as it counts for the time of the next ban.
    pub bans: u32,
    /// By the jail itself, for the weight of an attempt.
    pub own: u32,
}

/// For how long it is remembered that a jail, or somebody by hand, banned an address, after the end of the ban.
fn kept(jails: &[Jail], jail: u8) -> Duration {
    jails.get(usize::from(jail)).map_or(Growth::default().maxtime, |jail| jail.growth.maxtime)
}

/// The numbers that bans go by.
fn numbers(jails: &[Jail]) -> impl Iterator<Item = u8> {
    (0..).zip(jails).map(|(number, _)| number).chain([MANUAL])
}

impl<'m, const T: usize, const TI: usize, const B: usize, const BI: usize> Engine<'m, T, TI, B, BI> {
    /// What a jail, or somebody by hand ([`MANUAL`]), did to an address: how often it was banned, and when last.
    #[must_use]
    pub fn past(&self, addr: Addr, jail: u8, now: Instant) -> Option<&Past> {
        let Memory { jails, history, .. } = &*self.memory;
        history.find(self.layout.widths.network(addr), jail, now.into(), |jail| kept(jails, jail))
    }

    /// The bans of the past.
    #[must_use]
    pub const fn history(&self) -> &History<B, BI> {
        &self.memory.history
    }

    /// How often `addr` was banned before; nobody asks where ban times do not grow.
    #[inline(never)] // smaller
    pub(super) fn before(&self, addr: Addr, number: u8, jail: &Jail, now: Instant) -> Before {
        if !jail.growth.increment {
            return Before::default();
        }
        let of = |number| self.past(addr, number, now).map_or(0, |past| u32::from(past.count));
        let own = of(number);
        let bans = match jail.growth.overalljails {
            true => numbers(&self.memory.jails).filter(|other| *other != number).map(of).fold(own, u32::saturating_add),
            false => own,
        };
        Before { bans, own }
    }

    /// What chance adds where it adds less than `rndtime`.
    pub(super) fn by_chance(&mut self, rndtime: Duration) -> Duration {
        self.drawn += 1;
        ladder::by_chance(rndtime, self.key.draw(self.drawn))
    }

    /// Takes note of a ban.
    pub(super) fn decided(&mut self, addr: Addr, jail: u8, until: Option<Instant>, now: Instant) {
        self.counters.decided += 1;
        let Memory { jails, history, .. } = &mut *self.memory;
        let until = until.map(Moment::from);
        history.record(addr, jail, now.into(), until, |jail| kept(jails, jail));
    }

    pub(super) fn forget_past(&mut self, addr: Addr) {
        let Memory { jails, history, .. } = &mut *self.memory;
        for jail in numbers(jails) {
            history.forget(addr, jail);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Decision, JailSet};
    use super::*;
    use crate::config::model::Config;
    use crate::firewall::nft::Layout;
    use crate::table::HashKey;
    use std::boxed::Box;
    use std::format;
    use std::string::String;
    use std::vec::Vec;

    struct World {
        engine: Engine<'static, 16, 32, 16, 32>,
        now: Instant,
    }

    impl World {
        fn new(config: &str) -> Self {
            let mut model = Box::new(Config::EMPTY);
            let mut errors: Vec<String> = Vec::new();
            let result = crate::config::read(config.as_bytes(), &mut Box::default(), &mut model, &mut |error| {
                errors.push(format!("{}:{}: {error}", error.line, error.column));
            });
            assert_eq!((result, errors), (Ok(()), Vec::new()));
            let model: &'static Config = Box::leak(model);
            let memory = Box::leak(Box::new(const { Memory::new() }));
            let engine = Engine::new(memory, &model.jails, Layout::plain("edgeban"), HashKey(1, 2));
            Self { engine, now: Instant::from_millis(1_000_000_000) }
        }

        /// Somebody fails once at the service that jail `number` watches. Returns what the jail made of it.
        fn fail(&mut self, number: u8, last: u8) -> Option<Decision> {
            let line =
                format!("Nov 24 20:34:47 router sshd[4711]: Failed password for root from 192.0.2.{last} port 1 ssh2");
            let mut jails = JailSet::NONE;
            jails.insert(number);
            let mut made = None;
            self.engine.handle_line(jails, line.as_bytes(), self.now, |_, _, decision| made = Some(decision));
            made
        }

        /// Somebody fails until banned, and the ban goes by. Returns how many attempts it took and how many minutes it lasted.
        fn round(&mut self, number: u8) -> (u32, u64) {
            for attempts in 1.. {
                match self.fail(number, 1).unwrap() {
                    Decision::Counted(_) => {}
                    Decision::Ban(Some(until)) => {
                        let lasts = until.since(self.now);
                        assert_eq!(self.fail(number, 1), Some(Decision::AlreadyBanned));
                        self.now = until;
                        self.engine.expire(self.now);
                        return (attempts, lasts.as_secs() / 60);
                    }
                    other => panic!("{other:?}"),
                }
            }
            unreachable!()
        }

        fn rounds<const N: usize>(&mut self, number: u8) -> [(u32, u64); N] {
            [(); N].map(|()| self.round(number))
        }
    }

    const TWO_JAILS: &str = "[jails.a]\nfilter = 'sshd'\n[jails.b]\nfilter = 'sshd'\n";

    #[test]
    fn ban_times_grow_and_attempts_weigh_more_for_those_who_come_back() {
        let mut world = World::new("[jails.sshd]\nmaxretry = 9\nbantime_increment = true");
        let want = [(9, 10), (5, 20), (3, 40), (2, 80), (1, 160), (1, 320)];
        assert_eq!(world.rounds(0), want);
        assert_eq!(world.engine.past(Addr::v4([192, 0, 2, 1]), 0, world.now).map(|past| past.count), Some(6));
        // The last one's end was five weeks ago.
        world.now = world.now + Duration::from_secs(5 * 604_800);
        assert_eq!(world.rounds(0), want);
    }

    #[test]
    fn without_increment_nothing_grows_but_it_is_remembered() {
        let mut world = World::new("[jails.sshd]\nmaxretry = 3");
        assert_eq!(world.rounds(0), [(3, 10); 4]);
        assert_eq!(world.engine.past(Addr::v4([192, 0, 2, 1]), 0, world.now).map(|past| past.count), Some(4));
    }

    #[test]
    fn a_jail_counts_its_own_bans_or_those_of_all() {
        let one = World::new(&format!("[defaults]\nbantime_increment = true\nmaxretry = 1\n{TWO_JAILS}"));
        let text =
            format!("[defaults]\nbantime_increment = true\nmaxretry = 2\nbantime_overalljails = true\n{TWO_JAILS}");
        let all = World::new(&text);
        for (mut world, want) in [(one, (1, 10)), (all, (2, 40))] {
            world.rounds::<2>(0);
            assert_eq!(world.round(1), want);
        }
    }

    #[test]
    fn what_is_lifted_by_hand_is_forgotten() {
        let mut world = World::new("[jails.sshd]\nmaxretry = 1\nbantime_increment = true");
        let addr = Addr::v4([192, 0, 2, 1]);
        assert_eq!(world.rounds(0), [(1, 10), (1, 20)]);
        assert!(!world.engine.unban(addr), "its time was over");
        assert_eq!(world.rounds(0), [(1, 10), (1, 20)]);
        world.engine.unban_all();
        assert_eq!(world.round(0), (1, 10));
        assert!(world.engine.ban(addr, MANUAL, None, false, world.now).is_ok());
        assert_eq!(world.engine.past(addr, MANUAL, world.now).map(|past| past.count), Some(1));
    }

    #[test]
    fn chance_adds_to_the_bans_of_those_who_come_back() {
        let mut world = World::new("[jails.sshd]\nmaxretry = 1\nbantime_increment = true\nbantime_rndtime = '1h'");
        let mut times: Vec<u64> = (10..20)
            .map(|last| {
                let ban = |world: &mut World| match world.fail(0, last) {
                    Some(Decision::Ban(Some(until))) => until.since(world.now).as_secs(),
                    other => panic!("{other:?}"),
                };
                assert_eq!(ban(&mut world), 600, "the first ban is as long as it says");
                world.now = world.now + Duration::from_secs(600);
                world.engine.expire(world.now);
                ban(&mut world)
            })
            .collect();
        assert!(times.iter().all(|secs| (1200..4800).contains(secs)), "{times:?}");
        times.sort_unstable();
        times.dedup();
        assert!(times.len() > 5, "{times:?}");
    }
}
