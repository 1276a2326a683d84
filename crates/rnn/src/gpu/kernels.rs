//! The network's kernels in CubeCL: they run as WGSL (browser, Vulkan, Metal) and as CUDA.
//!
//! Buffers of the network's activity are `[rows, streams]` with the streams of a row side by side, so that
//! a weight is read once for a whole tile of streams. Nothing here needs subgroups, 16-bit arithmetic, more
//! than 256 threads in a cube, 16 KiB of shared memory or eight buffers: the least that WebGPU promises.

use cubecl::prelude::*;

use super::sampler::{HEARD, LAST};

/// Columns of the score buffer: 413 rounded up to whole groups of four.
pub(super) const SCORE_COLUMNS: usize = 416;

const N_TOKENS: usize = performance::N_TOKENS;

/// How many times too small an unpacked half is, undone by storing activity that much too large: 2^102, an
/// exact power of two (see `pack`).
const HALF_SCALE: f32 = 5.070_602_4e30;

/// How a matrix product is cut into cubes, fixed when a kernel is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Tiling {
    /// Neighboring units (or groups of four scores) of a cube.
    pub(super) width: usize,
    /// Parts that the rows are dealt out to, a power of two; more hide memory latency, fewer wait less.
    pub(super) slices: usize,
    /// Vectors of streams that share one reading of the weights.
    pub(super) vectors: usize,
    /// Whether weights are packed halves, else whole floats.
    pub(super) half: bool,
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

    /// How many rounds of a product's loop are written out. Several loads under way at once hide a GPU's
    /// latency, but a tile of many streams needs its registers for sums, and a CPU has nothing to hide.
    fn rounds(self, pairs: usize) -> usize {
        let most = if self.slices == 1 { 1 } else { 4 / self.vectors };
        (1..=most).rev().find(|rounds| pairs.is_multiple_of(rounds * self.slices)).unwrap_or(1)
    }
}

/// Four gates of one unit (or four scores) and a tile of streams: `[4, vectors]`.
type Sums<N> = Array<Vector<f32, N>>;

#[cube]
fn sigmoid<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let one = Vector::<f32, N>::new(1.0f32);
    // Beyond 30 nothing changes, and exp must not overflow: shaders may not know infinity.
    let bounded = clamp(x, Vector::new(-30.0f32), Vector::new(30.0f32));
    one / (one + (-bounded).exp())
}

#[cube]
fn tanh<N: Size>(x: Vector<f32, N>) -> Vector<f32, N> {
    let two = Vector::<f32, N>::new(2.0f32);
    two * sigmoid::<N>(two * x) - Vector::new(1.0f32)
}

/// The upper halves of four words as floats, `HALF_SCALE` times too small.
#[cube]
fn upper<W: Size>(words: Vector<u32, W>) -> Vector<f32, W> {
    let signed = Vector::<i32, W>::reinterpret(words) >> Vector::new(3i32);
    let bits = Vector::<u32, W>::reinterpret(signed) & Vector::new(0x8fff_e000u32);
    Vector::<f32, W>::reinterpret(bits)
}

/// The lower halves.
#[cube]
fn lower<W: Size>(words: Vector<u32, W>) -> Vector<f32, W> {
    upper::<W>(words << Vector::new(16u32))
}

/// Sums that begin with the bias in slice 0, with zero in the others.
#[cube]
fn begin<N: Size>(
    bias: &[Vector<f32, Const<4>>],
    unit: usize,
    slice: usize,
    #[comptime] tiling: Tiling,
) -> Sums<N> {
    let mut sums = Array::<Vector<f32, N>>::new(comptime!(tiling.sums()));
    let mut base = Vector::<f32, Const<4>>::new(0.0f32);
    if slice == 0 {
        base = bias[unit];
    }
    #[unroll]
    for gate in 0..4usize {
        #[unroll]
        for v in 0..tiling.vectors {
            sums[comptime!(tiling.sum(gate, v))] = Vector::new(base.extract(gate));
        }
    }
    sums
}

/// Adds one row's `activity × gates`.
#[cube]
fn add_row<N: Size>(
    sums: &mut Sums<N>,
    activity: &Array<Vector<f32, N>>,
    gates: Vector<f32, Const<4>>,
    #[comptime] tiling: Tiling,
) {
    #[unroll]
    for gate in 0..4usize {
        #[unroll]
        for v in 0..tiling.vectors {
            sums[comptime!(tiling.sum(gate, v))] += activity[v] * Vector::new(gates.extract(gate));
        }
    }
}

