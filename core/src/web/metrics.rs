//! `/metrics`: Prometheus' text format 0.0.4.

use super::World;
use super::text::{Label, Text};
use core::fmt::{self, Write};

/// A number of the daemon, by the same name in `/metrics` (with `edgeban_` before it) and in `/api/v1/status`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Number {
    /// Its name; that of one that only grows ends in `_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
}

const fn number(name: &'static str, help: &'static str) -> Number {
    Number { name, help }
}

/// The daemon's numbers.
pub const NUMBERS: [Number; 21] = [
    number("banned", "Bans that the kernel holds."),
    number("prefixes_banned", "Prefixes banned by hand that the kernel holds."),
    number("waiting", "Bans and unbans that the kernel has not confirmed."),
    number("bans_limit", "Most bans at one time."),
    number("tracked", "Addresses with failed attempts that are not banned."),
    number("tracked_limit", "Most of them at one time."),
    number("lines_total", "Lines read."),
    number("attempts_total", "Failed attempts in them."),
    number("ignored_total", "Failed attempts of addresses in ignoreip."),
    number("ignored_own_total", "Failed attempts of this machine's own addresses and gateways."),
    number("already_banned_total", "Failed attempts of addresses that were banned already."),
    number("decided_total", "Bans decided."),
    number("bans_total", "Bans that the kernel confirmed."),
    number("unbans_total", "Bans that ended."),
    number("refused_full_total", "Bans that found no room in the ban table."),
    number("evicted_total", "Addresses that were forgotten for lack of room."),
    number("protected_total", "Bans taken back because their address turned out to be protected."),
    number("events_dropped_total", "Events that an observer was too slow for."),
    number("table_disturbed_total", "Changes that others made to the table."),
    number("batches_refused_total", "Batches that the kernel refused."),
    number("answers_lost_total", "Answers of the kernel that were lost."),
];

/// Where `/metrics` goes on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// What is not in a table, then the daemon's numbers.
    Daemon(usize),
    /// One family of a jail's numbers, and which jail.
    Jail(usize, usize),
    /// One family of a source's numbers, and which source.
    Source(usize, usize),
}

const JAIL: [Number; 3] = [
    number("jail_banned", "Bans of the jail."),
    number("jail_attempts_total", "Failed attempts that the jail counted."),
    number("jail_bans_total", "Bans that the jail decided."),
];

const SOURCE: [Number; 4] = [
    number("source_up", "Whether the source can be read."),
    number("source_lines_total", "Lines read from the source."),
    number("source_bytes_total", "Bytes read from the source."),
    number("source_skipped_total", "Lines of the source that were skipped."),
];

fn head(number: Number, text: &mut Text<'_>) -> fmt::Result {
    let Number { name, help } = number;
    let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
    write!(text, "# HELP edgeban_{name} {help}\n# TYPE edgeban_{name} {kind}\n")
}

/// Writes a part, and says what comes after it.
pub fn next(step: Step, world: &impl World, text: &mut Text<'_>) -> Result<Option<Step>, fmt::Error> {
    match step {
        Step::Daemon(at) => {
            let facts = world.facts();
            if at == 0 {
                head(number("build_info", "The program's version, and what holds the bans."), text)?;
                let (version, backend, table) = (Label(facts.version), Label(facts.backend), Label(facts.table));
                writeln!(text, "edgeban_build_info{{version={version},backend={backend},table={table}}} 1")?;
                head(number("ready", "Whether the kernel holds the rules."), text)?;
                writeln!(text, "edgeban_ready {}", u8::from(facts.ready))?;
                head(number("uptime_seconds", "Seconds since the start."), text)?;
                writeln!(text, "edgeban_uptime_seconds {}", facts.uptime)?;
            }
            let (Some(number), Some(value)) = (NUMBERS.get(at), facts.numbers.get(at)) else {
                return Ok(Some(Step::Jail(0, 0)));
            };
            head(*number, text)?;
            writeln!(text, "edgeban_{} {value}", number.name)?;
            Ok(Some(Step::Daemon(at + 1)))
        }
        Step::Jail(family, at) => {
            let Some(number) = JAIL.get(family) else { return Ok(Some(Step::Source(0, 0))) };
            let Some(jail) = world.jail(at) else { return Ok(Some(Step::Jail(family + 1, 0))) };
            if at == 0 {
                head(*number, text)?;
            }
            let values = [jail.banned, jail.attempts, jail.bans];
            let value = values.get(family).copied().unwrap_or(0);
            writeln!(text, "edgeban_{}{{jail={}}} {value}", number.name, Label(jail.name))?;
            Ok(Some(Step::Jail(family, at + 1)))
        }
        Step::Source(family, at) => {
            let Some(number) = SOURCE.get(family) else { return Ok(None) };
            let Some(source) = world.source(at) else { return Ok(Some(Step::Source(family + 1, 0))) };
            if at == 0 {
                head(*number, text)?;
            }
            let values = [source.fault.is_none().into(), source.lines, source.bytes, source.skipped];
            let value = values.get(family).copied().unwrap_or(0);
            writeln!(text, "edgeban_{}{{source={}}} {value}", number.name, Label(source.name))?;
            Ok(Some(Step::Source(family, at + 1)))
        }
    }
}
