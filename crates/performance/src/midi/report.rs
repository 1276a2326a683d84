//! What a file was made of, and what was left out: facts with sentences.

use std::fmt;

/// What a MIDI file was made of.
///
/// Its `Display` is the short line for people: `pedal applied, 2 tracks merged, drums left out`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// How the file's tracks belong together.
    pub format: Format,
    /// Number of files that were in the file, each with a header of its own; they are read one after another.
    pub n_files: usize,
    /// Number of tracks that were read and merged.
    pub n_tracks: usize,
    /// General MIDI programs (0 is a grand piano) that the channels asked for, low to high; all are
    /// played on the piano.
    pub programs: Vec<u8>,
    /// Number of tempo events that count; 0 leaves the whole file at 120 quarter notes a minute.
    pub tempo_changes: usize,
    /// How often the sustain pedal went down.
    pub sustain_presses: usize,
    /// How often the sostenuto pedal went down.
    pub sostenuto_presses: usize,
    /// How often the soft pedal went down. It is left out: notes are as loud as they say.
    pub soft_presses: usize,
    /// Number of notes that a pedal prolonged. Above 0 the pedals were applied: notes last until they go up.
    pub pedaled_notes: usize,
    /// Number of strikes that doubled another, at once or some milliseconds later; they are one note.
    pub doubled_strikes: usize,
    /// Number of strikes of a key that was down, less than 30 ms after another and in the same channel and track; they
    /// are notes of their own.
    pub quick_strikes: usize,
    /// Number of notes of drum kits; they are left out.
    pub drum_notes: usize,
    /// What was wrong with the file and is missing therefore; empty for a sound file.
    pub dropped: Vec<Dropped>,
}

/// How a file's tracks belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Format 0: one track.
    SingleTrack,
    /// Format 1: tracks that play together.
    Parallel,
    /// Format 2: tracks that are pieces of their own. They are read one after another.
    Sequential,
}

/// Something in a MIDI file that could not be used. Tracks count from 1, positions are bytes from the
/// start of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dropped {
    /// A format that is not 0, 1 or 2; read like format 1.
    UnknownFormat {
        /// The format in the header.
        number: u16,
    },
    /// Bytes between the chunks, or before the header.
    SkippedBytes {
        /// Position of the first.
        at: usize,
        /// How many.
        bytes: usize,
    },
    /// The file ends within a track. What comes before was read.
    CutOff {
        /// The track.
        track: usize,
        /// Length of the file.
        at: usize,
    },
    /// Bytes in a track that are no MIDI events, passed over. What comes before and after was read.
    Unreadable {
        /// The track.
        track: usize,
        /// Position of the first byte that is no event.
        at: usize,
        /// How many such bytes the track has.
        bytes: usize,
    },
    /// Values above 127, which MIDI does not have, clipped to 127 or passed over with their event.
    HighValues {
        /// The track.
        track: usize,
        /// Number of events that have them.
        events: usize,
    },
    /// A track begins with events that do not say what they are; read as notes.
    NoStatus {
        /// The track.
        track: usize,
    },
    /// System exclusive messages without their length.
    BareSysEx {
        /// The track.
        track: usize,
        /// How many.
        events: usize,
    },
    /// A track's bytes go on after its end mark.
    BytesAfterEnd {
        /// The track.
        track: usize,
        /// How many.
        bytes: usize,
    },
    /// A track has no end mark; maybe there was more.
    NoEndMark {
        /// The track.
        track: usize,
    },
    /// Events that do not belong into files (system messages), passed over.
    IllegalEvents {
        /// The track.
        track: usize,
        /// How many.
        events: usize,
    },
    /// More tracks than a header can announce.
    TooManyTracks,
    /// Tempo events that ask for 0 µs a quarter note, ignored.
    ZeroTempos {
        /// How many.
        events: usize,
    },
    /// NOTE_OFFs for keys that were not down, ignored.
    UnmatchedNoteOffs {
        /// How many.
        events: usize,
    },
    /// Keys still down at the end; their notes end with the piece.
    StuckNotes {
        /// How many.
        notes: usize,
    },
    /// Notes that start after [`MAX_HOURS`](super::MAX_HOURS), left out.
    LateNotes {
        /// How many.
        notes: usize,
    },
    /// Notes that sounded past [`MAX_HOURS`](super::MAX_HOURS), ended there.
    EndlessNotes {
        /// How many.
        notes: usize,
    },
    /// A recipe that cannot be read. The notes are as they are.
    DamagedRecipe,
    /// A recipe that a later version of this program wrote. The notes are as they are.
    NewerRecipe {
        /// The version that it says it is.
        found: u8,
    },
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n_presses = self.sustain_presses + self.sostenuto_presses;
        let order = if self.format == Format::Sequential { "one after another" } else { "merged" };
        let facts = [
            (self.pedaled_notes > 0, "pedal applied".to_owned()),
            (n_presses > 0 && self.pedaled_notes == 0, "pedal without effect".to_owned()),
            (self.soft_presses > 0, format!("soft pedal left out ({})", count(self.soft_presses, "time"))),
            (self.n_files > 1, format!("{} files in one, one after another", self.n_files)),
            (self.n_tracks > 1, format!("{} tracks {order}", self.n_tracks)),
            (self.programs.len() > 1, format!("{} instruments played on the piano", self.programs.len())),
            (self.doubled_strikes > 0, format!("{} merged", count(self.doubled_strikes, "doubled strike"))),
            (
                self.quick_strikes > 0,
                format!("{} within 30 ms of another", count(self.quick_strikes, "strike")),
            ),
            (self.drum_notes > 0, format!("drums left out ({})", count(self.drum_notes, "note"))),
        ];
        let facts: Vec<_> = facts.into_iter().filter(|&(is_so, _)| is_so).map(|(_, fact)| fact).collect();
        f.write_str(&facts.join(", "))
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SingleTrack => "format 0",
            Self::Parallel => "format 1",
            Self::Sequential => "format 2",
        })
    }
}

