//! The log files: opens, watches, stats and reads them as [`edgeban_core::source::tail`] says.
//!
//! inotify hints make that prompt, they are not needed for it to be right. Watched are each open file (also a replaced
//! one, the watch follows the inode) and its directory; a watch is made before the status is read that it is to keep
//! current, so nothing falls between. Files of one directory share its watch, two paths that lead to one file share
//! that file's. Where inotify is missing or its limits are reached, the file is looked at every second.
//!
//! Only regular files are followed: FIFOs, sockets, devices and directories are a [`Fault`], shown by
//! [`Files::poll_fault`]. A symbolic link's target directory is not watched: its changes are seen within a second
//! when the open file is renamed or deleted, and within 30 otherwise.

pub mod feeds;
pub mod path;

use edgeban_core::limits::{CHUNK, FILE_SLOTS, FILES};
use edgeban_core::persist::record::Place;
use edgeban_core::source::tail::{Action, Counters, Fault, FileKey, Slot, Start, Status, Tail};
use edgeban_core::time::Instant;
use edgeban_linux::Errno;
use edgeban_linux::fd::{AsFd, BorrowedFd, OwnedFd};
use edgeban_linux::file::{self, FileKind, FileStatus, OpenFlags};
use edgeban_linux::inotify::{Event, Inotify, Mask, Watch};
use heapless::Vec;

use path::Path;

/// What is watched of a file.
const FILE_EVENTS: Mask = Mask::MODIFY.union(Mask::ATTRIB).union(Mask::MOVE_SELF).union(Mask::DELETE_SELF);

/// What is watched of its directory.
const DIRECTORY_EVENTS: Mask = Mask::CREATE
    .union(Mask::MOVED_TO)
    .union(Mask::MOVED_FROM)
    .union(Mask::DELETE)
    .union(Mask::DELETE_SELF)
    .union(Mask::MOVE_SELF)
    .union(Mask::ONLY_DIRECTORY);

/// Actions of one file in one turn: a rotation takes six, and a path that changes all the time must not hold the loop.
const ACTIONS: usize = 8;

/// The buffer that all files are read into, one after the other.
pub type Chunk = [u8; CHUNK];

/// One of the followed paths.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileId(usize);

impl FileId {
    /// Its number, in the order of [`Files::add`], below [`FILES`].
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// Why a path cannot be added.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddError {
    /// There are [`FILES`] already.
    Full,
    /// Empty, longer than [`PATH`](edgeban_core::limits::PATH), with a NUL, or ending in a slash.
    BadPath,
}

/// A followed path with what is open for it.
struct File {
    path: Path,
    tail: Tail,
    open: [Option<Open>; FILE_SLOTS],
    directory: Option<Watch>,
    /// The fault that was last shown.
    shown: Option<Fault>,
    /// How far it was read when that was written down last.
    written: Option<(FileKey, u64)>,
}

struct Open {
    fd: OwnedFd,
    key: FileKey,
    watch: Option<Watch>,
}

/// All followed paths.
pub struct Files {
    files: Vec<File, FILES>,
    inotify: Option<Inotify>,
    overflows: u64,
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

impl Files {
    /// No path, and no inotify yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { files: Vec::new(), inotify: None, overflows: 0 }
    }

    /// Makes the inotify instance. Without it, or after its failure, all files are looked at every second.
    ///
    /// # Errors
    /// inotify_init1(2): `EMFILE` when `fs.inotify.max_user_instances` is reached, `ENOSYS` in a kernel without it.
    pub fn start_watching(&mut self) -> Result<(), Errno> {
        self.inotify = Some(Inotify::new()?);
        self.recheck_all();
        Ok(())
    }

    /// The descriptor that becomes readable when [`Files::wake`] should be called.
    #[must_use]
    pub fn inotify_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    /// Follows `path` from the next turn on. A path that is followed already gives the same [`FileId`].
    ///
    /// # Errors
    /// [`AddError`]; whether the file is there plays no part.
    pub fn add(&mut self, path: &[u8], start: Start) -> Result<FileId, AddError> {
        let path = Path::new(path).ok_or(AddError::BadPath)?;
        if let Some(index) = self.files.iter().position(|file| file.path == path) {
            return Ok(FileId(index));
        }
        let file = File {
            path,
            tail: Tail::new(start),
            open: [const { None }; FILE_SLOTS],
            directory: None,
            shown: None,
            written: None,
        };
        self.files.push(file).map_err(|_| AddError::Full)?;
        Ok(FileId(self.files.len() - 1))
    }

    /// Whether [`Files::add`] takes this for a path.
    #[must_use]
    pub fn is_path(path: &[u8]) -> bool {
        Path::new(path).is_some()
    }

    /// Ends to follow the paths of which `keep` is not true. The [`FileId`]s of the others change, and nothing else of
    /// them: [`Files::add`] tells them.
    pub fn retain(&mut self, keep: &dyn Fn(&[u8]) -> bool) {
        for index in (0..self.files.len()).rev() {
            if self.files.get(index).is_none_or(|file| keep(file.path.as_c_str().to_bytes())) {
                continue;
            }
            let file = self.files.remove(index);
            let open = file.open.into_iter().flatten().map(|open| open.watch);
            open.chain([file.directory]).for_each(|watch| self.release(watch));
        }
    }

