//! Turns one scalar into a setting, or into an error.

use super::duration::{self, Fault};
use super::error::{AddressFault, Hint, Limit, PathFault, Problem, Report};
use super::key::Key;
use super::model::{Backend, BanTime, ControlGroup, Global, Jail, Journal, Listen, LogLevel, OnStop};
use super::suggest;
use super::text::{Text, place};
use crate::addr::{Prefix, Widths};
use crate::ban::ladder::ONE;
use crate::detect::Mode;
use crate::detect::custom::{self, Filters};
use crate::detect::template::{self, Use};
use crate::firewall::nft::Foreign;
use crate::limits;
use crate::source::feed::Feed;
use crate::source::journal::{Matches, Refused};
use crate::time::Duration;
use crate::wire::nft::chain::{Device, Hook};
use crate::wire::nft::rule::Verdict;
use heapless::{String, Vec};
use toml_parser::decoder::ScalarKind;
use toml_parser::{ParseError, Raw, Span};

/// Where the setting goes.
pub(super) enum Target<'a> {
    Global(&'a mut Global),
    Jail(&'a mut Jail),
    Filter(&'a mut Filters, u8),
    Journal(&'a mut Journal),
}

/// Nothing more of this value is worth reading.
pub(super) struct Full;

/// Takes one value of `key`: the only one, or one of an array, to whose list it is added.
///
/// # Errors
/// [`Full`] if the list has no room; it is reported, and so would be all that follow.
pub(super) fn set(
    target: Target<'_>,
    key: Key,
    raw: Raw<'_>,
    in_array: bool,
    span: Span,
    report: &mut Report<'_, '_>,
) -> Result<(), Full> {
    let mut text = Text::new();
    let Some(kind) = decode(raw, key, span, &mut text, report) else { return Ok(()) };
    let text = text.as_str();
    let value = match kind {
        ScalarKind::Boolean(value) => Value::Bool(value),
        ScalarKind::Integer(radix) => {
            let digits = text.trim_start_matches(['+', '-']);
            let number = if digits.is_empty() { None } else { Some(u64::from_str_radix(digits, radix.value()).ok()) };
            match number {
                Some(number) => Value::Number { number, negative: raw.as_str().starts_with('-') },
                None => Value::Other("an incomplete number"),
            }
        }
        ScalarKind::String => Value::Text(text),
        ScalarKind::Float => Value::Float(text),
        ScalarKind::DateTime => Value::Other("a date or time"),
    };
    let problem = match (target, key, &value) {
        (Target::Global(global), Key::Devices, Value::Text(_)) if !in_array => {
            global.devices.clear();
            in_global(global, key, &value)
        }
        (Target::Jail(jail), Key::Logpath, Value::Text(text)) => {
            if !in_array {
                jail.logpath.clear();
            }
            add_path(&mut jail.logpath, text)
        }
        (Target::Jail(jail), Key::Ignoreip, Value::Text(text)) => {
            if in_array {
                add_prefix(&mut jail.ignoreip, text, span, report)?;
            } else {
                jail.ignoreip.clear();
                for piece in text.split(|c: char| c == ',' || c.is_ascii_whitespace()).filter(|piece| !piece.is_empty())
                {
                    add_prefix(&mut jail.ignoreip, piece, span, report)?;
                }
            }
            Ok(())
        }
        (Target::Jail(jail), Key::Journalmatch, Value::Text(text)) => {
            if in_array {
                add_match(&mut jail.journalmatch, key, text)
            } else {
                jail.journalmatch.clear();
                // As fail2ban has them.
                text.split_ascii_whitespace().try_for_each(|text| add_match(&mut jail.journalmatch, key, text))
            }
        }
        (Target::Jail(_), Key::BantimeMultipliers, _) if !in_array => Err(value.is_not(key)),
        (Target::Filter(filters, number), _, Value::Text(text)) => {
            let of = if key == Key::Match { Use::Match } else { Use::Ignore };
            match template::check_custom(text.as_bytes(), of) {
                Ok(()) => filters.push(number, of, text).map_err(|full| match full {
                    custom::Full::Templates => Problem::TooMany(Limit::Templates),
                    custom::Full::Text => Problem::TooMany(Limit::TemplateText),
                }),
                Err(fault) => {
                    report.at(span.start() + place(raw.as_str(), fault.at()), text, Problem::Template(fault));
                    Ok(())
                }
            }
        }
        (Target::Journal(journal), Key::Directory, Value::Text("")) => {
            journal.directory.clear();
            Ok(())
        }
        (Target::Journal(journal), Key::Directory, Value::Text(text)) => directory(key, text)
            .and_then(|path| fixed(path, Limit::JournalDirectory))
            .map(|path| journal.directory = path),
        (Target::Filter(..) | Target::Journal(_), ..) => Err(value.is_not(key)),
        (Target::Jail(jail), ..) => in_jail(jail, key, &value),
        (Target::Global(global), ..) => in_global(global, key, &value),
    };
    if let Err(problem) = problem {
        let quote = match (problem, &value) {
            (Problem::Type(..), _) => raw.as_str(),
            (_, Value::Text(text)) => text,
            _ => raw.as_str(),
        };
        report.at(span.start(), quote, problem);
        if matches!(problem, Problem::TooMany(_)) {
            return Err(Full);
        }
    }
    Ok(())
}

/// A decoded scalar.
enum Value<'a> {
    Bool(bool),
    /// `None` is more than 64 bits.
    Number {
        number: Option<u64>,
        negative: bool,
    },
    Text(&'a str),
    Float(&'a str),
    /// No key takes this.
    Other(&'static str),
}

impl Value<'_> {
    const fn is_not(&self, key: Key) -> Problem<'static> {
        let found = match self {
            Self::Bool(_) => "a boolean",
            Self::Number { .. } => "an integer",
            Self::Text(_) => "a string",
            Self::Float(_) => "a float",
            Self::Other(found) => found,
        };
        Problem::Type(found, key)
    }
}

/// Decodes a scalar; `None` if it is wrong in itself, which is reported.
fn decode<'t>(
    raw: Raw<'t>,
    key: Key,
    span: Span,
    text: &mut Text<'t>,
    report: &mut Report<'_, '_>,
) -> Option<ScalarKind> {
    let (start, written) = (span.start(), raw.as_str());
    if written.is_empty() {
        report.at(start, "", Problem::Missing(key));
        return None;
    }
    let mut error: Option<ParseError> = None;
    let kind = raw.decode_scalar(text, &mut error);
    if text.full {
        report.at(start, written, Problem::TooLong { bytes: written.len(), limit: Limit::Decoded });
        return None;
    }
    let Some(error) = error else { return Some(kind) };
    // The decoder guesses a word's type by its first letter, here the key is known.
    let word = written.bytes().any(|b| b.is_ascii_alphabetic());
    let quoted = written.starts_with(['"', '\'']) || written.ends_with(['"', '\'']);
    match key {
        _ if quoted => report.syntax(&error),
        _ if key.is_flag() || takes_number(key) => {
            if word {
                report.at(start, written, Problem::Malformed(key))
            } else {
                report.syntax(&error)
            }
        }
        Key::Findtime | Key::Bantime | Key::BantimeMaxtime | Key::BantimeRndtime | Key::StateSync if !word => {
            report.syntax(&error)
        }
        _ => report.at(start, written, Problem::Unquoted(key)),
    }
    None
}

/// Whether the key takes a number and nothing else.
const fn takes_number(key: Key) -> bool {
    matches!(key, Key::Maxretry | Key::Ipv4Prefix | Key::Ipv6Prefix | Key::BantimeFactor | Key::BantimeMultipliers)
}

fn in_global(global: &mut Global, key: Key, value: &Value<'_>) -> Result<(), Problem<'static>> {
    match (key, value) {
        (Key::Backend, Value::Text(text)) => global.backend = word(key, text, Backend::ALL)?,
        (Key::LogLevel, Value::Text(text)) => global.log_level = word(key, text, LogLevel::ALL)?,
        (Key::OnStop, Value::Text(text)) => global.on_stop = word(key, text, OnStop::ALL)?,
        (Key::Hook, Value::Text(text)) => global.hook = word(key, text, Hook::ALL)?,
        (Key::Verdict, Value::Text(text)) => global.verdict = word(key, text, Verdict::ALL)?,
        (Key::Foreign, Value::Text(text)) => global.foreign = word(key, text, Foreign::ALL)?,
        (Key::KillConnections, Value::Bool(on)) => global.kill_connections = *on,
        (Key::Counters, Value::Bool(on)) => global.counters = *on,
        (Key::ProtectTable, Value::Bool(on)) => global.protect_table = *on,
        (Key::Ipv4Prefix, _) => global.widths.v4 = prefix_length(key, value, Widths::FULL.v4)?,
        (Key::Ipv6Prefix, _) => global.widths.v6 = prefix_length(key, value, Widths::FULL.v6)?,
        (Key::Devices, Value::Text(text)) => {
            // The kernel's own rule (`dev_valid_name`): no slash, no white space, not `.` or `..`.
            let fits = |b: u8| b.is_ascii_graphic() && b != b'/' && b != b':';
            if text.is_empty() || matches!(*text, "." | "..") || !text.bytes().all(fits) {
                return Err(Problem::Malformed(key));
            }
            let name: Device = fixed(text, Limit::Device)?;
            if !global.devices.contains(&name) {
                global.devices.push(name).map_err(|_| Problem::TooMany(Limit::Devices))?;
            }
        }
        (Key::ControlGroup, Value::Number { number, negative }) => {
            let number = number.filter(|_| !negative).and_then(|number| u32::try_from(number).ok());
            // The last is nobody's: chown(2) leaves the group as it is.
            let number = number.filter(|number| *number != u32::MAX).ok_or(Problem::Range(key))?;
            global.control_group = ControlGroup::Number(number);
        }
        (Key::ControlGroup, Value::Text("")) => global.control_group = ControlGroup::Nobody,
        (Key::ControlGroup, Value::Text(text)) => {
            if !text.bytes().all(|b| b.is_ascii_graphic() && b != b':') {
                return Err(Problem::Malformed(key));
            }
            global.control_group = ControlGroup::Name(fixed(text, Limit::GroupName)?);
        }
        (Key::RunDir, Value::Text(text)) => global.run_dir = fixed(directory(key, text)?, Limit::RunDir)?,
        (Key::StateDir, Value::Text("")) => global.state_dir.clear(),
        (Key::StateDir, Value::Text(text)) => global.state_dir = fixed(directory(key, text)?, Limit::StateDir)?,
        (Key::StateSync, _) => global.state_sync = span_of_time(key, value, 0, limits::STATE_SYNC_SECS)?,
        (Key::Web, Value::Text("off")) => global.web = None,
        (Key::Web, Value::Text(text)) => global.web = Some(Listen::parse(text).ok_or(Problem::Malformed(key))?),
        (Key::WebToken, Value::Text(text)) => {
            let fits = text.is_empty() || (limits::WEB_TOKEN_LEAST..=limits::WEB_TOKEN).contains(&text.len());
            if !fits || !text.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(Problem::Malformed(key));
            }
            // Its length was held against the capacity.
            global.web_token = String::try_from(*text).unwrap_or_default();
        }
        (Key::Table, Value::Text(text)) => {
            let letters = |b: u8| b.is_ascii_alphanumeric() || b"_.-".contains(&b);
            if !text.bytes().all(letters) || !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
                return Err(Problem::Malformed(key));
            }
            global.table = fixed(text, Limit::TableName)?;
        }
        _ => return Err(value.is_not(key)),
    }
    Ok(())
}

/// A path without the slash at its end.
fn directory(key: Key, text: &str) -> Result<&str, Problem<'static>> {
    let path = text.trim_end_matches('/');
    if path.starts_with('/') && !path.contains(char::is_control) { Ok(path) } else { Err(Problem::Malformed(key)) }
}

