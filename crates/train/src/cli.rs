//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Prepare data, train, evaluate, generate, inspect and measure Performance RNN.
#[derive(Debug, Parser)]
#[command(name = "performance-rnn", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Turn folders of MIDI files into tokens to train on.
    Prepare(PrepareArgs),
    /// Train a network.
    Train(TrainArgs),
    /// Measure how well a network predicts performances.
    Evaluate(EvaluateArgs),
    /// Turn a run's best weights into a released file with its model card.
    Release(ReleaseArgs),
    /// Let a network play, into a MIDI file.
    Generate(GenerateArgs),
    /// Show what an import finds in a MIDI file, applies and drops.
    Inspect(InspectArgs),
    /// Measure events per second, generated and trained.
    Bench(BenchArgs),
}

/// Where tensors are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceKind {
    /// The processor.
    #[default]
    Flex,
    /// A GPU through Vulkan, Metal or DirectX (build with `--features wgpu`).
    Wgpu,
    /// An NVIDIA GPU (build with `--features cuda`).
    Cuda,
}

#[derive(Args, Debug)]
pub(crate) struct PrepareArgs {
    /// Folders of MIDI files; `train/` and `validation/` below them are kept apart.
    #[arg(required = true)]
    pub(crate) dirs: Vec<PathBuf>,
    /// Folder to write to.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// CSV with the columns `path` and `composer` (or MAESTRO's own).
    #[arg(long)]
    pub(crate) manifest: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TrainArgs {
    /// TOML file with the settings; see `configs/`.
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// Folder that `prepare` wrote.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Folder for checkpoints, weights and curves.
    #[arg(long)]
    pub(crate) out: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Go on from the last checkpoint in `--out`.
    #[arg(long)]
    pub(crate) resume: bool,
}

#[derive(Args, Debug)]
pub(crate) struct EvaluateArgs {
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// Folder that `prepare` wrote, or a folder of MIDI files.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Only pieces whose path begins with this, e.g. `validation/maestro-v3`.
    #[arg(long)]
    pub(crate) only: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ReleaseArgs {
    /// Folder that `train` wrote.
    #[arg(long)]
    pub(crate) run: PathBuf,
    /// Folder that `prepare` wrote.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// The run's settings, for the card.
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// What the data is and who made it, for the card.
    #[arg(
        long,
        default_value = "MAESTRO v3.0.0 (Hawthorne et al. 2019) and (n)ASAP (Foscarin et al. 2020, Peter et al. 2023), CC BY-NC-SA 4.0"
    )]
    pub(crate) data_name: String,
    /// Measure every n-th piece only; the card says so.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) every: u16,
    /// Anything else the card should say about the training.
    #[arg(long)]
    pub(crate) note: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Path without extension; `.safetensors`, `.md` and `.svg` are written.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct GenerateArgs {
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// Length of the music, in seconds.
    #[arg(long, default_value_t = 60.0)]
    pub(crate) seconds: f64,
    /// The same seed and settings play the same music.
    #[arg(long)]
    pub(crate) seed: u64,
    /// MIDI file to go on from.
    #[arg(long)]
    pub(crate) primer: Option<PathBuf>,
    /// Leave the primer out of the written file.
    #[arg(long, requires = "primer")]
    pub(crate) without_primer: bool,
    #[arg(long, default_value_t = 1.0)]
    pub(crate) temperature: f32,
    /// Draw from the likeliest events that together reach this probability.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) top_p: f32,
    /// Notes per second to aim at.
    #[arg(long)]
    pub(crate) density: Option<f32>,
    /// Twelve weights, C first, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) pitch_classes: Option<Vec<f32>>,
    /// Last name of a composer that the weights know.
    #[arg(long)]
    pub(crate) composer: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// MIDI file to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct InspectArgs {
    pub(crate) file: PathBuf,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Sequences trained side by side.
    #[arg(long, default_value_t = 32)]
    pub(crate) batch: usize,
    /// Events of each sequence.
    #[arg(long, default_value_t = 128)]
    pub(crate) time: usize,
    /// Measure generation alone.
    #[arg(long)]
    pub(crate) without_training: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}
