//! Sums of 8-bit weights times 16-bit activations, in plain Rust and as a trait for other instructions.

use super::matrix::{Block, LANES};

/// Sums of one panel's columns.
pub(super) type Sums = [i32; LANES];

/// A way to compute sums.
pub(super) trait DotKernel {
    /// Largest number of rows that share each load of weights: as many as there are registers for their sums.
    const AT_ONCE: usize;

    /// The products of a panel with `N` rows of activations.
    ///
    /// # Shapes
    /// `panel`: `[depth / 4]` blocks, an even number; `rows`: `N` of `[depth]`.
    fn dots<const N: usize>(panel: &[Block], rows: [&[i16]; N]) -> [Sums; N];
}

/// Something that runs with any of the ways.
pub(super) trait WithSimd {
    fn run<D: DotKernel>(self);
}

/// Plain Rust.
pub(super) struct Portable;

impl DotKernel for Portable {
    const AT_ONCE: usize = 2;

    #[inline(always)]
    fn dots<const N: usize>(panel: &[Block], rows: [&[i16]; N]) -> [Sums; N] {
        let mut sums = [[0; LANES]; N];
        for (k, block) in panel.iter().enumerate() {
            for (pair, weights) in block.0.as_chunks::<{ 2 * LANES }>().0.iter().enumerate() {
                for (sums, row) in sums.iter_mut().zip(rows) {
                    let (a, b) = (i32::from(row[4 * k + 2 * pair]), i32::from(row[4 * k + 2 * pair + 1]));
                    for (sum, w) in sums.iter_mut().zip(weights.as_chunks::<2>().0) {
                        *sum += i32::from(w[0]) * a + i32::from(w[1]) * b;
                    }
                }
            }
        }
        sums
    }
}

/// # Panics
/// Unless each row has the panel's depth and the panel whole pairs of blocks: the kernels read that far.
#[inline(always)]
pub(super) fn check<const N: usize>(panel: &[Block], rows: &[&[i16]; N]) {
    assert!(
        panel.len().is_multiple_of(2) && rows.iter().all(|row| row.len() == 4 * panel.len()),
        "a panel of {} blocks takes rows of four times that",
        panel.len()
    );
}
