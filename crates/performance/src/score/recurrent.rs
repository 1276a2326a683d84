//! The recurrent renderer: one LSTM reads a score's features from its beginning, one from its end.
//!
//! It learns what people do on average ([`Target`](super::fit::Target)), as the ridge renderer does, from the same
//! features. A weighted sum sees each note's neighborhood through fixed windows; this network decides itself what to
//! keep in mind.

use super::builder::Score;
use super::error::ScoreError;
use super::expression::Expression;
use super::features::Features;
use super::fit::SPREADS;
use super::ridge::{Ridge, WEIGHTED};
use crate::math::exp;

/// First bytes of a file of weights.
const MAGIC: &[u8; 8] = b"PRNNEXP1";
/// Features beyond so many standard deviations say no more.
const FEATURE_LIMIT: f32 = 6.0;
/// Gates of an LSTM, in the order input, forget, cell, output.
const GATES: usize = 4;

/// A matrix that a row of inputs is multiplied with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Matrix {
    /// Number of outputs.
    pub columns: usize,
    /// Row after row.
    pub values: Vec<f32>,
}

/// An LSTM with fused gates.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Direction {
    /// `[projected, 4 * hidden]`.
    pub input: Matrix,
    /// `[hidden, 4 * hidden]`.
    pub recurrent: Matrix,
    /// `[4 * hidden]`.
    pub bias: Vec<f32>,
}

/// The network's weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recurrent {
    /// What features are divided by, `[features]`.
    pub scale: Vec<f32>,
    /// Features to what the LSTMs read, through tanh: `[features, projected]`.
    pub project: Matrix,
    /// `[projected]`.
    pub project_bias: Vec<f32>,
    /// From the beginning, and from the end.
    pub directions: [Direction; 2],
    /// Features to the four parts of an expression, `[features, 4]`.
    pub direct: Matrix,
    /// Hidden units of both directions to the four parts, `[2 * hidden, 4]`.
    pub out: Matrix,
    /// `[4]`.
    pub out_bias: Vec<f32>,
}

impl Matrix {
    /// Adds `row` times the matrix to `sums`.
    fn add_to(&self, row: &[f32], sums: &mut [f32]) {
        for (&value, weights) in row.iter().zip(self.values.chunks_exact(self.columns)) {
            for (sum, weight) in sums.iter_mut().zip(weights) {
                *sum += value * weight;
            }
        }
    }

    fn rows(&self) -> usize {
        self.values.len() / self.columns.max(1)
    }
}

impl Direction {
    /// Hidden states after each row, which come in the order of reading.
    fn read<'a>(&self, rows: impl Iterator<Item = &'a [f32]>) -> Vec<Vec<f32>> {
        let hidden = self.bias.len() / GATES;
        let (mut h, mut c) = (vec![0.0; hidden], vec![0.0; hidden]);
        let step = |row: &[f32]| {
            let mut z = self.bias.clone();
            self.input.add_to(row, &mut z);
            self.recurrent.add_to(&h, &mut z);
            for i in 0..hidden {
                let [input, forget, cell, output] = std::array::from_fn(|gate| z[gate * hidden + i]);
                c[i] = sigmoid(forget) * c[i] + sigmoid(input) * tanh(cell);
                h[i] = sigmoid(output) * tanh(c[i]);
            }
            h.clone()
        };
        rows.map(step).collect()
    }
}

/// The same everywhere, as [`exp`] is: a link plays the same notes on every device.
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

fn tanh(x: f32) -> f32 {
    2.0 * sigmoid(2.0 * x) - 1.0
}

impl Recurrent {
    /// The weights that ship, taught by (n)ASAP's people (CC BY-NC-SA 4.0, see `recurrent/LICENSE.md`).
    ///
    /// # Errors
    /// If the file in the program is of another version.
    ///
    /// ```
    /// assert!(performance::score::Recurrent::released().is_ok());
    /// ```
    pub fn released() -> Result<Self, ScoreError> {
        Self::read(include_bytes!("../../recurrent/recurrent.bin"))
    }

    /// Performs a score, at the tempo and around the loudness of the ridge renderer.
    #[must_use]
    pub fn render(&self, score: &Score, ridge: &Ridge) -> Expression {
        ridge.play(score, &self.deviations(score))
    }

