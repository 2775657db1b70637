//! The engine against a fake kernel under a simulated clock: whatever goes wrong between the two, nobody is announced as
//! banned whom the kernel does not drop, and every ban gets there in the end.

use edgeban_core::addr::{Addr, Family, Prefix, Widths};
use edgeban_core::ban::Wanted;
use edgeban_core::ban::ladder::Growth;
use edgeban_core::config::model::{BanTime, Jail};
use edgeban_core::control::serve::{PATIENCE, begin};
use edgeban_core::control::{Refusal, Request, Response, Step, Wait};
use edgeban_core::detect::{Filter, Mode};
use edgeban_core::engine::{Engine, JailSet, Memory};
use edgeban_core::event::Event;
use edgeban_core::firewall::nft::{BACKOFF_MAX, Foreign, Layout};
use edgeban_core::source::journal::Matches;
use edgeban_core::table::HashKey;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::nfnl::{BatchBegin, BatchEnd};
use edgeban_core::wire::nft::scaffold::Part;
use edgeban_core::wire::nft::set::NewSet;
use edgeban_core::wire::nft::table::NewTable;
use edgeban_core::wire::nl::Tag;
use edgeban_core::wire::reply::NetlinkError;
use edgeban_tests::bytes::with;
use edgeban_tests::dialogue::turn;
use edgeban_tests::fake_kernel::{Elem, FakeKernel, Fault};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const BANS: usize = 1024;

type SmallMemory = Memory<64, 128, BANS, { 2 * BANS }>;

/// An engine and its kernel.
struct World {
    engine: Engine<'static, 64, 128, BANS, { 2 * BANS }>,
    kernel: FakeKernel,
    now: Instant,
    events: Vec<Event>,
}

const EPERM: i32 = 1;
const ENOENT: i32 = 2;
const ENOMEM: i32 = 12;
const EINVAL: i32 = 22;
const ENFILE: i32 = 23;
const EOPNOTSUPP: i32 = 95;

fn jail(maxretry: u32, bantime: u64) -> Jail {
    Jail {
        name: "sshd".try_into().unwrap(),
        enabled: true,
        filter: Filter::Sshd.into(),
        mode: Mode::Normal,
        logpath: heapless::Vec::new(),
        journalmatch: Matches::NONE,
        maxretry,
        findtime: Duration::from_secs(600),
        bantime: BanTime::For(Duration::from_secs(bantime)),
        growth: Growth::default(),
        ignoreip: heapless::Vec::new(),
        ignoreself: true,
    }
}

fn ip(addr: Addr) -> IpAddr {
    match addr.as_v4() {
        Some(v4) => IpAddr::V4(Ipv4Addr::from(v4)),
        None => IpAddr::V6(Ipv6Addr::from(addr.octets())),
    }
}

/// The `n`-th attacker; every fifth has IPv6.
fn attacker(n: u32) -> Addr {
    match n % 5 {
        4 => Addr::v6((0x2001_0db8_u128 << 96 | u128::from(n)).to_be_bytes()),
        _ => Addr::v4((0xc612_0000 + n).to_be_bytes()),
    }
}

impl World {
    fn new(jails: Vec<Jail>) -> Self {
        let memory: &'static mut SmallMemory = Box::leak(Box::new(SmallMemory::new()));
        let engine = Engine::new(memory, jails.leak(), Layout::plain("edgeban"), HashKey(1, 2));
        let mut world = Self { engine, kernel: FakeKernel::new(), now: Instant::ZERO, events: Vec::new() };
        world.step(1_000_000);
        world
    }

    /// The same kernel, and a new run of edgeban.
    fn restart(self, layout: Layout, jails: Vec<Jail>) -> Self {
        let memory: &'static mut SmallMemory = Box::leak(Box::new(SmallMemory::new()));
        let engine = Engine::new(memory, jails.leak(), layout, HashKey(3, 4));
        Self { engine, kernel: self.kernel, now: self.now, events: Vec::new() }
    }

    /// A world whose kernel holds the scaffold.
    fn ready() -> Self {
        let mut world = Self::new(vec![jail(3, 60), jail(5, 3600)]);
        world.turn();
        assert_eq!(world.take_events(), [Event::Ready]);
        world
    }

