//! # Safety
//!
//! The one obligation: the size passed to the kernel is the size of the signal set passed with it.
//!
//! signal(7) without handlers: signals are blocked and read from a descriptor, so none interrupts anything.

#![allow(unsafe_code)]

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::{Errno, arch, file};
use core::mem::size_of;
use linux_raw_sys::general as c;
use static_assertions::const_assert_eq;

/// A signal's number on this machine: `asm/signal.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct Signal(u32);

impl Signal {
    /// `SIGHUP`: read the configuration anew.
    pub const HANG_UP: Self = Self(c::SIGHUP);
    /// `SIGINT`: the terminal's Ctrl-C.
    pub const INTERRUPT: Self = Self(c::SIGINT);
    /// `SIGQUIT`.
    pub const QUIT: Self = Self(c::SIGQUIT);
    /// `SIGTERM`: end.
    pub const TERMINATE: Self = Self(c::SIGTERM);
    /// `SIGUSR1`.
    pub const USER_1: Self = Self(c::SIGUSR1);
    /// `SIGUSR2`.
    pub const USER_2: Self = Self(c::SIGUSR2);
    /// `SIGPIPE`.
    pub const PIPE: Self = Self(c::SIGPIPE);
    /// `SIGCHLD`.
    pub const CHILD: Self = Self(c::SIGCHLD);
}

/// Words of the kernel's signal set: 8 bytes of them, 16 on mips.
#[expect(clippy::as_conversions, reason = "u32 to usize in a const; the assertion below checks the result")]
const WORDS: usize = (c::_NSIG / usize::BITS) as usize;

/// Bytes of the kernel's signal set, which its calls ask for.
const SET_SIZE: usize = size_of::<SignalSet>();

/// A set of signals, as the kernel lays it out (`sigset_t` of `asm/signal.h`, not the C library's).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(C)]
pub struct SignalSet {
    words: [usize; WORDS],
}

const_assert_eq!(SET_SIZE, size_of::<c::kernel_sigset_t>());
const_assert_eq!(align_of::<SignalSet>(), align_of::<c::kernel_sigset_t>());

impl SignalSet {
    /// No signal.
    pub const EMPTY: Self = Self { words: [0; WORDS] };

    /// This set and `signal`.
    #[must_use]
    pub const fn with(mut self, signal: Signal) -> Self {
        let bit = signal.0.saturating_sub(1);
        let mut words: &mut [usize] = &mut self.words;
        let mut index = bit / usize::BITS;
        while let [first, rest @ ..] = words {
            if index == 0 {
                *first |= 1 << (bit % usize::BITS);
                break;
            }
            index -= 1;
            words = rest;
        }
        self
    }
}

/// Blocks the signals of `set` for this thread, and nothing else changes: they wait, for a [`SignalFd`].
///
/// # Errors
/// rt_sigprocmask(2) has none for these arguments.
pub fn block(set: &SignalSet) -> Result<(), Errno> {
    let args = [arch::from_u32(c::SIG_BLOCK), arch::from_ref(set), 0, SET_SIZE];
    // SAFETY: `set` is the caller's and SET_SIZE bytes large; the kernel only reads it. The place for the old set is
    // null.
    unsafe { arch::call(c::__NR_rt_sigprocmask, args) }.map(drop)
}

/// Ignores `SIGPIPE` in this process: a write to a peer that is gone says `EPIPE` instead of ending it.
///
/// # Errors
/// rt_sigaction(2) has none for these arguments.
pub fn ignore_broken_pipe() -> Result<(), Errno> {
    let action = Action::IGNORE;
    let args = [arch::from_u32(c::SIGPIPE), arch::from_ref(&action), 0, SET_SIZE];
    // SAFETY: `action` is ours and has the kernel's layout (asserted below); the kernel only reads it. It names no
    // handler, so no code of ours runs. The place for the old action is null.
    unsafe { arch::call(c::__NR_rt_sigaction, args) }.map(drop)
}

/// `SIG_IGN` of `asm-generic/signal-defs.h`.
const SIG_IGN: usize = 1;

