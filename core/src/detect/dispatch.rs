//! Which filters a line is for, by the name of its program, at a price that does not grow with the number of filters.
//!
//! The table of the names is made of the registry's rows when edgeban is compiled: a hash table whose empty places end a
//! search. With a name is the set of the filters that read the program. Names that the operator chooses parts of are asked
//! for only if the table does not know them, and only of rows whose `starts` fit.

use super::registry::{Filter, ROWS};
use crate::source::syslog::{Record, Split};

/// What the dispatch knows of a filter, a row for each.
pub(super) struct Row {
    /// The names of its programs.
    pub programs: &'static [&'static [u8]],
    /// Whether a name that no row has is one of its programs.
    pub instance: Option<fn(&[u8]) -> bool>,
    /// What such a name starts with; anything if there is nothing here.
    pub starts: &'static [&'static [u8]],
    /// Whether it reads the programs that are no filter's.
    pub others: bool,
    /// Whether it reads lines of a log file of its own.
    pub own_log: bool,
    /// The first bytes of its messages there; any if there are none here.
    pub first: &'static [u8],
    /// Whether it reads access logs.
    pub access: bool,
}

/// Some of the filters.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FilterSet(u128);

static_assertions::const_assert!(Filter::ALL.len() <= 128);

impl FilterSet {
    /// No filter.
    pub const NONE: Self = Self(0);

    /// Those that read the programs that no filter has by name.
    pub const OTHERS: Self = others();

    /// Those that read a log file of the service's own.
    pub const OWN_LOG: Self = own_log();

    /// Those that read access logs of web servers.
    pub(crate) const ACCESS: Self = access();

    /// This one.
    #[must_use]
    pub const fn one(filter: Filter) -> Self {
        Self(1 << filter.index())
    }

    /// The filters that read a program of this name, by the name; none if no filter knows it.
    #[must_use]
    pub fn of_program(program: &[u8]) -> Self {
        let mut place = hash(program);
        while let Some(name) = PROGRAMS.slots.get(place % SLOTS)
            && name.len > 0
        {
            if PROGRAMS.text(*name) == program {
                return SETS.get(usize::from(name.set)).copied().unwrap_or_default();
            }
            place += 1;
        }
        if program.first().is_some_and(|first| INSTANCE_FIRST >> (first & 127) & 1 == 1) {
            return of_instance(program);
        }
        Self::NONE
    }

    /// The filters that may read a [record of a service's own log](Filter::own_record), by its message's form.
    #[must_use]
    pub fn of_own(record: &Record<'_>) -> Self {
        let first = Self::of_first(first_byte(record));
        if is_request(record) { Self(first.0 | Self::ACCESS.0) } else { first }
    }

    /// The filters that may read a message of a log of their own of this [`first_byte`].
    pub(crate) fn of_first(first: usize) -> Self {
        FIRST.get(first).copied().unwrap_or_default()
    }

    /// Whether this filter is among them.
    #[must_use]
    pub const fn has(self, filter: Filter) -> bool {
        self.0 >> filter.index() & 1 == 1
    }

    /// Whether it has no filter.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The filters, in the order of [`Filter::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Filter> {
        let mut left = self.0;
        core::iter::from_fn(move || {
            let lowest = usize::try_from(left.trailing_zeros()).ok()?;
            left &= left.checked_sub(1)?;
            Filter::ALL.get(lowest).copied()
        })
    }
}

/// First bytes that are taken for one: letters of one case, digits and brackets all differ in these bits.
pub(crate) const FIRST_BYTES: usize = 64;

/// The first byte of a message, as the dispatch tells them apart.
pub(crate) fn first_byte(record: &Record<'_>) -> usize {
    record.message.first().map_or(0, |&byte| usize::from(byte) % FIRST_BYTES)
}

/// Whether a message may be a line of an access log.
pub(crate) fn is_request(record: &Record<'_>) -> bool {
    super::pattern::access::stamp(record.message).is_some()
}

