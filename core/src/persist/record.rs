//! The records: what they hold, and their bytes.
//!
//! | bytes | what |
//! |---|---|
//! | 1 | the kind |
//! | 59 | fields in the order of [`Record`], numbers big endian, zeros behind them |
//! | 4 | CRC-32C of the 60 bytes before, big endian |
//!
//! Sixty zero bytes have another checksum than zero: what a file system fills a torn file with is no record.

use super::clock::Clock;
use crate::addr::{Addr, Prefix, Widths};
use crate::ban::history::TIMES;
use crate::count::{MARKS, OnRecord};
use crate::limits;
use crate::source::tail::FileKey;
use crate::table::HashKey;
use crate::time::Moment;
use crc::{CRC_32_ISCSI, Crc, NoTable};
use heapless::{String, Vec};

/// Bytes of a record: some power of two, so that a sector of a disk holds whole ones.
pub const LEN: usize = 64;

/// Bytes of it that are checked.
const BODY: usize = LEN - 4;

/// What a file begins with, behind the kind of its first record; the last byte is the format's version.
const MAGIC: [u8; 8] = *b"edgeban\x01";

/// Without a table it is slower, 60 us for 100 records, and a kilobyte smaller.
const CHECKSUM: Crc<u32, NoTable> = Crc::<u32, NoTable>::new(&CRC_32_ISCSI);

/// The number of a boot, as the kernel draws it: `/proc/sys/kernel/random/boot_id`. All zero where nobody knows.
pub type Boot = [u8; 16];

/// One record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Record {
    /// 1, the first: who wrote the file, and when.
    Header {
        /// In which boot.
        boot: Boot,
        /// When the snapshot began.
        clock: Clock,
        /// How many bits of an address are banned and remembered as one.
        widths: Widths,
    },
    /// 2: when what follows was appended.
    Time(Clock),
    /// 3: what a jail's number means in this file.
    Jail {
        /// The number.
        number: u8,
        /// The jail's name.
        name: String<{ limits::JAIL_NAME }>,
    },
    /// 4: an address is banned.
    Ban {
        /// Which.
        addr: Addr,
        /// By whom.
        jail: u8,
        /// Although it is protected.
        forced: bool,
        /// Until when in wall time; `None` is for good.
        until: Option<i64>,
    },
    /// 5: a prefix is banned.
    Prefix {
        /// Which.
        prefix: Prefix,
        /// In whose name.
        jail: u8,
        /// Although something in it is protected.
        forced: bool,
        /// Until when in wall time; `None` is for good.
        until: Option<i64>,
    },
    /// 6: what a jail did to an address.
    Past {
        /// To which.
        addr: Addr,
        /// Which jail.
        jail: u8,
        /// How often it was banned.
        count: u16,
        /// When the last ban ends or ended, in wall time.
        until: i64,
        /// When the last bans began, in seconds before that, the newest first.
        began: [u32; TIMES],
    },
    /// 7: attempts of an address that are on record with a jail, as the snapshot began.
    Attempts(OnRecord),
    /// 8: how far a log file is read.
    File(Place),
}

/// How far a log file is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Which path: a hash of it.
    pub path: u64,
    /// Which file was there.
    pub key: FileKey,
    /// The first byte that is to be read.
    pub offset: u64,
    /// Bytes before it that `anchor` is the hash of.
    pub kept: u8,
    /// Tells whether they are still the same.
    pub anchor: u64,
}

impl Place {
    /// `offset` of a file at `path`, behind these bytes of it.
    #[must_use]
    pub fn new(path: &[u8], key: FileKey, offset: u64, before: &[u8]) -> Self {
        let kept = u8::try_from(before.len()).unwrap_or(0);
        Self { path: HASH.hash(path), key, offset, kept, anchor: HASH.hash(before) }
    }

    /// Whether it is of a file at this path.
    #[must_use]
    pub fn is_of(&self, path: &[u8]) -> bool {
        self.path == HASH.hash(path)
    }

    /// Whether the bytes before it are still these.
    #[must_use]
    pub fn follows(&self, before: &[u8]) -> bool {
        usize::from(self.kept) == before.len() && self.anchor == HASH.hash(before)
    }
}

