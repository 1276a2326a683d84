//! One time step of the recurrence as a CubeCL kernel, forwards and backwards.
//!
//! A cube works out a tile of [`ROWS`] batch rows by [`UNITS`] hidden units. Factors go through shared memory
//! in slices of the depth, read by vectors of four, and the next slice is on its way from memory while this
//! one is multiplied. Nothing here needs subgroups, more than 256 threads in a cube, 16 KiB of shared memory
//! or eight buffers: the least that WebGPU promises.

use cubecl::prelude::*;

/// Batch rows of a tile.
pub(super) const ROWS: usize = 32;
/// Hidden units of a tile.
pub(super) const UNITS: usize = 32;
/// Hidden units of a slice of the depth, forwards.
const DEPTH: usize = 16;
/// Units of a slice of the depth of each gate, backwards.
const GATE_DEPTH: usize = 8;

type Four = Vector<f32, Const<4>>;

#[cube]
fn sigmoid(x: f32) -> f32 {
    // Beyond 30 nothing changes, and exp must not overflow: shaders may not know infinity.
    let bounded = clamp(x, -30.0f32, 30.0f32);
    1.0f32 / (1.0f32 + (-bounded).exp())
}

#[cube]
fn tanh(x: f32) -> f32 {
    2.0f32 * sigmoid(2.0f32 * x) - 1.0f32
}

/// Puts the initial states, `n` numbers each, where the states before the first step are read.
#[cube(launch_unchecked)]
pub(super) fn begin(h0: &[f32], c0: &[f32], h: &mut [f32], c: &mut [f32], n: usize) {
    if ABSOLUTE_POS < n {
        h[ABSOLUTE_POS] = h0[ABSOLUTE_POS];
        c[ABSOLUTE_POS] = c0[ABSOLUTE_POS];
    }
}

/// Four numbers of a matrix, `stride` apart; zeros from `end` on, where `at` counts four to one `position`.
#[cube]
fn four(matrix: &[f32], at: usize, stride: usize, position: usize, end: usize, is_inside: bool) -> Four {
    let mut numbers = Four::new(0.0f32);
    #[unroll]
    for i in 0..4usize {
        if is_inside && position + i < end {
            numbers.insert(i, matrix[at + i * stride]);
        }
    }
    numbers
}

