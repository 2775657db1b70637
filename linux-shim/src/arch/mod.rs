//! How a system call reaches the kernel on this machine: the instruction itself where crate `sc` has it, the C library's
//! `syscall()` elsewhere (`sc` does not build for arm and mips). Every number comes from `linux-raw-sys`.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
mod instruction;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
pub(crate) use instruction::call;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
mod function;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
pub(crate) use function::call;

mod arg;
pub(crate) use arg::{from_i32, from_mut, from_ref, from_slice, from_slice_mut, from_u32, with_offset};

use crate::Errno;

/// Arguments that a Linux system call can take.
const MAX_ARGS: usize = 6;

/// `args` in the width that every call uses; a seventh argument does not compile.
#[inline(always)]
const fn pad<const N: usize>(args: [usize; N]) -> [usize; MAX_ARGS] {
    const { assert!(N <= MAX_ARGS) };
    let mut padded = [0; MAX_ARGS];
    let (head, _) = padded.split_at_mut(N);
    head.copy_from_slice(&args);
    padded
}

/// Calls `call` again for as long as a signal interrupts it.
///
/// Right where repeating has no other effect than going on: read, write, send, receive, open. Not for calls with a
/// timeout, which would start anew.
pub(crate) fn again<T>(mut call: impl FnMut() -> Result<T, Errno>) -> Result<T, Errno> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            done => return done,
        }
    }
}
