//! The state machine against a simulated file system. After every settling, each open file must have delivered exactly
//! its complete lines; on closing a file, all of its lines. What a truncation destroys unread is the only loss.

use super::*;
use crate::limits::{CHUNK, LINE};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::format;
use std::string::{String, ToString};
use std::vec;

type Bytes = std::vec::Vec<u8>;

#[derive(Default)]
struct Inode {
    number: u64,
    data: Bytes,
    links: u32,
    touched: Instant,
    /// Truncated and not read since: as many bytes as before would pass for the old ones, as far as quiet goes.
    wiped: bool,
    /// Text of the line that is being written, none at a line's start.
    line: Option<String>,
    /// Since the last truncation: where delivery begins, and what was delivered.
    base: usize,
    got: std::vec::Vec<Bytes>,
    overlong: u64,
}

impl Inode {
    fn append(&mut self, seq: &mut u64, len: usize, newline: bool, now: Instant) {
        let written = self.line.as_ref().map_or(0, String::len);
        let line = self.line.get_or_insert_with(|| {
            *seq += 1;
            format!("{:09}|", *seq).chars().rev().collect()
        });
        // A line repeats its own number, so that no two places of two generations of a file look alike.
        let unit: String = line.chars().take(10).collect();
        let upto = if written == 0 { len.max(10) } else { written + len };
        while line.len() < upto {
            line.push_str(&unit);
        }
        line.truncate(upto);
        self.data.extend_from_slice(&line.as_bytes()[written..]);
        if newline {
            self.data.push(b'\n');
            self.line = None;
        }
        if !self.wiped {
            self.touched = now;
        }
    }

    fn truncate(&mut self) {
        self.data.clear();
        // A write that is destroyed before it is read was never seen.
        self.touched = Instant::ZERO;
        self.wiped = true;
        self.line = None;
        self.base = 0;
        self.got.clear();
        self.overlong = 0;
    }

    /// What must have been delivered of the present content, and how many lines are too long.
    fn expected(&self, with_last: bool) -> (std::vec::Vec<Bytes>, u64) {
        let mut parts: std::vec::Vec<&[u8]> = self.data[self.base..].split(|&b| b == b'\n').collect();
        let inside = self.base > 0 && self.data[self.base - 1] != b'\n';
        let last = parts.pop().unwrap();
        let last_inside = inside && parts.is_empty();
        if inside && !parts.is_empty() {
            parts.remove(0);
        }
        let long = parts.iter().filter(|p| p.len() > LINE).count() + usize::from(last.len() > LINE && !last_inside);
        if with_last && !last_inside && !last.is_empty() {
            parts.push(last);
        }
        let lines = parts.into_iter().filter(|p| p.len() <= LINE).map(<[u8]>::to_vec).collect();
        (lines, u64::try_from(long).unwrap())
    }

    fn assert_delivered(&self, with_last: bool) {
        let (lines, overlong) = self.expected(with_last);
        let show = |l: &[Bytes]| -> std::vec::Vec<(String, usize)> {
            l.iter().take(4).map(|l| (String::from_utf8_lossy(&l[..l.len().min(12)]).to_string(), l.len())).collect()
        };
        assert!(self.got == lines, "got {:?}, expected {:?}", show(&self.got), show(&lines));
        assert_eq!(self.overlong, overlong, "overlong lines");
    }
}

#[derive(Clone)]
enum Node {
    File(usize),
    Link(&'static str),
}

struct Sim {
    inodes: std::vec::Vec<Inode>,
    names: BTreeMap<String, Node>,
    writers: [Option<usize>; 2],
    fds: [Option<usize>; FILE_SLOTS],
    tail: Tail,
    now: Instant,
    seq: u64,
    aside: u32,
    left: Option<usize>,
    hints: bool,
    closes: u32,
}

const PATH: &str = "dir/log";

impl Sim {
    fn new(hints: bool) -> Self {
        Self {
            inodes: vec![],
            names: BTreeMap::new(),
            writers: [None; 2],
            fds: [None; FILE_SLOTS],
            tail: Tail::new(Start::End),
            now: Instant::from_millis(1_000_000),
            seq: 0,
            aside: 0,
            left: None,
            hints,
            closes: 0,
        }
    }

    fn resolve(&self, name: &str) -> Option<usize> {
        match self.names.get(name)? {
            Node::File(inode) => Some(*inode),
            Node::Link(target) => match self.names.get(*target)? {
                Node::File(inode) => Some(*inode),
                Node::Link(_) => None,
            },
        }
    }

