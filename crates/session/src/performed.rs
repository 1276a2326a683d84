//! Performances of scores: a score, how it is performed, and where its chords lie in time.

use std::rc::Rc;

use performance::score::{Expression, Renderers, Rendering, Rendition, Score, ScoreError, export_with, hash};
use performance::{STEP_MICROS, Token, TokenSum, encode};

/// A change waits no longer than this for a place between chords, in microseconds. Larger is heard later; smaller may
/// strike a note of a rolled chord twice.
const MAX_WAIT_US: u64 = 150_000;

/// A score that was read, and what renderers make of it.
#[derive(Debug)]
pub struct Piece {
    /// The file's name.
    pub name: String,
    /// What is written.
    pub score: Score,
    /// Of the packed score.
    pub hash: u64,
    /// The score as bytes.
    pub packed: Vec<u8>,
    renderers: Renderers,
}

impl PartialEq for Piece {
    fn eq(&self, other: &Self) -> bool {
        self.hash == other.hash
    }
}

impl Piece {
    /// A score that was read from a file.
    ///
    /// # Errors
    /// As [`Score::from_packed`].
    pub fn new(name: String, score: &Score) -> Result<Self, ScoreError> {
        // What is packed, so that the same is played when it is opened again.
        Self::of_packed(name, score.to_packed())
    }

    /// A score that was kept.
    ///
    /// # Errors
    /// As [`Score::from_packed`].
    pub fn of_packed(name: String, packed: Vec<u8>) -> Result<Self, ScoreError> {
        let score = Score::from_packed(&packed)?;
        Ok(Self { name, score, hash: hash(&packed), packed, renderers: Renderers::default() })
    }

    /// Its name without the ending.
    #[must_use]
    pub fn stem(&self) -> &str {
        self.name.rsplit_once('.').map_or(self.name.as_str(), |(stem, _)| stem)
    }
}

/// A score and how it is performed.
#[derive(Clone, Debug, PartialEq)]
pub struct Performed {
    /// The score.
    pub piece: Rc<Piece>,
    /// How.
    pub rendering: Rendering,
    /// What follows from both.
    pub expression: Expression,
    /// What the renderers play, before it is scaled.
    played: Rc<Expression>,
    onsets: Rc<Onsets>,
}

/// When chords begin, in microseconds of music.
#[derive(Debug, Default, PartialEq)]
struct Onsets {
    /// Their times.
    chords_us: Vec<f64>,
    /// When the last note of each and those before it is struck.
    last_us: Vec<u64>,
    /// When the first note of each and those after it is struck.
    first_us: Vec<u64>,
    /// Of the last chord's first quarter.
    period_us: f64,
}

impl Performed {
    /// A performance of a score.
    #[must_use]
    pub fn new(piece: Rc<Piece>, rendering: Rendering) -> Self {
        let played = Rc::new(piece.renderers.played(&piece.score, &rendering));
        Self::of(piece, rendering, played)
    }

    /// The same score, performed otherwise.
    #[must_use]
    pub fn with(&self, rendering: Rendering) -> Self {
        let piece = Rc::clone(&self.piece);
        if rendering.plays_as(&self.rendering) {
            Self::of(piece, rendering, Rc::clone(&self.played))
        } else {
            Self::new(piece, rendering)
        }
    }

    fn of(piece: Rc<Piece>, rendering: Rendering, played: Rc<Expression>) -> Self {
        let expression = piece.renderers.expression(&piece.score, &rendering, &played);
        let onsets = Rc::new(Onsets::of(&piece.score, &expression));
        Self { piece, rendering, expression, played, onsets }
    }

    /// The events of it.
    #[must_use]
    pub fn tokens(&self) -> Vec<Token> {
        encode(&self.expression.apply(&self.piece.score))
    }

    /// All that it follows from, with the score or without it, and what its tokens are recognized by.
    #[must_use]
    pub fn rendition(&self, score: WithScore, sum: TokenSum) -> Rendition {
        Rendition {
            name: self.piece.name.clone(),
            score_hash: self.piece.hash,
            n_notes: self.piece.score.notes().len() as u32,
            score: (score == WithScore::Yes).then(|| self.piece.packed.clone()),
            rendering: self.rendering.clone(),
            sum,
        }
    }

    /// "interpretation 2, 150 % expression".
    #[must_use]
    pub fn rendering_in_words(&self) -> String {
        let Rendering { interpretation, expression, tempo, is_flat, gestures, .. } = &self.rendering;
        if *is_flat {
            return "flat".into();
        }
        let mut words = format!("interpretation {interpretation}, {expression} % expression");
        if *tempo != 100 {
            words.push_str(&format!(", {tempo} % tempo"));
        }
        if !gestures.is_empty() {
            words.push_str(", conducted");
        }
        words
    }

    /// A MIDI file with the score's bars, whose tempo is the performance's.
    #[must_use]
    pub fn to_midi(&self) -> Vec<u8> {
        let sum = TokenSum::of(&self.tokens());
        export_with(&self.piece.score, &self.expression, Some(&self.rendition(WithScore::Yes, sum)))
    }

    /// The written place at a time, in quarters.
    #[must_use]
    pub fn quarters_at(&self, at_us: u64) -> f64 {
        let (chord, share) = self.onsets.place(at_us as f64);
        let chords = self.piece.score.chords();
        let onset = chords[chord].onset_quarters;
        onset + share * chords.get(chord + 1).map_or(1.0, |next| next.onset_quarters - onset)
    }

    /// The time of a written place, in microseconds.
    #[must_use]
    pub fn us_at(&self, quarters: f64) -> u64 {
        let chords = self.piece.score.chords();
        let chord = chords.partition_point(|chord| chord.onset_quarters <= quarters).saturating_sub(1);
        let onset = chords[chord].onset_quarters;
        let length = chords.get(chord + 1).map_or(1.0, |next| next.onset_quarters - onset);
        self.onsets.us((chord, ((quarters - onset) / length).max(0.0)))
    }

