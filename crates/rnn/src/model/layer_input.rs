//! What feeds a layer, and its projection onto the layer's gates.

#[cfg(feature = "autodiff")]
use burn::tensor::Device;
use burn::tensor::{Int, Tensor};
#[cfg(feature = "autodiff")]
use performance::N_TOKENS;

use super::Inputs;
use crate::kernels::{self, Compute};

/// What feeds a layer, and the matrices that it goes through.
#[expect(clippy::large_enum_variant, reason = "handles of tensors, one at a time on the stack")]
#[derive(Clone, Debug)]
pub(super) enum LayerInput {
    /// The first layer reads events.
    StepInput(StepInput),
    /// `hidden`: `[rows, hidden]` of the layer below; `weights`: `[hidden, 4 * hidden]`; `bias`: `[4 *
    /// hidden]`.
    Layer { hidden: Tensor<2>, weights: Tensor<2>, bias: Tensor<1> },
}

/// What feeds the first layer; matrices and bias as in [`super::Model`].
#[derive(Clone, Debug)]
pub(super) struct StepInput {
    pub(super) inputs: Inputs,
    pub(super) token: Tensor<2>,
    pub(super) sounding: Tensor<2>,
    pub(super) controls: Tensor<2>,
    pub(super) bias: Tensor<1>,
}

impl LayerInput {
    /// The layer's gates before its own last step is added, `[time * batch, 4 * hidden]`.
    pub(super) fn project(self, compute: Compute) -> Tensor<2> {
        match self {
            Self::StepInput(heard) => heard.project(),
            Self::Layer { hidden, weights, bias } => {
                kernels::matmul(hidden, weights, compute) + bias.unsqueeze()
            }
        }
    }

    /// The same numbers, without gradients.
    pub(super) fn detached(&self) -> Self {
        match self.clone() {
            Self::StepInput(heard) => {
                let StepInput { inputs, token, sounding, controls, bias } = heard;
                let [token, sounding, controls] = [token, sounding, controls].map(Tensor::detach);
                Self::StepInput(StepInput { inputs, token, sounding, controls, bias: bias.detach() })
            }
            Self::Layer { hidden, weights, bias } => {
                Self::Layer { hidden: hidden.detach(), weights: weights.detach(), bias: bias.detach() }
            }
        }
    }
}

impl StepInput {
    fn project(self) -> Tensor<2> {
        let Self { inputs, token, sounding, controls, bias } = self;
        let rows: usize = inputs.tokens.dims().iter().product();
        let tokens = inputs.tokens.reshape([rows]);
        let held = inputs.sounding.reshape([rows as i32, -1]); // [rows, note_rows]
        let asked = inputs.controls.reshape([rows as i32, -1]); // [rows, control_width]
        gather(token, tokens) + held.matmul(sounding) + asked.matmul(controls) + bias.unsqueeze()
    }
}

/// Rows of `table`, `[rows, 4 * hidden]`.
///
/// Where gradients are recorded on another device than the CPU, it is a matrix product with one-hot rows.
/// Burn's GPU backends add up the gradients of gathered rows one after another, but those of a product at
/// once.
fn gather(table: Tensor<2>, tokens: Tensor<1, Int>) -> Tensor<2> {
    #[cfg(feature = "autodiff")]
    if table.device().is_autodiff() && table.device().inner() != Device::flex() {
        let events = Tensor::<1, Int>::arange(0..N_TOKENS as i64, &tokens.device());
        let one_hot = tokens.unsqueeze_dim::<2>(1).equal(events.unsqueeze_dim(0)).float(); // [rows, 413]
        return Tensor::from_inner(one_hot).matmul(table);
    }
    table.select(0, tokens)
}
