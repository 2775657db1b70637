//! What is wrong with a file, and where: no strings of its own, only small values and pieces of the file.

use super::key::{self, Key};
use super::suggest;
use crate::detect::custom::Filters;
use crate::detect::template;
use crate::limits;
use crate::source::feed::Feed;
use core::fmt;
use toml_parser::{Expected, ParseError};

/// One thing that is wrong. It prints as one line without the place: what is wrong, then what was expected.
#[derive(Clone, Copy, Debug)]
pub struct Error<'a> {
    /// Line of the file, from 1.
    pub line: u32,
    /// Column in characters, from 1; a byte order mark does not count.
    pub column: u32,
    /// The piece of the file that is wrong, or what it decodes to; may be empty.
    pub quote: &'a str,
    /// What is wrong with it.
    pub problem: Problem<'a>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Problem<'a> {
    /// Not TOML.
    Syntax(&'a ParseError),
    /// Not UTF-8, from this byte on.
    NotUtf8(u8),
    /// A control byte, which TOML allows nowhere.
    Control(u8),
    /// A carriage return without its newline.
    LoneCarriageReturn,
    /// One more than the limit.
    TooMany(Limit),
    /// More bytes than the limit.
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        limit: Limit,
    },
    /// A key or table that edgeban does not have.
    Unknown(Section, Hint),
    /// A key that belongs elsewhere.
    Misplaced(Section, Key),
    /// `[[table]]`.
    ArrayOfTables,
    /// Defined before.
    Duplicate {
        /// In this line.
        line: u32,
    },
    /// A table or a dotted key below a key that holds a value.
    NotATable(Hint),
    /// A value where a table belongs.
    NotAValue,
    /// A name of a jail or filter with other than the allowed characters.
    Name,
    /// A jail without `filter` that is not named after one.
    NoFilter(&'a Filters),
    /// A jail's `filter` that is none.
    UnknownFilter(&'a Filters),
    /// A filter of the operator's with the name of one that edgeban has.
    BuiltInFilter,
    /// A filter without `match`.
    NoTemplate,
    /// A jail with a filter of the operator's and without `logpath`.
    NoLogpath,
    /// Not a template.
    Template(template::Fault),
    /// `key =` and nothing.
    Missing(Key),
    /// A string without quotes.
    Unquoted(Key),
    /// An empty array.
    Empty(Key),
    /// A value of another type, which is named.
    Type(&'static str, Key),
    /// The right type, not the right form.
    Malformed(Key),
    /// The right form, too small or too large.
    Range(Key),
    /// Settings that do not go together.
    Conflict(&'static str),
    /// None of the words that the key takes.
    Word(Key, Hint),
    /// Not usable as a log path.
    Path(PathFault),
    /// Not usable in `ignoreip`.
    Address(AddressFault),
}

/// What to say of an unknown word.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hint {
    /// Nothing comes to mind.
    None,
    /// This was probably meant.
    Near(&'static str),
    /// edgeban has no such thing, for this reason.
    Because(&'static str),
}

/// A part of the file that has its own set of names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Section {
    /// Outside of all tables.
    Root,
    /// `[global]`.
    Global,
    /// `[defaults]`.
    Defaults,
    /// `[jails.NAME]`.
    Jail,
    /// `[filters.NAME]`.
    Filter,
    /// `[journal]`.
    Journal,
}

/// A capacity that a file can exceed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Limit {
    /// [`limits::CONFIG_FILE`].
    File,
    /// [`limits::CONFIG_TOKENS`].
    Tokens,
    /// [`limits::JAILS`].
    Jails,
    /// [`limits::JAIL_NAME`].
    JailName,
    /// [`limits::FILTERS`].
    Filters,
    /// [`limits::TEMPLATES`].
    Templates,
    /// [`limits::TEMPLATE_TEXT`].
    TemplateText,
    /// [`limits::LOGPATHS`].
    Logpaths,
    /// [`limits::FILES`].
    Files,
    /// [`limits::PATH`].
    Path,
    /// [`limits::JOURNALMATCH`].
    Journalmatch,
    /// [`limits::JOURNAL_DIRECTORY`].
    JournalDirectory,
    /// [`limits::IGNOREIP`].
    Ignoreip,
    /// [`limits::MULTIPLIERS`].
    Multipliers,
    /// [`limits::TABLE_NAME`].
    TableName,
    /// [`limits::DEVICES`].
    Devices,
    /// The kernel's `IFNAMSIZ` without its NUL.
    Device,
    /// [`limits::RUN_DIR`].
    RunDir,
    /// [`limits::GROUP_NAME`].
    GroupName,
    /// [`limits::STATE_DIR`].
    StateDir,
    /// A string with escapes.
    Decoded,
}

/// What is wrong with a log path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PathFault {
    /// It does not start with `/`, and is no feed's name.
    Relative,
    /// It ends with `/`.
    Directory,
    /// It has a `*`, `?` or `[`.
    Pattern,
    /// It has a control character.
    Control,
    /// The jail has it already.
    Duplicate,
    /// The array has none.
    None,
}

/// What is wrong with an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AddressFault {
    /// It is a name.
    Name,
    /// It is neither address nor prefix.
    Malformed,
}

impl Limit {
    /// The limit's name in [`limits`], its value, and of what.
    fn parts(self) -> (&'static str, usize, &'static str) {
        match self {
            Self::File => ("CONFIG_FILE", limits::CONFIG_FILE, "bytes"),
            Self::Tokens => ("CONFIG_TOKENS", limits::CONFIG_TOKENS, "words, signs and spaces in a file"),
            Self::Jails => ("JAILS", limits::JAILS, "jails"),
            Self::JailName => ("JAIL_NAME", limits::JAIL_NAME, "bytes"),
            Self::Filters => ("FILTERS", limits::FILTERS, "filters"),
            Self::Templates => ("TEMPLATES", limits::TEMPLATES, "templates in all filters"),
            Self::TemplateText => ("TEMPLATE_TEXT", limits::TEMPLATE_TEXT, "bytes in all templates"),
            Self::Logpaths => ("LOGPATHS", limits::LOGPATHS, "log files in a jail"),
            Self::Files => ("FILES", limits::FILES, "different log files in all enabled jails"),
            Self::Path => ("PATH", limits::PATH, "bytes"),
            Self::Journalmatch => ("JOURNALMATCH", limits::JOURNALMATCH, "bytes, with one more for each match"),
            Self::JournalDirectory => ("JOURNAL_DIRECTORY", limits::JOURNAL_DIRECTORY, "bytes"),
            Self::Ignoreip => ("IGNOREIP", limits::IGNOREIP, "addresses and prefixes"),
            Self::Multipliers => ("MULTIPLIERS", limits::MULTIPLIERS, "multipliers"),
            Self::Devices => ("DEVICES", limits::DEVICES, "devices"),
            Self::Device => ("IFNAMSIZ", 15, "bytes"),
            Self::TableName => ("TABLE_NAME", limits::TABLE_NAME, "bytes"),
            Self::RunDir => ("RUN_DIR", limits::RUN_DIR, "bytes"),
            Self::GroupName => ("GROUP_NAME", limits::GROUP_NAME, "bytes"),
            Self::StateDir => ("STATE_DIR", limits::STATE_DIR, "bytes"),
            Self::Decoded => ("IGNOREIP * 64", super::text::Text::CAPACITY, "bytes in a string with escapes"),
        }
    }
}

impl Section {
    const fn name(self) -> &'static str {
        match self {
            Self::Root => "outside of a table",
            Self::Global => "in [global]",
            Self::Defaults => "in [defaults]",
            Self::Jail => "in a jail",
            Self::Filter => "in a filter",
            Self::Journal => "in [journal]",
        }
    }

    /// The names that are known here.
    pub(super) fn names(self) -> &'static [&'static str] {
        let (jail, others) = key::NAMES.split_at_checked(key::JAIL).unwrap_or_default();
        let (others, journal) = others.split_at_checked(others.len() - key::JOURNAL).unwrap_or_default();
        let (global, filter) = others.split_at_checked(others.len() - key::FILTER).unwrap_or_default();
        match self {
            Self::Root => &["global", "defaults", "jails", "filters", "journal"],
            Self::Global => global,
            // `filter`, the last key of a jail, has no default.
            Self::Defaults => jail.split_last().map_or(jail, |(_, rest)| rest),
            Self::Jail => jail,
            Self::Filter => filter,
            Self::Journal => journal,
        }
    }
}

