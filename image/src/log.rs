//! The daemon's own log: one line an event on standard error, where procd, systemd and a terminal all expect it.
//!
//! Lines begin with `edgeban: LEVEL: `, which is no filter's program name, so edgeban never counts its own words. They
//! carry no time: whoever collects them adds one. Each turn of the loop writes once.

use crate::out::Out;
use core::fmt;
use edgeban_core::config::model::LogLevel;
use edgeban_linux::fd::BorrowedFd;

/// Bytes that are collected before they are written.
pub const BUFFER: usize = 4096;

/// The log.
pub struct Log<'b> {
    out: Out<'b>,
    level: LogLevel,
}

impl<'b> Log<'b> {
    /// A log that says what is at least as grave as `level`.
    pub fn new(level: LogLevel, buffer: &'b mut [u8; BUFFER]) -> Self {
        Self { out: Out::new(BorrowedFd::STDERR, buffer), level }
    }

    /// From now on says what is at least as grave as `level`.
    pub fn set_level(&mut self, level: LogLevel) {
        self.level = level;
    }

    /// Whether lines of this level are written.
    pub fn says(&self, level: LogLevel) -> bool {
        level <= self.level
    }

    /// Adds a line.
    pub fn line(&mut self, level: LogLevel, text: fmt::Arguments<'_>) {
        if self.says(level) {
            crate::put!(&mut self.out, "edgeban: {}: {text}\n", name(level));
        }
    }

    /// Writes what was added. A log that nobody can read is no reason to stop protecting.
    pub fn flush(&mut self) {
        self.out.flush();
    }
}

const fn name(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error",
        LogLevel::Warning => "warning",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    }
}

/// Adds a line at a level to the log.
#[macro_export]
macro_rules! log {
    ($log:expr, $level:ident, $($arg:tt)*) => {
        $log.line(edgeban_core::config::model::LogLevel::$level, format_args!($($arg)*))
    };
}
