//! Scores from MIDI and MusicXML: what is read, what is refused, and that nothing panics.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use std::fmt::Write;

use expect_test::{Expect, expect};
use miniz_oxide::deflate::compress_to_vec;
use performance::score::{Expression, Mark, Score};
use proptest::prelude::*;

const TUNE: &str = include_str!("score_tune.musicxml");

/// A line per note: place, pitch, length, velocity, signs; then bars, tempo, pedals and what was left out.
fn show(score: &Score) -> String {
    let mut text = String::new();
    let signs = [
        (Mark::Staccato, "staccato"),
        (Mark::Staccatissimo, "staccatissimo"),
        (Mark::Tenuto, "tenuto"),
        (Mark::Accent, "accent"),
        (Mark::StrongAccent, "strong"),
        (Mark::Fermata, "fermata"),
        (Mark::Slurred, "slurred"),
        (Mark::Grace, "grace"),
        (Mark::Arpeggio, "arpeggio"),
        (Mark::Ornament, "ornament"),
    ];
    for note in score.notes() {
        let marks = signs.iter().filter(|(mark, _)| note.marks.contains(*mark)).map(|(_, name)| *name);
        let marks: Vec<&str> = marks.collect();
        let (pitch, velocity) = (note.pitch.get(), note.velocity.get());
        write!(text, "{:.3} {pitch} for {:.3} at {velocity}", note.onset_quarters, note.duration_quarters)
            .unwrap();
        writeln!(text, " {}", marks.join(" ")).unwrap();
    }
    for bar in score.bars() {
        write!(text, "| {:.1} {}/{}", bar.onset_quarters, bar.beats, bar.beat_unit).unwrap();
        writeln!(text, " from {:.1}", bar.skipped_quarters).unwrap();
    }
    let tempo = 60.0 / score.tempo().period_secs(0.0);
    writeln!(text, "{tempo:.0} quarters a minute; pedals {:?}; {:?}", score.pedals(), score.left_out())
        .unwrap();
    text
}

#[track_caller]
fn check(score: Result<Score, impl std::fmt::Display>, expected: Expect) {
    expected.assert_eq(&score.map_or_else(|error| error.to_string(), |score| show(&score)));
}