    fn step(&mut self, ms: u64) {
        self.now = self.now + Duration::from_millis(ms);
        self.kernel.set_now(self.now.as_millis());
    }

    /// What the daemon does in one turn of its loop.
    fn turn(&mut self) {
        let now = self.now;
        turn(&mut self.engine, &mut self.kernel, now, |kernel, event| {
            // Each announced ban is held against the kernel.
            if let Event::Banned { addr, until, .. } = event
                && until.is_none_or(|until| until > now)
            {
                assert!(kernel.drops(ip(addr)), "{addr} is announced as banned and gets through");
            }
            self.events.push(event);
        });
    }

    /// Lets time pass, turn by turn, until nothing waits to be sent.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.turn();
            if self.engine.bans().waiting() == 0 && !self.engine.awaits_answer() {
                return;
            }
            let next = self.engine.poll_at().map_or(0, |at| at.since(self.now).as_millis());
            self.step(next.max(1));
        }
        panic!("something waits for ever");
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn ban(&mut self, n: u32, secs: u64) -> Wanted {
        self.engine.ban(attacker(n), 0, Some(self.now + Duration::from_secs(secs)), false, self.now).unwrap()
    }

    fn held(&self) -> usize {
        ["banned_ipv4", "banned_ipv6"]
            .map(|set| self.kernel.elements("edgeban", set, self.now.as_millis()).len())
            .iter()
            .sum()
    }

    /// Somebody else changes the element of an attacker.
    fn outside(&mut self, n: u32, secs: Option<u64>) {
        let addr = attacker(n);
        let now = self.now.as_millis();
        let elem = secs.map(|secs| Elem { timeout: secs * 1000, expires: Some(now + secs * 1000) });
        match addr.as_v4() {
            Some(v4) => self.kernel.replace_element("edgeban", "banned_ipv4", &v4, elem),
            None => self.kernel.replace_element("edgeban", "banned_ipv6", &addr.octets(), elem),
        }
    }

    fn banned(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Banned { .. })).count()
    }

    /// Takes a request of the control socket.
    fn ask(&mut self, request: Request<'_>) -> Step {
        begin(&request, BanTime::Permanent, &mut self.engine, self.now)
    }

    /// The answer, when it is known after a turn.
    fn answer(&mut self, wait: &mut Wait) -> Option<Response<'static>> {
        self.turn();
        let waiting = self.engine.bans().waiting();
        self.take_events().iter().for_each(|event| wait.observe(event, waiting));
        wait.poll(&self.engine, self.now)
    }

    fn log(&mut self, line: &str) {
        let mut jails = JailSet::NONE;
        jails.insert(0);
        self.engine.handle_line(jails, line.as_bytes(), self.now, |_, _, _| {});
    }
}

#[test]
fn the_kernel_drops_whom_the_engine_announces_until_the_ban_is_over() {
    let mut world = World::ready();
    for n in 0..10 {
        assert_eq!(world.ban(n, 60), Wanted::New);
    }
    world.turn();
    assert_eq!((world.banned(), world.held()), (10, 10));
    assert!(!world.kernel.drops(ip(attacker(10))));
    world.step(59_999);
    world.turn();
    assert_eq!(world.held(), 10);
    world.step(1);
    world.turn();
    assert_eq!(world.held(), 0);
    let over = |event: &&Event| matches!(event, Event::Unbanned { expired: true, .. });
    assert_eq!(world.take_events().iter().filter(over).count(), 10);
    assert!(world.engine.bans().is_empty());
}

#[test]
fn many_bans_share_a_batch() {
    let mut world = World::ready();
    for n in 0..512 {
        assert_eq!(world.ban(n, 60), Wanted::New);
    }
    let before = world.kernel.datagrams;
    world.turn();
    assert_eq!(world.held(), 512);
    assert_eq!(world.kernel.datagrams - before, 2, "one batch and its fence");
}

