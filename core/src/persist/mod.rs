//! What survives a restart, a power cut and an unset clock: one file of records, written and read without I/O of its own.
//!
//! The file begins with a snapshot of everything, in which a [`Record::Header`] comes first. What happens later is appended:
//! each ban with what is remembered of its address, and how far the logs are read. Nothing that is appended takes anything
//! back: when a ban is lifted by hand, or when what was appended grows longer than the snapshot, all is written anew into
//! another file that takes the name of this one in one step. So whatever part of a file is lost, what is left of it is true,
//! only less: a ban too few, one that ends as it was to end before it was extended, a ban of the past that is forgotten.
//!
//! - All records have [`LEN`] bytes, and a checksum each (CRC-32C, which finds every change of up to three bits, and of any
//!   number of bits within four bytes). What does not check is skipped; the next one stands where it should. None lies across
//!   the border of two sectors of a disk.
//! - Times are wall time, with the monotonic time of the same moment in the header. In the same boot of the same machine only
//!   the latter counts, whatever was done to the clock. After a reboot the time that the machine was off counts as far as the
//!   clock is believed: not at all where it shows less than when the file was written, as before NTP first answers on a
//!   router. Then a ban lasts as long as it had to go when the machine went down.
//! - [`Journal`] says when to write and what: at most once in `state_sync`, never when nothing changed, and of how far logs
//!   were read alone once an hour. It counts what it writes.
//! - [`Snapshot`] goes through the engine's tables record by record, so that a large one can be written in pieces between
//!   which logs are read and bans made; what changes meanwhile is appended to it.
//! - [`Loader`] reads such a file back into an engine.
//!
//! Not kept: attempts that have not led to a ban, unless the daemon ends by itself; and sessions.

pub mod changes;
pub mod clock;
pub mod journal;
pub mod load;
pub mod record;
pub mod snapshot;

#[cfg(test)]
mod tests;

pub use changes::Changes;
pub use clock::Clock;
pub use journal::{Journal, Step};
pub use load::Loader;
pub use record::{LEN, Record};
pub use snapshot::Snapshot;
