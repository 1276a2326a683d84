//! What came of teaching, in plain words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A loss that falls by less than this share has not fallen.
const FALL: f64 = 0.003;

/// What came of it. Losses are on the music set aside, in nats per event.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Outcome {
    /// It learned.
    Learned {
        /// Before.
        from: f64,
        /// After.
        to: f64,
    },
    /// It learned, and was stopped by the visitor.
    Stopped {
        /// Before.
        from: f64,
        /// After.
        to: f64,
    },
    /// It began to learn by heart and was stopped there.
    ByHeart {
        /// Before.
        from: f64,
        /// At its best, which is kept.
        to: f64,
    },
    /// It learned nothing that holds for music it was not shown.
    TooLittle {
        /// Before.
        from: f64,
    },
}

/// Whether, and how, a run came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Planned,
    Stopped,
    ByHeart,
}

impl Outcome {
    /// Of a run that learned all it was to learn, from its first and its best measurement.
    #[must_use]
    pub fn planned(from: f64, best: f64) -> Self {
        Self::of(from, best, Ending::Planned)
    }

    /// Of a run that the visitor stopped.
    #[must_use]
    pub fn stopped(from: f64, best: f64) -> Self {
        Self::of(from, best, Ending::Stopped)
    }

    /// Of a run that began to learn by heart.
    #[must_use]
    pub fn by_heart(from: f64, best: f64) -> Self {
        Self::of(from, best, Ending::ByHeart)
    }

    fn of(from: f64, to: f64, ending: Ending) -> Self {
        match ending {
            _ if to > from * (1.0 - FALL) => Self::TooLittle { from },
            Ending::Planned => Self::Learned { from, to },
            Ending::Stopped => Self::Stopped { from, to },
            Ending::ByHeart => Self::ByHeart { from, to },
        }
    }

    /// Whether there are weights worth keeping.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        !matches!(self, Self::TooLittle { .. })
    }

    /// Losses before and after.
    #[must_use]
    pub fn nats(&self) -> (f64, f64) {
        match *self {
            Self::Learned { from, to } | Self::Stopped { from, to } | Self::ByHeart { from, to } => {
                (from, to)
            }
            Self::TooLittle { from } => (from, from),
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Learned { from, to } => write!(
                f,
                "Learned: from {from:.2} to {to:.2} nats per event on music of yours that it was not shown."
            ),
            Self::Stopped { from, to } => write!(
                f,
                "Stopped. It learned: from {from:.2} to {to:.2} nats per event on music of yours that it was \
                 not shown."
            ),
            Self::ByHeart { from, to } => write!(
                f,
                "It began to learn by heart and was stopped there. What is kept went from {from:.2} to {to:.2} \
                 nats per event on music of yours that it was not shown."
            ),
            Self::TooLittle { .. } => write!(
                f,
                "Too little music: it learned nothing that helps with music of yours that it was not shown. \
                 More pieces would help."
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_told_apart() {
        let said =
            |outcome: Outcome| outcome.to_string().split([':', '.']).next().unwrap_or_default().to_owned();
        assert_eq!(said(Outcome::planned(2.55, 2.36)), "Learned");
        assert_eq!(said(Outcome::stopped(2.55, 2.40)), "Stopped");
        assert_eq!(said(Outcome::by_heart(2.55, 2.50)), "It began to learn by heart and was stopped there");
        for outcome in [Outcome::planned, Outcome::stopped, Outcome::by_heart] {
            assert_eq!(said(outcome(2.55, 2.549)), "Too little music");
        }
    }
}
