//! A decoded key or string: a piece of the file where it has no escapes, else a copy in a fixed buffer.

use crate::limits;
use heapless::String;
use toml_parser::decoder::StringBuilder;

/// Bytes of a string with escapes or underscores: a whole `ignoreip` list in one string (46 bytes an address, a prefix
/// length, a separator, some escapes).
const CAPACITY: usize = limits::IGNOREIP * 64;

static_assertions::const_assert!(CAPACITY > limits::PATH + 1);

/// What `toml_parser` decodes into.
pub(super) struct Text<'t> {
    piece: &'t str,
    copy: String<CAPACITY>,
    copied: bool,
    /// The string was longer than the buffer.
    pub full: bool,
}

impl<'t> Text<'t> {
    pub(super) const fn new() -> Self {
        Self { piece: "", copy: String::new(), copied: false, full: false }
    }

    /// How much a string that has to be copied may hold.
    pub(super) const CAPACITY: usize = CAPACITY;

    pub(super) fn as_str(&self) -> &str {
        if self.copied { &self.copy } else { self.piece }
    }

    fn append(&mut self, more: &str) -> bool {
        if !self.copied {
            self.copied = true;
            self.full |= self.copy.push_str(self.piece).is_err();
        }
        self.full |= self.copy.push_str(more).is_err();
        !self.full
    }
}

impl<'t> StringBuilder<'t> for Text<'t> {
    fn clear(&mut self) {
        self.piece = "";
        self.copy.clear();
        self.copied = false;
        self.full = false;
    }

    fn push_str(&mut self, append: &'t str) -> bool {
        if append.is_empty() {
            true
        } else if !self.copied && self.piece.is_empty() {
            self.piece = append;
            true
        } else {
            self.append(append)
        }
    }

    fn push_char(&mut self, append: char) -> bool {
        self.append(append.encode_utf8(&mut [0; 4]))
    }
}
