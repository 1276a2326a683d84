//! What can happen to the page.

use std::rc::Rc;

use performance::midi::Pedal;
use performance::score::{Rendering, Rendition};

use super::Received;
use crate::protocol::{Placement, Reply, TakeId};
use crate::saved::Saved;
use crate::{Length, Midi, Notice, OutputChoice, Piece, Playback, Primer, SeedLock, Shape, Span};

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
    /// Silence until [`Resume`](Self::Resume), at the same place.
    Pause,
    /// Play on; what stopped or ended is played again, from the play-head or from its beginning.
    Resume,
    /// The play-head to this place, in microseconds of the performance on stage.
    Seek {
        /// Where.
        at_us: u64,
    },
    /// Mark a span of the performance on stage, or none.
    Mark(Option<Span>),
    /// Whether the marked span is played over and over.
    SetLooping(bool),
    /// Remove a performance from the list.
    Forget(TakeId),
    /// Call a performance something; an empty name is none.
    Rename {
        /// Which.
        take: TakeId,
        /// How.
        name: String,
    },
    /// Mark a performance, or no more.
    Star(TakeId),
    /// Go on from a moment of the performance on stage with another seed.
    Branch {
        /// When, in microseconds of its music.
        at_us: u64,
        /// Decides the way.
        drawn_seed: u64,
    },
    /// Go on from a moment of the performance on stage in several ways, to choose from.
    Versions {
        /// When, in microseconds of its music.
        at_us: u64,
        /// Decide the ways.
        drawn_seeds: Vec<u64>,
    },
    /// Go on with another version, by its index.
    Choose(usize),
    /// Go on with the version that plays: the others are composed no further.
    KeepVersion,
    /// Play the marked span again from a moment on, and go on from it.
    BringBack {
        /// When, in microseconds of the music on stage.
        at_us: u64,
        /// Transposed by so many semitones.
        semitones: i8,
    },
    /// Another time for a change of the performance on stage (see [`Take::changes`](crate::Take::changes)), in
    /// a branch.
    MoveChange {
        /// Index into its log.
        entry: usize,
        /// When, in microseconds of its music.
        to_us: u64,
    },
    /// The performance on stage without a change, in a branch.
    RemoveChange {
        /// Index into its log.
        entry: usize,
    },
    /// Take back the last change of the session: a new performance, a branch, a name, a star, a removal.
    Undo,
    /// Take back the last [`Undo`](Self::Undo).
    Redo,
    /// The player's news.
    Played {
        /// What it does.
        playback: Playback,
        /// Where the play-head is, in microseconds of music.
        position_us: u64,
    },
    /// What the music is to be like.
    SetShape(Shape),
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
    /// Whether MIDI devices and files get a pedal.
    SetPedal(Pedal),
    /// How much of a performance has been made into sound, in percent, or that nothing is being made any
    /// more.
    Recording(Option<(TakeId, u8)>),
    /// The browser's MIDI devices are known, or not to be had.
    MidiChanged(Midi),
    /// A score was read: it is performed.
    Perform(Rc<Piece>),
    /// The score on stage is performed otherwise, and goes on at the same place.
    Render(Rendering),
    /// Whether taps give the tempo.
    SetConducting(bool),
    /// The conductor's beat.
    Tap {
        /// What was heard then, in microseconds of music.
        at_us: u64,
    },
    /// The conductor's mood, each side from -100 to 100. While nothing plays, it is that of the whole piece.
    SetMood {
        /// From calm to vigorous.
        energy: i8,
        /// From sad to happy.
        valence: i8,
    },
    /// The score on stage is performed as if nobody conducted.
    Unconduct,
    /// A performance of a score came by a link or in a file.
    ReceiveScore(Rendition),
    /// A session was read: it is opened, or its takes are added to those that are here.
    Open(Rc<Saved>),
    /// A take came by a link or in a file.
    Receive(Received),
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
    /// A change has to come later by this much than it usually does, in microseconds: a device that takes nothing back
    /// gets its messages further ahead, because the page was held up.
    pub ahead_us: u64,
}

impl Moment {
    /// The place that a change reckons from, in microseconds of the performance.
    pub(crate) fn changes_from_us(self) -> u64 {
        self.head_us + self.ahead_us
    }
}
