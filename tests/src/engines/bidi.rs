//! Firefox over WebDriver BiDi: JSON messages over a web socket.

use std::io::{BufRead as _, BufReader};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::display::Running;
use super::web_socket::WebSocket;
use super::{Driver, Sound};

/// No services of the vendor's, and nothing that asks.
const PREFERENCES: &str = r#"
user_pref("app.update.enabled", false);
user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.startup.homepage_override.mstone", "ignore");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "data:,");
"#;

/// A running Firefox with one tab.
pub(super) struct Firefox {
    socket: WebSocket,
    last_id: u64,
    context: String,
    errors: Vec<String>,
    _process: Running,
    _profile: TempDir,
}

impl Firefox {
    /// Starts it; prints why it cannot.
    pub(super) fn start(sound: &Sound) -> Option<Self> {
        let program = std::env::var("FIREFOX").unwrap_or_else(|_| "firefox-esr".into());
        let profile = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(profile.path().join("user.js"), PREFERENCES).expect("the profile's preferences");
        let mut command = Command::new(program);
        command
            .args(["--headless", "--no-remote", "--remote-debugging-port", "0", "--profile"])
            .arg(profile.path())
            .env("HOME", profile.path())
            .envs(sound.environment())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = Running::start(&mut command)?;
        let mut lines = BufReader::new(process.stderr()?).lines().map_while(Result::ok);
        let address = lines.find_map(|line| Some(line.split_once("listening on ws://")?.1.to_owned()));
        let address = address.expect("Firefox says where it listens");
        // It must not wait for somebody who reads what else it says.
        std::thread::spawn(move || lines.for_each(drop));
        let stream = TcpStream::connect(&address).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(120))).expect("a limit");
        let socket = WebSocket::open(stream, &address, "/session").expect("a web socket");
        let errors = Vec::new();
        let context = String::new();
        let mut firefox = Self { socket, last_id: 0, context, errors, _process: process, _profile: profile };
        firefox.call("session.new", json!({ "capabilities": {} }));
        firefox.call("session.subscribe", json!({ "events": ["log.entryAdded"] }));
        let tree = firefox.call("browsingContext.getTree", json!({}));
        firefox.context = tree["contexts"][0]["context"].as_str().expect("a tab").to_owned();
        Some(firefox)
    }

    #[track_caller]
    fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.last_id += 1;
        let id = self.last_id;
        let request = json!({ "id": id, "method": method, "params": parameters });
        self.socket.send(&request.to_string()).expect("a message to Firefox");
        loop {
            let text = self.socket.read().unwrap_or_else(|error| panic!("{method}: {error}"));
            let mut message: Value = serde_json::from_str(&text).expect("JSON");
            if message["type"] == "event" {
                self.note(&message["params"]);
            } else if message["id"] == id {
                assert!(message["type"] == "success", "{method}: {message}");
                return message["result"].take();
            }
        }
    }

    fn note(&mut self, entry: &Value) {
        if entry["level"] == "error" {
            self.errors.push(entry["text"].as_str().unwrap_or("an error without words").to_owned());
        }
    }

    /// What an expression gives, as the protocol has it.
    #[track_caller]
    fn remote(&mut self, expression: &str) -> Value {
        let request = json!({
            "expression": expression, "target": { "context": self.context }, "awaitPromise": true,
        });
        let mut answer = self.call("script.evaluate", request);
        assert!(answer["type"] == "success", "{expression}: {}", answer["exceptionDetails"]["text"]);
        answer["result"].take()
    }
}

impl Driver for Firefox {
    fn go_to(&mut self, address: &str) {
        let request = json!({ "context": self.context, "url": address, "wait": "complete" });
        self.call("browsingContext.navigate", request);
    }

    fn evaluate(&mut self, expression: &str) -> Value {
        let text = self.remote(&format!("(async () => JSON.stringify(await ({expression})))()"));
        text["value"].as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON"))
    }

    fn click(&mut self, element: &str) {
        let place = self.evaluate(&format!(
            "(() => {{ const element = {element}; element.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const box = element.getBoundingClientRect(); \
             return [Math.round(box.x + box.width / 2), Math.round(box.y + box.height / 2)]; }})()"
        ));
        let actions = json!([
            { "type": "pointerMove", "x": place[0], "y": place[1] },
            { "type": "pointerDown", "button": 0 },
            { "type": "pointerUp", "button": 0 },
        ]);
        let mouse = json!({ "type": "pointer", "id": "mouse", "actions": actions });
        self.call("input.performActions", json!({ "context": self.context, "actions": [mouse] }));
    }

    fn choose_file(&mut self, element: &str, file: &Path) {
        let node = self.remote(element);
        let element = json!({ "sharedId": node["sharedId"] });
        self.call("input.setFiles", json!({ "context": self.context, "element": element, "files": [file] }));
    }

    fn resize(&mut self, width: u32, height: u32) {
        let viewport = json!({ "width": width, "height": height });
        self.call("browsingContext.setViewport", json!({ "context": self.context, "viewport": viewport }));
    }

    fn screenshot(&mut self) -> Vec<u8> {
        let picture = self.call("browsingContext.captureScreenshot", json!({ "context": self.context }));
        let data = picture["data"].as_str().expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(data).expect("base64")
    }

    fn errors(&mut self) -> Vec<String> {
        // Events before an answer are read with it.
        self.evaluate("null");
        self.errors.clone()
    }
}
