//! Mutated files, real and made up: reading never panics, its memory and time are bounded, and what it gives
//! is valid.
//!
//! As a test it takes seconds and always sees the same files. To let it look for longer, with other seeds:
//! `PERFORMANCE_FUZZ_SECS=3600 PERFORMANCE_FUZZ_SEED=7 cargo test --release -p performance --test fuzz --
//! --nocapture`. A file that fails is named by its seed and number, and written to the folder that
//! `PERFORMANCE_FUZZ_KEEP` names.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use performance::{
    Lineage, Made, N_PITCHES, Note, Performance, Pitch, Recipe, Sampling, Velocity, decode, encode, midi,
};
use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// Mutations as a normal test.
const N_FILES: usize = 4_000;
/// Files larger than this are cut before they are mutated, so that many are tried.
const MAX_SEED_BYTES: usize = 16_384;
/// Memory that reading may take at once: this many times the file's size, and a fixed part.
const MAX_MEMORY_RATIO: usize = 200;
const MAX_FIXED_MEMORY: usize = 1 << 20;

#[test]
fn mutated_files_are_read_or_refused() {
    let run_secs = variable("PERFORMANCE_FUZZ_SECS");
    let seed = variable("PERFORMANCE_FUZZ_SEED").unwrap_or(21);
    let files = seeds();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let started = Instant::now();
    let goes_on = |n: usize| match run_secs {
        Some(secs) => started.elapsed() < Duration::from_secs(secs),
        None => n < N_FILES,
    };
    let mut counts = Counts::default();
    while goes_on(counts.files) {
        let bytes = mutated(&files, &mut rng);
        counts.files += 1;
        counts.bytes += bytes.len();
        let begun = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| check(&bytes)));
        counts.slowest = counts.slowest.max(begun.elapsed());
        match outcome {
            Ok(Outcome { notes, is_sound, peak_bytes }) => {
                counts.refused += usize::from(notes == 0);
                counts.notes += notes;
                counts.sound += usize::from(is_sound);
                counts.most_memory = counts.most_memory.max(peak_bytes);
            }
            Err(_) => {
                let name = format!("{seed}-{}.mid", counts.files);
                if let Some(folder) = std::env::var_os("PERFORMANCE_FUZZ_KEEP") {
                    fs::write(PathBuf::from(folder).join(&name), &bytes).unwrap();
                }
                panic!("{name} failed, {} bytes", bytes.len());
            }
        }
    }
    eprintln!("seed {seed}, {} files to begin with: {counts:?}", files.len());
    assert!(counts.refused < counts.files && counts.sound < counts.files);
}

#[derive(Debug, Default)]
struct Counts {
    files: usize,
    bytes: usize,
    refused: usize,
    /// Read with nothing dropped.
    sound: usize,
    notes: usize,
    slowest: Duration,
    /// Most memory that reading took at once, in bytes.
    most_memory: usize,
}

