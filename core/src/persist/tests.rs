//! What an engine writes down, another one takes in: all of it if nothing is lost, and else nothing that is not so.

use super::clock::SET;
use super::load::Useless;
use super::record::{Boot, Place};
use super::*;
use crate::addr::{Addr, Prefix, Widths};
use crate::ban::MANUAL;
use crate::config::model::Config;
use crate::engine::{Engine, JailSet, Memory};
use crate::firewall::nft::Layout;
use crate::persist::snapshot::change;
use crate::source::tail::FileKey;
use crate::table::HashKey;
use crate::time::{Duration, Instant};
use proptest::prelude::*;
use std::boxed::Box;
use std::collections::BTreeMap;
use std::format;
use std::string::String;
use std::vec;
use std::vec::Vec;

type Small = Engine<'static, 64, 128, 64, 128>;

/// The boot that all begins in.
const BOOT: Boot = [7; 16];

const CONFIG: &str = "\
[defaults]
maxretry = 2
bantime = '1h'
[jails.a]
filter = 'sshd'
bantime_increment = true
[jails.b]
filter = 'sshd'
bantime = 'permanent'
ignoreip = ['192.0.2.9']
";

fn engine(config: &str) -> Small {
    engine_with(config, Widths::FULL)
}

fn engine_with(config: &str, widths: Widths) -> Small {
    let mut model = Box::new(Config::EMPTY);
    let mut errors: Vec<String> = Vec::new();
    let result = crate::config::read(config.as_bytes(), &mut Box::default(), &mut model, &mut |error| {
        errors.push(format!("{}:{}: {error}", error.line, error.column));
    });
    assert_eq!((result, errors), (Ok(()), Vec::new()));
    let memory = Box::leak(Box::new(const { Memory::new() }));
    let layout = Layout { widths, ..Layout::plain("edgeban") };
    Engine::new(memory, &model.jails, layout, HashKey(1, 2))
}

fn v4(n: u8) -> Addr {
    Addr::v4([192, 0, 2, n])
}

/// A machine: its clocks go on whatever runs on it.
#[derive(Clone, Copy)]
struct Machine {
    boot: Boot,
    wall: i64,
    ms: u64,
}

impl Machine {
    const NEW: Self = Self { boot: BOOT, wall: SET + 1000, ms: 50_000 };

    fn now(&self) -> Instant {
        Instant::from_millis(self.ms)
    }

    fn clock(&self) -> Clock {
        Clock::new(self.wall, self.now())
    }

    fn after(self, secs: u32) -> Self {
        Self { wall: self.wall + i64::from(secs), ms: self.ms + u64::from(secs) * 1000, ..self }
    }

    /// It was off for so long.
    fn rebooted(self, secs: u32) -> Self {
        Self { boot: [8; 16], wall: self.wall + i64::from(secs), ms: 9_000 }
    }
}

/// Somebody fails at the service of jail `number`.
fn fail(engine: &mut Small, number: u8, n: u8, machine: &Machine) {
    fail_from(engine, number, v4(n), machine);
}

fn fail_from(engine: &mut Small, number: u8, addr: Addr, machine: &Machine) {
    let line = format!("Nov 24 20:34:47 router sshd[4711]: Failed password for root from {addr} port 1 ssh2");
    let mut jails = JailSet::NONE;
    jails.insert(number);
    engine.handle_line(jails, line.as_bytes(), machine.now(), |_, _, _| {});
}

/// Writes everything, as into a new file.
fn snapshot(engine: &mut Small, machine: &Machine, closing: bool) -> Vec<u8> {
    engine.changes_mut().clear();
    let mut snapshot = Snapshot::new(machine.boot, machine.clock(), machine.now(), closing);
    std::iter::from_fn(|| snapshot.next(engine)).flat_map(|record| record.emit()).collect()
}

/// Appends what happened.
fn append(engine: &mut Small, machine: &Machine, header: &Clock, file: &mut Vec<u8>) {
    assert!(!engine.changes().wants_renewal());
    file.extend(Record::Time(machine.clock()).emit());
    while let Some(changed) = engine.changes_mut().pop() {
        for record in change(engine, header, changed, machine.now()).into_iter().flatten() {
            file.extend(record.emit());
        }
    }
}

