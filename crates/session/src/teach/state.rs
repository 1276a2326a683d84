//! What the page shows of teaching, and the one pure function that changes it.

use serde::{Deserialize, Serialize};

use super::{MusicReport, Outcome, Place, TeachReply, Unfinished};
use crate::format;

/// Where teaching stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    /// Nothing was brought.
    #[default]
    Idle,
    /// Files are being read.
    Reading {
        /// So far.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// Learning can begin.
    Read,
    /// Something goes before the first step.
    Preparing(String),
    /// It learns.
    Learning,
    /// It rests.
    Paused,
    /// It is over.
    Ended(Outcome),
}

/// A point of the curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Events learned.
    pub events: u64,
    /// Loss in nats per event.
    pub nats: f64,
}

/// A model that was taught here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaughtModel {
    /// Names it in the browser's storage.
    pub id: String,
    /// What the visitor reads.
    pub name: String,
    /// When it was made, in milliseconds since 1970.
    pub made_ms: f64,
    /// How many pieces it learned from.
    pub pieces: usize,
    /// Loss on the music set aside, before and after, in nats per event.
    pub nats: (f64, f64),
}

/// Everything that is shown of teaching.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Teach {
    /// Where it stands.
    pub phase: Phase,
    /// What was read.
    pub report: Option<MusicReport>,
    /// Loss of what it learns.
    pub learned: Vec<Point>,
    /// Loss on the music set aside.
    pub set_aside: Vec<Point>,
    /// Events learned, and in all.
    pub events: (u64, u64),
    /// Speed; 0 before it is known.
    pub events_per_second: f64,
    /// How long learning takes, roughly, in seconds; none before that is known.
    pub rough_secs: Option<u64>,
    /// A run of an earlier visit.
    pub unfinished: Option<Unfinished>,
    /// Models that were taught here, the newest first.
    pub models: Vec<TaughtModel>,
    /// The one that plays; none is the released model.
    pub playing: Option<String>,
    /// What went wrong, as a sentence.
    pub problem: Option<String>,
    /// Where it learns.
    pub place: Place,
    /// Where it can; empty before that is known.
    pub places: Vec<Place>,
    /// Why it does not learn on a GPU that is there, as a sentence.
    pub place_reason: Option<String>,
}

/// What can happen to teaching.
#[derive(Clone, Debug, PartialEq)]
pub enum TeachAction {
    /// The worker said something.
    Replied(TeachReply),
    /// Files were brought.
    Brought {
        /// How many.
        files: usize,
    },
    /// Learning was asked for.
    Started,
    /// A rest was asked for.
    Paused,
    /// The rest is over.
    WentOn,
    /// Everything is forgotten but the models.
    Cancelled,
    /// The models in storage.
    Models(Vec<TaughtModel>),
    /// Another model plays.
    Playing(Option<String>),
    /// Something went wrong.
    Problem(String),
    /// Where it can learn; it does so in the first of them.
    Places(Vec<Place>),
    /// It learns somewhere else from now on.
    Moved(Place),
    /// The GPU does not serve, and the processor learns from now on.
    WithoutGpu {
        /// What happened, as a clause: `the GPU was lost`.
        what: &'static str,
        /// What is known.
        why: String,
    },
}

impl Teach {
    /// The state after an action.
    #[must_use]
    pub fn reduced(mut self, action: TeachAction) -> Self {
        match action {
            TeachAction::Replied(reply) => self.hear(reply),
            TeachAction::Brought { files } => {
                self = self.fresh();
                self.phase = Phase::Reading { done: 0, total: files };
            }
            TeachAction::Started => {
                let report = self.report.take();
                if let Some(unfinished) = self.unfinished.take().filter(|_| report.is_none()) {
                    self.events = (unfinished.events, unfinished.planned);
                    self.set_aside =
                        unfinished.checks.iter().map(|&(events, nats)| Point { events, nats }).collect();
                    self.report = Some(unfinished.report);
                } else {
                    self = self.fresh();
                    self.report = report;
                }
                self.problem = None;
                self.phase = Phase::Preparing("Starting".to_owned());
            }
            TeachAction::Paused if self.phase == Phase::Learning => self.phase = Phase::Paused,
            TeachAction::WentOn if self.phase == Phase::Paused => self.phase = Phase::Learning,
            TeachAction::Paused | TeachAction::WentOn => {}
            TeachAction::Cancelled => self = self.fresh(),
            TeachAction::Models(mut models) => {
                models.sort_by(|a, b| b.made_ms.total_cmp(&a.made_ms));
                self.models = models;
            }
            TeachAction::Playing(model) => self.playing = model,
            TeachAction::Problem(why) => self.problem = Some(why),
            TeachAction::Places(places) => {
                self.place = places.first().cloned().unwrap_or_default();
                self.places = places;
            }
            TeachAction::Moved(place) => (self.place, self.place_reason) = (place, None),
            TeachAction::WithoutGpu { what, why } => {
                if matches!(self.phase, Phase::Preparing(_) | Phase::Learning | Phase::Paused) {
                    self.phase = Phase::Idle;
                }
                self.place = Place::Processor;
                self.place_reason = Some(format!("{what} ({why})"));
            }
        }
        self
    }

