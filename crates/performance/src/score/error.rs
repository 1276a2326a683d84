//! Why a file gives no score.

use super::builder::{MAX_NOTES, MAX_QUARTERS};

/// What can be wrong with a score.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScoreError {
    /// Neither MIDI nor MusicXML.
    #[error("expected MIDI or MusicXML, found {0}")]
    UnknownFormat(&'static str),
    /// Larger than [`MAX_BYTES`](crate::midi::MAX_BYTES).
    #[error("it is {} MB; the limit is {} MB", .bytes.div_ceil(1 << 20), crate::midi::MAX_BYTES >> 20)]
    TooLarge {
        /// Its size, unpacked.
        bytes: usize,
    },
    /// MIDI that cannot be parsed.
    #[error("its MIDI cannot be read: {0}")]
    Midi(String),
    /// MIDI whose times are frames of a film.
    #[error("expected ticks per beat, found frames per second, which say nothing about beats")]
    Timecode,
    /// XML that cannot be parsed.
    #[error("its XML cannot be read: {0}")]
    Xml(String),
    /// MusicXML by measures instead of parts.
    #[error("expected MusicXML by parts (score-partwise), found {0}")]
    NotPartwise(String),
    /// An .mxl without a score inside.
    #[error("its zip archive cannot be read: {0}")]
    Archive(&'static str),
    /// A score without notes.
    #[error("it has no notes that a piano can play")]
    NoNotes,
    /// A score with too many notes.
    #[error("expected at most {MAX_NOTES} notes, found more")]
    TooManyNotes,
    /// A score that is too long.
    #[error("expected at most {MAX_QUARTERS} quarters, found more")]
    TooLong,
    /// Not what [`Score::to_packed`](super::Score::to_packed) wrote.
    #[error("its notes are damaged")]
    Packed,
    /// A weight file that is not one.
    #[error("line {line} of the weights: {problem}")]
    Weights {
        /// Counted from 1.
        line: usize,
        /// What was expected and found.
        problem: String,
    },
    /// A file of the recurrent renderer that is not one.
    #[error("expected the weights of a network that performs scores: {problem}")]
    Network {
        /// What was expected and found.
        problem: String,
    },
    /// Nothing to fit to.
    #[error("expected performances to fit to, found none")]
    NoExamples,
}