/// Adds this thread's slice of `activity × weights`.
///
/// `first_pair`: where the matrix begins, in pairs of rows; `vectors_per_row`: of the activity.
#[cube]
fn multiply<N: Size>(
    sums: &mut Sums<N>,
    weights: &[Vector<u32, Const<4>>],
    activity: &[Vector<f32, N>],
    unit: usize,
    slice: usize,
    tile: usize,
    vectors_per_row: usize,
    #[comptime] first_pair: usize,
    #[comptime] pairs: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let begin = if comptime!(tiling.slices == 1) { 0usize.runtime() } else { slice };
    let rounds = comptime!(tiling.rounds(pairs));
    let mut even = Array::<Vector<f32, N>>::new(tiling.vectors);
    let mut odd = Array::<Vector<f32, N>>::new(tiling.vectors);
    for step in range_stepped(begin, pairs, comptime!(rounds * tiling.slices)) {
        #[unroll]
        for round in 0..rounds {
            let pair = step + comptime!(round * tiling.slices);
            let row = 2 * pair * vectors_per_row + tile * tiling.vectors;
            #[unroll]
            for v in 0..tiling.vectors {
                even[v] = activity[row + v];
                odd[v] = activity[row + vectors_per_row + v];
            }
            if comptime!(tiling.half) {
                let words = weights[(first_pair + pair) * units + unit];
                add_row::<N>(sums, &even, lower::<Const<4>>(words), tiling);
                add_row::<N>(sums, &odd, upper::<Const<4>>(words), tiling);
            } else {
                let at = 2 * (first_pair + pair) * units + unit;
                let words = Vector::<f32, Const<4>>::reinterpret(weights[at]);
                let next = Vector::<f32, Const<4>>::reinterpret(weights[at + units]);
                add_row::<N>(sums, &even, words, tiling);
                add_row::<N>(sums, &odd, next, tiling);
            }
        }
    }
}

