//! Exit codes, the same for every verb; `edgeban --help` prints them.

/// All went well.
pub const OK: u8 = 0;
/// The answer is no: the configuration is invalid, no line matched, the address is not banned or must not be.
pub const NO: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The kernel cannot or will not hold the bans, or did not confirm one.
pub const FIREWALL: u8 = 3;
/// A file, an answer or another resource of the system is not to be had.
pub const INPUT: u8 = 4;
/// Another daemon runs for this table in this network namespace.
pub const RUNNING: u8 = 5;
/// No daemon runs there.
pub const NOT_RUNNING: u8 = 6;
