//! The socket to rtnetlink, which tells of this machine's own addresses, gateways and devices: carries the bytes of
//! `edgeban_core::own`.

use edgeban_core::own::{GROUPS, Own};
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::Writer;
use edgeban_core::wire::reply::{Replies, Reply};
use edgeban_core::wire::rt::GetLink;
use edgeban_core::wire::uapi::rtnetlink::RTNLGRP_LINK;
use edgeban_linux::Errno;
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::netlink::{Netlink, Received};

/// Bytes of notices and lists that may wait. What is lost is asked for anew.
const RECEIVE_BUFFER: u32 = 256 * 1024;

/// Bytes of one datagram: the kernel makes none larger for a list than 8 KiB unless the reader's buffer is.
const DATAGRAM: usize = 8 * 1024;

/// Datagrams taken in one turn of the loop: a routing daemon's flood must not hold up the lines of attackers.
const TURN: u32 = 64;

/// Tries to complete a first round; the kernel answers each as it is read.
const TRIES: u32 = 64;

/// What the socket is for, and how to do without.
pub const WHAT: &str = "this machine's own addresses (rtnetlink; ignoreself = false does without)";

/// What is to be heard of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Wants {
    /// Own addresses and gateways.
    pub addresses: bool,
    /// Devices.
    pub devices: bool,
}

impl Wants {
    /// Nothing.
    pub const NOTHING: Self = Self { addresses: false, devices: false };

    /// These and `others`.
    pub const fn or(self, others: Self) -> Self {
        Self { addresses: self.addresses || others.addresses, devices: self.devices || others.devices }
    }
}

/// The socket.
pub struct OwnSocket {
    netlink: Netlink,
    wants: Wants,
}

impl OwnSocket {
    /// Opens the socket if anything is wanted, and returns once every address is known.
    ///
    /// # Errors
    /// socket(2) and bind(2), sending and receiving; `ETIMEDOUT` if the kernel does not tell.
    pub fn open(wants: Wants, own: &mut Own, now: Instant) -> Result<Option<Self>, Errno> {
        if wants == Wants::NOTHING {
            return Ok(None);
        }
        let netlink = Netlink::route()?;
        let _ = netlink.set_receive_buffer(RECEIVE_BUFFER);
        if wants.devices {
            netlink.add_membership(RTNLGRP_LINK)?;
        }
        let socket = Self { netlink, wants };
        if !wants.addresses {
            return Ok(Some(socket));
        }
        for group in GROUPS {
            socket.netlink.add_membership(group)?;
        }
        own.follow();
        for _ in 0..TRIES {
            socket.exchange(own, now, u32::MAX)?;
            if own.is_ready() {
                return Ok(Some(socket));
            }
        }
        Err(Errno::ETIMEDOUT)
    }

    /// What is heard of.
    pub const fn wants(&self) -> Wants {
        self.wants
    }

    /// Takes what the kernel tells, and asks what the engine asks, until neither has more or the turn is over.
    ///
    /// # Errors
    /// Sending and receiving; the engine has planned what follows.
    pub fn turn(&self, own: &mut Own, now: Instant) -> Result<(), Errno> {
        self.exchange(own, now, TURN)
    }

    fn exchange(&self, own: &mut Own, now: Instant, datagrams: u32) -> Result<(), Errno> {
        let mut buffer = [0; DATAGRAM];
        for _ in 0..datagrams {
            match self.netlink.receive(&mut buffer) {
                Ok(Received::Datagram(datagram)) => own.handle(datagram, now),
                Ok(Received::Truncated { .. }) | Err(Errno::ENOBUFS) => own.lost(),
                Ok(Received::Foreign { .. }) => {}
                Err(Errno::EAGAIN) => {
                    let Some(len) = own.poll_transmit(now, &mut buffer) else { return Ok(()) };
                    if let Err(error) = self.netlink.send(buffer.get(..len).unwrap_or_default()) {
                        own.give_up(now);
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether there is a device of this name. Kernels since 6.16 let a chain wait for one, so that a wrong name is no error.
///
/// # Errors
/// socket(2) and bind(2), sending and receiving.
pub fn has_device(name: &str) -> Result<bool, Errno> {
    let netlink = Netlink::route()?;
    let mut buffer = [0; DATAGRAM];
    let mut w = Writer::new(&mut buffer);
    GetLink { name }.emit(1, &mut w).map_err(|_| Errno::EINVAL)?;
    let len = w.len();
    netlink.send(buffer.get(..len).unwrap_or_default())?;
    let Received::Datagram(answer) = netlink.receive(&mut buffer)? else { return Ok(true) };
    Ok(!Replies::new(answer).any(|reply| matches!(reply, Ok(Reply::Error { .. }))))
}

impl AsFd for OwnSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}
