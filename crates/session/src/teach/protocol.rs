//! Messages between the page and the worker that learns: plain data, posted as JSON strings.

use serde::{Deserialize, Serialize};

use super::Outcome;

/// Page to worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TeachRequest {
    /// Say whether an earlier visit left something unfinished.
    Look,
    /// Read these files, which travel beside this message, in place of those read before. Then say how long it
    /// takes to learn from them.
    Read {
        /// For how long that is.
        speed: Speed,
    },
    /// Learn from what was read.
    Start {
        /// The weights to begin with; absolute.
        weights_url: String,
        /// How many events to learn at most; `None` leaves it to the music's length.
        events: Option<u64>,
    },
    /// Go on from the last checkpoint.
    Resume {
        /// The weights that it began with; absolute.
        weights_url: String,
    },
    /// Rest until [`GoOn`](Self::GoOn).
    Pause,
    /// Rest no longer.
    GoOn,
    /// Learn no more; what was learned is kept.
    Stop,
    /// Learn no more, and forget everything.
    Cancel,
    /// Measure how many events are learned in a second.
    Bench {
        /// Sequences side by side.
        batch: usize,
        /// Events of each.
        time: usize,
        /// Shortest time to measure, in milliseconds.
        at_least_ms: f64,
    },
}

/// How fast this computer learns.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub enum Speed {
    /// It learned at this speed before.
    Known {
        /// See there.
        events_per_second: f64,
    },
    /// It is to be measured in a few steps.
    Unknown,
    /// Measuring it would take too long.
    Unwanted,
}

/// Worker to page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum TeachReply {
    /// The worker runs and listens.
    Alive,
    /// It cannot learn where it was to: another program has to.
    Unsuited {
        /// What is known.
        why: String,
    },
    /// An earlier visit left this.
    Found(Unfinished),
    /// Files are being read.
    Reading {
        /// So far.
        done: usize,
        /// How many there are.
        total: usize,
    },
    /// All files are read.
    Read(MusicReport),
    /// How long it takes to learn from them, roughly.
    Estimated {
        /// In seconds.
        seconds: f64,
        /// At this speed.
        events_per_second: f64,
    },
    /// Something goes before the first step.
    Preparing {
        /// What, as a sentence's beginning: `Fetching the model`.
        what: String,
    },
    /// Some more was learned.
    Learned {
        /// Events so far.
        events: u64,
        /// Events in all.
        planned: u64,
        /// Loss of what was learned since the last time, in nats per event.
        nats: Option<f64>,
        /// Speed.
        events_per_second: f64,
    },
    /// It was measured on the music set aside.
    Checked {
        /// Events so far.
        events: u64,
        /// Loss in nats per event.
        nats: f64,
    },
    /// It is over. The weights travel beside this message, unless there are none.
    Ended {
        /// What came of it.
        outcome: Outcome,
        /// The music.
        report: MusicReport,
    },
    /// Where the run can go on after a crash is saved.
    Saved,
    /// It could not be saved: a crash or reload would begin again.
    NotSaved {
        /// The browser's reason.
        why: String,
    },
    /// What was measured.
    Benched {
        /// Speed.
        events_per_second: f64,
        /// The worker's memory.
        memory_bytes: u64,
    },
    /// It cannot go on.
    Failed {
        /// A sentence for the visitor.
        why: String,
    },
    /// The worker is broken.
    Crashed {
        /// What is known.
        why: String,
    },
}

/// A run that was not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unfinished {
    /// Its music.
    pub report: MusicReport,
    /// Events learned.
    pub events: u64,
    /// Events in all.
    pub planned: u64,
    /// Its measurements.
    pub checks: Vec<(u64, f64)>,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MusicReport {
    /// The first piece's name.
    pub name: String,
    /// How many files were given.
    pub files: usize,
    /// How many pieces there are to learn from.
    pub pieces: usize,
    /// Their notes.
    pub notes: usize,
    /// Their length.
    pub seconds: f64,
    /// Their events.
    pub events: usize,
    /// Files that are left out, the first ones by name.
    pub left_out: Vec<LeftOut>,
    /// How many files are left out in all.
    pub n_left_out: usize,
}

/// A file that is left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its name.
    pub file: String,
    /// Why.
    pub why: String,
}
