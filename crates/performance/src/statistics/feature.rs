//! What is measured, in which bins.

use crate::N_PITCH_CLASSES;

/// Edges in steps of 8 ms, ten to the decade: bin `i` begins at edge `i`, the last has no end. The first is
/// "together".
const LOG_STEPS: [u32; 32] = [
    0, 1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 32, 40, 50, 63, 79, 100, 126, 158, 200, 251, 316, 398, 501,
    631, 794, 1000, 1259, 1585, 1995,
];
/// Edges in notes per second.
const DENSITIES: [u32; 23] =
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 35, 40];
/// Edges in steps of 8 ms: 0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16 and 30 seconds.
const SILENCES: [u32; 13] = [0, 31, 63, 125, 188, 250, 375, 500, 750, 1000, 1500, 2000, 3750];
/// Edges in notes per minute.
const FORCED: [u32; 6] = [0, 1, 2, 4, 8, 16];
/// More notes than this sound in the last bin of polyphony.
const MAX_POLYPHONY: u32 = 24;
const LOWEST_KEY: u32 = 21;
const N_KEYS: u32 = 88;
const N_VELOCITY_BINS: u32 = crate::N_VELOCITY_BINS as u32;

/// A property of a performance that has a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Feature {
    /// From each note to the next to begin, 0 within a chord.
    InterOnset,
    /// How long each note sounds, pedal included.
    Duration,
    /// Loudness of each note, in the vocabulary's 32 bins.
    Velocity,
    /// Key of each note, of the 88.
    Pitch,
    /// Pitch class of each note.
    PitchClass,
    /// Pitch classes of each note and the next, 144 pairs.
    PitchClassTransition,
    /// How many notes sound, weighted by time.
    Polyphony,
    /// How many notes begin in each second.
    Density,
    /// How long each note goes on when the next begins (notes of one chord aside): the pedal, and legato.
    Overlap,
    /// The longest time without a sound, one for each excerpt.
    LongestSilence,
    /// Notes a minute that sound longer than [`Feature::FORCED_RELEASE_SECS`], one for each excerpt.
    ForcedReleases,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::InterOnset,
        Self::Duration,
        Self::Velocity,
        Self::Pitch,
        Self::PitchClass,
        Self::PitchClassTransition,
        Self::Polyphony,
        Self::Density,
        Self::Overlap,
        Self::LongestSilence,
        Self::ForcedReleases,
    ];

    /// A note that sounds this long, in seconds, counts as a forced release: a piano's strings have died
    /// away. Smaller flags long pedals; larger misses stuck notes.
    pub const FORCED_RELEASE_SECS: u64 = 20;

    /// Its name, as people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::InterOnset => "inter-onset interval",
            Self::Duration => "duration",
            Self::Velocity => "velocity",
            Self::Pitch => "pitch",
            Self::PitchClass => "pitch class",
            Self::PitchClassTransition => "pitch-class transition",
            Self::Polyphony => "polyphony",
            Self::Density => "note density",
            Self::Overlap => "overlap (pedal)",
            Self::LongestSilence => "longest silence",
            Self::ForcedReleases => "forced releases",
        }
    }

    /// What its bins are measured in, for an axis.
    #[must_use]
    pub fn unit(self) -> &'static str {
        match self {
            Self::InterOnset | Self::Duration | Self::Overlap | Self::LongestSilence => "seconds",
            Self::Velocity => "MIDI velocity",
            Self::Pitch => "MIDI pitch",
            Self::PitchClass => "class of 12, from C",
            Self::PitchClassTransition => "pairs of classes, 12 × first + second",
            Self::Polyphony => "notes that sound",
            Self::Density => "notes per second",
            Self::ForcedReleases => "notes per minute",
        }
    }

    /// Whether an excerpt has one value of it, and not one for each note or time.
    #[must_use]
    pub fn is_per_excerpt(self) -> bool {
        matches!(self, Self::LongestSilence | Self::ForcedReleases)
    }

    /// Number of bins.
    #[must_use]
    pub fn n_bins(self) -> usize {
        match self {
            Self::InterOnset | Self::Duration | Self::Overlap => LOG_STEPS.len(),
            Self::Velocity => N_VELOCITY_BINS as usize,
            Self::Pitch => N_KEYS as usize,
            Self::PitchClass => N_PITCH_CLASSES,
            Self::PitchClassTransition => N_PITCH_CLASSES * N_PITCH_CLASSES,
            Self::Polyphony => MAX_POLYPHONY as usize + 2,
            Self::Density => DENSITIES.len(),
            Self::LongestSilence => SILENCES.len(),
            Self::ForcedReleases => FORCED.len(),
        }
    }

    /// Where bin `bin` begins, in [`Feature::unit`].
    #[must_use]
    pub fn bin_start(self, bin: usize) -> f64 {
        let of = |edges: &[u32]| f64::from(edges[bin.min(edges.len() - 1)]);
        match self {
            Self::InterOnset | Self::Duration | Self::Overlap => of(&LOG_STEPS) * 0.008,
            Self::LongestSilence => of(&SILENCES) * 0.008,
            Self::Velocity => 4.0 * bin as f64 + 1.0,
            Self::Pitch => bin as f64 + f64::from(LOWEST_KEY),
            Self::PitchClass | Self::PitchClassTransition | Self::Polyphony => bin as f64,
            Self::Density => of(&DENSITIES),
            Self::ForcedReleases => of(&FORCED),
        }
    }

    /// The bin of an integer: steps of 8 ms for times, else what [`Feature::unit`] says; for a velocity its
    /// bin, counted from 0.
    pub(crate) fn bin(self, value: u64) -> usize {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        let among = |edges: &[u32]| edges.iter().filter(|&&edge| value >= edge).count().saturating_sub(1);
        match self {
            Self::InterOnset | Self::Duration | Self::Overlap => among(&LOG_STEPS),
            Self::LongestSilence => among(&SILENCES),
            Self::Density => among(&DENSITIES),
            Self::ForcedReleases => among(&FORCED),
            Self::Pitch => value.saturating_sub(LOWEST_KEY).min(N_KEYS - 1) as usize,
            Self::Velocity | Self::PitchClass | Self::PitchClassTransition | Self::Polyphony => {
                (value as usize).min(self.n_bins() - 1)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_hold_what_begins_with_them() {
        #[track_caller]
        fn check(feature: Feature, values: &[u64], expected: &[usize]) {
            assert_eq!(values.iter().map(|&value| feature.bin(value)).collect::<Vec<_>>(), expected);
        }
        check(
            Feature::InterOnset,
            &[0, 1, 6, 7, 8, 9, 10, 100_000, u64::MAX],
            &[0, 1, 6, 6, 7, 7, 8, 31, 31],
        );
        check(Feature::Pitch, &[0, 21, 60, 108, 127], &[0, 0, 39, 87, 87]);
        check(Feature::Polyphony, &[0, 24, 25, 99], &[0, 24, 25, 25]);
        check(Feature::Density, &[0, 10, 11, 12, 39, 40, 400], &[0, 10, 10, 11, 21, 22, 22]);
        check(Feature::ForcedReleases, &[0, 1, 3, 4, 99], &[0, 1, 2, 3, 5]);
    }

    #[test]
    fn every_bin_begins_after_the_one_before() {
        for feature in Feature::ALL {
            let starts: Vec<f64> = (0..feature.n_bins()).map(|bin| feature.bin_start(bin)).collect();
            assert!(starts.is_sorted_by(|a, b| a < b), "{feature:?}: {starts:?}");
        }
    }
}
