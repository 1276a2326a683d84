//! The recurrent network of Performance RNN, on any Burn device.

mod config;
mod controls;
mod error;
mod generate;
mod kernels;
mod model;
mod sampling;
pub mod weights;

pub use config::ModelConfig;
pub use controls::{Controls, N_DENSITY_BINS, N_PITCH_CLASSES};
pub use error::Error;
pub use generate::{Generator, Snapshot};
pub use model::{Inputs, Layer, Model, State};
pub use sampling::{Settings, sample};
