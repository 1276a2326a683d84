//! How loud the training data is for its pace, which `performance::VelocityOffset` assumes.

use anyhow::Result;
use performance::decode;
use performance::statistics::Excerpt;
use serde::Serialize;

use crate::corpus::Corpus;

/// Training pieces that are looked at, spread over all.
const PIECES: usize = 120;
/// Half minutes are taken a minute apart, so that neighbors are not the same passage.
const SECS: u64 = 30;
const APART_SECS: u64 = 60;

/// A line through half minutes by least squares: MIDI velocity over doublings of notes a second.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct LoudnessModel {
    pub(super) pieces: usize,
    pub(super) half_minutes: usize,
    /// At one note a second.
    pub(super) at_one: f64,
    pub(super) per_doubling: f64,
    pub(super) correlation: f64,
    /// Standard deviation around the line.
    pub(super) around: f64,
}

impl LoudnessModel {
    /// None if there is too little music for a line.
    pub(super) fn of(corpus: &Corpus) -> Result<Option<Self>> {
        let (train, _) = corpus.split()?;
        let chosen: Vec<_> = train.iter().step_by(train.len().div_ceil(PIECES).max(1)).collect();
        let mut points = Vec::new();
        for piece in &chosen {
            let performance = decode(&corpus.tokens(piece)?).performance;
            let end_us = performance.duration_us();
            let begins =
                (0..).map(|n| n * APART_SECS).take_while(|begin| (begin + SECS) * 1_000_000 <= end_us);
            for begin in begins {
                let range_us = begin * 1_000_000..(begin + SECS) * 1_000_000;
                points.extend(point(&Excerpt::of(&performance, range_us)));
            }
        }
        Ok(Self::through(&points).map(|line| Self { pieces: chosen.len(), ..line }))
    }

    fn through(points: &[(f64, f64)]) -> Option<Self> {
        let n = points.len() as f64;
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
        let (x, y) = (mean(|point| point.0), mean(|point| point.1));
        let (mut xx, mut xy, mut yy) = (0.0, 0.0, 0.0);
        for (px, py) in points {
            xx += (px - x) * (px - x);
            xy += (px - x) * (py - y);
            yy += (py - y) * (py - y);
        }
        let per_doubling = xy / xx;
        (xx > 0.0 && yy > 0.0).then(|| Self {
            pieces: 0,
            half_minutes: points.len(),
            at_one: y - per_doubling * x,
            per_doubling,
            correlation: xy / (xx * yy).sqrt(),
            around: ((yy - per_doubling * xy).max(0.0) / n).sqrt(),
        })
    }
}

/// Doublings of one note a second, and the mean MIDI velocity; none of silence.
fn point(excerpt: &Excerpt) -> Option<(f64, f64)> {
    let notes = excerpt.notes();
    let sum: f64 = notes.iter().map(|note| f64::from(note.velocity.get())).sum();
    let n = notes.len() as f64;
    (n > 0.0).then(|| ((n / SECS as f64).log2(), sum / n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_found_and_none_is_not() {
        let points: Vec<(f64, f64)> =
            (0..10).map(|x| (f64::from(x), 30.0 + 8.0 * f64::from(x) + f64::from(x % 2 * 2 - 1))).collect();
        let line = LoudnessModel::through(&points).unwrap();
        assert!((line.at_one - 30.0).abs() < 1.0 && (line.per_doubling - 8.0).abs() < 0.2, "{line:?}");
        assert!((line.around - 1.0).abs() < 0.1 && line.correlation > 0.99, "{line:?}");
        assert_eq!(LoudnessModel::through(&[]), None);
        assert_eq!(LoudnessModel::through(&[(1.0, 60.0), (1.0, 70.0)]), None);
    }
}
