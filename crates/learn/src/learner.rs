//! A run on one device: the network, its optimizer, and how far they are.

use std::collections::BTreeMap;

use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use rand::SeedableRng;
use rnn::weights::{self, Precision};
use rnn::{Compute, Model, ModelConfig, State};

use crate::{Adam, Batch, Before, Cut, Error, Loader, Progress, Share, Source, Training, loss};

/// A network that learns. Whoever has one gives it batches, and decides when to measure it and to keep it.
pub struct Learner {
    /// With gradients.
    pub model: Model,
    /// How it learns.
    pub training: Training,
    /// How far it is.
    pub progress: Progress,
    adam: Adam,
    state: State,
    device: Device,
}

impl Learner {
    /// A run that begins with random weights.
    #[must_use]
    pub fn start(config: &ModelConfig, training: Training, device: &Device) -> Self {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(training.seed);
        Self::with(config.init(&device.clone().autodiff(), &mut rng), training, device)
    }

    /// A run that begins with the weights in a file; `sha256` is the file's, where it was computed.
    ///
    /// # Errors
    /// If the bytes are no weight file.
    pub fn from_weights(
        file: &[u8],
        sha256: Option<String>,
        training: Training,
        device: &Device,
    ) -> Result<Self, Error> {
        let model = weights::load(file, &device.clone().autodiff())?;
        let mut learner = Self::with(model, training, device);
        learner.progress.before = Before::of(file, sha256)?;
        Ok(learner)
    }

    fn with(mut model: Model, training: Training, device: &Device) -> Self {
        if !training.sounding {
            // Stays zero: an input that is always zero has no gradient.
            model.sounding = model.sounding.map(|old| {
                let tracked = old.is_require_grad();
                Tensor::zeros(old.dims(), &old.device()).set_require_grad(tracked)
            });
        }
        if training.memory {
            model = model.remembering();
        }
        model.compute = training.compute();
        model.dropout = training.dropout;
        model.recompute = training.recompute;
        let adam = Adam::new(&model, training.adam());
        let state = State::zeros(&model.config, training.batch, device);
        Self { model, training, progress: Progress::default(), adam, state, device: device.clone() }
    }

    /// Only so many layers from the top learn, and the head. What lies below stays as it is.
    pub fn hold_below(&mut self, upper: usize) {
        let model = &mut self.model;
        let held = model.layers.len().saturating_sub(upper);
        if held == 0 {
            return;
        }
        for inputs in [&mut model.token, &mut model.sounding, &mut model.controls] {
            *inputs = inputs.clone().no_grad();
        }
        for layer in &mut model.layers[..held] {
            *layer = layer.clone().no_grad();
        }
    }

    /// The loader of the run's batches, from where the run stands; `share` is this device's of all.
    ///
    /// # Errors
    /// If no piece is long enough, or one cannot be read.
    pub fn loader(&self, source: Box<dyn Source>, share: Share) -> Result<Loader, Error> {
        let Training { batch, time, walk, controlled, augment, sounding, remembering, .. } = self.training;
        // Trained weights get other sequences than those they were trained on.
        let seed = self.training.seed.wrapping_add(self.progress.before.events);
        let cut = Cut { batch, time, walk, controlled, augment, sounding, remembering, share };
        Loader::new(source, self.model.config.clone(), cut, seed, &self.progress.position)
    }

