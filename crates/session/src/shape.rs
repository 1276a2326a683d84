//! What the visitor wants the music to be like.

use performance::{Controls, N_PITCH_CLASSES, PitchClasses, ReturnRate};

use crate::Primer;

/// The pitch classes' names, C first.
pub const PITCH_CLASS_NAMES: [&str; N_PITCH_CLASSES] =
    ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
/// Densities that the slider offers, in notes per second.
pub const DENSITIES: std::ops::RangeInclusive<f32> = 1.0..=32.0;
/// With *only these*, a pitch class of the primer counts from this share of its notes on.
const LEAST_SHARE: f32 = 0.03;
/// How much louder the dynamics slider goes, in VELOCITY bins of 4, and how much softer.
pub const MAX_DYNAMICS: i8 = 10;

/// How often themes come back, as the page offers it, in percent of people's.
pub const THEMES: [(&str, u16); 4] =
    [("never", 0), ("seldom", 50), ("as often as people's", 100), ("often", 200)];

/// What the Shape drawer holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Shape {
    /// Notes per second.
    pub density: Wish<f32>,
    /// How often each pitch class occurs.
    pub pitches: Wish<[Strength; N_PITCH_CLASSES]>,
    /// Whether other pitch classes cannot occur at all.
    pub is_strict: bool,
    /// Louder, or below 0 softer, in VELOCITY bins.
    pub dynamics: i8,
    /// How often themes come back.
    pub themes: ReturnRate,
    /// Index into the model's composers.
    pub composer: Option<usize>,
}

/// Whatever the network likes, and themes that come back as often as people's.
impl Default for Shape {
    fn default() -> Self {
        Self {
            density: Wish::default(),
            pitches: Wish::default(),
            is_strict: false,
            dynamics: 0,
            themes: ReturnRate::AS_PEOPLE,
            composer: None,
        }
    }
}

/// What is wanted of one control.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Wish<T> {
    /// As it is in the primer; without one, whatever the network likes.
    #[default]
    AsPrimer,
    /// Whatever the network likes.
    Free,
    /// This.
    Asked(T),
}

impl<T: Copy> Wish<T> {
    /// What was asked for.
    #[must_use]
    pub fn asked(self) -> Option<T> {
        match self {
            Self::Asked(value) => Some(value),
            Self::AsPrimer | Self::Free => None,
        }
    }

    fn or_primer(self, primer: Option<T>) -> Option<T> {
        match self {
            Self::AsPrimer => primer,
            Self::Free => None,
            Self::Asked(value) => Some(value),
        }
    }
}

/// How much a pitch class is wanted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Strength {
    /// Not.
    #[default]
    Off,
    /// Yes.
    On,
    /// More than others.
    Strong,
}

impl Strength {
    /// The next one, when a toggle is pressed.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Self::Off => Self::On,
            Self::On => Self::Strong,
            Self::Strong => Self::Off,
        }
    }

    fn weight(self) -> f32 {
        match self {
            Self::Off => 0.0,
            Self::On => 1.0,
            Self::Strong => 2.5,
        }
    }
}

impl Shape {
    /// What it asks of the network, in a performance that continues this primer.
    #[must_use]
    pub fn controls(&self, primer: Option<&Primer>) -> Controls {
        let like = primer.map_or_else(Controls::default, |primer| Controls::like(&primer.tokens));
        let weights = match self.pitches {
            Wish::Asked(strengths) => Wish::Asked(strengths.map(Strength::weight)),
            Wish::AsPrimer => Wish::AsPrimer,
            Wish::Free => Wish::Free,
        };
        // Twelve that are off ask for nothing.
        let pitch_classes = weights
            .or_primer(like.pitch_classes)
            .filter(|weights| weights.iter().any(|weight| *weight > 0.0));
        Controls { density: self.density.or_primer(like.density), pitch_classes, composer: self.composer }
    }

    /// The pitch classes that can occur at all: all of them, unless it is strict.
    #[must_use]
    pub fn only(&self, primer: Option<&Primer>) -> PitchClasses {
        if !self.is_strict {
            return PitchClasses::ALL;
        }
        let is_wanted = match (self.pitches, self.controls(primer).pitch_classes) {
            (Wish::Asked(strengths), _) => strengths.map(|strength| strength != Strength::Off),
            // What hardly occurs in the primer is chance.
            (_, Some(weights)) => {
                let sum: f32 = weights.iter().sum();
                weights.map(|weight| weight > LEAST_SHARE * sum)
            }
            (_, None) => [true; N_PITCH_CLASSES],
        };
        let bits = is_wanted
            .iter()
            .enumerate()
            .filter(|(_, wanted)| **wanted)
            .fold(0, |bits, (class, _)| bits | 1 << class);
        PitchClasses::from_bits(bits).unwrap_or_default()
    }

    /// The pitch class's strength.
    #[must_use]
    pub fn strength(&self, class: usize) -> Strength {
        self.pitches.asked().and_then(|strengths| strengths.get(class).copied()).unwrap_or_default()
    }

