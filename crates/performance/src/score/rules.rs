//! Performance by rule: the KTH rules, as formulas with quantities.
//!
//! Sources: Friberg, *Generative rules for music performance*, CMJ 15(2), 1991; Friberg, Bresin and Sundberg, *Overview
//! of the KTH rule system for musical performance*, Advances in Cognitive Psychology 2, 2006; Friberg and Sundberg on
//! final ritards, JASA 105, 1999. Written from the formulas, not from programs.
//!
//! Timing is made on one line (see [`line`]), so that hands stay together; loudness belongs to notes.

mod arch;
mod harmony;
mod line;
mod phrase;

use super::builder::Score;
use super::expression::Expression;
use super::note::Mark;
use super::numbers::mean;
pub(super) use harmony::{CHARGE, Harmony};
use line::Line;

/// MIDI velocities per decibel. It gives the default palette people's deviation, 15, on the training scores.
const VELOCITY_PER_DB: f64 = 3.0;
/// No chord lasts less than this part of its written time, whatever the rules add up to.
const SHORTEST_PART: f64 = 0.4;
/// How much longer a fermata is.
const FERMATA_PART: f64 = 0.6;

/// How much of each rule: 1 is the rule's own quantity, 0 leaves it out, below 0 turns it around.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The written dynamics: 1 keeps all of their differences.
    pub dynamics: f64,
    /// Higher is louder.
    pub high_loud: f64,
    /// Short notes are shorter and softer.
    pub duration_contrast: f64,
    /// Short notes are detached.
    pub contrast_articulation: f64,
    /// Of two notes 2:1 before a longer one, the short one is longer.
    pub double_duration: f64,
    /// Phrases begin and end slow and soft.
    pub phrase_arch: f64,
    /// A small gap after each melodic gesture.
    pub punctuation: f64,
    /// The end slows down like a runner who stops.
    pub final_ritard: f64,
    /// Notes far from the chord's root are louder and longer.
    pub melodic_charge: f64,
    /// Chords far from the key are louder and longer.
    pub harmonic_charge: f64,
    /// Leaps take time.
    pub leap: f64,
    /// Rising lines go faster.
    pub faster_uphill: f64,
    /// Repeated notes are separated.
    pub repetition: f64,
    /// Accents on beats: bars and beats begin louder.
    pub meter: f64,
}

/// Rules that together have a character.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Palette {
    /// Its name.
    pub name: &'static str,
    /// Its quantities.
    pub rules: Rules,
}

/// Nothing of any rule.
const NONE: Rules = Rules {
    dynamics: 1.0,
    high_loud: 0.0,
    duration_contrast: 0.0,
    contrast_articulation: 0.0,
    double_duration: 0.0,
    phrase_arch: 0.0,
    punctuation: 0.0,
    final_ritard: 0.0,
    melodic_charge: 0.0,
    harmonic_charge: 0.0,
    leap: 0.0,
    faster_uphill: 0.0,
    repetition: 0.0,
    meter: 0.0,
};

/// Quantities chosen on the training scores, for agreement with people. Rules that lower it are left out: both
/// charges, leaps and double durations. The articulation of the duration contrast is turned around, because people's
/// pedal holds short notes the longest, and the sound of a note is what counts here.
const NATURAL: Rules = Rules {
    dynamics: 0.6,
    high_loud: 1.0,
    duration_contrast: 1.0,
    contrast_articulation: -1.0,
    double_duration: 0.0,
    phrase_arch: 0.0,
    punctuation: 0.25,
    final_ritard: 2.0,
    melodic_charge: 0.0,
    harmonic_charge: 0.0,
    leap: 0.0,
    faster_uphill: 1.0,
    repetition: 0.0,
    meter: 0.25,
};

/// The named palettes, the default first.
pub const PALETTES: [Palette; 5] = [
    Palette { name: "natural", rules: NATURAL },
    Palette {
        name: "lyrical",
        rules: Rules {
            phrase_arch: 1.5,
            duration_contrast: 0.5,
            harmonic_charge: 0.5,
            high_loud: 1.5,
            ..NATURAL
        },
    },
    Palette {
        name: "lively",
        rules: Rules {
            duration_contrast: 2.0,
            contrast_articulation: 1.0,
            punctuation: 1.0,
            repetition: 1.0,
            meter: 1.0,
            final_ritard: 0.5,
            ..NATURAL
        },
    },
    Palette {
        name: "solemn",
        rules: Rules {
            duration_contrast: -0.5,
            harmonic_charge: 1.0,
            phrase_arch: 1.0,
            final_ritard: 3.0,
            ..NATURAL
        },
    },
    Palette { name: "metronomic", rules: NONE },
];

