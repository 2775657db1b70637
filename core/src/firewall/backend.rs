//! The backends behind one set of methods: what the engine asks of whichever holds the bans.
//!
//! | backend | bans | rule | ends of bans | others' changes |
//! |---|---|---|---|---|
//! | nftables | elements of a set | in the same table | the kernel's timeouts | announced by the kernel |
//! | iptables | a rule each, [`limits::XT_RULES`](crate::limits::XT_RULES) at most | | lifted here | looked for every [`xt::CHECK`] |
//! | ipset | elements of a set | in a table of iptables | the kernel's timeouts | looked for every [`ipset::CHECK`] |
//! | log-only | not made | | | |
//!
//! Datagrams go out by [`Link::poll_transmit`]; a backend with tables of iptables names the one to exchange by
//! [`Link::poll_table`], see [`xt::Link`].

use super::{ipset, nft, xt};
use crate::addr::{Addr, Family, Widths};
use crate::ban::{Bans, Ends};
use crate::config::model::Backend;
use crate::event::{Event, Events};
use crate::time::{Duration, Instant};
use crate::wire::nft::chain::Hook;
use crate::wire::nft::rule::Verdict;
use heapless::String;
use nft::{Foreign, Layout};

/// A setting that a backend does not have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unsupported {
    /// The hook `ingress`.
    Ingress,
    /// A verdict other than drop.
    Reject,
    /// Packets counted for each address.
    Counters,
    /// Bans of whole prefixes.
    Prefixes,
    /// Protection from changes by others.
    Protection,
}

impl Unsupported {
    /// What the backend cannot do.
    #[must_use]
    pub const fn text(self) -> &'static str {
        match self {
            Self::Ingress => "it has no hook ingress",
            Self::Reject => "it only drops",
            Self::Counters => "it counts no packets for each address",
            Self::Prefixes => "it bans single addresses only",
            Self::Protection => "it cannot be protected from changes by others",
        }
    }
}

/// What a backend cannot do of this layout, if anything.
#[must_use]
pub fn unsupported(backend: Backend, layout: &Layout) -> Option<Unsupported> {
    if !matches!(backend, Backend::Iptables | Backend::Ipset) {
        return None;
    }
    let ipset = backend == Backend::Ipset;
    if layout.hook == Hook::Ingress {
        Some(Unsupported::Ingress)
    } else if layout.verdict != Verdict::Drop {
        Some(Unsupported::Reject)
    } else if ipset && layout.counters {
        Some(Unsupported::Counters)
    } else if ipset && layout.widths != Widths::FULL {
        Some(Unsupported::Prefixes)
    } else if layout.protect {
        Some(Unsupported::Protection)
    } else {
        None
    }
}

/// The sets of ipset and the rules that look into them. In this order: the sets, a list of what they hold, the rules; only
/// then bans. At the end the rules go first.
pub struct Sets {
    sets: ipset::Link,
    rules: xt::Link,
    ending: bool,
}

impl Sets {
    /// Whether the rules are to be looked after now.
    fn rules_now(&self) -> bool {
        self.ending || (self.sets.is_ready() && self.sets.is_adopted())
    }

    fn poll_at<const N: usize, const I: usize>(&self, bans: &Bans<N, I>) -> Option<Instant> {
        // A table waits for an answer that is awaited.
        let rules = if self.rules_now() && self.sets.is_idle() { self.rules.poll_at(bans) } else { None };
        let sets = if self.sets_wait() { None } else { self.sets.poll_at(bans) };
        [rules, sets].into_iter().flatten().min()
    }

    /// Whether the sets wait for the rules.
    fn sets_wait(&self) -> bool {
        let behind = if self.ending { !self.rules.is_gone() } else { !self.rules.is_ready() };
        self.rules_now() && behind && self.sets.is_idle()
    }

