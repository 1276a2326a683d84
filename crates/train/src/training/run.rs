//! A run on one device: the training loop, read from top to bottom.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use burn::optim::GradientsParams;
use burn::tensor::{Device, Tensor};
use performance::Token;
use rand::SeedableRng;
use rnn::{Model, ModelConfig, State, weights};

use super::log::{Log, Window, bar, describe};
use super::loss::loss;
use super::metrics::Metric;
use super::progress::{Before, Progress};
use crate::config::Training;
use crate::corpus::{Corpus, Piece};
use crate::loader::{Batch, Cut, Loader};
use crate::optimizer::Adam;
use crate::replica::Replica;

/// Steps between two readings of the loss: reading waits for the device.
const REPORT_EVERY: u64 = 10;

pub(super) struct Run {
    pub(super) model: Model,
    pub(super) adam: Adam,
    pub(super) state: State,
    pub(super) training: Training,
    pub(super) progress: Progress,
    pub(super) device: Device,
    pub(super) replica: Replica,
}

impl Run {
    /// A run that begins with random weights.
    pub(super) fn start(config: &ModelConfig, training: Training, device: &Device) -> Self {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(training.seed);
        Self::with(config.init(&device.clone().autodiff(), &mut rng), training, device)
    }

    /// A run that begins with trained weights.
    pub(super) fn from_weights(path: &Path, training: Training, device: &Device) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let model =
            weights::load(&bytes, &device.clone().autodiff()).with_context(|| path.display().to_string())?;
        let mut run = Self::with(model, training, device);
        run.progress.before = Before::of(&bytes)?;
        Ok(run)
    }

    pub(super) fn with(mut model: Model, training: Training, device: &Device) -> Self {
        if !training.sounding {
            // Stays zero: an input that is always zero has no gradient.
            model.sounding = model.sounding.map(|old| {
                let tracked = old.is_require_grad();
                Tensor::zeros(old.dims(), &old.device()).set_require_grad(tracked)
            });
        }
        model.compute = training.compute();
        model.dropout = training.dropout;
        model.recompute = training.recompute;
        let adam = Adam::new(&model, training.adam());
        let state = State::zeros(&model.config, training.batch, device);
        Self {
            model,
            adam,
            state,
            training,
            progress: Progress::default(),
            device: device.clone(),
            replica: Replica::alone(),
        }
    }

    /// Trains to the end; returns everything in the metrics file.
    pub(super) fn train(
        &mut self,
        corpus: Arc<Corpus>,
        train: Vec<Piece>,
        checks: &[Vec<Token>],
        out: &Path,
    ) -> Result<Vec<Metric>> {
        let batches = self.batches(corpus, train)?;
        let bar = bar(self.training.events, self.progress.events);
        let mut log = Log::open(out, self.progress.before.events)?;
        let mut last_checkpoint = Instant::now();
        if self.progress.step == 0 {
            bar.set_message("validating");
            let validation = Some(self.validate(checks, out)?);
            log.add(&Metric { validation, ..self.metric() })?;
        }
        let mut window = Window::new();

        while self.progress.events < self.training.events {
            let batch = batches.recv().context("the data loader stopped")??;
            let rate = self.training.rate(self.progress.step, self.progress.events);
            let (loss, norm) = self.step(&batch, rate);
            window.add(loss, &batch);
            self.progress.position = batch.position;
            bar.set_position(self.progress.events);

            let is_due = self.progress.events - self.progress.last_validation >= self.training.validate_every
                || self.progress.events >= self.training.events;
            if is_due || self.progress.step.is_multiple_of(REPORT_EVERY) {
                let loss = window.mean_loss()?;
                if !loss.is_finite() || !norm.is_finite() {
                    bail!(
                        "the loss became {loss} at step {}; the last checkpoint is intact, go on from it with a lower learning rate",
                        self.progress.step
                    );
                }
                let mut metric = Metric {
                    train: Some(loss),
                    train_per_second: (window.seconds > 0.0)
                        .then(|| loss * window.events as f64 / window.seconds),
                    rate,
                    gradient_norm: norm,
                    events_per_s: window.events_per_s(),
                    ..self.metric()
                };
                if is_due {
                    bar.set_message("validating");
                    metric.validation = Some(self.validate(checks, out)?);
                }
                log.add(&metric)?;
                bar.set_message(describe(&metric, self.progress.best));
                if is_due {
                    bar.println(describe(&metric, self.progress.best));
                }
                window = Window::new();
            }
            let is_last = self.progress.events >= self.training.events;
            if is_last || last_checkpoint.elapsed() >= Duration::from_secs(self.training.checkpoint_secs) {
                self.checkpoint(out)?;
                last_checkpoint = Instant::now();
            }
        }
        bar.finish_and_clear();
        Ok(log.metrics)
    }

    /// Training on a further device; the first one does all the reporting and saving.
    pub(super) fn follow(&mut self, corpus: Arc<Corpus>, train: Vec<Piece>) -> Result<()> {
        let batches = self.batches(corpus, train)?;
        while self.progress.events < self.training.events {
            let batch = batches.recv().context("the data loader stopped")??;
            let rate = self.training.rate(self.progress.step, self.progress.events);
            self.step(&batch, rate);
        }
        Ok(())
    }

    fn batches(&self, corpus: Arc<Corpus>, train: Vec<Piece>) -> Result<mpsc::Receiver<Result<Batch>>> {
        let Training { batch, time, walk, controlled, augment, sounding, .. } = self.training;
        // Trained weights get other sequences than those they were trained on.
        let seed = self.training.seed.wrapping_add(self.progress.before.events);
        let cut = Cut { batch, time, walk, controlled, augment, sounding, share: self.replica.share() };
        let config = self.model.config.clone();
        Ok(prefetch(Loader::new(corpus, train, config, cut, seed, &self.progress.position)?))
    }

    /// Where the run stands, without anything measured.
    fn metric(&self) -> Metric {
        Metric { step: self.progress.step, events: self.progress.events, ..Metric::default() }
    }

    /// One optimizer step; the loss stays on the device.
    fn step(&mut self, batch: &Batch, rate: f64) -> (Tensor<1>, f32) {
        // Dropout depends on the step alone, so that a resumed run drops the same units.
        self.device.seed(self.training.seed.wrapping_add(self.progress.step));
        let (loss, state) = loss(&self.model, batch, self.state.clone(), &self.training, &self.device);
        let grads = GradientsParams::from_grads(loss.backward(), &self.model);
        let grads = self.replica.average(&self.model, grads);
        let (model, norm) = self.adam.step(self.model.clone(), grads, rate);
        self.model = model;
        self.state = state;
        self.progress.step += 1;
        // Rows past a piece's end count too, so that all devices agree on how far the run is.
        let rows = self.training.batch * self.training.time * self.replica.share().of;
        self.progress.events += rows as u64;
        (loss.inner(), norm)
    }
}

