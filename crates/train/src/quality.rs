//! `quality`: lets a network play by the hour, measures it against people, and writes the page that says so.

mod adherence;
mod changes;
mod loudness_model;
mod page;
mod pool;
mod primers;
mod stability;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use performance::statistics::{Excerpt, Profile};
use performance::{Controls, Performance, PitchClasses, Sampling, Token, decode};
use rnn::{Network, Quantized};
use serde::Serialize;

use crate::cli::{QualityArgs, QualityPart};
use crate::copies::{self, Copies};
use crate::corpus::Corpus;
use crate::files::read_weights;
use crate::measure::{self, Breakdown, Piece, Row};
use crate::provenance::{self, machine, place};
use crate::say::say;
use crate::structure::Structure;
use adherence::Adherence;
use changes::Changes;
use loudness_model::LoudnessModel;
use pool::{GeneratorPool, Request};
use primers::Continuity;
use stability::Stability;

/// Everything the page says.
#[derive(Serialize)]
struct Findings {
    weights: String,
    weights_sha256: String,
    machine: String,
    command: String,
    events: u64,
    generation_secs: f64,
    seconds: u32,
    human_pieces: usize,
    generated_pieces: usize,
    sample_size: usize,
    features: Vec<Row>,
    human_breakdown: Breakdown,
    breakdown: Breakdown,
    human_structure: Structure,
    structure: Structure,
    stability: Stability,
    adherence: Adherence,
    changes: Changes,
    continuity: Continuity,
    /// None if the training set is too small.
    loudness_model: Option<LoudnessModel>,
    copies: Copies,
    /// A listener's notes.
    notes: Option<String>,
}

/// The profiles that the plots are made of.
struct Profiles {
    human: Vec<Profile>,
    generated: Vec<Profile>,
}

/// How a generation is to be played.
#[derive(Clone, Debug)]
struct Manner {
    controls: Controls,
    only: PitchClasses,
}

/// A held-out human performance.
struct Human {
    composer: Option<String>,
    tokens: Vec<Token>,
    performance: Performance,
}

impl Human {
    fn secs(&self) -> f64 {
        self.performance.duration_us() as f64 / 1e6
    }

    fn excerpt(&self, from_secs: u64, to_secs: u64) -> Excerpt {
        Excerpt::of(&self.performance, from_secs * 1_000_000..to_secs * 1_000_000)
    }
}

pub(crate) fn run(args: &QualityArgs) -> Result<()> {
    let sampling = Sampling { themes: args.themes, ..args.sampling.checked()? };
    let bytes = read_weights(&args.weights)?;
    let network = Quantized::load(&bytes).with_context(|| args.weights.display().to_string())?;
    let corpus = Corpus::open(&args.data)?;
    let people = held_out(&corpus)?;
    if args.only == Some(QualityPart::Changes) {
        let mut pool = GeneratorPool::new(network, sampling, args.seed, changes::secs(args));
        return update_changes(args, &changes::measure(args, &mut pool, &people)?);
    }
    let human = beginnings(&people, args.seconds)?;
    let notes = args.notes.as_deref().map(|notes| {
        fs::read_to_string(notes).with_context(|| format!("{} cannot be read", notes.display()))
    });
    let notes = notes.transpose()?;

    let composers = adherence::composers(&network.config().composers, &corpus, &people)?;
    let plan = adherence::Plan::new(args, &people, composers);
    let primers = primers::choose(args, &people)?;
    let music = u64::from(args.pieces) * u64::from(args.seconds)
        + u64::from(args.long) * stability::SECS
        + plan.secs()
        + changes::secs(args)
        + primers::PLAYS * primers.len() as u64 * primers::SECS;
    let start = Instant::now();
    let mut pool = GeneratorPool::new(network, sampling, args.seed, music);
    let asks = (0..args.pieces).map(|_| Request::freely(args.seconds.into())).collect();
    let played = pool.record(asks)?;
    let long = pool.record((0..args.long).map(|_| Request::freely(stability::SECS)).collect())?;
    let adherence = plan.measure(&mut pool, &people)?;
    let changes = changes::measure(args, &mut pool, &people)?;
    let continuity = primers::measure(&mut pool, &people, &primers)?;
    let events = pool.finish();
    let generation_secs = start.elapsed().as_secs_f64();
    if let Some(dir) = &args.keep {
        keep(dir, "piece", &played)?;
        keep(dir, "long", &long)?;
    }

    let generated: Vec<Piece> = played
        .iter()
        .map(|performance| Piece::new(Excerpt::of(performance, 0..u64::from(args.seconds) * 1_000_000)))
        .collect();
    let profiles = Profiles { human: measure::profiles(&human), generated: measure::profiles(&generated) };
    let findings = Findings {
        weights: place(&args.weights),
        weights_sha256: provenance::sha256(&bytes),
        machine: machine(),
        command: command(args),
        events,
        generation_secs,
        seconds: args.seconds,
        human_pieces: human.len(),
        generated_pieces: generated.len(),
        sample_size: measure::sample_size(human.len(), generated.len()),
        features: measure::rows(&profiles.human, &profiles.generated)?,
        human_breakdown: Breakdown::of(human.iter().map(|piece| &piece.excerpt)),
        breakdown: Breakdown::of(generated.iter().map(|piece| &piece.excerpt)),
        human_structure: Structure::of_pieces(&human),
        structure: Structure::of_pieces(&generated),
        stability: stability::measure(&people, &long)?,
        adherence,
        changes,
        continuity,
        loudness_model: LoudnessModel::of(&corpus)?,
        copies: copies::search(&corpus, [&human, &generated])?,
        notes,
    };
    page::write(&args.out, &findings, &profiles)?;
    if args.json {
        say!("{}", serde_json::to_string(&findings)?)?;
    } else {
        say!("{events} events in {generation_secs:.0} s; the page is {}", args.out.display())?;
    }
    Ok(())
}

