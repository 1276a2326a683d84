//! Different interpretations: what a renderer says is a mean, and people differ.

use rand::{Rng, RngExt};

use super::builder::Score;
use super::expression::Expression;
use super::rules::Rules;

/// How far a renderer's takes lie apart, and how much its mean is stretched to vary as much as one person does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variation {
    /// By how much deviations from the piece's mean are multiplied: velocity, log period, asynchrony, articulation.
    pub gain: [f64; 4],
    /// Standard deviation of what is added, in the same units as the expression.
    pub noise: [f64; 4],
    /// Quarters over which added velocity and tempo are much the same. Smaller is nervous, larger is another plan.
    pub reach_quarters: f64,
}

impl Variation {
    /// For the ridge renderer: gains that give its takes people's spread, chosen on the training scores.
    pub const RIDGE: Self =
        Self { gain: [1.7, 1.8, 2.0, 1.9], noise: [5.0, 0.06, 0.006, 0.3], reach_quarters: 4.0 };
    /// For the recurrent renderer, likewise, by `score-train --hold-out`.
    pub const RECURRENT: Self =
        Self { gain: [1.5, 1.5, 2.0, 1.75], noise: [5.0, 0.06, 0.006, 0.3], reach_quarters: 4.0 };
    /// For the rules, whose quantities vary as well.
    pub const RULES: Self =
        Self { gain: [1.0, 1.0, 1.0, 1.0], noise: [3.0, 0.03, 0.004, 0.1], reach_quarters: 4.0 };

    /// One take around a renderer's mean, as long as it is.
    #[must_use]
    pub fn take(&self, score: &Score, mean: &Expression, rng: &mut impl Rng) -> Expression {
        let chords = score.chords();
        let slow = |deviation: f64, rng: &mut _| -> Vec<f64> {
            let mut value = deviation * normal(rng);
            let mut values = Vec::with_capacity(chords.len());
            for (idx, chord) in chords.iter().enumerate() {
                values.push(value);
                let gap = chords.get(idx + 1).map_or(0.0, |next| next.onset_quarters - chord.onset_quarters);
                let kept = (-gap / self.reach_quarters).exp();
                value = kept * value + deviation * (1.0 - kept * kept).sqrt() * normal(rng);
            }
            values
        };
        // Half of the variance is of the phrase, half of the chord or note.
        let half = std::f64::consts::FRAC_1_SQRT_2;
        let loudness = slow(half * self.noise[0], rng);
        let tempo = slow(half * self.noise[1], rng);
        let stretched =
            |part: usize, values: &[f64], common: &dyn Fn(usize) -> f64, share: f64, rng: &mut _| {
                let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
                let add = |(idx, value): (usize, &f64)| {
                    mean + self.gain[part] * (value - mean)
                        + common(idx)
                        + share * self.noise[part] * normal(rng)
                };
                values.iter().enumerate().map(add).collect::<Vec<f64>>()
            };
        let chord_of = |idx: usize| score.notes()[idx].chord;
        let velocity = stretched(0, &mean.velocity, &|idx| loudness[chord_of(idx)], half, rng);
        let take = Expression {
            velocity: velocity.into_iter().map(|value| value.clamp(4.0, 126.0)).collect(),
            log_period: stretched(1, &mean.log_period, &|idx| tempo[idx], half, rng),
            asynchrony: stretched(2, &mean.asynchrony, &|_| 0.0, 1.0, rng),
            articulation: stretched(3, &mean.articulation, &|_| 0.0, 1.0, rng),
        };
        let secs = mean.chord_secs(score).last().copied().unwrap_or(0.0);
        take.lasting(score, secs)
    }
}

impl Rules {
    /// The same rules in somewhat other quantities, each by a quarter in most cases.
    #[must_use]
    pub fn vary(&self, rng: &mut impl Rng) -> Self {
        let mut vary = |quantity: f64| quantity * (0.25 * normal(rng)).exp();
        Self {
            dynamics: self.dynamics,
            high_loud: vary(self.high_loud),
            duration_contrast: vary(self.duration_contrast),
            contrast_articulation: vary(self.contrast_articulation),
            double_duration: vary(self.double_duration),
            phrase_arch: vary(self.phrase_arch),
            punctuation: vary(self.punctuation),
            final_ritard: vary(self.final_ritard),
            melodic_charge: vary(self.melodic_charge),
            harmonic_charge: vary(self.harmonic_charge),
            leap: vary(self.leap),
            faster_uphill: vary(self.faster_uphill),
            repetition: vary(self.repetition),
            meter: vary(self.meter),
        }
    }
}

/// Normal, of deviation 1 (Box and Muller).
fn normal(rng: &mut impl Rng) -> f64 {
    let (radius, angle): (f64, f64) = (rng.random(), rng.random());
    (-2.0 * (1.0 - radius).ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
}
