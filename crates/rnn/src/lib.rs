//! The recurrent network of Performance RNN: conditioning, sampling, generation and weight files. The network
//! itself is here three times: in int8 on CPUs ([`Quantized`]); with the feature `gpu`, the same on GPUs
//! (`gpu`); with the feature `burn`, in 32 bits on any Burn device (`Model`), where it can also be trained.
//!
//! ```
//! use performance::{Recipe, Sampling};
//! use rnn::{Continuation, ModelConfig, Quantized};
//!
//! # async fn play() -> Result<(), rnn::Error> {
//! // A network that knows nothing yet; `Quantized::load` brings trained weights.
//! let config = ModelConfig { layers: 1, hidden: 16, ..ModelConfig::default() };
//! let network = Quantized::new(&config, |_, shape| Ok(vec![0.0; shape.iter().product()]))?;
//! let mut take = Continuation::new(&network, Recipe::new(42, Sampling::default()))?;
//! take.advance(100).await?; // 100 events; the seed decides which
//! assert_eq!(take.tokens().len(), 100);
//! # Ok(())
//! # }
//! ```
//!
//! # What this crate does not do
//!
//! It reads no files and no clock: weights arrive as bytes, randomness as a seed, and the caller opens the
//! device (`gpu::open`). It knows inference only; loss, optimizer and augmentation are in `train`. MIDI files
//! are in `performance`.

mod backend;
mod checkpoints;
mod conditioning;
mod config;
mod continuation;
pub mod copying;
mod error;
mod gates;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "burn")]
mod kernels;
mod memory;
#[cfg(feature = "burn")]
mod model;
mod network;
mod quantized;
mod sampling;
mod takes;
pub mod weights;

pub use backend::{Backend, Generate};
pub use conditioning::{DENSITY_OVERSHOOT, MEAN_DENSITY, N_DENSITY_BINS};
pub use config::ModelConfig;
pub use continuation::Continuation;
pub use error::Error;
#[cfg(all(feature = "remote", not(target_family = "wasm")))]
pub use kernels::remote::server;
#[cfg(feature = "burn")]
pub use kernels::{Compute, lstm};
pub use memory::{Hints, N_MEMORY_ROWS, Reader};
#[cfg(feature = "burn")]
pub use model::{Inputs, Layer, Model, ModelState, State};
pub use network::{Network, StepInput};
pub use quantized::{Quantized, QuantizedState};
pub use sampling::{doublings, pace, sample};
pub use takes::{MAX_TAKES, Snapshot, Takes};

/// Rises whenever a recipe would give other tokens than before with the same weights: after a change of the
/// sampler, its biases, guidance, rounding, or how a primer is read. `tests/recipes.rs` fails when that was forgotten.
pub const REVISION: u32 = 2;
