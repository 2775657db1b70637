//! Takes the command line apart as the table of verbs says.

use super::verbs::{Opt, Verb};
use core::ffi::CStr;
use edgeban_linux::process::Args;

/// The command line behind its verb: `--name VALUE` or `--name=VALUE` in any order, and words.
pub struct Options {
    args: Args,
    /// Whose it is.
    pub verb: &'static Verb,
    /// Only words follow: there was a `--`.
    words: bool,
}

/// One piece of it.
pub enum Piece {
    /// An option of the verb, by its name without dashes, and its value if it takes one.
    Option(&'static str, &'static CStr),
    /// A word that begins with no dash, or `-` alone.
    Word(&'static CStr),
}

/// Why nothing is done.
pub enum Usage {
    /// The command line is wrong: what to say.
    Wrong(&'static str, &'static [u8]),
    /// Only help is wanted.
    Help(&'static Verb),
}

/// For a value that does not fit.
pub const fn wrong(what: &'static str, value: &'static CStr) -> Usage {
    Usage::Wrong(what, value.to_bytes())
}

/// For a word too many.
pub const fn unexpected(word: &'static CStr) -> Usage {
    wrong("one word too many", word)
}

/// Words and options that most verbs have.
#[derive(Default)]
pub struct Common {
    /// `--config`.
    pub path: Option<&'static CStr>,
    /// `--json`.
    pub json: bool,
}

impl Common {
    /// Takes an option if it is one of these.
    pub fn take(&mut self, name: &str, value: &'static CStr) {
        match name {
            "config" => self.path = Some(value),
            "json" => self.json = true,
            _ => {}
        }
    }
}

impl Options {
    /// What follows the verb.
    pub const fn new(args: Args, verb: &'static Verb) -> Self {
        Self { args, verb, words: false }
    }

    /// The next option or word.
    pub fn next(&mut self) -> Result<Option<Piece>, Usage> {
        let Some(arg) = self.args.next() else { return Ok(None) };
        let bytes = arg.to_bytes();
        // A number below zero is no option.
        let option = |rest: &&[u8]| rest.first().is_some_and(|byte| !byte.is_ascii_digit()) && !self.words;
        let Some(name) = bytes.strip_prefix(b"-").filter(option) else {
            return if self.verb.words.is_empty() { Err(unexpected(arg)) } else { Ok(Some(Piece::Word(arg))) };
        };
        if name == b"-" {
            self.words = true;
            return self.next();
        }
        let name = name.strip_prefix(b"-").unwrap_or(name);
        let (name, value) = match name.iter().position(|&byte| byte == b'=') {
            Some(at) => (name.get(..at).unwrap_or_default(), Some(at)),
            None => (name, None),
        };
        if name == b"help" || name == b"h" {
            return Err(Usage::Help(self.verb));
        }
        let option = self.verb.options.iter().find(|option| option.is(name));
        let Some(option) = option else { return Err(Usage::Wrong("this verb has no such option", name)) };
        // Behind the `=`, where it ends with the argument's own NUL.
        let value = value.and_then(|_| {
            let all = arg.to_bytes_with_nul();
            let at = all.iter().position(|&byte| byte == b'=')? + 1;
            CStr::from_bytes_with_nul(all.get(at..)?).ok()
        });
        let value = match (option.value, value) {
            ("", None) => c"",
            ("", Some(value)) => return Err(wrong("an option that takes no value has one", value)),
            (_, Some(value)) => value,
            (_, None) => self.args.next().ok_or(Usage::Wrong("this option wants a value", option.name.as_bytes()))?,
        };
        Ok(Some(Piece::Option(option.name, value)))
    }

    /// All of a command line with the options of [`Common`] only.
    pub fn common(self) -> Result<Common, Usage> {
        self.words(&mut []).map(|(common, _)| common)
    }

    /// As [`Options::common`], and the words, at most as many as there is room for; returns how many there are.
    pub fn words(mut self, words: &mut [&'static CStr]) -> Result<(Common, usize), Usage> {
        let mut common = Common::default();
        let mut count = 0;
        while let Some(piece) = self.next()? {
            match piece {
                Piece::Option(name, value) => common.take(name, value),
                Piece::Word(word) => {
                    *words.get_mut(count).ok_or(unexpected(word))? = word;
                    count += 1;
                }
            }
        }
        Ok((common, count))
    }
}

impl Opt {
    fn is(&self, name: &[u8]) -> bool {
        name == self.name.as_bytes() || (self.short != '\0' && name == [u8::try_from(self.short).unwrap_or(0)])
    }
}