    fn hear(&mut self, reply: TeachReply) {
        match reply {
            TeachReply::Found(unfinished) if self.phase == Phase::Idle => self.unfinished = Some(unfinished),
            TeachReply::Reading { done, total } => self.phase = Phase::Reading { done, total },
            TeachReply::Read(report) => {
                self.phase = if report.pieces > 0 { Phase::Read } else { Phase::Idle };
                self.report = Some(report);
            }
            TeachReply::Estimated { seconds, .. } => self.rough_secs = Some(seconds as u64),
            TeachReply::Preparing { what } => self.phase = Phase::Preparing(what),
            TeachReply::Learned { events, planned, nats, events_per_second } => {
                if self.phase != Phase::Paused {
                    self.phase = Phase::Learning;
                }
                self.events = (events, planned);
                self.events_per_second = events_per_second;
                self.learned.extend(nats.map(|nats| Point { events, nats }));
            }
            TeachReply::Checked { events, nats } => self.set_aside.push(Point { events, nats }),
            TeachReply::Ended { outcome, .. } => {
                self.phase = Phase::Ended(outcome);
                self.unfinished = None;
            }
            TeachReply::NotSaved { why } => {
                self.problem =
                    Some(format!("Where it stands cannot be saved ({why}): a reload would begin again."));
            }
            TeachReply::Failed { why } => {
                self.problem = Some(why);
                let can_start = self.report.as_ref().is_some_and(|report| report.pieces > 0);
                self.phase = if can_start { Phase::Read } else { Phase::Idle };
            }
            TeachReply::Crashed { why } => {
                self.problem = Some(format!(
                    "Learning stopped ({why}). What was saved is kept; reload the page to go on from there."
                ));
                self.phase = Phase::Idle;
            }
            TeachReply::Alive
            | TeachReply::Unsuited { .. }
            | TeachReply::Found(_)
            | TeachReply::Saved
            | TeachReply::Benched { .. } => {}
        }
    }

    /// Nothing but the models.
    fn fresh(self) -> Self {
        Self {
            models: self.models,
            playing: self.playing,
            place: self.place,
            places: self.places,
            place_reason: self.place_reason,
            ..Self::default()
        }
    }

