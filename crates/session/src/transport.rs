//! What plays.

use serde::{Deserialize, Serialize};

use crate::Steering;
use crate::protocol::TakeId;

/// What was heard counts as the past when the play-head is further back than this, in microseconds.
const PAST_US: u64 = 1_000_000;

/// What is played, where the play-head is, and what is being changed ahead of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transport {
    /// What is to be played now.
    pub run: Option<Run>,
    /// Where the player is to begin.
    pub cue: Cue,
    /// What the player says.
    pub playback: Playback,
    /// Of the play-head, since the start of the performance, in microseconds. Exact when something begins or
    /// ends, else as of the last full second.
    pub position_us: u64,
    /// Whether the marked span is played over and over.
    pub is_looping: bool,
    /// Tokens of the primer that the network has read, and the total.
    pub prefilled: Option<(usize, usize)>,
    /// Changes of music that is composed and not yet heard.
    pub steering: Steering,
    /// Performances to choose from while they play.
    pub versions: Vec<TakeId>,
    /// Those of them that are composed beside the one on stage.
    pub beside: Vec<Beside>,
    /// The furthest that the performance was heard.
    furthest_us: u64,
    next_run: u32,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            run: None,
            cue: Cue::default(),
            playback: Playback::Stopped,
            position_us: 0,
            is_looping: false,
            prefilled: None,
            steering: Steering::default(),
            versions: Vec::new(),
            beside: Vec::new(),
            furthest_us: 0,
            next_run: 1,
        }
    }
}

/// One press on Generate or on a performance's Play.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its number.
    pub id: u32,
    /// The performance.
    pub take: TakeId,
    /// Whether it has to be composed first.
    pub kind: RunKind,
}

/// See [`Run`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunKind {
    /// Compose and play.
    Generate,
    /// Play what there is.
    Replay,
}

/// A performance that is composed and not on stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// Which.
    pub take: TakeId,
    /// Of its tokens.
    pub epoch: u32,
}

/// Where the player is to begin. A new number is a new beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cue {
    /// Its number.
    pub id: u32,
    /// In microseconds of music.
    pub from_us: u64,
}

/// A part of a performance, in microseconds of its music.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Its beginning.
    pub from_us: u64,
    /// Its end.
    pub to_us: u64,
}

impl Span {
    /// The span between two moments, in either order.
    #[must_use]
    pub fn between(a_us: u64, b_us: u64) -> Self {
        Self { from_us: a_us.min(b_us), to_us: a_us.max(b_us) }
    }

    /// Its length in microseconds.
    #[must_use]
    pub fn us(self) -> u64 {
        self.to_us.saturating_sub(self.from_us)
    }
}

/// What the player is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playback {
    /// Nothing.
    Stopped,
    /// Waiting for the first notes, or for the sound they need.
    Starting,
    /// Playing.
    Playing,
    /// Silent until it is resumed.
    Paused,
    /// Waiting in the middle, because the music ran out.
    Behind,
    /// At the end.
    Finished,
}

impl Transport {
    /// The performance that is being composed while it plays.
    #[must_use]
    pub fn generating(&self) -> Option<TakeId> {
        self.run.filter(|run| run.kind == RunKind::Generate).map(|run| run.take)
    }

    /// Of the play-head, in whole seconds.
    #[must_use]
    pub fn position_secs(&self) -> u64 {
        self.position_us / 1_000_000
    }

    /// Whether a change at this time would change what was heard already.
    #[must_use]
    pub fn is_past(&self, at_us: u64) -> bool {
        at_us + PAST_US < self.furthest_us
    }

    /// Plays a performance from a place on.
    pub(crate) fn play(&mut self, take: TakeId, kind: RunKind, from_us: u64) {
        self.run(take, kind);
        (self.furthest_us, self.prefilled) = (from_us, None);
        self.playback = Playback::Starting;
        self.steering.reset();
        self.forget_versions();
        self.cue(from_us);
    }

    /// Goes on with a branch of what plays, which differs from a place ahead of the play-head on.
    pub(crate) fn play_on(&mut self, branch: TakeId, head_us: u64) {
        self.run(branch, RunKind::Generate);
        self.furthest_us = head_us;
        self.steering.reset();
        self.forget_versions();
    }

    /// Offers performances to choose from; the first of them is on stage.
    pub(crate) fn offer(&mut self, versions: Vec<TakeId>) {
        let others = versions.iter().skip(1);
        self.beside = others.map(|&take| Beside { take, epoch: self.steering.next_epoch() }).collect();
        self.versions = versions;
    }

    /// Goes on with another of the versions, from the play-head on.
    pub(crate) fn switch(&mut self, to: TakeId, head_us: u64) {
        let Some(run) = self.run else { return };
        let epoch = self.steering.settled_epoch();
        self.beside.push(Beside { take: run.take, epoch });
        let other = self.beside.extract_if(.., |beside| beside.take == to).next();
        let epoch = other.map_or_else(|| self.steering.next_epoch(), |beside| beside.epoch);
        self.run(to, RunKind::Generate);
        self.steering.take_over(epoch);
        self.furthest_us = head_us;
        self.seek(head_us);
    }

    /// Another worker composes everything from now on.
    pub(crate) fn restarted(&mut self) {
        self.steering.restarted();
        for beside in &mut self.beside {
            beside.epoch = self.steering.next_epoch();
        }
    }

    fn run(&mut self, take: TakeId, kind: RunKind) {
        self.run = Some(Run { id: self.next_run, take, kind });
        self.next_run += 1;
    }

    fn forget_versions(&mut self) {
        self.versions.clear();
        self.beside.clear();
    }

    /// Another place. What is paused stays so.
    pub(crate) fn seek(&mut self, to_us: u64) {
        if self.run.is_none() {
            self.playback = Playback::Stopped;
        } else if self.playback != Playback::Paused {
            self.playback = Playback::Starting;
        }
        self.cue(to_us);
    }

    pub(crate) fn pause(&mut self) {
        if self.run.is_some() {
            self.playback = Playback::Paused;
        }
    }

    pub(crate) fn resume(&mut self) {
        if self.playback == Playback::Paused {
            self.playback = Playback::Starting;
        }
    }

    pub(crate) fn stop(&mut self) {
        self.run = None;
        self.playback = Playback::Stopped;
        self.prefilled = None;
        self.steering.reset();
        self.forget_versions();
    }

    /// The player's news.
    pub(crate) fn follow(&mut self, playback: Playback, position_us: u64) {
        if self.run.is_none() || self.playback == Playback::Paused {
            return;
        }
        self.playback = playback;
        self.position_us = position_us;
        self.furthest_us = self.furthest_us.max(position_us);
        if playback == Playback::Finished {
            self.run = None;
            self.steering.reset();
            self.beside.clear();
        }
    }

    fn cue(&mut self, from_us: u64) {
        self.position_us = from_us;
        self.cue = Cue { id: self.cue.id + 1, from_us };
    }
}
