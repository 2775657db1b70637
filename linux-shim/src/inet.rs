//! # Safety
//!
//! The one obligation: lengths passed to the kernel are those of the buffers, options and addresses passed with them.
//!
//! ip(7) and ipv6(7) sockets: tcp(7) listeners and streams, udp(7) sockets. All are non-blocking and close-on-exec.
//!
//! Not here: names (nothing is ever resolved), options for multicast, flow labels.

#![allow(unsafe_code)]

use crate::fd::{AsFd, BorrowedFd, OwnedFd};
use crate::{Errno, arch};
use linux_raw_sys::general as c;
use linux_raw_sys::net::{self, AF_INET, AF_INET6, sockaddr_in, sockaddr_in6};
use static_assertions::const_assert_eq;

/// An address with a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// IPv4.
    V4([u8; 4], u16),
    /// IPv6; the scope is the number of an interface, for link-local addresses, or 0.
    V6([u8; 16], u16, u32),
}

/// Bytes of `struct sockaddr_in6`, the larger of the two that are used.
const RAW: usize = 28;

/// `struct sockaddr_in` (16 bytes: family, port, address, zeros) or `struct sockaddr_in6` (28 bytes: family, port, flow label,
/// address, scope). Port and address are big endian, the rest is the machine's.
#[repr(C, align(4))]
struct Raw([u8; RAW]);

const_assert_eq!(size_of::<sockaddr_in6>(), RAW);
const_assert_eq!(size_of::<sockaddr_in>(), 16);
const_assert_eq!(core::mem::offset_of!(sockaddr_in, sin_port), 2);
const_assert_eq!(core::mem::offset_of!(sockaddr_in, sin_addr), 4);
const_assert_eq!(core::mem::offset_of!(sockaddr_in6, sin6_port), 2);
const_assert_eq!(core::mem::offset_of!(sockaddr_in6, sin6_addr), 8);
const_assert_eq!(core::mem::offset_of!(sockaddr_in6, sin6_scope_id), 24);

#[expect(clippy::as_conversions, reason = "2 and 10, from u32 to the address's u16, in a const")]
const FAMILY: [u16; 2] = [AF_INET as u16, AF_INET6 as u16];

impl Endpoint {
    const fn family(&self) -> u32 {
        match self {
            Self::V4(..) => AF_INET,
            Self::V6(..) => AF_INET6,
        }
    }

    /// The kernel's form and its length.
    fn raw(&self) -> (Raw, usize) {
        let mut raw = [0; RAW];
        let mut put = |at: usize, bytes: &[u8]| {
            if let Some(room) = raw.get_mut(at..at + bytes.len()) {
                room.copy_from_slice(bytes);
            }
        };
        let length = match self {
            Self::V4(address, port) => {
                put(0, &FAMILY[0].to_ne_bytes());
                put(2, &port.to_be_bytes());
                put(4, address);
                16
            }
            Self::V6(address, port, scope) => {
                put(0, &FAMILY[1].to_ne_bytes());
                put(2, &port.to_be_bytes());
                put(8, address);
                put(24, &scope.to_ne_bytes());
                RAW
            }
        };
        (Raw(raw), length)
    }

    fn of(raw: &Raw) -> Option<Self> {
        let bytes = &raw.0;
        let port = u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?);
        let family = u16::from_ne_bytes(*bytes.first_chunk()?);
        if family == FAMILY[0] {
            return Some(Self::V4(*bytes.get(4..)?.first_chunk()?, port));
        }
        let scope = u32::from_ne_bytes(*bytes.get(24..)?.first_chunk()?);
        (family == FAMILY[1]).then_some(Self::V6(*bytes.get(8..)?.first_chunk()?, port, scope))
    }
}

/// `IPPROTO_IPV6`, an enum in `linux/in.h`.
#[expect(clippy::as_conversions, reason = "41, from the enum to the call's number, in a const")]
const IPV6: u32 = net::IPPROTO_IPV6 as u32;

/// socket(2).
fn socket(family: u32, kind: u32) -> Result<OwnedFd, Errno> {
    // SOCK_CLOEXEC and SOCK_NONBLOCK are O_CLOEXEC and O_NONBLOCK on the machines of this crate: linux/net.h.
    let args = [family, kind | c::O_CLOEXEC | c::O_NONBLOCK, 0].map(arch::from_u32);
    // SAFETY: the kernel reads and writes no memory of ours.
    unsafe { arch::call(c::__NR_socket, args) }.map(OwnedFd::from_result)
}

