//! Errors of nf_tables on the real kernel: each has its event, its counter, and an end that is right.

use edgeban_core::addr::Addr;
use edgeban_core::ban::Wanted;
use edgeban_core::engine::{Engine, Memory};
use edgeban_core::event::Event;
use edgeban_core::firewall::nft::{DATAGRAM, Layout, SET_SIZE};
use edgeban_core::table::HashKey;
use edgeban_core::time::{Duration, Instant};
use edgeban_core::wire::reply::NetlinkError;
use edgeban_tests::lab::{Lab, LogFile, eventually, numbered};
use edgeban_tests::netlink::{Netfilter, enter_new_namespace, nft};
use serde_json::Value;
use std::io::Write as _;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time;

type SmallMemory = Memory<16, 32, 4096, 8192>;

/// The engine on a real socket in a new namespace, with a clock of its own.
struct Real {
    engine: Engine<'static, 16, 32, 4096, 8192>,
    netfilter: Netfilter,
    now: Instant,
    events: Vec<Event>,
}

impl Real {
    fn new() -> Self {
        enter_new_namespace();
        let memory: &'static mut SmallMemory = Box::leak(Box::new(SmallMemory::new()));
        let engine = Engine::new(memory, &[], Layout::plain("edgeban"), HashKey(1, 2));
        let now = Instant::from_millis(1_000_000);
        let mut real = Self { engine, netfilter: Netfilter::open(true), now, events: Vec::new() };
        real.turn();
        assert_eq!(real.take_events(), [Event::Ready]);
        real
    }

    fn turn(&mut self) {
        let mut out = vec![0; DATAGRAM];
        while let Some(len) = self.engine.poll_transmit(self.now, &mut out) {
            let (answers, lost) = self.netfilter.send_and_lose(&out[..len], time::Duration::from_millis(1));
            for answer in answers {
                self.engine.handle_datagram(&answer, self.now);
            }
            if lost {
                self.engine.handle_loss(self.now);
            }
            self.events.extend(std::iter::from_fn(|| self.engine.poll_event()));
        }
    }

    /// Lets its time pass until nothing waits.
    fn settle(&mut self) {
        for _ in 0..100 {
            self.turn();
            if self.engine.bans().waiting() == 0 && !self.engine.awaits_answer() {
                return;
            }
            self.now = self.engine.poll_at().unwrap().max(self.now + Duration::from_millis(1));
        }
        panic!("something waits for ever: {:?}", self.events);
    }

    fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn ban(&mut self, n: u32) {
        let until = Some(self.now + Duration::from_secs(3600));
        assert_eq!(self.engine.ban(attacker(n), 0, until, false, self.now), Ok(Wanted::New));
    }
}

fn attacker(n: u32) -> Addr {
    Addr::v4((0xc612_0000 + n).to_be_bytes())
}

