//! Settings of a training run.

use rnn::Compute;
use serde::{Deserialize, Serialize};

use crate::{Error, optimizer};

/// How the network is trained.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Training {
    /// Chooses initial weights, crops and augmentation.
    pub seed: u64,
    /// Sequences side by side. Larger uses the machine better; smaller learns more from each event.
    pub batch: usize,
    /// Events that gradients flow back through.
    pub time: usize,
    /// Events of a sequence, with the network's state carried along, before another is drawn.
    pub walk: usize,
    /// Events to train on in all.
    pub events: u64,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Steps over which the rate rises from zero.
    pub warm_up: u64,
    /// Share of the run, at its end, over which the rate falls to a hundredth.
    pub decay: f64,
    /// In which way it falls.
    pub schedule: Schedule,
    /// Share of each matrix that a step at the highest rate of 1 would take away (AdamW); biases are left
    /// alone.
    pub weight_decay: f32,
    /// Share of hidden units left out at random between layers.
    pub dropout: f64,
    /// Gradients are scaled down to this norm.
    pub clip: f32,
    /// Share of the averaged weights kept at each step; larger averages over longer.
    pub average: f32,
    /// Precision of the matrix products' factors: `auto` is the fastest on this CPU.
    pub precision: Precision,
    /// Whether the backward pass runs layers forward once more instead of keeping what it needs: less memory,
    /// more work, the same bits.
    pub recompute: bool,
    /// Other keys and paces.
    pub augment: bool,
    /// Whether the network has the sounding-notes input. Without it, that part of its input is zero, as are
    /// its weights, so that every program plays the file.
    pub sounding: bool,
    /// Whether a network that does not remember what was played before gets an input for it, zero at first.
    pub memory: bool,
    /// Share of sequences in which a network that remembers sees what was played before; in the others it plays
    /// without.
    pub remembering: f64,
    /// Share of sequences that see controls.
    pub controlled: f64,
    /// Composers with at least this many training events get a control.
    pub composer_events: usize,
    /// Events between two validations.
    pub validate_every: u64,
    /// Events to validate on while training, spread over the validation pieces.
    pub validation_events: usize,
    /// Pieces to choose the best weights on: those whose path begins with this.
    pub validation_prefix: String,
    /// Seconds between two checkpoints.
    pub checkpoint_secs: u64,
    /// Seconds of music that the network plays into `samples/` at each validation; 0 for none.
    pub sample_secs: f64,
}

impl Default for Training {
    fn default() -> Self {
        Self {
            seed: 1,
            batch: 24,
            time: 128,
            walk: 4096,
            events: 30_000_000,
            learning_rate: 2e-3,
            warm_up: 200,
            decay: 0.3,
            schedule: Schedule::Linear,
            weight_decay: 0.0,
            dropout: 0.0,
            clip: 1.0,
            average: 0.998,
            precision: Precision::Auto,
            recompute: false,
            augment: true,
            sounding: true,
            memory: false,
            remembering: 0.85,
            controlled: 0.3,
            composer_events: 300_000,
            validate_every: 1_000_000,
            validation_events: 60_000,
            validation_prefix: "validation/".to_owned(),
            checkpoint_secs: 240,
            sample_secs: 20.0,
        }
    }
}

/// How the learning rate falls at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Schedule {
    /// In a straight line.
    Linear,
    /// Along half a cosine wave (Loshchilov & Hutter, arXiv 1608.03983).
    Cosine,
}

/// What the factors of matrix products are rounded to; sums are always in 32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// The fastest on this CPU.
    Auto,
    /// 32 bits.
    F32,
    /// 16 bits (bfloat16).
    Bf16,
}

