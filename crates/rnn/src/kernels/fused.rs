//! The recurrence as an operation on whatever backend has the kernels, plain and differentiable.

use std::ops::Range;

use burn::backend::tensor::FloatTensor;
use burn::backend::{Backend, DispatchKindConversion, DispatchTensor, TensorMetadata};
use burn::tensor::{Shape, Slice, Tensor};

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

/// What a recurrence leaves for its backward pass; memory linear in time.
#[derive(Clone, Debug)]
pub(super) struct Trace<B: Backend> {
    /// `[hidden, 4 * hidden]`.
    pub(super) weights: FloatTensor<B>,
    /// Hidden states, the initial one first, `[time + 1, batch, hidden]`.
    pub(super) h: FloatTensor<B>,
    /// Cell states, likewise.
    pub(super) c: FloatTensor<B>,
    /// Activated gates, `[time, batch, 4 * hidden]`.
    pub(super) gates: FloatTensor<B>,
    pub(super) compute: Compute,
}

/// A backend with kernels for a whole crop's recurrence.
pub(super) trait Fused: Backend {
    /// `None` for tensors of another type than 32-bit floats, and crops that are too large to index.
    fn forward(crop: Crop<Self>) -> Option<Trace<Self>>;

    /// From the gradients of all hidden states, `[time, batch, hidden]`, to those of the projections and,
    /// if wanted, of the weights. Gradients stop at the crop's initial state (truncated backpropagation).
    fn backward(
        dh: FloatTensor<Self>,
        trace: Trace<Self>,
        wants_weights: bool,
    ) -> (FloatTensor<Self>, Option<FloatTensor<Self>>);
}

impl<B: Fused> Trace<B> {
    /// Steps and sequences.
    pub(super) fn dims(&self) -> [usize; 3] {
        let [time, batch, gates] = self.gates.shape().dims();
        [time, batch, gates / 4]
    }

    /// The hidden states before each step, `[time * batch, hidden]`.
    pub(super) fn before(&self) -> FloatTensor<B> {
        let [time, batch, hidden] = self.dims();
        B::float_reshape(steps::<B>(&self.h, 0..time), Shape::new([time * batch, hidden]))
    }

    /// The hidden states after each step, `[time, batch, hidden]`.
    fn hidden(&self) -> FloatTensor<B> {
        steps::<B>(&self.h, 1..self.dims()[0] + 1)
    }

    /// The state after the last step, `[batch, hidden]` each, in memory of its own: a view would keep the
    /// whole crop's for as long as the state is carried.
    fn last(&self) -> [Tensor<2>; 2]
    where
        DispatchTensor: DispatchKindConversion<B>,
    {
        let [time, batch, hidden] = self.dims();
        [&self.h, &self.c].map(|states| {
            let last = B::float_reshape(steps::<B>(states, time..time + 1), Shape::new([batch, hidden]));
            Tensor::from_primitive::<B>(B::float_mul_scalar(last, 1.0f32.into()))
        })
    }
}

/// Some steps of `[time, batch, hidden]`.
fn steps<B: Backend>(states: &FloatTensor<B>, range: Range<usize>) -> FloatTensor<B> {
    B::float_slice(states.clone(), &[Slice::from(range), Slice::full(), Slice::full()])
}

/// What [`super::recurrence`] is given.
pub(super) struct Inputs<'a> {
    pub(super) xp: &'a Tensor<3>,
    pub(super) weights: &'a Tensor<2>,
    pub(super) h0: &'a Tensor<2>,
    pub(super) c0: &'a Tensor<2>,
    pub(super) compute: Compute,
    pub(super) projections: Option<Projections>,
}

impl Inputs<'_> {
    /// `None` unless all tensors live on the backend, without gradients.
    fn plain<B: Fused>(&self) -> Option<Sequence>
    where
        DispatchTensor: DispatchKindConversion<B>,
    {
        let xp = self.xp.clone().try_into_primitive::<B>().ok()?;
        let state =
            [self.weights, self.h0, self.c0].map(|tensor| tensor.clone().try_into_primitive::<B>().ok());
        let [weights, h0, c0] = state;
        let trace = B::forward(Crop { xp, weights: weights?, h0: h0?, c0: c0?, compute: self.compute })?;
        let [last_hidden, last_cell] = trace.last();
        Some(Sequence { hidden: Tensor::from_primitive::<B>(trace.hidden()), last_hidden, last_cell })
    }

    /// `None` unless the tensors live on the backend.
    #[cfg(not(feature = "autodiff"))]
    pub(super) fn run<B: Fused>(&self) -> Option<Sequence>
    where
        DispatchTensor: DispatchKindConversion<B>,
    {
        self.plain::<B>()
    }
}

#[cfg(feature = "autodiff")]
mod differentiable {
    use burn::backend::Autodiff;
    use burn::backend::autodiff::checkpoint::base::Checkpointer;
    use burn::backend::autodiff::checkpoint::strategy::NoCheckpointing;
    use burn::backend::autodiff::grads::Gradients;
    use burn::backend::autodiff::ops::{Backward, Ops, OpsKind};

    use super::{
        Compute, Crop, DispatchKindConversion, DispatchTensor, Fused, Inputs, Projections, Sequence, Tensor,
        Trace,
    };

    type Differentiable<B> = Autodiff<B, NoCheckpointing>;

    impl Inputs<'_> {
        /// `None` unless the tensors live on the backend.
        pub(in super::super) fn run<B: Fused>(&self) -> Option<Sequence>
        where
            DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Differentiable<B>>,
        {
            self.differentiable::<B>().or_else(|| self.plain::<B>())
        }

        /// `None` unless both `xp` and `weights` live on the backend with gradients.
        ///
        /// With `projections`, nothing is kept for the backward pass but the recipe: it runs forward once
        /// more.
        fn differentiable<B: Fused>(&self) -> Option<Sequence>
        where
            DispatchTensor: DispatchKindConversion<B> + DispatchKindConversion<Differentiable<B>>,
        {
            let Self { xp, weights, h0, c0, compute, ref projections } = *self;
            let (xp, xp_node) = xp.clone().try_into_primitive::<Differentiable<B>>().ok()?.into_parts();
            let (weights, weights_node) =
                weights.clone().try_into_primitive::<Differentiable<B>>().ok()?.into_parts();
            let crop = Crop { xp, weights, h0: constant::<B, 2>(h0)?, c0: constant::<B, 2>(c0)?, compute };
            let Crop { weights, h0, c0, .. } = crop.clone();
            let trace = B::forward(crop)?;
            let (hidden, [last_hidden, last_cell]) = (trace.hidden(), trace.last());
            let prepared =
                LstmBackward.prepare::<NoCheckpointing>([xp_node, weights_node]).compute_bound().stateful();
            let hidden = match prepared {
                OpsKind::Tracked(prepared) => {
                    let saved = match projections {
                        None => Saved::Trace(trace),
                        Some(projections) => {
                            Saved::Recipe { projections: projections.clone(), weights, h0, c0, compute }
                        }
                    };
                    prepared.finish(saved, hidden)
                }
                OpsKind::UnTracked(prepared) => prepared.finish(hidden),
            };
            Some(Sequence {
                hidden: Tensor::from_primitive::<Differentiable<B>>(hidden),
                last_hidden,
                last_cell,
            })
        }
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
        Trace(Trace<B>),
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
                        Some(trace) => trace,
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
