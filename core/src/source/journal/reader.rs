//! From a journal file to its entries, in the order in which they were written.

use super::format::{self, ARRAY_HEAD, COMPRESSED, DATA, DATA_HEAD, DATA_HEAD_COMPACT, ENTRY, ENTRY_ARRAY, ENTRY_HEAD};
use super::format::{HEADER_MIN, ID, OBJECT, header, incompatible, le32, le64};
use super::hash;
use crate::limits;
use crate::source::syslog::{Record, Stamp};
use crate::time::WallTime;

/// A journal file, wherever it is.
pub trait ReadAt {
    /// Reads bytes from an offset on: as many as there are up to the buffer's length; fewer at the file's end.
    ///
    /// # Errors
    /// [`Fault::Io`] if the file cannot be read.
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> Result<usize, Fault>;
}

/// Why a file cannot be read any further.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It cannot be read.
    Io,
    /// It is no journal file, or not yet.
    NotAJournal,
    /// It has a property that this reader does not know (`incompatible_flags`).
    Unknown(u32),
    /// Its list of entries is damaged.
    Damaged,
}

/// What was met in a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Entries that were handed out.
    pub entries: u64,
    /// Entries whose message is compressed.
    pub compressed: u64,
    /// Entries with a damaged object, or with a message of more than [`limits::LINE`] bytes and some.
    pub damaged: u64,
}

/// One entry, as far as it matters here. What a field lacks is empty or `None`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Entry<'a> {
    /// The sequence number, which grows over the files of a journal.
    pub seqnum: u64,
    /// When journald took it, in microseconds since 1970.
    pub realtime: u64,
    /// `MESSAGE`: the sender's.
    pub message: &'a [u8],
    /// `SYSLOG_IDENTIFIER`: the sender's.
    pub identifier: &'a [u8],
    /// `_PID`: journald's.
    pub pid: Option<u32>,
    /// `_UID`: journald's.
    pub uid: Option<u32>,
    /// `_COMM`: journald's.
    pub comm: &'a [u8],
    /// `_SYSTEMD_UNIT`: journald's.
    pub unit: &'a [u8],
    /// `_TRANSPORT`: journald's.
    pub transport: &'a [u8],
}

impl<'a> Entry<'a> {
    /// The entry as a line of a log: of the program that it names itself, or that journald says it is.
    #[must_use]
    pub fn record(&self) -> Record<'a> {
        let seconds = i64::try_from(self.realtime / 1_000_000).unwrap_or(i64::MAX);
        Record {
            stamp: Some(Stamp::Wall(WallTime(seconds))),
            program: if self.identifier.is_empty() { self.comm } else { self.identifier },
            pid: self.pid,
            message: self.message,
        }
    }
}

/// The entry that was read last, from which reading goes on in another file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    seqnum_id: ID,
    seqnum: u64,
    realtime: u64,
    /// How many entries of that time were read: some come in the same microsecond.
    alike: u32,
}

impl Place {
    /// Behind what was written before that time, in microseconds since 1970.
    #[must_use]
    pub const fn at(realtime: u64) -> Self {
        Self { seqnum_id: [0; 16], seqnum: 0, realtime, alike: 0 }
    }
}

/// Bytes of a short field's value that is kept: an identifier, a unit. `_COMM` has 15 at most, a unit's name 255.
const SHORT: usize = 255;

/// Memory that an entry's fields are read into, with their names and some numbers.
pub const SCRATCH: usize = limits::LINE + 4 * SHORT + 128;

/// Places of fields that are known to be none of ours: most fields of an entry repeat, so that an entry costs some reads
/// instead of some thirty.
const SEEN: usize = 256;

/// Items of an entry or an array that are read at once.
const ITEMS: usize = 64;

/// Items of one entry that are looked at. journald's own fields are some twenty-five; a sender may add a thousand.
const MOST_ITEMS: u64 = 256;

/// The fields that are read.
const FIELDS: [&[u8]; 7] =
    [b"MESSAGE=", b"SYSLOG_IDENTIFIER=", b"_PID=", b"_UID=", b"_COMM=", b"_SYSTEMD_UNIT=", b"_TRANSPORT="];

