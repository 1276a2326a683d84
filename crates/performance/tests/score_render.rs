//! Renderers and export: every note once, the seed decides, and the file has the score's bars.

#![allow(clippy::unwrap_used, reason = "a test fails loudly")]

use performance::score::{Bar, Expression, NewNote, PALETTES, Ridge, Rules, Score, Variation, export};
use performance::{Pitch, midi};
use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

const TUNE: &[u8] = include_bytes!("score_tune.musicxml");

/// What `performance-rnn perform` renders with.
fn renderers(score: &Score, seed: u64) -> Vec<Expression> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let ridge = Ridge::released().unwrap().render(score);
    let mut all: Vec<Expression> = PALETTES.iter().map(|palette| palette.rules.render(score)).collect();
    all.push(Variation::RIDGE.take(score, &ridge, &mut rng));
    all.push(ridge);
    all.push(Variation::RULES.take(score, &Rules::default().vary(&mut rng).render(score), &mut rng));
    all.push(Expression::flat(score));
    all.push(Expression::written(score));
    all
}

fn score() -> impl Strategy<Value = Score> {
    let note = (21u8..108, 0u32..200, 1u32..64);
    let notes = prop::collection::vec(note, 1..60);
    (notes, 1u8..9, 0u32..3).prop_map(|(notes, beats, unit)| {
        let note = |&(pitch, onset, length): &(u8, u32, u32)| {
            NewNote::new(Pitch::new(pitch).unwrap(), f64::from(onset) / 12.0, f64::from(length) / 12.0)
        };
        let bar = Bar { onset_quarters: 0.0, beats, beat_unit: 2 << unit, skipped_quarters: 0.0 };
        let bars = (0..20).map(|n| Bar { onset_quarters: f64::from(n) * bar.length_quarters(), ..bar });
        Score::builder().notes(notes.iter().map(note)).bars(bars).build().unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn every_note_is_played_once(score in score(), seed: u64, share in 0.0..2.0) {
        for expression in renderers(&score, seed) {
            let expression = Expression::written(&score).blend(&expression, share);
            let rendered = expression.render(&score);
            prop_assert_eq!(rendered.len(), score.notes().len());
            prop_assert!(rendered.iter().all(|note| note.onset_secs.is_finite() && note.duration_secs > 0.0));
            let played = expression.apply(&score);
            for pitch in Pitch::all() {
                let written = score.notes().iter().filter(|note| note.pitch == pitch).count();
                let played = played.notes().iter().filter(|note| note.pitch == pitch).count();
                prop_assert!(played <= written && (played > 0) == (written > 0));
            }
        }
    }

    #[test]
    fn an_exported_file_sounds_like_the_performance(score in score(), seed: u64) {
        for expression in renderers(&score, seed) {
            let played = expression.apply(&score);
            let file = midi::read(&export(&score, &expression)).unwrap().performance;
            prop_assert_eq!(file.notes().len(), played.notes().len());
            let by_pitch = |notes: &[performance::Note]| {
                let mut notes = notes.to_vec();
                notes.sort_by_key(|note| (note.pitch, note.start_us));
                notes
            };
            let (file, played) = (by_pitch(file.notes()), by_pitch(played.notes()));
            let late_us = |(file, played): (&performance::Note, &performance::Note)| {
                file.start_us as i64 - played.start_us as i64
            };
            let mut all_late_us: Vec<i64> = file.iter().zip(&played).map(late_us).collect();
            all_late_us.sort_unstable();
            let usual_us = all_late_us[all_late_us.len() / 2];
            for (file, played) in file.iter().zip(&played) {
                prop_assert_eq!((file.pitch, file.velocity), (played.pitch, played.velocity));
                // What is played a little before the beginning is put there.
                let is_right = (late_us((file, played)) - usual_us).abs() <= 4_000 || file.start_us == 0;
                prop_assert!(is_right, "{file:?} {played:?} {usual_us}");
            }
        }
    }
}

#[test]
fn an_exported_file_has_the_scores_bars_and_places() {
    let score = Score::read(TUNE).unwrap();
    let exported = Score::read(&export(&score, &Expression::flat(&score))).unwrap();
    let places = |score: &Score| -> Vec<(u8, f64)> {
        let place = |quarters: f64| (quarters * 100.0).round() / 100.0;
        score.notes().iter().map(|note| (note.pitch.get(), place(note.onset_quarters))).collect()
    };
    assert_eq!(places(&exported), places(&score));
    let bars = |score: &Score| -> Vec<f64> { score.bars().iter().map(|bar| bar.onset_quarters).collect() };
    assert_eq!(bars(&exported)[..6], bars(&score)[..]);
    assert_eq!(exported.bars()[0].skipped_quarters, 2.0);
}

#[test]
fn the_same_seed_is_the_same_take() {
    let score = Score::read(TUNE).unwrap();
    assert_eq!(renderers(&score, 3), renderers(&score, 3));
    assert_ne!(renderers(&score, 3), renderers(&score, 4));
}

#[test]
fn nothing_of_an_expression_is_the_score() {
    let score = Score::read(TUNE).unwrap();
    let written = Expression::written(&score);
    for expression in renderers(&score, 1) {
        assert_eq!(written.blend(&expression, 0.0), written);
    }
}
