//! Takes that can be rewound. Page, command line and measurements all play the network through this.

use std::fmt::Debug;

use performance::{Input, Recipe, Sampling, Sounding, Token, primer};

use crate::checkpoints::Checkpoints;
use crate::{Backend, Error, Generate};

/// Plays a [`Recipe`]: reads the primer, draws event after event, follows the input log, and can go back to
/// any token.
///
/// Several takes of one recipe can be played side by side, each with its own seed. A take is a pure function
/// of weights, [`REVISION`](crate::REVISION), primer, seed and input log. However it was advanced, rewound
/// and changed, its tokens are those that replaying the final log from the beginning gives.
///
/// ```
/// use performance::{Recipe, Sampling};
/// use rnn::{Continuation, Quantized};
///
/// # async fn play(network: Quantized) -> Result<(), rnn::Error> {
/// let mut take = Continuation::new(&network, Recipe::new(42, Sampling::default()))?;
/// take.advance(100).await?;
/// take.rewind(60).await?;
/// take.set_sampling(Sampling { temperature: 0.8, top_p: 1.0, ..Sampling::default() })?; // from the 60th event on
/// take.advance(40).await?;
/// assert_eq!(take.tokens().len(), 100);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Continuation<T: Generate> {
    takes: T,
    recipe: Recipe,
    /// The part of the primer that is read, with the velocity offset applied.
    context: Vec<Token>,
    n_prefilled: usize,
    /// What each take has played; all are of one length.
    tokens: Vec<Vec<Token>>,
    /// Number of log entries applied.
    n_applied: usize,
    checkpoints: Checkpoints<T::Snapshot>,
}

impl<T: Generate> Continuation<T> {
    /// A fresh take of a recipe.
    ///
    /// # Errors
    /// If the recipe asks for something that the network does not support.
    pub fn new(backend: &impl Backend<Takes = T>, recipe: Recipe) -> Result<Self, Error> {
        let seed = recipe.seed;
        Self::side_by_side(backend, recipe, &[seed])
    }

    /// Takes of one recipe, each with its own seed instead of the recipe's.
    ///
    /// # Errors
    /// If there are none, or more than the backend can play side by side.
    pub fn side_by_side(
        backend: &impl Backend<Takes = T>,
        recipe: Recipe,
        seeds: &[u64],
    ) -> Result<Self, Error> {
        let offset = recipe.velocity_offset;
        let context = primer::context(&recipe.primer).into_iter().map(|token| offset.apply(token)).collect();
        Ok(Self {
            takes: backend.takes(Sampling::default(), seeds)?,
            recipe,
            context,
            n_prefilled: 0,
            tokens: vec![Vec::new(); seeds.len()],
            n_applied: 0,
            checkpoints: Checkpoints::new(T::CHECKPOINT_EVENTS),
        })
    }

    /// Another continuation that has played the first `to` tokens of this one. Takes as long as a rewind.
    ///
    /// # Errors
    /// If this one has not read its primer or has fewer tokens, or the device fails.
    pub async fn fork(&self, backend: &impl Backend<Takes = T>, to: usize) -> Result<Self, Error> {
        let mut fork =
            Self::side_by_side(backend, self.recipe.clone(), &vec![self.recipe.seed; self.tokens.len()])?;
        if self.checkpoints.is_empty() || to > self.len() {
            let expected = format!("of 0 to {}, after the primer", self.len());
            return Err(Error::Setting { name: "a token to fork at", expected, found: to.to_string() });
        }
        fork.n_prefilled = self.n_prefilled;
        fork.tokens = self.tokens.iter().map(|take| take[..to].to_vec()).collect();
        fork.checkpoints = self.checkpoints.until(to);
        fork.rewind(to).await?;
        Ok(fork)
    }

    /// The recipe, with all inputs so far.
    #[must_use]
    pub fn recipe(&self) -> &Recipe {
        &self.recipe
    }

    /// How many events the takes have.
    #[must_use]
    pub fn len(&self) -> usize {
        self.tokens.first().map_or(0, Vec::len)
    }

    /// Whether nothing was played yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The events of the first take, with the velocity offset still applied (see
    /// [`Recipe::velocity_offset`]).
    #[must_use]
    pub fn tokens(&self) -> &[Token] {
        self.tokens.first().map_or(&[], Vec::as_slice)
    }

    /// The events of all takes.
    #[must_use]
    pub fn into_tokens(self) -> Vec<Vec<Token>> {
        self.tokens
    }

