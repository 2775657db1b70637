//! Answers.
//!
//! | kind | answer | numbers | texts |
//! |---|---|---|---|
//! | 1 | [`Response::Banned`] | address (2), milliseconds left (all ones: for good), already | |
//! | 2 | [`Response::Unbanned`] | how many | |
//! | 3 | [`Response::Stopping`] | process id | |
//! | 4 | [`Response::Refused`] | the number of the [`Refusal`], the kernel's error number (0 if that was not the reason) | |
//! | 5 | [`Response::Daemon`] | [`DaemonNumbers`] | version, backend, table |
//! | 6 | [`Response::Jail`] | [`JailNumbers`] | name, filter |
//! | 7 | [`Response::File`] | [`FileNumbers`] | path, what is wrong with it |
//! | 8 | [`Response::End`] | | |
//! | 9 | [`Response::BannedPrefix`] | address (2) and length of the prefix, milliseconds left, already | |
//! | 10 | [`Response::Hindered`] | address (2) and length of the prefix, the number of the [`Hindrance`] | |
//! | 11 | [`Response::Said`] | whether the line ends with it | a line, or a part of it |
//! | 12 | [`Response::Reloaded`] | [`ReloadNumbers`] | |
//! | 13 | [`Response::Setting`] | form (see [`Shown`]), whether it is one of a list, then of an address (2) and length of the prefix, else the number and two zeros | key, text |
//! | 14 | [`Response::Set`] | bans that were lifted for it | |

use super::FOR_GOOD;
use super::frame::{self, Frame, Unreadable, halves, prefix, thirds, whole};
use crate::addr::{Addr, Prefix};
use crate::config::Shown;
use crate::own::Why;
use crate::time::Duration;
use crate::wire::buf::{Full, Writer};
use crate::wire::reply::NetlinkError;

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
    /// The kernel holds the ban of a prefix.
    BannedPrefix {
        /// Which: that of the request, or a larger one with it in it that was banned already.
        prefix: Prefix,
        /// For how long yet; `None` is for good.
        left: Option<Duration>,
        /// It was banned already.
        already: bool,
    },
    /// What was asked is not done because of a prefix.
    Hindered {
        /// Which.
        by: Prefix,
        /// What it is.
        how: Hindrance,
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
        /// Its path, or the name of what is no file.
        path: &'a str,
        /// Why nothing comes of it at present; empty if all is well.
        fault: &'a str,
    },
    /// The last part of a status.
    End,
    /// Why the answer that follows is no, in words.
    Said {
        /// A line, or a part of it.
        text: &'a str,
        /// The line ends with it.
        ends: bool,
    },
    /// One value of a setting.
    Setting {
        /// The key's name.
        key: &'a str,
        /// The key takes an array.
        list: bool,
        /// The value.
        value: Shown<'a>,
    },
    /// A setting was changed.
    Set {
        /// Bans that were lifted for it.
        lifted: u64,
    },
    /// The daemon goes on with the configuration as it is in the file now.
    Reloaded {
        /// What that comes to.
        numbers: ReloadNumbers,
    },
}

/// What a prefix is that is in the way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hindrance {
    /// 1: it is banned, and the address whose ban was to be lifted is in it and not banned by itself.
    Covers,
    /// 2: it is in what was to be banned, and is banned for longer.
    Longer,
    /// 3 and on, in the order of [`Why`]: it is in what was to be banned, or has an address with it, and is protected.
    Protected(Why),
}

impl Hindrance {
    const ALL: [Self; 6] = [
        Self::Covers,
        Self::Longer,
        Self::Protected(Why::Ignoreip),
        Self::Protected(Why::Loopback),
        Self::Protected(Why::Own),
        Self::Protected(Why::Gateway),
    ];
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
    /// 6: the address is in an `ignoreip`, this machine's own or a gateway, and force was not asked for.
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
    /// 13: [`crate::limits::PREFIX_BANS`] prefixes are banned.
    PrefixesFull,
    /// 14: what holds the bans cannot ban prefixes.
    NoPrefixes,
    /// 15: the configuration stays as it is, for the reasons that [`Response::Said`] gave.
    NotReloaded,
    /// 16: a jail has no such setting.
    NoSuchKey,
    /// 17: the setting stays as it is, for the reasons that [`Response::Said`] gave.
    NotSet,
}