    /// Makes the rules again if the sets were lost.
    fn after<T>(&mut self, act: impl FnOnce(&mut ipset::Link) -> T) -> T {
        let ready = self.sets.is_ready();
        let result = act(&mut self.sets);
        if ready && !self.sets.is_ready() {
            self.rules.renew();
        }
        result
    }
}

/// Whichever holds the bans.
#[expect(clippy::large_enum_variant, reason = "there is one, and no allocator")]
pub enum Link {
    /// nf_tables.
    Nftables(nft::Link),
    /// Legacy iptables.
    Iptables(xt::Link),
    /// ipset.
    Ipset(Sets),
    /// Nothing.
    LogOnly,
}

/// A table to be exchanged.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Table {
    /// Whose: iptables' or ip6tables'.
    pub family: Family,
    /// Its name.
    pub table: &'static str,
    /// The ipset that [`Engine::plan_table`](crate::engine::Engine::plan_table) has to know.
    pub set: Option<String<{ ipset::SET_NAME }>>,
}

impl Link {
    /// A dialogue that has not begun. `longest` is how long a ban of an earlier run is kept where the kernel does not know.
    ///
    /// # Errors
    /// A setting that the backend does not have.
    pub fn new(backend: Backend, layout: Layout, longest: Option<Duration>) -> Result<Self, Unsupported> {
        if let Some(setting) = unsupported(backend, &layout) {
            return Err(setting);
        }
        let rules = |holds| xt::Link::new(&layout.table, layout.hook, layout.widths, holds).ok_or(Unsupported::Ingress);
        Ok(match backend {
            Backend::Auto | Backend::Nftables => Self::Nftables(nft::Link::new(layout)),
            Backend::Iptables => Self::Iptables(rules(xt::Holds::Bans(longest))?),
            Backend::Ipset => {
                let mut sets = ipset::Link::new(&layout.table);
                sets.follow();
                Self::Ipset(Sets { sets, rules: rules(xt::Holds::Set)?, ending: false })
            }
            Backend::LogOnly => Self::LogOnly,
        })
    }

    /// Goes on with another layout of the same table, which the backend can do ([`unsupported`]). To be asked again while it
    /// is false: something is to be taken out before, or an answer is awaited. Once it is true, what is to be made anew
    /// follows by itself.
    pub fn relayout(&mut self, layout: &Layout) -> bool {
        match self {
            _ if !self.is_idle() => false,
            Self::Nftables(link) => {
                link.relayout(layout.clone());
                true
            }
            Self::Iptables(rules) | Self::Ipset(Sets { rules, .. }) => rules.relayout(layout.hook, layout.widths),
            Self::LogOnly => true,
        }
    }

