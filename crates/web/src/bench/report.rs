//! What was measured, as a table and as JSON.

use serde::Serialize;

use performance::Token;
use session::protocol::{BackendKind, Batch, Engine};

/// Everything measured since the page opened.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The browser, as it calls itself.
    pub browser: String,
    /// CPU threads, as the browser reports them.
    pub threads: f64,
    /// In the job in which they were made.
    pub runs: Vec<Run>,
    /// How fast it learned, likewise.
    pub learning: Vec<Learning>,
}

/// How fast one worker learned.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Learning {
    /// Where, in words.
    pub place: String,
    /// By shape of the crops.
    pub crops: Vec<Crops>,
}

/// Crops of one shape.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Crops {
    /// Sequences side by side.
    pub batch: usize,
    /// Events of each.
    pub time: usize,
    pub events_per_second: f64,
    /// The worker's memory.
    pub memory_bytes: u64,
}

/// One measurement of one worker.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Run {
    pub backend: BackendKind,
    /// The GPU's name, as far as the browser gives it; empty for the CPU.
    pub adapter: String,
    /// WebGPU emulated on the CPU.
    pub is_software: bool,
    /// The model's name, such as `base`.
    pub model: String,
    /// Whether the weights came from the server or from the cache.
    pub weights: Origin,
    /// From the start of a worker to the first events of a performance: its start, its weights, its
    /// benchmark.
    pub first_events_ms: f64,
    /// The worker's memory in the end.
    pub memory_bytes: u64,
    /// By number of takes at once.
    pub batches: Vec<Row>,
    /// What the network read ...
    pub probe: Vec<Token>,
    /// ... and its logits of what comes next, to compare engines by.
    pub logits: Vec<f32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Origin {
    Server,
    /// Kept from an earlier visit.
    Cache,
}

/// Several takes at once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    pub takes: usize,
    /// Of all takes together.
    pub events_per_second: f64,
    /// Events of each take in a chunk.
    pub chunk_events: usize,
    /// The median.
    pub chunk_p50_ms: f64,
    /// The 95th percentile.
    pub chunk_p95_ms: f64,
}

impl Run {
    /// A run without rows yet.
    #[must_use]
    pub fn new(engine: &Engine, weights: Origin, first_events_ms: f64) -> Self {
        let placement = &engine.placement;
        Self {
            backend: placement.backend,
            adapter: placement.adapter.clone(),
            is_software: placement.is_software,
            model: engine.model.name.clone(),
            weights,
            first_events_ms,
            memory_bytes: 0,
            batches: Vec::new(),
            probe: Vec::new(),
            logits: Vec::new(),
        }
    }

    /// The largest difference of a logit from another run's.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f32 {
        self.logits.iter().zip(&other.logits).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }

    pub fn add(&mut self, batch: &Batch) {
        self.memory_bytes = batch.memory_bytes;
        self.batches.push(Row::new(batch));
    }

    /// The backend's name on the page.
    #[must_use]
    pub fn name(&self) -> String {
        match (self.backend, self.is_software) {
            (BackendKind::Cpu, _) => "Processor (WebAssembly SIMD)".into(),
            (BackendKind::Burn, _) => "Burn, 32 bits (reference), processor".into(),
            (BackendKind::BurnWebGpu, true) => {
                format!("Burn, 32 bits (reference), software WebGPU, {}", self.adapter)
            }
            (BackendKind::BurnWebGpu, false) => {
                format!("Burn, 32 bits (reference), WebGPU, {}", self.adapter)
            }
            (BackendKind::WebGpu, true) => format!("Software WebGPU, {}", self.adapter),
            (BackendKind::WebGpu, false) => format!("WebGPU, {}", self.adapter),
        }
    }
}

impl Row {
    fn new(batch: &Batch) -> Self {
        let events = batch.takes * batch.chunk_events * batch.chunks_ms.len();
        Self {
            takes: batch.takes,
            events_per_second: 1000.0 * events as f64 / batch.took_ms.max(f64::MIN_POSITIVE),
            chunk_events: batch.chunk_events,
            chunk_p50_ms: quantile(&batch.chunks_ms, 0.50),
            chunk_p95_ms: quantile(&batch.chunks_ms, 0.95),
        }
    }
}

/// The smallest value that at least this share of all values does not exceed; 0 of none.
fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (share * sorted.len() as f64).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occurred() {
        let values: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        assert_eq!((quantile(&values, 0.5), quantile(&values, 0.95)), (50.0, 95.0));
        assert_eq!((quantile(&[7.0], 0.5), quantile(&[7.0], 0.95), quantile(&[], 0.5)), (7.0, 7.0, 0.0));
    }

    #[test]
    fn rows_count_all_takes() {
        let chunks_ms = vec![10.0, 30.0];
        let row = Row::new(&Batch { takes: 4, chunk_events: 8, chunks_ms, took_ms: 50.0, memory_bytes: 1 });
        assert_eq!((row.events_per_second, row.chunk_p50_ms, row.chunk_p95_ms), (1280.0, 10.0, 30.0));
    }
}