#[test]
fn music_xml_is_read() {
    check(
        Score::read(TUNE.as_bytes()),
        expect![[r#"
        0.000 72 for 0.112 at 49 grace
        0.000 74 for 1.000 at 49 
        1.000 43 for 1.500 at 49 arpeggio
        1.000 50 for 1.500 at 49 arpeggio
        1.000 67 for 1.000 at 49 staccato
        2.000 69 for 1.000 at 65 accent slurred
        3.000 54 for 1.000 at 80 
        3.000 71 for 2.000 at 80 
        5.000 76 for 0.200 at 96 ornament
        5.200 78 for 0.200 at 96 ornament
        5.400 76 for 0.200 at 96 ornament
        5.600 78 for 0.200 at 96 ornament
        5.800 76 for 0.200 at 96 ornament
        6.000 74 for 0.333 at 96 staccatissimo
        6.333 74 for 0.333 at 96 
        6.667 76 for 0.333 at 96 
        7.000 43 for 1.500 at 96 arpeggio
        7.000 50 for 1.500 at 96 arpeggio
        7.000 67 for 1.000 at 96 staccato
        8.000 69 for 1.000 at 101 accent slurred
        9.000 54 for 1.000 at 107 
        9.000 71 for 2.000 at 107 
        11.000 69 for 0.128 at 96 ornament
        11.128 71 for 0.128 at 96 ornament
        11.256 69 for 0.744 at 96 ornament
        11.888 72 for 0.112 at 96 strong grace
        12.000 67 for 1.000 at 96 strong fermata
        13.000 60 for 0.250 at 96 ornament
        13.000 64 for 0.250 at 96 ornament
        13.250 60 for 0.250 at 96 ornament
        13.250 64 for 0.250 at 96 ornament
        13.500 60 for 0.250 at 96 ornament
        13.500 64 for 0.250 at 96 ornament
        13.750 60 for 0.250 at 96 ornament
        13.750 64 for 0.250 at 96 ornament
        15.750 79 for 0.250 at 45 
        | 0.0 3/4 from 2.0
        | 1.0 3/4 from 0.0
        | 4.0 3/4 from 0.0
        | 7.0 3/4 from 0.0
        | 10.0 3/4 from 0.0
        | 13.0 3/4 from 0.0
        96 quarters a minute; pedals [Span { start_quarters: 1.0, end_quarters: 7.0 }]; ["percussion is left out (1 notes)", "gradual changes of tempo (rit., accel.) are left to the renderer (1)"]
    "#]],
    );
}

#[test]
fn compressed_music_xml_is_the_same() {
    let container = br#"<container><rootfiles><rootfile full-path="a/tune.xml"/></rootfiles></container>"#;
    let files: [(&str, &[u8]); 3] =
        [("other.xml", b"<x/>"), ("META-INF/container.xml", container), ("a/tune.xml", TUNE.as_bytes())];
    for is_deflated in [false, true] {
        assert_eq!(Score::read(&zip(&files, is_deflated)), Score::read(TUNE.as_bytes()));
    }
    check(
        Score::read(&zip(&files[..1], true)),
        expect!["expected MusicXML by parts (score-partwise), found x"],
    );
    check(
        Score::read(b"PK\x03\x04and no more"),
        expect!["its zip archive cannot be read: its directory is damaged"],
    );
}

#[test]
fn utf_16_is_the_same() {
    let units = TUNE.encode_utf16().flat_map(u16::to_le_bytes);
    let bytes: Vec<u8> = [0xFF, 0xFE].into_iter().chain(units).collect();
    assert_eq!(Score::read(&bytes), Score::read(TUNE.as_bytes()));
}

#[test]
fn what_is_no_score_is_refused_with_a_sentence() {
    check(Score::read(b""), expect!["expected MIDI or MusicXML, found an empty file"]);
    check(Score::read(b"\x89PNG"), expect!["expected MIDI or MusicXML, found something else"]);
    check(
        Score::read(b"%PDF-1.7"),
        expect!["expected MIDI or MusicXML, found a PDF; its music program can export MusicXML"],
    );
    check(Score::read(b"MThd"), expect!["its MIDI cannot be read: invalid midi: invalid midi header"]);
    check(
        Score::read(b"MThd\0\0\0\x06\0\0\0\x01\xE7\x28MTrk\0\0\0\x04\0\xFF\x2F\0"),
        expect!["expected ticks per beat, found frames per second, which say nothing about beats"],
    );
    check(
        Score::read(b"MThd\0\0\0\x06\0\0\0\x01\x01\xE0MTrk\0\0\0\x04\0\xFF\x2F\0"),
        expect!["it has no notes that a piano can play"],
    );
    check(Score::read(b"<html/>"), expect!["expected MusicXML by parts (score-partwise), found html"]);
    check(
        Score::read(b"<score-partwise>"),
        expect!["its XML cannot be read: the root node was opened but never closed"],
    );
    check(Score::read(b"<score-partwise/>"), expect!["it has no notes that a piano can play"]);
    check(
        Score::read(b"<score-timewise/>"),
        expect!["expected MusicXML by parts (score-partwise), found score-timewise"],
    );
}

#[test]
fn midi_keeps_ticks_tempo_and_meter() {
    // 3/4 after an upbeat of a quarter, 90 to the quarter; a note that ends a tick early, as programs write
    // it.
    let midi = b"MThd\0\0\0\x06\0\0\0\x01\x01\xE0MTrk\0\0\0\x3A\
        \0\xFF\x58\x04\x01\x02\x18\x08\0\xFF\x51\x03\x0A\x2C\x2A\
        \0\x90\x3C\x40\x83\x5F\x3C\0\x01\xFF\x58\x04\x03\x02\x18\x08\0\x90\x3E\x50\0\x40\x50\x83\x60\x3E\0\
        \0\xB0\x40\x7F\x87\x40\x40\0\0\x90\x40\0\0\xFF\x2F\0";
    check(
        Score::read(midi),
        expect![[r#"
            0.000 60 for 1.000 at 64 
            1.000 62 for 1.000 at 80 
            1.000 64 for 3.000 at 80 
            | 0.0 3/4 from 2.0
            | 1.0 3/4 from 0.0
            90 quarters a minute; pedals [Span { start_quarters: 2.0, end_quarters: 4.0 }]; []
        "#]],
    );
}

#[test]
fn hostile_scores_end_soon() {
    let measure = |inside: &str| {
        let start = "<score-partwise><part><measure><attributes><divisions>4</divisions></attributes>";
        let note = "<note><pitch><step>C</step><octave>4</octave></pitch><duration>4</duration></note>";
        format!("{start}{note}{inside}</measure></part></score-partwise>")
    };
    let hairpin = |number: u32| {
        let wedge = |kind| {
            let wedge = format!("<wedge type=\"{kind}\" number=\"{}\"/>", number % 200);
            format!("<direction><direction-type>{wedge}</direction-type></direction>")
        };
        wedge("crescendo") + "<forward><duration>1</duration></forward>" + &wedge("stop")
    };
    let hairpins: String = (0..50_000).map(hairpin).collect();
    let repeats =
        "<barline><repeat direction=\"backward\" times=\"64\"/></barline></measure><measure>".repeat(30_000);
    for text in [
        measure(
            &"<backup><duration>4</duration></backup><forward><duration>4</duration></forward>"
                .repeat(100_000),
        ),
        measure(&hairpins),
        measure(&repeats),
        measure(&"</measure><measure>".repeat(200_000)),
        measure(&"<a>".repeat(500_000)),
        "<score-partwise>".to_owned() + &"<part/>".repeat(300_000) + "</score-partwise>",
    ] {
        drop(Score::read(text.as_bytes()));
    }
}

#[test]
fn the_score_as_written_has_its_signs() {
    let score = Score::read(TUNE.as_bytes()).unwrap();
    let written = Expression::written(&score);
    let idx = score.notes().iter().position(|note| note.marks.contains(Mark::Staccato)).unwrap();
    assert_eq!(written.articulation[idx], -1.0);
    assert_eq!(Expression::flat(&score).articulation[idx], 0.0);
    // Nothing of the difference is the score itself, to the bit.
    let played = Expression { velocity: vec![100.0; score.notes().len()], ..written.clone() };
    assert_eq!(written.blend(&played, 0.0).apply(&score), written.apply(&score));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_scores_are_read_or_refused(at in 0..TUNE.len(), byte: u8, cut in 0..TUNE.len()) {
        let mut bytes = TUNE.as_bytes().to_vec();
        bytes[at] = byte;
        drop(Score::read(&bytes));
        drop(Score::read(&bytes[..cut]));
        let mut packed = zip(&[("tune.xml", TUNE.as_bytes())], true);
        let at = at % packed.len();
        packed[at] = byte;
        drop(Score::read(&packed));
    }

    #[test]
    fn any_numbers_are_read_or_refused(numbers in prop::collection::vec("-?[0-9.e]{1,12}", 40)) {
        // Every number of the file becomes another one.
        let mut next = numbers.iter().cycle();
        let mut text = String::new();
        for (idx, part) in TUNE.split('>').enumerate() {
            let is_number = part.chars().next().is_some_and(|c| c.is_ascii_digit());
            let rest = part.find('<').filter(|_| is_number && idx % 3 == 0);
            let part = rest.map_or(part.to_owned(), |at| next.next().unwrap().clone() + &part[at..]);
            text = text + &part + ">";
        }
        if let Ok(score) = Score::read(text.as_bytes()) {
            prop_assert!(!Expression::written(&score).apply(&score).is_empty());
        }
    }
}

/// A zip archive.
fn zip(files: &[(&str, &[u8])], is_deflated: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in files {
        let packed = if is_deflated { compress_to_vec(content, 6) } else { content.to_vec() };
        let method = if is_deflated { 8u16 } else { 0 };
        let at = archive.len() as u32;
        let mut facts = Vec::new();
        facts.extend([20u16, 0, method, 0, 0].iter().flat_map(|n| n.to_le_bytes()));
        facts.extend([0, packed.len() as u32, content.len() as u32].iter().flat_map(|n| n.to_le_bytes()));
        facts.extend([name.len() as u16, 0].iter().flat_map(|n| n.to_le_bytes()));
        archive.extend(b"PK\x03\x04".iter().chain(&facts).chain(name.as_bytes()).chain(&packed));
        directory.extend(b"PK\x01\x02\x14\0".iter().chain(&facts).chain(&[0; 10]));
        directory.extend(at.to_le_bytes().iter().chain(name.as_bytes()));
    }
    let start = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    archive.extend([files.len() as u16; 2].iter().flat_map(|n| n.to_le_bytes()));
    archive.extend((directory.len() as u32).to_le_bytes().iter().chain(&start.to_le_bytes()).chain(&[0, 0]));
    archive
}