    /// Which it is; never [`Backend::Auto`].
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self {
            Self::Nftables(_) => Backend::Nftables,
            Self::Iptables(_) => Backend::Iptables,
            Self::Ipset(_) => Backend::Ipset,
            Self::LogOnly => Backend::LogOnly,
        }
    }

    /// Who ends the bans that it holds.
    #[must_use]
    pub const fn ends(&self) -> Ends {
        match self {
            Self::Nftables(_) | Self::Ipset(_) => Ends::Kernel,
            Self::Iptables(_) => Ends::Us,
            Self::LogOnly => Ends::Nobody,
        }
    }

    const fn rules(&self) -> Option<&xt::Link> {
        match self {
            Self::Iptables(rules) | Self::Ipset(Sets { rules, .. }) => Some(rules),
            Self::Nftables(_) | Self::LogOnly => None,
        }
    }

    /// The name of a family's set of ipset.
    #[must_use]
    pub fn set_name(&self, family: Family) -> Option<String<{ ipset::SET_NAME }>> {
        match self {
            Self::Ipset(Sets { sets, .. }) => Some(sets.set_name(family)),
            _ => None,
        }
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> nft::Counters {
        match self {
            Self::Nftables(link) => link.counters(),
            Self::Iptables(rules) => {
                nft::Counters { disturbed: rules.disturbed(), unadopted: rules.unadopted(), ..nft::Counters::default() }
            }
            Self::Ipset(Sets { sets, rules, .. }) => nft::Counters {
                strays: sets.strays(),
                malformed: sets.malformed(),
                disturbed: sets.disturbed() + rules.disturbed(),
                unadopted: sets.unadopted(),
                ..nft::Counters::default()
            },
            Self::LogOnly => nft::Counters::default(),
        }
    }

    /// The kernel's own words about its last refusal.
    #[must_use]
    pub fn kernel_text(&self) -> &str {
        match self {
            Self::Nftables(link) => link.kernel_text(),
            Self::Ipset(Sets { sets, .. }) => sets.kernel_text(),
            Self::Iptables(_) | Self::LogOnly => "",
        }
    }

    /// Whether the kernel holds all that bans need to have an effect; of nothing, there is none.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        match self {
            Self::Nftables(link) => link.is_ready(),
            Self::Iptables(rules) => rules.is_ready(),
            Self::Ipset(Sets { sets, rules, .. }) => sets.is_ready() && rules.is_ready(),
            Self::LogOnly => true,
        }
    }

    /// Whether no answer is awaited.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Nftables(link) => link.is_idle(),
            Self::Ipset(Sets { sets, .. }) => sets.is_idle(),
            Self::Iptables(_) | Self::LogOnly => true,
        }
    }

    /// Whether what was found in the kernel and is of no ban stays, see [`nft::Link::keeps_foreign`].
    #[must_use]
    pub fn keeps_foreign(&self, layout: &Layout) -> bool {
        let started = match self {
            Self::Nftables(link) => return link.keeps_foreign(),
            Self::Iptables(rules) | Self::Ipset(Sets { rules, .. }) => rules.is_started(),
            Self::LogOnly => false,
        };
        !started || layout.foreign == Foreign::Keep
    }

    /// Whether one more ban of this address would be more than the backend can hold.
    #[must_use]
    pub fn is_full<const N: usize, const I: usize>(&self, bans: &Bans<N, I>, addr: Addr) -> bool {
        match self {
            Self::Iptables(rules) => rules.is_full(bans, addr),
            _ => false,
        }
    }

    /// Wants what is ours out of the kernel, at a clean end.
    pub fn delete_table(&mut self) {
        match self {
            Self::Nftables(link) => link.delete_table(),
            Self::Iptables(rules) => rules.remove(true),
            Self::Ipset(Sets { rules, ending, .. }) => {
                *ending = true;
                rules.remove(true);
            }
            Self::LogOnly => {}
        }
    }

    /// Gives up before [`Link::is_ready`]: what was made so far is to be taken out, but nothing that was there before.
    /// `adopted`: the kernel held bans before.
    pub fn abandon(&mut self, adopted: bool) {
        match self {
            // One batch installs all or nothing.
            Self::Nftables(_) | Self::LogOnly => {}
            Self::Iptables(rules) => rules.remove(false),
            Self::Ipset(Sets { sets, rules, ending }) => {
                *ending = true;
                rules.remove(false);
                sets.abandon(!adopted);
            }
        }
    }

    /// Whether nothing is left to take out after [`Link::delete_table`] or [`Link::abandon`], of iptables' tables.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.rules().is_none_or(xt::Link::is_gone)
    }

    /// When there is something to do without further input.
    #[must_use]
    pub fn poll_at<const N: usize, const I: usize>(&self, bans: &Bans<N, I>) -> Option<Instant> {
        match self {
            Self::Nftables(link) => link.poll_at(bans),
            Self::Iptables(rules) => rules.poll_at(bans),
            Self::Ipset(sets) => sets.poll_at(bans),
            Self::LogOnly => (bans.waiting() > 0).then_some(Instant::ZERO),
        }
    }

    /// Writes the next datagram, see [`nft::Link::poll_transmit`].
    pub fn poll_transmit<const N: usize, const I: usize>(
        &mut self,
        bans: &mut Bans<N, I>,
        now: Instant,
        out: &mut [u8],
        events: &mut Events,
    ) -> Option<usize> {
        match self {
            Self::Nftables(link) => link.poll_transmit(bans, now, out),
            Self::Iptables(_) => None,
            Self::Ipset(ipset) => {
                if ipset.sets_wait() {
                    return None;
                }
                if ipset.ending {
                    ipset.sets.delete_table();
                }
                ipset.sets.poll_transmit(bans, now, out)
            }
            Self::LogOnly => {
                for family in [Family::V4, Family::V6] {
                    while let Some((slot, addr, ban)) = bans.next_wanted(family) {
                        events.push(Event::WouldBan { addr, jail: ban.jail, until: ban.until });
                        bans.sent(slot);
                    }
                }
                while let Some((_, addr, _)) = bans.next_releasing() {
                    bans.forget(addr);
                }
                None
            }
        }
    }

    /// The table to be exchanged now.
    #[must_use]
    pub fn poll_table<const N: usize, const I: usize>(&self, bans: &Bans<N, I>, now: Instant) -> Option<Table> {
        let (rules, sets) = match self {
            Self::Iptables(rules) => (rules, None),
            Self::Ipset(ipset) if ipset.rules_now() && ipset.sets.is_idle() => (&ipset.rules, Some(&ipset.sets)),
            _ => return None,
        };
        let family = rules.poll(bans, now)?;
        Some(Table { family, table: rules.table(), set: sets.map(|sets| sets.set_name(family)) })
    }

    /// The rules, for the exchange of a table.
    pub const fn rules_mut(&mut self) -> Option<&mut xt::Link> {
        match self {
            Self::Iptables(rules) | Self::Ipset(Sets { rules, .. }) => Some(rules),
            Self::Nftables(_) | Self::LogOnly => None,
        }
    }

    /// Takes a datagram from the kernel.
    pub fn handle<const N: usize, const I: usize>(
        &mut self,
        datagram: &[u8],
        bans: &mut Bans<N, I>,
        now: Instant,
        events: &mut Events,
    ) {
        match self {
            Self::Nftables(link) => link.handle(datagram, bans, now, events),
            Self::Ipset(ipset) => ipset.after(|sets| sets.handle(datagram, bans, now, events)),
            Self::Iptables(_) | Self::LogOnly => {}
        }
    }

    /// The answers were lost.
    pub fn lost<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        match self {
            Self::Nftables(link) => link.lost(bans, now, events),
            Self::Ipset(ipset) => ipset.after(|sets| sets.lost(bans, now, events)),
            Self::Iptables(_) | Self::LogOnly => {}
        }
    }

    /// Gives up on an answer that did not come in time.
    pub fn expire<const N: usize, const I: usize>(&mut self, bans: &mut Bans<N, I>, now: Instant, events: &mut Events) {
        match self {
            Self::Nftables(link) => link.expire(bans, now, events),
            Self::Ipset(ipset) => ipset.after(|sets| sets.expire(bans, now, events)),
            Self::Iptables(_) | Self::LogOnly => {}
        }
    }

    /// nf_tables, which announces changes.
    pub const fn nftables(&mut self) -> Option<&mut nft::Link> {
        match self {
            Self::Nftables(link) => Some(link),
            _ => None,
        }
    }

    /// Whether the table is protected from others, as far as it was wanted.
    #[must_use]
    pub const fn is_protected(&self) -> bool {
        match self {
            Self::Nftables(link) => link.is_protected(),
            _ => false,
        }
    }

    /// Whether prefixes of any length can be banned: nftables has sets of ranges.
    #[must_use]
    pub const fn takes_prefixes(&self) -> bool {
        matches!(self, Self::Nftables(_))
    }

    /// Whether the kernel's notices should arrive.
    #[must_use]
    pub fn wants_notices(&self, now: Instant) -> bool {
        match self {
            Self::Nftables(link) => link.wants_notices(now),
            _ => false,
        }
    }
}
