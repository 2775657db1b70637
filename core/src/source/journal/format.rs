//! Where what stands in a journal file. All numbers are little endian. Names are those of `journal-def.h`.

/// Bytes of an id: of a file, a boot, a machine.
pub type ID = [u8; 16];

/// `HEADER_SIGNATURE`.
pub const SIGNATURE: &[u8; 8] = b"LPKSHHRH";

/// Bytes of the header up to `entry_array_offset` and its neighbours, which all versions have.
pub const HEADER_MIN: usize = 208;

/// `incompatible_flags` of the header.
pub mod incompatible {
    /// `HEADER_INCOMPATIBLE_COMPRESSED_XZ`
    pub const COMPRESSED_XZ: u32 = 1;
    /// `HEADER_INCOMPATIBLE_COMPRESSED_LZ4`
    pub const COMPRESSED_LZ4: u32 = 2;
    /// `HEADER_INCOMPATIBLE_KEYED_HASH`: SipHash-2-4 under the file's id, not Jenkins' hash.
    pub const KEYED_HASH: u32 = 4;
    /// `HEADER_INCOMPATIBLE_COMPRESSED_ZSTD`
    pub const COMPRESSED_ZSTD: u32 = 8;
    /// `HEADER_INCOMPATIBLE_COMPACT`: offsets within objects have 4 bytes.
    pub const COMPACT: u32 = 16;
    /// All of them.
    pub const KNOWN: u32 = COMPRESSED_XZ | COMPRESSED_LZ4 | KEYED_HASH | COMPRESSED_ZSTD | COMPACT;
}

/// Offsets in the header.
pub mod header {
    /// `incompatible_flags`, 4 bytes
    pub const INCOMPATIBLE: usize = 12;
    /// `state`, 1 byte
    pub const STATE: usize = 16;
    /// `file_id`
    pub const FILE_ID: usize = 24;
    /// `seqnum_id`
    pub const SEQNUM_ID: usize = 72;
    /// `header_size`
    pub const HEADER_SIZE: usize = 88;
    /// `n_entries`
    pub const N_ENTRIES: usize = 152;
    /// `entry_array_offset`
    pub const ENTRY_ARRAY: usize = 176;
}

/// `STATE_ARCHIVED`: nothing will be added.
pub const ARCHIVED: u8 = 2;

/// `OBJECT_DATA`
pub const DATA: u8 = 1;
/// `OBJECT_ENTRY`
pub const ENTRY: u8 = 3;
/// `OBJECT_ENTRY_ARRAY`
pub const ENTRY_ARRAY: u8 = 6;

/// `OBJECT_COMPRESSED_MASK`
pub const COMPRESSED: u8 = 7;

/// Bytes of an object's header: type, flags, 6 reserved, size (8).
pub const OBJECT: usize = 16;

/// Bytes of a data object before its payload: header, hash, five more numbers. Compact files add 8.
pub const DATA_HEAD: usize = 64;
/// The same in compact files.
pub const DATA_HEAD_COMPACT: usize = 72;

/// Bytes of an entry before its items: header, sequence number, wall clock, monotonic clock (microseconds), boot id, hash.
pub const ENTRY_HEAD: usize = 64;

/// Bytes of an entry array before its items: header, offset of the next array.
pub const ARRAY_HEAD: usize = 24;

/// The four bytes at `at`, as a number.
pub fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes))
}

/// The eight bytes at `at`, as a number.
pub fn le64(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
}