/// setsockopt(2) with a number.
fn set(fd: BorrowedFd<'_>, level: u32, option: u32, value: u32) -> Result<(), Errno> {
    let args = [fd.arg(), arch::from_u32(level), arch::from_u32(option), arch::from_ref(&value), size_of::<u32>()];
    // SAFETY: `value` is ours and as large as the size passed; the kernel only reads it.
    unsafe { arch::call(c::__NR_setsockopt, args) }.map(drop)
}

fn bind(fd: BorrowedFd<'_>, at: &Endpoint) -> Result<(), Errno> {
    let (raw, length) = at.raw();
    // SAFETY: `raw` is ours and at least as large as the length passed; the kernel only reads it.
    unsafe { arch::call(c::__NR_bind, [fd.arg(), arch::from_ref(&raw), length]) }.map(drop)
}

fn connect(fd: BorrowedFd<'_>, to: &Endpoint) -> Result<(), Errno> {
    let (raw, length) = to.raw();
    // SAFETY: `raw` is ours and at least as large as the length passed; the kernel only reads it.
    unsafe { arch::call(c::__NR_connect, [fd.arg(), arch::from_ref(&raw), length]) }.map(drop)
}

fn send(fd: BorrowedFd<'_>, bytes: &[u8]) -> Result<usize, Errno> {
    let flags = arch::from_u32(net::MSG_NOSIGNAL);
    let args = [fd.arg(), arch::from_slice(bytes), bytes.len(), flags, 0, 0];
    // SAFETY: `bytes` is borrowed from the caller; the kernel reads it and writes nothing.
    arch::again(|| unsafe { arch::call(c::__NR_sendto, args) })
}

/// The socket's own address, with the port that the kernel chose where 0 was asked for.
fn local(fd: BorrowedFd<'_>) -> Result<Endpoint, Errno> {
    let mut raw = Raw([0; RAW]);
    // 28 bytes, as asserted above.
    let mut length: u32 = 28;
    let args = [fd.arg(), arch::from_mut(&mut raw), arch::from_mut(&mut length)];
    // SAFETY: `raw` and `length` are ours; the kernel writes at most the 28 bytes that `length` announces, and `length`.
    unsafe { arch::call(c::__NR_getsockname, args) }?;
    Endpoint::of(&raw).ok_or(Errno::EAFNOSUPPORT)
}

/// A TCP socket that waits for connections.
#[derive(Debug)]
pub struct TcpListener(OwnedFd);

/// A TCP connection.
#[derive(Debug)]
pub struct TcpStream(OwnedFd);

/// A UDP socket.
#[derive(Debug)]
pub struct UdpSocket(OwnedFd);

impl TcpListener {
    /// Listens at an address; an IPv6 one is for IPv6 alone. At most `waiting` connections wait to be accepted.
    ///
    /// # Errors
    /// `EADDRINUSE`, `EADDRNOTAVAIL` (this machine does not have the address), `EACCES` (a port below 1024), `EAFNOSUPPORT`.
    pub fn bind(at: &Endpoint, waiting: u16) -> Result<Self, Errno> {
        let fd = socket(at.family(), net::SOCK_STREAM)?;
        // The port is free again as soon as this process has ended, whatever connections are left to time out.
        set(fd.as_fd(), net::SOL_SOCKET, net::SO_REUSEADDR, 1)?;
        if matches!(at, Endpoint::V6(..)) {
            set(fd.as_fd(), IPV6, net::IPV6_V6ONLY, 1)?;
        }
        bind(fd.as_fd(), at)?;
        // SAFETY: the kernel reads and writes no memory of ours.
        unsafe { arch::call(c::__NR_listen, [fd.as_fd().arg(), usize::from(waiting)]) }?;
        Ok(Self(fd))
    }

    /// Takes the next connection.
    ///
    /// # Errors
    /// `EAGAIN` when none waits; `ECONNABORTED`, it is gone; `EMFILE`, `ENFILE`, `ENOMEM`: it goes on waiting.
    pub fn accept(&self) -> Result<TcpStream, Errno> {
        let args = [self.as_fd().arg(), 0, 0, arch::from_u32(c::O_CLOEXEC | c::O_NONBLOCK)];
        // SAFETY: no address is asked for, so the kernel writes no memory of ours.
        let number = arch::again(|| unsafe { arch::call(c::__NR_accept4, args) })?;
        Ok(TcpStream(OwnedFd::from_result(number)))
    }

