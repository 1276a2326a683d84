//! A MIDI device for Chromium's real Web MIDI on a machine that has none.
//!
//! `fakeseq/fakeseq.c` stands in for the kernel's ALSA sequencer; permission, port listing, validation and
//! scheduling are the browser's own. The browser sees one device, [`MidiDevice::NAME`].

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use tempfile::TempDir;

use crate::browser::{Browser, Page};

/// The browser lists its devices.
const LISTED: Duration = Duration::from_secs(20);

/// A device that writes down every message it is sent.
#[derive(Debug)]
pub struct MidiDevice {
    library: PathBuf,
    folder: TempDir,
}

/// One message as the device got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When it arrived, on a clock that only moves forward; its zero means nothing.
    pub at: Duration,
    /// The MIDI bytes, status first.
    pub bytes: Vec<u8>,
}

impl Received {
    /// The key and its velocity, if this strikes one.
    #[must_use]
    pub fn strike(&self) -> Option<(u8, u8)> {
        match self.bytes[..] {
            [0x90, pitch, velocity] if velocity > 0 => Some((pitch, velocity)),
            _ => None,
        }
    }
}

/// The keys that are down after these messages.
#[must_use]
pub fn keys_down(received: &[Received]) -> Vec<u8> {
    let mut down = BTreeSet::new();
    for message in received {
        match (message.strike(), &message.bytes[..]) {
            (Some((pitch, _)), _) => _ = down.insert(pitch),
            (None, [0x80 | 0x90, pitch, _]) => _ = down.remove(pitch),
            _ => {}
        }
    }
    down.into_iter().collect()
}

/// Allows MIDI and chooses the device as the page's output.
#[track_caller]
pub fn choose_device(page: &Page, browser: &Browser) {
    browser.allow_midi();
    let output = page.find("combobox", "Output");
    output.choose("MIDI device…");
    page.wait_until("the device in the list", LISTED, || {
        output.options().iter().any(|name| name == MidiDevice::NAME)
    });
    output.choose(MidiDevice::NAME);
}

impl MidiDevice {
    /// The port's name as the browser shows it.
    pub const NAME: &str = "Piano In/Out";

    /// Plugs in a device; prints why it cannot.
    pub fn plug_in() -> Option<Self> {
        match library() {
            Ok(library) => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                Some(Self { library: library.clone(), folder })
            }
            Err(reason) => {
                println!("skipped: no stand-in for a MIDI device: {reason}");
                None
            }
        }
    }

    /// What the device has been sent so far.
    pub fn received(&self) -> Vec<Received> {
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        log.lines().filter_map(read_line).collect()
    }

    /// The variables that make a browser see the device.
    pub(crate) fn environment(&self) -> [(&'static str, PathBuf); 2] {
        [("LD_PRELOAD", self.library.clone()), ("FAKESEQ_LOG", self.log())]
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("midi.log")
    }
}

/// Reads `out 123.000456 0 90 3c 40`: kind, seconds, port, bytes.
fn read_line(line: &str) -> Option<Received> {
    let mut words = line.split(' ');
    if words.next()? != "out" {
        return None;
    }
    let at = Duration::from_secs_f64(words.next()?.parse().ok()?);
    let bytes: Vec<u8> = words.skip(1).filter_map(|byte| u8::from_str_radix(byte, 16).ok()).collect();
    Some(Received { at, bytes })
}

/// Compiles the stand-in once per test program.
fn library() -> Result<&'static PathBuf, &'static String> {
    static LIBRARY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    LIBRARY.get_or_init(compile).as_ref()
}

fn compile() -> Result<PathBuf, String> {
    if !cfg!(target_os = "linux") {
        return Err("it replaces ALSA, which is Linux only".to_owned());
    }
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("fakeseq/fakeseq.c");
    let library = std::env::temp_dir().join(format!("libfakeseq-{}.so", std::process::id()));
    let mut compiler = Command::new("cc");
    compiler
        .args(["-O2", "-shared", "-fPIC", "-o"])
        .arg(&library)
        .arg(source)
        .args(["-lasound", "-lpthread"]);
    match compiler.output() {
        Ok(output) if output.status.success() => Ok(library),
        Ok(output) => {
            let message = String::from_utf8_lossy(&output.stderr).into_owned();
            let first = message.lines().next().unwrap_or("cc failed");
            Err(format!("{first} (Debian: `apt-get install gcc libc6-dev libasound2-dev`)"))
        }
        Err(error) => Err(format!("cc: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines() {
        let received = read_line("out 12.000250 0 90 3c 40").unwrap();
        assert_eq!(
            received,
            Received { at: Duration::from_micros(12_000_250), bytes: vec![0x90, 0x3c, 0x40] }
        );
        assert_eq!(read_line("open 12.0 129"), None);
        assert_eq!(read_line(""), None);
    }
}
