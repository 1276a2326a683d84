//! What the page knows, and the one pure function that changes it: a slice for each subject, and what binds
//! them.

mod action;
mod keep;
mod perform;
mod play;

use std::rc::Rc;

use performance::score::Rendition;
use performance::{Origin, Token};

pub use action::{Action, Moment};
pub use keep::Received;

use crate::protocol::{Reply, TakeId};
use crate::steering::Answer;
use crate::{
    Beside, Conductor, Download, EngineState, History, List, MAX_SEED, Notice, Notices, OutputChoice,
    Outputs, Playback, Primer, SLOW, SeedLock, Settings, Span, Speed, Take, Takes, Transport,
};

/// A change that is heard later than this, in microseconds, shows a notice.
const SLOW_CHANGE_US: u64 = 1_000_000;
/// Longest name of a performance, in characters.
const MAX_NAME: usize = 80;

/// Everything the page shows.
#[derive(Clone, Debug, PartialEq)]
pub struct State {
    /// The composing side.
    pub engine: EngineState,
    /// Counts how often a worker said that it is ready.
    pub readiness: u32,
    /// How fast it is.
    pub speed: Speed,
    /// The performances.
    pub takes: Takes,
    /// What plays.
    pub transport: Transport,
    /// A span of the performance on stage that is marked.
    pub mark: Option<Span>,
    /// What the next performance continues.
    pub primer: Option<Rc<Primer>>,
    /// The controls.
    pub settings: Settings,
    /// Where the sound goes.
    pub outputs: Outputs,
    /// The performance that is being made into a file of sound, and how much of it is done, in percent.
    pub recording: Option<(TakeId, u8)>,
    /// The conductor's beat, while taps give the tempo.
    pub conductor: Option<Conductor>,
    /// A performance that a link brought without its score.
    awaited_score: Option<Rc<Rendition>>,
    /// What the visitor should know.
    pub notices: Notices,
    /// Of the list of takes.
    history: History<List>,
}

