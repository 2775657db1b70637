//! The socket to netfilter: carries the engine's datagrams out and the kernel's answers in.

use crate::daemon::FullEngine;
use core::fmt;
use edgeban_core::time::Instant;
use edgeban_linux::Errno;
use edgeban_linux::fd::{AsFd, BorrowedFd};
use edgeban_linux::netlink::{Netlink, Received};

/// Bytes of answers that may wait in the socket. A batch is answered by a few hundred bytes a message, each of which
/// costs about 832 in the kernel's account; this holds more than the most that one batch can cause.
const RECEIVE_BUFFER: u32 = 256 * 1024;

/// Bytes of answers that are taken in one turn of the loop. The list of a set comes in pieces of 32 KiB, for each of which
/// the kernel goes through the set from its start: of a million elements the last pieces take 80 ms each, and the logs are
/// not to wait for the whole of it.
const TURN: usize = 128 * 1024;

/// The socket, its buffers, and what went wrong since somebody asked.
pub struct Firewall {
    netlink: Netlink,
    request: &'static mut [u8],
    answer: &'static mut [u8],
    trouble: Option<Trouble>,
}

/// Something the operator should know of the socket.
#[derive(Clone, Copy)]
pub enum Trouble {
    /// A datagram could not be sent.
    Send(Errno),
    /// Answers could not be received.
    Receive(Errno),
    /// A datagram was larger than the buffer, or did not come from the kernel.
    Odd,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => write!(f, "netlink: sending failed: {error}; trying again"),
            Self::Receive(error) => write!(f, "netlink: receiving failed: {error}; sending the batch again"),
            Self::Odd => f.write_str("netlink: a datagram was dropped: too long, or not from the kernel"),
        }
    }
}

impl Firewall {
    /// Opens the socket.
    ///
    /// # Errors
    /// socket(2) and bind(2).
    pub fn open(request: &'static mut [u8], answer: &'static mut [u8]) -> Result<Self, Errno> {
        let netlink = Netlink::netfilter()?;
        // Older kernels lack these; then errors come with less text or more bytes.
        let _ = netlink.set_extended_acks(true);
        let _ = netlink.set_capped_acks(true);
        let _ = netlink.set_receive_buffer(RECEIVE_BUFFER);
        Ok(Self { netlink, request, answer, trouble: None })
    }

    /// The port id of the socket, which the kernel's notices of our own batches carry.
    pub const fn port_id(&self) -> u32 {
        self.netlink.port_id()
    }

    /// Sends one batch with its fence, if the engine has one, and takes the answers. Returns whether something was
    /// sent: then there may be more.
    pub fn exchange(&mut self, engine: &mut FullEngine, now: Instant) -> bool {
        let sent = self.send(engine, now);
        if sent {
            self.receive(engine, now);
        }
        sent
    }

    fn send(&mut self, engine: &mut FullEngine, now: Instant) -> bool {
        let mut sent = false;
        while let Some(len) = engine.poll_transmit(now, self.request) {
            if let Err(error) = self.netlink.send(self.request.get(..len).unwrap_or_default()) {
                self.trouble = Some(Trouble::Send(error));
                engine.handle_loss(now);
                return false;
            }
            sent = true;
        }
        sent
    }

    /// Takes the answers that have come, until the engine waits for none, there are no more, or it is another's turn.
    /// Returns whether there were any.
    pub fn receive(&mut self, engine: &mut FullEngine, now: Instant) -> bool {
        let mut taken = 0;
        while taken < TURN {
            match self.netlink.receive(self.answer) {
                Ok(Received::Datagram(datagram)) => {
                    taken += datagram.len();
                    engine.handle_datagram(datagram, now);
                }
                Ok(_) => self.trouble = Some(Trouble::Odd),
                Err(Errno::EAGAIN) => break,
                Err(error) => {
                    self.trouble = Some(Trouble::Receive(error));
                    engine.handle_loss(now);
                    break;
                }
            }
            if !engine.awaits_answer() {
                break;
            }
        }
        taken > 0
    }

    /// What went wrong since the last call.
    pub fn trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }
}

impl AsFd for Firewall {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.netlink.as_fd()
    }
}
