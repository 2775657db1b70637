//! The system calls that edgeban makes. No policy: nothing here knows of logs, bans or rules.
//!
//! Every call that can fail returns `Result<_, Errno>`. Descriptors are [`fd::OwnedFd`] and [`fd::BorrowedFd`], error
//! numbers are [`Errno`], structures of the kernel become values of this crate: no raw descriptor, pointer or
//! uninitialised memory crosses the border. Files are opened close-on-exec throughout.
//!
//! The calls that need the newest kernel are `statx` (4.11) and, on 32-bit machines only, `clock_gettime64` (5.1, with
//! a fallback); all others are older.
//!
//! Not here: threads, processes (nothing is ever executed), memory maps, `ioctl`, asynchronous I/O.

#![no_std]
#![deny(unsafe_code)]

#[cfg(test)]
extern crate std;

mod arch;
pub mod clock;
pub mod epoll;
mod errno;
pub mod fd;
pub mod file;
pub mod inet;
pub mod inotify;
pub mod lock;
pub mod netlink;
pub mod process;
pub mod random;
pub mod signal;
pub mod unix;
pub mod xtables;

pub use errno::Errno;
