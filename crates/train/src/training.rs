//! `train`: from random weights to a network that plays, read from top to bottom.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use burn::module::Module;
use burn::optim::GradientsParams;
use burn::tensor::activation::log_softmax;
use burn::tensor::{Device, Int, Tensor, TensorData};
use indicatif::{ProgressBar, ProgressStyle};
use performance::{N_PITCHES, N_TOKENS, Token, midi};
use rand::SeedableRng;
use rnn::weights::{self, Precision};
use rnn::{Compute, Inputs, Model, ModelConfig, State};
use serde::{Deserialize, Serialize};

use crate::cli::TrainArgs;
use crate::config::{TrainConfig, Training};
use crate::corpus::{Corpus, Piece};
use crate::evaluate::{Evaluation, evaluate};
use crate::files::write_atomically;
use crate::loader::{Batch, Cut, Loader, Position};
use crate::optimizer::Adam;
use crate::replica::{Group, Replica};
use crate::verdict::verdict;
use crate::{curve, device, generate, provenance};

/// Everything needed to go on: weights, optimizer, memory of the lanes, place in the data.
pub(crate) const CHECKPOINT_FILE: &str = "checkpoint.safetensors";
/// The best averaged weights on validation, as the page loads them.
pub(crate) const BEST_FILE: &str = "best.safetensors";
/// One JSON object per line: training losses and validations.
pub(crate) const METRICS_FILE: &str = "metrics.jsonl";
/// Folder of what the network played at each validation.
const SAMPLES_FOLDER: &str = "samples";
/// Steps between two readings of the loss: reading waits for the device.
const REPORT_EVERY: u64 = 10;

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

/// The part of a checkpoint that is no tensor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Progress {
    step: u64,
    events: u64,
    /// What the run began with.
    #[serde(default)]
    before: Before,
    best: Option<f64>,
    last_validation: u64,
    position: Position,
}

/// The training of the weights that a run began with; nothing, if they were random.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Before {
    steps: u64,
    events: u64,
    /// Of their file.
    sha256: Option<String>,
}

impl Before {
    /// What a weight file says of itself.
    fn of(file: &[u8]) -> Result<Self> {
        let (_, facts) = weights::read_metadata(file)?;
        let number = |key: &str| facts.get(key).and_then(|value| value.parse().ok()).unwrap_or(0);
        Ok(Self { steps: number("step"), events: number("events"), sha256: Some(provenance::sha256(file)) })
    }
}

pub(crate) fn run(args: &TrainArgs) -> Result<()> {
    let default = if args.from.is_some() { "finetune" } else { "base" };
    let config = TrainConfig::named(args.config.as_deref().unwrap_or(default))?;
    let corpus = Arc::new(Corpus::open(&args.data)?);
    let (train, validation) = corpus.split()?;
    let devices = match &args.remote {
        None => device::open_all(args.device, &args.devices)?,
        Some(url) => device::open_remote(url, args.token.as_deref(), &args.devices)?,
    };
    let group = Group::new(args.device, &devices);
    fs::create_dir_all(&args.out).with_context(|| format!("{} cannot be created", args.out.display()))?;
    let checkpoint = args.out.join(CHECKPOINT_FILE);
    ensure!(
        args.resume || !checkpoint.exists(),
        "{} holds a run already; go on with --resume, or choose another folder",
        args.out.display()
    );
    let begin = |index: usize| {
        let (device, training) = (&devices[index], config.training.clone());
        let mut run = match &args.from {
            _ if args.resume && checkpoint.exists() => Run::resume(&checkpoint, training, device)?,
            Some(weights) => Run::from_weights(weights, training, device)?,
            None => {
                let composers = composers(&train, training.composer_events);
                Run::start(&ModelConfig { composers, ..config.model.clone() }, training, device)
            }
        };
        run.replica = Replica::new(index, &group);
        Ok::<_, anyhow::Error>(run)
    };
    let mut run = begin(0)?;
    let _collective = group.connect();
    for index in 1..devices.len() {
        let (mut follower, corpus, train) = (begin(index)?, Arc::clone(&corpus), train.clone());
        // Never joined: a leader that fails ends the program, and the followers with it.
        std::thread::spawn(move || {
            if let Err(error) = follower.follow(corpus, train) {
                // The leader waits for this replica's gradients, so nothing else would end the run.
                eprintln!("performance-rnn: device {index}: {error:#}");
                std::process::exit(1);
            }
        });
    }
    let checks = validation_pieces(&corpus, &validation, &run.training)?;
    eprintln!(
        "{} parameters, {} training pieces, {} validation events",
        run.model.num_params(),
        train.len(),
        checks.iter().map(Vec::len).sum::<usize>()
    );
    let metrics = run.train(corpus, train, &checks, &args.out)?;
    println!(
        "{} events in {} steps; best validation {:.4} nats/event in {}",
        run.progress.events,
        run.progress.step,
        run.progress.best.unwrap_or(f64::NAN),
        args.out.join(BEST_FILE).display()
    );
    println!("{}", verdict(&metrics));
    Ok(())
}