impl Refusal {
    /// Those without more to say, at the place of their number.
    const PLAIN: [Self; 16] = [
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
        Self::PrefixesFull,
        Self::NoPrefixes,
        Self::NotReloaded,
        Self::NoSuchKey,
        Self::NotSet,
    ];

    const fn code(self) -> u64 {
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
            Self::PrefixesFull => 13,
            Self::NoPrefixes => 14,
            Self::NotReloaded => 15,
            Self::NoSuchKey => 16,
            Self::NotSet => 17,
        }
    }

    fn from_code(code: u64, error: u64) -> Option<Self> {
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

            fn of(values: &[u64]) -> Option<Self> {
                let [$($field),*] = *values.first_chunk()?;
                Some(Self { $($field),* })
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
        /// Prefixes banned by hand that the kernel confirmed; not among `banned`.
        prefixes,
        /// Addresses, per jail, whose bans are remembered.
        history,
        /// Of these: forgotten before their time, since the start.
        history_evicted,
        /// Settings made by hand since the configuration was read.
        by_hand,
        /// Bytes of the state file, as far as it was written since the start.
        state_bytes,
        /// Bytes that were written to it in this hour and the 23 before.
        state_written_today,
        /// Times that it could not be written.
        state_failures,
    }
}

numbers! {
    /// What is counted of a jail.
    JailNumbers {
        /// Whether it is enabled: 0 or 1.
        enabled,
        /// Its bans now, confirmed or not.
        banned,
        /// Addresses with failed attempts that are not banned.
        tracked,
        /// Failed attempts since its start, or since it had its number.
        attempts,
        /// Bans that the kernel confirmed, likewise.
        bans,
    }
}

numbers! {
    /// What is counted of a log file, or of what is none.
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
        /// Lines that were skipped for another reason than their length.
        skipped,
        /// Lines that are known to be missing.
        lost,
        /// Lines of senders who are not believed.
        not_believed,
    }
}

numbers! {
    /// What a reload came to.
    ReloadNumbers {
        /// Jails that are enabled.
        jails,
        /// Log files that are followed.
        files,
        /// Jails that were not there before, or disabled.
        begun,
        /// Jails that are not there any more, or are disabled now.
        ended,
        /// Bans that were lifted for it.
        lifted,
        /// Settings made by hand that it took back.
        forgotten,
    }
}

/// A value as numbers and text.
fn form<'a>(value: &Shown<'a>) -> (u64, [u64; 3], &'a str) {
    match value {
        Shown::Text(text) => (1, [0; 3], text),
        Shown::Prefix(prefix) => (2, thirds(prefix), ""),
        Shown::Flag(on) => (3, [(*on).into(), 0, 0], ""),
        Shown::Number(number) => (4, [*number, 0, 0], ""),
        Shown::Factor(thousandths) => (5, [(*thousandths).into(), 0, 0], ""),
        Shown::Time(span) => (6, [span.map_or(FOR_GOOD, Duration::as_millis), 0, 0], ""),
    }
}

/// The value of these.
fn shown(form: u64, [a, b, c]: [u64; 3], text: &str) -> Option<Shown<'_>> {
    Some(match form {
        1 => Shown::Text(text),
        2 => Shown::Prefix(prefix(a, b, c)?),
        3 => Shown::Flag(a != 0),
        4 => Shown::Number(a),
        5 => Shown::Factor(u32::try_from(a).ok()?),
        6 => Shown::Time((a != FOR_GOOD).then_some(Duration::from_millis(a))),
        _ => return None,
    })
}

