//! Mutated bytes of what a take follows from, as links, sessions and MIDI files carry them.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

use fuzz::{Target, resealed};
use performance::{
    Controls, Event, Lineage, Made, Origin, Pitch, Recipe, Sampling, Shift, Token,
    lineage::{TokenSum, checksum},
};

#[test]
fn mutated_lineages_are_read_or_refused() {
    let target = Target {
        name: "lineage",
        seeds: seeds(),
        telling: &[&[0], &[1], &[0x7F], &[0x80], &[0xFF], &[0xFF; 9], &[0x80; 8], &[0, 0, 0xC0, 0x7F]],
        special: |bytes, rng| resealed(bytes, |content| checksum(content.iter().copied()), rng),
        n: 40_000,
        memory: (64, 1 << 16),
    };
    target.run(|bytes| {
        let lineage = Lineage::from_bytes(bytes).ok()?;
        Some(move || assert_eq!(Lineage::from_bytes(&lineage.to_bytes().unwrap()).unwrap(), lineage))
    });
}

fn seeds() -> Vec<Vec<u8>> {
    let tokens: Vec<Token> = (0..200)
        .flat_map(|i| {
            let pitch = Pitch::new(40 + i % 40).unwrap();
            [Event::NoteOn(pitch), Event::TimeShift(Shift::new(1 + i % 125).unwrap()), Event::NoteOff(pitch)]
        })
        .map(Token::from)
        .collect();
    let origin = Some(Origin { weights: [7; 8], revision: 3 });
    let controls = Controls { density: Some(4.0), ..Controls::default() };
    let recipe = Recipe::after(tokens[..60].to_vec(), 9, Sampling::default()).with_controls(controls);
    let sum = Made::Sum(TokenSum::of(&tokens));
    let lineages = [
        Lineage { origin: None, recipe: Recipe::new(1, Sampling::default()), made: Made::Tokens(Vec::new()) },
        Lineage { origin, recipe: recipe.clone(), made: Made::Tokens(tokens) },
        Lineage { origin, recipe, made: sum },
    ];
    lineages.map(|lineage| lineage.to_bytes().unwrap()).to_vec()
}
