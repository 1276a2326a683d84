//! Sums of 8-bit weights times 16-bit activations, with the instructions that the processor has.
//!
//! Whole numbers add up to the same in any order, so all of these agree to the last bit.

use super::matrix::{Block, LANES};

/// Sums of one panel's columns.
pub(super) type Sums = [i32; LANES];

/// A way to compute sums.
pub(super) trait DotKernel {
    /// So many activations at most go through a panel together, sharing each load of weights: as many as there are
    /// registers for their sums.
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

/// The ways to compute sums that this program was compiled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instructions {
    /// Plain Rust: the reference, and the way on processors that have no other here.
    Portable,
    #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
    Simd128,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    /// What this machine has, the fastest last.
    pub(super) fn available() -> Vec<Self> {
        let mut all = vec![Self::Portable];
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        all.push(Self::Simd128);
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                all.push(Self::Avx2);
            }
            let features = [
                is_x86_feature_detected!("avx512f"),
                is_x86_feature_detected!("avx512bw"),
                is_x86_feature_detected!("avx512vl"),
                is_x86_feature_detected!("avx512vnni"),
            ];
            if features.iter().all(|&has| has) {
                all.push(Self::Avx512);
            }
        }
        all
    }

    /// The fastest that this machine has.
    pub(super) fn fastest() -> Self {
        Self::available().pop().unwrap_or(Self::Portable)
    }

    /// Runs `work` compiled for these instructions.
    pub(super) fn run(self, work: impl WithSimd) {
        match self {
            Self::Portable => work.run::<Portable>(),
            #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
            Self::Simd128 => work.run::<super::wasm::Simd128>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => super::x86::with_avx2(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => super::x86::with_avx512(work),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    struct Compare<'a, const N: usize> {
        panel: &'a [Block],
        rows: [&'a [i16]; N],
        sums: &'a mut [Sums; N],
    }

    impl<const N: usize> WithSimd for Compare<'_, N> {
        fn run<D: DotKernel>(self) {
            *self.sums = D::dots(self.panel, self.rows);
        }
    }

    fn check_all<const N: usize>(panel: &[Block], rows: [&[i16]; N]) {
        // Written as naively as it can be.
        let expected: [Sums; N] = rows.map(|row| {
            std::array::from_fn(|lane| {
                let weight = |k: usize| panel[k / 4].0[k % 4 / 2 * 32 + 2 * lane + k % 2];
                (0..row.len()).map(|k| i32::from(weight(k)) * i32::from(row[k])).sum()
            })
        });
        for instructions in Instructions::available() {
            let mut sums = [[0; LANES]; N];
            instructions.run(Compare { panel, rows, sums: &mut sums });
            assert_eq!(sums, expected, "{instructions:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn all_instructions_agree(
            blocks in 0..40usize,
            seed in any::<u64>(),
            extreme in any::<bool>(),
        ) {
            use rand::{RngExt, SeedableRng};
            let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
            // At the ends of the range the sums come as near to overflowing as they can.
            let mut weight = || if extreme { -127 } else { rng.random_range(-127..=127) };
            let panel: Vec<Block> = (0..2 * blocks).map(|_| Block(std::array::from_fn(|_| weight()))).collect();
            let mut activation = || if extreme { -16384 } else { rng.random_range(-16384..=16384) };
            let rows: Vec<Vec<i16>> =
                (0..8).map(|_| (0..8 * blocks).map(|_| activation()).collect()).collect();
            let rows: [&[i16]; 8] = std::array::from_fn(|n| rows[n].as_slice());
            check_all(&panel, [rows[0]]);
            check_all(&panel, [rows[0], rows[1]]);
            check_all(&panel, [rows[0], rows[1], rows[2], rows[3]]);
            check_all(&panel, rows);
        }
    }
}
