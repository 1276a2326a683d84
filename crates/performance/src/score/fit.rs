//! Fitting the ridge renderer to people.

use super::builder::Score;
use super::error::ScoreError;
use super::features::Features;
use super::linear::Normal;
use super::measure::Measured;
use super::numbers::{deviation, mean};
use super::ridge::{Ridge, TempoGuess, WEIGHTED};

/// Penalty on the squared weights of features of variance 1. Larger is flatter and less fitted to these pieces.
const PENALTY: f64 = 0.03;
const TEMPO_PENALTY: f64 = 0.05;
/// Tempo of chords closer than this is not fitted: rolled chords and grace notes have none of their own.
const SHORTEST_GAP_QUARTERS: f64 = 0.125;
/// Values beyond are slips of people or of the alignment: velocity, log2 period, seconds, log2 length.
const LIMITS: [f64; WEIGHTED] = [60.0, 1.0, 0.08, 3.0];

/// People's usual standard deviations, in the same units.
pub const SPREADS: [f64; WEIGHTED] = [15.0, 0.36, 0.02, 1.25];
/// The part that belongs to chords.
const PERIOD: usize = 1;

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

/// What people do with a note: for velocity, log period, asynchrony and articulation, the sum of their deviations from
/// their own means, scaled to the usual spread, and how many they are. Periods stand at the top notes of their chords.
pub type Target = [(f64, f64); WEIGHTED];

/// What people do with each note of a score.
#[must_use]
pub fn targets(example: &Example<'_>) -> Vec<Target> {
    let mut targets = vec![Target::default(); example.score.notes().len()];
    for person in example.people {
        add_person(example.score, person, &mut targets);
    }
    targets
}

impl Sums {
    fn of(example: &Example<'_>) -> Self {
        let score = example.score;
        let features = Features::of(score);
        let mut targets: Vec<Target> = vec![[(0.0, 0.0); WEIGHTED]; score.notes().len()];
        let (mut velocities, mut log_periods) = (Vec::new(), Vec::new());
        let chords = score.chords();
        let quarters = (chords[chords.len() - 1].onset_quarters - chords[0].onset_quarters).max(1e-3);
        for person in example.people {
            let means = add_person(score, person, &mut targets);
            velocities.push(means[0]);
            let secs = person.expression.chord_secs(score);
            let overall = secs.last().copied().unwrap_or(0.0) / quarters;
            log_periods.push(overall.max(1e-3).log2());
        }
        // Ten people say more than one, but not ten times as much: their score is one score. Long scores do not say
        // more than short ones, since agreement is a mean over scores.
        let weight = |n: f64| n.sqrt();
        let total = |part: usize| targets.iter().map(|target| weight(target[part].1)).sum::<f64>().max(1.0);
        let of_score: [f64; WEIGHTED] =
            std::array::from_fn(|part| weight(example.people.len() as f64) / total(part));
        let mut parts: [Normal; WEIGHTED] = std::array::from_fn(|_| Normal::new(features.names().len()));
        for (idx, target) in targets.iter().enumerate() {
            let chord_row = features.chord_row(score, score.notes()[idx].chord);
            for (part, &(sum, n)) in target.iter().enumerate().filter(|(_, target)| target.1 > 0.0) {
                let row = if part == PERIOD { &chord_row } else { &features.rows()[idx] };
                parts[part].add(row, sum / n, weight(n) * of_score[part]);
            }
        }
        let tempo = (TempoGuess::inputs(score), mean(&log_periods));
        Self { names: features.names().to_vec(), parts, velocities, tempo }
    }
}

/// Adds a person's deviations; returns the means. They are scaled to the usual spread, since agreement does not ask how
/// much somebody does.
fn add_person(score: &Score, person: &Measured, targets: &mut [Target]) -> [f64; WEIGHTED] {
    let expression = &person.expression;
    let notes = 0..score.notes().len();
    let matched: Vec<usize> = notes.clone().filter(|&idx| person.is_matched[idx]).collect();
    let is_timed = |idx: &usize| {
        let chord = score.notes()[*idx].chord;
        let [here, next] = [chord, chord + 1].map(|chord| score.chords().get(chord));
        here.zip(next).is_some_and(|(here, next)| {
            let gap = next.onset_quarters - here.onset_quarters;
            *idx == here.notes.end - 1 && gap >= SHORTEST_GAP_QUARTERS
        })
    };
    let timed: Vec<usize> = notes.filter(is_timed).collect();
    let values: [(&[usize], Value<'_>); WEIGHTED] = [
        (&matched, &|idx| expression.velocity[idx]),
        (&timed, &|idx| expression.log_period[score.notes()[idx].chord]),
        (&matched, &|idx| expression.asynchrony[idx]),
        (&matched, &|idx| expression.articulation[idx]),
    ];
    std::array::from_fn(|part| {
        let (idxs, value) = &values[part];
        let mean = mean(&idxs.iter().map(|&idx| value(idx)).collect::<Vec<_>>());
        let deviations: Vec<f64> =
            idxs.iter().map(|&idx| (value(idx) - mean).clamp(-LIMITS[part], LIMITS[part])).collect();
        let scale = SPREADS[part] / deviation(&deviations).max(SPREADS[part] / 10.0);
        for (&idx, deviation) in idxs.iter().zip(&deviations) {
            let (sum, n) = &mut targets[idx][part];
            *sum += scale * deviation;
            *n += 1.0;
        }
        mean
    })
}
