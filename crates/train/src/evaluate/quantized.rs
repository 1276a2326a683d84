//! The same figures for the network in int8.

use anyhow::{Result, ensure};
use performance::Controls;
use performance::{N_TOKENS, Token, duration_secs};
use pollster::block_on;
use rayon::prelude::*;
use rnn::{Network, Reader, StepInput};

use learn::{Evaluation, Tally, judge};

/// Pieces that go through the network side by side, on each thread.
pub(crate) const LANES: usize = 8;

/// Whole pieces with carried state, no controls, no mask.
pub(super) fn evaluate(
    network: &(impl Network + Sync),
    pieces: &[Vec<Token>],
    progress: impl Fn(usize) + Sync,
) -> Result<Evaluation> {
    let mut order: Vec<&[Token]> = pieces.iter().map(Vec::as_slice).filter(|piece| piece.len() > 1).collect();
    ensure!(!order.is_empty(), "expected pieces of at least two events, found none");
    order.sort_by_key(|tokens| std::cmp::Reverse(tokens.len()));
    let lanes = order.par_chunks(LANES.min(order.len().div_ceil(rayon::current_num_threads())));
    let tallies: Vec<Tally> =
        lanes.map(|lanes| evaluate_lanes(network, lanes, &progress)).collect::<Result<_>>()?;
    let mut tally = Tally::default();
    tallies.iter().for_each(|other| tally.merge(other));
    let seconds: f64 = pieces.iter().map(|tokens| duration_secs(tokens)).sum();
    Ok(tally.evaluation(seconds))
}

fn evaluate_lanes(network: &impl Network, lanes: &[&[Token]], progress: impl Fn(usize)) -> Result<Tally> {
    let mut tally = Tally::default();
    read_through(network, lanes, progress, |_, _, logits, target| tally.add(judge(logits, target)))?;
    Ok(tally)
}

/// Has a network read pieces side by side, sorted from long to short, and calls `judge` for each event but
/// the first: with its lane, the index of the event before it, the logits, and the event. Lanes that have
/// ended keep reading their last event.
pub(crate) fn read_through(
    network: &impl Network,
    lanes: &[&[Token]],
    progress: impl Fn(usize),
    mut judge: impl FnMut(usize, usize, &[f32], Token),
) -> Result<()> {
    let controls = network.controls(&network.config().encode(&Controls::default())?);
    let mut state = network.state(lanes.len());
    let mut readers = vec![Reader::new(network.config().memory); lanes.len()];
    let longest = lanes.iter().map(|tokens| tokens.len()).max().unwrap_or(0);
    for time in 0..longest.saturating_sub(1) {
        let read =
            |(tokens, reader): (&&[Token], &mut Reader)| reader.read(tokens[time.min(tokens.len() - 1)]);
        let heard: Vec<StepInput> = lanes.iter().zip(&mut readers).map(read).collect();
        network.step(&mut state, &controls, &heard)?;
        let logits = block_on(network.logits(&state))?;
        let targets = lanes.iter().map(|tokens| tokens.get(time + 1));
        let mut n = 0;
        for (lane, (logits, target)) in logits.chunks_exact(N_TOKENS).zip(targets).enumerate() {
            if let Some(&target) = target {
                judge(lane, time, logits, target);
                n += 1;
            }
        }
        progress(n);
    }
    Ok(())
}