#[test]
fn a_scaffold_that_is_refused_is_said_and_nothing_is_sent_as_if_it_stood() {
    for (fault, error, part) in [
        (Fault::Permission, EPERM, None),
        (Fault::Errno { message: 3, errno: ENOMEM }, ENOMEM, Some(Part::Chain)),
        (Fault::Commit(ENOMEM), ENOMEM, None),
    ] {
        let mut world = World::new(vec![jail(3, 60)]);
        world.kernel.inject(fault);
        assert_eq!(world.ban(1, 60), Wanted::New);
        world.turn();
        let error = NetlinkError::new(error).unwrap();
        assert_eq!(world.take_events(), [Event::ScaffoldRefused { error, part }]);
        assert!(!world.engine.is_ready());
        assert_eq!(world.held(), 0);
        world.step(BACKOFF_MAX.as_millis());
        world.turn();
        assert!(world.engine.is_ready(), "tried again after a while");
        assert_eq!(world.held(), 1);
    }
}

/// Before Linux 6.9.
#[test]
fn a_kernel_that_cannot_protect_the_table_watches_it_and_that_is_said() {
    let protect = Layout { protect: true, ..Layout::plain("edgeban") };
    for errno in [EOPNOTSUPP, EINVAL] {
        let error = NetlinkError::new(errno).unwrap();
        let mut world = World::new(vec![jail(3, 60)]).restart(protect.clone(), vec![jail(3, 60)]);
        world.kernel.inject(Fault::Errno { message: 0, errno });
        world.turn();
        assert_eq!(world.take_events(), [Event::Unprotected { error }, Event::Ready]);
        assert!(!world.engine.link().is_protected());
        assert_eq!(world.ban(1, 60), Wanted::New);
        world.turn();
        // Over a table of an earlier run it could be the table's flags, so it is tried with a new one, too.
        let mut world = world.restart(protect.clone(), vec![jail(3, 60)]);
        world.kernel.inject(Fault::Errno { message: 0, errno });
        world.kernel.inject(Fault::Errno { message: 0, errno });
        world.settle();
        assert_eq!(world.take_events(), [Event::Unprotected { error }, Event::Ready]);
        assert_eq!((world.held(), world.engine.bans().installed()), (1, 1));
        // Here it was.
        let mut world = world.restart(protect.clone(), vec![jail(3, 60)]);
        world.kernel.inject(Fault::Errno { message: 0, errno });
        world.settle();
        assert_eq!(world.take_events(), [Event::Ready]);
        assert!(world.engine.link().is_protected());
        assert_eq!((world.held(), world.engine.bans().installed()), (1, 1));
    }
}

#[test]
fn an_error_in_the_middle_of_a_batch_costs_nobody_their_ban() {
    for errno in [EINVAL, ENFILE, ENOMEM, EPERM] {
        let mut world = World::ready();
        for n in 0..40 {
            assert_eq!(world.ban(n, 600), Wanted::New);
        }
        world.kernel.inject(Fault::Errno { message: 1, errno });
        world.turn();
        assert_eq!(world.held(), 40, "{errno}");
        let refused = Event::BatchRefused { error: NetlinkError::new(errno).unwrap(), entries: 40 };
        assert_eq!(world.events.first(), Some(&refused));
        assert_eq!(world.banned(), 40);
    }
}

#[test]
fn a_failed_commit_announces_nobody_although_every_message_was_acked() {
    let mut world = World::ready();
    assert_eq!(world.ban(1, 600), Wanted::New);
    world.kernel.inject(Fault::Commit(ENOMEM));
    world.turn();
    assert_eq!((world.banned(), world.held()), (0, 0));
    assert_eq!(world.engine.bans().installed(), 0);
    let at = world.engine.poll_at().unwrap();
    assert!(at > world.now && at <= world.now + BACKOFF_MAX, "the next try is planned");
    world.settle();
    assert_eq!((world.banned(), world.held()), (1, 1));
}

#[test]
fn lost_answers_lead_to_sending_again_and_to_one_announcement() {
    for fault in [Fault::NoReply, Fault::LoseReply { message: 0 }, Fault::Overrun { keep: 0 }] {
        let mut world = World::ready();
        for n in 0..20 {
            assert_eq!(world.ban(n, 600), Wanted::New);
        }
        world.kernel.inject(fault);
        world.settle();
        assert_eq!((world.banned(), world.held()), (20, 20), "{fault:?}");
    }
}