fn held() -> usize {
    let json: Value = serde_json::from_str(&nft(&["-j", "list", "set", "inet", "edgeban", "banned_ipv4"], "")).unwrap();
    json["nftables"][1]["set"]["elem"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_set_that_others_filled_is_said_and_the_ban_is_made_once_there_is_room() {
    let mut real = Real::new();
    let size = SET_SIZE;
    let elements: Vec<String> = (0..size).map(|n| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255)).collect();
    let _ = nft(&["-f", "-"], &format!("add element inet edgeban banned_ipv4 {{ {} }}", elements.join(",")));
    for n in 0..3 {
        real.ban(n);
    }
    real.turn();
    let error = NetlinkError::ENFILE;
    let events = real.take_events();
    assert_eq!(events.first(), Some(&Event::BatchRefused { error, entries: 3 }), "{events:?}");
    assert_eq!(events.last(), Some(&Event::BatchRefused { error, entries: 1 }), "then alone, and later again");
    assert_eq!(real.engine.link().counters().refused, u64::try_from(events.len()).unwrap());
    assert!(!events.iter().any(|event| matches!(event, Event::Banned { .. })));
    // The audit that found the others' elements kept as many of them as there was room for.
    let installed = |real: &Real| (0..3).filter(|n| real.engine.bans().is_installed(attacker(*n))).count();
    assert_eq!((installed(&real), real.engine.bans().waiting()), (0, 3), "nobody is called banned");
    assert_eq!(real.engine.link().counters().unadopted, u64::from(size) - 4093);
    let _ = nft(&["flush set inet edgeban banned_ipv4"], "");
    real.settle();
    assert_eq!((installed(&real), held()), (3, 4096));
    let banned = real.take_events().iter().filter(|event| matches!(event, Event::Banned { .. })).count();
    assert_eq!(banned, 3);
}

#[test]
fn answers_that_find_no_room_in_the_socket_lose_no_ban() {
    let mut real = Real::new();
    real.netfilter.set_receive_buffer(1);
    for n in 0..1000 {
        real.ban(n);
    }
    real.settle();
    assert_eq!((real.engine.bans().installed(), held()), (1000, 1000));
    for n in (0..1000).step_by(2) {
        assert!(real.engine.unban(attacker(n)));
    }
    // 64 removals a batch, each with an answer: nothing of it would ever arrive.
    real.turn();
    let lost = real.engine.link().counters().lost;
    assert!(lost > 0 && real.events.iter().any(|event| matches!(event, Event::AnswerLost { .. })));
    real.netfilter.set_receive_buffer(1 << 20);
    real.settle();
    assert_eq!((real.engine.bans().installed(), held()), (500, 500));
    let announced = |banned| real.events.iter().filter(|event| matches!(event, Event::Banned { .. }) == banned).count();
    assert_eq!(announced(true), 1000, "each once");
}

#[test]
fn others_who_change_the_ruleset_all_the_time_cost_no_ban() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let mut edgeban = lab.start(&format!("[jails.sshd]\nmaxretry = 1\nbantime = \"1h\"\nlogpath = {:?}\n", log.path()));
    lab.nft(&["add table inet other; add set inet other s { type ipv4_addr; }"]).unwrap();
    let done = AtomicBool::new(false);
    let changes = thread::scope(|scope| {
        let changes = scope.spawn(|| {
            let mut changes = 0;
            while !done.load(Ordering::Relaxed) {
                for change in ["add", "delete"] {
                    lab.nft(&[&format!("{change} element inet other s {{ 203.0.113.1 }}")]).unwrap();
                    changes += 1;
                }
            }
            changes
        });
        for n in 0..100 {
            log.failures((n * 50..(n + 1) * 50).map(numbered));
            thread::sleep(time::Duration::from_millis(3));
        }
        lab.wait_for_bans((0..5000).map(numbered));
        done.store(true, Ordering::Relaxed);
        changes.join().unwrap()
    });
    println!("5,000 bans beside {changes} changes of another table");
    assert!(changes > 10 && edgeban.runs());
    let log = edgeban.log();
    assert!(!log.contains("warning") && !log.contains("error"), "{log}");
    assert_eq!(edgeban.stop().bans, 5000);
}

/// Somebody else's process that owns a table as long as it runs.
struct Owner(Child);

impl Owner {
    fn of(lab: &Lab, table: &str) -> Self {
        let mut child = lab.router("nft").arg("-i").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(child.stdin.as_mut().unwrap(), "{table}").unwrap();
        let owner = Self(child);
        eventually("the table has an owner", || lab.nft(&["list", "table", "inet", "edgeban"]).ok());
        owner
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn sets_of(table: &str) -> usize {
    table.matches("add set ").count()
}

#[test]
fn a_table_that_another_process_owns_is_left_to_it() {
    let sets = "add set inet edgeban banned_ipv4 { type ipv4_addr; flags timeout; }; \
                add set inet edgeban banned_ipv6 { type ipv6_addr; flags timeout; }; ";
    let owned = "add table inet edgeban { flags owner; }; ";
    for (table, why) in [
        (owned.to_owned(), "table inet edgeban exists and is not edgeban's"),
        (owned.to_owned() + sets, "the kernel refused table inet edgeban: EPERM (1) at the table"),
    ] {
        let lab = Lab::new();
        let owner = Owner::of(&lab, &table);
        let show = || lab.nft(&["list", "table", "inet", "edgeban"]).unwrap();
        let before =
            eventually("it is complete", || Some(show()).filter(|it| it.matches("set ").count() == sets_of(&table)));
        for protect in [false, true] {
            let config = lab.config(&format!("[global]\nprotect_table = {protect}\n"));
            let output = lab.edgeban(&["run", "--config", &config]).output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(3), "{said}");
            assert!(said.contains(why), "{said}");
            assert!(said.contains("must not be another program's") || said.contains("set another name"), "{said}");
        }
        assert_eq!(show(), before);
        drop(owner);
    }
}