/// Paths and log lines are told apart by it, the same way in every run. Who writes a log knows what edgeban reads of it
/// anyway.
const HASH: HashKey = HashKey(0, 0);

/// What stands where a ban has no end.
const FOR_GOOD: i64 = i64::MAX;

/// Puts fields one behind the other.
struct Fields {
    bytes: [u8; LEN],
    at: usize,
}

impl Fields {
    fn of(kind: u8) -> Self {
        let mut fields = Self { bytes: [0; LEN], at: 0 };
        fields.put(&[kind]);
        fields
    }

    fn put(&mut self, bytes: &[u8]) -> &mut Self {
        // All records are shorter than that; a test has the longest.
        if let Some(place) = self.bytes.get_mut(self.at..self.at + bytes.len()) {
            place.copy_from_slice(bytes);
        }
        self.at += bytes.len();
        self
    }

    fn clock(&mut self, clock: &Clock) -> &mut Self {
        self.put(&clock.wall.to_be_bytes()).put(&clock.mono.as_secs().to_be_bytes())
    }

    fn until(&mut self, until: Option<i64>) -> &mut Self {
        self.put(&until.unwrap_or(FOR_GOOD).to_be_bytes())
    }

    fn sealed(&self) -> [u8; LEN] {
        let mut bytes = self.bytes;
        if let Some((body, sum)) = bytes.split_last_chunk_mut::<4>() {
            *sum = CHECKSUM.checksum(body).to_be_bytes();
        }
        bytes
    }
}

/// Takes fields one behind the other.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    fn u8(&mut self) -> Option<u8> {
        self.take().map(u8::from_be_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_be_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_be_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }

    fn addr(&mut self) -> Option<Addr> {
        self.take().map(Addr::v6)
    }

    fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    fn until(&mut self) -> Option<Option<i64>> {
        self.i64().map(|until| (until != FOR_GOOD).then_some(until))
    }

    fn clock(&mut self) -> Option<Clock> {
        Some(Clock { wall: self.i64()?, mono: self.take().map(i32::from_be_bytes).map(Moment::from_secs)? })
    }
}

/// Why bytes are no record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Bad {
    /// The checksum is another: some of it is not what was written.
    Damaged,
    /// It is what was written, by a program that knows more than this one.
    Unknown,
}

