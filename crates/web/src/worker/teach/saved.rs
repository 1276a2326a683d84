//! A run in the browser's storage: enough to go on after a crash or a reload.

use js_sys::{Array, Uint8Array, Uint16Array};
use learn::{Best, Plan, Teaching};
use performance::Token;
use serde::{Deserialize, Serialize};
use session::teach::{MusicReport, Unfinished};
use wasm_bindgen::prelude::*;
use web_sys::Blob;

use super::Music;
use crate::database::Failure;
use crate::js;
use crate::models;

/// Keys. The music and the plan are kept once, when a run begins; the others again and again.
const MUSIC: &str = "run/music";
const PLAN: &str = "run/plan";
const PROGRESS: &str = "run/progress";
const CHECKPOINT: &str = "run/checkpoint";
const BEST: &str = "run/best";

/// What a run began with.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Began {
    pub(super) report: MusicReport,
    pub(super) events: u64,
    /// Where each piece ends in the tokens of all.
    ends: Vec<usize>,
}

/// How far it is.
#[derive(Serialize, Deserialize)]
struct Progress {
    events: u64,
    checks: Vec<(u64, f64)>,
    best_nats: Option<f64>,
}

/// Keeps what a run begins with.
pub(super) async fn begin(music: &Music, plan: &Plan) -> Result<(), Failure> {
    let mut tokens: Vec<u16> = Vec::with_capacity(music.report.events);
    let mut ends = Vec::new();
    for piece in &music.pieces {
        tokens.extend(piece.iter().map(|token| token.get()));
        ends.push(tokens.len());
    }
    let began = Began { report: music.report.clone(), events: plan.events, ends };
    forget().await;
    models::put(&[(PLAN, json(&began)?), (MUSIC, Uint16Array::from(tokens.as_slice()).into())]).await
}

/// Keeps where it stands.
pub(super) async fn keep(teaching: &Teaching) -> Result<(), Failure> {
    let parts = Array::new();
    let written = teaching.checkpoint(|part| {
        parts.push(&Uint8Array::from(part));
    });
    written.await.map_err(|error| Failure::Other(error.to_string()))?;
    let best = teaching.best();
    let progress = Progress {
        events: teaching.events(),
        checks: teaching.checks().to_vec(),
        best_nats: best.map(|best| best.nats),
    };
    let mut entries = vec![(PROGRESS, json(&progress)?), (CHECKPOINT, blob(&parts)?)];
    drop(parts);
    entries.extend(best.map(|best| (BEST, Uint8Array::from(best.file.as_slice()).into())));
    models::put(&entries).await
}

/// The run that was not ended, if there is one.
pub(super) async fn look() -> Option<Unfinished> {
    let began = began().await?;
    let Progress { events, checks, .. } = progress().await?;
    Some(Unfinished { report: began.report, events, planned: began.events, checks })
}

/// What the run began with.
pub(super) async fn began() -> Option<Began> {
    serde_json::from_str(&text(PLAN).await.ok()??).ok()
}

async fn progress() -> Option<Progress> {
    serde_json::from_str(&text(PROGRESS).await.ok()??).ok()
}

/// Its music.
pub(super) async fn music(began: &Began) -> Option<Music> {
    let tokens: Uint16Array = models::get(MUSIC).await.ok()??.dyn_into().ok()?;
    let tokens = tokens.to_vec().into_iter().map(Token::new).collect::<Result<Vec<_>, _>>().ok()?;
    let mut start = 0;
    let pieces = began.ends.iter().map(|&end| {
        let piece = tokens.get(start..end).unwrap_or_default().to_vec();
        start = end;
        piece
    });
    Some(Music { pieces: pieces.collect(), report: began.report.clone() })
}

/// Its checkpoint, and its best weights so far.
pub(super) async fn checkpoint() -> Option<(Vec<u8>, Option<Best>)> {
    let checkpoint = models::bytes(CHECKPOINT).await.ok()??;
    let file = models::bytes(BEST).await.ok()?;
    let nats = progress().await?.best_nats;
    Some((checkpoint, nats.zip(file).map(|(nats, file)| Best { nats, file })))
}

/// Forgets the run.
pub(super) async fn forget() {
    if let Err(why) = models::delete(&[MUSIC, PLAN, PROGRESS, CHECKPOINT, BEST]).await {
        web_sys::console::debug_1(&why.to_string().into());
    }
}

async fn text(key: &str) -> Result<Option<String>, Failure> {
    Ok(models::get(key).await?.and_then(|value| value.as_string()))
}

/// A blob of parts, one after another. The browser keeps it out of the worker's memory.
fn blob(parts: &Array) -> Result<JsValue, Failure> {
    Blob::new_with_u8_array_sequence(parts)
        .map(JsValue::from)
        .map_err(|error| Failure::Other(js::text(&error)))
}

fn json(value: &impl Serialize) -> Result<JsValue, Failure> {
    serde_json::to_string(value).map(JsValue::from).map_err(|error| Failure::Other(error.to_string()))
}
