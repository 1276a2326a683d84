//! Sharing work and buffers between threads, and choosing instructions.
//!
//! `quantized::dispatch` chooses, too, and the two stay apart. There a kernel is one trait without
//! parameters, all choices give the same bits, and each is tested against the others. Here a kernel is made
//! for one of two formats of factors, each with other instructions to look for; the compiler vectorizes plain
//! loops with AVX2 and FMA; and what comes out depends on the choice. A common trait would carry the
//! parameters of both and serve neither; nor are both compiled together in the page, which has no training.

use std::marker::PhantomData;
use std::ops::Range;

use super::format::{Bf16, F32, Format};
#[cfg(not(target_family = "wasm"))]
use super::tile::Portable;
use super::tile::Simd;

/// Runs `work` on consecutive ranges of `0..n`, one per thread. A browser's worker is one thread.
pub(super) fn split(n: usize, work: impl Fn(Range<usize>) + Sync) {
    #[cfg(target_family = "wasm")]
    if n > 0 {
        work(0..n);
    }
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        let share = n.div_ceil(rayon::current_num_threads()).max(1);
        (0..n.div_ceil(share)).into_par_iter().for_each(|i| work(i * share..n.min((i + 1) * share)));
    }
}

/// Runs `work` on chunks of `len` numbers, with each chunk's index.
pub(super) fn chunks<T: Send>(numbers: &mut [T], len: usize, work: impl Fn(usize, &mut [T]) + Sync) {
    #[cfg(target_family = "wasm")]
    numbers.chunks_mut(len).enumerate().for_each(|(i, chunk)| work(i, chunk));
    #[cfg(not(target_family = "wasm"))]
    {
        use rayon::prelude::*;
        numbers.par_chunks_mut(len).enumerate().for_each(|(i, chunk)| work(i, chunk));
    }
}

/// Work that is compiled once per instruction set and chosen at run time.
pub(super) trait Kernel<F: Format> {
    fn run<S: Simd<F>>(self);
}

/// Formats, each knowing the best instructions for it on this machine.
pub(super) trait Detected: Format {
    /// Runs a kernel with the best instructions there are.
    fn detected(kernel: impl Kernel<Self>)
    where
        Self: Sized;
}

#[cfg(target_arch = "x86_64")]
fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512bw")
        && has_avx2()
}

#[cfg(target_arch = "x86_64")]
fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
}

/// With AVX2 where there is that.
#[cfg(not(target_family = "wasm"))]
fn portable<F: Format>(kernel: impl Kernel<F>) {
    #[cfg(target_arch = "x86_64")]
    {
        #[target_feature(enable = "avx2,fma")]
        fn avx2<F: Format>(kernel: impl Kernel<F>) {
            kernel.run::<Portable>();
        }
        if has_avx2() {
            // SAFETY: the features were just detected.
            return unsafe { avx2(kernel) };
        }
    }
    kernel.run::<Portable>();
}

impl Detected for F32 {
    fn detected(kernel: impl Kernel<Self>) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx2,fma")]
            fn avx512(kernel: impl Kernel<F32>) {
                kernel.run::<super::tile::Avx512>();
            }
            if has_avx512() {
                // SAFETY: the features were just detected.
                return unsafe { avx512(kernel) };
            }
        }
        #[cfg(not(target_family = "wasm"))]
        portable(kernel);
        #[cfg(target_family = "wasm")]
        {
            #[cfg_attr(feature = "relaxed-simd", target_feature(enable = "relaxed-simd"))]
            fn vectors(kernel: impl Kernel<F32>) {
                kernel.run::<super::wasm::Wasm>();
            }
            vectors(kernel);
        }
    }
}

impl Detected for Bf16 {
    fn detected(kernel: impl Kernel<Self>) {
        #[cfg(target_arch = "x86_64")]
        {
            #[target_feature(enable = "avx512f,avx512vl,avx512dq,avx512bw,avx512bf16,avx2,fma")]
            fn avx512(kernel: impl Kernel<Bf16>) {
                kernel.run::<super::tile::Avx512>();
            }
            if has_bf16() {
                // SAFETY: the features were just detected.
                return unsafe { avx512(kernel) };
            }
        }
        #[cfg(not(target_family = "wasm"))]
        portable(kernel);
        #[cfg(target_family = "wasm")]
        kernel.run::<super::tile::Portable>();
    }
}

/// Whether 16-bit products are faster than 32-bit ones on this machine.
pub(super) fn has_fast_bf16() -> bool {
    #[cfg(target_arch = "x86_64")]
    return has_bf16() && !is_intel();
    #[cfg(not(target_arch = "x86_64"))]
    false
}

#[cfg(target_arch = "x86_64")]
fn has_bf16() -> bool {
    has_avx512() && is_x86_feature_detected!("avx512bf16")
}

/// Intel multiplies pairs of 16-bit numbers fast in another unit (AMX). The instruction that is used here for
/// them runs at a quarter of the rate of 32-bit ones (Emerald Rapids, 1.3 and 5.3 a nanosecond; on Zen 4 they
/// are as fast). By name and not by the clock, so that a run which is resumed goes on with the same bits.
#[cfg(target_arch = "x86_64")]
fn is_intel() -> bool {
    let vendor = std::arch::x86_64::__cpuid(0);
    [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).concat() == b"GenuineIntel"
}

/// A buffer that threads share, each keeping to rows of its own.
pub(super) struct Shared<'a> {
    start: *mut f32,
    len: usize,
    buffer: PhantomData<&'a mut [f32]>,
}

// SAFETY: access goes through `read` and `write`, whose callers promise disjoint rows per thread.
unsafe impl Sync for Shared<'_> {}

impl<'a> Shared<'a> {
    pub(super) fn new(buffer: &'a mut [f32]) -> Self {
        Self { start: buffer.as_mut_ptr(), len: buffer.len(), buffer: PhantomData }
    }

    /// # Safety
    /// Nobody may write this range while the slice is alive.
    pub(super) unsafe fn read(&self, start: usize, len: usize) -> &[f32] {
        assert!(start + len <= self.len);
        // SAFETY: in bounds; the caller promises that nobody writes.
        unsafe { std::slice::from_raw_parts(self.start.add(start), len) }
    }

    /// # Safety
    /// Nobody else may read or write this range while the slice is alive.
    #[expect(clippy::mut_from_ref, reason = "disjoint rows are the caller's promise")]
    pub(super) unsafe fn write(&self, start: usize, len: usize) -> &mut [f32] {
        assert!(start + len <= self.len);
        // SAFETY: in bounds; the caller promises that nobody else looks.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(start), len) }
    }
}
