//! From bytes to records: line framing, syslog headers, Docker's JSON, systemd's journal, and following a file that rotates.

pub mod docker;
pub mod feed;
pub mod journal;
pub mod line;
pub mod syslog;
pub mod tail;
