//! The network: what it computes, and nothing about how it learns.
//!
//! Source: Oore et al., arXiv 1808.03715 (three LSTM layers of 512 units over 413 events); the
//! sounding-notes input is robz's *note-on conditioning*.

mod layer_input;
mod network;

use burn::module::{Module, Param};
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use performance::{N_PITCHES, N_TOKENS};
use rand::{Rng, RngExt};

use crate::kernels::{self, Compute, Projections};
use crate::weights::{Handle, NamedTensor};
use crate::{Error, ModelConfig};

use layer_input::{LayerInput, StepInput};
pub use network::ModelState;

/// Rows of the event matrix that feed a unit at once, for the scale of fresh parameters.
const ACTIVE_TOKENS: f32 = 1.0;
/// The same for sounding notes and controls.
const ACTIVE_NOTES: f32 = 10.0;
/// Fresh recurrent matrices are this much quieter (in variance) than the others, for stability over time.
const RECURRENT_SHRINK: f32 = 3.0;

/// The network's parameters.
///
/// One-hot × matrix is a row gather, so the three parts of the input matrix
/// (`one-hot(413) ++ sounding(128) ++ controls`, rows in this order) are kept apart. What was played before
/// has rows after those for sounding pitches: each hint counts like a sounding pitch.
#[derive(Module, Debug)]
pub struct Model {
    /// The sizes it was built with.
    #[module(skip)]
    pub config: ModelConfig,
    /// Precision of a crop's matrix products; single steps are always in 32 bits.
    #[module(skip)]
    pub compute: Compute,
    /// Dropout: share of hidden units that are zeroed at random between layers, while gradients are recorded;
    /// 0 otherwise. Recurrent connections are never cut (Zaremba et al., arXiv 1409.2329).
    #[module(skip)]
    pub dropout: f64,
    /// Whether a crop's backward pass runs each layer forward once more instead of keeping every step's
    /// gates. Less memory, more work, the same gradients.
    #[module(skip)]
    pub recompute: bool,
    /// Rows of the first layer's input matrix for the last event, `[413, 4 * hidden]`.
    pub token: Param<Tensor<2>>,
    /// Rows for the sounding pitches and, where it remembers, what was played before, `[note_rows, 4 * hidden]`.
    pub sounding: Param<Tensor<2>>,
    /// Rows for the controls, `[control_width, 4 * hidden]`.
    pub controls: Param<Tensor<2>>,
    /// The stacked layers, the first without an input matrix of its own.
    pub layers: Vec<Layer>,
    /// Hidden units to event logits, `[hidden, 413]`.
    pub head: Param<Tensor<2>>,
    /// Logits of the events before anything is known, `[413]`.
    pub head_bias: Param<Tensor<1>>,
}

/// One LSTM layer with fused gates, in the order input, forget, cell, output.
#[derive(Module, Debug)]
pub struct Layer {
    /// From the layer below, `[hidden, 4 * hidden]`; none in the first layer.
    pub input: Option<Param<Tensor<2>>>,
    /// From this layer's last step, `[hidden, 4 * hidden]`.
    pub recurrent: Param<Tensor<2>>,
    /// `[4 * hidden]`.
    pub bias: Param<Tensor<1>>,
}

/// What the network sees at each step of a crop.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// Last events, `[time, batch]`.
    pub tokens: Tensor<2, Int>,
    /// Pitches down after that event and what was played before, 0 or 1, `[time, batch, note_rows]`.
    pub sounding: Tensor<3>,
    /// Controls, `[time, batch, control_width]`.
    pub controls: Tensor<3>,
}

/// Hidden and cell state of every layer, each `[batch, hidden]`.
#[derive(Clone, Debug)]
pub struct State {
    layers: Vec<(Tensor<2>, Tensor<2>)>,
}

impl State {
    /// The initial state.
    #[must_use]
    pub fn zeros(config: &ModelConfig, batch: usize, device: &Device) -> Self {
        let zeros = || Tensor::zeros([batch, config.hidden], device);
        Self { layers: (0..config.layers).map(|_| (zeros(), zeros())).collect() }
    }

