//! Following one log file through everything that routers and servers do to it: rename and create, copy and truncate,
//! deletion, late creation, a replaced directory, a symbolic link that moves or whose target does.
//!
//! A [`Tail`] does no I/O. [`Tail::poll`] names the next [`Action`], the caller performs it and reports the outcome;
//! hints of inotify only make it act earlier. What it promises: each complete line of each file that it saw at the path
//! is delivered once and in order, unless the file was truncated before it was read, or written [`ROTATED_LINGER`]
//! ([`DELETED_LINGER`]) after its last line when another file had long taken its place.
//!
//! - A `Stream` holds the offset of the first byte not consumed, the start of the unfinished line. There is no buffer
//!   per file: an unfinished line is read again with what follows it.
//! - Each read starts [`ANCHOR`] bytes before that offset. If they are not there any more, or are others, the file was
//!   truncated (and perhaps grew again): it is read from its start. That takes no `fstat` and sees a regrown file too.
//! - When another file appears at the path, the old descriptor stays open and is read on, for the writer may take its
//!   time to reopen. It is given up after a quiet spell, or when its slot is needed: read to its end first, and an
//!   unfinished last line counts as a line then.
//! - What exists at the first look is read from its end of that moment, what appears later from its start.
//! - The path is looked at again every second while something is unsettled, and every 30 seconds otherwise: whatever
//!   inotify cannot see is found then.
//!
//! Not here: files rewritten in place by an editor or by `tail -n 100 log > tmp; cat tmp > log` (read again from their
//! start: the old lines cannot be told from new ones), and a file that was at the path between two looks only.

#[cfg(test)]
mod tests;

use heapless::Vec;

use crate::limits::{ANCHOR, FILE_SLOTS};
use crate::source::line::Framer;
use crate::time::{Duration, Instant};

/// How soon the path is looked at again while it names nothing, or while inotify does not see this file.
pub const RECHECK_UNSETTLED: Duration = Duration::from_secs(1);

/// How soon the path is looked at again when all seems well: the price is one `statx` and one `pread`.
pub const RECHECK_SETTLED: Duration = Duration::from_secs(30);

/// How long a replaced file is kept after its last bytes: writers that are told to reopen do so within seconds, those
/// that find out by themselves (at a cron job, at their next message) take minutes.
pub const ROTATED_LINGER: Duration = Duration::from_secs(300);

/// The same for a file that is deleted: its blocks, on a router RAM, are only held by whoever has it open.
pub const DELETED_LINGER: Duration = Duration::from_secs(10);

/// Which file, whatever its name: valid while it is open, for inode numbers are used again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileKey {
    /// The device's number.
    pub dev: u64,
    /// The inode's number on it.
    pub ino: u64,
}

/// What the kernel says of a regular file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Status {
    /// Which file it is.
    pub key: FileKey,
    /// Its length in bytes.
    pub size: u64,
    /// Its names; none if it was deleted.
    pub links: u32,
}

/// Why a path cannot be followed at present; each is tried again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing there (yet, or any more).
    Missing,
    /// Not a regular file: the configuration names a directory, a FIFO, a socket or a device.
    NotAFile,
    /// No permission: the daemon's user or its confinement.
    Denied,
    /// No descriptor or memory left.
    Exhausted,
    /// Something else is wrong with the file system.
    Failed,
}

impl Fault {
    /// In a few words.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Missing => "not there",
            Self::NotAFile => "not a regular file",
            Self::Denied => "no permission to read it",
            Self::Exhausted => "no descriptors or memory left",
            Self::Failed => "cannot be read",
        }
    }
}

/// One of the descriptors that the caller keeps for a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Slot(u8);

impl Slot {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..).map(Self).take(FILE_SLOTS)
    }

    /// Its number, below [`FILE_SLOTS`].
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// What the caller has to do next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Action {
    /// Get the status of what the path names now, following symbolic links; tell [`Tail::looked`].
    Look,
    /// Open the path into this free slot, start to watch it, get its status; tell [`Tail::opened`].
    Open(Slot),
    /// Read a chunk from this position; tell [`Tail::bytes`] or [`Tail::read_failed`].
    Read(Slot, u64),
    /// Get the status of this open file; tell [`Tail::checked`].
    Check(Slot),
    /// Close this slot; there is nothing to tell.
    Close(Slot),
}

/// Where to begin with a file that is there at the first look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Start {
    /// At its end: old lines are no news.
    End,
    /// At its start.
    Beginning,
}

/// What happened to a path since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Lines delivered.
    pub lines: u64,
    /// Lines skipped because they are longer than [`LINE`](crate::limits::LINE).
    pub overlong: u64,
    /// Bytes consumed.
    pub bytes: u64,
    /// Times that a file was found truncated or overwritten and read from its start.
    pub truncated: u64,
    /// Times that another file took the path.
    pub rotated: u64,
    /// Reads that failed.
    pub read_errors: u64,
}

