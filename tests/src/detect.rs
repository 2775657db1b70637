//! Reading log lines as the engine does.

use edgeban_core::detect::{Attempt, Filter, Mode, Sessions};
use edgeban_core::source::syslog::Record;

/// What a jail with this filter makes of a line.
#[must_use]
pub fn detect(filter: Filter, line: &[u8], mode: Mode, sessions: &mut Sessions) -> Option<Attempt> {
    let record = Record::parse(line);
    let tagged = record.and_then(|record| Filter::of_program(record.program));
    filter.detect(mode, sessions, &filter.pick(line, record.as_ref(), tagged)?)
}
