//! Trained weights learn from somebody's own music: one step at a time, measured on what was set aside, and
//! ended before they learn it by heart.

use std::collections::BTreeMap;

use burn::tensor::{Device, Tensor};
use performance::{Sampling, Token};
use rnn::{Backend, Generate, Model, Quantized};

use crate::{Error, Evaluator, InMemory, Learner, Lessons, Loader, Share, Training, Verdict};

/// Pieces measured side by side: more would be faster, and take more memory.
const LANES: usize = 8;
/// A run ends when this many measurements in a row were no better than the best before them ...
const PATIENCE: usize = 3;
/// ... and the last is worse than the best by this share.
const WORSE: f64 = 0.005;
/// Events of a piece that the base weights invent.
const INVENTED_EVENTS: usize = 2_000;
/// At most this many events are invented: they take seconds.
const MOST_INVENTED: usize = 40_000;
/// Events that are measured while one is learned: the backward pass and the optimizer take the rest.
const MEASURING_IS_FASTER: u64 = 3;
/// Where a checkpoint keeps the measurements.
const CHECKS: &str = "checks";

/// How somebody's music is taught.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Events to learn from, repetitions included.
    pub events: u64,
    /// Share of the music that the base weights invent, so that they do not forget how they played.
    pub replayed: f64,
    /// Highest learning rate.
    pub rate: f64,
    /// Share of hidden units left out.
    pub dropout: f64,
}

impl Plan {
    /// For this much music: more of it is gone through fewer times.
    #[must_use]
    pub fn of(lessons: &Lessons) -> Self {
        let events = (6 * lessons.events() as u64).clamp(40_000, 400_000);
        Self { events, replayed: 0.1, rate: 5e-4, dropout: 0.0 }
    }

    /// How many events are to be invented beside this many events to learn from.
    #[must_use]
    pub fn replayed_events(&self, learned: usize) -> usize {
        let events = learned as f64 * self.replayed / (1.0 - self.replayed).max(0.1);
        (events as usize).min(MOST_INVENTED)
    }

    /// How many events could be learned in the time that the whole run takes, measurements included.
    #[must_use]
    pub fn work(&self, lessons: &Lessons) -> u64 {
        let measurements = self.events / self.training().validate_every + 1;
        let measured = lessons.set_aside.iter().map(|piece| piece.len() as u64).sum::<u64>();
        self.events + measurements * measured / MEASURING_IS_FASTER
    }

    /// As settings of a run.
    #[must_use]
    pub fn training(&self) -> Training {
        Training {
            batch: 12,
            time: 64,
            events: self.events,
            learning_rate: self.rate,
            warm_up: 20,
            decay: 1.0,
            dropout: self.dropout,
            average: 0.98,
            validate_every: (self.events / 20).clamp(4_000, 20_000),
            ..Training::default()
        }
    }
}

/// Music that the network in a weight file invents, of about this many events. `pause` is awaited between
/// chunks.
///
/// # Errors
/// If the bytes are no weights.
pub async fn invented(
    weights: &[u8],
    events: usize,
    seed: u64,
    mut pause: impl AsyncFnMut(),
) -> Result<Vec<Vec<Token>>, Error> {
    let network = Quantized::load(weights)?;
    let seeds: Vec<u64> = (seed..).take(events.div_ceil(INVENTED_EVENTS)).collect();
    let mut pieces = Vec::new();
    for seeds in seeds.chunks(LANES) {
        let mut takes = network.takes(Sampling::default(), seeds)?;
        let mut played = vec![Vec::new(); seeds.len()];
        while played[0].len() < INVENTED_EVENTS {
            for (played, tokens) in played.iter_mut().zip(takes.next_chunk(64).await?) {
                played.extend(tokens);
            }
            pause().await;
        }
        pieces.extend(played);
    }
    Ok(pieces)
}

/// Why a run is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The plan's events are learned.
    Planned,
    /// It began to learn by heart.
    ByHeart,
}

/// The best weights so far.
#[derive(Clone, Debug)]
pub struct Best {
    /// Their loss on the music set aside, in nats per event.
    pub nats: f64,
    /// Their file.
    pub file: Vec<u8>,
}

/// A run, and what was measured of it.
pub struct Teaching {
    learner: Learner,
    loader: Loader,
    set_aside: Vec<Vec<Token>>,
    checks: Vec<(u64, f64)>,
    best: Option<Best>,
    /// Losses since they were last read.
    losses: Vec<Tensor<1>>,
}

impl Teaching {
    /// Begins with the weights in a file. `invented` is learned beside the lessons.
    ///
    /// # Errors
    /// If the bytes are no weights, or there is no music.
    pub fn begin(
        weights: &[u8],
        lessons: Lessons,
        invented: Vec<Vec<Token>>,
        training: Training,
        device: &Device,
    ) -> Result<Self, Error> {
        Self::with(Learner::from_weights(weights, None, training, device)?, lessons, invented, Vec::new())
    }

    /// Goes on where a checkpoint was written, with the same music and settings. The best weights are none
    /// until the next measurement.
    ///
    /// # Errors
    /// If the bytes are no checkpoint.
    pub fn resume(
        checkpoint: &[u8],
        lessons: Lessons,
        invented: Vec<Vec<Token>>,
        training: Training,
        device: &Device,
    ) -> Result<Self, Error> {
        let (_, facts) = rnn::weights::read_metadata(checkpoint)?;
        let checks = facts.get(CHECKS).map_or(Ok(Vec::new()), |json| serde_json::from_str(json))?;
        Self::with(Learner::resume(checkpoint, training, device)?, lessons, invented, checks)
    }

