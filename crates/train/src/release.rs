//! `release`: the best weights of a run, with their model card, as the page ships them.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use learn::Evaluation;
use performance::Token;
use rnn::ModelConfig;
use rnn::weights::{self, Precision};

use crate::cli::ReleaseArgs;
use crate::config::TrainConfig;
use crate::corpus::{Corpus, Piece};
use crate::evaluate::evaluate;
use crate::files::{keep_apart, read_text, read_weights, write_atomically};
use crate::say::say;
use crate::training::{BEST_FILE, CHECKPOINT_FILE, METRICS_FILE, read_metrics, write_curve};
use crate::{device, progress, provenance};

const LICENSE: &str = "CC BY-NC-SA 4.0";

/// Every how manyeth training piece is measured: the split is too large to go through whole.
const TRAIN_SAMPLE: usize = 64;

pub(crate) fn run(args: &ReleaseArgs) -> Result<()> {
    let source = args.run.join(BEST_FILE);
    let bytes = read_weights(&source)?;
    let (model, mut facts) = weights::read_metadata(&bytes)?;
    let settings = read_text(&args.config)?;
    check_settings(args, &settings, &model)?;
    let written = ["safetensors", "md", "svg"].map(|ending| args.out.with_extension(ending));
    for file in &written {
        keep_apart(file, &[("the run's weights", &source), ("--config", &args.config)])?;
    }
    let device = device::open(args.device)?;
    // As they will be read: what is measured is the file, not what was rounded to it.
    let model = weights::load(&bytes, &device)?;
    let model = weights::load(&weights::save(&model, Precision::Half, &facts)?, &device)?;
    let corpus = Corpus::open(&args.data)?;
    let every = usize::from(args.every);
    let sampled = |only: &'static str, every: usize| -> (Sample, Vec<Piece>) {
        (Sample { only, every }, corpus.below(only).into_iter().step_by(every).collect())
    };
    let samples = [
        sampled("validation/maestro-v3", every),
        sampled("validation/asap", every),
        sampled("train/", every * TRAIN_SAMPLE),
    ];
    let total: usize = samples.iter().flat_map(|(_, pieces)| pieces).map(|piece| piece.len).sum();
    let bar = progress::bar(total as u64, "events");
    let mut results: Vec<(Sample, Evaluation)> = Vec::new();
    for (sample, pieces) in samples {
        if pieces.is_empty() {
            continue;
        }
        let tokens: Vec<Vec<Token>> =
            pieces.iter().map(|piece| corpus.tokens(piece)).collect::<Result<_>>()?;
        results.push((sample, evaluate(&model, &tokens, |n| bar.inc(n as u64))?));
    }
    bar.finish_and_clear();
    let (main, first) =
        results.first().context("expected prepared data with a validation split, found none")?;
    facts.insert("validation_nats".to_owned(), format!("{:.3}", first.nats_per_event));
    facts.insert("license".to_owned(), LICENSE.to_owned());
    facts.insert("data".to_owned(), args.data_name.clone());
    facts.insert("commit".to_owned(), commit());
    let file = weights::save(&model, Precision::Half, &facts)?;
    let weights_path = args.out.with_extension("safetensors");
    write_atomically(&weights_path, &file)?;
    let int8 = weights::to_int8(&file, &provenance::sha256(&file))?;
    write_atomically(&args.out.with_extension("int8.safetensors"), &int8)?;
    let before = facts.get("from_events").and_then(|events| events.parse().ok()).unwrap_or(0);
    write_curve(&read_metrics(&args.run.join(METRICS_FILE))?, before, &args.out.with_extension("svg"))?;
    let card = card(args, &facts, &results, [&file, &int8], &settings);
    write_atomically(&args.out.with_extension("md"), card.as_bytes())?;
    say!(
        "{} and its card; {:.4} nats/event on {}",
        weights_path.display(),
        first.nats_per_event,
        main.name()
    )?;
    Ok(())
}

/// The settings are those of the run, as far as it kept them.
fn check_settings(args: &ReleaseArgs, settings: &str, model: &ModelConfig) -> Result<()> {
    let config = TrainConfig::parse(settings).with_context(|| args.config.display().to_string())?;
    let given = (config.model.layers, config.model.hidden);
    ensure!(
        given == (model.layers, model.hidden),
        "expected {} to be the run's settings with {} layers of {} units, found {} of {}",
        args.config.display(),
        model.layers,
        model.hidden,
        given.0,
        given.1
    );
    let checkpoint = args.run.join(CHECKPOINT_FILE);
    if !checkpoint.exists() {
        return Ok(());
    }
    let (_, facts) = weights::read_metadata(&read_weights(&checkpoint)?)?;
    let Some(used) = facts.get("training") else { return Ok(()) };
    let used: toml::Table = serde_json::from_str(used)?;
    let given = toml::Table::try_from(&config.training)?;
    let differs =
        |(name, value): &(&String, &toml::Value)| used.get(*name).is_some_and(|used| !is_same(used, value));
    if let Some((name, value)) = given.iter().find(differs) {
        bail!(
            "expected {} to be the run's settings with {name} = {}, found {value}",
            args.config.display(),
            used[name]
        );
    }
    Ok(())
}

