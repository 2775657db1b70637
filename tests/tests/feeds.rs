//! Sources that are no files, from the real programs that write there to the ban in the kernel.

use edgeban_tests::journald::Journald;
use edgeban_tests::lab::{ATTACKERS_V4, Lab, LogFile, Signal, eventually, text};
use serde_json::Value;
use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::thread;
use std::time::Duration;

fn failed(addr: IpAddr) -> String {
    format!("Failed password for root from {addr} port 50022 ssh2")
}

fn attackers() -> [IpAddr; 3] {
    ATTACKERS_V4.map(IpAddr::from)
}

/// What `edgeban status` says of a feed.
fn status(lab: &Lab, feed: &str) -> Value {
    let json = text(&mut lab.edgeban(&["status", "--json"])).unwrap();
    let status: Value = serde_json::from_str(&json).unwrap();
    let files = status["files"].as_array().unwrap();
    files.iter().find(|file| file["file"] == feed).unwrap_or_else(|| panic!("{status}")).clone()
}

const JOURNAL: &str = "[defaults]\nmaxretry = 3\nlogpath = \"journal\"\n[jails.sshd]\n";

#[test]
fn the_journal_is_followed_from_its_end_on() {
    let lab = Lab::new();
    let journald = Journald::start(&lab, "Storage=volatile");
    let [attacker, other, before] = attackers();
    for _ in 0..3 {
        journald.say(0, "sshd", &failed(before));
    }
    let edgeban = lab.start(JOURNAL);
    edgeban.wait_for_log("journal: following it");
    for _ in 0..3 {
        journald.send(0, "sshd", &failed(attacker));
        journald.send(0, "cron", &failed(other));
    }
    lab.wait_for_bans([attacker]);
    // Compressed, as what is longer than 512 bytes.
    journald.send(0, "sshd", &format!("{} {}", failed(other), "x".repeat(700)));
    journald.say(0, "sshd", "the end");
    eventually("all is read", || (status(&lab, "journal")["skipped"] == 1).then_some(()));
    let status = status(&lab, "journal");
    assert_eq!((&status["lines"], &status["lost"], &status["fault"]), (&7.into(), &0.into(), &"".into()), "{status}");
    assert_eq!(edgeban.stop().bans, 1);
}

#[test]
fn nobody_gets_others_banned_by_a_log_line_of_his_own() {
    let lab = Lab::new();
    let journald = Journald::start(&lab, "Storage=volatile");
    let [attacker, victim, other] = attackers();
    let edgeban = lab.start(
        "[defaults]\nmaxretry = 3\nlogpath = \"journal\"\n[jails.sshd]\n\
         [jails.his]\nfilter = \"sshd\"\njournalmatch = [\"_UID=1001\", \"_COMM=logger\"]\n",
    );
    for _ in 0..5 {
        journald.send(1000, "sshd", &failed(victim));
        journald.send(1001, "sshd", &failed(other));
        // By the protocol that can name any field, and by a stream.
        let native = format!("MESSAGE={}\\nSYSLOG_IDENTIFIER=sshd\\n_UID=0\\n_TRANSPORT=kernel", failed(victim));
        let log = format!("printf '{native}\\n' | logger --journald; systemd-cat -t sshd echo '{}'", failed(victim));
        text(lab.router("setpriv").args(["--reuid", "1000", "--clear-groups", "sh", "-c", &log])).unwrap();
    }
    for _ in 0..3 {
        journald.send(110, "sshd", &failed(attacker));
    }
    journald.say(0, "sshd", "the end");
    lab.wait_for_bans([attacker, other]);
    let status = status(&lab, "journal");
    assert!(status["not_believed"].as_u64() >= Some(15), "{status}");
    assert_eq!(edgeban.stop().bans, 2);
}

#[test]
fn a_journal_that_rotates_is_followed_through_it() {
    let lab = Lab::new();
    let [attacker, other, last] = attackers();
    // Nothing is there yet.
    let edgeban = lab.start(JOURNAL);
    edgeban.wait_for_log("journal: not there; waiting for it");
    assert_eq!(status(&lab, "journal")["fault"], "not there");
    let mut journald = Journald::start(&lab, "Storage=volatile");
    edgeban.wait_for_log("journal: following it");
    for _ in 0..2 {
        journald.say(0, "sshd", &failed(attacker));
    }
    let rotate = |journald: &Journald<'_>| {
        let inode = || fs::metadata(journald.file("/run/log/journal")).ok().map(|file| file.ino());
        let before = inode();
        journald.signal(Signal::USR2);
        eventually("journald rotates", || inode().filter(|now| Some(*now) != before));
    };
    rotate(&journald);
    journald.say(0, "sshd", &failed(attacker));
    lab.wait_for_bans([attacker]);
    // Several times while nobody looks.
    edgeban.signal(Signal::STOP);
    for _ in 0..3 {
        journald.say(0, "sshd", &failed(other));
        rotate(&journald);
    }
    edgeban.signal(Signal::CONT);
    lab.wait_for_bans([attacker, other]);
    // Deleted under it, as a vacuum does with older ones; journald makes another when it has to.
    journald.stop();
    fs::remove_file(journald.file("/run/log/journal")).unwrap();
    journald.run();
    for _ in 0..3 {
        journald.say(0, "sshd", &failed(last));
    }
    lab.wait_for_bans([attacker, other, last]);
    let counters = edgeban.stop();
    assert_eq!((counters.failed, counters.bans), (9, 3), "each once");
}

