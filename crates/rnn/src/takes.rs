//! Takes, event by event, side by side.

use std::fmt::Debug;

use performance::{Controls, Event, N_PITCHES, N_TOKENS, NoteTracker, Sampling, Sounding, Token};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::backend::{opening, skip};
use crate::copying::{Drawing, Memory};
use crate::sampling::strike_probabilities;
use crate::{Error, Generate, Network, Reader, StepInput, sample};

/// Largest number of takes that go through a network together.
pub const MAX_TAKES: usize = 16;

/// Guidance scale: logits are unconditional + scale × (conditional − unconditional). Larger follows the
/// controls more strictly and plays with less variety. At 1, a network that is asked for 1.5 notes a second
/// plays 4.
///
/// Source: Ho & Salimans, *Classifier-Free Diffusion Guidance*, arXiv 2207.12598; the network is trained with
/// and without controls, so it has conditional and unconditional logits.
pub(crate) const GUIDANCE: f32 = 2.0;

/// Plays several takes at once. Each is the one that its seed gives alone. Together they take much less time
/// than one after another, because they share every load of weights.
///
/// While controls are set, events take twice as long: the unconditional logits are computed, too, for
/// guidance.
///
/// ```
/// use performance::Sampling;
/// use rnn::{Backend, Generate};
///
/// # async fn play(network: rnn::Quantized) -> Result<(), rnn::Error> {
/// let mut takes = network.takes(Sampling::default(), &[1, 2, 3])?;
/// let chunks = takes.next_chunk(100).await?; // 100 events of each
/// assert_eq!(chunks.len(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Takes<N: Network> {
    network: N,
    sampling: Sampling,
    unset: N::Controls,
    asked: Controls,
    /// As the network's input, if any control is set.
    controls: Option<N::Controls>,
    snapshot: Snapshot<N>,
}

/// Everything that changes while takes are played; restoring it plays the same again.
#[derive(Debug)]
pub struct Snapshot<N: Network> {
    state: N::State,
    /// The unconditional state of the same takes; only while a control is set.
    unconditional: Option<N::State>,
    takes: Vec<Take>,
    has_begun: bool,
}

#[derive(Clone, Debug)]
struct Take {
    held: NoteTracker,
    reader: Reader,
    memory: Memory,
    rng: ChaCha8Rng,
}

impl<N: Network> Clone for Snapshot<N> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            unconditional: self.unconditional.clone(),
            takes: self.takes.clone(),
            has_begun: self.has_begun,
        }
    }
}

impl<N: Network> Takes<N> {
    /// As [`Backend::takes`](crate::Backend::takes): 1 to [`MAX_TAKES`] of them.
    pub(crate) fn new(network: N, sampling: Sampling, seeds: &[u64]) -> Result<Self, Error> {
        if !(1..=MAX_TAKES).contains(&seeds.len()) {
            let expected = format!("of 1 to {MAX_TAKES}");
            return Err(Error::Setting { name: "takes", expected, found: seeds.len().to_string() });
        }
        let unset = network.controls(&network.config().encode(&Controls::default())?);
        let take = |&seed| Take {
            held: NoteTracker::default(),
            reader: Reader::new(network.config().memory),
            memory: Memory::default(),
            rng: ChaCha8Rng::seed_from_u64(seed),
        };
        let snapshot = Snapshot {
            state: network.state(seeds.len()),
            unconditional: None,
            takes: seeds.iter().map(take).collect(),
            has_begun: false,
        };
        Ok(Self { network, sampling, unset, asked: Controls::default(), controls: None, snapshot })
    }

    /// Starts or ends the unconditional streams, before anything is drawn or read.
    fn sync(&mut self) {
        let Snapshot { state, unconditional, .. } = &mut self.snapshot;
        if self.controls.is_none() {
            *unconditional = None;
        } else if unconditional.is_none() {
            *unconditional = Some(state.clone());
        }
    }

    /// Logits of the next event of each take, under guidance if a control is set.
    ///
    /// # Shapes
    /// `[takes, 413]`
    async fn logits(&self) -> Result<Vec<f32>, Error> {
        let mut logits = self.network.logits(&self.snapshot.state).await?;
        if let Some(unconditional) = &self.snapshot.unconditional {
            let unconditional = self.network.logits(unconditional).await?;
            for (logit, unconditional) in logits.iter_mut().zip(unconditional) {
                *logit = unconditional + GUIDANCE * (*logit - unconditional);
            }
        }
        Ok(logits)
    }

    async fn next_tokens(&mut self) -> Result<Vec<Token>, Error> {
        if !self.snapshot.has_begun {
            return Ok(self.snapshot.takes.iter_mut().map(|take| opening(&mut take.rng)).collect());
        }
        let mut logits = self.logits().await?;
        let drawing = Drawing { sampling: self.sampling, asked: &self.asked };
        let takes = self.snapshot.takes.iter_mut().zip(logits.chunks_exact_mut(N_TOKENS));
        takes
            .map(|(take, logits)| {
                take.memory.add_to(logits, drawing);
                sample(logits, &take.held, self.sampling, &self.asked, &mut take.rng)
            })
            .collect()
    }

