//! `fit-pace`: fits the bias of waits with which performances are as dense as people's.

use anyhow::{Context, Result, ensure};
use performance::statistics::Excerpt;
use performance::{Controls, Event, N_TOKENS, Recipe, Sampling, Token, decode};
use rayon::prelude::*;
use rnn::{Error, MAX_TAKES, ModelConfig, Network, Quantized, StepInput, doublings, pace};

use crate::cli::FitPaceArgs;
use crate::corpus::Corpus;
use crate::files::read_weights;
use crate::generate::Play;
use crate::progress;
use crate::say::say;

/// Added to the bias that waits have, in nats for each doubling of their length.
const MORE: [f32; 3] = [-0.03, 0.0, 0.03];
/// Length of a take, and what is heard of a piece.
const SECS: u64 = 300;
/// Density is printed for stretches of this length, too.
const STRETCH_SECS: u64 = 60;

pub(crate) fn run(args: &FitPaceArgs) -> Result<()> {
    ensure!(args.takes >= 1, "expected at least one take for each bias, found {}", args.takes);
    let people = people(args)?;
    let bytes = read_weights(&args.weights)?;
    let network = Quantized::load(&bytes).with_context(|| args.weights.display().to_string())?;
    let sampling = Sampling { themes: args.themes, ..Sampling::default() };
    let bias = pace(sampling, &Controls::default());
    let bar = progress::bar((MORE.len() * args.takes) as u64 * SECS, "seconds of music");
    let seeds: Vec<u64> = (0..args.takes as u64).map(|take| args.seed.wrapping_add(take)).collect();
    let n_threads = rayon::current_num_threads();
    let measure = |more: f32| -> Result<Densities> {
        let paced = Paced { network: network.clone(), more };
        let play = Play { recipe: Recipe::new(0, sampling), wanted_us: SECS * 1_000_000, bar: bar.clone() };
        let takes: Vec<Vec<Vec<Token>>> = seeds
            .par_chunks(seeds.len().div_ceil(n_threads).min(MAX_TAKES))
            .map(|seeds| play.on(&paced, seeds))
            .collect::<Result<_>>()?;
        let takes: Vec<Vec<Token>> = takes.into_iter().flatten().collect();
        Ok(Densities::of(&takes))
    };
    let measured: Vec<Densities> = MORE.into_iter().map(measure).collect::<Result<_>>()?;
    bar.finish_and_clear();
    say!("notes a second, minute by minute, and in all {SECS} seconds:")?;
    say!("{}", people.line(&format!("people, {} pieces", people.n)))?;
    for (more, densities) in MORE.iter().zip(&measured) {
        say!("{}", densities.line(&format!("{:.3} nats a doubling", bias + more)))?;
    }
    let biases = MORE.map(|more| f64::from(bias + more));
    let points: Vec<(f64, f64)> =
        biases.into_iter().zip(&measured).map(|(bias, densities)| (densities.all.log2(), bias)).collect();
    let fitted = at(&points, people.all.log2());
    say!(
        "as dense as people with {fitted:.3} nats a doubling, where {bias:.3} is used (crates/rnn/src/sampling.rs)"
    )?;
    Ok(())
}

fn people(args: &FitPaceArgs) -> Result<Densities> {
    let corpus = Corpus::open(&args.data)?;
    let pieces = corpus.below(&args.only);
    ensure!(!pieces.is_empty(), "expected pieces below {}, found none in {}", args.only, args.data.display());
    let tokens: Vec<Vec<Token>> = pieces.iter().map(|piece| corpus.tokens(piece)).collect::<Result<_>>()?;
    Ok(Densities::of(&tokens))
}

/// Notes per second: the mean of performances.
#[derive(Debug)]
struct Densities {
    n: usize,
    by_stretch: Vec<f64>,
    all: f64,
}

