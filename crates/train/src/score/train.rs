//! `score-train`: the recurrent renderer's weights, from people's performances of scores.

use std::time::Instant;

use anyhow::Result;
use learn::{ScoreTraining, learn_scores};
use performance::score::{Agreement, Evaluation, Example, Part, Recurrent, Ridge};
use rayon::prelude::*;

use super::Piece;
use crate::cli::{ScoreTrainArgs, TaughtArgs};
use crate::files::write_atomically;
use crate::say::say;
use crate::{progress, score};

pub(crate) fn run(args: &ScoreTrainArgs) -> Result<()> {
    let started = Instant::now();
    let TaughtArgs { pairs, annotations, only } = &args.taught;
    let pieces = score::read(pairs, annotations, Some(only))?;
    let pieces: Vec<Piece> = pieces.into_iter().filter(|piece| !piece.people.is_empty()).collect();
    let is_kept_out = |idx: usize| args.hold_out > 0 && idx % args.hold_out == args.hold_out - 1;
    let examples: Vec<Example<'_>> = pieces
        .iter()
        .enumerate()
        .filter(|(idx, _)| !is_kept_out(*idx))
        .map(|(_, piece)| Example { score: &piece.score, people: &piece.people })
        .collect();
    let training = ScoreTraining {
        passes: args.passes,
        hidden: args.hidden,
        seed: args.seed,
        ..ScoreTraining::default()
    };
    let bar = progress::bar(0, "steps");
    let mut mean = f32::NAN;
    let network = learn_scores(&examples, &training, &learn::cpu(), |step, n_steps, loss| {
        mean = if mean.is_nan() { loss } else { mean + 0.02 * (loss - mean) };
        bar.set_length(n_steps as u64);
        bar.set_position(step as u64);
        bar.set_message(format!("· loss {mean:.3}"));
    })?;
    bar.finish_and_clear();
    write_atomically(&args.out, &network.write())?;
    say!(
        "loss {mean:.3} after {} passes over {} performances of {} scores in {:.0} s, in {}",
        args.passes,
        examples.iter().map(|example| example.people.len()).sum::<usize>(),
        examples.len(),
        started.elapsed().as_secs_f64(),
        args.out.display()
    )?;
    let kept_out: Vec<&Piece> =
        pieces.iter().enumerate().filter(|(idx, _)| is_kept_out(*idx)).map(|(_, piece)| piece).collect();
    if !kept_out.is_empty() {
        report(&network, &kept_out)?;
    }
    Ok(())
}

/// Agreement and spread on scores that it was not taught.
fn report(network: &Recurrent, pieces: &[&Piece]) -> Result<()> {
    let ridge = Ridge::released()?;
    let agreement = |piece: &&Piece| {
        let evaluation = Evaluation::new(&piece.score, &piece.people, &piece.beat_quarters);
        let played = network.render(&piece.score, &ridge);
        evaluation.with_people(&evaluation.interpretation(&piece.score, &played))
    };
    let agreements: Vec<Agreement> = pieces.par_iter().map(agreement).collect();
    let mean = Agreement::mean(&agreements);
    say!("on {} scores that were kept out:", pieces.len())?;
    for (part, (correlation, spread)) in Part::ALL.iter().zip(mean.correlation.iter().zip(mean.spread)) {
        say!("{:12} r {correlation:.3}, {spread:.2} of people's spread", part.name())?;
    }
    Ok(())
}
