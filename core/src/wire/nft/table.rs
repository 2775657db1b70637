//! `NFT_MSG_NEWTABLE` and `NFT_MSG_DELTABLE`.

use crate::wire::buf::{Full, Writer, attr_len, str_len};
use crate::wire::nfnl::request;
use crate::wire::nl::Tag;
use crate::wire::uapi::netlink::NLMSG_HDRLEN;
use crate::wire::uapi::nf_tables::{
    NFT_MSG_DELTABLE, NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE, NFTA_TABLE_FLAGS, NFTA_TABLE_NAME,
};
use crate::wire::uapi::nfnetlink::NFGEN_HDRLEN;

/// Creates a table; one that exists stays as it is. `nft add table inet NAME`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewTable<'a> {
    /// Its name.
    pub name: &'a str,
    /// `NFT_TABLE_F_*`. On a table that exists only an owner's flags matter: one that was left without its owner can be
    /// owned again.
    pub flags: u32,
}

impl NewTable<'_> {
    /// Bytes of the message.
    #[must_use]
    pub const fn buffer_len(&self) -> usize {
        NLMSG_HDRLEN + NFGEN_HDRLEN + str_len(self.name) + attr_len(4)
    }

    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_NEWTABLE, 0, tag, &|w| {
            w.attr_str(NFTA_TABLE_NAME, self.name)?;
            w.attr_be32(NFTA_TABLE_FLAGS, self.flags)
        })
    }
}

/// Asks for a table; ENOENT if there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GetTable<'a> {
    /// Its name.
    pub name: &'a str,
}

impl GetTable<'_> {
    /// Writes the message. It stands outside a batch.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, seq: u32, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_GETTABLE, 0, Tag::silent(seq), &|w| w.attr_str(NFTA_TABLE_NAME, self.name))
    }
}

/// Deletes a table with all that is in it; ENOENT if there is none. `nft delete table inet NAME`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DelTable<'a> {
    /// Its name.
    pub name: &'a str,
}

impl DelTable<'_> {
    /// Bytes of the message.
    #[must_use]
    pub const fn buffer_len(&self) -> usize {
        NLMSG_HDRLEN + NFGEN_HDRLEN + str_len(self.name)
    }

    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_DELTABLE, 0, tag, &|w| w.attr_str(NFTA_TABLE_NAME, self.name))
    }
}
