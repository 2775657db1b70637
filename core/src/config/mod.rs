//! What the operator wants: the settings of `edgeban.toml`, complete and checked.
//!
//! [`read`] is strict: every key and table must be known, every value in its range, and whatever is wrong is said with
//! its line and column and with what was expected instead. A configuration that is accepted does what it says.
//!
//! The way of a file: [`read`] refuses what is no text, `toml_parser` cuts it into tokens and checks the grammar,
//! `events` and `reader` follow its events through tables and keys, `value` turns scalars into settings, and `builtin`
//! fills in what the file leaves open. Grammar errors are reported alone: behind one, meaning would be guessed.
//!
//! Not supported: arrays of tables, patterns in `logpath`, names in `ignoreip`, including other files.

mod builtin;
pub mod duration;
mod error;
mod events;
mod key;
pub mod model;
mod reader;
mod set;
mod show;
mod suggest;
mod text;
mod value;

#[cfg(test)]
mod tests;

pub use builtin::defaults;
pub use error::{AddressFault, Error, Hint, Limit, PathFault, Problem, Section};
pub use key::Key;
pub use set::{KEY, VALUE, set};
pub use show::Shown;

use crate::limits;
use core::str;
use error::Report;
use model::Config;
use toml_parser::lexer::Token;
use toml_parser::parser::{RecursionGuard, parse_document};
use toml_parser::{ParseError, Source};

/// Memory for the tokens of one file. `toml_parser` wants them in one slice; nothing stays in it after [`read`].
pub type Tokens = heapless::Vec<Token, { limits::CONFIG_TOKENS }>;

/// Errors of one file that are reported; further ones are only counted.
pub const ERRORS: u32 = 20;

/// Brackets within brackets that the grammar check follows. A sensible file has three (`jails = { sshd = { ignoreip =
/// [..] } }`); the parser recurses, and the stack is small.
const DEPTH: u32 = 8;

/// The file was refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// How many errors were found, at least 1; the first [`ERRORS`] of them were reported.
    pub errors: u32,
}

/// Reads a whole configuration file into `config`, each jail complete with `[defaults]` and the built-in values
/// applied. A file without jails means the built-in ones, with the file's `[defaults]`.
///
/// `report` is called for each error; an error prints as what follows `FILE:LINE:COLUMN: `.
///
/// # Errors
/// [`Refused`] if anything at all is wrong. `config` has no jails then: keep the previous one in another place.
pub fn read(
    text: &[u8],
    tokens: &mut Tokens,
    config: &mut Config,
    report: &mut dyn FnMut(&Error<'_>),
) -> Result<(), Refused> {
    builtin::clear(config);
    let mut report = Report::new(report);
    if let Some(text) = checked_text(text, &mut report) {
        report.text = text;
        read_text(text, tokens, config, true, &mut report);
    }
    tokens.clear();
    match report.errors {
        0 => Ok(()),
        errors => {
            config.jails.clear();
            Err(Refused { errors })
        }
    }
}

/// Reads a `whole` configuration, or a part over one that is complete.
fn read_text<'t>(text: &'t str, tokens: &mut Tokens, config: &mut Config, whole: bool, report: &mut Report<'_, 't>) {
    let source = Source::new(text);
    tokens.clear();
    for token in source.lex() {
        if tokens.push(token).is_err() {
            report.at(token.span().start(), "", Problem::TooMany(Limit::Tokens));
            return;
        }
    }
    let mut nobody = ();
    let mut guard = RecursionGuard::new(&mut nobody, DEPTH);
    parse_document(tokens, &mut guard, &mut |error: ParseError| report.syntax(&error));
    if report.errors == 0 {
        reader::read(source, tokens, config, whole, report);
    }
}

/// The file as text, if it is text that TOML allows at all. Control bytes are looked for here, so that the message is
/// about the byte and not about the string or comment that it happens to stand in.
fn checked_text<'t>(bytes: &'t [u8], report: &mut Report<'_, 't>) -> Option<&'t str> {
    if bytes.len() > limits::CONFIG_FILE {
        report.at(0, "", Problem::TooLong { bytes: bytes.len(), limit: Limit::File });
        return None;
    }
    let (text, broken) = match str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let (valid, rest) = bytes.split_at_checked(error.valid_up_to())?;
            (str::from_utf8(valid).ok()?, rest.first())
        }
    };
    report.text = text;
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        let problem = match byte {
            b'\r' if tail.first() != Some(&b'\n') => Some(Problem::LoneCarriageReturn),
            b'\t' | b'\n' | b'\r' => None,
            _ if byte.is_ascii_control() => Some(Problem::Control(byte)),
            _ => None,
        };
        if let Some(problem) = problem {
            report.at(text.len() - rest.len(), "", problem);
            return None;
        }
        rest = tail;
    }
    if let Some(&byte) = broken {
        report.at(text.len(), "", Problem::NotUtf8(byte));
        return None;
    }
    Some(text)
}
