//! What is sent next, and its bytes.

use super::{Audit, BATCH, Kind, Link, REPLACEMENTS, Stage, Wake};
use crate::addr::{Addr, Family};
use crate::ban::Bans;
use crate::time::{Duration, Instant};
use crate::wire::buf::{Full, Writer};
use crate::wire::nfnl::{BatchBegin, BatchEnd};
use crate::wire::nft::elem::{Change, ElemList, GetElements};
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

impl Link<'_> {
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
            let dump = GetElements { table: self.layout.table, set: scaffold::set(family) };
            return of(Kind::Dump(family), dump.emit(self.next_seq, w).map(|()| 1));
        }
        if self.wake == Wake::Due {
            return of(
                Kind::Wake,
                self.write_batch(w, |link, w| link.scaffold().emit_table(w, link.tag(1)).map(|()| 1)),
            );
        }
        if self.stage == Stage::Missing || self.rebuild {
            let mut entries = 0;
            let messages = self.write_batch(w, |link, w| {
                let messages = link.scaffold().emit(w, link.next_seq.wrapping_add(1), true)?;
                if link.bare { Ok(messages) } else { link.write_bans(bans, now, w, messages, &mut entries) }
            });
            return Some(Written { kind: Kind::Scaffold, entries, messages });
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
        let table = self.layout.table;
        self.probe = super::Probe::default();
        GetTable { name: table }.emit(self.next_seq, w)?;
        for (n, family) in (1..).zip([Family::V4, Family::V6]) {
            GetSet { table, name: scaffold::set(family) }.emit(self.tag(n).seq, w)?;
        }
        Ok(3)
    }

    fn write_delete(&mut self, w: &mut Writer<'_>) -> Result<u32, Full> {
        self.write_batch(w, |link, w| DelTable { name: link.layout.table }.emit(link.tag(1), w).map(|()| 1))
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
        ElemList::begin(w, self.tag(n), change, layout.table, scaffold::set(family), layout.widths.of(family))
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
            && list.push(addr, ban.until.map(|until| until.since(now))).is_ok()
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
            let _ = chosen.push((addr, ban.until.map(|until| until.since(now))));
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