fn load(file: &[u8], config: &str, machine: &Machine) -> Result<(Small, Loader), Useless> {
    load_into(file, engine(config), machine)
}

fn load_into(file: &[u8], mut engine: Small, machine: &Machine) -> Result<(Small, Loader), Useless> {
    let mut loader = Loader::new();
    let records = || file.chunks_exact(LEN).map(|bytes| bytes.try_into().unwrap());
    records().for_each(|record| loader.scan(record));
    loader.begin(&machine.boot, machine.clock())?;
    records().for_each(|record| assert_eq!(loader.apply(record, &mut engine, machine.now()), None));
    Ok((engine, loader))
}

/// Who is banned by whom, and for how many seconds yet.
fn bans(engine: &Small, machine: &Machine) -> BTreeMap<String, (u8, Option<u64>)> {
    let all = (0..engine.bans().places()).filter_map(|place| engine.bans().at(place));
    all.filter(|(_, ban)| !ban.is_leaving())
        .map(|(addr, ban)| {
            let left = ban.until.map(|until| until.since(machine.now()).as_secs());
            (format!("{addr}"), (ban.jail, left))
        })
        .collect()
}

/// How often each address was banned by which jail, when last, and until when, in seconds before now.
fn pasts(engine: &Small, machine: &Machine) -> BTreeMap<(String, u8), (u16, Vec<i32>, i32)> {
    let now = crate::time::Moment::from(machine.now()).as_secs();
    let all = (0..engine.history().places()).filter_map(|place| engine.history().entry(place));
    all.map(|(addr, jail, past)| {
        let times = past.times().iter().map(|time| now - time.as_secs()).collect();
        ((format!("{addr}"), jail), (past.count, times, now - past.until.as_secs()))
    })
    .collect()
}

/// An engine with bans of all kinds.
fn busy(machine: &Machine) -> Small {
    let mut engine = engine(CONFIG);
    for n in [1, 1, 2, 2, 3] {
        fail(&mut engine, 0, n, machine);
    }
    for n in [4, 4, 5] {
        fail(&mut engine, 1, n, machine);
    }
    assert!(engine.ban(v4(6), MANUAL, Some(machine.now() + Duration::from_secs(60)), false, machine.now()).is_ok());
    assert!(engine.ban(v4(9), MANUAL, None, true, machine.now()).is_ok());
    let prefix = Prefix::parse(b"2001:db8::/32").unwrap();
    assert_eq!(engine.ban_prefix(prefix, MANUAL, Some(machine.now() + Duration::from_secs(500)), false), Ok(None));
    engine
}

#[test]
fn a_restart_loses_nothing() {
    let before = Machine::NEW;
    let mut engine = busy(&before);
    let file = snapshot(&mut engine, &before, true);
    let after = before.after(30);
    let (loaded, loader) = load(&file, CONFIG, &after).unwrap();
    assert_eq!(bans(&loaded, &after), bans(&engine, &after));
    assert_eq!(bans(&loaded, &after).len(), 5);
    assert_eq!(pasts(&loaded, &after), pasts(&engine, &after));
    assert_eq!(pasts(&loaded, &after).len(), 5);
    let prefix = loaded.bans().prefixes().at(0).unwrap();
    assert_eq!((prefix.until.unwrap().since(after.now()).as_secs(), prefix.jail), (470, MANUAL));
    assert_eq!(loader.report(), load::Report::default());
    assert_eq!(loader.age(), Some(Duration::from_secs(30)));
    // One attempt each was on record.
    let mut loaded = loaded;
    assert_eq!(loaded.attempts().len(), 2);
    fail(&mut loaded, 0, 3, &after);
    assert_eq!(bans(&loaded, &after)["192.0.2.3"], (0, Some(3600)));
    assert_eq!(loaded.bans().waiting(), 6, "to be sent if the kernel does not hold them");
}

