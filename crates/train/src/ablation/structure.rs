//! What a network has not understood of how events follow one another: errors that the player's mask would
//! hide.

use anyhow::Result;
use performance::Controls;
use performance::{Event, N_TOKENS, Sounding, Token, VelocityBin};
use pollster::block_on;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use rnn::{MAX_TAKES, Network, Quantized, Reader, StepInput};
use serde::{Deserialize, Serialize};

/// Groups of takes that are played side by side.
const GROUPS: u64 = 4;
/// Events of each take.
const EVENTS: usize = 1000;

/// Errors of structure in sampled events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Structure {
    /// Sampled in all.
    pub(super) events: usize,
    /// NOTE_ONs of a sounding pitch.
    pub(super) strikes: usize,
    /// NOTE_OFFs of a silent pitch.
    pub(super) releases: usize,
}

impl Structure {
    /// Samples from the network's own probabilities: temperature 1, no mask, no logit bias.
    pub(super) fn measure(network: &Quantized, seed: u64) -> Result<Self> {
        let groups: Vec<Self> = (0..GROUPS)
            .into_par_iter()
            .map(|group| Self::of_group(network, seed.wrapping_mul(GROUPS).wrapping_add(group)))
            .collect::<Result<_>>()?;
        let mut total = Self::default();
        for group in groups {
            total.events += group.events;
            total.strikes += group.strikes;
            total.releases += group.releases;
        }
        Ok(total)
    }

    fn of_group(network: &Quantized, seed: u64) -> Result<Self> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let controls = network.controls(&network.config().encode(&Controls::default())?);
        let mut state = network.state(MAX_TAKES);
        // Pieces open with a VELOCITY; a middling one.
        let mut readers = vec![Reader::new(network.config().memory); MAX_TAKES];
        let opening = Event::Velocity(VelocityBin::new(16)?).into();
        let mut takes: Vec<StepInput> = readers.iter_mut().map(|reader| reader.read(opening)).collect();
        let mut found = Self::default();
        for _ in 0..EVENTS {
            network.step(&mut state, &controls, &takes)?;
            let logits = block_on(network.logits(&state))?;
            for ((take, reader), logits) in
                takes.iter_mut().zip(&mut readers).zip(logits.chunks_exact(N_TOKENS))
            {
                let token = draw(logits, &mut rng)?;
                found.count(take.sounding, Event::from(token));
                *take = reader.read(token);
            }
        }
        Ok(found)
    }

    /// One event more, and what sounded before it.
    fn count(&mut self, sounding: Sounding, event: Event) {
        self.events += 1;
        if !sounding.allows(event) {
            match event {
                Event::NoteOn(_) => self.strikes += 1,
                Event::NoteOff(_) => self.releases += 1,
                Event::TimeShift(_) | Event::Velocity(_) => {}
            }
        }
    }

    /// Errors of each kind in a thousand events.
    pub(super) fn per_1000(&self) -> [f64; 2] {
        [self.strikes, self.releases].map(|errors| 1000.0 * errors as f64 / self.events.max(1) as f64)
    }
}

/// An event of the softmax of `logits`.
fn draw(logits: &[f32], rng: &mut ChaCha8Rng) -> Result<Token> {
    let highest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights: Vec<f64> = logits.iter().map(|&score| f64::from(score - highest).exp()).collect();
    let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
    let place = weights.iter().position(|weight| {
        left -= weight;
        left < 0.0
    });
    Ok(Token::new(place.unwrap_or(N_TOKENS - 1) as u16)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use performance::Pitch;

    #[test]
    fn errors_are_counted_by_kind() {
        let (on, off) = (Event::NoteOn(Pitch::new(60).unwrap()), Event::NoteOff(Pitch::new(60).unwrap()));
        let mut sounding = Sounding::default();
        let mut found = Structure::default();
        for event in [off, on, on, on, off, off] {
            found.count(sounding, event);
            sounding.apply(event);
        }
        assert_eq!(found, Structure { events: 6, strikes: 2, releases: 2 });
        assert_eq!(Structure { events: 4000, strikes: 2, releases: 1 }.per_1000(), [0.5, 0.25]);
    }

    #[test]
    fn draws_follow_the_softmax() {
        let mut logits = [-1e9; N_TOKENS];
        (logits[7], logits[300]) = (0.0, 3.0f32.ln());
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let n = (0..10_000).filter(|_| draw(&logits, &mut rng).unwrap().index() == 300).count();
        assert!((7300..7700).contains(&n), "{n} of 10000");
    }
}
