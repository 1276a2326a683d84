//! How performances sound, in numbers: what is measured, how far two sets of performances are apart, what
//! was copied, and where the music broke down.
//!
//! An [`Excerpt`] is a stretch of a performance, a [`Profile`] its distributions ([`Feature`] says of what).
//! [`compare`] compares a set of profiles with human ones, and with how much humans differ among themselves.
//! [`collapses`] finds the minutes in which the music breaks down, [`CopySearch`] what was played before,
//! [`recurrence`] the tunes that come back, and [`ReleaseRates`] say how readily notes end.
//!
//! ```
//! use performance::statistics::{Excerpt, Feature, Profile, overlap_area};
//! use performance::{Note, Performance, Pitch, Velocity};
//! let scale = |step: u8| -> Result<Performance, performance::Error> {
//!     let note = |i: u8| -> Result<Note, performance::Error> {
//!         let start_us = u64::from(i) * 200_000;
//!         let (pitch, velocity) = (Pitch::new(60 + i * step)?, Velocity::new(64)?);
//!         Ok(Note { pitch, velocity, start_us, end_us: start_us + 200_000 })
//!     };
//!     Ok(Performance::new((0..12).map(note).collect::<Result<_, _>>()?))
//! };
//! let [chromatic, whole_tone] = [scale(1)?, scale(2)?].map(|scale| Profile::of(&Excerpt::whole(&scale)));
//! let overlap = |feature| overlap_area(chromatic.distribution(feature), whole_tone.distribution(feature));
//! // They move alike, but one uses half of the pitch classes only.
//! assert!((overlap(Feature::InterOnset) - 1.0).abs() < 1e-9);
//! assert!((overlap(Feature::PitchClass) - 0.5).abs() < 1e-9);
//! # Ok::<(), performance::Error>(())
//! ```
//!
//! Sources: Yang and Lerch, *On the evaluation of generative models in music*, Neural Computing and
//! Applications 2018 (overlap area and Kullback-Leibler divergence of musical features, sets of human music
//! as the yardstick of each other); Efron, *Bootstrap Methods*, Annals of Statistics 1979.

mod bootstrap;
mod collapse;
mod comparison;
mod copies;
mod distance;
mod excerpt;
mod feature;
mod profile;
mod release;
mod returns;
mod structure;

pub use bootstrap::{Interval, resample};
pub use collapse::{Collapse, CollapseKind, collapses};
pub use comparison::{Comparison, Distance, compare};
pub use copies::{CopySearch, covered_share, melodic_intervals, strikes};
pub use distance::{SMOOTHING, kl_divergence, overlap_area};
pub use excerpt::Excerpt;
pub use feature::Feature;
pub use profile::Profile;
pub use release::ReleaseRates;
pub use returns::{Return, returns};
pub use structure::{Lag, Line, Recurrence, Repeat, recurrence};
