//! Follows the parser's events through tables and keys, so that every spelling of a setting arrives at the same place:
//! headers, dotted keys, inline tables, quoted keys.
//!
//! TOML's rules on defining things once are kept: a header names a table once, dotted keys do not reach into a table
//! that a header defined, an inline table is complete when it closes.

use super::error::{Hint, Limit, Problem, Report, Section};
use super::key::{Key, NAMES};
use super::model::{Config, Jail};
use super::text::Text;
use super::{builtin, suggest, value};
use crate::ban::history::TIMES;
use crate::detect::{Filter, JailFilter, Mode};
use crate::limits;
use crate::source::feed::Feed;
use crate::source::journal::Matches;
use crate::wire::nft::chain::Hook;
use crate::wire::nft::rule::Verdict;
use heapless::{String, Vec};
use toml_parser::decoder::{Encoding, ScalarKind};
use toml_parser::lexer::Token;
use toml_parser::parser::parse_document;
use toml_parser::{ParseError, Raw, Source, Span};

/// Where a key leads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Root,
    Table(Owner),
    /// `[jails]` itself.
    Jails,
    /// `[filters]` itself.
    Filters,
    Setting(Owner, Key),
    /// Below something that was refused: nothing more is said about it.
    Nowhere,
}

/// A table that holds settings.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Owner {
    Global,
    Defaults,
    /// By its index in the configuration.
    Jail(usize),
    /// By its number in the configuration.
    Filter(u8),
    Journal,
}

/// How a table came to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Defined {
    No,
    /// As the parent in a header: `jails` by `[jails.sshd]`.
    Implied,
    Header,
    Dotted,
    Inline,
}

/// What the file said of one table so far.
#[derive(Clone, Copy)]
struct Seen {
    defined: Defined,
    /// Where it was first named.
    at: usize,
    /// One more than where each key stands, 0 if nowhere: there are a hundred tables on the stack.
    keys: [u32; NAMES.len()],
    /// The value of `filter`, which can be looked up when all filters are known.
    filter: Option<(Span, Option<Encoding>)>,
}

impl Seen {
    const NOTHING: Self = Self { defined: Defined::No, at: 0, keys: [0; NAMES.len()], filter: None };

    fn key(&self, key: Key) -> Option<usize> {
        let next = self.keys.get(key.index())?;
        usize::try_from(next.checked_sub(1)?).ok()
    }
}

/// `[global]`, `[defaults]`, `[jails]`, `[filters]`, `[journal]`, the filters and the jails, in this order in [`Reader::seen`].
const TABLES: usize = FIRST_JAIL + limits::JAILS;

/// Bans whose times are remembered.
const RECIDIVE_MAXRETRY: u32 = 8;
static_assertions::const_assert!(TIMES == 8);

/// The first filter's place there.
const FIRST_FILTER: usize = 5;

/// The first jail's.
const FIRST_JAIL: usize = FIRST_FILTER + limits::FILTERS;

pub(super) struct Reader<'r, 'q, 't> {
    source: Source<'t>,
    config: &'r mut Config,
    defaults: Jail,
    /// What is left open is to be filled in.
    whole: bool,
    report: &'r mut Report<'q, 't>,
    seen: [Seen; TABLES],
    /// The table that keys are in: the last header's, or an inline one.
    pub here: Place,
    /// The tables around the open inline tables.
    pub around: Vec<Place, 4>,
    /// The key segment that was read last; what it is shows only behind it.
    pub segment: Option<(Span, Option<Encoding>)>,
    /// Where the segments before it lead.
    pub at: Option<Place>,
    /// The whole key's place and the last segment's span.
    pub target: (Place, Span),
    pub in_header: bool,
    pub in_array: bool,
    /// An array or inline table was refused; the parser skips it and tells its end.
    pub refused: bool,
    /// The bracket that opened the header or array.
    pub open: Span,
    /// Values of the open array.
    pub elements: u32,
    /// The open array's list has no room left, which was reported.
    pub full: bool,
}