    /// What it adds to a mean velocity, a tempo and what is written, in the units of an expression.
    #[must_use]
    pub fn deviations(&self, score: &Score) -> Expression {
        let rows = self.rows(score);
        let projected: Vec<Vec<f32>> = rows
            .iter()
            .map(|row| {
                let mut sums = self.project_bias.clone();
                self.project.add_to(row, &mut sums);
                sums.into_iter().map(tanh).collect()
            })
            .collect();
        let [forward, backward] = &self.directions;
        let forward = forward.read(projected.iter().map(Vec::as_slice));
        let mut backward = backward.read(projected.iter().rev().map(Vec::as_slice));
        backward.reverse();
        let parts = |((row, forward), backward): ((&Vec<f32>, &Vec<f32>), &Vec<f32>)| {
            let mut sums = self.out_bias.clone();
            self.direct.add_to(row, &mut sums);
            self.out.add_to(&[forward.as_slice(), backward].concat(), &mut sums);
            sums
        };
        let parts: Vec<Vec<f32>> = rows.iter().zip(&forward).zip(&backward).map(parts).collect();
        let value = |idx: usize, part: usize| SPREADS[part] * f64::from(parts[idx][part]);
        let of_notes = |part: usize| (0..parts.len()).map(|idx| value(idx, part)).collect();
        Expression {
            log_period: score.chords().iter().map(|chord| value(chord.notes.end - 1, 1)).collect(),
            velocity: of_notes(0),
            asynchrony: of_notes(2),
            articulation: of_notes(3),
        }
    }

    /// The features of a score's notes as the network reads them.
    #[must_use]
    pub fn rows(&self, score: &Score) -> Vec<Vec<f32>> {
        let scaled =
            |(value, scale): (&f64, &f32)| (*value as f32 / scale).clamp(-FEATURE_LIMIT, FEATURE_LIMIT);
        let features = Features::of(score);
        features.rows().iter().map(|row| row.iter().zip(&self.scale).map(scaled).collect()).collect()
    }

    /// As a file: matrices in 8 bits with a scale for each column, everything else in 32.
    #[must_use]
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        let hidden = self.directions[0].bias.len() / GATES;
        for count in [self.scale.len(), self.project_bias.len(), hidden] {
            bytes.extend((count as u32).to_le_bytes());
        }
        write_numbers(&mut bytes, &self.scale);
        write_matrix(&mut bytes, &self.project);
        write_numbers(&mut bytes, &self.project_bias);
        for direction in &self.directions {
            write_matrix(&mut bytes, &direction.input);
            write_matrix(&mut bytes, &direction.recurrent);
            write_numbers(&mut bytes, &direction.bias);
        }
        write_matrix(&mut bytes, &self.direct);
        write_matrix(&mut bytes, &self.out);
        write_numbers(&mut bytes, &self.out_bias);
        bytes
    }

    /// Reads what [`Recurrent::write`] wrote.
    ///
    /// # Errors
    /// If it is something else, too short or too long, or has other features than this program.
    pub fn read(bytes: &[u8]) -> Result<Self, ScoreError> {
        let wrong = |problem: String| ScoreError::Network { problem };
        let rest = bytes.strip_prefix(MAGIC).ok_or_else(|| wrong("it begins otherwise".into()))?;
        let mut reader = Reader { rest };
        let [features, projected, hidden] = [reader.count()?, reader.count()?, reader.count()?];
        let expected = Features::names_of_all().len();
        if features != expected {
            return Err(wrong(format!("expected {expected} features, found {features}")));
        }
        let network = Self {
            scale: reader.numbers(features)?,
            project: reader.matrix(features, projected)?,
            project_bias: reader.numbers(projected)?,
            directions: [reader.direction(projected, hidden)?, reader.direction(projected, hidden)?],
            direct: reader.matrix(features, WEIGHTED)?,
            out: reader.matrix(2 * hidden, WEIGHTED)?,
            out_bias: reader.numbers(WEIGHTED)?,
        };
        if !reader.rest.is_empty() {
            return Err(wrong(format!("{} bytes too many", reader.rest.len())));
        }
        if network.scale.iter().any(|scale| *scale <= 0.0) {
            return Err(wrong("a feature's scale is not above 0".into()));
        }
        Ok(network)
    }
}

