//! One tab.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};

use super::element::Element;
use super::pipe::{Event, Pipe};
use super::{PATIENCE, keys, sound};

/// Between two looks at something that is waited for.
pub(super) const PAUSE: Duration = Duration::from_millis(50);

/// A tab of a [`Browser`](super::Browser), which must outlive it.
#[derive(Debug)]
pub struct Page {
    pipe: Arc<Pipe>,
    session: String,
    target: Value,
    downloads: PathBuf,
    /// How many events there had been before this tab was opened.
    first_event: usize,
}

/// The user's choice between bright and dark pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Dark on bright.
    Light,
    /// Bright on dark.
    Dark,
}

/// How a page goes away, or comes to a standstill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leaving {
    /// The tab is closed.
    Close,
    /// Loaded again.
    Reload,
    /// Another page takes its place.
    Navigate,
    /// The browser says that it freezes the tab.
    Freeze,
}

/// A key that is held while the mouse does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// Ctrl.
    Control = 2,
    /// Shift.
    Shift = 8,
}

/// Looking.
impl Page {
    /// The button called `name`, waited for.
    #[track_caller]
    pub fn button(&self, name: &str) -> Element<'_> {
        self.find("button", name)
    }

    /// The element with this ARIA `role` and accessible `name`, waited for.
    #[track_caller]
    pub fn find(&self, role: &str, name: &str) -> Element<'_> {
        self.wait_for(&format!("{role} {name:?}"), PATIENCE, || self.try_find(role, name))
    }

    /// The element with this ARIA `role` and accessible `name`, if it is there now.
    pub fn try_find(&self, role: &str, name: &str) -> Option<Element<'_>> {
        let root = self.call("DOM.getDocument", json!({ "depth": 0 }))["root"]["nodeId"].take();
        let query = json!({ "nodeId": root, "role": role, "accessibleName": name });
        // The document may just have been replaced by another.
        let found =
            self.pipe.try_call(Some(&self.session), "Accessibility.queryAXTree", query, PATIENCE).ok()?;
        let node = found["nodes"].as_array()?.iter().find(|node| node["ignored"] != true)?;
        let node = json!({ "backendNodeId": node["backendDOMNodeId"] });
        let resolved = self.pipe.try_call(Some(&self.session), "DOM.resolveNode", node, PATIENCE).ok()?;
        let object = resolved["object"]["objectId"].as_str()?.to_owned();
        Some(Element::new(self, object, format!("{role} {name:?}")))
    }

    /// The first element that a CSS `selector` matches, waited for: for what has no accessible name.
    #[track_caller]
    pub fn select(&self, selector: &str) -> Element<'_> {
        self.wait_for(selector, PATIENCE, || {
            let expression = format!("document.querySelector({})", Value::from(selector));
            let found = self.call("Runtime.evaluate", json!({ "expression": expression }));
            let object = found["result"]["objectId"].as_str()?.to_owned();
            Some(Element::new(self, object, selector.to_owned()))
        })
    }

    /// All text on the page.
    #[track_caller]
    pub fn text(&self) -> String {
        self.evaluate("document.body?.innerText ?? ''").as_str().unwrap_or_default().to_owned()
    }

    /// The texts of the elements that announce the page's state (`role=\"status\"` and `role=\"alert\"`).
    #[track_caller]
    pub fn status(&self) -> String {
        let texts = "[...document.querySelectorAll('[role=status], [role=alert], output')].map(e => e.innerText).join('\\n')";
        self.evaluate(texts).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until `condition` gives something.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = condition() {
                return value;
            }
            if Instant::now() > deadline {
                self.give_up(what, limit);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Waits until `condition` holds.
    #[track_caller]
    pub fn wait_until(&self, what: &str, limit: Duration, mut condition: impl FnMut() -> bool) {
        self.wait_for(what, limit, || condition().then_some(()));
    }

    /// Waits until the page shows `text` somewhere.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str, limit: Duration) {
        self.wait_until(&format!("the words {text:?}"), limit, || self.text().contains(text));
    }

    /// The value of a JavaScript expression, a promise's once it is kept. It is *not* a user's gesture.
    #[track_caller]
    pub fn evaluate(&self, expression: &str) -> Value {
        let request = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        value_of(self.call("Runtime.evaluate", request), expression)
    }

    /// The value of a JavaScript expression in each worker that still runs.
    #[track_caller]
    pub fn in_workers(&self, expression: &str) -> Vec<Value> {
        let request = json!({ "expression": expression, "returnByValue": true });
        let events = self.pipe.events();
        let attached = events.iter().filter(|event| {
            let is_worker = event.parameters["targetInfo"]["type"] == "worker";
            event.method == "Target.attachedToTarget" && event.session == self.session && is_worker
        });
        let sessions = attached.filter_map(|event| event.parameters["sessionId"].as_str());
        let ask = |session: &str| {
            let answer = self.pipe.try_call(Some(session), "Runtime.evaluate", request.clone(), PATIENCE);
            Some(answer.ok()?["result"]["value"].take())
        };
        sessions.filter_map(ask).collect()
    }

    /// What the page's JavaScript holds once nothing is left to collect, in bytes.
    #[track_caller]
    pub fn js_heap_bytes(&self) -> f64 {
        self.call("HeapProfiler.collectGarbage", json!({}));
        self.call("Runtime.getHeapUsage", json!({}))["usedSize"].as_f64().unwrap_or(f64::NAN)
    }

    /// What went wrong in the page or its workers so far: exceptions, `console.error`, failed requests.
    pub fn errors(&self) -> Vec<String> {
        self.messages(|event| match event.method.as_str() {
            "Runtime.exceptionThrown" => {
                let details = &event.parameters["exceptionDetails"];
                let words = details["exception"]["description"].as_str().or(details["text"].as_str());
                Some(words.unwrap_or("an exception without words").to_owned())
            }
            "Runtime.consoleAPICalled" if event.parameters["type"] == "error" => Some(console_text(event)),
            "Log.entryAdded" if event.parameters["entry"]["level"] == "error" => {
                let entry = &event.parameters["entry"];
                Some(format!("{} {}", entry["text"].as_str()?, entry["url"].as_str().unwrap_or_default()))
            }
            _ => None,
        })
    }

    /// Everything the page and its workers wrote to the console so far.
    pub fn console(&self) -> Vec<String> {
        self.messages(|event| (event.method == "Runtime.consoleAPICalled").then(|| console_text(event)))
    }

    /// Fails with what went wrong in the page, if anything did.
    #[track_caller]
    pub fn assert_no_errors(&self) {
        let errors = self.errors();
        assert!(errors.is_empty(), "the page reported:\n{}", errors.join("\n"));
    }

    /// The largest sample sent to the loudspeaker in the last 0.7 s: 0 is silence, 1 the loudest there is.
    #[track_caller]
    pub fn sound_peak(&self) -> f64 {
        self.evaluate(sound::PEAK).as_f64().unwrap_or(0.0)
    }

    /// Milliseconds from the last click to silence, once it is silent.
    #[track_caller]
    pub fn silent_after_click(&self) -> Option<f64> {
        self.evaluate(sound::SILENT_AFTER).as_f64()
    }

    /// Milliseconds from the last click or drop to the beginning of the first note after it, once it is on its way.
    #[track_caller]
    pub fn first_note_after_click(&self) -> Option<f64> {
        self.evaluate(sound::FIRST_NOTE).as_f64()
    }

    /// Milliseconds from the opening of the page to the same beginning, once it is on its way.
    #[track_caller]
    pub fn first_note_after_opening(&self) -> Option<f64> {
        self.evaluate(sound::FIRST_NOTE_SINCE_OPENING).as_f64()
    }

    /// When samples were scheduled to begin, in seconds of the audio clock, in the order of the calls.
    #[track_caller]
    pub fn sound_onsets(&self) -> Vec<f64> {
        let onsets = self.evaluate(sound::ONSETS);
        onsets.as_array().into_iter().flatten().filter_map(Value::as_f64).collect()
    }

    /// `running` or `suspended` for each connection to the loudspeaker.
    #[track_caller]
    pub fn sound_states(&self) -> String {
        self.evaluate(sound::STATES).as_str().unwrap_or_default().to_owned()
    }

    /// A PNG of what the window shows.
    #[track_caller]
    pub fn screenshot(&self, file: &Path) {
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let picture =
            base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap_or_default());
        std::fs::write(file, picture.expect("base64 from the browser")).expect("a place for the screenshot");
    }
}

