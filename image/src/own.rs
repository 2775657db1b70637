//! The socket to rtnetlink, which tells of this machine's own addresses, gateways and devices: carries the bytes of
//! `edgeban_core::own`.

use crate::daemon::FullEngine;
use edgeban_core::own::GROUPS;
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

/// The socket.
pub struct OwnSocket {
    netlink: Netlink,
}

impl OwnSocket {
    /// Opens the socket, and returns once the engine knows every address.
    ///
    /// # Errors
    /// socket(2) and bind(2), sending and receiving; `ETIMEDOUT` if the kernel does not tell.
    pub fn open(engine: &mut FullEngine, now: Instant) -> Result<Self, Errno> {
        let netlink = Netlink::route()?;
        let _ = netlink.set_receive_buffer(RECEIVE_BUFFER);
        if engine.wants_devices() {
            netlink.add_membership(RTNLGRP_LINK)?;
        }
        if !engine.wants_own() {
            return Ok(Self { netlink });
        }
        for group in GROUPS {
            netlink.add_membership(group)?;
        }
        engine.own_mut().follow();
        let own = Self { netlink };
        for _ in 0..TRIES {
            own.exchange(engine, now, u32::MAX)?;
            if engine.own().is_ready() {
                return Ok(own);
            }
        }
        Err(Errno::ETIMEDOUT)
    }

    /// Takes what the kernel tells, and asks what the engine asks, until neither has more or the turn is over.
    ///
    /// # Errors
    /// Sending and receiving; the engine has planned what follows.
    pub fn turn(&self, engine: &mut FullEngine, now: Instant) -> Result<(), Errno> {
        self.exchange(engine, now, TURN)
    }

    fn exchange(&self, engine: &mut FullEngine, now: Instant, datagrams: u32) -> Result<(), Errno> {
        let own = engine.own_mut();
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