impl Filter {
    /// Whether programs of this name are the filter's. Programs that are no filter's are those of filters for all others.
    #[must_use]
    pub fn is_program(self, program: &[u8]) -> bool {
        let known = FilterSet::of_program(program);
        if known.is_empty() { FilterSet::OTHERS } else { known }.has(self)
    }

    /// Whether the service writes a log file of its own, where lines name no program.
    #[must_use]
    pub const fn has_own_log(self) -> bool {
        FilterSet::OWN_LOG.has(self)
    }

    /// What a jail with this filter reads of a line, if it reads it.
    #[must_use]
    pub fn record<'a>(self, line: &'a [u8]) -> Option<Record<'a>> {
        let split = Split::of(line);
        let known = split.record.map_or(FilterSet::NONE, |record| FilterSet::of_program(record.program));
        match split.record {
            Some(record) if self.is_program(record.program) => Some(record),
            // A line of one service is never tried for another.
            _ if !known.is_empty() => None,
            _ => Self::own_record(line, &split).filter(|own| FilterSet::of_own(own).has(self)),
        }
    }
}

/// A name of the table; its text is in [`Programs::text`], its filters in [`SETS`].
#[derive(Clone, Copy)]
struct Name {
    at: u16,
    len: u8,
    set: u8,
}

struct Programs {
    slots: [Name; SLOTS],
    text: [u8; TEXT],
}

impl Programs {
    fn text(&self, name: Name) -> &[u8] {
        let at = usize::from(name.at);
        self.text.get(at..at + usize::from(name.len)).unwrap_or_default()
    }
}

/// All names, one behind the other.
const TEXT: usize = sizes().1;

/// At most every third place is taken.
const SLOTS: usize = (3 * sizes().0).next_power_of_two();

static PROGRAMS: Programs = programs();

/// How many names there are, and their bytes.
#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "at compile time")]
const fn sizes() -> (usize, usize) {
    let (mut names, mut bytes, mut row) = (0, 0, 0);
    while row < ROWS.len() {
        let mut at = 0;
        while at < ROWS[row].programs.len() {
            let name = ROWS[row].programs[at];
            if readers(name).trailing_zeros() as usize == row {
                names += 1;
                bytes += name.len();
            }
            at += 1;
        }
        row += 1;
    }
    (names, bytes)
}

/// The filters that read a program of this name, a bit each.
#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn readers(name: &[u8]) -> u128 {
    let (mut bits, mut row) = (0, 0);
    while row < ROWS.len() {
        let mut at = 0;
        while at < ROWS[row].programs.len() {
            if is_same(name, ROWS[row].programs[at]) {
                bits |= 1 << row;
            }
            at += 1;
        }
        row += 1;
    }
    bits
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while one.len() == other.len() && at < one.len() && one[at] == other[at] {
        at += 1;
    }
    one.len() == other.len() && at == one.len()
}

/// The sets of filters that names have, each once, and how many they are.
const DISTINCT: ([FilterSet; 256], usize) = distinct();

static SETS: [FilterSet; DISTINCT.1] = sets();

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn sets() -> [FilterSet; DISTINCT.1] {
    let mut made = [FilterSet::NONE; DISTINCT.1];
    let mut at = 0;
    while at < made.len() {
        made[at] = DISTINCT.0[at];
        at += 1;
    }
    made
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn distinct() -> ([FilterSet; 256], usize) {
    let mut made = ([FilterSet::NONE; 256], 0);
    let mut row = 0;
    while row < ROWS.len() {
        let mut at = 0;
        while at < ROWS[row].programs.len() {
            let set = FilterSet(readers(ROWS[row].programs[at]));
            if place_of(set, &made.0) == made.1 {
                made.0[made.1] = set;
                made.1 += 1;
            }
            at += 1;
        }
        row += 1;
    }
    made
}

/// Where a set is, or the place of the first empty one.
#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn place_of(set: FilterSet, sets: &[FilterSet; 256]) -> usize {
    let mut at = 0;
    while !sets[at].is_empty() && sets[at].0 != set.0 {
        at += 1;
    }
    at
}

