//! # Safety
//!
//! The one obligation: no argument is an address.
//!
//! Locks on files: flock(2). The kernel lifts a lock with the last descriptor of the open file, so one that a killed
//! process held is free.

#![allow(unsafe_code)]

use crate::fd::BorrowedFd;
use crate::{Errno, arch};
use linux_raw_sys::general as c;

/// Locks the open file `fd` for this process alone, without waiting: `LOCK_EX | LOCK_NB`. `false` when somebody else
/// has it locked.
///
/// # Errors
/// flock(2): `ENOLCK`, and where a file system forbids it others.
pub fn try_exclusive(fd: BorrowedFd<'_>) -> Result<bool, Errno> {
    // SAFETY: the kernel reads and writes no memory of ours.
    match unsafe { arch::call(c::__NR_flock, [fd.arg(), arch::from_u32(c::LOCK_EX | c::LOCK_NB)]) } {
        Ok(_) => Ok(true),
        Err(Errno::EAGAIN) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fd::AsFd as _;
    use crate::file::{self, OpenFlags};
    use std::ffi::CString;

    #[test]
    fn a_lock_is_held_until_its_file_is_closed() {
        let path = std::env::temp_dir().join(std::format!("edgeban-lock-{}", std::process::id()));
        let path = CString::new(path.to_str().unwrap()).unwrap();
        let open = || file::open(&path, OpenFlags::READ_WRITE | OpenFlags::CREATE, 0o600).unwrap();
        let (first, second) = (open(), open());
        assert_eq!(try_exclusive(first.as_fd()), Ok(true));
        assert_eq!(try_exclusive(first.as_fd()), Ok(true), "it is ours already");
        assert_eq!(try_exclusive(second.as_fd()), Ok(false));
        drop(first);
        assert_eq!(try_exclusive(second.as_fd()), Ok(true));
        file::unlink(&path).unwrap();
    }
}
