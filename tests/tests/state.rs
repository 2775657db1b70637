//! What survives: kills at any moment, reboots, damage, and directories that cannot be written.

use edgeban_core::persist::record::Boot;
use edgeban_core::persist::{Clock, LEN, Record};
use edgeban_tests::lab::{ATTACKERS_V4, Edgeban, Lab, LogFile, eventually, failure, numbered, text};
use std::collections::BTreeSet;
use std::fs;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const A: IpAddr = IpAddr::V4(ATTACKERS_V4[0]);
const B: IpAddr = IpAddr::V4(ATTACKERS_V4[1]);
const C: IpAddr = IpAddr::V4(ATTACKERS_V4[2]);

/// A configuration with one jail that bans at the first attempt, for so long.
fn config(lab: &Lab, log: &LogFile, global: &str, bantime: &str) -> String {
    lab.config(&format!(
        "[global]\n{global}\n[jails.sshd]\nmaxretry = 1\nbantime = \"{bantime}\"\nlogpath = {:?}\n",
        log.name()
    ))
}

fn state(lab: &Lab) -> PathBuf {
    lab.inside("/var/lib/edgeban/edgeban.state")
}

/// The records of the state file.
fn records(lab: &Lab) -> Vec<Record> {
    let bytes = fs::read(state(lab)).unwrap_or_default();
    bytes.chunks_exact(LEN).filter_map(|bytes| Record::parse(bytes.try_into().unwrap()).ok()).collect()
}

/// As the kernel is after a reboot: without tables, and with another number.
fn reboot(lab: &Lab) {
    let _ = lab.nft(&["delete", "table", "inet", "edgeban"]);
    text(lab.router("sh").args([
        "-c",
        "cat /proc/sys/kernel/random/uuid >/run/boot_id && umount /proc/sys/kernel/random/boot_id 2>/dev/null; \
         mount --bind /run/boot_id /proc/sys/kernel/random/boot_id",
    ]))
    .unwrap();
}

/// Who was announced, as far as a daemon's log says.
fn announced(log: &str) -> BTreeSet<IpAddr> {
    let whole = log.rfind('\n').map_or("", |end| &log[..end]);
    let words = whole.lines().filter_map(|line| line.strip_prefix("edgeban: info: banned "));
    // Prefixes are none.
    words.filter_map(|rest| rest.split(' ').next().unwrap().parse().ok()).collect()
}

/// A number that nobody chose.
fn random(below: u64) -> u64 {
    let mut bytes = [0; 8];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom").unwrap(), &mut bytes).unwrap();
    u64::from_le_bytes(bytes) % below
}

/// Addresses that fail one after the other until nobody wants that any more.
fn attack(path: &std::path::Path, next: &AtomicU16, on: &AtomicBool) {
    let mut log = LogFile::open(path);
    while on.load(Ordering::Relaxed) {
        let number = next.fetch_add(1, Ordering::Relaxed);
        log.write(failure(numbered(number)));
        thread::sleep(Duration::from_millis(3));
    }
}

/// Runs, is killed at a random moment with bans going on, and runs again, so often. Every other time the machine goes off,
/// too. What it said `grace` before its end must be so ever after.
fn kill_again_and_again(times: u64, sync: &str, most_ms: u64, grace: Duration) {
    let lab = Lab::new();
    let log = LogFile::open(lab.dir().join("auth.log"));
    let config = config(&lab, &log, &format!("state_sync = \"{sync}\""), "1h");
    let next = AtomicU16::new(0);
    let attackers = || -> BTreeSet<IpAddr> { (0..next.load(Ordering::Relaxed)).map(numbered).collect() };
    let mut known = BTreeSet::new();
    for round in 0..times {
        let edgeban = lab.start_file(&config);
        let banned = lab.banned();
        let missing: Vec<_> = known.difference(&banned).collect();
        assert!(missing.is_empty(), "round {round}: {missing:?}");
        let on = AtomicBool::new(true);
        let said = thread::scope(|scope| {
            scope.spawn(|| attack(log.path(), &next, &on));
            thread::sleep(Duration::from_millis(random(most_ms)));
            let before = edgeban.log();
            thread::sleep(grace);
            let all = edgeban.last_words();
            on.store(false, Ordering::Relaxed);
            if grace.is_zero() { all } else { before }
        });
        known.extend(announced(&said));
        assert!(known.is_subset(&attackers()));
        if round % 2 == 0 {
            reboot(&lab);
        }
    }
    let _edgeban = lab.start_file(&config);
    let bans = lab.bans();
    let banned: BTreeSet<_> = bans.keys().copied().collect();
    assert!(known.is_subset(&banned) && banned.is_subset(&attackers()));
    assert!(known.len() > usize::try_from(times).unwrap(), "{} bans in {times} rounds", known.len());
    // Both clocks are read to the second, so each start may move an end by one, either way.
    let odd: Vec<_> =
        bans.values().map(|ban| ban.left).filter(|left| !left.is_some_and(|s| (1..=3603).contains(&s))).collect();
    assert!(odd.is_empty(), "{odd:?}");
}

