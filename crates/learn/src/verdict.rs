//! What a run's curve says, in one sentence.

use std::fmt;

/// Validation is higher than at its best by more than this share: it has risen.
const RISE: f64 = 0.01;
/// Validation has fallen by more than this share over the last quarter of the run: it still falls.
const FALL: f64 = 0.003;

/// Whether the network learned, is still learning, or has begun to overfit. Losses are in nats per event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// There is no validation.
    NotValidated,
    /// There are too few validations.
    TooFew,
    /// Validation never fell.
    NotLearning {
        /// The first validation.
        first: f64,
        /// The best one.
        best: f64,
    },
    /// Validation fell and rose again.
    Overfitting {
        /// The best validation.
        best: f64,
        /// After how many events it was.
        at: u64,
        /// The last validation.
        last: f64,
    },
    /// Validation was falling at the end.
    StillLearning {
        /// The first validation.
        first: f64,
        /// The best one.
        best: f64,
    },
    /// Validation fell and has settled.
    Learned {
        /// The first validation.
        first: f64,
        /// The best one.
        best: f64,
    },
}

impl Verdict {
    /// Of validations: after how many events each was, and its loss.
    #[must_use]
    pub fn of(checks: &[(u64, f64)]) -> Self {
        let (Some(&first), Some(&last)) = (checks.first(), checks.last()) else { return Self::NotValidated };
        if checks.len() < 3 {
            return Self::TooFew;
        }
        let best =
            checks.iter().copied().fold(first, |best, check| if check.1 < best.1 { check } else { best });
        let last_quarter = checks.iter().rfind(|&&(events, _)| 4 * events <= 3 * last.0).unwrap_or(&first);
        let (first, (at, best), last) = (first.1, best, last.1);
        if best >= first * (1.0 - FALL) {
            Self::NotLearning { first, best }
        } else if last > best * (1.0 + RISE) {
            Self::Overfitting { best, at, last }
        } else if best < last_quarter.1 * (1.0 - FALL) {
            Self::StillLearning { first, best }
        } else {
            Self::Learned { first, best }
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotValidated => {
                write!(f, "Nothing was validated, so there is nothing to say about learning.")
            }
            Self::TooFew => write!(
                f,
                "Too few validations to tell learning from overfitting: train longer, or set validate_every lower."
            ),
            Self::NotLearning { first, best } => write!(
                f,
                "Not learning: validation began at {first:.3} nats/event and never fell below {best:.3}. A lower learning rate or more music may help."
            ),
            Self::Overfitting { best, at, last } => write!(
                f,
                "Overfitting: validation was best at {best:.3} nats/event after {at} events and has risen to {last:.3}; the best weights are the ones kept. More music, dropout or fewer events would help."
            ),
            Self::StillLearning { first, best } => write!(
                f,
                "Still learning: validation fell from {first:.3} to {best:.3} nats/event and was falling at the end; more events would help."
            ),
            Self::Learned { first, best } => {
                write!(f, "Learned: validation fell from {first:.3} to {best:.3} nats/event and has settled.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(validations: &[f64], expected: &str) {
        let checks: Vec<(u64, f64)> =
            validations.iter().enumerate().map(|(i, &nats)| (i as u64 * 100, nats)).collect();
        let said = Verdict::of(&checks).to_string();
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
