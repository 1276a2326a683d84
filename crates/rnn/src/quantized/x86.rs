//! Sums with AVX2, and with AVX-512 and its instructions for neural networks.

use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm256_add_epi32, _mm256_cvtepi8_epi16, _mm256_loadu_si256,
    _mm256_madd_epi16, _mm256_set1_epi32, _mm256_setzero_si256, _mm256_storeu_si256, _mm512_add_epi32,
    _mm512_cvtepi8_epi16, _mm512_dpwssd_epi32, _mm512_set1_epi32, _mm512_setzero_si512, _mm512_storeu_si512,
};

use super::dots::{DotKernel, Sums, WithSimd, check};
use super::matrix::{Block, LANES};

/// The caller must have detected AVX2.
pub(super) fn with_avx2(work: impl WithSimd) {
    #[target_feature(enable = "avx2")]
    fn run(work: impl WithSimd) {
        work.run::<Avx2>();
    }
    // SAFETY: `Instructions::available` names this way only where the feature was detected.
    unsafe { run(work) }
}

/// The caller must have detected AVX-512 F, BW, VL and VNNI.
pub(super) fn with_avx512(work: impl WithSimd) {
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512vnni")]
    fn run(work: impl WithSimd) {
        work.run::<Avx512>();
    }
    // SAFETY: `Instructions::available` names this way only where the features were detected.
    unsafe { run(work) }
}

/// Only named inside functions that are entered after AVX2 was detected.
struct Avx2;

impl DotKernel for Avx2 {
    /// Two registers of sums each, beside weights and activations in 16 registers.
    const AT_ONCE: usize = 4;

    #[inline(always)]
    fn dots<const N: usize>(panel: &[Block], rows: [&[i16]; N]) -> [Sums; N] {
        check(panel, &rows);
        // SAFETY: the shapes were just checked; see `Avx2` for the feature.
        unsafe { avx2(panel, rows) }
    }
}

/// # Safety
/// The CPU must have AVX2, and each row the panel's depth.
#[target_feature(enable = "avx2")]
#[inline]
unsafe fn avx2<const N: usize>(panel: &[Block], rows: [&[i16]; N]) -> [Sums; N] {
    let mut acc = [[_mm256_setzero_si256(); 2]; N];
    for (k, block) in panel.iter().enumerate() {
        for pair in 0..2 {
            // SAFETY: a block holds two pairs of 32 weights, and each row four activations for each block.
            unsafe {
                let weights = block.0.as_ptr().add(32 * pair);
                let low = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.cast::<__m128i>()));
                let high = _mm256_cvtepi8_epi16(_mm_loadu_si128(weights.add(16).cast::<__m128i>()));
                for (acc, row) in acc.iter_mut().zip(rows) {
                    let x = row.as_ptr().add(4 * k + 2 * pair).cast::<i32>().read_unaligned();
                    let x = _mm256_set1_epi32(x);
                    acc[0] = _mm256_add_epi32(acc[0], _mm256_madd_epi16(low, x));
                    acc[1] = _mm256_add_epi32(acc[1], _mm256_madd_epi16(high, x));
                }
            }
        }
    }
    acc.map(|acc| {
        let mut sums = [0; LANES];
        let (low, high) = sums.split_at_mut(8);
        // SAFETY: eight sums fit into each half.
        unsafe {
            _mm256_storeu_si256(low.as_mut_ptr().cast::<__m256i>(), acc[0]);
            _mm256_storeu_si256(high.as_mut_ptr().cast::<__m256i>(), acc[1]);
        }
        sums
    })
}

/// Only named inside functions that are entered after the features were detected.
struct Avx512;

impl DotKernel for Avx512 {
    const AT_ONCE: usize = 8;

    #[inline(always)]
    fn dots<const N: usize>(panel: &[Block], rows: [&[i16]; N]) -> [Sums; N] {
        check(panel, &rows);
        // SAFETY: the shapes were just checked; see `Avx512` for the features.
        unsafe { avx512(panel, rows) }
    }
}

/// # Safety
/// The CPU must have AVX-512 F, BW and VNNI; each row must have the panel's depth, and the panel an even
/// number of blocks.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
#[inline]
unsafe fn avx512<const N: usize>(panel: &[Block], rows: [&[i16]; N]) -> [Sums; N] {
    // An addition waits four cycles for the one before it. So each row gets several registers of sums, as far
    // as there are any, and each of them one instruction in turn. The compiler splits longer chains into two
    // instructions each.
    let n_chains = if N < 4 { 4 } else { 2 };
    let mut acc = [[_mm512_setzero_si512(); 4]; N];
    for first in (0..2 * panel.len()).step_by(n_chains) {
        for chain in 0..n_chains {
            let pair = first + chain;
            // SAFETY: a block holds two pairs of 32 weights, each row two activations for each of them, and
            // the number of pairs is a multiple of four.
            unsafe {
                let weights = panel.as_ptr().cast::<i8>().add(32 * pair);
                let weights = _mm512_cvtepi8_epi16(_mm256_loadu_si256(weights.cast::<__m256i>()));
                for (acc, row) in acc.iter_mut().zip(rows) {
                    let x = row.as_ptr().add(2 * pair).cast::<i32>().read_unaligned();
                    acc[chain] = _mm512_dpwssd_epi32(acc[chain], weights, _mm512_set1_epi32(x));
                }
            }
        }
    }
    acc.map(|acc| {
        let sum = _mm512_add_epi32(_mm512_add_epi32(acc[0], acc[1]), _mm512_add_epi32(acc[2], acc[3]));
        let mut sums = [0; LANES];
        // SAFETY: 16 sums fit.
        unsafe { _mm512_storeu_si512(sums.as_mut_ptr().cast(), sum) };
        sums
    })
}
