//! Matrices of int8 weights, in panels that are read from front to back.

use super::rounding::{MAX, column_maxima, integer, inverse, scale};
use crate::Error;

/// Columns of a panel.
pub(super) const LANES: usize = 16;
/// Depths of a block: two pairs, since instructions multiply and add in pairs.
pub(super) const DEPTHS: usize = 4;
/// Largest magnitude that a weight file may hold: that of half precision. With it no sum leaves the range of
/// `f32`.
const MAX_VALUE: f32 = 65504.0;

/// One cache line of a panel, `[pair, column, depth in pair]`.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Block(pub(super) [i8; LANES * DEPTHS]);

/// A `[depth, columns]` matrix in 8 bits, with a scale for each column: the precision of an output depends on
/// its own weights only.
#[derive(Debug)]
pub(super) struct Matrix {
    /// Panel after panel, each `[depth / 4]` blocks.
    blocks: Vec<Block>,
    blocks_per_panel: usize,
    /// Factors from integer sums to numbers, `[columns]`.
    scales: Vec<f32>,
}

impl Matrix {
    /// Rounds a matrix. `values` has rows of `width` numbers, and lane `l` of panel `p` is column
    /// `columns_of(p) + l` if `l` is below the returned count.
    ///
    /// `parts` are stacked in depth, each padded to whole `LANES`; they share the columns' scales. The integers are
    /// within ±`max`; a unit of the activations is worth `unit`.
    pub(super) fn new(
        parts: &[&[f32]],
        width: usize,
        n_panels: usize,
        max: i32,
        unit: f32,
        columns_of: impl Fn(usize) -> (usize, usize),
    ) -> Self {
        let highest = column_maxima(parts, width);
        let depths = parts.iter().map(|part| (part.len() / width).next_multiple_of(LANES));
        let blocks_per_panel = depths.sum::<usize>() / DEPTHS;
        let mut blocks = Vec::with_capacity(n_panels * blocks_per_panel);
        let mut scales = vec![0.0; n_panels * LANES];
        for (panel, scales) in scales.chunks_exact_mut(LANES).enumerate() {
            let (first, n) = columns_of(panel);
            let mut inverses = [0.0f32; LANES];
            for (lane, &highest) in highest[first..first + n].iter().enumerate() {
                inverses[lane] = inverse(highest, max);
                scales[lane] = scale(highest, max) * unit;
            }
            for part in parts {
                let n_rows = part.len() / width;
                for depth in (0..n_rows.next_multiple_of(LANES)).step_by(DEPTHS) {
                    let mut block = Block([0; LANES * DEPTHS]);
                    for k in 0..DEPTHS.min(n_rows.saturating_sub(depth)) {
                        let row = &part[(depth + k) * width + first..][..n];
                        for (lane, (&x, &inverse)) in row.iter().zip(&inverses).enumerate() {
                            block.0[k / 2 * 2 * LANES + 2 * lane + k % 2] = integer(x, inverse);
                        }
                    }
                    blocks.push(block);
                }
            }
        }
        Self { blocks, blocks_per_panel, scales }
    }

    /// Rows, counting those that pad.
    #[inline(always)]
    pub(super) fn depth(&self) -> usize {
        self.blocks_per_panel * DEPTHS
    }

    pub(super) fn n_panels(&self) -> usize {
        self.scales.len() / LANES
    }

    /// Panel `p`, `[depth / 4]`.
    #[inline(always)]
    pub(super) fn panel(&self, p: usize) -> &[Block] {
        &self.blocks[p * self.blocks_per_panel..(p + 1) * self.blocks_per_panel]
    }

    /// Factors from panel `p`'s integer sums to numbers.
    #[inline(always)]
    pub(super) fn scales(&self, p: usize) -> &[f32] {
        &self.scales[p * LANES..(p + 1) * LANES]
    }

    /// The same of the four panels of group `g`.
    #[inline(always)]
    pub(super) fn scales_of_group(&self, g: usize) -> &[f32; 4 * LANES] {
        &self.scales.as_chunks().0[g]
    }
}

/// Bits behind the point of the activations, which are within ±1, so that the sum over `depth` products stays
/// in 32 bits whatever the weights are: `127 · 2ᵇ · depth < 2³¹`. 14 of them for up to 1032 units, 10 for the
/// 16384 of the largest layer.
pub(super) fn activation_bits(depth: usize) -> u32 {
    (i32::MAX / MAX / depth.max(1) as i32).ilog2().min(14)
}

/// # Errors
/// If a number is none, or larger than a weight file may hold.
pub(super) fn check(name: &str, values: &[f32]) -> Result<(), Error> {
    match values.iter().find(|x| !(-MAX_VALUE..=MAX_VALUE).contains(x)) {
        Some(&found) => Err(Error::Weight { name: name.to_owned(), found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sum_can_overflow() {
        for (depth, bits) in [(1, 14), (512, 14), (1024, 14), (1040, 13), (2048, 13), (16384, 10)] {
            assert_eq!(activation_bits(depth), bits, "{depth}");
            let largest = i64::from(MAX) * (1 << bits) * depth as i64;
            assert!(largest <= i64::from(i32::MAX), "{depth}: {largest}");
        }
    }

    #[test]
    fn weights_are_rounded_by_column_and_padded() {
        // Two parts of two and one rows, five columns, all in one panel.
        let parts: [&[f32]; 2] =
            [&[1.0, 0.0, -4.0, 0.5, 0.0, -0.5, 0.0, 2.0, 0.5, 0.0], &[0.25, 0.0, 0.0, 0.0, -3e-8]];
        let matrix = Matrix::new(&parts, 5, 1, MAX, 0.5, |_| (0, 5));
        let panel = matrix.panel(0);
        assert_eq!(panel.len(), 8, "each part is padded to 16 depths");
        assert_eq!(panel[0].0[..10], [127, -64, 0, 0, -127, 64, 127, 127, 0, 0]);
        assert_eq!(panel[4].0[..10], [32, 0, 0, 0, 0, 0, 0, 0, -127, 0]);
        assert!(panel[0].0[10..].iter().chain(&panel[1].0).all(|&w| w == 0));
        assert_eq!(matrix.scales(0)[..4], [0.5 / 127.0, 0.0, 2.0 / 127.0, 0.25 / 127.0]);
    }
}
