//! `edgeban check`: is the configuration valid, and what does it come to?

use super::{Options, Usage, config_only, doubts};
use crate::arena::Arena;
use crate::config::{self, Origin, Space};
use crate::exit;
use crate::out::{Out, Printable};
use crate::put;
use edgeban_core::config::model::BanTime;
use edgeban_core::detect::JailFilter;
use edgeban_core::detect::template::Use;
use edgeban_linux::fd::BorrowedFd;

const HELP: &str = "\
edgeban check [--config FILE]

Says whether the configuration is valid. Errors go to standard error as FILE:LINE:COLUMN: what is wrong, what was
expected; so do warnings about templates by which a peer may hide, and about logs into which it may write lines of
its own. The jails that a valid one comes to go to standard output. Changes nothing.

  --config FILE   the file, /etc/edgeban/edgeban.toml if not given
";

/// Runs the verb.
pub fn run(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let path = match config_only(options, HELP)? {
        Ok(path) => path,
        Err(code) => return Ok(code),
    };
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let space = Space { text: &mut arena.config_text, tokens: &mut arena.config_tokens };
    let origin = match config::load(path, space, &mut arena.config, &mut |line| put!(&mut err, "{line}\n")) {
        Ok(origin) => origin,
        Err(code) => {
            err.flush();
            return Ok(code);
        }
    };
    let mut out = Out::new(BorrowedFd::STDOUT, &mut arena.output);
    match origin {
        Origin::File => put!(&mut out, "{}: valid\n", Printable(path.unwrap_or(config::PATH).to_bytes())),
        Origin::BuiltIn => put!(&mut out, "no {}: the built-in jails\n", Printable(config::PATH.to_bytes())),
    }
    let filters = &arena.config.filters;
    for (number, name) in (0..).zip(filters.names()) {
        let count = |of| filters.templates(number, of).count();
        put!(&mut out, "filter {name}: {} templates, {} to ignore\n", count(Use::Match), count(Use::Ignore));
        if !arena.config.jails.iter().any(|jail| jail.filter == JailFilter::Custom(number)) {
            put!(&mut err, "warning: no jail has filter {name}\n");
        }
    }
    doubts(filters, &mut err);
    for jail in &arena.config.jails {
        put!(&mut out, "jail {}: ", jail.name);
        if !jail.enabled {
            put!(&mut out, "disabled, ");
        }
        put!(&mut out, "filter {} ({}), ", jail.filter.name(filters), jail.mode.name());
        put!(&mut out, "maxretry {} within findtime {}, bantime ", jail.maxretry, jail.findtime);
        match jail.bantime {
            BanTime::For(span) if jail.growth.increment => {
                put!(&mut out, "{span} growing up to {}", jail.growth.maxtime.max(span))
            }
            BanTime::For(span) => put!(&mut out, "{span}"),
            BanTime::Permanent => put!(&mut out, "permanent"),
        }
        for path in &jail.logpath {
            put!(&mut out, ", {path}");
        }
        if let JailFilter::BuiltIn(filter) = jail.filter
            && jail.enabled
            && let Some(path) = jail.logpath.iter().find(|path| filter.is_forgeable(path))
        {
            put!(
                &mut err,
                "warning: jail {}: a peer may write whole lines into {path}, and so have others banned\n",
                jail.name
            );
        }
        put!(&mut out, ", {} ignored prefixes, ignoreself {}\n", jail.ignoreip.len(), jail.ignoreself);
    }
    err.flush();
    Ok(if out.finish().is_ok() { exit::OK } else { exit::INPUT })
}