/// Acting.
impl Page {
    /// Opens `address` and waits until it has loaded.
    #[track_caller]
    pub fn go_to(&self, address: &str) {
        self.load(address, "Page.navigate", json!({ "url": address }));
    }

    /// Loads the page again.
    #[track_caller]
    pub fn reload(&self) {
        self.load("the page again", "Page.reload", json!({}));
    }

    /// Goes away, without waiting for what comes after.
    pub fn leave(&self, how: Leaving) {
        let (method, parameters) = match how {
            Leaving::Close => ("Page.close", json!({})),
            Leaving::Reload => ("Page.reload", json!({})),
            Leaving::Navigate => ("Page.navigate", json!({ "url": "about:blank" })),
            // The event alone: a visible page is not frozen.
            Leaving::Freeze => {
                let event = "document.dispatchEvent(new Event('freeze'))";
                ("Runtime.evaluate", json!({ "expression": event }))
            }
        };
        // A page that closes may be gone before it answers.
        let _ = self.pipe.try_call(Some(&self.session), method, parameters, Duration::from_secs(2));
    }

    /// Presses and releases a key: a character, or `Space`, `Enter`, `Escape`, `Tab`, `ArrowLeft`…
    #[track_caller]
    pub fn press(&self, name: &str) {
        let key = keys::key(name);
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { key.text.as_str() } else { "" };
            self.call(
                "Input.dispatchKeyEvent",
                json!({
                    "type": kind, "key": key.key, "code": key.code, "text": text,
                    "windowsVirtualKeyCode": key.virtual_code, "nativeVirtualKeyCode": key.virtual_code,
                }),
            );
        }
    }

    /// Chooses `files` in the file input labelled `name`, which may be hidden behind a nicer button.
    #[track_caller]
    pub fn choose_files(&self, name: &str, files: &[&Path]) {
        let expression = format!(
            "[...document.querySelectorAll('input[type=file]')].find(input => {{
                const ids = (input.getAttribute('aria-labelledby') ?? '').split(' ').filter(id => id);
                const labels = [...(input.labels ?? []), ...ids.map(id => document.getElementById(id))];
                const names = [input.ariaLabel, ...labels.map(label => label?.textContent)];
                return names.some(name => name?.replace(/\\s+/g, ' ').trim() === {});
            }})",
            Value::from(name)
        );
        let object = self.wait_for(&format!("file input {name:?}"), PATIENCE, || {
            let found = self.call("Runtime.evaluate", json!({ "expression": expression }));
            found["result"]["objectId"].as_str().map(str::to_owned)
        });
        self.call("DOM.setFileInputFiles", json!({ "files": files, "objectId": object }));
    }

    /// Runs `action`, which makes the page offer a file, and returns where the file was saved.
    #[track_caller]
    pub fn download(&self, action: impl FnOnce()) -> PathBuf {
        self.download_within(PATIENCE, action)
    }

    /// The same where the file takes its time.
    #[track_caller]
    pub fn download_within(&self, limit: Duration, action: impl FnOnce()) -> PathBuf {
        let first = self.pipe.events().len();
        action();
        let began = |event: &Event| {
            let name = event.parameters["suggestedFilename"].as_str()?.to_owned();
            (event.method == "Browser.downloadWillBegin").then(|| (event.parameters["guid"].clone(), name))
        };
        let Some((id, name)) = self.pipe.wait_for_event(first, limit, began) else {
            self.give_up("a download", limit);
        };
        let ended = |event: &Event| {
            let is_it = event.method == "Browser.downloadProgress" && event.parameters["guid"] == id;
            (is_it && event.parameters["state"] != "inProgress").then(|| event.parameters["state"].clone())
        };
        let state = self.pipe.wait_for_event(first, limit, ended);
        assert_eq!(state, Some("completed".into()), "the download of {name}");
        self.downloads.join(name)
    }

    /// Makes the window this large, in CSS pixels.
    #[track_caller]
    pub fn resize(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", size);
    }

    /// Emulates a user preference.
    #[track_caller]
    pub fn prefer(&self, scheme: Scheme) {
        let value = if scheme == Scheme::Dark { "dark" } else { "light" };
        let feature = json!({ "name": "prefers-color-scheme", "value": value });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// Opens the same page in another tab that begins with a copy of this tab's own storage, as "Duplicate" does.
    #[track_caller]
    pub fn duplicate(&self) -> Self {
        // A scripted window gets that copy, too.
        let open = json!({ "expression": "void window.open(location.href)", "userGesture": true });
        self.call("Runtime.evaluate", open);
        let target = self.wait_for("the other tab", PATIENCE, || {
            let targets = self.pipe.call(None, "Target.getTargets", json!({}));
            let is_it = |target: &&Value| target["openerId"] == self.target;
            Some(targets["targetInfos"].as_array()?.iter().find(is_it)?["targetId"].clone())
        });
        Self::attach(Arc::clone(&self.pipe), self.downloads.clone(), target)
    }

    /// Closes the tab.
    #[track_caller]
    pub fn close(self) {
        self.pipe.call(None, "Target.closeTarget", json!({ "targetId": self.target }));
    }

    /// Ends the tab's process, as the system does when it runs out of memory.
    #[track_caller]
    pub fn crash(self) {
        // The process that would answer is gone.
        let _ = self.pipe.try_call(Some(&self.session), "Page.crash", json!({}), Duration::from_secs(2));
    }

    /// Lets pages of the same origin keep only so many bytes.
    #[track_caller]
    pub fn limit_storage(&self, bytes: Option<u64>) {
        let origin = self.evaluate("location.origin");
        let mut request = json!({ "origin": origin });
        if let Some(bytes) = bytes {
            request["quotaSize"] = bytes.into();
        }
        self.call("Storage.overrideQuotaForOrigin", request);
    }

    /// Forgets what was downloaded, except what the page itself stored.
    #[track_caller]
    pub fn forget_http_cache(&self) {
        self.call("Network.clearBrowserCache", json!({}));
    }

    /// Why the browser would not install the page as an app.
    #[track_caller]
    pub fn installation_errors(&self) -> Vec<String> {
        let found = self.call("Page.getInstallabilityErrors", json!({}))["installabilityErrors"].take();
        found.as_array().into_iter().flatten().map(|error| error["errorId"].to_string()).collect()
    }

    /// Emulates a visitor who does not like things to move.
    #[track_caller]
    pub fn prefer_stillness(&self) {
        let feature = json!({ "name": "prefers-reduced-motion", "value": "reduce" });
        self.call("Emulation.setEmulatedMedia", json!({ "features": [feature] }));
    }

    /// Runs a script in every document before the document's own: call it before [`go_to`](Self::go_to).
    #[track_caller]
    pub fn run_first(&self, script: &str) {
        self.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": script }));
    }
}

