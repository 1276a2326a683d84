//! Lineages in the form in which they are written.
//!
//! These types are the format. What was written once must be read for good, so fields and variants stay as they
//! are and in their order. Something new becomes another variant at the end of [`InputRecord`], and `VERSION`
//! rises, so that an older page says that it is too old. Setting it on at entry 0 is how a recipe as a whole gets
//! something new.

use serde::{Deserialize, Serialize};

use super::{Lineage, Made, Origin, Packed, TokenSum};
use crate::{
    Controls, Entry, Error, Input, InputLog, N_PITCH_CLASSES, PitchClasses, Recipe, ReturnRate, Sampling,
    VelocityOffset,
};

/// A lineage, version 1 and later.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct LineageRecord {
    origin: Option<Origin>,
    seed: u64,
    velocity_offset: i8,
    primer: Packed,
    entries: Vec<EntryRecord>,
    made: MadeRecord,
}

#[derive(Debug, Serialize, Deserialize)]
enum MadeRecord {
    Tokens(Packed),
    Sum(TokenSum),
}

#[derive(Debug, Serialize, Deserialize)]
struct EntryRecord {
    /// Tokens since the entry before.
    after: u32,
    input: InputRecord,
}

#[derive(Debug, Serialize, Deserialize)]
enum InputRecord {
    Controls {
        density: Option<f32>,
        pitch_classes: Option<[f32; N_PITCH_CLASSES]>,
        composer: Option<u32>,
    },
    Sampling {
        temperature: f32,
        top_p: f32,
    },
    Seed(u64),
    Events(Packed),
    /// Since version 2, where some pitch classes are left out, or themes come back.
    Drawing {
        temperature: f32,
        top_p: f32,
        only: u16,
        themes: u16,
    },
    Dynamics(i8),
}

impl LineageRecord {
    pub(super) fn of(lineage: &Lineage) -> Self {
        let Lineage { origin, recipe, made } = lineage;
        // All fields by name: what is added to a recipe has to be written, too.
        let Recipe { seed, primer, velocity_offset, log } = recipe;
        let mut before = 0;
        let entry = |Entry { at, input }: &Entry| {
            let after = at - std::mem::replace(&mut before, *at);
            EntryRecord { after: after.try_into().unwrap_or(u32::MAX), input: InputRecord::of(input) }
        };
        Self {
            origin: *origin,
            seed: *seed,
            velocity_offset: velocity_offset.get(),
            primer: Packed::new(primer),
            entries: log.entries().iter().map(entry).collect(),
            made: match made {
                Made::Tokens(tokens) => MadeRecord::Tokens(Packed::new(tokens)),
                Made::Sum(sum) => MadeRecord::Sum(*sum),
            },
        }
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        postcard::to_allocvec(self).expect("a record of numbers and lists, whose lengths are known")
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        match postcard::take_from_bytes(bytes) {
            Ok((record, [])) => Ok(record),
            _ => Err(Error::DamagedRecipe),
        }
    }

    /// The lineage, checked as if a visitor had typed it.
    pub(super) fn lineage(self) -> Result<Lineage, Error> {
        let mut log = InputLog::default();
        let mut at = 0_usize;
        for EntryRecord { after, input } in self.entries {
            let after = usize::try_from(after).map_err(|_| Error::DamagedRecipe)?;
            at = at.checked_add(after).ok_or(Error::DamagedRecipe)?;
            log.push(at, input.input()?).map_err(|_| Error::DamagedRecipe)?;
        }
        let recipe = Recipe {
            seed: self.seed,
            primer: self.primer.tokens()?,
            velocity_offset: VelocityOffset::bins(self.velocity_offset),
            log,
        };
        let made = match self.made {
            MadeRecord::Tokens(packed) => Made::Tokens(packed.tokens()?),
            MadeRecord::Sum(sum) => Made::Sum(sum),
        };
        Ok(Lineage { origin: self.origin, recipe, made })
    }
}

impl InputRecord {
    fn of(input: &Input) -> Self {
        match input {
            Input::Controls(Controls { density, pitch_classes, composer }) => Self::Controls {
                density: *density,
                pitch_classes: *pitch_classes,
                composer: composer.map(|composer| composer.try_into().unwrap_or(u32::MAX)),
            },
            Input::Sampling(Sampling {
                temperature,
                top_p,
                only: PitchClasses::ALL,
                themes: ReturnRate::NEVER,
            }) => Self::Sampling { temperature: *temperature, top_p: *top_p },
            Input::Sampling(Sampling { temperature, top_p, only, themes }) => Self::Drawing {
                temperature: *temperature,
                top_p: *top_p,
                only: only.bits(),
                themes: themes.percent(),
            },
            Input::Dynamics(louder) => Self::Dynamics(louder.get()),
            Input::Seed(seed) => Self::Seed(*seed),
            Input::Events(tokens) => Self::Events(Packed::new(tokens)),
        }
    }

    fn input(self) -> Result<Input, Error> {
        let damaged = |_| Error::DamagedRecipe;
        Ok(match self {
            Self::Controls { density, pitch_classes, composer } => {
                let composer = composer.map(usize::try_from).transpose().map_err(|_| Error::DamagedRecipe)?;
                let controls = Controls { density, pitch_classes, composer };
                controls.check().map_err(damaged)?;
                Input::Controls(controls)
            }
            Self::Sampling { temperature, top_p } => {
                let (only, themes) = (PitchClasses::ALL, ReturnRate::NEVER);
                let sampling = Sampling { temperature, top_p, only, themes };
                Input::Sampling(sampling.check().map_err(damaged)?)
            }
            Self::Drawing { temperature, top_p, only, themes } => {
                let only = PitchClasses::from_bits(only).map_err(damaged)?;
                let themes = ReturnRate::of_percent(themes).map_err(damaged)?;
                Input::Sampling(Sampling { temperature, top_p, only, themes }.check().map_err(damaged)?)
            }
            Self::Dynamics(bins) => Input::Dynamics(VelocityOffset::bins(bins)),
            Self::Seed(seed) => Input::Seed(seed),
            Self::Events(packed) => Input::Events(packed.tokens()?),
        })
    }
}
