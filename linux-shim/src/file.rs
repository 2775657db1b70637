//! # Safety
//!
//! The one obligation: the length passed to the kernel is the length of the buffer passed with it.
//!
//! Files: open, read, write, and who a file is. Paths are `&CStr`; there is no current-directory magic beyond openat(2).

#![allow(unsafe_code)]

use crate::fd::{BorrowedFd, OwnedFd};
use crate::{Errno, arch};
use bitflags::bitflags;
use core::ffi::CStr;
use core::mem::{offset_of, size_of};
use linux_raw_sys::general as c;
use static_assertions::const_assert_eq;

bitflags! {
    /// How [`open`] opens: open(2), `asm/fcntl.h`. `O_CLOEXEC` and `O_LARGEFILE` are always added.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OpenFlags: u32 {
        /// `O_RDONLY`, which is 0 and so what the absence of the other two means.
        const READ_ONLY = c::O_RDONLY;
        /// `O_WRONLY`.
        const WRITE_ONLY = c::O_WRONLY;
        /// `O_RDWR`.
        const READ_WRITE = c::O_RDWR;
        /// `O_CREAT`: make the file with the mode given when it is missing.
        const CREATE = c::O_CREAT;
        /// `O_EXCL`: with `CREATE`, fail with `EEXIST` when it is there.
        const EXCLUSIVE = c::O_EXCL;
        /// `O_TRUNC`.
        const TRUNCATE = c::O_TRUNC;
        /// `O_APPEND`.
        const APPEND = c::O_APPEND;
        /// `O_NONBLOCK`: also keeps a FIFO without a writer from holding up the open.
        const NONBLOCK = c::O_NONBLOCK;
        /// `O_NOFOLLOW`: `ELOOP` when the last component is a symbolic link.
        const NO_FOLLOW = c::O_NOFOLLOW;
        /// `O_NOCTTY`.
        const NO_CONTROLLING_TERMINAL = c::O_NOCTTY;
        /// `O_DIRECTORY`: `ENOTDIR` for anything else.
        const DIRECTORY = c::O_DIRECTORY;
    }
}

/// Opens the file at `path`, relative paths from the current directory. `mode` are the permission bits of a file that
/// `CREATE` makes, before the umask.
///
/// Repeats after `EINTR`, which slow devices and FIFOs can give.
///
/// # Errors
/// open(2): `ENOENT`, `EACCES`, `EMFILE`, `ENXIO` (a FIFO for writing without reader) and others.
pub fn open(path: &CStr, flags: OpenFlags, mode: u16) -> Result<OwnedFd, Errno> {
    open_in(arch::from_i32(c::AT_FDCWD), path, flags, mode)
}

/// As [`open`], with relative paths from the directory `directory`.
///
/// # Errors
/// openat(2): as [`open`], and `ENOTDIR` when `directory` is none.
pub fn open_at(directory: BorrowedFd<'_>, path: &CStr, flags: OpenFlags, mode: u16) -> Result<OwnedFd, Errno> {
    open_in(directory.arg(), path, flags, mode)
}

fn open_in(directory: usize, path: &CStr, flags: OpenFlags, mode: u16) -> Result<OwnedFd, Errno> {
    let flags = arch::from_u32(flags.bits() | c::O_CLOEXEC | c::O_LARGEFILE);
    let args = [directory, arch::from_slice(path.to_bytes_with_nul()), flags, usize::from(mode)];
    // SAFETY: `path` is borrowed from the caller and ends in a NUL, at which the kernel stops reading; it writes nothing.
    let number = arch::again(|| unsafe { arch::call(c::__NR_openat, args) })?;
    Ok(OwnedFd::from_result(number))
}

/// Reads from the file's position into `buffer`; the number of bytes read, 0 at the end. Repeats after `EINTR`.
///
/// # Errors
/// read(2): `EAGAIN` when non-blocking and nothing is there, `EISDIR`, `EPIPE` (`/dev/kmsg`: records were overwritten),
/// `EINVAL` (buffer too small for a `/dev/kmsg` record) and others.
pub fn read(fd: BorrowedFd<'_>, buffer: &mut [u8]) -> Result<usize, Errno> {
    let args = [fd.arg(), arch::from_slice_mut(buffer), buffer.len()];
    // SAFETY: the caller lends `buffer` for this call; the kernel writes at most `buffer.len()` bytes, from its start.
    arch::again(|| unsafe { arch::call(c::__NR_read, args) })
}

