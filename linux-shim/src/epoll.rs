//! # Safety
//!
//! The one obligation: the kernel is told how many events the caller's array holds, and no more.
//!
//! epoll(7), level-triggered unless asked otherwise: which descriptor has something to do.

#![allow(unsafe_code)]

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::{Errno, arch};
use bitflags::bitflags;
use core::fmt;
use core::mem::{offset_of, size_of};
use linux_raw_sys::general as c;
use static_assertions::const_assert_eq;

bitflags! {
    /// What to wait for, and what is there: `linux/eventpoll.h`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Ready: u32 {
        /// `EPOLLIN`: a read will not block.
        const READ = c::EPOLLIN;
        /// `EPOLLOUT`: a write will not block.
        const WRITE = c::EPOLLOUT;
        /// `EPOLLPRI`: exceptional condition.
        const PRIORITY = c::EPOLLPRI;
        /// `EPOLLERR`: always waited for; on a netlink socket messages were lost.
        const ERROR = c::EPOLLERR;
        /// `EPOLLHUP`: always waited for.
        const HANG_UP = c::EPOLLHUP;
        /// `EPOLLRDHUP`: the peer has stopped writing.
        const PEER_CLOSED = c::EPOLLRDHUP;
        /// `EPOLLET`: tell only about changes (input only).
        const EDGE = c::EPOLLET;
        /// `EPOLLONESHOT`: tell once, then wait for [`Epoll::modify`] (input only).
        const ONE_SHOT = c::EPOLLONESHOT;
        const _ = !0;
    }
}

/// One event, as the kernel lays it out (`struct epoll_event`, packed on x86_64 only).
#[derive(Clone, Copy)]
#[repr(C)]
#[cfg_attr(target_arch = "x86_64", repr(packed))]
pub struct Event {
    events: u32,
    data: u64,
}

const_assert_eq!(size_of::<Event>(), size_of::<c::epoll_event>());
const_assert_eq!(align_of::<Event>(), align_of::<c::epoll_event>());
const_assert_eq!(offset_of!(Event, events), offset_of!(c::epoll_event, events));
const_assert_eq!(offset_of!(Event, data), offset_of!(c::epoll_event, data));

impl Event {
    /// No event: what an array for [`Epoll::wait`] is filled with.
    pub const EMPTY: Self = Self { events: 0, data: 0 };

    /// The token that the descriptor was added with.
    #[must_use]
    pub const fn token(&self) -> u64 {
        self.data
    }

    /// What it is ready for.
    #[must_use]
    pub const fn ready(&self) -> Ready {
        Ready::from_bits_retain(self.events)
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("token", &self.token()).field("ready", &self.ready()).finish()
    }
}

/// An epoll instance.
#[derive(Debug)]
pub struct Epoll(OwnedFd);

impl Epoll {
    /// epoll_create1(2).
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`, `ENOMEM`.
    pub fn new() -> Result<Self, Errno> {
        // SAFETY: the kernel reads and writes no memory of ours.
        let number = unsafe { arch::call(c::__NR_epoll_create1, [arch::from_u32(c::EPOLL_CLOEXEC)]) }?;
        Ok(Self(OwnedFd::from_result(number)))
    }

    /// Waits for `interest` on `fd` from now on; events carry `token`. The kernel forgets it when the last descriptor
    /// of that open file is closed.
    ///
    /// # Errors
    /// epoll_ctl(2): `EEXIST`, `EPERM` (regular files and directories cannot be waited for), `ENOSPC`
    /// (`fs.epoll.max_user_watches`).
    pub fn add(&self, fd: BorrowedFd<'_>, interest: Ready, token: u64) -> Result<(), Errno> {
        self.control(c::EPOLL_CTL_ADD, fd, &Event { events: interest.bits(), data: token })
    }

    /// Replaces the interest and token of a descriptor that was added.
    ///
    /// # Errors
    /// epoll_ctl(2): `ENOENT` when it was not.
    pub fn modify(&self, fd: BorrowedFd<'_>, interest: Ready, token: u64) -> Result<(), Errno> {
        self.control(c::EPOLL_CTL_MOD, fd, &Event { events: interest.bits(), data: token })
    }

    /// Stops waiting for `fd`.
    ///
    /// # Errors
    /// epoll_ctl(2): `ENOENT` when it was not added.
    pub fn remove(&self, fd: BorrowedFd<'_>) -> Result<(), Errno> {
        self.control(c::EPOLL_CTL_DEL, fd, &Event::EMPTY)
    }

    fn control(&self, operation: u32, fd: BorrowedFd<'_>, event: &Event) -> Result<(), Errno> {
        let args = [self.as_fd().arg(), arch::from_u32(operation), fd.arg(), arch::from_ref(event)];
        // SAFETY: `event` is the caller's and has the kernel's layout (asserted above); the kernel only reads it.
        unsafe { arch::call(c::__NR_epoll_ctl, args) }.map(drop)
    }

    /// Waits until something is ready or `timeout` milliseconds have passed (`None`: for ever, `Some(0)`: not at all)
    /// and returns the events, none after the timeout. Timeouts over `i32::MAX` ms (24 days) end then.
    ///
    /// Also returns no event when a signal (a stop and continue, a debugger) interrupts it: starting again would wait
    /// the whole timeout anew, so the caller looks at its clock first.
    ///
    /// # Errors
    /// epoll_pwait(2): `EINVAL` when `events` is empty.
    pub fn wait<'e>(&self, events: &'e mut [Event], timeout: Option<u64>) -> Result<&'e [Event], Errno> {
        let timeout = timeout.map_or(-1, |ms| i32::try_from(ms).unwrap_or(i32::MAX));
        let capacity = i32::try_from(events.len()).unwrap_or(i32::MAX);
        let array = arch::from_slice_mut(events);
        let args = [self.as_fd().arg(), array, arch::from_i32(capacity), arch::from_i32(timeout), 0, 0];
        // SAFETY: the caller lends `events` for this call; the kernel writes at most `capacity` events of its layout
        // (asserted above) from the start, and `capacity` is not more than the array holds. The signal mask is null.
        match unsafe { arch::call(c::__NR_epoll_pwait, args) } {
            Ok(count) => Ok(events.get(..count).unwrap_or_default()),
            Err(Errno::EINTR) => Ok(&[]),
            Err(errno) => Err(errno),
        }
    }
}

impl AsFd for Epoll {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
