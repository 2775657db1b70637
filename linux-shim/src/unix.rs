//! # Safety
//!
//! The one obligation: lengths passed to the kernel are those of the buffers, options and addresses passed with them.
//!
//! unix(7) sockets of type `SOCK_SEQPACKET`, named by a path: connections that keep the borders of packets. None of
//! these calls waits.
//!
//! Not here: streams and datagrams, abstract names, passing descriptors.

#![allow(unsafe_code)]

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::{Errno, arch};
use core::ffi::CStr;
use core::mem::{offset_of, size_of};
use linux_raw_sys::general as c;
use linux_raw_sys::net::{self, AF_UNIX, SOCK_SEQPACKET, sockaddr_un, ucred};
use static_assertions::const_assert_eq;

/// Bytes of a socket's path, its final NUL included: `sun_path` of `linux/un.h`.
pub const PATH: usize = 108;

/// `struct sockaddr_un`, `linux/un.h`.
#[repr(C)]
struct Address {
    family: u16,
    path: [u8; PATH],
}

const_assert_eq!(size_of::<Address>(), size_of::<sockaddr_un>());
const_assert_eq!(align_of::<Address>(), align_of::<sockaddr_un>());
const_assert_eq!(offset_of!(Address, family), offset_of!(sockaddr_un, sun_family));
const_assert_eq!(offset_of!(Address, path), offset_of!(sockaddr_un, sun_path));

/// `AF_UNIX` as an address carries it.
#[expect(clippy::as_conversions, reason = "1, from u32 to the address's u16, in a const")]
const FAMILY: u16 = AF_UNIX as u16;

impl Address {
    /// The address of a path; the rest of the field is zero, so it always ends in a NUL.
    fn of(path: &CStr) -> Result<Self, Errno> {
        let mut address = Self { family: FAMILY, path: [0; PATH] };
        let path = path.to_bytes_with_nul();
        address.path.get_mut(..path.len()).ok_or(Errno::ENAMETOOLONG)?.copy_from_slice(path);
        Ok(address)
    }
}

/// Who is at the other end of a connection: `struct ucred`, `SO_PEERCRED`. As it was when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Credentials {
    /// The process, as this process's pid namespace numbers it; 0 if it does not see it.
    pub pid: u32,
    /// Its effective user.
    pub uid: u32,
    /// Its effective group.
    pub gid: u32,
}

const_assert_eq!(size_of::<Credentials>(), size_of::<ucred>());
const_assert_eq!(offset_of!(Credentials, pid), offset_of!(ucred, pid));
const_assert_eq!(offset_of!(Credentials, uid), offset_of!(ucred, uid));
const_assert_eq!(offset_of!(Credentials, gid), offset_of!(ucred, gid));

/// Groups of a peer that are looked through.
pub const GROUPS: usize = 256;

/// What [`Connection::receive`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'b> {
    /// One whole packet.
    Whole(&'b [u8]),
    /// A packet that did not fit: it is gone.
    Truncated,
    /// The peer has closed its end (or sent a packet without a byte, which looks the same).
    End,
}

/// A socket that waits for connections.
#[derive(Debug)]
pub struct Listener(OwnedFd);

/// One connection. Non-blocking.
#[derive(Debug)]
pub struct Connection(OwnedFd);

/// socket(2).
fn socket() -> Result<OwnedFd, Errno> {
    // SOCK_CLOEXEC and SOCK_NONBLOCK are O_CLOEXEC and O_NONBLOCK on the machines of this crate: linux/net.h.
    let args = [AF_UNIX, SOCK_SEQPACKET | c::O_CLOEXEC | c::O_NONBLOCK, 0].map(arch::from_u32);
    // SAFETY: the kernel reads and writes no memory of ours.
    unsafe { arch::call(c::__NR_socket, args) }.map(OwnedFd::from_result)
}