#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "at compile time, and asserted")]
const fn programs() -> Programs {
    let mut made = Programs { slots: [Name { at: 0, len: 0, set: 0 }; SLOTS], text: [0; TEXT] };
    let (mut end, mut row) = (0, 0);
    while row < ROWS.len() {
        let mut program = 0;
        while program < ROWS[row].programs.len() {
            let name = ROWS[row].programs[program];
            assert!(!name.is_empty() && name.len() < 256 && end < 65_536);
            let set = FilterSet(readers(name));
            // A name that an earlier row has, too, is there already.
            if set.0.trailing_zeros() as usize == row {
                let mut place = hash(name) % SLOTS;
                while made.slots[place].len > 0 {
                    place = (place + 1) % SLOTS;
                }
                let set = place_of(set, &DISTINCT.0) as u8;
                made.slots[place] = Name { at: end as u16, len: name.len() as u8, set };
                let mut at = 0;
                while at < name.len() {
                    made.text[end] = name[at];
                    end += 1;
                    at += 1;
                }
            }
            program += 1;
        }
        row += 1;
    }
    made
}

/// Where the search for a name begins. The names are ours, so whoever chooses a program's name gains nothing by it: a search
/// ends at the first empty place.
#[expect(clippy::as_conversions, reason = "widening, and 16 bits fit anything")]
const fn hash(name: &[u8]) -> usize {
    let [a, b, c, d, e, f] = match name {
        [a, b, c, .., d, e, f] => [*a, *b, *c, *d, *e, *f],
        [a, b, .., c, d] => [*a, *b, *c, *d, 0, 0],
        [a, .., b] => [*a, *b, 0, 0, 0, 0],
        [a] => [*a, 0, 0, 0, 0, 0],
        [] => [0; 6],
    };
    let [len, ..] = name.len().to_le_bytes();
    // The golden ratio's bits mix all into the upper ones.
    let mixed = u64::from_le_bytes([a, b, c, d, e, f, len, 0]).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 48) as usize
}

struct Instance {
    filter: Filter,
    is_one: fn(&[u8]) -> bool,
    starts: &'static [&'static [u8]],
}

const INSTANCES: usize = {
    let (mut count, mut row) = (0, 0);
    while row < ROWS.len() {
        #[expect(clippy::indexing_slicing, reason = "at compile time")]
        if ROWS[row].instance.is_some() {
            count += 1;
        }
        row += 1;
    }
    count
};

static INSTANCE: [Option<Instance>; INSTANCES] = instances();