    fn at_path(&self) -> Option<usize> {
        self.resolve(PATH)
    }

    fn create(&mut self, name: &str) -> usize {
        let used = |number: u64| {
            self.inodes.iter().enumerate().any(|(i, inode)| {
                let held = self.fds.contains(&Some(i)) || self.writers.contains(&Some(i));
                inode.number == number && (inode.links > 0 || held)
            })
        };
        // The lowest free number, as ext4 does: numbers come back at once.
        let number = (1..).find(|&n| !used(n)).unwrap();
        self.inodes.push(Inode { number, links: 1, touched: self.now, ..Inode::default() });
        let inode = self.inodes.len() - 1;
        self.unlink(name);
        self.names.insert(name.into(), Node::File(inode));
        inode
    }

    fn unlink(&mut self, name: &str) {
        if let Some(Node::File(inode)) = self.names.remove(name) {
            self.inodes[inode].links -= 1;
        }
        self.renamed();
    }

    fn rename(&mut self, from: &str, to: &str) {
        if let Some(node) = self.names.get(from).cloned() {
            self.unlink(to);
            self.names.remove(from);
            self.names.insert(to.into(), node);
        }
        self.renamed();
    }

    fn renamed(&mut self) {
        if self.hints {
            self.tail.recheck();
        }
    }

    fn target(&self) -> &'static str {
        match self.names.get(PATH) {
            Some(Node::Link(target)) => target,
            _ => PATH,
        }
    }

    fn move_aside(&mut self) {
        self.aside += 1;
        let to = format!("{}.{}", self.target(), self.aside);
        self.rename(self.target(), &to);
    }

    fn reopen(&mut self, writer: usize) {
        let inode = self.at_path().unwrap_or_else(|| self.create(self.target()));
        self.writers[writer] = Some(inode);
    }

    fn write(&mut self, writer: usize, len: usize, newline: bool) {
        if let Some(inode) = self.writers[writer] {
            self.inodes[inode].append(&mut self.seq, len, newline, self.now);
            self.modified(inode);
        }
    }

    fn modified(&mut self, inode: usize) {
        for slot in Slot::all() {
            if self.hints && self.fds[slot.index()] == Some(inode) {
                self.tail.changed(slot);
            }
        }
    }

    fn copytruncate(&mut self) {
        // Between the first look and the first read nothing is known of an existing file but its size: a truncation
        // that regrows within these microseconds passes unseen.
        let unknown = self.tail.streams.iter().any(|stream| !stream.known && stream.kept > 0);
        if let Some(inode) = self.at_path().filter(|_| !unknown) {
            self.inodes[inode].truncate();
            self.modified(inode);
        }
    }

    fn status(&self, inode: usize) -> Status {
        let file = &self.inodes[inode];
        Status { key: FileKey { dev: 1, ino: file.number }, size: wide(file.data.len()), links: file.links }
    }

    /// Performs one action; false if there is none.
    fn step(&mut self) -> bool {
        let Some(action) = self.tail.poll(self.now) else { return false };
        match action {
            Action::Look => {
                if self.tail.first == First::Unknown
                    && let Some(inode) = self.at_path()
                {
                    self.inodes[inode].base = self.inodes[inode].data.len();
                }
                let result = self.at_path().map(|inode| self.status(inode)).ok_or(Fault::Missing);
                self.tail.looked(result, self.now);
                // The first look and the open are one step here. Within these microseconds a file with the same number
                // would pass for the one that was looked at, and one that comes back later is not known as old.
                if matches!(self.tail.first, First::After(..)) {
                    self.step();
                }
            }
            Action::Open(slot) => {
                assert_eq!(self.fds[slot.index()], None);
                let result = self.at_path().map(|inode| self.status(inode)).ok_or(Fault::Missing);
                self.fds[slot.index()] = self.at_path();
                self.tail.opened(slot, result, self.now);
            }
            Action::Check(slot) => {
                let inode = self.fds[slot.index()].unwrap();
                self.tail.checked(slot, self.inodes[inode].links, self.now);
            }
            Action::Read(slot, pos) => {
                let inode = self.fds[slot.index()].unwrap();
                self.inodes[inode].wiped = false;
                let data = &self.inodes[inode].data;
                let from = usize::try_from(pos).unwrap().min(data.len());
                let got = data[from..data.len().min(from + CHUNK)].to_vec();
                let overlong = self.tail.counters().overlong;
                let sink = &mut self.inodes[inode].got;
                self.tail.bytes(slot, &got, got.len() == CHUNK, self.now, |line| sink.push(line.to_vec()));
                self.inodes[inode].overlong += self.tail.counters().overlong - overlong;
                // Giving up a file is one step: nobody writes between its last read and its closing.
                if self.tail.close.contains(&true) {
                    self.step();
                }
            }
            Action::Close(slot) => self.closed(slot),
        }
        true
    }