/// The first position of the file that is opened next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum First {
    /// The path was not looked at yet.
    Unknown,
    /// This file existed at the first look and had this size.
    After(FileKey, u64),
    /// The beginning.
    Zero,
}

/// One open file.
#[derive(Clone, Copy, Debug)]
struct Stream {
    slot: Slot,
    key: FileKey,
    /// The first byte not consumed.
    offset: u64,
    /// Where the last read ended.
    end: u64,
    /// The bytes before `offset`, `kept` of them.
    anchor: [u8; ANCHOR],
    kept: u8,
    /// Whether `anchor` was filled yet: reading starts in the middle of an existing file without knowing it.
    known: bool,
    framer: Framer,
    /// There may be bytes to read.
    pending: bool,
    /// Replaced and not read to its end since: the file after it waits, so that lines stay in order.
    behind: bool,
    /// Its status should be checked.
    check: bool,
    /// It was quiet long enough: to be closed unless one last read brings something.
    finish: bool,
    /// The later of its last bytes and its replacement.
    quiet_since: Instant,
}

impl Stream {
    fn new(slot: Slot, key: FileKey, offset: u64, now: Instant) -> Self {
        let kept = u8::try_from(offset).unwrap_or(u8::MAX).min(u8::try_from(ANCHOR).unwrap_or(u8::MAX));
        Self {
            slot,
            key,
            offset,
            end: offset,
            anchor: [0; ANCHOR],
            kept,
            known: false,
            framer: Framer::behind_others(),
            pending: true,
            behind: false,
            check: false,
            finish: false,
            quiet_since: now,
        }
    }

    /// This given-up file, open again. Should its number belong to another file now, the anchor tells.
    fn resumed(self, slot: Slot, now: Instant) -> Self {
        Self { slot, pending: true, behind: false, check: false, finish: false, quiet_since: now, ..self }
    }

    fn restart(&mut self) {
        self.offset = 0;
        self.end = 0;
        self.finish = false;
        self.kept = 0;
        self.known = true;
        self.framer = Framer::behind_others();
        self.pending = true;
    }

    /// Keeps the end of `consumed` as the anchor.
    fn remember(&mut self, consumed: &[u8]) {
        let last = consumed.last_chunk::<ANCHOR>().map_or(consumed, <[u8; ANCHOR]>::as_slice);
        if let Some(anchor) = self.anchor.get_mut(..last.len()) {
            anchor.copy_from_slice(last);
            self.kept = u8::try_from(last.len()).unwrap_or(u8::MAX);
        }
    }
}

/// The state of one followed path.
#[derive(Clone, Debug)]
pub struct Tail {
    /// The open files, the longest replaced first; the last is the one that the path named last.
    streams: Vec<Stream, FILE_SLOTS>,
    /// The file given up last: should it come back (a link that is turned back, a renaming undone), it is read on.
    left: Option<Stream>,
    first: First,
    start: Start,
    look: bool,
    open: bool,
    close: [bool; FILE_SLOTS],
    /// The stream to be read next, so that all get their turn.
    turn: usize,
    watched: bool,
    /// The file grew and inotify did not say so.
    blind: bool,
    fault: Option<Fault>,
    recheck_at: Instant,
    counters: Counters,
}

impl Tail {
    /// A path that nobody looked at yet.
    #[must_use]
    pub const fn new(start: Start) -> Self {
        Self {
            streams: Vec::new(),
            left: None,
            first: First::Unknown,
            start,
            look: true,
            open: false,
            close: [false; FILE_SLOTS],
            turn: 0,
            watched: true,
            blind: false,
            fault: None,
            recheck_at: Instant::ZERO,
            counters: Counters { lines: 0, overlong: 0, bytes: 0, truncated: 0, rotated: 0, read_errors: 0 },
        }
    }

    /// The next thing to do, `None` until a hint or [`Tail::poll_at`]. At most one [`Action::Read`] should be performed
    /// a turn, so that many files share the loop.
    pub fn poll(&mut self, now: Instant) -> Option<Action> {
        if let Some(slot) = Slot::all().find(|slot| self.close.get(slot.index()) == Some(&true)) {
            self.mark_close(slot, false);
            return Some(Action::Close(slot));
        }
        if self.look || now >= self.recheck_at {
            return Some(Action::Look);
        }
        if self.open {
            match Slot::all().find(|&slot| self.find_slot(slot).is_none()) {
                Some(slot) => return Some(Action::Open(slot)),
                // The oldest has to make room: it is read to its end first.
                None => {
                    if let Some(oldest) = self.streams.first_mut() {
                        oldest.pending = true;
                    }
                }
            }
        }
        if let Some(stream) = self.next_read() {
            return Some(Action::Read(stream.slot, stream.offset.saturating_sub(stream.kept.into())));
        }
        self.streams.iter().find(|stream| stream.check).map(|stream| Action::Check(stream.slot))
    }

