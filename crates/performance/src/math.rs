//! `exp` with the same result on every platform; that of `f32::exp` depends on the platform.
//!
//! It consists of sums and products in a fixed order, none of them fused. So a seed plays the same music in a
//! browser and outside it, with any instruction set. The compiler vectorizes it. `rnn::gpu::math` has the
//! same steps with the same constants. Training has its own (`rnn::kernels::recurrence`) and says why.

/// Adding this rounds to an integer, ties to even, and leaves it in the lowest bits.
const ROUND: f32 = 1.5 * (1 << 23) as f32;

/// Beyond this either way, [`exp`] would leave the range of normal numbers.
pub const EXP_LIMIT: f32 = 87.0;

/// The Taylor series of 2ʳ = e^(r ln 2), highest power first: its next term is below 2⁻²⁵ at |r| = ½.
pub const EXP2: [f32; 8] = [
    1.525_273_4e-5,
    1.540_353_1e-4,
    1.333_355_8e-3,
    9.618_129e-3,
    5.550_411e-2,
    2.402_265e-1,
    6.931_472e-1,
    1.0,
];

/// eˣ, to about 2 units in the last of 24 bits near zero; `x` is taken as within ±87.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // 2ᵗ = 2ⁿ · 2ʳ with integer n and |r| ≤ ½.
    let t = x.clamp(-EXP_LIMIT, EXP_LIMIT) * core::f32::consts::LOG2_E;
    let shifted = t + ROUND;
    let r = t - (shifted - ROUND);
    let [mut sum, factors @ ..] = EXP2;
    for factor in factors {
        sum = sum * r + factor;
    }
    f32::from_bits(sum.to_bits().wrapping_add(shifted.to_bits() << 23))
}

/// The nearest integer, ties to even, of an `x` well within ±2²².
#[inline(always)]
pub fn round(x: f32) -> i32 {
    (x + ROUND).to_bits().wrapping_sub(ROUND.to_bits()) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_close_everywhere() {
        for i in -8700..=8700 {
            let x = i as f32 / 100.0;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            // The error of rounding x · log2 e grows with x.
            let tolerance = (2.0 + f64::from(x.abs())) * f64::from(f32::EPSILON);
            assert!((found / expected - 1.0).abs() < tolerance, "e^{x}: {found}, {expected}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(-1e9) > 0.0 && exp(1e9).is_finite());
    }

    #[test]
    fn rounding_is_to_the_nearest() {
        for (x, expected) in
            [(0.0, 0), (0.5, 0), (1.5, 2), (-0.5, 0), (-1.5, -2), (16383.6, 16384), (-127.4, -127)]
        {
            assert_eq!(round(x), expected, "{x}");
        }
    }
}
