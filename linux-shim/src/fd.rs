//! # Safety
//!
//! The one obligation: a descriptor is closed once, by the `OwnedFd` that owns it.
//!
//! Descriptors as types: [`OwnedFd`] closes on drop, [`BorrowedFd`] cannot outlive its owner. The number inside never
//! leaves this crate.

#![allow(unsafe_code)]

use crate::arch;
use core::fmt;
use core::marker::PhantomData;
use linux_raw_sys::general::__NR_close;

/// A descriptor of this process that nobody else closes.
pub struct OwnedFd(i32);

/// A descriptor that somebody else owns, for the time of `'fd`.
#[derive(Clone, Copy)]
pub struct BorrowedFd<'fd> {
    number: i32,
    owner: PhantomData<&'fd OwnedFd>,
}

/// Anything that has a descriptor to lend.
pub trait AsFd {
    /// Lends the descriptor.
    fn as_fd(&self) -> BorrowedFd<'_>;
}

impl OwnedFd {
    /// Takes over what a system call that makes descriptors has returned.
    ///
    /// `number` must be that result and nobody else's: this type closes it. (The kernel's numbers fit in an `int`.)
    pub(crate) fn from_result(number: usize) -> Self {
        Self(i32::try_from(number).unwrap_or(-1))
    }
}

impl Drop for OwnedFd {
    /// close(2). Its errors are not shown: on Linux the descriptor is gone after any of them, `EINTR` included.
    fn drop(&mut self) {
        // SAFETY: the kernel reads and writes no memory of ours; this value owns the descriptor, so no other value
        // names it any more.
        let _ = unsafe { arch::call(__NR_close, [arch::from_i32(self.0)]) };
    }
}

impl BorrowedFd<'static> {
    /// Standard input, as the one who started this process left it.
    pub const STDIN: Self = Self::standard(0);
    /// Standard output.
    pub const STDOUT: Self = Self::standard(1);
    /// Standard error.
    pub const STDERR: Self = Self::standard(2);

    const fn standard(number: i32) -> Self {
        Self { number, owner: PhantomData }
    }
}

impl BorrowedFd<'_> {
    /// As an argument of a system call.
    #[inline(always)]
    pub(crate) const fn arg(self) -> usize {
        arch::from_i32(self.number)
    }
}

impl AsFd for OwnedFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        BorrowedFd { number: self.0, owner: PhantomData }
    }
}

impl AsFd for BorrowedFd<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        *self
    }
}

impl<T: AsFd> AsFd for &T {
    fn as_fd(&self) -> BorrowedFd<'_> {
        T::as_fd(self)
    }
}

impl fmt::Debug for OwnedFd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OwnedFd({})", self.0)
    }
}

impl fmt::Debug for BorrowedFd<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BorrowedFd({})", self.number)
    }
}
