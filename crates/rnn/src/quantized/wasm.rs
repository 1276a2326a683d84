//! Sums with WebAssembly's 128-bit vectors.
//!
//! Not with relaxed ones: `i32x4.relaxed_dot_i8x16_i7x16_add_s` on activations in two digits of 7 bits yields
//! the same sums. But on a CPU without AVX-VNNI (Zen 4, Chromium 156) it took 240 µs for the weights of one
//! event where this takes 185. It would also need a second worker, because a module with relaxed instructions
//! is invalid where they are not known.

use core::arch::wasm32::{
    i16x8_load_extend_i8x8, i32x4_add, i32x4_dot_i16x8, i32x4_extract_lane, i32x4_splat, v128,
    v128_load32_splat,
};

use super::dots::{DotKernel, Sums, check};
use super::matrix::Block;

/// Fixed vectors, which every current browser has.
pub(super) struct Simd128;

impl DotKernel for Simd128 {
    /// Four vectors of sums each, beside weights and activations in the 16 registers that CPUs have.
    const AT_ONCE: usize = 2;

    #[inline(always)]
    fn dots<const N: usize>(panel: &[Block], rows: [&[i16]; N]) -> [Sums; N] {
        check(panel, &rows);
        let mut acc = [[i32x4_splat(0); 4]; N];
        for pair in 0..2 * panel.len() {
            // SAFETY: a block holds two pairs of 32 weights, and each row, as was just checked, two
            // activations for each of them.
            unsafe {
                let weights = panel.as_ptr().cast::<i8>().add(32 * pair);
                let x: [v128; N] =
                    rows.map(|row| v128_load32_splat(row.as_ptr().add(2 * pair).cast::<u32>()));
                for vector in 0..4 {
                    let weights = i16x8_load_extend_i8x8(weights.add(8 * vector));
                    for (acc, x) in acc.iter_mut().zip(x) {
                        acc[vector] = i32x4_add(acc[vector], i32x4_dot_i16x8(weights, x));
                    }
                }
            }
        }
        acc.map(|acc| {
            std::array::from_fn(|lane| {
                let vector = acc[lane / 4];
                match lane % 4 {
                    0 => i32x4_extract_lane::<0>(vector),
                    1 => i32x4_extract_lane::<1>(vector),
                    2 => i32x4_extract_lane::<2>(vector),
                    _ => i32x4_extract_lane::<3>(vector),
                }
            })
        })
    }
}
