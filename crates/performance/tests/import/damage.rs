//! Bytes that are no MIDI: what can be read is kept, and what cannot is said.

use expect_test::{Expect, expect};

use super::{MS, check, file};

/// A scale of three notes of 100 ms whose second event is `odd`.
#[track_caller]
fn check_with(odd: &[u8], expected: Expect) {
    let notes: [&[u8]; 3] = [
        &[0, 0x90, 60, 80, 100, 0x80, 60, 64],
        &[0, 0x90, 62, 80, 100, 0x80, 62, 64],
        &[0, 0x90, 64, 80, 100, 0x80, 64, 64],
    ];
    let track = [notes[0], odd, notes[1], notes[2]].concat();
    check(&file(0, MS, &[&track]), expected);
}

#[test]
fn values_above_127_are_clipped_or_skipped() {
    let said = || {
        expect![[r#"
            60/80 0..100, 62/80 100..200, 64/80 200..300
            dropped: clipped or skipped 1 event with values above 127 in track 1"#]]
    };
    // Controllers, programs, pitch bends, aftertouch; a key that does not exist.
    check_with(&[0, 0xB0, 7, 255], said());
    check_with(&[0, 0xB0, 200, 1], said());
    check_with(&[0, 0xC0, 200], said());
    check_with(&[0, 0xE0, 0, 160], said());
    check_with(&[0, 0xE0, 255, 255], said());
    check_with(&[0, 0xA0, 60, 128], said());
    check_with(&[0, 0xD0, 128], said());
    check_with(&[0, 0x80, 200, 64], said());
    check_with(&[0, 0x90, 200, 64], said());
    // Under running status, several in a row.
    check_with(
        &[0, 0xB0, 7, 255, 0, 10, 255, 0, 11, 255],
        expect![[r#"
            60/80 0..100, 62/80 100..200, 64/80 200..300
            dropped: clipped or skipped 3 events with values above 127 in track 1"#]],
    );
    // Programs on all channels, and time passes.
    let programs: Vec<u8> = (0..16).flat_map(|channel| [10, 0xC0 | channel, 255]).collect();
    check_with(
        &programs,
        expect![[r#"
            60/80 0..100, 62/80 260..360, 64/80 360..460
            dropped: clipped or skipped 16 events with values above 127 in track 1"#]],
    );
    // Velocities are clipped.
    check_with(
        &[0, 0x90, 67, 255, 100, 0x80, 67, 255],
        expect![[r#"
            60/80 0..100, 67/127 100..200, 62/80 200..300, 64/80 300..400
            dropped: clipped or skipped 2 events with values above 127 in track 1"#]],
    );
    // A pedal of 255 is down.
    check(
        &file(0, MS, &[&[0, 0xB0, 64, 255, 0, 0x90, 60, 80, 50, 0x80, 60, 0, 100, 0xB0, 64, 0]]),
        expect![[r#"
            60/80 0..150
            pedal applied
            dropped: clipped or skipped 1 event with values above 127 in track 1"#]],
    );
}

#[test]
fn a_track_may_begin_without_a_status() {
    // Running status from the first event on.
    let running = [0, 60, 80, 100, 60, 0, 0, 62, 80, 100, 62, 0];
    check(
        &file(0, MS, &[&running]),
        expect![[r#"
            60/80 0..100, 62/80 100..200
            dropped: track 1 begins without a status; read as notes"#]],
    );
    // A status that was lost.
    check(
        &file(0, MS, &[&[0, 60, 80, 100, 0x80, 60, 64, 0, 0x90, 62, 80, 100, 0x80, 62, 64]]),
        expect![[r#"
            60/80 0..100, 62/80 100..200
            dropped: track 1 begins without a status; read as notes"#]],
    );
    // It is of the channel that comes next, so that its release is found.
    check(
        &file(0, MS, &[&[0, 60, 80, 100, 0x85, 60, 64]]),
        expect![[r#"
            60/80 0..100
            dropped: track 1 begins without a status; read as notes"#]],
    );
    // Or of the one of the track before, where a writer let the status run on.
    check(
        &file(1, MS, &[&[0, 0x93, 72, 80, 50, 72, 0], &running]),
        expect![[r#"
            60/80 0..100, 72/80 0..50, 62/80 100..200
            2 tracks merged
            dropped: track 2 begins without a status; read as notes"#]],
    );
    // After a name, too.
    let named = [&[0, 0xFF, 3, 5, b'P', b'i', b'a', b'n', b'o'][..], &running].concat();
    check(
        &file(0, MS, &[&named]),
        expect![[r#"
            60/80 0..100, 62/80 100..200
            dropped: track 1 begins without a status; read as notes"#]],
    );
}

#[test]
fn sysex_needs_no_length() {
    let said = || {
        expect![[r#"
            60/80 0..100, 62/80 100..200, 64/80 200..300
            dropped: passed over 1 SysEx message without a length in track 1"#]]
    };
    // GM, GS and XG on; the three bytes of a small maker, which look like a length of 0.
    check_with(&[0, 0xF0, 0x7E, 0x7F, 9, 1, 0xF7], said());
    check_with(&[0, 0xF0, 0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41, 0xF7], said());
    check_with(&[0, 0xF0, 0x43, 0x10, 0x4C, 0, 0, 0x7E, 0, 0xF7], said());
    check_with(&[0, 0xF0, 0, 0x20, 0x29, 2, 5, 0xF7], said());
    check_with(&[0, 0xF0, 3, 0x20, 0x29, 2, 5, 0xF7], said());
    // One that has its length is no fault, nor is one in packets.
    let fine = || expect!["60/80 0..100, 62/80 100..200, 64/80 200..300"];
    check_with(&[0, 0xF0, 5, 0x7E, 0x7F, 9, 1, 0xF7], fine());
    check_with(&[0, 0xF0, 3, 0x43, 0x12, 0, 0, 0xF7, 4, 0x43, 0x12, 0, 0xF7], fine());
    // Neither a length nor an end.
    check_with(
        &[0, 0xF0, 0x7E, 0x7F, 9, 1],
        expect![[r#"
            60/80 0..100, 62/80 100..200, 64/80 200..300
            dropped: track 1 is damaged at byte 30; skipped 6 bytes"#]],
    );
}

#[test]
fn reading_goes_on_after_damage() {
    check_with(
        &[0, 0xF7, 0x90, 0xFF, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        expect![[r#"
            60/80 0..100, 62/80 100..200, 64/80 200..300
            dropped: track 1 is damaged at byte 30; skipped 10 bytes"#]],
    );
    // A delta time that does not end.
    check_with(
        &[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        expect![[r#"
            60/80 0..100, 62/80 100..200, 64/80 200..300
            dropped: track 1 is damaged at byte 30; skipped 6 bytes"#]],
    );
    // A text whose length goes over the end.
    check_with(
        &[0, 0xFF, 1, 0x87, 0x7F, b'x'],
        expect![[r#"
            60/80 0..100, 62/80 101..201, 64/80 201..301
            dropped: track 1 is damaged at byte 30; skipped 2 bytes
            dropped: ignored 1 note-off without a note"#]],
    );
}

#[test]
fn a_wrong_letter_in_a_name_is_no_matter() {
    let plain = file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 0]]);
    for (at, letter) in [(1, b't'), (2, b'0'), (14, b'm'), (15, b't'), (17, b'x')] {
        let mut bytes = plain.clone();
        bytes[at] = letter;
        check(&bytes, expect!["60/80 0..100"]);
    }
}

/// Each data byte of each event, but for keys under running status, where it would be a status.
#[test]
fn a_high_value_anywhere_costs_its_event_at_most() {
    let scale = |is_running: bool| {
        let (mut track, mut data_at) = (Vec::new(), Vec::new());
        for (idx, key) in (60..72).enumerate() {
            for (wait, velocity) in [(0, 80), (120, 0)] {
                track.push(wait);
                if !is_running || (idx == 0 && velocity > 0) {
                    track.push(0x90);
                }
                data_at.extend((!is_running).then_some(track.len()));
                data_at.push(track.len() + 1);
                track.extend([key, velocity]);
            }
        }
        (track, data_at)
    };
    for (track, data_at) in [scale(false), scale(true)] {
        for at in data_at {
            for value in [128, 0x90, 200, 0xF0, 0xF7, 0xF8, 255] {
                let mut wrong = track.clone();
                wrong[at] = value;
                let import = performance::midi::read(&file(0, MS, &[&wrong])).unwrap();
                let n_notes = import.performance.notes().len();
                // A release that is spelled as velocity 0 becomes a strike.
                assert!((11..=13).contains(&n_notes), "{value} at {at}: {n_notes} notes");
                assert!(!import.report.dropped.is_empty(), "{value} at {at}");
                assert!(import.performance.duration_us() >= 11 * 120_000, "{value} at {at}");
            }
        }
    }
}

/// Whatever its first byte would be as a length, wherever it stands, with explicit and with running status.
#[test]
fn sysex_without_a_length_never_swallows_music() {
    for is_running in [false, true] {
        let events: Vec<Vec<u8>> = (0..24)
            .map(|idx| {
                let (key, velocity) = (60 + idx / 2, if idx % 2 == 0 { 80 } else { 0 });
                let status: &[u8] = if is_running && idx > 0 { &[] } else { &[0x90] };
                [&[60], status, &[key, velocity]].concat()
            })
            .collect();
        for (first, place, n_more) in
            (0..0x80).flat_map(|first| [0, 1, 7, 23].map(|place| (first, place, 3 + first % 8)))
        {
            let message: Vec<u8> = [0, 0xF0, first].into_iter().chain((0..n_more).map(|n| n * 5)).collect();
            let mut track = events[..place].concat();
            track.extend([&message[..], &[0xF7]].concat());
            track.extend(events[place..].concat());
            let import = performance::midi::read(&file(0, MS, &[&track])).unwrap();
            assert_eq!(import.performance.notes().len(), 12, "{message:?} before event {place}");
            let is_right_by_chance = usize::from(first) == message.len() - 2;
            assert!(
                is_right_by_chance || !import.report.dropped.is_empty(),
                "{message:?} before event {place}"
            );
        }
    }
}
