//! Round trips, and that no input is too much.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::{
    Decoded, Event, Irregularities, Note, Performance, Pitch, Sounding, Token, Velocity, decode, encode, midi,
};
use proptest::prelude::*;

/// Times are drawn close together, so that overlaps, re-strikes and collisions on the grid are common.
fn performances(unit_us: u64) -> impl Strategy<Value = Performance> {
    let note = (40_u8..44, 1_u8..=127, 0_u64..40_000_000 / unit_us, 0_u64..3_000_000 / unit_us).prop_map(
        move |(pitch, velocity, start, length)| Note {
            pitch: Pitch::new(pitch).unwrap(),
            velocity: Velocity::new(velocity).unwrap(),
            start_us: start * unit_us,
            end_us: (start + length) * unit_us,
        },
    );
    prop::collection::vec(note, 0..60).prop_map(Performance::new)
}

fn tokens() -> impl Strategy<Value = Vec<Token>> {
    prop::collection::vec((0_u16..413).prop_map(|token| Token::new(token).unwrap()), 0..200)
}

/// A file that can be read, with some bytes changed, and then cut.
fn damaged_files() -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12);
    (performances(1_000), changes, any::<prop::sample::Index>()).prop_map(|(performance, changes, cut)| {
        let mut bytes = midi::write(&performance);
        for (idx, byte) in changes {
            let idx = idx.index(bytes.len());
            bytes[idx] = byte;
        }
        bytes.truncate(cut.index(bytes.len()) + 1);
        bytes
    })
}

/// Events of every kind in a track whose header is sound: reaches further than arbitrary bytes.
fn arbitrary_tracks() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![
        4 => 0_u8..=0x7F,
        2 => prop::sample::select(vec![0x00, 0x80, 0x90, 0x99, 0xB0, 0xC0, 0xF0, 0xF7, 0xF8, 0xFF, 0x2F, 0x51, 64]),
        1 => any::<u8>(),
    ];
    (0_u8..4, any::<u16>(), prop::collection::vec(prop::collection::vec(byte, 0..80), 0..4)).prop_map(
        |(format, division, tracks)| {
            let mut bytes = b"MThd\0\0\0\x06\0".to_vec();
            bytes.extend([format, 0, tracks.len() as u8]);
            bytes.extend(division.to_be_bytes());
            for track in tracks {
                bytes.extend(b"MTrk");
                bytes.extend((track.len() as u32).to_be_bytes());
                bytes.extend(track);
            }
            bytes
        },
    )
}

/// Reads; if that works, everything else has to work as well.
fn exercise(bytes: &[u8]) {
    match midi::read(bytes) {
        Ok(import) => {
            assert!(!import.performance.is_empty());
            let written = midi::write(&import.performance);
            assert_eq!(midi::read(&written).unwrap().report.dropped, []);
            assert_eq!(decode(&encode(&import.performance)).performance, import.performance.quantized());
            let _sentences =
                (import.report.to_string(), import.report.dropped.iter().map(ToString::to_string));
        }
        Err(err) => assert!(!err.to_string().is_empty()),
    }
}

proptest! {
    // What fails becomes a named regression test instead of a seed in a file.
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decoding_gives_back_what_was_encoded(performance in performances(1)) {
        let expected = Decoded { performance: performance.quantized(), dropped: Irregularities::default() };
        prop_assert_eq!(decode(&encode(&performance)), expected);
    }

    #[test]
    fn quantizing_twice_changes_nothing(performance in performances(1)) {
        prop_assert_eq!(performance.quantized().quantized(), performance.quantized());
    }

    #[test]
    fn encoded_events_are_legal(performance in performances(1)) {
        let mut sounding = Sounding::default();
        for event in encode(&performance).into_iter().map(Event::from) {
            prop_assert!(sounding.allows(event));
            sounding.apply(event);
        }
        prop_assert!(sounding.is_empty());
    }

    #[test]
    fn any_events_decode_to_a_performance_that_encodes(tokens in tokens()) {
        let performance = decode(&tokens).performance;
        prop_assert_eq!(decode(&encode(&performance)).performance, performance.quantized());
    }

    #[test]
    fn reading_gives_back_what_was_written(performance in performances(1_000)) {
        // A file cannot hold notes of no length, and one without notes is refused.
        let lasting = |note: &Note| Note { end_us: note.end_us.max(note.start_us + 1_000), ..*note };
        let performance = Performance::new(performance.notes().iter().map(lasting).collect());
        prop_assume!(!performance.is_empty());
        let import = midi::read(&midi::write(&performance)).unwrap();
        prop_assert_eq!(import.performance, performance);
        prop_assert_eq!(import.report.dropped, []);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        exercise(&bytes);
    }

    #[test]
    fn any_damaged_file_is_read_or_refused(bytes in damaged_files()) {
        exercise(&bytes);
    }

    #[test]
    fn any_track_is_read_or_refused(bytes in arbitrary_tracks()) {
        exercise(&bytes);
    }
}
