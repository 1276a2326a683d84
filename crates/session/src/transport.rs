//! What plays.

use crate::Steering;
use crate::protocol::TakeId;

/// What is played, where the play-head is, and what is being changed ahead of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transport {
    /// What is to be played now.
    pub run: Option<Run>,
    /// What the player says.
    pub playback: Playback,
    /// Of the play-head, since the start of the performance.
    pub position_secs: u64,
    /// Tokens of the primer that the network has read, and the total.
    pub prefilled: Option<(usize, usize)>,
    /// Changes of music that is composed and not yet heard.
    pub steering: Steering,
    next_run: u32,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            run: None,
            playback: Playback::Stopped,
            position_secs: 0,
            prefilled: None,
            steering: Steering::default(),
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

/// What the player is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Playback {
    /// Nothing.
    Stopped,
    /// Waiting for the first notes, or for the sound they need.
    Starting,
    /// Playing.
    Playing,
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

    pub(crate) fn play(&mut self, take: TakeId, kind: RunKind) {
        self.run = Some(Run { id: self.next_run, take, kind });
        self.next_run += 1;
        self.playback = Playback::Starting;
        self.position_secs = 0;
        self.prefilled = None;
        self.steering.reset();
    }

    pub(crate) fn stop(&mut self) {
        self.run = None;
        self.playback = Playback::Stopped;
        self.prefilled = None;
        self.steering.reset();
    }

    /// The player's news.
    pub(crate) fn follow(&mut self, playback: Playback, position_secs: u64) {
        if self.run.is_none() {
            return;
        }
        self.playback = playback;
        self.position_secs = position_secs;
        if playback == Playback::Finished {
            self.run = None;
            self.steering.reset();
        }
    }
}
