//! # Safety
//!
//! The one obligation: the length passed to the kernel is the length of the buffer passed with it.
//!
//! Random bytes from the kernel, for hash keys.

#![allow(unsafe_code)]

use crate::fd::AsFd;
use crate::file::{self, OpenFlags};
use crate::{Errno, arch};
use linux_raw_sys::general::__NR_getrandom;

/// Fills `buffer` with bytes that nobody can predict, getrandom(2). Early after boot it waits until the kernel's pool
/// is seeded: a fraction of a second from Linux 5.6 on, on older kernels as long as it takes. Repeats after `EINTR`.
///
/// Where the kernel or a filter has no getrandom (`ENOSYS`), `/dev/urandom` is read, which does not wait.
///
/// # Errors
/// Those of opening and reading `/dev/urandom`; `EIO` when it ends.
pub fn fill(buffer: &mut [u8]) -> Result<(), Errno> {
    let mut rest = buffer;
    while !rest.is_empty() {
        let filled = match get(rest) {
            Err(Errno::ENOSYS) => return fill_from_device(rest),
            filled => filled?,
        };
        rest = rest.get_mut(filled..).unwrap_or_default();
    }
    Ok(())
}

fn get(buffer: &mut [u8]) -> Result<usize, Errno> {
    let args = [arch::from_slice_mut(buffer), buffer.len(), 0];
    // SAFETY: the caller lends `buffer` for this call; the kernel writes at most `buffer.len()` bytes, from its start.
    arch::again(|| unsafe { arch::call(__NR_getrandom, args) })
}

fn fill_from_device(buffer: &mut [u8]) -> Result<(), Errno> {
    let device = file::open(c"/dev/urandom", OpenFlags::READ_ONLY, 0)?;
    let mut rest = buffer;
    while !rest.is_empty() {
        let filled = file::read(device.as_fd(), rest)?;
        if filled == 0 {
            return Err(Errno::EIO);
        }
        rest = rest.get_mut(filled..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_fill_everything_and_differ() {
        // More than the 256 bytes that getrandom gives at once in any case.
        let (mut one, mut two, mut three) = ([0_u8; 1000], [0_u8; 1000], [0_u8; 1000]);
        fill(&mut one).unwrap();
        fill(&mut two).unwrap();
        fill_from_device(&mut three).unwrap();
        for buffer in [one, two, three] {
            let tail = buffer.get(900..).unwrap();
            assert!(tail.iter().any(|&byte| byte != 0));
        }
        assert_ne!(one, two);
        assert_ne!(two, three);
    }

    #[test]
    fn nothing_to_fill_is_filled() {
        fill(&mut []).unwrap();
    }
}
