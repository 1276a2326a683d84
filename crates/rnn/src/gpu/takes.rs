//! Performances in the making on a device, side by side.

use performance::{Event, N_TOKENS, Sounding, Token, VelocityBin};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::kernels::SCORE_COLUMNS;
use super::memory::Buffer;
use super::network::Network;
use super::sampler::BROKEN;
use super::stage::{CAPACITY, Stage};
use crate::{Controls, Error, Settings};

/// How long a chunk may take to make. Longer: fewer read-backs; shorter: Stop and new settings act sooner.
const CHUNK_SECS: f64 = 0.1;

/// How many events to ask for at once of a device that makes `events_per_s` of each take: as many as keep a
/// player who waits for them within 150 ms, and able to stop in between.
#[must_use]
pub fn chunk_events(events_per_s: f64) -> usize {
    ((events_per_s * CHUNK_SECS) as usize).clamp(1, CAPACITY)
}

/// One or many performances, played from one network with the same settings and controls, each from a seed
/// of its own: a take is the same whatever is played beside it.
///
/// The contract is [`Generator`](crate::Generator)'s: `prime`, `set_controls`, `force`, `next_chunk` and
/// `snapshot`/`restore`; only that controls are followed as far as the network goes of itself, where a generator goes
/// further. A future that is dropped before it is done leaves the device ahead of what is known
/// here; `restore` brings both together again.
#[derive(Debug)]
pub struct Takes {
    stage: Stage,
    host: Host,
}

/// What changes from event to event on this side.
#[derive(Clone, Debug)]
struct Host {
    sounding: Vec<Sounding>,
    rng: Vec<ChaCha8Rng>,
    /// Whether anything was heard, and so scores exist.
    opened: bool,
}

/// Everything that changes while takes are played; restoring it plays the same again.
#[derive(Clone, Debug)]
pub struct Moment {
    activity: Vec<Buffer>,
    host: Host,
}

impl Takes {
    /// Takes that have heard nothing yet, one for each seed.
    ///
    /// # Errors
    /// If there are no seeds.
    pub fn new(network: &Network, settings: Settings, seeds: &[u64]) -> Result<Self, Error> {
        if seeds.is_empty() {
            return Err(Error::Setting {
                name: "takes",
                expected: "of 1 or more".to_owned(),
                found: "0".to_owned(),
            });
        }
        let unset = Controls::default().encode(network.config())?;
        Ok(Self {
            stage: Stage::new(network, seeds.len(), settings, &unset),
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

    /// How the next events are drawn.
    pub fn set_settings(&mut self, settings: Settings) {
        self.stage.set_settings(settings);
    }

    /// What the next events should be like.
    ///
    /// # Errors
    /// If a control is not a usable number or names a composer that the network does not know.
    pub fn set_controls(&mut self, controls: &Controls) -> Result<(), Error> {
        self.stage.set_controls(&controls.encode(self.stage.network.config())?);
        Ok(())
    }

    /// The pitches that are down in one take; none if there is no such take.
    #[must_use]
    pub fn sounding(&self, take: usize) -> Sounding {
        self.host.sounding.get(take).copied().unwrap_or_default()
    }

    /// All takes listen to what was played before: a primer, or the music so far.
    ///
    /// # Errors
    /// None today; a device may fail later.
    pub async fn prime(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.hear(&vec![tokens; self.len()]);
        Ok(())
    }

    /// All takes listen to one event that somebody else decided.
    ///
    /// # Errors
    /// None today; a device may fail later.
    pub async fn force(&mut self, token: Token) -> Result<(), Error> {
        self.prime(&[token]).await
    }

    /// The next `n` events of each take, with one read-back for each [`CAPACITY`] of them.
    ///
    /// # Errors
    /// If the device fails or the network's output is no number.
    pub async fn next_chunk(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        let mut takes = vec![Vec::with_capacity(n); self.len()];
        let mut left = n;
        if n > 0 && !self.host.opened {
            let openings: Vec<Token> = self.host.rng.iter_mut().map(opening).collect();
            self.hear(&openings.iter().map(std::slice::from_ref).collect::<Vec<_>>());
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

    /// The present moment, to come back to: a copy on the device.
    #[must_use]
    pub fn snapshot(&self) -> Moment {
        Moment { activity: self.stage.keep(), host: self.host.clone() }
    }

    /// Goes back to a moment of these takes, or of others of the same number and sizes.
    ///
    /// # Errors
    /// If the moment is one of another number of takes or another network.
    pub fn restore(&mut self, moment: &Moment) -> Result<(), Error> {
        let takes = moment.host.rng.len();
        if takes != self.len() || !self.stage.go_back(&moment.activity) {
            return Err(Error::Setting {
                name: "a moment",
                expected: format!("of {} takes of this network", self.len()),
                found: format!("one of {takes}"),
            });
        }
        self.host = moment.host.clone();
        Ok(())
    }

    /// Scores of the next event of each take, 413 each, read from the device: for tests and for the curious.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn scores(&self) -> Result<Vec<Vec<f32>>, Error> {
        let scores = self.stage.scores().await?;
        Ok(scores.chunks_exact(SCORE_COLUMNS).map(|row| row[..N_TOKENS].to_vec()).collect())
    }

    /// Draws up to [`CAPACITY`] events of each take.
    async fn draw(&mut self, n: usize, takes: &mut [Vec<Token>]) -> Result<(), Error> {
        let chances = |rng: &mut ChaCha8Rng| (0..n).map(|_| (rng.random::<f64>() as f32).to_bits()).collect();
        let words = self.stage.draw(self.host.rng.iter_mut().map(chances).collect()).await?;
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

    /// Each take hears its own events; all hear as many.
    fn hear(&mut self, takes: &[&[Token]]) {
        let time = takes.first().map_or(0, |tokens| tokens.len());
        for start in (0..time).step_by(CAPACITY) {
            let chunk = start..time.min(start + CAPACITY);
            let numbers =
                |tokens: &&[Token]| tokens[chunk.clone()].iter().map(|t| u32::from(t.get())).collect();
            self.stage.hear(takes.iter().map(numbers).collect());
        }
        if time > 0 {
            self.stage.score();
            self.host.opened = true;
        }
        for (sounding, tokens) in self.host.sounding.iter_mut().zip(takes) {
            for &token in *tokens {
                sounding.apply(Event::from(token));
            }
        }
    }
}

/// As the generator's: a performance opens with a middling loudness.
fn opening(rng: &mut ChaCha8Rng) -> Token {
    match VelocityBin::new(rng.random_range(12..=20)) {
        Ok(bin) => Event::Velocity(bin).into(),
        Err(_) => unreachable!("12..=20 are velocity bins"),
    }
}

#[test]
fn chunks_take_a_tenth_of_a_second_where_they_can() {
    assert_eq!([0.0, 5.0, 60.0, 500.0, 1e6, f64::NAN].map(chunk_events), [1, 1, 6, 50, CAPACITY, 1]);
}
