//! Requests.
//!
//! | kind | request | numbers | texts |
//! |---|---|---|---|
//! | 1 | [`Request::Ban`] | address (2), milliseconds (0: the usual time; all ones: for good), force | jail, may be empty |
//! | 2 | [`Request::Unban`] | address (2) | |
//! | 3 | [`Request::UnbanAll`] | | |
//! | 4 | [`Request::Status`] | | |
//! | 5 | [`Request::Stop`] | | |
//! | 6 | [`Request::BanPrefix`] | address (2) and length of the prefix, then as 1 from the milliseconds on | jail |
//! | 7 | [`Request::UnbanPrefix`] | address (2) and length of the prefix | |
//! | 8 | [`Request::Reload`] | | |
//! | 9 | [`Request::Jail`] | | jail |
//! | 10 | [`Request::Get`] | | jail, key |
//! | 11 | [`Request::Set`] | | jail, key, value |
//! | 12 | [`Request::Bans`] | | jail |

use super::FOR_GOOD;
use super::frame::{self, Frame, Unreadable, halves, prefix, thirds, whole};
use crate::addr::{Addr, Prefix};
use crate::config::model::BanTime;
use crate::time::Duration;
use crate::wire::buf::{Full, Writer};
use crate::{config, limits};

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
    /// Bans all addresses of a prefix.
    BanPrefix {
        /// Of which; not of length 0.
        prefix: Prefix,
        /// As in [`Request::Ban`].
        time: Option<BanTime>,
        /// As in [`Request::Ban`].
        jail: &'a str,
        /// Even if any address of it is in an `ignoreip`, this machine's or a gateway's: that is banned, too.
        force: bool,
    },
    /// Lifts the ban of exactly this prefix.
    UnbanPrefix(Prefix),
    /// Lifts the ban of an address.
    Unban(Addr),
    /// Lifts every ban.
    UnbanAll,
    /// Asks how things are.
    Status,
    /// Ends the daemon, as SIGTERM does.
    Stop,
    /// Reads the configuration anew, as SIGHUP does.
    Reload,
    /// Asks for what is counted of a jail, its settings and its bans.
    Jail(&'a str),
    /// Asks for a setting of a jail.
    Get {
        /// Of this.
        jail: &'a str,
        /// The key's name.
        key: &'a str,
    },
    /// Changes a setting of a jail until the next reload.
    Set {
        /// Of this.
        jail: &'a str,
        /// The key's name, or one that [`config::set`] has besides.
        key: &'a str,
        /// The value, as the file would have it, but for quotes.
        value: &'a str,
    },
    /// Asks for the bans of a jail.
    Bans(&'a str),
}

impl<'a> Request<'a> {
    /// Writes the packet.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; [`super::REQUEST`] bytes always do.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match *self {
            Self::Ban { addr, time, jail, force } => {
                let [high, low] = halves(addr);
                frame::emit(1, &[high, low, millis(time), force.into()], &[jail], w)
            }
            Self::BanPrefix { prefix, time, jail, force } => {
                let [high, low, length] = thirds(&prefix);
                frame::emit(6, &[high, low, length, millis(time), force.into()], &[jail], w)
            }
            Self::UnbanPrefix(prefix) => frame::emit(7, &thirds(&prefix), &[], w),
            Self::Unban(addr) => frame::emit(2, &halves(addr), &[], w),
            Self::UnbanAll => frame::emit(3, &[], &[], w),
            Self::Status => frame::emit(4, &[], &[], w),
            Self::Stop => frame::emit(5, &[], &[], w),
            Self::Reload => frame::emit(8, &[], &[], w),
            Self::Jail(jail) => frame::emit(9, &[], &[jail], w),
            Self::Get { jail, key } => frame::emit(10, &[], &[jail, key], w),
            Self::Set { jail, key, value } => frame::emit(11, &[], &[jail, key, value], w),
            Self::Bans(jail) => frame::emit(12, &[], &[jail], w),
        }
    }

    /// Reads a packet.
    ///
    /// # Errors
    /// [`Unreadable`].
    #[inline(never)] // smaller
    pub fn parse(packet: &'a [u8]) -> Result<Self, Unreadable> {
        let Frame { kind, numbers, texts } = Frame::parse(packet)?;
        match (kind, numbers.as_slice(), texts.as_slice()) {
            (1, &[high, low, ms, force @ 0..=1], &[jail]) if jail.len() <= limits::JAIL_NAME => {
                Ok(Self::Ban { addr: whole(high, low), time: time(ms)?, jail, force: force == 1 })
            }
            (2, &[high, low], []) => Ok(Self::Unban(whole(high, low))),
            (6, &[high, low, length, ms, force @ 0..=1], &[jail]) if jail.len() <= limits::JAIL_NAME => {
                let prefix = prefix(high, low, length).filter(|_| length > 0).ok_or(Unreadable::Malformed)?;
                Ok(Self::BanPrefix { prefix, time: time(ms)?, jail, force: force == 1 })
            }
            (7, &[high, low, length], []) => {
                prefix(high, low, length).map(Self::UnbanPrefix).ok_or(Unreadable::Malformed)
            }
            (3, [], []) => Ok(Self::UnbanAll),
            (4, [], []) => Ok(Self::Status),
            (5, [], []) => Ok(Self::Stop),
            (8, [], []) => Ok(Self::Reload),
            (9, [], &[jail]) if names(jail, "") => Ok(Self::Jail(jail)),
            (10, [], &[jail, key]) if names(jail, key) => Ok(Self::Get { jail, key }),
            (11, [], &[jail, key, value]) if names(jail, key) && value.len() <= config::VALUE => {
                Ok(Self::Set { jail, key, value })
            }
            (12, [], &[jail]) if names(jail, "") => Ok(Self::Bans(jail)),
            _ => Err(Unreadable::Malformed),
        }
    }
}

