//! The browser's debugging protocol over a pipe: JSON messages that end in a zero byte.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The connection to one browser; pages share it.
#[derive(Debug)]
pub(crate) struct Pipe {
    writer: Mutex<ChildStdin>,
    state: Mutex<State>,
    changed: Condvar,
}

/// An event from the browser.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    /// The page or worker it is about.
    pub(crate) session: String,
    pub(crate) method: String,
    pub(crate) parameters: Value,
}

#[derive(Debug, Default)]
struct State {
    last_id: u64,
    replies: HashMap<u64, Value>,
    events: Vec<Event>,
    is_closed: bool,
}

impl Pipe {
    pub(crate) fn new(writer: ChildStdin, reader: ChildStdout) -> Arc<Self> {
        let state = Mutex::new(State::default());
        let pipe = Arc::new(Self { writer: Mutex::new(writer), state, changed: Condvar::new() });
        let for_reader = Arc::clone(&pipe);
        std::thread::spawn(move || for_reader.read(reader));
        pipe
    }

    /// Calls `method` and returns its result.
    #[track_caller]
    pub(crate) fn call(&self, session: Option<&str>, method: &str, parameters: Value) -> Value {
        match self.try_call(session, method, parameters, Duration::from_secs(60)) {
            Ok(result) => result,
            Err(error) => panic!("{method}: {error}"),
        }
    }

    /// Calls `method`; an error is the browser's own message.
    pub(crate) fn try_call(
        &self,
        session: Option<&str>,
        method: &str,
        parameters: Value,
        limit: Duration,
    ) -> Result<Value, String> {
        let id = self.send(session, method, parameters)?;
        let reply = self.wait(limit, |state| state.replies.remove(&id));
        let mut reply = reply.ok_or_else(|| {
            let is_closed = self.state().is_closed;
            if is_closed { "the browser is gone".to_owned() } else { format!("no answer within {limit:?}") }
        })?;
        match reply.get("error") {
            Some(error) => Err(error["message"].as_str().unwrap_or("an error without words").to_owned()),
            None => Ok(reply["result"].take()),
        }
    }

    /// All events so far; their number only grows.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.state().events.clone()
    }

    /// Waits for an event that `choose` likes, beginning with the `first`th.
    pub(crate) fn wait_for_event<T>(
        &self,
        first: usize,
        limit: Duration,
        mut choose: impl FnMut(&Event) -> Option<T>,
    ) -> Option<T> {
        let mut seen = first;
        self.wait(limit, |state| {
            let unseen = state.events.get(seen..).unwrap_or_default();
            seen = state.events.len();
            unseen.iter().find_map(&mut choose)
        })
    }

    fn send(&self, session: Option<&str>, method: &str, parameters: Value) -> Result<u64, String> {
        let id = {
            let mut state = self.state();
            state.last_id += 1;
            state.last_id
        };
        let mut message = json!({ "id": id, "method": method, "params": parameters });
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        writer.write_all(&bytes).and_then(|()| writer.flush()).map_err(|error| error.to_string())?;
        Ok(id)
    }

    fn read(&self, reader: ChildStdout) {
        for message in BufReader::new(reader).split(0) {
            let parsed = message.ok().and_then(|message| serde_json::from_slice(&message).ok());
            let Some(message) = parsed else { break };
            self.receive(message);
        }
        self.state().is_closed = true;
        self.changed.notify_all();
    }

    fn receive(&self, mut message: Value) {
        if let Some(id) = message["id"].as_u64() {
            self.state().replies.insert(id, message);
        } else {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let event = Event {
                session: text(&message["sessionId"]),
                method: text(&message["method"]),
                parameters: message["params"].take(),
            };
            if event.method == "Target.attachedToTarget" {
                self.listen_to(&event.parameters);
            }
            self.state().events.push(event);
        }
        self.changed.notify_all();
    }

    /// A page started a worker: what it says and what goes wrong in it counts too.
    fn listen_to(&self, target: &Value) {
        let session = target["sessionId"].as_str();
        if target["targetInfo"]["type"] != "page" && self.send(session, "Runtime.enable", json!({})).is_err()
        {
            eprintln!("the browser went away while a worker started");
        }
    }

    fn wait<T>(&self, limit: Duration, mut ready: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + limit;
        let mut state = self.state();
        loop {
            if let Some(value) = ready(&mut state) {
                return Some(value);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            if state.is_closed {
                return None;
            }
            let waited = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner);
            state = waited.0;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
