//! # Safety
//!
//! The one obligation: the caller of [`call`] knows what the kernel does with the arguments of that system call.

#![allow(unsafe_code)]

use super::pad;
use crate::Errno;
use core::ffi::{c_int, c_long};

unsafe extern "C" {
    /// syscall(2): returns -1 and sets `errno` on failure.
    fn syscall(number: c_long, ...) -> c_long;
    /// The address of this thread's `errno` (the same name in musl and glibc).
    fn __errno_location() -> *mut c_int;
}

/// Makes system call `nr`; missing arguments are 0.
///
/// # Errors
/// What the kernel says, by way of the C library's `errno`.
///
/// # Safety
/// The arguments are those of system call `nr`: each pointer is valid for what the kernel reads or writes through it,
/// for as long as it may do so, and no other side effect breaks what Rust believes about memory and descriptors.
#[expect(clippy::as_conversions, reason = "a system call number is far below c_long::MAX; results are read as words")]
pub(crate) unsafe fn call<const N: usize>(nr: u32, args: [usize; N]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = pad(args);
    // SAFETY: the caller answers for the arguments; all six words that `syscall` may fetch are passed.
    let result = unsafe { syscall(nr as c_long, a, b, c, d, e, f) };
    if result != -1 {
        return Ok(result as usize);
    }
    // SAFETY: the C library gives the address of an int that lives as long as this thread; nobody else writes it.
    let code = unsafe { __errno_location().read() };
    Err(Errno::from_code(usize::try_from(code).unwrap_or(0)))
}
