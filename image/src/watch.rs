//! The socket that hears of changes to the ruleset: joins the group `NFNLGRP_NFTABLES` and hands on what comes.

use crate::daemon::FullEngine;
use edgeban_core::time::Instant;
use edgeban_core::wire::uapi::nfnetlink::NFNLGRP_NFTABLES;
use edgeban_linux::Errno;
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::netlink::{Netlink, Received};

/// Bytes of notices that may wait: those of one batch of ours, each of which costs about 832 in the kernel's account.
const RECEIVE_BUFFER: u32 = 512 * 1024;

/// Datagrams taken in one turn of the loop.
const TURN: usize = 256;

/// The socket.
pub struct Watch {
    /// `None` where there is no netfilter by netlink, and so nothing to hear.
    netlink: Option<Netlink>,
    joined: bool,
}

impl Watch {
    /// Opens the socket; nothing comes before [`Watch::follow`].
    pub fn open() -> Self {
        let netlink = Netlink::netfilter().ok();
        if let Some(netlink) = &netlink {
            let _ = netlink.set_receive_buffer(RECEIVE_BUFFER);
        }
        Self { netlink, joined: false }
    }

    /// The descriptor to wait for.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.netlink.as_ref().map(AsFd::as_fd)
    }

    /// Joins or leaves the group, as the engine wants.
    pub fn follow(&mut self, engine: &mut FullEngine, now: Instant) {
        let Some(netlink) = &self.netlink else { return };
        let wants = engine.wants_notices(now);
        if wants == self.joined {
            return;
        }
        let result =
            if wants { netlink.add_membership(NFNLGRP_NFTABLES) } else { netlink.drop_membership(NFNLGRP_NFTABLES) };
        // Without the right to join, the generation tells what happened: it is not tried again.
        self.joined = wants;
        engine.set_listening(wants && result.is_ok());
    }

    /// Takes what has come. `port` is the port id of the socket that the batches go through.
    pub fn receive(&self, engine: &mut FullEngine, port: u32, buffer: &mut [u8], now: Instant) {
        let Some(netlink) = &self.netlink else { return };
        for _ in 0..TURN {
            match netlink.receive(buffer) {
                Ok(Received::Datagram(datagram)) => engine.handle_notices(datagram, port, now),
                Ok(Received::Truncated { .. }) => engine.handle_notices_lost(),
                Ok(Received::Foreign { .. }) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => {
                    engine.handle_notices_lost();
                    return;
                }
            }
        }
    }
}
