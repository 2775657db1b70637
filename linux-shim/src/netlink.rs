//! # Safety
//!
//! The one obligation: lengths passed to the kernel are those of the buffers, options and addresses passed with them.
//!
//! A netlink(7) socket to one of the kernel's subsystems: datagrams out, datagrams in. What they mean is for others.

#![allow(unsafe_code)]

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::{Errno, arch};
use core::mem::{offset_of, size_of};
use linux_raw_sys::general as c;
use linux_raw_sys::net::{self, AF_NETLINK, SOCK_RAW, SOL_NETLINK, SOL_SOCKET};
use linux_raw_sys::netlink::{
    NETLINK_ADD_MEMBERSHIP, NETLINK_CAP_ACK, NETLINK_DROP_MEMBERSHIP, NETLINK_EXT_ACK, NETLINK_NETFILTER,
    NETLINK_ROUTE, NETLINK_SOCK_DIAG, sockaddr_nl,
};
use static_assertions::const_assert_eq;

/// `struct sockaddr_nl`, `linux/netlink.h`. Port 0 is the kernel's, or in bind(2) "choose one".
#[repr(C)]
#[derive(Default)]
struct Address {
    family: u16,
    pad: u16,
    port: u32,
    groups: u32,
}

const_assert_eq!(size_of::<Address>(), size_of::<sockaddr_nl>());
const_assert_eq!(align_of::<Address>(), align_of::<sockaddr_nl>());
const_assert_eq!(offset_of!(Address, family), offset_of!(sockaddr_nl, nl_family));
const_assert_eq!(offset_of!(Address, port), offset_of!(sockaddr_nl, nl_pid));
const_assert_eq!(offset_of!(Address, groups), offset_of!(sockaddr_nl, nl_groups));

/// `AF_NETLINK` as an address carries it.
#[expect(clippy::as_conversions, reason = "16, from u32 to the address's u16, in a const")]
const FAMILY: u16 = AF_NETLINK as u16;
/// An address is 12 bytes.
const ADDRESS_SIZE: u32 = 12;
const_assert_eq!(size_of::<Address>(), arch::from_u32(ADDRESS_SIZE));

impl Address {
    const KERNEL: Self = Self { family: FAMILY, pad: 0, port: 0, groups: 0 };
}

/// What [`Netlink::receive`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received<'b> {
    /// One whole datagram of the kernel: one or more netlink messages.
    Datagram(&'b [u8]),
    /// A datagram of the kernel that did not fit: it is gone, `length` bytes would have held it.
    Truncated {
        /// Bytes that the datagram had.
        length: usize,
    },
    /// A datagram that another process sent: dropped unread. Count it; nobody sends these by mistake.
    Foreign {
        /// The sender's port id.
        port: u32,
    },
}

/// A bound, non-blocking netlink socket.
#[derive(Debug)]
pub struct Netlink {
    fd: OwnedFd,
    port: u32,
}

impl Netlink {
    /// Opens a socket to netfilter and binds it to a port id of the kernel's choice. Needs no privilege; sending what
    /// changes the firewall does (`CAP_NET_ADMIN`, checked at each send).
    ///
    /// # Errors
    /// socket(2): `EPROTONOSUPPORT` when the kernel has no nfnetlink, `EMFILE`, `ENFILE`, `ENOBUFS`.
    pub fn netfilter() -> Result<Self, Errno> {
        Self::open(NETLINK_NETFILTER)
    }

    /// Opens a socket to rtnetlink(7), as [`Netlink::netfilter`] does. Needs no privilege, nor does asking.
    ///
    /// # Errors
    /// socket(2): `EMFILE`, `ENFILE`, `ENOBUFS`; `EPERM`, `EAFNOSUPPORT` where a supervisor forbids it.
    pub fn route() -> Result<Self, Errno> {
        Self::open(NETLINK_ROUTE)
    }

