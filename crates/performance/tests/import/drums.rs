//! Drums are known by what files say.

use expect_test::{Expect, expect};

use super::{MS, check, file, track};

const XG_ON: &[u8] = &[0xF0, 8, 0x43, 0x10, 0x4C, 0, 0, 0x7E, 0, 0xF7];
const GS_ON: &[u8] = &[0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0, 0x7F, 0, 0x41, 0xF7];
const GM2_ON: &[u8] = &[0xF0, 5, 0x7E, 0x7F, 9, 3, 0xF7];

/// A note of the piano on the first channel, what `setup` says at the start, and a note of `channel`.
#[track_caller]
fn check_channel(setup: &[&[u8]], channel: u8, expected: Expect) {
    let (on, off) = ([0x90 | channel, 38, 70], [0x80 | channel, 38, 0]);
    let notes: [(u32, &[u8]); 4] = [(0, &[0x90, 60, 80]), (0, &on), (100, &[0x80, 60, 0]), (100, &off)];
    let setup: Vec<_> = setup.iter().map(|&event| (0, event)).collect();
    check(&file(0, MS, &[&track(&[setup.as_slice(), &notes].concat())]), expected);
}

fn drums() -> Expect {
    expect![[r#"
        60/80 0..100
        drums left out (1 note)"#]]
}

fn melody() -> Expect {
    expect!["38/70 0..100, 60/80 0..100"]
}

#[test]
fn channel_10_is_a_drum_kit() {
    check_channel(&[], 9, drums());
    check_channel(&[], 8, melody());
    // Bank 0 is what sequencers choose on every channel.
    check_channel(&[&[0xB9, 0, 0], &[0xC9, 0]], 9, drums());
    check_channel(&[GS_ON, &[0xB9, 0, 0], &[0xC9, 0]], 9, drums());
    check_channel(&[XG_ON], 9, drums());
}

#[test]
fn channel_10_with_a_melody_bank_is_a_melody() {
    check_channel(&[GM2_ON, &[0xB9, 0, 121], &[0xC9, 0]], 9, melody());
    check_channel(&[&[0xB9, 0, 121], &[0xC9, 0]], 9, melody());
    check_channel(&[XG_ON, &[0xB9, 0, 0], &[0xC9, 0]], 9, melody());
    // GS: the tenth channel's part is the first in its numbers.
    check_channel(
        &[GS_ON, &[0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x10, 0x15, 0, 0x1B, 0xF7]],
        9,
        melody(),
    );
    check_channel(&[XG_ON, &[0xF0, 8, 0x43, 0x10, 0x4C, 8, 9, 7, 0, 0xF7]], 9, melody());
}

#[test]
fn any_channel_may_be_a_drum_kit() {
    check_channel(&[XG_ON, &[0xB2, 0, 127], &[0xB2, 32, 0], &[0xC2, 0]], 2, drums());
    check_channel(&[&[0xB2, 0, 127], &[0xC2, 0]], 2, drums());
    check_channel(&[XG_ON, &[0xB2, 0, 126], &[0xC2, 0]], 2, drums());
    check_channel(&[GM2_ON, &[0xB2, 0, 120], &[0xC2, 0]], 2, drums());
    check_channel(&[&[0xB2, 0, 120], &[0xC2, 0]], 2, drums());
    check_channel(&[GS_ON, &[0xF0, 10, 0x41, 0x10, 0x42, 0x12, 0x40, 0x13, 0x15, 1, 0x17, 0xF7]], 2, drums());
    check_channel(&[XG_ON, &[0xF0, 8, 0x43, 0x10, 0x4C, 8, 2, 7, 2, 0xF7]], 2, drums());
    // And a melody again.
    check_channel(&[XG_ON, &[0xB2, 0, 127], &[0xC2, 0], &[0xB2, 0, 0], &[0xC2, 0]], 2, melody());
    check_channel(&[&[0xB2, 0, 127], &[0xC2, 0], XG_ON], 2, drums());
    // In GS, bank 127 has the sounds of an older module.
    check_channel(&[GS_ON, &[0xB2, 0, 127], &[0xC2, 0]], 2, melody());
}

#[test]
fn a_track_named_piano_on_channel_10_is_one() {
    let (on, off): (&[u8], &[u8]) = (&[0x99, 60, 80], &[0x89, 60, 0]);
    let named =
        |name: &[u8]| [&[0, 0xFF, 3, name.len() as u8][..], name, &track(&[(0, on), (100, off)])].concat();
    let other = track(&[(0, &[0x90, 64, 80]), (100, &[0x80, 64, 0])]);
    let both = |tenth: &[u8]| file(1, MS, &[&other, tenth]);
    check(
        &both(&named(b"Piano 10")),
        expect![[r#"
            60/80 0..100, 64/80 0..100
            2 tracks merged"#]],
    );
    for name in [&b"Drums"[..], b"", b"Piano drums"] {
        check(
            &both(&named(name)),
            expect![[r#"
                64/80 0..100
                2 tracks merged, drums left out (1 note)"#]],
        );
    }
    // The title of a song with several channels names no instrument.
    let song = [&named(b"Piano Man")[..], &[0, 0x90, 64, 80, 100, 0x80, 64, 0]].concat();
    check(
        &file(0, MS, &[&song]),
        expect![[r#"
            64/80 100..200
            drums left out (1 note)"#]],
    );
}
