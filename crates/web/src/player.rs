//! Plays the performance on stage: schedule, clock and instruments together.

mod ahead;
mod turn;
mod watch;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use performance::midi::{Live, Pedal, RESTRIKE_GAP_US};
use performance::playback::schedule::{Schedule, Status, Timed};
use performance::playback::{Cursor, Lookahead};
use performance::{Event, Pitch, Velocity};
use session::{ClockSource, ClockWatch, Notice, Playback, Span, Take};

use wasm_bindgen::JsValue;

use crate::js;
use crate::output::{Clock, MidiOut, Piano, Samples};

/// What is held back for a splice is played after all when it is due this soon.
const HOLD_LEAD_US: u64 = 25_000;
/// Samples are decoded this long before they are played.
const DECODE_AHEAD_US: u64 = 12_000_000;
/// The music starts when the samples of its beginning, of this length, are decoded ...
const BEGINNING_US: u64 = 1_000_000;
/// ... or this long after its notes are known, with the nearest ones.
const MAX_DECODE_WAIT_MS: f64 = 4000.0;

/// The player, shared by the hooks that feed it, the roll that watches it and the buttons.
#[derive(Clone)]
pub struct PlayerHandle(Rc<RefCell<Player>>);

impl PlayerHandle {
    /// A player that fetches its sound and plays nothing yet.
    #[must_use]
    pub fn new() -> Self {
        let samples = Samples::default();
        samples.open();
        Self(Rc::new(RefCell::new(Player {
            samples,
            piano: None,
            midi: None,
            pedal: Pedal::default(),
            clock: Clock::new(None),
            watch: ClockWatch::default(),
            reopened_ms: 0.0,
            run: None,
            midi_lookahead: Lookahead::default(),
            is_hidden: false,
            volume: 80,
            buffer_us: 0,
            looped: None,
            heard_us: 0,
            news: None,
            notices: Vec::new(),
            settled: Vec::new(),
        })))
    }

    pub fn with<T>(&self, act: impl FnOnce(&mut Player) -> T) -> T {
        act(&mut self.0.borrow_mut())
    }
}

impl Default for PlayerHandle {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for PlayerHandle {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

/// See [`PlayerHandle`].
pub struct Player {
    samples: Samples,
    piano: Option<Piano>,
    midi: Option<MidiOut>,
    pedal: Pedal,
    clock: Clock,
    watch: ClockWatch,
    reopened_ms: f64,
    run: Option<Playing>,
    /// How far ahead MIDI devices get their messages. These cannot be taken back, so this is how long a stop
    /// may take.
    midi_lookahead: Lookahead,
    is_hidden: bool,
    volume: u8,
    buffer_us: u64,
    /// A span that is played over and over.
    looped: Option<Span>,
    heard_us: u64,
    news: Option<(Playback, u64)>,
    notices: Vec<Notice>,
    settled: Vec<Notice>,
}

/// A performance under way.
struct Playing {
    schedule: Schedule,
    /// Once it was fed.
    take: Option<Rc<Take>>,
    /// Where it began, in microseconds of music.
    from_us: u64,
    /// What a MIDI device is told.
    live: Live,
    is_paused: bool,
    /// Number of the take's tokens that the schedule has.
    n_fed: usize,
    n_splices: usize,
    /// The position after the tokens that the schedule has.
    end: Cursor,
    /// Notes whose samples were not requested yet, with their music time.
    upcoming: VecDeque<(u64, Pitch, Velocity)>,
    beginning: Vec<(Pitch, Velocity)>,
    has_begun: bool,
    /// When its first notes were known.
    known_ms: Option<f64>,
    /// Since when the sound has been held back.
    held_since_ms: Option<f64>,
    resumed_ms: f64,
    has_told_held: bool,
}

impl Playing {
    /// Releases of an instrument that is to fall silent, with those that still wait, in order of time.
    fn with_waiting(&mut self, mut offs: Vec<Timed>) -> Vec<Timed> {
        offs.extend(self.live.rest());
        offs.sort_by_key(|off| off.at_us);
        offs
    }
}

impl Player {
    /// Opens the sound, or wakes it. To be called while the visitor presses something.
    pub fn unlock(&mut self) {
        if self.piano.is_none()
            && let Err(error) = self.open_piano()
        {
            self.notices.push(Notice::NoAudio { why: js::text(&error) });
        }
        if let Some(piano) = self.piano.as_ref().filter(|piano| !piano.is_running()) {
            piano.resume();
        }
    }

    fn open_piano(&mut self) -> Result<(), JsValue> {
        let piano = Piano::open(self.samples.clone())?;
        piano.set_volume(self.volume);
        self.clock.set_context(piano.context().clone());
        self.piano = Some(piano);
        self.watch.look_away();
        Ok(())
    }

