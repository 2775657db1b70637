//! What the control socket says and does: requests in, answers out, who is connected, who waits for what.
//!
//! A client sends a request in one packet of at most [`REQUEST`] bytes and gets its answer in one packet of at most
//! [`ANSWER`] bytes, or in several of which the last says so ([`Parts`]). Every packet has the same form:
//!
//! | bytes | what |
//! |---|---|
//! | 1 | [`VERSION`] of the format; it changes when something below means something else |
//! | 1 | the kind of the packet, see [`request`] and [`response`] |
//! | 1 | how many numbers follow, at most [`frame::NUMBERS`] |
//! | 1 | how many texts follow them, at most [`frame::TEXTS`] |
//! | 8 each | numbers, big endian; an address is two, IPv4 in its mapped form; yes is 1 and no is 0 |
//! | 1 + n each | texts: a length and so many bytes of UTF-8 |
//!
//! A request has exactly the numbers and texts of its kind, so a daemon never does half of what a newer client asks. An
//! answer may have more than its kind had when the client was made; they come last and are ignored. To a request of
//! another version the answer is [`Refusal::Version`], whose bytes are the same in all versions but for the first: so an
//! old client and a new daemon understand that they do not understand each other.
//!
//! [`serve`] does what a request asks. A ban is answered when the kernel confirmed it, refused it or took too long; a
//! client that waits costs a [`Wait`] and nothing else, and no answer waits for a client that does not read.

pub mod clients;
pub mod frame;
pub mod group;
pub mod parts;
pub mod request;
pub mod response;
pub mod serve;

pub use clients::Clients;
pub use frame::Unreadable;
pub use parts::Parts;
pub use request::Request;
pub use response::{Refusal, Response};
pub use serve::{Step, Wait};

use crate::{config, limits};

/// The format of packets that is described here.
pub const VERSION: u8 = 1;

/// Bytes of a request: the longest sets a value.
pub const REQUEST: usize = 4 + 1 + limits::JAIL_NAME + 1 + config::KEY + 1 + config::VALUE;

/// Bytes of an answer: the longest is about a log file, whose path alone may have [`limits::PATH`].
pub const ANSWER: usize = 384;

/// The number that stands for a time without end.
const FOR_GOOD: u64 = u64::MAX;

/// Bytes of the longest text that says what is wrong with a log.
const FAULT: usize = 48;

static_assertions::const_assert!(
    REQUEST >= 4 + 8 * 5 + 1 + limits::JAIL_NAME && config::VALUE <= 255 && config::KEY <= 255
);
static_assertions::const_assert!(ANSWER >= 4 + 8 * 5 + 1 + config::KEY + 1 + limits::PATH);
static_assertions::const_assert!(ANSWER >= 4 + 8 * response::FileNumbers::NAMES.len() + 1 + limits::PATH + 1 + FAULT);
static_assertions::const_assert!(frame::NUMBERS > response::DaemonNumbers::NAMES.len() && frame::TEXTS > 3);
static_assertions::const_assert!(limits::PATH <= 255 && limits::JAIL_NAME <= 255 && limits::TABLE_NAME <= 255);
