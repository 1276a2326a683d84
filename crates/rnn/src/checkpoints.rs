//! Snapshots to rewind to, thinned so that those of hours fit into memory.

use std::fmt;
use std::sync::Arc;

/// Number of recent checkpoints, which are as dense as possible.
const RECENT: usize = 64;
/// Number of old checkpoints. More make rewinding faster. Each takes 25 kB with the shipped network, twice
/// that under guidance.
const OLD: usize = 448;
/// How many times further apart old checkpoints are, at first.
const OLD_SPACING: usize = 8;

/// Snapshots by token. The first one is always kept.
pub(crate) struct Checkpoints<S> {
    /// Events between recent checkpoints.
    spacing: usize,
    /// Events between old ones: doubled whenever there are too many.
    old_spacing: usize,
    kept: Vec<(usize, Arc<S>)>,
    /// How many of `kept` are old.
    n_old: usize,
}

impl<S> Checkpoints<S> {
    pub(crate) fn new(spacing: usize) -> Self {
        Self { spacing, old_spacing: OLD_SPACING * spacing, kept: Vec::new(), n_old: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.kept.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Whether the last checkpoint before this token is far enough away for another one.
    pub(crate) fn is_due(&self, token: usize) -> bool {
        self.kept.last().is_none_or(|(last, _)| token >= last + self.spacing)
    }

    /// Adds one after all others.
    pub(crate) fn keep(&mut self, token: usize, snapshot: S) {
        self.kept.push((token, Arc::new(snapshot)));
        while self.kept.len() - self.n_old > RECENT {
            self.age();
        }
        if self.n_old > OLD {
            self.thin();
        }
    }

    /// The last one at or before a token.
    pub(crate) fn last_until(&self, token: usize) -> Option<(usize, &S)> {
        let n = self.kept.partition_point(|&(at, _)| at <= token);
        self.kept[..n].last().map(|(at, snapshot)| (*at, &**snapshot))
    }

    /// Those up to a token.
    pub(crate) fn until(&self, token: usize) -> Self {
        let mut until = Self { kept: self.kept.clone(), ..*self };
        until.truncate(token);
        until
    }

    /// Drops those after a token.
    pub(crate) fn truncate(&mut self, token: usize) {
        self.kept.truncate(self.kept.partition_point(|&(at, _)| at <= token));
        self.n_old = self.n_old.min(self.kept.len());
    }

    /// The oldest of the recent ones becomes old, or goes if there is one near it.
    fn age(&mut self) {
        let is_far = |before: &(usize, Arc<S>)| self.kept[self.n_old].0 >= before.0 + self.old_spacing;
        if self.n_old == 0 || is_far(&self.kept[self.n_old - 1]) {
            self.n_old += 1;
        } else {
            self.kept.remove(self.n_old);
        }
    }

    /// Drops every second old one, but never the first.
    fn thin(&mut self) {
        self.old_spacing *= 2;
        let (n_old, mut index, mut n_left) = (self.n_old, 0, 0);
        self.kept.retain(|_| {
            let stays = index >= n_old || index % 2 == 0;
            n_left += usize::from(stays && index < n_old);
            index += 1;
            stays
        });
        self.n_old = n_left;
    }
}

impl<S> fmt::Debug for Checkpoints<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spacing, old_spacing, kept, n_old } = self;
        f.debug_struct("Checkpoints")
            .field("spacing", spacing)
            .field("old_spacing", old_spacing)
            .field("kept", &kept.len())
            .field("n_old", n_old)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_of_checkpoints_stay_few_and_near() {
        let mut checkpoints = Checkpoints::new(32);
        checkpoints.keep(0, ());
        // Ten hours of music at 37 events a second.
        for token in (0..1_300_000).step_by(16) {
            if checkpoints.is_due(token) {
                checkpoints.keep(token, ());
            }
            assert!(checkpoints.len() <= RECENT + OLD + 1);
        }
        let end = 1_300_000;
        let back = |to: usize| to - checkpoints.last_until(to).unwrap().0;
        assert_eq!(checkpoints.last_until(0).unwrap().0, 0, "the beginning is always there");
        assert!((end - 1900..end).all(|to| back(to) <= 48), "recent moments are near");
        let farthest = (0..end).step_by(77).map(back).max().unwrap();
        assert!(farthest <= 8192, "{farthest} events to hear again");
    }

    #[test]
    fn what_is_cut_away_is_forgotten() {
        let mut checkpoints = Checkpoints::new(10);
        (0..100).for_each(|index| checkpoints.keep(10 * index, index));
        checkpoints.truncate(405);
        assert!(checkpoints.last_until(9999).unwrap().0 <= 405);
        assert!(checkpoints.is_due(500) && !checkpoints.is_due(checkpoints.last_until(9999).unwrap().0 + 5));
        checkpoints.truncate(0);
        assert_eq!((checkpoints.len(), checkpoints.last_until(7).unwrap().0), (1, 0));
    }
}
