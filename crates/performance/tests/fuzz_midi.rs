//! Mutated MIDI files, real and made up.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

use fuzz::{Target, pick, shared};
use performance::midi::Pedal;
use performance::{
    Lineage, Made, N_PITCHES, Note, Performance, Pitch, Recipe, Sampling, Velocity, decode, encode, midi,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[test]
fn mutated_files_are_read_or_refused() {
    let telling: Vec<[u8; 1]> = [
        0, 1, 0x2F, 0x40, 0x51, 0x7F, 0x80, 0x81, 0x90, 0x99, 0xB0, 0xC0, 0xD0, 0xE0, 0xF0, 0xF1, 0xF2, 0xF7,
        0xF8, 0xFE, 0xFF, 64, 66, 123,
    ]
    .map(|byte| [byte])
    .to_vec();
    let telling: Vec<&[u8]> = telling.iter().map(<[u8; 1]>::as_slice).collect();
    let target = Target {
        name: "midi",
        seeds: seeds(),
        telling: &telling,
        special: |bytes, rng| wrong_length(bytes, rng),
        n: 4_000,
        memory: (200, 1 << 20),
    };
    target.run(|bytes| match midi::read(bytes) {
        Ok(import) => Some(move || check(&import)),
        Err(error) => {
            let sentence = error.to_string();
            assert!(sentence.starts_with("it"), "{sentence}");
            None
        }
    });
}

/// What is read has to be valid, to be written, and to be read again.
fn check(import: &midi::Import) {
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
    let pedaled = midi::read(&midi::write_with(performance, Pedal::Written, None)).unwrap();
    assert_eq!(pedaled.report.dropped, []);
    assert_eq!(pedaled.performance.notes().len(), written.performance.notes().len());
    // What it gives has whole milliseconds, and is given back exactly.
    let again = midi::read(&midi::write_with(&pedaled.performance, Pedal::Written, None)).unwrap();
    assert_eq!(again.performance, pedaled.performance);
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
    let mut files = shared(&["wild", "reports/inputs", "primers"], &["mid", "rmi"]);
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    for _ in 0..8 {
        files.push(midi::write(&performance(&mut rng)));
        files.push(midi::write_with(&performance(&mut rng), Pedal::Written, None));
        files.push(with_recipe(&performance(&mut rng)));
        files.push(odd_file(&mut rng));
    }
    files
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
    midi::write_with(performance, Pedal::InNotes, Some(&Lineage { origin: None, recipe, made }))
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

/// Another length of a chunk.
fn wrong_length(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let ids = bytes.windows(4).enumerate().filter(|(_, id)| *id == b"MTrk" || *id == b"MThd");
    let heads: Vec<usize> = ids.map(|(head, _)| head).filter(|head| head + 8 <= bytes.len()).collect();
    if !heads.is_empty() {
        let head = *pick(rng, &heads);
        let length: [u32; 3] = [rng.random(), rng.random_range(0..40), rng.random_range(0..20_000)];
        bytes[head + 4..head + 8].copy_from_slice(&pick(rng, &length).to_be_bytes());
    }
}