/// A piece of the file, fit for a terminal: cut when long, without control and direction characters.
struct Quoted<'a>(&'a str);

/// Characters of a quotation.
const QUOTE: usize = 48;

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_str("`")?;
        for (n, c) in self.0.chars().enumerate() {
            if n == QUOTE {
                f.write_str("...")?;
                break;
            }
            match c {
                '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => {
                    write!(f, "{}", c.escape_unicode())?;
                }
                _ if c.is_control() => write!(f, "{}", c.escape_default())?,
                _ => f.write_char(c)?,
            }
        }
        f.write_str("`")
    }
}

impl fmt::Display for Error<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quote = Quoted(self.quote);
        match self.problem {
            Problem::Syntax(error) => syntax(f, error, self.quote),
            Problem::NotUtf8(byte) => write!(f, "byte 0x{byte:02x} is not UTF-8, expected UTF-8 text"),
            Problem::Control(byte) => {
                write!(f, "control byte 0x{byte:02x}, expected text (write it as \"\\u{byte:04x}\" in a string)")
            }
            Problem::LoneCarriageReturn => f.write_str("carriage return without a newline, expected LF or CR LF"),
            Problem::TooMany(limit) => {
                if !self.quote.is_empty() {
                    write!(f, "{quote} is ")?;
                }
                let (name, value, what) = limit.parts();
                write!(f, "one too many, expected at most {name} = {value} {what}")
            }
            Problem::TooLong { bytes, limit } => {
                let (name, value, what) = limit.parts();
                if self.quote.is_empty() {
                    f.write_str("the file")?;
                } else {
                    write!(f, "{quote}")?;
                }
                write!(f, " has {bytes} bytes, expected at most {name} = {value} {what}")
            }
            Problem::Unknown(section, hint) => {
                if section == Section::Root {
                    write!(f, "unknown table or key {quote}")?;
                } else {
                    write!(f, "unknown key {quote} {}", section.name())?;
                }
                if let Hint::Because(reason) = hint {
                    return write!(f, ": {reason}");
                }
                f.write_str(", expected ")?;
                if section == Section::Root {
                    f.write_str("[global], [defaults], [jails.NAME], [filters.NAME] or [journal]")?;
                } else {
                    key::list(f, section.names(), "`")?;
                }
                meant(f, hint)
            }
            Problem::Misplaced(section, key) => {
                write!(f, "{quote} stands {}, expected it in {}", section.name(), key.home())?;
                let hint = match key {
                    Key::Backend => suggest::FIREWALL,
                    Key::Ignore => Hint::Near("ignoreip"),
                    _ => Hint::None,
                };
                meant(f, hint)
            }
            Problem::ArrayOfTables => {
                write!(
                    f,
                    "{quote} is an array of tables, expected [global], [defaults], [jails.NAME], [filters.NAME] or [journal]"
                )
            }
            Problem::Duplicate { line } => write!(f, "{quote} is defined in line {line} already, expected it once"),
            Problem::NotATable(hint) => match hint {
                Hint::Because(reason) => write!(f, "{quote} is below a key that holds a value: {reason}"),
                Hint::Near(key) => write!(f, "{quote} is below a key that holds a value, expected `{key}`"),
                Hint::None => write!(f, "{quote} is below a key that holds a value, expected the key itself"),
            },
            Problem::NotAValue => write!(f, "{quote} holds a value, expected a table"),
            Problem::Name => {
                write!(f, "{quote} is not a name, expected letters, digits, `_`, `.` and `-`")
            }
            Problem::NoFilter(filters) => {
                write!(f, "jail {quote} has no filter, expected filter = ")?;
                all_filters(f, filters)?;
                f.write_str(", or a jail named like its filter")
            }
            Problem::UnknownFilter(filters) => {
                write!(f, "unknown word {quote}, expected ")?;
                all_filters(f, filters)?;
                match suggest::nearest(self.quote, Key::Filter.words().iter().copied().chain(filters.names())) {
                    Some(name) => write!(f, " (did you mean `{name}`?)"),
                    None => Ok(()),
                }
            }
            Problem::BuiltInFilter => write!(f, "{quote} is a filter that edgeban has, expected another name"),
            Problem::NoTemplate => write!(f, "filter {quote} has no template, expected match = {}", Key::Match),
            Problem::NoLogpath => {
                write!(f, "jail {quote} has no log files, expected `logpath`: only edgeban's own filters know some")
            }
            Problem::Template(fault) => template::Explained(fault, self.quote).fmt(f),
            Problem::Missing(key) => write!(f, "no value, expected {key}"),
            Problem::Unquoted(key) => write!(f, "{quote} has no quotes, expected {key}"),
            Problem::Empty(key) => write!(f, "an empty array, expected {key}"),
            Problem::Type(found, key) if self.quote.is_empty() => write!(f, "{found}, expected {key}"),
            Problem::Type(found, key) => write!(f, "{found} {quote}, expected {key}"),
            Problem::Malformed(key) => write!(f, "{quote} is not understood, expected {key}"),
            Problem::Conflict(reason) => f.write_str(reason),
            Problem::Range(key) => write!(f, "{quote} is out of range, expected {key}"),
            Problem::Word(key, hint) => {
                write!(f, "unknown word {quote}, expected {key}")?;
                meant(f, hint)
            }
            Problem::Path(PathFault::Relative) => {
                write!(f, "{quote} is neither a path that starts with `/` nor ")?;
                key::list(f, &Feed::NAMES, "\"")
            }
            Problem::Path(PathFault::None) => f.write_str("an empty array, expected at least one log file"),
            Problem::Path(fault) => {
                write!(f, "{quote} ")?;
                f.write_str(match fault {
                    PathFault::Directory => "is a directory, expected a file",
                    PathFault::Pattern => "has one of `*?[`, expected one file (patterns are not supported yet)",
                    PathFault::Control => "has a control character, expected a path without",
                    PathFault::Duplicate | PathFault::None | PathFault::Relative => {
                        "is in this list already, expected each file once"
                    }
                })
            }
            Problem::Address(fault) => {
                write!(f, "{quote} ")?;
                f.write_str(match fault {
                    AddressFault::Name => "is a name and edgeban never resolves names, expected an address or a prefix",
                    AddressFault::Malformed => "is no address, expected one or a prefix such as \"192.0.2.0/24\"",
                })
            }
        }
    }
}

