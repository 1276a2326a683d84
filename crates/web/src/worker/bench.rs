//! How fast performances are composed, for the page `bench.html`.

use rnn::Generate;

use super::composition::MAX_CHUNK_EVENTS;
use super::engine::{Device, Engine};
use super::now_ms;
use crate::js;
use session::protocol::Batch;

/// Events of each take before the clock runs: the first ones compile a GPU's programs.
const WARM_UP_EVENTS: usize = 8;

/// Composes `n_takes` performances at once, for at least `at_least_ms`; `None` before a network is loaded.
///
/// A chunk is as long as in composing, between two looks into the inbox.
pub(super) async fn bench<D: Device>(
    engine: &Engine<D>,
    n_takes: usize,
    at_least_ms: f64,
) -> Result<Option<Batch>, rnn::Error> {
    let seeds: Vec<u64> = (1..).take(n_takes).collect();
    let Some(mut takes) = engine.takes(&seeds)? else { return Ok(None) };
    takes.next_chunk(WARM_UP_EVENTS).await?;
    let started = now_ms();
    takes.next_chunk(WARM_UP_EVENTS).await?;
    let fitting = WARM_UP_EVENTS as f64 * D::CHUNK_MS / (now_ms() - started).max(0.1);
    let chunk_events = (fitting as usize).clamp(1, MAX_CHUNK_EVENTS);
    let (started, mut chunks_ms) = (now_ms(), Vec::new());
    while now_ms() - started < at_least_ms {
        let chunk_started = now_ms();
        takes.next_chunk(chunk_events).await?;
        chunks_ms.push(now_ms() - chunk_started);
    }
    let took_ms = now_ms() - started;
    let memory_bytes = js::memory_bytes() as u64;
    Ok(Some(Batch { takes: n_takes, chunk_events, chunks_ms, took_ms, memory_bytes }))
}
