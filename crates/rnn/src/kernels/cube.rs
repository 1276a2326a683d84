//! The recurrence on Burn's GPU backends: CubeCL kernels, WGSL on Vulkan, Metal and DirectX, and CUDA.
//!
//! A GPU has no barrier across all its cores, so each time step is one launch: the recurrent product and the
//! cell in one kernel forwards, and the same backwards. The host queues them all without waiting. What does
//! not depend on the step before is done for the whole crop at once by Burn's matrix products: projections
//! before, weight gradients after.

mod steps;

use burn::backend::ops::FloatTensorOps;
use burn::backend::{Cube, TensorMetadata};
use burn::tensor::{DType, Shape};
use burn_cubecl::kernel::into_contiguous;
use burn_cubecl::ops::numeric::empty_device_contiguous_dtype;
use burn_cubecl::tensor::CubeTensor;
use cubecl::prelude::*;

use super::fused::{Crop, Fused, Trace};
use steps::{ROWS, UNITS};

impl Fused for Cube {
    fn forward(crop: Crop<Self>) -> Option<Trace<Self>> {
        let Crop { xp, weights, h0, c0, compute } = crop;
        let [time, batch, gates] = xp.shape().dims();
        let hidden = gates / 4;
        let are_floats = [&xp, &weights, &h0, &c0].iter().all(|tensor| tensor.dtype == DType::F32);
        // Kernels index with 32 bits.
        if !are_floats || u32::try_from(time * batch * gates).is_err() {
            return None;
        }
        let [xp, weights, h0, c0] = [xp, weights, h0, c0].map(into_contiguous);
        let h = empty(&xp, [time + 1, batch, hidden]);
        let c = empty(&xp, [time + 1, batch, hidden]);
        let gates = empty(&xp, [time, batch, gates]);
        let client = xp.client.clone();
        let n = batch * hidden;
        // SAFETY: the initial states and the first rows of the outputs hold `n` numbers.
        unsafe {
            steps::begin::launch_unchecked(
                &client,
                CubeCount::Static(n.div_ceil(256) as u32, 1, 1),
                CubeDim::new_1d(256),
                h0.into_buffer_arg(),
                c0.into_buffer_arg(),
                h.clone().into_buffer_arg(),
                c.clone().into_buffer_arg(),
                n,
            );
        }
        for step in 0..time {
            // SAFETY: the shapes are those that the kernel names; tiles write nothing outside.
            unsafe {
                steps::forward::launch_unchecked(
                    &client,
                    cubes(batch, hidden),
                    CubeDim::new_2d(UNITS as u32, 8),
                    xp.clone().into_buffer_arg(),
                    weights.clone().into_buffer_arg(),
                    h.clone().into_buffer_arg(),
                    c.clone().into_buffer_arg(),
                    gates.clone().into_buffer_arg(),
                    step,
                    batch,
                    hidden,
                );
            }
        }
        Some(Trace { weights, h, c, gates, compute })
    }

    fn backward(dh: CubeTensor, trace: Trace<Self>, wants_weights: bool) -> (CubeTensor, Option<CubeTensor>) {
        let [time, batch, hidden] = trace.dims();
        let before = wants_weights.then(|| trace.before());
        let Trace { weights, c, gates, .. } = trace;
        let (dh, weights) = (into_contiguous(dh), into_contiguous(weights));
        // Each step's gates are replaced by their gradients, unless they are shared.
        let dz = if gates.can_mut() { gates } else { gates.copy() };
        let dc = empty(&dh, [batch, hidden]);
        let client = dh.client.clone();
        for step in (0..time).rev() {
            // SAFETY: as above.
            unsafe {
                steps::backward::launch_unchecked(
                    &client,
                    cubes(batch, hidden),
                    CubeDim::new_3d(8, 8, 4),
                    dh.clone().into_buffer_arg(),
                    weights.clone().into_buffer_arg(),
                    c.clone().into_buffer_arg(),
                    dz.clone().into_buffer_arg(),
                    dc.clone().into_buffer_arg(),
                    step,
                    time,
                    batch,
                    hidden,
                );
            }
        }
        let dw = before.map(|before| {
            let dz = Self::float_reshape(dz.clone(), Shape::new([time * batch, 4 * hidden]));
            Self::float_matmul(Self::float_swap_dims(before, 0, 1), dz)
        });
        (dz, dw)
    }
}

/// One cube for each tile of rows and units.
fn cubes(batch: usize, hidden: usize) -> CubeCount {
    CubeCount::Static(hidden.div_ceil(UNITS) as u32, batch.div_ceil(ROWS) as u32, 1)
}

/// Memory with anything in it.
fn empty<const D: usize>(like: &CubeTensor, shape: [usize; D]) -> CubeTensor {
    empty_device_contiguous_dtype(like.client.clone(), like.device.clone(), Shape::new(shape), like.dtype)
}
