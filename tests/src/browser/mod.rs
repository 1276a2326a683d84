//! A real Chromium, driven as a person would: by accessible names, with real clicks, keys and dropped files.
//!
//! ```no_run
//! use std::time::Duration;
//! use tests::browser::Browser;
//! use tests::site::Site;
//!
//! let (Some(site), Some(browser)) = (Site::built(), Browser::launch()) else { return };
//! let page = browser.open(&site.url("/"));
//! page.button("Generate").click();
//! page.wait_until("the piano is heard", Duration::from_secs(60), || page.sound_peak() > 0.01);
//! page.button("Stop").click();
//! page.assert_no_errors();
//! ```
//!
//! It talks to the browser over a pipe (`--remote-debugging-pipe`): no port, no driver program, no web
//! socket. It never calls into the page to press something: a scripted call would count as the user's
//! gesture, and hide that a browser holds the sound back.

mod element;
mod keys;
mod page;
mod pipe;
mod sound;

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;

pub use element::Element;
pub use page::{Held, Leaving, Page, Scheme};

use crate::midi_device::MidiDevice;
use pipe::Pipe;

/// How long something that should be there already is waited for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Always: no services of the vendor's, no sandbox (containers have none to offer), no look at the user's
/// files.
const FLAGS: [&str; 14] = [
    "--headless",
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en-US",
    "--remote-debugging-pipe",
];

/// WebGPU computed by the CPU: slow, and right to the last bit that matters.
const SOFTWARE_WEBGPU: [&str; 4] = [
    "--enable-unsafe-webgpu",
    "--enable-features=Vulkan",
    "--use-webgpu-adapter=swiftshader",
    "--enable-unsafe-swiftshader",
];

/// What a browser is started with.
#[derive(Debug, Default)]
pub struct Setup<'a> {
    /// Where WebGPU computes.
    pub webgpu: WebGpu,
    /// A device that Web MIDI finds.
    pub midi: Option<&'a MidiDevice>,
    /// Whether pages may keep anything.
    pub storage: Storage,
}

/// Whether pages may keep anything in the browser.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// As the browser comes.
    #[default]
    Allowed,
    /// The user has blocked all cookies, and with them everything else that a page can store.
    Refused,
}

/// Where WebGPU computes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum WebGpu {
    /// Nowhere: the page must use the CPU.
    #[default]
    Absent,
    /// On the CPU, pretending to be a GPU.
    Software,
}

/// A running browser with an empty profile; dropping it ends it.
#[derive(Debug)]
pub struct Browser {
    process: Child,
    pipe: Arc<Pipe>,
    folder: Arc<TempDir>,
}

impl Browser {
    /// Starts a browser without WebGPU and MIDI devices; prints why it cannot.
    pub fn launch() -> Option<Self> {
        Self::launch_with(&Setup::default())
    }

    /// Starts a browser with more hardware; prints why it cannot.
    pub fn launch_with(setup: &Setup) -> Option<Self> {
        let Some(program) = xtask::browser::find() else {
            println!("skipped: no Chromium or Chrome found (CHROME may name one)");
            return None;
        };
        let folder = Arc::new(tempfile::tempdir().expect("a temporary folder"));
        if setup.storage == Storage::Refused {
            let profile = folder.path().join("profile/Default");
            fs::create_dir_all(&profile).expect("a folder for the profile");
            let blocked = json!({ "profile": { "default_content_setting_values": { "cookies": 2 } } });
            fs::write(profile.join("Preferences"), blocked.to_string()).expect("the profile's preferences");
        }
        Some(Self::start(&program, setup, folder))
    }

    /// Stops all of the browser's processes for a while, as a computer that sleeps does.
    pub fn sleep(&self, time: Duration) {
        let group = i32::try_from(self.process.id()).expect("a process id");
        for (signal, pause) in [("-STOP", time), ("-CONT", Duration::ZERO)] {
            let sent = Command::new("kill").args([signal, "--", &format!("-{group}")]).status();
            assert!(sent.is_ok_and(|status| status.success()), "the browser does not take {signal}");
            std::thread::sleep(pause);
        }
    }

    /// Kills the browser at once, as a power cut does, and starts it again with the same profile and nothing open.
    #[must_use]
    pub fn kill_and_restart(mut self) -> Option<Self> {
        let group = i32::try_from(self.process.id()).expect("a process id");
        // The browser and all of its processes, which have a group of their own.
        let killed = Command::new("kill").args(["-9", "--", &format!("-{group}")]).status();
        assert!(killed.is_ok_and(|status| status.success()), "the browser could not be killed");
        self.process.wait().expect("the end of the browser");
        let program = xtask::browser::find()?;
        // What an orderly end would have removed.
        let lock = self.folder.path().join("profile/SingletonLock");
        if lock.symlink_metadata().is_ok() {
            fs::remove_file(lock).expect("the lock of the profile");
        }
        Some(Self::start(&program, &Setup::default(), Arc::clone(&self.folder)))
    }