#[test]
fn in_the_same_boot_no_clock_matters() {
    let before = Machine::NEW;
    let mut engine = busy(&before);
    let file = snapshot(&mut engine, &before, false);
    for wall in [0, SET - 5, i64::MAX / 2] {
        let after = Machine { wall, ..before.after(61) };
        let (loaded, loader) = load(&file, CONFIG, &after).unwrap();
        assert_eq!(
            bans(&loaded, &after),
            bans(&engine, &after).into_iter().filter(|(who, _)| who != "192.0.2.6").collect()
        );
        assert_eq!(pasts(&loaded, &after), pasts(&engine, &after));
        assert_eq!(loader.age(), Some(Duration::from_secs(61)));
        assert_eq!(loaded.attempts().len(), 0, "they are kept only when all is written");
    }
}

#[test]
fn after_a_reboot_the_time_off_counts_if_the_clock_is_set() {
    let before = Machine::NEW;
    let mut engine = busy(&before);
    let file = snapshot(&mut engine, &before, true);
    let after = before.rebooted(600);
    let (loaded, loader) = load(&file, CONFIG, &after).unwrap();
    let left = bans(&loaded, &after);
    assert_eq!((left["192.0.2.1"], left["192.0.2.4"], left.get("192.0.2.6")), ((0, Some(3000)), (1, None), None));
    assert_eq!(pasts(&loaded, &after), pasts(&engine, &before.after(600)));
    assert_eq!((loader.age(), loaded.attempts().len()), (Some(Duration::from_secs(600)), 0));
    assert!(loaded.bans().prefixes().at(0).is_none());
    let soon = before.rebooted(100);
    let (mut loaded, _) = load(&file, CONFIG, &soon).unwrap();
    assert_eq!(loaded.attempts().len(), 2);
    fail(&mut loaded, 0, 3, &soon);
    assert_eq!(bans(&loaded, &soon)["192.0.2.3"], (0, Some(3600)));
}

/// A router begins in 1970, or in the year in which its system was built.
#[test]
fn where_no_clock_was_set_bans_last_as_long_as_they_had_to_go() {
    let before = Machine::NEW;
    let mut engine = busy(&before);
    let mut file = snapshot(&mut engine, &before, true);
    // 20 s later there was one more.
    let later = before.after(20);
    for _ in 0..2 {
        fail(&mut engine, 0, 7, &later);
    }
    append(&mut engine, &later, &before.clock(), &mut file);
    for wall in [5, SET - 1000, before.wall - 5] {
        let after = Machine { wall, ..later.rebooted(0) };
        let (loaded, loader) = load(&file, CONFIG, &after).unwrap();
        assert_eq!(bans(&loaded, &after), bans(&engine, &later));
        assert_eq!(pasts(&loaded, &after), pasts(&engine, &later));
        assert_eq!((loader.age(), loaded.attempts().len()), (None, 0), "nobody knows how long ago these were");
        // That is written with a clock that is not set, and says as little to the next boot, even where its clock is.
        let mut loaded = loaded;
        let again = after.after(30);
        let file = snapshot(&mut loaded, &again, false);
        if wall < SET {
            let next = Machine { boot: [9; 16], wall: before.wall + 1_000_000, ms: 3_000 };
            let (next_loaded, loader) = load(&file, CONFIG, &next).unwrap();
            assert_eq!(bans(&next_loaded, &next), bans(&loaded, &again));
            assert_eq!(loader.age(), None);
        }
    }
}

#[test]
fn what_the_configuration_has_no_more_is_not_taken_in() {
    let before = Machine::NEW;
    let mut engine = busy(&before);
    assert!(engine.ban(v4(20), 1, None, false, before.now()).is_ok());
    let file = snapshot(&mut engine, &before, false);
    // Jail a is gone, b has another number, and ignores two more.
    let config =
        "[jails.c]\nfilter = 'sshd'\n[jails.b]\nfilter = 'sshd'\nignoreip = ['192.0.2.4', '192.0.2.6', '192.0.2.9']\n";
    let (loaded, loader) = load(&file, config, &before).unwrap();
    let got: Vec<_> = bans(&loaded, &before).into_iter().collect();
    assert_eq!(got, [("192.0.2.20".into(), (1, None)), ("192.0.2.9".into(), (MANUAL, None))], "forced is forced");
    let report = loader.report();
    assert_eq!((report.jailless, report.protected, report.damaged), (2, 2, 0));
    assert_eq!(loaded.bans().leaving(), 2, "the kernel may hold those of jail a");
    let names: Vec<_> = pasts(&loaded, &before).into_keys().collect();
    let want = [("192.0.2.20", 1), ("192.0.2.4", 1), ("192.0.2.6", MANUAL), ("192.0.2.9", MANUAL)];
    assert_eq!(names, want.map(|(addr, jail)| (addr.into(), jail)));
    let (loaded, _) = load(&file, config, &before.rebooted(1)).unwrap();
    assert_eq!(loaded.bans().leaving(), 0, "it was off");
    let disabled = CONFIG.replace("[jails.a]", "[jails.a]\nenabled = false");
    let (_, loader) = load(&file, &disabled, &before).unwrap();
    assert_eq!(loader.report().jailless, 2);
}

