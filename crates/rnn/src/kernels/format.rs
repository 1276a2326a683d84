//! Number formats of matrix products: 32 bits, or 16 bits with sums in 32.

/// How the factors of a product are stored; sums are always in 32 bits.
pub(super) trait Format: Send + Sync + 'static {
    /// One stored number.
    type Number: Copy + Default + Send + Sync + std::fmt::Debug;
    /// Neighbors in depth that lie together, because one instruction multiplies and adds them.
    const GROUP: usize;

    /// Rounds to the nearest stored number.
    fn round(x: f32) -> Self::Number;

    /// The stored number's value.
    fn value(x: Self::Number) -> f32;

    /// Depth rounded up to whole groups; the rest is zeros.
    fn padded(depth: usize) -> usize {
        depth.next_multiple_of(Self::GROUP)
    }
}

/// 32 bits.
#[derive(Debug)]
pub(super) struct F32;

impl Format for F32 {
    type Number = f32;
    const GROUP: usize = 1;

    #[inline(always)]
    fn round(x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn value(x: f32) -> f32 {
        x
    }
}

/// The upper 16 bits of 32: the same range, three digits.
#[derive(Debug)]
pub(super) struct Bf16;

impl Format for Bf16 {
    type Number = u16;
    const GROUP: usize = 2;

    #[inline(always)]
    fn round(x: f32) -> u16 {
        // To nearest, ties to even. Activations and gradients are finite; a NaN may become an infinity,
        // which the loss shows just as well.
        let bits = x.to_bits();
        (bits.wrapping_add(0x7fff + (bits >> 16 & 1)) >> 16) as u16
    }

    #[inline(always)]
    fn value(x: u16) -> f32 {
        f32::from_bits(u32::from(x) << 16)
    }
}

/// A matrix as rows that are contiguous in depth: the left factor of a product.
pub(super) struct Rows<F: Format> {
    /// Row after row, `stride` numbers each.
    pub(super) numbers: Vec<F::Number>,
    /// Depth in whole groups.
    pub(super) stride: usize,
}

impl<F: Format> Rows<F> {
    /// `n_rows` rows of zeros.
    pub(super) fn zeros(n_rows: usize, depth: usize) -> Self {
        let stride = F::padded(depth);
        Self { numbers: vec![F::Number::default(); n_rows * stride], stride }
    }

    /// Everything from row `row` on.
    #[inline(always)]
    pub(super) fn from(&self, row: usize) -> &[F::Number] {
        &self.numbers[row * self.stride..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_round_to_nearest_even() {
        for (x, expected) in
            [(1.0, 1.0), (-2.5, -2.5), (1.0 + 1.0 / 256.0, 1.0), (1.0 + 3.0 / 256.0, 1.015_625), (0.0, 0.0)]
        {
            assert_eq!(Bf16::value(Bf16::round(x)), expected, "{x}");
        }
        for i in 0..1000 {
            let x = (i as f32 - 500.0) * 0.0173;
            assert!((Bf16::value(Bf16::round(x)) - x).abs() <= x.abs() / 256.0, "{x}");
        }
    }
}
