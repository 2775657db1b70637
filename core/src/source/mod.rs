//! From bytes to records: line framing, syslog headers, Docker's JSON, and following a file that rotates.

pub mod docker;
pub mod line;
pub mod syslog;
pub mod tail;
