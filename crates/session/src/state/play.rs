//! What plays: generating, branching, choosing, changing.

use std::rc::Rc;

use performance::{Input, VelocityOffset};

use super::{Moment, State};
use crate::protocol::TakeId;
use crate::{
    EngineState, Notice, Playback, Primer, RunKind, Settings, Shape, Start, TEMPERATURES, Take, opening,
};

/// An edited performance that is not playing begins this long before the edit.
const RUN_UP_US: u64 = 2_000_000;

impl State {
    pub(super) fn generate(&mut self, drawn_seed: u64) {
        if !self.settings.is_seed_locked {
            self.settings.seed = drawn_seed;
        }
        let start = self.start(self.settings.seed, self.primer.clone());
        self.record();
        self.complete();
        let take = self.takes.stage(|id| Take::new(id, start));
        // Of the first model, which is the released one, the beginning is known before it is here.
        if self.readiness == 0
            && let Some(opening) = opening::lineage()
        {
            self.takes.update_take(take, |take| take.begin_as(opening));
        }
        self.mark = None;
        self.play(take, RunKind::Generate, 0);
    }

    /// A take with the settings as they are.
    fn start(&self, seed: u64, primer: Option<Rc<Primer>>) -> Start {
        let Settings { length, ref shape, .. } = self.settings;
        Start {
            seed,
            sampling: self.settings.sampling_after(primer.as_deref()),
            controls: Some(shape.controls(primer.as_deref())),
            dynamics: VelocityOffset::bins(shape.dynamics),
            primer,
            length_us: length.us(),
        }
    }

    /// A take that goes on from a performance of a score.
    fn after_score(&self, take: &Take, id: TakeId, at_us: u64, seed: u64) -> Take {
        let (primer, parent) = take.as_primer(at_us);
        let primer = (!primer.tokens.is_empty()).then_some(primer);
        let mut branch = Take::new(id, self.start(seed, primer));
        branch.parent = Some(parent);
        branch
    }

    pub(super) fn replay(&mut self, take: TakeId, from_us: u64) {
        if !self.takes.is_listed(take) {
            return;
        }
        if self.takes.current().is_none_or(|current| current.id != take) {
            self.mark = None;
        }
        self.complete();
        self.takes.enter(take);
        self.complete();
        let is_promised = self.takes.get(take).is_some_and(|take| take.awaited().is_some());
        let kind = if is_promised { RunKind::Generate } else { RunKind::Replay };
        self.play(take, kind, from_us);
    }

    pub(super) fn stop(&mut self) {
        self.complete();
        self.transport.stop();
    }

    /// What pauses goes on; what has stopped is played from the play-head, or from its beginning.
    pub(super) fn resume(&mut self) {
        if self.transport.run.is_some() {
            self.transport.resume();
            return;
        }
        let Some((take, music_us, is_complete)) =
            self.takes.current().map(|take| (take.id, take.music_us(), take.is_complete))
        else {
            return;
        };
        let from_us = Some(self.transport.position_us).filter(|&at_us| at_us < music_us || !is_complete);
        if is_complete {
            self.replay(take, from_us.unwrap_or(0));
        } else {
            self.play(take, RunKind::Generate, from_us.unwrap_or(0));
        }
    }

    pub(super) fn seek(&mut self, at_us: u64) {
        if let Some(take) = self.takes.current() {
            let to_us = at_us.min(take.music_us());
            self.transport.steering.forget_unheard();
            self.transport.seek(to_us);
        }
    }

    pub(super) fn branch(&mut self, at_us: u64, drawn_seed: u64) {
        if let Some(take) = self.takes.current().filter(|take| take.performed.is_some()).cloned() {
            self.record();
            self.complete();
            let id = self.takes.next_id();
            let branch = self.after_score(&take, id, at_us, drawn_seed);
            let branch = self.takes.stage(|_| branch);
            self.mark = None;
            return self.play(branch, RunKind::Generate, 0);
        }
        let mut inputs = self.transport.steering.unheard(at_us);
        inputs.push(Input::Seed(drawn_seed));
        self.begin_branch(at_us, |take, id| take.branch(id, at_us, inputs));
    }

    pub(super) fn offer_versions(&mut self, at_us: u64, drawn_seeds: &[u64]) {
        let Some(take) = self.takes.current().cloned() else { return };
        if drawn_seeds.is_empty() {
            return;
        }
        self.record();
        self.complete();
        let unheard = self.transport.steering.unheard(at_us);
        let is_score = take.performed.is_some();
        let mut versions: Vec<TakeId> = Vec::new();
        for &seed in drawn_seeds {
            let id = self.takes.next_id();
            let version = if is_score {
                self.after_score(&take, id, at_us, seed)
            } else {
                take.branch(id, at_us, unheard.iter().cloned().chain([Input::Seed(seed)]).collect())
            };
            versions.push(self.takes.add(|_| version));
        }
        self.takes.enter(versions[0]);
        let from_us = if is_score { 0 } else { at_us.min(take.music_us()) };
        self.play(versions[0], RunKind::Generate, from_us);
        self.transport.offer(versions);
    }

    pub(super) fn choose(&mut self, index: usize, at: Moment) {
        let Some(&to) = self.transport.versions.get(index) else { return };
        if self.transport.run.is_none() {
            let from_us = self.transport.position_us;
            let versions = self.transport.versions.clone();
            self.replay(to, from_us);
            self.transport.versions = versions;
        } else if self.transport.generating().is_some_and(|take| take != to) {
            self.takes.enter(to);
            self.transport.switch(to, at.head_us);
        }
    }