    /// The state's tensors by name, for a checkpoint.
    #[must_use]
    pub fn handles(&self) -> Vec<Handle> {
        let named = |kind: &str, layer: usize, tensor: &Tensor<2>| Handle {
            name: format!("state.{layer}.{kind}"),
            shape: tensor.dims().to_vec(),
            values: tensor.clone().flatten(0, 1),
        };
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(layer, (h, c))| [named("hidden", layer, h), named("cell", layer, c)]).collect()
    }

    /// The state's numbers by name, for a checkpoint.
    #[must_use]
    pub fn tensors(&self) -> Vec<NamedTensor> {
        let named = |kind: &str, layer: usize, tensor: &Tensor<2>| NamedTensor {
            name: format!("state.{layer}.{kind}"),
            shape: tensor.dims().to_vec(),
            values: tensor.to_data().iter::<f32>().collect(),
        };
        let layers = self.layers.iter().enumerate();
        layers.flat_map(|(layer, (h, c))| [named("hidden", layer, h), named("cell", layer, c)]).collect()
    }

    /// The state from what [`Self::tensors`] gave; `find` returns the numbers of a name.
    ///
    /// # Errors
    /// The first error of `find`, or a tensor of another size.
    pub fn restore<E: From<Error>>(
        config: &ModelConfig,
        batch: usize,
        device: &Device,
        mut find: impl FnMut(&str) -> Result<Vec<f32>, E>,
    ) -> Result<Self, E> {
        let shape = [batch, config.hidden];
        let mut tensor = |name: String| -> Result<Tensor<2>, E> {
            let values: Vec<f32> = find(&name)?;
            if values.len() != batch * config.hidden {
                let (expected, found) = (shape.to_vec(), vec![values.len()]);
                return Err(Error::Tensor { name, expected, found }.into());
            }
            Ok(Tensor::from_data(TensorData::new(values, shape), device))
        };
        let mut layers = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            layers.push((tensor(format!("state.{layer}.hidden"))?, tensor(format!("state.{layer}.cell"))?));
        }
        Ok(Self { layers })
    }

    /// The state with the given batch rows set back to zero.
    ///
    /// # Shapes
    /// `keep`: `[batch, 1]`, 1 to keep a row and 0 to clear it.
    #[must_use]
    pub fn keeping(self, keep: &Tensor<2>) -> Self {
        let layers = self.layers.into_iter().map(|(h, c)| (h * keep.clone(), c * keep.clone())).collect();
        Self { layers }
    }

    /// The state of these batch rows alone, in this order.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn rows(self, rows: &[usize]) -> Self {
        let select = |tensor: Tensor<2>| {
            let rows: Vec<i32> = rows.iter().map(|&row| row as i32).collect();
            let rows = Tensor::<1, Int>::from_data(TensorData::from(rows.as_slice()), &tensor.device());
            tensor.select(0, rows)
        };
        Self { layers: self.layers.into_iter().map(|(h, c)| (select(h), select(c))).collect() }
    }
}

impl ModelConfig {
    /// A model with fresh parameters.
    ///
    /// Uniform, each matrix scaled so that its outputs have about the same spread: one row at a time for
    /// events, a handful for sounding notes and controls, all rows for hidden units (LeCun et al., *Efficient
    /// BackProp*). Forget gates start open (bias 1), which Jozefowicz et al. (ICML 2015) found to matter more
    /// than any change of the cell.
    pub fn init(&self, device: &Device, rng: &mut impl Rng) -> Model {
        let hidden = self.hidden;
        let mut matrix = |rows: usize, columns: usize, active_rows: f32| {
            let bound = (3.0 / active_rows).sqrt();
            let values = (0..rows * columns).map(|_| rng.random_range(-bound..bound)).collect::<Vec<f32>>();
            Param::from_tensor(Tensor::from_data(TensorData::new(values, [rows, columns]), device))
        };
        let units = hidden as f32;
        let gates = 4 * hidden;
        Model {
            config: self.clone(),
            compute: Compute::default(),
            dropout: 0.0,
            recompute: false,
            token: matrix(N_TOKENS, gates, ACTIVE_TOKENS),
            sounding: remembering(matrix(N_PITCHES, gates, ACTIVE_NOTES), self.note_rows() - N_PITCHES),
            controls: matrix(self.control_width(), gates, ACTIVE_NOTES),
            layers: (0..self.layers)
                .map(|layer| {
                    let mut bias = vec![0.0f32; gates];
                    bias[hidden..2 * hidden].fill(1.0);
                    Layer {
                        input: (layer > 0).then(|| matrix(hidden, gates, units)),
                        recurrent: matrix(hidden, gates, RECURRENT_SHRINK * units),
                        bias: Param::from_tensor(Tensor::from_data(TensorData::new(bias, [gates]), device)),
                    }
                })
                .collect(),
            head: matrix(hidden, N_TOKENS, units),
            head_bias: Param::from_tensor(Tensor::zeros([N_TOKENS], device)),
        }
    }
}

/// Rows for sounding pitches, with so many further rows of zeros.
fn remembering(rows: Param<Tensor<2>>, n_more: usize) -> Param<Tensor<2>> {
    if n_more == 0 {
        return rows;
    }
    rows.map(|old| {
        let more = Tensor::zeros([n_more, old.dims()[1]], &old.device());
        let is_learned = old.is_require_grad();
        // Fresh rows are no function of the old ones, but parameters like them.
        Tensor::cat(vec![old, more], 0).detach().set_require_grad(is_learned)
    })
}

impl Model {
    /// The same network, which remembers: what was played before gets rows of zeros if it has none, so that it
    /// plays as before until it has learned more.
    #[must_use]
    pub fn remembering(self) -> Self {
        if self.config.memory {
            return self;
        }
        let config = ModelConfig { memory: true, ..self.config };
        Self { sounding: remembering(self.sounding, config.note_rows() - N_PITCHES), config, ..self }
    }

