//! The header of a log line: RFC 3164 (with and without year), RFC 5424, ISO 8601, or only `host program[pid]:`.

/// When a line says that it was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stamp {
    /// The header has a full date.
    Wall(crate::time::WallTime),
    /// RFC 3164 without a year: seconds since the start of a leap year.
    OfYear(u32),
}

/// A log line, split from its header. Everything in it is still an allegation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Record<'a> {
    /// The header's time, if it has one.
    pub stamp: Option<Stamp>,
    /// The program's name, without directory, `[pid]` or colon.
    pub program: &'a [u8],
    /// The process id in brackets.
    pub pid: Option<u32>,
    /// What the program said, without the line's end.
    pub message: &'a [u8],
}

impl<'a> Record<'a> {
    /// Splits a line (without its newline) into header and message; `None` if it has no header of a known form.
    #[must_use]
    pub fn parse(_line: &'a [u8]) -> Option<Self> {
        None
    }
}
