//! What stands in a score.

use std::ops::Range;

use crate::{Pitch, Velocity};

/// A sign at a note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Mark {
    /// Short.
    Staccato = 1,
    /// Very short.
    Staccatissimo = 1 << 1,
    /// Held for its full length.
    Tenuto = 1 << 2,
    /// Louder (>).
    Accent = 1 << 3,
    /// Much louder (^, sf, sfz, fz, rfz).
    StrongAccent = 1 << 4,
    /// Held longer than written.
    Fermata = 1 << 5,
    /// A slur leads from this note to the next.
    Slurred = 1 << 6,
    /// A grace note.
    Grace = 1 << 7,
    /// Part of a rolled chord.
    Arpeggio = 1 << 8,
    /// Part of an ornament that was written as a sign.
    Ornament = 1 << 9,
}

/// The signs at one note.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u16);

impl Marks {
    /// These and one more.
    #[must_use]
    pub fn with(self, mark: Mark) -> Self {
        Self(self.0 | mark as u16)
    }

    /// These without one.
    #[must_use]
    pub fn without(self, mark: Mark) -> Self {
        Self(self.0 & !(mark as u16))
    }

    /// Those of both.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// As they are written down.
    pub(super) fn bits(self) -> u16 {
        self.0
    }

    /// Those of [`Marks::bits`]; bits that stand for nothing are left out.
    pub(super) fn from_bits(bits: u16) -> Self {
        Self(bits & ((Mark::Ornament as u16) * 2 - 1))
    }

    /// Whether `mark` is there.
    #[must_use]
    pub fn contains(self, mark: Mark) -> bool {
        self.0 & mark as u16 != 0
    }
}

/// A written note.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ScoreNote {
    /// The key.
    pub pitch: Pitch,
    /// Where it begins, in quarters from the score's beginning, repeats played out.
    pub onset_quarters: f64,
    /// How long it is written; above 0.
    pub duration_quarters: f64,
    /// How loud the written dynamics make it: the file's velocity (MIDI) or that of the last mark (MusicXML).
    pub velocity: Velocity,
    /// The voice of its part, where the file says it.
    pub voice: Option<u8>,
    /// Signs at the note; none in MIDI.
    pub marks: Marks,
    /// Which of [`Score::chords`](super::Score::chords) it belongs to.
    pub chord: usize,
}

/// Notes that are written at one place.
#[derive(Clone, Debug, PartialEq)]
pub struct Chord {
    /// Where.
    pub onset_quarters: f64,
    /// Its notes, low to high, in [`Score::notes`](super::Score::notes).
    pub notes: Range<usize>,
}

/// A bar, as it is played: a repeated one stands twice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Where it begins.
    pub onset_quarters: f64,
    /// Upper number of the time signature.
    pub beats: u8,
    /// Lower number: 4 is a quarter.
    pub beat_unit: u8,
    /// How much of it is missing before its first note: an upbeat is the end of a bar.
    pub skipped_quarters: f64,
}

impl Bar {
    /// Length of a full bar.
    #[must_use]
    pub fn length_quarters(&self) -> f64 {
        f64::from(self.beats.max(1)) * 4.0 / f64::from(self.beat_unit.max(1))
    }

    /// Length of a felt beat: in 6/8, 9/8, 12/8 and the like, three units.
    #[must_use]
    pub fn beat_quarters(&self) -> f64 {
        let unit = 4.0 / f64::from(self.beat_unit.max(1));
        if self.beats > 3 && self.beats.is_multiple_of(3) && self.beat_unit >= 8 { 3.0 * unit } else { unit }
    }
}

/// From where to where something is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its beginning.
    pub start_quarters: f64,
    /// Its end.
    pub end_quarters: f64,
}

/// The sustain pedal as it is written: down for the span.
pub type Pedal = Span;