#[test]
fn a_journal_that_moves_to_var_does_not_count_twice() {
    let lab = Lab::new();
    fs::create_dir_all(lab.inside("/var/log/journal")).unwrap();
    let journald = Journald::start(&lab, "Storage=persistent");
    let [attacker, other, _] = attackers();
    let edgeban = lab.start(JOURNAL);
    for addr in [attacker, other] {
        for _ in 0..2 {
            journald.say(0, "sshd", &failed(addr));
        }
    }
    journald.signal(Signal::USR1);
    let (run, var) = (journald.file("/run/log/journal"), journald.file("/var/log/journal"));
    eventually("journald moves", || (var.exists() && !run.exists()).then_some(()));
    journald.say(0, "sshd", &failed(attacker));
    lab.wait_for_bans([attacker]);
    let counters = edgeban.stop();
    assert_eq!((counters.failed, counters.bans), (5, 1), "each once");
}

#[test]
fn a_damaged_journal_is_said_and_its_successor_read() {
    let lab = Lab::new();
    let mut journald = Journald::start(&lab, "Storage=volatile");
    let [attacker, ..] = attackers();
    let edgeban = lab.start(JOURNAL);
    for _ in 0..2 {
        journald.say(0, "sshd", &failed(attacker));
    }
    eventually("both are read", || (edgeban.counters().failed == 2).then_some(()));
    // The list of entries leads nowhere; its head promises more.
    let path = journald.file("/run/log/journal");
    journald.stop();
    let file = fs::File::options().read(true).write(true).open(&path).unwrap();
    let mut word = [0; 8];
    file.read_exact_at(&mut word, 176).unwrap();
    let array = u64::from_le_bytes(word);
    file.write_all_at(&[0xa5; 24], array).unwrap();
    file.write_all_at(&[0xff; 4], 152).unwrap();
    // Not closed, as after a power cut: journald will put it aside.
    file.write_all_at(&[1], 16).unwrap();
    edgeban.wait_for_log("error: journal: its file is damaged; trying again");
    thread::sleep(Duration::from_millis(2500));
    assert_eq!(edgeban.log().matches("damaged").count(), 1, "said once");
    assert_eq!(status(&lab, "journal")["fault"], "its file is damaged");
    journald.run();
    journald.say(0, "sshd", &failed(attacker));
    lab.wait_for_bans([attacker]);
    assert_eq!(status(&lab, "journal")["fault"], "");
    assert_eq!(edgeban.stop().failed, 3);
}

#[test]
fn a_reload_begins_and_ends_to_follow() {
    let lab = Lab::new();
    let journald = Journald::start(&lab, "Storage=volatile");
    let [attacker, other, before] = attackers();
    let mut log = LogFile::open(lab.dir().join("auth.log"));
    let file = JOURNAL.replace("journal", log.name());
    let path = lab.config(&file);
    let edgeban = lab.start_file(&path);
    for _ in 0..3 {
        journald.say(0, "sshd", &failed(before));
    }
    let reload = |config: &str| {
        fs::write(&path, config).unwrap();
        text(&mut lab.edgeban(&["reload", "--config", &path])).unwrap()
    };
    assert!(reload(JOURNAL).contains(" 0 log files"));
    for _ in 0..3 {
        journald.say(0, "sshd", &failed(attacker));
    }
    lab.wait_for_bans([attacker]);
    // The same settings go on where they were.
    journald.say(0, "sshd", &failed(other));
    let _ = reload(&JOURNAL.replace("maxretry = 3", "maxretry = 2"));
    journald.say(0, "sshd", &failed(other));
    lab.wait_for_bans([attacker, other]);
    assert!(reload(&file).contains(" 1 log files"));
    journald.say(0, "sshd", &failed(before));
    log.failure(before);
    eventually("the file is read", || (edgeban.counters().failed == 6).then_some(()));
    let counters = edgeban.stop();
    assert_eq!((counters.failed, counters.bans), (6, 2));
}
