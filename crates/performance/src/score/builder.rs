//! Scores, put together from notes and marks in any order.

use std::ops::Range;

use super::error::ScoreError;
use super::midi;
use super::musicxml;
use super::note::{Bar, Chord, Marks, Pedal, ScoreNote};
use super::tempo::{TempoMap, TempoMark};
use crate::midi::MAX_BYTES;
use crate::{Pitch, Velocity};

/// Most notes of a score. *Vexations* with all repeats has 130,000; more is a mistake.
pub(super) const MAX_NOTES: usize = 200_000;
/// Longest score, a day at a quarter a second.
pub(super) const MAX_QUARTERS: u32 = 90_000;
/// Notes closer than this are written at one place; it only absorbs rounding.
const SAME_PLACE_QUARTERS: f64 = 1e-4;
/// Loudness of a score without dynamics: mezzo-forte.
pub(super) const MEZZO_FORTE: u8 = 80;
/// What lies on one of these grids within half a tick of 480 counts as quantized.
const GRIDS_PER_QUARTER: [f64; 4] = [24.0, 20.0, 28.0, 32.0];
const GRID_TOLERANCE_QUARTERS: f64 = 0.5 / 480.0;
/// A file with so many onsets on the grid was written and not played. People's are on it by chance, a fifth.
const QUANTIZED_SHARE: f64 = 0.7;

/// A written piece: notes with their places, meter, tempo and dynamics.
#[derive(Clone, Debug, PartialEq)]
pub struct Score {
    notes: Vec<ScoreNote>,
    chords: Vec<Chord>,
    bars: Vec<Bar>,
    tempo: TempoMap,
    has_tempo: bool,
    pedals: Vec<Pedal>,
    left_out: Vec<String>,
    may_be_played: bool,
}

/// A note that goes into a score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NewNote {
    /// The key.
    pub pitch: Pitch,
    /// Where it begins.
    pub onset_quarters: f64,
    /// How long it is.
    pub duration_quarters: f64,
    /// How loud.
    pub velocity: Velocity,
    /// Its voice.
    pub voice: Option<u8>,
    /// Its signs.
    pub marks: Marks,
}

impl NewNote {
    /// A note of middle loudness without signs.
    #[must_use]
    pub fn new(pitch: Pitch, onset_quarters: f64, duration_quarters: f64) -> Self {
        let velocity = Velocity::new(MEZZO_FORTE).unwrap_or(crate::VelocityBin::default().velocity());
        Self { pitch, onset_quarters, duration_quarters, velocity, voice: None, marks: Marks::default() }
    }
}

/// Collects what a score is made of.
#[derive(Clone, Debug, Default)]
pub struct Builder {
    notes: Vec<NewNote>,
    bars: Vec<Bar>,
    tempos: Vec<TempoMark>,
    pedals: Vec<Pedal>,
    left_out: Vec<String>,
    may_be_played: bool,
}

impl Builder {
    /// Says that the notes may have been played instead of written: they are from MIDI.
    pub(super) fn may_be_played(mut self) -> Self {
        self.may_be_played = true;
        self
    }