impl Default for Rules {
    fn default() -> Self {
        NATURAL
    }
}

/// What the rules add, by line or note.
#[derive(Debug)]
struct Effects {
    /// Milliseconds to each chord's time, at the written tempo.
    longer_ms: Vec<f64>,
    /// Decibels to each note.
    louder_db: Vec<f64>,
    /// Milliseconds off each note's end.
    gap_ms: Vec<f64>,
}

impl Rules {
    /// The palette of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        PALETTES.iter().find(|palette| palette.name == name).map(|palette| palette.rules)
    }

    /// Performs a score: its written tempo, dynamics and signs, and on top what the rules say.
    ///
    /// ```
    /// # use performance::score::{NewNote, Rules, Score};
    /// # use performance::Pitch;
    /// let note = |idx: u8| NewNote::new(Pitch::new(60 + idx).unwrap(), f64::from(idx), 1.0);
    /// let score = Score::builder().notes((0..8).map(note)).build()?;
    /// let played = Rules::default().render(&score);
    /// assert!(played.velocity[7] > played.velocity[0]); // high is loud
    /// assert!(played.log_period[6] > played.log_period[0]); // the end is slow
    /// # Ok::<(), performance::score::ScoreError>(())
    /// ```
    #[must_use]
    pub fn render(&self, score: &Score) -> Expression {
        let line = Line::new(score);
        let effects = self.effects(score, &line);
        let mut expression = Expression::written(score);
        let mean_velocity = mean(&expression.velocity);
        for (idx, log_period) in expression.log_period.iter_mut().enumerate() {
            *log_period += (1.0 + effects.longer_ms[idx] / line.ms[idx]).max(SHORTEST_PART).log2();
        }
        for (idx, note) in score.notes().iter().enumerate() {
            let written = mean_velocity + self.dynamics * (expression.velocity[idx] - mean_velocity);
            expression.velocity[idx] = (written + VELOCITY_PER_DB * effects.louder_db[idx]).clamp(1.0, 127.0);
            let secs = note.duration_quarters * line.period_ms(note.chord) / 1e3;
            let left = (1.0 - effects.gap_ms[idx] / 1e3 / secs).clamp(SHORTEST_PART, 1.5);
            expression.articulation[idx] += left.log2();
        }
        expression
    }

    /// No rule at all: the score as it is written.
    #[must_use]
    pub fn none() -> Self {
        NONE
    }

    /// Phrase arches alone.
    pub(super) fn only_arches() -> Self {
        Self { phrase_arch: 1.0, ..NONE }
    }

    /// Decibels, relative lengthening of the chord and gap in ms of each note, for other renderers to see.
    pub(super) fn features(&self, score: &Score) -> Vec<[f64; 3]> {
        let line = Line::new(score);
        let effects = self.effects(score, &line);
        let feature = |(idx, note): (usize, &super::note::ScoreNote)| {
            [
                effects.louder_db[idx],
                effects.longer_ms[note.chord] / line.ms[note.chord],
                effects.gap_ms[idx] / 50.0,
            ]
        };
        score.notes().iter().enumerate().map(feature).collect()
    }

    fn effects(&self, score: &Score, line: &Line) -> Effects {
        let n = score.notes().len();
        let mut effects =
            Effects { longer_ms: vec![0.0; line.ms.len()], louder_db: vec![0.0; n], gap_ms: vec![0.0; n] };
        self.notes(score, line, &mut effects);
        self.melody(score, line, &mut effects);
        if self.melodic_charge != 0.0 || self.harmonic_charge != 0.0 {
            harmony::apply(self, score, line, &mut effects);
        }
        if self.phrase_arch != 0.0 {
            arch::apply(self.phrase_arch, score, line, &mut effects);
        }
        if self.final_ritard > 0.0 {
            arch::final_ritard(self.final_ritard, score, line, &mut effects);
        }
        effects
    }

    /// Rules that look at notes one by one.
    fn notes(&self, score: &Score, line: &Line, effects: &mut Effects) {
        let notes = score.notes();
        let mean_pitch =
            notes.iter().map(|note| f64::from(note.pitch.get())).sum::<f64>() / notes.len() as f64;
        for (idx, note) in notes.iter().enumerate() {
            effects.louder_db[idx] += self.high_loud * (f64::from(note.pitch.get()) - mean_pitch) / 4.0;
            let (bar, place) = score.place_in_bar(note.onset_quarters);
            effects.louder_db[idx] += self.meter * beat_db(place, bar.beat_quarters());
        }
        for (chord, &ms) in line.ms.iter().enumerate() {
            let contrast = contrast(ms);
            effects.longer_ms[chord] += 1.5 * self.duration_contrast * contrast;
            for idx in score.chords()[chord].notes.clone() {
                effects.louder_db[idx] += 0.075 * self.duration_contrast * contrast;
                let is_joined = notes[idx].marks.contains(Mark::Slurred) || line.is_before_rest[chord];
                if !is_joined && !line.is_repeated[idx] {
                    effects.gap_ms[idx] += -4.5 * self.contrast_articulation * contrast;
                }
                if line.is_repeated[idx] {
                    effects.gap_ms[idx] += 35.0 * self.repetition;
                }
                if notes[idx].marks.contains(Mark::Fermata) {
                    effects.longer_ms[chord] = effects.longer_ms[chord].max(FERMATA_PART * ms);
                }
            }
        }
    }

    /// Rules that look at neighbors in the line.
    fn melody(&self, score: &Score, line: &Line, effects: &mut Effects) {
        for chord in 0..line.ms.len().saturating_sub(1) {
            let interval = line.top[chord + 1] - line.top[chord];
            if interval > 0.0 {
                effects.longer_ms[chord] += -2.0 * self.faster_uphill;
            }
            if interval.abs() > 2.0 {
                let root = interval.abs().sqrt();
                let (start, target) = if interval > 0.0 { (-2.4, 4.2) } else { (2.4, -4.2) };
                effects.longer_ms[chord] += start * self.leap * root;
                effects.longer_ms[chord + 1] += target * self.leap * root;
            }
            let (long, short) = (line.ms[chord], line.ms[chord + 1]);
            let next = line.ms.get(chord + 2).copied().unwrap_or(0.0);
            if (long / short - 2.0).abs() < 0.02 && next > short {
                effects.longer_ms[chord] -= 0.12 * self.double_duration * short;
                effects.longer_ms[chord + 1] += 0.12 * self.double_duration * short;
            }
        }
        for chord in phrase::gestures(line) {
            let ms = line.ms[chord];
            let gap = self.punctuation * (20.0 + 40.0 * ((ms - 160.0) / 480.0).clamp(0.0, 1.0));
            effects.longer_ms[chord] += 0.45 * gap;
            let top = score.chords()[chord].notes.end - 1;
            effects.gap_ms[top] += gap;
        }
    }
}