/// A number of bits from 1 to `most`.
fn prefix_length(key: Key, value: &Value<'_>, most: u8) -> Result<u8, Problem<'static>> {
    let Value::Number { number, negative } = value else { return Err(value.is_not(key)) };
    let bits = number.filter(|_| !negative).and_then(|number| u8::try_from(number).ok());
    bits.filter(|bits| (1..=most).contains(bits)).ok_or(Problem::Range(key))
}

fn in_jail(jail: &mut Jail, key: Key, value: &Value<'_>) -> Result<(), Problem<'static>> {
    match (key, value) {
        (Key::Enabled, Value::Bool(enabled)) => jail.enabled = *enabled,
        (Key::Ignoreself, Value::Bool(on)) => jail.ignoreself = *on,
        (Key::Mode, Value::Text(text)) => jail.mode = word(key, text, Mode::ALL)?,
        // Looked up when all filters are known.
        (Key::Filter, Value::Text(_)) => {}
        (Key::Maxretry, Value::Number { number, negative: false }) => {
            let number = number.and_then(|number| u32::try_from(number).ok());
            jail.maxretry = number.filter(|n| (1..=limits::MAXRETRY).contains(n)).ok_or(Problem::Range(key))?;
        }
        (Key::Maxretry, Value::Number { .. }) => return Err(Problem::Range(key)),
        (Key::Findtime, _) => jail.findtime = span_of_time(key, value, 1, limits::FINDTIME_SECS)?,
        (Key::Bantime, Value::Text("permanent") | Value::Number { number: Some(1), negative: true }) => {
            jail.bantime = BanTime::Permanent;
        }
        (Key::Bantime, _) => jail.bantime = BanTime::For(span_of_time(key, value, 1, limits::BANTIME_SECS)?),
        (Key::BantimeIncrement, Value::Bool(on)) => jail.growth.increment = *on,
        (Key::BantimeOveralljails, Value::Bool(on)) => jail.growth.overalljails = *on,
        (Key::BantimeFactor, _) => jail.growth.factor = factor(key, value)?,
        (Key::BantimeMaxtime, _) => jail.growth.maxtime = span_of_time(key, value, 1, limits::BANTIME_SECS)?,
        (Key::BantimeRndtime, _) => jail.growth.rndtime = span_of_time(key, value, 0, limits::BANTIME_SECS)?,
        (Key::BantimeMultipliers, Value::Number { number, negative }) => {
            let times = number.filter(|_| !negative).and_then(|number| u32::try_from(number).ok());
            let times = times.filter(|times| (1..=limits::MULTIPLIER).contains(times)).ok_or(Problem::Range(key))?;
            jail.growth.multipliers.push(times).map_err(|_| Problem::TooMany(Limit::Multipliers))?;
        }
        _ => return Err(value.is_not(key)),
    }
    Ok(())
}

/// A factor in thousandths.
fn factor(key: Key, value: &Value<'_>) -> Result<u32, Problem<'static>> {
    let thousandths = match *value {
        Value::Number { number, negative: false } => number.and_then(|number| number.checked_mul(ONE.into())),
        Value::Number { .. } => None,
        Value::Float(text) => {
            let (whole, parts) = text.split_once('.').ok_or(Problem::Malformed(key))?;
            let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            let places = parts.trim_end_matches('0');
            if !digits(whole.trim_start_matches('+')) || !digits(places) || places.len() > 3 {
                return Err(Problem::Malformed(key));
            }
            let parts = places.bytes().chain(*b"00").take(3).fold(0, |parts, b| 10 * parts + u64::from(b - b'0'));
            let whole = whole.parse::<u64>().ok().and_then(|whole| whole.checked_mul(ONE.into()));
            whole.and_then(|whole| whole.checked_add(parts))
        }
        _ => return Err(value.is_not(key)),
    };
    let thousandths = thousandths.and_then(|thousandths| u32::try_from(thousandths).ok());
    thousandths.filter(|factor| (1..=limits::FACTOR * ONE).contains(factor)).ok_or(Problem::Range(key))
}

/// A span of time from `least` to `most` seconds.
fn span_of_time(key: Key, value: &Value<'_>, least: u64, most: u64) -> Result<Duration, Problem<'static>> {
    let seconds = match value {
        Value::Number { number, negative: false } => *number,
        Value::Number { .. } => None,
        Value::Text(text) => match duration::seconds(text) {
            Ok(seconds) => Some(seconds),
            Err(Fault::Overflow) => None,
            Err(Fault::Malformed) => return Err(Problem::Malformed(key)),
        },
        _ => return Err(value.is_not(key)),
    };
    match seconds {
        Some(seconds) if (least..=most).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(Problem::Range(key)),
    }
}

/// The one of `all` that `text` names; `key.words()` are their names in the same order.
fn word<T, const N: usize>(key: Key, text: &str, all: [T; N]) -> Result<T, Problem<'static>> {
    let words = key.words();
    let found = all.into_iter().zip(words).find(|(_, word)| **word == text);
    found.map(|(value, _)| value).ok_or_else(|| {
        let hint = match suggest::backend(text) {
            Some(hint) if key == Key::Backend => hint,
            _ => suggest::nearest(text, words.iter().copied()).map_or(Hint::None, Hint::Near),
        };
        Problem::Word(key, hint)
    })
}

fn fixed<const N: usize>(text: &str, limit: Limit) -> Result<String<N>, Problem<'static>> {
    String::try_from(text).map_err(|_| Problem::TooLong { bytes: text.len(), limit })
}

fn add_path(
    list: &mut Vec<String<{ limits::PATH }>, { limits::LOGPATHS }>,
    path: &str,
) -> Result<(), Problem<'static>> {
    let fault = if !path.starts_with('/') && Feed::from_name(path).is_none() {
        PathFault::Relative
    } else if path.contains(char::is_control) {
        PathFault::Control
    } else if path.contains(['*', '?', '[']) {
        PathFault::Pattern
    } else if path.ends_with('/') {
        PathFault::Directory
    } else if list.iter().any(|other| other == path) {
        PathFault::Duplicate
    } else {
        return list.push(fixed(path, Limit::Path)?).map_err(|_| Problem::TooMany(Limit::Logpaths));
    };
    Err(Problem::Path(fault))
}

/// Adds a match.
fn add_match(matches: &mut Matches, key: Key, text: &str) -> Result<(), Problem<'static>> {
    matches.add(text).map_err(|refused| match refused {
        Refused::Malformed => Problem::Malformed(key),
        Refused::Full => Problem::TooMany(Limit::Journalmatch),
    })
}

/// Adds a prefix, unless the list has it.
fn add_prefix(
    list: &mut Vec<Prefix, { limits::IGNOREIP }>,
    text: &str,
    span: Span,
    report: &mut Report<'_, '_>,
) -> Result<(), Full> {
    match Prefix::parse(text.as_bytes()) {
        Ok(prefix) if list.contains(&prefix) => {}
        Ok(prefix) => {
            if list.push(prefix).is_err() {
                report.at(span.start(), text, Problem::TooMany(Limit::Ignoreip));
                return Err(Full);
            }
        }
        Err(_) => {
            let name = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
                && text.bytes().any(|b| b.is_ascii_alphabetic());
            let fault = if name { AddressFault::Name } else { AddressFault::Malformed };
            report.at(span.start(), text, Problem::Address(fault));
        }
    }
    Ok(())
}
