//! The state file: opens, reads and writes it as [`edgeban_core::persist`] says.
//!
//! In `[global] state_dir` lie `TABLE.state`, and `TABLE.state.lock`, which the daemon has locked that writes it: two in
//! different network namespaces may share the directory. A new file is `TABLE.state.new` until it is complete and on the
//! disk; one that is of no use becomes `TABLE.state.bad`.
//!
//! Nothing here is worth ending for: what goes wrong is said once, and once more when it is well again.

use crate::daemon::FullEngine;
use crate::log;
use crate::log::Log;
use crate::out::Printable;
use crate::source::Files;
use crate::source::path::Path;
use core::fmt;
use edgeban_core::config::model::Global;
use edgeban_core::persist::journal::Counters;
use edgeban_core::persist::load::{Report, Useless};
use edgeban_core::persist::record::Boot;
use edgeban_core::persist::snapshot::{self, Snapshot};
use edgeban_core::persist::{Clock, Journal, LEN, Loader, Record, Step};
use edgeban_core::time::{Duration, Instant};
use edgeban_linux::fd::{AsFd, BorrowedFd, OwnedFd};
use edgeban_linux::file::{self, OpenFlags};
use edgeban_linux::{Errno, clock, lock};

/// Bytes that are written at once. A snapshot is made in pieces of it, between which logs are read and bans made.
pub const BUFFER: usize = 16 * 1024;
const _: () = assert!(BUFFER.is_multiple_of(LEN));

/// The files of a state.
struct Paths {
    directory: Path,
    file: Path,
    new: Path,
    bad: Path,
    lock: Path,
}

/// A snapshot that is being written.
struct Renewal {
    snapshot: Snapshot,
    fd: OwnedFd,
    records: u64,
}

/// The state of a daemon that keeps one.
pub struct State {
    paths: Paths,
    /// Held as long as this lives.
    _lock: OwnedFd,
    /// That of the file that was written in this run.
    inode: u64,
    journal: Journal,
    renewal: Option<Renewal>,
    buffer: &'static mut [u8; BUFFER],
    /// A failure that was said.
    said: bool,
}

/// `None` if a path is too long, which `limits::STATE_DIR` rules out.
fn paths(global: &Global) -> Option<Paths> {
    let Global { state_dir, table, .. } = global;
    Some(Paths {
        directory: Path::of(format_args!("{state_dir}"))?,
        file: Path::of(format_args!("{state_dir}/{table}.state"))?,
        new: Path::of(format_args!("{state_dir}/{table}.state.new"))?,
        bad: Path::of(format_args!("{state_dir}/{table}.state.bad"))?,
        lock: Path::of(format_args!("{state_dir}/{table}.state.lock"))?,
    })
}

/// The number of this boot; all zero if `/proc` does not say.
fn boot() -> Boot {
    let mut text = [0; 36];
    let file = file::open(c"/proc/sys/kernel/random/boot_id", OpenFlags::READ_ONLY, 0);
    let read = file.and_then(|file| file::read(file.as_fd(), &mut text)).unwrap_or(0);
    let mut boot = Boot::default();
    let mut digits = text.get(..read).unwrap_or_default().iter().filter_map(|byte| char::from(*byte).to_digit(16));
    for byte in &mut boot {
        let (Some(high), Some(low)) = (digits.next(), digits.next()) else { return Boot::default() };
        *byte = u8::try_from(16 * high + low).unwrap_or(0);
    }
    boot
}

/// What both clocks show.
fn clocks(now: Instant) -> Clock {
    Clock::new(clock::realtime_secs().unwrap_or(0), now)
}

/// Bytes of records on their way to a file.
struct Pen<'a> {
    buffer: &'a mut [u8; BUFFER],
    at: usize,
    records: u64,
    fd: BorrowedFd<'a>,
    result: Result<(), Errno>,
}

impl<'a> Pen<'a> {
    fn new(buffer: &'a mut [u8; BUFFER], fd: BorrowedFd<'a>) -> Self {
        Self { buffer, at: 0, records: 0, fd, result: Ok(()) }
    }

