//! The tables of legacy iptables: carries them between the kernel and the engine, which decides what they hold
//! (`edgeban_core::firewall::xt`).

use crate::daemon::FullEngine;
use core::fmt;
use edgeban_core::addr::Family;
use edgeban_core::firewall::backend::Table;
use edgeban_core::firewall::xt::{Failure, Info, Refused};
use edgeban_core::limits;
use edgeban_core::time::Instant;
use edgeban_core::wire::buf::{Full, Malformed, Writer};
use edgeban_core::wire::xt::request::{
    ENTRIES_OFFSET, INFO_LEN, REPLACE_LEN, REVISION_LEN, SetByName, SetVersion, ask_revision,
};
use edgeban_core::wire::xt::set::SetMatch;
use edgeban_linux::Errno;
use edgeban_linux::fd::AsFd;
use edgeban_linux::file::{self, OpenFlags};
use edgeban_linux::xtables::{COUNTERS_SIZE, Lock, Protocol, Xtables};

/// Entries of a table at most: an IPv4 rule without a match is the smallest.
const ENTRIES: usize = limits::XT_TABLE / 152;

/// Memory for one exchange.
pub struct Buffers {
    entries: [u8; ENTRIES_OFFSET + limits::XT_TABLE],
    request: [u8; REPLACE_LEN + limits::XT_TABLE],
    counters: [u8; ENTRIES * COUNTERS_SIZE],
}

impl Buffers {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            entries: [0; ENTRIES_OFFSET + limits::XT_TABLE],
            request: [0; REPLACE_LEN + limits::XT_TABLE],
            counters: [0; ENTRIES * COUNTERS_SIZE],
        }
    }
}

/// Why a table is not as it should be, for the operator.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stuck {
    /// A call, and what the kernel said.
    Call(&'static str, Errno),
    /// There is no plan.
    Refused(Refused),
    /// The table has more bytes than [`limits::XT_TABLE`].
    TooLarge,
    /// The set is not there.
    NoSet,
}

impl Stuck {
    /// The kernel has no tables at all.
    pub const fn missing(error: Errno) -> Self {
        Self::Call("its tables in /proc/net", error)
    }
}

impl fmt::Display for Stuck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = match self {
            Self::Call(call, error) => {
                write!(f, "{call}: {error}")?;
                match *error {
                    Errno::EPERM => "; edgeban needs root, or CAP_NET_ADMIN and CAP_NET_RAW",
                    Errno::ENOENT if *call == MATCH => "; the kernel lacks the match set (xt_set)",
                    Errno::ENOENT | Errno::ENOPROTOOPT => {
                        "; the kernel lacks legacy iptables (ip_tables, ip6_tables and the table's module)"
                    }
                    _ => "",
                }
            }
            Self::Refused(refused) => match refused {
                Refused::Malformed => "the table is not understood",
                Refused::NoSuchHook => "the table has no such built-in chain",
                Refused::ChainName => "the name of [global] table cannot be a chain's",
                Refused::TooManyRules => "too many rules (limit XT_RULES)",
                Refused::TooManyJumps => "too many jumps to the chain (limit XT_JUMPS)",
                Refused::Referenced => "other rules jump to the chain: it is emptied and stays",
                Refused::Full => "the table is too large (limit XT_TABLE)",
            },
            Self::TooLarge => "the table is too large (limit XT_TABLE)",
            Self::NoSet => "the set is not there",
        };
        f.write_str(hint)
    }
}

const SOCKET: &str = "raw socket";
const MATCH: &str = "asking for the match set";

/// How an exchange failed.
struct Failed(Failure, Stuck);

impl Failed {
    /// A call that failed.
    fn of(call: &'static str) -> impl Fn(Errno) -> Self {
        move |error| {
            let failure = match error {
                Errno::EAGAIN => Failure::Busy,
                Errno::EAFNOSUPPORT if call == SOCKET => Failure::NoProtocol,
                _ => Failure::Kernel,
            };
            Self(failure, Stuck::Call(call, error))
        }
    }
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self(Failure::Refused(refused), Stuck::Refused(refused))
    }
}

impl From<Full> for Failed {
    fn from(_: Full) -> Self {
        Refused::Full.into()
    }
}

impl From<Malformed> for Failed {
    fn from(_: Malformed) -> Self {
        Refused::Malformed.into()
    }
}

pub const fn protocol(family: Family) -> Protocol {
    match family {
        Family::V4 => Protocol::V4,
        Family::V6 => Protocol::V6,
    }
}

/// Exchanges one table, and tells the engine.
///
/// # Errors
/// What the operator should know. Somebody else at the table is nothing of this kind, only `true`.
#[inline(never)]
pub fn exchange(table: &Table, buffers: &mut Buffers, engine: &mut FullEngine, now: Instant) -> Result<bool, Stuck> {
    let result = try_exchange(table, buffers, engine, now);
    let (outcome, result) = match result {
        Ok(changed) => (Ok(changed), Ok(false)),
        Err(Failed(Failure::Busy, _)) => (Err(Failure::Busy), Ok(true)),
        Err(Failed(Failure::NoProtocol, _)) => (Err(Failure::NoProtocol), Ok(false)),
        Err(Failed(failure, stuck)) => (Err(failure), Err(stuck)),
    };
    engine.handle_table(table.family, outcome, now);
    result
}

