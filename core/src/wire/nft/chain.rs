//! `NFT_MSG_NEWCHAIN` and `NFT_MSG_DELCHAIN`: a base chain, which the kernel calls at a hook.

use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::request;
use crate::wire::nl::Tag;
use crate::wire::uapi::netfilter::{
    NF_ACCEPT, NF_INET_FORWARD, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING, NF_IP_PRI_FILTER,
};
use crate::wire::uapi::netlink::NLM_F_CREATE;
use crate::wire::uapi::nf_tables::{
    NFT_MSG_DELCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY, NFTA_CHAIN_TABLE,
    NFTA_CHAIN_TYPE, NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY,
};

/// Where in a packet's way a chain is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hook {
    /// `prerouting`: every packet that comes in, for this machine or to be forwarded.
    Prerouting,
    /// `input`: packets for this machine.
    #[default]
    Input,
    /// `forward`: packets for others.
    Forward,
}

impl Hook {
    /// The kernel's number (`NF_INET_*`).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Prerouting => NF_INET_PRE_ROUTING,
            Self::Input => NF_INET_LOCAL_IN,
            Self::Forward => NF_INET_FORWARD,
        }
    }
}

/// Priority `filter`: after connection tracking and NAT, with most firewalls' own chains.
pub const FILTER: i32 = NF_IP_PRI_FILTER;

/// Creates a base chain of type `filter` and policy `accept`. One that exists stays as it is; if its hook or priority
/// differ, the kernel answers EOPNOTSUPP (EEXIST on older ones).
///
/// `nft add chain inet TABLE NAME { type filter hook HOOK priority N; policy accept; }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewChain<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Where it is called.
    pub hook: Hook,
    /// Lower is earlier.
    pub priority: i32,
}

impl NewChain<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_NEWCHAIN, NLM_F_CREATE, tag, &|w| {
            w.attr_str(NFTA_CHAIN_TABLE, self.table)?;
            w.attr_str(NFTA_CHAIN_NAME, self.name)?;
            w.attr_str(NFTA_CHAIN_TYPE, "filter")?;
            w.attr_be32(NFTA_CHAIN_POLICY, NF_ACCEPT)?;
            w.nest(NFTA_CHAIN_HOOK, |w| {
                w.attr_be32(NFTA_HOOK_HOOKNUM, self.hook.number())?;
                w.attr(NFTA_HOOK_PRIORITY, &self.priority.to_be_bytes())
            })
        })
    }
}

/// Deletes a base chain with its rules; ENOENT if there is none. `nft delete chain inet TABLE NAME`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelChain<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl DelChain<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_DELCHAIN, 0, tag, &|w| {
            w.attr_str(NFTA_CHAIN_TABLE, self.table)?;
            w.attr_str(NFTA_CHAIN_NAME, self.name)
        })
    }
}