/// Whether these are as long as names may be.
const fn names(jail: &str, key: &str) -> bool {
    jail.len() <= limits::JAIL_NAME && key.len() <= config::KEY
}

/// A ban's time as a number.
const fn millis(time: Option<BanTime>) -> u64 {
    match time {
        None => 0,
        Some(BanTime::For(span)) => span.as_millis(),
        Some(BanTime::Permanent) => FOR_GOOD,
    }
}

/// A ban's time, within the limits of the configuration's.
fn time(ms: u64) -> Result<Option<BanTime>, Unreadable> {
    let span = Duration::from_millis(ms);
    match ms {
        0 => Ok(None),
        FOR_GOOD => Ok(Some(BanTime::Permanent)),
        _ if (1..=limits::BANTIME_SECS).contains(&span.as_secs()) => Ok(Some(BanTime::For(span))),
        _ => Err(Unreadable::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{REQUEST, VERSION};
    use super::*;
    use proptest::prelude::*;
    use std::borrow::ToOwned as _;
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
        let head = [&[1, 1, 4, 1], mapped.as_slice()].concat();
        let rest = [0, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 0, 0, 1, 4];
        assert_eq!(emit(ban), [&head, rest.as_slice(), b"sshd"].concat());
        let long = "j".repeat(limits::JAIL_NAME);
        assert!(emit(Request::Ban { addr, time: None, jail: &long, force: false }).len() <= REQUEST);
        assert_eq!(emit(Request::Unban(addr)), [&[1, 2, 2, 0], mapped.as_slice()].concat());
        assert_eq!(
            [Request::UnbanAll, Request::Status, Request::Stop, Request::Reload].map(emit),
            [vec![1, 3, 0, 0], vec![1, 4, 0, 0], vec![1, 5, 0, 0], vec![1, 8, 0, 0]]
        );
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
        let mut buffer = [0; 100];
        let mut w = Writer::new(&mut buffer);
        Request::Ban { addr, time: None, jail: &name, force: false }.emit(&mut w).unwrap();
        assert_eq!(Request::parse(w.written()), Err(Unreadable::Malformed));
        for (bytes, want) in [
            (vec![], Unreadable::Malformed),
            (vec![1], Unreadable::Malformed),
            (vec![1, 0, 0, 0], Unreadable::Malformed),
            (vec![1, 6, 0, 0], Unreadable::Malformed),
            (vec![1, 13, 0, 0], Unreadable::Malformed),
            (vec![1, 4, 0], Unreadable::Malformed),
            (vec![1, 4, 0, 1, 0], Unreadable::Malformed),
            ([vec![1, 4, 17, 0], vec![0; 17 * 8]].concat(), Unreadable::Malformed),
            (vec![1, 4, 0, 5, 0, 0, 0, 0, 0], Unreadable::Malformed),
            (vec![2, 4, 0, 0], Unreadable::Version),
            (vec![0], Unreadable::Version),
        ] {
            assert_eq!(Request::parse(&bytes), Err(want), "{bytes:?}");
        }
        for (at, byte) in [(2, 3), (3, 2), (20, 1), (27, 7), (35, 2), (36, 2), (37, 0xff)] {
            let mut bad = emit(Request::Ban { addr, time: None, jail: "a", force: false });
            bad[at] = byte;
            assert_eq!(Request::parse(&bad), Err(Unreadable::Malformed), "{at}");
        }
    }

    #[test]
    fn a_prefix_has_its_length_and_no_host_bits() {
        let prefix = Prefix::parse(b"2001:db8::/56").unwrap();
        let base = [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        let unban = emit(Request::UnbanPrefix(prefix));
        assert_eq!(unban, [&[1, 7, 3, 0], base.as_slice(), &[0, 0, 0, 0, 0, 0, 0, 56]].concat());
        let ban = emit(Request::BanPrefix { prefix, time: None, jail: "", force: true });
        let rest = [[0, 0, 0, 0, 0, 0, 0, 56], [0; 8], [0, 0, 0, 0, 0, 0, 0, 1]].concat();
        assert_eq!(ban, [&[1, 6, 5, 1], base.as_slice(), &rest, &[0]].concat());
        let long = "j".repeat(limits::JAIL_NAME);
        assert!(emit(Request::BanPrefix { prefix, time: None, jail: &long, force: false }).len() <= REQUEST);
        for (at, byte) in [(19, 1), (12, 1), (27, 129), (27, 28), (27, 0), (26, 1)] {
            let mut bad = ban.clone();
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
            let longest = if Addr::v6(octets).as_v4().is_some() { 32 } else { 128 };
            let prefix = Prefix::new(Addr::v6(octets), octets[0] % longest + 1).unwrap();
            let wide = Request::BanPrefix { prefix, time, jail: &jail, force };
            let (key, value) = (&*jail.get(..20).unwrap_or(&jail).to_owned(), "x".repeat(config::VALUE));
            for request in [
                request,
                wide,
                Request::UnbanPrefix(prefix),
                Request::Unban(Addr::v6(octets)),
                Request::Jail(&jail),
                Request::Bans(&jail),
                Request::Get { jail: &jail, key },
                Request::Set { jail: &jail, key, value: &value },
            ] {
                let bytes = emit(request);
                prop_assert_eq!(Request::parse(&bytes), Ok(request));
            }
        }

        #[test]
        fn any_bytes_end_well(mut bytes in prop::collection::vec(any::<u8>(), 0..100), kind in 0u8..14, numbers in 0u8..6, texts in 0u8..5) {
            let _ = Request::parse(&bytes);
            bytes.splice(0..0, [VERSION, kind, numbers, texts]);
            if let Ok(request) = Request::parse(&bytes) {
                prop_assert_eq!(emit(request), bytes);
            }
        }
    }
}