struct Outcome {
    notes: usize,
    is_sound: bool,
    peak_bytes: usize,
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Reads; what is read has to be valid, to be written, and to be read again.
fn check(bytes: &[u8]) -> Outcome {
    let before = Counting::restart();
    let import = midi::read(bytes);
    let peak_bytes = Counting::peak().saturating_sub(before);
    assert!(
        peak_bytes <= MAX_MEMORY_RATIO * bytes.len() + MAX_FIXED_MEMORY,
        "{peak_bytes} bytes of memory for a file of {}",
        bytes.len()
    );
    let import = match import {
        Ok(import) => import,
        Err(err) => {
            let sentence = err.to_string();
            assert!(sentence.starts_with("it"), "{sentence}");
            return Outcome { notes: 0, is_sound: false, peak_bytes };
        }
    };
    let performance = &import.performance;
    assert_valid(performance);
    assert!(performance.duration_us() <= midi::MAX_HOURS * 3_600_000_000);
    let facts = import.report.to_string();
    assert!(import.report.pedaled_notes == 0 || facts.contains("pedal applied"));
    assert!(import.report.drum_notes == 0 || facts.contains("drums left out"));
    assert_eq!(decode(&encode(performance)).performance, performance.quantized());

    let written = midi::read(&midi::write(performance)).unwrap();
    assert_eq!(written.report.dropped, []);
    assert_valid(&written.performance);
    let pedaled = midi::read(&midi::write_with_pedal(performance)).unwrap();
    assert_eq!(pedaled.report.dropped, []);
    assert_eq!(pedaled.performance.notes().len(), written.performance.notes().len());
    // What it gives has whole milliseconds, and is given back exactly.
    let again = midi::read(&midi::write_with_pedal(&pedaled.performance)).unwrap();
    assert_eq!(again.performance, pedaled.performance);
    Outcome { notes: performance.notes().len(), is_sound: import.report.dropped.is_empty(), peak_bytes }
}

/// Notes are in order, end after they start, and no key sounds twice.
fn assert_valid(performance: &Performance) {
    let mut last_end_us = [0; N_PITCHES];
    let mut last_start_us = 0;
    for note in performance.notes() {
        assert!(note.start_us >= last_start_us && note.end_us >= note.start_us, "{note:?}");
        assert!(note.start_us >= last_end_us[note.pitch.index()], "{note:?}");
        last_start_us = note.start_us;
        last_end_us[note.pitch.index()] = note.end_us;
    }
}

/// Files to begin with: those of the shared data that are there, and some that are made.
fn seeds() -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut paths = Vec::new();
    for folder in ["wild", "reports/inputs", "primers"] {
        list(&data.join(folder), &mut paths);
    }
    if paths.is_empty() {
        eprintln!("only files that are made: {} is not there", data.display());
    }
    paths.sort();
    let real = paths.iter().map(|path| fs::read(path).unwrap());
    let mut files: Vec<Vec<u8>> = real.collect();
    for file in &mut files {
        file.truncate(MAX_SEED_BYTES);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for _ in 0..8 {
        files.push(midi::write(&performance(&mut rng)));
        files.push(midi::write_with_pedal(&performance(&mut rng)));
        files.push(with_recipe(&performance(&mut rng)));
        files.push(odd_file(&mut rng));
    }
    files
}

fn list(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        let is_midi =
            path.extension().is_some_and(|extension| ["mid", "rmi"].iter().any(|known| extension == *known));
        if path.is_dir() {
            list(&path, paths);
        } else if is_midi {
            paths.push(path);
        }
    }
}

fn performance(rng: &mut ChaCha8Rng) -> Performance {
    let note = |_| {
        let start_us = rng.random_range(0..20_000) * 1_000;
        Note {
            pitch: Pitch::new(rng.random_range(40..90)).unwrap(),
            velocity: Velocity::new(rng.random_range(1..128)).unwrap(),
            start_us,
            end_us: start_us + rng.random_range(1..3_000) * 1_000,
        }
    };
    Performance::new((0..120).map(note).collect())
}

/// A file that carries its recipe.
fn with_recipe(performance: &Performance) -> Vec<u8> {
    let made = Made::Tokens(encode(performance));
    let recipe = Recipe::new(7, Sampling::default());
    midi::write_with_recipe(performance, &Lineage { origin: None, recipe, made })
}

/// Tracks of everything that the reader knows: channels, pedals, banks, tempos, sysex, names, running status.
fn odd_file(rng: &mut ChaCha8Rng) -> Vec<u8> {
    let n_tracks = rng.random_range(1..6);
    let mut bytes = b"MThd\0\0\0\x06\0".to_vec();
    bytes.extend([rng.random_range(0..3), 0, n_tracks, 1, 0xE0]);
    for _ in 0..n_tracks {
        let mut track = Vec::new();
        for _ in 0..rng.random_range(10..80) {
            track.push(rng.random_range(0..0x7F));
            let (channel, key, value) =
                (rng.random_range(0..16), rng.random_range(55..60), rng.random_range(0..128));
            track.extend(match rng.random_range(0..12) {
                0..=3 => vec![0x90 | channel, key, value],
                4..=6 => vec![0x80 | channel, key, value],
                7 => vec![0xB0 | channel, *pick(rng, &[0, 7, 64, 64, 66, 67, 120, 121, 123]), value],
                8 => vec![0xC0 | channel, value],
                9 => vec![0xFF, 0x51, 3, value, 0, 0],
                10 => vec![0xFF, 3, 5, b'P', b'i', b'a', b'n', b'o'],
                _ => pick(
                    rng,
                    &[
                        vec![0xF0, 8, 0x43, 0x10, 0x4C, 0, 0, 0x7E, 0, 0xF7],
                        vec![0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x11, 0x15, 1, 0x19, 0xF7],
                        vec![0xF0, 0x7E, 0x7F, 9, 1, 0xF7],
                        vec![key, value],
                    ],
                )
                .clone(),
            });
        }
        track.extend([0, 0xFF, 0x2F, 0]);
        bytes.extend(b"MTrk");
        bytes.extend(u32::try_from(track.len()).unwrap().to_be_bytes());
        bytes.extend(track);
    }
    bytes
}