/// Whether the table had to be changed.
#[inline(never)]
fn try_exchange(table: &Table, buffers: &mut Buffers, engine: &mut FullEngine, now: Instant) -> Result<bool, Failed> {
    let Buffers { entries, request, counters } = buffers;
    let socket = Xtables::open(protocol(table.family)).map_err(Failed::of(SOCKET))?;
    let set = match &table.set {
        Some(name) => Some(find_set(&socket, name)?),
        None => None,
    };
    let _lock = Lock::try_take(Lock::PATH).map_err(Failed::of("the lock of iptables"))?;
    let (info, entries) = read(&socket, table.table, entries)?;
    let rewrite = engine.plan_table(table.family, &info, entries, set, now)?;
    let Some(len) = rewrite.replace(request)? else { return Ok(false) };
    let returned =
        usize::try_from(info.num_entries).ok().and_then(|n| counters.get_mut(..n.checked_mul(COUNTERS_SIZE)?));
    let returned = returned.ok_or(Refused::Full)?;
    socket.replace(request.get_mut(..len).unwrap_or_default(), returned).map_err(Failed::of("replacing the table"))?;
    // The table is as planned. Without this step, counters start again; nothing could be done about it.
    if let Ok(len) = rewrite.counters(returned, request) {
        let _ = socket.add_counters(request.get(..len).unwrap_or_default());
    }
    Ok(true)
}

/// A whole table: what it is, and its entries.
#[inline(never)]
fn read<'b>(socket: &Xtables, table: &str, buffer: &'b mut [u8]) -> Result<(Info, &'b [u8]), Failed> {
    let mut ask = [0; INFO_LEN];
    Info::ask(table, &mut Writer::new(&mut ask))?;
    socket.info(&mut ask).map_err(Failed::of("asking for the table"))?;
    let info = Info::parse(&ask)?;
    let too_large = Failed(Failure::Kernel, Stuck::TooLarge);
    let Some(request) = info.entries_len().and_then(|len| buffer.get_mut(..len)) else { return Err(too_large) };
    info.ask_entries(table, &mut Writer::new(request))?;
    socket.entries(request).map_err(Failed::of("reading the table"))?;
    Ok((info, request.get(ENTRIES_OFFSET..).unwrap_or_default()))
}

/// The match for a set.
#[inline(never)]
fn find_set(socket: &Xtables, set: &str) -> Result<SetMatch, Failed> {
    let ipset = Failed::of("asking ipset for the set");
    let v4 = Xtables::open(Protocol::V4).map_err(Failed::of("raw socket for ipset"))?;
    let mut ask = [0; SetVersion::LEN];
    SetVersion::ask(&mut Writer::new(&mut ask))?;
    v4.set(&mut ask).map_err(&ipset)?;
    let version = SetVersion::parse(&ask)?;
    let mut ask = [0; SetByName::LEN];
    SetByName { version, set }.ask(&mut Writer::new(&mut ask))?;
    v4.set(&mut ask).map_err(&ipset)?;
    let Some(index) = SetByName::parse(&ask)? else { return Err(Failed(Failure::Kernel, Stuck::NoSet)) };
    Ok(SetMatch { index, revision: revision(socket).map_err(Failed::of(MATCH))? })
}

/// The best revision of the match `set` that the kernel has.
///
/// # Errors
/// That of the last that was asked for.
pub fn revision(socket: &Xtables) -> Result<u8, Errno> {
    let mut error = Errno::ENOENT;
    for revision in SetMatch::REVISIONS {
        let mut ask = [0; REVISION_LEN];
        if ask_revision("set", revision, &mut Writer::new(&mut ask)).is_err() {
            continue;
        }
        match socket.match_revision(&mut ask) {
            Ok(()) => return Ok(revision),
            Err(other) => error = other,
        }
    }
    Err(error)
}

/// Whether a table is set up in this network, so that looking at it changes nothing.
pub fn is_set_up(family: Family, table: &str) -> bool {
    names(family, &mut [0; 128]).is_ok_and(|names| names.split(|&b| b == b'\n').any(|name| name == table.as_bytes()))
}

/// The tables that are set up, one a line.
///
/// # Errors
/// open(2) and read(2): `ENOENT` where the kernel has no such tables at all.
pub fn names(family: Family, buffer: &mut [u8]) -> Result<&[u8], Errno> {
    let file = file::open(
        match family {
            Family::V4 => c"/proc/net/ip_tables_names",
            Family::V6 => c"/proc/net/ip6_tables_names",
        },
        OpenFlags::READ_ONLY,
        0,
    )?;
    let len = file::read(file.as_fd(), buffer)?;
    Ok(buffer.get(..len).unwrap_or_default())
}

/// As [`read`], for those who only look.
///
/// # Errors
/// What is in the way.
pub fn look<'b>(family: Family, table: &str, buffers: &'b mut Buffers) -> Result<(Info, &'b [u8]), Stuck> {
    let socket = Xtables::open(protocol(family)).map_err(|error| Stuck::Call(SOCKET, error))?;
    read(&socket, table, &mut buffers.entries).map_err(|Failed(_, stuck)| stuck)
}
