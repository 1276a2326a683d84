//! Small matrix products against a weight matrix packed once and used many times.
//!
//! A recurrence multiplies the same matrix at every time step, a few rows at a time: a shape at
//! which general matrix products spend their time repacking. Here the matrix is cut into panels of
//! 64 columns once per crop, and one pass over a panel serves all rows of a batch slice.

use std::marker::PhantomData;

use super::format::Format;
#[cfg(target_arch = "x86_64")]
use super::format::{Bf16, F32};
use super::shared::chunks;

/// Columns of a panel: four vectors of 16 lanes, or of 4 in the browser.
pub(super) const PANEL: usize = if cfg!(target_family = "wasm") { 16 } else { 64 };
/// Rows that one register tile covers: 6 × 4 accumulators leave room for weights in 32 registers, 4 × 2 in
/// the browser's 16.
pub(super) const MAX_ROWS: usize = if cfg!(target_family = "wasm") { 4 } else { 6 };

/// Accumulators of one tile, row by row.
pub(super) type Tile = [[f32; PANEL]; MAX_ROWS];

/// A `[depth, columns]` matrix as panels of some columns, padded with zeros: the right factor of a product.
pub(super) struct Packed<F: Format> {
    /// Panel after panel, each `[depth / group, PANEL, group]`.
    numbers: Vec<F::Number>,
    panel_len: usize,
    format: PhantomData<F>,
}

/// Depths that are gathered at a time: with a panel's columns they stay in the first-level cache.
const BLOCK: usize = 32;

/// A piece of a panel in 32 bits, `[depth, PANEL]`.
pub(super) type Block = [[f32; PANEL]; BLOCK];

impl<F: Format> Packed<F> {
    /// Packs panels that `gather(p, k, n, block)` fills with depths `k..k + n` of panel `p`.
    pub(super) fn new(
        depth: usize,
        n_panels: usize,
        gather: impl Fn(usize, usize, usize, &mut Block) + Sync,
    ) -> Self {
        let panel_len = F::padded(depth) * PANEL;
        let mut numbers = vec![F::Number::default(); n_panels * panel_len];
        chunks(&mut numbers, panel_len, |p, panel| {
            let mut block: Block = [[0.0; PANEL]; BLOCK];
            for (i, numbers) in panel.chunks_mut(BLOCK * PANEL).enumerate() {
                let n = BLOCK.min(depth - i * BLOCK);
                if n < BLOCK {
                    block = [[0.0; PANEL]; BLOCK];
                }
                gather(p, i * BLOCK, n, &mut block);
                let groups = numbers.chunks_exact_mut(PANEL * F::GROUP);
                for (numbers, rows) in groups.zip(block.chunks_exact(F::GROUP)) {
                    for (c, slots) in numbers.chunks_exact_mut(F::GROUP).enumerate() {
                        for (slot, row) in slots.iter_mut().zip(rows) {
                            *slot = F::round(row[c]);
                        }
                    }
                }
            }
        });
        Self { numbers, panel_len, format: PhantomData }
    }

    /// Panel `p`.
    pub(super) fn panel(&self, p: usize) -> &[F::Number] {
        &self.numbers[p * self.panel_len..(p + 1) * self.panel_len]
    }

    pub(super) fn n_panels(&self) -> usize {
        self.numbers.len() / self.panel_len
    }
}

/// `tile[r] = a[r] · panel` for `n_rows` rows of `a`, which lie `stride` apart.
#[inline(always)]
pub(super) fn multiply<F: Format, S: Simd<F>>(
    a: &[F::Number],
    stride: usize,
    n_rows: usize,
    panel: &[F::Number],
    tile: &mut Tile,
) {
    match n_rows {
        1 => S::tile::<1>(a, stride, panel, tile),
        2 => S::tile::<2>(a, stride, panel, tile),
        3 => S::tile::<3>(a, stride, panel, tile),
        4 => S::tile::<4>(a, stride, panel, tile),
        #[cfg(not(target_family = "wasm"))]
        5 => S::tile::<5>(a, stride, panel, tile),
        _ => S::tile::<MAX_ROWS>(a, stride, panel, tile),
    }
}

/// How one register tile is computed.
pub(super) trait Simd<F: Format> {
    /// `tile[r] = a[r] · panel` for `R` rows.
    fn tile<const R: usize>(a: &[F::Number], stride: usize, panel: &[F::Number], tile: &mut Tile);
}

