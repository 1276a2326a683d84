//! Mutated scores: MusicXML, as text and in an archive, and quantized MIDI.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

use fuzz::{Target, nothing_special};
use performance::score::{Expression, Score, export};

/// What means something in a score.
const TELLING: [&str; 40] = [
    "<note>",
    "</note>",
    "<chord/>",
    "<rest/>",
    "<grace/>",
    "<cue/>",
    "<backup>",
    "<forward>",
    "<duration>",
    "</duration>",
    "<divisions>",
    "<time>",
    "<beats>",
    "<beat-type>",
    "<measure number=\"1\">",
    "</measure>",
    "<repeat direction=\"forward\"/>",
    "<repeat direction=\"backward\" times=\"99999\"/>",
    "<ending number=\"1,2\" type=\"start\"/>",
    "<sound tempo=\"1e308\"/>",
    "<sound dacapo=\"yes\"/>",
    "<sound dalsegno=\"a\"/>",
    "<sound segno=\"a\"/>",
    "<sound fine=\"yes\"/>",
    "<tie type=\"start\"/>",
    "<trill-mark/>",
    "<tremolo>99</tremolo>",
    "<arpeggiate/>",
    "<pitch>",
    "<octave>",
    "<alter>",
    "-1",
    "0",
    "NaN",
    "1e999",
    "99999999999999999999",
    "<!-- ",
    "<![CDATA[",
    "&lt;",
    "\"",
];

#[test]
fn mutated_scores_are_read_or_refused() {
    let text = include_bytes!("score_tune.musicxml").to_vec();
    let score = Score::read(&text).unwrap();
    let midi = export(&score, &Expression::written(&score));
    let target = Target {
        name: "musicxml",
        seeds: vec![text.clone(), text.clone(), archive(&text), midi],
        telling: &TELLING.map(str::as_bytes),
        special: nothing_special,
        n: 30_000,
        memory: (400, 8 << 20),
    };
    target.run(|bytes| {
        let score = Score::read(bytes).ok()?;
        Some(move || {
            assert!(!score.notes().is_empty());
            let performance = Expression::written(&score).apply(&score);
            for note in performance.notes() {
                assert!(note.end_us >= note.start_us);
            }
        })
    });
}

/// A zip archive with one file that is stored as it is, and the one that names it.
fn archive(score: &[u8]) -> Vec<u8> {
    let container =
        br#"<container><rootfiles><rootfile full-path="score.musicxml"/></rootfiles></container>"#;
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    let files: [(&str, &[u8]); 2] = [("META-INF/container.xml", container), ("score.musicxml", score)];
    for (name, content) in files {
        let offset = bytes.len() as u32;
        let (size, n) = ((content.len() as u32).to_le_bytes(), (name.len() as u16).to_le_bytes());
        // Version, flags, method (stored), time, date, checksum, sizes, lengths of name and extra field.
        let common =
            [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &crc32(content).to_le_bytes(), &size, &size, &n, &[0, 0]]
                .concat();
        bytes.extend([b"PK\x03\x04", &common[..], name.as_bytes(), content].concat());
        directory.extend(
            [b"PK\x01\x02\x14\0", &common[..], &[0; 10], &offset.to_le_bytes(), name.as_bytes()].concat(),
        );
    }
    let (start, size) = (bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(
        [&b"PK\x05\x06\0\0\0\0\x02\0\x02\0"[..], &size.to_le_bytes(), &start.to_le_bytes(), &[0, 0]].concat(),
    );
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |sum: u32, &byte| {
        (0..8).fold(
            sum ^ u32::from(byte),
            |sum, _| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 },
        )
    })
}
