//! `edgeban status`: how the running daemon is.

use super::client::ask;
use super::{Options, Piece, Usage, say, unexpected, unknown};
use crate::arena::Arena;
use crate::exit;
use crate::out::Out;
use crate::put;
use core::fmt;
use edgeban_core::control::response::{DaemonNumbers, FileNumbers, JailNumbers};
use edgeban_core::control::{Request, Response};

const HELP: &str = "\
edgeban status [--json]

Says how the running edgeban is: its process, table, bans, jails (bans by hand are those of jail manual, without a
filter) and log files. Whom the kernel holds banned is said by edgeban list. Needs root or edgeban's user.

  --json          one JSON object with the same names, jails and files in arrays
  --config FILE   that of the running edgeban
";

/// Runs the verb.
pub fn run(mut options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let (mut path, mut json) = (None, false);
    while let Some(piece) = options.next()? {
        match piece {
            Piece::Name(b"help" | b"h") => return Ok(say(HELP)),
            Piece::Name(b"config" | b"c") => path = Some(options.path("--config")?),
            Piece::Name(b"json") => json = true,
            Piece::Name(name) => return Err(unknown(name)),
            Piece::Word(word) => return Err(unexpected(word)),
        }
    }
    let mut last = 0;
    Ok(ask(arena, path, &Request::Status, &mut |response, out| {
        let mut part = |part, texts: &[(&str, &str)], names: &[&str], values: &[u64]| {
            if json {
                begin(last, part, out)
            } else {
                out.bytes(if part == 0 { b"" } else { b"\n" })
            }
            last = part;
            fields(json, texts, names, values, out);
        };
        match response? {
            Response::Daemon { numbers, version, backend, table } => {
                let texts = [("version", *version), ("backend", *backend), ("table", *table)];
                part(0, &texts, &DaemonNumbers::NAMES, &numbers.values());
            }
            Response::Jail { numbers, name, filter } => {
                part(1, &[("jail", name), ("filter", filter)], &JailNumbers::NAMES, &numbers.values());
            }
            Response::File { numbers, path } => {
                part(2, &[("file", path)], &FileNumbers::NAMES, &numbers.values());
            }
            Response::End => {
                part(3, &[], &[], &[]);
                return Some(exit::OK);
            }
            _ => {}
        }
        None
    }))
}

/// Writes what leads from one part of the object to the next: the daemon (0), jails (1), files (2), the end (3).
fn begin(last: u8, part: u8, out: &mut Out<'_>) {
    out.bytes(match (last, part) {
        (0, 0) => b"{",
        (0, 1) => b",\"jails\":[{",
        (1, 2) => b"}],\"files\":[{",
        (1, 3) => b"}],\"files\":[]}\n",
        (2, 3) => b"}]}\n",
        _ => b"},{",
    });
}

/// Writes texts and numbers with their names.
fn fields(json: bool, texts: &[(&str, &str)], names: &[&str], values: &[u64], out: &mut Out<'_>) {
    let mut comma = "";
    for (name, text) in texts {
        if json {
            put!(out, "{comma}\"{name}\":{}", Json(text));
        } else {
            put!(out, "{comma}{name} {text}");
        }
        comma = if json { "," } else { ", " };
    }
    for (name, value) in names.iter().zip(values) {
        let quote = if json { "\"" } else { "" };
        put!(out, "{comma}{quote}{name}{quote}{}{value}", if json { ':' } else { ' ' });
    }
}

/// A JSON string.
struct Json<'a>(&'a str);

impl fmt::Display for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' | '\\' => write!(f, "\\{c}")?,
                _ if c.is_control() => write!(f, "\\u{:04x}", u32::from(c))?,
                _ => fmt::Write::write_char(f, c)?,
            }
        }
        f.write_str("\"")
    }
}