fn write_numbers(bytes: &mut Vec<u8>, numbers: &[f32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn write_matrix(bytes: &mut Vec<u8>, matrix: &Matrix) {
    let largest = |column: usize| {
        let values = matrix.values.iter().skip(column).step_by(matrix.columns);
        values.fold(0.0f32, |largest, value| largest.max(value.abs()))
    };
    let scales: Vec<f32> = (0..matrix.columns).map(|column| largest(column).max(1e-12) / 127.0).collect();
    write_numbers(bytes, &scales);
    for row in 0..matrix.rows() {
        let values = &matrix.values[row * matrix.columns..(row + 1) * matrix.columns];
        bytes.extend(values.iter().zip(&scales).map(|(value, scale)| (value / scale).round() as i8 as u8));
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn take(&mut self, n: usize) -> Result<&[u8], ScoreError> {
        let problem = || format!("it ends {} bytes too soon", n - self.rest.len());
        let (taken, rest) =
            self.rest.split_at_checked(n).ok_or_else(|| ScoreError::Network { problem: problem() })?;
        self.rest = rest;
        Ok(taken)
    }

    /// A size, within what any network here has.
    fn count(&mut self) -> Result<usize, ScoreError> {
        let bytes = self.take(4)?;
        let count = bytes.iter().rev().fold(0usize, |count, byte| count << 8 | usize::from(*byte));
        if (1..=4096).contains(&count) {
            return Ok(count);
        }
        Err(ScoreError::Network { problem: format!("expected a size of 1 to 4096, found {count}") })
    }

    fn numbers(&mut self, n: usize) -> Result<Vec<f32>, ScoreError> {
        let numbers: Vec<f32> = self
            .take(4 * n)?
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        match numbers.iter().find(|number| !number.is_finite()) {
            Some(number) => {
                Err(ScoreError::Network { problem: format!("expected finite numbers, found {number}") })
            }
            None => Ok(numbers),
        }
    }

    fn matrix(&mut self, rows: usize, columns: usize) -> Result<Matrix, ScoreError> {
        let scales = self.numbers(columns)?;
        let bytes = self.take(rows * columns)?;
        let values = bytes.iter().zip(scales.iter().cycle());
        Ok(Matrix { columns, values: values.map(|(byte, scale)| f32::from(*byte as i8) * scale).collect() })
    }

    fn direction(&mut self, projected: usize, hidden: usize) -> Result<Direction, ScoreError> {
        Ok(Direction {
            input: self.matrix(projected, GATES * hidden)?,
            recurrent: self.matrix(hidden, GATES * hidden)?,
            bias: self.numbers(GATES * hidden)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::builder::NewNote;
    use super::*;
    use crate::Pitch;

    fn network(seed: u64) -> Recurrent {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut numbers = |n: usize| -> Vec<f32> { (0..n).map(|_| rng.random_range(-1.0..1.0)).collect() };
        let (features, projected, hidden) = (Features::names_of_all().len(), 5, 3);
        let mut matrix = |rows: usize, columns: usize| Matrix { columns, values: numbers(rows * columns) };
        let mut direction = || Direction {
            input: matrix(projected, GATES * hidden),
            recurrent: matrix(hidden, GATES * hidden),
            bias: vec![0.5; GATES * hidden],
        };
        Recurrent {
            scale: vec![0.7; features],
            directions: [direction(), direction()],
            project: matrix(features, projected),
            project_bias: vec![-0.5; projected],
            direct: matrix(features, WEIGHTED),
            out: matrix(2 * hidden, WEIGHTED),
            out_bias: vec![0.25; WEIGHTED],
        }
    }

    fn score(last: u8) -> Score {
        let pitches = [60, 64, 67, 72, 71, 67, last];
        let notes = pitches
            .iter()
            .zip(0..)
            .map(|(&pitch, n)| NewNote::new(Pitch::new(pitch).unwrap(), f64::from(n) / 2.0, 0.5));
        Score::builder().notes(notes).build().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let network = network(1);
        let read = Recurrent::read(&network.write()).unwrap();
        for (read, written) in read.project.values.iter().zip(&network.project.values) {
            assert!((read - written).abs() <= 1.01 / 254.0, "{read}, {written}");
        }
        assert_eq!(read.directions[1].bias, network.directions[1].bias);
        // Rounded once, it stays.
        assert_eq!(Recurrent::read(&read.write()), Ok(read));
    }

    #[test]
    fn other_files_are_refused() {
        let bytes = network(1).write();
        for n in 0..bytes.len() {
            assert!(Recurrent::read(&bytes[..n]).is_err(), "{n} bytes");
        }
        let error = |bytes: &[u8]| Recurrent::read(bytes).unwrap_err().to_string();
        let sentence = "expected the weights of a network that performs scores: ";
        assert_eq!(error(b"MThd"), format!("{sentence}it begins otherwise"));
        assert_eq!(error(&[&bytes[..], &[0, 0]].concat()), format!("{sentence}2 bytes too many"));
        assert_eq!(error(&bytes[..bytes.len() - 3]), format!("{sentence}it ends 3 bytes too soon"));
        let with = |at: usize, value: [u8; 4]| {
            let mut bytes = bytes.clone();
            bytes[at..at + 4].copy_from_slice(&value);
            bytes
        };
        assert_eq!(
            error(&with(12, u32::MAX.to_le_bytes())),
            format!("{sentence}expected a size of 1 to 4096, found 4294967295")
        );
        assert_eq!(
            error(&with(20, f32::NAN.to_le_bytes())),
            format!("{sentence}expected finite numbers, found NaN")
        );
    }

    #[test]
    fn every_note_depends_on_what_comes() {
        let network = network(2);
        let [one, other] = [60, 61].map(|last| network.deviations(&score(last)));
        assert_eq!((one.velocity.len(), one.log_period.len()), (7, 7));
        assert!(one.velocity.iter().all(|value| value.is_finite()));
        assert!(one.velocity.iter().zip(&other.velocity).all(|(one, other)| one != other));
    }
}
