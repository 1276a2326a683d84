//! Keys that are struck while they are down: by overlapping notes, two hands, and layers.

use expect_test::{Expect, expect};

use super::{MS, check, file, track};

const ON: &[u8] = &[0x90, 60, 80];
const OFF: &[u8] = &[0x80, 60, 0];

/// Strikes and releases of one key of one channel.
#[track_caller]
fn check_key(strikes: &[u32], releases: &[u32], expected: Expect) {
    let ons = strikes.iter().map(|&tick| (tick, ON));
    let events: Vec<_> = ons.chain(releases.iter().map(|&tick| (tick, OFF))).collect();
    check(&file(0, MS, &[&track(&events)]), expected);
}

#[test]
fn a_release_after_the_next_strike_is_of_the_note_before() {
    let legato = || expect!["60/80 0..500, 60/80 500..1000, 60/80 1000..1500"];
    check_key(&[0, 500, 1000], &[500, 1000, 1500], legato());
    check_key(&[0, 500, 1000], &[501, 1001, 1500], legato());
    check_key(&[0, 500, 1000], &[510, 1010, 1500], legato());
    check_key(&[0, 500, 1000], &[600, 1100, 1500], legato());
    // Also where the last release is missing: a click would be worse than a note too long.
    check_key(
        &[0, 500, 1000],
        &[501, 1001],
        expect![[r#"
            60/80 0..500, 60/80 500..1000, 60/80 1000..1001"#]],
    );
}

#[test]
fn a_lost_release_costs_a_short_note() {
    check_key(&[0, 500, 1000], &[600, 1100], expect!["60/80 0..500, 60/80 500..600, 60/80 1000..1100"]);
    check_key(&[0, 500, 1000], &[100, 1100], expect!["60/80 0..100, 60/80 500..1000, 60/80 1000..1100"]);
    check_key(
        &[0, 500, 1000],
        &[100, 600],
        expect![[r#"
            60/80 0..100, 60/80 500..600, 60/80 1000..1000
            dropped: ended 1 note without a note-off where the piece ends"#]],
    );
    // If it comes after all, it is no surprise.
    check_key(&[0, 500, 1000], &[900, 1100, 1900], expect!["60/80 0..500, 60/80 500..900, 60/80 1000..1100"]);
}

#[test]
fn a_unison_of_two_hands_ends_with_the_last_release() {
    let said = || {
        expect![[r#"
            60/80 0..500
            2 tracks merged, 1 doubled strike merged"#]]
    };
    for (left, right) in [(0x90, 0x90), (0x90, 0x91)] {
        for (first_up, second_up) in [(200, 500), (500, 200)] {
            let hand = |channel: u8, up| track(&[(0, &[channel, 60, 80]), (up, &[channel, 60, 0])]);
            check(&file(1, MS, &[&hand(left, first_up), &hand(right, second_up)]), said());
        }
    }
    // In one track, as a score with two voices comes out.
    check_key(
        &[0, 0],
        &[200, 500],
        expect![[r#"
            60/80 0..500
            1 doubled strike merged"#]],
    );
    // A hand that strikes a key while the other holds it.
    let (left, right) =
        (track(&[(0, ON), (900, OFF)]), track(&[(300, &[0x91, 60, 70]), (400, &[0x81, 60, 0])]));
    check(
        &file(1, MS, &[&left, &right]),
        expect![[r#"
            60/80 0..300, 60/70 300..900
            2 tracks merged"#]],
    );
}

#[test]
fn layers_some_milliseconds_apart_are_one_strike() {
    let layer = |channel: u8, at, velocity| {
        let (on, off) = ([0x90 | channel, 60, velocity], [0x80 | channel, 60, 0]);
        track(&[(at, &on[..]), (at + 200, &off), (at + 200, &on), (at + 400, &off)])
    };
    for delay in [1, 10, 25] {
        let bytes = file(1, MS, &[&layer(0, 0, 80), &layer(1, delay, 90)]);
        let import = performance::midi::read(&bytes).unwrap();
        assert_eq!(import.performance.notes().len(), 2, "{delay} ms");
        assert_eq!(import.report.doubled_strikes, 2, "{delay} ms");
    }
    check(
        &file(1, MS, &[&layer(0, 0, 80), &layer(1, 10, 90)]),
        expect![[r#"
            60/90 0..200, 60/90 200..410
            2 tracks merged, 2 doubled strikes merged"#]],
    );
    // What one hand does in one track is left as it is, and said.
    check_key(
        &[0, 10],
        &[500, 510],
        expect![[r#"
            60/80 0..10, 60/80 10..510
            1 strike within 30 ms of another"#]],
    );
    // A trill of two hands is slower.
    let trill = |channel: u8, at| {
        let (on, off) = ([0x90 | channel, 60, 80], [0x80 | channel, 60, 0]);
        track(&[(at, &on[..]), (at + 60, &off)])
    };
    check(
        &file(1, MS, &[&trill(0, 0), &trill(1, 50)]),
        expect![[r#"
            60/80 0..50, 60/80 50..110
            2 tracks merged"#]],
    );
}
