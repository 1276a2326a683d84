//! From the sums of a unit's gates to its next state.

use super::matrix::LANES;
use crate::gates::{CELL, FORGET, INPUT, OUTPUT};
use performance::math::{exp, round};

/// Numbers of 16 units: their input gates, forget gates, cell gates, output gates.
pub(super) const GROUP: usize = 4 * LANES;

/// What goes into the gates of 16 units.
pub(super) struct Gates<'a> {
    /// Weights times activations.
    pub(super) sums: &'a [i32; GROUP],
    /// Factor from integer sums to numbers.
    pub(super) scales: &'a [f32; GROUP],
    /// What is added to them.
    pub(super) base: &'a [f32; GROUP],
}

/// The next cell states in place of the last, and the next hidden states with 1 as `one`.
#[inline(always)]
pub(super) fn step(gates: &Gates<'_>, cells: &mut [f32; LANES], hidden: &mut [i16; LANES], one: f32) {
    let Gates { sums, scales, base } = gates;
    // One plain loop without branches, which the compiler vectorizes.
    for lane in 0..LANES {
        let gate = |gate: usize| {
            let i = gate * LANES + lane;
            sums[i] as f32 * scales[i] + base[i]
        };
        let cell = sigmoid(gate(FORGET)) * cells[lane] + sigmoid(gate(INPUT)) * tanh(gate(CELL));
        cells[lane] = cell;
        hidden[lane] = round(sigmoid(gate(OUTPUT)) * tanh(cell) * one) as i16;
    }
}

/// Within 0 to 1, the ends included.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// Within ±1, the ends included.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    1.0 - 2.0 / (1.0 + exp(2.0 * x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gates_are_close_and_within_their_bounds() {
        for i in -3000..=3000 {
            let x = i as f32 / 100.0;
            assert!((f64::from(sigmoid(x)) - 1.0 / (1.0 + f64::from(-x).exp())).abs() < 3e-7, "{x}");
            assert!((f64::from(tanh(x)) - f64::from(x).tanh()).abs() < 3e-7, "{x}");
        }
        for x in [-1e30, -90.0, 90.0, 1e30] {
            assert!((0.0..=1.0).contains(&sigmoid(x)) && (-1.0..=1.0).contains(&tanh(x)), "{x}");
        }
    }
}
