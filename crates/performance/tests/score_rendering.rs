//! Performances of scores as the page has them: settings, what follows from them, and what is kept of them.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::score::{
    Expression, Gesture, GestureKind, NewNote, Renderers, Rendering, Rendition, Score, TICKS_PER_QUARTER,
    carried, export_with, hash,
};
use performance::{Pitch, TokenSum, encode, midi};
use proptest::prelude::*;

const TUNE: &[u8] = include_bytes!("score_tune.musicxml");

fn expression(score: &Score, rendering: &Rendering) -> Expression {
    let renderers = Renderers::default();
    renderers.expression(score, rendering, &renderers.played(score, rendering))
}

fn score() -> impl Strategy<Value = Score> {
    let note = (21u8..108, 0u32..200, 1u32..64, 1u8..=127);
    prop::collection::vec(note, 1..60).prop_map(|notes| {
        let note = |&(pitch, onset, length, velocity): &(u8, u32, u32, u8)| NewNote {
            velocity: performance::Velocity::new(velocity).unwrap(),
            ..NewNote::new(Pitch::new(pitch).unwrap(), f64::from(onset) / 12.0, f64::from(length) / 12.0)
        };
        Score::builder().notes(notes.iter().map(note)).build().unwrap()
    })
}

fn rendering() -> impl Strategy<Value = Rendering> {
    let gesture = (
        0u32..20_000,
        prop_oneof![
            (100_000u32..4_000_000).prop_map(|period_us| GestureKind::Beat { period_us }),
            (-100i8..=100, -100i8..=100).prop_map(|(energy, valence)| GestureKind::Mood { energy, valence }),
        ],
    );
    let gestures = prop::collection::vec(gesture, 0..8);
    let numbers = (0u8..=100, 0u8..5, 1u8..=5, 0u8..=200, 50u16..=200);
    (numbers, any::<bool>(), any::<bool>(), gestures).prop_map(
        |(numbers, keeps_dynamics, is_flat, gestures)| {
            let (learned, palette, interpretation, expression, tempo) = numbers;
            let mut rendering = Rendering {
                learned,
                palette,
                interpretation,
                expression,
                tempo,
                keeps_dynamics,
                is_flat,
                gestures: Vec::new(),
            };
            for (at, kind) in gestures {
                rendering.conduct(Gesture { at, kind });
            }
            rendering
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_note_is_played_once_whatever_is_asked_for(score in score(), rendering in rendering()) {
        rendering.check().unwrap();
        let rendered = expression(&score, &rendering).render(&score);
        prop_assert_eq!(rendered.len(), score.notes().len());
        prop_assert!(rendered.iter().all(|note| note.onset_secs.is_finite() && note.duration_secs > 0.0));
    }

    #[test]
    fn what_is_kept_is_the_same_performance(score in score(), rendering in rendering(), at: prop::sample::Index) {
        let packed = score.to_packed();
        let again = Score::from_packed(&packed).unwrap();
        prop_assert_eq!(again.to_packed(), packed.clone());
        let tokens = |score: &Score| encode(&expression(score, &rendering).apply(score));
        let rendition = Rendition {
            name: "a tune".into(),
            score_hash: hash(&packed),
            n_notes: score.notes().len() as u32,
            score: Some(packed),
            rendering: rendering.clone(),
            sum: TokenSum::of(&tokens(&again)),
        };
        let mut bytes = rendition.to_bytes();
        prop_assert_eq!(&Rendition::from_bytes(&bytes).unwrap(), &rendition);
        let kept = Score::from_packed(&rendition.score.clone().unwrap()).unwrap();
        prop_assert_eq!(TokenSum::of(&tokens(&kept)), rendition.sum);
        let file = export_with(&again, &expression(&again, &rendering), Some(&rendition));
        prop_assert_eq!(carried(&file), Some(rendition));
        let at = at.index(bytes.len());
        bytes[at] ^= 1;
        prop_assert!(Rendition::from_bytes(&bytes).is_err());
    }
}

#[test]
fn no_expression_is_the_score_and_flat_is_flat() {
    let score = Score::read(TUNE).unwrap();
    let written = Expression::written(&score);
    assert_eq!(expression(&score, &Rendering { expression: 0, ..Rendering::default() }), written);
    let kept = expression(&score, &Rendering { keeps_dynamics: true, ..Rendering::default() });
    assert_eq!(kept.velocity, written.velocity);
    assert_ne!(kept.log_period, written.log_period);
    let twice = expression(&score, &Rendering { expression: 0, tempo: 200, ..Rendering::default() });
    let secs = |expression: &Expression| *expression.chord_secs(&score).last().unwrap();
    assert!((secs(&twice) - secs(&written) / 2.0).abs() < 1e-9);
    let (played, flat) = [false, true]
        .map(|is_flat| expression(&score, &Rendering { is_flat, ..Rendering::default() }))
        .into();
    assert!((secs(&played) - secs(&flat)).abs() < 1e-6, "as long, so that they can be compared");
    assert!(flat.velocity.iter().all(|velocity| *velocity == flat.velocity[0]));
}

#[test]
fn interpretations_differ_and_each_is_the_same_again() {
    let score = Score::read(TUNE).unwrap();
    let play = |learned, interpretation| {
        expression(&score, &Rendering { learned, interpretation, ..Rendering::default() })
    };
    for learned in [0, 50, 100] {
        assert_eq!(play(learned, 3), play(learned, 3));
        assert_ne!(play(learned, 3), play(learned, 4));
    }
}

/// From the first beat on, the tempo is the conductor's; before it, nothing changes.
#[test]
fn a_conductor_gives_the_tempo() {
    let note = |idx: u8| NewNote::new(Pitch::new(60 + idx).unwrap(), f64::from(idx), 1.0);
    let score = Score::builder().notes((0..12).map(note)).build().unwrap();
    let mut rendering = Rendering::default();
    let before = expression(&score, &rendering).chord_secs(&score);
    let beat = |quarters: u32, period_us| Gesture {
        at: quarters * TICKS_PER_QUARTER / 2,
        kind: GestureKind::Beat { period_us },
    };
    rendering.conduct(beat(8, 1_000_000));
    rendering.conduct(beat(13, 250_000));
    let conducted = expression(&score, &rendering).chord_secs(&score);
    assert_eq!(conducted[..5], before[..5]);
    let steps: Vec<f64> = conducted.windows(2).map(|pair| (pair[1] - pair[0]) * 1e3).collect();
    let rounded: Vec<i64> = steps[4..].iter().map(|step| step.round() as i64).collect();
    assert_eq!(rounded, [1000, 1000, 625, 250, 250, 250, 250]);
    // An earlier beat takes the place of those after it.
    rendering.conduct(beat(4, 500_000));
    assert_eq!(rendering.gestures, [beat(4, 500_000)]);
}

#[test]
fn moods_sound_as_they_are_called() {
    let score = Score::read(TUNE).unwrap();
    let mood = |energy, valence| {
        let mut rendering = Rendering::default();
        rendering.conduct(Gesture { at: 0, kind: GestureKind::Mood { energy, valence } });
        expression(&score, &rendering)
    };
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let secs = |expression: &Expression| *expression.chord_secs(&score).last().unwrap();
    let plain = expression(&score, &Rendering::default());
    assert_eq!(mood(0, 0), plain);
    let [happy, angry, tender, sad] =
        [(100, 100), (100, -100), (-100, 100), (-100, -100)].map(|(energy, valence)| mood(energy, valence));
    assert!(secs(&happy) < secs(&tender) && secs(&angry) < secs(&plain) && secs(&tender) < secs(&sad));
    assert!(mean(&angry.velocity) > mean(&happy.velocity) && mean(&happy.velocity) > mean(&sad.velocity));
    assert!(mean(&happy.articulation) < mean(&plain.articulation));
    assert!(mean(&sad.articulation) > mean(&happy.articulation));
}

#[test]
fn other_files_carry_nothing() {
    assert_eq!(carried(b"MThd"), None);
    assert_eq!(carried(TUNE), None);
    let score = Score::read(TUNE).unwrap();
    let file = export_with(&score, &Expression::written(&score), None);
    assert_eq!(carried(&file), None);
    assert!(midi::read(&file).unwrap().lineage.is_none());
    assert!(Score::from_packed(b"").is_err() && Score::from_packed(&[0; 64]).is_err());
}
