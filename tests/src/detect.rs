//! Reading log lines as the engine does.

use edgeban_core::detect::{Attempt, Filter, Mode, Sessions};

/// What a jail with this filter makes of a line.
#[must_use]
pub fn detect(filter: Filter, line: &[u8], mode: Mode, sessions: &mut Sessions) -> Option<Attempt> {
    filter.detect(mode, sessions, &filter.record(line)?)
}
