//! `NFT_MSG_NEWCHAIN` and `NFT_MSG_DELCHAIN`: a base chain, which the kernel calls at a hook.

use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::request;
use crate::wire::nl::Tag;
use crate::wire::uapi::netfilter::{
    NF_ACCEPT, NF_INET_FORWARD, NF_INET_INGRESS, NF_INET_LOCAL_IN, NF_INET_PRE_ROUTING, NF_IP_PRI_FILTER, NF_IP_PRI_RAW,
};
use crate::wire::uapi::netlink::NLM_F_CREATE;
use crate::wire::uapi::nf_tables::{
    NFT_MSG_DELCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_HOOK, NFTA_CHAIN_NAME, NFTA_CHAIN_POLICY, NFTA_CHAIN_TABLE,
    NFTA_CHAIN_TYPE, NFTA_DEVICE_NAME, NFTA_HOOK_DEVS, NFTA_HOOK_HOOKNUM, NFTA_HOOK_PRIORITY,
};

/// Where in a packet's way a chain is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Hook {
    /// `input`: packets for this machine.
    #[default]
    Input,
    /// `forward`: packets for others.
    Forward,
    /// `prerouting`: every packet that comes in, for this machine or to be forwarded.
    Prerouting,
    /// `ingress`: every packet that certain devices receive, before connection tracking and flow offload. Linux 5.10.
    Ingress,
}

impl Hook {
    /// Every hook.
    pub const ALL: [Self; 4] = [Self::Input, Self::Forward, Self::Prerouting, Self::Ingress];

    /// The hook's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "prerouting",
            Self::Input => "input",
            Self::Forward => "forward",
            Self::Ingress => "ingress",
        }
    }

    /// Where in the hook's list edgeban's chain stands: `input` and `forward` at priority `filter` (the seed's), the
    /// others before connection tracking (-200) and flow offload (0 of ingress), where dropping is cheapest.
    #[must_use]
    pub const fn priority(self) -> i32 {
        match self {
            Self::Input | Self::Forward => NF_IP_PRI_FILTER,
            Self::Prerouting | Self::Ingress => EARLY,
        }
    }

    /// The kernel's number (`NF_INET_*`).
    #[must_use]
    pub const fn number(self) -> u32 {
        match self {
            Self::Prerouting => NF_INET_PRE_ROUTING,
            Self::Input => NF_INET_LOCAL_IN,
            Self::Forward => NF_INET_FORWARD,
            Self::Ingress => NF_INET_INGRESS,
        }
    }
}

/// Just before priority `raw` (-300).
const EARLY: i32 = NF_IP_PRI_RAW - 10;

/// The name of a network device: `IFNAMSIZ` 16 with its NUL.
pub type Device = heapless::String<15>;

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
    /// The devices of an ingress hook; they must exist.
    pub devices: &'a [Device],
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
                w.attr(NFTA_HOOK_PRIORITY, &self.priority.to_be_bytes())?;
                if self.devices.is_empty() {
                    return Ok(());
                }
                w.nest(NFTA_HOOK_DEVS, |w| self.devices.iter().try_for_each(|name| w.attr_str(NFTA_DEVICE_NAME, name)))
            })
        })
    }
}

/// Makes sure that a chain exists: one that does stays as it is, base chain or not. Before a [`DelChain`] it makes that
/// one succeed on every kernel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AnyChain<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl AnyChain<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_NEWCHAIN, NLM_F_CREATE, tag, &|w| {
            w.attr_str(NFTA_CHAIN_TABLE, self.table)?;
            w.attr_str(NFTA_CHAIN_NAME, self.name)
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
