//! Which major or minor key pitches are in.

use std::fmt;

use crate::N_PITCH_CLASSES;

/// How well each pitch class fits into a major and a minor key, counted from the tonic: ratings by listeners
/// (Krumhansl and Kessler 1982, "Tracing the Dynamic Changes in Perceived Tonal Organization in a Spatial
/// Representation of Musical Keys").
pub(crate) const MAJOR: [f64; N_PITCH_CLASSES] =
    [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
/// See [`MAJOR`].
pub(crate) const MINOR: [f64; N_PITCH_CLASSES] =
    [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];
/// Names of pitch classes as tonics, by the signature with fewer accidentals.
const MAJOR_NAMES: [&str; N_PITCH_CLASSES] =
    ["C", "D♭", "D", "E♭", "E", "F", "F♯", "G", "A♭", "A", "B♭", "B"];
const MINOR_NAMES: [&str; N_PITCH_CLASSES] =
    ["C", "C♯", "D", "E♭", "E", "F", "F♯", "G", "G♯", "A", "B♭", "B"];

/// A major or minor key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MusicalKey {
    /// Pitch class of the tonic; C is 0.
    tonic: usize,
    mode: Mode,
}

/// See [`MusicalKey`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Major.
    Major,
    /// Minor.
    Minor,
}

impl MusicalKey {
    /// The key that fits best, and how well: the correlation of `weights` with the key's profile, at most 1.
    /// `weights` says how much there is of each pitch class, counted from C; durations are customary.
    /// None if there is as much of each.
    ///
    /// This is the algorithm of Krumhansl and Schmuckler (Krumhansl 1990, *Cognitive Foundations of Musical
    /// Pitch*, chapter 4).
    ///
    /// ```
    /// use performance::MusicalKey;
    /// let c_major = [2.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 0.0, 1.0];
    /// let (key, fit) = MusicalKey::estimate(&c_major).unwrap();
    /// assert_eq!(key.to_string(), "C major");
    /// assert!(fit > 0.8);
    /// ```
    #[must_use]
    pub fn estimate(weights: &[f64; N_PITCH_CLASSES]) -> Option<(Self, f64)> {
        let keys = (0..N_PITCH_CLASSES).flat_map(|tonic| {
            [(Mode::Major, &MAJOR), (Mode::Minor, &MINOR)].map(|(mode, profile)| {
                let rotated = std::array::from_fn(|class| weights[(class + tonic) % N_PITCH_CLASSES]);
                (Self { tonic, mode }, correlation(profile, &rotated))
            })
        });
        keys.filter(|(_, fit)| fit.is_finite()).max_by(|a, b| a.1.total_cmp(&b.1))
    }
}

impl fmt::Display for MusicalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mode {
            Mode::Major => write!(f, "{} major", MAJOR_NAMES[self.tonic]),
            Mode::Minor => write!(f, "{} minor", MINOR_NAMES[self.tonic]),
        }
    }
}

/// Pearson's; not a number if one of them is constant.
fn correlation(a: &[f64; N_PITCH_CLASSES], b: &[f64; N_PITCH_CLASSES]) -> f64 {
    let mean = |values: &[f64; N_PITCH_CLASSES]| values.iter().sum::<f64>() / N_PITCH_CLASSES as f64;
    let (mean_a, mean_b) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (a, b) in a.iter().zip(b) {
        let (a, b) = (a - mean_a, b - mean_b);
        ab += a * b;
        aa += a * a;
        bb += b * b;
    }
    ab / (aa * bb).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_with_a_strong_tonic_and_fifth_are_in_their_keys() {
        #[track_caller]
        fn check(tonic: usize, steps: [usize; 7], expected: &str) {
            let mut weights = [0.0; N_PITCH_CLASSES];
            for (degree, step) in steps.into_iter().enumerate() {
                weights[(tonic + step) % N_PITCH_CLASSES] = if matches!(degree, 0 | 4) { 2.0 } else { 1.0 };
            }
            let found = MusicalKey::estimate(&weights).map(|(key, _)| key.to_string());
            assert_eq!(found.as_deref(), Some(expected));
        }
        const MAJOR: [usize; 7] = [0, 2, 4, 5, 7, 9, 11];
        const HARMONIC_MINOR: [usize; 7] = [0, 2, 3, 5, 7, 8, 11];
        check(0, MAJOR, "C major");
        check(1, MAJOR, "D♭ major");
        check(7, MAJOR, "G major");
        check(9, HARMONIC_MINOR, "A minor");
        check(6, HARMONIC_MINOR, "F♯ minor");
    }

    #[test]
    fn without_differences_there_is_no_key() {
        assert_eq!(MusicalKey::estimate(&[0.0; N_PITCH_CLASSES]), None);
        assert_eq!(MusicalKey::estimate(&[3.0; N_PITCH_CLASSES]), None);
    }
}
