//! A performance in the making, event by event.

use performance::{Sounding, Token};

use crate::{Backend, Controls, Error, Generate, Settings};

/// Invents a performance: a network, its memory of what was played, and a seeded source of chance.
///
/// Everything a player may want is made of `prefill`, `set_controls`, `force`, `next_chunk` and
/// `snapshot`/`restore`. Reads from the device are asynchronous, because a browser has no others.
#[derive(Debug)]
pub struct Generator<I: Backend> {
    /// One take.
    takes: I::Takes,
}

impl<I: Backend> Generator<I> {
    /// A generator that has heard nothing yet.
    #[must_use]
    pub fn new(backend: &I, settings: Settings, seed: u64) -> Self {
        match backend.takes(settings, &[seed]) {
            Ok(takes) => Self { takes },
            Err(_) => unreachable!("one take is neither none nor too many, and controls can always be unset"),
        }
    }

    /// How the next events are drawn.
    pub fn set_settings(&mut self, settings: Settings) {
        self.takes.set_settings(settings);
    }

    /// What the next events should be like.
    ///
    /// # Errors
    /// If a control is not a usable number or names a composer that the network does not know.
    pub fn set_controls(&mut self, controls: &Controls) -> Result<(), Error> {
        self.takes.set_controls(controls)
    }

    /// The pitches that are down.
    #[must_use]
    pub fn sounding(&self) -> Sounding {
        self.takes.sounding(0)
    }

    /// Listens to what was played before: a primer, or the music so far.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn prefill(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.takes.prefill(tokens).await
    }

    /// Listens to what it played itself, elsewhere, and goes on with what it would have drawn there.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn recall(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.takes.recall(tokens).await
    }

    /// Listens to one event that somebody else decided: a note played by hand, or a released one.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn force(&mut self, token: Token) -> Result<(), Error> {
        self.takes.prefill(&[token]).await
    }

    /// The next `n` events.
    ///
    /// # Errors
    /// If the device fails or the network's output is no number.
    pub async fn next_chunk(&mut self, n: usize) -> Result<Vec<Token>, Error> {
        Ok(self.takes.next_chunk(n).await?.pop().unwrap_or_default())
    }

    /// The present snapshot, to come back to.
    #[must_use]
    pub fn snapshot(&self) -> <I::Takes as Generate>::Snapshot {
        self.takes.snapshot()
    }

    /// Goes back to a snapshot.
    ///
    /// # Errors
    /// If the snapshot is one of another network.
    pub fn restore(&mut self, snapshot: &<I::Takes as Generate>::Snapshot) -> Result<(), Error> {
        self.takes.restore(snapshot)
    }
}
