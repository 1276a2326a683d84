//! Melodic and harmonic charge: how remarkable a note is in its chord, and a chord in its key.

use super::line::Line;
use super::{Effects, Rules};
use crate::key::{MAJOR, MINOR};
use crate::score::builder::Score;
use crate::score::window::Windows;

/// Charge of a note by semitones over the root.
pub(in crate::score) const CHARGE: [f64; 12] = [0.0, 6.5, 2.0, 4.5, 4.0, 2.5, 6.0, 1.0, 5.5, 3.0, 3.5, 5.0];
/// How far around a place its key and its chord are looked for.
const KEY_QUARTERS: f64 = 8.0;
/// A chord is sure when its three notes have this part of all sound there.
const SURE: f64 = 0.8;
/// A change of harmony is led up to by a crescendo of so long.
const CRESCENDO_MS: f64 = 1_900.0;

/// The harmony around each chord of the score.
#[derive(Debug)]
pub(in crate::score) struct Harmony {
    /// Root of the chord, where it is sure.
    pub(in crate::score) root: Vec<Option<usize>>,
    /// Tonic of the key.
    pub(in crate::score) tonic: Vec<usize>,
}

impl Harmony {
    pub(in crate::score) fn new(score: &Score) -> Self {
        let classes: Vec<Windows> = (0..12)
            .map(|class| {
                let notes = score.notes().iter().filter(|note| note.pitch.index() % 12 == class);
                Windows::new(notes.map(|note| (note.onset_quarters, note.duration_quarters.min(4.0))))
            })
            .collect();
        let (mut root, mut tonic) = (Vec::new(), Vec::new());
        let mut last_beat = (f64::NAN, None, 0);
        for chord in score.chords() {
            let (bar, place) = score.place_in_bar(chord.onset_quarters);
            let beat = chord.onset_quarters - place % bar.beat_quarters();
            if (last_beat.0 - beat).abs() > 1e-3 || last_beat.0.is_nan() {
                let sums = |start: f64, end: f64| -> [f64; 12] {
                    std::array::from_fn(|class| classes[class].sum(start, end).1)
                };
                let here = sums(beat, beat + bar.beat_quarters());
                last_beat = (beat, chord_root(&here), key(&sums(beat - KEY_QUARTERS, beat + KEY_QUARTERS)));
            }
            root.push(last_beat.1);
            tonic.push(last_beat.2);
        }
        Self { root, tonic }
    }
}

/// Root of the triad that has most of the sound, if it is sure.
fn chord_root(weights: &[f64; 12]) -> Option<usize> {
    let total: f64 = weights.iter().sum();
    let triad = |root: usize, third: usize| {
        let (a, b, c) = (weights[root], weights[(root + third) % 12], weights[(root + 7) % 12]);
        if a > 0.0 && b > 0.0 { a + b + c } else { 0.0 }
    };
    let share = |root: usize| triad(root, 4).max(triad(root, 3));
    let root = (0..12).max_by(|a, b| share(*a).total_cmp(&share(*b)))?;
    (total > 0.0 && share(root) >= SURE * total).then_some(root)
}

fn key(weights: &[f64; 12]) -> usize {
    let fit = |tonic: usize, profile: &[f64; 12]| -> f64 {
        let mean = profile.iter().sum::<f64>() / 12.0;
        (0..12).map(|class| (profile[(class + 12 - tonic) % 12] - mean) * weights[class]).sum()
    };
    let best = |tonic: usize| fit(tonic, &MAJOR).max(fit(tonic, &MINOR));
    (0..12).max_by(|a, b| best(*a).total_cmp(&best(*b))).unwrap_or(0)
}

/// Harmonic charge of a chord on a degree of the key, as semitones over the tonic: I, ii, IV, V and vi are known.
fn harmonic_charge(degree: usize) -> Option<f64> {
    match degree {
        0 => Some(0.0),
        2 => Some(2.5),
        5 => Some(3.0),
        7 | 9 => Some(1.5),
        _ => None,
    }
}

pub(super) fn apply(rules: &Rules, score: &Score, line: &Line, effects: &mut Effects) {
    let harmony = Harmony::new(score);
    for (chord, root) in harmony.root.iter().enumerate() {
        let Some(root) = root else { continue };
        let charge = |pitch: usize| CHARGE[(pitch + 12 - root) % 12];
        for idx in score.chords()[chord].notes.clone() {
            effects.louder_db[idx] += 0.2 * rules.melodic_charge * charge(score.notes()[idx].pitch.index());
        }
        let melodic = charge(line.pitch[chord] as usize);
        effects.longer_ms[chord] += line.ms[chord] * rules.melodic_charge * melodic / 150.0;
    }
    if rules.harmonic_charge != 0.0 {
        harmonic(rules.harmonic_charge, score, line, &harmony, effects);
    }
}

fn harmonic(k: f64, score: &Score, line: &Line, harmony: &Harmony, effects: &mut Effects) {
    let roots: Vec<Option<f64>> = harmony
        .root
        .iter()
        .zip(&harmony.tonic)
        .map(|(root, tonic)| harmonic_charge((root.as_ref()? + 12 - tonic) % 12).map(f64::sqrt))
        .collect();
    let mut level = 0.0;
    // The level of the next change is reached by a crescendo; without one the level stays.
    let mut levels = vec![0.0; roots.len()];
    for (chord, root) in roots.iter().enumerate() {
        level = root.unwrap_or(level);
        levels[chord] = level;
    }
    for chord in 0..roots.len() {
        let is_first = chord > 0 && levels[chord] != levels[chord - 1];
        if is_first {
            effects.longer_ms[chord] += 8.0 * k * levels[chord];
        }
        effects.longer_ms[chord] += 2.0 * k * levels[chord];
        let (mut ahead, mut ms) = (chord, 0.0);
        while ahead + 1 < levels.len() && levels[ahead + 1] <= levels[chord] && ms < CRESCENDO_MS {
            ms += line.ms[ahead];
            ahead += 1;
        }
        let rise = levels.get(ahead + 1).map_or(0.0, |next| (next - levels[chord]).max(0.0));
        let share = (1.0 - (ms + line.ms[ahead]) / CRESCENDO_MS).clamp(0.0, 1.0);
        for idx in score.chords()[chord].notes.clone() {
            effects.louder_db[idx] += 1.5 * k * (levels[chord] + rise * share);
        }
    }
}
