//! Sessions that are opened, and takes that come from elsewhere.

use std::collections::BTreeMap;
use std::rc::Rc;

use performance::Lineage;

use super::State;
use crate::saved::Saved;
use crate::{EngineState, Notice, Parent, Primer, Take, TakeId};

/// A take from a link or a file.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// What it follows from.
    pub lineage: Lineage,
    /// What it is called.
    pub name: Option<String>,
    /// What its primer is called.
    pub primer_name: String,
}

impl State {
    /// Opens a session: as it was, if nothing is here yet, else its takes are added.
    pub(super) fn open(&mut self, saved: &Saved) {
        if self.takes.list().ids().next().is_none() {
            self.takes.restore(&saved.takes, saved.current);
            self.primer = saved.primer.clone().or(self.primer.take());
            self.settings = saved.settings.clone();
            self.mark = saved.mark;
            self.transport.seek(saved.position_us);
            return;
        }
        if saved.takes.is_empty() {
            return;
        }
        self.record();
        let mut ids = BTreeMap::new();
        for (listed, take) in &saved.takes {
            let parent =
                take.parent.and_then(|parent| Some(Parent { take: *ids.get(&parent.take)?, ..parent }));
            let id = self.takes.add(|id| {
                let mut take = Take::clone(take);
                (take.id, take.parent) = (id, parent);
                take
            });
            ids.insert(listed.id, id);
            self.takes.relabel(id, |new| {
                (new.name, new.is_starred) = (listed.name.clone(), listed.is_starred);
            });
        }
    }

    /// Adds what a link, or a file that carries its recipe, brings.
    pub(super) fn receive(&mut self, received: Received) {
        let Received { mut lineage, name, primer_name } = received;
        let tokens = std::mem::take(&mut lineage.recipe.primer);
        let primer = (!tokens.is_empty()).then(|| Rc::new(Primer::of(primer_name, tokens)));
        let id = self.admit(|id| Take::of_lineage(id, lineage, primer));
        self.takes.relabel(id, |listed| listed.name = name);
        self.compare();
    }

    /// Adds a take from elsewhere: on stage, if nothing plays.
    pub(super) fn admit(&mut self, make: impl FnOnce(TakeId) -> Take) -> TakeId {
        self.record();
        if self.is_running() {
            return self.takes.add(make);
        }
        self.complete();
        self.mark = None;
        let id = self.takes.stage(make);
        self.transport.seek(0);
        id
    }

    /// Says if the take on stage came by a link and will sound otherwise here.
    pub(super) fn compare(&mut self) {
        let (EngineState::Ready(engine), Some(take)) = (&self.engine, self.takes.current()) else { return };
        let is_promised = take.awaited().is_some() && take.tokens().is_empty();
        let (Some(here), true) = (engine.model.origin, is_promised) else { return };
        let notice = match take.origin {
            Some(there) if there == here => return,
            Some(there) if there.weights == here.weights => Notice::LinkDiffers,
            _ => Notice::LinkOtherModel,
        };
        self.notices.tell(notice);
    }
}