/// Reads at `offset` bytes from the file's beginning, without moving its position; the number of bytes read, 0 at or
/// after the end. Repeats after `EINTR`.
///
/// # Errors
/// pread(2): as [`read`], `ESPIPE` for what has no position, `EINVAL` when `offset` does not fit in an `i64`.
pub fn read_at(fd: BorrowedFd<'_>, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
    let args = arch::with_offset([fd.arg(), arch::from_slice_mut(buffer), buffer.len()], offset);
    // SAFETY: the caller lends `buffer` for this call; the kernel writes at most `buffer.len()` bytes, from its start.
    arch::again(|| unsafe { arch::call(c::__NR_pread64, args) })
}

/// Writes from the start of `bytes`; the number of bytes written, which may be less than all. Repeats after `EINTR`.
///
/// # Errors
/// write(2): `EAGAIN`, `EPIPE` (see [`crate::signal::ignore_broken_pipe`]), `ENOSPC` and others.
pub fn write(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    let args = [fd.arg(), arch::from_slice(bytes), bytes.len()];
    // SAFETY: the caller lends `bytes` for this call; the kernel reads at most `bytes.len()` bytes and writes nothing.
    arch::again(|| unsafe { arch::call(c::__NR_write, args) })
}

/// Writes all of `bytes`.
///
/// # Errors
/// As [`write()`]; how much was written before is not known then, so it suits blocking descriptors. `EIO` when the kernel
/// takes no byte without naming an error.
pub fn write_all(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<(), Errno> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let written = write(fd, rest)?;
        rest = match rest.get(written..) {
            Some(rest) if written > 0 => rest,
            _ => return Err(Errno::EIO),
        };
    }
    Ok(())
}

/// Makes a directory with these permission bits, before the umask: mkdir(2).
///
/// # Errors
/// `EEXIST` when there is something at `path`, a directory or not; `ENOENT` when its parent is missing, `EACCES`, `EROFS`.
pub fn create_directory(path: &CStr, mode: u16) -> Result<(), Errno> {
    let args = [arch::from_i32(c::AT_FDCWD), arch::from_slice(path.to_bytes_with_nul()), usize::from(mode)];
    // SAFETY: `path` is borrowed from the caller and ends in a NUL, at which the kernel stops reading; it writes nothing.
    unsafe { arch::call(c::__NR_mkdirat, args) }.map(drop)
}

/// Takes away the name `path` of a file: unlink(2). A symbolic link is not followed.
///
/// # Errors
/// `ENOENT`, `EISDIR`, `EACCES`, `EROFS`.
pub fn unlink(path: &CStr) -> Result<(), Errno> {
    let args = [arch::from_i32(c::AT_FDCWD), arch::from_slice(path.to_bytes_with_nul()), 0];
    // SAFETY: `path` is borrowed from the caller and ends in a NUL, at which the kernel stops reading; it writes nothing.
    unsafe { arch::call(c::__NR_unlinkat, args) }.map(drop)
}

/// Gives the file that `path` leads to these permission bits: chmod(2).
///
/// # Errors
/// `EPERM` when it is another's, `ENOENT`, `EROFS`.
pub fn set_mode(path: &CStr, mode: u16) -> Result<(), Errno> {
    let args = [arch::from_i32(c::AT_FDCWD), arch::from_slice(path.to_bytes_with_nul()), usize::from(mode)];
    // SAFETY: `path` is borrowed from the caller and ends in a NUL, at which the kernel stops reading; it writes nothing.
    unsafe { arch::call(c::__NR_fchmodat, args) }.map(drop)
}

/// Gives the file `path` to a group, its user stays: lchown(2). A symbolic link is not followed.
///
/// # Errors
/// `EPERM` when it is another's, or without `CAP_CHOWN` for a group that this process is not in; `ENOENT`, `EROFS`.
pub fn set_group(path: &CStr, group: u32) -> Result<(), Errno> {
    let path = arch::from_slice(path.to_bytes_with_nul());
    // The user of all ones is the one it has.
    let (user, flags) = (arch::from_u32(u32::MAX), arch::from_u32(c::AT_SYMLINK_NOFOLLOW));
    let args = [arch::from_i32(c::AT_FDCWD), path, user, arch::from_u32(group), flags];
    // SAFETY: `path` is borrowed from the caller and ends in a NUL, at which the kernel stops reading; it writes nothing.
    unsafe { arch::call(c::__NR_fchownat, args) }.map(drop)
}

