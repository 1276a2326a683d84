//! Chromium, which the tests drive.

use std::env;
use std::path::PathBuf;

use crate::process::which;
use crate::{Error, Result, debian};

/// Names of programs, in the order we try them.
const NAMES: [&str; 5] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/// Places outside `PATH`.
const PLACES: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
];

/// A browser on this machine: `$CHROME`, else one by its usual names.
pub fn find() -> Option<PathBuf> {
    let named = env::var_os("CHROME").map(PathBuf::from);
    let places = || PLACES.iter().map(PathBuf::from).find(|file| file.is_file());
    named.or_else(|| NAMES.iter().find_map(|name| which(name))).or_else(places)
}

/// Opens an address in the browser that the computer opens pages with.
///
/// # Errors
/// There is none that can be found.
pub fn open(address: &str) -> Result<()> {
    let programs: [(&str, &[&str]); 3] = [("xdg-open", &[]), ("open", &[]), ("cmd", &["/C", "start"])];
    let found = programs.iter().find_map(|(name, before)| Some((which(name)?, before)));
    let (program, before) = found
        .ok_or_else(|| Error::new(format!("no program was found that opens {address}; open it by hand")))?;
    let started = std::process::Command::new(program).args(*before).arg(address).spawn();
    started.map(drop).map_err(|error| Error::new(format!("{address} could not be opened: {error}")))
}

/// Finds a browser, or installs Debian's.
///
/// # Errors
/// None could be had: the sentence says what to install.
pub fn ensure() -> Result<PathBuf> {
    let wanted = "the browser tests need Chromium or Chrome: install one, or name it in CHROME";
    if find().is_none() && debian::is_debian() {
        debian::ensure(&["chromium"], "testing the page")
            .map_err(|error| Error::new(format!("{wanted} ({error})")))?;
    }
    find().filter(|file| file.is_file()).ok_or_else(|| Error::new(wanted))
}

/// Installs the other engines, and what they need where there is no screen and no loudspeaker. Tests that need them say
/// so where they cannot be had.
pub fn ensure_other_engines() {
    if debian::is_debian() && debian::is_root() {
        let packages = ["firefox-esr", "webkit2gtk-driver", "xvfb", "pulseaudio"];
        if let Err(error) = debian::ensure(&packages, "testing the page in Firefox and WebKit") {
            println!("note: {error}");
        }
    }
}

/// Installs what lets the tests pretend more hardware: a software Vulkan adapter, and what
/// the stand-in for a MIDI device is compiled with. Tests that need them say so where they cannot be had.
pub fn ensure_pretended_hardware() {
    if debian::is_debian() && debian::is_root() {
        let packages = ["mesa-vulkan-drivers", "libvulkan1", "gcc", "libc6-dev", "libasound2-dev"];
        if let Err(error) = debian::ensure(&packages, "testing GPU and MIDI without hardware") {
            println!("note: {error}");
        }
    }
}
