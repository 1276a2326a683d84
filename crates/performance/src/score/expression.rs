//! What a performance adds to a score.

use super::builder::Score;
use super::note::{Mark, ScoreNote};
use super::numbers::mean;
use crate::{Note, Performance, Velocity};

/// Doublings of seconds per quarter, and of length, beyond which a value is a mistake.
const LOG_PERIOD_LIMIT: f64 = 16.0;
const ARTICULATION_LIMIT: f64 = 24.0;
const ASYNCHRONY_LIMIT_SECS: f64 = 600.0;
/// How much of its written length a note with a sign sounds, log2.
const STACCATO: f64 = -1.0;
const STACCATISSIMO: f64 = -1.5;
/// Added to the velocity by signs, as score programs do.
const ACCENT: f64 = 12.0;
const STRONG_ACCENT: f64 = 20.0;
/// Between two notes of a rolled chord.
const ARPEGGIO_SECS: f64 = 0.04;
/// Shortest note that is played.
const SHORTEST_SECS: f64 = 0.004;

/// A score's performance, apart from the score: every renderer yields one, every measure and slider works on one.
///
/// The onset of a note is the sum of the periods before its chord, times their written lengths, plus its asynchrony.
/// Its duration is its written length in the time of the performance, times 2 to the articulation.
///
/// # Shapes
/// `log_period` has a value for each chord, the others for each note of the score.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expression {
    /// log2 of the seconds per quarter from each chord to the next.
    pub log_period: Vec<f64>,
    /// MIDI velocity, not rounded.
    pub velocity: Vec<f64>,
    /// Seconds after the chord's time.
    pub asynchrony: Vec<f64>,
    /// log2 of the sounding length over the written one.
    pub articulation: Vec<f64>,
}

/// A note of the score as it is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RenderedNote {
    /// Seconds after the first chord's time.
    pub onset_secs: f64,
    /// Until it stops, at least 4 ms.
    pub duration_secs: f64,
    /// MIDI velocity, not rounded.
    pub velocity: f64,
}

impl Expression {
    /// The score as it is written: its tempo, its dynamics and signs, nothing else.
    #[must_use]
    pub fn written(score: &Score) -> Self {
        let period = |chord: usize| {
            let onset = score.chords()[chord].onset_quarters;
            let next = score.chords().get(chord + 1).map_or(onset + 1.0, |next| next.onset_quarters);
            (score.tempo().secs(next) - score.tempo().secs(onset)) / (next - onset)
        };
        let velocity = |note: &ScoreNote| {
            let accent = if note.marks.contains(Mark::StrongAccent) {
                STRONG_ACCENT
            } else if note.marks.contains(Mark::Accent) {
                ACCENT
            } else {
                0.0
            };
            f64::from(note.velocity.get()) + accent
        };
        let articulation = |note: &ScoreNote| {
            if note.marks.contains(Mark::Staccatissimo) {
                STACCATISSIMO
            } else if note.marks.contains(Mark::Staccato) {
                STACCATO
            } else {
                0.0
            }
        };
        Self {
            log_period: (0..score.chords().len()).map(|chord| period(chord).log2()).collect(),
            velocity: score.notes().iter().map(velocity).collect(),
            asynchrony: asynchronies(score),
            articulation: score.notes().iter().map(articulation).collect(),
        }
    }

    /// The score without any expression: one tempo, one loudness, full lengths. It lasts as long as it is written.
    #[must_use]
    pub fn flat(score: &Score) -> Self {
        let end = score.end_quarters();
        let log_period = (score.tempo().secs(end) / end).log2();
        let mean = score.notes().iter().map(|note| f64::from(note.velocity.get())).sum::<f64>();
        let n = score.notes().len();
        Self {
            log_period: vec![log_period; score.chords().len()],
            velocity: vec![mean / n as f64; n],
            asynchrony: vec![0.0; n],
            articulation: vec![0.0; n],
        }
    }

    /// From this one (`share` 0) to the other (1) and beyond (2: twice the difference), field by field.
    #[must_use]
    pub fn blend(&self, other: &Self, share: f64) -> Self {
        let blend = |from: &[f64], to: &[f64]| {
            from.iter().zip(to).map(|(from, to)| from + share * (to - from)).collect()
        };
        Self {
            log_period: blend(&self.log_period, &other.log_period),
            velocity: blend(&self.velocity, &other.velocity),
            asynchrony: blend(&self.asynchrony, &other.asynchrony),
            articulation: blend(&self.articulation, &other.articulation),
        }
    }

    /// From the written score to a performance of it: `share` 0 is as written, 1 as played, 2 plays twice the
    /// deviations. The overall tempo and loudness go no further than the performance's.
    ///
    /// ```
    /// # use performance::Pitch;
    /// # use performance::score::{Expression, NewNote, Rules, Score};
    /// let note = |idx: u8| NewNote::new(Pitch::new(60 + idx).unwrap(), f64::from(idx), 1.0);
    /// let score = Score::builder().notes((0..8).map(note)).build()?;
    /// let (written, played) = (Expression::written(&score), Rules::default().render(&score));
    /// assert_eq!(written.scaled(&score, &played, 0.0), written);
    /// let twice = written.scaled(&score, &played, 2.0);
    /// let spread = |of: &Expression| of.velocity[7] - of.velocity[0];
    /// assert!((spread(&twice) - 2.0 * spread(&played)).abs() < 1e-9);
    /// # Ok::<(), performance::score::ScoreError>(())
    /// ```
    #[must_use]
    pub fn scaled(&self, score: &Score, played: &Self, share: f64) -> Self {
        let mut scaled = self.blend(played, share);
        if share > 1.0 {
            let secs = |of: &Self| of.chord_secs(score).last().copied().unwrap_or(0.0);
            let louder = mean(&played.velocity) - mean(&self.velocity);
            scaled.velocity.iter_mut().for_each(|velocity| *velocity -= (share - 1.0) * louder);
            scaled = scaled.lasting(score, secs(played));
        }
        scaled
    }

