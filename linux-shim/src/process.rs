//! # Safety
//!
//! The one obligation: [`Argv`] is what the C start-up code passed to `main`.
//!
//! This process: its arguments, its identity, its output, its end.

#![allow(unsafe_code)]

use crate::fd::BorrowedFd;
use crate::{Errno, arch, file};
use core::ffi::{CStr, c_char};
use linux_raw_sys::general as c;

/// The second argument of C's `main`, for its declaration:
///
/// ```text
/// extern "C" fn main(_argc: core::ffi::c_int, argv: Argv) -> core::ffi::c_int
/// ```
///
/// Safe code cannot make one, so whoever has one got it from the start-up code.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Argv(*const *const c_char);

/// The process's arguments, its own name (if it was given one) first.
#[derive(Clone, Debug)]
pub struct Args(*const *const c_char);

impl Args {
    /// The arguments of `main`. Its count is not needed: C ends the array with a null pointer.
    #[must_use]
    pub const fn from_main(argv: Argv) -> Self {
        Self(argv.0)
    }
}

impl Iterator for Args {
    type Item = &'static CStr;

    fn next(&mut self) -> Option<&'static CStr> {
        // SAFETY: the kernel placed the array on the stack below main; it lives as long as the process, nothing of ours
        // writes it, and we stop at the null pointer that ends it.
        let argument = unsafe { self.0.read() };
        if argument.is_null() {
            return None;
        }
        self.0 = self.0.wrapping_add(1);
        // SAFETY: every pointer before the null one leads to a string that ends in a NUL and lives as long as the
        // process; nothing of ours writes it.
        Some(unsafe { CStr::from_ptr(argument) })
    }
}

impl core::iter::FusedIterator for Args {}

/// exit_group(2): ends this process with `code`. Nothing is flushed or dropped.
pub fn exit(code: u8) -> ! {
    loop {
        // SAFETY: the kernel reads and writes no memory of ours; the call does not return.
        let _ = unsafe { arch::call(c::__NR_exit_group, [usize::from(code)]) };
    }
}

/// getpid(2): this process's id in its pid namespace.
#[must_use]
pub fn id() -> u32 {
    identity(c::__NR_getpid)
}

/// geteuid(2): the user whose rights this process has; 0 is root.
#[must_use]
pub fn effective_user() -> u32 {
    #[cfg(any(target_arch = "arm", target_arch = "x86"))]
    let number = c::__NR_geteuid32;
    #[cfg(not(any(target_arch = "arm", target_arch = "x86")))]
    let number = c::__NR_geteuid;
    identity(number)
}

/// A call without arguments that cannot fail.
fn identity(number: u32) -> u32 {
    // SAFETY: the kernel reads and writes no memory of ours.
    let id = unsafe { arch::call(number, []) };
    id.ok().and_then(|id| u32::try_from(id).ok()).unwrap_or(u32::MAX)
}

/// Writes all of `bytes` to standard output.
///
/// # Errors
/// As [`file::write_all`].
pub fn write_stdout(bytes: &[u8]) -> Result<(), Errno> {
    file::write_all(BorrowedFd::STDOUT, bytes)
}

/// Writes all of `bytes` to standard error.
///
/// # Errors
/// As [`file::write_all`].
pub fn write_stderr(bytes: &[u8]) -> Result<(), Errno> {
    file::write_all(BorrowedFd::STDERR, bytes)
}
