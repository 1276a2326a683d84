//! How far two distributions are apart.

/// Part of a uniform distribution that [`kl_divergence`] mixes into both sides, so that a bin which one side
/// lacks costs much and not everything. Larger hides rare faults; smaller lets one stray note decide.
pub const SMOOTHING: f64 = 0.01;

/// The area that two distributions share: 1 when they are equal, 0 when they have no bin in common.
///
/// ```
/// # use performance::statistics::overlap_area;
/// assert_eq!(overlap_area(&[0.5, 0.5, 0.0], &[0.25, 0.25, 0.5]), 0.5);
/// ```
#[must_use]
pub fn overlap_area(p: &[f64], q: &[f64]) -> f64 {
    debug_assert_eq!(p.len(), q.len());
    p.iter().zip(q).map(|(p, q)| p.min(*q)).sum()
}

/// Kullback-Leibler divergence of `q` from the reference `p`, in nats, both smoothed with [`SMOOTHING`].
///
/// ```
/// # use performance::statistics::kl_divergence;
/// assert_eq!(kl_divergence(&[0.5, 0.5], &[0.5, 0.5]), 0.0);
/// assert!(kl_divergence(&[1.0, 0.0], &[0.0, 1.0]).is_finite());
/// ```
#[must_use]
pub fn kl_divergence(p: &[f64], q: &[f64]) -> f64 {
    debug_assert_eq!(p.len(), q.len());
    let smooth = |x: f64| (1.0 - SMOOTHING) * x + SMOOTHING / p.len() as f64;
    let terms = p.iter().zip(q).map(|(&p, &q)| smooth(p) * (smooth(p) / smooth(q)).ln());
    terms.sum::<f64>().max(0.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn by_hand() {
        assert_eq!(overlap_area(&[1.0, 0.0], &[0.0, 1.0]), 0.0);
        assert!((overlap_area(&[0.2, 0.8], &[0.6, 0.4]) - 0.6).abs() < 1e-12);
        // Smoothed to 0.995 and 0.005: 0.99 ln(199).
        let expected = 0.99 * 199_f64.ln();
        assert!((kl_divergence(&[1.0, 0.0], &[0.0, 1.0]) - expected).abs() < 1e-12);
        // Smoothed to 0.25 · 0.99 + 0.005 = 0.2525 and 0.7475, against a half each.
        let expected = 0.2525 * (0.2525_f64 / 0.5).ln() + 0.7475 * (0.7475_f64 / 0.5).ln();
        assert!((kl_divergence(&[0.25, 0.75], &[0.5, 0.5]) - expected).abs() < 1e-12);
    }

    fn distributions() -> impl Strategy<Value = Vec<f64>> {
        prop::collection::vec(1_u32..1000, 6).prop_map(|counts| {
            let sum: u32 = counts.iter().sum();
            counts.iter().map(|&n| f64::from(n) / f64::from(sum)).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn distances_are_what_they_should(p in distributions(), q in distributions()) {
            prop_assert!((overlap_area(&p, &p) - 1.0).abs() < 1e-12);
            prop_assert!((0.0..=1.0 + 1e-12).contains(&overlap_area(&p, &q)));
            prop_assert_eq!(overlap_area(&p, &q), overlap_area(&q, &p));
            prop_assert!(kl_divergence(&p, &p) < 1e-12);
            prop_assert!(kl_divergence(&p, &q) >= 0.0);
            // Pinsker: the divergence is at least twice the square of the total variation.
            let smoothed_variation = 0.99 * (1.0 - overlap_area(&p, &q));
            prop_assert!(kl_divergence(&p, &q) + 1e-12 >= 2.0 * smoothed_variation * smoothed_variation);
        }
    }
}