    fn closed(&mut self, slot: Slot) {
        let inode = self.fds[slot.index()].take().unwrap();
        if self.fds.contains(&Some(inode)) {
            return;
        }
        self.closes += 1;
        let file = &self.inodes[inode];
        file.assert_delivered(true);
        let quiet = self.now.since(file.touched);
        let linger = if file.links == 0 { DELETED_LINGER } else { ROTATED_LINGER };
        let crowded = self.fds.iter().filter(|fd| fd.is_some()).count() == FILE_SLOTS - 1 && self.tail.open;
        assert!(quiet >= linger || crowded, "closed after {quiet}");
        // Should it be opened again, it is read on if it was the last one given up, otherwise as a file that appears.
        self.inodes[inode].got.clear();
        self.inodes[inode].overlong = 0;
        self.inodes[inode].base = self.inodes[inode].data.len();
        if let Some(former) = self.left.replace(inode).filter(|&f| f != inode && !self.fds.contains(&Some(f))) {
            self.inodes[former].base = 0;
        }
    }

    fn settle(&mut self) {
        if !self.hints {
            self.now = self.now + RECHECK_SETTLED;
        }
        let mut steps = 0;
        while self.step() {
            steps += 1;
            assert!(steps < 1000, "does not come to rest");
        }
        assert!(!self.tail.is_busy() && self.tail.poll_at() > self.now);
        for inode in self.fds.into_iter().flatten() {
            self.inodes[inode].assert_delivered(false);
        }
        let current = self.at_path();
        assert!(current.is_none() || self.fds.contains(&current), "the file at the path is not open");
        assert_eq!(self.tail.fault(), current.is_none().then_some(Fault::Missing));
    }

    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        self.settle();
        while self.tail.poll_at() < end {
            self.now = self.tail.poll_at();
            self.settle();
        }
        self.now = end;
    }

    /// A writer that has the log open, followed from its start.
    fn followed() -> Self {
        let mut sim = Self::new(true);
        sim.settle();
        sim.reopen(0);
        sim.write(0, 50, true);
        sim.settle();
        sim
    }

    fn lines(&self) -> u64 {
        self.tail.counters().lines
    }

    fn open_files(&self) -> usize {
        self.fds.iter().flatten().count()
    }
}

#[test]
fn an_existing_file_is_read_from_its_end() {
    let mut sim = Sim::new(true);
    sim.reopen(0);
    sim.write(0, 500, true);
    sim.settle();
    assert_eq!(sim.lines(), 0);
    sim.write(0, 100, true);
    sim.settle();
    assert_eq!(sim.lines(), 1);
}

#[test]
fn half_a_line_at_the_start_is_no_line_and_not_overlong() {
    let mut sim = Sim::new(true);
    sim.reopen(0);
    sim.write(0, 20, true);
    sim.write(0, 3 * LINE, false);
    sim.settle();
    sim.write(0, 3 * LINE, true);
    sim.write(0, 30, true);
    sim.settle();
    assert_eq!((sim.lines(), sim.tail.counters().overlong), (1, 0));
}

#[test]
fn bytes_written_between_the_first_look_and_the_open_are_new() {
    let mut sim = Sim::new(true);
    sim.reopen(0);
    sim.write(0, 20, true);
    sim.step();
    sim.write(0, 20, true);
    sim.settle();
    assert_eq!(sim.lines(), 1);
}

#[test]
fn a_file_that_appears_later_is_read_from_its_start() {
    for hints in [true, false] {
        let mut sim = Sim::new(hints);
        sim.settle();
        assert_eq!(sim.tail.fault(), Some(Fault::Missing));
        assert!(sim.tail.poll_at() <= sim.now + RECHECK_UNSETTLED);
        sim.reopen(0);
        sim.write(0, 500, true);
        sim.settle();
        assert_eq!((sim.lines(), sim.tail.fault()), (1, None));
    }
}

