//! The network in int8 for CPUs: in the page where no GPU plays, and natively.
//!
//! A step of the network reads every weight once, and takes as long as reading them. Weights are int8 with a
//! scale for each output, a quarter of the traffic of 32 bits. Hidden states are in up to 15 bits. Their
//! products are summed in 32-bit integers, whose sum does not depend on the order. So every instruction set
//! plays the same music from a seed, as does one take alone or among others. The last event and the sounding
//! notes select rows of the first matrix, which have 8 bits, too, and are added as `f32`; the share of the
//! controls changes with the controls only.
//!
//! What rounding costs is in docs/performance.md (`performance-rnn evaluate --quantized`).

mod cell;
mod dispatch;
mod dots;
mod load;
mod matrix;
#[cfg(feature = "gpu")]
pub(crate) mod packing;
pub(crate) mod rounding;
#[cfg(test)]
mod tests;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod wasm;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::Arc;

use performance::N_TOKENS;

use crate::{Error, MAX_TAKES, ModelConfig, Network, StepInput};
use cell::{GROUP, Gates};
use dispatch::Instructions;
use dots::{DotKernel, WithSimd};
use matrix::{Block, LANES, Matrix};

/// A network with int8 matrices; cheap to clone.
///
/// ```
/// use performance::{Recipe, Sampling};
/// use rnn::{Continuation, Quantized};
///
/// # fn play(weight_file: &[u8]) -> Result<(), rnn::Error> {
/// let network = Quantized::load(weight_file)?;
/// let take = Continuation::new(&network, Recipe::new(42, Sampling::default()))?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Quantized {
    config: ModelConfig,
    weights: Arc<Weights>,
    instructions: Instructions,
}

/// Units are in groups of 16, the last one padded with zeros. The gates of a group lie together: a width of 4
/// · `padded` means `[group, gate, 16]`.
#[derive(Debug)]
struct Weights {
    /// Hidden units, padded to whole groups.
    padded: usize,
    /// The integer that stands for 1 in a hidden state.
    one: f32,
    /// `[413, 4 * padded]`.
    token: Vec<f32>,
    /// `[note_rows, 4 * padded]`.
    sounding: Vec<f32>,
    /// `[control_width, 4 * padded]`.
    controls: Vec<f32>,
    layers: Vec<Layer>,
    /// `[padded, 413]`.
    head: Matrix,
    /// `[413]`.
    head_bias: Vec<f32>,
}

#[derive(Debug)]
struct Layer {
    /// `[2 * padded, 4 * padded]`, depths from below before those from the last step; `[padded, 4 * padded]`
    /// in the first layer, which has nothing below.
    gates: Matrix,
    /// `[4 * padded]`.
    bias: Vec<f32>,
}

/// The quantized network's state.
#[derive(Clone, Debug)]
pub struct QuantizedState {
    n_takes: usize,
    layers: Vec<LayerState>,
}

#[derive(Clone, Debug)]
struct LayerState {
    /// `[takes, depth]`: the layer below now, where there is one, and this layer at the last step.
    inputs: Vec<i16>,
    /// `[takes, padded]`.
    cells: Vec<f32>,
}

impl Network for Quantized {
    /// The share of controls and bias in the first layer's gates, `[4 * padded]`.
    type Controls = Arc<[f32]>;
    type State = QuantizedState;

    fn config(&self) -> &ModelConfig {
        &self.config
    }

    fn controls(&self, encoded: &[f32]) -> Self::Controls {
        let weights = &*self.weights;
        let mut base = weights.layers.first().map(|first| first.bias.clone()).unwrap_or_default();
        for (row, &x) in weights.controls.chunks_exact(4 * weights.padded).zip(encoded) {
            if x != 0.0 {
                base.iter_mut().zip(row).for_each(|(base, w)| *base += x * w);
            }
        }
        base.into()
    }

