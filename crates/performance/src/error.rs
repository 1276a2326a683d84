//! The crate's one error type.

/// What can go wrong in this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not a MIDI pitch.
    #[error("expected a pitch of 0 to 127, found {0}")]
    Pitch(u8),
    /// Not a NOTE_ON velocity.
    #[error("expected a velocity of 1 to 127, found {0}")]
    Velocity(u8),
    /// Not a velocity bin.
    #[error("expected a velocity bin of 1 to 32, found {0}")]
    VelocityBin(u8),
    /// Not a TIME_SHIFT.
    #[error("expected a time shift of 1 to 125 steps, found {0}")]
    Shift(u8),
    /// Not a token of the vocabulary.
    #[error("expected a token below 413, found {0}")]
    Token(u16),

    /// A setting is out of range.
    #[error("expected {name} {expected}, found {found}")]
    Setting {
        /// Which setting.
        name: &'static str,
        /// What it may be.
        expected: String,
        /// What it was.
        found: String,
    },

    /// A lineage that is damaged, or none at all.
    #[error("its recipe is damaged")]
    DamagedRecipe,
    /// A lineage that a later version of this program wrote.
    #[error("its recipe is of version {found}; this program reads up to {}", crate::lineage::VERSION)]
    NewerRecipe {
        /// The version that it says it is.
        found: u8,
    },

    /// Too little to compare.
    #[error("expected at least 2 human performances and 1 to compare, found {human} and {others}")]
    TooFewPieces {
        /// How many human ones there were.
        human: usize,
        /// How many others.
        others: usize,
    },

    /// A file over [`MAX_BYTES`](crate::midi::MAX_BYTES).
    #[error("it is {} MB; the limit is {} MB", .bytes.div_ceil(1 << 20), crate::midi::MAX_BYTES >> 20)]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A file of no bytes.
    #[error("it is empty")]
    EmptyFile,
    /// A file of another kind that nobody knows.
    #[error("it is not a MIDI file: it has no MThd header")]
    NotMidi,
    /// A file of another kind that is known.
    #[error("{0}")]
    OtherKind(crate::midi::FileKind),
    /// A file that ends within its header.
    #[error("it stops after {bytes} bytes, in the middle of the header")]
    HeaderCutOff {
        /// Its size.
        bytes: usize,
    },
    /// A file whose header gives its notes no times.
    #[error("its header counts 0 ticks per beat, so its notes have no times")]
    NoTicks,
    /// A file without MTrk chunks.
    #[error("it has no tracks")]
    NoTracks,
    /// A file that ends before its first note.
    #[error("it stops after {bytes} bytes, in the middle of a track")]
    CutOff {
        /// Its size.
        bytes: usize,
    },
    /// A file whose tracks turn into something else before their first note.
    #[error("it is damaged at byte {at}, before its first note")]
    Damaged {
        /// Position of the first byte that is no event.
        at: usize,
    },
    /// A file with notes of drum kits alone.
    #[error("it has drums only, so there is nothing for a piano to continue")]
    DrumsOnly,
    /// A file whose notes all start after [`MAX_HOURS`](crate::midi::MAX_HOURS).
    #[error("its first note comes after more than {} hours of silence", crate::midi::MAX_HOURS)]
    LateNotes,
    /// A file with tracks but no notes.
    #[error("it has no notes")]
    NoNotes,
}

impl Error {
    pub(crate) fn setting(name: &'static str, expected: &str, found: impl ToString) -> Self {
        Self::Setting { name, expected: expected.to_owned(), found: found.to_string() }
    }
}
