//! The expressions that a drop rule is made of. Each is a list entry with a name and a nest of its own attributes.
//!
//! A rule is run from its first expression on; one that does not match ends it. Values travel in registers:
//! `NFT_REG_1` holds up to 16 bytes, `NFT_REG_VERDICT` the fate of the packet.

use crate::addr::Family;
use crate::wire::buf::{Full, Writer};
use crate::wire::uapi::netfilter::{NF_DROP, NFPROTO_IPV4, NFPROTO_IPV6};
use crate::wire::uapi::nf_tables::{
    NFT_CMP_EQ, NFT_META_NFPROTO, NFT_PAYLOAD_NETWORK_HEADER, NFT_REG_1, NFT_REG_VERDICT,
    NFT_REJECT_ICMPX_PORT_UNREACH, NFT_REJECT_ICMPX_UNREACH, NFTA_BITWISE_DREG, NFTA_BITWISE_LEN, NFTA_BITWISE_MASK,
    NFTA_BITWISE_SREG, NFTA_BITWISE_XOR, NFTA_CMP_DATA, NFTA_CMP_OP, NFTA_CMP_SREG, NFTA_DATA_VALUE, NFTA_DATA_VERDICT,
    NFTA_EXPR_DATA, NFTA_EXPR_NAME, NFTA_IMMEDIATE_DATA, NFTA_IMMEDIATE_DREG, NFTA_LIST_ELEM, NFTA_LOOKUP_SET,
    NFTA_LOOKUP_SET_ID, NFTA_LOOKUP_SREG, NFTA_META_DREG, NFTA_META_KEY, NFTA_PAYLOAD_BASE, NFTA_PAYLOAD_DREG,
    NFTA_PAYLOAD_LEN, NFTA_PAYLOAD_OFFSET, NFTA_REJECT_ICMP_CODE, NFTA_REJECT_TYPE, NFTA_VERDICT_CODE,
};

/// One expression; all that load or compare use register 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expr<'a> {
    /// `meta load nfproto => reg 1`.
    LoadProtocol,
    /// `cmp eq reg 1 0x02` or `0x0a`: in an `inet` table, without it the rule would read the other protocol's headers.
    IsProtocol(Family),
    /// `payload load 4b @ network header + 12 => reg 1`, or 16 bytes at 8: the packet's source address, or as many of its
    /// first bytes as hold so many bits.
    LoadSource(Family, u8),
    /// `bitwise reg 1 = ( reg 1 & MASK ) ^ 0`: keeps so many leading bits of the last byte that was loaded.
    Mask(u8),
    /// `lookup reg 1 set NAME`: matches if the register is in the set.
    Lookup {
        /// The set's name, in the rule's table.
        set: &'a str,
        /// `NFTA_SET_ID` of that set in this batch.
        id: u32,
    },
    /// `immediate reg 0 drop`.
    Drop,
    /// `reject type 2 code 1`: an ICMP port unreachable.
    Reject,
}

impl Expr<'_> {
    /// Writes the expression as an entry of a rule's list.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, w: &mut Writer<'_>) -> Result<(), Full> {
        match *self {
            Self::LoadProtocol => named(w, "meta", |w| {
                w.attr_be32(NFTA_META_KEY, NFT_META_NFPROTO)?;
                w.attr_be32(NFTA_META_DREG, NFT_REG_1)
            }),
            Self::IsProtocol(family) => named(w, "cmp", |w| {
                let number = match family {
                    Family::V4 => NFPROTO_IPV4,
                    Family::V6 => NFPROTO_IPV6,
                };
                w.attr_be32(NFTA_CMP_SREG, NFT_REG_1)?;
                w.attr_be32(NFTA_CMP_OP, NFT_CMP_EQ)?;
                w.nest(NFTA_CMP_DATA, |w| w.attr(NFTA_DATA_VALUE, &[number]))
            }),
            Self::LoadSource(family, bits) => named(w, "payload", |w| {
                let offset = match family {
                    Family::V4 => 12,
                    Family::V6 => 8,
                };
                w.attr_be32(NFTA_PAYLOAD_DREG, NFT_REG_1)?;
                w.attr_be32(NFTA_PAYLOAD_BASE, NFT_PAYLOAD_NETWORK_HEADER)?;
                w.attr_be32(NFTA_PAYLOAD_OFFSET, offset)?;
                w.attr_be32(NFTA_PAYLOAD_LEN, bits.div_ceil(8).into())
            }),
            Self::Mask(bits) => named(w, "bitwise", |w| {
                let len = usize::from(bits.div_ceil(8));
                let mask = (u128::MAX << (128 - u32::from(bits.clamp(1, 128)))).to_be_bytes();
                w.attr_be32(NFTA_BITWISE_SREG, NFT_REG_1)?;
                w.attr_be32(NFTA_BITWISE_DREG, NFT_REG_1)?;
                w.attr_be32(NFTA_BITWISE_LEN, bits.div_ceil(8).into())?;
                for (kind, value) in [(NFTA_BITWISE_MASK, mask), (NFTA_BITWISE_XOR, [0; 16])] {
                    w.nest(kind, |w| w.attr(NFTA_DATA_VALUE, value.get(..len).unwrap_or_default()))?;
                }
                Ok(())
            }),
            Self::Lookup { set, id } => named(w, "lookup", |w| {
                w.attr_be32(NFTA_LOOKUP_SREG, NFT_REG_1)?;
                w.attr_str(NFTA_LOOKUP_SET, set)?;
                w.attr_be32(NFTA_LOOKUP_SET_ID, id)
            }),
            Self::Drop => named(w, "immediate", |w| {
                w.attr_be32(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT)?;
                w.nest(NFTA_IMMEDIATE_DATA, |w| w.nest(NFTA_DATA_VERDICT, |w| w.attr_be32(NFTA_VERDICT_CODE, NF_DROP)))
            }),
            Self::Reject => named(w, "reject", |w| {
                w.attr_be32(NFTA_REJECT_TYPE, NFT_REJECT_ICMPX_UNREACH)?;
                w.attr(NFTA_REJECT_ICMP_CODE, &[NFT_REJECT_ICMPX_PORT_UNREACH])
            }),
        }
    }
}

/// One expression without attributes of its own: `counter`.
pub(super) fn counter(w: &mut Writer<'_>) -> Result<(), Full> {
    w.attr_str(NFTA_EXPR_NAME, "counter")?;
    w.nest(NFTA_EXPR_DATA, |_| Ok(()))
}

fn named(w: &mut Writer<'_>, name: &str, data: impl FnOnce(&mut Writer<'_>) -> Result<(), Full>) -> Result<(), Full> {
    w.nest(NFTA_LIST_ELEM, |w| {
        w.attr_str(NFTA_EXPR_NAME, name)?;
        w.nest(NFTA_EXPR_DATA, data)
    })
}
