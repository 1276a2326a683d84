//! What becomes of MIDI files, feature by feature and fault by fault.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

mod damage;
mod drums;
mod hostile;
mod kinds;
mod lengths;
mod pedals;
mod restrikes;
mod wrappers;

use expect_test::{Expect, expect};
use performance::midi;

const END: &[u8] = &[0, 0xFF, 0x2F, 0];
/// One tick is one millisecond: 500 ticks per quarter note, at 120 a minute.
const MS: [u8; 2] = 500_u16.to_be_bytes();

/// A file of tracks, each ended with an end mark.
fn file(format: u8, division: [u8; 2], tracks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"MThd\0\0\0\x06\0".to_vec();
    bytes.extend([format, 0, u8::try_from(tracks.len()).unwrap()]);
    bytes.extend(division);
    for track in tracks {
        bytes.extend(chunk(b"MTrk", &[track, END].concat()));
    }
    bytes
}

/// A track's bytes from events at their ticks, which are put in order.
fn track(events: &[(u32, &[u8])]) -> Vec<u8> {
    let mut events = events.to_vec();
    events.sort_by_key(|&(tick, _)| tick);
    let mut bytes = Vec::new();
    let mut last = 0;
    for (tick, event) in events {
        let delta = tick - last;
        bytes.extend([14, 7].map(|shift| 0x80 | (delta >> shift & 0x7F) as u8));
        bytes.push((delta & 0x7F) as u8);
        bytes.extend(event);
        last = tick;
    }
    bytes
}

fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [id, &u32::try_from(body.len()).unwrap().to_be_bytes(), body].concat()
}

/// One line of notes (`pitch/velocity start..end` in ms), then the report's facts, then what was dropped.
#[track_caller]
fn check(bytes: &[u8], expected: Expect) {
    let import = match midi::read(bytes) {
        Ok(import) => import,
        Err(err) => return expected.assert_eq(&format!("refused: {err}")),
    };
    let notes = import.performance.notes().iter().map(|note| {
        let (start_ms, end_ms) = (note.start_us as f64 / 1e3, note.end_us as f64 / 1e3);
        format!("{}/{} {start_ms}..{end_ms}", note.pitch.get(), note.velocity.get())
    });
    let facts = Some(import.report.to_string()).filter(|facts| !facts.is_empty());
    let dropped = import.report.dropped.iter().map(|dropped| format!("dropped: {dropped}"));
    let lines: Vec<_> =
        [notes.collect::<Vec<_>>().join(", ")].into_iter().chain(facts).chain(dropped).collect();
    expected.assert_eq(&lines.join("\n"));
}

#[test]
fn notes_end_with_either_kind_of_note_off() {
    check(&file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 64]]), expect!["60/80 0..100"]);
    check(&file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x90, 60, 0]]), expect!["60/80 0..100"]);
    // Running status, also across a meta event, which should have ended it.
    let track = [&[0, 0x90, 60, 80, 50, 62, 70][..], &[0, 0xFF, 1, 1, b'x'], &[50, 60, 0, 0, 62, 0]].concat();
    check(&file(0, MS, &[&track]), expect!["60/80 0..100, 62/70 50..100"]);
}