    /// Logits of the next event after each step of a crop, and the state after the last.
    ///
    /// Fused where the device has the kernel, else step by step; both agree to rounding.
    ///
    /// # Shapes
    /// Logits: `[time, batch, 413]`, before softmax.
    #[must_use]
    pub fn forward(&self, inputs: Inputs, state: State) -> (Tensor<3>, State) {
        let [time, batch] = inputs.tokens.dims();
        if time == 1 {
            return self.forward_stepwise(inputs, state);
        }
        let shape = [time, batch, 4 * self.head.dims()[0]];
        let mut states = Vec::with_capacity(self.layers.len());
        let mut hidden: Option<Tensor<3>> = None;
        for (layer, (h, c)) in self.layers.iter().zip(state.layers.iter().cloned()) {
            let below = match (&layer.input, hidden.take()) {
                (Some(weights), Some(below)) => LayerInput::Layer {
                    hidden: below.reshape([(time * batch) as i32, -1]), // [time * batch, hidden]
                    weights: weights.val(),
                    bias: layer.bias.val(),
                },
                _ => self.below_first(&inputs, layer),
            };
            let again = self.recompute.then(|| {
                let (below, compute) = (below.detached(), self.compute);
                Projections::new(move || below.clone().project(compute).reshape(shape))
            });
            let xp = below.project(self.compute).reshape(shape); // [time, batch, 4 * hidden]
            let sequence = kernels::recurrence(&xp, &layer.recurrent.val(), &h, &c, self.compute, again);
            let Some(sequence) = sequence else { return self.forward_stepwise(inputs, state) };
            states.push((sequence.last_hidden, sequence.last_cell));
            hidden = Some(self.dropout(sequence.hidden));
        }
        let Some(hidden) = hidden else { return self.forward_stepwise(inputs, state) };
        let flat = hidden.reshape([(time * batch) as i32, -1]); // [time * batch, hidden]
        let logits = kernels::matmul(flat, self.head.val(), self.compute) + self.head_bias.val().unsqueeze();
        (logits.reshape([time, batch, N_TOKENS]), State { layers: states })
    }

    /// The same, one step at a time in plain tensor operations: for devices without the kernels, and the
    /// reference that these are checked against.
    #[must_use]
    pub fn forward_stepwise(&self, inputs: Inputs, mut state: State) -> (Tensor<3>, State) {
        let [time, _] = inputs.tokens.dims();
        let mut logits = Vec::with_capacity(time);
        for t in 0..time {
            let step = Inputs {
                tokens: inputs.tokens.clone().narrow(0, t, 1),
                sounding: inputs.sounding.clone().narrow(0, t, 1),
                controls: inputs.controls.clone().narrow(0, t, 1),
            };
            let (step_scores, next) = self.step(&step, state);
            logits.push(step_scores);
            state = next;
        }
        (Tensor::stack::<3>(logits, 0), state)
    }

    /// One step: logits of the next event, `[batch, 413]`, and the state after it.
    ///
    /// # Shapes
    /// `inputs` with `time = 1`.
    #[must_use]
    pub fn step(&self, inputs: &Inputs, state: State) -> (Tensor<2>, State) {
        let mut states = Vec::with_capacity(self.layers.len());
        let mut top: Option<Tensor<2>> = None;
        for (layer, (h, c)) in self.layers.iter().zip(state.layers) {
            let below = match (&layer.input, top.take()) {
                (Some(weights), Some(hidden)) => {
                    LayerInput::Layer { hidden, weights: weights.val(), bias: layer.bias.val() }
                }
                _ => self.below_first(inputs, layer),
            };
            let z = below.project(Compute::F32) + h.matmul(layer.recurrent.val()); // [batch, 4 * hidden]
            let [input, forget, cell, output]: [Tensor<2>; 4] = match z.chunk(4, 1).try_into() {
                Ok(gates) => gates,
                Err(_) => unreachable!("4 * hidden columns make four chunks"),
            };
            let c = sigmoid(forget) * c + sigmoid(input) * tanh(cell);
            let h = sigmoid(output) * tanh(c.clone());
            top = Some(self.dropout(h.clone()));
            states.push((h, c));
        }
        let Some(top) = top else { unreachable!("a model has at least one layer") };
        (top.matmul(self.head.val()) + self.head_bias.val().unsqueeze(), State { layers: states })
    }

    /// Dropout where it applies; the rest is scaled up so that sums keep their size.
    fn dropout<const D: usize>(&self, hidden: Tensor<D>) -> Tensor<D> {
        if self.dropout == 0.0 || !hidden.device().is_autodiff() {
            return hidden;
        }
        let kept = 1.0 - self.dropout;
        let mask = hidden.random_like(Distribution::Bernoulli(kept));
        hidden * mask * (1.0 / kept)
    }

    /// What feeds the first layer.
    fn below_first(&self, inputs: &Inputs, first: &Layer) -> LayerInput {
        LayerInput::StepInput(StepInput {
            inputs: inputs.clone(),
            token: self.token.val(),
            sounding: self.sounding.val(),
            controls: self.controls.val(),
            bias: first.bias.val(),
        })
    }
}
