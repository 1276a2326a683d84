//! What the worker is up to, as the page sees it.

use std::rc::Rc;

use crate::protocol::Engine;

/// What the worker is up to.
#[derive(Clone, Debug, PartialEq)]
pub enum EngineState {
    /// Being started, or opening the cache.
    Starting,
    /// Downloading the weights.
    Downloading(Download),
    /// Preparing the device.
    Preparing,
    /// Ready to compose.
    Ready(Rc<Engine>),
    /// Not to be had; a notice says why.
    Down,
}

/// A download under way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Download {
    /// So far.
    pub received_bytes: u64,
    /// The total.
    pub total_bytes: Option<u64>,
    started_ms: f64,
    started_bytes: u64,
    now_ms: f64,
}

impl Download {
    /// The download after `earlier`, now.
    #[must_use]
    pub fn next(earlier: Option<Self>, received_bytes: u64, total_bytes: Option<u64>, now_ms: f64) -> Self {
        let start = earlier.filter(|earlier| earlier.received_bytes <= received_bytes);
        let (started_ms, started_bytes) =
            start.map_or((now_ms, received_bytes), |start| (start.started_ms, start.started_bytes));
        Self { received_bytes, total_bytes, started_ms, started_bytes, now_ms }
    }

    /// Seconds left at the speed so far, once there is a speed to speak of.
    #[must_use]
    pub fn secs_left(&self) -> Option<u64> {
        let secs = (self.now_ms - self.started_ms) / 1000.0;
        let bytes = self.received_bytes - self.started_bytes;
        let left = self.total_bytes?.saturating_sub(self.received_bytes);
        (secs > 0.3 && bytes > 0).then(|| (left as f64 * secs / bytes as f64).ceil() as u64)
    }
}
