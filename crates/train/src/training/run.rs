//! A run on one device: the training loop, read from top to bottom.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use burn::tensor::{Device, Tensor};
use learn::{Batch, Learner, Loader, Progress, Training};
use performance::Token;
use pollster::block_on;
use rnn::ModelConfig;

use super::checkpoint::{Unproven, diverged};
use super::log::{Log, Window, bar, describe};
use super::metrics::Metric;
use crate::corpus::{Corpus, Piece, Pieces};
use crate::files::read_weights;
use crate::provenance;
use crate::replica::Replica;

/// Steps between two readings of the loss: reading waits for the device.
const REPORT_EVERY: u64 = 10;

pub(super) struct Run {
    pub(super) learner: Learner,
    /// Which pieces it learns from ([`Corpus::fingerprint`]).
    pub(super) data: String,
    pub(super) replica: Replica,
}

impl Run {
    pub(super) fn of(learner: Learner, data: &str) -> Self {
        Self { learner, data: data.to_owned(), replica: Replica::alone() }
    }

    /// A run that begins with random weights.
    pub(super) fn start(config: &ModelConfig, training: Training, data: &str, device: &Device) -> Self {
        Self::of(Learner::start(config, training, device), data)
    }

    /// A run that begins with trained weights.
    pub(super) fn from_weights(path: &Path, training: Training, data: &str, device: &Device) -> Result<Self> {
        let bytes = read_weights(path)?;
        let sha256 = Some(provenance::sha256(&bytes));
        let learner = Learner::from_weights(&bytes, sha256, training, device);
        Ok(Self::of(learner.with_context(|| path.display().to_string())?, data))
    }

    pub(super) fn training(&self) -> &Training {
        &self.learner.training
    }

    fn progress(&self) -> &Progress {
        &self.learner.progress
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
        let bar = bar(self.training().events, self.progress().events);
        let mut log = Log::open(out, self.progress().before.events, self.progress().step)?;
        let mut last_checkpoint = Instant::now();
        if self.progress().step == 0 {
            bar.set_message("validating");
            let validation = Some(self.validate(checks, out)?);
            log.add(&Metric { validation, ..self.metric() })?;
        }
        let mut window = Window::new();
        let mut unproven: Option<Unproven> = None;

        while self.progress().events < self.training().events {
            let batch = batches.recv().context("the data loader stopped")??;
            let rate = self.learner.rate();
            let (loss, norm) = self.step(&batch, rate)?;
            let step = self.progress().step;
            window.add(loss, &batch);
            bar.set_position(self.progress().events);
            if !norm.is_finite() {
                return Err(diverged(window.last_loss()?, norm, step, out));
            }

            let is_due = self.progress().events - self.progress().last_validation
                >= self.training().validate_every
                || self.progress().events >= self.training().events;
            if let Some(state) = unproven.take() {
                let loss = window.last_loss()?;
                if !loss.is_finite() {
                    return Err(diverged(loss, norm, step, out));
                }
                state.keep(out)?;
            }
            if is_due || step.is_multiple_of(REPORT_EVERY) {
                let loss = window.mean_loss()?;
                if !loss.is_finite() {
                    return Err(diverged(loss, norm, step, out));
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
                bar.set_message(describe(&metric, self.progress().best));
                if is_due {
                    bar.println(describe(&metric, self.progress().best));
                }
                window = Window::new();
            }
            let is_last = self.progress().events >= self.training().events;
            if is_last || last_checkpoint.elapsed() >= Duration::from_secs(self.training().checkpoint_secs) {
                let state = self.checkpoint()?;
                if is_last {
                    // Just validated.
                    state.keep(out)?;
                } else {
                    unproven = Some(state);
                }
                last_checkpoint = Instant::now();
            }
        }
        bar.finish_and_clear();
        Ok(log.metrics)
    }

    /// Training on a further device; the first one does all the reporting and saving.
    pub(super) fn follow(&mut self, corpus: Arc<Corpus>, train: Vec<Piece>) -> Result<()> {
        let batches = self.batches(corpus, train)?;
        while self.progress().events < self.training().events {
            let batch = batches.recv().context("the data loader stopped")??;
            let rate = self.learner.rate();
            self.step(&batch, rate)?;
        }
        Ok(())
    }

    fn batches(&self, corpus: Arc<Corpus>, train: Vec<Piece>) -> Result<Batches> {
        let source = Box::new(Pieces::new(corpus, train));
        Ok(prefetch(self.learner.loader(source, self.replica.share())?))
    }

    /// Where the run stands, without anything measured.
    fn metric(&self) -> Metric {
        Metric { step: self.progress().step, events: self.progress().events, ..Metric::default() }
    }

    /// One optimizer step, together with the other devices; the loss stays on this one.
    fn step(&mut self, batch: &Batch, rate: f64) -> Result<(Tensor<1>, f32)> {
        let replica = &self.replica;
        let average = |model: &_, grads| replica.average(model, grads);
        Ok(block_on(self.learner.step(batch, rate, replica.share().of, average))?)
    }
}

/// What the loader gives, in order.
type Batches = mpsc::Receiver<Result<Batch, learn::Error>>;

/// The loader on a thread of its own, two batches ahead.
fn prefetch(mut loader: Loader) -> Batches {
    let (send, receive) = mpsc::sync_channel(2);
    std::thread::spawn(move || while send.send(loader.next_batch()).is_ok() {});
    receive
}

#[cfg(test)]
mod tests {
    use super::super::validation::BEST_FILE;
    use super::*;
    use crate::corpus::tests::corpus;

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

        let mut run = Run::start(&config, training.clone(), "", &device);
        assert_eq!(
            first(&run),
            first(&Run::start(&config, training.clone(), "", &device)),
            "the seed alone decides"
        );
        run.learner.progress.events = 48;
        run.validate(&[corpus.tokens(&corpus.pieces[0]).unwrap()], out.path()).unwrap();
        let more = Run::from_weights(&out.path().join(BEST_FILE), training, "", &device).unwrap();
        assert_eq!(more.learner.progress.before.events, 48);
        assert_ne!(first(&run), first(&more));
    }
}
