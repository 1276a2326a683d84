//! Small matrix products against a weight matrix packed once and used many times.
//!
//! A recurrence multiplies the same matrix at every time step, a few rows at a time: a shape at
//! which general matrix products spend their time repacking. Here the matrix is cut into panels of
//! 64 columns once per crop, and one pass over a panel serves all rows of a batch slice.

/// Columns of a panel: four vectors of 16 lanes.
pub(super) const PANEL: usize = 64;
/// Rows that one register tile covers: 6 × 4 accumulators leave room for weights in 32 registers.
pub(super) const MAX_ROWS: usize = 6;

/// Accumulators of one tile, row by row.
pub(super) type Tile = [[f32; PANEL]; MAX_ROWS];

/// A `[depth, columns]` matrix as panels of 64 columns, padded with zeros.
pub(super) struct Packed {
    panels: Vec<f32>,
    depth: usize,
}

impl Packed {
    /// Packs so that column `c` of panel `p` is `element(k, p * 64 + c)`.
    pub(super) fn new(depth: usize, n_panels: usize, element: impl Fn(usize, usize) -> f32 + Sync) -> Self {
        use rayon::prelude::*;
        let mut panels = vec![0.0; n_panels * depth * PANEL];
        panels.par_chunks_mut(depth * PANEL).enumerate().for_each(|(p, panel)| {
            for (k, row) in panel.chunks_exact_mut(PANEL).enumerate() {
                for (c, slot) in row.iter_mut().enumerate() {
                    *slot = element(k, p * PANEL + c);
                }
            }
        });
        Self { panels, depth }
    }

    /// Panel `p`, `[depth, 64]`.
    pub(super) fn panel(&self, p: usize) -> &[f32] {
        &self.panels[p * self.depth * PANEL..(p + 1) * self.depth * PANEL]
    }

    pub(super) fn n_panels(&self) -> usize {
        self.panels.len() / (self.depth * PANEL)
    }
}

/// `tile[r] = a[r] · panel` for `rows` rows of `a`, which lie `stride` apart.
///
/// # Shapes
/// `a`: `rows` rows of `panel.len() / 64` numbers; `panel`: `[depth, 64]`.
#[inline(always)]
pub(super) fn multiply<S: Simd>(a: &[f32], stride: usize, rows: usize, panel: &[f32], tile: &mut Tile) {
    match rows {
        1 => S::tile::<1>(a, stride, panel, tile),
        2 => S::tile::<2>(a, stride, panel, tile),
        3 => S::tile::<3>(a, stride, panel, tile),
        4 => S::tile::<4>(a, stride, panel, tile),
        5 => S::tile::<5>(a, stride, panel, tile),
        _ => S::tile::<6>(a, stride, panel, tile),
    }
}

/// How one register tile is computed.
pub(super) trait Simd {
    /// `tile[r] = a[r] · panel` for `R` rows.
    fn tile<const R: usize>(a: &[f32], stride: usize, panel: &[f32], tile: &mut Tile);
}

/// Plain Rust, vectorized by the compiler as far as the surrounding function's target features go.
pub(super) struct Portable;

impl Simd for Portable {
    #[inline(always)]
    fn tile<const R: usize>(a: &[f32], stride: usize, panel: &[f32], tile: &mut Tile) {
        // Half a panel and one row at a time: eight 8-lane accumulators at most.
        for (r, out) in tile.iter_mut().enumerate().take(R) {
            let row = &a[r * stride..];
            for half in 0..2 {
                let mut acc = [0.0f32; PANEL / 2];
                for (x, weights) in row.iter().zip(panel.chunks_exact(PANEL)) {
                    let weights = &weights[half * PANEL / 2..(half + 1) * PANEL / 2];
                    for (acc, w) in acc.iter_mut().zip(weights) {
                        *acc += x * w;
                    }
                }
                out[half * PANEL / 2..(half + 1) * PANEL / 2].copy_from_slice(&acc);
            }
        }
    }
}

/// AVX-512: 24 accumulators of 16 lanes, one broadcast and four fused multiply-adds per row and depth.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Simd for Avx512 {
    #[inline(always)]
    fn tile<const R: usize>(a: &[f32], stride: usize, panel: &[f32], tile: &mut Tile) {
        let depth = panel.len() / PANEL;
        assert!(R <= MAX_ROWS && a.len() >= (R - 1) * stride + depth, "tile reads past its rows");
        // SAFETY: the bounds were checked above; `Avx512` is only named inside functions that are
        // entered after `is_x86_feature_detected!("avx512f")`.
        unsafe { avx512_tile::<R>(a.as_ptr(), stride, panel.as_ptr(), depth, tile) }
    }
}

/// # Safety
/// The processor must have AVX-512F; `a` must hold `R` rows of `depth` numbers, `stride` apart, and
/// `panel` `depth * 64` numbers.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
#[inline]
unsafe fn avx512_tile<const R: usize>(
    a: *const f32,
    stride: usize,
    panel: *const f32,
    depth: usize,
    tile: &mut Tile,
) {
    use core::arch::x86_64::{_mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps};
    let mut acc = [[_mm512_setzero_ps(); 4]; R];
    for k in 0..depth {
        // SAFETY: `k < depth`, so all four vectors lie inside the panel and each row holds `k`.
        unsafe {
            let w = panel.add(k * PANEL);
            let w = [
                _mm512_loadu_ps(w),
                _mm512_loadu_ps(w.add(16)),
                _mm512_loadu_ps(w.add(32)),
                _mm512_loadu_ps(w.add(48)),
            ];
            for (r, acc) in acc.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*a.add(r * stride + k));
                for (acc, w) in acc.iter_mut().zip(w) {
                    *acc = _mm512_fmadd_ps(x, w, *acc);
                }
            }
        }
    }
    for (acc, out) in acc.iter().zip(tile) {
        for (v, vector) in acc.iter().enumerate() {
            // SAFETY: a row of the tile holds four vectors of 16.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr().add(v * 16), *vector) }
        }
    }
}
