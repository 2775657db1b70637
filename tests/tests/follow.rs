//! The binary follows real files through what writers, logrotate and administrators do to them: no line is lost, and none
//! is read twice.
//!
//! Each story is played two times to one daemon with `maxretry = 2`, with a failure from each of its addresses. After the
//! first time nobody may be banned, or some line was read twice; after the second all must be, or some line was lost.

use edgeban_tests::lab::{Counters, Edgeban, Lab, LogFile, Signal, eventually, failure, numbered, text, tied};
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::Stdio;

/// A story as it is played.
struct Scene<'l> {
    lab: &'l Lab,
    edgeban: &'l Edgeban,
    /// Of the next address.
    number: u16,
    /// Lines that the daemon should have read.
    written: u64,
}

impl Scene<'_> {
    /// The next failure, a line for the daemon to read.
    fn line(&mut self) -> String {
        self.number += 1;
        self.written += 1;
        failure(numbered(self.number))
    }

    /// Writes failures.
    fn write(&mut self, log: &mut LogFile, count: usize) {
        for _ in 0..count {
            log.write(self.line());
        }
    }

    /// Waits until the daemon has read all.
    #[track_caller]
    fn caught_up(&self) {
        self.edgeban.wait_for_lines(self.written);
    }

    /// Lets the daemon read a piece that is no line yet.
    fn no_line_more(&self) {
        let before = self.edgeban.counters().lines;
        assert_eq!(self.edgeban.counters().lines, before, "half a line was read as one");
    }

    /// Lets the daemon sleep through what happens meanwhile.
    fn unseen(&mut self, happen: impl FnOnce(&mut Self)) {
        self.edgeban.signal(Signal::STOP);
        happen(self);
        self.edgeban.signal(Signal::CONT);
    }

    fn path(&self, name: &str) -> PathBuf {
        self.lab.dir().join(name)
    }
}

/// Plays a story about these logs, two times.
fn play(lab: &Lab, logs: &[&str], mut story: impl FnMut(&mut Scene<'_>)) -> Counters {
    let paths: Vec<PathBuf> = logs.iter().map(|log| lab.dir().join(log)).collect();
    let edgeban =
        lab.start(&format!("[jails.sshd]\nmaxretry = 2\nfindtime = \"1h\"\nbantime = \"1h\"\nlogpath = {paths:?}\n"));
    let mut scene = Scene { lab, edgeban: &edgeban, number: 0, written: 0 };
    story(&mut scene);
    scene.caught_up();
    assert!(lab.banned().is_empty(), "some line was read twice: {:?}", lab.banned());
    let count = std::mem::take(&mut scene.number);
    story(&mut scene);
    assert_eq!(scene.number, count);
    scene.caught_up();
    lab.wait_for_bans((1..=count).map(numbered));
    let written = scene.written;
    let counters = edgeban.stop();
    assert_eq!((counters.lines, counters.failed), (written, written), "{counters:?}");
    counters
}

/// A lab with a log of which the daemon must not read what is there before it starts.
fn lab_with(logs: &[&str]) -> Lab {
    let lab = Lab::new();
    for log in logs {
        fs::write(lab.dir().join(log), failure(numbered(0)).repeat(5)).unwrap();
    }
    lab
}

#[test]
fn what_is_written_once_it_is_ready_counts() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("log"));
    let config = lab.config(&format!("[jails.sshd]\nmaxretry = 1\nlogpath = {:?}\n", log.path()));
    for number in 1..=20 {
        // By a pipe, whose reader runs as soon as something is in it.
        let command = tied(lab.edgeban(&["run", "--config", &config])).stderr(Stdio::piped()).spawn();
        let mut edgeban = command.unwrap();
        let mut said = BufReader::new(edgeban.stderr.take().unwrap()).lines();
        assert!(said.any(|line| line.unwrap().contains("ready: ")));
        log.failure(numbered(number));
        lab.wait_for_bans((1..=number).map(numbered));
        edgeban.kill().unwrap();
        edgeban.wait().unwrap();
    }
}

#[test]
fn a_writer_goes_on_in_the_renamed_file() {
    let lab = lab_with(&["log"]);
    let counters = play(&lab, &["log"], |scene| {
        let path = scene.path("log");
        let mut old = LogFile::open(&path);
        scene.write(&mut old, 20);
        fs::rename(&path, scene.path("log.1")).unwrap();
        scene.write(&mut old, 20);
        let mut new = LogFile::open(&path);
        for _ in 0..20 {
            scene.write(&mut new, 1);
            scene.write(&mut old, 1);
        }
        // The writer of the old file is slow to find out; it is read for minutes.
        scene.caught_up();
        scene.write(&mut old, 10);
        scene.write(&mut new, 10);
    });
    assert_eq!(counters.files.values().next().unwrap().rotations, 2);
}

