//! Odd, old and broken MIDI files: every one is read or refused with a sentence.
//!
//! The snapshot has a line per file, so that a change in behavior shows. `UPDATE_EXPECT=1` refreshes it.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::fmt::Write;
use std::fs;
use std::path::Path;

use expect_test::expect_file;
use performance::{decode, encode, midi};

#[test]
fn every_wild_file_is_read_or_refused_with_a_sentence() {
    let mut report = String::new();
    for (name, bytes) in wild_files() {
        writeln!(report, "{name}: {}", verdict(&bytes)).unwrap();
    }
    if !report.is_empty() {
        expect_file!["wild.txt"].assert_eq(&report);
    }
}

#[test]
fn every_damaged_wild_file_is_read_or_refused() {
    for (_, bytes) in wild_files() {
        for part in 0..64 {
            let at = bytes.len() * part / 64;
            verdict(&bytes[..at]);
            let mut flipped = bytes.clone();
            for byte in flipped[at..].iter_mut().take(1) {
                *byte ^= 0xFF;
            }
            verdict(&flipped);
        }
    }
}

/// Names and contents, in a fixed order; none without the data.
fn wild_files() -> Vec<(String, Vec<u8>)> {
    let wild = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/wild");
    if !wild.is_dir() {
        eprintln!("skipped: {} is not there", wild.display());
        return Vec::new();
    }
    let mut files = Vec::new();
    for folder in ["wellformed", "derived", "suspect", "malformed"] {
        let entries = fs::read_dir(wild.join(folder)).unwrap();
        let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        files.extend(paths.iter().map(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            (format!("{folder}/{name}"), fs::read(path).unwrap())
        }));
    }
    files
}

fn verdict(bytes: &[u8]) -> String {
    let import = match midi::read(bytes) {
        Ok(import) => import,
        Err(err) => return format!("REFUSED {err}"),
    };
    let performance = import.performance;
    let again = midi::read(&midi::write(&performance)).unwrap();
    assert_eq!(again.performance.notes().len(), performance.notes().len());
    assert_eq!(decode(&encode(&performance)).performance, performance.quantized());

    let n_notes = performance.notes().len();
    let mut verdict = format!("{n_notes} notes, {:.3} s", performance.duration_us() as f64 / 1e6);
    let facts = import.report.to_string();
    if !facts.is_empty() {
        write!(verdict, "; {facts}").unwrap();
    }
    for dropped in import.report.dropped {
        write!(verdict, "; DROPPED {dropped}").unwrap();
    }
    verdict
}
