//! The one line on which timing is made: at each place the shortest note, of several the highest.

use crate::score::builder::Score;

/// A gap between chords longer than this part of a quarter is a rest.
const REST_QUARTERS: f64 = 0.2;

/// What the rules look at, by chord.
#[derive(Debug)]
pub(super) struct Line {
    /// Written milliseconds to the next chord; of the last, of its shortest note.
    pub(super) ms: Vec<f64>,
    /// Of the note that makes the line.
    pub(super) pitch: Vec<f64>,
    /// Highest pitch.
    pub(super) top: Vec<f64>,
    /// Whether nothing sounds before the next chord.
    pub(super) is_before_rest: Vec<bool>,
    /// By note: whether the next chord strikes it again.
    pub(super) is_repeated: Vec<bool>,
    quarters: Vec<f64>,
}

impl Line {
    pub(super) fn new(score: &Score) -> Self {
        let chords = score.chords();
        let mut line = Self {
            ms: Vec::with_capacity(chords.len()),
            pitch: Vec::with_capacity(chords.len()),
            top: Vec::with_capacity(chords.len()),
            is_before_rest: Vec::with_capacity(chords.len()),
            is_repeated: vec![false; score.notes().len()],
            quarters: Vec::with_capacity(chords.len()),
        };
        let mut sounding_until: f64 = 0.0;
        for (idx, chord) in chords.iter().enumerate() {
            let notes = &score.notes()[chord.notes.clone()];
            let shortest = notes.iter().map(|note| note.duration_quarters).fold(f64::INFINITY, f64::min);
            let end =
                notes.iter().map(|note| note.onset_quarters + note.duration_quarters).fold(0.0, f64::max);
            sounding_until = sounding_until.max(end);
            let next = chords.get(idx + 1);
            let quarters = next.map_or(shortest, |next| next.onset_quarters - chord.onset_quarters);
            let secs = score.tempo().secs(chord.onset_quarters + quarters)
                - score.tempo().secs(chord.onset_quarters);
            let melodic =
                notes.iter().rev().min_by(|a, b| a.duration_quarters.total_cmp(&b.duration_quarters));
            line.ms.push((secs * 1e3).max(1.0));
            line.quarters.push(quarters);
            line.pitch.push(melodic.map_or(60.0, |note| f64::from(note.pitch.get())));
            line.top.push(notes.last().map_or(60.0, |note| f64::from(note.pitch.get())));
            line.is_before_rest
                .push(next.is_none_or(|next| next.onset_quarters - sounding_until > REST_QUARTERS));
            if let Some(next) = next {
                let next_notes = &score.notes()[next.notes.clone()];
                for (note, idx) in notes.iter().zip(chord.notes.clone()) {
                    line.is_repeated[idx] = next_notes.iter().any(|next| next.pitch == note.pitch);
                }
            }
        }
        line
    }

    /// Written milliseconds per quarter.
    pub(super) fn period_ms(&self, chord: usize) -> f64 {
        self.ms[chord] / self.quarters[chord]
    }
}