/// A place in a journal file.
pub struct Reader {
    id: ID,
    /// Of which count the sequence numbers are: files of one rotation share it.
    seqnum_id: ID,
    compact: bool,
    keyed: bool,
    header_size: u64,
    /// The array of entries that is read, 0 before there is one, and which item of it is next.
    array: u64,
    item: u64,
    /// Items that the array has room for.
    capacity: u64,
    /// Entries behind that place, of all that the header counted when it was last read.
    passed: u64,
    total: u64,
    /// The last entry that was passed.
    last: Option<Place>,
    /// As many entries of that time are to be passed.
    again: (u64, u32),
    seen: [u64; SEEN],
    counters: Counters,
}

impl Reader {
    /// Begins with the first entry.
    ///
    /// # Errors
    /// [`Fault`], also for a file that its writer has not made whole yet.
    pub fn open(file: &mut impl ReadAt) -> Result<Self, Fault> {
        let mut head = [0; HEADER_MIN];
        if file.read_at(0, &mut head)? < HEADER_MIN || !head.starts_with(format::SIGNATURE) {
            return Err(Fault::NotAJournal);
        }
        let flags = le32(&head, header::INCOMPATIBLE).ok_or(Fault::NotAJournal)?;
        if flags & !incompatible::KNOWN != 0 {
            return Err(Fault::Unknown(flags & !incompatible::KNOWN));
        }
        let header_size = le64(&head, header::HEADER_SIZE).ok_or(Fault::NotAJournal)?;
        let least = u64::try_from(HEADER_MIN).unwrap_or(u64::MAX);
        if header_size < least || !header_size.is_multiple_of(8) {
            return Err(Fault::NotAJournal);
        }
        let id = |at: usize| head.get(at..).and_then(|bytes| bytes.first_chunk()).copied().ok_or(Fault::NotAJournal);
        Ok(Self {
            id: id(header::FILE_ID)?,
            seqnum_id: id(header::SEQNUM_ID)?,
            compact: flags & incompatible::COMPACT != 0,
            keyed: flags & incompatible::KEYED_HASH != 0,
            header_size,
            array: 0,
            item: 0,
            capacity: 0,
            passed: 0,
            total: 0,
            last: None,
            again: (0, 0),
            seen: [0; SEEN],
            counters: Counters::default(),
        })
    }

    /// The file's own id.
    #[must_use]
    pub const fn id(&self) -> &ID {
        &self.id
    }

    /// What was met so far.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Whether its writer has closed the file: behind its last entry comes nothing more.
    ///
    /// # Errors
    /// [`Fault::Io`].
    pub fn is_archived(&self, file: &mut impl ReadAt) -> Result<bool, Fault> {
        let mut state = [0];
        let at = u64::try_from(header::STATE).unwrap_or(0);
        Ok(file.read_at(at, &mut state)? == 1 && state == [format::ARCHIVED])
    }

