//! This machine's own addresses and its default gateways, which `ignoreself` never bans: who locks a router out of its
//! own uplink has done the attacker's work.
//!
//! They come from rtnetlink: four lists (routes and addresses, each of IPv4 and IPv6), asked for one after the other,
//! and the notices of its multicast groups. What a notice adds is protected at once. What goes is found by asking for
//! the lists anew, since not all that goes is told: `ip route replace` tells only of the new route. Notices come in
//! floods where a routing daemon runs, so those of other routes than default ones are passed over, and between two
//! rounds lies [`GAP`], or [`SHARE`] times what the last one took.
//!
//! A default route without a gateway (a point-to-point interface) protects nobody, and one that goes with its interface,
//! of which IPv4 does not tell, stays protected until the next round.

mod set;

use crate::addr::Addr;
use crate::time::{Duration, Instant};
use crate::wire::buf::{Malformed, Writer};
use crate::wire::nl::{Message, Messages};
use crate::wire::reply::Reply;
use crate::wire::rt::{Dump, List, Notice};
use crate::wire::uapi::errno::{EAFNOSUPPORT, EOPNOTSUPP};
use crate::wire::uapi::netlink::{NLM_F_DUMP_INTR, NLM_F_MULTI};
use crate::wire::uapi::rtnetlink::{
    AF_INET, AF_INET6, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
};
use core::fmt;
use set::{Inserted, Set};

/// The multicast groups of rtnetlink that the socket joins before the first list is asked for.
pub const GROUPS: [u32; 4] = [RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE];

/// Time between two rounds at least.
pub const GAP: Duration = Duration::from_secs(1);

/// Time between two rounds at least, as a multiple of what a round takes: a router with a million routes spends a tenth
/// of its time on listing them at most.
pub const SHARE: u64 = 9;

/// The kernel lists as fast as it is read; past this without anything, the rest was lost.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Rounds that changes interrupt, one after the other, before what they found together counts as the first whole one.
/// Each of them saw almost everything, and a router must start also while it is busy.
const INTERRUPTED: u8 = 8;

/// Gateways first: where there is no room for all, they are few and matter most.
const ROUND: [Dump; 4] = [
    Dump { list: List::Routes, family: AF_INET },
    Dump { list: List::Routes, family: AF_INET6 },
    Dump { list: List::Addresses, family: AF_INET },
    Dump { list: List::Addresses, family: AF_INET6 },
];

/// The loopback addresses: each the first of a prefix, and its length.
pub(crate) const LOOPBACK: [(Addr, u8); 2] =
    [(Addr::v4([127, 0, 0, 0]), 8), (Addr::v6([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]), 128)];

/// Why an address is never banned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// It is in its jail's `ignoreip`.
    Ignoreip,
    /// It is a loopback address, of `127.0.0.0/8` or `::1`.
    Loopback,
    /// It is an address of this machine.
    Own,
    /// It is a default gateway's.
    Gateway,
}

impl fmt::Display for Why {
    /// What the address is: `in ignoreip`, `a default gateway`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ignoreip => "in ignoreip",
            Self::Loopback => "a loopback address",
            Self::Own => "an address of this machine",
            Self::Gateway => "a default gateway",
        })
    }
}

/// What happened since the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    /// Rounds that were asked for.
    pub rounds: u64,
    /// Messages that were not what their lengths and types say.
    pub malformed: u64,
    /// Addresses that found no room.
    pub full: u64,
    /// Times that notices were lost, or a list was.
    pub lost: u64,
}

/// The addresses and the dialogue that keeps them.
#[derive(Debug)]
pub struct Own {
    known: Set,
    /// What the round under way has found.
    found: Set,
    following: bool,
    ready: bool,
    /// Something may have changed since the last round began.
    stale: bool,
    /// Where in [`ROUND`] the round under way is.
    step: Option<u8>,
    asked: bool,
    /// The round under way is not whole.
    torn: bool,
    tears: u8,
    /// The round under way found more than there is room for; and the one before it did.
    overflow: bool,
    overflowed: bool,
    say_full: bool,
    /// Bans have not been compared with something that is known.
    fresh: bool,
    /// A device came, or was switched on or off.
    devices: bool,
    seq: u32,
    began: Instant,
    next_at: Instant,
    deadline: Instant,
    counters: Counters,
}