impl fmt::Display for Dropped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::UnknownFormat { number } => write!(f, "it says it is of format {number}; read as format 1"),
            Self::SkippedBytes { at, bytes } => {
                write!(f, "skipped {} at byte {at} that are not MIDI", count(bytes, "byte"))
            }
            Self::CutOff { track, at } => {
                write!(f, "it stops after {at} bytes, in the middle of track {track}")
            }
            Self::Unreadable { track, at, bytes } => {
                write!(f, "track {track} is damaged at byte {at}; skipped {}", count(bytes, "byte"))
            }
            Self::HighValues { track, events } => {
                write!(
                    f,
                    "clipped or skipped {} with values above 127 in track {track}",
                    count(events, "event")
                )
            }
            Self::NoStatus { track } => write!(f, "track {track} begins without a status; read as notes"),
            Self::BareSysEx { track, events } => {
                write!(f, "passed over {} without a length in track {track}", count(events, "SysEx message"))
            }
            Self::BytesAfterEnd { track, bytes } => {
                write!(f, "left out {} after the end of track {track}", count(bytes, "byte"))
            }
            Self::NoEndMark { track } => write!(f, "track {track} has no end mark"),
            Self::IllegalEvents { track, events } => {
                write!(f, "skipped {} in track {track}", count(events, "illegal event"))
            }
            Self::TooManyTracks => f.write_str("left out all tracks after the 65535th"),
            Self::ZeroTempos { events } => write!(f, "ignored {} of zero length", count(events, "tempo")),
            Self::UnmatchedNoteOffs { events } => {
                write!(f, "ignored {} without a note", count(events, "note-off"))
            }
            Self::StuckNotes { notes } => {
                write!(f, "ended {} without a note-off where the piece ends", count(notes, "note"))
            }
            Self::LateNotes { notes } => {
                write!(f, "left out {} after {} hours", count(notes, "note"), super::MAX_HOURS)
            }
            Self::DamagedRecipe => f.write_str("its recipe is damaged and was not used"),
            Self::NewerRecipe { found } => {
                write!(f, "its recipe is of version {found}, which is too new, and was not used")
            }
            Self::EndlessNotes { notes } => {
                write!(f, "cut {} at {} hours", count(notes, "note"), super::MAX_HOURS)
            }
        }
    }
}

fn count(n: usize, what: &str) -> String {
    format!("{n} {what}{}", if n == 1 { "" } else { "s" })
}
