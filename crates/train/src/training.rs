//! `train`: from random weights to a network that plays.
//!
//! The loop itself is `Run::train`, in `run.rs`.

mod checkpoint;
mod curve;
mod log;
mod metrics;
mod run;
mod validation;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use burn::module::Module;
use burn::tensor::Device;
use learn::Verdict;
use rnn::ModelConfig;

use crate::cli::TrainArgs;
use crate::config::TrainConfig;
use crate::corpus::{Corpus, Piece};
use crate::device;
use crate::files::{Locked, Others, keep_apart, remove_parts};
use crate::replica::{Group, Replica};
use crate::say::{remark, say};
pub(crate) use checkpoint::CHECKPOINT_FILE;
pub(crate) use curve::write as write_curve;
use metrics::Metric;
pub(crate) use metrics::{METRICS_FILE, read as read_metrics};
use run::Run;
pub(crate) use validation::BEST_FILE;
use validation::{SAMPLES_FOLDER, validation_pieces};

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
    keep_apart(&args.out, &[("--data", &args.data)])?;
    let best = args.out.join(BEST_FILE);
    keep_apart(&best, &args.from.iter().map(|from| ("--from", from.as_path())).collect::<Vec<_>>())?;
    let _locked = Locked::folder(&args.out)?;
    for folder in [&args.out, &args.out.join(SAMPLES_FOLDER)] {
        remove_parts(folder, Others::Excluded);
    }
    let checkpoint = args.out.join(CHECKPOINT_FILE);
    ensure!(
        args.resume || !checkpoint.exists(),
        "{} holds a run already; go on with --resume, or choose another folder",
        args.out.display()
    );
    let data = corpus.fingerprint();
    let begin = |index: usize| {
        let (device, training) = (&devices[index], config.training.clone());
        let mut run = match &args.from {
            _ if args.resume && checkpoint.exists() => Run::resume(&checkpoint, training, &data, device)?,
            Some(weights) => Run::from_weights(weights, training, &data, device)?,
            None => {
                let composers = composers(&train, training.composer_events);
                Run::start(&ModelConfig { composers, ..config.model.clone() }, training, &data, device)
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
                remark!("performance-rnn: device {index}: {error:#}");
                std::process::exit(1);
            }
        });
    }
    let checks = validation_pieces(&corpus, &validation, run.training())?;
    remark!(
        "{} parameters, {} training pieces, {} validation events",
        run.learner.model.num_params(),
        train.len(),
        checks.iter().map(Vec::len).sum::<usize>()
    );
    let metrics = run.train(corpus, train, &checks, &args.out)?;
    say!(
        "{} events in {} steps; best validation {:.4} nats/event in {}",
        run.learner.progress.events,
        run.learner.progress.step,
        run.learner.progress.best.unwrap_or(f64::NAN),
        args.out.join(BEST_FILE).display()
    )?;
    say!("{}", Verdict::of(&validations(&metrics)))?;
    Ok(())
}

/// A run of these settings on one device, or the rest of it where it was stopped; returns the best
/// validation, in nats per event.
pub(crate) fn learn(config: &TrainConfig, corpus: &Arc<Corpus>, out: &Path, device: &Device) -> Result<f64> {
    let (train, validation) = corpus.split()?;
    let checkpoint = out.join(CHECKPOINT_FILE);
    let training = config.training.clone();
    let _locked = Locked::folder(out)?;
    remove_parts(out, Others::Excluded);
    let data = corpus.fingerprint();
    let mut run = if checkpoint.exists() {
        Run::resume(&checkpoint, training, &data, device)?
    } else {
        let composers = composers(&train, training.composer_events);
        Run::start(&ModelConfig { composers, ..config.model.clone() }, training, &data, device)
    };
    let checks = validation_pieces(corpus, &validation, run.training())?;
    run.train(Arc::clone(corpus), train, &checks, out)?;
    run.learner.progress.best.context("expected a validation, found none")
}

/// After how many events each validation was, and its loss.
fn validations(metrics: &[Metric]) -> Vec<(u64, f64)> {
    metrics.iter().filter_map(|metric| Some((metric.events, metric.validation?))).collect()
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
