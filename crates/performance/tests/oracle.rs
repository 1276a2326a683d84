//! The encoder against event counts that another implementation made of the same files.
//!
//! The rule for a difference: none in notes and time shifts. Velocities may differ by 0.2 %, because
//! it depends on the order of the notes of one step how often the bin changes.

use std::fs;
use std::path::{Path, PathBuf};

use performance::{Event, encode, midi};

#[test]
fn event_counts_of_mini_are_the_oracles() {
    let Some(data) = shared_data() else { return };
    let n_checked = check_all(&data.join("mini/manifest.csv"), &data.join("mini"));
    assert_eq!(n_checked, 12);
}

/// The whole corpus, where it is unpacked: `PERFORMANCE_CORPUS=DIR`.
#[test]
fn event_counts_of_the_corpus_are_the_oracles() {
    let (Some(data), Some(corpus)) = (shared_data(), std::env::var_os("PERFORMANCE_CORPUS")) else {
        eprintln!("skipped: PERFORMANCE_CORPUS does not say where the corpus is unpacked");
        return;
    };
    let n_checked = check_all(&data.join("corpus-manifest.csv"), Path::new(&corpus));
    assert_eq!(n_checked, 1461);
}

fn shared_data() -> Option<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !data.is_dir() {
        eprintln!("skipped: {} is not there", data.display());
        return None;
    }
    Some(data)
}

fn check_all(manifest: &Path, dir: &Path) -> usize {
    let text = fs::read_to_string(manifest).unwrap();
    // Titles are quoted and have commas in them, so the counts are found from the right.
    let mut lines = text.lines().map(|line| line.split(',').rev().collect::<Vec<_>>());
    let header = lines.next().unwrap();
    let count_columns = ["ev_note_on", "ev_note_off", "ev_time_shift", "ev_velocity"]
        .map(|name| header.iter().position(|&cell| cell == name).unwrap());
    let mut differences = Vec::new();
    let mut n_checked = 0;
    for line in lines {
        let path = line.last().unwrap();
        let expected = count_columns.map(|column| line[column].parse::<usize>().unwrap());
        let actual = counts(&dir.join(path));
        let velocity_tolerance = expected[3].div_ceil(500);
        if actual[..3] != expected[..3] || actual[3].abs_diff(expected[3]) > velocity_tolerance {
            differences.push(format!("{}: expected {expected:?}, found {actual:?}", path));
        }
        n_checked += 1;
    }
    assert!(
        differences.is_empty(),
        "{} of {n_checked} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
    n_checked
}

fn counts(path: &Path) -> [usize; 4] {
    let import =
        midi::read(&fs::read(path).unwrap()).unwrap_or_else(|err| panic!("{}: {err}", path.display()));
    let mut counts = [0; 4];
    for token in encode(&import.performance) {
        counts[match token.into() {
            Event::NoteOn(_) => 0,
            Event::NoteOff(_) => 1,
            Event::TimeShift(_) => 2,
            Event::Velocity(_) => 3,
        }] += 1;
    }
    counts
}