/// The loader on a thread of its own, two batches ahead.
fn prefetch(mut loader: Loader) -> mpsc::Receiver<Result<Batch>> {
    let (send, receive) = mpsc::sync_channel(2);
    std::thread::spawn(move || while send.send(loader.next_batch()).is_ok() {});
    receive
}

#[cfg(test)]
mod tests {
    use super::super::validation::BEST_FILE;
    use super::*;
    use crate::loader::tests::corpus;

    #[test]
    fn a_run_from_trained_weights_draws_other_sequences() {
        let (_corpus_dir, corpus) = corpus();
        let out = tempfile::tempdir().unwrap();
        let device = Device::flex();
        let config = ModelConfig { layers: 1, hidden: 8, ..ModelConfig::default() };
        let training = Training { batch: 3, time: 16, sample_secs: 0.0, ..Training::default() };
        let first = |run: &Run| {
            let batches = run.batches(Arc::clone(&corpus), corpus.pieces.clone()).unwrap();
            batches.recv().unwrap().unwrap().tokens
        };

        let mut run = Run::start(&config, training.clone(), &device);
        assert_eq!(
            first(&run),
            first(&Run::start(&config, training.clone(), &device)),
            "the seed alone decides"
        );
        run.progress.events = 48;
        run.validate(&[corpus.tokens(&corpus.pieces[0]).unwrap()], out.path()).unwrap();
        let more = Run::from_weights(&out.path().join(BEST_FILE), training, &device).unwrap();
        assert_eq!(more.progress.before.events, 48);
        assert_ne!(first(&run), first(&more));
    }
}
