//! What [`Continuation`](crate::Continuation) needs of a device.

use std::fmt::Debug;

use performance::{Controls, Event, Sampling, Sounding, Token, VelocityBin};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;

use crate::{Error, Network, Takes};

/// A network that can be played: on a CPU, on one of Burn's devices, or with kernels of its own on a GPU.
pub trait Backend {
    /// What is played on it.
    type Takes: Generate;

    /// Fresh takes, one for each seed.
    ///
    /// # Errors
    /// If there are none, or more than the backend can play side by side.
    fn takes(&self, sampling: Sampling, seeds: &[u64]) -> Result<Self::Takes, Error>;
}

impl<N: Network + Clone + Debug> Backend for N {
    type Takes = Takes<N>;

    fn takes(&self, sampling: Sampling, seeds: &[u64]) -> Result<Takes<N>, Error> {
        Takes::new(self.clone(), sampling, seeds)
    }
}

/// One or many takes side by side. Each is the one that its seed gives alone.
///
/// Reads from a device are asynchronous, because a browser has no others. A future that is dropped early
/// leaves the takes between two events; `restore` puts them right.
#[expect(
    async_fn_in_trait,
    reason = "a future stays on the thread that polls it: a browser's worker has one"
)]
pub trait Generate: Debug {
    /// Everything that changes while takes are played; restoring it plays the same again. Controls and
    /// sampling are not part of it.
    type Snapshot: Clone + Debug;

    /// Events between two checkpoints. Fewer make a rewind shorter and cost more snapshots.
    const CHECKPOINT_EVENTS: usize;

    /// How the next events are drawn.
    fn set_sampling(&mut self, sampling: Sampling);

    /// What the next events should be like.
    ///
    /// # Errors
    /// If a control is not a usable number or names a composer that the network does not know.
    fn set_controls(&mut self, controls: &Controls) -> Result<(), Error>;

    /// Where all takes draw from, from the next event on.
    fn set_seed(&mut self, seed: u64);

    /// The pitches that are down in one take; none if there is no such take.
    fn sounding(&self, take: usize) -> Sounding;

    /// Has all takes read a primer. No draws are used up.
    ///
    /// # Errors
    /// If the device fails.
    async fn prefill(&mut self, tokens: &[Token]) -> Result<(), Error>;

    /// Has each take read events of its own that it does not draw: it drew them before, or somebody plays
    /// them. The draws that they would have taken are used up. All takes read the same number of events.
    ///
    /// # Errors
    /// If the device fails.
    async fn replay_each(&mut self, tokens: &[&[Token]]) -> Result<(), Error>;

    /// [`replay_each`](Self::replay_each) with the same events for all takes.
    ///
    /// # Errors
    /// If the device fails.
    async fn replay(&mut self, tokens: &[Token]) -> Result<(), Error>;

    /// The next `n` events of each take.
    ///
    /// # Errors
    /// If the device fails or the network's output is no number.
    async fn next_chunk(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error>;

    /// The probability of each pitch if the next event of a take strikes a key. No draws are used up.
    ///
    /// # Shapes
    /// 128 numbers with a sum of 1. Zeros before the first event, where no key can be struck, and if there is no
    /// such take.
    ///
    /// # Errors
    /// If the device fails.
    async fn strike_probabilities(&self, take: usize) -> Result<Vec<f32>, Error>;

    /// Logits of the next event of a take, before what sampling adds. No draws are used up.
    ///
    /// # Shapes
    /// 413 numbers; none before the first event, and if there is no such take.
    ///
    /// # Errors
    /// If the device fails.
    async fn logits_of(&self, take: usize) -> Result<Vec<f32>, Error>;

    /// The present state, to come back to.
    fn snapshot(&self) -> Self::Snapshot;

    /// Goes back to a snapshot of these takes.
    ///
    /// # Errors
    /// If the snapshot is one of another number of takes or another network.
    fn restore(&mut self, snapshot: &Self::Snapshot) -> Result<(), Error>;
}

/// The first event of all. Training pieces open with a VELOCITY, and the network only learns what follows
/// one. So a medium loudness (MIDI 46 to 78) is drawn.
pub(crate) fn opening(rng: &mut ChaCha8Rng) -> Token {
    match VelocityBin::new(rng.random_range(12..=20)) {
        Ok(bin) => Event::Velocity(bin).into(),
        Err(_) => unreachable!("12..=20 are velocity bins"),
    }
}

/// The number that decides an event, 0 to 1.
pub(crate) fn chance(rng: &mut ChaCha8Rng) -> f64 {
    rng.random()
}

/// Takes from `rng` the numbers that `n` events use up.
pub(crate) fn skip(rng: &mut ChaCha8Rng, n: usize, has_begun: bool) {
    if n > 0 && !has_begun {
        opening(rng);
    }
    for _ in usize::from(!has_begun)..n {
        chance(rng);
    }
}