/// Who was banned with others in a prefix is not banned alone; who was alone may be with others.
#[test]
fn prefixes_of_another_length_are_not_what_they_were() {
    let machine = Machine::NEW;
    let mut engine = engine_with(CONFIG, Widths { v4: 24, v6: 128 });
    for n in [1, 2] {
        fail(&mut engine, 0, n, &machine);
    }
    assert!(engine.ban(Addr::parse(b"2001:db8::1").unwrap(), MANUAL, None, false, machine.now()).is_ok());
    fail_from(&mut engine, 0, Addr::v4([198, 51, 100, 1]), &machine);
    let file = snapshot(&mut engine, &machine, true);
    for (widths, want) in [
        (Widths { v4: 24, v6: 64 }, vec!["192.0.2.0", "2001:db8::"]),
        (Widths { v4: 16, v6: 128 }, vec!["192.0.0.0", "2001:db8::1"]),
        (Widths::FULL, vec!["2001:db8::1"]),
    ] {
        let (loaded, _) = load_into(&file, engine_with(CONFIG, widths), &machine).unwrap();
        assert_eq!(bans(&loaded, &machine).into_keys().collect::<Vec<_>>(), want);
        assert_eq!(pasts(&loaded, &machine).len(), want.len());
        assert_eq!(loaded.attempts().len(), u32::from(widths.v4 == 24));
    }
}

#[test]
fn a_full_table_takes_what_fits() {
    let machine = Machine::NEW;
    let mut engine = engine(CONFIG);
    for n in 0..64 {
        assert!(engine.ban(v4(n), 0, None, false, machine.now()).is_ok());
    }
    let mut file = snapshot(&mut engine, &machine, false);
    for n in 64..70 {
        file.extend(Record::Ban { addr: v4(n), jail: 0, forced: false, until: None }.emit());
    }
    let (loaded, loader) = load(&file, CONFIG, &machine).unwrap();
    assert_eq!((loaded.bans().len(), loader.report().full), (64, 6));
}

#[test]
fn an_extended_ban_is_that_of_the_last_record() {
    let before = Machine::NEW;
    let mut engine = busy(&before);
    let mut file = snapshot(&mut engine, &before, false);
    assert!(engine.ban(v4(1), MANUAL, Some(before.now() + Duration::from_secs(9000)), false, before.now()).is_ok());
    append(&mut engine, &before, &before.clock(), &mut file);
    let (loaded, _) = load(&file, CONFIG, &before).unwrap();
    assert_eq!(bans(&loaded, &before), bans(&engine, &before));
    assert_eq!(bans(&loaded, &before)["192.0.2.1"], (MANUAL, Some(9000)));
}

#[test]
fn a_file_of_another_kind_is_of_no_use() {
    let machine = Machine::NEW;
    let mut engine = busy(&machine);
    let file = snapshot(&mut engine, &machine, false);
    let mut other = file.clone();
    other[8] = 2;
    assert_eq!(load(&other, CONFIG, &machine).err(), Some(Useless::NoHeader), "damaged");
    let next_version = {
        let header = Record::Header { boot: BOOT, clock: machine.clock(), widths: Widths::FULL }.emit();
        let mut bytes = header;
        bytes[8] = 2;
        let sum = super::record::tests::bitwise(&bytes[..60]);
        bytes[60..].copy_from_slice(&sum.to_be_bytes());
        bytes
    };
    assert_eq!(load(&[&next_version[..], &file].concat(), CONFIG, &machine).err(), Some(Useless::Version));
    for file in [&b""[..], b"[defaults]\n", &[0; 640], &file[64..]] {
        assert_eq!(load(file, CONFIG, &machine).err(), Some(Useless::NoHeader));
    }
}