    /// The next strength of a pitch class; none is asked for once all are off.
    #[must_use]
    pub fn toggled(mut self, class: usize) -> Self {
        let mut strengths = self.pitches.asked().unwrap_or_default();
        if let Some(strength) = strengths.get_mut(class) {
            *strength = strength.next();
        }
        let is_any = strengths.iter().any(|strength| *strength != Strength::Off);
        self.pitches = if is_any { Wish::Asked(strengths) } else { Wish::Free };
        self
    }

    /// The scale that is asked for, if it is one.
    #[must_use]
    pub fn scale(&self) -> Option<(usize, Scale)> {
        let strengths = self.pitches.asked()?;
        let roots = (0..N_PITCH_CLASSES).flat_map(|root| Scale::ALL.map(|scale| (root, scale)));
        roots.into_iter().find(|&(root, scale)| scale.strengths(root) == strengths)
    }
}

/// A scale, from its root up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Ionian.
    Major,
    /// Aeolian.
    Minor,
    /// With a raised seventh.
    HarmonicMinor,
    /// Minor with a raised sixth.
    Dorian,
    /// Five tones of major.
    Pentatonic,
    /// Minor pentatonic with a flat fifth.
    Blues,
    /// Six whole tones.
    WholeTone,
}

impl Scale {
    /// What the page offers.
    pub const ALL: [Self; 7] = [
        Self::Major,
        Self::Minor,
        Self::HarmonicMinor,
        Self::Dorian,
        Self::Pentatonic,
        Self::Blues,
        Self::WholeTone,
    ];

    /// What the list of scales shows.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Major => "major",
            Self::Minor => "minor",
            Self::HarmonicMinor => "harmonic minor",
            Self::Dorian => "dorian",
            Self::Pentatonic => "pentatonic",
            Self::Blues => "blues",
            Self::WholeTone => "whole tone",
        }
    }

    /// The scale with this label.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scale| scale.label() == label)
    }

    /// Semitones above the root.
    fn steps(self) -> &'static [usize] {
        match self {
            Self::Major => &[0, 2, 4, 5, 7, 9, 11],
            Self::Minor => &[0, 2, 3, 5, 7, 8, 10],
            Self::HarmonicMinor => &[0, 2, 3, 5, 7, 8, 11],
            Self::Dorian => &[0, 2, 3, 5, 7, 9, 10],
            Self::Pentatonic => &[0, 2, 4, 7, 9],
            Self::Blues => &[0, 3, 5, 6, 7, 10],
            Self::WholeTone => &[0, 2, 4, 6, 8, 10],
        }
    }

    /// Its tones, and more of its root.
    #[must_use]
    pub fn strengths(self, root: usize) -> [Strength; N_PITCH_CLASSES] {
        let mut strengths = [Strength::Off; N_PITCH_CLASSES];
        for step in self.steps() {
            strengths[(root + step) % N_PITCH_CLASSES] = Strength::On;
        }
        strengths[root % N_PITCH_CLASSES] = Strength::Strong;
        strengths
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_are_recognized() {
        for root in 0..N_PITCH_CLASSES {
            for scale in Scale::ALL {
                let shape = Shape { pitches: Wish::Asked(scale.strengths(root)), ..Shape::default() };
                assert_eq!(shape.scale(), Some((root, scale)));
                assert_eq!(Scale::from_label(scale.label()), Some(scale));
            }
        }
        assert_eq!(Shape::default().scale(), None);
    }

    #[test]
    fn only_these_leaves_the_others_out() {
        let major = Shape { pitches: Wish::Asked(Scale::Major.strengths(2)), ..Shape::default() };
        assert_eq!(major.only(None), PitchClasses::ALL);
        let strict = Shape { is_strict: true, ..major };
        assert_eq!(strict.only(None), "D,E,F#,G,A,B,C#".parse().unwrap());
        let any = Shape { is_strict: true, ..Shape::default() };
        assert_eq!(any.only(None), PitchClasses::ALL);
    }

    #[test]
    fn toggles_go_through_three_strengths() {
        let once = Shape::default().toggled(4);
        assert_eq!(once.strength(4), Strength::On);
        assert_eq!(once.controls(None).pitch_classes.map(|weights| weights[4]), Some(1.0));
        let twice = once.toggled(4);
        assert_eq!(twice.strength(4), Strength::Strong);
        assert_eq!(twice.toggled(4).pitches, Wish::Free, "all are off");
    }

    #[test]
    fn a_primer_is_followed_unless_something_else_is_asked_for() {
        let tokens = crate::notation::tokens("v20 +60 >125 -60 +64 >125 -64");
        let primer =
            Primer { name: String::new(), music_us: 2_000_000, n_notes: 2, tokens, ..Primer::default() };
        let like = Controls::like(&primer.tokens);
        assert_eq!(Shape::default().controls(Some(&primer)), like);
        assert_eq!(Shape::default().controls(None), Controls::default());
        let asked = Shape { density: Wish::Asked(8.0), ..Shape::default() }.controls(Some(&primer));
        assert_eq!((asked.density, asked.pitch_classes), (Some(8.0), like.pitch_classes));
        let free = Shape { density: Wish::Free, ..Shape::default() }.controls(Some(&primer));
        assert_eq!(free.density, None);
    }
}
