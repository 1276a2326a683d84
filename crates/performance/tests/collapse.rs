//! How often people cross the limits beyond which music counts as broken down.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use performance::midi;
use performance::statistics::{Excerpt, collapses};

const MINUTE_US: u64 = 60_000_000;

#[test]
fn people_hardly_break_down() {
    let mini = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/mini");
    if !mini.is_dir() {
        eprintln!("skipped: {} is not there", mini.display());
        return;
    }
    let (n_minutes, broken) = broken_minutes(&mini);
    let n_broken: usize = broken.values().sum();
    assert!(n_minutes >= 30 && n_broken * 20 <= n_minutes, "{broken:?} of {n_minutes} minutes");
}

/// The whole corpus, where it is unpacked: `PERFORMANCE_CORPUS=DIR`.
#[test]
fn people_of_the_corpus_hardly_break_down() {
    let Some(corpus) = std::env::var_os("PERFORMANCE_CORPUS") else {
        eprintln!("skipped: PERFORMANCE_CORPUS does not say where the corpus is unpacked");
        return;
    };
    let (n_minutes, broken) = broken_minutes(Path::new(&corpus));
    eprintln!("{broken:?} of {n_minutes} minutes");
    for (name, n) in broken {
        assert!(n * 25 <= n_minutes, "{name}: {n} of {n_minutes} minutes");
    }
}

/// The number of whole minutes in all files below, and of those that each kind of collapse touches.
fn broken_minutes(dir: &Path) -> (usize, BTreeMap<&'static str, usize>) {
    let (mut n_minutes, mut broken) = (0, BTreeMap::new());
    for file in files(dir) {
        let performance = midi::read(&fs::read(&file).unwrap()).unwrap().performance.starting_at_zero();
        let excerpt = Excerpt::whole(&performance);
        let found = collapses(&excerpt);
        for minute in 0..excerpt.length_us() / MINUTE_US {
            n_minutes += 1;
            let range = minute * MINUTE_US..(minute + 1) * MINUTE_US;
            let mut kinds: Vec<_> =
                found.iter().filter(|collapse| collapse.touches(&range)).map(|c| c.kind.name()).collect();
            kinds.dedup();
            for kind in kinds {
                *broken.entry(kind).or_insert(0) += 1;
            }
        }
    }
    (n_minutes, broken)
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let paths = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| match path.extension().and_then(|extension| extension.to_str()) {
        _ if path.is_dir() => files(&path),
        Some("mid" | "midi") => vec![path],
        _ => Vec::new(),
    };
    paths.flat_map(below).collect()
}