#[test]
fn a_rotation_that_nobody_watched() {
    let lab = lab_with(&["log"]);
    play(&lab, &["log"], |scene| {
        let path = scene.path("log");
        scene.unseen(|scene| {
            let mut log = LogFile::open(&path);
            scene.write(&mut log, 30);
            fs::rename(&path, scene.path("log.1")).unwrap();
            scene.write(&mut log, 5);
            log.reopen();
            scene.write(&mut log, 30);
        });
    });
}

fn logrotate(lab: &Lab, log: &str, directives: &str) {
    let config = lab.dir().join(format!("{log}.rotate"));
    let path = lab.dir().join(log);
    fs::write(&config, format!("{path:?} {{\n\trotate 3\n\tmissingok\n\t{directives}\n}}\n")).unwrap();
    text(lab.router("logrotate").args(["--force", "--state"]).arg(lab.dir().join("state")).arg(config)).unwrap();
}

#[test]
fn logrotate_creates_a_new_file() {
    let lab = lab_with(&["log"]);
    let counters = play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("log"));
        for _ in 0..4 {
            scene.write(&mut log, 10);
            logrotate(scene.lab, "log", "create 0640 root root");
            // What a postrotate script's signal does, a little late.
            scene.write(&mut log, 10);
            log.reopen();
            scene.write(&mut log, 10);
            scene.caught_up();
        }
    });
    assert_eq!(counters.files.values().next().unwrap().rotations, 8);
}

#[test]
fn logrotate_copies_and_truncates() {
    let lab = lab_with(&["log"]);
    let counters = play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("log"));
        for (before, after) in [(10, 3), (3, 10)] {
            scene.write(&mut log, before);
            // Lines between the copy and the truncation are lost to everybody; here are none.
            scene.caught_up();
            logrotate(scene.lab, "log", "copytruncate");
            scene.write(&mut log, after);
            scene.caught_up();
        }
    });
    assert_eq!(counters.files.values().next().unwrap().truncations, 4);
}

#[test]
fn a_file_that_grew_past_its_old_end_after_a_truncation() {
    let lab = Lab::new();
    let counters = play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("log"));
        scene.write(&mut log, 5);
        scene.caught_up();
        let size = fs::metadata(log.path()).unwrap().len();
        scene.unseen(|scene| {
            logrotate(scene.lab, "log", "copytruncate");
            while fs::metadata(log.path()).unwrap().len() <= size + 1000 {
                scene.write(&mut log, 1);
            }
        });
        scene.caught_up();
        // Empty when the story is played again.
        logrotate(scene.lab, "log", "copytruncate");
    });
    assert!(counters.files.values().next().unwrap().truncations >= 3);
}

#[test]
fn a_file_is_deleted_and_made_again() {
    let lab = lab_with(&["log"]);
    play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("log"));
        for _ in 0..3 {
            scene.write(&mut log, 10);
            fs::remove_file(log.path()).unwrap();
            scene.write(&mut log, 10);
            scene.caught_up();
            scene.write(&mut log, 1);
            log.reopen();
            scene.write(&mut log, 10);
            scene.caught_up();
        }
    });
}

#[test]
fn a_file_comes_late() {
    let lab = Lab::new();
    play(&lab, &["log"], |scene| {
        let _ = fs::remove_file(scene.path("log"));
        let mut log = LogFile::open(scene.path("log"));
        scene.write(&mut log, 10);
        scene.caught_up();
        scene.write(&mut log, 10);
    });
}

#[test]
fn its_directory_comes_late() {
    let lab = Lab::new();
    play(&lab, &["a/b/log"], |scene| {
        let _ = fs::remove_dir_all(scene.path("a"));
        fs::create_dir_all(scene.path("a/b")).unwrap();
        let mut log = LogFile::open(scene.path("a/b/log"));
        scene.write(&mut log, 10);
        scene.caught_up();
        scene.write(&mut log, 10);
    });
}

