//! # Safety
//!
//! The one obligation: a path passed to the kernel ends in a NUL.
//!
//! inotify(7): who changed a directory or a file. Events are parsed from the caller's buffer without copying.

#![allow(unsafe_code)]

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::{Errno, arch, file};
use bitflags::bitflags;
use core::ffi::CStr;
use core::mem::{offset_of, size_of};
use linux_raw_sys::general as c;
use static_assertions::const_assert_eq;

bitflags! {
    /// What to watch for, and what happened: `linux/inotify.h`.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Mask: u32 {
        /// `IN_MODIFY`: written to or truncated.
        const MODIFY = c::IN_MODIFY;
        /// `IN_ATTRIB`: metadata changed, the number of links included.
        const ATTRIB = c::IN_ATTRIB;
        /// `IN_CLOSE_WRITE`: closed by somebody who had it open for writing.
        const CLOSE_WRITE = c::IN_CLOSE_WRITE;
        /// `IN_MOVED_FROM`: a name left the directory.
        const MOVED_FROM = c::IN_MOVED_FROM;
        /// `IN_MOVED_TO`: a name came into the directory.
        const MOVED_TO = c::IN_MOVED_TO;
        /// `IN_CREATE`: made in the directory.
        const CREATE = c::IN_CREATE;
        /// `IN_DELETE`: deleted from the directory.
        const DELETE = c::IN_DELETE;
        /// `IN_DELETE_SELF`: the watched thing itself is gone.
        const DELETE_SELF = c::IN_DELETE_SELF;
        /// `IN_MOVE_SELF`: the watched thing itself was renamed.
        const MOVE_SELF = c::IN_MOVE_SELF;
        /// `IN_UNMOUNT`: its file system was unmounted (output only).
        const UNMOUNT = c::IN_UNMOUNT;
        /// `IN_Q_OVERFLOW`: events were lost; look at everything again (output only, no watch).
        const QUEUE_OVERFLOW = c::IN_Q_OVERFLOW;
        /// `IN_IGNORED`: the watch is gone (output only).
        const IGNORED = c::IN_IGNORED;
        /// `IN_ISDIR`: what it happened to is a directory (output only).
        const IS_DIRECTORY = c::IN_ISDIR;
        /// `IN_ONLYDIR`: watch only a directory (input only).
        const ONLY_DIRECTORY = c::IN_ONLYDIR;
        /// `IN_DONT_FOLLOW`: do not follow a symbolic link (input only).
        const DONT_FOLLOW = c::IN_DONT_FOLLOW;
        /// `IN_EXCL_UNLINK`: no events for what is open but has no name any more (input only).
        const EXCLUDE_UNLINKED = c::IN_EXCL_UNLINK;
        /// `IN_MASK_ADD`: add to the watch's mask instead of replacing it (input only).
        const MASK_ADD = c::IN_MASK_ADD;
        const _ = !0;
    }
}

/// The name of one watch of an [`Inotify`]; the kernel does not use it again while the instance lives (until it has
/// counted to `i32::MAX`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Watch(i32);

/// An inotify instance. Readable (epoll) when events wait.
#[derive(Debug)]
pub struct Inotify(OwnedFd);

/// Bytes of buffer that hold at least one event with the longest name: below it, [`Inotify::read`] may say `EINVAL`.
pub const MIN_BUFFER: usize = HEADER + 256;

impl Inotify {
    /// inotify_init1(2), non-blocking.
    ///
    /// # Errors
    /// `EMFILE` also when `fs.inotify.max_user_instances` is reached.
    pub fn new() -> Result<Self, Errno> {
        let args = [arch::from_u32(c::IN_NONBLOCK | c::IN_CLOEXEC)];
        // SAFETY: the kernel reads and writes no memory of ours.
        let number = unsafe { arch::call(c::__NR_inotify_init1, args) }?;
        Ok(Self(OwnedFd::from_result(number)))
    }

