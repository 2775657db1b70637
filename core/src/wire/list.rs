//! A message that ends with one nest of entries and grows entry by entry.

use super::buf::{Full, Mark, Writer};

/// A message with its list. It is complete after every call, so it may be left at any point; one without entries is
/// taken back by [`OpenList::finish`].
#[derive(Debug)]
pub struct OpenList<'w, 'a> {
    w: &'w mut Writer<'a>,
    message: usize,
    start: Mark,
    list: usize,
    count: usize,
}

impl<'w, 'a> OpenList<'w, 'a> {
    /// Opens the message that `write` writes, header and all. It ends by writing the empty nest, and returns where
    /// that begins.
    ///
    /// # Errors
    /// What `write` says; nothing is then written.
    pub fn begin(
        w: &'w mut Writer<'a>,
        write: impl FnOnce(&mut Writer<'a>) -> Result<usize, Full>,
    ) -> Result<Self, Full> {
        let start = w.mark();
        let message = w.len();
        let list = w.whole(write)?;
        Ok(Self { w, message, start, list, count: 0 })
    }

    /// Adds the entry that `write` writes.
    ///
    /// # Errors
    /// [`Full`] if the buffer or the list's `u16` length has no room; the message is then as it was, complete and valid
    /// with the entries before.
    pub fn push(&mut self, write: impl FnOnce(&mut Writer<'a>) -> Result<(), Full>) -> Result<(), Full> {
        let Self { w, message, list, .. } = self;
        w.whole(|w| {
            write(w)?;
            let nest = u16::try_from(w.len().saturating_sub(*list)).map_err(|_| Full)?;
            let whole = u32::try_from(w.len().saturating_sub(*message)).map_err(|_| Full)?;
            w.patch_u16(*list, nest)?;
            w.patch_u32(*message, whole)
        })?;
        self.count = self.count.saturating_add(1);
        Ok(())
    }

    /// Entries so far.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// Ends the message and says how many entries it has; with none, the message is taken back.
    #[must_use = "0 means that there is no message"]
    pub const fn finish(self) -> usize {
        if self.count == 0 {
            self.w.rewind(self.start);
        }
        self.count
    }
}
