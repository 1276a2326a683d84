//! What part of the music is in view, moving smoothly.

use std::rc::Rc;

use performance::playback::{Origin, Timeline};

use super::{Keys, Scale};
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
    /// Tokens of primer and take that the bars have.
    n_tokens: usize,
    n_splices: usize,
    is_closed: bool,
    changed_from_us: u64,
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
            n_tokens: 0,
            n_splices: 0,
            is_closed: false,
            changed_from_us: 0,
            timeline: Timeline::default(),
            shown_us: 0.0,
            left: None,
        }
    }
}

impl RollView {
    /// Shows something else, or more of the same. Takes as long as what is new.
    pub fn set_source(&mut self, source: &RollSource) {
        let key = |source: &RollSource| -> (Option<*const Primer>, Option<TakeId>) {
            (source.primer.as_ref().map(Rc::as_ptr), source.take.as_ref().map(|take| take.id))
        };
        if key(source) == key(&self.source) {
            self.follow_splices(source);
        } else {
            self.timeline = Timeline::default();
            self.n_splices = source.take.as_ref().map_or(0, |take| take.kept_since(0).0);
            (self.n_tokens, self.is_closed, self.changed_from_us) = (0, false, 0);
        }
        self.changed_from_us = self.changed_from_us.min(self.timeline.end_us());
        let primer = source.primer.as_ref().map_or(&[][..], |primer| &primer.tokens);
        if let Some(rest) = primer.get(self.n_tokens..).filter(|rest| !rest.is_empty()) {
            self.timeline.extend(rest, Origin::Primer);
            self.n_tokens = primer.len();
        }
        if let Some(take) = &source.take {
            let new = take.heard(self.n_tokens - primer.len());
            self.timeline.extend(&new, Origin::Network);
            self.n_tokens += new.len();
        }
        if !self.is_closed && source.take.as_ref().is_none_or(|take| take.is_complete) {
            self.timeline.close();
            self.is_closed = true;
        }
        self.source = source.clone();
    }

    /// Forgets what splices of the same take have replaced.
    fn follow_splices(&mut self, source: &RollSource) {
        let Some(take) = &source.take else { return };
        let (n_splices, n_kept) = take.kept_since(self.n_splices);
        let n_primer = source.primer.as_ref().map_or(0, |primer| primer.tokens.len());
        let goes_on = !take.is_complete || n_primer + take.tokens().len() > self.n_tokens;
        if n_splices == self.n_splices && !(self.is_closed && goes_on) {
            return;
        }
        self.n_tokens = self.timeline.rewind((n_primer + n_kept).min(self.n_tokens));
        (self.n_splices, self.is_closed) = (n_splices, false);
    }

    /// The music time from which on anything has changed since the last call, in microseconds; `u64::MAX` if
    /// nothing has.
    pub fn take_change(&mut self) -> u64 {
        std::mem::replace(&mut self.changed_from_us, u64::MAX)
    }

    /// The take that it shows.
    #[must_use]
    pub fn take(&self) -> Option<&Take> {
        self.source.take.as_deref()
    }

    /// The whole performance on a strip of this width.
    #[must_use]
    pub fn scale(&self, width_px: f64) -> Scale {
        let take = self.source.take.as_ref();
        let asked_us = match take {
            Some(take) if take.is_complete => Some(self.timeline.end_us()),
            Some(take) => take.length_us.map(|length_us| self.primer_us() + length_us),
            None => self.source.primer.as_ref().map(|primer| primer.music_us),
        };
        Scale::new(self.timeline.end_us(), asked_us, width_px)
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

#[cfg(test)]
mod tests {
    use performance::Token;
    use performance::playback::Bar;
    use proptest::prelude::*;

    use super::*;
    use crate::Start;

    fn tokens(numbers: &[u16]) -> Vec<Token> {
        numbers.iter().map(|&number| Token::new(number).unwrap()).collect()
    }

    fn bars(view: &RollView) -> (Vec<Bar>, u64) {
        (view.timeline.between(0, u64::MAX).collect(), view.timeline.end_us())
    }

    fn number() -> impl Strategy<Value = u16> {
        prop_oneof![48u16..84, 176u16..212, 256u16..260]
    }

    proptest! {
        /// However a take grew and was spliced, and whenever the roll looked.
        #[test]
        fn the_roll_shows_what_the_take_has(
            primer in proptest::collection::vec(number(), 0..1500),
            steps in proptest::collection::vec(
                (proptest::collection::vec(number(), 0..700), proptest::option::of(0.0f64..1.0), any::<bool>(), any::<bool>()),
                1..12,
            ),
        ) {
            let primer_tokens = tokens(&primer);
            let music_us = performance::playback::micros(&primer_tokens);
            let primer = (!primer.is_empty()).then(|| Rc::new(Primer {
                name: String::new(), music_us, n_notes: 0, tokens: primer_tokens,
                summary: String::new(), dropped: Vec::new(),
            }));
            let mut take = Take::new(1, Start { seed: 7, primer: primer.clone(), ..Start::default() });
            let mut view = RollView::default();
            let source = |take: &Take| RollSource { primer: primer.clone(), take: Some(Rc::new(take.clone())) };
            for (more, splice, is_complete, is_looked_at) in steps {
                if let Some(share) = splice {
                    take.splice((share * take.tokens().len() as f64) as usize);
                }
                take.extend(&tokens(&more));
                take.is_complete = is_complete;
                if is_looked_at {
                    view.set_source(&source(&take));
                }
            }
            view.set_source(&source(&take));
            let mut fresh = RollView::default();
            fresh.set_source(&source(&take));
            prop_assert_eq!(bars(&view), bars(&fresh));
        }
    }

    #[test]
    fn what_has_changed_is_told_once() {
        let mut take = Take::new(1, Start { seed: 7, ..Start::default() });
        let mut view = RollView::default();
        let source = |take: &Take| RollSource { primer: None, take: Some(Rc::new(take.clone())) };
        take.extend(&tokens(&[60, 380]));
        view.set_source(&source(&take));
        assert_eq!((view.take_change(), view.take_change()), (0, u64::MAX));
        take.extend(&tokens(&[62, 380]));
        view.set_source(&source(&take));
        assert_eq!(view.take_change(), 1_000_000);
        view.set_source(&source(&take));
        assert_eq!(view.take_change(), 2_000_000);
    }
}
