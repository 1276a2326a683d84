//! A set of performances against human ones, beside what humans differ among themselves.

use rand::{Rng, RngExt};

use super::{Feature, Interval, Profile, kl_divergence, overlap_area, resample};
use crate::Error;

/// How one feature of a set of performances compares with human ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Of what.
    pub feature: Feature,
    /// Between one half of the human pieces and the other: what two sets of this size differ by chance.
    pub floor: Distance,
    /// Between one half of the human pieces and the same number of the others.
    pub distance: Distance,
    /// Overlap area less that of the floor: below 0 where the others are unlike humans. Paired by draw, so it
    /// is surer than the difference of the two intervals.
    pub gap: Interval,
}

/// Between two distributions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distance {
    /// The area they share, 0 to 1.
    pub overlap: Interval,
    /// Kullback-Leibler divergence from the human one, in nats, smoothed.
    pub kl: Interval,
}

/// Compares every feature, in `rounds` draws of pieces.
///
/// Each round splits the human pieces at random into two halves without a piece in common. It draws `n`
/// pieces from each half and `n` of the others, with replacement. It compares the first human draw with the
/// second (the floor) and with the others. `n` is half of the human pieces or all of the others, whichever is
/// less, so that both sides have the same sample size.
///
/// # Errors
/// If there are less than two human pieces or none of the others.
pub fn compare(
    human: &[Profile],
    others: &[Profile],
    rounds: usize,
    rng: &mut impl Rng,
) -> Result<Vec<Comparison>, Error> {
    let n = (human.len() / 2).min(others.len());
    if n == 0 {
        return Err(Error::TooFewPieces { human: human.len(), others: others.len() });
    }
    let mut draws: Vec<[Draws; 2]> = Feature::ALL.iter().map(|_| Default::default()).collect();
    let mut order: Vec<&Profile> = human.iter().collect();
    let others: Vec<&Profile> = others.iter().collect();
    for _ in 0..rounds.max(1) {
        shuffle(&mut order, rng);
        let (half, other_half) = order.split_at(order.len() / 2);
        let [reference, floor, others] =
            [half, other_half, &others[..]].map(|set| Profile::mean(resample(set, n, rng)));
        for (feature, [floor_draws, other_draws]) in Feature::ALL.into_iter().zip(&mut draws) {
            floor_draws.push(feature, &reference, &floor);
            other_draws.push(feature, &reference, &others);
        }
    }
    let comparison = |(feature, [floor, others]): (Feature, [Draws; 2])| {
        let gaps = others.overlap.iter().zip(&floor.overlap).map(|(others, floor)| others - floor).collect();
        Comparison {
            feature,
            gap: Interval::of_draws(gaps),
            floor: floor.distance(),
            distance: others.distance(),
        }
    };
    Ok(Feature::ALL.into_iter().zip(draws).map(comparison).collect())
}

#[derive(Default)]
struct Draws {
    overlap: Vec<f64>,
    kl: Vec<f64>,
}

impl Draws {
    fn push(&mut self, feature: Feature, human: &Profile, others: &Profile) {
        let (p, q) = (human.distribution(feature), others.distribution(feature));
        self.overlap.push(overlap_area(p, q));
        self.kl.push(kl_divergence(p, q));
    }

    fn distance(self) -> Distance {
        Distance { overlap: Interval::of_draws(self.overlap), kl: Interval::of_draws(self.kl) }
    }
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], rng: &mut impl Rng) {
    for last in (1..items.len()).rev() {
        items.swap(last, rng.random_range(0..=last));
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::notation::performance;
    use crate::statistics::Excerpt;

    fn profile(text: &str) -> Profile {
        Profile::of(&Excerpt::whole(&performance(text)))
    }

    fn of(human: &[Profile], others: &[Profile], feature: Feature) -> Comparison {
        let all = compare(human, others, 200, &mut ChaCha8Rng::seed_from_u64(1)).unwrap();
        all[feature as usize].clone()
    }

    #[test]
    fn equal_sets_are_at_the_floor() {
        let human = vec![profile("60/62 0..80, 62/62 80..160"); 6];
        let found = of(&human, &human, Feature::PitchClass);
        let one = Interval { value: 1.0, low: 1.0, high: 1.0 };
        assert_eq!((found.floor.overlap, found.distance.overlap), (one, one));
        assert_eq!(found.gap, Interval { value: 0.0, low: 0.0, high: 0.0 });
        assert_eq!(found.distance.kl.value, 0.0);
    }

    #[test]
    fn other_music_is_below_the_floor() {
        let human = vec![profile("60/62 0..80, 62/62 80..160"); 6];
        let others = vec![profile("60/62 0..80, 61/62 80..160"); 3];
        let found = of(&human, &others, Feature::PitchClass);
        assert_eq!((found.floor.overlap.value, found.distance.overlap.value), (1.0, 0.5));
        assert_eq!((found.gap.low, found.gap.high), (-0.5, -0.5));
        assert!(found.distance.kl.value > 1.0);
        // Their velocities are the same.
        assert_eq!(of(&human, &others, Feature::Velocity).gap.value, 0.0);
    }

    #[test]
    fn too_few_pieces_are_refused() {
        let one = [profile("60/62 0..80")];
        let refusal = |human, others| {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            compare(human, others, 10, &mut rng).unwrap_err().to_string()
        };
        let expected = "expected at least 2 human performances and 1 to compare, found 1 and 1";
        assert_eq!(refusal(&one, &one), expected);
        assert!(refusal(&[], &[]).ends_with("found 0 and 0"));
    }
}
