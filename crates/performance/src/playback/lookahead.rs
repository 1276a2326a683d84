//! How far ahead an instrument gets its messages that cannot take them back.

use std::collections::VecDeque;

/// A hold-up that was met once is covered up to here, so that a stop takes 150 ms at most.
const MOST_ONCE_US: u64 = 140_000;
/// Hold-ups that come again and again are covered up to here. A timer of a hidden page comes once a second.
const MOST_US: u64 = 1_300_000;
/// How many hold-ups are "again and again".
const OFTEN: usize = 3;
/// Messages leave so long before they are due, after the longest hold-up.
const MARGIN_US: u64 = 30_000;
/// How long a hold-up is remembered.
const MEMORY_US: u64 = 30_000_000;

/// Adapts a look-ahead to how late its caller has been.
///
/// The time between two calls of [`tick`](Self::tick) is a hold-up if the least look-ahead does not cover it.
///
/// ```
/// use performance::playback::Lookahead;
/// let mut lookahead = Lookahead::default();
/// (0..50).for_each(|i| lookahead.tick(i * 20_000));
/// assert_eq!(lookahead.us(), 90_000);
/// // 100 ms late, once.
/// lookahead.tick(1_080_000);
/// assert_eq!(lookahead.us(), 130_000);
/// // Twice more, and half a second each.
/// [1_600_000, 2_100_000, 2_600_000].map(|at_us| lookahead.tick(at_us));
/// assert_eq!(lookahead.us(), 530_000);
/// // Half a minute later that is forgotten.
/// (130..1_800).for_each(|i| lookahead.tick(i * 20_000));
/// assert_eq!(lookahead.us(), 90_000);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Lookahead {
    last_us: Option<u64>,
    /// When each hold-up ended, and how long it was.
    held: VecDeque<(u64, u64)>,
}

impl Lookahead {
    /// Without hold-ups, in microseconds. Smaller plays unevenly whenever the caller is late; larger makes a stop take
    /// longer.
    pub const LEAST_US: u64 = 90_000;

    /// The caller is there again.
    pub fn tick(&mut self, now_us: u64) {
        let gap_us = self.last_us.replace(now_us).map_or(0, |last_us| now_us.saturating_sub(last_us));
        if gap_us + MARGIN_US > Self::LEAST_US {
            self.held.push_back((now_us, gap_us));
        }
        while self.held.pop_front_if(|&mut (at_us, _)| at_us.saturating_add(MEMORY_US) < now_us).is_some() {}
    }

    /// How far ahead messages should be handed out, in microseconds.
    #[must_use]
    pub fn us(&self) -> u64 {
        let mut gaps: Vec<u64> = self.held.iter().map(|&(_, gap_us)| gap_us + MARGIN_US).collect();
        gaps.sort_unstable_by(|a, b| b.cmp(a));
        let once_us = gaps.first().map_or(0, |&gap_us| gap_us.min(MOST_ONCE_US));
        let often_us = gaps.get(OFTEN - 1).map_or(0, |&gap_us| gap_us.min(MOST_US));
        Self::LEAST_US.max(once_us).max(often_us)
    }
}
