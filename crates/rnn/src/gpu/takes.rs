//! Takes on a device, side by side.

use performance::{Controls, Event, N_PITCHES, N_TOKENS, Sampling, Sounding, Token};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::layout::{BROKEN, CAPACITY, LOGIT_COLUMNS};
use super::network::Network;
use super::state::{DeviceSnapshot, DeviceState};
use crate::backend::{chance, opening, skip};
use crate::sampling::strike_probabilities;
use crate::{Backend, Error, Generate};

/// One or many takes of one network with the same sampling and controls, each with its own seed. A take is
/// the same whatever is played beside it.
#[derive(Debug)]
pub struct Takes {
    device: DeviceState,
    host: Host,
}

/// What changes from event to event on this side.
#[derive(Clone, Debug)]
struct Host {
    sounding: Vec<Sounding>,
    rng: Vec<ChaCha8Rng>,
    /// Whether anything was read, and so logits exist.
    opened: bool,
}

/// Everything that changes while takes are played; restoring it plays the same again.
#[derive(Clone, Debug)]
pub struct Snapshot {
    device: DeviceSnapshot,
    host: Host,
}

impl Takes {
    /// As [`Backend::takes`]: 1 of them or more.
    pub(crate) fn new(network: &Network, sampling: Sampling, seeds: &[u64]) -> Result<Self, Error> {
        if seeds.is_empty() {
            return Err(Error::Setting {
                name: "takes",
                expected: "of 1 or more".to_owned(),
                found: "0".to_owned(),
            });
        }
        let unset = network.config().encode(&Controls::default())?;
        Ok(Self {
            device: DeviceState::new(network, seeds.len(), sampling, unset),
            host: Host {
                sounding: vec![Sounding::default(); seeds.len()],
                rng: seeds.iter().map(|&seed| ChaCha8Rng::seed_from_u64(seed)).collect(),
                opened: false,
            },
        })
    }

    /// How many takes are played.
    #[must_use]
    #[allow(clippy::len_without_is_empty, reason = "there is always one")]
    pub fn len(&self) -> usize {
        self.host.rng.len()
    }

    /// Logits of the next event of each take before sampling, 413 each, read from the device. For tests.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn logits(&self) -> Result<Vec<Vec<f32>>, Error> {
        let logits = self.device.logits().await?;
        Ok(logits.chunks_exact(LOGIT_COLUMNS).map(|row| row[..N_TOKENS].to_vec()).collect())
    }

    /// Draws up to [`CAPACITY`] events of each take.
    async fn draw(&mut self, n: usize, takes: &mut [Vec<Token>]) -> Result<(), Error> {
        let chances = |rng: &mut ChaCha8Rng| (0..n).map(|_| (chance(rng) as f32).to_bits()).collect();
        let words = self.device.draw(self.host.rng.iter_mut().map(chances).collect()).await?;
        for row in words.chunks_exact(self.len()) {
            for ((&word, take), sounding) in row.iter().zip(takes.iter_mut()).zip(&mut self.host.sounding) {
                let token = match u16::try_from(word).ok().and_then(|number| Token::new(number).ok()) {
                    Some(token) => token,
                    None if word == BROKEN => return Err(Error::NotFinite(f32::NAN)),
                    None => return Err(Error::Device(format!("expected an event, found {word}"))),
                };
                sounding.apply(Event::from(token));
                take.push(token);
            }
        }
        Ok(())
    }

    /// Each take reads its own events; all read the same number.
    fn step(&mut self, takes: &[&[Token]]) {
        let time = takes.first().map_or(0, |tokens| tokens.len());
        for start in (0..time).step_by(CAPACITY) {
            let chunk = start..time.min(start + CAPACITY);
            let numbers =
                |tokens: &&[Token]| tokens[chunk.clone()].iter().map(|t| u32::from(t.get())).collect();
            self.device.step(takes.iter().map(numbers).collect());
        }
        if time > 0 {
            self.device.logit();
            self.host.opened = true;
        }
        for (sounding, tokens) in self.host.sounding.iter_mut().zip(takes) {
            for &token in *tokens {
                sounding.apply(Event::from(token));
            }
        }
    }
}

impl Backend for Network {
    type Takes = Takes;

    fn takes(&self, sampling: Sampling, seeds: &[u64]) -> Result<Takes, Error> {
        Takes::new(self, sampling, seeds)
    }
}

impl Generate for Takes {
    type Snapshot = Snapshot;

    /// A snapshot copies eight buffers, which costs as much as one or two events.
    const CHECKPOINT_EVENTS: usize = 64;

    fn set_sampling(&mut self, sampling: Sampling) {
        self.device.set_sampling(sampling);
    }

    fn set_controls(&mut self, controls: &Controls) -> Result<(), Error> {
        self.device.set_controls(controls)
    }

    fn set_seed(&mut self, seed: u64) {
        self.host.rng.iter_mut().for_each(|rng| *rng = ChaCha8Rng::seed_from_u64(seed));
    }

    fn sounding(&self, take: usize) -> Sounding {
        self.host.sounding.get(take).copied().unwrap_or_default()
    }

    async fn prefill(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.step(&vec![tokens; self.len()]);
        Ok(())
    }

    async fn replay_each(&mut self, tokens: &[&[Token]]) -> Result<(), Error> {
        let Host { rng, opened, .. } = &mut self.host;
        let n = tokens.first().map_or(0, |tokens| tokens.len());
        rng.iter_mut().for_each(|rng| skip(rng, n, *opened));
        self.step(tokens);
        Ok(())
    }

    async fn replay(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.replay_each(&vec![tokens; self.len()]).await
    }

    /// With one read-back for each [`CAPACITY`] events.
    async fn next_chunk(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        let mut takes = vec![Vec::with_capacity(n); self.len()];
        let mut left = n;
        if n > 0 && !self.host.opened {
            let openings: Vec<Token> = self.host.rng.iter_mut().map(opening).collect();
            self.step(&openings.iter().map(std::slice::from_ref).collect::<Vec<_>>());
            for (take, opening) in takes.iter_mut().zip(openings) {
                take.push(opening);
            }
            left -= 1;
        }
        while left > 0 {
            let n = left.min(CAPACITY);
            self.draw(n, &mut takes).await?;
            left -= n;
        }
        Ok(takes)
    }

    /// With one read-back.
    async fn strike_probabilities(&self, take: usize) -> Result<Vec<f32>, Error> {
        let Some(&sounding) = self.host.sounding.get(take).filter(|_| self.host.opened) else {
            return Ok(vec![0.0; N_PITCHES]);
        };
        let logits = self.logits().await?;
        let logits = logits.get(take).map_or(&[][..], Vec::as_slice);
        Ok(strike_probabilities(logits, sounding, self.device.sampling()))
    }

    /// A copy on the device.
    fn snapshot(&self) -> Snapshot {
        Snapshot { device: self.device.snapshot(), host: self.host.clone() }
    }

    fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Error> {
        let takes = snapshot.host.rng.len();
        if takes != self.len() || !self.device.restore(&snapshot.device) {
            return Err(Error::Setting {
                name: "a snapshot",
                expected: format!("of {} takes of this network", self.len()),
                found: format!("one of {takes}"),
            });
        }
        self.host = snapshot.host.clone();
        Ok(())
    }
}
