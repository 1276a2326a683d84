//! The layers' kernels: a product and the LSTM cell in one.
//!
//! Gates are computed in the order that CPUs have (`quantized::cell`), so that what may differ is how a
//! device rounds a product that is added or a quotient.

use cubecl::prelude::*;

use super::layout::{HEARD, LAST, N_TOKENS};
use super::linear::{Sums, Tiling, add_slices, common, gate, multiply, zeros};
use super::math::{sigmoid, tanh};
use crate::gates::{CELL, FORGET, INPUT, OUTPUT};

/// The LSTM cell; `quantized::cell::step` on CPUs.
///
/// `base`: what is added to the sums of the gates, `[4, vectors]`; `place`: where the unit and the first of
/// the tile's vectors are in a layer's state.
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
        let input = sigmoid::<N>(gate::<N>(sums, scales, base, INPUT, v, tiling));
        let forget = sigmoid::<N>(gate::<N>(sums, scales, base, FORGET, v, tiling));
        let candidate = tanh::<N>(gate::<N>(sums, scales, base, CELL, v, tiling));
        let output = sigmoid::<N>(gate::<N>(sums, scales, base, OUTPUT, v, tiling));
        let c = forget * cell[place + v] + input * candidate;
        cell[place + v] = c;
        let h = output * tanh::<N>(c) * Vector::new(comptime!(one as f32));
        hidden[place + v] = Vector::<i32, N>::cast_from(h.round());
    }
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

/// The first layer: row gathers of the event and sounding pitches, the controls' share, and the recurrent
/// product.
///
/// # Shapes
/// `weights`: `[units / 4, units]` blocks of four depths of four gates; `table`: `[413 + 128, units]` rows of
/// events, then of sounding pitches, four gates each; `controls`: `[3, units]`, the scales of the four gates,
/// what controls and bias add to those of the first `takes` streams, and what unset controls and bias add to
/// the rest; `heard`: `[streams, HEARD]`; `last`, `hidden`, `cell`: `[units, streams]`. Cubes: `[units /
/// width, streams / tile]`.
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
