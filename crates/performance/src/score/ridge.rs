//! The ridge renderer: a weighted sum of a score's features for each note.

use std::fmt::Write;

use super::builder::Score;
use super::error::ScoreError;
use super::expression::Expression;
use super::features::Features;
use super::numbers::mean;

/// Parts of an expression that have weights: velocity, log period, asynchrony, articulation.
pub(super) const WEIGHTED: usize = 4;
/// First line of a file of weights.
const HEADER: &str = "performance-rnn ridge 1";
/// Velocity stays here, whatever the sum is.
const VELOCITY_RANGE: (f64, f64) = (8.0, 124.0);
/// Doublings by which the tempo may change within a piece, and length may.
const LIMIT: f64 = 1.5;
const ASYNCHRONY_LIMIT_SECS: f64 = 0.06;

/// Weights of the features, fitted to people by [`fit`](super::fit()).
#[derive(Clone, Debug, PartialEq)]
pub struct Ridge {
    pub(super) names: Vec<String>,
    /// By part, then feature.
    pub(super) weights: [Vec<f64>; WEIGHTED],
    pub(super) mean_velocity: f64,
    pub(super) tempo: TempoGuess,
}

/// How fast people play a score, by what it looks like.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TempoGuess {
    pub(super) means: Vec<f64>,
    pub(super) weights: Vec<f64>,
    pub(super) mean_log_period: f64,
}

impl TempoGuess {
    /// Written tempo, whether it is the default, and how dense the score is.
    pub(super) fn inputs(score: &Score) -> Vec<f64> {
        let end = score.end_quarters().max(1.0);
        let chords = score.chords();
        let secs = score.tempo().secs(end).max(1e-3);
        let written = (secs / end).log2();
        let is_default = f64::from(u8::from((written + 1.0).abs() < 1e-6));
        let gaps: Vec<f64> = chords
            .windows(2)
            .map(|pair| (pair[1].onset_quarters - pair[0].onset_quarters).max(1e-3).log2())
            .collect();
        let lengths: Vec<f64> = score.notes().iter().map(|note| note.duration_quarters.log2()).collect();
        let bar = score.bars().get(score.bars().len() / 2);
        vec![
            written * (1.0 - is_default),
            is_default,
            (score.notes().len() as f64 / end).log2(),
            (chords.len() as f64 / end).log2(),
            mean(&gaps),
            mean(&lengths),
            bar.map_or(0.0, |bar| bar.beat_quarters().log2()),
        ]
    }

    fn log_period(&self, score: &Score) -> f64 {
        let inputs = Self::inputs(score);
        let sum = |(i, weight): (usize, &f64)| weight * (inputs[i] - self.means[i]);
        self.mean_log_period + self.weights.iter().enumerate().map(sum).sum::<f64>()
    }
}

impl Ridge {
    /// The weights that ship, fitted to (n)ASAP's people (CC BY-NC-SA 4.0, see `ridge/LICENSE.md`).
    ///
    /// # Errors
    /// If the file in the program is of another version.
    ///
    /// ```
    /// assert!(performance::score::Ridge::released().is_ok());
    /// ```
    pub fn released() -> Result<Self, ScoreError> {
        Self::read(include_str!("../../ridge/ridge.txt"))
    }

    /// Performs a score. Its tempo is the written one, or a guess where none or only the default is written.
    #[must_use]
    pub fn render(&self, score: &Score) -> Expression {
        self.play(score, &self.deviations(score))
    }

    /// What it adds to its mean velocity, to the tempo and to what is written, in the units of an expression.
    #[must_use]
    pub fn deviations(&self, score: &Score) -> Expression {
        let features = Features::of(score);
        let sum = |part: usize, row: &[f64]| -> f64 {
            row.iter().zip(&self.weights[part]).map(|(value, weight)| value * weight).sum()
        };
        let of_notes = |part: usize| features.rows().iter().map(|row| sum(part, row)).collect();
        let chords = 0..score.chords().len();
        Expression {
            log_period: chords.map(|chord| sum(1, &features.chord_row(score, chord))).collect(),
            velocity: of_notes(0),
            asynchrony: of_notes(2),
            articulation: of_notes(3),
        }
    }

    /// Performs a score with deviations of its own or another renderer's.
    ///
    /// # Shapes
    /// As those of an [`Expression`] of the score.
    #[must_use]
    pub fn play(&self, score: &Score, deviations: &Expression) -> Expression {
        let written = Expression::written(score);
        let is_default =
            !score.has_tempo() || written.log_period.iter().all(|period| (period + 1.0).abs() < 1e-6);
        let guess = is_default.then(|| self.tempo.log_period(score));
        let base: Vec<f64> = written.log_period.iter().map(|written| guess.unwrap_or(*written)).collect();
        let added = |values: &[f64], to: &[f64], limit: f64| -> Vec<f64> {
            values.iter().zip(to).map(|(value, to)| to + value.clamp(-limit, limit)).collect()
        };
        let velocity =
            |deviation: &f64| (self.mean_velocity + deviation).clamp(VELOCITY_RANGE.0, VELOCITY_RANGE.1);
        let asynchrony = |deviation: &f64| deviation.clamp(-ASYNCHRONY_LIMIT_SECS, ASYNCHRONY_LIMIT_SECS);
        let played = Expression {
            log_period: added(&deviations.log_period, &base, LIMIT),
            velocity: deviations.velocity.iter().map(velocity).collect(),
            asynchrony: deviations.asynchrony.iter().map(asynchrony).collect(),
            articulation: added(&deviations.articulation, &written.articulation, LIMIT),
        };
        // Deviations are of the piece's notes; its time is the written or guessed one.
        let even = Expression { log_period: base, ..Expression::default() };
        played.lasting(score, even.chord_secs(score).last().copied().unwrap_or(0.0))
    }

