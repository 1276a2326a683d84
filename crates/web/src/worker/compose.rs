//! Composing one performance, event by event.

use std::ops::ControlFlow;

use performance::playback::{Cursor, micros};
use performance::{Entry, Token};
use rnn::{Continuation, Generate};
use session::Notice;
use session::protocol::{Reply, Request, TakeId};

use super::engine::{Device, Engine};
use super::inbox::{Inbox, Incoming};
use super::pause::pause;
use super::ticker::Ticker;
use super::{now_ms, post};

/// Largest number of events composed between two looks into the inbox.
pub(super) const MAX_CHUNK_EVENTS: usize = 128;
/// Events of a primer, or of earlier tokens, between two looks into the inbox.
const PREFILL_CHUNK: usize = 64;
/// How far an endless performance is composed ahead of the play-head, in microseconds. A reserve: changes
/// have it composed anew ...
const AHEAD_US: u64 = 10_000_000;
/// ... and a computer that hardly keeps up needs more of it for dense passages.
const SLOW_AHEAD_US: u64 = 60_000_000;
/// Composing at more than this many times the speed of playing is not slow.
const FAST: f64 = 3.0;
/// From here on, in microseconds ahead of the play-head, a fast computer composes half of the time only:
/// decoding and drawing need the CPU, too.
const EASY_US: u64 = 2_000_000;
/// After a change, this much music is composed before it is posted, in microseconds: enough to play until
/// more comes ...
const URGENT_US: u64 = 250_000;
/// ... or as much as is composed in this time, in milliseconds.
const URGENT_MS: f64 = 30.0;
/// Events of a chunk after a change.
const URGENT_CHUNK: usize = 8;

/// A performance to compose: a [`Request::Start`].
pub(super) struct Job {
    pub(super) take: TakeId,
    pub(super) epoch: u32,
    pub(super) recipe: performance::Recipe,
    pub(super) composed: Vec<Token>,
    pub(super) length_us: Option<u64>,
}

/// Composes, and composes anew after changes, until another request comes or something fails.
pub(super) async fn compose<D: Device>(engine: &Engine<D>, job: Job, inbox: &Inbox, ticker: &mut Ticker) {
    let Some(continuation) = engine.continuation(job.recipe) else { return };
    let outcome = match continuation {
        Ok(continuation) => {
            let mut composer = Composer {
                end: Cursor::default(),
                continuation,
                inbox,
                ticker,
                take: job.take,
                epoch: job.epoch,
                length_us: job.length_us,
                chunk_ms: D::CHUNK_MS,
                played_us: 0,
                pending: Vec::new(),
                pending_ms: 0.0,
                is_urgent: false,
                deferred: Some(Vec::new()),
            };
            composer.follow(&job.composed).await
        }
        Err(error) => Err(error),
    };
    if let Err(error) = outcome {
        let why = error.to_string();
        if engine.can_be_lost() {
            post(&Reply::Crashed { why });
        } else {
            post(&Reply::Failed { notice: Notice::ComposingFailed { why } });
        }
    }
}

struct Composer<'a, T: Generate> {
    continuation: Continuation<T>,
    /// The position after what was composed.
    end: Cursor,
    inbox: &'a Inbox,
    ticker: &'a mut Ticker,
    take: TakeId,
    epoch: u32,
    length_us: Option<u64>,
    /// See [`Device::CHUNK_MS`].
    chunk_ms: f64,
    /// How far the page has played.
    played_us: u64,
    /// What was composed and not posted yet.
    pending: Vec<Token>,
    /// How long composing them took.
    pending_ms: f64,
    /// Something has changed, and the page waits for the new events.
    is_urgent: bool,
    /// Requests to steer that came before what was composed elsewhere is replayed; `None` once it is.
    deferred: Option<Vec<Request>>,
}