    /// As [`Netlink::netfilter`], to sock_diag(7), which lists sockets and ends connections (`CAP_NET_ADMIN`).
    ///
    /// # Errors
    /// socket(2): `EPROTONOSUPPORT` when the kernel has no sock_diag, `EMFILE`, `ENFILE`, `ENOBUFS`.
    pub fn sock_diag() -> Result<Self, Errno> {
        Self::open(NETLINK_SOCK_DIAG)
    }

    fn open(protocol: u32) -> Result<Self, Errno> {
        // SOCK_CLOEXEC and SOCK_NONBLOCK are O_CLOEXEC and O_NONBLOCK on the machines of this crate: linux/net.h.
        let kind = SOCK_RAW | c::O_CLOEXEC | c::O_NONBLOCK;
        let args = [AF_NETLINK, kind, protocol].map(arch::from_u32);
        // SAFETY: the kernel reads and writes no memory of ours.
        let fd = OwnedFd::from_result(unsafe { arch::call(c::__NR_socket, args) }?);
        bind(fd.as_fd(), &Address::KERNEL)?;
        let port = name(fd.as_fd())?.port;
        Ok(Self { fd, port })
    }

    /// The port id that the kernel gave: what `nlmsg_pid` of replies carries.
    #[must_use]
    pub const fn port_id(&self) -> u32 {
        self.port
    }

    /// `NETLINK_EXT_ACK`: errors come with the kernel's own text and offset. Linux 4.12.
    ///
    /// # Errors
    /// `ENOPROTOOPT` on older kernels.
    pub fn set_extended_acks(&self, on: bool) -> Result<(), Errno> {
        self.set(SOL_NETLINK, NETLINK_EXT_ACK, u32::from(on))
    }

    /// `NETLINK_CAP_ACK`: errors carry only the header of the message they answer. Linux 4.3.
    ///
    /// # Errors
    /// `ENOPROTOOPT` on older kernels.
    pub fn set_capped_acks(&self, on: bool) -> Result<(), Errno> {
        self.set(SOL_NETLINK, NETLINK_CAP_ACK, u32::from(on))
    }

    /// Bytes of datagrams that may wait to be received: `SO_RCVBUFFORCE`, or without the right to that (`CAP_NET_ADMIN`)
    /// `SO_RCVBUF`, which `net.core.rmem_max` silently limits. The kernel doubles the value for its bookkeeping.
    ///
    /// # Errors
    /// setsockopt(2) has none that the second attempt shares.
    pub fn set_receive_buffer(&self, bytes: u32) -> Result<(), Errno> {
        self.set_forced(net::SO_RCVBUFFORCE, net::SO_RCVBUF, bytes)
    }

    /// As [`Netlink::set_receive_buffer`], for the one datagram that is on its way out: `SO_SNDBUFFORCE` or `SO_SNDBUF`
    /// with `net.core.wmem_max`. It bounds the size of a datagram.
    ///
    /// # Errors
    /// setsockopt(2) has none that the second attempt shares.
    pub fn set_send_buffer(&self, bytes: u32) -> Result<(), Errno> {
        self.set_forced(net::SO_SNDBUFFORCE, net::SO_SNDBUF, bytes)
    }