/// With `state_sync = 0` all that was ever said is so.
#[test]
fn killed_some_hundred_times_it_loses_nothing_that_it_said() {
    kill_again_and_again(200, "0s", 60, Duration::ZERO);
}

/// Else all but what was said within `state_sync`.
#[test]
fn killed_at_any_moment_it_loses_at_most_what_it_may() {
    kill_again_and_again(6, "1s", 1500, Duration::from_millis(1800));
}

#[test]
fn bans_go_on_after_a_reboot_with_the_time_that_is_left() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let config = config(&lab, &log, "state_sync = 0", "1h");
    let edgeban = lab.start_file(&config);
    log.failures([A, B]);
    lab.wait_for_bans([A, B]);
    text(&mut lab.edgeban(&["ban", &C.to_string(), "--for", "30m", "--config", &config])).unwrap();
    text(&mut lab.edgeban(&["ban", "203.0.113.0/24", "--for", "2h", "--config", &config])).unwrap();
    text(&mut lab.edgeban(&["unban", &B.to_string(), "--config", &config])).unwrap();
    eventually("the unban is written", || {
        let gone = |record: &Record| !matches!(record, Record::Ban { addr, .. } if addr.to_string() == B.to_string());
        records(&lab).iter().all(gone).then_some(())
    });
    edgeban.kill();
    reboot(&lab);
    // The machine was off for 10 minutes: as much earlier is all that was written.
    let earlier = records(&lab).into_iter().map(|record| match record {
        Record::Header { boot, clock, widths } => Record::Header { boot, clock: ago(clock), widths },
        Record::Time(clock) => Record::Time(ago(clock)),
        Record::Ban { addr, jail, forced, until } => {
            Record::Ban { addr, jail, forced, until: until.map(|until| until - 600) }
        }
        Record::Prefix { prefix, jail, forced, until } => {
            Record::Prefix { prefix, jail, forced, until: until.map(|until| until - 600) }
        }
        other => other,
    });
    let bytes: Vec<u8> = earlier.flat_map(|record| record.emit()).collect();
    fs::write(state(&lab), bytes).unwrap();
    let edgeban = lab.start_file(&config);
    let bans = lab.bans();
    assert_eq!(bans.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from([A, C]));
    for (who, secs) in [(A, 3000), (C, 1200)] {
        let left = bans[&who].left.unwrap();
        assert!((secs - 60..=secs).contains(&left), "{who}: {left} s");
    }
    assert!(lab.nft(&["list", "table", "inet", "edgeban"]).unwrap().contains("203.0.113.0/24 timeout 1h"));
    assert_eq!(announced(&edgeban.log()), BTreeSet::new(), "nothing of it is news");
    edgeban.wait_for_log("3 bans go on");
    let status = text(&mut lab.edgeban(&["status", "--config", &config])).unwrap();
    assert!(status.contains("jail sshd, filter sshd, enabled 1, banned 1"), "{status}");
    assert!(status.contains("jail manual, filter , enabled 1, banned 1"), "{status}");
}

fn ago(clock: Clock) -> Clock {
    Clock { wall: clock.wall - 600, ..clock }
}

/// A router without a battery begins in the past.
#[test]
fn where_the_clock_is_not_set_bans_last_as_long_as_they_had_to_go() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let config = config(&lab, &log, "state_sync = 0", "1h");
    let edgeban = lab.start_file(&config);
    log.failure(A);
    lab.wait_for_bans([A]);
    edgeban.kill();
    reboot(&lab);
    // Nobody can set the clock back here, so the file is from the future.
    let later = |clock: Clock| Clock { wall: clock.wall + 1_000_000, ..clock };
    let future = records(&lab).into_iter().map(|record| match record {
        Record::Header { boot, clock, widths } => Record::Header { boot, clock: later(clock), widths },
        Record::Time(clock) => Record::Time(later(clock)),
        Record::Ban { addr, jail, forced, until } => {
            Record::Ban { addr, jail, forced, until: until.map(|until| until + 1_000_000) }
        }
        other => other,
    });
    let bytes: Vec<u8> = future.flat_map(|record| record.emit()).collect();
    fs::write(state(&lab), bytes).unwrap();
    let _edgeban = lab.start_file(&config);
    let left = lab.bans()[&A].left.unwrap();
    assert!((3500..=3600).contains(&left), "{left} s");
}

