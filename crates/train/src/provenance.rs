//! What a written page says of where its figures come from.

use std::fs;
use std::path::Path;

use sha2::{Digest, Sha256};

/// The SHA-256 hash of a file, in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The CPU's name, from the system.
pub(crate) fn machine() -> String {
    let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("an unnamed processor", |(_, model)| model.trim());
    let n_threads = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{n_threads} threads of {model}")
}

/// A path as it was given, if it means something to others: an absolute one does not.
pub(crate) fn place(path: &Path) -> String {
    if path.is_absolute() { file_name(path) } else { path.to_string_lossy().into_owned() }
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