impl Listener {
    /// Makes a socket at `path`, which must not exist, with these permission bits (before the umask): who may write to
    /// it may connect. At most `waiting` connections wait to be accepted.
    ///
    /// # Errors
    /// `EADDRINUSE` when there is something at `path`, `ENAMETOOLONG` from [`PATH`] bytes on, and those of a new file.
    pub fn bind(path: &CStr, mode: u16, waiting: u16) -> Result<Self, Errno> {
        let address = Address::of(path)?;
        let fd = socket()?;
        // A socket's file gets the mode that the socket has when it is bound: there is no moment with more rights.
        // SAFETY: the kernel reads and writes no memory of ours.
        unsafe { arch::call(c::__NR_fchmod, [fd.as_fd().arg(), usize::from(mode)]) }?;
        let args = [fd.as_fd().arg(), arch::from_ref(&address), size_of::<Address>()];
        // SAFETY: `address` is ours and as large as the size passed; the kernel only reads it.
        unsafe { arch::call(c::__NR_bind, args) }?;
        // SAFETY: the kernel reads and writes no memory of ours.
        unsafe { arch::call(c::__NR_listen, [fd.as_fd().arg(), usize::from(waiting)]) }?;
        Ok(Self(fd))
    }

    /// Takes the next connection.
    ///
    /// # Errors
    /// `EAGAIN` when none waits; `EMFILE`, `ENFILE`, `ENOMEM`: it goes on waiting.
    pub fn accept(&self) -> Result<Connection, Errno> {
        let flags = arch::from_u32(c::O_CLOEXEC | c::O_NONBLOCK);
        let args = [self.as_fd().arg(), 0, 0, flags];
        // SAFETY: no address is asked for, so the kernel writes no memory of ours.
        let number = arch::again(|| unsafe { arch::call(c::__NR_accept4, args) })?;
        Ok(Connection(OwnedFd::from_result(number)))
    }
}