/// The duration contrast of a note of so many milliseconds; it is 0 or less.
fn contrast(ms: f64) -> f64 {
    match ms {
        30.0..200.0 => -11.0 * (ms - 30.0) / 170.0,
        200.0..400.0 => -7.0 - (400.0 - ms) / 50.0,
        400.0..600.0 => -7.0 * (600.0 - ms) / 200.0,
        _ => 0.0,
    }
}

/// Bars louder than beats, beats louder than what is between.
fn beat_db(place_quarters: f64, beat_quarters: f64) -> f64 {
    let within = place_quarters % beat_quarters;
    if place_quarters < 1e-3 {
        1.0
    } else if within < 1e-3 || beat_quarters - within < 1e-3 {
        0.5
    } else {
        -0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contrast_has_no_steps() {
        let values = [30.0, 115.0, 199.999, 200.0, 300.0, 400.0, 500.0, 600.0, 1_000.0].map(contrast);
        let rounded = values.map(|value| (value * 10.0).round() / 10.0);
        assert_eq!(rounded, [0.0, -5.5, -11.0, -11.0, -9.0, -7.0, -3.5, 0.0, 0.0]);
    }

    #[test]
    fn palettes_are_found_by_name() {
        assert_eq!(Rules::named("natural"), Some(Rules::default()));
        assert_eq!(Rules::named("metronomic"), Some(NONE));
        assert_eq!(Rules::named("x"), None);
    }
}