    fn write(&mut self, record: &Record) {
        if let Some(place) = self.buffer.get_mut(self.at..self.at + LEN) {
            place.copy_from_slice(&record.emit());
            self.at += LEN;
            self.records += 1;
        }
        if self.at == BUFFER {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let bytes = self.buffer.get(..self.at).unwrap_or_default();
        if self.result.is_ok() {
            self.result = file::write_all(self.fd, bytes);
        }
        self.at = 0;
    }

    /// How many records were written, once all are.
    fn finish(mut self) -> Result<u64, Errno> {
        self.flush();
        self.result.map(|()| self.records)
    }

    /// Writes what happened, and how far logs are read.
    fn news(&mut self, engine: &mut FullEngine, files: &mut Files, clock: &Clock, now: Instant) {
        while let Some(changed) = engine.changes_mut().pop() {
            for record in snapshot::change(engine, clock, changed, now).iter().flatten() {
                self.write(record);
            }
        }
        files.write_places(&mut |place| self.write(&Record::File(place)));
    }
}

impl State {
    /// Takes the directory, if one is wanted and to be had.
    pub fn open(global: &Global, buffer: &'static mut [u8; BUFFER], now: Instant, log: &mut Log<'_>) -> Option<Self> {
        if global.state_dir.is_empty() {
            return None;
        }
        let paths = paths(global)?;
        let name = Printable(paths.directory.as_c_str().to_bytes());
        match Self::lock(&paths) {
            Ok(Some(lock)) => Some(Self {
                paths,
                _lock: lock,
                inode: 0,
                journal: Journal::new(global.state_sync, boot(), now),
                renewal: None,
                buffer,
                said: false,
            }),
            Ok(None) => {
                let table = &global.table;
                log!(
                    log,
                    Error,
                    "state_dir {name}: another daemon writes the state of a table {table} there; none is kept"
                );
                None
            }
            Err(error) => {
                log!(log, Error, "state_dir {name}: {error}; nothing is kept over a restart but what the kernel holds");
                None
            }
        }
    }

    fn lock(paths: &Paths) -> Result<Option<OwnedFd>, Errno> {
        match file::create_directory(paths.directory.as_c_str(), 0o700) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(error) => return Err(error),
        }
        let flags = OpenFlags::READ_WRITE | OpenFlags::CREATE | OpenFlags::NO_FOLLOW | OpenFlags::NONBLOCK;
        let fd = file::open(paths.lock.as_c_str(), flags, 0o600)?;
        Ok(lock::try_exclusive(fd.as_fd())?.then_some(fd))
    }

    /// From now on a power cut may lose so much.
    pub fn set_sync(&mut self, sync: Duration) {
        self.journal.set_sync(sync);
    }

    /// Takes what earlier runs wrote down into an engine that has no bans yet.
    #[inline(never)] // smaller
    pub fn load(&mut self, engine: &mut FullEngine, now: Instant, log: &mut Log<'_>) {
        let mut loader = Loader::new();
        let result = self.read(&mut |record| loader.scan(record));
        let name = Printable(self.paths.file.as_c_str().to_bytes());
        match result {
            Ok(()) => {}
            Err(Errno::ENOENT) => return,
            Err(error) => {
                log!(log, Error, "state {name}: cannot be read: {error}");
                return;
            }
        }
        if let Err(useless) = loader.begin(self.journal.boot(), clocks(now)) {
            let what = match useless {
                Useless::NoHeader => "it does not begin as such a file does",
                Useless::Version => "it is of another version",
            };
            let bad = Printable(self.paths.bad.as_c_str().to_bytes());
            match file::rename(self.paths.file.as_c_str(), self.paths.bad.as_c_str()) {
                Ok(()) => log!(log, Error, "state {name}: {what}; set aside as {bad}"),
                Err(error) => log!(log, Error, "state {name}: {what}; not set aside as {bad}: {error}"),
            }
            return;
        }
        let result = self.read(&mut |record| {
            loader.apply(record, engine, now);
        });
        let name = Printable(self.paths.file.as_c_str().to_bytes());
        if let Err(error) = result {
            log!(log, Error, "state {name}: cannot be read to its end: {error}");
        }
        say(name, loader.report(), engine, log);
    }

