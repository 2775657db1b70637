//! Whole files in, a whole [`Config`] or exact messages out.

mod bad;
mod good;
mod limits;
mod random;

use super::model::Config;
use super::{Refused, Tokens, read};
use std::boxed::Box;
use std::format;
use std::string::String;
use std::vec::Vec;

/// Reads a file: the configuration, or `LINE:COLUMN: message` of each error.
fn try_read(text: &[u8]) -> Result<Box<Config>, Vec<String>> {
    let mut tokens = Box::new(Tokens::new());
    let mut config = Box::new(Config::EMPTY);
    let mut errors = Vec::new();
    let result = read(text, &mut tokens, &mut config, &mut |error| {
        errors.push(format!("{}:{}: {error}", error.line, error.column));
    });
    assert!(tokens.is_empty());
    match result {
        Ok(()) => {
            assert_eq!(errors, [""; 0]);
            Ok(config)
        }
        Err(Refused { errors: n }) => {
            assert!(n > 0 && errors.len() == usize::try_from(n.min(super::ERRORS)).unwrap());
            assert!(config.jails.is_empty());
            Err(errors)
        }
    }
}

/// Reads a file that is right.
fn good(text: &str) -> Box<Config> {
    try_read(text.as_bytes()).unwrap_or_else(|errors| panic!("{text}\n{errors:#?}"))
}

/// Reads a file that is wrong.
fn bad(text: &str) -> Vec<String> {
    match try_read(text.as_bytes()) {
        Ok(config) => panic!("{text}\n{config:#?}"),
        Err(errors) => errors,
    }
}

/// Reads a file with one error.
fn one(text: &str) -> String {
    let errors = bad(text);
    assert_eq!(errors.len(), 1, "{text}\n{errors:#?}");
    errors.into_iter().next().unwrap_or_default()
}

/// What holds without a file.
fn defaults_alone() -> Box<Config> {
    let mut config = Box::new(Config::EMPTY);
    super::defaults(&mut config);
    config
}