/// `h[step + 1], c[step + 1]` from the states before, with the gates on the way.
///
/// # Shapes
/// `xp`, `gates`: `[time, batch, 4 * hidden]`; `w`: `[hidden, 4 * hidden]`; `h`, `c`: `[time + 1, batch,
/// hidden]`. Cubes: `[hidden / UNITS, batch / ROWS]` of `[UNITS, 8]` threads, each with one unit and four
/// rows.
#[cube(launch_unchecked)]
pub(super) fn forward(
    xp: &[f32],
    w: &[f32],
    h: &mut [f32],
    c: &mut [f32],
    gates: &mut [f32],
    step: usize,
    batch: usize,
    hidden: usize,
) {
    let lane = UNIT_POS_X as usize;
    let group = UNIT_POS_Y as usize;
    let first_row = CUBE_POS_Y as usize * ROWS;
    let first_unit = CUBE_POS_X as usize * UNITS;
    let unit = first_unit + lane;
    let before = step * batch * hidden;
    // `[DEPTH, ROWS / 4]`, four rows each, and `[DEPTH, UNITS]`, four gates each.
    let mut factors = Shared::<[Four]>::new_slice(comptime!(DEPTH * ROWS / 4));
    let mut weights = Shared::<[Four]>::new_slice(comptime!(DEPTH * UNITS));

    // Which factors and weights this thread fetches: neighbors in depth, and neighboring units.
    let place = group * UNITS + lane;
    let factor_depth = place % DEPTH;
    let factor_group = place / DEPTH; // up to 16, of which the first 8 fetch
    let factor_row = first_row + 4 * factor_group;
    let does_fetch = factor_group < comptime!(ROWS / 4);

    let mut sums = Array::<Four>::new(4usize);
    #[unroll]
    for r in 0..4usize {
        sums[r] = Four::new(0.0f32);
    }
    let slices = hidden.div_ceil(DEPTH);
    let mut factor = four(
        &*h,
        before + factor_row * hidden + factor_depth,
        hidden,
        factor_row,
        batch,
        does_fetch && factor_depth < hidden,
    );
    let mut near = gates_of(w, group, unit, hidden);
    let mut far = gates_of(w, group + 8, unit, hidden);
    for slice in 0..slices {
        if does_fetch {
            factors[factor_depth * comptime!(ROWS / 4) + factor_group] = factor;
        }
        weights[group * UNITS + lane] = near;
        weights[(group + 8) * UNITS + lane] = far;
        sync_cube();
        let next = (slice + 1) * DEPTH;
        if slice + 1 < slices {
            let k = next + factor_depth;
            factor = four(
                &*h,
                before + factor_row * hidden + k,
                hidden,
                factor_row,
                batch,
                does_fetch && k < hidden,
            );
            near = gates_of(w, next + group, unit, hidden);
            far = gates_of(w, next + group + 8, unit, hidden);
        }
        #[unroll]
        for k in 0..DEPTH {
            let rows = factors[comptime!(k * ROWS / 4) + group];
            let four_gates = weights[comptime!(k * UNITS) + lane];
            #[unroll]
            for r in 0..4usize {
                sums[r] += Four::new(rows.extract(r)) * four_gates;
            }
        }
        sync_cube();
    }

    #[unroll]
    for r in 0..4usize {
        let row = first_row + 4 * group + r;
        if row < batch && unit < hidden {
            let at = (step * batch + row) * hidden + unit;
            let z = 4 * (step * batch + row) * hidden + unit;
            let i = sigmoid(sums[r].extract(0usize) + xp[z]);
            let f = sigmoid(sums[r].extract(1usize) + xp[z + hidden]);
            let g = tanh(sums[r].extract(2usize) + xp[z + 2 * hidden]);
            let o = sigmoid(sums[r].extract(3usize) + xp[z + 3 * hidden]);
            let cell = f * c[at] + i * g;
            let after = at + batch * hidden;
            c[after] = cell;
            h[after] = o * tanh(cell);
            gates[z] = i;
            gates[z + hidden] = f;
            gates[z + 2 * hidden] = g;
            gates[z + 3 * hidden] = o;
        }
    }
}

/// The four gates' weights from unit `k` to unit `unit`; zeros outside.
#[cube]
fn gates_of(w: &[f32], k: usize, unit: usize, hidden: usize) -> Four {
    four(w, 4 * k * hidden + unit, hidden, 0usize, 4usize, k < hidden && unit < hidden)
}

