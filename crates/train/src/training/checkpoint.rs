//! Stopping a run and going on with it.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Error, Result, anyhow, ensure};
use burn::tensor::Device;
use learn::{Learner, Training};
use pollster::block_on;

use super::run::Run;
use crate::files::{read_weights, write_atomically};

/// Everything needed to go on: weights, optimizer, state of the lanes, place in the data.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint.safetensors";

/// The fact that says which pieces the run learns from.
const DATA: &str = "data";

/// A state that was not used yet: it is kept when the step after it has a loss.
pub(super) struct Unproven(Vec<u8>);

impl Unproven {
    pub(super) fn keep(&self, out: &Path) -> Result<()> {
        write_atomically(&out.join(CHECKPOINT_FILE), &self.0)
    }
}

impl Run {
    pub(super) fn checkpoint(&self) -> Result<Unproven> {
        let mut file = Vec::new();
        let facts = BTreeMap::from([(DATA.to_owned(), self.data.clone())]);
        block_on(self.learner.checkpoint(facts, |part| file.extend_from_slice(part)))?;
        Ok(Unproven(file))
    }

    /// The run in a checkpoint, which learned from `data`.
    pub(super) fn resume(path: &Path, training: Training, data: &str, device: &Device) -> Result<Self> {
        let file = read_weights(path)?;
        let (_, facts) = rnn::weights::read_metadata(&file).with_context(|| path.display().to_string())?;
        // Files of older versions do not say.
        ensure!(
            facts.get(DATA).is_none_or(|known| known == data),
            "{} learned from other data, or they were prepared anew since; begin another run with --from, or give \
             --data as it was",
            path.display()
        );
        let learner = Learner::resume(&file, training, device);
        Ok(Self::of(learner.with_context(|| path.display().to_string())?, data))
    }
}

/// Why a run that went wrong stopped, and what is left of it.
pub(super) fn diverged(loss: f64, norm: f32, step: u64, out: &Path) -> Error {
    let what = if loss.is_finite() {
        format!("the gradient became {norm}")
    } else {
        format!("the loss became {loss}")
    };
    lost(&what, step, out)
}

/// The same for anything that went wrong.
pub(super) fn lost(what: &str, step: u64, out: &Path) -> Error {
    let way_out = if out.join(CHECKPOINT_FILE).exists() {
        "the last checkpoint is from before that: go on from it (--resume) with a lower learning rate"
    } else {
        "there is no checkpoint yet: begin again with a lower learning rate"
    };
    anyhow!("{what} at step {step}; {way_out}")
}
