//! The weights on a device, and how its kernels are divided.

use std::sync::Arc;

use cubecl::prelude::*;

use super::linear::Tiling;
use super::memory::Buffer;
use crate::quantized::packing::{Product, by_unit};
use crate::{Error, ModelConfig, Network as _, Quantized};

/// What kind of device the kernels are tuned for; results are equal up to rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuning {
    /// Thousands of threads: many slices.
    Gpu,
    /// A software adapter on a CPU: long loops, few slices.
    Software,
}

impl Tuning {
    /// The tuning for a device, from the width of its subgroups: CPUs have 4 or 8 lanes. A browser does not
    /// report it; there the adapter's name decides.
    #[must_use]
    pub fn of(client: &Client) -> Self {
        match client.properties().hardware.plane_size_max {
            1..=8 => Self::Software,
            _ => Self::Gpu,
        }
    }
}

/// The network's weights on a device. Clones share them.
///
/// They are those of [`Quantized`], and play the same music.
#[derive(Clone)]
pub struct Network {
    pub(super) quantized: Quantized,
    pub(super) client: Client,
    pub(super) tuning: Tuning,
    /// What turns the sums of the first layer's gates into numbers, `[units, 4]`.
    first_scales: Arc<[f32]>,
    /// Rows of events, then of sounding pitches, `[413 + 128, units, 4]`.
    pub(super) table: Buffer,
    pub(super) layers: Vec<Layer>,
    pub(super) head: Layer,
}

/// A matrix for the kernels' products, and for each unit of it four scales and four biases; those of the
/// first layer come with the controls.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) weights: Buffer,
    pub(super) bias: Buffer,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Network")
            .field("config", self.config())
            .field("tuning", &self.tuning)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// The network in a weight file, on the device of `client`.
    ///
    /// # Errors
    /// If the bytes are no weight file of this program and version, or a tensor does not have the shape that
    /// the configuration asks for, or holds something that is no number; or if the network remembers what was
    /// played before, which only CPUs play so far.
    pub fn load(bytes: &[u8], client: &Client, tuning: Tuning) -> Result<Self, Error> {
        let quantized = Quantized::load(bytes)?;
        if quantized.config().memory {
            let (expected, found) = ("without memory on a GPU".to_owned(), "one that remembers".to_owned());
            return Err(Error::Setting { name: "a network", expected, found });
        }
        Ok(Self::new(quantized, client, tuning))
    }

    /// The network on the device of `client`.
    #[must_use]
    pub fn new(quantized: Quantized, client: &Client, tuning: Tuning) -> Self {
        let layer = |product: &Product| Layer {
            bias: Buffer::of_floats(client, &affine(&product.scales, &product.bias)),
            weights: Buffer::new(client, product.weights.clone()),
        };
        let products: Vec<Product> = quantized.layers().collect();
        Self {
            client: client.clone(),
            tuning,
            first_scales: products.first().map(|first| first.scales.clone()).unwrap_or_default().into(),
            table: Buffer::of_floats(client, &quantized.rows()),
            layers: products.iter().map(layer).collect(),
            head: layer(&quantized.head()),
            quantized,
        }
    }

    /// The sizes it was built with.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        self.quantized.config()
    }

    /// Bytes of weights that every event reads: with the device's bandwidth, the limit of its speed.
    #[must_use]
    pub fn bytes_per_event(&self) -> usize {
        let matrices = self.layers.iter().chain([&self.head]);
        4 * matrices.map(|layer| layer.weights.words()).sum::<usize>()
    }

    /// The first layer's scales, and what bias and either of two controls inputs add to its gates,
    /// `[3, units, 4]`.
    pub(super) fn project(&self, asked: &[f32], unconditional: &[f32]) -> Vec<f32> {
        let added = [asked, unconditional].map(|controls| by_unit(&self.quantized.controls(controls)));
        [&self.first_scales, &added[0][..], &added[1]].concat()
    }

    /// How a product is cut for `streams` streams.
    pub(super) fn cut(&self, streams: usize) -> Cut {
        let lanes = streams.next_power_of_two().min(4);
        let vectors = if streams > 4 { 2 } else { 1 };
        let tiles = streams.div_ceil(lanes * vectors);
        // The same parts for any number of streams, so that a take beside others is rounded as it is alone.
        let (width, slices) = match self.tuning {
            Tuning::Software => (16, 1),
            Tuning::Gpu => (16, 16),
        };
        Cut { lanes, tiles, tiling: Tiling { width, slices, vectors } }
    }
}

/// Scales and biases, four by four in turns.
fn affine(scales: &[f32], bias: &[f32]) -> Vec<f32> {
    let units = scales.as_chunks::<4>().0.iter().zip(bias.as_chunks::<4>().0);
    units.flat_map(|(scales, bias)| [scales, bias]).flatten().copied().collect()
}

/// See [`Network::cut`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    /// Streams of a vector.
    pub(super) lanes: usize,
    /// Tiles of streams.
    pub(super) tiles: usize,
    pub(super) tiling: Tiling,
}

impl Cut {
    /// Streams, padding included.
    pub(super) fn padded_streams(&self) -> usize {
        self.tiles * self.tiling.vectors * self.lanes
    }

    pub(super) fn cubes(&self, columns: usize) -> CubeCount {
        CubeCount::Static(columns.div_ceil(self.tiling.width) as u32, self.tiles as u32, 1)
    }

    pub(super) fn cube(&self) -> CubeDim {
        CubeDim::new_2d(self.tiling.width as u32, self.tiling.slices as u32)
    }
}
