//! Performing scores.

use std::rc::Rc;

use performance::score::{Gesture, GestureKind, Rendering, Rendition};

use super::{Moment, State};
use crate::conductor::ticks;
use crate::{Notice, Performed, Piece, RunKind, Span, Take};

/// What a conductor does is heard this much after the play-head, in microseconds: between a tap and the notes that
/// follow it, instruments have their messages already.
const LEAD_US: u64 = 50_000;

/// Longer scores are performed by rule at first: what was learned takes the page seconds for them.
const MOST_LEARNED_NOTES: usize = 10_000;

impl State {
    /// The performance of a score on stage.
    #[must_use]
    pub fn performed(&self) -> Option<&Rc<Performed>> {
        self.takes.current()?.performed.as_ref()
    }

    /// A score is performed as the last one was; or as a link said that waited for it.
    pub(super) fn perform(&mut self, piece: Rc<Piece>) {
        let awaited = self.awaited_score.take_if(|awaited| awaited.score_hash == piece.hash);
        let last = self.performed().map(|performed| performed.rendering.clone());
        let mut rendering = match (&awaited, last) {
            (Some(awaited), _) => awaited.rendering.clone(),
            (None, Some(last)) => Rendering { is_flat: false, gestures: Vec::new(), ..last },
            (None, None) => Rendering::default(),
        };
        if awaited.is_none() && piece.score.notes().len() > MOST_LEARNED_NOTES {
            rendering.learned = 0;
        }
        self.notices
            .settle(|notice| matches!(notice, Notice::PrimerRefused { .. } | Notice::LinkNeedsScore { .. }));
        self.record();
        self.complete();
        let take = self.takes.stage(|id| Take::of_score(id, Performed::new(piece, rendering)));
        (self.mark, self.conductor) = (None, None);
        self.play(take, RunKind::Replay, 0);
    }

    /// Where music goes on at once, the player goes over to it; else the play-head goes to the same place.
    pub(super) fn render(&mut self, rendering: Rendering) {
        let Some(before) = self.performed().cloned() else { return };
        if rendering == before.rendering || rendering.check().is_err() {
            return;
        }
        let now = before.with(rendering);
        let there = |at_us| before.us_in(&now, at_us);
        let (mark, position_us) = (
            self.mark.map(|mark| Span { from_us: there(mark.from_us), to_us: there(mark.to_us) }),
            there(self.transport.position_us),
        );
        self.takes.update(|take| take.perform(now));
        self.mark = mark;
        if !self.is_sounding() {
            self.transport.seek(position_us);
        }
    }

    pub(super) fn tap(&mut self, at_us: u64, at: Moment) {
        let (Some(performed), Some(conductor)) = (self.performed().cloned(), &mut self.conductor) else {
            return;
        };
        let gesture = conductor.tap(&performed, at_us, at.changes_from_us() + LEAD_US, at.now_ms);
        if self.is_sounding() {
            self.gesture(gesture);
        }
    }

    pub(super) fn set_mood(&mut self, energy: i8, valence: i8, at: Moment) {
        let Some(performed) = self.performed().cloned() else { return };
        let limited = |value: i8| value.clamp(-100, 100);
        let kind = GestureKind::Mood { energy: limited(energy), valence: limited(valence) };
        let from =
            if self.is_sounding() { ticks(performed.quarters_at(at.changes_from_us() + LEAD_US)) } else { 0 };
        self.gesture(Gesture { at: from, kind });
    }

    pub(super) fn unconduct(&mut self) {
        let Some(performed) = self.performed().cloned() else { return };
        self.render(Rendering { gestures: Vec::new(), ..performed.rendering.clone() });
    }

    fn gesture(&mut self, gesture: Gesture) {
        let Some(performed) = self.performed() else { return };
        let mut rendering = performed.rendering.clone();
        rendering.conduct(gesture);
        self.render(rendering);
    }

    /// Adds a performance of a score: on stage, if nothing plays. Without its notes, the score is looked for among those
    /// that are here.
    pub(super) fn receive_score(&mut self, mut rendition: Rendition) {
        let known = self.takes.listed().into_iter().find_map(|(_, take)| {
            let performed = take.performed.as_ref()?;
            (performed.piece.hash == rendition.score_hash).then(|| Rc::clone(&performed.piece))
        });
        let piece = known.or_else(|| {
            // Links have no names in them.
            let name = if rendition.name.is_empty() { "score".to_owned() } else { rendition.name.clone() };
            let piece = Piece::of_packed(name, rendition.score.take()?).ok()?;
            (piece.hash == rendition.score_hash).then(|| Rc::new(piece))
        });
        let Some(piece) = piece else {
            let n_notes = rendition.n_notes;
            self.awaited_score = Some(Rc::new(rendition));
            return self.notices.tell(Notice::LinkNeedsScore { n_notes });
        };
        let performed = Performed::new(piece, rendition.rendering.clone());
        let id = self.admit(|id| Take::of_score(id, performed));
        if self.takes.get(id).is_some_and(|take| take.sum() != rendition.sum) {
            self.notices.tell(Notice::LinkDiffers);
        }
    }
}
