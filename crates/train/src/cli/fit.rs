//! Arguments of what fits constants.

use std::path::PathBuf;

use clap::Args;
use performance::ReturnRate;

#[derive(Args, Debug)]
pub(crate) struct FitCopyingArgs {
    /// The network that the copy model is to stand on.
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// Folder that `prepare` wrote, or a folder of MIDI files.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Only pieces whose path begins with this.
    #[arg(long, default_value = "train/")]
    pub(crate) only: String,
    /// Of those, only every n-th, beginning with the first.
    #[arg(long, default_value_t = 24, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) every: u16,
    /// Rust file to write: `crates/rnn/src/copying/constants.rs`.
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Args, Debug)]
pub(crate) struct FitDensityArgs {
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// Takes of a minute for each density.
    #[arg(long, default_value_t = 16)]
    pub(crate) takes: usize,
    /// Seed of the first.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Have themes come back this often, in percent of how often people's do.
    #[arg(long, value_name = "PERCENT", default_value_t = ReturnRate::AS_PEOPLE)]
    pub(crate) themes: ReturnRate,
}

#[derive(Args, Debug)]
pub(crate) struct FitPaceArgs {
    #[arg(long)]
    pub(crate) weights: PathBuf,
    /// Folder that `prepare` wrote, or a folder of MIDI files: the people to be as dense as.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Only pieces whose path begins with this.
    #[arg(long, default_value = "validation/")]
    pub(crate) only: String,
    /// Takes of five minutes for each of three biases.
    #[arg(long, default_value_t = 48)]
    pub(crate) takes: usize,
    /// Seed of the first.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Have themes come back this often, in percent of how often people's do.
    #[arg(long, value_name = "PERCENT", default_value_t = ReturnRate::AS_PEOPLE)]
    pub(crate) themes: ReturnRate,
}

#[derive(Args, Debug)]
pub(crate) struct FitReturnsArgs {
    /// Folder that `prepare` wrote, or a folder of MIDI files.
    #[arg(long)]
    pub(crate) data: PathBuf,
    /// Only pieces whose path begins with this.
    #[arg(long, default_value = "train/")]
    pub(crate) only: String,
    /// Rust file to write: `crates/rnn/src/copying/habits.rs`.
    #[arg(long)]
    pub(crate) out: PathBuf,
}
