//! The recurrence as an operation on whatever backend has the kernels, plain and differentiable.

use std::fmt::Debug;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, DispatchKindConversion, DispatchTensor};
use burn::tensor::Tensor;

use super::{Compute, Projections, Sequence};

/// What a recurrence starts from; shapes as in [`super::recurrence`].
#[derive(Clone, Debug)]
pub(super) struct Crop<B: Backend> {
    /// `[time, batch, 4 * hidden]`.
    pub(super) xp: FloatTensor<B>,
    /// `[hidden, 4 * hidden]`.
    pub(super) weights: FloatTensor<B>,
    /// `[batch, hidden]`.
    pub(super) h0: FloatTensor<B>,
    /// `[batch, hidden]`.
    pub(super) c0: FloatTensor<B>,
    pub(super) compute: Compute,
}

/// What a recurrence yields.
pub(super) struct Outcome<B: Fused> {
    /// `[time, batch, hidden]`.
    pub(super) hidden: FloatTensor<B>,
    /// `[batch, hidden]`.
    pub(super) last_hidden: FloatTensor<B>,
    /// `[batch, hidden]`.
    pub(super) last_cell: FloatTensor<B>,
    /// What the backward pass needs.
    pub(super) trace: B::Trace,
}

/// A backend with kernels for a whole crop's recurrence.
pub(super) trait Fused: Backend {
    /// What the forward pass leaves for the backward pass, memory linear in time.
    type Trace: Clone + Debug + Send + 'static;

    /// `None` for tensors of another type than 32-bit floats, and crops that are too large to index.
    fn forward(crop: Crop<Self>) -> Option<Outcome<Self>>;

    /// From the gradients of all hidden states, `[time, batch, hidden]`, to those of the projections and,
    /// if wanted, of the weights. Gradients stop at the crop's initial state (truncated backpropagation).
    fn backward(
        dh: FloatTensor<Self>,
        trace: Self::Trace,
        wants_weights: bool,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>);
}

/// `None` unless all tensors live on the backend, without gradients.
pub(super) fn recurrence<B: Fused>(
    xp: &Tensor<3>,
    weights: &Tensor<2>,
    h0: &Tensor<2>,
    c0: &Tensor<2>,
    compute: Compute,
) -> Option<Sequence>
where
    DispatchTensor: DispatchKindConversion<B>,
{
    let xp = xp.clone().try_into_primitive::<B>().ok()?;
    let [weights, h0, c0] = [weights, h0, c0].map(|tensor| tensor.clone().try_into_primitive::<B>().ok());
    let crop = Crop { xp, weights: weights?, h0: h0?, c0: c0?, compute };
    let Outcome { hidden, last_hidden, last_cell, .. } = B::forward(crop)?;
    Some(Sequence {
        hidden: Tensor::from_primitive::<B>(hidden),
        last_hidden: Tensor::from_primitive::<B>(last_hidden),
        last_cell: Tensor::from_primitive::<B>(last_cell),
    })
}

#[cfg(feature = "autodiff")]
pub(super) use differentiable::recurrence as differentiable_recurrence;

#[cfg(feature = "autodiff")]
mod differentiable {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

    use super::{
        Compute, Crop, DispatchKindConversion, DispatchTensor, Fused, Outcome, Projections, Sequence, Tensor,
    };

    type Differentiable<B> = Autodiff<B, NoCheckpointing>;

    /// `None` unless both `xp` and `weights` live on the backend with gradients.
    ///
    /// With `projections`, nothing is kept for the backward pass but the recipe: it runs forward once more.
    pub(in super::super) fn recurrence<B: Fused>(
        xp: &Tensor<3>,
        weights: &Tensor<2>,
        h0: &Tensor<2>,
        c0: &Tensor<2>,
        compute: Compute,
        projections: Option<Projections>,
    ) -> Option<Sequence>
    where
        DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Differentiable<B>>,
    {
        let (xp, xp_node) = xp.clone().try_into_primitive::<Differentiable<B>>().ok()?.into_parts();
        let (weights, weights_node) =
            weights.clone().try_into_primitive::<Differentiable<B>>().ok()?.into_parts();
        let crop = Crop { xp, weights, h0: constant::<B, 2>(h0)?, c0: constant::<B, 2>(c0)?, compute };
        let Crop { weights, h0, c0, .. } = crop.clone();
        let Outcome { hidden, last_hidden, last_cell, trace } = B::forward(crop)?;
        let prepared =
            LstmBackward.prepare::<NoCheckpointing>([xp_node, weights_node]).compute_bound().stateful();
        let hidden = match prepared {
            OpsKind::Tracked(prepared) => {
                let saved = match projections {
                    None => Saved::Trace(trace),
                    Some(projections) => Saved::Recipe { projections, weights, h0, c0, compute },
                };
                prepared.finish(saved, hidden)
            }
            OpsKind::UnTracked(prepared) => prepared.finish(hidden),
        };
        Some(Sequence {
            hidden: Tensor::from_primitive::<Differentiable<B>>(hidden),
            last_hidden: Tensor::from_primitive::<B>(last_hidden),
            last_cell: Tensor::from_primitive::<B>(last_cell),
        })
    }

    /// The tensor's numbers, whether or not it records gradients.
    fn constant<B: Fused, const D: usize>(tensor: &Tensor<D>) -> Option<B::FloatTensorPrimitive>
    where
        DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Differentiable<B>>,
    {
        match tensor.clone().try_into_primitive::<Differentiable<B>>() {
            Ok(tensor) => Some(tensor.into_primitive()),
            Err(_) => tensor.clone().try_into_primitive::<B>().ok(),
        }
    }

    /// What the backward pass goes by.
    #[derive(Clone, Debug)]
    enum Saved<B: Fused> {
        Trace(B::Trace),
        /// To run forward again: a third less memory for a third more work.
        Recipe {
            projections: Projections,
            weights: B::FloatTensorPrimitive,
            h0: B::FloatTensorPrimitive,
            c0: B::FloatTensorPrimitive,
            compute: Compute,
        },
    }

    #[derive(Debug)]
    struct LstmBackward;

    impl<B: Fused> Backward<B, 2> for LstmBackward
    where
        DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Differentiable<B>>,
    {
        type State = Saved<B>;

        fn backward(self, ops: Ops<Saved<B>, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
            let [xp_parent, weights_parent] = ops.parents;
            let dh = grads.consume::<B>(&ops.node);
            let trace = match ops.state {
                Saved::Trace(trace) => trace,
                Saved::Recipe { projections, weights, h0, c0, compute } => {
                    let again = constant::<B, 3>(&projections.again())
                        .and_then(|xp| B::forward(Crop { xp, weights, h0, c0, compute }));
                    match again {
                        Some(outcome) => outcome.trace,
                        None => unreachable!("it ran forward before, on the same device"),
                    }
                }
            };
            let (dz, dw) = B::backward(dh, trace, weights_parent.is_some());
            if let (Some(parent), Some(dw)) = (weights_parent, dw) {
                grads.register::<B>(parent.id, dw);
            }
            if let Some(parent) = xp_parent {
                grads.register::<B>(parent.id, dz);
            }
        }
    }
}
