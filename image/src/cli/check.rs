//! `edgeban check`: is the configuration valid, and what does it come to?

use super::options::{Common, Options, Usage};
use super::{doubts, printed};
use crate::arena::Arena;
use crate::config::{self, Fault, Origin, Space};
use crate::exit;
use crate::json::Object;
use crate::out::{Out, Printable};
use crate::put;
use edgeban_core::config::Key;
use edgeban_core::config::model::{BanTime, Jail};
use edgeban_core::detect::JailFilter;
use edgeban_core::detect::custom::Filters;
use edgeban_core::detect::template::Use;
use edgeban_linux::fd::BorrowedFd;

/// Runs the verb.
pub fn run(options: Options, arena: &'static mut Arena) -> Result<u8, Usage> {
    let Common { path, json } = options.common()?;
    let file = Printable(path.unwrap_or(config::PATH).to_bytes());
    let mut buffer = [0; 512];
    let mut err = Out::new(BorrowedFd::STDERR, &mut buffer);
    let mut out = Out::new(BorrowedFd::STDOUT, &mut arena.output);
    let space = Space { text: &mut arena.config_text, tokens: &mut arena.config_tokens };
    let read = config::load(path, space, &mut arena.config, &mut |fault| match json {
        true => wrong(&fault, &mut out),
        false => put!(&mut err, "{fault}\n"),
    });
    err.flush();
    let origin = match read {
        Ok(origin) => origin,
        Err(code) if printed(out) == exit::OK => return Ok(code),
        Err(_) => return Ok(exit::INPUT),
    };
    match origin {
        _ if json => Object::new(&mut out)
            .plain("valid", &true)
            .text("file", &file)
            .plain("built_in", &(origin == Origin::BuiltIn))
            .end(),
        Origin::File => put!(&mut out, "{file}: valid\n"),
        Origin::BuiltIn => put!(&mut out, "no {file}: the built-in jails\n"),
    }
    let filters = &arena.config.filters;
    for (number, name) in (0..).zip(filters.names()) {
        let count = |of| filters.templates(number, of).count();
        let (matches, ignored) = (count(Use::Match), count(Use::Ignore));
        match json {
            true => {
                Object::new(&mut out).text("filter", &name).plain("match", &matches).plain("ignore", &ignored).end()
            }
            false => put!(&mut out, "filter {name}: {matches} templates, {ignored} to ignore\n"),
        }
        if !arena.config.jails.iter().any(|jail| jail.filter == JailFilter::Custom(number)) {
            put!(&mut err, "warning: no jail has filter {name}\n");
        }
    }
    doubts(filters, &mut err);
    for jail in &arena.config.jails {
        if json {
            object(jail, filters, &mut out)
        } else {
            line(jail, filters, &mut out)
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
    }
    err.flush();
    Ok(printed(out))
}

fn wrong(fault: &Fault<'_>, out: &mut Out<'_>) {
    let (line, column) = fault.place.unzip();
    Object::new(out)
        .plain("valid", &false)
        .text("file", &Printable(fault.path.to_bytes()))
        .seconds("line", line.map(u64::from))
        .seconds("column", column.map(u64::from))
        .text("error", &fault.what)
        .end();
}

fn object(jail: &Jail, filters: &Filters, out: &mut Out<'_>) {
    let mut object = Object::new(out).text("jail", &jail.name);
    for key in Key::of_jail() {
        let values = (0..).map_while(|n| jail.setting(key, n, filters));
        object = object.setting(key.name(), key.is_list(), values);
    }
    object.end();
}

fn line(jail: &Jail, filters: &Filters, out: &mut Out<'_>) {
    put!(out, "jail {}: ", jail.name);
    if !jail.enabled {
        put!(out, "disabled, ");
    }
    put!(out, "filter {} ({}), ", jail.filter.name(filters), jail.mode.name());
    put!(out, "maxretry {} within findtime {}, bantime ", jail.maxretry, jail.findtime);
    match jail.bantime {
        BanTime::For(span) if jail.growth.increment => {
            put!(out, "{span} growing up to {}", jail.growth.maxtime.max(span))
        }
        BanTime::For(span) => put!(out, "{span}"),
        BanTime::Permanent => put!(out, "permanent"),
    }
    for path in &jail.logpath {
        put!(out, ", {path}");
    }
    put!(out, ", {} ignored prefixes, ignoreself {}\n", jail.ignoreip.len(), jail.ignoreself);
}
