//! Exit codes, the same for every verb; `edgeban --help` prints them.

/// All went well.
pub const OK: u8 = 0;
/// The answer is no: the configuration is invalid, or no line matched.
pub const NO: u8 = 1;
/// The command line is wrong.
pub const USAGE: u8 = 2;
/// The kernel cannot or will not hold the bans.
pub const FIREWALL: u8 = 3;
/// A file or another resource of the system is not to be had.
pub const INPUT: u8 = 4;
