//! The two sockets of `kill_connections`: they carry the datagrams of `core::firewall::kill`, which decides everything.

use crate::log;
use crate::log::Log;
use edgeban_core::addr::Addr;
use edgeban_core::firewall::kill::{DATAGRAM, Killer, Report, Side};
use edgeban_core::time::Instant;
use edgeban_core::wire::reply::NetlinkError;
use edgeban_linux::Errno;
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::netlink::{Netlink, Received};

/// Bytes of answers that may wait in a socket: every deletion that one datagram calls for may fail, some 200 of them, and
/// each answer costs about 832 in the kernel's account; the next part of the list comes beside them.
const RECEIVE_BUFFER: u32 = 256 * 1024;

/// Datagrams taken from each socket in a turn: at most some 2000 connections are looked at.
const TURN: usize = 16;

/// What the sockets are.
pub const WHAT: &str = "netlink socket to connection tracking";

/// Memory for the datagrams.
pub struct Buffers {
    request: [u8; DATAGRAM],
    answer: [u8; DATAGRAM],
}

impl Buffers {
    /// All zero.
    pub const fn new() -> Self {
        Self { request: [0; DATAGRAM], answer: [0; DATAGRAM] }
    }
}

/// The sockets and the dialogue over them.
pub struct Kill {
    killer: Killer,
    flows: Netlink,
    /// `None` if the kernel has none.
    sockets: Option<Netlink>,
}

impl Kill {
    /// Opens the sockets.
    ///
    /// # Errors
    /// socket(2) and bind(2) of the one to netfilter, which the kernel has.
    pub fn open() -> Result<Self, Errno> {
        let flows = Netlink::netfilter()?;
        let sockets = Netlink::sock_diag().ok();
        let mut killer = Killer::new();
        if sockets.is_none() {
            killer.unsupported(Side::Sockets, NetlinkError::EOPNOTSUPP);
        }
        for netlink in [Some(&flows), sockets.as_ref()].into_iter().flatten() {
            let _ = netlink.set_capped_acks(true);
            let _ = netlink.set_receive_buffer(RECEIVE_BUFFER);
        }
        Ok(Self { killer, flows, sockets })
    }

    /// The descriptors to wait for.
    pub fn fds(&self) -> [Option<BorrowedFd<'_>>; 2] {
        [Some(self.flows.as_fd()), self.sockets.as_ref().map(AsFd::as_fd)]
    }

    /// The kernel confirmed a ban.
    pub fn banned(&mut self) {
        self.killer.banned();
    }

    /// When there is something to do without further input.
    pub fn poll_at(&self) -> Option<Instant> {
        self.killer.poll_at()
    }

    /// Sends and receives what there is, at most [`TURN`] datagrams a socket, and says what came of it. `woken`: a
    /// socket is readable.
    pub fn turn(
        &mut self,
        buffers: &mut Buffers,
        now: Instant,
        woken: bool,
        is_banned: &dyn Fn(Addr) -> bool,
        log: &mut Log<'_>,
    ) {
        for (side, netlink) in [(Side::Flows, Some(&self.flows)), (Side::Sockets, self.sockets.as_ref())] {
            if let Some(netlink) = netlink
                && (woken || self.killer.is_busy(side, now))
            {
                exchange(&mut self.killer, side, netlink, buffers, now, is_banned);
            }
        }
        while let Some((side, report)) = self.killer.poll_report() {
            let what = what(side);
            match report {
                Report::Cut(n) => log!(log, Info, "cut {n} {what} of banned addresses"),
                Report::Refused(error) => log!(log, Error, "the kernel refused to cut {what}: {error}"),
                Report::Unsupported(error) => {
                    log!(log, Warning, "kill_connections: this kernel cannot cut {what}: {error}");
                }
                Report::Incomplete => log!(log, Warning, "not all {what} could be looked at; some may live on"),
            }
        }
    }

    /// Says what was counted since the start.
    pub fn summary(&self, log: &mut Log<'_>) {
        for side in [Side::Flows, Side::Sockets] {
            let counters = self.killer.counters(side);
            let (cut, passes, errors) = (counters.cut, counters.passes, counters.errors);
            log!(log, Info, "{cut} {} cut in {passes} passes, {errors} errors", what(side));
        }
    }
}

const fn what(side: Side) -> &'static str {
    match side {
        Side::Flows => "tracked connections",
        Side::Sockets => "local connections",
    }
}

// Once in the program, not once a socket.
#[inline(never)]
fn exchange(
    killer: &mut Killer,
    side: Side,
    netlink: &Netlink,
    Buffers { request, answer }: &mut Buffers,
    now: Instant,
    is_banned: &dyn Fn(Addr) -> bool,
) {
    let send = |killer: &mut Killer, datagram: Option<&[u8]>| {
        if datagram.is_some_and(|datagram| netlink.send(datagram).is_err()) {
            killer.lost(side, now);
        }
    };
    for _ in 0..TURN {
        let length = killer.poll_transmit(side, now, request);
        send(killer, length.and_then(|length| request.get(..length)));
        match netlink.receive(answer) {
            Ok(Received::Datagram(datagram)) => {
                let length = killer.handle(side, datagram, now, is_banned, request);
                send(killer, length.and_then(|length| request.get(..length)));
            }
            Ok(_) => {}
            Err(Errno::EAGAIN) => return,
            Err(_) => killer.lost(side, now),
        }
    }
}
