//! Learning to perform scores: the network of [`performance::score::Recurrent`].
//!
//! It learns what people do with a note on average; how takes differ from that is
//! [`Variation`](performance::score::Variation)'s.

use burn::module::{Module, Param};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Device, Distribution, Tensor, TensorData};
use performance::score::{Direction, Example, Matrix, Recurrent, SPREADS, Target, targets};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::Error;

/// Parts of an expression.
const PARTS: usize = 4;
/// Notes of a crop, and crops of a batch.
const TIME: usize = 256;
const BATCH: usize = 24;
/// A crop reaches beyond either end of a piece by at most this share of it, so that ends are learned, too.
const BEYOND: usize = TIME / 4;

/// How the network is built and taught.
#[derive(Clone, Debug)]
pub struct ScoreTraining {
    /// What the LSTMs read of the features.
    pub projected: usize,
    /// Hidden units of each direction.
    pub hidden: usize,
    /// How many times all notes are read.
    pub passes: f64,
    /// Highest learning rate. It rises over the first hundred steps and falls as a cosine then.
    pub rate: f64,
    /// Share of the inputs of each part that are left out at random.
    pub dropout: f64,
    /// AdamW's.
    pub weight_decay: f32,
    /// Of weights and draws.
    pub seed: u64,
}

impl Default for ScoreTraining {
    fn default() -> Self {
        Self { projected: 48, hidden: 64, passes: 8.0, rate: 3e-3, dropout: 0.3, weight_decay: 0.05, seed: 0 }
    }
}

/// A score as it is learned from.
#[derive(Clone, Debug)]
struct Lesson {
    /// Features, as the network reads them, note after note.
    rows: Vec<Vec<f32>>,
    /// Mean deviations in people's usual spreads, and what each counts.
    values: Vec<[f32; PARTS]>,
    weights: Vec<[f32; PARTS]>,
}

impl Lesson {
    fn new(rows: Vec<Vec<f32>>, targets: &[Target], n_people: usize) -> Self {
        // Ten people say more than one, but not ten times as much, and long scores no more than short ones.
        let weight = |n: f64| n.sqrt();
        let total = |part: usize| targets.iter().map(|target| weight(target[part].1)).sum::<f64>().max(1.0);
        let of_score: [f64; PARTS] =
            std::array::from_fn(|part| weight(n_people as f64) * targets.len() as f64 / total(part));
        let value = |target: &Target, part: usize| {
            let (sum, n) = target[part];
            (sum / n.max(1.0) / SPREADS[part]) as f32
        };
        let values = targets.iter().map(|target| std::array::from_fn(|part| value(target, part))).collect();
        let weights = targets
            .iter()
            .map(|target| std::array::from_fn(|part| (weight(target[part].1) * of_score[part]) as f32))
            .collect();
        Self { rows, values, weights }
    }
}

