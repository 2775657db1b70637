//! Going on with other settings, against a fake kernel under a simulated clock: the same settings change nothing, and
//! whatever others do, each jail that stays counts as if nothing had happened.

use edgeban_core::addr::{Addr, Prefix, Widths};
use edgeban_core::config::model::{Config, Jail};
use edgeban_core::engine::{Decision, Engine, JailSet, Memory, Reloaded};
use edgeban_core::event::Event;
use edgeban_core::firewall::nft::Layout;
use edgeban_core::table::HashKey;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::nft::chain::Hook;
use edgeban_tests::dialogue::turn;
use edgeban_tests::fake_kernel::{FakeKernel, Fault};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const BANS: usize = 256;

type SmallMemory = Memory<256, 512, BANS, { 2 * BANS }>;

struct World {
    engine: Engine<'static, 256, 512, BANS, { 2 * BANS }>,
    kernel: FakeKernel,
    now: Instant,
    events: Vec<Event>,
}

/// The jails of a configuration.
fn jails(text: &str) -> Vec<Jail> {
    let mut config = Box::new(Config::EMPTY);
    let result = edgeban_core::config::read(text.as_bytes(), &mut Box::default(), &mut config, &mut |error| {
        panic!("{}:{}: {error}", error.line, error.column)
    });
    assert_eq!(result, Ok(()));
    config.jails.iter().cloned().collect()
}

fn layout() -> Layout {
    Layout::plain("edgeban")
}

fn ip(addr: Addr) -> IpAddr {
    match addr.as_v4() {
        Some(v4) => IpAddr::V4(Ipv4Addr::from(v4)),
        None => IpAddr::V6(Ipv6Addr::from(addr.octets())),
    }
}

/// The `n`-th attacker; the odd ones have IPv6.
fn attacker(n: u8) -> Addr {
    match n % 2 {
        0 => Addr::v4([198, 18, 0, n]),
        _ => Addr::v6((0x2001_0db8_u128 << 96 | u128::from(n)).to_be_bytes()),
    }
}

impl World {
    fn new(jails: &[Jail]) -> Self {
        let memory: &'static mut SmallMemory = Box::leak(Box::new(SmallMemory::new()));
        let engine = Engine::new(memory, jails, layout(), HashKey(1, 2));
        let mut world = Self { engine, kernel: FakeKernel::new(), now: Instant::ZERO, events: Vec::new() };
        world.step(1_000_000);
        world.turn();
        assert_eq!(std::mem::take(&mut world.events), [Event::Ready]);
        world
    }

    fn step(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.kernel.set_now(self.now.as_millis());
    }

    fn turn(&mut self) {
        let now = self.now;
        turn(&mut self.engine, &mut self.kernel, now, |_, event| self.events.push(event));
    }

    /// Turns until nothing waits.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.turn();
            if self.engine.waiting() == 0 && !self.engine.awaits_answer() && !self.engine.is_changing() {
                return;
            }
            let next = self.engine.poll_at().map_or(0, |at| at.since(self.now).as_millis());
            self.step(next.max(1));
        }
        panic!("something waits for ever");
    }

    /// The jails that run, by their names.
    fn running(&self) -> JailSet {
        let mut set = JailSet::NONE;
        for (number, jail) in (0..).zip(self.engine.jails()) {
            if jail.enabled {
                set.insert(number);
            }
        }
        set
    }

    /// A line of a failure at sshd. Returns what each jail made of it, by its name.
    fn fail(&mut self, addr: Addr) -> BTreeMap<String, Decision> {
        let line = format!("Nov 24 20:34:47 router sshd[4711]: Failed password for root from {addr} port 50022 ssh2");
        let mut made = BTreeMap::new();
        let jails = self.running();
        self.engine.handle_line(jails, line.as_bytes(), self.now, |jail, _, decision| {
            made.insert(jail.name.to_string(), decision);
        });
        made
    }

    /// What the kernel holds in its sets.
    fn held(&self) -> Vec<Vec<u8>> {
        ["banned_ipv4", "banned_ipv6"]
            .into_iter()
            .flat_map(|set| self.kernel.elements("edgeban", set, self.now.as_millis()))
            .map(|(key, _)| key)
            .collect()
    }
}

