//! The distributions of an excerpt.

use super::{Excerpt, Feature, overlap_area};
use crate::{N_PITCH_CLASSES, STEP_MICROS};

/// How each [`Feature`] of an excerpt is distributed: parts of 1 in every bin.
///
/// What an excerpt has none of (the inter-onset intervals of one note) is zero in every bin, and is left out
/// where profiles are averaged.
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    distributions: [Vec<f64>; Feature::ALL.len()],
}

impl Profile {
    /// Measures an excerpt.
    #[must_use]
    pub fn of(excerpt: &Excerpt) -> Self {
        let mut counts = Counts { bins: Feature::ALL.map(|feature| vec![0.0; feature.n_bins()]) };
        counts.notes(excerpt);
        counts.moments(excerpt);
        Self { distributions: counts.bins.map(normalized) }
    }

    /// The mean of profiles, feature by feature, over those that have any of it: every excerpt counts the
    /// same, however many notes it has.
    ///
    /// ```
    /// use performance::statistics::{Excerpt, Feature, Profile};
    /// let silence = Profile::of(&Excerpt::of(&performance::Performance::default(), 0..1_000_000));
    /// let mean = Profile::mean([&silence, &silence]);
    /// assert_eq!(mean.distribution(Feature::Polyphony)[0], 1.0);
    /// assert_eq!(mean.distribution(Feature::Pitch).iter().sum::<f64>(), 0.0);
    /// ```
    #[must_use]
    pub fn mean<'a>(profiles: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut sums = Feature::ALL.map(|feature| vec![0.0; feature.n_bins()]);
        for profile in profiles {
            for (sum, distribution) in sums.iter_mut().zip(&profile.distributions) {
                for (sum, x) in sum.iter_mut().zip(distribution) {
                    *sum += x;
                }
            }
        }
        Self { distributions: sums.map(normalized) }
    }

    /// How `feature` is distributed.
    ///
    /// # Shapes
    /// `feature.n_bins()` parts of 1, or as many zeros.
    #[must_use]
    pub fn distribution(&self, feature: Feature) -> &[f64] {
        &self.distributions[feature as usize]
    }

    /// How unlike two excerpts are, 0 to 1: one minus the overlap area, averaged over the features that have
    /// a distribution within one excerpt. What neither has any of is equal.
    #[must_use]
    pub fn distance(&self, other: &Self) -> f64 {
        let features = || Feature::ALL.into_iter().filter(|feature| !feature.is_per_excerpt());
        let distance = |feature| {
            let (p, q) = (self.distribution(feature), other.distribution(feature));
            if p == q { 0.0 } else { 1.0 - overlap_area(p, q) }
        };
        features().map(distance).sum::<f64>() / features().count() as f64
    }
}

struct Counts {
    bins: [Vec<f64>; Feature::ALL.len()],
}

impl Counts {
    fn add(&mut self, feature: Feature, value: u64, weight: f64) {
        self.bins[feature as usize][feature.bin(value)] += weight;
    }

    fn notes(&mut self, excerpt: &Excerpt) {
        let notes = excerpt.notes();
        for note in notes {
            self.add(Feature::Duration, (note.end_us - note.start_us) / STEP_MICROS, 1.0);
            self.add(Feature::Velocity, u64::from(note.velocity.bin().get()) - 1, 1.0);
            self.add(Feature::Pitch, u64::from(note.pitch.get()), 1.0);
            self.add(Feature::PitchClass, (note.pitch.index() % N_PITCH_CLASSES) as u64, 1.0);
        }
        for pair in notes.windows(2) {
            let classes = [pair[0], pair[1]].map(|note| note.pitch.index() % N_PITCH_CLASSES);
            self.add(Feature::PitchClassTransition, (classes[0] * N_PITCH_CLASSES + classes[1]) as u64, 1.0);
            self.add(Feature::InterOnset, (pair[1].start_us - pair[0].start_us) / STEP_MICROS, 1.0);
        }
        // Walking back, the next onset after a chord is known when its first note comes.
        let mut next_us = None;
        for (idx, note) in notes.iter().enumerate().rev() {
            if let Some(later) = notes.get(idx + 1).filter(|later| later.start_us > note.start_us) {
                next_us = Some(later.start_us);
            }
            if let Some(next_us) = next_us {
                self.add(Feature::Overlap, note.end_us.saturating_sub(next_us) / STEP_MICROS, 1.0);
            }
        }
    }

