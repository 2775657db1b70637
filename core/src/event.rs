//! What an observer of the engine may see: small copies that say what happened, never how it is stored.

use crate::addr::Addr;
use crate::time::Instant;
use crate::wire::reply::NetlinkError;

/// Something that the operator may want to know.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The kernel holds the table, the sets, the chain and the rules.
    Ready,
    /// The kernel confirmed a ban.
    Banned {
        /// Who.
        addr: Addr,
        /// By which jail (its number in the configuration).
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
    /// The kernel refused the scaffold.
    ScaffoldRefused {
        /// What it answered.
        error: NetlinkError,
        /// Which message of the batch it refused, counted from 0 for its begin; see `wire::nft::scaffold`.
        message: u32,
    },
    /// The kernel refused a batch; its bans are retried, in smaller batches.
    BatchRefused {
        /// What it answered.
        error: NetlinkError,
        /// Bans and unbans in the batch.
        entries: u32,
    },
    /// The kernel's answer to a batch did not come or was lost; its bans are sent again.
    AnswerLost {
        /// Bans and unbans in the batch.
        entries: u32,
    },
    /// Our table is gone from the kernel: it is installed anew and every ban sent again.
    TableLost,
    /// A ban was not taken because `limits::BANS` addresses are banned; retried at the address's next attempt.
    BanTableFull {
        /// Who is not banned.
        addr: Addr,
    },
    /// A ban's time was over before the kernel took it.
    NeverInstalled {
        /// Who was never banned.
        addr: Addr,
    },
}