#[test]
fn its_directory_is_replaced() {
    let lab = Lab::new();
    fs::create_dir(lab.dir().join("logs")).unwrap();
    play(&lab, &["logs/log"], |scene| {
        let mut old = LogFile::open(scene.path("logs/log"));
        scene.write(&mut old, 10);
        // For another directory at that name than the one in which it is watched.
        scene.caught_up();
        let aside = scene.path(&format!("logs-{}", scene.written));
        fs::rename(scene.path("logs"), aside).unwrap();
        scene.write(&mut old, 10);
        fs::create_dir(scene.path("logs")).unwrap();
        let mut new = LogFile::open(scene.path("logs/log"));
        scene.write(&mut new, 10);
        scene.caught_up();
        scene.write(&mut old, 10);
        scene.write(&mut new, 10);
        // The new directory is watched, too.
        fs::rename(new.path(), scene.path("logs/log.1")).unwrap();
        new.reopen();
        scene.write(&mut new, 10);
    });
}

#[test]
fn a_symbolic_link_moves() {
    let lab = Lab::new();
    fs::create_dir(lab.dir().join("volumes")).unwrap();
    for name in ["a", "b"] {
        fs::write(lab.dir().join("volumes").join(name), "").unwrap();
    }
    symlink("volumes/a", lab.dir().join("log")).unwrap();
    play(&lab, &["log"], |scene| {
        for target in ["b", "a"] {
            symlink(format!("volumes/{target}"), scene.path("log.new")).unwrap();
            fs::rename(scene.path("log.new"), scene.path("log")).unwrap();
            let mut log = LogFile::open(scene.path(&format!("volumes/{target}")));
            scene.write(&mut log, 10);
            scene.caught_up();
        }
    });
}

#[test]
fn the_target_of_a_symbolic_link_is_rotated() {
    let lab = Lab::new();
    fs::create_dir(lab.dir().join("volume")).unwrap();
    fs::write(lab.dir().join("volume/log"), "").unwrap();
    symlink("volume/log", lab.dir().join("log")).unwrap();
    play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("volume/log"));
        scene.write(&mut log, 10);
        fs::rename(scene.path("volume/log"), scene.path("volume/log.1")).unwrap();
        scene.write(&mut log, 10);
        log.reopen();
        scene.write(&mut log, 10);
    });
}

#[test]
fn two_logs_in_one_directory_are_rotated_often() {
    let lab = lab_with(&["auth.log", "messages"]);
    let counters = play(&lab, &["auth.log", "messages"], |scene| {
        let mut logs = ["auth.log", "messages"].map(|name| LogFile::open(scene.path(name)));
        for round in 0..6 {
            let log = &mut logs[round % 2];
            scene.write(log, 10);
            fs::rename(log.path(), log.path().with_extension(format!("{}", round / 2))).unwrap();
            scene.write(log, 5);
            log.reopen();
            for log in &mut logs {
                scene.write(log, 10);
            }
            scene.caught_up();
        }
    });
    assert_eq!(counters.files.values().map(|file| file.rotations).collect::<Vec<_>>(), [6, 6]);
}

#[test]
fn more_events_than_inotify_holds() {
    let lab = lab_with(&["log"]);
    let limit: usize = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap().trim().parse().unwrap();
    let counters = play(&lab, &["log"], |scene| {
        let path = scene.path("log");
        scene.unseen(|scene| {
            // Each makes two events or more.
            for _ in 0..=limit / 2 {
                fs::write(scene.path("other"), "").unwrap();
                fs::remove_file(scene.path("other")).unwrap();
            }
            // So of these the daemon hears nothing.
            let mut log = LogFile::open(&path);
            scene.write(&mut log, 10);
            fs::rename(&path, scene.path("log.1")).unwrap();
            log.reopen();
            scene.write(&mut log, 10);
        });
        scene.caught_up();
    });
    assert!(counters.overflows >= 2, "{counters:?}");
}

#[test]
fn lines_that_come_in_pieces() {
    let lab = lab_with(&["log"]);
    play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("log"));
        for cut in [1, 20, 60] {
            let line = scene.line();
            log.write(&line[..cut]);
            scene.no_line_more();
            log.write(&line[cut..cut + 5]);
            scene.no_line_more();
            log.write(&line[cut + 5..]);
            scene.caught_up();
        }
        // The rest comes with the next line's start.
        let (one, two) = (scene.line(), scene.line());
        log.write(&one[..30]);
        scene.no_line_more();
        log.write(format!("{}{}", &one[30..], &two[..30]));
        scene.edgeban.wait_for_lines(scene.written - 1);
        log.write(&two[30..]);
        scene.caught_up();
        // Across a rotation: the end comes in the renamed file.
        let line = scene.line();
        log.write(&line[..40]);
        fs::rename(log.path(), scene.path("log.1")).unwrap();
        let mut new = LogFile::open(log.path());
        scene.write(&mut new, 5);
        log.write(&line[40..]);
    });
}

