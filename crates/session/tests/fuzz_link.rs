//! Mutated fragments of the page's address.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fuzz::{Target, resealed};
use performance::lineage::checksum;
use performance::playback::micros;
use performance::score::{Gesture, GestureKind, NewNote, Rendering, Rendition, Score};
use performance::{Controls, Event, Input, Lineage, Made, Pitch, Recipe, Sampling, Shift, Token};
use rand_chacha::ChaCha8Rng;
use session::link::{self, Linked};
use session::{Action, Moment, Performed, Piece, State, Take};

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
        let linked = link::read(std::str::from_utf8(bytes).ok()?)?.ok()?;
        Some(move || match linked {
            Linked::Take(lineage) => {
                assert!(matches!(lineage.made, Made::Sum(sum) if sum.n_tokens > 0));
                assert!(micros(&lineage.recipe.primer) <= link::MAX_PRIMER_US);
                assert_eq!(Lineage::from_bytes(&lineage.to_bytes().unwrap()).unwrap(), lineage);
            }
            Linked::Score(rendition) => {
                assert_eq!(Rendition::from_bytes(&rendition.to_bytes()).unwrap(), rendition);
                let state = State::new(1).reduced(Action::ReceiveScore(rendition), Moment::default());
                assert!(!state.is_running());
            }
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
        .into_iter()
        .chain([score_link()])
        .collect()
}

fn score_link() -> Vec<u8> {
    let note = |idx: u8| NewNote::new(Pitch::new(60 + idx).unwrap(), f64::from(idx) / 2.0, 0.5);
    let score = Score::builder().notes((0..20).map(note)).build().unwrap();
    let mut rendering = Rendering { expression: 150, ..Rendering::default() };
    rendering.conduct(Gesture { at: 480, kind: GestureKind::Beat { period_us: 500_000 } });
    rendering.conduct(Gesture { at: 960, kind: GestureKind::Mood { energy: -40, valence: 100 } });
    let piece = Piece::new("a.mxl".into(), &score).unwrap();
    let take = Take::of_score(1, Performed::new(piece.into(), rendering));
    link::write(&take, "").unwrap().into_bytes()
}

/// The bytes that the text stands for, changed, with a checksum that fits.
fn changed_within(text: &mut Vec<u8>, rng: &mut ChaCha8Rng) {
    let Some(mut bytes) = text
        .strip_prefix(b"#1.")
        .or(text.strip_prefix(b"#2."))
        .and_then(|content| URL_SAFE_NO_PAD.decode(content).ok())
    else {
        return;
    };
    resealed(&mut bytes, |content| checksum(content.iter().copied()), rng);
    let mark = if text.starts_with(b"#2.") { "#2." } else { "#1." };
    *text = format!("{mark}{}", URL_SAFE_NO_PAD.encode(bytes)).into_bytes();
}