impl Training {
    /// # Errors
    /// If a setting is out of its range, or no number.
    pub fn check(&self) -> Result<(), Error> {
        // Neither is true of what is no number.
        let refused = |name, expected, found: f64| {
            Err(Error::Network(rnn::Error::Setting { name, expected, found: found.to_string() }))
        };
        let within = |name: &'static str, found: f64, from: f64, to: f64| match found {
            found if (from..=to).contains(&found) => Ok(()),
            _ => refused(name, format!("of {from} to {to}"), found),
        };
        let above_0 = |name: &'static str, found: f64, to: f64| match found {
            found if found > 0.0 && found <= to => Ok(()),
            _ => refused(name, format!("above 0, up to {to}"), found),
        };
        within("a batch", self.batch as f64, 1.0, 4096.0)?;
        within("a time", self.time as f64, 2.0, 65_536.0)?;
        within("a walk", self.walk as f64, 1.0, 1e9)?;
        within("events", self.events as f64, 1.0, 1e15)?;
        above_0("a learning rate", self.learning_rate, 1e38)?;
        within("decay", self.decay, 0.0, 1.0)?;
        within("weight decay", self.weight_decay.into(), 0.0, 10.0)?;
        within("dropout", self.dropout, 0.0, 0.9)?;
        above_0("clip", self.clip.into(), 1e9)?;
        within("average", self.average.into(), 0.0, 1.0)?;
        within("controlled", self.controlled, 0.0, 1.0)?;
        within("remembering", self.remembering, 0.0, 1.0)?;
        within("events between validations", self.validate_every as f64, 1.0, 1e15)?;
        within("validation events", self.validation_events as f64, 2.0, 1e12)?;
        within("seconds between checkpoints", self.checkpoint_secs as f64, 0.0, 1e9)?;
        within("seconds of samples", self.sample_secs, 0.0, 3600.0)
    }

    /// What the factors of matrix products are rounded to, on this CPU.
    #[must_use]
    pub fn compute(&self) -> Compute {
        match self.precision {
            Precision::Auto => Compute::fastest(),
            Precision::F32 => Compute::F32,
            Precision::Bf16 => Compute::Bf16,
        }
    }

    /// Whether the same numbers draw the same sequences.
    #[must_use]
    pub fn draws_like(&self, other: &Self) -> bool {
        let choices = |t: &Self| (t.seed, t.batch, t.time, t.walk, t.augment, t.controlled, t.remembering);
        choices(self) == choices(other)
    }

    /// Of the optimizer.
    #[must_use]
    pub fn adam(&self) -> optimizer::Settings {
        optimizer::Settings { clip: self.clip, weight_decay: self.weight_decay, average: self.average }
    }

    /// Learning rate at `event` (counted from the start) and `step`: warm-up, plateau, decay.
    #[must_use]
    pub fn rate(&self, step: u64, event: u64) -> f64 {
        let warm = (step + 1) as f64 / self.warm_up.max(1) as f64;
        let left = 1.0 - event as f64 / self.events.max(1) as f64;
        let cool = if self.decay > 0.0 { (left / self.decay).clamp(0.0, 1.0) } else { 1.0 };
        let cool = match self.schedule {
            Schedule::Linear => cool,
            Schedule::Cosine => 0.5 - 0.5 * (std::f64::consts::PI * cool).cos(),
        };
        self.learning_rate * warm.min(cool.max(0.01)).min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_hang_or_learn_nothing_are_refused() {
        let t = Training::default;
        t().check().unwrap();
        let refused = [
            Training { walk: 0, ..t() },
            Training { sample_secs: f64::INFINITY, ..t() },
            Training { sample_secs: -1.0, ..t() },
            Training { clip: -1.0, ..t() },
            Training { clip: 0.0, ..t() },
            Training { clip: f32::NAN, ..t() },
            Training { weight_decay: f32::NAN, ..t() },
            Training { weight_decay: -0.1, ..t() },
            Training { learning_rate: f64::NAN, ..t() },
            Training { learning_rate: f64::INFINITY, ..t() },
            Training { average: f32::NAN, ..t() },
            Training { dropout: 1.0, ..t() },
            Training { decay: f64::NAN, ..t() },
            Training { controlled: f64::NAN, ..t() },
            Training { batch: 0, ..t() },
            Training { time: 1, ..t() },
            Training { events: 0, ..t() },
            Training { validate_every: 0, ..t() },
            Training { validation_events: 0, ..t() },
        ];
        for training in refused {
            assert!(training.check().is_err(), "{training:?}");
        }
    }

    #[test]
    fn the_rate_rises_stays_and_falls() {
        let training =
            Training { events: 1000, warm_up: 10, decay: 0.5, learning_rate: 1.0, ..Training::default() };
        let rates = [(0, 0), (4, 50), (20, 200), (75, 750), (100, 1000)]
            .map(|(step, event)| training.rate(step, event));
        assert_eq!(rates, [0.1, 0.5, 1.0, 0.5, 0.01]);
        let training = Training { schedule: Schedule::Cosine, ..training };
        let rates = [500, 625, 750, 1000].map(|event| training.rate(100, event));
        for (rate, expected) in rates.iter().zip([1.0, 0.853_553, 0.5, 0.01]) {
            assert!((rate - expected).abs() < 1e-6, "{rates:?}");
        }
    }
}