    fn state(&self, n_takes: usize) -> QuantizedState {
        let layer = |layer: &Layer| LayerState {
            inputs: vec![0; n_takes * layer.gates.depth()],
            cells: vec![0.0; n_takes * self.weights.padded],
        };
        QuantizedState { n_takes, layers: self.weights.layers.iter().map(layer).collect() }
    }

    fn step(
        &self,
        state: &mut QuantizedState,
        controls: &Self::Controls,
        heard: &[StepInput],
    ) -> Result<(), Error> {
        self.compute_step(state, controls, heard);
        Ok(())
    }

    async fn logits(&self, state: &QuantizedState) -> Result<Vec<f32>, Error> {
        let mut logits = vec![0.0; state.n_takes * N_TOKENS];
        self.compute_logits(state, &mut logits);
        Ok(logits)
    }
}

/// What takes the time is compiled here, with this crate's optimization. An `async` function is compiled where it is
/// awaited, and the page is compiled for size: eight takes at once were half as fast.
impl Quantized {
    #[inline(never)]
    fn compute_step(&self, state: &mut QuantizedState, controls: &[f32], heard: &[StepInput]) {
        self.instructions.run(Step { weights: &self.weights, state, controls, heard });
    }

    #[inline(never)]
    fn compute_logits(&self, state: &QuantizedState, logits: &mut [f32]) {
        self.instructions.run(Logits { weights: &self.weights, state, logits });
    }
}

struct Step<'a> {
    weights: &'a Weights,
    state: &'a mut QuantizedState,
    controls: &'a [f32],
    heard: &'a [StepInput],
}

impl WithSimd for Step<'_> {
    #[inline(always)]
    fn run<D: DotKernel>(self) {
        let Self { weights, state, controls, heard } = self;
        let padded = weights.padded;
        let mut base = vec![0.0; state.n_takes * controls.len()];
        let mut hidden = vec![0; state.n_takes * padded];
        let mut sums = [[0; GROUP]; MAX_TAKES];
        for now in heard.chunks_exact(state.n_takes) {
            for (base, heard) in base.chunks_exact_mut(controls.len()).zip(now) {
                weights.first_gates(controls, *heard, base);
            }
            for index in 0..state.layers.len() {
                let layer = &weights.layers[index];
                let base = if index == 0 { &base } else { &layer.bias };
                weights.step::<D>(layer, base, &mut state.layers[index], &mut sums, &mut hidden);
                let depth = layer.gates.depth();
                let own = state.layers[index].inputs.chunks_exact_mut(depth);
                own.zip(hidden.chunks_exact(padded)).for_each(|(row, hidden)| {
                    row[depth - padded..].copy_from_slice(hidden);
                });
                if let Some(above) = state.layers.get_mut(index + 1) {
                    let above = above.inputs.chunks_exact_mut(2 * padded);
                    above.zip(hidden.chunks_exact(padded)).for_each(|(row, hidden)| {
                        row[..padded].copy_from_slice(hidden);
                    });
                }
            }
        }
    }
}

impl Weights {
    /// What goes into the first layer's gates beside its own last step.
    #[inline(always)]
    fn first_gates(&self, controls: &[f32], heard: StepInput, base: &mut [f32]) {
        let width = base.len();
        let token = &self.token[heard.token.index() * width..][..width];
        for ((base, controls), token) in base.iter_mut().zip(controls).zip(token) {
            *base = controls + token;
        }
        for row in heard.rows() {
            let note = &self.sounding[row * width..][..width];
            for (base, note) in base.iter_mut().zip(note) {
                *base += note;
            }
        }
    }

