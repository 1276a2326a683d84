//! How far a run is.

use anyhow::Result;
use rnn::weights;
use serde::{Deserialize, Serialize};

use crate::loader::Position;
use crate::provenance;

/// The part of a checkpoint that is no tensor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) step: u64,
    pub(super) events: u64,
    /// What the run began with.
    #[serde(default)]
    pub(super) before: Before,
    pub(super) best: Option<f64>,
    pub(super) last_validation: u64,
    pub(super) position: Position,
}

/// The training of the weights that a run began with; nothing, if they were random.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    pub(super) steps: u64,
    pub(super) events: u64,
    /// Of their file.
    pub(super) sha256: Option<String>,
}

impl Before {
    /// Reads the facts of a weight file.
    pub(super) fn of(file: &[u8]) -> Result<Self> {
        let (_, facts) = weights::read_metadata(file)?;
        let number = |key: &str| facts.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        Ok(Self { steps: number("step"), events: number("events"), sha256: Some(provenance::sha256(file)) })
    }
}
