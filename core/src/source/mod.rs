//! From bytes to records: line framing, syslog headers, and following a file that rotates.

pub mod line;
pub mod syslog;
pub mod tail;
