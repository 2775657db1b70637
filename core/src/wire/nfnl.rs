//! The netfilter header (`struct nfgenmsg`, `linux/netfilter/nfnetlink.h`) behind every netfilter message's `nlmsghdr`,
//! and the two messages around a batch.
//!
//! | offset | field | |
//! |---|---|---|
//! | 0 | `nfgen_family` u8 | an `NFPROTO_*` |
//! | 1 | `version` u8 | `NFNETLINK_V0` |
//! | 2 | `res_id` be16 | 0 in requests, the subsystem around a batch, the low half of the generation id in answers |

use super::buf::{Full, Malformed, Reader, Writer, attr_len};
use super::nl::{Header, Tag};
use super::uapi::netfilter::{NFPROTO_INET, NFPROTO_UNSPEC};
use super::uapi::netlink::{NLM_F_REQUEST, NLMSG_HDRLEN};
use super::uapi::nfnetlink::{
    NFGEN_HDRLEN, NFNETLINK_V0, NFNL_BATCH_GENID, NFNL_MSG_BATCH_BEGIN, NFNL_MSG_BATCH_END, NFNL_SUBSYS_NFTABLES,
};

/// `struct nfgenmsg`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Generic {
    /// `nfgen_family`.
    pub family: u8,
    /// `res_id`.
    pub res_id: u16,
}

impl Generic {
    /// The header of every request about our table, which is of the family `inet`.
    pub const INET: Self = Self { family: NFPROTO_INET, res_id: 0 };
    const BATCH: Self = Self { family: NFPROTO_UNSPEC, res_id: NFNL_SUBSYS_NFTABLES };

    /// Writes the four bytes.
    ///
    /// # Errors
    /// [`Full`] if there is no room.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.whole(|w| {
            w.put_u8(self.family)?;
            w.put_u8(NFNETLINK_V0)?;
            w.put_be16(self.res_id)
        })
    }

    /// Splits a message's payload into this header and the attributes behind it.
    ///
    /// # Errors
    /// [`Malformed`] if it is shorter than 4 bytes.
    pub fn parse(payload: &[u8]) -> Result<(Self, &[u8]), Malformed> {
        let mut reader = Reader::new(payload);
        let family = reader.u8()?;
        let _version = reader.u8()?;
        let res_id = reader.be16()?;
        Ok((Self { family, res_id }, reader.rest()))
    }
}

/// The type of a message of a subsystem (`NFNL_SUBSYS_*`), which stands in the high byte.
#[must_use]
pub const fn kind(subsystem: u16, message: u8) -> u16 {
    u16::from_be_bytes([subsystem.to_be_bytes()[1], message])
}

/// The type of a message of nf_tables.
#[must_use]
pub const fn nft_kind(message: u8) -> u16 {
    kind(NFNL_SUBSYS_NFTABLES, message)
}

/// Writes a request of nf_tables about an `inet` table: `flags` besides `NLM_F_REQUEST` and the tag's.
pub(super) fn request(
    w: &mut Writer<'_>,
    message: u8,
    flags: u16,
    tag: Tag,
    body: &dyn Fn(&mut Writer<'_>) -> Result<(), Full>,
) -> Result<(), Full> {
    let header = Header { kind: nft_kind(message), flags: NLM_F_REQUEST | flags | tag.flags(), seq: tag.seq, pid: 0 };
    header.emit(w, |w| {
        Generic::INET.emit(w)?;
        body(w)
    })
}

/// `NFNL_MSG_BATCH_BEGIN`: opens a batch of nf_tables. Failures of the batch as a whole (no permission, a stale
/// generation, a commit out of memory) are answered on its sequence number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BatchBegin {
    /// `NFNL_BATCH_GENID`: the kernel refuses the batch with ERESTART if its ruleset has another generation by now.
    pub generation: Option<u32>,
}

impl BatchBegin {
    /// Bytes of the message.
    #[must_use]
    pub const fn buffer_len(&self) -> usize {
        NLMSG_HDRLEN + NFGEN_HDRLEN + if self.generation.is_some() { attr_len(4) } else { 0 }
    }

    /// Writes the message. It is never acked: kernels before 6.12 do not answer `NLM_F_ACK` here.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        Header { kind: NFNL_MSG_BATCH_BEGIN, flags: NLM_F_REQUEST, seq, pid: 0 }.emit(w, |w| {
            Generic::BATCH.emit(w)?;
            self.generation.map_or(Ok(()), |id| w.attr_be32(NFNL_BATCH_GENID, id))
        })
    }
}

/// `NFNL_MSG_BATCH_END`: commits the batch. Without it the kernel checks the batch, answers it, and applies nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct BatchEnd;

impl BatchEnd {
    /// Bytes of the message.
    pub const BUFFER_LEN: usize = NLMSG_HDRLEN + NFGEN_HDRLEN;

    /// Writes the message. It is never acked: kernels before 6.12 do not answer `NLM_F_ACK` here.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        Header { kind: NFNL_MSG_BATCH_END, flags: NLM_F_REQUEST, seq, pid: 0 }.emit(w, |w| Generic::BATCH.emit(w))
    }
}
