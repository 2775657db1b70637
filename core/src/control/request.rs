//! Requests.
//!
//! | kind | request | fields |
//! |---|---|---|
//! | 1 | [`Request::Ban`] | address (16 bytes, IPv4 mapped), milliseconds (8; 0: the usual time, all ones: for good), force (1: 0 or 1), jail (text, may be empty) |
//! | 2 | [`Request::Unban`] | address (16) |
//! | 3 | [`Request::UnbanAll`] | |
//! | 4 | [`Request::Status`] | |
//! | 5 | [`Request::Stop`] | |

use super::{Parsed, VERSION, address, flag, number, put_text, text};
use crate::addr::Addr;
use crate::config::model::BanTime;
use crate::limits;
use crate::time::Duration;
use crate::wire::buf::{Full, Writer};
use nom::Parser;
use nom::combinator::{all_consuming, map, map_opt};
use nom::number::complete::be_u8;

/// What a client wants.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Request<'a> {
    /// Bans an address.
    Ban {
        /// Whom.
        addr: Addr,
        /// For how long; `None`: as long as the jail does, or what `[defaults]` says.
        time: Option<BanTime>,
        /// In the name of this jail; empty: of none.
        jail: &'a str,
        /// Even if it is in an `ignoreip`.
        force: bool,
    },
    /// Lifts the ban of an address.
    Unban(Addr),
    /// Lifts every ban.
    UnbanAll,
    /// Asks how things are.
    Status,
    /// Ends the daemon, as SIGTERM does.
    Stop,
}

/// Why a packet is no request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreadable {
    /// Of another [`VERSION`].
    Version,
    /// Not of the form, or with values that no client of this version sends.
    Malformed,
}

/// The milliseconds that mean "for good".
const FOR_GOOD: u64 = u64::MAX;

impl<'a> Request<'a> {
    /// Writes the packet.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; [`super::REQUEST`] bytes always do.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.put_u8(VERSION)?;
        match *self {
            Self::Ban { addr, time, jail, force } => {
                w.put_u8(1)?;
                w.put(&addr.octets())?;
                w.put_be64(match time {
                    None => 0,
                    Some(BanTime::For(span)) => span.as_millis(),
                    Some(BanTime::Permanent) => FOR_GOOD,
                })?;
                w.put_u8(force.into())?;
                put_text(jail, w)
            }
            Self::Unban(addr) => {
                w.put_u8(2)?;
                w.put(&addr.octets())
            }
            Self::UnbanAll => w.put_u8(3),
            Self::Status => w.put_u8(4),
            Self::Stop => w.put_u8(5),
        }
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let Some((&version, rest)) = packet.split_first() else { return Err(Unreadable::Malformed) };
        if version != VERSION {
            return Err(Unreadable::Version);
        }
        all_consuming(body).parse(rest).map(|(_, request)| request).map_err(|_| Unreadable::Malformed)
    }
}

fn body(input: &[u8]) -> Parsed<'_, Request<'_>> {
    let (input, kind) = be_u8(input)?;
    match kind {
        1 => map((address, time, flag, jail), |(addr, time, force, jail)| Request::Ban { addr, time, jail, force })
            .parse(input),
        2 => map(address, Request::Unban).parse(input),
        3 => Ok((input, Request::UnbanAll)),
        4 => Ok((input, Request::Status)),
        5 => Ok((input, Request::Stop)),
        _ => Err(nom::Err::Error(())),
    }
}

/// A ban's time, within the limits of the configuration's.
fn time(input: &[u8]) -> Parsed<'_, Option<BanTime>> {
    map_opt(number, |ms| {
        let span = Duration::from_millis(ms);
        match ms {
            0 => Some(None),
            FOR_GOOD => Some(Some(BanTime::Permanent)),
            _ if (1..=limits::BANTIME_SECS).contains(&span.as_secs()) => Some(Some(BanTime::For(span))),
            _ => None,
        }
    })
    .parse(input)
}

