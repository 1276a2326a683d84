//! `score-fit`: the ridge renderer's weights, from people's performances of scores.

use std::time::Instant;

use anyhow::Result;
use performance::score::{Example, fit};

use crate::cli::{ScoreFitArgs, TaughtArgs};
use crate::files::write_atomically;
use crate::say::say;
use crate::score;

const NOTE: &str = "weights fitted by `performance-rnn score-fit` to pairs of scores and performances of (n)ASAP and \
     MAESTRO v3.0.0, CC BY-NC-SA 4.0; see LICENSE.md";

pub(crate) fn run(args: &ScoreFitArgs) -> Result<()> {
    let started = Instant::now();
    let TaughtArgs { pairs, annotations, only } = &args.taught;
    let pieces = score::read(pairs, annotations, Some(only))?;
    let examples: Vec<Example<'_>> =
        pieces.iter().map(|piece| Example { score: &piece.score, people: &piece.people }).collect();
    let ridge = fit(&examples)?;
    write_atomically(&args.out, ridge.write(NOTE).as_bytes())?;
    say!(
        "{} features fitted to {} performances of {} scores in {:.0} s, in {}",
        ridge.n_features(),
        pieces.iter().map(|piece| piece.people.len()).sum::<usize>(),
        pieces.iter().filter(|piece| !piece.people.is_empty()).count(),
        started.elapsed().as_secs_f64(),
        args.out.display()
    )?;
    Ok(())
}
