//! Products of 8-bit weights and the network's activity, and the head, which is nothing else.
//!
//! Sums are 32-bit integers, which are equal on every device.
//!
//! Activation buffers are `[rows, streams]` with the streams of a row side by side, so that a weight is read
//! once for a whole tile of streams. Nothing here needs subgroups, 16-bit arithmetic, more than 256 threads
//! in a cube, 16 KiB of shared memory or eight buffers: the least that WebGPU promises.

use cubecl::prelude::*;

use super::layout::LOGIT_COLUMNS;

/// How a matrix product is cut into cubes, fixed when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tiling {
    /// Neighboring units (or groups of four logits) of a cube.
    pub(super) width: usize,
    /// Slices that share the rows, a power of two. More hide memory latency; fewer wait less for each other.
    pub(super) slices: usize,
    /// Vectors of streams that share one load of the weights.
    pub(super) vectors: usize,
}

impl Tiling {
    /// Numbers that one thread adds up.
    pub(super) fn sums(self) -> usize {
        4 * self.vectors
    }

    /// Where the sum of a gate is.
    pub(super) fn sum(self, gate: usize, vector: usize) -> usize {
        gate * self.vectors + vector
    }

    /// By how many blocks a product's loop is unrolled. Several loads in flight hide a GPU's latency. But a
    /// tile of many streams needs its registers for sums, and a CPU has nothing to hide.
    fn rounds(self, blocks: usize) -> usize {
        let most = if self.slices == 1 { 1 } else { 2 / self.vectors };
        (1..=most).rev().find(|rounds| blocks.is_multiple_of(rounds * self.slices)).unwrap_or(1)
    }
}

/// Four gates of one unit (or four logits) and a tile of streams, as integers: `[4, vectors]`.
pub(super) type Sums<N> = Array<Vector<i32, N>>;

#[cube]
pub(super) fn zeros<N: Size>(#[comptime] tiling: Tiling) -> Sums<N> {
    let mut sums = Array::<Vector<i32, N>>::new(comptime!(tiling.sums()));
    #[unroll]
    for i in 0..comptime!(tiling.sums()) {
        sums[i] = Vector::new(0i32);
    }
    sums
}

/// Adds this thread's slice of `activity × weights`.
///
/// `first_block`: where the matrix begins, in blocks of four depths; `vectors_per_row`: of the activity.
#[cube]
pub(super) fn multiply<N: Size>(
    sums: &mut Sums<N>,
    weights: &[Vector<u32, Const<4>>],
    activity: &[Vector<i32, N>],
    unit: usize,
    slice: usize,
    tile: usize,
    vectors_per_row: usize,
    #[comptime] first_block: usize,
    #[comptime] blocks: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let begin = if comptime!(tiling.slices == 1) { 0usize.runtime() } else { slice };
    let rounds = comptime!(tiling.rounds(blocks));
    for step in range_stepped(begin, blocks, comptime!(rounds * tiling.slices)) {
        #[unroll]
        for round in 0..rounds {
            let block = step + comptime!(round * tiling.slices);
            let words = Vector::<i32, Const<4>>::reinterpret(weights[(first_block + block) * units + unit]);
            let row = 4 * block * vectors_per_row + tile * tiling.vectors;
            #[unroll]
            for depth in 0..4usize {
                // The byte goes up to the sign and comes down with it.
                let up = words << Vector::new(comptime!(24 - 8 * depth as i32));
                let gates = up >> Vector::new(24i32);
                #[unroll]
                for v in 0..tiling.vectors {
                    let active = activity[row + depth * vectors_per_row + v];
                    #[unroll]
                    for gate in 0..4usize {
                        sums[comptime!(tiling.sum(gate, v))] += active * Vector::new(gates.extract(gate));
                    }
                }
            }
        }
    }
}