    fn with(
        learner: Learner,
        lessons: Lessons,
        invented: Vec<Vec<Token>>,
        checks: Vec<(u64, f64)>,
    ) -> Result<Self, Error> {
        let Lessons { mut learned, set_aside } = lessons;
        learned.extend(invented);
        let loader = learner.loader(Box::new(InMemory::new(learned)), Share::WHOLE)?;
        Ok(Self { learner, loader, set_aside, checks, best: None, losses: Vec::new() })
    }

    /// Events learned so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.learner.progress.events
    }

    /// Events to learn in all.
    #[must_use]
    pub fn planned(&self) -> u64 {
        self.learner.training.events
    }

    /// The measurements: after how many events, and the loss on the music set aside in nats per event.
    #[must_use]
    pub fn checks(&self) -> &[(u64, f64)] {
        &self.checks
    }

    /// What they say.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&self.checks)
    }

    /// The best weights so far.
    #[must_use]
    pub fn best(&self) -> Option<&Best> {
        self.best.as_ref()
    }

    /// See [`Learner::hold_below`].
    pub fn hold_below(&mut self, upper: usize) {
        self.learner.hold_below(upper);
    }

    /// Takes back the best weights of a run that is resumed.
    pub fn restore_best(&mut self, best: Best) {
        self.best = Some(best);
    }

    /// Learns from one batch; returns how many events that were.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn step(&mut self) -> Result<u64, Error> {
        let before = self.events();
        let batch = self.loader.next_batch()?;
        let rate = self.learner.rate();
        let (loss, _) = self.learner.step(&batch, rate, 1, |_, grads| grads).await?;
        self.losses.push(loss);
        Ok(self.events() - before)
    }

    /// The mean loss of the batches since this was last asked, in nats per event.
    ///
    /// # Errors
    /// If the device fails, or the loss is no number.
    pub async fn loss(&mut self) -> Result<Option<f64>, Error> {
        if self.losses.is_empty() {
            return Ok(None);
        }
        let mean = Tensor::cat(std::mem::take(&mut self.losses), 0).mean().into_data_async().await;
        let mean = mean.map_err(|error| Error::Device(error.to_string()))?.iter::<f64>().next();
        let loss = mean.unwrap_or(f64::NAN);
        if loss.is_finite() { Ok(Some(loss)) } else { Err(self.diverged(loss)) }
    }

    fn diverged(&self, loss: f64) -> Error {
        Error::Diverged { loss, step: self.learner.progress.step }
    }

    /// Whether it is time for a measurement: before the first step, regularly, and at the end.
    #[must_use]
    pub fn is_check_due(&self) -> bool {
        let last = self.checks.last().map(|&(events, _)| events);
        let every = self.learner.training.validate_every;
        last.is_none_or(|last| {
            self.events() >= last + every || (self.events() >= self.planned() && self.events() > last)
        })
    }

    /// Measures the averaged weights on the music set aside, and keeps them if they are the best. `pause` is
    /// awaited between crops.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn check(&mut self, mut pause: impl AsyncFnMut()) -> Result<f64, Error> {
        let averaged: Model = self.learner.averaged();
        let mut evaluator = Evaluator::new(&averaged, &self.set_aside, LANES)?;
        while evaluator.crop(&averaged).await?.is_some() {
            pause().await;
        }
        let nats = evaluator.evaluation().nats_per_event;
        if !nats.is_finite() {
            return Err(self.diverged(nats));
        }
        self.checks.push((self.events(), nats));
        if self.best.as_ref().is_none_or(|best| nats < best.nats) {
            self.best = Some(Best { nats, file: self.learner.weights(&averaged, nats).await? });
        }
        Ok(nats)
    }

    /// Whether the run is over, and why.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        if is_by_heart(&self.checks) {
            return Some(End::ByHeart);
        }
        (self.events() >= self.planned()).then_some(End::Planned)
    }

    /// See [`Learner::checkpoint`].
    ///
    /// # Errors
    /// If it cannot be put together.
    pub async fn checkpoint(&self, put: impl FnMut(&[u8])) -> Result<(), Error> {
        let facts = BTreeMap::from([(CHECKS.to_owned(), serde_json::to_string(&self.checks)?)]);
        self.learner.checkpoint(facts, put).await
    }
}

/// Whether the loss on the music set aside has risen for good.
fn is_by_heart(checks: &[(u64, f64)]) -> bool {
    let best = checks.iter().map(|&(_, nats)| nats).fold(f64::INFINITY, f64::min);
    let since = checks.iter().rev().take_while(|&&(_, nats)| nats > best).count();
    since >= PATIENCE && checks.last().is_some_and(|&(_, last)| last > best * (1.0 + WORSE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measuring_takes_its_time_too() {
        let piece = |events: u16| (0..events).filter_map(|i| Token::new(i % 100).ok()).collect::<Vec<_>>();
        let lessons = Lessons { learned: vec![piece(5_000)], set_aside: vec![piece(600), piece(300)] };
        let plan = Plan::of(&lessons);
        assert_eq!((plan.events, plan.training().validate_every), (40_000, 4_000));
        assert_eq!(plan.work(&lessons), 40_000 + 11 * 900 / 3);
    }

    #[test]
    fn learning_by_heart_is_a_loss_that_rises_for_good() {
        let is = |nats: &[f64]| {
            let checks: Vec<(u64, f64)> = nats.iter().enumerate().map(|(i, &n)| (i as u64, n)).collect();
            is_by_heart(&checks)
        };
        assert!(!is(&[]) && !is(&[2.5]) && !is(&[2.5, 2.4, 2.3]));
        assert!(!is(&[2.5, 2.4, 2.45, 2.5]), "two in a row may be chance");
        assert!(!is(&[2.5, 2.4, 2.401, 2.402, 2.403]), "hardly worse");
        assert!(is(&[2.5, 2.4, 2.42, 2.43, 2.45]));
    }
}
