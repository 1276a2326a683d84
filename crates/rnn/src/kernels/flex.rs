//! The kernels as operations on Burn's CPU backend, plain and differentiable.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, Tensor, TensorData};

use super::format::{Bf16, F32};
use super::recurrence::{self, Dims, Trace};
use super::{Compute, Sequence};

#[cfg(feature = "autodiff")]
pub(super) use differentiable::matmul;

pub(super) fn recurrence(
    xp: Tensor<3>,
    weights: Tensor<2>,
    h0: Tensor<2>,
    c0: Tensor<2>,
    compute: Compute,
) -> Option<Sequence> {
    #[cfg(feature = "autodiff")]
    if let Some(sequence) = differentiable::recurrence(&xp, &weights, &h0, &c0, compute) {
        return Some(sequence);
    }
    let xp = xp.try_into_primitive::<Flex>().ok()?;
    let weights = weights.try_into_primitive::<Flex>().ok()?;
    let h0 = h0.try_into_primitive::<Flex>().ok()?;
    let c0 = c0.try_into_primitive::<Flex>().ok()?;
    let (dims, trace) =
        forward(&contiguous(xp), &contiguous(weights), &contiguous(h0), &contiguous(c0), compute)?;
    let (last_hidden, last_cell) = last_state(dims, &trace);
    let hidden = tensor(trace.h, [dims.time, dims.batch, dims.hidden]);
    Some(Sequence { hidden: Tensor::from_primitive::<Flex>(hidden), last_hidden, last_cell })
}

fn forward(
    xp: &FlexTensor,
    weights: &FlexTensor,
    h0: &FlexTensor,
    c0: &FlexTensor,
    compute: Compute,
) -> Option<(Dims, Trace)> {
    let [time, batch, gates] = xp.shape().dims();
    let dims = Dims { time, batch, hidden: gates / 4 };
    // Tensors of another type have no fused kernel: `as_slice` declines and the caller runs step by step.
    let (xp, weights, h0, c0) = (xp.as_slice()?, weights.as_slice()?, h0.as_slice()?, c0.as_slice()?);
    let trace = match compute {
        Compute::F32 => recurrence::forward::<F32>(dims, xp, weights, h0, c0),
        Compute::Bf16 => recurrence::forward::<Bf16>(dims, xp, weights, h0, c0),
    };
    Some((dims, trace))
}

fn last_state(dims: Dims, trace: &Trace) -> (Tensor<2>, Tensor<2>) {
    let start = (dims.time - 1) * dims.batch * dims.hidden;
    let last = |states: &[f32]| {
        Tensor::from_primitive::<Flex>(tensor(states[start..].to_vec(), [dims.batch, dims.hidden]))
    };
    (last(&trace.h), last(&trace.c))
}

fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

#[cfg(feature = "autodiff")]
mod differentiable {
    use std::sync::Arc;

    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

    use super::super::format::{Bf16, F32};
    use super::super::gemm::{self, Matrix};
    use super::{
        Compute, Dims, Flex, FlexTensor, Sequence, Tensor, TensorMetadata, Trace, contiguous, forward,
        last_state, recurrence as kernels, tensor,
    };

    type AutodiffFlex = Autodiff<Flex, NoCheckpointing>;

    /// `None` unless both `xp` and `weights` live on the differentiable CPU backend.
    pub(super) fn recurrence(
        xp: &Tensor<3>,
        weights: &Tensor<2>,
        h0: &Tensor<2>,
        c0: &Tensor<2>,
        compute: Compute,
    ) -> Option<Sequence> {
        let (xp, xp_node) = xp.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let (weights, weights_node) = weights.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let constant = |state: &Tensor<2>| match state.clone().try_into_primitive::<AutodiffFlex>() {
            Ok(state) => Some(contiguous(state.into_primitive())),
            Err(_) => state.clone().try_into_primitive::<Flex>().ok().map(contiguous),
        };
        let (h0, c0) = (constant(h0)?, constant(c0)?);
        let (xp, weights) = (contiguous(xp), contiguous(weights));
        let (dims, trace) = forward(&xp, &weights, &h0, &c0, compute)?;
        let (last_hidden, last_cell) = last_state(dims, &trace);
        let hidden = tensor(trace.h.clone(), [dims.time, dims.batch, dims.hidden]);
        let prepared =
            LstmBackward.prepare::<NoCheckpointing>([xp_node, weights_node]).compute_bound().stateful();
        let hidden = match prepared {
            OpsKind::Tracked(prepared) => {
                let saved = Saved { dims, weights, h0, c0, trace: Arc::new(trace), compute };
                prepared.finish(saved, hidden)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(hidden),
        };
        Some(Sequence { hidden: Tensor::from_primitive::<AutodiffFlex>(hidden), last_hidden, last_cell })
    }

    /// `None` unless both factors live on the differentiable CPU backend.
    pub(in super::super) fn matmul(x: &Tensor<2>, weights: &Tensor<2>) -> Option<Tensor<2>> {
        let (x, x_node) = x.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let (weights, weights_node) = weights.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let (x, weights) = (contiguous(x), contiguous(weights));
        let product = {
            let (a, b) = (matrix(&x)?, matrix(&weights)?);
            tensor(gemm::matmul::<Bf16>(a, b), [a.rows, b.columns])
        };
        let prepared =
            MatmulBackward.prepare::<NoCheckpointing>([x_node, weights_node]).compute_bound().stateful();
        let product = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((x, weights), product),
            OpsKind::UnTracked(prepared) => prepared.finish(product),
        };
        Some(Tensor::from_primitive::<AutodiffFlex>(product))
    }

