//! One performance that is being composed.

use std::collections::VecDeque;

use performance::playback::{Cursor, micros};
use performance::{Entry, Pitch, Recipe, Token};
use rnn::{Backend, Continuation, Generate};
use session::protocol::{Job, Reply, Request, TakeId};

use super::{now_ms, post};

/// Largest number of events composed between two looks into the inbox.
pub(super) const MAX_CHUNK_EVENTS: usize = 128;
/// Events of a primer, or of earlier tokens, between two looks into the inbox.
const PREFILL_CHUNK: usize = 64;
/// Composing at more than this many times the speed of playing is not slow.
const FAST: f64 = 3.0;
/// After a change, this much music is composed before it is posted, in microseconds: enough to play until
/// more comes ...
const URGENT_US: u64 = 250_000;
/// ... or as much as is composed in this time, in milliseconds.
const URGENT_MS: f64 = 30.0;
/// Events between two looks at what the network considers.
const CONSIDERED_CHUNK: usize = 4;
/// What is less likely is not told.
const MIN_PROBABILITY: f32 = 0.02;
/// Events of a chunk after a change.
const URGENT_CHUNK: usize = 8;

/// A continuation, and what the page has of it.
pub(super) struct Composition<T: Generate> {
    continuation: Continuation<T>,
    pub(super) take: TakeId,
    pub(super) epoch: u32,
    length_us: Option<u64>,
    /// What an earlier worker composed and this one has not read yet.
    unread: VecDeque<Token>,
    is_prefilled: bool,
    /// Requests to steer that came before `unread` was read.
    deferred: Vec<Request>,
    /// The position after what was composed.
    end: Cursor,
    /// What was composed and not posted yet.
    pending: Vec<Token>,
    /// How long composing them took.
    pending_ms: f64,
    /// Something has changed, and the page waits for the new events.
    is_urgent: bool,
    /// The epoch whose end was posted.
    finished: Option<u32>,
    /// Music time at which composing began, and how long it has taken since.
    began: (u64, f64),
    chunk_events: usize,
}

