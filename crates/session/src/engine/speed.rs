//! How fast music is composed.

/// Tokens that an average second of piano music takes (measured on MAESTRO).
const TOKENS_PER_SECOND: f64 = 37.4;

/// Composing slower than this, times playing, may fall behind in a dense passage.
pub const SLOW: f64 = 1.5;

/// A delay that hardly anybody notices, in microseconds. Larger starts later and bears a busier computer.
const UNNOTICED_US: f64 = 250_000.0;

/// How fast music is composed, against how fast it is played.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Speed {
    music_us: f64,
    busy_us: f64,
}

impl Speed {
    /// From a measurement without music.
    #[must_use]
    pub fn from_events_per_second(events: f64) -> Self {
        // Counts like half a second of composing, so that real music soon outweighs it.
        Self { music_us: 500_000.0 * events / TOKENS_PER_SECOND, busy_us: 500_000.0 }
    }

    /// One more batch of music. The last few seconds of composing count, older ones fade.
    pub fn measure(&mut self, music_us: u64, busy_ms: f64) {
        let keep = 1.0 - (busy_ms / 2000.0).clamp(0.0, 1.0);
        self.music_us = self.music_us * keep + music_us as f64;
        self.busy_us = self.busy_us * keep + busy_ms * 1000.0;
    }

    /// 2.0 is twice as fast as playing.
    #[must_use]
    pub fn times_real_time(&self) -> Option<f64> {
        (self.busy_us > 0.0).then_some(self.music_us / self.busy_us)
    }

    /// How much music there should be before playing starts or resumes, in microseconds. More on slow
    /// computers, so that a wait is followed by enough music.
    #[must_use]
    pub fn buffer_us(&self) -> u64 {
        match self.times_real_time() {
            Some(times) if times < 1.0 => 8_000_000,
            Some(times) if times < SLOW => 3_000_000,
            // As much as is composed in an unnoticeable time.
            Some(times) => (UNNOTICED_US * times).clamp(300_000.0, 3_000_000.0) as u64,
            None => 300_000,
        }
    }
}
