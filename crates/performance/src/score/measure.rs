//! The expression of a performance.

use super::align::Matching;
use super::builder::Score;
use super::expression::{Clock, Expression};
use crate::Performance;

/// Chords of a performance are at least so far apart in time. Smaller makes periods of notes that people play in
/// another order than written even shorter.
const CLOSEST_SECS: f64 = 1e-3;
const SHORTEST_SECS: f64 = 1e-3;

/// What [`measure`] found.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// The expression; filled in from the neighbors for notes without a match.
    pub expression: Expression,
    /// When the first chord is played in the performance, in seconds from its time 0.
    pub start_secs: f64,
    /// For each note of the score, whether it was played.
    pub is_matched: Vec<bool>,
}

/// Finds the expression with which a performance plays the notes that match; `None` if fewer than two chords do.
///
/// Applied to the score, it gives these notes back (see [`Expression::render`]). Chords without a played note lie
/// between their neighbors, notes without a match are as loud as the last one before.
#[must_use]
pub fn measure(score: &Score, performance: &Performance, matching: &Matching) -> Option<Measured> {
    let played = |idx: usize| matching.played(idx).and_then(|played| performance.notes().get(played));
    let secs = |us: u64| us as f64 / 1e6;

    let mut known: Vec<(f64, f64, f64)> = Vec::new(); // quarters, seconds, notes
    for chord in score.chords() {
        let onsets: Vec<f64> =
            chord.notes.clone().filter_map(|idx| Some(secs(played(idx)?.start_us))).collect();
        if !onsets.is_empty() {
            let n = onsets.len() as f64;
            known.push((chord.onset_quarters, onsets.iter().sum::<f64>() / n, n));
        }
    }
    if known.len() < 2 {
        return None;
    }
    make_increasing(&mut known);
    let chord_secs = fill(score, &known);
    let start_secs = chord_secs[0];

    let periods = chord_secs
        .windows(2)
        .zip(score.chords().windows(2))
        .map(|(secs, chords)| (secs[1] - secs[0]) / (chords[1].onset_quarters - chords[0].onset_quarters));
    let mut log_period: Vec<f64> = periods.map(f64::log2).collect();
    let last = log_period.last().copied().unwrap_or(-1.0);
    log_period.push(last);
    let clock = Clock::from_secs(score, chord_secs, last.exp2());

    let mut expression = Expression { log_period, ..Expression::default() };
    let first_velocity = (0..score.notes().len()).find_map(played).map_or(64, |note| note.velocity.get());
    let mut last_velocity = f64::from(first_velocity);
    for (idx, note) in score.notes().iter().enumerate() {
        let Some(played) = played(idx) else {
            expression.velocity.push(last_velocity);
            expression.asynchrony.push(0.0);
            expression.articulation.push(0.0);
            continue;
        };
        last_velocity = f64::from(played.velocity.get());
        let chord_secs = clock.chord_secs[note.chord];
        let written_secs = clock.secs(note.onset_quarters + note.duration_quarters) - chord_secs;
        let duration_secs = secs(played.end_us - played.start_us).max(SHORTEST_SECS);
        expression.velocity.push(last_velocity);
        expression.asynchrony.push(secs(played.start_us) - chord_secs);
        expression.articulation.push((duration_secs / written_secs).log2());
    }
    let is_matched = (0..score.notes().len()).map(|idx| played(idx).is_some()).collect();
    Some(Measured { expression, start_secs, is_matched })
}

/// The closest increasing times, by weight: neighbors in the wrong order meet at their mean, 1 ms apart.
fn make_increasing(known: &mut [(f64, f64, f64)]) {
    let mut blocks: Vec<(f64, f64, usize)> = Vec::new(); // mean, weight, length
    for &(_, secs, weight) in known.iter() {
        let mut block = (secs, weight, 1);
        while let Some(&(mean, weight, len)) = blocks.last().filter(|last| last.0 > block.0) {
            let total = weight + block.1;
            block = ((mean * weight + block.0 * block.1) / total, total, len + block.2);
            blocks.pop();
        }
        blocks.push(block);
    }
    let times = blocks.iter().flat_map(|&(mean, _, len)| std::iter::repeat_n(mean, len));
    let mut last = f64::NEG_INFINITY;
    for (place, secs) in known.iter_mut().zip(times) {
        place.1 = secs.max(last + CLOSEST_SECS);
        last = place.1;
    }
}

/// A time for every chord of the score; `known` has two or more.
fn fill(score: &Score, known: &[(f64, f64, f64)]) -> Vec<f64> {
    let at = |quarters: f64| {
        let after = known.partition_point(|place| place.0 <= quarters).clamp(1, known.len() - 1);
        let (from, to) = (known[after - 1], known[after]);
        let is_outside = quarters < from.0 || quarters > to.0;
        // Outside, the tempo of eight neighbors is surer than that of two.
        let (from, to) = match (is_outside, quarters < from.0) {
            (true, true) => (known[0], known[8.min(known.len() - 1)]),
            (true, false) => (known[known.len() - 1], known[known.len().saturating_sub(9)]),
            _ => (from, to),
        };
        from.1 + (quarters - from.0) * (to.1 - from.1) / (to.0 - from.0)
    };
    score.chords().iter().map(|chord| at(chord.onset_quarters)).collect()
}