/// The longest line, without its newline.
const LONGEST: usize = 8192;

/// A failure that is this long, of a user with a long name.
fn long_failure(number: u16, len: usize) -> String {
    let line = failure(numbered(number)).replace("for root", "for invalid user ");
    let (before, after) = line.split_once(" from").unwrap();
    format!("{before}{} from{after}", "x".repeat(len + 1 - line.len()))
}

#[test]
fn lines_that_are_too_long_are_skipped_and_counted() {
    let lab = lab_with(&["log"]);
    let counters = play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("log"));
        scene.write(&mut log, 3);
        // Addresses that no story plays again, so that they would be seen.
        for (number, len) in [(20_001, LONGEST + 1), (20_002, 3 * LONGEST), (20_003, 200_000)] {
            let line = long_failure(number, len);
            assert_eq!(line.len(), len + 1);
            log.write(&line);
            scene.write(&mut log, 1);
        }
        // Nor does its end count when it comes later than its start.
        let line = long_failure(20_004, 100_000);
        let (start, end) = line.split_at(90_000);
        log.write(start);
        scene.caught_up();
        log.write(end);
        scene.write(&mut log, 3);
        // The longest that counts.
        let number = scene.number + 1;
        let _ = scene.line();
        log.write(long_failure(number, LONGEST));
        scene.caught_up();
    });
    assert_eq!(counters.files.values().next().unwrap().overlong, 8);
}

#[test]
fn lines_with_nul_and_other_bytes() {
    let lab = lab_with(&["log"]);
    play(&lab, &["log"], |scene| {
        let mut log = LogFile::open(scene.path("log"));
        scene.write(&mut log, 3);
        // Such a name counts like any other; the line with nothing else does not count, nor end the reading.
        let line = scene.line();
        log.write(line.replace("root", "invalid user ro\0ot\u{1b}[2J\u{7f}\u{80}"));
        scene.write(&mut log, 3);
        let line = scene.line().replace("root", "invalid user ");
        let (before, after) = line.split_once(" from").unwrap();
        log.write([before.as_bytes(), b"\xff\xfe\r\0", b" from", after.as_bytes()].concat());
        scene.write(&mut log, 3);
    });

    let mut log = LogFile::open(lab.dir().join("log"));
    let edgeban = lab.start(&format!("[jails.sshd]\nmaxretry = 1\nlogpath = {:?}\n", log.name()));
    let before = lab.banned();
    log.write(b"\0\n\0\0\0\n\n\r\n");
    edgeban.wait_for_lines(4);
    log.failure(numbered(30_000));
    lab.wait_for_bans(before.into_iter().chain([numbered(30_000)]));
    assert_eq!(edgeban.stop().failed, 1);
}

#[test]
fn two_jails_on_one_file() {
    let lab = Lab::new();
    let mut log = LogFile::open(lab.dir().join("log"));
    let path = log.name().to_owned();
    let edgeban = lab.start(&format!(
        "[jails.sshd]\nmaxretry = 2\nlogpath = {path:?}\n\
         [jails.dropbear]\nmaxretry = 1\nlogpath = {path:?}\n\
         [jails.slow]\nfilter = \"sshd\"\nmaxretry = 3\nbantime = \"1w\"\nlogpath = {path:?}\n"
    ));
    let dropbear = |number: u16| {
        let addr = numbered(number);
        format!("Nov 24 20:34:48 router dropbear[99]: Bad password attempt for 'root' from {addr}:50022\n")
    };
    for round in 0..3 {
        log.failures((1..=10).map(numbered));
        log.write(dropbear(20 + round));
    }
    edgeban.wait_for_lines(33);
    lab.wait_for_bans((1..=10).chain(20..=22).map(numbered));
    // The jail that banned first does not keep the other from extending it.
    let extended = || {
        let bans = lab.bans();
        (1..=10).all(|number| bans[&numbered(number)].lasts(7 * 86_400)).then_some(bans)
    };
    let bans = eventually("all ten are extended", extended);
    assert!((20..=22).all(|number| bans[&numbered(number)].lasts(600)), "{bans:?}");
    let counters = edgeban.stop();
    // A file is read once, and each failure is one for both jails of its service.
    assert_eq!((counters.lines, counters.failed), (33, 63));
    assert_eq!(counters.files[&path].lines, 33);
}