#[test]
fn the_pedal_prolongs_notes() {
    // Until it goes up.
    let held = [0, 0xB0, 64, 127, 0, 0x90, 60, 80, 50, 0x80, 60, 0, 100, 0xB0, 64, 0];
    check(
        &file(0, MS, &[&held]),
        expect![[r#"
            60/80 0..150
            pedal applied"#]],
    );
    // Below 64 it is up.
    let half = [0, 0xB0, 64, 63, 0, 0x90, 60, 80, 50, 0x80, 60, 0, 100, 0xB0, 64, 0];
    check(&file(0, MS, &[&half]), expect!["60/80 0..50"]);
    // Until the key is struck again.
    let restruck = [
        0, 0xB0, 64, 64, 0, 0x90, 60, 80, 50, 0x80, 60, 0, 50, 0x90, 60, 70, 20, 0x80, 60, 0, 0, 0xB0, 64, 0,
    ];
    check(
        &file(0, MS, &[&restruck]),
        expect![[r#"
            60/80 0..100, 60/70 100..120
            pedal applied"#]],
    );
    // A key that is down when the pedal goes up sounds on.
    let key_longer = [0, 0xB0, 64, 127, 0, 0x90, 60, 80, 50, 0xB0, 64, 0, 50, 0x80, 60, 0];
    check(
        &file(0, MS, &[&key_longer]),
        expect![[r#"
            60/80 0..100
            pedal without effect"#]],
    );
    // Another channel's notes, too: a piano has one pedal.
    let other = [0, 0xB1, 64, 127, 0, 0x90, 60, 80, 50, 0x80, 60, 0, 100, 0xB1, 64, 0];
    check(
        &file(0, MS, &[&other]),
        expect![[r#"
            60/80 0..150
            pedal applied"#]],
    );
    // Held to the end, notes end with the last movement of a key or pedal.
    let never_up = [
        0, 0xB0, 64, 127, 0, 0x90, 60, 80, 50, 0x80, 60, 0, 50, 0x90, 62, 80, 50, 0x80, 62, 0, 100, 0xFF, 1,
        0,
    ];
    check(
        &file(0, MS, &[&never_up]),
        expect![[r#"
            60/80 0..150, 62/80 100..150
            pedal applied"#]],
    );
}

/// The recordings of the corpus are full of such ticks, see the oracle test.
#[test]
fn at_one_tick_the_pedal_moves_first() {
    let track = [0, 0x90, 60, 80, 50, 0x80, 60, 0, 0, 0xB0, 64, 127, 100, 0xB0, 64, 0];
    check(
        &file(0, MS, &[&track]),
        expect![[r#"
            60/80 0..150
            pedal applied"#]],
    );
}

#[test]
fn channel_mode_messages_silence() {
    // All notes off lifts the keys, the pedal holds on; all sound off ends everything.
    let all_notes_off = [0, 0xB0, 64, 127, 0, 0x90, 60, 80, 50, 0xB0, 123, 0, 50, 0xB0, 64, 0];
    check(
        &file(0, MS, &[&all_notes_off]),
        expect![[r#"
            60/80 0..100
            pedal applied"#]],
    );
    let all_sound_off = [0, 0xB0, 64, 127, 0, 0x90, 60, 80, 50, 0xB0, 120, 0, 50, 0xB0, 64, 0];
    check(
        &file(0, MS, &[&all_sound_off]),
        expect![[r#"
            60/80 0..50
            pedal without effect"#]],
    );
    let reset = [0, 0xB0, 64, 127, 0, 0x90, 60, 80, 50, 0x80, 60, 0, 50, 0xB0, 121, 0, 50, 0xB0, 64, 0];
    check(
        &file(0, MS, &[&reset]),
        expect![[r#"
            60/80 0..100
            pedal applied"#]],
    );
}

#[test]
fn tracks_and_channels_share_one_keyboard() {
    let (left, right) =
        ([0, 0xC0, 0, 0, 0x90, 60, 80, 100, 0x80, 60, 0], [0, 0xC1, 6, 50, 0x91, 60, 70, 100, 0x81, 60, 0]);
    check(
        &file(1, MS, &[&left, &right]),
        expect![[r#"
            60/80 0..50, 60/70 50..150
            2 tracks merged, 2 instruments played on the piano"#]],
    );
    let drums = [0, 0x99, 36, 80, 100, 0x89, 36, 0];
    check(
        &file(1, MS, &[&left, &drums]),
        expect![[r#"
            60/80 0..100
            2 tracks merged, drums left out (1 note)"#]],
    );
    check(
        &file(0, MS, &[&drums]),
        expect!["refused: it has drums only, so there is nothing for a piano to continue"],
    );
}

#[test]
fn sequences_of_format_2_follow_each_other() {
    // Each has its own tempo: the first one's halves its own time only.
    let fast = [0, 0xFF, 0x51, 3, 0x03, 0xD0, 0x90, 0, 0x90, 60, 80, 100, 0x80, 60, 0, 100, 0xFF, 1, 0];
    let plain = [0, 0x90, 62, 80, 100, 0x80, 62, 0];
    check(
        &file(2, MS, &[&fast, &plain]),
        expect![[r#"
            60/80 0..50, 62/80 100..200
            2 tracks one after another"#]],
    );
}

#[test]
fn the_tempo_map_holds_for_all_tracks() {
    let note = [100, 0x90, 60, 80, 100, 0x80, 60, 0];
    // From 500 to 250 to 1,000 ms per quarter note at ticks 100 and 150, in the last track.
    let tempos = [100, 0xFF, 0x51, 3, 0x03, 0xD0, 0x90, 50, 0xFF, 0x51, 3, 0x0F, 0x42, 0x40];
    check(
        &file(1, MS, &[&note, &tempos]),
        expect![[r#"
            60/80 100..225
            2 tracks merged"#]],
    );
    // A tempo of 0 is none.
    let zero = [0, 0xFF, 0x51, 3, 0, 0, 0, 0, 0x90, 60, 80, 100, 0x80, 60, 0];
    check(
        &file(0, MS, &[&zero]),
        expect![[r#"
            60/80 0..100
            dropped: ignored 1 tempo of zero length"#]],
    );
}

#[test]
fn smpte_time_knows_no_tempo() {
    let track = [0, 0xFF, 0x51, 3, 0x03, 0xD0, 0x90, 0, 0x90, 60, 80, 100, 0x80, 60, 0];
    let smpte = |frames: u8, ticks| [frames.wrapping_neg(), ticks];
    check(&file(0, smpte(25, 40), &[&track]), expect!["60/80 0..100"]);
    check(&file(0, smpte(24, 100), &[&track]), expect!["60/80 0..41.667"]);
    check(&file(0, smpte(30, 10), &[&track]), expect!["60/80 0..333.333"]);
    // 29 stands for 30/1.001.
    check(&file(0, smpte(29, 10), &[&track]), expect!["60/80 0..333.667"]);
}

/// midly negates the frame rate, which overflows at -128.
#[test]
fn smpte_frame_rate_128_does_not_overflow() {
    let track = [0, 0x90, 60, 80, 100, 0x80, 60, 0];
    check(&file(0, [0x80, 100], &[&track]), expect!["60/80 0..7.813"]);
}

#[test]
fn a_header_without_a_unit_of_time_is_refused() {
    let expected = || expect!["refused: its header counts 0 ticks per beat, so its notes have no times"];
    check(&file(0, [0, 0], &[]), expected());
    check(&file(0, [0xE7, 0], &[]), expected());
}

#[test]
fn containers_and_leading_bytes_are_passed_over() {
    let plain = file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 0]]);
    let rmid = [&b"RIFF\0\0\0\0RMIDdata\0\0\0\0"[..], &plain].concat();
    check(&rmid, expect!["60/80 0..100"]);
    check(
        &[&[0; 128][..], &plain].concat(),
        expect![[r#"
            60/80 0..100
            dropped: skipped 128 bytes at byte 0 that are not MIDI"#]],
    );
    let mut other_chunk = plain[..14].to_vec();
    other_chunk.extend(chunk(b"XFIH", b"whatever"));
    other_chunk.extend(&plain[14..]);
    check(&other_chunk, expect!["60/80 0..100"]);
}

#[test]
fn wrong_lengths_lose_nothing() {
    let mut bytes =
        file(1, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 0], &[0, 0x90, 62, 80, 100, 0x80, 62, 0]]);
    for declared in [0, 1, 11, 13, 25, 0xFF, 0xFFFF_FFFF_u32] {
        bytes[18..22].copy_from_slice(&declared.to_be_bytes());
        check(
            &bytes,
            expect![[r#"
                60/80 0..100, 62/80 0..100
                2 tracks merged"#]],
        );
    }
}

#[test]
fn a_file_that_is_cut_off_gives_what_is_there() {
    let bytes = file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 0, 0, 0x90, 62, 80, 100, 0x80, 62, 0]]);
    check(
        &bytes[..34],
        expect![[r#"
            60/80 0..100, 62/80 100..100
            dropped: it stops after 34 bytes, in the middle of track 1
            dropped: ended 1 note without a note-off where the piece ends"#]],
    );
    check(&bytes[..25], expect!["refused: it stops after 25 bytes, in the middle of a track"]);
    check(&bytes[..20], expect!["refused: it has no tracks"]);
    check(&bytes[..12], expect!["refused: it stops after 12 bytes, in the middle of the header"]);
    check(&bytes[..2], expect!["refused: it is not a MIDI file: it has no MThd header"]);
    check(&[], expect!["refused: it is empty"]);
}

/// The search for the next track found this one again, endlessly.
#[test]
fn a_track_header_that_is_cut_off_is_passed_over() {
    let mut bytes = file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 0]]);
    bytes.extend(b"MTrk\0\0\0");
    check(
        &bytes,
        expect![[r#"
            60/80 0..100
            dropped: skipped 7 bytes at byte 34 that are not MIDI"#]],
    );
    check(&bytes[..21], expect!["refused: it has no tracks"]);
}

#[test]
fn damage_ends_neither_a_track_nor_the_file() {
    let damaged = [0, 0x90, 60, 80, 100, 0x80, 60, 0, 0, 0x90, 200, 200, 1, 2, 3];
    let sound = [0, 0x90, 62, 80, 100, 0x80, 62, 0];
    check(
        &file(1, MS, &[&damaged, &sound]),
        expect![[r#"
            60/80 0..100, 62/80 0..100, 2/3 101..101
            2 tracks merged
            dropped: clipped or skipped 1 event with values above 127 in track 1
            dropped: ended 1 note without a note-off where the piece ends"#]],
    );
    check(
        &file(0, MS, &[&damaged[8..]]),
        expect![[r#"
            2/3 1..1
            dropped: clipped or skipped 1 event with values above 127 in track 1
            dropped: ended 1 note without a note-off where the piece ends"#]],
    );
}

#[test]
fn illegal_events_are_passed_over() {
    // System messages with and without data.
    let (note_on, note_off) = ([0, 0x90, 60, 80], [50, 0x80, 60, 0]);
    for illegal in [&[50, 0xF8][..], &[50, 0xF1, 5], &[50, 0xF2, 1, 2]] {
        let track = [&note_on, illegal, &note_off].concat();
        check(
            &file(0, MS, &[&track]),
            expect![[r#"
                60/80 0..100
                dropped: skipped 1 illegal event in track 1"#]],
        );
    }
    // A meta event with nonsense in it, SMPTE hour 31, is of no concern.
    let track = [&note_on[..], &[50, 0xFF, 0x54, 5, 31, 0, 0, 0, 0], &note_off].concat();
    check(&file(0, MS, &[&track]), expect!["60/80 0..100"]);
}

#[test]
fn odd_notes_are_reported() {
    check(
        &file(0, MS, &[&[0, 0x80, 60, 0, 0, 0x90, 60, 80, 100, 0x80, 60, 0, 0, 0x80, 60, 0]]),
        expect![[r#"
            60/80 0..100
            dropped: ignored 2 note-offs without a note"#]],
    );
    check(
        &file(0, MS, &[&[0, 0x90, 60, 80, 100, 0xFF, 1, 0]]),
        expect![[r#"
            60/80 0..100
            dropped: ended 1 note without a note-off where the piece ends"#]],
    );
    // A key that is struck twice goes up at the last NOTE_OFF.
    check(
        &file(0, MS, &[&[0, 0x90, 60, 80, 50, 0x90, 60, 70, 50, 0x80, 60, 0, 50, 0x80, 60, 0]]),
        expect!["60/80 0..50, 60/70 50..150"],
    );
}

#[test]
fn no_delta_time_is_too_long() {
    let longest = [0xFF, 0xFF, 0xFF, 0x7F];
    let slowest = [0, 0xFF, 0x51, 3, 0xFF, 0xFF, 0xFF];
    let endless = [&slowest[..], &[0, 0x90, 60, 80], &longest, &[0x80, 60, 0]].concat();
    check(
        &file(0, [0, 1], &[&endless]),
        expect![[r#"
            60/80 0..86400000
            dropped: cut 1 note at 24 hours"#]],
    );
    let late = [&slowest[..], &longest, &[0x90, 60, 80, 0, 0x80, 60, 0]].concat();
    check(
        &file(0, [0, 1], &[&late]),
        expect!["refused: its first note comes after more than 24 hours of silence"],
    );
    check(
        &file(1, [0, 1], &[&late, &[0, 0x90, 62, 80, 0, 0x80, 62, 0]]),
        expect![[r#"
            62/80 0..0
            2 tracks merged
            dropped: left out 1 note after 24 hours"#]],
    );
}

#[test]
fn empty_files_are_refused() {
    check(&file(0, MS, &[]), expect!["refused: it has no tracks"]);
    check(&file(0, MS, &[&[]]), expect!["refused: it has no notes"]);
    check(
        b"ID3\x03 no music of this kind",
        expect!["refused: it is an audio recording (MP3), which has no notes: transcribe it to MIDI first"],
    );
}

#[test]
fn large_files_are_refused_and_the_largest_read() {
    check(&vec![0; 14 << 20], expect!["refused: it is 14 MB; the limit is 10 MB"]);
    check(&vec![0; (10 << 20) + 1], expect!["refused: it is 11 MB; the limit is 10 MB"]);

    // As many events as fit, and as many tracks as fit.
    let n_events = (midi::MAX_BYTES - 100) / 3;
    let running = (0..n_events).flat_map(|idx| [1, 60, if idx % 2 == 0 { 80 } else { 0 }]).skip(1);
    let track: Vec<u8> = [0, 0x90].into_iter().chain(running).collect();
    let import = midi::read(&file(0, MS, &[&track])).unwrap();
    assert_eq!(import.performance.notes().len(), n_events.div_ceil(2));

    let note = chunk(b"MTrk", &[0, 0x90, 60, 80, 1, 60, 0]);
    let mut bytes = file(2, MS, &[]);
    bytes.extend(note.repeat((midi::MAX_BYTES - bytes.len()) / note.len()));
    let import = midi::read(&bytes).unwrap();
    assert_eq!(import.performance.notes().len(), 65_535);
    assert_eq!(import.report.dropped.last(), Some(&midi::Dropped::TooManyTracks));
}