/// Writes only the section about changes anew.
fn update_changes(args: &QualityArgs, changes: &Changes) -> Result<()> {
    let page = fs::read_to_string(&args.out).with_context(|| {
        format!("{}, whose section is to be replaced, cannot be read", args.out.display())
    })?;
    let mut section = String::new();
    changes::section(&mut section, changes)?;
    crate::files::write_atomically(&args.out, changes::replace_section(&page, &section).as_bytes())?;
    if args.json {
        say!("{}", serde_json::to_string(changes)?)?;
    } else {
        say!("{section}")?;
    }
    Ok(())
}

/// The first seconds of the pieces that were kept from training.
pub(crate) fn human_pieces(corpus: &Corpus, seconds: u32) -> Result<Vec<Piece>> {
    beginnings(&held_out(corpus)?, seconds)
}

fn beginnings(people: &[Human], seconds: u32) -> Result<Vec<Piece>> {
    let long_enough = people.iter().filter(|human| human.secs() >= f64::from(seconds));
    let pieces: Vec<Piece> = long_enough.map(|human| Piece::new(human.excerpt(0, seconds.into()))).collect();
    ensure!(
        pieces.len() >= 2,
        "expected at least 2 held-out pieces of {seconds} s, found {}; prepare more, or ask for fewer --seconds",
        pieces.len()
    );
    Ok(pieces)
}

/// The pieces that were kept from training, from their first note.
fn held_out(corpus: &Corpus) -> Result<Vec<Human>> {
    let (_, validation) = corpus.split()?;
    let human = |piece: &crate::corpus::Piece| -> Result<Human> {
        let tokens = corpus.tokens(piece)?;
        let performance = decode(&tokens).performance;
        Ok(Human { composer: piece.composer.clone(), tokens, performance })
    };
    validation.iter().map(human).collect()
}

fn keep(dir: &Path, name: &str, performances: &[Performance]) -> Result<()> {
    for (idx, performance) in performances.iter().enumerate() {
        let file = dir.join(format!("{name}-{idx:04}.mid"));
        crate::files::write_atomically(&file, &performance::midi::write(performance))?;
    }
    Ok(())
}

/// The command, without the places that only its author has and what changes nothing.
fn command(args: &QualityArgs) -> String {
    let notes = args.notes.as_deref().map(|notes| format!(" --notes {}", place(notes)));
    format!(
        "performance-rnn quality --weights {} --data DATA --out {} --pieces {} --seconds {} --long {} --each {} \
         --primers {} --seed {} --temperature {} --top-p {} --themes {}{}",
        place(&args.weights),
        place(&args.out),
        args.pieces,
        args.seconds,
        args.long,
        args.each,
        args.primers,
        args.seed,
        args.sampling.temperature,
        args.sampling.top_p,
        args.themes,
        notes.unwrap_or_default()
    )
}