impl Record {
    /// The record's bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; LEN] {
        match self {
            Self::Header { boot, clock, widths } => {
                Fields::of(1).put(&MAGIC).put(boot).clock(clock).put(&[widths.v4, widths.v6]).sealed()
            }
            Self::Time(clock) => Fields::of(2).clock(clock).sealed(),
            Self::Jail { number, name } => {
                let len = u8::try_from(name.len()).unwrap_or(0);
                Fields::of(3).put(&[*number, len]).put(name.as_bytes()).sealed()
            }
            Self::Ban { addr, jail, forced, until } => {
                Fields::of(4).put(&addr.octets()).put(&[*jail, (*forced).into()]).until(*until).sealed()
            }
            Self::Prefix { prefix, jail, forced, until } => {
                let addr = prefix.base().octets();
                Fields::of(5).put(&addr).put(&[prefix.length(), *jail, (*forced).into()]).until(*until).sealed()
            }
            Self::Past { addr, jail, count, until, began } => {
                let mut fields = Fields::of(6);
                fields.put(&addr.octets()).put(&[*jail]).put(&count.to_be_bytes()).put(&until.to_be_bytes());
                for ago in began {
                    fields.put(&ago.to_be_bytes());
                }
                fields.sealed()
            }
            Self::Attempts(OnRecord { addr, jail, per_mark, in_last, ages }) => {
                let mut fields = Fields::of(7);
                let len = u8::try_from(ages.len()).unwrap_or(0);
                fields.put(&addr.octets()).put(&[*jail, len]);
                fields.put(&per_mark.to_be_bytes()).put(&in_last.to_be_bytes());
                for age in ages {
                    fields.put(&age.to_be_bytes());
                }
                fields.sealed()
            }
            Self::File(Place { path, key, offset, kept, anchor }) => {
                let mut fields = Fields::of(8);
                for number in [*path, key.dev, key.ino, *offset, *anchor] {
                    fields.put(&number.to_be_bytes());
                }
                fields.put(&[*kept]).sealed()
            }
        }
    }

    /// Reads a record.
    ///
    /// # Errors
    /// Why it is none.
    pub fn parse(bytes: &[u8; LEN]) -> Result<Self, Bad> {
        let (body, sum) = bytes.split_last_chunk::<4>().ok_or(Bad::Damaged)?;
        if CHECKSUM.checksum(body) != u32::from_be_bytes(*sum) {
            return Err(Bad::Damaged);
        }
        Self::fields(Rest(body)).ok_or(Bad::Unknown)
    }

    fn fields(mut rest: Rest<'_>) -> Option<Self> {
        Some(match rest.u8()? {
            1 if rest.take()? == MAGIC => {
                let (boot, clock) = (rest.take()?, rest.clock()?);
                Self::Header { boot, clock, widths: Widths { v4: rest.u8()?, v6: rest.u8()? } }
            }
            2 => Self::Time(rest.clock()?),
            3 => {
                let (number, len) = (rest.u8()?, rest.u8()?);
                let name = core::str::from_utf8(rest.0.get(..len.into())?).ok()?;
                Self::Jail { number, name: name.try_into().ok()? }
            }
            4 => {
                let (addr, jail) = (rest.addr()?, rest.u8()?);
                Self::Ban { addr, jail, forced: rest.flag()?, until: rest.until()? }
            }
            5 => {
                let (addr, length, jail) = (rest.addr()?, rest.u8()?, rest.u8()?);
                let prefix = Prefix::new(addr, length).ok().filter(|prefix| prefix.base() == addr && length > 0)?;
                Self::Prefix { prefix, jail, forced: rest.flag()?, until: rest.until()? }
            }
            6 => {
                let (addr, jail, count, until) = (rest.addr()?, rest.u8()?, rest.u16()?, rest.i64()?);
                let mut began = [0; TIMES];
                for ago in &mut began {
                    *ago = rest.u32()?;
                }
                Self::Past { addr, jail, count, until, began }
            }
            7 => {
                let (addr, jail, len) = (rest.addr()?, rest.u8()?, rest.u8()?);
                let (per_mark, in_last) = (rest.u16()?, rest.u16()?);
                let mut ages = Vec::new();
                for _ in 0..len {
                    ages.push(rest.u32()?).ok()?;
                }
                Self::Attempts(OnRecord { addr, jail, per_mark, in_last, ages })
            }
            8 => {
                let path = rest.u64()?;
                let key = FileKey { dev: rest.u64()?, ino: rest.u64()? };
                let (offset, anchor, kept) = (rest.u64()?, rest.u64()?, rest.u8()?);
                Self::File(Place { path, key, offset, kept, anchor })
            }
            _ => return None,
        })
    }
}

