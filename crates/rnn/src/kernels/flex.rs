//! The recurrence as an operation on Burn's CPU backend, plain and differentiable.

use burn::backend::flex::FlexTensor;
use burn::backend::{Flex, TensorMetadata};
use burn::tensor::{Shape, Tensor, TensorData};

use super::Sequence;
use super::cpu::{self, Dims, Trace};

pub(super) fn recurrence(xp: Tensor<3>, weights: Tensor<2>, h0: Tensor<2>, c0: Tensor<2>) -> Option<Sequence> {
    #[cfg(feature = "autodiff")]
    if let Some(sequence) = differentiable::recurrence(&xp, &weights, &h0, &c0) {
        return Some(sequence);
    }
    let xp = xp.try_into_primitive::<Flex>().ok()?;
    let weights = weights.try_into_primitive::<Flex>().ok()?;
    let h0 = h0.try_into_primitive::<Flex>().ok()?;
    let c0 = c0.try_into_primitive::<Flex>().ok()?;
    let (dims, trace) = forward(&contiguous(xp), &contiguous(weights), &contiguous(h0), &contiguous(c0))?;
    let (last_hidden, last_cell) = last_state(dims, &trace);
    let hidden = tensor(trace.h, [dims.time, dims.batch, dims.hidden]);
    Some(Sequence { hidden: Tensor::from_primitive::<Flex>(hidden), last_hidden, last_cell })
}

fn forward(xp: &FlexTensor, weights: &FlexTensor, h0: &FlexTensor, c0: &FlexTensor) -> Option<(Dims, Trace)> {
    let [time, batch, gates] = xp.shape().dims();
    let dims = Dims { time, batch, hidden: gates / 4 };
    // Half precision has no fused kernel: `as_slice` declines and the caller runs step by step.
    let trace = cpu::forward(dims, xp.as_slice()?, weights.as_slice()?, h0.as_slice()?, c0.as_slice()?);
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
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};
    use burn::backend::ops::FloatTensorOps;

    use super::{Dims, Flex, FlexTensor, Sequence, Tensor, Trace, contiguous, cpu, forward, last_state, tensor};

    type AutodiffFlex = Autodiff<Flex, NoCheckpointing>;

    /// `None` unless both `xp` and `weights` live on the differentiable CPU backend.
    pub(super) fn recurrence(
        xp: &Tensor<3>,
        weights: &Tensor<2>,
        h0: &Tensor<2>,
        c0: &Tensor<2>,
    ) -> Option<Sequence> {
        let (xp, xp_node) = xp.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let (weights, weights_node) = weights.clone().try_into_primitive::<AutodiffFlex>().ok()?.into_parts();
        let constant = |state: &Tensor<2>| match state.clone().try_into_primitive::<AutodiffFlex>() {
            Ok(state) => Some(contiguous(state.into_primitive())),
            Err(_) => state.clone().try_into_primitive::<Flex>().ok().map(contiguous),
        };
        let (h0, c0) = (constant(h0)?, constant(c0)?);
        let (xp, weights) = (contiguous(xp), contiguous(weights));
        let (dims, trace) = forward(&xp, &weights, &h0, &c0)?;
        let (last_hidden, last_cell) = last_state(dims, &trace);
        let hidden = tensor(trace.h.clone(), [dims.time, dims.batch, dims.hidden]);
        let prepared = LstmBackward.prepare::<NoCheckpointing>([xp_node, weights_node]).compute_bound().stateful();
        let hidden = match prepared {
            OpsKind::Tracked(prepared) => {
                let state = Saved { dims, weights, h0, c0, trace: std::sync::Arc::new(trace) };
                prepared.finish(state, hidden)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(hidden),
        };
        Some(Sequence { hidden: Tensor::from_primitive::<AutodiffFlex>(hidden), last_hidden, last_cell })
    }

    #[derive(Clone, Debug)]
    struct Saved {
        dims: Dims,
        weights: FlexTensor,
        h0: FlexTensor,
        c0: FlexTensor,
        trace: std::sync::Arc<Trace>,
    }

    #[derive(Debug)]
    struct LstmBackward;

    impl Backward<Flex, 2> for LstmBackward {
        type State = Saved;

        fn backward(self, ops: Ops<Saved, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
            let [xp_parent, weights_parent] = ops.parents;
            let dh = contiguous(grads.consume::<Flex>(&ops.node));
            let Saved { dims, weights, h0, c0, trace } = ops.state;
            let Dims { time, batch, hidden } = dims;
            let slices = (dh.as_slice(), weights.as_slice(), c0.as_slice());
            let (Some(dh), Some(w), Some(c0)) = slices else {
                unreachable!("the forward pass ran on contiguous f32 tensors");
            };
            let dz = tensor(cpu::backward(dims, dh, w, c0, &trace), [time, batch, 4 * hidden]);
            if let Some(parent) = weights_parent {
                // The hidden state before each step, against that step's gates: h0 for the first.
                let mut before = Vec::with_capacity(time * batch * hidden);
                if let Some(h0) = h0.as_slice() {
                    before.extend_from_slice(h0);
                }
                before.extend_from_slice(&trace.h[..(time - 1) * batch * hidden]);
                let before = tensor(before, [time * batch, hidden]).transpose(0, 1);
                let dw = Flex::float_matmul(before, dz.reshape([time * batch, 4 * hidden].into()));
                grads.register::<Flex>(parent.id, dw);
            }
            if let Some(parent) = xp_parent {
                grads.register::<Flex>(parent.id, dz);
            }
        }
    }

}
