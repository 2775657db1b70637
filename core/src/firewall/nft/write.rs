//! What is sent next, and its bytes.

use super::{Audit, BATCH, Kind, Link, REPLACEMENTS, Stage, Wake};
use crate::addr::{Addr, Family, Widths};
use crate::ban::Bans;
use crate::time::{Duration, Instant};
use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::{BatchBegin, BatchEnd};
use crate::wire::nft::elem::{Change, ElemList, FlushSet, GetElements};
use crate::wire::nft::generation::GetGen;
use crate::wire::nft::scaffold;
use crate::wire::nft::set::GetSet;
use crate::wire::nft::table::{DelTable, GetTable};
use crate::wire::nl::Tag;
use heapless::Vec;

/// What was written.
pub(super) struct Written {
    pub kind: Kind,
    /// Bans and unbans in it.
    pub entries: u32,
    /// Messages in it, the batch's begin and end included.
    pub messages: Result<u32, Full>,
}

impl Link {
    /// Writes what is to be sent next, if there is something.
    pub(super) fn write_next<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        now: Instant,
        w: &mut Writer<'_>,
    ) -> Option<Written> {
        let of = |kind, messages| Some(Written { kind, entries: 0, messages });
        match self.stage {
            Stage::Deleted => return None,
            Stage::Unknown => return of(Kind::Probe, self.write_probe(w)),
            Stage::Unwanted => return of(Kind::DeleteTable, self.write_delete(w)),
            Stage::Missing | Stage::Installed => {}
        }
        if self.audit == Audit::Due {
            bans.begin_audit();
            self.audit = Audit::At(Family::V4);
        }
        if let Audit::At(family) = self.audit {
            let dump = GetElements { table: &self.layout.table, set: scaffold::set(family) };
            return of(Kind::Dump(family), dump.emit(self.next_seq, w).map(|()| 1));
        }
        if let Audit::AtPrefixes(family) = self.audit {
            bans.prefixes_mut().listed.clear();
            let dump = GetElements { table: &self.layout.table, set: scaffold::prefix_set(family) };
            return of(Kind::DumpPrefixes(family), dump.emit(self.next_seq, w).map(|()| 1));
        }
        if self.wake == Wake::Due {
            return of(
                Kind::Wake,
                self.write_batch(w, |link, w| link.scaffold().emit_table(w, link.tag(1)).map(|()| 1)),
            );
        }
        let due = now >= self.retry_prefixes.at();
        let prefixes = due && bans.prefixes().waiting() > 0;
        // Fresh sets come first: those of prefixes that are not there cannot be deleted.
        self.with_prefixes = self.has_prefixes || (prefixes && !self.fresh_sets);
        if self.stage == Stage::Missing || self.rebuild || (prefixes && !self.has_prefixes) {
            if self.fresh_sets && self.stage == Stage::Installed {
                // A notice told of elements that want it: all others go, too, and have to be sent.
                self.stage = Stage::Missing;
                bans.want_all_again();
            }
            let waiting = bans.prefixes().waiting();
            let mut entries = 0;
            let messages = self.write_batch(w, |link, w| {
                let mut messages = link.scaffold().emit(w, link.next_seq.wrapping_add(1), true)?;
                if link.bare {
                    return Ok(messages);
                }
                if due && link.with_prefixes {
                    entries = waiting;
                    messages = link.write_prefixes(bans, now, w, messages)?;
                }
                link.write_bans(bans, now, w, messages, &mut entries)
            });
            return Some(Written { kind: Kind::Scaffold, entries, messages });
        }
        if prefixes {
            let entries = bans.prefixes().waiting();
            let messages = self.write_batch(w, |link, w| link.write_prefixes(bans, now, w, 0));
            return Some(Written { kind: Kind::Prefixes, entries, messages });
        }
        if core::mem::take(&mut self.check) {
            return of(Kind::Check, GetGen.emit(Tag::silent(self.next_seq), w).map(|()| 1));
        }
        if bans.next_releasing().is_some() {
            let messages = self.write_batch(w, |link, w| link.write_removals(bans, w));
            let entries = u32::try_from(self.removals.len()).unwrap_or(0);
            return Some(Written { kind: Kind::Removals, entries, messages });
        }
        let mut entries = 0;
        let messages = self.write_batch(w, |link, w| link.write_bans(bans, now, w, 0, &mut entries));
        (entries > 0).then_some(Written { kind: Kind::Bans, entries, messages })
    }

    /// The tag of the `n`-th message of what is written, 0 being a batch's begin.
    fn tag(&self, n: u32) -> Tag {
        Tag::acked(self.next_seq.wrapping_add(n))
    }

    /// A batch around what `body` writes, which says how many messages that are.
    fn write_batch(
        &mut self,
        w: &mut Writer<'_>,
        body: impl FnOnce(&mut Self, &mut Writer<'_>) -> Result<u32, Full>,
    ) -> Result<u32, Full> {
        BatchBegin::default().emit(self.next_seq, w)?;
        w.reserve(BatchEnd::BUFFER_LEN)?;
        let messages = body(self, w)?;
        w.release();
        BatchEnd.emit(self.tag(messages.wrapping_add(1)).seq, w)?;
        Ok(messages.saturating_add(2))
    }

    fn write_probe(&mut self, w: &mut Writer<'_>) -> Result<u32, Full> {
        let table = &self.layout.table;
        self.probe = super::Probe::default();
        GetTable { name: table }.emit(self.next_seq, w)?;
        let [v4, v6] = [Family::V4, Family::V6];
        let names = [scaffold::set(v4), scaffold::set(v6), scaffold::prefix_set(v4), scaffold::prefix_set(v6)];
        for (n, name) in (1..).zip(names) {
            GetSet { table, name }.emit(self.tag(n).seq, w)?;
        }
        Ok(5)
    }

    fn write_delete(&mut self, w: &mut Writer<'_>) -> Result<u32, Full> {
        self.write_batch(w, |link, w| DelTable { name: &link.layout.table }.emit(link.tag(1), w).map(|()| 1))
    }

    fn write_removals<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        w: &mut Writer<'_>,
    ) -> Result<u32, Full> {
        self.removals.clear();
        let mut messages = 0;
        while !self.removals.is_full()
            && let Some((slot, addr, _)) = bans.next_releasing()
        {
            self.begin_list(w, messages + 1, Change::Del, addr.family())?.push(addr, None)?;
            messages += 1;
            // Not full: the loop's condition.
            let _ = self.removals.push(addr);
            bans.sent(slot);
        }
        Ok(messages)
    }

    fn begin_list<'w, 'b>(
        &self,
        w: &'w mut Writer<'b>,
        n: u32,
        change: Change,
        family: Family,
    ) -> Result<ElemList<'w, 'b>, Full> {
        let layout = &self.layout;
        ElemList::begin(w, self.tag(n), change, &layout.table, scaffold::set(family), layout.widths.of(family))
    }

    /// All prefixes of each family with a change, in place of those before. Returns how many messages there are then.
    fn write_prefixes<const N: usize, const I: usize>(
        &self,
        bans: &mut Bans<N, I>,
        now: Instant,
        w: &mut Writer<'_>,
        messages: u32,
    ) -> Result<u32, Full> {
        let (table, prefixes) = (&self.layout.table, bans.prefixes_mut());
        let mut messages = messages;
        for family in [Family::V4, Family::V6] {
            if !prefixes.waits(family) {
                continue;
            }
            let set = scaffold::prefix_set(family);
            FlushSet { table, set }.emit(self.tag(messages + 1), w)?;
            let bits = Widths::FULL.of(family);
            let mut list = ElemList::begin(w, self.tag(messages + 2), Change::New, table, set, bits)?;
            for ban in prefixes.to_send(family) {
                // Zero would be for ever.
                let left = left(ban.until, now);
                list.push_range(&ban.prefix, left)?;
            }
            messages += if list.finish() > 0 { 2 } else { 1 };
            prefixes.sent(family);
        }
        Ok(messages)
    }

    /// Bans behind `messages` others; returns how many messages there are then.
    fn write_bans<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        now: Instant,
        w: &mut Writer<'_>,
        messages: u32,
        entries: &mut u32,
    ) -> Result<u32, Full> {
        let mut messages = messages;
        for family in [Family::V4, Family::V6] {
            messages += self.write_replacements(bans, family, now, w, messages, entries)?;
            messages += self.write_additions(bans, family, now, w, messages, entries)?;
        }
        Ok(messages)
    }

    /// New bans, in one message.
    fn write_additions<const N: usize, const I: usize>(
        &self,
        bans: &mut Bans<N, I>,
        family: Family,
        now: Instant,
        w: &mut Writer<'_>,
        messages: u32,
        entries: &mut u32,
    ) -> Result<u32, Full> {
        if *entries >= self.batch || bans.next_wanted(family).is_none_or(|(.., ban)| ban.replaces()) {
            return Ok(0);
        }
        let mut list = self.begin_list(w, messages + 1, Change::New, family)?;
        while *entries < self.batch
            && let Some((slot, addr, ban)) = bans.next_wanted(family)
            && !ban.replaces()
            && list.push(addr, left(ban.until, now)).is_ok()
        {
            bans.sent(slot);
            *entries += 1;
        }
        Ok(u32::from(list.finish() > 0))
    }

    /// Bans that change the end of an element: add it (it may be gone), delete it, add it with its new timeout.
    fn write_replacements<const N: usize, const I: usize>(
        &self,
        bans: &mut Bans<N, I>,
        family: Family,
        now: Instant,
        w: &mut Writer<'_>,
        messages: u32,
        entries: &mut u32,
    ) -> Result<u32, Full> {
        let mut chosen: Vec<(Addr, Option<Duration>), REPLACEMENTS> = Vec::new();
        while *entries < self.batch.min(BATCH)
            && !chosen.is_full()
            && let Some((slot, addr, ban)) = bans.next_wanted(family)
            && ban.replaces()
        {
            // Not full: the loop's condition.
            let _ = chosen.push((addr, left(ban.until, now)));
            bans.sent(slot);
            *entries += 1;
        }
        if chosen.is_empty() {
            return Ok(0);
        }
        for (n, change) in (1..).zip([Change::New, Change::Del, Change::New]) {
            let mut list = self.begin_list(w, messages + n, change, family)?;
            for (addr, timeout) in &chosen {
                list.push(*addr, *timeout)?;
            }
        }
        Ok(3)
    }
}

/// What is left of a ban. One whose time is over already gets the shortest there is, since 0 stands for ever.
fn left(until: Option<Instant>, now: Instant) -> Option<Duration> {
    until.map(|until| until.since(now).max(Duration::from_millis(1)))
}
