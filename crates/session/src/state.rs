//! The page's state and the one pure function that changes it.

mod action;
mod engine;
mod output;
mod settings;
mod take;

use std::rc::Rc;

use performance::Token;

pub use action::{Action, SeedLock};
pub use engine::{Download, EngineState, SLOW, Speed};
pub use output::{Midi, OutputChoice, Outputs, Port};
pub use settings::{DRAWN_SEEDS, Length, MAX_SEED, Settings, TEMPERATURES};
pub use take::{Primer, Take, WithPrimer};

use crate::notice::Notice;
use crate::protocol::{Reply, TakeId};

/// How many earlier performances are kept.
const MAX_EARLIER: usize = 12;

/// Everything the page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The composing side.
    pub engine: EngineState,
    /// Counts how often a worker said that it is ready.
    pub readiness: u32,
    /// How fast it is.
    pub speed: Speed,
    /// The performance on stage.
    pub take: Option<Rc<Take>>,
    /// Those before it, latest first.
    pub earlier: Vec<Rc<Take>>,
    /// What is to be played now.
    pub run: Option<Run>,
    /// What the player says.
    pub playback: Playback,
    /// Of the play-head, since the start of the performance.
    pub position_secs: u64,
    /// Tokens of the primer that the network has read, of so many.
    pub priming: Option<(usize, usize)>,
    /// What the next performance continues.
    pub primer: Option<Rc<Primer>>,
    /// The controls.
    pub settings: Settings,
    /// Where the sound goes.
    pub outputs: Outputs,
    /// The performance that is being made into a file of sound, and how much of it is done, in percent.
    pub recording: Option<(TakeId, u8)>,
    /// What the visitor should know, oldest first.
    pub notices: Vec<Notice>,
    next_take: TakeId,
    next_run: u32,
}

/// One press on Generate or on a performance's Play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: u32,
    /// The performance.
    pub take: TakeId,
    /// Whether it has to be composed first.
    pub kind: RunKind,
}

/// See [`Run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// Compose and play.
    Generate,
    /// Play what there is.
    Replay,
}

/// What the player is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playback {
    /// Nothing.
    Stopped,
    /// Waiting for the first notes, or for the sound they need.
    Starting,
    /// Playing.
    Playing,
    /// Waiting in the middle, because the music ran out.
    Behind,
    /// At the end.
    Finished,
}