    /// A performance begins at this place of its music; what plays is silenced.
    pub fn begin(&mut self, from_us: u64) {
        self.stop();
        self.news = None;
        self.heard_us = from_us;
        self.run = Some(Playing {
            schedule: Schedule::new(self.lookahead_us(), self.buffer_us).starting_at(from_us),
            take: None,
            from_us,
            live: Live::new(self.pedal),
            is_paused: false,
            n_fed: 0,
            n_splices: 0,
            end: Cursor::default(),
            upcoming: VecDeque::new(),
            beginning: Vec::new(),
            has_begun: false,
            known_ms: None,
            held_since_ms: None,
            resumed_ms: 0.0,
            has_told_held: false,
        });
        self.follow_loop();
    }

    /// The same performance, from another place on.
    fn begin_again(&mut self, from_us: u64) {
        let Some(take) = self.run.as_ref().and_then(|run| run.take.clone()) else { return };
        self.begin(from_us);
        self.feed(&take);
    }

    /// Nothing plays; the play-head is here.
    pub fn rest(&mut self, at_us: u64) {
        self.stop();
        self.heard_us = at_us;
    }

    /// Silence, until it goes on from the same place.
    pub fn set_paused(&mut self, is_paused: bool) {
        let Some(run) = self.run.as_ref().filter(|run| run.is_paused != is_paused) else { return };
        let (take, was_paused) = (run.take.clone(), run.is_paused);
        let at_us = if was_paused { self.heard_us } else { self.heard_us() };
        self.begin(at_us);
        if let Some(run) = &mut self.run {
            run.is_paused = is_paused;
        }
        if let Some(take) = take {
            self.feed(&take);
        }
    }

    /// Plays a span over and over from now on, or with `None` no more.
    pub fn set_loop(&mut self, looped: Option<Span>) {
        self.looped = looped;
        self.follow_loop();
    }

    /// Whether the play-head will come to the end of the loop.
    fn follow_loop(&mut self) {
        let now_us = self.clock.now_us();
        let Some(run) = &mut self.run else { return };
        let at_us = run.schedule.position_us(now_us);
        let end_us = self.looped.map(|span| span.to_us).filter(|&to_us| at_us < to_us);
        run.schedule.set_until_us(end_us);
    }

    /// Feeds what is new of the performance to the schedule.
    pub fn feed(&mut self, take: &Rc<Take>) {
        let now_us = self.clock.now_us();
        let before = self.run.as_ref().and_then(|run| run.take.as_ref()?.performed.clone());
        if let (Some(before), Some(now)) = (before, &take.performed)
            && !Rc::ptr_eq(&before, now)
            && before.piece == now.piece
        {
            return self.turn(&before, now, take);
        }
        let Some(run) = &mut self.run else { return };
        let other = run.take.replace(Rc::clone(take)).filter(|before| before.id != take.id);
        let (n_splices, n_kept) = match &other {
            // A branch goes on where the other one was.
            Some(other) => {
                let shared = take.parent.filter(|parent| parent.take == other.id);
                (take.kept_since(0).0, shared.map_or(0, |parent| parent.at).min(take.kept_since(0).1))
            }
            None => take.kept_since(run.n_splices),
        };
        if n_splices != run.n_splices || other.is_some() {
            run.n_splices = n_splices;
            if n_kept < run.n_fed || take.tokens().len() < run.n_fed {
                self.splice(take, n_kept, now_us);
            }
        }
        let Some(run) = &mut self.run else { return };
        let new = take.heard(run.n_fed);
        run.n_fed += new.len();
        for &token in &new {
            let timed = run.end.step(token);
            if let Event::NoteOn(pitch) = timed.event
                && timed.at_us >= run.from_us
            {
                let velocity = timed.velocity.velocity();
                run.upcoming.push_back((timed.at_us, pitch, velocity));
                if timed.at_us < run.from_us + BEGINNING_US {
                    run.beginning.push((pitch, velocity));
                }
            }
        }
        run.schedule.feed(&new);
        if take.is_complete {
            run.schedule.end();
        }
    }

    /// Drops the music from a token on, except for notes that ring.
    fn splice(&mut self, take: &Take, n_kept: usize, now_us: u64) {
        let Some(run) = &mut self.run else { return };
        let mut kept = take.heard(0);
        kept.truncate(n_kept);
        run.n_fed = kept.len();
        run.end = Cursor::after(&kept);
        run.upcoming.retain(|&(at_us, ..)| at_us < run.end.at_us());
        let taken_back = run.schedule.splice(&kept, now_us);
        self.forget(&taken_back);
    }

