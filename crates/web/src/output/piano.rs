//! The built-in piano: samples on the browser's audio clock, or rendered offline.

mod bank;
mod bus;
mod recording;
mod voices;

use std::collections::BTreeSet;

use gloo::timers::callback::Timeout;
use performance::playback::schedule::{Message, Timed};
use wasm_bindgen::JsValue;
use web_sys::{
    AudioContext, AudioContextLatencyCategory, AudioContextOptions, AudioContextState, BaseAudioContext,
};

pub use bank::Samples;
pub use recording::record;

use crate::js;
use bus::{Bus, Master};
use voices::Voices;

/// The rate of the samples, so that nothing is resampled on decoding.
const SAMPLE_RATE: f32 = 48_000.0;
/// How long a silenced bus stays connected: its fade and the hardware's buffers.
const RETIRE_MS: u32 = 250;
/// A note waits for its own sample until this long before it is due, and is then played with the nearest one.
/// Larger plays more of a first second with stand-ins; smaller plays notes late when the page is held up.
const LAST_MOMENT_US: u64 = 400_000;

/// An open piano. Dropping it closes the sound.
#[derive(Debug)]
pub struct Piano {
    context: AudioContext,
    master: Master,
    bus: Bus,
    voices: Voices,
    samples: Samples,
    /// Keys whose samples are not decoded yet, and what follows on these keys.
    waiting: Vec<Timed>,
    // Dropped, and so disconnected, when silent.
    retiring: Option<Timeout>,
}

impl Piano {
    /// Opens the sound. Browsers let it run only when this happens while a visitor presses something.
    ///
    /// # Errors
    /// The browser's error, if there is no sound.
    pub fn open(samples: Samples) -> Result<Self, JsValue> {
        let options = AudioContextOptions::new();
        options.set_latency_hint_audio_context_latency_category(AudioContextLatencyCategory::Interactive);
        options.set_sample_rate(SAMPLE_RATE);
        let context = AudioContext::new_with_context_options(&options).or_else(|_| AudioContext::new())?;
        let master = Master::new(&context)?;
        let bus = Bus::new(&context, &master)?;
        Ok(Self {
            context,
            master,
            bus,
            voices: Voices::default(),
            samples,
            waiting: Vec::new(),
            retiring: None,
        })
    }

    /// Its context, whose clock is the page's one clock.
    #[must_use]
    pub fn context(&self) -> &AudioContext {
        &self.context
    }

    /// Whether it sounds, or the browser holds it back.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.context.state() == AudioContextState::Running
    }

    /// Asks the browser to let it sound.
    pub fn resume(&self) {
        js::spawn(self.context.resume(), "resuming the sound");
    }

    /// Plays messages, each at its time. Call it regularly, also with none: what waits for a sample is tried
    /// again.
    ///
    /// # Errors
    /// The browser's error.
    pub fn play(&mut self, messages: &[Timed]) -> Result<(), JsValue> {
        let last_moment_us = (1e6 * self.context.current_time()) as u64 + LAST_MOMENT_US;
        let has_sample = |timed: &Timed| match timed.message {
            Message::NoteOn { pitch, velocity } => self.samples.are_ready(&[(pitch, velocity)]),
            Message::NoteOff { .. } => true,
        };
        // What follows on a key that waits, waits too.
        let mut keys_that_wait = BTreeSet::new();
        let (ready, waiting): (Vec<Timed>, Vec<Timed>) =
            self.waiting.drain(..).chain(messages.iter().copied()).partition(|timed| {
                let (Message::NoteOn { pitch, .. } | Message::NoteOff { pitch }) = timed.message;
                let waits =
                    keys_that_wait.contains(&pitch) || timed.at_us >= last_moment_us && !has_sample(timed);
                if waits {
                    keys_that_wait.insert(pitch);
                }
                !waits
            });
        self.waiting = waiting;
        perform(&self.context, &self.bus, &mut self.voices, &self.samples, &ready)
    }

    /// Takes back all messages from this time on the context's clock on. Strings that are not struck yet are
    /// not struck, and dampers that have not fallen stay up. What rings rings on.
    ///
    /// # Errors
    /// The browser's error.
    pub fn take_back(&mut self, from_us: u64) -> Result<(), JsValue> {
        self.waiting.retain(|timed| timed.at_us < from_us);
        self.voices.take_back(from_us as f64 / 1e6)
    }

    /// Silence, reverb included, within 30 ms.
    ///
    /// # Errors
    /// The browser's error.
    pub fn silence(&mut self) -> Result<(), JsValue> {
        let now_secs = self.context.current_time();
        self.waiting.clear();
        self.bus.fade_out(now_secs)?;
        let voices = std::mem::take(&mut self.voices);
        let bus = std::mem::replace(&mut self.bus, Bus::new(&self.context, &self.master)?);
        self.retiring = Some(Timeout::new(RETIRE_MS, move || drop((voices, bus))));
        Ok(())
    }

    /// `volume` is `0..=100`.
    pub fn set_volume(&self, volume: u8) {
        self.master.set_volume(volume, self.context.current_time());
    }

    /// Largest sample of the last 43 ms, `0.0..=1.0`, as it goes to the loudspeakers.
    #[must_use]
    pub fn level(&self) -> f32 {
        self.master.level()
    }
}

/// Has the strings play messages, each at its time on the context's clock.
fn perform(
    context: &BaseAudioContext,
    bus: &Bus,
    voices: &mut Voices,
    samples: &Samples,
    messages: &[Timed],
) -> Result<(), JsValue> {
    voices.forget_past(context.current_time());
    for timed in messages {
        let at_secs = timed.at_us as f64 / 1e6;
        match timed.message {
            Message::NoteOn { pitch, velocity } => {
                // Without any sample near it the note is left out: better than a wrong one.
                if let Some(sound) = samples.pick(pitch, velocity) {
                    voices.strike(context, bus.input(), pitch, &sound, at_secs)?;
                }
            }
            Message::NoteOff { pitch } => {
                let thud = samples.pick_release(pitch);
                voices.release(context, bus.input(), pitch, thud, at_secs)?;
            }
        }
    }
    Ok(())
}

impl Drop for Piano {
    fn drop(&mut self) {
        js::spawn(self.context.close(), "closing the sound");
    }
}
