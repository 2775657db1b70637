//! A table as it was read, and our chain in it.

use super::{Info, Refused};
use crate::addr::{Family, Prefix};
use crate::wire::buf::Malformed;
use crate::wire::uapi::x_tables::{NF_INET_NUMHOOKS, XT_RETURN};
use crate::wire::xt::entry::{Counters, Entries, Entry, Target};

/// A table whose lengths and offsets were found to fit.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub(super) family: Family,
    pub(super) info: Info,
    pub(super) entries: &'a [u8],
}

/// Where a chain lies: offsets of its head, of its first entry, and behind its last, with the first entry's number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Span {
    pub head: usize,
    pub start: usize,
    pub end: usize,
    pub first: usize,
}

impl<'a> View<'a> {
    /// The table that `IPT_SO_GET_INFO` and `IPT_SO_GET_ENTRIES` answered.
    ///
    /// # Errors
    /// [`Refused::Malformed`] if they are not what they say.
    pub fn new(family: Family, info: &Info, entries: &'a [u8]) -> Result<Self, Refused> {
        let view = Self { family, info: *info, entries };
        if usize::try_from(info.size) != Ok(entries.len()) {
            return Err(Refused::Malformed);
        }
        let (mut count, mut last) = (0u32, None);
        // Entries that a hook names, a bit a hook.
        let (mut entered, mut ended) = (0u32, 0u32);
        for entry in view.entries() {
            let (offset, entry) = entry?;
            for (n, (begin, policy)) in info.hook_entry.iter().zip(&info.underflow).enumerate() {
                entered |= u32::from(usize::try_from(*begin) == Ok(offset)) << n;
                ended |= u32::from(usize::try_from(*policy) == Ok(offset)) << n;
            }
            count = count.saturating_add(1);
            last = Some(entry.target());
        }
        let hooks = info.valid_hooks;
        let known = entered & hooks == hooks && ended & hooks == hooks && hooks >> NF_INET_NUMHOOKS == 0;
        let whole = count == info.num_entries && matches!(last, Some(Target::Error(_)));
        if known && whole { Ok(view) } else { Err(Refused::Malformed) }
    }

    pub(super) const fn entries(&self) -> Entries<'a> {
        Entries::new(self.family, self.entries)
    }

    /// Offsets of the first and the last entry of a built-in chain.
    pub(super) fn hook(&self, hook: u32) -> Result<(usize, usize), Refused> {
        if hook >= u32::BITS || self.info.valid_hooks >> hook & 1 == 0 {
            return Err(Refused::NoSuchHook);
        }
        let hook = usize::try_from(hook).map_err(|_| Refused::NoSuchHook)?;
        let offset = |all: &[u32]| {
            let offset = all.get(hook).ok_or(Refused::NoSuchHook)?;
            usize::try_from(*offset).map_err(|_| Refused::Malformed)
        };
        Ok((offset(&self.info.hook_entry)?, offset(&self.info.underflow)?))
    }

    /// The chain of this name, or else the offset at which iptables would put it: chains are sorted.
    pub(super) fn find(&self, chain: &str) -> Result<Result<Span, usize>, Malformed> {
        let mut found: Option<Span> = None;
        let mut place = None;
        let mut number = 0usize;
        for entry in self.entries() {
            let (offset, entry) = entry?;
            number = number.saturating_add(1);
            let next = offset.saturating_add(entry.bytes().len());
            let Target::Error(name) = entry.target() else { continue };
            if let Some(span) = &mut found {
                span.end = offset;
                return Ok(Ok(*span));
            }
            let is_last = next >= self.entries.len();
            if !is_last && name == chain.as_bytes() {
                found = Some(Span { head: offset, start: next, end: next, first: number });
            } else if place.is_none() && (is_last || name > chain.as_bytes()) {
                place = Some(offset);
            }
        }
        // The table's last entry is an ERROR, so one of the two was found.
        place.map(Err).ok_or(Malformed)
    }

    /// Whether there is a chain of this name.
    #[must_use]
    pub fn has(&self, chain: &str) -> bool {
        matches!(self.find(chain), Ok(Ok(_)))
    }

    /// The sources that our chain drops, in the kernel's order, with what they counted. Rules of another form in it are
    /// passed over. Nothing if there is no such chain.
    ///
    /// # Errors
    /// None after [`View::new`].
    pub fn banned(&self, chain: &str) -> Result<BannedRules<'a>, Malformed> {
        let bytes = match self.find(chain)? {
            Ok(span) => self.entries.get(span.start..span.end).unwrap_or_default(),
            Err(_) => &[],
        };
        Ok(BannedRules(Entries::new(self.family, bytes)))
    }

    /// Whether this is how iptables ends a chain.
    pub(super) fn is_end(entry: &Entry<'_>) -> bool {
        entry.target() == Target::Standard(XT_RETURN) && entry.is_for_all() && entry.matches().is_empty()
    }
}

/// What [`View::banned`] found.
#[derive(Clone, Debug)]
pub struct BannedRules<'a>(Entries<'a>);

impl Iterator for BannedRules<'_> {
    type Item = (Prefix, Counters);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.by_ref().map_while(Result::ok).find_map(|(_, entry)| Some((entry.dropped_source()?, entry.counters())))
    }
}
