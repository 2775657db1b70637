//! # Safety
//!
//! The one obligation: lengths passed to the kernel, also the one inside `struct ipt_replace`, are those of the buffers
//! passed with them.
//!
//! The tables of legacy iptables (`x_tables`): getsockopt(2) and setsockopt(2) on a raw socket, and the lock of iptables.
//! The requests are the caller's bytes, what they mean is for others; `linux/netfilter_ipv4/ip_tables.h`.

#![allow(unsafe_code)]

use crate::fd::{AsFd, OwnedFd};
use crate::file::{self, OpenFlags};
use crate::{Errno, arch};
use core::ffi::CStr;
use linux_raw_sys::general as c;
use linux_raw_sys::net::{AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_RAW, SOCK_RAW};

/// `IPT_SO_GET_INFO`, `IPT_SO_SET_REPLACE` and the same of `IP6T_`: the first of the options.
const BASE: u32 = 64;
const GET_INFO: u32 = BASE;
const GET_ENTRIES: u32 = BASE + 1;
const SET_REPLACE: u32 = BASE;
const SET_ADD_COUNTERS: u32 = BASE + 1;
/// `IPT_SO_GET_REVISION_MATCH` and `IP6T_SO_GET_REVISION_MATCH`.
const GET_REVISION_MATCH: [u32; 2] = [BASE + 2, BASE + 4];
/// `SO_IP_SET`, `linux/netfilter/ipset/ip_set.h`.
const SO_IP_SET: u32 = 83;

/// Offset of `num_counters` in `struct ipt_replace` and `struct ip6t_replace`: behind a name of 32 bytes and 13 numbers.
/// The pointer to the counters is next to it.
const NUM_COUNTERS: usize = 32 + 13 * 4;
const COUNTERS: usize = NUM_COUNTERS + 4;
const ENTRIES: usize = COUNTERS + size_of::<usize>();

/// Bytes of `struct xt_counters`.
pub const COUNTERS_SIZE: usize = 16;

/// Which tables: those of iptables or those of ip6tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// A raw socket of one protocol: the way to its tables. No packet goes through it.
#[derive(Debug)]
pub struct Xtables {
    fd: OwnedFd,
    protocol: Protocol,
}

impl Xtables {
    /// Opens the socket.
    ///
    /// # Errors
    /// socket(2): `EPERM` without `CAP_NET_RAW`; `EAFNOSUPPORT` when the kernel has no IPv6; `EMFILE`, `ENFILE`.
    pub fn open(protocol: Protocol) -> Result<Self, Errno> {
        let family = match protocol {
            Protocol::V4 => AF_INET,
            Protocol::V6 => AF_INET6,
        };
        // SOCK_CLOEXEC is O_CLOEXEC on the machines of this crate: linux/net.h.
        let args = [arch::from_u32(family), arch::from_u32(SOCK_RAW | c::O_CLOEXEC), IPPROTO_RAW_ARG];
        // SAFETY: the kernel reads and writes no memory of ours.
        let fd = OwnedFd::from_result(unsafe { arch::call(c::__NR_socket, args) }?);
        Ok(Self { fd, protocol })
    }

    /// `GET_INFO`: `request` is a `struct ipt_getinfo` with the table's name; the kernel fills in the rest. Loads the
    /// table's module, where the kernel does so.
    ///
    /// # Errors
    /// `ENOENT`: no such table; `ENOPROTOOPT`: no legacy tables at all; `EPERM` without `CAP_NET_ADMIN`; `EINVAL`: not the
    /// size of the structure.
    pub fn info(&self, request: &mut [u8]) -> Result<(), Errno> {
        self.get(self.level(), GET_INFO, request)
    }

    /// `GET_ENTRIES`: `request` is a `struct ipt_get_entries` with the table's name, the size that [`Xtables::info`] told
    /// and room for that many bytes, which the kernel fills.
    ///
    /// # Errors
    /// As [`Xtables::info`], and `EAGAIN`: the table has another size by now; `ENOMEM`.
    pub fn entries(&self, request: &mut [u8]) -> Result<(), Errno> {
        self.get(self.level(), GET_ENTRIES, request)
    }

