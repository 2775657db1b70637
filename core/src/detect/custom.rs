//! The operator's own filters: `[filters.NAME]` of the configuration, each some templates.
//!
//! All templates of a filter are held against a message, and all that fit must name the same peer: else a text that a peer
//! chooses, in a message of one template, could read as a message of another. A message that a template of `ignore` fits
//! never counts.
//!
//! What a template costs is told in [`template`]. Most messages of other kinds differ from it in their first
//! bytes, so a filter costs little more than the number of its templates.

use super::Attempt;
use super::template::{self, Doubt, Found, Programs, Use};
use crate::addr::Addr;
use crate::limits;
use crate::source::syslog::{Record, Split};
use heapless::{String, Vec};

/// One template: where its text is, and whose it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    filter: u8,
    ignore: bool,
    start: u16,
    len: u16,
}

/// All filters of a configuration. All zero bytes when empty.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Filters {
    names: Vec<String<{ limits::JAIL_NAME }>, { limits::FILTERS }>,
    /// By filter, those to match first, each in the file's order.
    templates: Vec<Entry, { limits::TEMPLATES }>,
    text: String<{ limits::TEMPLATE_TEXT }>,
}

static_assertions::const_assert!(limits::FILTERS <= 256 && limits::TEMPLATE_TEXT <= 65_536);

/// There is no room for a template.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Full {
    /// [`limits::TEMPLATES`] are there.
    Templates,
    /// [`limits::TEMPLATE_TEXT`] bytes are.
    Text,
}

/// A log line, taken apart once for all filters.
pub struct Line<'l> {
    line: &'l [u8],
    split: Split<'l>,
    said: Option<&'l [u8]>,
    undated: Option<&'l [u8]>,
}

impl<'l> Line<'l> {
    /// A line without its newline, split at its header.
    #[must_use]
    pub const fn new(line: &'l [u8], split: Split<'l>) -> Self {
        Self { line, split, said: None, undated: None }
    }

    /// What a program is known to have said, without a line around it; `alone` if that is all that its log has.
    #[must_use]
    pub fn of_record(record: Record<'l>, alone: bool) -> Self {
        let split = Split { record: Some(record), dated: None };
        let undated = if alone { super::undated(record.message, &Split::of(record.message)).1 } else { b"" };
        Self { line: record.message, split, said: Some(record.message), undated: Some(undated) }
    }

    /// What the line's program said.
    fn said(&mut self, message: &[u8]) -> &'l [u8] {
        self.said.get_or_insert_with(|| with_spaces(self.line, message))
    }

    /// The line behind its date.
    fn undated(&mut self) -> &'l [u8] {
        let (line, split) = (self.line, &self.split);
        self.undated.get_or_insert_with(|| with_spaces(line, super::undated(line, split).1))
    }
}

impl Filters {
    /// No filters.
    #[must_use]
    pub const fn new() -> Self {
        Self { names: Vec::new(), templates: Vec::new(), text: String::new() }
    }

    /// Takes over what another has; only what that is becomes resident.
    pub fn copy_from(&mut self, other: &Self) {
        self.clear();
        self.names.extend(other.names.iter().cloned());
        // As large as the others, so neither can fail.
        let _ = self.templates.extend_from_slice(&other.templates);
        let _ = self.text.push_str(&other.text);
    }

    /// Forgets all filters.
    pub fn clear(&mut self) {
        self.names.clear();
        self.templates.clear();
        self.text.clear();
    }

