//! `NFT_MSG_NEWRULE`, and `NFT_MSG_DELRULE` of a whole chain.

use super::expr::Expr;
use crate::addr::Family;
use crate::wire::buf::{Full, Writer, str_len};
use crate::wire::nfnl::request;
use crate::wire::nl::Tag;
use crate::wire::uapi::netlink::{NLM_F_APPEND, NLM_F_CREATE, NLMSG_HDRLEN};
use crate::wire::uapi::nf_tables::{
    NFT_MSG_DELRULE, NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE,
};
use crate::wire::uapi::nfnetlink::NFGEN_HDRLEN;

/// Appends the rule that drops what comes from an address of a set. Rules have no names: sent twice, it is there twice.
///
/// `nft add rule inet TABLE CHAIN ip saddr @SET drop` (or `ip6`). Five expressions, as `nft` makes of it:
/// `meta load nfproto`, `cmp eq`, `payload load`, `lookup`, `immediate drop`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NewRule<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// The chain it is in.
    pub chain: &'a str,
    /// Which protocol's packets.
    pub family: Family,
    /// The set with the banned addresses.
    pub set: &'a str,
    /// `NFTA_SET_ID` of that set in this batch.
    pub set_id: u32,
}

impl NewRule<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        let exprs = [
            Expr::LoadProtocol,
            Expr::IsProtocol(self.family),
            Expr::LoadSource(self.family),
            Expr::Lookup { set: self.set, id: self.set_id },
            Expr::Drop,
        ];
        request(w, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, tag, &|w| {
            w.attr_str(NFTA_RULE_TABLE, self.table)?;
            w.attr_str(NFTA_RULE_CHAIN, self.chain)?;
            w.nest(NFTA_RULE_EXPRESSIONS, |w| exprs.iter().try_for_each(|expr| expr.emit(w)))
        })
    }
}

/// Deletes all rules of a chain; no error if it has none. `nft flush chain inet TABLE CHAIN`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FlushChain<'a> {
    /// The table it is in.
    pub table: &'a str,
    /// The chain.
    pub chain: &'a str,
}

impl FlushChain<'_> {
    /// Bytes of the message.
    #[must_use]
    pub const fn buffer_len(&self) -> usize {
        NLMSG_HDRLEN + NFGEN_HDRLEN + str_len(self.table) + str_len(self.chain)
    }

    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        request(w, NFT_MSG_DELRULE, 0, tag, &|w| {
            w.attr_str(NFTA_RULE_TABLE, self.table)?;
            w.attr_str(NFTA_RULE_CHAIN, self.chain)
        })
    }
}
