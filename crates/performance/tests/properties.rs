//! Round trips, and that no input is too much.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::midi::{Command, Live, Pedal};
use performance::playback::schedule::{Message, Timed};
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

/// The performance whose keys have room before they are struck again, in units of `unit_us`.
fn with_gaps(performance: &Performance, unit_us: u64) -> Performance {
    let notes = performance.notes();
    let with_gap = |(idx, note): (usize, &Note)| {
        let next = notes[idx + 1..].iter().find(|next| next.pitch == note.pitch);
        let release =
            |next: &Note| midi::release_us(note.start_us, note.end_us, next.start_us) / unit_us * unit_us;
        Note { end_us: next.map_or(note.end_us, release).max(note.start_us + unit_us), ..*note }
    };
    Performance::new(notes.iter().enumerate().map(with_gap).collect())
}

/// Notes of a millisecond at least.
fn lasting(performance: &Performance) -> Performance {
    let lasting = |note: &Note| Note { end_us: note.end_us.max(note.start_us + 1_000), ..*note };
    Performance::new(performance.notes().iter().map(lasting).collect())
}

fn messages(performance: &Performance) -> Vec<Timed> {
    let both = |note: &Note| {
        let (pitch, velocity) = (note.pitch, note.velocity);
        [
            Timed { at_us: note.start_us, message: Message::NoteOn { pitch, velocity } },
            Timed { at_us: note.end_us, message: Message::NoteOff { pitch } },
        ]
    };
    performance.notes().iter().flat_map(both).collect()
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
            let pedaled = midi::read(&midi::write_with(&import.performance, Pedal::Written, None)).unwrap();
            assert_eq!(pedaled.report.dropped, []);
            assert_eq!(
                pedaled.performance.notes().len(),
                midi::read(&written).unwrap().performance.notes().len()
            );
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
        let performance = lasting(&performance);
        prop_assume!(!performance.is_empty());
        let import = midi::read(&midi::write(&performance)).unwrap();
        prop_assert_eq!(import.performance, with_gaps(&performance, 1_000));
        prop_assert_eq!(import.report.dropped, []);
        // With the pedal, exactly.
        let import = midi::read(&midi::write_with(&performance, Pedal::Written, None)).unwrap();
        prop_assert_eq!(import.performance, performance);
        prop_assert_eq!(import.report.dropped, []);
    }

    #[test]
    fn gaps_do_not_depend_on_how_messages_come(performance in performances(1_000), batch_us in 1_u64..200_000) {
        let performance = lasting(&performance);
        let mut messages = messages(&performance);
        messages.sort_by_key(|timed| (timed.at_us, matches!(timed.message, Message::NoteOn { .. })));
        let mut live = Live::new(Pedal::InNotes);
        let mut passed = Vec::new();
        let (mut rest, mut known_us) = (messages.as_slice(), 0);
        while !rest.is_empty() {
            known_us += batch_us;
            let batch;
            (batch, rest) = rest.split_at(rest.partition_point(|timed| timed.at_us < known_us));
            passed.extend(live.pass(batch, &[], known_us));
        }
        passed.extend(live.pass(&[], &[], u64::MAX));
        let keys = passed.into_iter().map(|(at_us, command)| match command {
            Command::Key(message) => Timed { at_us, message },
            Command::Sustain(_) => panic!("a pedal"),
        });
        let mut passed: Vec<Timed> = keys.collect();
        let mut expected = self::messages(&with_gaps(&performance, 1));
        let order = |timed: &Timed| (timed.at_us, timed.message.pitch(), matches!(timed.message, Message::NoteOn { .. }));
        passed.sort_by_key(order);
        expected.sort_by_key(order);
        prop_assert_eq!(passed, expected);
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