/// A run of these settings on one device, or the rest of it where it was stopped; returns the best validation, in nats
/// per event.
pub(crate) fn learn(config: &TrainConfig, corpus: &Arc<Corpus>, out: &Path, device: &Device) -> Result<f64> {
    let (train, validation) = corpus.split()?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    let training = config.training.clone();
    let mut run = if checkpoint.exists() {
        Run::resume(&checkpoint, training, device)?
    } else {
        let composers = composers(&train, training.composer_events);
        Run::start(&ModelConfig { composers, ..config.model.clone() }, training, device)
    };
    let checks = validation_pieces(corpus, &validation, &run.training)?;
    run.train(Arc::clone(corpus), train, &checks, out)?;
    run.progress.best.context("expected a validation, found none")
}

struct Run {
    model: Model,
    adam: Adam,
    state: State,
    training: Training,
    progress: Progress,
    device: Device,
    replica: Replica,
}

impl Run {
    /// A run that begins with random weights.
    fn start(config: &ModelConfig, training: Training, device: &Device) -> Self {
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(training.seed);
        Self::with(config.init(&device.clone().autodiff(), &mut rng), training, device)
    }

    /// A run that begins with trained weights.
    fn from_weights(path: &Path, training: Training, device: &Device) -> Result<Self> {
        let bytes = fs::read(path).with_context(|| format!("{} cannot be read", path.display()))?;
        let model =
            weights::load(&bytes, &device.clone().autodiff()).with_context(|| path.display().to_string())?;
        let mut run = Self::with(model, training, device);
        run.progress.before = Before::of(&bytes)?;
        Ok(run)
    }

