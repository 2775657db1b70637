//! The requests: the arguments of getsockopt(2) and setsockopt(2), headers only where entries or counters follow.

use super::{align, name, zeros};
use crate::wire::buf::{Full, Malformed, Reader, Writer};
use crate::wire::uapi::ip_set::IPSET_MAXNAMELEN;
use crate::wire::uapi::x_tables::{NF_INET_NUMHOOKS, XT_EXTENSION_MAXNAMELEN, XT_TABLE_MAXNAMELEN};
use crate::wire::uapi::xt_set::{IP_SET_OP_GET_BYNAME, IP_SET_OP_VERSION, IPSET_INVALID_ID};

/// Offsets into a table, one a hook; only those of valid hooks mean something.
pub type Hooks = [u32; NF_INET_NUMHOOKS];

/// `struct ipt_getinfo`: what `IPT_SO_GET_INFO` tells of a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Info {
    /// A bit for each hook that has a chain in this table.
    pub valid_hooks: u32,
    /// Where each built-in chain begins.
    pub hook_entry: Hooks,
    /// Where each built-in chain has its policy, its last entry.
    pub underflow: Hooks,
    /// Entries of the table.
    pub num_entries: u32,
    /// Bytes of all entries.
    pub size: u32,
}

/// Bytes of `struct ipt_getinfo`.
pub const INFO_LEN: usize = XT_TABLE_MAXNAMELEN + 4 * (3 + 2 * NF_INET_NUMHOOKS);

/// Bytes of `struct ipt_get_entries` before the entries.
pub const ENTRIES_OFFSET: usize = align(XT_TABLE_MAXNAMELEN + 4);

/// Bytes of `struct ipt_replace` before the entries: the pointer in it is the system call layer's.
pub const REPLACE_LEN: usize = align(REPLACE_POINTER + size_of::<usize>());

/// Offset of the pointer in `struct ipt_replace`.
const REPLACE_POINTER: usize = XT_TABLE_MAXNAMELEN + 4 * (4 + 2 * NF_INET_NUMHOOKS);

/// Bytes of `struct xt_counters_info` before the counters.
pub const COUNTERS_OFFSET: usize = align(XT_TABLE_MAXNAMELEN + 4);

/// Bytes of `struct xt_get_revision`.
pub const REVISION_LEN: usize = XT_EXTENSION_MAXNAMELEN + 1;

impl Info {
    /// Writes the question about a table, [`INFO_LEN`] bytes, in whose place the answer comes.
    ///
    /// # Errors
    /// [`Full`] if it does not fit, or the table's name is longer than 31 bytes.
    pub fn ask(table: &str, w: &mut Writer<'_>) -> Result<(), Full> {
        w.whole(|w| {
            name(w, table, XT_TABLE_MAXNAMELEN)?;
            zeros(w, INFO_LEN - XT_TABLE_MAXNAMELEN)
        })
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`Malformed`] if it is too short.
    pub fn parse(answer: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(answer);
        reader.take(XT_TABLE_MAXNAMELEN)?;
        Ok(Self {
            valid_hooks: reader.u32()?,
            hook_entry: hooks(&mut reader)?,
            underflow: hooks(&mut reader)?,
            num_entries: reader.u32()?,
            size: reader.u32()?,
        })
    }

    /// Bytes of the request for the entries: its header and the room for them. `None` if no address space could hold it.
    #[must_use]
    pub fn entries_len(&self) -> Option<usize> {
        usize::try_from(self.size).ok()?.checked_add(ENTRIES_OFFSET)
    }

    /// Writes the header of the request for the entries (`struct ipt_get_entries`), [`ENTRIES_OFFSET`] bytes. The request
    /// is [`Info::entries_len`] bytes; the entries come behind the header.
    ///
    /// # Errors
    /// [`Full`] if it does not fit, or the table's name is longer than 31 bytes.
    pub fn ask_entries(&self, table: &str, w: &mut Writer<'_>) -> Result<(), Full> {
        counted(table, self.size, w)
    }