    fn read(&mut self, take: &mut dyn FnMut(&[u8; LEN])) -> Result<(), Errno> {
        let flags = OpenFlags::READ_ONLY | OpenFlags::NO_FOLLOW | OpenFlags::NONBLOCK;
        let file = file::open(self.paths.file.as_c_str(), flags, 0)?;
        let mut held = 0;
        loop {
            let got = file::read(file.as_fd(), self.buffer.get_mut(held..).unwrap_or_default())?;
            let (records, rest) = self.buffer.get(..held + got).unwrap_or_default().as_chunks::<LEN>();
            records.iter().for_each(&mut *take);
            // What is left of a record at the end was never written.
            if got == 0 {
                return Ok(());
            }
            let rest = rest.len();
            let end = held + got;
            self.buffer.copy_within(end - rest..end, 0);
            held = rest;
        }
    }

    /// Writes what is to be written now. Returns whether there is more at once.
    #[inline(never)] // smaller
    pub fn turn(&mut self, engine: &mut FullEngine, files: &mut Files, now: Instant, log: &mut Log<'_>) -> bool {
        let mut result = match &self.renewal {
            Some(_) => self.go_on(engine, files, now),
            None => {
                let step = self.journal.poll(engine.changes(), || files.moved(), || clocks(now), now);
                match step {
                    None => return false,
                    Some(Step::Append) => self.append(engine, files, now),
                    Some(Step::Renew) => self.begin(engine, now, false),
                }
            }
        };
        // Where nothing may be lost, nothing else is done before all is written.
        while self.journal.sync() == Duration::ZERO && result.is_ok() && self.renewal.is_some() {
            result = self.go_on(engine, files, now);
        }
        self.judge(result, engine, now, log);
        self.renewal.is_some()
    }

    /// Writes all that there is, at the end of the run.
    #[inline(never)] // smaller
    pub fn close(&mut self, engine: &mut FullEngine, files: &mut Files, now: Instant, log: &mut Log<'_>) {
        if engine.changes().is_empty() && !files.moved() && engine.attempts().is_empty() {
            return;
        }
        let mut result = self.begin(engine, now, true);
        while result.is_ok() && self.renewal.is_some() {
            result = self.go_on(engine, files, now);
        }
        self.judge(result, engine, now, log);
    }

    /// When [`State::turn`] has something to do.
    pub fn poll_at(&self, engine: &FullEngine) -> Instant {
        self.journal.poll_at(engine.changes())
    }

    /// Bytes that the file has, as far as it was written in this run.
    pub fn len(&self) -> u64 {
        self.journal.len()
    }

    /// Bytes that were written in this hour and the 23 before.
    pub fn today(&self, now: Instant) -> u64 {
        self.journal.day(now)
    }

    /// What was written in this run.
    pub fn counters(&self) -> Counters {
        self.journal.counters()
    }

    fn judge(&mut self, result: Result<(), Errno>, engine: &mut FullEngine, now: Instant, log: &mut Log<'_>) {
        let name = Printable(self.paths.file.as_c_str().to_bytes());
        match result {
            Ok(()) if self.said && self.renewal.is_none() => {
                log!(log, Info, "state {name}: it can be written again");
                self.said = false;
            }
            Ok(()) => {}
            Err(error) => {
                self.renewal = None;
                self.journal.failed(now);
                // What was to be written is so still.
                engine.changes_mut().renew();
                if !core::mem::replace(&mut self.said, true) {
                    log!(log, Error, "state {name}: cannot be written: {error}; trying again");
                }
            }
        }
    }