impl Densities {
    /// Of what performances have within the first [`SECS`].
    fn of(performances: &[Vec<Token>]) -> Self {
        let performances: Vec<_> = performances
            .par_iter()
            .map(|tokens| {
                let performance = decode(tokens).performance;
                let end_us = Excerpt::whole(&performance).length_us();
                (performance, end_us)
            })
            .collect();
        // A performance counts in the stretches that it fills.
        let mean = |from_secs: u64, to_secs: u64| {
            let densities: Vec<f64> = performances
                .iter()
                .filter(|(_, end_us)| *end_us >= to_secs * 1_000_000)
                .map(|(performance, _)| {
                    Excerpt::of(performance, from_secs * 1_000_000..to_secs * 1_000_000).note_density()
                })
                .collect();
            densities.iter().sum::<f64>() / densities.len() as f64
        };
        let stretches = (0..SECS / STRETCH_SECS).map(|n| n * STRETCH_SECS);
        Self {
            n: performances.len(),
            by_stretch: stretches.map(|from| mean(from, from + STRETCH_SECS)).collect(),
            all: {
                let all = performances.iter().map(|(performance, end_us)| {
                    Excerpt::of(performance, 0..(*end_us).min(SECS * 1_000_000)).note_density()
                });
                all.sum::<f64>() / performances.len() as f64
            },
        }
    }

    fn line(&self, name: &str) -> String {
        let stretches: String = self.by_stretch.iter().map(|density| format!(" {density:6.2}")).collect();
        format!("{name:24}{stretches}  {:6.2}", self.all)
    }
}

/// A network whose waits have a further bias, before what was played before is added to its logits.
#[derive(Clone, Debug)]
struct Paced {
    network: Quantized,
    more: f32,
}

impl Network for Paced {
    type Controls = <Quantized as Network>::Controls;
    type State = <Quantized as Network>::State;

    fn config(&self) -> &ModelConfig {
        self.network.config()
    }

    fn controls(&self, encoded: &[f32]) -> Self::Controls {
        self.network.controls(encoded)
    }

    fn state(&self, n_takes: usize) -> Self::State {
        self.network.state(n_takes)
    }

    fn step(
        &self,
        state: &mut Self::State,
        controls: &Self::Controls,
        heard: &[StepInput],
    ) -> Result<(), Error> {
        self.network.step(state, controls, heard)
    }

    async fn logits(&self, state: &Self::State) -> Result<Vec<f32>, Error> {
        let mut logits = self.network.logits(state).await?;
        for take in logits.chunks_exact_mut(N_TOKENS) {
            for (token, logit) in Token::all().zip(take) {
                if let Event::TimeShift(shift) = Event::from(token) {
                    *logit += doublings(shift.steps()) * self.more;
                }
            }
        }
        Ok(logits)
    }
}

/// Where a straight line through points, by least squares, is at `x`.
fn at(points: &[(f64, f64)], x: f64) -> f64 {
    let n = points.len() as f64;
    let mean_x = points.iter().map(|(x, _)| x).sum::<f64>() / n;
    let mean_y = points.iter().map(|(_, y)| y).sum::<f64>() / n;
    let products: f64 = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let squares: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    mean_y + products / squares * (x - mean_x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use performance::{Note, Performance, Pitch, Velocity, encode};

    #[test]
    fn a_line_goes_through_its_points() {
        assert!((at(&[(3.0, 0.0), (2.0, 0.5), (1.0, 1.0)], 2.5) - 0.25).abs() < 1e-12);
    }

    #[test]
    fn performances_count_in_the_minutes_that_they_fill() {
        let notes = |n: u64, every_us: u64| {
            let note = |i: u64| Note {
                pitch: Pitch::new(60).unwrap(),
                velocity: Velocity::new(64).unwrap(),
                start_us: i * every_us,
                end_us: i * every_us + 50_000,
            };
            encode(&Performance::new((0..n).map(note).collect()))
        };
        // Two notes a second for 100 seconds, and four for 200.
        let densities = Densities::of(&[notes(201, 500_000), notes(801, 250_000)]);
        let rounded: Vec<_> = densities.by_stretch[..3].iter().map(|density| density.round()).collect();
        assert_eq!(rounded, [3.0, 4.0, 4.0]);
        assert!((densities.all - 3.0).abs() < 0.02, "{densities:?}");
    }
}