    /// Instruments forget these messages, all that they have from the first on.
    fn forget(&mut self, taken_back: &[Timed]) {
        let Some(run) = &mut self.run else { return };
        let outcome = match (&self.midi, taken_back.first(), &mut self.piano) {
            (Some(midi), first, _) => {
                if let Some(first) = first {
                    run.live.take_back(first.at_us);
                }
                midi.take_back(taken_back, &self.clock)
            }
            // Everything that was kept comes before the first message that is taken back.
            (None, Some(first), Some(piano)) => {
                piano.take_back(first.at_us).map_err(|error| Notice::NoAudio { why: js::text(&error) })
            }
            (None, ..) => Ok(()),
        };
        self.notices.extend(outcome.err());
    }

    /// The music from this time on is about to be replaced. It is not sent to a MIDI device yet, because that
    /// cannot take messages back.
    pub fn hold(&mut self, from_us: Option<u64>) {
        let is_midi = self.midi.is_some();
        if let Some(run) = &mut self.run {
            match from_us.filter(|_| is_midi) {
                Some(from_us) => run.schedule.hold(from_us),
                None => run.schedule.release_hold(),
            }
        }
    }

    /// Music time of the clock, in microseconds: what lies further ahead can be changed.
    #[must_use]
    pub fn head_us(&self) -> u64 {
        self.run.as_ref().map_or(0, |run| run.schedule.position_us(self.clock.now_us()))
    }

    /// How much further ahead than usual a MIDI device gets its messages, in microseconds.
    #[must_use]
    pub fn ahead_us(&self) -> u64 {
        self.midi.as_ref().map_or(0, |_| self.midi_lookahead.us() - Lookahead::LEAST_US)
    }

    /// Plays what is due. Call it at least every quarter of a second.
    pub fn tick(&mut self) {
        if let Some(news) = self.advance() {
            self.news = Some(news);
        }
    }

    /// What it is doing and the play-head in microseconds, if there was a performance since the last call.
    pub fn take_news(&mut self) -> Option<(Playback, u64)> {
        self.news.take()
    }

    /// Silence, at once.
    pub fn stop(&mut self) {
        // So that the play-head stays where it is.
        self.heard_us();
        let now_us = self.clock.now_us();
        let offs = self.run.take().map(|mut run| {
            let offs = run.schedule.stop(now_us);
            run.with_waiting(offs)
        });
        self.silence(&offs.unwrap_or_default());
    }

    /// Silence because the page goes away or is frozen: what devices hold back is dropped where they can.
    pub fn leave(&mut self) {
        if let Some(midi) = &self.midi {
            midi.clear();
        }
        self.set_paused(true);
    }

    /// What devices get from now on.
    pub fn set_pedal(&mut self, pedal: Pedal) {
        self.pedal = pedal;
        self.set_midi(self.midi.clone());
    }

    /// Plays on a device from now on, or with `None` on the piano.
    pub fn set_midi(&mut self, midi: Option<MidiOut>) {
        let now_us = self.clock.now_us();
        let offs = self.run.as_mut().map(|run| {
            let offs = run.schedule.recall(now_us);
            run.with_waiting(offs)
        });
        self.silence(&offs.unwrap_or_default());
        self.midi = midi;
        if let Some(run) = &mut self.run {
            run.live = Live::new(self.pedal);
        }
    }

    /// Of the piano; `volume` is `0..=100`.
    pub fn set_volume(&mut self, volume: u8) {
        self.volume = volume;
        if let Some(piano) = &self.piano {
            piano.set_volume(volume);
        }
    }

    /// Whether the page is hidden, and its timers are slow.
    pub fn set_hidden(&mut self, is_hidden: bool) {
        if self.is_hidden != is_hidden {
            self.midi_lookahead = Lookahead::default();
        }
        self.is_hidden = is_hidden;
    }

    /// How much music there should be before it starts or resumes.
    pub fn set_buffer_us(&mut self, buffer_us: u64) {
        self.buffer_us = buffer_us;
    }

    /// The sound of the piano.
    #[must_use]
    pub fn samples(&self) -> Samples {
        self.samples.clone()
    }

    pub fn fetch_samples(&mut self) {
        self.samples.open();
    }

    /// The notices since the last call.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// The notices since the last call that hold no more.
    pub fn take_settled(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.settled)
    }

    /// Music time at the play-head as it is heard, in microseconds; where it stopped, if it has.
    pub fn heard_us(&mut self) -> u64 {
        let now_us = self.clock.now_us().saturating_sub(self.latency_us());
        if let Some(run) = self.run.as_ref().filter(|run| !run.is_paused) {
            self.heard_us = run.schedule.position_us(now_us);
        }
        self.heard_us
    }