impl State {
    /// The page as it opens.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            engine: EngineState::Starting,
            readiness: 0,
            speed: Speed::default(),
            takes: Takes::default(),
            transport: Transport::default(),
            mark: None,
            primer: None,
            settings: Settings::new(seed),
            outputs: Outputs::default(),
            recording: None,
            conductor: None,
            awaited_score: None,
            notices: Notices::default(),
            history: History::default(),
        }
    }

    /// The state after an action.
    #[must_use]
    pub fn reduced(mut self, action: Action, at: Moment) -> Self {
        match action {
            Action::Replied(reply) => self.hear(reply, at),
            Action::EngineStarting => self.engine = EngineState::Starting,
            Action::Placed(placement) => {
                if let EngineState::Ready(engine) = &mut self.engine {
                    Rc::make_mut(engine).placement = placement;
                }
            }
            Action::Generate { drawn_seed } => self.generate(drawn_seed),
            Action::Replay(id) => self.replay(id, 0),
            Action::Stop => self.stop(),
            Action::Pause => self.transport.pause(),
            Action::Resume => self.resume(),
            Action::Seek { at_us } => self.seek(at_us),
            Action::Mark(span) => self.mark = span.filter(|span| span.us() > 0),
            Action::SetLooping(is_looping) => self.transport.is_looping = is_looping,
            Action::Forget(id) => {
                if self.takes.is_listed(id) {
                    self.record();
                    if self.takes.current().is_some_and(|take| take.id == id) {
                        self.stop();
                    }
                    self.takes.remove(id);
                }
            }
            Action::Rename { take, name } => {
                let name = Some(name.trim().chars().take(MAX_NAME).collect::<String>());
                self.record();
                self.takes.relabel(take, |listed| listed.name = name.filter(|name| !name.is_empty()));
            }
            Action::Star(take) => {
                self.record();
                self.takes.relabel(take, |listed| listed.is_starred = !listed.is_starred);
            }
            Action::Branch { at_us, drawn_seed } => self.branch(at_us, drawn_seed),
            Action::Versions { at_us, drawn_seeds } => self.offer_versions(at_us, &drawn_seeds),
            Action::Choose(index) => self.choose(index, at),
            Action::KeepVersion => self.keep_version(),
            Action::BringBack { at_us, semitones } => self.bring_back(at_us, semitones),
            Action::MoveChange { entry, to_us } => self.edit(entry, Some(to_us), at),
            Action::RemoveChange { entry } => self.edit(entry, None, at),
            Action::Undo => self.undo(),
            Action::Redo => self.redo(),
            Action::Played { playback, position_us } => {
                self.transport.follow(playback, position_us);
                if playback == Playback::Playing {
                    self.notices
                        .settle(|notice| matches!(notice, Notice::SoundHeld | Notice::SoundInterrupted));
                }
            }
            Action::SetShape(shape) => self.set_shape(shape, at),
            Action::SetTemperature(temperature) => self.set_temperature(temperature, at),
            Action::SetTopP(top_p) if top_p.is_finite() => {
                self.settings.sampling.top_p = top_p.clamp(0.05, 1.0);
            }
            Action::SetTopP(_) => {}
            Action::SetSeed(seed) => {
                // Who types a seed wants it to be used.
                self.settings.seed = seed.min(MAX_SEED);
                self.settings.is_seed_locked = true;
            }
            Action::SetSeedLocked(lock) => self.settings.is_seed_locked = lock == SeedLock::Locked,
            Action::SetLength(length) => self.settings.length = length,
            Action::SetVolume(volume) => self.settings.volume = volume.min(100),
            Action::SetPrimer(primer) => {
                self.notices.settle(|notice| matches!(notice, Notice::PrimerRefused { .. }));
                self.primer = Some(primer);
            }
            Action::ClearPrimer => self.primer = None,
            Action::Recording(recording) => {
                if recording.is_some() {
                    self.notices.settle(|notice| matches!(notice, Notice::RecordingFailed { .. }));
                }
                self.recording = recording;
            }
            Action::SetOutput(choice) => self.outputs.choice = choice,
            Action::SetPedal(pedal) => self.outputs.pedal = pedal,
            Action::MidiChanged(midi) => {
                if let Some(notice) = self.outputs.update(midi) {
                    self.notices.tell(notice);
                }
            }
            Action::Perform(piece) => self.perform(piece),
            Action::Render(rendering) => self.render(rendering),
            Action::SetConducting(is_on) => self.conductor = is_on.then(Conductor::default),
            Action::Tap { at_us } => self.tap(at_us, at),
            Action::SetMood { energy, valence } => self.set_mood(energy, valence, at),
            Action::Unconduct => self.unconduct(),
            Action::ReceiveScore(rendition) => self.receive_score(rendition),
            Action::Open(saved) => self.open(&saved),
            Action::Receive(received) => self.receive(received),
            Action::Notify(notice) => self.notify(notice),
            Action::Dismiss(index) => self.notices.dismiss(index),
            Action::Settle(kind) => self.notices.settle(|notice| notice.is_like(&kind)),
        }
        self.steer(at);
        self
    }

    /// Whether Stop has something to stop.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.transport.run.is_some()
    }

    /// Whether music goes on; not while it is paused.
    #[must_use]
    pub fn is_sounding(&self) -> bool {
        self.is_running() && self.transport.playback != Playback::Paused
    }

    /// Whether there is something to undo, and to redo.
    #[must_use]
    pub fn can_undo_redo(&self) -> (bool, bool) {
        self.history.can_undo_redo()
    }

    /// What the page is waiting for, if it is.
    #[must_use]
    pub fn waiting_for(&self) -> Option<String> {
        match (self.transport.playback, &self.engine, self.transport.prefilled) {
            (Playback::Behind, EngineState::Ready(_), _) => Some(Notice::Behind.to_string()),
            (Playback::Behind, ..) => Some("It goes on as soon as the model is here.".into()),
            // Nothing is composed for it.
            (Playback::Starting, ..) if self.performed().is_some() => None,
            (Playback::Starting, EngineState::Down, _) => None,
            (Playback::Starting, EngineState::Ready(_), Some((done, total))) if done < total => {
                let primer = self.takes.current().and_then(|take| take.primer.as_ref());
                let name = primer.map_or("the primer", |primer| primer.name.as_str());
                Some(format!("Listening to {name}: {} %", 100 * done / total.max(1)))
            }
            (Playback::Starting, EngineState::Ready(_), _) => {
                let is_enough =
                    self.takes.current().is_some_and(|take| take.music_us() >= self.speed.buffer_us());
                Some(match self.speed.times_real_time() {
                    _ if is_enough => "Opening the piano…".into(),
                    Some(times) if times < SLOW => {
                        "This computer is a little slow: composing ahead before it plays.".into()
                    }
                    _ => "Composing the first notes…".into(),
                })
            }
            (Playback::Starting, ..) if self.takes.current().is_some_and(|take| take.n_notes() > 0) => {
                Some("Opening the piano…".into())
            }
            (Playback::Starting, ..) => Some("It starts as soon as the model is here.".into()),
            _ => None,
        }
    }

    fn hear(&mut self, reply: Reply, at: Moment) {
        match reply {
            // The supervisor and the link to the worker handle these; `Benched` is for the benchmark.
            Reply::Alive
            | Reply::Tick
            | Reply::Considered { .. }
            | Reply::Unsuited { .. }
            | Reply::Crashed { .. }
            | Reply::Logits { .. }
            | Reply::Benched { .. } => {}
            Reply::Downloading { received_bytes, total_bytes } => {
                let earlier = match self.engine {
                    EngineState::Downloading(download) => Some(download),
                    _ => None,
                };
                let download = Download::next(earlier, received_bytes, total_bytes, at.now_ms);
                self.engine = EngineState::Downloading(download);
            }
            Reply::Preparing => self.engine = EngineState::Preparing,
            Reply::Ready { engine } => {
                self.notices.settle(Notice::stops_the_engine);
                self.speed = Speed::from_events_per_second(engine.events_per_second);
                self.engine = EngineState::Ready(Rc::new(engine));
                self.readiness += 1;
                // It gets what the page has of the present take, whichever worker composed it.
                self.transport.restarted();
                self.compare();
            }
            Reply::Prefilling { take, done, total } => {
                if self.takes.is_composing(take) {
                    self.transport.prefilled = Some((done, total));
                }
            }
            Reply::Events { take, epoch, at: index, tokens, busy_ms } => {
                if self.transport.generating() != Some(take) {
                    return self.hear_beside(take, epoch, index, &tokens);
                }
                let n_tokens = self.takes.current().map_or(0, |take| take.tokens().len());
                match self.transport.steering.answer(epoch, n_tokens, at.changes_from_us(), at.now_ms) {
                    Answer::Stale => {
                        let margin_us = self.transport.steering.margin_us();
                        if margin_us > SLOW_CHANGE_US && self.transport.steering.in_flight().is_none() {
                            self.notices.tell(Notice::SlowChanges { secs: margin_us.div_ceil(1_000_000) });
                        }
                        return;
                    }
                    Answer::Spliced(splice) => {
                        self.takes.update(|take| splice.apply(take));
                    }
                    Answer::Current => {}
                }
                self.transport.prefilled = None;
                let Some(take) = self.takes.current().filter(|take| !take.is_complete) else { return };
                if index != take.tokens().len() {
                    let why = format!("expected token {}, found {index}", take.tokens().len());
                    return self.notices.tell(Notice::WireBroken { why });
                }
                let origin = self.origin();
                let extend = |take: &mut Take| {
                    take.drawn_with(origin);
                    (take.extend(&tokens), take.settle())
                };
                if let Some((music_us, is_promised)) = self.takes.update(extend) {
                    self.speed.measure(music_us, busy_ms);
                    if is_promised == Some(false)
                        && !self.notices.as_slice().contains(&Notice::LinkOtherModel)
                    {
                        self.notices.tell(Notice::LinkDiffers);
                    }
                }
            }
            Reply::Finished { take, epoch } => {
                let is_current = self.takes.is_composing(take) && epoch == self.transport.steering.epoch();
                let is_beside = self.transport.beside.contains(&Beside { take, epoch });
                if is_current || is_beside {
                    self.takes.update_take(take, |take| take.is_complete = true);
                }
            }
            Reply::Failed { notice } => {
                if notice.stops_the_engine() {
                    self.engine = EngineState::Down;
                }
                if matches!(notice, Notice::ComposingFailed { .. } | Notice::WorkerGone { .. }) {
                    self.takes.complete();
                }
                self.notices.tell(notice);
            }
        }
    }

    /// More of a version that is not on stage.
    fn hear_beside(&mut self, take: TakeId, epoch: u32, index: usize, tokens: &[Token]) {
        let origin = self.origin();
        if self.transport.beside.contains(&Beside { take, epoch }) {
            self.takes.update_take(take, |take| {
                if take.tokens().len() == index {
                    take.drawn_with(origin);
                    take.extend(tokens);
                }
            });
        }
    }

    /// The weights and the sampler that compose now.
    fn origin(&self) -> Option<Origin> {
        match &self.engine {
            EngineState::Ready(engine) => engine.model.origin,
            _ => None,
        }
    }

    fn notify(&mut self, notice: Notice) {
        if matches!(notice, Notice::MidiSendFailed { .. } | Notice::MidiPortBusy { .. }) {
            self.outputs.choice = OutputChoice::Piano;
        }
        self.notices.tell(notice);
    }
}

#[cfg(test)]
mod tests;
