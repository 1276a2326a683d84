//! Where the network plays: many generations side by side.

use anyhow::Result;
use indicatif::ProgressBar;
use performance::{Event, Performance, STEP_MICROS, Token, decode};
use rayon::prelude::*;
use rnn::{Controls, Generator, Model, Settings};

use crate::generate::block_on;
use crate::progress;

/// Events between two looks at the clock.
const CHUNK: usize = 32;
const STEPS_PER_SEC: u64 = 1_000_000 / STEP_MICROS;

/// What a generation should be.
#[derive(Clone, Debug, Default)]
pub(super) struct Ask {
    pub(super) controls: Controls,
    pub(super) primer: Vec<Token>,
    /// Length of what is new.
    pub(super) seconds: u64,
}

impl Ask {
    /// Whatever comes, for so long.
    pub(super) fn freely(seconds: u64) -> Self {
        Self { seconds, ..Self::default() }
    }
}

/// Plays what is asked, each with the next seed.
pub(super) struct Studio {
    model: Model,
    settings: Settings,
    next_seed: u64,
    events: u64,
    bar: ProgressBar,
}

impl Studio {
    /// `music_secs`: how much will be asked for in all.
    pub(super) fn new(model: Model, settings: Settings, seed: u64, music_secs: u64) -> Self {
        // Seeds of pages next to each other have no generation in common.
        let next_seed = seed.wrapping_mul(1 << 32);
        Self { model, settings, next_seed, events: 0, bar: progress::bar(music_secs, "seconds of music") }
    }

    /// Primers and what follows them, in the order of the asks.
    pub(super) fn record(&mut self, asks: Vec<Ask>) -> Result<Vec<Performance>> {
        let first_seed = self.next_seed;
        self.next_seed = first_seed.wrapping_add(asks.len() as u64);
        let (settings, bar) = (self.settings, &self.bar);
        let takes: Vec<Vec<Token>> = asks
            .par_iter()
            .enumerate()
            .map_with(self.model.clone(), |model, (idx, ask)| {
                let take = play(model, settings, first_seed.wrapping_add(idx as u64), ask)?;
                bar.inc(ask.seconds);
                Ok(take)
            })
            .collect::<Result<_>>()?;
        self.events += takes.iter().map(|take| take.len() as u64).sum::<u64>();
        let whole = |(ask, take): (&Ask, &Vec<Token>)| decode(&[&ask.primer[..], take].concat()).performance;
        Ok(asks.iter().zip(&takes).map(whole).collect())
    }

    /// How many events were played.
    pub(super) fn finish(self) -> u64 {
        self.bar.finish_and_clear();
        self.events
    }
}

/// Plays one: the only place here that knows how music is made.
fn play(model: &Model, settings: Settings, seed: u64, ask: &Ask) -> Result<Vec<Token>> {
    let mut generator = Generator::new(model.clone(), settings, seed);
    generator.set_controls(&ask.controls)?;
    block_on(generator.prime(&ask.primer))?;
    let (mut tokens, mut steps) = (Vec::new(), 0);
    while steps < ask.seconds * STEPS_PER_SEC {
        for token in block_on(generator.next_chunk(CHUNK))? {
            if steps >= ask.seconds * STEPS_PER_SEC {
                break;
            }
            if let Event::TimeShift(shift) = Event::from(token) {
                steps += u64::from(shift.steps());
            }
            tokens.push(token);
        }
    }
    Ok(tokens)
}
