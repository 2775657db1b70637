//! Does what requests ask, and knows when that is done.

use super::response::{Hindrance, ReloadNumbers};
use super::{Parts, Refusal, Request, Response, parts};
use crate::addr::{Addr, Prefix};
use crate::ban::{MANUAL, State, Wanted};
use crate::config::Key;
use crate::config::model::BanTime;
use crate::engine::{Engine, NotBanned};
use crate::event::Event;
use crate::time::{Duration, Instant};
use crate::wire::reply::NetlinkError;

/// How long an answer waits for the kernel, which answers within a millisecond unless something is wrong: more than some
/// tries of the engine, and less than a person's patience.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What becomes of a request.
#[derive(Debug)]
pub enum Step {
    /// This is the answer.
    Answer(Response<'static>),
    /// The answer comes with [`Wait::poll`].
    Wait(Wait),
    /// The answer is in these parts.
    Parts(Parts),
    /// The caller shall change a setting, which the request names. The answer is [`Refusal::NotSet`], or comes with
    /// [`Wait::for_set`].
    Set,
    /// The daemon shall end.
    Stop,
    /// The daemon shall read its configuration anew. The answer is [`Refusal::NotReloaded`], or comes with
    /// [`Wait::for_reload`].
    Reload,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Ban { addr: Addr, already: bool },
    Unban(Addr),
    BanPrefix { prefix: Prefix, already: bool },
    UnbanPrefix(Prefix),
    UnbanAll { count: u32 },
    Reload(ReloadNumbers),
    Set { lifted: u32 },
}

/// An answer that waits for the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Wait {
    what: What,
    deadline: Instant,
    /// Bans that were still to be lifted when last looked at, where all are waited for.
    left: u32,
    /// The kernel's last refusal of anything.
    error: Option<NetlinkError>,
    /// It was of this and nothing else.
    refused: bool,
}

impl Wait {
    const fn new(what: What, deadline: Instant) -> Self {
        Self { what, deadline, left: u32::MAX, error: None, refused: false }
    }

    /// A wait for the end of an address's ban.
    #[must_use]
    pub fn for_unban(addr: Addr, now: Instant) -> Self {
        Self::new(What::Unban(addr), now + PATIENCE)
    }

    /// A wait until what a reload changed is so in the kernel.
    #[must_use]
    pub fn for_reload(numbers: ReloadNumbers, now: Instant) -> Self {
        Self::new(What::Reload(numbers), now + PATIENCE)
    }

    /// A wait until what a setting changed is so in the kernel.
    #[must_use]
    pub fn for_set(lifted: u32, now: Instant) -> Self {
        Self::new(What::Set { lifted }, now + PATIENCE)
    }

    /// When it ends in any case.
    #[must_use]
    pub const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Takes note of what happened. `waiting` are the bans and unbans that wait to be sent ([`Engine::waiting`]).
    pub fn observe(&mut self, event: &Event, waiting: u32) {
        match *event {
            Event::BatchRefused { error, entries } => {
                self.error = Some(error);
                // What was refused waits again: if it was one entry and one waits, that is ours.
                self.refused |= entries == 1 && waiting == 1;
            }
            Event::ScaffoldRefused { error, .. } => self.error = Some(error),
            _ => {}
        }
    }

    /// The answer, once it is known.
    pub fn poll<const T: usize, const TI: usize, const B: usize, const BI: usize>(
        &mut self,
        engine: &Engine<'_, T, TI, B, BI>,
        now: Instant,
    ) -> Option<Response<'static>> {
        let bans = engine.bans();
        let leaving = bans.leaving();
        match self.what {
            What::Ban { addr, already } => match bans.find(addr) {
                None => return Some(Response::Refused(Refusal::Ended)),
                Some(ban) => match ban.state() {
                    State::Installed => {
                        let left = ban.until.map(|until| until.since(now));
                        return Some(Response::Banned { addr, left, already });
                    }
                    State::Releasing | State::ReleasingInFlight => return Some(Response::Refused(Refusal::Ended)),
                    State::Wanted | State::InFlight => {}
                },
            },
            What::Unban(addr) => match bans.find(addr).map(|ban| ban.state()) {
                None => return Some(Response::Unbanned { count: 1 }),
                Some(State::Releasing | State::ReleasingInFlight) => {}
                Some(_) => return Some(Response::Refused(Refusal::BannedAgain)),
            },
            What::BanPrefix { prefix, already } => {
                match bans.prefixes().find(&prefix).map(|ban| (ban.state(), ban.until)) {
                    Some((State::Installed, until)) => {
                        let left = until.map(|until| until.since(now));
                        return Some(Response::BannedPrefix { prefix, left, already });
                    }
                    Some((State::Wanted | State::InFlight, _)) => {}
                    _ => return Some(Response::Refused(Refusal::Ended)),
                }
            }
            What::UnbanPrefix(prefix) => match bans.prefixes().find(&prefix).map(|ban| ban.state()) {
                None => return Some(Response::Unbanned { count: 1 }),
                Some(State::Releasing | State::ReleasingInFlight) => {}
                Some(_) => return Some(Response::Refused(Refusal::BannedAgain)),
            },
            What::UnbanAll { count } if leaving == 0 => return Some(Response::Unbanned { count: count.into() }),
            What::Reload(numbers) if leaving == 0 && !engine.is_changing() && engine.is_ready() => {
                return Some(Response::Reloaded { numbers });
            }
            What::Set { lifted } if leaving == 0 => return Some(Response::Set { lifted: lifted.into() }),
            What::UnbanAll { .. } | What::Reload(_) | What::Set { .. } => {
                if leaving < self.left {
                    self.left = leaving;
                    self.deadline = now + PATIENCE;
                }
            }
        }
        if self.refused || self.deadline <= now {
            return Some(Response::Refused(self.error.map_or(Refusal::Late, Refusal::Kernel)));
        }
        None
    }
}

