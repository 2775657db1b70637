//! # Safety
//!
//! The one obligation: the caller of [`call`] knows what the kernel does with the arguments of that system call.

#![allow(unsafe_code)]

use super::{arg::from_u32, pad};
use crate::Errno;

/// Makes system call `nr`; missing arguments are 0.
///
/// # Errors
/// What the kernel says: a result in -4095..=-1 is an error number, everything else is the result.
///
/// # Safety
/// The arguments are those of system call `nr`: each pointer is valid for what the kernel reads or writes through it,
/// for as long as it may do so, and no other side effect breaks what Rust believes about memory and descriptors.
#[inline(always)]
pub(crate) unsafe fn call<const N: usize>(nr: u32, args: [usize; N]) -> Result<usize, Errno> {
    let [a, b, c, d, e, f] = pad(args);
    // SAFETY: the caller answers for the arguments; the registers that the instruction clobbers are declared by `sc`.
    let result = unsafe { sc::platform::syscall6(from_u32(nr), a, b, c, d, e, f) };
    match result.wrapping_neg() {
        code @ 1..=4095 => Err(Errno::from_code(code)),
        _ => Ok(result),
    }
}
