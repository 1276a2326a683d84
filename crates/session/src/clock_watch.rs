//! Which clock the music goes by: that of the sound, or the computer's where the sound has none.

/// The sound's clock counts as standing still after this long, in milliseconds. Larger waits longer where there is no
/// loudspeaker; smaller takes a busy moment for one.
const STILL_MS: f64 = 1500.0;
/// It counts as going again after this long. Smaller trusts a clock that moved once.
const STEADY_MS: f64 = 300.0;

/// A clock to go by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClockSource {
    /// The sound's.
    #[default]
    Sound,
    /// The computer's: there is no sound device, or it does not run.
    Computer,
}

/// Watches the sound's clock.
///
/// ```
/// use session::{ClockSource, ClockWatch};
/// let mut watch = ClockWatch::default();
/// let frozen_ms = 70.0;
/// for now_ms in (0..1600).step_by(20) {
///     watch.look(frozen_ms, f64::from(now_ms));
/// }
/// assert_eq!(watch.source(), ClockSource::Computer);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ClockWatch {
    source: ClockSource,
    last: Option<Look>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Look {
    sound_ms: f64,
    /// When it was seen to move last, on the computer's clock.
    moved_ms: f64,
    /// Since when it has moved without a stop.
    moving_since_ms: Option<f64>,
}

/// Between two moves of a clock that goes: its steps, and a page that is held up.
const PAUSE_MS: f64 = 200.0;

impl ClockWatch {
    /// What to go by now.
    #[must_use]
    pub fn source(&self) -> ClockSource {
        self.source
    }

    /// Compares the sound's clock with the computer's; to be called regularly while something plays. Returns the
    /// source if it has changed.
    pub fn look(&mut self, sound_ms: f64, now_ms: f64) -> Option<ClockSource> {
        let last = self.last.unwrap_or(Look { sound_ms, moved_ms: now_ms, moving_since_ms: None });
        let (moved_ms, moving_since_ms) = if sound_ms == last.sound_ms {
            (last.moved_ms, last.moving_since_ms.filter(|_| now_ms - last.moved_ms < PAUSE_MS))
        } else {
            (now_ms, last.moving_since_ms.or(Some(now_ms)))
        };
        self.last = Some(Look { sound_ms, moved_ms, moving_since_ms });
        let source = match self.source {
            ClockSource::Sound if now_ms - moved_ms >= STILL_MS => ClockSource::Computer,
            ClockSource::Computer
                if moving_since_ms.is_some_and(|since_ms| now_ms - since_ms >= STEADY_MS) =>
            {
                ClockSource::Sound
            }
            same => same,
        };
        (source != std::mem::replace(&mut self.source, source)).then_some(source)
    }

    /// Nobody looked for a while, or another clock came: what was seen counts no more.
    pub fn look_away(&mut self) {
        self.last = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The changes, as milliseconds and sources, of a sound clock that is read every 20 ms.
    #[track_caller]
    fn check(sound_ms: impl Fn(f64) -> f64, expected: &[(f64, ClockSource)]) {
        let mut watch = ClockWatch::default();
        let times = (0..500).map(|i| f64::from(i) * 20.0);
        let found: Vec<_> =
            times.filter_map(|now_ms| Some((now_ms, watch.look(sound_ms(now_ms), now_ms)?))).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_clock_that_goes_is_followed() {
        check(|now_ms| now_ms, &[]);
        check(|now_ms| (now_ms / 128.0).floor(), &[]);
    }

    #[test]
    fn a_clock_that_never_went_gives_way_to_the_computer_s() {
        check(|_| 0.0, &[(1500.0, ClockSource::Computer)]);
    }

    #[test]
    fn a_short_stop_is_waited_for_and_a_long_one_is_not() {
        check(|now_ms| if now_ms < 1000.0 { now_ms } else { (now_ms - 1400.0).max(980.0) }, &[]);
        let stops_at_1_s_for_4_s =
            |now_ms: f64| if now_ms < 5000.0 { now_ms.min(1000.0) } else { now_ms - 4000.0 };
        check(stops_at_1_s_for_4_s, &[(2500.0, ClockSource::Computer), (5320.0, ClockSource::Sound)]);
    }

    #[test]
    fn one_step_is_no_clock() {
        check(|now_ms| if now_ms < 4000.0 { 0.0 } else { 10.0 }, &[(1500.0, ClockSource::Computer)]);
    }
}