    /// Passes all entries that were written before that time (microseconds since 1970), as far as their times ascend, or all
    /// that there are. Reads some entries of each array, not each entry.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn seek_realtime(&mut self, file: &mut impl ReadAt, since: Option<u64>) -> Result<(), Fault> {
        self.seek(file, |entry| since.is_none_or(|since| entry.realtime < since))
    }

    /// Passes the entries up to this sequence number.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn seek_behind(&mut self, file: &mut impl ReadAt, seqnum: u64) -> Result<(), Fault> {
        self.seek(file, |entry| entry.seqnum <= seqnum)
    }

    /// Passes what another file's reader has passed. After a rotation the numbers go on. Where journald has copied a file
    /// into another directory, the copies have new numbers, and the same times.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn resume(&mut self, file: &mut impl ReadAt, place: &Place) -> Result<(), Fault> {
        self.last = Some(*place);
        if place.seqnum_id == self.seqnum_id {
            return self.seek_behind(file, place.seqnum);
        }
        self.again = (place.realtime, place.alike);
        self.seek_realtime(file, Some(place.realtime))?;
        self.last = Some(*place);
        Ok(())
    }

    /// Behind which entry the reader is; `None` before the first.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        self.last
    }

    /// Takes note of the last entry that was passed.
    fn pass(&mut self, head: &Head) {
        let Head { seqnum, realtime, .. } = *head;
        let alike = match &self.last {
            Some(last) if last.realtime == realtime => last.alike.saturating_add(1),
            _ => 1,
        };
        self.last = Some(Place { seqnum_id: self.seqnum_id, seqnum, realtime, alike });
    }

    /// Passes entries as long as `before` holds of them, which it does up to some entry and not from there on.
    fn seek(&mut self, file: &mut impl ReadAt, before: impl Fn(&Head) -> bool) -> Result<(), Fault> {
        loop {
            if !self.has_item(file)? {
                return Ok(());
            }
            let here = self.capacity.min(self.item + (self.total - self.passed));
            // Bisects the items of this array; a damaged one is passed.
            let (mut low, mut high) = (self.item, here);
            while low < high {
                let middle = low + (high - low) / 2;
                match self.head_of_item(file, middle)? {
                    Some(head) if !before(&head) => high = middle,
                    _ => low = middle + 1,
                }
            }
            if low > self.item
                && let Some(head) = self.head_of_item(file, low - 1)?
            {
                self.pass(&head);
            }
            self.passed += low - self.item;
            self.item = low;
            if low < here {
                return Ok(());
            }
        }
    }

    /// The next entry that can be read, or `None` behind the last.
    ///
    /// # Errors
    /// [`Fault`]: another call gives the same or, if the writer goes on, more.
    pub fn next<'s>(
        &mut self,
        file: &mut impl ReadAt,
        scratch: &'s mut [u8; SCRATCH],
    ) -> Result<Option<Entry<'s>>, Fault> {
        loop {
            if !self.has_item(file)? {
                return Ok(None);
            }
            let offset = self.item_at(file, self.item)?;
            self.item += 1;
            self.passed += 1;
            let Some(head) = self.head(file, offset)? else {
                self.counters.damaged += 1;
                continue;
            };
            if head.realtime == self.again.0 && self.again.1 > 0 {
                self.again.1 -= 1;
                continue;
            }
            self.pass(&head);
            match self.read(file, offset, &head, scratch)? {
                Read::Whole(places) => {
                    self.counters.entries += 1;
                    return Ok(Some(places.entry(&head, scratch)));
                }
                Read::Compressed => self.counters.compressed += 1,
                Read::Damaged => self.counters.damaged += 1,
            }
        }
    }

    /// Whether there is a next item; goes to the next array for it.
    fn has_item(&mut self, file: &mut impl ReadAt) -> Result<bool, Fault> {
        if self.passed >= self.total {
            // Counted up by the writer once an entry is complete and in the list.
            self.total = self.number(file, u64::try_from(header::N_ENTRIES).unwrap_or(0))?;
        }
        if self.passed >= self.total {
            return Ok(false);
        }
        let next = if self.array == 0 {
            u64::try_from(header::ENTRY_ARRAY).unwrap_or(0)
        } else if self.item >= self.capacity {
            self.array + u64::try_from(OBJECT).unwrap_or(0)
        } else {
            return Ok(true);
        };
        let array = self.number(file, next)?;
        let capacity = self.capacity(file, array)?;
        // Arrays are appended, so a chain of them cannot go in circles.
        if array <= self.array || capacity == 0 {
            return Err(Fault::Damaged);
        }
        (self.array, self.item, self.capacity) = (array, 0, capacity);
        Ok(true)
    }

    /// The number at an offset.
    fn number(&self, file: &mut impl ReadAt, offset: u64) -> Result<u64, Fault> {
        let mut bytes = [0; 8];
        if file.read_at(offset, &mut bytes)? < bytes.len() {
            return Err(Fault::Damaged);
        }
        Ok(u64::from_le_bytes(bytes))
    }

    const fn item_size(&self) -> u64 {
        if self.compact { 4 } else { 8 }
    }

    /// How many items an array has room for.
    fn capacity(&self, file: &mut impl ReadAt, array: u64) -> Result<u64, Fault> {
        let mut head = [0; OBJECT];
        if array < self.header_size || !array.is_multiple_of(8) || file.read_at(array, &mut head)? < OBJECT {
            return Err(Fault::Damaged);
        }
        let size = le64(&head, 8).filter(|_| head.first() == Some(&ENTRY_ARRAY));
        let items = size.and_then(|size| size.checked_sub(u64::try_from(ARRAY_HEAD).ok()?));
        Ok(items.ok_or(Fault::Damaged)? / self.item_size())
    }

    /// An item of the array that is read.
    fn item_at(&self, file: &mut impl ReadAt, item: u64) -> Result<u64, Fault> {
        let mut bytes = [0; 8];
        let size = self.item_size();
        let head = u64::try_from(ARRAY_HEAD).unwrap_or(u64::MAX);
        let at = item.checked_mul(size).and_then(|at| at.checked_add(self.array)?.checked_add(head));
        let room = bytes.get_mut(..if self.compact { 4 } else { 8 }).ok_or(Fault::Damaged)?;
        if file.read_at(at.ok_or(Fault::Damaged)?, room)? < room.len() {
            return Err(Fault::Damaged);
        }
        Ok(u64::from_le_bytes(bytes))
    }

    /// What stands at the start of an item's entry.
    fn head_of_item(&self, file: &mut impl ReadAt, item: u64) -> Result<Option<Head>, Fault> {
        let offset = self.item_at(file, item)?;
        self.head(file, offset)
    }

    /// What stands at the start of an entry; `None` if there is none.
    fn head(&self, file: &mut impl ReadAt, offset: u64) -> Result<Option<Head>, Fault> {
        let mut bytes = [0; ENTRY_HEAD];
        if offset < self.header_size || !offset.is_multiple_of(8) || file.read_at(offset, &mut bytes)? < ENTRY_HEAD {
            return Ok(None);
        }
        let (Some(size), Some(seqnum), Some(realtime)) = (le64(&bytes, 8), le64(&bytes, 16), le64(&bytes, 24)) else {
            return Ok(None);
        };
        let head = u64::try_from(ENTRY_HEAD).unwrap_or(u64::MAX);
        let item = if self.compact { 4 } else { 16 };
        let items = size.checked_sub(head).map(|size| size / item);
        Ok(match items {
            Some(items) if bytes.first() == Some(&ENTRY) => Some(Head { seqnum, realtime, items }),
            _ => None,
        })
    }

    /// Reads the fields of an entry.
    fn read(
        &mut self,
        file: &mut impl ReadAt,
        entry: u64,
        head: &Head,
        scratch: &mut [u8; SCRATCH],
    ) -> Result<Read, Fault> {
        let (item_size, item_bytes) = if self.compact { (4, 4) } else { (16, 16) };
        let mut places = Places::default();
        let mut block = [0; ITEMS * 16];
        let mut at = entry.saturating_add(u64::try_from(ENTRY_HEAD).unwrap_or(0));
        let mut left = usize::try_from(head.items.min(MOST_ITEMS)).unwrap_or(0);
        let mut compressed = false;
        while left > 0 {
            let now = left.min(ITEMS);
            let Some(room) = block.get_mut(..now * item_bytes) else { return Ok(Read::Damaged) };
            if file.read_at(at, room)? < room.len() {
                return Ok(Read::Damaged);
            }
            for item in room.chunks_exact(item_bytes) {
                let offset = match self.compact {
                    true => le32(item, 0).map(u64::from),
                    false => le64(item, 0),
                };
                match self.field(file, offset.unwrap_or(0), &mut places, scratch)? {
                    Field::Taken | Field::Other => {}
                    Field::Compressed => compressed = true,
                    Field::Damaged => return Ok(Read::Damaged),
                }
            }
            at = at.saturating_add(u64::try_from(now).unwrap_or(0) * item_size);
            left -= now;
        }
        // What a compressed field is called is compressed, too: it is the message if there is no other.
        Ok(if compressed && !places.has_message() { Read::Compressed } else { Read::Whole(places) })
    }

    /// Reads one field, if it is one of those that matter.
    fn field(
        &mut self,
        file: &mut impl ReadAt,
        offset: u64,
        places: &mut Places,
        scratch: &mut [u8; SCRATCH],
    ) -> Result<Field, Fault> {
        let place = usize::try_from(offset / 8 % u64::try_from(SEEN).unwrap_or(1)).unwrap_or(0);
        if self.seen.get(place) == Some(&offset) && offset != 0 {
            return Ok(Field::Other);
        }
        /// The longest name of [`FIELDS`].
        const NAME: usize = 18;
        let head_len = if self.compact { DATA_HEAD_COMPACT } else { DATA_HEAD };
        let mut head = [0; DATA_HEAD_COMPACT + NAME];
        let got =
            if offset < self.header_size || !offset.is_multiple_of(8) { 0 } else { file.read_at(offset, &mut head)? };
        let head = head.get(..got).unwrap_or_default();
        let (Some(&[kind, flags]), Some(size), Some(sum)) = (head.first_chunk(), le64(head, 8), le64(head, OBJECT))
        else {
            return Ok(Field::Damaged);
        };
        let Some(len) = usize::try_from(size).ok().and_then(|size| size.checked_sub(head_len)) else {
            return Ok(Field::Damaged);
        };
        if kind != DATA {
            return Ok(Field::Damaged);
        }
        let name = head.get(head_len..).unwrap_or_default();
        let name = name.get(..len.min(name.len())).unwrap_or_default();
        if flags & COMPRESSED != 0 {
            return Ok(Field::Compressed);
        }
        let Some(which) = FIELDS.iter().position(|field| name.starts_with(field)) else {
            if let Some(place) = self.seen.get_mut(place) {
                *place = offset;
            }
            return Ok(Field::Other);
        };
        let name_len = FIELDS.get(which).map_or(0, |name| name.len());
        let at = offset.saturating_add(u64::try_from(head_len).unwrap_or(0));
        // Only the message is of any length.
        if which != 0 && len - name_len.min(len) > SHORT {
            return Ok(Field::Other);
        }
        let Some(room) = places.room(len, scratch) else { return Ok(Field::Damaged) };
        if file.read_at(at, room)? < len {
            return Ok(Field::Damaged);
        }
        let is = if self.keyed { hash::keyed(&self.id, room) } else { hash::jenkins(room) };
        if is != sum {
            return Ok(Field::Damaged);
        }
        places.take(which, name_len, len);
        Ok(Field::Taken)
    }
}

