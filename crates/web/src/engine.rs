//! The worker that composes, as the page sees it.

use std::cell::Cell;
use std::rc::Rc;

use js_sys::Uint8Array;
use session::Notice;
use session::protocol::{BackendKind, Reply, Request};
use wasm_bindgen::prelude::*;

use crate::js;
use crate::worker_port::{Heard, WorkerPort};

/// A running worker. Dropping it ends the worker.
pub struct Engine(WorkerPort);

impl Engine {
    /// Starts the worker for this placement, which will ask for these weights. `on_reply` gets its replies,
    /// `on_crash` the reason of a crash.
    ///
    /// # Errors
    /// A notice for the visitor, if the browser does not start it.
    pub fn start(
        backend: BackendKind,
        weights_url: Option<&str>,
        on_reply: impl Fn(Reply) + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Result<Self, Notice> {
        // A crash may be reported twice: by the worker and by the browser.
        let on_crash = {
            let is_told = Cell::new(false);
            Rc::new(move |why| {
                if !is_told.replace(true) {
                    on_crash(why);
                }
            })
        };
        let hear = {
            let on_crash = Rc::clone(&on_crash);
            move |data: &JsValue| {
                match parse(data) {
                    Ok(Reply::Alive) => return Heard::Alive,
                    Ok(Reply::Crashed { why }) => on_crash(why),
                    Ok(reply) => on_reply(reply),
                    Err(why) => on_reply(Reply::Failed { notice: Notice::WireBroken { why } }),
                }
                Heard::Reply
            }
        };
        let port = WorkerPort::open(backend.files(), "play", weights_url, hear, move |why| on_crash(why));
        port.map(Self).map_err(|error| Notice::NoWorker { why: js::text(&error) })
    }

    pub fn post(&self, request: &Request) {
        self.0.send(request, None);
    }

    /// Posts a request with a file's bytes.
    pub fn post_with_bytes(&self, request: &Request, bytes: &[u8]) {
        self.0.send(request, Some(&Uint8Array::from(bytes)));
    }
}

fn parse(data: &JsValue) -> Result<Reply, String> {
    let json = data.as_string().ok_or("the worker said something that is not text")?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}
