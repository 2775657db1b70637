//! A table with our chain and jump in it, or without them; the counters in their new places.
//!
//! Entries are copied, not made anew, wherever the table has them already, our own too: so a table that is as planned
//! comes out as it went in, and each copied entry has old counters to carry over.

use super::view::{Span, View};
use super::{Content, Info, Plan, Refused};
use crate::addr::{Family, Prefix};
use crate::limits;
use crate::wire::buf::{Malformed, Writer};
use crate::wire::uapi::x_tables::XT_EXTENSION_MAXNAMELEN;
use crate::wire::xt::COUNTERS_LEN;
use crate::wire::xt::entry::{DROP, Entries, Entry, Target};
use crate::wire::xt::request::{COUNTERS_OFFSET, Hooks, REPLACE_LEN, add_counters};
use crate::wire::xt::rule::Rule;
use crate::wire::xt::set::SetMatch;
use heapless::Vec;

/// Changes of length: our jump, our chain, and the jumps of ours that are too many.
const CUTS: usize = 2 + limits::XT_JUMPS;

/// Bytes `at..at + removed` become `inserted` bytes.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: usize,
    removed: usize,
    inserted: usize,
}

/// An entry of the new table.
enum Piece<'p> {
    /// Taken from the old one, with its number and offset there.
    Old(Old<'p>),
    New(Rule<'p>),
}

#[derive(Clone, Copy)]
struct Old<'p> {
    number: usize,
    offset: usize,
    entry: Entry<'p>,
}

/// Entries with their numbers and offsets in the whole table.
#[derive(Clone)]
struct Numbered<'p> {
    entries: Entries<'p>,
    base: usize,
    number: usize,
}

impl<'p> Numbered<'p> {
    /// The entries of the table between two offsets, of which the first has this number.
    fn new(view: &View<'p>, from: usize, to: usize, number: usize) -> Self {
        let bytes = view.entries.get(from..to).unwrap_or_default();
        Self { entries: Entries::new(view.family, bytes), base: from, number }
    }

    fn all(view: &View<'p>) -> Self {
        Self::new(view, 0, view.entries.len(), 0)
    }
}

impl<'p> Iterator for Numbered<'p> {
    type Item = Result<Old<'p>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.number;
        self.number = number.saturating_add(1);
        let entry = self.entries.next()?;
        Some(entry.map(|(offset, entry)| Old { number, offset: self.base.saturating_add(offset), entry }))
    }
}

type Sink<'s> = &'s mut dyn FnMut(Piece<'_>) -> Result<(), Refused>;

/// A planned change of one table.
#[derive(Debug)]
pub struct Rewrite<'a> {
    view: View<'a>,
    table: &'a str,
    plan: Plan<'a>,
    /// Our chain as it is.
    old: Option<Span>,
    /// Where our jump goes.
    hook_at: usize,
    /// Where our chain goes.
    place: usize,
    cuts: Vec<Cut, CUTS>,
}

impl<'a> Rewrite<'a> {
    /// Plans the change of the table named `table`, of which the kernel answered `info` and `entries`.
    ///
    /// # Errors
    /// Every [`Refused`] but [`Refused::Full`]; [`Refused::Referenced`] comes from [`Rewrite::replace`].
    pub fn plan(
        family: Family,
        table: &'a str,
        info: &Info,
        entries: &'a [u8],
        plan: Plan<'a>,
    ) -> Result<Self, Refused> {
        let name = plan.chain.as_bytes();
        if name.is_empty() || name.len() >= XT_EXTENSION_MAXNAMELEN || !name.iter().all(u8::is_ascii_graphic) {
            return Err(Refused::ChainName);
        }
        let view = View::new(family, info, entries)?;
        let (hook_at, policy_at) = view.hook(plan.hook)?;
        let (old, place) = match view.find(plan.chain)? {
            Ok(span) => (Some(span), span.head),
            Err(place) => (None, place),
        };
        // Built-in chains and ours lie apart.
        let inside = old.is_some_and(|old| (old.head..old.end).contains(&hook_at));
        if inside || (hook_at..=policy_at).contains(&place) {
            return Err(Refused::Malformed);
        }
        let mut rewrite = Self { view, table, plan, old, hook_at, place, cuts: Vec::new() };
        rewrite.cut_jumps(policy_at)?;
        let inserted = rewrite.chain_len()?;
        rewrite.cut(place, old.map_or(0, |old| old.end - old.head), inserted)?;
        Ok(rewrite)
    }