fn jail(input: &[u8]) -> Parsed<'_, &str> {
    nom::combinator::verify(text, |name: &str| name.len() <= limits::JAIL_NAME).parse(input)
}

#[cfg(test)]
mod tests {
    use super::super::REQUEST;
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn emit(request: Request<'_>) -> Vec<u8> {
        let mut buffer = [0xa5; REQUEST];
        let mut w = Writer::new(&mut buffer);
        request.emit(&mut w).unwrap();
        w.written().to_vec()
    }

    #[test]
    fn a_request_has_these_bytes() {
        let addr = Addr::parse(b"192.0.2.1").unwrap();
        let time = Some(BanTime::For(Duration::from_secs(1)));
        let ban = Request::Ban { addr, time, jail: "sshd", force: true };
        let mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1];
        let head = [&[1, 1], mapped.as_slice()].concat();
        assert_eq!(emit(ban), [&head, [0, 0, 0, 0, 0, 0, 3, 0xe8, 1, 4].as_slice(), b"sshd"].concat());
        let long = "j".repeat(limits::JAIL_NAME);
        assert!(emit(Request::Ban { addr, time: None, jail: &long, force: false }).len() <= REQUEST);
        assert_eq!(emit(Request::Unban(addr)), [&[1, 2], mapped.as_slice()].concat());
        assert_eq!([Request::UnbanAll, Request::Status, Request::Stop].map(emit), [vec![1, 3], vec![1, 4], vec![1, 5]]);
    }

    #[test]
    fn what_is_not_exactly_a_request_is_refused() {
        let addr = Addr::parse(b"::1").unwrap();
        let ban = emit(Request::Ban { addr, time: Some(BanTime::Permanent), jail: "a", force: false });
        for len in 0..ban.len() {
            assert_eq!(Request::parse(&ban[..len]), Err(Unreadable::Malformed), "{len}");
        }
        let longer = [ban.as_slice(), &[0]].concat();
        assert_eq!(Request::parse(&longer), Err(Unreadable::Malformed));
        let name = "j".repeat(limits::JAIL_NAME + 1);
        let mut buffer = [0; 80];
        let mut w = Writer::new(&mut buffer);
        Request::Ban { addr, time: None, jail: &name, force: false }.emit(&mut w).unwrap();
        assert_eq!(Request::parse(w.written()), Err(Unreadable::Malformed));
        for (bytes, want) in [
            (vec![], Unreadable::Malformed),
            (vec![1], Unreadable::Malformed),
            (vec![1, 0], Unreadable::Malformed),
            (vec![1, 6], Unreadable::Malformed),
            (vec![2, 4], Unreadable::Version),
            (vec![0], Unreadable::Version),
        ] {
            assert_eq!(Request::parse(&bytes), Err(want), "{bytes:?}");
        }
        for (at, byte) in [(25, 7), (26, 2), (28, 0xff)] {
            let mut bad = emit(Request::Ban { addr, time: None, jail: "a", force: false });
            bad[at] = byte;
            assert_eq!(Request::parse(&bad), Err(Unreadable::Malformed), "{at}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(octets: [u8; 16], secs in 0..=limits::BANTIME_SECS, good: bool, force: bool, jail in "[a-z.]{0,32}") {
            let time = match secs {
                0 => good.then_some(BanTime::Permanent),
                _ => Some(BanTime::For(Duration::from_secs(secs))),
            };
            let request = Request::Ban { addr: Addr::v6(octets), time, jail: &jail, force };
            for request in [request, Request::Unban(Addr::v6(octets))] {
                let bytes = emit(request);
                prop_assert_eq!(Request::parse(&bytes), Ok(request));
            }
        }

        #[test]
        fn any_bytes_end_well(mut bytes in prop::collection::vec(any::<u8>(), 0..100), kind in 0u8..8) {
            let _ = Request::parse(&bytes);
            bytes.splice(0..0, [VERSION, kind]);
            if let Ok(request) = Request::parse(&bytes) {
                prop_assert_eq!(emit(request), bytes);
            }
        }
    }
}
