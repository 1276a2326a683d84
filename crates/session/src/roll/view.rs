//! What part of the music is in view, moving smoothly.

use std::rc::Rc;

use performance::playback::{Origin, Timeline};

use super::Keys;
use crate::protocol::TakeId;
use crate::{Primer, Take};

/// How fast the view follows the play-head, as a time constant. Larger is smoother; smaller is more exact.
const FOLLOW_SECS: f64 = 0.08;
/// The same for the keyboard's range on a narrow page.
const PAN_SECS: f64 = 1.2;
/// The range moves when the music is off its middle by more than this many white keys.
const PAN_SLACK: f64 = 3.0;

/// What the roll shows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RollSource {
    /// Shown first.
    pub primer: Option<Rc<Primer>>,
    /// Shown after it.
    pub take: Option<Rc<Take>>,
}

/// The roll's own state: bars, and where it looks.
#[derive(Debug)]
pub struct RollView {
    source: RollSource,
    n_taken: usize,
    n_splices: usize,
    is_closed: bool,
    /// The bars.
    pub timeline: Timeline,
    /// Music time at the play-head as shown, in microseconds; below 0 before the music.
    pub shown_us: f64,
    left: Option<f64>,
}

impl Default for RollView {
    fn default() -> Self {
        Self {
            source: RollSource::default(),
            n_taken: 0,
            n_splices: 0,
            is_closed: false,
            timeline: Timeline::default(),
            shown_us: 0.0,
            left: None,
        }
    }
}

impl RollView {
    /// Shows something else, or more of the same.
    pub fn set_source(&mut self, source: &RollSource) {
        let key = |source: &RollSource| -> (Option<*const Primer>, Option<TakeId>) {
            (source.primer.as_ref().map(Rc::as_ptr), source.take.as_ref().map(|take| take.id))
        };
        let n_splices = source.take.as_ref().map_or(0, |take| take.kept_since(0).0);
        // After a splice notes may be open again: drawing an hour of notes anew takes milliseconds.
        if key(source) != key(&self.source) || n_splices != self.n_splices {
            self.timeline = Timeline::default();
            (self.n_taken, self.n_splices, self.is_closed) = (0, n_splices, false);
            if let Some(primer) = &source.primer {
                self.timeline.extend(&primer.tokens, Origin::Primer);
            }
        }
        if let Some(take) = &source.take {
            self.timeline.extend(&take.heard(self.n_taken), Origin::Network);
            self.n_taken = take.tokens().len();
        }
        if !self.is_closed && source.take.as_ref().is_none_or(|take| take.is_complete) {
            self.timeline.close();
            self.is_closed = true;
        }
        self.source = source.clone();
    }

    /// Whether it shows a primer that nothing continues yet.
    #[must_use]
    pub fn is_preview(&self) -> bool {
        self.source.primer.is_some() && self.source.take.is_none()
    }

    /// Music time at which the performance begins: the primer's end.
    #[must_use]
    pub fn primer_us(&self) -> u64 {
        self.source.primer.as_ref().map_or(0, |primer| primer.music_us)
    }

    /// Moves towards the play-head. Returns whether anything moved.
    pub fn advance(
        &mut self,
        play_head_us: f64,
        is_playing: bool,
        elapsed_secs: f64,
        smooth: Smooth,
    ) -> bool {
        let before_us = self.shown_us;
        if smooth == Smooth::No {
            self.shown_us = play_head_us;
        } else {
            // Runs with the music, and makes up for the difference bit by bit: the audio clock moves in
            // steps of some milliseconds.
            let ahead_us = if is_playing { elapsed_secs * 1e6 } else { 0.0 };
            self.shown_us += ahead_us;
            let off_us = play_head_us - self.shown_us;
            let follow_secs = if off_us.abs() > 300_000.0 { 2.0 * FOLLOW_SECS } else { FOLLOW_SECS };
            self.shown_us += off_us * (1.0 - (-elapsed_secs / follow_secs).exp());
            if off_us.abs() < 200.0 && !is_playing {
                self.shown_us = play_head_us;
            }
        }
        self.shown_us != before_us
    }

    /// The part of the keyboard to show over this width, following the music.
    pub fn keys(&mut self, width_px: f64, elapsed_secs: f64, smooth: Smooth) -> Keys {
        let from_us = (self.shown_us - 1e6).max(0.0) as u64;
        let (mut weight, mut sum) = (0.0, 0.0);
        for bar in self.timeline.between(from_us, from_us + 5_000_000) {
            weight += 1.0;
            sum += f64::from(bar.pitch.get());
        }
        // Without music, around middle C.
        let middle = if weight > 0.0 { sum / weight } else { 62.0 };
        let aim = Keys::left_for(width_px, middle);
        let left = match self.left {
            None => aim,
            Some(left) if weight == 0.0 || (aim - left).abs() <= PAN_SLACK => left,
            Some(_) if smooth == Smooth::No => aim.round(),
            Some(left) => {
                let edge = if aim > left { aim - PAN_SLACK } else { aim + PAN_SLACK };
                left + (edge - left) * (1.0 - (-elapsed_secs / PAN_SECS).exp())
            }
        };
        let keys = Keys::new(width_px, left);
        self.left = Some(keys.left);
        keys
    }
}

/// Whether the visitor likes things to move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Smooth {
    /// Yes.
    Yes,
    /// `prefers-reduced-motion`: pages are turned, and only the play-head moves.
    No,
}
