//! The one form that all packets have.

use super::VERSION;
use crate::addr::{Addr, Prefix};
use crate::wire::buf::{Full, Writer};
use heapless::Vec;
use nom::multi::length_data;
use nom::number::complete::{be_u8, be_u64};
use nom::{IResult, Parser};

/// Most numbers of a packet: those of a status, with room for more.
pub const NUMBERS: usize = 32;

/// Most texts of a packet: those of a status, and one more.
pub const TEXTS: usize = 4;

/// Why a packet is not understood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// Of another [`VERSION`].
    Version,
    /// Not of the form, or with values that no one of this version sends.
    Malformed,
}

/// A packet of any kind.
pub(super) struct Frame<'a> {
    pub kind: u8,
    pub numbers: Vec<u64, NUMBERS>,
    pub texts: Vec<&'a str, TEXTS>,
}

/// Writes a packet. A text that does not fit its length byte does not fit.
pub(super) fn emit(kind: u8, numbers: &[u64], texts: &[&str], w: &mut Writer<'_>) -> Result<(), Full> {
    let byte = |len: usize| u8::try_from(len).map_err(|_| Full);
    w.put(&[VERSION, kind, byte(numbers.len())?, byte(texts.len())?])?;
    for number in numbers {
        w.put_be64(*number)?;
    }
    for text in texts {
        w.put_u8(byte(text.len())?)?;
        w.put(text.as_bytes())?;
    }
    Ok(())
}

impl<'a> Frame<'a> {
    /// Reads a packet.
    pub(super) fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        match packet.first() {
            Some(&VERSION) => {}
            Some(_) => return Err(Unreadable::Version),
            None => return Err(Unreadable::Malformed),
        }
        match Self::fields(packet) {
            Ok(([], frame)) => Ok(frame),
            _ => Err(Unreadable::Malformed),
        }
    }

    fn fields(input: &'a [u8]) -> IResult<&'a [u8], Self, ()> {
        let bad = || nom::Err::Error(());
        let (mut rest, (_, kind, numbers, texts)) = (be_u8, be_u8, be_u8, be_u8).parse(input)?;
        let mut frame = Self { kind, numbers: Vec::new(), texts: Vec::new() };
        for _ in 0..numbers {
            let (after, number) = be_u64(rest)?;
            frame.numbers.push(number).map_err(|_| bad())?;
            rest = after;
        }
        for _ in 0..texts {
            let (after, text) = length_data(be_u8).parse(rest)?;
            let text = core::str::from_utf8(text).map_err(|_| bad())?;
            frame.texts.push(text).map_err(|_| bad())?;
            rest = after;
        }
        Ok((rest, frame))
    }
}

/// An address as two numbers.
pub(super) const fn halves(addr: Addr) -> [u64; 2] {
    let [a, b, c, d, e, f, g, h, rest @ ..] = addr.octets();
    [u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes(rest)]
}

/// A prefix as three numbers: its first address and its length.
pub(super) fn thirds(prefix: &Prefix) -> [u64; 3] {
    let [high, low] = halves(prefix.base());
    [high, low, prefix.length().into()]
}

/// The prefix of three numbers, if it is one.
pub(super) fn prefix(high: u64, low: u64, length: u64) -> Option<Prefix> {
    let base = whole(high, low);
    let prefix = Prefix::new(base, u8::try_from(length).ok()?).ok()?;
    (prefix.base() == base).then_some(prefix)
}

/// The address of two numbers.
pub(super) fn whole(high: u64, low: u64) -> Addr {
    Addr::v6((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
}