impl<T: Generate> Composition<T> {
    /// The performance of a job. Goes on from what one of `donors` has played, as far as it is the same.
    ///
    /// # Errors
    /// If the recipe asks for something that the network does not support, or the device fails.
    pub(super) async fn new<'a>(
        backend: &impl Backend<Takes = T>,
        job: Job,
        donors: impl Iterator<Item = &'a Self>,
    ) -> Result<Self, rnn::Error>
    where
        T: 'a,
    {
        let Job { take, epoch, recipe, composed, length_us } = job;
        let donor = donors
            .map(|donor| (shared(&donor.continuation, &recipe, &composed), donor))
            .max_by_key(|(n, _)| *n)
            .filter(|(n, donor)| *n > 0 && donor.is_prefilled);
        let (continuation, n) = match donor {
            Some((n, donor)) => {
                let mut continuation = donor.continuation.fork(backend, n).await?;
                for Entry { at, input } in recipe.log.entries().iter().filter(|entry| entry.at >= n).cloned()
                {
                    continuation.push_at(at, input)?;
                }
                (continuation, n)
            }
            None => (Continuation::new(backend, recipe)?, 0),
        };
        Ok(Self {
            end: Cursor::after(continuation.tokens()),
            continuation,
            take,
            epoch,
            length_us,
            unread: composed.into_iter().skip(n).collect(),
            is_prefilled: n > 0,
            deferred: Vec::new(),
            pending: Vec::new(),
            pending_ms: 0.0,
            is_urgent: n > 0,
            finished: None,
            began: (0, 0.0),
            chunk_events: 4,
        })
    }

    /// Whether primer and earlier tokens are read.
    pub(super) fn is_ready(&self) -> bool {
        self.is_prefilled && self.unread.is_empty()
    }

    /// Whether the page waits for its next events.
    pub(super) fn is_urgent(&self) -> bool {
        self.is_urgent
    }

    /// Music time composed, in microseconds.
    pub(super) fn composed_us(&self) -> u64 {
        self.end.at_us()
    }

    pub(super) fn is_endless(&self) -> bool {
        self.length_us.is_none()
    }

    /// Whether it has the length that was asked for.
    pub(super) fn is_finished(&self) -> bool {
        self.length_us.is_some_and(|length_us| self.end.at_us() >= length_us)
    }

    /// Whether the page knows that it is finished.
    pub(super) fn is_told(&self) -> bool {
        self.finished == Some(self.epoch)
    }

    /// Whether it is composed much faster than it is played.
    pub(super) fn is_fast(&self) -> bool {
        let (began_us, busy_ms) = self.began;
        self.end.at_us().saturating_sub(began_us) as f64 > FAST * 1000.0 * busy_ms
    }

    /// Reads some of the primer and of the earlier tokens.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn prepare(&mut self) -> Result<(), rnn::Error> {
        if !self.is_prefilled {
            let (done, total) = self.continuation.prefill(PREFILL_CHUNK).await?;
            if total > 0 {
                let total = total + self.unread.len();
                post(&Reply::Prefilling { take: self.take, done, total });
            }
            self.is_prefilled = done == total;
        } else {
            let n = self.unread.len().min(PREFILL_CHUNK);
            let chunk: Vec<Token> = self.unread.drain(..n).collect();
            self.continuation.replay(&chunk).await?;
        }
        if self.is_ready() {
            self.end = Cursor::after(self.continuation.tokens());
            self.began = (self.end.at_us(), 0.0);
            for request in std::mem::take(&mut self.deferred) {
                self.steer(request).await?;
            }
        }
        Ok(())
    }

    /// Composes for about `chunk_ms` and posts what there is; returns the milliseconds that it took. When it is
    /// urgent, less is composed.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn compose(&mut self, chunk_ms: f64, considers: bool) -> Result<f64, rnn::Error> {
        let started = now_ms();
        let size = if self.is_urgent { URGENT_CHUNK } else { self.chunk_events };
        let size = if considers { size.min(CONSIDERED_CHUNK) } else { size };
        let tokens = self.continuation.advance(size).await?.swap_remove(0);
        if considers {
            self.consider(&tokens).await?;
        }
        let took_ms = now_ms() - started;
        self.began.1 += took_ms;
        self.pending_ms += took_ms;
        for &token in &tokens {
            self.end.step(token);
        }
        self.pending.extend(tokens);
        if self.is_urgent && micros(&self.pending) < URGENT_US && self.pending_ms < URGENT_MS {
            return Ok(took_ms);
        }
        let fitting = size as f64 * chunk_ms / took_ms.max(0.5);
        self.chunk_events = (fitting as usize).clamp(1, (2 * size).min(MAX_CHUNK_EVENTS));
        self.hand_over();
        Ok(took_ms)
    }

    /// Posts which keys the network considers striking after these tokens.
    async fn consider(&self, tokens: &[Token]) -> Result<(), rnn::Error> {
        let mut end = self.end;
        for &token in tokens {
            end.step(token);
        }
        let probabilities = self.continuation.strike_probabilities().await?;
        let mut keys: Vec<(Pitch, f32)> = Pitch::all()
            .zip(probabilities)
            .filter(|&(_, probability)| probability >= MIN_PROBABILITY)
            .collect();
        keys.sort_by(|a, b| b.1.total_cmp(&a.1));
        post(&Reply::Considered { take: self.take, at_us: end.at_us(), keys });
        Ok(())
    }

    /// Tells the page once that it is finished.
    pub(super) fn finish(&mut self) {
        self.hand_over();
        if self.finished.replace(self.epoch) != Some(self.epoch) {
            post(&Reply::Finished { take: self.take, epoch: self.epoch });
        }
    }

    /// Posts what was composed since the last time.
    fn hand_over(&mut self) {
        self.is_urgent = false;
        let (tokens, busy_ms) = (std::mem::take(&mut self.pending), std::mem::take(&mut self.pending_ms));
        if !tokens.is_empty() {
            let at = self.continuation.len() - tokens.len();
            post(&Reply::Events { take: self.take, epoch: self.epoch, at, tokens, busy_ms });
        }
    }

    /// Rewinds to where worker and page agree, replays what stays, and adds the inputs after it.
    ///
    /// # Errors
    /// If the device fails.
    pub(super) async fn steer(&mut self, request: Request) -> Result<(), rnn::Error> {
        if !self.is_ready() {
            self.deferred.push(request);
            return Ok(());
        }
        let Request::Steer { epoch, agreed, tokens, entries, .. } = request else { return Ok(()) };
        self.continuation.rewind(agreed).await?;
        for Entry { at, input } in entries {
            self.continuation.push_at(at, input)?;
        }
        self.continuation.replay(&tokens).await?;
        self.end = Cursor::after(self.continuation.tokens());
        self.pending.clear();
        (self.epoch, self.pending_ms, self.is_urgent) = (epoch, 0.0, true);
        Ok(())
    }
}

/// How many of its tokens a continuation shares with a recipe of which these are composed.
fn shared<T: Generate>(donor: &Continuation<T>, recipe: &Recipe, composed: &[Token]) -> usize {
    let other = donor.recipe();
    let is_alike = (other.seed, other.velocity_offset) == (recipe.seed, recipe.velocity_offset)
        && other.primer == recipe.primer;
    if !is_alike {
        return 0;
    }
    let n = donor.tokens().iter().zip(composed).take_while(|(a, b)| a == b).count();
    let (ours, theirs) = (recipe.log.entries(), other.log.entries());
    let n_alike = ours.iter().zip(theirs).take_while(|(a, b)| a == b).count();
    let parts = [ours.get(n_alike), theirs.get(n_alike)].into_iter().flatten().map(|entry| entry.at);
    parts.fold(n, usize::min)
}