/// Writes the names of edgeban's own filters and of the operator's.
fn all_filters(f: &mut fmt::Formatter<'_>, filters: &Filters) -> fmt::Result {
    key::list(f, Key::Filter.words(), "\"")?;
    let mut names = filters.names().peekable();
    if names.peek().is_some() {
        f.write_str(", or of [filters]")?;
    }
    names.try_for_each(|name| write!(f, " \"{name}\""))
}

fn meant(f: &mut fmt::Formatter<'_>, hint: Hint) -> fmt::Result {
    match hint {
        Hint::Near(word) => write!(f, " (did you mean `{word}`?)"),
        Hint::Because(reason) => write!(f, " ({reason})"),
        Hint::None => Ok(()),
    }
}

fn syntax(f: &mut fmt::Formatter<'_>, error: &ParseError, quote: &str) -> fmt::Result {
    f.write_str(error.description())?;
    if !quote.is_empty() {
        write!(f, " {}", Quoted(quote))?;
    }
    for (n, expected) in error.expected().unwrap_or_default().iter().enumerate() {
        f.write_str(if n == 0 { ", expected " } else { " or " })?;
        match *expected {
            Expected::Literal("\n") => f.write_str("a new line")?,
            Expected::Literal(text) => write!(f, "{}", Quoted(text))?,
            Expected::Description(text) => f.write_str(text)?,
            _ => f.write_str("something else")?,
        }
    }
    Ok(())
}

