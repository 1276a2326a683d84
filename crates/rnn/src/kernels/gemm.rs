//! Matrix products of whole crops.

use std::ops::Range;

use super::format::{Format, Rows};
use super::shared::{Detected, Kernel, Shared, chunks, split};
use super::tile::{MAX_ROWS, PANEL, Packed, Simd, Tile, multiply};

/// A row-major matrix, or its transpose.
#[derive(Clone, Copy)]
pub(super) struct Matrix<'a> {
    pub(super) values: &'a [f32],
    pub(super) rows: usize,
    pub(super) columns: usize,
    pub(super) is_transposed: bool,
}

impl<'a> Matrix<'a> {
    pub(super) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        debug_assert_eq!(values.len(), rows * columns);
        Self { values, rows, columns, is_transposed: false }
    }

    pub(super) fn transposed(self) -> Self {
        Self { rows: self.columns, columns: self.rows, is_transposed: !self.is_transposed, ..self }
    }

    /// Rows that are contiguous in memory are copied; a transposed matrix is turned in blocks, so that no
    /// cache line is fetched twice.
    fn as_rows<F: Format>(&self) -> Rows<F> {
        const BLOCK: usize = 16;
        let mut rows = Rows::<F>::zeros(self.rows, self.columns);
        let stride = rows.stride;
        chunks(&mut rows.numbers, BLOCK * stride, |i, numbers| {
            let n = numbers.len() / stride;
            if self.is_transposed {
                for (k, source) in self.values.chunks_exact(self.rows).enumerate() {
                    for (row, &x) in source[i * BLOCK..i * BLOCK + n].iter().enumerate() {
                        numbers[row * stride + k] = F::round(x);
                    }
                }
            } else {
                let source = self.values[i * BLOCK * self.columns..].chunks_exact(self.columns);
                for (numbers, source) in numbers.chunks_exact_mut(stride).zip(source) {
                    for (slot, &x) in numbers.iter_mut().zip(source) {
                        *slot = F::round(x);
                    }
                }
            }
        });
        rows
    }

    pub(super) fn as_panels<F: Format>(&self) -> Packed<F> {
        Packed::new(self.rows, self.columns.div_ceil(PANEL), |p, k, n, block| {
            let width = PANEL.min(self.columns - p * PANEL);
            if self.is_transposed {
                let source = self.values[p * PANEL * self.rows..].chunks_exact(self.rows).take(width);
                for (c, source) in source.enumerate() {
                    for (row, &x) in block.iter_mut().zip(&source[k..k + n]) {
                        row[c] = x;
                    }
                }
            } else {
                let source = self.values[k * self.columns..].chunks_exact(self.columns).take(n);
                for (row, source) in block.iter_mut().zip(source) {
                    row[..width].copy_from_slice(&source[p * PANEL..p * PANEL + width]);
                }
            }
        })
    }
}

/// `a · b`, row-major.
pub(super) fn matmul<F: Detected>(a: Matrix<'_>, b: Matrix<'_>) -> Vec<f32> {
    debug_assert_eq!(a.columns, b.rows);
    let n_columns = b.columns;
    let (rows, packed) = (a.as_rows::<F>(), b.as_panels::<F>());
    let mut out = vec![0.0; a.rows * n_columns];
    let shared = Shared::new(&mut out);
    split(a.rows.div_ceil(MAX_ROWS), |blocks| {
        let range = blocks.start * MAX_ROWS..a.rows.min(blocks.end * MAX_ROWS);
        F::detected(Product { range, rows: &rows, packed: &packed, n_columns, out: &shared });
    });
    out
}

struct Product<'a, F: Format> {
    range: Range<usize>,
    rows: &'a Rows<F>,
    packed: &'a Packed<F>,
    n_columns: usize,
    out: &'a Shared<'a>,
}

impl<F: Format> Kernel<F> for Product<'_, F> {
    #[inline(always)]
    fn run<S: Simd<F>>(self) {
        let mut tile: Tile = [[0.0; PANEL]; MAX_ROWS];
        for p in 0..self.packed.n_panels() {
            let panel = self.packed.panel(p);
            let width = PANEL.min(self.n_columns - p * PANEL);
            for row in self.range.clone().step_by(MAX_ROWS) {
                let n_rows = MAX_ROWS.min(self.range.end - row);
                multiply::<F, S>(self.rows.from(row), self.rows.stride, n_rows, panel, &mut tile);
                for (r, tile) in tile.iter().enumerate().take(n_rows) {
                    // SAFETY: only this thread writes these rows, and no other slice of them is alive.
                    let out = unsafe { self.out.write((row + r) * self.n_columns + p * PANEL, width) };
                    out.copy_from_slice(&tile[..width]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::format::{Bf16, F32};
    use super::*;

    fn check<F: Detected>(m: usize, k: usize, n: usize, tolerance: f32) {
        let a: Vec<f32> = (0..m * k).map(|i| (i * 31 % 17) as f32 / 8.0 - 1.0).collect();
        let b: Vec<f32> = (0..k * n).map(|i| (i * 13 % 23) as f32 / 11.0 - 1.0).collect();
        let expected = |i: usize, j: usize| (0..k).map(|x| a[i * k + x] * b[x * n + j]).sum::<f32>();
        let a_transposed: Vec<f32> = (0..k * m).map(|i| a[i % m * k + i / m]).collect();
        let plain = Matrix::new(&a, m, k);
        let turned = Matrix::new(&a_transposed, k, m).transposed();
        let b_transposed: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
        let b_plain = Matrix::new(&b, k, n);
        let b_turned = Matrix::new(&b_transposed, n, k).transposed();
        for (a, b) in [(plain, b_plain), (turned, b_plain), (plain, b_turned), (turned, b_turned)] {
            let product = matmul::<F>(a, b);
            for i in 0..m {
                for j in 0..n {
                    let (found, expected) = (product[i * n + j], expected(i, j));
                    assert!(
                        (found - expected).abs() < tolerance,
                        "{m}x{k}x{n} [{i}, {j}]: {found}, {expected}"
                    );
                }
            }
        }
    }

    #[test]
    fn products_are_right_at_every_edge() {
        for (m, k, n) in [(1, 1, 1), (6, 2, 64), (7, 3, 65), (13, 31, 130), (24, 128, 63)] {
            check::<F32>(m, k, n, 1e-4);
            check::<Bf16>(m, k, n, 0.02 * (k as f32).sqrt());
        }
    }
}
