//! From a weight file to the network in int8.

use std::sync::Arc;

use performance::N_TOKENS;

use super::cell::GROUP;
use super::dispatch::Instructions;
use super::matrix::{LANES, Matrix, activation_bits, check};
use super::rounding::{GATES_MAX, MAX, round_rows};
use super::{Layer, Quantized, Weights};
use crate::weights::WeightFile;
use crate::{Error, ModelConfig};

impl Quantized {
    /// The network in a weight file.
    ///
    /// # Errors
    /// If the bytes are no weight file of this program and version, or a tensor does not have the shape that
    /// the configuration asks for, or holds something that is no number.
    pub fn load(bytes: &[u8]) -> Result<Self, Error> {
        let file = WeightFile::read(bytes)?;
        Self::new(file.config(), |name, shape| file.values(name, shape))
    }

    /// The network of the tensors that `find(name, shape)` returns, row by row.
    ///
    /// # Errors
    /// The first error of `find`, or a tensor of another size, or something that is no number.
    pub fn new(
        config: &ModelConfig,
        mut find: impl FnMut(&str, &[usize]) -> Result<Vec<f32>, Error>,
    ) -> Result<Self, Error> {
        config.check()?;
        let mut find = |name: &str, shape: &[usize]| {
            let values = find(name, shape)?;
            if values.len() != shape.iter().product::<usize>() {
                let (expected, found) = (shape.to_vec(), vec![values.len()]);
                return Err(Error::Tensor { name: name.to_owned(), expected, found });
            }
            check(name, &values)?;
            Ok(values)
        };
        let hidden = config.hidden;
        let padded = hidden.next_multiple_of(LANES);
        let one = (1u32 << activation_bits(if config.layers > 1 { 2 * hidden } else { hidden })) as f32;
        let gates = |parts: &[&[f32]]| {
            Matrix::new(parts, 4 * hidden, padded / 4, GATES_MAX, 1.0 / one, |panel| {
                let (group, gate) = (panel / 4, panel % 4);
                (gate * hidden + group * LANES, LANES.min(hidden - group * LANES))
            })
        };
        let mut rows = |name: &str, n_rows: usize| {
            let mut rows = find(name, &[n_rows, 4 * hidden])?;
            round_rows(&mut rows, 4 * hidden);
            Ok::<_, Error>(grouped(&rows, hidden))
        };
        let token = rows("token", N_TOKENS)?;
        let sounding = rows("sounding", config.note_rows())?;
        let controls = rows("controls", config.control_width())?;
        let mut layers = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            let name = |tensor: &str| format!("layers.{layer}.{tensor}");
            let recurrent = find(&name("recurrent"), &[hidden, 4 * hidden])?;
            let gates = if layer == 0 {
                gates(&[&recurrent])
            } else {
                gates(&[&find(&name("input"), &[hidden, 4 * hidden])?, &recurrent])
            };
            layers.push(Layer { gates, bias: grouped(&find(&name("bias"), &[4 * hidden])?, hidden) });
        }
        let head = find("head", &[hidden, N_TOKENS])?;
        let head = Matrix::new(&[&head], N_TOKENS, N_TOKENS.div_ceil(LANES), MAX, 1.0 / one, |panel| {
            (panel * LANES, LANES.min(N_TOKENS - panel * LANES))
        });
        let head_bias = find("head_bias", &[N_TOKENS])?;
        let weights = Weights { padded, one, token, sounding, controls, layers, head, head_bias };
        Ok(Self { config: config.clone(), weights: Arc::new(weights), instructions: Instructions::fastest() })
    }
}

/// Rows of `[gate, unit]` as rows of `[group, gate, 16]`, padded with zeros.
fn grouped(rows: &[f32], hidden: usize) -> Vec<f32> {
    let n_groups = hidden.div_ceil(LANES);
    let mut grouped = vec![0.0; rows.len() / (4 * hidden) * n_groups * GROUP];
    for (row, grouped) in rows.chunks_exact(4 * hidden).zip(grouped.chunks_exact_mut(n_groups * GROUP)) {
        for (gate, row) in row.chunks_exact(hidden).enumerate() {
            for (units, group) in row.chunks(LANES).zip(grouped.chunks_exact_mut(GROUP)) {
                group[gate * LANES..][..units.len()].copy_from_slice(units);
            }
        }
    }
    grouped
}