    /// `SET_REPLACE`: `request` is a `struct ipt_replace` with its entries. `counters` must have [`COUNTERS_SIZE`] bytes
    /// for each entry of the old table, whose counters the kernel writes there. Number and place of these are filled in
    /// here.
    ///
    /// # Errors
    /// `EAGAIN`: the old table has another number of entries by now; `EINVAL`, `ELOOP`, `ENOENT` and others: the kernel
    /// does not take the table, also for `counters` of no whole number and a request without room for the header;
    /// `ENOMEM`; `EPERM`. The old table stays then.
    pub fn replace(&self, request: &mut [u8], counters: &mut [u8]) -> Result<(), Errno> {
        let (whole, rest) = counters.as_chunks_mut::<COUNTERS_SIZE>();
        let number = u32::try_from(whole.len()).map_err(|_| Errno::EINVAL)?;
        if !rest.is_empty() {
            return Err(Errno::EINVAL);
        }
        let pointer = arch::from_slice_mut(whole).to_ne_bytes();
        request.get_mut(NUM_COUNTERS..COUNTERS).ok_or(Errno::EINVAL)?.copy_from_slice(&number.to_ne_bytes());
        request.get_mut(COUNTERS..ENTRIES).ok_or(Errno::EINVAL)?.copy_from_slice(&pointer);
        let (level, option) = (arch::from_u32(self.level()), arch::from_u32(SET_REPLACE));
        let args = [self.fd.as_fd().arg(), level, option, arch::from_slice(request), request.len()];
        // SAFETY: `request` is borrowed from the caller and the kernel reads at most its length. The kernel writes through the
        // one address in it, which was put there above: to `counters`, which the caller lends for this call, 16 bytes for
        // each of the number that was put there too, or nothing if its own number is another (EAGAIN).
        unsafe { arch::call(c::__NR_setsockopt, args) }.map(drop)
    }

    /// `SET_ADD_COUNTERS`: `request` is a `struct xt_counters_info` with the counters to add, one for each entry.
    ///
    /// # Errors
    /// `EINVAL`: the table has another number of entries; `ENOENT`, `ENOMEM`, `EPERM`.
    pub fn add_counters(&self, request: &[u8]) -> Result<(), Errno> {
        let (level, option) = (arch::from_u32(self.level()), arch::from_u32(SET_ADD_COUNTERS));
        let args = [self.fd.as_fd().arg(), level, option, arch::from_slice(request), request.len()];
        // SAFETY: `request` is borrowed from the caller; the kernel reads at most its length and writes nothing.
        unsafe { arch::call(c::__NR_setsockopt, args) }.map(drop)
    }

    /// `GET_REVISION_MATCH`: `request` is a `struct xt_get_revision`. Success: the kernel has this revision of the match.
    /// Loads its module, where the kernel does so.
    ///
    /// # Errors
    /// `EPROTONOSUPPORT`: not this revision; `ENOENT`: no such match; `EPERM`.
    pub fn match_revision(&self, request: &mut [u8]) -> Result<(), Errno> {
        let [v4, v6] = GET_REVISION_MATCH;
        let option = match self.protocol {
            Protocol::V4 => v4,
            Protocol::V6 => v6,
        };
        self.get(self.level(), option, request)
    }

    /// `SO_IP_SET`: a question to ipset, answered in its place. On a socket of [`Protocol::V4`], for sets of either.
    ///
    /// # Errors
    /// `ENOPROTOOPT`: the kernel has no ipset, or the socket is one of IPv6; `EPROTO`: another version of the protocol;
    /// `EBADMSG`: no such question; `EPERM`.
    pub fn set(&self, request: &mut [u8]) -> Result<(), Errno> {
        self.get(IP, SO_IP_SET, request)
    }

    const fn level(&self) -> u32 {
        match self.protocol {
            Protocol::V4 => IP,
            Protocol::V6 => IPV6,
        }
    }