    /// One step of a layer, of all takes.
    ///
    /// # Shapes
    /// `base`: `[takes, 4 * padded]`, or `[4 * padded]` for all of them; `hidden`: `[takes, padded]`.
    #[inline(always)]
    fn step<D: DotKernel>(
        &self,
        layer: &Layer,
        base: &[f32],
        state: &mut LayerState,
        sums: &mut [[i32; GROUP]; MAX_TAKES],
        hidden: &mut [i16],
    ) {
        let (base, _) = base.as_chunks::<GROUP>();
        let (cells, _) = state.cells.as_chunks_mut::<LANES>();
        let (hidden, _) = hidden.as_chunks_mut::<LANES>();
        let n_groups = self.padded / LANES;
        let n_takes = hidden.len() / n_groups;
        let stride = if base.len() == n_groups { 0 } else { n_groups };
        for group in 0..n_groups {
            for gate in 0..4 {
                let panel = layer.gates.panel(4 * group + gate);
                products::<D, GROUP>(panel, &state.inputs, gate, &mut sums[..n_takes]);
            }
            let scales = layer.gates.scales_of_group(group);
            for (take, sums) in sums[..n_takes].iter().enumerate() {
                let gates = Gates { sums, scales, base: &base[take * stride + group] };
                let at = take * n_groups + group;
                cell::step(&gates, &mut cells[at], &mut hidden[at], self.one);
            }
        }
    }
}

struct Logits<'a> {
    weights: &'a Weights,
    state: &'a QuantizedState,
    /// `[takes, 413]`.
    logits: &'a mut [f32],
}

impl WithSimd for Logits<'_> {
    #[inline(always)]
    fn run<D: DotKernel>(self) {
        let Self { weights, state, logits } = self;
        let (Some(top), Some(layer)) = (state.layers.last(), weights.layers.last()) else { return };
        let (depth, padded) = (layer.gates.depth(), weights.padded);
        let mut hidden = Vec::with_capacity(state.n_takes * padded);
        top.inputs.chunks_exact(depth).for_each(|row| hidden.extend_from_slice(&row[depth - padded..]));
        let mut sums = [[0; LANES]; MAX_TAKES];
        for p in 0..weights.head.n_panels() {
            products::<D, LANES>(weights.head.panel(p), &hidden, 0, &mut sums[..state.n_takes]);
            let first = p * LANES;
            let bias = &weights.head_bias[first..N_TOKENS.min(first + LANES)];
            for (sums, logits) in sums.iter().zip(logits.chunks_exact_mut(N_TOKENS)) {
                let parts = sums.iter().zip(weights.head.scales(p)).zip(bias);
                for (logit, ((&sum, scale), bias)) in logits[first..].iter_mut().zip(parts) {
                    *logit = sum as f32 * scale + bias;
                }
            }
        }
    }
}

/// The products of a panel with the inputs of all takes, in the `slot`th 16 of each take's sums.
#[inline(always)]
fn products<D: DotKernel, const N: usize>(
    panel: &[Block],
    inputs: &[i16],
    slot: usize,
    sums: &mut [[i32; N]],
) {
    let mut rows = inputs.chunks_exact(4 * panel.len().max(1));
    let mut sums = sums.iter_mut();
    while let n @ 1.. = sums.len().min(D::AT_ONCE) {
        match n {
            8.. => tile::<D, 8, N>(panel, &mut rows, slot, &mut sums),
            4.. => tile::<D, 4, N>(panel, &mut rows, slot, &mut sums),
            2.. => tile::<D, 2, N>(panel, &mut rows, slot, &mut sums),
            _ => tile::<D, 1, N>(panel, &mut rows, slot, &mut sums),
        }
    }
}

/// The same with `R` takes at once.
#[inline(always)]
fn tile<'a, D: DotKernel, const R: usize, const N: usize>(
    panel: &[Block],
    rows: &mut impl Iterator<Item = &'a [i16]>,
    slot: usize,
    sums: &mut std::slice::IterMut<'_, [i32; N]>,
) {
    let rows = std::array::from_fn::<_, R, _>(|_| rows.next().unwrap_or_default());
    for (products, sums) in D::dots(panel, rows).iter().zip(sums) {
        sums[slot * LANES..(slot + 1) * LANES].copy_from_slice(products);
    }
}