/// Gives what is at `from` the name `to`, which loses what it had, in one step: renameat2(2), Linux 3.15.
///
/// # Errors
/// `ENOENT`, `EACCES`, `EROFS`, `ENOSPC`, `EXDEV` when the two are on different file systems.
pub fn rename(from: &CStr, to: &CStr) -> Result<(), Errno> {
    let here = arch::from_i32(c::AT_FDCWD);
    let (from, to) = (arch::from_slice(from.to_bytes_with_nul()), arch::from_slice(to.to_bytes_with_nul()));
    // SAFETY: both paths are borrowed from the caller and end in a NUL, at which the kernel stops reading; it writes nothing.
    unsafe { arch::call(c::__NR_renameat2, [here, from, here, to, 0]) }.map(drop)
}

/// Waits until the file's bytes are where they survive a power cut: fdatasync(2). Repeats after `EINTR`.
///
/// # Errors
/// `EIO`, `ENOSPC`, `EROFS` (also of what cannot be synced, as a pipe: `EINVAL`).
pub fn sync_data(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: the kernel reads and writes none of our memory.
    arch::again(|| unsafe { arch::call(c::__NR_fdatasync, [fd.arg()]) }).map(drop)
}

/// As [`sync_data`], and all that the kernel knows of the file; of a directory, the names in it: fsync(2).
///
/// # Errors
/// As [`sync_data`].
pub fn sync(fd: BorrowedFd<'_>) -> Result<(), Errno> {
    // SAFETY: the kernel reads and writes none of our memory.
    arch::again(|| unsafe { arch::call(c::__NR_fsync, [fd.arg()]) }).map(drop)
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link, seen only when it was not followed.
    Symlink,
    /// A FIFO or pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character device, as `/dev/kmsg`.
    CharDevice,
    /// A block device.
    BlockDevice,
    /// Something without a type, as an inotify or epoll descriptor.
    Unknown,
}

impl FileKind {
    const fn from_mode(mode: u32) -> Self {
        match mode & c::S_IFMT {
            c::S_IFREG => Self::Regular,
            c::S_IFDIR => Self::Directory,
            c::S_IFLNK => Self::Symlink,
            c::S_IFIFO => Self::Fifo,
            c::S_IFSOCK => Self::Socket,
            c::S_IFCHR => Self::CharDevice,
            c::S_IFBLK => Self::BlockDevice,
            _ => Self::Unknown,
        }
    }
}

/// Who a file is and how large: what statx(2) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileStatus {
    /// The device that holds it: major number in the upper 32 bits, minor in the lower. With `inode` it names the file.
    pub device: u64,
    /// Its inode.
    pub inode: u64,
    /// Its size in bytes; 0 for devices and pipes.
    pub size: u64,
    /// Names that it has; 0 once deleted.
    pub links: u32,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, 0o7777 at most.
    pub mode: u16,
    /// The user who owns it.
    pub uid: u32,
    /// The group that owns it.
    pub gid: u32,
    /// When it was written to last, in seconds since 1970-01-01 00:00:00 UTC.
    pub modified: i64,
}

/// The status of an open file. Linux 4.11 or later.
///
/// # Errors
/// statx(2): `ENOSYS` on older kernels.
pub fn status(fd: BorrowedFd<'_>) -> Result<FileStatus, Errno> {
    statx(fd.arg(), c"", c::AT_EMPTY_PATH)
}

/// The status of what `path` leads to; symbolic links are followed. Linux 4.11 or later.
///
/// # Errors
/// statx(2): `ENOENT`, `ENOTDIR`, `ELOOP`, `EACCES` on the way; `ENOSYS` on older kernels.
pub fn status_of(path: &CStr) -> Result<FileStatus, Errno> {
    statx(arch::from_i32(c::AT_FDCWD), path, 0)
}

/// The status of `path` itself, also when it is a symbolic link. Linux 4.11 or later.
///
/// # Errors
/// As [`status_of`].
pub fn status_of_link(path: &CStr) -> Result<FileStatus, Errno> {
    statx(arch::from_i32(c::AT_FDCWD), path, c::AT_SYMLINK_NOFOLLOW)
}

