//! The recurrent network of Performance RNN: model, controls, sampling, generation and weight files, on any
//! Burn device.
//!
//! ```
//! use burn::tensor::Device;
//! use rand::SeedableRng;
//! use rnn::{Generator, ModelConfig, Settings};
//!
//! # async fn play() -> Result<(), rnn::Error> {
//! // Random weights; `weights::load` brings trained ones.
//! let config = ModelConfig { layers: 1, hidden: 16, ..ModelConfig::default() };
//! let model = config.init(&Device::flex(), &mut rand_chacha::ChaCha8Rng::seed_from_u64(1));
//! let mut generator = Generator::new(model, Settings::default(), 42);
//! let tokens = generator.next_chunk(100).await?; // 100 events; the seed decides which
//! assert_eq!(tokens.len(), 100);
//! # Ok(())
//! # }
//! ```
//!
//! # What this crate does not do
//!
//! It reads no files, opens no device and reads no clock: weights arrive as bytes, the device as `&Device`,
//! chance as a seed. It knows inference only; the loss, the optimizer and augmentation are in `train`. It does
//! not know what a MIDI file is; that is `performance`.

mod config;
mod controls;
mod error;
mod generate;
#[cfg(feature = "gpu")]
pub mod gpu;
mod kernels;
mod model;
mod sampling;
pub mod weights;

pub use config::ModelConfig;
pub use controls::{Controls, N_DENSITY_BINS, N_PITCH_CLASSES};
pub use error::Error;
pub use generate::{Generator, Snapshot};
pub use kernels::Compute;
pub use model::{Inputs, Layer, Model, State};
pub use sampling::{Settings, sample};
