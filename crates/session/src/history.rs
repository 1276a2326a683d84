//! Undo and redo.

/// Number of steps that can be undone. A step costs little, because takes are shared between steps.
const MAX_STEPS: usize = 100;

/// Earlier and later versions of a value that is changed in steps.
///
/// ```
/// use session::History;
/// let mut history = History::default();
/// let mut value = 1;
/// history.record(value);
/// value = 2;
/// assert!(history.undo(&mut value) && value == 1);
/// assert!(history.redo(&mut value) && value == 2);
/// assert!(!history.redo(&mut value));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History<T> {
    past: Vec<T>,
    future: Vec<T>,
}

impl<T> Default for History<T> {
    fn default() -> Self {
        Self { past: Vec::new(), future: Vec::new() }
    }
}

impl<T> History<T> {
    /// Keeps a version that is about to be changed. What was undone can no longer be redone.
    pub fn record(&mut self, before: T) {
        self.future.clear();
        self.past.push(before);
        if self.past.len() > MAX_STEPS {
            self.past.remove(0);
        }
    }

    /// Goes back a step; says whether there was one.
    pub fn undo(&mut self, value: &mut T) -> bool {
        Self::step(&mut self.past, &mut self.future, value)
    }

    /// Goes forward a step; says whether there was one.
    pub fn redo(&mut self, value: &mut T) -> bool {
        Self::step(&mut self.future, &mut self.past, value)
    }

    /// Whether there is a step to undo, and one to redo.
    #[must_use]
    pub fn can_undo_redo(&self) -> (bool, bool) {
        (!self.past.is_empty(), !self.future.is_empty())
    }

    /// The versions that undo and redo can bring back.
    pub fn versions(&self) -> impl Iterator<Item = &T> {
        self.past.iter().chain(&self.future)
    }

    fn step(from: &mut Vec<T>, to: &mut Vec<T>, value: &mut T) -> bool {
        let Some(version) = from.pop() else { return false };
        to.push(std::mem::replace(value, version));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_limited_and_a_new_one_ends_redo() {
        let (mut history, mut value) = (History::default(), 0);
        for next in 1..=150 {
            history.record(value);
            value = next;
        }
        let n_undone = std::iter::from_fn(|| history.undo(&mut value).then_some(())).count();
        assert_eq!((n_undone, value), (100, 50));
        assert!(history.redo(&mut value));
        history.record(value);
        assert_eq!(history.can_undo_redo(), (true, false));
    }
}
