//! Takes that are kept and passed on.

use std::rc::Rc;

use performance::midi::Pedal;
use performance::playback::Cursor;
use performance::{Lineage, Made, Origin, TokenSum, decode, midi};

use super::{Take, WithPrimer};
use crate::Primer;
use crate::protocol::TakeId;

impl Take {
    /// The take of a lineage, whose primer it is told. Where the lineage has a checksum only, the take has no tokens
    /// and awaits those that the checksum is of.
    #[must_use]
    pub fn of_lineage(id: TakeId, lineage: Lineage, primer: Option<Rc<Primer>>) -> Self {
        let Lineage { origin, recipe, made } = lineage;
        let (tokens, awaited) = match made {
            Made::Tokens(tokens) => (tokens, None),
            Made::Sum(sum) => (Vec::new(), Some(sum)),
        };
        let mut take = Self {
            id,
            parent: None,
            seed: recipe.seed,
            log: recipe.log,
            length_us: None,
            primer,
            is_complete: awaited.is_none(),
            origin,
            performed: None,
            awaited,
            velocity_offset: recipe.velocity_offset,
            tokens: Vec::new(),
            splices: Vec::new(),
            end: Cursor::default(),
            n_notes: 0,
        };
        take.extend(&tokens);
        take
    }

    /// Takes the tokens of a lineage if they are what its own recipe gives.
    pub(crate) fn begin_as(&mut self, lineage: Lineage) {
        let Lineage { origin, recipe, made: Made::Tokens(tokens) } = lineage else { return };
        if self.tokens.is_empty() && self.length_us.is_none() && self.recipe() == recipe {
            self.origin = origin;
            self.extend(&tokens);
        }
    }

    /// What it follows from, and its tokens.
    #[must_use]
    pub fn lineage(&self) -> Lineage {
        Lineage { origin: self.origin, recipe: self.recipe(), made: Made::Tokens(self.tokens.clone()) }
    }

    /// By what its tokens are recognized.
    #[must_use]
    pub fn sum(&self) -> TokenSum {
        TokenSum::of(&self.tokens)
    }

    /// The tokens that a link promises, until they are composed.
    #[must_use]
    pub fn awaited(&self) -> Option<TokenSum> {
        self.awaited
    }

    /// Composes up to these tokens, and no further.
    pub(crate) fn await_sum(&mut self, sum: Option<TokenSum>) {
        self.awaited = sum;
    }

    /// Once all tokens that were promised are there, it is complete. Whether they are the promised ones.
    pub(crate) fn settle(&mut self) -> Option<bool> {
        let n_promised = self.awaited?.n_tokens as usize;
        if self.tokens.len() < n_promised {
            return None;
        }
        let promised = self.awaited.take();
        if self.tokens.len() > n_promised {
            // Nobody has seen these yet.
            let log = self.log.clone();
            self.cut(n_promised);
            self.log = log;
        }
        self.is_complete = true;
        Some(promised == Some(self.sum()))
    }

    /// Its next tokens are drawn with these weights. Those of other weights leave it without an origin.
    pub(crate) fn drawn_with(&mut self, origin: Option<Origin>) {
        if self.tokens.is_empty() {
            self.origin = origin;
        } else if self.origin != origin {
            self.origin = None;
        }
    }

    /// The performance as a MIDI file that carries its lineage; that of a score has the score's bars.
    #[must_use]
    pub fn to_midi(&self, primer: WithPrimer, pedal: Pedal) -> Vec<u8> {
        if let Some(performed) = &self.performed {
            return performed.to_midi();
        }
        let performance = decode(&self.all_tokens(primer)).performance;
        midi::write_with(&performance, pedal, Some(&self.lineage()))
    }
}