#[test]
fn damage_is_told_from_an_end_that_was_never_written() {
    let machine = Machine::NEW;
    let mut engine = busy(&machine);
    let file = snapshot(&mut engine, &machine, false);
    let mut torn = file.clone();
    torn.extend([0; 200]);
    let (loaded, loader) = load(&torn, CONFIG, &machine).unwrap();
    assert_eq!((loader.report().damaged, loaded.bans().len()), (0, 5));
    let mut damaged = torn.clone();
    damaged[3 * LEN + 5] ^= 1;
    damaged[4 * LEN + 5] ^= 1;
    let (loaded, loader) = load(&damaged, CONFIG, &machine).unwrap();
    let report = loader.report();
    assert_eq!((report.damaged, report.damaged_at), (2, 192));
    assert_eq!(loaded.bans().len(), 3);
    let place = Place { path: 1, key: FileKey { dev: 1, ino: 2 }, offset: 3, kept: 4, anchor: 5 };
    let mut loader = Loader::new();
    assert_eq!(loader.apply(&Record::File(place).emit(), &mut engine, machine.now()), Some(place));
}

/// A ban that was lifted must not come back, so lifting is never appended.
#[test]
fn what_is_lifted_asks_for_a_new_file() {
    let machine = Machine::NEW;
    let lifts: [fn(&mut Small); 3] = [
        |engine| assert!(engine.unban(v4(1))),
        |engine| assert_eq!(engine.unban_all(), 5),
        |engine| assert!(engine.unban_prefix(&Prefix::parse(b"2001:db8::/32").unwrap())),
    ];
    for (lift, left) in lifts.into_iter().zip([4, 0, 5]) {
        let mut engine = busy(&machine);
        let _ = snapshot(&mut engine, &machine, false);
        lift(&mut engine);
        assert!(engine.changes().has_lifted() && engine.changes().wants_renewal());
        let file = snapshot(&mut engine, &machine, false);
        let (loaded, _) = load(&file, CONFIG, &machine).unwrap();
        assert_eq!(bans(&loaded, &machine).len(), left);
    }
}

/// What somebody does to an engine, and when it is written.
#[derive(Clone, Debug)]
enum Act {
    Fail(u8, u8),
    Ban(u8, u8, Option<u32>),
    Unban(u8),
    Wait(u32),
    Write,
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0u8..2, 0u8..8).prop_map(|(jail, n)| Act::Fail(jail, n)),
        2 => (0u8..3, 0u8..8, prop::option::of(1u32..5000)).prop_map(|(jail, n, secs)| Act::Ban(jail, n, secs)),
        1 => (0u8..8).prop_map(Act::Unban),
        2 => (0u32..2000).prop_map(Act::Wait),
        2 => Just(Act::Write),
    ]
}

/// Every ban that was ever decided since the file was made, with its end, and what the address was at the time of writing.
type Ever = Vec<(String, u8, Option<u64>)>;

/// Runs, writes as the daemon would, and returns the engine, the file and all bans that it may tell of.
fn run(acts: &[Act]) -> (Small, Machine, Vec<u8>, Ever) {
    let mut machine = Machine::NEW;
    let mut engine = engine(CONFIG);
    let (mut file, mut header) = (snapshot(&mut engine, &machine, false), machine.clock());
    let mut ever = Ever::new();
    let note = |engine: &Small, ever: &mut Ever| {
        for place in 0..engine.bans().places() {
            if let Some((addr, ban)) = engine.bans().at(place).filter(|(_, ban)| !ban.is_leaving()) {
                let ban = (format!("{addr}"), ban.jail, ban.until.map(|until| until.as_millis().div_ceil(1000)));
                if !ever.contains(&ban) {
                    ever.push(ban);
                }
            }
        }
    };
    for act in acts {
        match *act {
            Act::Fail(jail, n) => fail(&mut engine, jail, n, &machine),
            Act::Ban(jail, n, secs) => {
                let until = secs.map(|secs| machine.now() + Duration::from_secs(secs.into()));
                let jail = if jail == 2 { MANUAL } else { jail };
                let _ = engine.ban(v4(n), jail, until, false, machine.now());
            }
            Act::Unban(n) => {
                engine.unban(v4(n));
            }
            Act::Wait(secs) => {
                machine = machine.after(secs);
                engine.expire(machine.now());
            }
            Act::Write if engine.changes().wants_renewal() => {
                (file, header) = (snapshot(&mut engine, &machine, false), machine.clock());
                ever.clear();
            }
            Act::Write => append(&mut engine, &machine, &header, &mut file),
        }
        note(&engine, &mut ever);
    }
    if engine.changes().wants_renewal() {
        file = snapshot(&mut engine, &machine, false);
        ever.clear();
        note(&engine, &mut ever);
    } else {
        append(&mut engine, &machine, &header, &mut file);
    }
    (engine, machine, file, ever)
}

