//! What the bans of the past mean for the next one.

use super::{Engine, JailSet, Memory, protection};
use crate::addr::Addr;
use crate::ban::history::{History, Past};
use crate::ban::ladder::{self, Growth};
use crate::ban::{MANUAL, Wanted};
use crate::config::model::{BanTime, Jail};
use crate::time::{Duration, Instant, Moment};

/// What a jail does to an address, given how often it was banned before.
#[derive(Clone, Copy)]
pub(super) struct Terms {
    /// Until when it is banned, without what chance adds.
    pub until: Option<Instant>,
    /// What chance adds is less than this.
    rndtime: Duration,
    /// How many attempts each of its attempts counts for.
    pub weight: u16,
}

/// For how long it is remembered that a jail, or somebody by hand, banned an address, after the end of the ban: long enough
/// for those jails that count it.
pub(super) fn kept(jails: &[Jail], recidive: JailSet, jail: u8) -> Duration {
    let own = jails.get(usize::from(jail)).map_or(Growth::default().maxtime, |jail| jail.growth.maxtime);
    let counting = recidive.numbers().filter_map(|number| jails.get(usize::from(number)));
    counting.fold(own, |longest, counting| longest.max(counting.findtime))
}

/// The numbers that bans go by.
fn numbers(jails: &[Jail]) -> impl Iterator<Item = u8> {
    (0..).zip(jails).map(|(number, _)| number).chain([MANUAL])
}

impl<'m, const T: usize, const TI: usize, const B: usize, const BI: usize> Engine<'m, T, TI, B, BI> {
    /// What a jail, or somebody by hand ([`MANUAL`]), did to an address: how often it was banned, and when last.
    #[must_use]
    pub fn past(&self, addr: Addr, jail: u8, now: Instant) -> Option<&Past> {
        let Memory { jails, history, readers, .. } = &*self.memory;
        let recidive = readers.recidive();
        history.find(self.layout.widths.network(addr), jail, now.into(), |jail| kept(jails, recidive, jail))
    }

    /// The bans of the past.
    #[must_use]
    pub const fn history(&self) -> &History<B, BI> {
        &self.memory.history
    }

    /// What jail `number` does to `addr`.
    #[inline(never)] // smaller
    pub(super) fn terms(&self, addr: Addr, number: u8, jail: &Jail, now: Instant) -> Terms {
        let Growth { increment, overalljails, rndtime, .. } = jail.growth;
        let of = |number| self.past(addr, number, now).map_or(0, |past| u32::from(past.count));
        let own = if increment { of(number) } else { 0 };
        let bans = match increment && overalljails {
            true => numbers(&self.memory.jails).filter(|other| *other != number).map(of).fold(own, u32::saturating_add),
            false => own,
        };
        Terms {
            until: match jail.bantime {
                BanTime::For(span) => Some(now + jail.growth.bantime(span, bans)),
                BanTime::Permanent => None,
            },
            rndtime: if bans > 0 { rndtime } else { Duration::ZERO },
            weight: jail.growth.weight(own),
        }
    }

    /// Until when a ban lasts, with what chance adds.
    pub(super) fn by_chance(&mut self, terms: Terms) -> Option<Instant> {
        let added = match terms.rndtime {
            Duration::ZERO => Duration::ZERO,
            rndtime => {
                self.drawn += 1;
                ladder::by_chance(rndtime, self.key.draw(self.drawn))
            }
        };
        terms.until.map(|until| until + added)
    }

    /// Takes note of a ban. Jails with filter recidive may make a longer one of it.
    pub(super) fn decided(&mut self, addr: Addr, jail: u8, until: Option<Instant>, now: Instant) {
        self.counters.decided += 1;
        let Memory { jails, history, readers, changes, .. } = &mut *self.memory;
        let recidive = readers.recidive();
        changes.banned(addr, jail);
        history.record(addr, jail, now.into(), until.map(Moment::from), |jail| kept(jails, recidive, jail));
        if usize::from(jail) < self.memory.jails.len() && !recidive.has(jail) {
            for number in recidive.numbers() {
                self.count_ban(addr, number, recidive, now);
            }
        }
    }

