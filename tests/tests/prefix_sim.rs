//! Bans of prefixes: the engine against a fake kernel under a simulated clock.

use edgeban_core::addr::{Addr, Prefix, Widths};
use edgeban_core::ban::ladder::Growth;
use edgeban_core::ban::{MANUAL, Wanted};
use edgeban_core::config::model::{BanTime, Jail};
use edgeban_core::control::response::Hindrance;
use edgeban_core::control::serve::begin;
use edgeban_core::control::{Refusal, Request, Response, Step};
use edgeban_core::detect::{Filter, Mode};
use edgeban_core::engine::{Engine, JailSet, Memory, NotBanned};
use edgeban_core::event::Event;
use edgeban_core::firewall::nft::{Foreign, Layout};
use edgeban_core::limits::PREFIX_BANS;
use edgeban_core::own::Why;
use edgeban_core::source::journal::Matches;
use edgeban_core::table::HashKey;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::nft::scaffold::Part;
use edgeban_core::wire::reply::NetlinkError;
use edgeban_tests::dialogue::turn;
use edgeban_tests::fake_kernel::{Elem, FakeKernel, Fault};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::net::IpAddr;

const BANS: usize = 64;

type SmallMemory = Memory<16, 32, BANS, { 2 * BANS }>;

struct World {
    engine: Engine<'static, 16, 32, BANS, { 2 * BANS }>,
    kernel: FakeKernel,
    now: Instant,
    events: Vec<Event>,
}

const EINVAL: i32 = 22;
const ENOMEM: i32 = 12;

fn jail(ignoreip: &[&str]) -> Jail {
    Jail {
        name: "sshd".try_into().unwrap(),
        enabled: true,
        filter: Filter::Sshd.into(),
        mode: Mode::Normal,
        logpath: heapless::Vec::new(),
        journalmatch: Matches::NONE,
        maxretry: 1,
        findtime: Duration::from_secs(600),
        bantime: BanTime::For(Duration::from_secs(60)),
        growth: Growth::default(),
        ignoreip: ignoreip.iter().map(|text| prefix(text)).collect(),
        ignoreself: true,
    }
}

fn prefix(text: &str) -> Prefix {
    Prefix::parse(text.as_bytes()).unwrap()
}

fn addr(text: &str) -> Addr {
    Addr::parse(text.as_bytes()).unwrap()
}

fn ip(addr: Addr) -> IpAddr {
    match addr.as_v4() {
        Some(v4) => IpAddr::from(v4),
        None => IpAddr::from(addr.octets()),
    }
}

impl World {
    fn new(layout: Layout, ignoreip: &[&str]) -> Self {
        let mut world = Self::over(FakeKernel::new(), Instant::from_millis(1_000_000), layout, ignoreip);
        world.turn();
        assert_eq!(world.take_events(), [Event::Ready]);
        world
    }

    fn ready() -> Self {
        Self::new(Layout::plain("edgeban"), &["10.9.0.0/16", "2001:db8:9::1"])
    }

    fn over(mut kernel: FakeKernel, now: Instant, layout: Layout, ignoreip: &[&str]) -> Self {
        let memory: &'static mut SmallMemory = Box::leak(Box::new(SmallMemory::new()));
        let engine = Engine::new(memory, vec![jail(ignoreip)].leak(), layout, HashKey(1, 2));
        kernel.set_now(now.as_millis());
        Self { engine, kernel, now, events: Vec::new() }
    }

    /// A new run over the same kernel.
    fn restart(self, layout: Layout, ignoreip: &[&str]) -> Self {
        Self::over(self.kernel, self.now, layout, ignoreip)
    }

    fn step(&mut self, secs: u64) {
        self.now = self.now + Duration::from_secs(secs);
        self.kernel.set_now(self.now.as_millis());
    }

    fn turn(&mut self) {
        turn(&mut self.engine, &mut self.kernel, self.now, |kernel, event| {
            if let Event::PrefixBanned { prefix, .. } = event {
                assert!(kernel.drops(ip(prefix.base())), "{prefix} is announced as banned and gets through");
            }
            self.events.push(event);
        });
    }

