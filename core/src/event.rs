//! What an observer of the engine may see: small copies that say what happened, never how it is stored.

use crate::addr::{Addr, Prefix};
use crate::own::Why;
use crate::time::{Duration, Instant};
use crate::wire::nft::generation::Culprit;
use crate::wire::nft::scaffold::Part;
use crate::wire::reply::NetlinkError;
use heapless::Deque;

/// Something that the operator may want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The kernel holds the table, the sets, the chain and the rules; of ipset, the sets.
    Ready,
    /// The kernel confirmed a ban.
    Banned {
        /// Who.
        addr: Addr,
        /// By which jail (its number in the engine).
        jail: u8,
        /// Until when; `None` is permanent.
        until: Option<Instant>,
    },
    /// A ban ended; the kernel lets the address in again.
    Unbanned {
        /// Who.
        addr: Addr,
        /// Whether its time was over (else somebody lifted it).
        expired: bool,
    },
    /// The kernel confirmed the ban of a prefix.
    PrefixBanned {
        /// Which.
        prefix: Prefix,
        /// In the name of which jail.
        jail: u8,
        /// Until when; `None` is permanent.
        until: Option<Instant>,
    },
    /// The ban of a prefix ended.
    PrefixUnbanned {
        /// Which.
        prefix: Prefix,
        /// Whether its time was over (else somebody lifted it, or banned a larger one).
        expired: bool,
    },
    /// The kernel refused the scaffold.
    ScaffoldRefused {
        /// What it answered.
        error: NetlinkError,
        /// Which part of the batch it refused; `None` is the batch as a whole.
        part: Option<Part>,
    },
    /// The kernel refused a step of making ipset's sets.
    SetRefused {
        /// What it answered.
        error: NetlinkError,
        /// The step's number, see `firewall::ipset::step_name`.
        step: u32,
    },
    /// A table of our name exists that edgeban did not make: it is not touched.
    ForeignTable,
    /// The kernel cannot protect the table from others (Linux 6.9 can); it is installed without.
    Unprotected {
        /// What it answered.
        error: NetlinkError,
    },
    /// Somebody else changed our table; what is missing is put back at once.
    Disturbed {
        /// Who.
        by: Culprit,
        /// Something has to be put back. Else bans were added.
        mends: bool,
        /// The elements are gone, with their set or with the table.
        lost: bool,
    },
    /// What somebody else changed is as it should be again.
    Restored {
        /// Bans that the kernel holds now.
        bans: u32,
        /// Time since the change was seen.
        took: Duration,
        /// Whose change it was.
        by: Culprit,
    },
    /// The kernel refused a batch; its bans are retried: of nf_tables in smaller batches, of ipset without what was
    /// applied, and the refused one last.
    BatchRefused {
        /// What it answered.
        error: NetlinkError,
        /// Bans and unbans in the batch that were not applied.
        entries: u32,
    },
    /// The kernel's answer to a batch did not come or was lost; its bans are sent again.
    AnswerLost {
        /// Bans and unbans in the batch.
        entries: u32,
    },
    /// A ban was decided that nothing makes: the backend is log-only.
    WouldBan {
        /// Who.
        addr: Addr,
        /// By which jail.
        jail: u8,
        /// Until when; `None` is permanent.
        until: Option<Instant>,
    },
    /// A ban was not taken because the chain of legacy iptables has `limits::XT_RULES` rules; retried at the address's next
    /// attempt.
    RulesFull {
        /// Who is not banned.
        addr: Addr,
    },
    /// Our table, or one of our sets of ipset, is gone from the kernel: it is installed anew and every ban sent again.
    TableLost,
    /// A ban was not taken because `limits::BANS` addresses are banned; retried at the address's next attempt.
    BanTableFull {
        /// Who is not banned.
        addr: Addr,
    },
    /// A ban was taken out before it was sent, or is being lifted: its address is protected.
    Protected {
        /// Who is not banned.
        addr: Addr,
        /// What protects it.
        why: Why,
    },
    /// This machine has more than `limits::OWN` addresses and gateways: the rest is not protected.
    OwnFull,
    /// A ban's time was over before the kernel took it, or it is of an address that the kernel never takes.
    NeverInstalled {
        /// Who was never banned.
        addr: Addr,
    },
}

impl Event {
    /// Whether another backend would not mend it: the right to change the firewall is missing, or the table of our name is
    /// somebody else's.
    #[must_use]
    pub fn is_for_the_operator(&self) -> bool {
        match self {
            Self::ForeignTable => true,
            Self::ScaffoldRefused { error, .. } => *error == NetlinkError::EPERM,
            _ => false,
        }
    }
}

/// Events that may wait for their observer: those of one batch (`firewall::nft::BATCH`) and as many again.
pub const QUEUE: usize = 1024;

/// Events on their way to the observer. A slow observer loses the newest and sees how many; it never holds up a ban.
pub struct Events {
    queue: Deque<Event, QUEUE>,
    dropped: u64,
}

impl Events {
    /// No events.
    #[must_use]
    pub const fn new() -> Self {
        Self { queue: Deque::new(), dropped: 0 }
    }

    /// Adds an event, or counts it as dropped.
    pub fn push(&mut self, event: Event) {
        if self.queue.push_back(event).is_err() {
            self.dropped += 1;
        }
    }

    /// The oldest event.
    pub fn pop(&mut self) -> Option<Event> {
        self.queue.pop_front()
    }

    /// Whether the next event would be dropped.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.queue.is_full()
    }

    /// Events dropped since the start.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

impl Default for Events {
    fn default() -> Self {
        Self::new()
    }
}