    /// The time in another performance of the score at the place that this one is at.
    #[must_use]
    pub fn us_in(&self, other: &Self, at_us: u64) -> u64 {
        other.onsets.us(self.onsets.place(at_us as f64))
    }

    /// Where to go over to another performance of the score, at a time or soon after it, and where to in that one: where
    /// neither strikes a chord, so that no note is left out or struck twice.
    #[must_use]
    pub fn turn(&self, to: &Self, from_us: u64) -> (u64, u64) {
        let (first, share) = self.onsets.place(from_us as f64);
        for chord in first..self.onsets.chords_us.len() {
            let after_us = self.onsets.last_us[chord] + 1;
            let before_us = self.onsets.first_us.get(chord + 1).copied().unwrap_or(u64::MAX);
            let at_us = after_us.max(from_us);
            if at_us > from_us + MAX_WAIT_US {
                break;
            }
            if at_us > before_us {
                continue;
            }
            let share = if chord == first { share } else { 0.0 };
            let least_us = to.onsets.last_us[chord] + 1;
            let most_us = to.onsets.first_us.get(chord + 1).copied().unwrap_or(u64::MAX);
            if least_us <= most_us {
                return (at_us, to.onsets.us((chord, share)).clamp(least_us, most_us));
            }
        }
        (from_us, self.us_in(to, from_us))
    }

    /// Tempo and loudness over time, in so many columns.
    #[must_use]
    pub fn curves(&self, n_columns: usize) -> Curves {
        let chords_us = &self.onsets.chords_us;
        let end_us = self.us_at(self.piece.score.end_quarters()).max(1);
        let velocities = &self.expression.velocity;
        let mut curves = Curves { end_us, columns: Vec::new() };
        for idx in 0..n_columns {
            let edge = |idx: usize| end_us as f64 * idx as f64 / n_columns as f64;
            let (from_us, to_us) = (edge(idx), edge(idx + 1));
            let quarters = self.quarters_at(to_us as u64) - self.quarters_at(from_us as u64);
            let range =
                chords_us.partition_point(|at| *at < from_us)..chords_us.partition_point(|at| *at < to_us);
            let notes = self.piece.score.chords()[range].iter().flat_map(|chord| chord.notes.clone());
            let (sum, n) =
                notes.fold((0.0, 0), |(sum, n), note| (sum + velocities[note].clamp(1.0, 127.0), n + 1));
            let before = curves.columns.last().map(|column: &CurveColumn| column.velocity);
            curves.columns.push(CurveColumn {
                at_us: ((from_us + to_us) / 2.0) as u64,
                quarters_per_minute: 60e6 * quarters / (to_us - from_us).max(1.0),
                velocity: if n > 0 { sum / f64::from(n) } else { before.unwrap_or(64.0) },
            });
        }
        curves
    }
}

/// Tempo and loudness over time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// Where the score ends, in microseconds.
    pub end_us: u64,
    /// By time, evenly.
    pub columns: Vec<CurveColumn>,
}

/// A piece of [`Curves`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurveColumn {
    /// Its middle, in microseconds.
    pub at_us: u64,
    /// Tempo.
    pub quarters_per_minute: f64,
    /// Mean MIDI velocity of the notes that are struck.
    pub velocity: f64,
}

/// Whether a rendition has the notes of its score.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WithScore {
    /// Yes.
    Yes,
    /// Only what it is recognized by.
    No,
}

impl Onsets {
    fn of(score: &Score, expression: &Expression) -> Self {
        let rendered = expression.render(score);
        let first_secs = rendered.iter().map(|note| note.onset_secs).fold(f64::INFINITY, f64::min);
        let us = |secs: f64| ((secs - first_secs).max(0.0) * 1e6).round();
        // As events have it: on the grid.
        let step = STEP_MICROS as f64;
        let struck = |note: usize| ((us(rendered[note].onset_secs) / step + 0.5).floor() * step) as u64;
        let chords = score.chords();
        let mut last_us: Vec<u64> =
            chords.iter().map(|chord| chord.notes.clone().map(struck).max().unwrap_or(0)).collect();
        let mut first_us: Vec<u64> =
            chords.iter().map(|chord| chord.notes.clone().map(struck).min().unwrap_or(0)).collect();
        for idx in 1..last_us.len() {
            last_us[idx] = last_us[idx].max(last_us[idx - 1]);
        }
        for idx in (1..first_us.len()).rev() {
            first_us[idx - 1] = first_us[idx - 1].min(first_us[idx]);
        }
        let chords_us = expression.chord_secs(score).into_iter().map(us).collect();
        let period_us = expression.log_period.last().map_or(5e5, |log_period| log_period.exp2() * 1e6);
        Self { chords_us, last_us, first_us, period_us }
    }

    /// The chord before a time, and how far it is to the next.
    fn place(&self, at_us: f64) -> (usize, f64) {
        let chord = self.chords_us.partition_point(|chord_us| *chord_us <= at_us).saturating_sub(1);
        let from_us = self.chords_us[chord];
        (chord, ((at_us - from_us) / self.length_us(chord)).max(0.0))
    }

    fn us(&self, (chord, share): (usize, f64)) -> u64 {
        (self.chords_us[chord] + share * self.length_us(chord)).round() as u64
    }

    /// Up to the next chord; above 0.
    fn length_us(&self, chord: usize) -> f64 {
        let next_us = self.chords_us.get(chord + 1).copied();
        next_us.map_or(self.period_us, |next_us| next_us - self.chords_us[chord]).max(1e-3)
    }
}