    /// Whether [`Tail::poll`] has something to do before [`Tail::poll_at`].
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.look || self.open || self.close.contains(&true) || self.streams.iter().any(|s| s.pending || s.check)
    }

    /// When the path has to be looked at again even without a hint.
    #[must_use]
    pub fn poll_at(&self) -> Instant {
        if self.is_busy() { Instant::ZERO } else { self.recheck_at }
    }

    /// Hint: this open file was written to or truncated.
    pub fn changed(&mut self, slot: Slot) {
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.slot == slot) {
            stream.pending = true;
            self.blind = false;
        }
    }

    /// Hint: the path may name something else now. Also for a queue of hints that ran over.
    pub fn recheck(&mut self) {
        self.look = true;
    }

    /// Whether hints can be expected at all; without them the path is looked at every second.
    pub fn set_watched(&mut self, watched: bool) {
        if self.watched && !watched {
            self.look = true;
        }
        self.watched = watched;
    }

    /// Outcome of [`Action::Look`].
    pub fn looked(&mut self, result: Result<Status, Fault>, now: Instant) {
        self.look = false;
        self.open = false;
        match result {
            Ok(status) => {
                if self.first == First::Unknown {
                    self.first = match self.start {
                        Start::End => First::After(status.key, status.size),
                        Start::Beginning => First::Zero,
                    };
                }
                match self.find_key(status.key) {
                    Some(index) => {
                        self.fault = None;
                        self.make_current(index, now);
                        let current = self.streams.last();
                        self.blind |= current.is_some_and(|stream| status.size > stream.end && !stream.pending);
                    }
                    None => self.open = true,
                }
            }
            Err(fault) => {
                self.fault = Some(fault);
                if fault == Fault::Missing && self.first == First::Unknown {
                    self.first = First::Zero;
                }
            }
        }
        let replaced = self.streams.len().saturating_sub(usize::from(result.is_ok() && !self.open));
        for (index, stream) in self.streams.iter_mut().enumerate() {
            stream.pending = true;
            stream.check = index < replaced;
        }
        let settled = result.is_ok() && self.watched && !self.blind;
        self.recheck_at = now + if settled { RECHECK_SETTLED } else { RECHECK_UNSETTLED };
    }

    /// Outcome of [`Action::Open`]; with an error the slot stays free.
    pub fn opened(&mut self, slot: Slot, result: Result<Status, Fault>, now: Instant) {
        self.open = false;
        match result {
            Ok(status) => {
                self.fault = None;
                // Between open and watch the path may have got another file.
                self.look = true;
                if let Some(index) = self.find_key(status.key) {
                    self.mark_close(slot, true);
                    self.make_current(index, now);
                    return;
                }
                let stream = match (self.first, self.left) {
                    (First::After(key, size), _) if key == status.key => Stream::new(slot, key, size, now),
                    (_, Some(left)) if left.key == status.key => left.resumed(slot, now),
                    _ => Stream::new(slot, status.key, 0, now),
                };
                self.first = First::Zero;
                self.counters.rotated += u64::from(!self.streams.is_empty());
                self.replace_current(now);
                if self.streams.push(stream).is_err() {
                    self.mark_close(slot, true);
                }
            }
            Err(fault) => {
                self.fault = Some(fault);
                self.recheck_at = now + RECHECK_UNSETTLED;
            }
        }
    }

    /// Outcome of [`Action::Read`]: what was got from its position, and whether that filled the buffer, which must hold
    /// [`CHUNK`](crate::limits::CHUNK) bytes. Hands the complete lines to `sink`.
    pub fn bytes(&mut self, slot: Slot, got: &[u8], full: bool, now: Instant, mut sink: impl FnMut(&[u8])) {
        let Some(index) = self.find_slot(slot) else { return };
        let needed = self.is_needed(index);
        let Some(stream) = self.streams.get_mut(index) else { return };
        self.turn = index + 1;
        let anchor = stream.anchor.get(..stream.kept.into()).unwrap_or_default();
        let fresh = match got.split_at_checked(anchor.len()) {
            Some((before, fresh)) if !stream.known || before == anchor => fresh,
            _ => {
                stream.restart();
                stream.quiet_since = now;
                self.counters.truncated += 1;
                return;
            }
        };
        if !stream.known {
            stream.known = true;
            let before = got.len() - fresh.len();
            if before > 0 && got.get(before - 1) != Some(&b'\n') {
                stream.framer = Framer::inside_line();
            }
        }
        let framed = stream.framer.feed(fresh, &mut sink);
        self.counters.lines += framed.lines;
        self.counters.overlong += framed.overlong;
        self.counters.bytes += wide(framed.consumed);

        let end = stream.offset + wide(fresh.len());
        if end != stream.end {
            stream.end = end;
            stream.quiet_since = now;
            stream.finish = false;
        }
        stream.offset += wide(framed.consumed);
        let (_, rest) = fresh.split_at_checked(framed.consumed).unwrap_or_default();
        stream.remember(got.get(..got.len() - rest.len()).unwrap_or_default());
        stream.pending = full;
        if full {
            return;
        }
        stream.behind = false;
        if stream.finish || needed {
            if let Some(line) = stream.framer.last_line(rest) {
                sink(line);
                self.counters.lines += 1;
                self.counters.bytes += wide(rest.len());
                stream.framer = Framer::inside_line();
                stream.offset = stream.end;
                stream.remember(got);
            }
            self.give_up(index);
        }
    }

    /// Outcome of [`Action::Read`]: an error. It is tried again at the next hint or look.
    pub fn read_failed(&mut self, slot: Slot) {
        self.counters.read_errors += 1;
        let Some(index) = self.find_slot(slot) else { return };
        let needed = self.is_needed(index);
        self.turn = index + 1;
        if let Some(stream) = self.streams.get_mut(index) {
            stream.pending = false;
            stream.behind = false;
            if stream.finish || needed {
                self.give_up(index);
            }
        }
    }

    /// Outcome of [`Action::Check`]: the names that the open file still has.
    pub fn checked(&mut self, slot: Slot, links: u32, now: Instant) {
        let Some(index) = self.find_slot(slot) else { return };
        let replaced = index + 1 < self.streams.len();
        if let Some(stream) = self.streams.get_mut(index) {
            stream.check = false;
            // A renamed file without successor is still the log. A deleted one only as long as somebody writes to it.
            let linger = match (replaced, links) {
                (true, 0) => DELETED_LINGER,
                (true, _) | (false, 0) => ROTATED_LINGER,
                (false, _) => return,
            };
            if now.since(stream.quiet_since) >= linger {
                stream.finish = true;
                stream.pending = true;
            }
        }
    }

    /// Why the path is not followed at present, if so. A renamed or deleted file may still be read meanwhile.
    #[must_use]
    pub const fn fault(&self) -> Option<Fault> {
        self.fault
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How far the path is read: which file, up to where, and the bytes before that. Of a file that was replaced before it was
    /// read to its end, as long as there is one. `None` if nothing was read.
    #[must_use]
    pub fn place(&self) -> Option<(FileKey, u64, &[u8])> {
        let stream = self.streams.iter().find(|stream| stream.behind).or(self.streams.last())?;
        let anchor = stream.anchor.get(..stream.kept.into()).unwrap_or_default();
        stream.known.then_some((stream.key, stream.offset, anchor))
    }

    fn next_read(&self) -> Option<&Stream> {
        // A file that was replaced before it was read to its end goes first.
        if let Some(stream) = self.streams.iter().find(|stream| stream.behind && stream.pending) {
            return Some(stream);
        }
        let (before, after) = self.streams.split_at_checked(self.turn).unwrap_or((&self.streams, &[]));
        after.iter().chain(before).find(|stream| stream.pending)
    }

    fn find_slot(&self, slot: Slot) -> Option<usize> {
        self.streams.iter().position(|stream| stream.slot == slot)
    }

    fn find_key(&self, key: FileKey) -> Option<usize> {
        self.streams.iter().position(|stream| stream.key == key)
    }

    /// Whether the slot of this stream is wanted for a file that waits to be opened.
    fn is_needed(&self, index: usize) -> bool {
        self.open && index == 0 && self.streams.is_full()
    }

    fn mark_close(&mut self, slot: Slot, close: bool) {
        if let Some(mark) = self.close.get_mut(slot.index()) {
            *mark = close;
        }
    }

    fn give_up(&mut self, index: usize) {
        let stream = self.streams.remove(index);
        self.mark_close(stream.slot, true);
        self.left = Some(stream);
    }

    /// The path names the file of this stream (again).
    fn make_current(&mut self, index: usize, now: Instant) {
        if index + 1 < self.streams.len() {
            self.counters.rotated += 1;
            self.replace_current(now);
            if let Some(moved) = self.streams.get_mut(index..) {
                moved.rotate_left(1);
            }
        }
        if let Some(current) = self.streams.last_mut() {
            current.behind = false;
            current.finish = false;
        }
    }

    /// The last stream is about to get a successor.
    fn replace_current(&mut self, now: Instant) {
        if let Some(old) = self.streams.last_mut() {
            old.pending = true;
            old.behind = true;
            old.quiet_since = now;
        }
    }
}

fn wide(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
