//! What happened since the last writing.

use crate::addr::Addr;
use heapless::Deque;

/// Bans that may wait to be written: those of a busy `state_sync`. More are written with everything else.
pub const CHANGES: usize = 1024;

/// What happened since the last writing.
pub struct Changes {
    queue: Deque<(Addr, u8), CHANGES>,
    /// More happened than the queue holds, or something that only a snapshot can tell.
    renew: bool,
    /// Something was lifted: until that is written, a restart would bring it back.
    lifted: bool,
}

impl Changes {
    /// Nothing happened.
    #[must_use]
    pub const fn new() -> Self {
        Self { queue: Deque::new(), renew: false, lifted: false }
    }

    /// This jail banned this address, or somebody by hand, or it was found banned.
    pub fn banned(&mut self, addr: Addr, jail: u8) {
        // One that happened twice in a row is written once.
        if self.queue.back() != Some(&(addr, jail)) {
            self.renew |= self.queue.push_back((addr, jail)).is_err();
        }
    }

    /// Something was lifted.
    pub fn lifted(&mut self) {
        self.renew = true;
        self.lifted = true;
    }

    /// Something changed that is not in the queue.
    pub fn renew(&mut self) {
        self.renew = true;
    }

    /// Whether nothing happened.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.renew && self.queue.is_empty()
    }

    /// Whether all has to be written anew.
    #[must_use]
    pub const fn wants_renewal(&self) -> bool {
        self.renew
    }

    /// Whether something was lifted.
    #[must_use]
    pub const fn has_lifted(&self) -> bool {
        self.lifted
    }

    /// A snapshot begins: it has all that happened before.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// Takes what happened first.
    pub fn pop(&mut self) -> Option<(Addr, u8)> {
        self.queue.pop_front()
    }
}

impl Default for Changes {
    fn default() -> Self {
        Self::new()
    }
}
