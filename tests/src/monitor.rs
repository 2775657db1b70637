//! Hears, as `nft monitor` does, of every change of a namespace's ruleset and of who made it.

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use rustix::event::{PollFd, PollFlags, poll};
use std::time::{Duration, Instant};

/// `NFNLGRP_NFTABLES`.
const GROUP: u32 = 7;
/// `NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN`.
const NEWGEN: u16 = 10 << 8 | 15;

/// A committed change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// When it was heard of.
    pub at: Instant,
    /// The name of the process that made it.
    pub by: String,
}

/// The listening socket.
pub struct Monitor(Socket);

impl Monitor {
    /// Listens in the namespace of the calling thread.
    ///
    /// # Panics
    /// Without root.
    #[must_use]
    pub fn open() -> Self {
        let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
        socket.bind_auto().unwrap();
        // What does not fit is only a change that is not heard of: the kernel doubles this, and caps it without root.
        socket.set_rx_buf_sz(64i32 << 20).unwrap();
        socket.add_membership(GROUP).unwrap();
        Self(socket)
    }

    /// The changes until `quiet` passed without one.
    ///
    /// # Panics
    /// If receiving fails.
    #[must_use]
    pub fn changes(&self, quiet: Duration) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut buffer = Vec::with_capacity(1 << 17);
        let quiet = quiet.try_into().unwrap();
        while poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&quiet)).unwrap() > 0 {
            buffer.clear();
            match self.0.recv(&mut buffer, 0) {
                Ok(_) => collect(&buffer, Instant::now(), &mut changes),
                // Lost: the buffer ran over. What follows tells enough.
                Err(error) if error.raw_os_error() == Some(105) => {}
                Err(error) => panic!("receive: {error}"),
            }
        }
        changes
    }
}

/// The changes in a datagram: its messages, each a length, a kind, and for a change the attributes `ID` (1), `PROC_PID`
/// (2) and `PROC_NAME` (3).
fn collect(mut datagram: &[u8], at: Instant, changes: &mut Vec<Change>) {
    let length = |bytes: &[u8]| usize::try_from(u32::from_ne_bytes(bytes[..4].try_into().unwrap())).unwrap();
    while datagram.len() >= 20 {
        let len = length(datagram);
        let message = &datagram[..len];
        datagram = &datagram[len.next_multiple_of(4).min(datagram.len())..];
        if u16::from_ne_bytes([message[4], message[5]]) != NEWGEN {
            continue;
        }
        let mut attrs = &message[20..];
        while attrs.len() >= 4 {
            let len = usize::from(u16::from_ne_bytes([attrs[0], attrs[1]]));
            if u16::from_ne_bytes([attrs[2], attrs[3]]) == 3 {
                let name = attrs[4..len].split(|byte| *byte == 0).next().unwrap();
                changes.push(Change { at, by: String::from_utf8_lossy(name).into_owned() });
            }
            attrs = &attrs[len.next_multiple_of(4).min(attrs.len())..];
        }
    }
}
