//! Fitting the ridge renderer to people.

use super::builder::Score;
use super::error::ScoreError;
use super::features::Features;
use super::linear::Normal;
use super::measure::Measured;
use super::numbers::mean;
use super::ridge::{Ridge, TempoGuess, WEIGHTED};

/// Penalty on the squared weights of features of variance 1. Larger is flatter and less fitted to these pieces.
const PENALTY: f64 = 0.03;
const TEMPO_PENALTY: f64 = 0.05;
/// Tempo of chords closer than this is not fitted: rolled chords and grace notes have none of their own.
const SHORTEST_GAP_QUARTERS: f64 = 0.125;
/// Values beyond are slips of people or of the alignment: velocity, log2 period, seconds, log2 length.
const LIMITS: [f64; WEIGHTED] = [60.0, 1.0, 0.08, 3.0];

/// A score and what people made of it.
#[derive(Clone, Copy, Debug)]
pub struct Example<'a> {
    /// What is written.
    pub score: &'a Score,
    /// How it was played, each measured on the score.
    pub people: &'a [Measured],
}

/// A person's value for a note.
type Value<'a> = &'a dyn Fn(usize) -> f64;

/// Sums of one example, which add up over all of them.
#[derive(Clone, Debug)]
struct Sums {
    names: Vec<String>,
    parts: [Normal; WEIGHTED],
    velocities: Vec<f64>,
    tempo: (Vec<f64>, f64),
}

/// Fits velocity, period, asynchrony and articulation to people's deviations from their own means, by the score's
/// features, and the overall tempo by a few numbers of the score.
///
/// # Errors
/// If there are no performances.
pub fn fit(examples: &[Example<'_>]) -> Result<Ridge, ScoreError> {
    let sums = examples.iter().filter(|example| !example.people.is_empty()).map(Sums::of);
    let mut total: Option<Sums> = None;
    let (mut velocities, mut tempos) = (Vec::new(), Vec::new());
    for one in sums {
        velocities.extend(one.velocities.iter().copied());
        tempos.push(one.tempo.clone());
        match &mut total {
            None => total = Some(one),
            Some(total) => {
                for (total, one) in total.parts.iter_mut().zip(&one.parts) {
                    total.merge(one);
                }
            }
        }
    }
    let total = total.ok_or(ScoreError::NoExamples)?;
    let n_inputs = tempos[0].0.len();
    let means: Vec<f64> =
        (0..n_inputs).map(|i| mean(&tempos.iter().map(|tempo| tempo.0[i]).collect::<Vec<_>>())).collect();
    let mean_log_period = mean(&tempos.iter().map(|tempo| tempo.1).collect::<Vec<_>>());
    let mut normal = Normal::new(n_inputs);
    for (inputs, log_period) in &tempos {
        let row: Vec<f64> = inputs.iter().zip(&means).map(|(input, mean)| input - mean).collect();
        normal.add(&row, log_period - mean_log_period, 1.0);
    }
    let tempo = TempoGuess { means, weights: normal.solve(TEMPO_PENALTY), mean_log_period };
    let weights = total.parts.each_ref().map(|normal| normal.solve(PENALTY));
    Ok(Ridge { names: total.names, weights, mean_velocity: mean(&velocities), tempo })
}

impl Sums {
    fn of(example: &Example<'_>) -> Self {
        let score = example.score;
        let features = Features::of(score);
        let n_features = features.names().len();
        let mut parts: [Normal; WEIGHTED] = std::array::from_fn(|_| Normal::new(n_features));
        let n = score.notes().len();
        // Sum and number of people's deviations, by part and note.
        let mut targets = vec![[(0.0, 0.0); WEIGHTED]; n];
        let (mut velocities, mut log_periods) = (Vec::new(), Vec::new());
        for person in example.people {
            let is_fitted = |idx: &usize| person.is_matched[*idx];
            let matched: Vec<usize> = (0..n).filter(is_fitted).collect();
            let expression = &person.expression;
            let is_timed = |idx: &usize| {
                let note = &score.notes()[*idx];
                let chord = &score.chords()[note.chord];
                let gap =
                    score.chords().get(note.chord + 1).map(|next| next.onset_quarters - chord.onset_quarters);
                *idx == chord.notes.end - 1 && gap.is_some_and(|gap| gap >= SHORTEST_GAP_QUARTERS)
            };
            let timed: Vec<usize> = (0..n).filter(is_timed).collect();
            let period = |idx: usize| expression.log_period[score.notes()[idx].chord];
            let values: [(&[usize], Value<'_>); WEIGHTED] = [
                (&matched, &|idx| expression.velocity[idx]),
                (&timed, &period),
                (&matched, &|idx| expression.asynchrony[idx]),
                (&matched, &|idx| expression.articulation[idx]),
            ];
            for (part, (idxs, value)) in values.iter().enumerate() {
                let mean = mean(&idxs.iter().map(|&idx| value(idx)).collect::<Vec<_>>());
                for &idx in *idxs {
                    let deviation = (value(idx) - mean).clamp(-LIMITS[part], LIMITS[part]);
                    let target = &mut targets[idx][part];
                    *target = (target.0 + deviation, target.1 + 1.0);
                }
                match part {
                    0 => velocities.push(mean),
                    1 => log_periods.push(mean),
                    _ => {}
                }
            }
        }
        for (row, targets) in features.rows().iter().zip(&targets) {
            for (part, &(sum, n)) in parts.iter_mut().zip(targets) {
                // Ten people say more than one, but not ten times as much: their score is one score.
                if n > 0.0 {
                    part.add(row, sum / n, n.sqrt());
                }
            }
        }
        let tempo = (TempoGuess::inputs(score), mean(&log_periods));
        Self { names: features.names().to_vec(), parts, velocities, tempo }
    }
}
