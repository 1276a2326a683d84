//! Mutated bytes for a parser: it never panics, takes memory in proportion, and what it accepts is valid.
//!
//! As a test it takes seconds and always sees the same bytes. To let all parsers be looked at for longer, with other
//! seeds:
//!
//! ```sh
//! PERFORMANCE_FUZZ_SECS=3600 PERFORMANCE_FUZZ_SEED=7 cargo test --release -p performance -p rnn -p session --test 'fuzz*' -- --nocapture
//! ```
//!
//! Bytes that fail are named by their seed and number, and written to the folder that `PERFORMANCE_FUZZ_KEEP` names.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// What is mutated, and what its parser may take.
pub(crate) struct Target<'a> {
    pub(crate) name: &'a str,
    /// Valid bytes to begin with.
    pub(crate) seeds: Vec<Vec<u8>>,
    /// Pieces of bytes that mean something to the parser.
    pub(crate) telling: &'a [&'a [u8]],
    /// A change that only this format knows.
    pub(crate) special: fn(&mut Vec<u8>, &mut ChaCha8Rng),
    /// Mutations as a normal test.
    pub(crate) n: usize,
    /// Memory that reading may take at once: this many times the size, and a fixed part in bytes.
    pub(crate) memory: (usize, usize),
}

#[derive(Debug, Default)]
struct Counts {
    mutations: usize,
    bytes: usize,
    accepted: usize,
    slowest: Duration,
    /// Most memory that reading took at once, in bytes.
    most_memory: usize,
}

impl Target<'_> {
    /// Seeds that are larger are cut, so that many mutations are tried.
    pub(crate) const MAX_SEED_BYTES: usize = 16_384;

    /// `read` parses, and returns a check of what was accepted; nothing if the bytes were refused.
    pub(crate) fn run<C: FnOnce()>(&self, read: impl Fn(&[u8]) -> Option<C>) {
        let run_secs = variable("PERFORMANCE_FUZZ_SECS");
        let seed = variable("PERFORMANCE_FUZZ_SEED").unwrap_or(21);
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let started = Instant::now();
        let mut counts = Counts::default();
        while run_secs.map_or(counts.mutations < self.n, |secs| started.elapsed() < Duration::from_secs(secs))
        {
            let bytes = self.mutated(&mut rng);
            counts.mutations += 1;
            counts.bytes += bytes.len();
            let begun = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| self.check(&bytes, &read)));
            counts.slowest = counts.slowest.max(begun.elapsed());
            if let Ok((is_accepted, memory)) = outcome {
                counts.accepted += usize::from(is_accepted);
                counts.most_memory = counts.most_memory.max(memory);
            } else {
                let name = format!("{}-{seed}-{}", self.name, counts.mutations);
                if let Some(folder) = std::env::var_os("PERFORMANCE_FUZZ_KEEP") {
                    fs::write(PathBuf::from(folder).join(&name), &bytes).unwrap();
                }
                panic!("{name} failed, {} bytes", bytes.len());
            }
        }
        eprintln!("{}: seed {seed}, {} to begin with: {counts:?}", self.name, self.seeds.len());
        assert!(counts.accepted > 0 && counts.accepted < counts.mutations, "{counts:?}");
    }

    /// Whether the bytes were accepted, and how much memory reading took.
    fn check<C: FnOnce()>(&self, bytes: &[u8], read: impl Fn(&[u8]) -> Option<C>) -> (bool, usize) {
        let before = Counting::restart();
        let accepted = read(bytes);
        let memory = Counting::peak().saturating_sub(before);
        let (ratio, fixed) = self.memory;
        assert!(memory <= ratio * bytes.len() + fixed, "{memory} bytes of memory for {}", bytes.len());
        let is_accepted = accepted.is_some();
        if let Some(check) = accepted {
            check();
        }
        (is_accepted, memory)
    }

    fn mutated(&self, rng: &mut ChaCha8Rng) -> Vec<u8> {
        let mut bytes = pick(rng, &self.seeds).clone();
        for _ in 0..rng.random_range(1..=8) {
            self.mutate(&mut bytes, rng);
        }
        let longest = self.seeds.iter().map(Vec::len).max().unwrap_or(0).max(Self::MAX_SEED_BYTES);
        bytes.truncate(4 * longest);
        bytes
    }

    fn mutate(&self, bytes: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
        let at = rng.random_range(0..=bytes.len());
        let end = (at + rng.random_range(0..64)).min(bytes.len());
        match rng.random_range(0..14) {
            0 if at < bytes.len() => bytes[at] ^= 1 << rng.random_range(0..8),
            1 if at < bytes.len() => bytes[at] = rng.random(),
            2..=4 => {
                let telling = pick(rng, self.telling);
                let end = (at + telling.len()).min(bytes.len());
                bytes.splice(at..end, telling.iter().copied());
            }
            5 => drop(bytes.splice(at..at, pick(rng, self.telling).iter().copied())),
            6 => drop(bytes.drain(at..end)),
            7 => {
                let copy = bytes[at..end].to_vec();
                let to = rng.random_range(0..=bytes.len());
                bytes.splice(to..to, copy.repeat(rng.random_range(1..4)));
            }
            8 => {
                let other = pick(rng, &self.seeds);
                let from = rng.random_range(0..=other.len());
                let until = (from + rng.random_range(0..256)).min(other.len());
                bytes.splice(at..end, other[from..until].iter().copied());
            }
            9 => bytes.truncate(at),
            10 => bytes.extend(pick(rng, &self.seeds)),
            11 => {
                let run = pick(rng, self.telling).repeat(rng.random_range(0..40));
                bytes.splice(at..end, run);
            }
            _ => (self.special)(bytes, rng),
        }
    }
}