    fn moments(&mut self, excerpt: &Excerpt) {
        let mut silence_us = 0;
        for (stretch, n_sounding) in excerpt.polyphony() {
            let us = stretch.end - stretch.start;
            self.add(Feature::Polyphony, n_sounding as u64, us as f64);
            silence_us = silence_us.max(if n_sounding == 0 { us } else { 0 });
        }
        // A rest at the end of less than a second is no second of silence.
        let mut seconds = vec![0_u64; (excerpt.length_us() / 1_000_000) as usize];
        for note in excerpt.notes() {
            if let Some(second) = seconds.get_mut((note.start_us / 1_000_000) as usize) {
                *second += 1;
            }
        }
        for n_notes in seconds {
            self.add(Feature::Density, n_notes, 1.0);
        }
        if excerpt.length_us() == 0 {
            return;
        }
        self.add(Feature::LongestSilence, silence_us / STEP_MICROS, 1.0);
        let longest_us = Feature::FORCED_RELEASE_SECS * 1_000_000;
        let forced = excerpt.notes().iter().filter(|note| note.end_us - note.start_us > longest_us).count();
        // Rounded up: one in ten minutes is not none.
        let per_minute = (forced as f64 * 60.0 / excerpt.secs()).ceil();
        self.add(Feature::ForcedReleases, per_minute as u64, 1.0);
    }
}

fn normalized(mut bins: Vec<f64>) -> Vec<f64> {
    let sum: f64 = bins.iter().sum();
    if sum > 0.0 {
        bins.iter_mut().for_each(|x| *x /= sum);
    }
    bins
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notation::performance;

    /// The bins of `feature` that are not empty: where they begin, in the feature's unit, and their parts.
    #[track_caller]
    fn check(excerpt: &Excerpt, feature: Feature, expected: &[(f64, f64)]) {
        let profile = Profile::of(excerpt);
        let bins = profile.distribution(feature).iter().enumerate().filter(|&(_, &x)| x > 0.0);
        let found: Vec<(f64, f64)> = bins.map(|(bin, &x)| (feature.bin_start(bin), x)).collect();
        let is_close = |a: f64, b: f64| (a - b).abs() < 1e-9;
        let is_right = found.len() == expected.len()
            && found.iter().zip(expected).all(|(f, e)| is_close(f.0, e.0) && is_close(f.1, e.1));
        assert!(is_right, "{feature:?}: expected {expected:?}, found {found:?}");
    }

    #[test]
    fn every_feature_by_hand() {
        // A chord of C and G for 400 ms, a gap, D with the pedal over E, and rest: 2 s.
        let text = "60/62 0..400, 67/66 0..400, 62/62 800..1600, 64/62 1200..1600";
        let excerpt = Excerpt::of(&performance(text), 0..2_000_000);
        check(&excerpt, Feature::InterOnset, &[(0.0, 1.0 / 3.0), (0.4, 1.0 / 3.0), (0.8, 1.0 / 3.0)]);
        check(&excerpt, Feature::Duration, &[(0.4, 0.75), (0.8, 0.25)]);
        check(&excerpt, Feature::Velocity, &[(61.0, 0.75), (65.0, 0.25)]);
        check(&excerpt, Feature::Pitch, &[(60.0, 0.25), (62.0, 0.25), (64.0, 0.25), (67.0, 0.25)]);
        check(&excerpt, Feature::PitchClass, &[(0.0, 0.25), (2.0, 0.25), (4.0, 0.25), (7.0, 0.25)]);
        let third = 1.0 / 3.0;
        check(
            &excerpt,
            Feature::PitchClassTransition,
            &[(7.0, third), (2.0 * 12.0 + 4.0, third), (7.0 * 12.0 + 2.0, third)],
        );
        // Silent for 400 ms twice, one note for 400, two for 400 twice.
        check(&excerpt, Feature::Polyphony, &[(0.0, 0.4), (1.0, 0.2), (2.0, 0.4)]);
        // Three notes in the first second, one in the next.
        check(&excerpt, Feature::Density, &[(1.0, 0.5), (3.0, 0.5)]);
        // C and G end before D, D goes on for 400 ms, E has no next.
        check(&excerpt, Feature::Overlap, &[(0.0, 2.0 / 3.0), (0.4, 1.0 / 3.0)]);
        check(&excerpt, Feature::LongestSilence, &[(0.248, 1.0)]);
        check(&excerpt, Feature::ForcedReleases, &[(0.0, 1.0)]);
    }

    #[test]
    fn a_note_that_nobody_lets_go_is_forced() {
        let excerpt = Excerpt::of(&performance("60/62 0..20008, 64/62 0..20000"), 0..30_000_000);
        check(&excerpt, Feature::ForcedReleases, &[(2.0, 1.0)]);
    }

    #[test]
    fn means_count_excerpts_and_not_notes() {
        let profiles = ["60/62 0..80, 60/62 80..160, 60/62 160..240", "62/62 0..80"]
            .map(|text| Profile::of(&Excerpt::whole(&performance(text))));
        let mean = Profile::mean(&profiles);
        assert_eq!(mean.distribution(Feature::PitchClass)[..3], [0.5, 0.0, 0.5]);
        // The second has no interval: the first alone counts.
        assert_eq!(mean.distribution(Feature::InterOnset)[8], 1.0);
        assert_eq!(profiles[0].distance(&profiles[0]), 0.0);
        assert!(profiles[0].distance(&profiles[1]) > 0.2);
    }
}