    /// Writes the header (`struct ipt_replace`) of a table with these offsets and sizes, [`REPLACE_LEN`] bytes, before the
    /// new entries. `num_counters` and the pointer behind it stay 0: the system call layer knows the memory that the
    /// kernel writes the old counters to.
    ///
    /// # Errors
    /// [`Full`] if it does not fit, or the table's name is longer than 31 bytes.
    pub fn replace(&self, table: &str, w: &mut Writer<'_>) -> Result<(), Full> {
        w.whole(|w| {
            name(w, table, XT_TABLE_MAXNAMELEN)?;
            let first = [self.valid_hooks, self.num_entries, self.size];
            for number in first.iter().chain(&self.hook_entry).chain(&self.underflow) {
                w.put_u32(*number)?;
            }
            zeros(w, REPLACE_LEN - REPLACE_POINTER + 4)
        })
    }
}

fn hooks(reader: &mut Reader<'_>) -> Result<Hooks, Malformed> {
    let mut hooks = Hooks::default();
    for hook in &mut hooks {
        *hook = reader.u32()?;
    }
    Ok(hooks)
}

/// A table's name, a number and the gap behind it.
fn counted(table: &str, number: u32, w: &mut Writer<'_>) -> Result<(), Full> {
    w.whole(|w| {
        name(w, table, XT_TABLE_MAXNAMELEN)?;
        w.put_u32(number)?;
        zeros(w, ENTRIES_OFFSET - XT_TABLE_MAXNAMELEN - 4)
    })
}

/// Writes the header of `IPT_SO_SET_ADD_COUNTERS` (`struct xt_counters_info`), [`COUNTERS_OFFSET`] bytes, before the
/// counters of all `entries` of the table.
///
/// # Errors
/// [`Full`] if it does not fit, or the table's name is longer than 31 bytes.
pub fn add_counters(table: &str, entries: u32, w: &mut Writer<'_>) -> Result<(), Full> {
    counted(table, entries, w)
}

/// Writes the question whether there is a revision of a match (`struct xt_get_revision`), [`REVISION_LEN`] bytes.
/// The kernel answers by success, `EPROTONOSUPPORT` (not this revision) or `ENOENT` (no such match).
///
/// # Errors
/// [`Full`] if it does not fit, or the match's name is longer than 28 bytes.
pub fn ask_revision(extension: &str, revision: u8, w: &mut Writer<'_>) -> Result<(), Full> {
    w.whole(|w| {
        name(w, extension, XT_EXTENSION_MAXNAMELEN)?;
        w.put_u8(revision)
    })
}

/// `struct ip_set_req_version`: the version of ipset's protocol, to be asked before [`SetByName`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetVersion(pub u32);

impl SetVersion {
    /// Bytes of question and answer.
    pub const LEN: usize = 8;

    /// Writes the question.
    ///
    /// # Errors
    /// [`Full`] if it does not fit.
    pub fn ask(w: &mut Writer<'_>) -> Result<(), Full> {
        w.whole(|w| {
            w.put_u32(IP_SET_OP_VERSION)?;
            w.put_u32(0)
        })
    }

    /// Reads the answer.
    ///
    /// # Errors
    /// [`Malformed`] if it is too short.
    pub fn parse(answer: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(answer);
        reader.u32()?;
        Ok(Self(reader.u32()?))
    }
}

/// `struct ip_set_req_get_set`: the index of a set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetByName<'a> {
    /// What [`SetVersion`] said.
    pub version: SetVersion,
    /// The set's name.
    pub set: &'a str,
}

impl SetByName<'_> {
    /// Bytes of question and answer.
    pub const LEN: usize = 8 + IPSET_MAXNAMELEN;

    /// Writes the question.
    ///
    /// # Errors
    /// [`Full`] if it does not fit, or the set's name is longer than 31 bytes.
    pub fn ask(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.whole(|w| {
            w.put_u32(IP_SET_OP_GET_BYNAME)?;
            w.put_u32(self.version.0)?;
            name(w, self.set, IPSET_MAXNAMELEN)
        })
    }

    /// Reads the answer: the index, `None` if there is no such set.
    ///
    /// # Errors
    /// [`Malformed`] if it is too short.
    pub fn parse(answer: &[u8]) -> Result<Option<u16>, Malformed> {
        let mut reader = Reader::new(answer);
        reader.take(8)?;
        Ok(Some(reader.u16()?).filter(|&index| index != IPSET_INVALID_ID))
    }
}
