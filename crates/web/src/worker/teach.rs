//! The worker that learns from a visitor's music. It does one thing at a time, and looks into its inbox
//! between any two steps.

mod bench;
mod lesson;
mod lock;
mod read;
mod reference;
mod saved;
mod trouble;

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use performance::Token;
use session::teach::{MusicReport, TeachReply, TeachRequest};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::MessageEvent;

use super::scope;
use crate::js;
use crate::queue::Queue;
use lock::Lock;
use trouble::Trouble;

/// Where Burn computes. Each program has one of its own, so that only one of them carries a GPU's kernels.
#[expect(async_fn_in_trait, reason = "a worker has one thread, and its futures stay there")]
pub trait Place: 'static {
    /// Whether the device can go away while it is in use.
    const CAN_BE_LOST: bool;

    /// Opens the device. Once only.
    ///
    /// # Errors
    /// If there is none.
    async fn open() -> Result<learn::Device, learn::Error>;
}

/// The CPU, which is always there.
#[derive(Debug)]
pub struct OnCpu;

impl Place for OnCpu {
    const CAN_BE_LOST: bool = false;

    async fn open() -> Result<learn::Device, learn::Error> {
        Ok(learn::cpu())
    }
}

/// A request, and the files that came with it.
struct Incoming {
    request: TeachRequest,
    files: Array,
}

type Inbox = Queue<Incoming>;

/// What was read.
#[derive(Default)]
struct Music {
    pieces: Vec<Vec<Token>>,
    report: MusicReport,
}

/// Starts listening, until the page ends the worker. The page says whether it is to learn or to play.
pub fn run<P: Place>() {
    if js::get(&scope(), "performanceRnnRole") == "play" {
        return super::run::<reference::Reference<P>>();
    }
    std::panic::set_hook(Box::new(|panic| {
        console_error_panic_hook::hook(panic);
        let why = panic.payload_as_str().unwrap_or("it does not say why").to_owned();
        post(&TeachReply::Crashed { why });
    }));
    spawn_local(listen::<P>());
}

async fn listen<P: Place>() {
    let inbox = Rc::new(Inbox::default());
    let on_message = {
        let inbox = Rc::clone(&inbox);
        Closure::<dyn Fn(MessageEvent)>::new(move |event: MessageEvent| match parse(&event.data()) {
            Ok(incoming) => inbox.put(incoming),
            Err(why) => post(&TeachReply::Crashed { why }),
        })
    };
    scope().set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    post(&TeachReply::Alive);
    let device = match P::open().await {
        Ok(device) => device,
        Err(error) => {
            scope().set_onmessage(None);
            return post(&TeachReply::Unsuited { why: error.to_string() });
        }
    };
    let _debug = super::debug();
    let mut music = Music::default();
    // Never ends, and so keeps `on_message`.
    loop {
        let Incoming { request, files } = inbox.next().await;
        match request {
            TeachRequest::Look => {
                if let Some(unfinished) = saved::look().await {
                    post(&TeachReply::Found(unfinished));
                }
            }
            TeachRequest::Read { speed } => {
                music = read::music(&files).await;
                post(&TeachReply::Read(music.report.clone()));
                told::<P>(bench::estimate(&device, &music, speed, &inbox).await);
            }
            TeachRequest::Start { weights_url, events } => {
                told::<P>(alone(lesson::start(&device, &weights_url, &music, events, &inbox)).await);
            }
            TeachRequest::Resume { weights_url } => {
                told::<P>(alone(lesson::resume(&device, &weights_url, &inbox)).await);
            }
            TeachRequest::Cancel => {
                if Lock::take().await.is_some() {
                    saved::forget().await;
                }
            }
            TeachRequest::Bench { batch, time, at_least_ms } => {
                told::<P>(bench::bench(&device, batch, time, at_least_ms).await);
            }
            TeachRequest::Pause | TeachRequest::GoOn | TeachRequest::Stop => {}
        }
    }
}

/// Learns, unless another tab does.
async fn alone(learn: impl Future<Output = Result<(), Trouble>>) -> Result<(), Trouble> {
    const BUSY: &str = "Another tab of this page is learning. Wait until it is done, or close it.";
    let _lock = Lock::take().await.ok_or(BUSY)?;
    learn.await
}

/// Tells the page what went wrong, if anything did.
fn told<P: Place>(outcome: Result<(), Trouble>) {
    match outcome {
        Ok(()) => {}
        Err(Trouble::Device(why)) if P::CAN_BE_LOST => post(&TeachReply::Crashed { why }),
        Err(trouble) => post(&TeachReply::Failed { why: trouble.to_string() }),
    }
}

/// Text, or text and files.
fn parse(data: &JsValue) -> Result<Incoming, String> {
    let (json, files) = match data.dyn_ref::<Array>() {
        Some(parts) => (parts.get(0), parts.get(1).dyn_into().unwrap_or_default()),
        None => (data.clone(), Array::new()),
    };
    let json = json.as_string().ok_or("the page said something that is not text")?;
    let request = serde_json::from_str(&json).map_err(|error| error.to_string())?;
    Ok(Incoming { request, files })
}

/// Posts a reply to the page.
fn post(reply: &TeachReply) {
    send(reply, |json| json);
}

/// Posts a reply with bytes.
fn post_with_bytes(reply: &TeachReply, bytes: &[u8]) {
    send(reply, |json| Array::of2(&json, &Uint8Array::from(bytes)).into());
}

fn send(reply: &TeachReply, message: impl FnOnce(JsValue) -> JsValue) {
    let outcome = match serde_json::to_string(reply) {
        Ok(json) => scope().post_message(&message(json.into())),
        Err(error) => Err(error.to_string().into()),
    };
    if let Err(error) = outcome {
        web_sys::console::error_1(&error);
    }
}
