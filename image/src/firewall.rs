//! The ways to the kernel's firewall: the socket to netfilter, which carries the engine's datagrams out and the answers in,
//! and the tables of legacy iptables ([`xtables`]).

use crate::daemon::FullEngine;
use crate::xtables::{self, Stuck};
use core::fmt;
use edgeban_core::addr::Family;
use edgeban_core::firewall::nft::Layout;
pub use edgeban_core::firewall::nft::Trial;
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::Writer;
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

/// Waits for whoever is changing a table of iptables, at the start and at the end: how many, and of how many ms; 10 s in all.
pub const BUSY_TRIES: u32 = 100;
/// See [`BUSY_TRIES`].
pub const BUSY_WAIT: u64 = 100;

/// The socket, its buffers, and what went wrong since somebody asked.
pub struct Firewall {
    netlink: Result<Netlink, Errno>,
    request: &'static mut [u8],
    answer: &'static mut [u8],
    tables: &'static mut xtables::Buffers,
    /// Somebody else is changing a table that should be changed.
    busy: bool,
    trouble: Option<Trouble>,
}

/// Something the operator should know of the socket.
#[derive(Clone, Copy)]
pub enum Trouble {
    /// A datagram could not be sent.
    Send(Errno),
    /// There is no socket to netfilter.
    Socket(Errno),
    /// A table of iptables or ip6tables is not as it should be.
    Table(Family, &'static str, Stuck),
    /// Answers could not be received.
    Receive(Errno),
    /// A datagram was larger than the buffer, or did not come from the kernel.
    Odd,
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send(error) => write!(f, "netlink: sending failed: {error}; trying again"),
            Self::Socket(error) => write!(f, "netlink socket to netfilter: {error}; does the kernel have nfnetlink?"),
            Self::Table(family, table, stuck) => {
                let ip = if *family == Family::V4 { "iptables" } else { "ip6tables" };
                write!(f, "{ip}, table {table}: {stuck}")
            }
            Self::Receive(error) => write!(f, "netlink: receiving failed: {error}; sending the batch again"),
            Self::Odd => f.write_str("netlink: a datagram was dropped: too long, or not from the kernel"),
        }
    }
}

/// Asks nf_tables, through a socket of its own, whether it would take the table of this layout.
///
/// # Errors
/// socket(2), sending.
pub fn trial(layout: &Layout, protect: bool, request: &mut [u8], answer: &mut [u8]) -> Result<Trial, Errno> {
    let netlink = Netlink::netfilter()?;
    let mut w = Writer::new(request);
    Trial::emit(layout, protect, &mut w).map_err(|_| Errno::EMSGSIZE)?;
    netlink.send(w.written())?;
    let mut trial = Trial::default();
    // All answers are there when sending returns.
    while let Ok(Received::Datagram(datagram)) = netlink.receive(answer) {
        trial.handle(layout, datagram);
    }
    Ok(trial)
}

impl Firewall {
    /// Opens the socket; without one there are still the tables.
    pub fn open(request: &'static mut [u8], answer: &'static mut [u8], tables: &'static mut xtables::Buffers) -> Self {
        let netlink = Netlink::netfilter();
        if let Ok(netlink) = &netlink {
            // Older kernels lack these; then errors come with less text or more bytes.
            let _ = netlink.set_extended_acks(true);
            let _ = netlink.set_capped_acks(true);
            let _ = netlink.set_receive_buffer(RECEIVE_BUFFER);
        }
        Self { netlink, request, answer, tables, busy: false, trouble: None }
    }

    /// The descriptor to wait for.
    pub fn fd(&self) -> Option<BorrowedFd<'_>> {
        self.netlink.as_ref().ok().map(AsFd::as_fd)
    }

    /// The port id of the socket, which the kernel's notices of our own batches carry.
    pub fn port_id(&self) -> u32 {
        self.netlink.as_ref().map_or(0, Netlink::port_id)
    }

    /// Whether somebody else was changing a table of iptables that is to be changed: try again in a moment.
    pub const fn take_busy(&mut self) -> bool {
        core::mem::replace(&mut self.busy, false)
    }

    /// Sends one batch with its fence, if the engine has one, and takes the answers; or exchanges one table. Returns
    /// whether something was done: then there may be more.
    pub fn exchange(&mut self, engine: &mut FullEngine, now: Instant) -> bool {
        if self.send(engine, now) {
            self.receive(engine, now);
            return true;
        }
        let Some(table) = engine.poll_table(now) else { return false };
        match xtables::exchange(&table, self.tables, engine, now) {
            Ok(busy) => self.busy |= busy,
            Err(stuck) => self.trouble = Some(Trouble::Table(table.family, table.table, stuck)),
        }
        true
    }

    fn send(&mut self, engine: &mut FullEngine, now: Instant) -> bool {
        let mut sent = false;
        while let Some(len) = engine.poll_transmit(now, self.request) {
            let request = self.request.get(..len).unwrap_or_default();
            let result = match &self.netlink {
                Ok(netlink) => netlink.send(request).map_err(Trouble::Send),
                Err(error) => Err(Trouble::Socket(*error)),
            };
            if let Err(trouble) = result {
                self.trouble = Some(trouble);
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
        let Ok(netlink) = &self.netlink else { return false };
        let mut taken = 0;
        while taken < TURN {
            match netlink.receive(self.answer) {
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

    /// Whether nf_tables would take the table of this layout, without giving it one.
    ///
    /// # Errors
    /// As [`trial`].
    pub fn trial(&mut self, layout: &Layout) -> Result<Trial, Errno> {
        trial(layout, false, self.request, self.answer)
    }

    /// What went wrong since the last call.
    pub fn trouble(&mut self) -> Option<Trouble> {
        self.trouble.take()
    }
}
