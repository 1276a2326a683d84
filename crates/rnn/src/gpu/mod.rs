//! Generation on a GPU with kernels of our own: the sampled event feeds the next step on the device.
//!
//! Five dispatches per event for three layers (one per layer, the head, the sampler) instead of one per
//! tensor operation, and one read-back per chunk of events. The kernels are CubeCL: WGSL in the browser and
//! on Vulkan and Metal, PTX on CUDA. They play what [`Quantized`](crate::Quantized) plays on a CPU.
//!
//! [`Network`] is the weights on a device, [`Takes`] one or many takes that are played from them side by
//! side. Each draws from its seed what the same seed draws alone.
//!
//! ```
//! use cubecl::prelude::Client;
//! use rnn::gpu::{Network, Tuning};
//! use performance::Sampling;
//! use rnn::{Backend, Generate};
//!
//! // `gpu::open` gives the client of the machine's GPU, `gpu::client` that of a device that Burn opened.
//! # async fn play(weights: &[u8], client: Client) -> Result<(), rnn::Error> {
//! let network = Network::load(weights, &client, Tuning::of(&client))?;
//! let mut takes = network.takes(Sampling::default(), &[1, 2, 3])?; // three seeds
//! let events = takes.next_chunk(16).await?; // 16 events of each, one read-back
//! assert_eq!((events.len(), events[0].len()), (3, 16));
//! # Ok(())
//! # }
//! ```

mod cell;
#[cfg(any(feature = "wgpu", feature = "cuda"))]
mod device;
mod graph;
mod launch;
mod layout;
mod linear;
mod math;
mod memory;
mod network;
mod probe;
mod sampler;
mod state;
mod takes;

#[cfg(all(feature = "burn", any(feature = "wgpu", feature = "cuda")))]
pub use device::client;
#[cfg(feature = "wgpu")]
pub use device::open;
pub use layout::CAPACITY;
pub use network::{Network, Tuning};
pub use probe::Probe;
pub use takes::{Snapshot, Takes};
