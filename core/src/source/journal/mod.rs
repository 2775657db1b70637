//! The files of systemd's journal, read without systemd.
//!
//! The format is described in systemd's "Journal File Format" and in its `journal-def.h`: a header, then objects of which
//! the entries name their fields by offset; fields that repeat stand in the file once. Regular and compact files, hashed
//! by Jenkins' lookup3 or by keyed SipHash, are read, whether the writer has closed them or not.
//!
//! A file is a claim, too: every offset is held against the file's size, every object against its type and length, and
//! every field against its hash. What does not fit is counted and skipped.
//!
//! Who wrote what: journald sets the fields that begin with an underscore (`_UID`, `_COMM`, `_SYSTEMD_UNIT`) from the
//! kernel's own knowledge of the sender; the identifier and the message are the sender's.
//!
//! Not supported: compressed fields (a message of over 512 bytes is compressed unless `Compress=no` in journald.conf; such
//! entries are counted), sealing, and fields of binary data.

mod format;
mod hash;
mod matches;
mod reader;

pub use format::ID;
pub use matches::{Admission, Matches, Refused, SYSTEM_USERS};
pub use reader::{Counters, Entry, Fault, Place, ReadAt, Reader, SCRATCH};
