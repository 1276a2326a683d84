//! The one clock: that of the audio hardware, or the computer's where that stands still.

use session::ClockSource;
use web_sys::{AudioContext, AudioContextState};

use crate::js;

/// How fast the mapping to the page's time follows what is measured. Larger follows a drift sooner;
/// smaller smooths the audio clock's steps (a few milliseconds) better.
const FOLLOW: f64 = 0.03;
/// A difference beyond this is no jitter: the computer slept, or the sound was taken away.
const JUMP_MS: f64 = 60.0;

/// The time of the sound, and the same time on the page's clock, which MIDI devices use.
#[derive(Debug)]
pub struct Clock {
    context: Option<AudioContext>,
    source: ClockSource,
    /// Page time minus sound time, in milliseconds.
    offset_ms: Option<f64>,
}

impl Clock {
    /// The sound's clock; without sound, the page's.
    #[must_use]
    pub fn new(context: Option<AudioContext>) -> Self {
        Self { context, source: ClockSource::Sound, offset_ms: None }
    }

    /// Another sound, by the same source.
    pub fn set_context(&mut self, context: AudioContext) {
        self.context = Some(context);
        self.offset_ms = None;
    }

    #[must_use]
    pub fn source(&self) -> ClockSource {
        self.source
    }

    /// Goes by another source: what was scheduled by the last one means nothing by this.
    pub fn set_source(&mut self, source: ClockSource) {
        self.source = source;
        self.offset_ms = None;
    }

    /// The sound's clock, whatever the source, in milliseconds; `None` without sound.
    #[must_use]
    pub fn sound_ms(&self) -> Option<f64> {
        self.context.as_ref().map(|context| context.current_time() * 1000.0)
    }

    /// Now, in microseconds.
    #[must_use]
    pub fn now_us(&self) -> u64 {
        (self.now_ms() * 1000.0) as u64
    }

    #[must_use]
    pub fn is_running(&self) -> bool {
        self.sound().is_none_or(|context| context.state() == AudioContextState::Running)
    }

    /// Compares the two clocks. To be called regularly.
    pub fn measure(&mut self) {
        let measured = js::now_ms() - self.now_ms();
        self.offset_ms = Some(match self.offset_ms {
            Some(offset) if (measured - offset).abs() < JUMP_MS => offset + FOLLOW * (measured - offset),
            _ => measured,
        });
    }

    /// A sound time on the page's clock, in milliseconds. The only source of MIDI times.
    #[must_use]
    pub fn page_ms(&self, at_us: u64) -> f64 {
        let offset_ms = self.offset_ms.unwrap_or_else(|| js::now_ms() - self.now_ms());
        at_us as f64 / 1000.0 + offset_ms
    }

    /// Output latency in microseconds, as far as the browser knows.
    #[must_use]
    pub fn latency_us(&self) -> u64 {
        let secs = self.sound().and_then(|context| js::get(context, "outputLatency").as_f64());
        (secs.unwrap_or(0.0).clamp(0.0, 1.0) * 1e6) as u64
    }

    fn now_ms(&self) -> f64 {
        self.sound().map_or_else(js::now_ms, |context| context.current_time() * 1000.0)
    }

    /// The sound, if the music goes by it.
    fn sound(&self) -> Option<&AudioContext> {
        self.context.as_ref().filter(|_| self.source == ClockSource::Sound)
    }
}
