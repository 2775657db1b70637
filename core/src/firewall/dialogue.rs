//! What the dialogues with the kernel have in common: how long they wait, what they remember of its words, and what is
//! said of a ban that it took.

use crate::addr::Addr;
use crate::ban::{Ban, State};
use crate::event::{Event, Events};
use crate::time::{Duration, Instant};
use heapless::String;

/// Wait after a first failure that asking otherwise cannot mend.
pub const BACKOFF_MIN: Duration = Duration::from_millis(100);

/// Longest wait between two tries.
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);

/// The kernel answers while `sendto` runs; past this, the answer was lost.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// When to try again: after waits that double from [`BACKOFF_MIN`] to [`BACKOFF_MAX`].
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    wait: Duration,
    at: Instant,
}

impl Backoff {
    /// Nothing has failed.
    #[must_use]
    pub const fn new() -> Self {
        Self { wait: BACKOFF_MIN, at: Instant::ZERO }
    }

    /// When the next try is due.
    #[must_use]
    pub const fn at(&self) -> Instant {
        self.at
    }

    /// A try failed: the next waits, the one after that longer.
    pub fn failed(&mut self, now: Instant) {
        self.at = now + self.wait;
        self.wait = self.wait.doubled().min(BACKOFF_MAX);
    }

    /// What stood is gone: made again at once the first time, but not in a circle with somebody who keeps deleting it.
    pub fn lost(&mut self, now: Instant) {
        if self.wait > BACKOFF_MIN {
            self.at = now + self.wait;
        }
        self.wait = self.wait.doubled().min(BACKOFF_MAX);
    }

    /// A try succeeded: the next failure waits for [`BACKOFF_MIN`].
    pub const fn succeeded(&mut self) {
        self.wait = BACKOFF_MIN;
    }

    /// The next try is due at once, unless the tries before it failed.
    pub fn hurry_if_first(&mut self) {
        if self.wait <= BACKOFF_MIN {
            self.hurry();
        }
    }

    /// The next try is due at once.
    pub const fn hurry(&mut self) {
        self.at = Instant::ZERO;
    }
}

impl Default for Backoff {
    fn default() -> Self {
        Self::new()
    }
}

/// The kernel's own words about its last refusal.
pub type KernelText = String<96>;

/// Keeps the kernel's words, without control characters and as far as they fit.
pub fn keep(text: &mut KernelText, words: Option<&[u8]>) {
    text.clear();
    let words = words.and_then(|words| core::str::from_utf8(words).ok()).unwrap_or("");
    for c in words.chars().filter(|c| !c.is_control()) {
        if text.push(c).is_err() {
            break;
        }
    }
}

/// Says that the kernel took a ban, or its lifting: `ban` as it was in flight. What was told before is not told again.
pub fn announce(events: &mut Events, addr: Addr, ban: &Ban) {
    match ban.state() {
        State::ReleasingInFlight => events.push(Event::Unbanned { addr, expired: ban.is_over() }),
        _ if ban.is_announced() => {}
        _ => events.push(Event::Banned { addr, jail: ban.jail, until: ban.until }),
    }
}