    fn matrix(tensor: &FlexTensor) -> Option<Matrix<'_>> {
        let [rows, columns] = tensor.shape().dims();
        Some(Matrix::new(tensor.as_slice()?, rows, columns))
    }

    #[derive(Clone, Debug)]
    struct Saved {
        dims: Dims,
        weights: FlexTensor,
        h0: FlexTensor,
        c0: FlexTensor,
        trace: Arc<Trace>,
        compute: Compute,
    }

    #[derive(Debug)]
    struct LstmBackward;

    impl Backward<Flex, 2> for LstmBackward {
        type State = Saved;

        fn backward(self, ops: Ops<Saved, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
            let [xp_parent, weights_parent] = ops.parents;
            let dh = contiguous(grads.consume::<Flex>(&ops.node));
            let Saved { dims, weights, h0, c0, trace, compute } = ops.state;
            let Dims { time, batch, hidden } = dims;
            let slices = (dh.as_slice(), weights.as_slice(), h0.as_slice(), c0.as_slice());
            let (Some(dh), Some(w), Some(h0), Some(c0)) = slices else {
                unreachable!("the forward pass ran on contiguous f32 tensors");
            };
            let dz = match compute {
                Compute::F32 => kernels::backward::<F32>(dims, dh, w, c0, &trace),
                Compute::Bf16 => kernels::backward::<Bf16>(dims, dh, w, c0, &trace),
            };
            if let Some(parent) = weights_parent {
                // The hidden state before each step, against that step's gates: h0 for the first.
                let before = [h0, &trace.h[..(time - 1) * batch * hidden]].concat();
                let before = Matrix::new(&before, time * batch, hidden).transposed();
                let dz = Matrix::new(&dz, time * batch, 4 * hidden);
                let dw = match compute {
                    Compute::F32 => gemm::matmul::<F32>(before, dz),
                    Compute::Bf16 => gemm::matmul::<Bf16>(before, dz),
                };
                grads.register::<Flex>(parent.id, tensor(dw, [hidden, 4 * hidden]));
            }
            if let Some(parent) = xp_parent {
                grads.register::<Flex>(parent.id, tensor(dz, [time, batch, 4 * hidden]));
            }
        }
    }

    #[derive(Debug)]
    struct MatmulBackward;

    impl Backward<Flex, 2> for MatmulBackward {
        /// Both factors.
        type State = (FlexTensor, FlexTensor);

        fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
            let [x_parent, weights_parent] = ops.parents;
            let dy = contiguous(grads.consume::<Flex>(&ops.node));
            let (x, weights) = ops.state;
            let (Some(dy), Some(x), Some(weights)) = (matrix(&dy), matrix(&x), matrix(&weights)) else {
                unreachable!("the forward pass ran on contiguous f32 tensors");
            };
            if let Some(parent) = x_parent {
                let dx = gemm::matmul::<Bf16>(dy, weights.transposed());
                grads.register::<Flex>(parent.id, tensor(dx, [x.rows, x.columns]));
            }
            if let Some(parent) = weights_parent {
                let dw = gemm::matmul::<Bf16>(x.transposed(), dy);
                grads.register::<Flex>(parent.id, tensor(dw, [weights.rows, weights.columns]));
            }
        }
    }
}
