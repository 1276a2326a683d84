//! `performance-rnn` from the outside: exit codes, JSON, and a network that learns.

mod ablation;
mod commands;
mod copying;
mod hostile;
mod learning;
mod quality;
#[cfg(feature = "remote")]
mod remote;
mod score;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use performance::{Note, Performance, Pitch, Velocity, midi};

/// Runs the program; standard output and error come back.
fn run(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_performance-rnn")).args(args).output().expect("the program starts")
}

/// Runs it, expects success, and returns standard output.
#[track_caller]
fn succeed(args: &[&str]) -> String {
    let output = run(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Runs it with `--json` and reads the one object it prints.
#[track_caller]
fn json(args: &[&str]) -> serde_json::Value {
    let out = succeed(&[args, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{args:?} printed {out:?}: {error}"))
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// Writes a folder of MIDI files with a pattern that is easy to learn: broken chords, even and loud, for 48
/// s.
fn pieces(dir: &Path) -> PathBuf {
    pieces_of(dir, 300)
}

/// The same with `n_notes` notes; 6.25 make a second.
fn pieces_of(dir: &Path, n_notes: u64) -> PathBuf {
    for (split, n) in [("train", 6u8), ("validation", 2)] {
        std::fs::create_dir_all(dir.join(split)).expect("a folder");
        for piece in 0..n {
            let notes = (0..n_notes).map(|i| Note {
                pitch: Pitch::new(48 + piece + [0, 4, 7, 12][i as usize % 4]).expect("a pitch"),
                velocity: Velocity::new(if i % 4 == 0 { 90 } else { 60 }).expect("a velocity"),
                start_us: i * 160_000,
                end_us: i * 160_000 + 120_000,
            });
            let bytes = midi::write(&Performance::new(notes.collect()));
            std::fs::write(dir.join(split).join(format!("{piece}.mid")), bytes).expect("a file");
        }
    }
    dir.to_owned()
}