    /// Where it listens.
    ///
    /// # Errors
    /// getsockname(2) has none for a listener.
    pub fn local(&self) -> Result<Endpoint, Errno> {
        local(self.as_fd())
    }
}

impl TcpStream {
    /// Begins to connect; the socket becomes writable when that is done, and [`TcpStream::take_error`] says how it went.
    ///
    /// # Errors
    /// `ENETUNREACH`, `EADDRNOTAVAIL`, `ECONNREFUSED` (from this machine, at once), `EAFNOSUPPORT`.
    pub fn connect(to: &Endpoint) -> Result<Self, Errno> {
        let fd = socket(to.family(), net::SOCK_STREAM)?;
        match connect(fd.as_fd(), to) {
            Ok(()) | Err(Errno::EINPROGRESS) => Ok(Self(fd)),
            Err(error) => Err(error),
        }
    }

    /// What became of the connection, `SO_ERROR`.
    ///
    /// # Errors
    /// That it failed, and why.
    pub fn take_error(&self) -> Result<(), Errno> {
        let mut error: u32 = 0;
        let mut length: u32 = 4;
        let (level, option) = (arch::from_u32(net::SOL_SOCKET), arch::from_u32(net::SO_ERROR));
        let args = [self.as_fd().arg(), level, option, arch::from_mut(&mut error), arch::from_mut(&mut length)];
        // SAFETY: `error` and `length` are ours; the kernel writes the 4 bytes that `length` announces, and `length`.
        unsafe { arch::call(c::__NR_getsockopt, args) }?;
        match usize::try_from(error) {
            Ok(0) => Ok(()),
            Ok(code) => Err(Errno::from_code(code)),
            Err(_) => Err(Errno::EIO),
        }
    }

    /// Writes as many of the bytes as the kernel takes now.
    ///
    /// # Errors
    /// `EAGAIN` when it takes none, `EPIPE` and `ECONNRESET` when the peer has gone, `ENOTCONN` before it is connected.
    pub fn write(&self, bytes: &[u8]) -> Result<usize, Errno> {
        send(self.as_fd(), bytes)
    }

    /// Reads what has come, up to the buffer's length; 0 is the end.
    ///
    /// # Errors
    /// `EAGAIN` when nothing has come; `ECONNRESET`.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize, Errno> {
        let args = [self.as_fd().arg(), arch::from_slice_mut(buffer), buffer.len(), 0, 0, 0];
        // SAFETY: the caller lends `buffer` for this call, and the kernel writes at most `buffer.len()` bytes to it.
        arch::again(|| unsafe { arch::call(c::__NR_recvfrom, args) })
    }
}

impl UdpSocket {
    /// Receives at an address, from anybody.
    ///
    /// # Errors
    /// As those of [`TcpListener::bind`].
    pub fn bind(at: &Endpoint) -> Result<Self, Errno> {
        let fd = socket(at.family(), net::SOCK_DGRAM)?;
        if matches!(at, Endpoint::V6(..)) {
            set(fd.as_fd(), IPV6, net::IPV6_V6ONLY, 1)?;
        }
        bind(fd.as_fd(), at)?;
        Ok(Self(fd))
    }

    /// Sends to an address, and receives from nobody else.
    ///
    /// # Errors
    /// `ENETUNREACH`, `EAFNOSUPPORT`.
    pub fn connect(to: &Endpoint) -> Result<Self, Errno> {
        let fd = socket(to.family(), net::SOCK_DGRAM)?;
        connect(fd.as_fd(), to)?;
        Ok(Self(fd))
    }

    /// Sends one datagram to the address that it is connected to.
    ///
    /// # Errors
    /// `EAGAIN`, `EMSGSIZE`, `ECONNREFUSED` (an earlier one found nobody), `ENETUNREACH`.
    pub fn send(&self, datagram: &[u8]) -> Result<(), Errno> {
        send(self.as_fd(), datagram).map(drop)
    }