/// Does what `request` asks; `bantime` is that of `[defaults]`.
#[inline(never)] // smaller
pub fn begin<const T: usize, const TI: usize, const B: usize, const BI: usize>(
    request: &Request<'_>,
    bantime: BanTime,
    engine: &mut Engine<'_, T, TI, B, BI>,
    now: Instant,
) -> Step {
    let refused = |refusal| Step::Answer(Response::Refused(refusal));
    let widths = engine.layout().widths;
    // In whose name, and until when.
    let terms = |jail: &str, time: Option<BanTime>| {
        let (number, usual) = match jail {
            "" => (MANUAL, bantime),
            _ => {
                let (number, jail) = (0..).zip(engine.jails()).find(|(_, known)| known.name == jail)?;
                (number, jail.bantime)
            }
        };
        Some(match time.unwrap_or(usual) {
            BanTime::For(span) => (number, Some(now + span)),
            BanTime::Permanent => (number, None),
        })
    };
    // The length that all bans have is that of an address's.
    let usual = |prefix: &Prefix| prefix.length() == widths.of(prefix.family());
    let request = match *request {
        Request::BanPrefix { prefix, time, jail, force } if usual(&prefix) => {
            Request::Ban { addr: prefix.base(), time, jail, force }
        }
        Request::UnbanPrefix(prefix) if usual(&prefix) => Request::Unban(prefix.base()),
        request => request,
    };
    match request {
        Request::BanPrefix { prefix, time, jail, force } => {
            let Some((number, until)) = terms(jail, time) else { return refused(Refusal::NoSuchJail) };
            let hindered = |by, how| Step::Answer(Response::Hindered { by, how });
            match engine.ban_prefix(prefix, number, until, force) {
                Ok(already) => {
                    let what = What::BanPrefix { prefix: already.unwrap_or(prefix), already: already.is_some() };
                    Step::Wait(Wait::new(what, now + PATIENCE))
                }
                Err(NotBanned::Protected(why, which)) => hindered(which, Hindrance::Protected(why)),
                Err(NotBanned::Longer(than)) => hindered(than, Hindrance::Longer),
                Err(NotBanned::Full) => refused(Refusal::PrefixesFull),
                Err(NotBanned::Unsupported) => refused(Refusal::NoPrefixes),
            }
        }
        Request::UnbanPrefix(prefix) => match engine.unban_prefix(&prefix) {
            true => Step::Wait(Wait::new(What::UnbanPrefix(prefix), now + PATIENCE)),
            false => refused(Refusal::NotBanned),
        },
        Request::Ban { addr, time, jail, force } => {
            let Some((number, until)) = terms(jail, time) else { return refused(Refusal::NoSuchJail) };
            let addr = widths.network(addr);
            match engine.ban(addr, number, until, force, now) {
                Err(_) => refused(Refusal::Protected),
                Ok(Wanted::Full) => refused(Refusal::Full),
                Ok(wanted) => {
                    let what = What::Ban { addr, already: wanted == Wanted::Already };
                    Step::Wait(Wait::new(what, now + PATIENCE))
                }
            }
        }
        Request::Unban(addr) if engine.unban(addr) => Step::Wait(Wait::for_unban(widths.network(addr), now)),
        Request::Unban(addr) => match engine.bans().prefixes().holding(addr) {
            Some(by) => Step::Answer(Response::Hindered { by, how: Hindrance::Covers }),
            None => refused(Refusal::NotBanned),
        },
        Request::UnbanAll => {
            let count = engine.unban_all();
            Step::Wait(Wait::new(What::UnbanAll { count }, now + PATIENCE))
        }
        Request::Status => Step::Parts(Parts::Status(0)),
        Request::Jail(name) | Request::Bans(name) => match parts::jail_named(name, engine) {
            Some(jail) if matches!(request, Request::Jail(_)) => Step::Parts(Parts::Jail(jail)),
            Some(jail) => Step::Parts(Parts::Bans { jail, place: 0 }),
            None => refused(Refusal::NoSuchJail),
        },
        Request::Get { jail, key } => {
            let number = (0..).zip(engine.jails()).find(|(_, known)| known.name == jail).map(|(number, _)| number);
            match (number, Key::of_jail().position(|known| known.name() == key)) {
                (None, _) => refused(Refusal::NoSuchJail),
                (_, None) => refused(Refusal::NoSuchKey),
                (Some(jail), Some(key)) => Step::Parts(Parts::Settings { jail, key, n: 0, all: false }),
            }
        }
        Request::Set { jail, .. } => match engine.jails().iter().any(|known| known.name == jail) {
            true => Step::Set,
            false => refused(Refusal::NoSuchJail),
        },
        Request::Stop => Step::Stop,
        Request::Reload => Step::Reload,
    }
}
