//! What the network considered striking, moment by moment.

use std::collections::BTreeMap;

use performance::{N_PITCHES, Pitch};

use crate::protocol::TakeId;

/// Moments that are kept of a performance: an hour and more. Fewer forget the beginning of long ones.
const MAX_MOMENTS: usize = 1 << 15;
/// Performances whose moments are kept: a set of versions, and what they branch off from.
const MAX_TAKES: usize = 8;
/// After this long nothing is known any more: the composer was asked no longer.
const STALE_US: u64 = 3_000_000;

/// Keys and their probabilities.
type Keys = Vec<(Pitch, f32)>;

/// What the network considered in the latest performances. It is not kept with the session.
#[derive(Clone, Debug, Default)]
pub struct Considered {
    takes: BTreeMap<TakeId, BTreeMap<u64, Keys>>,
}

impl Considered {
    /// Adds a moment, in microseconds since the primer's end. What was told of later moments was composed anew.
    pub fn push(&mut self, take: TakeId, at_us: u64, keys: Keys) {
        let moments = self.takes.entry(take).or_default();
        moments.split_off(&at_us);
        moments.insert(at_us, keys);
        if moments.len() > MAX_MOMENTS {
            moments.pop_first();
        }
        while self.takes.len() > MAX_TAKES {
            self.takes.pop_first();
        }
    }

    /// The probability of each key at a time, in microseconds since the primer's end; zeros where nothing is known.
    #[must_use]
    pub fn at(&self, take: TakeId, at_us: u64) -> [f32; N_PITCHES] {
        let mut all = [0.0; N_PITCHES];
        let moments = self.takes.get(&take);
        let last = moments.and_then(|moments| moments.range(..=at_us).next_back());
        if let Some((&then_us, keys)) = last
            && at_us - then_us < STALE_US
        {
            keys.iter().for_each(|&(pitch, probability)| all[pitch.index()] = probability);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_moment_is_shown_until_it_is_stale() {
        let mut considered = Considered::default();
        let pitch = |number| Pitch::new(number).expect("a pitch");
        considered.push(1, 1_000_000, vec![(pitch(60), 0.5)]);
        considered.push(1, 2_000_000, vec![(pitch(62), 0.25)]);
        let sums = |considered: &Considered, at_us| {
            let all = considered.at(1, at_us);
            (all[60], all[62], all[64])
        };
        assert_eq!(sums(&considered, 999_999), (0.0, 0.0, 0.0));
        assert_eq!(sums(&considered, 1_500_000), (0.5, 0.0, 0.0));
        assert_eq!(sums(&considered, 2_000_000), (0.0, 0.25, 0.0));
        assert_eq!(sums(&considered, 5_000_000), (0.0, 0.0, 0.0));
        // Composed anew from the first second on.
        considered.push(1, 1_200_000, vec![(pitch(64), 1.0)]);
        assert_eq!(sums(&considered, 1_100_000), (0.5, 0.0, 0.0));
        assert_eq!(sums(&considered, 2_500_000), (0.0, 0.0, 1.0));
        assert_eq!(considered.at(2, 2_500_000), [0.0; N_PITCHES]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut considered = Considered::default();
        for at_us in 0..2 * MAX_MOMENTS as u64 {
            considered.push(1, at_us, Vec::new());
        }
        (2..40).for_each(|take| considered.push(take, 0, Vec::new()));
        assert_eq!(considered.takes.len(), MAX_TAKES);
        assert!(considered.takes.values().all(|moments| moments.len() <= MAX_MOMENTS));
    }
}
