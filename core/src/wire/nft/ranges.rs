//! Ranges out of the elements of a set of ranges: one where a range begins, and one behind its end (unless that is the last
//! address) that is flagged `NFT_SET_ELEM_INTERVAL_END`. They come in no order that one could rely on, also in several
//! messages, so all are kept until the list is complete.

use super::elem::Element;
use crate::addr::{Family, Prefix};
use crate::limits::PREFIX_BANS;
use heapless::Vec;

/// Elements that are kept: those of all prefixes that may be banned, and the end at 0 that `nft` adds.
const ELEMENTS: usize = 2 * PREFIX_BANS + 2;

/// The elements of one set, as they come.
#[derive(Debug)]
pub struct Ranges {
    elements: Vec<Element, ELEMENTS>,
    overflow: bool,
}

impl Ranges {
    /// No elements.
    #[must_use]
    pub const fn new() -> Self {
        Self { elements: Vec::new(), overflow: false }
    }

    /// Forgets the elements.
    pub fn clear(&mut self) {
        self.elements.clear();
        self.overflow = false;
    }

    /// Takes an element.
    pub fn push(&mut self, element: &Element) {
        self.overflow |= self.elements.push(*element).is_err();
    }

    /// Whether there were more elements than there is room for: some ranges are missing, or too long.
    #[must_use]
    pub const fn overflow(&self) -> bool {
        self.overflow
    }

    /// Tells `take` of each prefix of `family`, the family of the set, with the element that begins its range: one a range,
    /// unless others made it.
    pub fn prefixes(&self, family: Family, take: &mut dyn FnMut(Prefix, &Element)) {
        for element in self.elements.iter().filter(|element| !element.interval_end) {
            let Some(first) = element.addr(family) else { continue };
            let mut end = None;
            for behind in self.elements.iter().filter_map(|element| element.addr(family)) {
                if first < behind && end.is_none_or(|end| behind < end) {
                    end = Some(behind);
                }
            }
            Prefix::split(family, first, end, &mut |prefix| take(prefix, element));
        }
    }
}

impl Default for Ranges {
    fn default() -> Self {
        Self::new()
    }
}