/// Everything that is banned after reading is something that was decided, by that jail and until then.
fn check_true(loaded: &Small, ever: &Ever) -> Result<(), TestCaseError> {
    for place in 0..loaded.bans().places() {
        if let Some((addr, ban)) = loaded.bans().at(place) {
            let ban = (format!("{addr}"), ban.jail, ban.until.map(|until| until.as_millis().div_ceil(1000)));
            prop_assert!(ever.contains(&ban), "{ban:?} is none of {ever:?}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_whole_file_is_the_whole_truth(acts in prop::collection::vec(act(), 0..60), secs in 0u32..5000) {
        let (mut engine, machine, file, ever) = run(&acts);
        let after = machine.after(secs);
        let (loaded, loader) = load(&file, CONFIG, &after).unwrap();
        engine.expire(after.now());
        prop_assert_eq!(bans(&loaded, &after), bans(&engine, &after));
        prop_assert_eq!(loader.report().damaged, 0);
        check_true(&loaded, &ever)?;
        let mut known = pasts(&engine, &after);
        known.retain(|(addr, jail), _| {
            engine.past(Addr::parse(addr.as_bytes()).unwrap(), *jail, after.now()).is_some()
        });
        prop_assert_eq!(pasts(&loaded, &after), known);
    }

    #[test]
    fn a_part_of_a_file_is_a_part_of_the_truth(acts in prop::collection::vec(act(), 0..60), cut: prop::sample::Index) {
        let (_, machine, file, ever) = run(&acts);
        let file = &file[..cut.index(file.len() + 1)];
        match load(file, CONFIG, &machine) {
            Ok((loaded, loader)) => {
                check_true(&loaded, &ever)?;
                prop_assert_eq!(loader.report().damaged, 0);
            }
            Err(useless) => prop_assert!(useless == Useless::NoHeader && file.len() < LEN),
        }
    }

    #[test]
    fn a_damaged_file_tells_nothing_that_is_not_so(
        acts in prop::collection::vec(act(), 0..60),
        bits in prop::collection::vec(any::<prop::sample::Index>(), 1..20),
        zeros in any::<prop::sample::Index>(),
        len in 0usize..1000,
    ) {
        let (_, machine, mut file, ever) = run(&acts);
        for bit in bits {
            let bit = bit.index(file.len() * 8);
            file[bit / 8] ^= 1 << (bit % 8);
        }
        let from = zeros.index(file.len());
        file.iter_mut().skip(from).take(len).for_each(|byte| *byte = 0);
        if let Ok((loaded, _)) = load(&file, CONFIG, &machine) {
            check_true(&loaded, &ever)?;
        }
    }

    #[test]
    fn any_records_end_well(records in prop::collection::vec(record::tests::record(), 0..50), wall: i64, ms in 0u64..1 << 40) {
        let machine = Machine { boot: BOOT, wall, ms };
        let header = Record::Header { boot: BOOT, clock: Clock::new(SET, Instant::ZERO), widths: Widths::FULL };
        let mut engine = engine(CONFIG);
        let mut loader = Loader::new();
        let all = || [header.clone()].into_iter().chain(records.iter().cloned()).map(|record| record.emit());
        all().for_each(|record| loader.scan(&record));
        prop_assert_eq!(loader.begin(&machine.boot, machine.clock()), Ok(()));
        all().for_each(|record| {
            loader.apply(&record, &mut engine, machine.now());
        });
        engine.expire(machine.now());
        let _ = snapshot(&mut engine, &machine, true);
    }
}
