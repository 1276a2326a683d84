//! The weights on a device, and how its kernels are cut.

use std::sync::Arc;

use cubecl::prelude::*;
use performance::{N_PITCHES, N_TOKENS};

use super::kernels::{SCORE_COLUMNS, Tiling};
use super::memory::Buffer;
use super::pack;
use crate::{Error, ModelConfig, weights};

/// What kind of machine the kernels are cut for; the results are the same but for rounding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuning {
    /// Thousands of threads: rows are dealt out widely.
    Gpu,
    /// A software adapter on a CPU: long loops, no waiting for each other.
    Software,
}

impl Tuning {
    /// What suits the device, judged by the width of its subgroups: CPUs have 4 or 8 lanes. A browser does
    /// not tell; there the adapter's name has to decide.
    #[must_use]
    pub fn of(client: &Client) -> Self {
        match client.properties().hardware.plane_size_max {
            1..=8 => Self::Software,
            _ => Self::Gpu,
        }
    }
}

/// The network's weights on a device, packed for the kernels. Clones share them.
///
/// Weights that are halves (released files) stay halves, on every adapter: the kernels unpack them without
/// 16-bit arithmetic and add up in 32 bits. Others are kept in full.
#[derive(Clone)]
pub struct Network {
    pub(super) config: ModelConfig,
    pub(super) client: Client,
    pub(super) tuning: Tuning,
    pub(super) half: bool,
    /// Rows of the controls, `[control_width, units, 4]`, and the first layer's bias, `[units, 4]`.
    controls: Arc<(Vec<f32>, Vec<f32>)>,
    /// Rows of events, then of sounding pitches, `[413 + 128, units, 4]`.
    pub(super) table: Buffer,
    pub(super) layers: Vec<Layer>,
    pub(super) head: Layer,
}

/// A matrix for the kernels' products and its bias; the first layer's bias comes with the controls.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) weights: Buffer,
    pub(super) bias: Buffer,
}

impl std::fmt::Debug for Network {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { config, tuning, half, .. } = self;
        f.debug_struct("Network")
            .field("config", config)
            .field("tuning", tuning)
            .field("half", half)
            .finish_non_exhaustive()
    }
}

impl Network {
    /// The network in a weight file, on the device of `client`.
    ///
    /// # Errors
    /// If the bytes are no weight file of this program and version, or a tensor does not have the shape that
    /// the configuration asks for.
    pub fn load(bytes: &[u8], client: &Client, tuning: Tuning) -> Result<Self, Error> {
        let (config, _) = weights::read_metadata(bytes)?;
        Self::new(config, client, tuning, |name| weights::load_tensor(bytes, name))
    }

    /// The network of tensors by name, as in a weight file.
    ///
    /// # Errors
    /// The first error of `find`, or a tensor of another shape than the configuration asks for.
    pub fn new(
        config: ModelConfig,
        client: &Client,
        tuning: Tuning,
        mut find: impl FnMut(&str) -> Result<weights::NamedTensor, Error>,
    ) -> Result<Self, Error> {
        let (units, gates) = (config.hidden, 4 * config.hidden);
        let groups = SCORE_COLUMNS / 4;
        let mut tensor = |name: &str, expected: &[usize]| -> Result<Vec<f32>, Error> {
            let found = find(name)?;
            match found.shape == expected {
                true => Ok(found.values),
                false => Err(Error::Tensor {
                    name: name.to_owned(),
                    expected: expected.to_vec(),
                    found: found.shape,
                }),
            }
        };
        let mut rows = tensor("token", &[N_TOKENS, gates])?;
        rows.extend(tensor("sounding", &[N_PITCHES, gates])?);
        let controls = tensor("controls", &[config.control_width(), gates])?;
        let mut matrices = Vec::with_capacity(config.layers);
        let mut biases = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            // Each half is padded to an even number of rows of its own.
            let mut parts = Vec::with_capacity(2);
            if layer > 0 {
                parts.push(tensor(&format!("layers.{layer}.input"), &[units, gates])?);
            }
            parts.push(tensor(&format!("layers.{layer}.recurrent"), &[units, gates])?);
            matrices.push(parts);
            biases.push(pack::by_unit(&tensor(&format!("layers.{layer}.bias"), &[gates])?, units));
        }
        let head = tensor("head", &[units, N_TOKENS])?;
        let head_bias = tensor("head_bias", &[N_TOKENS])?;

        let half = matrices.iter().flatten().chain([&rows, &head]).all(|values| pack::fits_half(values));
        let layers = matrices
            .iter()
            .zip(&biases)
            .map(|(parts, bias)| {
                let packed =
                    parts.iter().flat_map(|part| pack::product(&pack::by_unit(part, units), units, half));
                Layer {
                    weights: Buffer::new(client, packed.collect()),
                    bias: Buffer::of_floats(client, bias),
                }
            })
            .collect();
        Ok(Self {
            client: client.clone(),
            tuning,
            half,
            controls: Arc::new((pack::by_unit(&controls, units), biases.swap_remove(0))),
            table: Buffer::new(client, pack::table(&pack::by_unit(&rows, units), half)),
            layers,
            head: Layer {
                weights: Buffer::new(
                    client,
                    pack::product(&pack::by_group(&head, N_TOKENS, groups), groups, half),
                ),
                bias: Buffer::of_floats(client, &pack::by_group(&head_bias, N_TOKENS, groups)),
            },
            config,
        })
    }

    /// The sizes it was built with.
    #[must_use]
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Bytes of weights that every event reads: with the device's bandwidth, the limit of its speed.
    #[must_use]
    pub fn bytes_per_event(&self) -> usize {
        let matrices = self.layers.iter().chain([&self.head]);
        4 * matrices.map(|layer| layer.weights.words()).sum::<usize>()
    }

    /// The controls' share of the first layer's gates, bias included, `[units, 4]`.
    pub(super) fn project(&self, controls: &[f32]) -> Vec<f32> {
        let (rows, bias) = &*self.controls;
        let mut projected = bias.clone();
        for (x, row) in controls.iter().zip(rows.chunks_exact(bias.len())) {
            for (sum, weight) in projected.iter_mut().zip(row) {
                *sum += x * weight;
            }
        }
        projected
    }

    /// How a product of `columns` units or groups is cut for `streams` streams, and how many vectors of how
    /// many streams a row of activity then has.
    pub(super) fn cut(&self, streams: usize) -> Cut {
        let lanes = streams.next_power_of_two().min(4);
        let vectors = if streams > 4 { 2 } else { 1 };
        let tiles = streams.div_ceil(lanes * vectors);
        // The same parts for any number of streams, so that a take beside others is rounded as it is alone.
        let (width, slices) = match self.tuning {
            Tuning::Software => (16, 1),
            Tuning::Gpu => (16, 16),
        };
        Cut { lanes, tiles, tiling: Tiling { width, slices, vectors, half: self.half } }
    }
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
    pub(super) fn vectors_per_row(&self) -> usize {
        self.tiles * self.tiling.vectors
    }

    /// Streams, with those that nobody asked for.
    pub(super) fn padded_streams(&self) -> usize {
        self.vectors_per_row() * self.lanes
    }

    pub(super) fn cubes(&self, columns: usize) -> CubeCount {
        CubeCount::Static(columns.div_ceil(self.tiling.width) as u32, self.tiles as u32, 1)
    }

    pub(super) fn cube(&self) -> CubeDim {
        CubeDim::new_2d(self.tiling.width as u32, self.tiling.slices as u32)
    }
}
