//! Answers.
//!
//! | kind | answer | fields |
//! |---|---|---|
//! | 1 | [`Response::Banned`] | address (16), milliseconds left (8; all ones: for good), already (1: 0 or 1) |
//! | 2 | [`Response::Unbanned`] | how many (8) |
//! | 3 | [`Response::Stopping`] | process id (8) |
//! | 4 | [`Response::Refused`] | [`Refusal`] (1), the kernel's error number (8; 0 if that was not the reason) |
//! | 5 | [`Response::Daemon`] | numbers (8 each, [`DaemonNumbers`]), version, backend, table (texts) |
//! | 6 | [`Response::Jail`] | numbers ([`JailNumbers`]), name, filter (texts) |
//! | 7 | [`Response::File`] | numbers ([`FileNumbers`]), path (text) |
//! | 8 | [`Response::End`] | |

use super::{Parsed, VERSION, address, flag, number, numbers, put_text, text};
use crate::addr::Addr;
use crate::time::Duration;
use crate::wire::buf::{Full, Writer};
use crate::wire::reply::NetlinkError;
use nom::Parser;
use nom::combinator::{all_consuming, map, map_opt};
use nom::number::complete::be_u8;

/// What the daemon answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Response<'a> {
    /// The kernel holds the ban.
    Banned {
        /// Whose.
        addr: Addr,
        /// For how long yet; `None` is for good.
        left: Option<Duration>,
        /// It was banned already, for at least as long.
        already: bool,
    },
    /// The kernel holds these bans no more.
    Unbanned {
        /// How many there were.
        count: u64,
    },
    /// The daemon ends; it has ended when it closes the connection.
    Stopping {
        /// Its process id.
        pid: u64,
    },
    /// What was asked is not so.
    Refused(Refusal),
    /// The first part of a status.
    Daemon {
        /// What is counted.
        numbers: DaemonNumbers,
        /// The program's version.
        version: &'a str,
        /// What holds the bans.
        backend: &'a str,
        /// The table's name.
        table: &'a str,
    },
    /// A part of a status, for each jail.
    Jail {
        /// What is counted.
        numbers: JailNumbers,
        /// Its name.
        name: &'a str,
        /// Its filter; empty for bans by hand.
        filter: &'a str,
    },
    /// A part of a status, for each log file.
    File {
        /// What is counted.
        numbers: FileNumbers,
        /// Its path.
        path: &'a str,
    },
    /// The last part of a status.
    End,
}

/// Why something is not done, or not known to be done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// 1: the request is of another version of the format.
    Version,
    /// 2: the packet is no request.
    Malformed,
    /// 3: only root, or who runs the daemon, may ask.
    NotPermitted,
    /// 4: too many clients wait, or this one does already.
    Busy,
    /// 5: no jail has this name.
    NoSuchJail,
    /// 6: the address is in an `ignoreip`, and force was not asked for.
    Protected,
    /// 7: [`crate::limits::BANS`] addresses are banned.
    Full,
    /// 8: the address is not banned.
    NotBanned,
    /// 9: the kernel refused it, last for this reason. It will be tried again.
    Kernel(NetlinkError),
    /// 10: the kernel did not confirm it in [`super::serve::PATIENCE`]. It will be tried again.
    Late,
    /// 11: the ban was lifted or its time was over before the kernel took it.
    Ended,
    /// 12: the address was banned again before its ban was lifted.
    BannedAgain,
}

impl Refusal {
    /// Those without more to say, at the place of their number.
    const PLAIN: [Self; 11] = [
        Self::Version,
        Self::Malformed,
        Self::NotPermitted,
        Self::Busy,
        Self::NoSuchJail,
        Self::Protected,
        Self::Full,
        Self::NotBanned,
        Self::Late,
        Self::Ended,
        Self::BannedAgain,
    ];

    const fn code(self) -> u8 {
        match self {
            Self::Version => 1,
            Self::Malformed => 2,
            Self::NotPermitted => 3,
            Self::Busy => 4,
            Self::NoSuchJail => 5,
            Self::Protected => 6,
            Self::Full => 7,
            Self::NotBanned => 8,
            Self::Kernel(_) => 9,
            Self::Late => 10,
            Self::Ended => 11,
            Self::BannedAgain => 12,
        }
    }

