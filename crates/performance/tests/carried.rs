//! Files that carry what their music follows from.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::midi::{self, Dropped, Pedal};
use performance::{Lineage, Made, Note, Performance, Pitch, Recipe, Sampling, Token, Velocity, decode};
use proptest::prelude::*;

fn scale() -> Performance {
    let note = |step: u8| {
        let start_us = 200_000 * u64::from(step);
        let (pitch, velocity) = (Pitch::new(60 + step).unwrap(), Velocity::new(62).unwrap());
        Note { pitch, velocity, start_us, end_us: start_us + 150_000 }
    };
    Performance::new((0..20).map(note).collect())
}

fn lineage() -> Lineage {
    let tokens = performance::encode(&scale().quantized());
    Lineage { origin: None, recipe: Recipe::new(7, Sampling::default()), made: Made::Tokens(tokens) }
}

/// The file, and where the event with the recipe begins and ends in it.
fn file() -> (Vec<u8>, std::ops::Range<usize>) {
    let bytes = midi::write_with(&scale(), Pedal::InNotes, Some(&lineage()));
    let plain = midi::write(&scale());
    let start = bytes.windows(2).position(|two| two == [0xFF, 0x7F]).unwrap();
    let end = start + bytes.len() - plain.len() - 1;
    (bytes, start..end)
}

#[test]
fn a_file_carries_its_recipe() {
    let import = midi::read(&file().0).unwrap();
    assert_eq!(import.lineage, Some(lineage()));
    assert_eq!((import.performance, import.report.dropped), (scale(), Vec::new()));
    assert_eq!(midi::read(&midi::write(&scale())).unwrap().lineage, None);
    // Other programs see an event that is not for them.
    let (bytes, event) = file();
    assert_eq!(&bytes[event][2..4], [0x81, 0x08], "its length");
    assert!(midly::Smf::parse(&bytes).is_ok());
}

/// A recipe that would make an event of a megabyte stays out.
#[test]
fn a_recipe_that_is_too_long_is_left_out() {
    let made = Made::Tokens(vec![Token::new(60).unwrap(); 800_000]);
    let bytes = midi::write_with(&scale(), Pedal::InNotes, Some(&Lineage { made, ..lineage() }));
    assert_eq!(bytes, midi::write(&scale()));
}

#[test]
fn events_of_other_programs_are_passed_over() {
    let (bytes, event) = file();
    for foreign in [&b"\x00\x00\x41"[..], b"\x7D", b"\x7DPRN", b"\x41PRNN", b""] {
        let meta = [&[0xFF, 0x7F, foreign.len() as u8], foreign].concat();
        let mut bytes = [&bytes[..event.start], &meta, &bytes[event.end..]].concat();
        let body = u32::try_from(bytes.len() - 22).unwrap();
        bytes[18..22].copy_from_slice(&body.to_be_bytes());
        let import = midi::read(&bytes).unwrap();
        assert_eq!((import.lineage, import.report.dropped), (None, Vec::new()), "{foreign:?}");
        assert_eq!(import.performance, scale());
    }
}

#[test]
fn a_damaged_recipe_is_told_and_the_music_is_read() {
    let (mut bytes, event) = file();
    bytes[event.start + 20] ^= 1;
    let import = midi::read(&bytes).unwrap();
    assert_eq!((import.lineage, import.report.dropped), (None, vec![Dropped::DamagedRecipe]));
    assert_eq!(import.performance, scale());
    let sentence = Dropped::DamagedRecipe.to_string();
    assert_eq!(sentence, "its recipe is damaged and was not used");
}

proptest! {
    /// Whichever bytes of the event are changed, its length among them, all notes are read, and the
    /// recipe as it was or not at all: seven bits of a byte carry it. (Other notes may follow, if it turns into an
    /// event that strikes keys.)
    #[test]
    fn the_music_outlives_its_recipe(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..9)) {
        let (mut bytes, event) = file();
        for (at, value) in changes {
            bytes[event.start + at.index(event.len())] = value;
        }
        let import = midi::read(&bytes).unwrap();
        prop_assert!(import.lineage.is_none_or(|read| read == lineage()));
        prop_assert!(import.performance.notes().starts_with(scale().notes()));
    }
}

/// What the file carries is what its notes were made from.
#[test]
fn the_notes_are_the_recipes() {
    let Some(Lineage { made: Made::Tokens(tokens), .. }) = midi::read(&file().0).unwrap().lineage else {
        panic!("no tokens");
    };
    assert_eq!(decode(&tokens).performance, scale().quantized());
}