impl<'a> Response<'a> {
    /// Writes the packet.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; [`super::ANSWER`] bytes always do.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match self {
            Self::Banned { addr, left, already } => {
                let [high, low] = halves(*addr);
                let ms = left.map_or(FOR_GOOD, Duration::as_millis);
                frame::emit(1, &[high, low, ms, (*already).into()], &[], w)
            }
            Self::Unbanned { count } => frame::emit(2, &[*count], &[], w),
            Self::Stopping { pid } => frame::emit(3, &[*pid], &[], w),
            Self::Refused(refusal) => {
                let error = match refusal {
                    Refusal::Kernel(error) => u64::try_from(error.get()).unwrap_or(0),
                    _ => 0,
                };
                frame::emit(4, &[refusal.code(), error], &[], w)
            }
            Self::Daemon { numbers, version, backend, table } => {
                frame::emit(5, &numbers.values(), &[version, backend, table], w)
            }
            Self::Jail { numbers, name, filter } => frame::emit(6, &numbers.values(), &[name, filter], w),
            Self::File { numbers, path, fault } => frame::emit(7, &numbers.values(), &[path, fault], w),
            Self::End => frame::emit(8, &[], &[], w),
            Self::Said { text, ends } => frame::emit(11, &[(*ends).into()], &[text], w),
            Self::Reloaded { numbers } => frame::emit(12, &numbers.values(), &[], w),
            Self::Setting { key, list, value } => {
                let (form, [a, b, c], text) = form(value);
                frame::emit(13, &[form, (*list).into(), a, b, c], &[key, text], w)
            }
            Self::Set { lifted } => frame::emit(14, &[*lifted], &[], w),
            Self::BannedPrefix { prefix, left, already } => {
                let [high, low, length] = thirds(prefix);
                let ms = left.map_or(FOR_GOOD, Duration::as_millis);
                frame::emit(9, &[high, low, length, ms, (*already).into()], &[], w)
            }
            Self::Hindered { by, how } => {
                let [high, low, length] = thirds(by);
                let number = (1..).zip(Hindrance::ALL).find(|(_, known)| known == how).map_or(0, |(number, _)| number);
                frame::emit(10, &[high, low, length, number], &[], w)
            }
        }
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// [`Unreadable`].
    pub fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let Frame { kind, numbers, texts } = Frame::parse(packet)?;
        let bad = Unreadable::Malformed;
        Ok(match (kind, numbers.as_slice(), texts.as_slice()) {
            (1, &[high, low, ms, already, ..], _) => Self::Banned {
                addr: whole(high, low),
                left: (ms != FOR_GOOD).then_some(Duration::from_millis(ms)),
                already: already != 0,
            },
            (2, &[count, ..], _) => Self::Unbanned { count },
            (3, &[pid, ..], _) => Self::Stopping { pid },
            (4, &[code, error, ..], _) => Self::Refused(Refusal::from_code(code, error).ok_or(bad)?),
            (5, numbers, &[version, backend, table, ..]) => {
                Self::Daemon { numbers: DaemonNumbers::of(numbers).ok_or(bad)?, version, backend, table }
            }
            (6, numbers, &[name, filter, ..]) => {
                Self::Jail { numbers: JailNumbers::of(numbers).ok_or(bad)?, name, filter }
            }
            (7, numbers, &[path, fault, ..]) => {
                Self::File { numbers: FileNumbers::of(numbers).ok_or(bad)?, path, fault }
            }
            (8, ..) => Self::End,
            (11, &[ends, ..], &[text, ..]) => Self::Said { text, ends: ends != 0 },
            (12, numbers, _) => Self::Reloaded { numbers: ReloadNumbers::of(numbers).ok_or(bad)? },
            (13, &[form, list, a, b, c, ..], &[key, text, ..]) => {
                Self::Setting { key, list: list != 0, value: shown(form, [a, b, c], text).ok_or(bad)? }
            }
            (14, &[lifted, ..], _) => Self::Set { lifted },
            (9, &[high, low, length, ms, already, ..], _) => Self::BannedPrefix {
                prefix: prefix(high, low, length).ok_or(bad)?,
                left: (ms != FOR_GOOD).then_some(Duration::from_millis(ms)),
                already: already != 0,
            },
            (10, &[high, low, length, number, ..], _) => {
                let how = (1..).zip(Hindrance::ALL).find(|(known, _)| *known == number).ok_or(bad)?.1;
                Self::Hindered { by: prefix(high, low, length).ok_or(bad)?, how }
            }
            _ => return Err(bad),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::{ANSWER, VERSION};
    use super::*;
    use crate::{config, limits};
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    fn emit(response: Response<'_>) -> Vec<u8> {
        let mut buffer = [0xa5; ANSWER];
        let mut w = Writer::new(&mut buffer);
        response.emit(&mut w).unwrap();
        w.written().to_vec()
    }

    fn check(response: Response<'_>) {
        let bytes = emit(response);
        assert_eq!(Response::parse(&bytes), Ok(response));
        for len in 0..bytes.len() {
            assert_eq!(Response::parse(&bytes[..len]), Err(Unreadable::Malformed));
        }
        assert_eq!(Response::parse(&[bytes.as_slice(), &[0]].concat()), Err(Unreadable::Malformed));
    }

    #[test]
    fn the_longest_answers_fit() {
        let daemon = DaemonNumbers { pid: 1, refused_full: u64::MAX, ..DaemonNumbers::default() };
        let table = "t".repeat(limits::TABLE_NAME);
        check(Response::Daemon { numbers: daemon, version: "0.1.0", backend: "nftables", table: &table });
        let name = "j".repeat(limits::JAIL_NAME);
        let numbers = JailNumbers { enabled: 1, banned: 2, tracked: 3, attempts: 4, bans: u64::MAX };
        check(Response::Jail { numbers, name: &name, filter: "dropbear" });
        let path = "/".repeat(limits::PATH);
        let fault = "f".repeat(super::super::FAULT);
        let numbers = FileNumbers { lines: 7, ..FileNumbers::default() };
        check(Response::File { numbers, path: &path, fault: &fault });
        check(Response::Said { text: &path, ends: true });
        let key = &"k".repeat(config::KEY);
        for value in [
            Shown::Text(&path),
            Shown::Prefix(Prefix::parse(b"2001:db8::/32").unwrap()),
            Shown::Flag(true),
            Shown::Number(7),
            Shown::Factor(1500),
            Shown::Time(None),
            Shown::Time(Some(Duration::from_secs(600))),
        ] {
            check(Response::Setting { key, list: value == Shown::Number(7), value });
        }
        check(Response::Set { lifted: 3 });
    }

    #[test]
    fn every_refusal_has_its_number() {
        for refusal in Refusal::PLAIN.into_iter().chain([Refusal::Kernel(NetlinkError::ENFILE)]) {
            check(Response::Refused(refusal));
        }
        let bytes = |code, error| [vec![1, 4, 2, 0], vec![0; 7], vec![code], vec![0; 7], vec![error]].concat();
        assert_eq!(emit(Response::Refused(Refusal::Version)), bytes(1, 0));
        assert_eq!(emit(Response::Refused(Refusal::Kernel(NetlinkError::ENFILE))), bytes(9, 23));
        for (code, error) in [(9, 0), (8, 1), (18, 0), (0, 0)] {
            assert_eq!(Response::parse(&bytes(code, error)), Err(Unreadable::Malformed), "{code} {error}");
        }
    }

    #[test]
    fn every_hindrance_has_its_number() {
        let by = Prefix::parse(b"10.0.0.0/8").unwrap();
        for (number, how) in (1..).zip(Hindrance::ALL) {
            let response = Response::Hindered { by, how };
            check(response);
            assert_eq!(emit(response).last(), Some(&number));
        }
        check(Response::BannedPrefix { prefix: by, left: None, already: true });
        let mut bad = emit(Response::Hindered { by, how: Hindrance::Covers });
        *bad.last_mut().unwrap() = 7;
        assert_eq!(Response::parse(&bad), Err(Unreadable::Malformed));
    }

    #[test]
    fn what_a_later_daemon_adds_is_ignored() {
        let mut buffer = [0; ANSWER];
        let mut w = Writer::new(&mut buffer);
        frame::emit(6, &[1, 2, 3, 4, 5, 6], &["sshd", "dropbear", "new"], &mut w).unwrap();
        let numbers = JailNumbers { enabled: 1, banned: 2, tracked: 3, attempts: 4, bans: 5 };
        assert_eq!(Response::parse(w.written()), Ok(Response::Jail { numbers, name: "sshd", filter: "dropbear" }));
        assert_eq!(Response::parse(&[2, 8, 0, 0]), Err(Unreadable::Version));
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
                Response::Said { text: "edgeban.toml:3:5: no", ends: already },
                Response::Reloaded { numbers: ReloadNumbers { jails: ms, lifted: 7, ..ReloadNumbers::default() } },
            ] {
                check(response);
            }
        }

        #[test]
        fn any_bytes_end_well(
            mut bytes in prop::collection::vec(any::<u8>(), 0..400),
            kind in 0u8..17,
            numbers in 0u8..20,
            texts in 0u8..6,
        ) {
            let _ = Response::parse(&bytes);
            bytes.splice(0..0, [VERSION, kind, numbers, texts]);
            let _ = Response::parse(&bytes);
        }
    }
}
