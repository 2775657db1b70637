use super::*;
use crate::addr::{Addr, Family};
use crate::ban::Wanted;
use crate::config::model::{Backend, Config};
use crate::engine::{Engine, Memory};
use crate::event::Event;
use crate::firewall::dialogue::{BACKOFF_MAX, BACKOFF_MIN};
use crate::firewall::nft::Layout;
use crate::limits;
use crate::own::Why;
use crate::table::HashKey;
use crate::time::{Duration, Instant};
use crate::wire::buf::Writer;
use crate::wire::nft::generation::Culprit;
use crate::wire::uapi::netfilter::NF_INET_LOCAL_IN;
use crate::wire::xt::request::REPLACE_LEN;
use crate::wire::xt::rule::Rule;
use std::boxed::Box;
use std::vec;
use std::vec::Vec;

const BANS: usize = 4096;

/// A table as the kernel holds it: one built-in chain.
struct Table {
    family: Family,
    info: Info,
    entries: Vec<u8>,
}

impl Table {
    fn empty(family: Family) -> Self {
        let mut entries = vec![0; 1024];
        let mut w = Writer::new(&mut entries);
        // Stands for the chain's policy.
        Rule::Return.emit(family, &mut w).unwrap();
        Rule::Head("ERROR").emit(family, &mut w).unwrap();
        let len = w.len();
        entries.truncate(len);
        let size = u32::try_from(len).unwrap();
        let info =
            Info { valid_hooks: 1 << NF_INET_LOCAL_IN, hook_entry: [0; 5], underflow: [0; 5], num_entries: 2, size };
        Self { family, info, entries }
    }

    /// Takes what the kernel is given.
    fn replace(&mut self, request: &[u8]) {
        let number = |at: usize| u32::from_ne_bytes(request[32 + 4 * at..36 + 4 * at].try_into().unwrap());
        let hooks = |at: usize| [0, 1, 2, 3, 4].map(|n| number(at + n));
        self.info = Info {
            valid_hooks: number(0),
            num_entries: number(1),
            size: number(2),
            hook_entry: hooks(3),
            underflow: hooks(8),
        };
        self.entries = request[REPLACE_LEN..].to_vec();
    }

    fn dropped(&self, chain: &str) -> Vec<Addr> {
        let view = View::new(self.family, &self.info, &self.entries).unwrap();
        view.banned(chain).unwrap().map(|(source, _)| source.base()).collect()
    }

    /// As `iptables` does it with this plan.
    fn change(&mut self, plan: Plan<'_>) {
        let rewrite = Rewrite::plan(self.family, "filter", &self.info, &self.entries, plan).unwrap();
        let mut out = vec![0; REPLACE_LEN + limits::XT_TABLE];
        let len = rewrite.replace(&mut out).unwrap().unwrap();
        self.replace(&out[..len]);
    }
}

struct World {
    engine: Engine<'static, 8, 16, BANS, { 2 * BANS }>,
    tables: [Table; 2],
    now: Instant,
    /// What comes of exchanges, by family, instead of success.
    fail: [Option<Failure>; 2],
    exchanges: u32,
}

impl World {
    fn over(tables: [Table; 2]) -> Self {
        let mut config = Box::new(Config::EMPTY);
        crate::config::defaults(&mut config);
        let config: &'static Config = Box::leak(config);
        let memory: &'static mut Memory<8, 16, BANS, { 2 * BANS }> = Box::leak(Box::new(const { Memory::new() }));
        let mut engine = Engine::new(memory, &config.jails, Layout::plain("edgeban"), HashKey(1, 2));
        engine.set_backend(Backend::Iptables).unwrap();
        Self { engine, tables, now: Instant::from_millis(1_000_000), fail: [None; 2], exchanges: 0 }
    }

    fn ready() -> Self {
        let mut world = Self::over([Table::empty(Family::V4), Table::empty(Family::V6)]);
        assert_eq!(world.turn(), [Event::Ready]);
        world
    }

    fn step(&mut self, span: Duration) {
        self.now = self.now + span;
    }

    fn turn(&mut self) -> Vec<Event> {
        assert!(self.engine.poll_transmit(self.now, &mut [0; 64]).is_none());
        while let Some(asked) = self.engine.poll_table(self.now) {
            assert_eq!((asked.table, asked.set), ("filter", None));
            let place = crate::ban::index(asked.family);
            let table = &mut self.tables[place];
            let mut out = vec![0; REPLACE_LEN + limits::XT_TABLE];
            let plan = self.engine.plan_table(asked.family, &table.info, &table.entries, None, self.now);
            let planned = plan.and_then(|plan| plan.replace(&mut out));
            let outcome = match (planned, self.fail[place]) {
                (Err(refused), _) => Err(Failure::Refused(refused)),
                (_, Some(failure)) => Err(failure),
                (Ok(None), _) => Ok(false),
                (Ok(Some(len)), _) => {
                    self.exchanges += 1;
                    table.replace(&out[..len]);
                    Ok(true)
                }
            };
            self.engine.handle_table(asked.family, outcome, self.now);
        }
        std::iter::from_fn(|| self.engine.poll_event()).collect()
    }

