//! Stopping a run and going on with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use rnn::State;
use rnn::weights::{self, Precision};

use super::progress::Progress;
use super::run::Run;
use crate::config::Training;
use crate::files::write_atomically;

/// Everything needed to go on: weights, optimizer, state of the lanes, place in the data.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint.safetensors";

impl Run {
    pub(super) fn checkpoint(&self, out: &Path) -> Result<()> {
        let mut tensors = weights::tensors(&self.model);
        tensors.extend(self.adam.tensors());
        tensors.extend(self.state.tensors());
        let facts = BTreeMap::from([
            ("progress".to_owned(), serde_json::to_string(&self.progress)?),
            ("training".to_owned(), serde_json::to_string(&self.training)?),
        ]);
        write_atomically(
            &out.join(CHECKPOINT_FILE),
            &weights::save_tensors(&self.model.config, &tensors, Precision::Full, &facts)?,
        )
    }

    pub(super) fn resume(path: &Path, training: Training, device: &Device) -> Result<Self> {
        let bytes = fs::read(path)?;
        let (config, facts) = weights::read_metadata(&bytes)?;
        let model = weights::load(&bytes, &device.clone().autodiff())?;
        let progress: Progress = facts
            .get("progress")
            .and_then(|json| serde_json::from_str(json).ok())
            .with_context(|| format!("{} is no checkpoint of a training run", path.display()))?;
        debug_assert_eq!(model.config, config);
        let mut run = Self::with(model, training, device);
        let tensor = |name: &str| Ok(weights::load_tensor(&bytes, name)?.values);
        run.adam.restore(progress.step, device, tensor)?;
        let drawn: Option<Training> = facts.get("training").and_then(|json| serde_json::from_str(json).ok());
        let is_drawn_alike = drawn.is_none_or(|drawn| drawn.draws_like(&run.training));
        // The lanes are those of the first device.
        if progress.position.lanes() == run.training.batch && is_drawn_alike {
            run.state = State::restore(&config, run.training.batch, device, |name| {
                Ok::<_, anyhow::Error>(weights::load_tensor(&bytes, name)?.values)
            })?;
            run.progress = progress;
        } else {
            // Other sequences: the lanes begin anew, the rest goes on.
            run.progress = Progress { position: progress.position.without_lanes(), ..progress };
        }
        Ok(run)
    }
}