    /// The number of the filter of this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<u8> {
        (0..).zip(&self.names).find(|(_, known)| *known == name).map(|(number, _)| number)
    }

    /// The filters' names, by number.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// The name of this filter.
    #[must_use]
    pub fn name(&self, filter: u8) -> &str {
        self.names.get(usize::from(filter)).map_or("", String::as_str)
    }

    /// Adds a filter without templates and returns its number, or `None` if there are [`limits::FILTERS`].
    pub fn add(&mut self, name: String<{ limits::JAIL_NAME }>) -> Option<u8> {
        let number = u8::try_from(self.names.len()).ok()?;
        self.names.push(name).ok()?;
        Some(number)
    }

    /// Adds a template, which must be one that [`template::check_custom`] accepts.
    ///
    /// # Errors
    /// [`Full`] if there is no room; nothing was added then.
    pub fn push(&mut self, filter: u8, of: Use, template: &str) -> Result<(), Full> {
        if self.templates.is_full() {
            return Err(Full::Templates);
        }
        let start = u16::try_from(self.text.len()).map_err(|_| Full::Text)?;
        let len = u16::try_from(template.len()).map_err(|_| Full::Text)?;
        self.text.push_str(template).map_err(|_| Full::Text)?;
        let entry = Entry { filter, ignore: of == Use::Ignore, start, len };
        let place = self.templates.partition_point(|other| (other.filter, other.ignore) <= (filter, entry.ignore));
        self.templates.insert(place, entry).map_err(|_| Full::Templates)
    }

    /// The templates of a filter for this use.
    pub fn templates(&self, filter: u8, of: Use) -> impl Iterator<Item = &str> {
        let key = (filter, of == Use::Ignore);
        let from = self.templates.partition_point(|entry| (entry.filter, entry.ignore) < key);
        let entries = self.templates.get(from..).unwrap_or_default().iter();
        entries.take_while(move |entry| (entry.filter, entry.ignore) == key).map(|entry| {
            let start = usize::from(entry.start);
            self.text.get(start..start + usize::from(entry.len)).unwrap_or_default()
        })
    }

    /// The failed attempt that this line proves by this filter, if any.
    #[inline(never)]
    pub fn detect(&self, filter: u8, line: &mut Line<'_>) -> Option<Attempt> {
        let mut peer = None;
        for template in self.templates(filter, Use::Match) {
            match held_against(template.as_bytes(), line) {
                Found::No => {}
                Found::Peer(addr) if peer.is_none_or(|other: Addr| other == addr) => peer = Some(addr),
                _ => return None,
            }
        }
        let addr = peer?;
        let mut ignored = self.templates(filter, Use::Ignore);
        if ignored.any(|template| held_against(template.as_bytes(), line) != Found::No) {
            return None;
        }
        Some(Attempt { addr, count: 1 })
    }
}

/// Where a template would fit that does not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Almost<'l> {
    /// In the message of this program.
    Program(&'l [u8]),
    /// In the line behind its date.
    Line,
}

impl Filters {
    /// For a line that this filter does not read: whether its templates fit if they name other programs, or none. Only for
    /// who tries a filter out.
    #[must_use]
    pub fn almost<'l>(&self, filter: u8, line: &mut Line<'l>) -> Option<Almost<'l>> {
        let fits = |message: &[u8], other: &dyn Fn(Programs<'_>) -> bool| {
            self.templates(filter, Use::Match).any(|template| {
                let (programs, body) = template::programs(template.as_bytes());
                other(programs) && matches!(template::read(body, message), Found::Peer(_))
            })
        };
        let record = line.split.record;
        match record {
            Some(record) if fits(line.said(record.message), &|programs| !programs.have(record.program)) => {
                Some(Almost::Program(record.program))
            }
            _ => fits(line.undated(), &|programs| programs != Programs::Line).then_some(Almost::Line),
        }
    }

    /// Tells what is doubtful: the filter's name, of which use the template is, its place among these from 1, and why.
    pub fn doubts(&self, mut tell: impl FnMut(&str, Use, usize, Doubt)) {
        for (filter, name) in (0..).zip(self.names()) {
            for of in [Use::Match, Use::Ignore] {
                for (n, template) in (1..).zip(self.templates(filter, of)) {
                    if let Some(doubt) = template::doubt(template.as_bytes(), of) {
                        tell(name, of, n, doubt);
                    }
                }
            }
        }
    }
}

impl core::fmt::Debug for Filters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let of = |filter| {
            [Use::Match, Use::Ignore].map(|of| self.templates(filter, of).collect::<Vec<_, { limits::TEMPLATES }>>())
        };
        f.debug_map().entries((0..).zip(&self.names).map(|(filter, name)| (name, of(filter)))).finish()
    }
}

/// The last part of a line with all spaces around it but the one that ends what is before it: see [`template`] on them.
fn with_spaces<'l>(line: &'l [u8], part: &[u8]) -> &'l [u8] {
    let end = line.trim_ascii_end().len();
    let start = end.saturating_sub(part.trim_ascii().len());
    let before = line.get(..start).unwrap_or_default();
    let head = before.trim_ascii_end().len();
    line.get(if head == 0 { 0 } else { start.min(head + 1) }..).unwrap_or_default()
}

