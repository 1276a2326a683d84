//! One piano has one pedal of each kind.

use expect_test::{Expect, expect};

use super::{MS, check, file, track};

const ON: &[u8] = &[0x90, 60, 80];
const OFF: &[u8] = &[0x80, 60, 0];

#[track_caller]
fn check_events(events: &[(u32, &[u8])], expected: Expect) {
    check(&file(0, MS, &[&track(events)]), expected);
}

#[test]
fn the_pedal_of_any_channel_and_track_holds_all_notes_of_the_piano() {
    let held = || {
        expect![[r#"
            48/80 0..900, 60/80 0..900
            pedal applied"#]]
    };
    let (left_on, left_off): (&[u8], &[u8]) = (&[0x91, 48, 80], &[0x81, 48, 0]);
    for channel in [0, 1, 2, 15] {
        let (down, up) = ([0xB0 | channel, 64, 127], [0xB0 | channel, 64, 0]);
        let keys = [(0, ON), (0, left_on), (400, OFF), (400, left_off)];
        let events = [&keys[..], &[(50, &down), (900, &up)]].concat();
        check_events(&events, held());
    }
    // Hands and pedal in tracks of their own.
    let hands = [track(&[(0, left_on), (400, left_off)]), track(&[(0, ON), (400, OFF)])];
    let pedal = track(&[(50, &[0xB2, 64, 127]), (900, &[0xB2, 64, 0])]);
    check(
        &file(1, MS, &[&hands[0], &hands[1], &pedal]),
        expect![[r#"
            48/80 0..900, 60/80 0..900
            pedal applied, 3 tracks merged"#]],
    );
}

#[test]
fn two_channels_with_pedals_are_one_pedal() {
    // The same pedal on both, taken again in one tick.
    let mut events: Vec<(u32, &[u8])> = vec![(0, ON), (100, OFF)];
    let moves: [(u32, [u8; 3]); 8] = [
        (50, [0xB0, 64, 127]),
        (50, [0xB1, 64, 127]),
        (300, [0xB0, 64, 0]),
        (300, [0xB0, 64, 127]),
        (300, [0xB1, 64, 0]),
        (300, [0xB1, 64, 127]),
        (900, [0xB0, 64, 0]),
        (900, [0xB1, 64, 0]),
    ];
    events.extend(moves.iter().map(|(tick, event)| (*tick, &event[..])));
    check_events(
        &events,
        expect![[r#"
            60/80 0..300
            pedal applied"#]],
    );
    // One that is never lifted ends with its channel.
    check_events(
        &[
            (0, ON),
            (100, OFF),
            (0, &[0xB1, 64, 127]),
            (50, &[0x91, 48, 80]),
            (150, &[0x81, 48, 0]),
            (500, &[0xB0, 64, 127]),
            (600, &[0xB0, 64, 0]),
        ],
        expect![[r#"
            60/80 0..150, 48/80 50..150
            pedal applied"#]],
    );
}

#[test]
fn other_instruments_have_pedals_of_their_own() {
    let strings: [(u32, &[u8]); 3] = [(0, &[0xC1, 48]), (50, &[0xB1, 64, 127]), (900, &[0xB1, 64, 0])];
    check_events(
        &[&strings[..], &[(0, ON), (400, OFF), (0, &[0x91, 72, 80]), (400, &[0x81, 72, 0])]].concat(),
        expect![[r#"
            60/80 0..400, 72/80 0..900
            pedal applied"#]],
    );
    // Unless the pedal has a channel of its own and there is no piano.
    check_events(
        &[(0, &[0xC0, 19]), (0, ON), (400, OFF), (50, &[0xB2, 64, 127]), (900, &[0xB2, 64, 0])],
        expect![[r#"
            60/80 0..900
            pedal applied"#]],
    );
}

#[test]
fn a_pedal_is_applied_only_if_it_changed_something() {
    // Up before any key is.
    check_events(
        &[(0, ON), (100, &[0xB0, 64, 127]), (200, &[0xB0, 64, 0]), (400, OFF)],
        expect![[r#"
            60/80 0..400
            pedal without effect"#]],
    );
    // Only reset.
    check_events(&[(0, ON), (0, &[0xB0, 64, 0]), (400, OFF)], expect!["60/80 0..400"]);
}

#[test]
fn the_sostenuto_pedal_holds_the_keys_that_are_down() {
    check_events(
        &[
            (0, ON),
            (100, &[0xB0, 66, 127]),
            (200, OFF),
            (200, &[0x90, 64, 80]),
            (300, &[0x80, 64, 0]),
            (900, &[0xB0, 66, 0]),
        ],
        expect![[r#"
            60/80 0..900, 64/80 200..300
            pedal applied"#]],
    );
    // A caught key that is struck again is still caught.
    check_events(
        &[(0, ON), (100, &[0xB0, 66, 127]), (200, OFF), (300, ON), (400, OFF), (900, &[0xB0, 66, 0])],
        expect![[r#"
            60/80 0..300, 60/80 300..900
            pedal applied"#]],
    );
    // Where it lets go, the sustain pedal may hold on, and the other way round.
    check_events(
        &[
            (0, ON),
            (100, &[0xB0, 66, 127]),
            (200, OFF),
            (250, &[0xB0, 64, 127]),
            (300, &[0xB0, 66, 0]),
            (900, &[0xB0, 64, 0]),
        ],
        expect![[r#"
            60/80 0..900
            pedal applied"#]],
    );
}

#[test]
fn the_soft_pedal_is_counted() {
    check_events(
        &[(0, ON), (0, &[0xB0, 67, 127]), (100, &[0xB0, 67, 0]), (200, &[0xB0, 67, 127]), (400, OFF)],
        expect![[r#"
            60/80 0..400
            soft pedal left out (2 times)"#]],
    );
}