    pub(super) fn keep_version(&mut self) {
        for beside in std::mem::take(&mut self.transport.beside) {
            self.takes.update_take(beside.take, |take| take.is_complete = true);
        }
        self.transport.versions.clear();
    }

    pub(super) fn bring_back(&mut self, at_us: u64, semitones: i8) {
        let Some(span) = self.mark.filter(|_| self.performed().is_none()) else { return };
        self.begin_branch(at_us, |take, id| take.bring_back(id, at_us, span, semitones));
    }

    pub(super) fn edit(&mut self, entry: usize, to_us: Option<u64>, at: Moment) {
        let Some(take) = self.takes.current().cloned() else { return };
        // The number is known once there is an edit.
        let Some((mut edited, planned)) = take.edit(take.id, entry, to_us) else { return };
        let from_us = edited.music_us();
        let from_us = match self.transport.run {
            Some(_) => at.head_us,
            None => from_us.saturating_sub(RUN_UP_US),
        };
        self.record();
        self.complete();
        let id = self.takes.stage(|id| {
            edited.id = id;
            edited
        });
        self.play(id, RunKind::Generate, from_us);
        self.transport.steering.plan(planned);
    }

    /// A branch that plays from its beginning on.
    fn begin_branch(&mut self, at_us: u64, make: impl FnOnce(&Take, TakeId) -> Take) {
        let Some(take) = self.takes.current().cloned() else { return };
        self.record();
        self.complete();
        let branch = self.takes.stage(|id| make(&take, id));
        self.play(branch, RunKind::Generate, at_us.min(take.music_us()));
    }

    /// Sets it for the next performance, and for the present one from just ahead of the play-head on.
    pub(super) fn set_temperature(&mut self, temperature: f32, at: Moment) {
        if !temperature.is_finite() {
            return;
        }
        self.settings.sampling.temperature = temperature.clamp(*TEMPERATURES.start(), *TEMPERATURES.end());
        self.change_sampling(at);
    }

    fn change_sampling(&mut self, at: Moment) {
        let primer = self.takes.current().and_then(|take| take.primer.clone());
        self.change(Input::Sampling(self.settings.sampling_after(primer.as_deref())), at);
    }

    /// The same for everything in the drawer.
    pub(super) fn set_shape(&mut self, shape: Shape, at: Moment) {
        let before = std::mem::replace(&mut self.settings.shape, shape);
        let primer = self.takes.current().and_then(|take| take.primer.clone());
        let (primer, shape) = (primer.as_deref(), &self.settings.shape);
        let (controls, dynamics) = (shape.controls(primer), shape.dynamics);
        let is_drawn_anew = before.only(primer) != shape.only(primer) || before.themes != shape.themes;
        if before.controls(primer) != controls {
            self.change(Input::Controls(controls), at);
        }
        if is_drawn_anew {
            self.change_sampling(at);
        }
        if before.dynamics != dynamics {
            self.change(Input::Dynamics(VelocityOffset::bins(dynamics)), at);
        }
    }

    /// Changes what plays from just ahead of the play-head on. What was heard before stays as it was: there, a
    /// branch begins.
    fn change(&mut self, input: Input, at: Moment) {
        // What is written is not composed.
        if self.transport.run.is_none() || self.performed().is_some() {
            return;
        }
        if self.transport.generating().is_some() && !self.transport.is_past(at.head_us) {
            self.transport.steering.want(input);
            return;
        }
        let Some(take) = self.takes.current().cloned() else { return };
        let at_us = at.changes_from_us() + self.transport.steering.margin_us();
        self.record();
        self.complete();
        let branch = self.takes.stage(|id| take.branch(id, at_us, vec![input]));
        self.transport.play_on(branch, at.head_us);
    }

    /// Asks for the wanted splice, if possible now.
    pub(super) fn steer(&mut self, at: Moment) {
        if let (Some(_), EngineState::Ready(_), Some(take)) =
            (self.transport.generating(), &self.engine, self.takes.current())
        {
            self.transport.steering.ask(take, at.changes_from_us(), at.now_ms);
        }
    }

    pub(super) fn undo(&mut self) {
        let mut list = self.takes.list().clone();
        if self.history.undo(&mut list) {
            self.restore(list);
        }
    }

    pub(super) fn redo(&mut self) {
        let mut list = self.takes.list().clone();
        if self.history.redo(&mut list) {
            self.restore(list);
        }
    }

    fn restore(&mut self, list: crate::List) {
        let before = self.takes.current().map(|take| take.id);
        if list.current() != before {
            self.stop();
            self.mark = None;
            self.transport.seek(0);
            self.transport.playback = Playback::Stopped;
        }
        *self.takes.list_mut() = list;
    }

    /// Keeps the list of performances for undo.
    pub(super) fn record(&mut self) {
        self.history.record(self.takes.list().clone());
        let kept = self.history.versions().flat_map(crate::List::ids).collect();
        self.takes.keep_only(&kept);
    }

    /// Nothing is composed any further.
    pub(super) fn complete(&mut self) {
        self.takes.complete();
        for beside in &self.transport.beside {
            self.takes.update_take(beside.take, |take| take.is_complete = true);
        }
    }

    pub(super) fn play(&mut self, take: TakeId, kind: RunKind, from_us: u64) {
        self.notices.settle(|notice| {
            !(notice.stops_the_engine()
                || notice.remedy().is_some()
                || matches!(notice, Notice::NoAudio { .. }))
        });
        self.transport.play(take, kind, from_us);
    }
}