    fn with(mut model: Model, training: Training, device: &Device) -> Self {
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
    fn train(
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
                self.checkpoint(&out.join(CHECKPOINT_FILE))?;
                last_checkpoint = Instant::now();
            }
        }
        bar.finish_and_clear();
        Ok(log.metrics)
    }

    /// Training on a device beside the first, which does all the telling and keeping.
    fn follow(&mut self, corpus: Arc<Corpus>, train: Vec<Piece>) -> Result<()> {
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
        // Weights that have learned already are given other sequences than those they learned from.
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

    /// Validates the averaged weights, lets them play, and keeps them if they are the best so far.
    fn validate(&mut self, checks: &[Vec<Token>], out: &Path) -> Result<f64> {
        let averaged = self.averaged()?;
        let Evaluation { nats_per_event, .. } = evaluate(&averaged, checks, |_| ())?;
        self.progress.last_validation = self.progress.events;
        let Progress { step, events, before, .. } = &self.progress;
        let mut facts = BTreeMap::from([
            ("step".to_owned(), (before.steps + step).to_string()),
            ("events".to_owned(), (before.events + events).to_string()),
            ("validation_nats".to_owned(), format!("{nats_per_event:.4}")),
        ]);
        if let Some(sha256) = &before.sha256 {
            facts.insert("from_events".to_owned(), before.events.to_string());
            facts.insert("from_sha256".to_owned(), sha256.clone());
        }
        let file = weights::save(&averaged, Precision::Half, &facts)?;
        if self.training.sample_secs > 0.0 && self.progress.step > 0 {
            let performance = generate::sample(&file, self.training.sample_secs, self.training.seed)?;
            let name = format!("{:012}.mid", self.progress.events);
            write_atomically(&out.join(SAMPLES_FOLDER).join(name), &midi::write(&performance))?;
        }
        if self.progress.best.is_none_or(|best| nats_per_event < best) {
            self.progress.best = Some(nats_per_event);
            write_atomically(&out.join(BEST_FILE), &file)?;
        }
        Ok(nats_per_event)
    }

    fn averaged(&self) -> Result<Model> {
        let tensors = self.adam.average(&self.model);
        let mut model = self.model.valid();
        model.compute = Compute::F32;
        let values: BTreeMap<&str, &Vec<f32>> =
            tensors.iter().map(|t| (t.name.as_str(), &t.values)).collect();
        Ok(weights::replace(model, |name, _| {
            values
                .get(name)
                .map(|values| (*values).clone())
                .ok_or(rnn::Error::MissingTensor { name: name.to_owned() })
        })?)
    }

    fn checkpoint(&self, path: &Path) -> Result<()> {
        let mut tensors = weights::tensors(&self.model);
        tensors.extend(self.adam.tensors());
        tensors.extend(self.state.tensors());
        let facts = BTreeMap::from([
            ("progress".to_owned(), serde_json::to_string(&self.progress)?),
            ("training".to_owned(), serde_json::to_string(&self.training)?),
        ]);
        write_atomically(path, &weights::save_tensors(&self.model.config, &tensors, Precision::Full, &facts)?)
    }

    fn resume(path: &Path, training: Training, device: &Device) -> Result<Self> {
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

/// Mean nats per event of a batch, and the state after it.
pub(crate) fn loss(
    model: &Model,
    batch: &Batch,
    state: State,
    training: &Training,
    device: &Device,
) -> (Tensor<1>, State) {
    let (time, lanes) = (training.time, training.batch);
    let inputs = Inputs {
        tokens: Tensor::<2, Int>::from_data(TensorData::new(batch.tokens.clone(), [time, lanes]), device),
        sounding: Tensor::from_data(
            TensorData::new(batch.sounding.clone(), [time, lanes, N_PITCHES]),
            device,
        ),
        controls: Tensor::from_data(
            TensorData::new(batch.controls.clone(), [time, lanes, model.config.control_width()]),
            device,
        ),
    };
    let keep = Tensor::from_data(TensorData::new(batch.keep.clone(), [lanes, 1]), device);
    let targets =
        Tensor::<2, Int>::from_data(TensorData::new(batch.targets.clone(), [time * lanes, 1]), device);
    let (scores, state) = model.forward(inputs, state.keeping(&keep));
    let log_probabilities = log_softmax(scores.reshape([time * lanes, N_TOKENS]), 1);
    let mask = Tensor::<2>::from_data(TensorData::new(batch.mask.clone(), [time * lanes, 1]), device);
    let nats = log_probabilities.gather(1, targets).neg() * Tensor::from_inner(mask);
    (nats.sum() / batch.events() as f32, state)
}

/// The loader on a thread of its own, two batches ahead.
fn prefetch(mut loader: Loader) -> mpsc::Receiver<Result<Batch>> {
    let (send, receive) = mpsc::sync_channel(2);
    std::thread::spawn(move || while send.send(loader.next_batch()).is_ok() {});
    receive
}

/// Composers with enough training events for a control of their own.
fn composers(pieces: &[Piece], at_least: usize) -> Vec<String> {
    let mut events: BTreeMap<&str, usize> = BTreeMap::new();
    for piece in pieces {
        if let Some(composer) = &piece.composer {
            *events.entry(composer).or_default() += piece.len;
        }
    }
    events.into_iter().filter(|&(_, n)| n >= at_least).map(|(composer, _)| composer.to_owned()).collect()
}

/// The beginnings of validation pieces, as many from each.
fn validation_pieces(corpus: &Corpus, pieces: &[Piece], training: &Training) -> Result<Vec<Vec<Token>>> {
    let chosen: Vec<&Piece> =
        pieces.iter().filter(|p| p.path.starts_with(&training.validation_prefix)).collect();
    let chosen = if chosen.is_empty() { pieces.iter().collect() } else { chosen };
    let share = (training.validation_events / chosen.len()).max(2);
    chosen
        .into_iter()
        .map(|piece| {
            let mut tokens = corpus.tokens(piece)?;
            tokens.truncate(share);
            Ok(tokens)
        })
        .collect()
}

/// Losses, music and time since the last report.
struct Window {
    losses: Vec<Tensor<1>>,
    events: u64,
    seconds: f64,
    start: Instant,
}

impl Window {
    fn new() -> Self {
        Self { losses: Vec::new(), events: 0, seconds: 0.0, start: Instant::now() }
    }

    fn add(&mut self, loss: Tensor<1>, batch: &Batch) {
        self.losses.push(loss);
        self.events += batch.events();
        self.seconds += batch.seconds;
    }

    fn mean_loss(&mut self) -> Result<f64> {
        let losses = std::mem::take(&mut self.losses);
        Ok(f64::from(Tensor::cat(losses, 0).mean().into_scalar::<f32>()))
    }

    fn events_per_s(&self) -> f64 {
        self.events as f64 / self.start.elapsed().as_secs_f64()
    }
}

/// The metrics file and its curve.
struct Log {
    path: PathBuf,
    file: fs::File,
    /// Events trained on before the run.
    before: u64,
    /// Everything in the file, from earlier sittings too.
    metrics: Vec<Metric>,
}

impl Log {
    fn open(out: &Path, before: u64) -> Result<Self> {
        let path = out.join(METRICS_FILE);
        let open = || fs::OpenOptions::new().create(true).append(true).open(&path);
        let file = open().with_context(|| format!("{} cannot be written", path.display()))?;
        let metrics = curve::read(&path)?;
        Ok(Self { path, file, before, metrics })
    }

    fn add(&mut self, metric: &Metric) -> Result<()> {
        writeln!(self.file, "{}", serde_json::to_string(metric)?)
            .with_context(|| format!("{} cannot be written", self.path.display()))?;
        self.metrics.push(metric.clone());
        if metric.validation.is_some() {
            curve::write(&self.metrics, self.before, &self.path.with_file_name("loss.svg"))?;
        }
        Ok(())
    }
}

fn describe(metric: &Metric, best: Option<f64>) -> String {
    let mut text = format!(
        "step {} · train {:.3} nats/event, {:.0} nats/s · {:.0} events/s · rate {:.1e} · gradient {:.2}",
        metric.step,
        metric.train.unwrap_or(f64::NAN),
        metric.train_per_second.unwrap_or(f64::NAN),
        metric.events_per_s,
        metric.rate,
        metric.gradient_norm
    );
    if let Some(validation) = metric.validation {
        text += &format!(" · validation {validation:.3}");
    }
    if let Some(best) = best {
        text += &format!(" · best {best:.3}");
    }
    text
}

fn bar(events: u64, position: u64) -> ProgressBar {
    let bar = ProgressBar::new(events).with_position(position);
    bar.reset_eta();
    match ProgressStyle::with_template("{wide_bar} {human_pos}/{human_len} events · {eta} left\n{msg}") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[cfg(test)]
mod tests {
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