    /// Output latency in microseconds, as far as the browser knows.
    #[must_use]
    pub fn latency_us(&self) -> u64 {
        if self.midi.is_none() { self.clock.latency_us() } else { 0 }
    }

    /// See [`Piano::level`].
    #[must_use]
    pub fn level(&self) -> f32 {
        self.piano.as_ref().map_or(0.0, Piano::level)
    }

    /// The piano's context, for its statistics.
    #[must_use]
    pub fn audio(&self) -> Option<&web_sys::AudioContext> {
        self.piano.as_ref().map(Piano::context)
    }

    fn advance(&mut self) -> Option<(Playback, u64)> {
        self.clock.measure();
        self.midi_lookahead.tick((js::now_ms() * 1000.0) as u64);
        if let Some(why) = self.samples.take_failure() {
            self.notices.push(Notice::SamplesMissing { why });
        }
        self.watch_for_held_sound();
        self.watch_the_clock();
        let (lookahead_us, buffer_us, now_us) = (self.lookahead_us(), self.buffer_us, self.clock.now_us());
        let run = self.run.as_mut()?;
        if run.is_paused {
            return Some((Playback::Paused, run.from_us));
        }
        let position_us = run.schedule.position_us(now_us);
        if let Some(span) = self.looped.filter(|span| run.has_begun && position_us >= span.to_us)
            && run.from_us < span.to_us
        {
            self.begin_again(span.from_us);
            return Some((Playback::Playing, span.from_us));
        }
        if !self.clock.is_running() {
            let playback = if run.has_begun { Playback::Playing } else { Playback::Starting };
            return Some((playback, position_us));
        }
        if self.midi.is_none() {
            let horizon_us = position_us + DECODE_AHEAD_US;
            let n_soon = run.upcoming.partition_point(|&(at_us, ..)| at_us < horizon_us);
            self.samples.prepare(run.upcoming.drain(..n_soon).map(|(_, pitch, velocity)| (pitch, velocity)));
            let now_ms = js::now_ms();
            let known_ms = run.known_ms.or_else(|| (!run.beginning.is_empty()).then_some(now_ms));
            run.known_ms = known_ms;
            let is_patient = known_ms.is_none_or(|known_ms| now_ms - known_ms < MAX_DECODE_WAIT_MS);
            let is_heard = self.clock.source() == ClockSource::Sound;
            if is_heard && !run.has_begun && is_patient && !self.samples.are_ready(&run.beginning) {
                return Some((Playback::Starting, run.from_us));
            }
        }
        run.schedule.release_late_hold(now_us, HOLD_LEAD_US);
        run.schedule.set_lookahead_us(lookahead_us);
        run.schedule.set_buffer_us(buffer_us);
        let due = run.schedule.poll(now_us);
        let playback = match run.schedule.status() {
            Status::Waiting if run.has_begun => Playback::Behind,
            Status::Waiting => Playback::Starting,
            Status::Playing => Playback::Playing,
            Status::Finished => Playback::Finished,
        };
        run.has_begun |= playback == Playback::Playing;
        let position_us = run.schedule.position_us(now_us);
        if let Some(midi) = &self.midi {
            // So far ahead, all messages are known, unless something holds them back.
            let known_us = match playback {
                Playback::Finished => u64::MAX,
                _ => (now_us + lookahead_us).saturating_sub(RESTRIKE_GAP_US),
            };
            let commands = run.live.pass(&due, &run.schedule.coming(), known_us);
            if let Err(notice) = midi.send(&commands, &self.clock) {
                self.notices.push(notice);
                self.midi = None;
            }
        } else if self.clock.source() == ClockSource::Sound
            && let Some(Err(error)) = self.piano.as_mut().map(|piano| piano.play(&due))
        {
            self.notices.push(Notice::NoAudio { why: js::text(&error) });
        }
        if playback == Playback::Finished {
            self.heard_us = position_us;
            // What sounds rings out.
            self.run = None;
        }
        Some((playback, position_us))
    }

    fn silence(&mut self, offs: &[Timed]) {
        if let Some(Err(notice)) = self.midi.as_ref().map(|midi| midi.silence(offs, &self.clock)) {
            self.notices.push(notice);
        }
        if let Some(Err(error)) = self.piano.as_mut().map(Piano::silence) {
            self.notices.push(Notice::NoAudio { why: js::text(&error) });
        }
    }

    fn lookahead_us(&self) -> u64 {
        let played_us = self.run.as_ref().map_or(0, |run| self.head_us().saturating_sub(run.from_us));
        match &self.midi {
            Some(_) => self.midi_lookahead.us(),
            None => ahead::piano_us(played_us, self.is_hidden),
        }
    }
}