/// `[jails.NAME]` with the filter `sshd`.
fn jail(name: &str, maxretry: u32, findtime: u32, ignored: bool) -> String {
    let ignoreip = if ignored { "ignoreip = [\"198.18.0.0/30\", \"2001:db8::/126\"]" } else { "ignoreip = []" };
    format!(
        "[jails.{name}]\nfilter = \"sshd\"\nmaxretry = {maxretry}\nfindtime = {findtime}\nbantime = 300\n{ignoreip}\n"
    )
}

#[test]
fn a_layout_waits_for_what_is_in_flight_and_for_what_is_lifted() {
    let text = [jail("a", 1, 600, false), jail("b", 1, 600, false)];
    let mut world = World::new(&jails(&text.concat()));
    for n in 0..100 {
        world.fail(attacker(n));
    }
    world.settle();
    world.events.clear();
    // Of both jails the first banned: all are lifted, in several batches, before the sets are made anew.
    let wide = Layout { counters: true, hook: Hook::Prerouting, ..layout() };
    assert_eq!(world.engine.reload(&jails(&text[1]), wide), Reloaded { begun: 0, ended: 1, lifted: 100 });
    assert!(world.engine.is_changing());
    world.fail(attacker(200));
    world.settle();
    let unbanned = |event: &&Event| matches!(event, Event::Unbanned { expired: false, .. });
    assert_eq!(world.events.iter().filter(unbanned).count(), 100, "each is told");
    assert_eq!(world.held().len(), 1);
    assert!(world.kernel.drops(ip(attacker(200))));
    assert!(world.kernel.ruleset().contains("chain prerouting"), "{}", world.kernel.ruleset());
}

#[test]
fn a_kernel_that_refuses_for_a_while_gets_the_layout_in_the_end() {
    let text = jail("a", 1, 600, false);
    let mut world = World::new(&jails(&text));
    for n in 0..20 {
        world.fail(attacker(n));
    }
    world.settle();
    let wide = Layout { widths: Widths { v4: 32, v6: 64 }, ..layout() };
    world.engine.reload(&jails(&text), wide);
    for fault in [Fault::Commit(12), Fault::Errno { message: 2, errno: 12 }, Fault::Overrun { keep: 0 }] {
        world.kernel.inject(fault);
    }
    world.settle();
    assert!(world.engine.is_ready());
    assert_eq!(world.held().len(), 11, "ten of IPv4, and one /64");
    assert_eq!(world.engine.bans().installed(), 11);
}

#[test]
fn another_maxretry_counts_what_is_on_record_as_it_was() {
    let mut world = World::new(&jails(&jail("a", 5, 600, false)));
    let fail = |world: &mut World, maxretry| {
        world.engine.reload(&jails(&jail("a", maxretry, 600, false)), layout());
        world.fail(attacker(1))["a"]
    };
    assert_eq!(fail(&mut world, 5), Decision::Counted(1));
    assert_eq!(fail(&mut world, 100), Decision::Counted(2));
    assert_eq!(fail(&mut world, 30), Decision::Counted(3));
    assert_eq!(fail(&mut world, 10_000), Decision::Counted(4));
    assert_eq!(fail(&mut world, 6), Decision::Counted(5));
    assert!(matches!(fail(&mut world, 6), Decision::Ban(_)));
}

#[test]
fn what_was_counted_of_a_prefix_is_not_that_of_an_address() {
    let text = jails(&jail("a", 3, 600, false));
    let mut world = World::new(&text);
    let wide = Layout { widths: Widths { v4: 32, v6: 64 }, ..layout() };
    world.engine.reload(&text, wide);
    world.turn();
    let [first, other] = [b"2001:db8::".as_slice(), b"2001:db8::5"].map(|text| Addr::parse(text).unwrap());
    assert_eq!(world.fail(other)["a"], Decision::Counted(1));
    assert_eq!(world.fail(attacker(0))["a"], Decision::Counted(1));
    world.engine.reload(&text, layout());
    world.turn();
    assert_eq!(world.fail(first)["a"], Decision::Counted(1));
    assert_eq!(world.fail(attacker(0))["a"], Decision::Counted(2), "of the other family all is as it was");
}

