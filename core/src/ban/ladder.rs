//! Ban times that grow with every ban of the same address, by fail2ban's rules (its `bantime.increment` and what belongs to
//! it).
//!
//! Two differences: a longest ban holds even where nobody set one, and no ban is shorter than `bantime`.

use crate::limits;
use crate::time::Duration;
use heapless::Vec;

/// One times, as `factor` counts.
pub const ONE: u32 = 1000;

/// Bans after which fail2ban's formula grows no more.
const STEPS: u32 = 20;

/// How a jail's ban times grow: its `bantime_` settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Growth {
    /// `bantime_increment`: whether they do.
    pub increment: bool,
    /// `bantime_overalljails`: whether bans by all jails count, or only those by the jail itself.
    pub overalljails: bool,
    /// `bantime_factor`, in thousandths.
    pub factor: u32,
    /// `bantime_multipliers`: by the number of bans before, the last one from there on. Where there is none, each ban doubles.
    pub multipliers: Vec<u32, { limits::MULTIPLIERS }>,
    /// `bantime_maxtime`: the longest.
    pub maxtime: Duration,
    /// `bantime_rndtime`: at most so much is added by chance, even to the longest, so that nobody can reckon with the end.
    pub rndtime: Duration,
}

impl Growth {
    /// Nothing, all zero bytes.
    pub const NONE: Self = Self {
        increment: false,
        overalljails: false,
        factor: 0,
        multipliers: Vec::new(),
        maxtime: Duration::ZERO,
        rndtime: Duration::ZERO,
    };

    /// How long an address is banned that was banned `before` times, without what chance adds.
    #[must_use]
    pub fn bantime(&self, bantime: Duration, before: u32) -> Duration {
        if !self.increment || before == 0 {
            return bantime;
        }
        let step = usize::try_from(before).ok().and_then(|before| self.multipliers.get(before));
        let times = match step.or(self.multipliers.last()) {
            Some(times) => u64::from(*times),
            None => 1 << before.min(STEPS),
        };
        let grown = bantime.as_millis().saturating_mul(times).saturating_mul(self.factor.into()) / u64::from(ONE);
        Duration::from_millis(grown).min(self.maxtime).max(bantime)
    }

    /// How many attempts each attempt of an address counts for that was banned `before` times: 1, 2, 3, 5, 9 and so on.
    #[must_use]
    pub fn weight(&self, before: u32) -> u16 {
        // More than 2^15 is more than any `maxretry`.
        if !self.increment || before == 0 { 1 } else { (1 << (before.min(16) - 1)) + 1 }
    }
}

/// What chance adds where it adds less than `rndtime`; `random` is any number.
#[must_use]
pub fn by_chance(rndtime: Duration, random: u64) -> Duration {
    // Less than 2^32 seconds, times less than 2^32 parts of 2^32.
    Duration::from_secs((rndtime.as_secs() * (random >> 32)) >> 32)
}

impl Default for Growth {
    /// What holds where the file says nothing: no growth. fail2ban has no longest time then, which would be 20 years.
    fn default() -> Self {
        Self { factor: ONE, maxtime: Duration::from_secs(5 * 604_800), ..Self::NONE }
    }
}

static_assertions::const_assert!(limits::BANTIME_SECS < 1 << 32 && limits::MAXRETRY < 1 << 15);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn growth(multipliers: &[u32]) -> Growth {
        Growth { increment: true, multipliers: multipliers.iter().copied().collect(), ..Growth::default() }
    }

    /// The minutes of the first bans of somebody whose first is one minute long.
    fn minutes(growth: &Growth) -> [u64; 8] {
        [0, 1, 2, 3, 4, 5, 6, 7].map(|before| growth.bantime(MINUTE, before).as_secs() / 60)
    }

    #[test]
    fn each_ban_doubles_or_follows_the_multipliers() {
        assert_eq!(minutes(&growth(&[])), [1, 2, 4, 8, 16, 32, 64, 128]);
        assert_eq!(minutes(&growth(&[1, 2, 4, 8, 16])), [1, 2, 4, 8, 16, 16, 16, 16]);
        // jail.conf's example: the first multiplier is the first ban's, which is `bantime` in any case.
        assert_eq!(minutes(&growth(&[1, 5, 30, 60, 300, 720, 1440, 2880])), [1, 5, 30, 60, 300, 720, 1440, 2880]);
        assert_eq!(minutes(&growth(&[7])), [1, 7, 7, 7, 7, 7, 7, 7]);
        assert_eq!(minutes(&Growth { factor: 1500, ..growth(&[]) }), [1, 3, 6, 12, 24, 48, 96, 192]);
        assert_eq!(minutes(&Growth { factor: 2 * ONE, ..growth(&[1, 3]) }), [1, 6, 6, 6, 6, 6, 6, 6]);
        assert_eq!(minutes(&Growth { increment: false, ..growth(&[]) }), [1; 8]);
    }

    #[test]
    fn it_ends_at_the_longest_and_never_falls_below_the_first() {
        let short = Growth { maxtime: Duration::from_secs(300), ..growth(&[]) };
        assert_eq!(minutes(&short), [1, 2, 4, 5, 5, 5, 5, 5]);
        assert_eq!(short.bantime(Duration::from_secs(600), 3), Duration::from_secs(600));
        assert_eq!(Growth { factor: 1, ..growth(&[]) }.bantime(MINUTE, 3), MINUTE);
        assert_eq!(growth(&[]).bantime(MINUTE, u32::MAX).as_secs(), 5 * 604_800);
        let most = Growth { factor: 1000 * ONE, ..growth(&[1, 1_000_000]) };
        assert_eq!(most.bantime(Duration::from_secs(limits::BANTIME_SECS), 1).as_secs(), limits::BANTIME_SECS);
    }

    #[test]
    fn attempts_of_those_known_to_be_bad_weigh_more() {
        let growth = growth(&[]);
        assert_eq!([0, 1, 2, 3, 4, 5].map(|before| growth.weight(before)), [1, 2, 3, 5, 9, 17]);
        assert!(u32::from(growth.weight(u32::MAX)) > limits::MAXRETRY);
        assert_eq!(Growth::default().weight(7), 1);
    }

    proptest! {
        /// fail2ban's `max(ban.Time, ban.Time * (1 << min(ban.Count, 20)) * banFactor)` and what follows it.
        #[test]
        fn the_formula_is_fail2bans(secs in 1u64..1_000_000, before in 1u32..40, factor in 1u32..100, max in 1u64..100_000_000) {
            let growth = Growth { factor: factor * ONE, maxtime: Duration::from_secs(max), ..growth(&[]) };
            let formula = secs.max(secs * (1 << before.min(20)) * u64::from(factor)).min(max);
            prop_assert_eq!(growth.bantime(Duration::from_secs(secs), before).as_secs(), formula.max(secs));
        }

        #[test]
        fn chance_adds_less_than_rndtime(secs in 0..=limits::BANTIME_SECS, random: u64) {
            let added = |random| by_chance(Duration::from_secs(secs), random).as_secs();
            prop_assert!(added(random) < secs.max(1));
            prop_assert_eq!((added(0), added(u64::MAX)), (0, secs.saturating_sub(1)));
        }
    }
}
