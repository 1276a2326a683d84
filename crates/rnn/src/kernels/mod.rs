//! Fused kernels: a whole crop's recurrence, and matrix products in half precision.
//!
//! Autodiff over single steps spends its time on bookkeeping: one gradient of every weight matrix per
//! step, added up step by step. Here the backward pass is written out. The recurrence yields the
//! gradient of its projections, and one matrix product over the whole crop yields the gradient of the
//! recurrent weights.
//!
//! They run on the CPU backend (`flex`), in the browser too, on Burn's GPU backends, and on remote devices of
//! these; elsewhere [`recurrence`] returns `None` and the model runs step by step.

#![cfg_attr(not(feature = "autodiff"), allow(dead_code, reason = "what is kept for the backward pass"))]

#[cfg(feature = "burn-gpu")]
mod cube;
mod flex;
mod format;
mod fused;
mod gemm;
mod recurrence;
#[cfg(all(not(target_family = "wasm"), feature = "remote"))]
pub(crate) mod remote;
mod shared;
mod tile;
#[cfg(target_family = "wasm")]
mod wasm;

use std::fmt;
use std::sync::Arc;

use burn::tensor::Tensor;

/// In what precision the factors of matrix products are read; sums are always in 32 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compute {
    /// 32 bits: exact to rounding.
    #[default]
    F32,
    /// 16 bits (bfloat16): for training, up to twice as fast on CPUs that multiply it fast.
    Bf16,
}

impl Compute {
    /// The faster of the two for training on this machine's CPU.
    #[must_use]
    pub fn fastest() -> Self {
        if shared::has_fast_bf16() {
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

/// How a crop's projections are made, to make them once more in the backward pass instead of keeping what
/// follows from them.
#[derive(Clone)]
pub(crate) struct Projections(Arc<dyn Fn() -> Tensor<3> + Send + Sync>);

impl Projections {
    /// `again` must give the same bits each time, without recording gradients.
    pub(crate) fn new(again: impl Fn() -> Tensor<3> + Send + Sync + 'static) -> Self {
        Self(Arc::new(again))
    }

    /// `[time, batch, 4 * hidden]`.
    #[cfg(feature = "autodiff")]
    fn again(&self) -> Tensor<3> {
        (self.0)()
    }
}

impl fmt::Debug for Projections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Projections").finish_non_exhaustive()
    }
}

/// The whole crop's recurrence in one operation, where the device has it.
///
/// With `projections`, the backward pass makes `xp` and runs forward once more instead of keeping every
/// step's gates; gradients are the same.
///
/// # Shapes
/// `xp`: `[time, batch, 4 * hidden]`, input projections with bias, gates in the order input, forget,
/// cell, output; `weights`: `[hidden, 4 * hidden]`; `h0`, `c0`: `[batch, hidden]`, treated as constants.
pub(crate) fn recurrence(
    xp: &Tensor<3>,
    weights: &Tensor<2>,
    h0: &Tensor<2>,
    c0: &Tensor<2>,
    compute: Compute,
    projections: Option<Projections>,
) -> Option<Sequence> {
    let crop = fused::Inputs { xp, weights, h0, c0, compute, projections };
    let sequence = crop.run::<burn::backend::Flex>();
    #[cfg(feature = "burn-gpu")]
    let sequence = sequence.or_else(|| crop.run::<burn::backend::Cube>());
    #[cfg(all(not(target_family = "wasm"), feature = "remote"))]
    let sequence = sequence.or_else(|| crop.run::<burn::backend::Remote>());
    sequence
}

/// Hidden states of an LSTM over a crop, from a state of zeros: differentiable, in one operation. None where the device
/// has no kernel for it.
///
/// # Shapes
/// `xp`: `[time, batch, 4 * hidden]`, input projections with bias, gates in the order input, forget, cell, output;
/// `weights`: `[hidden, 4 * hidden]`. Returns `[time, batch, hidden]`.
#[must_use]
pub fn lstm(xp: &Tensor<3>, weights: &Tensor<2>) -> Option<Tensor<3>> {
    let ([_, batch, _], [hidden, _]) = (xp.dims(), weights.dims());
    let zeros = Tensor::zeros([batch, hidden], &xp.device().inner());
    Some(recurrence(xp, weights, &zeros, &zeros, Compute::F32, None)?.hidden)
}

/// `x · weights`, differentiable.
///
/// # Shapes
/// `x`: `[rows, depth]`; `weights`: `[depth, columns]`.
pub(crate) fn matmul(x: Tensor<2>, weights: Tensor<2>, compute: Compute) -> Tensor<2> {
    // Natively, Burn's own product in 32 bits is as fast.
    #[cfg(feature = "autodiff")]
    if (compute == Compute::Bf16 || cfg!(target_family = "wasm"))
        && let Some(product) = flex::matmul(&x, &weights, compute)
    {
        return product;
    }
    let _ = compute;
    x.matmul(weights)
}

#[cfg(all(test, feature = "autodiff", feature = "burn-gpu"))]
mod tests {
    use burn::tensor::Device;

    use super::*;

    /// Without its kernels the model would silently run step by step.
    #[test]
    fn a_gpu_has_the_recurrence() {
        #[cfg(not(feature = "cuda"))]
        let device = match cubecl::Device::wgpu(cubecl::device::WgpuDeviceKind::DefaultDevice) {
            Ok(_) => Device::wgpu(burn::tensor::DeviceKind::DefaultDevice),
            Err(reason) => return eprintln!("skipped: {reason}"),
        };
        #[cfg(feature = "cuda")]
        let device = Device::cuda(0);
        let run = |device: &Device| {
            let state = Tensor::zeros([2, 8], device);
            let (xp, weights) = (Tensor::zeros([3, 2, 32], device), Tensor::zeros([8, 32], device));
            recurrence(&xp, &weights, &state, &state, Compute::F32, None)
        };
        assert!(run(&device).is_some(), "without gradients");
        assert!(run(&device.autodiff()).is_some(), "with gradients");
    }
}
