//! The messages of ipset (`NFNL_SUBSYS_IPSET`), one struct each, and its answers.
//!
//! There are no batches: each message is one command, applied and answered by itself (`net/netfilter/ipset/ip_set_core.c`).
//! Every message carries the protocol's version, which [`kernel::GetProtocol`] asks for. The family in the netfilter
//! header means nothing to ipset; `ipset` writes `NFPROTO_IPV4`, and so do we.
//!
//! Not supported: types other than `hash:ip` and `hash:net`, extensions other than timeouts, renaming and swapping,
//! and listing all sets at once.

pub mod answer;
pub mod elem;
pub mod kernel;
pub mod list;
pub mod set;

use super::buf::{Full, Writer};
use super::nfnl::Generic;
use super::nl::{Header, Tag};
use super::uapi::ip_set::{IPSET_ATTR_PROTOCOL, IPSET_ATTR_SETNAME};
use super::uapi::netfilter::{NFPROTO_IPV4, NFPROTO_IPV6};
use super::uapi::netlink::{NLA_F_NET_BYTEORDER, NLM_F_REQUEST};
use super::uapi::nfnetlink::NFNL_SUBSYS_IPSET;
use crate::addr::Family;

/// Which kind of elements a set has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SetType {
    /// `hash:ip`: single addresses.
    HashIp,
    /// `hash:net`: prefixes.
    HashNet,
}

impl SetType {
    /// The kernel's name of it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::HashIp => "hash:ip",
            Self::HashNet => "hash:net",
        }
    }
}

/// The kernel's number of a family.
const fn number(family: Family) -> u8 {
    match family {
        Family::V4 => NFPROTO_IPV4,
        Family::V6 => NFPROTO_IPV6,
    }
}

/// The family of the kernel's number.
const fn family(number: u8) -> Option<Family> {
    match number {
        NFPROTO_IPV4 => Some(Family::V4),
        NFPROTO_IPV6 => Some(Family::V6),
        _ => None,
    }
}

/// The type of a message of ipset: the subsystem in the high byte.
#[must_use]
pub const fn kind(command: u8) -> u16 {
    u16::from_be_bytes([NFNL_SUBSYS_IPSET.to_be_bytes()[1], command])
}

/// Writes a request: `flags` besides `NLM_F_REQUEST` and the tag's, and the protocol's version before `body`. Not generic:
/// one copy in the program serves all messages.
fn request(
    w: &mut Writer<'_>,
    protocol: u8,
    command: u8,
    flags: u16,
    tag: Tag,
    body: &dyn Fn(&mut Writer<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    Header { kind: kind(command), flags: NLM_F_REQUEST | flags | tag.flags(), seq: tag.seq, pid: 0 }.emit(w, |w| {
        Generic { family: NFPROTO_IPV4, res_id: 0 }.emit(w)?;
        w.attr(IPSET_ATTR_PROTOCOL, &[protocol])?;
        body(w)
    })
}

/// Writes a number of 32 bits as the kernel wants it here.
fn attr_net32(w: &mut Writer<'_>, kind: u16, value: u32) -> Result<(), Full> {
    w.attr_be32(kind | NLA_F_NET_BYTEORDER, value)
}

/// Writes a set's name.
fn attr_name(w: &mut Writer<'_>, name: &str) -> Result<(), Full> {
    w.attr_str(IPSET_ATTR_SETNAME, name)
}
