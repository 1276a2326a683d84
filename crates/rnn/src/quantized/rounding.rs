//! How numbers are rounded to 8 bits: by column, so that the precision of an output depends on its own weights
//! only.
//!
//! A weight file in 8 bits (`weights::int8`) holds the same integers and the same largest magnitudes. What is
//! read from it and rounded again gives them once more, because `MAX * highest` and its quotient by `MAX` are
//! exact for a `highest` in half precision.

use performance::math::round;

/// Largest magnitude of the integers: -128 would bend the scale.
pub(crate) const MAX: i32 = 127;

/// The same for the matrices of gates, which are most of a network: a bit less than [`MAX`] has. It saves 0.6 MB of
/// 5.9 in the file and costs 0.0005 nats/event (docs/performance.md).
pub(crate) const GATES_MAX: i32 = 63;

/// Columns below this are zeros. The smallest weights that half precision has are 6e-8.
const ZERO: f32 = 1e-30;

/// The largest magnitude in each column of matrices that are stacked in depth.
pub(crate) fn column_maxima(parts: &[&[f32]], width: usize) -> Vec<f32> {
    let mut highest = vec![0.0f32; width];
    for row in parts.iter().flat_map(|part| part.chunks_exact(width)) {
        for (highest, x) in highest.iter_mut().zip(row) {
            *highest = highest.max(x.abs());
        }
    }
    highest
}

/// The factor from a column's numbers to integers within ±`max`.
pub(crate) fn inverse(highest: f32, max: i32) -> f32 {
    if highest > ZERO { max as f32 / highest } else { 0.0 }
}

/// What one is worth in a column.
pub(crate) fn scale(highest: f32, max: i32) -> f32 {
    if highest > ZERO { highest / max as f32 } else { 0.0 }
}

/// The integer of a number.
#[inline(always)]
pub(crate) fn integer(x: f32, inverse: f32) -> i8 {
    round(x * inverse) as i8
}

/// The number of an integer.
#[inline(always)]
pub(crate) fn number(integer: i8, highest: f32, max: i32) -> f32 {
    f32::from(integer) * highest / max as f32
}

/// Replaces numbers by those that 8 bits have for them.
pub(super) fn round_rows(values: &mut [f32], width: usize) {
    let highest = column_maxima(&[values], width);
    let inverses: Vec<f32> = highest.iter().map(|&highest| inverse(highest, MAX)).collect();
    for row in values.chunks_exact_mut(width) {
        for (x, (&highest, &inverse)) in row.iter_mut().zip(highest.iter().zip(&inverses)) {
            *x = number(integer(*x, inverse), highest, MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use half::f16;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// All halves above zero, so nearly all columns that there can be.
        #[test]
        fn rounding_again_changes_nothing(bits in 1u16..0x7c00, share in -1.0f32..1.0) {
            for max in [MAX, GATES_MAX] {
                let highest = f16::from_bits(bits).to_f32();
                let q = integer(share * highest, inverse(highest, max));
                prop_assert_eq!(number(max as i8, highest, max), highest);
                prop_assert_eq!(integer(number(q, highest, max), inverse(highest, max)), q);
            }
        }
    }
}