    /// Whether the worker is at work.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Reading { .. } | Phase::Preparing(_) | Phase::Learning | Phase::Paused)
    }

    /// Where it learns, and why not on a GPU, in one sentence.
    #[must_use]
    pub fn place_line(&self) -> String {
        match &self.place_reason {
            Some(reason) => format!("Learns on {}: {reason}.", self.place),
            None => format!("Learns on {}.", self.place),
        }
    }

    /// What was read, in one line: `24 pieces · 2.6 hours · 81 002 notes`.
    #[must_use]
    pub fn music_line(&self) -> Option<String> {
        let report = self.report.as_ref()?;
        let length = format::clock(report.seconds as u64);
        Some(format!(
            "{} · {length} · {}",
            format::count(report.pieces, "piece"),
            format::count(report.notes, "note")
        ))
    }

    /// How long the rest takes at this speed, in seconds; `None` before it is known.
    #[must_use]
    pub fn secs_left(&self) -> Option<u64> {
        let (done, planned) = self.events;
        (self.events_per_second > 0.0)
            .then(|| (planned.saturating_sub(done) as f64 / self.events_per_second) as u64)
    }

    /// What happens now, in one sentence.
    #[must_use]
    pub fn status(&self) -> String {
        match &self.phase {
            Phase::Idle => String::new(),
            Phase::Reading { done, total } => format!("Reading {done} of {total}…"),
            Phase::Read => match self.rough_secs {
                Some(secs) => format!("Ready to learn: it takes about {}.", format::clock(secs)),
                None => "Ready to learn.".to_owned(),
            },
            Phase::Preparing(what) => format!("{what}…"),
            Phase::Learning | Phase::Paused => {
                let (done, planned) = self.events;
                let percent = 100 * done / planned.max(1);
                let rest = match (self.phase == Phase::Paused, self.secs_left()) {
                    (true, _) => "paused".to_owned(),
                    (false, Some(secs)) => format!("about {} left", format::clock(secs)),
                    (false, None) => "learning".to_owned(),
                };
                format!("{percent} % learned, {rest}")
            }
            Phase::Ended(outcome) => outcome.to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(replies: impl IntoIterator<Item = TeachReply>) -> Teach {
        replies.into_iter().fold(Teach::default(), |teach, reply| teach.reduced(TeachAction::Replied(reply)))
    }

    fn report(pieces: usize) -> MusicReport {
        MusicReport { files: 3, pieces, notes: 1200, seconds: 3725.0, events: 4000, ..MusicReport::default() }
    }

    fn learned(events: u64) -> TeachReply {
        TeachReply::Learned { events, planned: 4000, nats: Some(2.5), events_per_second: 100.0 }
    }

    #[test]
    fn a_run_from_files_to_outcome() {
        let teach = Teach::default().reduced(TeachAction::Brought { files: 3 });
        assert_eq!(teach.status(), "Reading 0 of 3…");
        let teach = teach.reduced(TeachAction::Replied(TeachReply::Read(report(2))));
        let line = teach.music_line().unwrap_or_default();
        assert_eq!(line, "2\u{a0}pieces · 1:02:05 · 1\u{a0}200\u{a0}notes");
        assert_eq!(teach.status(), "Ready to learn.");
        let rough = TeachReply::Estimated { seconds: 95.2, events_per_second: 400.0 };
        let teach = teach.reduced(TeachAction::Replied(rough));
        assert_eq!(teach.status(), "Ready to learn: it takes about 1:35.");
        let teach = teach.reduced(TeachAction::Started).reduced(TeachAction::Replied(learned(1000)));
        assert_eq!(teach.status(), "25 % learned, about 0:30 left");
        let paused = teach.clone().reduced(TeachAction::Paused).reduced(TeachAction::Replied(learned(1000)));
        assert_eq!(
            (paused.phase.clone(), paused.status()),
            (Phase::Paused, "25 % learned, paused".to_owned())
        );
        let outcome = Outcome::planned(2.5, 2.4);
        let ended = teach.reduced(TeachAction::Replied(TeachReply::Ended { outcome, report: report(2) }));
        assert!(!ended.is_busy() && ended.status().starts_with("Learned: from 2.50 to 2.40"));
    }

    #[test]
    fn files_without_music_cannot_be_learned() {
        assert_eq!(after([TeachReply::Read(report(0))]).phase, Phase::Idle);
        let failed = after([TeachReply::Read(report(1)), TeachReply::Failed { why: "No.".into() }]);
        assert_eq!((failed.phase, failed.problem), (Phase::Read, Some("No.".to_owned())));
    }

    #[test]
    fn the_processor_learns_where_a_gpu_does_not() {
        let gpu = Place::WebGpu { adapter: "Fast 9000".into(), is_software: false };
        let teach = Teach::default().reduced(TeachAction::Places(vec![gpu, Place::Processor]));
        assert_eq!(teach.place_line(), "Learns on the GPU (Fast 9000).");
        let teach = teach.reduced(TeachAction::Replied(learned(1000)));
        let lost = TeachAction::WithoutGpu { what: "the GPU was lost", why: "no memory".into() };
        let teach = teach.reduced(lost);
        assert_eq!(teach.place_line(), "Learns on the processor: the GPU was lost (no memory).");
        assert_eq!(teach.phase, Phase::Idle, "until the processor goes on");
    }

    #[test]
    fn an_unfinished_run_is_offered_and_goes_on() {
        let unfinished =
            Unfinished { report: report(2), events: 1000, planned: 4000, checks: vec![(0, 2.5)] };
        let teach = after([TeachReply::Found(unfinished)]);
        assert!(teach.unfinished.is_some());
        let teach = teach.reduced(TeachAction::Started);
        assert_eq!(teach.set_aside, [Point { events: 0, nats: 2.5 }]);
        assert_eq!(teach.report.map(|report| report.pieces), Some(2));
    }
}
