//! The register tile in WebAssembly's vectors of 4 lanes.

use core::arch::wasm32::{f32x4_splat, v128, v128_load, v128_load32_splat, v128_store};

use super::format::F32;
use super::tile::{MAX_ROWS, PANEL, Simd, Tile};

/// Lanes of a vector.
const LANES: usize = 4;
/// Vectors of a row that are summed at a time: 4 rows × 2 sums, two weights, an input and a product fit the 16
/// registers that an engine has. Sums of 3 or 4 vectors would go through memory.
const VECTORS: usize = 2;

/// 128-bit vectors.
pub(super) struct Wasm;

impl Simd<F32> for Wasm {
    #[inline(always)]
    fn tile<const R: usize>(a: &[f32], stride: usize, panel: &[f32], tile: &mut Tile) {
        let depth = panel.len() / PANEL;
        assert!(R <= MAX_ROWS && a.len() >= (R - 1) * stride + depth, "a tile must not read past its rows");
        for column in (0..PANEL).step_by(VECTORS * LANES) {
            // SAFETY: the bounds were checked above, and the columns lie in a row of the panel and of the tile.
            unsafe { columns::<R>(a.as_ptr(), stride, panel.as_ptr(), depth, column, tile) }
        }
    }
}

/// # Safety
/// `a` must hold `R` rows of `depth` numbers, `stride` apart, `panel` `depth * PANEL` numbers, and `column` and
/// the seven after it must be columns of a panel.
#[inline(always)]
unsafe fn columns<const R: usize>(
    a: *const f32,
    stride: usize,
    panel: *const f32,
    depth: usize,
    column: usize,
    tile: &mut Tile,
) {
    let mut sums = [[f32x4_splat(0.0); VECTORS]; R];
    let mut weights = panel.wrapping_add(column);
    for k in 0..depth {
        // SAFETY: `k < depth`, so both vectors lie inside the panel and each row holds `k`.
        unsafe {
            let w: [v128; VECTORS] =
                [v128_load(weights.cast()), v128_load(weights.wrapping_add(LANES).cast())];
            for (r, sums) in sums.iter_mut().enumerate() {
                let x = v128_load32_splat(a.wrapping_add(r * stride + k).cast());
                for (sum, w) in sums.iter_mut().zip(w) {
                    *sum = multiply_add(x, w, *sum);
                }
            }
        }
        weights = weights.wrapping_add(PANEL);
    }
    for (sums, row) in sums.iter().zip(tile) {
        for (v, sum) in sums.iter().enumerate() {
            // SAFETY: the columns lie in the row.
            unsafe { v128_store(row.as_mut_ptr().add(column + v * LANES).cast(), *sum) }
        }
    }
}

/// `x · y + sum`.
#[cfg(not(feature = "relaxed-simd"))]
#[inline(always)]
fn multiply_add(x: v128, y: v128, sum: v128) -> v128 {
    use core::arch::wasm32::{f32x4_add, f32x4_mul};
    f32x4_add(sum, f32x4_mul(x, y))
}

/// `x · y + sum`, rounded once or twice, as the CPU does it fastest.
#[cfg(feature = "relaxed-simd")]
#[inline(always)]
fn multiply_add(x: v128, y: v128, sum: v128) -> v128 {
    core::arch::wasm32::f32x4_relaxed_madd(x, y, sum)
}
