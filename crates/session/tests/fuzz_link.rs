//! Mutated fragments of the page's address.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::{Target, resealed};
use performance::lineage::checksum;
use performance::playback::micros;
use performance::{Controls, Event, Input, Lineage, Made, Pitch, Recipe, Sampling, Shift, Token};
use rand_chacha::ChaCha8Rng;
use session::{Take, link};

#[test]
fn mutated_links_are_read_or_refused() {
    let target = Target {
        name: "link",
        seeds: seeds(),
        telling: &[b"#", b"1.", b"0.", b"2.", b"99999999999.", b"A", b"_", b"-", b"=", b"%20", b"AAAA"],
        special: changed_within,
        n: 30_000,
        memory: (64, 1 << 16),
    };
    target.run(|bytes| {
        let lineage = link::read(std::str::from_utf8(bytes).ok()?)?.ok()?;
        Some(move || {
            assert!(matches!(lineage.made, Made::Sum(sum) if sum.n_tokens > 0));
            assert!(micros(&lineage.recipe.primer) <= link::MAX_PRIMER_US);
            assert_eq!(Lineage::from_bytes(&lineage.to_bytes().unwrap()).unwrap(), lineage);
        })
    });
}

fn seeds() -> Vec<Vec<u8>> {
    let tokens: Vec<Token> = (0..40)
        .flat_map(|i| {
            let pitch = Pitch::new(40 + i).unwrap();
            [Event::NoteOn(pitch), Event::TimeShift(Shift::new(60).unwrap()), Event::NoteOff(pitch)]
        })
        .map(Token::from)
        .collect();
    let made = Made::Tokens(tokens.clone());
    let plain = Recipe::new(1, Sampling::default());
    let mut changed = Recipe::after(tokens, 9, Sampling::default())
        .with_controls(Controls { density: Some(4.0), ..Controls::default() });
    changed.log.push(10, Input::Seed(3)).unwrap();
    [plain, changed]
        .map(|recipe| {
            let take = Take::of_lineage(1, Lineage { origin: None, recipe, made: made.clone() }, None);
            link::write(&take, "").unwrap().into_bytes()
        })
        .to_vec()
}

/// The bytes that the text stands for, changed, with a checksum that fits.
fn changed_within(text: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let Some(mut bytes) = text.strip_prefix(b"#1.").and_then(|content| URL_SAFE_NO_PAD.decode(content).ok())
    else {
        return;
    };
    resealed(&mut bytes, |content| checksum(content.iter().copied()), rng);
    *text = format!("#1.{}", URL_SAFE_NO_PAD.encode(bytes)).into_bytes();
}
