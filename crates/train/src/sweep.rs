//! `sweep`: which temperature and which top-p sound most like people, so that the defaults are no matter of
//! taste.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use performance::statistics::{CollapseKind, Excerpt, Feature, ReleaseRates};
use performance::{Recipe, Sampling, decode};
use rayon::prelude::*;
use rnn::Quantized;
use serde::Serialize;

use crate::cli::SweepArgs;
use crate::corpus::Corpus;
use crate::files::{read_weights, write_atomically};
use crate::generate::{Play, shares};
use crate::measure::{self, Breakdown, Piece, Row, markdown_table};
use crate::provenance::{self, machine, place};
use crate::say::say;
use crate::{progress, quality};

/// Total time that notes must have sounded for a rate of releases. Smaller shows noise.
const LEAST_SECS: f64 = 60.0;

/// Everything the page says.
#[derive(Serialize)]
struct Findings {
    command: String,
    weights: String,
    weights_sha256: String,
    machine: String,
    human_pieces: usize,
    human_breakdown: Breakdown,
    human_releases: Vec<Option<f64>>,
    sample_size: usize,
    settings: Vec<Found>,
}

/// What one pair of settings came to.
#[derive(Serialize)]
struct Found {
    temperature: f32,
    top_p: f32,
    is_default: bool,
    features: Vec<Row>,
    breakdown: Breakdown,
    /// Releases per second of a sounding note, in the bins of [`ReleaseRates`].
    releases: Vec<Option<f64>>,
}

impl Found {
    /// The mean of a figure over the features; that of forced releases is the same for all, and left out.
    fn mean(&self, of: impl Fn(&Row) -> f64) -> f64 {
        let rows = || self.features.iter().filter(|row| row.feature != Feature::ForcedReleases.name());
        rows().map(of).sum::<f64>() / rows().count().max(1) as f64
    }
}

pub(crate) fn run(args: &SweepArgs) -> Result<()> {
    ensure!(
        !args.temperatures.is_empty() && !args.top_ps.is_empty(),
        "expected at least one temperature and one top-p, found none"
    );
    let pairs = args.temperatures.iter().flat_map(|&temperature| {
        args.top_ps.iter().map(move |&top_p| Sampling { temperature, top_p, ..Sampling::default() }.check())
    });
    let pairs: Vec<Sampling> = pairs.collect::<Result<_, _>>()?;
    let bytes = read_weights(&args.weights)?;
    let network = Quantized::load(&bytes).with_context(|| args.weights.display().to_string())?;
    let human = quality::human_pieces(&Corpus::open(&args.data)?, args.seconds)?;
    let profiles = measure::profiles(&human);
    let seeds: Vec<u64> = (0..u64::from(args.pieces)).map(|piece| args.seed.wrapping_add(piece)).collect();
    let music = u64::from(args.pieces) * u64::from(args.seconds) * pairs.len() as u64;
    let bar = progress::bar(music, "seconds of music");
    let mut settings = Vec::new();
    for &pair in &pairs {
        let wanted = u64::from(args.seconds) * 1_000_000;
        let play = Play { recipe: Recipe::new(args.seed, pair), wanted_us: wanted, bar: bar.clone() };
        let takes: Result<Vec<_>> =
            shares(&seeds).into_par_iter().map(|seeds| play.on(&network, seeds)).collect();
        let piece = |tokens: &Vec<_>| Piece::new(Excerpt::of(&decode(tokens).performance, 0..wanted));
        let played: Vec<Piece> = takes?.concat().iter().map(piece).collect();
        settings.push(Found {
            temperature: pair.temperature,
            top_p: pair.top_p,
            is_default: pair == Sampling::default(),
            features: measure::rows(&profiles, &measure::profiles(&played))?,
            breakdown: Breakdown::of(played.iter().map(|piece| &piece.excerpt)),
            releases: releases(&played),
        });
    }
    bar.finish_and_clear();
    let findings = Findings {
        command: command(args),
        weights: place(&args.weights),
        weights_sha256: provenance::sha256(&bytes),
        machine: machine(),
        human_pieces: human.len(),
        human_breakdown: Breakdown::of(human.iter().map(|piece| &piece.excerpt)),
        human_releases: releases(&human),
        sample_size: measure::sample_size(human.len(), seeds.len()),
        settings,
    };
    write_atomically(&args.out, page(args, &findings)?.as_bytes())?;
    if args.json {
        say!("{}", serde_json::to_string(&findings)?)?;
    } else {
        say!("{} settings; the page is {}", findings.settings.len(), args.out.display())?;
    }
    Ok(())
}

fn releases(pieces: &[Piece]) -> Vec<Option<f64>> {
    ReleaseRates::of(pieces.iter().map(|piece| &piece.excerpt)).per_sec(LEAST_SECS).to_vec()
}

