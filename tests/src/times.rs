//! Times that were measured many times over.

use serde_json::{Value, json};

/// Measured times, in milliseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Times {
    sorted_ms: Vec<f64>,
}

impl Times {
    /// Of as many measurements.
    #[must_use]
    pub fn new(mut times_ms: Vec<f64>) -> Self {
        times_ms.sort_by(f64::total_cmp);
        Self { sorted_ms: times_ms }
    }

    /// At most this long in a share of the measurements, in milliseconds; no number if there are none.
    #[must_use]
    pub fn quantile_ms(&self, share: f64) -> f64 {
        let last = self.sorted_ms.len().saturating_sub(1);
        self.sorted_ms.get((share * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// For people: median, p95 and longest.
    #[must_use]
    pub fn to_words(&self) -> String {
        format!(
            "{:.1} ms (median), {:.1} ms (p95), {:.1} ms (longest) of {}",
            self.quantile_ms(0.5),
            self.quantile_ms(0.95),
            self.quantile_ms(1.0),
            self.sorted_ms.len()
        )
    }

    /// For programs.
    #[must_use]
    pub fn to_json(&self) -> Value {
        json!({
            "median_ms": self.quantile_ms(0.5), "p95_ms": self.quantile_ms(0.95),
            "longest_ms": self.quantile_ms(1.0), "n": self.sorted_ms.len(),
        })
    }
}