    fn cut(&mut self, at: usize, removed: usize, inserted: usize) -> Result<(), Refused> {
        match self.cuts.last_mut() {
            // Removed jumps that follow each other are one cut.
            Some(last) if last.removed > 0 && inserted == 0 && last.at + last.removed == at => last.removed += removed,
            _ if removed == 0 && inserted == 0 => {}
            _ => self.cuts.push(Cut { at, removed, inserted }).map_err(|_| Refused::TooManyJumps)?,
        }
        Ok(())
    }

    /// Takes our jumps out of the built-in chain and puts one at its front.
    fn cut_jumps(&mut self, policy_at: usize) -> Result<(), Refused> {
        if self.plan.content.is_some() {
            self.cut(self.hook_at, 0, Rule::Jump(0).buffer_len(self.view.family))?;
        }
        for old in Numbered::all(&self.view) {
            let old = old?;
            if (self.hook_at..policy_at).contains(&old.offset) && self.is_our_jump(&old.entry) {
                self.cut(old.offset, old.entry.bytes().len(), 0)?;
                // One cut is the new jump; room for our chain's is left.
                if self.cuts.len() > limits::XT_JUMPS + usize::from(self.plan.content.is_some()) {
                    return Err(Refused::TooManyJumps);
                }
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn is_our_jump(&self, entry: &Entry<'_>) -> bool {
        let target = self.old.and_then(|old| i32::try_from(old.start).ok()).map(Target::Standard);
        target == Some(entry.target()) && entry.is_for_all() && entry.matches().is_empty()
    }

    /// Bytes of our new chain.
    fn chain_len(&self) -> Result<usize, Refused> {
        let family = self.view.family;
        let rules = match self.plan.content {
            None => return Ok(0),
            Some(Content::Sources(sources)) => {
                let count = sources.iter().filter(|source| source.family() == family).count();
                let one = Rule::Return.buffer_len(family);
                if count > limits::XT_RULES { Err(Refused::TooManyRules) } else { Ok(count.saturating_mul(one)) }
            }
            Some(Content::Set(set)) => Ok(Rule::DropSet(set).buffer_len(family)),
        }?;
        Ok(self.head_len() + rules + Rule::Return.buffer_len(family))
    }

    fn head_len(&self) -> usize {
        Rule::Head(self.plan.chain).buffer_len(self.view.family)
    }

    /// `offset` with the changes that `counts` applied.
    #[inline(never)]
    fn moved(&self, offset: usize, counts: impl Fn(&Cut) -> bool) -> Result<usize, Refused> {
        let (mut plus, mut minus) = (offset, 0);
        for cut in self.cuts.iter().filter(|cut| counts(cut)) {
            plus += cut.inserted;
            minus += cut.removed;
        }
        plus.checked_sub(minus).ok_or(Refused::Malformed)
    }

    /// The new offset of an entry that stays.
    fn offset(&self, old: usize) -> Result<usize, Refused> {
        if self.is_removed(old) {
            return Err(Refused::Malformed);
        }
        self.moved(old, |cut| cut.at + cut.removed <= old)
    }

    fn is_removed(&self, offset: usize) -> bool {
        self.cuts.iter().any(|cut| (cut.at..cut.at + cut.removed).contains(&offset))
    }

    /// The new offset of our chain's first entry.
    fn chain_start(&self) -> Result<usize, Refused> {
        Ok(self.moved(self.place, |cut| cut.at < self.place)? + self.head_len())
    }

    /// The new offset of what an entry jumps to.
    fn jump_target(&self, target: usize) -> Result<usize, Refused> {
        match (self.old, self.plan.content) {
            (Some(old), Some(_)) if old.start == target => self.chain_start(),
            (Some(old), None) if old.start == target => Err(Refused::Referenced),
            _ if target >= self.view.entries.len() => Err(Refused::Malformed),
            _ => self.offset(target),
        }
    }

    /// All entries of the new table in their order.
    fn walk(&self, put: Sink<'_>) -> Result<(), Refused> {
        for old in Numbered::all(&self.view) {
            let old = old?;
            if self.plan.content.is_some() && old.offset == self.hook_at {
                self.walk_jump(put)?;
            }
            if let Some(content) = self.plan.content
                && old.offset == self.place
            {
                self.walk_chain(content, put)?;
            }
            if !self.is_removed(old.offset) {
                put(Piece::Old(old))?;
            }
        }
        Ok(())
    }

    #[inline(never)]
    fn walk_jump(&self, put: Sink<'_>) -> Result<(), Refused> {
        // The first of ours, for its counters. A jump outside our built-in chain is not removed, so it is not ours.
        for old in Numbered::all(&self.view) {
            let old = old?;
            if self.is_removed(old.offset) && self.is_our_jump(&old.entry) {
                return put(Piece::Old(old));
            }
        }
        let start = i32::try_from(self.chain_start()?).map_err(|_| Refused::Full)?;
        put(Piece::New(Rule::Jump(start)))
    }

    #[inline(never)]
    fn walk_chain(&self, content: Content<'_>, put: Sink<'_>) -> Result<(), Refused> {
        let span = self.old.unwrap_or_default();
        let head = Numbered::new(&self.view, span.head, span.start, span.first.saturating_sub(1)).next().transpose()?;
        put(head.map_or(Piece::New(Rule::Head(self.plan.chain)), Piece::Old))?;
        let rules = Numbered::new(&self.view, span.start, span.end, span.first);
        match content {
            Content::Sources(sources) => {
                let mut cursor = rules.clone();
                for source in sources.iter().filter(|source| source.family() == self.view.family) {
                    let found = find(&mut cursor, &rules, source);
                    put(found.map_or(Piece::New(Rule::Drop(*source)), Piece::Old))?;
                }
            }
            Content::Set(set) => {
                let same = |old: &Old<'_>| {
                    let entry = &old.entry;
                    entry.is_for_all()
                        && SetMatch::parse(entry.matches()) == Ok(set)
                        && entry.target() == Target::Standard(DROP)
                };
                let found = rules.clone().map_while(Result::ok).find(same);
                put(found.map_or(Piece::New(Rule::DropSet(set)), Piece::Old))?;
            }
        }
        let last = rules.last().transpose()?.filter(|last| View::is_end(&last.entry));
        put(last.map_or(Piece::New(Rule::Return), Piece::Old))
    }

    /// Writes the request of `IPT_SO_SET_REPLACE` into `out` and returns its length; `None` if the table is as planned
    /// already.
    ///
    /// # Errors
    /// [`Refused::Full`], [`Refused::Referenced`]; [`Refused::Malformed`] if an entry jumps to where none is.
    pub fn replace(&self, out: &mut [u8]) -> Result<Option<usize>, Refused> {
        let (head, body) = out.split_at_mut_checked(REPLACE_LEN).ok_or(Refused::Full)?;
        let mut w = Writer::new(body);
        let mut count = 0u32;
        self.walk(&mut |piece| {
            count = count.saturating_add(1);
            match piece {
                Piece::New(rule) => Ok(rule.emit(self.view.family, &mut w)?),
                Piece::Old(old) => self.copy(&old, &mut w),
            }
        })?;
        let size = self.moved(self.view.entries.len(), |_| true)?;
        if w.len() != size {
            return Err(Refused::Malformed);
        }
        let old = &self.view.info;
        let mut hook_entry = self.hooks(&old.hook_entry)?;
        if self.plan.content.is_some() {
            let jump = self.moved(self.hook_at, |cut| cut.at < self.hook_at)?;
            let hook = usize::try_from(self.plan.hook).ok().and_then(|hook| hook_entry.get_mut(hook));
            *hook.ok_or(Refused::NoSuchHook)? = u32::try_from(jump).map_err(|_| Refused::Full)?;
        }
        let new = Info {
            valid_hooks: old.valid_hooks,
            hook_entry,
            underflow: self.hooks(&old.underflow)?,
            num_entries: count,
            size: u32::try_from(size).map_err(|_| Refused::Full)?,
        };
        if w.written() == self.view.entries && new == *old {
            return Ok(None);
        }
        let len = REPLACE_LEN + size;
        new.replace(self.table, &mut Writer::new(head))?;
        Ok(Some(len))
    }

    /// Copies an entry; an offset that it jumps to becomes the new one.
    fn copy(&self, old: &Old<'_>, w: &mut Writer<'_>) -> Result<(), Refused> {
        let bytes = old.entry.bytes();
        let Target::Standard(verdict) = old.entry.target() else { return Ok(w.put(bytes)?) };
        let Ok(target) = usize::try_from(verdict) else { return Ok(w.put(bytes)?) };
        // A rule without a target goes on to the entry behind it, whichever that is.
        let goes_on = target == old.offset + bytes.len();
        let target = if goes_on { w.len() + bytes.len() } else { self.jump_target(target)? };
        let (before, behind) = old.entry.around_verdict().ok_or(Refused::Malformed)?;
        w.put(before)?;
        w.put(&i32::try_from(target).map_err(|_| Refused::Full)?.to_ne_bytes())?;
        Ok(w.put(behind)?)
    }

    fn hooks(&self, old: &Hooks) -> Result<Hooks, Refused> {
        let mut new = *old;
        for (n, offset) in new.iter_mut().enumerate() {
            if self.view.info.valid_hooks >> n & 1 == 1 {
                let from = usize::try_from(*offset).map_err(|_| Refused::Malformed)?;
                // The first rule of the built-in chain may be a jump of ours that goes: what follows takes its place.
                let is_ours = from == self.hook_at && self.is_removed(from);
                let to = if is_ours { self.moved(from, |cut| cut.at < from)? } else { self.offset(from)? };
                *offset = u32::try_from(to).map_err(|_| Refused::Full)?;
            }
        }
        Ok(new)
    }

    /// Writes the request of `IPT_SO_SET_ADD_COUNTERS` into `out` and returns its length. `returned` is what the kernel
    /// wrote when it took the new table: 16 bytes (packets and bytes) for each old entry.
    ///
    /// # Errors
    /// [`Refused::Malformed`] if `returned` has another length, [`Refused::Full`].
    pub fn counters(&self, returned: &[u8], out: &mut [u8]) -> Result<usize, Refused> {
        let (all, rest) = returned.as_chunks::<COUNTERS_LEN>();
        if !rest.is_empty() || u32::try_from(all.len()) != Ok(self.view.info.num_entries) {
            return Err(Refused::Malformed);
        }
        let (head, body) = out.split_at_mut_checked(COUNTERS_OFFSET).ok_or(Refused::Full)?;
        let mut w = Writer::new(body);
        let mut count = 0u32;
        self.walk(&mut |piece| {
            count = count.saturating_add(1);
            let counters = match piece {
                Piece::Old(old) => all.get(old.number).ok_or(Refused::Malformed)?,
                Piece::New(_) => &[0; COUNTERS_LEN],
            };
            Ok(w.put(counters)?)
        })?;
        let len = COUNTERS_OFFSET + w.len();
        add_counters(self.table, count, &mut Writer::new(head))?;
        Ok(len)
    }
}

/// The rule that drops `source`, looked for from `cursor` on and then from the start: rules mostly come in the order in
/// which they lie there.
#[inline(never)]
fn find<'p>(cursor: &mut Numbered<'p>, rules: &Numbered<'p>, source: &Prefix) -> Option<Old<'p>> {
    let is_it = |old: &Old<'_>| old.entry.dropped_source() == Some(*source);
    let mut ahead = cursor.clone();
    let found = ahead.by_ref().map_while(Result::ok).find(is_it);
    if found.is_some() {
        *cursor = ahead;
        return found;
    }
    rules.clone().map_while(Result::ok).take_while(|old| old.number < cursor.number).find(is_it)
}
