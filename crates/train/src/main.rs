//! `performance-rnn`: from MIDI files to weights, and from weights to MIDI files.

mod ablation;
mod bench;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod bench_gpu;
mod bench_midi;
mod cli;
mod compare;
mod config;
mod copies;
mod copying;
mod corpus;
mod density;
mod device;
mod evaluate;
mod files;
mod generate;
mod inspect;
mod measure;
mod memory;
mod pace;
mod perform;
mod plot;
mod prepare;
mod progress;
mod provenance;
mod quality;
mod release;
mod replica;
mod returns;
mod roll;
mod say;
mod score;
mod structure;
mod sweep;
mod teach;
mod training;

use std::process::ExitCode;

use clap::Parser;
use cli::{Cli, Command};
use say::remark;

/// Exit codes: 0 done, 2 bad usage (clap's own), 1 anything else with one sentence on standard error.
fn main() -> ExitCode {
    memory::keep();
    let result = match Cli::parse().command {
        Command::Prepare(args) => prepare::run(&args),
        Command::Train(args) => training::run(&args),
        Command::Teach(args) => teach::run(&args),
        Command::Evaluate(args) => evaluate::run(&args),
        Command::FitCopying(args) => copying::run(&args),
        Command::FitReturns(args) => returns::run(&args),
        Command::FitDensity(args) => density::run(&args),
        Command::FitPace(args) => pace::run(&args),
        Command::Release(args) => release::run(&args),
        Command::Generate(args) => generate::run(&args),
        Command::Ablation(args) => ablation::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::Quality(args) => quality::run(&args),
        Command::Sweep(args) => sweep::run(&args),
        Command::Perform(args) => perform::run(&args),
        Command::ScoreReport(args) => score::run_report(&args),
        Command::ScoreFit(args) => score::run_fit(&args),
        Command::ScoreTrain(args) => score::run_train(&args),
        Command::Roll(args) => roll::run(&args),
        Command::Inspect(args) => inspect::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::ServeDevice(args) => device::serve(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            remark!("performance-rnn: {error:#}");
            ExitCode::from(1)
        }
    }
}