    /// The path of a file, as it was added.
    #[must_use]
    pub fn path(&self, id: FileId) -> &[u8] {
        self.files.get(id.0).map(|file| file.path.as_c_str().to_bytes()).unwrap_or_default()
    }

    /// The numbers of all paths.
    pub fn ids(&self) -> impl Iterator<Item = FileId> {
        (0..self.files.len()).map(FileId)
    }

    /// How many paths are followed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Takes one buffer of inotify's events. What does not fit keeps the descriptor readable.
    pub fn wake(&mut self, buffer: &mut Chunk) {
        let Some(inotify) = &self.inotify else { return };
        let Ok(events) = inotify.read(buffer) else { return };
        for event in events {
            match event.watch {
                Some(watch) => self.files.iter_mut().for_each(|file| file.event(watch, &event)),
                None => {
                    self.overflows += 1;
                    self.recheck_all();
                }
            }
        }
    }

    /// Does what is due: at most one chunk a file is read. Each complete line goes to `sink`. True when there is more
    /// to do at once; otherwise it is time again at [`Files::poll_at`] or after [`Files::wake`].
    pub fn turn(&mut self, now: Instant, buffer: &mut Chunk, sink: &mut dyn FnMut(FileId, &[u8])) -> bool {
        let mut more = false;
        for index in 0..self.files.len() {
            for _ in 0..ACTIONS {
                let Some(file) = self.files.get_mut(index) else { break };
                let Some(action) = file.tail.poll(now) else { break };
                match action {
                    Action::Read(slot, pos) => {
                        file.read(slot, pos, now, buffer, &mut |line| sink(FileId(index), line));
                        break;
                    }
                    Action::Look => self.look(index, now),
                    Action::Open(slot) => file.open(slot, self.inotify.as_ref(), now),
                    Action::Check(slot) => file.check(slot, now),
                    Action::Close(slot) => self.close(index, slot),
                }
            }
            more |= self.files.get(index).is_some_and(|file| file.tail.is_busy());
        }
        more
    }

    /// When [`Files::turn`] is due without any event; `None` without files.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        self.files.iter().map(|file| file.tail.poll_at()).min()
    }

    /// The next path whose fault came, changed or went since this was last asked.
    pub fn poll_fault(&mut self) -> Option<(FileId, Option<Fault>)> {
        let (index, file) = self.files.iter_mut().enumerate().find(|(_, file)| file.shown != file.tail.fault())?;
        file.shown = file.tail.fault();
        Some((FileId(index), file.shown))
    }

    /// What is wrong with a path now.
    #[must_use]
    pub fn fault(&self, id: FileId) -> Option<Fault> {
        self.files.get(id.0)?.tail.fault()
    }

    /// What happened to a path so far.
    #[must_use]
    pub fn counters(&self, id: FileId) -> Counters {
        self.files.get(id.0).map(|file| file.tail.counters()).unwrap_or_default()
    }

    /// Whether any path was read further than [`Files::write_places`] said last.
    #[must_use]
    pub fn moved(&self) -> bool {
        self.files.iter().any(|file| {
            let place = file.tail.place().map(|(key, offset, _)| (key, offset));
            place.is_some() && place != file.written
        })
    }

    /// Says how far each path is read that was read at all.
    pub fn write_places(&mut self, write: &mut dyn FnMut(Place)) {
        for file in &mut self.files {
            if let Some((key, offset, before)) = file.tail.place() {
                write(Place::new(file.path.as_c_str().to_bytes(), key, offset, before));
                file.written = Some((key, offset));
            }
        }
    }

    /// Times that inotify's queue ran over, after which everything was looked at again.
    #[must_use]
    pub const fn overflows(&self) -> u64 {
        self.overflows
    }

    fn recheck_all(&mut self) {
        for file in &mut self.files {
            file.tail.recheck();
            Slot::all().for_each(|slot| file.tail.changed(slot));
        }
    }

    fn look(&mut self, index: usize, now: Instant) {
        let Some(file) = self.files.get_mut(index) else { return };
        // The directory may be another one by now; for the same one the kernel gives the same watch again.
        let inotify = self.inotify.as_ref();
        let directory = inotify.and_then(|i| i.add_watch(file.path.directory().as_c_str(), DIRECTORY_EVENTS).ok());
        let former = core::mem::replace(&mut file.directory, directory);
        let result = file::status_of(file.path.as_c_str()).map_err(fault).and_then(regular);
        if let Ok(status) = result {
            file.watch_again(status, inotify);
        }
        file.update_watched();
        file.tail.looked(result, now);
        if former != directory {
            self.release(former);
        }
    }

    fn close(&mut self, index: usize, slot: Slot) {
        let Some(file) = self.files.get_mut(index) else { return };
        let open = file.open.get_mut(slot.index()).and_then(Option::take);
        file.update_watched();
        self.release(open.and_then(|open| open.watch));
    }

    /// Ends a watch that nobody uses any more.
    fn release(&mut self, watch: Option<Watch>) {
        let Some(watch) = watch else { return };
        if let Some(inotify) = &self.inotify
            && !self.files.iter().any(|file| file.uses(watch))
        {
            // It may be gone already, with what it watched.
            let _ = inotify.remove_watch(watch);
        }
    }
}

