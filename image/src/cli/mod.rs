//! The command line: which verb, with which options.

mod ban;
mod check;
mod client;
mod doctor;
mod list;
mod status;
mod test;

use crate::arena::Arena;
use crate::daemon;
use crate::exit;
use crate::out::{Out, Printable};
use crate::put;
use core::ffi::CStr;
use edgeban_core::detect::custom::Filters;
use edgeban_core::detect::template::Use;
use edgeban_linux::fd::BorrowedFd;
use edgeban_linux::process::Args;

const HELP: &str = "\
edgeban reads logs, counts failed logins per address, and bans attackers in the kernel's packet filter.

usage: edgeban VERB [OPTION ...]

  run     watch the logs and ban, in the foreground, until SIGTERM
  stop    end the running edgeban
  reload  make the running edgeban read its configuration anew
  status  say how the running edgeban is
  list    show the addresses that the kernel holds banned, and for how long
  ban     ban an address or a prefix by hand
  unban   lift a ban, or all
  doctor  say what this kernel offers, which backend would be chosen, and what is in the way
  check   say whether a configuration file is valid, and what is wrong where
  test    say what a filter makes of a log, without root and without banning

  edgeban VERB --help    the verb's options
  edgeban --version      the version

exit codes: 0 all went well, 1 the answer is no (invalid configuration, no line matched, no such ban), 2 wrong usage,
            3 the kernel cannot hold the bans, or did not confirm one, 4 a file or an answer is not to be had,
            5 already running, 6 not running
";

/// What a verb needs from the command line: `--name VALUE` or `--name=VALUE` in any order, and words.
pub struct Options {
    args: Args,
    /// The value of a `--name=VALUE` whose name was just read.
    value: Option<&'static [u8]>,
}

/// One piece of the command line.
pub enum Piece {
    /// `--name`.
    Name(&'static [u8]),
    /// A word that begins with no dash, or `-` alone.
    Word(&'static CStr),
}

/// The command line is wrong: what to say.
pub struct Usage {
    what: &'static str,
    about: &'static [u8],
}

impl Usage {
    const fn new(what: &'static str, about: &'static [u8]) -> Self {
        Self { what, about }
    }
}

impl Options {
    /// The next option or word.
    fn next(&mut self) -> Result<Option<Piece>, Usage> {
        if let Some(value) = self.value {
            return Err(Usage::new("an option that takes no value has one", value));
        }
        let Some(arg) = self.args.next() else { return Ok(None) };
        let bytes = arg.to_bytes();
        let Some(name) = bytes.strip_prefix(b"-").filter(|rest| !rest.is_empty()) else {
            return Ok(Some(Piece::Word(arg)));
        };
        let name = name.strip_prefix(b"-").unwrap_or(name);
        Ok(Some(Piece::Name(match name.iter().position(|&b| b == b'=') {
            Some(at) => {
                let (name, value) = name.split_at_checked(at).unwrap_or((name, b""));
                self.value = value.get(1..);
                name
            }
            None => name,
        })))
    }

    /// The value of the option that was just read.
    fn value(&mut self, name: &'static str) -> Result<&'static [u8], Usage> {
        match self.value.take() {
            Some(value) => Ok(value),
            None => {
                self.args.next().map(CStr::to_bytes).ok_or(Usage::new("this option wants a value", name.as_bytes()))
            }
        }
    }

    /// As [`Options::value`], for a path.
    fn path(&mut self, name: &'static str) -> Result<&'static CStr, Usage> {
        // An argument's bytes after its `=` end where the argument ends, with its NUL; the slice does not show that,
        // so a path wants a word of its own.
        if self.value.take().is_some() {
            return Err(Usage::new("write the file as the next word, not after =", name.as_bytes()));
        }
        self.args.next().ok_or(Usage::new("this option wants a file", name.as_bytes()))
    }
}

/// Runs the command line and returns the exit code.
pub fn run(mut args: Args, arena: &'static mut Arena) -> u8 {
    let _own_name = args.next();
    let verb = args.next().map_or(&b""[..], CStr::to_bytes);
    let options = Options { args, value: None };
    let result = match verb {
        b"run" => daemon::run(options, arena),
        b"check" => check::run(options, arena),
        b"test" => test::run(options, arena),
        b"doctor" => doctor::run(options, arena),
        b"list" => list::run(options, arena),
        b"ban" => ban::run(false, options, arena),
        b"unban" => ban::run(true, options, arena),
        b"stop" => ban::stop(options, arena),
        b"reload" => ban::reload(options, arena),
        b"status" => status::run(options, arena),
        b"--version" | b"-V" | b"version" => Ok(say(concat!("edgeban ", env!("CARGO_PKG_VERSION"), "\n"))),
        b"--help" | b"-h" | b"help" => Ok(say(HELP)),
        b"" => Err(Usage::new("a verb is missing", b"")),
        _ => Err(Usage::new("there is no such verb", verb)),
    };
    result.unwrap_or_else(|usage| {
        let mut buffer = [0; 256];
        let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
        put!(&mut err, "edgeban: {}", usage.what);
        if !usage.about.is_empty() {
            put!(&mut err, ": {}", Printable(usage.about));
        }
        put!(&mut err, "\ntry: edgeban --help\n");
        err.flush();
        exit::USAGE
    })
}

/// Prints a fixed text.
pub fn say(text: &str) -> u8 {
    match edgeban_linux::process::write_stdout(text.as_bytes()) {
        Ok(()) => exit::OK,
        Err(_) => exit::INPUT,
    }
}

/// For an option that a verb does not have.
pub fn unknown(name: &'static [u8]) -> Usage {
    Usage::new("this verb has no such option", name)
}

/// For a word that a verb does not take.
pub fn unexpected(word: &'static CStr) -> Usage {
    Usage::new("one word too many", word.to_bytes())
}

/// For a value that does not fit its option.
pub fn wrong(what: &'static str, value: &'static [u8]) -> Usage {
    Usage::new(what, value)
}

/// Warns of templates that may not do what their author thinks.
pub fn doubts(filters: &Filters, err: &mut Out<'_>) {
    filters.doubts(|name, of, n, doubt| {
        let key = if of == Use::Match { "match" } else { "ignore" };
        put!(err, "warning: filter {name}, {key} {n}: {doubt}\n");
    });
}

/// Reads the options of a verb that only takes `--config FILE`.
pub fn config_only(mut options: Options, help: &'static str) -> Result<Result<Option<&'static CStr>, u8>, Usage> {
    let mut path = None;
    while let Some(piece) = options.next()? {
        match piece {
            Piece::Name(b"config" | b"c") => path = Some(options.path("--config")?),
            Piece::Name(b"help" | b"h") => return Ok(Err(say(help))),
            Piece::Name(name) => return Err(unknown(name)),
            Piece::Word(word) => return Err(unexpected(word)),
        }
    }
    Ok(Ok(path))
}
