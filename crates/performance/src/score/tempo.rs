//! Written tempo.

/// From here on, so fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TempoMark {
    /// Where.
    pub onset_quarters: f64,
    /// Quarters per minute; 5 to 1,000.
    pub quarters_per_minute: f64,
}

/// What a score without tempo is played at, as MIDI files are.
const DEFAULT_QUARTERS_PER_MINUTE: f64 = 120.0;

/// Slowest and fastest tempo that is believed; others are a slip of the pen or of a program.
const TEMPO_RANGE: (f64, f64) = (5.0, 1_000.0);

/// Places in quarters ↔ seconds, at the written tempo.
#[derive(Clone, Debug, PartialEq)]
pub struct TempoMap {
    /// (quarters, seconds there, seconds per quarter from there), the first at 0.
    pieces: Vec<(f64, f64, f64)>,
}

impl TempoMap {
    /// A map from marks in any order; where two stand at one place, the last counts.
    #[must_use]
    pub fn new(marks: &[TempoMark]) -> Self {
        let mut marks: Vec<TempoMark> = marks
            .iter()
            .copied()
            .filter(|mark| mark.onset_quarters.is_finite() && mark.quarters_per_minute.is_finite())
            .collect();
        marks.sort_by(|a, b| a.onset_quarters.total_cmp(&b.onset_quarters));
        let mut pieces = vec![(0.0, 0.0, 60.0 / DEFAULT_QUARTERS_PER_MINUTE)];
        for mark in marks {
            let period = 60.0 / mark.quarters_per_minute.clamp(TEMPO_RANGE.0, TEMPO_RANGE.1);
            let onset = mark.onset_quarters.max(0.0);
            let (last_onset, last_secs, last_period) = pieces[pieces.len() - 1];
            if onset <= last_onset {
                pieces.pop();
                pieces.push((last_onset, last_secs, period));
            } else {
                pieces.push((onset, last_secs + (onset - last_onset) * last_period, period));
            }
        }
        Self { pieces }
    }

    fn piece_at(&self, key: impl Fn(&(f64, f64, f64)) -> f64, value: f64) -> (f64, f64, f64) {
        let after = self.pieces.partition_point(|piece| key(piece) <= value);
        self.pieces[after.saturating_sub(1)]
    }

    /// The marks that it is made of.
    #[must_use]
    pub fn marks(&self) -> Vec<TempoMark> {
        let mark = |&(onset_quarters, _, period): &(f64, f64, f64)| TempoMark {
            onset_quarters,
            quarters_per_minute: 60.0 / period,
        };
        self.pieces.iter().map(mark).collect()
    }

    /// Seconds from the score's beginning; negative before it.
    #[must_use]
    pub fn secs(&self, quarters: f64) -> f64 {
        let (onset, secs, period) = self.piece_at(|piece| piece.0, quarters);
        secs + (quarters - onset) * period
    }

    /// Quarters at so many seconds.
    #[must_use]
    pub fn quarters(&self, secs: f64) -> f64 {
        let (onset, at_secs, period) = self.piece_at(|piece| piece.1, secs);
        onset + (secs - at_secs) / period
    }

    /// Seconds per quarter at a place.
    #[must_use]
    pub fn period_secs(&self, quarters: f64) -> f64 {
        self.piece_at(|piece| piece.0, quarters).2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_and_quarters_are_inverse() {
        let mark = |onset_quarters, quarters_per_minute| TempoMark { onset_quarters, quarters_per_minute };
        let map = TempoMap::new(&[mark(4.0, 60.0), mark(8.0, 240.0), mark(8.0, 30.0)]);
        assert_eq!([0.0, 4.0, 5.0, 8.0, 9.0].map(|q| map.secs(q)), [0.0, 2.0, 3.0, 6.0, 8.0]);
        for quarters in [-1.0, 0.0, 3.9, 4.0, 7.5, 8.0, 100.0] {
            assert!((map.quarters(map.secs(quarters)) - quarters).abs() < 1e-9);
        }
    }
}
