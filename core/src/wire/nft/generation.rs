//! `NFT_MSG_GETGEN` and its answer `NFT_MSG_NEWGEN`: the number of the last committed change of the ruleset.
//!
//! Sent behind a batch through the same socket, GETGEN is a fence: its answer comes after all answers of the batch.

use crate::wire::buf::{Attrs, Full, Malformed, Writer};
use crate::wire::nfnl::{BatchEnd, Generic, nft_kind};
use crate::wire::nl::{Header, Tag};
use crate::wire::uapi::netfilter::NFPROTO_UNSPEC;
use crate::wire::uapi::netlink::NLM_F_REQUEST;
use crate::wire::uapi::nf_tables::{NFT_MSG_GETGEN, NFTA_GEN_ID, NFTA_GEN_PROC_NAME, NFTA_GEN_PROC_PID};

/// Asks for the generation. It goes outside a batch, in a datagram of its own (what follows BATCH_END in one is not
/// looked at), and needs `CAP_NET_ADMIN` like all of netfilter.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GetGen;

impl GetGen {
    /// Bytes of the message.
    pub const BUFFER_LEN: usize = BatchEnd::BUFFER_LEN;

    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        Header { kind: nft_kind(NFT_MSG_GETGEN), flags: NLM_F_REQUEST | tag.flags(), seq: tag.seq, pid: 0 }
            .emit(w, |w| Generic { family: NFPROTO_UNSPEC, res_id: 0 }.emit(w))
    }
}

/// Who changed the ruleset.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Culprit {
    /// `NFTA_GEN_PROC_PID`: its process id, 0 if unknown.
    pub pid: u32,
    /// `NFTA_GEN_PROC_NAME`: its name, with NULs behind it.
    pub name: [u8; 16],
}

impl Culprit {
    /// Its name's bytes, which the process itself chose.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.name.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

/// The answer, also sent by itself to those who joined `NFNLGRP_NFTABLES`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewGen {
    /// The generation.
    pub id: u32,
    /// Who made it, if the message says so.
    pub by: Culprit,
}

impl NewGen {
    /// Reads the attributes behind the netfilter header.
    ///
    /// # Errors
    /// [`Malformed`] if there is no number or it is not one.
    pub fn parse(attrs: &[u8]) -> Result<Self, Malformed> {
        let (mut id, mut by) = (None, Culprit::default());
        for attr in Attrs::new(attrs) {
            let attr = attr?;
            match attr.kind {
                NFTA_GEN_ID => id = Some(attr.be32()?),
                NFTA_GEN_PROC_PID => by.pid = attr.be32()?,
                NFTA_GEN_PROC_NAME => {
                    for (place, byte) in by.name.iter_mut().zip(attr.text().iter().take(15)) {
                        *place = *byte;
                    }
                }
                _ => {}
            }
        }
        Ok(Self { id: id.ok_or(Malformed)?, by })
    }
}
