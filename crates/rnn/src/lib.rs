//! The recurrent network of Performance RNN: controls, sampling, generation and weight files, and the network
//! itself twice: in whole numbers for processors ([`Quantized`]), and, with the feature `burn`, in 32 bits on any Burn
//! device (`Model`), where it can also be trained.
//!
//! ```
//! use rnn::{Generator, ModelConfig, Quantized, Settings};
//!
//! # async fn play() -> Result<(), rnn::Error> {
//! // A network that knows nothing yet; `Quantized::load` brings trained weights.
//! let config = ModelConfig { layers: 1, hidden: 16, ..ModelConfig::default() };
//! let network = Quantized::new(&config, |_, shape| Ok(vec![0.0; shape.iter().product()]))?;
//! let mut generator = Generator::new(&network, Settings::default(), 42);
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

mod backend;
mod config;
mod controls;
mod error;
mod generate;
#[cfg(feature = "gpu")]
pub mod gpu;
#[cfg(feature = "burn")]
mod kernels;
mod math;
#[cfg(feature = "burn")]
mod model;
mod network;
mod quantized;
mod sampling;
mod takes;
mod velocity_offset;
pub mod weights;

pub use backend::{Backend, Generate};
pub use config::ModelConfig;
pub use controls::{Controls, N_DENSITY_BINS, N_PITCH_CLASSES};
pub use error::Error;
pub use generate::Generator;
#[cfg(feature = "burn")]
pub use kernels::Compute;
#[cfg(all(feature = "remote", not(target_family = "wasm")))]
pub use kernels::remote::server;
#[cfg(feature = "burn")]
pub use model::{Inputs, Layer, Model, ModelState, State};
pub use network::{Network, StepInput};
pub use quantized::{Quantized, QuantizedState};
pub use sampling::{Settings, sample};
pub use takes::{MAX_TAKES, Snapshot, Takes};
pub use velocity_offset::VelocityOffset;
