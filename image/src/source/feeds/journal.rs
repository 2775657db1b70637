//! systemd's journal: follows `system.journal` through its rotations, and from one of journald's directories to the other.
//!
//! journald writes to `/run/log/journal/MACHINE` until `/var` is there, and then, if it is to, copies all of that to
//! `/var/log/journal/MACHINE` and takes the first away; so the first that is there is the one it writes to. It renames the file
//! when it is full, and never writes to it again: that one is read to its end, then those that came and went meanwhile (their
//! names come with inotify's events), then the new one. Each is read from behind the last entry that was read before.
//!
//! journald writes through a memory map, of which inotify sees nothing, but cuts the file to its own length after each entry, or
//! some, at most a quarter of a second later: that is seen.
//!
//! Not here: the journals of users (`user-1000.journal`), whose entries count for nobody, and those of namespaces.

use super::{LINES, UNSETTLED, fault, wait_for};
use crate::source::Chunk;
use crate::source::path::Path;
use core::fmt::{self, Write as _};
use edgeban_core::config::model;
use edgeban_core::engine::Hearing;
use edgeban_core::limits;
use edgeban_core::source::feed::{Counters, Fault, Feed};
use edgeban_core::source::journal::{self, Entry, Place, ReadAt, Reader, SCRATCH};
use edgeban_core::source::tail::{FileKey, RECHECK_SETTLED};
use edgeban_core::time::{Duration, Instant};
use edgeban_linux::epoll::Epoll;
use edgeban_linux::fd::{AsFd, BorrowedFd, OwnedFd};
use edgeban_linux::file::{self, OpenFlags};
use edgeban_linux::inotify::{Inotify, Mask, Watch};
use edgeban_linux::{Errno, clock};
use heapless::{String, Vec};

/// Where journald's directories are.
const ROOTS: [&str; 2] = ["/run/log/journal", "/var/log/journal"];

/// The file that journald writes to.
const NAME: &str = "system.journal";

/// What the names of files begin with that it wrote to before.
const FORMER: &[u8] = b"system@";

/// Names of such files that are remembered: journald would have to rotate as often in one turn of the loop.
const ROTATIONS: usize = 8;

/// How soon a file is looked at again whose head journald has not written yet.
const IN_THE_MAKING: Duration = Duration::from_millis(200);

/// Digits of a machine's id.
const MACHINE: usize = 32;

const FILE_EVENTS: Mask = Mask::MODIFY.union(Mask::ATTRIB).union(Mask::MOVE_SELF).union(Mask::DELETE_SELF);

const DIRECTORY_EVENTS: Mask = Mask::CREATE
    .union(Mask::MOVED_TO)
    .union(Mask::MOVED_FROM)
    .union(Mask::DELETE)
    .union(Mask::DELETE_SELF)
    .union(Mask::MOVE_SELF)
    .union(Mask::ONLY_DIRECTORY);

/// The journal.
pub struct Journal {
    /// `directory` of the configuration.
    directory: String<{ limits::JOURNAL_DIRECTORY }>,
    machine: Option<String<MACHINE>>,
    inotify: Option<Inotify>,
    /// Whether its events are waited for.
    waited: bool,
    open: Option<Open>,
    /// The file to go on with, once all of the open one is read.
    next: Option<Path>,
    /// Files that came and went.
    former: Vec<Path, ROTATIONS>,
    /// The last entry that was read, in whichever file.
    place: Option<Place>,
    /// The path was looked at before.
    looked: bool,
    /// It is to be looked at.
    look: bool,
    /// There may be something to read.
    changed: bool,
    due: Instant,
    fault: Option<Fault>,
    /// A file that was no journal, which it may be a moment later.
    refused: Option<FileKey>,
    counters: Counters,
    /// What the readers of former files skipped.
    skipped: u64,
}

struct Open {
    fd: OwnedFd,
    path: Path,
    key: FileKey,
    reader: Reader,
    watch: Option<Watch>,
    directory: Option<Watch>,
}

/// A file for a reader.
struct File<'fd>(BorrowedFd<'fd>);

impl ReadAt for File<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, journal::Fault> {
        file::read_at(self.0, buffer, offset).map_err(|_| journal::Fault::Io)
    }
}

fn path(text: fmt::Arguments<'_>) -> Option<Path> {
    let mut path: String<{ limits::PATH }> = String::new();
    path.write_fmt(text).ok()?;
    Path::new(path.as_bytes())
}

fn key_of(path: &Path) -> Result<FileKey, Errno> {
    file::status_of(path.as_c_str()).map(|status| FileKey { dev: status.device, ino: status.inode })
}

/// The id of this machine, by which journald names its directories.
fn machine() -> Option<String<MACHINE>> {
    let fd = file::open(c"/etc/machine-id", OpenFlags::READ_ONLY, 0).ok()?;
    let mut id = [0; MACHINE];
    if file::read(fd.as_fd(), &mut id) != Ok(MACHINE) || !id.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    String::try_from(core::str::from_utf8(&id).ok()?).ok()
}

