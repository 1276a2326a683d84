//! How far a run is.

use rnn::weights;
use serde::{Deserialize, Serialize};

use crate::{Error, Position};

/// The part of a checkpoint that is no tensor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// Optimizer steps.
    pub step: u64,
    /// Events trained on.
    pub events: u64,
    /// What the run began with.
    #[serde(default)]
    pub before: Before,
    /// The best validation so far, in nats per event.
    pub best: Option<f64>,
    /// After how many events the last validation was.
    pub last_validation: u64,
    /// Where the loader stands.
    pub position: Position,
}

/// The training of the weights that a run began with; nothing, if they were random.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Before {
    /// Optimizer steps.
    pub steps: u64,
    /// Events trained on.
    pub events: u64,
    /// Of their file, where it was computed.
    pub sha256: Option<String>,
    /// Under which terms they may be used, and so what is made of them.
    #[serde(default)]
    pub license: Option<String>,
}

impl Before {
    /// Reads the facts of a weight file.
    ///
    /// # Errors
    /// If the bytes are no weight file.
    pub fn of(file: &[u8], sha256: Option<String>) -> Result<Self, Error> {
        let (_, facts) = weights::read_metadata(file)?;
        let number = |key: &str| facts.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        let license = facts.get("license").cloned();
        Ok(Self { steps: number("step"), events: number("events"), sha256, license })
    }
}