/// Adds up the slices; slice 0 has the whole afterwards. Every thread of the cube must reach this.
#[cube]
pub(super) fn add_slices<N: Size>(sums: &mut Sums<N>, lane: usize, slice: usize, #[comptime] tiling: Tiling) {
    if comptime!(tiling.slices > 1) {
        let len = comptime!(tiling.slices / 2 * tiling.width * tiling.sums());
        let mut shared = Shared::<[Vector<i32, N>]>::new_slice(len);
        #[unroll]
        for fold in 0..comptime!(tiling.slices.ilog2() as usize) {
            let kept = comptime!(tiling.slices >> (fold + 1));
            let stride = comptime!(kept * tiling.width);
            if slice >= kept && slice < comptime!(2 * kept) {
                let place = (slice - kept) * tiling.width + lane;
                #[unroll]
                for i in 0..comptime!(tiling.sums()) {
                    shared[i * stride + place] = sums[i];
                }
            }
            sync_cube();
            if slice < kept {
                let place = slice * tiling.width + lane;
                #[unroll]
                for i in 0..comptime!(tiling.sums()) {
                    sums[i] += shared[i * stride + place];
                }
            }
            sync_cube();
        }
    }
}

#[cube]
pub(super) fn gate<N: Size>(
    sums: &Sums<N>,
    scales: Vector<f32, Const<4>>,
    base: &Array<Vector<f32, N>>,
    #[comptime] gate: usize,
    #[comptime] vector: usize,
    #[comptime] tiling: Tiling,
) -> Vector<f32, N> {
    let i = comptime!(tiling.sum(gate, vector));
    Vector::<f32, N>::cast_from(sums[i]) * Vector::new(scales.extract(gate)) + base[i]
}

/// What is added to the gates, the same for all streams.
#[cube]
pub(super) fn common<N: Size>(
    bias: Vector<f32, Const<4>>,
    #[comptime] tiling: Tiling,
) -> Array<Vector<f32, N>> {
    let mut base = Array::<Vector<f32, N>>::new(comptime!(tiling.sums()));
    #[unroll]
    for gate in 0..4usize {
        #[unroll]
        for v in 0..tiling.vectors {
            base[comptime!(tiling.sum(gate, v))] = Vector::new(bias.extract(gate));
        }
    }
    base
}

/// Logits of the next event.
///
/// # Shapes
/// `weights`, `bias`: groups of four logits where the layers have units; `top`: `[units, streams]`;
/// `logits`: `[streams, LOGIT_COLUMNS]`. Cubes: `[LOGIT_COLUMNS / 4 / width, streams / tile]`.
#[cube(launch_unchecked)]
pub(super) fn head<N: Size>(
    weights: &[Vector<u32, Const<4>>],
    bias: &[Vector<f32, Const<4>>],
    top: &[Vector<i32, N>],
    logits: &mut [f32],
    vectors_per_row: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let lane = UNIT_POS_X as usize;
    let slice = UNIT_POS_Y as usize;
    let groups = comptime!(LOGIT_COLUMNS / 4);
    let wanted = CUBE_POS_X as usize * tiling.width + lane;
    let group = min(wanted, comptime!(groups - 1));
    let tile = CUBE_POS_Y as usize;
    let blocks = comptime!(units / 4);
    let mut sums = zeros::<N>(tiling);
    multiply::<N>(
        &mut sums,
        weights,
        top,
        group,
        slice,
        tile,
        vectors_per_row,
        0usize,
        blocks,
        groups,
        tiling,
    );
    add_slices::<N>(&mut sums, lane, slice, tiling);
    if slice == 0 && wanted < groups {
        let scales = bias[2 * group];
        let base = common::<N>(bias[2 * group + 1], tiling);
        #[unroll]
        for i in 0..4usize {
            #[unroll]
            for v in 0..tiling.vectors {
                let logit = gate::<N>(&sums, scales, &base, i, v, tiling);
                #[unroll]
                for n in 0..N::value() {
                    let stream = (tile * tiling.vectors + v) * N::value() + n;
                    logits[stream * LOGIT_COLUMNS + group * 4 + i] = logit.extract(n);
                }
            }
        }
    }
}