impl Journal {
    /// A journal that nobody looked at yet.
    pub fn new(settings: &model::Journal, epoll: Option<&Epoll>) -> Self {
        let inotify = Inotify::new().ok();
        let waited = inotify.as_ref().is_some_and(|inotify| wait_for(epoll, inotify.as_fd(), Feed::Journal));
        Self {
            directory: settings.directory.clone(),
            machine: None,
            inotify,
            waited,
            open: None,
            next: None,
            former: Vec::new(),
            place: None,
            looked: false,
            look: true,
            changed: false,
            due: Instant::ZERO,
            fault: None,
            refused: None,
            counters: Counters::default(),
            skipped: 0,
        }
    }

    /// Whether these are its settings.
    pub fn is_at(&self, settings: &model::Journal) -> bool {
        self.directory == settings.directory
    }

    /// As [`Feeds::turn`](super::Feeds::turn).
    pub fn turn(
        &mut self,
        woken: bool,
        now: Instant,
        chunk: &mut Chunk,
        sink: &mut dyn FnMut(&Entry<'_>) -> Hearing,
    ) -> bool {
        if woken {
            self.wake(chunk);
        }
        if self.look || now >= self.due {
            self.look(now);
        }
        if !self.changed {
            return false;
        }
        let Some(scratch) = chunk.first_chunk_mut::<SCRATCH>() else { return false };
        if self.read(scratch, sink) {
            return true;
        }
        self.changed = false;
        if let Some(path) = self.next.take() {
            self.go_on(path);
            if !self.changed {
                self.due = now + if self.fault.is_some() { UNSETTLED } else { IN_THE_MAKING };
            }
        }
        if self.fault.is_some() {
            self.due = self.due.min(now + UNSETTLED);
        }
        self.changed
    }

    /// When [`Journal::turn`] is due without an event.
    pub const fn poll_at(&self) -> Instant {
        if self.look || self.changed { Instant::ZERO } else { self.due }
    }

    /// What is wrong.
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What happened so far.
    pub fn counters(&self) -> Counters {
        let skipped = self.open.as_ref().map_or(0, |open| skipped(&open.reader));
        Counters { skipped: self.counters.skipped + self.skipped + skipped, ..self.counters }
    }

    /// What would be wrong with it.
    pub fn probe(mut self) -> Option<Fault> {
        self.look(Instant::ZERO);
        self.fault
    }

    /// Takes inotify's events.
    fn wake(&mut self, chunk: &mut Chunk) {
        let Some(inotify) = &self.inotify else { return };
        let Ok(events) = inotify.read(chunk) else { return };
        for event in events {
            let Some(open) = &mut self.open else {
                self.look = true;
                continue;
            };
            if event.watch.is_some() && event.watch == open.watch && event.mask.contains(Mask::MODIFY) {
                self.changed = true;
                continue;
            }
            if event.mask.contains(Mask::IGNORED) {
                open.watch = open.watch.filter(|watch| event.watch != Some(*watch));
                open.directory = open.directory.filter(|watch| event.watch != Some(*watch));
            }
            if event.mask.contains(Mask::MOVED_TO)
                && event.name.starts_with(FORMER)
                && let Ok(name) = core::str::from_utf8(event.name)
                && let Ok(directory) = open.path.directory().as_c_str().to_str()
                && let Some(path) = path(format_args!("{directory}{name}"))
            {
                if self.former.is_full() {
                    self.former.remove(0);
                    self.counters.lost += 1;
                }
                let _ = self.former.push(path);
            }
            self.look = true;
        }
    }

    /// Finds out which file is the current one.
    fn look(&mut self, now: Instant) {
        self.look = false;
        self.changed = true;
        self.machine = self.machine.take().or_else(machine);
        let mut found = Err(Errno::ENOENT);
        let roots = if self.directory.is_empty() { &ROOTS[..] } else { &[self.directory.as_str()][..] };
        for root in roots {
            let within = self.machine.as_ref().and_then(|machine| path(format_args!("{root}/{machine}/{NAME}")));
            let itself = path(format_args!("{root}/{NAME}")).filter(|_| !self.directory.is_empty());
            for path in within.into_iter().chain(itself) {
                found = match (found, key_of(&path)) {
                    (Err(_), Ok(key)) => Ok((path, key)),
                    (Err(Errno::ENOENT), Err(error)) => Err(error),
                    (found, _) => found,
                };
            }
        }
        let first = !core::mem::replace(&mut self.looked, true);
        if first {
            // What was written before this is no news.
            let seconds = clock::realtime_secs().ok().and_then(|seconds| u64::try_from(seconds).ok());
            self.place = Some(Place::at(seconds.unwrap_or(0).saturating_mul(1_000_000)));
        }
        match found {
            Ok((path, key)) => {
                if first {
                    self.begin(path);
                } else if self.open.as_ref().is_none_or(|open| open.key != key) {
                    self.next = self.oldest_former().or(Some(path));
                } else {
                    self.next = None;
                }
            }
            // A rotation may be under way.
            Err(_) if self.open.is_some() => {}
            Err(error) => self.fault = Some(fault(error)),
        }
        let settled = self.waited
            && self.next.is_none()
            && self.fault.is_none()
            && self.open.as_ref().is_some_and(|open| open.watch.is_some() && open.directory.is_some());
        self.due = now + if settled { RECHECK_SETTLED } else { UNSETTLED };
    }

    /// The first of the files that came and went, but for the one that is open.
    fn oldest_former(&mut self) -> Option<Path> {
        let open = self.open.as_ref().map(|open| open.key);
        while let Some(path) = self.former.first() {
            if key_of(path).is_ok_and(|key| open != Some(key)) {
                return Some(path.clone());
            }
            self.former.remove(0);
        }
        None
    }

    /// Begins with the file that is there at the start, at its end.
    fn begin(&mut self, path: Path) {
        self.go_on(path);
        if let Some(open) = &mut self.open {
            match open.reader.seek_realtime(&mut File(open.fd.as_fd()), None) {
                Ok(()) => self.place = open.reader.place().or(self.place),
                Err(error) => self.fault = Some(fault_of(error)),
            }
        }
    }

    /// Goes on with a file behind the last entry that was read in another one.
    fn go_on(&mut self, path: Path) {
        match self.open(&path) {
            Ok(mut open) => {
                let resumed = match &self.place {
                    Some(place) => open.reader.resume(&mut File(open.fd.as_fd()), place),
                    None => Ok(()),
                };
                if let Some(former) = self.open.replace(open) {
                    self.counters.rotated += 1;
                    self.skipped += skipped(&former.reader);
                    self.release(&former);
                }
                self.changed = true;
                // What comes after it.
                self.look = true;
                self.fault = resumed.err().map(fault_of);
                self.refused = None;
            }
            Err(Some(_)) if self.former.first() == Some(&path) => {
                self.former.remove(0);
                self.counters.lost += 1;
                self.look = true;
            }
            Err(fault) => self.fault = fault.or(self.fault),
        }
    }

    /// Opens a file; without a fault it may be well a moment later.
    fn open(&mut self, path: &Path) -> Result<Open, Option<Fault>> {
        let fd = file::open(path.as_c_str(), OpenFlags::READ_ONLY | OpenFlags::NONBLOCK, 0)
            .map_err(|error| Some(fault(error)))?;
        let status = file::status(fd.as_fd()).map_err(|error| Some(fault(error)))?;
        let key = FileKey { dev: status.device, ino: status.inode };
        let reader = Reader::open(&mut File(fd.as_fd())).map_err(|error| {
            let again = self.refused.replace(key) == Some(key);
            if error == journal::Fault::NotAJournal && !again { None } else { Some(fault_of(error)) }
        })?;
        let inotify = self.inotify.as_ref();
        let directory =
            inotify.and_then(|inotify| inotify.add_watch(path.directory().as_c_str(), DIRECTORY_EVENTS).ok());
        let watch = inotify.and_then(|inotify| inotify.add_watch(path.as_c_str(), FILE_EVENTS).ok());
        // The watch is that of whatever the path leads to.
        let watch = watch.filter(|_| key_of(path) == Ok(key));
        Ok(Open { fd, path: path.clone(), key, reader, watch, directory })
    }

    /// Ends the watches of a file that the open one does not have, too.
    fn release(&self, former: &Open) {
        let Some(inotify) = &self.inotify else { return };
        let open = self.open.as_ref();
        for watch in [former.watch, former.directory].into_iter().flatten() {
            if !open.is_some_and(|open| [open.watch, open.directory].contains(&Some(watch))) {
                // It may be gone already, with what it watched.
                let _ = inotify.remove_watch(watch);
            }
        }
    }

    /// Reads some entries. True if there may be more.
    fn read(&mut self, scratch: &mut [u8; SCRATCH], sink: &mut dyn FnMut(&Entry<'_>) -> Hearing) -> bool {
        let Some(open) = &mut self.open else { return false };
        let mut file = File(open.fd.as_fd());
        for _ in 0..LINES {
            match open.reader.next(&mut file, scratch) {
                Ok(Some(entry)) => {
                    self.counters.lines += 1;
                    self.counters.bytes += u64::try_from(entry.message.len()).unwrap_or(0);
                    match sink(&entry) {
                        Hearing::Read => {}
                        Hearing::NotBelieved => self.counters.not_believed += 1,
                        Hearing::NotALine => self.counters.skipped += 1,
                    }
                    self.place = open.reader.place();
                }
                Ok(None) => {
                    self.place = open.reader.place();
                    self.fault = None;
                    return false;
                }
                Err(error) => {
                    // It is tried again, and its successor waited for.
                    self.fault = Some(fault_of(error));
                    return false;
                }
            }
        }
        true
    }
}

fn skipped(reader: &Reader) -> u64 {
    let journal::Counters { compressed, damaged, .. } = reader.counters();
    compressed + damaged
}

const fn fault_of(error: journal::Fault) -> Fault {
    match error {
        journal::Fault::Io => Fault::Failed,
        journal::Fault::Damaged => Fault::Damaged,
        journal::Fault::NotAJournal | journal::Fault::Unknown(_) => Fault::Unknown,
    }
}
