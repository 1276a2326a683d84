//! How much two performances of a score agree.

use std::ops::Range;

use super::builder::Score;
use super::expression::Expression;
use super::measure::Measured;
use super::numbers::{correlation, deviation, mean};

/// Chords closer than this are one: grace notes and rolled chords have no tempo of their own.
const JOINED_QUARTERS: f64 = 0.125;
/// The end is left out of tempo: everybody slows down there, which would flatter.
const END_QUARTERS: f64 = 4.0;
/// Performances whose velocities agree more are two takes of one recording.
const SAME_TAKE: f64 = 0.985;
/// Tempo of chords closer in time than this is not told apart.
const CLOSEST_SECS: f64 = 1e-3;
/// Articulation beyond so many doublings is the pedal's or a mistake's.
const ARTICULATION_LIMIT: f64 = 6.0;
/// MIDI velocities in one bin of the vocabulary.
const VELOCITIES_PER_BIN: f64 = 4.0;

/// What can be compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// MIDI velocity of each note.
    Velocity,
    /// log2 of seconds per quarter between chords.
    OnsetTempo,
    /// The same between annotated beats.
    BeatTempo,
    /// log2 of sounding over written length of each note.
    Articulation,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Velocity, Self::OnsetTempo, Self::BeatTempo, Self::Articulation];

    /// What it is called in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Velocity => "velocity",
            Self::OnsetTempo => "onset tempo",
            Self::BeatTempo => "beat tempo",
            Self::Articulation => "articulation",
        }
    }
}

/// One way of playing the score, as numbers to compare.
#[derive(Clone, Debug, PartialEq)]
pub struct Interpretation {
    /// By [`Part`]; `None` where a note is not played.
    parts: [Vec<Option<f64>>; 4],
}

/// How one interpretation agrees with another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Pearson's r by [`Part`]; 0 where one is constant.
    pub correlation: [f64; 4],
    /// Standard deviation over the other's, by [`Part`].
    pub spread: [f64; 4],
    /// Nats per note of the other's velocity bins under a normal distribution around this one's, scaled to fit.
    pub velocity_nats: f64,
}

/// A score's people, and what of the score all of them play.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// Chords of the score that count as one, of which everybody plays something.
    onsets: Vec<Range<usize>>,
    beat_quarters: Vec<f64>,
    end_quarters: f64,
    people: Vec<Interpretation>,
}

impl Evaluation {
    /// `beat_quarters` are the score's annotated beats. Second takes of one recording are left out.
    ///
    /// ```
    /// # use performance::score::{Evaluation, Expression, NewNote, Score};
    /// # use performance::Pitch;
    /// # let note = |idx: u8| NewNote::new(Pitch::new(60 + idx).unwrap(), f64::from(idx), 1.0);
    /// let score = Score::builder().notes((0..8).map(note)).build()?;
    /// let evaluation = Evaluation::new(&score, &[], &[0.0, 1.0, 2.0, 3.0]);
    /// let mut played = Expression::flat(&score);
    /// played.velocity = vec![60.0, 62.0, 64.0, 70.0, 64.0, 62.0, 60.0, 58.0];
    /// let played = evaluation.interpretation(&score, &played);
    /// assert!((played.agreement(&played).correlation[0] - 1.0).abs() < 1e-9);
    /// # Ok::<(), performance::score::ScoreError>(())
    /// ```
    #[must_use]
    pub fn new(score: &Score, people: &[Measured], beat_quarters: &[f64]) -> Self {
        let chords = score.chords();
        let mut joined: Vec<Range<usize>> = Vec::new();
        for (idx, chord) in chords.iter().enumerate() {
            match joined.last_mut() {
                Some(last) if chord.onset_quarters - chords[last.start].onset_quarters < JOINED_QUARTERS => {
                    last.end = idx + 1;
                }
                _ => joined.push(idx..idx + 1),
            }
        }
        let notes = |onset: &Range<usize>| chords[onset.start].notes.start..chords[onset.end - 1].notes.end;
        joined.retain(|onset| people.iter().all(|person| person.is_matched[notes(onset)].contains(&true)));
        let mut evaluation = Self {
            onsets: joined,
            beat_quarters: beat_quarters.to_vec(),
            end_quarters: score.end_quarters() - END_QUARTERS,
            people: Vec::new(),
        };
        for person in people {
            let person = evaluation.read(score, &person.expression, Some(&person.is_matched));
            let is_same = |other: &Interpretation| person.agreement(other).correlation[0] > SAME_TAKE;
            if !evaluation.people.iter().any(is_same) {
                evaluation.people.push(person);
            }
        }
        evaluation
    }

    /// The people who differ.
    #[must_use]
    pub fn people(&self) -> &[Interpretation] {
        &self.people
    }

    /// A renderer's expression, on what all people play.
    #[must_use]
    pub fn interpretation(&self, score: &Score, expression: &Expression) -> Interpretation {
        self.read(score, expression, None)
    }

    /// The mean agreement with each of the people.
    #[must_use]
    pub fn with_people(&self, interpretation: &Interpretation) -> Agreement {
        Agreement::mean(
            &self.people.iter().map(|person| interpretation.agreement(person)).collect::<Vec<_>>(),
        )
    }

