//! `NFT_MSG_NEWSET`: a set of addresses with timeouts.

use super::expr::counter;
use crate::addr::Family;
use crate::wire::buf::{Attrs, Full, Malformed, Writer};
use crate::wire::nfnl::request;
use crate::wire::nl::Tag;
use crate::wire::uapi::netlink::NLM_F_CREATE;
use crate::wire::uapi::nf_tables::{
    NFT_MSG_DELSET, NFT_MSG_GETSET, NFT_MSG_NEWSET, NFT_SET_INTERVAL, NFT_SET_TIMEOUT, NFTA_SET_DESC,
    NFTA_SET_DESC_SIZE, NFTA_SET_EXPR, NFTA_SET_FLAGS, NFTA_SET_GC_INTERVAL, NFTA_SET_ID, NFTA_SET_KEY_LEN,
    NFTA_SET_KEY_TYPE, NFTA_SET_NAME, NFTA_SET_TABLE, NFTA_SET_USERDATA,
};

/// `nft`'s number for the type `ipv4_addr` (nftables `include/datatype.h`, `TYPE_IPADDR`).
pub const TYPE_IPADDR: u32 = 7;
/// `nft`'s number for the type `ipv6_addr` (nftables `include/datatype.h`, `TYPE_IP6ADDR`).
pub const TYPE_IP6ADDR: u32 = 8;
/// `nft`'s number for the type `integer` (`TYPE_INTEGER`): keys that are the first bytes of an address.
pub const TYPE_INTEGER: u32 = 4;

/// Deletes a set with its elements; ENOENT if there is none, EBUSY while a rule refers to it. `nft delete set inet TABLE
/// NAME`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelSet<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl DelSet<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_DELSET, 0, tag, &|w| {
            w.attr_str(NFTA_SET_TABLE, self.table)?;
            w.attr_str(NFTA_SET_NAME, self.name)
        })
    }
}

/// `nft`'s user data of a set (libnftnl `udata.h`): type 0 `NFTNL_UDATA_SET_KEYBYTEORDER`, length 4, then 2
/// `BYTEORDER_BIG_ENDIAN`, a `u32` in host order. Without it `nft` shows the keys of some types turned round.
const KEY_BIG_ENDIAN: u32 = 2;

/// Creates a set of single addresses with a timeout each. One that exists keeps its elements; recent kernels (6.18) give it
/// the size and interval stated here, older ones leave it as it is. If its flags or key differ, the answer is EEXIST.
///
/// `nft add set inet TABLE NAME { type ipv4_addr; flags timeout; size N; gc-interval T; }`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewSet<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Whose addresses.
    pub family: Family,
    /// How many leading bits of them: keys have as many bytes as these need, 4 or 16 for whole addresses.
    pub bits: u8,
    /// Names the set inside the batch: any number that no other set of the batch has, not 0.
    pub id: u32,
    /// Most elements the set takes; then ENFILE. `None` is no limit.
    pub size: Option<u32>,
    /// Milliseconds between the kernel's walks for expired elements, which free their memory; they stop matching at
    /// once. `None` is the kernel's default of 1 s, each walk over the whole set.
    pub gc_interval_ms: Option<u32>,
    /// Each element counts the packets and bytes that it stopped.
    pub counter: bool,
}

impl NewSet<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        self.emit_with(NFT_SET_TIMEOUT, tag, w)
    }

    /// As [`NewSet::emit`], for a set of ranges of addresses: `flags interval, timeout`.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit_ranges(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        self.emit_with(NFT_SET_INTERVAL | NFT_SET_TIMEOUT, tag, w)
    }

    fn emit_with(&self, flags: u32, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        let key_type = match (self.family, self.bits) {
            (Family::V4, 32) => TYPE_IPADDR,
            (Family::V6, 128) => TYPE_IP6ADDR,
            _ => TYPE_INTEGER,
        };
        request(w, NFT_MSG_NEWSET, NLM_F_CREATE, tag, &|w| {
            w.attr_str(NFTA_SET_TABLE, self.table)?;
            w.attr_str(NFTA_SET_NAME, self.name)?;
            w.attr_be32(NFTA_SET_FLAGS, flags)?;
            w.attr_be32(NFTA_SET_KEY_TYPE, key_type)?;
            w.attr_be32(NFTA_SET_KEY_LEN, self.bits.div_ceil(8).into())?;
            w.attr_be32(NFTA_SET_ID, self.id)?;
            if let Some(size) = self.size {
                w.nest(NFTA_SET_DESC, |w| w.attr_be32(NFTA_SET_DESC_SIZE, size))?;
            }
            if let Some(ms) = self.gc_interval_ms {
                w.attr_be32(NFTA_SET_GC_INTERVAL, ms)?;
            }
            w.attr_with(NFTA_SET_USERDATA, |w| {
                w.put(&[0, 4])?;
                w.put_u32(KEY_BIG_ENDIAN)
            })?;
            if self.counter { w.nest(NFTA_SET_EXPR, counter) } else { Ok(()) }
        })
    }
}

/// Asks what a set is like; ENOENT if there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetSet<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// Its name.
    pub name: &'a str,
}

impl GetSet<'_> {
    /// Writes the message. It stands outside a batch.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_GETSET, 0, Tag::silent(seq), &|w| {
            w.attr_str(NFTA_SET_TABLE, self.table)?;
            w.attr_str(NFTA_SET_NAME, self.name)
        })
    }
}

/// What a set is like, as far as it matters to whoever wants to use it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetShape {
    /// `NFTA_SET_KEY_TYPE`.
    pub key_type: u32,
    /// `NFTA_SET_KEY_LEN`, bytes.
    pub key_len: u32,
    /// `NFTA_SET_FLAGS`.
    pub flags: u32,
}

impl SetShape {
    /// Reads the attributes behind the netfilter header.
    ///
    /// # Errors
    /// [`Malformed`] if a number is not one.
    pub fn parse(attrs: &[u8]) -> Result<Self, Malformed> {
        let mut shape = Self { key_type: 0, key_len: 0, flags: 0 };
        for attr in Attrs::new(attrs) {
            let attr = attr?;
            match attr.kind {
                NFTA_SET_KEY_TYPE => shape.key_type = attr.be32()?,
                NFTA_SET_KEY_LEN => shape.key_len = attr.be32()?,
                NFTA_SET_FLAGS => shape.flags = attr.be32()?,
                _ => {}
            }
        }
        Ok(shape)
    }

    /// Whether a set of `family`'s addresses with timeouts, as [`NewSet`] makes them, looks like this, whatever its bits.
    #[must_use]
    pub const fn holds_addresses(&self, family: Family) -> bool {
        let (whole, bytes) = whole(family);
        let keys = match self.key_type {
            TYPE_INTEGER => self.key_len <= bytes,
            key_type => key_type == whole && self.key_len == bytes,
        };
        keys && self.flags == NFT_SET_TIMEOUT
    }

    /// Whether a set of ranges of `family`'s addresses with timeouts, as [`NewSet::emit_ranges`] makes them, looks like this.
    #[must_use]
    pub const fn holds_ranges(&self, family: Family) -> bool {
        let (whole, bytes) = whole(family);
        self.key_type == whole && self.key_len == bytes && self.flags == NFT_SET_INTERVAL | NFT_SET_TIMEOUT
    }
}

/// The type of whole addresses, and their bytes.
const fn whole(family: Family) -> (u32, u32) {
    match family {
        Family::V4 => (TYPE_IPADDR, 4),
        Family::V6 => (TYPE_IP6ADDR, 16),
    }
}