impl Connection {
    /// Connects to the listener at `path`.
    ///
    /// # Errors
    /// `ENOENT`, `ECONNREFUSED` (nobody listens there any more), `EACCES`, `EAGAIN` (too many wait to be accepted),
    /// `EPROTOTYPE` (a socket of another type).
    pub fn to(path: &CStr) -> Result<Self, Errno> {
        let address = Address::of(path)?;
        let fd = socket()?;
        let args = [fd.as_fd().arg(), arch::from_ref(&address), size_of::<Address>()];
        // SAFETY: `address` is ours and as large as the size passed; the kernel only reads it.
        unsafe { arch::call(c::__NR_connect, args) }?;
        Ok(Self(fd))
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// getsockopt(2) has none for a connection.
    pub fn peer(&self) -> Result<Credentials, Errno> {
        let mut peer = Credentials { pid: 0, uid: u32::MAX, gid: u32::MAX };
        // 12 bytes, as asserted above against the kernel's structure.
        let mut size: u32 = 12;
        let (level, option) = (arch::from_u32(net::SOL_SOCKET), arch::from_u32(net::SO_PEERCRED));
        let args = [self.as_fd().arg(), level, option, arch::from_mut(&mut peer), arch::from_mut(&mut size)];
        // SAFETY: `peer` and `size` are ours; the kernel writes at most the 12 bytes that `size` announces, and `size`.
        unsafe { arch::call(c::__NR_getsockopt, args) }?;
        Ok(peer)
    }

    /// Whether the user at the other end is in this group: `SO_PEERGROUPS`, as they were when the connection was made.
    /// False for a member of more than [`GROUPS`] groups.
    ///
    /// # Errors
    /// `ENOPROTOOPT` in kernels before 4.13.
    pub fn peer_is_in(&self, group: u32) -> Result<bool, Errno> {
        let mut groups = [0u32; GROUPS];
        let mut size = u32::try_from(size_of_val(&groups)).unwrap_or(0);
        let (level, option) = (arch::from_u32(net::SOL_SOCKET), arch::from_u32(net::SO_PEERGROUPS));
        let args = [self.as_fd().arg(), level, option, arch::from_slice_mut(&mut groups), arch::from_mut(&mut size)];
        // SAFETY: `groups` and `size` are ours; the kernel writes at most as many bytes as `size` announces, which is how
        // large `groups` is, and `size`.
        match unsafe { arch::call(c::__NR_getsockopt, args) } {
            Ok(_) => {
                let count = usize::try_from(size).unwrap_or(0) / size_of::<u32>();
                Ok(groups.get(..count).unwrap_or_default().contains(&group))
            }
            Err(Errno::ERANGE) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends one packet.
    ///
    /// # Errors
    /// `EAGAIN` when the peer reads too slowly, `EPIPE` and `ECONNRESET` when it has gone, `EMSGSIZE`.
    pub fn send(&self, packet: &[u8]) -> Result<(), Errno> {
        let flags = arch::from_u32(net::MSG_NOSIGNAL);
        let args = [self.as_fd().arg(), arch::from_slice(packet), packet.len(), flags, 0, 0];
        // SAFETY: `packet` is borrowed from the caller; the kernel reads it and writes nothing.
        arch::again(|| unsafe { arch::call(c::__NR_sendto, args) }).map(drop)
    }

    /// Takes the next packet into `buffer`.
    ///
    /// # Errors
    /// `EAGAIN` when none has come; `ECONNRESET`.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> Result<Packet<'b>, Errno> {
        // With MSG_TRUNC the result is the packet's length, also when that is more than the buffer has.
        let flags = arch::from_u32(net::MSG_TRUNC);
        let args = [self.as_fd().arg(), arch::from_slice_mut(buffer), buffer.len(), flags, 0, 0];
        // SAFETY: the caller lends `buffer` for this call, and the kernel writes at most `buffer.len()` bytes to it.
        let length = arch::again(|| unsafe { arch::call(c::__NR_recvfrom, args) })?;
        Ok(match length {
            0 => Packet::End,
            _ => buffer.get(..length).map_or(Packet::Truncated, Packet::Whole),
        })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::file;
    use std::ffi::CString;
    use std::os::unix::fs::PermissionsExt as _;
    use std::{format, fs};

    fn place(name: &str) -> CString {
        let path = std::env::temp_dir().join(format!("edgeban-unix-{}-{name}", std::process::id()));
        let _ = fs::remove_file(&path);
        CString::new(path.to_str().unwrap()).unwrap()
    }

    #[test]
    fn packets_keep_their_borders_and_the_peer_is_known() {
        let path = place("packets");
        let listener = Listener::bind(&path, 0o600, 4).unwrap();
        assert_eq!(fs::metadata(path.to_str().unwrap()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Listener::bind(&path, 0o600, 4).err(), Some(Errno::EADDRINUSE));
        assert_eq!(listener.accept().err(), Some(Errno::EAGAIN));
        let client = Connection::to(&path).unwrap();
        let server = listener.accept().unwrap();
        let peer = server.peer().unwrap();
        assert_eq!((peer.pid, peer.uid), (std::process::id(), crate::process::effective_user()));
        for group in [0, 4, 1000, 54_321, peer.gid] {
            // Whatever groups the tests are run with.
            let status = fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix("Groups:")).unwrap();
            let is_in = line.split_ascii_whitespace().any(|word| word == format!("{group}"));
            assert_eq!(server.peer_is_in(group), Ok(is_in), "{group}");
        }
        let mut buffer = [0; 4];
        assert_eq!(server.receive(&mut buffer), Err(Errno::EAGAIN));
        for packet in [b"one".as_slice(), b"seven", b"two"] {
            client.send(packet).unwrap();
        }
        assert_eq!(server.receive(&mut buffer), Ok(Packet::Whole(b"one")));
        assert_eq!(server.receive(&mut buffer), Ok(Packet::Truncated));
        assert_eq!(server.receive(&mut buffer), Ok(Packet::Whole(b"two")));
        drop(client);
        assert_eq!(server.receive(&mut buffer), Ok(Packet::End));
        assert_eq!(server.send(b"x"), Err(Errno::EPIPE));
        drop(listener);
        assert_eq!(Connection::to(&path).err(), Some(Errno::ECONNREFUSED));
        file::unlink(&path).unwrap();
        assert_eq!(Connection::to(&path).err(), Some(Errno::ENOENT));
    }

    #[test]
    fn who_does_not_read_fills_a_bounded_buffer() {
        let path = place("full");
        let listener = Listener::bind(&path, 0o600, 4).unwrap();
        let client = Connection::to(&path).unwrap();
        let server = listener.accept().unwrap();
        let error = (0..100_000).find_map(|_| server.send(&[0; 64]).err());
        assert_eq!(error, Some(Errno::EAGAIN));
        drop(client);
        file::unlink(&path).unwrap();
    }

    #[test]
    fn a_path_that_does_not_fit_is_refused() {
        for (len, error) in [(PATH - 1, Errno::ENOENT), (PATH, Errno::ENAMETOOLONG)] {
            let path = CString::new(format!("x/{}", "y".repeat(len - 2))).unwrap();
            assert_eq!(Connection::to(&path).err(), Some(error));
        }
    }
}