#[test]
fn lines_written_to_the_renamed_file_before_the_reopen_are_read() {
    let mut sim = Sim::followed();
    for nr in 1..=10 {
        sim.write(0, 40, true);
        sim.move_aside();
        sim.reopen(1);
        sim.write(1, 60, true);
        sim.settle();
        sim.write(0, 40, true);
        sim.settle();
        assert_eq!(sim.lines(), 1 + 3 * nr);
        sim.reopen(0);
    }
    assert_eq!(sim.tail.counters().rotated, 10);
}

#[test]
fn a_renamed_file_without_successor_is_read_on_for_as_long_as_it_takes() {
    let mut sim = Sim::followed();
    sim.move_aside();
    for _ in 0..5 {
        sim.wait(Duration::from_secs(3600));
        sim.write(0, 40, true);
    }
    sim.settle();
    assert_eq!((sim.lines(), sim.closes), (6, 0));
    sim.reopen(1);
    sim.wait(Duration::from_secs(600));
    assert_eq!((sim.closes, sim.open_files()), (1, 1));
}

#[test]
fn a_replaced_file_is_closed_when_it_was_quiet_and_a_deleted_one_sooner() {
    for (deleted, longest) in [(false, 331), (true, 41)] {
        let mut sim = Sim::followed();
        if deleted {
            sim.unlink(PATH);
        } else {
            sim.move_aside();
        }
        sim.reopen(1);
        sim.settle();
        sim.write(0, 33, false);
        sim.wait(Duration::from_secs(longest));
        assert_eq!((sim.open_files(), sim.lines()), (1, 2), "the unfinished last line counts");
    }
}

#[test]
fn a_file_deleted_without_successor_is_let_go_when_nobody_writes_to_it() {
    let mut sim = Sim::followed();
    sim.unlink(PATH);
    sim.wait(Duration::from_secs(200));
    sim.write(0, 33, true);
    sim.wait(Duration::from_secs(200));
    assert_eq!((sim.open_files(), sim.lines()), (1, 2));
    sim.wait(Duration::from_secs(200));
    assert_eq!(sim.open_files(), 0);
    sim.reopen(0);
    sim.write(0, 20, true);
    sim.settle();
    assert_eq!(sim.lines(), 3);
}

#[test]
fn a_truncated_file_is_read_from_its_start_also_when_it_grew_past_the_position() {
    for regrown in [0, 20, 49, 50, 51, 2000] {
        let mut sim = Sim::followed();
        sim.copytruncate();
        if regrown > 0 {
            sim.write(0, regrown, true);
        }
        sim.settle();
        assert_eq!((sim.lines(), sim.tail.counters().truncated), (1 + u64::from(regrown > 0), 1), "{regrown}");
    }
}

#[test]
fn truncation_inside_a_skipped_line_ends_the_skipping() {
    let mut sim = Sim::followed();
    sim.write(0, 2 * LINE, false);
    sim.settle();
    sim.copytruncate();
    sim.write(0, 3 * LINE, false);
    sim.settle();
    sim.write(0, 3 * LINE, true);
    sim.copytruncate();
    sim.write(0, 20, true);
    sim.settle();
    assert_eq!((sim.lines(), sim.tail.counters().overlong), (2, 2));
}

#[test]
fn overlong_lines_are_counted_once_and_never_glued() {
    let mut sim = Sim::followed();
    for _ in 0..40 {
        sim.write(0, LINE / 3, false);
        sim.settle();
    }
    sim.write(0, 1, true);
    sim.write(0, LINE, true);
    sim.write(0, LINE + 1, true);
    sim.write(0, 10 * LINE, true);
    sim.write(0, 12, true);
    sim.settle();
    assert_eq!((sim.lines(), sim.tail.counters().overlong), (3, 3));
}

#[test]
fn a_retargeted_link_is_followed_and_going_back_repeats_nothing() {
    for hints in [true, false] {
        let mut sim = Sim::new(hints);
        sim.settle();
        sim.names.insert(PATH.into(), Node::Link("t/a"));
        sim.reopen(0);
        sim.write(0, 40, true);
        sim.settle();
        for nr in 1..=4 {
            sim.names.insert(PATH.into(), Node::Link(if nr % 2 == 0 { "t/a" } else { "t/b" }));
            sim.renamed();
            sim.reopen(1);
            sim.write(1, 40, true);
            sim.settle();
            assert_eq!(sim.lines(), 1 + nr, "{hints}");
        }
        assert_eq!(sim.closes, 0);
    }
}

