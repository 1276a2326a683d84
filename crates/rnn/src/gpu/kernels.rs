//! The network's kernels in CubeCL: they run as WGSL (browser, Vulkan, Metal) and as CUDA.
//!
//! The network is [`Quantized`](crate::Quantized): weights in 8 bits, activity in up to 15, their sums in 32-bit
//! whole numbers, which come to the same on every device. Gates are computed in the order that processors have,
//! too, so that what may differ is how a device rounds a product that is added or a quotient.
//!
//! Buffers of the network's activity are `[rows, streams]` with the streams of a row side by side, so that
//! a weight is read once for a whole tile of streams. Nothing here needs subgroups, 16-bit arithmetic, more
//! than 256 threads in a cube, 16 KiB of shared memory or eight buffers: the least that WebGPU promises.

use cubecl::prelude::*;

use super::sampler::{HEARD, LAST};

/// Columns of the logit buffer: 413 rounded up to whole groups of four.
pub(super) const LOGIT_COLUMNS: usize = 416;

const N_TOKENS: usize = performance::N_TOKENS;

/// How a matrix product is cut into cubes, fixed when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tiling {
    /// Neighboring units (or groups of four logits) of a cube.
    pub(super) width: usize,
    /// Parts that the rows are dealt out to, a power of two; more hide memory latency, fewer wait less.
    pub(super) slices: usize,
    /// Vectors of streams that share one reading of the weights.
    pub(super) vectors: usize,
}

impl Tiling {
    /// Numbers that one thread adds up.
    fn sums(self) -> usize {
        4 * self.vectors
    }

    /// Where the sum of a gate is.
    fn sum(self, gate: usize, vector: usize) -> usize {
        gate * self.vectors + vector
    }

    /// How many blocks of a product's loop are written out. Several loads under way at once hide a GPU's
    /// latency, but a tile of many streams needs its registers for sums, and a CPU has nothing to hide.
    fn rounds(self, blocks: usize) -> usize {
        let most = if self.slices == 1 { 1 } else { 2 / self.vectors };
        (1..=most).rev().find(|rounds| blocks.is_multiple_of(rounds * self.slices)).unwrap_or(1)
    }
}

/// Four gates of one unit (or four logits) and a tile of streams, in whole numbers: `[4, vectors]`.
type Sums<N> = Array<Vector<i32, N>>;

/// eˣ as `math::exp` has it, step by step, so that a GPU's own is not asked: each has another.
#[cube]
pub(super) fn exp<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let bounded = clamp(x, Vector::new(-87.0f32), Vector::new(87.0f32));
    let t = bounded * Vector::new(std::f32::consts::LOG2_E);
    let n = t.round();
    let r = t - n;
    let mut sum = Vector::<f32, N>::new(1.525_273_4e-5f32);
    sum = sum * r + Vector::new(1.540_353_1e-4f32);
    sum = sum * r + Vector::new(1.333_355_8e-3f32);
    sum = sum * r + Vector::new(9.618_129e-3f32);
    sum = sum * r + Vector::new(5.550_411e-2f32);
    sum = sum * r + Vector::new(2.402_265e-1f32);
    sum = sum * r + Vector::new(6.931_472e-1f32);
    sum = sum * r + Vector::new(1.0f32);
    let exponent = Vector::<i32, N>::cast_from(n) << Vector::new(23i32);
    Vector::<f32, N>::reinterpret(Vector::<i32, N>::reinterpret(sum) + exponent)
}

#[cube]
fn sigmoid<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0f32);
    one / (one + exp::<N>(-x))
}

#[cube]
fn tanh<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0f32);
    let two = Vector::<f32, N>::new(2.0f32);
    one - two / (one + exp::<N>(two * x))
}

