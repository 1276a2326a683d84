//! Takes on a device, side by side.

use performance::{Controls, Event, N_PITCHES, N_TOKENS, NoteTracker, ReturnRate, Sampling, Sounding, Token};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::layout::{BROKEN, CAPACITY, LOGIT_COLUMNS};
use super::network::Network;
use super::state::{DeviceSnapshot, DeviceState};
use crate::backend::{chance, opening, skip};
use crate::copying::{Drawing, Memory};
use crate::sampling::strike_probabilities;
use crate::{Backend, Error, Generate, sample};

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
    held: Vec<NoteTracker>,
    memory: Vec<Memory>,
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
                held: vec![NoteTracker::default(); seeds.len()],
                memory: vec![Memory::default(); seeds.len()],
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
        let drawing = Some(Drawing { sampling: self.device.sampling, asked: &self.device.asked });
        for row in words.chunks_exact(self.len()) {
            for (index, (&word, take)) in row.iter().zip(takes.iter_mut()).enumerate() {
                let token = match u16::try_from(word).ok().and_then(|number| Token::new(number).ok()) {
                    Some(token) => token,
                    None if word == BROKEN => return Err(Error::NotFinite(f32::NAN)),
                    None => return Err(Error::Device(format!("expected an event, found {word}"))),
                };
                self.host.apply(index, token, drawing);
                take.push(token);
            }
        }
        Ok(())
    }

    /// Draws an event of each take here, because what a take remembers of itself is on this side. That is a
    /// read-back for each event.
    async fn draw_here(&mut self) -> Result<Vec<Token>, Error> {
        let mut logits = self.device.guided_logits().await?;
        let (sampling, asked) = (self.device.sampling, &self.device.asked);
        let Host { held, memory, rng, .. } = &mut self.host;
        let takes = logits.iter_mut().zip(memory).zip(held).zip(rng);
        let tokens = takes.map(|(((logits, memory), held), rng)| {
            memory.add_to(logits, Drawing { sampling, asked });
            sample(logits, held, sampling, asked, rng)
        });
        tokens.collect()
    }

    /// Each take reads the event that it drew.
    fn read_each(&mut self, tokens: &[Token], takes: &mut [Vec<Token>]) {
        let rows: Vec<&[Token]> = tokens.iter().map(std::slice::from_ref).collect();
        self.step(&rows, Some(self.device.sampling));
        takes.iter_mut().zip(tokens).for_each(|(take, &token)| take.push(token));
    }

    /// Each take reads its own events; all read the same number. `sampling` is how they were drawn; none for a
    /// primer.
    fn step(&mut self, takes: &[&[Token]], sampling: Option<Sampling>) {
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
        let drawing = sampling.map(|sampling| Drawing { sampling, asked: &self.device.asked });
        for (index, tokens) in takes.iter().enumerate() {
            tokens.iter().for_each(|&token| self.host.apply(index, token, drawing));
        }
    }
}

impl Host {
    fn apply(&mut self, take: usize, token: Token, drawing: Option<Drawing>) {
        self.held[take].apply(Event::from(token));
        self.memory[take].apply(Event::from(token), drawing);
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
        self.host.held.get(take).map(NoteTracker::sounding).unwrap_or_default()
    }

    async fn prefill(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.step(&vec![tokens; self.len()], None);
        Ok(())
    }

    async fn replay_each(&mut self, tokens: &[&[Token]]) -> Result<(), Error> {
        let Host { rng, opened, .. } = &mut self.host;
        let n = tokens.first().map_or(0, |tokens| tokens.len());
        rng.iter_mut().for_each(|rng| skip(rng, n, *opened));
        self.step(tokens, Some(self.device.sampling));
        Ok(())
    }

    async fn replay(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.replay_each(&vec![tokens; self.len()]).await
    }

    /// With one read-back for each [`CAPACITY`] events, or for each event while themes come back.
    async fn next_chunk(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        let mut takes = vec![Vec::with_capacity(n); self.len()];
        let mut left = n;
        if n > 0 && !self.host.opened {
            let openings: Vec<Token> = self.host.rng.iter_mut().map(opening).collect();
            self.read_each(&openings, &mut takes);
            left -= 1;
        }
        if self.device.sampling.themes != ReturnRate::NEVER {
            for _ in 0..left {
                let tokens = self.draw_here().await?;
                self.read_each(&tokens, &mut takes);
            }
            return Ok(takes);
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
        let Some(held) = self.host.held.get(take).filter(|_| self.host.opened) else {
            return Ok(vec![0.0; N_PITCHES]);
        };
        let mut logits = self.logits_of(take).await?;
        let drawing = Drawing { sampling: self.device.sampling, asked: &self.device.asked };
        self.host.memory[take].add_to(&mut logits, drawing);
        Ok(strike_probabilities(&logits, held.sounding(), self.device.sampling))
    }

    async fn logits_of(&self, take: usize) -> Result<Vec<f32>, Error> {
        if !self.host.opened {
            return Ok(Vec::new());
        }
        Ok(self.logits().await?.into_iter().nth(take).unwrap_or_default())
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
