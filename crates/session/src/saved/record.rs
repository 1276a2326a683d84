//! The head in the form in which it is written.
//!
//! These types are the format: fields and variants stay as they are and in their order. Something new becomes
//! another variant at the end of a list of facts, and [`VERSION`] rises, so that an older page says that it is too
//! old.

use performance::{N_PITCH_CLASSES, ReturnRate, TokenSum};
use serde::{Deserialize, Serialize};

use crate::{Length, Settings, Shape, Span, Strength, Wish};

/// Of the head, and of all other parts.
pub(super) const VERSION: u8 = 3;

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct HeadRecord {
    pub(super) facts: Vec<SessionFact>,
    pub(super) primers: Vec<PrimerRecord>,
    pub(super) takes: Vec<TakeRecord>,
}

/// One of the session's values; those that are missing are as on a page that opens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum SessionFact {
    Current(u32),
    Position {
        us: u64,
    },
    Marked {
        from_us: u64,
        to_us: u64,
    },
    /// Index into the primers.
    Primer(u32),
    Sampling {
        temperature: f32,
        top_p: f32,
    },
    Seed(u64),
    SeedLocked,
    LengthSecs(u32),
    Volume(u8),
    DensityFree,
    Density(f32),
    PitchesFree,
    /// 0 is off, 1 on, 2 strong.
    Pitches([u8; N_PITCH_CLASSES]),
    Strict,
    Dynamics(i8),
    Composer(u32),
    /// How often themes come back, in percent of people's.
    Themes(u16),
}

/// A primer, whose tokens are a part of their own.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PrimerRecord {
    pub(super) sum: TokenSum,
    pub(super) name: String,
    pub(super) summary: String,
    pub(super) dropped: Vec<String>,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct TakeRecord {
    pub(super) id: u32,
    /// A lineage without its primer and tokens.
    pub(super) lineage: Vec<u8>,
    pub(super) n_tokens: u32,
    pub(super) facts: Vec<TakeFact>,
}

/// One of a take's values.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum TakeFact {
    Parent {
        take: u32,
        at: u32,
        at_us: u64,
    },
    Name(String),
    Starred,
    Complete,
    Length {
        us: u64,
    },
    Music {
        us: u64,
    },
    /// Index into the primers.
    Primer(u32),
    Awaited(TokenSum),
    /// Since version 3: a performance of a score, whose notes are a part of their own (`Rendition`).
    Performed(Vec<u8>),
}

impl SessionFact {
    pub(super) fn of_settings(settings: &Settings) -> Vec<Self> {
        let Settings { sampling, shape, seed, is_seed_locked, length, volume } = settings;
        let Shape { density, pitches, is_strict, dynamics, themes, composer } = shape;
        let mut facts = vec![
            Self::Sampling { temperature: sampling.temperature, top_p: sampling.top_p },
            Self::Seed(*seed),
            Self::Volume(*volume),
            Self::Dynamics(*dynamics),
            Self::Themes(themes.percent()),
        ];
        facts.extend(is_seed_locked.then_some(Self::SeedLocked));
        facts.extend(length.us().map(|us| Self::LengthSecs((us / 1_000_000) as u32)));
        facts.extend(match density {
            Wish::AsPrimer => None,
            Wish::Free => Some(Self::DensityFree),
            Wish::Asked(density) => Some(Self::Density(*density)),
        });
        facts.extend(match pitches {
            Wish::AsPrimer => None,
            Wish::Free => Some(Self::PitchesFree),
            Wish::Asked(strengths) => Some(Self::Pitches(strengths.map(|strength| match strength {
                Strength::Off => 0,
                Strength::On => 1,
                Strength::Strong => 2,
            }))),
        });
        facts.extend(is_strict.then_some(Self::Strict));
        facts.extend(composer.and_then(|composer| Some(Self::Composer(composer.try_into().ok()?))));
        facts
    }

    /// Sets what it says, if it is one of the controls, as far as the page offers it.
    pub(super) fn apply(&self, settings: &mut Settings) {
        let shape = &mut settings.shape;
        match *self {
            Self::Sampling { temperature, top_p } => {
                let sampling = performance::Sampling { temperature, top_p, ..settings.sampling };
                if let Ok(sampling) = sampling.check() {
                    settings.sampling = sampling;
                }
            }
            Self::Seed(seed) => settings.seed = seed.min(crate::MAX_SEED),
            Self::SeedLocked => settings.is_seed_locked = true,
            Self::LengthSecs(secs) => settings.length = Length::from_value(&secs.to_string()),
            Self::Volume(volume) => settings.volume = volume.min(100),
            Self::DensityFree => shape.density = Wish::Free,
            Self::Density(density) if density.is_finite() => {
                shape.density =
                    Wish::Asked(density.clamp(*crate::DENSITIES.start(), *crate::DENSITIES.end()));
            }
            Self::PitchesFree => shape.pitches = Wish::Free,
            Self::Pitches(strengths) => {
                shape.pitches = Wish::Asked(strengths.map(|strength| match strength {
                    0 => Strength::Off,
                    1 => Strength::On,
                    _ => Strength::Strong,
                }));
            }
            Self::Strict => shape.is_strict = true,
            Self::Dynamics(louder) => {
                shape.dynamics = louder.clamp(-crate::MAX_DYNAMICS, crate::MAX_DYNAMICS)
            }
            Self::Themes(percent) => shape.themes = ReturnRate::of_percent(percent).unwrap_or_default(),
            Self::Composer(composer) => shape.composer = composer.try_into().ok(),
            Self::Density(_)
            | Self::Current(_)
            | Self::Position { .. }
            | Self::Marked { .. }
            | Self::Primer(_) => {}
        }
    }

    pub(super) fn mark(span: Span) -> Self {
        Self::Marked { from_us: span.from_us, to_us: span.to_us }
    }
}
