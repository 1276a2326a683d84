//! Takes that are performances of scores.

use std::rc::Rc;

use performance::playback::cut_at;

use super::{Parent, Start, Take};
use crate::protocol::TakeId;
use crate::{Performed, Primer};

impl Take {
    /// The performance of a score.
    #[must_use]
    pub fn of_score(id: TakeId, performed: Performed) -> Self {
        let seed = performed.rendering.interpretation.into();
        let mut take = Self::new(id, Start { seed, ..Start::default() });
        take.log = performance::InputLog::default();
        take.extend(&performed.tokens());
        (take.performed, take.is_complete) = (Some(Rc::new(performed)), true);
        take
    }

    /// Performs the score otherwise.
    pub(crate) fn perform(&mut self, performed: Performed) {
        let tokens = performed.tokens();
        let n_same = self.tokens.iter().zip(&tokens).take_while(|(before, now)| before == now).count();
        self.splice(n_same);
        self.extend(&tokens[n_same..]);
        self.seed = performed.rendering.interpretation.into();
        (self.performed, self.is_complete) = (Some(Rc::new(performed)), true);
    }

    /// Up to a time, as a primer: the network goes on from there.
    #[must_use]
    pub fn as_primer(&self, at_us: u64) -> (Rc<Primer>, Parent) {
        let (keep, _) = cut_at(&self.tokens, at_us);
        let name = self.performed.as_ref().map_or("the performance", |performed| performed.piece.stem());
        let parent = Parent { take: self.id, at: keep, at_us: at_us.min(self.music_us()) };
        (Rc::new(Primer::of(name.to_owned(), self.tokens[..keep].to_vec())), parent)
    }
}
