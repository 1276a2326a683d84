//! Composing performances side by side, and composing anew after changes.

use std::ops::ControlFlow;

use rnn::{Backend, Generate};
use session::Notice;
use session::protocol::{Job, Reply, Request};

use super::composition::Composition;
use super::engine::{Device, Engine, Takes};
use super::inbox::{Inbox, Incoming};
use super::pause::pause;
use super::post;
use super::ticker::Ticker;

/// How far an endless performance is composed ahead of the play-head, in microseconds. A reserve: changes
/// have it composed anew ...
const AHEAD_US: u64 = 10_000_000;
/// ... and a computer that hardly keeps up needs more of it for dense passages.
const SLOW_AHEAD_US: u64 = 60_000_000;
/// From here on, in microseconds ahead of the play-head, a fast computer composes half of the time only:
/// decoding and drawing need the CPU, too. Other performances wait until the one on stage is this far.
const EASY_US: u64 = 2_000_000;
/// Performances that are kept when they are no longer composed: a branch goes on from what they have read.
const MAX_KEPT: usize = 4;

/// Performances that are composed, and some that were.
pub(super) struct Pool<T: Generate> {
    /// The one on stage first.
    active: Vec<Composition<T>>,
    /// The latest last.
    kept: Vec<Composition<T>>,
    played_us: u64,
    /// See [`Request::Consider`].
    considers: bool,
}

impl<T: Generate> Pool<T> {
    /// See [`Request::Consider`].
    pub(super) fn set_considers(&mut self, is_asked: bool) {
        self.considers = is_asked;
    }

    /// Composes nothing any more, and knows nothing.
    pub(super) fn clear(&mut self) {
        *self = Self { considers: self.considers, ..Self::default() };
    }
}

impl<T: Generate> Default for Pool<T> {
    fn default() -> Self {
        Self { active: Vec::new(), kept: Vec::new(), played_us: 0, considers: false }
    }
}

/// Composes until another request comes or something fails.
pub(super) async fn compose<D: Device>(
    engine: &Engine<D>,
    jobs: Vec<Job>,
    pool: &mut Pool<Takes<D>>,
    inbox: &Inbox,
    ticker: &mut Ticker,
) {
    let Some(network) = engine.network() else { return };
    let mut composer = Composer { network, pool, inbox, ticker, chunk_ms: D::CHUNK_MS };
    if let Err(error) = composer.follow(jobs).await {
        pool.clear();
        let why = error.to_string();
        if engine.can_be_lost() {
            post(&Reply::Crashed { why });
        } else {
            post(&Reply::Failed { notice: Notice::ComposingFailed { why } });
        }
    }
}

struct Composer<'a, B: Backend> {
    network: &'a B,
    pool: &'a mut Pool<B::Takes>,
    inbox: &'a Inbox,
    ticker: &'a mut Ticker,
    /// See [`Device::CHUNK_MS`].
    chunk_ms: f64,
}

impl<B: Backend> Composer<'_, B> {
    async fn follow(&mut self, jobs: Vec<Job>) -> Result<(), rnn::Error> {
        self.arrange(jobs).await?;
        loop {
            let (played_us, considers) = (self.pool.played_us, self.pool.considers);
            let flow = match next(&self.pool.active, played_us) {
                None => self.wait().await?,
                Some(index) => {
                    let is_alone = self.pool.active.len() == 1;
                    let Some(composition) = self.pool.active.get_mut(index) else { continue };
                    let mut rest_ms = 0.0;
                    if !composition.is_ready() {
                        composition.prepare().await?;
                    } else if composition.is_finished() {
                        composition.finish();
                    } else {
                        let took_ms = composition.compose(self.chunk_ms, considers).await?;
                        let is_easy = composition.composed_us() > played_us + EASY_US;
                        if composition.is_fast() && composition.is_endless() && is_easy && is_alone {
                            rest_ms = took_ms;
                        }
                        if composition.is_urgent() {
                            continue;
                        }
                    }
                    self.answer(rest_ms).await?
                }
            };
            if flow.is_break() {
                let stopped = self.pool.active.drain(..).collect::<Vec<_>>();
                self.keep(stopped);
                return Ok(());
            }
        }
    }

    /// Begins what is new of the jobs, goes on with what is not, and keeps the rest to branch off from.
    async fn arrange(&mut self, jobs: Vec<Job>) -> Result<(), rnn::Error> {
        let mut before = std::mem::take(&mut self.pool.active);
        let mut active = Vec::with_capacity(jobs.len());
        for job in jobs {
            let is_same = |composition: &Composition<B::Takes>| {
                (composition.take, composition.epoch) == (job.take, job.epoch)
            };
            match before.iter().position(is_same) {
                Some(index) => active.push(before.remove(index)),
                None => {
                    let donors = before.iter().chain(&active).chain(&self.pool.kept);
                    active.push(Composition::new(self.network, job, donors).await?);
                }
            }
        }
        self.pool.active = active;
        self.keep(before);
        Ok(())
    }

    fn keep(&mut self, before: Vec<Composition<B::Takes>>) {
        let kept = &mut self.pool.kept;
        kept.extend(before.into_iter().filter(Composition::is_ready));
        kept.drain(..kept.len().saturating_sub(MAX_KEPT));
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
                Request::Played { position_us } => self.pool.played_us = position_us,
                Request::Start { jobs } => self.arrange(jobs).await?,
                Request::Steer { take, .. } => {
                    let mut active = self.pool.active.iter_mut();
                    // One that has ended is steered no more.
                    if let Some(composition) = active.find(|composition| composition.take == take) {
                        composition.steer(incoming.request).await?;
                    }
                }
                Request::Tick { every_ms } => self.ticker.set(every_ms),
                Request::Consider { is_asked } => self.pool.set_considers(is_asked),
                Request::Stop => return Ok(ControlFlow::Break(())),
                request @ (Request::Load { .. }
                | Request::LoadFile { .. }
                | Request::Bench { .. }
                | Request::Logits { .. }) => {
                    self.inbox.put_back(Incoming { request, ..incoming });
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// Which performance to go on with: one that the page waits for, then the one on stage until it has a reserve,
/// then whichever is not read yet or has the least reserve.
fn next<T: Generate>(active: &[Composition<T>], played_us: u64) -> Option<usize> {
    let ahead_us = |composition: &Composition<T>| composition.composed_us().saturating_sub(played_us);
    let rank = |(index, composition): (usize, &Composition<T>)| {
        if !composition.is_ready() {
            return Some((if index == 0 { 1 } else { 2 }, 0, index));
        }
        if composition.is_finished() {
            return (!composition.is_told()).then_some((2, 0, index));
        }
        let reserve_us = if composition.is_fast() { AHEAD_US } else { SLOW_AHEAD_US };
        if composition.is_endless() && ahead_us(composition) > reserve_us {
            return None;
        }
        if composition.is_urgent() {
            return Some((0, 0, index));
        }
        let is_soon = index == 0 && ahead_us(composition) < EASY_US;
        Some((if is_soon { 1 } else { 2 }, ahead_us(composition), index))
    };
    active.iter().enumerate().filter_map(rank).min().map(|(.., index)| index)
}