    /// Takes the next datagram into `buffer`: its length, which is more than the buffer's if it was cut, and its sender.
    ///
    /// # Errors
    /// `EAGAIN` when none has come.
    pub fn receive(&self, buffer: &mut [u8]) -> Result<(usize, Endpoint), Errno> {
        let mut raw = Raw([0; RAW]);
        // 28 bytes, as asserted above.
        let mut length: u32 = 28;
        // With MSG_TRUNC the result is the datagram's length, also when that is more than the buffer has.
        let flags = arch::from_u32(net::MSG_TRUNC);
        let (from, from_length) = (arch::from_mut(&mut raw), arch::from_mut(&mut length));
        let args = [self.as_fd().arg(), arch::from_slice_mut(buffer), buffer.len(), flags, from, from_length];
        // SAFETY: the caller lends `buffer` for this call, and the kernel writes at most `buffer.len()` bytes to it; `raw` and
        // `length` are ours, and it writes at most the 28 bytes that `length` announces to `raw`.
        let got = arch::again(|| unsafe { arch::call(c::__NR_recvfrom, args) })?;
        Ok((got, Endpoint::of(&raw).ok_or(Errno::EAFNOSUPPORT)?))
    }

    /// Where it receives.
    ///
    /// # Errors
    /// getsockname(2) has none for a socket.
    pub fn local(&self) -> Result<Endpoint, Errno> {
        local(self.as_fd())
    }
}

impl AsFd for TcpListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::time::Duration;

    const LOOPBACK: [Endpoint; 2] = [Endpoint::V4([127, 0, 0, 1], 0), Endpoint::V6(LOCALHOST, 0, 0)];
    const LOCALHOST: [u8; 16] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];

    fn until<T>(mut get: impl FnMut() -> Result<T, Errno>) -> T {
        for _ in 0..1000 {
            match get() {
                Err(Errno::EAGAIN) => std::thread::sleep(Duration::from_millis(1)),
                result => return result.unwrap(),
            }
        }
        panic!("nothing came");
    }

    #[test]
    fn streams_carry_bytes_both_ways() {
        for at in LOOPBACK {
            let listener = TcpListener::bind(&at, 4).unwrap();
            assert_eq!(listener.accept().err(), Some(Errno::EAGAIN));
            let at = listener.local().unwrap();
            assert_eq!(TcpListener::bind(&at, 4).err(), Some(Errno::EADDRINUSE));
            let client = TcpStream::connect(&at).unwrap();
            let server = until(|| listener.accept());
            client.take_error().unwrap();
            assert_eq!(client.write(b"hello"), Ok(5));
            let mut buffer = [0; 8];
            assert_eq!(until(|| server.read(&mut buffer)), 5);
            assert_eq!(&buffer[..5], b"hello");
            assert_eq!(server.read(&mut buffer), Err(Errno::EAGAIN));
            drop(client);
            assert_eq!(until(|| server.read(&mut buffer)), 0);
            drop((server, listener));
            let refused = TcpStream::connect(&at).and_then(|stream| until_error(&stream));
            assert_eq!(refused, Err(Errno::ECONNREFUSED));
        }
    }

    fn until_error(stream: &TcpStream) -> Result<(), Errno> {
        (0..1000).find_map(|_| stream.take_error().err()).map_or(Ok(()), Err)
    }

    #[test]
    fn std_understands_the_addresses() {
        let listener = TcpListener::bind(&LOOPBACK[0], 4).unwrap();
        let Endpoint::V4(_, port) = listener.local().unwrap() else { panic!() };
        let mut client = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
        let server = until(|| listener.accept());
        client.write_all(b"x").unwrap();
        let mut buffer = [0; 8];
        assert_eq!(until(|| server.read(&mut buffer)), 1);
        server.write(b"yz").unwrap();
        drop(server);
        let mut answer = std::string::String::new();
        client.read_to_string(&mut answer).unwrap();
        assert_eq!(answer, "yz");
    }

    #[test]
    fn datagrams_come_with_their_sender_and_a_cut_one_is_known() {
        for at in LOOPBACK {
            let server = UdpSocket::bind(&at).unwrap();
            let client = UdpSocket::connect(&server.local().unwrap()).unwrap();
            client.send(b"one").unwrap();
            client.send(b"seven").unwrap();
            let mut buffer = [0; 4];
            assert_eq!(until(|| server.receive(&mut buffer)), (3, client.local().unwrap()));
            assert_eq!(until(|| server.receive(&mut buffer)).0, 5, "of which four are there");
            assert_eq!(server.receive(&mut buffer).err(), Some(Errno::EAGAIN));
        }
    }
}