    /// Lets time pass until there is nothing to send or to ask.
    fn settle(&mut self) {
        for _ in 0..1000 {
            self.turn();
            let Some(at) = self.engine.link().poll_at(self.engine.bans()) else { return };
            self.now = self.now.max(at) + Duration::from_millis(1);
            self.kernel.set_now(self.now.as_millis());
        }
        panic!("something waits for ever");
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn drops(&self, addr: Addr) -> bool {
        self.kernel.drops(ip(addr))
    }

    fn stops(&self, text: &str) -> bool {
        self.drops(addr(text))
    }

    fn until(&self, secs: u64) -> Option<Instant> {
        Some(self.now + Duration::from_secs(secs))
    }

    fn ban(&mut self, text: &str, secs: u64) -> Result<Option<Prefix>, NotBanned> {
        self.engine.ban_prefix(prefix(text), MANUAL, self.until(secs), false)
    }

    /// How many elements the sets of prefixes hold, beginnings and ends; `None` if there are no such sets.
    fn elements(&self) -> usize {
        let now = self.now.as_millis();
        let sets = ["banned_prefixes_ipv4", "banned_prefixes_ipv6"];
        sets.map(|set| self.kernel.elements("edgeban", set, now).len()).iter().sum()
    }

    fn has_sets(&self) -> bool {
        self.kernel.ruleset().contains("banned_prefixes")
    }

    fn ask(&mut self, request: Request<'_>) -> Response<'static> {
        let bantime = BanTime::For(Duration::from_secs(600));
        match begin(&request, bantime, &mut self.engine, self.now) {
            Step::Answer(response) => response,
            Step::Wait(mut wait) => {
                self.turn();
                let waiting = self.engine.waiting();
                self.take_events().iter().for_each(|event| wait.observe(event, waiting));
                wait.poll(&self.engine, self.now).expect("no answer after a turn")
            }
            step => panic!("{step:?}"),
        }
    }
}

#[test]
fn the_kernel_drops_exactly_the_prefix_until_its_time_is_over() {
    let mut world = World::ready();
    let plain = world.kernel.ruleset();
    assert!(!world.has_sets(), "nothing of prefixes is made before there is one");
    assert_eq!(world.ban("198.51.96.0/20", 60), Ok(None));
    assert_eq!(world.ban("2001:db8:0:100::/56", 120), Ok(None));
    assert_eq!(world.ban("255.0.0.0/8", 120), Ok(None));
    assert_eq!(world.engine.waiting(), 3);
    let commits = world.kernel.commits;
    world.turn();
    assert_eq!(world.kernel.commits, commits + 1, "the sets come with the first prefixes in one batch");
    assert_eq!(world.engine.bans().prefixes().installed(), 3);
    for (inside, outside) in [
        ("198.51.96.0", "198.51.95.255"),
        ("198.51.111.255", "198.51.112.0"),
        ("2001:db8:0:100::", "2001:db8:0:ff:ffff:ffff:ffff:ffff"),
        ("2001:db8:0:1ff:ffff:ffff:ffff:ffff", "2001:db8:0:200::"),
        ("255.255.255.255", "254.255.255.255"),
    ] {
        assert!(world.stops(inside) && !world.stops(outside), "{inside} {outside}");
        assert!(world.engine.is_banned(addr(inside)) && !world.engine.is_banned(addr(outside)));
    }
    assert_eq!(world.elements(), 5, "one has no end");
    let banned = |event: &&Event| matches!(event, Event::PrefixBanned { jail: MANUAL, .. });
    assert_eq!(world.take_events().iter().filter(banned).count(), 3);
    // Another needs no scaffold.
    assert_eq!(world.ban("203.0.113.0/25", 120), Ok(None));
    let (commits, ruleset) = (world.kernel.commits, world.kernel.ruleset());
    world.turn();
    assert_eq!((world.kernel.commits, world.kernel.ruleset()), (commits + 1, ruleset));
    world.take_events();
    world.step(60);
    world.turn();
    assert!(!world.stops("198.51.96.0") && world.stops("203.0.113.5"));
    assert_eq!(world.take_events(), [Event::PrefixUnbanned { prefix: prefix("198.51.96.0/20"), expired: true }]);
    assert!(world.engine.unban_prefix(&prefix("203.0.113.0/25")));
    assert!(!world.engine.unban_prefix(&prefix("203.0.113.0/26")));
    world.turn();
    assert!(!world.stops("203.0.113.5") && world.stops("255.1.1.1"));
    assert_eq!(world.take_events(), [Event::PrefixUnbanned { prefix: prefix("203.0.113.0/25"), expired: false }]);
    assert_eq!(world.engine.unban_all(), 2);
    world.turn();
    assert_eq!(world.elements(), 0);
    assert!(world.has_sets() && world.kernel.ruleset().len() > plain.len(), "the sets stay until the table goes");
    world.engine.delete_table();
    world.turn();
    assert_eq!(world.kernel.ruleset(), "");
}

#[test]
fn prefixes_do_not_overlap() {
    let mut world = World::ready();
    assert_eq!(world.ban("10.1.0.0/16", 60), Ok(None));
    assert_eq!(world.ban("10.2.0.0/16", 600), Ok(None));
    world.turn();
    world.take_events();
    // In a banned one, even for longer; and the same.
    assert_eq!(world.ban("10.1.2.0/24", 6000), Ok(Some(prefix("10.1.0.0/16"))));
    assert_eq!(world.ban("10.1.0.0/16", 50), Ok(Some(prefix("10.1.0.0/16"))));
    assert_eq!(world.engine.waiting(), 0);
    assert_eq!(world.ban("10.1.0.0/16", 90), Ok(None));
    world.turn();
    world.step(60);
    world.turn();
    assert!(world.stops("10.1.2.3"), "it lasts longer now");
    // Over two, one of which lasts longer.
    assert_eq!(world.ban("10.0.0.0/13", 100), Err(NotBanned::Longer(prefix("10.2.0.0/16"))));
    assert_eq!(world.engine.waiting(), 0);
    world.take_events();
    assert_eq!(world.ban("10.0.0.0/13", 1000), Ok(None));
    world.turn();
    assert!(world.stops("10.1.2.3") && world.stops("10.2.2.3") && world.stops("10.3.2.3") && !world.stops("10.8.0.0"));
    assert_eq!((world.elements(), world.engine.bans().prefixes().installed()), (2, 1));
    let until = world.until(1000);
    assert_eq!(
        world.take_events(),
        [
            Event::PrefixUnbanned { prefix: prefix("10.1.0.0/16"), expired: false },
            Event::PrefixUnbanned { prefix: prefix("10.2.0.0/16"), expired: false },
            Event::PrefixBanned { prefix: prefix("10.0.0.0/13"), jail: MANUAL, until },
        ]
    );
}

#[test]
fn the_limit_holds_and_one_batch_carries_as_many() {
    let mut world = World::ready();
    for n in 0..PREFIX_BANS {
        assert_eq!(world.ban(&format!("3001:db8:{n:x}00::/40"), 60), Ok(None));
    }
    assert_eq!(world.ban("10.0.0.0/13", 60), Err(NotBanned::Full));
    assert_eq!(world.engine.counters().refused_full, 1);
    // And a batch full of other bans, all extended.
    for n in 0..BANS {
        let addr = Addr::v6((0x2002_u128 << 112 | n as u128).to_be_bytes());
        assert_eq!(world.engine.ban(addr, 0, world.until(60), false, world.now), Ok(Wanted::New));
    }
    world.turn();
    assert_eq!(world.elements(), 2 * PREFIX_BANS);
    assert!(world.engine.unban_prefix(&prefix("3001:db8::/40")));
    assert_eq!(world.ban("10.0.0.0/13", 60), Err(NotBanned::Full), "until the kernel let go");
    world.turn();
    assert_eq!(world.ban("10.0.0.0/13", 60), Ok(None));
}

#[test]
fn who_is_protected_is_named_and_forced_is_forced() {
    let mut world = World::ready();
    for (text, why, which) in [
        ("10.0.0.0/8", Why::Ignoreip, "10.9.0.0/16"),
        ("10.9.1.0/24", Why::Ignoreip, "10.9.0.0/16"),
        ("2001:db8::/32", Why::Ignoreip, "2001:db8:9::1"),
        ("127.1.0.0/16", Why::Loopback, "127.0.0.0/8"),
        ("::/16", Why::Loopback, "::1"),
    ] {
        assert_eq!(world.ban(text, 60), Err(NotBanned::Protected(why, prefix(which))), "{text}");
        let request = Request::BanPrefix { prefix: prefix(text), time: None, jail: "", force: false };
        let by = prefix(which);
        assert_eq!(world.ask(request), Response::Hindered { by, how: Hindrance::Protected(why) });
    }
    assert!(!world.has_sets());
    let request = Request::BanPrefix { prefix: prefix("10.0.0.0/8"), time: None, jail: "", force: true };
    let left = Some(Duration::from_secs(600));
    assert_eq!(world.ask(request), Response::BannedPrefix { prefix: prefix("10.0.0.0/8"), left, already: false });
    world.kernel.flush_ruleset();
    world.engine.handle_notices_lost();
    world.turn();
    assert!(world.stops("10.9.0.1"), "force means all of it, at every gate");
    // Another run does not know that it was forced, as of single addresses.
    let mut world = world.restart(Layout::plain("edgeban"), &["10.9.0.0/16"]);
    world.turn();
    assert!(!world.stops("10.9.0.1") && world.engine.bans().prefixes().installed() == 0);
}

#[test]
fn requests_are_answered() {
    let mut world = World::ready();
    let whole = prefix("2001:db8:0:100::/56");
    let time = Some(BanTime::For(Duration::from_secs(60)));
    let ban = |prefix, jail| Request::BanPrefix { prefix, time, jail, force: false };
    assert_eq!(world.ask(ban(whole, "nosuch")), Response::Refused(Refusal::NoSuchJail));
    let left = Some(Duration::from_secs(60));
    let banned = |already| Response::BannedPrefix { prefix: whole, left, already };
    assert_eq!(world.ask(ban(whole, "sshd")), banned(false));
    assert_eq!(world.ask(ban(whole, "")), banned(true));
    assert_eq!(world.ask(ban(prefix("2001:db8:0:180::/64"), "")), banned(true));
    let covers = Response::Hindered { by: whole, how: Hindrance::Covers };
    assert_eq!(world.ask(Request::Unban(addr("2001:db8:0:101::5"))), covers);
    assert_eq!(world.ask(Request::Unban(addr("2001:db8:0:201::5"))), Response::Refused(Refusal::NotBanned));
    assert_eq!(world.ask(Request::UnbanPrefix(prefix("2001:db8::/48"))), Response::Refused(Refusal::NotBanned));
    let wide = prefix("2001:db8::/48");
    let request =
        Request::BanPrefix { prefix: wide, time: Some(BanTime::For(Duration::from_secs(9))), jail: "", force: false };
    assert_eq!(world.ask(request), Response::Hindered { by: whole, how: Hindrance::Longer });
    // An address in it may be banned by itself, and outlast it.
    let ban = Request::Ban { addr: addr("2001:db8:0:101::5"), time: Some(BanTime::Permanent), jail: "", force: false };
    assert!(matches!(world.ask(ban), Response::Banned { already: false, .. }));
    assert_eq!(world.ask(Request::UnbanPrefix(whole)), Response::Unbanned { count: 1 });
    assert!(world.stops("2001:db8:0:101::5") && !world.stops("2001:db8:0:101::6"));
    assert_eq!(world.ask(Request::BanPrefix { prefix: whole, time, jail: "", force: false }), banned(false));
    assert_eq!(world.ask(Request::UnbanAll), Response::Unbanned { count: 2 });
    assert_eq!(world.elements(), 0);
}

#[test]
fn a_prefix_of_the_width_that_bans_have_is_such_a_ban() {
    let layout = Layout { widths: Widths { v4: 24, v6: 64 }, ..Layout::plain("edgeban") };
    let mut world = World::new(layout, &[]);
    let ban = |text| Request::BanPrefix { prefix: prefix(text), time: None, jail: "", force: false };
    let left = Some(Duration::from_secs(600));
    let base = addr("2001:db8:5:6::");
    assert_eq!(world.ask(ban("2001:db8:5:6::/64")), Response::Banned { addr: base, left, already: false });
    assert!(!world.has_sets() && world.stops("2001:db8:5:6::7"));
    assert!(world.engine.is_banned(addr("2001:db8:5:6::7")));
    assert_eq!(world.ask(Request::UnbanPrefix(prefix("2001:db8:5:6::/64"))), Response::Unbanned { count: 1 });
    // A longer one is that, and no more.
    assert!(matches!(world.ask(ban("10.0.0.128/25")), Response::BannedPrefix { .. }));
    assert!(world.stops("10.0.0.128") && !world.stops("10.0.0.127"));
    assert!(matches!(world.ask(ban("10.4.0.0/14")), Response::BannedPrefix { .. }));
}

#[test]
fn an_attempt_from_a_banned_prefix_is_of_somebody_banned() {
    let mut world = World::ready();
    assert_eq!(world.ban("198.51.96.0/20", 60), Ok(None));
    world.turn();
    let mut jails = JailSet::NONE;
    jails.insert(0);
    let line = |addr: &str| format!("Nov 24 20:34:47 router sshd[1]: Failed password for root from {addr} port 5 ssh2");
    for addr in ["198.51.96.7", "198.51.95.7"] {
        world.engine.handle_line(jails, line(addr).as_bytes(), world.now, |_, _, _| {});
    }
    assert_eq!(world.engine.counters().already_banned, 1);
    assert_eq!(world.engine.bans().len(), 1);
}

#[test]
fn a_kernel_without_sets_of_ranges_holds_all_other_bans() {
    for message in [11, 17] {
        let mut world = World::ready();
        assert_eq!(world.ban("198.51.96.0/20", 600), Ok(None));
        assert_eq!(world.engine.ban(addr("203.0.113.1"), 0, world.until(600), false, world.now), Ok(Wanted::New));
        world.kernel.inject(Fault::Errno { message, errno: EINVAL });
        world.turn();
        let refused = |event: &Event| matches!(event, Event::ScaffoldRefused { part: Some(Part::Prefixes(_)), .. });
        assert!(world.events.iter().any(refused), "{message}: {:?}", world.events);
        assert!(world.stops("203.0.113.1") && !world.stops("198.51.96.1"));
        assert_eq!(world.engine.waiting(), 1);
        let at = world.engine.poll_at().unwrap();
        assert!(at > world.now, "the next try waits");
        world.settle();
        assert!(world.stops("198.51.96.1") && world.stops("203.0.113.1"));
    }
}

#[test]
fn a_refused_or_lost_batch_is_sent_again_and_nobody_else_waits() {
    for (fault, refused) in [
        (Fault::Errno { message: 1, errno: ENOMEM }, true),
        (Fault::Commit(ENOMEM), true),
        (Fault::NoReply, false),
        (Fault::Overrun { keep: 0 }, false),
    ] {
        let mut world = World::ready();
        assert_eq!(world.ban("10.0.0.0/13", 600), Ok(None));
        world.turn();
        assert_eq!(world.ban("10.64.0.0/13", 600), Ok(None));
        assert!(world.engine.unban_prefix(&prefix("10.0.0.0/13")));
        world.take_events();
        world.kernel.inject(fault);
        assert_eq!(world.engine.ban(addr("203.0.113.1"), 0, world.until(600), false, world.now), Ok(Wanted::New));
        world.turn();
        if refused {
            let error = NetlinkError::new(ENOMEM).unwrap();
            assert!(world.events.contains(&Event::BatchRefused { error, entries: 2 }), "{:?}", world.events);
            assert!(world.stops("203.0.113.1") && world.stops("10.0.0.1") && !world.stops("10.64.0.1"));
        }
        world.settle();
        assert!(!world.stops("10.0.0.1") && world.stops("10.64.0.1") && world.stops("203.0.113.1"));
        let banned = |event: &&Event| matches!(event, Event::PrefixBanned { .. });
        assert_eq!(world.take_events().iter().filter(banned).count(), 1);
    }
}

#[test]
fn what_is_lost_comes_back_and_what_is_released_does_not() {
    let mut world = World::ready();
    assert_eq!(world.ban("10.0.0.0/13", 600), Ok(None));
    assert_eq!(world.ban("2001:db8:0:100::/56", 600), Ok(None));
    assert_eq!(world.ban("10.64.0.0/13", 600), Ok(None));
    world.turn();
    world.kernel.flush_ruleset();
    assert!(world.engine.unban_prefix(&prefix("10.64.0.0/13")));
    world.turn();
    assert!(world.events.contains(&Event::TableLost));
    assert!(world.stops("10.0.0.1") && world.stops("2001:db8:0:100::1") && !world.stops("10.64.0.1"));
    assert_eq!(world.elements(), 4);
    // Elements alone, which an audit finds.
    let [start, end] = [[10, 0, 0, 0, 1], [10, 8, 0, 0, 0]];
    for key in [start, end] {
        world.kernel.replace_element("edgeban", "banned_prefixes_ipv4", &key, None);
    }
    assert!(!world.stops("10.0.0.1"));
    world.engine.handle_notices_lost();
    world.turn();
    assert!(world.stops("10.0.0.1"));
    // An end that is not ours.
    let elem = Elem { timeout: 9_000_000, expires: Some(world.now.as_millis() + 9_000_000) };
    world.kernel.replace_element("edgeban", "banned_prefixes_ipv4", &start, Some(elem));
    world.engine.handle_notices_lost();
    world.turn();
    world.step(600);
    world.turn();
    assert!(!world.stops("10.0.0.1"), "it ended as it was to end");
}

#[test]
fn what_an_earlier_run_left_is_taken_over_without_a_gap() {
    for foreign in [Foreign::Keep, Foreign::Remove] {
        let layout = Layout { foreign, ..Layout::plain("edgeban") };
        let mut world = World::new(layout.clone(), &[]);
        assert_eq!(world.ban("10.0.0.0/13", 600), Ok(None));
        assert_eq!(world.ban("255.0.0.0/8", 600), Ok(None));
        assert_eq!(world.engine.ban_prefix(prefix("2001:db8:0:100::/56"), MANUAL, None, false), Ok(None));
        world.turn();
        world.step(100);
        let mut world = world.restart(layout, &[]);
        world.turn();
        let prefixes = world.engine.bans().prefixes();
        assert_eq!((prefixes.installed(), prefixes.waiting(), world.elements()), (3, 0, 5));
        assert_eq!(prefixes.find(&prefix("10.0.0.0/13")).unwrap().until, world.until(500));
        assert_eq!(prefixes.find(&prefix("2001:db8:0:100::/56")).unwrap().until, None);
        assert!(world.stops("10.0.0.1") && world.stops("255.1.1.1") && world.stops("2001:db8:0:1ff::1"));
        // Somebody adds what is not one prefix.
        let ends = Some(world.now.as_millis() + 900_000);
        for (key, expires) in [([172, 16, 0, 4, 1], ends), ([172, 16, 0, 7, 0], None)] {
            let timeout = if expires.is_some() { 900_000 } else { 0 };
            world.kernel.replace_element("edgeban", "banned_prefixes_ipv4", &key, Some(Elem { timeout, expires }));
        }
        world.engine.handle_notices_lost();
        world.turn();
        let keeps = foreign == Foreign::Keep;
        assert_eq!(world.stops("172.16.0.5"), keeps);
        // And it outlives what is done here.
        assert_eq!(world.ban("192.168.0.0/24", 60), Ok(None));
        world.turn();
        for (text, stopped) in
            [("172.16.0.3", false), ("172.16.0.4", keeps), ("172.16.0.6", keeps), ("172.16.0.7", false)]
        {
            assert_eq!(world.stops(text), stopped, "{text}");
        }
        world.step(900);
        world.turn();
        assert_eq!(world.engine.bans().prefixes().installed(), 1);
        assert!(!world.stops("172.16.0.5") && world.stops("2001:db8:0:1ff::1"));
    }
}

#[test]
fn sets_of_another_layout_are_made_anew_with_their_prefixes() {
    let mut world = World::ready();
    assert_eq!(world.ban("198.51.96.0/20", 600), Ok(None));
    world.turn();
    let layout = Layout { counters: true, widths: Widths { v4: 24, v6: 64 }, ..Layout::plain("edgeban") };
    let mut world = world.restart(layout, &[]);
    world.settle();
    assert!(world.engine.is_ready() && world.stops("198.51.97.1"), "{:?}", world.events);
}

#[derive(Clone, Debug)]
enum Action {
    Ban(usize, u64),
    Unban(usize),
    Step(u64),
    Turn,
    Flush,
    Fault(Fault),
    Look,
}

const SOME: [&str; 8] = [
    "10.0.0.0/8",
    "10.1.0.0/16",
    "10.2.0.0/16",
    "10.1.128.0/17",
    "172.16.0.0/12",
    "2001:db8::/56",
    "2001:db8:0:80::/57",
    "255.0.0.0/8",
];

fn action() -> impl Strategy<Value = Action> {
    let fault = prop_oneof![
        (0usize..20).prop_map(|message| Fault::Errno { message, errno: ENOMEM }),
        Just(Fault::Commit(ENOMEM)),
        Just(Fault::NoReply),
        Just(Fault::Permission),
        Just(Fault::Reorder),
        (0usize..3).prop_map(|keep| Fault::Overrun { keep }),
    ];
    prop_oneof![
        4 => (0..SOME.len(), 1u64..1000).prop_map(|(n, secs)| Action::Ban(n, secs)),
        2 => (0..SOME.len()).prop_map(Action::Unban),
        2 => (0u64..200).prop_map(Action::Step),
        4 => Just(Action::Turn),
        1 => Just(Action::Flush),
        2 => fault.prop_map(Action::Fault),
        1 => Just(Action::Look),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 300 } else { 3000 }))]

    /// In the end the kernel holds what was asked for, and nothing else.
    #[test]
    fn whatever_goes_wrong_the_kernel_holds_it_in_the_end(actions in prop::collection::vec(action(), 0..40)) {
        let mut world = World::new(Layout::plain("edgeban"), &[]);
        let mut wanted: BTreeMap<usize, Instant> = BTreeMap::new();
        for action in actions {
            let now = world.now;
            wanted.retain(|_, until| *until > now);
            match action {
                Action::Ban(n, secs) => {
                    // What is over is taken out first, as every turn does.
                    world.engine.expire(now);
                    let until = now + Duration::from_secs(secs);
                    match world.engine.ban_prefix(prefix(SOME[n]), MANUAL, Some(until), false) {
                        Ok(None) => {
                            wanted.retain(|other, _| !prefix(SOME[n]).covers(&prefix(SOME[*other])));
                            wanted.insert(n, until);
                        }
                        Ok(Some(by)) => prop_assert!(wanted.keys().any(|other| prefix(SOME[*other]) == by)),
                        Err(NotBanned::Longer(than)) => {
                            prop_assert!(wanted.iter().any(|(n, end)| prefix(SOME[*n]) == than && *end > until));
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                }
                Action::Unban(n) => {
                    world.engine.unban_prefix(&prefix(SOME[n]));
                    wanted.remove(&n);
                }
                Action::Step(secs) => world.step(secs),
                Action::Turn => world.turn(),
                Action::Flush => {
                    world.kernel.flush_ruleset();
                    world.engine.handle_notices_lost();
                }
                Action::Fault(fault) => world.kernel.inject(fault),
                Action::Look => world.engine.handle_notices_lost(),
            }
        }
        world.settle();
        world.engine.handle_notices_lost();
        world.settle();
        let now = world.now;
        wanted.retain(|_, until| *until > now);
        let mut held = Vec::new();
        for (n, text) in SOME.iter().enumerate() {
            if let Some(ban) = world.engine.bans().prefixes().find(&prefix(text)) {
                held.push((n, ban.until.unwrap()));
            }
            let expected = wanted.keys().any(|other| prefix(SOME[*other]).contains(prefix(text).base()));
            prop_assert_eq!(world.drops(prefix(text).base()), expected, "{}", text);
        }
        prop_assert_eq!(held, wanted.into_iter().collect::<Vec<_>>());
    }
}
