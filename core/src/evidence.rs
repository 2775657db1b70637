//! The last lines that counted, to answer why somebody is banned.
//!
//! A ring of [`EVIDENCE`] lines over all addresses: the newest takes the place of the oldest. So a flood leaves the evidence
//! of who came last, and an address that was banned long ago may have none; the history still knows how often it was.

use crate::addr::Addr;
use crate::limits::{EVIDENCE, EVIDENCE_TEXT};
use crate::time::Instant;

#[derive(Clone, Copy)]
struct Kept {
    addr: Addr,
    at: Instant,
    len: u16,
    text: [u8; EVIDENCE_TEXT],
}

/// The lines. Empty, it is all zero bytes, and becomes resident as it fills.
pub struct Evidence {
    lines: [Kept; EVIDENCE],
    /// Lines that were noted since the start.
    noted: u64,
}

/// A line that counted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Line<'a> {
    /// When it was read.
    pub at: Instant,
    /// Its first bytes, as they were in the log.
    pub text: &'a [u8],
}

impl Evidence {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        const NOTHING: Kept = Kept { addr: Addr::v6([0; 16]), at: Instant::ZERO, len: 0, text: [0; EVIDENCE_TEXT] };
        Self { lines: [NOTHING; EVIDENCE], noted: 0 }
    }

    /// Keeps a line that counted against `addr`.
    pub fn note(&mut self, addr: Addr, line: &[u8], at: Instant) {
        let place = self.place(self.noted);
        let Some(kept) = self.lines.get_mut(place) else { return };
        let len = line.len().min(EVIDENCE_TEXT);
        if let (Some(room), Some(text)) = (kept.text.get_mut(..len), line.get(..len)) {
            room.copy_from_slice(text);
        }
        (kept.addr, kept.at, kept.len) = (addr, at, u16::try_from(len).unwrap_or(0));
        self.noted += 1;
    }

    fn place(&self, number: u64) -> usize {
        let len = u64::try_from(self.lines.len()).unwrap_or(1);
        usize::try_from(number % len).unwrap_or(0)
    }

    /// What is kept of the addresses that `is_one` takes, the oldest first.
    pub fn of<'e>(&'e self, is_one: impl Fn(Addr) -> bool + 'e) -> impl Iterator<Item = Line<'e>> {
        let kept = u64::try_from(self.lines.len()).unwrap_or(0);
        let all = self.noted.saturating_sub(kept)..self.noted;
        all.filter_map(move |number| {
            let kept = self.lines.get(self.place(number)).filter(|kept| is_one(kept.addr))?;
            Some(Line { at: kept.at, text: kept.text.get(..kept.len.into())? })
        })
    }
}

impl Default for Evidence {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::boxed::Box;
    use std::format;
    use std::vec::Vec;

    #[test]
    fn the_last_lines_of_an_address_are_kept_until_newer_ones_need_the_room() {
        let mut evidence = Box::new(Evidence::new());
        let (one, other) = (Addr::v4([10, 1, 1, 1]), Addr::v4([10, 1, 1, 2]));
        let long = [b'x'; EVIDENCE_TEXT + 50];
        evidence.note(one, b"first", Instant::from_millis(1));
        evidence.note(other, b"of another", Instant::from_millis(2));
        evidence.note(one, &long, Instant::from_millis(3));
        let of_one = |evidence: &Evidence| {
            let lines = evidence.of(|addr| addr == one);
            lines.map(|line| (line.at.as_millis(), line.text.to_vec())).collect::<Vec<_>>()
        };
        assert_eq!(of_one(&evidence), [(1, b"first".to_vec()), (3, long[..EVIDENCE_TEXT].to_vec())]);
        for n in 0..EVIDENCE - 1 {
            evidence.note(other, format!("{n}").as_bytes(), Instant::from_millis(4));
        }
        assert_eq!(of_one(&evidence).len(), 1);
        evidence.note(other, b"and one more", Instant::from_millis(5));
        assert_eq!(of_one(&evidence).len(), 0);
        assert_eq!(evidence.of(|_| true).count(), EVIDENCE);
    }
}