    /// The same expression at another overall tempo: so that the last chord comes `secs` after the first.
    #[must_use]
    pub fn lasting(mut self, score: &Score, secs: f64) -> Self {
        let now = self.chord_secs(score).last().copied().unwrap_or(0.0);
        if now > 0.0 && secs > 0.0 {
            let shift = (secs / now).log2();
            self.log_period.iter_mut().for_each(|log_period| *log_period += shift);
        }
        self
    }

    /// When each chord is played, in seconds after the first.
    #[must_use]
    pub fn chord_secs(&self, score: &Score) -> Vec<f64> {
        let mut secs = 0.0;
        let chords = score.chords();
        let mut all = Vec::with_capacity(chords.len());
        for (idx, chord) in chords.iter().enumerate() {
            all.push(secs);
            if let Some(next) = chords.get(idx + 1) {
                secs += (next.onset_quarters - chord.onset_quarters) * self.period_secs(idx);
            }
        }
        all
    }

    /// Each note of the score, once, in its order.
    #[must_use]
    pub fn render(&self, score: &Score) -> Vec<RenderedNote> {
        let clock = Clock::new(score, self);
        let value = |values: &[f64], idx: usize, limit: f64| {
            values.get(idx).copied().filter(|value| value.is_finite()).unwrap_or(0.0).clamp(-limit, limit)
        };
        let render = |(idx, note): (usize, &ScoreNote)| {
            let chord_secs = clock.chord_secs[note.chord];
            let written_secs = clock.secs(note.onset_quarters + note.duration_quarters) - chord_secs;
            let articulation = value(&self.articulation, idx, ARTICULATION_LIMIT);
            RenderedNote {
                onset_secs: chord_secs + value(&self.asynchrony, idx, ASYNCHRONY_LIMIT_SECS),
                duration_secs: (written_secs * articulation.exp2()).max(SHORTEST_SECS),
                velocity: value(&self.velocity, idx, 127.0),
            }
        };
        score.notes().iter().enumerate().map(render).collect()
    }

    /// The performance, from its first onset.
    #[must_use]
    pub fn apply(&self, score: &Score) -> Performance {
        let rendered = self.render(score);
        let first_secs = rendered.iter().map(|note| note.onset_secs).fold(f64::INFINITY, f64::min);
        // Seconds of a day fit.
        let us = |secs: f64| (secs.max(0.0) * 1e6).round() as u64;
        let note = |(written, note): (&ScoreNote, &RenderedNote)| {
            let onset_secs = note.onset_secs - first_secs;
            Some(Note {
                pitch: written.pitch,
                velocity: Velocity::new(note.velocity.round().clamp(1.0, 127.0) as u8).ok()?,
                start_us: us(onset_secs),
                end_us: us(onset_secs + note.duration_secs),
            })
        };
        Performance::new(score.notes().iter().zip(&rendered).filter_map(note).collect())
    }

    fn period_secs(&self, chord: usize) -> f64 {
        let log_period =
            self.log_period.get(chord).copied().filter(|value| value.is_finite()).unwrap_or(-1.0);
        log_period.clamp(-LOG_PERIOD_LIMIT, LOG_PERIOD_LIMIT).exp2()
    }
}

/// Written places → seconds of a performance.
#[derive(Debug)]
pub(super) struct Clock {
    onset_quarters: Vec<f64>,
    /// Of each chord.
    pub(super) chord_secs: Vec<f64>,
    last_period_secs: f64,
}

impl Clock {
    pub(super) fn new(score: &Score, expression: &Expression) -> Self {
        Self::from_secs(
            score,
            expression.chord_secs(score),
            expression.period_secs(score.chords().len().saturating_sub(1)),
        )
    }

    /// # Shapes
    /// `chord_secs` has a value for each chord.
    pub(super) fn from_secs(score: &Score, chord_secs: Vec<f64>, last_period_secs: f64) -> Self {
        let onset_quarters = score.chords().iter().map(|chord| chord.onset_quarters).collect();
        Self { onset_quarters, chord_secs, last_period_secs }
    }

    /// Linear between chords, and after the last with its period.
    pub(super) fn secs(&self, quarters: f64) -> f64 {
        let after = self.onset_quarters.partition_point(|onset| *onset <= quarters);
        let idx = after.saturating_sub(1);
        let (onset, secs) = (self.onset_quarters[idx], self.chord_secs[idx]);
        let period = match self.onset_quarters.get(idx + 1) {
            Some(next) => (self.chord_secs[idx + 1] - secs) / (next - onset),
            None => self.last_period_secs,
        };
        secs + (quarters - onset) * period
    }
}

/// Rolled chords begin early and end on their place, from the lowest note to the highest.
fn asynchronies(score: &Score) -> Vec<f64> {
    let mut secs = vec![0.0; score.notes().len()];
    for chord in score.chords() {
        let rolled = chord.notes.clone().filter(|&idx| score.notes()[idx].marks.contains(Mark::Arpeggio));
        let rolled: Vec<usize> = rolled.collect();
        for (rank, &idx) in rolled.iter().enumerate() {
            secs[idx] = (rank as f64 - (rolled.len() - 1) as f64) * ARPEGGIO_SECS;
        }
    }
    secs
}