fn statx(directory: usize, path: &CStr, flags: u32) -> Result<FileStatus, Errno> {
    let mut raw = Statx::default();
    let path = arch::from_slice(path.to_bytes_with_nul());
    let mask = arch::from_u32(c::STATX_BASIC_STATS);
    let args = [directory, path, arch::from_u32(flags | c::AT_NO_AUTOMOUNT), mask, arch::from_mut(&mut raw)];
    // SAFETY: `path` is borrowed from the caller and ends in a NUL; `raw` is ours and has the size of the kernel's
    // `struct statx` (asserted below), which is all that the kernel writes.
    arch::again(|| unsafe { arch::call(c::__NR_statx, args) })?;
    Ok(FileStatus {
        device: u64::from(raw.dev_major) << 32 | u64::from(raw.dev_minor),
        inode: raw.ino,
        size: raw.size,
        links: raw.nlink,
        kind: FileKind::from_mode(u32::from(raw.mode)),
        mode: raw.mode & 0o7777,
        uid: raw.uid,
        gid: raw.gid,
        modified: raw.mtime.seconds,
    })
}

/// `struct statx_timestamp`, `linux/stat.h`.
#[repr(C)]
#[derive(Default)]
struct Timestamp {
    seconds: i64,
    nanoseconds: u32,
    reserved: i32,
}

/// `struct statx`, `linux/stat.h`: any bytes are a value of it.
#[repr(C)]
#[derive(Default)]
struct Statx {
    mask: u32,
    blksize: u32,
    attributes: u64,
    nlink: u32,
    uid: u32,
    gid: u32,
    mode: u16,
    spare0: u16,
    ino: u64,
    size: u64,
    blocks: u64,
    attributes_mask: u64,
    atime: Timestamp,
    btime: Timestamp,
    ctime: Timestamp,
    mtime: Timestamp,
    rdev: [u32; 2],
    dev_major: u32,
    dev_minor: u32,
    rest: [u64; 14],
}

const_assert_eq!(size_of::<Statx>(), 256);
const_assert_eq!(size_of::<Statx>(), size_of::<c::statx>());
const_assert_eq!(offset_of!(Statx, nlink), offset_of!(c::statx, stx_nlink));
const_assert_eq!(offset_of!(Statx, uid), offset_of!(c::statx, stx_uid));
const_assert_eq!(offset_of!(Statx, gid), offset_of!(c::statx, stx_gid));
const_assert_eq!(offset_of!(Statx, mode), offset_of!(c::statx, stx_mode));
const_assert_eq!(offset_of!(Statx, ino), offset_of!(c::statx, stx_ino));
const_assert_eq!(offset_of!(Statx, size), offset_of!(c::statx, stx_size));
const_assert_eq!(offset_of!(Statx, atime), offset_of!(c::statx, stx_atime));
const_assert_eq!(offset_of!(Statx, mtime), offset_of!(c::statx, stx_mtime));
const_assert_eq!(offset_of!(Timestamp, seconds), offset_of!(c::statx_timestamp, tv_sec));
const_assert_eq!(size_of::<Timestamp>(), size_of::<c::statx_timestamp>());
const_assert_eq!(offset_of!(Statx, rdev), offset_of!(c::statx, stx_rdev_major));
const_assert_eq!(offset_of!(Statx, dev_major), offset_of!(c::statx, stx_dev_major));
const_assert_eq!(offset_of!(Statx, dev_minor), offset_of!(c::statx, stx_dev_minor));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fd::AsFd as _;
    use std::ffi::CString;

    #[test]
    fn a_file_is_synced_and_takes_anothers_name() {
        let path = |name: &str| {
            let path = std::env::temp_dir().join(std::format!("edgeban-{name}-{}", std::process::id()));
            CString::new(path.to_str().unwrap()).unwrap()
        };
        let (new, old) = (path("new"), path("old"));
        let before = crate::clock::realtime_secs().unwrap();
        for (path, text) in [(&new, b"new"), (&old, b"old")] {
            let file = open(path, OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o600).unwrap();
            write_all(file.as_fd(), text).unwrap();
            sync_data(file.as_fd()).unwrap();
        }
        let inode = status_of(&new).unwrap().inode;
        rename(&new, &old).unwrap();
        let directory = open(c"/tmp", OpenFlags::READ_ONLY | OpenFlags::DIRECTORY, 0).unwrap();
        sync(directory.as_fd()).unwrap();
        assert_eq!(status_of(&new), Err(Errno::ENOENT));
        let status = status_of(&old).unwrap();
        // The kernel's clock for files may be a tick behind.
        assert!(status.inode == inode && (before - 1..before + 60).contains(&status.modified), "{status:?}");
        unlink(&old).unwrap();
        assert_eq!(rename(&new, &old), Err(Errno::ENOENT));
    }
}