/// Reads the settings of a document whose grammar is known to be right: a `whole` configuration, or what is to be set over
/// one that is complete.
pub(super) fn read<'t>(
    source: Source<'t>,
    tokens: &[Token],
    config: &mut Config,
    whole: bool,
    report: &mut Report<'_, 't>,
) {
    let mut reader = Reader {
        source,
        config,
        defaults: builtin::unset(),
        whole,
        report,
        seen: [Seen::NOTHING; TABLES],
        here: Place::Root,
        around: Vec::new(),
        segment: None,
        at: None,
        target: (Place::Nowhere, Span::default()),
        in_header: false,
        in_array: false,
        refused: false,
        open: Span::default(),
        elements: 0,
        full: false,
    };
    // The grammar was checked before, with the errors reported.
    parse_document(tokens, &mut reader, &mut ());
    reader.complete();
}

impl Reader<'_, '_, '_> {
    fn seen(&mut self, place: Place) -> Option<&mut Seen> {
        self.seen.get_mut(match place {
            Place::Table(Owner::Global) => 0,
            Place::Table(Owner::Defaults) => 1,
            Place::Jails => 2,
            Place::Filters => 3,
            Place::Table(Owner::Journal) => 4,
            Place::Table(Owner::Filter(n)) => FIRST_FILTER + usize::from(n),
            Place::Table(Owner::Jail(n)) => FIRST_JAIL + n,
            Place::Root | Place::Setting(..) | Place::Nowhere => return None,
        })
    }

    pub fn wrong(&mut self, span: Span, problem: Problem<'_>) -> Place {
        let quote = self.source.input().get(span.start()..span.end()).unwrap_or_default();
        self.report.at(span.start(), quote, problem);
        Place::Nowhere
    }

    fn duplicate(&mut self, span: Span, first: usize) -> Place {
        // Looked for only where it is told: a file of nothing but duplicates would take a second.
        let (line, _) = if self.report.errors < super::ERRORS { self.report.place(first) } else { (0, 0) };
        self.wrong(span, Problem::Duplicate { line })
    }

    /// Takes the pending segment, which is followed by more or not.
    pub fn step(&mut self, last: bool) {
        let Some((span, encoding)) = self.segment.take() else { return };
        let from = self.at.unwrap_or(if self.in_header { Place::Root } else { self.here });
        let mut to = self.resolve(from, span, encoding);
        let how = match (self.in_header, last) {
            (true, false) => Some(Defined::Implied),
            (true, true) => Some(Defined::Header),
            (false, false) => Some(Defined::Dotted),
            // A value follows; if it is an inline table, it defines this one.
            (false, true) => None,
        };
        match (to, how) {
            (Place::Setting(_, key), Some(_)) => {
                // Said of the next segment, which is what must go; a header has none.
                if self.in_header && last {
                    to = self.wrong(span, Problem::Type("a table", key));
                }
            }
            (Place::Setting(owner, key), None) => to = self.set_once(owner, key, span),
            (_, Some(how)) => to = self.define(to, how, span),
            (_, None) => {}
        }
        self.at = Some(to);
        self.target = (to, span);
    }

    /// The place that one segment leads to.
    fn resolve(&mut self, from: Place, span: Span, encoding: Option<Encoding>) -> Place {
        if from == Place::Nowhere {
            return from;
        }
        let mut text = Text::new();
        let mut error: Option<ParseError> = None;
        Raw::new_unchecked(self.source.get(span).map_or("", |raw| raw.as_str()), encoding, span)
            .decode_key(&mut text, &mut error);
        if text.full {
            let problem = Problem::TooLong { bytes: span.len(), limit: Limit::Decoded };
            return self.wrong(span, problem);
        }
        if let Some(error) = error {
            self.report.syntax(&error);
            return Place::Nowhere;
        }
        let name = text.as_str();
        match from {
            Place::Root => match name {
                "global" => Place::Table(Owner::Global),
                "defaults" => Place::Table(Owner::Defaults),
                "jails" => Place::Jails,
                "filters" => Place::Filters,
                "journal" => Place::Table(Owner::Journal),
                _ => self.unknown(Section::Root, name, span),
            },
            Place::Table(owner) => {
                let section = match owner {
                    Owner::Global => Section::Global,
                    Owner::Defaults => Section::Defaults,
                    Owner::Jail(_) => Section::Jail,
                    Owner::Filter(_) => Section::Filter,
                    Owner::Journal => Section::Journal,
                };
                match Key::from_name(name) {
                    Some(key) if section.names().contains(&name) => Place::Setting(owner, key),
                    _ => self.unknown(section, name, span),
                }
            }
            Place::Jails => self.jail(name, span),
            Place::Filters => self.filter(name, span),
            Place::Setting(_, key) => {
                let hint = suggest::below(key, name).unwrap_or(Hint::None);
                self.wrong(span, Problem::NotATable(hint))
            }
            Place::Nowhere => from,
        }
    }

    fn unknown(&mut self, section: Section, name: &str, span: Span) -> Place {
        if let Some(key) = Key::from_name(name) {
            return self.wrong(span, Problem::Misplaced(section, key));
        }
        let near = suggest::nearest(name, section.names().iter().copied()).map(Hint::Near);
        let hint = match suggest::alias(name) {
            // Its own word for a key of another section would only mislead.
            Some(Hint::Near(word)) if section != Section::Root && !section.names().contains(&word) => near,
            Some(hint) => Some(hint),
            None => near,
        };
        self.wrong(span, Problem::Unknown(section, hint.unwrap_or(Hint::None)))
    }

    /// The jail of this name, a new one if there is none.
    fn jail(&mut self, name: &str, span: Span) -> Place {
        if let Some(n) = self.config.jails.iter().position(|jail| jail.name == name) {
            return Place::Table(Owner::Jail(n));
        }
        let mut jail = builtin::unset();
        jail.name = match self.name(name, span) {
            Ok(name) => name,
            Err(nowhere) => return nowhere,
        };
        let n = self.config.jails.len();
        if self.config.jails.push(jail).is_err() {
            return self.wrong(span, Problem::TooMany(Limit::Jails));
        }
        Place::Table(Owner::Jail(n))
    }

    /// The filter of this name, a new one if there is none.
    fn filter(&mut self, name: &str, span: Span) -> Place {
        if let Some(n) = self.config.filters.find(name) {
            return Place::Table(Owner::Filter(n));
        }
        if Filter::from_name(name).is_some() {
            return self.wrong(span, Problem::BuiltInFilter);
        }
        match self.name(name, span) {
            Ok(name) => match self.config.filters.add(name) {
                Some(n) => Place::Table(Owner::Filter(n)),
                None => self.wrong(span, Problem::TooMany(Limit::Filters)),
            },
            Err(nowhere) => nowhere,
        }
    }

    /// A name for a jail or filter.
    fn name(&mut self, name: &str, span: Span) -> Result<String<{ limits::JAIL_NAME }>, Place> {
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b)) {
            return Err(self.wrong(span, Problem::Name));
        }
        let long = Problem::TooLong { bytes: name.len(), limit: Limit::JailName };
        String::try_from(name).map_err(|_| self.wrong(span, long))
    }

    /// Notes that a table is defined in this way, if it may be.
    pub fn define(&mut self, place: Place, how: Defined, span: Span) -> Place {
        let Some(seen) = self.seen(place) else { return place };
        let allowed = match (seen.defined, how) {
            (Defined::No, _) => true,
            (Defined::Inline, _) => false,
            (_, Defined::Implied) => true,
            (before, Defined::Header) => before == Defined::Implied,
            (before, Defined::Dotted) => before == Defined::Dotted,
            _ => false,
        };
        if !allowed {
            let first = seen.at;
            return self.duplicate(span, first);
        }
        if seen.defined == Defined::No {
            seen.at = span.start();
        }
        if how != Defined::Implied || seen.defined == Defined::No {
            seen.defined = how;
        }
        place
    }

    /// Notes that a key is set, which it may be once.
    fn set_once(&mut self, owner: Owner, key: Key, span: Span) -> Place {
        let place = Place::Table(owner);
        if let Some(seen) = self.seen(place) {
            if let Some(first) = seen.key(key) {
                return self.duplicate(span, first);
            }
            if let Some(slot) = seen.keys.get_mut(key.index()) {
                // A file's length fits.
                *slot = u32::try_from(span.start() + 1).unwrap_or(u32::MAX);
            }
        }
        Place::Setting(owner, key)
    }

    /// Empties a list before its array is read.
    pub fn clear(&mut self, owner: Owner, key: Key) {
        let jail = match owner {
            Owner::Global => return self.config.global.devices.clear(),
            Owner::Filter(_) | Owner::Journal => return,
            Owner::Defaults => &mut self.defaults,
            Owner::Jail(n) => match self.config.jails.get_mut(n) {
                Some(jail) => jail,
                None => return,
            },
        };
        match key {
            Key::Logpath => jail.logpath.clear(),
            Key::Journalmatch => jail.journalmatch.clear(),
            Key::BantimeMultipliers => jail.growth.multipliers.clear(),
            _ => jail.ignoreip.clear(),
        }
    }

    /// One value of a setting: the only one, or one of an array.
    pub fn value(&mut self, owner: Owner, key: Key, span: Span, encoding: Option<Encoding>) {
        self.elements = self.elements.saturating_add(1);
        if self.full {
            return;
        }
        if key == Key::Filter
            && let Some(seen) = self.seen(Place::Table(owner))
        {
            seen.filter = Some((span, encoding));
        }
        let raw = Raw::new_unchecked(self.source.get(span).map_or("", |raw| raw.as_str()), encoding, span);
        let target = match owner {
            Owner::Global => value::Target::Global(&mut self.config.global),
            Owner::Defaults => value::Target::Jail(&mut self.defaults),
            Owner::Filter(n) => value::Target::Filter(&mut self.config.filters, n),
            Owner::Journal => value::Target::Journal(&mut self.config.journal),
            Owner::Jail(n) => match self.config.jails.get_mut(n) {
                Some(jail) => value::Target::Jail(jail),
                None => return,
            },
        };
        let full = value::set(target, key, raw, self.in_array, span, self.report).is_err();
        self.full = full && self.in_array;
    }

    /// Gives every jail what it left open, and checks what concerns jails as a whole.
    fn complete(&mut self) {
        self.check_global();
        self.check_filters();
        let whole = self.whole;
        if whole {
            self.config.bantime = self.defaults.bantime;
        }
        if self.config.jails.is_empty() {
            builtin::add_jails(self.config, &self.defaults);
            return;
        }
        for (jail, seen) in self.config.jails.iter_mut().zip(self.seen.iter().skip(FIRST_JAIL)) {
            let defaults = &self.defaults;
            let open = |key| whole && seen.key(key).is_none();
            if open(Key::Enabled) {
                jail.enabled = defaults.enabled;
            }
            if open(Key::Mode) {
                jail.mode = defaults.mode;
            }
            if open(Key::Logpath) {
                jail.logpath.clone_from(&defaults.logpath);
            }
            if open(Key::Journalmatch) {
                jail.journalmatch.clone_from(&defaults.journalmatch);
            }
            if open(Key::Maxretry) {
                jail.maxretry = defaults.maxretry;
            }
            if open(Key::Findtime) {
                jail.findtime = defaults.findtime;
            }
            if open(Key::Bantime) {
                jail.bantime = defaults.bantime;
            }
            let (growth, usual) = (&mut jail.growth, &defaults.growth);
            if open(Key::BantimeIncrement) {
                growth.increment = usual.increment;
            }
            if open(Key::BantimeFactor) {
                growth.factor = usual.factor;
            }
            if open(Key::BantimeMultipliers) {
                growth.multipliers.clone_from(&usual.multipliers);
            }
            if open(Key::BantimeMaxtime) {
                growth.maxtime = usual.maxtime;
            }
            if open(Key::BantimeRndtime) {
                growth.rndtime = usual.rndtime;
            }
            if open(Key::BantimeOveralljails) {
                growth.overalljails = usual.overalljails;
            }
            if open(Key::Ignoreip) {
                jail.ignoreip.clone_from(&defaults.ignoreip);
            }
            if open(Key::Ignoreself) {
                jail.ignoreself = defaults.ignoreself;
            }
            let filters = &self.config.filters;
            let known = |name| match Filter::from_name(name) {
                Some(filter) => Some(filter.into()),
                None => filters.find(name).map(JailFilter::Custom),
            };
            let mut text = Text::new();
            match seen.filter {
                None => match known(&jail.name) {
                    Some(filter) => jail.filter = filter,
                    // Not named as a table at all, or `filter` is no string: that was the error.
                    None if seen.defined == Defined::No || !open(Key::Filter) => continue,
                    None => {
                        self.report.at(seen.at, &jail.name, Problem::NoFilter(filters));
                        continue;
                    }
                },
                Some((span, encoding)) => {
                    let written = self.source.get(span).map_or("", |raw| raw.as_str());
                    let kind = Raw::new_unchecked(written, encoding, span).decode_scalar(&mut text, &mut ());
                    match known(text.as_str()) {
                        Some(filter) => jail.filter = filter,
                        // Another type, or no string at all: that was the error.
                        None if kind != ScalarKind::String || text.full => continue,
                        None => {
                            self.report.at(span.start(), text.as_str(), Problem::UnknownFilter(filters));
                            continue;
                        }
                    }
                }
            }
            if let Some(at) = seen.key(Key::Mode)
                && jail.mode != Mode::Normal
                && !jail.filter.built_in().is_some_and(Filter::has_modes)
            {
                self.report.at(at, "", Problem::Conflict("this jail's filter has no mode but \"normal\""));
            }
            if jail.filter == Filter::Recidive {
                builtin::fill_recidive(jail, &open);
                let wrong = if let Some(at) = seen.key(Key::Logpath) {
                    Some((at, "a jail with filter recidive has no log, it counts the bans of the other jails"))
                } else if jail.maxretry > RECIDIVE_MAXRETRY {
                    seen.key(Key::Maxretry).zip(Some("a jail with filter recidive counts at most 8 bans (TIMES)"))
                } else {
                    None
                };
                if let Some((at, reason)) = wrong {
                    self.report.at(at, "", Problem::Conflict(reason));
                }
            }
            builtin::fill_logpath(jail);
            if let Some(at) = seen.key(Key::Journalmatch)
                && jail.journalmatch != Matches::NONE
                && !jail.logpath.iter().any(|path| path == Feed::Journal.name())
            {
                self.report.at(at, "", Problem::Conflict("only a jail with logpath \"journal\" has a journalmatch"));
            }
            if jail.filter.built_in().is_none() && jail.logpath.is_empty() && open(Key::Logpath) {
                self.report.at(seen.at, &jail.name, Problem::NoLogpath);
            }
        }
        self.count_files();
    }

    /// Refuses filters that nothing matches.
    fn check_filters(&mut self) {
        for (n, seen) in (0..).zip(self.seen.iter().skip(FIRST_FILTER)) {
            let filters = &self.config.filters;
            // What was wrong with the templates that it has was told.
            if filters.name(n).is_empty() || seen.defined == Defined::No || seen.key(Key::Match).is_some() {
                continue;
            }
            self.report.at(seen.at, filters.name(n), Problem::NoTemplate);
        }
    }

    /// Refuses settings of `[global]` that do not go together.
    fn check_global(&mut self) {
        let at = |key| self.seen.first().and_then(|seen| seen.key(key));
        let global = &self.config.global;
        let ingress = global.hook == Hook::Ingress;
        let wrong = if ingress && global.devices.is_empty() {
            (Key::Hook, "hook = \"ingress\" needs `devices`, the network devices whose packets it sees")
        } else if !ingress && !global.devices.is_empty() {
            (Key::Devices, "only hook = \"ingress\" has devices")
        } else if ingress && global.verdict == Verdict::Reject {
            (Key::Verdict, "hook = \"ingress\" can only drop")
        } else if global.web.is_some_and(|web| !web.is_local()) && global.web_token.is_empty() {
            (Key::Web, "an address that others can reach needs a `web_token`")
        } else {
            return;
        };
        let (key, reason) = wrong;
        // An empty array of devices may be all that was wrong, and is not told by itself.
        if let Some(place) = at(key).or_else(|| at(Key::Devices)) {
            self.report.at(place, "", Problem::Conflict(reason));
        }
    }

    /// Refuses the first jail whose log files are too many together with those of the jails before it.
    fn count_files(&mut self) {
        let mut files: Vec<&str, { limits::FILES }> = Vec::new();
        for (jail, seen) in self.config.jails.iter().zip(self.seen.iter().skip(FIRST_JAIL)) {
            for path in jail.logpath.iter().filter(|path| jail.enabled && Feed::from_name(path).is_none()) {
                if !files.contains(&path.as_str()) && files.push(path).is_err() {
                    self.report.at(seen.at, path, Problem::TooMany(Limit::Files));
                    return;
                }
            }
        }
    }
}