/// `struct sigaction` as the kernel takes it. `restorer` is there where the machine has `SA_RESTORER`.
#[repr(C)]
struct Action {
    #[cfg(any(target_arch = "mips", target_arch = "mips64", target_arch = "mips32r6", target_arch = "mips64r6"))]
    flags: u32,
    handler: usize,
    #[cfg(not(any(
        target_arch = "mips",
        target_arch = "mips64",
        target_arch = "mips32r6",
        target_arch = "mips64r6"
    )))]
    flags: usize,
    #[cfg(not(any(
        target_arch = "mips",
        target_arch = "mips64",
        target_arch = "mips32r6",
        target_arch = "mips64r6",
        target_arch = "riscv64",
        target_arch = "riscv32"
    )))]
    restorer: usize,
    mask: SignalSet,
}

impl Action {
    const IGNORE: Self = Self {
        flags: 0,
        handler: SIG_IGN,
        #[cfg(not(any(
            target_arch = "mips",
            target_arch = "mips64",
            target_arch = "mips32r6",
            target_arch = "mips64r6",
            target_arch = "riscv64",
            target_arch = "riscv32"
        )))]
        restorer: 0,
        mask: SignalSet::EMPTY,
    };
}

// `kernel_sigaction` of linux-raw-sys has the order of other machines on mips; there `sigaction` is the kernel's.
#[cfg(not(any(
    target_arch = "mips",
    target_arch = "mips64",
    target_arch = "mips32r6",
    target_arch = "mips64r6"
)))]
use c::kernel_sigaction as reference;
#[cfg(any(target_arch = "mips", target_arch = "mips64", target_arch = "mips32r6", target_arch = "mips64r6"))]
use c::sigaction as reference;
const_assert_eq!(size_of::<Action>(), size_of::<reference>());
const_assert_eq!(core::mem::offset_of!(Action, flags), core::mem::offset_of!(reference, sa_flags));
const_assert_eq!(core::mem::offset_of!(Action, mask), core::mem::offset_of!(reference, sa_mask));

/// A signal that has arrived: the beginning of `struct signalfd_siginfo`, `linux/signalfd.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SignalInfo {
    /// Which.
    pub signal: Signal,
    /// Process that sent it, 0 when the kernel did.
    pub sender: u32,
    /// User of the sender.
    pub uid: u32,
}

/// signalfd(2): readable (epoll) when one of its signals waits.
#[derive(Debug)]
pub struct SignalFd(OwnedFd);

impl SignalFd {
    /// signalfd4(2) for `set`, non-blocking. [`block`] the same set, else the signals' defaults happen.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new(set: &SignalSet) -> Result<Self, Errno> {
        // SFD_NONBLOCK and SFD_CLOEXEC are O_NONBLOCK and O_CLOEXEC on every machine: linux/signalfd.h.
        let flags = arch::from_u32(c::O_NONBLOCK | c::O_CLOEXEC);
        let args = [arch::from_i32(-1), arch::from_ref(set), SET_SIZE, flags];
        // SAFETY: `set` is the caller's and SET_SIZE bytes large; the kernel only reads it.
        let number = unsafe { arch::call(c::__NR_signalfd4, args) }?;
        Ok(Self(OwnedFd::from_result(number)))
    }

    /// The next signal that waits.
    ///
    /// # Errors
    /// `EAGAIN`: none waits.
    pub fn read(&self) -> Result<SignalInfo, Errno> {
        let mut info = [0; SIGINFO_SIZE];
        if file::read(self.as_fd(), &mut info)? != SIGINFO_SIZE {
            return Err(Errno::EIO);
        }
        let [n0, n1, n2, n3, _, _, _, _, _, _, _, _, p0, p1, p2, p3, u0, u1, u2, u3, ..] = info;
        Ok(SignalInfo {
            signal: Signal(u32::from_ne_bytes([n0, n1, n2, n3])),
            sender: u32::from_ne_bytes([p0, p1, p2, p3]),
            uid: u32::from_ne_bytes([u0, u1, u2, u3]),
        })
    }
}

/// `sizeof(struct signalfd_siginfo)` on every machine: the header pads it to 128 bytes. linux-raw-sys does not have it.
/// `ssi_signo` is at 0, `ssi_pid` at 12, `ssi_uid` at 16.
const SIGINFO_SIZE: usize = 128;

impl AsFd for SignalFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
