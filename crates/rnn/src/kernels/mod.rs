//! The fused LSTM recurrence: one differentiable operation for a whole crop.
//!
//! Autodiff over single steps spends its time on bookkeeping: one gradient of every weight matrix per
//! step, added up step by step. Here the backward pass is written out. The recurrence yields the
//! gradient of its projections, and one matrix product over the whole crop yields the gradient of the
//! recurrent weights.
//!
//! Fused on the CPU backend (`flex`) outside the browser; [`recurrence`] returns `None` elsewhere, and
//! the model then runs step by step.

#[cfg(not(target_family = "wasm"))]
mod cpu;
#[cfg(not(target_family = "wasm"))]
mod flex;
#[cfg(not(target_family = "wasm"))]
mod tile;

use burn::tensor::Tensor;

/// What [`recurrence`] computes.
pub(crate) struct Sequence {
    /// Hidden states, `[time, batch, hidden]`; differentiable with respect to projections and weights.
    pub(crate) hidden: Tensor<3>,
    /// Hidden state after the last step, `[batch, hidden]`, without gradient.
    pub(crate) last_hidden: Tensor<2>,
    /// Cell state after the last step, `[batch, hidden]`, without gradient.
    pub(crate) last_cell: Tensor<2>,
}

/// The whole crop's recurrence in one operation, where the device has it.
///
/// # Shapes
/// `xp`: `[time, batch, 4 * hidden]`, input projections with bias, gates in the order input, forget,
/// cell, output; `weights`: `[hidden, 4 * hidden]`; `h0`, `c0`: `[batch, hidden]`, treated as constants.
pub(crate) fn recurrence(xp: &Tensor<3>, weights: Tensor<2>, h0: Tensor<2>, c0: Tensor<2>) -> Option<Sequence> {
    #[cfg(not(target_family = "wasm"))]
    return flex::recurrence(xp.clone(), weights, h0, c0);
    #[cfg(target_family = "wasm")]
    {
        let _ = (xp, weights, h0, c0);
        None
    }
}