    fn ban(&mut self, addr: Addr, secs: u64) -> Wanted {
        self.engine.ban(addr, 0, Some(self.now + Duration::from_secs(secs)), false, self.now).unwrap()
    }

    fn dropped(&self) -> [Vec<Addr>; 2] {
        [0, 1].map(|place| self.tables[place].dropped("edgeban"))
    }
}

fn v4(n: u16) -> Addr {
    let [high, low] = n.to_be_bytes();
    Addr::v4([198, 51, high, low])
}

fn v6(n: u8) -> Addr {
    Addr::v6([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, n])
}

#[test]
fn many_bans_are_one_exchange_and_end_by_another() {
    let mut world = World::ready();
    world.exchanges = 0;
    for n in 0..100 {
        assert_eq!(world.ban(v4(n), 60), Wanted::New);
    }
    assert_eq!(world.ban(v6(1), 90), Wanted::New);
    let events = world.turn();
    assert_eq!((world.exchanges, events.len()), (2, 101));
    assert!(events.iter().all(|event| matches!(event, Event::Banned { .. })));
    assert_eq!(world.dropped(), [(0..100).map(v4).collect(), vec![v6(1)]]);
    world.step(Duration::from_secs(60));
    assert!(world.engine.poll_at() <= Some(world.now), "nobody else ends them");
    let events = world.turn();
    assert_eq!(events.len(), 100);
    assert!(events.iter().all(|event| matches!(event, Event::Unbanned { expired: true, .. })), "{events:?}");
    assert_eq!(world.dropped(), [vec![], vec![v6(1)]]);
    assert!(world.engine.unban(v6(1)));
    assert_eq!(world.turn(), [Event::Unbanned { addr: v6(1), expired: false }]);
    assert_eq!(world.dropped(), [vec![], vec![]]);
}

#[test]
fn a_ban_whose_time_is_over_is_held_until_its_rule_is_gone() {
    let mut world = World::ready();
    assert_eq!(world.ban(v4(1), 60), Wanted::New);
    world.turn();
    world.step(Duration::from_secs(60));
    world.fail[0] = Some(Failure::Kernel);
    assert_eq!(world.turn(), []);
    assert!(world.engine.bans().find(v4(1)).is_some());
    world.fail[0] = None;
    assert_eq!(world.turn(), [], "not at once");
    world.step(BACKOFF_MIN);
    assert_eq!(world.turn(), [Event::Unbanned { addr: v4(1), expired: true }]);
    // And one that is banned again meanwhile stays.
    assert_eq!(world.ban(v4(2), 60), Wanted::New);
    world.turn();
    world.step(Duration::from_secs(60));
    world.fail[0] = Some(Failure::Busy);
    world.turn();
    assert_eq!(world.ban(v4(2), 60), Wanted::New);
    world.fail[0] = None;
    world.step(BACKOFF_MIN);
    assert!(matches!(world.turn()[..], [Event::Banned { .. }]));
    assert_eq!(world.dropped()[0], [v4(2)]);
}

#[test]
fn one_family_does_not_wait_for_the_other() {
    let mut world = World::ready();
    world.fail[1] = Some(Failure::Kernel);
    for round in 1..=3 {
        assert_eq!(world.ban(v4(round), 600), Wanted::New);
        assert_eq!(world.ban(v6(u8::try_from(round).unwrap()), 600), Wanted::New);
        assert!(matches!(world.turn()[..], [Event::Banned { .. }]));
    }
    world.fail[1] = None;
    world.step(BACKOFF_MAX);
    assert_eq!(world.turn().len(), 3);
}

#[test]
fn a_machine_without_ipv6_is_ready_without_it() {
    let mut world = World::over([Table::empty(Family::V4), Table::empty(Family::V6)]);
    world.fail[1] = Some(Failure::NoProtocol);
    assert_eq!(world.turn(), [Event::Ready]);
    assert_eq!(world.ban(v6(1), 60), Wanted::Full);
    assert_eq!(world.ban(v4(1), 60), Wanted::New);
    assert!(matches!(world.turn()[..], [Event::Banned { .. }]));
    world.fail = [Some(Failure::NoProtocol); 2];
    let mut world = World { fail: world.fail, ..World::over([Table::empty(Family::V4), Table::empty(Family::V6)]) };
    assert_eq!(world.turn(), []);
    assert!(!world.engine.is_ready());
}

