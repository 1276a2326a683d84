//! What the visitor can set.

use performance::Sampling;

use crate::{Primer, Shape};

/// Seeds that the page draws have up to six digits: easy to read out, write down and type.
pub const DRAWN_SEEDS: u64 = 1_000_000;
/// Largest seed that a visitor may type: number fields hold integers up to it exactly.
pub const MAX_SEED: u64 = (1 << 53) - 1;
/// Temperatures that the slider offers. Below, the music freezes into repetition; above, it falls apart.
pub const TEMPERATURES: std::ops::RangeInclusive<f32> = 0.5..=1.5;

/// The controls' values.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How to sample.
    pub sampling: Sampling,
    /// What the music is to be like.
    pub shape: Shape,
    /// The seed of the next performance if it is locked, else of the last one.
    pub seed: u64,
    /// Keep the seed instead of drawing a new one for each performance.
    pub is_seed_locked: bool,
    /// How long the next performance becomes.
    pub length: Length,
    /// Volume of the built-in piano, `0..=100`.
    pub volume: u8,
}

impl Settings {
    /// Before the visitor changes anything.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            sampling: Sampling::default(),
            shape: Shape::default(),
            seed,
            is_seed_locked: false,
            length: Length::Endless,
            volume: 80,
        }
    }
}

impl Settings {
    /// How a performance that continues this primer is drawn.
    #[must_use]
    pub fn sampling_after(&self, primer: Option<&Primer>) -> Sampling {
        Sampling { only: self.shape.only(primer), themes: self.shape.themes, ..self.sampling }
    }
}

/// How long a performance becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Length {
    /// Until stopped.
    Endless,
    /// This many seconds.
    Secs(u32),
}

impl Length {
    /// What the page offers.
    pub const ALL: [Self; 7] = [
        Self::Endless,
        Self::Secs(30),
        Self::Secs(60),
        Self::Secs(120),
        Self::Secs(300),
        Self::Secs(600),
        Self::Secs(3600),
    ];

    /// In microseconds.
    #[must_use]
    pub fn us(self) -> Option<u64> {
        match self {
            Self::Endless => None,
            Self::Secs(secs) => Some(u64::from(secs) * 1_000_000),
        }
    }

    /// What the list of lengths shows.
    #[must_use]
    pub fn label(self) -> String {
        match self {
            Self::Endless => "∞ endless".into(),
            Self::Secs(secs) if secs < 60 => format!("{secs} seconds"),
            Self::Secs(60) => "1 minute".into(),
            Self::Secs(3600) => "1 hour".into(),
            Self::Secs(secs) => format!("{} minutes", secs / 60),
        }
    }

    /// The value of an `<option>`.
    #[must_use]
    pub fn value(self) -> String {
        match self {
            Self::Endless => "endless".into(),
            Self::Secs(secs) => secs.to_string(),
        }
    }

    /// The length that `value` stands for; [`Length::Endless`] if it is none of [`Length::ALL`].
    #[must_use]
    pub fn from_value(value: &str) -> Self {
        Self::ALL.into_iter().find(|length| length.value() == value).unwrap_or(Self::Endless)
    }
}

/// Whether a seed stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedLock {
    /// For the next performance too.
    Locked,
    /// A new one is drawn for each performance.
    Free,
}