static_assertions::const_assert!(1 + 16 + 1 + 1 + 2 + 2 + 4 * MARKS <= BODY && 1 + 16 + 1 + 2 + 8 + 4 * TIMES <= BODY);
static_assertions::const_assert!(1 + 1 + 1 + limits::JAIL_NAME <= BODY && limits::JAIL_NAME <= 255);

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn addr() -> impl Strategy<Value = Addr> {
        prop_oneof![any::<[u8; 4]>().prop_map(Addr::v4), any::<[u8; 16]>().prop_map(Addr::v6)]
    }

    fn clock() -> impl Strategy<Value = Clock> {
        (any::<i64>(), any::<i32>()).prop_map(|(wall, mono)| Clock { wall, mono: Moment::from_secs(mono) })
    }

    fn until() -> impl Strategy<Value = Option<i64>> {
        prop::option::of(i64::MIN..FOR_GOOD)
    }

    /// Any record.
    pub fn record() -> impl Strategy<Value = Record> {
        prop_oneof![
            (any::<Boot>(), clock(), any::<(u8, u8)>()).prop_map(|(boot, clock, (v4, v6))| Record::Header {
                boot,
                clock,
                widths: Widths { v4, v6 }
            }),
            clock().prop_map(Record::Time),
            (any::<u8>(), "[a-z_.-]{1,32}")
                .prop_map(|(number, name)| Record::Jail { number, name: name.as_str().try_into().unwrap() }),
            (addr(), any::<u8>(), any::<bool>(), until()).prop_map(|(addr, jail, forced, until)| Record::Ban {
                addr,
                jail,
                forced,
                until
            }),
            (addr(), 1u8..=32, any::<u8>(), any::<bool>(), until()).prop_map(|(addr, length, jail, forced, until)| {
                Record::Prefix { prefix: Prefix::new(addr, length).unwrap(), jail, forced, until }
            }),
            (addr(), any::<u8>(), any::<u16>(), any::<i64>(), any::<[u32; TIMES]>())
                .prop_map(|(addr, jail, count, until, began)| Record::Past { addr, jail, count, until, began }),
            (addr(), any::<(u8, u16, u16)>(), prop::collection::vec(any::<u32>(), 0..=MARKS)).prop_map(
                |(addr, (jail, per_mark, in_last), ages)| {
                    let ages = ages.into_iter().collect();
                    Record::Attempts(OnRecord { addr, jail, per_mark, in_last, ages })
                }
            ),
            any::<([u64; 5], u8)>().prop_map(|([path, dev, ino, offset, anchor], kept)| {
                Record::File(Place { path, key: FileKey { dev, ino }, offset, kept, anchor })
            }),
        ]
    }

    #[test]
    fn a_ban_has_these_bytes() {
        let addr = Addr::v4([192, 0, 2, 1]);
        let mut want = [0; LEN];
        want[0] = 4;
        want[11..17].copy_from_slice(&[255, 255, 192, 0, 2, 1]);
        want[17..19].copy_from_slice(&[7, 1]);
        want[19..27].copy_from_slice(&1_800_000_000i64.to_be_bytes());
        let sum = bitwise(&want[..60]);
        want[60..].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(Record::Ban { addr, jail: 7, forced: true, until: Some(1_800_000_000) }.emit(), want);
    }

    /// CRC-32C by its definition (RFC 3720): the polynomial 0x1EDC6F41 in reverse, bit by bit.
    pub fn bitwise(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(u32::MAX, |sum, byte| {
            (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0x82f6_3b78 } else { sum >> 1 })
        })
    }

    #[test]
    fn the_checksum_is_crc_32c() {
        assert_eq!(CHECKSUM.checksum(b"123456789"), 0xe306_9283, "the catalogue's check value");
        assert_ne!(CHECKSUM.checksum(&[0; BODY]), 0);
        assert_eq!(Record::parse(&[0; LEN]), Err(Bad::Damaged));
    }

    #[test]
    fn what_is_not_known_is_told_from_what_is_damaged() {
        let sealed = |kind, fields: &[u8]| Fields::of(kind).put(fields).sealed();
        let old = sealed(1, b"edgeban\x02");
        for bytes in
            [sealed(0, b""), sealed(9, b""), old, sealed(4, &[7; 30]), sealed(5, &[255; 20]), sealed(7, &[99; 40])]
        {
            assert_eq!(Record::parse(&bytes), Err(Bad::Unknown), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(record in record()) {
            prop_assert_eq!(Record::parse(&record.emit()), Ok(record));
        }

        #[test]
        fn a_changed_record_is_none(record in record(), bit in 0..LEN * 8, more in prop::collection::vec(0..LEN * 8, 0..3)) {
            let mut bytes = record.emit();
            let written = bytes;
            for bit in [bit].into_iter().chain(more) {
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
            if bytes != written {
                prop_assert_eq!(Record::parse(&bytes), Err(Bad::Damaged));
            }
        }

        #[test]
        fn any_bytes_end_well(mut bytes: [u8; LEN], kind in 0u8..12, seal: bool) {
            bytes[0] = kind;
            if seal {
                bytes = Fields { bytes, at: 0 }.sealed();
            }
            if let Ok(record) = Record::parse(&bytes) {
                prop_assert!(seal || Record::parse(&record.emit()) == Ok(record));
            }
        }
    }
}