#[test]
fn answers_in_another_order_are_matched_by_their_numbers() {
    let mut world = World::ready();
    for n in 0..20 {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    world.kernel.inject(Fault::Reorder);
    world.settle();
    assert_eq!((world.banned(), world.held()), (20, 20));
}

#[test]
fn after_an_outside_flush_the_next_ban_brings_everything_back() {
    let mut world = World::ready();
    for n in 0..50 {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    world.turn();
    world.kernel.flush_ruleset();
    assert_eq!(world.held(), 0);
    assert_eq!(world.ban(50, 600), Wanted::New);
    world.turn();
    assert_eq!(world.held(), 51);
    assert!(world.events.contains(&Event::TableLost));
}

#[test]
fn what_an_earlier_run_left_is_adopted_and_what_others_add_is_kept_or_removed() {
    for foreign in [Foreign::Keep, Foreign::Remove] {
        let mut world = World::ready();
        for n in 0..10 {
            assert_eq!(world.ban(n, 600), Wanted::New);
        }
        world.turn();
        let layout = Layout { foreign, ..Layout::plain("edgeban") };
        let mut world = world.restart(layout, vec![jail(3, 60)]);
        world.turn();
        assert_eq!((world.engine.bans().installed(), world.held()), (10, 10), "nobody got in meanwhile");
        world.outside(20, Some(100));
        // The next batch shows by its generation that somebody was there.
        assert_eq!(world.ban(11, 600), Wanted::New);
        world.turn();
        let stays = foreign == Foreign::Keep;
        assert_eq!(world.kernel.drops(ip(attacker(20))), stays, "{foreign:?}");
        assert_eq!(world.engine.bans().find(attacker(20)).is_some(), stays);
        assert_eq!(world.held(), 11 + usize::from(stays));
        assert!(world.engine.unban(attacker(3)), "an adopted ban can be lifted");
        world.turn();
        assert!(!world.kernel.drops(ip(attacker(3))));
        world.step(600_000);
        world.turn();
        assert_eq!((world.held(), world.engine.bans().len()), (0, 0), "and they end at their time");
    }
}

#[test]
fn what_an_earlier_run_left_of_an_ignored_address_is_lifted() {
    let mut world = World::ready();
    for n in 0..3 {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    world.turn();
    let mut jail = jail(3, 60);
    jail.ignoreip.push(Prefix::parse(b"198.18.0.1").unwrap()).unwrap();
    let mut world = world.restart(Layout::plain("edgeban"), vec![jail]);
    world.turn();
    assert_eq!([0, 1, 2].map(|n| world.kernel.drops(ip(attacker(n)))), [true, false, true]);
}

#[test]
fn another_layout_takes_over_the_elements_of_the_earlier_one() {
    let mut world = World::ready();
    for n in 0..10 {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    world.turn();
    let layout = Layout { widths: Widths { v4: 24, v6: 64 }, counters: true, ..Layout::plain("edgeban") };
    let mut world = world.restart(layout, vec![jail(3, 60)]);
    world.turn();
    assert_eq!(world.held(), 2, "a prefix each");
    assert!(
        world.kernel.drops("198.18.0.200".parse().unwrap()) && world.kernel.drops("2001:db8::ffff".parse().unwrap())
    );
    assert!(!world.kernel.drops("198.18.1.1".parse().unwrap()));
    // Back to single addresses: what a prefix stood for cannot be told any more.
    let mut world = world.restart(Layout::plain("edgeban"), vec![jail(3, 60)]);
    world.turn();
    assert_eq!((world.held(), world.engine.link().counters().unadopted), (0, 2));
    assert!(world.engine.is_ready());
}

#[test]
fn a_table_of_another_program_is_not_touched() {
    let mut world = World::new(vec![jail(3, 60)]);
    for (n, name) in (0..).zip(["a foreign set", "no sets at all"]) {
        let bytes = with(|w| {
            BatchBegin::default().emit(1, w).unwrap();
            NewTable { name: "edgeban", flags: 0 }.emit(Tag::silent(2), w).unwrap();
            if n == 0 {
                let set = NewSet {
                    table: "edgeban",
                    name: "banned_ipv4",
                    family: Family::V6,
                    bits: 128,
                    id: 1,
                    size: None,
                    gc_interval_ms: None,
                    counter: false,
                };
                set.emit(Tag::silent(3), w).unwrap();
            }
            BatchEnd.emit(4, w).unwrap();
        });
        assert!(world.kernel.send(&bytes).is_empty());
        let before = world.kernel.ruleset();
        world.step(BACKOFF_MAX.as_millis());
        world.turn();
        assert_eq!(world.take_events(), [Event::ForeignTable], "{name}");
        assert!(!world.engine.is_ready());
        assert_eq!(world.kernel.ruleset(), before, "{name}");
        world.kernel.flush_ruleset();
    }
    world.step(BACKOFF_MAX.as_millis());
    world.turn();
    assert!(world.engine.is_ready(), "gone, it is no hindrance");
}

#[test]
fn attackers_of_one_prefix_are_one() {
    let layout = Layout { widths: Widths { v4: 32, v6: 64 }, ..Layout::plain("edgeban") };
    let mut world = World::new(vec![jail(3, 60)]).restart(layout, {
        let mut jail = jail(3, 60);
        jail.ignoreip.push(Prefix::parse(b"2001:db8:2::5").unwrap()).unwrap();
        vec![jail]
    });
    world.turn();
    for n in 1..=3 {
        world.log(&format!("Nov 24 05:00:00 edge sshd[7]: Failed password for root from 2001:db8:1::{n} port 22 ssh2"));
        world.log(&format!("Nov 24 05:00:00 edge sshd[8]: Failed password for root from 2001:db8:2::{n} port 22 ssh2"));
    }
    world.turn();
    assert!(world.kernel.drops("2001:db8:1::4711".parse().unwrap()));
    assert!(!world.kernel.drops("2001:db8:1:1::1".parse().unwrap()));
    assert!(!world.kernel.drops("2001:db8:2::1".parse().unwrap()), "an ignored address lies in its prefix");
}

#[test]
fn a_later_end_replaces_the_element_on_every_kernel() {
    for keeps_timeouts in [true, false] {
        let mut world = World::ready();
        world.kernel.keeps_timeouts = keeps_timeouts;
        assert_eq!(world.ban(1, 60), Wanted::New);
        world.turn();
        assert_eq!(world.ban(1, 30), Wanted::Already);
        assert_eq!(world.ban(1, 600), Wanted::Extended);
        world.turn();
        world.step(599_000);
        world.turn();
        assert!(world.kernel.drops(ip(attacker(1))), "keeps_timeouts {keeps_timeouts}");
        world.step(1000);
        assert!(!world.kernel.drops(ip(attacker(1))));
    }
}

#[test]
fn an_unban_that_the_kernel_does_not_hold_spoils_no_other() {
    let mut world = World::ready();
    for n in 0..6 {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    world.turn();
    world.kernel.flush_ruleset();
    for n in 0..6 {
        assert!(world.engine.unban(attacker(n)));
    }
    world.take_events();
    world.settle();
    let lifted = |event: &&Event| matches!(event, Event::Unbanned { expired: false, .. });
    assert_eq!(world.events.iter().filter(lifted).count(), 6, "all are gone from the kernel, which is what was asked");
    assert!(world.engine.bans().is_empty());

    let mut world = World::ready();
    for n in 0..6 {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    world.turn();
    for n in 0..5 {
        assert!(world.engine.unban(attacker(n)));
    }
    world.kernel.inject(Fault::Errno { message: 2, errno: ENOENT });
    world.settle();
    assert_eq!(world.engine.bans().len(), 1);
    assert!(world.kernel.drops(ip(attacker(5))));
    assert!([0, 1, 3, 4].iter().all(|n| !world.kernel.drops(ip(attacker(*n)))));
    assert!(!world.engine.unban(attacker(0)), "it is not banned any more");
}

#[test]
fn at_capacity_new_bans_are_refused_and_said_and_old_ones_stay() {
    let mut world = World::ready();
    for n in 0..u32::try_from(BANS).unwrap() {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    assert_eq!(world.ban(5000, 600), Wanted::Full);
    world.turn();
    assert_eq!(world.held(), BANS);
    let line = "Nov 24 05:00:00 edge sshd[7]: Failed password for root from 203.0.113.9 port 22 ssh2";
    for _ in 0..4 {
        world.log(line);
    }
    world.turn();
    let addr = Addr::v4([203, 0, 113, 9]);
    assert!(world.take_events().contains(&Event::BanTableFull { addr }));
    assert_eq!(world.engine.counters().refused_full, 3, "the direct one, and the third and fourth line");
    assert_eq!(world.held(), BANS);
    world.engine.unban(attacker(0));
    world.turn();
    world.log(line);
    world.turn();
    assert!(world.kernel.drops(ip(addr)), "banned at its next attempt when there is room");
}

#[test]
fn three_lines_make_a_ban_and_the_wall_clock_of_the_lines_does_not_matter() {
    let mut world = World::ready();
    for stamp in ["Jan  1 00:00:00", "2038-01-19T03:14:08+00:00", "Nov 24 05:00:00"] {
        world.log(&format!("{stamp} edge sshd[7]: Failed password for root from 203.0.113.9 port 22 ssh2"));
        world.step(1000);
    }
    world.turn();
    assert!(world.kernel.drops("203.0.113.9".parse().unwrap()));
}

#[derive(Clone, Debug)]
enum Op {
    Ban(u32, u64),
    Unban(u32),
    Step(u64),
    Turn,
    Fault(Fault),
    Flush,
    FlushRules,
    /// Somebody else deletes the element of this attacker.
    Take(u32),
    /// Somebody else adds an element that edgeban never banned, or changes the end of one that it did.
    Put(u32, u64),
}

/// What a kernel does. It never loses a single answer silently (what it drops it reports as an overrun), and never says
/// ENOENT of what is there.
fn fault() -> impl Strategy<Value = Fault> {
    let errno = prop::sample::select(vec![EPERM, ENOMEM, EINVAL, ENFILE]);
    prop_oneof![
        (0usize..4, errno.clone()).prop_map(|(message, errno)| Fault::Errno { message, errno }),
        errno.prop_map(Fault::Commit),
        Just(Fault::Permission),
        Just(Fault::NoReply),
        (0usize..3).prop_map(|keep| Fault::Overrun { keep }),
        Just(Fault::Reorder),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        6 => (0u32..30, 1u64..200).prop_map(|(n, secs)| Op::Ban(n, secs)),
        2 => (0u32..30).prop_map(Op::Unban),
        3 => (0u64..20_000).prop_map(Op::Step),
        4 => Just(Op::Turn),
        2 => fault().prop_map(Op::Fault),
        1 => Just(Op::Flush),
        1 => Just(Op::FlushRules),
        2 => (0u32..30).prop_map(Op::Take),
        1 => (0u32..30, 1u64..200).prop_map(|(n, secs)| Op::Put(n, secs)),
    ]
}

fn ban_request(n: u32, jail: &str) -> Request<'_> {
    Request::Ban { addr: attacker(n), time: Some(BanTime::Permanent), jail, force: false }
}

fn wait(step: Step) -> Wait {
    match step {
        Step::Wait(wait) => wait,
        other => panic!("{other:?} is no wait"),
    }
}

#[test]
fn a_ban_by_hand_is_answered_when_the_kernel_holds_it_and_not_before() {
    let mut world = World::ready();
    let mut first = wait(world.ask(ban_request(1, "sshd")));
    assert_eq!(first.poll(&world.engine, world.now), None, "nothing was sent yet");
    let banned = |already| Some(Response::Banned { addr: attacker(1), left: None, already });
    assert_eq!(world.answer(&mut first), banned(false));
    assert!(world.kernel.drops(ip(attacker(1))));
    let mut again = wait(world.ask(ban_request(1, "")));
    assert_eq!(world.answer(&mut again), banned(true));
    assert!(matches!(world.ask(ban_request(1, "nginx")), Step::Answer(Response::Refused(Refusal::NoSuchJail))));

    let mut lifted = wait(world.ask(Request::Unban(attacker(1))));
    assert_eq!(lifted.poll(&world.engine, world.now), None);
    assert_eq!(world.answer(&mut lifted), Some(Response::Unbanned { count: 1 }));
    assert!(!world.kernel.drops(ip(attacker(1))));
    let none = world.ask(Request::Unban(attacker(1)));
    assert!(matches!(none, Step::Answer(Response::Refused(Refusal::NotBanned))));
}

#[test]
fn what_the_kernel_refuses_or_does_not_answer_is_never_called_done() {
    let mut world = World::ready();
    let mut refused = wait(world.ask(ban_request(1, "")));
    world.kernel.inject(Fault::Errno { message: 0, errno: ENFILE });
    assert_eq!(world.answer(&mut refused), Some(Response::Refused(Refusal::Kernel(NetlinkError::ENFILE))));
    world.settle();
    assert!(world.kernel.drops(ip(attacker(1))), "it was tried again, as the answer says");

    let mut world = World::ready();
    let mut late = wait(world.ask(ban_request(1, "")));
    let mut answer = None;
    let start = world.now;
    while answer.is_none() {
        world.kernel.inject(Fault::NoReply);
        answer = world.answer(&mut late);
        let next = world.engine.poll_at().unwrap().min(late.deadline());
        world.step(next.since(world.now).as_millis().max(1));
    }
    assert_eq!(answer, Some(Response::Refused(Refusal::Late)));
    assert!(world.now.since(start) >= PATIENCE);
}

#[test]
fn a_full_table_refuses_bans_by_hand_and_unban_all_empties_it() {
    let mut world = World::ready();
    for n in 0..u32::try_from(BANS).unwrap() {
        assert_eq!(world.ban(n, 600), Wanted::New);
    }
    assert!(matches!(world.ask(ban_request(5000, "")), Step::Answer(Response::Refused(Refusal::Full))));
    world.settle();
    assert_eq!(world.held(), BANS);
    let mut all = wait(world.ask(Request::UnbanAll));
    assert_eq!(all.poll(&world.engine, world.now), None);
    let count = u64::try_from(BANS).unwrap();
    assert_eq!(world.answer(&mut all), Some(Response::Unbanned { count }));
    assert_eq!(world.held(), 0);
}

#[test]
fn a_ban_that_somebody_lifts_before_the_kernel_took_it_has_ended() {
    let mut world = World::ready();
    let mut ban = wait(world.ask(ban_request(1, "")));
    let mut unban = wait(world.ask(Request::Unban(attacker(1))));
    assert_eq!(ban.poll(&world.engine, world.now), Some(Response::Refused(Refusal::Ended)));
    let mut again = wait(world.ask(ban_request(1, "")));
    assert_eq!(unban.poll(&world.engine, world.now), Some(Response::Refused(Refusal::BannedAgain)));
    assert!(matches!(world.answer(&mut again), Some(Response::Banned { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever happens: no ban is announced that the kernel does not hold (asserted in `turn`), and once nothing
    /// goes wrong any more, the kernel holds just the bans that are wanted.
    #[test]
    fn in_the_end_the_kernel_holds_what_is_wanted(ops in prop::collection::vec(op(), 1..80), keeps_timeouts: bool) {
        let layout = Layout { foreign: Foreign::Remove, ..Layout::plain("edgeban") };
        let mut world = World::ready().restart(layout, vec![jail(3, 60), jail(5, 3600)]);
        world.turn();
        world.kernel.keeps_timeouts = keeps_timeouts;
        let mut wanted: BTreeMap<u32, Instant> = BTreeMap::new();
        for op in ops {
            match op {
                Op::Ban(n, secs) => {
                    let until = world.now + Duration::from_secs(secs);
                    if matches!(world.ban(n, secs), Wanted::New | Wanted::Extended) {
                        wanted.insert(n, until);
                    }
                }
                Op::Unban(n) => {
                    world.engine.unban(attacker(n));
                    wanted.remove(&n);
                }
                Op::Step(ms) => world.step(ms),
                Op::Turn => world.turn(),
                Op::Fault(fault) => world.kernel.inject(fault),
                Op::Flush => world.kernel.flush_ruleset(),
                Op::FlushRules => world.kernel.flush_rules(),
                Op::Take(n) => world.outside(n, None),
                Op::Put(n, secs) => world.outside(n, Some(secs)),
            }
        }
        // One ban after the other uses up the faults that wait, and shows a flush that nobody has noticed.
        for n in 1000..1100 {
            assert_eq!(world.ban(n, 100_000), Wanted::New);
            world.settle();
        }
        for n in 0..30 {
            let expected = wanted.get(&n).is_some_and(|until| *until > world.now);
            prop_assert_eq!(world.kernel.drops(ip(attacker(n))), expected, "{} at {:?}", attacker(n), world.now);
        }
        for n in 1000..1100 {
            prop_assert!(world.kernel.drops(ip(attacker(n))));
        }
    }
}
