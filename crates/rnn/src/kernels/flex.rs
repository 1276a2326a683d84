//! The kernels on Burn's CPU backend.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, TensorData};

use super::Compute;
use super::format::{Bf16, F32};
use super::fused::{Crop, Fused, Trace};
use super::gemm::{self, Matrix};
use super::recurrence::{self, Dims};

#[cfg(feature = "autodiff")]
pub(super) use differentiable::matmul;

impl Fused for Flex {
    fn forward(crop: Crop<Self>) -> Option<Trace<Self>> {
        let Crop { xp, weights, h0, c0, compute } = crop;
        let [time, batch, gates] = xp.shape().dims();
        let dims = Dims { time, batch, hidden: gates / 4 };
        let [xp, weights, h0, c0] = [xp, weights, h0, c0].map(contiguous);
        let run = match compute {
            Compute::F32 => recurrence::forward::<F32>,
            Compute::Bf16 => recurrence::forward::<Bf16>,
        };
        // Tensors of another type have no fused kernel: `as_slice` declines and the caller runs step by step.
        let states = run(dims, xp.as_slice()?, weights.as_slice()?, h0.as_slice()?, c0.as_slice()?);
        let recurrence::Trace { h, c, gates } = states;
        let shape = [time + 1, batch, dims.hidden];
        let gates = tensor(gates, [time, batch, 4 * dims.hidden]);
        Some(Trace { weights, h: tensor(h, shape), c: tensor(c, shape), gates, compute })
    }

    fn backward(
        dh: FlexTensor,
        mut trace: Trace<Self>,
        wants_weights: bool,
    ) -> (FlexTensor, Option<FlexTensor>) {
        let ([time, batch, hidden], dh) = (trace.dims(), contiguous(dh));
        let weights = contiguous(trace.weights.clone());
        let dims = Dims { time, batch, hidden };
        let before = wants_weights.then(|| trace.before());
        // In place, unless they are shared.
        let dz: &mut [f32] = trace.gates.storage_mut();
        let (Some(dh), Some(w), Some(c)) = (dh.as_slice(), weights.as_slice(), trace.c.as_slice()) else {
            unreachable!("the forward pass ran on contiguous f32 tensors");
        };
        match trace.compute {
            Compute::F32 => recurrence::backward::<F32>(dims, dh, w, c, dz),
            Compute::Bf16 => recurrence::backward::<Bf16>(dims, dh, w, c, dz),
        }
        let dw = before.map(|before| {
            // The hidden state before each step, against that step's gates.
            let Some(before) = before.as_slice() else { unreachable!("the first steps of a crop") };
            let before = Matrix::new(before, time * batch, hidden).transposed();
            let dz = Matrix::new(dz, time * batch, 4 * hidden);
            let dw = match trace.compute {
                Compute::F32 => gemm::matmul::<F32>(before, dz),
                Compute::Bf16 => gemm::matmul::<Bf16>(before, dz),
            };
            tensor(dw, [hidden, 4 * hidden])
        });
        (trace.gates, dw)
    }
}

fn contiguous(tensor: FlexTensor) -> FlexTensor {
    if tensor.is_contiguous() { tensor } else { tensor.to_contiguous() }
}

fn tensor(values: Vec<f32>, shape: impl Into<Shape>) -> FlexTensor {
    FlexTensor::from_data(TensorData::new(values, shape.into()))
}

#[cfg(feature = "autodiff")]
mod differentiable {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::tensor::Tensor;

    use super::{Bf16, Compute, F32, Flex, FlexTensor, Matrix, TensorMetadata, contiguous, gemm, tensor};

    type AutodiffFlex = Autodiff<Flex, NoCheckpointing>;

    /// `None` unless both factors live on the differentiable CPU backend.
    pub(in super::super) fn matmul(
        x: &Tensor<2>,
        weights: &Tensor<2>,
        compute: Compute,
    ) -> Option<Tensor<2>> {
        let (x, x_node) = x.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let (weights, weights_node) = weights.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let (x, weights) = (contiguous(x), contiguous(weights));
        let result = {
            let (a, b) = (matrix(&x)?, matrix(&weights)?);
            tensor(product(a, b, compute), [a.rows, b.columns])
        };
        let prepared = MatmulBackward(compute)
            .prepare::<NoCheckpointing>([x_node, weights_node])
            .compute_bound()
            .stateful();
        let result = match prepared {
            OpsKind::Tracked(prepared) => prepared.finish((x, weights), result),
            OpsKind::UnTracked(prepared) => prepared.finish(result),
        };
        Some(Tensor::from_primitive::<AutodiffFlex>(result))
    }

    fn matrix(tensor: &FlexTensor) -> Option<Matrix<'_>> {
        let [rows, columns] = tensor.shape().dims();
        Some(Matrix::new(tensor.as_slice()?, rows, columns))
    }

    fn product(a: Matrix<'_>, b: Matrix<'_>, compute: Compute) -> Vec<f32> {
        match compute {
            Compute::F32 => gemm::matmul::<F32>(a, b),
            Compute::Bf16 => gemm::matmul::<Bf16>(a, b),
        }
    }

    #[derive(Debug)]
    struct MatmulBackward(Compute);

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
                let dx = product(dy, weights.transposed(), self.0);
                grads.register::<Flex>(parent.id, tensor(dx, [x.rows, x.columns]));
            }
            if let Some(parent) = weights_parent {
                let dw = product(x.transposed(), dy, self.0);
                grads.register::<Flex>(parent.id, tensor(dw, [weights.rows, weights.columns]));
            }
        }
    }
}
