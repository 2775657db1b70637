//! What a browser and Prometheus are told: HTTP/1.1 without I/O.
//!
//! [`Client`] takes the bytes of one connection and has the bytes of its answer, piece by piece, so that a list of a
//! million bans needs no more memory than [`client::OUTPUT`] bytes, and no turn of the loop looks at more than
//! [`answer::SCAN`] bans. A connection has one request and ends with its answer. What the answers are about is a [`World`].
//!
//! | request | answer |
//! |---|---|
//! | `GET /` | the page |
//! | `GET /metrics` | Prometheus' text format 0.0.4 |
//! | `GET /api/v1/status` | the daemon, its jails, its sources |
//! | `GET /api/v1/series` | failed attempts and bans of the last 60 minutes and of the last 24 hours |
//! | `GET /api/v1/bans` | who is banned; `limit`, `prefix` (the address begins with it) and `jail` select |
//! | `GET /api/v1/history?address=A` | how often an address was banned, and the last lines that counted |
//! | `DELETE /api/v1/bans/A` | lifts a ban; with the token alone |
//! | `GET /events` | bans and unbans as server-sent events |
//!
//! Who may ask: on a loopback address everybody on this machine may read, elsewhere nobody without the token. `Host` must
//! be an address or `localhost`: so a name that somebody else's DNS points here (DNS rebinding) opens nothing. No other
//! site can send the token, which is in a header of its own (`Authorization: Bearer`), so none can lift a ban.
//!
//! Not supported: TLS (a reverse proxy's business), keep-alive, compression, bodies of requests.

mod answer;
mod client;
mod metrics;
mod request;
mod series;
mod text;

pub use answer::{EVENTS, Feed, SCAN};
pub use client::{Access, Client, INPUT, OUTPUT, Room};
pub use series::{Point, Series};

use crate::addr::Addr;
use crate::time::Instant;

/// What the answers are about.
pub trait World {
    /// The daemon as a whole.
    fn facts(&self) -> Facts<'_>;
    /// A jail, by its number; bans by hand are the last one.
    fn jail(&self, number: usize) -> Option<Jail<'_>>;
    /// What is read, by its number.
    fn source(&self, number: usize) -> Option<Source<'_>>;
    /// The place behind the first ban that is at this place or behind it, and that ban.
    fn ban(&self, place: usize) -> Option<(usize, Ban)>;
    /// How often an address was banned.
    fn past_bans(&self, addr: Addr) -> u64;
    /// One of the last lines that counted against an address, the oldest first.
    fn line(&self, addr: Addr, number: usize) -> Option<Line<'_>>;
    /// Attempts and bans over time.
    fn series(&self) -> &Series;
    /// What happened.
    fn feed(&self) -> &Feed;
    /// Lifts a ban; false if there is none.
    fn unban(&mut self, addr: Addr) -> bool;
    /// The time on the wall, in seconds since 1970, of a moment.
    fn wall(&self, at: Instant) -> i64;
    /// Now.
    fn now(&self) -> Instant;
}

/// The daemon as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Facts<'a> {
    /// The program's version.
    pub version: &'a str,
    /// What holds the bans.
    pub backend: &'a str,
    /// The table's name.
    pub table: &'a str,
    /// Whether the kernel holds the rules.
    pub ready: bool,
    /// Seconds since the start.
    pub uptime: u64,
    /// The numbers of [`metrics::NUMBERS`], in their order.
    pub numbers: [u64; metrics::NUMBERS.len()],
}

pub use metrics::{NUMBERS, Number};

/// A jail.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Jail<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its filter; empty for bans by hand.
    pub filter: &'a str,
    /// Whether it is enabled.
    pub enabled: bool,
    /// `maxretry`.
    pub maxretry: u32,
    /// `findtime` in seconds.
    pub findtime: u64,
    /// `bantime` in seconds; `None` is for good.
    pub bantime: Option<u64>,
    /// Its bans now.
    pub banned: u64,
    /// Failed attempts since the start.
    pub attempts: u64,
    /// Bans since the start.
    pub bans: u64,
}

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Source<'a> {
    /// Its path or name.
    pub name: &'a str,
    /// What is wrong with it.
    pub fault: Option<&'a str>,
    /// Lines read.
    pub lines: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Lines that were skipped: too long, or lost.
    pub skipped: u64,
}

/// A ban that the kernel holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Ban {
    /// Whose.
    pub addr: Addr,
    /// By which jail: its number in [`World::jail`].
    pub jail: usize,
    /// Since when, if that is known.
    pub since: Option<Instant>,
    /// Until when; `None` is for good.
    pub until: Option<Instant>,
}

/// A line that counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// When it was read.
    pub at: Instant,
    /// The line or its start, as it was in the log.
    pub text: &'a [u8],
}

#[cfg(test)]
mod tests;