    /// `NETLINK_ADD_MEMBERSHIP`: the datagrams of multicast group `group` (a number, not a bit) from now on.
    ///
    /// # Errors
    /// `EINVAL` for a group that does not exist, `EPERM`.
    pub fn add_membership(&self, group: u32) -> Result<(), Errno> {
        self.set(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    }

    /// `NETLINK_DROP_MEMBERSHIP`: no more datagrams of that group; those that wait stay. Linux 2.6.14.
    ///
    /// # Errors
    /// `EINVAL` for a group that does not exist.
    pub fn drop_membership(&self, group: u32) -> Result<(), Errno> {
        self.set(SOL_NETLINK, NETLINK_DROP_MEMBERSHIP, group)
    }

    /// Sends `datagram` to the kernel, which handles all its messages before this returns. Repeats after `EINTR`.
    ///
    /// # Errors
    /// sendto(2): `EMSGSIZE` above the send buffer, `ENOBUFS`, `ENOMEM`, `EAGAIN`. What the kernel thinks of the messages
    /// comes as datagrams, see [`Netlink::receive`].
    pub fn send(&self, datagram: &[u8]) -> Result<(), Errno> {
        let to = Address::KERNEL;
        let flags = arch::from_u32(net::MSG_NOSIGNAL);
        let (bytes, length) = (arch::from_slice(datagram), datagram.len());
        let args = [self.as_fd().arg(), bytes, length, flags, arch::from_ref(&to), size_of::<Address>()];
        // SAFETY: `datagram` is borrowed from the caller, `to` is ours; the kernel reads both and writes nothing.
        let sent = arch::again(|| unsafe { arch::call(c::__NR_sendto, args) })?;
        if sent == length { Ok(()) } else { Err(Errno::EIO) }
    }

    /// Takes one datagram out of the queue into `buffer`. Only the kernel's are handed on. Repeats after `EINTR`.
    ///
    /// # Errors
    /// recvfrom(2): `EAGAIN` when none waits; `ENOBUFS` once after the queue has overflowed and datagrams were lost.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> Result<Received<'b>, Errno> {
        let mut from = Address::default();
        let mut from_size = ADDRESS_SIZE;
        // With MSG_TRUNC the result is the datagram's length, also when that is more than the buffer has.
        let flags = arch::from_u32(net::MSG_TRUNC);
        let (bytes, capacity) = (arch::from_slice_mut(buffer), buffer.len());
        let (address, size) = (arch::from_mut(&mut from), arch::from_mut(&mut from_size));
        let args = [self.as_fd().arg(), bytes, capacity, flags, address, size];
        // SAFETY: the caller lends `buffer` for this call and the kernel writes at most `buffer.len()` bytes to it; the
        // address and its size are ours, and the kernel writes at most the 12 bytes that `from_size` announces.
        let length = arch::again(|| unsafe { arch::call(c::__NR_recvfrom, args) })?;
        if from_size != ADDRESS_SIZE || from.family != FAMILY || from.port != 0 {
            return Ok(Received::Foreign { port: from.port });
        }
        Ok(buffer.get(..length).map_or(Received::Truncated { length }, Received::Datagram))
    }

    fn set_forced(&self, forced: u32, modest: u32, bytes: u32) -> Result<(), Errno> {
        match self.set(SOL_SOCKET, forced, bytes) {
            Err(Errno::EPERM) => self.set(SOL_SOCKET, modest, bytes),
            done => done,
        }
    }

    /// setsockopt(2) with an `int`.
    fn set(&self, level: u32, option: u32, value: u32) -> Result<(), Errno> {
        let (level, option) = (arch::from_u32(level), arch::from_u32(option));
        let args = [self.as_fd().arg(), level, option, arch::from_ref(&value), size_of::<u32>()];
        // SAFETY: `value` is ours and as large as the size passed; the kernel only reads it.
        unsafe { arch::call(c::__NR_setsockopt, args) }.map(drop)
    }
}

impl AsFd for Netlink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// bind(2).
fn bind(fd: BorrowedFd<'_>, address: &Address) -> Result<(), Errno> {
    let args = [fd.arg(), arch::from_ref(address), size_of::<Address>()];
    // SAFETY: `address` is the caller's and as large as the size passed; the kernel only reads it.
    unsafe { arch::call(c::__NR_bind, args) }.map(drop)
}

/// getsockname(2).
fn name(fd: BorrowedFd<'_>) -> Result<Address, Errno> {
    let mut address = Address::default();
    let mut size = ADDRESS_SIZE;
    let args = [fd.arg(), arch::from_mut(&mut address), arch::from_mut(&mut size)];
    // SAFETY: the address and its size are ours; the kernel writes at most the 12 bytes that `size` announces, and
    // `size` itself.
    unsafe { arch::call(c::__NR_getsockname, args) }?;
    Ok(address)
}
