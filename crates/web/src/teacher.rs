//! The page's end of the wire to the worker that learns.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker};

use crate::engine::shim;
use crate::file::ObjectUrl;
use crate::js;
use session::teach::{TeachReply, TeachRequest};

/// Its script and its wasm, as Trunk names them.
const FILES: [&str; 2] = ["worker_burn.js", "worker_burn_bg.wasm"];

/// A running worker. Dropping it ends the worker.
pub struct Teacher {
    worker: Worker,
    // Messages to a worker that is not alive yet.
    waiting: Rc<RefCell<Option<Vec<JsValue>>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
    _shim: ObjectUrl,
}

impl Teacher {
    /// Starts the worker. `on_reply` gets its replies, and the bytes that came with them.
    ///
    /// # Errors
    /// The browser's error, if it does not start it.
    pub fn start(on_reply: impl Fn(TeachReply, Option<Vec<u8>>) + 'static) -> Result<Self, JsValue> {
        let shim = ObjectUrl::new(shim(FILES, "learn")?.as_bytes(), "text/javascript")?;
        let worker = Worker::new(shim.as_str())?;
        let waiting = Rc::new(RefCell::new(Some(Vec::new())));
        let on_reply = Rc::new(on_reply);
        let on_message = {
            let (worker, waiting, on_reply) = (worker.clone(), Rc::clone(&waiting), Rc::clone(&on_reply));
            Closure::new(move |event: MessageEvent| match parse(&event.data()) {
                Ok((TeachReply::Alive, _)) => {
                    for message in waiting.borrow_mut().take().into_iter().flatten() {
                        post(&worker, &message);
                    }
                }
                Ok((reply, bytes)) => on_reply(reply, bytes),
                Err(why) => on_reply(TeachReply::Crashed { why }, None),
            })
        };
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            let message = event.message();
            let why = message.trim_start_matches("Uncaught ").trim_end_matches('.');
            let why = if why.is_empty() { "it could not be loaded".into() } else { why.to_owned() };
            on_reply(TeachReply::Crashed { why }, None);
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, waiting, _on_message: on_message, _on_error: on_error, _shim: shim })
    }

    pub fn post(&self, request: &TeachRequest) {
        self.send(request, |json| json);
    }

    /// Posts a request with files, which the worker reads.
    pub fn post_with_files(&self, request: &TeachRequest, files: &Array) {
        self.send(request, |json| Array::of2(&json, files).into());
    }

    fn send(&self, request: &TeachRequest, message: impl FnOnce(JsValue) -> JsValue) {
        let message = match serde_json::to_string(request) {
            Ok(json) => message(json.into()),
            Err(error) => return web_sys::console::error_1(&error.to_string().into()),
        };
        match self.waiting.borrow_mut().as_mut() {
            Some(waiting) => waiting.push(message),
            None => post(&self.worker, &message),
        }
    }
}

impl Drop for Teacher {
    fn drop(&mut self) {
        self.worker.set_onmessage(None);
        self.worker.set_onerror(None);
        self.worker.terminate();
    }
}

fn post(worker: &Worker, message: &JsValue) {
    if let Err(error) = worker.post_message(message) {
        web_sys::console::error_1(&error);
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
