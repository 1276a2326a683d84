//! The conductor's plane: energy and valence, and what they do to a performance.
//!
//! Friberg (*pDM: an expressive sequencer with real-time control of the KTH music-performance rules*, CMJ 30(1), 2006)
//! maps a pointer on a plane of activity and valence to the quantities of rules: each corner is an emotion with
//! quantities of its own, and between them they are mixed. The directions are those that listeners recognize (Juslin:
//! happy is fast, loud and detached, sadness slow, soft and joined); the quantities here are our own.

use super::builder::Score;
use super::expression::Expression;
use super::rendering::{Gesture, GestureKind, TICKS_PER_QUARTER};
use super::rules::Rules;

/// An emotion at a corner of the plane.
struct Emotion {
    /// Signs of energy and valence.
    place: (f64, f64),
    rules: Rules,
    /// Doublings of the tempo.
    faster: f64,
    /// MIDI velocities.
    louder: f64,
    /// Doublings of the lengths of notes.
    longer: f64,
}

fn emotions() -> [Emotion; 4] {
    let none = Rules::none();
    [
        // Happy: fast, bright, detached.
        Emotion {
            place: (1.0, 1.0),
            rules: Rules { duration_contrast: 1.5, punctuation: 1.0, repetition: 1.0, meter: 0.5, ..none },
            faster: 0.2,
            louder: 8.0,
            longer: -0.6,
        },
        // Angry: fast, loud, hard, without phrases.
        Emotion {
            place: (1.0, -1.0),
            rules: Rules {
                duration_contrast: 1.0,
                phrase_arch: -0.7,
                punctuation: 0.5,
                meter: 1.0,
                final_ritard: 0.0,
                ..none
            },
            faster: 0.25,
            louder: 20.0,
            longer: -0.2,
        },
        // Tender: slow, soft, joined, in gentle phrases.
        Emotion {
            place: (-1.0, 1.0),
            rules: Rules { phrase_arch: 1.2, duration_contrast: -0.5, high_loud: 0.5, ..none },
            faster: -0.2,
            louder: -12.0,
            longer: 0.15,
        },
        // Sad: slower still, soft, with large arches.
        Emotion {
            place: (-1.0, -1.0),
            rules: Rules { phrase_arch: 1.8, duration_contrast: -1.0, harmonic_charge: 0.5, ..none },
            faster: -0.45,
            louder: -18.0,
            longer: 0.25,
        },
    ]
}

/// A mood from a place on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mood {
    at_quarters: f64,
    /// -1 to 1.
    energy: f64,
    valence: f64,
}

impl Mood {
    pub(super) fn of(gesture: &Gesture) -> Option<Self> {
        let GestureKind::Mood { energy, valence } = gesture.kind else { return None };
        Some(Self {
            at_quarters: f64::from(gesture.at) / f64::from(TICKS_PER_QUARTER),
            energy: f64::from(energy) / 100.0,
            valence: f64::from(valence) / 100.0,
        })
    }
}

/// What each emotion adds to a score.
#[derive(Clone, Debug)]
pub(super) struct Corners([((f64, f64), Expression); 4]);

impl Corners {
    pub(super) fn of(score: &Score) -> Self {
        let written = Expression::written(score);
        Self(emotions().map(|emotion| {
            let played = emotion.rules.render(score);
            let differences = |played: Vec<f64>, written: &[f64], more: f64| {
                played.iter().zip(written).map(|(played, written)| played - written + more).collect()
            };
            let added = Expression {
                log_period: differences(played.log_period, &written.log_period, -emotion.faster),
                velocity: differences(played.velocity, &written.velocity, emotion.louder),
                asynchrony: vec![0.0; score.notes().len()],
                articulation: differences(played.articulation, &written.articulation, emotion.longer),
            };
            (emotion.place, added)
        }))
    }

    /// Adds moods, which are in order; in the middle of the plane there is nothing to add.
    pub(super) fn color(&self, score: &Score, moods: &[Mood], expression: &mut Expression) {
        // A corner's share at a place, less its share in the middle.
        let shares = |quarters: f64| -> [f64; 4] {
            let after = moods.partition_point(|mood| mood.at_quarters <= quarters + 1e-6);
            let Some(mood) = after.checked_sub(1).map(|idx| moods[idx]) else { return [0.0; 4] };
            std::array::from_fn(|idx| {
                let (energy, valence) = self.0[idx].0;
                (1.0 + energy * mood.energy) * (1.0 + valence * mood.valence) / 4.0 - 0.25
            })
        };
        for (idx, chord) in score.chords().iter().enumerate() {
            let shares = shares(chord.onset_quarters);
            if shares == [0.0; 4] {
                continue;
            }
            for (share, (_, added)) in shares.iter().zip(&self.0) {
                expression.log_period[idx] += share * added.log_period[idx];
                for note in chord.notes.clone() {
                    expression.velocity[note] += share * added.velocity[note];
                    expression.articulation[note] += share * added.articulation[note];
                }
            }
        }
    }
}
