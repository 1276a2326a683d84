//! How sure a number is: intervals by drawing pieces again and again.

use rand::{Rng, RngExt};

/// A value and the interval in which 95 % of the draws fall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The value.
    pub value: f64,
    /// 2.5 % of the draws are below.
    pub low: f64,
    /// 2.5 % of the draws are above.
    pub high: f64,
}

impl Interval {
    /// Median and interval of draws; three NaNs for none.
    ///
    /// ```
    /// # use performance::statistics::Interval;
    /// let interval = Interval::of_draws((0..=1000).map(f64::from).collect());
    /// assert_eq!(interval, Interval { value: 500.0, low: 25.0, high: 975.0 });
    /// ```
    #[must_use]
    pub fn of_draws(mut draws: Vec<f64>) -> Self {
        draws.sort_by(f64::total_cmp);
        let at = |part: f64| {
            let last = draws.len().checked_sub(1)?;
            draws.get((part * last as f64).round() as usize).copied()
        };
        let at = |part| at(part).unwrap_or(f64::NAN);
        Self { value: at(0.5), low: at(0.025), high: at(0.975) }
    }

    /// The mean of one number for each piece, and its interval over `rounds` draws of as many pieces; three
    /// NaNs for none.
    #[must_use]
    pub fn of_mean(pieces: &[f64], rounds: usize, rng: &mut impl Rng) -> Self {
        if pieces.is_empty() {
            return Self::of_draws(Vec::new());
        }
        let mean = |idxs: &[usize]| idxs.iter().map(|&idx| pieces[idx]).sum::<f64>() / idxs.len() as f64;
        let idxs: Vec<usize> = (0..pieces.len()).collect();
        let draws = (0..rounds.max(1)).map(|_| mean(&resample(&idxs, idxs.len(), rng))).collect();
        Self { value: mean(&idxs), ..Self::of_draws(draws) }
    }
}

/// `n` of `items`, drawn with replacement; none of none.
///
/// ```
/// use rand::SeedableRng;
/// # use performance::statistics::resample;
/// let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(1);
/// assert_eq!(resample(&["piece"], 3, &mut rng), ["piece"; 3]);
/// ```
#[must_use]
pub fn resample<T: Clone>(items: &[T], n: usize, rng: &mut impl Rng) -> Vec<T> {
    if items.is_empty() {
        return Vec::new();
    }
    (0..n).map(|_| items[rng.random_range(0..items.len())].clone()).collect()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn the_interval_of_a_mean_is_its_standard_error() {
        // 100 pieces, half 0 and half 1: standard error 0.05, so 0.5 ± 0.098.
        let pieces: Vec<f64> = (0..100).map(|idx| f64::from(idx % 2)).collect();
        let interval = Interval::of_mean(&pieces, 4000, &mut ChaCha8Rng::seed_from_u64(1));
        assert_eq!(interval.value, 0.5);
        assert!(
            (interval.low - 0.402).abs() < 0.015 && (interval.high - 0.598).abs() < 0.015,
            "{interval:?}"
        );
    }

    #[test]
    fn a_seed_draws_the_same() {
        let draw = || Interval::of_mean(&[1.0, 2.0, 4.0], 100, &mut ChaCha8Rng::seed_from_u64(7));
        assert_eq!(draw(), draw());
    }

    #[test]
    fn nothing_has_no_mean() {
        let interval = Interval::of_mean(&[], 100, &mut ChaCha8Rng::seed_from_u64(1));
        assert!(interval.value.is_nan() && interval.low.is_nan() && interval.high.is_nan());
    }
}