/// What `Recurrent` is, with gradients.
#[derive(Module, Debug)]
struct Network {
    project: Param<Tensor<2>>,
    project_bias: Param<Tensor<1>>,
    directions: Vec<Lstm>,
    direct: Param<Tensor<2>>,
    out: Param<Tensor<2>>,
    out_bias: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Lstm {
    input: Param<Tensor<2>>,
    recurrent: Param<Tensor<2>>,
    bias: Param<Tensor<1>>,
}

impl Network {
    fn new(n_features: usize, training: &ScoreTraining, device: &Device, rng: &mut impl Rng) -> Self {
        let ScoreTraining { projected, hidden, .. } = *training;
        let mut matrix = |rows: usize, columns: usize, shrink: f32| {
            let bound = (3.0 / rows as f32).sqrt() * shrink;
            let values: Vec<f32> = (0..rows * columns).map(|_| rng.random_range(-bound..=bound)).collect();
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, columns]), device))
        };
        let zeros = |n: usize| Param::from_tensor(Tensor::zeros([n], device));
        let gates = 4 * hidden;
        Self {
            project: matrix(n_features, projected, 1.0),
            project_bias: zeros(projected),
            directions: (0..2)
                .map(|_| Lstm {
                    input: matrix(projected, gates, 1.0),
                    recurrent: matrix(hidden, gates, 0.7),
                    bias: zeros(gates),
                })
                .collect(),
            direct: matrix(n_features, PARTS, 0.0),
            out: matrix(2 * hidden, PARTS, 0.1),
            out_bias: zeros(PARTS),
        }
    }

    /// The four parts of each note, `[time * batch, 4]`.
    ///
    /// # Shapes
    /// `rows`: `[time, batch, features]`.
    fn forward(&self, rows: &Tensor<3>, dropout: f64) -> Result<Tensor<2>, Error> {
        let [time, batch, n_features] = rows.dims();
        let flat = rows.clone().reshape([time * batch, n_features]);
        let projected = drop(flat.clone(), dropout / 2.0).matmul(self.project.val());
        let projected = drop((projected + self.project_bias.val().unsqueeze()).tanh(), dropout);
        let mut hidden = Vec::with_capacity(self.directions.len());
        for (n, lstm) in self.directions.iter().enumerate() {
            let is_backward = n > 0;
            let turned = |tensor: Tensor<3>| if is_backward { tensor.flip([0]) } else { tensor };
            let xp = projected.clone().matmul(lstm.input.val()) + lstm.bias.val().unsqueeze();
            let [_, gates] = xp.dims();
            let xp = turned(xp.reshape([time, batch, gates]));
            let read = rnn::lstm(&xp, &lstm.recurrent.val()).ok_or(Error::NoKernel)?;
            hidden.push(turned(read).reshape([time * batch, gates / 4]));
        }
        let hidden = drop(Tensor::cat(hidden, 1), dropout).matmul(self.out.val());
        Ok(flat.matmul(self.direct.val()) + hidden + self.out_bias.val().unsqueeze())
    }

    fn weights(&self, scale: Vec<f32>) -> Recurrent {
        let matrix = |tensor: &Param<Tensor<2>>| Matrix {
            columns: tensor.dims()[1],
            values: tensor.val().into_data().iter::<f32>().collect(),
        };
        let numbers = |tensor: &Param<Tensor<1>>| tensor.val().into_data().iter::<f32>().collect();
        let direction = |n: usize| Direction {
            input: matrix(&self.directions[n].input),
            recurrent: matrix(&self.directions[n].recurrent),
            bias: numbers(&self.directions[n].bias),
        };
        Recurrent {
            scale,
            project: matrix(&self.project),
            project_bias: numbers(&self.project_bias),
            directions: [direction(0), direction(1)],
            direct: matrix(&self.direct),
            out: matrix(&self.out),
            out_bias: numbers(&self.out_bias),
        }
    }
}

fn drop(tensor: Tensor<2>, share: f64) -> Tensor<2> {
    if share == 0.0 {
        return tensor;
    }
    let kept = 1.0 - share;
    let mask = tensor.random_like(Distribution::Bernoulli(kept));
    tensor * mask * (1.0 / kept)
}

