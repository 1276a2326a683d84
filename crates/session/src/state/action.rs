//! What can happen to the page.

use std::rc::Rc;

use super::{Length, Midi, OutputChoice, Playback, Primer};
use crate::notice::Notice;
use crate::protocol::{Placement, Reply, TakeId};

/// Everything that can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// The worker said something, at this time.
    Replied {
        /// What.
        reply: Reply,
        /// Milliseconds on any clock.
        now_ms: f64,
    },
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
    /// How much of a performance has been made into sound, in percent, or that nothing is being made any more.
    Recording(Option<(TakeId, u8)>),
    /// The browser's MIDI devices are known, or not to be had.
    MidiChanged(Midi),
    /// Something to tell.
    Notify(Notice),
    /// Something read.
    Dismiss(usize),
    /// Whatever was told about this kind of thing is past.
    Settle(Notice),
}

/// Whether a seed stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedLock {
    /// For the next performance too.
    Locked,
    /// A new one is drawn for each performance.
    Free,
}