impl State {
    /// The page as it opens.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            engine: EngineState::Starting,
            readiness: 0,
            speed: Speed::default(),
            take: None,
            earlier: Vec::new(),
            run: None,
            playback: Playback::Stopped,
            position_secs: 0,
            priming: None,
            primer: None,
            settings: Settings::new(seed),
            outputs: Outputs::default(),
            recording: None,
            notices: Vec::new(),
            next_take: 1,
            next_run: 1,
        }
    }

    /// The state after `action`.
    #[must_use]
    pub fn reduced(mut self, action: Action) -> Self {
        match action {
            Action::Replied { reply, now_ms } => self.hear(reply, now_ms),
            Action::EngineStarting => self.engine = EngineState::Starting,
            Action::Placed(placement) => {
                if let EngineState::Ready(engine) = &mut self.engine {
                    Rc::make_mut(engine).placement = placement;
                }
            }
            Action::Generate { drawn_seed } => self.generate(drawn_seed),
            Action::Replay(id) => self.replay(id),
            Action::Stop => self.stop(),
            Action::Forget(id) => self.earlier.retain(|take| take.id != id),
            Action::Played { playback, position_secs } => self.follow(playback, position_secs),
            Action::SetTemperature(temperature) => {
                self.settings.sampling.temperature =
                    temperature.clamp(*TEMPERATURES.start(), *TEMPERATURES.end());
            }
            Action::SetTopP(top_p) => self.settings.sampling.top_p = top_p.clamp(0.05, 1.0),
            Action::SetSeed(seed) => {
                // Who types a seed wants it to be used.
                self.settings.seed = seed.min(MAX_SEED);
                self.settings.is_seed_locked = true;
            }
            Action::SetSeedLocked(lock) => self.settings.is_seed_locked = lock == SeedLock::Locked,
            Action::SetLength(length) => self.settings.length = length,
            Action::SetVolume(volume) => self.settings.volume = volume.min(100),
            Action::SetPrimer(primer) => {
                self.notices.retain(|notice| !matches!(notice, Notice::PrimerRefused { .. }));
                self.primer = Some(primer);
            }
            Action::ClearPrimer => self.primer = None,
            Action::Recording(recording) => {
                if recording.is_some() {
                    self.notices.retain(|notice| !matches!(notice, Notice::RecordingFailed { .. }));
                }
                self.recording = recording;
            }
            Action::SetOutput(choice) => self.outputs.choice = choice,
            Action::MidiChanged(midi) => {
                if let Some(notice) = self.outputs.update(midi) {
                    self.notify(notice);
                }
            }
            Action::Notify(notice) => self.notify(notice),
            Action::Dismiss(index) => {
                if index < self.notices.len() {
                    self.notices.remove(index);
                }
            }
            Action::Settle(kind) => self.notices.retain(|notice| !notice.is_like(&kind)),
        }
        self
    }

    /// Whether Stop has something to stop.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.run.is_some()
    }

    /// What the page is waiting for, if it is.
    #[must_use]
    pub fn waiting_for(&self) -> Option<String> {
        match (self.playback, &self.engine, self.priming) {
            (Playback::Behind, ..) => Some(Notice::Behind.to_string()),
            (Playback::Starting, EngineState::Down, _) => None,
            (Playback::Starting, EngineState::Ready(_), Some((done, total))) if done < total => {
                let name =
                    self.take.as_ref().and_then(|take| take.primer.as_ref()).map(|primer| &primer.name);
                let name = name.map_or("the primer", String::as_str);
                Some(format!("Listening to {name}: {} %", 100 * done / total.max(1)))
            }
            (Playback::Starting, EngineState::Ready(_), _) => {
                let is_enough =
                    self.take.as_ref().is_some_and(|take| take.music_us >= self.speed.buffer_us());
                Some(match self.speed.times_real_time() {
                    _ if is_enough => "Opening the piano…".into(),
                    Some(times) if times < SLOW => {
                        "This computer is a little slow: composing ahead before it plays.".into()
                    }
                    _ => "Composing the first notes…".into(),
                })
            }
            (Playback::Starting, ..) => Some("It starts as soon as the model is here.".into()),
            _ => None,
        }
    }

    fn hear(&mut self, reply: Reply, now_ms: f64) {
        match reply {
            // The link to the worker deals with these.
            Reply::Alive | Reply::Tick | Reply::Unsuited { .. } | Reply::Crashed { .. } => {}
            // Only the benchmark asks.
            Reply::Benched { .. } => {}
            Reply::Downloading { received_bytes, total_bytes } => {
                let earlier = match self.engine {
                    EngineState::Downloading(download) => Some(download),
                    _ => None,
                };
                self.engine =
                    EngineState::Downloading(Download::next(earlier, received_bytes, total_bytes, now_ms));
            }
            Reply::Preparing => self.engine = EngineState::Preparing,
            Reply::Ready { engine } => {
                self.notices.retain(|notice| !notice.stops_the_engine());
                self.speed = Speed::from_events_per_second(engine.events_per_second);
                self.engine = EngineState::Ready(Rc::new(engine));
                self.readiness += 1;
            }
            Reply::Priming { take, done, total } => {
                if self.is_composing(take) {
                    self.priming = Some((done, total));
                }
            }
            Reply::Events { take, tokens, busy_ms } => {
                if self.is_composing(take) {
                    self.priming = None;
                    let tokens: Vec<Token> =
                        tokens.into_iter().filter_map(|token| Token::new(token).ok()).collect();
                    if let Some(take) = &mut self.take {
                        let music_us = Rc::make_mut(take).extend(&tokens);
                        self.speed.measure(music_us, busy_ms);
                    }
                }
            }
            Reply::Finished { take } => {
                if self.is_composing(take) {
                    self.complete();
                }
            }
            Reply::Failed { notice } => {
                if notice.stops_the_engine() {
                    self.engine = EngineState::Down;
                }
                if matches!(notice, Notice::ComposingFailed { .. } | Notice::WorkerGone { .. }) {
                    self.complete();
                }
                self.notify(notice);
            }
        }
    }

    fn generate(&mut self, drawn_seed: u64) {
        self.retire();
        if !self.settings.is_seed_locked {
            self.settings.seed = drawn_seed;
        }
        let take = Take {
            id: self.next_take,
            seed: self.settings.seed,
            sampling: self.settings.sampling,
            length_us: self.settings.length.us(),
            primer: self.primer.clone(),
            tokens: Vec::new(),
            is_complete: false,
            music_us: 0,
            n_notes: 0,
        };
        self.next_take += 1;
        self.play(take.id, RunKind::Generate);
        self.take = Some(Rc::new(take));
    }

    fn replay(&mut self, id: TakeId) {
        if self.take.as_ref().is_none_or(|take| take.id != id) {
            let Some(index) = self.earlier.iter().position(|take| take.id == id) else { return };
            let take = self.earlier.remove(index);
            self.retire();
            self.take = Some(take);
        }
        self.complete();
        self.play(id, RunKind::Replay);
    }

    fn play(&mut self, take: TakeId, kind: RunKind) {
        self.notices.retain(|notice| {
            notice.stops_the_engine() || notice.remedy().is_some() || matches!(notice, Notice::NoAudio { .. })
        });
        self.run = Some(Run { id: self.next_run, take, kind });
        self.next_run += 1;
        self.playback = Playback::Starting;
        self.position_secs = 0;
        self.priming = None;
    }

    fn stop(&mut self) {
        self.complete();
        self.run = None;
        self.playback = Playback::Stopped;
        self.priming = None;
    }

    /// The performance on stage gets no more tokens.
    fn complete(&mut self) {
        if let Some(take) = self.take.as_mut().filter(|take| !take.is_complete) {
            Rc::make_mut(take).is_complete = true;
        }
    }

    /// Moves the performance on stage to the earlier ones, if there is anything in it.
    fn retire(&mut self) {
        self.complete();
        if let Some(take) = self.take.take().filter(|take| take.n_notes > 0) {
            self.earlier.insert(0, take);
            self.earlier.truncate(MAX_EARLIER);
        }
    }

    fn follow(&mut self, playback: Playback, position_secs: u64) {
        if self.run.is_none() {
            return;
        }
        self.playback = playback;
        self.position_secs = position_secs;
        if playback == Playback::Playing {
            self.notices.retain(|notice| !matches!(notice, Notice::SoundHeld | Notice::SoundInterrupted));
        }
        if playback == Playback::Finished {
            self.run = None;
        }
    }

    fn notify(&mut self, notice: Notice) {
        if matches!(notice, Notice::MidiSendFailed { .. }) {
            self.outputs.choice = OutputChoice::Piano;
        }
        let is_last_crash = matches!(notice, Notice::WorkerGone { .. });
        self.notices.retain(|earlier| {
            let is_its_crash = is_last_crash && matches!(earlier, Notice::WorkerCrashed { .. });
            !earlier.is_like(&notice) && !is_its_crash
        });
        self.notices.push(notice);
    }

    fn is_composing(&self, id: TakeId) -> bool {
        self.take.as_ref().is_some_and(|take| take.id == id && !take.is_complete)
    }
}

#[cfg(test)]
mod tests;