/// Underneath.
impl Page {
    /// Opens a tab, in a private window if one is named.
    pub(super) fn open(pipe: Arc<Pipe>, downloads: PathBuf, context: Option<&Value>) -> Self {
        let mut request = json!({ "url": "about:blank" });
        if let Some(context) = context {
            request["browserContextId"] = context.clone();
        }
        let target = pipe.call(None, "Target.createTarget", request)["targetId"].take();
        Self::attach(pipe, downloads, target)
    }

    fn attach(pipe: Arc<Pipe>, downloads: PathBuf, target: Value) -> Self {
        let first_event = pipe.events().len();
        let request = json!({ "targetId": target, "flatten": true });
        let session = pipe.call(None, "Target.attachToTarget", request)["sessionId"].take();
        let session = session.as_str().unwrap_or_default().to_owned();
        let page = Self { pipe, session, target, downloads, first_event };
        for domain in ["Page", "Runtime", "Log", "DOM", "Accessibility"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        let workers = json!({ "autoAttach": true, "waitForDebuggerOnStart": false, "flatten": true });
        page.call("Target.setAutoAttach", workers);
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page.run_first(sound::METER);
        page.resize(1280, 800);
        page
    }

    #[track_caller]
    pub(super) fn call(&self, method: &str, parameters: Value) -> Value {
        self.pipe.call(Some(&self.session), method, parameters)
    }

    #[track_caller]
    pub(super) fn call_on(&self, object: &str, function: &str, arguments: Value) -> Value {
        let arguments: Vec<_> =
            arguments.as_array().into_iter().flatten().map(|value| json!({ "value": value })).collect();
        let request = json!({
            "objectId": object, "functionDeclaration": function, "arguments": arguments,
            "awaitPromise": true, "returnByValue": true,
        });
        value_of(self.call("Runtime.callFunctionOn", request), function)
    }

    #[track_caller]
    pub(super) fn mouse(&self, kind: &str, x: f64, y: f64, clicks: u32) {
        self.mouse_with(&[], kind, (x, y), clicks);
    }

    #[track_caller]
    pub(super) fn mouse_with(&self, held: &[Held], kind: &str, (x, y): (f64, f64), clicks: u32) {
        let button = if clicks > 0 { "left" } else { "none" };
        let modifiers: u32 = held.iter().map(|held| *held as u32).sum();
        let event = json!({
            "type": kind, "x": x, "y": y, "button": button, "buttons": clicks, "clickCount": clicks,
            "modifiers": modifiers,
        });
        self.call("Input.dispatchMouseEvent", event);
    }

    #[track_caller]
    fn load(&self, what: &str, method: &str, parameters: Value) {
        let first = self.pipe.events().len();
        let answer = self.call(method, parameters);
        if let Some(error) = answer["errorText"].as_str() {
            panic!("{what}: {error}");
        }
        let loaded = |event: &Event| {
            (event.session == self.session && event.method == "Page.loadEventFired").then_some(())
        };
        if self.pipe.wait_for_event(first, PATIENCE * 3, loaded).is_none() {
            self.give_up(what, PATIENCE * 3);
        }
    }

    fn messages(&self, choose: impl Fn(&Event) -> Option<String>) -> Vec<String> {
        self.pipe.events().iter().skip(self.first_event).filter_map(choose).collect()
    }

    #[track_caller]
    fn give_up(&self, what: &str, limit: Duration) -> ! {
        let text: String = self.text().chars().take(2000).collect();
        let errors = self.errors().join("\n");
        let picture = super::screenshots().join(format!("gave-up-{}.png", self.session));
        self.screenshot(&picture);
        let (seconds, picture) = (limit.as_secs(), picture.display());
        panic!(
            "waited {seconds} s in vain for {what}; see {picture}\n-- errors\n{errors}\n-- the page\n{text}"
        );
    }
}

#[track_caller]
fn value_of(mut answer: Value, script: &str) -> Value {
    if let Some(details) = answer.get("exceptionDetails") {
        let words = details["exception"]["description"].as_str().or(details["text"].as_str());
        panic!("{script}\nthrew {}", words.unwrap_or("something"));
    }
    answer["result"]["value"].take()
}

fn console_text(event: &Event) -> String {
    let words = event.parameters["args"].as_array().into_iter().flatten().map(|argument| {
        let text = argument["value"].as_str().or(argument["description"].as_str());
        text.map_or_else(|| argument["value"].to_string(), str::to_owned)
    });
    words.collect::<Vec<_>>().join(" ")
}
