//! Getting the configuration: the file if there is one, else the built-in jails.

use crate::exit;
use crate::out::Printable;
use core::ffi::CStr;
use core::fmt;
use edgeban_core::config::model::Config;
use edgeban_core::config::{self, Tokens};
use edgeban_core::limits;
use edgeban_linux::Errno;
use edgeban_linux::fd::AsFd;
use edgeban_linux::file::{self, OpenFlags};

/// Where the configuration is if nobody says otherwise.
pub const PATH: &CStr = c"/etc/edgeban/edgeban.toml";

/// Where a configuration came from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Origin {
    /// The file.
    File,
    /// There is no file at the default place: the built-in jails.
    BuiltIn,
}

/// The daemon's configuration: where it comes from, and the memory to read it into.
pub struct Source {
    /// As the command line named it.
    pub path: Option<&'static CStr>,
    /// Where the one that was read last came from.
    pub origin: Origin,
    /// What was read last, valid or not.
    pub config: &'static mut Config,
    /// For the file's bytes and tokens.
    pub space: Space<'static>,
}

impl Source {
    /// Reads it anew, and says what is wrong with it, one after the other.
    ///
    /// # Errors
    /// The exit code.
    pub fn read(&mut self, say: &mut dyn FnMut(Fault<'_>)) -> Result<(), u8> {
        let Self { path, origin, config, space: Space { text, tokens } } = self;
        let read = load(*path, Space { text, tokens }, config, say)?;
        if (*origin, read) == (Origin::File, Origin::BuiltIn) {
            // As an editor may leave it for a moment: nobody means the built-in jails by that.
            say(Fault { path: PATH, place: None, what: format_args!("it is gone") });
            return Err(exit::INPUT);
        }
        *origin = read;
        Ok(())
    }
}

/// Memory for reading a configuration.
pub struct Space<'a> {
    /// For the file's bytes.
    pub text: &'a mut [u8; limits::CONFIG_FILE],
    /// For its tokens.
    pub tokens: &'a mut Tokens,
}

/// What is wrong with a configuration. It prints as `FILE: what`, or `FILE:LINE:COLUMN: what`.
pub struct Fault<'a> {
    /// Of this file.
    pub path: &'a CStr,
    /// Line and column, if it is in there.
    pub place: Option<(u32, u32)>,
    /// What it is.
    pub what: fmt::Arguments<'a>,
}

impl fmt::Display for Fault<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(self.path.to_bytes()).fmt(f)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// Reads the configuration at `path`, or at [`PATH`] if `None`, and says what is wrong with it, one after the other. `[global]` holds
/// what could be read then, too.
///
/// # Errors
/// The exit code.
pub fn load(
    path: Option<&CStr>,
    space: Space<'_>,
    config: &mut Config,
    say: &mut dyn FnMut(Fault<'_>),
) -> Result<Origin, u8> {
    let name = path.unwrap_or(PATH);
    let mut say = |place, what: fmt::Arguments<'_>| say(Fault { path: name, place, what });
    config::defaults(config);
    let text = match read(name, space.text) {
        Ok(Some(text)) => text,
        Ok(None) => {
            say(None, format_args!("longer than {} bytes (limit CONFIG_FILE)", limits::CONFIG_FILE));
            return Err(exit::NO);
        }
        Err(Errno::ENOENT) if path.is_none() => {
            return Ok(Origin::BuiltIn);
        }
        Err(error) => {
            say(None, format_args!("cannot be read: {error}"));
            return Err(exit::INPUT);
        }
    };
    let result = config::read(text, space.tokens, config, &mut |error| {
        say(Some((error.line, error.column)), format_args!("{error}"));
    });
    match result {
        Ok(()) => Ok(Origin::File),
        Err(refused) => {
            if refused.errors > config::ERRORS {
                say(None, format_args!("{} more errors", refused.errors - config::ERRORS));
            }
            Err(exit::NO)
        }
    }
}

/// The whole file, or `None` if it is larger than `space`.
fn read<'a>(path: &CStr, space: &'a mut [u8]) -> Result<Option<&'a [u8]>, Errno> {
    let file = file::open(path, OpenFlags::READ_ONLY, 0)?;
    let mut len = 0;
    loop {
        let room = space.get_mut(len..).unwrap_or_default();
        if room.is_empty() {
            let more = file::read(file.as_fd(), &mut [0])? > 0;
            return Ok(if more { None } else { Some(space) });
        }
        match file::read(file.as_fd(), room)? {
            0 => return Ok(space.get(..len)),
            n => len += n,
        }
    }
}
