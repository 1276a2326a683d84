//! Composing one performance, event by event.

use performance::{Event, STEP_MICROS, Token, ending};
use rnn::{Controls, Generator, Instrument, VelocityOffset};

use super::engine::{Device, Engine, settings};
use super::inbox::Inbox;
use super::pause::pause;
use super::ticker::Ticker;
use super::{now_ms, post};
use crate::notice::Notice;
use crate::protocol::{Reply, Request, Sampling, TakeId};

/// As many events at most are composed before listening whether there is something else to do.
pub(super) const MAX_CHUNK_EVENTS: usize = 128;
/// Primer tokens between two looks into the inbox.
const PRIME_CHUNK: usize = 64;
/// The last so many tokens of a primer are listened to: half a minute of music. Larger knows more of the
/// primer, of which the network forgets most; smaller starts sooner (a processor takes up to half a second for
/// these).
const MAX_PRIMER: usize = 1024;
/// How far an endless performance goes ahead of the play-head, in microseconds. Small, so that a new
/// temperature is heard soon ...
const AHEAD_US: u64 = 10_000_000;
/// ... but a computer that hardly keeps up needs the reserve for dense passages.
const SLOW_AHEAD_US: u64 = 60_000_000;
/// Faster than this, times playing, is not slow.
const FAST: f64 = 3.0;
/// From here on, in microseconds ahead of the play-head, a fast computer composes half of the time only:
/// decoding and drawing want the processor, too.
const EASY_US: u64 = 2_000_000;

/// What to compose.
pub(super) struct Job {
    pub(super) take: TakeId,
    pub(super) seed: u64,
    pub(super) sampling: Sampling,
    pub(super) primer: Vec<u16>,
    pub(super) composed: Vec<u16>,
    pub(super) length_us: Option<u64>,
}

/// Composes until it is done, or asked for something else, or something fails.
pub(super) async fn compose<D: Device>(engine: &Engine<D>, job: Job, inbox: &Inbox, ticker: &mut Ticker) {
    let Some(generator) = engine.generator(job.sampling, job.seed) else { return };
    let take = job.take;
    let mut composer = Composer {
        generator,
        inbox,
        ticker,
        take,
        chunk_ms: D::CHUNK_MS,
        offset: VelocityOffset::default(),
        played_us: 0,
    };
    if let Err(error) = composer.follow(&job).await {
        let why = error.to_string();
        if engine.can_be_lost() {
            post(&Reply::Crashed { why });
        } else {
            post(&Reply::Failed { notice: Notice::ComposingFailed { why } });
        }
    }
}

/// Whether there is something else to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    GoOn,
    Leave,
}

struct Composer<'a, I: Instrument> {
    generator: Generator<I>,
    inbox: &'a Inbox,
    ticker: &'a mut Ticker,
    take: TakeId,
    /// See [`Device::CHUNK_MS`].
    chunk_ms: f64,
    /// The primer's.
    offset: VelocityOffset,
    /// How far the page has played.
    played_us: u64,
}

impl<I: Instrument> Composer<'_, I> {
    async fn follow(&mut self, job: &Job) -> Result<(), rnn::Error> {
        let primer = ending(&tokens(&job.primer), MAX_PRIMER);
        let composed = tokens(&job.composed);
        self.offset = VelocityOffset::of(&primer);
        let total = primer.len() + composed.len();
        let mut done = 0;
        for (tokens, is_own) in [(&primer, false), (&composed, true)] {
            for chunk in tokens.chunks(PRIME_CHUNK) {
                post(&Reply::Priming { take: self.take, done, total });
                let heard: Vec<Token> = chunk.iter().map(|&token| self.offset.apply(token)).collect();
                match is_own {
                    false => self.generator.prefill(&heard).await?,
                    true => self.generator.recall(&heard).await?,
                }
                done += chunk.len();
                if self.answer(0.0).await == Flow::Leave {
                    return Ok(());
                }
            }
            if !is_own {
                self.generator.set_controls(&Controls::like(&primer))?;
            }
        }
        self.write(music_us(&composed), job.length_us).await
    }

    /// Composes after `composed_us` of music.
    async fn write(&mut self, mut composed_us: u64, length_us: Option<u64>) -> Result<(), rnn::Error> {
        let (start_us, mut busy_ms, mut n) = (composed_us, 0.0, 4);
        while length_us.is_none_or(|length_us| composed_us < length_us) {
            let started = now_ms();
            let tokens = self.generator.next_chunk(n).await?;
            let took_ms = now_ms() - started;
            busy_ms += took_ms;
            composed_us += music_us(&tokens);
            let fitting = n as f64 * self.chunk_ms / took_ms.max(0.5);
            n = (fitting as usize).clamp(1, (2 * n).min(MAX_CHUNK_EVENTS));
            let tokens = tokens.into_iter().map(|token| self.offset.undo(token).get()).collect();
            post(&Reply::Events { take: self.take, tokens, busy_ms: took_ms });

            let is_fast = (composed_us - start_us) as f64 > FAST * 1000.0 * busy_ms;
            let ahead_us = if is_fast { AHEAD_US } else { SLOW_AHEAD_US };
            let is_easy = is_fast && length_us.is_none() && composed_us > self.played_us + EASY_US;
            let mut flow = self.answer(if is_easy { took_ms } else { 0.0 }).await;
            while flow == Flow::GoOn && length_us.is_none() && composed_us > self.played_us + ahead_us {
                let incoming = self.inbox.next().await;
                self.inbox.put_back(incoming);
                flow = self.answer(0.0).await;
            }
            if flow == Flow::Leave {
                return Ok(());
            }
        }
        post(&Reply::Finished { take: self.take });
        Ok(())
    }

    /// Rests, and does what can be done on the side; leaves anything else in the inbox.
    async fn answer(&mut self, rest_ms: f64) -> Flow {
        pause(rest_ms).await;
        while let Some(incoming) = self.inbox.try_next() {
            match incoming.request {
                Request::Played { take, position_us } if take == self.take => self.played_us = position_us,
                Request::Played { .. } => {}
                Request::SetSampling { sampling } => self.generator.set_settings(settings(sampling)),
                Request::Tick { every_ms } => self.ticker.set(every_ms),
                Request::Stop => return Flow::Leave,
                Request::Load { .. }
                | Request::LoadFile { .. }
                | Request::Start { .. }
                | Request::Bench { .. } => {
                    self.inbox.put_back(incoming);
                    return Flow::Leave;
                }
            }
        }
        Flow::GoOn
    }
}

fn tokens(numbers: &[u16]) -> Vec<Token> {
    numbers.iter().filter_map(|&number| Token::new(number).ok()).collect()
}

fn music_us(tokens: &[Token]) -> u64 {
    let shift_us = |&token: &Token| match Event::from(token) {
        Event::TimeShift(shift) => u64::from(shift.steps()) * STEP_MICROS,
        Event::NoteOn(_) | Event::NoteOff(_) | Event::Velocity(_) => 0,
    };
    tokens.iter().map(shift_us).sum()
}