/// Plain Rust, vectorized by the compiler as far as the surrounding function's target features go.
pub(super) struct Portable;

impl<F: Format> Simd<F> for Portable {
    #[inline(always)]
    fn tile<const R: usize>(a: &[F::Number], stride: usize, panel: &[F::Number], tile: &mut Tile) {
        for (r, out) in tile.iter_mut().enumerate().take(R) {
            let mut acc = [0.0f32; PANEL];
            let row = a[r * stride..].chunks_exact(F::GROUP);
            for (x, weights) in row.zip(panel.chunks_exact(PANEL * F::GROUP)) {
                for (member, &x) in x.iter().enumerate() {
                    let x = F::value(x);
                    for (acc, w) in acc.iter_mut().zip(weights.iter().skip(member).step_by(F::GROUP)) {
                        *acc += x * F::value(*w);
                    }
                }
            }
            *out = acc;
        }
    }
}

/// AVX-512: 24 accumulators of 16 lanes, one broadcast and four multiply-adds per row and group.
#[cfg(target_arch = "x86_64")]
pub(super) struct Avx512;

#[cfg(target_arch = "x86_64")]
impl Simd<F32> for Avx512 {
    #[inline(always)]
    fn tile<const R: usize>(a: &[f32], stride: usize, panel: &[f32], tile: &mut Tile) {
        let depth = panel.len() / PANEL;
        assert!(R <= MAX_ROWS && a.len() >= (R - 1) * stride + depth, "a tile must not read past its rows");
        // SAFETY: the bounds were checked above; `Avx512` is only named inside functions that are
        // entered after the feature was detected.
        unsafe { avx512_tile::<R>(a.as_ptr(), stride, panel.as_ptr(), depth, tile) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Simd<Bf16> for Avx512 {
    #[inline(always)]
    fn tile<const R: usize>(a: &[u16], stride: usize, panel: &[u16], tile: &mut Tile) {
        let depth = panel.len() / PANEL;
        assert!(R <= MAX_ROWS && a.len() >= (R - 1) * stride + depth, "a tile must not read past its rows");
        // SAFETY: as above; the panel's depth is whole pairs.
        unsafe { avx512_bf16_tile::<R>(a.as_ptr(), stride, panel.as_ptr(), depth / 2, tile) }
    }
}

/// # Safety
/// The CPU must have AVX-512F; `a` must hold `R` rows of `depth` numbers, `stride` apart, and `panel` `depth
/// * 64` numbers.
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
    use core::arch::x86_64::{
        _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_set1_ps, _mm512_setzero_ps, _mm512_storeu_ps,
    };
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

/// # Safety
/// The CPU must have AVX512-BF16; `a` must hold `R` rows of `pairs` pairs, `stride` numbers apart, and
/// `panel` `pairs * 64` pairs.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bf16")]
#[inline]
unsafe fn avx512_bf16_tile<const R: usize>(
    a: *const u16,
    stride: usize,
    panel: *const u16,
    pairs: usize,
    tile: &mut Tile,
) {
    use core::arch::x86_64::{
        __m512bh, _mm512_dpbf16_ps, _mm512_loadu_si512, _mm512_set1_epi32, _mm512_setzero_ps,
        _mm512_storeu_ps,
    };
    use core::mem::transmute;
    let mut acc = [[_mm512_setzero_ps(); 4]; R];
    for k in 0..pairs {
        // SAFETY: `k < pairs`, so all four vectors lie inside the panel and each row holds pair `k`.
        unsafe {
            let w = panel.add(k * 2 * PANEL);
            // Pairs are 512 bits without invalid patterns.
            let w: [__m512bh; 4] = transmute([
                _mm512_loadu_si512(w.cast()),
                _mm512_loadu_si512(w.add(32).cast()),
                _mm512_loadu_si512(w.add(64).cast()),
                _mm512_loadu_si512(w.add(96).cast()),
            ]);
            for (r, acc) in acc.iter_mut().enumerate() {
                let pair = a.add(r * stride + 2 * k).cast::<i32>().read_unaligned();
                let x: __m512bh = transmute(_mm512_set1_epi32(pair));
                for (acc, w) in acc.iter_mut().zip(w) {
                    *acc = _mm512_dpbf16_ps(*acc, x, w);
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