/// No change that only one format knows.
#[allow(dead_code, reason = "not all formats have one")]
pub(crate) fn nothing_special(_: &mut Vec<u8>, _: &mut ChaCha8Rng) {}

/// Changes bytes before a checksum of four bytes, and has the checksum fit, so that only the format stands.
#[allow(dead_code, reason = "not all formats have a checksum")]
pub(crate) fn resealed(bytes: &mut [u8], checksum: fn(&[u8]) -> u32, rng: &mut ChaCha8Rng) {
    let Some((content, sum)) = bytes.split_last_chunk_mut::<4>() else { return };
    if content.is_empty() {
        return;
    }
    for _ in 0..rng.random_range(1..4) {
        let at = rng.random_range(0..content.len());
        content[at] = *pick(rng, &[0, 1, 2, 3, 0x7F, 0x80, 0xC0, 0xFF, content[at].wrapping_add(1)]);
    }
    *sum = checksum(content).to_le_bytes();
}

pub(crate) fn pick<'a, T>(rng: &mut ChaCha8Rng, from: &'a [T]) -> &'a T {
    &from[rng.random_range(0..from.len())]
}

/// Files of these folders of the shared data with one of these endings, cut to [`Target::MAX_SEED_BYTES`]; none where
/// that is missing.
#[allow(dead_code, reason = "not all formats have some there")]
pub(crate) fn shared(folders: &[&str], endings: &[&str]) -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let mut paths = Vec::new();
    for folder in folders {
        list(&data.join(folder), endings, &mut paths);
    }
    if paths.is_empty() {
        eprintln!("only files that are made: {} is not there", data.display());
    }
    paths.sort();
    let mut files: Vec<Vec<u8>> = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    files.iter_mut().for_each(|file| file.truncate(Target::MAX_SEED_BYTES));
    files
}

fn list(folder: &Path, endings: &[&str], paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            list(&path, endings, paths);
        } else if path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)) {
            paths.push(path);
        }
    }
}

fn variable(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The system's memory, with a count of what is taken. A program has one target, so nothing else takes any meanwhile.
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
