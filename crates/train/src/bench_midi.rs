//! `bench --midi`: how fast MIDI files are read and written, and music is encoded and decoded, on one thread.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use performance::{Performance, Token, decode, encode, midi};
use serde::Serialize;

use crate::files::read_midi;
use crate::prepare;
use crate::say::{count, say};

/// Each measurement runs at least this long, and over all files at least twice: the first pass warms up.
const AT_LEAST: Duration = Duration::from_secs(1);

/// A file, its notes and its events.
struct Piece {
    bytes: Vec<u8>,
    performance: Performance,
    tokens: Vec<Token>,
}

/// Of music that comes from files and lies in memory already.
#[derive(Serialize)]
struct Figures {
    files: usize,
    bytes: usize,
    notes: usize,
    events: usize,
    /// From bytes to notes, pedal applied: passes over all files per second of time.
    read_passes_per_s: f64,
    read_events_per_s: f64,
    /// From notes to events.
    encode_events_per_s: f64,
    /// And back.
    decode_events_per_s: f64,
    /// From notes to bytes.
    write_events_per_s: f64,
}

pub(crate) fn run(folder: &Path, is_json: bool) -> Result<()> {
    let sources = prepare::find(&[folder.to_owned()])?;
    let mut pieces = Vec::new();
    for source in sources {
        // What cannot be imported is not measured.
        let Ok(bytes) = read_midi(&source.file) else { continue };
        if let Ok(import) = midi::read(&bytes) {
            let tokens = encode(&import.performance);
            pieces.push(Piece { bytes, performance: import.performance, tokens });
        }
    }
    ensure!(!pieces.is_empty(), "{}: expected MIDI files, found none that can be read", folder.display());
    let sum = |count: fn(&Piece) -> usize| pieces.iter().map(count).sum::<usize>();
    let speed = |work: fn(&Piece)| passes_per_s(|| pieces.iter().for_each(work));
    let events = sum(|piece| piece.tokens.len());
    let read_passes_per_s = speed(|piece| drop(black_box(midi::read(black_box(&piece.bytes)))));
    let per_s = |passes: f64| passes * events as f64;
    let figures = Figures {
        files: pieces.len(),
        bytes: sum(|piece| piece.bytes.len()),
        notes: sum(|piece| piece.performance.notes().len()),
        events,
        read_passes_per_s,
        read_events_per_s: per_s(read_passes_per_s),
        encode_events_per_s: per_s(speed(|piece| drop(black_box(encode(black_box(&piece.performance)))))),
        decode_events_per_s: per_s(speed(|piece| drop(black_box(decode(black_box(&piece.tokens)))))),
        write_events_per_s: per_s(speed(|piece| drop(black_box(midi::write(black_box(&piece.performance)))))),
    };
    if is_json {
        say!("{}", serde_json::to_string(&figures)?)?;
    } else {
        let Figures { files, notes, events, .. } = figures;
        say!(
            "{}, {}, {}, on one thread:",
            count(files, "file"),
            count(notes, "note"),
            count(events, "event")
        )?;
        for (what, speed) in [
            ("MIDI files read", figures.read_events_per_s),
            ("encoded", figures.encode_events_per_s),
            ("decoded", figures.decode_events_per_s),
            ("MIDI files written", figures.write_events_per_s),
        ] {
            say!("{:6.1} million events/s {what}", speed / 1e6)?;
        }
    }
    Ok(())
}

fn passes_per_s(pass: impl Fn()) -> f64 {
    pass();
    let (start, mut passes) = (Instant::now(), 0);
    while passes == 0 || start.elapsed() < AT_LEAST {
        pass();
        passes += 1;
    }
    f64::from(passes) / start.elapsed().as_secs_f64()
}
