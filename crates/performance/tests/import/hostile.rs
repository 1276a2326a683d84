//! Files made to be slow or large in memory. A quadratic step would take minutes with each of these.

use performance::midi;

use super::{MS, chunk, file};

const BYTES: usize = 1 << 20;

/// A track of one piece again and again.
fn repeated(piece: &[u8]) -> Vec<u8> {
    file(0, MS, &[&piece.repeat(BYTES / piece.len())])
}

#[test]
fn files_made_to_be_slow_are_read_or_refused() {
    let long_sysex = [&[0, 0xF0][..], &[1; 5_000]].concat();
    let pieces: [&[u8]; 17] = [
        // Strikes without releases, and twice as many strikes as releases.
        &[1, 0x90, 60, 80],
        &[1, 0x90, 60, 80, 1, 0x90, 60, 80, 1, 0x80, 60, 0],
        // Pedals that take turns in holding one note.
        &[1, 0xB0, 64, 127, 1, 0xB0, 66, 127, 1, 0xB0, 64, 0, 1, 0xB0, 66, 0],
        &[
            1, 0x90, 60, 80, 1, 0xB0, 64, 127, 1, 0x80, 60, 0, 1, 0xB0, 66, 127, 1, 0xB0, 64, 0, 1, 0xB0, 66,
            0,
        ],
        &[1, 0x90, 60, 80, 1, 0xB0, 123, 0, 1, 0xB1, 120, 0],
        // Messages without an end, and those whose end has to be looked for.
        &[0xF0],
        &[0, 0xF0],
        &[0xFF],
        &[0, 0xFF, 1, 0xFF, 0xFF, 0x7F],
        &[0, 0xF0, 1, 1, 0, 0xF7, 1, 1],
        &long_sysex,
        // Damage everywhere.
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0, 0x90, 60],
        &[0, 0x90, 200, 200],
        &[0, 60],
        // Chunks in tracks.
        b"MTrk",
        b"MTrk\0\0\0\0",
        b"MThd\0\0\0\x06\0\0\0\0\0\x60",
    ];
    for piece in pieces {
        let _either = midi::read(&repeated(piece));
    }
}

#[test]
fn tracks_made_to_be_searched_are_read_or_refused() {
    // Lengths that are wrong, and no end marks.
    let track = [&b"MTrk\x7F\xFF\xFF\xFF"[..], &[0, 0x90, 60, 80, 1, 60, 0]].concat();
    let mut bytes = file(1, MS, &[]);
    bytes.extend(track.repeat(BYTES / track.len()));
    let import = midi::read(&bytes).unwrap();
    assert_eq!(import.report.n_tracks, 65_535);

    // Each track's one event jumps into a rest that ends in damage, so that it has to be read to its end.
    let mut bytes = file(1, MS, &[]);
    let rest_at = BYTES / 2;
    while bytes.len() < rest_at {
        let jump = u32::try_from(rest_at + 16 - bytes.len()).unwrap();
        let length =
            [21, 14, 7, 0].map(|shift| (jump >> shift & 0x7F) as u8 | if shift > 0 { 0x80 } else { 0 });
        bytes.extend([&b"MTrk\0\0\0\x09"[..], &[0, 0xFF, 1], &length].concat());
    }
    bytes.extend([0, 0x90, 60, 80].repeat(BYTES / 8));
    bytes.extend([0xFF; 18]);
    let _either = midi::read(&bytes);

    let empty = chunk(b"LIST", &[]);
    let _either = midi::read(&[b"RIFF\0\0\0\0RMID", empty.repeat(BYTES / 8).as_slice()].concat());
}
