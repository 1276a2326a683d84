//! WebKitGTK over WebDriver: JSON over HTTP to its own driver program.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::display::{Running, Screen, wait_for};
use super::{Driver, Sound};

/// Where Debian has the browser, beside the library's version.
const BROWSERS: [&str; 2] = ["webkit2gtk-4.1/MiniBrowser", "webkit2gtk-4.0/MiniBrowser"];
/// The buttons of its bar keep a window from being as narrow as a phone.
const STYLE: &str = "window * { min-width: 0; min-height: 0; margin: 0; padding: 0; border-width: 0; }
toolbar *, headerbar * { -gtk-icon-source: none; font-size: 1px; }
";
/// How long a page may take to learn its size.
const RESIZED: Duration = Duration::from_secs(10);
/// How an element is named in messages.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// A running MiniBrowser with one tab.
pub(super) struct WebKit {
    port: u16,
    session: String,
    _driver: Running,
    _screen: Screen,
    _home: TempDir,
}

impl WebKit {
    /// Starts it; prints why it cannot.
    pub(super) fn start(sound: &Sound) -> Option<Self> {
        let library = PathBuf::from(format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH));
        let browser = BROWSERS.iter().map(|name| library.join(name)).find(|path| path.exists());
        let Some(browser) = browser else {
            println!("skipped: no MiniBrowser in {} (Debian's webkit2gtk-driver)", library.display());
            return None;
        };
        let screen = Screen::start()?;
        let home = tempfile::tempdir().expect("a temporary folder");
        let style = home.path().join(".config/gtk-3.0/gtk.css");
        std::fs::create_dir_all(style.parent().expect("a folder")).expect("a folder for the style");
        std::fs::write(style, STYLE).expect("the style");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = free.expect("a free port").port();
        let mut command = Command::new("WebKitWebDriver");
        command
            .arg(format!("--port={port}"))
            .env("DISPLAY", &screen.name)
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .envs(sound.environment())
            // Its sandbox needs rights that a container has not.
            .env("WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS", "1")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let driver = Running::start(&mut command)?;
        wait_for("WebKitWebDriver", || TcpStream::connect(("127.0.0.1", port)).is_ok())?;
        let mut webkit = Self { port, session: String::new(), _driver: driver, _screen: screen, _home: home };
        let options = json!({ "binary": browser, "args": ["--automation"] });
        let wanted = json!({ "alwaysMatch": { "webkitgtk:browserOptions": options } });
        let session = webkit.post("/session", &json!({ "capabilities": wanted }));
        webkit.session = session["sessionId"].as_str().expect("a session").to_owned();
        webkit.call("timeouts", &json!({ "script": 120_000, "pageLoad": 120_000 }));
        Some(webkit)
    }

    #[track_caller]
    fn call(&mut self, command: &str, parameters: &Value) -> Value {
        self.post(&format!("/session/{}/{command}", self.session), parameters)
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", path, &body.to_string())
    }

    #[track_caller]
    fn request(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(130))).expect("a limit");
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .expect("a request to the driver");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap_or_else(|error| panic!("{path}: {error}"));
        let (head, content) = answer.split_once("\r\n\r\n").expect("an answer");
        let mut content: Value = serde_json::from_str(content).unwrap_or_default();
        assert!(head.starts_with("HTTP/1.1 200"), "{path}: {content}");
        content["value"].take()
    }

    /// The element that an expression gives, as messages name it.
    #[track_caller]
    fn element(&mut self, expression: &str) -> String {
        let script = json!({ "script": format!("return {expression}"), "args": [] });
        let found = self.call("execute/sync", &script);
        found[ELEMENT].as_str().unwrap_or_else(|| panic!("{expression}: no element")).to_owned()
    }
}

impl Driver for WebKit {
    fn go_to(&mut self, address: &str) {
        self.call("url", &json!({ "url": address }));
        // What happens while the page loads is not told.
        self.evaluate(
            "(() => { window.__errors = []; const note = event => window.__errors.push(String(event.message ?? \
             event.reason)); addEventListener('error', note); addEventListener('unhandledrejection', note); })()",
        );
    }

    fn evaluate(&mut self, expression: &str) -> Value {
        let script = format!(
            "const done = arguments[arguments.length - 1]; \
             (async () => await ({expression}))().then(value => done({{ value }}), error => done({{ error: String(error) }}))"
        );
        let mut answer = self.call("execute/async", &json!({ "script": script, "args": [] }));
        assert!(answer["error"].is_null(), "{expression}: {}", answer["error"]);
        answer["value"].take()
    }

    fn click(&mut self, element: &str) {
        let element = self.element(element);
        self.call(&format!("element/{element}/click"), &json!({}));
    }

    fn choose_file(&mut self, element: &str, file: &Path) {
        let element = self.element(element);
        self.call(&format!("element/{element}/value"), &json!({ "text": file }));
    }

    fn resize(&mut self, width: u32, height: u32) {
        // The window has borders and bars of its own.
        let around = self.evaluate("[outerWidth - innerWidth, outerHeight - innerHeight]");
        let with = |wanted: u32, axis: usize| i64::from(wanted) + around[axis].as_i64().unwrap_or_default();
        self.call("window/rect", &json!({ "width": with(width, 0), "height": with(height, 1) }));
        // The page learns of it later. Whether it is so wide is for the test to say.
        let deadline = Instant::now() + RESIZED;
        while self.evaluate("innerWidth") != width && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn screenshot(&mut self) -> Vec<u8> {
        let path = format!("/session/{}/screenshot", self.session);
        let picture = self.request("GET", &path, "");
        let data = picture.as_str().expect("a picture");
        base64::engine::general_purpose::STANDARD.decode(data).expect("base64")
    }

    fn errors(&mut self) -> Vec<String> {
        serde_json::from_value(self.evaluate("window.__errors ?? []")).unwrap_or_default()
    }
}

impl Drop for WebKit {
    fn drop(&mut self) {
        // Ends the browser, which has left the driver's process group.
        let path = format!("/session/{}", self.session);
        let ended =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.request("DELETE", &path, "")));
        if ended.is_err() {
            eprintln!("MiniBrowser could not be ended");
        }
    }
}