/// The start of an entry.
struct Head {
    seqnum: u64,
    realtime: u64,
    items: u64,
}

enum Read {
    Whole(Places),
    Compressed,
    Damaged,
}

enum Field {
    Taken,
    Other,
    Compressed,
    Damaged,
}

/// Where in the scratch memory each field's value stands.
#[derive(Default)]
struct Places {
    values: [(usize, usize); FIELDS.len()],
    end: usize,
}

impl Places {
    fn has_message(&self) -> bool {
        self.values.first().is_some_and(|(start, end)| end > start)
    }

    /// Room for a field with its name.
    fn room<'s>(&self, len: usize, scratch: &'s mut [u8; SCRATCH]) -> Option<&'s mut [u8]> {
        scratch.get_mut(self.end..self.end.checked_add(len)?)
    }

    /// Keeps a field. Of one that comes twice the last counts: journald's own come once.
    fn take(&mut self, which: usize, name: usize, len: usize) {
        if let Some(value) = self.values.get_mut(which) {
            *value = (self.end + name, self.end + len);
        }
        self.end += len;
    }

    fn entry<'s>(&self, head: &Head, scratch: &'s [u8; SCRATCH]) -> Entry<'s> {
        let [message, identifier, pid, uid, comm, unit, transport] =
            self.values.map(|(start, end)| scratch.get(start..end).unwrap_or_default());
        let number = |text: &[u8]| core::str::from_utf8(text).ok()?.parse().ok();
        Entry {
            seqnum: head.seqnum,
            realtime: head.realtime,
            message,
            identifier,
            pid: number(pid),
            uid: number(uid),
            comm,
            unit,
            transport,
        }
    }
}
