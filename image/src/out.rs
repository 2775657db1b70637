//! Text on its way to a descriptor: collected in a buffer, written in large pieces.

use core::fmt;
use edgeban_linux::Errno;
use edgeban_linux::fd::BorrowedFd;
use edgeban_linux::file;

/// A buffered writer. What does not fit is written out first; nothing is cut.
pub struct Out<'b> {
    fd: BorrowedFd<'static>,
    buffer: &'b mut [u8],
    len: usize,
    /// The first error; nothing is written after it.
    error: Option<Errno>,
}

impl<'b> Out<'b> {
    /// A writer to `fd` with this buffer.
    pub fn new(fd: BorrowedFd<'static>, buffer: &'b mut [u8]) -> Self {
        Self { fd, buffer, len: 0, error: None }
    }

    /// Adds bytes.
    pub fn bytes(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.error.is_none() {
            let room = self.buffer.get_mut(self.len..).unwrap_or_default();
            if room.is_empty() {
                self.flush();
                continue;
            }
            let (now, later) = bytes.split_at_checked(room.len()).unwrap_or((bytes, &[]));
            if let Some(room) = room.get_mut(..now.len()) {
                room.copy_from_slice(now);
            }
            self.len += now.len();
            bytes = later;
        }
    }

    /// Writes out what is collected.
    pub fn flush(&mut self) {
        if self.error.is_none()
            && let Some(bytes) = self.buffer.get(..self.len)
            && let Err(error) = file::write_all(self.fd, bytes)
        {
            self.error = Some(error);
        }
        self.len = 0;
    }

    /// Writes out what is collected and says whether everything went out.
    pub fn finish(mut self) -> Result<(), Errno> {
        self.flush();
        self.error.map_or(Ok(()), Err)
    }
}

impl fmt::Write for Out<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // A line comes in some ten pieces, which almost always fit.
        let end = self.len + text.len();
        match self.buffer.get_mut(self.len..end) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                self.len = end;
            }
            None => self.bytes(text.as_bytes()),
        }
        Ok(())
    }
}

/// Prints to an [`Out`]; its errors come with `finish`.
#[macro_export]
macro_rules! put {
    ($out:expr, $($arg:tt)*) => {{
        let _ = core::fmt::Write::write_fmt(&mut *$out, format_args!($($arg)*));
    }};
}

/// Bytes of a log or a configuration file as text that a terminal shows harmlessly: control characters and bytes that are not
/// UTF-8 become `\xHH`.
pub struct Printable<'a>(pub &'a [u8]);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.utf8_chunks() {
            for c in part.valid().chars() {
                if c.is_control() { write!(f, "\\x{:02x}", u32::from(c))? } else { fmt::Write::write_char(f, c)? }
            }
            for byte in part.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}
