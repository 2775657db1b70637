//! The command line: which verb, with which options.

mod ban;
mod check;
mod client;
mod doctor;
mod jail;
mod list;
pub mod options;
mod status;
mod test;
mod verbs;

use crate::arena::Arena;
use crate::exit;
use crate::json::Object;
use crate::out::{Out, Printable};
use crate::put;
use core::ffi::CStr;
use edgeban_core::detect::custom::Filters;
use edgeban_core::detect::template::Use;
use edgeban_linux::fd::BorrowedFd;
use edgeban_linux::process::Args;
use options::{Options, Usage};
use verbs::VERBS;

/// This program's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Runs the command line and returns the exit code.
pub fn run(mut args: Args, arena: &'static mut Arena) -> u8 {
    let _own_name = args.next();
    let word = args.next().unwrap_or_default();
    let verb = VERBS.iter().find(|verb| verb.name.as_bytes() == word.to_bytes());
    let result = match (verb, word.to_bytes()) {
        (Some(verb), _) => (verb.run)(Options::new(args, verb), arena),
        (None, b"--help" | b"-h" | b"help") => Ok(print(verbs::help)),
        (None, b"--version" | b"-V") => Ok(print(|out| put!(out, "edgeban {VERSION}\n"))),
        (None, b"") => Err(Usage::Wrong("a verb is missing", b"")),
        (None, word) => Err(Usage::Wrong("there is no such verb", word)),
    };
    match result {
        Ok(code) => code,
        Err(Usage::Help(verb)) => print(|out| verb.help(out)),
        Err(Usage::Wrong(what, about)) => {
            let mut buffer = [0; 256];
            let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
            put!(&mut err, "edgeban: {what}");
            if !about.is_empty() {
                put!(&mut err, ": {}", Printable(about));
            }
            let verb = verb.map_or("", |verb| verb.name);
            put!(&mut err, "\ntry: edgeban {verb}{}--help\n", if verb.is_empty() { "" } else { " " });
            err.flush();
            exit::USAGE
        }
    }
}

/// Warns of templates that may not do what their author thinks.
fn doubts(filters: &Filters, err: &mut Out<'_>) {
    filters.doubts(|name, of, n, doubt| {
        let key = if of == Use::Match { "match" } else { "ignore" };
        put!(err, "warning: filter {name}, {key} {n}: {doubt}\n");
    });
}

/// Prints what needs no memory.
fn print(text: impl FnOnce(&mut Out<'_>)) -> u8 {
    let mut buffer = [0; 512];
    let mut out = Out::new(BorrowedFd::STDOUT, &mut buffer);
    text(&mut out);
    printed(out)
}

/// Whether all went out that was printed.
fn printed(out: Out<'_>) -> u8 {
    if out.finish().is_ok() { exit::OK } else { exit::INPUT }
}

/// Runs `version`.
fn version(options: Options, _: &'static mut Arena) -> Result<u8, Usage> {
    let json = options.common()?.json;
    Ok(print(|out| match json {
        true => Object::new(out).text("version", &VERSION).end(),
        false => put!(out, "edgeban {VERSION}\n"),
    }))
}

/// A word of the command line, if it is text.
fn text(word: &CStr) -> Option<&str> {
    word.to_str().ok()
}
