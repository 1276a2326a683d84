//! The rules of the design: who may depend on whom, what a crate may name, and what is never committed.
//!
//! Every rule is a function from text to complaints. It runs on the checkout here and on small bad examples
//! in its own tests, so that each is known to be able to fail.

mod files;
mod manifests;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the checkout.
struct File {
    /// Relative to the root, with forward slashes.
    path: String,
    bytes: Vec<u8>,
}

impl File {
    fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok()
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Everything that is committed or would be.
fn checkout() -> Vec<File> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let output = git.output().expect("git");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let paths = String::from_utf8(output.stdout).expect("paths in UTF-8");
    let read = |path: &str| {
        // A file may be deleted and not yet committed so.
        let bytes = fs::read(root().join(path)).ok()?;
        Some(File { path: path.to_owned(), bytes })
    };
    let files: Vec<_> = paths.split('\0').filter(|path| !path.is_empty()).filter_map(read).collect();
    assert!(files.iter().any(|file| file.path == "Cargo.toml"), "git lists no Cargo.toml");
    files
}

#[track_caller]
fn assert_none(complaints: Vec<String>) {
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Runs `rule` on each text file.
fn each_text(rule: impl Fn(&str, &str) -> Vec<String>) {
    let files = checkout();
    assert_none(files.iter().filter_map(|file| Some(rule(&file.path, file.text()?))).flatten().collect());
}

#[test]
fn crates_depend_in_one_direction() {
    each_text(manifests::complaints);
}

#[test]
fn the_lock_file_names_one_registry() {
    each_text(manifests::lock_complaints);
}

#[test]
fn crates_name_only_what_they_may_know() {
    each_text(sources::boundary_complaints);
}

#[test]
fn nothing_unfinished_is_committed() {
    each_text(sources::unfinished_complaints);
}

#[test]
fn lint_exceptions_have_reasons() {
    each_text(sources::exception_complaints);
}

#[test]
fn files_are_short_enough_to_read() {
    each_text(files::length_complaints);
}

#[test]
fn nobodys_folders_are_named() {
    each_text(files::place_complaints);
}

#[test]
fn nothing_large_is_committed() {
    let files = checkout();
    assert_none(files.iter().flat_map(|file| files::size_complaints(&file.path, file.bytes.len())).collect());
}
