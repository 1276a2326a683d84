//! What a run's curves say, in one sentence.

use super::metrics::Metric;

/// Validation is higher than at its best by more than this share: it has risen.
const RISE: f64 = 0.01;
/// Validation has fallen by more than this share over the last quarter of the run: it still falls.
const FALL: f64 = 0.003;

/// Whether the network learned, is still learning, or has begun to overfit.
pub(crate) fn verdict(metrics: &[Metric]) -> String {
    let checks: Vec<(u64, f64)> =
        metrics.iter().filter_map(|metric| Some((metric.events, metric.validation?))).collect();
    let (Some(&first), Some(&last)) = (checks.first(), checks.last()) else {
        return "Nothing was validated, so there is nothing to say about learning.".to_owned();
    };
    if checks.len() < 3 {
        return "Too few validations to tell learning from overfitting: train longer, or set validate_every lower."
            .to_owned();
    }
    let best = checks.iter().copied().fold(first, |best, check| if check.1 < best.1 { check } else { best });
    let last_quarter = checks.iter().rfind(|&&(events, _)| 4 * events <= 3 * last.0).unwrap_or(&first);
    if best.1 >= first.1 * (1.0 - FALL) {
        format!(
            "Not learning: validation began at {:.3} nats/event and never fell below {:.3}. A lower learning rate or more music may help.",
            first.1, best.1
        )
    } else if last.1 > best.1 * (1.0 + RISE) {
        format!(
            "Overfitting: validation was best at {:.3} nats/event after {} events and has risen to {:.3}; the best weights are the ones kept. More music, dropout or fewer events would help.",
            best.1, best.0, last.1
        )
    } else if best.1 < last_quarter.1 * (1.0 - FALL) {
        format!(
            "Still learning: validation fell from {:.3} to {:.3} nats/event and was falling at the end; more events would help.",
            first.1, best.1
        )
    } else {
        format!("Learned: validation fell from {:.3} to {:.3} nats/event and has settled.", first.1, best.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(validations: &[f64], expected: &str) {
        let metrics: Vec<Metric> = validations
            .iter()
            .enumerate()
            .map(|(i, &nats)| Metric { events: i as u64 * 100, validation: Some(nats), ..Metric::default() })
            .collect();
        let said = verdict(&metrics);
        assert!(said.starts_with(expected), "{validations:?}: {said}");
    }

    #[test]
    fn curves_are_told_apart() {
        check(&[], "Nothing was validated");
        check(&[3.0, 2.9], "Too few");
        check(&[3.0, 3.1, 3.2, 3.1, 3.05], "Not learning");
        check(&[3.0, 2.8, 2.7, 2.65, 2.5], "Still learning");
        check(&[3.0, 2.8, 2.7, 2.7, 2.698], "Learned");
        check(
            &[3.0, 2.5, 2.6, 2.7, 2.8],
            "Overfitting: validation was best at 2.500 nats/event after 100 events and has risen to 2.800",
        );
    }
}