/// What a line is by one template.
fn held_against(template: &[u8], line: &mut Line<'_>) -> Found {
    let (programs, body) = template::programs(template);
    let message = match (programs, line.split.record) {
        (Programs::Line, _) => line.undated(),
        (_, Some(record)) if programs.have(record.program) => line.said(record.message),
        _ => return Found::No,
    };
    template::read(body, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::format;
    use std::string::{String, ToString};

    fn filters(matches: &[&str], ignores: &[&str]) -> Filters {
        let mut filters = Filters::new();
        let number = filters.add("a".try_into().unwrap()).unwrap();
        for (of, templates) in [(Use::Match, matches), (Use::Ignore, ignores)] {
            for template in templates {
                assert_eq!(template::check_custom(template.as_bytes(), of), Ok(()), "{template}");
                assert_eq!(filters.push(number, of, template), Ok(()));
            }
        }
        filters
    }

    fn told(filters: &Filters, line: &str) -> String {
        let attempt = filters.detect(0, &mut Line::new(line.as_bytes(), Split::of(line.as_bytes())));
        attempt.map_or_else(|| "no".to_string(), |attempt| format!("{} {}", attempt.addr, attempt.count))
    }

    #[test]
    fn the_lines_head_says_what_its_text_is() {
        let named = filters(&["<prog:myapp|other> login failed from <ADDR>"], &[]);
        let any = filters(&["<prog:*> login failed from <ADDR>"], &[]);
        let whole = filters(&["login failed from <ADDR>", "[<^]>] login failed from <ADDR>"], &[]);
        for (line, want) in [
            ("Mar  3 00:17:22 host myapp[7]: login failed from 10.1.1.1", ["10.1.1.1 1", "10.1.1.1 1", "no"]),
            ("Mar  3 00:17:22 host other: login failed from 10.1.1.1  ", ["10.1.1.1 1", "10.1.1.1 1", "no"]),
            ("Mar  3 00:17:22 host third: login failed from 10.1.1.1", ["no", "10.1.1.1 1", "no"]),
            ("Mar  3 00:17:22 host third: myapp: login failed from 10.1.1.1", ["no", "no", "no"]),
            ("2026-11-24 10:00:00 login failed from 10.1.1.1", ["no", "no", "10.1.1.1 1"]),
            ("2026-11-24T10:00:00.123+01:00 [auth] login failed from 10.1.1.1\r", ["no", "no", "10.1.1.1 1"]),
            ("login failed from 10.1.1.1", ["no", "no", "10.1.1.1 1"]),
            // In a log that no syslog daemon writes the peer may choose what looks like a program's name.
            ("2026-11-24 10:00:00 GET /myapp: login failed from 9.9.9.9", ["9.9.9.9 1", "9.9.9.9 1", "no"]),
        ] {
            assert_eq!([&named, &any, &whole].map(|filters| told(filters, line)), want, "{line}");
        }
    }

    #[test]
    fn templates_that_disagree_name_nobody() {
        let filters = filters(&["user <*> refused from <ADDR> since <*>", "user <*> failed from <ADDR>"], &[]);
        assert_eq!(told(&filters, "user x refused from 10.1.1.1 since night"), "10.1.1.1 1");
        assert_eq!(told(&filters, "user x failed from 10.1.1.1"), "10.1.1.1 1");
        assert_eq!(told(&filters, "user x refused from 10.1.1.1 since a failed from 9.9.9.9"), "no");
        assert_eq!(told(&filters, "user x refused from 10.1.1.1 since a failed from 10.1.1.1"), "10.1.1.1 1");
    }

    #[test]
    fn spaces_are_where_the_service_put_them() {
        let line = |text: &'static str, part: &'static str| with_spaces(text.as_bytes(), part.as_bytes());
        assert_eq!(line("h a:  x y ", "x y"), b" x y ");
        assert_eq!(line("h a: x y", "x y"), b"x y");
        assert_eq!(line("h a:x y\r", "x y\r"), b"x y\r");
        assert_eq!(line("  x y ", "x y"), b"  x y ");
        assert_eq!(line("h a:  ", ""), b"  ");

        // A peer that chooses to say nothing moves nothing.
        let last = filters(&["<prog:a> user <*> failed from <ADDR> reason <*>"], &[]);
        assert_eq!(told(&last, "h a: user x failed from 10.1.1.1 reason "), "10.1.1.1 1");
        assert_eq!(told(&last, "h a: user x failed from 9.9.9.9 reason y failed from 10.1.1.1 reason "), "no");
        let first = filters(&["<*> failed from <ADDR> reason <*>"], &[]);
        assert_eq!(told(&first, "2026-11-24 10:00:00  failed from 10.1.1.1 reason x"), "10.1.1.1 1");
        assert_eq!(
            told(&first, "2026-11-24 10:00:00  failed from 10.1.1.1 reason y failed from 9.9.9.9 reason x"),
            "no"
        );
        assert_eq!(told(&first, " failed from 10.1.1.1 reason y failed from 9.9.9.9 reason x"), "no");
    }

    #[test]
    fn what_is_to_be_ignored_never_counts() {
        let filters = filters(&["<prog:a> user <*> failed from <ADDR>"], &["<prog:*> user monitor <*>", "x"]);
        assert_eq!(told(&filters, "h a: user x failed from 10.1.1.1"), "10.1.1.1 1");
        assert_eq!(told(&filters, "h a: user monitor failed from 10.1.1.1"), "no");
    }

    #[test]
    fn who_tries_a_template_out_hears_where_it_fits() {
        let line = "Mar  3 00:17:22 host myapp[7]: login failed from 10.1.1.1";
        let own = "2026-11-24 10:00:00 login failed from 10.1.1.1";
        let other = "Mar  3 00:17:22 host myapp[7]: login from 10.1.1.1";
        for (template, line, want) in [
            ("login failed from <ADDR>", line, Some(Almost::Program(b"myapp"))),
            ("<prog:other> login failed from <ADDR>", line, Some(Almost::Program(b"myapp"))),
            ("<prog:other> login failed from <ADDR>", own, Some(Almost::Line)),
            ("login failed from <ADDR>", other, None),
            ("<prog:myapp> login failed from <ADDR>", line, None),
            ("login failed from <ADDR>", own, None),
        ] {
            let mut line = Line::new(line.as_bytes(), Split::of(line.as_bytes()));
            let filters = filters(&[template], &[]);
            assert_eq!(filters.almost(0, &mut line), want, "{template}");
        }
    }

    #[test]
    fn doubts_are_told_by_number() {
        let filters = filters(&["a <ADDR>", "a <*> from <ADDR> b <*>"], &["<*> x"]);
        let mut told = std::vec::Vec::new();
        filters.doubts(|name, of, n, doubt| told.push((name.to_string(), of, n, doubt)));
        let name = || "a".to_string();
        let want =
            [(name(), Use::Match, 2, Doubt::Between(Use::Match)), (name(), Use::Ignore, 1, Doubt::Begins(Use::Ignore))];
        assert_eq!(told, want);
    }

    #[test]
    fn full_hands_it_back() {
        let mut filters = Filters::new();
        for n in 0..limits::FILTERS {
            assert!(filters.add(format!("f{n}").as_str().try_into().unwrap()).is_some());
        }
        assert_eq!(filters.add("one".try_into().unwrap()), None);
        for n in 0..limits::TEMPLATES {
            assert_eq!(filters.push(u8::try_from(n % 3).unwrap(), Use::Match, "a <ADDR>"), Ok(()));
        }
        assert_eq!(filters.push(1, Use::Match, "b <ADDR>"), Err(Full::Templates));
        assert_eq!(filters.templates(1, Use::Match).count(), limits::TEMPLATES / 3);
        filters.clear();
        let long = "a".repeat(limits::TEMPLATE_TEXT - 1);
        assert_eq!(filters.push(0, Use::Match, &long), Ok(()));
        assert_eq!(filters.push(0, Use::Match, "ab"), Err(Full::Text));
        assert_eq!(filters.push(0, Use::Match, "a"), Ok(()));
        assert_eq!(filters.templates(0, Use::Match).map(str::len).sum::<usize>(), limits::TEMPLATE_TEXT);
    }

    #[test]
    fn templates_stay_in_order_however_they_come() {
        let mut filters = Filters::new();
        for (filter, of, text) in [
            (1, Use::Ignore, "a"),
            (0, Use::Match, "b"),
            (1, Use::Match, "c"),
            (0, Use::Ignore, "d"),
            (1, Use::Match, "e"),
        ] {
            filters.push(filter, of, text).unwrap();
        }
        let of = |filter, of| filters.templates(filter, of).collect::<Vec<_, 4>>();
        assert_eq!((of(0, Use::Match), of(0, Use::Ignore)), (["b"].into(), ["d"].into()));
        assert_eq!((of(1, Use::Match), of(1, Use::Ignore)), (["c", "e"].into(), ["a"].into()));
    }
}