#[cube]
fn zeros<N: Size>(#[comptime] tiling: Tiling) -> Sums<N> {
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
fn multiply<N: Size>(
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

/// Adds up the slices; slice 0 has the whole afterwards. Every thread of the cube must get here.
#[cube]
fn add_slices<N: Size>(sums: &mut Sums<N>, lane: usize, slice: usize, #[comptime] tiling: Tiling) {
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

/// The LSTM cell: gates in the order input, forget, cell, output; `cell::step` on processors.
///
/// `base`: what is added to the sums of the gates, `[4, vectors]`; `place`: where the unit and the first of the
/// tile's vectors are in a layer's state.
#[cube]
fn step_cell<N: Size>(
    sums: &Sums<N>,
    scales: Vector<f32, Const<4>>,
    base: &Array<Vector<f32, N>>,
    cell: &mut [Vector<f32, N>],
    hidden: &mut [Vector<i32, N>],
    place: usize,
    #[comptime] one: u32,
    #[comptime] tiling: Tiling,
) {
    #[unroll]
    for v in 0..tiling.vectors {
        let input = sigmoid::<N>(gate::<N>(sums, scales, base, 0usize, v, tiling));
        let forget = sigmoid::<N>(gate::<N>(sums, scales, base, 1usize, v, tiling));
        let candidate = tanh::<N>(gate::<N>(sums, scales, base, 2usize, v, tiling));
        let output = sigmoid::<N>(gate::<N>(sums, scales, base, 3usize, v, tiling));
        let c = forget * cell[place + v] + input * candidate;
        cell[place + v] = c;
        let h = output * tanh::<N>(c) * Vector::new(comptime!(one as f32));
        hidden[place + v] = Vector::<i32, N>::cast_from(h.round());
    }
}

#[cube]
fn gate<N: Size>(
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
fn common<N: Size>(bias: Vector<f32, Const<4>>, #[comptime] tiling: Tiling) -> Array<Vector<f32, N>> {
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

/// Adds row `row` of a table of the first layer in lane `lane` of vector `vector`.
#[cube]
fn add_table_row<N: Size>(
    base: &mut Array<Vector<f32, N>>,
    table: &[Vector<f32, Const<4>>],
    row: usize,
    unit: usize,
    #[comptime] vector: usize,
    #[comptime] lane: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let gates = table[row * units + unit];
    #[unroll]
    for gate in 0..4usize {
        let i = comptime!(tiling.sum(gate, vector));
        let mut sum = base[i];
        let added = sum.extract(lane) + gates.extract(gate);
        sum.insert(lane, added);
        base[i] = sum;
    }
}

/// The first layer: row gathers of what was heard, the controls' share, and the recurrent product.
///
/// # Shapes
/// `weights`: `[units / 4, units]` blocks of four depths of four gates; `table`: `[413 + 128, units]` rows of
/// events, then of sounding pitches, four gates each; `controls`: `[3, units]`, the scales of the four gates, what
/// controls and bias add to those of the first `takes` streams, and what bias and nothing asked add to the rest;
/// `heard`: `[streams, HEARD]`; `last`, `hidden`, `cell`: `[units, streams]`. Cubes: `[units / width, streams / tile]`.
#[cube(launch_unchecked)]
pub(super) fn first_layer<N: Size>(
    weights: &[Vector<u32, Const<4>>],
    table: &[Vector<f32, Const<4>>],
    controls: &[Vector<f32, Const<4>>],
    heard: &[u32],
    last: &[Vector<i32, N>],
    hidden: &mut [Vector<i32, N>],
    cell: &mut [Vector<f32, N>],
    vectors_per_row: usize,
    takes: usize,
    #[comptime] one: u32,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let lane = UNIT_POS_X as usize;
    let slice = UNIT_POS_Y as usize;
    let unit = CUBE_POS_X as usize * tiling.width + lane;
    let tile = CUBE_POS_Y as usize;
    let blocks = comptime!(units / 4);
    let mut base = Array::<Vector<f32, N>>::new(comptime!(tiling.sums()));
    if slice == 0 {
        base = common::<N>(Vector::new(0.0f32), tiling);
        #[unroll]
        for v in 0..tiling.vectors {
            #[unroll]
            for n in 0..N::value() {
                let stream = (tile * tiling.vectors + v) * N::value() + n;
                let asked = if stream < takes { 1usize } else { 2usize };
                add_table_row::<N>(&mut base, controls, asked, unit, v, n, units, tiling);
                let token = heard[stream * HEARD + LAST] as usize;
                add_table_row::<N>(&mut base, table, token, unit, v, n, units, tiling);
                for word in 0..4usize {
                    let mut bits = heard[stream * HEARD + word];
                    while bits != 0 {
                        let row = N_TOKENS + word * 32 + bits.trailing_zeros() as usize;
                        bits &= bits - 1;
                        add_table_row::<N>(&mut base, table, row, unit, v, n, units, tiling);
                    }
                }
            }
        }
    }
    let mut sums = zeros::<N>(tiling);
    multiply::<N>(
        &mut sums,
        weights,
        last,
        unit,
        slice,
        tile,
        vectors_per_row,
        0usize,
        blocks,
        units,
        tiling,
    );
    add_slices::<N>(&mut sums, lane, slice, tiling);
    if slice == 0 {
        let place = unit * vectors_per_row + tile * tiling.vectors;
        step_cell::<N>(&sums, controls[unit], &base, cell, hidden, place, one, tiling);
    }
}

/// A further layer: `[below; last] × weights`, bias and cell in one.
///
/// # Shapes
/// `weights`: depths of the layer below, then the recurrent ones; `bias`: `[units, 2]`, scales and biases of
/// four gates; the rest as in [`first_layer`].
#[cube(launch_unchecked)]
pub(super) fn layer<N: Size>(
    weights: &[Vector<u32, Const<4>>],
    bias: &[Vector<f32, Const<4>>],
    below: &[Vector<i32, N>],
    last: &[Vector<i32, N>],
    hidden: &mut [Vector<i32, N>],
    cell: &mut [Vector<f32, N>],
    vectors_per_row: usize,
    #[comptime] one: u32,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let lane = UNIT_POS_X as usize;
    let slice = UNIT_POS_Y as usize;
    let unit = CUBE_POS_X as usize * tiling.width + lane;
    let tile = CUBE_POS_Y as usize;
    let blocks = comptime!(units / 4);
    let mut sums = zeros::<N>(tiling);
    multiply::<N>(
        &mut sums,
        weights,
        below,
        unit,
        slice,
        tile,
        vectors_per_row,
        0usize,
        blocks,
        units,
        tiling,
    );
    multiply::<N>(
        &mut sums,
        weights,
        last,
        unit,
        slice,
        tile,
        vectors_per_row,
        blocks,
        blocks,
        units,
        tiling,
    );
    add_slices::<N>(&mut sums, lane, slice, tiling);
    if slice == 0 {
        let base = common::<N>(bias[2 * unit + 1], tiling);
        let place = unit * vectors_per_row + tile * tiling.vectors;
        step_cell::<N>(&sums, bias[2 * unit], &base, cell, hidden, place, one, tiling);
    }
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

/// `into` becomes what `from` is: a snapshot kept, or gone back to.
#[cube(launch_unchecked)]
pub(super) fn copy(from: &[u32], into: &mut [u32], len: usize) {
    if ABSOLUTE_POS < len {
        into[ABSOLUTE_POS] = from[ABSOLUTE_POS];
    }
}

/// The streams after the first `takes` become what those are: what happens unconditional begins with what happened.
///
/// # Shapes
/// `buffer`: numbers of a stream `step` apart, streams `stride` apart.
#[cube(launch_unchecked)]
pub(super) fn fork(buffer: &mut [u32], takes: usize, stride: usize, step: usize, numbers: usize) {
    if ABSOLUTE_POS < takes * numbers {
        let from = ABSOLUTE_POS / takes * step + ABSOLUTE_POS % takes * stride;
        buffer[from + takes * stride] = buffer[from];
    }
}

/// Reads a buffer as fast as the device can: four words for each unit and round.
#[cube(launch_unchecked)]
pub(super) fn read_through(
    buffer: &[Vector<u32, Const<4>>],
    sink: &mut [u32],
    vectors: usize,
    stride: usize,
) {
    let mut seen = Vector::<u32, Const<4>>::new(0u32);
    for i in range_stepped(ABSOLUTE_POS, vectors, stride) {
        seen |= buffer[i];
    }
    // The buffer is all zeros, but the compiler does not know.
    let mut any = 0u32;
    #[unroll]
    for i in 0..4usize {
        any |= seen.extract(i);
    }
    if any == 0xffff_fff3 {
        sink[0] = any;
    }
}
