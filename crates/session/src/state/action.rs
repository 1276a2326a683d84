//! What can happen to the page.

use std::rc::Rc;

use crate::protocol::{Placement, Reply, TakeId};
use crate::{Length, Midi, Notice, OutputChoice, Playback, Primer, SeedLock};

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The worker said something.
    Replied(Reply),
    /// The worker is being started (again).
    EngineStarting,
    /// The engine stays where it is, and now it is known why.
    Placed(Placement),
    /// A new performance, please.
    Generate {
        /// The seed, unless the visitor has locked one.
        drawn_seed: u64,
    },
    /// An earlier (or the present) performance from its start.
    Replay(TakeId),
    /// Silence.
    Stop,
    /// Remove an earlier performance.
    Forget(TakeId),
    /// Continue from a token of a performance with another seed.
    Branch {
        /// Of which.
        take: TakeId,
        /// From which of its tokens on.
        at: usize,
        /// Decides the way.
        drawn_seed: u64,
    },
    /// Take back the last change of the list of performances.
    Undo,
    /// Take back the last [`Undo`](Self::Undo).
    Redo,
    /// The player's news.
    Played {
        /// What it does.
        playback: Playback,
        /// Where the play-head is, in seconds.
        position_secs: u64,
    },
    /// A slider moved.
    SetTemperature(f32),
    /// A link's setting.
    SetTopP(f32),
    /// A number typed.
    SetSeed(u64),
    /// The lock toggled.
    SetSeedLocked(SeedLock),
    /// A length chosen.
    SetLength(Length),
    /// A slider moved.
    SetVolume(u8),
    /// A file read.
    SetPrimer(Rc<Primer>),
    /// No primer any more.
    ClearPrimer,
    /// An output chosen.
    SetOutput(OutputChoice),
    /// How much of a performance has been made into sound, in percent, or that nothing is being made any
    /// more.
    Recording(Option<(TakeId, u8)>),
    /// The browser's MIDI devices are known, or not to be had.
    MidiChanged(Midi),
    /// Show a notice.
    Notify(Notice),
    /// Something read.
    Dismiss(usize),
    /// Notices of this kind no longer apply.
    Settle(Notice),
}

/// When something happens.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Moment {
    /// Milliseconds on any clock that only goes forward.
    pub now_ms: f64,
    /// Music time up to which instruments have their messages for good, in microseconds of the performance.
    pub head_us: u64,
}