#[test]
fn the_limit_refuses_and_each_family_has_its_own() {
    let mut world = World::ready();
    let limit = u16::try_from(limits::XT_RULES).unwrap();
    for n in 0..limit {
        assert_eq!(world.ban(v4(n), 60), Wanted::New);
    }
    assert_eq!(world.ban(v4(limit), 60), Wanted::Full);
    assert_eq!(world.ban(v4(1), 90), Wanted::Extended);
    assert_eq!(world.ban(v6(1), 60), Wanted::New);
    world.turn();
    assert_eq!(world.dropped()[0].len(), limits::XT_RULES);
    assert_eq!(world.engine.counters().refused_full, 1);
    assert!(world.engine.unban(v4(7)));
    world.turn();
    assert_eq!(world.ban(v4(limit), 60), Wanted::New);
    world.turn();
    assert_eq!(world.dropped()[0].len(), limits::XT_RULES);
}

#[test]
fn the_next_run_keeps_what_it_finds_but_no_protected_address() {
    let mut world = World::ready();
    for n in 1..=3 {
        assert_eq!(world.ban(v4(n), 60), Wanted::New);
    }
    world.turn();
    let mut table = world.tables.into_iter().next().unwrap();
    let loopback = Addr::v4([127, 0, 0, 1]);
    let sources = [v4(1), loopback, v4(3), v4(2)].map(|addr| Prefix::new(addr, 32).unwrap());
    let content = Some(Content::Sources(&sources));
    table.change(Plan { chain: "edgeban", hook: NF_INET_LOCAL_IN, content });
    let mut world = World::over([table, Table::empty(Family::V6)]);
    let events = world.turn();
    assert!(events.contains(&Event::Ready), "{events:?}");
    assert_eq!(world.engine.bans().len(), 3);
    assert_eq!(world.dropped()[0], [v4(1), v4(3), v4(2)], "in the order that they have");
    assert_eq!(world.engine.ban(loopback, 0, None, false, world.now), Err(Why::Ignoreip));
}

#[test]
fn what_others_take_out_is_back_after_the_next_look() {
    let mut world = World::ready();
    for n in 1..=3 {
        assert_eq!(world.ban(v4(n), 600), Wanted::New);
    }
    world.turn();
    let by = Culprit::default();
    for (content, lost) in [(None, true), (Some(Content::Sources(&[])), true)] {
        world.tables[0].change(Plan { chain: "edgeban", hook: NF_INET_LOCAL_IN, content });
        assert_eq!(world.turn(), [], "nothing announces it");
        world.step(CHECK);
        let events = world.turn();
        assert_eq!(events.first(), Some(&Event::Disturbed { by, mends: true, lost }));
        assert!(events.contains(&Event::Restored { bans: 3, took: Duration::ZERO, by }), "{events:?}");
        assert_eq!(world.dropped()[0].len(), 3);
    }
    assert_eq!(world.engine.link().counters().disturbed, 2);
    let exchanges = world.exchanges;
    world.step(CHECK);
    assert_eq!(world.turn(), []);
    assert_eq!(world.exchanges, exchanges, "a look changes nothing");
}

#[test]
fn at_the_end_chain_and_jump_go_and_a_chain_in_use_is_emptied() {
    let mut world = World::ready();
    assert_eq!(world.ban(v4(1), 600), Wanted::New);
    world.turn();
    let ours = world.tables[0].entries.clone();
    world.engine.delete_table();
    world.turn();
    assert!(world.engine.link().is_gone());
    let empty = Table::empty(Family::V4);
    assert_eq!((&world.tables[0].entries, world.tables[0].info), (&empty.entries, empty.info));
    assert_ne!(ours, empty.entries);
    assert_eq!(world.engine.link().poll_at(world.engine.bans()), None);
}

#[test]
fn a_start_that_fails_takes_out_what_it_made_and_nothing_else() {
    // An earlier run's chain in IPv4, none in IPv6, and then the kernel refuses one of them.
    let mut before = World::ready();
    assert_eq!(before.ban(v4(1), 600), Wanted::New);
    before.turn();
    let mut tables = before.tables;
    tables[1] = Table::empty(Family::V6);
    let kept = tables[0].entries.clone();
    let mut world = World::over(tables);
    world.fail[0] = Some(Failure::Kernel);
    world.turn();
    assert!(!world.engine.is_ready());
    assert_ne!(world.tables[1].entries, Table::empty(Family::V6).entries);
    world.fail[0] = None;
    world.engine.abandon();
    world.turn();
    assert_eq!(world.tables[0].entries, kept);
    assert_eq!(world.tables[1].entries, Table::empty(Family::V6).entries);
}