/// The gradients of step `step`'s gates, in place of the gates, and that of the cell before it.
///
/// # Shapes
/// `dh`: `[time, batch, hidden]`; `w`: `[hidden, 4 * hidden]`; `c`: `[time + 1, batch, hidden]`; `gates`:
/// `[time, batch, 4 * hidden]`, gradients from step `step + 1` on; `dc`: `[batch, hidden]`, anything at the
/// last step. Cubes: `[hidden / UNITS, batch / ROWS]` of `[8, 8, 4]` threads: four units, four rows, and one
/// of the gates that the depth is made of.
#[cube(launch_unchecked)]
pub(super) fn backward(
    dh: &[f32],
    w: &[f32],
    c: &[f32],
    gates: &mut [f32],
    dc: &mut [f32],
    step: usize,
    time: usize,
    batch: usize,
    hidden: usize,
) {
    let x = UNIT_POS_X as usize;
    let y = UNIT_POS_Y as usize;
    let gate = UNIT_POS_Z as usize;
    let first_row = CUBE_POS_Y as usize * ROWS;
    let first_unit = CUBE_POS_X as usize * UNITS;
    let is_last = step + 1 == time;
    // First the gates' gradients of four rows and the weights to four units, both `[gate, GATE_DEPTH, 8]`;
    // then, to add up the gates, sums `[gate, row group, row, unit group]` of four units.
    let mut shared = Shared::<[Four]>::new_slice(512usize);
    let place = gate * comptime!(8 * GATE_DEPTH);

    let mut sums = Array::<Four>::new(4usize);
    #[unroll]
    for r in 0..4usize {
        sums[r] = Four::new(0.0f32);
    }
    if !is_last {
        let later = 4 * (step + 1) * batch * hidden + gate * hidden;
        let (row, unit) = (first_row + 4 * y, first_unit + 4 * y);
        let slices = hidden.div_ceil(GATE_DEPTH);
        let mut gradient = four(&*gates, later + 4 * row * hidden + x, 4 * hidden, row, batch, x < hidden);
        let mut weight = four(w, 4 * unit * hidden + gate * hidden + x, 4 * hidden, unit, hidden, x < hidden);
        for slice in 0..slices {
            shared[place + x * 8 + y] = gradient;
            shared[256 + place + x * 8 + y] = weight;
            sync_cube();
            if slice + 1 < slices {
                let k = (slice + 1) * GATE_DEPTH + x;
                gradient = four(&*gates, later + 4 * row * hidden + k, 4 * hidden, row, batch, k < hidden);
                weight = four(w, 4 * unit * hidden + gate * hidden + k, 4 * hidden, unit, hidden, k < hidden);
            }
            #[unroll]
            for k in 0..GATE_DEPTH {
                let rows = shared[place + comptime!(k * 8) + y];
                let units = shared[256 + place + comptime!(k * 8) + x];
                #[unroll]
                for r in 0..4usize {
                    sums[r] += Four::new(rows.extract(r)) * units;
                }
            }
            sync_cube();
        }
    }

    // The gates' shares: 3 and 2 to 1 and 0, then 1 to 0.
    let tile = (y * 4) * 8 + x;
    #[unroll]
    for fold in 0..2usize {
        let kept = comptime!(2usize >> fold);
        if gate >= kept && gate < comptime!(2 * kept) {
            #[unroll]
            for r in 0..4usize {
                shared[(gate - kept) * 256 + tile + comptime!(r * 8)] = sums[r];
            }
        }
        sync_cube();
        if gate < kept {
            #[unroll]
            for r in 0..4usize {
                sums[r] += shared[gate * 256 + tile + comptime!(r * 8)];
            }
        }
        sync_cube();
    }
    // Spread out again, so that neighboring threads have neighboring units in what follows.
    let mut whole = Shared::<[f32]>::new_slice(comptime!(ROWS * UNITS));
    if gate == 0 {
        #[unroll]
        for r in 0..4usize {
            #[unroll]
            for u in 0..4usize {
                whole[(4 * y + r) * UNITS + 4 * x + u] = sums[r].extract(u);
            }
        }
    }
    sync_cube();

    let thread = gate * 64 + y * 8 + x;
    let lane = thread % UNITS;
    let unit = first_unit + lane;
    #[unroll]
    for part in 0..4usize {
        let tile_row = thread / UNITS + comptime!(part * 8);
        let row = first_row + tile_row;
        if row < batch && unit < hidden {
            let at = (step * batch + row) * hidden + unit;
            let z = 4 * (step * batch + row) * hidden + unit;
            let i = gates[z];
            let f = gates[z + hidden];
            let g = gates[z + 2 * hidden];
            let o = gates[z + 3 * hidden];
            let tanh_c = tanh(c[at + batch * hidden]);
            let carried = row * hidden + unit;
            let mut grad_c = 0.0f32;
            if !is_last {
                grad_c = dc[carried];
            }
            let grad_h = dh[at] + whole[tile_row * UNITS + lane];
            grad_c += grad_h * o * (1.0f32 - tanh_c * tanh_c);
            gates[z] = grad_c * g * i * (1.0f32 - i);
            gates[z + hidden] = grad_c * c[at] * f * (1.0f32 - f);
            gates[z + 2 * hidden] = grad_c * i * (1.0f32 - g * g);
            gates[z + 3 * hidden] = grad_h * tanh_c * o * (1.0f32 - o);
            dc[carried] = grad_c * f;
        }
    }
}
