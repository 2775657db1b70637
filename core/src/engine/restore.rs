//! Taking in what an earlier run wrote down.

use super::past::kept;
use super::{Engine, Memory, protected_in, protection, rule_of};
use crate::addr::{Addr, Prefix};
use crate::ban::history::Past;
use crate::ban::{ADOPTED, prefix};
use crate::count::OnRecord;
use crate::persist::Changes;
use crate::time::{Duration, Instant};

/// What became of a ban that an earlier run made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum Restored {
    /// It goes on.
    Taken,
    /// Its time is over.
    Over,
    /// Its jail is no more, or not enabled: it ends.
    Jailless,
    /// The address is protected now.
    Protected,
    /// There is no room.
    Full,
}

impl<'m, const T: usize, const TI: usize, const B: usize, const BI: usize> Engine<'m, T, TI, B, BI> {
    /// What happened since it was written down last.
    #[must_use]
    pub const fn changes(&self) -> &Changes {
        &self.memory.changes
    }

    /// The same, for whoever writes.
    pub const fn changes_mut(&mut self) -> &mut Changes {
        &mut self.memory.changes
    }

    /// Takes in a ban that an earlier run made, before the kernel is looked at. Without a `jail` it ends: it is lifted if the
    /// kernel may hold it, since the machine did not go off (`held`).
    #[inline(never)] // smaller
    pub fn restore_ban(
        &mut self,
        addr: Addr,
        jail: Option<u8>,
        until: Option<Instant>,
        forced: bool,
        held: bool,
        now: Instant,
    ) -> Restored {
        let widths = self.layout.widths;
        let addr = widths.network(addr);
        if until.is_some_and(|until| until <= now) {
            return Restored::Over;
        }
        if self.link.is_full(&self.memory.bans, addr) {
            return Restored::Full;
        }
        let Memory { jails, own, bans, .. } = &mut *self.memory;
        let Some(number) = jail else {
            if held && bans.restore(addr, ADOPTED, until, false) {
                bans.release(addr);
            }
            return Restored::Jailless;
        };
        let protected = match jails.get(usize::from(number)) {
            Some(jail) => protection(Some(jail), own, widths, addr).is_some(),
            None => jails.iter().any(|jail| jail.enabled && protection(Some(jail), own, widths, addr).is_some()),
        };
        if protected && !forced {
            return Restored::Protected;
        }
        if bans.restore(addr, number, until, forced) { Restored::Taken } else { Restored::Full }
    }

    /// As [`Engine::restore_ban`], of a prefix.
    #[inline(never)] // smaller
    pub fn restore_prefix(
        &mut self,
        prefix: Prefix,
        jail: Option<u8>,
        until: Option<Instant>,
        forced: bool,
        now: Instant,
    ) -> Restored {
        if until.is_some_and(|until| until <= now) {
            return Restored::Over;
        }
        let Some(number) = jail else { return Restored::Jailless };
        if !self.link.takes_prefixes() {
            return Restored::Full;
        }
        let Memory { jails, own, bans, .. } = &mut *self.memory;
        let protected = match jails.get(usize::from(number)) {
            Some(jail) => protected_in(Some(jail), own, &prefix).is_some(),
            None => jails.iter().any(|jail| jail.enabled && protected_in(Some(jail), own, &prefix).is_some()),
        };
        if protected && !forced {
            return Restored::Protected;
        }
        match bans.prefixes_mut().want(prefix, number, until, forced) {
            prefix::Wanted::Full => Restored::Full,
            _ => Restored::Taken,
        }
    }

    /// Takes in what an earlier run remembered of an address, unless it is too long ago.
    pub fn restore_past(&mut self, addr: Addr, jail: u8, past: Past, now: Instant) {
        let addr = self.layout.widths.network(addr);
        let Memory { jails, readers, history, .. } = &mut *self.memory;
        let keep = kept(jails, readers.recidive(), jail);
        if !past.is_over(now.into(), keep) {
            history.restore(addr, jail, past);
        }
    }

    /// Attempts at a place of a walk through all that are on record.
    #[must_use]
    pub fn on_record(&self, place: usize, now: Instant) -> Option<OnRecord> {
        let Memory { jails, attempts, .. } = &*self.memory;
        attempts.entry(place, now, |jail| rule_of(jails, jail))
    }

    /// Takes in attempts that were on record so long ago.
    pub fn restore_attempts(&mut self, found: &OnRecord, later: Duration, now: Instant) {
        let Memory { jails, attempts, .. } = &mut *self.memory;
        attempts.restore(found, later, now, |jail| rule_of(jails, jail));
    }
}