    /// Opens `address` in a new tab and waits until it has loaded.
    pub fn open(&self, address: &str) -> Page {
        let page = self.open_blank();
        page.go_to(address);
        page
    }

    /// Opens an empty tab, for what must be set up before the page loads.
    pub fn open_blank(&self) -> Page {
        self.page_in(None)
    }

    /// Opens an empty tab in a private window of its own.
    pub fn open_private(&self) -> Page {
        let context = self.call("Target.createBrowserContext", json!({}))["browserContextId"].take();
        self.page_in(Some(context))
    }

    fn page_in(&self, context: Option<serde_json::Value>) -> Page {
        let downloads = self.folder.path().join("downloads");
        fs::create_dir_all(&downloads).expect("a folder for downloads");
        let mut request = json!({ "behavior": "allow", "downloadPath": downloads, "eventsEnabled": true });
        if let Some(context) = &context {
            request["browserContextId"] = context.clone();
        }
        self.call("Browser.setDownloadBehavior", request);
        Page::open(Arc::clone(&self.pipe), downloads, context.as_ref())
    }

    /// Lets every page read and write the clipboard without asking.
    pub fn allow_clipboard(&self) {
        self.call(
            "Browser.grantPermissions",
            json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }),
        );
    }

    /// Lets every page use MIDI without asking.
    pub fn allow_midi(&self) {
        self.call("Browser.grantPermissions", json!({ "permissions": ["midi", "midiSysex"] }));
    }

    /// Answers every page's question for MIDI with no.
    pub fn refuse_midi(&self) {
        for sysex in [false, true] {
            let permission = json!({ "name": "midi", "sysex": sysex });
            self.call("Browser.setPermission", json!({ "permission": permission, "setting": "denied" }));
        }
    }

    /// Ends the process that drives the GPU: pages lose their devices.
    pub fn crash_gpu(&self) {
        // Some versions answer only once it is dead, some not at all.
        let _ = self.pipe.try_call(None, "Browser.crashGpuProcess", json!({}), Duration::from_secs(2));
    }

    fn start(program: &Path, setup: &Setup, folder: Arc<TempDir>) -> Self {
        let log = folder.path().join("stderr.log");
        let stderr = fs::File::create(&log).expect("a file for the browser's messages");
        // The browser reads commands from file 3 and answers on file 4; std offers 0 to 2, so the shell moves
        // them.
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 </dev/null >&2"#]).arg(program).args(FLAGS);
        command.arg(format!("--user-data-dir={}", folder.path().join("profile").display()));
        match setup.webgpu {
            WebGpu::Absent => command.args(["--disable-gpu", "--disable-features=WebGPU,WebGPUService"]),
            WebGpu::Software => command.args(SOFTWARE_WEBGPU),
        };
        if let Some(device) = setup.midi {
            command.envs(device.environment());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(stderr);
        let mut process = command.process_group(0).spawn().expect("sh");
        let (Some(stdin), Some(stdout)) = (process.stdin.take(), process.stdout.take()) else {
            unreachable!()
        };
        let browser = Self { process, pipe: Pipe::new(stdin, stdout), folder };
        if let Err(error) = browser.pipe.try_call(None, "Browser.getVersion", json!({}), PATIENCE) {
            let said = fs::read_to_string(log).unwrap_or_default();
            panic!("{} did not start: {error}\n{said}", program.display());
        }
        browser
    }

    #[track_caller]
    fn call(&self, method: &str, parameters: serde_json::Value) -> serde_json::Value {
        self.pipe.call(None, method, parameters)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let asked = self.pipe.try_call(None, "Browser.close", json!({}), Duration::from_secs(5)).is_ok();
        let deadline = Instant::now() + Duration::from_secs(5);
        while asked && Instant::now() < deadline {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if self.process.kill().and_then(|()| self.process.wait()).is_err() {
            eprintln!("a browser could not be ended");
        }
    }
}

/// A folder that outlives the test, for pictures: `PERFORMANCE_RNN_SCREENSHOTS`, or one beside other
/// temporary files.
pub fn screenshots() -> PathBuf {
    let folder = std::env::var_os("PERFORMANCE_RNN_SCREENSHOTS")
        .map_or_else(|| std::env::temp_dir().join("performance-rnn-screenshots"), PathBuf::from);
    fs::create_dir_all(&folder).expect("a folder for screenshots");
    folder
}
