//! Files in other files, and several in one.

use expect_test::expect;

use super::{MS, check, file};

fn plain() -> Vec<u8> {
    file(0, MS, &[&[0, 0x90, 60, 80, 100, 0x80, 60, 0]])
}

/// A RIFF chunk: its length counts from low to high, and it is padded to an even one.
fn riff_chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let padding = &[0][..body.len() % 2];
    [id, &u32::try_from(body.len()).unwrap().to_le_bytes(), body, padding].concat()
}

fn rmid(chunks: &[Vec<u8>]) -> Vec<u8> {
    riff_chunk(b"RIFF", &[&b"RMID"[..], &chunks.concat()].concat())
}

fn info(comment: &[u8]) -> Vec<u8> {
    riff_chunk(b"LIST", &[&b"INFO"[..], &riff_chunk(b"ICMT", comment)].concat())
}

#[test]
fn wrappers_have_any_size() {
    let found = || expect!["60/80 0..100"];
    let data = || riff_chunk(b"data", &plain());
    for n in [0, 1, 4_000, 4_001, 70_000, 1_000_001] {
        check(&rmid(&[info(&vec![b'x'; n]), data()]), found());
        check(&rmid(&[data(), info(&vec![b'x'; n])]), found());
    }
    // A comment that names the header, with and without what looks like one.
    for comment in [
        &b"a file begins with MThd"[..],
        b"MThd\0\0\0\x06\0\x01\0\x01\0\0",
        b"MThd\0\0\0\0\0",
        b"MTrk\0\0\0\x04",
    ] {
        check(&rmid(&[info(comment), data()]), found());
        check(&rmid(&[data(), info(comment)]), found());
    }
    // Lengths that are wrong.
    let mut wrong = rmid(&[info(&[b'x'; 5_000]), data()]);
    wrong[4..8].copy_from_slice(&[0; 4]);
    check(&wrong, found());
    wrong[16..20].copy_from_slice(&[0xFF; 4]);
    check(&wrong, found());
    // Bytes of nobody.
    check(
        &[&vec![0xAA; 100_000][..], &plain()].concat(),
        expect![[r#"
            60/80 0..100
            dropped: skipped 100000 bytes at byte 0 that are not MIDI"#]],
    );
    check(
        &[b"\0MThd is not here\0", &plain()[..]].concat(),
        expect![[r#"
            60/80 0..100
            dropped: skipped 18 bytes at byte 0 that are not MIDI"#]],
    );
}

#[test]
fn several_files_in_one_follow_each_other() {
    // The second has another unit of time.
    let second = file(0, 250_u16.to_be_bytes(), &[&[0, 0x90, 62, 80, 100, 0x80, 62, 0]]);
    check(
        &[plain(), second.clone(), plain()].concat(),
        expect![[r#"
            60/80 0..100, 62/80 100..300, 60/80 300..400
            3 files in one, one after another, 3 tracks merged"#]],
    );
    let tracks: [&[u8]; 2] = [&[0, 0x90, 60, 80, 100, 0x80, 60, 0], &[0, 0x90, 64, 80, 50, 0x80, 64, 0]];
    check(
        &[file(1, MS, &tracks), vec![0; 7], second.clone()].concat(),
        expect![[r#"
            60/80 0..100, 64/80 0..50, 62/80 100..300
            2 files in one, one after another, 3 tracks merged
            dropped: skipped 7 bytes at byte 54 that are not MIDI"#]],
    );
    // Also where the second one's length is wrong.
    let mut wrong = second.clone();
    wrong[4..8].copy_from_slice(&[6, 0, 0, 0]);
    check(
        &[plain(), wrong].concat(),
        expect![[r#"
            60/80 0..100, 62/80 100..300
            2 files in one, one after another, 2 tracks merged"#]],
    );
    // One whose unit of time is none is left out.
    check(
        &[plain(), file(0, [0, 0], &[&[0, 0x90, 62, 80, 100, 0x80, 62, 0]])].concat(),
        expect![[r#"
            60/80 0..100
            dropped: skipped 34 bytes at byte 34 that are not MIDI"#]],
    );
    // Two in two data chunks of one wrapper.
    let both = rmid(&[riff_chunk(b"data", &plain()), riff_chunk(b"data", &plain())]);
    check(&both, expect!["60/80 0..100"]);
}
