//! Reading log lines as the engine does.

use edgeban_core::detect::{Attempt, Filter, Mode, Sessions};
use edgeban_core::source::syslog::Record;

/// What a jail with this filter makes of a line.
#[must_use]
pub fn detect(filter: Filter, line: &[u8], mode: Mode, sessions: &mut Sessions) -> Option<Attempt> {
    let record = Record::parse(line);
    match record {
        Some(record) if filter.is_program(record.program) => filter.detect(mode, sessions, &record),
        _ if !filter.has_own_log() => None,
        Some(record) if Filter::of_program(record.program).is_some() => None,
        _ => filter.detect(mode, sessions, &Filter::own_record(line)?),
    }
}
