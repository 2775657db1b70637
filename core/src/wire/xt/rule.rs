//! Entries written: the few that edgeban's chain is made of.

use super::entry::DROP;
use super::set::SetMatch;
use super::{HEADER_LEN, addr_len, align, counters_offset, entry_len, header, ip_len, name, zeros};
use crate::addr::{Family, Prefix};
use crate::wire::buf::{Full, Writer};
use crate::wire::uapi::x_tables::{XT_FUNCTION_MAXNAMELEN, XT_RETURN};

/// One entry; its counters are 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rule<'a> {
    /// `-N NAME`: the name of the chain that begins behind it.
    Head(&'a str),
    /// `-j CHAIN`: the offset behind the chain's head.
    Jump(i32),
    /// `-s SOURCE -j DROP`.
    Drop(Prefix),
    /// `-m set --match-set NAME src -j DROP`.
    DropSet(SetMatch),
    /// The end of a chain.
    Return,
}

impl Rule<'_> {
    const fn matches_len(&self) -> usize {
        match self {
            Self::DropSet(set) => set.buffer_len(),
            _ => 0,
        }
    }

    const fn target_len(&self) -> usize {
        match self {
            Self::Head(_) => align(HEADER_LEN + XT_FUNCTION_MAXNAMELEN),
            _ => align(HEADER_LEN + 4),
        }
    }

    /// Bytes of the entry.
    #[must_use]
    pub const fn buffer_len(&self, family: Family) -> usize {
        entry_len(family) + self.matches_len() + self.target_len()
    }

    /// Writes the entry.
    ///
    /// # Errors
    /// [`Full`] if it does not fit; nothing is then written. Also for a name of more than 29 bytes and a source of the
    /// other family.
    pub fn emit(&self, family: Family, w: &mut Writer<'_>) -> Result<(), Full> {
        w.whole(|w| {
            let start = w.len();
            if let Self::Drop(source) = self {
                if source.family() != family {
                    return Err(Full);
                }
                let len = addr_len(family);
                let (base, mask) = (source.base().octets(), source.mask_octets());
                let tail = |octets: &'_ [u8; 16]| octets.len().saturating_sub(len);
                w.put(base.get(tail(&base)..).unwrap_or_default())?;
                zeros(w, len)?;
                w.put(mask.get(tail(&mask)..).unwrap_or_default())?;
            }
            let to_nfcache = start.saturating_add(ip_len(family) + 4).saturating_sub(w.len());
            zeros(w, to_nfcache)?;
            let target_offset = entry_len(family) + self.matches_len();
            w.put_u16(u16::try_from(target_offset).map_err(|_| Full)?)?;
            w.put_u16(u16::try_from(self.buffer_len(family)).map_err(|_| Full)?)?;
            // comefrom, and the gap before the counters.
            zeros(w, entry_len(family) - ip_len(family) - 8)?;
            debug_assert_eq!(counters_offset(family) + super::COUNTERS_LEN, entry_len(family));
            if let Self::DropSet(set) = self {
                set.emit(w)?;
            }
            let extension = if matches!(self, Self::Head(_)) { "ERROR" } else { "" };
            header(w, self.target_len(), extension, 0)?;
            match *self {
                Self::Head(chain) => name(w, chain, XT_FUNCTION_MAXNAMELEN)?,
                Self::Jump(offset) => w.put(&offset.to_ne_bytes())?,
                Self::Drop(_) | Self::DropSet(_) => w.put(&DROP.to_ne_bytes())?,
                Self::Return => w.put(&XT_RETURN.to_ne_bytes())?,
            }
            let missing = start.saturating_add(self.buffer_len(family)).saturating_sub(w.len());
            zeros(w, missing)
        })
    }
}
