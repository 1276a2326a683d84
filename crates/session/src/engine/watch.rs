//! Whether a worker that is waited for still gets on: one may end without a word, and a download may stall.

use crate::protocol::Reply;

/// A program that has not said anything after this is not coming: it is fetched and compiled meanwhile.
const START_MS: f64 = 90_000.0;
/// A download that brings nothing for this long has stalled.
const DOWNLOAD_MS: f64 = 30_000.0;
/// The network is unpacked, and on a GPU its program is compiled.
const PREPARE_MS: f64 = 180_000.0;
/// Music that is waited for. A GPU that the processor pretends to be hears a long primer for a minute.
const COMPOSE_MS: f64 = 150_000.0;
/// A look that comes so late says nothing: the computer slept, or the tab's timers did.
const BLINK_MS: f64 = 5_000.0;

/// See the module.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Watch {
    phase: Phase,
    looked_ms: f64,
    /// When something was last heard or is waited for since.
    since_ms: f64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Starting,
    Downloading,
    Preparing,
    Ready,
    /// Nothing comes without a request.
    Failed,
}

/// What to do about a silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Silence {
    /// The worker is as good as dead, for this reason.
    Dead(String),
    /// The download has stalled, in these words.
    Stalled(String),
}

impl Watch {
    /// A worker was started, or asked for its network again.
    pub(super) fn begin(&mut self) {
        *self = Self { phase: Phase::Starting, since_ms: self.looked_ms, ..*self };
    }

    /// The worker said something.
    pub(super) fn hear(&mut self, reply: &Reply) {
        self.since_ms = self.looked_ms;
        self.phase = match reply {
            Reply::Downloading { .. } => Phase::Downloading,
            Reply::Preparing => Phase::Preparing,
            Reply::Ready { .. } => Phase::Ready,
            Reply::Failed { .. } if self.phase != Phase::Ready => Phase::Failed,
            _ => self.phase,
        };
    }

    /// Looks once a second. `is_waiting`: the music has come to where nothing is composed yet.
    pub(super) fn look(&mut self, now_ms: f64, is_waiting: bool) -> Option<Silence> {
        let is_late = now_ms - self.looked_ms > BLINK_MS;
        self.looked_ms = now_ms;
        if is_late || (self.phase == Phase::Ready && !is_waiting) {
            self.since_ms = now_ms;
        }
        let limit_ms = match self.phase {
            Phase::Starting => START_MS,
            Phase::Downloading => DOWNLOAD_MS,
            Phase::Preparing => PREPARE_MS,
            Phase::Ready => COMPOSE_MS,
            Phase::Failed => return None,
        };
        if now_ms - self.since_ms < limit_ms {
            return None;
        }
        self.since_ms = now_ms;
        let secs = limit_ms / 1000.0;
        Some(if self.phase == Phase::Downloading {
            self.phase = Phase::Failed;
            Silence::Stalled(format!("nothing more has come for {secs} seconds"))
        } else {
            Silence::Dead(format!("it has not answered for {secs} seconds"))
        })
    }
}
