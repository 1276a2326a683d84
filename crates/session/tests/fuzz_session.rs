//! Mutated files of sessions.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

#[path = "../../../tests/fuzz/mod.rs"]
mod fuzz;

use std::rc::Rc;

use fuzz::{Target, pick, resealed};
use performance::lineage::checksum;
use performance::{Event, Lineage, Made, Pitch, Recipe, Sampling, Shift, Token};
use rand::RngExt as _;
use rand_chacha::ChaCha8Rng;
use session::saved::{Saved, read_file, write_file};
use session::{Action, Moment, Parent, Primer, State, Take};

#[test]
fn mutated_sessions_are_read_or_refused() {
    let target = Target {
        name: "session",
        seeds: vec![write_file(&saved(0)), write_file(&saved(1)), write_file(&saved(3))],
        telling: &[b"PRNN\x01", b"PRNN\x02", b"head", &[4], &[0; 4], &[0xFF; 4], &[0x80; 8], &[0xFF; 9]],
        special: |bytes, rng| changed_within(bytes, rng),
        n: 20_000,
        memory: (64, 1 << 18),
    };
    target.run(|bytes| {
        let opened = read_file(bytes).ok()?;
        Some(move || {
            // What is opened can be written, and is then read as it is.
            let again = read_file(&write_file(&opened.saved)).unwrap();
            assert_eq!(again.saved, opened.saved);
        })
    });
}

fn saved(n_takes: u32) -> Saved {
    let tokens: Vec<Token> = (0..60)
        .flat_map(|i| {
            let pitch = Pitch::new(30 + i).unwrap();
            [Event::NoteOn(pitch), Event::TimeShift(Shift::new(50).unwrap()), Event::NoteOff(pitch)]
        })
        .map(Token::from)
        .collect();
    let primer = Rc::new(Primer::of("sonata.mid".into(), tokens.clone()));
    let state = State::new(7).reduced(Action::SetPrimer(Rc::clone(&primer)), Moment::default());
    let mut saved = Saved::of(&state);
    for id in 1..=n_takes {
        let recipe = Recipe::after(primer.tokens.clone(), id.into(), Sampling::default());
        let lineage = Lineage { origin: None, recipe, made: Made::Tokens(tokens.clone()) };
        let mut take = Take::of_lineage(id, lineage, Some(Rc::clone(&primer)));
        take.parent = (id > 1).then_some(Parent { take: 1, at: 20, at_us: 2_000_000 });
        let listed = session::Listed { id, name: Some(format!("No. {id}")), is_starred: id == 2 };
        saved.takes.push((listed, Rc::new(take)));
    }
    saved.current = (n_takes > 0).then_some(n_takes);
    saved
}

/// One of the parts changed, with a checksum that fits: a name, a content, and the lengths before them.
fn changed_within(bytes: &mut [u8], rng: &mut ChaCha8Rng) {
    let (mut places, mut at) = (Vec::new(), 5);
    while let Some(&name) = bytes.get(at) {
        let length = at + 1 + usize::from(name);
        let Some(content) = bytes.get(length..).and_then(|rest| rest.first_chunk::<4>()) else { break };
        let (from, n) = (length + 4, u32::from_le_bytes(*content) as usize);
        if bytes.len() < from + n {
            break;
        }
        places.push(from..from + n);
        at = from + n;
    }
    if !places.is_empty() && rng.random_bool(0.9) {
        let place = pick(rng, &places).clone();
        resealed(&mut bytes[place], |content| checksum(content.iter().copied()), rng);
    }
}