    /// Adds notes.
    #[must_use]
    pub fn notes(mut self, notes: impl IntoIterator<Item = NewNote>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// Adds bars, in order; without any, the score is counted in 4/4.
    #[must_use]
    pub fn bars(mut self, bars: impl IntoIterator<Item = Bar>) -> Self {
        self.bars.extend(bars);
        self
    }

    /// Adds tempo marks.
    #[must_use]
    pub fn tempos(mut self, tempos: impl IntoIterator<Item = TempoMark>) -> Self {
        self.tempos.extend(tempos);
        self
    }

    /// Adds pedal marks.
    #[must_use]
    pub fn pedals(mut self, pedals: impl IntoIterator<Item = Pedal>) -> Self {
        self.pedals.extend(pedals);
        self
    }

    /// Adds sentences on what the file had and the score has not.
    #[must_use]
    pub fn left_out(mut self, sentences: impl IntoIterator<Item = String>) -> Self {
        self.left_out.extend(sentences);
        self
    }

    /// The score. Notes before the beginning are put there, notes of one pitch at one place are one note, the
    /// longer.
    ///
    /// # Errors
    /// If there are no notes, too many, or some lie too far from the beginning.
    pub fn build(self) -> Result<Score, ScoreError> {
        if self.notes.len() > MAX_NOTES {
            return Err(ScoreError::TooManyNotes);
        }
        let is_sound = |note: &NewNote| {
            note.onset_quarters.is_finite()
                && note.duration_quarters.is_finite()
                && note.duration_quarters > 0.0
        };
        let mut notes: Vec<NewNote> = self.notes.into_iter().filter(is_sound).collect();
        for note in &mut notes {
            note.onset_quarters = note.onset_quarters.max(0.0);
        }
        notes.sort_by(|a, b| a.onset_quarters.total_cmp(&b.onset_quarters));
        let far = |note: &NewNote| note.onset_quarters + note.duration_quarters > f64::from(MAX_QUARTERS);
        if notes.iter().any(far) {
            return Err(ScoreError::TooLong);
        }
        let mut score = Score {
            notes: Vec::with_capacity(notes.len()),
            chords: Vec::new(),
            bars: self.bars,
            tempo: TempoMap::new(&self.tempos),
            has_tempo: !self.tempos.is_empty(),
            pedals: self.pedals,
            left_out: self.left_out,
            may_be_played: self.may_be_played,
        };
        let mut rest = notes.as_mut_slice();
        while let Some(first) = rest.first() {
            let onset_quarters = first.onset_quarters;
            let n = rest.partition_point(|note| note.onset_quarters < onset_quarters + SAME_PLACE_QUARTERS);
            let (chord, others) = rest.split_at_mut(n);
            chord.sort_by_key(|note| note.pitch);
            score.push_chord(onset_quarters, chord);
            rest = others;
        }
        if score.notes.is_empty() { Err(ScoreError::NoNotes) } else { Ok(score) }
    }
}

impl Score {
    /// Nothing yet.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Reads a score: MusicXML, compressed MusicXML (.mxl), or a Standard MIDI File whose ticks are kept.
    ///
    /// # Errors
    /// If it is none of these, damaged, too large, or has no notes.
    ///
    /// ```
    /// use performance::score::Score;
    /// assert_eq!(
    ///     Score::read(b"%PDF-1.4").map_err(|error| error.to_string()),
    ///     Err("expected MIDI or MusicXML, found a PDF; its music program can export MusicXML".into()),
    /// );
    /// ```
    pub fn read(bytes: &[u8]) -> Result<Self, ScoreError> {
        if bytes.len() > MAX_BYTES {
            return Err(ScoreError::TooLarge { bytes: bytes.len() });
        }
        let text = bytes.trim_ascii_start();
        match bytes {
            [] => Err(ScoreError::UnknownFormat("an empty file")),
            [b'M', b'T', b'h', b'd', ..] | [b'R', b'I', b'F', b'F', ..] => midi::read(bytes),
            [b'P', b'K', 3, 4, ..] => musicxml::read_archive(bytes),
            [b'%', b'P', b'D', b'F', ..] => {
                Err(ScoreError::UnknownFormat("a PDF; its music program can export MusicXML"))
            }
            [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0xEF, 0xBB, 0xBF, ..] => musicxml::read(bytes),
            _ if text.starts_with(b"<") => musicxml::read(bytes),
            _ => Err(ScoreError::UnknownFormat("something else")),
        }
    }

    /// The notes by place, then pitch.
    #[must_use]
    pub fn notes(&self) -> &[ScoreNote] {
        &self.notes
    }

