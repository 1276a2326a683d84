//! `fit-density`: fits by how much guidance overshoots a density that is asked for.

use anyhow::{Context, Result, ensure};
use performance::statistics::Excerpt;
use performance::{Controls, Recipe, Sampling, decode};
use rayon::prelude::*;
use rnn::{DENSITY_OVERSHOOT, MAX_TAKES, MEAN_DENSITY, Quantized};

use crate::cli::FitDensityArgs;
use crate::files::read_weights;
use crate::generate::Play;
use crate::progress;
use crate::say::say;

/// Lowest and highest density, in notes per second, and how many are asked for.
const DENSITIES: (f64, f64, usize) = (1.0, 24.0, 12);
/// Length of a take.
const SECS: u64 = 60;

pub(crate) fn run(args: &FitDensityArgs) -> Result<()> {
    ensure!(
        (1..=MAX_TAKES).contains(&args.takes),
        "expected 1 to {MAX_TAKES} takes of each density, found {}",
        args.takes
    );
    let bytes = read_weights(&args.weights)?;
    let network = Quantized::load(&bytes).with_context(|| args.weights.display().to_string())?;
    let sampling = Sampling { themes: args.themes, ..Sampling::default() };
    let (low, high, n) = DENSITIES;
    let asked: Vec<f64> = (0..n).map(|i| low * (high / low).powf(i as f64 / (n - 1) as f64)).collect();
    let bar = progress::bar((n * args.takes) as u64 * SECS, "seconds of music");
    let measure = |(i, &density): (usize, &f64)| -> Result<f64> {
        let controls = Controls { density: Some(density as f32), ..Controls::default() };
        let recipe = Recipe::new(0, sampling).with_controls(controls);
        let play = Play { recipe, wanted_us: SECS * 1_000_000, bar: bar.clone() };
        let first = args.seed.wrapping_add((i * args.takes) as u64);
        let seeds: Vec<u64> = (0..args.takes as u64).map(|take| first.wrapping_add(take)).collect();
        let takes = play.on(&network, &seeds)?;
        let notes = |tokens: &Vec<_>| {
            let performance = decode(tokens).performance;
            Excerpt::of(&performance, 0..SECS * 1_000_000).note_density()
        };
        Ok(takes.iter().map(notes).sum::<f64>() / takes.len() as f64)
    };
    let measured: Vec<f64> = asked.par_iter().enumerate().map(measure).collect::<Result<_>>()?;
    bar.finish_and_clear();
    say!("notes a second, asked for and measured, with {DENSITY_OVERSHOOT}:")?;
    for (asked, measured) in asked.iter().zip(&measured) {
        say!("{asked:6.2} {measured:6.2}")?;
    }
    let slope = slope(&asked, &measured);
    say!("in doublings from {MEAN_DENSITY} notes a second, {slope:.3} times what is asked for is played")?;
    say!("DENSITY_OVERSHOOT would be {:.2} (crates/rnn/src/conditioning.rs)", DENSITY_OVERSHOOT * slope)?;
    Ok(())
}

/// How many doublings from the mean density are played for each that is asked for: least squares.
fn slope(asked: &[f64], measured: &[f64]) -> f64 {
    let doublings = |density: &f64| (density / MEAN_DENSITY).log2();
    let pairs = || asked.iter().map(doublings).zip(measured.iter().map(doublings));
    let products: f64 = pairs().map(|(asked, measured)| asked * measured).sum();
    let squares: f64 = pairs().map(|(asked, _)| asked * asked).sum();
    products / squares
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_too_far_is_measured() {
        let asked = [1.0, 4.5, 18.0, 24.0];
        let overshot = asked.map(|density| MEAN_DENSITY * (density / MEAN_DENSITY).powf(1.25));
        assert!((slope(&asked, &overshot) - 1.25).abs() < 1e-12);
        assert!((slope(&asked, &asked) - 1.0).abs() < 1e-12);
    }
}
