//! The command line.

mod fit;
mod score;

use std::path::PathBuf;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
pub(crate) use fit::{FitCopyingArgs, FitDensityArgs, FitPaceArgs, FitReturnsArgs};
use learn::Precision;
use performance::{PitchClasses, ReturnRate, Sampling};
pub(crate) use score::{PerformArgs, Renderer, ScoreFitArgs, ScoreReportArgs, ScoreTrainArgs, TaughtArgs};

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
    /// Teach a network somebody's own music, as the page does.
    Teach(TeachArgs),
    /// Measure how well a network predicts performances.
    Evaluate(EvaluateArgs),
    /// Fit the copy model's constants: how much likelier what was played before is than a network expects.
    FitCopying(FitCopyingArgs),
    /// Fit how often themes come back, from how far back, for how long and in which key.
    FitReturns(FitReturnsArgs),
    /// Fit by how much a density that is asked for is overshot, for guidance to take back.
    FitDensity(FitDensityArgs),
    /// Fit the bias of waits with which performances are as dense as people's, on CPU threads.
    FitPace(FitPaceArgs),
    /// Turn a run's best weights into a released file with its model card.
    Release(ReleaseArgs),
    /// Generate music into a MIDI file.
    Generate(GenerateArgs),
    /// Train with several variants of the settings on the same budget, and write a page that compares them.
    Ablation(AblationArgs),
    /// Compare two folders of performances; the floor is how much the first differs within itself.
    Compare(CompareArgs),
    /// Generate hours of music, measure them against human pieces, and write a page about it.
    Quality(QualityArgs),
    /// Generate music with several temperatures and top-ps, and write a page that compares them with people.
    Sweep(SweepArgs),
    /// Play a score with expression, into a MIDI file.
    Perform(PerformArgs),
    /// Measure how much renderers of scores agree with people, and write a page about it.
    ScoreReport(ScoreReportArgs),
    /// Fit the ridge renderer to people's performances of scores.
    ScoreFit(ScoreFitArgs),
    /// Teach a recurrent network to perform scores as people do, on CPU threads.
    ScoreTrain(ScoreTrainArgs),
    /// Draw MIDI files as piano rolls, one below another.
    Roll(RollArgs),
    /// Show what an import finds in a MIDI file, applies and drops.
    Inspect(InspectArgs),
    /// Measure events per second, generated and trained. Takes half a minute.
    Bench(BenchArgs),
    /// Lend this machine's devices to `train --remote` on another (build with `--features remote`).
    ServeDevice(ServeDeviceArgs),
}

/// Where tensors are computed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum DeviceKind {
    /// The CPU.
    #[default]
    Flex,
    /// A GPU through Vulkan, Metal or DirectX (build with `--features wgpu`).
    Wgpu,
    /// An NVIDIA GPU (build with `--features cuda`).
    Cuda,
}

/// How events are drawn.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct SamplingArgs {
    #[arg(long, default_value_t = Sampling::default().temperature)]
    pub(crate) temperature: f32,
    /// Draw from the likeliest events that together reach this probability.
    #[arg(long, default_value_t = Sampling::default().top_p)]
    pub(crate) top_p: f32,
}