/// Who was unbanned just before is not banned again, and who was banned by a jail that is gone is let in.
#[test]
fn what_is_over_stays_over() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let other = LogFile::open(lab.dir().join("other.log"));
    let path = lab.config(&format!(
        "[global]\nstate_sync = 0\n[defaults]\nmaxretry = 1\nlogpath = {:?}\n[jails.sshd]\n[jails.gone]\nfilter = \"sshd\"\nlogpath = {:?}\n",
        log.name(),
        other.name()
    ));
    let edgeban = lab.start_file(&path);
    log.failures([A, B]);
    LogFile::open(other.path()).failure(C);
    lab.wait_for_bans([A, B, C]);
    text(&mut lab.edgeban(&["unban", &A.to_string(), "--config", &path])).unwrap();
    thread::sleep(Duration::from_millis(1200));
    edgeban.kill();
    let one = fs::read_to_string(&path).unwrap();
    fs::write(&path, one.split("[jails.gone]").next().unwrap()).unwrap();
    // Without a reboot, the kernel holds them still.
    let edgeban = lab.start_file(&path);
    lab.wait_for_bans([B]);
    edgeban.wait_for_log("not taken in: 1 bans of jails that are gone");
}

#[test]
fn nothing_is_written_when_nothing_changed() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let config = config(&lab, &log, "state_sync = 0", "1h");
    let edgeban = lab.start_file(&config);
    log.write("Nov 24 20:34:47 router sshd[4711]: Server listening on 0.0.0.0 port 22.\n");
    edgeban.wait_for_lines(1);
    assert!(!state(&lab).exists());
    log.failure(A);
    lab.wait_for_bans([A]);
    let status = || {
        let status = text(&mut lab.edgeban(&["status", "--json", "--config", &config])).unwrap();
        let status: serde_json::Value = serde_json::from_str(&status).unwrap();
        (status["state_bytes"].as_u64().unwrap(), status["state_written_today"].as_u64().unwrap())
    };
    let (bytes, written) = eventually("it is written", || Some(status()).filter(|(bytes, _)| *bytes > 0));
    assert_eq!(fs::metadata(state(&lab)).unwrap().len(), bytes);
    for _ in 0..20 {
        log.failure(A);
        log.write("Nov 24 20:34:47 router sshd[4711]: Server listening on 0.0.0.0 port 22.\n");
    }
    edgeban.wait_for_lines(42);
    assert_eq!(status(), (bytes, written));
    log.failure(B);
    let (_, after) = eventually("it is written", || Some(status()).filter(|(now, _)| *now > bytes));
    assert_eq!(after - written, 4 * 64, "the time, the past, the ban, the place in the log");
}

/// Writes a state with the bans of A and B.
fn write_some(lab: &Lab, config: &str, log: &mut LogFile) {
    let edgeban = lab.start_file(config);
    log.failures([A, B]);
    lab.wait_for_bans([A, B]);
    edgeban.stop();
    reboot(lab);
}

#[test]
fn a_damaged_record_is_skipped_and_a_file_of_another_kind_set_aside() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let config = config(&lab, &log, "", "1h");
    write_some(&lab, &config, &mut log);
    let mut bytes = fs::read(state(&lab)).unwrap();
    let place = records(&lab).iter().position(|record| matches!(record, Record::Ban { .. })).unwrap() * LEN;
    bytes[place + 20] ^= 16;
    fs::write(state(&lab), &bytes).unwrap();
    let edgeban = lab.start_file(&config);
    let said = format!("edgeban.state: 1 records are damaged, the first at byte {place}; skipped");
    assert!(edgeban.log().contains(&said), "{}", edgeban.log());
    assert_eq!(lab.banned().len(), 1);
    edgeban.kill();

    for wrong in [b"not a state".as_slice(), &[0; 6400], b""] {
        reboot(&lab);
        fs::write(state(&lab), wrong).unwrap();
        let mut edgeban = lab.start_file(&config);
        let said = "state /var/lib/edgeban/edgeban.state: it does not begin as such a file does; set aside as \
                    /var/lib/edgeban/edgeban.state.bad";
        assert!(edgeban.log().contains(said) && edgeban.runs(), "{}", edgeban.log());
        assert_eq!(fs::read(state(&lab).with_extension("state.bad")).unwrap(), wrong);
        log.failure(C);
        lab.wait_for_bans([C]);
        edgeban.stop();
    }
}