/// Teaches a network to perform scores as people do. `on_step` is told the step, of how many, and the loss: the mean
/// squared error in people's usual spreads, over the four parts.
///
/// # Errors
/// If there are no performances, or the device has no fused LSTM.
pub fn learn_scores(
    examples: &[Example<'_>],
    training: &ScoreTraining,
    device: &Device,
    mut on_step: impl FnMut(usize, usize, f32),
) -> Result<Recurrent, Error> {
    let examples: Vec<_> = examples.iter().filter(|example| !example.people.is_empty()).collect();
    if examples.is_empty() {
        return Err(Error::NoScores);
    }
    let scale = scale(&examples);
    // Weights without a network read features as it will.
    let reader = Recurrent { scale: scale.clone(), ..Recurrent::default() };
    let lessons: Vec<Lesson> = examples
        .iter()
        .map(|example| Lesson::new(reader.rows(example.score), &targets(example), example.people.len()))
        .collect();
    let mut rng = ChaCha8Rng::seed_from_u64(training.seed);
    let n_features = scale.len();
    let mut network = Network::new(n_features, training, &device.clone().autodiff(), &mut rng);
    let mut adam = AdamWConfig::new().with_weight_decay(training.weight_decay).init();
    let n_notes: usize = lessons.iter().map(|lesson| lesson.rows.len()).sum();
    let n_steps = ((training.passes * n_notes as f64 / (TIME * BATCH) as f64).ceil() as usize).max(1);
    for step in 0..n_steps {
        device.seed(training.seed.wrapping_add(step as u64));
        let Crops { rows, values, weights } = Crops::draw(&lessons, &mut rng);
        let total: f32 = weights.iter().sum();
        let flat = |values: Vec<f32>| -> Tensor<2> {
            Tensor::from_inner(Tensor::from_data(TensorData::new(values, [TIME * BATCH, PARTS]), device))
        };
        let rows = Tensor::from_data(TensorData::new(rows, [TIME, BATCH, n_features]), device);
        let played = network.forward(&Tensor::from_inner(rows), training.dropout)?;
        let error = (played - flat(values)).powf_scalar(2.0) * flat(weights);
        let loss = error.sum() * (PARTS as f32 / total.max(1.0));
        let warm = ((step + 1) as f64 / 100.0).min(1.0);
        let done = step as f64 / n_steps as f64;
        let rate = training.rate * warm * (0.02 + 0.98 * 0.5 * (1.0 + (std::f64::consts::PI * done).cos()));
        let grads = GradientsParams::from_grads(loss.backward(), &network);
        network = adam.step(rate, network, grads);
        on_step(step + 1, n_steps, loss.into_scalar::<f32>());
    }
    // As it is written down, so that what is measured is what is shipped.
    let bytes = network.valid().weights(scale).write();
    Ok(Recurrent::read(&bytes)?)
}

/// The deviation of each feature over all scores; every score counts the same.
fn scale(examples: &[&Example<'_>]) -> Vec<f32> {
    let mut squares: Vec<f64> = Vec::new();
    for example in examples {
        let features = performance::score::Features::of(example.score);
        squares.resize(features.names().len(), 0.0);
        let n = features.rows().len() as f64;
        for row in features.rows() {
            for (square, value) in squares.iter_mut().zip(row) {
                *square += value * value / n;
            }
        }
    }
    squares.iter().map(|square| ((square / examples.len() as f64).sqrt() + 1e-3) as f32).collect()
}

/// A batch, time first.
struct Crops {
    rows: Vec<f32>,
    values: Vec<f32>,
    weights: Vec<f32>,
}

impl Crops {
    fn draw(lessons: &[Lesson], rng: &mut impl Rng) -> Self {
        let n_features = lessons[0].rows[0].len();
        let mut crops = Self {
            rows: vec![0.0; TIME * BATCH * n_features],
            values: vec![0.0; TIME * BATCH * PARTS],
            weights: vec![0.0; TIME * BATCH * PARTS],
        };
        let chance = |lesson: &Lesson| (lesson.rows.len() as f64).sqrt();
        let all: f64 = lessons.iter().map(chance).sum();
        for lane in 0..BATCH {
            let mut left = rng.random::<f64>() * all;
            let drawn = lessons.iter().find(|lesson| {
                left -= chance(lesson);
                left < 0.0
            });
            let lesson = drawn.unwrap_or(&lessons[0]);
            let n = lesson.rows.len();
            // The first note, counted from BEYOND before the piece.
            let first = rng.random_range(0..=(n + 2 * BEYOND).saturating_sub(TIME).max(1));
            for time in 0..TIME {
                let Some(note) = (first + time).checked_sub(BEYOND).filter(|note| *note < n) else {
                    continue;
                };
                let place = time * BATCH + lane;
                crops.rows[place * n_features..(place + 1) * n_features].copy_from_slice(&lesson.rows[note]);
                crops.values[place * PARTS..(place + 1) * PARTS].copy_from_slice(&lesson.values[note]);
                crops.weights[place * PARTS..(place + 1) * PARTS].copy_from_slice(&lesson.weights[note]);
            }
        }
        crops
    }
}

#[cfg(test)]
mod tests {
    use performance::Pitch;
    use performance::score::{Expression, Measured, NewNote, Score};

    use super::*;

    /// Melodies of quarters, and somebody who plays high notes louder and slows down before low ones.
    fn example(rng: &mut impl Rng) -> (Score, Vec<Measured>) {
        let pitches: Vec<u8> = (0..300).map(|_| rng.random_range(48..84)).collect();
        let notes = pitches
            .iter()
            .zip(0..)
            .map(|(&pitch, n)| NewNote::new(Pitch::new(pitch).unwrap(), f64::from(n), 1.0));
        let score = Score::builder().notes(notes).build().unwrap();
        let above = |n: usize| f64::from(pitches[n.min(pitches.len() - 1)]) - 66.0;
        let expression = Expression {
            velocity: (0..pitches.len()).map(|n| 64.0 + above(n)).collect(),
            log_period: (0..pitches.len()).map(|n| -1.0 - above(n + 1) / 40.0).collect(),
            ..Expression::written(&score)
        };
        let is_matched = vec![true; pitches.len()];
        (score, vec![Measured { expression, start_secs: 0.0, is_matched }])
    }

    #[test]
    fn what_somebody_does_is_learned() {
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let (taught, new) = ([example(&mut rng), example(&mut rng), example(&mut rng)], example(&mut rng));
        let examples: Vec<Example<'_>> =
            taught.iter().map(|(score, people)| Example { score, people }).collect();
        let training =
            ScoreTraining { projected: 8, hidden: 8, passes: 500.0, rate: 1e-2, ..Default::default() };
        let mut losses = Vec::new();
        let network =
            learn_scores(&examples, &training, &crate::cpu(), |_, _, loss| losses.push(loss)).unwrap();
        let (first, last) = (losses[0], losses[losses.len() - 1]);
        assert!(last < first / 2.0, "{first} to {last} in {} steps", losses.len());
        let (score, people) = &new;
        let played = network.deviations(score);
        let agreement = |played: &[f64], person: &[f64]| {
            let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
            let (a, b) = (mean(played), mean(person));
            let product = |x: &dyn Fn(usize) -> f64, y: &dyn Fn(usize) -> f64| {
                (0..played.len()).map(|n| x(n) * y(n)).sum::<f64>()
            };
            let (x, y) = (|n: usize| played[n] - a, |n: usize| person[n] - b);
            product(&x, &y) / (product(&x, &x) * product(&y, &y)).sqrt()
        };
        let person = &people[0].expression;
        let velocity = agreement(&played.velocity, &person.velocity);
        // The last chord has no period of its own.
        let n = played.log_period.len() - 1;
        let tempo = agreement(&played.log_period[..n], &person.log_period[..n]);
        assert!(velocity > 0.95 && tempo > 0.9, "{velocity} {tempo}");
    }

    #[test]
    fn without_people_there_is_nothing_to_learn() {
        let (score, _) = example(&mut ChaCha8Rng::seed_from_u64(3));
        let examples = [Example { score: &score, people: &[] }];
        let learned = learn_scores(&examples, &ScoreTraining::default(), &crate::cpu(), |_, _, _| {});
        assert_eq!(
            learned.unwrap_err().to_string(),
            "expected performances of scores to learn from, found none"
        );
    }
}