/// Where errors go: counts them, and tells the caller the first [`super::ERRORS`].
pub(super) struct Report<'r, 't> {
    tell: &'r mut dyn FnMut(&Error<'_>),
    /// The file, as far as it is text.
    pub text: &'t str,
    pub errors: u32,
}

impl<'r, 't> Report<'r, 't> {
    pub(super) fn new(tell: &'r mut dyn FnMut(&Error<'_>)) -> Self {
        Self { tell, text: "", errors: 0 }
    }

    /// Reports a problem with `quote` at this byte of the file.
    pub(super) fn at(&mut self, offset: usize, quote: &str, problem: Problem<'_>) {
        self.errors = self.errors.saturating_add(1);
        if self.errors <= super::ERRORS {
            let (line, column) = self.place(offset);
            (self.tell)(&Error { line, column, quote, problem });
        }
    }

    /// Reports what `toml_parser` refuses.
    pub(super) fn syntax(&mut self, error: &ParseError) {
        let span = error.unexpected().or(error.context()).unwrap_or_default();
        // The parser's spans include the newline that ends a line: nothing to quote.
        let quote = self.text.get(span.start()..span.end()).unwrap_or_default().trim_end();
        self.at(span.start(), quote, Problem::Syntax(error));
    }

    /// Line and column of a byte.
    pub(super) fn place(&self, offset: usize) -> (u32, u32) {
        let (mut line, mut column) = (1, 1);
        for c in self.text.get(..offset).unwrap_or(self.text).chars() {
            match c {
                '\n' => (line, column) = (line + 1, 1),
                '\u{feff}' if (line, column) == (1, 1) => {}
                _ => column += 1,
            }
        }
        (line, column)
    }
}
