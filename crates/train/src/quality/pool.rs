//! Where the network plays: many generations side by side.

use anyhow::Result;
use indicatif::ProgressBar;
use performance::{Performance, STEP_MICROS, Token, decode};
use rayon::prelude::*;
use rnn::{Controls, Quantized, Settings, VelocityOffset};

use crate::generate::Play;
use crate::progress;

const STEPS_PER_SEC: u64 = 1_000_000 / STEP_MICROS;

/// What a generation should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Request {
    pub(super) controls: Controls,
    pub(super) offset: VelocityOffset,
    pub(super) primer: Vec<Token>,
    /// Length of what is new.
    pub(super) seconds: u64,
}

impl Request {
    /// Whatever comes, for so long.
    pub(super) fn freely(seconds: u64) -> Self {
        Self { seconds, ..Self::default() }
    }
}

/// Plays what is asked, each with the next seed.
pub(super) struct GeneratorPool {
    network: Quantized,
    settings: Settings,
    next_seed: u64,
    events: u64,
    bar: ProgressBar,
}

impl GeneratorPool {
    /// `music_secs`: how much will be asked for in all.
    pub(super) fn new(network: Quantized, settings: Settings, seed: u64, music_secs: u64) -> Self {
        // Seeds of pages next to each other have no generation in common.
        let next_seed = seed.wrapping_mul(1 << 32);
        Self { network, settings, next_seed, events: 0, bar: progress::bar(music_secs, "seconds of music") }
    }

    /// Primers and what follows them, in the order of the asks.
    pub(super) fn record(&mut self, asks: Vec<Request>) -> Result<Vec<Performance>> {
        let first_seed = self.next_seed;
        self.next_seed = first_seed.wrapping_add(asks.len() as u64);
        let (network, settings, bar) = (&self.network, self.settings, &self.bar);
        let takes: Vec<Vec<Token>> = asks
            .par_iter()
            .enumerate()
            .map(|(idx, ask)| {
                let play = Play {
                    settings,
                    controls: ask.controls.clone(),
                    offset: ask.offset,
                    primer: &ask.primer,
                    wanted: ask.seconds * STEPS_PER_SEC,
                    bar: ProgressBar::hidden(),
                };
                let takes = play.on(network, &[first_seed.wrapping_add(idx as u64)])?;
                bar.inc(ask.seconds);
                Ok(takes.concat())
            })
            .collect::<Result<_>>()?;
        self.events += takes.iter().map(|take| take.len() as u64).sum::<u64>();
        let whole =
            |(ask, take): (&Request, &Vec<Token>)| decode(&[&ask.primer[..], take].concat()).performance;
        Ok(asks.iter().zip(&takes).map(whole).collect())
    }

    /// How many events were played.
    pub(super) fn finish(self) -> u64 {
        self.bar.finish_and_clear();
        self.events
    }
}
