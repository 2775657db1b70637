//! What a filter remembers of running connections, for messages that come in several lines.
//!
//! sshd and dropbear name the peer on one line and the failure on another. Lines of one connection carry the process id
//! of the process that serves it, so a small table maps process ids to what is known: the peer's address, failures
//! without an address that wait for one, and attempts that are failures only if others follow (a public key that the
//! server does not know: clients offer all they have).
//!
//! The table has [`SESSIONS`] places in sets of [`WAYS`]; a new connection takes the place of the one in its set that was
//! quiet for longest. So a lost memory costs at most an attempt that is not counted; it never counts against another
//! address, since a line with an address always counts against that one.
//!
//! Not told apart: processes of different hosts that log into one file with the same process id.

use super::Attempt;
use crate::addr::Addr;
use crate::limits::SESSIONS;

/// Places that a process id can be in.
const WAYS: usize = 4;
const SETS: usize = SESSIONS / WAYS;

static_assertions::const_assert!(SETS.is_power_of_two());

/// One line's part in the story of its connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Part<'a> {
    /// A failed attempt of this peer.
    Failed(Addr),
    /// An attempt of this user that is no failure by itself.
    Tried { peer: Addr, user: &'a [u8] },
    /// A failure of a peer whom the line does not name.
    Nameless,
    /// A failure like [`Part::Nameless`], but only of a connection of which nothing was counted yet: programs that print
    /// it mostly print one with the address, too.
    NamelessIfFirst,
    /// Many attempts failed; those that were only tried count now.
    TooMany,
    /// A new connection's peer.
    Begins(Addr),
    /// The peer of a connection that may have begun earlier.
    Peer(Addr),
    /// The connection ends; `failed` if its end is a failure in this mode.
    Ends { peer: Addr, failed: bool },
    /// The connection ends after too many failures: one more only if they were not counted one by one.
    UsedUp(Addr),
    /// The connection ends with a failure of a peer whom the line does not name.
    EndsNameless,
    /// This user is in. What others tried in this connection counts, the login itself never.
    Accepted(&'a [u8]),
}

#[derive(Clone, Copy)]
struct Session {
    /// 0 is nobody's: no process that logs has it.
    pid: u32,
    /// When the session was last used, in lines.
    used: u32,
    /// [`user_tag`] of the user who tried last.
    user: u32,
    /// All zero if unknown: `::` is nobody's address.
    addr: [u8; 16],
    /// Attempts that were only tried.
    tried: u8,
    /// Failures that wait for an address.
    nameless: u8,
    counted: bool,
}

impl Session {
    const EMPTY: Self = Self { pid: 0, used: 0, user: 0, addr: [0; 16], tried: 0, nameless: 0, counted: false };

    fn addr(&self) -> Option<Addr> {
        (self.addr != [0; 16]).then_some(Addr::v6(self.addr))
    }

    fn fail(&mut self, addr: Addr, count: u8) -> Option<Attempt> {
        self.counted = true;
        Some(Attempt { addr, count: count.into() })
    }
}

/// The memory of one jail's filter. All zero bytes when new.
#[derive(Clone)]
pub struct Sessions {
    sets: [[Session; WAYS]; SETS],
    clock: u32,
}

impl Sessions {
    /// An empty memory.
    #[must_use]
    pub const fn new() -> Self {
        Self { sets: [[Session::EMPTY; WAYS]; SETS], clock: 0 }
    }

    /// Forgets all connections. What was never used is not touched, so that it costs no memory.
    pub fn clear(&mut self) {
        for session in self.sets.iter_mut().flatten().filter(|session| session.pid != 0) {
            *session = Session::EMPTY;
        }
    }

    fn set(&mut self, pid: u32) -> Option<&mut [Session; WAYS]> {
        let index = usize::try_from(pid).ok()? & (SETS - 1);
        self.sets.get_mut(index)
    }

    /// The session of `pid`, a new one if there is none.
    fn session(&mut self, pid: u32) -> Option<&mut Session> {
        self.clock = self.clock.wrapping_add(1);
        let clock = self.clock;
        let set = self.set(pid)?;
        let place = match set.iter().position(|session| session.pid == pid) {
            Some(place) => place,
            None => {
                let free =
                    |session: &Session| if session.pid == 0 { u32::MAX } else { clock.wrapping_sub(session.used) };
                let (place, _) = set.iter().enumerate().max_by_key(|(_, session)| free(session))?;
                *set.get_mut(place)? = Session { pid, ..Session::EMPTY };
                place
            }
        };
        let session = set.get_mut(place)?;
        session.used = clock;
        Some(session)
    }

    /// The peer of a connection that is remembered.
    pub(super) fn peer(&mut self, pid: Option<u32>) -> Option<Addr> {
        let pid = pid.filter(|pid| *pid != 0)?;
        self.set(pid)?.iter().find(|session| session.pid == pid)?.addr()
    }

    fn forget(&mut self, pid: u32) {
        if let Some(set) = self.set(pid)
            && let Some(session) = set.iter_mut().find(|session| session.pid == pid)
        {
            *session = Session::EMPTY;
        }
    }

    /// Takes a line's part into account and says which attempts it proves.
    pub(super) fn take(&mut self, pid: Option<u32>, part: Part<'_>) -> Option<Attempt> {
        let Some(pid) = pid.filter(|pid| *pid != 0) else {
            // Without a process id there is nothing to remember it by.
            return match part {
                Part::Failed(addr) | Part::UsedUp(addr) | Part::Ends { peer: addr, failed: true } => {
                    Some(Attempt { addr, count: 1 })
                }
                _ => None,
            };
        };
        if let Part::Begins(peer) = part {
            self.forget(pid);
            self.session(pid)?.addr = peer.octets();
            return None;
        }
        let session = self.session(pid)?;
        let attempt = match part {
            Part::Failed(peer) => {
                session.addr = peer.octets();
                session.tried = 0;
                let waiting = core::mem::take(&mut session.nameless);
                session.fail(peer, waiting.saturating_add(1))
            }
            Part::Tried { peer, user } => {
                session.addr = peer.octets();
                let tag = user_tag(user);
                let others = if session.user == tag { 0 } else { core::mem::take(&mut session.tried) };
                session.user = tag;
                if others == 0 {
                    session.tried = session.tried.saturating_add(1);
                    None
                } else {
                    // A second user in one connection: somebody is guessing.
                    session.fail(peer, others.saturating_add(1))
                }
            }
            Part::NamelessIfFirst if session.counted || session.addr().is_some() => None,
            Part::Nameless | Part::NamelessIfFirst | Part::TooMany | Part::EndsNameless => match session.addr() {
                Some(peer) => {
                    let tried = core::mem::take(&mut session.tried);
                    session.fail(peer, if part == Part::TooMany { tried.saturating_add(1) } else { 1 })
                }
                None => {
                    session.nameless = 1;
                    None
                }
            },
            Part::Begins(peer) | Part::Peer(peer) => {
                session.addr = peer.octets();
                None
            }
            Part::Ends { peer, failed } => match session.nameless.saturating_add(failed.into()) {
                0 => None,
                count => session.fail(peer, count),
            },
            Part::UsedUp(_) if session.counted => None,
            Part::UsedUp(peer) => session.fail(peer, 1),
            Part::Accepted(user) => match (session.addr(), session.tried) {
                (Some(peer), tried @ 1..) if session.user != user_tag(user) => session.fail(peer, tried),
                _ => None,
            },
        };
        if matches!(part, Part::Ends { .. } | Part::UsedUp(_) | Part::Accepted(_))
            || (part == Part::EndsNameless && attempt.is_some())
        {
            self.forget(pid);
        }
        attempt
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let used = self.sets.iter().flatten().filter(|session| session.pid != 0).count();
        f.debug_struct("Sessions").field("used", &used).finish_non_exhaustive()
    }
}

/// Tells user names apart (FNV-1a). Who finds two that collide gains that his own second name counts as his first.
fn user_tag(user: &[u8]) -> u32 {
    user.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4(n: u8) -> Addr {
        Addr::v4([192, 0, 2, n])
    }

    fn count(attempt: Option<Attempt>) -> Option<(Addr, u16)> {
        attempt.map(|attempt| (attempt.addr, attempt.count))
    }

    #[test]
    fn a_failure_without_an_address_waits_for_one() {
        let mut sessions = Sessions::new();
        assert_eq!(sessions.take(Some(7), Part::Nameless), None);
        assert_eq!(count(sessions.take(Some(7), Part::Ends { peer: v4(1), failed: false })), Some((v4(1), 1)));
        assert_eq!(sessions.take(Some(7), Part::Ends { peer: v4(1), failed: false }), None, "it is forgotten");
        assert_eq!(sessions.take(Some(8), Part::Begins(v4(2))), None);
        assert_eq!(count(sessions.take(Some(8), Part::Nameless)), Some((v4(2), 1)));
        assert_eq!(sessions.take(None, Part::Nameless), None);
    }

    #[test]
    fn keys_that_were_only_tried_count_when_there_were_too_many() {
        let mut sessions = Sessions::new();
        let tried = Part::Tried { peer: v4(1), user: b"git" };
        assert_eq!(sessions.take(Some(7), tried), None);
        assert_eq!(sessions.take(Some(7), tried), None);
        assert_eq!(count(sessions.take(Some(7), Part::TooMany)), Some((v4(1), 3)));
        assert_eq!(sessions.take(Some(9), tried), None);
        assert_eq!(sessions.take(Some(9), Part::Accepted(b"git")), None, "it was the next key");
        assert_eq!(sessions.take(Some(9), Part::TooMany), None, "and its session is forgotten");
    }

    #[test]
    fn a_connection_that_was_used_up_counts_once() {
        let mut sessions = Sessions::new();
        assert_eq!(count(sessions.take(Some(7), Part::UsedUp(v4(1)))), Some((v4(1), 1)));
        assert_eq!(count(sessions.take(Some(7), Part::Failed(v4(1)))), Some((v4(1), 1)));
        assert_eq!(sessions.take(Some(7), Part::UsedUp(v4(1))), None, "its failure was counted");
    }

    #[test]
    fn what_others_tried_before_a_login_counts_and_the_login_does_not() {
        let mut sessions = Sessions::new();
        for _ in 0..2 {
            assert_eq!(sessions.take(Some(7), Part::Tried { peer: v4(1), user: b"root" }), None);
        }
        assert_eq!(count(sessions.take(Some(7), Part::Accepted(b"known"))), Some((v4(1), 2)));
        assert_eq!(sessions.take(Some(8), Part::Accepted(b"known")), None);
        assert_eq!(sessions.take(Some(9), Part::Tried { peer: v4(1), user: b"root" }), None);
        assert_eq!(count(sessions.take(Some(9), Part::Tried { peer: v4(1), user: b"admin" })), Some((v4(1), 2)));
    }

    #[test]
    fn at_capacity_the_quietest_connection_is_forgotten() {
        let mut sessions = Sessions::new();
        let pid = |n: usize| Some(u32::try_from(1 + n * SETS).unwrap());
        for n in 0..WAYS {
            sessions.take(pid(n), Part::Peer(v4(1)));
        }
        sessions.take(pid(0), Part::Peer(v4(1)));
        sessions.take(pid(WAYS), Part::Peer(v4(2)));
        assert_eq!(sessions.peer(pid(0)), Some(v4(1)));
        assert_eq!(sessions.peer(pid(1)), None, "it was quiet for longest");
        assert_eq!(sessions.peer(pid(WAYS)), Some(v4(2)));
    }
}
