//! Arguments of the commands for scores.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use learn::ScoreTraining;

/// Who performs a score.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Renderer {
    /// A recurrent network taught by people.
    #[default]
    Network,
    /// A regression fitted to people.
    Ridge,
    /// The KTH rules.
    Kth,
    /// Nobody: one tempo, one loudness.
    Flat,
}

#[derive(Args, Debug)]
pub(crate) struct PerformArgs {
    /// MusicXML (.musicxml, .xml, .mxl) or a quantized MIDI file.
    pub(crate) score: PathBuf,
    /// How much of the expression: 0 is the score as written, 1 as people do, 2 twice as much.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) expression: f64,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) renderer: Renderer,
    /// Character of the rules: natural, lyrical, lively, solemn or metronomic.
    #[arg(long)]
    pub(crate) palette: Option<String>,
    /// The same seed plays the same interpretation.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Number of interpretations: the first with this seed, the next with the one after it. Files are
    /// numbered.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=64))]
    pub(crate) takes: u8,
    /// MIDI file to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ScoreReportArgs {
    /// Folder with `score/` and `performance/SPLIT/` below it.
    #[arg(long)]
    pub(crate) pairs: PathBuf,
    /// Folder with `annotations/score/` and `annotations/performance/` below it, and `musicxml/` where there
    /// is any.
    #[arg(long)]
    pub(crate) annotations: PathBuf,
    /// Only performances of this split, e.g. `validation`.
    #[arg(long)]
    pub(crate) only: Option<String>,
    /// Markdown file to write; plots go to a folder of its name beside it.
    #[arg(long, default_value = "docs/score.md")]
    pub(crate) out: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Whose performances are learned from.
#[derive(Args, Debug)]
pub(crate) struct TaughtArgs {
    /// Folder with `score/` and `performance/SPLIT/` below it.
    #[arg(long)]
    pub(crate) pairs: PathBuf,
    /// Folder with `annotations/score/` and `annotations/performance/` below it.
    #[arg(long)]
    pub(crate) annotations: PathBuf,
    /// Performances of this split.
    #[arg(long, default_value = "train")]
    pub(crate) only: String,
}

#[derive(Args, Debug)]
pub(crate) struct ScoreFitArgs {
    #[command(flatten)]
    pub(crate) taught: TaughtArgs,
    /// File to write.
    #[arg(long, default_value = "crates/performance/ridge/ridge.txt")]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct ScoreTrainArgs {
    #[command(flatten)]
    pub(crate) taught: TaughtArgs,
    /// Keep every n-th score out and measure on it; 0 keeps none.
    #[arg(long, default_value_t = 0)]
    pub(crate) hold_out: usize,
    /// How many times all notes are read.
    #[arg(long, default_value_t = ScoreTraining::default().passes)]
    pub(crate) passes: f64,
    /// Hidden units of each direction.
    #[arg(long, default_value_t = ScoreTraining::default().hidden)]
    pub(crate) hidden: usize,
    /// Seed of the first weights and of what is drawn.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// File to write.
    #[arg(long, default_value = "crates/performance/recurrent/recurrent.bin")]
    pub(crate) out: PathBuf,
}
