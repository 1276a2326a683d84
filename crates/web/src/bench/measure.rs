//! One run: a fresh worker, its first events, then batch after batch.

use std::cell::Cell;
use std::rc::Rc;

use super::report::{Origin, Run};
use crate::engine::Engine;
use crate::hooks::WEIGHTS;
use crate::queue::Queue;
use crate::{adapter, js};
use performance::{Note, Performance, Pitch, Recipe, Sampling, Token, Velocity, encode};
use session::engine::{Choice, Preference};
use session::protocol::{BackendKind, Job, Reply, Request};

const BATCHES: [usize; 5] = [1, 2, 4, 8, 16];
/// How long each batch is measured. Longer is steadier.
const BATCH_MS: f64 = 3000.0;
/// The music to compose for measuring when the first events come.
const FIRST_US: u64 = 1_000_000;

/// Measures a backend and tells how far it is.
///
/// # Errors
/// A sentence for the visitor.
pub async fn run(backend: BackendKind, on_progress: impl Fn(String)) -> Result<Run, String> {
    let asked_ms = js::now_ms();
    let preference = match backend {
        BackendKind::Cpu => Preference::Cpu,
        BackendKind::WebGpu => Preference::WebGpu,
        BackendKind::Burn => Preference::Burn,
        BackendKind::BurnWebGpu => Preference::BurnWebGpu,
    };
    let placement = Choice::of(preference, adapter::find().await, None).placement;
    if placement.backend != backend {
        return Err(placement
            .reason
            .map_or_else(|| "This browser has no WebGPU.".into(), |reason| reason.to_string()));
    }
    on_progress("Starting the worker…".into());
    let replies = Rc::new(Queue::default());
    let (from_worker, from_crash) = (Rc::clone(&replies), Rc::clone(&replies));
    let weights_url = js::asset_url(WEIGHTS).map_err(|error| js::text(&error))?;
    let engine = Engine::start(
        backend,
        Some(&weights_url),
        move |reply| from_worker.put(reply),
        move |why| from_crash.put(Reply::Crashed { why }),
    )
    .map_err(|notice| notice.to_string())?;
    engine.post(&Request::Load { weights_url, placement });

    let weights = Cell::new(Origin::Cache);
    let next = async || {
        loop {
            match replies.next().await {
                Reply::Downloading { .. } => weights.set(Origin::Server),
                Reply::Unsuited { reason } => return Err(reason.to_string()),
                Reply::Failed { notice } => return Err(notice.to_string()),
                Reply::Crashed { why } => return Err(format!("The worker stopped: {why}.")),
                reply => return Ok(reply),
            }
        }
    };
    let facts = loop {
        if let Reply::Ready { engine } = next().await? {
            break engine;
        }
    };
    let probe = probe();
    engine.post(&Request::Logits { tokens: probe.clone() });
    let logits = loop {
        if let Reply::Logits { logits } = next().await? {
            break logits;
        }
    };
    let job = Job {
        take: 1,
        epoch: 0,
        recipe: Recipe::new(1, Sampling::returning()),
        composed: Vec::new(),
        length_us: Some(FIRST_US),
    };
    engine.post(&Request::Start { jobs: vec![job] });
    let mut first_events_ms = None;
    loop {
        match next().await? {
            Reply::Events { .. } => {
                first_events_ms.get_or_insert_with(|| js::now_ms() - asked_ms);
            }
            Reply::Finished { .. } => break,
            _ => {}
        }
    }
    let mut run = Run::new(&facts, weights.get(), first_events_ms.unwrap_or_default());
    (run.probe, run.logits) = (probe, logits);
    for takes in BATCHES {
        let plural = if takes == 1 { "" } else { "s" };
        on_progress(format!("Measuring {takes} take{plural} at once…"));
        engine.post(&Request::Bench { takes, at_least_ms: BATCH_MS });
        loop {
            if let Reply::Benched { batch } = next().await? {
                run.add(&batch);
                break;
            }
        }
    }
    Ok(run)
}

/// What the network reads before its logits are compared: a chromatic scale.
fn probe() -> Vec<Token> {
    let note = |i: u8| {
        let start_us = u64::from(i) * 250_000;
        let (pitch, velocity) = (Pitch::new(60 + i).ok()?, Velocity::new(64).ok()?);
        Some(Note { pitch, velocity, start_us, end_us: start_us + 200_000 })
    };
    encode(&Performance::new((0..13).filter_map(note).collect()))
}