impl<T: Generate> Composer<'_, T> {
    async fn follow(&mut self, composed: &[Token]) -> Result<(), rnn::Error> {
        loop {
            let (done, total) = self.continuation.prefill(PREFILL_CHUNK).await?;
            if total > 0 {
                post(&Reply::Prefilling { take: self.take, done, total: total + composed.len() });
            }
            if self.answer(0.0).await?.is_break() {
                return Ok(());
            }
            if done == total {
                break;
            }
        }
        for chunk in composed.chunks(PREFILL_CHUNK) {
            self.continuation.replay(chunk).await?;
            chunk.iter().for_each(|&token| {
                self.end.step(token);
            });
            if self.answer(0.0).await?.is_break() {
                return Ok(());
            }
        }
        for request in self.deferred.take().into_iter().flatten() {
            self.steer(request).await?;
        }
        self.write().await
    }

    async fn write(&mut self) -> Result<(), rnn::Error> {
        let (start_us, mut busy_ms, mut n) = (self.end.at_us(), 0.0, 4);
        // The epoch whose end was posted.
        let mut finished = None;
        loop {
            if self.length_us.is_some_and(|length_us| self.end.at_us() >= length_us) {
                self.hand_over();
                if finished.replace(self.epoch) != Some(self.epoch) {
                    post(&Reply::Finished { take: self.take, epoch: self.epoch });
                }
                // It may still be changed.
                if self.wait().await?.is_break() {
                    return Ok(());
                }
                continue;
            }
            let started = now_ms();
            let size = if self.is_urgent { URGENT_CHUNK } else { n };
            let tokens = self.continuation.advance(size).await?.swap_remove(0);
            let took_ms = now_ms() - started;
            busy_ms += took_ms;
            self.pending_ms += took_ms;
            tokens.iter().for_each(|&token| {
                self.end.step(token);
            });
            self.pending.extend(tokens);
            if self.is_urgent && micros(&self.pending) < URGENT_US && self.pending_ms < URGENT_MS {
                continue;
            }
            let fitting = size as f64 * self.chunk_ms / took_ms.max(0.5);
            n = (fitting as usize).clamp(1, (2 * size).min(MAX_CHUNK_EVENTS));
            self.hand_over();

            let composed_us = self.end.at_us();
            let is_fast = composed_us.saturating_sub(start_us) as f64 > FAST * 1000.0 * busy_ms;
            let ahead_us = if is_fast { AHEAD_US } else { SLOW_AHEAD_US };
            let is_endless = self.length_us.is_none();
            let is_easy = is_fast && is_endless && composed_us > self.played_us + EASY_US;
            if self.answer(if is_easy { took_ms } else { 0.0 }).await?.is_break() {
                return Ok(());
            }
            while is_endless && self.end.at_us() > self.played_us + ahead_us {
                if self.wait().await?.is_break() {
                    return Ok(());
                }
            }
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

    /// Waits for a request that it can answer meanwhile, and answers it.
    async fn wait(&mut self) -> Result<ControlFlow<()>, rnn::Error> {
        let incoming = self.inbox.next().await;
        self.inbox.put_back(incoming);
        self.answer(0.0).await
    }

    /// Rests, and answers requests that can be answered meanwhile. Leaves any other in the inbox, and then
    /// breaks off.
    async fn answer(&mut self, rest_ms: f64) -> Result<ControlFlow<()>, rnn::Error> {
        pause(rest_ms).await;
        while let Some(incoming) = self.inbox.try_next() {
            match incoming.request {
                Request::Played { take, position_us } if take == self.take => self.played_us = position_us,
                Request::Played { .. } => {}
                request @ Request::Steer { .. } => match &mut self.deferred {
                    Some(deferred) => deferred.push(request),
                    None => self.steer(request).await?,
                },
                Request::Tick { every_ms } => self.ticker.set(every_ms),
                Request::Stop => return Ok(ControlFlow::Break(())),
                request @ (Request::Load { .. }
                | Request::LoadFile { .. }
                | Request::Start { .. }
                | Request::Bench { .. }) => {
                    self.inbox.put_back(Incoming { request, ..incoming });
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Rewinds to where worker and page agree, replays what stays, and adds the inputs after it.
    async fn steer(&mut self, request: Request) -> Result<(), rnn::Error> {
        let Request::Steer { take, epoch, agreed, tokens, entries } = request else { return Ok(()) };
        if take != self.take {
            // Of a performance that has ended.
            return Ok(());
        }
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
