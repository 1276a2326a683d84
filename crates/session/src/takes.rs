//! The performances of a session: the one on stage, and those before it.

use std::rc::Rc;

use performance::Sampling;

use crate::protocol::TakeId;
use crate::{Primer, Take};

/// How many earlier performances are kept.
const MAX_EARLIER: usize = 12;

/// All takes. Each knows from which it branched off.
#[derive(Clone, Debug, PartialEq)]
pub struct Takes {
    current: Option<Rc<Take>>,
    earlier: Vec<Rc<Take>>,
    /// Those that were removed, so that removing can be undone.
    removed: Vec<TakeId>,
    next_id: TakeId,
}

impl Default for Takes {
    fn default() -> Self {
        Self { current: None, earlier: Vec::new(), removed: Vec::new(), next_id: 1 }
    }
}

impl Takes {
    /// The performance on stage.
    #[must_use]
    pub fn current(&self) -> Option<&Rc<Take>> {
        self.current.as_ref()
    }

    /// Those before it, latest first.
    #[must_use]
    pub fn earlier(&self) -> Vec<Rc<Take>> {
        self.earlier.iter().filter(|take| !self.removed.contains(&take.id)).cloned().collect()
    }

    /// The take of this number.
    #[must_use]
    pub fn get(&self, id: TakeId) -> Option<&Rc<Take>> {
        self.current.iter().chain(&self.earlier).find(|take| take.id == id)
    }

    /// Whether the take of this number is on stage and gets more tokens.
    #[must_use]
    pub fn is_composing(&self, id: TakeId) -> bool {
        self.current.as_ref().is_some_and(|take| take.id == id && !take.is_complete)
    }

    /// Changes the performance on stage.
    pub fn update<T>(&mut self, change: impl FnOnce(&mut Take) -> T) -> Option<T> {
        self.current.as_mut().map(|take| change(Rc::make_mut(take)))
    }

    /// A new take on stage; returns its number.
    pub fn begin(
        &mut self,
        seed: u64,
        sampling: Sampling,
        primer: Option<Rc<Primer>>,
        length_us: Option<u64>,
    ) -> TakeId {
        let id = self.take_id();
        self.stage(Take::new(id, seed, sampling, primer, length_us));
        id
    }

    /// A take that goes another way from a token of this one on; returns its number, if there is such a take.
    pub fn branch(&mut self, id: TakeId, at: usize, seed: u64) -> Option<TakeId> {
        let parent = self.get(id)?.clone();
        let branch = self.take_id();
        self.stage(parent.branch(branch, at, seed));
        Some(branch)
    }

    /// Brings an earlier take back on stage; says whether it is there.
    pub fn bring_back(&mut self, id: TakeId) -> bool {
        if self.current.as_ref().is_none_or(|take| take.id != id) {
            let Some(index) = self.earlier.iter().position(|take| take.id == id) else { return false };
            let take = self.earlier.remove(index);
            self.retire();
            self.current = Some(take);
        }
        self.complete();
        true
    }

    /// The performance on stage gets no more tokens.
    pub fn complete(&mut self) {
        if self.current.as_ref().is_some_and(|take| !take.is_complete) {
            self.update(|take| take.is_complete = true);
        }
    }

    /// Removes an earlier take; says whether there was one.
    pub fn remove(&mut self, id: TakeId) -> bool {
        let is_there = self.earlier.iter().any(|take| take.id == id) && !self.removed.contains(&id);
        if is_there {
            self.removed.push(id);
        }
        is_there
    }

    /// The removed takes, for undo and redo.
    pub fn removed_mut(&mut self) -> &mut Vec<TakeId> {
        &mut self.removed
    }

    fn take_id(&mut self) -> TakeId {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn stage(&mut self, take: Take) {
        self.retire();
        self.current = Some(Rc::new(take));
    }

    /// Moves the performance on stage to the earlier ones, if there is anything in it.
    fn retire(&mut self) {
        self.complete();
        if let Some(take) = self.current.take().filter(|take| take.n_notes() > 0) {
            self.earlier.insert(0, take);
            let mut n_kept = 0;
            self.earlier.retain(|take| {
                n_kept += usize::from(!self.removed.contains(&take.id));
                n_kept <= MAX_EARLIER
            });
        }
    }
}