impl File {
    fn open(&mut self, slot: Slot, inotify: Option<&Inotify>, now: Instant) {
        // Non-blocking, in case that a FIFO has taken the path since the look.
        let flags = OpenFlags::READ_ONLY | OpenFlags::NONBLOCK | OpenFlags::NO_CONTROLLING_TERMINAL;
        let opened = file::open(self.path.as_c_str(), flags, 0).map_err(fault);
        let opened = opened.and_then(|fd| Ok((regular(file::status(fd.as_fd()).map_err(fault)?)?, fd)));
        let result = opened.map(|(status, fd)| {
            let watch = self.watch(status.key, inotify);
            if let Some(place) = self.open.get_mut(slot.index()) {
                *place = Some(Open { fd, key: status.key, watch });
            }
            status
        });
        self.update_watched();
        self.tail.opened(slot, result, now);
    }

    /// Watches the open file `key`. That goes by path (`/proc` may be missing), so it is this file's watch only if the
    /// path leads to it still; otherwise the file goes unwatched and is looked at every second.
    fn watch(&self, key: FileKey, inotify: Option<&Inotify>) -> Option<Watch> {
        let watch = inotify?.add_watch(self.path.as_c_str(), FILE_EVENTS).ok()?;
        let status = file::status_of(self.path.as_c_str()).ok()?;
        (self::key(status) == key).then_some(watch)
    }

    /// Tries again to watch the file that the path leads to, if it is open without watch.
    fn watch_again(&mut self, status: Status, inotify: Option<&Inotify>) {
        let unwatched = |open: &Open| open.key == status.key && open.watch.is_none();
        if self.open.iter().flatten().any(unwatched) {
            let watch = self.watch(status.key, inotify);
            if let Some(open) = self.open.iter_mut().flatten().find(|open| unwatched(open)) {
                open.watch = watch;
            }
        }
    }

    fn read(&mut self, slot: Slot, pos: u64, now: Instant, buffer: &mut Chunk, sink: &mut dyn FnMut(&[u8])) {
        let fd = self.open.get(slot.index()).and_then(Option::as_ref).map(|open| open.fd.as_fd());
        match fd.map_or(Err(Errno::EBADF), |fd| file::read_at(fd, buffer, pos)) {
            Ok(len) => {
                let got = buffer.get(..len).unwrap_or_default();
                self.tail.bytes(slot, got, len == CHUNK, now, sink);
            }
            Err(_) => self.tail.read_failed(slot),
        }
    }

    fn check(&mut self, slot: Slot, now: Instant) {
        let fd = self.open.get(slot.index()).and_then(Option::as_ref).map(|open| open.fd.as_fd());
        // Who cannot be asked is not known to be deleted.
        let links = fd.and_then(|fd| file::status(fd).ok()).map_or(1, |status| status.links);
        self.tail.checked(slot, links, now);
    }

    fn event(&mut self, watch: Watch, event: &Event<'_>) {
        let ended = event.mask.intersects(Mask::IGNORED | Mask::UNMOUNT);
        if self.directory == Some(watch) {
            if ended {
                self.directory = None;
            }
            if event.name.is_empty() || event.name == self.path.file_name() {
                self.tail.recheck();
            }
        }
        for (slot, open) in Slot::all().zip(&mut self.open) {
            let Some(open) = open.as_mut().filter(|open| open.watch == Some(watch)) else { continue };
            if event.mask.contains(Mask::MODIFY) {
                self.tail.changed(slot);
            } else {
                self.tail.recheck();
            }
            if ended {
                open.watch = None;
            }
        }
        if ended {
            self.update_watched();
        }
    }

    fn uses(&self, watch: Watch) -> bool {
        self.directory == Some(watch) || self.open.iter().flatten().any(|open| open.watch == Some(watch))
    }

    fn update_watched(&mut self) {
        self.tail.set_watched(self.directory.is_some() && self.open.iter().flatten().all(|open| open.watch.is_some()));
    }
}

fn key(status: FileStatus) -> FileKey {
    FileKey { dev: status.device, ino: status.inode }
}

fn regular(status: FileStatus) -> Result<Status, Fault> {
    match status.kind {
        FileKind::Regular => Ok(Status { key: key(status), size: status.size, links: status.links }),
        _ => Err(Fault::NotAFile),
    }
}

fn fault(errno: Errno) -> Fault {
    match errno {
        Errno::ENOENT | Errno::ENOTDIR => Fault::Missing,
        Errno::EACCES | Errno::EPERM => Fault::Denied,
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => Fault::Exhausted,
        _ => Fault::Failed,
    }
}
