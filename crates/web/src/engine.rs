//! The page's end of the wire to the worker.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Uint8Array};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker};

use crate::file::ObjectUrl;
use crate::js;
use session::Notice;
use session::protocol::{BackendKind, Reply, Request};

/// A running worker. Dropping it ends the worker.
pub struct Engine {
    worker: Worker,
    // Messages to a worker that is not alive yet.
    waiting: Rc<RefCell<Option<Vec<JsValue>>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
    _shim: ObjectUrl,
}

impl Engine {
    /// Starts the worker for this placement. `on_reply` gets its replies, `on_crash` the reason of a crash.
    ///
    /// # Errors
    /// A notice for the visitor, if the browser does not start it.
    pub fn start(
        backend: BackendKind,
        on_reply: impl Fn(Reply) + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Result<Self, Notice> {
        Self::try_start(backend, on_reply, on_crash)
            .map_err(|error| Notice::NoWorker { why: js::text(&error) })
    }

    fn try_start(
        backend: BackendKind,
        on_reply: impl Fn(Reply) + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Result<Self, JsValue> {
        let shim = ObjectUrl::new(shim(backend.files(), "play")?.as_bytes(), "text/javascript")?;
        let worker = Worker::new(shim.as_str())?;
        let waiting = Rc::new(RefCell::new(Some(Vec::new())));
        // A crash may be reported twice: by the worker and by the browser.
        let on_crash = {
            let is_told = Cell::new(false);
            Rc::new(move |why| {
                if !is_told.replace(true) {
                    on_crash(why);
                }
            })
        };
        let on_message = {
            let (worker, waiting, on_crash) = (worker.clone(), Rc::clone(&waiting), Rc::clone(&on_crash));
            Closure::new(move |event: MessageEvent| match parse(&event.data()) {
                Ok(Reply::Alive) => {
                    for message in waiting.borrow_mut().take().into_iter().flatten() {
                        post(&worker, &message);
                    }
                }
                Ok(Reply::Crashed { why }) => on_crash(why),
                Ok(reply) => on_reply(reply),
                Err(why) => on_reply(Reply::Failed { notice: Notice::WireBroken { why } }),
            })
        };
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            let message = event.message();
            let why = message.trim_start_matches("Uncaught ").trim_end_matches('.');
            on_crash(if why.is_empty() { "it could not be loaded".into() } else { why.to_owned() });
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, waiting, _on_message: on_message, _on_error: on_error, _shim: shim })
    }

    pub fn post(&self, request: &Request) {
        self.send(request, None);
    }

    /// Posts a request with a file's bytes.
    pub fn post_with_bytes(&self, request: &Request, bytes: &[u8]) {
        self.send(request, Some(bytes));
    }

    fn send(&self, request: &Request, bytes: Option<&[u8]>) {
        let json = match serde_json::to_string(request) {
            Ok(json) => JsValue::from(json),
            Err(error) => return web_sys::console::error_1(&error.to_string().into()),
        };
        let message = bytes.map_or(json.clone(), |bytes| Array::of2(&json, &Uint8Array::from(bytes)).into());
        match self.waiting.borrow_mut().as_mut() {
            Some(waiting) => waiting.push(message),
            None => post(&self.worker, &message),
        }
    }
}

impl Drop for Engine {
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

fn parse(data: &JsValue) -> Result<Reply, String> {
    let json = data.as_string().ok_or("the worker said something that is not text")?;
    serde_json::from_str(&json).map_err(|error| error.to_string())
}

/// What starts a worker for a role: it loads the worker's own script and wasm, as Trunk lays them beside the page. Failures must reach
/// `onerror`, which rejected promises do not.
pub fn shim(files: [&str; 2], role: &str) -> Result<String, JsValue> {
    let [script, wasm] = files.map(js::asset_url);
    let (script, wasm) = (quoted(&script?)?, quoted(&wasm?)?);
    Ok(format!(
        "addEventListener('unhandledrejection', event => setTimeout(() => {{ throw event.reason; }})); \
         self.performanceRnnRole = '{role}'; \
         importScripts({script}); \
         wasm_bindgen({{ module_or_path: {wasm} }});"
    ))
}

fn quoted(text: &str) -> Result<String, JsValue> {
    serde_json::to_string(text).map_err(|error| error.to_string().into())
}