impl SamplingArgs {
    /// # Errors
    /// If one of them is out of its range.
    pub(crate) fn checked(self) -> Result<Sampling, performance::Error> {
        Sampling { temperature: self.temperature, top_p: self.top_p, ..Sampling::default() }.check()
    }
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
pub(crate) struct TeachArgs {
    /// Folders of MIDI files to learn from; a part of them is set aside and measured on.
    #[arg(required = true)]
    pub(crate) music: Vec<PathBuf>,
    /// Weights to begin with.
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// File for the best weights.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Events to learn, repetitions included; without it, as many as the page takes.
    #[arg(long)]
    pub(crate) events: Option<u64>,
    /// Share of music that the given weights invent, so that they are not forgotten.
    #[arg(long)]
    pub(crate) replayed: Option<f64>,
    /// Highest learning rate.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Share of hidden units left out at random.
    #[arg(long)]
    pub(crate) dropout: Option<f64>,
    /// Only so many layers from the top learn, and the head; without it, all do.
    #[arg(long)]
    pub(crate) upper_layers: Option<usize>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct TrainArgs {
    /// Settings: `small`, `base`, `large`, `finetune`, or a TOML file; see `crates/train/configs`. Without it
    /// `base`, and with `--from` `finetune`.
    #[arg(long)]
    pub(crate) config: Option<String>,
    /// Weights to begin with, instead of random ones.
    #[arg(long)]
    pub(crate) from: Option<PathBuf>,
    /// Folder that `prepare` wrote, or a folder of MIDI files.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Folder for checkpoints, weights and curves.
    #[arg(long)]
    pub(crate) out: PathBuf,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Numbers of the GPUs to train on side by side, each with `batch` sequences of its own.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    pub(crate) devices: Vec<usize>,
    /// Train on the devices that `serve-device` lends at this address, `ws://HOST:PORT`; `--devices` are its
    /// numbers (build with `--features remote`).
    #[arg(long, conflicts_with = "device", value_name = "URL")]
    pub(crate) remote: Option<String>,
    /// The token of `serve-device`.
    #[arg(long, requires = "remote")]
    pub(crate) token: Option<String>,
    /// Resume from the last checkpoint in `--out`.
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
    /// Of those, only every n-th, beginning with the first.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) every: u16,
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Measure the network in int8, as the CPU plays it, instead of the one in 32 bits.
    #[arg(long, conflicts_with = "device")]
    pub(crate) quantized: bool,
    /// Put the copy model on top: what was played before becomes likelier.
    #[arg(long, requires = "quantized")]
    pub(crate) copying: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct ReleaseArgs {
    /// Folder that `train` wrote.
    #[arg(long)]
    pub(crate) run: PathBuf,
    /// Folder that `prepare` wrote, or a folder of MIDI files.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// The run's settings, for the card.
    #[arg(long)]
    pub(crate) config: PathBuf,
    /// What the data is and who made it, for the model card.
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
    /// Path without extension; `.safetensors`, `.int8.safetensors`, `.md` and `.svg` are written.
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
    /// Number of takes to play at once, in less time than one after another: the first with this seed, the
    /// next with the one after it, and so on. With more than one, files are numbered.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=rnn::MAX_TAKES as i64))]
    pub(crate) takes: u8,
    /// MIDI file to go on from.
    #[arg(long)]
    pub(crate) primer: Option<PathBuf>,
    /// Use only the first seconds of the primer; notes that sound there go on.
    #[arg(long, requires = "primer")]
    pub(crate) primer_seconds: Option<f64>,
    /// Do not condition on the primer's density and pitch classes, nor match its loudness.
    #[arg(long, requires = "primer")]
    pub(crate) unconditioned: bool,
    /// The old name of `--unconditioned`.
    #[arg(long, requires = "primer", hide = true)]
    pub(crate) stray: bool,
    /// Leave the primer out of the written file.
    #[arg(long, requires = "primer")]
    pub(crate) without_primer: bool,
    /// Write what two hands cannot have held as shorter keys and a sustain pedal.
    #[arg(long)]
    pub(crate) write_pedal: bool,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    /// Notes per second to aim at.
    #[arg(long)]
    pub(crate) density: Option<f32>,
    /// Twelve weights, C first, separated by commas.
    #[arg(long, value_delimiter = ',')]
    pub(crate) pitch_classes: Option<Vec<f32>>,
    /// Begin no notes but these, separated by commas: `C,D,E,F#` or `A,C,Eb`.
    #[arg(long, value_name = "PITCH_CLASSES", default_value_t)]
    pub(crate) only: PitchClasses,
    /// Last name of a composer that the weights know.
    #[arg(long)]
    pub(crate) composer: Option<String>,
    /// Have themes come back this often, in percent of how often people's do, and make likelier what was played
    /// before; 0: neither.
    #[arg(long, value_name = "PERCENT", default_value_t = ReturnRate::AS_PEOPLE)]
    pub(crate) themes: ReturnRate,
    /// Where the network plays. Both the CPU and a GPU play it in int8.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// MIDI file to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct AblationArgs {
    /// Folder that `prepare` wrote, or a folder of MIDI files.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// TOML file of a reference and its variants, instead of `crates/train/configs/ablation.toml`.
    #[arg(long)]
    pub(crate) plan: Option<PathBuf>,
    /// Seeds that each variant is trained with.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=100))]
    pub(crate) seeds: u64,
    /// Folder for the runs; what is done there is not done again.
    #[arg(long, default_value = "runs/ablation")]
    pub(crate) runs: PathBuf,
    /// Markdown file to write; plots go to a folder of its name beside it.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Markdown of what was tried elsewhere, to put into the page.
    #[arg(long)]
    pub(crate) notes: Option<PathBuf>,
    /// Print one JSON object, too.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct CompareArgs {
    /// Folder of human performances, as MIDI files.
    #[arg(value_name = "REFERENCE_DIR")]
    pub(crate) reference: PathBuf,
    /// Folder of performances to compare with them, as MIDI files.
    #[arg(value_name = "GENERATED_DIR")]
    pub(crate) generated: PathBuf,
    /// Only the first seconds of each piece are compared.
    #[arg(long, default_value_t = 120.0)]
    pub(crate) seconds: f64,
    /// Folder that `prepare` wrote, or a folder of MIDI files: also say what is copied from its training pieces.
    #[arg(long)]
    pub(crate) train: Option<PathBuf>,
    /// Folder to draw plots in.
    #[arg(long)]
    pub(crate) plots: Option<PathBuf>,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct QualityArgs {
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// Folder that `prepare` wrote, or a folder of MIDI files, with human pieces to train and to validate on.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Markdown file to write; plots go to a folder of its name beside it.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Measure only this, and replace its section in the page.
    #[arg(long, value_enum)]
    pub(crate) only: Option<QualityPart>,
    /// Generations to hold against human pieces.
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) pieces: u32,
    /// Length of each, in seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=3600))]
    pub(crate) seconds: u32,
    /// Generations of ten minutes, for what time does to them.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) long: u32,
    /// Generations of a minute for each value of a control.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) each: u32,
    /// Human openings of 30 seconds to go on from.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(2..=10_000))]
    pub(crate) primers: u32,
    /// The same seed and settings give the same page.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[command(flatten)]
    pub(crate) sampling: SamplingArgs,
    /// Have themes come back this often, in percent of how often people's do.
    #[arg(long, value_name = "PERCENT", default_value_t = ReturnRate::AS_PEOPLE)]
    pub(crate) themes: ReturnRate,
    /// Markdown with a listener's notes, to put into the page.
    #[arg(long)]
    pub(crate) notes: Option<PathBuf>,
    /// Folder to keep the generations in, as MIDI files.
    #[arg(long)]
    pub(crate) keep: Option<PathBuf>,
    /// Print one JSON object, too.
    #[arg(long)]
    pub(crate) json: bool,
}

/// What `quality` can measure alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum QualityPart {
    /// How soon the music follows controls that change in mid-piece.
    Changes,
}

#[derive(Args, Debug)]
pub(crate) struct SweepArgs {
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// Folder that `prepare` wrote, or a folder of MIDI files, with human pieces to validate on.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Markdown file to write.
    #[arg(long)]
    pub(crate) out: PathBuf,
    /// Generations with each pair of settings.
    #[arg(long, default_value_t = 96, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub(crate) pieces: u32,
    /// Length of each, in seconds.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(10..=3600))]
    pub(crate) seconds: u32,
    /// Of the first generation; the next has the next.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    #[arg(long, value_delimiter = ',', default_value = "0.9,0.95,1,1.05")]
    pub(crate) temperatures: Vec<f32>,
    #[arg(long, value_delimiter = ',', default_value = "0.95,1")]
    pub(crate) top_ps: Vec<f32>,
    /// Print one JSON object, too.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Args, Debug)]
pub(crate) struct RollArgs {
    /// MIDI files.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Where to begin in each, in seconds.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) from: f64,
    /// How much of each is drawn, in seconds.
    #[arg(long, default_value_t = 60.0)]
    pub(crate) seconds: f64,
    /// Where to draw a line, in seconds: where primers end.
    #[arg(long)]
    pub(crate) mark: Option<f64>,
    /// Mark where the top line repeats what was heard 1 to 120 seconds before, and where that was.
    #[arg(long)]
    pub(crate) returns: bool,
    /// SVG file to write.
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
pub(crate) struct ServeDeviceArgs {
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Numbers of the GPUs to lend.
    #[arg(long, value_delimiter = ',', default_value = "0")]
    pub(crate) devices: Vec<usize>,
    /// Address to listen on; port 0 takes a free one. The connection is not encrypted: use a tunnel across
    /// networks that are not your own.
    #[arg(long, default_value = "127.0.0.1:3000", value_name = "ADDRESS:PORT")]
    pub(crate) listen: std::net::SocketAddr,
    /// Lend only to clients that give this token.
    #[arg(long)]
    pub(crate) token: Option<String>,
}

#[derive(Args, Debug)]
pub(crate) struct BenchArgs {
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceKind,
    /// Sequences trained side by side.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) batch: u16,
    /// Events of each sequence.
    #[arg(long, default_value_t = 128, value_parser = clap::value_parser!(u16).range(2..))]
    pub(crate) time: u16,
    /// What the factors of the trained matrix products are rounded to.
    #[arg(long, default_value = "auto", value_parser = PossibleValuesParser::new(["auto", "f32", "bf16"]).map(|name| precision(&name)))]
    pub(crate) precision: Precision,
    /// Train with the setting `recompute`: less memory, more work.
    #[arg(long)]
    pub(crate) recompute: bool,
    /// Folder that `prepare` wrote, or a folder of MIDI files: also measure how fast crops of it are made.
    #[arg(long)]
    pub(crate) data: Option<PathBuf>,
    /// Measure reading, writing, encoding and decoding of the MIDI files below a folder, and nothing else.
    #[arg(long, conflicts_with_all = ["data", "train_only", "generate_only"])]
    pub(crate) midi: Option<PathBuf>,
    /// Leave generation out.
    #[arg(long)]
    pub(crate) train_only: bool,
    /// Leave training out.
    #[arg(long, conflicts_with = "train_only")]
    pub(crate) generate_only: bool,
    /// Print one JSON object.
    #[arg(long)]
    pub(crate) json: bool,
}

/// One of the values that clap lets through.
fn precision(name: &str) -> Precision {
    match name {
        "f32" => Precision::F32,
        "bf16" => Precision::Bf16,
        _ => Precision::Auto,
    }
}