    /// The places with notes, in order.
    #[must_use]
    pub fn chords(&self) -> &[Chord] {
        &self.chords
    }

    /// The bars as they are played; none where the file says nothing.
    #[must_use]
    pub fn bars(&self) -> &[Bar] {
        &self.bars
    }

    /// The written tempo.
    #[must_use]
    pub fn tempo(&self) -> &TempoMap {
        &self.tempo
    }

    /// Whether a tempo is written at all.
    #[must_use]
    pub fn has_tempo(&self) -> bool {
        self.has_tempo
    }

    /// Whether more than one loudness is written.
    #[must_use]
    pub fn has_dynamics(&self) -> bool {
        self.notes.iter().any(|note| note.velocity != self.notes[0].velocity)
    }

    /// Where the pedal is written.
    #[must_use]
    pub fn pedals(&self) -> &[Pedal] {
        &self.pedals
    }

    /// What the file had and the score has not, a sentence each.
    #[must_use]
    pub fn left_out(&self) -> &[String] {
        &self.left_out
    }

    /// Where the last note ends.
    #[must_use]
    pub fn end_quarters(&self) -> f64 {
        self.notes.iter().map(|note| note.onset_quarters + note.duration_quarters).fold(0.0, f64::max)
    }

    /// The share of chords that lie on a grid of 20, 24, 28 or 32 per quarter.
    #[must_use]
    pub fn grid_share(&self) -> f64 {
        let is_on_grid = |chord: &&Chord| {
            GRIDS_PER_QUARTER.iter().any(|per_quarter| {
                let steps = chord.onset_quarters * per_quarter;
                (steps - steps.round()).abs() / per_quarter <= GRID_TOLERANCE_QUARTERS
            })
        };
        self.chords.iter().filter(is_on_grid).count() as f64 / self.chords.len() as f64
    }

    /// Whether it was written, not played. Only MIDI can be either.
    #[must_use]
    pub fn is_quantized(&self) -> bool {
        !self.may_be_played || self.grid_share() >= QUANTIZED_SHARE
    }

    /// Whether it is from MIDI, whose notes may have been played.
    pub(super) fn may_be_played(&self) -> bool {
        self.may_be_played
    }

    /// The bar at a place, and how far into the full bar the place is; 4/4 where no bars are known.
    #[must_use]
    pub fn place_in_bar(&self, quarters: f64) -> (Bar, f64) {
        let after = self.bars.partition_point(|bar| bar.onset_quarters <= quarters + SAME_PLACE_QUARTERS);
        let unknown = Bar { onset_quarters: 0.0, beats: 4, beat_unit: 4, skipped_quarters: 0.0 };
        let bar = after.checked_sub(1).map_or(unknown, |idx| self.bars[idx]);
        let place = quarters - bar.onset_quarters + bar.skipped_quarters;
        let within = place.max(0.0) % bar.length_quarters();
        (bar, if bar.length_quarters() - within < SAME_PLACE_QUARTERS { 0.0 } else { within })
    }

    /// `notes` are of one place, by pitch.
    fn push_chord(&mut self, onset_quarters: f64, notes: &[NewNote]) {
        let start = self.notes.len();
        for note in notes {
            let in_chord: Range<usize> = start..self.notes.len();
            if let Some(same) = self.notes[in_chord].last_mut().filter(|last| last.pitch == note.pitch) {
                same.duration_quarters = same.duration_quarters.max(note.duration_quarters);
                same.velocity = same.velocity.max(note.velocity);
                same.marks = same.marks.union(note.marks);
                continue;
            }
            self.notes.push(ScoreNote {
                pitch: note.pitch,
                onset_quarters,
                duration_quarters: note.duration_quarters,
                velocity: note.velocity,
                voice: note.voice,
                marks: note.marks,
                chord: self.chords.len(),
            });
        }
        self.chords.push(Chord { onset_quarters, notes: start..self.notes.len() });
    }
}