#[test]
fn where_it_cannot_be_written_that_is_said_once() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    // No parent.
    let path = config(&lab, &log, "state_sync = 0\nstate_dir = \"/var/lib/no/such\"", "1h");
    let edgeban = lab.start_file(&path);
    log.failures([A, B]);
    lab.wait_for_bans([A, B]);
    let said = edgeban.log();
    assert_eq!(said.matches("state_dir /var/lib/no/such: ENOENT (2); nothing is kept").count(), 1, "{said}");
    let counters = edgeban.stop();
    assert_eq!(counters.bans, 2);

    // A full file system, which gets room later.
    let mount = |options: &str| {
        text(
            lab.router("sh").args(["-c", &format!("mkdir -p /run/small; mount -t tmpfs -o {options} none /run/small")]),
        )
        .unwrap()
    };
    mount("size=8k");
    text(lab.router("sh").args(["-c", "head -c 8192 /dev/zero >/run/small/fill || :"])).unwrap();
    let path = config(&lab, &log, "state_sync = 0\nstate_dir = \"/run/small\"", "1h");
    let edgeban = lab.start_file(&path);
    log.failure(C);
    lab.wait_for_bans([A, B, C]);
    edgeban.wait_for_log("state /run/small/edgeban.state: cannot be written: ENOSPC (28); trying again");
    log.failures((0..20).map(numbered));
    eventually("all are banned", || (lab.banned().len() == 23).then_some(()));
    assert_eq!(edgeban.log().matches("cannot be written").count(), 1);
    fs::remove_file(lab.inside("/run/small/fill")).unwrap();
    // It tries again after a minute, and at its end.
    edgeban.stop();
    assert!(fs::metadata(lab.inside("/run/small/edgeban.state")).unwrap().len() >= 23 * 128);

    // Read-only.
    text(lab.router("mount").args(["-o", "remount,ro", "/run/small"])).unwrap();
    let mut edgeban = lab.start_file(&path);
    let said = edgeban.log();
    assert!(said.contains("state_dir /run/small: EROFS (30); nothing is kept"), "{said}");
    assert!(edgeban.runs());
}

/// Two daemons in different network namespaces may have one directory, but not one file.
#[test]
fn a_state_has_one_writer() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let path = config(&lab, &log, "state_sync = 0", "1h");
    let first = lab.start_file(&path);
    let mut command = lab.attackers(edgeban_tests::lab::binary());
    command.args(["run", "--config", &path]);
    let mut second: Edgeban = lab.spawn(command);
    second.wait_until_ready();
    assert!(second.log().contains("another daemon writes the state of a table edgeban there"), "{}", second.log());
    log.failure(A);
    lab.wait_for_bans([A]);
    let boots: Vec<Boot> = eventually("the first one writes", || {
        let boots: Vec<_> = records(&lab)
            .into_iter()
            .filter_map(|record| if let Record::Header { boot, .. } = record { Some(boot) } else { None })
            .collect();
        (!boots.is_empty()).then_some(boots)
    });
    assert_ne!(boots, [Boot::default()], "the kernel's number");
    second.stop();
    first.stop();
}

/// What is appended does not grow for ever.
#[test]
fn a_long_file_is_written_anew() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let path = config(&lab, &log, "state_sync = 0", "2s");
    let edgeban = lab.start_file(&path);
    let started = Instant::now();
    let mut longest = 0;
    for number in 0..1500 {
        log.write(failure(numbered(number)));
        longest = longest.max(fs::metadata(state(&lab)).map_or(0, |file| file.len()));
        thread::sleep(Duration::from_millis(2));
    }
    eventually("all were banned", || (edgeban.counters().bans == 1500).then_some(()));
    let long = 64 * 1024 + 1500 * 128;
    assert!(longest < 2 * long, "{longest} bytes after {:?}", started.elapsed());
    let said = edgeban.last_words();
    assert_eq!(announced(&said).len(), 1500);
}
