//! Which played note is which written one, where beats are annotated.

use std::collections::BTreeMap;

use super::builder::Score;
use crate::Performance;

/// A beat in the score and in the performance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beat {
    /// Where it is written.
    pub quarters: f64,
    /// When it is played, in seconds from the performance's time 0.
    pub secs: f64,
}

/// A match lies within so much of a beat. Larger finds other notes of the pitch, smaller loses rubato.
const REACH_BEATS: f64 = 0.75;
/// How often the map is corrected by what matched.
const N_REFINEMENTS: usize = 2;
/// Chords in the running median of residuals.
const MEDIAN_CHORDS: usize = 9;

/// For each note of a score, the performance's note that plays it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    played: Vec<Option<usize>>,
}

impl Matching {
    /// A matching that was made elsewhere.
    ///
    /// # Shapes
    /// `played` has a value for each note of the score.
    #[must_use]
    pub fn new(played: Vec<Option<usize>>) -> Self {
        Self { played }
    }

    /// The performance's note for a note of the score.
    #[must_use]
    pub fn played(&self, score_note: usize) -> Option<usize> {
        self.played.get(score_note).copied().flatten()
    }

    /// How many match.
    #[must_use]
    pub fn len(&self) -> usize {
        self.played.iter().flatten().count()
    }

    /// Whether nothing matches.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Matches a performance to its score: beats map written places to seconds, the closest notes of one pitch that
/// choose each other within ¾ beat match, and the map is corrected twice by running medians of what they say.
/// Nothing matches with fewer than two beats.
#[must_use]
pub fn align(score: &Score, performance: &Performance, beats: &[Beat]) -> Matching {
    let mut anchors: Vec<Beat> = Vec::with_capacity(beats.len());
    for beat in beats.iter().filter(|beat| beat.quarters.is_finite() && beat.secs.is_finite()) {
        if anchors.last().is_none_or(|last| beat.quarters > last.quarters && beat.secs > last.secs) {
            anchors.push(*beat);
        }
    }
    if anchors.len() < 2 {
        return Matching { played: vec![None; score.notes().len()] };
    }
    let reach = |secs: f64| {
        let after = anchors.partition_point(|beat| beat.secs <= secs).clamp(1, anchors.len() - 1);
        REACH_BEATS * (anchors[after].secs - anchors[after - 1].secs)
    };
    let mut expected: Vec<f64> =
        score.chords().iter().map(|chord| interpolate(&anchors, chord.onset_quarters)).collect();
    let mut matching = nearest(score, performance, &expected, reach);
    for _ in 0..N_REFINEMENTS {
        correct(score, performance, &matching, &mut expected);
        matching = nearest(score, performance, &expected, reach);
    }
    matching
}

/// Seconds at a place; outside the beats with the tempo of the first or last.
fn interpolate(beats: &[Beat], quarters: f64) -> f64 {
    let after = beats.partition_point(|beat| beat.quarters <= quarters).clamp(1, beats.len() - 1);
    let (from, to) = (beats[after - 1], beats[after]);
    from.secs + (quarters - from.quarters) * (to.secs - from.secs) / (to.quarters - from.quarters)
}

/// Pairs of one pitch that are each other's closest.
fn nearest(
    score: &Score,
    performance: &Performance,
    expected: &[f64],
    reach: impl Fn(f64) -> f64,
) -> Matching {
    let mut played_of_pitch: BTreeMap<u8, Vec<(f64, usize)>> = BTreeMap::new();
    for (idx, note) in performance.notes().iter().enumerate() {
        played_of_pitch.entry(note.pitch.get()).or_default().push((note.start_us as f64 / 1e6, idx));
    }
    let mut written_of_pitch: BTreeMap<u8, Vec<(f64, usize)>> = BTreeMap::new();
    for (idx, note) in score.notes().iter().enumerate() {
        written_of_pitch.entry(note.pitch.get()).or_default().push((expected[note.chord], idx));
    }
    let mut played = vec![None; score.notes().len()];
    for (pitch, mut written) in written_of_pitch {
        let Some(candidates) = played_of_pitch.get(&pitch) else { continue };
        written.sort_by(|a, b| a.0.total_cmp(&b.0));
        for &(secs, idx) in &written {
            let Some(&(played_secs, played_idx)) = closest(candidates, secs) else { continue };
            let is_mutual = closest(&written, played_secs).is_some_and(|&(_, back)| back == idx);
            if is_mutual && (played_secs - secs).abs() <= reach(secs) {
                played[idx] = Some(played_idx);
            }
        }
    }
    Matching { played }
}

/// In times in order, the closest to `secs`.
fn closest(times: &[(f64, usize)], secs: f64) -> Option<&(f64, usize)> {
    let after = times.partition_point(|time| time.0 < secs);
    let around = times[after.saturating_sub(1)..times.len().min(after + 1)].iter();
    around.min_by(|a, b| (a.0 - secs).abs().total_cmp(&(b.0 - secs).abs()))
}

/// Moves each chord's expected time by the median residual of its neighborhood.
fn correct(score: &Score, performance: &Performance, matching: &Matching, expected: &mut [f64]) {
    let mut residuals: Vec<(usize, f64)> = Vec::new();
    for (chord_idx, chord) in score.chords().iter().enumerate() {
        let played = chord.notes.clone().filter_map(|idx| matching.played(idx));
        let mut secs: Vec<f64> =
            played.map(|idx| performance.notes()[idx].start_us as f64 / 1e6 - expected[chord_idx]).collect();
        if let Some(residual) = median(&mut secs) {
            residuals.push((chord_idx, residual));
        }
    }
    if residuals.is_empty() {
        return;
    }
    let half = MEDIAN_CHORDS / 2;
    for (chord_idx, secs) in expected.iter_mut().enumerate() {
        let at = residuals.partition_point(|residual| residual.0 < chord_idx);
        let around = at.saturating_sub(half)..residuals.len().min(at + half + 1);
        let mut values: Vec<f64> = residuals[around].iter().map(|residual| residual.1).collect();
        *secs += median(&mut values).unwrap_or(0.0);
    }
}

fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}
