//! The page's end of the wire to a worker.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker};

use crate::file::ObjectUrl;
use crate::js;

/// The cache of weights; a new name is needed only if entries change their form.
pub(crate) const WEIGHTS_CACHE: &str = "performance-rnn-weights-1";

/// A running worker. Dropping it ends the worker.
pub struct WorkerPort {
    worker: Worker,
    // Messages to a worker that is not alive yet.
    waiting: Rc<RefCell<Option<Vec<JsValue>>>>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
    _shim: ObjectUrl,
}

/// What a message of the worker was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Its first: it listens.
    Alive,
    /// Any other.
    Reply,
}

impl WorkerPort {
    /// Starts a worker program (`files`: its script and its wasm, as Trunk names them) for a role. `early` is the
    /// address of weights that it will ask for. `hear` gets its messages, `on_crash` what the browser says of a crash.
    ///
    /// # Errors
    /// The browser's error, if it does not start it.
    pub fn open(
        files: [&str; 2],
        role: &str,
        early: Option<&str>,
        hear: impl Fn(&JsValue) -> Heard + 'static,
        on_crash: impl Fn(String) + 'static,
    ) -> Result<Self, JsValue> {
        let shim = ObjectUrl::new(shim(files, role, early)?.as_bytes(), "text/javascript")?;
        let worker = Worker::new(shim.as_str())?;
        let waiting = Rc::new(RefCell::new(Some(Vec::new())));
        let on_message = {
            let (worker, waiting) = (worker.clone(), Rc::clone(&waiting));
            Closure::new(move |event: MessageEvent| {
                if hear(&event.data()) == Heard::Alive {
                    for message in waiting.borrow_mut().take().into_iter().flatten() {
                        post(&worker, &message);
                    }
                }
            })
        };
        let on_error = Closure::new(move |event: ErrorEvent| {
            event.prevent_default();
            // A policy that forbids the worker sends an event without a message.
            let message = js::get(&event, "message").as_string().unwrap_or_default();
            let why = message.trim_start_matches("Uncaught ").trim_end_matches('.');
            on_crash(explained(why));
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Ok(Self { worker, waiting, _on_message: on_message, _on_error: on_error, _shim: shim })
    }

    /// Posts a request as JSON, alone or with something beside it; once the worker listens.
    pub fn send(&self, request: &impl Serialize, beside: Option<&JsValue>) {
        let json = match serde_json::to_string(request) {
            Ok(json) => JsValue::from(json),
            Err(error) => return web_sys::console::error_1(&error.to_string().into()),
        };
        let message = beside.map_or(json.clone(), |beside| Array::of2(&json, beside).into());
        match self.waiting.borrow_mut().as_mut() {
            Some(waiting) => waiting.push(message),
            None => post(&self.worker, &message),
        }
    }
}

/// What the browser says of a crash, in words that help.
fn explained(why: &str) -> String {
    // A script or a program that begins like a page: `<!` is 3c 21.
    let is_page = ["text/html", "Unexpected token '<'", "found 3c 21", "expected expression, got '<'"];
    if why.is_empty() {
        "it could not be loaded: the server has no such file, or a policy of the site forbids it".into()
    } else if is_page.iter().any(|words| why.contains(words)) {
        "the server has no such file: it sent a web page instead".into()
    } else if why.contains("importScripts") {
        // The browser knows more and does not say it.
        "it could not be loaded: the connection broke, or the server has no such file and sent a web page instead".into()
    } else {
        why.to_owned()
    }
}

impl Drop for WorkerPort {
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

/// What starts a worker: it loads the worker's own script and wasm, as Trunk lays them beside the page, and the
/// weights, all at once. Failures must reach `onerror`, which rejected promises do not.
fn shim(files: [&str; 2], role: &str, early: Option<&str>) -> Result<String, JsValue> {
    let [script, wasm] = files.map(js::asset_url);
    let (script, wasm) = (quoted(&script?)?, quoted(&wasm?)?);
    let early = early.map(early_weights).transpose()?.unwrap_or_default();
    Ok(format!(
        "addEventListener('unhandledrejection', event => setTimeout(() => {{ throw event.reason; }})); \
         self.performanceRnnRole = '{role}'; \
         const program = fetch({wasm}); program.catch(() => {{}}); \
         {early} \
         importScripts({script}); \
         wasm_bindgen({{ module_or_path: program }});"
    ))
}

/// Asks for weights that are not cached (see `worker::weights`), while the program is still on its way.
fn early_weights(url: &str) -> Result<String, JsValue> {
    let url = quoted(url)?;
    Ok(format!(
        "const kept = self.caches ? caches.open('{WEIGHTS_CACHE}').then(cache => cache.match({url})) \
         : Promise.resolve(); \
         const answer = kept.catch(() => undefined).then(found => found ? undefined : fetch({url})); \
         answer.catch(() => {{}}); \
         self.performanceRnnWeights = {{ url: {url}, answer }};"
    ))
}

fn quoted(text: &str) -> Result<String, JsValue> {
    serde_json::to_string(text).map_err(|error| error.to_string().into())
}