    fn from_code(code: u8, error: u64) -> Option<Self> {
        if code == 9 {
            return i32::try_from(error).ok().and_then(NetlinkError::new).map(Self::Kernel);
        }
        Self::PLAIN.into_iter().find(|refusal| refusal.code() == code && error == 0)
    }
}

/// A structure of numbers that knows their names.
macro_rules! numbers {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: u64,)*
        }

        impl $name {
            /// The numbers' names, in the order of the packet; also those in JSON.
            pub const NAMES: [&'static str; [$(stringify!($field)),*].len()] = [$(stringify!($field)),*];

            /// The numbers in that order.
            #[must_use]
            pub const fn values(&self) -> [u64; Self::NAMES.len()] {
                [$(self.$field),*]
            }

            fn parse(input: &[u8]) -> Parsed<'_, Self> {
                let (input, [$($field),*]) = numbers(input)?;
                Ok((input, Self { $($field),* }))
            }
        }
    };
}

numbers! {
    /// What the daemon counts: see `engine::Counters`.
    DaemonNumbers {
        /// Its process id.
        pid,
        /// Seconds since its start.
        uptime,
        /// Whether the kernel holds the table: 0 or 1.
        ready,
        /// Bans that the kernel confirmed and has not ended.
        banned,
        /// Bans and unbans that the kernel has not confirmed.
        waiting,
        /// Most bans at one time.
        bans_limit,
        /// Addresses with failed attempts that are not banned.
        tracked,
        /// Most of them at one time.
        tracked_limit,
        /// Lines read.
        lines,
        /// Failed attempts in them.
        attempts,
        /// Of these: of addresses in `ignoreip`.
        ignored,
        /// Of these: of addresses that were banned already.
        already_banned,
        /// Bans that the kernel confirmed, since the start.
        bans,
        /// Bans that ended, since the start.
        unbans,
        /// Bans that found no room.
        refused_full,
    }
}

numbers! {
    /// What is counted of a jail.
    JailNumbers {
        /// Whether it is enabled: 0 or 1.
        enabled,
        /// Its bans now, confirmed or not.
        banned,
    }
}

numbers! {
    /// What is counted of a log file.
    FileNumbers {
        /// Lines read.
        lines,
        /// Bytes read.
        bytes,
        /// Lines that were too long and skipped.
        overlong,
        /// Times that another file took the path.
        rotated,
        /// Times that it was truncated.
        truncated,
        /// Reads that failed.
        read_errors,
    }
}

/// The milliseconds that mean "for good".
const FOR_GOOD: u64 = u64::MAX;

impl<'a> Response<'a> {
    /// Writes the packet.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; [`super::ANSWER`] bytes always do.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.put_u8(VERSION)?;
        let mut head = |kind, values: &[u64], texts: &[&str]| {
            w.put_u8(kind)?;
            values.iter().try_for_each(|value| w.put_be64(*value))?;
            texts.iter().try_for_each(|text| put_text(text, w))
        };
        match self {
            Self::Banned { addr, left, already } => {
                w.put_u8(1)?;
                w.put(&addr.octets())?;
                w.put_be64(left.map_or(FOR_GOOD, Duration::as_millis))?;
                w.put_u8((*already).into())
            }
            Self::Unbanned { count } => head(2, &[*count], &[]),
            Self::Stopping { pid } => head(3, &[*pid], &[]),
            Self::Refused(refusal) => {
                w.put(&[4, refusal.code()])?;
                w.put_be64(match refusal {
                    Refusal::Kernel(error) => u64::try_from(error.get()).unwrap_or(0),
                    _ => 0,
                })
            }
            Self::Daemon { numbers, version, backend, table } => head(5, &numbers.values(), &[version, backend, table]),
            Self::Jail { numbers, name, filter } => head(6, &numbers.values(), &[name, filter]),
            Self::File { numbers, path } => head(7, &numbers.values(), &[path]),
            Self::End => head(8, &[], &[]),
        }
    }

    /// Reads a packet; `None` if it is none of this version.
    #[must_use]
    pub fn parse(packet: &'a [u8]) -> Option<Self> {
        let rest = packet.strip_prefix(&[VERSION])?;
        all_consuming(body).parse(rest).ok().map(|(_, response)| response)
    }
}