/// The same setting, be it written as an integer or not.
fn is_same(a: &toml::Value, b: &toml::Value) -> bool {
    let number = |value: &toml::Value| value.as_float().or(value.as_integer().map(|number| number as f64));
    match (number(a), number(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-6 * b.abs(),
        _ => a == b,
    }
}

/// What a row of the card is of; `evaluate` takes both as options.
struct Sample {
    only: &'static str,
    every: usize,
}

impl Sample {
    fn name(&self) -> String {
        let split = self.only.trim_end_matches('/');
        match self.every {
            1 => split.to_owned(),
            every => format!("{split} (every {every}th piece)"),
        }
    }

    fn options(&self) -> String {
        match self.every {
            1 => format!("--only {}", self.only),
            every => format!("--only {} --every {every}", self.only),
        }
    }
}

fn commit() -> String {
    let output = Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8_lossy(&output.stdout).trim().to_owned(),
        _ => "unknown".to_owned(),
    }
}

fn card(
    args: &ReleaseArgs,
    facts: &BTreeMap<String, String>,
    results: &[(Sample, Evaluation)],
    [file, int8]: [&[u8]; 2],
    config: &str,
) -> String {
    let [hash, int8_hash] = [file, int8].map(provenance::sha256);
    let name = args.out.file_name().unwrap_or_default().to_string_lossy();
    let fact = |key: &str| facts.get(key).map_or("unknown", String::as_str);
    // What had been trained before this run, and can be had from this repository's history.
    let (from, from_option) = match (facts.get("from_events"), facts.get("from_sha256")) {
        (Some(events), Some(sha256)) => {
            (format!("- **From:** the weights of {events} events, SHA-256 `{sha256}`\n"), " --from WEIGHTS")
        }
        _ => (String::new(), ""),
    };
    let mut losses = String::new();
    let mut commands = String::new();
    for (sample, result) in results {
        commands += &format!(
            "performance-rnn evaluate --weights {}.safetensors --data DATA {}\n",
            args.out.display(),
            sample.options()
        );
        let types = &result.by_type;
        losses += &format!(
            "| {} | {} | {:.4} | {:.2} | {:.2} | {:.1} % | {:.3} | {:.3} | {:.3} | {:.3} |\n",
            sample.name(),
            result.events,
            result.nats_per_event,
            result.nats_per_second,
            result.nats_per_note,
            100.0 * result.accuracy,
            types.note_on.nats_per_event,
            types.note_off.nats_per_event,
            types.time_shift.nats_per_event,
            types.velocity.nats_per_event,
        );
    }
    format!(
        "# Model card: {name}\n\n\
         Weights of Performance RNN: three LSTM layers over 413 events, in half precision.\n\n\
         - **File:** `{name}.safetensors`, {} bytes, SHA-256 `{hash}`\n\
         - **In 8 bits:** `{name}.int8.safetensors`, {} bytes, SHA-256 `{int8_hash}`: the same music, for playing\n\
         - **Licence:** {LICENSE}, as the data they were trained on; not for commercial use.\n\
         - **Data:** {}\n\
         - **Training:** {} events in {} steps of averaged Adam; the best on `validation/maestro-v3` was kept.{}\n\
         - **Code:** commit `{}`\n\
         {from}- **Command:** `performance-rnn train --config {}{from_option} --data DATA --out RUN`, then\n  \
           `performance-rnn release --run RUN --data DATA --config {} --out {}`\n\n\
         ## Loss\n\n\
         Whole pieces with carried state, no controls, no legality mask, no augmentation. Nats. A row is what one\n\
         of these commands prints:\n\n```\n{commands}```\n\n\
         | split | events | per event | per second | per note | accuracy | NOTE_ON | NOTE_OFF | TIME_SHIFT | VELOCITY |\n\
         |---|---|---|---|---|---|---|---|---|---|\n\
         {losses}\n\
         ![loss curve]({name}.svg)\n\n\
         ## Settings\n\n```toml\n{}\n```\n\n\
         ## What to expect\n\n\
         It knows Western art music for piano as played in competitions, and nothing else. It has no notion of a\n\
         piece's form beyond what its state carries, and may wander. It was not trained on the test split.\n",
        file.len(),
        int8.len(),
        fact("data"),
        fact("events"),
        fact("step"),
        args.note.as_ref().map(|note| format!(" {note}")).unwrap_or_default(),
        fact("commit"),
        args.config.display(),
        args.config.display(),
        args.out.display(),
        config.trim_end(),
    )
}