/// Bit N says whether a name that starts with the byte N may be an instance of any service.
const INSTANCE_FIRST: u128 = instance_first();

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn instances() -> [Option<Instance>; INSTANCES] {
    let mut made = [const { None }; INSTANCES];
    let (mut count, mut row) = (0, 0);
    while row < ROWS.len() {
        if let Some(is_one) = ROWS[row].instance {
            made[count] = Some(Instance { filter: Filter::ALL[row], is_one, starts: ROWS[row].starts });
            count += 1;
        }
        row += 1;
    }
    made
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn instance_first() -> u128 {
    let (mut bits, mut row) = (0, 0);
    while row < ROWS.len() {
        let starts = ROWS[row].starts;
        if ROWS[row].instance.is_some() && starts.is_empty() {
            return u128::MAX;
        }
        let mut at = 0;
        while at < starts.len() {
            bits |= 1 << (starts[at][0] & 127);
            at += 1;
        }
        row += 1;
    }
    bits
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn others() -> FilterSet {
    let (mut bits, mut row) = (0, 0);
    while row < ROWS.len() {
        if ROWS[row].others {
            assert!(!ROWS[row].own_log, "it would read such a line twice");
            bits |= 1 << row;
        }
        row += 1;
    }
    FilterSet(bits)
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn own_log() -> FilterSet {
    let (mut bits, mut row) = (0, 0);
    while row < ROWS.len() {
        if ROWS[row].own_log {
            bits |= 1 << row;
        }
        row += 1;
    }
    FilterSet(bits)
}

#[expect(clippy::indexing_slicing, reason = "at compile time")]
const fn access() -> FilterSet {
    let (mut bits, mut row) = (0, 0);
    while row < ROWS.len() {
        if ROWS[row].access {
            assert!(ROWS[row].own_log, "an access log is a log of its own");
            bits |= 1 << row;
        }
        row += 1;
    }
    FilterSet(bits)
}

static FIRST: [FilterSet; FIRST_BYTES] = first();

#[expect(clippy::indexing_slicing, clippy::as_conversions, reason = "at compile time")]
const fn first() -> [FilterSet; FIRST_BYTES] {
    let mut made = [FilterSet::NONE; FIRST_BYTES];
    let mut row = 0;
    while row < ROWS.len() {
        let mut at = 0;
        while ROWS[row].own_log && at < FIRST_BYTES {
            if ROWS[row].first.is_empty() && !ROWS[row].access {
                made[at].0 |= 1 << row;
            }
            at += 1;
        }
        at = 0;
        while at < ROWS[row].first.len() {
            made[ROWS[row].first[at] as usize % FIRST_BYTES].0 |= 1 << row;
            at += 1;
        }
        row += 1;
    }
    made
}

#[inline(never)]
fn of_instance(program: &[u8]) -> FilterSet {
    let mut found = FilterSet::NONE;
    for instance in INSTANCE.iter().flatten() {
        let starts = instance.starts;
        if (starts.is_empty() || starts.iter().any(|start| program.starts_with(start))) && (instance.is_one)(program) {
            found.0 |= FilterSet::one(instance.filter).0;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_finds_all_filters_that_read_it_and_no_other() {
        for row in &ROWS {
            for name in row.programs {
                let want = FilterSet(
                    (0..ROWS.len())
                        .filter(|&row| ROWS[row].programs.contains(name))
                        .fold(0, |bits, row| bits | 1 << row),
                );
                assert_eq!(FilterSet::of_program(name), want, "{}", name.escape_ascii());
                // The table wins over the predicates, so they may not say anything else of its names.
                assert!(of_instance(name).iter().all(|filter| want.has(filter)), "{}", name.escape_ascii());
                let longer = [name, &b"x"[..]].concat();
                assert!(
                    !FilterSet::of_program(&longer).iter().any(|filter| want.has(filter))
                        || !of_instance(&longer).is_empty()
                );
            }
        }
        for name in ["", "s", "sshD", "CRON", "systemd", "kerneloops", "sshd-", "\u{ff}"] {
            assert_eq!(FilterSet::of_program(name.as_bytes()), FilterSet::NONE, "{name}");
        }
        assert!(FilterSet::of_program(b"postfix-in/submission/smtpd").has(Filter::Postfix));
        assert_eq!(FilterSet::one(Filter::Dropbear).iter().collect::<std::vec::Vec<_>>(), [Filter::Dropbear]);
    }

    #[test]
    fn a_search_ends_soon() {
        let longest = (0..SLOTS)
            .map(|start| (0..SLOTS).take_while(|step| PROGRAMS.slots[(start + step) % SLOTS].len > 0).count())
            .max();
        assert!(longest <= Some(12), "{longest:?}");
    }

    #[test]
    fn every_instance_starts_as_its_row_says() {
        for row in &ROWS {
            assert!(row.instance.is_some() || row.starts.is_empty());
            assert!(row.starts.iter().flat_map(|start| start.iter()).all(u8::is_ascii));
            assert!(row.own_log || row.first.is_empty());
        }
    }
}
