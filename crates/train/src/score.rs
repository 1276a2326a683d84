//! Scores and people's performances of them, in folders as (n)ASAP's pairs are laid out here.

mod fit;
mod page;
mod report;
mod train;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use performance::midi;
use performance::score::{Beat, Measured, Score, align, measure};
use rayon::prelude::*;

pub(crate) use fit::run as run_fit;
pub(crate) use report::run as run_report;
pub(crate) use train::run as run_train;

use crate::files::{read_bytes, read_midi};
use crate::progress;
use crate::provenance::file_name;

/// A performance of which less than this part of the score matches follows other repeats, or another piece.
const LEAST_MATCHED: f64 = 0.5;

/// A score and how people play it.
pub(crate) struct Piece {
    pub(crate) name: String,
    pub(crate) score: Score,
    pub(crate) people: Vec<Measured>,
    /// Annotated beats of the score.
    pub(crate) beat_quarters: Vec<f64>,
    pub(crate) matched_notes: usize,
    pub(crate) played_notes: usize,
    /// Why performances were left out.
    pub(crate) left_out: Vec<String>,
}

/// Reads all pairs of a split, or of all: `score/NAME.mid` and `performance/SPLIT/NAME__PERFORMER.mid` below
/// `pairs`, beats in `annotations/score/NAME.txt` and `annotations/performance/NAME__PERFORMER.txt` below
/// `annotations`.
pub(crate) fn read(pairs: &Path, annotations: &Path, only: Option<&str>) -> Result<Vec<Piece>> {
    let performances = performances(pairs, only)?;
    let n = performances.values().map(Vec::len).sum::<usize>();
    ensure!(n > 0, "expected performances in {}, found none", pairs.join("performance").display());
    let bar = progress::bar(n as u64, "performances");
    let all: Vec<(String, Vec<PathBuf>)> = performances.into_iter().collect();
    let pieces: Result<Vec<Piece>> = all
        .into_par_iter()
        .map(|(name, files)| {
            read_piece(pairs, annotations, name, &files).inspect(|_| bar.inc(files.len() as u64))
        })
        .collect();
    bar.finish_and_clear();
    pieces
}

/// Performances by the name of their score.
fn performances(pairs: &Path, only: Option<&str>) -> Result<BTreeMap<String, Vec<PathBuf>>> {
    let mut by_score: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for split in files(&pairs.join("performance"))? {
        if !split.is_dir() || only.is_some_and(|only| !split.ends_with(only)) {
            continue;
        }
        for file in files(&split)?.into_iter().filter(|file| file.extension().is_some_and(|end| end == "mid"))
        {
            let stem = stem(&file);
            // A performer's name may have underscores, too.
            let names = stem.match_indices("__").map(|(at, _)| &stem[..at]);
            let score = names.filter(|name| score_file(pairs, name).exists()).last();
            let score = score.with_context(|| format!("{} has no score", file.display()))?.to_owned();
            by_score.entry(score).or_default().push(file);
        }
    }
    Ok(by_score)
}

fn read_piece(pairs: &Path, annotations: &Path, name: String, files: &[PathBuf]) -> Result<Piece> {
    let file = score_file(pairs, &name);
    let bytes = read_bytes(&file)?;
    let score = Score::read(&bytes).with_context(|| file.display().to_string())?;
    let score_secs = beat_secs(&annotations.join("annotations/score").join(format!("{name}.txt")))?;
    let beat_quarters: Vec<f64> = score_secs.iter().map(|secs| score.tempo().quarters(*secs)).collect();
    let mut piece = Piece {
        name,
        score,
        people: Vec::new(),
        beat_quarters,
        matched_notes: 0,
        played_notes: 0,
        left_out: Vec::new(),
    };
    for file in files {
        if let Err(error) = piece.add(annotations, file) {
            piece.left_out.push(format!("{}: {error:#}", stem(file)));
        }
    }
    Ok(piece)
}

impl Piece {
    fn add(&mut self, annotations: &Path, file: &Path) -> Result<()> {
        let secs =
            beat_secs(&annotations.join("annotations/performance").join(format!("{}.txt", stem(file))))?;
        let n_beats = self.beat_quarters.len();
        ensure!(secs.len() == n_beats, "expected {n_beats} beats as in the score, found {}", secs.len());
        let performance = midi::read(&read_midi(file)?)?.performance;
        let beats = self.beat_quarters.iter().zip(secs).map(|(&quarters, secs)| Beat { quarters, secs });
        let matching = align(&self.score, &performance, &beats.collect::<Vec<_>>());
        let share = matching.len() as f64 / self.score.notes().len() as f64;
        ensure!(
            share >= LEAST_MATCHED,
            "expected half of the score's notes to match, found {:.0} %",
            100.0 * share
        );
        let measured =
            measure(&self.score, &performance, &matching).context("fewer than two chords match")?;
        self.people.push(measured);
        self.matched_notes += matching.len();
        self.played_notes += performance.notes().len();
        Ok(())
    }
}

fn score_file(pairs: &Path, name: &str) -> PathBuf {
    pairs.join("score").join(format!("{name}.mid"))
}

/// The first column of an annotation file.
fn beat_secs(file: &Path) -> Result<Vec<f64>> {
    let text = fs::read_to_string(file).with_context(|| format!("{} cannot be read", file_name(file)))?;
    let secs = |line: &str| line.split('\t').next().and_then(|secs| secs.trim().parse().ok());
    let secs: Option<Vec<f64>> = text.lines().filter(|line| !line.trim().is_empty()).map(secs).collect();
    secs.with_context(|| format!("expected a time in seconds on each line of {}", file_name(file)))
}

/// What a folder holds, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    files.sort();
    Ok(files)
}

pub(crate) fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}
