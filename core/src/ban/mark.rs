//! What is noted of a ban besides its state, a bit each.

/// A set of notes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Marks(u16);

impl Marks {
    pub const NONE: Self = Self(0);
    /// The kernel holds the address, or may: a batch with it was committed, or its answer was lost.
    pub const HELD: Self = Self(1);
    /// It may hold it with another end.
    pub const REPLACES: Self = Self(2);
    /// Somebody else took it out of the kernel while it was in flight.
    pub const DOUBTED: Self = Self(4);
    /// Found in the kernel and not looked at yet by whoever decides whether it stays.
    pub const FOREIGN: Self = Self(8);
    /// Seen in the audit that is under way.
    pub const SEEN: Self = Self(16);
    /// The operator wants it although the address is protected.
    pub const FORCED: Self = Self(32);
    /// It passed [`super::Bans::gate`] since it is wanted.
    pub const GATED: Self = Self(64);
    /// Its time is over, and it is being lifted for that.
    pub const OVER: Self = Self(256);
    /// That the kernel holds it was told, with this end: not again when it comes back after a loss.
    pub const ANNOUNCED: Self = Self(128);

    /// Made before this run, and not sent in it: the kernel may hold it as it is.
    pub const RESTORED: Self = Self(512);

    pub const fn has(self, mark: Self) -> bool {
        self.0 & mark.0 != 0
    }

    pub const fn set(&mut self, mark: Self, on: bool) {
        if on { self.0 |= mark.0 } else { self.0 &= !mark.0 }
    }

    pub const fn with(self, mark: Self, on: bool) -> Self {
        let mut marks = self;
        marks.set(mark, on);
        marks
    }
}
