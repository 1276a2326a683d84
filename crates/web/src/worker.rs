//! The worker: it does what the page requests, with any backend.
//!
//! The worker does one thing at a time, in the order of the requests. But a new request ends composing
//! between any two events.

mod bench;
mod compose;
mod composition;
mod engine;
mod inbox;
mod pause;
#[cfg(feature = "learn")]
pub mod teach;
mod ticker;
mod weights;

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

pub use engine::{Device, Processor};

use crate::js;
use compose::Pool;
use engine::Engine;
use inbox::{Inbox, Incoming};
use session::Notice;
use session::protocol::{Placement, Reply, Request};
use ticker::Ticker;

/// Starts listening, until the page ends the worker.
pub fn run<D: Device>() {
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        let why = panic.payload_as_str().unwrap_or("it does not say why").to_owned();
        post(&Reply::Crashed { why });
    }));
    spawn_local(listen::<D>());
}

async fn listen<D: Device>() {
    let inbox = Rc::new(Inbox::default());
    let on_message = {
        let inbox = Rc::clone(&inbox);
        Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| {
            match Incoming::parse(&event.data()) {
                Ok(incoming) => inbox.put(incoming),
                Err(why) => post(&Reply::Failed { notice: Notice::WireBroken { why } }),
            }
        })
    };
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    let _debug = debug();
    post(&Reply::Alive);
    let mut ticker = Ticker::default();
    let mut engine: Option<Engine<D>> = None;
    let mut pool = Pool::default();
    // Never ends, and so keeps `on_message`.
    loop {
        let Incoming { request, bytes } = inbox.next().await;
        match request {
            Request::Load { weights_url, placement } => {
                pool.clear();
                if let Err(notice) = load(&mut engine, &weights_url, placement).await {
                    post(&Reply::Failed { notice });
                }
            }
            Request::LoadFile { name } => {
                pool.clear();
                if let Some(engine) = &mut engine
                    && let Err(notice) = engine.load_file(&name, &bytes).await
                {
                    post(&Reply::Failed { notice });
                }
            }
            Request::Start { jobs } => {
                if let Some(engine) = &engine {
                    compose::compose(engine, jobs, &mut pool, &inbox, &mut ticker).await;
                }
            }
            Request::Bench { takes, at_least_ms } => {
                if let Some(engine) = &engine {
                    match bench::bench(engine, takes, at_least_ms).await {
                        Ok(Some(batch)) => post(&Reply::Benched { batch }),
                        Ok(None) => {}
                        Err(error) => failed(&error),
                    }
                }
            }
            Request::Logits { tokens } => {
                if let Some(engine) = &engine {
                    match engine.logits(&tokens).await {
                        Ok(logits) => post(&Reply::Logits { logits }),
                        Err(error) => failed(&error),
                    }
                }
            }
            Request::Tick { every_ms } => ticker.set(every_ms),
            Request::Consider { is_asked } => pool.set_considers(is_asked),
            Request::Steer { .. } | Request::Played { .. } | Request::Stop => {}
        }
    }
}

fn failed(error: &rnn::Error) {
    post(&Reply::Failed { notice: Notice::ComposingFailed { why: error.to_string() } });
}

async fn load<D: Device>(
    engine: &mut Option<Engine<D>>,
    weights_url: &str,
    placement: Placement,
) -> Result<(), Notice> {
    let cached = weights::cached(weights_url).await;
    let is_cached = cached.is_some();
    let bytes = match cached {
        Some(bytes) => bytes,
        None => weights::download(weights_url).await?,
    };
    post(&Reply::Preparing);
    if engine.is_none() {
        // A device can be opened once only.
        match Engine::open(placement).await {
            Ok(opened) => *engine = Some(opened),
            Err(reason) => {
                post(&Reply::Unsuited { reason });
                return Ok(());
            }
        }
    }
    let Some(engine) = engine else { return Ok(()) };
    match engine.load(&bytes).await {
        Err(_) if is_cached => {
            // The cache may be damaged; the server's file decides.
            weights::forget(weights_url).await;
            let bytes = weights::download(weights_url).await?;
            engine.load(&bytes).await
        }
        outcome => outcome,
    }
}

/// A look inside for tests in a browser: `performanceRnn.memory()` is the number of bytes of the worker's
/// memory.
fn debug() -> Closure<dyn Fn() -> JsValue> {
    let memory = Closure::<dyn Fn() -> JsValue>::new(|| js::memory_bytes().into());
    let object = js_sys::Object::new();
    let shown = js_sys::Reflect::set(&object, &"memory".into(), memory.as_ref())
        .and_then(|_| js_sys::Reflect::set(&scope(), &"performanceRnn".into(), &object));
    if let Err(error) = shown {
        web_sys::console::debug_1(&error);
    }
    memory
}

/// Posts a reply to the page.
fn post(reply: &Reply) {
    let outcome = match serde_json::to_string(reply) {
        Ok(json) => scope().post_message(&json.into()),
        Err(error) => Err(error.to_string().into()),
    };
    if let Err(error) = outcome {
        web_sys::console::error_1(&error);
    }
}

fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Milliseconds on a clock that only goes forward.
fn now_ms() -> f64 {
    scope().performance().map_or_else(js_sys::Date::now, |performance| performance.now())
}
