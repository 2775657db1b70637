//! What the control socket says and does: requests in, answers out, who is connected, who waits for what.
//!
//! A client sends a request in one packet of at most [`REQUEST`] bytes and gets its answer in one packet of at most
//! [`ANSWER`] bytes, or, to `status`, in several of which the last says so. Numbers are big endian. A text is its length
//! in a byte and then its bytes, UTF-8. Every packet begins with
//!
//! | byte | what |
//! |---|---|
//! | 0 | [`VERSION`] of the format; it changes with anything below |
//! | 1 | the kind of the packet, a number of the tables in [`request`] and [`response`] |
//!
//! and has exactly the fields of its kind. To a request of another version the answer is 4, [`Refusal::Version`], which
//! is the same in all versions: so an old client and a new daemon understand that they do not understand each other.
//!
//! [`serve`] does what a request asks. A ban is answered when the kernel confirmed it, refused it or took too long; a
//! client that waits costs a [`Wait`] and nothing else, and no answer waits for a client that does not read.

pub mod clients;
pub mod request;
pub mod response;
pub mod serve;

pub use clients::Clients;
pub use request::{Request, Unreadable};
pub use response::{Refusal, Response};
pub use serve::{Step, Wait};

use crate::limits;
use crate::wire::buf::{Full, Writer};
use nom::bytes::complete::take;
use nom::combinator::{map, map_opt, map_res};
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u64};
use nom::{IResult, Parser};

/// The format of packets that is described here.
pub const VERSION: u8 = 1;

/// Bytes of a request: the longest is a ban with a jail's name, 60.
pub const REQUEST: usize = 64;

/// Bytes of an answer: the longest is about a log file, whose path alone may have [`limits::PATH`].
pub const ANSWER: usize = 384;

static_assertions::const_assert!(REQUEST >= 2 + 16 + 8 + 1 + 1 + limits::JAIL_NAME);
static_assertions::const_assert!(ANSWER >= 2 + 1 + limits::PATH + 8 * response::FileNumbers::NAMES.len());
static_assertions::const_assert!(limits::PATH <= 255 && limits::JAIL_NAME <= 255 && limits::TABLE_NAME <= 255);

type Parsed<'a, T> = IResult<&'a [u8], T, ()>;

/// Writes a text; what does not fit a length byte does not fit.
fn put_text(text: &str, w: &mut Writer<'_>) -> Result<(), Full> {
    w.put_u8(u8::try_from(text.len()).map_err(|_| Full)?)?;
    w.put(text.as_bytes())
}

fn text(input: &[u8]) -> Parsed<'_, &str> {
    map_res(length_data(be_u8), core::str::from_utf8).parse(input)
}

fn address(input: &[u8]) -> Parsed<'_, crate::addr::Addr> {
    map_opt(take(16usize), |octets: &[u8]| octets.try_into().ok().map(crate::addr::Addr::v6)).parse(input)
}

fn flag(input: &[u8]) -> Parsed<'_, bool> {
    map_opt(be_u8, |byte| match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    })
    .parse(input)
}

fn numbers<const N: usize>(mut input: &[u8]) -> Parsed<'_, [u64; N]> {
    let mut numbers = [0; N];
    for number in &mut numbers {
        (input, *number) = be_u64(input)?;
    }
    Ok((input, numbers))
}

fn number(input: &[u8]) -> Parsed<'_, u64> {
    map(numbers, |[number]| number).parse(input)
}
