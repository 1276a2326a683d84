//! What a browser needs around it on a machine without a screen and a loudspeaker.

use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a program may take to start.
pub(super) const START: Duration = Duration::from_secs(60);

/// A program of its own process group; dropping it ends the group.
#[derive(Debug)]
pub(super) struct Running(Child);

impl Running {
    /// Starts it; prints why it cannot.
    pub(super) fn start(command: &mut Command) -> Option<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        match command.process_group(0).stdin(Stdio::null()).spawn() {
            Ok(child) => Some(Self(child)),
            Err(error) => {
                println!("skipped: {name} cannot be started: {error}");
                None
            }
        }
    }

    /// Its messages, where they are piped.
    pub(super) fn stderr(&mut self) -> Option<std::process::ChildStderr> {
        self.0.stderr.take()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let group = format!("-{}", self.0.id());
        let ended = Command::new("kill").args(["-9", "--", &group]).stderr(Stdio::null()).status();
        if ended.is_err() || self.0.wait().is_err() {
            eprintln!("a program could not be ended");
        }
    }
}

/// A sound device that leads nowhere (PulseAudio's null sink).
#[derive(Debug)]
pub struct Sound {
    folder: TempDir,
    _server: Running,
}

impl Sound {
    /// Starts it; prints why it cannot.
    #[must_use]
    pub fn start() -> Option<Self> {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let socket = folder.path().join("native");
        let mut command = Command::new("pulseaudio");
        command
            .args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L"])
            .arg("module-null-sink")
            .arg("-L")
            .arg(format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display()))
            .env("HOME", folder.path())
            .env("XDG_RUNTIME_DIR", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Running::start(&mut command)?;
        wait_for("PulseAudio", || socket.exists())?;
        Some(Self { folder, _server: server })
    }

    /// What leads a program's sound there.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        let socket = self.folder.path().join("native");
        [
            ("PULSE_SERVER", PathBuf::from(format!("unix:{}", socket.display()))),
            ("XDG_RUNTIME_DIR", self.folder.path().to_owned()),
        ]
    }
}

/// A screen that nobody sees.
#[derive(Debug)]
pub(super) struct Screen {
    pub(super) name: String,
    _server: Running,
}

impl Screen {
    /// Starts it; prints why it cannot.
    pub(super) fn start() -> Option<Self> {
        let number = (90..200).find(|n| !PathBuf::from(format!("/tmp/.X11-unix/X{n}")).exists())?;
        let name = format!(":{number}");
        let mut command = Command::new("Xvfb");
        command
            .args([&name, "-screen", "0", "1600x1200x24", "-nolisten", "tcp"])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let server = Running::start(&mut command)?;
        let socket = PathBuf::from(format!("/tmp/.X11-unix/X{number}"));
        wait_for("Xvfb", || socket.exists())?;
        Some(Self { name, _server: server })
    }
}

/// Waits until something is there; prints what did not come.
pub(super) fn wait_for(what: &str, mut is_there: impl FnMut() -> bool) -> Option<()> {
    let deadline = Instant::now() + START;
    while !is_there() {
        if Instant::now() > deadline {
            println!("skipped: {what} did not start within {START:?}");
            return None;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Some(())
}
