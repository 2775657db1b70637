//! Getting the configuration: the file if there is one, else the built-in jails.

use crate::exit;
use crate::out::{Out, Printable};
use crate::put;
use core::ffi::CStr;
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

/// Memory for reading a configuration.
pub struct Space<'a> {
    /// For the file's bytes.
    pub text: &'a mut [u8; limits::CONFIG_FILE],
    /// For its tokens.
    pub tokens: &'a mut Tokens,
}

/// Reads the configuration at `path`, or at [`PATH`] if `None`, and prints what is wrong with it to `out`.
///
/// # Errors
/// The exit code.
pub fn load(path: Option<&CStr>, space: Space<'_>, config: &mut Config, out: &mut Out<'_>) -> Result<Origin, u8> {
    let name = path.unwrap_or(PATH);
    let shown = Printable(name.to_bytes());
    let text = match read(name, space.text) {
        Ok(Some(text)) => text,
        Ok(None) => {
            put!(out, "{shown}: longer than {} bytes (limit CONFIG_FILE)\n", limits::CONFIG_FILE);
            return Err(exit::NO);
        }
        Err(Errno::ENOENT) if path.is_none() => {
            config::defaults(config);
            return Ok(Origin::BuiltIn);
        }
        Err(error) => {
            put!(out, "{shown}: cannot be read: {error}\n");
            return Err(exit::INPUT);
        }
    };
    let result = config::read(text, space.tokens, config, &mut |error| {
        put!(out, "{shown}:{}:{}: {error}\n", error.line, error.column);
    });
    match result {
        Ok(()) => Ok(Origin::File),
        Err(refused) => {
            if refused.errors > config::ERRORS {
                put!(out, "{shown}: {} more errors\n", refused.errors - config::ERRORS);
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
