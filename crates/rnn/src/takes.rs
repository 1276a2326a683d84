//! Performances in the making, event by event, side by side.

use std::fmt::Debug;

use performance::{Event, Held, N_TOKENS, Sounding, Token};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::perform::{opening, skip};
use crate::{Controls, Error, Heard, Network, Perform, Settings, sample};

/// So many takes at most go through a network together.
pub const MAX_TAKES: usize = 16;

/// How many times further than the network goes of itself the scores go towards what is asked. Larger keeps to it
/// more strictly and plays with less variety; at 1, a network that is asked for 1.5 notes a second plays 4.
///
/// Source: Ho & Salimans, *Classifier-Free Diffusion Guidance*, arXiv 2207.12598; the network learns with and without
/// controls, so it can say both what comes and what would come unasked.
pub(crate) const GUIDANCE: f32 = 2.0;

/// Invents several performances at once: each is the one that its seed gives alone, and all of them together take
/// much less time than one after the other, because they share every weight that is read.
///
/// While controls are set, events take twice as long: the network also says what would come unasked, and the scores go
/// further from there to what is asked than it goes of itself.
///
/// ```
/// use rnn::{Instrument, Perform, Settings};
///
/// # async fn play(network: rnn::Quantized) -> Result<(), rnn::Error> {
/// let mut takes = network.takes(Settings::default(), &[1, 2, 3])?;
/// let chunks = takes.next_chunk(100).await?; // 100 events of each
/// assert_eq!(chunks.len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Takes<N: Network> {
    network: N,
    settings: Settings,
    unset: N::Controls,
    asked: Controls,
    /// The same for the network, if anything is.
    controls: Option<N::Controls>,
    moment: Snapshot<N>,
}

/// Everything that changes while takes are played; restoring it plays the same again.
#[derive(Debug)]
pub struct Snapshot<N: Network> {
    memory: N::Memory,
    /// The memory of the same takes where nothing was asked; only while something is.
    unasked: Option<N::Memory>,
    takes: Vec<Take>,
    has_begun: bool,
}

#[derive(Clone, Debug)]
struct Take {
    held: Held,
    rng: ChaCha8Rng,
}

impl<N: Network> Clone for Snapshot<N> {
    fn clone(&self) -> Self {
        Self {
            memory: self.memory.clone(),
            unasked: self.unasked.clone(),
            takes: self.takes.clone(),
            has_begun: self.has_begun,
        }
    }
}

impl<N: Network> Takes<N> {
    /// As [`Instrument::takes`](crate::Instrument::takes): 1 to [`MAX_TAKES`] of them.
    pub(crate) fn new(network: N, settings: Settings, seeds: &[u64]) -> Result<Self, Error> {
        if !(1..=MAX_TAKES).contains(&seeds.len()) {
            let expected = format!("of 1 to {MAX_TAKES}");
            return Err(Error::Setting { name: "takes", expected, found: seeds.len().to_string() });
        }
        let unset = network.controls(&Controls::default().encode(network.config())?);
        let take = |&seed| Take { held: Held::default(), rng: ChaCha8Rng::seed_from_u64(seed) };
        let moment = Snapshot {
            memory: network.memory(seeds.len()),
            unasked: None,
            takes: seeds.iter().map(take).collect(),
            has_begun: false,
        };
        Ok(Self { network, settings, unset, asked: Controls::default(), controls: None, moment })
    }

    /// Lets what would come unasked begin or end, before anything is drawn or heard.
    fn settle(&mut self) {
        let Snapshot { memory, unasked, .. } = &mut self.moment;
        if self.controls.is_none() {
            *unasked = None;
        } else if unasked.is_none() {
            *unasked = Some(memory.clone());
        }
    }

    async fn next_tokens(&mut self) -> Result<Vec<Token>, Error> {
        let Snapshot { memory, unasked, takes, has_begun } = &mut self.moment;
        if !*has_begun {
            return Ok(takes.iter_mut().map(|take| opening(&mut take.rng)).collect());
        }
        let mut scores = self.network.scores(memory).await?;
        if let Some(unasked) = unasked {
            let unasked = self.network.scores(unasked).await?;
            for (score, unasked) in scores.iter_mut().zip(unasked) {
                *score = unasked + GUIDANCE * (*score - unasked);
            }
        }
        let takes = takes.iter_mut().zip(scores.chunks_exact(N_TOKENS));
        takes
            .map(|(take, scores)| sample(scores, &take.held, self.settings, &self.asked, &mut take.rng))
            .collect()
    }

    /// # Shapes
    /// `tokens`: `[time, takes]`.
    fn hear(&mut self, tokens: impl Iterator<Item = Token>) -> Result<(), Error> {
        let takes = &mut self.moment.takes;
        let n_takes = takes.len();
        let heard: Vec<Heard> = tokens
            .enumerate()
            .map(|(i, token)| {
                let held = &mut takes[i % n_takes].held;
                held.apply(Event::from(token));
                Heard { token, sounding: held.sounding() }
            })
            .collect();
        self.moment.has_begun |= !heard.is_empty();
        let Snapshot { memory, unasked, .. } = &mut self.moment;
        if let Some(unasked) = unasked {
            self.network.hear(unasked, &self.unset, &heard)?;
        }
        self.network.hear(memory, self.controls.as_ref().unwrap_or(&self.unset), &heard)
    }
}

impl<N: Network + Debug> Perform for Takes<N> {
    type Moment = Snapshot<N>;

    fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    fn set_controls(&mut self, controls: &Controls) -> Result<(), Error> {
        let encoded = controls.encode_guided(self.network.config())?;
        let is_asked = *controls != Controls::default();
        self.controls = is_asked.then(|| self.network.controls(&encoded));
        self.asked = controls.clone();
        Ok(())
    }

    fn sounding(&self, take: usize) -> Sounding {
        self.moment.takes.get(take).map(|take| take.held.sounding()).unwrap_or_default()
    }

    async fn prime(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.settle();
        let n_takes = self.moment.takes.len();
        self.hear(tokens.iter().flat_map(|&token| std::iter::repeat_n(token, n_takes)))
    }

    async fn recall(&mut self, tokens: &[Token]) -> Result<(), Error> {
        let Snapshot { takes, has_begun, .. } = &mut self.moment;
        takes.iter_mut().for_each(|take| skip(&mut take.rng, tokens.len(), *has_begun));
        self.prime(tokens).await
    }

    async fn next_chunk(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        self.settle();
        let mut chunks = vec![Vec::with_capacity(n); self.moment.takes.len()];
        for _ in 0..n {
            let tokens = self.next_tokens().await?;
            self.hear(tokens.iter().copied())?;
            chunks.iter_mut().zip(tokens).for_each(|(chunk, token)| chunk.push(token));
        }
        Ok(chunks)
    }

    fn snapshot(&self) -> Snapshot<N> {
        self.moment.clone()
    }

    fn restore(&mut self, moment: &Snapshot<N>) -> Result<(), Error> {
        let (expected, found) = (self.moment.takes.len(), moment.takes.len());
        if expected != found {
            let expected = format!("of {expected} takes");
            return Err(Error::Setting { name: "a moment", expected, found: format!("one of {found}") });
        }
        self.moment = moment.clone();
        Ok(())
    }
}