    /// The pitches that are down in one take.
    #[must_use]
    pub fn sounding(&self, take: usize) -> Sounding {
        self.takes.sounding(take)
    }

    /// Snapshots that are kept, for measuring memory.
    #[must_use]
    pub fn n_checkpoints(&self) -> usize {
        self.checkpoints.len()
    }

    /// Reads up to `n` more events of the primer; returns the number read so far and the total. All other
    /// methods do this themselves; call it to show progress.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn prefill(&mut self, n: usize) -> Result<(usize, usize), Error> {
        let total = self.context.len();
        let end = total.min(self.n_prefilled.saturating_add(n));
        if end > self.n_prefilled {
            self.takes.prefill(&self.context[self.n_prefilled..end]).await?;
            self.n_prefilled = end;
        }
        if end == total && self.checkpoints.is_empty() {
            self.checkpoints.keep(0, self.takes.snapshot());
        }
        Ok((end, total))
    }

    /// The next `n` events of each take, drawn by the network or, where the log has events, taken from it.
    ///
    /// # Errors
    /// If the device fails, the network's output is no number, or the log asks for something that it does not
    /// support.
    pub async fn advance(&mut self, n: usize) -> Result<Vec<Vec<Token>>, Error> {
        self.prefill(usize::MAX).await?;
        let (start, end) = (self.len(), self.len() + n);
        while self.len() < end {
            let left = end - self.len();
            match self.next_inputs()? {
                Next::Played(tokens) => {
                    let tokens = &tokens[..tokens.len().min(left)];
                    self.takes.replay(tokens).await?;
                    self.tokens.iter_mut().for_each(|take| take.extend_from_slice(tokens));
                }
                Next::Drawn(free) => {
                    let chunk = self.takes.next_chunk(left.min(free).min(T::CHECKPOINT_EVENTS)).await?;
                    self.tokens.iter_mut().zip(chunk).for_each(|(take, tokens)| take.extend(tokens));
                }
            }
            self.checkpoint();
        }
        Ok(self.tokens.iter().map(|take| take[start..].to_vec()).collect())
    }

    /// Reads what this take played before, on a device that was lost. It continues as it would have there.
    /// For one take, of this recipe.
    ///
    /// # Errors
    /// If the device fails, or the log asks for something that the network does not support.
    pub async fn replay(&mut self, tokens: &[Token]) -> Result<(), Error> {
        self.prefill(usize::MAX).await?;
        let mut rest = tokens;
        while !rest.is_empty() {
            let n = match self.next_inputs()? {
                Next::Played(tokens) => tokens.len(),
                Next::Drawn(free) => free.min(T::CHECKPOINT_EVENTS),
            };
            let (chunk, later) = rest.split_at(n.min(rest.len()));
            self.takes.replay(chunk).await?;
            self.tokens.iter_mut().for_each(|take| take.extend_from_slice(chunk));
            self.checkpoint();
            rest = later;
        }
        Ok(())
    }

    /// The probability of each pitch if the next event of the first take strikes a key: what the network considers.
    ///
    /// # Shapes
    /// 128 numbers with a sum of 1, or zeros.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn strike_probabilities(&self) -> Result<Vec<f32>, Error> {
        self.takes.strike_probabilities(0).await
    }

    /// Has all takes play these events next: notes by hand, or a TIME_SHIFT that was cut. The network reads
    /// them, and the draws that it would have made are used up.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn force(&mut self, tokens: &[Token]) -> Result<(), Error> {
        if tokens.is_empty() {
            return Ok(());
        }
        self.push(Input::Events(tokens.to_vec()))?;
        self.advance(tokens.len()).await?;
        Ok(())
    }

    /// Sets the controls from the next event on.
    ///
    /// # Errors
    /// If a control is not a usable number.
    pub fn set_controls(&mut self, controls: performance::Controls) -> Result<(), Error> {
        controls.check()?;
        self.push(Input::Controls(controls))
    }

    /// Sets the sampling from the next event on.
    ///
    /// # Errors
    /// If a value is out of range.
    pub fn set_sampling(&mut self, sampling: Sampling) -> Result<(), Error> {
        self.push(Input::Sampling(sampling.check()?))
    }

    /// Adds an input at the next token or a later one.
    ///
    /// # Errors
    /// If the token is past, or before an entry of the log.
    pub fn push_at(&mut self, at: usize, input: Input) -> Result<(), Error> {
        if at < self.len() {
            let expected = format!("at token {} or later", self.len());
            return Err(Error::Setting { name: "an input", expected, found: at.to_string() });
        }
        self.recipe.log.push(at, input)?;
        // An entry of the same token may have been replaced.
        self.n_applied = self.n_applied.min(self.first_entry_at(self.len()));
        Ok(())
    }

    /// Goes back to before the token at this index. Tokens and inputs from there on are dropped. Takes as
    /// long as reading the events since the last checkpoint.
    ///
    /// # Errors
    /// If the device fails.
    pub async fn rewind(&mut self, to: usize) -> Result<(), Error> {
        self.prefill(usize::MAX).await?;
        if to > self.len() {
            let expected = format!("of 0 to {}", self.len());
            return Err(Error::Setting { name: "a token to go back to", expected, found: to.to_string() });
        }
        let Some((at, snapshot)) = self.checkpoints.last_until(to) else {
            unreachable!("prefill keeps a checkpoint at token 0, and thinning never drops it")
        };
        self.takes.restore(snapshot)?;
        let again: Vec<Vec<Token>> = self.tokens.iter().map(|take| take[at..to].to_vec()).collect();
        self.tokens.iter_mut().for_each(|take| take.truncate(at));
        self.recipe.log.truncate(to);
        self.checkpoints.truncate(at);
        // Snapshots hold the network's state, not controls and sampling.
        self.n_applied = 0;
        self.takes.set_sampling(Sampling::default());
        self.takes.set_controls(&performance::Controls::default())?;
        self.apply_until(at, Apply::WhatHolds)?;
        self.hear_again(&again).await
    }

    /// Reads events that each take played before; all are of the same length.
    async fn hear_again(&mut self, again: &[Vec<Token>]) -> Result<(), Error> {
        let (mut done, n) = (0, again.first().map_or(0, Vec::len));
        while done < n {
            let free = match self.next_inputs()? {
                Next::Played(tokens) => tokens.len(),
                Next::Drawn(free) => free,
            };
            let end = n.min(done.saturating_add(free));
            let chunks: Vec<&[Token]> = again.iter().map(|take| &take[done..end]).collect();
            self.takes.replay_each(&chunks).await?;
            self.tokens.iter_mut().zip(chunks).for_each(|(take, chunk)| take.extend_from_slice(chunk));
            done = end;
        }
        Ok(())
    }

    fn push(&mut self, input: Input) -> Result<(), Error> {
        self.push_at(self.len(), input)
    }

    /// Applies what the log has for the next token, and says who decides it.
    fn next_inputs(&mut self) -> Result<Next, Error> {
        let now = self.len();
        self.apply_until(now + 1, Apply::All)?;
        let entries = self.recipe.log.entries();
        // Either the last forced events are still going on, or all of them are over.
        let begun = entries[..self.n_applied].iter().rev().find_map(|entry| match &entry.input {
            Input::Events(tokens) => Some((entry.at, tokens)),
            _ => None,
        });
        if let Some((at, tokens)) = begun.filter(|(at, tokens)| now < at + tokens.len()) {
            return Ok(Next::Played(tokens[now - at..].to_vec()));
        }
        Ok(Next::Drawn(entries.get(self.n_applied).map_or(usize::MAX, |entry| entry.at - now)))
    }

    /// Applies the entries before a token.
    fn apply_until(&mut self, end: usize, whole: Apply) -> Result<(), Error> {
        let entries = self.recipe.log.entries();
        while let Some(entry) = entries.get(self.n_applied).filter(|entry| entry.at < end) {
            match &entry.input {
                Input::Controls(controls) => self.takes.set_controls(controls)?,
                Input::Sampling(sampling) => self.takes.set_sampling(*sampling),
                Input::Seed(seed) if whole == Apply::All => self.takes.set_seed(*seed),
                Input::Seed(_) | Input::Dynamics(_) | Input::Events(_) => {}
            }
            self.n_applied += 1;
        }
        Ok(())
    }

    fn first_entry_at(&self, token: usize) -> usize {
        self.recipe.log.entries().partition_point(|entry| entry.at < token)
    }

    fn checkpoint(&mut self) {
        let now = self.len();
        if self.checkpoints.is_due(now) {
            self.checkpoints.keep(now, self.takes.snapshot());
        }
    }
}

/// Which entries are applied.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Apply {
    /// All of it, at its token.
    All,
    /// What a snapshot does not hold: controls and sampling.
    WhatHolds,
}

/// Who decides the next events.
enum Next {
    /// Given by the log.
    Played(Vec<Token>),
    /// By the network, at least this number.
    Drawn(usize),
}