/// Adds up the slices; slice 0 has the whole afterwards. Every thread of the cube must get here.
#[cube]
fn add_slices<N: Size>(sums: &mut Sums<N>, lane: usize, slice: usize, #[comptime] tiling: Tiling) {
    if comptime!(tiling.slices > 1) {
        let len = comptime!(tiling.slices / 2 * tiling.width * tiling.sums());
        let mut shared = Shared::<[Vector<f32, N>]>::new_slice(len);
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

/// The LSTM cell: gates in the order input, forget, cell, output.
///
/// `place`: where the unit and the first of the tile's vectors are in a layer's state.
#[cube]
fn step_cell<N: Size>(
    sums: &Sums<N>,
    cell: &mut [Vector<f32, N>],
    hidden: &mut [Vector<f32, N>],
    place: usize,
    #[comptime] tiling: Tiling,
) {
    #[unroll]
    for v in 0..tiling.vectors {
        let input = sigmoid::<N>(sums[comptime!(tiling.sum(0, v))]);
        let forget = sigmoid::<N>(sums[comptime!(tiling.sum(1, v))]);
        let candidate = tanh::<N>(sums[comptime!(tiling.sum(2, v))]);
        let output = sigmoid::<N>(sums[comptime!(tiling.sum(3, v))]);
        let c = forget * cell[place + v] + input * candidate;
        cell[place + v] = c;
        let scale = if comptime!(tiling.half) { HALF_SCALE } else { 1.0f32 };
        hidden[place + v] = output * tanh::<N>(c) * Vector::new(scale);
    }
}

/// Row `row` of the first layer's table, added to lane `lane` of vector `vector`.
#[cube]
fn add_table_row<N: Size, T: Size>(
    sums: &mut Sums<N>,
    table: &[Vector<u32, T>],
    row: usize,
    unit: usize,
    #[comptime] vector: usize,
    #[comptime] lane: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let words = table[row * units + unit];
    #[unroll]
    for gate in 0..4usize {
        let value = if comptime!(tiling.half) {
            let half = if comptime!(gate % 2 == 0) { lower::<T>(words) } else { upper::<T>(words) };
            half.extract(comptime!(gate / 2)) * HALF_SCALE
        } else {
            Vector::<f32, T>::reinterpret(words).extract(comptime!(if tiling.half { 0 } else { gate }))
        };
        let i = comptime!(tiling.sum(gate, vector));
        let mut sum = sums[i];
        let added = sum.extract(lane) + value;
        sum.insert(lane, added);
        sums[i] = sum;
    }
}

/// The first layer: row gathers of what was heard, the controls' share, and the recurrent product.
///
/// # Shapes
/// `table`: `[413 + 128, units]` rows of events, then of sounding pitches, four gates each; `controls`:
/// `[units]` four gates each, bias included; `heard`: `[streams, HEARD]`; `last`, `hidden`, `cell`:
/// `[rows, streams]`. Cubes: `[units / width, streams / tile]`.
#[cube(launch_unchecked)]
pub(super) fn first_layer<N: Size, T: Size>(
    weights: &[Vector<u32, Const<4>>],
    table: &[Vector<u32, T>],
    controls: &[Vector<f32, Const<4>>],
    heard: &[u32],
    last: &[Vector<f32, N>],
    hidden: &mut [Vector<f32, N>],
    cell: &mut [Vector<f32, N>],
    vectors_per_row: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let lane = UNIT_POS_X as usize;
    let slice = UNIT_POS_Y as usize;
    let wanted = CUBE_POS_X as usize * tiling.width + lane;
    let unit = min(wanted, comptime!(units - 1));
    let tile = CUBE_POS_Y as usize;
    let pairs = comptime!(units.div_ceil(2));
    let mut sums = begin::<N>(controls, unit, slice, tiling);
    if slice == 0 {
        #[unroll]
        for v in 0..tiling.vectors {
            #[unroll]
            for n in 0..N::value() {
                let stream = (tile * tiling.vectors + v) * N::value() + n;
                let token = heard[stream * HEARD + LAST] as usize;
                add_table_row::<N, T>(&mut sums, table, token, unit, v, n, units, tiling);
                for word in 0..4usize {
                    let mut bits = heard[stream * HEARD + word];
                    while bits != 0 {
                        let row = N_TOKENS + word * 32 + bits.trailing_zeros() as usize;
                        bits &= bits - 1;
                        add_table_row::<N, T>(&mut sums, table, row, unit, v, n, units, tiling);
                    }
                }
            }
        }
    }
    multiply::<N>(&mut sums, weights, last, unit, slice, tile, vectors_per_row, 0usize, pairs, units, tiling);
    add_slices::<N>(&mut sums, lane, slice, tiling);
    if slice == 0 && wanted < units {
        step_cell::<N>(&sums, cell, hidden, unit * vectors_per_row + tile * tiling.vectors, tiling);
    }
}

/// A further layer: `[below; last] × weights`, bias and cell in one.
///
/// # Shapes
/// `weights`: rows of the layer below, then the recurrent ones; `bias`: `[units]` four gates each; the rest
/// as in [`first_layer`].
#[cube(launch_unchecked)]
pub(super) fn layer<N: Size>(
    weights: &[Vector<u32, Const<4>>],
    bias: &[Vector<f32, Const<4>>],
    below: &[Vector<f32, N>],
    last: &[Vector<f32, N>],
    hidden: &mut [Vector<f32, N>],
    cell: &mut [Vector<f32, N>],
    vectors_per_row: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let lane = UNIT_POS_X as usize;
    let slice = UNIT_POS_Y as usize;
    let wanted = CUBE_POS_X as usize * tiling.width + lane;
    let unit = min(wanted, comptime!(units - 1));
    let tile = CUBE_POS_Y as usize;
    let pairs = comptime!(units.div_ceil(2));
    let mut sums = begin::<N>(bias, unit, slice, tiling);
    multiply::<N>(
        &mut sums,
        weights,
        below,
        unit,
        slice,
        tile,
        vectors_per_row,
        0usize,
        pairs,
        units,
        tiling,
    );
    multiply::<N>(&mut sums, weights, last, unit, slice, tile, vectors_per_row, pairs, pairs, units, tiling);
    add_slices::<N>(&mut sums, lane, slice, tiling);
    if slice == 0 && wanted < units {
        step_cell::<N>(&sums, cell, hidden, unit * vectors_per_row + tile * tiling.vectors, tiling);
    }
}

/// Scores of the next event.
///
/// # Shapes
/// `weights`, `bias`: groups of four scores where the layers have units; `top`: `[rows, streams]`;
/// `scores`: `[streams, SCORE_COLUMNS]`. Cubes: `[SCORE_COLUMNS / 4 / width, streams / tile]`.
#[cube(launch_unchecked)]
pub(super) fn head<N: Size>(
    weights: &[Vector<u32, Const<4>>],
    bias: &[Vector<f32, Const<4>>],
    top: &[Vector<f32, N>],
    scores: &mut [f32],
    vectors_per_row: usize,
    #[comptime] units: usize,
    #[comptime] tiling: Tiling,
) {
    let lane = UNIT_POS_X as usize;
    let slice = UNIT_POS_Y as usize;
    let groups = comptime!(SCORE_COLUMNS / 4);
    let wanted = CUBE_POS_X as usize * tiling.width + lane;
    let group = min(wanted, comptime!(groups - 1));
    let tile = CUBE_POS_Y as usize;
    let pairs = comptime!(units.div_ceil(2));
    let mut sums = begin::<N>(bias, group, slice, tiling);
    multiply::<N>(
        &mut sums,
        weights,
        top,
        group,
        slice,
        tile,
        vectors_per_row,
        0usize,
        pairs,
        groups,
        tiling,
    );
    add_slices::<N>(&mut sums, lane, slice, tiling);
    if slice == 0 && wanted < groups {
        #[unroll]
        for v in 0..tiling.vectors {
            #[unroll]
            for n in 0..N::value() {
                let stream = (tile * tiling.vectors + v) * N::value() + n;
                #[unroll]
                for i in 0..4usize {
                    scores[stream * SCORE_COLUMNS + group * 4 + i] =
                        sums[comptime!(tiling.sum(i, v))].extract(n);
                }
            }
        }
    }
}

/// `into` becomes what `from` is: a moment kept, or gone back to.
#[cube(launch_unchecked)]
pub(super) fn copy(from: &[u32], into: &mut [u32], len: usize) {
    if ABSOLUTE_POS < len {
        into[ABSOLUTE_POS] = from[ABSOLUTE_POS];
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