    /// The learning rate of the next step.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.training.rate(self.progress.step, self.progress.events)
    }

    /// One optimizer step at a rate. Returns the loss, which stays on the device, and the gradients' norm.
    /// `average` is given this device's gradients and returns those of all `n_devices`.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn step(
        &mut self,
        batch: &Batch,
        rate: f64,
        n_devices: usize,
        average: impl FnOnce(&Model, GradientsParams) -> GradientsParams,
    ) -> Result<(Tensor<1>, f32), Error> {
        // Dropout depends on the step alone, so that a resumed run drops the same units.
        self.device.seed(self.training.seed.wrapping_add(self.progress.step));
        let (loss, state) = loss(&self.model, batch, self.state.clone(), &self.training, &self.device);
        let grads = GradientsParams::from_grads(loss.backward(), &self.model);
        let grads = average(&self.model, grads);
        let (model, norm) = self.adam.step(self.model.clone(), grads, rate).await?;
        self.model = model;
        self.state = state;
        self.progress.step += 1;
        // Rows past a piece's end count too, so that all devices agree on how far the run is.
        let rows = self.training.batch * self.training.time * n_devices;
        self.progress.events += rows as u64;
        self.progress.position = batch.position.clone();
        Ok((loss.inner(), norm))
    }

    /// The averaged weights, without gradients.
    #[must_use]
    pub fn averaged(&self) -> Model {
        let mut model = self.adam.averaged(self.model.valid());
        model.compute = Compute::F32;
        model
    }

    /// A weight file of averaged weights with this validation loss, as the page and the command load it.
    ///
    /// # Errors
    /// If it cannot be put together, or the device does not return a tensor.
    pub async fn weights(&self, averaged: &Model, validation_nats: f64) -> Result<Vec<u8>, Error> {
        let Progress { step, events, before, .. } = &self.progress;
        let mut facts = BTreeMap::from([
            ("step".to_owned(), (before.steps + step).to_string()),
            ("events".to_owned(), (before.events + events).to_string()),
            ("validation_nats".to_owned(), format!("{validation_nats:.4}")),
        ]);
        if let Some(license) = &before.license {
            facts.insert("license".to_owned(), license.clone());
        }
        if let Some(sha256) = &before.sha256 {
            facts.insert("from_events".to_owned(), before.events.to_string());
            facts.insert("from_sha256".to_owned(), sha256.clone());
        }
        let mut tensors = Vec::new();
        for handle in weights::handles(averaged) {
            tensors.push(handle.read().await?);
        }
        Ok(weights::save_tensors(&averaged.config, &tensors, Precision::Half, &facts)?)
    }

    /// Everything needed to go on: weights, optimizer, state of the lanes, place in the data, and `facts`.
    /// `put` gets the file's parts one after another, so that it is never in memory as a whole.
    ///
    /// # Errors
    /// If it cannot be put together, or the device does not return a tensor.
    pub async fn checkpoint(
        &self,
        mut facts: BTreeMap<String, String>,
        mut put: impl FnMut(&[u8]),
    ) -> Result<(), Error> {
        facts.insert("progress".to_owned(), serde_json::to_string(&self.progress)?);
        facts.insert("training".to_owned(), serde_json::to_string(&self.training)?);
        let mut tensors = weights::handles(&self.model);
        tensors.extend(self.adam.handles());
        tensors.extend(self.state.handles());
        put(&weights::header(&self.model.config, &tensors, &facts)?);
        for handle in tensors {
            put(&handle.bytes().await?);
        }
        Ok(())
    }

    /// The run in a checkpoint, with these settings.
    ///
    /// # Errors
    /// If the bytes are no checkpoint.
    pub fn resume(file: &[u8], training: Training, device: &Device) -> Result<Self, Error> {
        let (config, facts) = weights::read_metadata(file)?;
        let model = weights::load(file, &device.clone().autodiff())?;
        let progress: Progress = facts
            .get("progress")
            .and_then(|json| serde_json::from_str(json).ok())
            .ok_or(Error::NoCheckpoint)?;
        debug_assert_eq!(model.config, config);
        let mut learner = Self::with(model, training, device);
        let tensor = |name: &str| Ok(weights::load_tensor(file, name)?.values);
        learner.adam.restore(progress.step, device, tensor)?;
        let drawn: Option<Training> = facts.get("training").and_then(|json| serde_json::from_str(json).ok());
        let is_drawn_alike = drawn.is_none_or(|drawn| drawn.draws_like(&learner.training));
        // The lanes are those of the first device.
        if progress.position.lanes() == learner.training.batch && is_drawn_alike {
            learner.state = State::restore(&config, learner.training.batch, device, tensor)?;
            learner.progress = progress;
        } else {
            // Other sequences: the lanes begin anew, the rest goes on.
            learner.progress = Progress { position: progress.position.without_lanes(), ..progress };
        }
        Ok(learner)
    }
}