#[test]
fn a_rotating_target_is_found_without_any_hint_of_its_directory() {
    let mut sim = Sim::followed();
    sim.hints = false;
    sim.names.insert(PATH.into(), Node::Link("t/a"));
    sim.reopen(0);
    sim.write(0, 40, true);
    sim.settle();
    sim.move_aside();
    sim.tail.recheck(); // IN_MOVE_SELF of the open file, before the successor exists
    while sim.step() {}
    sim.reopen(0);
    sim.write(0, 40, true);
    sim.now = sim.now + RECHECK_UNSETTLED;
    while sim.step() {}
    assert_eq!(sim.lines(), 3);
}

#[test]
fn a_replaced_directory_is_found() {
    for hints in [true, false] {
        let mut sim = Sim::followed();
        sim.hints = hints;
        sim.rename(PATH, "dir.old/log");
        sim.settle();
        sim.write(0, 40, true);
        sim.reopen(1);
        sim.write(1, 40, true);
        sim.settle();
        assert_eq!(sim.lines(), 3);
    }
}

#[test]
fn rotating_faster_than_it_is_read_drains_the_oldest_before_it_is_closed() {
    let mut sim = Sim::followed();
    for _ in 0..8 {
        for _ in 0..200 {
            sim.write(0, 1000, true);
        }
        sim.move_aside();
        sim.reopen(0);
        while !matches!(sim.tail.poll(sim.now), None | Some(Action::Read(..))) || sim.tail.open {
            sim.step();
        }
    }
    sim.settle();
    assert_eq!(sim.lines(), 1 + 8 * 200);
}

#[test]
fn growth_that_no_hint_announced_is_looked_for_every_second_until_hints_come() {
    let mut sim = Sim::followed();
    assert_eq!(sim.tail.poll_at(), sim.now + RECHECK_SETTLED);
    sim.hints = false;
    sim.write(0, 40, true);
    sim.settle();
    assert_eq!((sim.lines(), sim.tail.poll_at()), (2, sim.now + RECHECK_UNSETTLED));
    sim.hints = true;
    sim.write(0, 40, true);
    sim.now = sim.now + RECHECK_UNSETTLED;
    sim.settle();
    assert_eq!((sim.lines(), sim.tail.poll_at()), (3, sim.now + RECHECK_SETTLED));
    sim.tail.set_watched(false);
    sim.settle();
    assert_eq!(sim.tail.poll_at(), sim.now + RECHECK_UNSETTLED);
}

#[test]
fn a_busy_replaced_file_does_not_starve_its_successor() {
    let mut sim = Sim::followed();
    sim.move_aside();
    sim.reopen(1);
    sim.settle();
    sim.write(1, 40, true);
    for _ in 0..3 {
        for _ in 0..100 {
            sim.write(0, 2000, true);
        }
        sim.step();
    }
    let current = sim.at_path().unwrap();
    assert_eq!(sim.inodes[current].got.len(), 1);
}

#[test]
fn failures_are_counted_and_tried_again() {
    let mut sim = Sim::followed();
    sim.write(0, 40, true);
    let Some(Action::Read(slot, _)) = sim.tail.poll(sim.now) else { panic!("nothing to read") };
    sim.tail.read_failed(slot);
    assert_eq!(sim.tail.poll(sim.now), None);
    sim.now = sim.now + RECHECK_SETTLED;
    sim.settle();
    assert_eq!((sim.lines(), sim.tail.counters().read_errors), (2, 1));

    let mut tail = Tail::new(Start::End);
    tail.looked(Err(Fault::NotAFile), sim.now);
    assert_eq!((tail.fault(), tail.poll(sim.now)), (Some(Fault::NotAFile), None));
    let status = Status { key: FileKey { dev: 1, ino: 1 }, size: 100, links: 1 };
    tail.looked(Ok(status), sim.now);
    let Some(Action::Open(slot)) = tail.poll(sim.now) else { panic!("not opened") };
    tail.opened(slot, Err(Fault::Denied), sim.now);
    assert_eq!((tail.fault(), tail.poll(sim.now)), (Some(Fault::Denied), None));
    assert_eq!(tail.poll_at(), sim.now + RECHECK_UNSETTLED);
    // What existed at the start is old, even if it can be opened only now.
    tail.looked(Ok(Status { size: 150, ..status }), sim.now);
    tail.opened(slot, Ok(Status { size: 150, ..status }), sim.now);
    tail.looked(Ok(Status { size: 150, ..status }), sim.now);
    assert_eq!(tail.poll(sim.now), Some(Action::Read(slot, 100 - wide(ANCHOR))));
}

