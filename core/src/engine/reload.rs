//! Going on with other settings: which jails stay, and what becomes of what is counted and banned.
//!
//! A jail is known by its name. One that stays keeps its number, whatever its place in the file, so bans and attempts that
//! carry the number stay its own; a new one gets a number that is free. The bans of a jail that is gone or disabled are
//! lifted and its attempts forgotten (and the history of one that is gone), and so is every ban, unless forced, of an address that is protected now.
//!
//! Another layout of the table waits until all that is lifted has left the kernel, since what is made anew would take it
//! out unsaid. Bans keep their jail and their end through it. Where addresses are banned in shorter prefixes than before,
//! the bans of what becomes one prefix become one; where in longer ones, the bans of the wider prefixes are lifted, as
//! there is no longer one that stands for them. Either way the attempts and the history of that family begin anew.

use super::{Engine, JailCounters, JailSet, Memory, protected_in, rule, rule_of};
use crate::addr::{Addr, Family, Widths};
use crate::config::model::Jail;
use crate::event::Event;
use crate::firewall::nft::Layout;

/// What a reload changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Reloaded {
    /// Jails that were not there, or disabled.
    pub begun: u32,
    /// Jails that are not there any more, or are disabled now.
    pub ended: u32,
    /// Bans that are lifted for it.
    pub lifted: u32,
}

/// The length that all bans of a family have.
fn width(widths: Widths, addr: Addr) -> u8 {
    widths.of(addr.family())
}

impl<const T: usize, const TI: usize, const B: usize, const BI: usize> Engine<'_, T, TI, B, BI> {
    /// Goes on with these jails and with this layout of the same table, which the backend can do
    /// ([`unsupported`](crate::firewall::backend::unsupported)).
    #[inline(never)] // smaller
    pub fn reload(&mut self, jails: &[Jail], layout: Layout) -> Reloaded {
        let Memory { jails: known, readers, sessions, of_jail, attempts, bans, history, own, changes, .. } =
            &mut *self.memory;
        // The jails' names, and perhaps more.
        changes.lifted();
        let of = |name: &str| jails.iter().find(|jail| jail.name == name);
        let mut ended = JailSet::NONE;
        let mut reloaded = Reloaded::default();
        for (((number, old), sessions), counters) in (0u8..).zip(known.iter()).zip(sessions).zip(of_jail) {
            let new = of(&old.name).filter(|new| new.enabled);
            if new.is_none() {
                ended.insert(number);
                reloaded.ended += u32::from(old.enabled);
            }
            if of(&old.name).is_none() {
                *counters = JailCounters::default();
            }
            if new.is_none_or(|new| new.filter != old.filter) {
                sessions.clear();
            }
        }
        reloaded.begun = jails
            .iter()
            .map(|new| {
                let runs = known.iter().any(|old| old.name == new.name && old.enabled);
                u32::from(new.enabled && !runs)
            })
            .sum();
        history.retain(|jail, _| known.get(usize::from(jail)).is_none_or(|old| of(&old.name).is_some()));
        attempts.renew(
            |jail, _| !ended.has(jail),
            |jail| rule_of(known, jail),
            |jail| known.get(usize::from(jail)).and_then(|old| of(&old.name)).map_or(rule_of(known, jail), rule),
        );

        for old in known.iter_mut() {
            match of(&old.name) {
                Some(new) => old.clone_from(new),
                None => {
                    old.name.clear();
                    old.enabled = false;
                }
            }
        }
        for new in jails {
            if known.iter().any(|old| old.name == new.name) {
                continue;
            }
            match known.iter_mut().find(|old| old.name.is_empty()) {
                Some(place) => place.clone_from(new),
                // As many as a configuration may have always find room.
                None => drop(known.push(new.clone())),
            }
        }
        while known.last().is_some_and(|jail| jail.name.is_empty()) {
            known.pop();
        }
        readers.set(known);

        let gone = |jail| ended.has(jail);
        let (old, new) = (self.layout.widths, layout.widths);
        let protected = |jail: u8, prefix: &_| match known.get(usize::from(jail)) {
            Some(jail) => protected_in(Some(jail), own, prefix).is_some(),
            None => known.iter().any(|jail| jail.enabled && protected_in(Some(jail), own, prefix).is_some()),
        };
        reloaded.lifted = bans.lift(&gone, &mut |addr, ban| {
            let narrower = width(new, addr) > width(old, addr);
            narrower || (!ban.forced() && protected(ban.jail, &old.prefix(addr)))
        });
        reloaded.lifted += bans.prefixes_mut().lift(&gone, &mut |ban| protected(ban.jail, &ban.prefix));
        self.pending = (layout != self.layout).then_some(layout);
        reloaded
    }

    /// Whether another layout waits to be applied.
    #[must_use]
    pub const fn is_changing(&self) -> bool {
        self.pending.is_some()
    }

    /// Applies the layout that waits, if it can be now.
    pub(super) fn relayout(&mut self) {
        let Memory { bans, attempts, history, events, jails, changes, .. } = &mut *self.memory;
        let Some(layout) = self.pending.take_if(|layout| bans.leaving() == 0 && self.link.relayout(layout)) else {
            return;
        };
        let (old, new) = (self.layout.widths, layout.widths);
        if old != new {
            changes.lifted();
            let network = |addr| (width(new, addr) <= width(old, addr)).then(|| new.network(addr));
            bans.rename(&network, &mut |addr| events.push(Event::Unbanned { addr, expired: false }));
            let same = |family: Family| old.of(family) == new.of(family);
            let rules = |jail| rule_of(jails, jail);
            attempts.renew(|_, addr| same(addr.family()), rules, rules);
            history.retain(|_, addr| same(addr.family()));
        }
        self.layout = layout;
    }
}