#[test]
fn at_the_limit_of_jails_every_one_can_be_another() {
    let many = |from: usize| -> Vec<Jail> {
        let text: String =
            (from..from + edgeban_core::limits::JAILS).map(|n| jail(&format!("j{n}"), 3, 600, false)).collect();
        jails(&text)
    };
    let mut world = World::new(&many(0));
    assert_eq!(world.engine.reload(&many(32), layout()), Reloaded { begun: 32, ended: 32, lifted: 0 });
    let names = |world: &World| world.engine.jails().iter().map(|jail| jail.name.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(names(&world), (32..96).map(|n| format!("j{n}")).collect());
    assert_eq!(world.fail(attacker(1)).len(), 64);
    world.engine.reload(&many(32)[10..13], layout());
    assert_eq!(names(&world), BTreeSet::from([String::new(), "j42".into(), "j43".into(), "j44".into()]));
    assert_eq!(world.engine.jails().len(), 45, "numbers behind the last are free");
    assert_eq!(world.fail(attacker(1)).len(), 3);
}

/// What happens.
#[derive(Clone, Debug)]
enum Act {
    Fail(u8),
    Wait(u64),
    Unban(u8),
    Ban(u8, bool),
    /// For those who hear it: the same settings, or others.
    Reload(usize),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => (0u8..12).prop_map(Act::Fail),
        3 => (0u64..100_000).prop_map(Act::Wait),
        1 => (0u8..12).prop_map(Act::Unban),
        1 => (0u8..12, any::<bool>()).prop_map(|(n, force)| Act::Ban(n, force)),
        2 => (0usize..6).prop_map(Act::Reload),
    ]
}

impl World {
    fn act(&mut self, act: &Act) -> BTreeMap<String, Decision> {
        match *act {
            Act::Fail(n) => return self.fail(attacker(n)),
            Act::Wait(ms) => self.step(ms),
            Act::Unban(n) => {
                self.engine.unban(attacker(n));
            }
            Act::Ban(n, force) => {
                let _ = self.engine.ban(attacker(n), edgeban_core::ban::MANUAL, None, force, self.now);
            }
            Act::Reload(_) => {}
        }
        BTreeMap::new()
    }
}

