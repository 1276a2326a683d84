//! The session's state in the form that Yew keeps.

use std::ops::Deref;
use std::rc::Rc;

use session::{Action, Moment, State};
use yew::Reducible;

/// See [`State`].
#[derive(Clone, Debug, PartialEq)]
pub struct Store(State);

impl Store {
    pub fn new(state: State) -> Self {
        Self(state)
    }
}

impl Reducible for Store {
    type Action = (Action, Moment);

    fn reduce(self: Rc<Self>, (action, at): Self::Action) -> Rc<Self> {
        Rc::new(Self(Rc::unwrap_or_clone(self).0.reduced(action, at)))
    }
}

impl Deref for Store {
    type Target = State;

    fn deref(&self) -> &State {
        &self.0
    }
}