impl Own {
    /// Nothing known but the loopback addresses, nothing followed.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            known: Set::new(),
            found: Set::new(),
            following: false,
            ready: false,
            stale: false,
            step: None,
            asked: false,
            torn: false,
            tears: 0,
            overflow: false,
            overflowed: false,
            say_full: false,
            fresh: false,
            devices: false,
            seq: 0,
            began: Instant::ZERO,
            next_at: Instant::ZERO,
            deadline: Instant::ZERO,
            counters: Counters { rounds: 0, malformed: 0, full: 0, lost: 0 },
        }
    }

    /// Begins to follow: there is a socket to rtnetlink that has joined [`GROUPS`].
    pub fn follow(&mut self) {
        self.following = true;
        self.stale = true;
    }

    /// Ends to follow: there is no socket. What is known is not kept up to date any more, so it is forgotten.
    pub fn forget(&mut self) {
        (self.following, self.ready, self.stale, self.asked, self.fresh) = (false, false, false, false, false);
        self.step = None;
        self.known.clear();
    }

    /// Whether one round is complete.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.ready
    }

    /// Own addresses and gateways that are known.
    #[must_use]
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.len() == 0
    }

    /// What happened since the start.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Whether `addr` is one that `ignoreself` protects, and as what.
    #[must_use]
    pub fn find(&self, addr: Addr) -> Option<Why> {
        let [_, (v6, _)] = LOOPBACK;
        if addr == v6 || matches!(addr.as_v4(), Some([127, ..])) {
            return Some(Why::Loopback);
        }
        Some(if self.known.find(addr)? { Why::Gateway } else { Why::Own })
    }

    /// Every address that is known.
    pub fn iter(&self) -> impl Iterator<Item = Addr> {
        self.known.iter().map(|(addr, _)| addr)
    }

    /// Whether any was added since the last call.
    pub(crate) const fn take_fresh(&mut self) -> bool {
        core::mem::replace(&mut self.fresh, false)
    }

    /// Whether a device came, or was switched on or off, since the last call.
    pub(crate) const fn take_devices(&mut self) -> bool {
        core::mem::replace(&mut self.devices, false)
    }

    /// Whether there turned out to be more than there is room for; true once.
    pub(crate) const fn take_full(&mut self) -> bool {
        core::mem::replace(&mut self.say_full, false)
    }

    /// When there is something to do without further input.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        match self.step {
            _ if self.fresh => Some(Instant::ZERO),
            Some(_) if self.asked => Some(self.deadline),
            Some(_) => Some(Instant::ZERO),
            None if self.stale => Some(self.next_at),
            None => None,
        }
    }

    /// Writes the next request for the kernel into `out` and returns its length. To be called until it returns `None`.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut [u8]) -> Option<usize> {
        if !self.following {
            return None;
        }
        if self.asked && now >= self.deadline {
            self.give_up(now);
        }
        if self.asked {
            return None;
        }
        let step = match self.step {
            Some(step) => step,
            None if self.stale && now >= self.next_at => {
                self.found.clear();
                (self.stale, self.torn, self.overflow) = (false, false, false);
                self.began = now;
                self.counters.rounds += 1;
                0
            }
            None => return None,
        };
        let mut w = Writer::new(out);
        self.seq = self.seq.wrapping_add(1);
        ROUND.get(usize::from(step))?.emit(self.seq, &mut w).ok()?;
        self.step = Some(step);
        self.asked = true;
        self.deadline = now + ANSWER_TIMEOUT;
        Some(w.len())
    }

    /// Takes a datagram from the kernel.
    pub fn handle(&mut self, datagram: &[u8], now: Instant) {
        for message in Messages::new(datagram) {
            if message.and_then(|message| self.take(message, now)).is_err() {
                self.counters.malformed += 1;
            }
        }
    }

    fn take(&mut self, message: Message<'_>, now: Instant) -> Result<(), Malformed> {
        let header = message.header;
        // A notice carries the number of who made the change, which may be any.
        let listed = header.flags & NLM_F_MULTI != 0;
        let answers = self.asked && header.seq == self.seq;
        if listed && answers {
            self.torn |= header.flags & NLM_F_DUMP_INTR != 0;
            self.deadline = now + ANSWER_TIMEOUT;
        }
        match Notice::parse(message)? {
            // What is left of a round that was given up.
            Some(_) if listed && !answers => {}
            Some(Notice::Device) => self.devices = true,
            Some(Notice::Address { gone: true, .. } | Notice::DefaultRoute { gone: true, .. }) => self.stale = true,
            Some(Notice::Address { addr, .. }) => self.add(addr, false, listed),
            Some(Notice::DefaultRoute { gateways, .. }) => {
                // It may have replaced another.
                self.stale |= !listed;
                gateways.each(&mut |addr| self.add(addr, true, listed))?;
            }
            None => match Reply::parse(message)? {
                Reply::Done { error, .. } if answers => {
                    self.torn |= error.is_some();
                    self.next(now);
                }
                Reply::Error { error, .. } if answers => {
                    // No IPv6, or no IPv4: none of its addresses.
                    self.torn |= !matches!(error.get(), EOPNOTSUPP | EAFNOSUPPORT);
                    self.next(now);
                }
                _ => {}
            },
        }
        Ok(())
    }

    fn add(&mut self, addr: Addr, gateway: bool, listed: bool) {
        if !listed {
            match self.known.insert(addr, gateway) {
                Inserted::New => self.fresh = true,
                Inserted::Known => {}
                Inserted::Full => self.counters.full += 1,
            }
            // An address whose lifetime is prolonged is told too; a round finds what had no room.
            self.stale |= self.known.find(addr).is_none();
        }
        if self.step.is_some() && self.found.insert(addr, gateway) == Inserted::Full {
            self.counters.full += 1;
            self.overflow = true;
        }
    }

    /// A list is complete.
    fn next(&mut self, now: Instant) {
        self.asked = false;
        self.step = self.step.and_then(|step| step.checked_add(1)).filter(|step| usize::from(*step) < ROUND.len());
        if self.step.is_some() {
            return;
        }
        self.fresh = true;
        if self.torn || self.overflow {
            // Not all that is there was found: nothing is forgotten.
            for (addr, gateway) in self.found.iter() {
                let _ = self.known.insert(addr, gateway);
            }
        } else {
            self.known.copy_from(&self.found);
        }
        self.say_full |= self.overflow && !self.overflowed;
        self.overflowed = self.overflow;
        self.stale |= self.torn;
        self.tears = if self.torn { self.tears.saturating_add(1) } else { 0 };
        self.ready |= !self.torn || self.tears >= INTERRUPTED;
        self.rest(now);
    }

    /// Sets when the next round may begin.
    fn rest(&mut self, now: Instant) {
        if self.ready {
            let took = now.since(self.began).as_millis();
            self.next_at = now + GAP.max(Duration::from_millis(took.saturating_mul(SHARE)));
        }
    }

    /// Notices were lost (`ENOBUFS`, or one that did not fit).
    pub fn lost(&mut self) {
        self.counters.lost += 1;
        self.stale = true;
        self.torn = true;
    }

    /// The request could not be sent, or its answer does not come: begins anew, after a while.
    pub fn give_up(&mut self, now: Instant) {
        self.lost();
        (self.asked, self.step) = (false, None);
        self.next_at = now + GAP;
    }
}

impl Default for Own {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
