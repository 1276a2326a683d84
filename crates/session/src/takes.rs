//! The performances of a session: which are listed, and which is on stage.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::Take;
use crate::protocol::TakeId;

/// All takes. Each knows from which it branched off.
#[derive(Clone, Debug, PartialEq)]
pub struct Takes {
    /// Those that are listed, and those that undo can bring back.
    all: BTreeMap<TakeId, Rc<Take>>,
    list: List,
    next_id: TakeId,
}

/// What undo and redo restore: which takes are listed, their names and stars, and which is on stage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    entries: Vec<Listed>,
    current: Option<TakeId>,
}

/// A take in the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Which.
    pub id: TakeId,
    /// What the visitor calls it.
    pub name: Option<String>,
    /// Whether the visitor has marked it.
    pub is_starred: bool,
}

/// A line of the list of takes.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Its name and star.
    pub listed: Listed,
    /// The take.
    pub take: Rc<Take>,
    /// How many listed takes it descends from.
    pub depth: usize,
}

impl Row {
    /// "Theme", or "No. 3" without a name.
    #[must_use]
    pub fn title(&self) -> String {
        self.listed.name.clone().unwrap_or_else(|| format!("No. {}", self.listed.id))
    }
}

impl List {
    /// The take on stage.
    #[must_use]
    pub fn current(&self) -> Option<TakeId> {
        self.current
    }

    /// The takes in it.
    pub fn ids(&self) -> impl Iterator<Item = TakeId> {
        self.entries.iter().map(|entry| entry.id).chain(self.current)
    }
}

impl Default for Takes {
    fn default() -> Self {
        Self { all: BTreeMap::new(), list: List::default(), next_id: 1 }
    }
}

impl Takes {
    /// The performance on stage.
    #[must_use]
    pub fn current(&self) -> Option<&Rc<Take>> {
        self.all.get(&self.list.current?)
    }

    /// The take of this number, also of one that was removed and can be had back.
    #[must_use]
    pub fn get(&self, id: TakeId) -> Option<&Rc<Take>> {
        self.all.get(&id)
    }

    /// The list: latest first, and branches below the takes that they came from.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.add_rows(None, 0, &mut rows);
        rows
    }

    fn add_rows(&self, parent: Option<TakeId>, depth: usize, rows: &mut Vec<Row>) {
        for listed in self.list.entries.iter().rev() {
            let Some(take) = self.all.get(&listed.id) else { continue };
            let has_music = take.n_notes() > 0 || take.awaited().is_some();
            if has_music && self.listed_parent(take) == parent {
                rows.push(Row { listed: listed.clone(), take: Rc::clone(take), depth });
                self.add_rows(Some(listed.id), depth + 1, rows);
            }
        }
    }

    /// The nearest take in the list from which this one comes.
    fn listed_parent(&self, take: &Take) -> Option<TakeId> {
        let parent = take.parent?.take;
        if self.list.entries.iter().any(|listed| listed.id == parent) {
            return Some(parent);
        }
        // A parent has a smaller number, so this ends.
        self.all
            .get(&parent)
            .filter(|ancestor| ancestor.id < take.id)
            .and_then(|take| self.listed_parent(take))
    }

    /// All listed takes, oldest first.
    #[must_use]
    pub fn listed(&self) -> Vec<(Listed, Rc<Take>)> {
        let take = |listed: &Listed| Some((listed.clone(), Rc::clone(self.all.get(&listed.id)?)));
        self.list.entries.iter().filter_map(take).collect()
    }

    /// Lists takes under the numbers that they have, in place of all others.
    pub(crate) fn restore(&mut self, takes: &[(Listed, Rc<Take>)], current: Option<TakeId>) {
        self.all = takes.iter().map(|(listed, take)| (listed.id, Rc::clone(take))).collect();
        let entries = takes.iter().map(|(listed, _)| listed.clone()).collect();
        self.list = List { entries, current: current.filter(|id| self.all.contains_key(id)) };
        let last = self.all.keys().next_back().copied().unwrap_or(0);
        self.next_id = self.next_id.max(last.saturating_add(1));
    }

    /// Whether the take of this number is on stage and gets more tokens.
    #[must_use]
    pub fn is_composing(&self, id: TakeId) -> bool {
        self.current().is_some_and(|take| take.id == id && !take.is_complete)
    }

    /// Changes the performance on stage.
    pub fn update<T>(&mut self, change: impl FnOnce(&mut Take) -> T) -> Option<T> {
        self.update_take(self.list.current?, change)
    }

    /// Changes a performance.
    pub fn update_take<T>(&mut self, id: TakeId, change: impl FnOnce(&mut Take) -> T) -> Option<T> {
        self.all.get_mut(&id).map(|take| change(Rc::make_mut(take)))
    }

    /// The number of the take that is added next.
    #[must_use]
    pub fn next_id(&self) -> TakeId {
        self.next_id
    }

    /// A new take on stage; `make` gets its number.
    pub fn stage(&mut self, make: impl FnOnce(TakeId) -> Take) -> TakeId {
        let id = self.add(make);
        self.enter(id);
        id
    }

    /// A new take in the list; `make` gets its number.
    pub fn add(&mut self, make: impl FnOnce(TakeId) -> Take) -> TakeId {
        let id = self.next_id;
        self.next_id += 1;
        self.all.insert(id, Rc::new(make(id)));
        self.list.entries.push(Listed { id, name: None, is_starred: false });
        id
    }

    /// Brings a listed take on stage; says whether it is listed. The one that was there is forgotten if it has
    /// no notes and gets none.
    pub fn enter(&mut self, id: TakeId) -> bool {
        if !self.is_listed(id) {
            return false;
        }
        let before = self.current().filter(|take| take.id != id && take.is_complete && take.n_notes() == 0);
        if let Some(before) = before.map(|take| take.id) {
            self.list.entries.retain(|listed| listed.id != before);
        }
        self.list.current = Some(id);
        true
    }

    /// The performance on stage gets no more tokens, unless a link promises some.
    pub fn complete(&mut self) {
        if self.current().is_some_and(|take| !take.is_complete && take.awaited().is_none()) {
            self.update(|take| take.is_complete = true);
        }
    }

    /// Whether a take is in the list.
    #[must_use]
    pub fn is_listed(&self, id: TakeId) -> bool {
        self.list.entries.iter().any(|listed| listed.id == id)
    }

    /// Removes a take from the list; says whether it was there. The one on stage leaves it.
    pub fn remove(&mut self, id: TakeId) -> bool {
        let is_there = self.is_listed(id);
        self.list.entries.retain(|listed| listed.id != id);
        self.list.current.take_if(|current| *current == id);
        is_there
    }

    /// Changes a take's name or star; says whether it is listed.
    pub fn relabel(&mut self, id: TakeId, change: impl FnOnce(&mut Listed)) -> bool {
        self.list.entries.iter_mut().find(|listed| listed.id == id).map(change).is_some()
    }

    /// What undo can go back to.
    #[must_use]
    pub fn list(&self) -> &List {
        &self.list
    }

    /// For undo and redo.
    pub fn list_mut(&mut self) -> &mut List {
        &mut self.list
    }

    /// Forgets takes that are neither listed nor among these.
    pub fn keep_only(&mut self, kept: &BTreeSet<TakeId>) {
        let listed: BTreeSet<TakeId> = self.list.ids().collect();
        self.all.retain(|id, _| listed.contains(id) || kept.contains(id));
    }
}
