//! Stopping a run and going on with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use burn::tensor::Device;
use learn::{Learner, Training};
use pollster::block_on;

use super::run::Run;
use crate::files::write_atomically;

/// Everything needed to go on: weights, optimizer, state of the lanes, place in the data.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint.safetensors";

impl Run {
    pub(super) fn checkpoint(&self, out: &Path) -> Result<()> {
        let mut file = Vec::new();
        block_on(self.learner.checkpoint(BTreeMap::new(), |part| file.extend_from_slice(part)))?;
        write_atomically(&out.join(CHECKPOINT_FILE), &file)
    }

    pub(super) fn resume(path: &Path, training: Training, device: &Device) -> Result<Self> {
        let learner = Learner::resume(&fs::read(path)?, training, device);
        Ok(Self::of(learner.with_context(|| path.display().to_string())?))
    }
}