    /// Lets jail `number` count the bans of `addr`, of which there is one more, by all jails but `recidive`.
    #[inline(never)] // smaller
    fn count_ban(&mut self, addr: Addr, number: u8, recidive: JailSet, now: Instant) {
        let Memory { jails, own, .. } = &*self.memory;
        let Some(jail) = jails.get(usize::from(number)) else { return };
        if protection(Some(jail), own, self.layout.widths, addr).is_some() {
            return;
        }
        // Those that led to a ban once do not count again.
        let mut since = Moment::from(now) - jail.findtime;
        if let Some(last) = self.past(addr, number, now).and_then(Past::last) {
            since = since.max(last);
        }
        let others = (0..).zip(jails).map(|(other, _)| other).filter(|other| !recidive.has(*other));
        let bans = others.filter_map(|other| self.past(addr, other, now)).flat_map(Past::times);
        if bans.filter(|at| **at > since).zip(0..jail.maxretry).count() < usize::try_from(jail.maxretry).unwrap_or(1) {
            return;
        }
        let terms = self.terms(addr, number, jail, now);
        let until = self.by_chance(terms);
        if let Wanted::New | Wanted::Extended = self.want(addr, number, until) {
            self.decided(addr, number, until, now);
        }
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
    use super::super::Decision;
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

    const RECIDIVE: &str = "[defaults]\nmaxretry = 1\n[jails.a]\nfilter = 'sshd'\n[jails.recidive]\nmaxretry = 3\n[jails.b]\nfilter = 'sshd'\n";

    fn bans(world: &World, number: u8) -> u16 {
        world.engine.past(Addr::v4([192, 0, 2, 1]), number, world.now).map_or(0, |past| past.count)
    }

    fn banned_by(world: &World) -> Option<(u8, u64)> {
        let ban = world.engine.bans().find(Addr::v4([192, 0, 2, 1]))?;
        Some((ban.jail, ban.until?.since(world.now).as_secs()))
    }

    #[test]
    fn who_is_banned_again_and_again_is_banned_for_long() {
        let mut world = World::new(RECIDIVE);
        assert_eq!(world.rounds(0), [(1, 10); 2]);
        assert!(matches!(world.fail(2, 1), Some(Decision::Ban(_))));
        assert_eq!(banned_by(&world), Some((1, 604_800)), "the third by any jail, at once for long");
        assert_eq!([0, 1, 2].map(|number| bans(&world, number)), [2, 1, 1]);
        assert_eq!(world.fail(0, 1), Some(Decision::AlreadyBanned));
        world.now = world.now + Duration::from_secs(604_800);
        world.engine.expire(world.now);
        // Those that led to this ban are done with, however recent.
        assert_eq!(world.rounds(0), [(1, 10); 2]);
        assert!(matches!(world.fail(0, 1), Some(Decision::Ban(_))));
        assert_eq!(banned_by(&world), Some((1, 604_800)));
    }

    #[test]
    fn bans_count_for_a_day_and_not_those_by_hand() {
        let mut world = World::new(RECIDIVE);
        let addr = Addr::v4([192, 0, 2, 1]);
        assert_eq!(world.rounds(0), [(1, 10); 2]);
        world.now = world.now + Duration::from_secs(86_400 - 600);
        assert_eq!(world.rounds(0), [(1, 10); 2]);
        assert_eq!(bans(&world, 1), 0, "the first two were more than a day ago");
        for _ in 0..5 {
            let until = Some(world.now + Duration::from_secs(60));
            assert_eq!(world.engine.ban(addr, MANUAL, until, false, world.now), Ok(Wanted::New));
            world.now = world.now + Duration::from_secs(60);
            world.engine.expire(world.now);
        }
        let until = Some(world.now + Duration::from_secs(60));
        assert_eq!(world.engine.ban(addr, 0, until, false, world.now), Ok(Wanted::New));
        assert_eq!(banned_by(&world), Some((1, 604_800)), "in the name of a jail it counts");
    }

    #[test]
    fn what_a_jail_over_the_others_ignores_it_does_not_ban() {
        let mut world = World::new(&RECIDIVE.replace("maxretry = 3", "maxretry = 3\nignoreip = ['192.0.2.1']"));
        assert_eq!(world.rounds(0), [(1, 10); 9]);
        assert_eq!(bans(&world, 1), 0);
        let mut world = World::new(&RECIDIVE.replace("maxretry = 3", "enabled = false\nmaxretry = 3"));
        assert_eq!(world.rounds(0), [(1, 10); 9]);
        assert_eq!(bans(&world, 1), 0);
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