    /// inotify_add_watch(2): watches the inode that `path` leads to now. The same inode gives the same [`Watch`] again,
    /// with its mask replaced.
    ///
    /// # Errors
    /// `ENOENT`, `EACCES` (read permission is needed), `ENOTDIR`, `ENOSPC` (`fs.inotify.max_user_watches`), `EINVAL`
    /// (a mask without any event).
    pub fn add_watch(&self, path: &CStr, mask: Mask) -> Result<Watch, Errno> {
        let path = arch::from_slice(path.to_bytes_with_nul());
        let args = [self.as_fd().arg(), path, arch::from_u32(mask.bits())];
        // SAFETY: `path` is borrowed from the caller and ends in a NUL, at which the kernel stops reading; it writes
        // nothing.
        let number = arch::again(|| unsafe { arch::call(c::__NR_inotify_add_watch, args) })?;
        i32::try_from(number).map(Watch).map_err(|_| Errno::EIO)
    }

    /// inotify_rm_watch(2). A last event with `IGNORED` follows.
    ///
    /// # Errors
    /// `EINVAL`: the watch is already gone.
    pub fn remove_watch(&self, watch: Watch) -> Result<(), Errno> {
        let args = [self.as_fd().arg(), arch::from_i32(watch.0)];
        // SAFETY: the kernel reads and writes no memory of ours.
        unsafe { arch::call(c::__NR_inotify_rm_watch, args) }.map(drop)
    }

    /// Reads as many waiting events as fit into `buffer`, see [`MIN_BUFFER`].
    ///
    /// # Errors
    /// `EAGAIN`: none waits. `EINVAL`: the next one does not fit.
    pub fn read<'b>(&self, buffer: &'b mut [u8]) -> Result<Events<'b>, Errno> {
        let length = file::read(self.as_fd(), buffer)?;
        Ok(Events { rest: buffer.get(..length).unwrap_or_default() })
    }
}

impl AsFd for Inotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// One event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event<'b> {
    /// The watch it belongs to; `None` for `QUEUE_OVERFLOW`, which belongs to none.
    pub watch: Option<Watch>,
    /// What happened.
    pub mask: Mask,
    /// The same number in `MOVED_FROM` and `MOVED_TO` of one rename, else 0.
    pub cookie: u32,
    /// The name inside the watched directory without its NUL; empty when the watched thing itself is meant.
    pub name: &'b [u8],
}

/// The events of one [`Inotify::read`], oldest first.
#[derive(Clone, Debug)]
pub struct Events<'b> {
    rest: &'b [u8],
}

impl<'b> Iterator for Events<'b> {
    type Item = Event<'b>;

    /// Ends at the first byte that is not a whole event, which the kernel does not produce.
    fn next(&mut self) -> Option<Event<'b>> {
        let (header, rest) = self.rest.split_first_chunk::<HEADER>()?;
        let [wd, mask, cookie, length] = fields(header);
        let (name, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let wd = wd.cast_signed();
        Some(Event { watch: (wd >= 0).then_some(Watch(wd)), mask: Mask::from_bits_retain(mask), cookie, name })
    }
}

/// Bytes of `struct inotify_event` before the name.
const HEADER: usize = 16;

/// `wd`, `mask`, `cookie` and `len` of `struct inotify_event`, in host byte order.
fn fields(header: &[u8; HEADER]) -> [u32; 4] {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *header;
    [[a, b, c, d], [e, f, g, h], [i, j, k, l], [m, n, o, p]].map(u32::from_ne_bytes)
}

const_assert_eq!(HEADER, size_of::<c::inotify_event>());
const_assert_eq!(0, offset_of!(c::inotify_event, wd));
const_assert_eq!(4, offset_of!(c::inotify_event, mask));
const_assert_eq!(8, offset_of!(c::inotify_event, cookie));
const_assert_eq!(12, offset_of!(c::inotify_event, len));
