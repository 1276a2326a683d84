//! `ablation`: the same budget spent in several ways, so that choices are evidence.
//!
//! Each variant is trained from scratch by the code that `train` runs, once for each seed. Then it is
//! measured twice: by the loss on held-out pieces, and by the errors of structure in what it plays without
//! the legality mask.

mod page;
mod plan;
mod structure;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use rnn::Quantized;
use serde::{Deserialize, Serialize};

use crate::cli::AblationArgs;
use crate::corpus::Corpus;
use crate::files::write_atomically;
use crate::say::{remark, say};
use crate::training::{self, BEST_FILE};
use crate::{device, provenance};
use plan::{Plan, Variant};
use structure::Structure;

/// The settings of a run, as they were when it began.
const SETTINGS_FILE: &str = "settings.toml";
/// What a run came to, once it is done.
const RESULT_FILE: &str = "result.json";

/// What one run came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Outcome {
    seed: u64,
    /// Nats per event on the validation events.
    validation: f64,
    structure: Structure,
}

/// All runs of a variant, one for each seed.
#[derive(Serialize)]
struct Measured {
    name: String,
    /// The settings in which it differs from the reference; empty for that.
    differs: String,
    outcomes: Vec<Outcome>,
}

/// Everything the page says.
#[derive(Serialize)]
struct Findings {
    command: String,
    machine: String,
    /// The plan, as written.
    plan: String,
    reference: String,
    events: u64,
    variants: Vec<Measured>,
    /// What was tried elsewhere.
    notes: Option<String>,
}

pub(crate) fn run(args: &AblationArgs) -> Result<()> {
    let plan = Plan::open(args.plan.as_deref())?;
    let notes = args.notes.as_deref().map(|notes| {
        fs::read_to_string(notes).with_context(|| format!("{} cannot be read", notes.display()))
    });
    let notes = notes.transpose()?;
    let corpus = Arc::new(Corpus::open(&args.data)?);
    let n_runs = plan.variants.len() as u64 * args.seeds;
    let mut variants: Vec<Measured> = plan.variants.iter().map(Measured::of).collect();
    // Seed by seed, so that a run that is stopped has whole tables behind it.
    for seed in 1..=args.seeds {
        for (idx, variant) in plan.variants.iter().enumerate() {
            let n = (seed - 1) * plan.variants.len() as u64 + idx as u64 + 1;
            remark!("{n} of {n_runs}: {}, seed {seed}", variant.name);
            let folder = args.runs.join(format!("{}-{seed}", variant.folder()));
            let outcome = measure(variant, seed, &corpus, &folder)
                .with_context(|| format!("{}, seed {seed}", variant.name))?;
            variants[idx].outcomes.push(outcome);
        }
    }
    let findings = Findings {
        command: command(args),
        machine: provenance::machine(),
        plan: plan.text,
        reference: plan.reference,
        events: plan.events,
        variants,
        notes,
    };
    page::write(&args.out, &findings)?;
    if args.json {
        say!("{}", serde_json::to_string(&findings)?)?;
    } else {
        say!("{n_runs} runs; the page is {}", args.out.display())?;
    }
    Ok(())
}

impl Measured {
    fn of(variant: &Variant) -> Self {
        Self { name: variant.name.clone(), differs: variant.differs.clone(), outcomes: Vec::new() }
    }
}

/// Trains and measures a variant, or resumes where an earlier command was stopped.
fn measure(variant: &Variant, seed: u64, corpus: &Arc<Corpus>, folder: &Path) -> Result<Outcome> {
    let mut config = variant.config.clone();
    config.training.seed = seed;
    let settings = toml::to_string(&config)?;
    let settings_file = folder.join(SETTINGS_FILE);
    if settings_file.exists() {
        ensure!(
            fs::read_to_string(&settings_file)? == settings,
            "{} holds a run with other settings; remove it, or choose another folder with --runs",
            folder.display()
        );
    } else {
        write_atomically(&settings_file, settings.as_bytes())?;
    }
    let result = folder.join(RESULT_FILE);
    if result.exists() {
        return serde_json::from_slice(&fs::read(&result)?)
            .with_context(|| format!("{} cannot be read; remove it to measure again", result.display()));
    }
    let device = device::open(crate::cli::DeviceKind::Flex)?;
    let validation = training::learn(&config, corpus, folder, &device)?;
    let network = Quantized::load(&fs::read(folder.join(BEST_FILE))?)?;
    let outcome = Outcome { seed, validation, structure: Structure::measure(&network, seed)? };
    write_atomically(&result, serde_json::to_string(&outcome)?.as_bytes())?;
    Ok(outcome)
}

/// The command, without the places that only its author has.
fn command(args: &AblationArgs) -> String {
    let plan = args.plan.as_deref().map(|plan| format!(" --plan {}", provenance::place(plan)));
    let notes = args.notes.as_deref().map(|notes| format!(" --notes {}", provenance::place(notes)));
    format!(
        "performance-rnn ablation --data DATA --out {} --seeds {}{}{}",
        provenance::place(&args.out),
        args.seeds,
        plan.unwrap_or_default(),
        notes.unwrap_or_default()
    )
}
