//! Expression that was measured on a performance gives the performance back.

use std::fs;

use performance::score::{Beat, Expression, Matching, NewNote, Score, align, measure};
use performance::{Note, Performance, Pitch, Velocity, midi};
use proptest::prelude::*;

use crate::data;

const TOLERANCE_SECS: f64 = 0.008;

/// Largest errors of onset and end, in seconds, and whether each matched note has its velocity's bin.
fn errors(score: &Score, performance: &Performance, matching: &Matching) -> Option<(f64, f64, bool)> {
    let measured = measure(score, performance, matching)?;
    let rendered = measured.expression.render(score);
    assert_eq!(rendered.len(), score.notes().len());
    let (mut onset, mut end, mut same_bins) = (0.0_f64, 0.0_f64, true);
    for (idx, note) in rendered.iter().enumerate() {
        let Some(played) = matching.played(idx).map(|idx| performance.notes()[idx]) else { continue };
        let onset_secs = note.onset_secs + measured.start_secs;
        onset = onset.max((onset_secs - played.start_us as f64 / 1e6).abs());
        end = end.max((onset_secs + note.duration_secs - played.end_us as f64 / 1e6).abs());
        same_bins &= Velocity::new(note.velocity.round() as u8).unwrap().bin() == played.velocity.bin();
    }
    Some((onset, end, same_bins))
}

#[test]
fn people_get_back_what_they_played() {
    let Some(folder) = data::folder() else { return };
    let (mut n, mut matched, mut written, mut played) = (0, 0, 0, 0);
    let mut shares = Vec::new();
    for split in ["train", "validation"] {
        for file in data::files(&folder, &format!("performance/{split}")) {
            let name = data::stem(&file);
            let score_name = name.rsplit_once("__").unwrap().0;
            let score =
                Score::read(&fs::read(folder.join(format!("score/{score_name}.mid"))).unwrap()).unwrap();
            let performance = midi::read(&fs::read(&file).unwrap()).unwrap().performance;
            let beats = |kind, name| data::beat_secs(&folder.join(format!("annotations/{kind}/{name}.txt")));
            let (in_score, in_performance) = (beats("score", score_name), beats("performance", &name));
            if in_score.len() != in_performance.len() || in_score.is_empty() {
                continue;
            }
            let beats: Vec<Beat> = in_score
                .iter()
                .zip(in_performance)
                .map(|(score_secs, secs)| Beat { quarters: score.tempo().quarters(*score_secs), secs })
                .collect();
            let matching = align(&score, &performance, &beats);
            let (onset_secs, end_secs, same_bins) = errors(&score, &performance, &matching).unwrap();
            assert!(onset_secs <= TOLERANCE_SECS, "{name}: an onset is off by {onset_secs} s");
            assert!(end_secs <= TOLERANCE_SECS, "{name}: an end is off by {end_secs} s");
            assert!(same_bins, "{name}: a velocity is in another bin");
            n += 1;
            matched += matching.len();
            written += score.notes().len();
            played += performance.notes().len();
            shares.push((matching.len() as f64 / score.notes().len() as f64, name));
        }
    }
    let percent = |of: usize| 100.0 * matched as f64 / of as f64;
    println!(
        "{n} pairs: {:.1} % of written and {:.1} % of played notes match",
        percent(written),
        percent(played)
    );
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    println!("least: {:?}; median {:.3}", &shares[..4], shares[n / 2].0);
    assert!(n > 800 && percent(written) > 90.0);
}

/// Pitch, and onset and length in sixteenths.
type Written = (u8, u32, u32);
/// Milliseconds late, length in milliseconds, velocity.
type Played = (u64, u64, u8);

prop_compose! {
    /// Written notes, how they are played, and which of them are.
    fn pair()(notes in prop::collection::vec(
        ((21u8..108, 0u32..64, 1u32..16), (0u64..40_000, 1u64..3_000, 1u8..=127), prop::bool::weighted(0.8)),
        2..40,
    )) -> (Score, Performance, Matching) {
        let new = |&((pitch, onset, length), _, _): &(Written, Played, bool)| {
            NewNote::new(Pitch::new(pitch).unwrap(), f64::from(onset) / 4.0, f64::from(length) / 4.0)
        };
        let score = Score::builder().notes(notes.iter().map(new)).build().unwrap();
        // Roughly in time, with up to 40 s of whatever people do; each key is played once, so that none ends another.
        let mut played: Vec<(usize, Note)> = Vec::new();
        for (idx, note) in score.notes().iter().enumerate() {
            let (_, (off_ms, length_ms, velocity), is_played) = notes[idx % notes.len()];
            if is_played && played.iter().all(|(_, other)| other.pitch != note.pitch) {
                let start_us = (note.onset_quarters * 5e5) as u64 + off_ms * 1_000;
                let velocity = Velocity::new(velocity).unwrap();
                played.push((idx, Note { pitch: note.pitch, velocity, start_us, end_us: start_us + length_ms * 1_000 }));
            }
        }
        let performance = Performance::new(played.iter().map(|(_, note)| *note).collect());
        let at = |pitch| performance.notes().iter().position(|note| note.pitch == pitch);
        let mut matching = vec![None; score.notes().len()];
        for (idx, note) in &played {
            matching[*idx] = at(note.pitch);
        }
        (score, performance, Matching::new(matching))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_playing_comes_back((score, performance, matching) in pair()) {
        if let Some((onset_secs, end_secs, same_bins)) = errors(&score, &performance, &matching) {
            prop_assert!(onset_secs <= TOLERANCE_SECS, "onset {onset_secs}");
            prop_assert!(end_secs <= TOLERANCE_SECS, "end {end_secs}");
            prop_assert!(same_bins);
        }
    }

    #[test]
    fn every_note_is_rendered_once_whatever_the_expression(
        (score, _, _) in pair(),
        values in prop::collection::vec(prop_oneof![any::<f64>(), -3.0..3.0], 200),
    ) {
        let take = |n: usize| values.iter().copied().cycle().take(n).collect::<Vec<f64>>();
        let n = score.notes().len();
        let expression = Expression {
            log_period: take(score.chords().len()),
            velocity: take(n),
            asynchrony: take(n),
            articulation: take(n),
        };
        prop_assert_eq!(expression.render(&score).len(), n);
        prop_assert!(expression.render(&score).iter().all(|note| note.onset_secs.is_finite()));
        for expression in [expression, Expression::default()] {
            prop_assert!(expression.apply(&score).notes().len() <= n);
        }
    }
}