fn page(args: &SweepArgs, found: &Findings) -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    let f = &mut page;
    writeln!(
        f,
        "# How the next event is drawn\n\n\
         {} generations of {} s with each pair of settings, against the first {} s of {} held-out human pieces. All of \
         this page is written by one command.\n\n\
         ```\n{}\n```\n\n\
         - **Weights:** `{}`, SHA-256 `{}`\n\
         - **Machine:** {}\n\n\
         ## Temperature and top-p\n\n\
         Overlap areas with human pieces (1: the same distribution), and their mean over all features of \
         [quality.md](quality.md); the gap is overlap less what people reach among themselves, with {} pieces on each \
         side of every draw. The last columns: generations that break down in any way, and how. The defaults are \
         in bold.\n",
        args.pieces,
        args.seconds,
        args.seconds,
        found.human_pieces,
        found.command,
        found.weights,
        found.weights_sha256,
        found.machine,
        found.sample_size,
    )?;
    let shown =
        [Feature::InterOnset, Feature::Duration, Feature::Velocity, Feature::Polyphony, Feature::Density];
    let mut header = vec!["temperature", "top-p", "mean overlap", "mean gap"];
    header.extend(shown.map(Feature::name));
    header.extend(["broken", "how"]);
    let rows: Vec<Vec<String>> = found.settings.iter().map(|setting| row(setting, &shown)).collect();
    writeln!(f, "{}", markdown_table(&header, &rows))?;
    writeln!(
        f,
        "Of the human pieces {} break down.\n\n\
         ## How readily notes end\n\n\
         Releases per second of notes that have sounded for 0.25 to 2 s, by how many sound at once. Without a logit \
         bias, the network releases too seldom where many notes sound. `rnn::sample` therefore adds 0.08 nats to \
         releases for each note beyond twelve, so that these lines agree there. Other biases end notes that have \
         sounded for more than two seconds and rests of more than three, hold back strikes beyond 31 a second, or 8 \
         on one key, and add 0.04 nats to a TIME_SHIFT for each doubling of its length. There is no figure where \
         notes sounded for less than a minute, added up.\n",
        found.human_breakdown.share.show_percent()
    )?;
    let mut header = vec!["notes at once".to_owned()];
    let starts = ReleaseRates::BINS;
    header.extend(starts.iter().enumerate().map(|(bin, start)| match starts.get(bin + 1) {
        Some(next) => format!("{start}–{}", next - 1),
        None => format!("{start} and more"),
    }));
    let line = |name: String, rates: &[Option<f64>]| {
        let cells = rates.iter().map(|rate| rate.map_or("–".to_owned(), |rate| format!("{rate:.2}")));
        std::iter::once(name).chain(cells).collect::<Vec<_>>()
    };
    let mut rows = vec![line("human".to_owned(), &found.human_releases)];
    rows.extend(found.settings.iter().map(|setting| {
        line(format!("temperature {}, top-p {}", setting.temperature, setting.top_p), &setting.releases)
    }));
    let header: Vec<&str> = header.iter().map(String::as_str).collect();
    write!(f, "{}", markdown_table(&header, &rows))?;
    Ok(page)
}

fn row(setting: &Found, shown: &[Feature]) -> Vec<String> {
    let overlap = |feature: &Feature| {
        let row = setting.features.iter().find(|row| row.feature == feature.name());
        row.map_or(f64::NAN, |row| row.overlap.value)
    };
    let count = |kind: CollapseKind| {
        let n = setting.breakdown.broken_pieces.get(kind.name()).copied().unwrap_or(0);
        (n > 0).then(|| format!("{} {n}", kind.name()))
    };
    let how: Vec<String> = CollapseKind::ALL.into_iter().filter_map(count).collect();
    let mut cells = vec![
        setting.temperature.to_string(),
        setting.top_p.to_string(),
        format!("{:.3}", setting.mean(|row| row.overlap.value)),
        format!("{:+.3}", setting.mean(|row| row.gap.value)).replace('-', "−"),
    ];
    cells.extend(shown.iter().map(|feature| format!("{:.3}", overlap(feature))));
    cells.push(setting.breakdown.share.show_percent());
    cells.push(if how.is_empty() { "–".to_owned() } else { how.join(", ") });
    if setting.is_default {
        cells.iter_mut().for_each(|cell| *cell = format!("**{cell}**"));
    }
    cells
}

/// The command, without the places that only its author has.
fn command(args: &SweepArgs) -> String {
    let list = |numbers: &[f32]| numbers.iter().map(f32::to_string).collect::<Vec<_>>().join(",");
    format!(
        "performance-rnn sweep --weights {} --data DATA --out {} --pieces {} --seconds {} --seed {} --temperatures {} \
         --top-ps {}",
        place(&args.weights),
        place(&args.out),
        args.pieces,
        args.seconds,
        args.seed,
        list(&args.temperatures),
        list(&args.top_ps)
    )
}
