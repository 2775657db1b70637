//! `NFT_MSG_NEWRULE`: what is done with packets of banned addresses.

use super::expr::Expr;
use crate::addr::Family;
use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::request;
use crate::wire::nl::Tag;
use crate::wire::uapi::netlink::{NLM_F_APPEND, NLM_F_CREATE};
use crate::wire::uapi::nf_tables::{NFT_MSG_NEWRULE, NFTA_RULE_CHAIN, NFTA_RULE_EXPRESSIONS, NFTA_RULE_TABLE};

/// What becomes of a banned address's packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Verdict {
    /// They vanish: scanners wait for their time-out.
    #[default]
    Drop,
    /// The sender is told by an ICMP port unreachable.
    Reject,
}

impl Verdict {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Drop, Self::Reject];

    /// The verdict's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop",
            Self::Reject => "reject",
        }
    }
}

/// Appends the rule that drops what comes from an address of a set. Rules have no names: sent twice, it is there twice.
///
/// `nft add rule inet TABLE CHAIN ip saddr @SET drop` (or `ip6`). Five expressions, as `nft` makes of it:
/// `meta load nfproto`, `cmp eq`, `payload load`, `lookup`, `immediate drop`. For a prefix that does not end with a byte,
/// `bitwise` stands before the look-up.
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
    /// How many leading bits of the source address are looked up.
    pub bits: u8,
    /// What follows.
    pub verdict: Verdict,
}

impl NewRule<'_> {
    /// Writes the message.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(&self, tag: Tag, w: &mut Writer<'_>) -> Result<(), Full> {
        let mask = (!self.bits.is_multiple_of(8)).then_some(Expr::Mask(self.bits));
        let verdict = match self.verdict {
            Verdict::Drop => Expr::Drop,
            Verdict::Reject => Expr::Reject,
        };
        let exprs = [
            Some(Expr::LoadProtocol),
            Some(Expr::IsProtocol(self.family)),
            Some(Expr::LoadSource(self.family, self.bits)),
            mask,
            Some(Expr::Lookup { set: self.set, id: self.set_id }),
            Some(verdict),
        ];
        request(w, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, tag, &|w| {
            w.attr_str(NFTA_RULE_TABLE, self.table)?;
            w.attr_str(NFTA_RULE_CHAIN, self.chain)?;
            w.nest(NFTA_RULE_EXPRESSIONS, |w| exprs.iter().flatten().try_for_each(|expr| expr.emit(w)))
        })
    }
}