    /// getsockopt(2).
    fn get(&self, level: u32, option: u32, request: &mut [u8]) -> Result<(), Errno> {
        let mut len = u32::try_from(request.len()).map_err(|_| Errno::EINVAL)?;
        let (level, option) = (arch::from_u32(level), arch::from_u32(option));
        let args = [self.fd.as_fd().arg(), level, option, arch::from_slice_mut(request), arch::from_mut(&mut len)];
        // SAFETY: `request` is lent by the caller for this call and the kernel writes at most the length passed, which is
        // its own; the length is ours. None of the options used here makes the kernel follow a pointer in the request.
        unsafe { arch::call(c::__NR_getsockopt, args) }.map(drop)
    }
}

#[expect(clippy::as_conversions, reason = "protocol numbers below 256, in consts")]
const IP: u32 = IPPROTO_IP as u32;
#[expect(clippy::as_conversions, reason = "protocol numbers below 256, in consts")]
const IPV6: u32 = IPPROTO_IPV6 as u32;
#[expect(clippy::as_conversions, reason = "protocol numbers below 256, in consts")]
const IPPROTO_RAW_ARG: usize = IPPROTO_RAW as usize;

/// The lock that every change of a table needs, held until this is dropped.
#[derive(Debug)]
pub struct Lock {
    /// `None`: its directory does not exist, so no iptables of this machine uses it.
    file: Option<OwnedFd>,
}

impl Lock {
    /// Where iptables has it, unless built otherwise or told by `XTABLES_LOCKFILE`.
    pub const PATH: &'static CStr = c"/run/xtables.lock";

    /// Takes the lock, if nobody has it: an exclusive flock(2) on the file at `path`, which is made when missing. Does not
    /// wait.
    ///
    /// # Errors
    /// `EAGAIN`: somebody has it, try again. open(2) otherwise, except that a missing directory counts as locked.
    pub fn try_take(path: &CStr) -> Result<Self, Errno> {
        let file = match file::open(path, OpenFlags::CREATE, 0o600) {
            Err(Errno::ENOENT) => return Ok(Self { file: None }),
            file => file?,
        };
        let args = [file.as_fd().arg(), arch::from_u32(c::LOCK_EX | c::LOCK_NB)];
        // SAFETY: the kernel reads and writes no memory of ours.
        arch::again(|| unsafe { arch::call(c::__NR_flock, args) })?;
        Ok(Self { file: Some(file) })
    }

    /// Whether there is a lock file at all.
    #[must_use]
    pub const fn is_real(&self) -> bool {
        self.file.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::CString;

    #[test]
    fn a_lock_excludes_another_until_it_is_dropped() {
        let path = std::env::temp_dir().join(std::format!("edgeban-xtables-{}.lock", std::process::id()));
        let path = CString::new(path.into_os_string().into_encoded_bytes()).unwrap();
        let first = Lock::try_take(&path).unwrap();
        assert!(first.is_real());
        assert_eq!(Lock::try_take(&path).unwrap_err(), Errno::EAGAIN);
        drop(first);
        assert!(Lock::try_take(&path).unwrap().is_real());
        std::fs::remove_file(path.to_str().unwrap()).unwrap();
    }

    #[test]
    fn a_missing_directory_is_no_obstacle() {
        assert!(!Lock::try_take(c"/nonexistent/xtables.lock").unwrap().is_real());
    }

    #[test]
    fn the_layout_is_that_of_the_header() {
        use core::mem::offset_of;
        #[repr(C)]
        struct Replace {
            name: [u8; 32],
            valid_hooks: u32,
            num_entries: u32,
            size: u32,
            hook_entry: [u32; 5],
            underflow: [u32; 5],
            num_counters: u32,
            counters: *mut u8,
        }
        assert_eq!(offset_of!(Replace, num_counters), NUM_COUNTERS);
        assert_eq!(offset_of!(Replace, counters), COUNTERS);
    }
}
