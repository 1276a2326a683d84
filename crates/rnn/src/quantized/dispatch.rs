//! Which instructions the int8 network runs with.
//!
//! Integer sums do not depend on their order, so all of them agree to the last bit. The choice is made at run
//! time. Training chooses apart from this (`kernels::shared`), and says why.

use super::dots::{Portable, WithSimd};
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
use super::wasm;
#[cfg(target_arch = "x86_64")]
use super::x86;

/// The ways to compute sums that this program was compiled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Instructions {
    /// Plain Rust: the reference, and for CPUs without one of the others.
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
            Self::Simd128 => work.run::<wasm::Simd128>(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => x86::with_avx2(work),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => x86::with_avx512(work),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::dots::{DotKernel, Sums};
    use super::super::matrix::{Block, LANES};
    use super::*;

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