    /// The guessed tempo of a score, log2 of seconds per quarter.
    #[must_use]
    pub fn log_period(&self, score: &Score) -> f64 {
        self.tempo.log_period(score)
    }

    /// Number of features.
    #[must_use]
    pub fn n_features(&self) -> usize {
        self.names.len()
    }

    /// As a file: a line for each feature with its four weights.
    ///
    /// ```
    /// # use performance::score::{Example, NewNote, Ridge, Score, Expression, Measured, fit};
    /// # use performance::Pitch;
    /// # let note = |idx: u8| NewNote::new(Pitch::new(60 + idx).unwrap(), f64::from(idx), 1.0);
    /// let score = Score::builder().notes((0..8).map(note)).build()?;
    /// let expression = Expression::written(&score);
    /// let played = Measured { expression, start_secs: 0.0, is_matched: vec![true; 8] };
    /// let ridge = fit(&[Example { score: &score, people: &[played] }])?;
    /// assert_eq!(Ridge::read(&ridge.write("an example"))?.n_features(), ridge.n_features());
    /// # Ok::<(), performance::score::ScoreError>(())
    /// ```
    #[must_use]
    pub fn write(&self, note: &str) -> String {
        let mut text = format!("{HEADER}\n# {}\n", note.replace('\n', "\n# "));
        let line =
            |values: &[f64]| values.iter().map(|value| format!("{value:.5e}")).collect::<Vec<_>>().join("\t");
        let _ = writeln!(text, "mean velocity\t{}", line(&[self.mean_velocity]));
        let _ = writeln!(text, "mean log period\t{}", line(&[self.tempo.mean_log_period]));
        let _ = writeln!(text, "tempo means\t{}", line(&self.tempo.means));
        let _ = writeln!(text, "tempo weights\t{}", line(&self.tempo.weights));
        text.push_str("# feature, weights of velocity, log period, asynchrony and articulation\n");
        for (idx, name) in self.names.iter().enumerate() {
            let weights: [f64; WEIGHTED] = std::array::from_fn(|part| self.weights[part][idx]);
            let _ = writeln!(text, "{name}\t{}", line(&weights));
        }
        text
    }

    /// Reads what [`Ridge::write`] wrote.
    ///
    /// # Errors
    /// If it is something else, or has other features than this program.
    pub fn read(text: &str) -> Result<Self, ScoreError> {
        let wrong = |line: usize, problem: String| ScoreError::Weights { line, problem };
        let mut lines = text.lines().enumerate().map(|(idx, line)| (idx + 1, line));
        match lines.next() {
            Some((_, HEADER)) => {}
            first => {
                let found = first.map_or("nothing", |(_, line)| line);
                return Err(wrong(1, format!("expected {HEADER:?}, found {found:?}")));
            }
        }
        let mut lines = lines.filter(|(_, line)| !line.starts_with('#') && !line.is_empty());
        let mut next = |name: Option<&str>, n: usize| -> Result<Option<(String, Vec<f64>)>, ScoreError> {
            let Some((number, line)) = lines.next() else { return Ok(None) };
            let mut cells = line.split('\t');
            let found = cells.next().unwrap_or_default();
            if name.is_some_and(|name| name != found) {
                return Err(wrong(number, format!("expected {}, found {found}", name.unwrap_or_default())));
            }
            let values: Option<Vec<f64>> =
                cells.map(|cell| cell.parse().ok().filter(|value: &f64| value.is_finite())).collect();
            match values {
                Some(values) if values.len() == n => Ok(Some((found.to_owned(), values))),
                _ => Err(wrong(number, format!("expected {n} numbers, found {line:?}"))),
            }
        };
        let n_inputs = TEMPO_INPUTS;
        let mut named = |name: &str, n: usize| {
            next(Some(name), n)?
                .map(|(_, values)| values)
                .ok_or_else(|| wrong(0, format!("expected {name}, found the end")))
        };
        let mean_velocity = named("mean velocity", 1)?[0];
        let mean_log_period = named("mean log period", 1)?[0];
        let means = named("tempo means", n_inputs)?;
        let tempo_weights = named("tempo weights", n_inputs)?;
        let (mut names, mut weights) = (Vec::new(), std::array::from_fn(|_| Vec::new()));
        while let Some((name, values)) = next(None, WEIGHTED)? {
            names.push(name);
            for (part, value) in weights.iter_mut().zip(values) {
                part.push(value);
            }
        }
        let expected = Features::names_of_all();
        if names != expected {
            return Err(wrong(
                0,
                format!("expected {} features of this program, found others", expected.len()),
            ));
        }
        let tempo = TempoGuess { means, weights: tempo_weights, mean_log_period };
        Ok(Self { names, weights, mean_velocity, tempo })
    }
}

/// What [`TempoGuess::inputs`] gives.
const TEMPO_INPUTS: usize = 7;
