//! The match `set` (`linux/netfilter/xt_set.h`): the packet's source is in an ipset.
//!
//! Its revisions differ in their data. iptables shows and saves only those of the highest revision that the kernel knows,
//! so that one is to be written ([`SetMatch::REVISIONS`]).

use super::{ALIGN, HEADER_LEN, align, header, text, zeros};
use crate::wire::buf::{Full, Malformed, Reader, Writer};
use crate::wire::uapi::x_tables::XT_EXTENSION_MAXNAMELEN;
use crate::wire::uapi::xt_set::IPSET_DIM_ONE_SRC;

/// `-m set --match-set NAME src`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SetMatch {
    /// The set's index, as [`super::request::SetByName`] tells it. The kernel keeps the set while the rule is there.
    pub index: u16,
    /// The match's revision, one of [`SetMatch::REVISIONS`].
    pub revision: u8,
}

impl SetMatch {
    /// The revisions that are supported, best first: ask the kernel for each until one is there. Revision 0 is older than
    /// Linux 2.6.39.
    pub const REVISIONS: [u8; 4] = [4, 3, 2, 1];

    const fn data_len(self) -> usize {
        match self.revision {
            // struct xt_set_info_match_v1: { u16 index, u8 dim, u8 flags }, for revision 2 too.
            ..=2 => 4,
            // v3: the same, two of { u8 op, u64 value }, u32 flags.
            3 => align(align(4) + 2 * (ALIGN + 8) + 4),
            // v4: { aligned u64 value, u8 op } instead, aligned on every machine.
            _ => 48,
        }
    }

    /// Bytes of the match.
    #[must_use]
    pub const fn buffer_len(self) -> usize {
        align(HEADER_LEN + self.data_len())
    }

    /// Writes the match.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written.
    pub fn emit(self, w: &mut Writer<'_>) -> Result<(), Full> {
        w.whole(|w| {
            header(w, self.buffer_len(), "set", self.revision)?;
            w.put_u16(self.index)?;
            w.put_u8(1)?;
            w.put_u8(IPSET_DIM_ONE_SRC)?;
            // No comparison of the element's counters, no flags.
            zeros(w, self.buffer_len().saturating_sub(HEADER_LEN + 4))
        })
    }

    /// Reads the matches of a rule that has just this one.
    ///
    /// # Errors
    /// [`Malformed`] if they are anything else.
    pub fn parse(matches: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(matches);
        let size = usize::from(reader.u16()?);
        let name = text(reader.take(XT_EXTENSION_MAXNAMELEN)?);
        let revision = reader.u8()?;
        let set = Self { index: reader.u16()?, revision };
        let source = (reader.u8()?, reader.u8()?) == (1, IPSET_DIM_ONE_SRC);
        let plain = source && name == b"set" && reader.rest().iter().all(|&b| b == 0);
        let known = Self::REVISIONS.contains(&revision) && size == matches.len() && size == set.buffer_len();
        if plain && known { Ok(set) } else { Err(Malformed) }
    }
}
