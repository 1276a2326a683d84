//! What a listener did to a take, in words.

use performance::playback::Cursor;
use performance::{Controls, Input, PitchClasses, Sampling};

use super::Take;
use super::edit::is_change;

/// A change that was made while a take was played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakeChange {
    /// Index of its entry in the log.
    pub entry: usize,
    /// When, in microseconds of music.
    pub at_us: u64,
    /// "Density 8".
    pub label: String,
}

impl Take {
    /// The changes that were made after the beginning, by time. Reads all tokens up to the last of them.
    #[must_use]
    pub fn changes(&self) -> Vec<TakeChange> {
        let (mut cursor, mut n_passed) = (Cursor::default(), 0);
        let mut changes = Vec::new();
        for (index, entry) in self.log.entries().iter().enumerate() {
            if entry.at == 0 || !is_change(&entry.input) {
                continue;
            }
            for &token in self.tokens.get(n_passed..entry.at).unwrap_or_default() {
                cursor.step(token);
            }
            n_passed = n_passed.max(entry.at);
            // What held before it.
            let (controls, sampling) =
                (self.log.controls_at(entry.at - 1), self.log.sampling_at(entry.at - 1));
            let label = match &entry.input {
                Input::Controls(now) => of_controls(&controls, now),
                Input::Sampling(now) => of_sampling(sampling, *now),
                Input::Dynamics(louder) => format!("Dynamics {:+}", louder.get()),
                Input::Events(_) => "Brought back".into(),
                Input::Seed(_) => continue,
            };
            changes.push(TakeChange { entry: index, at_us: cursor.at_us(), label });
        }
        changes
    }
}

fn of_controls(before: &Controls, now: &Controls) -> String {
    let mut parts = Vec::new();
    if before.density != now.density {
        parts.push(now.density.map_or("Density free".into(), |density| {
            if density < 9.95 { format!("Density {density:.1}") } else { format!("Density {density:.0}") }
        }));
    }
    if before.pitch_classes != now.pitch_classes {
        parts.push(now.pitch_classes.map_or("Any notes".into(), |weights| names(&weights)));
    }
    if before.composer != now.composer {
        parts.push(if now.composer.is_some() { "Leaning".into() } else { "Leaning no more".to_owned() });
    }
    if parts.is_empty() { "As before".into() } else { parts.join(", ") }
}

fn of_sampling(before: Sampling, now: Sampling) -> String {
    if before.temperature != now.temperature {
        format!("Temperature {:.2}", now.temperature)
    } else if before.only != now.only {
        if now.only == PitchClasses::ALL { "Other notes, too".into() } else { "Only these".into() }
    } else if before.top_p != now.top_p {
        format!("Top-p {:.2}", now.top_p)
    } else {
        "As before".into()
    }
}

/// The pitch classes that are asked for.
fn names(weights: &[f32; performance::N_PITCH_CLASSES]) -> String {
    let names = crate::shape::PITCH_CLASS_NAMES.iter().zip(weights);
    let sum: f32 = weights.iter().sum();
    let asked: Vec<&str> = names.filter(|(_, weight)| **weight > 0.02 * sum).map(|(name, _)| *name).collect();
    asked.join(" ")
}
