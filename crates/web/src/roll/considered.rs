use std::cell::RefCell;
use std::rc::Rc;

use performance::{N_PITCHES, Pitch};
use session::protocol::TakeId;
use session::roll::Considered;

/// What the network considered, for whom the worker tells and for whom draws.
#[derive(Clone, Default)]
pub struct ConsideredHandle(Rc<RefCell<Considered>>);

impl ConsideredHandle {
    /// See [`Considered::push`].
    pub fn push(&self, take: TakeId, at_us: u64, keys: Vec<(Pitch, f32)>) {
        self.0.borrow_mut().push(take, at_us, keys);
    }

    /// See [`Considered::at`].
    #[must_use]
    pub fn at(&self, take: TakeId, at_us: u64) -> [f32; N_PITCHES] {
        self.0.borrow().at(take, at_us)
    }
}

impl PartialEq for ConsideredHandle {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
