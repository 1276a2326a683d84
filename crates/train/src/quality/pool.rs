//! Where the network plays: many generations side by side.

use anyhow::Result;
use indicatif::ProgressBar;
use performance::playback::Cursor;
use performance::{Controls, Input, Performance, Recipe, Sampling, Token, decode};
use pollster::block_on;
use rayon::prelude::*;
use rnn::{Backend, Continuation, Quantized};

use super::Manner;
use crate::generate::Play;
use crate::progress;

/// What a generation should be.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// The pool sets seed and sampling.
    recipe: Recipe,
    /// Length of what is new.
    seconds: u64,
}

impl Request {
    /// Unconditioned music of this length.
    pub(super) fn freely(seconds: u64) -> Self {
        Self { recipe: Recipe::new(0, Sampling::default()), seconds }
    }

    /// Under these controls.
    pub(super) fn controlled(controls: Controls, seconds: u64) -> Self {
        Self { recipe: Recipe::new(0, Sampling::default()).with_controls(controls), seconds }
    }

    /// After a primer, and like it.
    pub(super) fn after(primer: Vec<Token>, seconds: u64) -> Self {
        Self { recipe: Recipe::after(primer, 0, Sampling::default()), seconds }
    }

    /// After a primer, however it comes.
    pub(super) fn unconditioned_after(primer: Vec<Token>, seconds: u64) -> Self {
        Self { recipe: Recipe::unconditioned_after(primer, 0, Sampling::default()), seconds }
    }
}

/// A generation that changes its manner.
#[derive(Clone, Debug)]
pub(super) struct Changed {
    pub(super) before: Manner,
    pub(super) before_secs: u64,
    pub(super) after: Manner,
    pub(super) after_secs: u64,
}

/// The first seed of the generations that change, after that of the others: they are the same, whatever else
/// is measured.
const CHANGED: u64 = 1 << 31;

/// Plays requests, each with the next seed.
pub(super) struct GeneratorPool {
    network: Quantized,
    sampling: Sampling,
    first_seed: u64,
    next_seed: u64,
    events: u64,
    bar: ProgressBar,
}

impl GeneratorPool {
    /// `music_secs`: how much will be requested in all.
    pub(super) fn new(network: Quantized, sampling: Sampling, seed: u64, music_secs: u64) -> Self {
        // Seeds of pages next to each other have no generation in common.
        let first_seed = seed.wrapping_mul(1 << 32);
        let bar = progress::bar(music_secs, "seconds of music");
        Self { network, sampling, first_seed, next_seed: first_seed, events: 0, bar }
    }

    /// Primers and what follows them, in the order of the requests.
    pub(super) fn record(&mut self, requests: Vec<Request>) -> Result<Vec<Performance>> {
        let first_seed = self.next_seed;
        self.next_seed = first_seed.wrapping_add(requests.len() as u64);
        let Self { network, bar, .. } = &*self;
        let sampling = self.sampling;
        let takes: Vec<Vec<Token>> = requests
            .par_iter()
            .enumerate()
            .map(|(idx, request)| {
                let mut recipe = request.recipe.clone();
                recipe.log.push(0, Input::Sampling(sampling))?;
                let wanted_us = request.seconds * 1_000_000;
                let play = Play { recipe, wanted_us, bar: ProgressBar::hidden() };
                let seeds = [first_seed.wrapping_add(idx as u64)];
                let takes = play.on(network, &seeds)?;
                bar.inc(request.seconds);
                Ok(takes.concat())
            })
            .collect::<Result<_>>()?;
        self.events += takes.iter().map(|take| take.len() as u64).sum::<u64>();
        let whole = |(request, take): (&Request, &Vec<Token>)| {
            decode(&[&request.recipe.primer[..], take].concat()).performance
        };
        Ok(requests.iter().zip(&takes).map(whole).collect())
    }

    /// What is played, each with the next seed, and when it changes, in microseconds.
    pub(super) fn record_changes(&mut self, requests: &[Changed]) -> Result<Vec<(Performance, u64)>> {
        let Self { network, bar, sampling, .. } = &*self;
        let first_seed = self.first_seed.wrapping_add(CHANGED);
        let play = |(idx, changed): (usize, &Changed)| {
            let seed = first_seed.wrapping_add(idx as u64);
            let played = changed.play(network, *sampling, seed)?;
            bar.inc(changed.before_secs + changed.after_secs);
            Ok(played)
        };
        let played: Vec<(Vec<Token>, u64)> =
            requests.par_iter().enumerate().map(play).collect::<Result<_>>()?;
        self.events += played.iter().map(|(tokens, _)| tokens.len() as u64).sum::<u64>();
        Ok(played.into_iter().map(|(tokens, at_us)| (decode(&tokens).performance, at_us)).collect())
    }

    /// How many events were played.
    pub(super) fn finish(self) -> u64 {
        self.bar.finish_and_clear();
        self.events
    }
}

impl Changed {
    fn play(&self, backend: &impl Backend, sampling: Sampling, seed: u64) -> Result<(Vec<Token>, u64)> {
        let Self { before, before_secs, after, after_secs } = self;
        let mut take = Continuation::new(backend, Recipe::new(seed, sampling))?;
        let mut end = Cursor::default();
        let mut change_us = 0;
        for (Manner { controls, only }, secs) in [(before, before_secs), (after, after_secs)] {
            change_us = end.at_us();
            take.set_controls(controls.clone())?;
            take.set_sampling(Sampling { only: *only, ..sampling })?;
            while end.at_us() < change_us + secs * 1_000_000 {
                for token in block_on(take.advance(1))?.concat() {
                    end.step(token);
                }
            }
        }
        Ok((take.tokens().to_vec(), change_us))
    }
}
