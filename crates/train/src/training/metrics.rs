//! The metrics file of a run: what was measured, and when.

use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::files::read_text;

/// One JSON object per line: training losses and validations.
pub(crate) const METRICS_FILE: &str = "metrics.jsonl";

/// One line of the metrics file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Metric {
    pub(crate) step: u64,
    pub(crate) events: u64,
    /// Nats per event of the training crops since the last line; none before the first step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) train: Option<f64>,
    /// The same per second of music.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) train_per_second: Option<f64>,
    pub(crate) rate: f64,
    pub(crate) gradient_norm: f32,
    pub(crate) events_per_s: f64,
    /// Nats per event on the validation events, with averaged weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) validation: Option<f64>,
}

/// The lines of a metrics file; a last line that a kill cut short is left out.
pub(crate) fn read(path: &Path) -> Result<Vec<Metric>> {
    let text = read_text(path)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}