#[test]
fn a_file_that_was_given_up_and_comes_back_is_read_on() {
    let mut sim = Sim::followed();
    sim.write(0, 33, false);
    sim.rename(PATH, "dir/aside");
    sim.reopen(1);
    sim.wait(Duration::from_secs(400));
    assert_eq!((sim.closes, sim.lines()), (1, 2));
    sim.write(0, 33, true);
    sim.write(0, 40, true);
    sim.rename("dir/aside", PATH);
    sim.settle();
    assert_eq!(sim.lines(), 3, "neither old lines nor the rest of the one that counted already");
    sim.wait(Duration::from_secs(400));
    assert_eq!(sim.closes, 2);
}

#[test]
fn a_slot_is_not_given_up_for_a_file_that_is_gone_again() {
    let mut sim = Sim::followed();
    for _ in 0..2 {
        sim.move_aside();
        sim.reopen(1);
        sim.settle();
    }
    sim.move_aside();
    sim.reopen(1);
    while !sim.tail.open {
        sim.step();
    }
    assert!(matches!(sim.tail.poll(sim.now), Some(Action::Read(..))), "the oldest is read before it makes room");
    sim.unlink(PATH);
    sim.settle();
    sim.write(0, 40, true);
    sim.settle();
    assert_eq!((sim.closes, sim.lines()), (0, 2));
}

#[derive(Clone, Debug)]
enum Op {
    Write(usize, usize, bool),
    Burst(usize, usize),
    Reopen(usize),
    MoveAside,
    Create,
    Unlink,
    CopyTruncate,
    Link(&'static str),
    ReplaceDir,
    Steps(usize),
    Settle,
    Overflow,
    Pass(u64),
}

fn op() -> impl Strategy<Value = Op> {
    let len = prop::sample::select(vec![1, 9, 10, 31, 32, 33, 100, 700, LINE - 1, LINE, LINE + 1, 2 * LINE, CHUNK]);
    prop_oneof![
        12 => (0..2usize, len, any::<bool>()).prop_map(|(w, len, end)| Op::Write(w, len, end)),
        2 => (0..2usize, 1..40usize).prop_map(|(w, count)| Op::Burst(w, count)),
        5 => (0..2usize).prop_map(Op::Reopen),
        3 => Just(Op::MoveAside),
        2 => Just(Op::Create),
        1 => Just(Op::Unlink),
        3 => Just(Op::CopyTruncate),
        2 => prop::sample::select(vec!["t/a", "t/b"]).prop_map(Op::Link),
        1 => Just(Op::ReplaceDir),
        6 => (1..6usize).prop_map(Op::Steps),
        4 => Just(Op::Settle),
        1 => Just(Op::Overflow),
        3 => prop::sample::select(vec![10, 999, 1000, 5000, 11_000, 31_000, 301_000]).prop_map(Op::Pass),
    ]
}

/// `PROPTEST_CASES` if it is set.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(1500)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_line_is_delivered_once_and_in_order(ops in prop::collection::vec(op(), 1..60), hints in any::<bool>()) {
        let mut sim = Sim::new(hints);
        for op in ops {
            match op {
                Op::Write(writer, len, newline) => sim.write(writer, len, newline),
                Op::Burst(writer, count) => (0..count).for_each(|nr| sim.write(writer, 3000 + nr, true)),
                Op::Reopen(writer) => sim.reopen(writer),
                Op::MoveAside => sim.move_aside(),
                Op::Create => { sim.create(sim.target()); }
                Op::Unlink => sim.unlink(sim.target()),
                Op::CopyTruncate => sim.copytruncate(),
                Op::Link(target) => {
                    sim.unlink(PATH);
                    sim.names.insert(PATH.into(), Node::Link(target));
                    sim.renamed();
                }
                Op::ReplaceDir => {
                    sim.aside += 1;
                    let to = format!("dir.{}/log", sim.aside);
                    sim.rename(PATH, &to);
                }
                Op::Steps(count) => (0..count).for_each(|_| { sim.step(); }),
                Op::Settle => sim.settle(),
                Op::Overflow => {
                    sim.tail.recheck();
                    Slot::all().for_each(|slot| sim.tail.changed(slot));
                }
                Op::Pass(ms) => sim.now = sim.now + Duration::from_millis(ms),
            }
        }
        sim.settle();
    }
}
