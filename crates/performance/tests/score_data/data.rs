//! The scores and performances of the shared data, unpacked once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The folder in which both archives are unpacked; `None`, with the reason printed, where they or `tar` are missing.
pub(crate) fn folder() -> Option<PathBuf> {
    // Tests run side by side: one unpacks, the others wait.
    static FOLDER: OnceLock<Option<PathBuf>> = OnceLock::new();
    FOLDER.get_or_init(unpacked).clone()
}

fn unpacked() -> Option<PathBuf> {
    let archives = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scores");
    if folder.join("done").exists() {
        return Some(folder);
    }
    let unpacking = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("scores-{}", std::process::id()));
    fs::create_dir_all(&unpacking).unwrap();
    for name in ["scores.tar.xz", "score-annotations.tar.xz"] {
        let archive = archives.join(name);
        let tar = Command::new("tar").arg("xJf").arg(&archive).arg("-C").arg(&unpacking).status();
        if !tar.is_ok_and(|status| status.success()) {
            eprintln!("skipped: {} is not there or cannot be unpacked", archive.display());
            fs::remove_dir_all(&unpacking).unwrap();
            return None;
        }
    }
    fs::write(unpacking.join("done"), "").unwrap();
    // Tests of other programs may be faster; then theirs is as good.
    if fs::rename(&unpacking, &folder).is_err() {
        fs::remove_dir_all(&unpacking).unwrap();
    }
    Some(folder)
}

/// Files of a folder in it, by name.
pub(crate) fn files(folder: &Path, under: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder.join(under)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A file's name without its extension.
pub(crate) fn stem(path: &Path) -> String {
    path.file_stem().unwrap().to_string_lossy().into_owned()
}

/// Beats of an annotation file: the first column, in seconds; none where it is missing (one is).
pub(crate) fn beat_secs(file: &Path) -> Vec<f64> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(|line| line.split('\t').next().unwrap().parse().unwrap()).collect()
}