    /// `sampling` is how they were drawn; none for a primer.
    ///
    /// # Shapes
    /// `tokens`: `[time, takes]`.
    fn step(&mut self, tokens: impl Iterator<Item = Token>, sampling: Option<Sampling>) -> Result<(), Error> {
        let takes = &mut self.snapshot.takes;
        let n_takes = takes.len();
        let drawing = sampling.map(|sampling| Drawing { sampling, asked: &self.asked });
        let heard: Vec<StepInput> = tokens
            .enumerate()
            .map(|(i, token)| {
                let Take { held, reader, memory, .. } = &mut takes[i % n_takes];
                held.apply(Event::from(token));
                memory.apply(Event::from(token), drawing);
                reader.read(token)
            })
            .collect();
        self.snapshot.has_begun |= !heard.is_empty();
        let Snapshot { state, unconditional, .. } = &mut self.snapshot;
        if let Some(unconditional) = unconditional {
            self.network.step(unconditional, &self.unset, &heard)?;
        }
        self.network.step(state, self.controls.as_ref().unwrap_or(&self.unset), &heard)
    }
}

impl<N: Network + Debug> Generate for Takes<N> {
    type Snapshot = Snapshot<N>;

    /// Replaying as many takes 8 ms on one core, or 16 under guidance.
    const CHECKPOINT_EVENTS: usize = 32;

    fn set_sampling(&mut self, sampling: Sampling) {
        self.sampling = sampling;
    }

    fn set_controls(&mut self, controls: &Controls) -> Result<(), Error> {
        let encoded = self.network.config().encode_guided(controls)?;
        let is_asked = *controls != Controls::default();
        self.controls = is_asked.then(|| self.network.controls(&encoded));
        self.asked = controls.clone();
        Ok(())
    }

    fn set_seed(&mut self, seed: u64) {
        self.snapshot.takes.iter_mut().for_each(|take| take.rng = ChaCha8Rng::seed_from_u64(seed));
    }

    fn sounding(&self, take: usize) -> Sounding {
        self.snapshot.takes.get(take).map(|take| take.held.sounding()).unwrap_or_default()
    }

    async fn prefill(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.sync();
        let n_takes = self.snapshot.takes.len();
        self.step(tokens.iter().flat_map(|&token| std::iter::repeat_n(token, n_takes)), None)
    }

    async fn replay_each(&mut self, tokens: &[&[Token]]) -> Result<(), Error> {
        let Snapshot { takes, has_begun, .. } = &mut self.snapshot;
        let n = tokens.first().map_or(0, |tokens| tokens.len());
        debug_assert!(tokens.len() == takes.len() && tokens.iter().all(|tokens| tokens.len() == n));
        takes.iter_mut().for_each(|take| skip(&mut take.rng, n, *has_begun));
        self.sync();
        self.step((0..n).flat_map(|i| tokens.iter().map(move |tokens| tokens[i])), Some(self.sampling))
    }

    async fn replay(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.replay_each(&vec![tokens; self.snapshot.takes.len()]).await
    }

    async fn next_chunk(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        self.sync();
        let mut chunks = vec![Vec::with_capacity(n); self.snapshot.takes.len()];
        for _ in 0..n {
            let tokens = self.next_tokens().await?;
            self.step(tokens.iter().copied(), Some(self.sampling))?;
            chunks.iter_mut().zip(tokens).for_each(|(chunk, token)| chunk.push(token));
        }
        Ok(chunks)
    }

    async fn strike_probabilities(&self, take: usize) -> Result<Vec<f32>, Error> {
        let Some(played) = self.snapshot.takes.get(take).filter(|_| self.snapshot.has_begun) else {
            return Ok(vec![0.0; N_PITCHES]);
        };
        let mut logits = self.logits_of(take).await?;
        played.memory.add_to(&mut logits, Drawing { sampling: self.sampling, asked: &self.asked });
        Ok(strike_probabilities(&logits, played.held.sounding(), self.sampling))
    }

    async fn logits_of(&self, take: usize) -> Result<Vec<f32>, Error> {
        if !self.snapshot.has_begun {
            return Ok(Vec::new());
        }
        Ok(self.logits().await?.chunks_exact(N_TOKENS).nth(take).unwrap_or_default().to_vec())
    }

    fn snapshot(&self) -> Snapshot<N> {
        self.snapshot.clone()
    }

    fn restore(&mut self, snapshot: &Snapshot<N>) -> Result<(), Error> {
        let (expected, found) = (self.snapshot.takes.len(), snapshot.takes.len());
        if expected != found {
            let expected = format!("of {expected} takes");
            return Err(Error::Setting { name: "a snapshot", expected, found: format!("one of {found}") });
        }
        self.snapshot = snapshot.clone();
        Ok(())
    }
}
