//! The worker that learns, as the page sees it.

use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use session::teach::{Place, Simd, TeachReply, TeachRequest};
use wasm_bindgen::prelude::*;

use crate::js;
use crate::worker_port::{Heard, WorkerPort};

/// A running worker. Dropping it ends the worker.
pub struct Teacher(WorkerPort);

impl Teacher {
    /// Starts the worker of a place. `on_reply` gets its replies, and the bytes that came with them.
    ///
    /// # Errors
    /// The browser's error, if it does not start it.
    pub fn start(
        place: &Place,
        simd: Simd,
        on_reply: impl Fn(TeachReply, Option<Vec<u8>>) + 'static,
    ) -> Result<Self, JsValue> {
        let on_reply = Rc::new(on_reply);
        let hear = {
            let on_reply = Rc::clone(&on_reply);
            move |data: &JsValue| {
                match parse(data) {
                    Ok((TeachReply::Alive, _)) => return Heard::Alive,
                    Ok((reply, bytes)) => on_reply(reply, bytes),
                    Err(why) => on_reply(TeachReply::Crashed { why }, None),
                }
                Heard::Reply
            }
        };
        let on_crash = move |why| on_reply(TeachReply::Crashed { why }, None);
        WorkerPort::open(place.files(simd), "learn", None, hear, on_crash).map(Self)
    }

    pub fn post(&self, request: &TeachRequest) {
        self.0.send(request, None);
    }

    /// Posts a request with files, which the worker reads.
    pub fn post_with_files(&self, request: &TeachRequest, files: &Array) {
        self.0.send(request, Some(files));
    }
}

/// Text, or text and bytes.
fn parse(data: &JsValue) -> Result<(TeachReply, Option<Vec<u8>>), String> {
    let (json, bytes) = match data.dyn_ref::<Array>() {
        Some(parts) => (parts.get(0), parts.get(1).dyn_into().ok().map(|bytes: Uint8Array| bytes.to_vec())),
        None => (data.clone(), None),
    };
    let json = json.as_string().ok_or_else(|| js::text(data))?;
    Ok((serde_json::from_str(&json).map_err(|error| error.to_string())?, bytes))
}