/// What a jail should count: the times of each address's attempts.
type Model = BTreeMap<(String, Addr), Vec<u64>>;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 200 } else { 2000 }))]

    #[test]
    fn the_same_settings_change_nothing(acts in prop::collection::vec(act(), 1..80)) {
        let text = format!("{}{}{}", jail("a", 3, 60, false), jail("b", 5, 300, true), jail("c", 12, 600, false));
        let jails = jails(&text);
        let [mut one, mut other] = [World::new(&jails), World::new(&jails)];
        for act in acts {
            if let Act::Reload(_) = act {
                let datagrams = one.kernel.datagrams;
                prop_assert_eq!(one.engine.reload(&jails, layout()), Reloaded::default());
                prop_assert!(!one.engine.is_changing());
                prop_assert_eq!(one.kernel.datagrams, datagrams);
            }
            prop_assert_eq!(one.act(&act), other.act(&act));
            one.turn();
            other.turn();
            prop_assert_eq!(std::mem::take(&mut one.events), std::mem::take(&mut other.events));
            prop_assert_eq!(one.kernel.ruleset(), other.kernel.ruleset());
            prop_assert_eq!(one.engine.poll_at(), other.engine.poll_at());
            prop_assert_eq!(one.engine.counters(), other.engine.counters());
            prop_assert_eq!(one.kernel.datagrams, other.kernel.datagrams);
        }
    }

    #[test]
    fn jails_that_stay_count_on_and_those_that_go_leave_nothing(acts in prop::collection::vec(act(), 1..120)) {
        // The findtime of each jail stays, so that what is in its window can be told; maxretry stays exact.
        let (a, b, c, d) = (jail("a", 3, 60, false), jail("b", 5, 300, false), jail("c", 8, 600, false), jail("d", 2, 600, true));
        let settings = [
            format!("{a}{b}{c}"),
            format!("{c}{b}{a}{d}"),
            format!("{d}{c}enabled = false\n"),
            format!("{c}{}", jail("b", 2, 300, true)),
            b.clone(),
            format!("{}{d}{}", jail("c", 4, 600, false), jail("a", 7, 60, true)),
        ];
        let mut world = World::new(&jails(&settings[0]));
        let mut model = Model::new();
        for act in acts {
            if let Act::Reload(n) = act {
                world.engine.reload(&jails(&settings[n]), layout());
                let runs = |name: &str| world.engine.jails().iter().any(|jail| jail.enabled && jail.name == name);
                model.retain(|(name, _), _| runs(name));
            }
            let now = world.now.as_millis();
            for (name, decision) in world.act(&act) {
                let Act::Fail(n) = act else { unreachable!() };
                let jail = world.engine.jails().iter().find(|jail| jail.name == *name).unwrap().clone();
                let times = model.entry((name, attacker(n))).or_default();
                match decision {
                    Decision::Ignored(_) => prop_assert!(jail.ignoreip.iter().any(|prefix| prefix.contains(attacker(n)))),
                    Decision::AlreadyBanned => {}
                    Decision::Counted(got) => {
                        times.push(now);
                        times.retain(|time| now - time < jail.findtime.as_millis());
                        let sure = times.iter().filter(|time| now - **time + 128 < jail.findtime.as_millis()).count();
                        let (got, sure) = (usize::try_from(got).unwrap(), sure.min(jail.maxretry.try_into().unwrap()));
                        prop_assert!((sure..=times.len()).contains(&got), "{got} of {times:?}");
                    }
                    Decision::Ban(_) => {
                        times.push(now);
                        times.retain(|time| now - time < jail.findtime.as_millis());
                        prop_assert!(times.len() >= jail.maxretry.try_into().unwrap());
                        times.clear();
                    }
                }
            }
            world.turn();
            // Whoever is banned is in the name of a jail that runs, of nobody, or forced; and nobody who is protected is,
            // unless forced.
            let mut installed = BTreeSet::new();
            let mut place = 0;
            while let Some((next, addr, ban)) = world.engine.bans().next_installed(place) {
                place = next;
                installed.insert(addr);
                prop_assert!(world.kernel.drops(ip(addr)));
                let jail = world.engine.jails().get(usize::from(ban.jail));
                let protects = |jail: &Jail| jail.enabled && jail.ignoreip.iter().any(|prefix: &Prefix| prefix.contains(addr));
                match jail {
                    Some(jail) => prop_assert!(jail.enabled && !protects(jail)),
                    None => prop_assert!(ban.forced() || !world.engine.jails().iter().any(protects)),
                }
            }
            prop_assert_eq!(world.held().len(), installed.len());
        }
    }

    #[test]
    fn any_layout_holds_the_bans_of_the_one_before(
        acts in prop::collection::vec((act(), 0usize..24), 1..60),
    ) {
        let jails = jails(&format!("{}{}", jail("a", 1, 60, false), jail("b", 3, 300, false)));
        let mut world = World::new(&jails);
        for (act, n) in acts {
            world.act(&act);
            if n % 2 == 0 {
                world.turn();
            }
            if let Act::Reload(_) = act {
                let before: Vec<Addr> = (0..12).map(attacker).filter(|addr| world.engine.is_banned(*addr)).collect();
                let widths = [Widths::FULL, Widths { v4: 32, v6: 64 }, Widths { v4: 24, v6: 64 }][n % 3];
                let hook = [Hook::Input, Hook::Prerouting][n / 3 % 2];
                let narrower = |addr: Addr| widths.of(addr.family()) > world.engine.layout().widths.of(addr.family());
                let kept: Vec<Addr> = before.into_iter().filter(|addr| !narrower(*addr)).collect();
                world.engine.reload(&jails, Layout { widths, hook, counters: n / 6 % 2 == 0, ..layout() });
                world.settle();
                for addr in kept {
                    let over = world.events.iter().any(|event| matches!(event, Event::Unbanned { expired: true, .. }));
                    prop_assert!(over || world.kernel.drops(ip(addr)), "{addr}");
                }
            }
            world.events.clear();
        }
        world.settle();
        let installed = world.engine.bans().installed();
        prop_assert_eq!(world.held().len(), usize::try_from(installed).unwrap());
    }
}
