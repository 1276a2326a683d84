//! Declared lengths that are wrong.

use std::fs;
use std::path::Path;

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::{MS, file};

/// Tracks under running status, in which any four bytes may look like the name of a chunk.
fn running(rng: &mut ChaCha8Rng) -> Vec<Vec<u8>> {
    let n_tracks = rng.random_range(1..5);
    let track = |channel: u8, rng: &mut ChaCha8Rng| {
        let mut bytes = vec![0, 0x90 | channel];
        for idx in 0..rng.random_range(20..200) {
            let (key, wait) = (rng.random_range(0x30..0x7B), rng.random_range(0x20..0x7F));
            bytes.extend(if idx == 0 { vec![key, 80] } else { vec![0x20, key, 80] });
            bytes.extend([wait, key, 0]);
        }
        bytes
    };
    (0..n_tracks).map(|channel| track(channel, rng)).collect()
}

#[test]
fn four_hundred_wrong_lengths_lose_nothing() {
    let mut rng = ChaCha8Rng::seed_from_u64(21);
    for _ in 0..5 {
        let tracks = running(&mut rng);
        let tracks: Vec<_> = tracks.iter().map(Vec::as_slice).collect();
        let bytes = file(1, MS, &tracks);
        let sound = performance::midi::read(&bytes).unwrap();
        let heads: Vec<usize> =
            bytes.windows(4).enumerate().filter(|(_, id)| id == b"MTrk").map(|(at, _)| at).collect();
        for _ in 0..400 {
            let mut wrong = bytes.clone();
            // The header's is wrong, too, at times.
            let at = heads.get(rng.random_range(0..=heads.len())).copied().unwrap_or(0);
            let right = u32::from_be_bytes(*wrong[at + 4..].first_chunk().unwrap());
            // Near the right one, somewhere in the file, or anything.
            let length = match rng.random_range(0..4) {
                0 => right.saturating_add_signed(rng.random_range(-12..12)),
                1 => rng.random_range(0..right.max(1)),
                2 => rng.random_range(0..u32::try_from(2 * bytes.len()).unwrap()),
                _ => rng.random(),
            };
            wrong[at + 4..at + 8].copy_from_slice(&length.to_be_bytes());
            let import = performance::midi::read(&wrong).unwrap();
            assert_eq!(import.performance, sound.performance, "length {length} for {right} at {at}");
        }
    }
}

/// Whatever bytes stand there: in files of all sorts, where they are.
#[test]
fn wrong_lengths_of_real_files_lose_nothing() {
    let wild = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/wild");
    if !wild.is_dir() {
        eprintln!("skipped: {} is not there", wild.display());
        return;
    }
    let mut rng = ChaCha8Rng::seed_from_u64(22);
    for folder in ["wellformed", "derived"] {
        for entry in fs::read_dir(wild.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let Ok(sound) = performance::midi::read(&bytes) else { continue };
            let ids = bytes.windows(4).enumerate().filter(|(_, id)| id == b"MTrk");
            let heads: Vec<usize> = ids.map(|(at, _)| at).collect();
            for _ in 0..40 {
                let mut wrong = bytes.clone();
                let at = heads[rng.random_range(0..heads.len())];
                let length: u32 = rng.random_range(0..u32::try_from(2 * bytes.len()).unwrap());
                wrong[at + 4..at + 8].copy_from_slice(&length.to_be_bytes());
                let import = performance::midi::read(&wrong).unwrap();
                assert_eq!(import.performance, sound.performance, "{}: {length} at {at}", path.display());
            }
        }
    }
}

/// Every one that is possible within the file, also for a text that has the name of a track.
#[test]
fn no_wrong_length_loses_a_track() {
    let tracks: [&[u8]; 3] = [
        &[
            0, 0xFF, 1, 8, b'M', b'T', b'r', b'k', 0, 0, 0, 4, 0, 0x90, 60, 80, 48, 60, 0, 48, 62, 80, 48,
            62, 0,
        ],
        &[0, 0x90, 67, 80, 48, 67, 0, 48, 69, 80, 48, 69, 0],
        &[0, 0x90, 72, 80, 48, 72, 0],
    ];
    let bytes = file(1, MS, &tracks);
    let sound = performance::midi::read(&bytes).unwrap();
    assert_eq!(sound.performance.notes().len(), 5);
    let heads = bytes.windows(4).enumerate().filter(|(_, id)| id == b"MTrk").map(|(at, _)| at);
    for at in heads.filter(|&at| bytes[at + 4..at + 8] != [0, 0, 0, 4]) {
        for length in 0..u32::try_from(bytes.len()).unwrap() {
            let mut wrong = bytes.clone();
            wrong[at + 4..at + 8].copy_from_slice(&length.to_be_bytes());
            let import = performance::midi::read(&wrong).unwrap();
            assert_eq!(import.performance, sound.performance, "length {length} at {at}");
        }
    }
}