fn pick<'a, T>(rng: &mut ChaCha8Rng, from: &'a [T]) -> &'a T {
    &from[rng.random_range(0..from.len())]
}

/// One of the files after some changes.
fn mutated(files: &[Vec<u8>], rng: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = pick(rng, files).clone();
    for _ in 0..rng.random_range(1..=8) {
        mutate(&mut bytes, files, rng);
    }
    bytes.truncate(4 * MAX_SEED_BYTES);
    bytes
}

fn mutate(bytes: &mut Vec<u8>, files: &[Vec<u8>], rng: &mut ChaCha8Rng) {
    /// Bytes that mean something.
    const TELLING: [u8; 24] = [
        0, 1, 0x2F, 0x40, 0x51, 0x7F, 0x80, 0x81, 0x90, 0x99, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0xF1, 0xF2, 0xF7,
        0xF8, 0xFE, 0xFF, 64, 66, 123,
    ];
    let at = rng.random_range(0..=bytes.len());
    let end = (at + rng.random_range(0..64)).min(bytes.len());
    match rng.random_range(0..12) {
        0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
        1 if at < bytes.len() => bytes[at] = rng.random(),
        2 | 3 if at < bytes.len() => bytes[at] = *pick(rng, &TELLING),
        4 => bytes.insert(at, *pick(rng, &TELLING)),
        5 => drop(bytes.drain(at..end)),
        6 => {
            let copy = bytes[at..end].to_vec();
            let to = rng.random_range(0..=bytes.len());
            bytes.splice(to..to, copy.repeat(rng.random_range(1..4)));
        }
        7 => {
            let other = pick(rng, files);
            let from = rng.random_range(0..=other.len());
            let until = (from + rng.random_range(0..256)).min(other.len());
            bytes.splice(at..end, other[from..until].iter().copied());
        }
        8 => bytes.truncate(at),
        9 => bytes.extend(pick(rng, files)),
        // A length of a chunk.
        10 => {
            let ids = bytes.windows(4).enumerate().filter(|(_, id)| *id == b"MTrk" || *id == b"MThd");
            let heads: Vec<usize> =
                ids.map(|(head, _)| head).filter(|head| head + 8 <= bytes.len()).collect();
            if !heads.is_empty() {
                let head = *pick(rng, &heads);
                let length: [u32; 3] = [rng.random(), rng.random_range(0..40), rng.random_range(0..20_000)];
                bytes[head + 4..head + 8].copy_from_slice(&pick(rng, &length).to_be_bytes());
            }
        }
        _ => {
            let run = vec![*pick(rng, &TELLING); rng.random_range(0..40)];
            bytes.splice(at..end, run);
        }
    }
}

/// The system's memory, with a count of what is taken. Only this file's one test runs with it.
struct Counting;

static TAKEN: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

impl Counting {
    /// Forgets what was most; returns what is taken now.
    fn restart() -> usize {
        let taken = TAKEN.load(Ordering::Relaxed);
        MOST.store(taken, Ordering::Relaxed);
        taken
    }

    /// Most that was taken since.
    fn peak() -> usize {
        MOST.load(Ordering::Relaxed)
    }
}

// SAFETY: the system's allocator does all of it; counting touches no memory of others.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = TAKEN.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        MOST.fetch_max(taken, Ordering::Relaxed);
        // SAFETY: passed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        TAKEN.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: passed on as it came.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static MEMORY: Counting = Counting;