    /// Begins a new file.
    fn begin(&mut self, engine: &mut FullEngine, now: Instant, closing: bool) -> Result<(), Errno> {
        let flags = OpenFlags::WRITE_ONLY | OpenFlags::CREATE | OpenFlags::TRUNCATE | OpenFlags::NO_FOLLOW;
        let fd = file::open(self.paths.new.as_c_str(), flags | OpenFlags::NONBLOCK, 0o600)?;
        // What happens from now on comes behind the snapshot.
        engine.changes_mut().clear();
        let snapshot = Snapshot::new(*self.journal.boot(), clocks(now), now, closing);
        self.renewal = Some(Renewal { snapshot, fd, records: 0 });
        Ok(())
    }

    /// Writes a piece of the new file, and gives it the name of the old one when it is complete.
    fn go_on(&mut self, engine: &mut FullEngine, files: &mut Files, now: Instant) -> Result<(), Errno> {
        let Some(renewal) = &mut self.renewal else { return Ok(()) };
        if engine.changes().has_lifted() {
            // It may be in what was written already.
            self.renewal = None;
            return Ok(());
        }
        let mut pen = Pen::new(self.buffer, renewal.fd.as_fd());
        let mut done = false;
        for _ in 0..BUFFER / LEN {
            match renewal.snapshot.next(engine) {
                Some(record) => pen.write(&record),
                None => {
                    done = true;
                    break;
                }
            }
        }
        let clock = renewal.snapshot.clock();
        if done {
            pen.news(engine, files, &clock, now);
        }
        renewal.records += pen.finish()?;
        if !done {
            return Ok(());
        }
        file::sync_data(renewal.fd.as_fd())?;
        self.inode = file::status(renewal.fd.as_fd())?.inode;
        file::rename(self.paths.new.as_c_str(), self.paths.file.as_c_str())?;
        let flags = OpenFlags::READ_ONLY | OpenFlags::DIRECTORY;
        file::sync(file::open(self.paths.directory.as_c_str(), flags, 0)?.as_fd())?;
        self.journal.renewed(self.renewal.take().map_or(0, |renewal| renewal.records), clock, now);
        Ok(())
    }

    /// Writes what happened behind what is there.
    fn append(&mut self, engine: &mut FullEngine, files: &mut Files, now: Instant) -> Result<(), Errno> {
        let flags = OpenFlags::WRITE_ONLY | OpenFlags::APPEND | OpenFlags::NO_FOLLOW | OpenFlags::NONBLOCK;
        let fd = file::open(self.paths.file.as_c_str(), flags, 0)?;
        let status = file::status(fd.as_fd())?;
        let header = self.journal.header().filter(|_| status.inode == self.inode && status.size == self.journal.len());
        // Somebody else's doing.
        let Some(header) = header else { return self.begin(engine, now, false) };
        let mut pen = Pen::new(self.buffer, fd.as_fd());
        pen.write(&Record::Time(clocks(now)));
        // The clock may have been put right by some seconds; all times of a file are by that of its header.
        pen.news(engine, files, &header, now);
        let records = pen.finish()?;
        file::sync_data(fd.as_fd())?;
        self.journal.appended(records, now);
        Ok(())
    }
}

/// Says what was taken in.
fn say(name: impl fmt::Display, report: Report, engine: &FullEngine, log: &mut Log<'_>) {
    let Report { jailless, protected, full, damaged, damaged_at, unknown } = report;
    if damaged > 0 {
        log!(log, Error, "state {name}: {damaged} records are damaged, the first at byte {damaged_at}; skipped");
    }
    if unknown > 0 {
        log!(log, Warning, "state {name}: {unknown} records are of a later version; skipped");
    }
    if full > 0 {
        log!(log, Warning, "state {name}: {full} bans found no room");
    }
    if jailless + protected > 0 {
        log!(
            log,
            Info,
            "state {name}: not taken in: {jailless} bans of jails that are gone, {protected} of what is protected"
        );
    }
    let bans = engine.bans().len() - engine.bans().leaving() + engine.bans().prefixes().waiting();
    log!(log, Info, "state {name}: {bans} bans go on, those of {} addresses are remembered", engine.history().len());
}
