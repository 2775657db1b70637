//! From bytes to lines, without copying any: the lines are slices of the caller's chunk.
//!
//! An unfinished line stays with the caller, who hands its bytes in again together with what follows. So there is no
//! buffer here, and a line is never glued from pieces of two files. A line over [`LINE`] bytes is skipped whole and
//! counted once; only that it is being skipped is remembered from chunk to chunk.
//!
//! NUL bytes before a line are passed over. They are the hole that a writer without `O_APPEND` leaves when its file is
//! truncated under it, and the blocks that were allocated but never written before a power cut.
//!
//! A line that Docker cut into records is not delivered: its first record is longer than [`LINE`], and the others are told
//! by [`Pieces`].
//!
//! Not here: the `\r` of a CR LF end, characters, syslog headers.

use memchr::memchr_iter;

use super::docker::Pieces;
use crate::limits::LINE;

/// What is remembered between two chunks of one stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Framer {
    skipping: bool,
    pieces: Pieces,
}

/// What became of a chunk.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct Framed {
    /// Bytes that need not be handed in again; the others are the start of an unfinished line.
    pub consumed: usize,
    /// Lines delivered.
    pub lines: u64,
    /// Lines found to be longer than [`LINE`], each counted once, in the chunk that shows it.
    pub overlong: u64,
}

impl Framer {
    /// A framer at the start of a line, of which nothing was written before.
    #[must_use]
    pub const fn new() -> Self {
        Self { skipping: false, pieces: Pieces::NONE }
    }

    /// A framer at the start of a line, behind others that are not known.
    #[must_use]
    pub const fn behind_others() -> Self {
        Self { skipping: false, pieces: Pieces::UNKNOWN }
    }

    /// A framer inside a line whose beginning is unknown: its rest is passed over and not counted.
    #[must_use]
    pub const fn inside_line() -> Self {
        Self { skipping: true, pieces: Pieces::UNKNOWN }
    }

    /// Hands each complete line of `chunk` to `sink`, without its newline. The chunk begins with the bytes that the
    /// last call did not consume. Whoever hands in more than [`LINE`] bytes at a time always gets some consumed.
    pub fn feed(&mut self, chunk: &[u8], mut sink: impl FnMut(&[u8])) -> Framed {
        let mut framed = Framed::default();
        let mut start = 0;
        for newline in memchr_iter(b'\n', chunk) {
            let line = chunk.get(start..newline).unwrap_or_default();
            start = newline + 1;
            if self.skipping {
                self.skipping = false;
                continue;
            }
            let line = without_hole(line);
            if line.len() > LINE {
                framed.overlong += 1;
                self.pieces = Pieces::UNKNOWN;
            } else if self.pieces.is_start(line) {
                framed.lines += 1;
                sink(line);
            }
        }
        framed.consumed = start;
        let rest = chunk.get(start..).unwrap_or_default();
        if rest.len() > LINE && !self.skipping {
            let text = without_hole(rest);
            // A hole of NULs alone is not a line yet, so what follows it must not be skipped.
            framed.consumed = chunk.len() - text.len();
            if text.len() > LINE {
                framed.overlong += 1;
                *self = Self::inside_line();
            }
        }
        if self.skipping {
            framed.consumed = chunk.len();
        }
        framed
    }

    /// The unfinished line at the end of a stream that will not grow any more, as a line; `rest` is what
    /// [`Framer::feed`] did not consume.
    #[must_use]
    pub fn last_line<'a>(&self, rest: &'a [u8]) -> Option<&'a [u8]> {
        let line = without_hole(rest);
        let Self { skipping, mut pieces } = *self;
        (!skipping && !line.is_empty() && pieces.is_start(line)).then_some(line)
    }
}

