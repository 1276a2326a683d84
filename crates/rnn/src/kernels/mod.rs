//! Fused kernels: a whole crop's recurrence, and matrix products in half precision.
//!
//! Autodiff over single steps spends its time on bookkeeping: one gradient of every weight matrix per
//! step, added up step by step. Here the backward pass is written out. The recurrence yields the
//! gradient of its projections, and one matrix product over the whole crop yields the gradient of the
//! recurrent weights.
//!
//! They run on the CPU backend (`flex`) outside the browser; elsewhere [`recurrence`] returns `None` and
//! the model runs step by step.

#[cfg(not(target_family = "wasm"))]
mod flex;
#[cfg(not(target_family = "wasm"))]
mod format;
#[cfg(not(target_family = "wasm"))]
mod gemm;
#[cfg(not(target_family = "wasm"))]
mod recurrence;
#[cfg(not(target_family = "wasm"))]
mod shared;
#[cfg(not(target_family = "wasm"))]
mod tile;

use burn::tensor::Tensor;

/// In what precision the factors of matrix products are read; sums are always in 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    /// 32 bits: exact to rounding.
    #[default]
    F32,
    /// 16 bits (bfloat16): for training, twice as fast on processors that have it.
    Bf16,
}

impl Compute {
    /// The faster of the two for training on this machine's processor.
    #[must_use]
    pub fn fastest() -> Self {
        #[cfg(not(target_family = "wasm"))]
        if shared::has_bf16() {
            return Self::Bf16;
        }
        Self::F32
    }
}

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
pub(crate) fn recurrence(
    xp: &Tensor<3>,
    weights: Tensor<2>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    compute: Compute,
) -> Option<Sequence> {
    #[cfg(not(target_family = "wasm"))]
    return flex::recurrence(xp.clone(), weights, h0, c0, compute);
    #[cfg(target_family = "wasm")]
    {
        let _ = (xp, weights, h0, c0, compute);
        None
    }
}

/// `x · weights`, differentiable.
///
/// # Shapes
/// `x`: `[rows, depth]`; `weights`: `[depth, columns]`.
pub(crate) fn matmul(x: Tensor<2>, weights: Tensor<2>, compute: Compute) -> Tensor<2> {
    #[cfg(all(not(target_family = "wasm"), feature = "autodiff"))]
    if compute == Compute::Bf16
        && let Some(product) = flex::matmul(&x, &weights)
    {
        return product;
    }
    let _ = compute;
    x.matmul(weights)
}
