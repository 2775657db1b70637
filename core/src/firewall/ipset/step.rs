//! What the dialogue's messages are for, and their order at the start.

use crate::addr::Family;

/// What a message is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Step {
    Protocol,
    Type,
    Create(Family),
    Check(Family),
    Add(Family),
    Del(Family),
    Renew(Family),
    /// Does the set have as many elements as it should?
    Count(Family),
    /// Which does it have?
    List(Family),
    Destroy(Family),
    Flush(Family),
}

impl Step {
    /// Whose set it is about; what is about none is asked for IPv4.
    pub(super) const fn family(self) -> Family {
        match self {
            Self::Protocol | Self::Type => Family::V4,
            Self::Create(family)
            | Self::Check(family)
            | Self::Add(family)
            | Self::Del(family)
            | Self::Renew(family)
            | Self::Count(family)
            | Self::List(family)
            | Self::Destroy(family)
            | Self::Flush(family) => family,
        }
    }
}

/// The steps to the sets in their order; their places here are the numbers in [`ScaffoldRefused`](crate::event::Event::ScaffoldRefused).
pub(super) const SCAFFOLD: [(Step, &str); 6] = [
    (Step::Protocol, "asking for the protocol"),
    (Step::Type, "asking for the type hash:ip"),
    (Step::Create(Family::V4), "creating the IPv4 set"),
    (Step::Check(Family::V4), "checking the IPv4 set"),
    (Step::Create(Family::V6), "creating the IPv6 set"),
    (Step::Check(Family::V6), "checking the IPv6 set"),
];

/// Of them, the first that makes a set.
pub(super) const CREATE: usize = 2;

/// What the kernel refused, by the number in [`ScaffoldRefused`](crate::event::Event::ScaffoldRefused).
#[must_use]
pub fn step_name(message: u32) -> &'static str {
    usize::try_from(message).ok().and_then(|n| SCAFFOLD.get(n)).map_or("", |(_, name)| name)
}