/// `line` without the NUL bytes before it.
fn without_hole(line: &[u8]) -> &[u8] {
    match line.first() {
        Some(0) => line.get(line.iter().take_while(|&&byte| byte == 0).count()..).unwrap_or_default(),
        _ => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec;
    use std::vec::Vec;

    /// Feeds `text` in steps of `step` bytes as a reader with a buffer would; the lines, the sum, and what is left.
    fn run(framer: &mut Framer, text: &[u8], step: usize) -> (Vec<Vec<u8>>, Framed, Vec<u8>) {
        let (mut lines, mut sum, mut held) = (Vec::new(), Framed::default(), Vec::new());
        for piece in text.chunks(step) {
            held.extend_from_slice(piece);
            let framed = framer.feed(&held, |line| lines.push(line.to_vec()));
            held.drain(..framed.consumed);
            sum.consumed += framed.consumed;
            sum.lines += framed.lines;
            sum.overlong += framed.overlong;
        }
        (lines, sum, held)
    }

    #[test]
    fn lines_are_cut_at_newlines_and_the_rest_stays() {
        let (lines, framed, rest) = run(&mut Framer::new(), b"one\n\ntwo\nthr", 100);
        assert_eq!(lines, [b"one".to_vec(), vec![], b"two".to_vec()]);
        assert_eq!(framed, Framed { consumed: 9, lines: 3, overlong: 0 });
        assert_eq!(rest, b"thr");
    }

    #[test]
    fn the_longest_line_passes_and_one_byte_more_is_skipped_whole() {
        for step in [1000, 4096, LINE, 10 * LINE] {
            for (len, overlong) in [(LINE, 0), (LINE + 1, 1), (5 * LINE, 1)] {
                let mut text = vec![b'x'; len];
                text.extend_from_slice(b"\nnext\n");
                let (lines, framed, rest) = run(&mut Framer::new(), &text, step);
                assert_eq!(framed.overlong, overlong, "{len} by {step}");
                assert_eq!(lines.last().map(Vec::as_slice), Some(b"next".as_slice()));
                assert_eq!(lines.len(), 2 - usize::from(overlong == 1));
                assert!(rest.is_empty());
            }
        }
    }

    #[test]
    fn the_rest_of_a_line_whose_start_is_unknown_is_no_line() {
        let (lines, framed, _) = run(&mut Framer::inside_line(), b"st of it\nwhole\n", 3);
        assert_eq!((lines, framed.overlong), (vec![b"whole".to_vec()], 0));
    }

    #[test]
    fn a_hole_before_a_line_does_not_cost_the_line() {
        for hole in [1, LINE, LINE + 1, 3 * LINE] {
            for step in [500, 10 * LINE] {
                let mut text = vec![0; hole];
                text.extend_from_slice(b"after\n");
                let (lines, framed, _) = run(&mut Framer::new(), &text, step);
                assert_eq!((lines, framed.overlong), (vec![b"after".to_vec()], 0), "{hole} by {step}");
            }
        }
    }

    #[test]
    fn the_last_line_of_a_finished_stream_counts_unless_it_is_skipped() {
        assert_eq!(Framer::new().last_line(b"end"), Some(b"end".as_slice()));
        assert_eq!(Framer::new().last_line(b""), None);
        assert_eq!(Framer::new().last_line(b"\0\0"), None);
        assert_eq!(Framer::inside_line().last_line(b"end"), None);
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_lines_that_splitting_gives(
            parts in prop::collection::vec((prop::sample::select(vec![0, 1, 40, 200, LINE - 1, LINE, LINE + 1, 3 * LINE]), any::<bool>()), 0..12),
            step in 1usize..3 * LINE,
        ) {
            let mut text = Vec::new();
            for (nr, &(len, newline)) in (b'a'..).zip(&parts) {
                text.extend(std::iter::repeat_n(nr, len));
                if newline {
                    text.push(b'\n');
                }
            }
            let (lines, framed, rest) = run(&mut Framer::new(), &text, step);
            let mut whole: Vec<&[u8]> = text.split(|&byte| byte == b'\n').collect();
            let unfinished = whole.pop().unwrap();
            let long = whole.iter().filter(|line| line.len() > LINE).count() + usize::from(unfinished.len() > LINE);
            whole.retain(|line| line.len() <= LINE);
            prop_assert_eq!(lines, whole);
            prop_assert_eq!(framed.overlong, u64::try_from(long).unwrap());
            prop_assert_eq!(rest, if unfinished.len() > LINE { &[] } else { unfinished });
        }
    }
}