    /// The mean agreement between two of the people, each with each; `None` for fewer than two.
    #[must_use]
    pub fn among_people(&self) -> Option<Agreement> {
        let mut all = Vec::new();
        for (idx, one) in self.people.iter().enumerate() {
            let others = self.people.iter().enumerate().filter(|(other, _)| *other != idx);
            all.extend(others.map(|(_, other)| one.agreement(other)));
        }
        (!all.is_empty()).then(|| Agreement::mean(&all))
    }

    fn read(&self, score: &Score, expression: &Expression, is_matched: Option<&[bool]>) -> Interpretation {
        let is_played = |idx: usize| is_matched.is_none_or(|matched| matched[idx]);
        let of_notes = |values: &[f64], limit: f64| -> Vec<Option<f64>> {
            let value = |(idx, value): (usize, &f64)| is_played(idx).then(|| value.clamp(-limit, limit));
            values.iter().enumerate().map(value).collect()
        };
        let rendered = expression.render(score);
        let times: Vec<(f64, f64)> = self
            .onsets
            .iter()
            .map(|onset| {
                let chords = &score.chords()[onset.clone()];
                let notes = chords[0].notes.start..chords[chords.len() - 1].notes.end;
                // Its place is the mean of its notes, so that whoever plays as written has no tempo of his own.
                let places: Vec<f64> =
                    score.notes()[notes.clone()].iter().map(|note| note.onset_quarters).collect();
                let secs: Vec<f64> =
                    notes.filter(|&idx| is_played(idx)).map(|idx| rendered[idx].onset_secs).collect();
                (mean(&places), mean(&secs))
            })
            .collect();
        let beats: Vec<(f64, f64)> = self
            .beat_quarters
            .iter()
            .filter_map(|&quarters| Some((quarters, at(&times, quarters)?)))
            .collect();
        Interpretation {
            parts: [
                of_notes(&expression.velocity, 127.0),
                self.tempo(&times),
                self.tempo(&beats),
                of_notes(&expression.articulation, ARTICULATION_LIMIT),
            ],
        }
    }

    fn tempo(&self, times: &[(f64, f64)]) -> Vec<Option<f64>> {
        let log_period = |pair: &[(f64, f64)]| {
            let (quarters, secs) = (pair[1].0 - pair[0].0, pair[1].1 - pair[0].1);
            let is_counted = pair[1].0 <= self.end_quarters && quarters > 0.0;
            is_counted.then(|| (secs.max(CLOSEST_SECS) / quarters).log2())
        };
        times.windows(2).map(log_period).collect()
    }
}

impl Interpretation {
    /// How this agrees with another interpretation of the same [`Evaluation`].
    #[must_use]
    pub fn agreement(&self, other: &Self) -> Agreement {
        let (mut r, mut spread, mut velocity_nats) = ([0.0; 4], [0.0; 4], 0.0);
        for (idx, (ours, theirs)) in self.parts.iter().zip(&other.parts).enumerate() {
            let pairs: Vec<(f64, f64)> =
                ours.iter().zip(theirs).filter_map(|(ours, theirs)| ours.zip(*theirs)).collect();
            let (ours, theirs): (Vec<f64>, Vec<f64>) = pairs.iter().copied().unzip();
            let (ours, theirs) = (deviation(&ours), deviation(&theirs));
            r[idx] = correlation(&pairs);
            spread[idx] = if theirs > 0.0 { ours / theirs } else { 0.0 };
            if idx == 0 {
                let left = 1.0 - r[0].max(0.0).powi(2);
                // A bin's own width keeps the density of exact copies finite.
                let variance = (theirs / VELOCITIES_PER_BIN).powi(2) * left + 1.0 / 12.0;
                velocity_nats = 0.5 * (std::f64::consts::TAU * std::f64::consts::E * variance).ln();
            }
        }
        Agreement { correlation: r, spread, velocity_nats }
    }
}

impl Agreement {
    /// The mean of several; zeros for none.
    #[must_use]
    pub fn mean(all: &[Self]) -> Self {
        let mean_of = |value: &dyn Fn(&Self) -> f64| mean(&all.iter().map(value).collect::<Vec<_>>());
        Self {
            correlation: std::array::from_fn(|part| mean_of(&|agreement| agreement.correlation[part])),
            spread: std::array::from_fn(|part| mean_of(&|agreement| agreement.spread[part])),
            velocity_nats: mean_of(&|agreement| agreement.velocity_nats),
        }
    }
}

/// Seconds at a place between known ones.
fn at(times: &[(f64, f64)], quarters: f64) -> Option<f64> {
    let after = times.partition_point(|time| time.0 <= quarters + 1e-6);
    let from = times.get(after.checked_sub(1)?)?;
    if (from.0 - quarters).abs() <= 1e-6 {
        return Some(from.1);
    }
    let to = times.get(after)?;
    Some(from.1 + (quarters - from.0) * (to.1 - from.1) / (to.0 - from.0))
}