fn body(input: &[u8]) -> Parsed<'_, Response<'_>> {
    let (input, kind) = be_u8(input)?;
    match kind {
        1 => map((address, number, flag), |(addr, ms, already)| Response::Banned {
            addr,
            left: (ms != FOR_GOOD).then_some(Duration::from_millis(ms)),
            already,
        })
        .parse(input),
        2 => map(number, |count| Response::Unbanned { count }).parse(input),
        3 => map(number, |pid| Response::Stopping { pid }).parse(input),
        4 => map_opt((be_u8, number), |(code, error)| Refusal::from_code(code, error).map(Response::Refused))
            .parse(input),
        5 => map((DaemonNumbers::parse, text, text, text), |(numbers, version, backend, table)| Response::Daemon {
            numbers,
            version,
            backend,
            table,
        })
        .parse(input),
        6 => map((JailNumbers::parse, text, text), |(numbers, name, filter)| Response::Jail { numbers, name, filter })
            .parse(input),
        7 => map((FileNumbers::parse, text), |(numbers, path)| Response::File { numbers, path }).parse(input),
        8 => Ok((input, Response::End)),
        _ => Err(nom::Err::Error(())),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ANSWER;
    use super::*;
    use crate::limits;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn emit(response: Response<'_>) -> Vec<u8> {
        let mut buffer = [0xa5; ANSWER];
        let mut w = Writer::new(&mut buffer);
        response.emit(&mut w).unwrap();
        w.written().to_vec()
    }

    fn check(response: Response<'_>) {
        let bytes = emit(response);
        assert_eq!(Response::parse(&bytes), Some(response));
        for len in 0..bytes.len() {
            assert_eq!(Response::parse(&bytes[..len]), None);
        }
        assert_eq!(Response::parse(&[bytes.as_slice(), &[0]].concat()), None);
    }

    #[test]
    fn the_longest_answers_fit() {
        let daemon = DaemonNumbers { pid: 1, refused_full: u64::MAX, ..DaemonNumbers::default() };
        let table = "t".repeat(limits::TABLE_NAME);
        check(Response::Daemon { numbers: daemon, version: "0.1.0", backend: "nftables", table: &table });
        let name = "j".repeat(limits::JAIL_NAME);
        check(Response::Jail { numbers: JailNumbers { enabled: 1, banned: 2 }, name: &name, filter: "dropbear" });
        let path = "/".repeat(limits::PATH);
        check(Response::File { numbers: FileNumbers { lines: 7, ..FileNumbers::default() }, path: &path });
    }

    #[test]
    fn every_refusal_has_its_number() {
        for refusal in Refusal::PLAIN.into_iter().chain([Refusal::Kernel(NetlinkError::ENFILE)]) {
            check(Response::Refused(refusal));
        }
        assert_eq!(emit(Response::Refused(Refusal::Version)), [1, 4, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(emit(Response::Refused(Refusal::Kernel(NetlinkError::ENFILE))), [1, 4, 9, 0, 0, 0, 0, 0, 0, 0, 23]);
        assert_eq!(Response::parse(&[1, 4, 9, 0, 0, 0, 0, 0, 0, 0, 0]), None, "an error of 0 is none");
        assert_eq!(Response::parse(&[1, 4, 8, 0, 0, 0, 0, 0, 0, 0, 1]), None);
        assert_eq!(Response::parse(&[1, 4, 13, 0, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(octets: [u8; 16], ms: u64, already: bool) {
            let left = (ms != FOR_GOOD).then_some(Duration::from_millis(ms));
            for response in [
                Response::Banned { addr: Addr::v6(octets), left, already },
                Response::Unbanned { count: ms },
                Response::Stopping { pid: ms },
                Response::End,
            ] {
                check(response);
            }
        }

        #[test]
        fn any_bytes_end_well(mut bytes in prop::collection::vec(any::<u8>(), 0..400), kind in 0u8..12) {
            let _ = Response::parse(&bytes);
            bytes.splice(0..0, [VERSION, kind]);
            if let Some(response) = Response::parse(&bytes) {
                prop_assert!(matches!(response, Response::Refused(_)) || bytes.len() > ANSWER || emit(response) == bytes);
            }
        }
    }
}
