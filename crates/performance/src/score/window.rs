//! Sums over neighborhoods of places, in the time of one look.

/// Values at places in order, and what they add up to.
#[derive(Debug)]
pub(super) struct Windows {
    quarters: Vec<f64>,
    /// Before each place.
    sums: Vec<f64>,
}

impl Windows {
    /// `places` in order, each with its value.
    pub(super) fn new(places: impl Iterator<Item = (f64, f64)>) -> Self {
        let (mut quarters, mut sums) = (Vec::new(), vec![0.0]);
        for (place, value) in places {
            quarters.push(place);
            sums.push(sums[sums.len() - 1] + value);
        }
        Self { quarters, sums }
    }

    /// Number and sum from `start` to before `end`.
    pub(super) fn sum(&self, start: f64, end: f64) -> (f64, f64) {
        let at = |place: f64| self.quarters.partition_point(|quarters| *quarters < place - 1e-6);
        let (from, to) = (at(start), at(end));
        if to <= from { (0.0, 0.0) } else { ((to - from) as f64, self.sums[to] - self.sums[from]) }
    }

    /// The mean there; `default` where nothing is.
    pub(super) fn mean(&self, start: f64, end: f64, default: f64) -> f64 {
        let (n, sum) = self.sum(start, end);
        if n > 0.0 { sum / n } else { default }
    }
}
